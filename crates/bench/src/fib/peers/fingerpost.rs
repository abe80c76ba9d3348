//! Our own compiled table: `fingerpost_fib::Table`, changed through its `Writer`.

use fingerpost_fib::{NONE, Table, Writer};
use fingerpost_net::{Ip, Prefix};

use crate::fib::structure::{Change, Limit, Structure, TooSlow};
use crate::table::Route;

/// The structure.
pub struct Published<I: Ip> {
    writer: Writer<I>,
    /// Changes in the form that it takes, kept for its memory.
    changes: Vec<(Prefix<I>, Option<u32>)>,
}

impl<I: Ip> Structure<I> for Published<I> {
    const NAME: &'static str = "fingerpost";
    const BATCHED: bool = true;
    const NO_MATCH: u32 = NONE;
    const PUBLISHES: bool = true;

    fn build(routes: &[Route<I>], _: &Limit) -> Result<Self, TooSlow> {
        let table = Table::from_routes(routes.iter().map(|route| (route.prefix, route.hop.into())));
        Ok(Published { writer: Writer::new(table), changes: Vec::new() })
    }

    fn lookup(&self, key: I) -> u32 {
        self.writer.table().lookup(key).unwrap_or(NONE)
    }

    fn lookup_batch(&self, keys: &[I], hops: &mut [u32]) {
        self.writer.table().lookup_batch(keys, hops);
    }

    fn apply(&mut self, changes: &[Change<I>]) {
        self.changes.clear();
        self.changes.extend(changes.iter().map(|change| (change.prefix, change.hop.map(u32::from))));
        self.writer.apply(&self.changes);
        self.writer.publish();
    }

    fn backend(&self) -> String {
        self.writer.table().level().name().to_string()
    }

    fn lookup_bytes(&self) -> Option<usize> {
        Some(self.writer.table().lookup_bytes())
    }

    fn held_bytes(&self) -> Option<usize> {
        Some(self.writer.table().heap_bytes())
    }
}
