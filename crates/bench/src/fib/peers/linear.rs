//! The obvious search, `fingerpost_fib::Linear`: for checks on small tables.

use fingerpost_fib::{Alias, Linear};
use fingerpost_net::Ip;

use crate::fib::structure::{Change, Limit, Structure, TooSlow};
use crate::table::Route;

/// A prefix's length and hop.
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
pub struct List<I>(Linear<I, Entry>);

impl<I: Ip> Structure<I> for List<I> {
    const NAME: &'static str = "linear";

    fn build(routes: &[Route<I>], limit: &Limit) -> Result<Self, TooSlow> {
        let mut list = List(Linear::new());
        for (done, &Route { prefix, hop }) in routes.iter().enumerate() {
            limit.check(done)?;
            list.0.insert(prefix.addr(), 0, Entry { len: prefix.len(), hop });
        }
        Ok(list)
    }

    fn lookup(&self, key: I) -> u32 {
        self.0.matches(key).next().map_or(0, |(_, entry)| entry.hop.into())
    }

    fn apply(&mut self, changes: &[Change<I>]) {
        for &Change { prefix, hop } in changes {
            let (addr, len) = (prefix.addr(), prefix.len());
            if let Some(at) = self.0.leaf(addr).iter().position(|entry| entry.len == len) {
                self.0.remove(addr, at);
            }
            if let Some(hop) = hop {
                self.0.insert(addr, 0, Entry { len, hop });
            }
        }
    }
}
