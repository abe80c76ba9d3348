//! IP output: packets made here, and all that leave (packet-path sections 5 and 6).

use std::net::Ipv4Addr;

use fingerpost_model::{MetricKind, RouteFlags, RouteType};
use fingerpost_net::wire::{Header, Ipv4};
use zerocopy::IntoBytes;

use super::fragment::is_due;
use super::hook::{Posted, Sent};
use super::options::{Answer, set_checksum};
use super::waiting::Owner;
use super::{Addressed, Packet, Sender, Stack};
use crate::config::Config;
use crate::counters::Counter;
use crate::lookup::get::MAX_MTU;
use crate::lookup::{Decision, DropReason, Output};
use crate::trace::Stage;

/// The least MTU that a device or a way may have for IPv4 to be sent (`ip_setup_cork`).
pub(super) const LEAST_MTU: u32 = 68;

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
    pub sender: Option<Sender>,
    /// Whose memory it is.
    pub owner: Owner,
}

impl Stack<'_, '_> {
    /// Sends a payload made here, and counts it where it does not leave
    /// (`ip_push_pending_frames`, `ip_send_skb`; C-239).
    pub(super) fn send_made(
        &mut self,
        made: Made,
        decision: Decision,
        src: Ipv4Addr,
        dst: Ipv4Addr,
        payload: &[u8],
    ) -> Sent {
        let sent = self.build_and_send(made, decision, src, dst, payload);
        self.count_unsent(sent, Counter::IpOutDiscards)
    }

    /// Sends a payload made here (`ip_build_and_send_pkt`, `ip_local_out`).
    pub(super) fn build_and_send(
        &mut self,
        made: Made,
        decision: Decision,
        src: Ipv4Addr,
        dst: Ipv4Addr,
        payload: &[u8],
    ) -> Sent {
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
        let mut packet = Box::new(Packet::made(bytes, decision, made.mark));
        packet.options = made.options.options;
        (packet.sender, packet.owner, packet.is_subject) = (made.sender, made.owner, made.sender.is_some());
        self.set_out(&mut packet);
        self.stage(Stage::LocalOut);
        self.count(Counter::IpOutRequests); // C-239
        match self.local_out(packet) {
            Ok(passed) => self.output(passed.into_packet()),
            Err(sent) => sent,
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
    pub(super) fn output(&mut self, mut packet: Box<Packet>) -> Sent {
        let Some(decision) = &packet.decision else {
            self.drop(&packet, DropReason::NotSpecified);
            return Ok(());
        };
        let from = self.stood_at(&packet);
        packet.dev = decision.dev;
        match decision.output {
            Output::Multicast => self.output_to_many(packet),
            Output::Ip => {
                self.stage(Stage::Output { dev: packet.dev });
                match self.postrouting(packet, from) {
                    Ok(posted) => self.finish_output(posted),
                    Err(sent) => sent,
                }
            }
            Output::Discard | Output::Bug => {
                self.drop(&packet, DropReason::NotSpecified);
                Ok(())
            }
        }
    }

    /// `ip_mc_output`: those of this host who listen get a copy.
    fn output_to_many(&mut self, packet: Box<Packet>) -> Sent {
        self.stage(Stage::Output { dev: packet.dev });
        let flags = packet.decision.as_ref().map_or(RouteFlags(0), |decision| decision.flags);
        let is_multicast = flags.has(RouteFlags::MULTICAST);
        let is_for_others = packet.sender.is_some_and(|sender| sender.is_for_others);
        let listens = (flags.has(RouteFlags::LOCAL) || !packet.is_forwarded) && !is_for_others;
        if is_multicast && listens || flags.has(RouteFlags::BROADCAST) {
            let mut copy = packet.copy();
            copy.addressed = Addressed::Loopback;
            if let Ok(posted) = self.postrouting(copy, 0) {
                self.loop_back(posted);
            }
        }
        if is_multicast && Ipv4::read(&packet.bytes).is_some_and(|header| header.ttl == 0) {
            self.drop(&packet, DropReason::NotSpecified);
            return Ok(());
        }
        match self.postrouting(packet, 0) {
            Ok(posted) => self.finish_output(posted),
            Err(sent) => sent,
        }
    }

    /// `ip_mc_finish_output`, `dev_loopback_xmit`.
    fn loop_back(&mut self, posted: Posted) {
        self.stage(Stage::LoopCopy);
        let mut packet = posted.into_packet();
        packet.iif = packet.dev;
        self.backlog.push_back(packet);
    }

    /// `ip_finish_output`.
    fn finish_output(&mut self, posted: Posted) -> Sent {
        let packet = posted.into_packet();
        let Some(decision) = &packet.decision else {
            self.drop(&packet, DropReason::NotSpecified);
            return Ok(());
        };
        let mtu = match packet.is_forwarded {
            true => forwarding_mtu(self.config, decision),
            false if packet.sender.is_some_and(|sender| sender.by_device_mtu) => {
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
    pub(super) fn finish_output2(&mut self, packet: Box<Packet>) -> Sent {
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
        self.resolve_and_send(packet)
    }
}

/// A metric of the route; 0 for none.
pub(super) fn metric(config: &Config, decision: &Decision, kind: MetricKind) -> u32 {
    let metrics = decision.metrics.and_then(|info| config.fib.metrics(info));
    metrics.and_then(|metrics| metrics.get(kind)).unwrap_or(0)
}

/// Whether the route's MTU is locked.
pub(super) fn locks_mtu(config: &Config, decision: &Decision) -> bool {
    metric(config, decision, MetricKind::LOCK) & 1 << MetricKind::MTU.0 != 0
}

/// The same, or what was learned of the path (`ip_mtu_locked`).
pub(super) fn has_locked_mtu(config: &Config, decision: &Decision) -> bool {
    locks_mtu(config, decision) || decision.pmtu.is_some_and(|pmtu| pmtu.locked)
}

/// How long a forwarded packet may be (`ip_dst_mtu_maybe_forward`; C-233, C-234).
pub(super) fn forwarding_mtu(config: &Config, decision: &Decision) -> usize {
    let is_locked = has_locked_mtu(config, decision);
    let learned = decision.pmtu.filter(|_| config.sysctl.ip_forward_use_pmtu || is_locked);
    let learned = learned.filter(|pmtu| pmtu.expires_in != 0);
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
