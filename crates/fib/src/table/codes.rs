//! Values and the codes that stand for them in the compiled form.
//!
//! Code 0 is *no route*. While the values are small numbers, code *v* + 1
//! stands for value *v* and nothing has to be looked up. When few distinct
//! values are large, codes are places in a dictionary.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use super::NONE;

/// Bytes of an answer in a leaf block.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Width {
    One,
    Two,
    Four,
}

impl Width {
    /// The binary logarithm of the number of bytes.
    #[inline]
    pub fn shift(self) -> u32 {
        self as u32
    }

    /// The largest code.
    fn largest(self) -> u32 {
        match self {
            Width::One => 0xff,
            Width::Two => 0xffff,
            Width::Four => 0x7fff_ffff,
        }
    }

    fn holding(code: u32) -> Option<Width> {
        [Width::One, Width::Two, Width::Four].into_iter().find(|width| code <= width.largest())
    }
}

/// The dictionary's values by code, the part that lookups read. Entries are
/// added behind those that a published version knows.
pub(super) type Dictionary = Arc<[AtomicU32]>;

/// How values are written as codes.
#[derive(Debug)]
pub(super) struct Codes {
    width: Width,
    dictionary: Option<(Dictionary, BTreeMap<u32, u32>)>,
}

impl Codes {
    /// Codes for these values, as narrow as they can be.
    pub fn of(values: impl Iterator<Item = u32>) -> Codes {
        Self::choose(&distinct(values), 0)
    }

    /// `spare`: leave one in so many codes free.
    fn choose(values: &BTreeSet<u32>, spare: u32) -> Codes {
        let direct = Width::holding(values.last().map_or(0, |v| v.saturating_add(1)));
        let count = values.len() as u32;
        let indirect = Width::holding(count + count.checked_div(spare).unwrap_or(0)).unwrap_or(Width::Four);
        match direct {
            Some(width) if width <= indirect => Codes { width, dictionary: None },
            _ => {
                let mut codes = Codes { width: indirect, dictionary: Some((Arc::new([]), BTreeMap::new())) };
                for &value in values {
                    codes.encode(value);
                }
                codes
            }
        }
    }

    pub fn width(&self) -> Width {
        self.width
    }

    #[inline]
    pub fn dictionary(&self) -> Option<&Dictionary> {
        self.dictionary.as_ref().map(|(values, _)| values)
    }

    pub fn heap_bytes(&self) -> usize {
        // A map of so many pairs takes about one and a half times their size.
        self.dictionary.as_ref().map_or(0, |(values, codes)| values.len() * 4 + codes.len() * 12)
    }

    /// The code of a value, a new one if need be; `None` if there are no more
    /// codes of this width.
    pub fn encode(&mut self, value: u32) -> Option<u32> {
        let max = self.width.largest();
        let Some((values, codes)) = &mut self.dictionary else {
            return (value < max).then(|| value + 1);
        };
        if let Some(&code) = codes.get(&value) {
            return Some(code);
        }
        let code = codes.len() as u32 + 1;
        if code > max {
            return None;
        }
        if code as usize >= values.len() {
            let old = values.iter().map(|v| v.load(Relaxed));
            let room = (values.len() * 2).max(16);
            *values = old.chain(core::iter::repeat(NONE)).take(room).map(AtomicU32::new).collect();
        }
        values[code as usize].store(value, Relaxed);
        codes.insert(value, code);
        Some(code)
    }

    /// The value of a code other than 0.
    pub fn decode(&self, code: u32) -> u32 {
        decode(self.dictionary().map(|d| &**d), code)
    }

    /// Codes for these values, to take the place of others that ran out: with
    /// some to spare, so that this does not happen again soon.
    pub fn renewed(values: impl Iterator<Item = u32>) -> Codes {
        Self::choose(&distinct(values), 8)
    }
}

impl Clone for Codes {
    fn clone(&self) -> Codes {
        let copy = |values: &Dictionary| values.iter().map(|v| AtomicU32::new(v.load(Relaxed))).collect();
        let dictionary = self.dictionary.as_ref().map(|(values, codes)| (copy(values), codes.clone()));
        Codes { width: self.width, dictionary }
    }
}

/// The value of a code other than 0.
#[inline]
pub(super) fn decode(dictionary: Option<&[AtomicU32]>, code: u32) -> u32 {
    match dictionary {
        None => code.wrapping_sub(1),
        Some(values) => values.get(code as usize).map_or(NONE, |v| v.load(Relaxed)),
    }
}

fn distinct(values: impl Iterator<Item = u32>) -> BTreeSet<u32> {
    // Most tables have few distinct values, and those are small.
    const SMALL: usize = 1 << 16;
    let mut small = alloc::vec![0u64; SMALL / 64];
    let mut large = Vec::new();
    for value in values {
        match small.get_mut(value as usize / 64) {
            Some(word) => *word |= 1 << (value % 64),
            None => large.push(value),
        }
    }
    large.sort_unstable();
    large.dedup();
    let bits = small.iter().enumerate().filter(|(_, word)| **word != 0).flat_map(|(at, word)| {
        (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| at as u32 * 64 + bit)
    });
    bits.chain(large).collect()
}
