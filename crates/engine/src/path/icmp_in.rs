//! Receiving ICMP (`icmp_rcv`, packet-path section 9).

use std::net::{Ipv4Addr, SocketAddr};

use fingerpost_model::{RouteFlags, RouteType, Scope};
use fingerpost_net::Family;
use fingerpost_net::wire::{Header, Icmp, Ipv4, checksum, icmp, proto};

use super::deliver::Taken;
use super::sockets::{Envelope, SHARED, Told};
use super::{Addressed, Outcome, Packet, Stack};
use crate::counters::{Counter, Messages};
use crate::lookup::{Decision, DropReason, Flow4, rules, source};

impl Stack<'_, '_> {
    pub(super) fn icmp_receive(&mut self, packet: &Packet, header: &Ipv4) -> Taken {
        self.count(Counter::IcmpInMsgs);
        let message = &packet.bytes[header.header_len()..];
        // That of a copy that comes back is taken for right.
        if packet.addressed != Addressed::Loopback && checksum(message) != 0 {
            self.count(Counter::IcmpInCsumErrors);
            return self.icmp_error(DropReason::IcmpCsum);
        }
        let Some(&head) = Icmp::read(message) else { return self.icmp_error(DropReason::NotSpecified) };
        let data = &message[Icmp::LEN..];
        self.state.counters.message(Messages::In4, head.kind);
        if let Some(counter) = counter_of(head.kind) {
            self.count(counter);
        }
        if head.kind == icmp::EXTENDED_ECHO {
            // To many as well.
            if self.setting("icmp_echo_ignore_all") == 0
                && let Some(probed) = self.probed(head.code, head.rest, data)
            {
                let kind = icmp::EXTENDED_ECHO_REPLY;
                self.icmp_reply(packet, header, (kind, probed.code), probed.rest, data);
            }
            return Ok(());
        }
        let to_many = RouteFlags::BROADCAST | RouteFlags::MULTICAST;
        if packet.decision.as_ref().is_some_and(|decision| decision.flags.any(to_many)) {
            let is_question = matches!(head.kind, icmp::ECHO | icmp::TIMESTAMP);
            let is_ignored = is_question && self.setting("icmp_echo_ignore_broadcasts") != 0;
            if is_ignored || !is_question && !matches!(head.kind, 17 | 18) {
                return self.icmp_error(DropReason::InvalidProto);
            }
        }
        if head.kind == icmp::EXTENDED_ECHO_REPLY {
            return Err(DropReason::NoSocket);
        }
        if head.kind > icmp::LAST {
            return self.icmp_error(DropReason::UnhandledProto); // C-264
        }
        match head.kind {
            icmp::ECHO if self.setting("icmp_echo_ignore_all") != 0 => Ok(()),
            icmp::ECHO => {
                // C-263; the code stays.
                self.icmp_reply(packet, header, (icmp::ECHO_REPLY, head.code), head.rest, data);
                Ok(())
            }
            icmp::TIMESTAMP if data.len() < 4 => self.icmp_error(DropReason::PktTooSmall),
            icmp::TIMESTAMP => {
                let now = self.since_midnight().to_be_bytes();
                let mut times = Vec::from(&data[..4]);
                times.extend_from_slice(&now);
                times.extend_from_slice(&now);
                self.icmp_reply(packet, header, (icmp::TIMESTAMP_REPLY, 0), head.rest, &times);
                Ok(())
            }
            icmp::ECHO_REPLY => Err(DropReason::NoSocket),
            icmp::UNREACHABLE | icmp::TIME_EXCEEDED | icmp::PARAMETER | 4 => {
                self.error_received(packet, &head, data)
            }
            icmp::REDIRECT => self.redirect_received(packet, &head, data),
            _ => Ok(()),
        }
    }

    fn icmp_error(&mut self, reason: DropReason) -> Taken {
        self.count(Counter::IcmpInErrors);
        Err(reason)
    }

    /// Milliseconds since midnight, universal time (`inet_current_timestamp`).
    pub(super) fn since_midnight(&self) -> u32 {
        (self.state.wall.wrapping_add(self.now().0) % 86_400_000) as u32
    }

    /// `icmp_unreach`.
    fn error_received(&mut self, packet: &Packet, head: &Icmp, data: &[u8]) -> Taken {
        let Some(quoted) = Ipv4::read(data) else { return self.icmp_error(DropReason::NotSpecified) };
        if quoted.header_len() < Ipv4::LEN {
            return self.icmp_error(DropReason::IpInHdr);
        }
        let mut mtu = None;
        match (head.kind, head.code) {
            (icmp::UNREACHABLE, 16..) | (icmp::TIME_EXCEEDED, icmp::REASSEMBLY) => return Ok(()),
            (icmp::UNREACHABLE, icmp::FRAGMENTATION_NEEDED) => {
                let [_, _, high, low] = head.rest;
                match self.config.sysctl.ip_no_pmtu_disc {
                    2 => return Ok(()),
                    // Only protocols that can tell a forged quote take part.
                    3 if quoted.proto != proto::TCP => return Ok(()),
                    1 => mtu = Some(0),
                    _ => mtu = Some(u32::from(u16::from_be_bytes([high, low]))),
                }
            }
            _ => {}
        }
        if self.setting("icmp_ignore_bogus_error_responses") == 0 {
            // Errors about broadcasts are complained of, and go no further.
            let kind = source::address_type_on(self.config, quoted.destination(), packet.dev);
            if kind == RouteType::BROADCAST {
                return Ok(());
            }
        }
        self.hand_over(packet, head, quoted, data, mtu);
        Ok(())
    }

    /// `icmp_redirect`.
    fn redirect_received(&mut self, packet: &Packet, head: &Icmp, data: &[u8]) -> Taken {
        let Some(quoted) = Ipv4::read(data) else { return self.icmp_error(DropReason::PktTooSmall) };
        self.hand_over(packet, head, quoted, data, None);
        Ok(())
    }

    /// The sockets of the quoted packet are told of an error, and what it teaches is learned
    /// (`icmp_socket_deliver`): a path MTU, or another gateway. Of packets that the host
    /// sends without a socket, echo replies, it is learned too.
    fn hand_over(&mut self, packet: &Packet, head: &Icmp, quoted: &Ipv4, data: &[u8], mtu: Option<u32>) {
        // Raw sockets of the protocol RAW receive nothing.
        if data.len() < quoted.header_len() + 8 || quoted.proto == proto::RAW {
            return self.count(Counter::IcmpInErrors);
        }
        let behind = &data[quoted.header_len()..];
        let port = |at: usize| u16::from_be_bytes([behind[at], behind[at + 1]]);
        // The quoted packet's sender is whom this one is for.
        let envelope = |(own, peer): (u16, u16)| Envelope {
            from: SocketAddr::new(quoted.destination().into(), peer),
            to: SocketAddr::new(quoted.source().into(), own),
            dev: packet.dev,
            slave: 0,
            takes_vrf: false,
        };
        let offender = Ipv4::read(&packet.bytes).map_or(Ipv4Addr::UNSPECIFIED, Ipv4::source);
        let told = |port: u16, data| Told {
            head: *head,
            offender: offender.into(),
            to: SocketAddr::new(quoted.destination().into(), port),
            info: match head.kind {
                icmp::PARAMETER => head.rest[0].into(),
                _ => mtu.unwrap_or(0),
            },
            data,
        };
        for id in self.state.sockets.find_raw(quoted.proto, &envelope((0, 0))) {
            let taught = mtu.filter(|_| self.learns_mtu(id, Family::V4));
            self.learn_from(packet, head, self.flow_of_socket(id, quoted), taught, offender);
            // Who writes headers is told with the header.
            let with_header = self.state.sockets.get(id).is_some_and(|socket| socket.options.with_header);
            self.tell(id, &told(0, if with_header { data } else { behind }));
        }
        match quoted.proto {
            proto::UDP => match self.state.sockets.find_udp(&envelope((port(0), port(2)))) {
                Some(id) if self.state.sockets.is_shared(id) => self.end(packet, Outcome::Unknown(SHARED)),
                Some(id) => {
                    let mtu = mtu.filter(|_| self.learns_mtu(id, Family::V4));
                    let flow = match (mtu, self.has_way(id)) {
                        (Some(_), false) => self.quoted_flow(packet, quoted, self.device_of(id)),
                        _ => self.flow_of_socket(id, quoted),
                    };
                    self.learn_from(packet, head, flow.clone(), mtu, offender);
                    if mtu.is_some() {
                        self.find_way4(id, flow);
                    }
                    self.tell(id, &told(port(2), &behind[8..]));
                }
                None => self.count(Counter::IcmpInErrors),
            },
            proto::TCP => {
                let seq = u32::from_be_bytes([behind[4], behind[5], behind[6], behind[7]]);
                let told = told(port(2), behind);
                match self.tell_tcp(&envelope((port(0), port(2))), seq, &told) {
                    None => self.count(Counter::IcmpInErrors),
                    Some(id) if self.keeps_a_way(id) => {
                        self.learn_from(packet, head, self.flow_of_socket(id, quoted), mtu, offender);
                    }
                    Some(_) => {}
                }
            }
            proto::ICMP if behind[0] == icmp::ECHO_REPLY => {
                self.learn_from(packet, head, self.quoted_flow(packet, quoted, 0), mtu, offender);
            }
            // Nobody here speaks it.
            proto::UDPLITE if self.env.behaviour.udp_lite => self.count(Counter::IcmpInErrors),
            number => {
                if let Some(name) = self.of_module(number, false) {
                    self.end(packet, Outcome::Unknown(name));
                }
            }
        }
    }

    fn learn_from(&mut self, about: &Packet, head: &Icmp, flow: Flow4, mtu: Option<u32>, from: Ipv4Addr) {
        match (head.kind, mtu) {
            (icmp::REDIRECT, _) => self.learn_redirect(about, from, head.code, head.rest.into(), &flow),
            (_, Some(mtu)) => self.learn_mtu(&flow, mtu),
            _ => {}
        }
    }

    /// The address of this host that a packet to many was meant for (`fib_compute_spec_dst`).
    pub(super) fn specific_destination(
        &mut self,
        packet: &Packet,
        decision: &Decision,
        header: &Ipv4,
    ) -> Ipv4Addr {
        let to_many = RouteFlags::BROADCAST | RouteFlags::MULTICAST;
        if decision.flags.has(RouteFlags::LOCAL) && !decision.flags.any(to_many) {
            return header.destination();
        }
        let sender = header.source();
        let Some(ipv4) = self.config.links.ipv4(packet.dev) else { return Ipv4Addr::UNSPECIFIED };
        let mut scope = Scope::LINK;
        if sender.octets()[0] != 0 {
            let by_mark = ipv4.conf.src_valid_mark != 0 || self.config.sysctl.all.src_valid_mark != 0;
            let mark = if by_mark { packet.mark } else { 0 };
            let l3mdev = self.vrf_of(packet.dev);
            let mut flow = Flow4 { dscp: header.tos & 0xfc, mark, l3mdev, ..Flow4::to(sender) };
            if let Ok(result) = rules::lookup(self.config, &mut flow, false, self.tracer) {
                return source::of_result(self.config, self.state, &result).0;
            }
            scope = Scope::UNIVERSE;
        }
        source::select_addr(self.config, packet.dev, sender, scope).0
    }
}

/// The counter of received messages of a type.
fn counter_of(kind: u8) -> Option<Counter> {
    Some(match kind {
        0 => Counter::IcmpInEchoReps,
        3 => Counter::IcmpInDestUnreachs,
        4 => Counter::IcmpInSrcQuenchs,
        5 => Counter::IcmpInRedirects,
        8 => Counter::IcmpInEchos,
        11 => Counter::IcmpInTimeExcds,
        12 => Counter::IcmpInParmProbs,
        13 => Counter::IcmpInTimestamps,
        14 => Counter::IcmpInTimestampReps,
        17 => Counter::IcmpInAddrMasks,
        18 => Counter::IcmpInAddrMaskReps,
        _ => return None,
    })
}
