//! Next-hop exceptions: path MTUs and redirects per destination (C-146 to C-151).

use std::collections::HashMap;
use std::net::Ipv4Addr;

use super::cache::HopId;
use super::decision::PathMtu;
use crate::state::Time;

/// What is known about one destination through one hop (`struct fib_nh_exception`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exception {
    /// Path MTU in bytes, 0 for none.
    pub pmtu: u32,
    /// Whether the value is the kernel's minimum rather than what was reported.
    pub locked: bool,
    /// Gateway that a redirect named.
    pub gateway: Option<Ipv4Addr>,
    /// When it ends; `None` for never.
    pub expires: Option<Time>,
    /// Flush generation that it belongs to.
    pub generation: u64,
    /// Whether decisions made here, and received ones, have forgotten the path MTU since
    /// their neighbour failed.
    pub failed: [bool; 2],
}

/// Exceptions that are kept: a table of 2,048 places with five each (`FNHE_HASH_SIZE`,
/// `FNHE_RECLAIM_DEPTH`).
const MOST: usize = 2048 * 5;

/// Where decisions made here stand among those that failed.
const OUTPUT: usize = 0;

/// All exceptions of a namespace.
#[derive(Clone, Debug, Default)]
pub struct Exceptions {
    entries: HashMap<(HopId, Ipv4Addr), Exception>,
    /// Bumped by `ip route flush cache`, which ends all exceptions (C-151).
    generation: u64,
    /// Counts what ends all decisions that were made before.
    flushes: u64,
    /// The same of those by a hop.
    changes: HashMap<HopId, u64>,
}

impl Exceptions {
    /// Whether there are none, which spares a lookup.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Counts what was learned of a hop, and what was forgotten of all: decisions made before may
    /// be others now.
    pub fn changes(&self, hop: Option<HopId>) -> u64 {
        let learned = hop.and_then(|hop| self.changes.get(&hop)).copied().unwrap_or(0);
        self.flushes.wrapping_add(learned)
    }

    /// The exception for a destination, unless it expired or was flushed.
    pub fn find(&self, hop: HopId, dst: Ipv4Addr, now: Time) -> Option<&Exception> {
        self.entries
            .get(&(hop, dst))
            .filter(|e| e.generation == self.generation && e.expires.is_none_or(|at| now < at))
    }

    /// Learns a path MTU (`__ip_rt_update_pmtu`, C-147).
    ///
    /// `current` is the MTU of the decision now; a larger value is ignored, one
    /// below `min_pmtu` becomes that and is locked. A locked value stays until it
    /// ends, and the same value begins a new life in the second half of its life
    /// only. Whether the route's own MTU is locked, which keeps it from learning,
    /// is the caller's to look at. Returns whether it was taken.
    pub fn learn_pmtu(
        &mut self,
        hop: HopId,
        dst: Ipv4Addr,
        mtu: u32,
        current: u32,
        sysctl: &crate::config::Ipv4Sysctls,
        now: Time,
    ) -> bool {
        if current < mtu {
            return false;
        }
        let (pmtu, locked) =
            if mtu < sysctl.min_pmtu { (current.min(sysctl.min_pmtu), true) } else { (mtu, false) };
        let half = u64::from(sysctl.mtu_expires) * 1000 / 2;
        let is_young = |e: &Exception| !e.failed[OUTPUT] && e.expires.is_some_and(|at| now.0 + half < at.0);
        if self.find(hop, dst, now).is_some_and(|e| e.locked || (e.pmtu == pmtu && !locked && is_young(e))) {
            return false;
        }
        self.make_room(hop, dst);
        let entry = self.entry(hop, dst, now);
        entry.pmtu = pmtu;
        entry.locked = locked;
        entry.expires = Some(now.plus_secs(u64::from(sysctl.mtu_expires)));
        true
    }

    /// Learns another gateway from a redirect (`__ip_do_redirect`); it lasts `lifetime` seconds.
    pub fn learn_redirect(&mut self, hop: HopId, dst: Ipv4Addr, gateway: Ipv4Addr, lifetime: u64, now: Time) {
        self.make_room(hop, dst);
        let entry = self.entry(hop, dst, now);
        entry.gateway = Some(gateway);
        entry.expires = Some(now.plus_secs(lifetime));
    }

    /// The exception to change: what is over is forgotten, and decisions that were
    /// failed take what is learned.
    fn entry(&mut self, hop: HopId, dst: Ipv4Addr, now: Time) -> &mut Exception {
        let generation = self.generation;
        let entry = self.entries.entry((hop, dst)).or_default();
        if entry.generation != generation || entry.expires.is_some_and(|at| at <= now) {
            *entry = Exception { generation, ..Exception::default() };
        }
        entry.failed = [false; 2];
        entry
    }

    /// The neighbour of decisions by a hop has failed: those that are received, or those
    /// that are made here, forget their path MTU until something is learned again
    /// (`ipv4_link_failure`).
    pub fn link_failed(&mut self, hop: HopId, dst: Ipv4Addr, is_input: bool) {
        if let Some(entry) = self.entries.get_mut(&(hop, dst)) {
            entry.failed[usize::from(is_input)] = true;
        }
    }

    /// Forgets the exceptions that end first where there are too many: Linux keeps some
    /// thousands for each hop, here they are counted over all. Many go at once, so that not
    /// each new one has all looked through.
    fn make_room(&mut self, hop: HopId, dst: Ipv4Addr) {
        *self.changes.entry(hop).or_default() += 1;
        if self.entries.len() < MOST || self.entries.contains_key(&(hop, dst)) {
            return;
        }
        let mut ends: Vec<Option<Time>> = self.entries.values().map(|known| known.expires).collect();
        let (_, &mut middle, _) = ends.select_nth_unstable(MOST / 8);
        self.entries.retain(|_, known| known.expires > middle);
    }

    /// Puts an exception in place that a real kernel has.
    pub(crate) fn restore(&mut self, hop: HopId, dst: Ipv4Addr, exception: Exception) {
        self.entries.insert((hop, dst), Exception { generation: self.generation, ..exception });
    }

    /// Ends all exceptions (`ip route flush cache`).
    pub fn flush(&mut self) {
        self.flushes += 1;
        self.generation += 1;
    }

    /// Forgets what belongs to hops that are gone.
    pub fn retain(&mut self, keep: impl Fn(HopId) -> bool) {
        self.entries.retain(|(hop, _), _| keep(*hop));
        self.changes.retain(|hop, _| keep(*hop));
    }

    /// Adjusts to a device's new MTU (`nh_update_mtu`, C-090): a path MTU equal
    /// to the old one, or above the new one, takes the new one.
    pub fn device_mtu_changed(&mut self, on_device: impl Fn(HopId) -> bool, old: u32, new: u32) {
        for ((hop, _), entry) in &mut self.entries {
            if !on_device(*hop) || entry.pmtu == 0 {
                continue;
            }
            if entry.locked {
                if new <= entry.pmtu {
                    entry.pmtu = new;
                    entry.locked = false;
                }
            } else if new < entry.pmtu || old == entry.pmtu {
                entry.pmtu = new;
            }
        }
    }

    /// Live exceptions, by hop and destination.
    pub fn iter(&self, now: Time) -> impl Iterator<Item = (HopId, Ipv4Addr, &Exception)> {
        let mut all: Vec<_> = self
            .entries
            .iter()
            .filter(|(_, e)| e.generation == self.generation && e.expires.is_none_or(|at| now < at))
            .map(|((hop, dst), e)| (*hop, *dst, e))
            .collect();
        all.sort_by_key(|&(hop, dst, _)| (hop, dst));
        all.into_iter()
    }
}

impl Exception {
    /// The path MTU as a decision shows it, one that is made here or a received one.
    pub fn path_mtu(&self, now: Time, is_input: bool) -> Option<PathMtu> {
        (self.pmtu != 0).then_some(PathMtu {
            mtu: self.pmtu,
            locked: self.locked,
            expires_in: self.expires_in(now, is_input),
        })
    }

    /// Milliseconds until it ends, as a decision shows it; 0 for never, and of one whose
    /// neighbour has failed.
    pub fn expires_in(&self, now: Time, is_input: bool) -> u64 {
        match self.failed[usize::from(is_input)] {
            true => 0,
            false => self.expires.map_or(0, |at| at.0.saturating_sub(now.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{FibInfoId, Ipv4Sysctls};

    const HOP: HopId = HopId::Route(FibInfoId(1), 0);
    const DST: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 9);

    #[test]
    fn a_path_mtu_only_shrinks_is_floored_and_expires() {
        // C-147
        let sysctl = Ipv4Sysctls::default();
        let mut all = Exceptions::default();
        assert!(!all.learn_pmtu(HOP, DST, 1600, 1500, &sysctl, Time(0)));
        assert!(all.learn_pmtu(HOP, DST, 1400, 1500, &sysctl, Time(0)));
        assert_eq!(all.find(HOP, DST, Time(0)).map(|e| (e.pmtu, e.locked)), Some((1400, false)));
        assert!(all.learn_pmtu(HOP, DST, 300, 1400, &sysctl, Time(0)));
        assert_eq!(all.find(HOP, DST, Time(599_999)).map(|e| (e.pmtu, e.locked)), Some((552, true)));
        assert_eq!(all.find(HOP, DST, Time(600_000)), None);
    }

    #[test]
    fn a_flush_ends_all() {
        // C-151
        let mut all = Exceptions::default();
        all.learn_redirect(HOP, DST, Ipv4Addr::new(10, 0, 0, 3), 300, Time(0));
        assert!(all.find(HOP, DST, Time(1)).is_some());
        all.flush();
        assert_eq!(all.find(HOP, DST, Time(1)), None);
        all.restore(HOP, DST, Exception { pmtu: 1400, ..Exception::default() });
        assert!(all.find(HOP, DST, Time(1)).is_some(), "one that comes later is no part of it");
        all.flush();
        assert_eq!(all.iter(Time(1)).count(), 0);
    }

    #[test]
    fn a_device_mtu_moves_path_mtus() {
        // C-090: 700, device MTU 650 then 1500 gives 650 then 1500.
        let mut all = Exceptions::default();
        let sysctl = Ipv4Sysctls::default();
        all.learn_pmtu(HOP, DST, 700, 1500, &sysctl, Time(0));
        all.device_mtu_changed(|_| true, 1500, 650);
        assert_eq!(all.find(HOP, DST, Time(1)).map(|e| e.pmtu), Some(650));
        all.device_mtu_changed(|_| true, 650, 1500);
        assert_eq!(all.find(HOP, DST, Time(1)).map(|e| e.pmtu), Some(1500));
    }
}
