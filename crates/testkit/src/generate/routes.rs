//! Routes: every command, type and attribute. What IPv6 alone has, or has not,
//! is in [`super::six`].

use std::net::IpAddr;

use super::model::{Prefix, Route, number, with};
use super::{Gen, Theme};

const TOS: [&str; 10] = ["0x04", "0x08", "0x10", "0x1c", "0x10", "0x20", "0xb8", "8", "EF", "0x0c"];
const METRICS: [&str; 9] = ["1", "5", "10", "10", "100", "100", "1024", "4294967295", "0"];
const PROTOCOLS: [&str; 7] = ["static", "kernel", "boot", "bird", "77", "redirect", "dhcp"];
const SCOPES: [&str; 6] = ["link", "global", "site", "host", "nowhere", "150"];

impl Gen {
    /// The routes that a scenario starts with.
    pub(super) fn first_routes(&mut self) {
        let count = match self.theme {
            Theme::Trie => self.range(8, 30),
            _ => self.range(3, 9),
        };
        if self.theme != Theme::Defaults && self.chance(3, 5) {
            let (device, gateway) = self.on_link();
            let (ip, way) =
                if self.is_six() { ("ip -6", format!(" dev {device}")) } else { ("ip", String::new()) };
            self.say(format!("{ip} route add default via {gateway}{way}"));
        }
        for _ in 0..count {
            self.new_prefix();
            self.new_route("add");
        }
    }

    /// One step about routes.
    pub(super) fn route(&mut self) {
        let siblings = self.is_six() && self.theme == Theme::Multipath;
        let again = if self.theme == Theme::Aliases || siblings { 4 } else { 1 };
        match self.weighted(&[
            (18, 0),
            (4 * again, 1),
            (2 * again, 2),
            (5 * again, 3),
            (10, 4),
            (2, 5),
            (1, 6),
            (2 * again, 7),
        ]) {
            0 => self.new_route("add"),
            1 => self.known_again("append"),
            2 => self.known_again("prepend"),
            3 => {
                let verb = self.one(&["replace", "replace", "change", "add", "test"]);
                self.known_again(verb);
            }
            4 => self.delete_route(),
            5 => {
                let verb = self.one(&["append", "prepend", "replace", "change", "test"]);
                self.new_route(verb);
            }
            6 => self.flush_routes(),
            _ => self.known_exactly(),
        }
    }

    /// A run of neighbouring prefixes, and most of them gone again: the trie's
    /// nodes double and halve.
    pub(super) fn many_routes(&mut self) {
        let length = self.one(&[24, 24, 24, 16, 20, 28, 30, 32]);
        let base = self.new_prefix().base;
        let count = self.one(&[8, 12, 20, 33, 40, 64]);
        let (stride, table) = (self.one(&[1, 1, 1, 2, 3]), self.one(&["", "", " table 100", " table 7"]));
        let way = if self.chance(1, 2) { format!(" dev {}", self.good_device()) } else { String::new() };
        let kind = if way.is_empty() { "unreachable " } else { "" };
        let prefix = |at: u128| {
            Prefix::of(with(base, number(base).wrapping_add((at * stride) << (32 - length))), length)
        };
        for at in 0..count {
            let prefix = prefix(at);
            self.say(format!("ip route add {kind}{}{table}{way}", prefix.route_text()));
            if at % 8 == 0 {
                let route = Route { kind, prefix, key: table.to_owned(), rest: way.clone() };
                self.model.routes.push(route);
            }
        }
        self.say("cat /proc/net/fib_trie");
        let keep = self.range(2, 9);
        for at in 0..count {
            if !self.chance(1, keep) {
                self.say(format!("ip route del {}{table}", prefix(at).route_text()));
            }
        }
        self.say("cat /proc/net/fib_trie");
        self.say("cat /proc/net/fib_triestat");
    }

    fn new_route(&mut self, verb: &str) {
        let prefix = self.route_prefix();
        let key = self.key();
        self.ask(verb, prefix, key);
    }

    /// A known key with a new way, so that order and replacement matter.
    fn known_again(&mut self, verb: &str) {
        match self.known_route() {
            Some(route) => {
                let key = if self.chance(1, 6) { self.key() } else { route.key };
                self.ask(verb, route.prefix, key);
            }
            None => self.new_route(verb),
        }
    }

    /// A known route, word for word.
    fn known_exactly(&mut self) {
        if let Some(route) = self.known_route() {
            let verb = self.one(&["add", "append", "prepend", "replace", "change", "test"]);
            let ip = self.ip();
            let Route { kind, prefix, key, rest } = route;
            self.say(format!("{ip} route {verb} {kind}{}{key}{rest}", prefix.route_text()));
        }
    }

    fn known_route(&mut self) -> Option<Route> {
        let count = self.model.routes.len();
        if count == 0 {
            return None;
        }
        // Later ones more often: they are more likely to be there still.
        let back = self.range(0, 8).min(count as u64 - 1) as usize;
        let at = if self.chance(2, 3) { count - 1 - back } else { self.range(0, count as u64) as usize };
        Some(self.model.routes[at].clone())
    }

    fn ask(&mut self, verb: &str, prefix: Prefix, key: String) {
        let kind = self.kind();
        let rest = self.way(kind);
        self.say_route(verb, kind, prefix, key, rest);
    }

    /// Says a route and keeps it in mind.
    pub(super) fn say_route(
        &mut self,
        verb: &str,
        kind: &'static str,
        prefix: Prefix,
        key: String,
        rest: String,
    ) {
        // An address names the family; the default route and types without one do not.
        let ip = if prefix.length > 0 && self.chance(1, 3) { "ip" } else { self.ip() };
        self.say(format!("{ip} route {verb} {kind}{}{key}{rest}", prefix.route_text()));
        self.model.routes.push(Route { kind, prefix, key, rest });
    }

    fn kind(&mut self) -> &'static str {
        self.weighted(&[
            (70, ""),
            (4, "unicast "),
            (4, "unreachable "),
            (4, "blackhole "),
            (4, "prohibit "),
            (4, "throw "),
            (4, "local "),
            (2, "broadcast "),
            (3, "anycast "),
            (2, "multicast "),
            (1, "nat "),
        ])
    }

    /// What makes a route another route: source, table, tos and metric.
    fn key(&mut self) -> String {
        let mut key = if self.is_six() { self.key_source() } else { String::new() };
        if self.chance(1, if self.is_six() { 60 } else { 7 }) {
            key += &format!(" tos {}", self.one(&TOS));
        }
        if self.chance(1, 4) {
            let word = self.one(&["metric", "metric", "preference", "priority"]);
            key += &format!(" {word} {}", self.one(&METRICS));
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

    /// Everything behind the key.
    fn way(&mut self, kind: &str) -> String {
        let takes_hops = self.is_six() && self.chance(1, 8);
        let mut way = match kind {
            "unreachable " | "blackhole " | "prohibit " | "throw " if !takes_hops => String::new(),
            "local " | "broadcast " | "anycast " | "multicast " => {
                let name = if self.chance(1, 3) { "lo".into() } else { self.device() };
                format!(" dev {name}")
            }
            _ => self.hops(),
        };
        // Beside an object IPv4 refuses what IPv6 takes.
        let by_object = way.contains("nhid") && !self.is_six();
        // Attributes stand before the list of hops, which takes all that follows.
        let hops = if way.starts_with(" nexthop") { std::mem::take(&mut way) } else { String::new() };
        if self.chance(1, 9) && !by_object {
            way += &format!(" src {}", self.source());
        }
        if self.chance(1, if self.is_six() { 80 } else { 14 }) {
            way += &format!(" scope {}", self.one(&SCOPES));
        }
        if self.is_six() {
            way += &self.six_attributes();
        }
        if self.chance(1, 9) {
            way += &format!(" proto {}", self.one(&PROTOCOLS));
        }
        if self.chance(1, 9) {
            way += &self.metrics();
        }
        if self.chance(1, if self.is_six() { 150 } else { 25 }) && !by_object {
            way += &format!(
                " {} {}",
                self.one(&["realms", "realm"]),
                self.one(&["5", "3/7", "9/", "10", "cosmos"])
            );
        }
        way + &hops
    }

    fn hops(&mut self) -> String {
        let (multipath, object, other_family) = match self.theme {
            Theme::Basic => (0, 0, 0),
            Theme::Multipath => (60, 3, 1),
            Theme::Nexthops => (12, 80, 1),
            Theme::Inet6Gateways => (12, 3, 60),
            _ => (12, 3, 1),
        };
        match self.weighted(&[
            (42, 0),
            (15, 1),
            (14, 2),
            (multipath, 3),
            (4, 4),
            (object, 5),
            (other_family, 6),
            (1, 7),
        ]) {
            0 => format!(" via {}", self.gateway()),
            1 => {
                let name = self.good_device();
                format!(" dev {name}")
            }
            2 => {
                let (name, gateway) = self.on_link();
                let name = if self.chance(1, 8) { self.device() } else { name };
                format!(" via {gateway} dev {name}")
            }
            3 => self.multipath(),
            4 => {
                let gateway = if self.chance(1, 2) { self.gateway() } else { self.special_address() };
                format!(" via {gateway} dev {} onlink", self.good_device())
            }
            5 => self.by_object(),
            6 if self.is_six() => format!(" via inet 10.0.0.1 dev {}", self.good_device()),
            6 => self.inet6_gateway(),
            _ => String::new(),
        }
    }

    fn by_object(&mut self) -> String {
        let ids: Vec<u64> = self.model.objects.iter().map(|object| object.id).collect();
        if ids.is_empty() && self.chance(4, 5) {
            return format!(" via {}", self.gateway());
        }
        let id = if ids.is_empty() || self.chance(1, 15) { self.range(1, 40) } else { self.one(&ids) };
        format!(" nhid {id}")
    }

    fn inet6_gateway(&mut self) -> String {
        let gateway = self.one(&["fe80::1", "fe80::1", "fe80::2", "fe80::aa:1", "2001:db8::1"]);
        let device = if self.chance(1, 12) { String::new() } else { format!(" dev {}", self.good_device()) };
        let onlink = if self.chance(1, 8) { " onlink" } else { "" };
        format!(" via inet6 {gateway}{device}{onlink}")
    }

    fn multipath(&mut self) -> String {
        let legs = self.weighted(&[(6, 2), (4, 3), (2, 4), (1, 1), (1, 7)]);
        let mut text = String::new();
        for _ in 0..legs {
            let way = match self.weighted(&[(12, 0), (6, 1), (2, 2), (1, 3)]) {
                0 => format!("via {}", self.gateway()),
                1 => {
                    let (name, gateway) = self.on_link();
                    format!("via {gateway} dev {name}")
                }
                2 => format!("dev {}", self.good_device()),
                _ if self.theme == Theme::Inet6Gateways => {
                    format!("via inet6 fe80::7 dev {}", self.good_device())
                }
                _ => format!("via {} dev {} onlink", self.special_address(), self.good_device()),
            };
            let weight = match self.range(0, 12) {
                0..4 => format!(" weight {}", self.range(1, 9)),
                4 => format!(" weight {}", self.one(&["256", "100", "255", "1"])),
                _ => String::new(),
            };
            let realms = if !self.is_six() && self.chance(1, 40) { " realms 6" } else { "" };
            text += &format!(" nexthop {way}{weight}{realms}");
        }
        text
    }

    /// A gateway, mostly one that the kernel accepts.
    pub(super) fn gateway(&mut self) -> IpAddr {
        match self.weighted(&[(80, 0), (3, 1), (3, 2), (3, 3), (1, 4), (4, 5)]) {
            // Of IPv6 one that needs no device.
            0 if self.is_six() => {
                let (_, subnet) = self.link_subnet();
                subnet.nth(self.range(2, 8).into())
            }
            0 => self.on_link().1,
            1 => self.own_address(),
            2 => self.link_subnet().1.last(),
            3 => self.special_address(),
            4 => self.plan().loopback,
            _ => {
                let prefix = self.route_prefix();
                self.host_in(prefix)
            }
        }
    }

    /// A preferred source, mostly an own address.
    fn source(&mut self) -> IpAddr {
        match self.range(0, 10) {
            0 => self.special_address(),
            1 => self.on_link().1,
            _ => self.own_address(),
        }
    }

    fn metrics(&mut self) -> String {
        const KNOWN: [&str; 24] = [
            " mtu 1400",
            " mtu lock 1400",
            " mtu 70000",
            " mtu 60",
            " mtu lock 600",
            " advmss 1400",
            " advmss 66000",
            " window 20000",
            " rtt 200ms",
            " rtt 5s",
            " rttvar 50ms",
            " reordering 5",
            " ssthresh 100",
            " cwnd 10",
            " cwnd lock 10",
            " initcwnd 20",
            " initrwnd 30",
            " hoplimit 44",
            " hoplimit 255",
            " rto_min 50ms",
            " quickack 1",
            " features ecn",
            " congctl reno",
            " fastopen_no_cookie 1",
        ];
        let mut text = String::new();
        let count = self.range(1, 4);
        for _ in 0..count {
            text += self.one(&KNOWN);
        }
        text
    }

    /// Deletion by everything that was given, by less, by something else.
    fn delete_route(&mut self) {
        let Some(Route { kind, prefix, key, rest }) = self.known_route() else {
            return self.new_route("add");
        };
        if self.chance(4, 5) {
            let gone = (&key, &rest);
            let at = self
                .model
                .routes
                .iter()
                .rposition(|route| route.prefix == prefix && (&route.key, &route.rest) == gone);
            at.map(|at| self.model.routes.remove(at));
        }
        let (ip, to) = (self.ip(), prefix.route_text());
        let line = match self.weighted(&[(8, 0), (6, 1), (4, 2), (3, 3), (2, 4), (2, 5), (1, 6)]) {
            0 => format!("{ip} route del {kind}{to}{key}{rest}"),
            1 => format!("{ip} route del {to}{key}"),
            2 => format!("{ip} route del {to}"),
            3 => format!("{ip} route del {to} via {}{key}", self.gateway()),
            4 => format!("{ip} route del {to}{key} dev {}", self.device()),
            5 => {
                let extra = match self.is_six() {
                    true => ["proto static", "metric 10", "metric 1024", "table 100", "pref high", "dev lo"],
                    false => {
                        ["proto static", "scope link", "metric 10", "tos 0x10", "src 10.0.0.1", "mtu 1400"]
                    }
                };
                format!("{ip} route del {to}{key} {}", self.one(&extra))
            }
            _ => format!("{ip} route del {}{to}", self.kind()),
        };
        self.say(line);
        if self.chance(1, 6) {
            self.dump();
        }
    }

    fn flush_routes(&mut self) {
        let ip = self.ip();
        let prefix = self.route_prefix().route_text();
        let line = match self.range(0, 9) {
            0 => format!("{ip} route flush table {}", self.table()),
            1 => format!("{ip} route flush root {prefix}"),
            2 => format!("{ip} route flush match {prefix}"),
            3 => format!("{ip} route flush exact {prefix}"),
            4 => format!("{ip} route flush dev {}", self.device()),
            5 => format!("{ip} route flush cache"),
            6 => format!("{ip} route flush proto static"),
            7 => format!(
                "{ip} route flush type {} table all",
                self.one(&["unreachable", "broadcast", "local", "throw"])
            ),
            _ if self.is_six() => format!("ip -6 route flush from {}", self.source_prefix().text()),
            _ => "ip route flush scope link".into(),
        };
        self.say(line);
    }
}
