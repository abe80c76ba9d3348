//! Our own compiled table: `fingerpost_fib::Table`, changed through its `Writer`.

use std::marker::PhantomData;
use std::net::Ipv4Addr;

use fingerpost_fib::{Backend, Level, NONE, Table, Writer};
use fingerpost_net::{Ip, Prefix};

use crate::fib::structure::{Change, Limit, Reader, Structure, TooSlow};
use crate::table::Route;

/// Which of the table's ways to look up is measured.
pub trait Form<I: Ip> {
    /// As [`Structure::NAME`].
    const NAME: &'static str;

    /// Chooses it for a table.
    fn choose(table: &mut Table<I>);

    /// It, in a word.
    fn backend(table: &Table<I>) -> String {
        table.level().name().into()
    }
}

/// What a table is when nothing is chosen: the compact form, the best of the machine's instructions.
pub struct Best;

impl<I: Ip> Form<I> for Best {
    const NAME: &'static str = "fingerpost";

    fn choose(_: &mut Table<I>) {}
}

/// The other form, of IPv4 alone.
pub struct Dir24;

impl Form<Ipv4Addr> for Dir24 {
    const NAME: &'static str = "fingerpost-dir24";

    fn choose(table: &mut Table<Ipv4Addr>) {
        table.set_backend(Backend::Dir24);
    }

    fn backend(table: &Table<Ipv4Addr>) -> String {
        format!("dir24 {}", table.level().name())
    }
}

/// The compact form without particular instructions.
pub struct Portable;

impl<I: Ip> Form<I> for Portable {
    const NAME: &'static str = "fingerpost-portable";

    fn choose(table: &mut Table<I>) {
        table.set_level(Level::PORTABLE);
    }
}

/// The structure.
pub struct Published<I: Ip, F> {
    writer: Writer<I>,
    /// Changes in the form that it takes, kept for its memory.
    changes: Vec<(Prefix<I>, Option<u32>)>,
    form: PhantomData<F>,
}

impl<I: Ip + 'static, F: Form<I>> Structure<I> for Published<I, F> {
    const NAME: &'static str = F::NAME;
    const BATCHED: bool = true;
    const NO_MATCH: u32 = NONE;
    const PUBLISHES: bool = true;

    fn build(routes: &[Route<I>], _: &Limit) -> Result<Self, TooSlow> {
        let mut table = Table::from_routes(routes.iter().map(|route| (route.prefix, route.hop.into())));
        F::choose(&mut table);
        Ok(Published { writer: Writer::new(table), changes: Vec::new(), form: PhantomData })
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

    fn reader(&self) -> Option<Reader<I>> {
        let mut reader = self.writer.reader();
        Some(Box::new(move |keys, hops| reader.lookup_batch(keys, hops)))
    }

    fn backend(&self) -> String {
        F::backend(self.writer.table())
    }

    fn lookup_bytes(&self) -> Option<usize> {
        Some(self.writer.table().lookup_bytes())
    }

    fn held_bytes(&self) -> Option<usize> {
        Some(self.writer.table().heap_bytes())
    }
}
