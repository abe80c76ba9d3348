//! What time alone brings about.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fingerpost_net::Family;
use fingerpost_net::wire::Mac;

use super::six::Listening;
use super::sockets::SocketId;
use crate::state::Time;

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// A neighbour, by device and address.
    Neighbour(u32, IpAddr),
    /// One that is kept up, as if it were used now and then.
    Managed(u32, IpAddr),
    /// A segment that begins a connection, or answers one, by its socket.
    Segment(SocketId),
    /// Datagrams whose fragments do not come.
    Reassembly,
    /// The same of IPv6.
    Reassembly6,
    /// Packets for groups that no multicast router tells the way of.
    Multicast,
    /// An address of a device of which is found out whether another has it.
    Detection(u32, Ipv6Addr),
    /// A device as a listener of groups of IPv6.
    Listener(u32, Listening),
    /// What was learned of IPv6 destinations, and is forgotten unless it was lately.
    Exceptions6,
    /// An answer for another's address, which is given after a while.
    ProxyArp {
        /// The device that the request came in by.
        dev: u32,
        /// Who asked.
        sender: Ipv4Addr,
        /// Its link-layer address.
        mac: Mac,
        /// For which address.
        target: Ipv4Addr,
    },
    /// The same of IPv6.
    ProxyNd {
        /// The device that the question came in by.
        dev: u32,
        /// Who asked; `::` for somebody who looks whether an address is taken.
        sender: Ipv6Addr,
        /// Its link-layer address, if it told.
        mac: Option<Mac>,
        /// For which address.
        target: Ipv6Addr,
    },
}

/// When a timer ends, and how wide the slot of Linux's wheel is that it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// The end of the slot.
    pub at: Time,
    /// The wheel's level; 0 for the finest.
    pub level: u8,
}

impl Due {
    /// At a time that is no slot's.
    pub fn exactly(at: Time) -> Due {
        Due { at, level: 0 }
    }
}

/// Which of those that end together goes first: one of a wider slot (`__run_timers`), of one
/// slot the one that was set last (`enqueue_timer`). The number tells when it was set.
type Order = (Reverse<u8>, Reverse<u64>);

/// Timers by when they end, and in Linux's order where several end together.
#[derive(Clone, Debug, Default)]
pub struct Timers {
    queue: BTreeSet<(Time, Order, Timer)>,
    /// Where each stands in the queue.
    set: BTreeMap<(Time, Timer), Order>,
    last: u64,
}

impl Timers {
    /// When the next one ends.
    pub fn next(&self) -> Option<Time> {
        self.queue.first().map(|&(at, ..)| at)
    }

    /// Takes one that has ended by now, the earliest first.
    pub fn take_ended(&mut self, now: Time) -> Option<(Time, Timer)> {
        if self.next()? > now {
            return None;
        }
        let (at, _, timer) = self.queue.pop_first()?;
        self.set.remove(&(at, timer));
        Some((at, timer))
    }

    /// How many answers for others wait on a device (`qlen` of its `neigh_parms`).
    pub fn answers(&self, on: u32, family: Family) -> u64 {
        let is_answer = |timer| match timer {
            Timer::ProxyArp { dev, .. } => family == Family::V4 && dev == on,
            Timer::ProxyNd { dev, .. } => family == Family::V6 && dev == on,
            _ => false,
        };
        self.queue.iter().filter(|&&(.., timer)| is_answer(timer)).count() as u64
    }

    /// Sets one, which was set to `before` if it was.
    pub fn set(&mut self, timer: Timer, before: Option<Time>, due: Option<Due>) {
        if let Some(before) = before {
            self.remove(before, timer);
        }
        if let Some(Due { at, level }) = due {
            self.remove(at, timer);
            self.last += 1;
            let order = (Reverse(level), Reverse(self.last));
            self.queue.insert((at, order, timer));
            self.set.insert((at, timer), order);
        }
    }

    /// Stops those of a kind.
    pub fn stop(&mut self, is_of_kind: impl Fn(Timer) -> bool) {
        self.queue.retain(|&(.., timer)| !is_of_kind(timer));
        self.set.retain(|&(_, timer), _| !is_of_kind(timer));
    }

    fn remove(&mut self, at: Time, timer: Timer) {
        if let Some(order) = self.set.remove(&(at, timer)) {
            self.queue.remove(&(at, order, timer));
        }
    }
}
