//! What an IPv6 script has probably built so far, and the addresses it uses.

use std::net::Ipv6Addr;

use super::super::model::{self, Kind, dotted};
use super::Gen;

/// An address as it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    pub own: u128,
    pub peer: Option<u128>,
    pub length: u8,
}

impl Address {
    /// The subnet that it puts on the link.
    pub fn subnet(self) -> Prefix {
        Prefix::of(self.peer.unwrap_or(self.own), self.length)
    }
}

/// A prefix without host bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    pub base: u128,
    pub length: u8,
}

impl Prefix {
    pub const fn of(address: u128, length: u8) -> Prefix {
        Prefix { base: address & Self::mask(length), length }
    }

    const fn mask(length: u8) -> u128 {
        if length == 0 { 0 } else { u128::MAX << (128 - length as u32) }
    }

    pub fn last(self) -> u128 {
        self.base | !Self::mask(self.length)
    }

    /// As a rule writes it.
    pub fn text(self) -> String {
        format!("{}/{}", text(self.base), self.length)
    }

    /// As a route writes it.
    pub fn route_text(self) -> String {
        if self.length == 0 { "default".into() } else { self.text() }
    }
}

pub fn text(address: u128) -> String {
    Ipv6Addr::from(address).to_string()
}

const fn six(words: [u16; 8]) -> u128 {
    let mut value = 0;
    let mut at = 0;
    while at < 8 {
        value = value << 16 | words[at] as u128;
        at += 1;
    }
    value
}

/// `2001:db8:A:B::C`.
const fn doc(a: u16, b: u16, c: u16) -> u128 {
    six([0x2001, 0xdb8, a, b, 0, 0, 0, c])
}

/// `fe80::N`.
pub const fn link_local(n: u16) -> u128 {
    six([0xfe80, 0, 0, 0, 0, 0, 0, n])
}

/// A route that the script has asked for.
#[derive(Clone, Debug)]
pub struct Route {
    pub kind: &'static str,
    pub prefix: Prefix,
    /// Source, table and metric, as given.
    pub key: String,
    /// Everything else.
    pub rest: String,
}

/// A route's destination, of the scenario's family.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    Four(model::Prefix),
    Six(Prefix),
}

/// The picture, beside that of both families.
#[derive(Clone, Debug, Default)]
pub struct Picture {
    /// Addresses with their devices.
    pub addresses: Vec<(String, Address)>,
    pub routes: Vec<Route>,
    pub destinations: Vec<Prefix>,
    /// Source prefixes of routes.
    pub sources: Vec<Prefix>,
    pub labels: Vec<String>,
}

/// Subnets that devices get their addresses from: the usual ones first, then
/// one for each label of RFC 6724 and each special range.
const SUBNETS: [(u128, u8); 22] = [
    (doc(1, 0, 0), 64),
    (doc(1, 0, 0), 64),
    (doc(2, 0, 0), 64),
    (doc(2, 0, 0), 64),
    (doc(3, 0, 0), 64),
    (doc(1, 1, 0), 64),
    (doc(1, 0, 0), 48),
    (doc(0, 0, 0), 32),
    (six([0x2001, 0xdb8, 1, 0, 0x8000, 0, 0, 0]), 65),
    (six([0xfd00, 1, 0, 0, 0, 0, 0, 0]), 64),
    (six([0xfd00, 2, 0, 0, 0, 0, 0, 0]), 64),
    (six([0x2002, 0xc000, 0x204, 0, 0, 0, 0, 0]), 64),
    (six([0x2001, 0, 1, 0, 0, 0, 0, 0]), 64),
    (six([0x2001, 0x10, 0, 0, 0, 0, 0, 0]), 64),
    (six([0xfec0, 0, 0, 1, 0, 0, 0, 0]), 64),
    (six([0x3ffe, 1, 0, 0, 0, 0, 0, 0]), 64),
    (six([0x64, 0xff9b, 0, 0, 0, 0, 0, 0]), 96),
    (six([0, 0, 0, 0, 0, 0, 0x0a01, 0]), 112),
    (doc(4, 0, 0), 126),
    (doc(4, 0, 4), 127),
    (doc(5, 0, 0), 120),
    (link_local(0), 64),
];

const BASES: [u128; 12] = [
    doc(0x20, 0, 0),
    doc(0x20, 0, 0),
    doc(0x21, 1, 0),
    doc(1, 0, 0),
    doc(2, 0, 0),
    doc(0, 0, 0),
    six([0x2001, 0x4860, 0x4860, 0, 0, 0, 0, 0x8888]),
    six([0x2400, 0, 0, 0, 0, 0, 0, 0]),
    six([0xfd00, 9, 0, 0, 0, 0, 0, 0]),
    six([0x2002, 0x808, 0x808, 0, 0, 0, 0, 0]),
    six([0x8000, 0, 0, 0, 0, 0, 0, 0]),
    six([0x2a00, 1, 2, 3, 4, 5, 6, 7]),
];

const LENGTHS: [u8; 24] =
    [1, 3, 7, 16, 20, 29, 32, 32, 40, 44, 48, 48, 48, 56, 60, 63, 64, 64, 64, 64, 65, 96, 127, 128];

const SPECIAL_PREFIXES: [(u128, u8); 16] = [
    (six([0xff00, 0, 0, 0, 0, 0, 0, 0]), 8),
    (six([0xff05, 0, 0, 0, 0, 0, 0, 0]), 16),
    (six([0xff0e, 0, 0, 0, 0, 0, 0, 0]), 16),
    (six([0xff02, 0, 0, 0, 0, 0, 0, 1]), 128),
    (six([0xfe80, 0, 0, 0, 0, 0, 0, 0]), 10),
    (link_local(0), 64),
    (link_local(1), 128),
    (0, 1),
    (1 << 127, 1),
    (six([0x2000, 0, 0, 0, 0, 0, 0, 0]), 3),
    (six([0xfc00, 0, 0, 0, 0, 0, 0, 0]), 7),
    (1, 128),
    (0, 128),
    (0, 96),
    (six([0, 0, 0, 0, 0, 0xffff, 0, 0]), 96),
    (six([0x2002, 0, 0, 0, 0, 0, 0, 0]), 16),
];

const SPECIAL_ADDRESSES: [u128; 26] = [
    0,
    1,
    six([0xff01, 0, 0, 0, 0, 0, 0, 1]),
    six([0xff02, 0, 0, 0, 0, 0, 0, 1]),
    six([0xff02, 0, 0, 0, 0, 0, 0, 2]),
    six([0xff02, 0, 0, 0, 0, 1, 0xff00, 1]),
    six([0xff05, 0, 0, 0, 0, 0, 0, 2]),
    six([0xff08, 0, 0, 0, 0, 0, 0, 9]),
    six([0xff0e, 0, 0, 0, 0, 0, 0, 0x101]),
    six([0xff1e, 0, 0, 0, 0, 0, 0, 5]),
    link_local(0),
    link_local(1),
    link_local(7),
    six([0xfe80, 0, 0, 0, 0, 0xff, 0xfe00, 1]),
    six([0xfec0, 0, 0, 0, 0, 0, 0, 1]),
    six([0, 0, 0, 0, 0, 0xffff, 0x0a00, 1]),
    six([0, 0, 0, 0, 0, 0, 0x0a01, 1]),
    six([0x64, 0xff9b, 0, 0, 0, 0, 0x0808, 0x0808]),
    six([0x2001, 0x4860, 0x4860, 0, 0, 0, 0, 0x8888]),
    six([0x2002, 0xc000, 0x204, 0, 0, 0, 0, 1]),
    six([0x2001, 0, 0x1234, 0, 0, 0, 0, 1]),
    six([0x3ffe, 0x1234, 0, 0, 0, 0, 0, 1]),
    six([0xfd00, 1, 0, 0, 0, 0, 0, 9]),
    six([0xfe00, 0, 0, 0, 0, 0, 0, 1]),
    doc(0xffff, 0, 1),
    u128::MAX,
];

impl Gen {
    /// One own address.
    pub(super) fn own_address6(&mut self) -> u128 {
        let all = self.six.addresses.clone();
        if all.is_empty() || self.chance(1, 25) {
            return 1;
        }
        self.one(&all).1.own
    }

    /// A subnet of a device, with the device: mostly of one that is up.
    pub(super) fn link_subnet6(&mut self) -> (String, Prefix) {
        let mut all = self.six.addresses.clone();
        if self.chance(14, 15) {
            let up = self.model.devices.iter().filter(|device| device.up && device.kind != Kind::Bridge);
            let up: Vec<String> = up.map(|device| device.name.clone()).collect();
            let good = |entry: &(String, Address)| up.contains(&entry.0) && entry.1.subnet().length < 128;
            if all.iter().any(good) {
                all.retain(good);
            }
        }
        if all.is_empty() {
            return (self.device(), Prefix::of(doc(1, 0, 0), 64));
        }
        let (device, address) = self.one(&all);
        (device, address.subnet())
    }

    /// A neighbour's address on a link, with the device.
    pub(super) fn on_link6(&mut self) -> (String, u128) {
        if self.chance(1, 4) {
            let n = self.range(1, 6) as u16;
            return (self.good_device6(), link_local(0xa0 + n));
        }
        let (device, subnet) = self.link_subnet6();
        let mut address = subnet.base;
        for _ in 0..4 {
            address = subnet.base.wrapping_add(u128::from(self.range(2, 8))).min(subnet.last());
            if !self.six.addresses.iter().any(|(_, known)| known.own == address) {
                break;
            }
        }
        (device, address)
    }

    /// A device that is probably up and has an address.
    pub(super) fn good_device6(&mut self) -> String {
        let has = |name: &str| self.six.addresses.iter().any(|(device, _)| device == name);
        let good = self.model.devices.iter().filter(|device| device.up && has(&device.name));
        let names: Vec<String> = good.map(|device| device.name.clone()).collect();
        if names.is_empty() { self.device() } else { self.one(&names) }
    }

    /// A host inside a prefix: mostly few and equal ones, so that they meet again.
    pub(super) fn host_in6(&mut self, prefix: Prefix) -> u128 {
        let room = prefix.last() - prefix.base;
        let offset = match self.range(0, 10) {
            0 => 0,
            1 => room,
            2..7 => u128::from(self.range(1, 10)).min(room),
            _ => {
                let random = u128::from(self.rng.next_u64()) << 64 | u128::from(self.rng.next_u64());
                random & room
            }
        };
        prefix.base + offset
    }

    /// A prefix for a route.
    pub(super) fn route_prefix6(&mut self) -> Prefix {
        let defaults = if self.theme == super::Theme::Defaults { 60 } else { 14 };
        match self.weighted(&[(defaults, 0), (55, 1), (10, 2), (6, 3), (8, 4)]) {
            0 => Prefix::of(0, 0),
            1 if !self.six.destinations.is_empty() => {
                let known = self.six.destinations.clone();
                self.one(&known)
            }
            2 => {
                let (_, subnet) = self.link_subnet6();
                let length = self.one(&[subnet.length, subnet.length, 128, 65, 48, 32]);
                let host = self.host_in6(subnet);
                Prefix::of(host, length)
            }
            3 => {
                let (base, length) = self.one(&SPECIAL_PREFIXES);
                Prefix::of(base, length)
            }
            _ => self.new_prefix6(),
        }
    }

    /// A prefix that may be new, remembered for later.
    pub(super) fn new_prefix6(&mut self) -> Prefix {
        let base = self.one(&BASES);
        let low = self.one(&[0, 0, 0, 1, 2, 1 << 64, 2 << 64, 1 << 80, 1 << 63, 0x0101, 1 << 96]);
        let length = self.one(&LENGTHS);
        let noise = if self.theme == super::Theme::Trie { u128::from(self.range(0, 64)) << 68 } else { 0 };
        let prefix = Prefix::of(base.wrapping_add(low).wrapping_add(noise), length);
        self.six.destinations.push(prefix);
        prefix
    }

    /// A subnet for an address of a device.
    pub(super) fn subnet6(&mut self) -> Prefix {
        let few = if self.theme == super::Theme::Sources { SUBNETS.len() } else { SUBNETS.len() - 4 };
        let (base, length) =
            if self.chance(1, 2) { self.one(&SUBNETS[..6]) } else { self.one(&SUBNETS[..few]) };
        Prefix::of(base, length)
    }

    /// An address that means something to somebody.
    pub(super) fn special_address6(&mut self) -> u128 {
        self.one(&SPECIAL_ADDRESSES)
    }

    // What the generators of both families ask for.

    /// A neighbour's address on a link, with the device.
    pub(in super::super) fn on_link_text(&mut self) -> (String, String) {
        if self.is_six() {
            let (device, address) = self.on_link6();
            return (device, text(address));
        }
        let (device, address) = self.on_link();
        (device, dotted(address))
    }

    /// An address that means something to somebody.
    pub(in super::super) fn special_text(&mut self) -> String {
        if self.is_six() { text(self.special_address6()) } else { dotted(self.special_address()) }
    }

    /// A destination for a route: one that may be known, or a new one.
    pub(in super::super) fn target(&mut self, known: bool) -> Target {
        match (self.is_six(), known) {
            (true, true) => Target::Six(self.route_prefix6()),
            (true, false) => Target::Six(self.new_prefix6()),
            (false, true) => Target::Four(self.route_prefix()),
            (false, false) => Target::Four(self.new_prefix()),
        }
    }

    /// All destinations.
    pub(in super::super) fn default_target(&self) -> Target {
        if self.is_six() { Target::Six(Prefix::of(0, 0)) } else { Target::Four(model::Prefix::of(0, 0)) }
    }

    /// A host in a destination.
    pub(in super::super) fn host_text(&mut self, target: Target) -> String {
        match target {
            Target::Four(prefix) => dotted(self.host_in(prefix)),
            Target::Six(prefix) => text(self.host_in6(prefix)),
        }
    }

    /// Says a route and keeps it in mind.
    pub(in super::super) fn say_route_to(
        &mut self,
        verb: &str,
        kind: &'static str,
        target: Target,
        key: String,
        rest: String,
    ) {
        match target {
            Target::Four(prefix) => self.say_route(verb, kind, prefix, key, rest),
            Target::Six(prefix) => {
                self.say(format!("ip -6 route {verb} {kind}{}{key}{rest}", prefix.route_text()));
                self.six.routes.push(Route { kind, prefix, key, rest });
            }
        }
    }

    /// A gateway, mostly one that the kernel accepts.
    pub(in super::super) fn gateway_text(&mut self) -> String {
        if self.is_six() { text(self.gateway6()) } else { dotted(self.gateway()) }
    }

    /// A prefix for a route.
    pub(in super::super) fn route_prefix_text(&mut self) -> String {
        if self.is_six() { self.route_prefix6().route_text() } else { self.route_prefix().text() }
    }
}
