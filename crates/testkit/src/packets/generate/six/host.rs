//! Random hosts of IPv6: devices, addresses, settings, routes, rules and neighbours.

use std::net::Ipv6Addr;

use fingerpost_net::Rng;
use fingerpost_net::wire::Mac;

use crate::packets::generate::{one, weighted};
use crate::packets::masks::HELD6;

/// A device that frames arrive on.
#[derive(Clone, Debug)]
pub struct Device {
    /// Its name.
    pub name: String,
    /// Whether frames have link headers.
    pub tap: bool,
    /// Its link-layer address.
    pub mac: Mac,
    /// Largest packet in bytes.
    pub mtu: u16,
    /// Its subnet, as the first address and the prefix length.
    pub subnet: (Ipv6Addr, u8),
    /// Hosts on the link: their addresses, those of the link alone, and their link-layer ones.
    pub neighbours: Vec<(Ipv6Addr, Ipv6Addr, Mac)>,
}

/// A host, and what packets need to know of it.
#[derive(Clone, Debug, Default)]
pub struct Host {
    /// Its script.
    pub script: Vec<String>,
    /// Its devices but for `lo`.
    pub devices: Vec<Device>,
    /// Its own addresses.
    pub own: Vec<Ipv6Addr>,
    /// Its own addresses of links, with the device's place.
    pub own_links: Vec<(usize, Ipv6Addr)>,
    /// Destinations in tables.
    pub routed: Vec<(Ipv6Addr, u8)>,
    /// Addresses that it answers for.
    pub proxied: Vec<Ipv6Addr>,
    /// Whether it is a router.
    pub forwarding: bool,
}

/// An address `offset` above another.
pub fn above(address: Ipv6Addr, offset: u128) -> Ipv6Addr {
    Ipv6Addr::from_bits(address.to_bits().wrapping_add(offset))
}

/// The link-local address that a link-layer address gives.
fn of_mac(mac: Mac) -> Ipv6Addr {
    let [a, b, c, d, e, f] = mac;
    Ipv6Addr::from([0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f])
}

impl Host {
    /// A random host.
    pub fn random(rng: &mut Rng) -> Self {
        let mut host = Host::default();
        host.hold_still();
        host.settings_before(rng);
        host.say("ip link set lo up".into());
        let taps = 2 + rng.below(3);
        for at in 0..taps {
            host.device(rng, at as u8, true);
        }
        if rng.chance(1, 4) {
            host.device(rng, taps as u8, false);
        }
        host.addresses(rng);
        host.settings(rng);
        host.neighbours(rng);
        host.routes(rng);
        if rng.chance(1, 3) {
            host.rules(rng);
        }
        if rng.chance(1, 20) {
            // Last: neighbours of such a device are refused, and the rest of a batch with them.
            let dev = host.a_device(rng).name.clone();
            host.set(&format!("net.ipv6.conf.{dev}.disable_ipv6"), "1");
        }
        host
    }

    /// The settings without which much is random.
    pub(super) fn hold_still(&mut self) {
        for (name, value, _) in HELD6 {
            self.set(name, value);
        }
    }

    pub(super) fn say(&mut self, line: String) {
        self.script.push(line);
    }

    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.say(format!("sysctl -w {name}={value}"));
    }

    /// One of its devices.
    pub fn a_device<'a>(&'a self, rng: &mut Rng) -> &'a Device {
        &self.devices[rng.below(self.devices.len() as u64) as usize]
    }

    fn settings_before(&mut self, rng: &mut Rng) {
        self.forwarding = rng.chance(4, 5);
        if self.forwarding {
            self.set("net.ipv6.conf.all.forwarding", "1");
        }
        if rng.chance(1, 8) {
            self.set("net.ipv6.conf.default.hop_limit", one(rng, &["32", "255", "1"]));
        }
    }

    pub(super) fn device(&mut self, rng: &mut Rng, at: u8, tap: bool) {
        let name = format!("{}{at}", if tap { "t" } else { "u" });
        let mac = [2, 0, 0, 0, 0, at + 1];
        self.say(format!("ip tuntap add {name} mode {}", if tap { "tap" } else { "tun" }));
        if tap {
            self.say(format!("ip link set {name} address 02:00:00:00:00:{:02x}", at + 1));
        }
        let mtu = one(rng, &[1500, 1500, 1500, 1500, 1400, 1280, 1281, 1300]);
        if mtu != 1500 {
            self.say(format!("ip link set {name} mtu {mtu}"));
        }
        // The defaults of neighbour tables are those of the first namespace alone.
        // Answers for others wait for a random time, and a case does not take seconds.
        self.set(&format!("net.ipv6.neigh.{name}.proxy_delay"), "0");
        self.set(&format!("net.ipv6.neigh.{name}.retrans_time_ms"), "200");
        // A tun device would take a random address.
        let automatic = tap && !rng.chance(1, 8);
        if automatic {
            self.own_links.push((usize::from(at), of_mac(mac)));
        } else {
            self.set(&format!("net.ipv6.conf.{name}.addr_gen_mode"), "1");
        }
        if rng.chance(1, 24) {
            self.say(format!("ip link set {name} {}", one(rng, &["promisc on", "allmulticast on"])));
        }
        self.say(format!("ip link set {name} up"));
        let network = match at % 3 {
            2 => Ipv6Addr::new(0xfd00, u16::from(at), 0, 0, 0, 0, 0, 0),
            _ => Ipv6Addr::new(0x2001, 0xdb8, u16::from(at), 0, 0, 0, 0, 0),
        };
        let len = one(rng, &[64, 64, 64, 64, 120, 127, 48]);
        let neighbours = (2..6u8).map(|n| {
            let link = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, u16::from(at) + 1, n.into());
            (above(network, n.into()), link, [2, 0, 0, 0, 1 + at, n])
        });
        let neighbours = neighbours.collect();
        self.devices.push(Device { name, tap, mac, mtu, subnet: (network, len), neighbours });
    }

    pub(super) fn addresses(&mut self, rng: &mut Rng) {
        for (at, device) in self.devices.clone().into_iter().enumerate() {
            let dev = &device.name;
            if rng.chance(1, 6) || !device.tap {
                let link = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1 + at as u16);
                self.say(format!("ip address add {link}/64 dev {dev} nodad"));
                self.own_links.push((at, link));
            }
            if rng.chance(1, 15) {
                continue;
            }
            let (network, len) = device.subnet;
            let first = above(network, 1);
            self.say(format!("ip address add {first}/{len} dev {dev} nodad"));
            self.own.push(first);
            if rng.chance(1, 3) {
                let second = above(network, one(rng, &[7, 8, 0x130]));
                let more = one(rng, &["", "", " preferred_lft 0", " noprefixroute"]);
                self.say(format!("ip address add {second}/{len} dev {dev} nodad{more}"));
                self.own.push(second);
            }
            if rng.chance(1, 6) {
                let other = Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, 1 + rng.below(20) as u16);
                self.say(format!("ip address add {other}/{} dev {dev} nodad", one(rng, &[64, 128, 112])));
                self.own.push(other);
            }
        }
        if rng.chance(1, 4) {
            let other = Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 1 + rng.below(9) as u16);
            self.say(format!("ip address add {other}/128 dev lo nodad"));
            self.own.push(other);
        }
        if self.own.is_empty() {
            self.own.push(Ipv6Addr::LOCALHOST);
        }
    }

    /// Settings, each with values that matter.
    fn settings(&mut self, rng: &mut Rng) {
        const CONF: [(&str, &[&str]); 11] = [
            ("forwarding", &["0", "1"]),
            ("accept_redirects", &["0", "1"]),
            ("accept_source_route", &["0", "1"]),
            ("proxy_ndp", &["1"]),
            ("hop_limit", &["9", "255"]),
            ("mtu", &["1280", "1300"]),
            ("drop_unicast_in_l2_multicast", &["1"]),
            ("drop_unsolicited_na", &["1"]),
            ("accept_untracked_na", &["1", "2"]),
            ("ndisc_tclass", &["32"]),
            ("rpl_seg_enabled", &["1"]),
        ];
        const PLAIN: [(&str, &[&str]); 13] = [
            ("icmp.ratelimit", &["1000"]),
            ("icmp.echo_ignore_all", &["1"]),
            ("icmp.echo_ignore_multicast", &["1"]),
            ("icmp.echo_ignore_anycast", &["1"]),
            ("icmp.error_anycast_as_unicast", &["1"]),
            ("anycast_src_echo_reply", &["1"]),
            ("ip6frag_time", &["1"]),
            ("fwmark_reflect", &["1"]),
            ("flowlabel_reflect", &["1", "2", "4", "7"]),
            ("max_hbh_opts_number", &["0", "1", "-1"]),
            ("max_dst_opts_number", &["0", "1", "-1"]),
            ("max_dst_opts_length", &["8"]),
            ("conf.all.proxy_ndp", &["1"]),
        ];
        for _ in 0..one(rng, &[0, 0, 1, 1, 2, 3]) {
            let (name, values) = one(rng, &CONF);
            let place = self.a_device(rng).name.clone();
            let name = format!("net.ipv6.conf.{place}.{name}");
            self.set(&name, one(rng, values));
        }
        for _ in 0..one(rng, &[0, 0, 0, 1, 1, 2]) {
            let (name, values) = one(rng, &PLAIN);
            self.set(&format!("net.ipv6.{name}"), one(rng, values));
        }
    }

    pub(super) fn neighbours(&mut self, rng: &mut Rng) {
        for device in self.devices.clone() {
            if !device.tap {
                continue;
            }
            let dev = &device.name;
            for &(address, link, mac) in &device.neighbours {
                let mac: Vec<String> = mac.iter().map(|byte| format!("{byte:02x}")).collect();
                let mac = mac.join(":");
                for address in [address, link] {
                    let state = match weighted(rng, &[(20, 0), (2, 1), (1, 2), (1, 3), (1, 4)]) {
                        0 => "permanent",
                        1 => continue,
                        2 => "reachable",
                        3 => "stale",
                        _ => "noarp",
                    };
                    let router = if rng.chance(1, 12) { " router" } else { "" };
                    self.say(format!("ip neigh add {address} lladdr {mac} dev {dev} nud {state}{router}"));
                }
            }
            if rng.chance(1, 6) {
                let address = above(device.subnet.0, 0x77);
                self.say(format!("ip neigh add proxy {address} dev {dev}"));
                self.set(&format!("net.ipv6.conf.{dev}.proxy_ndp"), "1");
                self.proxied.push(address);
            }
        }
    }

    fn routes(&mut self, rng: &mut Rng) {
        if rng.chance(2, 3) {
            let way = self.way(rng);
            self.say(format!("ip route add ::/0{way}"));
            self.routed.push((Ipv6Addr::new(0x2600, 0, 0, 0, 0, 0, 0, 0), 64));
        }
        for at in 0..rng.below(7) {
            let len = one(rng, &[48, 64, 64, 128, 120]);
            let network = Ipv6Addr::new(0x2001, 0xdb8, 0x100 + at as u16, 0, 0, 0, 0, 0);
            let kind = weighted(rng, &[(16, 0), (1, 1), (1, 2), (1, 3), (1, 4), (1, 5), (1, 6), (1, 7)]);
            let line = match kind {
                0 => format!("ip route add {network}/{len}{}{}", self.way(rng), Self::metrics(rng)),
                1 => format!("ip route add unreachable {network}/{len}"),
                2 => format!("ip route add prohibit {network}/{len}"),
                3 => format!("ip route add blackhole {network}/{len}"),
                4 => format!("ip route add throw {network}/{len}"),
                5 => format!("ip route add local {network}/{len} dev lo"),
                6 => format!("ip route add anycast {network}/{len} dev {}", self.a_device(rng).name),
                _ => {
                    let legs = (0..2).map(|_| format!(" nexthop{}", self.way(rng)));
                    format!("ip route add {network}/{len}{}", legs.collect::<String>())
                }
            };
            self.say(line);
            self.routed.push((network, len));
        }
        if rng.chance(1, 8) {
            let from = Ipv6Addr::new(0x2001, 0xdb8, rng.below(3) as u16, 0, 0, 0, 0, 0);
            let way = self.way(rng);
            self.say(format!("ip route add 2001:db8:109::/64 from {from}/64{way}"));
            self.routed.push((Ipv6Addr::new(0x2001, 0xdb8, 0x109, 0, 0, 0, 0, 0), 64));
        }
        if rng.chance(1, 3) {
            let way = self.way(rng);
            self.say(format!("ip route add 2001:db8:108::/48{way} table 100"));
            self.routed.push((Ipv6Addr::new(0x2001, 0xdb8, 0x108, 0, 0, 0, 0, 0), 48));
        }
    }

    /// ` via G dev D`, or ` dev D`.
    pub fn way(&self, rng: &mut Rng) -> String {
        let device = self.a_device(rng);
        if rng.chance(1, 6) {
            return format!(" dev {}", device.name);
        }
        let (global, link, _) = one(rng, &device.neighbours);
        let gateway = if rng.chance(1, 2) { global } else { link };
        let onlink = if rng.chance(1, 12) { " onlink" } else { "" };
        format!(" via {gateway} dev {}{onlink}", device.name)
    }

    pub(super) fn metrics(rng: &mut Rng) -> String {
        match weighted(rng, &[(8, 0), (2, 1), (2, 2), (1, 3), (1, 4)]) {
            1 => format!(" mtu {}", one(rng, &[1280, 1300, 1281, 1400, 600])),
            2 => format!(" mtu lock {}", one(rng, &[1280, 1300])),
            3 => " hoplimit 9".into(),
            4 => " metric 50".into(),
            _ => String::new(),
        }
    }

    pub(super) fn rules(&mut self, rng: &mut Rng) {
        for _ in 0..1 + rng.below(3) {
            let device = self.a_device(rng);
            let selector = match rng.below(8) {
                0 => format!("from {}", one(rng, &device.neighbours).0),
                1 => format!("to 2001:db8:{:x}::/48", 0x100 + rng.below(6)),
                2 => format!("iif {}", device.name),
                3 => format!("oif {}", device.name),
                4 => "tos 0x10".to_owned(),
                5 => "ipproto udp dport 53".to_owned(),
                6 => "ipproto ipv6-icmp".to_owned(),
                _ => format!("not from {}/48", device.subnet.0),
            };
            let action = match weighted(rng, &[(6, 0), (1, 1), (1, 2), (1, 3), (2, 4)]) {
                0 => "table 100",
                1 => "unreachable",
                2 => "prohibit",
                3 => "blackhole",
                _ => "table main suppress_prefixlength 0",
            };
            let preference = one(rng, &[100, 200, 300, 32770]);
            self.say(format!("ip -6 rule add {selector} pref {preference} {action}"));
        }
    }
}
