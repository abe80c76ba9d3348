//! Removing many aliases in one walk, and parting a trie in two.

use fingerpost_net::Ip;

use super::LcTrie;
use super::nodes::{self, Kind, Ref, TOP};
use crate::Alias;

impl<I: Ip, A: Alias> LcTrie<I, A> {
    /// Removes every alias that `remove` chooses, in one walk over the trie;
    /// returns how many (`fib_table_flush`, `fib_table_flush_external`).
    ///
    /// The walk goes from the highest key to the lowest, and within a leaf from
    /// the first alias to the last: `remove` is called in this order, once for
    /// each alias. Each inner node is resized once, when the walk leaves it.
    /// This can give another shape than removing the same aliases one by one,
    /// and **it resizes nodes that have lost nothing too**: a flush that
    /// removes nothing can still change the shape. Where Linux flushes, call
    /// it for each table that Linux walks, and twice for a trie that two
    /// tables share.
    pub fn flush(&mut self, mut remove: impl FnMut(I, &A) -> bool) -> usize {
        let nodes = &mut self.nodes;
        let mut removed = 0;
        let mut parent = TOP;
        // One beyond the slot to be looked at next.
        let mut slot = 1;
        loop {
            if slot == 0 {
                if parent == TOP {
                    break;
                }
                let node = parent;
                let key = nodes.key(node);
                let shape = nodes.shape(node);
                if shape.slen > shape.pos {
                    nodes.update_suffix(node);
                }
                parent = nodes.resize(node);
                slot = nodes.index(key, parent);
                continue;
            }
            slot -= 1;
            match nodes.child(parent, slot).kind() {
                Kind::Nothing => {}
                Kind::Inner(inner) => {
                    parent = inner;
                    slot = 1 << nodes.shape(inner).bits;
                }
                Kind::Leaf(leaf) => {
                    let key = nodes.leaf(leaf).key;
                    removed += nodes.sift_aliases(leaf, |alias| remove(key, alias));
                    let last = nodes.aliases(leaf).last().map(nodes::slen::<I, A>);
                    nodes.set_leaf_slen(leaf, last.unwrap_or(0));
                    if last.is_none() {
                        nodes.put_child(parent, slot, Ref::NOTHING);
                        nodes.free_leaf(leaf);
                    }
                }
            }
        }
        self.len -= removed;
        removed
    }

    /// Parts the aliases that `local` chooses from the others and returns them
    /// as a trie of their own: what Linux does to main's trie, which local's
    /// routes share at first, when the first rule is added (C-009;
    /// `fib_trie_unmerge`, then `fib_table_flush_external`).
    ///
    /// The new trie is built by inserting one alias after another in
    /// [`LcTrie::iter`] order; the old one is [flushed](LcTrie::flush).
    pub fn unmerge(&mut self, local: impl Fn(&A) -> bool) -> Self
    where
        A: Clone,
    {
        let mut parted = LcTrie::new();
        for (addr, alias) in self.iter().filter(|(_, alias)| local(alias)) {
            parted.insert(addr, parted.leaf(addr).len(), alias.clone());
        }
        self.flush(|_, alias| local(alias));
        parted
    }
}
