//! Neighbours are asked, until they answer or nobody hopes any more (`neigh_timer_handler`).

use std::net::IpAddr;

use fingerpost_model::NeighState;
use fingerpost_net::wire::{Header, Ipv4, Ipv6, icmp};

use super::{ASKED, IN_TIMER, Key, Resolution, keep_up, removed};
use crate::lookup::{DropReason, path};
use crate::path::six::is_six;
use crate::path::{Packet, Stack};
use crate::state::Time;

impl Stack<'_, '_> {
    /// Milliseconds between two probes.
    pub(super) fn pause(&self, key: Key) -> u64 {
        self.neighbour_setting(key, "retrans_time_ms").max(10)
    }

    /// Asks once more (`neigh_probe`, `arp_solicit`).
    pub(super) fn probe(&mut self, key: Key) {
        let is_unicast =
            u64::from(self.resolution(key).probes) < self.neighbour_setting(key, "ucast_solicit");
        let to = if is_unicast { self.address_in(key) } else { None };
        let (before, app) =
            (self.neighbour_setting(key, "ucast_solicit"), self.neighbour_setting(key, "app_solicit"));
        let probes = u64::from(self.resolution(key).probes);
        if (before..before + app).contains(&probes) {
            // Programs are asked instead.
            self.resolution(key).probes += 1;
            return;
        }
        match key {
            (dev, IpAddr::V4(target)) => {
                let last = self.state.waiting.last(key);
                let source = last.and_then(|packet| Ipv4::read(&packet.bytes)).map(Ipv4::source);
                self.arp_ask(dev, target, source, to);
            }
            (dev, IpAddr::V6(target)) => {
                let last = self.state.waiting.last(key);
                let source = last.and_then(|packet| Ipv6::read(&packet.bytes)).map(Ipv6::source);
                self.nd_ask(dev, target, source, is_unicast);
            }
        }
        self.resolution(key).probes += 1;
    }

    /// `neigh_timer_handler`.
    pub(in crate::path) fn neighbour_timer(&mut self, dev: u32, addr: IpAddr) {
        let (key, now) = ((dev, addr), self.now());
        self.resolution(key).timer = None;
        let state = self.state_of(key);
        if let Some(mac) = self.address_of(key) {
            self.send_waiting(key, mac);
        }
        if !self.knows(key) || state == NeighState::FAILED {
            return self.give_up(key);
        }
        if !state.any(IN_TIMER) {
            return;
        }
        let delay = self.neighbour_setting(key, "delay_first_probe_time") * 1000;
        let Resolution { confirmed, used, reachable, .. } = *self.resolution(key);
        let confirmed_within = |millis: u64| confirmed.is_some_and(|at| now.0 <= at.0 + millis);
        let pause = self.pause(key);
        let mut next = now.0 + pause;
        if state == NeighState::REACHABLE {
            if confirmed_within(reachable) {
                next = confirmed.map_or(next, |at| at.0 + reachable);
            } else if now.0 <= used.0 + delay {
                self.enter(key, NeighState::DELAY);
                self.resolution(key).updated = Some(now);
                next = now.0 + delay;
            } else {
                self.enter(key, NeighState::STALE);
                self.resolution(key).updated = Some(now);
            }
        } else if state == NeighState::DELAY {
            if confirmed_within(delay) {
                self.enter(key, NeighState::REACHABLE);
                next = confirmed.map_or(next, |at| at.0 + reachable);
            } else {
                self.enter(key, NeighState::PROBE);
                self.resolution(key).probes = 0;
            }
            self.resolution(key).updated = Some(now);
        }
        let state = self.state_of(key);
        let is_asking = state.any(ASKED);
        if is_asking && u64::from(self.resolution(key).probes) >= self.most_probes(key, state) {
            self.enter(key, NeighState::FAILED);
            return self.give_up(key);
        }
        if state.any(IN_TIMER) {
            self.set_timer(key, Some(Time(next.max(now.0 + 10))));
        }
        if is_asking {
            self.probe(key);
        }
    }

    /// An entry that is kept up is used: a stale one is probed after a while, one that is not
    /// known is asked for (`neigh_managed_work`).
    pub(in crate::path) fn managed_timer(&mut self, key: Key) {
        self.resolution(key).managed = None;
        if self.knows(key) {
            self.resolve(key);
        }
        keep_up(self.config, self.state, key, self.env.now);
    }

    /// `neigh_max_probes`.
    fn most_probes(&self, key: Key, state: NeighState) -> u64 {
        let last = if state == NeighState::PROBE { "mcast_resolicit" } else { "mcast_solicit" };
        ["ucast_solicit", "app_solicit", last].iter().map(|name| self.neighbour_setting(key, name)).sum()
    }

    /// Nobody answers: those who wait are told (`neigh_invalidate`, `arp_error_report`; C-276).
    /// Where telling one has the same neighbour asked for again, the others are not.
    pub(super) fn give_up(&mut self, key: Key) {
        let now = self.now();
        self.resolution(key).updated = Some(now);
        while !self.knows(key) || self.state_of(key) == NeighState::FAILED {
            let Some((mut packet, share)) = self.state.waiting.pop(key) else { break };
            let reason = match is_six(&packet) {
                true => {
                    self.link_failed6(&packet); // T-65
                    DropReason::NotSpecified
                }
                false => {
                    if !self.has_lost_route(&packet) {
                        if self.read_options_again(&mut packet) {
                            self.icmp_send(&packet, icmp::UNREACHABLE, icmp::HOST, [0; 4]);
                        }
                        self.forget_path_mtu(&packet);
                    }
                    DropReason::NeighFailed
                }
            };
            self.state.waiting.release(share);
            self.drop(&packet, reason);
        }
        while let Some((packet, share)) = self.state.waiting.pop(key) {
            self.state.waiting.release(share);
            self.drop(&packet, DropReason::QueuePurge);
        }
        if !self.knows(key) {
            removed(self.state, key);
        }
    }

    /// Whether the route by which a packet was to leave went while it waited. Its decision leads
    /// to no namespace's device then (`dst_dev_put`): the sender is not told.
    fn has_lost_route(&self, packet: &Packet) -> bool {
        let result = packet.decision.as_ref().and_then(|decision| decision.result);
        result.is_some_and(|result| self.config.fib.metrics(result.alias.info).is_none())
    }

    /// The decision by which a packet was to leave forgets its path MTU (`ipv4_link_failure`).
    fn forget_path_mtu(&mut self, packet: &Packet) {
        let Some((decision, result)) = packet.decision.as_ref().and_then(|way| Some((way, way.result?)))
        else {
            return;
        };
        let hop = path::hop_id(self.config, result.alias.info, result.hop);
        self.state.exceptions.link_failed(hop, decision.destination, decision.is_input);
    }
}
