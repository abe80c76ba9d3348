//! `RTM_GETROUTE` without dump for IPv6: what `ip -6 route get` asks
//! (`inet6_rtm_getroute`).

use std::net::{IpAddr, Ipv6Addr};

use fingerpost_model::{Refusal, RouteCacheInfo, RouteFlags, RouteMsg, RouteType, Scope, TableId};
use fingerpost_net::{Errno, Family, IpPrefix};

use super::decision::Decision6;
use super::{Flow6, input6, output6};
use crate::config::{Config, Route6};
use crate::dump;
use crate::namespace::{Env, Namespace};
use crate::state::Time;
use crate::trace::Tracer;

/// The 20 bits of a flow label.
const MAX_LABEL: u32 = 0x000f_ffff;
const IPPROTO_TCP: u8 = 6;
const IPPROTO_UDP: u8 = 17;
const IPPROTO_ICMPV6: u8 = 58;

/// Answers a question. `caller_uid` is the uid of output questions that name none.
pub fn get_route(
    ns: &mut Namespace,
    env: Env<'_>,
    caller_uid: u32,
    request: &RouteMsg,
) -> Result<RouteMsg, Refusal> {
    check(request)?;
    let Namespace { config, state } = ns;
    let iif = request.iif.filter(|&iif| iif != 0);
    let mut flow = flow(request, iif, caller_uid)?;
    let mut tracer = Tracer::off();
    let decision = match iif {
        Some(iif) => {
            if config.links.get(iif).is_none() {
                return Err(Errno::ENODEV.into());
            }
            input6::resolve(config, state, env, &mut flow, &mut tracer)?
        }
        None => output6::resolve(config, state, env, &mut flow, &mut tracer)?,
    };
    let Some(route) = decision.found.route.get(config) else { return Err(Errno::ENETUNREACH.into()) };
    if iif.is_some() && env.behaviour.input6_groups_too_long && route.dst.addr().is_multicast() {
        return Err(Errno::EMSGSIZE.into()); // T-44
    }
    if request.flags.has(RouteFlags::FIB_MATCH) {
        let node = config.fib6.table(route.table).and_then(|table| table.tree.get(route.dst));
        let list = node.map_or(&[][..], |node| node.of_source(route.src));
        return Ok(RouteMsg { iif, ..dump::route6::message(config, env.now, list, route) });
    }
    Ok(answer(config, env.now, request, &flow, &decision, route))
}

/// Strict checks of the header (`inet6_rtm_valid_getroute_req`).
fn check(request: &RouteMsg) -> Result<(), Refusal> {
    let invalid = |text| Err(Refusal::with(Errno::EINVAL, text));
    let bad_len = |prefix: Option<IpPrefix>| prefix.is_some_and(|p| p.len != 0 && p.len != 128);
    if bad_len(request.dst)
        || bad_len(request.src)
        || request.table != TableId::UNSPEC
        || request.protocol != 0
        || request.scope != Scope::UNIVERSE
        || request.kind != RouteType::UNSPEC
    {
        return invalid("ipv6: Invalid values in header for get route request");
    }
    if request.flags.without(RouteFlags::FIB_MATCH).0 != 0 {
        return invalid("ipv6: Invalid flags for get route request");
    }
    if [request.dst, request.src].into_iter().flatten().any(|prefix| prefix.len == 0) {
        return invalid("ipv6: rtm_src_len and rtm_dst_len must be 128 for IPv6");
    }
    Ok(())
}

/// The flow that a request describes.
pub(crate) fn flow(request: &RouteMsg, iif: Option<u32>, caller_uid: u32) -> Result<Flow6, Refusal> {
    let addr = |prefix: Option<IpPrefix>| match prefix.map(|p| p.addr) {
        Some(IpAddr::V6(addr)) => Ok(addr),
        None => Ok(Ipv6Addr::UNSPECIFIED),
        Some(IpAddr::V4(_)) => Err(Refusal::new(Errno::EINVAL)),
    };
    let proto = match request.ip_proto {
        None => 0,
        Some(proto @ (IPPROTO_TCP | IPPROTO_UDP | IPPROTO_ICMPV6)) => proto,
        Some(_) => {
            return Err(Refusal::with(Errno::EOPNOTSUPP, "Unsupported ip proto"));
        }
    };
    let src = addr(request.src)?;
    Ok(Flow6 {
        src,
        has_source: !src.is_unspecified(),
        iif: iif.unwrap_or(0),
        oif: if iif.is_some() { 0 } else { request.oif.unwrap_or(0) },
        mark: request.mark.unwrap_or(0),
        dscp: request.tos & 0xfc,
        uid: request.uid.unwrap_or(if iif.is_some() { u32::MAX } else { caller_uid }),
        proto,
        sport: request.sport.unwrap_or(0),
        dport: request.dport.unwrap_or(0),
        flowlabel: request.flowlabel.unwrap_or(0) & MAX_LABEL,
        ..Flow6::to(addr(request.dst)?)
    })
}

/// The reply (`rt6_fill_node` with a decision).
fn answer(
    config: &Config,
    now: Time,
    request: &RouteMsg,
    flow: &Flow6,
    decision: &Decision6,
    route: &Route6,
) -> RouteMsg {
    let mut msg = RouteMsg::new(Family::V6);
    msg.dst = Some(IpPrefix::host(IpAddr::V6(flow.dst)));
    msg.src = Some(IpPrefix::host(IpAddr::V6(flow.src)));
    msg.table = route.table;
    msg.kind = route.kind;
    msg.protocol = route.protocol;
    msg.metrics = route.metrics.clone();
    msg.priority = Some(route.metric);
    msg.gateway = decision.gateway.map(IpAddr::V6);
    msg.oif = Some(decision.dev);
    msg.iif = request.iif.filter(|&iif| iif != 0);
    // It is found anew for the answer, whatever source the question has.
    let chosen = output6::source_of(config, route, flow.dst, &mut Tracer::off());
    msg.prefsrc = chosen.filter(|_| !decision.is_input).or(route.prefsrc).map(IpAddr::V6);
    msg.encap = route.hop.encap.clone();
    msg.cacheinfo = Some(RouteCacheInfo::default());
    if let Some(learned) = &decision.learned {
        dump::route6::note_learned(&mut msg, learned, now);
    }
    msg.pref = Some(decision.found.pref.0);
    msg
}
