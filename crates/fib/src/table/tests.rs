//! The table against a plain map of prefixes, over random histories.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::net::{Ipv4Addr, Ipv6Addr};

use fingerpost_net::{Ip, Prefix, Rng};

use super::*;

/// Changes in a history; debug builds are slow.
const STEPS: usize = match (cfg!(miri), cfg!(debug_assertions)) {
    (true, _) => 60,
    (_, true) => 700,
    _ => 6000,
};

/// Key bits that nest, neighbour and share long stretches.
fn key(rng: &mut Rng) -> u128 {
    let bits = u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64());
    match rng.below(6) {
        0 => bits & !(u128::MAX >> (1 + rng.below(30))),
        1 => 10 << 120 | bits >> (100 + rng.below(28)) << 96,
        2 => 10 << 120 | u128::from(rng.below(40)) << (96 + rng.below(10)),
        3 => 0x2001_0db8 << 96 | bits >> (110 + rng.below(18)),
        4 => 0x2001_0db8 << 96 | u128::from(rng.below(8)) << rng.below(90),
        _ => bits,
    }
}

fn linear<I: Ip>(routes: &BTreeMap<Prefix<I>, u32>, addr: I) -> Vec<(Prefix<I>, u32)> {
    let lens = (0..=I::WIDTH).rev();
    lens.filter_map(|len| {
        let prefix = Prefix::containing(addr, len).ok()?;
        routes.get(&prefix).map(|value| (prefix, *value))
    })
    .collect()
}

fn compare<I: Ip>(table: &Table<I>, routes: &BTreeMap<Prefix<I>, u32>, rng: &mut Rng, probes: usize) {
    assert_eq!(table.len(), routes.len());
    let near: Vec<I> = (0..probes)
        .map(|i| match (i % 3, routes.keys().nth(rng.below(routes.len().max(1) as u64) as usize)) {
            (0, Some(prefix)) => prefix.addr(),
            (1, Some(prefix)) => {
                I::from_key(prefix.last().to_key().wrapping_add(u128::from(rng.below(2)) << 96))
            }
            _ => I::from_key(key(rng)),
        })
        .collect();
    let mut values = alloc::vec![0; near.len()];
    let mut table = table.clone();
    compare_levels(&mut table, &near, &mut values);
    for (addr, value) in near.into_iter().zip(values) {
        let expected = linear(routes, addr);
        assert_eq!(table.lookup(addr), expected.first().map(|m| m.1), "{addr}");
        assert_eq!(some(value), expected.first().map(|m| m.1), "{addr} in a batch");
        assert_eq!(table.matches(addr).collect::<Vec<_>>(), expected, "{addr}");
    }
}

/// Looks up at each level; leaves the values of the last.
fn compare_levels<I: Ip>(table: &mut Table<I>, addrs: &[I], values: &mut [u32]) {
    for level in Level::all() {
        table.set_level(level);
        values.fill(0);
        table.lookup_batch(addrs, values);
        assert!(addrs.iter().zip(&*values).all(|(a, v)| table.lookup(*a) == some(*v)), "{level:?}");
    }
}

fn history<I: Ip>(seed: u64, steps: usize, values: u64) {
    let mut rng = Rng::new(seed);
    let mut routes = BTreeMap::new();
    let mut table = Table::<I>::new();
    for step in 0..steps {
        let prefix = match routes.keys().nth(rng.below(routes.len().max(1) as u64) as usize) {
            Some(prefix) if rng.chance(2, 5) => *prefix,
            _ => Prefix::containing(I::from_key(key(&mut rng)), rng.below(u64::from(I::WIDTH) + 1) as u8)
                .unwrap(),
        };
        if rng.chance(2, 5) {
            assert_eq!(table.remove(prefix), routes.remove(&prefix));
        } else {
            let value = rng.below(values) as u32;
            assert_eq!(table.insert(prefix, value), routes.insert(prefix, value));
        }
        assert_eq!(table.get(prefix), routes.get(&prefix).copied());
        if step % 16 == 0 {
            compare(&table, &routes, &mut rng, 12);
        }
        if step % 256 == 0 {
            assert!(table.iter().eq(routes.iter().map(|(p, v)| (*p, *v))));
            let built: Table<I> = routes.iter().map(|(p, v)| (*p, *v)).collect();
            assert_eq!(built.lookup_bytes() - top::<I>(), live(&built));
            compare(&built, &routes, &mut rng, 12);
            assert_eq!(live(&table), table.lookup_bytes() - top::<I>(), "no block is lost");
        }
    }
}

fn top<I: Ip>() -> usize {
    4 << Shape::of::<I>().top
}

/// Bytes of what can be reached.
fn live<I: Ip>(table: &Table<I>) -> usize {
    let mut pages: Vec<u32> = table.fib.top.clone();
    pages.push(0);
    pages.sort_unstable();
    pages.dedup();
    let page = 1 << Table::<I>::SHAPE.page;
    let blocks: usize = pages
        .iter()
        .flat_map(|&words| (0..page).map(move |at| (words as usize + at / 2, at % 2)))
        .map(|(word, half)| {
            block_bytes(table, entry::Entry((table.fib.memory.get(word) >> (half * 32)) as u32))
        })
        .sum();
    pages.len() * page * 4 + blocks
}

fn block_bytes<I: Ip>(table: &Table<I>, entry: entry::Entry) -> usize {
    let Some((kind, word)) = entry.as_block() else { return 0 };
    let runs = 1 + table.fib.memory.get(word).count_ones() as usize;
    match kind {
        entry::Block::Leaf => 8 + (runs << table.fib.width.shift()).next_multiple_of(8),
        entry::Block::Inner => {
            let entries = (0..runs).map(|run| {
                let halves = table.fib.memory.get(word + 1 + run / 2);
                block_bytes(table, entry::Entry((halves >> (run % 2 * 32)) as u32))
            });
            8 + (runs * 4).next_multiple_of(8) + entries.sum::<usize>()
        }
        entry::Block::Skip => {
            let (.., same, other) = table.fib.skip(word);
            16 + block_bytes(table, same) + block_bytes(table, other)
        }
    }
}

#[test]
fn ipv4_as_a_map() {
    (0..4).for_each(|seed| history::<Ipv4Addr>(seed, STEPS, [3, 250, 300, 1 << 31][seed as usize % 4]));
}

#[test]
fn ipv6_as_a_map() {
    (0..4).for_each(|seed| history::<Ipv6Addr>(seed, STEPS, [3, 250, 300, 1 << 31][seed as usize % 4]));
}

/// DIR-24-8 beside the compact form, through changes of every length and of
/// the width of entries.
#[test]
#[cfg_attr(miri, ignore = "32 MB of entries are too many for Miri")]
fn dir24_answers_the_same() {
    let mut rng = Rng::new(5);
    let mut compact = Table::<Ipv4Addr>::new();
    let mut dir24 = compact.clone();
    dir24.set_backend(Backend::Dir24);
    for step in 0..STEPS {
        // Short prefixes have many /24s.
        let len = 32 - rng.below(if step % 16 == 0 { 33 } else { 20 }) as u8;
        let prefix = Prefix::containing(Ipv4Addr::from_key(key(&mut rng)), len).unwrap();
        if rng.chance(2, 5) {
            assert_eq!(compact.remove(prefix), dir24.remove(prefix));
        } else {
            let value = rng.below(if step == STEPS / 2 { 1 << 31 } else { 40 }) as u32;
            assert_eq!(compact.insert(prefix, value), dir24.insert(prefix, value));
        }
        let addrs: Vec<Ipv4Addr> = [prefix.addr().to_bits(), prefix.last().to_bits()]
            .iter()
            .flat_map(|&at| [at.wrapping_sub(1), at, at.wrapping_add(1), rng.next_u32() & 0xff | at & !0xff])
            .map(Ipv4Addr::from_bits)
            .collect();
        let mut values = alloc::vec![0; addrs.len()];
        compare_levels(&mut dir24, &addrs, &mut values);
        assert!(addrs.iter().zip(values).all(|(addr, value)| compact.lookup(*addr) == some(value)));
    }
    dir24.set_backend(Backend::Compact);
    assert_eq!(dir24.backend(), Backend::Compact);
}
