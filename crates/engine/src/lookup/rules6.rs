//! IPv6 policy rules: which table is searched (`fib6_rule_lookup`, `fib6_lookup`).

use std::net::Ipv6Addr;

use fingerpost_model::TableId;
use fingerpost_net::Errno;

use super::Flow6;
use super::cache::Cached6;
use super::rules::{update_l3mdev, walk};
use super::table6::{self, Candidate, Demand};
use crate::config::{Config, Rule};
use crate::state::{State, Time};
use crate::trace::{Event, Event6, RuleOutcome, Tracer};

/// Finds the route of a flow through the rules, errors of routes included.
///
/// `oif` is the device that routes are measured against: the egress device of
/// packets made here, the ingress device of received ones. May fill in
/// `flow.l3mdev` and clear `flow.oif`, as the kernel does.
pub fn lookup<'a>(
    config: &'a Config,
    state: &mut State,
    now: Time,
    flow: &mut Flow6,
    side: Side,
    demand: Demand,
    tracer: &mut Tracer<'_>,
) -> Result<Candidate<'a>, Errno> {
    let search = |id: TableId, flow: &Flow6, tracer: &mut Tracer<'_>| {
        let table = config.fib6.table(id)?;
        let oif = side.device(flow);
        let found = table6::lookup(config, now, table, flow, oif, demand, tracer);
        let mut path = |found, tracer: &mut Tracer<'_>| {
            let found = table6::select_path(config, found, flow, oif, false, demand, tracer);
            shared(config, state, found, tracer)
        };
        Some(found.ok_or(Errno::EAGAIN).and_then(|found| usable(config, path(found, tracer), tracer)))
    };
    let result = through(config, flow, tracer, search, |rule, found| suppressed(config, rule, found));
    tracer.event(|| Event::End { errno: result.as_ref().err().copied() });
    result
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
    let generation = config.fib6.generation;
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

/// Finds a route without measuring any (`ip6_route_lookup`): what firewalls ask.
/// `device` demands one by the flow's egress device.
pub fn lookup_plain<'a>(
    config: &'a Config,
    flow: &mut Flow6,
    device: bool,
    tracer: &mut Tracer<'_>,
) -> Result<Candidate<'a>, Errno> {
    let demand = Demand { device, ..Demand::default() };
    let search = |id: TableId, flow: &Flow6, tracer: &mut Tracer<'_>| {
        let found = table6::lookup_plain(config, config.fib6.table(id)?, flow, device, tracer);
        let path = |found: Candidate<'a>, tracer: &mut Tracer<'_>| match found.is_reject() {
            true => found,
            false => table6::select_path(config, found, flow, flow.oif, flow.oif != 0, demand, tracer),
        };
        Some(found.ok_or(Errno::EAGAIN).and_then(|found| usable(config, path(found, tracer), tracer)))
    };
    let result = through(config, flow, tracer, search, |rule, found| suppressed(config, rule, found));
    tracer.event(|| Event::End { errno: result.as_ref().err().copied() });
    result
}

/// A route, or the error that its type answers with. Rules pass over a route
/// whose device has lost IPv6 (`__fib6_rule_action`, F-060), as one by a nexthop
/// object can.
fn usable<'a>(
    config: &Config,
    found: Candidate<'a>,
    tracer: &mut Tracer<'_>,
) -> Result<Candidate<'a>, Errno> {
    let dev = found.hop.dev;
    if config.fib6.has_custom_rules && config.links.ipv6(dev).is_none() {
        let route = found.origin;
        tracer.event(|| Event::V6(Event6::WithoutIpv6 { route, dev }));
        return Err(Errno::EAGAIN);
    }
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
    now: Time,
    flow: &mut Flow6,
    oif: u32,
    demand: Demand,
    tracer: &mut Tracer<'_>,
) -> Result<Candidate<'a>, Errno> {
    let search = |id: TableId, flow: &Flow6, tracer: &mut Tracer<'_>| {
        let table = config.fib6.table(id)?;
        Some(table6::lookup(config, now, table, flow, oif, demand, tracer).ok_or(Errno::EAGAIN))
    };
    through(config, flow, tracer, search, |_, _| None)
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

/// Local, then main, until a rule is ever added; then the rules.
fn through<'a>(
    config: &'a Config,
    flow: &mut Flow6,
    tracer: &mut Tracer<'_>,
    mut search: impl FnMut(TableId, &Flow6, &mut Tracer<'_>) -> Option<Result<Candidate<'a>, Errno>>,
    suppressed: impl Fn(&Rule<Ipv6Addr>, &Candidate<'a>) -> Option<RuleOutcome>,
) -> Result<Candidate<'a>, Errno> {
    if config.fib6.has_custom_rules {
        update_l3mdev(&config.links, flow);
        let suppressed =
            |rule: &Rule<Ipv6Addr>, found: &Candidate<'a>, _: &mut Flow6| suppressed(rule, found);
        return walk(&config.rules6.list, &config.links, flow, tracer, search, suppressed)
            .map(|(found, _)| found);
    }
    tracer.event(|| Event::NoCustomRules);
    for id in [TableId::LOCAL, TableId::MAIN] {
        match search(id, flow, tracer) {
            None | Some(Err(Errno::EAGAIN)) => {}
            Some(result) => return result,
        }
    }
    Err(Errno::ENETUNREACH)
}

/// Whether a rule discards its result (`fib6_rule_suppress`).
fn suppressed(config: &Config, rule: &Rule<Ipv6Addr>, found: &Candidate<'_>) -> Option<RuleOutcome> {
    let len = found.route.dst.len();
    if i32::from(len) <= rule.suppress_prefixlen {
        return Some(RuleOutcome::SuppressedPrefix { len });
    }
    let group = config.links.get(found.hop.dev)?.group();
    (rule.suppress_ifgroup != -1 && group as i32 == rule.suppress_ifgroup)
        .then_some(RuleOutcome::SuppressedGroup { group })
}
