//! Detection of duplicate addresses: of addresses that packets brought (`addrconf_dad_work`),
//! and what it means that another has one (`addrconf_dad_failure`). Addresses that are
//! there by request are looked for before anything else happens, and nobody hears of it.

use std::net::Ipv6Addr;

use fingerpost_model::IfaFlags;
use fingerpost_net::wire::nd;

use super::super::timers::{Due, Timer};
use super::super::{Outcome, Stack};
use super::ndisc::IGNORED;
use super::solicit::{ALL_NODES, Advert};
use crate::config::Dad;
use crate::control::groups6::solicited;
use crate::control::{addrconf, detect6};
use crate::state::Time;

/// Bytes of a solicitation's nonce.
const NONCE: usize = 6;
/// Milliseconds of a tick.
const TICK: u64 = 4;

impl Stack<'_, '_> {
    /// Detection that was just begun, and may be over at once: else it sends its first solicitation after a random part of
    /// a delay (`addrconf_dad_kick`).
    pub(super) fn begin_detection(&mut self, dev: u32, addr: Ipv6Addr) {
        let Some(ipv6) = self.config.links.ipv6(dev) else { return };
        let Some(have) = ipv6.addrs.iter().find(|have| have.addr == addr) else { return };
        if !matches!(have.dad, Dad::Until(_)) {
            return if !have.flags.has(IfaFlags::TENTATIVE) {
                self.announce_address(dev, addr)
            };
        }
        let is_optimistic = have.flags.has(IfaFlags::OPTIMISTIC);
        let delay = ipv6.conf.router_solicitation_delay.max(0) as u64 * 1000;
        let probes = ipv6.conf.dad_transmits.max(0) as u64;
        let wait = if is_optimistic { 0 } else { self.rng.below((delay / TICK).max(1)) * TICK };
        let first = self.now().0.saturating_add(wait);
        let end = Time(first.saturating_add(probes * self.detection_pause(dev)));
        if let Some(have) = addrconf::address_mut(self.config, dev, addr) {
            have.dad = Dad::Until(end);
        }
        self.state.detections.insert((dev, addr), probes);
        // One of an address that went before may still be set.
        self.state.timers.stop(|timer| timer == Timer::Detection(dev, addr));
        self.state.timers.set(Timer::Detection(dev, addr), None, Some(Due::exactly(Time(first))));
    }

    /// Milliseconds between two solicitations.
    fn detection_pause(&self, dev: u32) -> u64 {
        self.neighbour_setting((dev, Ipv6Addr::UNSPECIFIED.into()), "retrans_time_ms").max(2 * TICK)
    }

    /// Asks once more, or tells that the address is this device's now.
    pub(in crate::path) fn detect(&mut self, dev: u32, addr: Ipv6Addr) {
        let left = self.state.detections.remove(&(dev, addr)).unwrap_or(0);
        let Some(have) = addrconf::address(self.config, dev, addr) else { return };
        match have.dad {
            Dad::Until(_) if left > 0 => {
                self.probe_for_duplicate(dev, addr);
                // The pause may have become another since it began.
                let pause = self.detection_pause(dev);
                let (now, left) = (self.now().0, left - 1);
                let end = Time(now.saturating_add(pause.saturating_mul(left + 1)));
                if let Some(have) = addrconf::address_mut(self.config, dev, addr) {
                    have.dad = Dad::Until(end);
                }
                self.state.detections.insert((dev, addr), left);
                self.state.timers.set(
                    Timer::Detection(dev, addr),
                    None,
                    Some(Due::exactly(Time(now + pause))),
                );
            }
            Dad::Until(_) => {
                self.reconfigure(|ns, env| detect6::complete(ns, env, dev, addr));
                self.announce_address(dev, addr);
            }
            Dad::Over if !have.flags.has(IfaFlags::TENTATIVE) => self.announce_address(dev, addr),
            _ => {}
        }
    }

    fn probe_for_duplicate(&mut self, dev: u32, addr: Ipv6Addr) {
        let all = self.config.sysctl6.all.enhanced_dad;
        let Some(ipv6) = self.config.links.ipv6(dev) else { return };
        let has_nonce = all != 0 || ipv6.conf.enhanced_dad != 0;
        let mut message = vec![nd::SOLICIT, 0, 0, 0, 0, 0, 0, 0];
        message.extend_from_slice(&addr.octets());
        if has_nonce {
            let nonce = self.rng.next_u64().to_be_bytes();
            message.extend_from_slice(&[nd::NONCE, 1]);
            message.extend_from_slice(&nonce[..NONCE]);
        }
        self.send_nd(dev, Ipv6Addr::UNSPECIFIED, solicited(addr), message);
    }

    /// Neighbours are told of an address where the settings say so (`addrconf_dad_completed`).
    fn announce_address(&mut self, dev: u32, addr: Ipv6Addr) {
        let all = self.config.sysctl6.all.ndisc_notify;
        let Some(ipv6) = self.config.links.ipv6(dev) else { return };
        if all == 0 && ipv6.conf.ndisc_notify == 0 {
            return;
        }
        let is_router = ipv6.conf.forwarding != 0;
        let advert =
            Advert { target: addr, is_router, is_solicited: false, overrides: true, has_address: true };
        self.send_advert(dev, ALL_NODES, &advert);
    }

    /// Another has an address that is still looked for: one that is permanent stays and is not
    /// used, others go (`addrconf_dad_failure`, `addrconf_dad_stop`).
    pub(super) fn duplicate(&mut self, dev: u32, addr: Ipv6Addr) -> Outcome {
        let Some(have) = addrconf::address(self.config, dev, addr) else { return IGNORED };
        if matches!(have.dad, Dad::Over) {
            return IGNORED;
        }
        if have.flags.has(IfaFlags::STABLE_PRIVACY) {
            return Outcome::Unknown("another address after a duplicate");
        }
        self.reconfigure(|ns, env| detect6::fail(ns, env, dev, addr));
        IGNORED
    }
}
