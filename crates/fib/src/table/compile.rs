//! From routes to the compiled form: all of it, or what one change concerns.

use core::ops::Range;

use super::entry::{Block, Entry};
use super::fib::Fib;
use super::rib::{Kid, Node, ROOT, Rib, STRIDE, Tail, slot};

/// Routes and compiled form, while one is brought in step with the other.
pub(super) struct Compiler<'a> {
    pub rib: &'a mut Rib,
    pub fib: &'a mut Fib,
}

/// What a node's slots inherit from shorter prefixes, and what its own make of them.
struct Slots {
    codes: [u32; 64],
    /// Slots that an own prefix covers.
    own: u64,
}

impl Slots {
    fn of(rib: &Rib, node: &Node, inherited: u32) -> Slots {
        let mut slots = Slots { codes: [inherited; 64], own: node.full };
        let mut codes = rib.codes(node).iter();
        // Ascending places are ascending lengths: longer ones overwrite.
        let mut rest = node.short;
        while rest != 0 {
            let place = rest.trailing_zeros();
            slots.fill(Self::range(place), *codes.next().unwrap_or(&0));
            rest &= rest - 1;
        }
        let mut rest = node.full;
        while rest != 0 {
            slots.codes[rest.trailing_zeros() as usize] = *codes.next().unwrap_or(&0);
            rest &= rest - 1;
        }
        slots
    }

    fn fill(&mut self, range: Range<usize>, code: u32) {
        self.own |= mask(&range);
        self.codes[range].fill(code);
    }

    /// The slots of a short prefix by its place.
    fn range(place: u32) -> Range<usize> {
        let len = place.ilog2();
        let (first, count) = ((place - (1 << len)) << (6 - len), 1 << (6 - len));
        first as usize..(first + count) as usize
    }
}

/// A bit for each number in a range within 0..64.
fn mask(range: &Range<usize>) -> u64 {
    if range.is_empty() { 0 } else { u64::MAX >> (64 - range.len()) << range.start }
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
            let node = match *self.rib.kid(at) {
                Kid::Node(node) => node,
                Kid::Tail(tail) => return self.beside_tail(at, tail, key, len, inherited),
            };
            if len <= level + STRIDE {
                return self.paint_below(&node, level, key, len, inherited);
            }
            let slot = slot(key, level);
            inherited = self.rib.best(&node, slot).unwrap_or(inherited);
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
    fn paint_below(&mut self, node: &Node, level: u8, key: u128, len: u8, inherited: u32) {
        let slots = Slots::of(self.rib, node, inherited);
        let first = slot(key, level);
        for slot in first..first + (1 << (level + STRIDE - len)) {
            let code = slots.codes[slot];
            let base = self.base(key, level, slot);
            self.paint_slot(node, slot, level, base, code);
        }
    }

    /// The first entry below a slot of the node at `level` on the way to `key`.
    fn base(&self, key: u128, level: u8, slot: usize) -> usize {
        let lead = if level == 0 { 0 } else { (key >> (128 - level)) as usize };
        (lead << STRIDE | slot) << (self.fib.shape.depth() - level - STRIDE)
    }

    fn paint_slot(&mut self, node: &Node, slot: usize, level: u8, base: usize, code: u32) {
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
                let slots = Slots::of(self.rib, &node, inherited);
                let step = 1 << (depth - level - STRIDE);
                for slot in 0..64 {
                    self.paint_slot(&node, slot, level, base + slot * step, slots.codes[slot]);
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
        let slots = Slots::of(self.rib, &node, inherited);
        let first = slot(key, depth);
        if len <= depth + STRIDE {
            for slot in first..first + (1 << (depth + STRIDE - len)) {
                if let Some(kid) = node.kid(slot) {
                    self.compile(kid, depth + STRIDE, slots.codes[slot], Touched::Inherited);
                }
            }
        } else if let Some(kid) = node.kid(first) {
            self.changed(kid, depth + STRIDE, slots.codes[first], key, len);
        }
        self.node(at, node, depth, slots)
    }

    /// The entry of a subtree, made anew where it must be.
    fn compile(&mut self, at: u32, depth: u8, inherited: u32, touched: Touched) -> Entry {
        match (*self.rib.kid(at), touched) {
            (kid, Touched::Marked) if kid.fib() != Entry::UNBUILT => kid.fib(),
            (Kid::Tail(tail), _) => self.tail(at, tail, depth, inherited),
            (Kid::Node(node), _) => {
                let slots = Slots::of(self.rib, &node, inherited);
                let mut kids = node.kids;
                while kids != 0 {
                    let slot = kids.trailing_zeros() as usize;
                    let inherits = matches!(touched, Touched::Inherited) && slots.own >> slot & 1 == 0;
                    let touched = if inherits { Touched::Inherited } else { Touched::Marked };
                    if let Some(kid) = node.kid(slot) {
                        self.compile(kid, depth + STRIDE, slots.codes[slot], touched);
                    }
                    kids &= kids - 1;
                }
                self.node(at, node, depth, slots)
            }
        }
    }

    /// Makes a node's block from its slots and its children's entries.
    fn node(&mut self, at: u32, node: Node, depth: u8, slots: Slots) -> Entry {
        release(self.fib, self.rib.kid_mut(at));
        let mut entries = slots.codes;
        let mut kind = Block::Leaf;
        let mut kids = node.kids;
        let mut index = node.kid(kids.trailing_zeros() as usize % 64).unwrap_or(0);
        while kids != 0 {
            let slot = kids.trailing_zeros() as usize;
            let mut entry = self.rib.kid(index).fib();
            if entry == Entry::UNBUILT {
                entry = self.compile(index, depth + STRIDE, slots.codes[slot], Touched::Marked);
            }
            if entry.is_block() {
                kind = Block::Inner;
            }
            entries[slot] = entry.0;
            index += 1;
            kids &= kids - 1;
        }
        let entry = match (kind, node.kids.count_ones(), slots.own) {
            (Block::Inner, 1, 0) => self.only_child(&node, entries, slots.codes[0]),
            _ => self.runs(kind, &entries),
        };
        self.rib.kid_mut(at).set_fib(entry);
        entry
    }

    /// A node that leads to its only child and nowhere else: bits to compare.
    fn only_child(&mut self, node: &Node, entries: [u32; 64], inherited: u32) -> Entry {
        let slot = node.kids.trailing_zeros() as usize;
        let (entry, other) = (Entry(entries[slot]), Entry::answer(inherited));
        let lead = (slot as u64) << 58;
        if let Some(kid) = node.kid(slot)
            && matches!(self.rib.kid(kid), Kid::Node(_))
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

    /// A block of 64 entries in runs, or the answer that all of them share.
    fn runs(&mut self, kind: Block, entries: &[u32; 64]) -> Entry {
        let mut starts = 0;
        let mut runs = [entries[0]; 64];
        let mut count = 1;
        for slot in 1..64 {
            let differs = entries[slot] != entries[slot - 1];
            starts |= u64::from(differs) << slot;
            runs[count & 63] = entries[slot];
            count += usize::from(differs);
        }
        // The slot after the last run was written too, and is not part of it.
        if starts == 0 { Entry(entries[0]) } else { self.fib.add_runs(kind, starts, &runs[..count]) }
    }

    /// The entry of a single route at `depth`.
    fn tail(&mut self, at: u32, tail: Tail, depth: u8, inherited: u32) -> Entry {
        release(self.fib, self.rib.kid_mut(at));
        let entry = if tail.code == inherited {
            Entry::answer(inherited)
        } else if tail.len <= depth + STRIDE {
            let mut entries = [inherited; 64];
            let first = slot(tail.key(), depth);
            entries[first..first + (1 << (depth + STRIDE - tail.len))].fill(tail.code);
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
