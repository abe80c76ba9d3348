//! The LC-trie: leaves with their aliases, changed one alias at a time.
//!
//! Here stand the operations that the kernel's table functions are made of.
//! What makes an alias a duplicate, and where in a leaf a new one belongs, is
//! the caller's: it looks at [`LcTrie::leaf`] and names a place.

mod flush;
mod nodes;
mod print;
mod resize;
#[cfg(test)]
mod tests;
mod walk;

use core::fmt;

use fingerpost_net::Ip;

use crate::Alias;
use nodes::{Inner, Kind, Nodes, Ref, TOP};

pub use print::{AliasText, TrieStats};
pub use walk::{Leaves, Matches};

/// A routing trie with the exact shape that Linux gives it.
///
/// The shape depends on the history of changes, not only on what is in it: the
/// same sequence of calls as the kernel's gives the same `/proc/net/fib_trie`
/// (C-021, C-022). Answers never depend on the shape.
///
/// A clone copies a handful of arrays; no pointers are followed.
#[derive(Clone)]
pub struct LcTrie<I, A> {
    nodes: Nodes<I, A>,
    len: usize,
}

impl<I: Ip, A: Alias> LcTrie<I, A> {
    /// An empty trie.
    pub fn new() -> Self {
        LcTrie { nodes: Nodes::new(), len: 0 }
    }

    /// Number of aliases.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no alias.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes on the heap, reserved ones included.
    pub fn heap_bytes(&self) -> usize {
        self.nodes.heap_bytes()
    }

    /// The aliases whose prefix has exactly the address bits `addr`, whatever
    /// its length, in their order (C-010); empty when there are none.
    pub fn leaf(&self, addr: I) -> &[A] {
        match self.find(addr) {
            (Some(leaf), _) => self.nodes.aliases(leaf),
            (None, _) => &[],
        }
    }

    /// [`LcTrie::leaf`] for changing aliases in place, as replacing a route
    /// does (C-026). Prefix lengths must stay.
    pub fn leaf_mut(&mut self, addr: I) -> Option<&mut [A]> {
        let leaf = self.find(addr).0?;
        Some(self.nodes.aliases_mut(leaf))
    }

    /// Inserts an alias with the address bits `addr` before the one that is at
    /// `index` in the leaf, or at the end (`fib_insert_alias`).
    ///
    /// `addr` must have no bits below the prefix length, and longer prefixes
    /// must stay before shorter ones: debug builds assert both, and that
    /// `index` does not exceed the leaf's length; release builds take it for the end.
    pub fn insert(&mut self, addr: I, index: usize, alias: A) {
        let len = alias.prefix_len();
        debug_assert!(len <= I::WIDTH, "prefix length {len} exceeds the address width");
        debug_assert!(
            len == I::WIDTH || addr.to_key().trailing_zeros() >= 128 - u32::from(len),
            "{addr}/{len} has bits below its length"
        );
        let slen = nodes::slen::<I, A>(&alias);
        self.len += 1;
        let (leaf, parent) = match self.find(addr) {
            (Some(leaf), parent) => (leaf, parent),
            (None, parent) => return self.insert_leaf(parent, addr, alias),
        };

        let there = self.nodes.aliases(leaf);
        debug_assert!(index <= there.len(), "place {index} in a leaf of {}", there.len());
        let index = index.min(there.len());
        debug_assert!(
            there[..index].last().is_none_or(|a| a.prefix_len() >= len)
                && there[index..].first().is_none_or(|a| a.prefix_len() <= len),
            "longer prefixes come first in a leaf"
        );
        self.nodes.insert_alias(leaf, index, alias);
        if self.nodes.leaf(leaf).slen < slen {
            self.nodes.set_leaf_slen(leaf, slen);
            self.nodes.push_suffix(parent, slen);
        }
    }

    /// Removes the alias at a place in the leaf of `addr` (`fib_remove_alias`).
    pub fn remove(&mut self, addr: I, index: usize) -> Option<A> {
        let (leaf, parent) = self.find(addr);
        let leaf = leaf?;
        if index >= self.nodes.aliases(leaf).len() {
            return None;
        }
        let alias = self.nodes.remove_alias(leaf, index)?;
        self.len -= 1;

        let Some(last) = self.nodes.aliases(leaf).last() else {
            // The suffix length is looked for while the leaf is still there,
            // so it may stay too long until the node is next resized: this
            // costs a walk some steps and is otherwise not seen.
            let pos = self.nodes.shape(parent).pos;
            if self.nodes.shape(parent).slen == self.nodes.leaf(leaf).slen {
                self.nodes.pull_suffix(parent, pos);
            }
            self.nodes.put_child(parent, self.nodes.index(nodes::number(addr), parent), Ref::NOTHING);
            self.nodes.free_leaf(leaf);
            self.nodes.rebalance(parent);
            return Some(alias);
        };

        let slen = nodes::slen::<I, A>(last);
        let was_last = index == self.nodes.aliases(leaf).len();
        if was_last {
            self.nodes.set_leaf_slen(leaf, slen);
            self.nodes.pull_suffix(parent, slen);
        }
        Some(alias)
    }

    /// The leaf with this key, and the inner node above its place
    /// (`fib_find_node`).
    fn find(&self, addr: I) -> (Option<u32>, Inner) {
        let key = nodes::number(addr);
        let mut parent = TOP;
        let mut node = self.nodes.child(TOP, 0);
        loop {
            match node.kind() {
                Kind::Nothing => return (None, parent),
                Kind::Leaf(leaf) => return ((self.nodes.leaf(leaf).key == addr).then_some(leaf), parent),
                Kind::Inner(inner) => match self.nodes.index_within(key, inner) {
                    None => return (None, parent),
                    Some(index) => {
                        parent = inner;
                        node = self.nodes.child(inner, index);
                    }
                },
            }
        }
    }

    /// Puts a new leaf below `parent` (`fib_insert_node`).
    fn insert_leaf(&mut self, mut parent: Inner, addr: I, alias: A) {
        let key = nodes::number(addr);
        let slen = nodes::slen::<I, A>(&alias);
        let nodes = &mut self.nodes;
        let leaf = nodes.new_leaf(addr, alias);

        let slot = nodes.index(key, parent);
        let occupant = nodes.child(parent, slot);
        if !occupant.is_nothing() {
            let differ = key ^ nodes.key_of(occupant);
            let pair = nodes.new_inner(key, differ.ilog2() as u8, 1);
            nodes.put_child(pair, nodes.index(key, pair) ^ 1, occupant);
            nodes.put_child(parent, slot, pair.into());
            parent = pair;
        }
        nodes.push_suffix(parent, slen);
        nodes.put_child(parent, nodes.index(key, parent), Ref::leaf(leaf));
        nodes.rebalance(parent);
    }
}

impl<I: Ip, A: Alias> Default for LcTrie<I, A> {
    fn default() -> Self {
        Self::new()
    }
}

impl<I: Ip, A: Alias + fmt::Debug> fmt::Debug for LcTrie<I, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
