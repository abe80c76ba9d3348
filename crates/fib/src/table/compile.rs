//! From routes to the compiled form: all of it, or what one change concerns.

use core::ops::Range;

use super::entry::{Block, Entry};
use super::fib::Fib;
use super::rib::{Kid, Node, ROOT, Rib, STRIDE, Tail, ones, short_slots, slot};
use super::simd::Level;

/// Routes and compiled form, while one is brought in step with the other.
pub(super) struct Compiler<'a> {
    pub rib: &'a mut Rib,
    pub fib: &'a mut Fib,
    pub level: Level,
}

/// Which slots of a node have to be looked at again though nothing is marked below them.
#[derive(Clone, Copy)]
enum Touched {
    /// None: only what is marked as unbuilt.
    Marked,
    /// Those that inherit: what they inherit has changed.
    Inherited,
}

impl Compiler<'_> {
    /// Compiles everything into an empty form.
    pub fn all(&mut self) {
        self.rib.forget();
        self.paint(ROOT, 0, 0, 0);
    }

    /// Compiles what a change of the prefix concerns; the trie has marked the
    /// subtrees on the way to it.
    pub fn prefix(&mut self, key: u128, len: u8) {
        let depth = self.fib.shape.depth();
        let (mut at, mut level, mut inherited) = (ROOT, 0, 0);
        while level < depth {
            let node = match self.rib.kid(at) {
                Kid::Node(node) => node,
                Kid::Tail(tail) => return self.beside_tail(at, *tail, key, len, inherited),
            };
            if len <= level + STRIDE {
                return self.paint_below(*node, level, key, len, inherited);
            }
            let slot = slot(key, level);
            inherited = self.rib.best(node, slot).unwrap_or(inherited);
            match node.kid(slot) {
                Some(kid) => at = kid,
                None => return self.fib.fill(self.range(key, len), Entry::answer(inherited)),
            }
            level += STRIDE;
        }
        let entry = self.changed(at, depth, inherited, key, len);
        self.fib.set((key >> (128 - depth)) as usize, entry);
    }

    /// The entries of the first level that a prefix covers, or the one it lies in.
    fn range(&self, key: u128, len: u8) -> Range<usize> {
        let depth = self.fib.shape.depth();
        let first = (key >> (128 - depth)) as usize;
        first..first + (1 << depth.saturating_sub(len))
    }

    /// Paints the range of a changed prefix where only one route is left.
    fn beside_tail(&mut self, at: u32, tail: Tail, key: u128, len: u8, inherited: u32) {
        let depth = self.fib.shape.depth();
        let (changed, own) = (self.range(key, len), self.range(tail.key(), tail.len));
        if tail.len > depth {
            self.fib.fill(changed.clone(), Entry::answer(inherited));
            if changed.contains(&own.start) {
                let entry = self.tail(at, tail, depth, inherited);
                self.fib.set(own.start, entry);
            }
            return;
        }
        let both = changed.start.max(own.start)..changed.end.min(own.end);
        if both.is_empty() {
            return self.fib.fill(changed, Entry::answer(inherited));
        }
        self.fib.fill(changed.start..both.start, Entry::answer(inherited));
        self.fib.fill(both.clone(), Entry::answer(tail.code));
        self.fib.fill(both.end..changed.end, Entry::answer(inherited));
    }

    /// Paints the range of a changed prefix that a node above the blocks owns.
    fn paint_below(&mut self, node: Node, level: u8, key: u128, len: u8, inherited: u32) {
        for slot in slots(key, level, len) {
            self.paint_slot(&node, slot, level, self.base(key, level, slot), inherited);
        }
    }

    /// The first entry below a slot of the node at `level` on the way to `key`.
    fn base(&self, key: u128, level: u8, slot: usize) -> usize {
        let lead = if level == 0 { 0 } else { (key >> (128 - level)) as usize };
        (lead << STRIDE | slot) << (self.fib.shape.depth() - level - STRIDE)
    }

    /// Paints the entries below a slot of a node at `level`, which begin at `base`.
    fn paint_slot(&mut self, node: &Node, slot: usize, level: u8, base: usize, inherited: u32) {
        let code = self.rib.best(node, slot).unwrap_or(inherited);
        match node.kid(slot) {
            Some(kid) => self.paint(kid, level + STRIDE, base, code),
            None => {
                let count = 1 << (self.fib.shape.depth() - level - STRIDE);
                self.fib.fill(base..base + count, Entry::answer(code));
            }
        }
    }

    /// Paints all entries of a subtree, which begin at `base`, anew.
    fn paint(&mut self, at: u32, level: u8, base: usize, inherited: u32) {
        let depth = self.fib.shape.depth();
        if level == depth {
            let entry = self.compile(at, level, inherited, Touched::Inherited);
            return self.fib.set(base, entry);
        }
        match *self.rib.kid(at) {
            Kid::Node(node) => {
                let step = 1 << (depth - level - STRIDE);
                for slot in 0..64 {
                    self.paint_slot(&node, slot, level, base + slot * step, inherited);
                }
            }
            Kid::Tail(tail) => {
                self.fib.fill(base..base + (1 << (depth - level)), Entry::answer(inherited));
                self.beside_tail(at, tail, tail.key(), tail.len, inherited);
            }
        }
    }

    /// The entry of a subtree in which the prefix was changed.
    fn changed(&mut self, at: u32, depth: u8, inherited: u32, key: u128, len: u8) -> Entry {
        let node = match *self.rib.kid(at) {
            Kid::Node(node) => node,
            Kid::Tail(_) => return self.compile(at, depth, inherited, Touched::Inherited),
        };
        for slot in slots(key, depth, len) {
            let Some(kid) = node.kid(slot) else { continue };
            let inherited = self.rib.best(&node, slot).unwrap_or(inherited);
            if len <= depth + STRIDE {
                self.compile(kid, depth + STRIDE, inherited, Touched::Inherited);
            } else {
                self.changed(kid, depth + STRIDE, inherited, key, len);
            }
        }
        self.node(at, node, depth, inherited)
    }

    /// The entry of a subtree, made anew where it must be.
    fn compile(&mut self, at: u32, depth: u8, inherited: u32, touched: Touched) -> Entry {
        match (*self.rib.kid(at), touched) {
            (kid, Touched::Marked) if kid.fib() != Entry::UNBUILT => kid.fib(),
            (Kid::Tail(tail), _) => self.tail(at, tail, depth, inherited),
            (Kid::Node(node), _) => {
                for slot in ones(node.kids) {
                    let Some(kid) = node.kid(slot) else { continue };
                    let own = self.rib.best(&node, slot);
                    let touched = if own.is_some() { Touched::Marked } else { touched };
                    self.compile(kid, depth + STRIDE, own.unwrap_or(inherited), touched);
                }
                self.node(at, node, depth, inherited)
            }
        }
    }

    /// Makes a node's block from what its slots inherit, its own prefixes, and
    /// its children's entries.
    fn node(&mut self, at: u32, node: Node, depth: u8, inherited: u32) -> Entry {
        release(self.fib, self.rib.kid_mut(at));
        let mut kind = Block::Leaf;
        for (slot, kid) in ones(node.kids).zip(node.children()) {
            let mut entry = self.rib.kid(kid).fib();
            if entry == Entry::UNBUILT {
                let inherited = self.rib.best(&node, slot).unwrap_or(inherited);
                entry = self.compile(kid, depth + STRIDE, inherited, Touched::Marked);
            }
            if entry.is_block() {
                kind = Block::Inner;
            }
        }
        let entry = match (kind, node.sole_child()) {
            (Block::Inner, Some((slot, kid))) => self.only_child(slot, kid, inherited),
            _ => {
                let entries = self.entries(&node, inherited);
                self.runs(kind, &entries)
            }
        };
        self.rib.kid_mut(at).set_fib(entry);
        entry
    }

    /// What the slots inherit, what the node's prefixes make of it from the
    /// shortest on, and the children's entries.
    fn entries(&self, node: &Node, inherited: u32) -> [u32; 64] {
        let mut entries = [inherited; 64];
        let (short, full) = self.rib.codes(node).split_at(node.short.count_ones() as usize);
        for (place, code) in ones(node.short).zip(short) {
            entries[short_slots(place)].fill(*code);
        }
        self.level.spread(node.full, full, &mut entries);
        for (slot, kid) in ones(node.kids).zip(node.children()) {
            entries[slot] = self.rib.kid(kid).fib().0;
        }
        entries
    }

    /// A node that leads to its only child and nowhere else: bits to compare.
    fn only_child(&mut self, slot: usize, kid: u32, inherited: u32) -> Entry {
        let (entry, other) = (self.rib.kid(kid).fib(), Entry::answer(inherited));
        let lead = (slot as u64) << 58;
        if matches!(self.rib.kid(kid), Kid::Node(_))
            && let Some((Block::Skip, word)) = entry.as_block()
        {
            let (bits, len, same, _) = self.fib.skip(word);
            let len = len + u32::from(STRIDE);
            if len < 64 {
                // The child's comparison becomes part of this one.
                release(self.fib, self.rib.kid_mut(kid));
                return self.fib.add_skip(lead | bits >> STRIDE, len, same, other);
            }
        }
        self.fib.add_skip(lead, STRIDE.into(), entry, other)
    }

    /// A block of these slots, or the answer that all of them share.
    fn runs(&mut self, kind: Block, entries: &[u32; 64]) -> Entry {
        let runs = self.level.runs(entries);
        match runs.starts {
            0 => Entry(entries[0]),
            starts => self.fib.add_runs(kind, starts, &runs.entries[..runs.count]),
        }
    }

    /// The entry of a single route at `depth`.
    fn tail(&mut self, at: u32, tail: Tail, depth: u8, inherited: u32) -> Entry {
        release(self.fib, self.rib.kid_mut(at));
        let entry = if tail.code == inherited {
            Entry::answer(inherited)
        } else if tail.len <= depth + STRIDE {
            let mut entries = [inherited; 64];
            entries[slots(tail.key(), depth, tail.len)].fill(tail.code);
            self.runs(Block::Leaf, &entries)
        } else {
            let (mut same, other) = (Entry::answer(tail.code), Entry::answer(inherited));
            let mut end = tail.len;
            while end > depth {
                let start = end.saturating_sub(63).max(depth);
                let bits = ((tail.key() << start) >> 64) as u64;
                same = self.fib.add_skip(bits, (end - start).into(), same, other);
                end = start;
            }
            same
        };
        self.rib.kid_mut(at).set_fib(entry);
        entry
    }
}

/// The slots of a node at `depth` that a prefix covers, or the one it lies in.
fn slots(key: u128, depth: u8, len: u8) -> Range<usize> {
    let first = slot(key, depth);
    first..first + (1 << (depth + STRIDE).saturating_sub(len))
}

/// Gives back what was compiled from a subtree, but not from its children.
pub(super) fn release(fib: &mut Fib, kid: &mut Kid) {
    let mut entry = kid.fib();
    if entry == Entry::UNBUILT {
        return;
    }
    if let Kid::Tail(_) = kid {
        // A long tail is a chain of comparisons, all its own.
        while let Some((Block::Skip, word)) = entry.as_block() {
            let (.., same, _) = fib.skip(word);
            fib.release(entry);
            entry = same;
        }
    }
    fib.release(entry);
    kid.set_fib(Entry::UNBUILT);
}
