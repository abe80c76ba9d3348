//! Scenarios of IPv6.
//!
//! Links, rules, nexthop objects and neighbours are made as for IPv4, with
//! addresses of this family; everything else has its own modules here.
//!
//! What IPv6 does in its own time is kept out or made immediate, so that a
//! script has one answer: duplicate address detection ends at once
//! (`accept_dad=0`, or no probes and no delay), routers are neither solicited
//! nor listened to, unreachable gateways are not probed, and devices without
//! a hardware address get no link-local one, which would be random. What then
//! still happens a moment later, [`crate::oracle`] waits for.

mod addresses;
mod dumps;
mod invalid;
mod model;
mod questions;
mod routes;
mod settings;
mod sources;

use super::{Devices, Gen, Step, Theme};

pub use model::Picture;

/// Themes by chance.
pub const THEMES: [(u32, Theme); 14] = [
    (4, Theme::Mixed),
    (3, Theme::Aliases),
    (4, Theme::Rules),
    (4, Theme::Multipath),
    (3, Theme::Nexthops),
    (3, Theme::Defaults),
    (3, Theme::Input),
    (3, Theme::Addresses),
    (3, Theme::Links),
    (1, Theme::Wrong),
    (4, Theme::Sources),
    (3, Theme::Subtrees),
    (2, Theme::Trie),
    (0, Theme::Vrf),
];

impl Gen {
    /// Whether this scenario is one of IPv6.
    pub(super) fn is_six(&self) -> bool {
        self.family == fingerpost_net::Family::V6
    }

    /// How commands that do not name an address begin.
    pub(super) fn ip(&self) -> &'static str {
        if self.is_six() { "ip -6" } else { "ip" }
    }

    /// The whole scenario.
    pub(super) fn whole6(&mut self) {
        self.preamble6();
        self.first_links();
        let vrfs = self.theme == Theme::Vrf;
        if vrfs {
            self.first_vrfs();
        }
        self.first_addresses6();
        self.first_routes6();
        let steps = self.range(20, 45);
        for _ in 0..steps {
            self.step6();
        }
        while self.asked < self.wanted {
            self.question();
            if self.chance(1, 12) {
                self.dump();
            }
            if self.chance(1, 25) {
                self.step6();
            }
        }
        self.last_dumps6();
    }

    fn preamble6(&mut self) {
        let default = |name: &str, value: &str| format!("sysctl -w net.ipv6.conf.default.{name}={value}");
        if self.chance(3, 4) {
            self.say(default("accept_dad", "0"));
        } else {
            self.say(default("dad_transmits", "0"));
            self.say(default("router_solicitation_delay", "0"));
        }
        self.say(default("accept_ra", "0"));
        self.say(default("router_solicitations", "0"));
        // Beyond what the machine has been up; in seconds.
        self.say(default("router_probe_interval", "2000000"));
        if self.chance(1, 4) {
            self.say(default("addr_gen_mode", "1"));
        }
        let seed = self.range(1, 0xffff_ffff);
        self.say(format!("sysctl -w net.ipv4.fib_multipath_hash_seed={seed}"));
        if self.chance(9, 10) {
            self.say("ip link set lo up");
        }
        let forwarding = if self.theme == Theme::Input { 4 } else { 2 };
        if self.chance(forwarding, 5) {
            self.say("sysctl -w net.ipv6.conf.all.forwarding=1");
        }
    }

    fn step6(&mut self) {
        use Step::*;
        let base = [
            (4, Link),
            (8, Address),
            (24, Route),
            (7, Rule),
            (5, Nexthop),
            (5, Neighbour),
            (6, Sysctl),
            (8, Invalid),
            (10, Dump),
            (14, Questions),
            (if self.devices == Devices::All { 6 } else { 0 }, Vrf),
        ];
        let favoured = |step: Step| -> u32 {
            match (self.theme, step) {
                (Theme::Trie | Theme::Aliases | Theme::Multipath | Theme::Subtrees, Route) => 60,
                (Theme::Trie | Theme::Subtrees, Dump) => 20,
                (Theme::Rules, Rule) => 50,
                (Theme::Nexthops, Nexthop) => 50,
                (Theme::Nexthops | Theme::Defaults, Route) => 30,
                (Theme::Multipath | Theme::Nexthops | Theme::Defaults, Link) => 6,
                (Theme::Defaults, Neighbour) => 30,
                (Theme::Input, Sysctl | Questions) => 30,
                (Theme::Addresses | Theme::Sources, Address) => 50,
                (Theme::Sources, Questions) => 40,
                (Theme::Sources, Sysctl) => 10,
                (Theme::Links, Link) => 40,
                (Theme::Wrong, Invalid) => 70,
                (Theme::Vrf, Vrf) => 50,
                _ => 0,
            }
        };
        let advanced = |step: Step| matches!(step, Nexthop | Neighbour | Invalid | Vrf);
        let weights = base.map(|(weight, step)| match self.theme {
            Theme::Basic if advanced(step) => (0, step),
            _ => (weight + favoured(step), step),
        });
        match self.weighted(&weights) {
            Link => self.link(),
            Address => self.address6(),
            Route => {
                let count = if self.theme == Theme::Trie { self.range(2, 7) } else { 1 };
                (0..count).for_each(|_| self.route6());
            }
            Rule => self.rule(),
            Nexthop => self.nexthop(),
            Neighbour => self.neighbour6(),
            Sysctl => self.sysctl6(),
            Invalid => self.invalid6(),
            Vrf => self.vrf(),
            Dump => self.dump(),
            Questions | Namespace => {
                let count = self.range(1, 6);
                (0..count).for_each(|_| self.question());
            }
        }
    }

    /// A device without a hardware address would get a random link-local address.
    pub(super) fn without_random_address(&mut self, name: &str) {
        if self.is_six() {
            self.say(format!("ip link set dev {name} addrgenmode none"));
        }
    }
}
