//! Multicast forwarding (`net/ipv4/ipmr.c`): a packet for a group is looked up in the
//! forwarding cache, a copy leaves by each virtual interface whose threshold its TTL exceeds,
//! and what nothing is known of waits for the routing daemon.
//!
//! The daemon itself is not modelled: what it is handed is delivered, and it answers nothing.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::Ipv4Addr;

use fingerpost_model::{RouteFlags, TableId};
use fingerpost_net::wire::{Header, Ipv4, proto};

use super::forward::decrease_ttl;
use super::timers::{Due, Timer};
use super::{Outcome, Packet, Stack};
use crate::config::{MAX_VIFS, Mfc, MulticastRouting, MulticastTable, NEVER, Vif};
use crate::counters::Counter;
use crate::lookup::hash::Asker;
use crate::lookup::{DropReason, Flow4, output4};
use crate::state::Time;
use crate::trace::{Hook, Stage};

/// Packets of one source to one group that wait at most.
const MOST_WAITING: usize = 4;
/// How long they do, milliseconds.
const WAIT: u64 = 10_000;
/// Sources and groups that packets wait for at most. Linux has no such bound but the daemon's
/// socket, which is told of each.
const MOST_UNRESOLVED: usize = 4_096;
/// Protocol of packets that multicast routes are looked up for.
const IPIP: u8 = 4;

/// A source and a group in a table.
type Key = (TableId, Ipv4Addr, Ipv4Addr);

/// What an entry of the cache counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Packets.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Packets that came in by another interface.
    pub wrong_if: u64,
    /// When the last came.
    pub last: Time,
}

/// What a virtual interface counted: bytes in and out, packets in and out.
pub type VifCounts = [u64; 4];

/// What running adds to multicast routing.
#[derive(Clone, Debug, Default)]
pub struct Multicast {
    /// What entries counted, by source, group and parent.
    pub used: HashMap<(Key, u16), Used>,
    /// What virtual interfaces counted.
    pub vifs: HashMap<(TableId, u16), VifCounts>,
    waiting: BTreeMap<Key, Waiting>,
    /// When the first of them is given up, as the timer is set.
    until: Option<Time>,
}

impl Multicast {
    /// Sources and groups that packets wait for, the latest first.
    pub fn unresolved(&self) -> impl Iterator<Item = Key> + '_ {
        let mut keys: Vec<_> = self.waiting.iter().map(|(&key, waiting)| (waiting.until, key)).collect();
        keys.sort();
        keys.into_iter().rev().map(|(_, key)| key)
    }
}

/// A packet that leaves by no interface.
struct NotForwarded;

/// Packets that nothing is known of yet (`ipmr_cache_unresolved`).
#[derive(Clone, Debug)]
struct Waiting {
    packets: VecDeque<Box<Packet>>,
    until: Time,
}

impl Stack<'_, '_> {
    /// `ip_mr_input`.
    pub(super) fn route_multicast(&mut self, packet: Box<Packet>) {
        let (Some(&header), Some(decision)) = (Ipv4::read(&packet.bytes), &packet.decision) else {
            return self.drop(&packet, DropReason::NotSpecified);
        };
        let is_local = decision.flags.has(RouteFlags::LOCAL);
        // Interfaces are those of the devices themselves, not of their VRF.
        let dev = if self.is_vrf(packet.dev) { packet.iif } else { packet.dev };
        let table = match self.multicast_table(packet.dev) {
            Ok(table) => table,
            Err(unknown) => return self.end(&packet, Outcome::Unknown(unknown)),
        };
        let has_daemon = self.config.multicast.table(table).is_some_and(|table| table.has_daemon);
        let is_igmp = header.proto == proto::IGMP;
        if !is_local && is_igmp && has_daemon {
            // With the router alert as without.
            return self.end(&packet, Outcome::Delivered);
        }
        let (origin, group) = (header.source(), header.destination());
        let known = self.config.multicast.table(table);
        let Some(entry) = known.and_then(|table| table.find(origin, group, dev)).cloned() else {
            let vif = known.and_then(|table| table.vif_on(dev));
            if is_local {
                let copy = packet.copy();
                self.deliver(packet);
                return self.wait_for_daemon((table, origin, group), vif, has_daemon, dev, copy);
            }
            return self.wait_for_daemon((table, origin, group), vif, has_daemon, dev, packet);
        };
        match is_local {
            true => {
                // A copy is only made where one leaves.
                let copy = packet.copy();
                let _ = self.forward_multicast(table, &entry, dev, copy);
                self.deliver(packet);
            }
            false => self.forward_or_drop(table, &entry, dev, packet),
        }
    }

    /// The table that packets at a device are looked up in (`ipmr_fib_lookup`): that of its
    /// VRF, if it has one, or the default one.
    fn multicast_table(&self, dev: u32) -> Result<TableId, &'static str> {
        let of_vrf = self.config.links.l3_table(dev);
        let tables = &self.config.multicast.tables;
        if let Some(table) = of_vrf.filter(|table| tables.contains_key(table)) {
            return Ok(table);
        }
        let is_of_vrf = |id: &TableId| self.config.links.iter().any(|link| link.vrf_table() == Some(*id));
        match tables.keys().all(|id| *id == MulticastRouting::DEFAULT || is_of_vrf(id)) {
            true => Ok(MulticastRouting::DEFAULT),
            false => Err("rules of multicast routing"),
        }
    }

    /// `ipmr_cache_unresolved`.
    fn wait_for_daemon(
        &mut self,
        key: Key,
        vif: Option<u16>,
        has_daemon: bool,
        dev: u32,
        mut packet: Box<Packet>,
    ) {
        if vif.is_none() || !has_daemon {
            return self.drop(&packet, DropReason::NotSpecified);
        }
        let until = self.slot(Time(self.now().0 + WAIT)).at;
        let state = &mut self.state.multicast;
        if state.waiting.len() >= MOST_UNRESOLVED && !state.waiting.contains_key(&key) {
            return self.end(&packet, Outcome::Unknown("how fast a multicast daemon reads"));
        }
        let fresh = || Waiting { packets: VecDeque::new(), until };
        let waiting = state.waiting.entry(key).or_insert_with(fresh);
        if waiting.packets.len() >= MOST_WAITING {
            return self.drop(&packet, DropReason::NotSpecified);
        }
        (packet.dev, packet.iif) = (dev, dev);
        waiting.packets.push_back(packet.copy());
        self.set_multicast_timer();
        self.end(&packet, Outcome::Queued);
    }

    fn set_multicast_timer(&mut self) {
        let level = self.slot(Time(self.now().0 + WAIT)).level;
        let state = &mut self.state.multicast;
        let at = state.waiting.values().map(|waiting| waiting.until).min();
        let before = std::mem::replace(&mut state.until, at);
        self.state.timers.set(Timer::Multicast, before, at.map(|at| Due { at, level }));
    }

    /// Nobody told what becomes of packets in time (`ipmr_expire_process`).
    pub(super) fn give_up_multicast(&mut self) {
        let now = self.now();
        let late = |(_, waiting): &(&Key, &Waiting)| waiting.until <= now;
        let keys: Vec<Key> = self.state.multicast.waiting.iter().filter(late).map(|(&key, _)| key).collect();
        for key in keys {
            let Some(waiting) = self.state.multicast.waiting.remove(&key) else { continue };
            waiting.packets.iter().for_each(|packet| self.drop(packet, DropReason::NotSpecified));
        }
        self.set_multicast_timer();
    }

    /// What waited for an entry that is there now goes by it (`ipmr_cache_resolve`).
    pub(crate) fn resolve_multicast(&mut self, table: TableId) {
        let keys: Vec<Key> = self.state.multicast.waiting.keys().copied().collect();
        for key in keys.into_iter().filter(|key| key.0 == table) {
            let (_, origin, group) = key;
            let known = self.config.multicast.table(table);
            let newest = known.and_then(|known| {
                known.cache.iter().rev().find(|entry| (entry.origin, entry.group) == (origin, group))
            });
            let Some(entry) = newest.cloned() else { continue };
            let Some(waiting) = self.state.multicast.waiting.remove(&key) else { continue };
            for packet in waiting.packets {
                self.forward_or_drop(table, &entry, packet.dev, packet);
            }
        }
        self.set_multicast_timer();
    }

    fn forward_or_drop(&mut self, id: TableId, entry: &Mfc, dev: u32, packet: Box<Packet>) {
        let copy = packet.clone();
        if let Err(NotForwarded) = self.forward_multicast(id, entry, dev, packet) {
            self.drop(&copy, DropReason::NotSpecified);
        }
    }

    /// `ip_mr_forward`.
    fn forward_multicast(
        &mut self,
        id: TableId,
        entry: &Mfc,
        dev: u32,
        packet: Box<Packet>,
    ) -> Result<(), NotForwarded> {
        self.stage(Stage::Forward);
        let header = *Ipv4::read(&packet.bytes).ok_or(NotForwarded)?;
        let table = self.config.multicast.table(id).ok_or(NotForwarded)?.clone();
        let now = self.now();
        let key = ((id, entry.origin, entry.group), entry.parent);
        let used = self.state.multicast.used.entry(key).or_default();
        used.packets += 1;
        used.bytes += packet.bytes.len() as u64;
        used.last = now;
        let came_by = table.vif_on(dev);
        if !is_expected(&table, entry, came_by, dev) {
            let is_own = packet.decision.as_ref().is_some_and(|decision| !decision.is_input);
            used.wrong_if += u64::from(!is_own);
            // The daemon may be told; nothing else follows.
            return Err(NotForwarded);
        }
        let counts = self.state.multicast.vifs.entry((id, entry.parent)).or_default();
        counts[0] += packet.bytes.len() as u64;
        counts[2] += 1;
        let ways = ways(entry, came_by, header.ttl);
        let (&last, others) = ways.split_last().ok_or(NotForwarded)?;
        for &way in others {
            let copy = packet.copy();
            self.send_by_vif((id, &table), way, copy);
        }
        self.send_by_vif((id, &table), last, packet);
        Ok(())
    }

    /// `ipmr_queue_xmit`, `ipmr_forward_finish`.
    fn send_by_vif(&mut self, (id, table): (TableId, &MulticastTable), number: u16, mut packet: Box<Packet>) {
        let (Some(vif), Some(&header)) = (table.vifs.get(&number), Ipv4::read(&packet.bytes)) else {
            return self.drop(&packet, DropReason::NotSpecified);
        };
        if vif.flags & Vif::REGISTER != 0 {
            // For the daemon, which gets all of it.
            return self.end(&packet, Outcome::Delivered);
        }
        if vif.flags & Vif::TUNNEL != 0 {
            return self.end(&packet, Outcome::Unknown("tunnels of multicast routing"));
        }
        let mut flow =
            Flow4 { oif: vif.dev, proto: IPIP, dscp: header.tos & 0xfc, ..Flow4::to(header.destination()) };
        let asker = Asker::Socket;
        let resolved = output4::resolve(self.config, self.state, self.env, &mut flow, asker, self.tracer);
        let Ok(decision) = resolved else { return self.drop(&packet, DropReason::NotSpecified) };
        if packet.bytes.len() > decision.mtu as usize && header.dont_fragment() {
            self.count(Counter::IpFragFails);
            return self.drop(&packet, DropReason::NotSpecified);
        }
        let counts = self.state.multicast.vifs.entry((id, number)).or_default();
        counts[1] += packet.bytes.len() as u64;
        counts[3] += 1;
        packet.decision = Some(decision);
        decrease_ttl(&mut packet.bytes);
        packet.is_forwarded = true;
        if let Some(passed) = self.hook(Hook::Forward, packet) {
            let mut packet = passed.into_packet();
            self.count(Counter::IpForwDatagrams);
            self.forward_options(&mut packet);
            let _ = self.output(packet);
        }
    }
}

/// Whether a packet came in where the entry expects it; by an entry for any source also where
/// the tree of its parent reaches.
fn is_expected(table: &MulticastTable, entry: &Mfc, came_by: Option<u16>, dev: u32) -> bool {
    if entry.origin.is_unspecified()
        && let Some(came_by) = came_by
        && table.any_by(entry.parent).is_some_and(|tree| tree.threshold(came_by.into()) < NEVER)
    {
        return true;
    }
    table.vifs.get(&entry.parent).is_some_and(|vif| vif.dev == dev)
}

/// The interfaces that a packet leaves by, in order: from the highest number down.
fn ways(entry: &Mfc, came_by: Option<u16>, ttl: u8) -> Vec<u16> {
    if entry.is_any() {
        // Upstream alone, if it does not come from there.
        let goes =
            came_by.is_some_and(|vif| vif != entry.parent) && ttl > entry.threshold(entry.parent.into());
        return if goes { vec![entry.parent] } else { Vec::new() };
    }
    let goes = |&vif: &u16| {
        let turns_back = entry.origin.is_unspecified() && Some(vif) == came_by;
        !turns_back && ttl > entry.threshold(vif.into())
    };
    (0..MAX_VIFS as u16).rev().filter(goes).collect()
}
