//! What the legs of IPv6 routes have for themselves.
//!
//! Each leg is a route of its own, with its own source, metrics, preference and
//! maker; appended ones can have others than the first. Listings show the first
//! leg's alone. A question that takes a leg is answered with its own.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;

use fingerpost_engine::World;
use fingerpost_host::{Capture, LegProperties, Live};
use fingerpost_model::snapshot::Line;
use fingerpost_model::{Kernel, NsId, OwnLeg, Refusal, RouteMsg};
use fingerpost_net::{Family, IpPrefix};

use crate::by_source::{addresses, asked, key_of, prefix, ways_from};
use crate::settle::matching;

/// Routes that are asked about, at most.
const MAX_ROUTES: usize = 256;
/// Addresses that are tried for one route: a leg's share can be small.
const MAX_ADDRESSES: usize = 1024;
/// Addresses that are tried by the device of one leg.
const MAX_BY_DEVICE: usize = 32;
/// Questions that are asked where it is not known which leg one takes.
const MAX_BLIND: usize = 48;

/// The routes of one namespace with several legs, by their numbers among all.
pub fn routes(capture: &Capture, namespace: usize) -> io::Result<Vec<(usize, RouteMsg)>> {
    let (mut spaces, mut number) = (0, 0);
    let mut routes = Vec::new();
    capture.lines(&mut |line| {
        match line {
            Line::Netns(_) => spaces += 1,
            Line::Route(route) if spaces == namespace + 1 => {
                let has_legs = route.multipath.len() > 1 && route.nh_id.is_none();
                if route.family == Family::V6 && has_legs && routes.len() < MAX_ROUTES {
                    routes.push((number, route));
                }
                number += 1;
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(routes)
}

/// Asks the kernel; what legs have that the capture does not tell is returned.
pub fn ask(
    world: &mut World,
    ns: NsId,
    live: &mut Live,
    routes: &[(usize, RouteMsg)],
) -> anyhow::Result<Vec<LegProperties>> {
    let mut found = Vec::new();
    for (number, route) in routes {
        for question in questions(world, ns, route) {
            let answer = asked(live, &question)?;
            let Some((leg, answer)) = leg_of(route, &answer) else { continue };
            let own = OwnLeg::of(answer);
            let known = route.multipath[leg].own.as_deref().cloned().unwrap_or_else(|| OwnLeg::of(route));
            let is_new = |fact: &LegProperties| (fact.route, fact.leg) != (*number, leg);
            if !same(&own, &known) && found.iter().all(is_new) {
                found.push(LegProperties { route: *number, leg, own });
            }
        }
    }
    Ok(found)
}

/// A question for each leg or, where the kernel's hash is not known, some that may find them.
fn questions(world: &mut World, ns: NsId, route: &RouteMsg) -> Vec<RouteMsg> {
    let Ok(space) = world.ns(ns) else { return Vec::new() };
    let ways = ways_from(&space.config, route.table, &[prefix(route.src)]);
    // By its own device a leg is found though a better route hides the whole.
    let by_leg = |way: &RouteMsg| {
        let ways = route.multipath.iter().map(|leg| RouteMsg { oif: Some(leg.oif), ..way.clone() });
        ways.map(|way| (way, MAX_BY_DEVICE)).collect::<Vec<_>>()
    };
    let any_device = ways.iter().map(|way| (way.clone(), MAX_ADDRESSES));
    let of_device = ways.iter().filter(|way| way.oif.is_none()).flat_map(by_leg);
    let mut of_legs: HashMap<usize, RouteMsg> = HashMap::new();
    let mut blind = Vec::new();
    for (way, tries) in any_device.chain(of_device) {
        for addr in addresses(prefix(route.dst), tries) {
            let question = RouteMsg { dst: Some(IpPrefix::host(addr.into())), ..way.clone() };
            let answer = world.get_route(ns, &matching(&question));
            let Some((leg, _)) = leg_of(route, &answer) else { continue };
            if blind.len() < MAX_BLIND {
                blind.push(question.clone());
            }
            of_legs.entry(leg).or_insert(question);
            if of_legs.len() == route.multipath.len() {
                return of_legs.into_values().collect();
            }
        }
    }
    blind
}

/// The leg that an answer to a question for the route itself is, if it is one
/// of this route: that which it names first.
fn leg_of<'a>(route: &RouteMsg, answer: &'a Result<RouteMsg, Refusal>) -> Option<(usize, &'a RouteMsg)> {
    let answer = answer.as_ref().ok()?;
    let hop = |msg: &RouteMsg| -> Option<(u32, Option<IpAddr>)> {
        msg.multipath.first().map(|leg| (leg.oif, leg.gateway))
    };
    if key_of(answer) != key_of(route) {
        return None;
    }
    let first = hop(answer)?;
    let leg = route.multipath.iter().position(|leg| (leg.oif, leg.gateway) == first)?;
    Some((leg, answer))
}

/// Whether two are alike, but for how long is left.
fn same(a: &OwnLeg, b: &OwnLeg) -> bool {
    let ends = |leg: &OwnLeg| OwnLeg { expires: i32::from(leg.expires != 0), ..leg.clone() };
    ends(a) == ends(b)
}
