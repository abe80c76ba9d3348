//! Receiving ICMPv6 (`icmpv6_rcv`).

use std::net::{Ipv6Addr, SocketAddr};

use fingerpost_net::Family;
use fingerpost_net::wire::{Checksum, Header, Icmp, Ipv6, Udp, icmp6, nd, next, proto};

use super::super::sockets::{Envelope, SocketId, Told};
use super::super::{Outcome, Packet, Stack};
use super::headers;
use super::icmp::counters_of;
use crate::counters::{Counter, Messages};
use crate::lookup::DropReason;

/// What messages about sockets' packets end in that are not modelled.
const UNDECIDED: &str = "redirects about sockets' packets, and errors about groups of sockets";

impl Stack<'_, '_> {
    pub(super) fn icmp6_receive(&mut self, packet: &Packet) -> Outcome {
        let message = &packet.bytes[packet.six.at..];
        self.count(Counter::Icmp6InMsgs);
        let Some(&header) = Ipv6::read(&packet.bytes) else {
            return Outcome::Dropped(DropReason::IpInHdr);
        };
        let (src, dst) = (header.source(), header.destination());
        let sum = Checksum::ZERO.pseudo6(src, dst, next::ICMPV6, message.len()).bytes(message);
        if sum.finish() != 0 {
            self.count(Counter::Icmp6InCsumErrors);
            return self.icmp6_error(DropReason::IcmpCsum);
        }
        let Some(&head) = Icmp::read(message) else { return self.icmp6_error(DropReason::NotSpecified) };
        let data = &message[Icmp::LEN..];
        self.state.counters.message(Messages::In6, head.kind);
        if let Some((counter, _)) = counters_of(head.kind) {
            self.count(counter);
        }
        let ignored = Outcome::Dropped(DropReason::NotSpecified);
        match head.kind {
            icmp6::ECHO | icmp6::EXTENDED_ECHO if self.setting6("icmp/echo_ignore_all") == 0 => {
                self.echo_reply6(packet, &head, data)
            }
            icmp6::ECHO_REPLY | icmp6::EXTENDED_ECHO_REPLY => Outcome::Dropped(DropReason::NoSocket),
            icmp6::TOO_BIG if data.len() < Ipv6::LEN => self.icmp6_error(DropReason::NotSpecified),
            nd::ROUTER_SOLICIT..=nd::REDIRECT => self.nd_receive(packet, message),
            icmp6::LISTENER_QUERY => self.listeners_asked(packet, message),
            icmp6::LISTENER_REPORT => self.listener_reported(packet, message),
            icmp6::INFORMATIONAL.. => ignored,
            _ => self.hand_error_over(packet, &head, data),
        }
    }

    fn icmp6_error(&mut self, reason: DropReason) -> Outcome {
        self.count(Counter::Icmp6InErrors);
        Outcome::Dropped(reason)
    }

    /// The protocol of the quoted packet gets an error, and sockets that may have sent it
    /// (`icmpv6_notify`).
    pub(super) fn hand_error_over(&mut self, packet: &Packet, head: &Icmp, quoted: &[u8]) -> Outcome {
        let Some(header) = Ipv6::read(quoted) else { return self.icmp6_error(DropReason::PktTooSmall) };
        let Some(behind) = headers::skip(quoted, Ipv6::LEN, header.next) else {
            return self.icmp6_error(DropReason::Ipv6BadExthdr);
        };
        if quoted.len() < behind.at + 8 {
            return self.icmp6_error(DropReason::PktTooSmall);
        }
        match behind.number {
            255 => return self.icmp6_error(DropReason::NotSpecified),
            proto::UDP => self.udp6_error(packet, head, header, &quoted[behind.at..]),
            proto::TCP => self.tcp6_error(packet, head, header, &quoted[behind.at..]),
            proto::UDPLITE if self.env.behaviour.udp_lite => self.count(Counter::Icmp6InErrors),
            next::ICMPV6 if head.kind == icmp6::TOO_BIG => {
                self.learn_mtu6(packet, header, u32::from_be_bytes(head.rest), None);
            }
            next::ICMPV6 if head.kind == nd::REDIRECT => self.learn_redirect6(packet, Some(header)),
            number => {
                if let Some(name) = self.of_module(number, true) {
                    return Outcome::Unknown(name);
                }
            }
        }
        self.raw6_error(packet, head, header, behind.number, &quoted[behind.at..]);
        Outcome::Delivered
    }

    /// The socket that sent a datagram is told of an error (`__udp6_lib_err`).
    fn udp6_error(&mut self, packet: &Packet, head: &Icmp, quoted: &Ipv6, datagram: &[u8]) {
        let Some(udp) = Udp::read(datagram) else { return };
        let envelope = self.quoted_envelope(packet, quoted, (udp.sport.get(), udp.dport.get()));
        let Some(id) = self.state.sockets.find_udp(&envelope) else {
            return self.count(Counter::Icmp6InErrors);
        };
        if self.is_undecided(id, head) {
            return self.end(packet, Outcome::Unknown(UNDECIDED));
        }
        self.tell6(id, packet, (head, quoted), udp.dport.get(), &datagram[Udp::LEN..]);
    }

    /// Whether it is not modelled what a message means to a socket: a redirect, or an error
    /// about one of a group.
    fn is_undecided(&self, id: SocketId, head: &Icmp) -> bool {
        head.kind == nd::REDIRECT || self.state.sockets.is_shared(id)
    }

    /// The connection whose segment it was is told (`tcp_v6_err`).
    fn tcp6_error(&mut self, packet: &Packet, head: &Icmp, quoted: &Ipv6, segment: &[u8]) {
        let [a, b, c, d, e, f, g, h, ..] = *segment else { return };
        let (own, peer) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        let envelope = self.quoted_envelope(packet, quoted, (own, peer));
        let offender = Ipv6::read(&packet.bytes).map_or(Ipv6Addr::UNSPECIFIED, Ipv6::source);
        let (to, info) = (SocketAddr::new(quoted.destination().into(), peer), u32::from_be_bytes(head.rest));
        let told = Told { head: *head, offender: offender.into(), to, info, data: segment };
        match self.tell_tcp(&envelope, u32::from_be_bytes([e, f, g, h]), &told) {
            None => self.count(Counter::Icmp6InErrors),
            Some(_) if head.kind == nd::REDIRECT => self.end(packet, Outcome::Unknown(UNDECIDED)),
            Some(id) if head.kind == icmp6::TOO_BIG && self.keeps_a_way(id) => {
                self.learn_mtu6(packet, quoted, info, Some(id));
                self.let_go(id);
            }
            Some(_) => {}
        }
    }

    /// Raw sockets that may have sent a packet are told of an error (`raw6_icmp_error`).
    fn raw6_error(&mut self, packet: &Packet, head: &Icmp, quoted: &Ipv6, number: u8, data: &[u8]) {
        let envelope = self.quoted_envelope(packet, quoted, (0, 0));
        for id in self.state.sockets.find_raw(number, &envelope) {
            if !self.state.sockets.get(id).is_some_and(|socket| socket.hears_errors(true)) {
                continue;
            }
            if head.kind == nd::REDIRECT && number != next::ICMPV6 {
                return self.end(packet, Outcome::Unknown(UNDECIDED));
            }
            self.tell6(id, packet, (head, quoted), 0, data);
        }
    }

    fn tell6(
        &mut self,
        id: SocketId,
        packet: &Packet,
        (head, quoted): (&Icmp, &Ipv6),
        port: u16,
        data: &[u8],
    ) {
        let info = u32::from_be_bytes(head.rest);
        if head.kind == icmp6::TOO_BIG {
            if !self.learns_mtu(id, Family::V6) {
                return;
            }
            self.learn_mtu6(packet, quoted, info, Some(id));
            self.let_go(id);
        }
        let offender = Ipv6::read(&packet.bytes).map_or(Ipv6Addr::UNSPECIFIED, Ipv6::source);
        let to = SocketAddr::new(quoted.destination().into(), port);
        self.tell(id, &Told { head: *head, offender: offender.into(), to, info, data });
    }

    /// Who sent the quoted packet, as who would receive an answer to it.
    fn quoted_envelope(&self, packet: &Packet, quoted: &Ipv6, (own, peer): (u16, u16)) -> Envelope {
        Envelope {
            from: SocketAddr::new(quoted.destination().into(), peer),
            to: SocketAddr::new(quoted.source().into(), own),
            dev: self.receiving_device(packet),
            slave: 0,
            takes_vrf: false,
        }
    }
}
