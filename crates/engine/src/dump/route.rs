//! Route dumps (`inet_dump_fib`, `fib_dump_info`).

use std::net::{IpAddr, Ipv4Addr};

use fingerpost_model::{
    MetricKind, NextHopMsg, Refusal, RouteCacheInfo, RouteFilter, RouteFlags, RouteMsg, RouteType, TableId,
};
use fingerpost_net::{Errno, Family, IpPrefix, Prefix};

use crate::config::{Alias, Config, NextHop};
use crate::lookup::FibResult;
use crate::lookup::cache::HopId;
use crate::lookup::table::ignores_linkdown;
use crate::namespace::Namespace;
use crate::state::Time;

/// Dumps routes of IPv4, then of IPv6, table by table in the kernel's order.
pub fn dump(
    ns: &Namespace,
    now: Time,
    filter: &RouteFilter,
    each: &mut dyn FnMut(&RouteMsg),
) -> Result<(), Refusal> {
    if filter.family != Some(Family::V6) {
        dump4(ns, now, filter, each)?;
    }
    if filter.family != Some(Family::V4) {
        super::route6::dump(ns, now, filter, each)?;
    }
    Ok(())
}

fn dump4(
    ns: &Namespace,
    now: Time,
    filter: &RouteFilter,
    each: &mut dyn FnMut(&RouteMsg),
) -> Result<(), Refusal> {
    let config = &ns.config;
    if let Some(id) = filter.table
        && config.fib.table(id).is_none()
    {
        // C-005: only a request for IPv4 alone is refused.
        return match filter.family {
            Some(Family::V4) => Err(Refusal::with(Errno::ENOENT, "ipv4: FIB table does not exist")),
            _ => Ok(()),
        };
    }
    for table in config.fib.tables.iter().filter(|table| filter.table.is_none_or(|id| id == table.id)) {
        for (key, alias) in config.fib.trie(table).iter().filter(|(_, alias)| alias.table == table.id) {
            if !passes(config, alias, filter) {
                continue;
            }
            if filter.cached {
                exceptions(ns, now, alias, each);
            } else {
                let prefix = Prefix::containing(key, alias.len).unwrap_or(Prefix::DEFAULT);
                each(&message(config, alias, prefix, table.id));
            }
        }
    }
    Ok(())
}

fn passes(config: &Config, alias: &Alias, filter: &RouteFilter) -> bool {
    let info = config.fib.info(alias.info);
    filter.kind.is_none_or(|kind| kind == 0 || alias.kind.0 == kind)
        && filter.protocol.is_none_or(|protocol| protocol == 0 || info.protocol == protocol)
        && filter.oif.is_none_or(|dev| {
            config.hops(info).iter().any(|hop| hop.dev == dev || config.links.l3_master(hop.dev) == dev)
        })
}

/// A route as a dump shows it (`fib_dump_info`).
pub fn message(config: &Config, alias: &Alias, prefix: Prefix<Ipv4Addr>, table: TableId) -> RouteMsg {
    let info = config.fib.info(alias.info);
    let mut msg = RouteMsg::new(Family::V4);
    msg.dst = (!prefix.is_default()).then(|| prefix.into());
    msg.tos = alias.dscp;
    msg.table = table;
    msg.kind = alias.kind;
    msg.flags = info.flags;
    msg.scope = info.scope;
    msg.protocol = info.protocol;
    msg.priority = (info.priority != 0).then_some(info.priority);
    msg.metrics = info.metrics.clone();
    msg.prefsrc = info.prefsrc.map(IpAddr::V4);
    msg.nh_id = info.nh_id;
    let hops = config.hops(info);
    if info.nh_id.is_some() {
        if hops.len() == 1 && hops.get(0).is_some_and(|hop| hop.blackhole) {
            msg.kind = RouteType::BLACKHOLE;
        }
        if !config.sysctl.nexthop_compat_mode {
            return msg; // C-065
        }
    }
    match (hops.len(), hops.get(0)) {
        (1, Some(hop)) => {
            msg.flags = shown_flags(config, hop);
            msg.oif = (hop.dev != 0).then_some(hop.dev);
            msg.realms = (hop.realms != 0).then_some(hop.realms);
            msg.encap = hop.encap.clone();
            match hop.gateway {
                Some(gateway @ IpAddr::V4(_)) => msg.gateway = Some(gateway),
                other => msg.via = other,
            }
        }
        _ => {
            msg.multipath = hops
                .iter()
                .enumerate()
                .map(|(n, hop)| NextHopMsg {
                    oif: hop.dev,
                    hops: hops.weight(n).saturating_sub(1) as u8,
                    flags: shown_flags(config, hop),
                    gateway: hop.gateway,
                    realms: (hop.realms != 0).then_some(hop.realms),
                    encap: hop.encap.clone(),
                    ..NextHopMsg::default()
                })
                .collect();
        }
    }
    msg
}

/// The flags of a hop as dumps show them (`fib_nexthop_info`, C-049).
fn shown_flags(config: &Config, hop: &NextHop) -> RouteFlags {
    let mut flags = RouteFlags(0);
    let copied =
        [RouteFlags::DEAD, RouteFlags::LINKDOWN, RouteFlags::ONLINK, RouteFlags::OFFLOAD, RouteFlags::TRAP];
    for flag in copied.into_iter().filter(|&flag| hop.flags.has(flag)) {
        flags = flags | flag;
    }
    if hop.flags.has(RouteFlags::LINKDOWN) && ignores_linkdown(config, hop.dev) {
        flags = flags | RouteFlags::DEAD;
    }
    flags
}

/// The entry behind an answer (`fibmatch`, C-161).
pub(crate) fn fib_match(config: &Config, result: &FibResult, kind: RouteType, table: TableId) -> RouteMsg {
    let alias = Alias { kind, ..result.alias };
    message(config, &alias, result.prefix, table)
}

/// Cached exceptions of a route (`ip route show cache`).
fn exceptions(ns: &Namespace, now: Time, alias: &Alias, each: &mut dyn FnMut(&RouteMsg)) {
    let config = &ns.config;
    let info = config.fib.info(alias.info);
    let belongs = |hop: HopId| match hop {
        HopId::Route(id, _) => id == alias.info,
        HopId::Object(id) => info.nh_id == Some(id),
    };
    for (hop_id, dst, exception) in ns.state.exceptions.iter(now).filter(|(hop, _, _)| belongs(*hop)) {
        let index = if let HopId::Route(_, n) = hop_id { n } else { 0 };
        let Some(hop) = config.hops(info).get(index) else { continue };
        let mut msg = RouteMsg::new(Family::V4);
        msg.dst = Some(IpPrefix::host(IpAddr::V4(dst)));
        msg.table = alias.table;
        msg.kind = alias.kind;
        msg.flags = RouteFlags::CLONED;
        msg.oif = Some(hop.dev);
        msg.gateway = exception.gateway.map(IpAddr::V4).or(hop.gateway);
        if exception.gateway.is_some() {
            msg.flags = msg.flags | RouteFlags::REDIRECTED;
        }
        let learned = exception.path_mtu(now, false);
        if let Some(pmtu) = learned {
            msg.metrics.set(MetricKind::MTU, pmtu.mtu);
            if pmtu.locked {
                msg.metrics.set(MetricKind::LOCK, 1 << MetricKind::MTU.0);
            }
        }
        let expires = exception.expires.map_or(0, |at| (at.0.saturating_sub(now.0) / 10) as i32);
        msg.cacheinfo = Some(RouteCacheInfo { expires, ..RouteCacheInfo::default() });
        each(&msg);
    }
}
