//! Hosts of IPv4 whose programs use sockets.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use fingerpost_net::wire::{Header, Ipv4, ethertype};
use fingerpost_net::{Family, Rng};

use super::Scene;
use crate::packets::case::Step;
use crate::packets::generate::host::{Host, above};
use crate::packets::generate::packet::{self, Packet};
use crate::packets::generate::{one, steps, weighted};

impl Host {
    /// Settings that sockets look at.
    pub fn settings_of_sockets(&mut self, rng: &mut Rng) {
        const SETTINGS: [(&str, &[&str]); 9] = [
            ("ip_no_pmtu_disc", &["1", "2", "3"]),
            ("ip_nonlocal_bind", &["1"]),
            ("udp_early_demux", &["0"]),
            ("ip_early_demux", &["0"]),
            ("route.min_pmtu", &["300", "1000"]),
            ("route.mtu_expires", &["1"]),
            ("conf.all.rp_filter", &["1", "2", "1"]),
            ("conf.all.accept_local", &["1"]),
            ("conf.all.accept_redirects", &["1", "0"]),
        ];
        for _ in 0..one(rng, &[0, 1, 1, 2, 3]) {
            let (name, values) = one(rng, &SETTINGS);
            self.script.push(format!("sysctl -w net.ipv4.{name}={}", one(rng, values)));
        }
        if rng.chance(1, 3) {
            self.script.push("ip rule add fwmark 1 pref 50 table 100".into());
            self.script.push(format!("ip route add default{} table 100", self.way(rng)));
        }
    }
}

fn four(addr: IpAddr) -> Ipv4Addr {
    match addr {
        IpAddr::V4(addr) => addr,
        IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
    }
}

impl Scene for Host {
    fn family(&self) -> Family {
        Family::V4
    }

    fn devices(&self) -> Vec<String> {
        self.devices.iter().map(|device| device.name.clone()).collect()
    }

    fn own(&self, rng: &mut Rng) -> IpAddr {
        one(rng, &self.own).into()
    }

    fn target(&self, rng: &mut Rng) -> IpAddr {
        let device = self.a_device(rng);
        match rng.chance(1, 3) {
            true => one(rng, &device.neighbours).0.into(),
            false => packet::destination(rng, self, device).into(),
        }
    }

    fn sender(&self, rng: &mut Rng, dev: usize) -> IpAddr {
        packet::source(rng, self, &self.devices[dev]).into()
    }

    fn place(&self, rng: &mut Rng) -> IpAddr {
        let shared = [Ipv4Addr::BROADCAST, Ipv4Addr::new(224, 0, 0, 1), Ipv4Addr::LOCALHOST];
        match rng.pick(&self.broadcasts) {
            Some(&broadcast) if rng.chance(1, 2) => broadcast.into(),
            _ => one(rng, &shared).into(),
        }
    }

    fn mtu(&self, dev: usize) -> u16 {
        self.devices[dev].mtu
    }

    fn needs_link(&self, _: IpAddr) -> bool {
        false
    }

    fn datagram(&self, rng: &mut Rng, dev: usize, [from, to]: [SocketAddr; 2]) -> Step {
        let (src, dst) = (four(from.ip()), four(to.ip()));
        let data: Vec<u8> = (0..rng.below(90)).map(|_| rng.next_u32() as u8).collect();
        let payload = packet::udp(rng, src, dst, from.port(), to.port(), &data);
        let packet = Packet { options: Vec::new(), payload, ..Packet::between(rng, self, src, dst) };
        let packet = Packet { proto: fingerpost_net::wire::proto::UDP, ttl: 64, fragment: 0, ..packet };
        steps::inject(rng, &self.devices[dev], ethertype::IPV4, packet.bytes())
    }

    fn error(&self, rng: &mut Rng, dev: usize, about: &[u8]) -> Option<Step> {
        let header = Ipv4::read(about)?;
        let (kind, code, rest) = match weighted(rng, &[(5, 0), (8, 1), (3, 2), (3, 3)]) {
            0 => (3, rng.below(17) as u8, 0),
            1 => (3, 4, one(rng, &[0, 68, 400, 552, 700, 1000, 1400, 1500, 9000])),
            2 => (5, one(rng, &[0, 1, 1, 2]), 0),
            _ => one(rng, &[(11, 0, 0), (11, 1, 0), (12, 0, 0x1400_0000), (12, 1, 0), (4, 0, 0)]),
        };
        let neighbours = &self.devices[dev].neighbours;
        let rest = if kind == 5 { one(rng, neighbours).0.to_bits() } else { rest };
        let src = if rng.chance(3, 4) { one(rng, neighbours).0 } else { header.destination() };
        let mut quoted = about.to_vec();
        quoted.truncate(if rng.chance(1, 12) { rng.below(40) as usize } else { 28 + rng.below(40) as usize });
        let payload = packet::icmp(kind, code, rest, &quoted);
        let packet =
            Packet { options: Vec::new(), payload, ..Packet::between(rng, self, src, header.source()) };
        let packet = Packet { proto: fingerpost_net::wire::proto::ICMP, ttl: 64, fragment: 0, ..packet };
        Some(steps::inject(rng, &self.devices[dev], ethertype::IPV4, packet.bytes()))
    }

    fn whole(&self, rng: &mut Rng) -> Vec<u8> {
        let device = self.a_device(rng).clone();
        let src = match rng.below(3) {
            0 => Ipv4Addr::UNSPECIFIED,
            1 => one(rng, &self.own),
            _ => packet::source(rng, self, &device),
        };
        let dst = packet::destination(rng, self, &device);
        let mut packet = Packet::between(rng, self, src, dst);
        packet.id = if rng.chance(1, 3) { 0 } else { packet.id };
        let mut bytes = packet.bytes();
        if rng.chance(1, 12) {
            bytes.truncate(rng.below(24) as usize);
        }
        bytes
    }

    fn change(&self, rng: &mut Rng, about: Option<IpAddr>) -> String {
        let way = self.way(rng);
        let device = self.a_device(rng).clone();
        let network = Ipv4Addr::new(100, 64 + rng.below(6) as u8, 0, 0);
        match (rng.below(9), about) {
            (0..=2, Some(IpAddr::V4(peer))) => format!("ip route replace {peer}/32{way}"),
            (0..=1, _) => format!("ip route replace default{way}"),
            (2, _) => format!("ip route replace {network}/24{way}"),
            (3, _) => "ip route del default".into(),
            (4, _) => format!(
                "ip address del {}/{} dev {}",
                above(device.subnet.0, 1),
                device.subnet.1,
                device.name
            ),
            (5, _) => format!("ip link set {} mtu {}", device.name, one(rng, &[1500, 1000, 600])),
            (6, Some(IpAddr::V4(peer))) => {
                format!("ip route replace {peer}/32{way} mtu {}", one(rng, &["800", "lock 700"]))
            }
            (6, _) => format!(
                "ip route replace {} {network}/16",
                one(rng, &["unreachable", "prohibit", "blackhole"])
            ),
            (7, _) => format!(
                "ip rule add to {network}/16 pref 90 {}",
                one(rng, &["unreachable", "prohibit", "table 100"])
            ),
            _ => format!("ip route add unreachable default metric {}", one(rng, &[1, 4000])),
        }
    }

    fn other(&self, rng: &mut Rng, dev: usize) -> Step {
        let device = &self.devices[dev];
        let bytes = Packet::random(rng, self, device).bytes();
        steps::inject(rng, device, ethertype::IPV4, bytes)
    }
}
