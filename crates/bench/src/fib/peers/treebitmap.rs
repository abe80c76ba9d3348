//! Hroi Sigurdsson's `treebitmap`, as the registry has it: `ip_network_table-deps-treebitmap`.

use ip_network_table_deps_treebitmap::IpLookupTable;

use super::Native;
use crate::fib::structure::{Change, Limit, Structure, TooSlow};
use crate::table::Route;

/// The structure.
pub struct Table<I>(IpLookupTable<I, u32>);

impl<I: Native> Structure<I> for Table<I> {
    const NAME: &'static str = "treebitmap";

    fn build(routes: &[Route<I>], limit: &Limit) -> Result<Self, TooSlow> {
        let mut table = IpLookupTable::new();
        for (done, Route { prefix, hop }) in routes.iter().enumerate() {
            limit.check(done)?;
            table.insert(prefix.addr(), prefix.len().into(), u32::from(*hop));
        }
        Ok(Table(table))
    }

    fn lookup(&self, key: I) -> u32 {
        self.0.longest_match(key).map_or(0, |(_, _, &hop)| hop)
    }

    fn apply(&mut self, changes: &[Change<I>]) {
        for Change { prefix, hop } in changes {
            let (addr, len) = (prefix.addr(), u32::from(prefix.len()));
            match hop {
                Some(hop) => self.0.insert(addr, len, u32::from(*hop)),
                None => self.0.remove(addr, len),
            };
        }
    }
}
