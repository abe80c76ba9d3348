//! Nexthop objects: adding, replacing and deleting them, and losing them when
//! their device goes down (`net/ipv4/nexthop.c`).
//!
//! In stages: what a request must look like and what it may refer to
//! (`validate`), tunnels (`encap`), groups and their shares (`group`), the buckets of resilient
//! groups (`resilient`). Routes that use objects are the concern of
//! [`super::route`].

pub mod encap;
mod group;
mod resilient;
mod validate;

pub use resilient::BucketUse;
pub use validate::{check_for_route, check_for_route6};

use std::net::IpAddr;

use fingerpost_model::{NexthopBucket, NexthopMsg, NlFlags, Refusal, RouteFlags, Scope, TableId};
use fingerpost_net::{Errno, Family};

use super::gateway6::{self, HopRequest};
use super::{gateway, route, route6};
use crate::config::{Config, LOOPBACK, NextHop, NexthopKind, NexthopObject};
use crate::lookup::RouteRef;
use crate::lookup::cache::HopId;
use crate::lookup::exception6::HopId6;
use crate::lookup::source;
use crate::namespace::{Env, Namespace};
use crate::state::State;

/// Adds an object, or replaces one (C-063, C-064, C-066; `rtm_new_nexthop`).
///
/// An id chosen by the kernel is used up even when the object is refused
/// afterwards. CREATE is only looked at together with REPLACE.
pub fn new_nexthop(ns: &mut Namespace, env: Env, flags: NlFlags, msg: &NexthopMsg) -> Result<(), Refusal> {
    validate::check_message(env, msg)?;
    if flags.has(NlFlags::REPLACE) && msg.id == 0 {
        return Err(invalid("Replace requires nexthop id"));
    }
    validate::check_references(&ns.config, msg)?;
    let id = match msg.id {
        0 => unused_id(&mut ns.config)?,
        id => id,
    };
    let new = match msg.group.is_empty() {
        true => single(&ns.config, env, id, msg)?,
        false => group::create(id, msg),
    };
    insert(ns, env, flags, msg, new)
}

/// Deletes an object with the routes that use it, and takes it out of groups
/// (C-066, `rtm_del_nexthop`).
///
/// A message without id and one with id 0 look alike here; the text is that of
/// the latter.
pub fn del_nexthop(ns: &mut Namespace, env: Env, msg: &NexthopMsg) -> Result<(), Refusal> {
    let only_header = NexthopMsg {
        id: msg.id,
        family: msg.family,
        scope: msg.scope,
        protocol: msg.protocol,
        flags: msg.flags,
        ..NexthopMsg::default()
    };
    if *msg != only_header {
        return Err(invalid("Unknown attribute type"));
    }
    if msg.protocol != 0 || msg.scope != Scope(0) || msg.flags != RouteFlags(0) {
        return Err(invalid("Invalid values in header"));
    }
    if msg.id == 0 {
        return Err(invalid("Invalid nexthop id"));
    }
    if ns.config.nexthops.get(msg.id).is_none() {
        return Err(Refusal::new(Errno::ENOENT));
    }
    remove(ns, env, msg.id);
    Ok(())
}

/// Deletes the objects whose device went down, lost its carrier or is being
/// removed; blackholes stay (C-067, `nexthop_flush_dev`).
pub fn device_down(ns: &mut Namespace, env: Env, dev: u32) {
    let nexthops = &ns.config.nexthops;
    let uses_device = |object: &&NexthopObject| match &object.kind {
        NexthopKind::Single(hop) => hop.dev == dev && !hop.blackhole && !object.fdb,
        NexthopKind::Group { .. } => false,
    };
    let mut ids: Vec<u32> = nexthops.by_id.values().filter(uses_device).map(|object| object.id).collect();
    // The device's list begins with the hop made last, which decides the buckets
    // of resilient groups that lose several members.
    ids.sort_by_key(|id| std::cmp::Reverse(nexthops.made.get(id).copied()));
    for id in ids {
        remove(ns, env, id);
    }
}

fn invalid(text: &str) -> Refusal {
    Refusal::with(Errno::EINVAL, text)
}

/// The next id that no object has, counting on from the one given last
/// (`nh_find_unused_id`).
fn unused_id(config: &mut Config) -> Result<u32, Refusal> {
    let nexthops = &mut config.nexthops;
    let start = nexthops.last_auto_id;
    loop {
        nexthops.last_auto_id = nexthops.last_auto_id.wrapping_add(1);
        let id = nexthops.last_auto_id;
        if id == start || id == 0 {
            return Err(invalid("No unused id"));
        }
        if nexthops.get(id).is_none() {
            return Ok(id);
        }
    }
}

/// A single hop, with its gateway resolved (`nexthop_create`).
fn single(config: &Config, env: Env<'_>, id: u32, msg: &NexthopMsg) -> Result<NexthopObject, Refusal> {
    let mut hop = NextHop {
        gateway: gateway_of(msg),
        scope: Scope::LINK,
        flags: msg.flags,
        blackhole: msg.blackhole,
        encap: msg.encap.as_ref().map(encap::build).transpose()?,
        ..NextHop::device(if msg.blackhole { LOOPBACK } else { msg.oif.unwrap_or(0) })
    };
    match msg.family {
        _ if msg.fdb => {}
        Some(Family::V6) => hop = single6(config, env, msg, &hop)?,
        _ => {
            let table = match msg.oif {
                Some(dev) => config.links.l3_table(dev).unwrap_or(TableId::UNSPEC),
                None => TableId::MAIN,
            };
            gateway::check_nh(config, env, table, Scope::UNIVERSE, &mut hop)?;
        }
    }
    Ok(NexthopObject {
        id,
        protocol: msg.protocol,
        family: msg.family,
        flags: hop.flags,
        fdb: msg.fdb,
        kind: NexthopKind::Single(hop),
    })
}

/// A hop of IPv6 (`nexthop_create_ipv6`); a blackhole's is loopback's, which has
/// to be up.
fn single6(config: &Config, env: Env<'_>, msg: &NexthopMsg, hop: &NextHop) -> Result<NextHop, Refusal> {
    let gateway = match hop.gateway {
        Some(IpAddr::V6(gateway)) => Some(gateway),
        _ => None,
    };
    let request = HopRequest {
        table: config.links.l3_table(hop.dev).unwrap_or(TableId::UNSPEC),
        onlink: msg.flags.has(RouteFlags::ONLINK),
        gateway,
        encap: msg.encap.as_ref(),
        ..HopRequest::device(hop.dev)
    };
    let made = gateway6::init(config, env, &request)?;
    Ok(NextHop { scope: Scope::LINK, blackhole: hop.blackhole, ..made })
}

/// Stores an object as a dump shows it, unchecked: what it refers to was
/// checked when it was made.
pub(crate) fn restore(ns: &mut Namespace, env: Env, msg: &NexthopMsg) {
    let mut object = match msg.group.is_empty() {
        false => group::create(msg.id, msg),
        true => NexthopObject {
            id: msg.id,
            protocol: msg.protocol,
            family: msg.family,
            flags: msg.flags,
            fdb: msg.fdb,
            kind: NexthopKind::Single(NextHop {
                gateway: gateway_of(msg),
                scope: if msg.blackhole { Scope::HOST } else { msg.scope },
                flags: msg.flags,
                blackhole: msg.blackhole,
                encap: msg.encap.clone(),
                ..NextHop::device(if msg.blackhole { LOOPBACK } else { msg.oif.unwrap_or(0) })
            }),
        },
    };
    group::rebalance(&mut object, &mut ns.state, env.now);
    let unbalanced = msg.resilient.and_then(|shown| shown.unbalanced_time).unwrap_or(0);
    ns.state.buckets.restore_group(msg.id, unbalanced, env.now);
    store(ns, object);
}

/// Gives a bucket of a restored group to the member that a dump shows.
pub(crate) fn restore_bucket(ns: &mut Namespace, env: Env, group: u32, shown: NexthopBucket) -> Option<()> {
    let object = ns.config.nexthops.by_id.get_mut(&group)?;
    let NexthopKind::Group { buckets, resilient: Some(_), .. } = &mut object.kind else { return None };
    let (index, member) = (shown.index?, shown.nh_id?);
    *buckets.get_mut(usize::from(index))? = member;
    ns.state.buckets.restore_bucket(group, index, shown.idle_time.unwrap_or(0), env.now);
    Some(())
}

/// A gateway of zeros is none (C-047); an IPv6 entry for the bridge forwarding
/// database always has one, if only of zeros.
fn gateway_of(msg: &NexthopMsg) -> Option<IpAddr> {
    match msg.family {
        Some(Family::V6) if msg.fdb => Some(msg.gateway.unwrap_or(Family::V6.unspecified())),
        _ => msg.gateway.filter(|gateway| !gateway.is_unspecified()),
    }
}

/// Puts an object that is right in itself among the others (`insert_nexthop`).
fn insert(
    ns: &mut Namespace,
    env: Env,
    flags: NlFlags,
    msg: &NexthopMsg,
    mut new: NexthopObject,
) -> Result<(), Refusal> {
    let id = new.id;
    match ns.config.nexthops.get(id) {
        Some(_) if flags.has(NlFlags::REPLACE) => return replace(ns, env, msg, new),
        Some(_) => return Err(Refusal::new(Errno::EEXIST)),
        None if flags.has(NlFlags::REPLACE) && !flags.has(NlFlags::CREATE) => {
            let text = "Replace specified without create and no entry exists";
            return Err(Refusal::with(Errno::ENOENT, text));
        }
        None => {}
    }
    if group::is_resilient(msg) && msg.resilient.and_then(|parameters| parameters.buckets).is_none() {
        return Err(invalid("Number of buckets not specified for nexthop group insertion"));
    }
    group::rebalance(&mut new, &mut ns.state, env.now);
    store(ns, new);
    Ok(())
}

/// Changes an object and with it all routes and groups that use it
/// (C-066, `replace_nexthop`).
fn replace(ns: &mut Namespace, env: Env, msg: &NexthopMsg, new: NexthopObject) -> Result<(), Refusal> {
    let id = new.id;
    let config = &ns.config;
    check_users(config, id, &new)?;
    let parents = group::parents(config, id);
    for &parent in &parents {
        let is_blackhole = matches!(&new.kind, NexthopKind::Single(hop) if hop.blackhole);
        if is_blackhole && group::size(config, parent) > 1 {
            let text = "Blackhole nexthop can not be a member of a group with more than one path";
            return Err(invalid(text));
        }
        check_users(config, parent, &new)?;
    }
    let Some(old) = config.nexthops.get(id) else { return Err(Refusal::new(Errno::ENOENT)) };
    let new = match (&old.kind, &new.kind) {
        (NexthopKind::Group { .. }, NexthopKind::Single(_)) => {
            return Err(invalid("Can not replace a nexthop group with a nexthop."));
        }
        (NexthopKind::Single(_), NexthopKind::Group { .. }) => {
            return Err(invalid("Can not replace a nexthop with a nexthop group."));
        }
        (NexthopKind::Single(_), NexthopKind::Single(_)) => {
            if !parents.is_empty() && new.fdb != old.fdb {
                return Err(invalid("Cannot change nexthop FDB status while in a group"));
            }
            new
        }
        (NexthopKind::Group { .. }, NexthopKind::Group { .. }) => {
            let mut merged = group::replacement(old, msg, new)?;
            group::rebalance(&mut merged, &mut ns.state, env.now);
            merged
        }
    };
    store(ns, new);
    if routes_use(&ns.config, id) {
        route::nexthop_replaced(ns);
    }
    let routes6 = ns.config.fib6.tables.iter().flat_map(|table| table.routes());
    let users: Vec<_> = routes6.filter(|route| route.nh_id == Some(id)).map(RouteRef::to).collect();
    for user in users {
        ns.config.fib6.renew_alone(user.table, user.dst);
    }
    Ok(())
}

/// Whether the routes that use an object can use `new` in its place
/// (`fib_check_nh_list`).
fn check_users(config: &Config, id: u32, new: &NexthopObject) -> Result<(), Refusal> {
    let users = config.fib.infos.iter().flatten().filter(|info| info.nh_id == Some(id));
    users.into_iter().try_for_each(|info| validate::check_object_for_route(config, new, info.scope))?;
    match routes6_use(config, id) {
        true => validate::check_object_for_route6(config, new),
        false => Ok(()),
    }
}

fn routes_use(config: &Config, id: u32) -> bool {
    config.fib.infos.iter().flatten().any(|info| info.nh_id == Some(id))
}

fn routes6_use(config: &Config, id: u32) -> bool {
    config.fib6.tables.iter().flat_map(|table| table.routes()).any(|route| route.nh_id == Some(id))
}

/// Stores an object under its id; what is remembered of an older one is void.
fn store(ns: &mut Namespace, object: NexthopObject) {
    let nexthops = &mut ns.config.nexthops;
    if matches!(object.kind, NexthopKind::Single(_)) {
        nexthops.last_made += 1;
        nexthops.made.insert(object.id, nexthops.last_made);
    }
    forget_decisions(&mut ns.state, object.id);
    if let (NexthopKind::Single(hop), Some(Family::V4)) = (&object.kind, object.family) {
        let (addr, _) = source::of_hop(&ns.config, hop, source::scope_of_object(hop));
        source::remember(&ns.config, &mut ns.state, HopId::Object(object.id), addr);
    }
    ns.config.nexthops.by_id.insert(object.id, object);
}

/// Removes an object: its routes, then its places in groups; groups that lose
/// their last member go as well (`remove_nexthop`).
fn remove(ns: &mut Namespace, env: Env, id: u32) {
    route::routes_by_nexthop_deleted(ns, id);
    route6::routes_by_nexthop_deleted(ns, id);
    for parent in group::parents(&ns.config, id) {
        if group::size(&ns.config, parent) == 1 {
            remove(ns, env, parent);
        } else {
            group::remove_member(ns, parent, id, env.now);
        }
    }
    ns.config.nexthops.by_id.remove(&id);
    ns.config.nexthops.made.remove(&id);
    ns.state.buckets.forget(id);
    forget_decisions(&mut ns.state, id);
}

/// Decisions and exceptions are kept with the hop that they go through and
/// vanish with it.
fn forget_decisions(state: &mut State, id: u32) {
    let gone = HopId::Object(id);
    state.cache.output.remove(&gone);
    state.cache.input.remove(&gone);
    state.cache.sources.remove(&gone);
    state.exceptions.retain(|hop| hop != gone);
    state.exceptions6.retain(|hop, _| hop != HopId6::Object(id));
}
