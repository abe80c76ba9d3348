//! Random scenarios, equal for equal seeds.
//!
//! A scenario is made by a `Gen`: a random source, the script so far, and a
//! small, optimistic picture of what the script has built (`model`), so that
//! most commands succeed and most questions are about something. The picture
//! need not be right: the kernel decides what a command does.
//!
//! Each scenario has a [`Theme`], which says what it does much of; everything
//! else happens a little in every scenario.

mod addresses;
mod dumps;
mod invalid;
mod links;
mod model;
mod namespaces;
mod neighbours;
mod nexthops;
mod plan;
mod questions;
mod routes;
mod rules;
mod six;
mod stacked;
mod sysctls;

use std::str::FromStr;

use fingerpost_net::{Family, Rng};
use model::Model;
use plan::Plan;

/// What a scenario does much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// A little of everything.
    Mixed,
    /// Many routes in few tables, added and removed: the trie's shape.
    Trie,
    /// Routes of equal prefix: order, replace, change, delete.
    Aliases,
    /// Policy rules, marks, suppression, goto.
    Rules,
    /// Multipath routes, hash policies, weights, carrier.
    Multipath,
    /// Nexthop objects and groups.
    Nexthops,
    /// Several default routes and the state of neighbours.
    Defaults,
    /// Input questions: martians, reverse-path filter, forwarding.
    Input,
    /// Addresses of all forms, promotion, preferred sources.
    Addresses,
    /// Links up and down, carrier, bridges, removal.
    Links,
    /// Commands that are wrong.
    Wrong,
    /// IPv4 routes through IPv6 gateways; IPv6 stays on.
    Inet6Gateways,
    /// Named namespaces beside the first.
    Namespaces,
    /// VRFs: who is in them, their tables, routes between them, the rules that
    /// lead to them. Chosen by chance only where all kinds of devices are there.
    Vrf,
    /// Links, addresses, plain routes, rules and sysctls alone, nothing wrong
    /// on purpose. Never chosen by chance.
    Basic,
    /// IPv6: addresses of every scope and state, and their labels: which
    /// of them is the source.
    Sources,
    /// IPv6: routes for packets from a prefix (`from`).
    Subtrees,
}

impl FromStr for Theme {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let known = THEMES.iter().find(|(_, theme)| format!("{theme:?}").eq_ignore_ascii_case(name));
        known.map(|(_, theme)| *theme).ok_or_else(|| {
            let names: Vec<String> =
                THEMES.iter().map(|(_, theme)| format!("{theme:?}").to_lowercase()).collect();
            format!("not one of {}", names.join(", "))
        })
    }
}

/// Which kinds of devices a scenario makes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Devices {
    /// Those that nearly every kernel has: veth, ifb, bridge, tun and tap.
    #[default]
    Usual,
    /// Dummy (instead of ifb), VLAN, macvlan and VRF besides.
    All,
}

impl FromStr for Devices {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "usual" => Ok(Devices::Usual),
            "all" => Ok(Devices::All),
            _ => Err("not one of usual, all".into()),
        }
    }
}

/// What is asked of a scenario.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// About how many `ip route get` lines it has.
    pub questions: usize,
    /// Its theme; `None` leaves it to chance.
    pub theme: Option<Theme>,
    /// The kinds of devices.
    pub devices: Devices,
    /// The family.
    pub family: Family,
}

const THEMES: [(u32, Theme); 17] = [
    (4, Theme::Mixed),
    (3, Theme::Trie),
    (3, Theme::Aliases),
    (4, Theme::Rules),
    (3, Theme::Multipath),
    (3, Theme::Nexthops),
    (2, Theme::Defaults),
    (4, Theme::Input),
    (3, Theme::Addresses),
    (3, Theme::Links),
    (2, Theme::Wrong),
    (1, Theme::Inet6Gateways),
    (1, Theme::Namespaces),
    (0, Theme::Vrf),
    (0, Theme::Basic),
    (0, Theme::Sources),
    (0, Theme::Subtrees),
];

/// A kind of step.
#[derive(Clone, Copy)]
enum Step {
    Link,
    Address,
    Route,
    Rule,
    Nexthop,
    Neighbour,
    Sysctl,
    Invalid,
    Dump,
    Questions,
    Namespace,
    Vrf,
}

/// The script of scenario `index` under `seed`.
pub fn scenario(seed: u64, index: u64, shape: Shape) -> Vec<String> {
    let mut making = Gen::new(seed, index, shape);
    making.whole();
    making.lines
}

/// An IPv6 scenario that ends in listings of every form, for a program that
/// shows a live namespace.
pub fn shown(seed: u64, index: u64, shape: Shape) -> Vec<String> {
    let mut making = Gen::new(seed, index, shape);
    making.whole();
    making.all_forms();
    making.lines
}

/// An IPv6 script of random addresses, ending in `connect` lines ([`crate::sources`]).
pub fn address_set(seed: u64, index: u64, questions: usize) -> Vec<String> {
    let theme = Some(Theme::Sources);
    let shape = Shape { questions, theme, devices: Devices::Usual, family: Family::V6 };
    let mut making = Gen::new(seed, index, shape);
    making.whole_sources();
    making.lines
}

/// The making of one scenario.
struct Gen {
    rng: Rng,
    theme: Theme,
    devices: Devices,
    family: Family,
    /// The named namespace that lines are said in now.
    space: Option<String>,
    model: Model,
    /// The other namespaces.
    others: Vec<(Option<String>, Model)>,
    /// Counts names and hardware addresses.
    made: u32,
    lines: Vec<String>,
    asked: usize,
    wanted: usize,
}

impl Gen {
    fn new(seed: u64, index: u64, shape: Shape) -> Self {
        let mut mixer = Rng::new(seed ^ 0x6669_6e67_6572);
        let start = mixer.next_u64() ^ index.wrapping_mul(0xd134_2543_de82_ef95);
        let mut rng = Rng::new(start);
        rng.next_u64();
        let mut making = Gen {
            rng,
            theme: Theme::Mixed,
            devices: shape.devices,
            family: shape.family,
            space: None,
            model: Model::default(),
            others: Vec::new(),
            made: 0,
            lines: Vec::new(),
            asked: 0,
            wanted: shape.questions,
        };
        let mut by_chance = match shape.family {
            Family::V4 => making.weighted(&THEMES),
            Family::V6 => making.weighted(&six::THEMES),
        };
        if shape.devices == Devices::All && making.chance(1, 2) {
            by_chance = Theme::Vrf;
        }
        making.theme = shape.theme.unwrap_or(by_chance);
        making
    }

    fn whole(&mut self) {
        self.preamble();
        self.first_namespaces();
        self.first_links();
        let vrfs = self.theme == Theme::Vrf;
        let early = vrfs && self.chance(1, 2);
        if early {
            self.first_vrfs();
        }
        self.first_addresses();
        if vrfs && !early {
            self.first_vrfs();
        }
        self.first_routes();
        let steps = self.range(20, 45);
        for _ in 0..steps {
            let step = self.step();
            self.take(step);
        }
        self.questions_left();
        self.last_dumps();
        for _ in 0..self.others.len() {
            self.switch();
            self.last_dumps();
        }
    }

    /// What makes a run repeatable (IPv6 silent, the hash seeded), and the usual start.
    fn preamble(&mut self) {
        if self.is_six() {
            return self.preamble6();
        }
        if self.theme != Theme::Inet6Gateways {
            self.say("sysctl -w net.ipv6.conf.all.disable_ipv6=1");
            self.say("sysctl -w net.ipv6.conf.default.disable_ipv6=1");
        }
        let seed = self.range(1, 0xffff_ffff);
        self.say(format!("sysctl -w net.ipv4.fib_multipath_hash_seed={seed}"));
        if self.chance(9, 10) {
            self.say("ip link set lo up");
        }
        if self.theme == Theme::Input || self.chance(3, 4) {
            self.say("sysctl -w net.ipv4.ip_forward=1");
        }
    }

    fn step(&mut self) -> Step {
        use Step::*;
        let base = [
            (5, Link),
            (8, Address),
            (24, Route),
            (7, Rule),
            (5, Nexthop),
            (4, Neighbour),
            (6, Sysctl),
            (9, Invalid),
            (10, Dump),
            (14, Questions),
            (0, Namespace),
            (if self.devices == Devices::All { 6 } else { 0 }, Vrf),
        ];
        let favoured = |step: Step| -> u32 {
            match (self.theme, step) {
                (Theme::Trie | Theme::Aliases | Theme::Multipath, Route) => 60,
                (Theme::Inet6Gateways | Theme::Subtrees, Route) => 60,
                (Theme::Trie | Theme::Subtrees, Dump) => 25,
                (Theme::Rules, Rule) => 50,
                (Theme::Nexthops, Nexthop) => 50,
                (Theme::Nexthops | Theme::Defaults, Route) => 30,
                (Theme::Multipath | Theme::Nexthops | Theme::Defaults, Link) => 6,
                (Theme::Defaults, Neighbour) => 25,
                (Theme::Input, Sysctl) => 30,
                (Theme::Input, Questions) => 30,
                (Theme::Addresses | Theme::Sources, Address) => 50,
                (Theme::Sources, Questions) => 40,
                (Theme::Sources, Sysctl) => 10,
                (Theme::Links, Link) => 40,
                (Theme::Wrong, Invalid) => 70,
                (Theme::Namespaces, Namespace) => 50,
                (Theme::Vrf, Vrf) => 50,
                (Theme::Vrf, Link) => 10,
                _ => 0,
            }
        };
        let advanced = |step: Step| matches!(step, Nexthop | Neighbour | Invalid | Namespace | Vrf);
        let weights = base.map(|(weight, step)| match self.theme {
            Theme::Basic if advanced(step) => (0, step),
            _ => (weight + favoured(step), step),
        });
        self.weighted(&weights)
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Link => self.link(),
            Step::Address => self.address(),
            Step::Route => {
                let trie = self.theme == Theme::Trie;
                if !self.is_six() && self.chance(1, if trie { 12 } else { 150 }) {
                    return self.many_routes();
                }
                let count = if trie { self.range(2, 7) } else { 1 };
                (0..count).for_each(|_| self.route());
            }
            Step::Rule => self.rule(),
            Step::Nexthop => self.nexthop(),
            Step::Neighbour if self.is_six() => self.neighbour6(),
            Step::Neighbour => self.neighbour(),
            Step::Sysctl if self.is_six() => self.sysctl6(),
            Step::Sysctl => self.sysctl(),
            Step::Invalid if self.is_six() => self.invalid6(),
            Step::Invalid => self.invalid(),
            Step::Namespace => self.namespace(),
            Step::Vrf => self.vrf(),
            Step::Dump => self.dump(),
            Step::Questions => {
                let count = self.range(1, 6);
                (0..count).for_each(|_| self.question());
            }
        }
    }

    fn questions_left(&mut self) {
        while self.asked < self.wanted {
            self.question();
            if self.chance(1, 12) {
                self.dump();
            }
            if self.chance(1, 25) || (self.theme == Theme::Namespaces && self.chance(1, 4)) {
                let step = self.step();
                self.take(step);
            }
        }
    }

    fn last_dumps(&mut self) {
        if self.is_six() {
            return self.last_dumps6();
        }
        for line in [
            "ip -j -4 route show table all",
            "ip -j -4 rule show",
            "ip -j -4 addr show",
            "ip -j link show",
            "ip -j nexthop show",
            "ip -j -4 neigh show nud all",
            "cat /proc/net/fib_trie",
            "cat /proc/net/fib_triestat",
            "cat /proc/net/route",
        ] {
            self.say(line);
        }
    }

    // The small tools that every kind of step uses.

    /// The addresses of the scenario's family.
    fn plan(&self) -> &'static Plan {
        Plan::of(self.family)
    }

    fn say(&mut self, line: impl Into<String>) {
        const SHORT: [(&str, &str); 12] = [
            ("ip route add ", "ip r a "),
            ("ip route del ", "ip ro d "),
            ("ip route replace ", "ip rou rep "),
            ("ip route append ", "ip r ap "),
            ("ip route show ", "ip r s "),
            ("ip addr add ", "ip a a "),
            ("ip addr del ", "ip addr delete "),
            ("ip rule add ", "ip ru a "),
            ("ip rule del ", "ip rule delete "),
            ("ip link set ", "ip l s "),
            ("ip nexthop add ", "ip nexth a "),
            ("ip neigh add ", "ip n a "),
        ];
        let mut line: String = line.into();
        if self.devices == Devices::All {
            line = line.replace("type ifb", "type dummy");
        }
        if line.contains("via inet6") {
            // iproute2 takes `default` with such a gateway for a route of IPv6.
            line = line.replacen(" default", " 0.0.0.0/0", 1);
        }
        let line = self.in_space(line);
        if self.chance(1, 40)
            && let Some((long, short)) = SHORT.iter().find(|(long, _)| line.starts_with(long))
        {
            return self.lines.push(line.replacen(long, short, 1));
        }
        self.lines.push(line);
    }

    /// A number in `low..high`.
    fn range(&mut self, low: u64, high: u64) -> u64 {
        low + self.rng.below(high.saturating_sub(low).max(1))
    }

    fn chance(&mut self, num: u64, den: u64) -> bool {
        self.rng.chance(num, den)
    }

    /// One of `items`, which is not empty.
    fn one<T: Clone>(&mut self, items: &[T]) -> T {
        let at = self.rng.below(items.len() as u64) as usize;
        items[at].clone()
    }

    /// One of `items` by its weight; not all weights are 0.
    fn weighted<T: Copy>(&mut self, items: &[(u32, T)]) -> T {
        let total: u64 = items.iter().map(|(weight, _)| u64::from(*weight)).sum();
        let mut left = self.rng.below(total);
        for (weight, item) in items {
            if left < u64::from(*weight) {
                return *item;
            }
            left -= u64::from(*weight);
        }
        items[0].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{Purpose, kind_of};
    use crate::words;

    fn plain(questions: usize) -> Shape {
        Shape { questions, theme: None, devices: Devices::Usual, family: Family::V4 }
    }

    fn six(questions: usize) -> Shape {
        Shape { family: Family::V6, ..plain(questions) }
    }

    #[test]
    fn scenarios_of_ipv6_are_of_ipv6_and_hold_every_kind_of_command() {
        let mut all = Vec::new();
        for index in 0..200 {
            let lines = scenario(3, index, six(60));
            assert_eq!(lines, scenario(3, index, six(60)));
            let questions = lines.iter().filter(|line| kind_of(line).purpose == Purpose::Question).count();
            assert!((60..80).contains(&questions), "scenario {index} asks {questions}");
            all.extend(lines);
        }
        for line in &all {
            let words = words::split(line).unwrap_or_else(|error| panic!("{line}: {error}"));
            assert!(["ip", "sysctl", "cat"].contains(&words[0].as_str()), "{line}");
        }
        // A device without a hardware address gets a random link-local address.
        let tuns = all.iter().filter(|line| line.contains("tuntap add") && line.contains("mode tun")).count();
        assert_eq!(tuns, all.iter().filter(|line| line.contains("addrgenmode none")).count());
        for needle in [
            "ip addr add",
            " peer ",
            " nodad",
            " noprefixroute",
            " preferred_lft 0",
            " metric ",
            "ip addrlabel add prefix",
            " from ",
            " pref high",
            " expires ",
            "route append",
            "route replace",
            "nexthop via",
            "nhid",
            " onlink",
            "ip -6 nexthop add",
            "ip -6 rule add",
            "suppress_prefixlength",
            " nud failed",
            " router nud ",
            "conf.all.forwarding=1",
            "disable_ipv6=1",
            "ignore_routes_with_linkdown",
            "use_oif_addrs_only",
            "keep_addr_on_down",
            "fib_multipath_hash_policy=3",
            "fibmatch",
            " iif ",
            " oif ",
            " mark ",
            " uid ",
            " ipproto ",
            " sport ",
        ] {
            assert!(all.iter().any(|line| line.contains(needle)), "{needle} never occurs");
        }
    }

    #[test]
    fn address_sets_end_in_destinations() {
        for index in 0..50 {
            let lines = address_set(9, index, 20);
            let (changes, asked) = lines.split_at(lines.len() - 20);
            assert!(asked.iter().all(|line| line.starts_with("connect ")), "{asked:?}");
            assert!(!changes.iter().any(|line| line.starts_with("connect")), "{changes:?}");
        }
    }

    #[test]
    fn a_theme_can_be_asked_for() {
        assert_eq!("inet6gateways".parse(), Ok(Theme::Inet6Gateways));
        assert!("nosuch".parse::<Theme>().is_err());
        let shape = Shape { theme: Some(Theme::Basic), ..plain(40) };
        let lines: Vec<String> = (0..60).flat_map(|index| scenario(4, index, shape)).collect();
        for needle in ["nexthop add", "nhid", "nexthop via", "ip neigh add", "netns"] {
            assert!(!lines.iter().any(|line| line.contains(needle)), "{needle}");
        }
    }

    #[test]
    fn equal_seeds_give_equal_scenarios() {
        assert_eq!(scenario(7, 3, plain(50)), scenario(7, 3, plain(50)));
        assert_ne!(scenario(7, 3, plain(50)), scenario(7, 4, plain(50)));
        assert_ne!(scenario(7, 3, plain(50)), scenario(8, 3, plain(50)));
    }

    #[test]
    fn every_line_splits_and_the_questions_are_as_many_as_asked_for() {
        for index in 0..150 {
            let lines = scenario(1, index, plain(60));
            for line in &lines {
                let words = words::split(line).unwrap_or_else(|error| panic!("{line}: {error}"));
                assert!(["ip", "sysctl", "cat"].contains(&words[0].as_str()), "{line}");
            }
            let questions = lines.iter().filter(|line| kind_of(line).purpose == Purpose::Question).count();
            assert!((60..80).contains(&questions), "scenario {index} asks {questions}");
        }
    }

    #[test]
    fn devices_that_not_every_kernel_has_are_made_on_request_alone() {
        let kinds = ["type vrf table", "type vlan", "type macvlan", "type dummy", " vrf vrf", " l3mdev"];
        let all = |devices| -> Vec<String> {
            let shape = Shape { devices, ..plain(40) };
            (0..60).flat_map(|index| scenario(5, index, shape)).collect()
        };
        let (usual, more) = (all(Devices::Usual), all(Devices::All));
        for needle in kinds {
            assert!(more.iter().any(|line| line.contains(needle)), "{needle} never occurs");
        }
        for needle in &kinds[..4] {
            assert!(!usual.iter().any(|line| line.contains(needle)), "{needle} occurs");
        }
        assert!(!more.iter().any(|line| line.contains("type ifb") && line.contains("address")));
    }

    #[test]
    fn every_kind_of_command_occurs() {
        let all: Vec<String> = (0..200).flat_map(|index| scenario(2, index, plain(100))).collect();
        for needle in [
            "ip link add",
            "ip tuntap add",
            "type bridge",
            "type ifb",
            "master ",
            "ip addr add",
            " peer ",
            "ip route append",
            "ip route prepend",
            "ip route replace",
            "ip route change",
            "ip route test",
            "ip route del",
            "nexthop via",
            " onlink",
            "via inet6",
            "ip nexthop add id",
            " group ",
            "type resilient",
            "ip neigh",
            "suppress_prefixlength",
            "goto ",
            "uidrange",
            " realms ",
            "fibmatch",
            " iif ",
            "ip -n ",
            "ip netns exec ",
            " netns ",
            "promote_secondaries",
            "rp_filter",
            "/proc/net/fib_trie",
        ] {
            assert!(all.iter().any(|line| line.contains(needle)), "{needle} never occurs");
        }
    }
}
