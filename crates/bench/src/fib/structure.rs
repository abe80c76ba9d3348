//! What a structure must do to be measured ([`Structure`]), and the passes
//! over a trace that are timed.

use std::hint::black_box;
use std::time::{Duration, Instant};

use fingerpost_net::{Ip, Prefix};

use crate::table::Route;

/// How lookups follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Many independent keys are handed over together.
    Batched,
    /// One key a call, known beforehand.
    Independent,
    /// One key a call, not known before the last answer: latency.
    Dependent,
}

impl Mode {
    /// All of them.
    pub const ALL: [Mode; 3] = [Mode::Batched, Mode::Independent, Mode::Dependent];

    /// As it is printed.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Batched => "batched",
            Mode::Independent => "independent",
            Mode::Dependent => "dependent",
        }
    }
}

/// A change of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change<I: Ip> {
    /// Whose.
    pub prefix: Prefix<I>,
    /// The new next hop; `None` takes the route away.
    pub hop: Option<u16>,
}

/// How long building may take.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    started: Instant,
    most: Duration,
}

impl Limit {
    /// From now on.
    pub fn of(most: Duration) -> Self {
        Limit { started: Instant::now(), most }
    }

    /// For adapters that insert route by route: whether there is time for route number `done`.
    ///
    /// # Errors
    ///
    /// The time is up. It is looked at every 256 routes.
    pub fn check(&self, done: usize) -> Result<(), TooSlow> {
        match done.is_multiple_of(256) && self.started.elapsed() > self.most {
            true => Err(TooSlow { done, most: self.most }),
            false => Ok(()),
        }
    }
}

/// Building took too long.
#[derive(Clone, Copy, Debug)]
pub struct TooSlow {
    /// Routes that were in by then.
    pub done: usize,
    /// The time that was given.
    pub most: Duration,
}

/// Looks up each key in what was published last, as [`Structure::lookup_batch`]
/// does, on a thread of its own.
pub type Reader<I> = Box<dyn FnMut(&[I], &mut [u32]) + Send>;

/// A longest-prefix match structure of this process. One file in `peers` for
/// each; `peers::named` names them.
pub trait Structure<I: Ip>: Sized {
    /// As `--structures` and the rows name it.
    const NAME: &'static str;
    /// Whether it takes many keys at once ([`Structure::lookup_batch`]).
    const BATCHED: bool = false;
    /// What stands for no match in its answers.
    const NO_MATCH: u32 = 0;
    /// Whether readers see changes only as they are published, so that publishing one by one costs more.
    const PUBLISHES: bool = false;

    /// From routes in any order, each prefix once.
    ///
    /// # Errors
    ///
    /// The time is up.
    fn build(routes: &[Route<I>], limit: &Limit) -> Result<Self, TooSlow>;

    /// The next hop of the longest prefix that contains `key`, or [`Structure::NO_MATCH`].
    fn lookup(&self, key: I) -> u32;

    /// [`Structure::lookup`] of each key; both slices are of one length.
    fn lookup_batch(&self, keys: &[I], hops: &mut [u32]) {
        for (key, hop) in keys.iter().zip(hops) {
            *hop = self.lookup(*key);
        }
    }

    /// Makes changes, in order, visible to readers when it returns.
    fn apply(&mut self, changes: &[Change<I>]);

    /// A reader beside this one's changes, where it has such.
    fn reader(&self) -> Option<Reader<I>> {
        None
    }

    /// Which of its ways to look up it has chosen here.
    fn backend(&self) -> String {
        String::new()
    }

    /// Bytes that lookups read, where it can tell them from all that it allocates.
    fn lookup_bytes(&self) -> Option<usize> {
        None
    }

    /// All bytes that it holds, where the bench's allocator does not see them all.
    fn held_bytes(&self) -> Option<usize> {
        None
    }
}

/// One timed pass over keys.
#[derive(Clone, Copy, Debug)]
pub struct Pass {
    /// For all of them.
    pub time: Duration,
    /// Sum of the answers, mod 2^32: cheap enough to be taken while time runs.
    pub sum: u32,
}

/// A pass over all `keys`, `batch` at a time when batched.
pub fn pass<I: Ip, S: Structure<I>>(structure: &S, mode: Mode, keys: &[I], batch: usize) -> Pass {
    let mut hops = vec![0; batch];
    let start = Instant::now();
    let sum = match mode {
        Mode::Batched => batched(structure, keys, &mut hops),
        Mode::Independent => independent(structure, keys),
        Mode::Dependent => dependent(structure, keys, black_box(0)),
    };
    Pass { time: start.elapsed(), sum }
}

#[inline(never)]
fn batched<I: Ip, S: Structure<I>>(structure: &S, keys: &[I], hops: &mut [u32]) -> u32 {
    let mut sum = 0u32;
    for keys in keys.chunks(hops.len()) {
        let hops = &mut hops[..keys.len()];
        structure.lookup_batch(keys, hops);
        sum = hops.iter().fold(sum, |sum, &hop| sum.wrapping_add(hop));
    }
    sum
}

#[inline(never)]
fn independent<I: Ip, S: Structure<I>>(structure: &S, keys: &[I]) -> u32 {
    keys.iter().fold(0, |sum, &key| sum.wrapping_add(structure.lookup(key)))
}

/// `zero` is 0, which only the caller knows: each key needs the last answer.
#[inline(never)]
fn dependent<I: Ip, S: Structure<I>>(structure: &S, keys: &[I], zero: u32) -> u32 {
    let (mut sum, mut last) = (0u32, 0);
    for key in keys {
        let shifted = u128::from(last & zero) << (128 - u32::from(I::WIDTH));
        last = structure.lookup(I::from_key(key.to_key() ^ shifted));
        sum = sum.wrapping_add(last);
    }
    sum
}

/// All answers, by the way that `mode` times; 0 for no match.
pub fn answers<I: Ip, S: Structure<I>>(structure: &S, mode: Mode, keys: &[I], batch: usize) -> Vec<u32> {
    let mut answers = vec![0; keys.len()];
    match mode {
        Mode::Batched => {
            for (keys, answers) in keys.chunks(batch).zip(answers.chunks_mut(batch)) {
                structure.lookup_batch(keys, answers);
            }
        }
        Mode::Independent | Mode::Dependent => {
            for (key, answer) in keys.iter().zip(&mut answers) {
                *answer = structure.lookup(*key);
            }
        }
    }
    if S::NO_MATCH != 0 {
        answers.iter_mut().filter(|answer| **answer == S::NO_MATCH).for_each(|answer| *answer = 0);
    }
    answers
}

/// Σ answer · (i + 1) mod 2^64.
pub fn checksum(answers: &[u32]) -> u64 {
    let weighted = answers.iter().zip(1u64..).map(|(&answer, weight)| u64::from(answer).wrapping_mul(weight));
    weighted.fold(0, u64::wrapping_add)
}

/// Sum of the answers mod 2^32 as [`Pass::sum`], where 0 is answered as `no_match`.
pub fn plain_sum(answers: &[u32], no_match: u32) -> u32 {
    let number = |answer| if answer == 0 { no_match } else { answer };
    answers.iter().fold(0, |sum, &answer| sum.wrapping_add(number(answer)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_knows_the_order() {
        assert_eq!(checksum(&[3, 0, 5]), 3 + 5 * 3);
        assert_ne!(checksum(&[1, 2]), checksum(&[2, 1]));
        assert_eq!(checksum(&[]), 0);
        assert_eq!(plain_sum(&[u32::MAX, 2, 0], 0), 1);
        assert_eq!(plain_sum(&[1, 0, 0], u32::MAX), u32::MAX, "1 - 1 - 1");
    }

    #[test]
    fn a_limit_is_looked_at_now_and_then() {
        let limit = Limit::of(Duration::ZERO);
        std::thread::sleep(Duration::from_millis(1));
        assert!(limit.check(255).is_ok());
        assert_eq!(limit.check(256).map_err(|slow| slow.done), Err(256));
        assert!(Limit::of(Duration::from_secs(60)).check(256).is_ok());
    }
}
