//! Hosts of IPv6 whose programs use sockets.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use fingerpost_net::wire::{Header, Ipv6, icmp6, proto};
use fingerpost_net::{Family, Rng};

use crate::packets::case::Step;
use crate::packets::generate::six::host::Host;
use crate::packets::generate::six::packet::{self, Packet};
use crate::packets::generate::six::steps;
use crate::packets::generate::sockets::Scene;
use crate::packets::generate::{one, weighted};

impl Host {
    /// Settings that sockets look at.
    pub fn settings_of_sockets(&mut self, rng: &mut Rng) {
        const SETTINGS: [(&str, &[&str]); 6] = [
            ("ipv6.ip_nonlocal_bind", &["1"]),
            ("ipv4.udp_early_demux", &["0"]),
            ("ipv4.ip_early_demux", &["0"]),
            ("ipv6.route.mtu_expires", &["1"]),
            ("ipv6.bindv6only", &["1"]),
            ("ipv4.ip_no_pmtu_disc", &["1"]),
        ];
        for _ in 0..one(rng, &[0, 1, 1, 2]) {
            let (name, values) = one(rng, &SETTINGS);
            self.script.push(format!("sysctl -w net.{name}={}", one(rng, values)));
        }
        if rng.chance(1, 3) {
            self.script.push("ip -6 rule add fwmark 1 pref 50 table 100".into());
            self.script.push(format!("ip route add ::/0{} table 100", self.way(rng)));
        }
    }
}

fn six(addr: IpAddr) -> Ipv6Addr {
    match addr {
        IpAddr::V4(addr) => addr.to_ipv6_mapped(),
        IpAddr::V6(addr) => addr,
    }
}

impl Scene for Host {
    fn family(&self) -> Family {
        Family::V6
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
        match rng.pick(&self.own_links) {
            Some(&(_, own)) if rng.chance(1, 2) => own.into(),
            _ => one(rng, &[Ipv6Addr::LOCALHOST, Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1)]).into(),
        }
    }

    fn mtu(&self, dev: usize) -> u16 {
        self.devices[dev].mtu
    }

    fn needs_link(&self, addr: IpAddr) -> bool {
        let addr = six(addr);
        addr.is_unicast_link_local() || addr.is_multicast()
    }

    fn datagram(&self, rng: &mut Rng, dev: usize, [from, to]: [SocketAddr; 2]) -> Step {
        let (src, dst) = (six(from.ip()), six(to.ip()));
        let len = rng.below(90) as usize;
        let data = packet::data(rng, len);
        let payload = packet::udp(rng, src, dst, from.port(), to.port(), &data);
        let class = one(rng, &[0, 0, 0x10, 0x03]);
        let packet =
            Packet { class, label: 0, hops: 64, src, dst, chain: Vec::new(), next: proto::UDP, payload };
        steps::inject(rng, &self.devices[dev], dst, packet.bytes())
    }

    fn error(&self, rng: &mut Rng, dev: usize, about: &[u8]) -> Option<Step> {
        let header = Ipv6::read(about)?;
        let (kind, code, rest) = match weighted(rng, &[(5, 0), (8, 1), (3, 2)]) {
            0 => (icmp6::UNREACHABLE, rng.below(9) as u8, 0),
            1 => (icmp6::TOO_BIG, 0, one(rng, &[0, 600, 1279, 1280, 1280, 1300, 1400, 1500, 9000])),
            _ => one(
                rng,
                &[
                    (icmp6::TIME_EXCEEDED, 0, 0),
                    (icmp6::TIME_EXCEEDED, 1, 0),
                    (icmp6::PARAMETER, 0, 4),
                    (icmp6::PARAMETER, 1, 6),
                    (icmp6::PARAMETER, 2, 40),
                    (9, 0, 0),
                    (127, 0, 0),
                ],
            ),
        };
        let neighbours = &self.devices[dev].neighbours;
        let src = if rng.chance(3, 4) { one(rng, neighbours).0 } else { header.destination() };
        let mut quoted = about.to_vec();
        quoted.truncate(if rng.chance(1, 12) { rng.below(60) as usize } else { 48 + rng.below(40) as usize });
        let packet = Packet::icmp(src, header.source(), 64, packet::icmp(kind, code, rest, &quoted));
        Some(steps::inject(rng, &self.devices[dev], header.source(), packet.bytes()))
    }

    fn whole(&self, rng: &mut Rng) -> Vec<u8> {
        let device = self.a_device(rng).clone();
        let mut packet = Packet::random(rng, self, &device);
        if rng.chance(1, 2) {
            packet.src = one(rng, &self.own);
        }
        let mut bytes = packet.bytes();
        if rng.chance(1, 12) {
            bytes.truncate(rng.below(44) as usize);
        }
        bytes
    }

    fn change(&self, rng: &mut Rng, about: Option<IpAddr>) -> String {
        let way = self.way(rng);
        let device = self.a_device(rng);
        let network = Ipv6Addr::new(0x2001, 0xdb8, 0x100 + rng.below(6) as u16, 0, 0, 0, 0, 0);
        match (rng.below(8), about) {
            (0..=2, Some(IpAddr::V6(peer))) => format!("ip route replace {peer}/128{way}"),
            (0..=1, _) => format!("ip -6 route replace default{way}"),
            (2, _) => format!("ip route replace {network}/64{way}"),
            (3, _) => "ip -6 route del default".into(),
            (4, _) => format!("ip link set {} mtu {}", device.name, one(rng, &[1500, 1300, 1280])),
            (5, Some(IpAddr::V6(peer))) => {
                format!("ip route replace {peer}/128{way} mtu {}", one(rng, &["1290", "lock 1300"]))
            }
            (5, _) => format!(
                "ip route replace {} {network}/48",
                one(rng, &["unreachable", "prohibit", "blackhole"])
            ),
            (6, _) => format!(
                "ip -6 rule add to {network}/48 pref 90 {}",
                one(rng, &["unreachable", "prohibit", "table 100"])
            ),
            _ => format!("ip -6 route add unreachable default metric {}", one(rng, &[1, 4000])),
        }
    }

    fn other(&self, rng: &mut Rng, dev: usize) -> Step {
        let device = &self.devices[dev];
        let packet = Packet::random(rng, self, device);
        steps::inject(rng, device, packet.dst, packet.bytes())
    }
}
