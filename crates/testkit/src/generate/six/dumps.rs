//! Commands that show IPv6 state, in their forms and filters.

use super::Gen;
use super::model::text;

impl Gen {
    /// What every scenario ends with.
    pub(super) fn last_dumps6(&mut self) {
        for line in [
            "ip -j -6 route show table all",
            "ip -j -6 rule show",
            "ip -j addr show",
            "ip -j link show",
            "ip -j nexthop show",
            "ip -j -6 neigh show nud all",
            "ip -j addrlabel",
            "ip -6 netconf",
        ] {
            self.say(line);
        }
    }

    /// One dump.
    pub(in super::super) fn dump6(&mut self) {
        let line =
            match self.weighted(&[(14, 0), (9, 1), (3, 2), (5, 3), (2, 4), (2, 5), (2, 6), (1, 7), (1, 8)]) {
                0 => self.whole_routes6(),
                1 => self.some_routes6(),
                2 => format!(
                    "ip {}rule{}",
                    self.one(&["-6 ", "-6 -j ", "-6 -d ", "-6 -o "]),
                    self.rule_filter6()
                ),
                3 => self.some_addresses6(),
                4 => format!("ip {}link show", self.one(&["", "-j ", "-br "])),
                5 => format!(
                    "ip {}nexthop{}",
                    self.one(&["-6 ", "-j ", "-d ", "-o "]),
                    self.one(&["", " show groups"])
                ),
                6 => {
                    let which = self.one(&["", " show nud all", " show nud failed", " show nud permanent"]);
                    format!("ip {}neigh{which}", self.one(&["-6 ", "-6 -j ", "-6 -o "]))
                }
                7 => format!(
                    "ip {}addrlabel{}",
                    self.one(&["", "-j ", "-6 "]),
                    self.one(&["", " list", " show"])
                ),
                _ => self
                    .one(&[
                        "ip -6 route show cache",
                        "ip -6 -j route show cache",
                        "ip -6 netconf show dev lo",
                    ])
                    .into(),
            };
        self.say(line);
    }

    fn rule_filter6(&mut self) -> String {
        match self.range(0, 12) {
            0 => format!(" show table {}", self.table()),
            1 => format!(" show {} {}", self.one(&["from", "to"]), self.link_subnet6().1.text()),
            2 => format!(" show {} {}", self.one(&["iif", "oif"]), self.device()),
            3 => format!(" show {}", self.one(&["pref 100", "fwmark 0x10", "l3mdev"])),
            _ => String::new(),
        }
    }

    fn whole_routes6(&mut self) -> String {
        let options = self.weighted(&[
            (8, "-6 "),
            (8, "-j -6 "),
            (2, "-d -6 "),
            (2, "-j -d -6 "),
            (1, "-o -6 "),
            (1, "-N -6 "),
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

    fn some_routes6(&mut self) -> String {
        let options = self.one(&["-6 ", "-6 ", "-j -6 "]);
        let mut filter = match self.range(0, 13) {
            0 | 1 => format!(" table {}", self.table()),
            2 => format!(" dev {}", self.device()),
            3 => {
                let kinds = [
                    "unicast",
                    "local",
                    "anycast",
                    "unreachable",
                    "blackhole",
                    "throw",
                    "prohibit",
                    "multicast",
                ];
                format!(" type {}", self.one(&kinds))
            }
            4 => format!(" proto {}", self.one(&["kernel", "static", "boot", "bird", "77", "all"])),
            5 => format!(" metric {}", self.one(&["10", "256", "1024"])),
            6 => format!(" via {}", text(self.gateway6())),
            7 => format!(" src {}", text(self.own_address6())),
            8 => format!(" {}", self.route_prefix6().text()),
            9 => format!(" root {}", self.route_prefix6().text()),
            10 => {
                let prefix = self.route_prefix6();
                format!(" match {}", text(self.host_in6(prefix)))
            }
            11 => format!(" exact {}", self.route_prefix6().text()),
            _ => format!(" from {}", self.link_subnet6().1.text()),
        };
        if !filter.contains("table") && self.chance(1, 3) {
            filter += " table all";
        }
        format!("ip {options}route show{filter}")
    }

    fn some_addresses6(&mut self) -> String {
        let options =
            self.weighted(&[(4, "-6 "), (4, "-j -6 "), (3, ""), (3, "-j "), (1, "-o -6 "), (1, "-br -6 ")]);
        let which = match self.range(0, 8) {
            0 => format!(" show dev {}", self.device()),
            1 => {
                let kinds = [
                    "up",
                    "permanent",
                    "dynamic",
                    "scope link",
                    "scope global",
                    "deprecated",
                    "tentative",
                    "-tentative",
                ];
                format!(" show {}", self.one(&kinds))
            }
            2 => format!(" show to {}", self.link_subnet6().1.text()),
            _ => " show".into(),
        };
        format!("ip {options}addr{which}")
    }
}
