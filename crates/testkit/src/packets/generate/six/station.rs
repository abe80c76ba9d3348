//! Cases of IPv6 about what a host makes of routers: advertisements with random options,
//! redirects, queries for groups, others that have its addresses; on random settings of what it
//! accepts. Its routes, addresses and neighbours are looked at in the end.

use std::net::Ipv6Addr;

use fingerpost_net::Rng;
use fingerpost_net::wire::{icmp6, nd, next};

use crate::packets::case::Step;
use crate::packets::generate::six::host::{Device, Host, above};
use crate::packets::generate::six::packet::{Packet, data, icmp, solicited};
use crate::packets::generate::six::{discover, steps};
use crate::packets::generate::{one, weighted};

/// Packets a case.
const PACKETS: u64 = 14;
/// Milliseconds after which the work is done that a packet leaves to be done.
const WORK: u64 = 40;
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// Prefixes that routers advertise.
const PREFIXES: [u16; 3] = [0xa, 0xb, 0xc];

/// A host that listens to routers, and what befalls it.
pub fn case(rng: &mut Rng) -> (Host, Vec<Step>) {
    let mut host = Host::station(rng);
    let mut steps = Vec::new();
    for _ in 0..PACKETS {
        let device = host.a_device(rng).clone();
        let (packet, ms) = match weighted(rng, &[(8, 0), (8, 1), (5, 2), (2, 3), (5, 4), (7, 5), (2, 6)]) {
            0 => (advertisement(rng, &device), WORK),
            1 => (redirect(rng, &host, &device), 0),
            2 => (query(rng, &host, &device), WORK),
            3 => (report(rng, &host, &device), 0),
            4 => (conflict(rng, &host, &device), WORK),
            5 => (echo(rng, &host, &device), 0),
            _ => (discover::random(rng, &host, &device), 0),
        };
        match steps::inject(rng, &device, packet.dst, packet.bytes()) {
            Step::Inject { dev, frame, .. } => steps.push(Step::Inject { dev, frame, ms }),
            other => steps.push(other),
        }
        if rng.chance(1, 10) {
            steps.extend(rng.pick(&steps).cloned());
        }
    }
    for command in ["-6 route show table all", "-6 address show", "-6 neigh show"] {
        steps.push(Step::Ask { command: command.to_owned() });
    }
    host.own.dedup();
    (host, steps)
}

impl Host {
    /// A host with a device or two, most of the time no router.
    fn station(rng: &mut Rng) -> Host {
        let mut host = Host::default();
        host.hold_still();
        host.forwarding = rng.chance(1, 8);
        if host.forwarding {
            host.set("net.ipv6.conf.all.forwarding", "1");
        }
        host.say("ip link set lo up".into());
        for at in 0..1 + rng.below(2) {
            host.device(rng, at as u8, true);
        }
        host.addresses(rng);
        for device in host.devices.clone() {
            // Who does not answer is not asked again while the case takes.
            host.set(&format!("net.ipv6.neigh.{}.retrans_time_ms", device.name), "60000");
            host.accepts(rng, &device);
        }
        host.neighbours(rng);
        host.ways(rng);
        for device in host.devices.clone() {
            if rng.chance(1, 3) {
                host.looks_for_duplicates(rng, &device);
            }
        }
        host
    }

    fn accepts(&mut self, rng: &mut Rng, device: &Device) {
        let conf = format!("net.ipv6.conf.{}", device.name);
        let accept = weighted(rng, &[(10, 1), (3, 2), (1, 0)]).to_string();
        self.set(&format!("{conf}.accept_ra"), &accept);
        self.set(&format!("{conf}.accept_ra_rt_info_max_plen"), one(rng, &["0", "128", "64", "64"]));
        const SETTINGS: [(&str, &[&str]); 21] = [
            ("accept_ra_defrtr", &["0"]),
            ("accept_ra_pinfo", &["0"]),
            ("accept_ra_rtr_pref", &["0"]),
            ("accept_ra_min_hop_limit", &["64", "256", "65"]),
            ("accept_ra_min_lft", &["100", "1801"]),
            ("accept_ra_rt_info_min_plen", &["1", "48", "60"]),
            ("accept_ra_mtu", &["0"]),
            ("accept_ra_from_local", &["1"]),
            ("ra_defrtr_metric", &["5", "1024", "2000"]),
            ("autoconf", &["0"]),
            ("accept_redirects", &["0"]),
            ("forwarding", &["1", "0"]),
            ("max_addresses", &["0", "2", "3"]),
            ("ra_honor_pio_life", &["1"]),
            ("ra_honor_pio_pflag", &["1"]),
            ("addr_gen_mode", &["1"]),
            ("stable_secret", &["2001:db8::7"]),
            ("force_mld_version", &["1", "2"]),
            ("optimistic_dad", &["1"]),
            ("ndisc_notify", &["1"]),
            ("mtu", &["1280", "1300"]),
        ];
        for _ in 0..one(rng, &[0, 0, 1, 1, 2, 3]) {
            let (name, values) = one(rng, &SETTINGS);
            self.set(&format!("{conf}.{name}"), one(rng, values));
        }
        if rng.chance(1, 10) {
            self.say(format!("ip token set ::5:6 dev {}", device.name));
        }
    }

    /// Routes by routers of the link, as redirects are about.
    fn ways(&mut self, rng: &mut Rng) {
        if rng.chance(2, 3) {
            let device = self.a_device(rng);
            let gateway = one(rng, &device.neighbours).1;
            let line = format!("ip route add ::/0 via {gateway} dev {}{}", device.name, Self::metrics(rng));
            self.say(line);
            self.routed.push((Ipv6Addr::new(0x2600, 0, 0, 0, 0, 0, 0, 0), 64));
        }
        for at in 0..rng.below(4) {
            let network = Ipv6Addr::new(0x2001, 0xdb8, 0x100 + at as u16, 0, 0, 0, 0, 0);
            let way = self.way(rng);
            self.say(format!("ip route add {network}/48{way}{}", Self::metrics(rng)));
            self.routed.push((network, 48));
        }
        if rng.chance(1, 8) {
            let (one_way, other) = (self.way(rng), self.way(rng));
            self.say(format!("ip route add 2001:db8:10a::/48 nexthop{one_way} nexthop{other}"));
            self.routed.push((Ipv6Addr::new(0x2001, 0xdb8, 0x10a, 0, 0, 0, 0, 0), 48));
        }
        if rng.chance(1, 8) {
            self.rules(rng);
        }
    }

    /// Addresses that are looked for as long as the case takes: one solicitation and a long wait.
    fn looks_for_duplicates(&mut self, rng: &mut Rng, device: &Device) {
        let conf = format!("net.ipv6.conf.{}", device.name);
        self.set(&format!("{conf}.accept_dad"), one(rng, &["1", "1", "2"]));
        self.set(&format!("{conf}.dad_transmits"), "1");
        self.set(&format!("{conf}.router_solicitation_delay"), "0");
        let more = one(rng, &["", "", " valid_lft 5000 preferred_lft 3000", " optimistic"]);
        let address = above(device.subnet.0, 0x44);
        self.say(format!("ip address add {address}/64 dev {}{more}", device.name));
        self.own.push(address);
    }
}

fn from_router(rng: &mut Rng, device: &Device) -> Ipv6Addr {
    match rng.chance(9, 10) {
        true => one(rng, &device.neighbours).1,
        false => one(rng, &device.neighbours).0,
    }
}

/// Appends an option, most of the time with its own length.
fn option(rng: &mut Rng, message: &mut Vec<u8>, kind: u8, body: &[u8]) {
    let units = ((body.len() + 2).div_ceil(8)) as u8;
    let told = if rng.chance(1, 60) { one(rng, &[0, 1, units + 1]) } else { units };
    let end = message.len() + usize::from(units) * 8;
    message.extend([kind, told]);
    message.extend(body);
    message.resize(end, 0);
}

fn advertisement(rng: &mut Rng, device: &Device) -> Packet {
    let src = match rng.chance(1, 12) {
        true => of_device(device),
        false => from_router(rng, device),
    };
    let lifetime: u32 = one(rng, &[1800, 1800, 1800, 600, 0, 50, 65535]);
    let flags: u32 = one(rng, &[0, 0, 0x08, 0x18, 0x10, 0xc0]);
    let hop_limit: u32 = one(rng, &[0, 64, 65, 9, 255]);
    let times = [one(rng, &[0, 0, 30_000, 70_001]), one(rng, &[0, 0, 0, 90_003])];
    let body: Vec<u8> = times.into_iter().flat_map(u32::to_be_bytes).collect();
    let mut message = icmp(nd::ROUTER_ADVERT, 0, hop_limit << 24 | flags << 16 | lifetime, &body);
    if rng.chance(3, 4) {
        let mac = device.neighbours[0].2;
        option(rng, &mut message, nd::SOURCE_ADDRESS, &mac);
    }
    for _ in 0..one(rng, &[0, 1, 1, 2, 3]) {
        match weighted(rng, &[(6, 0), (3, 1), (2, 2), (1, 3)]) {
            0 => prefix_option(rng, device, &mut message),
            1 => route_option(rng, &mut message),
            2 => {
                let mtu: u32 = one(rng, &[1280, 1300, 1400, 1500, 1279, 9000]);
                let body = [[0, 0], [0, 0], [0, 0]].concat();
                let body = [&body[..2], &mtu.to_be_bytes()].concat();
                option(rng, &mut message, nd::MTU, &body);
            }
            _ => {
                let kind = one(rng, &[25, 31, 38, 77, nd::TARGET_ADDRESS]);
                let len = one(rng, &[6, 14, 22]);
                let body = data(rng, len);
                option(rng, &mut message, kind, &body);
            }
        }
    }
    let hops = if rng.chance(1, 25) { 64 } else { 255 };
    let dst = if rng.chance(1, 10) { of_device(device) } else { ALL_NODES };
    Packet::icmp(src, dst, hops, message)
}

/// The address of the link that a device makes for itself.
fn of_device(device: &Device) -> Ipv6Addr {
    let [a, b, c, d, e, f] = device.mac;
    Ipv6Addr::from([0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f])
}

fn prefix_option(rng: &mut Rng, device: &Device, message: &mut Vec<u8>) {
    let prefix = match weighted(rng, &[(8, 0), (2, 1), (1, 2), (1, 3)]) {
        0 => Ipv6Addr::new(0x2001, 0xdb8, one(rng, &PREFIXES), 0, 0, 0, 0, 0),
        1 => device.subnet.0,
        2 => one(rng, &[Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), ALL_NODES, Ipv6Addr::UNSPECIFIED]),
        _ => Ipv6Addr::new(0xfec0, 0, 0, 1, 0, 0, 0, 7),
    };
    let len = one(rng, &[64, 64, 64, 64, 48, 128, 0, 129]);
    let flags = one(rng, &[0xc0, 0xc0, 0xc0, 0x80, 0x40, 0xd0, 0]);
    let (valid, preferred): (u32, u32) = one(
        rng,
        &[
            (86400, 14400),
            (3000, 1000),
            (u32::MAX, u32::MAX),
            (u32::MAX, 14400),
            (0, 0),
            (60, 0),
            (100, 200),
            (9000, 9000),
        ],
    );
    let mut body = vec![len, flags];
    body.extend(valid.to_be_bytes());
    body.extend(preferred.to_be_bytes());
    body.extend([0; 4]);
    body.extend(prefix.octets());
    if rng.chance(1, 40) {
        body.truncate(14);
    }
    option(rng, message, nd::PREFIX, &body);
}

fn route_option(rng: &mut Rng, message: &mut Vec<u8>) {
    let prefix = Ipv6Addr::new(0x2001, 0xdb8, one(rng, &[0xd, 0xe, 0x100]), 0, 0, 0, 0, 1);
    let (len, octets) =
        one(rng, &[(48, 16), (48, 8), (64, 8), (0, 0), (60, 16), (128, 16), (96, 16), (129, 16), (0, 8)]);
    let flags = one(rng, &[0, 0, 0x08, 0x18, 0x10]);
    let lifetime: u32 = one(rng, &[1800, 600, u32::MAX, 0, 40]);
    let mut body = vec![len, flags];
    body.extend(lifetime.to_be_bytes());
    body.extend(&prefix.octets()[..octets]);
    option(rng, message, nd::ROUTE, &body);
}

/// Somebody beyond the links, most of the time where a route leads.
fn remote(rng: &mut Rng, host: &Host) -> Ipv6Addr {
    match rng.pick(&host.routed) {
        Some(&(network, _)) => above(network, 1 + u128::from(rng.below(3))),
        None => Ipv6Addr::new(0x2600, 0, 0, 0, 0, 0, 0, 1 + rng.below(3) as u16),
    }
}

fn redirect(rng: &mut Rng, host: &Host, device: &Device) -> Packet {
    let src = from_router(rng, device);
    let own = one(rng, &host.own);
    let about = if rng.chance(9, 10) { remote(rng, host) } else { one(rng, &device.neighbours).0 };
    let (global, link, mac) = one(rng, &device.neighbours);
    let target = match weighted(rng, &[(6, 0), (3, 1), (1, 2), (1, 3)]) {
        0 => link,
        1 => about,
        2 => global,
        _ => above(link, 0x50),
    };
    let mut body = target.octets().to_vec();
    let named = if rng.chance(1, 12) { remote(rng, host) } else { about };
    body.extend(if rng.chance(1, 30) { ALL_NODES } else { named }.octets());
    let mut message = icmp(nd::REDIRECT, 0, 0, &body);
    if rng.chance(3, 4) {
        option(rng, &mut message, nd::TARGET_ADDRESS, &mac);
    }
    if rng.chance(2, 3) {
        let number = weighted(rng, &[(8, u32::from(next::ICMPV6)), (1, 17), (1, 6), (1, 99)]) as u8;
        let quoted = Packet {
            class: one(rng, &[0, 0, 0x10]),
            label: 0,
            hops: 60,
            src: own,
            dst: about,
            chain: Vec::new(),
            next: number,
            payload: icmp(icmp6::ECHO_REPLY, 0, 7, &[0; 8]),
        };
        let quoted = quoted.bytes();
        let len = if rng.chance(1, 20) { 40 } else { quoted.len() / 8 * 8 };
        option(rng, &mut message, nd::REDIRECTED, &[&[0; 6][..], &quoted[..len]].concat());
    }
    Packet::icmp(src, own, if rng.chance(1, 25) { 64 } else { 255 }, message)
}

/// A message about groups behind the router alert.
fn alert(rng: &mut Rng, src: Ipv6Addr, dst: Ipv6Addr, message: Vec<u8>) -> Packet {
    let hops = if rng.chance(1, 20) { 64 } else { 1 };
    let mut packet = Packet::icmp(src, dst, hops, message);
    let value = if rng.chance(1, 25) { 1 } else { 0 };
    if !rng.chance(1, 20) {
        packet.chain = vec![(next::HOP, vec![0, 0, 5, 2, 0, value, 1, 0])];
    }
    packet
}

/// A group that the host is in, or is not.
fn group(rng: &mut Rng, host: &Host, device: &Device) -> Ipv6Addr {
    match weighted(rng, &[(5, 0), (2, 1), (1, 2), (1, 3)]) {
        0 => solicited(one(rng, &host.own)),
        1 => solicited(of_device(device)),
        2 => ALL_NODES,
        _ => Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x99),
    }
}

fn query(rng: &mut Rng, host: &Host, device: &Device) -> Packet {
    let src = from_router(rng, device);
    let general = rng.chance(2, 3);
    let about = if general { Ipv6Addr::UNSPECIFIED } else { group(rng, host, device) };
    let about = if rng.chance(1, 25) { one(rng, &host.own) } else { about };
    // A delay of one tick: what is random of it is nothing.
    let mut message = icmp(icmp6::LISTENER_QUERY, 0, one(rng, &[1, 4]) << 16, &about.octets());
    if rng.chance(2, 3) {
        let sources = if rng.chance(1, 6) { 1 } else { 0 };
        message.extend([one(rng, &[0, 2, 10]), one(rng, &[125, 0, 200]), 0, sources]);
        for _ in 0..sources {
            message.extend(remote(rng, host).octets());
        }
        if rng.chance(1, 30) {
            message.pop();
        }
    }
    let dst = match weighted(rng, &[(8, 0), (1, 1)]) {
        0 if general => ALL_NODES,
        0 => about,
        _ => one(rng, &host.own),
    };
    alert(rng, src, dst, message)
}

fn report(rng: &mut Rng, host: &Host, device: &Device) -> Packet {
    let about = group(rng, host, device);
    let kind = one(rng, &[icmp6::LISTENER_REPORT, icmp6::LISTENER_REPORT, icmp6::LISTENER_DONE]);
    let message = icmp(kind, 0, 0, &about.octets());
    let src = from_router(rng, device);
    alert(rng, src, about, message)
}

/// Another that has, or looks for, an address of the host's.
fn conflict(rng: &mut Rng, host: &Host, device: &Device) -> Packet {
    let target = match weighted(rng, &[(4, 0), (4, 1), (1, 2)]) {
        0 => above(device.subnet.0, 0x44),
        1 => one(rng, &host.own),
        _ => of_device(device),
    };
    match rng.below(3) {
        0 => {
            let mut message = icmp(nd::SOLICIT, 0, 0, &target.octets());
            if rng.chance(1, 2) {
                option(rng, &mut message, nd::NONCE, &[1, 2, 3, 4, 5, 6]);
            }
            Packet::icmp(Ipv6Addr::UNSPECIFIED, solicited(target), 255, message)
        }
        1 => {
            let flags: u32 = one(rng, &[0x20, 0xa0, 0x60]);
            let mut message = icmp(nd::ADVERT, 0, flags << 24, &target.octets());
            option(rng, &mut message, nd::TARGET_ADDRESS, &[2, 0, 0, 0, 9, 9]);
            let dst = if rng.chance(1, 2) { ALL_NODES } else { one(rng, &host.own) };
            Packet::icmp(target, dst, 255, message)
        }
        // A router that is none any more.
        _ => {
            let (_, link, mac) = one(rng, &device.neighbours);
            let flags: u32 = one(rng, &[0x20, 0x60, 0xe0]);
            let mut message = icmp(nd::ADVERT, 0, flags << 24, &link.octets());
            option(rng, &mut message, nd::TARGET_ADDRESS, &mac);
            Packet::icmp(link, one(rng, &host.own), 255, message)
        }
    }
}

/// A question from beyond, whose answer shows the way.
fn echo(rng: &mut Rng, host: &Host, device: &Device) -> Packet {
    let src = if rng.chance(5, 6) { remote(rng, host) } else { one(rng, &device.neighbours).0 };
    let payload = data(rng, 16);
    Packet::icmp(src, one(rng, &host.own), 64, icmp(icmp6::ECHO, 0, 7, &payload))
}
