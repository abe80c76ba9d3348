//! One writer, any number of readers.
//!
//! A version is a directory and the words it refers to. The writer changes
//! blocks that no reader has seen in place, copies others, and publishes all
//! changes since the last time with one store; see [`epoch`] for how readers
//! get at the newest version and how the writer knows what it may use again.

mod epoch;
#[cfg(all(test, not(loom)))]
mod tests;

use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;
use core::net::Ipv4Addr;

use fingerpost_net::{Ip, Prefix};

use super::codes::{Dictionary, Width};
use super::dir24::Dir24View;
use super::lookup::{Answers, Paths, View};
use super::memory::Memory;
use super::words::Words;
use super::{Backend, Level, Table, some};
use epoch::{Pinned, Publisher, Subscriber};

/// All that readers need of one state of the table.
#[derive(Debug)]
struct Version {
    words: Arc<Words>,
    top: Vec<u32>,
    width: Width,
    dir24: Option<Dir24Version>,
    dictionary: Option<Dictionary>,
    default: u32,
    level: Level,
}

#[derive(Debug)]
struct Dir24Version {
    pages: Arc<Words>,
    groups: Arc<Words>,
    top: Vec<u32>,
    wide: bool,
}

impl Version {
    fn of<I: Ip>(table: &Table<I>) -> Arc<Version> {
        Arc::new(Version {
            words: table.fib.memory.words().clone(),
            top: table.fib.top.clone(),
            width: table.fib.width,
            dir24: table.dir24.as_ref().map(|dir24| Dir24Version {
                pages: dir24.pages.words().clone(),
                groups: dir24.groups.words().clone(),
                top: dir24.top.clone(),
                wide: dir24.wide,
            }),
            dictionary: table.codes.dictionary().cloned(),
            default: table.default,
            level: table.level,
        })
    }

    #[inline]
    fn view(&self) -> View<'_> {
        View {
            paths: Paths { words: self.words.as_slice(), top: &self.top, width: self.width },
            dir24: self.dir24.as_ref().map(|dir24| Dir24View {
                pages: dir24.pages.as_slice(),
                groups: dir24.groups.as_slice(),
                top: &dir24.top,
                wide: dir24.wide,
            }),
            answers: Answers { dictionary: self.dictionary.as_deref(), default: self.default },
        }
    }

    #[inline]
    fn lookup<I: Ip>(&self, addr: I) -> Option<u32> {
        some(self.view().lookup(self.level, addr))
    }

    fn lookup_batch<I: Ip>(&self, addrs: &[I], values: &mut [u32]) {
        assert_eq!(addrs.len(), values.len(), "one value for each address");
        self.view().batch(self.level, addrs, values);
    }
}

/// Changes a table and publishes its states to [`Reader`]s.
///
/// ```
/// use fingerpost_fib::{Table, Writer};
/// use std::net::Ipv4Addr;
///
/// let mut writer = Writer::new(Table::<Ipv4Addr>::new());
/// let mut reader = writer.reader();
/// let addr = Ipv4Addr::new(10, 1, 2, 3);
///
/// writer.insert("10.0.0.0/8".parse()?, 7);
/// assert_eq!(reader.lookup(addr), None);
/// writer.publish();
/// assert_eq!(reader.lookup(addr), Some(7));
/// # Ok::<(), fingerpost_net::PrefixError>(())
/// ```
pub struct Writer<I> {
    table: Table<I>,
    publisher: Publisher<Arc<Version>>,
    /// Snapshots that may still exist, oldest first.
    snapshots: Vec<(u64, Weak<Version>)>,
}

impl<I: Ip> Writer<I> {
    /// Publishes a table as its first version.
    pub fn new(mut table: Table<I>) -> Self {
        table.memories().for_each(Memory::share);
        let publisher = Publisher::new(Version::of(&table));
        Writer { table, publisher, snapshots: Vec::new() }
    }

    /// The table with all changes, published or not.
    pub fn table(&self) -> &Table<I> {
        &self.table
    }

    /// As [`Table::insert`]; readers see it after [`Writer::publish`].
    pub fn insert(&mut self, prefix: Prefix<I>, value: u32) -> Option<u32> {
        self.table.insert(prefix, value)
    }

    /// As [`Table::remove`]; readers see it after [`Writer::publish`].
    pub fn remove(&mut self, prefix: Prefix<I>) -> Option<u32> {
        self.table.remove(prefix)
    }

    /// As [`Table::apply`]; readers see it after [`Writer::publish`].
    pub fn apply(&mut self, changes: &[(Prefix<I>, Option<u32>)]) {
        self.table.apply(changes);
    }

    /// Lets readers see all changes so far, at once. Does not wait for anybody.
    ///
    /// Takes about a microsecond and a copy of the directory (2 KiB for IPv4,
    /// 64 KiB for IPv6), besides what the changes themselves have cost.
    pub fn publish(&mut self) {
        let replaced = self.publisher.number();
        self.publisher.publish(Version::of(&self.table));
        self.table.memories().for_each(|memory| memory.publish(replaced));
        let reader = self.publisher.reclaim();
        self.snapshots.retain(|(_, snapshot)| snapshot.strong_count() > 0);
        let snapshot = self.snapshots.first().map_or(u64::MAX, |(number, _)| *number);
        self.table.memories().for_each(|memory| memory.reclaim(reader, snapshot));
    }

    /// The number of the version that was published last, from 0.
    pub fn version(&self) -> u64 {
        self.publisher.number()
    }

    /// A reader of what is published. It can go to another thread, and be cloned there.
    pub fn reader(&self) -> Reader<I> {
        Reader { subscriber: self.publisher.subscribe(), family: PhantomData }
    }

    /// Publishes all changes so far, and keeps that version for as long as the
    /// result or a clone of it lives.
    ///
    /// Costs no copy: what later changes replace is kept for it, at most one
    /// table's size however many there are.
    pub fn snapshot(&mut self) -> Snapshot<I> {
        self.publish();
        self.table.memories().for_each(Memory::keep);
        let version = self.publisher.current().clone();
        self.snapshots.push((self.publisher.number(), Arc::downgrade(&version)));
        Snapshot { version, family: PhantomData }
    }

    /// The table, without its readers: they keep the last published version.
    pub fn into_table(self) -> Table<I> {
        self.table.clone()
    }
}

impl Writer<Ipv4Addr> {
    /// As [`Table::set_backend`]; readers see it after [`Writer::publish`].
    pub fn set_backend(&mut self, backend: Backend) {
        self.table.set_backend(backend);
    }
}

impl<I: Ip> fmt::Debug for Writer<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("version", &self.version()).field("table", &self.table).finish()
    }
}

impl<I: Ip> Extend<(Prefix<I>, u32)> for Writer<I> {
    fn extend<T: IntoIterator<Item = (Prefix<I>, u32)>>(&mut self, routes: T) {
        self.table.extend(routes);
    }
}

/// Looks up in what a [`Writer`] has published. One for each thread.
///
/// Reading takes no lock and is never held up by the writer.
pub struct Reader<I> {
    subscriber: Subscriber<Arc<Version>>,
    family: PhantomData<I>,
}

impl<I: Ip> Reader<I> {
    /// The newest version, for several lookups in the same one.
    ///
    /// While it is held, the writer keeps the memory of that version.
    #[inline]
    pub fn pin(&mut self) -> Guard<'_, I> {
        Guard { pinned: self.subscriber.pin(), family: PhantomData }
    }

    /// [`Table::lookup`] in the newest version. For more than a few, [`Reader::pin`] first.
    #[inline]
    pub fn lookup(&mut self, addr: I) -> Option<u32> {
        self.pin().lookup(addr)
    }

    /// [`Table::lookup_batch`] in the newest version, one for all addresses.
    ///
    /// # Panics
    ///
    /// If the slices differ in length.
    pub fn lookup_batch(&mut self, addrs: &[I], values: &mut [u32]) {
        self.pin().lookup_batch(addrs, values);
    }
}

impl<I> fmt::Debug for Reader<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}

impl<I> Clone for Reader<I> {
    fn clone(&self) -> Self {
        Reader { subscriber: self.subscriber.clone(), family: PhantomData }
    }
}

/// One version, while a [`Reader`] holds it.
pub struct Guard<'a, I> {
    pinned: Pinned<'a, Arc<Version>>,
    family: PhantomData<I>,
}

impl<I: Ip> fmt::Debug for Guard<'_, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("version", &self.version()).finish_non_exhaustive()
    }
}

impl<I: Ip> Guard<'_, I> {
    /// The version's number: 0 for the table that the writer was made from,
    /// one more with each publication.
    pub fn version(&self) -> u64 {
        self.pinned.number()
    }

    /// As [`Table::lookup`].
    #[inline]
    pub fn lookup(&self, addr: I) -> Option<u32> {
        self.pinned.lookup(addr)
    }

    /// As [`Table::lookup_batch`].
    ///
    /// # Panics
    ///
    /// If the slices differ in length.
    pub fn lookup_batch(&self, addrs: &[I], values: &mut [u32]) {
        self.pinned.lookup_batch(addrs, values);
    }
}

/// A version that is kept as a value: for asking what was, or what changed.
#[derive(Clone)]
pub struct Snapshot<I> {
    version: Arc<Version>,
    family: PhantomData<I>,
}

impl<I> fmt::Debug for Snapshot<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").finish_non_exhaustive()
    }
}

impl<I: Ip> Snapshot<I> {
    /// As [`Table::lookup`].
    #[inline]
    pub fn lookup(&self, addr: I) -> Option<u32> {
        self.version.lookup(addr)
    }

    /// As [`Table::lookup_batch`].
    ///
    /// # Panics
    ///
    /// If the slices differ in length.
    pub fn lookup_batch(&self, addrs: &[I], values: &mut [u32]) {
        self.version.lookup_batch(addrs, values);
    }
}
