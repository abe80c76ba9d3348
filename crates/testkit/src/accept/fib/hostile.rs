//! Tables made to be large or hard: what they take, and what changing them takes.
//!
//! The bounds are those of the documentation of the crate `fib`.

use std::collections::{BTreeSet, HashSet};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use fingerpost_fib::{Backend, NONE, Table, Writer};
use fingerpost_net::{Ip, Prefix, Rng};

/// What a table may take.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    /// Bytes a route when it is built, the routes themselves included.
    bytes: usize,
    /// Changes may leave so many times as much behind.
    after: usize,
    /// Microseconds a change of one of the table's routes, published with 499 others, on average.
    change: f64,
    /// Nanoseconds for a change of a short prefix, for each route of the table.
    above: f64,
    /// Microseconds for a change of the default route, published alone.
    default: f64,
}

/// Routes that neighbour each other or nest.
const NEAR: Bounds = Bounds { bytes: 60, after: 3, change: 20.0, above: 1000.0, default: 100.0 };
/// Each route alone.
const ALONE: Bounds = Bounds { bytes: 160, ..NEAR };
/// Each route alone, 4 M entries of the other form, and 1 KB for each of 2^16 /24s.
const DIR24: Bounds = Bounds { bytes: 320, above: 4000.0, ..NEAR };

/// A table, and how it did.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The table.
    pub what: String,
    /// What it took.
    pub figure: String,
    /// Whether that is within the bounds, and all answers are right.
    pub pass: bool,
}

/// Host routes, and routes as mixed as the Internet's.
const MANY: usize = 5_000_000;
/// Routes of the others.
const SOME: usize = 1_000_000;

/// Makes each table in turn, changes it, and hands over what was found.
pub fn all(seed: u64, found: &mut dyn FnMut(Finding)) {
    let mut rng = Rng::new(seed);
    let rng = &mut rng;
    let v6 = |low: u64| Prefix::host(Ipv6Addr::from_bits(0x2001_0db8 << 96 | u128::from(low)));
    let one8 = |_, rng: &mut Rng| Prefix::host(Ipv4Addr::from_bits(10 << 24 | rng.next_u32() >> 8));
    let as_is = |_: &mut Table<Ipv4Addr>| ();
    let mut table4 = |what: &str, count, bounds, rng: &mut Rng, route: &mut Route<'_, Ipv4Addr>| {
        found(measure(what, count, bounds, rng, route, as_is));
    };
    table4("5 M IPv4 routes of mixed lengths", MANY, NEAR, rng, &mut |_, rng| prefix4(rng));
    table4("5 M IPv4 host routes at random", MANY, ALONE, rng, &mut |_, rng| Prefix::host(random(rng)));
    table4("1 M IPv4 host routes in one /8", SOME, ALONE, rng, &mut { one8 });
    table4("1 M IPv4 host routes side by side", SOME, NEAR, rng, &mut |i, _| {
        Prefix::host(Ipv4Addr::from_bits(10 << 24 | i as u32))
    });
    table4("1 M IPv4 routes in chains of every length", SOME, NEAR, rng, &mut chains());
    found(measure("the same /8 as DIR-24-8", SOME, DIR24, rng, &mut { one8 }, |table| {
        table.set_backend(Backend::Dir24);
    }));
    let mut table6 = |what: &str, count, bounds, rng: &mut Rng, route: &mut Route<'_, Ipv6Addr>| {
        found(measure(what, count, bounds, rng, route, |_| ()));
    };
    table6("5 M IPv6 routes of mixed lengths", MANY, ALONE, rng, &mut |_, rng| prefix6(rng));
    table6("5 M IPv6 host routes at random", MANY, ALONE, rng, &mut |_, rng| Prefix::host(random(rng)));
    table6("1 M IPv6 host routes under one /64", SOME, ALONE, rng, &mut |_, rng| v6(rng.next_u64()));
    table6("1 M IPv6 host routes side by side", SOME, NEAR, rng, &mut |i, _| v6(i as u64));
    table6("1 M IPv6 routes in chains of every length", SOME, ALONE, rng, &mut chains());
}

/// The next prefix of a table, from its number; may come twice.
type Route<'a, I> = dyn FnMut(usize, &mut Rng) -> Prefix<I> + 'a;

/// Chains of prefixes of every length down to random addresses.
fn chains<I: Ip>() -> impl FnMut(usize, &mut Rng) -> Prefix<I> {
    let mut addr = I::ZERO;
    move |i, rng| {
        let len = 1 + (i % usize::from(I::WIDTH)) as u8;
        if len == 1 {
            addr = random(rng);
        }
        Prefix::containing(addr, len).unwrap_or(Prefix::DEFAULT)
    }
}

fn random<I: Ip>(rng: &mut Rng) -> I {
    I::from_key(u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64()))
}

/// Three in five are /24s, most others somewhat shorter, as in the Internet's table.
fn prefix4(rng: &mut Rng) -> Prefix<Ipv4Addr> {
    let len = match rng.below(100) {
        0..60 => 24,
        60..72 => 22,
        72..82 => 23,
        82..98 => 16 + rng.below(6) as u8,
        _ => 8 + rng.below(25) as u8,
    };
    Prefix::containing(random(rng), len).unwrap_or(Prefix::DEFAULT)
}

/// Half are /48s, the rest around /32, /40 and /64, in the part of the space that is in use.
fn prefix6(rng: &mut Rng) -> Prefix<Ipv6Addr> {
    let len = match rng.below(100) {
        0..50 => 48,
        50..70 => 44,
        70..80 => 40,
        80..90 => 29 + rng.below(8) as u8,
        _ => 48 + rng.below(17) as u8,
    };
    let addr = Ipv6Addr::from_bits(1 << 125 | random::<Ipv6Addr>(rng).to_bits() >> 3);
    Prefix::containing(addr, len).unwrap_or(Prefix::DEFAULT)
}

/// Routes by length, then address, to be found in the most obvious way.
struct Sorted<I>(Vec<Vec<(I, u32)>>);

impl<I: Ip> Sorted<I> {
    fn new(routes: &[(Prefix<I>, u32)]) -> Self {
        let mut lens = vec![Vec::new(); usize::from(I::WIDTH) + 1];
        for (prefix, value) in routes {
            lens[usize::from(prefix.len())].push((prefix.addr(), *value));
        }
        lens.iter_mut().for_each(|routes| routes.sort_by_key(|route| route.0));
        Sorted(lens)
    }

    fn lookup(&self, addr: I) -> u32 {
        (0..=I::WIDTH)
            .rev()
            .find_map(|len| {
                let routes = &self.0[usize::from(len)];
                let prefix = Prefix::containing(addr, len).ok()?;
                let at = routes.binary_search_by_key(&prefix.addr(), |route| route.0).ok()?;
                Some(routes[at].1)
            })
            .unwrap_or(NONE)
    }
}

/// Changes of the table's own routes: so many times so many go, and come again.
const BATCHES: usize = 200;
const BATCH: usize = 500;

/// Makes `count` routes, builds a table, changes it, and asks it before and after.
fn measure<I: Ip>(
    what: &str,
    count: usize,
    bounds: Bounds,
    rng: &mut Rng,
    route: &mut Route<'_, I>,
    prepare: impl FnOnce(&mut Table<I>),
) -> Finding {
    let routes = routes(count, rng, route);
    let probes = probes(&routes, rng);
    let reference = Sorted::new(&routes);
    let expected: Vec<u32> = probes.iter().map(|addr| reference.lookup(*addr)).collect();
    drop(reference);

    let mut table = Table::new();
    let built = time(|| {
        table = routes.iter().copied().collect();
        prepare(&mut table);
    });
    let (bytes, lookups) = (table.heap_bytes() / count, table.lookup_bytes() / count);
    let mut right = answers(&table, &probes) == expected;
    let mut writer = Writer::new(table);
    let (change, same) = own_changes(&mut writer, &routes, rng);
    right &= same && answers(writer.table(), &probes) == expected;
    let default = default_flaps(&mut writer);
    let mut above = Duration::ZERO;
    for len in [1, 8, 16, 1, 8] {
        let prefix = Prefix::containing(routes[0].0.addr(), len).unwrap_or(Prefix::DEFAULT);
        above = above.max(flap(&mut writer, prefix));
    }
    right &= answers(writer.table(), &probes) == expected;
    let after = writer.table().heap_bytes() / count;

    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    let change = micros(change) / (2 * BATCHES * BATCH) as f64;
    let pass = right
        && bytes <= bounds.bytes
        && after <= bytes * bounds.after
        && change <= bounds.change
        && micros(above) * 1e3 <= bounds.above * count as f64
        && micros(default) <= bounds.default;
    let figure = format!(
        "{bytes} bytes a route, {lookups} for lookups, {after} after changes; built in {:.2} s; {change:.2} µs a change, \
         {:.1} µs of the default route, {:.0} ms of a prefix above all{}",
        built.as_secs_f64(),
        micros(default),
        micros(above) / 1e3,
        if right { "" } else { "; WRONG ANSWERS" },
    );
    Finding { what: what.into(), figure, pass }
}

/// Different routes, with 250 values.
fn routes<I: Ip>(count: usize, rng: &mut Rng, route: &mut Route<'_, I>) -> Vec<(Prefix<I>, u32)> {
    let mut known = HashSet::with_capacity(count);
    let mut routes = Vec::with_capacity(count);
    for i in 0.. {
        let prefix = route(i, rng);
        if known.insert(prefix) {
            routes.push((prefix, rng.below(250) as u32));
        }
        if routes.len() == count {
            break;
        }
    }
    routes
}

/// Addresses, three in four of them within a route.
fn probes<I: Ip>(routes: &[(Prefix<I>, u32)], rng: &mut Rng) -> Vec<I> {
    let mut probe = |i: usize| match rng.pick(routes) {
        Some((prefix, _)) if !i.is_multiple_of(4) => {
            let (first, last) = (prefix.addr().to_key(), prefix.last().to_key());
            I::from_key(first | random::<I>(rng).to_key() & (first ^ last))
        }
        _ => random(rng),
    };
    (0..20_000).map(&mut probe).collect()
}

fn answers<I: Ip>(table: &Table<I>, probes: &[I]) -> Vec<u32> {
    let mut values = vec![0; probes.len()];
    table.lookup_batch(probes, &mut values);
    values
}

/// Takes routes out and puts them back, in published batches; how long it took,
/// and whether each was there when it should be.
fn own_changes<I: Ip>(
    writer: &mut Writer<I>,
    routes: &[(Prefix<I>, u32)],
    rng: &mut Rng,
) -> (Duration, bool) {
    let (mut spent, mut same) = (Duration::ZERO, true);
    for _ in 0..BATCHES {
        let chosen: BTreeSet<usize> = (0..BATCH).map(|_| rng.below(routes.len() as u64) as usize).collect();
        spent += time(|| {
            for &at in &chosen {
                same &= writer.remove(routes[at].0) == Some(routes[at].1);
            }
            writer.publish();
            for &at in &chosen {
                same &= writer.insert(routes[at].0, routes[at].1).is_none();
            }
            writer.publish();
        });
    }
    (spent, same)
}

/// Gives a prefix another value for a while; the longer of both changes.
fn flap<I: Ip>(writer: &mut Writer<I>, prefix: Prefix<I>) -> Duration {
    let before = writer.table().get(prefix);
    let there = time(|| set(writer, prefix, Some(251)));
    there.max(time(|| set(writer, prefix, before)))
}

/// The same of the default route, on average: one is too quick for the clock.
fn default_flaps<I: Ip>(writer: &mut Writer<I>) -> Duration {
    const TIMES: u32 = 500;
    let before = writer.table().get(Prefix::DEFAULT);
    let spent = time(|| {
        for _ in 0..TIMES {
            set(writer, Prefix::DEFAULT, Some(251));
            set(writer, Prefix::DEFAULT, before);
        }
    });
    spent / (2 * TIMES)
}

/// Makes a change and publishes it.
fn set<I: Ip>(writer: &mut Writer<I>, prefix: Prefix<I>, value: Option<u32>) {
    match value {
        Some(value) => writer.insert(prefix, value),
        None => writer.remove(prefix),
    };
    writer.publish();
}

/// How long the processor is busy with something, or how long it takes where
/// that cannot be found out.
fn time(work: impl FnOnce()) -> Duration {
    let (start, busy) = (Instant::now(), busy());
    work();
    match (busy, self::busy()) {
        (Some(before), Some(after)) => after.saturating_sub(before),
        _ => start.elapsed(),
    }
}

/// The time that this thread has run for.
fn busy() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(text.split_whitespace().next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_measured_and_asked() {
        let mut rng = Rng::new(1);
        let finding = measure::<Ipv4Addr>("few", 3000, NEAR, &mut rng, &mut chains(), |_| ());
        assert!(finding.figure.contains("bytes a route") && !finding.figure.contains("WRONG"), "{finding:?}");
        // What a page takes is much for so few routes: a bound is seen to fail.
        assert!(!finding.pass);
    }

    #[test]
    fn wrong_answers_are_seen() {
        let mut rng = Rng::new(1);
        let wrong = |table: &mut Table<Ipv6Addr>| {
            table.insert(Prefix::DEFAULT, 77);
        };
        let mut hosts = |_, rng: &mut Rng| Prefix::host(random(rng));
        let finding = measure("few", 3000, NEAR, &mut rng, &mut hosts, wrong);
        assert!(finding.figure.contains("WRONG") && !finding.pass, "{finding:?}");
    }

    #[test]
    fn the_reference_finds_the_longest() {
        let routes = [("0.0.0.0/0", 1), ("10.0.0.0/8", 2), ("10.1.0.0/16", 3)];
        let routes = routes.map(|(text, value)| (text.parse().unwrap(), value));
        let sorted = Sorted::<Ipv4Addr>::new(&routes);
        assert_eq!([[10, 1, 2, 3], [10, 2, 2, 3], [1; 4]].map(|a| sorted.lookup(a.into())), [3, 2, 1]);
    }
}
