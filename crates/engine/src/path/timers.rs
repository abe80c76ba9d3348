//! What time alone brings about.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fingerpost_net::Family;
use fingerpost_net::wire::Mac;

use super::sockets::SocketId;
use crate::state::Time;

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// A neighbour, by device and address.
    Neighbour(u32, IpAddr),
    /// A segment that begins a connection, or answers one, by its socket.
    Segment(SocketId),
    /// Datagrams whose fragments do not come.
    Reassembly,
    /// The same of IPv6.
    Reassembly6,
    /// Packets for groups that no multicast router tells the way of.
    Multicast,
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

/// Timers by when they end.
#[derive(Clone, Debug, Default)]
pub struct Timers(BTreeSet<(Time, Timer)>);

impl Timers {
    /// When the next one ends.
    pub fn next(&self) -> Option<Time> {
        self.0.first().map(|&(at, _)| at)
    }

    /// Takes one that has ended by now, the earliest first.
    pub fn take_ended(&mut self, now: Time) -> Option<(Time, Timer)> {
        if self.next()? > now { None } else { self.0.pop_first() }
    }

    /// How many answers for others wait on a device (`qlen` of its `neigh_parms`).
    pub fn answers(&self, on: u32, family: Family) -> u64 {
        let is_answer = |timer| match timer {
            Timer::ProxyArp { dev, .. } => family == Family::V4 && dev == on,
            Timer::ProxyNd { dev, .. } => family == Family::V6 && dev == on,
            _ => false,
        };
        self.0.iter().filter(|&&(_, timer)| is_answer(timer)).count() as u64
    }

    /// Sets one, which was set to `before` if it was.
    pub fn set(&mut self, timer: Timer, before: Option<Time>, at: Option<Time>) {
        if let Some(before) = before {
            self.0.remove(&(before, timer));
        }
        if let Some(at) = at {
            self.0.insert((at, timer));
        }
    }
}
