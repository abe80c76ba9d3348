//! The way of a packet received (`ip_route_input_rcu`, route-input sections 3 to 5).

use std::net::Ipv4Addr;

use fingerpost_model::{RouteFlags, RouteType, Scope};
use fingerpost_net::Errno;

use super::cache::Cached;
use super::get::{MAX_MTU, decision_mtu};
use super::hash::{Asker, Hashed, Quoted, multipath_hash};
use super::output4::add_class_tag;
use super::source;
use super::validate::{self, Accepted, Packet};
use super::{
    Decision, DropReason, FibResult, Flow4, Input, Output, is_limited_broadcast, is_local_multicast, path,
    rules,
};
use crate::config::{Config, InDev, LOOPBACK};
use crate::namespace::Env;
use crate::state::State;
use crate::trace::{Event, Purpose, Tracer};

/// What input resolution looks at of a received packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Destination.
    pub dst: Ipv4Addr,
    /// Source.
    pub src: Ipv4Addr,
    /// Ingress device.
    pub dev: u32,
    /// Mark.
    pub mark: u32,
    /// Type-of-service byte.
    pub tos: u8,
    /// Protocol of the header.
    pub proto: u8,
    /// Ports, zero when there are none (fragments, other protocols).
    pub sport: u16,
    /// Destination port.
    pub dport: u16,
    /// Whether it is the pseudo packet of `ip route get`: that one's VRF has not
    /// seen it, so that groups which only the VRF joined do not count.
    pub pseudo: bool,
    /// What is hashed in place of its addresses, if it is an ICMP error or no packet of
    /// IPv4 at all (C-056).
    pub quoted: Option<Quoted>,
    /// The destination in its header, where a source route has another looked up: that is
    /// hashed.
    pub header_dst: Option<Ipv4Addr>,
    /// What a packet inside has for the multipath hash, where its policy looks there.
    pub inside: Option<u32>,
}

impl Received {
    /// A packet of which no more is known than where it goes.
    pub fn between(dev: u32, src: Ipv4Addr, dst: Ipv4Addr) -> Self {
        let (mark, tos, proto, sport, dport) = (0, 0, 0, 0, 0);
        let (quoted, header_dst, inside) = (None, None, None);
        Received { dst, src, dev, mark, tos, proto, sport, dport, pseudo: false, quoted, header_dst, inside }
    }
}

/// A group that every device joins while it is up.
const ALL_HOSTS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 1);

/// Whether a device has joined a group (`ip_check_mc_rcu`). Only the automatic
/// memberships are configuration; what sockets join is not known here.
pub fn has_joined(config: &Config, dev: u32, group: Ipv4Addr) -> bool {
    group == ALL_HOSTS && super::output4::is_usable(config, dev)
        || config.links.ipv4(dev).is_some_and(|ipv4| ipv4.groups.contains(&group))
}

/// Resolves a received packet. A drop carries the kernel's reason; an error
/// that is answered later (no route, forwarding off) is a decision.
pub fn resolve(
    config: &Config,
    state: &mut State,
    env: Env<'_>,
    packet: &Received,
    tracer: &mut Tracer<'_>,
) -> Result<Decision, DropReason> {
    let resolved = Resolver { config, state, env, packet }.run(tracer);
    if let Err(reason) = resolved {
        tracer.event(|| Event::Dropped { reason });
    }
    resolved
}

/// The decision for a packet whose lookup has found this route, the source being
/// accepted, on a host that has received nothing yet: what [`resolve`] makes of it
/// where forwarding is on and the packet does not turn back.
pub(crate) fn of_route(
    config: &Config,
    env: Env<'_>,
    packet: &Received,
    result: FibResult,
) -> Result<Decision, DropReason> {
    let mut resolver = Resolver { config, state: &mut State::default(), env, packet };
    match result.alias.kind {
        RouteType::LOCAL => Ok(resolver.deliver(Some(result), RouteFlags(0), RouteType::LOCAL, 0, true)),
        RouteType::UNICAST => resolver.forward_by(result, Accepted::default()),
        _ => Err(DropReason::IpInvalidDest),
    }
}

/// The decision for a packet whose lookup ended with an error.
pub(crate) fn without_route(config: &Config, env: Env<'_>, packet: &Received, errno: Errno) -> Decision {
    Resolver { config, state: &mut State::default(), env, packet }.no_route(errno)
}

struct Resolver<'a> {
    config: &'a Config,
    state: &'a mut State,
    env: Env<'a>,
    packet: &'a Received,
}

impl Resolver<'_> {
    fn run(mut self, tracer: &mut Tracer<'_>) -> Result<Decision, DropReason> {
        let (config, packet) = (self.config, self.packet);
        let flow = self.flow();
        tracer.event(|| Event::Begin { purpose: Purpose::Input, flow: flow.clone() });
        let ipv4 = config.links.ipv4(packet.dev).ok_or(DropReason::NotSpecified)?;
        if packet.dst.is_multicast() {
            return self.multicast(ipv4, tracer);
        }
        let localnet = source::routes_localnet(config, ipv4);
        if packet.src.is_multicast() || is_limited_broadcast(packet.src) {
            return Err(DropReason::IpInvalidSource);
        }
        if is_limited_broadcast(packet.dst) || (packet.src.is_unspecified() && packet.dst.is_unspecified()) {
            return self.broadcast(ipv4, None, true, tracer);
        }
        if packet.src.is_unspecified() {
            return Err(DropReason::IpInvalidSource);
        }
        if packet.dst.is_unspecified() {
            return Err(DropReason::IpInvalidDest);
        }
        if (packet.dst.is_loopback() || packet.src.is_loopback()) && !localnet {
            return Err(DropReason::IpLocalnet);
        }
        let forwarding = ipv4.conf.forwarding != 0; // T-24
        let mut flow = flow;
        let result = match rules::lookup(config, &mut flow, false, tracer) {
            Ok(result) => result,
            Err(errno) => return Ok(self.no_route(if forwarding { errno } else { Errno::EHOSTUNREACH })),
        };
        match result.alias.kind {
            RouteType::BROADCAST => {
                let all = config.sysctl.all.bc_forwarding != 0;
                if all && ipv4.conf.bc_forwarding != 0 {
                    return self.forward(ipv4, result, tracer); // C-202
                }
                self.broadcast(ipv4, Some(result), !all, tracer)
            }
            RouteType::LOCAL => {
                let accepted = validate::validate(config, ipv4, &self.to_validate(packet.dst, 0), tracer)?;
                Ok(self.deliver(Some(result), RouteFlags(0), RouteType::LOCAL, accepted.class_tag, true))
            }
            _ if !forwarding => Ok(self.no_route(Errno::EHOSTUNREACH)),
            RouteType::UNICAST => self.forward(ipv4, result, tracer),
            _ => Err(DropReason::IpInvalidDest), // C-200
        }
    }

    /// Protocol and ports are looked at only while some rule needs them (C-110).
    fn transport(&self) -> (u8, u16, u16) {
        if self.config.fib.has_custom_rules && self.config.fib.dissecting_rules > 0 {
            (self.packet.proto, self.packet.sport, self.packet.dport)
        } else {
            (0, 0, 0)
        }
    }

    fn flow(&self) -> Flow4 {
        let packet = self.packet;
        let (proto, sport, dport) = self.transport();
        Flow4 {
            src: packet.src,
            iif: packet.dev,
            mark: packet.mark,
            dscp: packet.tos & 0xfc,
            proto,
            sport,
            dport,
            ..Flow4::to(packet.dst)
        }
    }

    fn to_validate(&self, dst: Ipv4Addr, oif: u32) -> Packet {
        Packet {
            src: self.packet.src,
            dst,
            dev: self.packet.dev,
            oif,
            mark: self.packet.mark,
            dscp: self.packet.tos & 0xfc,
            transport: self.transport(),
        }
    }

    /// Section 3: multicast destinations.
    fn multicast(&mut self, ipv4: &InDev, tracer: &mut Tracer<'_>) -> Result<Decision, DropReason> {
        let (config, packet) = (self.config, self.packet);
        let master = config.links.l3_master(packet.dev);
        let ours = has_joined(config, packet.dev, packet.dst)
            || (master != packet.dev && !packet.pseudo && has_joined(config, master, packet.dst));
        let routed = !is_local_multicast(packet.dst)
            && ipv4.conf.mc_forwarding != 0
            && config.sysctl.all.mc_forwarding != 0;
        if !ours && !routed {
            return Err(DropReason::NotSpecified); // C-189
        }
        let localnet = source::routes_localnet(config, ipv4);
        let mut class_tag = 0;
        if packet.src.is_multicast() || is_limited_broadcast(packet.src) {
            return Err(DropReason::IpInvalidSource);
        } else if packet.src.is_loopback() && !localnet {
            return Err(DropReason::IpLocalnet);
        } else if packet.src.is_unspecified() {
            if !is_local_multicast(packet.dst) && packet.proto != 2 {
                return Err(DropReason::IpInvalidSource);
            }
        } else {
            let accepted =
                validate::validate(config, ipv4, &self.to_validate(Ipv4Addr::UNSPECIFIED, 0), tracer)?;
            class_tag = accepted.class_tag;
        }
        let local = if ours { RouteFlags::LOCAL } else { RouteFlags(0) };
        let mut decision = self.blank(LOOPBACK, RouteType::MULTICAST, RouteFlags::MULTICAST | local);
        decision.realms = class_tag;
        decision.input = if routed { Input::MulticastRoute } else { Input::LocalDeliver };
        Ok(decision)
    }

    /// *broadcast input*.
    fn broadcast(
        &mut self,
        ipv4: &InDev,
        result: Option<FibResult>,
        cacheable: bool,
        tracer: &mut Tracer<'_>,
    ) -> Result<Decision, DropReason> {
        let mut class_tag = 0;
        if !self.packet.src.is_unspecified() {
            let packet = self.to_validate(Ipv4Addr::UNSPECIFIED, 0);
            class_tag = validate::validate(self.config, ipv4, &packet, tracer)?.class_tag;
        }
        Ok(self.deliver(result, RouteFlags::BROADCAST, RouteType::BROADCAST, class_tag, cacheable))
    }

    /// *local input*.
    fn deliver(
        &mut self,
        result: Option<FibResult>,
        flags: RouteFlags,
        kind: RouteType,
        class_tag: u32,
        cacheable: bool,
    ) -> Decision {
        let config = self.config;
        let master = result.map_or(0, |result| config.links.l3_master(result.dev(config)));
        let dev = if master != 0 { master } else { LOOPBACK };
        let mut decision = self.blank(dev, kind, flags | RouteFlags::LOCAL);
        decision.realms = class_tag;
        decision.input = Input::LocalDeliver;
        decision.result = result;
        if cacheable && class_tag == 0 {
            self.through_cache(&mut decision);
        }
        decision
    }

    /// *no route*: an error decision, answered by `ip_error` later (C-198, C-199).
    fn no_route(&self, errno: Errno) -> Decision {
        let mut decision = self.blank(LOOPBACK, RouteType::UNREACHABLE, RouteFlags(0));
        decision.input = Input::Error(errno);
        decision.error = Some(errno);
        decision
    }

    /// Section 5.
    fn forward(
        &mut self,
        ipv4: &InDev,
        mut result: FibResult,
        tracer: &mut Tracer<'_>,
    ) -> Result<Decision, DropReason> {
        let (config, packet) = (self.config, self.packet);
        if config.hops(config.fib.info(result.alias.info)).len() > 1 {
            let &Received { src, proto, sport, dport, quoted, inside, .. } = packet;
            let dst = packet.header_dst.unwrap_or(packet.dst);
            let hashed = Hashed { src, dst, proto, sport, dport, quoted, inside };
            let hash = multipath_hash(&config.sysctl, &self.flow(), src, Asker::About(hashed));
            path::select_multipath(config, self.state, self.env.now, &mut result, hash, None, tracer);
        }
        let hop = result.hop(config).filter(|hop| config.links.ipv4(hop.dev).is_some());
        let oif = hop.ok_or(DropReason::NotSpecified)?.dev;
        let accepted = validate::validate(config, ipv4, &self.to_validate(packet.dst, oif), tracer)?;
        self.forward_by(result, accepted)
    }

    /// The decision by a route, its hop chosen, for a packet whose source is accepted.
    fn forward_by(&mut self, result: FibResult, accepted: Accepted) -> Result<Decision, DropReason> {
        let (config, packet) = (self.config, self.packet);
        let Some(hop) = result.hop(config) else { return Err(DropReason::NotSpecified) };
        let Some(out) = config.links.ipv4(hop.dev) else { return Err(DropReason::NotSpecified) };
        let mut decision = self.blank(hop.dev, result.alias.kind, RouteFlags(0));
        decision.input = Input::Forward;
        decision.output = Output::Ip;
        decision.result = Some(result);
        decision.gateway = hop.gateway.filter(|_| hop.scope == Scope::LINK);
        decision.realms = hop.realms;
        decision.metrics = Some(result.alias.info);
        add_class_tag(&mut decision.realms, result.rule_realms);
        add_class_tag(&mut decision.realms, accepted.class_tag);
        let hop_id = path::hop_id(config, result.alias.info, result.hop);
        let exception = self.state.exceptions.find(hop_id, packet.dst, self.env.now).copied();
        if let Some(exception) = exception {
            decision.pmtu = exception.path_mtu(self.env.now, true);
            decision.expires_in = exception.expires_in(self.env.now, true);
            if let Some(gateway) = exception.gateway {
                decision.gateway = Some(gateway.into());
                decision.flags = decision.flags | RouteFlags::REDIRECTED;
            }
        } else if accepted.class_tag == 0 {
            self.through_cache(&mut decision);
        } else {
            decision.gateway = path::uncached_gateway(decision.gateway, packet.dst);
        }
        if let Some(link) = config.links.get(hop.dev) {
            let uses_gateway = decision.gateway.is_some();
            decision.mtu = decision_mtu(config, decision.metrics, link, decision.pmtu, uses_gateway);
        }
        let all = &config.sysctl.all;
        let sends = out.conf.send_redirects != 0 || all.send_redirects != 0;
        if hop.dev == packet.dev && accepted.on_link && sends {
            // C-205
            let shared = out.conf.shared_media != 0 || all.shared_media != 0;
            let gateway = hop.gateway4().unwrap_or(Ipv4Addr::UNSPECIFIED);
            let one_subnet = out
                .addrs
                .iter()
                .any(|addr| addr.matches(packet.src) && (gateway.is_unspecified() || addr.matches(gateway)));
            if shared || one_subnet {
                decision.flags = decision.flags | RouteFlags::DOREDIRECT;
            }
        }
        Ok(decision)
    }

    /// An input decision without a route behind it.
    fn blank(&self, dev: u32, kind: RouteType, flags: RouteFlags) -> Decision {
        Decision {
            dev,
            kind,
            flags,
            is_input: true,
            asked_dev: 0,
            gateway: None,
            source: self.packet.src,
            destination: self.packet.dst,
            realms: 0,
            metrics: None,
            pmtu: None,
            expires_in: 0,
            mtu: self.config.links.get(dev).map_or(0, |link| link.mtu().min(MAX_MTU)),
            input: Input::Discard,
            output: Output::Bug,
            result: None,
            cached_in: None,
            error: None,
        }
    }

    /// Uses the hop's cached input decision, or caches this one (C-143).
    fn through_cache(&mut self, decision: &mut Decision) {
        let Some(result) = decision.result else { return };
        let hop = path::hop_id(self.config, result.alias.info, result.hop);
        let generation = self.config.fib.generation;
        let Decision { kind, flags, realms, metrics, .. } = *decision;
        let fresh = Cached { generation, kind, flags, realms, metrics };
        let cached = self.state.cache.input.entry(hop).or_insert(fresh);
        if cached.generation != generation {
            *cached = fresh;
        }
        (decision.kind, decision.flags) = (cached.kind, cached.flags);
        (decision.realms, decision.metrics) = (cached.realms, cached.metrics);
        decision.cached_in = Some(hop);
    }
}
