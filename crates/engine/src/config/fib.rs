//! IPv4 routing tables as data: aliases in tries, and the shared route
//! information they point to.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};

use fingerpost_model::{Encap, Metrics, RouteFlags, RouteType, Scope, TableId};

use super::trie::{Search, Trie};

/// Names a [`FibInfo`] of a [`Fib`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FibInfoId(pub u32);

/// One route in a table: the key's part below the prefix, and what it leads to
/// (`struct fib_alias`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alias {
    /// Prefix length.
    pub len: u8,
    /// The tos byte it demands, ECN bits zero; 0 takes any.
    pub dscp: u8,
    /// The type.
    pub kind: RouteType,
    /// The table it belongs to; in a merged trie both local and main occur (C-006).
    pub table: TableId,
    /// The rest.
    pub info: FibInfoId,
}

/// A route in its trie, and whether a lookup has ever considered it: only then
/// does its end end cached decisions (C-032).
#[derive(Debug)]
pub struct Entry {
    /// The route.
    pub alias: Alias,
    /// Set by lookups, which share the table.
    accessed: AtomicBool,
}

impl Entry {
    /// A route that no lookup has seen yet.
    pub fn new(alias: Alias) -> Self {
        Entry { alias, accessed: AtomicBool::new(false) }
    }

    /// Notes that a lookup considers the route (`fib_alias_accessed`).
    pub fn mark_accessed(&self) {
        if !self.accessed() {
            self.accessed.store(true, Ordering::Relaxed);
        }
    }

    /// Whether a lookup has ever considered the route.
    pub fn accessed(&self) -> bool {
        self.accessed.load(Ordering::Relaxed)
    }
}

impl Clone for Entry {
    fn clone(&self) -> Self {
        Entry { alias: self.alias, accessed: AtomicBool::new(self.accessed()) }
    }
}

impl Deref for Entry {
    type Target = Alias;

    fn deref(&self) -> &Alias {
        &self.alias
    }
}

impl fingerpost_fib::Alias for Entry {
    fn prefix_len(&self) -> u8 {
        self.alias.len
    }
}

/// What routes share: source, metric, next hops (`struct fib_info`).
#[derive(Clone, Debug, PartialEq)]
pub struct FibInfo {
    /// A running number of what was stored: a freed place is given again, this is not.
    pub serial: u64,
    /// How many aliases point here.
    pub refs: u32,
    /// Who made it, `RTPROT_*`.
    pub protocol: u8,
    /// Scope of the destination.
    pub scope: Scope,
    /// Type.
    pub kind: RouteType,
    /// The table it was made in.
    pub table: TableId,
    /// Preferred source, if given.
    pub prefsrc: Option<Ipv4Addr>,
    /// Metric; 0 when none was given (C-012).
    pub priority: u32,
    /// DEAD and LINKDOWN when all hops are so; others as given.
    pub flags: RouteFlags,
    /// Metrics by kind, clamped (C-037).
    pub metrics: Metrics,
    /// The nexthop object, if the route uses one; `hops` is then empty.
    pub nh_id: Option<u32>,
    /// The route's own hops; empty for error types given without a device.
    pub hops: Vec<NextHop>,
}

/// One way on (`struct fib_nh`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NextHop {
    /// The device; 0 for none (error types).
    pub dev: u32,
    /// The gateway, of either family (C-045).
    pub gateway: Option<IpAddr>,
    /// Scope of the next resolution step: link for a gateway on a link, host
    /// for a neighbour or an own address, nowhere for host-scope routes.
    pub scope: Scope,
    /// 1 to 256.
    pub weight: u32,
    /// `RTNH_F_*`: DEAD, LINKDOWN, ONLINK.
    pub flags: RouteFlags,
    /// Highest 31-bit hash that selects it; −1 never (C-051).
    pub upper_bound: i32,
    /// Realms: source in the upper 16 bits, destination in the lower.
    pub realms: u32,
    /// Whether it is a blackhole nexthop object (C-019).
    pub blackhole: bool,
    /// Tunnel; such routes only come from snapshots.
    pub encap: Option<Encap>,
}

impl NextHop {
    /// A hop without gateway.
    pub fn device(dev: u32) -> Self {
        NextHop {
            dev,
            gateway: None,
            scope: Scope::HOST,
            weight: 1,
            flags: RouteFlags(0),
            upper_bound: 0,
            realms: 0,
            blackhole: false,
            encap: None,
        }
    }

    /// The gateway if it is an IPv4 address.
    pub fn gateway4(&self) -> Option<Ipv4Addr> {
        match self.gateway {
            Some(IpAddr::V4(a)) => Some(a),
            _ => None,
        }
    }
}

/// One table: a view on a trie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The id.
    pub id: TableId,
    /// Which of [`Fib::tries`] holds its aliases.
    pub trie: usize,
    /// How many aliases of length 0 it holds (C-029).
    pub defaults: u32,
}

/// How many buckets there are; a new namespace has 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InfoBuckets(pub usize);

impl Default for InfoBuckets {
    fn default() -> Self {
        InfoBuckets(16)
    }
}

/// All IPv4 tables of a namespace.
#[derive(Clone, Debug, Default)]
pub struct Fib {
    /// The tries; local and main share one until rules are changed (C-006).
    pub tries: Vec<Trie>,
    /// The structure that lookups search, in new tries too; set by [`Fib::set_search`].
    pub(crate) search: Search,
    /// The tables in the order of dumps: by `id & 255`, newest first within that.
    pub tables: Vec<Table>,
    /// Shared route information; freed slots are `None`.
    pub infos: Vec<Option<FibInfo>>,
    /// The running number of what was stored last.
    pub last_serial: u64,
    /// Free slots of `infos`.
    pub free: Vec<u32>,
    /// Slots of `infos` by hash of what makes two equal.
    pub by_hash: HashMap<u64, Vec<FibInfoId>>,
    /// Slots of `infos` by the nexthop object that they use; the last is found first.
    pub by_object: HashMap<u32, Vec<FibInfoId>>,
    /// Buckets that Linux keeps shared information in: doubled when there is as
    /// much of it, which turns the order inside each bucket around.
    pub info_buckets: InfoBuckets,
    /// Whether any rule was ever added or deleted, for good (C-123).
    pub has_custom_rules: bool,
    /// Whether a local route was ever added by hand, for good (C-033).
    pub has_custom_local_routes: bool,
    /// Routes and rules with realms, which force the full source check (T-22).
    pub realm_users: u32,
    /// Rules for which received packets are dissected, counted as they come and
    /// go: what became of them in between is not looked at (C-110).
    pub dissecting_rules: u32,
    /// Route generation: a cached decision is valid while it is unchanged (C-144).
    pub generation: u64,
}

impl Fib {
    /// The table with this id.
    pub fn table(&self, id: TableId) -> Option<&Table> {
        self.tables.iter().find(|table| table.id == id)
    }

    /// The trie of a table.
    pub fn trie(&self, table: &Table) -> &Trie {
        &self.tries[table.trie]
    }

    /// Chooses the structure that lookups search.
    pub fn set_search(&mut self, search: Search) {
        self.search = search;
        self.tries.iter_mut().for_each(|trie| trie.set_search(search));
    }

    /// The shared information of an alias.
    ///
    /// # Panics
    ///
    /// If the id was not taken from an alias of this `Fib`.
    pub fn info(&self, id: FibInfoId) -> &FibInfo {
        self.infos[id.0 as usize].as_ref().expect("an alias keeps its fib_info alive")
    }

    /// The metrics of route information, while it exists.
    pub fn metrics(&self, id: FibInfoId) -> Option<&Metrics> {
        self.infos.get(id.0 as usize)?.as_ref().map(|info| &info.metrics)
    }

    /// Whether local and main are one trie.
    pub fn is_merged(&self) -> bool {
        match (self.table(TableId::LOCAL), self.table(TableId::MAIN)) {
            (Some(local), Some(main)) => local.trie == main.trie,
            _ => !self.has_custom_rules,
        }
    }
}
