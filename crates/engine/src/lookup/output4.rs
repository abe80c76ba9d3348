//! The way of a packet made here (`ip_route_output_key_hash_rcu`,
//! route-output section 2).

use std::net::Ipv4Addr;

use fingerpost_model::{LinkFlags, RouteFlags, RouteType, Scope};
use fingerpost_net::Errno;

use super::cache::{Cached, HopId};
use super::hash::{Asker, multipath_hash};
use super::{
    Decision, FibResult, Flow4, Input, Output, is_limited_broadcast, is_local_multicast, path, rules, source,
};
use crate::config::{Config, LOOPBACK};
use crate::namespace::Env;
use crate::state::State;
use crate::trace::{Event, Purpose, SourceReason, Tracer};

const IPPROTO_IGMP: u8 = 2;
const LOCALHOST: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// What resolution settled before the decision is built.
struct Way {
    dev: u32,
    orig_oif: u32,
    kind: RouteType,
    flags: RouteFlags,
    result: Option<FibResult>,
}

/// Resolves a flow made here. The flow's destination, source and oif are
/// written back as the kernel does.
pub fn resolve(
    config: &Config,
    state: &mut State,
    env: Env<'_>,
    flow: &mut Flow4,
    asker: Asker,
    tracer: &mut Tracer<'_>,
) -> Result<Decision, Errno> {
    flow.iif = LOOPBACK;
    tracer.event(|| Event::Begin { purpose: Purpose::Output, flow: flow.clone() });
    let way = find_way(config, state, env, flow, asker, tracer)?;
    build(config, state, env, flow, way, tracer)
}

fn find_way(
    config: &Config,
    state: &mut State,
    env: Env<'_>,
    flow: &mut Flow4,
    asker: Asker,
    tracer: &mut Tracer<'_>,
) -> Result<Way, Errno> {
    let orig_oif = flow.oif;
    let on_link = |dev, result| Way { dev, orig_oif, kind: RouteType::UNICAST, flags: RouteFlags(0), result };
    let to_many = flow.dst.is_multicast() || is_limited_broadcast(flow.dst);
    if !flow.src.is_unspecified() {
        if flow.src.is_multicast() || is_limited_broadcast(flow.src) {
            return Err(Errno::EINVAL); // C-127
        }
        if flow.oif == 0 && to_many {
            // C-130: the source's device is taken, without a lookup.
            let dev = source::find_owner(config, flow.src, tracer).ok_or(Errno::ENETUNREACH)?;
            flow.oif = dev;
            source_event(tracer, flow.src, SourceReason::Given);
            return Ok(on_link(dev, None));
        }
        if !flow.any_source && source::find_owner(config, flow.src, tracer).is_none() {
            return Err(Errno::ENETUNREACH); // C-128
        }
    }
    if flow.oif != 0 {
        let link = config.links.get(flow.oif).ok_or(Errno::ENODEV)?;
        if !link.is_up() || link.ipv4.is_none() {
            return Err(Errno::ENETUNREACH); // C-132
        }
        let unset = flow.src.is_unspecified();
        if is_local_multicast(flow.dst) || is_limited_broadcast(flow.dst) || flow.proto == IPPROTO_IGMP {
            if unset {
                choose_source(config, flow, orig_oif, Scope::LINK, tracer);
            }
            return Ok(Way { kind: RouteType::UNSPEC, ..on_link(orig_oif, None) });
        }
        if unset && flow.dst.is_multicast() {
            choose_source(config, flow, orig_oif, flow.scope, tracer);
        } else if unset && flow.dst.is_unspecified() {
            choose_source(config, flow, orig_oif, Scope::HOST, tracer);
        }
    }
    if flow.dst.is_unspecified() {
        // C-135: this host.
        if flow.src.is_unspecified() {
            flow.src = LOCALHOST;
        }
        flow.dst = flow.src;
        flow.oif = LOOPBACK;
        source_event(tracer, flow.src, SourceReason::Destination);
        return Ok(Way {
            dev: LOOPBACK,
            orig_oif,
            kind: RouteType::LOCAL,
            flags: RouteFlags::LOCAL,
            result: None,
        });
    }
    let result = match rules::lookup(config, flow, false, tracer) {
        Ok(result) => result,
        Err(errno) => {
            // C-133; a VRF device has been taken out of the flow by the rules, so it is no such device.
            if flow.oif != 0 && (flow.dst.is_multicast() || flow.l3mdev == 0) {
                tracer.event(|| Event::AssumedOnLink { dev: orig_oif, errno });
                if flow.src.is_unspecified() {
                    choose_source(config, flow, orig_oif, Scope::LINK, tracer);
                }
                return Ok(on_link(orig_oif, None));
            }
            return Err(errno);
        }
    };
    Ok(by_route(config, state, env, flow, result, asker, tracer))
}

/// The way by the route that the lookup found.
fn by_route(
    config: &Config,
    state: &mut State,
    env: Env<'_>,
    flow: &mut Flow4,
    mut result: FibResult,
    asker: Asker,
    tracer: &mut Tracer<'_>,
) -> Way {
    if result.alias.kind == RouteType::LOCAL {
        return to_self(config, flow, result, tracer);
    }
    let orig_oif = flow.oif;
    select_path(config, state, env, flow, &mut result, asker, tracer);
    Way {
        dev: result.dev(config),
        orig_oif,
        kind: result.alias.kind,
        flags: RouteFlags(0),
        result: Some(result),
    }
}

/// The decision for a flow whose lookup has found this route, on a host that has
/// sent nothing yet: what [`resolve`] makes of it.
pub(crate) fn of_route(
    config: &Config,
    env: Env<'_>,
    flow: &mut Flow4,
    result: FibResult,
) -> Result<Decision, Errno> {
    let (mut state, tracer) = (State::default(), &mut Tracer::off());
    let way = by_route(config, &mut state, env, flow, result, Asker::Socket, tracer);
    build(config, &mut state, env, flow, way, tracer)
}

/// Step 5: a local destination (C-136).
fn to_self(config: &Config, flow: &mut Flow4, result: FibResult, tracer: &mut Tracer<'_>) -> Way {
    if flow.src.is_unspecified() {
        let (addr, why) = match config.fib.info(result.alias.info).prefsrc {
            Some(addr) => (addr, SourceReason::Preferred),
            None => (flow.dst, SourceReason::Destination),
        };
        flow.src = addr;
        source_event(tracer, addr, why);
    } else {
        source_event(tracer, flow.src, SourceReason::Given);
    }
    let result_dev = result.dev(config);
    let master = config.links.l3_master(result_dev);
    let dev = if master != 0 { master } else { LOOPBACK };
    flow.oif = dev;
    Way { dev, orig_oif: result_dev, kind: RouteType::LOCAL, flags: RouteFlags::LOCAL, result: Some(result) }
}

/// Step 6: the hop and the source (`fib_select_path`).
pub(crate) fn select_path(
    config: &Config,
    state: &mut State,
    env: Env<'_>,
    flow: &mut Flow4,
    result: &mut FibResult,
    asker: Asker,
    tracer: &mut Tracer<'_>,
) {
    if flow.oif == 0 {
        let hops = config.hops(config.fib.info(result.alias.info)).len();
        if hops > 1 {
            let hash = multipath_hash(&config.sysctl, flow, flow.src, asker);
            let counts = env.behaviour.multipath_prefers_own_source && !flow.src.is_unspecified();
            let source = counts.then_some(flow.src);
            path::select_multipath(config, state, env.now, result, hash, source, tracer);
        } else if result.prefix.is_default()
            && result.alias.kind == RouteType::UNICAST
            && config.fib.table(result.table).is_some_and(|table| table.defaults > 1)
        {
            path::select_default(config, state, flow, result, tracer);
        }
    }
    if !flow.src.is_unspecified() {
        source_event(tracer, flow.src, SourceReason::Given);
        return;
    }
    if flow.l3mdev != 0 && config.links.l3_master(result.dev(config)) != flow.l3mdev {
        choose_source(config, flow, flow.l3mdev, Scope::LINK, tracer);
        return;
    }
    let (addr, why) = source::of_result(config, state, result);
    flow.src = addr;
    source_event(tracer, addr, why);
}

fn choose_source(config: &Config, flow: &mut Flow4, dev: u32, scope: Scope, tracer: &mut Tracer<'_>) {
    let (addr, why) = source::select_addr(config, dev, Ipv4Addr::UNSPECIFIED, scope);
    flow.src = addr;
    source_event(tracer, addr, why);
}

fn source_event(tracer: &mut Tracer<'_>, addr: Ipv4Addr, why: SourceReason) {
    tracer.event(|| Event::Source { addr, why });
}

/// Builds the decision (`__mkroute_output`, route-output section 3).
fn build(
    config: &Config,
    state: &mut State,
    env: Env<'_>,
    flow: &Flow4,
    way: Way,
    tracer: &mut Tracer<'_>,
) -> Result<Decision, Errno> {
    let link = config.links.get(way.dev).ok_or(Errno::EINVAL)?;
    let ipv4 = link.ipv4.as_ref().ok_or(Errno::EINVAL)?;
    let localnet = source::routes_localnet(config, ipv4);
    if !localnet && flow.src.is_loopback() && !link.is_loopback() && link.vrf_table().is_none() {
        return Err(Errno::EINVAL); // C-138
    }
    let mut kind = way.kind;
    let mut entry = way.result;
    if is_limited_broadcast(flow.dst) {
        kind = RouteType::BROADCAST;
        entry = None;
    } else if flow.dst.is_multicast() {
        kind = RouteType::MULTICAST;
    } else if flow.dst.is_unspecified() {
        return Err(Errno::EINVAL);
    }
    let mut flags = way.flags;
    if link.is_loopback() {
        flags = flags | RouteFlags::LOCAL;
    }
    let mut cacheable = true;
    match kind {
        RouteType::BROADCAST => flags = flags | RouteFlags::BROADCAST | RouteFlags::LOCAL,
        RouteType::MULTICAST => {
            flags = flags | RouteFlags::MULTICAST | RouteFlags::LOCAL;
            if super::input4::has_joined(config, way.dev, flow.dst) {
                cacheable = false;
            } else {
                flags = flags.without(RouteFlags::LOCAL);
            }
            // A route shorter than /4 supplies the device, never the gateway (C-131).
            entry = entry.filter(|result| result.prefix.len() >= 4);
        }
        RouteType::LOCAL if way.orig_oif != 0 && way.orig_oif != way.dev => cacheable = false,
        _ => {}
    }
    let hop_id = entry.as_ref().map(|result| path::hop_id(config, result.alias.info, result.hop));
    let exception = hop_id
        .filter(|_| !state.exceptions.is_empty())
        .and_then(|hop| state.exceptions.find(hop, flow.dst, env.now).copied());
    let hop = entry.as_ref().and_then(|result| result.hop(config));
    let mut realms = hop.map_or(0, |hop| hop.realms);
    add_class_tag(&mut realms, way.result.map_or(flow.refused_realms, |result| result.rule_realms));
    let cached_in = hop_id.filter(|_| cacheable && exception.is_none());
    let mut metrics = entry.map(|result| result.alias.info);
    if let Some(hop_id) = cached_in {
        let fresh = Cached { generation: 0, kind, flags, realms, metrics };
        let cached = through_cache(config, state, hop_id, fresh, tracer);
        (kind, flags, realms, metrics) = (cached.kind, cached.flags, cached.realms, cached.metrics);
    }
    let mut gateway = hop.filter(|hop| hop.scope == Scope::LINK).and_then(|hop| hop.gateway);
    if cached_in.is_none() && exception.is_none() {
        gateway = path::uncached_gateway(gateway, flow.dst);
    }
    if let Some(redirected) = exception.and_then(|e| e.gateway) {
        gateway = Some(redirected.into());
        flags = flags | RouteFlags::REDIRECTED;
    }
    let pmtu = exception.and_then(|e| e.path_mtu(env.now, false));
    // Own packets take part in multicast routing where they leave.
    let all = config.sysctl.all.mc_forwarding != 0;
    let is_routed =
        kind == RouteType::MULTICAST && all && ipv4.conf.mc_forwarding != 0 && !is_local_multicast(flow.dst);
    let output = if is_routed
        || flags.any(RouteFlags::BROADCAST | RouteFlags::MULTICAST)
            && flags.has(RouteFlags::LOCAL)
            && !link.is_loopback()
    {
        Output::Multicast
    } else {
        Output::Ip
    };
    Ok(Decision {
        dev: way.dev,
        kind,
        flags,
        is_input: false,
        asked_dev: way.orig_oif,
        gateway,
        source: flow.src,
        destination: flow.dst,
        realms,
        metrics,
        mtu: super::get::decision_mtu(config, metrics, link, pmtu, gateway.is_some()),
        pmtu,
        expires_in: exception.map_or(0, |e| e.expires_in(env.now, false)),
        input: match flags.has(RouteFlags::LOCAL) {
            _ if is_routed => Input::MulticastRoute,
            true => Input::LocalDeliver,
            false => Input::Discard,
        },
        output,
        result: way.result,
        cached_in,
        error: None,
    })
}

/// Uses what the hop has cached since the last change, or caches this (C-143, T-17).
fn through_cache(
    config: &Config,
    state: &mut State,
    hop: HopId,
    fresh: Cached,
    tracer: &mut Tracer<'_>,
) -> Cached {
    let generation = config.fib.generation;
    match state.cache.output.get(&hop) {
        Some(cached) if cached.generation == generation => {
            let cached = *cached;
            if cached.kind != fresh.kind {
                tracer.event(|| Event::Cached { kind: cached.kind });
            }
            cached
        }
        _ => {
            let fresh = Cached { generation, ..fresh };
            state.cache.output.insert(hop, fresh);
            fresh
        }
    }
}

/// Fills in halves of the realms that are still zero (`set_class_tag`, C-120).
pub(super) fn add_class_tag(realms: &mut u32, tag: u32) {
    if *realms & 0xffff == 0 {
        *realms |= tag & 0xffff;
    }
    if *realms & 0xffff_0000 == 0 {
        *realms |= tag & 0xffff_0000;
    }
}

/// Whether a device can be used for IPv4 at all.
pub(super) fn is_usable(config: &Config, dev: u32) -> bool {
    config.links.get(dev).is_some_and(|link| link.msg.flags.has(LinkFlags::UP) && link.ipv4.is_some())
}
