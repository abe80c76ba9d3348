//! Devices and their IPv4 state; IPv6's is [`super::in6`]'s.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, Ipv6Addr};

use fingerpost_model::{IfaFlags, LinkFlags, LinkMsg, Scope, TableId};
use fingerpost_net::Prefix;

use super::in6::In6Dev;
use super::sysctl::DevConf;
use crate::state::Time;

/// The index of a namespace's loopback device.
pub const LOOPBACK: u32 = 1;

/// A device.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Link {
    /// Its attributes as rtnetlink shows them; flags include RUNNING and LOWER_UP.
    pub msg: LinkMsg,
    /// Its IPv4 state; absent when the MTU is below 68.
    pub ipv4: Option<InDev>,
    /// Its IPv6 state; absent when the MTU is below 1280.
    pub ipv6: Option<In6Dev>,
    /// The namespace of `msg.link`, when it is another one (veth peers).
    pub link_ns: Option<fingerpost_model::NsId>,
    /// The operational state that is kept while the device is down, when
    /// `msg.operstate` says DOWN whatever it is (RFC 2863 numbers).
    pub oper: u8,
    /// Whether a user gave the link-layer address, so that it follows no other device's.
    pub own_address: bool,
    /// Whether a user gave the MTU (bridges otherwise follow their ports').
    pub own_mtu: bool,
    /// When it joined its master, as a number that only grows; 0 if that is not known.
    pub joined: u64,
}

impl Link {
    /// The index.
    pub fn index(&self) -> u32 {
        self.msg.index
    }
    /// Whether this is its name, or an alternative one.
    pub fn has_name(&self, name: &str) -> bool {
        self.name() == name || self.msg.altnames.iter().any(|alt| alt == name)
    }

    /// The name.
    pub fn name(&self) -> &str {
        self.msg.name.as_deref().unwrap_or("")
    }
    /// Administratively up.
    pub fn is_up(&self) -> bool {
        self.msg.flags.has(LinkFlags::UP)
    }
    /// Whether frames can pass (`netif_carrier_ok`).
    pub fn has_carrier(&self) -> bool {
        self.msg.carrier.unwrap_or(1) != 0
    }
    /// A loopback device.
    pub fn is_loopback(&self) -> bool {
        self.msg.flags.has(LinkFlags::LOOPBACK)
    }
    /// Its group.
    pub fn group(&self) -> u32 {
        self.msg.group.unwrap_or(0)
    }
    /// Its MTU in bytes.
    pub fn mtu(&self) -> u32 {
        self.msg.mtu.unwrap_or(0)
    }
    /// Its kind, empty for physical devices and loopback.
    pub fn kind(&self) -> &str {
        self.msg.info.as_ref().map_or("", |info| &info.kind)
    }
    /// Its master device, if it has one.
    pub fn master(&self) -> Option<u32> {
        self.msg.master.filter(|&m| m != 0)
    }
    /// Whether it takes its frames from another device by their addresses.
    pub fn is_on_another(&self) -> bool {
        matches!(self.kind(), "macvlan" | "macvtap" | "ipvlan" | "ipvtap")
    }
    /// The table, if it is a VRF device.
    pub fn vrf_table(&self) -> Option<TableId> {
        match &self.msg.info {
            Some(info) if info.kind == "vrf" => info.vrf_table.map(TableId),
            _ => None,
        }
    }
}

/// A device's IPv4 state (`struct in_device`).
#[derive(Clone, Debug, PartialEq)]
pub struct InDev {
    /// Addresses in the kernel's list order (C-081).
    pub addrs: Vec<IfAddr>,
    /// `net.ipv4.conf.DEV`.
    pub conf: DevConf,
    /// Multicast groups that its addresses joined (`autojoin`).
    pub groups: BTreeSet<Ipv4Addr>,
}

/// One IPv4 address of a device (`struct in_ifaddr`).
#[derive(Clone, Debug, PartialEq)]
pub struct IfAddr {
    /// The host's own address.
    pub local: Ipv4Addr,
    /// The peer's address, or again the own one.
    pub address: Ipv4Addr,
    /// Prefix length.
    pub len: u8,
    /// The broadcast address, if there is one.
    pub broadcast: Option<Ipv4Addr>,
    /// Label, usually the device's name.
    pub label: String,
    /// Scope.
    pub scope: Scope,
    /// Flags; SECONDARY matters most.
    pub flags: IfaFlags,
    /// Metric of the connected route, 0 for none.
    pub metric: u32,
    /// Who made it (`IFA_PROTO`).
    pub protocol: u8,
    /// Valid lifetime in seconds, `u32::MAX` for ever.
    pub valid: u32,
    /// Preferred lifetime in seconds, `u32::MAX` for ever.
    pub preferred: u32,
    /// A running number of the namespace's addresses: of two alike, the one added
    /// last is found first ([`Links::owner`]).
    pub made: u64,
    /// When it was made.
    pub created: Time,
    /// When its lifetimes were last set.
    pub updated: Time,
    /// Time stamps as a dump showed them, for snapshots.
    pub stamps: Option<[u32; 2]>,
}

impl IfAddr {
    /// Whether it is a secondary address.
    pub fn is_secondary(&self) -> bool {
        self.flags.has(IfaFlags::SECONDARY)
    }

    /// The subnet that the address, or its peer, lies in.
    pub fn subnet(&self) -> Prefix<Ipv4Addr> {
        Prefix::containing(self.address, self.len.min(32)).unwrap_or(Prefix::DEFAULT)
    }

    /// Whether `addr` lies in the subnet (`inet_ifa_match`).
    pub fn matches(&self, addr: Ipv4Addr) -> bool {
        self.subnet().contains(addr)
    }
}

/// All devices of a namespace.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Links {
    /// By index; [`Links::insert`] and [`Links::remove`] change it.
    pub by_index: BTreeMap<u32, Link>,
    /// Their indexes in the order in which they came to this namespace.
    came: Vec<u32>,
    /// The index that the kernel chose last; indexes are never reused.
    pub last_index: u32,
    /// Ids by which this namespace knows others (`link-netnsid`).
    pub nsids: BTreeMap<i32, fingerpost_model::NsId>,
    /// Counts changes of addresses, after which hops choose their sources anew.
    pub address_generation: u64,
    /// The running number of the address added, or of the device that joined a master, last.
    pub last_made: u64,
    /// Whether all groups that were joined are known, sockets' too.
    pub groups_known: bool,
    /// Whether a VRF device was ever made here: its rule is added once only.
    pub vrf_seen: bool,
    /// Whether a device ever came that takes another's frames by their addresses.
    pub sharing_seen: bool,
}

impl Links {
    /// The device with this index.
    pub fn get(&self, index: u32) -> Option<&Link> {
        self.by_index.get(&index)
    }

    /// The device with this index, to change.
    pub fn get_mut(&mut self, index: u32) -> Option<&mut Link> {
        self.by_index.get_mut(&index)
    }

    /// The device with this name.
    pub fn find(&self, name: &str) -> Option<&Link> {
        self.by_index.values().find(|link| link.name() == name)
    }

    /// Adds a device behind all others. Gives back the one that had its index.
    pub fn insert(&mut self, link: Link) -> Option<Link> {
        let index = link.index();
        self.sharing_seen |= link.is_on_another();
        self.came.retain(|&other| other != index);
        self.came.push(index);
        self.by_index.insert(index, link)
    }

    /// Takes a device out.
    pub fn remove(&mut self, index: u32) -> Option<Link> {
        self.came.retain(|&other| other != index);
        self.by_index.remove(&index)
    }

    /// All devices in the order in which they came: one that is moved here keeps
    /// its index and comes last (`list_netdevice`).
    pub fn in_order(&self) -> impl Iterator<Item = &Link> {
        self.came.iter().filter_map(|index| self.by_index.get(index))
    }

    /// All devices, ascending by index.
    pub fn iter(&self) -> impl Iterator<Item = &Link> {
        self.by_index.values()
    }

    /// The device with exactly this address; of several the one that it was
    /// added to last (`inet_lookup_ifaddr_rcu`).
    pub fn owner(&self, addr: Ipv4Addr) -> Option<u32> {
        let of_device = |link: &'_ Link| {
            let addrs = link.ipv4.as_ref().map_or(&[][..], |ipv4| &ipv4.addrs);
            addrs.iter().filter(|a| a.local == addr).map(|a| a.made).max().map(|made| (made, link.index()))
        };
        self.iter().filter_map(of_device).max().map(|(_, dev)| dev)
    }

    /// The device with exactly this address that it was added to last, tentative ones and
    /// devices of VRFs left out (`ipv6_dev_find`).
    pub fn owner6(&self, addr: Ipv6Addr) -> Option<u32> {
        let of_device = |link: &'_ Link| {
            let addrs = link.ipv6.as_ref().map_or(&[][..], |ipv6| &ipv6.addrs);
            let known = addrs.iter().find(|known| known.addr == addr)?;
            let is_ready = !known.effective_flags().has(IfaFlags::TENTATIVE);
            (is_ready && self.l3_master(link.index()) == 0).then_some((known.made, link.index()))
        };
        self.iter().filter_map(of_device).max().map(|(_, dev)| dev)
    }

    /// The IPv4 state of a device.
    pub fn ipv4(&self, index: u32) -> Option<&InDev> {
        self.get(index)?.ipv4.as_ref()
    }

    /// The IPv6 state of a device.
    pub fn ipv6(&self, index: u32) -> Option<&In6Dev> {
        self.get(index)?.ipv6.as_ref()
    }

    /// The same, to change.
    pub fn ipv6_mut(&mut self, index: u32) -> Option<&mut In6Dev> {
        self.get_mut(index)?.ipv6.as_mut()
    }

    /// The index of the l3 master (VRF device) that a device is or belongs to
    /// (`l3mdev_master_ifindex`); 0 if none.
    pub fn l3_master(&self, index: u32) -> u32 {
        let Some(link) = self.get(index) else { return 0 };
        if link.vrf_table().is_some() {
            return index;
        }
        match link.master().and_then(|m| self.get(m)) {
            Some(master) if master.vrf_table().is_some() => master.index(),
            _ => 0,
        }
    }

    /// The table of the VRF that a device is or belongs to (`l3mdev_fib_table`).
    pub fn l3_table(&self, index: u32) -> Option<TableId> {
        self.get(self.l3_master(index))?.vrf_table()
    }
}
