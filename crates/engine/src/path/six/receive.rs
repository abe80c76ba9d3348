//! Receiving IPv6 (`ipv6_rcv`): the checks of the header, PREROUTING, the input lookup
//! and the dispatch.

use fingerpost_net::Errno;
use fingerpost_net::wire::{Header, Ipv6, icmp6, next};

use super::super::sockets::Early;
use super::super::vrf::is_discovery;
use super::super::{Addressed, Outcome, Packet, Stack};
use super::{Noted, dropped, headers, hop_device, is_multipath};
use crate::counters::Counter;
use crate::lookup::{DropReason, Flow6, Input, Output, input6, receive6};
use crate::trace::Stage;

impl Stack<'_, '_> {
    /// `ipv6_rcv`.
    pub(in crate::path) fn ip6_receive(&mut self, mut packet: Box<Packet>) {
        self.stage(Stage::Receive { dev: packet.dev });
        if let Err(outcome) = self.ip6_check(&mut packet) {
            return self.end(&packet, outcome);
        }
        if let Some(passed) = self.prerouting(packet) {
            self.ip6_receive_finish(passed.into_packet());
        }
    }

    /// `ip6_rcv_core`; the packet is cut to the length that its header tells (T-49, T-71).
    fn ip6_check(&mut self, packet: &mut Packet) -> Result<(), Outcome> {
        if packet.addressed == Addressed::OtherHost {
            return dropped(DropReason::OtherHost);
        }
        self.count(Counter::Ip6InReceives);
        self.state.counters.add(Counter::Ip6InOctets, packet.bytes.len() as u64);
        let Some(ipv6) = self.config.links.ipv6(packet.dev) else {
            self.count(Counter::Ip6InDiscards);
            return dropped(DropReason::NotSpecified);
        };
        if ipv6.conf.disable_ipv6 != 0 {
            self.count(Counter::Ip6InDiscards);
            return dropped(DropReason::Ipv6Disabled);
        }
        let takes_unicast_to_many = ipv6.conf.drop_unicast_in_l2_multicast == 0;
        // What an earlier pass noted is forgotten; that of a packet made here stays decided.
        packet.is_forwarded = false;
        packet.six = Noted { entered: packet.dev, next_at: Ipv6::NEXT_AT, at: Ipv6::LEN, ..Noted::default() };
        packet.iif = match &packet.decision6 {
            Some(decision) => hop_device(self.config, decision),
            None => packet.dev,
        };
        let wrong = |stack: &mut Self, reason| {
            stack.count(Counter::Ip6InHdrErrors);
            dropped(reason)
        };
        let Some(&header) = Ipv6::read(&packet.bytes) else { return wrong(self, DropReason::IpInHdr) };
        if header.version() != 6 {
            return wrong(self, DropReason::UnhandledProto);
        }
        self.count(match header.traffic_class() & 3 {
            0 => Counter::Ip6InNoECTPkts,
            1 => Counter::Ip6InECT1Pkts,
            2 => Counter::Ip6InECT0Pkts,
            _ => Counter::Ip6InCEPkts,
        });
        let (src, dst) = (header.source(), header.destination());
        let refused = receive6::refused(self.config, packet.dev, src, dst);
        // What is for this host alone may come back to it.
        let is_own_copy =
            packet.addressed == Addressed::Loopback && dst.is_multicast() && dst.octets()[1] & 15 == 1;
        let refused = refused.filter(|_| !is_own_copy || src.is_loopback() || src.is_multicast());
        let to_many = matches!(packet.addressed, Addressed::Broadcast | Addressed::Multicast);
        let is_odd = to_many && !dst.is_multicast() && !takes_unicast_to_many;
        let is_of_host = src.is_loopback() || dst.is_loopback();
        if is_odd && (refused.is_none() || !is_of_host) {
            return wrong(self, DropReason::UnicastInL2Multicast);
        }
        if let Some(reason) = refused {
            return wrong(self, reason);
        }
        let payload = usize::from(header.payload_len.get());
        if payload != 0 || header.next != next::HOP {
            if payload + Ipv6::LEN > packet.bytes.len() {
                self.count(Counter::Ip6InTruncatedPkts);
                return dropped(DropReason::PktTooSmall);
            }
            packet.bytes.truncate(payload + Ipv6::LEN);
        }
        if header.next == next::HOP
            && let Err(outcome) = self.hop_by_hop(packet)
        {
            self.count(Counter::Ip6InHdrErrors);
            return Err(outcome);
        }
        Ok(())
    }

    /// `ip6_rcv_finish`.
    fn ip6_receive_finish(&mut self, packet: Box<Packet>) {
        let Some(mut packet) = self.enter_vrf6(packet) else { return };
        let Some(&header) = Ipv6::read(&packet.bytes) else {
            return self.drop(&packet, DropReason::IpInHdr);
        };
        if packet.decision6.is_none() {
            self.ask_socket6(&mut packet, &header);
        }
        if packet.decision6.is_none() {
            match self.route_input6(packet) {
                Some(routed) => packet = routed,
                None => return,
            }
        }
        self.dispatch_input6(packet);
    }

    /// Looks the way of a received packet up (`ip6_route_input`); `None` where that is its end.
    pub(super) fn route_input6(&mut self, mut packet: Box<Packet>) -> Option<Box<Packet>> {
        let Some(&header) = Ipv6::read(&packet.bytes) else {
            self.drop(&packet, DropReason::IpInHdr);
            return None;
        };
        let mut flow = self.received_flow(&packet, &header);
        let flow = &mut flow;
        let stays = is_discovery(&packet.bytes);
        match input6::receive(self.config, self.state, self.env, flow, stays, self.tracer) {
            Err(errno) => {
                self.answer_no_route(packet, errno);
                return None;
            }
            Ok(decision) if is_multipath(self.config, &decision) => {
                if let Some(unknown) = self.unknown_seed() {
                    self.end(&packet, Outcome::Unknown(unknown));
                    return None;
                }
                packet.decision6 = Some(decision);
            }
            Ok(decision) => packet.decision6 = Some(decision),
        }
        Some(packet)
    }

    /// What a connected socket remembers of its packets' way (C-186).
    fn ask_socket6(&self, packet: &mut Packet, header: &Ipv6) {
        let Some(&[a, b, c, d, ..]) = packet.bytes.get(Ipv6::LEN..) else { return };
        let ports = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        let early = self.early_demux(packet, header.next, ports);
        let (has_socket, decision) = match early {
            Some(Early::Six(decision)) => (true, Some(decision)),
            early => (early.is_some(), None),
        };
        (packet.has_socket, packet.decision6) = (has_socket, decision);
    }

    /// What the lookup of a received packet asks (`ip6_route_input`).
    fn received_flow(&self, packet: &Packet, header: &Ipv6) -> Flow6 {
        let mut hashed = headers::hashed(self.config, &packet.bytes, header);
        // ICMPv6 is hashed before the lookup, with what rules had it dissected for.
        hashed.for_rules = hashed.proto == next::ICMPV6
            && self.config.rules6.list.iter().any(|rule| rule.needs_dissection());
        Flow6 {
            src: header.source(),
            has_source: true,
            iif: if packet.iif != 0 { packet.iif } else { packet.dev },
            mark: packet.mark,
            dscp: header.traffic_class() & 0xfc,
            flowlabel: header.flow_label(),
            proto: hashed.proto,
            sport: hashed.sport,
            dport: hashed.dport,
            hashed: Some(hashed),
            ..Flow6::to(header.destination())
        }
    }

    /// What keeps any choice of a leg from being known.
    pub(super) fn unknown_seed(&self) -> Option<&'static str> {
        (self.config.sysctl.fib_multipath_hash_seed == 0).then_some("the seed of the multipath hash")
    }

    /// Goes on by the decision's input function.
    pub(super) fn dispatch_input6(&mut self, packet: Box<Packet>) {
        let Some(decision) = &packet.decision6 else { return self.drop(&packet, DropReason::NotSpecified) };
        match decision.input {
            Input::LocalDeliver => self.deliver6(packet),
            Input::Forward => self.forward6(packet),
            Input::MulticastRoute => self.deliver_to_group(packet),
            Input::Error(errno) => self.answer_no_route(packet, errno),
            // A route through loopback answers as an unreachable one does (T-51).
            Input::Discard if decision.output == Output::Discard => {
                self.answer_no_route(packet, Errno::ENETUNREACH)
            }
            Input::Discard => self.drop(&packet, DropReason::NotSpecified),
        }
    }

    /// A packet that no route takes (`ip6_pkt_drop`; T-51).
    fn answer_no_route(&mut self, packet: Box<Packet>, errno: Errno) {
        self.stage(Stage::Error { errno });
        if errno == Errno::EINVAL {
            return self.drop(&packet, DropReason::NotSpecified);
        }
        let dst = Ipv6::read(&packet.bytes).map(Ipv6::destination);
        let counter = match dst.is_some_and(|dst| dst.is_unspecified()) {
            true => Counter::Ip6InAddrErrors,
            false => Counter::Ip6InNoRoutes,
        };
        let code = if errno == Errno::EACCES { icmp6::PROHIBITED } else { icmp6::NO_ROUTE };
        self.tell_no_route(packet, code, counter);
    }

    /// The sender of a packet is told that there is no way (`ip6_pkt_drop`).
    pub(super) fn tell_no_route(&mut self, packet: Box<Packet>, code: u8, counter: Counter) {
        self.count(counter);
        self.icmp6_send(&packet, icmp6::UNREACHABLE, code, 0);
        let reason = match counter {
            Counter::Ip6InAddrErrors => DropReason::IpInAddrErrors,
            Counter::Ip6InNoRoutes => DropReason::IpInNoRoutes,
            _ => DropReason::IpOutNoRoutes,
        };
        self.drop(&packet, reason);
    }

    /// `ip6_mc_input`, without multicast routing.
    fn deliver_to_group(&mut self, packet: Box<Packet>) {
        self.count(Counter::Ip6InMcastPkts);
        self.state.counters.add(Counter::Ip6InMcastOctets, packet.bytes.len() as u64);
        let Some(dst) = Ipv6::read(&packet.bytes).map(Ipv6::destination) else {
            return self.drop(&packet, DropReason::IpInHdr);
        };
        if self.config.sysctl6.all.mc_forwarding != 0 {
            return self.end(&packet, Outcome::Unknown("multicast forwarding"));
        }
        // Groups are those of the ingress device, whoever goes on with the packet.
        let dev = if self.is_vrf(packet.dev) { packet.iif } else { packet.dev };
        match receive6::joined(self.config, dev, dst) {
            true => self.deliver6(packet),
            false => self.drop(&packet, DropReason::NotSpecified),
        }
    }
}
