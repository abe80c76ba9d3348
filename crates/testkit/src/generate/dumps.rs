//! Commands that show state, in all their forms and filters.

use super::Gen;

impl Gen {
    /// One dump.
    pub(super) fn dump(&mut self) {
        if self.is_six() {
            return self.dump6();
        }
        let line = match self.weighted(&[
            (14, 0),
            (8, 1),
            (3, 2),
            (3, 3),
            (3, 4),
            (2, 5),
            (2, 6),
            (10, 7),
            (1, 8),
        ]) {
            0 => self.whole_routes(),
            1 => self.some_routes(),
            2 => {
                let options = self.one(&["", "-j ", "-4 ", "-d ", "-j -d ", "-o ", "-4 -j "]);
                format!("ip {options}rule{}", self.rule_filter())
            }
            3 => self.some_addresses(),
            4 => self.some_links(),
            5 if self.model.objects.iter().any(|object| object.group) && self.chance(1, 4) => {
                let groups = self.model.objects.iter().filter(|object| object.group);
                let ids: Vec<u64> = groups.map(|object| object.id).collect();
                let id = self.one(&ids);
                format!("ip {}nexthop bucket show id {id}", self.one(&["", "-j "]))
            }
            5 => {
                let options = self.one(&["", "-j ", "-d ", "-o "]);
                let which = self.one(&["", " show", " list", " show groups", " show fdb"]);
                format!("ip {options}nexthop{which}")
            }
            6 => {
                let options = self.one(&["-4 ", "-4 -j ", "-4 -o "]);
                let which =
                    self.one(&["", " show", " show nud all", " show nud failed", " show nud permanent"]);
                let device = if self.chance(1, 3) && !which.is_empty() {
                    format!(" dev {}", self.device())
                } else {
                    String::new()
                };
                format!("ip {options}neigh{which}{device}")
            }
            7 => {
                let file = self.weighted(&[(6, "fib_trie"), (2, "fib_triestat"), (2, "route")]);
                format!("cat /proc/net/{file}")
            }
            _ => self
                .one(&["ip -4 route show cache", "ip -j -4 route show cache", "ip route show table cache"])
                .into(),
        };
        self.say(line);
    }

    fn rule_filter(&mut self) -> String {
        match self.range(0, 16) {
            0 => format!(" show table {}", self.table()),
            1 => format!(" show {} 100", self.one(&["pref", "prio", "order"])),
            2 => format!(
                " show {} {}",
                self.one(&["from", "to"]),
                self.link_subnet().1.route_text().replace("default", "all")
            ),
            3 => format!(" show {} {}", self.one(&["iif", "oif", "dev"]), self.device()),
            4 => format!(
                " show {}",
                self.one(&["tos 0x10", "fwmark 0x10", "fwmark 1/0xff", "proto static", "l3mdev"])
            ),
            5 => " list".into(),
            6..10 => " show".into(),
            _ => String::new(),
        }
    }

    fn whole_routes(&mut self) -> String {
        let options = self.weighted(&[
            (8, "-4 "),
            (8, "-j -4 "),
            (2, "-d -4 "),
            (2, "-j -d -4 "),
            (1, "-o -4 "),
            (1, "-N -4 "),
            (1, "-j -p -4 "),
        ]);
        let which = self.one(&[
            "",
            " show",
            " show table all",
            " list table all",
            " show table all",
            " show table local",
        ]);
        format!("ip {options}route{which}")
    }

    fn some_routes(&mut self) -> String {
        let options = self.one(&["-4 ", "-4 ", "-j -4 "]);
        let mut filter = match self.range(0, 14) {
            0 | 1 => format!(" table {}", self.table()),
            2 => format!(" dev {}", self.device()),
            3 => format!(
                " type {}",
                self.one(&[
                    "unicast",
                    "local",
                    "broadcast",
                    "unreachable",
                    "blackhole",
                    "throw",
                    "prohibit",
                    "multicast"
                ])
            ),
            4 => format!(" proto {}", self.one(&["kernel", "static", "boot", "bird", "77", "all"])),
            5 => format!(" scope {}", self.one(&["link", "host", "global", "site", "150", "all"])),
            6 => format!(" via {}", self.gateway()),
            7 => format!(" src {}", self.own_address()),
            8 => format!(" {}", self.route_prefix().route_text()),
            9 => format!(" root {}", self.route_prefix().route_text()),
            10 => {
                let prefix = self.route_prefix();
                format!(" match {}", self.host_in(prefix))
            }
            11 => format!(" exact {}", self.route_prefix().route_text()),
            12 => {
                format!(" {} {}", self.one(&["tos", "metric", "realms"]), self.one(&["5", "0x10", "10", "8"]))
            }
            _ => format!(" proto {} dev {}", self.one(&["static", "kernel"]), self.device()),
        };
        if !filter.contains("table") && self.chance(1, 3) {
            filter += " table all";
        }
        format!("ip {options}route show{filter}")
    }

    fn some_addresses(&mut self) -> String {
        let options =
            self.weighted(&[(4, "-4 "), (4, "-j -4 "), (1, "-o -4 "), (1, "-br -4 "), (1, "-4 -br -j ")]);
        let which = match self.range(0, 8) {
            0 => format!(" show dev {}", self.device()),
            1 => format!(" show {}", self.device()),
            2 => format!(
                " show {}",
                self.one(&[
                    "up",
                    "primary",
                    "secondary",
                    "permanent",
                    "dynamic",
                    "scope link",
                    "scope global"
                ])
            ),
            3 => format!(" show to {}", self.link_subnet().1.route_text()),
            4 => format!(" show label {}", self.device()),
            _ => " show".into(),
        };
        format!("ip {options}addr{which}")
    }

    fn some_links(&mut self) -> String {
        let options = self.weighted(&[(4, ""), (4, "-j "), (1, "-o "), (1, "-br "), (1, "-j -br ")]);
        let which = match self.range(0, 8) {
            0 => format!(" show dev {}", self.device()),
            1 => format!(" show {}", self.device()),
            2 => format!(" show type {}", self.one(&["veth", "ifb", "bridge", "tun"])),
            3 => format!(" show {}", self.one(&["up", "group 5", "group default"])),
            4 => format!(" show master {}", self.device()),
            _ => " show".into(),
        };
        format!("ip {options}link{which}")
    }
}
