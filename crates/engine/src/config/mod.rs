//! A namespace's configuration: plain data with small readers, no behaviour.

mod fib;
mod fib6;
mod in6;
mod journal;
mod link;
mod mroute;
mod neighbour;
mod nexthop;
mod prefix_tree;
mod rule;
mod sysctl;
mod sysctl6;
mod trie;

pub use fib::{Alias, Entry, Fib, FibInfo, FibInfoId, NextHop, Table};
pub use fib6::{Fib6, Node6, Preference, Route6, Route6Id, RtFlags, Table6};
pub use in6::{AddrLabel, AddrLabels, Anycast, Dad, Group6, If6Addr, In6Dev, NO_LABEL};
pub use journal::{Changes, Journal};
pub use link::{IfAddr, InDev, LOOPBACK, Link, Links};
pub use mroute::{MAX_VIFS, Mfc, MulticastRouting, MulticastTable, NEVER, Vif};
pub use neighbour::Neighbours;
pub use nexthop::{GroupMember, NexthopKind, NexthopObject, Nexthops};
pub use prefix_tree::{PrefixTree, halves};
pub use rule::{DscpSelector, Ports, Rule, Rules};
pub use sysctl::{ConfEntry, DevConf, Ipv4Sysctls};
pub use sysctl6::{ConfEntry6, DevConf6, Ipv6Sysctls};
pub use trie::{Matches, Search, Trie};

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::path::Hooks;

/// What people configure in one network namespace.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Devices and their addresses.
    pub links: Links,
    /// IPv4 routing tables.
    pub fib: Fib,
    /// IPv6 routing tables.
    pub fib6: Fib6,
    /// IPv4 policy rules.
    pub rules: Rules<Ipv4Addr>,
    /// IPv6 policy rules.
    pub rules6: Rules<Ipv6Addr>,
    /// Labels of addresses, for IPv6's source selection.
    pub labels: AddrLabels,
    /// Nexthop objects.
    pub nexthops: Nexthops,
    /// Multicast routing.
    pub multicast: MulticastRouting,
    /// Neighbours.
    pub neighbours: Neighbours,
    /// Settings below `net.ipv4` that are not per device.
    pub sysctl: Ipv4Sysctls,
    /// Settings below `net.ipv6` that are not per device.
    pub sysctl6: Ipv6Sysctls,
    /// What is called at Netfilter's hooks.
    pub hooks: Hooks,
    /// Whether modules of the kernel may serve protocols that are not modelled: those of a
    /// captured host may, a script's host has none.
    pub may_have_modules: bool,
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
