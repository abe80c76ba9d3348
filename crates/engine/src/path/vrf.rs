//! Packets of a VRF (`drivers/net/vrf.c`): what its devices receive goes on as received by
//! the VRF's own device, and what its devices send has passed the hooks with it. The VRF's
//! device itself gives what it is to send to a device of its own, or back to this host.
//!
//! Which table is looked in is no matter of this file: the lookups know a device's VRF.

use fingerpost_model::Scope;
use fingerpost_net::wire::{Header, Ipv4, Ipv6, nd, next, proto};

use super::hook::{Passed, Sent};
use super::six::is_six;
use super::{Addressed, Packet, Stack};
use crate::addrtype::AddrType;
use crate::counters::Counter;
use crate::lookup::hash::Asker;
use crate::lookup::{DropReason, Flow4, Flow6, is_limited_broadcast, output4, source};
use crate::trace::{Hook, Stage};

/// Devices that may hand a packet to each other at most (`XMIT_RECURSION_LIMIT`).
const DEEPEST: u8 = 9;

impl Stack<'_, '_> {
    /// The device of the VRF that a packet came in by or would leave by, or that is it; 0 for none.
    pub(super) fn vrf_of(&self, dev: u32) -> u32 {
        self.config.links.l3_master(dev)
    }

    /// Whether a device is a VRF's own.
    pub(super) fn is_vrf(&self, dev: u32) -> bool {
        dev != 0 && self.vrf_of(dev) == dev
    }

    /// A packet that a device of a VRF received goes on as the VRF's (`l3mdev_ip_rcv`,
    /// `vrf_ip_rcv`); its ingress device stays `iif`.
    pub(super) fn enter_vrf(&mut self, mut packet: Box<Packet>) -> Option<Box<Packet>> {
        let vrf = self.vrf_of(packet.dev);
        if vrf == 0 {
            return Some(packet);
        }
        packet.dev = vrf;
        if Ipv4::read(&packet.bytes).is_some_and(|header| header.destination().is_multicast()) {
            return Some(packet);
        }
        if packet.addressed == Addressed::Loopback {
            packet.addressed = Addressed::Host;
            return Some(packet);
        }
        self.hook(Hook::Prerouting, packet).map(Passed::into_packet)
    }

    /// The same of IPv6 (`vrf_ip6_rcv`): neighbour discovery stays with its device, and what is
    /// of one link passes the hook once.
    pub(super) fn enter_vrf6(&mut self, mut packet: Box<Packet>) -> Option<Box<Packet>> {
        let vrf = self.vrf_of(packet.dev);
        if vrf == 0 {
            return Some(packet);
        }
        let is_discovery = is_discovery(&packet.bytes);
        let dst = Ipv6::read(&packet.bytes).map(Ipv6::destination);
        let is_of_link = dst.is_some_and(|dst| AddrType::of(dst).needs_device());
        let dev = packet.dev;
        if is_discovery && packet.addressed != Addressed::Loopback {
            // The hook is told of the VRF's device.
            packet.dev = vrf;
            let mut passed = self.hook(Hook::Prerouting, packet)?.into_packet();
            passed.dev = dev;
            return Some(passed);
        }
        packet.dev = vrf;
        packet.six.enter(vrf);
        if packet.addressed == Addressed::Loopback {
            packet.addressed = Addressed::Host;
            return Some(packet);
        }
        match is_of_link {
            true => Some(packet),
            false => self.hook(Hook::Prerouting, packet).map(Passed::into_packet),
        }
    }

    /// A packet made here is on its way out (`l3mdev_ip_out`, `vrf_ip_out`): where it leaves by
    /// a device of a VRF, the hooks of sending have it with the VRF's device first, and then
    /// with its own.
    pub(super) fn local_out(&mut self, mut packet: Box<Packet>) -> Result<Passed, Sent> {
        let dev = packet.dev;
        let vrf = self.way_through(&packet);
        if vrf == 0 {
            return self.hook_output(packet);
        }
        packet.dev = vrf;
        let passed = self.hook_output_by(packet, vrf)?;
        let mut posted = self.postrouting(passed.into_packet(), 0)?.into_packet();
        posted.dev = dev;
        self.hook_output(posted)
    }

    /// The device that a packet stands at before it leaves: that which received it; of one
    /// made here the VRF's that it was handed to first, or none.
    pub(super) fn stood_at(&self, packet: &Packet) -> u32 {
        if packet.iif == 0 { self.way_through(packet) } else { packet.dev }
    }

    /// The VRF's device that takes a packet made here before its own does; 0 for none.
    fn way_through(&self, packet: &Packet) -> u32 {
        let vrf = self.vrf_of(packet.dev);
        let stays = match is_six(packet) {
            false => Ipv4::read(&packet.bytes)
                .map(Ipv4::destination)
                .is_none_or(|dst| dst.is_multicast() || is_limited_broadcast(dst)),
            true => Ipv6::read(&packet.bytes)
                .map(Ipv6::destination)
                .is_none_or(|dst| AddrType::of(dst).needs_device()),
        };
        if vrf == packet.dev || stays { 0 } else { vrf }
    }

    /// A VRF's device is given a packet (`vrf_xmit`).
    pub(super) fn transmit_in_vrf(&mut self, mut packet: Box<Packet>) {
        packet.handed_on += 1;
        if packet.handed_on > DEEPEST {
            return self.drop(&packet, DropReason::NotSpecified);
        }
        match is_six(&packet) {
            false => self.route_in_vrf(packet),
            true => self.route_in_vrf6(packet),
        }
    }

    /// `vrf_process_v4_outbound`.
    fn route_in_vrf(&mut self, mut packet: Box<Packet>) {
        let vrf = packet.dev;
        let Some(&header) = Ipv4::read(&packet.bytes) else {
            return self.drop(&packet, DropReason::NotSpecified);
        };
        let mut flow = Flow4 {
            src: header.source(),
            l3mdev: vrf,
            dscp: header.tos & 0xfc,
            any_source: true,
            proto: header.proto,
            ..Flow4::to(header.destination())
        };
        let asker = Asker::Socket;
        let resolved = output4::resolve(self.config, self.state, self.env, &mut flow, asker, self.tracer);
        let Ok(decision) = resolved else {
            self.count_discarded(&packet, header.proto, Counter::IpOutDiscards);
            return self.drop(&packet, DropReason::NotSpecified);
        };
        let dev = decision.dev;
        packet.decision = Some(decision);
        if dev == vrf {
            return self.give_back(packet);
        }
        if header.source().is_unspecified() {
            self.name_sender(&mut packet, dev);
        }
        self.forget_path(&mut packet);
        packet.dev = dev;
        if let Ok(passed) = self.hook_output(packet) {
            // The device has taken the packet, whatever becomes of it.
            let _ = self.output(passed.into_packet());
        }
    }

    /// A packet without a source gets that of its device; the checksum stays as it was.
    fn name_sender(&mut self, packet: &mut Packet, dev: u32) {
        let own = source::select_addr(self.config, dev, std::net::Ipv4Addr::UNSPECIFIED, Scope::LINK).0;
        if let Some(header) = Ipv4::edit(&mut packet.bytes) {
            header.src = own.octets();
        }
    }

    /// `vrf_process_v6_outbound`.
    fn route_in_vrf6(&mut self, mut packet: Box<Packet>) {
        let vrf = packet.dev;
        let Some(&header) = Ipv6::read(&packet.bytes) else {
            return self.drop(&packet, DropReason::NotSpecified);
        };
        let mut flow = Flow6 {
            src: header.source(),
            l3mdev: vrf,
            dscp: header.traffic_class() & 0xfc,
            flowlabel: header.flow_label(),
            mark: packet.mark,
            proto: header.next,
            ..Flow6::to(header.destination())
        };
        let Some(decision) = self.way_of(&mut flow) else {
            self.count_discarded(&packet, header.next, Counter::Ip6OutDiscards);
            return self.drop(&packet, DropReason::NotSpecified);
        };
        let dev = decision.dev;
        packet.decision6 = Some(decision);
        if dev == vrf {
            return self.give_back(packet);
        }
        self.forget_path(&mut packet);
        packet.dev = dev;
        if let Ok(passed) = self.hook_output(packet) {
            let _ = self.output6(passed.into_packet());
        }
    }

    /// Whoever sent a datagram is told that the device did not take it, and counts that
    /// (`ip_send_skb`, `ip6_send_skb`).
    fn count_discarded(&mut self, packet: &Packet, number: u8, counter: Counter) {
        if packet.iif == 0 && number != proto::TCP {
            self.count(counter);
        }
    }

    /// What is for this host is received by the VRF's device (`vrf_local_xmit`).
    fn give_back(&mut self, mut packet: Box<Packet>) {
        self.stage(Stage::Loop);
        (packet.addressed, packet.iif) = (Addressed::Loopback, packet.dev);
        self.backlog.push_back(packet);
    }

    /// What was noted on the way that ended at the VRF's device is gone.
    fn forget_path(&mut self, packet: &mut Packet) {
        packet.is_forwarded = false;
        packet.reassembled = None;
        packet.options = super::Options::default();
        packet.six = super::Noted::default();
        packet.iif = 0;
    }
}

/// Whether it is a message of neighbour discovery, without headers before it (`ipv6_ndisc_frame`).
pub(super) fn is_discovery(bytes: &[u8]) -> bool {
    let is_icmp = Ipv6::read(bytes).is_some_and(|header| header.next == next::ICMPV6);
    let has_header = bytes.len() >= Ipv6::LEN + 8;
    is_icmp && has_header && matches!(bytes[Ipv6::LEN], nd::ROUTER_SOLICIT..=nd::REDIRECT)
}
