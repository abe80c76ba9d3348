//! Reading the trie: matches of an address, and all routes in order.

use alloc::vec::Vec;

use super::{COVERING, Kid, LEVELS, Node, Place, ROOT, Rib, STRIDE, below, prefix_below, slot};

/// All routes that contain an address, longest first, but for length zero.
#[derive(Clone)]
pub(in crate::table) struct Matches<'a> {
    rib: &'a Rib,
    key: u128,
    /// Nodes on the way down whose own prefixes are still to come.
    nodes: [u32; LEVELS],
    count: usize,
    /// What covers the slot in the last of them, already given ones cleared.
    short: u64,
    full: bool,
    tail: Option<(u128, u8, u32)>,
}

impl<'a> Matches<'a> {
    /// Loads the own prefixes of the deepest node that is left.
    fn load(&mut self) {
        let Some(node) = self.node() else { return };
        let slot = slot(self.key, self.depth());
        self.short = node.short & COVERING[slot];
        self.full = node.full >> slot & 1 == 1;
    }

    fn depth(&self) -> u8 {
        (self.count - 1) as u8 * STRIDE
    }

    fn node(&self) -> Option<&'a Node> {
        let last = self.count.checked_sub(1)?;
        match self.rib.kid(self.nodes[last]) {
            Kid::Node(node) => Some(node),
            Kid::Tail(_) => None,
        }
    }
}

impl Iterator for Matches<'_> {
    /// Length and code.
    type Item = (u8, u32);

    fn next(&mut self) -> Option<(u8, u32)> {
        if let Some((_, len, code)) = self.tail.take() {
            return Some((len, code));
        }
        loop {
            let node = self.node()?;
            let place = if core::mem::take(&mut self.full) {
                Place::Full(slot(self.key, self.depth()))
            } else if self.short != 0 {
                let at = self.short.ilog2();
                self.short ^= 1 << at;
                Place::Short(at as usize)
            } else {
                self.count -= 1;
                self.load();
                continue;
            };
            let relative = match place {
                Place::Full(_) => STRIDE,
                Place::Short(at) => at.ilog2() as u8,
            };
            return Some((self.depth() + relative, self.rib.codes(node)[node.rank(place)]));
        }
    }
}

impl Rib {
    /// All routes that contain the address with this key, longest first.
    pub fn matches(&self, key: u128) -> Matches<'_> {
        let mut matches =
            Matches { rib: self, key, nodes: [ROOT; LEVELS], count: 0, short: 0, full: false, tail: None };
        let mut at = ROOT;
        loop {
            match self.kid(at) {
                Kid::Tail(tail) => {
                    if (tail.key() ^ key) >> (128 - u32::from(tail.len)) == 0 {
                        matches.tail = Some((tail.key(), tail.len, tail.code));
                    }
                    break;
                }
                Kid::Node(node) => {
                    matches.nodes[matches.count] = at;
                    matches.count += 1;
                    match node.kid(slot(key, matches.depth())) {
                        Some(kid) if matches.count < LEVELS => at = kid,
                        _ => break,
                    }
                }
            }
        }
        matches.load();
        matches
    }

    /// All routes by address, shorter before longer.
    pub fn walk(&self) -> Walk<'_> {
        Walk { rib: self, stack: alloc::vec![Step { at: ROOT, key: 0, depth: 0, slot: 0, relative: 1 }] }
    }
}

/// All routes by address, shorter before longer, but for length zero.
#[derive(Clone)]
pub(in crate::table) struct Walk<'a> {
    rib: &'a Rib,
    stack: Vec<Step>,
}

/// A place in a node: the prefixes that start at `slot`, from this length on.
#[derive(Clone)]
struct Step {
    at: u32,
    key: u128,
    depth: u8,
    slot: usize,
    relative: u8,
}

impl Iterator for Walk<'_> {
    /// Key, length and code.
    type Item = (u128, u8, u32);

    fn next(&mut self) -> Option<(u128, u8, u32)> {
        loop {
            let step = self.stack.last_mut()?;
            let node = match self.rib.kid(step.at) {
                Kid::Node(node) => node,
                Kid::Tail(tail) => {
                    self.stack.pop();
                    return Some((tail.key(), tail.len, tail.code));
                }
            };
            if step.slot == 64 {
                self.stack.pop();
                continue;
            }
            let slot = step.slot;
            let (short, full) = starting(node, slot, step.relative);
            if let Some(at) = short {
                let relative = at.ilog2() as u8;
                step.relative = relative + 1;
                let (key, len) = prefix_below(step.key, step.depth, relative, at as u128 - (1 << relative));
                return Some((key, len, self.rib.codes(node)[node.rank(Place::Short(at))]));
            }
            if full {
                step.relative = STRIDE + 1;
                let (key, len) = prefix_below(step.key, step.depth, STRIDE, slot as u128);
                return Some((key, len, self.rib.codes(node)[node.rank(Place::Full(slot))]));
            }
            let (key, depth) =
                (prefix_below(step.key, step.depth, STRIDE, slot as u128).0, step.depth + STRIDE);
            (step.slot, step.relative) = (next_slot(node, slot), 1);
            if let Some(at) = node.kid(slot) {
                self.stack.push(Step { at, key, depth, slot: 0, relative: 1 });
            }
        }
    }
}

/// The first own prefix of at least this relative length that starts at a
/// slot: the place of a short one, or whether it is the full one.
fn starting(node: &Node, slot: usize, relative: u8) -> (Option<usize>, bool) {
    let short = (relative..STRIDE)
        .filter(|r| slot.trailing_zeros() >= u32::from(STRIDE - r))
        .map(|r| 1 << r | slot >> (STRIDE - r))
        .find(|&at| node.short >> at & 1 == 1);
    (short, relative <= STRIDE && node.full >> slot & 1 == 1)
}

/// The next slot at which anything starts; 64 when there is none.
fn next_slot(node: &Node, slot: usize) -> usize {
    let starts = (1..STRIDE).fold(node.full | node.kids, |mut starts, r| {
        let mut places = node.short >> (1 << r) & ((1 << (1 << r)) - 1);
        while places != 0 {
            starts |= 1 << (places.trailing_zeros() << (STRIDE - r));
            places &= places - 1;
        }
        starts
    });
    let later = starts & !below(starts, slot) & !(1 << slot);
    if later == 0 { 64 } else { later.trailing_zeros() as usize }
}
