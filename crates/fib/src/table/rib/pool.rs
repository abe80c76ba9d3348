//! Small arrays of varying length in one vector.
//!
//! A node's values, and its children, are arrays of 1 to 126 items that grow
//! and shrink by one. They are kept in blocks whose capacities are a handful
//! of size classes; a free block is reused by the next array of its class.

use alloc::vec::Vec;

/// Capacities of blocks, in items.
const CAPACITIES: [u8; 24] =
    [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 126];

/// The class of the smallest block for each length.
const CLASS: [u8; 127] = {
    let mut table = [0; 127];
    let (mut len, mut class) = (1, 0);
    while len < 127 {
        if len > CAPACITIES[class] as usize {
            class += 1;
        }
        table[len] = class as u8;
        len += 1;
    }
    table
};

fn class(len: usize) -> usize {
    usize::from(CLASS[len])
}

/// Arrays of `T`; each is named by where it starts, and its owner knows its length.
#[derive(Clone)]
pub(super) struct Pool<T> {
    items: Vec<T>,
    free: [Vec<u32>; CAPACITIES.len()],
}

impl<T: Copy> Pool<T> {
    pub fn new() -> Self {
        Pool { items: Vec::new(), free: [const { Vec::new() }; CAPACITIES.len()] }
    }

    pub fn heap_bytes(&self) -> usize {
        let free: usize = self.free.iter().map(|list| list.capacity() * size_of::<u32>()).sum();
        self.items.capacity() * size_of::<T>() + free
    }

    pub fn shrink_to_fit(&mut self) {
        self.items.shrink_to_fit();
    }

    pub fn item(&self, index: u32) -> &T {
        &self.items[index as usize]
    }

    pub fn item_mut(&mut self, index: u32) -> &mut T {
        &mut self.items[index as usize]
    }

    pub fn array(&self, start: u32, len: usize) -> &[T] {
        if len == 0 { &[] } else { &self.items[start as usize..][..len] }
    }

    /// Every item, those of free blocks included.
    pub fn all_mut(&mut self) -> &mut [T] {
        &mut self.items
    }

    /// A new array with these items.
    pub fn alloc(&mut self, items: &[T]) -> u32 {
        let Some(&first) = items.first() else { return 0 };
        let start = self.reserve(items.len(), first);
        self.items[start as usize..][..items.len()].copy_from_slice(items);
        start
    }

    /// Gives the block of an array of `len` items back.
    pub fn free(&mut self, start: u32, len: usize) {
        if len > 0 {
            self.free[class(len)].push(start);
        }
    }

    /// Puts an item into an array of `len` items; the array may move.
    pub fn insert(&mut self, start: u32, len: usize, at: usize, item: T) -> u32 {
        if len > 0 && class(len) == class(len + 1) {
            let block = &mut self.items[start as usize..][..len + 1];
            block.copy_within(at..len, at + 1);
            block[at] = item;
            return start;
        }
        let new = self.reserve(len + 1, item) as usize;
        let old = start as usize;
        self.items.copy_within(old..old + at, new);
        self.items[new + at] = item;
        self.items.copy_within(old + at..old + len, new + at + 1);
        self.free(start, len);
        new as u32
    }

    /// Takes an item out of an array of `len` items; the array may move.
    pub fn remove(&mut self, start: u32, len: usize, at: usize) -> u32 {
        let old = start as usize;
        if len == 1 || class(len) == class(len - 1) {
            self.items.copy_within(old + at + 1..old + len, old + at);
            if len == 1 {
                self.free(start, 1);
            }
            return start;
        }
        let new = self.reserve(len - 1, self.items[old]) as usize;
        self.items.copy_within(old..old + at, new);
        self.items.copy_within(old + at + 1..old + len, new + at);
        self.free(start, len);
        new as u32
    }

    /// A block for `len` items; a new one is filled with `filler`.
    fn reserve(&mut self, len: usize, filler: T) -> u32 {
        let class = class(len);
        if let Some(start) = self.free[class].pop() {
            return start;
        }
        let start = self.items.len();
        let end = start + usize::from(CAPACITIES[class]);
        assert!(u32::try_from(end).is_ok(), "more than 2^32 routes");
        self.items.resize(end, filler);
        start as u32
    }
}
