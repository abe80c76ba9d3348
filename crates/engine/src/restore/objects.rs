//! Objects of IPv4, links and neighbours, as dumps show them.

use std::collections::BTreeSet;
use std::net::IpAddr;

use fingerpost_model::snapshot::Netns;
use fingerpost_model::{
    AddrMsg, LinkMsg, MetricKind, NeighFlags, NeighMsg, NexthopMsg, NlFlags, Refusal, RouteMsg, RuleMsg,
};
use fingerpost_net::{Family, Ip, IpPrefix};

use super::{need_link, v6};
use crate::config::{Config, DevConf, IfAddr, InDev, Link, Rules};
use crate::control::fib_info::{self, RouteConfig};
use crate::control::{self, nexthop, route, rule};
use crate::lookup::exception::Exception;
use crate::lookup::{self, Flow4};
use crate::namespace::{Env, Namespace};
use crate::state::Time;
use crate::trace::Tracer;

/// Puts in place what was learned about one destination: it stands with the hop
/// of the route that leads there.
pub(super) fn exception(ns: &mut Namespace, env: Env<'_>, msg: &RouteMsg) -> Option<()> {
    let Some(IpPrefix { addr: IpAddr::V4(dst), len: 32 }) = msg.dst else { return None };
    let config = &ns.config;
    let flow = Flow4 { oif: msg.oif.unwrap_or(0), dscp: msg.tos, ..Flow4::to(dst) };
    let table = config.fib.table(msg.table)?;
    let result = lookup::table::lookup(config, table, &flow, true, &mut Tracer::off()).ok()?;
    let gateway = result.hop(config)?.gateway;
    let hundredths = msg.cacheinfo.map_or(0, |info| info.expires);
    let known = Exception {
        pmtu: msg.metrics.get(MetricKind::MTU).unwrap_or(0),
        locked: msg.metrics.get(MetricKind::LOCK).unwrap_or(0) & 1 << MetricKind::MTU.0 != 0,
        gateway: match msg.gateway.filter(|_| msg.gateway != gateway) {
            Some(IpAddr::V4(learned)) => Some(learned),
            _ => None,
        },
        expires: (hundredths > 0).then(|| Time(env.now.0 + hundredths as u64 * 10)),
        ..Exception::default()
    };
    let hop = lookup::path::hop_id(config, result.alias.info, result.hop);
    ns.state.exceptions.restore(hop, dst, known);
    Some(())
}

/// Whether these are the rules of a new namespace, whoever is said to have made them.
pub(super) fn are_default<I: Ip>(rules: &Rules<I>) -> bool {
    let mut default = Rules::<I>::default().list;
    for (own, rule) in default.iter_mut().zip(&rules.list) {
        own.protocol = rule.protocol;
    }
    default == rules.list
}

pub(super) fn link(config: &mut Config, msg: LinkMsg) -> Result<(), String> {
    if msg.index == 0 {
        return Err("a link without index".into());
    }
    let index = msg.index;
    if msg.master == Some(index) {
        return Err(format!("link {index} is its own master"));
    }
    let ipv4 = msg.mtu.is_none_or(|mtu| mtu >= 68).then(|| InDev {
        addrs: Vec::new(),
        conf: DevConf::default(),
        groups: BTreeSet::new(),
    });
    config.links.last_index = config.links.last_index.max(index);
    let mut link = Link { own_address: true, own_mtu: true, msg, ipv4, ..Link::default() };
    control::link::adopt(&mut link);
    if config.links.insert(link).is_some() {
        return Err(format!("a second link with index {index}"));
    }
    v6::link(config, index);
    Ok(())
}

pub(super) fn address(config: &mut Config, env: Env<'_>, msg: &AddrMsg) -> Result<(), String> {
    need_link(config, "an address of", msg.index)?;
    let Some(link) = config.links.get_mut(msg.index) else { return Err("an address without link".into()) };
    let v4 = |addr: Option<IpAddr>| match addr {
        Some(IpAddr::V4(addr)) => Some(addr),
        _ => None,
    };
    let Some(local) = v4(msg.local).or(v4(msg.address)) else {
        return Err("an IPv4 address without \"local\"".into());
    };
    if msg.prefix_len > 32 {
        return Err(format!("prefix length {} of an IPv4 address", msg.prefix_len));
    }
    let label = msg.label.clone().unwrap_or_else(|| link.name().to_string());
    let ipv4 = link.ipv4.get_or_insert_with(|| InDev {
        addrs: Vec::new(),
        conf: DevConf::default(),
        groups: BTreeSet::new(),
    });
    ipv4.addrs.push(IfAddr {
        local,
        address: v4(msg.address).unwrap_or(local),
        len: msg.prefix_len,
        broadcast: msg.broadcast,
        label,
        scope: msg.scope,
        flags: msg.flags,
        metric: msg.metric.unwrap_or(0),
        protocol: msg.protocol.unwrap_or(0),
        valid: msg.valid.unwrap_or(u32::MAX),
        preferred: msg.preferred.unwrap_or(u32::MAX),
        made: 0,
        created: env.now,
        updated: env.now,
        stamps: msg.stamps,
    });
    Ok(())
}

pub(super) fn add_rule(ns: &mut Namespace, env: Env<'_>, netns: &Netns, msg: &RuleMsg) -> Result<(), String> {
    let msg = RuleMsg { priority: Some(msg.priority.unwrap_or(0)), ..msg.clone() };
    rule::new_rule(ns, env, NlFlags::CREATE, &msg)
        .map_err(|refusal: Refusal| format!("a rule that Linux would refuse: {refusal}"))?;
    if msg.family == Family::V4 {
        ns.config.fib.has_custom_rules = netns.custom_rules.unwrap_or(false);
    }
    Ok(())
}

pub(super) fn add_nexthop(ns: &mut Namespace, env: Env<'_>, msg: &NexthopMsg) -> Result<(), String> {
    if ns.config.nexthops.get(msg.id).is_some() {
        return Err(format!("a second nexthop with id {}", msg.id));
    }
    need_link(&ns.config, "a nexthop through", msg.oif.unwrap_or(0))?;
    nexthop::restore(ns, env, msg);
    Ok(())
}

/// Whether what a route leads through stands before it.
pub(super) fn check_hops(ns: &Namespace, msg: &RouteMsg) -> Result<(), String> {
    for dev in msg.oif.into_iter().chain(msg.multipath.iter().map(|leg| leg.oif)) {
        need_link(&ns.config, "a route through", dev)?;
    }
    if let Some(id) = msg.nh_id.filter(|&id| ns.config.nexthops.get(id).is_none()) {
        return Err(format!("a route by nexthop {id}, which does not stand before it"));
    }
    for unlisted in msg.multipath.iter().flat_map(|leg| &leg.behind) {
        let place = |route: &RouteMsg| (route.family, route.dst, route.src, route.table, route.priority);
        if msg.family == Family::V4 || place(unlisted) != place(msg) {
            return Err("a route behind a leg of another destination, table or metric".into());
        }
        if !v6::can_stand_among_legs(unlisted) {
            return Err("a route behind a leg that would be a leg itself".into());
        }
        check_hops(ns, unlisted)?;
    }
    Ok(())
}

pub(super) fn add_route(ns: &mut Namespace, env: Env<'_>, msg: &RouteMsg) -> Result<(), String> {
    check_hops(ns, msg)?;
    let has_encap = msg.encap.is_some() || msg.multipath.iter().any(|leg| leg.encap.is_some());
    let request = match msg.nh_id.is_some() || has_encap {
        true => RouteConfig::of(&without_what_follows(msg), env),
        false => RouteConfig::of(msg, env),
    };
    let request = request.map_err(|refusal| format!("a route that Linux would refuse: {refusal}"))?;
    let mut info = fib_info::restored(msg, &request);
    fib_info::rebalance(&ns.config, &mut info);
    route::restore(ns, &request, info);
    Ok(())
}

/// The request that made a route: a dump shows the hops of its nexthop object
/// too, and encapsulations, which are stored and not asked for again.
fn without_what_follows(msg: &RouteMsg) -> RouteMsg {
    let mut plain = RouteMsg { encap: None, ..msg.clone() };
    if msg.nh_id.is_some() {
        (plain.oif, plain.gateway, plain.via, plain.multipath) = (None, None, None, Vec::new());
    }
    for leg in &mut plain.multipath {
        leg.encap = None;
    }
    plain
}

pub(super) fn neighbour(config: &mut Config, msg: NeighMsg) {
    let Some(dst) = msg.dst else { return };
    let key = (msg.index, dst);
    let place = config.neighbours.places.len();
    config.neighbours.places.entry(key).or_insert(place);
    if msg.flags.has(NeighFlags::PROXY) {
        config.neighbours.proxies.insert(key, msg);
    } else {
        config.neighbours.entries.insert(key, msg);
    }
}
