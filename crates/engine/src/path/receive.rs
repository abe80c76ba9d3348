//! Receiving IPv4 (`ip_rcv`): the checks of the header, PREROUTING, the input lookup and
//! what is done between it and the dispatch (route-input sections 1 and 2).

use std::net::Ipv4Addr;

use fingerpost_model::RouteType;
use fingerpost_net::Errno;
use fingerpost_net::wire::{Header, Icmp, Ipv4, Tcp, Udp, checksum, icmp, proto};

use super::sockets::Early;
use super::{Addressed, Options, Packet, Stack, dissect};
use crate::counters::Counter;
use crate::lookup::hash::Quoted;
use crate::lookup::input4::{self, Received};
use crate::lookup::{Decision, DropReason, Input};
use crate::trace::Stage;

impl Stack<'_, '_> {
    /// `ip_rcv`.
    pub(super) fn ip_receive(&mut self, mut packet: Box<Packet>) {
        self.stage(Stage::Receive { dev: packet.dev });
        if let Err(reason) = self.ip_check(&mut packet) {
            return self.drop(&packet, reason);
        }
        // What an earlier pass noted is forgotten.
        packet.is_forwarded = false;
        packet.reassembled = None;
        packet.options = Options::default();
        if let Some(passed) = self.prerouting(packet) {
            self.ip_receive_finish(passed.into_packet());
        }
    }

    /// `ip_rcv_core`; the packet is cut to the length that its header tells (C-184).
    fn ip_check(&mut self, packet: &mut Packet) -> Result<(), DropReason> {
        if packet.addressed == Addressed::OtherHost {
            return Err(DropReason::OtherHost);
        }
        self.count(Counter::IpInReceives);
        self.state.counters.add(Counter::IpExtInOctets, packet.bytes.len() as u64);
        let checked = match Ipv4::read(&packet.bytes) {
            None => Err(DropReason::IpInHdr),
            Some(header) if header.header_len() < Ipv4::LEN || header.version() != 4 => {
                Err(DropReason::IpInHdr)
            }
            Some(header) => {
                let (header, len) = (*header, packet.bytes.len());
                self.count(match header.tos & 3 {
                    0 => Counter::IpExtInNoECTPkts,
                    1 => Counter::IpExtInECT1Pkts,
                    2 => Counter::IpExtInECT0Pkts,
                    _ => Counter::IpExtInCEPkts,
                });
                let total = usize::from(header.total_len.get());
                if len < header.header_len() {
                    Err(DropReason::IpInHdr)
                } else if checksum(&packet.bytes[..header.header_len()]) != 0 {
                    self.count(Counter::IpExtInCsumErrors);
                    Err(DropReason::IpCsum)
                } else if len < total {
                    self.count(Counter::IpExtInTruncatedPkts);
                    return Err(DropReason::PktTooSmall);
                } else if total < header.header_len() {
                    Err(DropReason::IpInHdr)
                } else {
                    packet.bytes.truncate(total);
                    Ok(())
                }
            }
        };
        if checked.is_err() {
            self.count(Counter::IpInHdrErrors);
        }
        checked
    }

    /// `ip_rcv_finish`.
    fn ip_receive_finish(&mut self, packet: Box<Packet>) {
        // What the packet's device says of it is said by the ingress device all the same.
        let Some(mut packet) = self.enter_vrf(packet) else { return };
        let Some(&header) = Ipv4::read(&packet.bytes) else {
            return self.drop(&packet, DropReason::IpInHdr);
        };
        if packet.decision.is_none() {
            self.ask_socket(&mut packet, &header);
        }
        if packet.decision.is_none() {
            match self.input_lookup(&packet, &header) {
                Ok(decision) => packet.decision = Some(decision),
                Err(reason) => {
                    if reason == DropReason::IpRpfilter {
                        self.count(Counter::TcpExtIPReversePathFilter);
                    }
                    return self.drop(&packet, reason);
                }
            }
        }
        if header.header_len() > Ipv4::LEN
            && let Err(reason) = self.receive_options(&mut packet)
        {
            return self.drop(&packet, reason);
        }
        let octets = packet.bytes.len() as u64;
        match packet.decision.as_ref().map(|decision| decision.kind) {
            Some(RouteType::MULTICAST) => {
                self.count(Counter::IpExtInMcastPkts);
                self.state.counters.add(Counter::IpExtInMcastOctets, octets);
            }
            Some(RouteType::BROADCAST) => {
                self.count(Counter::IpExtInBcastPkts);
                self.state.counters.add(Counter::IpExtInBcastOctets, octets);
            }
            _ if matches!(packet.addressed, Addressed::Broadcast | Addressed::Multicast) => {
                let all = self.config.sysctl.all.drop_unicast_in_l2_multicast != 0;
                let ipv4 = self.config.links.ipv4(packet.iif);
                if ipv4.is_some_and(|ipv4| all || ipv4.conf.drop_unicast_in_l2_multicast != 0) {
                    return self.drop(&packet, DropReason::UnicastInL2Multicast);
                }
            }
            _ => {}
        }
        self.dispatch_input(packet);
    }

    /// What a connected socket remembers of its packets' way (C-186).
    fn ask_socket(&self, packet: &mut Packet, header: &Ipv4) {
        let least = if header.proto == proto::TCP { Tcp::LEN } else { Udp::LEN };
        if header.is_fragment() || packet.bytes.len() < header.header_len() + least {
            return;
        }
        let early = self.early_demux(packet, header.proto, ports(&packet.bytes, header));
        let (has_socket, decision) = match early {
            Some(Early::Four(decision)) => (true, Some(decision.clone())),
            early => (early.is_some(), None),
        };
        (packet.has_socket, packet.decision) = (has_socket, decision);
    }

    fn input_lookup(&mut self, packet: &Packet, header: &Ipv4) -> Result<Decision, DropReason> {
        self.input_lookup_to(header.destination(), packet, header)
    }

    /// The lookup of a packet as if it were for another destination.
    pub(super) fn input_lookup_to(
        &mut self,
        dst: Ipv4Addr,
        packet: &Packet,
        header: &Ipv4,
    ) -> Result<Decision, DropReason> {
        let (sport, dport) = ports(&packet.bytes, header);
        let received = Received {
            dst,
            src: header.source(),
            dev: packet.iif,
            mark: packet.mark,
            tos: header.tos,
            proto: header.proto,
            sport,
            dport,
            pseudo: false,
            quoted: quoted(&packet.bytes, header),
            header_dst: Some(header.destination()).filter(|&named| named != dst),
            inside: dissect::inside4(self.config, &packet.bytes, header),
        };
        self.resolve_input(packet, &received)
    }

    /// The input lookup; what it refuses is logged where that is asked for.
    pub(super) fn resolve_input(
        &mut self,
        packet: &Packet,
        received: &Received,
    ) -> Result<Decision, DropReason> {
        let resolved = input4::resolve(self.config, self.state, self.env, received, self.tracer);
        if let Err(reason) = resolved {
            self.log_refused(packet, received, reason);
        }
        resolved
    }

    /// Goes on by the decision's input function.
    fn dispatch_input(&mut self, packet: Box<Packet>) {
        let input = packet.decision.as_ref().map_or(Input::Discard, |decision| decision.input);
        match input {
            Input::LocalDeliver => self.deliver(packet),
            Input::Forward => self.forward(packet),
            Input::Error(errno) => self.answer_error(packet, errno),
            Input::MulticastRoute => self.route_multicast(packet),
            Input::Discard => self.drop(&packet, DropReason::NotSpecified),
        }
    }

    /// `ip_error`: no route, or none to be had (C-228, C-229).
    fn answer_error(&mut self, packet: Box<Packet>, errno: Errno) {
        self.stage(Stage::Error { errno });
        let Some(ipv4) = self.config.links.ipv4(packet.iif) else {
            return self.drop(&packet, DropReason::NotSpecified);
        };
        if ipv4.conf.forwarding == 0 {
            let (counter, reason) = match errno {
                Errno::EHOSTUNREACH => (Counter::IpInAddrErrors, DropReason::IpInAddrErrors),
                Errno::ENETUNREACH => (Counter::IpExtInNoRoutes, DropReason::IpInNoRoutes),
                _ => return self.drop(&packet, DropReason::NotSpecified),
            };
            self.count(counter);
            return self.drop(&packet, reason);
        }
        let (code, reason) = match errno {
            Errno::EHOSTUNREACH => (icmp::HOST, DropReason::NotSpecified),
            Errno::ENETUNREACH => {
                self.count(Counter::IpExtInNoRoutes);
                (icmp::NET, DropReason::IpInNoRoutes)
            }
            Errno::EACCES => (icmp::FILTERED, DropReason::NotSpecified),
            _ => return self.drop(&packet, DropReason::NotSpecified),
        };
        let source = Ipv4::read(&packet.bytes).map(Ipv4::source);
        if source.is_some_and(|source| self.may_answer_error(source, packet.dev)) {
            self.icmp_send(&packet, icmp::UNREACHABLE, code, [0; 4]);
        }
        self.drop(&packet, reason);
    }
}

/// The ports that rules and hashes look at; 0 of fragments and of protocols that have none.
pub(super) fn ports(bytes: &[u8], header: &Ipv4) -> (u16, u16) {
    let payload = bytes.get(header.header_len()..).unwrap_or_default();
    if header.is_fragment() { (0, 0) } else { ports_of(header.proto, payload).unwrap_or_default() }
}

/// What the kernel takes for ports behind the IP headers (`skb_flow_get_ports`): those of TCP,
/// UDP, DCCP, SCTP and UDP-Lite, and the halves of the security parameter index of ESP and AH.
pub(super) fn ports_of(number: u8, payload: &[u8]) -> Option<(u16, u16)> {
    let at = match number {
        proto::TCP | proto::UDP | proto::UDPLITE | 33 | 50 | 132 => 0,
        51 => 4,
        _ => return None,
    };
    match payload.get(at..)? {
        [a, b, c, d, ..] => Some((u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]))),
        _ => None,
    }
}

/// The addresses of the packet that an ICMP error is about (`ip_multipath_l3_keys`).
pub(super) fn quoted(bytes: &[u8], header: &Ipv4) -> Option<Quoted> {
    let message = bytes.get(header.header_len()..)?;
    let is_error = matches!(message.first()?, 3 | 4 | 5 | 11 | 12) && header.proto == proto::ICMP;
    let about = Ipv4::read(message.get(Icmp::LEN..)?)?;
    (is_error && header.offset() == 0).then(|| Quoted::Error(about.source(), about.destination()))
}
