//! IPv6 routes that no dump shows: where legs of a multipath route stand apart,
//! Linux goes on behind the last one, and what stands between them is left out
//! (F-002). `/proc/net/ipv6_route` lists every route on a line of its own, in the
//! same order.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

use fingerpost_model::{LinkMsg, RouteFlags, RouteMsg, RouteType};
use fingerpost_net::{Family, IpPrefix};
use fingerpost_netlink::Message;

use super::socket::Dumped;
use crate::Error;
use crate::asked::Unlisted;

/// The file that tells.
pub(super) const FILE: &str = "/proc/net/ipv6_route";
/// The length of its lines: 32 digits each for addresses, 8 for numbers, and a name.
pub(super) const LINE: u64 = 170;

/// `RTF_GATEWAY`, `RTF_REJECT`, `RTF_ADDRCONF`, `RTF_ANYCAST`, `RTF_LOCAL`.
const GATEWAY: u32 = 0x0002;
const REJECT: u32 = 0x0200;
const ADDRCONF: u32 = 0x0004_0000;
const ANYCAST: u32 = 0x0010_0000;
const LOCAL: u32 = 0x8000_0000;

/// Loopback's index.
const LOOPBACK: u32 = 1;
/// `RTPROT_RA`.
const BY_ADVERTISEMENT: u8 = 9;

/// Destination, source and metric: routes that have them alike stand together.
type Key = ((Ipv6Addr, u8), (Ipv6Addr, u8), u32);

/// A leg, or a route, as both lists show it: device and gateway.
type Hop = (u32, Option<Ipv6Addr>);

/// A line of the file.
struct Seen {
    hop: Hop,
    flags: u32,
}

/// A leg of a multipath route that was dumped.
struct Leg {
    route: usize,
    leg: usize,
    hop: Hop,
}

/// A destination with a multipath route.
#[derive(Default)]
struct Dumps {
    /// Every route and leg in the order of the dump; a route that is not multipath
    /// has one.
    legs: Vec<Leg>,
    /// The first route of each number.
    routes: HashMap<usize, RouteMsg>,
}

/// How many lines the file can have, where there are multipath routes at all.
pub(super) fn lines_to_read(dumps: &[Dumped]) -> Result<Option<u64>, Error> {
    let (mut lines, mut needed) = (0, false);
    for dumped in dumps {
        dumped.each(|message| {
            if let Message::Route(route) = message
                && route.family == Family::V6
            {
                needed |= is_multipath(&route);
                lines += route.multipath.len().max(1) as u64;
            }
        })?;
    }
    // As many again may be unlisted.
    Ok(needed.then_some(lines * 2 + 64))
}

/// The routes that the file has and the dumps have not, and for how many destinations
/// the two do not come together, since the tables changed meanwhile.
pub(super) fn find(text: &str, dumps: &[Dumped], links: &[LinkMsg]) -> Result<(Vec<Unlisted>, usize), Error> {
    let mut keys: HashMap<Key, Dumps> = HashMap::new();
    // Those of destinations with multipath routes are compared; these first, to know them.
    for only_multipath in [true, false] {
        let mut number = 0;
        for dumped in dumps {
            dumped.each(|message| {
                let Message::Route(route) = message else { return };
                let is_listed = route.family == Family::V6 && !route.flags.has(RouteFlags::CLONED);
                let key = key(&route);
                if is_listed && only_multipath && is_multipath(&route) {
                    keys.entry(key).or_default();
                } else if is_listed
                    && !only_multipath
                    && let Some(dumps) = keys.get_mut(&key)
                {
                    dumps.add(number, route);
                }
                number += 1;
            })?;
        }
    }
    let names: HashMap<&str, u32> =
        links.iter().filter_map(|link| Some((link.name.as_deref()?, link.index))).collect();
    let mut seen: HashMap<Key, Vec<Seen>> = HashMap::new();
    for (key, line) in text.lines().filter_map(|line| parse(line, &names)) {
        if keys.contains_key(&key) {
            seen.entry(key).or_default().push(line);
        }
    }
    let (mut found, mut apart) = (Vec::new(), 0);
    for (key, dumps) in &keys {
        match dumps.missing(seen.get(key).map_or(&[], |seen| seen)) {
            Some(missing) => found.extend(missing),
            None => apart += 1,
        }
    }
    found.sort_by_key(|unlisted| (unlisted.route, unlisted.leg));
    Ok((found, apart))
}

impl Dumps {
    fn add(&mut self, number: usize, route: RouteMsg) {
        let v6 = |addr: Option<IpAddr>| match addr {
            Some(IpAddr::V6(addr)) => Some(addr),
            _ => None,
        };
        let own = [(route.oif.unwrap_or(0), v6(route.gateway))];
        let legs = route.multipath.iter().map(|leg| (leg.oif, v6(leg.gateway)));
        // A group of objects is one route, whatever its members.
        let hops: Vec<Hop> = match is_multipath(&route) {
            true => legs.collect(),
            false => own.to_vec(),
        };
        self.legs.extend(hops.into_iter().enumerate().map(|(leg, hop)| Leg { route: number, leg, hop }));
        self.routes.insert(number, route);
    }

    /// The lines that are no dumped leg's, each behind the leg that it follows; `None`
    /// where the lists do not come together. Behind the last leg nothing is left out, so
    /// that legs are found from the end.
    fn missing(&self, seen: &[Seen]) -> Option<Vec<Unlisted>> {
        let by_object = |leg: &Leg| self.routes.get(&leg.route).is_some_and(|route| route.nh_id.is_some());
        let mut rest = self.legs.iter().rev().peekable();
        let mut after: Option<&Leg> = None;
        // Lines without a leg, with the one that comes after them.
        let mut open: Vec<(&Seen, &Leg)> = Vec::new();
        let mut missing = Vec::new();
        for line in seen.iter().rev() {
            if let Some(leg) = rest.next_if(|leg| leg.hop == line.hop || by_object(leg)) {
                for (line, next) in open.drain(..) {
                    // Alike to a leg beside it, it could be that one.
                    let is_placed = ![leg.hop, next.hop].contains(&line.hop);
                    let route = self.routes.get(&leg.route).filter(|route| is_multipath(route))?;
                    let msg = line.message(route);
                    missing.push(Unlisted {
                        route: leg.route,
                        leg: leg.leg,
                        is_placed,
                        is_known: false,
                        msg,
                    });
                }
                after = Some(leg);
            } else {
                open.push((line, after?));
            }
        }
        missing.reverse();
        (open.is_empty() && rest.next().is_none()).then_some(missing)
    }
}

impl Seen {
    /// What the line tells of its route, which stands among the legs of another.
    fn message(&self, beside: &RouteMsg) -> RouteMsg {
        let by_loopback = self.hop.0 == LOOPBACK && self.flags & (LOCAL | ANYCAST) == 0;
        let kind = match self.flags {
            // Without the flag, a blackhole object.
            flags if flags & REJECT != 0 || by_loopback => RouteType::BLACKHOLE,
            flags if flags & LOCAL != 0 => RouteType::LOCAL,
            flags if flags & ANYCAST != 0 => RouteType::ANYCAST,
            _ => RouteType::UNICAST,
        };
        RouteMsg {
            dst: beside.dst,
            src: beside.src,
            table: beside.table,
            priority: beside.priority,
            kind,
            protocol: if self.flags & ADDRCONF != 0 { BY_ADVERTISEMENT } else { 0 },
            oif: Some(self.hop.0),
            gateway: self.hop.1.map(IpAddr::V6),
            ..RouteMsg::new(Family::V6)
        }
    }
}

fn is_multipath(route: &RouteMsg) -> bool {
    route.family == Family::V6 && route.multipath.len() > 1 && route.nh_id.is_none()
}

fn key(route: &RouteMsg) -> Key {
    let prefix = |prefix: Option<IpPrefix>| match prefix {
        Some(IpPrefix { addr: IpAddr::V6(addr), len }) => (addr, len),
        _ => (Ipv6Addr::UNSPECIFIED, 0),
    };
    (prefix(route.dst), prefix(route.src), route.priority.unwrap_or(0))
}

/// A line: destination, source and gateway in hexadecimal digits with the lengths of the prefixes, then
/// metric, two counters, flags and device.
fn parse(line: &str, names: &HashMap<&str, u32>) -> Option<(Key, Seen)> {
    let mut words = line.split_whitespace();
    let addr = |words: &mut std::str::SplitWhitespace<'_>| {
        u128::from_str_radix(words.next()?, 16).ok().map(Ipv6Addr::from_bits)
    };
    let len = |words: &mut std::str::SplitWhitespace<'_>| u8::from_str_radix(words.next()?, 16).ok();
    let dst = (addr(&mut words)?, len(&mut words)?);
    let src = (addr(&mut words)?, len(&mut words)?);
    let gateway = addr(&mut words)?;
    let number = |word: Option<&str>| u32::from_str_radix(word?, 16).ok();
    let metric = number(words.next())?;
    let flags = number(words.nth(2))?;
    let dev = *names.get(words.next()?)?;
    // What stands at the root of tables without a default route is none (`fib6_null_entry`).
    if dst.1 == 0 && metric == u32::MAX && flags & REJECT != 0 {
        return None;
    }
    let gateway = (flags & GATEWAY != 0).then_some(gateway);
    Some(((dst, src, metric), Seen { hop: (dev, gateway), flags }))
}

#[cfg(test)]
mod tests {
    use fingerpost_model::NextHopMsg;
    use fingerpost_net::Prefix;

    use super::*;

    fn names() -> HashMap<&'static str, u32> {
        HashMap::from([("lo", 1), ("e0", 2), ("p0", 3)])
    }

    fn seen(lines: &[&str]) -> Vec<Seen> {
        let lines: Vec<(Key, Seen)> = lines.iter().filter_map(|line| parse(line, &names())).collect();
        assert!(lines.iter().all(|(key, _)| key.0.1 == 48 && key.2 == 1024));
        lines.into_iter().map(|(_, seen)| seen).collect()
    }

    fn two_legs() -> Dumps {
        let leg =
            |gateway: &str| NextHopMsg { oif: 2, gateway: gateway.parse().ok(), ..NextHopMsg::default() };
        let dst = "2001:db8:a::/48".parse::<Prefix<Ipv6Addr>>().expect("a prefix");
        let mut dumps = Dumps::default();
        let route = RouteMsg {
            dst: Some(IpPrefix { addr: dst.addr().into(), len: dst.len() }),
            priority: Some(1024),
            multipath: vec![leg("fe80::8"), leg("fe80::9")],
            ..RouteMsg::new(Family::V6)
        };
        dumps.add(7, route);
        dumps
    }

    const ANY: &str = "00000000000000000000000000000000 00";
    const DST: &str = "20010db8000a00000000000000000000 30";

    fn line(gateway: &str, flags: &str, dev: &str) -> String {
        format!("{DST} {ANY} {gateway} 00000400 00000001 00000000 {flags} {dev:>8}")
    }

    const FIRST: &str = "fe800000000000000000000000000008";
    const SECOND: &str = "fe800000000000000000000000000009";
    const NONE: &str = "00000000000000000000000000000000";

    #[test]
    fn what_is_no_leg_stands_behind_the_leg_before_it() {
        let lines = [
            line(FIRST, "00000003", "e0"),
            line(NONE, "00000001", "p0"),
            line(NONE, "00200200", "lo"),
            line(SECOND, "00000003", "e0"),
        ];
        let missing = two_legs().missing(&seen(&lines.each_ref().map(String::as_str))).expect("they fit");
        let told = |unlisted: &Unlisted| (unlisted.route, unlisted.leg, unlisted.msg.oif, unlisted.msg.kind);
        assert_eq!(
            missing.iter().map(told).collect::<Vec<_>>(),
            [(7, 0, Some(3), RouteType::UNICAST), (7, 0, Some(1), RouteType::BLACKHOLE)]
        );
    }

    #[test]
    fn what_is_alike_to_a_leg_beside_it_has_no_known_place() {
        let lines = [FIRST, SECOND, SECOND].map(|gateway| line(gateway, "00000003", "e0"));
        let missing = two_legs().missing(&seen(&lines.each_ref().map(String::as_str))).expect("they fit");
        let told = |unlisted: &Unlisted| (unlisted.leg, unlisted.is_placed);
        assert_eq!(missing.iter().map(told).collect::<Vec<_>>(), [(0, false)]);
    }

    #[test]
    fn lists_that_do_not_come_together_tell_nothing() {
        let lines = [line(FIRST, "00000003", "e0"), line(NONE, "00000001", "p0")];
        assert!(two_legs().missing(&seen(&lines.each_ref().map(String::as_str))).is_none());
    }

    #[test]
    fn lines_that_are_none_are_left() {
        let good = line(FIRST, "00000003", "e0");
        assert!(parse(&good, &names()).is_some());
        for bad in ["", "x", &good[..60], &good.replace("e0", "e9"), &good.replace("00000003", "0000000g")] {
            assert!(parse(bad, &names()).is_none(), "{bad}");
        }
        let nothing = format!("{ANY} {ANY} {NONE} ffffffff 00000001 00000000 00200200       e0");
        assert!(parse(&nothing, &names()).is_none());
    }
}
