//! How gateways were reached when their routes were made.
//!
//! Linux looks a gateway up when a route is added and keeps the scope of the
//! route that led there (`nhc_scope`). Packets go to the gateway only if that was
//! link: with an own address as gateway, for one, they go straight to their
//! destination. Tables change afterwards, the kept scope does not, and no dump
//! shows it. A question that takes the route tells whether the gateway is used.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr};

use anyhow::Context;
use fingerpost_engine::World;
use fingerpost_engine::config::{Config, Rule};
use fingerpost_host::{Capture, GatewayScope, Live};
use fingerpost_model::snapshot::Line;
use fingerpost_model::{Kernel, NsId, RouteFlags, RouteMsg, RuleAction, Scope, TableId};
use fingerpost_net::{Family, IpPrefix, Prefix};

use crate::settle::{MAX_WAYS, demanded, matching};

/// Hops that are asked about one by one; where there are more, some of each gateway's.
const MAX_HOPS: usize = 4096;
/// How many of each gateway's.
const MAX_OF_GATEWAY: usize = 4;
/// Addresses that are tried for one prefix.
const MAX_ADDRESSES: usize = 16;

/// A hop with an IPv4 gateway that was looked up.
pub struct Hop {
    route: usize,
    leg: Option<usize>,
    about: RouteMsg,
    dev: u32,
    gateway: Ipv4Addr,
}

/// The hops of one namespace that are asked about, and how many are not.
pub fn hops(capture: &Capture, namespace: usize) -> io::Result<(Vec<Hop>, usize)> {
    let (mut spaces, mut routes) = (0, 0);
    let mut hops = Vec::new();
    let mut seen: HashMap<(Ipv4Addr, u32), usize> = HashMap::new();
    let mut left_out = 0;
    capture.lines(&mut |line| {
        match line {
            Line::Netns(_) => spaces += 1,
            Line::Route(route) if spaces == namespace + 1 => {
                for hop in hops_of(routes, route) {
                    let of_gateway = seen.entry((hop.gateway, hop.dev)).or_default();
                    *of_gateway += 1;
                    if hops.len() < MAX_HOPS || *of_gateway <= MAX_OF_GATEWAY {
                        hops.push(hop);
                    } else {
                        left_out += 1;
                    }
                }
                routes += 1;
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok((hops, left_out))
}

fn hops_of(number: usize, route: RouteMsg) -> Vec<Hop> {
    let skipped = RouteFlags::DEAD | RouteFlags::ONLINK | RouteFlags::CLONED;
    if route.family != Family::V4 || route.nh_id.is_some() {
        return Vec::new();
    }
    let mut about = RouteMsg { multipath: Vec::new(), ..route };
    let mut hops = Vec::new();
    let mut consider = |leg, gateway, dev: Option<u32>, flags: RouteFlags| {
        if let (Some(IpAddr::V4(gateway)), Some(dev), false) = (gateway, dev, flags.any(skipped)) {
            hops.push((leg, gateway, dev));
        }
    };
    consider(None, about.gateway, about.oif, about.flags);
    for (n, leg) in route.multipath.iter().enumerate() {
        consider(Some(n), leg.gateway, Some(leg.oif), leg.flags);
    }
    about.metrics = Default::default();
    let hop = |(leg, gateway, dev)| Hop { route: number, leg, about: about.clone(), dev, gateway };
    hops.into_iter().map(hop).collect()
}

impl Hop {
    /// Whether an answer to a question for the route itself (`fibmatch`) names this one.
    fn is_of(&self, answer: &RouteMsg) -> bool {
        let key = |msg: &RouteMsg| {
            (msg.table, msg.dst.filter(|dst| dst.len > 0), msg.tos, msg.priority, msg.protocol, msg.prefsrc)
        };
        key(answer) == key(&self.about)
    }

    /// Whether an answer says that the gateway is used; `None` if it is about another hop.
    fn is_used(&self, answer: &RouteMsg) -> Option<bool> {
        match (answer.gateway, answer.via) {
            _ if answer.oif != Some(self.dev) => None,
            (None, None) => Some(false),
            (Some(IpAddr::V4(gateway)), None) if gateway == self.gateway => Some(true),
            _ => None,
        }
    }

    /// A question that takes this hop, and whether its gateway is used by what is known.
    fn question(&self, world: &mut World, ns: NsId, ways: &[RouteMsg]) -> Option<(RouteMsg, bool)> {
        let devices = if self.leg.is_some() { &[Some(self.dev)][..] } else { &[Some(self.dev), None] };
        for way in ways {
            for addr in addresses(self.about.dst) {
                for &oif in devices {
                    let question = RouteMsg {
                        dst: Some(IpPrefix::host(addr.into())),
                        oif: way.oif.or(oif),
                        tos: if way.tos == 0 { self.about.tos } else { way.tos },
                        ..way.clone()
                    };
                    let takes =
                        world.get_route(ns, &matching(&question)).is_ok_and(|found| self.is_of(&found));
                    if takes
                        && let Ok(answer) = world.get_route(ns, &question)
                        && let Some(used) = self.is_used(&answer)
                    {
                        return Some((question, used));
                    }
                }
            }
        }
        None
    }
}

/// Asks the kernel about hops; what differs from what the world does is returned.
pub fn ask(world: &mut World, ns: NsId, live: &mut Live, hops: &[Hop]) -> anyhow::Result<Vec<GatewayScope>> {
    let mut ways: HashMap<TableId, Vec<RouteMsg>> = HashMap::new();
    let mut asked = Vec::new();
    for hop in hops {
        let table = hop.about.table;
        let ways = ways
            .entry(table)
            .or_insert_with(|| world.ns(ns).map(|space| ways_to(&space.config, table)).unwrap_or_default());
        // A route that no question takes answers none.
        if let Some((question, used)) = hop.question(world, ns, ways) {
            asked.push((hop, question, used));
        }
    }
    let questions: Vec<RouteMsg> = asked.iter().map(|(_, question, _)| question.clone()).collect();
    let answers = live.route_get_all(&questions).context("asking about gateways")?;
    let mut facts = Vec::new();
    for ((hop, question, expected), answer) in asked.iter().zip(answers) {
        let Some(used) = answer.ok().and_then(|answer| hop.is_used(&answer)) else { continue };
        if used != *expected && live.route_get(&matching(question)).is_ok_and(|found| hop.is_of(&found)) {
            let scope = if used { Scope::LINK } else { Scope::HOST };
            facts.push(GatewayScope { route: hop.route, leg: hop.leg, scope });
        }
    }
    Ok(facts)
}

/// Questions without destination that may come to a table: a plain one, and one
/// for each rule that leads there.
fn ways_to(config: &Config, table: TableId) -> Vec<RouteMsg> {
    let mut ways = vec![RouteMsg::new(Family::V4)];
    for rule in &config.rules.list {
        if rule.action == RuleAction::TO_TABLE && rule.table == table && !rule.l3mdev && !rule.invert {
            let way = way_through(config, rule);
            if !ways.contains(&way) && ways.len() < MAX_WAYS {
                ways.push(way);
            }
        }
    }
    ways
}

/// A question that has what the rule demands.
fn way_through(config: &Config, rule: &Rule<Ipv4Addr>) -> RouteMsg {
    let mut way = demanded(Family::V4, rule);
    if rule.src.1 > 0 {
        let own = config.links.iter().filter_map(|link| link.ipv4.as_ref()).flat_map(|ipv4| &ipv4.addrs);
        let within = Prefix::new(rule.src.0, rule.src.1).ok();
        let own = own.map(|addr| addr.local).find(|&addr| within.is_some_and(|prefix| prefix.contains(addr)));
        way.src = Some(IpPrefix::host(own.unwrap_or(rule.src.0).into()));
    }
    way
}

/// Addresses of a prefix: its ends, and some between them.
fn addresses(prefix: Option<IpPrefix>) -> impl Iterator<Item = Ipv4Addr> {
    let (first, len) = match prefix {
        Some(IpPrefix { addr: IpAddr::V4(addr), len }) => (u32::from(addr), u32::from(len)),
        _ => (0, 0),
    };
    let size = 1u64 << (32 - len.min(32));
    // Steps of the golden ratio fall everywhere.
    let between = (1u64..).map(move |n| (n * 0x9e37_79b9) % size);
    let ends = [1 % size, 0, size - 1, size.saturating_sub(2)];
    ends.into_iter()
        .chain(between)
        .take(if size == 1 { 1 } else { MAX_ADDRESSES })
        .map(move |offset| Ipv4Addr::from(first.wrapping_add(offset as u32)))
        .filter(|addr| !addr.is_unspecified() && !addr.is_broadcast())
}
