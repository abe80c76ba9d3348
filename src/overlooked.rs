//! Routes by source that Linux overlooks.
//!
//! Where a destination of IPv6 has routes by source only, Linux compares the
//! destination with that of one route before it looks at them. After a refused
//! addition, or a deletion, that route can be one that lies below (F-001), and no
//! dump shows which. A question that the two cases answer differently tells.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};

use anyhow::Context;
use fingerpost_engine::World;
use fingerpost_engine::config::{Config, Node6, Rule};
use fingerpost_host::{Capture, Live};
use fingerpost_model::snapshot::Line;
use fingerpost_model::{Kernel, NsId, Refusal, RouteMsg, RuleAction, TableId};
use fingerpost_net::{Errno, Family, IpPrefix, Prefix};

use crate::gateways::demands;

/// Destinations that are asked about, at most.
const MAX_ASKED: usize = 512;
/// Ways through the rules that are tried for one table.
const MAX_WAYS: usize = 12;
/// Addresses that are tried for one destination.
const MAX_ADDRESSES: usize = 8;

/// What was found out about one namespace.
pub(crate) struct Found {
    /// Routes whose destination's routes by source are overlooked, by their number
    /// among all of the namespace.
    pub overlooked: Vec<usize>,
    /// Sentences on what was not found out.
    pub unclear: Vec<String>,
}

/// A destination that has routes by source only.
struct Place {
    route: usize,
    table: TableId,
    dst: Prefix<Ipv6Addr>,
}

/// A question, and its answer in the one case and in the other.
struct Question {
    request: RouteMsg,
    seen: Answer,
    overlooked: Answer,
}

/// What of an answer is compared: the way, or the error.
type Answer = Result<(Option<u32>, Option<IpAddr>, TableId), Errno>;

/// Asks a kernel about the destinations with routes by source only of a namespace
/// of a capture, by its number.
pub(crate) fn ask(
    world: &mut World,
    ns: NsId,
    live: &mut Live,
    capture: &Capture,
    number: usize,
) -> anyhow::Result<Found> {
    let mut found = Found { overlooked: Vec::new(), unclear: Vec::new() };
    let (places, more) = places(world, ns, capture, number)?;
    if more > 0 {
        found.unclear.push(format!(
            "whether Linux looks at the routes by source of {more} destinations: taken to be so"
        ));
    }
    let Ok(before) = world.ns(ns).map(|space| space.state.clone()) else { return Ok(found) };
    let mut asked = Vec::new();
    for place in &places {
        if let Some(question) = question(world, ns, place) {
            asked.push((place, question));
        }
    }
    if let Some(space) = world.namespaces.get_mut(&ns) {
        space.state = before;
    }
    let requests: Vec<RouteMsg> = asked.iter().map(|(_, question)| question.request.clone()).collect();
    let answers = live.route_get_all(&requests).context("asking about routes by source")?;
    for ((place, question), real) in asked.iter().zip(answers) {
        match answer(real) {
            real if real == question.seen => {}
            real if real == question.overlooked => found.overlooked.push(place.route),
            _ => found.unclear.push(format!(
                "whether Linux looks at the routes by source of {}: it answers otherwise than expected",
                place.dst
            )),
        }
    }
    Ok(found)
}

fn answer(answer: Result<RouteMsg, Refusal>) -> Answer {
    answer.map(|msg| (msg.oif, msg.gateway, msg.table)).map_err(|refusal| refusal.errno)
}

/// The destinations that are asked about, and how many are not.
fn places(world: &World, ns: NsId, capture: &Capture, number: usize) -> anyhow::Result<(Vec<Place>, usize)> {
    let Ok(space) = world.ns(ns) else { return Ok((Vec::new(), 0)) };
    let (mut spaces, mut route, mut more) = (0, 0, 0);
    let mut places = Vec::new();
    let mut seen = BTreeSet::new();
    capture.lines(&mut |line| {
        match line {
            Line::Netns(_) => spaces += 1,
            Line::Route(msg) if spaces == number + 1 => {
                if let Some(dst) = by_source(&space.config, &msg)
                    && seen.insert((msg.table, dst))
                {
                    match places.len() < MAX_ASKED {
                        true => places.push(Place { route, table: msg.table, dst }),
                        false => more += 1,
                    }
                }
                route += 1;
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok((places, more))
}

/// The destination of a route by source that has no other routes, unless it is
/// known to be overlooked.
fn by_source(config: &Config, msg: &RouteMsg) -> Option<Prefix<Ipv6Addr>> {
    let (Family::V6, Some(_), Some(IpPrefix { addr: IpAddr::V6(addr), len })) =
        (msg.family, msg.src, msg.dst)
    else {
        return None;
    };
    let dst = Prefix::containing(addr, len).ok()?;
    let node = config.fib6.table(msg.table)?.tree.get(dst)?;
    (!msg.overlooked && node.routes.is_empty()).then_some(dst)
}

/// A question that is answered otherwise where the routes of a place are overlooked.
fn question(world: &mut World, ns: NsId, place: &Place) -> Option<Question> {
    let config = &world.ns(ns).ok()?.config;
    let node = config.fib6.table(place.table)?.tree.get(place.dst)?;
    let requests = requests(config, place, node);
    let leaf = node.leaf;
    for request in requests {
        let seen = answer(world.get_route(ns, &request));
        let table = world.namespaces.get_mut(&ns)?.config.fib6.table_mut(place.table)?;
        table.lose_leaf(place.dst);
        let overlooked = answer(world.get_route(ns, &request));
        let table = world.namespaces.get_mut(&ns)?.config.fib6.table_mut(place.table)?;
        table.tree.get_mut(place.dst)?.leaf = leaf;
        if seen != overlooked {
            return Some(Question { request, seen, overlooked });
        }
    }
    None
}

/// Questions to a place from sources that its routes are for.
fn requests(config: &Config, place: &Place, node: &Node6) -> Vec<RouteMsg> {
    let leads = |rule: &&Rule<Ipv6Addr>| {
        rule.action == RuleAction::TO_TABLE && rule.table == place.table && !rule.l3mdev && !rule.invert
    };
    let plain = (RouteMsg::new(Family::V6), Prefix::DEFAULT);
    let of_rule = |rule: &Rule<Ipv6Addr>| {
        let within = Prefix::containing(rule.src.0, rule.src.1).unwrap_or(Prefix::DEFAULT);
        (demands(rule), within)
    };
    let rules = config.rules6.list.iter().filter(leads).map(of_rule);
    let ways: Vec<_> = std::iter::once(plain).chain(rules).take(MAX_WAYS).collect();
    let mut requests = Vec::new();
    for (src, _) in node.by_source.iter() {
        for (way, within) in &ways {
            let from = if src.covers(*within) { within.addr() } else { src.addr() };
            if !within.contains(from) || !src.contains(from) || from.is_unspecified() {
                continue;
            }
            for to in addresses(place.dst) {
                let host = |addr: Ipv6Addr| Some(IpPrefix::host(addr.into()));
                requests.push(RouteMsg { dst: host(to), src: host(from), ..way.clone() });
            }
        }
    }
    requests
}

/// Addresses of a prefix: its ends, and some between them.
fn addresses(prefix: Prefix<Ipv6Addr>) -> impl Iterator<Item = Ipv6Addr> {
    let first = prefix.addr().to_bits();
    let hosts =
        if prefix.len() == 0 { u128::MAX } else { u128::MAX.checked_shr(prefix.len().into()).unwrap_or(0) };
    // Steps of the golden ratio fall everywhere.
    let step = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835_u128;
    let between = (1u128..).map(move |n| n.wrapping_mul(step) & hosts);
    let ends = [hosts & 1, hosts, 0];
    let all = ends.into_iter().chain(between).take(if hosts == 0 { 1 } else { MAX_ADDRESSES });
    all.map(move |offset| Ipv6Addr::from_bits(first | offset))
}
