//! A namespace's configuration: plain data with small readers, no behaviour.

mod fib;
mod link;
mod neighbour;
mod nexthop;
mod rule;
mod sysctl;
mod trie;

pub use fib::{Alias, Entry, Fib, FibInfo, FibInfoId, NextHop, Table};
pub use link::{IfAddr, InDev, LOOPBACK, Link, Links};
pub use neighbour::Neighbours;
pub use nexthop::{GroupMember, NexthopKind, NexthopObject, Nexthops};
pub use rule::{DscpSelector, Ports, Rule, Rules};
pub use sysctl::{ConfEntry, DevConf, Ipv4Sysctls};
pub use trie::{Matches, Search, Trie};

use std::net::Ipv4Addr;

/// What people configure in one network namespace.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Devices and their IPv4 addresses.
    pub links: Links,
    /// IPv4 routing tables.
    pub fib: Fib,
    /// IPv4 policy rules.
    pub rules: Rules<Ipv4Addr>,
    /// Nexthop objects.
    pub nexthops: Nexthops,
    /// Neighbours.
    pub neighbours: Neighbours,
    /// Settings below `net.ipv4` that are not per device.
    pub sysctl: Ipv4Sysctls,
}

impl Config {
    /// The hops of a route, whether its own or those of its nexthop object.
    pub fn hops<'a>(&'a self, info: &'a FibInfo) -> Hops<'a> {
        match info.nh_id {
            None => Hops::Own(&info.hops),
            Some(id) => match self.nexthops.get(id).map(|object| &object.kind) {
                Some(NexthopKind::Single(hop)) => Hops::Own(std::slice::from_ref(hop)),
                Some(NexthopKind::Group { members, .. }) => Hops::Group(&self.nexthops, members),
                None => Hops::Own(&[]),
            },
        }
    }
}

/// The hops of a route in order.
#[derive(Clone, Copy, Debug)]
pub enum Hops<'a> {
    /// The route's own, or the one of a single nexthop object.
    Own(&'a [NextHop]),
    /// Those of a group's members.
    Group(&'a Nexthops, &'a [GroupMember]),
}

impl<'a> Hops<'a> {
    /// How many there are.
    pub fn len(self) -> usize {
        match self {
            Hops::Own(hops) => hops.len(),
            Hops::Group(_, members) => members.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The hop at a position.
    pub fn get(self, index: usize) -> Option<&'a NextHop> {
        match self {
            Hops::Own(hops) => hops.get(index),
            Hops::Group(nexthops, members) => match &nexthops.get(members.get(index)?.id)?.kind {
                NexthopKind::Single(hop) => Some(hop),
                NexthopKind::Group { .. } => None,
            },
        }
    }

    /// The weight of the hop at a position.
    pub fn weight(self, index: usize) -> u32 {
        match self {
            Hops::Own(hops) => hops.get(index).map_or(0, |hop| hop.weight),
            Hops::Group(_, members) => members.get(index).map_or(0, |member| member.weight),
        }
    }

    /// All hops.
    pub fn iter(self) -> impl Iterator<Item = &'a NextHop> {
        (0..self.len()).filter_map(move |i| self.get(i))
    }
}
