//! Random changes, publications and lookups against the linear reference and
//! the LC-trie, for as long as asked: both families, both forms, each level of
//! instructions, with two readers beside the writer.
//!
//! ```console
//! $ cargo run --release -p fingerpost-fib --example soak -- --seconds 600
//! ```
//!
//! Prints the seed of each round; `--seed N` begins with that one. Stops with a
//! panic at the first difference.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fingerpost_fib::{Alias, Backend, LcTrie, Level, Linear, NONE, Table, Writer};
use fingerpost_net::{Ip, Prefix, Rng};

struct Route {
    len: u8,
    value: u32,
}

impl Alias for Route {
    fn prefix_len(&self) -> u8 {
        self.len
    }
}

fn main() {
    let mut args = std::env::args().skip(1);
    let (mut seconds, mut seed) = (60, 1);
    while let Some(arg) = args.next() {
        let number = args.next().and_then(|n| n.parse().ok());
        match (arg.as_str(), number) {
            ("--seconds", Some(n)) => seconds = n,
            ("--seed", Some(n)) => seed = n,
            _ => {
                eprintln!("usage: soak [--seconds N] [--seed N]");
                std::process::exit(2);
            }
        }
    }
    let end = Instant::now() + Duration::from_secs(seconds);
    let levels: Vec<Level> = Level::all().collect();
    let (mut rounds, mut answers) = (0, 0);
    while Instant::now() < end {
        let level = levels[rounds % levels.len()];
        answers += match rounds / levels.len() % 3 {
            0 => round::<Ipv4Addr>("IPv4", seed, level, |_| ()),
            1 => round::<Ipv6Addr>("IPv6", seed, level, |_| ()),
            _ => round::<Ipv4Addr>("IPv4 DIR-24-8", seed, level, |table| table.set_backend(Backend::Dir24)),
        };
        rounds += 1;
        seed += 1;
    }
    println!("{rounds} rounds, {answers} answers, no difference");
}

/// What the references hold.
struct References<I> {
    linear: Linear<I, Route>,
    trie: LcTrie<I, Route>,
    prefixes: Vec<Prefix<I>>,
}

impl<I: Ip> References<I> {
    fn insert(&mut self, prefix: Prefix<I>, value: u32) -> Option<u32> {
        let old = self.remove(prefix);
        let len = prefix.len();
        let place = self.linear.leaf(prefix.addr()).iter().take_while(|route| route.len > len).count();
        self.linear.insert(prefix.addr(), place, Route { len, value });
        self.trie.insert(prefix.addr(), place, Route { len, value });
        old
    }

    fn remove(&mut self, prefix: Prefix<I>) -> Option<u32> {
        let place = self.linear.leaf(prefix.addr()).iter().position(|route| route.len == prefix.len())?;
        self.trie.remove(prefix.addr(), place);
        self.linear.remove(prefix.addr(), place).map(|route| route.value)
    }

    fn lookup(&self, addr: I) -> u32 {
        let linear = self.linear.matches(addr).next().map_or(NONE, |(_, route)| route.value);
        let trie = self.trie.matches(addr).next().map_or(NONE, |(_, route)| route.value);
        assert_eq!(linear, trie, "the references differ at {addr}");
        linear
    }
}

/// A history of some thousand changes; returns how many answers were compared.
fn round<I: Ip>(what: &str, seed: u64, level: Level, prepare: impl FnOnce(&mut Table<I>)) -> u64 {
    println!("seed {seed}: {what}, {}", level.name());
    let mut rng = Rng::new(seed);
    let probes: Vec<I> = (0..300).map(|_| addr(&mut rng)).collect();
    let mut references = References { linear: Linear::new(), trie: LcTrie::new(), prefixes: Vec::new() };
    let mut table = Table::new();
    table.set_level(level);
    prepare(&mut table);
    let mut writer = Writer::new(table);
    let versions = Mutex::new(vec![vec![NONE; probes.len()]]);
    let (done, compared) = (AtomicBool::new(false), AtomicU64::new(0));
    let values = [3, 250, 1000, u64::from(NONE)][rng.below(4) as usize];
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let (mut reader, probes, versions, done, compared) =
                (writer.reader(), &probes, &versions, &done, &compared);
            scope.spawn(move || {
                let mut values = vec![0; probes.len()];
                while !done.load(Ordering::Relaxed) {
                    let guard = reader.pin();
                    guard.lookup_batch(probes, &mut values);
                    assert!(
                        versions.lock().unwrap()[guard.version() as usize] == values,
                        "version {} is not what was published",
                        guard.version()
                    );
                    compared.fetch_add(probes.len() as u64, Ordering::Relaxed);
                }
            });
        }
        for _ in 0..200 {
            for _ in 0..rng.below(50) {
                change(&mut rng, &mut references, &mut writer, values);
            }
            let expected: Vec<u32> = probes.iter().map(|addr| references.lookup(*addr)).collect();
            let table = writer.table();
            for (addr, expected) in probes.iter().zip(&expected) {
                assert_eq!(table.lookup(*addr).unwrap_or(NONE), *expected, "{addr}");
                assert!(
                    table.matches(*addr).map(|m| m.1).eq(references.linear.matches(*addr).map(|m| m.1.value))
                );
            }
            compared.fetch_add(2 * probes.len() as u64, Ordering::Relaxed);
            versions.lock().unwrap().push(expected);
            writer.publish();
        }
        done.store(true, Ordering::Relaxed);
    });
    let rebuilt: Table<I> = writer.table().iter().collect();
    assert!(rebuilt.iter().eq(writer.table().iter()));
    assert!(probes.iter().all(|addr| rebuilt.lookup(*addr) == writer.table().lookup(*addr)));
    compared.into_inner()
}

fn change<I: Ip>(rng: &mut Rng, references: &mut References<I>, writer: &mut Writer<I>, values: u64) {
    if rng.chance(2, 5) && !references.prefixes.is_empty() {
        let at = rng.below(references.prefixes.len() as u64) as usize;
        let prefix = references.prefixes.swap_remove(at);
        assert_eq!(writer.remove(prefix), references.remove(prefix), "{prefix}");
        return;
    }
    let len = match rng.below(40) {
        0 => rng.below(10) as u8,
        _ => 10 + rng.below(u64::from(I::WIDTH) - 9) as u8,
    };
    let prefix = Prefix::containing(addr(rng), len).unwrap_or(Prefix::DEFAULT);
    let value = rng.below(values) as u32;
    references.prefixes.push(prefix);
    assert_eq!(writer.insert(prefix, value), references.insert(prefix, value), "{prefix}");
}

/// Addresses that share long stretches, so that prefixes nest and neighbour.
fn addr<I: Ip>(rng: &mut Rng) -> I {
    let low = u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64());
    I::from_key(match rng.below(4) {
        0 => low,
        1 => 10 << 120 | (low & 0x3f) << (96 + rng.below(12)),
        2 => 0x2001_0db8 << 96 | (low & 0xff) << rng.below(80),
        _ => 0xc0a8 << 112 | (low & 0xffff) << 96 | low >> (100 + rng.below(28)),
    })
}
