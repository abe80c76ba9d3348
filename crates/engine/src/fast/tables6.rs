//! What the IPv6 tables say of destinations.

use std::net::Ipv6Addr;

use fingerpost_net::{Errno, Prefix};

use super::compose::{Lists, Place};
use super::program::Member;
use crate::config::{Config, Node6, Route6};
use crate::lookup::output6;
use crate::lookup::rules6::suppressed;
use crate::lookup::table6::{self, Candidate, Demand, legs, type_error};
use crate::namespace::Env;
use crate::state::Time;

/// The IPv6 tables of a configuration.
#[derive(Clone, Copy)]
pub struct Tables6<'a> {
    pub config: &'a Config,
    pub env: Env<'a>,
}

/// A route that was found.
#[derive(Clone, Copy)]
pub struct Found<'a> {
    pub candidate: Candidate<'a>,
    /// The table.
    pub member: Member,
    /// Another one may be found for packets that came in on its device.
    pub input_differs: bool,
}

/// When routes end, at the earliest: until then answers stand.
pub(super) fn valid_until(config: &Config, now: Time) -> Option<Time> {
    let routes = config.fib6.tables.iter().flat_map(|table| table.routes());
    let ends = routes.filter(|route| !route.is_expired(now)).filter_map(|route| route.expires);
    ends.filter(|&at| at >= now.0 as i64).min().map(|at| Time(at as u64))
}

impl<'a> Lists<Ipv6Addr> for Tables6<'a> {
    type Found = Found<'a>;

    fn each(&self, member: &Member, mut take: impl FnMut(Prefix<Ipv6Addr>, Place<Ipv6Addr, Found<'a>>)) {
        let Some(table) = self.config.fib6.table(member.table) else { return };
        for (prefix, node) in table.tree.iter() {
            if let Some(place) = self.of_node(member, node) {
                take(prefix, place);
            }
        }
    }

    fn own(&self, member: &Member, prefix: Prefix<Ipv6Addr>) -> Option<Place<Ipv6Addr, Found<'a>>> {
        self.of_node(member, self.config.fib6.table(member.table)?.tree.get(prefix)?)
    }

    fn covering(&self, member: &Member, prefix: Prefix<Ipv6Addr>) -> Option<Place<Ipv6Addr, Found<'a>>> {
        let table = self.config.fib6.table(member.table)?;
        let within = table.tree.matches(prefix.addr()).filter(|(other, _)| other.len() <= prefix.len());
        within.map(|(_, node)| node).find_map(|node| self.of_node(member, node))
    }
}

impl<'a> Tables6<'a> {
    /// What the routes of one destination say of flows without a device.
    fn of_node(&self, member: &Member, node: &'a Node6) -> Option<Place<Ipv6Addr, Found<'a>>> {
        if !node.by_source.is_empty() {
            return Some(Place::Ask);
        }
        let list = &node.routes;
        let demand = |reachable| Demand { device: false, reachable, ignore_linkstate: false };
        let reachable = self.config.sysctl6.all.forwarding == 0;
        let find = |reachable| table6::select(self.config, self.env, list, 0, demand(reachable));
        let found = find(false);
        let name = |found: &Candidate<'_>| (found.route.id, found.member);
        if reachable && find(true).as_ref().map(name) != found.as_ref().map(name) {
            // A gateway does not answer: it counts what other prefixes have.
            return Some(Place::Ask);
        }
        let candidate = found?;
        let route = candidate.route;
        // What is cached with an object is all its routes' (T-17).
        if route.nh_id.is_some() || legs(list, route).nth(1).is_some() {
            return Some(Place::Ask);
        }
        let place = self.kept(member, candidate);
        Some(match (place, Tables6::input_may_differ(list, route)) {
            (Place::Found(found, prefix), true) => {
                Place::Found(Found { input_differs: true, ..found }, prefix)
            }
            (_, true) => Place::Ask,
            (place, false) => place,
        })
    }

    /// What becomes of a route that was found: its error, or the rule discards it.
    fn kept(&self, member: &Member, candidate: Candidate<'a>) -> Place<Ipv6Addr, Found<'a>> {
        let dev = output6::device(self.config, &candidate);
        if self.config.fib6.has_custom_rules && self.config.links.ipv6(dev).is_none() {
            return Place::Pass; // F-080
        }
        if let Some(errno) = type_error(candidate.kind).filter(|_| candidate.is_reject()) {
            return match errno {
                Errno::EAGAIN => Place::Pass,
                errno => Place::Refused(errno, candidate.route.dst),
            };
        }
        if suppressed(self.config, (member.suppress_prefixlen, member.suppress_ifgroup), &candidate).is_some()
        {
            return Place::Pass;
        }
        Place::Found(Found { candidate, member: *member, input_differs: false }, candidate.route.dst)
    }

    /// Whether flows that came in on a device may be given another route of a list: one
    /// by that device counts more.
    fn input_may_differ(list: &[Route6], found: &Route6) -> bool {
        let of_its_metric = list.iter().filter(|other| other.metric == list[0].metric).count();
        of_its_metric > 1 || list[0].id != found.id
    }
}
