//! What ICMP teaches about a destination: path MTUs (`ipv4_update_pmtu`, C-274) and other
//! gateways (`ipv4_redirect`, C-272, C-273), by the flow of the packet that it quotes.

use std::net::{IpAddr, Ipv4Addr};

use fingerpost_model::{NeighState, RouteFlags, RouteType, TableId};
use fingerpost_net::wire::{Header, Icmp, Ipv4};

use super::neighbour::key;
use super::output::locks_mtu;
use super::sockets::SocketId;
use super::{Logged, Packet, Stack};
use crate::config::InDev;
use crate::lookup::hash::{Asker, Hashed, Quoted};
use crate::lookup::{Decision, FibResult, Flow4, output4, path, rules, source};

/// How long a gateway that a redirect named is used, seconds (`ip_rt_gc_timeout`).
const REDIRECT_LIFETIME: u64 = 300;

impl Stack<'_, '_> {
    /// The flow of a quoted packet, as the packet tells it.
    pub(super) fn quoted_flow(&self, about: &Packet, quoted: &Ipv4, oif: u32) -> Flow4 {
        Flow4 {
            src: quoted.source(),
            oif,
            mark: self.reply_mark(about),
            dscp: quoted.tos & 0xfc,
            proto: quoted.proto,
            ..Flow4::to(quoted.destination())
        }
    }

    /// The same as the socket has it that sent the packet (`__build_flow_key`).
    pub(super) fn flow_of_socket(&self, id: SocketId, quoted: &Ipv4) -> Flow4 {
        let to = quoted.destination();
        let flow = self.state.sockets.get(id).map(|socket| Flow4 {
            any_source: false,
            oif: socket.options.dev,
            ..self.flow4(&socket.options4(), socket.kind, to)
        });
        Flow4 { src: quoted.source(), ..flow.unwrap_or_else(|| Flow4::to(to)) }
    }

    /// The device that a socket is bound to.
    pub(super) fn device_of(&self, id: SocketId) -> u32 {
        self.state.sockets.get(id).map_or(0, |socket| socket.options.dev)
    }

    fn route_of(&mut self, flow: &Flow4) -> Option<(Decision, Flow4)> {
        let mut flow = flow.clone();
        let asker = Asker::Socket;
        let decision = output4::resolve(self.config, self.state, self.env, &mut flow, asker, self.tracer);
        decision.ok().map(|decision| (decision, flow))
    }

    /// The route that the tables give for a flow now, whose hops are what remembers.
    fn found_for(&mut self, flow: &Flow4) -> Option<FibResult> {
        let mut flow = flow.clone();
        rules::lookup(self.config, &mut flow, false, self.tracer).ok()
    }

    /// Packets to a destination may be so long at most, a router says.
    pub(super) fn learn_mtu(&mut self, flow: &Flow4, mtu: u32) {
        let Some((decision, flow)) = self.route_of(flow) else { return };
        if locks_mtu(self.config, &decision) {
            return;
        }
        let Some(result) = self.found_for(&flow) else { return };
        let (current, now, info) = (decision.mtu, self.now(), result.alias.info);
        // All legs of a route learn of it.
        for index in 0..self.config.hops(self.config.fib.info(info)).len() {
            let hop = path::hop_id(self.config, info, index);
            self.state.exceptions.learn_pmtu(hop, flow.dst, mtu, current, &self.config.sysctl, now);
        }
    }

    /// Another gateway is better for a destination, the present one says.
    pub(super) fn learn_redirect(
        &mut self,
        about: &Packet,
        from: Ipv4Addr,
        code: u8,
        gateway: Ipv4Addr,
        flow: &Flow4,
    ) {
        let Some((decision, flow)) = self.route_of(flow) else { return };
        let Some(ipv4) = self.config.links.ipv4(about.dev) else { return };
        // Once something was learned for a destination on the link, it is its own gateway
        // (`rt_bind_exception`).
        let own = decision.pmtu.map(|_| IpAddr::V4(flow.dst));
        if code & 7 > 3 || decision.gateway.or(own) != Some(IpAddr::V4(from)) {
            return;
        }
        if gateway == from || !self.may_be_gateway(ipv4, about.dev, from, gateway) {
            let (src, dst, dev) = (flow.src, flow.dst, about.dev);
            return self.log(dev, || Logged::RedirectIgnored { from, dev, gateway, src, dst });
        }
        let neighbour = key(decision.dev, gateway);
        let is_valid = self.config.neighbours.state(neighbour.0, neighbour.1);
        let is_fixed = self.without_resolution(neighbour.0, neighbour.1).is_some();
        if !is_fixed && !is_valid.is_some_and(|state| state.any(NeighState::VALID)) {
            return self.resolve(neighbour);
        }
        let Some(mut result) = self.found_for(&flow) else { return };
        // The leg that would remember is chosen by the redirect, not by the packet it is about.
        let Some(header) = Ipv4::read(&about.bytes) else { return };
        let (asker, mut flow) = (Asker::About(hashed_of_redirect(&about.bytes, header)), flow);
        output4::select_path(self.config, self.state, self.env, &mut flow, &mut result, asker, self.tracer);
        let (hop, now) = (path::hop_id(self.config, result.alias.info, result.hop), self.now());
        self.state.exceptions.learn_redirect(hop, flow.dst, gateway, REDIRECT_LIFETIME, now);
    }

    /// Whether a redirect to this gateway is believed.
    fn may_be_gateway(&self, ipv4: &InDev, dev: u32, from: Ipv4Addr, gateway: Ipv4Addr) -> bool {
        let (conf, all) = (&ipv4.conf, &self.config.sysctl.all);
        let (own, of_all) = (conf.accept_redirects != 0, all.accept_redirects != 0);
        let accepts = if conf.forwarding != 0 { own && of_all } else { own || of_all };
        let is_odd = gateway.is_multicast() || gateway.is_broadcast() || gateway.octets()[0] == 0;
        if !accepts || is_odd {
            return false;
        }
        if conf.shared_media == 0 && all.shared_media == 0 {
            let on_link = ipv4.addrs.iter().any(|addr| addr.matches(gateway) && addr.matches(from));
            let is_secure = conf.secure_redirects != 0 || all.secure_redirects != 0;
            return on_link && (!is_secure || self.is_known_gateway(gateway, dev));
        }
        source::address_type(self.config, gateway, TableId::LOCAL) == RouteType::UNICAST
    }

    /// Whether some live route goes by a gateway on a device (`ip_fib_check_default`).
    fn is_known_gateway(&self, gateway: Ipv4Addr, dev: u32) -> bool {
        let hops = self.config.fib.infos.iter().flatten().flat_map(|info| &info.hops);
        hops.filter(|hop| hop.dev == dev && !hop.flags.has(RouteFlags::DEAD))
            .any(|hop| hop.gateway4() == Some(gateway))
    }
}

/// What is hashed of a redirect. By then its buffer begins with the packet that it quotes, and
/// where an ICMP error would have its type, as far from there as its own header is long, lie
/// bytes of that packet: where they look like an error, the addresses behind them are hashed
/// (`ip_multipath_l3_keys`).
fn hashed_of_redirect(redirect: &[u8], header: &Ipv4) -> Hashed {
    let len = header.header_len();
    let begun = redirect.get(len + Icmp::LEN..).unwrap_or_default();
    let seen =
        begun.get(len..).filter(|seen| seen.first().is_some_and(|kind| matches!(kind, 3 | 4 | 5 | 11 | 12)));
    let quoted = seen.and_then(|seen| Ipv4::read(seen.get(Icmp::LEN..)?));
    Hashed {
        src: header.source(),
        dst: header.destination(),
        proto: header.proto,
        sport: 0,
        dport: 0,
        quoted: quoted.map(|quoted| Quoted::Error(quoted.source(), quoted.destination())),
        inside: None,
    }
}
