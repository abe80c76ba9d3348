//! How many bytes a structure takes: the system's allocator, which counts while it is told to.
//!
//! Counting is off while anything is timed, so that structures that allocate much are not slowed.

#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicIsize, Ordering::Relaxed};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static COUNTS: AtomicBool = AtomicBool::new(false);
static BYTES: AtomicIsize = AtomicIsize::new(0);
/// What was allocated, freed again or not.
static TAKEN: AtomicIsize = AtomicIsize::new(0);

struct Counting;

fn count(bytes: isize) {
    if COUNTS.load(Relaxed) {
        BYTES.fetch_add(bytes, Relaxed);
        TAKEN.fetch_add(bytes.max(0), Relaxed);
    }
}

/// What `Layout` allows fits `isize`.
fn signed(bytes: usize) -> isize {
    bytes as isize
}

// SAFETY: every call goes to the system's allocator unchanged; counting touches no memory but two atomics.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(signed(layout.size()));
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(signed(layout.size()));
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count(-signed(layout.size()));
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(signed(size) - signed(layout.size()));
        // SAFETY: as above.
        unsafe { System.realloc(memory, layout, size) }
    }
}

/// Does something, and gives the bytes that it has allocated and not freed.
/// Not for two threads at a time.
pub fn kept<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = BYTES.load(Relaxed);
    COUNTS.store(true, Relaxed);
    let done = work();
    COUNTS.store(false, Relaxed);
    let bytes = BYTES.load(Relaxed) - before;
    (done, usize::try_from(bytes).unwrap_or(0))
}

/// Does something, and gives the bytes that it has allocated, freed since or not.
/// Not for two threads at a time.
pub fn taken<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = TAKEN.load(Relaxed);
    let (done, _) = kept(work);
    (done, usize::try_from(TAKEN.load(Relaxed) - before).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_counted() {
        // Other tests allocate at the same time, hence a size that they do not reach.
        const SIZE: usize = 1 << 30;
        let (kept, bytes) = kept(|| {
            drop(Vec::<u8>::with_capacity(2 * SIZE));
            Vec::<u8>::with_capacity(SIZE)
        });
        assert!((SIZE / 2..SIZE * 2).contains(&bytes), "{bytes}");
        drop(kept);
    }
}
