//! Where the nodes live: leaves in one array, inner nodes in one array of words.
//!
//! Knows how a node is stored, what its fields are and how a child is put into a
//! slot with the counters kept right. Knows nothing of *when* a node should
//! grow or shrink (that is [`super::resize`]) or of searching.
//!
//! An inner node is a block of `u32` words: five words of fields (eight for
//! IPv6), then its child slots. Blocks of a freed node are kept in one free
//! list per size. A child slot is a [`Ref`]: nothing, a leaf's number, or an
//! inner node's place in the array.

use alloc::vec::Vec;
use core::marker::PhantomData;
use core::mem;

use fingerpost_net::Ip;

use crate::Alias;

/// What a child slot holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Ref(u32);

/// What a [`Ref`] refers to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Nothing,
    Leaf(u32),
    Inner(Inner),
}

const LEAF_BIT: u32 = 1 << 31;

impl Ref {
    pub const NOTHING: Ref = Ref(0);

    pub fn leaf(number: u32) -> Ref {
        Ref(number | LEAF_BIT)
    }

    #[inline]
    pub fn is_nothing(self) -> bool {
        self.0 == 0
    }

    #[inline]
    pub fn kind(self) -> Kind {
        if self.0 & LEAF_BIT != 0 {
            Kind::Leaf(self.0 & !LEAF_BIT)
        } else if self.0 == 0 {
            Kind::Nothing
        } else {
            Kind::Inner(Inner(self.0))
        }
    }
}

impl From<Inner> for Ref {
    fn from(node: Inner) -> Ref {
        Ref(node.0)
    }
}

/// An inner node (the kernel's `tnode`), by its place in the word array.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Inner(u32);

/// The pseudo node above the trie: `pos` is the address width, one child slot.
pub(super) const TOP: Inner = Inner(0);

/// The word array never grows beyond what a [`Ref`] can address.
const MAX_WORDS: usize = LEAF_BIT as usize;

/// No node is wider: [`Nodes::has_room`] sees to it.
const MAX_BITS: usize = 30;

// Fields of a block, in words from its start.
const PARENT: usize = 0;
const EMPTY: usize = 1;
const FULL: usize = 2;
const SHAPE: usize = 3;
const KEY: usize = 4;

/// A node's place in the key: which bits index its children.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Shape {
    /// Number of low key bits below the index.
    pub pos: u8,
    /// Width of the index; 2^bits children.
    pub bits: u8,
    /// At least the longest suffix (width − prefix length) in the subtree.
    pub slen: u8,
}

impl Shape {
    fn pack(self) -> u32 {
        u32::from_le_bytes([self.pos, self.bits, self.slen, 0])
    }

    #[inline]
    fn unpack(word: u32) -> Shape {
        let [pos, bits, slen, _] = word.to_le_bytes();
        Shape { pos, bits, slen }
    }
}

/// The aliases of a leaf: mostly one, kept in place.
#[derive(Clone, Debug)]
enum Held<A> {
    /// The leaf is not in use.
    Free,
    One(A),
    /// Two or more, in this entry of [`Nodes::lists`].
    Many(u32),
}

#[derive(Clone, Debug)]
pub(super) struct Leaf<I, A> {
    pub key: I,
    /// Suffix length of the last, that is shortest, alias.
    pub slen: u8,
    held: Held<A>,
}

/// All nodes of one trie.
#[derive(Clone, Debug)]
pub(super) struct Nodes<I, A> {
    words: Vec<u32>,
    /// First free block for each width.
    free_blocks: [u32; MAX_BITS + 1],
    leaves: Vec<Leaf<I, A>>,
    free_leaves: Vec<u32>,
    lists: Vec<Vec<A>>,
    free_lists: Vec<u32>,
    family: PhantomData<I>,
}

/// An address as a right-aligned number.
#[inline]
pub(super) fn number<I: Ip>(addr: I) -> u128 {
    addr.to_key() >> (128 - I::WIDTH)
}

/// The address of a right-aligned number.
#[inline]
pub(super) fn address<I: Ip>(number: u128) -> I {
    I::from_key(number << (128 - I::WIDTH))
}

/// `x >> by` where `by` may be the whole width; in 64 bits where they suffice.
#[inline]
pub(super) fn shr<I: Ip>(x: u128, by: u8) -> u128 {
    if I::WIDTH < 64 {
        u128::from((x as u64) >> (by & 63))
    } else {
        x.checked_shr(u32::from(by)).unwrap_or(0)
    }
}

/// The suffix length of an alias, the kernel's `fa_slen`.
#[inline]
pub(super) fn slen<I: Ip, A: Alias>(alias: &A) -> u8 {
    I::WIDTH.saturating_sub(alias.prefix_len())
}

// ---------------------------------------------------------------- inner nodes

impl<I: Ip, A: Alias> Nodes<I, A> {
    const CHILDREN: usize = KEY + I::WIDTH as usize / 32;

    pub fn new() -> Self {
        let mut nodes = Nodes {
            words: Vec::new(),
            free_blocks: [0; MAX_BITS + 1],
            leaves: Vec::new(),
            free_leaves: Vec::new(),
            lists: Vec::new(),
            free_lists: Vec::new(),
            family: PhantomData,
        };
        nodes.words.resize(Self::CHILDREN + 1, 0);
        nodes.words[SHAPE] = Shape { pos: I::WIDTH, bits: 0, slen: I::WIDTH }.pack();
        nodes
    }

    /// Heap bytes in use or reserved.
    pub fn heap_bytes(&self) -> usize {
        self.words.capacity() * mem::size_of::<u32>()
            + self.leaves.capacity() * mem::size_of::<Leaf<I, A>>()
            + (self.free_leaves.capacity() + self.free_lists.capacity()) * mem::size_of::<u32>()
            + self.lists.capacity() * mem::size_of::<Vec<A>>()
            + self.lists.iter().map(|l| l.capacity() * mem::size_of::<A>()).sum::<usize>()
    }

    /// Whether a node may be resized: doing so adds at most twice the words in
    /// use. Without room nodes stay as they are, as the kernel's do when it
    /// cannot allocate. It takes 2 GiB of inner nodes to get there.
    pub fn has_room(&self) -> bool {
        self.words.len() <= MAX_WORDS / 4
    }

    /// A new node whose children are all empty.
    pub fn new_inner(&mut self, key: u128, pos: u8, bits: u8) -> Inner {
        let size = Self::CHILDREN + (1 << bits);
        let free = self.free_blocks[usize::from(bits)];
        let at = if free != 0 {
            let at = free as usize;
            self.free_blocks[usize::from(bits)] = self.words[at];
            self.words[at..at + size].fill(0);
            at
        } else {
            let at = self.words.len();
            assert!(at + size <= MAX_WORDS, "a trie holds at most 8 GiB of inner nodes");
            self.words.resize(at + size, 0);
            at
        };
        self.words[at + EMPTY] = 1 << bits;
        self.words[at + SHAPE] = Shape { pos, bits, slen: pos }.pack();
        let shift = u32::from(pos + bits);
        let key = if shift < u32::from(I::WIDTH) { key >> shift << shift } else { 0 };
        for word in 0..Self::CHILDREN - KEY {
            self.words[at + KEY + word] = (key >> (32 * word)) as u32;
        }
        Inner(at as u32)
    }

    pub fn free_inner(&mut self, node: Inner) {
        let bits = usize::from(self.shape(node).bits);
        self.words[node.0 as usize] = self.free_blocks[bits];
        self.free_blocks[bits] = node.0;
    }

    #[inline]
    fn word(&self, node: Inner, field: usize) -> u32 {
        self.words[node.0 as usize + field]
    }

    #[inline]
    fn word_mut(&mut self, node: Inner, field: usize) -> &mut u32 {
        &mut self.words[node.0 as usize + field]
    }

    #[inline]
    pub fn shape(&self, node: Inner) -> Shape {
        Shape::unpack(self.word(node, SHAPE))
    }

    #[inline]
    pub fn key(&self, node: Inner) -> u128 {
        if I::WIDTH == 32 {
            return u128::from(self.word(node, KEY));
        }
        (0..Self::CHILDREN - KEY).fold(0, |key, w| key | u128::from(self.word(node, KEY + w)) << (32 * w))
    }

    #[inline]
    pub fn parent(&self, node: Inner) -> Inner {
        Inner(self.word(node, PARENT))
    }

    /// Number of children that are nothing.
    pub fn empty(&self, node: Inner) -> u32 {
        self.word(node, EMPTY)
    }

    /// Number of children that are inner nodes and skip no bits.
    pub fn full(&self, node: Inner) -> u32 {
        self.word(node, FULL)
    }

    pub fn set_slen(&mut self, node: Inner, slen: u8) {
        let shape = Shape { slen, ..self.shape(node) };
        *self.word_mut(node, SHAPE) = shape.pack();
    }

    #[inline]
    pub fn child(&self, node: Inner, index: u32) -> Ref {
        Ref(self.word(node, Self::CHILDREN + index as usize))
    }

    /// The child slot of `node` on the way to `key`, which must be below it.
    #[inline]
    pub fn index(&self, key: u128, node: Inner) -> u32 {
        shr::<I>(key ^ self.key(node), self.shape(node).pos) as u32
    }

    /// The child slot of `node` for `key`, unless the key differs from the
    /// node's in the bits above the index.
    #[inline]
    pub fn index_within(&self, key: u128, node: Inner) -> Option<u32> {
        let shape = self.shape(node);
        let index = shr::<I>(key ^ self.key(node), shape.pos);
        (index >> shape.bits == 0).then_some(index as u32)
    }

    /// The key of a leaf or inner node.
    pub fn key_of(&self, node: Ref) -> u128 {
        match node.kind() {
            Kind::Nothing => 0,
            Kind::Leaf(leaf) => number(self.leaf(leaf).key),
            Kind::Inner(node) => self.key(node),
        }
    }

    /// The suffix length of a leaf or inner node.
    pub fn slen_of(&self, node: Ref) -> u8 {
        match node.kind() {
            Kind::Nothing => 0,
            Kind::Leaf(leaf) => self.leaf(leaf).slen,
            Kind::Inner(node) => self.shape(node).slen,
        }
    }

    /// Whether `child` is an inner node directly below the index of `node`
    /// (the kernel's `tnode_full`).
    pub fn is_full(&self, node: Inner, child: Ref) -> bool {
        match child.kind() {
            Kind::Inner(child) => {
                let child = self.shape(child);
                child.pos + child.bits == self.shape(node).pos
            }
            _ => false,
        }
    }

    /// Puts a child into a slot, keeps the counters and the suffix length of
    /// `node`, and makes `node` the child's parent (`put_child`, `put_child_root`).
    pub fn put_child(&mut self, node: Inner, index: u32, child: Ref) {
        if let Kind::Inner(child) = child.kind() {
            *self.word_mut(child, PARENT) = node.0;
        }
        let slot = Self::CHILDREN + index as usize;
        if node == TOP {
            *self.word_mut(node, slot) = child.0;
            return;
        }
        let old = self.child(node, index);
        match (old.is_nothing(), child.is_nothing()) {
            (true, false) => *self.word_mut(node, EMPTY) -= 1,
            (false, true) => *self.word_mut(node, EMPTY) += 1,
            _ => {}
        }
        match (self.is_full(node, old), self.is_full(node, child)) {
            (true, false) => *self.word_mut(node, FULL) -= 1,
            (false, true) => *self.word_mut(node, FULL) += 1,
            _ => {}
        }
        let slen = self.slen_of(child);
        if self.shape(node).slen < slen {
            self.set_slen(node, slen);
        }
        *self.word_mut(node, slot) = child.0;
    }
}

// --------------------------------------------------------------------- leaves

impl<I: Ip, A: Alias> Nodes<I, A> {
    pub fn new_leaf(&mut self, key: I, alias: A) -> u32 {
        let leaf = Leaf { key, slen: slen::<I, A>(&alias), held: Held::One(alias) };
        match self.free_leaves.pop() {
            Some(number) => {
                self.leaves[number as usize] = leaf;
                number
            }
            None => {
                let number = self.leaves.len();
                assert!(number < LEAF_BIT as usize, "a trie holds at most 2^31 leaves");
                self.leaves.push(leaf);
                number as u32
            }
        }
    }

    /// Gives back a leaf that has no aliases left.
    pub fn free_leaf(&mut self, leaf: u32) {
        self.free_leaves.push(leaf);
    }

    #[inline]
    pub fn leaf(&self, leaf: u32) -> &Leaf<I, A> {
        &self.leaves[leaf as usize]
    }

    /// The key and the aliases of a leaf, if there is one with this number.
    #[inline]
    pub fn numbered(&self, leaf: u32) -> Option<(I, &[A])> {
        let leaf = self.leaves.get(leaf as usize)?;
        let aliases = match &leaf.held {
            Held::Free => return None,
            Held::One(alias) => core::slice::from_ref(alias),
            Held::Many(list) => &self.lists[*list as usize],
        };
        Some((leaf.key, aliases))
    }

    pub fn set_leaf_slen(&mut self, leaf: u32, slen: u8) {
        self.leaves[leaf as usize].slen = slen;
    }

    #[inline]
    pub fn aliases(&self, leaf: u32) -> &[A] {
        match &self.leaves[leaf as usize].held {
            Held::Free => &[],
            Held::One(alias) => core::slice::from_ref(alias),
            Held::Many(list) => &self.lists[*list as usize],
        }
    }

    pub fn aliases_mut(&mut self, leaf: u32) -> &mut [A] {
        match &mut self.leaves[leaf as usize].held {
            Held::Free => &mut [],
            Held::One(alias) => core::slice::from_mut(alias),
            Held::Many(list) => &mut self.lists[*list as usize],
        }
    }

    /// Inserts an alias at a place not beyond the end.
    pub fn insert_alias(&mut self, leaf: u32, index: usize, alias: A) {
        let held = &mut self.leaves[leaf as usize].held;
        *held = match mem::replace(held, Held::Free) {
            Held::Free => Held::One(alias),
            Held::One(first) => {
                let mut both = Vec::with_capacity(2);
                both.push(first);
                both.insert(index, alias);
                match self.free_lists.pop() {
                    Some(list) => {
                        self.lists[list as usize] = both;
                        Held::Many(list)
                    }
                    None => {
                        self.lists.push(both);
                        Held::Many(self.lists.len() as u32 - 1)
                    }
                }
            }
            Held::Many(list) => {
                self.lists[list as usize].insert(index, alias);
                Held::Many(list)
            }
        };
    }

    /// Removes an alias at a place that exists; the leaf may end up empty.
    pub fn remove_alias(&mut self, leaf: u32, index: usize) -> Option<A> {
        let held = &mut self.leaves[leaf as usize].held;
        match mem::replace(held, Held::Free) {
            Held::Free => None,
            Held::One(alias) => Some(alias),
            Held::Many(list) => {
                let alias = self.lists[list as usize].remove(index);
                *held = Held::Many(list);
                self.settle(leaf);
                Some(alias)
            }
        }
    }

    /// Removes the aliases that `remove` chooses, asked in order; how many.
    pub fn sift_aliases(&mut self, leaf: u32, mut remove: impl FnMut(&A) -> bool) -> usize {
        let held = &mut self.leaves[leaf as usize].held;
        match held {
            Held::Free => 0,
            Held::One(alias) => {
                let gone = remove(alias);
                if gone {
                    *held = Held::Free;
                }
                usize::from(gone)
            }
            Held::Many(list) => {
                let list = &mut self.lists[*list as usize];
                let before = list.len();
                list.retain(|alias| !remove(alias));
                let gone = before - list.len();
                self.settle(leaf);
                gone
            }
        }
    }

    /// Takes back a list that has shrunk to one alias or none.
    fn settle(&mut self, leaf: u32) {
        let held = &mut self.leaves[leaf as usize].held;
        if let Held::Many(number) = *held {
            let list = &mut self.lists[number as usize];
            if list.len() < 2 {
                *held = list.pop().map_or(Held::Free, Held::One);
                *list = Vec::new();
                self.free_lists.push(number);
            }
        }
    }
}
