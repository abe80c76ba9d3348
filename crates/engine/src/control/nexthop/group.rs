//! Groups of nexthop objects: making, replacing and shrinking them, and each
//! member's share.

use fingerpost_model::{NexthopMsg, Refusal, ResilientGroup};

use super::{invalid, resilient};
use crate::config::{Config, GroupMember, NexthopKind, NexthopObject};
use crate::control::fib_info;
use crate::namespace::Namespace;
use crate::state::{State, Time};

/// `NEXTHOP_GRP_TYPE_RES`.
pub const RESILIENT: u16 = 1;

/// Idle timer of a resilient group that names none, in hundredths of a second.
const DEFAULT_IDLE_TIMER: u32 = 120 * 100;

/// Unbalanced timer of a resilient group that names none: never.
const DEFAULT_UNBALANCED_TIMER: u32 = 0;

/// Whether a request asks for a resilient group.
pub fn is_resilient(msg: &NexthopMsg) -> bool {
    !msg.group.is_empty() && msg.group_type == Some(RESILIENT)
}

/// The group that a request describes, without shares yet
/// (`nexthop_create_group`).
pub fn create(id: u32, msg: &NexthopMsg) -> NexthopObject {
    let member = |entry: &fingerpost_model::NexthopGroupEntry| GroupMember {
        id: entry.id,
        weight: entry.weight,
        upper_bound: 0,
    };
    let given = msg.resilient.unwrap_or_default();
    let resilient = is_resilient(msg).then(|| ResilientGroup {
        buckets: Some(given.buckets.unwrap_or(0)),
        idle_timer: Some(given.idle_timer.unwrap_or(DEFAULT_IDLE_TIMER)),
        unbalanced_timer: Some(given.unbalanced_timer.unwrap_or(DEFAULT_UNBALANCED_TIMER)),
        unbalanced_time: None,
    });
    NexthopObject {
        id,
        protocol: msg.protocol,
        family: None,
        flags: fingerpost_model::RouteFlags(0),
        fdb: msg.fdb,
        kind: NexthopKind::Group {
            members: msg.group.iter().map(member).collect(),
            resilient,
            buckets: Vec::new(),
        },
    }
}

/// The group that comes of replacing `old` as `msg` asks with `new`: the protocol
/// stays, and of a resilient group the buckets and the timers not given
/// (`replace_nexthop_grp`).
pub fn replacement(
    old: &NexthopObject,
    msg: &NexthopMsg,
    new: NexthopObject,
) -> Result<NexthopObject, Refusal> {
    let (
        NexthopKind::Group { resilient: old_parameters, buckets: old_buckets, .. },
        NexthopKind::Group { members, resilient: new_parameters, .. },
    ) = (&old.kind, new.kind)
    else {
        return Err(invalid("Can not replace a nexthop group with a nexthop."));
    };
    if new_parameters.is_some() != old_parameters.is_some() {
        return Err(invalid("Can not replace a nexthop group with one of a different type."));
    }
    let given = msg.resilient.unwrap_or_default();
    let parameters = match *old_parameters {
        Some(old) if given.buckets.is_some() && given.buckets != old.buckets => {
            return Err(invalid("Can not change number of buckets of a resilient nexthop group."));
        }
        Some(old) => Some(ResilientGroup {
            idle_timer: given.idle_timer.or(old.idle_timer),
            unbalanced_timer: given.unbalanced_timer.or(old.unbalanced_timer),
            ..old
        }),
        None => None,
    };
    let kind = NexthopKind::Group { members, resilient: parameters, buckets: old_buckets.clone() };
    Ok(NexthopObject { protocol: old.protocol, kind, ..new })
}

/// Computes the members' shares anew: bounds of the hash (C-068,
/// `nh_hthr_group_rebalance`) or buckets (C-069). Whether members can be used
/// plays no part.
pub fn rebalance(object: &mut NexthopObject, state: &mut State, now: Time) {
    let NexthopKind::Group { members, resilient, buckets } = &mut object.kind else { return };
    match resilient {
        Some(parameters) => {
            *buckets = resilient::fill(object.id, members, parameters, buckets, &mut state.buckets, now);
        }
        None => {
            let bounds = fib_info::upper_bounds(members.iter().map(|member| (member.weight, true)));
            for (member, bound) in members.iter_mut().zip(bounds) {
                member.upper_bound = bound;
            }
        }
    }
}

/// The groups that an object is a member of, by id.
pub fn parents(config: &Config, member: u32) -> Vec<u32> {
    let has_member = |object: &&NexthopObject| match &object.kind {
        NexthopKind::Group { members, .. } => members.iter().any(|m| m.id == member),
        NexthopKind::Single(_) => false,
    };
    config.nexthops.by_id.values().filter(has_member).map(|object| object.id).collect()
}

/// How many members a group has; 0 if it is none.
pub fn size(config: &Config, group: u32) -> usize {
    match config.nexthops.get(group).map(|object| &object.kind) {
        Some(NexthopKind::Group { members, .. }) => members.len(),
        _ => 0,
    }
}

/// Takes a member out of a group that has others (`remove_nh_grp_entry`).
pub fn remove_member(ns: &mut Namespace, group: u32, member: u32, now: Time) {
    let Some(object) = ns.config.nexthops.by_id.get_mut(&group) else { return };
    if let NexthopKind::Group { members, .. } = &mut object.kind {
        members.retain(|m| m.id != member);
    }
    rebalance(object, &mut ns.state, now);
}
