//! A map from IPv6 prefixes to values: walked as Linux walks its binary trees,
//! and asked for all prefixes that contain an address, longest first.

use std::collections::BTreeMap;
use std::net::Ipv6Addr;

use fingerpost_net::Prefix;

use super::journal::{Changes, Journal};

/// Values by prefix, in the order of addresses, shorter prefixes first.
#[derive(Clone, Debug, PartialEq)]
pub struct PrefixTree<T> {
    nodes: BTreeMap<Prefix<Ipv6Addr>, T>,
    journal: Journal<Ipv6Addr>,
}

/// One step of a walk: a prefix before and after those that lie in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visit<T> {
    /// Before.
    Enter(T),
    /// After.
    Leave(T),
}

impl<T> Default for PrefixTree<T> {
    fn default() -> Self {
        PrefixTree { nodes: BTreeMap::new(), journal: Journal::default() }
    }
}

impl<T> PrefixTree<T> {
    /// The value of exactly this prefix.
    pub fn get(&self, prefix: Prefix<Ipv6Addr>) -> Option<&T> {
        self.nodes.get(&prefix)
    }

    /// The same, to change.
    pub fn get_mut(&mut self, prefix: Prefix<Ipv6Addr>) -> Option<&mut T> {
        self.journal.note(prefix);
        self.nodes.get_mut(&prefix)
    }

    /// The value of exactly this prefix, made if there is none.
    pub fn ensure(&mut self, prefix: Prefix<Ipv6Addr>) -> &mut T
    where
        T: Default,
    {
        self.journal.note(prefix);
        self.nodes.entry(prefix).or_default()
    }

    /// Changes something of a prefix that is no part of what the tree holds: the change is not
    /// noted.
    pub fn mark(&mut self, prefix: Prefix<Ipv6Addr>, mark: impl Fn(&mut T)) {
        self.nodes.get_mut(&prefix).into_iter().for_each(mark);
    }

    /// The same of all prefixes that contain one, itself included.
    pub fn mark_covering(&mut self, prefix: Prefix<Ipv6Addr>, mark: impl Fn(&mut T)) {
        let covering: Vec<Prefix<Ipv6Addr>> =
            self.matches(prefix.addr()).map(|(found, _)| found).filter(|it| it.covers(prefix)).collect();
        for found in covering {
            self.mark(found, &mark);
        }
    }

    /// Takes a prefix out.
    pub fn remove(&mut self, prefix: Prefix<Ipv6Addr>) -> Option<T> {
        let gone = self.nodes.remove(&prefix)?;
        self.journal.note(prefix);
        Some(gone)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// What has changed since a reader asked last ([`super::Journal::take`]).
    pub fn take_changes(&mut self, reader: u64) -> Changes<Ipv6Addr> {
        self.journal.take(reader)
    }

    /// All prefixes in order.
    pub fn iter(&self) -> impl Iterator<Item = (Prefix<Ipv6Addr>, &T)> {
        self.nodes.iter().map(|(&prefix, value)| (prefix, value))
    }

    /// What lies in a prefix, itself included, in order.
    pub fn within(
        &self,
        prefix: Prefix<Ipv6Addr>,
    ) -> impl DoubleEndedIterator<Item = (Prefix<Ipv6Addr>, &T)> {
        let host_bits = u128::MAX.checked_shr(prefix.len().into()).unwrap_or(0);
        let last = Prefix::host(Ipv6Addr::from_bits(prefix.addr().to_bits() | host_bits));
        self.nodes.range(prefix..=last).map(|(&prefix, value)| (prefix, value))
    }

    /// All values to change, in no order that matters.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.journal.note_all();
        self.nodes.values_mut()
    }

    /// Keeps what `keep` says.
    pub fn retain(&mut self, mut keep: impl FnMut(&mut T) -> bool) {
        self.journal.note_all();
        self.nodes.retain(|_, value| keep(value));
    }

    /// A walk over all prefixes (`fib6_walk`).
    pub fn walk(&self) -> impl Iterator<Item = Visit<&T>> {
        let mut coming = self.nodes.iter().peekable();
        let mut open: Vec<(Prefix<Ipv6Addr>, &T)> = Vec::new();
        std::iter::from_fn(move || match (coming.peek(), open.last()) {
            (Some((next, _)), Some((prefix, value))) if !prefix.covers(**next) => {
                let value = *value;
                open.pop();
                Some(Visit::Leave(value))
            }
            (Some(_), _) => {
                let (prefix, value) = coming.next()?;
                open.push((*prefix, value));
                Some(Visit::Enter(value))
            }
            (None, _) => open.pop().map(|(_, value)| Visit::Leave(value)),
        })
    }

    /// Whether prefixes lie in both halves of this one, so that a binary tree
    /// has a node for it even if it holds nothing.
    pub fn branches_at(&self, prefix: Prefix<Ipv6Addr>) -> bool {
        if prefix.len() >= 128 {
            return false;
        }
        halves(prefix).into_iter().all(|half| self.within(half).next().is_some())
    }

    /// The prefixes that contain an address, longest first.
    ///
    /// They stand before the address in order. What stands last before it contains it,
    /// or else no prefix does that is longer than what both have in common.
    pub fn matches(&self, addr: Ipv6Addr) -> impl Iterator<Item = (Prefix<Ipv6Addr>, &T)> {
        // The longest that may come next.
        let mut next = Some(Prefix::host(addr));
        std::iter::from_fn(move || {
            loop {
                let (&found, value) = self.nodes.range(..=next?).next_back()?;
                if found.contains(addr) {
                    next = found.len().checked_sub(1).and_then(|len| Prefix::containing(addr, len).ok());
                    return Some((found, value));
                }
                let common = (found.addr().to_bits() ^ addr.to_bits()).leading_zeros();
                next = Prefix::containing(addr, common as u8).ok();
            }
        })
    }
}

/// The two halves of a prefix shorter than 128 bits.
pub fn halves(prefix: Prefix<Ipv6Addr>) -> [Prefix<Ipv6Addr>; 2] {
    let len = prefix.len() + 1;
    let upper = prefix.addr().to_bits() | 1 << (128 - u32::from(len));
    [prefix.addr(), Ipv6Addr::from_bits(upper)].map(|addr| Prefix::containing(addr, len).unwrap_or(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> Prefix<Ipv6Addr> {
        text.parse().expect("a prefix")
    }

    #[test]
    fn a_walk_enters_before_what_lies_below_and_leaves_after_it() {
        let mut tree = PrefixTree::<String>::default();
        for text in ["::/0", "2001:db8::/32", "2001:db8:8000::/33", "2001:db8::/48", "ff00::/8"] {
            *tree.ensure(prefix(text)) = text.into();
        }
        let steps: Vec<String> = tree
            .walk()
            .map(|visit| match visit {
                Visit::Enter(text) => format!("+{text}"),
                Visit::Leave(text) => format!("-{text}"),
            })
            .collect();
        let expected = [
            "+::/0",
            "+2001:db8::/32",
            "+2001:db8::/48",
            "-2001:db8::/48",
            "+2001:db8:8000::/33",
            "-2001:db8:8000::/33",
            "-2001:db8::/32",
            "+ff00::/8",
            "-ff00::/8",
            "-::/0",
        ];
        assert_eq!(steps, expected);
        assert!(tree.branches_at(prefix("2001:db8::/32")) && tree.branches_at(prefix("::/0")));
        assert!(!tree.branches_at(prefix("2001:db8::/33")));
    }

    #[test]
    fn matches_are_all_prefixes_that_contain_an_address() {
        let mut rng = fingerpost_net::Rng::new(4);
        for _ in 0..200 {
            let mut tree = PrefixTree::<u8>::default();
            // Few distinct bits, so that prefixes lie in each other.
            let mut addr =
                || Ipv6Addr::from_bits(u128::from(rng.below(64)) << 122 | u128::from(rng.below(4)));
            let addrs: Vec<Ipv6Addr> = (0..40).map(|_| addr()).collect();
            for (n, &addr) in addrs.iter().enumerate() {
                let len = [0, 1, 3, 4, 6, 7, 64, 126, 127, 128][n % 10];
                tree.ensure(Prefix::containing(addr, len).expect("is a length"));
            }
            for &addr in &addrs {
                let mut expected: Vec<_> =
                    tree.iter().map(|(prefix, _)| prefix).filter(|prefix| prefix.contains(addr)).collect();
                expected.sort_by_key(|prefix| std::cmp::Reverse(prefix.len()));
                let matches: Vec<_> = tree.matches(addr).map(|(prefix, _)| prefix).collect();
                assert_eq!(matches, expected, "{addr}");
            }
        }
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
