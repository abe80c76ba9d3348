//! What the script has probably built so far.

use std::net::Ipv4Addr;

use super::Gen;

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
    pub own: u32,
    pub peer: Option<u32>,
    pub length: u8,
}

impl Address {
    /// The subnet that it puts on the link.
    pub fn subnet(self) -> Prefix {
        Prefix::of(self.peer.unwrap_or(self.own), self.length)
    }
}

/// An IPv4 prefix without host bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    pub base: u32,
    pub length: u8,
}

impl Prefix {
    pub const fn of(address: u32, length: u8) -> Prefix {
        Prefix { base: address & Self::mask(length), length }
    }

    const fn mask(length: u8) -> u32 {
        if length == 0 { 0 } else { u32::MAX << (32 - length as u32) }
    }

    pub fn last(self) -> u32 {
        self.base | !Self::mask(self.length)
    }

    pub fn text(self) -> String {
        if self.length == 0 { "default".into() } else { format!("{}/{}", dotted(self.base), self.length) }
    }
}

pub fn dotted(address: u32) -> String {
    Ipv4Addr::from(address).to_string()
}

pub const fn ip(a: u8, b: u8, c: u8, d: u8) -> u32 {
    u32::from_be_bytes([a, b, c, d])
}

/// A route that the script has asked for.
#[derive(Clone, Debug)]
pub struct Route {
    pub kind: &'static str,
    pub prefix: Prefix,
    /// `table N`, `tos N`, `metric N` and so on, as given.
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
}

/// Subnets that devices get their addresses from.
const SUBNETS: [(u32, u8); 16] = [
    (ip(10, 0, 0, 0), 24),
    (ip(10, 0, 1, 0), 24),
    (ip(10, 0, 2, 0), 24),
    (ip(10, 0, 0, 0), 16),
    (ip(192, 168, 1, 0), 24),
    (ip(192, 168, 7, 128), 25),
    (ip(172, 16, 5, 0), 28),
    (ip(172, 16, 0, 0), 12),
    (ip(100, 64, 0, 0), 30),
    (ip(10, 9, 8, 6), 31),
    (ip(203, 0, 113, 64), 26),
    (ip(240, 1, 0, 0), 16),
    (ip(169, 254, 0, 0), 16),
    (ip(1, 0, 0, 0), 8),
    (ip(198, 51, 100, 0), 29),
    (ip(10, 0, 0, 128), 25),
];

const BASES: [u32; 12] = [
    ip(20, 0, 0, 0),
    ip(20, 0, 0, 0),
    ip(20, 1, 2, 0),
    ip(8, 8, 8, 8),
    ip(5, 0, 0, 0),
    ip(198, 18, 0, 0),
    ip(10, 0, 0, 0),
    ip(10, 0, 1, 0),
    ip(128, 0, 0, 0),
    ip(192, 0, 2, 0),
    ip(192, 168, 0, 0),
    ip(99, 99, 0, 0),
];

const LENGTHS: [u8; 24] =
    [1, 2, 3, 4, 7, 8, 8, 9, 12, 15, 16, 16, 16, 17, 20, 22, 23, 24, 24, 24, 25, 28, 31, 32];

const SPECIAL_PREFIXES: [(u32, u8); 14] = [
    (ip(224, 0, 0, 0), 4),
    (ip(239, 0, 0, 0), 8),
    (ip(239, 1, 1, 0), 24),
    (ip(127, 1, 0, 0), 16),
    (ip(127, 0, 0, 0), 8),
    (ip(255, 255, 255, 255), 32),
    (ip(0, 0, 0, 0), 1),
    (ip(128, 0, 0, 0), 1),
    (ip(240, 0, 0, 0), 4),
    (ip(0, 0, 0, 0), 8),
    (ip(224, 0, 0, 0), 24),
    (ip(0, 0, 0, 0), 2),
    (ip(0, 0, 0, 0), 32),
    (ip(192, 0, 0, 0), 3),
];

const SPECIAL_ADDRESSES: [u32; 24] = [
    ip(255, 255, 255, 255),
    ip(0, 0, 0, 0),
    ip(224, 0, 0, 1),
    ip(224, 0, 0, 5),
    ip(224, 1, 2, 3),
    ip(239, 1, 1, 1),
    ip(239, 255, 255, 255),
    ip(127, 0, 0, 1),
    ip(127, 9, 9, 9),
    ip(127, 1, 2, 3),
    ip(127, 255, 255, 255),
    ip(127, 0, 0, 0),
    ip(240, 0, 0, 1),
    ip(255, 255, 255, 254),
    ip(0, 1, 2, 3),
    ip(0, 0, 0, 1),
    ip(1, 1, 1, 1),
    ip(8, 8, 8, 8),
    ip(223, 255, 255, 255),
    ip(226, 5, 5, 5),
    ip(7, 1, 1, 1),
    ip(169, 254, 1, 1),
    ip(10, 255, 255, 255),
    ip(192, 168, 1, 1),
];

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

    /// One own address.
    pub fn own_address(&mut self) -> u32 {
        let all = self.all_addresses();
        if all.is_empty() || self.chance(1, 25) {
            return ip(127, 0, 0, 1);
        }
        self.one(&all).1.own
    }

    /// A subnet of a device, with the device.
    pub fn link_subnet(&mut self) -> (String, Prefix) {
        let mut all = self.all_addresses();
        if self.chance(14, 15) {
            let useful = |device: &Device| device.up && device.kind != Kind::Bridge;
            let good = self.model.devices.iter().filter(|device| useful(device));
            let good: Vec<String> = good.map(|device| device.name.clone()).collect();
            let of_good = |entry: &(String, Address)| good.contains(&entry.0) && entry.1.length < 32;
            if all.iter().any(of_good) {
                all.retain(of_good);
            }
        }
        if all.is_empty() {
            return (self.device(), Prefix::of(ip(10, 0, 0, 0), 24));
        }
        let (device, address) = self.one(&all);
        (device, address.subnet())
    }

    /// A neighbour's address on a link, with the device.
    pub fn on_link(&mut self) -> (String, u32) {
        let (device, subnet) = self.link_subnet();
        // Not the subnet's broadcast address, where it has one.
        let highest = if subnet.length < 31 { subnet.last() - 1 } else { subnet.last() };
        let host = |making: &mut Gen| subnet.base.wrapping_add(making.range(2, 8) as u32).min(highest);
        let mut address = host(self);
        let own: Vec<u32> = self.all_addresses().iter().map(|(_, known)| known.own).collect();
        let mut tries = 0;
        while own.contains(&address) && tries < 3 {
            address = if subnet.length == 31 { address ^ 1 } else { host(self) };
            tries += 1;
        }
        (device, address)
    }

    /// A host inside a prefix: mostly few and equal ones, so that they meet again.
    pub fn host_in(&mut self, prefix: Prefix) -> u32 {
        let size = u64::from(prefix.last() - prefix.base) + 1;
        let offset = match self.range(0, 10) {
            0 => 0,
            1 => size - 1,
            2..7 => self.range(1, 10).min(size - 1),
            _ => self.range(0, size),
        };
        prefix.base + offset as u32
    }

    /// A prefix for a route.
    pub fn route_prefix(&mut self) -> Prefix {
        let defaults = if self.theme == super::Theme::Defaults { 60 } else { 14 };
        match self.weighted(&[(defaults, 0), (55, 1), (10, 2), (6, 3), (8, 4)]) {
            0 => Prefix::of(0, 0),
            1 if !self.model.destinations.is_empty() => {
                let known = self.model.destinations.clone();
                self.one(&known)
            }
            2 => {
                let (_, subnet) = self.link_subnet();
                let length = self.one(&[subnet.length, subnet.length, 32, 25, 16, 8]);
                let host = self.host_in(subnet);
                Prefix::of(host, length)
            }
            3 => {
                let (base, length) = self.one(&SPECIAL_PREFIXES);
                Prefix::of(base, length)
            }
            _ => self.new_prefix(),
        }
    }

    /// A prefix that may be new, remembered for later.
    pub fn new_prefix(&mut self) -> Prefix {
        let base = self.one(&BASES);
        let low = self.one(&[0, 0, 0, 1, 2, 3, 0x100, 0x200, 0x8000, 0x1_0000, 0x2_0000, 0x80_0000, 0x0101]);
        let length = self.one(&LENGTHS);
        let noise = if self.theme == super::Theme::Trie { self.range(0, 64) as u32 * 0x100 } else { 0 };
        let prefix = Prefix::of(base.wrapping_add(low).wrapping_add(noise), length);
        self.model.destinations.push(prefix);
        prefix
    }

    /// A subnet for an address of a device.
    pub fn subnet(&mut self) -> Prefix {
        let (base, length) = self.one(&SUBNETS);
        Prefix::of(base, length)
    }

    /// An address that means something to somebody.
    pub fn special_address(&mut self) -> u32 {
        self.one(&SPECIAL_ADDRESSES)
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
