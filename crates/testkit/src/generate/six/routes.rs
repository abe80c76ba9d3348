//! IPv6 routes: every command, type and attribute.

use super::model::{Prefix, Route, text};
use super::{Gen, Theme};

const METRICS: [&str; 9] = ["1", "5", "10", "10", "100", "256", "1024", "4294967295", "0"];
const PROTOCOLS: [&str; 6] = ["static", "kernel", "boot", "bird", "ra", "77"];

impl Gen {
    /// The routes that a scenario starts with.
    pub(super) fn first_routes6(&mut self) {
        let count = match self.theme {
            Theme::Trie => self.range(8, 30),
            _ => self.range(3, 9),
        };
        if self.theme != Theme::Defaults && self.chance(3, 5) {
            let (device, gateway) = self.on_link6();
            self.say(format!("ip -6 route add default via {} dev {device}", text(gateway)));
        }
        for _ in 0..count {
            self.new_prefix6();
            self.new_route6("add");
        }
    }

    /// One step about routes.
    pub(super) fn route6(&mut self) {
        let again = if matches!(self.theme, Theme::Aliases | Theme::Multipath) { 4 } else { 1 };
        match self.weighted(&[
            (18, 0),
            (4 * again, 1),
            (again, 2),
            (5 * again, 3),
            (9, 4),
            (2, 5),
            (1, 6),
            (2 * again, 7),
        ]) {
            0 => self.new_route6("add"),
            1 => self.known_again6("append"),
            2 => self.known_again6("prepend"),
            3 => {
                let verb = self.one(&["replace", "replace", "change", "add", "test"]);
                self.known_again6(verb);
            }
            4 => self.delete_route6(),
            5 => {
                let verb = self.one(&["append", "prepend", "replace", "change", "test"]);
                self.new_route6(verb);
            }
            6 => self.flush_routes6(),
            _ => self.known_exactly6(),
        }
    }

    fn new_route6(&mut self, verb: &str) {
        let prefix = self.route_prefix6();
        let key = self.key6();
        self.ask6(verb, prefix, key);
    }

    /// A known key with a new way, so that siblings and replacement matter.
    fn known_again6(&mut self, verb: &str) {
        match self.known_route6() {
            Some(route) => {
                let key = if self.chance(1, 6) { self.key6() } else { route.key };
                self.ask6(verb, route.prefix, key);
            }
            None => self.new_route6(verb),
        }
    }

    /// A known route, word for word.
    fn known_exactly6(&mut self) {
        if let Some(Route { kind, prefix, key, rest }) = self.known_route6() {
            let verb = self.one(&["add", "append", "prepend", "replace", "change", "test"]);
            self.say(format!("ip -6 route {verb} {kind}{}{key}{rest}", prefix.route_text()));
        }
    }

    fn known_route6(&mut self) -> Option<Route> {
        let count = self.six.routes.len();
        if count == 0 {
            return None;
        }
        // Later ones more often: they are more likely to be there still.
        let back = self.range(0, 8).min(count as u64 - 1) as usize;
        let at = if self.chance(2, 3) { count - 1 - back } else { self.range(0, count as u64) as usize };
        Some(self.six.routes[at].clone())
    }

    fn ask6(&mut self, verb: &str, prefix: Prefix, key: String) {
        let kind = self.kind6();
        let rest = self.way6(kind);
        // An address names the family; the default route and types without one do not.
        let ip = if prefix.length > 0 && self.chance(1, 3) { "ip" } else { "ip -6" };
        self.say(format!("{ip} route {verb} {kind}{}{key}{rest}", prefix.route_text()));
        self.six.routes.push(Route { kind, prefix, key, rest });
    }

    fn kind6(&mut self) -> &'static str {
        self.weighted(&[
            (72, ""),
            (4, "unicast "),
            (4, "unreachable "),
            (4, "blackhole "),
            (4, "prohibit "),
            (4, "throw "),
            (4, "local "),
            (3, "anycast "),
            (2, "multicast "),
            (1, "broadcast "),
            (1, "nat "),
        ])
    }

    /// What makes a route another route: source, table and metric.
    fn key6(&mut self) -> String {
        let mut key = String::new();
        if self.chance(if self.theme == Theme::Subtrees { 5 } else { 1 }, 9) {
            key += &format!(" from {}", self.source_prefix().text());
        }
        if self.chance(1, 4) {
            let word = self.one(&["metric", "metric", "preference", "priority"]);
            key += &format!(" {word} {}", self.one(&METRICS));
        }
        if self.chance(1, 60) {
            key += &format!(" tos {}", self.one(&["0x10", "4"]));
        }
        if let Some(vrf) = self.vrf_of_route() {
            return key + &vrf;
        }
        let tables = if self.theme == Theme::Rules { 3 } else { 1 };
        if self.chance(tables, 6) {
            key += &format!(" table {}", self.table());
        }
        key
    }

    /// Whose packets a route is for.
    fn source_prefix(&mut self) -> Prefix {
        let known = self.six.sources.clone();
        if !known.is_empty() && self.chance(2, 3) {
            return self.one(&known);
        }
        let prefix = match self.range(0, 6) {
            0 => Prefix::of(self.own_address6(), 128),
            1 => {
                let own = self.own_address6();
                Prefix::of(own, self.one(&[32, 48, 56, 63, 64]))
            }
            2 => self.new_prefix6(),
            3 => Prefix::of(0, 0),
            _ => self.link_subnet6().1,
        };
        self.six.sources.push(prefix);
        prefix
    }

    /// Everything behind the key.
    fn way6(&mut self, kind: &str) -> String {
        let mut way = match kind {
            "unreachable " | "blackhole " | "prohibit " | "throw " if self.chance(7, 8) => String::new(),
            "local " | "broadcast " | "anycast " | "multicast " => {
                let name = if self.chance(1, 3) { "lo".into() } else { self.device() };
                format!(" dev {name}")
            }
            _ => self.hops6(),
        };
        // Attributes stand before the list of hops, which takes all that follows.
        let hops = if way.starts_with(" nexthop") { std::mem::take(&mut way) } else { String::new() };
        if self.chance(1, 9) {
            let source = match self.range(0, 10) {
                0 => self.special_address6(),
                1 => self.on_link6().1,
                _ => self.own_address6(),
            };
            way += &format!(" src {}", text(source));
        }
        if self.chance(1, 9) {
            way += &format!(" proto {}", self.one(&PROTOCOLS));
        }
        let preferences = if self.theme == Theme::Defaults { 4 } else { 1 };
        if self.chance(preferences, 9) {
            way += &format!(" pref {}", self.one(&["low", "medium", "high", "high", "2"]));
        }
        if self.chance(1, 9) {
            way += &self.metrics6();
        }
        if self.chance(1, 25) {
            way += &format!(" expires {}", self.one(&["3000", "100000"]));
        }
        if self.chance(1, 50) {
            way +=
                self.one(&[" realms 5", " scope link", " scope host", " onlink", " ttl-propagate enabled"]);
        }
        way + &hops
    }

    fn hops6(&mut self) -> String {
        let (multipath, object) = match self.theme {
            Theme::Basic => (0, 0),
            Theme::Multipath => (60, 3),
            Theme::Nexthops => (12, 80),
            _ => (12, 3),
        };
        match self.weighted(&[(40, 0), (15, 1), (18, 2), (multipath, 3), (4, 4), (object, 5), (1, 6), (1, 7)])
        {
            0 => format!(" via {}", text(self.gateway6())),
            1 => format!(" dev {}", self.good_device6()),
            2 => {
                let (name, gateway) = self.on_link6();
                let name = if self.chance(1, 8) { self.device() } else { name };
                format!(" via {} dev {name}", text(gateway))
            }
            3 => self.multipath6(),
            4 => {
                let gateway = if self.chance(1, 2) { self.gateway6() } else { self.special_address6() };
                format!(" via {} dev {} onlink", text(gateway), self.good_device6())
            }
            5 => {
                let ids: Vec<u64> = self.model.objects.iter().map(|object| object.id).collect();
                if ids.is_empty() || self.chance(1, 15) {
                    format!(" nhid {}", self.range(1, 40))
                } else {
                    format!(" nhid {}", self.one(&ids))
                }
            }
            6 => format!(" via inet 10.0.0.1 dev {}", self.good_device6()),
            _ => String::new(),
        }
    }

    fn multipath6(&mut self) -> String {
        let legs = self.weighted(&[(6, 2), (4, 3), (2, 4), (1, 1), (1, 7)]);
        let mut all = String::new();
        for _ in 0..legs {
            let way = match self.weighted(&[(12, 0), (8, 1), (3, 2), (1, 3)]) {
                0 => format!("via {}", text(self.gateway6())),
                1 => {
                    let (name, gateway) = self.on_link6();
                    format!("via {} dev {name}", text(gateway))
                }
                2 => format!("dev {}", self.good_device6()),
                _ => format!("via {} dev {} onlink", text(self.special_address6()), self.good_device6()),
            };
            let weight = match self.range(0, 12) {
                0..4 => format!(" weight {}", self.range(1, 9)),
                4 => format!(" weight {}", self.one(&["256", "100", "255", "1"])),
                _ => String::new(),
            };
            all += &format!(" nexthop {way}{weight}");
        }
        all
    }

    /// A gateway, mostly one that the kernel accepts.
    pub(super) fn gateway6(&mut self) -> u128 {
        match self.weighted(&[(85, 0), (3, 1), (3, 2), (4, 3)]) {
            0 => {
                let (_, subnet) = self.link_subnet6();
                subnet.base.wrapping_add(u128::from(self.range(2, 8))).min(subnet.last())
            }
            1 => self.own_address6(),
            2 => self.special_address6(),
            _ => {
                let prefix = self.route_prefix6();
                self.host_in6(prefix)
            }
        }
    }

    fn metrics6(&mut self) -> String {
        const KNOWN: [&str; 18] = [
            " mtu 1400",
            " mtu lock 1400",
            " mtu 70000",
            " mtu 600",
            " advmss 1400",
            " advmss 66000",
            " window 20000",
            " rtt 200ms",
            " rttvar 50ms",
            " reordering 5",
            " cwnd lock 10",
            " initcwnd 20",
            " hoplimit 44",
            " hoplimit 255",
            " rto_min 50ms",
            " quickack 1",
            " features ecn",
            " congctl reno",
        ];
        let count = self.range(1, 4);
        (0..count).map(|_| self.one(&KNOWN)).collect()
    }

    /// Deletion by everything that was given, by less, by something else.
    fn delete_route6(&mut self) {
        let Some(Route { kind, prefix, key, rest }) = self.known_route6() else {
            return self.new_route6("add");
        };
        if self.chance(4, 5) {
            let gone = (&key, &rest);
            let same = |route: &Route| route.prefix == prefix && (&route.key, &route.rest) == gone;
            let at = self.six.routes.iter().rposition(same);
            at.map(|at| self.six.routes.remove(at));
        }
        let to = prefix.route_text();
        let line = match self.weighted(&[(8, 0), (6, 1), (4, 2), (4, 3), (2, 4), (2, 5), (1, 6)]) {
            0 => format!("ip -6 route del {kind}{to}{key}{rest}"),
            1 => format!("ip -6 route del {to}{key}"),
            2 => format!("ip -6 route del {to}"),
            3 => format!("ip -6 route del {to} via {}{key}", text(self.gateway6())),
            4 => format!("ip -6 route del {to}{key} dev {}", self.device()),
            5 => {
                let extra = self.one(&[
                    "proto static",
                    "metric 10",
                    "metric 1024",
                    "table 100",
                    "pref high",
                    "dev lo",
                ]);
                format!("ip -6 route del {to}{key} {extra}")
            }
            _ => format!("ip -6 route del {}{to}", self.kind6()),
        };
        self.say(line);
        if self.chance(1, 4) {
            self.dump();
        }
    }

    fn flush_routes6(&mut self) {
        let prefix = self.route_prefix6().text();
        let line = match self.range(0, 9) {
            0 => format!("ip -6 route flush table {}", self.table()),
            1 => format!("ip -6 route flush root {prefix}"),
            2 => format!("ip -6 route flush match {prefix}"),
            3 => format!("ip -6 route flush exact {prefix}"),
            4 => format!("ip -6 route flush dev {}", self.device()),
            5 => "ip -6 route flush cache".into(),
            6 => "ip -6 route flush proto static".into(),
            7 => format!("ip -6 route flush from {}", self.source_prefix().text()),
            _ => format!("ip -6 route flush type {} table all", self.one(&["unreachable", "local", "throw"])),
        };
        self.say(line);
    }
}
