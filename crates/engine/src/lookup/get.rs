//! `RTM_GETROUTE` without dump: what `ip route get` asks (`inet_rtm_getroute`,
//! route-output section 6, route-input section 8).

use std::net::{IpAddr, Ipv4Addr};

use fingerpost_model::{
    MetricKind, Refusal, RouteCacheInfo, RouteFlags, RouteMsg, RouteType, Scope, TableId,
};
use fingerpost_net::{Errno, Family, IpPrefix};

use super::decision::PathMtu;
use super::hash::Asker;
use super::input4::Received;
use super::{Decision, Flow4, input4, output4};
use crate::config::{Config, FibInfoId, Link};
use crate::dump;
use crate::namespace::{Env, Namespace};
use crate::trace::Tracer;

const IPPROTO_ICMP: u8 = 1;
const IPPROTO_TCP: u8 = 6;
const IPPROTO_UDP: u8 = 17;

/// Answers a question as the kernel does, its cached decisions included.
///
/// `caller_uid` is the uid of output questions that name none.
pub fn get_route(
    ns: &mut Namespace,
    env: Env<'_>,
    caller_uid: u32,
    request: &RouteMsg,
) -> Result<RouteMsg, Refusal> {
    if request.family != Family::V4 {
        return Err(Errno::EOPNOTSUPP.into());
    }
    check(request)?;
    let question = Question::of(request, caller_uid)?;
    let Namespace { config, state } = ns;
    let mut tracer = Tracer::off();
    let mut flow = question.flow();
    let mut decision = match question.iif {
        Some(iif) => {
            if config.links.get(iif).is_none() {
                return Err(Errno::ENODEV.into());
            }
            let decision = input4::resolve(config, state, env, &question.packet(iif), &mut tracer)
                .map_err(|_| Refusal::new(Errno::EINVAL))?;
            if let Some(errno) = decision.error {
                return Err(errno.into());
            }
            decision
        }
        None => output4::resolve(config, state, env, &mut flow, Asker::Packet, &mut tracer)?,
    };
    let table = match decision.result {
        Some(result) if request.flags.has(RouteFlags::LOOKUP_TABLE) => result.table,
        _ if request.flags.has(RouteFlags::LOOKUP_TABLE) => TableId::UNSPEC,
        _ => TableId::MAIN,
    };
    if request.flags.has(RouteFlags::NOTIFY) {
        // The wish stays with a cached decision and shows in later answers.
        decision.flags = decision.flags | RouteFlags::CACHE_NOTIFY;
        if let Some(hop) = decision.cached_in {
            state.cache.add_flags(hop, decision.is_input, RouteFlags::CACHE_NOTIFY);
        }
    }
    if request.flags.has(RouteFlags::FIB_MATCH) {
        return match decision.result {
            Some(result) => Ok(dump::route::fib_match(config, &result, decision.kind, table)),
            None => Err(Errno::EHOSTUNREACH.into()), // C-161
        };
    }
    let mut reply = answer(config, &question, &flow, &decision, table);
    if decision.flags.has(RouteFlags::CACHE_NOTIFY) {
        reply.flags = reply.flags | RouteFlags::NOTIFY;
    }
    Ok(reply)
}

/// What a question asks about.
pub(crate) enum Asked {
    /// A packet made here.
    Sent(Flow4),
    /// A packet received.
    Received(Received),
}

/// What a question asks about, if it is one.
pub(crate) fn asked(request: &RouteMsg, caller_uid: u32) -> Result<Asked, Refusal> {
    check(request)?;
    let question = Question::of(request, caller_uid)?;
    Ok(match question.iif {
        Some(iif) => Asked::Received(question.packet(iif)),
        None => Asked::Sent(question.flow()),
    })
}

/// Strict checks of the header (C-162).
fn check(request: &RouteMsg) -> Result<(), Refusal> {
    let invalid = |text| Err(Refusal::with(Errno::EINVAL, text));
    let bad_len = |prefix: Option<IpPrefix>| prefix.is_some_and(|p| p.len != 0 && p.len != 32);
    if bad_len(request.dst)
        || bad_len(request.src)
        || request.table != TableId::UNSPEC
        || request.protocol != 0
        || request.scope != Scope::UNIVERSE
        || request.kind != RouteType::UNSPEC
    {
        return invalid("ipv4: Invalid values in header for route get request");
    }
    if [request.dst, request.src].into_iter().flatten().any(|prefix| prefix.len == 0) {
        return invalid("ipv4: rtm_src_len and rtm_dst_len must be 32 for IPv4");
    }
    let allowed = RouteFlags::NOTIFY | RouteFlags::LOOKUP_TABLE | RouteFlags::FIB_MATCH;
    if request.flags.without(allowed).0 != 0 {
        return invalid("ipv4: Unsupported rtm_flags for route get request");
    }
    Ok(())
}

/// A question, decoded.
struct Question {
    dst: Ipv4Addr,
    src: Ipv4Addr,
    iif: Option<u32>,
    oif: u32,
    mark: u32,
    tos: u8,
    uid: Option<u32>,
    proto: u8,
    sport: u16,
    dport: u16,
}

impl Question {
    fn of(request: &RouteMsg, caller_uid: u32) -> Result<Question, Refusal> {
        let addr = |prefix: Option<IpPrefix>| match prefix.map(|p| p.addr) {
            Some(IpAddr::V4(a)) => Ok(a),
            None => Ok(Ipv4Addr::UNSPECIFIED),
            Some(IpAddr::V6(_)) => Err(Refusal::new(Errno::EINVAL)),
        };
        let proto = match request.ip_proto {
            None => IPPROTO_UDP,
            Some(proto @ (IPPROTO_TCP | IPPROTO_UDP | IPPROTO_ICMP)) => proto,
            Some(_) => return Err(Refusal::with(Errno::EOPNOTSUPP, "Unsupported ip proto")),
        };
        let iif = request.iif.filter(|&iif| iif != 0);
        Ok(Question {
            dst: addr(request.dst)?,
            src: addr(request.src)?,
            iif,
            oif: request.oif.unwrap_or(0),
            mark: request.mark.unwrap_or(0),
            tos: request.tos & 0xfc,
            uid: request.uid.or(if iif.is_some() { None } else { Some(caller_uid) }),
            proto,
            sport: request.sport.unwrap_or(0),
            dport: request.dport.unwrap_or(0),
        })
    }

    fn flow(&self) -> Flow4 {
        Flow4 {
            src: self.src,
            oif: self.oif,
            mark: self.mark,
            dscp: self.tos,
            uid: self.uid.unwrap_or(u32::MAX),
            proto: self.proto,
            sport: self.sport,
            dport: self.dport,
            ..Flow4::to(self.dst)
        }
    }

    /// The pseudo packet; ICMP has no ports.
    fn packet(&self, iif: u32) -> Received {
        let ports = self.proto != IPPROTO_ICMP;
        Received {
            dst: self.dst,
            src: self.src,
            dev: iif,
            mark: self.mark,
            tos: self.tos,
            proto: self.proto,
            sport: if ports { self.sport } else { 0 },
            dport: if ports { self.dport } else { 0 },
            pseudo: true,
            quoted: None,
            header_dst: None,
            inside: None,
        }
    }
}

/// The reply (`rt_fill_info`).
fn answer(
    config: &Config,
    question: &Question,
    flow: &Flow4,
    decision: &Decision,
    table: TableId,
) -> RouteMsg {
    let v4 = |addr: Ipv4Addr| IpAddr::V4(addr);
    let mut msg = RouteMsg::new(Family::V4);
    msg.dst = Some(IpPrefix::host(v4(question.dst)));
    msg.src = (!question.src.is_unspecified()).then(|| IpPrefix::host(v4(question.src)));
    msg.tos = decision.result.map_or(flow.discarded_dscp, |result| result.alias.dscp);
    msg.table = table;
    msg.kind = decision.kind;
    msg.flags = RouteFlags(decision.flags.0 & !0xffff) | RouteFlags::CLONED;
    msg.oif = Some(decision.dev);
    msg.realms = (decision.realms != 0).then_some(decision.realms);
    msg.prefsrc = (!decision.is_input && flow.src != question.src).then(|| v4(flow.src));
    match decision.gateway {
        Some(gateway @ IpAddr::V4(_)) => msg.gateway = Some(gateway),
        other => msg.via = other,
    }
    if let Some(metrics) = decision.metrics.and_then(|info| config.fib.metrics(info)) {
        msg.metrics = metrics.clone();
        // Metrics and tunnel come together (`rt_set_nexthop`).
        msg.encap = decision.result.and_then(|result| result.hop(config)?.encap.clone());
    }
    if let Some(PathMtu { mtu, locked, .. }) = decision.pmtu.filter(|p| p.expires_in != 0) {
        msg.metrics.set(MetricKind::MTU, mtu);
        if locked {
            let lock = msg.metrics.get(MetricKind::LOCK).unwrap_or(0);
            msg.metrics.set(MetricKind::LOCK, lock | 1 << MetricKind::MTU.0);
        }
    }
    msg.mark = (question.mark != 0).then_some(question.mark);
    // The largest number is no uid.
    msg.uid = question.uid.filter(|&uid| uid != u32::MAX);
    msg.iif = question.iif;
    msg.cacheinfo =
        Some(RouteCacheInfo { expires: (decision.expires_in / 10) as i32, ..RouteCacheInfo::default() });
    msg
}

/// The most that an IPv4 packet holds (`IP_MAX_MTU`).
pub(crate) const MAX_MTU: u32 = 65535;

/// The MTU of a decision in bytes (C-150): learned, the route's, the device's.
pub(super) fn decision_mtu(
    config: &Config,
    metrics: Option<FibInfoId>,
    link: &Link,
    pmtu: Option<PathMtu>,
    uses_gateway: bool,
) -> u32 {
    if let Some(pmtu) = pmtu.filter(|pmtu| pmtu.expires_in != 0) {
        return pmtu.mtu;
    }
    let metrics = metrics.and_then(|info| config.fib.metrics(info));
    let metric = |kind| metrics.and_then(|m| m.get(kind)).unwrap_or(0);
    let mtu = metric(MetricKind::MTU);
    if mtu != 0 {
        return mtu;
    }
    let of_route = metric(MetricKind::LOCK) & 1 << MetricKind::MTU.0 != 0;
    let locked = of_route || pmtu.is_some_and(|pmtu| pmtu.locked);
    let mtu = if locked && uses_gateway { link.mtu().min(576) } else { link.mtu() };
    mtu.min(MAX_MTU)
}
