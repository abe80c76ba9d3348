//! For which destinations Linux looks at routes by source.
//!
//! Where a destination has routes by source only, Linux compares the packet's
//! destination with that of some route before it looks at them. Mostly that is
//! one of these routes; after a failed addition or a deletion it can be one of a
//! longer prefix, and then they are overlooked for all other destinations (F-001).
//! Which one it is depends on the table's history, and no dump shows it. A
//! question that should find such a route tells.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv6Addr};

use anyhow::Context;
use fingerpost_engine::World;
use fingerpost_engine::config::{Config, Node6, Route6Id, Table6};
use fingerpost_host::{Capture, Live, LookedAt};
use fingerpost_model::snapshot::Line;
use fingerpost_model::{Kernel, NsId, Refusal, RouteMsg, RuleAction, TableId};
use fingerpost_net::{Errno, Family, IpPrefix, Prefix};

use crate::settle::{MAX_WAYS, demanded, matching};

/// Destinations that are asked about, at most.
const MAX_NODES: usize = 1024;
/// Longer prefixes that are tried as those compared, for one destination.
const MAX_LONGER: usize = 64;
/// Addresses that are tried for one prefix.
const MAX_ADDRESSES: usize = 64;

/// A destination with routes by source only.
pub struct Node {
    /// The number of the last of its routes among all of the namespace.
    last: usize,
    table: TableId,
    dst: Prefix<Ipv6Addr>,
    sources: Vec<Prefix<Ipv6Addr>>,
}

/// The destinations of one namespace that have routes by source only.
pub fn nodes(capture: &Capture, namespace: usize) -> io::Result<Vec<Node>> {
    let (mut spaces, mut routes) = (0, 0);
    let mut nodes: HashMap<(TableId, Prefix<Ipv6Addr>), Node> = HashMap::new();
    let mut plain = Vec::new();
    capture.lines(&mut |line| {
        match line {
            Line::Netns(_) => spaces += 1,
            Line::Route(route) if spaces == namespace + 1 => {
                if route.family == Family::V6 {
                    let (table, dst, source) = (route.table, prefix(route.dst), prefix(route.src));
                    match source.is_default() {
                        true if nodes.contains_key(&(table, dst)) => plain.push((table, dst)),
                        false if !dst.is_default() => {
                            let new = || Node { last: routes, table, dst, sources: Vec::new() };
                            let node = nodes.entry((table, dst)).or_insert_with(new);
                            node.last = routes;
                            node.sources.push(source);
                        }
                        _ => {}
                    }
                }
                routes += 1;
            }
            _ => {}
        }
        Ok(())
    })?;
    // Routes by source are listed before the others of their destination.
    plain.iter().for_each(|key| drop(nodes.remove(key)));
    let mut nodes: Vec<Node> = nodes.into_values().collect();
    nodes.sort_unstable_by_key(|node| node.last);
    nodes.truncate(MAX_NODES);
    Ok(nodes)
}

/// Asks the kernel; where it overlooks routes that the world finds, what it must
/// have compared instead is returned.
pub fn ask(world: &mut World, ns: NsId, live: &mut Live, nodes: &[Node]) -> anyhow::Result<Vec<LookedAt>> {
    let mut found = Vec::new();
    for node in nodes {
        let leaf = node.place(world, ns).and_then(|place| place.leaf);
        let looked_at = node.looked_at(world, ns, live)?;
        if let Some(place) = node.place(world, ns) {
            place.leaf = leaf;
        }
        if let Some(prefix) = looked_at {
            let prefix = IpPrefix { addr: prefix.addr().into(), len: prefix.len() };
            found.push(LookedAt { route: node.last, prefix });
        }
    }
    Ok(found)
}

/// A prefix of IPv6; the default one if it is none.
pub fn prefix(prefix: Option<IpPrefix>) -> Prefix<Ipv6Addr> {
    match prefix {
        Some(IpPrefix { addr: IpAddr::V6(addr), len }) => {
            Prefix::containing(addr, len).unwrap_or(Prefix::DEFAULT)
        }
        _ => Prefix::DEFAULT,
    }
}

impl Node {
    /// The destinations for which the kernel must look at the routes, if not all of theirs.
    fn looked_at(
        &self,
        world: &mut World,
        ns: NsId,
        live: &mut Live,
    ) -> anyhow::Result<Option<Prefix<Ipv6Addr>>> {
        let Ok(space) = world.ns(ns) else { return Ok(None) };
        let Some(table) = space.config.fib6.table(self.table) else { return Ok(None) };
        let longer: Vec<_> =
            table.tree.within(self.dst).map(|(dst, _)| dst).filter(|&dst| dst != self.dst).collect();
        let is_known = self.leaf(table).is_none_or(|at| at != self.dst);
        let ways = ways_from(&space.config, self.table, &self.sources);
        if is_known || longer.is_empty() {
            return Ok(None);
        }
        let outside = |addr: Ipv6Addr| !longer.iter().any(|prefix| prefix.contains(addr));
        let Some(test) = self.test(world, ns, &ways, self.dst, outside) else { return Ok(None) };
        if test.ask(live)? != Some(false) {
            return Ok(None);
        }
        let guess = self.guess(world, ns);
        let mut refuted = Vec::new();
        for &candidate in [guess].iter().flatten().chain(longer.iter().take(MAX_LONGER)) {
            if refuted.contains(&candidate) {
                continue;
            }
            // Where there is none, no question tells this one from another.
            if let Some(test) = self.test(world, ns, &ways, candidate, |_| true) {
                match test.ask(live)? {
                    Some(true) => return Ok(Some(candidate)),
                    _ => refuted.push(candidate),
                }
            }
        }
        let possible = guess.iter().chain(&longer).find(|candidate| !refuted.contains(candidate));
        Ok(possible.copied())
    }

    /// What is compared after a loss, by the shape of the table.
    fn guess(&self, world: &mut World, ns: NsId) -> Option<Prefix<Ipv6Addr>> {
        let table = world.namespaces.get_mut(&ns)?.config.fib6.table_mut(self.table)?;
        table.lose_leaf(self.dst);
        self.leaf(table).filter(|&at| at != self.dst)
    }

    fn leaf(&self, table: &Table6) -> Option<Prefix<Ipv6Addr>> {
        table.tree.get(self.dst)?.leaf.map(|(at, _)| at)
    }

    fn suppose(&self, world: &mut World, ns: NsId, looked_at: Prefix<Ipv6Addr>) {
        if let Some(place) = self.place(world, ns) {
            place.leaf = Some((looked_at, Route6Id(0)));
        }
    }

    /// The destination in the world's table.
    fn place<'a>(&self, world: &'a mut World, ns: NsId) -> Option<&'a mut Node6> {
        let space = world.namespaces.get_mut(&ns)?;
        space.config.fib6.table_mut(self.table)?.tree.get_mut(self.dst)
    }

    /// A question for a destination in `within` whose answer tells whether these
    /// routes are looked at.
    fn test(
        &self,
        world: &mut World,
        ns: NsId,
        ways: &[RouteMsg],
        within: Prefix<Ipv6Addr>,
        fits: impl Fn(Ipv6Addr) -> bool,
    ) -> Option<Test> {
        for way in ways {
            for addr in addresses(within, MAX_ADDRESSES).filter(|&addr| fits(addr)) {
                let question = RouteMsg { dst: Some(IpPrefix::host(addr.into())), ..way.clone() };
                let mut answer = |looked_at| {
                    self.suppose(world, ns, looked_at);
                    key(&world.get_route(ns, &matching(&question)))
                };
                let looked_at = answer(self.dst);
                let overlooked = answer(Prefix::host(Ipv6Addr::from_bits(!addr.to_bits())));
                if looked_at != overlooked {
                    return Some(Test { question, looked_at, overlooked });
                }
            }
        }
        None
    }
}

/// A question, and what its answer is where routes are looked at and where not.
struct Test {
    question: RouteMsg,
    looked_at: Key,
    overlooked: Key,
}

impl Test {
    /// Whether they are, by the kernel; `None` where its answer is a third one.
    fn ask(&self, live: &mut Live) -> anyhow::Result<Option<bool>> {
        let real = key(&asked(live, &self.question)?);
        Ok(if real == self.looked_at {
            Some(true)
        } else if real == self.overlooked {
            Some(false)
        } else {
            None
        })
    }
}

/// Questions without destination that may come to a table, from each of some
/// sources; the default prefix is any.
pub fn ways_from(config: &Config, table: TableId, sources: &[Prefix<Ipv6Addr>]) -> Vec<RouteMsg> {
    let mut ways = Vec::new();
    let of_rules = config.rules6.list.iter().filter(|rule| {
        rule.action == RuleAction::TO_TABLE && rule.table == table && !rule.l3mdev && !rule.invert
    });
    let plain = (RouteMsg::new(Family::V6), Prefix::DEFAULT);
    let demands = std::iter::once(plain).chain(of_rules.map(|rule| {
        let source = Prefix::containing(rule.src.0, rule.src.1).unwrap_or(Prefix::DEFAULT);
        (demanded(Family::V6, rule), source)
    }));
    for (way, source) in demands {
        for &own in sources {
            let both = if own.covers(source) { source } else { own };
            if !source.covers(both) {
                continue;
            }
            let src = addresses(both, MAX_ADDRESSES).next().unwrap_or(both.addr());
            let src = Some(src).filter(|_| !both.is_default());
            let way = RouteMsg { src: src.map(|addr| IpPrefix::host(addr.into())), ..way.clone() };
            if !ways.contains(&way) && ways.len() < MAX_WAYS {
                ways.push(way);
            }
        }
    }
    ways
}

/// What the kernel answers when it is asked for the route.
pub fn asked(live: &mut Live, question: &RouteMsg) -> anyhow::Result<Result<RouteMsg, Refusal>> {
    let mut answers = live.route_get_all(&[matching(question)]).context("asking about routes by source")?;
    Ok(answers.pop().unwrap_or(Err(Errno::ENETUNREACH.into())))
}

/// Which route an answer is: table, destination, source and metric.
pub type RouteKey = (TableId, Prefix<Ipv6Addr>, Prefix<Ipv6Addr>, Option<u32>);
/// Which answer it is.
pub type Key = Result<RouteKey, Errno>;

/// The key of a route.
pub fn key_of(route: &RouteMsg) -> RouteKey {
    (route.table, prefix(route.dst), prefix(route.src), route.priority)
}

/// The key of an answer.
pub fn key(answer: &Result<RouteMsg, Refusal>) -> Key {
    answer.as_ref().map(key_of).map_err(|refusal| refusal.errno)
}

/// Addresses of a prefix that any packet can have: from its ends, and some between them.
pub fn addresses(prefix: Prefix<Ipv6Addr>, count: usize) -> impl Iterator<Item = Ipv6Addr> {
    let first = prefix.addr().to_bits();
    let mask = u128::MAX.checked_shr(prefix.len().into()).unwrap_or(0);
    // Steps of the golden ratio fall everywhere.
    let between = (1u128..).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
    [1, 0, u128::MAX, u128::MAX - 1]
        .into_iter()
        .chain(between)
        .take(count)
        .map(move |offset| Ipv6Addr::from_bits(first | offset & mask))
        .filter(|addr| !addr.is_multicast() && !addr.is_unspecified() && !addr.is_loopback())
        .filter(|addr| !addr.is_unicast_link_local())
}
