//! Keeping the trie in shape: doubling, halving and collapsing nodes, and the
//! suffix lengths.
//!
//! The order of every step matters, since each decision is taken on the
//! counters that the steps before have left (C-021). Named as in
//! `net/ipv4/fib_trie.c`.

use fingerpost_net::Ip;

use super::nodes::{Inner, Kind, Nodes, Ref, TOP};
use crate::Alias;

/// Doublings, or halvings, in one visit of a node.
const MAX_WORK: u32 = 10;

/// Percentages of used children: a node below the top pseudo node stays wider.
const INFLATE: u64 = 50;
const INFLATE_ROOT: u64 = 30;
const HALVE: u64 = 25;
const HALVE_ROOT: u64 = 15;

impl<I: Ip, A: Alias> Nodes<I, A> {
    /// Resizes every node from `node` up to the root (`trie_rebalance`).
    pub fn rebalance(&mut self, mut node: Inner) {
        while node != TOP {
            node = self.resize(node);
        }
    }

    /// Brings one node to its proper width, or replaces it by its only child;
    /// returns its parent (`resize`).
    pub fn resize(&mut self, mut node: Inner) -> Inner {
        let parent = self.parent(node);
        let slot = self.index(self.key(node), parent);

        let mut work = MAX_WORK;
        while work > 0 && self.has_room() && self.should_inflate(parent, node) {
            node = self.inflate(node);
            work -= 1;
        }
        if work != MAX_WORK {
            return parent;
        }

        while work > 0 && self.has_room() && self.should_halve(parent, node) {
            node = self.halve(node);
            work -= 1;
        }

        if self.used(node) < 2 {
            self.collapse(parent, slot, node);
        }
        parent
    }

    /// Number of children that are something.
    fn used(&self, node: Inner) -> u32 {
        (1 << self.shape(node).bits) - self.empty(node)
    }

    fn should_inflate(&self, parent: Inner, node: Inner) -> bool {
        let shape = self.shape(node);
        let threshold = if parent == TOP { INFLATE_ROOT } else { INFLATE } << shape.bits;
        let used = u64::from(self.used(node)) + u64::from(self.full(node));
        used > 1 && shape.pos > 0 && 50 * used >= threshold
    }

    fn should_halve(&self, parent: Inner, node: Inner) -> bool {
        let shape = self.shape(node);
        let threshold = if parent == TOP { HALVE_ROOT } else { HALVE } << shape.bits;
        let used = u64::from(self.used(node));
        used > 1 && shape.bits > 1 && 100 * used < threshold
    }

    /// Replaces a node by one of twice the width; its full children are split.
    fn inflate(&mut self, old: Inner) -> Inner {
        let shape = self.shape(old);
        let new = self.new_inner(self.key(old), shape.pos - 1, shape.bits + 1);
        let split = 1u128 << (shape.pos - 1);

        for i in (0..1 << shape.bits).rev() {
            let child = self.child(old, i);
            let full = match child.kind() {
                Kind::Nothing => continue,
                Kind::Inner(inner) if self.is_full(old, child) => inner,
                _ => {
                    let index = self.index(self.key_of(child), new);
                    self.put_child(new, index, child);
                    continue;
                }
            };

            let below = self.shape(full);
            if below.bits == 1 {
                for half in [1, 0] {
                    let grandchild = self.child(full, half);
                    self.put_child(new, 2 * i + half, grandchild);
                }
                self.free_inner(full);
                continue;
            }

            let key = self.key(full);
            let half_width = 1 << (below.bits - 1);
            let high = self.new_inner(key | split, below.pos, below.bits - 1);
            let low = self.new_inner(key, below.pos, below.bits - 1);
            for j in (0..half_width).rev() {
                let (upper, lower) = (self.child(full, half_width + j), self.child(full, j));
                self.put_child(high, j, upper);
                self.put_child(low, j, lower);
            }
            self.put_child(new, 2 * i + 1, high.into());
            self.put_child(new, 2 * i, low.into());
            self.free_inner(full);
        }
        self.replace(old, new);
        new
    }

    /// Replaces a node by one of half the width; pairs of children get a node
    /// of their own.
    fn halve(&mut self, old: Inner) -> Inner {
        let shape = self.shape(old);
        let new = self.new_inner(self.key(old), shape.pos + 1, shape.bits - 1);

        for i in (0..1u32 << (shape.bits - 1)).rev() {
            let (low, high) = (self.child(old, 2 * i), self.child(old, 2 * i + 1));
            let child = if high.is_nothing() {
                low
            } else if low.is_nothing() {
                high
            } else {
                let pair = self.new_inner(self.key_of(low), shape.pos, 1);
                self.put_child(pair, 1, high);
                self.put_child(pair, 0, low);
                pair.into()
            };
            self.put_child(new, i, child);
        }
        self.replace(old, new);
        new
    }

    /// Puts `new` where `old` was, then resizes the full children of `new`
    /// from the last to the first.
    fn replace(&mut self, old: Inner, new: Inner) {
        let parent = self.parent(old);
        let slot = self.index(self.key(new), parent);
        self.put_child(parent, slot, new.into());
        self.free_inner(old);

        for i in (0..1 << self.shape(new).bits).rev() {
            let child = self.child(new, i);
            if let Kind::Inner(inner) = child.kind()
                && self.is_full(new, child)
            {
                self.resize(inner);
            }
        }
    }

    /// Replaces a node by its only child, or by nothing.
    fn collapse(&mut self, parent: Inner, slot: u32, node: Inner) {
        let width = 1 << self.shape(node).bits;
        let child = (0..width).rev().map(|i| self.child(node, i)).find(|c| !c.is_nothing());
        self.put_child(parent, slot, child.unwrap_or(Ref::NOTHING));
        self.free_inner(node);
    }
}

// ------------------------------------------------------------ suffix lengths

impl<I: Ip, A: Alias> Nodes<I, A> {
    /// Computes a node's suffix length from its children (`update_suffix`).
    ///
    /// Only the child in slot 0 can have one beyond the node's own index, and
    /// one that ends inside the index only stands in a slot whose low bits are
    /// zero; so the step widens as the value found grows.
    pub fn update_suffix(&mut self, node: Inner) -> u8 {
        let shape = self.shape(node);
        let most = shape.slen.min(shape.pos + shape.bits - 1);
        let mut slen = shape.pos;
        let (mut i, mut stride) = (0u64, 2u64);
        while i < 1 << shape.bits {
            let child = self.slen_of(self.child(node, i as u32));
            if child > slen {
                let grown = child - slen;
                slen = child;
                if slen >= most {
                    break;
                }
                stride <<= grown;
                i &= !(stride - 1);
            }
            i += stride;
        }
        self.set_slen(node, slen);
        slen
    }

    /// After a suffix of length `slen` has become the longest below (`node_pull_suffix`).
    pub fn pull_suffix(&mut self, mut node: Inner, mut slen: u8) {
        let mut shape = self.shape(node);
        while shape.slen > shape.pos && shape.slen > slen {
            slen = self.update_suffix(node);
            if shape.slen == slen {
                break;
            }
            node = self.parent(node);
            shape = self.shape(node);
        }
    }

    /// After a suffix of length `slen` has come below (`node_push_suffix`).
    pub fn push_suffix(&mut self, mut node: Inner, slen: u8) {
        while self.shape(node).slen < slen {
            self.set_slen(node, slen);
            node = self.parent(node);
        }
    }
}
