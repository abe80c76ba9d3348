//! The IPv6 part of a namespace from a snapshot: objects as dumps show them,
//! unchecked, and what dumps leave out, found again.

use std::net::{IpAddr, Ipv6Addr};

use fingerpost_model::{
    AddrLabelMsg, AddrMsg, IfaFlags, MetricKind, Metrics, OwnLeg, RouteFlags, RouteMsg, RouteType, Scope,
    proto,
};
use fingerpost_net::{IpPrefix, Prefix};

use crate::addrtype::AddrType;
use crate::config::{
    AddrLabel, Anycast, ConfEntry6, Config, Dad, DevConf6, If6Addr, LOOPBACK, NextHop, Preference, Route6,
    Route6Id, RtFlags, Table6,
};
use crate::control::{addrconf, gateway6, route6, table6};
use crate::lookup::exception6::{self, Exception6, Origin};
use crate::namespace::{Env, Namespace};
use crate::state::Time;

/// `RTPROT_RA`.
const BY_ADVERTISEMENT: u8 = 9;

fn v6(addr: Option<IpAddr>) -> Option<Ipv6Addr> {
    match addr {
        Some(IpAddr::V6(addr)) => Some(addr),
        _ => None,
    }
}

/// A device that was just read: it has IPv6 if its MTU is large enough, and a
/// VRF device its table.
pub(crate) fn link(config: &mut Config, dev: u32) {
    addrconf::start(config, dev);
    if let Some(table) = config.links.get(dev).and_then(|link| link.vrf_table()) {
        table6::ensure_table(&mut config.fib6, table);
    }
}

/// An address, at the end of its device's list.
pub(crate) fn address(config: &mut Config, env: Env<'_>, msg: &AddrMsg) -> Result<(), String> {
    let (addr, peer) = match (v6(msg.local), v6(msg.address)) {
        (Some(local), Some(peer)) if peer != local => (local, Some(peer)),
        (Some(addr), _) | (None, Some(addr)) => (addr, None),
        (None, None) => return Err("an IPv6 address without \"address\"".into()),
    };
    if msg.prefix_len > 128 {
        return Err(format!("prefix length {} of an IPv6 address", msg.prefix_len));
    }
    let Some(ipv6) = config.links.ipv6_mut(msg.index) else {
        return Err(format!("an IPv6 address of link {}, which has no IPv6", msg.index));
    };
    if ipv6.addrs.iter().any(|have| have.addr == addr) {
        return Err(format!("a second address {addr} of link {}", msg.index));
    }
    ipv6.addrs.push(If6Addr {
        addr,
        peer,
        len: msg.prefix_len,
        scope: AddrType::of(addr).ifa_scope(),
        flags: msg.flags,
        metric: msg.metric.unwrap_or(0),
        protocol: msg.protocol.unwrap_or(0),
        valid: msg.valid.unwrap_or(u32::MAX),
        preferred: msg.preferred.unwrap_or(u32::MAX),
        made: 0,
        created: env.now,
        updated: env.now,
        stamps: msg.stamps,
        dad: if msg.flags.has(IfaFlags::TENTATIVE) { Dad::Waiting } else { Dad::Over },
        route: None,
        invented: false,
    });
    Ok(())
}

/// A label, behind those before it.
pub(crate) fn label(config: &mut Config, msg: &AddrLabelMsg, first: bool) -> Result<(), String> {
    let (Some(IpPrefix { addr: IpAddr::V6(addr), len }), Some(label)) = (msg.prefix, msg.label) else {
        return Err("an address label without prefix or label".into());
    };
    let prefix = Prefix::containing(addr, len).map_err(|_| format!("prefix length {len} of a label"))?;
    if first {
        config.labels.list.clear();
    }
    let class = match (AddrType::of(addr).label_class(), len) {
        (class @ (AddrType::MAPPED | AddrType::COMPATIBLE), 96) | (class @ AddrType::LOOPBACK, 128) => class,
        _ => 0,
    };
    config.labels.list.push(AddrLabel { prefix, dev: msg.index, class, label });
    config.labels.sequence = msg.sequence;
    Ok(())
}

/// A route, with each of its legs, behind those of its metric. Tells its
/// destination, unless that is the default one.
pub(crate) fn route(ns: &mut Namespace, env: Env<'_>, msg: &RouteMsg) -> Result<(), String> {
    let prefix = |prefix: Option<IpPrefix>| match prefix {
        None => Ok(Prefix::DEFAULT),
        Some(IpPrefix { addr: IpAddr::V6(addr), len }) => {
            Prefix::containing(addr, len).map_err(|_| format!("prefix length {len} of an IPv6 route"))
        }
        Some(_) => Err("an IPv6 route with an IPv4 prefix".to_string()),
    };
    let (dst, src) = (prefix(msg.dst)?, prefix(msg.src)?);
    let flags = flags(msg, dst);
    let base = Route6 {
        id: Route6Id(0),
        table: table6::ensure_table(&mut ns.config.fib6, msg.table),
        dst,
        src,
        kind: msg.kind,
        protocol: msg.protocol,
        metric: msg.priority.unwrap_or(0),
        flags,
        pref: Preference(0),
        prefsrc: None,
        metrics: Metrics::default(),
        expires: None,
        nh_id: msg.nh_id,
        hop: NextHop::device(0),
    };
    let with = |own: &OwnLeg, base: Route6| Route6 {
        protocol: own.protocol,
        prefsrc: v6(own.prefsrc),
        metrics: own.metrics.clone(),
        pref: Preference(own.pref),
        flags: if own.expires == 0 { flags } else { flags | RtFlags::EXPIRES },
        expires: (own.expires != 0).then(|| env.now.0 as i64 + i64::from(own.expires) * 10),
        ..base
    };
    let base = with(&OwnLeg::of(msg), base);
    let (table, looked_at) = (base.table, prefix(msg.looked_at)?);
    let shown = RouteFlags::DEAD | RouteFlags::LINKDOWN | RouteFlags::ONLINK;
    let hop = |dev: u32, gateway: Option<IpAddr>, flags: RouteFlags| NextHop {
        gateway,
        flags: RouteFlags(flags.0 & shown.0),
        scope: Scope::LINK,
        ..NextHop::device(dev)
    };
    if msg.nh_id.is_some() {
        route6::restore(ns, base);
    } else if msg.multipath.is_empty() {
        let own = NextHop { encap: msg.encap.clone(), ..hop(msg.oif.unwrap_or(0), msg.gateway, msg.flags) };
        route6::restore(ns, Route6 { hop: own, ..base });
    } else {
        for leg in &msg.multipath {
            let hop = NextHop {
                weight: u32::from(leg.hops) + 1,
                encap: leg.encap.clone(),
                ..hop(leg.oif, leg.gateway, leg.flags)
            };
            let base = leg.own.as_ref().map_or_else(|| base.clone(), |own| with(own, base.clone()));
            route6::restore(ns, Route6 { hop, ..base });
            for unlisted in &leg.behind {
                route(ns, env, unlisted)?;
            }
        }
    }
    if let (Some(_), Some(table)) = (msg.looked_at, ns.config.fib6.table_mut(table)) {
        table.set_leaf(dst, looked_at);
    }
    Ok(())
}

/// Whether a route can stand among the legs of another without being one of them
/// (`rt6_qualify_for_ecmp`), or having legs itself.
pub(crate) fn can_stand_among_legs(msg: &RouteMsg) -> bool {
    let flags = flags(msg, Prefix::DEFAULT);
    let is_leg =
        v6(msg.gateway).is_some() && msg.nh_id.is_none() && !flags.any(RtFlags::ADDRCONF | RtFlags::REJECT);
    let has_v4 = matches!(msg.gateway, Some(IpAddr::V4(_))) || msg.via.is_some();
    msg.multipath.is_empty() && !msg.flags.has(RouteFlags::CLONED) && !is_leg && !has_v4
}

/// What IPv6 notes of a route, as far as a dump tells.
fn flags(msg: &RouteMsg, dst: Prefix<Ipv6Addr>) -> RtFlags {
    let by_kernel = msg.protocol == proto::KERNEL && msg.priority.unwrap_or(0) == 0;
    let flags = match msg.kind {
        RouteType::LOCAL if by_kernel => RtFlags::UP | RtFlags::LOCAL | RtFlags::NONEXTHOP,
        RouteType::LOCAL => RtFlags::UP | RtFlags::LOCAL,
        RouteType::ANYCAST if by_kernel => RtFlags::UP | RtFlags::ANYCAST | RtFlags::NONEXTHOP,
        kind if RouteType::ERRORS.contains(&kind) => RtFlags::UP | RtFlags::REJECT,
        _ if msg.protocol == BY_ADVERTISEMENT && msg.dst.is_none() => {
            RtFlags::UP | RtFlags::ADDRCONF | RtFlags::DEFAULT
        }
        _ if msg.protocol == BY_ADVERTISEMENT => RtFlags::UP | RtFlags::ADDRCONF,
        _ => RtFlags::UP,
    };
    let to_loopback = msg.oif == Some(LOOPBACK) && msg.nh_id.is_none();
    let loopback =
        fingerpost_model::LinkMsg { flags: fingerpost_model::LinkFlags::LOOPBACK, ..Default::default() };
    let link = crate::config::Link { msg: loopback, ..Default::default() };
    match gateway6::is_reject(flags, to_loopback.then_some(&link), dst.addr()) {
        true => RtFlags::REJECT | RtFlags::NONEXTHOP,
        false => flags,
    }
}

/// Puts in place what was learned about one destination; `None` when no route
/// leads there (C-299).
pub(crate) fn exception(ns: &mut Namespace, env: Env<'_>, msg: &RouteMsg) -> Option<()> {
    let host = |prefix: Option<IpPrefix>| v6(prefix.filter(|prefix| prefix.len == 128).map(|p| p.addr));
    let dst = host(msg.dst)?;
    let src = match msg.src {
        None => Ipv6Addr::UNSPECIFIED,
        // Of a route by source through a gateway the prefix is shown.
        Some(prefix) => v6(Some(prefix.addr))?,
    };
    let gateway = v6(msg.gateway);
    let origin = Origin {
        table: msg.table,
        dst,
        src,
        dev: msg.oif?,
        gateway,
        metric: msg.priority.unwrap_or(0),
        protocol: msg.protocol,
    };
    let hop = exception6::hop_of(&ns.config, &origin)?;
    let hundredths = msg.cacheinfo.map_or(0, |info| info.expires);
    let known = Exception6 {
        since: env.now,
        mtu: msg.metrics.get(MetricKind::MTU),
        gateway,
        expires: (hundredths > 0).then(|| Time(env.now.0 + hundredths as u64 * 10)),
    };
    ns.state.exceptions6.restore(hop, dst, src, known);
    Some(())
}

/// A setting of `net.ipv6.conf`, without its consequences, which the dumps show.
/// `false` when the text is no number.
pub(crate) fn setting(config: &mut Config, place: &str, name: &str, value: &str) -> bool {
    let Some(entry) = DevConf6::ENTRIES.iter().find(|entry: &&ConfEntry6| entry.name == name) else {
        return true;
    };
    let Ok(number) = value.trim().parse::<i64>() else { return false };
    let conf = match place {
        "all" => Some(&mut config.sysctl6.all),
        "default" => Some(&mut config.sysctl6.default),
        // `/proc/sys` writes a device's dots as slashes.
        dev => config
            .links
            .by_index
            .values_mut()
            .find(|link| link.name() == dev || link.name().replace('.', "/") == dev)
            .and_then(|link| link.ipv6.as_mut())
            .map(|ipv6| &mut ipv6.conf),
    };
    if let Some(conf) = conf {
        (entry.set)(conf, number);
    }
    true
}

/// Finds the routes that belong to addresses, and anycast addresses.
pub(crate) fn complete(config: &mut Config) {
    config.fib6.tables.iter_mut().for_each(Table6::find_leaves);
    let local: Vec<(u32, Ipv6Addr, RouteType, Route6Id)> = config
        .fib6
        .tables
        .iter()
        .flat_map(|table| table.routes())
        .filter(|route| route.flags.any(RtFlags::LOCAL | RtFlags::ANYCAST))
        .filter(|route| route.flags.any(RtFlags::NONEXTHOP) && route.dst.len() == 128)
        .map(|route| (route.hop.dev, route.dst.addr(), route.kind, route.id))
        .collect();
    for (dev, addr, kind, id) in local {
        let Some(ipv6) = config.links.ipv6_mut(dev) else { continue };
        if kind == RouteType::ANYCAST {
            let of_group = |have: &&If6Addr| {
                !have.flags.has(IfaFlags::TENTATIVE) && have.len < 127 && have.prefix().addr() == addr
            };
            let users = ipv6.addrs.iter().filter(of_group).count().max(1) as u32;
            ipv6.anycast.insert(0, Anycast { addr, users, route: Some(id) });
        } else if let Some(have) = ipv6.addrs.iter_mut().find(|have| have.addr == addr) {
            have.route = Some(id);
        }
    }
}
