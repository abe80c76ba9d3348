//! Searching and listing: the order in which Linux meets the aliases.

use core::slice;

use fingerpost_net::Ip;

use super::LcTrie;
use super::nodes::{self, Inner, Kind, Nodes, Ref, TOP};
use crate::Alias;

impl<I: Ip, A: Alias> LcTrie<I, A> {
    /// Every alias whose prefix contains `addr`, longest prefix first, and in
    /// leaf order among equal lengths (C-014), each with its prefix's address.
    ///
    /// The walk of `fib_table_lookup`: down to where the longest match would
    /// be, then back up, cutting the lowest set bit of the slot number each
    /// time and skipping subtrees whose suffix lengths say that nothing can
    /// match there. Lazy, and without allocation: the first match costs one
    /// descent, each further one a part of the way back.
    #[inline]
    pub fn matches(&self, addr: I) -> Matches<'_, I, A> {
        Matches {
            nodes: &self.nodes,
            addr,
            leaf: I::ZERO,
            aliases: [].iter(),
            place: Place { parent: TOP, slot: 0 },
            descended: false,
        }
    }

    /// Every leaf with its aliases, by rising address: the order of dumps.
    pub fn leaves(&self) -> Leaves<'_, I, A> {
        Leaves { nodes: &self.nodes, parent: TOP, slot: 0 }
    }

    /// The leaves from an address on, by rising address.
    pub fn leaves_from(&self, addr: I) -> Leaves<'_, I, A> {
        let key = nodes::number(addr);
        let mut at = self.leaves();
        loop {
            let node = self.nodes.child(at.parent, at.slot);
            match node.kind() {
                Kind::Inner(inner) => match self.nodes.index_within(key, inner) {
                    Some(slot) => (at.parent, at.slot) = (inner, slot),
                    None => break,
                },
                Kind::Leaf(_) | Kind::Nothing => break,
            }
        }
        // What begins before the address ends before it as well.
        let node = self.nodes.child(at.parent, at.slot);
        if self.nodes.key_of(node) < key {
            at.slot += 1;
        }
        at
    }

    /// Every alias with its prefix's address: by rising address, then in leaf
    /// order. This is the order of route dumps.
    pub fn iter(&self) -> impl Iterator<Item = (I, &A)> {
        self.leaves().flat_map(|(addr, aliases)| aliases.iter().map(move |alias| (addr, alias)))
    }
}

/// Iterator of [`LcTrie::matches`].
pub struct Matches<'a, I, A> {
    nodes: &'a Nodes<I, A>,
    addr: I,
    /// Key of the leaf that `aliases` belong to.
    leaf: I,
    aliases: slice::Iter<'a, A>,
    place: Place,
    descended: bool,
}

/// Where to go back from: the lowest node below which something shorter than
/// what has been seen may match, and the slot last taken in it.
struct Place {
    parent: Inner,
    slot: u32,
}

impl<I, A> Matches<'_, I, A> {
    /// Leaves out what is left in the leaf of the last alias, shorter prefixes
    /// included.
    ///
    /// `fib_table_lookup` does so when it refuses a route whose next hops are a
    /// nexthop object; after refusing any other it goes on with the next alias.
    pub fn skip_leaf(&mut self) {
        self.aliases = [].iter();
    }
}

impl<'a, I: Ip, A: Alias> Iterator for Matches<'a, I, A> {
    type Item = (I, &'a A);

    #[inline]
    fn next(&mut self) -> Option<(I, &'a A)> {
        loop {
            let differ = nodes::number(self.addr) ^ nodes::number(self.leaf);
            for alias in self.aliases.by_ref() {
                if nodes::shr::<I>(differ, nodes::slen::<I, A>(alias)) == 0 {
                    return Some((self.leaf, alias));
                }
            }
            let leaf = if self.descended { self.backtrack() } else { self.descend() }?;
            self.leaf = self.nodes.leaf(leaf).key;
            self.aliases = self.nodes.aliases(leaf).iter();
        }
    }
}

impl<I: Ip, A: Alias> Matches<'_, I, A> {
    /// The leaf to look at first.
    fn descend(&mut self) -> Option<u32> {
        self.descended = true;
        let key = nodes::number(self.addr);
        let mut node = self.nodes.child(TOP, 0);
        loop {
            match node.kind() {
                Kind::Nothing => return self.backtrack(),
                Kind::Leaf(leaf) if self.nodes.leaf(leaf).key == self.addr => return Some(leaf),
                Kind::Leaf(_) => return self.prefixes_below(node).or_else(|| self.backtrack()),
                Kind::Inner(inner) => match self.nodes.index_within(key, inner) {
                    None => return self.prefixes_below(node).or_else(|| self.backtrack()),
                    Some(slot) => {
                        let shape = self.nodes.shape(inner);
                        if shape.slen > shape.pos {
                            self.place = Place { parent: inner, slot };
                        }
                        node = self.nodes.child(inner, slot);
                    }
                },
            }
        }
    }

    /// The next leaf on the way back that may hold a matching prefix.
    fn backtrack(&mut self) -> Option<u32> {
        loop {
            while self.place.slot == 0 {
                if self.place.parent == TOP {
                    return None;
                }
                let key = self.nodes.key(self.place.parent);
                let parent = self.nodes.parent(self.place.parent);
                self.place = Place { parent, slot: self.nodes.index(key, parent) };
            }
            self.place.slot &= self.place.slot - 1;
            let leaf = self.prefixes_below(self.nodes.child(self.place.parent, self.place.slot));
            if leaf.is_some() {
                return leaf;
            }
        }
    }

    /// The leaf below `node` whose key is the address with its low bits cut,
    /// if `node` is on the way to one: it lies at the first slots.
    fn prefixes_below(&self, mut node: Ref) -> Option<u32> {
        let key = nodes::number(self.addr);
        // Whether the key differs from a prefix at or above its lowest set bit.
        let mismatch = |prefix: u128| (key ^ prefix) & (prefix | prefix.wrapping_neg()) != 0;
        loop {
            match node.kind() {
                Kind::Nothing => return None,
                Kind::Leaf(number) => {
                    let leaf = self.nodes.leaf(number);
                    return (leaf.slen != 0 && !mismatch(nodes::number(leaf.key))).then_some(number);
                }
                Kind::Inner(inner) => {
                    let shape = self.nodes.shape(inner);
                    if shape.slen == shape.pos || mismatch(self.nodes.key(inner)) {
                        return None;
                    }
                    node = self.nodes.child(inner, 0);
                }
            }
        }
    }
}

/// Iterator of [`LcTrie::leaves`].
pub struct Leaves<'a, I, A> {
    nodes: &'a Nodes<I, A>,
    parent: Inner,
    /// The slot to be looked at next.
    slot: u32,
}

impl<'a, I: Ip, A: Alias> Iterator for Leaves<'a, I, A> {
    type Item = (I, &'a [A]);

    fn next(&mut self) -> Option<(I, &'a [A])> {
        loop {
            if self.slot >> self.nodes.shape(self.parent).bits != 0 {
                if self.parent == TOP {
                    return None;
                }
                let key = self.nodes.key(self.parent);
                self.parent = self.nodes.parent(self.parent);
                self.slot = self.nodes.index(key, self.parent) + 1;
                continue;
            }
            let child = self.nodes.child(self.parent, self.slot);
            self.slot += 1;
            match child.kind() {
                Kind::Nothing => {}
                Kind::Leaf(leaf) => return Some((self.nodes.leaf(leaf).key, self.nodes.aliases(leaf))),
                Kind::Inner(inner) => {
                    self.parent = inner;
                    self.slot = 0;
                }
            }
        }
    }
}
