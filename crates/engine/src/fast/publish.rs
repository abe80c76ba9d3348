//! Decisions for threads that only read, while one thread changes the configuration.
//!
//! The tables are [`fib::Writer`]s, in which a change copies a few kilobytes;
//! everything else is shared and exchanged as a whole when it changes. Which prefixes
//! have changed is in the tables' own journals; whatever else happens
//! ([`World::revision`]) is looked at as a whole: answers are made anew where they
//! stand, and only if tables would give other routes is everything compiled again.
//!
//! A reader sees each table as of one publication, and answers of the same one or a
//! later one. Tables are published one after the other: where rules lead to several, a
//! reader can see one before and another after a change, as a packet can in Linux. It
//! never waits for a publication; only to take up what is new besides tables, both
//! hold a mutex for the time of copying a pointer.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use fingerpost_fib as fib;
use fingerpost_model::{NsId, Refusal, TableId};
use fingerpost_net::{Ip, Prefix};

use super::compose::place_at;
use super::make4::Maker4;
use super::make6::Maker6;
use super::maker::Maker;
use super::program::Group;
use super::search::{Longest, Searched};
use super::v4::View4;
use super::v6::View6;
use crate::config::{Changes, Config};
use crate::namespace::Env;
use crate::world::{Revision, World};

/// Publishes the decisions of one namespace.
pub struct Publisher<M: Maker> {
    id: NsId,
    pub(super) maker: M,
    tables: Vec<fib::Writer<M::Ip>>,
    /// How often everything was compiled.
    layout: u64,
    /// Its number as a reader of journals.
    reader: u64,
    /// The answers there were when everything was compiled.
    compiled: usize,
    /// The world's revision that is published.
    revision: Revision,
    shared: Arc<Shared<M>>,
}

/// Publishes decisions about IPv4 packets.
pub type Publisher4 = Publisher<Maker4>;
/// Publishes decisions about IPv6 packets.
pub type Publisher6 = Publisher<Maker6>;

/// So many answers of routes that are gone are kept besides as many as there were.
const WASTE: usize = 1 << 14;

/// What readers look at to see whether there is news.
struct Shared<M: Maker> {
    number: AtomicU64,
    latest: Mutex<Arc<Published<M>>>,
}

/// What is published besides the contents of tables.
struct Published<M: Maker> {
    number: u64,
    layout: u64,
    shape: M::Shape,
    /// To be cloned by those that have not seen this layout.
    tables: Mutex<Vec<fib::Reader<M::Ip>>>,
}

impl<M: Maker> Shared<M> {
    fn latest(&self) -> Arc<Published<M>> {
        lock(&self.latest).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Nothing below leaves the contents half changed.
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// What a publication took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Publication {
    /// Prefixes whose places were set.
    pub prefixes: usize,
    /// Whether everything was compiled.
    pub is_anew: bool,
}

impl<M: Maker> Publisher<M> {
    /// Compiles a namespace's decisions and publishes them.
    ///
    /// # Errors
    ///
    /// There is no such namespace.
    pub fn new(world: &mut World, id: NsId) -> Result<Self, Refusal> {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let reader = LAST.fetch_add(1, Ordering::Relaxed) + 1;
        let revision = world.revision();
        let (space, env) = world.space(id)?;
        M::take_changes(&mut space.config, reader);
        let mut maker = M::new(&space.config, env);
        let tables = writers(&mut maker, &space.config, env);
        maker.take_changed();
        let published = published(&maker, &tables, 0, 0);
        let shared = Arc::new(Shared { number: AtomicU64::new(0), latest: Mutex::new(Arc::new(published)) });
        let compiled = maker.answers();
        Ok(Publisher { id, maker, tables, layout: 0, reader, compiled, revision, shared })
    }

    /// A reader, for another thread.
    pub fn reader(&self) -> Reader<M> {
        let published = self.shared.latest();
        let tables = lock(&published.tables).clone();
        Reader { shared: self.shared.clone(), published, tables }
    }

    /// Publishes what has changed since the last time.
    ///
    /// # Errors
    ///
    /// The namespace is gone.
    pub fn publish(&mut self, world: &mut World) -> Result<Publication, Refusal> {
        let revision = world.revision();
        let (space, env) = world.space(self.id)?;
        let changes = M::take_changes(&mut space.config, self.reader);
        let config = &space.config;
        let is_more = revision != self.revision || !self.maker.stands(config);
        let is_other = !revision.is_of_same_world(self.revision);
        self.revision = revision;
        let mut publication = Publication::default();
        let mut touched: BTreeSet<Group> = BTreeSet::new();
        let is_searched =
            |table: &TableId| self.maker.groups().iter().flatten().any(|member| member.table == *table);
        let of_all = changes
            .iter()
            .any(|(tables, changes)| *changes == Changes::All && tables.iter().any(is_searched));
        // Answers of routes that are gone are kept until there are too many.
        let is_wasteful = self.maker.answers() > 2 * self.compiled + WASTE;
        let stands = !of_all && !is_other && !is_wasteful;
        if !stands || (is_more && !self.maker.refresh(config, env)) {
            self.maker = M::new(config, env);
            self.tables = writers(&mut self.maker, config, env);
            self.layout += 1;
            self.compiled = self.maker.answers();
            publication.is_anew = true;
        } else {
            for (tables, changes) in changes {
                if let Changes::Of(prefixes) = changes
                    && !prefixes.is_empty()
                {
                    publication.prefixes += self.set(config, env, &tables, prefixes, &mut touched);
                }
            }
        }
        if self.maker.take_changed() {
            let number = self.shared.number.load(Ordering::Relaxed) + 1;
            let published = Arc::new(published(&self.maker, &self.tables, number, self.layout));
            let before = std::mem::replace(&mut *lock(&self.shared.latest), published);
            // Not under the mutex.
            drop(before);
            self.shared.number.store(number, Ordering::Release);
        }
        // Answers first: no reader meets a place that it knows nothing of.
        touched.into_iter().for_each(|group| self.tables[group].publish());
        Ok(publication)
    }

    /// Sets the places of prefixes whose routes in some tables have changed.
    fn set(
        &mut self,
        config: &Config,
        env: Env<'_>,
        tables: &[TableId],
        mut prefixes: Vec<Prefix<M::Ip>>,
        touched: &mut BTreeSet<Group>,
    ) -> usize {
        if prefixes.len() > 1 {
            prefixes.sort_unstable();
            prefixes.dedup();
        }
        for &prefix in &prefixes {
            self.maker.note_route(config, tables, prefix);
        }
        let mut count = 0;
        for group in 0..self.maker.groups().len() {
            let members = &self.maker.groups()[group];
            if !members.iter().any(|member| tables.contains(&member.table)) {
                continue;
            }
            // What other tables hold below may be hidden now, or no longer.
            let others = members.iter().map(|member| member.table).filter(|table| !tables.contains(table));
            let others: BTreeSet<TableId> = others.collect();
            let mut all: BTreeSet<Prefix<M::Ip>> = BTreeSet::new();
            for &table in &others {
                all.extend(prefixes.iter().flat_map(|&prefix| M::within(config, table, prefix)));
            }
            count += prefixes.len() + all.len();
            let set: Vec<_> = prefixes
                .iter()
                .chain(&all)
                .map(|&prefix| (prefix, self.value(config, env, group, prefix)))
                .collect();
            self.tables[group].apply(&set);
            touched.insert(group);
        }
        count
    }

    fn value(&mut self, config: &Config, env: Env<'_>, group: Group, prefix: Prefix<M::Ip>) -> Option<u32> {
        let lists = M::lists(config, env);
        let place = place_at(&lists, &self.maker.groups()[group], prefix)?;
        Some(self.maker.number(config, env, place))
    }
}

fn writers<M: Maker>(maker: &mut M, config: &Config, env: Env<'_>) -> Vec<fib::Writer<M::Ip>> {
    maker.build(config, env, false).into_tables().into_iter().map(fib::Writer::new).collect()
}

fn published<M: Maker>(maker: &M, tables: &[fib::Writer<M::Ip>], number: u64, layout: u64) -> Published<M> {
    let tables = Mutex::new(tables.iter().map(fib::Writer::reader).collect());
    Published { number, layout, shape: maker.shape().clone(), tables }
}

/// Reads what a [`Publisher`] publishes.
pub struct Reader<M: Maker> {
    shared: Arc<Shared<M>>,
    published: Arc<Published<M>>,
    tables: Vec<fib::Reader<M::Ip>>,
}

/// Reads decisions about IPv4 packets.
pub type Reader4 = Reader<Maker4>;
/// Reads decisions about IPv6 packets.
pub type Reader6 = Reader<Maker6>;

/// What a reader sees, for as long as it holds this: a batch of packets, or some.
pub struct Pinned<'a, M: Maker> {
    shape: &'a M::Shape,
    tables: Vec<Guarded<'a, M::Ip>>,
}

/// A table that a reader sees.
pub struct Guarded<'a, I>(fib::Guard<'a, I>);

impl<I: Ip> Longest<I> for Guarded<'_, I> {
    #[inline]
    fn lookup(&self, addr: I) -> Option<u32> {
        self.0.lookup(addr)
    }

    fn lookup_batch(&self, addrs: &[I], values: &mut [u32]) {
        self.0.lookup_batch(addrs, values);
    }
}

impl<M: Maker> Reader<M> {
    /// The decisions published last. Pinning is for a batch of packets: it looks at
    /// every table.
    pub fn pin(&mut self) -> Pinned<'_, M> {
        let Reader { shared, published, tables } = self;
        let is_news = |published: &Published<M>| shared.number.load(Ordering::Acquire) != published.number;
        if is_news(published) {
            let latest = shared.latest();
            if latest.layout != published.layout {
                *tables = lock(&latest.tables).clone();
            }
            *published = latest;
        }
        let tables = tables.iter_mut().map(|table| Guarded(table.pin())).collect();
        // What the tables lead to may have been published just before them.
        if is_news(published) {
            let latest = shared.latest();
            if latest.layout == published.layout {
                *published = latest;
            }
        }
        Pinned { shape: &published.shape, tables }
    }
}

impl<M: Maker> Clone for Reader<M> {
    fn clone(&self) -> Self {
        Reader { shared: self.shared.clone(), published: self.published.clone(), tables: self.tables.clone() }
    }
}

impl<'a> Pinned<'a, Maker4> {
    /// To decide.
    pub fn view(&self) -> View4<'_, Guarded<'a, Ipv4Addr>> {
        View4 { shape: self.shape, tables: Searched::of(&self.tables) }
    }
}

impl<'a> Pinned<'a, Maker6> {
    /// To decide.
    pub fn view(&self) -> View6<'_, Guarded<'a, Ipv6Addr>> {
        View6 { shape: self.shape, tables: Searched::of(&self.tables) }
    }
}
