//! What was learned about single IPv6 destinations: path MTUs and redirects
//! (C-299). It is kept with the hop of the route that led there, as in
//! `fib6_nh`, and read from captures; what teaches it is not here.

use std::collections::{BTreeMap, HashMap};
use std::net::Ipv6Addr;

use fingerpost_model::TableId;
use fingerpost_net::Prefix;

use super::Decision6;
use super::table6::{self, Found6};
use crate::config::{Config, Route6, Route6Id, RtFlags};
use crate::control::event::nexthop_device;
use crate::state::Time;

/// Destinations that are remembered at most: a bound, where Linux has one for each hop's
/// hash and chance in it.
const MOST: usize = 65_536;

/// Names a hop: that of a route, or of one leg, or a nexthop object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HopId6 {
    /// Of a route or leg.
    Route(Route6Id),
    /// A nexthop object, whose routes share what was learned.
    Object(u32),
}

/// What is known about one destination through one hop (`struct rt6_exception`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exception6 {
    /// The path MTU in bytes, if one was learned.
    pub mtu: Option<u32>,
    /// The gateway, be it the route's own or one that a redirect named; none where
    /// the destination is on the link.
    pub gateway: Option<Ipv6Addr>,
    /// When it ends; `None` for never.
    pub expires: Option<Time>,
    /// When it was learned.
    pub since: Time,
}

/// What befell the routes of a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Something was learned, as the so many-th of all (`rt6_insert_exception`).
    Learned(u64),
    /// An advertised default route led nowhere, since that renewal
    /// ([`crate::config::Node6::serial`]). To do so once more ends nothing (`ip6_link_failure`).
    Failed(u64),
}

/// All that a namespace learned.
#[derive(Clone, Debug, Default)]
pub struct Exceptions6 {
    /// By hop, destination, and the source: unspecified but with routes by source.
    entries: BTreeMap<(HopId6, Ipv6Addr, Ipv6Addr), Exception6>,
    /// What befell the routes of destinations, as far as it ends decisions made of them.
    marks: HashMap<(TableId, Prefix<Ipv6Addr>), Mark>,
    /// Counts what was learned.
    changes: u64,
}

impl Exceptions6 {
    /// Whether nothing was learned.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// When something may be forgotten first: at once where it leads to a gateway or has no end.
    pub fn first_look(&self) -> Option<Time> {
        let look = |known: &Exception6| known.expires.filter(|_| known.gateway.is_none());
        self.entries.values().map(|known| look(known).unwrap_or(Time(0))).min()
    }

    /// A number that grows with all that is learned.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// What befell the routes of a destination last: decisions made of them before are over.
    pub(crate) fn mark(&self, table: TableId, dst: Prefix<Ipv6Addr>) -> Option<Mark> {
        self.marks.get(&(table, dst)).copied()
    }

    fn set_mark(&mut self, route: &Route6, mark: Mark) {
        if self.marks.len() >= MOST {
            // Others' decisions end too early.
            self.marks.clear();
        }
        self.marks.insert((route.table, route.dst), mark);
    }

    /// What is known about a destination of a route's hop (`rt6_find_cached_rt`).
    /// With a route by source it was learned of the packet's source or, through a
    /// gateway, of all the route's sources.
    pub fn find(
        &self,
        config: &Config,
        (route, member): (&Route6, usize),
        src: Ipv6Addr,
        dst: Ipv6Addr,
        now: Time,
    ) -> Option<Exception6> {
        if self.entries.is_empty() {
            return None;
        }
        let hop = hop_id(config, route, member);
        let of_route = route.src;
        let own = (!of_route.is_default()).then_some(src);
        let known = |src: Ipv6Addr| self.entries.get(&(hop, dst, src)).filter(|known| known.is_alive(now));
        own.and_then(known).or_else(|| known(of_route.addr())).copied()
    }

    /// Learns something about a destination of a decision's hop, by the packet's addresses
    /// (`rt6_insert_exception`).
    pub(crate) fn learn(
        &mut self,
        config: &Config,
        found: &Found6,
        (src, dst): (Ipv6Addr, Ipv6Addr),
        learned: Exception6,
    ) {
        let Some(route) = found.route.get(config) else { return };
        let of_all = route.src.is_default() || found.flags.any(RtFlags::GATEWAY | RtFlags::NONEXTHOP);
        let src = if of_all { route.src.addr() } else { src };
        let key = (hop_id(config, route, found.member), dst, src);
        if self.entries.len() >= MOST && !self.entries.contains_key(&key) {
            let first_to_end = self.entries.iter().min_by_key(|(_, known)| known.expires);
            first_to_end.map(|(&key, _)| key).map(|key| self.entries.remove(&key));
        }
        self.changes += 1;
        self.set_mark(route, Mark::Learned(self.changes));
        self.entries.insert(key, learned);
    }

    /// Puts in place what a real kernel knows.
    pub(crate) fn restore(&mut self, hop: HopId6, dst: Ipv6Addr, src: Ipv6Addr, known: Exception6) {
        self.entries.insert((hop, dst, src), known);
    }

    /// What is known through one hop of a route, by destination and source.
    pub fn of_hop(
        &self,
        config: &Config,
        route: &Route6,
        member: usize,
        now: Time,
    ) -> impl Iterator<Item = (Ipv6Addr, Ipv6Addr, &Exception6)> {
        let hop = hop_id(config, route, member);
        let all = self.entries.iter().filter(move |(key, known)| key.0 == hop && known.is_alive(now));
        all.map(|(&(_, dst, src), known)| (dst, src, known))
    }

    /// Forgets what is known about a destination through a route's hops; `false` if
    /// nothing is (`ip6_del_cached_rt`).
    pub fn remove(&mut self, config: &Config, route: &Route6, dst: Ipv6Addr, src: Ipv6Addr) -> bool {
        let mut removed = false;
        for member in 0..table6::hops(config, route).count() {
            removed |= self.entries.remove(&(hop_id(config, route, member), dst, src)).is_some();
        }
        removed
    }

    /// The next step of a decision could not be reached: what was learned of it is forgotten,
    /// others that were made of an advertised default route are over (`ip6_link_failure`).
    pub(crate) fn link_failed(
        &mut self,
        config: &Config,
        decision: &Decision6,
        (src, dst): (Ipv6Addr, Ipv6Addr),
    ) {
        let found = &decision.found;
        let Some(route) = found.route.get(config) else { return };
        if decision.learned.is_none() {
            if found.flags.any(RtFlags::DEFAULT) {
                self.set_mark(route, Mark::Failed(config.fib6.serial(route.table, route.dst)));
            }
            return;
        }
        let hop = hop_id(config, route, found.member);
        let own = (!route.src.is_default()).then_some(src);
        if own.is_none_or(|src| self.entries.remove(&(hop, dst, src)).is_none()) {
            self.entries.remove(&(hop, dst, route.src.addr()));
        }
    }

    /// Forgets all but what is to be kept.
    pub fn retain(&mut self, keep: impl Fn(HopId6, &Exception6) -> bool) {
        self.entries.retain(|(hop, ..), known| keep(*hop, known));
    }

    /// A device got another MTU: path MTUs that were the old one, or are not below
    /// the new one, become that (`rt6_exceptions_update_pmtu`).
    pub fn device_mtu_changed(&mut self, on_device: impl Fn(HopId6) -> bool, old: u32, new: u32) {
        for ((hop, ..), known) in &mut self.entries {
            known.mtu = known.mtu.map(|mtu| match on_device(*hop) && (mtu >= new || mtu == old) {
                true => new,
                false => mtu,
            });
        }
    }
}

impl Exception6 {
    fn is_alive(&self, now: Time) -> bool {
        self.expires.is_none_or(|at| now < at)
    }
}

/// The device that a hop leads to; 0 if it is gone.
pub(crate) fn device(config: &Config, hop: HopId6) -> u32 {
    match hop {
        HopId6::Object(id) => nexthop_device(config, id).unwrap_or(0),
        HopId6::Route(id) => {
            let mut routes = config.fib6.tables.iter().flat_map(|table| table.routes());
            routes.find(|route| route.id == id).map_or(0, |route| route.hop.dev)
        }
    }
}

/// The name of a route's hop, of a group the member's.
fn hop_id(config: &Config, route: &Route6, member: usize) -> HopId6 {
    match route.nh_id {
        None => HopId6::Route(route.id),
        Some(id) => HopId6::Object(table6::member_id(config, id, member)),
    }
}

/// What a dump of learned destinations tells of the route that one belongs to: all
/// but its prefix and its nexthop object.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    /// The route's table.
    pub table: TableId,
    /// The destination.
    pub dst: Ipv6Addr,
    /// The source, unspecified but with routes by source.
    pub src: Ipv6Addr,
    /// The hop's device.
    pub dev: u32,
    /// The gateway that is used, the route's or another one.
    pub gateway: Option<Ipv6Addr>,
    /// The route's metric.
    pub metric: u32,
    /// Who made the route.
    pub protocol: u8,
}

/// The hop that something learned belongs to: that of the longest prefix that fits.
/// Its gateway is the one in use, or was replaced by a redirect.
pub fn hop_of(config: &Config, origin: &Origin) -> Option<HopId6> {
    let table = config.fib6.table(origin.table)?;
    let fits = |route: &&Route6| {
        route.metric == origin.metric
            && route.protocol == origin.protocol
            && route.src.contains(origin.src)
            && route.src.is_default() == origin.src.is_unspecified()
    };
    let routes = || {
        let nodes = || table.tree.matches(origin.dst).map(|(_, node)| node);
        let lists = nodes().flat_map(|node| node.by_source.matches(origin.src));
        let plain = nodes().flat_map(|node| &node.routes);
        lists.flat_map(|(_, list)| list).chain(plain).filter(fits)
    };
    let hop = |same_gateway: bool| {
        routes().find_map(|route| {
            let (member, _) = table6::hops(config, route).enumerate().find(|(_, hop)| {
                hop.dev == origin.dev && (!same_gateway || table6::gateway6(hop) == origin.gateway)
            })?;
            Some(hop_id(config, route, member))
        })
    };
    hop(true).or_else(|| hop(false))
}
