//! The reference: the same answers in the most obvious way.
//!
//! For tests and for reading. No shape, no speed.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use fingerpost_net::{Ip, Prefix};

use crate::Alias;

/// Aliases by the address bits of their prefixes, searched length by length.
#[derive(Clone, Debug)]
pub struct Linear<I, A> {
    leaves: BTreeMap<I, Vec<A>>,
}

impl<I: Ip, A: Alias> Linear<I, A> {
    /// An empty table.
    pub fn new() -> Self {
        Linear { leaves: BTreeMap::new() }
    }

    /// Number of aliases.
    pub fn len(&self) -> usize {
        self.leaves.values().map(Vec::len).sum()
    }

    /// Whether there is no alias.
    pub fn is_empty(&self) -> bool {
        self.leaves.is_empty()
    }

    /// The aliases of one leaf, as [`LcTrie::leaf`](crate::LcTrie::leaf).
    pub fn leaf(&self, addr: I) -> &[A] {
        self.leaves.get(&addr).map_or(&[], Vec::as_slice)
    }

    /// As [`LcTrie::insert`](crate::LcTrie::insert).
    pub fn insert(&mut self, addr: I, index: usize, alias: A) {
        let leaf = self.leaves.entry(addr).or_default();
        leaf.insert(index.min(leaf.len()), alias);
    }

    /// As [`LcTrie::remove`](crate::LcTrie::remove).
    pub fn remove(&mut self, addr: I, index: usize) -> Option<A> {
        let leaf = self.leaves.get_mut(&addr)?;
        let alias = (index < leaf.len()).then(|| leaf.remove(index));
        if leaf.is_empty() {
            self.leaves.remove(&addr);
        }
        alias
    }

    /// As [`LcTrie::flush`](crate::LcTrie::flush), in the same order.
    pub fn flush(&mut self, mut remove: impl FnMut(I, &A) -> bool) -> usize {
        let before = self.len();
        for (addr, leaf) in self.leaves.iter_mut().rev() {
            leaf.retain(|alias| !remove(*addr, alias));
        }
        self.leaves.retain(|_, leaf| !leaf.is_empty());
        before - self.len()
    }

    /// As [`LcTrie::matches`](crate::LcTrie::matches).
    pub fn matches(&self, addr: I) -> impl Iterator<Item = (I, &A)> {
        (0..=I::WIDTH).rev().filter_map(move |len| Prefix::containing(addr, len).ok()).flat_map(|prefix| {
            let leaf = self.leaf(prefix.addr()).iter();
            leaf.filter(move |a| a.prefix_len() == prefix.len()).map(move |a| (prefix.addr(), a))
        })
    }

    /// As [`LcTrie::iter`](crate::LcTrie::iter).
    pub fn iter(&self) -> impl Iterator<Item = (I, &A)> {
        self.leaves.iter().flat_map(|(addr, leaf)| leaf.iter().map(move |alias| (*addr, alias)))
    }
}

impl<I: Ip, A: Alias> Default for Linear<I, A> {
    fn default() -> Self {
        Self::new()
    }
}
