//! Values that one thread publishes and others read without waiting.
//!
//! The newest value is reached by one atomic pointer. A reader *pins* before it
//! loads the pointer: it writes the number of the newest version it knows into
//! a slot of its own. The publisher keeps what it has replaced until no slot
//! holds a number as old. Neither ever waits for the other: a reader that stays
//! pinned only makes the publisher keep more.
//!
//! Why a value is not freed under a reader: the reader writes its slot, then a
//! fence, then loads the pointer; the publisher swaps the pointer, then a fence,
//! then reads the slots. Of the two loads at least one sees the other's store.
//! Either the publisher sees the slot, and keeps everything from that number
//! on; or the reader sees the new pointer, and what is freed is older than that.

use core::ops::Deref;
use std::collections::VecDeque;
use std::vec::Vec;

#[cfg(loom)]
use loom::sync::{
    Arc, Mutex,
    atomic::{AtomicPtr, AtomicU64, Ordering, fence},
};
#[cfg(not(loom))]
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicPtr, AtomicU64, Ordering, fence},
};

/// In a slot: its reader is not pinned.
const IDLE: u64 = u64::MAX;

/// A reader's slot, on a cache line of its own.
#[repr(align(64))]
struct Slot(AtomicU64);

struct Numbered<T> {
    number: u64,
    value: T,
}

struct Shared<T> {
    /// From [`Arc::into_raw`]; this pointer owns one count.
    current: AtomicPtr<Numbered<T>>,
    /// The number of `current`, or for a moment of the one before.
    number: AtomicU64,
    /// Touched when readers come and go and when the publisher looks for the
    /// oldest one, not when a reader pins.
    slots: Mutex<Vec<Arc<Slot>>>,
    /// What a publisher had not freed when it was dropped.
    left: Mutex<Vec<Arc<Numbered<T>>>>,
}

/// The one that publishes.
pub(super) struct Publisher<T> {
    shared: Arc<Shared<T>>,
    number: u64,
    newest: Arc<Numbered<T>>,
    /// Replaced values that a reader may be using, oldest first.
    past: VecDeque<Arc<Numbered<T>>>,
}

/// One that reads. A clone has a slot of its own.
pub(super) struct Subscriber<T> {
    shared: Arc<Shared<T>>,
    slot: Arc<Slot>,
}

/// A value that stays until this is dropped.
pub(super) struct Pinned<'a, T> {
    slot: &'a Slot,
    numbered: &'a Numbered<T>,
}

fn lock<T>(mutex: &Mutex<T>) -> impl core::ops::DerefMut<Target = T> + '_ {
    // Nothing below can leave the contents in a state of its own by panicking.
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl<T> Publisher<T> {
    pub fn new(value: T) -> Self {
        let first = Arc::new(Numbered { number: 0, value });
        let shared = Shared {
            current: AtomicPtr::new(Arc::into_raw(first.clone()).cast_mut()),
            number: AtomicU64::new(0),
            slots: Mutex::new(Vec::new()),
            left: Mutex::new(Vec::new()),
        };
        Publisher { shared: Arc::new(shared), number: 0, newest: first, past: VecDeque::new() }
    }

    /// The number of the value that was published last, from 0.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Replaces the value.
    pub fn publish(&mut self, value: T) {
        self.number += 1;
        self.newest = Arc::new(Numbered { number: self.number, value });
        let new = Arc::into_raw(self.newest.clone()).cast_mut();
        let old = self.shared.current.swap(new, Ordering::AcqRel);
        self.shared.number.store(self.number, Ordering::Release);
        // SAFETY: `current` always holds a pointer from `Arc::into_raw` and its count; the
        // swap took both out, once.
        #[allow(unsafe_code)]
        let old = unsafe { Arc::from_raw(old) };
        self.past.push_back(old);
    }

    /// Frees what no reader can use any more; returns the oldest number that
    /// one may be using.
    pub fn reclaim(&mut self) -> u64 {
        fence(Ordering::SeqCst);
        let slots = lock(&self.shared.slots);
        let oldest = slots.iter().map(|slot| slot.0.load(Ordering::Acquire)).min().unwrap_or(IDLE);
        drop(slots);
        let oldest = oldest.min(self.number);
        while self.past.front().is_some_and(|past| past.number < oldest) {
            self.past.pop_front();
        }
        oldest
    }

    /// The value that was published last.
    pub fn current(&self) -> &T {
        &self.newest.value
    }

    pub fn subscribe(&self) -> Subscriber<T> {
        Subscriber::new(self.shared.clone())
    }
}

impl<T> Drop for Publisher<T> {
    fn drop(&mut self) {
        lock(&self.shared.left).extend(self.past.drain(..));
    }
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        let current = self.current.load(Ordering::Acquire);
        // SAFETY: as in `publish`; nobody is left who could load the pointer.
        #[allow(unsafe_code)]
        drop(unsafe { Arc::from_raw(current) });
    }
}

impl<T> Subscriber<T> {
    fn new(shared: Arc<Shared<T>>) -> Self {
        let slot = Arc::new(Slot(AtomicU64::new(IDLE)));
        lock(&shared.slots).push(slot.clone());
        Subscriber { shared, slot }
    }

    /// The newest value. It stays for as long as the result lives.
    #[inline]
    pub fn pin(&mut self) -> Pinned<'_, T> {
        let number = self.shared.number.load(Ordering::Acquire);
        self.slot.0.store(number, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let current = self.shared.current.load(Ordering::Acquire);
        // SAFETY: the pointer is from `Arc::into_raw`. Its count is given up only by a
        // publisher that has swapped it out and then found every slot either idle or beyond
        // its number. This slot holds a number no greater since before the pointer was
        // loaded (see the module's first page), until the result is dropped; `&mut self`
        // keeps a second pin from overwriting it.
        #[allow(unsafe_code)]
        let numbered = unsafe { &*current };
        Pinned { slot: &self.slot, numbered }
    }
}

impl<T> Clone for Subscriber<T> {
    fn clone(&self) -> Self {
        Subscriber::new(self.shared.clone())
    }
}

impl<T> Drop for Subscriber<T> {
    fn drop(&mut self) {
        lock(&self.shared.slots).retain(|slot| !Arc::ptr_eq(slot, &self.slot));
    }
}

impl<T> Pinned<'_, T> {
    pub fn number(&self) -> u64 {
        self.numbered.number
    }
}

impl<T> Deref for Pinned<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.numbered.value
    }
}

impl<T> Drop for Pinned<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.slot.0.store(IDLE, Ordering::Release);
    }
}

/// Every order in which a publisher and its readers can run, by the model
/// checker loom:
///
/// ```console
/// $ RUSTFLAGS="--cfg loom" cargo test --release -p fingerpost-fib --lib epoch
/// ```
#[cfg(all(test, loom))]
mod model {
    use super::*;
    use loom::sync::atomic::AtomicBool;

    /// A value that knows whether it was freed. (The memory stays, so that a
    /// late reader would find out.)
    struct Watched(u64, Arc<AtomicBool>);

    impl Watched {
        fn new(number: u64) -> (Watched, Arc<AtomicBool>) {
            let freed = Arc::new(AtomicBool::new(false));
            (Watched(number, freed.clone()), freed)
        }
    }

    impl Drop for Watched {
        fn drop(&mut self) {
            self.1.store(true, Ordering::Relaxed);
        }
    }

    fn read(subscriber: &mut Subscriber<Watched>) -> u64 {
        let pinned = subscriber.pin();
        let (number, freed) = (pinned.0, pinned.1.clone());
        assert_eq!(number, pinned.number());
        assert!(!freed.load(Ordering::Relaxed), "{number} was freed under its reader");
        number
    }

    #[test]
    fn nothing_is_freed_under_a_reader() {
        loom::model(|| {
            let (first, first_freed) = Watched::new(0);
            let mut publisher = Publisher::new(first);
            let mut subscriber = publisher.subscribe();
            let reader = loom::thread::spawn(move || {
                let first = read(&mut subscriber);
                assert!(first <= read(&mut subscriber), "versions do not go back");
            });
            for number in 1..=2 {
                publisher.publish(Watched::new(number).0);
                publisher.reclaim();
            }
            reader.join().unwrap();
            assert_eq!(publisher.reclaim(), 2, "nobody reads");
            assert!(first_freed.load(Ordering::Relaxed), "what nobody reads is freed");
        });
    }

    #[test]
    fn what_is_reclaimed_is_older_than_what_is_read() {
        loom::model(|| {
            let mut publisher = Publisher::new(0);
            let mut subscriber = publisher.subscribe();
            // Stands for a block that version 0 refers to, and that is written once reclaimed.
            let block = Arc::new(AtomicU64::new(0));
            let read = block.clone();
            let reader = loom::thread::spawn(move || {
                let pinned = subscriber.pin();
                if *pinned == 0 {
                    assert_eq!(read.load(Ordering::Relaxed), 0, "reused under its reader");
                }
            });
            publisher.publish(1);
            if publisher.reclaim() > 0 {
                block.store(1, Ordering::Relaxed);
            }
            reader.join().unwrap();
        });
    }

    #[test]
    fn a_reader_may_outlive_the_publisher() {
        loom::model(|| {
            let mut publisher = Publisher::new(Watched::new(0).0);
            let mut subscriber = publisher.subscribe();
            let reader = loom::thread::spawn(move || read(&mut subscriber));
            publisher.publish(Watched::new(1).0);
            drop(publisher);
            reader.join().unwrap();
        });
    }
}
