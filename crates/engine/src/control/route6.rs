//! IPv6 routes: insertion, replacement, deletion (`ip6_route_add`, `fib6_add`,
//! `ip6_route_del`).
//!
//! The legs of a multipath route are routes of their own that stand in one list
//! with one metric; they are added and removed one by one.

use std::net::{IpAddr, Ipv6Addr};

use fingerpost_model::{
    Encap, Metrics, NextHopMsg, NlFlags, Refusal, RouteFlags, RouteMsg, RouteType, TableId,
};
use fingerpost_net::{Errno, Prefix};

use super::gateway6::{self, HopRequest};
use super::nexthop::{self, encap};
use super::{fib_info, table6};
use crate::config::{Config, NextHop, Preference, Route6, Route6Id, RtFlags};
use crate::lookup::RouteRef;
use crate::lookup::source6;
use crate::lookup::table6::{first_device, ignores_linkdown, legs};
use crate::namespace::{Env, Namespace};

/// Metric of routes that name none (C-290).
const DEFAULT_METRIC: u32 = 1024;
/// Protocol of routes that name none.
const BOOT: u8 = fingerpost_model::proto::BOOT;

/// A route request whose header was checked (`struct fib6_config`).
#[derive(Clone, Debug)]
pub struct RouteConfig6 {
    /// Destination, host bits included.
    pub dst: Ipv6Addr,
    /// Prefix length.
    pub len: u8,
    /// Source prefix, host bits included; length 0 for none.
    pub src: (Ipv6Addr, u8),
    /// The table; 0 means main.
    pub table: TableId,
    /// Who makes it.
    pub protocol: u8,
    /// Type.
    pub kind: RouteType,
    /// What IPv6 notes of it.
    pub flags: RtFlags,
    /// The gateway is on the link.
    pub onlink: bool,
    /// Router preference.
    pub pref: Preference,
    /// Device, 0 for none.
    pub oif: u32,
    /// Gateway.
    pub gateway: Option<Ipv6Addr>,
    /// Metric; 0 when none is given.
    pub metric: u32,
    /// Preferred source.
    pub prefsrc: Option<Ipv6Addr>,
    /// Metrics as given.
    pub metrics: Metrics,
    /// Legs.
    pub multipath: Vec<NextHopMsg>,
    /// Nexthop object, 0 for none.
    pub nh_id: u32,
    /// Tunnel.
    pub encap: Option<Encap>,
    /// Lifetime in seconds, if it ends.
    pub expires: Option<u32>,
    /// Flags of cached routes, which only deletions may have.
    pub cached: bool,
    /// The device may be down.
    pub ignore_down: bool,
}

impl RouteConfig6 {
    /// An automatic route of the kernel's own.
    pub fn automatic(table: TableId, dst: Prefix<Ipv6Addr>, kind: RouteType, dev: u32, metric: u32) -> Self {
        RouteConfig6 {
            dst: dst.addr(),
            len: dst.len(),
            src: (Ipv6Addr::UNSPECIFIED, 0),
            table,
            protocol: fingerpost_model::proto::KERNEL,
            kind,
            flags: RtFlags::UP,
            onlink: false,
            pref: Preference::MEDIUM,
            oif: dev,
            gateway: None,
            metric,
            prefsrc: None,
            metrics: Metrics::default(),
            multipath: Vec::new(),
            nh_id: 0,
            encap: None,
            expires: None,
            cached: false,
            ignore_down: false,
        }
    }

    /// Checks a request's header and attributes (`rtm_to_fib6_config`).
    fn of(msg: &RouteMsg, env: Env<'_>, is_new: bool) -> Result<RouteConfig6, Refusal> {
        let invalid = |text: &str| Refusal::with(Errno::EINVAL, text);
        if msg.tos != 0 {
            return Err(invalid("Invalid dsfield (tos): option not available for IPv6")); // C-291
        }
        let v6 = |addr: IpAddr| match addr {
            IpAddr::V6(addr) => Ok(addr),
            IpAddr::V4(_) => Err(Refusal::new(Errno::EINVAL)),
        };
        let prefix = |prefix: Option<fingerpost_net::IpPrefix>| match prefix {
            None => Ok((Ipv6Addr::UNSPECIFIED, 0)),
            Some(prefix) => Ok::<_, Refusal>((v6(prefix.addr)?, prefix.len)),
        };
        let (dst, len) = prefix(msg.dst)?;
        let src = prefix(msg.src)?;
        let mut flags = RtFlags::UP;
        if RouteType::ERRORS.contains(&msg.kind) {
            flags = flags | RtFlags::REJECT;
        }
        if msg.kind == RouteType::LOCAL {
            flags = flags | RtFlags::LOCAL;
        }
        let nh_id = msg.nh_id.unwrap_or(0);
        let names_hop = msg.gateway.is_some() || msg.oif.is_some() || !msg.multipath.is_empty();
        if msg.nh_id.is_some() && (names_hop || msg.encap.is_some()) {
            return Err(invalid("Nexthop specification and nexthop id are mutually exclusive"));
        }
        let gateway = msg.gateway.map(v6).transpose()?;
        if msg.via.is_some() {
            return Err(invalid("IPv6 does not support RTA_VIA attribute"));
        }
        let by_device = |leg: &NextHopMsg| gateway.is_none() && !matches!(leg.gateway, Some(IpAddr::V6(_)));
        if is_new && (msg.multipath.iter().any(by_device) || nh_id != 0 && !msg.multipath.is_empty()) {
            let text = "Device only routes can not be added for IPv6 using the multipath API.";
            return Err(invalid(text));
        }
        for encap in msg.multipath.iter().map(|leg| &leg.encap).chain([&msg.encap]).flatten() {
            encap::check_type(env, encap)?;
        }
        let expires = msg.expires.filter(|&seconds| seconds != u32::MAX);
        if expires.is_some() {
            flags = flags | RtFlags::EXPIRES;
        }
        Ok(RouteConfig6 {
            dst,
            len,
            src,
            table: msg.table,
            protocol: msg.protocol,
            kind: msg.kind,
            flags,
            onlink: msg.flags.has(RouteFlags::ONLINK),
            pref: match msg.pref.map(Preference) {
                Some(pref @ (Preference::LOW | Preference::HIGH)) => pref,
                _ => Preference::MEDIUM,
            },
            oif: msg.oif.unwrap_or(0),
            gateway,
            metric: msg.priority.unwrap_or(0),
            prefsrc: msg.prefsrc.map(v6).transpose()?.filter(|addr| !addr.is_unspecified()),
            metrics: msg.metrics.clone(),
            multipath: msg.multipath.clone(),
            nh_id,
            encap: msg.encap.clone(),
            expires,
            cached: msg.flags.has(RouteFlags::CLONED),
            ignore_down: false,
        })
    }

    /// The same with one leg in place of all.
    fn with_leg(&self, leg: &NextHopMsg) -> RouteConfig6 {
        let mut one = RouteConfig6 { multipath: Vec::new(), ..self.clone() };
        if leg.oif != 0 {
            one.oif = leg.oif;
        }
        if let Some(IpAddr::V6(gateway)) = leg.gateway {
            one.gateway = Some(gateway);
        }
        one.encap = leg.encap.clone();
        one.onlink |= leg.flags.has(RouteFlags::ONLINK);
        one
    }

    /// `fib6_config_validate`.
    fn validate(&self) -> Result<(), Refusal> {
        let invalid = |text: &str| Err(Refusal::with(Errno::EINVAL, text));
        if self.cached {
            return invalid("Userspace can not set RTF_CACHE");
        }
        if self.kind > RouteType::XRESOLVE {
            return invalid("Invalid route type");
        }
        if self.len > 128 {
            return invalid("Invalid prefix length");
        }
        if self.src.1 > 128 {
            return invalid("Invalid source address length");
        }
        if self.nh_id != 0 && self.src.1 != 0 {
            return invalid("Nexthops can not be used with source routing");
        }
        Ok(())
    }

    fn dst_prefix(&self) -> Prefix<Ipv6Addr> {
        Prefix::containing(self.dst, self.len.min(128)).unwrap_or(Prefix::DEFAULT)
    }

    fn src_prefix(&self) -> Prefix<Ipv6Addr> {
        Prefix::containing(self.src.0, self.src.1.min(128)).unwrap_or(Prefix::DEFAULT)
    }
}

/// `RTM_NEWROUTE`.
pub fn new_route(ns: &mut Namespace, env: Env<'_>, flags: NlFlags, msg: &RouteMsg) -> Result<(), Refusal> {
    let mut request = RouteConfig6::of(msg, env, true)?;
    if request.metric == 0 {
        request.metric = DEFAULT_METRIC;
    }
    match request.multipath.is_empty() {
        true => add(ns, env, Some(flags), &request).map(|_| ()),
        false => add_multipath(ns, env, flags, &request),
    }
}

/// `RTM_DELROUTE`.
pub fn del_route(ns: &mut Namespace, env: Env<'_>, msg: &RouteMsg) -> Result<(), Refusal> {
    let request = RouteConfig6::of(msg, env, false)?;
    if request.nh_id != 0 && ns.config.nexthops.get(request.nh_id).is_none() {
        return Err(Refusal::with(Errno::EINVAL, "Nexthop id does not exist"));
    }
    if request.multipath.is_empty() {
        return delete(ns, &request, true);
    }
    let mut result = Ok(());
    for leg in &request.multipath {
        if let Err(refusal) = delete(ns, &request.with_leg(leg), false) {
            result = Err(refusal);
        }
    }
    result
}

/// Adds one route; without flags, one of the kernel's own (`ip6_route_add`).
pub fn add(
    ns: &mut Namespace,
    env: Env<'_>,
    flags: Option<NlFlags>,
    request: &RouteConfig6,
) -> Result<Route6Id, Refusal> {
    request.validate()?;
    let route = create(ns, env, request)?;
    insert(ns, flags, route)
}

/// Adds the legs of a multipath route one after the other; when one is refused,
/// those before it are deleted again (`ip6_route_multipath_add`).
fn add_multipath(
    ns: &mut Namespace,
    env: Env<'_>,
    flags: NlFlags,
    request: &RouteConfig6,
) -> Result<(), Refusal> {
    request.validate()?;
    let mut made: Vec<(RouteConfig6, Route6)> = Vec::new();
    for leg in &request.multipath {
        let one = request.with_leg(leg);
        let mut route = create(ns, env, &one)?;
        route.hop.weight = u32::from(leg.hops) + 1;
        if made.iter().any(|(_, other)| is_duplicate(other, &route)) {
            return Err(Errno::EEXIST.into());
        }
        made.push((one, route));
    }
    let mut now = flags;
    for n in 0..made.len() {
        if let Err(mut refusal) = insert(ns, Some(now), made[n].1.clone()) {
            if n > 0 && flags.has(NlFlags::REPLACE) {
                let text = "ipv6: multipath route replace failed (check consistency of installed routes)";
                refusal.text = Some(text.into());
            }
            for (one, _) in &made[..n] {
                // It was added just now.
                let _ = delete(ns, one, false);
            }
            return Err(refusal);
        }
        now = NlFlags(now.0 & !(NlFlags::EXCL.0 | NlFlags::REPLACE.0)) | NlFlags::CREATE;
    }
    Ok(())
}

/// Builds a route and checks its hop; the table is made even if the route is
/// then refused (`ip6_route_info_create`, `ip6_route_info_create_nh`).
fn create(ns: &mut Namespace, env: Env<'_>, request: &RouteConfig6) -> Result<Route6, Refusal> {
    let table = table6::ensure_table(&mut ns.config.fib6, request.table);
    let config = &ns.config;
    let metrics = fib_info::convert_metrics(config, &request.metrics)?;
    let dst = request.dst_prefix();
    let mut route = Route6 {
        id: Route6Id(0),
        table,
        dst,
        src: request.src_prefix(),
        kind: if request.kind == RouteType::UNSPEC { RouteType::UNICAST } else { request.kind },
        protocol: if request.protocol == 0 { BOOT } else { request.protocol },
        metric: request.metric,
        flags: request.flags,
        pref: request.pref,
        prefsrc: None,
        metrics,
        expires: request.expires.map(|seconds| env.now.plus_secs(seconds.into()).0 as i64),
        nh_id: (request.nh_id != 0).then_some(request.nh_id),
        hop: NextHop::device(0),
    };
    match route.nh_id {
        Some(id) => nexthop::check_for_route6(config, id, request.src.0)?,
        None => {
            route.hop = gateway6::init(
                config,
                env,
                &HopRequest {
                    table: request.table,
                    flags: request.flags,
                    onlink: request.onlink,
                    gateway: request.gateway,
                    prefsrc: request.prefsrc,
                    dev: request.oif,
                    encap: request.encap.as_ref(),
                    ignore_down: request.ignore_down,
                },
            )?;
            if gateway6::is_reject(request.flags, config.links.get(route.hop.dev), request.dst) {
                // What was noted is forgotten, lifetime and preference too.
                route.flags = RtFlags::REJECT | RtFlags::NONEXTHOP;
                route.pref = Preference::MEDIUM;
            }
        }
    }
    if let Some(addr) = request.prefsrc {
        if !source6::is_usable(config, addr, first_device(config, &route)) {
            return Err(Refusal::with(Errno::EINVAL, "Invalid source address"));
        }
        route.prefsrc = Some(addr);
    }
    Ok(route)
}

/// Whether two routes lead the same way (`rt6_duplicate_nexthop`).
fn is_duplicate(a: &Route6, b: &Route6) -> bool {
    match (a.nh_id, b.nh_id) {
        (None, None) => {
            a.hop.dev == b.hop.dev && a.hop.gateway == b.hop.gateway && a.hop.encap == b.hop.encap
        }
        (one, other) => one == other,
    }
}

/// Puts a route into its table, with what that makes of what is compared first (`fib6_add`).
fn insert(ns: &mut Namespace, flags: Option<NlFlags>, route: Route6) -> Result<Route6Id, Refusal> {
    let (id, dst, src) = (route.table, route.dst, route.src);
    let result = place(ns, flags, route);
    if let Some(table) = ns.config.fib6.table_mut(id) {
        match &result {
            Ok(route) => {
                table.note_leaf(dst, src, *route);
                table.repair();
            }
            Err(_) => table.lose_leaf(dst),
        }
    }
    result
}

/// Puts a route into its list (`fib6_add_rt2node`, C-292, T-42).
fn place(ns: &mut Namespace, flags: Option<NlFlags>, mut route: Route6) -> Result<Route6Id, Refusal> {
    let has = |flag| flags.is_some_and(|flags: NlFlags| flags.has(flag));
    let (replaces, creates) = (has(NlFlags::REPLACE), flags.is_none() || has(NlFlags::CREATE));
    let fib = &mut ns.config.fib6;
    let id = fib.new_id();
    let Some(table) = fib.table_mut(route.table) else { return Err(Errno::ENOBUFS.into()) };
    let list = table.tree.get(route.dst).map_or(&[][..], |node| node.of_source(route.src));
    // A binary tree has a node also where two branches part.
    let has_node = route.dst.is_default()
        || table.tree.branches_at(route.dst)
        || table
            .tree
            .get(route.dst)
            .is_some_and(|node| !node.routes.is_empty() || !node.by_source.is_empty());
    let has_list = if route.src.is_default() {
        has_node
    } else {
        !list.is_empty()
            || table.tree.get(route.dst).is_some_and(|node| node.by_source.branches_at(route.src))
    };
    if replaces && !creates && !(has_node && has_list) {
        return Err(Refusal::with(Errno::ENOENT, "Can not replace route - no match found"));
    }
    let start = list.partition_point(|other| other.metric < route.metric);
    let end = list.partition_point(|other| other.metric <= route.metric);
    let equal = &list[start..end];
    if !equal.is_empty() && has(NlFlags::EXCL) {
        return Err(Errno::EEXIST.into());
    }
    route.id = id;
    let mut ended: Option<(Route6Id, Route6)> = None;
    let victim = match replaces {
        // Routes by gateway give way to such, others to others; else the first.
        true => equal
            .iter()
            .position(|other| other.is_leg() == route.is_leg())
            .or((!equal.is_empty()).then_some(0))
            .map(|n| start + n),
        false => {
            if let Some(same) = equal.iter().find(|other| is_duplicate(other, &route)) {
                if !same.flags.any(RtFlags::EXPIRES) {
                    return Err(Errno::EEXIST.into());
                }
                ended = Some((same.id, route.clone()));
            }
            None
        }
    };
    if replaces && victim.is_none() && !creates {
        return Err(Errno::ENOENT.into());
    }
    let at = RouteRef::to(&route);
    let list = table.tree.ensure(route.dst).ensure_source(route.src);
    if let Some((same, new)) = ended {
        // The one that is there lives on, for as long as the new one would.
        if let Some(same) = list.iter_mut().find(|other| other.id == same) {
            same.expires = new.expires;
            if !new.flags.any(RtFlags::EXPIRES) {
                same.flags = same.flags.without(RtFlags::EXPIRES);
            }
        }
        return Err(Errno::EEXIST.into());
    }
    let metric = route.metric;
    match victim {
        None => list.insert(end, route),
        Some(n) => {
            let old = std::mem::replace(&mut list[n], route);
            ns.state.cache.legs6.remove(&old.id);
            if list
                .iter()
                .any(|other| other.metric == metric && old.is_leg() && other.is_leg() && other.id != id)
            {
                // The other legs of what was replaced go too.
                list.retain(|other| other.id == id || other.metric != metric || !other.is_leg());
            }
        }
    }
    ns.config.fib6.renew(at.table, at.dst);
    rebalance(&mut ns.config, at, metric);
    Ok(id)
}

/// Puts a route as a dump shows it behind those of its metric, unchecked.
pub(crate) fn restore(ns: &mut Namespace, mut route: Route6) {
    let fib = &mut ns.config.fib6;
    table6::ensure_table(fib, route.table);
    route.id = fib.new_id();
    let (at, metric) = (RouteRef::to(&route), route.metric);
    let Some(table) = fib.table_mut(route.table) else { return };
    let list = table.tree.ensure(route.dst).ensure_source(route.src);
    let end = list.partition_point(|other| other.metric <= metric);
    let (src, id) = (route.src, route.id);
    list.insert(end, route);
    table.note_leaf(at.dst, src, id);
    rebalance(&mut ns.config, at, metric);
}

/// Computes the shares of the legs of one metric (`rt6_multipath_rebalance`).
pub fn rebalance(config: &mut Config, at: RouteRef, metric: u32) {
    let Some(node) = config.fib6.table(at.table).and_then(|table| table.tree.get(at.dst)) else { return };
    let list = node.of_source(at.src);
    let Some(first) = list.iter().find(|route| route.metric == metric && route.is_leg()) else { return };
    let share = |leg: &Route6| {
        let idle = leg.hop.flags.has(RouteFlags::LINKDOWN) && ignores_linkdown(config, leg.hop.dev);
        (leg.hop.weight, !idle && !leg.hop.flags.has(RouteFlags::DEAD))
    };
    let shares: Vec<(u32, bool)> = legs(list, first).map(share).collect();
    if shares.len() < 2 {
        return;
    }
    let bounds = fib_info::upper_bounds(shares.into_iter());
    let node = config.fib6.table_mut(at.table).and_then(|table| table.tree.get_mut(at.dst));
    let Some(node) = node else { return };
    let legs = node.ensure_source(at.src).iter_mut().filter(|leg| leg.metric == metric && leg.is_leg());
    for (leg, bound) in legs.zip(bounds) {
        leg.hop.upper_bound = bound;
    }
}

/// Removes one route by name, if it is there (`ip6_del_rt`).
pub fn remove(ns: &mut Namespace, at: RouteRef) -> bool {
    let Some(table) = ns.config.fib6.table_mut(at.table) else { return false };
    let Some(node) = table.tree.get_mut(at.dst) else { return false };
    let list = if at.src.is_default() { Some(&mut node.routes) } else { node.by_source.get_mut(at.src) };
    let Some(list) = list else { return false };
    let Some(n) = list.iter().position(|route| route.id == at.id) else { return false };
    let gone = list.remove(n);
    if list.is_empty() {
        node.by_source.remove(at.src);
        if node.is_empty() {
            table.tree.remove(at.dst);
        }
    }
    table.repair();
    ns.state.cache.legs6.remove(&gone.id);
    rebalance(&mut ns.config, at, gone.metric);
    true
}

/// Deletes the first route that has everything that is given, with all its legs
/// unless a gateway is given (`ip6_route_del`, C-293).
fn delete(ns: &mut Namespace, request: &RouteConfig6, all_legs: bool) -> Result<(), Refusal> {
    let config = &ns.config;
    let Some(table) = config.fib6.table(request.table) else {
        return Err(Refusal::with(Errno::ESRCH, "FIB table does not exist"));
    };
    let no_such = || Refusal::new(Errno::ESRCH);
    if request.cached {
        return forget_learned(ns, request);
    }
    let (dst, src) = (request.dst_prefix(), request.src_prefix());
    let node = table.tree.get(dst);
    let list = match node {
        // A source is overlooked where no route demands one.
        Some(node) if node.by_source.is_empty() => node.routes.as_slice(),
        Some(node) => node.of_source(src),
        None => &[],
    };
    if list.is_empty() && dst.is_default() && (src.is_default() || node.is_none()) {
        return match matches_nothing(request) {
            // What stands for the lack of a default route fits, and cannot be deleted.
            true => Err(Errno::ENOENT.into()),
            false => Err(no_such()),
        };
    }
    let fits = |route: &&Route6| {
        if route.nh_id.is_some() && request.nh_id != 0 && route.nh_id != Some(request.nh_id) {
            return false;
        }
        if request.metric != 0 && request.metric != route.metric
            || request.protocol != 0 && request.protocol != route.protocol
        {
            return false;
        }
        route.nh_id.is_some()
            || request.nh_id == 0
                && (request.oif == 0 || route.hop.dev == request.oif)
                && request.gateway.is_none_or(|gateway| {
                    route.hop.gateway == Some(IpAddr::V6(gateway))
                        || gateway.is_unspecified() && route.hop.gateway.is_none()
                })
    };
    let victim = list.iter().find(fits).ok_or_else(no_such)?;
    let doomed: Vec<RouteRef> = match all_legs && victim.nh_id.is_none() && request.gateway.is_none() {
        true if victim.is_leg() => legs(list, victim).map(RouteRef::to).collect(),
        _ => vec![RouteRef::to(victim)],
    };
    for at in doomed {
        remove(ns, at);
    }
    Ok(())
}

/// Forgets what was learned about one destination, through the routes that lead
/// there (`ip6_del_cached_rt`).
fn forget_learned(ns: &mut Namespace, request: &RouteConfig6) -> Result<(), Refusal> {
    let Namespace { config, state } = ns;
    let Some(table) = config.fib6.table(request.table) else { return Err(Errno::ESRCH.into()) };
    for (_, node) in table.tree.matches(request.dst) {
        let of_source = node.by_source.matches(request.src.0);
        for route in of_source.into_iter().flat_map(|(_, list)| list).chain(&node.routes) {
            if state.exceptions6.remove(config, route, request.dst, request.src.0) {
                return Ok(());
            }
        }
    }
    Err(Errno::ESRCH.into())
}

/// Whether a deletion of default routes fits the entry that every table without
/// one begins with: unreachable through loopback, of the kernel's making.
fn matches_nothing(request: &RouteConfig6) -> bool {
    (request.metric == 0 || request.metric == u32::MAX)
        && (request.protocol == 0 || request.protocol == fingerpost_model::proto::KERNEL)
        && request.nh_id == 0
        && (request.oif == 0 || request.oif == crate::config::LOOPBACK)
        && request.gateway.is_none_or(|gateway| gateway.is_unspecified())
}

/// Removes the routes that use a nexthop object which is going away
/// (`__remove_nexthop_fib`).
pub fn routes_by_nexthop_deleted(ns: &mut Namespace, id: u32) {
    for table in &mut ns.config.fib6.tables {
        let mut of_table = false;
        for node in table.tree.values_mut() {
            for list in node.lists_mut() {
                let before = list.len();
                list.retain(|route| route.nh_id != Some(id));
                of_table |= list.len() != before;
            }
        }
        if of_table {
            table.prune();
        }
    }
}
