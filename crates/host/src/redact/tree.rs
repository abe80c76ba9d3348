//! Addresses for addresses, with every relation kept that a decision can rest on.
//!
//! All addresses of a family make a binary tree. At each node the two branches
//! are exchanged or not; a keyed hash of the node decides. Two addresses that
//! share their first n bits share them afterwards as well, and no more: so
//! prefixes keep what they contain, and different addresses stay different.
//! (Xu, Fan, Ammar and Moon, 2002, describe the principle, "Crypto-PAn".)
//!
//! Some nodes are never exchanged:
//!
//! - those on the way to a range with a meaning, so that each range stays
//!   where it is, and those inside ranges whose addresses are all special;
//! - within the prefix of an interface's address, those on the way to its
//!   first and its last address: the subnet's own address stays the one of all
//!   zeros, and its broadcast address the one of all ones.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fingerpost_net::{Family, Ip, IpPrefix};

use super::key::Key;

/// Ranges that stay as they are, every address of them.
const FIXED_V4: [(Ipv4Addr, u8); 5] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// Ranges that stay where they are, with other addresses inside.
const KEPT_V4: [(Ipv4Addr, u8); 4] = [
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
];

/// `::`, `::1` and all multicast groups but those made from addresses.
const FIXED_V6: [(Ipv6Addr, u8); 2] =
    [(Ipv6Addr::new(0, 0, 0, 0, 0, 0, 0, 0), 96), (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8)];

/// Ranges that source address selection tells apart, and solicited-node groups.
const KEPT_V6: [(Ipv6Addr, u8); 10] = [
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96),
    (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96),
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2001, 0x10, 0, 0, 0, 0, 0, 0), 28),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3ffe, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 64),
    (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10),
    (Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00, 0), 104),
];

/// A range, left-aligned: the first bit on the wire is bit 127.
#[derive(Clone, Copy)]
struct Range {
    key: u128,
    len: u8,
    fixed: bool,
}

/// The exchanged branches of one family.
struct Tree {
    family: Family,
    ranges: Vec<Range>,
    subnets: HashSet<(u128, u8)>,
}

/// The bits above `len`.
fn mask(len: u8) -> u128 {
    if len == 0 { 0 } else { u128::MAX << (128 - u32::from(len)) }
}

fn key_of(addr: IpAddr) -> u128 {
    match addr {
        IpAddr::V4(addr) => addr.to_key(),
        IpAddr::V6(addr) => addr.to_key(),
    }
}

fn addr_of(key: u128, family: Family) -> IpAddr {
    match family {
        Family::V4 => Ipv4Addr::from_key(key).into(),
        Family::V6 => Ipv6Addr::from_key(key).into(),
    }
}

impl Tree {
    fn new<I: Ip>(fixed: &[(I, u8)], kept: &[(I, u8)]) -> Self {
        let range = |fixed: bool| move |&(addr, len): &(I, u8)| Range { key: addr.to_key(), len, fixed };
        let ranges = fixed.iter().map(range(true)).chain(kept.iter().map(range(false))).collect();
        Tree { family: I::FAMILY, ranges, subnets: HashSet::new() }
    }

    /// Whether the node after these `len` bits must not be exchanged, for the sake of the ranges.
    fn is_fixed(&self, key: u128, len: u8) -> bool {
        let mut inside: Option<Range> = None;
        for range in &self.ranges {
            if range.len > len && (range.key ^ key) & mask(len) == 0 {
                return true;
            }
            let holds = range.len <= len && (range.key ^ key) & mask(range.len) == 0;
            if holds && inside.is_none_or(|other| other.len < range.len) {
                inside = Some(*range);
            }
        }
        inside.is_some_and(|range| range.fixed)
    }

    /// The first `len` bits of the replacement; the others are zero.
    fn replace(&self, key: u128, len: u8, secret: &Key) -> u128 {
        let mut to = 0;
        // Whether all bits since the beginning of some subnet were zeros, or ones.
        let (mut zeros, mut ones) = (false, false);
        for at in 0..len {
            let node = key & mask(at);
            if self.subnets.contains(&(node, at)) {
                (zeros, ones) = (true, true);
            }
            let bit = key >> (127 - at) & 1;
            let exchange = !zeros && !ones && !self.is_fixed(node, at) && {
                let mut bytes = [0; 18];
                bytes[..16].copy_from_slice(&node.to_le_bytes());
                bytes[16] = at;
                bytes[17] = self.family.number();
                secret.hash(&bytes) & 1 == 1
            };
            to |= (bit ^ u128::from(exchange)) << (127 - at);
            zeros &= bit == 0;
            ones &= bit == 1;
        }
        to
    }
}

/// Replaces addresses of both families.
pub(super) struct Forest {
    key: Key,
    four: Tree,
    six: Tree,
}

impl Forest {
    pub fn new(key: Key) -> Self {
        Forest { key, four: Tree::new(&FIXED_V4, &KEPT_V4), six: Tree::new(&FIXED_V6, &KEPT_V6) }
    }

    fn tree(&self, family: Family) -> &Tree {
        match family {
            Family::V4 => &self.four,
            Family::V6 => &self.six,
        }
    }

    /// Makes the prefix of an interface's address known. All must be, before the first is replaced.
    pub fn learn(&mut self, prefix: IpPrefix) {
        let tree = match prefix.family() {
            Family::V4 => &mut self.four,
            Family::V6 => &mut self.six,
        };
        if prefix.len < prefix.family().width() {
            tree.subnets.insert((key_of(prefix.addr) & mask(prefix.len), prefix.len));
        }
    }

    pub fn address(&self, addr: IpAddr) -> IpAddr {
        let family = Family::of(addr);
        addr_of(self.tree(family).replace(key_of(addr), family.width(), &self.key), family)
    }

    /// A prefix without bits below its length stays without; other bits are replaced with the rest.
    pub fn prefix(&self, prefix: IpPrefix) -> IpPrefix {
        let family = prefix.family();
        let len = prefix.len.min(family.width());
        let key = key_of(prefix.addr);
        let bits = if key & !mask(len) == 0 { len } else { family.width() };
        IpPrefix { addr: addr_of(self.tree(family).replace(key, bits, &self.key), family), len: prefix.len }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn forest(seed: u64) -> Forest {
        Forest::new(Key::from_seed(seed))
    }

    fn common(a: IpAddr, b: IpAddr) -> u32 {
        (key_of(a) ^ key_of(b)).leading_zeros()
    }

    fn four() -> impl Strategy<Value = IpAddr> {
        let near = (0u32..64).prop_map(|low| Ipv4Addr::from(0xc0a8_0100 | low).into());
        prop_oneof![any::<u32>().prop_map(|bits| Ipv4Addr::from(bits).into()), near]
    }

    fn any_ip() -> impl Strategy<Value = IpAddr> {
        prop_oneof![four(), any::<u128>().prop_map(|bits| Ipv6Addr::from(bits).into())]
    }

    proptest! {
        #[test]
        fn common_prefixes_keep_their_length(seed: u64, a in any_ip(), b in any_ip(), subnets in
            proptest::collection::vec((any_ip(), 0u8..=32), 0..6))
        {
            let mut forest = forest(seed);
            subnets.into_iter().for_each(|(addr, len)| forest.learn(IpPrefix { addr, len }));
            if Family::of(a) == Family::of(b) {
                prop_assert_eq!(common(forest.address(a), forest.address(b)), common(a, b));
            }
        }

        #[test]
        fn prefixes_hold_what_they_held(seed: u64, prefix in (four(), 0u8..=32), addr in four()) {
            let forest = forest(seed);
            let masked = addr_of(key_of(prefix.0) & mask(prefix.1), Family::V4);
            let prefix = IpPrefix { addr: masked, len: prefix.1 };
            let holds = |p: IpPrefix, a| (key_of(p.addr) ^ key_of(a)) & mask(p.len) == 0;
            let to = forest.prefix(prefix);
            prop_assert_eq!(key_of(to.addr) & !mask(to.len), 0, "no bits below the length");
            prop_assert_eq!(holds(to, forest.address(addr)), holds(prefix, addr));
        }

        #[test]
        fn first_and_last_addresses_of_subnets_stay_so(
            seed: u64,
            subnets in proptest::collection::vec((four(), 0u8..32), 1..8),
        ) {
            let mut forest = forest(seed);
            let subnets: Vec<IpPrefix> =
                subnets.into_iter().map(|(addr, len)| IpPrefix { addr, len }).collect();
            subnets.iter().for_each(|&prefix| forest.learn(prefix));
            for subnet in subnets {
                let first = key_of(subnet.addr) & mask(subnet.len);
                let last = first | !mask(subnet.len) & mask(32);
                let to = |key| key_of(forest.address(addr_of(key, Family::V4)));
                prop_assert_eq!(to(first) & !mask(subnet.len), 0);
                prop_assert_eq!(to(last) & !mask(subnet.len), !mask(subnet.len) & mask(32));
                prop_assert_eq!((to(first) ^ to(last)) & mask(subnet.len), 0, "of one subnet");
            }
        }

        #[test]
        fn ranges_with_a_meaning_stay(seed: u64, bits: u128) {
            let forest = forest(seed);
            for tree in [&forest.four, &forest.six] {
                for range in &tree.ranges {
                    let from = addr_of(range.key | bits & !mask(range.len), tree.family);
                    let to = forest.address(from);
                    prop_assert_eq!((key_of(to) ^ range.key) & mask(range.len), 0, "{} became {}", from, to);
                }
            }
        }
    }

    #[test]
    fn special_addresses_stay() {
        let forest = forest(7);
        for text in [
            "0.0.0.0",
            "127.0.0.1",
            "127.255.255.255",
            "169.254.169.254",
            "224.0.0.1",
            "239.1.2.3",
            "255.255.255.255",
            "::",
            "::1",
            "ff02::1",
            "ff02::16",
        ] {
            let addr: IpAddr = text.parse().expect("an address");
            assert_eq!(forest.address(addr), addr);
        }
        let all = IpPrefix { addr: Ipv4Addr::UNSPECIFIED.into(), len: 0 };
        assert_eq!(forest.prefix(all), all);
    }

    #[test]
    fn ordinary_addresses_change_and_other_keys_change_them_otherwise() {
        let list: Vec<IpAddr> =
            (0..200u32).map(|i| Ipv4Addr::from(0x5db8_0000 + i * 77_777).into()).collect();
        let (one, two) = (forest(1), forest(2));
        let changed = list.iter().filter(|&&addr| one.address(addr) != addr).count();
        let differ = list.iter().filter(|&&addr| one.address(addr) != two.address(addr)).count();
        assert!(changed > 190 && differ > 190, "{changed}, {differ}");
        let interface: IpAddr = "fe80::a4b4:35ff:fe18:4aa3".parse().expect("an address");
        assert_ne!(one.address(interface), interface, "a device's address is not in the link-local one");
    }
}
