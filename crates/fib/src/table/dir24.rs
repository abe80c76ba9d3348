//! The other compiled form, for IPv4: DIR-24-8.
//!
//! One entry for each of the 2^24 /24s, which answers or names a *group* of
//! 256 answers, one for each address. Nearly every lookup is a single load, of
//! 32 MB: the fastest form for traffic to few destinations, whose entries stay
//! in the cache, and one cache miss otherwise.
//!
//! It is made from the other form, /24 by /24, and brought in step with it
//! after each change; the entries stand in pages of 4,096, which are copied
//! once readers may have seen them.

use alloc::vec::Vec;
use core::net::Ipv4Addr;
use core::ops::Range;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::codes::Width;
use super::entry::{Block, Entry};
use super::fib::{Fib, Shape};
use super::lookup::Paths;
use super::memory::Memory;

/// Address bits that index a page.
const PAGE: u32 = 12;
const PAGES: usize = 1 << (24 - PAGE);
const GROUP: usize = 256;

/// 2^24 entries, of two bytes while there are fewer than 2^15 codes and
/// groups, else of four. The highest bit says that the rest is a group's number.
#[derive(Clone, Debug)]
pub(super) struct Dir24 {
    /// Pages of entries.
    pub pages: Memory,
    /// Groups of answers; a group's number is its place.
    pub groups: Memory,
    /// The first word of each page.
    pub top: Vec<u32>,
    pub wide: bool,
}

/// What a lookup reads.
#[derive(Clone, Copy)]
pub(super) struct Dir24View<'a> {
    pub pages: &'a [AtomicU64],
    pub groups: &'a [AtomicU64],
    pub top: &'a [u32],
    pub wide: bool,
}

impl Dir24View<'_> {
    /// The code for an address.
    #[inline(always)]
    pub fn code(self, addr: u32) -> u32 {
        let page = self.top[(addr >> (8 + PAGE)) as usize] as usize;
        let at = (addr >> 8) as usize % (1 << PAGE);
        let entry = number(self.pages, page, at, self.wide);
        let flag = flag(self.wide);
        if entry & flag == 0 {
            return entry;
        }
        let group = (entry & !flag) as usize * group_words(self.wide);
        number(self.groups, group, addr as usize % GROUP, self.wide)
    }
}

/// The number at a place behind a word.
#[inline(always)]
fn number(words: &[AtomicU64], word: usize, at: usize, wide: bool) -> u32 {
    if wide {
        (words[word + at / 2].load(Relaxed) >> (at % 2 * 32)) as u32
    } else {
        u32::from((words[word + at / 4].load(Relaxed) >> (at % 4 * 16)) as u16)
    }
}

#[inline(always)]
pub(super) const fn flag(wide: bool) -> u32 {
    if wide { 1 << 31 } else { 1 << 15 }
}

#[inline(always)]
pub(super) const fn group_words(wide: bool) -> usize {
    if wide { GROUP / 2 } else { GROUP / 4 }
}

const fn page_words(wide: bool) -> usize {
    if wide { 1 << (PAGE - 1) } else { 1 << (PAGE - 2) }
}

impl Dir24 {
    /// Everything, from the other form.
    pub fn of(fib: &Fib) -> Dir24 {
        Self::of_width(fib, fib.width == Width::Four).unwrap_or_else(|| Self::of(fib))
    }

    fn of_width(fib: &Fib, wide: bool) -> Option<Dir24> {
        let mut pages = Memory::new(PAGES * page_words(wide));
        let top = (0..PAGES).map(|_| pages.alloc(page_words(wide))).collect();
        let mut dir = Dir24 { pages, groups: Memory::new(group_words(wide)), top, wide };
        if dir.update(fib, 0..1 << 24, true) { Some(dir) } else { Self::of_width(fib, true) }
    }

    pub fn view(&self) -> Dir24View<'_> {
        Dir24View { pages: self.pages.slice(), groups: self.groups.slice(), top: &self.top, wide: self.wide }
    }

    pub fn lookup_bytes(&self) -> usize {
        (self.pages.used() + self.groups.used()) * size_of::<u64>() + self.top.capacity() * size_of::<u32>()
    }

    pub fn heap_bytes(&self) -> usize {
        self.pages.heap_bytes() + self.groups.heap_bytes() + self.top.capacity() * size_of::<u32>()
    }

    /// Brings the /24s that a changed prefix covers, or the one it lies in, in
    /// step. `false` if the entries are too narrow by now: then all has to be
    /// made anew.
    #[must_use]
    pub fn refresh(&mut self, fib: &Fib, key: u128, len: u8) -> bool {
        let first = (key >> 104) as usize;
        self.update(fib, first..first + (1 << 24u8.saturating_sub(len)), false)
    }

    fn update(&mut self, fib: &Fib, range: Range<usize>, fresh: bool) -> bool {
        if fib.width == Width::Four && !self.wide {
            return false;
        }
        const BLOCK: usize = 1 << (24 - Shape::V4.depth());
        for block in range.start / BLOCK..range.end.div_ceil(BLOCK) {
            let entries = slots(fib, fib.get(block));
            let start = range.start.max(block * BLOCK);
            for at in start..range.end.min((block + 1) * BLOCK) {
                if !self.set(fib, at, entries[at % BLOCK], fresh) {
                    return false;
                }
            }
        }
        true
    }

    /// Sets the entry of a /24 to what the other form has: an answer, or a block
    /// (in which case its 256 addresses are looked up).
    fn set(&mut self, fib: &Fib, at: usize, entry: Option<u32>, fresh: bool) -> bool {
        let flag = flag(self.wide);
        let (page, place) = (at >> PAGE, at % (1 << PAGE));
        let old = match fresh {
            true => 0,
            false => number(self.pages.slice(), self.top[page] as usize, place, self.wide),
        };
        let new = match entry {
            Some(code) => code,
            None => {
                let paths = Paths { words: fib.memory.slice(), top: &fib.top, width: fib.width };
                let first = (at as u32) << 8;
                let codes: [u32; GROUP] =
                    core::array::from_fn(|host| paths.code(Ipv4Addr::from_bits(first | host as u32)));
                if codes.iter().all(|&code| code == codes[0]) {
                    codes[0]
                } else {
                    let Some(group) = self.add_group(&codes) else { return false };
                    group | flag
                }
            }
        };
        if new & flag != 0 && entry.is_some() {
            return false;
        }
        if old & flag != 0 {
            let words = group_words(self.wide);
            self.groups.release((old & !flag) * words as u32, words);
        }
        if new != old || fresh {
            let words = self.page_for_change(page);
            put(&mut self.pages, words, place, new, self.wide);
        }
        true
    }

    fn add_group(&mut self, codes: &[u32; GROUP]) -> Option<u32> {
        let words = group_words(self.wide);
        let start = self.groups.alloc(words);
        for (at, &code) in codes.iter().enumerate() {
            put(&mut self.groups, start, at, code, self.wide);
        }
        let number = start / words as u32;
        (number & flag(self.wide) == 0).then_some(number)
    }

    fn page_for_change(&mut self, page: usize) -> u32 {
        let old = self.top[page];
        if self.pages.is_new(old) {
            return old;
        }
        let words = page_words(self.wide);
        let new = self.pages.alloc(words);
        self.pages.copy(old, new, words);
        self.pages.release(old, words);
        self.top[page] = new;
        new
    }
}

/// Writes the number at a place behind a word.
fn put(memory: &mut Memory, word: u32, at: usize, number: u32, wide: bool) {
    let (in_word, bits) = if wide { (2, 32) } else { (4, 16) };
    let (word, shift) = (word as usize + at / in_word, at % in_word * bits);
    let mask = (u64::MAX >> (64 - bits)) << shift;
    memory.set(word, memory.get(word) & !mask | u64::from(number) << shift & mask);
}

/// What an entry at depth 18 says about each of its /24s: a code, or `None`
/// where longer prefixes decide.
fn slots(fib: &Fib, entry: Entry) -> [Option<u32>; 64] {
    let answer = |entry: Entry| (!entry.is_block()).then_some(entry.0);
    let Some((kind, word)) = entry.as_block() else { return [answer(entry); 64] };
    if kind == Block::Skip {
        let (bits, _, _, other) = fib.skip(word);
        let mut slots = [answer(other); 64];
        slots[(bits >> 58) as usize] = None;
        return slots;
    }
    let starts = fib.memory.get(word);
    let mut run = 0;
    core::array::from_fn(|slot| {
        run += usize::from(slot > 0 && starts >> slot & 1 == 1);
        answer(fib.run(kind, word, run))
    })
}
