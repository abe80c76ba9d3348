//! The routes of a table, or of two that share them, and which structure
//! lookups search for them.
//!
//! The LC-trie is the truth: it holds the routes, and dumps and
//! `/proc/net/fib_trie` show it. A compiled table beside it can lead lookups to
//! the same leaves; every change here keeps the two in step. Not here: which
//! candidate a lookup takes.

use std::fmt;
use std::net::Ipv4Addr;
use std::ops::Deref;

use fingerpost_fib::{self as fib, LcTrie, Prefix};

use super::Entry;
use super::journal::{Changes, Journal};

/// The structure that lookups search. Answers never depend on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Search {
    /// The LC-trie itself.
    #[default]
    LcTrie,
    /// A compiled table of the prefixes, which costs memory and some time at
    /// each change of the set of prefixes.
    Compiled,
}

/// An LC-trie of routes. Reads as one; all changes go through here.
#[derive(Clone)]
pub struct Trie {
    trie: LcTrie<Ipv4Addr, Entry>,
    /// Each prefix with the number of its leaf, when lookups search this.
    compiled: Option<fib::Table<Ipv4Addr>>,
    journal: Journal<Ipv4Addr>,
}

impl Trie {
    /// No routes.
    pub fn new(search: Search) -> Self {
        Trie::of(LcTrie::new(), search)
    }

    fn of(trie: LcTrie<Ipv4Addr, Entry>, search: Search) -> Self {
        let mut trie = Trie { trie, compiled: None, journal: Journal::default() };
        trie.set_search(search);
        trie
    }

    /// The structure that lookups search.
    pub fn search(&self) -> Search {
        if self.compiled.is_some() { Search::Compiled } else { Search::LcTrie }
    }

    /// Chooses the structure that lookups search.
    pub fn set_search(&mut self, search: Search) {
        self.compiled = (search == Search::Compiled).then(|| compile(&self.trie));
    }

    /// As [`LcTrie::matches`], found by the structure that was chosen.
    #[inline]
    pub fn matches(&self, addr: Ipv4Addr) -> Matches<'_> {
        match &self.compiled {
            None => Matches::Trie(self.trie.matches(addr)),
            Some(table) => Matches::Compiled(Compiled::new(&self.trie, table, addr)),
        }
    }

    /// As [`LcTrie::insert`].
    pub fn insert(&mut self, addr: Ipv4Addr, index: usize, entry: Entry) {
        let prefix = Prefix::containing(addr, entry.len);
        self.note(addr, entry.len);
        self.trie.insert(addr, index, entry);
        // A leaf's number stays, so that writing it again changes nothing.
        if let (Some(table), Ok(prefix), Some(leaf)) =
            (&mut self.compiled, prefix, self.trie.leaf_number(addr))
            && table.get(prefix) != Some(leaf)
        {
            table.insert(prefix, leaf);
        }
    }

    /// As [`LcTrie::remove`].
    pub fn remove(&mut self, addr: Ipv4Addr, index: usize) -> Option<Entry> {
        let gone = self.trie.remove(addr, index)?;
        self.note(addr, gone.len);
        self.forget(addr, gone.len);
        Some(gone)
    }

    /// As [`LcTrie::leaf_mut`].
    pub fn leaf_mut(&mut self, addr: Ipv4Addr) -> Option<&mut [Entry]> {
        let leaf = self.trie.leaf_mut(addr)?;
        let lens = leaf.iter().map(|entry| entry.len);
        lens.filter_map(|len| Prefix::containing(addr, len).ok())
            .for_each(|prefix| self.journal.note(prefix));
        Some(leaf)
    }

    /// As [`LcTrie::flush`].
    pub fn flush(&mut self, mut remove: impl FnMut(Ipv4Addr, &Entry) -> bool) -> usize {
        let mut gone = Vec::new();
        let removed = self.trie.flush(|addr, entry| {
            let removes = remove(addr, entry);
            if removes {
                gone.push((addr, entry.len));
            }
            removes
        });
        for (addr, len) in gone {
            self.note(addr, len);
            self.forget(addr, len);
        }
        removed
    }

    /// What has changed since a reader asked last ([`super::Journal::take`]).
    pub fn take_changes(&mut self, reader: u64) -> Changes<Ipv4Addr> {
        self.journal.take(reader)
    }

    /// The routes of prefixes that lie in one and are longer.
    pub fn within(&self, prefix: Prefix<Ipv4Addr>) -> impl Iterator<Item = Prefix<Ipv4Addr>> + '_ {
        let leaves = self.trie.leaves_from(prefix.addr()).take_while(move |&(addr, _)| prefix.contains(addr));
        leaves.flat_map(move |(addr, entries)| {
            let longer = entries.iter().map(|entry| entry.len).filter(move |&len| len > prefix.len());
            longer.filter_map(move |len| Prefix::containing(addr, len).ok())
        })
    }

    fn note(&mut self, addr: Ipv4Addr, len: u8) {
        match Prefix::containing(addr, len) {
            Ok(prefix) => self.journal.note(prefix),
            Err(_) => self.journal.note_all(),
        }
    }

    /// As [`LcTrie::unmerge`].
    pub fn unmerge(&mut self, local: impl Fn(&Entry) -> bool) -> Self {
        let search = self.search();
        let parted = self.trie.unmerge(local);
        self.journal.note_all();
        self.set_search(search);
        Trie::of(parted, search)
    }

    /// After a route has gone: its prefix goes too if it was the last of it.
    fn forget(&mut self, addr: Ipv4Addr, len: u8) {
        if let (Some(table), Ok(prefix)) = (&mut self.compiled, Prefix::containing(addr, len))
            && !self.trie.leaf(addr).iter().any(|entry| entry.len == len)
        {
            table.remove(prefix);
        }
    }
}

/// Each prefix of a trie with the number of its leaf.
fn compile(trie: &LcTrie<Ipv4Addr, Entry>) -> fib::Table<Ipv4Addr> {
    let numbered = trie.leaves().filter_map(|(addr, entries)| Some((entries, addr, trie.leaf_number(addr)?)));
    numbered
        .flat_map(|(entries, addr, leaf)| {
            // Shorter ones first, as the table likes to have them.
            let prefixes = entries.iter().rev().map(move |entry| Prefix::containing(addr, entry.len));
            prefixes.flatten().map(move |prefix| (prefix, leaf))
        })
        .collect()
}

impl Deref for Trie {
    type Target = LcTrie<Ipv4Addr, Entry>;

    fn deref(&self) -> &LcTrie<Ipv4Addr, Entry> {
        &self.trie
    }
}

impl fmt::Debug for Trie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.trie.fmt(f)
    }
}

/// Iterator of [`Trie::matches`].
pub enum Matches<'a> {
    /// By the trie's own search.
    Trie(fib::Matches<'a, Ipv4Addr, Entry>),
    /// By the compiled table.
    Compiled(Compiled<'a>),
}

impl Matches<'_> {
    /// As [`fib::Matches::skip_leaf`].
    pub fn skip_leaf(&mut self) {
        match self {
            Matches::Trie(matches) => matches.skip_leaf(),
            Matches::Compiled(matches) => {
                if let Some(leaf) = &mut matches.leaf {
                    leaf.next = leaf.entries.len();
                }
            }
        }
    }
}

impl<'a> Iterator for Matches<'a> {
    type Item = (Ipv4Addr, &'a Entry);

    #[inline]
    fn next(&mut self) -> Option<(Ipv4Addr, &'a Entry)> {
        match self {
            Matches::Trie(matches) => matches.next(),
            Matches::Compiled(matches) => matches.next(),
        }
    }
}

/// A search by the compiled table.
///
/// All matches in a leaf follow one another: of two prefixes with the same
/// address bits, those between them in length that match have them too.
pub struct Compiled<'a> {
    trie: &'a LcTrie<Ipv4Addr, Entry>,
    table: &'a fib::Table<Ipv4Addr>,
    addr: Ipv4Addr,
    /// Once there is a leaf, only shorter prefixes than this are still to come.
    shortest: u8,
    leaf: Option<Leaf<'a>>,
}

/// A leaf whose entries are looked at.
struct Leaf<'a> {
    addr: Ipv4Addr,
    entries: &'a [Entry],
    /// The next one.
    next: usize,
}

impl<'a> Compiled<'a> {
    fn new(trie: &'a LcTrie<Ipv4Addr, Entry>, table: &'a fib::Table<Ipv4Addr>, addr: Ipv4Addr) -> Self {
        Compiled { trie, table, addr, shortest: 32, leaf: None }
    }

    fn next(&mut self) -> Option<(Ipv4Addr, &'a Entry)> {
        loop {
            if let Some(leaf) = &mut self.leaf {
                let differ = u64::from(self.addr.to_bits() ^ leaf.addr.to_bits());
                while let Some(entry) = leaf.entries.get(leaf.next) {
                    leaf.next += 1;
                    if differ >> 32u8.saturating_sub(entry.len) == 0 {
                        return Some((leaf.addr, entry));
                    }
                }
            }
            let (addr, entries) = self.trie.numbered_leaf(self.next_leaf()?)?;
            self.shortest = self.shortest.min(entries.last()?.len);
            self.leaf = Some(Leaf { addr, entries, next: 0 });
        }
    }

    /// The leaf of the longest match, or of the longest that is shorter than all before.
    fn next_leaf(&mut self) -> Option<u32> {
        if self.leaf.is_none() {
            return self.table.lookup(self.addr);
        }
        let mut shorter = self.table.matches(self.addr).filter(|(prefix, _)| prefix.len() < self.shortest);
        let (prefix, leaf) = shorter.next()?;
        self.shortest = prefix.len();
        Some(leaf)
    }
}
