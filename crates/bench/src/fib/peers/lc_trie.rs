//! Our own LC-trie, the kernel's shape: `fingerpost_fib::LcTrie`.

use fingerpost_fib::{Alias, LcTrie};
use fingerpost_net::Ip;

use crate::fib::structure::{Change, Limit, Structure, TooSlow};
use crate::table::Route;

/// A prefix's length and hop.
#[derive(Clone, Copy)]
pub struct Entry {
    len: u8,
    hop: u16,
}

impl Alias for Entry {
    fn prefix_len(&self) -> u8 {
        self.len
    }
}

/// The structure.
pub struct Trie<I>(LcTrie<I, Entry>);

impl<I: Ip> Structure<I> for Trie<I> {
    const NAME: &'static str = "lc-trie";

    fn build(routes: &[Route<I>], limit: &Limit) -> Result<Self, TooSlow> {
        let mut trie = Trie(LcTrie::new());
        for (done, &Route { prefix, hop }) in routes.iter().enumerate() {
            limit.check(done)?;
            trie.apply(&[Change { prefix, hop: Some(hop) }]);
        }
        Ok(trie)
    }

    fn lookup(&self, key: I) -> u32 {
        self.0.matches(key).next().map_or(0, |(_, entry)| entry.hop.into())
    }

    fn apply(&mut self, changes: &[Change<I>]) {
        for &Change { prefix, hop } in changes {
            let (addr, len) = (prefix.addr(), prefix.len());
            // Longer ones stand first in a leaf.
            let leaf = self.0.leaf(addr);
            let at = leaf.iter().position(|entry| entry.len <= len).unwrap_or(leaf.len());
            let is_there = leaf.get(at).is_some_and(|entry| entry.len == len);
            match hop {
                Some(hop) if is_there => {
                    if let Some(entry) = self.0.leaf_mut(addr).and_then(|leaf| leaf.get_mut(at)) {
                        entry.hop = hop;
                    }
                }
                Some(hop) => self.0.insert(addr, at, Entry { len, hop }),
                None if is_there => {
                    self.0.remove(addr, at);
                }
                None => {}
            }
        }
    }
}
