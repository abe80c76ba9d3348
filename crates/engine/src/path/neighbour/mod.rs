//! Neighbours: from the next step's address to a link-layer address (`net/core/neighbour.c`),
//! packet-path section 10.
//!
//! What people see of an entry (state, link-layer address) is configuration, as `ip neigh`
//! changes it too; what running adds (probes, times, packets that wait) is a [`Resolution`].
//! Not here: that Linux forgets, some time after nobody uses them, entries beyond the first
//! 128 of all namespaces together (`neigh_periodic_work`).

mod probe;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};

use fingerpost_model::{LinkFlags, LlAddr, NeighFlags, NeighMsg, NeighState, RouteType};
use fingerpost_net::wire::{Header, Ipv4, Mac};
use fingerpost_net::{Errno, Family};

use super::ethernet::{broadcast_of, has_header, mac_of};
use super::hook::Sent;
use super::timers::{Due, Timer};
use super::{Outcome, Packet, Stack};
use crate::config::{Config, Link};
use crate::control::sysctl;
use crate::lookup::{DropReason, source};
use crate::state::{State, Time};
use crate::trace::Stage;

/// Neighbours of a family that are kept besides fixed ones (`gc_thresh3`), those beyond
/// which some are forgotten now and then (`gc_thresh2`), and the milliseconds for which one
/// that was heard of is not. Linux counts those of all namespaces.
const MOST: usize = 1024;
const MANY: usize = 512;
const LATELY: u64 = 5_000;
/// Milliseconds after which entries that are kept up are asked for again.
pub(crate) const KEPT_UP: u64 = 5_000;

const CONNECTED: NeighState =
    NeighState(NeighState::PERMANENT.0 | NeighState::NOARP.0 | NeighState::REACHABLE.0);
/// States in which an answer is waited for.
const ASKED: NeighState = NeighState(NeighState::INCOMPLETE.0 | NeighState::PROBE.0);
const IN_TIMER: NeighState = NeighState(
    NeighState::INCOMPLETE.0 | NeighState::REACHABLE.0 | NeighState::DELAY.0 | NeighState::PROBE.0,
);

/// What running adds to a neighbour's entry.
#[derive(Clone, Debug, Default)]
pub struct Resolution {
    probes: u32,
    confirmed: Option<Time>,
    used: Time,
    /// Whether the link header was made that packets are given while it is reachable.
    pub(super) has_header: bool,
    updated: Option<Time>,
    /// How long the entry counts as reachable once confirmed, milliseconds.
    reachable: u64,
    timer: Option<Time>,
    /// When it is asked for again, if it is kept up.
    managed: Option<Time>,
}

/// Entries under way, by device and address.
pub type Resolutions = HashMap<(u32, IpAddr), Resolution>;

/// An entry's key.
pub(super) type Key = (u32, IpAddr);

/// What a message says about a neighbour.
#[derive(Clone, Copy, Debug)]
pub(super) struct Update {
    pub mac: Option<Mac>,
    pub state: NeighState,
    /// Another address takes the place of the one that is known.
    pub overrides: bool,
    /// Another address that does not makes a confirmed one doubtful.
    pub is_weak: bool,
    /// Whether it is a router, where that is told.
    pub is_router: Option<bool>,
}

impl Update {
    /// What ARP tells.
    pub fn of_arp(mac: Mac, state: NeighState, overrides: bool) -> Update {
        Update { mac: Some(mac), state, overrides, is_weak: false, is_router: None }
    }
}

/// What running knows of an entry that was added or altered by request, and was in the state
/// `old` before; `is_used` where the request was to use it. What is to be sent then is sent
/// once time passes, be it none.
pub(crate) fn altered(
    config: &Config,
    state: &mut State,
    key: Key,
    (old, is_used): (NeighState, bool),
    now: Time,
) {
    let is = config.neighbours.state(key.0, key.1).unwrap_or(NeighState(0));
    let device = config.links.get(key.0).map_or("", |link| link.name());
    let setting = |name| sysctl::neighbour_number(config, Family::of(key.1), device, name).max(0) as u64;
    keep_up(config, state, key, now);
    let is_waited_for = !state.waiting.is_empty(key);
    let resolution = state.resolutions.entry(key).or_default();
    if is_used && is == old {
        return;
    }
    (resolution.updated, resolution.used, resolution.probes) = (Some(now), now, 0);
    let mut at = None;
    if is == NeighState::REACHABLE {
        let base = setting("base_reachable_time_ms");
        (resolution.confirmed, resolution.reachable) = (Some(now), base);
        at = Some(if is_waited_for { now } else { Time(now.0 + base) });
    } else if is_used && is == NeighState::DELAY {
        at = Some(Time(now.0 + setting("delay_first_probe_time") * 1000));
    } else if is == NeighState::INCOMPLETE {
        // Who is not used is not asked for either.
        resolution.probes = setting("ucast_solicit") as u32;
        at = is_used.then_some(now);
    } else if is.any(IN_TIMER) && !is_waited_for {
        // With the next tick.
        at = Some(Time(now.0 + state.tick.millis));
    } else if is.any(IN_TIMER)
        || is.any(NeighState::VALID) && is_waited_for
        || is == NeighState::FAILED && old.any(ASKED)
    {
        at = Some(now);
    }
    let due = at.map(|at| state.tick.slot(now, at));
    let before = std::mem::replace(&mut resolution.timer, due.map(|due| due.at));
    state.timers.set(Timer::Neighbour(key.0, key.1), before, due);
}

/// Has an entry that is to be kept up asked for after a while, and others not.
///
/// Linux looks at all of a family together, at intervals that began with the machine and have
/// the length that its first namespace sets (`neigh_managed_work`, `interval_probe_time_ms` of
/// `neigh.default`); here they begin with the entry, and have the usual length.
pub(crate) fn keep_up(config: &Config, state: &mut State, key: Key, now: Time) {
    let entry = config.neighbours.entries.get(&key);
    let is_managed = entry.is_some_and(|entry| entry.flags.has(NeighFlags::MANAGED));
    let before = state.resolutions.get(&key).and_then(|resolution| resolution.managed);
    if is_managed == before.is_some() {
        return;
    }
    let due = is_managed.then(|| state.tick.slot(now, Time(now.0.saturating_add(KEPT_UP))));
    state.resolutions.entry(key).or_default().managed = due.map(|due| due.at);
    state.timers.set(Timer::Managed(key.0, key.1), before, due);
}

/// Entries as a capture has them: those that are to be kept up will be asked for, and of those
/// that were being asked for, of which nobody knows since when, none has answered.
pub(crate) fn take_up(config: &mut Config, state: &mut State, now: Time) {
    for (key, entry) in &mut config.neighbours.entries {
        if entry.state == NeighState::INCOMPLETE && !state.resolutions.contains_key(key) {
            entry.state = NeighState::FAILED;
        }
    }
    config.neighbours.entries.keys().for_each(|&key| keep_up(config, state, key, now));
}

/// Forgets what running knows of an entry that was removed.
pub(crate) fn removed(state: &mut State, key: Key) {
    let known = state.resolutions.remove(&key).unwrap_or_default();
    state.waiting.clear(key);
    state.timers.set(Timer::Neighbour(key.0, key.1), known.timer, None);
    state.timers.set(Timer::Managed(key.0, key.1), known.managed, None);
}

/// The same of one that is removed by request: it fails before, and packets that wait for
/// an answer are told of once time passes, be it none.
pub(crate) fn removed_by_request(state: &mut State, key: Key, old: NeighState, now: Time) {
    let is_waited_for = !state.waiting.is_empty(key);
    match state.resolutions.get_mut(&key) {
        Some(resolution) if old.any(ASKED) && is_waited_for => {
            let before = resolution.timer.replace(now);
            state.timers.set(Timer::Neighbour(key.0, key.1), before, Some(Due::exactly(now)));
        }
        _ => removed(state, key),
    }
}

impl Stack<'_, '_> {
    /// Hands an IPv4 packet to its next step (`ip_neigh_for_gw`, `neigh_output`).
    pub(super) fn resolve_and_send(&mut self, packet: Box<Packet>) -> Sent {
        let gateway = packet.decision.as_ref().and_then(|decision| decision.gateway);
        let Some(dst) = Ipv4::read(&packet.bytes).map(Ipv4::destination) else {
            self.drop(&packet, DropReason::IpInHdr);
            return Ok(());
        };
        self.send_to(packet, gateway.unwrap_or(IpAddr::V4(dst)))
    }

    /// Hands a packet to a neighbour, or to its own loopback.
    pub(super) fn send_to(&mut self, packet: Box<Packet>, next: IpAddr) -> Sent {
        self.stage(Stage::Next { dev: packet.dev, addr: next });
        let Some(link) = self.config.links.get(packet.dev) else {
            self.drop(&packet, DropReason::NotSpecified);
            return Ok(());
        };
        if link.is_loopback() {
            self.transmit(packet, [0; 6]);
            return Ok(());
        }
        if let Some(mac) = self.without_resolution(packet.dev, next) {
            self.note_unresolved(packet.dev, next);
            self.transmit(packet, mac);
            return Ok(());
        }
        let key = (packet.dev, next);
        if !self.knows(key) && !self.has_room(Family::of(next)) {
            self.drop(&packet, DropReason::NeighCreatefail);
            return Err(Errno::ENOBUFS);
        }
        match self.address_of(key) {
            Some(mac) => {
                self.note_use(key);
                self.transmit(packet, mac);
                self.probe_after_use(key);
            }
            None => self.wait(key, packet),
        }
        Ok(())
    }

    /// The link-layer address where none has to be asked for (`arp_constructor`,
    /// `ndisc_constructor`; C-280).
    pub(super) fn without_resolution(&self, dev: u32, next: IpAddr) -> Option<Mac> {
        let link = self.config.links.get(dev)?;
        if !has_header(link) {
            return Some([0; 6]);
        }
        // An entry that is there is used, whatever would be made of a new one.
        if let Some(entry) = self.config.neighbours.entries.get(&(dev, next)) {
            let is_fixed = entry.state.any(NeighState(NeighState::PERMANENT.0 | NeighState::NOARP.0));
            return if is_fixed { mac_in(entry) } else { None };
        }
        if let Some(mac) = mac_of_group(next) {
            return Some(mac);
        }
        if link.msg.flags.has(LinkFlags::NOARP) {
            return Some(mac_of(link));
        }
        let is_broadcast = match next {
            IpAddr::V4(next) => source::address_type_on(self.config, next, dev) == RouteType::BROADCAST,
            IpAddr::V6(_) => false,
        };
        let is_point_to_point = link.msg.flags.has(LinkFlags::POINTOPOINT);
        (is_broadcast || is_point_to_point).then(|| broadcast_of(link))
    }

    /// Linux has an entry for those as well to whom packets go as they are (`NUD_NOARP`).
    fn note_unresolved(&mut self, dev: u32, next: IpAddr) {
        let IpAddr::V6(next) = next else { return };
        let resolves = |link: &Link| has_header(link) && !link.msg.flags.has(LinkFlags::NOARP);
        let has_room = self.state.unresolved.len() < MOST;
        if has_room && !next.is_multicast() && !self.config.links.get(dev).is_none_or(resolves) {
            self.state.unresolved.insert((dev, next));
        }
    }

    /// Whether one more neighbour of a family may be made; where there are too many, those
    /// that failed or were not heard of lately are forgotten (`neigh_alloc`, `neigh_forced_gc`).
    fn has_room(&mut self, family: Family) -> bool {
        let fixed = NeighState(NeighState::PERMANENT.0 | NeighState::NOARP.0);
        let entries = &self.config.neighbours.entries;
        if entries.len() < MANY {
            return true;
        }
        let counted =
            |entry: &(&Key, &NeighMsg)| Family::of(entry.0.1) == family && !entry.1.state.any(fixed);
        let count = entries.iter().filter(counted).count();
        let (now, flushed) = (self.now(), &mut self.state.neighbours_flushed);
        let is_due = |flushed: Option<Time>| flushed.is_none_or(|at| now.0 > at.0 + LATELY);
        if count < MANY || count < MOST && !is_due(flushed.get(&family).copied()) {
            return true;
        }
        flushed.insert(family, now);
        let lately = now.0.saturating_sub(LATELY);
        let updated = |key: &Key| self.state.resolutions.get(key).and_then(|known| known.updated);
        let is_old = |key: &Key| updated(key).is_none_or(|at| at.0 < lately);
        let may_go =
            |state: NeighState, key: &Key| state == NeighState::FAILED || !state.any(IN_TIMER) && is_old(key);
        let mut old: Vec<Key> = entries
            .iter()
            .filter(counted)
            .filter(|entry| may_go(entry.1.state, entry.0))
            .map(|entry| *entry.0)
            .collect();
        old.sort_by_key(|key| updated(key));
        old.truncate(count + 1 - MANY);
        for key in &old {
            self.config.neighbours.entries.remove(key);
            removed(self.state, *key);
        }
        count < MOST || !old.is_empty()
    }

    fn state_of(&self, (dev, addr): Key) -> NeighState {
        self.config.neighbours.state(dev, addr).unwrap_or(NeighState(0))
    }

    /// The address that may be used now.
    pub(super) fn address_of(&self, key: Key) -> Option<Mac> {
        let entry = self.config.neighbours.entries.get(&key)?;
        entry.state.any(NeighState::VALID).then(|| mac_in(entry)).flatten()
    }

    fn entry(&mut self, key: Key) -> &mut NeighMsg {
        let (dev, addr) = key;
        self.config.neighbours.entries.entry(key).or_insert_with(|| NeighMsg {
            dst: Some(addr),
            kind: RouteType::UNICAST,
            ..NeighMsg::new(Family::of(addr), dev)
        })
    }

    fn enter(&mut self, key: Key, state: NeighState) {
        self.entry(key).state = state;
        self.stage(Stage::Neighbour { dev: key.0, addr: key.1, state });
    }

    /// A setting of the device's neighbours of a family.
    pub(super) fn neighbour_setting(&self, (dev, addr): Key, name: &str) -> u64 {
        let device = self.config.links.get(dev).map_or("", |link| link.name());
        sysctl::neighbour_number(self.config, Family::of(addr), device, name).max(0) as u64
    }

    fn set_timer(&mut self, key: Key, at: Option<Time>) {
        let due = at.map(|at| self.slot(at));
        let resolution = self.state.resolutions.entry(key).or_default();
        let before = std::mem::replace(&mut resolution.timer, due.map(|due| due.at));
        self.state.timers.set(Timer::Neighbour(key.0, key.1), before, due);
    }

    fn in_millis(&self, millis: u64) -> Option<Time> {
        Some(Time(self.now().0.saturating_add(millis)))
    }

    /// Notes that an entry is used: while it counts as reachable only the first time, when
    /// the link header is made that later packets are given (`neigh_resolve_output`,
    /// `neigh_hh_output`).
    fn note_use(&mut self, key: Key) {
        let (now, is_steady) = (self.now(), self.state_of(key).any(CONNECTED));
        let resolution = self.resolution(key);
        if !is_steady || !resolution.has_header {
            (resolution.used, resolution.has_header) = (now, true);
        }
    }

    /// What use does to an entry that nobody confirmed lately (`__neigh_event_send`).
    fn probe_after_use(&mut self, key: Key) {
        if self.state_of(key) == NeighState::STALE {
            let now = self.now();
            self.enter(key, NeighState::DELAY);
            self.resolution(key).updated = Some(now);
            let delay = self.neighbour_setting(key, "delay_first_probe_time") * 1000;
            // At once is with the next tick.
            self.set_timer(key, self.in_millis(delay.max(self.state.tick.millis)));
        }
    }

    fn resolution(&mut self, key: Key) -> &mut Resolution {
        self.state.resolutions.entry(key).or_default()
    }

    /// A packet waits for the address; the first one has it asked for (C-275).
    fn wait(&mut self, key: Key, mut packet: Box<Packet>) {
        let is_new = !self.state_of(key).any(NeighState::INCOMPLETE);
        if is_new && !self.begin(key) {
            return self.drop(&packet, DropReason::NeighFailed);
        }
        let now = self.now();
        self.resolution(key).used = now;
        let limit = self.neighbour_setting(key, "unres_qlen_bytes") as usize;
        while self.state.waiting.is_full(key, &packet, limit) {
            let Some((oldest, share)) = self.state.waiting.pop(key) else { break };
            self.state.waiting.release(share);
            self.drop(&oldest, DropReason::NeighQueuefull);
        }
        self.end(&packet, Outcome::Queued);
        packet.is_subject = false;
        self.state.waiting.push(key, packet);
        if is_new {
            self.probe(key);
        }
    }

    /// Has a neighbour asked for, unless it is being asked or known (`neigh_event_send`).
    pub(super) fn resolve(&mut self, key: Key) {
        if !self.knows(key) && !self.has_room(Family::of(key.1)) {
            return;
        }
        let state = self.state_of(key);
        if state.any(NeighState::STALE) {
            self.probe_after_use(key);
        } else if !state.any(NeighState(NeighState::VALID.0 | NeighState::INCOMPLETE.0)) && self.begin(key) {
            self.probe(key);
        }
    }

    /// An entry becomes incomplete; not where nobody may be asked.
    fn begin(&mut self, key: Key) -> bool {
        let may_ask =
            self.neighbour_setting(key, "mcast_solicit") + self.neighbour_setting(key, "app_solicit");
        if may_ask == 0 {
            let now = self.now();
            self.enter(key, NeighState::FAILED);
            self.resolution(key).updated = Some(now);
            return false;
        }
        let now = self.now();
        self.enter(key, NeighState::INCOMPLETE);
        let unicast = self.neighbour_setting(key, "ucast_solicit") as u32;
        let resolution = self.resolution(key);
        (resolution.probes, resolution.updated) = (unicast, Some(now));
        let pause = self.pause(key);
        self.set_timer(key, self.in_millis(pause));
        true
    }

    fn address_in(&self, key: Key) -> Option<Mac> {
        self.config.neighbours.entries.get(&key).and_then(mac_in)
    }

    /// When the entry was last changed, for those that ask whether it may change again.
    pub(super) fn was_updated_within(&mut self, key: Key, millis: u64) -> bool {
        let now = self.now();
        self.resolution(key).updated.is_some_and(|at| now.0 <= at.0 + millis)
    }

    /// An answer shows that a neighbour was reached (`neigh_confirm`).
    pub(super) fn confirm(&mut self, key: Key) {
        if self.knows(key) {
            let now = self.now();
            self.resolution(key).confirmed = Some(now);
        }
    }

    /// Whether there is an entry.
    pub(super) fn knows(&self, key: Key) -> bool {
        self.config.neighbours.entries.contains_key(&key)
    }

    /// Makes an entry if there is none, of a router if that is known. Of those whose address
    /// is no question none is kept.
    pub(super) fn make_neighbour(&mut self, key: Key, is_router: bool) {
        let is_asked_for = self.config.links.get(key.0).is_none_or(|link| !has_header(link))
            || self.without_resolution(key.0, key.1).is_none();
        if !is_asked_for && !self.knows(key) {
            return;
        }
        let entry = self.entry(key);
        if is_router {
            entry.flags = entry.flags | NeighFlags::ROUTER;
        }
    }

    /// The same, where an entry is made even if nothing is told.
    pub(super) fn learn_neighbour(&mut self, key: Key, update: Update) {
        self.make_neighbour(key, false);
        self.neighbour_update(key, update);
    }

    /// What somebody said about a neighbour (`__neigh_update`); an entry is made for it.
    pub(super) fn neighbour_update(&mut self, key: Key, update: Update) {
        // A new entry may need no telling (`arp_constructor`).
        let is_fixed = |stack: &Self| stack.without_resolution(key.0, key.1).is_some();
        if !self.knows(key) && (is_fixed(self) || !self.has_room(Family::of(key.1))) {
            return;
        }
        let (old, now) = (self.state_of(key), self.now());
        if old.any(NeighState(NeighState::NOARP.0 | NeighState::PERMANENT.0)) {
            return;
        }
        let was_valid = old.any(NeighState::VALID);
        let known = self.address_in(key);
        let Some(mut mac) = update.mac.or(known.filter(|_| was_valid)) else { return };
        let mut is_same = known == Some(mac);
        let is_doubted = was_valid && !is_same && !update.overrides;
        let mut new = update.state;
        if new.any(CONNECTED) {
            self.resolution(key).confirmed = Some(now);
        }
        if was_valid {
            if !is_same && !update.overrides {
                if !update.is_weak || !old.any(CONNECTED) {
                    return;
                }
                (mac, is_same, new) = (known.unwrap_or(mac), true, NeighState::STALE);
            } else if is_same && new == NeighState::STALE {
                new = old;
            }
        }
        if let Some(is_router) = update.is_router.filter(|_| !is_doubted) {
            let entry = self.entry(key);
            entry.flags = match is_router {
                true => entry.flags | NeighFlags::ROUTER,
                false => NeighFlags(entry.flags.0 & !NeighFlags::ROUTER.0),
            };
        }
        if new != old || !is_same {
            self.resolution(key).updated = Some(now);
        }
        if new != old {
            if new == NeighState::REACHABLE {
                // Between half of the base time and one and a half.
                let base = self.neighbour_setting(key, "base_reachable_time_ms");
                let reachable = base / 2 + self.rng.below(base.max(1));
                self.resolution(key).reachable = reachable;
                self.set_timer(key, self.in_millis(reachable));
            } else {
                self.set_timer(key, None);
            }
            self.enter(key, new);
        }
        if !is_same {
            self.entry(key).lladdr = Some(LlAddr(mac.to_vec()));
        }
        if !was_valid {
            self.send_waiting(key, mac);
        }
    }

    /// Packets that have waited for the address leave.
    fn send_waiting(&mut self, key: Key, mac: Mac) {
        while let Some((packet, share)) = self.state.waiting.pop(key) {
            self.note_use(key);
            self.transmit(packet, mac);
            self.state.waiting.release(share);
            self.probe_after_use(key);
        }
    }
}

/// The link-layer group that an IP group is mapped to (RFC 1112, section 6.4; RFC 2464, section 7).
pub fn mac_of_group(addr: IpAddr) -> Option<Mac> {
    match addr {
        IpAddr::V4(addr) if addr.is_multicast() => {
            let [_, b, c, d] = addr.octets();
            Some([0x01, 0x00, 0x5e, b & 0x7f, c, d])
        }
        IpAddr::V6(addr) if addr.is_multicast() => {
            let [.., a, b, c, d] = addr.octets();
            Some([0x33, 0x33, a, b, c, d])
        }
        _ => None,
    }
}

pub(super) fn mac_in(entry: &NeighMsg) -> Option<Mac> {
    entry.lladdr.as_ref().and_then(|addr| Mac::try_from(addr.0.as_slice()).ok())
}

/// The key of an IPv4 neighbour.
pub(super) fn key(dev: u32, addr: Ipv4Addr) -> Key {
    (dev, IpAddr::V4(addr))
}
