//! A fixed number of words, placed where loads from them are quick.
//!
//! That is: from the start of a cache line on, and, if there are many, in huge
//! pages where the system has them (the feature `huge-pages`, on Linux), since a
//! table of megabytes in pages of 4 KiB keeps missing the cache of translations.

use alloc::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Words behind the last one, so that a load may reach past it.
const PAD: usize = 2;

const LINE: usize = 64;
const HUGE_PAGE: usize = 2 << 20;

/// From this size on, memory is taken in whole huge pages.
const LARGE: usize = HUGE_PAGE / 2;

/// Atomic words, shared by whoever reads them.
#[derive(Debug)]
pub(super) struct Words {
    first: NonNull<AtomicU64>,
    len: usize,
    layout: Layout,
}

impl Words {
    /// So many words: those of `from`, as far as they go, then zeros.
    pub fn new(len: usize, from: &[AtomicU64]) -> Words {
        let bytes = (len + PAD) * size_of::<AtomicU64>();
        let (bytes, align) = match cfg!(feature = "huge-pages") && bytes >= LARGE {
            true => (bytes.next_multiple_of(HUGE_PAGE), HUGE_PAGE),
            false => (bytes, LINE),
        };
        let layout =
            Layout::from_size_align(bytes, align).unwrap_or_else(|_| panic!("{bytes} bytes of words"));
        // SAFETY: the layout is not empty: there is padding at least.
        #[allow(unsafe_code)]
        let Some(first) = NonNull::new(unsafe { alloc(layout) }) else { handle_alloc_error(layout) };
        if align == HUGE_PAGE {
            advise_huge_pages(first, bytes);
        }
        let first = first.cast::<AtomicU64>();
        let words = from[..from.len().min(len)].iter().map(|word| word.load(Relaxed));
        for (at, word) in words.chain(core::iter::repeat(0)).take(len + PAD).enumerate() {
            // SAFETY: `at` is below `len + PAD`, for which the memory just allocated has room,
            // aligned for a word; nobody else knows of it.
            #[allow(unsafe_code)]
            unsafe {
                first.add(at).write(AtomicU64::new(word));
            }
        }
        Words { first, len, layout }
    }

    /// How many there are, without padding.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Bytes taken from the system.
    pub fn bytes(&self) -> usize {
        self.layout.size()
    }

    /// The words, padding included.
    #[inline]
    pub fn as_slice(&self) -> &[AtomicU64] {
        // SAFETY: `new` has written so many words from `first` on; they are freed when `self`
        // is dropped, and until then only changed as atomics are.
        #[allow(unsafe_code)]
        unsafe {
            core::slice::from_raw_parts(self.first.as_ptr(), self.len + PAD)
        }
    }
}

impl Drop for Words {
    fn drop(&mut self) {
        // SAFETY: `first` was allocated with this layout, once, and is not used after this.
        // Words have nothing to drop.
        #[allow(unsafe_code)]
        unsafe {
            dealloc(self.first.as_ptr().cast(), self.layout);
        }
    }
}

// SAFETY: `Words` owns its memory, and what it hands out are shared references to atomics.
#[allow(unsafe_code)]
unsafe impl Send for Words {}
// SAFETY: as above.
#[allow(unsafe_code)]
unsafe impl Sync for Words {}

/// Asks for huge pages; that the system has none to give is no error.
#[cfg(all(feature = "huge-pages", target_os = "linux", not(miri)))]
fn advise_huge_pages(first: NonNull<u8>, bytes: usize) {
    use rustix::mm::{Advice, madvise};
    // SAFETY: the range is memory just allocated, in whole huge pages. The advice changes how
    // it is mapped, not what is in it.
    #[allow(unsafe_code)]
    let advised = unsafe { madvise(first.as_ptr().cast(), bytes, Advice::LinuxHugepage) };
    let _ = advised;
}

#[cfg(not(all(feature = "huge-pages", target_os = "linux", not(miri))))]
fn advise_huge_pages(_first: NonNull<u8>, _bytes: usize) {}
