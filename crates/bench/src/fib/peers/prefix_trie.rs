//! The crate `prefix-trie`.

use ::prefix_trie::PrefixMap;
use fingerpost_net::Ip;

use super::Native;
use crate::fib::structure::{Change, Limit, Structure, TooSlow};
use crate::table::Route;

/// The structure.
pub struct Map<I: Native>(PrefixMap<I::Key, u32>);

impl<I: Native> Structure<I> for Map<I> {
    const NAME: &'static str = "prefix-trie";

    fn build(routes: &[Route<I>], limit: &Limit) -> Result<Self, TooSlow> {
        let mut map = PrefixMap::new();
        for (done, Route { prefix, hop }) in routes.iter().enumerate() {
            limit.check(done)?;
            map.insert(prefix.addr().key(prefix.len()), u32::from(*hop));
        }
        Ok(Map(map))
    }

    fn lookup(&self, key: I) -> u32 {
        self.0.get_lpm(&key.key(<I as Ip>::WIDTH)).map_or(0, |(_, &hop)| hop)
    }

    fn apply(&mut self, changes: &[Change<I>]) {
        for Change { prefix, hop } in changes {
            let key = prefix.addr().key(prefix.len());
            match hop {
                Some(hop) => self.0.insert(key, u32::from(*hop)),
                None => self.0.remove(&key),
            };
        }
    }
}
