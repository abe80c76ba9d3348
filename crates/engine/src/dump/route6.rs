//! IPv6 route dumps (`inet6_dump_fib`, `rt6_fill_node`).

use std::net::IpAddr;

use fingerpost_model::{
    MetricKind, NextHopMsg, Refusal, RouteCacheInfo, RouteFilter, RouteFlags, RouteMsg, RouteType, TableId,
};
use fingerpost_net::{Errno, Family, IpPrefix};

use crate::config::{Config, NextHop, NexthopKind, Route6, RtFlags};
use crate::lookup::exception6::Exception6;
use crate::lookup::table6::{hops, ignores_linkdown, legs};
use crate::namespace::Namespace;
use crate::state::Time;

/// Dumps routes table by table, in each as the kernel walks its tree.
pub fn dump(
    ns: &Namespace,
    now: Time,
    filter: &RouteFilter,
    each: &mut dyn FnMut(&RouteMsg),
) -> Result<(), Refusal> {
    let config = &ns.config;
    let wanted = filter.table.filter(|&id| id != TableId::UNSPEC);
    if let Some(id) = wanted
        && config.fib6.table(id).is_none()
    {
        // C-293: only a request for IPv6 alone is refused.
        return match filter.family {
            Some(Family::V6) => Err(Refusal::with(Errno::ENOENT, "ipv6: FIB table does not exist")),
            _ => Ok(()),
        };
    }
    for table in config.fib6.tables.iter().filter(|table| wanted.is_none_or(|id| id == table.id)) {
        for list in table.lists() {
            let mut at = 0;
            while let Some(route) = list.get(at) {
                at += 1;
                if legs(list, route).nth(1).is_some() {
                    // One entry for all legs; what stands between them is left out (C-294).
                    let last = legs(list, route).last().map_or(route.id, |leg| leg.id);
                    at = list.iter().position(|other| other.id == last).map_or(at, |n| n + 1).max(at);
                }
                if filter.cached {
                    learned(ns, now, list, route, filter, each);
                } else if passes(config, list, route, filter) {
                    each(&message(config, now, list, route));
                }
            }
        }
    }
    Ok(())
}

/// What was learned through a route's hops (`ip -6 route show cache`).
fn learned(
    ns: &Namespace,
    now: Time,
    list: &[Route6],
    route: &Route6,
    filter: &RouteFilter,
    each: &mut dyn FnMut(&RouteMsg),
) {
    let all = legs(list, route).chain((!route.is_leg()).then_some(route));
    for leg in all.filter(|leg| passes(&ns.config, &[], leg, filter)) {
        for (member, hop) in hops(&ns.config, leg).enumerate() {
            for (dst, src, known) in ns.state.exceptions6.of_hop(&ns.config, leg, member, now) {
                let mut msg = message(&ns.config, now, &[], leg);
                // The hop is shown, not its object.
                (msg.nh_id, msg.multipath, msg.oif) = (None, Vec::new(), Some(hop.dev));
                msg.dst = Some(IpPrefix::host(IpAddr::V6(dst)));
                // Through a gateway it was learned of all of the route's sources.
                if src != leg.src.addr() {
                    msg.src = Some(IpPrefix::host(IpAddr::V6(src)));
                }
                note_learned(&mut msg, known, now);
                each(&msg);
            }
        }
    }
}

/// Puts what was learned into a route's message.
pub(crate) fn note_learned(msg: &mut RouteMsg, known: &Exception6, now: Time) {
    msg.flags = msg.flags | RouteFlags::CLONED;
    msg.gateway = known.gateway.map(IpAddr::V6);
    if let Some(mtu) = known.mtu {
        msg.metrics.set(MetricKind::MTU, mtu);
    }
    let expires = known.expires.map_or(0, |at| at.0.saturating_sub(now.0) / 10);
    msg.cacheinfo = Some(RouteCacheInfo { expires: expires as i32, ..RouteCacheInfo::default() });
}

fn passes(config: &Config, list: &[Route6], route: &Route6, filter: &RouteFilter) -> bool {
    filter.kind.is_none_or(|kind| kind == 0 || route.kind.0 == kind)
        && filter.protocol.is_none_or(|protocol| protocol == 0 || route.protocol == protocol)
        && filter.oif.is_none_or(|dev| {
            hops(config, route).chain(legs(list, route).map(|leg| &leg.hop)).any(|hop| hop.dev == dev)
        })
}

/// A route as a dump shows it, with the other legs that stand in its list.
pub fn message(config: &Config, now: Time, list: &[Route6], route: &Route6) -> RouteMsg {
    let mut msg = RouteMsg::new(Family::V6);
    let prefix = |prefix: fingerpost_net::Prefix<std::net::Ipv6Addr>| {
        (!prefix.is_default()).then(|| IpPrefix::from(prefix))
    };
    (msg.dst, msg.src) = (prefix(route.dst), prefix(route.src));
    msg.table = route.table;
    msg.kind = route.kind;
    msg.protocol = route.protocol;
    msg.prefsrc = route.prefsrc.map(IpAddr::V6);
    msg.metrics = route.metrics.clone();
    msg.priority = Some(route.metric);
    msg.pref = Some(route.pref.0);
    let mut cacheinfo = RouteCacheInfo::default();
    if route.flags.any(RtFlags::EXPIRES) {
        cacheinfo.expires = ((route.expires.unwrap_or(0) - now.0 as i64) / 10) as i32;
    }
    msg.cacheinfo = Some(cacheinfo);
    let leg = |hop: &NextHop, weight: u32| NextHopMsg {
        oif: hop.dev,
        hops: weight.saturating_sub(1) as u8,
        flags: shown_flags(config, hop),
        gateway: hop.gateway,
        encap: hop.encap.clone(),
        ..NextHopMsg::default()
    };
    let single = |msg: &mut RouteMsg, hop: &NextHop| {
        msg.flags = shown_flags(config, hop);
        msg.oif = (hop.dev != 0).then_some(hop.dev);
        msg.gateway = hop.gateway;
        msg.encap = hop.encap.clone();
    };
    if legs(list, route).nth(1).is_some() {
        // The ring of legs begins with the one that is shown.
        let all: Vec<&Route6> = legs(list, route).collect();
        let at = all.iter().position(|leg| leg.id == route.id).unwrap_or(0);
        let ring = all[at..].iter().chain(&all[..at]);
        msg.multipath = ring.map(|other| leg(&other.hop, other.hop.weight)).collect();
        return msg;
    }
    let Some(id) = route.nh_id else {
        single(&mut msg, &route.hop);
        return msg;
    };
    msg.nh_id = Some(id);
    let Some(object) = config.nexthops.get(id) else { return msg };
    if hops(config, route).next().is_some_and(|hop| hop.blackhole) {
        msg.kind = RouteType::BLACKHOLE;
    }
    if !config.sysctl.nexthop_compat_mode {
        return msg;
    }
    match &object.kind {
        NexthopKind::Single(hop) => single(&mut msg, hop),
        NexthopKind::Group { members, .. } => {
            msg.multipath =
                hops(config, route).zip(members).map(|(hop, member)| leg(hop, member.weight)).collect();
        }
    }
    msg
}

/// The flags of a hop as dumps show them (`fib_nexthop_info`).
fn shown_flags(config: &Config, hop: &NextHop) -> RouteFlags {
    let copied =
        [RouteFlags::DEAD, RouteFlags::LINKDOWN, RouteFlags::ONLINK, RouteFlags::OFFLOAD, RouteFlags::TRAP];
    let flags = copied
        .into_iter()
        .filter(|&flag| hop.flags.has(flag))
        .fold(RouteFlags(0), |flags, flag| flags | flag);
    match flags.has(RouteFlags::LINKDOWN) && ignores_linkdown(config, hop.dev) {
        true => flags | RouteFlags::DEAD,
        false => flags,
    }
}
