//! Readers beside a writer.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::vec::Vec;

use fingerpost_net::{Ip, Prefix, Rng};

use super::*;
use crate::NONE;

/// Random prefixes that nest, over few bits.
fn prefix<I: Ip>(rng: &mut Rng) -> Prefix<I> {
    let lens = [8, 12, 18, 19, 22, 24, 26, 32, I::WIDTH];
    let len = lens[rng.below(lens.len() as u64) as usize];
    Prefix::containing(addr(rng), len).unwrap()
}

fn addr<I: Ip>(rng: &mut Rng) -> I {
    I::from_key(u128::from(rng.next_u32() & 0x0703_c7c3) << 96 | u128::from(rng.below(3)))
}

/// Each answer of a reader is that of the version it says it has.
fn churn<I: Ip>(versions: u64, prepare: impl FnOnce(&mut Table<I>)) {
    let mut rng = Rng::new(1);
    let probes: Vec<I> = (0..PROBES).map(|_| addr(&mut rng)).collect();
    let mut table: Table<I> = (0..ROUTES).map(|i| (prefix(&mut rng), i)).collect();
    prepare(&mut table);
    let mut writer = Writer::new(table);
    let expected = std::sync::Mutex::new(Vec::from([answers(writer.table(), &probes)]));
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for seed in 0..2 {
            let (mut reader, expected, probes, done) = (writer.reader(), &expected, &probes, &done);
            scope.spawn(move || {
                let mut rng = Rng::new(seed);
                let mut values = std::vec![0; probes.len()];
                let mut last = 0;
                while !done.load(Ordering::Relaxed) {
                    if cfg!(miri) {
                        // Most of the interpreter's time is for the writer.
                        (0..20).for_each(|_| std::thread::yield_now());
                    }
                    let guard = reader.pin();
                    if rng.chance(1, 20) {
                        std::thread::yield_now();
                    }
                    guard.lookup_batch(probes, &mut values);
                    let one = rng.below(probes.len() as u64) as usize;
                    assert_eq!(guard.lookup(probes[one]), some(values[one]));
                    assert!(guard.version() >= last, "versions do not go back");
                    last = guard.version();
                    assert!(expected.lock().unwrap()[last as usize] == values, "version {last}");
                }
            });
        }
        let mut snapshots = Vec::new();
        for version in 1..=versions {
            for _ in 0..rng.below(CHANGES) {
                match rng.chance(1, 2) {
                    true => writer.insert(
                        prefix(&mut rng),
                        rng.below(if version % 7 == 0 { 1 << 20 } else { 9 }) as u32,
                    ),
                    false => writer.remove(prefix(&mut rng)),
                };
            }
            // A reader may see a version before `publish` returns.
            expected.lock().unwrap().push(answers(writer.table(), &probes));
            if rng.chance(1, 10) {
                snapshots.push((version as usize, writer.snapshot()));
            } else {
                writer.publish();
            }
            if snapshots.len() > 4 {
                snapshots.swap_remove(rng.below(5) as usize);
            }
            for (version, snapshot) in &snapshots {
                let mut values = std::vec![0; probes.len()];
                snapshot.lookup_batch(&probes, &mut values);
                assert!(values == expected.lock().unwrap()[*version], "snapshot {version}");
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    drop(writer.reader().pin());
    let readers = writer.reader();
    drop(writer);
    let mut values = std::vec![0; probes.len()];
    readers.clone().lookup_batch(&probes, &mut values);
    assert!(values == expected.lock().unwrap()[versions as usize], "the writer is gone");
}

fn answers<I: Ip>(table: &Table<I>, probes: &[I]) -> Vec<u32> {
    probes.iter().map(|addr| table.matches(*addr).next().map_or(NONE, |m| m.1)).collect()
}

// Miri takes a second for some thousand steps.
const VERSIONS: u64 = if cfg!(miri) { 3 } else { 400 };
const CHANGES: u64 = if cfg!(miri) { 3 } else { 40 };
const ROUTES: u32 = if cfg!(miri) { 3 } else { 300 };
const PROBES: usize = if cfg!(miri) { 5 } else { 200 };

#[test]
fn every_answer_is_that_of_a_version_ipv4() {
    churn::<Ipv4Addr>(VERSIONS, |_| ());
}

#[test]
#[cfg_attr(miri, ignore = "32 MB of entries are too many for Miri")]
fn every_answer_is_that_of_a_version_dir24() {
    churn::<Ipv4Addr>(VERSIONS / 4, |table| table.set_backend(crate::Backend::Dir24));
}

#[test]
fn every_answer_is_that_of_a_version_ipv6() {
    churn::<Ipv6Addr>(VERSIONS, |_| ());
}

#[test]
#[cfg_attr(miri, ignore = "too long for Miri, and single-threaded")]
fn memory_of_the_past_is_used_again() {
    let mut rng = Rng::new(2);
    let mut writer = Writer::new((0..2000).map(|i| (prefix(&mut rng), i % 200)).collect::<Table<Ipv4Addr>>());
    let mut reader = writer.reader();
    let mut churn = |writer: &mut Writer<Ipv4Addr>, versions: u32| {
        for version in 0..versions {
            for _ in 0..20 {
                writer.insert(prefix(&mut rng), version % 200);
            }
            writer.publish();
        }
        writer.table().fib.memory.used()
    };
    let settled = churn(&mut writer, 200);
    let kept = [(); 3].map(|()| {
        let snapshot = writer.snapshot();
        churn(&mut writer, 50);
        snapshot
    });
    let with_snapshots = churn(&mut writer, 500);
    assert!(with_snapshots < settled * 5, "{settled} words, with snapshots {with_snapshots}");
    drop(kept);
    let after = churn(&mut writer, 2);
    // A copy has nothing to wait for.
    let alone = writer.table().clone().fib.memory.used();
    assert!(after < alone * 3 / 2, "{alone} words in use, after snapshots {after}");
    let pinned = reader.pin();
    let held = churn(&mut writer, 20);
    drop(pinned);
    assert!(churn(&mut writer, 2) < held);
}
