//! Devices' IPv6 state, and the labels of addresses.

use std::collections::BTreeSet;
use std::net::Ipv6Addr;

use fingerpost_model::IfaFlags;
use fingerpost_net::Prefix;

use super::fib6::Route6Id;
use super::sysctl6::DevConf6;
use crate::addrtype::AddrType;
use crate::state::Time;

/// A device's IPv6 state (`struct inet6_dev`).
#[derive(Clone, Debug, PartialEq)]
pub struct In6Dev {
    /// Addresses in the kernel's list order: wider scopes first, within one the newest.
    pub addrs: Vec<If6Addr>,
    /// `net.ipv6.conf.DEV`.
    pub conf: DevConf6,
    /// The lower half of addresses made of router advertisements (`ip token`); `::` for none.
    pub token: Ipv6Addr,
    /// Whether it was up with carrier since it last went up (`IF_READY`).
    pub is_ready: bool,
    /// Anycast addresses, the newest first.
    pub anycast: Vec<Anycast>,
    /// Groups that it joined, the newest first (`mc_list`).
    pub groups: Vec<Group6>,
    /// Those of them that its addresses joined (`autojoin`), and that stay until these are deleted.
    pub joined: BTreeSet<Ipv6Addr>,
}

impl In6Dev {
    /// How many of its addresses can be chosen as a source.
    pub fn candidates(&self) -> usize {
        self.addrs.iter().filter(|addr| addr.is_candidate()).count()
    }
}

/// A group of a device (`struct ifmcaddr6`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group6 {
    /// The group.
    pub addr: Ipv6Addr,
    /// How many want it.
    pub users: u32,
}

/// An anycast address of a device (`struct ifacaddr6`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anycast {
    /// The address.
    pub addr: Ipv6Addr,
    /// How many want it.
    pub users: u32,
    /// Its route, while that was not removed.
    pub route: Option<Route6Id>,
}

/// How far duplicate address detection has come (`INET6_IFADDR_STATE_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dad {
    /// Not begun.
    Before,
    /// Waits for the device to become ready.
    Waiting,
    /// Ends at this time if nobody objects.
    Until(Time),
    /// Over, or never needed.
    Over,
}

/// One IPv6 address of a device (`struct inet6_ifaddr`).
#[derive(Clone, Debug, PartialEq)]
pub struct If6Addr {
    /// The address.
    pub addr: Ipv6Addr,
    /// The peer's address, if there is one.
    pub peer: Option<Ipv6Addr>,
    /// Prefix length.
    pub len: u8,
    /// Scope as `IFA_*` bits; 0 global.
    pub scope: u16,
    /// Flags.
    pub flags: IfaFlags,
    /// Metric of its prefix route; 0 for the default.
    pub metric: u32,
    /// Who made it (`IFA_PROTO`).
    pub protocol: u8,
    /// Valid lifetime in seconds, `u32::MAX` for ever.
    pub valid: u32,
    /// Preferred lifetime in seconds, `u32::MAX` for ever.
    pub preferred: u32,
    /// A running number of the namespace's addresses: of two alike, the one added
    /// last is found first ([`Links::owner6`](super::Links::owner6)).
    pub made: u64,
    /// When it was made.
    pub created: Time,
    /// When its lifetimes were last set.
    pub updated: Time,
    /// Time stamps as a dump showed them, for snapshots.
    pub stamps: Option<[u32; 2]>,
    /// Duplicate address detection.
    pub dad: Dad,
    /// Its local route, while that was not removed.
    pub route: Option<Route6Id>,
    /// Whether a real Linux would have made another one, by chance.
    pub invented: bool,
}

impl If6Addr {
    /// The prefix that it lies in.
    pub fn prefix(&self) -> Prefix<Ipv6Addr> {
        Prefix::containing(self.addr, self.len.min(128)).unwrap_or(Prefix::DEFAULT)
    }

    /// Its flags as checks of own addresses see them: an optimistic address is
    /// not tentative.
    pub fn effective_flags(&self) -> IfaFlags {
        match self.flags.has(IfaFlags::OPTIMISTIC) {
            true => self.flags.without(IfaFlags::TENTATIVE),
            false => self.flags,
        }
    }

    /// Whether it can be chosen as a source.
    pub fn is_candidate(&self) -> bool {
        !self.effective_flags().has(IfaFlags::TENTATIVE) && !AddrType::of(self.addr).is_multicast()
    }

    /// Whether its scope is the link or the host.
    pub fn is_of_link_or_host(&self) -> bool {
        self.scope & (AddrType::LINK_LOCAL | AddrType::LOOPBACK) != 0
    }
}

/// A label of the policy table of source selection (`struct ip6addrlbl_entry`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddrLabel {
    /// The addresses that have it.
    pub prefix: Prefix<Ipv6Addr>,
    /// The device that they are looked at for; 0 any.
    pub dev: u32,
    /// Class bits that an address must have, of those of [`AddrType::label_class`].
    pub class: u16,
    /// The label.
    pub label: u32,
}

/// The policy table: longer prefixes first, those of a device before others.
#[derive(Clone, Debug, PartialEq)]
pub struct AddrLabels {
    /// The entries in order.
    pub list: Vec<AddrLabel>,
    /// Counts changes.
    pub sequence: u32,
}

/// The label of an address that no entry matches.
pub const NO_LABEL: u32 = u32::MAX;

impl Default for AddrLabels {
    /// The table of a new namespace (RFC 6724 and Linux's additions).
    fn default() -> Self {
        let entry = |addr: [u16; 8], len: u8, class: u16, label: u32| AddrLabel {
            prefix: Prefix::containing(Ipv6Addr::from(addr), len).unwrap_or(Prefix::DEFAULT),
            dev: 0,
            class,
            label,
        };
        AddrLabels {
            list: vec![
                entry([0, 0, 0, 0, 0, 0, 0, 1], 128, AddrType::LOOPBACK, 0),
                // Of two of one length the one added last stands first.
                entry([0; 8], 96, 0, 3),
                entry([0, 0, 0, 0, 0, 0xffff, 0, 0], 96, AddrType::MAPPED, 4),
                entry([0x2001, 0, 0, 0, 0, 0, 0, 0], 32, 0, 6),
                entry([0x2001, 0x10, 0, 0, 0, 0, 0, 0], 28, 0, 7),
                entry([0x3ffe, 0, 0, 0, 0, 0, 0, 0], 16, 0, 12),
                entry([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, 0, 2),
                entry([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, 0, 11),
                entry([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, 0, 5),
                entry([0; 8], 0, 0, 1),
            ],
            sequence: 10,
        }
    }
}

impl AddrLabels {
    /// The label of an address on a device (`ipv6_addr_label`).
    pub fn label(&self, addr: Ipv6Addr, dev: u32) -> u32 {
        let class = AddrType::of(addr).label_class();
        let matches = |entry: &&AddrLabel| {
            (entry.dev == 0 || entry.dev == dev)
                && (entry.class == 0 || entry.class == class)
                && entry.prefix.contains(addr)
        };
        self.list.iter().find(matches).map_or(NO_LABEL, |entry| entry.label)
    }
}
