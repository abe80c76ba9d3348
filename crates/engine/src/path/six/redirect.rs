//! Redirects: a packet goes back by the device that it came in by, and its sender could
//! have sent it there itself (`ndisc_send_redirect`, T-56).

use std::net::{IpAddr, Ipv6Addr};

use fingerpost_model::IfaFlags;
use fingerpost_net::wire::{Header, Ipv6, nd, next};

use super::super::ethernet::has_header;
use super::super::{Outcome, Packet, Stack};
use super::is_multipath;
use super::output::LEAST_MTU;
use super::solicit::address_option;
use crate::addrtype::AddrType;
use crate::config::RtFlags;
use crate::lookup::{Decision6, Flow6, output6};

/// Milliseconds for one redirect.
const INTERVAL: u64 = 1_000;
/// A redirect without options: header, target, destination.
const FIXED: usize = 40;

impl Stack<'_, '_> {
    /// A redirect, as often as its destination may be spoken of.
    pub(super) fn offer_redirect(&mut self, packet: &Packet, decision: &Decision6) {
        let Some(&header) = Ipv6::read(&packet.bytes) else { return };
        let (src, dst) = (header.source(), header.destination());
        let gateway = decision.gateway.filter(|_| decision.flags.any(RtFlags::GATEWAY));
        let target = gateway.unwrap_or(dst);
        if !self.allows_six(dst, INTERVAL) {
            return;
        }
        let dev = if self.is_vrf(packet.dev) { packet.iif } else { packet.dev };
        let Some(own) = self.link_local(dev, IfaFlags::TENTATIVE) else { return };
        if target != dst && !AddrType::of(target).is_link_local_unicast() {
            return;
        }
        let mut flow = Flow6 { src: own, oif: dev, proto: next::ICMPV6, ..Flow6::to(src) };
        flow.dport = u16::from_be_bytes([nd::REDIRECT, 0]);
        let resolved = output6::resolve(self.config, self.state, self.env, &mut flow, self.tracer);
        let Some(back) = resolved.ok().filter(|back| !back.flags.any(RtFlags::GATEWAY)) else { return };
        if is_multipath(self.config, &back)
            && let Some(unknown) = self.unknown_seed()
        {
            return self.end(&Packet::bare(0), Outcome::Unknown(unknown));
        }
        if !self.allows_six(src, INTERVAL) {
            return;
        }
        self.send_redirect6(packet, dev, back, (own, src), (target, dst));
    }

    fn send_redirect6(
        &mut self,
        about: &Packet,
        dev: u32,
        back: Decision6,
        (own, to): (Ipv6Addr, Ipv6Addr),
        (target, dst): (Ipv6Addr, Ipv6Addr),
    ) {
        let mut message = vec![nd::REDIRECT, 0, 0, 0, 0, 0, 0, 0];
        message.extend_from_slice(&target.octets());
        message.extend_from_slice(&dst.octets());
        let target_at = (dev, IpAddr::V6(target));
        let fixed = || {
            self.without_resolution(dev, target_at.1)
                .filter(|_| self.config.links.get(dev).is_some_and(has_header))
        };
        let mac = self.address_of(target_at).or_else(fixed);
        message.extend(mac.into_iter().flat_map(|mac| address_option(nd::TARGET_ADDRESS, mac)));
        let options = message.len() - FIXED;
        let room = LEAST_MTU - Ipv6::LEN - FIXED - options;
        // As much of the packet as fits, in units of eight bytes.
        let len = room.min(about.bytes.len() + 8) & !7;
        message.extend_from_slice(&[nd::REDIRECTED, (len / 8) as u8, 0, 0, 0, 0, 0, 0]);
        message.extend_from_slice(&about.bytes[..len - 8]);
        self.send_nd_by(dev, Some(back), (own, to), message);
    }
}
