//! A seeded table like the Internet's: the lengths of its prefixes, and about
//! as often as there a prefix stands next to another, lies in a shorter one,
//! and shares its hop.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};

use fingerpost_net::{Family, Ip, Prefix, Rng};

use super::hops::draw;
use super::{Route, host};

/// Sizes of the two tables when nothing else is said.
pub const SYNTHETIC_V4: usize = 1_000_000;
/// As [`SYNTHETIC_V4`].
pub const SYNTHETIC_V6: usize = 200_000;

/// How many prefixes of each length the Internet's table had in January 2024.
#[rustfmt::skip]
const LENGTHS_V4: &[(u8, u32)] = &[
    (8, 16), (9, 13), (10, 38), (11, 103), (12, 299), (13, 581), (14, 1203), (15, 2100), (16, 13490),
    (17, 8235), (18, 13798), (19, 24870), (20, 42611), (21, 50750), (22, 108_623), (23, 96510),
    (24, 537_698), (25, 20), (26, 3), (27, 11), (28, 18), (29, 17), (30, 3), (31, 3), (32, 886),
];

/// As [`LENGTHS_V4`].
#[rustfmt::skip]
const LENGTHS_V6: &[(u8, u32)] = &[
    (20, 16), (24, 30), (28, 193), (29, 4371), (30, 650), (31, 284), (32, 22548), (33, 2926), (34, 2603),
    (35, 1043), (36, 5996), (37, 880), (38, 1617), (39, 1377), (40, 13418), (41, 903), (42, 2301),
    (43, 1001), (44, 14365), (45, 1553), (46, 3039), (47, 3153), (48, 75488), (56, 24), (58, 20), (64, 184),
    (125, 19), (126, 19), (127, 19), (128, 19),
];

/// Where the registries hand out IPv6 addresses.
const REGIONS_V6: [(u128, u8); 7] = [
    (0x2001 << 112, 16),
    (0x2400 << 112, 12),
    (0x2600 << 112, 12),
    (0x2800 << 112, 12),
    (0x2a00 << 112, 12),
    (0x2a10 << 112, 13),
    (0x2c00 << 112, 12),
];

/// How prefixes lie to each other, in percent. With these, the table has about
/// as many neighbours, nested prefixes, segments and dense places as the Internet's.
struct Habits {
    /// Put after the last one of the same length.
    adjacent: u64,
    /// Of the others: put near a shorter one.
    near: u64,
    /// How much of a shorter one's address is kept then, in bits.
    kept: u8,
    /// Put elsewhere when that is in a shorter one.
    avoided: u64,
    /// Neighbours that share the hop for sure.
    adjacent_share: u64,
    /// Nested ones that share the hop of the one that they lie in.
    nested_share: u64,
}

const HABITS_V4: Habits =
    Habits { adjacent: 60, near: 99, kept: 18, avoided: 78, adjacent_share: 58, nested_share: 69 };
const HABITS_V6: Habits =
    Habits { adjacent: 66, near: 90, kept: 34, avoided: 58, adjacent_share: 62, nested_share: 57 };

/// The hop of each prefix so far.
type Hops<I> = HashMap<Prefix<I>, u16, BuildHasherDefault<DefaultHasher>>;

/// A seeded table of about `size` routes.
pub fn synthetic<I: Ip>(seed: u64, size: usize) -> Vec<Route<I>> {
    let (lengths, habits) = match I::FAMILY {
        Family::V4 => (LENGTHS_V4, HABITS_V4),
        Family::V6 => (LENGTHS_V6, HABITS_V6),
    };
    let mut rng = Rng::new(seed);
    let total: u32 = lengths.iter().map(|&(_, count)| count).sum();
    let mut routes: Vec<Route<I>> = Vec::with_capacity(size);
    let mut hops = Hops::with_capacity_and_hasher(size, Default::default());
    for (at, &(len, count)) in lengths.iter().enumerate() {
        let wanted = (u64::from(count) * size as u64 / u64::from(total)).max(1);
        let shorter = routes.len();
        let (mut made, mut tries) = (0, 0);
        while made < wanted && tries < wanted * 50 {
            tries += 1;
            let last = routes[shorter..].last().copied().filter(|_| rng.chance(habits.adjacent, 100));
            let place = match last {
                Some(last) => after(last.prefix),
                None => place(&routes[..shorter], len, &habits, &mut rng),
            };
            let Some(prefix) = place.filter(|p| is_global(p.addr()) && !hops.contains_key(p)) else {
                continue;
            };
            let cover = cover(prefix, &lengths[..at], &hops);
            if cover.is_some() && rng.chance(habits.avoided, 100) {
                continue;
            }
            let neighbours = last.filter(|_| rng.chance(habits.adjacent_share, 100)).map(|last| last.hop);
            let covers = cover.filter(|_| rng.chance(habits.nested_share, 100));
            let hop = neighbours.or(covers).unwrap_or_else(|| draw(&mut rng));
            hops.insert(prefix, hop);
            routes.push(Route { prefix, hop });
            made += 1;
        }
    }
    routes.sort();
    routes
}

/// The next prefix of the same length.
fn after<I: Ip>(prefix: Prefix<I>) -> Option<Prefix<I>> {
    let step = 1u128.checked_shl(128 - u32::from(prefix.len()))?;
    Prefix::containing(I::from_key(prefix.addr().to_key().checked_add(step)?), prefix.len()).ok()
}

/// A place near a shorter prefix, or anywhere.
fn place<I: Ip>(shorter: &[Route<I>], len: u8, habits: &Habits, rng: &mut Rng) -> Option<Prefix<I>> {
    let near = rng.pick(shorter).copied().filter(|_| rng.chance(habits.near, 100));
    let region = match (near, I::FAMILY) {
        (Some(near), _) => {
            Prefix::containing(near.prefix.addr(), (near.prefix.len() - 1).min(habits.kept)).ok()?
        }
        (None, Family::V4) => Prefix::DEFAULT,
        (None, Family::V6) => {
            let &(addr, len) = rng.pick(&REGIONS_V6)?;
            Prefix::containing(I::from_key(addr), len).ok()?
        }
    };
    Prefix::containing(host(region, rng), len).ok()
}

/// The hop of the longest of the shorter prefixes that a prefix lies in.
fn cover<I: Ip>(prefix: Prefix<I>, shorter: &[(u8, u32)], hops: &Hops<I>) -> Option<u16> {
    let covers = shorter.iter().rev().filter_map(|&(len, _)| Prefix::containing(prefix.addr(), len).ok());
    covers.filter_map(|cover| hops.get(&cover).copied()).next()
}

/// Whether an address may be in the Internet's table, and is none that a measurement uses itself.
pub fn is_global<I: Ip>(addr: I) -> bool {
    let [a, b, ..] = addr.to_key().to_be_bytes();
    match I::FAMILY {
        Family::V4 => (1..224).contains(&a) && a != 10 && a != 127 && !(a == 100 && (64..128).contains(&b)),
        Family::V6 => a >> 5 == 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    #[test]
    fn the_seeded_tables_repeat_and_have_the_lengths() {
        let routes = synthetic::<Ipv4Addr>(1, 20_000);
        assert_eq!(routes, synthetic(1, 20_000));
        assert_ne!(routes, synthetic(2, 20_000));
        let of = |len| routes.iter().filter(|r| r.prefix.len() == len).count();
        assert!((11_000..13_000).contains(&of(24)), "{}", of(24));
        assert!((19_000..20_100).contains(&routes.len()), "{}", routes.len());
        let routes = synthetic::<Ipv6Addr>(1, 20_000);
        assert!((19_000..20_100).contains(&routes.len()), "{}", routes.len());
        assert!(routes.iter().all(|route| is_global(route.prefix.addr())));
    }

    #[test]
    fn half_of_the_prefixes_are_neighbours() {
        let routes = synthetic::<Ipv4Addr>(1, 100_000);
        let adjacent = routes.windows(2).filter(|pair| {
            let [a, b] = [pair[0].prefix, pair[1].prefix];
            a.len() == b.len() && a.last().to_bits().wrapping_add(1) == b.addr().to_bits()
        });
        let share = adjacent.count() as f64 / routes.len() as f64;
        assert!((0.35..0.65).contains(&share), "{share}");
    }
}
