//! Commands that show IPv6 state, in their forms and filters.

use super::Gen;

/// Listings that a scenario may have in any number: of every object of IPv6, in
/// every form and with every kind of filter. `DEV` stands for a device.
const FORMS: &[&str] = &[
    "ip addr",
    "ip -d -6 addr",
    "ip -j -d -6 addr",
    "ip -p -j -6 addr",
    "ip -6 -o addr",
    "ip -o -d -6 addr",
    "ip -6 -br addr",
    "ip -6 -br -j addr",
    "ip -6 addr show dev DEV",
    "ip -6 addr show dev DEV scope link",
    "ip -6 addr show DEV permanent",
    "ip -6 addr show up",
    "ip -6 addr show label DEV",
    "ip -6 addr show to fe80::/10",
    "ip addr show to 2001:db8::/32",
    "ip addr show nodad",
    "ip addr show -deprecated",
    "ip -6 addr show home",
    "ip -6 addr show temporary",
    "ip -6 addr show dadfailed",
    "ip -6 addr show type veth",
    "ip -6 addr show master DEV",
    "ip -6 addr show group default",
    "ip -6 link show dev DEV",
    "ip -6 -j link",
    "ip -6 route show table all",
    "ip route show table all",
    "ip -j route show table all",
    "ip -p -j -6 route show table all",
    "ip -d -6 route show table all",
    "ip -s -6 route show table all",
    "ip -s -d -j -6 route show table all",
    "ip -o -6 route show table all",
    "ip -N -6 route show table all",
    "ip -6 route show table local",
    "ip -6 route show table main",
    "ip -6 route show table 254",
    "ip -6 route show table default",
    "ip -6 route show dev DEV",
    "ip -6 route show dev DEV table all",
    "ip -6 route show default",
    "ip -6 route show ::/0",
    "ip -6 route show 2001:db8::/32 table all",
    "ip -6 route show exact fe80::/64",
    "ip -6 route show root 2001:db8::/32 table all",
    "ip -6 route show match 2001:db8:1::1 table all",
    "ip route show match 2001:db8:1::1",
    "ip -6 route show to root ::/0 match ::/0",
    "ip -6 route show from ::/0 table all",
    "ip -6 route show from root 2001:db8::/32 table all",
    "ip -6 route show via fe80::a1",
    "ip -6 route show src 2001:db8:1::1",
    "ip -6 route show proto kernel table all",
    "ip -6 route show proto kernel type local table all",
    "ip -6 route show type anycast table all",
    "ip -6 route show type multicast table local",
    "ip -6 route show scope global",
    "ip -6 route show scope link",
    "ip -6 route show metric 256",
    "ip -6 route show tos 0",
    "ip -6 route show realms 1",
    "ip -6 route show iif DEV",
    "ip -6 route show mark 5",
    "ip -6 route show cached",
    "ip -6 route show cloned table all",
    "ip -6 route show table cache",
    "ip -6 route show vrf DEV",
    "ip -6 route list table 100 dev DEV proto boot",
    "ip -6 r",
    "ip -6 ro ls",
    "ip -6 rule",
    "ip -j -6 rule",
    "ip -d -6 rule",
    "ip -p -j -d -6 rule",
    "ip -N -6 rule",
    "ip -6 rule list from 2001:db8::/32",
    "ip -6 rule show to ::/0",
    "ip -6 rule show iif DEV",
    "ip -6 rule show proto kernel",
    "ip -6 rule show table main",
    "ip -6 rule show not",
    "ip -6 rule show uidrange 0-1000",
    "ip -6 rule show ipproto tcp sport 22",
    "ip -6 neigh",
    "ip -d -6 neigh show nud all",
    "ip -6 neigh show dev DEV",
    "ip -6 neigh show dev DEV nud permanent",
    "ip -6 neigh show to fe80::/10",
    "ip neigh show 2001:db8::/32",
    "ip -6 neigh show nud failed",
    "ip -6 neigh show proxy",
    "ip -br -6 neigh",
    "ip -6 nexthop",
    "ip -d -6 nexthop",
    "ip -j -d nexthop",
    "ip -6 nexthop show dev DEV",
    "ip addrlabel",
    "ip -6 -j addrlabel list",
    "ip -p -j addrlabel show",
    "ip -4 addrlabel",
    "ip addrlabel list x",
    "ip token",
    "ip -j token list",
    "ip token list dev DEV",
    "ip netconf",
    "ip -6 netconf show",
    "ip -j -6 netconf",
    "ip -6 netconf show dev DEV",
    "ip netconf show dev DEV",
    "ip maddr",
    "ip -6 maddr show",
    "ip -6 -j maddr show dev DEV",
    "ip -o -6 maddr",
    "ip -d link show type ifb",
];

impl Gen {
    /// Each of [`FORMS`] once.
    pub(in super::super) fn all_forms(&mut self) {
        for form in FORMS {
            let device = self.device();
            self.say(form.replace("DEV", &device));
        }
    }

    /// What every scenario ends with.
    pub(in super::super) fn last_dumps6(&mut self) {
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
            1 => format!(" show {} {}", self.one(&["from", "to"]), self.link_subnet().1.text()),
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
            6 => format!(" via {}", self.gateway()),
            7 => format!(" src {}", self.own_address()),
            8 => format!(" {}", self.route_prefix().text()),
            9 => format!(" root {}", self.route_prefix().text()),
            10 => {
                let prefix = self.route_prefix();
                format!(" match {}", self.host_in(prefix))
            }
            11 => format!(" exact {}", self.route_prefix().text()),
            _ => format!(" from {}", self.link_subnet().1.text()),
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
            2 => format!(" show to {}", self.link_subnet().1.text()),
            _ => " show".into(),
        };
        format!("ip {options}addr{which}")
    }
}
