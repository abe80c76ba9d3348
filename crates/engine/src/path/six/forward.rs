//! Forwarding IPv6 (`ip6_forward`; T-48 to T-54).

use std::net::IpAddr;

use fingerpost_model::MetricKind;
use fingerpost_net::wire::{Header, Ipv6, icmp6, nd, next};

use super::super::{Addressed, Packet, Stack};
use super::headers;
use super::output::LEAST_MTU;
use crate::addrtype::AddrType;
use crate::counters::Counter;
use crate::lookup::receive6::{self, NotForwarded};
use crate::lookup::{Decision6, DropReason};
use crate::trace::{Hook, Stage};

/// What a router that stands in for a packet's destination does with it.
enum Proxied {
    /// It is neighbour discovery, and for the router.
    Taken,
    /// It is not forwarded to an address of one link.
    Refused,
    /// It is forwarded like another.
    Passed,
}

impl Stack<'_, '_> {
    /// `ip6_forward`.
    pub(super) fn forward6(&mut self, mut packet: Box<Packet>) {
        self.stage(Stage::Forward);
        let (Some(decision), Some(&header)) = (&packet.decision6, Ipv6::read(&packet.bytes)) else {
            return self.drop(&packet, DropReason::NotSpecified);
        };
        let (src, dst) = (header.source(), header.destination());
        let may = receive6::forward(self.config, packet.iif, decision.dev, src);
        if may == Err(NotForwarded::Off) {
            return self.refuse_forwarding(&packet);
        }
        if packet.addressed != Addressed::Host || packet.has_socket {
            return self.drop(&packet, DropReason::NotSpecified); // T-69
        }
        if header.hop_limit <= 1 {
            // T-51
            self.icmp6_send(&packet, icmp6::TIME_EXCEEDED, icmp6::HOP_LIMIT, 0);
            self.count(Counter::Ip6InHdrErrors);
            return self.drop(&packet, DropReason::IpInHdr);
        }
        if self.config.sysctl6.all.proxy_ndp != 0 && self.is_proxied((packet.dev, IpAddr::V6(dst))) {
            match proxied(&packet.bytes, &header) {
                Proxied::Taken => return self.deliver6(packet), // T-66
                Proxied::Refused => {
                    self.link_failed6(&packet);
                    self.count(Counter::Ip6InDiscards);
                    return self.drop(&packet, DropReason::NotSpecified);
                }
                Proxied::Passed => {}
            }
        }
        match may {
            Ok(()) if packet.iif == decision.dev => self.offer_redirect(&packet, decision), // T-56
            Ok(()) => {}
            Err(why) => {
                if why == NotForwarded::BeyondScope {
                    self.icmp6_send(&packet, icmp6::UNREACHABLE, icmp6::BEYOND_SCOPE, 0);
                }
                return self.refuse_forwarding(&packet);
            }
        }
        self.count(Counter::Ip6OutForwDatagrams);
        packet.is_forwarded = true;
        let mtu = self.forwarding_mtu6(decision).max(LEAST_MTU);
        if packet.bytes.len() > mtu {
            packet.dev = decision.dev;
            self.icmp6_send(&packet, icmp6::TOO_BIG, 0, mtu as u32);
            self.count(Counter::Ip6InTooBigErrors);
            self.count(Counter::Ip6FragFails);
            return self.drop(&packet, DropReason::PktTooBig);
        }
        if let Some(hop_limit) = packet.bytes.get_mut(Ipv6::HOP_LIMIT_AT) {
            *hop_limit -= 1;
        }
        if let Some(passed) = self.hook(Hook::Forward, packet) {
            let _ = self.output6(passed.into_packet());
        }
    }

    fn refuse_forwarding(&mut self, packet: &Packet) {
        self.count(Counter::Ip6InAddrErrors);
        self.drop(packet, DropReason::IpInAddrErrors);
    }

    /// A locked MTU of the route, else the device's (`ip6_dst_mtu_maybe_forward`, T-54).
    fn forwarding_mtu6(&self, decision: &Decision6) -> usize {
        // One search for both.
        let route = decision.found.route.get(self.config);
        let metric = |kind| route.and_then(|route| route.metrics.get(kind)).unwrap_or(0);
        let is_locked = metric(MetricKind::LOCK) & 1 << MetricKind::MTU.0 != 0;
        let of_route = decision.learned.and_then(|learned| learned.mtu);
        let of_route = of_route.unwrap_or_else(|| metric(MetricKind::MTU));
        if is_locked && of_route != 0 {
            return of_route as usize;
        }
        self.config.links.ipv6(decision.dev).map_or(LEAST_MTU, |ipv6| ipv6.conf.mtu.max(0) as usize)
    }

    /// Whether this host stands in for an address (`pneigh_lookup`).
    pub(super) fn is_proxied(&self, (dev, addr): (u32, IpAddr)) -> bool {
        let proxies = &self.config.neighbours.proxies;
        [dev, 0].iter().any(|&dev| proxies.contains_key(&(dev, addr)))
    }

    /// The next step of a packet cannot be reached (`ip6_link_failure`).
    pub(in crate::path) fn link_failed6(&mut self, packet: &Packet) {
        self.icmp6_send(packet, icmp6::UNREACHABLE, icmp6::ADDRESS, 0);
        if let (Some(decision), Some(header)) = (&packet.decision6, Ipv6::read(&packet.bytes)) {
            let ends = (header.source(), decision.destination);
            self.state.exceptions6.link_failed(self.config, decision, ends);
        }
    }
}

/// `ip6_forward_proxy_check`.
fn proxied(bytes: &[u8], header: &Ipv6) -> Proxied {
    let Some(behind) = headers::skip(bytes, Ipv6::LEN, header.next) else { return Proxied::Passed };
    if behind.number == next::ICMPV6 {
        match bytes.get(behind.at) {
            None => return Proxied::Passed,
            Some(nd::ROUTER_SOLICIT..=nd::REDIRECT) => return Proxied::Taken,
            Some(_) => {}
        }
    }
    match AddrType::of(header.destination()).any(AddrType::LINK_LOCAL) {
        true => Proxied::Refused,
        false => Proxied::Passed,
    }
}
