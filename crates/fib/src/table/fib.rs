//! The compiled form: a directory of pages, pages of entries, blocks.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::Range;

use fingerpost_net::Ip;

use super::codes::Width;
use super::entry::{Block, Entry};
use super::memory::Memory;

/// How many address bits are decided before the first block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// Bits that index the directory.
    pub top: u8,
    /// Bits that index a page.
    pub page: u8,
}

impl Shape {
    // Miri takes a millisecond for some ten entries, and minutes to fill pages of full size.
    pub const V4: Shape = if cfg!(miri) { Shape { top: 6, page: 6 } } else { Shape { top: 9, page: 9 } };
    pub const V6: Shape = if cfg!(miri) { Shape { top: 6, page: 6 } } else { Shape { top: 14, page: 10 } };

    pub const fn of<I: Ip>() -> Shape {
        if I::WIDTH == 32 { Shape::V4 } else { Shape::V6 }
    }

    /// Bits decided by both: the depth of the first block.
    pub const fn depth(self) -> u8 {
        self.top + self.page
    }

    fn page_words(self) -> usize {
        1 << (self.page - 1)
    }
}

/// The page without any answer. It is never given back.
const EMPTY_PAGE: u32 = 0;

/// Pages of one answer only, which stand in many places of the directory.
#[derive(Clone, Debug, Default)]
struct Uniform {
    /// First word by answer.
    pages: BTreeMap<u32, u32>,
    /// Answer and number of places by first word.
    uses: BTreeMap<u32, (u32, usize)>,
}

/// The compiled form of a table.
#[derive(Clone, Debug)]
pub(super) struct Fib {
    pub memory: Memory,
    /// The first word of each page.
    pub top: Vec<u32>,
    uniform: Uniform,
    pub shape: Shape,
    pub width: Width,
}

impl Fib {
    pub fn new(shape: Shape, width: Width, words: usize) -> Fib {
        let mut memory = Memory::new(words.max(shape.page_words()));
        let empty = memory.alloc(shape.page_words());
        debug_assert_eq!(empty, EMPTY_PAGE);
        for at in 0..shape.page_words() {
            memory.set(at, 0);
        }
        let pages = 1 << shape.top;
        Fib { memory, top: alloc::vec![EMPTY_PAGE; pages], uniform: Uniform::default(), shape, width }
    }

    pub fn heap_bytes(&self) -> usize {
        self.memory.heap_bytes() + self.lookup_overhead()
    }

    /// Bytes that lookups may touch.
    pub fn lookup_bytes(&self) -> usize {
        self.memory.used() * size_of::<u64>() + self.lookup_overhead()
    }

    fn lookup_overhead(&self) -> usize {
        self.top.capacity() * size_of::<u32>()
    }

    /// One entry.
    pub fn get(&self, slot: usize) -> Entry {
        let page = self.top[slot >> self.shape.page] as usize;
        let at = page * 2 + (slot & ((1 << self.shape.page) - 1));
        Entry((self.memory.get(at / 2) >> ((at & 1) * 32)) as u32)
    }

    /// Changes one entry.
    pub fn set(&mut self, slot: usize, entry: Entry) {
        let at = (slot >> self.shape.page, slot & ((1 << self.shape.page) - 1));
        let page = self.page_for_change(at.0);
        put_half(&mut self.memory, page as usize * 2 + at.1, entry.0);
    }

    /// Gives a range of entries the same answer.
    pub fn fill(&mut self, range: Range<usize>, answer: Entry) {
        let size = 1 << self.shape.page;
        let mut start = range.start;
        while start < range.end {
            let (page, first) = (start >> self.shape.page, start & (size - 1));
            let last = (range.end - start + first).min(size);
            start += last - first;
            if last - first == size {
                self.put_uniform(page, answer);
                continue;
            }
            let words = self.page_for_change(page) as usize;
            (first..last).for_each(|at| put_half(&mut self.memory, words * 2 + at, answer.0));
        }
    }

    /// Whether a page may be changed in place: it is in one place only, and no
    /// reader has seen it.
    fn is_own(&self, words: u32) -> bool {
        words != EMPTY_PAGE && !self.uniform.uses.contains_key(&words) && self.memory.is_new(words)
    }

    /// Puts a page of one answer into the directory.
    fn put_uniform(&mut self, page: usize, answer: Entry) {
        let size = self.shape.page_words();
        let words = match self.uniform.pages.get(&answer.0) {
            _ if answer == Entry::NONE => EMPTY_PAGE,
            Some(&words) => words,
            None => {
                let words = self.memory.alloc(size);
                let word = u64::from(answer.0) << 32 | u64::from(answer.0);
                (0..size).for_each(|at| self.memory.set(words as usize + at, word));
                self.uniform.pages.insert(answer.0, words);
                words
            }
        };
        if words == self.top[page] {
            return;
        }
        if words != EMPTY_PAGE {
            self.uniform.uses.entry(words).or_insert((answer.0, 0)).1 += 1;
        }
        self.replace_page(page, words);
    }

    /// Puts another page into the directory, and gives the old one back.
    fn replace_page(&mut self, page: usize, new: u32) {
        let old = core::mem::replace(&mut self.top[page], new);
        if old == EMPTY_PAGE {
            return;
        }
        if let Some((answer, uses)) = self.uniform.uses.get_mut(&old) {
            *uses -= 1;
            if *uses > 0 {
                return;
            }
            self.uniform.pages.remove(answer);
            self.uniform.uses.remove(&old);
        }
        self.memory.release(old, self.shape.page_words());
    }

    /// The first word of a page that may be written: itself, or a copy.
    fn page_for_change(&mut self, page: usize) -> u32 {
        if self.is_own(self.top[page]) {
            return self.top[page];
        }
        let size = self.shape.page_words();
        let new = self.memory.alloc(size);
        self.memory.copy(self.top[page], new, size);
        self.replace_page(page, new);
        new
    }

    /// A new block of 64 slots in runs: `starts` has a bit for each slot but
    /// the first that differs from the one before; `runs` gives each run's answer.
    pub fn add_runs(&mut self, kind: Block, starts: u64, runs: &[u32]) -> Entry {
        let width = self.width_in(kind);
        let size = 1 + (runs.len() << width.shift()).div_ceil(8);
        let block = self.memory.alloc(size);
        self.memory.set(block as usize, starts);
        let per_word = 8 >> width.shift();
        for (at, chunk) in runs.chunks(per_word).enumerate() {
            let word = chunk.iter().rev().fold(0, |word: u64, &run| {
                // The first shift of a word is of zero.
                word.unbounded_shl(8 << width.shift()) | u64::from(run)
            });
            self.memory.set(block as usize + 1 + at, word);
        }
        Entry::block(kind, block)
    }

    /// The answer or entry of a run of the leaf or inner block at a word.
    pub fn run(&self, kind: Block, word: usize, run: usize) -> Entry {
        let shift = self.width_in(kind).shift();
        let place = run << shift;
        let bits = self.memory.get(word + 1 + place / 8) >> (place % 8 * 8);
        Entry(bits as u32 & (u32::MAX >> (32 - (8 << shift))))
    }

    /// A new block that compares `len` bits, 1 to 63, at the top of `bits`.
    pub fn add_skip(&mut self, bits: u64, len: u32, same: Entry, other: Entry) -> Entry {
        debug_assert!((1..64).contains(&len));
        let block = self.memory.alloc(2);
        let end = 1 << (63 - len);
        self.memory.set(block as usize, bits & !(end | (end - 1)) | end);
        self.memory.set(block as usize + 1, u64::from(other.0) << 32 | u64::from(same.0));
        Entry::block(Block::Skip, block)
    }

    /// The parts of a skip block: bits at the top, their number, and both entries.
    pub fn skip(&self, word: usize) -> (u64, u32, Entry, Entry) {
        let (bits, entries) = (self.memory.get(word), self.memory.get(word + 1));
        let len = 63 - bits.trailing_zeros();
        (bits & (bits - 1), len, Entry(entries as u32), Entry((entries >> 32) as u32))
    }

    /// Gives one block back, not those that it refers to.
    pub fn release(&mut self, entry: Entry) {
        let Some((kind, word)) = entry.as_block() else { return };
        let size = match kind {
            Block::Skip => 2,
            _ => {
                let runs = 1 + self.memory.get(word).count_ones() as usize;
                1 + (runs << self.width_in(kind).shift()).div_ceil(8)
            }
        };
        self.memory.release(word as u32, size);
    }

    fn width_in(&self, kind: Block) -> Width {
        if kind == Block::Leaf { self.width } else { Width::Four }
    }
}

/// Writes one half of a word; `at` counts halves.
fn put_half(memory: &mut Memory, at: usize, half: u32) {
    let shift = (at & 1) * 32;
    let word = memory.get(at / 2) & !(0xffff_ffff << shift) | u64::from(half) << shift;
    memory.set(at / 2, word);
}
