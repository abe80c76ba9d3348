//! IPv6 policy rules: which table is searched (`fib6_rule_lookup`, `fib6_lookup`).

use std::net::Ipv6Addr;

use fingerpost_model::TableId;
use fingerpost_net::Errno;

use super::Flow6;
use super::cache::Cached6;
use super::rules::{update_l3mdev, walk, within};
use super::table6::{self, Candidate, Demand, RouteRef};
use super::{output6, source6};
use crate::config::{Config, NexthopKind, Route6, Rule};
use crate::namespace::Env;
use crate::state::State;
use crate::trace::{Event, Event6, RuleOutcome, Tracer};

/// Finds the route of a flow through the rules, errors of routes included.
///
/// `oif` is the device that routes are measured against: the egress device of
/// packets made here, the ingress device of received ones. May fill in
/// `flow.l3mdev` and clear `flow.oif`, as the kernel does.
pub fn lookup<'a>(
    config: &'a Config,
    state: &mut State,
    env: Env<'_>,
    flow: &mut Flow6,
    side: Side,
    demand: Demand,
    tracer: &mut Tracer<'_>,
) -> Result<Candidate<'a>, Errno> {
    let search = |id: TableId, flow: &Flow6, tracer: &mut Tracer<'_>| {
        let table = config.fib6.table(id).ok_or(RuleOutcome::NoTable)?;
        let oif = side.device(flow);
        let found = table6::lookup(config, env, table, flow, oif, demand, tracer);
        let found = found.ok_or(RuleOutcome::NoMatch)?;
        let stays = side == Side::Output && keeps_device(env, &found, oif);
        let found = table6::select_path(config, found, flow, oif, stays, demand, tracer);
        Ok(settled(config, state, env, flow, found, tracer))
    };
    let result = through(config, flow, Wanted::Way, tracer, search);
    tracer.event(|| Event::End { errno: result.as_ref().err().copied() });
    result
}

/// Whether the hop that the table gave stays, since it leaves by the device asked
/// for (T-47).
pub(super) fn keeps_device(env: Env<'_>, found: &Candidate<'_>, oif: u32) -> bool {
    env.behaviour.multipath6_keeps_device && found.hop.dev == oif
}

/// Finds the route of a flow in a VRF's table alone, without rules (`vrf_ip6_route_lookup`):
/// that of a link-local address or a group by the device `dev` of the VRF. A VRF's
/// own device has no link, and so no such route (`vrf_link_scope_lookup`).
pub fn lookup_in_vrf<'a>(
    config: &'a Config,
    state: &mut State,
    env: Env<'_>,
    flow: &Flow6,
    (vrf, dev): (u32, u32),
    tracer: &mut Tracer<'_>,
) -> Result<Candidate<'a>, Errno> {
    let table = config.links.l3_table(vrf).and_then(|id| config.fib6.table(id));
    tracer.event(|| Event::V6(Event6::InVrf { vrf, is_on_link: dev != vrf }));
    let demand =
        Demand { device: true, reachable: config.sysctl6.all.forwarding == 0, ignore_linkstate: false };
    let result = table
        .filter(|_| dev != vrf)
        .and_then(|table| table6::lookup(config, env, table, flow, dev, demand, tracer))
        .ok_or(Errno::ENETUNREACH)
        .and_then(|found| {
            let found = table6::select_path(config, found, flow, dev, false, demand, tracer);
            usable(settled(config, state, env, flow, found, tracer), tracer)
        });
    tracer.event(|| Event::End { errno: result.as_ref().err().copied() });
    result
}

/// What was learned about the destination, or else what is cached with the hop.
fn settled<'a>(
    config: &'a Config,
    state: &mut State,
    env: Env<'_>,
    flow: &Flow6,
    found: Candidate<'a>,
    tracer: &mut Tracer<'_>,
) -> Candidate<'a> {
    let found = with_learned(config, state, env, flow, found, tracer);
    if found.learned.is_some() { found } else { shared(config, state, found, tracer) }
}

/// What was learned about the destination goes before what the hop's decision is.
fn with_learned<'a>(
    config: &Config,
    state: &State,
    env: Env<'_>,
    flow: &Flow6,
    found: Candidate<'a>,
    tracer: &mut Tracer<'_>,
) -> Candidate<'a> {
    let learned = state.exceptions6.find(config, (found.route, found.member), flow.src, flow.dst, env.now);
    if let Some(learned) = learned {
        let redirected = table6::gateway6(found.hop) != learned.gateway;
        tracer.event(|| Event::V6(Event6::Learned { learned, redirected }));
    }
    Candidate { learned, ..found }
}

/// The decision that counts is the one cached with the hop (`rt6_get_pcpu_route`,
/// T-17). With a nexthop object it is all routes' and outlives the one that it was
/// made of; with a leg it shows in the router preference only.
fn shared<'a>(
    config: &'a Config,
    state: &mut State,
    found: Candidate<'a>,
    tracer: &mut Tracer<'_>,
) -> Candidate<'a> {
    let Some(id) = table6::object(config, &found) else {
        if !found.route.is_leg() {
            return found;
        }
        let pref = *state.cache.legs6.entry(found.route.id).or_insert(found.pref);
        return Candidate { pref, ..found };
    };
    let generation = changes(config, state);
    let Candidate { kind, flags, pref, origin, .. } = found;
    let fresh = Cached6 { generation, route: origin, kind, flags, pref };
    let cached = state.cache.objects6.entry(id).or_insert(fresh);
    if cached.generation != generation {
        *cached = fresh;
    }
    if cached.route == origin {
        return found;
    }
    let Cached6 { route: origin, kind, flags, pref, .. } = *cached;
    tracer.event(|| Event::V6(Event6::Cached { object: id, route: origin }));
    let route = origin.get(config).unwrap_or(found.route);
    Candidate { route, origin, kind, flags, pref, ..found }
}

/// Counts what ends decisions that are kept with a nexthop object.
pub(crate) fn changes(config: &Config, state: &State) -> u64 {
    config.fib6.changes().wrapping_add(state.exceptions6.changes())
}

/// The decisions that can be cached with a nexthop object: one for each route that
/// leads to it, alike ones once, and at most so many (F-014).
pub fn cacheable(config: &Config, state: &State, object: u32, most: usize) -> Vec<Cached6> {
    let is_blackhole = |kind: &NexthopKind| matches!(kind, NexthopKind::Single(hop) if hop.blackhole);
    if config.nexthops.get(object).is_none_or(|object| is_blackhole(&object.kind)) {
        return Vec::new();
    }
    let leads_there = |route: &&Route6| {
        let Some(id) = route.nh_id else { return false };
        match config.nexthops.get(id).map(|object| &object.kind) {
            Some(NexthopKind::Group { members, .. }) => members.iter().any(|member| member.id == object),
            _ => id == object,
        }
    };
    let mut seen: Vec<&Route6> = Vec::new();
    for route in config.fib6.tables.iter().flat_map(|table| table.routes()).filter(leads_there) {
        let shows = |route: &'_ Route6| (route.kind, route.flags, route.pref, route.prefsrc);
        let is_known = |known: &&Route6| shows(known) == shows(route) && known.metrics == route.metrics;
        if !seen.iter().any(is_known) {
            seen.push(route);
        }
        if seen.len() >= most {
            break;
        }
    }
    let generation = changes(config, state);
    let cached = |route: &Route6| {
        let &Route6 { kind, flags, pref, .. } = route;
        Cached6 { generation, route: RouteRef::to(route), kind, flags, pref }
    };
    seen.into_iter().map(cached).collect()
}

/// Finds a route without measuring any (`ip6_route_lookup`): what firewalls ask.
/// `device` demands one by the flow's egress device.
pub fn lookup_plain<'a>(
    config: &'a Config,
    state: &State,
    env: Env<'_>,
    flow: &mut Flow6,
    device: bool,
    tracer: &mut Tracer<'_>,
) -> Result<Candidate<'a>, Errno> {
    let demand = Demand { device, ..Demand::default() };
    let search = |id: TableId, flow: &Flow6, tracer: &mut Tracer<'_>| {
        let table = config.fib6.table(id).ok_or(RuleOutcome::NoTable)?;
        let found = table6::lookup_plain(config, table, flow, device, tracer);
        let found = found.ok_or(RuleOutcome::NoMatch)?;
        if found.is_reject() {
            return Ok(found);
        }
        let found = table6::select_path(config, found, flow, flow.oif, flow.oif != 0, demand, tracer);
        Ok(with_learned(config, state, env, flow, found, tracer))
    };
    let result = through(config, flow, Wanted::Way, tracer, search);
    tracer.event(|| Event::End { errno: result.as_ref().err().copied() });
    result
}

/// A route, or the error that its type answers with.
fn usable<'a>(found: Candidate<'a>, tracer: &mut Tracer<'_>) -> Result<Candidate<'a>, Errno> {
    match table6::type_error(found.kind).filter(|_| found.is_reject()) {
        None => Ok(found),
        Some(errno) => {
            let route = found.origin;
            tracer.event(|| Event::V6(Event6::RouteError { route, errno }));
            Err(errno)
        }
    }
}

/// Finds a route for the configuration's own questions: error types are results,
/// and no rule discards one (`fib6_lookup`).
pub fn lookup_any<'a>(
    config: &'a Config,
    env: Env<'_>,
    flow: &mut Flow6,
    oif: u32,
    demand: Demand,
    tracer: &mut Tracer<'_>,
) -> Result<Candidate<'a>, Errno> {
    let search = |id: TableId, flow: &Flow6, tracer: &mut Tracer<'_>| {
        let table = config.fib6.table(id).ok_or(RuleOutcome::NoTable)?;
        table6::lookup(config, env, table, flow, oif, demand, tracer).ok_or(RuleOutcome::NoMatch)
    };
    through(config, flow, Wanted::Route, tracer, search)
}

/// Goes through the tables of a flow as a packet's lookup does, with another search.
pub(super) fn through_tables<'a>(
    config: &'a Config,
    flow: &mut Flow6,
    tracer: &mut Tracer<'_>,
    search: impl FnMut(TableId, &Flow6, &mut Tracer<'_>) -> Result<Candidate<'a>, RuleOutcome>,
) -> Option<Candidate<'a>> {
    through(config, flow, Wanted::Way, tracer, search).ok()
}

/// Which of a flow's devices routes are measured against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The egress device.
    Output,
    /// The ingress device.
    Input,
}

impl Side {
    fn device(self, flow: &Flow6) -> u32 {
        match self {
            Side::Output => flow.oif,
            Side::Input => flow.iif,
        }
    }
}

/// What a lookup is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// A packet's way: error types are errors, and rules discard what they suppress.
    Way,
    /// A route as it stands.
    Route,
}

/// Local, then main, until a rule is ever added; then the rules.
fn through<'a>(
    config: &'a Config,
    flow: &mut Flow6,
    wanted: Wanted,
    tracer: &mut Tracer<'_>,
    mut search: impl FnMut(TableId, &Flow6, &mut Tracer<'_>) -> Result<Candidate<'a>, RuleOutcome>,
) -> Result<Candidate<'a>, Errno> {
    let as_wanted = |found, tracer: &mut Tracer<'_>| match wanted {
        Wanted::Way => usable(found, tracer),
        Wanted::Route => Ok(found),
    };
    if config.fib6.has_custom_rules {
        update_l3mdev(&config.links, flow);
        let search = |rule: &Rule<Ipv6Addr>, id: TableId, flow: &mut Flow6, tracer: &mut Tracer<'_>| {
            let found = search(id, flow, tracer)?;
            let dev = match wanted {
                Wanted::Way => output6::device(config, &found),
                Wanted::Route => found.hop.dev,
            };
            // As one by a nexthop object can, a route outlives IPv6 on its device (F-080).
            if wanted == Wanted::Way && config.links.ipv6(dev).is_none() {
                let route = found.origin;
                tracer.event(|| Event::V6(Event6::WithoutIpv6 { route, dev }));
                return Err(RuleOutcome::NoMatch);
            }
            find_source(config, rule, dev, flow)?;
            Ok(as_wanted(found, tracer)?)
        };
        let suppressed = |rule: &Rule<Ipv6Addr>, found: &Candidate<'a>, _: &mut Flow6| {
            let suppress = (rule.suppress_prefixlen, rule.suppress_ifgroup);
            suppressed(config, suppress, found).filter(|_| wanted == Wanted::Way)
        };
        return walk(&config.rules6.list, &config.links, flow, tracer, search, suppressed)
            .map(|(found, _)| found);
    }
    tracer.event(|| Event::NoCustomRules);
    for id in [TableId::LOCAL, TableId::MAIN] {
        let Ok(found) = search(id, flow, tracer) else { continue };
        match as_wanted(found, tracer) {
            Err(Errno::EAGAIN) => {}
            result => return result,
        }
    }
    Err(Errno::ENETUNREACH)
}

/// Where a rule by source met a packet without one: the packet gets the source
/// that it would have by the route found, if the rule is for that one
/// (`fib6_rule_saddr`, C-301). Rules that follow do not take it for given, routes
/// by source do.
fn find_source(
    config: &Config,
    rule: &Rule<Ipv6Addr>,
    dev: u32,
    flow: &mut Flow6,
) -> Result<(), RuleOutcome> {
    if !rule.find_source || rule.src.1 == 0 || flow.has_source {
        return Ok(());
    }
    let source = source6::select(config, dev, flow.dst, &mut Tracer::off());
    match source.filter(|&source| within(rule.src, source)) {
        Some(source) => {
            flow.src = source;
            Ok(())
        }
        None => Err(RuleOutcome::OtherSource { source }),
    }
}

/// Whether a rule that discards results with prefixes so short, and through devices of
/// a group, discards this one (`fib6_rule_suppress`). A result that was learned is as
/// long as an address, whatever the route's prefix (F-060).
pub(crate) fn suppressed(
    config: &Config,
    (prefixlen, ifgroup): (i32, i32),
    found: &Candidate<'_>,
) -> Option<RuleOutcome> {
    let len = found.prefix_len();
    if i32::from(len) <= prefixlen {
        return Some(RuleOutcome::SuppressedPrefix { len });
    }
    let group = config.links.get(found.hop.dev)?.group();
    (ifgroup != -1 && group as i32 == ifgroup).then_some(RuleOutcome::SuppressedGroup { group })
}
