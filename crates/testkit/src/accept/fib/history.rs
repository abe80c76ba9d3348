//! Random changes, publications and lookups: a writer with two readers beside
//! it, against the linear reference and the LC-trie.

use std::ops::AddAssign;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

use fingerpost_fib::{Alias, LcTrie, Level, Linear, NONE, Table, Writer};
use fingerpost_net::{Ip, Prefix, Rng};

/// What histories came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Histories.
    pub histories: u64,
    /// Routes inserted, replaced and removed.
    pub changes: u64,
    /// Versions published.
    pub versions: u64,
    /// Answers of the writer's table, compared with both references.
    pub answers: u64,
    /// Answers of the readers, compared with those of the version that they came from.
    pub read: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Counts) {
        self.histories += other.histories;
        self.changes += other.changes;
        self.versions += other.versions;
        self.answers += other.answers;
        self.read += other.read;
    }
}

/// Histories until `end`, at least one; `prepare` makes each empty table ready.
///
/// # Errors
///
/// The seed of the first history that went wrong.
pub fn until<I: Ip>(
    end: Instant,
    seed: &mut u64,
    level: Level,
    prepare: impl Fn(&mut Table<I>),
) -> Result<Counts, String> {
    let mut total = Counts::default();
    loop {
        // What differs has been said by the panic.
        let counts = catch_unwind(AssertUnwindSafe(|| history(*seed, level, &prepare)));
        total += counts.map_err(|_| format!("the history of seed {seed} differs"))?;
        *seed += 1;
        if Instant::now() >= end {
            return Ok(total);
        }
    }
}

struct Route {
    len: u8,
    value: u32,
}

impl Alias for Route {
    fn prefix_len(&self) -> u8 {
        self.len
    }
}

/// The same routes in structures that work in other ways.
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

    /// The values of all matches, longest first.
    fn matches(&self, addr: I) -> Vec<u32> {
        let linear: Vec<u32> = self.linear.matches(addr).map(|(_, route)| route.value).collect();
        assert!(
            self.trie.matches(addr).map(|(_, route)| route.value).eq(linear.iter().copied()),
            "the references differ at {addr}"
        );
        linear
    }
}

/// Versions that one history publishes.
const VERSIONS: u64 = if cfg!(debug_assertions) { 20 } else { 200 };
/// Addresses that are asked about in each.
const PROBES: usize = 300;
/// Routes that every fourth history begins with.
const ROUTES: usize = if cfg!(debug_assertions) { 1000 } else { 20_000 };

/// Some thousand changes.
///
/// # Panics
///
/// When an answer differs.
fn history<I: Ip>(seed: u64, level: Level, prepare: impl Fn(&mut Table<I>)) -> Counts {
    let mut rng = Rng::new(seed);
    let mut counts = Counts { histories: 1, versions: VERSIONS, ..Counts::default() };
    let values = [3, 250, 1000, u64::from(NONE)][rng.below(4) as usize];
    let mut references = References { linear: Linear::new(), trie: LcTrie::new(), prefixes: Vec::new() };
    if rng.chance(1, 4) {
        for _ in 0..ROUTES {
            let prefix = prefix(&mut rng);
            references.prefixes.push(prefix);
            references.insert(prefix, rng.below(values) as u32);
        }
    }
    let mut table: Table<I> = references
        .linear
        .iter()
        .filter_map(|(addr, route)| Some((Prefix::containing(addr, route.len).ok()?, route.value)))
        .collect();
    table.set_level(level);
    prepare(&mut table);
    let probes: Vec<I> = (0..PROBES).map(|_| addr(&mut rng)).collect();
    let expected = check(&table, &references, &probes);
    let mut writer = Writer::new(table);
    let versions = Mutex::new(vec![expected]);
    let (done, read) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let end = SetOnDrop(&done);
        for _ in 0..2 {
            let (mut reader, probes, versions, done, read) =
                (writer.reader(), &probes, &versions, &done, &read);
            scope.spawn(move || {
                let mut values = vec![0; probes.len()];
                let (mut known, mut expected) = (u64::MAX, Vec::new());
                while !done.load(Ordering::Relaxed) {
                    let guard = reader.pin();
                    guard.lookup_batch(probes, &mut values);
                    let version = guard.version();
                    if version != known {
                        known = version;
                        expected.clone_from(&lock(versions)[version as usize]);
                    }
                    assert!(expected == values, "version {version} is not what was published");
                    read.fetch_add(probes.len() as u64, Ordering::Relaxed);
                }
            });
        }
        for _ in 0..VERSIONS {
            let changes = rng.below(50);
            (0..changes).for_each(|_| change(&mut rng, &mut references, &mut writer, values));
            counts.changes += changes;
            let expected = check(writer.table(), &references, &probes);
            counts.answers += 3 * probes.len() as u64;
            // A reader may see a version before `publish` returns.
            lock(&versions).push(expected);
            writer.publish();
        }
        drop(end);
    });
    counts.read = read.into_inner();
    let rebuilt: Table<I> = writer.table().iter().collect();
    assert!(rebuilt.iter().eq(writer.table().iter()), "iteration gives other routes back");
    assert!(probes.iter().all(|addr| rebuilt.lookup(*addr) == writer.table().lookup(*addr)), "built anew");
    counts
}

/// Ends the readers, whichever way the writer ends.
struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Every way to ask the writer's own table; the answers.
fn check<I: Ip>(table: &Table<I>, references: &References<I>, probes: &[I]) -> Vec<u32> {
    let mut batch = vec![0; probes.len()];
    table.lookup_batch(probes, &mut batch);
    for (addr, in_batch) in probes.iter().zip(&batch) {
        let matches = references.matches(*addr);
        let longest = matches.first().copied();
        assert_eq!(*in_batch, longest.unwrap_or(NONE), "{addr} in a batch");
        assert_eq!(table.lookup(*addr), longest, "{addr}");
        assert!(table.matches(*addr).map(|(_, value)| value).eq(matches), "the matches of {addr}");
    }
    batch
}

fn change<I: Ip>(rng: &mut Rng, references: &mut References<I>, writer: &mut Writer<I>, values: u64) {
    if rng.chance(2, 5) && !references.prefixes.is_empty() {
        let at = rng.below(references.prefixes.len() as u64) as usize;
        let prefix = references.prefixes.swap_remove(at);
        assert_eq!(writer.remove(prefix), references.remove(prefix), "{prefix}");
        return;
    }
    let (prefix, value) = (prefix(rng), rng.below(values) as u32);
    references.prefixes.push(prefix);
    assert_eq!(writer.insert(prefix, value), references.insert(prefix, value), "{prefix}");
}

/// Mostly long prefixes: a short one costs much, and hides what it covers.
fn prefix<I: Ip>(rng: &mut Rng) -> Prefix<I> {
    let len = match rng.below(40) {
        0 => rng.below(10) as u8,
        _ => 10 + rng.below(u64::from(I::WIDTH) - 9) as u8,
    };
    Prefix::containing(addr(rng), len).unwrap_or(Prefix::DEFAULT)
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

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    #[test]
    fn histories_are_counted() {
        let mut seed = 7;
        let counts = until::<Ipv6Addr>(Instant::now(), &mut seed, Level::best(), |_| ()).unwrap();
        assert_eq!((counts.histories, counts.versions, seed), (1, VERSIONS, 8));
        assert!(counts.changes > 200 && counts.answers == 3 * VERSIONS * PROBES as u64);
    }

    #[test]
    fn a_difference_ends_them_and_names_the_seed() {
        let mut seed = 7;
        // A route that the references do not know.
        let wrong = |table: &mut Table<Ipv4Addr>| {
            table.insert(Prefix::DEFAULT, 77);
        };
        let error = until(Instant::now(), &mut seed, Level::PORTABLE, wrong).unwrap_err();
        assert_eq!(error, "the history of seed 7 differs");
    }
}
