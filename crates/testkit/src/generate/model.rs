//! What the script has probably built so far.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fingerpost_net::Family;

use super::plan::link_local;
use super::{Gen, Theme};

/// A kind of device: the first five are had everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Ifb,
    Veth,
    Bridge,
    Tun,
    Tap,
    Dummy,
    Vlan,
    Macvlan,
    Vrf,
}

/// A device other than `lo`.
#[derive(Clone, Debug)]
pub struct Device {
    pub name: String,
    pub kind: Kind,
    pub up: bool,
    /// The other end of a veth.
    pub peer: Option<String>,
    pub addresses: Vec<Address>,
}

/// An address as it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    pub own: IpAddr,
    pub peer: Option<IpAddr>,
    pub length: u8,
}

impl Address {
    /// The subnet that it puts on the link.
    pub fn subnet(self) -> Prefix {
        Prefix::of(self.peer.unwrap_or(self.own), self.length)
    }

    pub fn is_host(self) -> bool {
        self.length == width(self.own)
    }
}

/// A prefix without host bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    pub base: IpAddr,
    pub length: u8,
}

impl Prefix {
    pub fn of(address: IpAddr, length: u8) -> Prefix {
        let host = room(width(address), length);
        Prefix { base: with(address, number(address) & !host), length }
    }

    pub fn host(address: IpAddr) -> Prefix {
        Prefix { base: address, length: width(address) }
    }

    /// How far the last address is from the first.
    pub fn room(self) -> u128 {
        room(width(self.base), self.length)
    }

    pub fn last(self) -> IpAddr {
        self.nth(self.room())
    }

    /// The address so far behind the first, or the last one.
    pub fn nth(self, n: u128) -> IpAddr {
        with(self.base, number(self.base) + n.min(self.room()))
    }

    /// As a rule writes it.
    pub fn text(self) -> String {
        format!("{}/{}", self.base, self.length)
    }

    /// As a route writes it.
    pub fn route_text(self) -> String {
        if self.length == 0 { "default".into() } else { self.text() }
    }
}

/// Bits of an address.
pub fn width(address: IpAddr) -> u8 {
    Family::of(address).width()
}

fn room(width: u8, length: u8) -> u128 {
    u128::MAX.checked_shr(128 - u32::from(width - length)).unwrap_or(0)
}

/// The address as a number: IPv4's in the lowest bits.
pub fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// The address of the same family with this number; what is too large for it is cut off.
pub fn with(like: IpAddr, number: u128) -> IpAddr {
    match like {
        IpAddr::V4(_) => Ipv4Addr::from_bits(number as u32).into(),
        IpAddr::V6(_) => Ipv6Addr::from_bits(number).into(),
    }
}

/// A route that the script has asked for.
#[derive(Clone, Debug)]
pub struct Route {
    pub kind: &'static str,
    pub prefix: Prefix,
    /// What makes it another route: source, table, tos, metric, as given.
    pub key: String,
    /// Everything else.
    pub rest: String,
}

/// A nexthop object.
#[derive(Clone, Debug)]
pub struct Object {
    pub id: u64,
    pub group: bool,
}

/// A VRF device and its table.
#[derive(Clone, Debug)]
pub struct Vrf {
    pub name: String,
    pub table: String,
}

/// The picture.
#[derive(Clone, Debug, Default)]
pub struct Model {
    pub devices: Vec<Device>,
    pub vrfs: Vec<Vrf>,
    /// The addresses added to `lo`.
    pub loopback: Vec<Address>,
    pub routes: Vec<Route>,
    pub rules: Vec<String>,
    pub objects: Vec<Object>,
    pub neighbours: Vec<(String, String)>,
    pub tables: Vec<String>,
    pub destinations: Vec<Prefix>,
    /// IPv6: source prefixes of routes.
    pub sources: Vec<Prefix>,
    /// IPv6: what address labels are for.
    pub labels: Vec<String>,
}

impl Gen {
    /// Any device's name, now and then `lo`.
    pub fn device(&mut self) -> String {
        if self.model.devices.is_empty() || self.chance(1, 18) {
            return "lo".into();
        }
        let at = self.range(0, self.model.devices.len() as u64) as usize;
        self.model.devices[at].name.clone()
    }

    /// A device that is probably up and has an address.
    pub fn good_device(&mut self) -> String {
        let good = self.model.devices.iter().filter(|device| device.up && !device.addresses.is_empty());
        let names: Vec<String> = good.map(|device| device.name.clone()).collect();
        if names.is_empty() { self.device() } else { self.one(&names) }
    }

    /// All addresses, each with its device's name.
    pub fn all_addresses(&self) -> Vec<(String, Address)> {
        let of = |device: &Device| {
            device.addresses.iter().map(|address| (device.name.clone(), *address)).collect::<Vec<_>>()
        };
        let loopback = self.model.loopback.iter().map(|address| ("lo".to_owned(), *address));
        self.model.devices.iter().flat_map(of).chain(loopback).collect()
    }

    /// Where a device's addresses are kept.
    pub fn addresses_of(&mut self, name: &str) -> &mut Vec<Address> {
        let at = self.model.devices.iter().position(|device| device.name == name);
        match at {
            Some(at) => &mut self.model.devices[at].addresses,
            None => &mut self.model.loopback,
        }
    }

    /// One own address.
    pub fn own_address(&mut self) -> IpAddr {
        let all = self.all_addresses();
        if all.is_empty() || self.chance(1, 25) {
            return self.plan().loopback;
        }
        self.one(&all).1.own
    }

    /// A subnet of a device, with the device: mostly of one that is up.
    pub fn link_subnet(&mut self) -> (String, Prefix) {
        let mut all = self.all_addresses();
        if self.chance(14, 15) {
            let useful = |device: &Device| device.up && device.kind != Kind::Bridge;
            let good = self.model.devices.iter().filter(|device| useful(device));
            let good: Vec<String> = good.map(|device| device.name.clone()).collect();
            let of_good = |entry: &(String, Address)| good.contains(&entry.0) && !entry.1.is_host();
            if all.iter().any(of_good) {
                all.retain(of_good);
            }
        }
        if all.is_empty() {
            let (base, length) = self.plan().subnets[0];
            return (self.device(), Prefix::of(base, length));
        }
        let (device, address) = self.one(&all);
        (device, address.subnet())
    }

    /// A neighbour's address on a link, with the device.
    pub fn on_link(&mut self) -> (String, IpAddr) {
        if self.is_six() && self.chance(1, 4) {
            let n = self.range(1, 6) as u16;
            return (self.good_device(), link_local(0xa0 + n));
        }
        let (device, subnet) = self.link_subnet();
        // Not the subnet's broadcast address, where it has one.
        let has_broadcast = !self.is_six() && subnet.length < 31;
        let highest = subnet.room() - u128::from(has_broadcast);
        let own: Vec<IpAddr> = self.all_addresses().iter().map(|(_, known)| known.own).collect();
        let mut host = 0;
        for _ in 0..4 {
            host = match subnet.room() {
                1 => host ^ 1,
                _ => u128::from(self.range(2, 8)).min(highest),
            };
            if !own.contains(&subnet.nth(host)) {
                break;
            }
        }
        (device, subnet.nth(host))
    }

    /// A host inside a prefix: mostly few and equal ones, so that they meet again.
    pub fn host_in(&mut self, prefix: Prefix) -> IpAddr {
        let room = prefix.room();
        let offset = match self.range(0, 10) {
            0 => 0,
            1 => room,
            2..7 => u128::from(self.range(1, 10)),
            _ => (u128::from(self.rng.next_u64()) << 64 | u128::from(self.rng.next_u64())) & room,
        };
        prefix.nth(offset)
    }

    /// A prefix for a route.
    pub fn route_prefix(&mut self) -> Prefix {
        let defaults = if self.theme == Theme::Defaults { 60 } else { 14 };
        match self.weighted(&[(defaults, 0), (55, 1), (10, 2), (6, 3), (8, 4)]) {
            0 => self.plan().default(),
            1 if !self.model.destinations.is_empty() => {
                let known = self.model.destinations.clone();
                self.one(&known)
            }
            2 => {
                let (_, subnet) = self.link_subnet();
                let [a, b, c, d] = self.plan().link_lengths;
                let length = self.one(&[subnet.length, subnet.length, a, b, c, d]);
                let host = self.host_in(subnet);
                Prefix::of(host, length)
            }
            3 => {
                let (base, length) = self.one(self.plan().special_prefixes);
                Prefix::of(base, length)
            }
            _ => self.new_prefix(),
        }
    }

    /// A prefix that may be new, remembered for later.
    pub fn new_prefix(&mut self) -> Prefix {
        let plan = self.plan();
        let (base, added, length) = (self.one(plan.bases), self.one(plan.added), self.one(plan.lengths));
        let noise = if self.theme == Theme::Trie { u128::from(self.range(0, 64)) << plan.spread } else { 0 };
        let prefix = Prefix::of(with(base, number(base).wrapping_add(added).wrapping_add(noise)), length);
        self.model.destinations.push(prefix);
        prefix
    }

    /// A subnet for an address of a device.
    pub fn subnet(&mut self) -> Prefix {
        let plan = self.plan();
        let all = if self.theme == Theme::Sources { plan.subnets.len() } else { plan.common };
        let count = if self.chance(1, 2) { plan.usual } else { all };
        let (base, length) = self.one(&plan.subnets[..count]);
        Prefix::of(base, length)
    }

    /// An address that means something to somebody.
    pub fn special_address(&mut self) -> IpAddr {
        self.one(self.plan().special_addresses)
    }

    /// A routing table as it is written after `table`.
    pub fn table(&mut self) -> String {
        const FRESH: [&str; 14] = [
            "100",
            "100",
            "200",
            "7",
            "10",
            "12",
            "252",
            "253",
            "default",
            "main",
            "local",
            "1000",
            "4294967295",
            "51820",
        ];
        if !self.model.tables.is_empty() && self.chance(3, 4) {
            let known = self.model.tables.clone();
            return self.one(&known);
        }
        let table = self.one(&FRESH).to_owned();
        self.model.tables.push(table.clone());
        table
    }

    /// A fresh, fixed hardware address.
    pub fn mac(&mut self) -> String {
        self.made += 1;
        format!("02:00:00:00:{:02x}:{:02x}", self.made >> 8 & 0xff, self.made & 0xff)
    }
}
