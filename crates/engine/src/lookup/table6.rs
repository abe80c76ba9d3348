//! One IPv6 table: the route for a destination and a source
//! (`fib6_table_lookup`, `rt6_select`), and the leg of a multipath route
//! (`fib6_select_path`).
//!
//! Destinations are tried longest first. What a flow demands of a route (its
//! device, a gateway that is not known to be dead) can refuse one and lead on to
//! a shorter one; router preference decides between routes of one metric.

use std::net::{IpAddr, Ipv6Addr};

use fingerpost_model::{IfaFlags, NeighState, RouteFlags, RouteType, TableId};
use fingerpost_net::{Errno, Prefix};

use super::exception6::Exception6;
use super::hash6::multipath_hash6;
use super::source6::{Own, is_own};
use super::{Flow6, path};
use crate::config::{Config, NextHop, NexthopKind, Node6, Preference, Route6, Route6Id, RtFlags, Table6};
use crate::namespace::Env;
use crate::state::Time;
use crate::trace::{Event, Event6, PassedOver6, Path6, Tracer};

/// What a lookup demands of routes (`RT6_LOOKUP_F_*`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// They leave by the flow's device.
    pub device: bool,
    /// Their gateways are not known to be unreachable.
    pub reachable: bool,
    /// Carrier does not matter.
    pub ignore_linkstate: bool,
}

/// Says which route is meant, for as long as it is in its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteRef {
    /// Its table.
    pub table: TableId,
    /// Its destination.
    pub dst: Prefix<Ipv6Addr>,
    /// Its source prefix; the default prefix for any.
    pub src: Prefix<Ipv6Addr>,
    /// Its name.
    pub id: Route6Id,
}

impl RouteRef {
    /// The reference to a route.
    pub fn to(route: &Route6) -> Self {
        RouteRef { table: route.table, dst: route.dst, src: route.src, id: route.id }
    }

    /// The route, while it is there.
    pub fn get(self, config: &Config) -> Option<&Route6> {
        self.among(config).map(|(route, _)| route)
    }

    /// Whether it is a leg of a multipath route, or has several hops.
    pub fn is_one_of_several(self, config: &Config) -> bool {
        self.among(config).is_some_and(|(route, list)| {
            legs(list, route).nth(1).is_some() || hops(config, route).nth(1).is_some()
        })
    }

    /// The route with the list that it stands in.
    fn among(self, config: &Config) -> Option<(&Route6, &[Route6])> {
        let list = config.fib6.table(self.table)?.tree.get(self.dst)?.of_source(self.src);
        Some((list.iter().find(|route| route.id == self.id)?, list))
    }
}

/// What a lookup found (`struct fib6_result`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found6 {
    /// The route; of a multipath route the leg.
    pub route: RouteRef,
    /// Which member of its group of nexthop objects.
    pub member: usize,
    /// The type, which a nexthop object can change.
    pub kind: RouteType,
    /// What IPv6 notes of it, which a nexthop object can change.
    pub flags: RtFlags,
    /// Router preference: that of the leg which the table gave.
    pub pref: Preference,
}

/// A route on its way through a lookup.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// The list that it stands in.
    pub list: &'a [Route6],
    /// The route.
    pub route: &'a Route6,
    /// Its hop.
    pub hop: &'a NextHop,
    /// Which member of its group of nexthop objects.
    pub member: usize,
    /// The type.
    pub kind: RouteType,
    /// What IPv6 notes of it.
    pub flags: RtFlags,
    /// Router preference.
    pub pref: Preference,
    /// The route that the decision was made of: this one, or one that is gone.
    pub origin: RouteRef,
    /// What was learned about the destination.
    pub learned: Option<Exception6>,
}

impl<'a> Candidate<'a> {
    pub(super) fn of(list: &'a [Route6], route: &'a Route6, hop: &'a NextHop, member: usize) -> Self {
        let &Route6 { kind, flags, pref, .. } = route;
        let origin = RouteRef::to(route);
        Candidate { list, route, hop, member, kind, flags, pref, origin, learned: None }
    }

    /// What is remembered of it.
    pub fn found(&self) -> Found6 {
        let Candidate { origin: route, member, kind, flags, pref, .. } = *self;
        Found6 { route, member, kind, flags, pref }
    }

    /// Whether it answers with an error, or by loopback.
    pub fn is_reject(&self) -> bool {
        self.flags.any(RtFlags::REJECT)
    }

    /// The gateway: the hop's, or a learned one.
    pub fn gateway(&self) -> Option<Ipv6Addr> {
        self.learned.map_or_else(|| gateway6(self.hop), |learned| learned.gateway)
    }

    /// How long the prefix is that it stands for, in bits: what was learned is about
    /// one address.
    pub fn prefix_len(&self) -> u8 {
        if self.learned.is_some() { 128 } else { self.route.dst.len() }
    }
}

/// The gateway of a hop if it is an IPv6 address.
pub fn gateway6(hop: &NextHop) -> Option<Ipv6Addr> {
    match hop.gateway {
        Some(IpAddr::V6(gateway)) => Some(gateway),
        _ => None,
    }
}

/// What a type answers with (`fib6_prop`, C-297).
pub fn type_error(kind: RouteType) -> Option<Errno> {
    match kind {
        RouteType::BLACKHOLE | RouteType::NAT | RouteType::XRESOLVE => Some(Errno::EINVAL),
        RouteType::UNREACHABLE => Some(Errno::EHOSTUNREACH),
        RouteType::PROHIBIT => Some(Errno::EACCES),
        RouteType::THROW => Some(Errno::EAGAIN),
        _ => None,
    }
}

/// Looks a flow up in one table; `None` when nothing fits (`fib6_table_lookup`).
pub fn lookup<'a>(
    config: &'a Config,
    env: Env<'_>,
    table: &'a Table6,
    flow: &Flow6,
    oif: u32,
    mut demand: Demand,
    tracer: &mut Tracer<'_>,
) -> Option<Candidate<'a>> {
    tracer.event(|| Event::Table { id: table.id });
    let asked = Asked::of(config, env, oif);
    loop {
        for list in lists(table, flow, tracer) {
            if let Some(found) = asked.select(list, demand, tracer) {
                return Some(found);
            }
        }
        if !demand.reachable {
            tracer.event(|| Event::TableMiss { id: table.id });
            return None;
        }
        // Routes whose gateways do not answer are better than none.
        demand.reachable = false;
        tracer.event(|| Event::V6(Event6::UnreachableToo { id: table.id }));
    }
}

/// The best route of one list, measured against a device; `None` when none fits.
pub(crate) fn select<'a>(
    config: &'a Config,
    env: Env<'_>,
    list: &'a [Route6],
    oif: u32,
    demand: Demand,
) -> Option<Candidate<'a>> {
    Asked::of(config, env, oif).select(list, demand, &mut Tracer::off())
}

/// Looks a flow up in one table without measuring routes (`ip6_pol_route_lookup`,
/// `rt6_device_match`): the first of a list by the flow's egress device, if it has
/// one. Without such a route the first one will do, unless `device` demands it.
pub fn lookup_plain<'a>(
    config: &'a Config,
    table: &'a Table6,
    flow: &Flow6,
    device: bool,
    tracer: &mut Tracer<'_>,
) -> Option<Candidate<'a>> {
    tracer.event(|| Event::Table { id: table.id });
    for list in lists(table, flow, tracer) {
        if let Some(found) = match_device(config, list, flow, device, tracer) {
            tracer.event(|| Event::V6(Event6::RouteTaken { route: RouteRef::to(found.route), score: 0 }));
            return Some(found);
        }
    }
    tracer.event(|| Event::TableMiss { id: table.id });
    None
}

fn match_device<'a>(
    config: &'a Config,
    list: &'a [Route6],
    flow: &Flow6,
    device: bool,
    tracer: &mut Tracer<'_>,
) -> Option<Candidate<'a>> {
    let first = list.first()?;
    let of_first = || {
        let hop = hops(config, first).next()?;
        let found = Candidate::of(list, first, hop, 0);
        match (hop.blackhole, hop.flags.has(RouteFlags::DEAD)) {
            (true, _) => Some(Candidate { flags: RtFlags::REJECT, kind: RouteType::BLACKHOLE, ..found }),
            (false, dead) => (!dead).then_some(found),
        }
    };
    if flow.oif == 0
        && flow.src.is_unspecified()
        && let Some(found) = of_first()
    {
        return Some(found);
    }
    let fits = |hop: &NextHop| {
        let own = Own { dev: hop.dev, any_device: true, banned: IfaFlags::TENTATIVE };
        match flow.oif {
            _ if hop.blackhole || hop.flags.has(RouteFlags::DEAD) => Err(PassedOver6::Dead),
            0 => is_own(config, flow.src, own).then_some(()).ok_or(PassedOver6::LowerScore),
            oif => (hop.dev == oif).then_some(()).ok_or(PassedOver6::OtherDevice),
        }
    };
    for route in list {
        let fitting = hops(config, route).enumerate().find(|(_, hop)| fits(hop).is_ok());
        if let Some((member, hop)) = fitting {
            return Some(Candidate::of(list, route, hop, member));
        }
    }
    if flow.oif != 0 && device {
        for route in list {
            let why = hops(config, route).next().and_then(|hop| fits(hop).err());
            passed(tracer, route, why.unwrap_or(PassedOver6::OtherDevice));
        }
        return None;
    }
    let found = of_first();
    if found.is_none() {
        passed(tracer, first, PassedOver6::Dead);
    }
    found
}

/// The lists of routes for a flow in the order in which they are tried
/// (`fib6_node_lookup`, then `fib6_backtrack`).
///
/// The first is found by another rule than the rest: a prefix with routes by
/// source, none of which is for this source, is left out there with all that it
/// holds, unless it is the default one (C-295). After a failure its own routes
/// are looked at too.
pub(super) fn lists<'a>(
    table: &'a Table6,
    flow: &Flow6,
    tracer: &mut Tracer<'_>,
) -> impl Iterator<Item = &'a [Route6]> + use<'a> {
    let (src, mut matches) = (flow.src, table.tree.matches(flow.dst));
    let of_node = move |node: &'a Node6| {
        let by_source = node.by_source.matches(src).map(|(_, list)| list.as_slice());
        by_source.chain((!node.routes.is_empty()).then_some(node.routes.as_slice()))
    };
    let mut hidden: Option<&[Route6]> = None;
    let first = matches.by_ref().find_map(|(prefix, node)| {
        let is_for_others = || !node.by_source.is_empty() && node.by_source.matches(src).next().is_none();
        let is_mistaken = node.is_mistaken(flow.dst);
        if is_mistaken || is_for_others() {
            tracer.event(|| Event::V6(Event6::Hidden { prefix }));
            if !is_mistaken && prefix.is_default() && !node.routes.is_empty() {
                hidden = Some(&node.routes);
            }
            return None;
        }
        let mut lists = of_node(node).peekable();
        lists.peek().is_some().then_some(lists)
    });
    let hidden = if first.is_none() { hidden } else { None };
    first.into_iter().flatten().chain(matches.flat_map(move |(_, node)| of_node(node))).chain(hidden)
}

/// What routes are measured against.
struct Asked<'a> {
    config: &'a Config,
    now: Time,
    oif: u32,
    /// Of several hops the first that can be used is measured.
    take_first: bool,
}

impl<'a> Asked<'a> {
    fn of(config: &'a Config, env: Env<'_>, oif: u32) -> Self {
        Asked { config, now: env.now, oif, take_first: env.behaviour.objects6_take_first }
    }

    /// The best route of a list (`find_rr_leaf`): of the smallest metric that
    /// has one to offer; beyond the smallest, metrics count no more.
    fn select(&self, list: &'a [Route6], demand: Demand, tracer: &mut Tracer<'_>) -> Option<Candidate<'a>> {
        let metric = list.first()?.metric;
        let split = list.partition_point(|route| route.metric == metric);
        let mut best = -1;
        let mut found = self.best_of(list, &list[..split], demand, &mut best, tracer);
        if found.is_none() {
            found = self.best_of(list, &list[split..], demand, &mut best, tracer);
        } else {
            for route in &list[split..] {
                passed(tracer, route, PassedOver6::LargerMetric);
            }
        }
        if let Some(found) = &found {
            tracer.event(|| Event::V6(Event6::RouteTaken { route: RouteRef::to(found.route), score: best }));
        }
        found
    }

    /// `__find_rr_leaf`.
    fn best_of(
        &self,
        list: &'a [Route6],
        routes: &'a [Route6],
        demand: Demand,
        best: &mut i32,
        tracer: &mut Tracer<'_>,
    ) -> Option<Candidate<'a>> {
        let mut found: Option<Candidate<'a>> = None;
        for route in routes {
            if route.is_expired(self.now) {
                passed(tracer, route, PassedOver6::Expired);
                continue;
            }
            let (mut why, mut taken) = (None, false);
            for (member, hop) in hops(self.config, route).enumerate() {
                if hop.blackhole {
                    let flags = RtFlags::REJECT;
                    let kind = RouteType::BLACKHOLE;
                    return Some(Candidate { flags, kind, ..Candidate::of(list, route, hop, member) });
                }
                match self.measure(route, hop, demand) {
                    Ok(score) if score > *best => {
                        let beaten = found.replace(Candidate::of(list, route, hop, member));
                        if let Some(beaten) = beaten.filter(|beaten| beaten.route.id != route.id) {
                            passed(tracer, beaten.route, PassedOver6::LowerScore);
                        }
                        *best = score;
                        taken = true;
                        if self.take_first {
                            break;
                        }
                    }
                    Ok(_) => why = why.or(Some(PassedOver6::LowerScore)),
                    Err(reason) => why = why.or(Some(reason)),
                }
            }
            if let Some(why) = why.filter(|_| !taken) {
                passed(tracer, route, why);
            }
        }
        found
    }

    /// The score of a hop, or why it cannot be used (`find_match`).
    fn measure(&self, route: &Route6, hop: &NextHop, demand: Demand) -> Result<i32, PassedOver6> {
        if hop.flags.has(RouteFlags::DEAD) {
            return Err(PassedOver6::Dead);
        }
        if !demand.ignore_linkstate
            && hop.flags.has(RouteFlags::LINKDOWN)
            && ignores_linkdown(self.config, hop.dev)
        {
            return Err(PassedOver6::LinkDown);
        }
        score(self.config, route, hop, self.oif, demand)
    }
}

fn passed(tracer: &mut Tracer<'_>, route: &Route6, why: PassedOver6) {
    tracer.event(|| Event::V6(Event6::RoutePassed { route: RouteRef::to(route), why }));
}

/// Whether hops through a device count only with carrier (`ip6_ignore_linkdown`).
pub fn ignores_linkdown(config: &Config, dev: u32) -> bool {
    config.links.ipv6(dev).is_none_or(|ipv6| ipv6.conf.ignore_routes_with_linkdown != 0)
}

/// `rt6_score_route`.
fn score(
    config: &Config,
    route: &Route6,
    hop: &NextHop,
    oif: u32,
    demand: Demand,
) -> Result<i32, PassedOver6> {
    let of_device = if oif == 0 || hop.dev == oif { 2 } else { 0 };
    if of_device == 0 && demand.device {
        return Err(PassedOver6::OtherDevice);
    }
    if demand.reachable
        && !route.flags.any(RtFlags::NONEXTHOP)
        && let Some(gateway @ IpAddr::V6(_)) = hop.gateway
    {
        let state = config.neighbours.state(hop.dev, gateway);
        let failed = |state: NeighState| !state.any(NeighState::VALID) && state.has(NeighState::FAILED);
        if state.is_some_and(failed) {
            return Err(PassedOver6::GatewayFailed);
        }
    }
    Ok(of_device | route.pref.rank() << 2)
}

/// The hops of a route: its own, or the IPv6 ones of its nexthop object.
pub fn hops<'a>(config: &'a Config, route: &'a Route6) -> impl Iterator<Item = &'a NextHop> {
    let (own, members) = match route.nh_id {
        None => (Some(&route.hop), &[][..]),
        Some(id) => match config.nexthops.get(id).map(|object| &object.kind) {
            Some(NexthopKind::Single(hop)) => (Some(hop), &[][..]),
            Some(NexthopKind::Group { members, .. }) => (None, members.as_slice()),
            None => (None, &[][..]),
        },
    };
    let of_member = |id: u32| match config.nexthops.get(id).map(|object| &object.kind) {
        Some(NexthopKind::Single(hop)) => Some(hop),
        _ => None,
    };
    own.into_iter().chain(members.iter().filter_map(move |member| of_member(member.id)))
}

/// The nexthop object that a candidate's hop is: its own, or the member of a group.
pub fn object(config: &Config, found: &Candidate<'_>) -> Option<u32> {
    found.route.nh_id.map(|id| member_id(config, id, found.member))
}

/// The nexthop object behind a member of a group; an object that is no group is its own.
pub fn member_id(config: &Config, id: u32, member: usize) -> u32 {
    match config.nexthops.get(id).map(|object| &object.kind) {
        Some(NexthopKind::Group { members, .. }) => members.get(member).map_or(id, |member| member.id),
        _ => id,
    }
}

/// The device that stands for a route: that of its first hop (`fib6_info_nh_dev`).
pub fn first_device(config: &Config, route: &Route6) -> u32 {
    hops(config, route).next().map_or(0, |hop| hop.dev)
}

/// The routes of a list that are legs of one multipath route with this one.
pub fn legs<'a>(list: &'a [Route6], route: &Route6) -> impl Iterator<Item = &'a Route6> + Clone {
    let (metric, is_leg) = (route.metric, route.is_leg());
    list.iter().filter(move |leg| is_leg && leg.metric == metric && leg.is_leg())
}

/// Chooses among the legs of a multipath route, or the members of a group, by
/// hash (`fib6_select_path`). With `device_fits` the choice of the table stays.
pub fn select_path<'a>(
    config: &'a Config,
    found: Candidate<'a>,
    flow: &Flow6,
    oif: u32,
    device_fits: bool,
    demand: Demand,
    tracer: &mut Tracer<'_>,
) -> Candidate<'a> {
    if device_fits {
        return found;
    }
    let hash = || multipath_hash6(config, flow);
    let event = |tracer: &mut Tracer<'_>, first: &Route6, leg: &Candidate<'_>, hash, shares| {
        let (first, leg, member) = (RouteRef::to(first), RouteRef::to(leg.route), leg.member);
        tracer.event(|| Event::V6(Event6::Path(Box::new(Path6 { first, leg, member, hash, shares }))));
    };
    if let Some(id) = found.route.nh_id {
        let Some(count) = path::group_size(config, id) else { return found };
        let hash = hash();
        let member_at = |hash: u32| path::select_in_group(config, id, hash).unwrap_or(0).min(count - 1);
        let at = |member: usize| {
            hops(config, found.route).nth(member).map_or(found, |hop| match hop.blackhole {
                true => {
                    Candidate { kind: RouteType::BLACKHOLE, flags: RtFlags::REJECT, hop, member, ..found }
                }
                false => Candidate { hop, member, ..found },
            })
        };
        let chosen = at(member_at(hash.unwrap_or(0)));
        if tracer.is_on() {
            let shares = match hash {
                Some(_) => Vec::new(),
                None => path::group_shares(config, id)
                    .into_iter()
                    .map(|(member, share)| (RouteRef::to(found.route), member, share))
                    .collect(),
            };
            event(tracer, found.route, &chosen, hash, shares);
        }
        return chosen;
    }
    let legs = legs(found.list, found.route);
    let Some(first) = legs.clone().next().filter(|_| legs.clone().nth(1).is_some()) else { return found };
    let leg_at = |hash: u32| -> &'a Route6 {
        let chosen = legs.clone().find(|leg| i64::from(hash) <= i64::from(leg.hop.upper_bound));
        match chosen {
            Some(leg) if score(config, leg, &leg.hop, oif, demand).is_ok() => leg,
            _ => found.route,
        }
    };
    let hash = hash();
    let leg = leg_at(hash.unwrap_or(0));
    let chosen = match leg.id == found.route.id {
        true => found,
        // Type and flags stay those of the leg that the table gave.
        false => Candidate { route: leg, hop: &leg.hop, origin: RouteRef::to(leg), ..found },
    };
    if tracer.is_on() {
        let mut shares: Vec<(RouteRef, usize, u64)> = Vec::new();
        if hash.is_none() {
            let mut bounds: Vec<i32> = legs.clone().map(|leg| leg.hop.upper_bound).collect();
            bounds.push(i32::MAX);
            bounds.retain(|&bound| bound >= 0);
            bounds.sort_unstable();
            let mut next = 0u64;
            for bound in bounds {
                let end = bound as u64 + 1;
                if end > next {
                    let leg = RouteRef::to(leg_at(bound as u32));
                    match shares.iter_mut().find(|(known, ..)| *known == leg) {
                        Some((.., sum)) => *sum += end - next,
                        None => shares.push((leg, 0, end - next)),
                    }
                    next = end;
                }
            }
        }
        event(tracer, first, &chosen, hash, shares);
    }
    chosen
}

/// A node's lists, for those that look at all routes of a destination.
pub fn plain_routes(table: &Table6, dst: Prefix<Ipv6Addr>) -> &[Route6] {
    table.tree.get(dst).map_or(&[], |node: &Node6| &node.routes)
}
