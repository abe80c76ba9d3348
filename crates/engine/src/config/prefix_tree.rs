//! A map from IPv6 prefixes to values: in the order in which Linux walks its
//! binary trees, with all prefixes that contain an address, longest first.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::Ipv6Addr;

use fingerpost_net::Prefix;

/// Orders prefixes as a walk meets them that visits what lies below a node
/// before the node itself: by last address, longer ones first.
type Key = (Ipv6Addr, Reverse<u8>);

/// Values by prefix.
#[derive(Clone, Debug, PartialEq)]
pub struct PrefixTree<T> {
    nodes: BTreeMap<Key, T>,
    /// How many prefixes there are of each length.
    lengths: Vec<u32>,
}

impl<T> Default for PrefixTree<T> {
    fn default() -> Self {
        PrefixTree { nodes: BTreeMap::new(), lengths: vec![0; 129] }
    }
}

fn key(prefix: Prefix<Ipv6Addr>) -> Key {
    (prefix.last(), Reverse(prefix.len()))
}

fn prefix_of((last, Reverse(len)): Key) -> Prefix<Ipv6Addr> {
    Prefix::containing(last, len).unwrap_or(Prefix::DEFAULT)
}

impl<T> PrefixTree<T> {
    /// The value of exactly this prefix.
    pub fn get(&self, prefix: Prefix<Ipv6Addr>) -> Option<&T> {
        self.nodes.get(&key(prefix))
    }

    /// The same, to change.
    pub fn get_mut(&mut self, prefix: Prefix<Ipv6Addr>) -> Option<&mut T> {
        self.nodes.get_mut(&key(prefix))
    }

    /// The value of exactly this prefix, made if there is none.
    pub fn ensure(&mut self, prefix: Prefix<Ipv6Addr>) -> &mut T
    where
        T: Default,
    {
        let lengths = &mut self.lengths;
        self.nodes.entry(key(prefix)).or_insert_with(|| {
            lengths[usize::from(prefix.len())] += 1;
            T::default()
        })
    }

    /// Takes a prefix out.
    pub fn remove(&mut self, prefix: Prefix<Ipv6Addr>) -> Option<T> {
        let gone = self.nodes.remove(&key(prefix))?;
        self.lengths[usize::from(prefix.len())] -= 1;
        Some(gone)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// All prefixes in the order of a walk.
    pub fn iter(&self) -> impl Iterator<Item = (Prefix<Ipv6Addr>, &T)> {
        self.nodes.iter().map(|(&key, value)| (prefix_of(key), value))
    }

    /// The same, to change.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (Prefix<Ipv6Addr>, &mut T)> {
        self.nodes.iter_mut().map(|(&key, value)| (prefix_of(key), value))
    }

    /// Keeps what `keep` says, in the order of a walk.
    pub fn retain(&mut self, mut keep: impl FnMut(&mut T) -> bool) {
        let lengths = &mut self.lengths;
        self.nodes.retain(|&(_, Reverse(len)), value| {
            let stays = keep(value);
            lengths[usize::from(len)] -= u32::from(!stays);
            stays
        });
    }

    /// The prefixes that contain an address, longest first.
    pub fn matches(&self, addr: Ipv6Addr) -> impl Iterator<Item = (Prefix<Ipv6Addr>, &T)> {
        (0..=128u8).rev().filter(|&len| self.lengths[usize::from(len)] > 0).filter_map(move |len| {
            let prefix = Prefix::containing(addr, len).ok()?;
            self.get(prefix).map(|value| (prefix, value))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> Prefix<Ipv6Addr> {
        text.parse().expect("a prefix")
    }

    #[test]
    fn a_walk_meets_what_lies_below_first() {
        let mut tree = PrefixTree::<u8>::default();
        for text in ["::/0", "2001:db8::/32", "2001:db8:8000::/33", "2001:db8::/48", "ff00::/8"] {
            tree.ensure(prefix(text));
        }
        let order: Vec<String> = tree.iter().map(|(prefix, _)| prefix.to_string()).collect();
        assert_eq!(order, ["2001:db8::/48", "2001:db8:8000::/33", "2001:db8::/32", "ff00::/8", "::/0"]);
    }

    #[test]
    fn matches_come_longest_first_and_removed_ones_do_not() {
        let mut tree = PrefixTree::<u8>::default();
        for text in ["::/0", "2001:db8::/32", "2001:db8::/48"] {
            tree.ensure(prefix(text));
        }
        let lengths = |tree: &PrefixTree<u8>| -> Vec<u8> {
            tree.matches("2001:db8::1".parse().expect("an address")).map(|(p, _)| p.len()).collect()
        };
        assert_eq!(lengths(&tree), [48, 32, 0]);
        tree.remove(prefix("2001:db8::/32"));
        assert_eq!(lengths(&tree), [48, 0]);
    }
}
