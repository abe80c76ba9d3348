//! Random hosts: devices, addresses, settings, routes, rules and neighbours.

use std::net::Ipv4Addr;

use fingerpost_net::Rng;
use fingerpost_net::wire::Mac;

use crate::packets::generate::{one, weighted};
use crate::packets::masks::HELD4;

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
    pub subnet: (Ipv4Addr, u8),
    /// Hosts on the link.
    pub neighbours: Vec<(Ipv4Addr, Mac)>,
}

/// A host, and what packets need to know of it.
#[derive(Clone, Debug, Default)]
pub struct Host {
    /// Its script.
    pub script: Vec<String>,
    /// Its devices but for `lo`.
    pub devices: Vec<Device>,
    /// Its own addresses.
    pub own: Vec<Ipv4Addr>,
    /// Broadcast addresses of subnets.
    pub broadcasts: Vec<Ipv4Addr>,
    /// Destinations in tables.
    pub routed: Vec<(Ipv4Addr, u8)>,
    /// Whether it is a router.
    pub forwarding: bool,
}

/// An address `offset` above another.
pub fn above(address: Ipv4Addr, offset: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(address.to_bits().wrapping_add(offset))
}

impl Host {
    /// A random host.
    pub fn random(rng: &mut Rng) -> Self {
        let mut host = Host::default();
        for (name, value, _) in HELD4 {
            host.set(name, value);
        }
        host.settings_before(rng);
        host.say("ip link set lo up".into());
        let taps = 2 + rng.below(3);
        for at in 0..taps {
            host.device(rng, at as u8, true);
        }
        if rng.chance(1, 3) {
            host.device(rng, taps as u8, false);
        }
        host.addresses(rng);
        host.settings(rng);
        host.neighbours(rng);
        host.routes(rng);
        if rng.chance(1, 3) {
            host.rules(rng);
        }
        host
    }

    fn say(&mut self, line: String) {
        self.script.push(line);
    }

    fn set(&mut self, name: &str, value: &str) {
        self.say(format!("sysctl -w {name}={value}"));
    }

    /// A device's name, or `all`.
    fn somewhere(&self, rng: &mut Rng) -> String {
        match rng.chance(1, 2) {
            true => "all".to_owned(),
            false => self.a_device(rng).name.clone(),
        }
    }

    /// One of its devices.
    pub fn a_device<'a>(&'a self, rng: &mut Rng) -> &'a Device {
        &self.devices[rng.below(self.devices.len() as u64) as usize]
    }

    /// Settings that devices made later begin with.
    fn settings_before(&mut self, rng: &mut Rng) {
        self.forwarding = rng.chance(4, 5);
        if self.forwarding {
            self.set("net.ipv4.ip_forward", "1");
        }
        if rng.chance(1, 6) {
            self.set("net.ipv4.ip_default_ttl", one(rng, &["32", "128", "255", "1"]));
        }
    }

    fn device(&mut self, rng: &mut Rng, at: u8, tap: bool) {
        let name = format!("{}{at}", if tap { "t" } else { "u" });
        let mac = [2, 0, 0, 0, 0, at + 1];
        self.say(format!("ip tuntap add {name} mode {}", if tap { "tap" } else { "tun" }));
        if tap {
            self.say(format!("ip link set {name} address 02:00:00:00:00:{:02x}", at + 1));
        }
        let mtu = one(rng, &[1500, 1500, 1500, 1500, 1400, 1280, 600, 576, 300, 68]);
        if mtu != 1500 {
            self.say(format!("ip link set {name} mtu {mtu}"));
        }
        // The defaults of neighbour tables are those of the first namespace alone.
        // Answers for others wait for a random time, and a case does not take seconds.
        self.set(&format!("net.ipv4.neigh.{name}.proxy_delay"), "0");
        self.set(&format!("net.ipv4.neigh.{name}.retrans_time_ms"), "200");
        if rng.chance(1, 20) {
            self.say(format!(
                "ip link set {name} {}",
                one(rng, &["arp off", "promisc on", "allmulticast on", "broadcast 03:00:00:00:00:01"])
            ));
        }
        self.say(format!("ip link set {name} up"));
        let network = match at % 3 {
            0 => Ipv4Addr::new(10, 0, at, 0),
            1 => Ipv4Addr::new(192, 168, at, 0),
            _ => Ipv4Addr::new(172, 20, at, 0),
        };
        let len = one(rng, &[24, 24, 24, 24, 30, 28, 16, 25, 31]);
        let neighbours = (2..6).map(|n| (above(network, n), [2, 0, 0, 0, 1 + at, n as u8])).collect();
        self.devices.push(Device { name, tap, mac, mtu, subnet: (network, len), neighbours });
    }

    fn addresses(&mut self, rng: &mut Rng) {
        for device in self.devices.clone() {
            if rng.chance(1, 15) {
                continue;
            }
            let (network, len) = device.subnet;
            let first = above(network, 1);
            let (dev, brd) = (&device.name, if rng.chance(9, 10) { " brd +" } else { "" });
            if !device.tap && rng.chance(1, 2) {
                self.say(format!("ip address add {first} peer {} dev {dev}", above(network, 2)));
            } else {
                self.say(format!("ip address add {first}/{len}{brd} dev {dev}"));
                self.broadcasts.push(above(network, (1u32 << (32 - len)) - 1));
                self.broadcasts.push(network);
            }
            self.own.push(first);
            if rng.chance(1, 3) {
                let second = above(network, one(rng, &[7, 8, 130]));
                let scope = one(rng, &["", "", "", " scope link", " scope host"]);
                self.say(format!("ip address add {second}/{len}{brd}{scope} dev {dev}"));
                self.own.push(second);
            }
            if rng.chance(1, 6) {
                let other = Ipv4Addr::new(203, 0, 113, 1 + rng.below(20) as u8);
                self.say(format!("ip address add {other}/{} dev {dev}", one(rng, &[24, 32, 28])));
                self.own.push(other);
            }
        }
        if rng.chance(1, 4) {
            let other = Ipv4Addr::new(198, 51, 100, 1 + rng.below(9) as u8);
            self.say(format!("ip address add {other}/32 dev lo"));
            self.own.push(other);
        }
        if self.own.is_empty() {
            self.own.push(Ipv4Addr::new(127, 0, 0, 1));
        }
    }

    /// Settings of `spec` kinds: each with values that matter.
    fn settings(&mut self, rng: &mut Rng) {
        const CONF: [(&str, &[&str]); 21] = [
            ("rp_filter", &["1", "2", "1", "0"]),
            ("accept_local", &["1"]),
            ("src_valid_mark", &["1"]),
            ("route_localnet", &["1"]),
            ("accept_redirects", &["0", "1"]),
            ("secure_redirects", &["0", "1"]),
            ("shared_media", &["0"]),
            ("send_redirects", &["0", "1"]),
            ("accept_source_route", &["1", "0"]),
            ("bc_forwarding", &["1"]),
            ("proxy_arp", &["1"]),
            ("proxy_arp_pvlan", &["1"]),
            ("arp_filter", &["1"]),
            ("drop_unicast_in_l2_multicast", &["1"]),
            ("arp_announce", &["1", "2"]),
            ("arp_ignore", &["1", "2", "3", "8"]),
            ("forwarding", &["0", "1"]),
            ("arp_accept", &["1", "2"]),
            ("drop_gratuitous_arp", &["1"]),
            ("medium_id", &["-1", "1", "2"]),
            ("log_martians", &["1"]),
        ];
        const NEIGH: [(&str, &[&str]); 7] = [
            ("mcast_solicit", &["1", "0", "2"]),
            ("ucast_solicit", &["1", "0"]),
            ("app_solicit", &["1"]),
            ("unres_qlen_bytes", &["0", "2000", "4000"]),
            ("locktime", &["0", "10"]),
            ("delay_first_probe_time", &["1"]),
            ("retrans_time_ms", &["100"]),
        ];
        const PLAIN: [(&str, &[&str]); 18] = [
            ("icmp_ratelimit", &["1000", "1000", "100"]),
            ("icmp_ratemask", &["0", "1", "6160"]),
            ("ipfrag_time", &["1"]),
            ("ip_no_pmtu_disc", &["1", "2", "3"]),
            ("ip_forward_use_pmtu", &["1"]),
            ("ip_forward_update_priority", &["0"]),
            ("ip_early_demux", &["0"]),
            ("fwmark_reflect", &["1"]),
            ("fib_multipath_hash_policy", &["1", "2", "3"]),
            ("fib_multipath_use_neigh", &["1"]),
            ("icmp_errors_use_inbound_ifaddr", &["1"]),
            ("icmp_echo_ignore_all", &["1"]),
            ("icmp_echo_ignore_broadcasts", &["0"]),
            ("icmp_ignore_bogus_error_responses", &["0"]),
            ("ipfrag_max_dist", &["0", "1", "2"]),
            ("ip_nonlocal_bind", &["1"]),
            ("route.min_pmtu", &["68", "1000"]),
            ("nexthop_compat_mode", &["0"]),
        ];
        for _ in 0..one(rng, &[0, 0, 1, 1, 2, 3, 5]) {
            let (name, values) = one(rng, &CONF);
            let place = self.somewhere(rng);
            self.set(&format!("net.ipv4.conf.{place}.{name}"), one(rng, values));
        }
        for _ in 0..one(rng, &[0, 0, 0, 1, 1, 2]) {
            let (name, values) = one(rng, &PLAIN);
            self.set(&format!("net.ipv4.{name}"), one(rng, values));
        }
        for _ in 0..one(rng, &[0, 0, 0, 1, 2]) {
            let (name, values) = one(rng, &NEIGH);
            let dev = self.a_device(rng).name.clone();
            self.set(&format!("net.ipv4.neigh.{dev}.{name}"), one(rng, values));
        }
        if rng.chance(1, 4) {
            // Sources routed and redirects: both `all` and the device count.
            self.set("net.ipv4.conf.all.accept_source_route", "1");
        }
    }

    fn neighbours(&mut self, rng: &mut Rng) {
        for device in self.devices.clone() {
            if !device.tap {
                continue;
            }
            for (address, mac) in &device.neighbours {
                let state = match weighted(rng, &[(20, 0), (2, 1), (1, 2), (1, 3), (1, 4)]) {
                    0 => "permanent",
                    1 => continue,
                    2 => "reachable",
                    3 => "stale",
                    _ => "noarp",
                };
                let mac: Vec<String> = mac.iter().map(|byte| format!("{byte:02x}")).collect();
                let (mac, dev) = (mac.join(":"), &device.name);
                self.say(format!("ip neigh add {address} lladdr {mac} dev {dev} nud {state}"));
            }
            if rng.chance(1, 15) {
                let address = Ipv4Addr::new(192, 0, 2, 77);
                self.say(format!("ip neigh add proxy {address} dev {}", device.name));
            }
        }
    }

    fn routes(&mut self, rng: &mut Rng) {
        if rng.chance(2, 3) {
            let way = self.way(rng);
            self.say(format!("ip route add default{way}"));
            self.routed.push((Ipv4Addr::new(8, 8, 0, 0), 16));
        }
        for at in 0..rng.below(7) {
            let len = one(rng, &[24, 24, 16, 32, 28]);
            let network = Ipv4Addr::new(100, 64 + at as u8, 0, 0);
            let kind = weighted(
                rng,
                &[(16, 0), (1, 1), (1, 2), (1, 3), (1, 4), (1, 5), (1, 6), (1, 7), (2, 8), (1, 9)],
            );
            let line = match kind {
                0 => format!("ip route add {network}/{len}{}{}", self.way(rng), Self::metrics(rng)),
                1 => format!("ip route add unreachable {network}/{len}"),
                2 => format!("ip route add prohibit {network}/{len}"),
                3 => format!("ip route add blackhole {network}/{len}"),
                4 => format!("ip route add throw {network}/{len}"),
                5 => format!("ip route add local {network}/{len} dev lo"),
                6 => format!("ip route add broadcast {network}/{len} dev {}", self.a_device(rng).name),
                8 => {
                    // By nexthop objects, one or a group of two.
                    let (first, second) = (10 * at + 1, 10 * at + 2);
                    for id in [first, second] {
                        let way = self.way(rng);
                        self.say(format!("ip nexthop add id {id}{way}"));
                    }
                    self.say(format!("ip nexthop add id {} group {first},3/{second}", 10 * at + 3));
                    format!("ip route add {network}/{len} nhid {}", one(rng, &[first, 10 * at + 3]))
                }
                9 => {
                    let source = one(rng, &self.own);
                    format!("ip route add {network}/{len}{} src {source}", self.way(rng))
                }
                _ => {
                    let legs = (0..2).map(|_| format!(" nexthop{}", self.way(rng)));
                    format!("ip route add {network}/{len}{}", legs.collect::<String>())
                }
            };
            let tos = if rng.chance(1, 12) && kind == 0 { " tos 0x10" } else { "" };
            self.say(format!("{line}{tos}"));
            self.routed.push((network, len));
        }
        if rng.chance(1, 3) {
            let way = self.way(rng);
            self.say(format!("ip route add 100.72.0.0/16{way} table 100"));
            self.routed.push((Ipv4Addr::new(100, 72, 0, 0), 16));
        }
        if rng.chance(1, 10) {
            let dev = self.a_device(rng).name.clone();
            self.say(format!("ip route add multicast 239.1.0.0/16 dev {dev}"));
        }
    }

    /// ` via G dev D`, or ` dev D`.
    pub fn way(&self, rng: &mut Rng) -> String {
        let device = self.a_device(rng);
        if rng.chance(1, 6) {
            return format!(" dev {}", device.name);
        }
        let (gateway, _) = one(rng, &device.neighbours);
        let onlink = if rng.chance(1, 12) { " onlink" } else { "" };
        format!(" via {gateway} dev {}{onlink}", device.name)
    }

    fn metrics(rng: &mut Rng) -> String {
        match weighted(rng, &[(8, 0), (2, 1), (2, 2), (1, 3), (1, 4)]) {
            1 => format!(" mtu {}", one(rng, &[1000, 700, 576, 552, 300, 68])),
            2 => format!(" mtu lock {}", one(rng, &[1000, 700, 576, 300])),
            3 => " hoplimit 9".into(),
            4 => " metric 50".into(),
            _ => String::new(),
        }
    }

    fn rules(&mut self, rng: &mut Rng) {
        for _ in 0..1 + rng.below(3) {
            let device = self.a_device(rng);
            let selector = match rng.below(8) {
                0 => format!("from {}", one(rng, &device.neighbours).0),
                1 => format!("to {}/24", Ipv4Addr::new(100, 64 + rng.below(6) as u8, 0, 0)),
                2 => format!("iif {}", device.name),
                3 => format!("oif {}", device.name),
                4 => "tos 0x10".to_owned(),
                5 => "ipproto udp dport 53".to_owned(),
                6 => "ipproto icmp".to_owned(),
                _ => format!("not from {}/16", device.subnet.0),
            };
            let action = match weighted(rng, &[(6, 0), (1, 1), (1, 2), (1, 3), (2, 4)]) {
                0 => "table 100",
                1 => "unreachable",
                2 => "prohibit",
                3 => "blackhole",
                _ => "table main suppress_prefixlength 0",
            };
            let preference = one(rng, &[100, 200, 300, 32770]);
            self.say(format!("ip rule add {selector} pref {preference} {action}"));
        }
    }
}
