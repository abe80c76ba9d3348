//! The words that lookups read, and the blocks they are given out in.
//!
//! Words are atomics read and written with relaxed ordering: on every machine
//! that is a plain load or store, and it keeps sharing them with readers within
//! safe Rust. What orders a block's words before their use is the publication
//! of the version that refers to them; what keeps them unchanged after it is
//! that a block is given out again only when no reader can reach it.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Words behind the last block, so that a load may reach past a block's end.
const PAD: usize = 2;

/// A fixed number of words, aligned to a cache line.
#[derive(Debug)]
pub(super) struct Words {
    words: Vec<AtomicU64>,
    start: usize,
    len: usize,
}

impl Words {
    const LINE: usize = 64;

    fn new(len: usize, from: &[AtomicU64]) -> Words {
        let spare = Self::LINE / size_of::<u64>() - 1;
        let mut words: Vec<AtomicU64> = Vec::with_capacity(len + PAD + spare);
        let start = words.as_ptr().align_offset(Self::LINE).min(spare);
        words.resize_with(start, Default::default);
        words.extend(from.iter().take(len).map(|word| AtomicU64::new(word.load(Relaxed))));
        words.resize_with(start + len + PAD, Default::default);
        Words { words, start, len }
    }

    /// The words, padding included.
    #[inline]
    pub fn as_slice(&self) -> &[AtomicU64] {
        &self.words[self.start..]
    }
}

/// Words with an allocator: blocks of 1 to some hundred words.
#[derive(Debug)]
pub(super) struct Memory {
    words: Arc<Words>,
    /// Words given out so far, free ones included.
    end: usize,
    /// Free blocks by size in words.
    free: Vec<Vec<u32>>,
    free_words: usize,
    /// Whether readers may hold a version: blocks then rest before they are reused.
    pub shared: bool,
    /// Blocks given back since [`Memory::take_retired`]: first word and size.
    retired: Vec<(u32, u32)>,
}

impl Memory {
    pub fn new(words: usize) -> Memory {
        Memory {
            words: Arc::new(Words::new(words, &[])),
            end: 0,
            free: Vec::new(),
            free_words: 0,
            shared: false,
            retired: Vec::new(),
        }
    }

    pub fn words(&self) -> &Arc<Words> {
        &self.words
    }

    #[inline]
    pub fn slice(&self) -> &[AtomicU64] {
        self.words.as_slice()
    }

    /// Words in blocks that are in use.
    pub fn used(&self) -> usize {
        self.end - self.free_words
    }

    pub fn free_words(&self) -> usize {
        self.free_words
    }

    pub fn heap_bytes(&self) -> usize {
        let lists: usize = self.free.iter().map(|list| list.capacity() * size_of::<u32>()).sum();
        self.words.words.capacity() * size_of::<u64>()
            + lists
            + self.free.capacity() * size_of::<Vec<u32>>()
            + self.retired.capacity() * size_of::<(u32, u32)>()
    }

    pub fn get(&self, at: usize) -> u64 {
        self.slice()[at].load(Relaxed)
    }

    pub fn set(&mut self, at: usize, word: u64) {
        self.slice()[at].store(word, Relaxed);
    }

    /// A block of uninitialised words.
    pub fn alloc(&mut self, size: usize) -> u32 {
        if let Some(start) = self.free.get_mut(size).and_then(Vec::pop) {
            self.free_words -= size;
            return start;
        }
        if self.end + size > self.words.len {
            if let Some(start) = self.split(size) {
                return start;
            }
            self.resize(self.words.len + (self.words.len / 4).max(size + 4096));
        }
        let start = self.end;
        self.end += size;
        assert!(self.end <= super::entry::WORD_MASK as usize, "more than 4 GiB of lookup memory");
        start as u32
    }

    /// The first part of a larger free block.
    fn split(&mut self, size: usize) -> Option<u32> {
        let larger = (size + 1..self.free.len()).find(|&s| !self.free[s].is_empty())?;
        let start = self.free[larger].pop()?;
        self.free_words -= larger;
        self.put_free(start + size as u32, larger - size);
        Some(start)
    }

    fn put_free(&mut self, start: u32, size: usize) {
        if self.free.len() <= size {
            self.free.resize_with(size + 1, Vec::new);
        }
        self.free[size].push(start);
        self.free_words += size;
    }

    /// Gives a block back.
    pub fn release(&mut self, start: u32, size: usize) {
        if self.shared {
            self.retired.push((start, size as u32));
        } else {
            self.put_free(start, size);
        }
    }

    /// What was given back while readers could still see it.
    pub fn take_retired(&mut self) -> Vec<(u32, u32)> {
        core::mem::take(&mut self.retired)
    }

    /// Makes retired blocks available, once no reader can see them.
    pub fn reuse(&mut self, blocks: &[(u32, u32)]) {
        for &(start, size) in blocks {
            self.put_free(start, size as usize);
        }
    }

    /// Gives back what was reserved beyond a sixteenth more than is used.
    pub fn trim(&mut self) {
        self.resize(self.end + self.end / 16);
    }

    fn resize(&mut self, len: usize) {
        self.words = Arc::new(Words::new(len, &self.slice()[..self.end]));
    }
}

impl Clone for Memory {
    /// A copy of its own, which no reader shares.
    fn clone(&self) -> Memory {
        let mut copy = Memory {
            words: Arc::new(Words::new(self.words.len, &self.slice()[..self.end])),
            end: self.end,
            free: self.free.clone(),
            free_words: self.free_words,
            shared: false,
            retired: Vec::new(),
        };
        copy.reuse(&self.retired);
        copy
    }
}
