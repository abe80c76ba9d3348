//! The words that lookups read, and the blocks they are given out in.
//!
//! Words are atomics read and written with relaxed ordering: on every machine
//! that is a plain load or store, and it keeps sharing them with readers within
//! safe Rust. What orders a block's words before their use is the publication
//! of the version that refers to them; what keeps them unchanged after it is
//! that a block is given out again only when no reader can reach it.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::words::Words;

/// How long a block has been in use; kept for its first word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Age {
    /// A snapshot may refer to it.
    Kept,
    /// Published since the last snapshot was taken.
    Published,
    /// No reader has seen it.
    New,
}

/// First word and size of a block.
type Extent = (u32, u32);

/// Blocks that versions up to one with this number refer to.
#[derive(Debug)]
struct Retired {
    version: u64,
    /// No snapshot refers to these.
    published: Vec<Extent>,
    kept: Vec<Extent>,
}

/// Words to have ahead of use, at least. Miri takes its time for each.
pub(super) const RESERVE: usize = if cfg!(miri) { 64 } else { 4096 };

/// Words of a cache line.
const LINE: usize = 64 / size_of::<u64>();

/// Words with an allocator: blocks of 1 to some hundred words.
#[derive(Debug)]
pub(super) struct Memory {
    words: Arc<Words>,
    /// Words given out so far, free ones included.
    end: usize,
    /// Free blocks by size in words.
    free: Vec<Vec<u32>>,
    free_words: usize,
    /// What only a writer with readers needs.
    sharing: Option<Sharing>,
}

#[derive(Debug, Default)]
struct Sharing {
    ages: Vec<Age>,
    /// Blocks given out since the last publication.
    new: Vec<u32>,
    /// Blocks given back since then that readers may see.
    published: Vec<Extent>,
    kept: Vec<Extent>,
    /// The same for earlier versions, oldest first.
    retired: VecDeque<Retired>,
    /// Blocks that wait for snapshots alone.
    waiting: Vec<(u64, Vec<Extent>)>,
}

impl Memory {
    pub fn new(words: usize) -> Memory {
        Memory {
            words: Arc::new(Words::new(words, &[])),
            end: 0,
            free: Vec::new(),
            free_words: 0,
            sharing: None,
        }
    }

    pub fn words(&self) -> &Arc<Words> {
        &self.words
    }

    #[inline]
    pub fn slice(&self) -> &[AtomicU64] {
        self.words.as_slice()
    }

    /// Words in blocks that are in use, or that some reader may use.
    pub fn used(&self) -> usize {
        self.end - self.free_words
    }

    /// Whether most of the memory is free blocks, in pieces that may not fit.
    pub fn is_wasteful(&self) -> bool {
        self.free_words > self.used() + (1 << 16)
    }

    pub fn heap_bytes(&self) -> usize {
        let lists: usize = self.free.iter().map(|list| list.capacity() * size_of::<u32>()).sum();
        let ages = self.sharing.as_ref().map_or(0, |sharing| sharing.ages.capacity());
        self.words.bytes() + lists + self.free.capacity() * size_of::<Vec<u32>>() + ages
    }

    pub fn get(&self, at: usize) -> u64 {
        self.slice()[at].load(Relaxed)
    }

    pub fn set(&mut self, at: usize, word: u64) {
        self.slice()[at].store(word, Relaxed);
    }

    /// Copies a number of words.
    pub fn copy(&mut self, from: u32, to: u32, words: usize) {
        let from = &self.slice()[from as usize..][..words];
        let to = &self.slice()[to as usize..][..words];
        to.iter().zip(from).for_each(|(to, from)| to.store(from.load(Relaxed), Relaxed));
    }

    /// A block of uninitialised words.
    pub fn alloc(&mut self, size: usize) -> u32 {
        let start = self.find(size);
        if let Some(sharing) = &mut self.sharing {
            let ages = self.words.len().max(start as usize + 1);
            if sharing.ages.len() < ages {
                sharing.ages.resize(ages, Age::Published);
            }
            sharing.ages[start as usize] = Age::New;
            sharing.new.push(start);
        }
        start
    }

    fn find(&mut self, size: usize) -> u32 {
        if let Some(start) = self.free.get_mut(size).and_then(Vec::pop) {
            self.free_words -= size;
            return start;
        }
        // What fits a cache line is not laid across two; what is left over is for smaller blocks.
        let left = LINE - self.end % LINE;
        let skipped = if left < size && size <= LINE { left } else { 0 };
        if self.end + skipped + size > self.words.len() {
            if let Some(start) = self.split(size) {
                return start;
            }
            self.resize(self.words.len() + (self.words.len() / 4).max(skipped + size + RESERVE));
        }
        if skipped > 0 {
            self.put_free(self.end as u32, skipped);
        }
        let start = self.end + skipped;
        self.end = start + size;
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

    /// Whether a block may be written: no reader can have seen it.
    pub fn is_new(&self, start: u32) -> bool {
        self.sharing.as_ref().is_none_or(|sharing| sharing.ages[start as usize] == Age::New)
    }

    /// Gives a block back: at once, or once no reader can see it.
    pub fn release(&mut self, start: u32, size: usize) {
        let Some(sharing) = &mut self.sharing else { return self.put_free(start, size) };
        match sharing.ages[start as usize] {
            Age::New => self.put_free(start, size),
            Age::Published => sharing.published.push((start, size as u32)),
            Age::Kept => sharing.kept.push((start, size as u32)),
        }
    }

    /// From now on there may be readers: of all that is there.
    pub fn share(&mut self) {
        let ages = alloc::vec![Age::Published; self.words.len()];
        self.sharing.get_or_insert_with(|| Sharing { ages, ..Sharing::default() });
    }

    pub fn is_shared(&self) -> bool {
        self.sharing.is_some()
    }

    /// The version with this number is replaced by what is there now.
    pub fn publish(&mut self, version: u64) {
        let Some(sharing) = &mut self.sharing else { return };
        for start in sharing.new.drain(..) {
            let age = &mut sharing.ages[start as usize];
            if *age == Age::New {
                *age = Age::Published;
            }
        }
        let (published, kept) = (core::mem::take(&mut sharing.published), core::mem::take(&mut sharing.kept));
        sharing.retired.push_back(Retired { version, published, kept });
    }

    /// A snapshot is taken of what was published last.
    pub fn keep(&mut self) {
        let Some(sharing) = &mut self.sharing else { return };
        for age in &mut sharing.ages {
            if *age == Age::Published {
                *age = Age::Kept;
            }
        }
        // What was given back since the publication belongs to the snapshot.
        let given = core::mem::take(&mut sharing.published);
        sharing.kept.extend(given);
    }

    /// Makes blocks available again that no reader sees: readers use the
    /// version `reader` or later ones, snapshots are of `snapshot` or later.
    pub fn reclaim(&mut self, reader: u64, snapshot: u64) {
        let Some(mut sharing) = self.sharing.take() else { return };
        while let Some(retired) = sharing.retired.pop_front_if(|retired| retired.version < reader) {
            self.put_all_free(&retired.published);
            if !retired.kept.is_empty() {
                sharing.waiting.push((retired.version, retired.kept));
            }
        }
        sharing.waiting.retain(|(version, blocks)| {
            let wait = *version >= snapshot;
            if !wait {
                self.put_all_free(blocks);
            }
            wait
        });
        self.sharing = Some(sharing);
    }

    fn put_all_free(&mut self, blocks: &[Extent]) {
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
            words: Arc::new(Words::new(self.words.len(), &self.slice()[..self.end])),
            end: self.end,
            free: self.free.clone(),
            free_words: self.free_words,
            sharing: None,
        };
        if let Some(sharing) = &self.sharing {
            copy.put_all_free(&sharing.published);
            copy.put_all_free(&sharing.kept);
            for retired in &sharing.retired {
                copy.put_all_free(&retired.published);
                copy.put_all_free(&retired.kept);
            }
            for (_, blocks) in &sharing.waiting {
                copy.put_all_free(blocks);
            }
        }
        copy
    }
}
