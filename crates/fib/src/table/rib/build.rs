//! The trie in one go, from sorted routes.

use alloc::vec::Vec;

use super::{Kid, Node, Place, ROOT, Rib, STRIDE, Tail, slot};

/// Address bits and length in one number, for sorting: by address, then
/// shorter before longer.
pub(in crate::table) trait SortKey: Copy + Ord {
    fn pack(key: u128, len: u8) -> Self;
    fn key(self) -> u128;
    fn len(self) -> u8;
}

/// IPv4: 32 address bits above 8 of length.
impl SortKey for u64 {
    fn pack(key: u128, len: u8) -> u64 {
        ((key >> 96) as u64) << 8 | u64::from(len)
    }
    fn key(self) -> u128 {
        u128::from(self >> 8) << 96
    }
    fn len(self) -> u8 {
        self as u8
    }
}

impl SortKey for (u128, u8) {
    fn pack(key: u128, len: u8) -> (u128, u8) {
        (key, len)
    }
    fn key(self) -> u128 {
        self.0
    }
    fn len(self) -> u8 {
        self.1
    }
}

impl Rib {
    /// The trie of these routes and codes, which are sorted, without
    /// duplicates and without the prefix of length zero.
    pub fn from_sorted<K: SortKey>(routes: &[(K, u32)], mirrored: u8) -> Rib {
        let mut rib = Rib::new(mirrored);
        rib.len = routes.len();
        let root = rib.build(routes, 0, &mut Vec::new());
        *rib.kids.item_mut(ROOT) = Kid::Node(root);
        rib.kids.shrink_to_fit();
        rib.values.shrink_to_fit();
        rib
    }

    /// The node of these routes, which agree in the first `depth` bits.
    /// `done` holds finished children whose parents are not.
    fn build<K: SortKey>(&mut self, mut routes: &[(K, u32)], depth: u8, done: &mut Vec<Kid>) -> Node {
        let mut node = Node::EMPTY;
        let mut codes = [0; 128];
        let before = done.len();
        while let Some(&(route, code)) = routes.first() {
            if route.len() <= depth + STRIDE {
                let at = match Place::of(route.key(), route.len(), depth) {
                    Place::Short(at) => {
                        node.short |= 1 << at;
                        at
                    }
                    Place::Full(at) => {
                        node.full |= 1 << at;
                        64 + at
                    }
                };
                codes[at] = code;
                routes = &routes[1..];
                continue;
            }
            // Own prefixes of this slot start at or before it and are shorter:
            // they are past, and the longer ones stand together.
            let slot = slot(route.key(), depth);
            let count = routes.iter().take_while(|(r, _)| self::slot(r.key(), depth) == slot).count();
            let (below, rest) = routes.split_at(count);
            node.kids |= 1 << slot;
            let kid = if count == 1 {
                Kid::Tail(Tail::new(route.key(), route.len(), code))
            } else {
                Kid::Node(self.build(below, depth + STRIDE, done))
            };
            done.push(kid);
            routes = rest;
        }
        let mut own = 0;
        for (word, offset) in [(node.short, 0), (node.full, 64)] {
            let mut rest = word;
            while rest != 0 {
                codes[own] = codes[offset + rest.trailing_zeros() as usize];
                own += 1;
                rest &= rest - 1;
            }
        }
        node.values = self.values.alloc(&codes[..own]);
        node.children = self.kids.alloc(&done[before..]);
        done.truncate(before);
        node
    }
}
