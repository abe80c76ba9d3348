//! IP output: packets made here, and all that leave (packet-path sections 5 and 6).

use std::net::Ipv4Addr;

use fingerpost_model::{MetricKind, RouteFlags, RouteType};
use fingerpost_net::wire::{Header, Ipv4};
use zerocopy::IntoBytes;

use super::fragment::is_due;
use super::hook::Posted;
use super::options::{Answer, set_checksum};
use super::sockets::Sent;
use super::{Addressed, Packet, Stack};
use crate::config::Config;
use crate::counters::Counter;
use crate::lookup::get::MAX_MTU;
use crate::lookup::{Decision, DropReason, Output};
use crate::trace::{Hook, Stage};

/// What the header of a packet made here needs besides addresses.
pub(super) struct Made {
    pub proto: u8,
    pub tos: u8,
    /// The fragment word: *don't fragment* or nothing.
    pub fragment: u16,
    pub id: u16,
    pub mark: u32,
    pub options: Answer,
    /// What it has left to live, where that is not the route's or the host's.
    pub ttl: Option<u8>,
    /// Of one that a socket sends.
    pub sent: Option<Sent>,
}

impl Stack<'_, '_> {
    /// Sends a payload made here (`ip_push_pending_frames`, `ip_local_out`).
    pub(super) fn send_made(
        &mut self,
        made: Made,
        decision: Decision,
        src: Ipv4Addr,
        dst: Ipv4Addr,
        payload: &[u8],
    ) {
        let len = Ipv4::LEN + made.options.data().len();
        let header = Ipv4 {
            version_ihl: 0x40 | (len / 4) as u8,
            tos: made.tos,
            total_len: ((len + payload.len()) as u16).into(),
            id: made.id.into(),
            fragment: made.fragment.into(),
            ttl: made.ttl.unwrap_or_else(|| self.hop_limit(&decision)),
            proto: made.proto,
            checksum: 0.into(),
            src: src.octets(),
            dst: made.options.first_hop.unwrap_or(dst).octets(),
        };
        let mut bytes = Vec::with_capacity(len + payload.len());
        bytes.extend_from_slice(header.as_bytes());
        bytes.resize(len, 0);
        made.options.build(&mut bytes, dst, self.since_midnight());
        bytes.extend_from_slice(payload);
        set_checksum(&mut bytes);
        self.stage(Stage::LocalOut);
        self.count(Counter::IpOutRequests); // C-239
        let mut packet = Packet::made(bytes, decision, made.mark);
        packet.options = made.options.options;
        (packet.sent, packet.is_subject) = (made.sent, made.sent.is_some());
        if let Some(passed) = self.hook(Hook::Output, packet) {
            self.output(passed.into_packet());
        }
    }

    /// What a packet has left to live (`ip_select_ttl`, C-238).
    fn hop_limit(&self, decision: &Decision) -> u8 {
        if decision.kind == RouteType::MULTICAST {
            return 1;
        }
        match metric(self.config, decision, MetricKind::HOPLIMIT) {
            0 => self.setting("ip_default_ttl").clamp(1, 255) as u8,
            limit => limit.min(255) as u8,
        }
    }

    /// Goes on by the decision's output function.
    pub(super) fn output(&mut self, mut packet: Packet) {
        let Some(decision) = &packet.decision else { return self.drop(&packet, DropReason::NotSpecified) };
        packet.dev = decision.dev;
        match decision.output {
            Output::Multicast => self.output_to_many(packet),
            Output::Ip => {
                self.stage(Stage::Output { dev: packet.dev });
                if let Some(posted) = self.postrouting(packet) {
                    self.finish_output(posted);
                }
            }
            Output::Discard | Output::Bug => self.drop(&packet, DropReason::NotSpecified),
        }
    }

    /// `ip_mc_output`: those of this host who listen get a copy.
    fn output_to_many(&mut self, packet: Packet) {
        self.stage(Stage::Output { dev: packet.dev });
        let flags = packet.decision.as_ref().map_or(RouteFlags(0), |decision| decision.flags);
        let is_multicast = flags.has(RouteFlags::MULTICAST);
        let is_for_others = packet.sent.is_some_and(|sent| sent.is_for_others);
        let listens = (flags.has(RouteFlags::LOCAL) || !packet.is_forwarded) && !is_for_others;
        if is_multicast && listens || flags.has(RouteFlags::BROADCAST) {
            let copy = Packet { addressed: Addressed::Loopback, is_subject: false, ..packet.clone() };
            if let Some(posted) = self.postrouting(copy) {
                self.loop_back(posted);
            }
        }
        if is_multicast && Ipv4::read(&packet.bytes).is_some_and(|header| header.ttl == 0) {
            return self.drop(&packet, DropReason::NotSpecified);
        }
        if let Some(posted) = self.postrouting(packet) {
            self.finish_output(posted);
        }
    }

    /// `ip_mc_finish_output`, `dev_loopback_xmit`.
    pub(super) fn loop_back(&mut self, posted: Posted) {
        self.stage(Stage::Loop);
        let packet = posted.into_packet();
        let iif = packet.dev;
        self.backlog.push_back(Packet { iif, ..packet });
    }

    /// `ip_finish_output`.
    fn finish_output(&mut self, posted: Posted) {
        let packet = posted.into_packet();
        let Some(decision) = &packet.decision else { return self.drop(&packet, DropReason::NotSpecified) };
        let mtu = match packet.is_forwarded {
            true => forwarding_mtu(self.config, decision),
            false if packet.sent.is_some_and(|sent| sent.by_device_mtu) => {
                self.config.links.get(packet.dev).map_or(0, |link| link.mtu().min(MAX_MTU)) as usize
            }
            false => decision.mtu as usize,
        };
        match is_due(packet.bytes.len(), mtu as u32, packet.reassembled.as_ref()) {
            true => self.send_in_fragments(packet, mtu),
            false => self.finish_output2(packet),
        }
    }

    /// `ip_finish_output2`: counted, and on to the neighbour.
    pub(super) fn finish_output2(&mut self, packet: Packet) {
        let octets = packet.bytes.len() as u64;
        match packet.decision.as_ref().map(|decision| decision.kind) {
            Some(RouteType::MULTICAST) => {
                self.count(Counter::IpExtOutMcastPkts);
                self.state.counters.add(Counter::IpExtOutMcastOctets, octets);
            }
            Some(RouteType::BROADCAST) => {
                self.count(Counter::IpExtOutBcastPkts);
                self.state.counters.add(Counter::IpExtOutBcastOctets, octets);
            }
            _ => {}
        }
        self.count(Counter::IpOutTransmits);
        self.state.counters.add(Counter::IpExtOutOctets, octets);
        self.resolve_and_send(packet);
    }
}

/// A metric of the route; 0 for none.
pub(super) fn metric(config: &Config, decision: &Decision, kind: MetricKind) -> u32 {
    let metrics = decision.metrics.and_then(|info| config.fib.metrics(info));
    metrics.and_then(|metrics| metrics.get(kind)).unwrap_or(0)
}

/// How long a forwarded packet may be (`ip_dst_mtu_maybe_forward`; C-233, C-234).
pub(super) fn forwarding_mtu(config: &Config, decision: &Decision) -> usize {
    let of_route_locked = metric(config, decision, MetricKind::LOCK) & 1 << MetricKind::MTU.0 != 0;
    let is_locked = of_route_locked || decision.pmtu.is_some_and(|pmtu| pmtu.locked);
    let learned = decision.pmtu.filter(|_| config.sysctl.ip_forward_use_pmtu || is_locked);
    if let Some(learned) = learned {
        return learned.mtu.min(MAX_MTU) as usize;
    }
    let of_route = metric(config, decision, MetricKind::MTU);
    if of_route != 0 {
        return of_route.min(MAX_MTU) as usize;
    }
    let of_device = config.links.get(decision.dev).map_or(0, |link| link.mtu());
    let most = if is_locked && decision.gateway.is_some() { 576 } else { MAX_MTU };
    of_device.min(most) as usize
}
