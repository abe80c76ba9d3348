//! The crate `poptrie`. Each insertion moves the arrays behind it: full tables take minutes to build.

use ::poptrie::Poptrie;

use super::Native;
use crate::fib::structure::{Change, Limit, Structure, TooSlow};
use crate::table::Route;

/// The structure.
pub struct Trie<I: Native>(Poptrie<I::Key, u32>);

impl<I: Native> Structure<I> for Trie<I> {
    const NAME: &'static str = "poptrie";

    fn build(routes: &[Route<I>], limit: &Limit) -> Result<Self, TooSlow> {
        let mut trie = Poptrie::new();
        for (done, Route { prefix, hop }) in routes.iter().enumerate() {
            limit.check(done)?;
            trie.insert(prefix.addr().key(prefix.len()), u32::from(*hop));
        }
        Ok(Trie(trie))
    }

    fn lookup(&self, key: I) -> u32 {
        self.0.lookup(key.bits()).map_or(0, |&hop| hop)
    }

    fn apply(&mut self, changes: &[Change<I>]) {
        for Change { prefix, hop } in changes {
            let key = prefix.addr().key(prefix.len());
            match hop {
                Some(hop) => self.0.insert(key, u32::from(*hop)),
                None => self.0.remove(key),
            };
        }
    }
}
