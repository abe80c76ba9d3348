//! Forwarding IPv4 (`ip_forward`, packet-path section 4).

use std::net::{IpAddr, Ipv4Addr};

use fingerpost_model::RouteFlags;
use fingerpost_net::wire::{Header, Ipv4, icmp};

use super::fragment::must_not;
use super::output::forwarding_mtu;
use super::{Addressed, Logged, Packet, Stack};
use crate::counters::Counter;
use crate::lookup::{Decision, DropReason};
use crate::trace::{Hook, Stage};

impl Stack<'_, '_> {
    /// `ip_forward`.
    pub(super) fn forward(&mut self, mut packet: Box<Packet>) {
        self.stage(Stage::Forward);
        let (Some(decision), Some(&header)) = (&packet.decision, Ipv4::read(&packet.bytes)) else {
            return self.drop(&packet, DropReason::NotSpecified);
        };
        if packet.addressed != Addressed::Host || packet.has_socket {
            return self.drop(&packet, DropReason::NotSpecified); // C-231
        }
        if header.ttl <= 1 {
            // C-230
            self.count(Counter::IpInHdrErrors);
            self.icmp_send(&packet, icmp::TIME_EXCEEDED, icmp::TTL, [0; 4]);
            return self.drop(&packet, DropReason::IpInHdr);
        }
        if packet.options.is_strict && decision.gateway.is_some() {
            // C-235
            self.icmp_send(&packet, icmp::UNREACHABLE, icmp::SOURCE_ROUTE_FAILED, [0; 4]);
            return self.drop(&packet, DropReason::NotSpecified);
        }
        self.count(Counter::IpForwDatagrams);
        packet.is_forwarded = true;
        let mtu = forwarding_mtu(self.config, decision);
        let reassembled = packet.reassembled.as_ref();
        if packet.bytes.len() > mtu && must_not(&header, mtu as u32, reassembled.is_some(), reassembled) {
            // C-232
            self.count(Counter::IpFragFails);
            self.icmp_send(
                &packet,
                icmp::UNREACHABLE,
                icmp::FRAGMENTATION_NEEDED,
                (mtu as u32).to_be_bytes(),
            );
            return self.drop(&packet, DropReason::PktTooBig);
        }
        decrease_ttl(&mut packet.bytes);
        if decision.flags.has(RouteFlags::DOREDIRECT) && packet.options.source_route.is_none() {
            self.send_redirect(&packet, decision);
        }
        if let Some(passed) = self.hook(Hook::Forward, packet) {
            let mut packet = passed.into_packet();
            self.forward_options(&mut packet);
            // Nobody is told of what does not leave.
            let _ = self.output(packet);
        }
    }

    /// `ip_rt_send_redirect` (C-269, C-270).
    fn send_redirect(&mut self, packet: &Packet, decision: &Decision) {
        let Some(&header) = Ipv4::read(&packet.bytes) else { return };
        let Some(ipv4) = self.config.links.ipv4(decision.dev) else { return };
        if ipv4.conf.send_redirects == 0 && self.config.sysctl.all.send_redirects == 0 {
            return;
        }
        if !self.may_redirect(header.source(), decision.dev) {
            return;
        }
        let gateway = next_step(decision, header.destination());
        self.icmp_send(packet, icmp::REDIRECT, icmp::REDIRECT_HOST, gateway.octets());
        if self.note_redirect(header.source(), decision.dev) {
            let (src, dst, dev) = (header.source(), header.destination(), packet.iif);
            self.log(decision.dev, || Logged::RedirectsUnheeded { src, dev, dst, gateway });
        }
    }
}

/// The IPv4 address that a packet is handed to (`rt_nexthop`).
fn next_step(decision: &Decision, dst: Ipv4Addr) -> Ipv4Addr {
    match decision.gateway {
        Some(IpAddr::V4(gateway)) => gateway,
        _ => dst,
    }
}

/// One hop less to live, the checksum brought along (`ip_decrease_ttl`).
#[inline]
pub(super) fn decrease_ttl(bytes: &mut [u8]) {
    if let Some(header) = Ipv4::edit(bytes) {
        // The word of ttl and protocol becomes less by 0x100, so the checksum more.
        let sum = u32::from(header.checksum.get()) + 0x100;
        header.checksum.set((sum + u32::from(sum >= 0xffff)) as u16);
        header.ttl -= 1;
        debug_assert!(header.ttl > 0);
    }
}
