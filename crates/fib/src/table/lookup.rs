//! Looking up in the compiled form, portably: no `unsafe`, no intrinsics.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use fingerpost_net::Ip;

use super::NONE;
use super::codes::{Width, decode};
use super::dir24::Dir24View;
use super::entry::{INNER, IS_BLOCK, KIND_SHIFT, LEAF, WORD_MASK};
use super::fib::Shape;

/// All that a lookup reads, of one version.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub paths: Paths<'a>,
    /// To be used in place of `paths`, if there.
    pub dir24: Option<Dir24View<'a>>,
    pub answers: Answers<'a>,
}

/// From addresses to codes.
#[derive(Clone, Copy)]
pub(super) struct Paths<'a> {
    /// Pages and blocks.
    pub words: &'a [AtomicU64],
    /// The first word of each page.
    pub top: &'a [u32],
    /// Bytes of a code in leaf blocks.
    pub width: Width,
}

/// From codes to values.
#[derive(Clone, Copy)]
pub(super) struct Answers<'a> {
    /// The values by code, unless values are codes less one.
    pub dictionary: Option<&'a [AtomicU32]>,
    /// The value of the prefix of length zero, else [`NONE`].
    pub default: u32,
}

impl Answers<'_> {
    #[inline]
    pub fn value(&self, code: u32) -> u32 {
        if code == 0 { self.default } else { decode(self.dictionary, code) }
    }

    /// The value of each code. (Inlined, to use what instructions the caller does.)
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    pub fn values(&self, codes: &[u32], values: &mut [u32]) {
        for (value, &code) in values.iter_mut().zip(codes) {
            *value = match self.dictionary {
                None if code != 0 => code.wrapping_sub(1),
                _ => self.value(code),
            };
        }
    }
}

/// An address as a left-aligned number, as wide as the family needs.
pub(super) trait Key: Copy {
    fn of<I: Ip>(addr: I) -> Self;
    /// The first 64 bits.
    fn head(self) -> u64;
    /// Drops the first bits.
    fn skip(self, bits: u32) -> Self;
}

impl Key for u64 {
    #[inline(always)]
    fn of<I: Ip>(addr: I) -> u64 {
        (addr.to_key() >> 64) as u64
    }
    #[inline(always)]
    fn head(self) -> u64 {
        self
    }
    #[inline(always)]
    fn skip(self, bits: u32) -> u64 {
        self << bits
    }
}

impl Key for u128 {
    #[inline(always)]
    fn of<I: Ip>(addr: I) -> u128 {
        addr.to_key()
    }
    #[inline(always)]
    fn head(self) -> u64 {
        (self >> 64) as u64
    }
    #[inline(always)]
    fn skip(self, bits: u32) -> u128 {
        self << bits
    }
}

/// A half of a word; `at` counts halves.
#[inline(always)]
fn half(words: &[AtomicU64], at: usize) -> u32 {
    (words[at / 2].load(Relaxed) >> ((at & 1) * 32)) as u32
}

impl Paths<'_> {
    /// The code for an address.
    #[inline(always)]
    pub fn code<I: Ip>(self, addr: I) -> u32 {
        if I::WIDTH == 32 {
            self.by_key(Shape::V4, u64::of(addr))
        } else {
            self.by_key(Shape::V6, u128::of(addr))
        }
    }

    #[inline(always)]
    fn by_key<K: Key>(self, shape: Shape, key: K) -> u32 {
        let entry = self.first(shape, key.head());
        let rest = key.skip(shape.depth().into());
        if entry >> KIND_SHIFT > LEAF {
            return self.descend(rest, entry);
        }
        // An answer or a leaf: which of them cannot be foretold, so both are
        // computed (for an answer, from the first words, which are in reach).
        let is_leaf = (entry.cast_signed() >> 31).cast_unsigned();
        let at = (entry & WORD_MASK & is_leaf) as usize;
        let run = run(self.words[at].load(Relaxed), rest.head());
        self.code_at(at, run) & is_leaf | entry & !is_leaf
    }

    /// The entry that the directory and a page give for the first 64 bits.
    #[inline(always)]
    fn first(self, shape: Shape, head: u64) -> u32 {
        let page = self.top[(head >> (64 - shape.top)) as usize];
        let at = head >> (64 - shape.depth()) & ((1 << shape.page) - 1);
        half(self.words, page as usize * 2 + at as usize)
    }

    /// From an entry that is an inner or skip block to a code; `key` begins
    /// with the bits that the block decides.
    #[inline(always)]
    fn descend<K: Key>(self, mut key: K, mut entry: u32) -> u32 {
        loop {
            let at = (entry & WORD_MASK) as usize;
            let word = self.words[at].load(Relaxed);
            match entry >> KIND_SHIFT {
                LEAF => return self.code_at(at, run(word, key.head())),
                INNER => {
                    entry = half(self.words, at * 2 + 2 + run(word, key.head()));
                    key = key.skip(6);
                }
                _ => {
                    // The lowest one ends the bits to compare.
                    let end = word.trailing_zeros();
                    let entries = self.words[at + 1].load(Relaxed);
                    let same = (key.head() ^ word) >> end >> 1 == 0;
                    entry = if same { entries as u32 } else { (entries >> 32) as u32 };
                    key = key.skip(63 - end);
                }
            }
            if entry & IS_BLOCK == 0 {
                return entry;
            }
        }
    }

    /// The code of a run of the leaf block at a word.
    #[inline(always)]
    fn code_at(self, at: usize, run: usize) -> u32 {
        let word = |index: usize| self.words[at + 1 + index].load(Relaxed);
        // Which one is the same for a whole table, so that the machine foretells it.
        match self.width {
            Width::One => u32::from((word(run / 8) >> (run % 8 * 8)) as u8),
            Width::Two => u32::from((word(run / 4) >> (run % 4 * 16)) as u16),
            Width::Four => (word(run / 2) >> (run % 2 * 32)) as u32,
        }
    }
}

/// The run that the slot of a key's first six bits belongs to.
#[inline(always)]
fn run(starts: u64, head: u64) -> usize {
    (starts << (63 - (head >> 58))).count_ones() as usize
}

const _: () = assert!(NONE == u32::MAX, "code 0 less one");
