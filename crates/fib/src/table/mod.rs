//! The compiled table: see the crate's first page for how it works.

mod codes;
mod compile;
mod convert;
mod dir24;
mod entry;
mod fib;
mod lookup;
// Without `std` there are no readers beside a writer, and nothing is shared.
#[cfg_attr(not(feature = "std"), allow(dead_code))]
mod memory;
#[cfg(feature = "std")]
mod publish;
mod rib;
mod simd;
#[cfg(test)]
mod tests;
mod words;

use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;
use core::net::Ipv4Addr;

use fingerpost_net::{Ip, Prefix};

use codes::Codes;
use compile::Compiler;
use dir24::Dir24;
use fib::{Fib, Shape};
use lookup::{Answers, Paths, View};
use rib::{Rib, SortKey};

#[cfg(feature = "ipnet")]
pub use convert::IpNet;
#[cfg(feature = "std")]
pub use publish::{Guard, Reader, Snapshot, Writer};
pub use simd::Level;

/// The value that stands for *no route* where a plain number is needed, as in
/// [`Table::lookup_batch`]. It cannot be a route's value.
pub const NONE: u32 = u32::MAX;

/// Routes, and a form compiled from them in which the longest match takes a
/// few nanoseconds.
#[derive(Clone)]
pub struct Table<I> {
    rib: Rib,
    fib: Fib,
    /// The other form, when it is the one for lookups. IPv4 only.
    dir24: Option<Dir24>,
    codes: Codes,
    /// The value of the prefix of length zero, else [`NONE`].
    default: u32,
    level: Level,
    family: PhantomData<I>,
}

impl<I: Ip> Table<I> {
    const SHAPE: Shape = Shape::of::<I>();

    /// An empty table.
    pub fn new() -> Self {
        Self::from_routes(core::iter::empty())
    }

    /// A table of these routes, in any order. Of routes with the same prefix
    /// the last one counts.
    ///
    /// # Panics
    ///
    /// If a value is [`NONE`].
    pub fn from_routes(routes: impl IntoIterator<Item = (Prefix<I>, u32)>) -> Self {
        if I::WIDTH == 32 { Self::build::<u64>(routes) } else { Self::build::<(u128, u8)>(routes) }
    }

    fn build<K: SortKey>(routes: impl IntoIterator<Item = (Prefix<I>, u32)>) -> Self {
        let mut default = NONE;
        let mut sorted: Vec<(K, u32)> = Vec::new();
        for (prefix, value) in routes {
            assert!(value != NONE, "the value NONE stands for no route");
            if prefix.is_default() {
                default = value;
            } else {
                sorted.push((K::pack(prefix.addr().to_key(), prefix.len()), value));
            }
        }
        if !sorted.is_sorted_by(|a, b| a.0 < b.0) {
            sorted.sort_by_key(|route| route.0);
            sorted.dedup_by(|later, kept| {
                let same = later.0 == kept.0;
                if same {
                    kept.1 = later.1;
                }
                same
            });
        }
        let mut codes = Codes::of(sorted.iter().map(|route| route.1));
        for route in &mut sorted {
            route.1 = codes.encode(route.1).unwrap_or(0);
        }
        let mut rib = Rib::from_sorted(&sorted, Self::SHAPE.depth());
        drop(sorted);
        let level = Level::best();
        let fib = Self::compiled(&mut rib, &codes, level);
        Table { rib, fib, dir24: None, codes, default, level, family: PhantomData }
    }

    fn compiled(rib: &mut Rib, codes: &Codes, level: Level) -> Fib {
        let mut fib = Fib::new(Self::SHAPE, codes.width(), memory::RESERVE);
        Compiler { rib, fib: &mut fib, level }.all();
        fib.memory.trim();
        fib
    }

    /// Number of routes.
    pub fn len(&self) -> usize {
        self.rib.len() + usize::from(self.default != NONE)
    }

    /// Whether there is no route.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that lookups may touch: the compiled form alone.
    pub fn lookup_bytes(&self) -> usize {
        self.dir24.as_ref().map_or_else(|| self.fib.lookup_bytes(), Dir24::lookup_bytes)
    }

    /// Bytes on the heap, the routes and reserved memory included.
    pub fn heap_bytes(&self) -> usize {
        let dir24 = self.dir24.as_ref().map_or(0, Dir24::heap_bytes);
        self.rib.heap_bytes() + self.fib.heap_bytes() + dir24 + self.codes.heap_bytes()
    }

    /// Adds a route or replaces its value; returns the value before.
    ///
    /// # Panics
    ///
    /// If the value is [`NONE`].
    pub fn insert(&mut self, prefix: Prefix<I>, value: u32) -> Option<u32> {
        assert!(value != NONE, "the value NONE stands for no route");
        if prefix.is_default() {
            return some(core::mem::replace(&mut self.default, value));
        }
        let code = self.codes.encode(value).unwrap_or_else(|| self.recode(value));
        let (key, len) = (prefix.addr().to_key(), prefix.len());
        let fib = &mut self.fib;
        let old = self.rib.insert(key, len, code, |kid| compile::release(fib, kid));
        self.recompile(key, len);
        old.map(|code| self.codes.decode(code))
    }

    /// Removes a route; returns its value.
    pub fn remove(&mut self, prefix: Prefix<I>) -> Option<u32> {
        if prefix.is_default() {
            return some(core::mem::replace(&mut self.default, NONE));
        }
        let (key, len) = (prefix.addr().to_key(), prefix.len());
        let fib = &mut self.fib;
        let old = self.rib.remove(key, len, |kid| compile::release(fib, kid))?;
        self.recompile(key, len);
        Some(self.codes.decode(old))
    }

    fn recompile(&mut self, key: u128, len: u8) {
        Compiler { rib: &mut self.rib, fib: &mut self.fib, level: self.level }.prefix(key, len);
        if self.fib.memory.is_wasteful() {
            self.replace_fib();
        } else if let Some(dir24) = &mut self.dir24
            && !dir24.refresh(&self.fib, key, len)
        {
            self.replace_dir24();
        }
    }

    fn replace_dir24(&mut self) {
        let mut dir24 = Dir24::of(&self.fib);
        if self.fib.memory.is_shared() {
            dir24.pages.share();
            dir24.groups.share();
        }
        self.dir24 = Some(dir24);
    }

    /// Compiles everything anew, in a memory of its own.
    fn replace_fib(&mut self) {
        let fib = Self::compiled(&mut self.rib, &self.codes, self.level);
        let shared = core::mem::replace(&mut self.fib, fib).memory.is_shared();
        if shared {
            // No reader has seen the new memory, so that all of it could still be changed;
            // it counts as seen all the same.
            self.fib.memory.share();
        }
        if self.dir24.is_some() {
            self.replace_dir24();
        }
    }

    /// Each memory that readers use.
    #[cfg(feature = "std")]
    fn memories(&mut self) -> impl Iterator<Item = &mut memory::Memory> {
        let dir24 = self.dir24.as_mut().map(|dir24| [&mut dir24.pages, &mut dir24.groups]);
        dir24.into_iter().flatten().chain([&mut self.fib.memory])
    }

    /// Writes all values in other codes, with room for `value`; returns its code.
    fn recode(&mut self, value: u32) -> u32 {
        let old = core::mem::replace(&mut self.codes, Codes::of(core::iter::empty()));
        let values = self.rib.walk().map(|(.., code)| old.decode(code));
        let mut new = Codes::renewed(values.chain([value]));
        self.rib.recode(|code| new.encode(old.decode(code)).unwrap_or(0));
        self.codes = new;
        self.replace_fib();
        self.codes.encode(value).unwrap_or(0)
    }

    /// Makes changes in order: a value inserts or replaces, `None` removes.
    ///
    /// Quicker than one by one when there are many, because the memory that
    /// the next ones need is fetched while waiting for that of others.
    ///
    /// # Panics
    ///
    /// If a value is [`NONE`].
    pub fn apply(&mut self, changes: &[(Prefix<I>, Option<u32>)]) {
        const GROUP: usize = 16;
        for changes in changes.chunks(GROUP) {
            let mut keys = [0; GROUP];
            for (key, (prefix, _)) in keys.iter_mut().zip(changes) {
                *key = prefix.addr().to_key();
            }
            core::hint::black_box(self.touch(&keys));
            for &(prefix, value) in changes {
                match value {
                    Some(value) => self.insert(prefix, value),
                    None => self.remove(prefix),
                };
            }
        }
    }

    /// Reads what changes of prefixes with these keys will read.
    fn touch<const N: usize>(&self, keys: &[u128; N]) -> u64 {
        let entries = keys.map(|key| self.fib.get((key >> (128 - Self::SHAPE.depth())) as usize));
        let touched = self.rib.touch(keys);
        let words = entries.map(|entry| entry.as_block().map_or(0, |(_, word)| self.fib.memory.get(word)));
        words.iter().fold(touched, |sum, word| sum ^ word)
    }

    /// The value of exactly this prefix.
    pub fn get(&self, prefix: Prefix<I>) -> Option<u32> {
        if prefix.is_default() {
            return some(self.default);
        }
        self.rib.get(prefix.addr().to_key(), prefix.len()).map(|code| self.codes.decode(code))
    }

    /// The value of the longest prefix that contains the address.
    #[inline]
    pub fn lookup(&self, addr: I) -> Option<u32> {
        some(self.view().lookup(self.level, addr))
    }

    /// [`Table::lookup`] for each address; [`NONE`] where there is no route.
    ///
    /// # Panics
    ///
    /// If the slices differ in length.
    pub fn lookup_batch(&self, addrs: &[I], values: &mut [u32]) {
        assert_eq!(addrs.len(), values.len(), "one value for each address");
        self.view().batch(self.level, addrs, values);
    }

    /// Which instructions the table works with: the best of the machine
    /// unless [`Table::set_level`] says otherwise.
    pub fn level(&self) -> Level {
        self.level
    }

    /// Chooses the instructions, for measuring and testing.
    pub fn set_level(&mut self, level: Level) {
        self.level = level;
    }

    /// The longest prefix that contains the address, and its value.
    pub fn longest_match(&self, addr: I) -> Option<(Prefix<I>, u32)> {
        self.matches(addr).next()
    }

    /// All prefixes that contain the address, longest first, with their values.
    pub fn matches(&self, addr: I) -> impl Iterator<Item = (Prefix<I>, u32)> + '_ {
        let longer = self.rib.matches(addr.to_key()).map(|(len, code)| (len, self.codes.decode(code)));
        let default = some(self.default).map(|value| (0, value));
        longer
            .chain(default)
            .filter_map(move |(len, value)| Some((Prefix::containing(addr, len).ok()?, value)))
    }

    /// All routes by address, shorter prefixes before longer ones.
    pub fn iter(&self) -> impl Iterator<Item = (Prefix<I>, u32)> + '_ {
        let default = some(self.default).map(|value| (Prefix::DEFAULT, value));
        let rest = self.rib.walk().filter_map(|(key, len, code)| {
            Some((Prefix::containing(I::from_key(key), len).ok()?, self.codes.decode(code)))
        });
        default.into_iter().chain(rest)
    }

    #[inline]
    fn view(&self) -> View<'_> {
        View {
            paths: Paths { words: self.fib.memory.slice(), top: &self.fib.top, width: self.fib.width },
            dir24: self.dir24.as_ref().map(Dir24::view),
            answers: Answers {
                dictionary: self.codes.dictionary().map(|values| &**values),
                default: self.default,
            },
        }
    }
}

/// The compiled form that lookups use.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Backend {
    /// Pages and blocks: a few bytes a route.
    #[default]
    Compact,
    /// DIR-24-8: an entry for each /24, 32 MB (64 MB with more than 2^15
    /// distinct values), beside the other form.
    ///
    /// Quicker where most traffic goes to few destinations, or where a table has
    /// so many distinct neighbours that the compact form leaves the cache.
    Dir24,
}

impl Table<Ipv4Addr> {
    /// The form that lookups use.
    pub fn backend(&self) -> Backend {
        if self.dir24.is_some() { Backend::Dir24 } else { Backend::Compact }
    }

    /// Chooses the form that lookups use; takes some hundredths of a second.
    ///
    /// Nothing changes it by itself: which one is quicker depends on the
    /// traffic, which a table does not know. The answers are the same.
    pub fn set_backend(&mut self, backend: Backend) {
        match backend {
            Backend::Compact => self.dir24 = None,
            Backend::Dir24 if self.dir24.is_none() => self.replace_dir24(),
            Backend::Dir24 => {}
        }
    }
}

#[inline]
fn some(value: u32) -> Option<u32> {
    (value != NONE).then_some(value)
}

/// What it is, not its routes: those are [`Table::iter`]'s.
impl<I: Ip> fmt::Debug for Table<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("routes", &self.len())
            .field("lookup_bytes", &self.lookup_bytes())
            .field("dir24", &self.dir24.is_some())
            .field("level", &self.level)
            .finish_non_exhaustive()
    }
}

impl<I: Ip> Default for Table<I> {
    fn default() -> Self {
        Self::new()
    }
}

impl<I: Ip> FromIterator<(Prefix<I>, u32)> for Table<I> {
    fn from_iter<T: IntoIterator<Item = (Prefix<I>, u32)>>(routes: T) -> Self {
        Self::from_routes(routes)
    }
}

impl<I: Ip> Extend<(Prefix<I>, u32)> for Table<I> {
    fn extend<T: IntoIterator<Item = (Prefix<I>, u32)>>(&mut self, routes: T) {
        for (prefix, value) in routes {
            self.insert(prefix, value);
        }
    }
}
