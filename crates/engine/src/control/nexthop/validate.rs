//! What a request for a nexthop object must look like, what it may refer to,
//! and what routes may use.

use std::net::Ipv6Addr;

use fingerpost_model::{NexthopMsg, Refusal, RouteFlags, Scope};
use fingerpost_net::{Errno, Family};

use super::{encap, group, invalid};
use crate::config::{Config, NextHop, NexthopKind, NexthopObject};
use crate::namespace::Env;

/// Checks a request by itself (`rtm_to_nh_config`, in its order).
pub fn check_message(env: Env<'_>, msg: &NexthopMsg) -> Result<(), Refusal> {
    if msg.scope != Scope(0) {
        return Err(invalid("Invalid values in ancillary header"));
    }
    if msg.flags.without(RouteFlags::ONLINK) != RouteFlags(0) {
        return Err(invalid("Invalid nexthop flags in ancillary header"));
    }
    if msg.family.is_none() && msg.group.is_empty() {
        return Err(invalid("Invalid address family"));
    }
    if msg.fdb {
        if msg.oif.is_some() || msg.blackhole || msg.encap.is_some() {
            return Err(invalid("Fdb attribute can not be used with encap, oif or blackhole"));
        }
        if msg.flags != RouteFlags(0) {
            return Err(invalid("Unsupported nexthop flags in ancillary header"));
        }
    }
    if !msg.group.is_empty() {
        return check_group_message(msg);
    }
    if msg.blackhole {
        if msg.gateway.is_some() || msg.oif.is_some() || msg.encap.is_some() {
            return Err(invalid("Blackhole attribute can not be used with gateway, oif, encap or fdb"));
        }
        return Ok(());
    }
    if !msg.fdb && msg.oif.is_none() {
        return Err(invalid("Device attribute required for non-blackhole and non-fdb nexthops"));
    }
    match msg.gateway {
        Some(gateway) if Some(Family::of(gateway)) != msg.family => return Err(invalid("Invalid gateway")),
        None if msg.flags.has(RouteFlags::ONLINK) => {
            return Err(invalid("ONLINK flag can not be set for nexthop without a gateway"));
        }
        _ => {}
    }
    msg.encap.as_ref().map_or(Ok(()), |encap| encap::check_type(env, encap))
}

/// The part for groups (`nh_check_attr_group`, `rtm_to_nh_config_grp_res`).
fn check_group_message(msg: &NexthopMsg) -> Result<(), Refusal> {
    const WEIGHT_MAX: u32 = 0xffff;
    if msg.family.is_some() {
        return Err(invalid("Invalid family for group"));
    }
    if msg.group_type.is_some_and(|kind| kind > group::RESILIENT) {
        return Err(invalid("Invalid group type"));
    }
    for (index, entry) in msg.group.iter().enumerate() {
        if entry.weight == 0 || entry.weight > WEIGHT_MAX {
            return Err(invalid("Invalid value for weight"));
        }
        if msg.group[index + 1..].iter().any(|other| other.id == entry.id) {
            return Err(invalid("Nexthop id can not be used twice in a group"));
        }
    }
    let is_resilient = group::is_resilient(msg);
    let others = msg.blackhole
        || msg.oif.is_some()
        || msg.gateway.is_some()
        || msg.encap.is_some()
        || (msg.resilient.is_some() && !is_resilient);
    if others {
        return Err(invalid("No other attributes can be set in nexthop groups"));
    }
    if is_resilient && msg.resilient.is_some_and(|parameters| parameters.buckets == Some(0)) {
        return Err(invalid("Number of buckets needs to be non-0"));
    }
    Ok(())
}

/// Checks what a request refers to: members of a group, or the device
/// (`rtm_to_nh_config_rtnl`).
pub fn check_references(config: &Config, msg: &NexthopMsg) -> Result<(), Refusal> {
    if !msg.group.is_empty() {
        return check_members(config, msg);
    }
    let Some(index) = msg.oif else { return Ok(()) };
    let Some(link) = config.links.get(index) else { return Err(invalid("Invalid device index")) };
    if !link.is_up() {
        return Err(Refusal::with(Errno::ENETDOWN, "Nexthop device is not up"));
    }
    if !link.has_carrier() {
        return Err(Refusal::with(Errno::ENETDOWN, "Carrier for nexthop device is down"));
    }
    Ok(())
}

/// `nh_check_attr_group_rtnl`.
fn check_members(config: &Config, msg: &NexthopMsg) -> Result<(), Refusal> {
    let mut fdb_family = None;
    for entry in &msg.group {
        let Some(object) = config.nexthops.get(entry.id) else { return Err(invalid("Invalid nexthop id")) };
        match &object.kind {
            NexthopKind::Group { resilient: None, .. } => {
                return Err(invalid("Hash-threshold group can not be a nexthop within a group"));
            }
            NexthopKind::Group { resilient: Some(_), .. } => {
                return Err(invalid("Resilient group can not be a nexthop within a group"));
            }
            NexthopKind::Single(hop) if hop.blackhole && msg.group.len() > 1 => {
                let text = "Blackhole nexthop can not be used in a group with more than 1 path";
                return Err(invalid(text));
            }
            NexthopKind::Single(_) => {}
        }
        match (msg.fdb, object.fdb) {
            (true, false) => return Err(invalid("FDB nexthop group can only have fdb nexthops")),
            (false, true) => return Err(invalid("Non FDB nexthop group cannot have fdb nexthops")),
            (true, true) if *fdb_family.get_or_insert(object.family) != object.family => {
                return Err(invalid("FDB nexthop group cannot have mixed family nexthops"));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether an IPv6 route with this source prefix may use the object with this id
/// (`fib6_check_nexthop`).
pub fn check_for_route6(config: &Config, id: u32, src: Ipv6Addr) -> Result<(), Refusal> {
    let Some(object) = config.nexthops.get(id) else { return Err(invalid("Nexthop id does not exist")) };
    if !src.is_unspecified() {
        return Err(invalid("IPv6 routes using source address can not use nexthop objects"));
    }
    check_object_for_route6(config, object)
}

/// The same for an object that may not be stored yet.
pub fn check_object_for_route6(config: &Config, object: &NexthopObject) -> Result<(), Refusal> {
    let is_v4 = match &object.kind {
        NexthopKind::Single(_) => object.family == Some(Family::V4),
        NexthopKind::Group { members, .. } => members.iter().any(|member| {
            config.nexthops.get(member.id).is_some_and(|object| object.family == Some(Family::V4))
        }),
    };
    if is_v4 {
        return Err(invalid("IPv6 routes can not use an IPv4 nexthop"));
    }
    if object.fdb {
        return Err(invalid("Route cannot point to a fdb nexthop"));
    }
    Ok(())
}

/// Whether an IPv4 route of this scope may use the object with this id
/// (C-065, `fib_check_nexthop`).
pub fn check_for_route(config: &Config, id: u32, scope: Scope) -> Result<(), Refusal> {
    match config.nexthops.get(id) {
        None => Err(invalid("Nexthop id does not exist")),
        Some(object) => check_object_for_route(config, object, scope),
    }
}

/// The same for an object that may not be stored yet.
pub fn check_object_for_route(config: &Config, object: &NexthopObject, scope: Scope) -> Result<(), Refusal> {
    if object.fdb {
        return Err(invalid("Route cannot point to a fdb nexthop"));
    }
    let hop = match &object.kind {
        NexthopKind::Single(hop) => Some(hop),
        NexthopKind::Group { .. } if scope == Scope::HOST => {
            return Err(invalid("Route with host scope can not have multiple nexthops"));
        }
        NexthopKind::Group { members, .. } => {
            let first = members.first().and_then(|member| config.nexthops.get(member.id));
            match first.map(|object| &object.kind) {
                Some(NexthopKind::Single(hop)) => Some(hop),
                _ => None,
            }
        }
    };
    hop.map_or(Ok(()), |hop| check_scope(hop, scope))
}

/// `nexthop_check_scope`.
fn check_scope(hop: &NextHop, scope: Scope) -> Result<(), Refusal> {
    if scope == Scope::HOST && hop.gateway.is_some() {
        return Err(invalid("Route with host scope can not have a gateway"));
    }
    if hop.flags.has(RouteFlags::ONLINK) && scope >= Scope::LINK {
        return Err(invalid("Scope mismatch with nexthop"));
    }
    Ok(())
}
