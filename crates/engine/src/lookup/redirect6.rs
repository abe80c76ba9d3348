//! The present way of packets that a router redirects (`ip6_route_redirect`): any route for
//! the longest prefix that has one by that router will do, whatever its metric.

use std::net::Ipv6Addr;

use fingerpost_model::{RouteFlags, TableId};
use fingerpost_net::Errno;

use super::Flow6;
use super::rules6;
use super::table6::{self, Candidate};
use crate::config::{Config, Route6, Table6};
use crate::namespace::Env;
use crate::state::State;
use crate::trace::{RuleOutcome, Tracer};

/// Finds the route by which the flow's packets leave by the flow's device through `router`;
/// `None` if they do not.
pub fn lookup<'a>(
    config: &'a Config,
    state: &mut State,
    env: Env<'_>,
    flow: &mut Flow6,
    router: Ipv6Addr,
    tracer: &mut Tracer<'_>,
) -> Option<Candidate<'a>> {
    let search = |id: TableId, flow: &Flow6, tracer: &mut Tracer<'_>| {
        let table = config.fib6.table(id).ok_or(RuleOutcome::NoTable)?;
        in_table(config, state, env, table, flow, router, tracer)
    };
    rules6::through_tables(config, flow, tracer, search)
}

/// `__ip6_route_redirect`.
fn in_table<'a>(
    config: &'a Config,
    state: &State,
    env: Env<'_>,
    table: &'a Table6,
    flow: &Flow6,
    router: Ipv6Addr,
    tracer: &mut Tracer<'_>,
) -> Result<Candidate<'a>, RuleOutcome> {
    let lists: Vec<&[Route6]> = table6::lists(table, flow, tracer).collect();
    for route in lists.iter().flat_map(|list| list.iter()) {
        if route.is_expired(env.now) {
            continue;
        }
        let found = |member, hop| Candidate::of(&[], route, hop, member);
        let hops = || table6::hops(config, route).enumerate();
        if hops().next().is_some_and(|(member, hop)| found(member, hop).is_reject()) {
            return Err(RuleOutcome::NoMatch);
        }
        if hops().any(|(_, hop)| hop.blackhole) {
            continue;
        }
        for (member, hop) in hops() {
            let is_fit = !hop.flags.has(RouteFlags::DEAD) && hop.dev == flow.oif;
            let Some(gateway) = table6::gateway6(hop).filter(|_| is_fit) else { continue };
            let candidate = found(member, hop);
            if gateway == router {
                return Ok(candidate);
            }
            let learned = state.exceptions6.find(config, (route, member), flow.src, flow.dst, env.now);
            if learned.is_some_and(|learned| learned.gateway == Some(router)) {
                return Ok(Candidate { learned, ..candidate });
            }
        }
    }
    // Default routes that lead elsewhere end the search, as other routes do not.
    let has_default = lists.last().and_then(|list| list.first()).is_some_and(|route| route.dst.is_default());
    Err(if has_default { RuleOutcome::Error(Errno::EHOSTUNREACH) } else { RuleOutcome::NoMatch })
}
