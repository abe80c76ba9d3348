//! IPv6 output: packets made here, and all that leave (`ip6_output`).

use std::net::{IpAddr, Ipv6Addr};

use fingerpost_model::{MetricKind, NeighState};
use fingerpost_net::wire::{Fragment6, Header, Ipv6, MORE6, icmp6, next};
use zerocopy::IntoBytes;

use super::super::hook::{Posted, Sent};
use super::super::waiting::Owner;
use super::super::{Addressed, Outcome, Packet, Sender, Stack};
use super::{Noted, is_multipath};
use crate::config::RtFlags;
use crate::counters::Counter;
use crate::lookup::{Decision6, DropReason, Flow6, Output, receive6, socket6};
use crate::trace::Stage;
use fingerpost_net::Errno;

/// The smallest MTU of IPv6.
pub(super) const LEAST_MTU: usize = 1280;

/// What the header of a packet made here needs besides addresses.
pub(in crate::path) struct Made6 {
    pub next: u8,
    pub traffic_class: u8,
    pub flow_label: u32,
    pub mark: u32,
    /// Whether it may leave in pieces.
    pub may_cut: bool,
    /// Its hop limit, where that is not the route's or the device's.
    pub hop_limit: Option<u8>,
    /// Of one that a socket sends.
    pub sender: Option<Sender>,
    /// Whose memory it is.
    pub owner: Owner,
}

impl Stack<'_, '_> {
    /// The way of a packet made here (`ip6_dst_lookup`); the flow has its source afterwards.
    pub(in crate::path) fn way_of(&mut self, flow: &mut Flow6) -> Option<Decision6> {
        let resolved = self.resolve6(flow);
        if resolved.as_ref().err() == Some(&Errno::ENETUNREACH) {
            self.count(Counter::Ip6OutNoRoutes);
        }
        resolved.ok()
    }

    pub(in crate::path) fn resolve6(&mut self, flow: &mut Flow6) -> Result<Decision6, Errno> {
        socket6::resolve(self.config, self.state, self.env, flow, self.tracer)
    }

    /// The same for a socket, which may be bound to a device.
    pub(in crate::path) fn resolve6_of(
        &mut self,
        flow: &mut Flow6,
        is_bound: bool,
    ) -> Result<Decision6, Errno> {
        socket6::resolve_of(self.config, self.state, self.env, flow, is_bound, self.tracer)
    }

    /// Sends a payload made here, and counts it where it does not leave
    /// (`ip6_push_pending_frames`, `ip6_send_skb`).
    pub(in crate::path) fn send_made6(
        &mut self,
        made: Made6,
        decision: Decision6,
        src: Ipv6Addr,
        dst: Ipv6Addr,
        payload: &[u8],
    ) -> Sent {
        let sent = self.build_and_send6(made, decision, src, dst, payload);
        self.count_unsent(sent, Counter::Ip6OutDiscards)
    }

    /// Sends a payload made here (`ip6_xmit`, `ip6_local_out`).
    pub(in crate::path) fn build_and_send6(
        &mut self,
        made: Made6,
        decision: Decision6,
        src: Ipv6Addr,
        dst: Ipv6Addr,
        payload: &[u8],
    ) -> Sent {
        let header = Ipv6 {
            word: Ipv6::word_of(made.traffic_class, self.flow_label(made.flow_label)),
            payload_len: (payload.len() as u16).into(),
            next: made.next,
            hop_limit: made.hop_limit.unwrap_or_else(|| self.hop_limit6(&decision, dst)),
            src: src.octets(),
            dst: dst.octets(),
        };
        self.send_whole6(made, decision, [header.as_bytes(), payload].concat())
    }

    /// Sends a packet that has its header (`rawv6_send_hdrinc`).
    pub(in crate::path) fn send_whole6(&mut self, made: Made6, decision: Decision6, bytes: Vec<u8>) -> Sent {
        let dev = decision.dev;
        let mut packet = Box::new(Packet {
            bytes,
            decision6: Some(decision),
            mark: made.mark,
            six: Noted { may_cut: made.may_cut, ..Noted::default() },
            sender: made.sender,
            owner: made.owner,
            is_subject: made.sender.is_some(),
            ..Packet::bare(dev)
        });
        self.set_out(&mut packet);
        self.stage(Stage::LocalOut);
        self.count(Counter::Ip6OutRequests);
        match self.local_out(packet) {
            Ok(passed) => self.output6(passed.into_packet()),
            Err(sent) => sent,
        }
    }

    /// The given flow label, or one that Linux makes of the flow and a secret
    /// (`ip6_make_flowlabel`): here by chance.
    fn flow_label(&mut self, given: u32) -> u32 {
        let makes = matches!(self.setting6("auto_flowlabels"), 1 | 3);
        if given != 0 || !makes {
            return given;
        }
        let stateless = if self.setting6("flowlabel_state_ranges") != 0 { 0x8_0000 } else { 0 };
        self.rng.next_u32() & 0xf_ffff | stateless
    }

    /// `ip6_sk_dst_hoplimit`.
    fn hop_limit6(&self, decision: &Decision6, dst: Ipv6Addr) -> u8 {
        if dst.is_multicast() {
            return 1;
        }
        let of_device =
            || self.config.links.ipv6(decision.dev).map_or(&self.config.sysctl6.all, |ipv6| &ipv6.conf);
        match self.metric6(decision, MetricKind::HOPLIMIT) {
            0 => of_device().hop_limit.clamp(0, 255) as u8,
            limit => limit.min(255) as u8,
        }
    }

    pub(in crate::path) fn metric6(&self, decision: &Decision6, kind: MetricKind) -> u32 {
        let route = decision.found.route.get(self.config);
        route.and_then(|route| route.metrics.get(kind)).unwrap_or(0)
    }

    /// `ip6_output`.
    pub(in crate::path) fn output6(&mut self, packet: Box<Packet>) -> Sent {
        let from = self.stood_at(&packet);
        self.output6_from(packet, from)
    }

    /// The same, of a packet that stood at a device before.
    pub(super) fn output6_from(&mut self, mut packet: Box<Packet>, from: u32) -> Sent {
        let Some(decision) = &packet.decision6 else {
            self.drop(&packet, DropReason::NotSpecified);
            return Ok(());
        };
        packet.dev = decision.dev;
        if decision.output == Output::Discard {
            // A route through loopback is one, until it is used (`ip6_pkt_discard_out`).
            self.tell_no_route(packet, icmp6::NO_ROUTE, Counter::Ip6OutNoRoutes);
            return Ok(());
        }
        if packet.iif == 0 && is_multipath(self.config, decision) {
            let unknown = match packet.sender {
                Some(_) => Some("the leg of a packet made here"),
                None => self.unknown_seed(),
            };
            if let Some(unknown) = unknown {
                self.end(&packet, Outcome::Unknown(unknown));
                return Ok(());
            }
        }
        self.stage(Stage::Output { dev: packet.dev });
        if self.config.links.ipv6(packet.dev).is_none_or(|ipv6| ipv6.conf.disable_ipv6 != 0) {
            self.count(Counter::Ip6OutDiscards);
            self.drop(&packet, DropReason::Ipv6Disabled);
            return Ok(());
        }
        match self.postrouting(packet, from) {
            Ok(posted) => self.finish_output6(posted),
            Err(sent) => sent,
        }
    }

    /// `ip6_finish_output`.
    fn finish_output6(&mut self, posted: Posted) -> Sent {
        let packet = posted.into_packet();
        let mtu = match packet.sender {
            Some(Sender { by_device_mtu: true, .. }) => {
                self.config.links.get(packet.dev).map_or(LEAST_MTU, |link| link.mtu() as usize)
            }
            _ => packet.decision6.as_ref().map_or(LEAST_MTU, |decision| decision.mtu as usize),
        };
        if packet.bytes.len() <= mtu {
            return self.finish_output6_whole(packet);
        }
        if packet.six.may_cut {
            return self.cut6(packet, mtu);
        }
        // Those that are forwarded were compared with another MTU before (T-54).
        self.icmp6_send(&packet, icmp6::TOO_BIG, 0, mtu as u32);
        self.count(Counter::Ip6FragFails);
        self.drop(&packet, DropReason::NotSpecified);
        Err(Errno::EMSGSIZE)
    }

    /// A packet made here leaves in pieces: full ones, and the rest (`ip6_fragment`, T-55).
    fn cut6(&mut self, packet: Box<Packet>, mtu: usize) -> Sent {
        let Some(pieces) = self.pieces6(&packet.bytes, mtu) else {
            self.count(Counter::Ip6FragFails);
            self.drop(&packet, DropReason::NotSpecified);
            return Err(Errno::EINVAL);
        };
        self.stage(Stage::Cut);
        for bytes in pieces {
            let piece = Packet { bytes, ..Packet::clone(&packet) };
            let sent = self.finish_output6_whole(Box::new(piece));
            if sent.is_err() {
                self.count(Counter::Ip6FragFails);
                return sent;
            }
            self.count(Counter::Ip6FragCreates);
        }
        self.count(Counter::Ip6FragOKs);
        Ok(())
    }

    /// The pieces of a packet whose payload comes behind its header; `None` if the MTU has no room
    /// for any.
    pub(in crate::path) fn pieces6(&mut self, packet: &[u8], mtu: usize) -> Option<Vec<Vec<u8>>> {
        let most = mtu.saturating_sub(Ipv6::LEN + Fragment6::LEN) & !7;
        let (header, payload) = packet.split_at_checked(Ipv6::LEN).filter(|_| most != 0)?;
        let (number, id) = (header[Ipv6::NEXT_AT], self.rng.next_u32());
        let piece_of = |(index, piece): (usize, &[u8])| {
            let at = index * most;
            let more = if at + piece.len() < payload.len() { MORE6 } else { 0 };
            let fragment =
                Fragment6 { next: number, reserved: 0, fragment: (at as u16 | more).into(), id: id.into() };
            let mut bytes = [header, fragment.as_bytes(), piece].concat();
            if let Some(header) = Ipv6::edit(&mut bytes) {
                header.next = next::FRAGMENT;
                header.payload_len.set((Fragment6::LEN + piece.len()) as u16);
            }
            bytes
        };
        Some(payload.chunks(most).enumerate().map(piece_of).collect())
    }

    /// `ip6_finish_output2`: counted, and on to the neighbour.
    fn finish_output6_whole(&mut self, packet: Box<Packet>) -> Sent {
        let Some(dst) = Ipv6::read(&packet.bytes).map(Ipv6::destination) else {
            self.drop(&packet, DropReason::IpInHdr);
            return Ok(());
        };
        let is_looped = self.loop_back6(&packet, dst);
        let on_loopback = self.config.links.get(packet.dev).is_some_and(|link| link.is_loopback());
        let hops = Ipv6::read(&packet.bytes).map_or(0, |header| header.hop_limit);
        if is_looped && hops == 0 {
            self.count(Counter::Ip6OutDiscards);
            self.drop(&packet, DropReason::NotSpecified);
            return Ok(());
        }
        if dst.is_multicast() && !on_loopback && dst.octets()[1] & 15 <= 1 {
            self.count_to_group6(&packet, dst);
            self.drop(&packet, DropReason::NotSpecified);
            return Ok(());
        }
        self.count_sent6(&packet, dst);
        let Some(decision) = &packet.decision6 else {
            self.drop(&packet, DropReason::NotSpecified);
            return Ok(());
        };
        let gateway = decision.gateway.filter(|_| decision.flags.any(RtFlags::GATEWAY));
        let named = packet.sender.and_then(|sender| sender.next);
        let next = IpAddr::V6(gateway.or(named).unwrap_or(dst));
        if gateway.is_some() && self.may_probe(packet.dev) && !self.is_known((packet.dev, next)) {
            // A host's lookups ask for routers of themselves (`rt6_probe`).
            self.end(&packet, Outcome::Unknown("probes of routers"));
            return Ok(());
        }
        self.send_to(packet, next)
    }

    /// Those of this host who listen get a copy of what a socket sends to a group, unless it
    /// asked for none (`dev_loopback_xmit`); whether they did.
    fn loop_back6(&mut self, packet: &Packet, dst: Ipv6Addr) -> bool {
        let is_wanted = dst.is_multicast() && packet.sender.is_some_and(|sender| !sender.is_for_others);
        let on_loopback = self.config.links.get(packet.dev).is_some_and(|link| link.is_loopback());
        let is_looped = is_wanted && !on_loopback && receive6::joined(self.config, packet.dev, dst);
        if is_looped {
            self.give_copy(packet.copy());
        }
        is_looped
    }

    /// A copy of a packet for a group comes back to this host (`dev_loopback_xmit`).
    pub(super) fn give_copy(&mut self, mut copy: Box<Packet>) {
        self.stage(Stage::Loop);
        copy.addressed = Addressed::Loopback;
        if let Ok(posted) = self.postrouting(copy, 0) {
            self.backlog.push_back(posted.into_packet());
        }
    }

    /// Whether a host's lookups may ask for routers of themselves (`rt6_probe`): not before
    /// a while has passed since a route was added, or its router's entry changed.
    fn may_probe(&self, dev: u32) -> bool {
        let pause = self.config.links.ipv6(dev).map_or(0, |ipv6| ipv6.conf.router_probe_interval);
        let may_be_old = self.state.is_continued || self.now().0 > pause.max(0) as u64 * 1000;
        self.config.sysctl6.all.forwarding == 0 && may_be_old
    }

    fn is_known(&self, (dev, addr): (u32, IpAddr)) -> bool {
        let is_loopback = self.config.links.get(dev).is_some_and(|link| link.is_loopback());
        let state = self.config.neighbours.state(dev, addr);
        is_loopback || state.is_some_and(|state| state.any(NeighState::VALID))
    }

    /// Counts a packet that leaves.
    pub(super) fn count_sent6(&mut self, packet: &Packet, dst: Ipv6Addr) {
        self.count_to_group6(packet, dst);
        self.count(Counter::Ip6OutTransmits);
        self.state.counters.add(Counter::Ip6OutOctets, packet.bytes.len() as u64);
    }

    fn count_to_group6(&mut self, packet: &Packet, dst: Ipv6Addr) {
        if dst.is_multicast() {
            self.count(Counter::Ip6OutMcastPkts);
            self.state.counters.add(Counter::Ip6OutMcastOctets, packet.bytes.len() as u64);
        }
    }
}

impl Packet {
    /// A packet without bytes yet, made here for a device.
    pub(super) fn bare(dev: u32) -> Packet {
        Packet::at(dev, Vec::new())
    }
}
