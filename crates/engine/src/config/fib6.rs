//! IPv6 routing tables as data: prefixes with lists of routes ordered by
//! metric, and below each prefix those that demand a source.

use std::net::Ipv6Addr;

use fingerpost_model::{Metrics, RouteType, TableId};
use fingerpost_net::Prefix;

use super::fib::NextHop;
use super::prefix_tree::{PrefixTree, Visit, halves};
use crate::state::Time;

/// Names a route for as long as it is in its table; never given again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Route6Id(pub u64);

/// `RTF_*`: what IPv6 notes of a route, with the kernel's bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RtFlags(pub u32);

impl RtFlags {
    /// Usable; every route has it but those that were promoted to reject routes.
    pub const UP: RtFlags = RtFlags(0x0001);
    /// Through a gateway.
    pub const GATEWAY: RtFlags = RtFlags(0x0002);
    /// Answers with an error, or leads through loopback.
    pub const REJECT: RtFlags = RtFlags(0x0200);
    /// A default route by router advertisement.
    pub const DEFAULT: RtFlags = RtFlags(0x0001_0000);
    /// Made by autoconfiguration.
    pub const ADDRCONF: RtFlags = RtFlags(0x0004_0000);
    /// A prefix that an advertisement declares on the link.
    pub const PREFIX_RT: RtFlags = RtFlags(0x0008_0000);
    /// An own anycast address.
    pub const ANYCAST: RtFlags = RtFlags(0x0010_0000);
    /// No neighbour is asked for.
    pub const NONEXTHOP: RtFlags = RtFlags(0x0020_0000);
    /// A prefix that an advertisement says its router is a way to.
    pub const ROUTEINFO: RtFlags = RtFlags(0x0080_0000);
    /// Ends at a time.
    pub const EXPIRES: RtFlags = RtFlags(0x0040_0000);
    /// An own address.
    pub const LOCAL: RtFlags = RtFlags(0x8000_0000);

    /// Whether any bit of `other` is set.
    pub const fn any(self, other: RtFlags) -> bool {
        self.0 & other.0 != 0
    }
    /// Whether all bits of `other` are set.
    pub const fn all(self, other: RtFlags) -> bool {
        self.0 & other.0 == other.0
    }
    /// These bits and those of `other`.
    #[must_use]
    pub const fn with(self, other: RtFlags) -> RtFlags {
        RtFlags(self.0 | other.0)
    }
    /// These bits but for those of `other`.
    #[must_use]
    pub const fn without(self, other: RtFlags) -> RtFlags {
        RtFlags(self.0 & !other.0)
    }
}

impl core::ops::BitOr for RtFlags {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        self.with(other)
    }
}

/// Router preference (RFC 4191) as the wire has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Preference(pub u8);

impl Preference {
    /// `ICMPV6_ROUTER_PREF_MEDIUM`.
    pub const MEDIUM: Preference = Preference(0);
    /// `ICMPV6_ROUTER_PREF_HIGH`.
    pub const HIGH: Preference = Preference(1);
    /// `ICMPV6_ROUTER_PREF_LOW`.
    pub const LOW: Preference = Preference(3);

    /// 1 low, 2 medium, 3 high (`IPV6_DECODE_PREF`).
    pub fn rank(self) -> i32 {
        i32::from(self.0 ^ 2)
    }
}

/// One route, or one leg of a multipath route (`struct fib6_info`).
#[derive(Clone, Debug, PartialEq)]
pub struct Route6 {
    /// Its name.
    pub id: Route6Id,
    /// The table.
    pub table: TableId,
    /// Destination.
    pub dst: Prefix<Ipv6Addr>,
    /// The source that it demands; the default prefix for any.
    pub src: Prefix<Ipv6Addr>,
    /// The type.
    pub kind: RouteType,
    /// Who made it, `RTPROT_*`.
    pub protocol: u8,
    /// Metric; smaller ones come first.
    pub metric: u32,
    /// What IPv6 notes of it.
    pub flags: RtFlags,
    /// Router preference.
    pub pref: Preference,
    /// Preferred source, if given.
    pub prefsrc: Option<Ipv6Addr>,
    /// Metrics by kind.
    pub metrics: Metrics,
    /// When it ends, if it does, in milliseconds of the world's clock; negative
    /// where that was before its start.
    pub expires: Option<i64>,
    /// The nexthop object, if the route uses one; `hop` then says nothing.
    pub nh_id: Option<u32>,
    /// The route's own hop.
    pub hop: NextHop,
}

impl Route6 {
    /// Whether routes like it, of one prefix and metric, are legs of one
    /// multipath route (`rt6_qualify_for_ecmp`).
    pub fn is_leg(&self) -> bool {
        !self.flags.any(RtFlags::ADDRCONF) && self.nh_id.is_none() && self.hop.gateway.is_some()
    }

    /// Whether its time is over (`fib6_check_expired`).
    pub fn is_expired(&self, now: Time) -> bool {
        self.flags.any(RtFlags::EXPIRES) && self.expires.is_some_and(|at| now.0 as i64 > at)
    }
}

/// What a table holds of one destination (`struct fib6_node`).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node6 {
    /// Routes for any source, by metric; equal ones in the order of their making.
    pub routes: Vec<Route6>,
    /// Routes by source, likewise ordered.
    pub by_source: PrefixTree<Vec<Route6>>,
    /// Where there are routes by source only: the route whose destination is
    /// compared before they are looked at (`fib6_node::leaf`). It can be one that
    /// lies below, see [`Table6::lose_leaf`].
    pub leaf: Option<(Prefix<Ipv6Addr>, Route6Id)>,
    /// What decisions made of its routes remember of it.
    pub serial: Serial,
}

/// Which renewal of routes was a destination's last (`fib6_node::fn_sernum`). It is no part of
/// what a table holds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Serial(pub u64);

impl PartialEq for Serial {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Node6 {
    /// Whether it holds routes by source only.
    fn is_by_source(&self) -> bool {
        self.routes.is_empty() && !self.by_source.is_empty()
    }

    /// Whether its routes by source are never looked at for a destination.
    pub fn is_mistaken(&self, dst: Ipv6Addr) -> bool {
        self.is_by_source() && self.leaf.is_some_and(|(leaf, _)| !leaf.contains(dst))
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.routes.is_empty() && self.by_source.is_empty()
    }

    /// The routes of a source.
    pub fn of_source(&self, src: Prefix<Ipv6Addr>) -> &[Route6] {
        if src.is_default() { &self.routes } else { self.by_source.get(src).map_or(&[], |list| list) }
    }

    /// The list of a source, made if there is none.
    pub fn ensure_source(&mut self, src: Prefix<Ipv6Addr>) -> &mut Vec<Route6> {
        if src.is_default() { &mut self.routes } else { self.by_source.ensure(src) }
    }

    /// All lists to change, in no order that matters; afterwards
    /// [`Table6::prune`] has to follow.
    pub fn lists_mut(&mut self) -> impl Iterator<Item = &mut Vec<Route6>> {
        self.by_source.values_mut().chain([&mut self.routes])
    }
}

/// One table.
#[derive(Clone, Debug, PartialEq)]
pub struct Table6 {
    /// The id.
    pub id: TableId,
    /// What it holds, by destination.
    pub tree: PrefixTree<Node6>,
    /// Whether it ever had a route by source.
    pub had_sources: bool,
}

impl Table6 {
    /// An empty table.
    pub fn new(id: TableId) -> Self {
        Table6 { id, tree: PrefixTree::default(), had_sources: false }
    }

    /// All lists in the order of a walk: of a destination those by source before
    /// what lies below it, the others after that.
    pub fn lists(&self) -> impl Iterator<Item = &[Route6]> {
        self.tree.walk().flat_map(|visit| {
            let (by_source, own) = match visit {
                Visit::Enter(node) => (Some(&node.by_source), None),
                Visit::Leave(node) => (None, Some(node.routes.as_slice())),
            };
            let left = |visit| match visit {
                Visit::Enter(_) => None,
                Visit::Leave(list) => Some(list),
            };
            let of_sources = by_source.into_iter().flat_map(move |tree| tree.walk().filter_map(left));
            of_sources.map(|list: &Vec<Route6>| list.as_slice()).chain(own)
        })
    }

    /// All routes in the order of a walk.
    pub fn routes(&self) -> impl Iterator<Item = &Route6> {
        self.lists().flatten()
    }

    /// Forgets lists and destinations without routes.
    pub fn prune(&mut self) {
        self.tree.retain(|node| {
            node.by_source.retain(|list| !list.is_empty());
            !node.is_empty()
        });
        self.repair();
    }

    /// Notes which route was added: it is what is compared first from now on.
    pub fn note_leaf(&mut self, dst: Prefix<Ipv6Addr>, src: Prefix<Ipv6Addr>, id: Route6Id) {
        self.had_sources |= !src.is_default();
        if let Some(node) = self.tree.get_mut(dst) {
            node.leaf = (!src.is_default() && node.routes.is_empty()).then_some((dst, id));
        }
    }

    /// Notes for which destinations the routes by source of one are looked at;
    /// [`Table6::find_leaves`] has to follow.
    pub fn set_leaf(&mut self, dst: Prefix<Ipv6Addr>, looked_at: Prefix<Ipv6Addr>) {
        if let Some(node) = self.tree.get_mut(dst) {
            node.leaf = node.is_by_source().then_some((looked_at, Route6Id(0)));
        }
    }

    /// Finds the routes of the destinations that [`Table6::set_leaf`] noted.
    pub fn find_leaves(&mut self) {
        let noted = self.tree.iter().filter_map(|(dst, node)| Some((dst, node.leaf?)));
        let noted: Vec<_> = noted.filter(|(_, (_, id))| id.0 == 0).map(|(dst, (at, _))| (dst, at)).collect();
        for (dst, at) in noted {
            let first = |node: &Node6| {
                let mut lists = [&node.routes].into_iter().chain(node.by_source.iter().map(|(_, list)| list));
                lists.find_map(|list| list.first()).map(|route| (at, route.id))
            };
            let leaf = self.tree.get(at).and_then(first);
            match leaf {
                Some(leaf) => self.tree.ensure(dst).leaf = Some(leaf),
                None => self.lose_leaf(dst),
            }
        }
    }

    /// Something failed at a destination, or took away the route that was compared
    /// first: where only routes by source are left, one of the next node below is
    /// compared in its place, and destinations outside of that one find nothing
    /// here (`fib6_find_prefix`, a fault of Linux). Where branches part below,
    /// which one it is depends on history; the oldest is taken.
    pub fn lose_leaf(&mut self, dst: Prefix<Ipv6Addr>) {
        if dst.is_default() || !self.tree.get(dst).is_some_and(Node6::is_by_source) {
            return;
        }
        let leaf = self.leaf_below(dst);
        if let Some(node) = self.tree.get_mut(dst) {
            node.leaf = leaf;
        }
    }

    /// After removals: the same wherever the route that was compared first has gone.
    pub fn repair(&mut self) {
        if !self.had_sources {
            return;
        }
        let is_there = |(at, id): (Prefix<Ipv6Addr>, Route6Id)| {
            let has = |list: &Vec<Route6>| list.iter().any(|route| route.id == id);
            let node = self.tree.get(at);
            node.is_some_and(|node| has(&node.routes) || node.by_source.iter().any(|(_, list)| has(list)))
        };
        let lost = |node: &Node6| node.is_by_source() && !node.leaf.is_some_and(is_there);
        let lost: Vec<_> = self.tree.iter().filter(|(_, node)| lost(node)).map(|(dst, _)| dst).collect();
        lost.into_iter().for_each(|dst| self.lose_leaf(dst));
    }

    fn leaf_below(&self, dst: Prefix<Ipv6Addr>) -> Option<(Prefix<Ipv6Addr>, Route6Id)> {
        let leaf_of = |(at, node): (Prefix<Ipv6Addr>, &Node6)| match node.routes.first() {
            Some(route) => Some((at, route.id)),
            None => node.leaf,
        };
        let halves = if dst.len() < 128 { halves(dst).to_vec() } else { Vec::new() };
        for half in halves {
            let mut within = self.tree.within(half);
            let Some(first) = within.next() else { continue };
            if within.next_back().is_none_or(|(last, _)| first.0.covers(last)) {
                return leaf_of(first);
            }
            return self.tree.within(half).filter_map(leaf_of).min_by_key(|&(_, id)| id);
        }
        let sources = self.tree.get(dst)?.by_source.iter();
        sources.flat_map(|(_, list)| list).map(|route| (dst, route.id)).min_by_key(|&(_, id)| id)
    }
}

/// All IPv6 tables of a namespace.
#[derive(Clone, Debug, PartialEq)]
pub struct Fib6 {
    /// The tables in the order of dumps: by `id & 255`, newest first within that.
    pub tables: Vec<Table6>,
    /// Whether any rule was ever added, for good.
    pub has_custom_rules: bool,
    /// Rules for which received packets are dissected.
    pub dissecting_rules: u32,
    /// Counts what ends all decisions (`rt_genid_bump_ipv6`).
    pub generation: u64,
    /// Counts what ends decisions of some destinations ([`Node6::serial`]).
    pub renewals: u64,
    /// The name given last to a route.
    pub last_id: u64,
}

impl Default for Fib6 {
    /// Tables main and local, which always exist.
    fn default() -> Self {
        Fib6 {
            tables: vec![Table6::new(TableId::MAIN), Table6::new(TableId::LOCAL)],
            has_custom_rules: false,
            dissecting_rules: 0,
            generation: 0,
            renewals: 0,
            last_id: 0,
        }
    }
}

impl Fib6 {
    /// Counts what ends decisions that are kept with a nexthop object (`rt_genid_ipv6`): what
    /// ends all or some others, and each new route.
    pub fn changes(&self) -> u64 {
        self.generation.wrapping_add(self.last_id).wrapping_add(self.renewals)
    }

    /// A route was added, or came back: that ends decisions made of it and of those that
    /// contain it (`fib6_update_sernum_upto_root`).
    pub fn renew(&mut self, table: TableId, dst: Prefix<Ipv6Addr>) {
        self.renewals += 1;
        let serial = Serial(self.renewals);
        if let Some(table) = self.table_mut(table) {
            table.tree.mark_covering(dst, |node| node.serial = serial);
        }
    }

    /// A destination's routes lead elsewhere: that ends decisions made of them alone
    /// (`fib6_update_sernum`).
    pub fn renew_alone(&mut self, table: TableId, dst: Prefix<Ipv6Addr>) {
        self.renewals += 1;
        let serial = Serial(self.renewals);
        if let Some(table) = self.table_mut(table) {
            table.tree.mark(dst, |node| node.serial = serial);
        }
    }

    /// The last renewal of a destination; 0 for none.
    pub fn serial(&self, table: TableId, dst: Prefix<Ipv6Addr>) -> u64 {
        self.table(table).and_then(|table| table.tree.get(dst)).map_or(0, |node| node.serial.0)
    }

    /// The table with this id; 0 is main.
    pub fn table(&self, id: TableId) -> Option<&Table6> {
        let id = if id == TableId::UNSPEC { TableId::MAIN } else { id };
        self.tables.iter().find(|table| table.id == id)
    }

    /// The same, to change.
    pub fn table_mut(&mut self, id: TableId) -> Option<&mut Table6> {
        let id = if id == TableId::UNSPEC { TableId::MAIN } else { id };
        self.tables.iter_mut().find(|table| table.id == id)
    }

    /// A name for a new route.
    pub fn new_id(&mut self) -> Route6Id {
        self.last_id += 1;
        Route6Id(self.last_id)
    }
}
