//! The LC-trie: leaves with their aliases, changed one alias at a time.
//!
//! Here stand the operations that the kernel's table functions are made of.
//! What makes an alias a duplicate, and where in a leaf a new one belongs, is
//! the caller's: it looks at [`LcTrie::leaf`] and names a place.
//!
//! ```
//! use fingerpost_fib::{Alias, LcTrie};
//! use std::net::Ipv4Addr;
//!
//! struct Route { len: u8, via: &'static str }
//! impl Alias for Route {
//!     fn prefix_len(&self) -> u8 { self.len }
//! }
//!
//! let mut trie = LcTrie::new();
//! trie.insert(Ipv4Addr::new(0, 0, 0, 0), 0, Route { len: 0, via: "uplink" });
//! trie.insert(Ipv4Addr::new(10, 0, 0, 0), 0, Route { len: 8, via: "office" });
//! // The same address bits, another length: the same leaf, longer ones first.
//! trie.insert(Ipv4Addr::new(10, 0, 0, 0), 0, Route { len: 24, via: "lab" });
//!
//! // All matches, the longest first: a caller may refuse one and go on.
//! let vias = |addr| trie.matches(addr).map(|(_, r)| r.via).collect::<Vec<_>>();
//! assert_eq!(vias(Ipv4Addr::new(10, 0, 0, 7)), ["lab", "office", "uplink"]);
//! assert_eq!(vias(Ipv4Addr::new(10, 9, 9, 9)), ["office", "uplink"]);
//! ```
//!
//! # The LC-trie
//!
//! A binary trie decides one address bit a step: up to 32 steps, most of them
//! through nodes with only one way on. An LC-trie takes two kinds of shortcut.
//!
//! *Path compression.* A stretch of bits on which all routes below agree is
//! skipped. Nothing tests those bits on the way down; a node remembers its
//! whole key instead, so that one comparison finds out afterwards.
//!
//! *Level compression.* Where the trie is dense, several levels become one
//! node with an array of 2^`bits` children, indexed by that many address bits
//! at once. A node therefore has a place, `pos`, the number of bits below its
//! index, and a width, `bits`:
//!
//! ```text
//! 10.0.0.0/22, 3 bits wide      00001010 00000000 000000 000 0000000
//!                               '------- key ----------' '+' '-pos-'
//!                                                       bits
//!   slot 0   10.0.0.0           a leaf: /24, /8
//!   slot 1   nothing
//!   slot 2   10.0.1.0           a leaf: /24
//!   slot 3   10.0.1.128/31      an inner node that skips six bits
//!   slot 4 to 7  nothing
//! ```
//!
//! **Leaves.** Prefixes with the same address bits share a leaf whatever their
//! lengths: 10.0.0.0/8 and 10.0.0.0/24 do, and so do routes that differ in
//! tos, metric or (while two tables share a trie) table. In the leaf they form
//! a list, longer prefixes first (C-010).
//!
//! **Searching** ([`LcTrie::matches`]) goes down by the address's bits to a
//! leaf, an empty slot or a node whose skipped bits differ. If that leaf is it,
//! the longest prefix is found. Otherwise a shorter prefix is wanted, that is
//! one with more zero bits at the end: the walk goes back up, and in each node
//! clears the lowest set bit of the slot number it came by, looks there for a
//! leaf (at the first slots all the way down), and goes up once the number is
//! zero. To save steps, every node knows the longest suffix (width minus
//! prefix length) below it, `slen`: where it is no more than `pos`, all
//! prefixes below reach past the node's index, and none can match by cutting bits.
//!
//! **Changing** puts in or takes out one leaf, and then visits the nodes from
//! there to the root (C-021). Let *used* be the number of children that are
//! not empty, and *full* the number of those that are inner nodes directly
//! below, with no bit skipped. A node of `n` children
//!
//! - doubles while 50 · (used + full) ≥ 50 · n (30 · n for the root): when,
//!   once doubled, at least half (three tenths) of its slots would be used;
//! - else halves while 100 · used < 25 · n (15 · n for the root);
//! - then, if fewer than two children are used, gives way to its only child.
//!
//! At most ten doublings or halvings are made in one visit. Doubling splits
//! the full children in two, halving puts a new two-child node above each pair
//! of neighbours; the children of a new node are then visited in their turn.
//! Between the two thresholds nothing happens, hence the shape remembers: 32
//! neighbouring /24s of which 23 are deleted again leave another trie than the
//! nine that remain, added directly. [`LcTrie::flush`] removes many at once,
//! visits nodes in another order, and gives yet another.
//!
//! # Cost
//!
//! Inner nodes are blocks in one array of 32-bit words, leaves lie in another,
//! and references are 32-bit numbers: a full Internet table of 900,000 IPv4
//! routes with 16 bytes each takes about 50 MB, builds in about half a second,
//! and copies in about 20 ms ([`Clone`]). The first match costs two or three
//! dependent steps, a hundred to some hundred nanoseconds, and no allocation.

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

    /// The number of the leaf of `addr`, by which another structure can refer to
    /// it: below 2^31, small where there are few leaves, the same until the leaf
    /// loses its last alias, and possibly another leaf's after that.
    pub fn leaf_number(&self, addr: I) -> Option<u32> {
        self.find(addr).0
    }

    /// The address bits and the aliases of the leaf with this number.
    #[inline]
    pub fn numbered_leaf(&self, number: u32) -> Option<(I, &[A])> {
        self.nodes.numbered(number)
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
