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
mod routes;
mod settings;
mod sources;

use super::{Devices, Gen, Theme};

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

    /// What makes a run repeatable, and the usual start.
    pub(super) fn preamble6(&mut self) {
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

    /// A device without a hardware address would get a random link-local address.
    pub(super) fn without_random_address(&mut self, name: &str) {
        if self.is_six() {
            self.say(format!("ip link set dev {name} addrgenmode none"));
        }
    }
}
