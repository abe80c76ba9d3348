//! Random IPv4 packets: addresses that the host has, knows or refuses, and everything above.

use std::net::Ipv4Addr;

use fingerpost_net::Rng;
use fingerpost_net::wire::{Checksum, DF, Header, Icmp, Ipv4, MF, Udp, checksum, proto};
use zerocopy::byteorder::network_endian::U16;

use crate::packets::generate::host::{Device, Host, above};
use crate::packets::generate::{one, segment, weighted};

/// A packet in parts, before its bytes.
#[derive(Clone, Debug)]
pub struct Packet {
    /// Type of service.
    pub tos: u8,
    /// Identification.
    pub id: u16,
    /// Flags and offset, as in the header.
    pub fragment: u16,
    /// Time to live.
    pub ttl: u8,
    /// Protocol.
    pub proto: u8,
    /// Source.
    pub src: Ipv4Addr,
    /// Destination.
    pub dst: Ipv4Addr,
    /// Options, a multiple of four bytes, at most forty.
    pub options: Vec<u8>,
    /// What follows the header.
    pub payload: Vec<u8>,
}

impl Packet {
    /// Its bytes, with the right lengths and checksum.
    pub fn bytes(&self) -> Vec<u8> {
        let len = Ipv4::LEN + self.options.len();
        let mut bytes = vec![0; len];
        if let Some(header) = Ipv4::edit(&mut bytes) {
            header.version_ihl = 0x40 | (len / 4) as u8;
            header.tos = self.tos;
            header.total_len = U16::new((len + self.payload.len()) as u16);
            header.id = U16::new(self.id);
            header.fragment = U16::new(self.fragment);
            (header.ttl, header.proto) = (self.ttl, self.proto);
            (header.src, header.dst) = (self.src.octets(), self.dst.octets());
        }
        bytes[Ipv4::LEN..].copy_from_slice(&self.options);
        renew_checksum(&mut bytes);
        bytes.extend_from_slice(&self.payload);
        bytes
    }

    /// A random packet as it may arrive on a device.
    pub fn random(rng: &mut Rng, host: &Host, device: &Device) -> Packet {
        let (src, dst) = (source(rng, host, device), destination(rng, host, device));
        Packet::between(rng, host, src, dst)
    }

    /// A random packet between two addresses.
    pub fn between(rng: &mut Rng, host: &Host, src: Ipv4Addr, dst: Ipv4Addr) -> Packet {
        let mut packet = Packet {
            tos: one(rng, &[0, 0, 0, 0x10, 0x08, 0xb8, 0x01, 0x02, 0x03, 0xff]),
            id: 1 + rng.below(0xfffe) as u16,
            fragment: one(rng, &[0, 0, DF]),
            ttl: one(rng, &[64, 64, 64, 64, 64, 64, 2, 1, 0, 255]),
            proto: proto::UDP,
            src,
            dst,
            options: Vec::new(),
            payload: Vec::new(),
        };
        packet.fill(rng, host);
        if rng.chance(1, 6) {
            packet.options = options(rng, host);
        }
        packet
    }

    fn fill(&mut self, rng: &mut Rng, host: &Host) {
        let size = size(rng, host);
        let kind = weighted(rng, &[(8, 0), (7, 1), (4, 2), (4, 3), (2, 4), (1, 5), (1, 6), (1, 7)]);
        let data =
            |rng: &mut Rng, len: usize| -> Vec<u8> { (0..len).map(|_| rng.next_u32() as u8).collect() };
        (self.proto, self.payload) = match kind {
            0 => {
                let (sport, dport) = (1024 + rng.below(9) as u16, one(rng, &[53, 7, 5000, 33434, 0]));
                let data = data(rng, size);
                (proto::UDP, udp(rng, self.src, self.dst, sport, dport, &data))
            }
            1 => {
                let code = if rng.chance(1, 12) { 3 } else { 0 };
                let data = data(rng, size);
                (proto::ICMP, icmp(8, code, rng.next_u32(), &data))
            }
            2 => (proto::TCP, tcp(rng, self.src, self.dst)),
            3 => (proto::ICMP, error(rng, host, self.dst)),
            4 => {
                let kind = one(rng, &[0, 13, 14, 15, 17, 18, 9, 10, 6, 1, 19, 40, 42, 43, 255]);
                let len = one(rng, &[0, 4, 12, 20]);
                let data = data(rng, len);
                (proto::ICMP, icmp(kind, one(rng, &[0, 0, 1]), rng.next_u32(), &data))
            }
            5 => {
                let (kind, group) =
                    one(rng, &[(0x11, 0), (0x16, 0xe000_0005), (0x17, 0xe000_0005), (0x99, 0)]);
                let mut bytes = vec![kind, 0, 0, 0];
                bytes.extend_from_slice(&u32::to_be_bytes(group));
                renew(&mut bytes, 2);
                (proto::IGMP, bytes)
            }
            6 => {
                let len = size.min(64);
                (one(rng, &[3, 99, 253, 255, 0, 47, 4, 41, 50, 51, 132, 136, 103, 108]), data(rng, len))
            }
            _ => {
                let len = one(rng, &[0, 3, 7, 8]);
                (one(rng, &[proto::ICMP, proto::UDP, proto::TCP, proto::IGMP]), data(rng, len))
            }
        };
        if rng.chance(1, 20)
            && let Some(byte) = self.payload.get_mut(2..8).and_then(|bytes| bytes.first_mut())
        {
            *byte ^= 0x55;
        }
    }

    /// What a host says that has no address yet, to all.
    pub fn from_nowhere(rng: &mut Rng, host: &Host) -> Packet {
        let packet = Packet::between(rng, host, Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST);
        let payload = udp(rng, packet.src, packet.dst, 68, 67, &[1; 40]);
        Packet { proto: proto::UDP, payload, ..packet }
    }

    /// A long echo request to the host, from whom it is reached.
    pub fn long_echo(rng: &mut Rng, src: Ipv4Addr, dst: Ipv4Addr, host: &Host) -> Packet {
        let len = 500 + rng.below(900) as usize;
        let packet = Packet::between(rng, host, src, dst);
        let payload = icmp(8, 0, rng.next_u32(), &vec![0x5a; len]);
        Packet { proto: proto::ICMP, ttl: 64, fragment: 0, payload, ..packet }
    }

    /// What a router says of the answer to that: it is too long, or goes another way better.
    pub fn about_answer(rng: &mut Rng, host: &Host, from: Ipv4Addr, src: Ipv4Addr, dst: Ipv4Addr) -> Packet {
        let payload = icmp(0, 0, 0x1_0002, &[0x5a; 8]);
        let base = Packet::between(rng, host, from, dst);
        let quoted = Packet {
            tos: 0,
            fragment: 0,
            ttl: 60,
            proto: proto::ICMP,
            src: dst,
            dst: src,
            payload,
            options: Vec::new(),
            ..base.clone()
        };
        let device = host.a_device(rng);
        let (kind, code, rest) = match rng.chance(2, 3) {
            true => (3, 4, one(rng, &[1000, 600, 552, 400, 0, 1400])),
            false => (5, 1, one(rng, &device.neighbours).0.to_bits()),
        };
        let payload = icmp(kind, code, rest, &quoted.bytes());
        Packet { proto: proto::ICMP, ttl: 64, fragment: 0, options: Vec::new(), payload, ..base }
    }

    /// Its pieces, each with at most `size` bytes of payload.
    pub fn cut(&self, size: usize) -> Vec<Packet> {
        let size = (size / 8 * 8).max(8);
        let count = self.payload.chunks(size).count();
        let pieces = self.payload.chunks(size).enumerate().map(|(at, chunk)| {
            let more = if at + 1 < count { MF } else { 0 };
            Packet { fragment: (at * size / 8) as u16 | more, payload: chunk.to_vec(), ..self.clone() }
        });
        pieces.collect()
    }
}

/// Puts the right checksum into a header.
pub fn renew_checksum(header: &mut [u8]) {
    if header.len() >= Ipv4::LEN {
        renew(header, 10);
    }
}

fn renew(bytes: &mut [u8], at: usize) {
    bytes[at..at + 2].fill(0);
    let sum = checksum(bytes);
    bytes[at..at + 2].copy_from_slice(&sum.to_be_bytes());
}

/// Data lengths, many of them where packets begin to be too big.
fn size(rng: &mut Rng, host: &Host) -> usize {
    match weighted(rng, &[(12, 0), (6, 1), (2, 2), (2, 3), (1, 4)]) {
        0 => rng.below(80) as usize,
        1 => {
            let own = host.a_device(rng).mtu;
            let mtu = usize::from(one(rng, &[own, 576, 700, 1000]));
            (mtu + rng.below(5) as usize).saturating_sub(30)
        }
        2 => 0,
        // Longer than any link here takes.
        4 => one(rng, &[1480, 1501, 3000, 8972]),
        _ => 200 + rng.below(1400) as usize,
    }
}

pub fn udp(rng: &mut Rng, src: Ipv4Addr, dst: Ipv4Addr, sport: u16, dport: u16, data: &[u8]) -> Vec<u8> {
    let len = Udp::LEN + data.len();
    let claimed = if rng.chance(1, 25) { one(rng, &[0, 7, 8, len as u16 + 1]) } else { len as u16 };
    let mut bytes = vec![0; Udp::LEN];
    bytes[..2].copy_from_slice(&sport.to_be_bytes());
    bytes[2..4].copy_from_slice(&dport.to_be_bytes());
    bytes[4..6].copy_from_slice(&claimed.to_be_bytes());
    bytes.extend_from_slice(data);
    if !rng.chance(1, 8) {
        let sum = Checksum::ZERO.pseudo4(src, dst, proto::UDP, len).bytes(&bytes).finish();
        bytes[6..8].copy_from_slice(&(if sum == 0 { 0xffff } else { sum }).to_be_bytes());
    }
    bytes
}

fn tcp(rng: &mut Rng, src: Ipv4Addr, dst: Ipv4Addr) -> Vec<u8> {
    let mut bytes = segment(rng);
    let sum = Checksum::ZERO.pseudo4(src, dst, proto::TCP, bytes.len()).bytes(&bytes).finish();
    bytes[16..18].copy_from_slice(&sum.to_be_bytes());
    bytes
}

/// An ICMP message with its checksum, rarely a wrong one.
pub fn icmp(kind: u8, code: u8, rest: u32, data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind, code, 0, 0];
    bytes.extend_from_slice(&rest.to_be_bytes());
    bytes.extend_from_slice(data);
    renew(&mut bytes, 2);
    debug_assert!(bytes.len() >= Icmp::LEN);
    bytes
}

/// An error that quotes a packet of the host that gets it.
fn error(rng: &mut Rng, host: &Host, dst: Ipv4Addr) -> Vec<u8> {
    let (kind, code, rest) = one(
        rng,
        &[
            (3, 0, 0),
            (3, 1, 0),
            (3, 2, 0),
            (3, 3, 0),
            (3, 4, 1000),
            (3, 4, 400),
            (3, 4, 0),
            (3, 13, 0),
            (3, 16, 0),
            (4, 0, 0),
            (5, 0, 1),
            (5, 1, 1),
            (5, 1, 1),
            (5, 2, 1),
            (5, 4, 1),
            (11, 0, 0),
            (11, 1, 0),
            (12, 0, 0x1400_0000),
        ],
    );
    let device = host.a_device(rng);
    // A redirect names another gateway.
    let rest = if kind == 5 { one(rng, &device.neighbours).0.to_bits() } else { rest };
    let src = if rng.chance(3, 4) { dst } else { source(rng, host, device) };
    let target = destination(rng, host, device);
    let data: Vec<u8> = (0..rng.below(24)).map(|_| rng.next_u32() as u8).collect();
    let protocol = one(rng, &[proto::UDP, proto::UDP, proto::TCP, proto::ICMP, 99]);
    let payload = match protocol {
        proto::UDP => udp(rng, src, target, 1024, 53, &data),
        proto::TCP => tcp(rng, src, target),
        proto::ICMP => icmp(one(rng, &[8, 8, 3, 0]), 0, rng.next_u32(), &data),
        _ => data,
    };
    let quoted = Packet {
        tos: 0,
        id: 7,
        fragment: 0,
        ttl: 60,
        proto: protocol,
        src,
        dst: target,
        options: Vec::new(),
        payload,
    };
    let mut quoted = quoted.bytes();
    if rng.chance(1, 10) {
        quoted.truncate(rng.below(quoted.len() as u64) as usize);
    }
    if rng.chance(1, 15) && !quoted.is_empty() {
        quoted[0] = one(rng, &[0x44, 0x46, 0x4f, 0x55]);
    }
    icmp(kind, code, rest, &quoted)
}

/// Where a packet may come from.
pub fn source(rng: &mut Rng, host: &Host, device: &Device) -> Ipv4Addr {
    match weighted(rng, &[(14, 0), (5, 1), (3, 2), (1, 3), (2, 4)]) {
        0 => one(rng, &device.neighbours).0,
        1 => remote(rng, host),
        2 => a_neighbour(rng, host),
        3 => one(rng, &host.own),
        _ => odd(rng, host),
    }
}

/// Where a packet may go to.
pub fn destination(rng: &mut Rng, host: &Host, device: &Device) -> Ipv4Addr {
    match weighted(rng, &[(8, 0), (10, 1), (6, 2), (2, 3), (2, 4), (1, 5)]) {
        0 => one(rng, &host.own),
        1 => remote(rng, host),
        2 => a_neighbour(rng, host),
        3 => host
            .broadcasts
            .get(rng.below(host.broadcasts.len().max(1) as u64) as usize)
            .copied()
            .unwrap_or(Ipv4Addr::BROADCAST),
        4 => odd(rng, host),
        _ => above(device.subnet.0, 9 + rng.below(90) as u32),
    }
}

/// A host on one of its links.
fn a_neighbour(rng: &mut Rng, host: &Host) -> Ipv4Addr {
    let device = host.a_device(rng);
    one(rng, &device.neighbours).0
}

/// An address beyond a gateway, or one that no table knows.
fn remote(rng: &mut Rng, host: &Host) -> Ipv4Addr {
    match host.routed.get(rng.below(host.routed.len() as u64 + 1) as usize) {
        Some(&(network, len)) => above(network, rng.below(1 << (32 - len).min(6)) as u32),
        None => Ipv4Addr::new(11, 22, 33, 1 + rng.below(9) as u8),
    }
}

/// Addresses with rules of their own.
fn odd(rng: &mut Rng, host: &Host) -> Ipv4Addr {
    let fixed = [
        Ipv4Addr::UNSPECIFIED,
        Ipv4Addr::BROADCAST,
        Ipv4Addr::LOCALHOST,
        Ipv4Addr::new(127, 3, 2, 1),
        Ipv4Addr::new(224, 0, 0, 1),
        Ipv4Addr::new(224, 0, 0, 5),
        Ipv4Addr::new(239, 1, 1, 1),
        Ipv4Addr::new(240, 0, 0, 1),
        Ipv4Addr::new(0, 1, 2, 3),
        Ipv4Addr::new(169, 254, 1, 1),
        Ipv4Addr::new(192, 0, 2, 77),
    ];
    let at = rng.below((fixed.len() + host.broadcasts.len()) as u64) as usize;
    fixed.get(at).or_else(|| host.broadcasts.get(at - fixed.len())).copied().unwrap_or(fixed[0])
}

/// Options, right ones and broken ones.
fn options(rng: &mut Rng, host: &Host) -> Vec<u8> {
    let hops: Vec<Ipv4Addr> = (0..1 + rng.below(3))
        .map(|_| {
            let device = host.a_device(rng);
            destination(rng, host, device)
        })
        .collect();
    let room = |count: usize| vec![0; count * 4];
    let list = |kind: u8, pointer: u8, body: Vec<u8>| {
        let mut option = vec![kind, body.len() as u8 + 3, pointer];
        option.extend(body);
        option
    };
    let addresses = || hops.iter().flat_map(|hop| hop.octets()).collect::<Vec<u8>>();
    let mut options = match rng.below(14) {
        0 | 1 => list(7, 4, room(1 + rng.below(8) as usize)),
        2 => {
            let (overflow_and_kind, width) =
                one(rng, &[(0x00, 1), (0x01, 2), (0x03, 2), (0xf0, 1), (0x02, 1)]);
            let count = 1 + rng.below(4) as usize;
            let mut body = vec![overflow_and_kind];
            if overflow_and_kind == 3 {
                body.extend(one(rng, &host.own).octets());
                body.extend(room(1));
            } else {
                body.extend(room(count * width));
            }
            list(68, 5, body)
        }
        3 | 4 => list(131, 4, addresses()),
        5 | 6 => list(137, 4, addresses()),
        7 => vec![148, 4, 0, 0],
        8 => vec![148, 4, 0, 1],
        9 => list(one(rng, &[7, 131, 68, 137]), one(rng, &[3, 5, 7, 8, 12, 40]), addresses()),
        10 => vec![one(rng, &[7, 68, 131, 137, 148, 134, 130, 200]), one(rng, &[0, 1, 2, 3, 40])],
        11 => vec![1, 1, 1, 0],
        12 => vec![0, 7, 7, 4],
        _ => vec![one(rng, &[130, 134, 136, 25, 94, 200, 82]), 4, 0, 0],
    };
    if rng.chance(1, 8) {
        let again = options.clone();
        options.extend(again);
    }
    if rng.chance(1, 6) {
        options.insert(0, 1);
    }
    options.truncate(40);
    options.resize(options.len().next_multiple_of(4), one(rng, &[0, 0, 1]));
    options
}
