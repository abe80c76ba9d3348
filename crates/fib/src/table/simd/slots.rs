//! What the 64 slots of a node answer, gathered into a block's runs.
//!
//! Both steps go over all slots whatever the node holds, which is most of the
//! work of a change; with AVX-512 sixteen slots are one vector.

use super::Level;
#[cfg(target_arch = "x86_64")]
use super::{Kind, avx512};

/// Neighbouring slots with the same answer or entry, taken together.
pub(in crate::table) struct Runs {
    /// A bit for each slot, but the first, that differs from the one before.
    pub starts: u64,
    /// Of the first `count`: what each run has. With room to store whole vectors.
    pub entries: [u32; 64 + 16],
    pub count: usize,
}

impl Level {
    /// Writes one code after another to the slots that are set in `slots`.
    ///
    /// # Panics
    ///
    /// If there are fewer codes than slots.
    #[inline]
    pub(in crate::table) fn spread(self, slots: u64, codes: &[u32], entries: &mut [u32; 64]) {
        let codes = &codes[..slots.count_ones() as usize];
        #[cfg(target_arch = "x86_64")]
        if self.0 == Kind::Avx512 {
            return avx512::spread(slots, codes, entries);
        }
        let mut rest = slots;
        for code in codes {
            entries[rest.trailing_zeros() as usize % 64] = *code;
            rest &= rest.wrapping_sub(1);
        }
    }

    /// The runs of these slots.
    #[inline]
    pub(in crate::table) fn runs(self, entries: &[u32; 64]) -> Runs {
        #[cfg(target_arch = "x86_64")]
        if self.0 == Kind::Avx512 {
            return avx512::runs(entries);
        }
        let mut runs = Runs { starts: 0, entries: [entries[0]; 80], count: 1 };
        for slot in 1..64 {
            // The slot behind the last run is written as well, until it is one.
            let differs = entries[slot] != entries[slot - 1];
            runs.starts |= u64::from(differs) << slot;
            runs.entries[runs.count % 64] = entries[slot];
            runs.count += usize::from(differs);
        }
        runs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fingerpost_net::Rng;

    /// The most obvious way, against all levels.
    #[test]
    fn every_level_spreads_and_gathers_alike() {
        let mut rng = Rng::new(3);
        // Miri takes a second for some thousand steps.
        for round in 0..if cfg!(miri) { 10 } else { 2000u64 } {
            let slots = match round {
                0 => 0,
                1 => u64::MAX,
                _ => rng.next_u64() & rng.next_u64(),
            };
            let kinds = 1 + rng.below(4);
            let codes: [u32; 64] = core::array::from_fn(|_| rng.below(kinds) as u32);
            let before: [u32; 64] = core::array::from_fn(|_| rng.below(kinds) as u32);
            let mut expected = before;
            let set = (0..64).filter(|slot| slots >> slot & 1 == 1);
            set.zip(codes).for_each(|(slot, code)| expected[slot] = code);
            let mut runs = alloc::vec![expected[0]];
            let mut starts = 0u64;
            for slot in 1..64 {
                if expected[slot] != expected[slot - 1] {
                    runs.push(expected[slot]);
                    starts |= 1 << slot;
                }
            }
            for level in Level::all() {
                let mut entries = before;
                level.spread(slots, &codes, &mut entries);
                assert_eq!(entries, expected, "{level:?}");
                let found = level.runs(&entries);
                assert_eq!((found.starts, found.count), (starts, runs.len()), "{level:?}");
                assert_eq!(found.entries[..found.count], runs, "{level:?}");
            }
        }
    }
}
