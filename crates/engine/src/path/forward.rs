//! Forwarding IPv4 (`ip_forward`, packet-path section 4).

use std::net::{IpAddr, Ipv4Addr};

use fingerpost_model::RouteFlags;
use fingerpost_net::wire::{Checksum, Header, Ipv4, icmp};

use super::output::forwarding_mtu;
use super::{Addressed, Packet, Stack};
use crate::counters::Counter;
use crate::lookup::{Decision, DropReason};
use crate::trace::{Hook, Stage};

impl Stack<'_, '_> {
    /// `ip_forward`.
    pub(super) fn forward(&mut self, mut packet: Packet) {
        self.stage(Stage::Forward);
        let (Some(decision), Some(&header)) = (packet.decision.clone(), Ipv4::read(&packet.bytes)) else {
            return self.drop(&packet, DropReason::NotSpecified);
        };
        if packet.addressed != Addressed::Host {
            return self.drop(&packet, DropReason::NotSpecified); // C-231
        }
        if header.ttl <= 1 {
            // C-230
            self.count(Counter::IpInHdrErrors);
            self.icmp_send(&packet, icmp::TIME_EXCEEDED, icmp::TTL, [0; 4]);
            return self.drop(&packet, DropReason::IpInHdr);
        }
        self.count(Counter::IpForwDatagrams);
        packet.is_forwarded = true;
        let mtu = forwarding_mtu(self.config, &decision);
        if self.exceeds(&packet, &header, mtu) {
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
        if decision.flags.has(RouteFlags::DOREDIRECT) {
            self.send_redirect(&packet, &decision);
        }
        if let Some(passed) = self.hook(Hook::Forward, packet) {
            self.output(passed.into_packet());
        }
    }

    /// Whether a packet may not leave as it is, nor cut up (`ip_exceeds_mtu`).
    fn exceeds(&self, packet: &Packet, header: &Ipv4, mtu: usize) -> bool {
        packet.bytes.len() > mtu && header.dont_fragment()
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

/// Writes the checksum of a header (`ip_send_check`).
pub(super) fn write_checksum(bytes: &mut [u8]) {
    let Some(header) = Ipv4::edit(bytes) else { return };
    header.checksum.set(0);
    let len = header.header_len().min(bytes.len());
    let sum = Checksum::ZERO.bytes(&bytes[..len]).finish();
    if let Some(header) = Ipv4::edit(bytes) {
        header.checksum.set(sum);
    }
}
