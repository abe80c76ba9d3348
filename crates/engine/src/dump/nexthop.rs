//! Nexthop dumps and single answers (`nh_fill_node`, `nh_fill_res_bucket`).

use fingerpost_model::{
    BucketFilter, NexthopBucket, NexthopGroupEntry, NexthopMsg, Refusal, ResilientGroup, Scope,
};
use fingerpost_net::Errno;

use crate::config::{NexthopKind, NexthopObject};
use crate::namespace::Namespace;
use crate::state::Time;

/// The object with this id.
pub fn get(ns: &Namespace, now: Time, id: u32) -> Result<NexthopMsg, Refusal> {
    if id == 0 {
        return Err(Refusal::with(Errno::EINVAL, "Invalid nexthop id"));
    }
    ns.config.nexthops.get(id).map(|object| message(ns, now, object)).ok_or(Refusal::new(Errno::ENOENT))
}

/// All objects, by id.
pub fn dump(ns: &Namespace, now: Time, each: &mut dyn FnMut(&NexthopMsg)) -> Result<(), Refusal> {
    for object in ns.config.nexthops.by_id.values() {
        each(&message(ns, now, object));
    }
    Ok(())
}

/// An object as the kernel shows it. Of a blackhole neither device nor scope is shown.
fn message(ns: &Namespace, now: Time, object: &NexthopObject) -> NexthopMsg {
    let msg = NexthopMsg {
        id: object.id,
        family: object.family,
        protocol: object.protocol,
        flags: object.flags,
        fdb: object.fdb,
        ..NexthopMsg::default()
    };
    match &object.kind {
        NexthopKind::Group { members, resilient, .. } => {
            let unbalanced_time = Some(ns.state.buckets.unbalanced_time(object.id, now));
            NexthopMsg {
                group: members.iter().map(|m| NexthopGroupEntry { id: m.id, weight: m.weight }).collect(),
                group_type: Some(u16::from(resilient.is_some())),
                resilient: resilient.map(|parameters| ResilientGroup { unbalanced_time, ..parameters }),
                scope: Scope(0),
                ..msg
            }
        }
        NexthopKind::Single(hop) if hop.blackhole => NexthopMsg { blackhole: true, ..msg },
        NexthopKind::Single(hop) => NexthopMsg {
            oif: (hop.dev != 0).then_some(hop.dev),
            scope: hop.scope,
            gateway: hop.gateway,
            encap: hop.encap.clone(),
            ..msg
        },
    }
}

/// One bucket of a resilient group (`rtm_get_nexthop_bucket`).
pub fn bucket(ns: &Namespace, now: Time, group: u32, index: u16) -> Result<NexthopMsg, Refusal> {
    if group == 0 {
        return Err(Refusal::with(Errno::EINVAL, "Invalid nexthop id"));
    }
    let buckets = resilient_group(ns, group)?;
    match buckets.get(usize::from(index)) {
        Some(&member) => Ok(bucket_message(ns, now, group, index, member)),
        None => Err(Refusal::with(Errno::ENOENT, "Bucket index out of bounds")),
    }
}

/// The buckets that pass a filter, by group and number (`rtm_dump_nexthop_bucket`).
pub fn buckets(
    ns: &Namespace,
    now: Time,
    filter: &BucketFilter,
    each: &mut dyn FnMut(&NexthopMsg),
) -> Result<(), Refusal> {
    if let Some(group) = filter.group {
        resilient_group(ns, group)?;
    }
    let ids =
        ns.config.nexthops.by_id.keys().copied().filter(|&id| filter.group.is_none_or(|group| group == id));
    for id in ids {
        let Ok(buckets) = resilient_group(ns, id) else { continue };
        for (index, &member) in (0..).zip(buckets) {
            if passes(ns, filter, member) {
                each(&bucket_message(ns, now, id, index, member));
            }
        }
    }
    Ok(())
}

/// The member that has each bucket of a group (`nexthop_find_group_resilient`).
fn resilient_group(ns: &Namespace, id: u32) -> Result<&[u32], Refusal> {
    match &ns.config.nexthops.get(id).ok_or(Refusal::new(Errno::ENOENT))?.kind {
        NexthopKind::Group { resilient: Some(_), buckets, .. } => Ok(buckets),
        NexthopKind::Group { .. } => Err(Refusal::with(Errno::EINVAL, "Nexthop group not of type resilient")),
        NexthopKind::Single(_) => Err(Refusal::with(Errno::EINVAL, "Not a nexthop group")),
    }
}

/// Whether buckets of a member are wanted (`nh_dump_filtered`).
fn passes(ns: &Namespace, filter: &BucketFilter, member: u32) -> bool {
    if filter.member.is_some_and(|wanted| wanted != member) {
        return false;
    }
    let Some(object) = ns.config.nexthops.get(member) else { return false };
    let NexthopKind::Single(hop) = &object.kind else { return false };
    let master = || ns.config.links.get(hop.dev).and_then(|link| link.master());
    filter.family.is_none_or(|family| object.family == Some(family))
        && filter.dev.is_none_or(|dev| hop.dev == dev)
        && filter.master.is_none_or(|wanted| master() == Some(wanted))
}

fn bucket_message(ns: &Namespace, now: Time, group: u32, index: u16, member: u32) -> NexthopMsg {
    let idle_time = ns.state.buckets.idle_time(group, index, now);
    let bucket = NexthopBucket { index: Some(index), idle_time: Some(idle_time), nh_id: Some(member) };
    NexthopMsg { id: group, bucket: Some(bucket), ..NexthopMsg::default() }
}
