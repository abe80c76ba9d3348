//! The routes that a table was made from: a trie with a stride of six bits.
//!
//! What the compiled form forgets is kept here: which prefixes there are, those
//! hidden below longer ones included. The shape mirrors the compiled one, so
//! that a changed prefix names the block that has to be made anew.
//!
//! A [`Node`] at depth *d* stands for *d* leading bits and holds the prefixes
//! of lengths *d* + 1 to *d* + 6 below them, at most 2 + 4 + … + 64 = 126, as
//! bits of two words; their codes lie in one array in the order of the bits.
//! A third word says which of its 64 children there are. A subtree of a single
//! route is no chain of nodes but one [`Tail`]. (This is a *tree bitmap*
//! whose nodes own the lengths at their lower edge instead of the upper one:
//! the /24s of the Internet then sit in nodes at depth 18 instead of having a
//! node each.)

mod build;
mod pool;
mod walk;

use core::ops::Range;

use super::entry::Entry;
pub(super) use build::SortKey;
use pool::Pool;

/// Bits that one node decides.
pub(super) const STRIDE: u8 = 6;

/// Nodes on a way down, at most: depths 0, 6, …, 126.
pub(super) const LEVELS: usize = 22;

/// The record of a subtree, in its parent's array of children.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kid {
    Node(Node),
    Tail(Tail),
}

/// Two or more routes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    /// Prefixes of 1 to 5 bits below the depth: bit `1 << length | bits`.
    pub short: u64,
    /// Prefixes of 6 bits below the depth.
    pub full: u64,
    /// Children.
    pub kids: u64,
    values: u32,
    children: u32,
    /// What was compiled from this subtree.
    pub fib: Entry,
}

/// A single route, longer than the depth of its place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tail {
    high: u64,
    low: u64,
    pub code: u32,
    /// What was compiled from it.
    pub fib: Entry,
    pub len: u8,
}

/// For each slot of a node, the five places of [`Node::short`] that cover it.
const COVERING: [u64; 64] = {
    let mut table = [0; 64];
    let mut slot = 0;
    while slot < 64 {
        let mut len = 1;
        while len < 6 {
            table[slot] |= 1 << ((1 << len) | (slot >> (6 - len)));
            len += 1;
        }
        slot += 1;
    }
    table
};

/// The slots that a place of [`Node::short`] stands for.
pub(super) fn short_slots(place: usize) -> Range<usize> {
    let len = place.ilog2();
    let (first, count) = ((place - (1 << len)) << (6 - len), 1 << (6 - len));
    first..first + count
}

/// The slot of a key in a node at this depth.
#[inline]
pub(super) fn slot(key: u128, depth: u8) -> usize {
    let bits = match depth {
        0..=58 => ((key >> 64) as u64) << depth,
        _ => (key << depth >> 64) as u64,
    };
    (bits >> 58) as usize
}

/// The places of the ones in a word, ascending.
#[inline]
pub(super) fn ones(mut word: u64) -> impl Iterator<Item = usize> {
    core::iter::from_fn(move || {
        let place = word.trailing_zeros() as usize;
        (word != 0).then(|| {
            word &= word - 1;
            place
        })
    })
}

/// The bits of `word` below bit `at`.
fn below(word: u64, at: usize) -> u64 {
    word & ((1 << at) - 1)
}

/// Where a prefix stands in the node at `depth` that owns its length.
#[derive(Clone, Copy)]
enum Place {
    Short(usize),
    Full(usize),
}

impl Place {
    fn of(key: u128, len: u8, depth: u8) -> Place {
        let relative = len - depth;
        if relative == STRIDE {
            return Place::Full(slot(key, depth));
        }
        Place::Short(1 << relative | slot(key, depth) >> (STRIDE - relative))
    }
}

impl Node {
    pub const EMPTY: Node = Node { short: 0, full: 0, kids: 0, values: 0, children: 0, fib: Entry::UNBUILT };

    fn own(&self) -> usize {
        (self.short.count_ones() + self.full.count_ones()) as usize
    }

    fn has(&self, place: Place) -> bool {
        match place {
            Place::Short(at) => self.short >> at & 1 == 1,
            Place::Full(at) => self.full >> at & 1 == 1,
        }
    }

    /// The place of a prefix in the array of codes.
    fn rank(&self, place: Place) -> usize {
        (match place {
            Place::Short(at) => below(self.short, at).count_ones(),
            Place::Full(at) => self.short.count_ones() + below(self.full, at).count_ones(),
        }) as usize
    }

    fn flip(&mut self, place: Place) {
        match place {
            Place::Short(at) => self.short ^= 1 << at,
            Place::Full(at) => self.full ^= 1 << at,
        }
    }

    /// The index of the child in this slot.
    pub fn kid(&self, slot: usize) -> Option<u32> {
        (self.kids >> slot & 1 == 1).then(|| self.children + below(self.kids, slot).count_ones())
    }

    /// The indexes of the children, in the order of their slots.
    pub fn children(&self) -> Range<u32> {
        self.children..self.children + self.kids.count_ones()
    }

    /// Slot and index of the child, if there is nothing else.
    pub fn sole_child(&self) -> Option<(usize, u32)> {
        let is_sole = self.short == 0 && self.full == 0 && self.kids.is_power_of_two();
        is_sole.then(|| (self.kids.trailing_zeros() as usize, self.children))
    }

    /// The longest own prefix that covers the slot.
    fn best(&self, slot: usize) -> Option<Place> {
        if self.full >> slot & 1 == 1 {
            return Some(Place::Full(slot));
        }
        let short = self.short & COVERING[slot];
        (short != 0).then(|| Place::Short(short.ilog2() as usize))
    }
}

impl Tail {
    fn new(key: u128, len: u8, code: u32) -> Tail {
        Tail { high: (key >> 64) as u64, low: key as u64, code, fib: Entry::UNBUILT, len }
    }

    pub fn key(&self) -> u128 {
        u128::from(self.high) << 64 | u128::from(self.low)
    }
}

impl Kid {
    pub fn fib(&self) -> Entry {
        match self {
            Kid::Node(node) => node.fib,
            Kid::Tail(tail) => tail.fib,
        }
    }

    pub fn set_fib(&mut self, fib: Entry) {
        match self {
            Kid::Node(node) => node.fib = fib,
            Kid::Tail(tail) => tail.fib = fib,
        }
    }
}

/// The trie. The prefix of length zero stands apart, and is the table's business.
#[derive(Clone)]
pub(super) struct Rib {
    kids: Pool<Kid>,
    values: Pool<u32>,
    len: usize,
    /// The depth from which on the compiled form mirrors the nodes. What is
    /// compiled from a tail above does not depend on where the tail hangs.
    mirrored: u8,
}

/// The record of the whole trie, always a node.
pub(super) const ROOT: u32 = 0;

impl Rib {
    pub fn new(mirrored: u8) -> Self {
        let mut kids = Pool::new();
        kids.alloc(&[Kid::Node(Node::EMPTY)]);
        Rib { kids, values: Pool::new(), len: 0, mirrored }
    }

    /// Number of routes.
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn heap_bytes(&self) -> usize {
        self.kids.heap_bytes() + self.values.heap_bytes()
    }

    pub fn kid(&self, at: u32) -> &Kid {
        self.kids.item(at)
    }

    pub fn kid_mut(&mut self, at: u32) -> &mut Kid {
        self.kids.item_mut(at)
    }

    /// The codes of a node's own prefixes: short ones, then full ones.
    pub fn codes(&self, node: &Node) -> &[u32] {
        self.values.array(node.values, node.own())
    }

    /// The code of the longest own prefix of a node that covers the slot.
    pub fn best(&self, node: &Node, slot: usize) -> Option<u32> {
        node.best(slot).map(|place| self.codes(node)[node.rank(place)])
    }

    /// The code of exactly this prefix.
    pub fn get(&self, key: u128, len: u8) -> Option<u32> {
        let (mut at, mut depth) = (ROOT, 0);
        loop {
            match self.kid(at) {
                Kid::Tail(tail) => return (tail.key() == key && tail.len == len).then_some(tail.code),
                Kid::Node(node) if len <= depth + STRIDE => {
                    let place = Place::of(key, len, depth);
                    return node.has(place).then(|| self.codes(node)[node.rank(place)]);
                }
                Kid::Node(node) => at = node.kid(slot(key, depth))?,
            }
            depth += STRIDE;
        }
    }

    /// Reads the nodes on the way to each key and the first codes of the last
    /// one: level by level, so that the machine waits for many at once.
    pub fn touch<const N: usize>(&self, keys: &[u128; N]) -> u64 {
        let mut at = [ROOT; N];
        let mut depth = 0;
        let mut open = (1u64 << N) - 1;
        let mut touched = 0;
        while open != 0 {
            let mut lanes = core::mem::take(&mut open);
            while lanes != 0 {
                let lane = lanes.trailing_zeros() as usize % N;
                lanes &= lanes - 1;
                match self.kid(at[lane]) {
                    Kid::Node(node) => match node.kid(slot(keys[lane], depth)) {
                        Some(kid) => {
                            at[lane] = kid;
                            open |= 1 << lane;
                        }
                        None => touched ^= self.codes(node).first().map_or(0, |code| u64::from(*code)),
                    },
                    Kid::Tail(tail) => touched ^= tail.high,
                }
            }
            depth += STRIDE;
        }
        touched
    }

    /// Adds a route or changes its code; returns the code before. What was
    /// compiled from each subtree on the way is handed to `stale`.
    pub fn insert(&mut self, key: u128, len: u8, code: u32, mut stale: impl FnMut(&mut Kid)) -> Option<u32> {
        let (mut at, mut depth) = (ROOT, 0);
        loop {
            let kid = self.kids.item_mut(at);
            if matches!(kid, Kid::Node(_)) || depth >= self.mirrored {
                stale(kid);
            }
            let mut node = match kid {
                Kid::Node(node) => {
                    if len > depth + STRIDE
                        && let Some(kid) = node.kid(slot(key, depth))
                    {
                        (at, depth) = (kid, depth + STRIDE);
                        continue;
                    }
                    *node
                }
                Kid::Tail(tail) if tail.len == len && tail.key() == key => {
                    let old = core::mem::replace(&mut tail.code, code);
                    stale(kid);
                    return Some(old);
                }
                Kid::Tail(tail) => {
                    let (tail, mut node) = (*tail, Node::EMPTY);
                    self.put(&mut node, depth, tail);
                    *self.kids.item_mut(at) = Kid::Node(node);
                    continue;
                }
            };
            let old = self.put(&mut node, depth, Tail::new(key, len, code));
            *self.kids.item_mut(at) = Kid::Node(node);
            self.len += usize::from(old.is_none());
            return old;
        }
    }

    /// Puts a route into a node: as its own, or as a new child.
    fn put(&mut self, node: &mut Node, depth: u8, route: Tail) -> Option<u32> {
        if route.len > depth + STRIDE {
            let slot = slot(route.key(), depth);
            let (before, count) = (below(node.kids, slot).count_ones(), node.kids.count_ones());
            node.children =
                self.kids.insert(node.children, count as usize, before as usize, Kid::Tail(route));
            node.kids |= 1 << slot;
            return None;
        }
        let (place, code) = (Place::of(route.key(), route.len, depth), route.code);
        let rank = node.rank(place);
        if node.has(place) {
            let held = self.values.item_mut(node.values + rank as u32);
            return Some(core::mem::replace(held, code));
        }
        node.values = self.values.insert(node.values, node.own(), rank, code);
        node.flip(place);
        None
    }

    /// Removes a route; returns its code. What was compiled from each subtree
    /// on the way is handed to `stale`.
    pub fn remove(&mut self, key: u128, len: u8, mut stale: impl FnMut(&mut Kid)) -> Option<u32> {
        let mut path = [ROOT; LEVELS];
        let (mut level, mut depth) = (0, 0);
        let code = loop {
            match *self.kid(path[level]) {
                Kid::Tail(tail) if tail.key() != key || tail.len != len => return None,
                Kid::Tail(tail) => {
                    level -= 1;
                    depth -= STRIDE;
                    self.remove_kid(path[level], slot(key, depth), &mut stale);
                    break tail.code;
                }
                Kid::Node(mut node) if len <= depth + STRIDE => {
                    let place = Place::of(key, len, depth);
                    if !node.has(place) {
                        return None;
                    }
                    let rank = node.rank(place);
                    let code = self.codes(&node)[rank];
                    node.values = self.values.remove(node.values, node.own(), rank);
                    node.flip(place);
                    *self.kids.item_mut(path[level]) = Kid::Node(node);
                    break code;
                }
                Kid::Node(ref node) => path[level + 1] = node.kid(slot(key, depth))?,
            }
            level += 1;
            depth += STRIDE;
        };
        self.len -= 1;

        // A node that is left with one route becomes a tail, one without any goes.
        while level > 0 {
            let Kid::Node(node) = *self.kid(path[level]) else { break };
            let tail = match (node.own(), node.kids.count_ones()) {
                (0, 0) => {
                    level -= 1;
                    depth -= STRIDE;
                    self.remove_kid(path[level], slot(key, depth), &mut stale);
                    continue;
                }
                (1, 0) => {
                    let (key, len) = sole_prefix(&node, key, depth);
                    let code = self.codes(&node)[0];
                    self.values.free(node.values, 1);
                    Tail::new(key, len, code)
                }
                (0, 1) => {
                    let kid = self.kids.item_mut(node.children);
                    if depth >= self.mirrored {
                        stale(kid);
                    }
                    let Kid::Tail(tail) = *kid else { break };
                    self.kids.free(node.children, 1);
                    tail
                }
                _ => break,
            };
            stale(self.kids.item_mut(path[level]));
            *self.kids.item_mut(path[level]) = Kid::Tail(tail);
            level -= 1;
            depth -= STRIDE;
        }
        for &at in &path[..=level] {
            stale(self.kids.item_mut(at));
        }
        Some(code)
    }

    fn remove_kid(&mut self, parent: u32, slot: usize, stale: &mut impl FnMut(&mut Kid)) {
        let Kid::Node(mut node) = *self.kid(parent) else { return };
        let Some(at) = node.kid(slot) else { return };
        stale(self.kids.item_mut(at));
        let (before, count) = (at - node.children, node.kids.count_ones());
        node.children = self.kids.remove(node.children, count as usize, before as usize);
        node.kids ^= 1 << slot;
        *self.kids.item_mut(parent) = Kid::Node(node);
    }

    /// Gives each code another number.
    pub fn recode(&mut self, mut new: impl FnMut(u32) -> u32) {
        self.values.all_mut().iter_mut().for_each(|code| *code = new(*code));
        for kid in self.kids.all_mut() {
            if let Kid::Tail(tail) = kid {
                tail.code = new(tail.code);
            }
        }
    }

    /// Forgets everything that was compiled.
    pub fn forget(&mut self) {
        self.kids.all_mut().iter_mut().for_each(|kid| kid.set_fib(Entry::UNBUILT));
    }
}

/// The only prefix of a node at `depth` below the leading bits of `key`.
fn sole_prefix(node: &Node, key: u128, depth: u8) -> (u128, u8) {
    let (relative, bits) = match node.full {
        0 => {
            let at = node.short.ilog2();
            let relative = at.ilog2();
            (relative as u8, u128::from(at - (1 << relative)))
        }
        full => (STRIDE, u128::from(full.trailing_zeros())),
    };
    prefix_below(key, depth, relative, bits)
}

/// The prefix that has `depth` bits of `key` and then `relative` bits.
fn prefix_below(key: u128, depth: u8, relative: u8, bits: u128) -> (u128, u8) {
    let lead = if depth == 0 { 0 } else { key >> (128 - depth) << (128 - depth) };
    // At depth 126 a node has more bits than the key; those below are zero.
    (lead | bits << (128 - u32::from(relative)) >> depth, depth + relative)
}
