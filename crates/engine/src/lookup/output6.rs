//! The way of an IPv6 packet made here (`ip6_route_output_flags`).
//!
//! The source is not looked at (C-302), and without a route there is no way,
//! not even on a device that is named (C-303).

use std::net::Ipv6Addr;

use fingerpost_model::{MetricKind, RouteType};
use fingerpost_net::Errno;

use super::decision::{Decision6, Input, Output};
use super::exception6::{Exception6, Exceptions6};
use super::hash6::multipath_hash6;
use super::rules6::Side;
use super::table6::{Candidate, Demand};
use super::{Flow6, path, rules6, source6, table6};
use crate::addrtype::AddrType;
use crate::config::{Config, LOOPBACK, Route6, RtFlags};
use crate::namespace::Env;
use crate::state::{State, Time};
use crate::trace::{Event, Event6, Purpose, Source6Reason, Tracer};

/// Resolves a flow made here.
pub fn resolve(
    config: &Config,
    state: &mut State,
    env: Env<'_>,
    flow: &mut Flow6,
    tracer: &mut Tracer<'_>,
) -> Result<Decision6, Errno> {
    resolve_by(config, state, env, flow, false, tracer)
}

/// The same; `is_bound` where a socket demands the flow's device.
pub(crate) fn resolve_by(
    config: &Config,
    state: &mut State,
    env: Env<'_>,
    flow: &mut Flow6,
    is_bound: bool,
    tracer: &mut Tracer<'_>,
) -> Result<Decision6, Errno> {
    let any_source = flow.src.is_unspecified();
    let found = find(config, state, env, flow, flow.oif != 0 && (any_source || is_bound), tracer)?;
    let source = match any_source {
        false => {
            let given = Event6::Source { addr: flow.src, why: Source6Reason::Given };
            tracer.event(|| Event::V6(given));
            flow.src
        }
        true => source_of(config, found.route, flow.dst, tracer).unwrap_or(Ipv6Addr::UNSPECIFIED),
    };
    Ok(decide(config, flow, &found, source, false))
}

/// Finds the route; `device` demands one by the flow's device
/// (`RT6_LOOKUP_F_IFACE`), as some destinations do of themselves.
pub(super) fn find<'a>(
    config: &'a Config,
    state: &mut State,
    env: Env<'_>,
    flow: &mut Flow6,
    device: bool,
    tracer: &mut Tracer<'_>,
) -> Result<Candidate<'a>, Errno> {
    flow.iif = LOOPBACK;
    flow.has_source = !flow.src.is_unspecified();
    tracer.event(|| Event::V6(Event6::Begin { purpose: Purpose::Output, flow: Box::new(flow.clone()) }));
    let demand = Demand {
        device: device || AddrType::of(flow.dst).needs_device(),
        reachable: config.sysctl6.all.forwarding == 0,
        ignore_linkstate: false,
    };
    let found = match scope_vrf(config, flow) {
        0 => rules6::lookup(config, state, env, flow, Side::Output, demand, tracer)?,
        vrf => rules6::lookup_in_vrf(config, state, env, flow, (vrf, flow.oif), tracer)?,
    };
    if !rules6::keeps_device(env, &found, flow.oif) {
        mark_bucket(config, state, env, flow, &found);
    }
    Ok(found)
}

/// The VRF in whose table alone a destination of one link, or a group, is looked
/// up: that of the flow's device (`l3mdev_link_scope_lookup`); 0 for none.
fn scope_vrf(config: &Config, flow: &Flow6) -> u32 {
    match AddrType::of(flow.dst).any(AddrType::LINK_LOCAL | AddrType::MULTICAST) {
        true => config.links.l3_master(flow.oif),
        false => 0,
    }
}

/// Notes which bucket of a resilient group was used.
pub(super) fn mark_bucket(
    config: &Config,
    state: &mut State,
    env: Env<'_>,
    flow: &Flow6,
    found: &Candidate<'_>,
) {
    if let Some(group) = found.route.nh_id
        && let Some(hash) = multipath_hash6(config, flow)
    {
        path::mark_bucket(config, state, env.now, group, hash);
    }
}

/// The source that a route's packets get (`ip6_route_get_saddr`).
pub fn source_of(
    config: &Config,
    route: &Route6,
    dst: Ipv6Addr,
    tracer: &mut Tracer<'_>,
) -> Option<Ipv6Addr> {
    match route.prefsrc {
        Some(addr) => {
            tracer.event(|| Event::V6(Event6::Source { addr, why: Source6Reason::Preferred }));
            Some(addr)
        }
        None => source6::select(config, table6::first_device(config, route), dst, tracer),
    }
}

/// The decision that a route leads to (`ip6_rt_copy_init`, `ip6_rt_get_dev_rcu`).
pub(crate) fn decide(
    config: &Config,
    flow: &Flow6,
    found: &Candidate<'_>,
    source: Ipv6Addr,
    is_input: bool,
) -> Decision6 {
    let gateway = found.gateway();
    let to_group = AddrType::of(found.route.dst.addr()).is_multicast();
    let (input, output) = match found.kind {
        RouteType::LOCAL | RouteType::ANYCAST => (Input::LocalDeliver, Output::Ip),
        _ if found.is_reject() => (Input::Discard, Output::Discard),
        _ if to_group => (Input::MulticastRoute, Output::Ip),
        _ => (Input::Forward, Output::Ip),
    };
    Decision6 {
        dev: device(config, found),
        kind: found.kind,
        flags: match gateway {
            Some(_) => found.flags | RtFlags::GATEWAY,
            None => found.flags.without(RtFlags::GATEWAY),
        },
        is_input,
        gateway,
        source,
        destination: flow.dst,
        mtu: mtu(config, found.route, found.learned, device(config, found)),
        input,
        output,
        found: found.found(),
        learned: found.learned,
    }
}

/// The device of a decision: own addresses are reached through loopback, those
/// in a VRF through its device.
pub(crate) fn device(config: &Config, found: &Candidate<'_>) -> u32 {
    let dev = found.hop.dev;
    if !found.flags.any(RtFlags::LOCAL | RtFlags::ANYCAST) {
        return dev;
    }
    let master = config.links.l3_master(dev);
    let is_slave = master != 0 && master != dev;
    if is_slave && !AddrType::of(found.route.dst.addr()).needs_device() {
        master
    } else if master == dev {
        dev
    } else {
        LOOPBACK
    }
}

/// The MTU in bytes: a learned one, the route's, or the decision's device's (`ip6_dst_mtu_maybe_forward`).
fn mtu(config: &Config, route: &Route6, learned: Option<Exception6>, dev: u32) -> u32 {
    const MAX: u32 = 65535 + 40;
    const MIN: u32 = 1280;
    let learned = learned.and_then(|learned| learned.mtu);
    let own = learned.or_else(|| route.metrics.get(MetricKind::MTU)).unwrap_or(0);
    let of_device = config.links.ipv6(dev).map_or(MIN, |ipv6| ipv6.conf.mtu.max(0) as u32);
    (if own != 0 { own } else { of_device }).min(MAX)
}

/// A decision that was kept, with today's MTU; `None` if the route that it was made of, or
/// what it had learned, is gone (`rt6_check`).
pub(crate) fn kept(
    config: &Config,
    exceptions: &Exceptions6,
    now: Time,
    decision: &Decision6,
) -> Option<Decision6> {
    let Decision6 { found, source, destination, dev, .. } = *decision;
    let route = found.route.get(config).filter(|route| !route.is_expired(now))?;
    let learned = match decision.learned {
        Some(_) => Some(exceptions.find(config, (route, found.member), source, destination, now)?),
        None => None,
    };
    Some(Decision6 { mtu: mtu(config, route, learned, dev), learned, ..decision.clone() })
}
