//! Measures the compiled table on a real routing table.
//!
//! ```console
//! $ cargo run --release -p fingerpost-fib --example measure -- TABLE.gz [PASSES] [4|6]
//! ```
//!
//! A line of the table is `PREFIX HOP`, of either family. For each family and
//! kind of next hops (*optimistic*: as in the file; *pessimistic*: at random
//! for each prefix) it prints build times, memory, updates a second, and for
//! each distribution of keys the best and the median time of a lookup.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::hint::black_box;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Instant;

use fingerpost_fib::{Backend, Table, Writer};
use fingerpost_net::{Ip, Prefix, Rng};

type Routes<I> = Vec<(Prefix<I>, u32)>;

const KEYS: usize = 1 << 20;

/// A way to look up many keys.
type Mode<I> = fn(&Table<I>, &[I]);

/// A form of the table besides the usual one.
type Other<I> = fn(&Table<I>) -> Option<(&'static str, Table<I>)>;

fn main() {
    let mut args = std::env::args().skip(1);
    let Some(file) = args.next() else {
        eprintln!("usage: measure TABLE.gz [PASSES] [4|6]");
        std::process::exit(2);
    };
    let passes = args.next().and_then(|n| n.parse().ok()).unwrap_or(10);
    let family = args.next();
    let text = read(&file);
    if family.as_deref() != Some("6") {
        measure::<Ipv4Addr>(&parse(&text), passes, dir24);
    }
    if family.as_deref() != Some("4") {
        measure::<Ipv6Addr>(&parse(&text), passes, |_| None);
    }
}

fn dir24(table: &Table<Ipv4Addr>) -> Option<(&'static str, Table<Ipv4Addr>)> {
    let mut table = table.clone();
    table.set_backend(Backend::Dir24);
    Some(("DIR-24-8", table))
}

fn read(file: &str) -> String {
    let output = std::process::Command::new("gzip").args(["-dcf", file]).output();
    let bytes = output.unwrap_or_else(|error| panic!("gzip -dc {file}: {error}")).stdout;
    String::from_utf8(bytes).unwrap_or_else(|_| panic!("{file} is not text"))
}

fn parse<I: Ip + std::str::FromStr>(text: &str) -> Routes<I> {
    text.lines()
        .filter_map(|line| {
            let (prefix, hop) = line.split_once(' ').unwrap_or((line, "1"));
            Some((prefix.parse().ok()?, hop.parse().ok()?))
        })
        .collect()
}

fn measure<I: Ip>(routes: &Routes<I>, passes: usize, other: Other<I>) {
    let mut rng = Rng::new(7);
    let pessimistic = routes.iter().map(|(prefix, _)| (*prefix, 1 + rng.below(254) as u32)).collect();
    let kinds = [("optimistic", routes), ("pessimistic", &pessimistic)];
    for (kind, routes) in kinds {
        println!("IPv{} {kind}: {} routes", if I::WIDTH == 32 { 4 } else { 6 }, routes.len());
        build(routes, passes);
        let table: Table<I> = routes.iter().copied().collect();
        let other = other(&table);
        for (form, table) in [Some(("compact", table)), other].into_iter().flatten() {
            println!(
                "  {form}: {:.2} MB for lookups, {:.2} MB with the routes",
                table.lookup_bytes() as f64 / 1e6,
                table.heap_bytes() as f64 / 1e6
            );
            for (name, keys) in keys(routes) {
                lookups(&table, name, &keys, passes);
            }
            updates(table, routes);
        }
    }
}

fn build<I: Ip>(routes: &Routes<I>, passes: usize) {
    let mut sorted = routes.clone();
    sorted.sort();
    let mut shuffled = sorted.clone();
    shuffle(&mut shuffled);
    for (name, routes) in [("sorted", sorted), ("shuffled", shuffled)] {
        let times =
            (0..passes).map(|_| time(|| drop(black_box(routes.iter().copied().collect::<Table<I>>()))));
        let (best, median) = summary(times.collect());
        println!("  build {name}: best {best:.3} s, median {median:.3} s");
    }
}

fn shuffle<T>(items: &mut [T]) {
    let mut rng = Rng::new(RandomState::new().build_hasher().finish());
    for at in (1..items.len()).rev() {
        items.swap(at, rng.below(at as u64 + 1) as usize);
    }
}

/// Uniform over the space, uniform prefix and host in it, and 1 M destinations
/// with weight 1/rank.
fn keys<I: Ip>(routes: &Routes<I>) -> [(&'static str, Vec<I>); 3] {
    let mut rng = Rng::new(11);
    let wide = |rng: &mut Rng| u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64());
    let uniform = (0..KEYS).map(|_| I::from_key(wide(&mut rng))).collect();
    let inside = |rng: &mut Rng| {
        let prefix = routes[rng.below(routes.len() as u64) as usize].0;
        let host = wide(rng).checked_shr(prefix.len().into()).unwrap_or(0);
        I::from_key(prefix.addr().to_key() | host)
    };
    let in_prefix = (0..KEYS).map(|_| inside(&mut rng)).collect();
    let destinations: Vec<I> = (0..1_000_000).map(|_| inside(&mut rng)).collect();
    // 1/rank: the logarithm of the rank is uniform.
    let most = (destinations.len() as f64).ln();
    let zipf = (0..KEYS)
        .map(|_| {
            let uniform = rng.next_u64() as f64 / u64::MAX as f64;
            destinations[((uniform * most).exp() as usize).min(destinations.len()) - 1]
        })
        .collect();
    [("uniform", uniform), ("in-prefix", in_prefix), ("zipf", zipf)]
}

/// Other work on the machine falls on some slices of some passes: the best of
/// each slice is what the machine can do.
const SLICE: usize = 1 << 15;

fn lookups<I: Ip>(table: &Table<I>, name: &str, keys: &[I], passes: usize) {
    let modes: [(&str, Mode<I>); 3] =
        [("batched", batched), ("independent", independent), ("dependent", dependent)];
    let mut times = vec![[const { Vec::new() }; 3]; keys.len().div_ceil(SLICE)];
    for _ in 0..passes {
        for mode in 0..modes.len() {
            for (keys, times) in keys.chunks(SLICE).zip(&mut times) {
                times[mode].push(time(|| modes[mode].1(table, keys)));
            }
        }
    }
    print!("    {name:>9}:");
    for (mode, (label, _)) in modes.iter().enumerate() {
        let sums = times.iter().map(|times| summary(times[mode].clone()));
        let (best, median) = sums.fold((0.0, 0.0), |sum, slice| (sum.0 + slice.0, sum.1 + slice.1));
        let ns = 1e9 / keys.len() as f64;
        print!("  {label} {:.2} ({:.2})", best * ns, median * ns);
    }
    println!("  ns, best (median)");
}

fn batched<I: Ip>(table: &Table<I>, keys: &[I]) {
    let mut values = [0; 256];
    for keys in keys.chunks(values.len()) {
        table.lookup_batch(keys, &mut values[..keys.len()]);
    }
    black_box(values);
}

fn independent<I: Ip>(table: &Table<I>, keys: &[I]) {
    black_box(keys.iter().fold(0u32, |sum, key| sum.wrapping_add(table.lookup(*key).unwrap_or(0))));
}

/// The next key waits for the last answer, of which no bit is used.
fn dependent<I: Ip>(table: &Table<I>, keys: &[I]) {
    let (zero, mut last) = (black_box(0), 0);
    for key in keys {
        last = table.lookup(I::from_key(key.to_key() ^ u128::from(last & zero) << 96)).unwrap_or(0);
    }
    black_box(last);
}

/// Withdrawals and announcements of existing prefixes, published in batches.
fn updates<I: Ip>(table: Table<I>, routes: &Routes<I>) {
    const COUNT: usize = 300_000;
    let mut writer = Writer::new(table);
    let mut rng = Rng::new(3);
    for batch in [1, 10, 100, 1000] {
        let mut rates: Vec<f64> = Vec::new();
        let count = COUNT / 30 * batch.min(30);
        let changes: Vec<_> = (0..count)
            .map(|step| {
                let (prefix, value) = routes[rng.below(routes.len() as u64) as usize];
                (prefix, [None, Some(value), Some(1 + rng.below(254) as u32)][step % 3])
            })
            .collect();
        for changes in changes.chunks(count / 10) {
            let seconds = time(|| {
                for changes in changes.chunks(batch) {
                    writer.apply(changes);
                    writer.publish();
                }
            });
            rates.push(seconds * 1e9 / changes.len() as f64);
        }
        let (best, median) = summary(rates);
        println!(
            "    updates, {batch} a publication: best {:.2} M/s, median {:.2} M/s",
            1e3 / best,
            1e3 / median
        );
    }
}

fn time(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

fn summary(mut times: Vec<f64>) -> (f64, f64) {
    times.sort_by(f64::total_cmp);
    (times[0], times[times.len() / 2])
}
