//! Random IPv6 packets: addresses that the host has, knows or refuses, and everything above.

use std::net::Ipv6Addr;

use fingerpost_net::Rng;
use fingerpost_net::wire::{Checksum, Header, Ipv6, MORE6, Udp, icmp6, next, proto};
use zerocopy::byteorder::network_endian::U16;

use crate::packets::generate::six::headers::{self, Extension};
use crate::packets::generate::six::host::{Device, Host, above};
use crate::packets::generate::{one, segment, weighted};

/// A packet in parts, before its bytes.
#[derive(Clone, Debug)]
pub struct Packet {
    /// Traffic class.
    pub class: u8,
    /// Flow label.
    pub label: u32,
    /// Hop limit.
    pub hops: u8,
    /// Source.
    pub src: Ipv6Addr,
    /// Destination.
    pub dst: Ipv6Addr,
    /// Headers before the payload.
    pub chain: Vec<Extension>,
    /// What the payload is.
    pub next: u8,
    /// What follows the headers.
    pub payload: Vec<u8>,
}

impl Packet {
    /// Its bytes, with the right length.
    pub fn bytes(&self) -> Vec<u8> {
        let rest = linked(&self.chain, self.next, &self.payload);
        let first = self.chain.first().map_or(self.next, |(number, _)| *number);
        let mut bytes = vec![0; Ipv6::LEN];
        if let Some(header) = Ipv6::edit(&mut bytes) {
            header.word = Ipv6::word_of(self.class, self.label);
            header.payload_len = U16::new(rest.len() as u16);
            (header.next, header.hop_limit) = (first, self.hops);
            (header.src, header.dst) = (self.src.octets(), self.dst.octets());
        }
        bytes.extend(rest);
        bytes
    }

    /// A packet of a kind of payload, with its checksum.
    pub fn icmp(src: Ipv6Addr, dst: Ipv6Addr, hops: u8, message: Vec<u8>) -> Packet {
        let payload = summed(src, dst, next::ICMPV6, 2, message);
        Packet { class: 0, label: 0, hops, src, dst, chain: Vec::new(), next: next::ICMPV6, payload }
    }

    /// A random packet as it may arrive on a device.
    pub fn random(rng: &mut Rng, host: &Host, device: &Device) -> Packet {
        let (src, dst) = (source(rng, host, device), destination(rng, host, device));
        let mut packet = Packet {
            class: one(rng, &[0, 0, 0, 0x10, 0xb8, 0x01, 0x02, 0x03, 0xff]),
            label: one(rng, &[0, 0, 0, 0x12345, 0xf_ffff]),
            hops: one(rng, &[64, 64, 64, 64, 64, 64, 2, 1, 0, 255]),
            src,
            dst,
            chain: Vec::new(),
            next: proto::UDP,
            payload: Vec::new(),
        };
        packet.fill(rng, host);
        if rng.chance(1, 4) {
            let hops: Vec<Ipv6Addr> = (0..3).map(|_| destination(rng, host, device)).collect();
            packet.chain = headers::random(rng, &hops);
        }
        packet
    }

    fn fill(&mut self, rng: &mut Rng, host: &Host) {
        let size = size(rng, host);
        let (src, dst) = (self.src, self.dst);
        let kind = weighted(rng, &[(8, 0), (7, 1), (4, 2), (4, 3), (2, 4), (1, 5), (1, 6), (1, 7)]);
        (self.next, self.payload) = match kind {
            0 => {
                let (sport, dport) = (1024 + rng.below(9) as u16, one(rng, &[53, 7, 5000, 33434, 0]));
                let data = data(rng, size);
                (proto::UDP, udp(rng, src, dst, sport, dport, &data))
            }
            1 => {
                let code = if rng.chance(1, 12) { 3 } else { 0 };
                let data = data(rng, size);
                (next::ICMPV6, summed(src, dst, next::ICMPV6, 2, icmp(128, code, rng.next_u32(), &data)))
            }
            2 => (proto::TCP, tcp(rng, src, dst)),
            3 => (next::ICMPV6, summed(src, dst, next::ICMPV6, 2, error(rng, host, dst))),
            4 => {
                let kind =
                    one(rng, &[129, 0, 5, 100, 127, 138, 139, 140, 141, 144, 146, 151, 154, 200, 255, 160]);
                let len = one(rng, &[0, 4, 12, 20]);
                let message = icmp(kind, one(rng, &[0, 0, 1]), rng.next_u32(), &data(rng, len));
                (next::ICMPV6, summed(src, dst, next::ICMPV6, 2, message))
            }
            5 => (next::NONE, data(rng, size.min(20))),
            6 => {
                let number = one(rng, &[3, 99, 253, 255, 1, 2, 4, 41, 47, 50, 132, 136, 135, 103]);
                (number, data(rng, size.min(64)))
            }
            _ => {
                let len = one(rng, &[0, 3, 7, 8]);
                (one(rng, &[next::ICMPV6, proto::UDP, proto::TCP, next::HOP, next::FRAGMENT]), data(rng, len))
            }
        };
        if rng.chance(1, 20)
            && let Some(byte) = self.payload.get_mut(2)
        {
            *byte ^= 0x55;
        }
    }

    /// Its pieces, each with at most `size` bytes: the first `whole` headers stand in each.
    pub fn cut(&self, size: usize, whole: usize, id: u32) -> Vec<Packet> {
        let size = (size / 8 * 8).max(8);
        let (each, inside) = self.chain.split_at(whole.min(self.chain.len()));
        let first = inside.first().map_or(self.next, |(number, _)| *number);
        let rest = linked(inside, self.next, &self.payload);
        let count = rest.chunks(size).count();
        let pieces = rest.chunks(size).enumerate().map(|(at, chunk)| {
            let more = if at + 1 < count { MORE6 } else { 0 };
            let mut header = vec![0, 0];
            header.extend(((at * size) as u16 | more).to_be_bytes());
            header.extend(id.to_be_bytes());
            let mut chain = each.to_vec();
            chain.push((next::FRAGMENT, header));
            Packet { chain, next: first, payload: chunk.to_vec(), ..self.clone() }
        });
        pieces.collect()
    }
}

/// Headers and a payload, each naming the next.
fn linked(chain: &[Extension], last: u8, payload: &[u8]) -> Vec<u8> {
    let follows = chain.iter().skip(1).map(|(number, _)| *number).chain([last]);
    let mut bytes: Vec<u8> = Vec::new();
    for ((_, header), next) in chain.iter().zip(follows) {
        let at = bytes.len();
        bytes.extend(header);
        bytes[at] = next;
    }
    bytes.extend(payload);
    bytes
}

pub fn data(rng: &mut Rng, len: usize) -> Vec<u8> {
    (0..len).map(|_| rng.next_u32() as u8).collect()
}

/// Puts the right checksum at a place.
fn summed(src: Ipv6Addr, dst: Ipv6Addr, next: u8, at: usize, mut bytes: Vec<u8>) -> Vec<u8> {
    bytes[at..at + 2].fill(0);
    let sum = Checksum::ZERO.pseudo6(src, dst, next, bytes.len()).bytes(&bytes).finish();
    let sum = if sum == 0 && next == proto::UDP { 0xffff } else { sum };
    bytes[at..at + 2].copy_from_slice(&sum.to_be_bytes());
    bytes
}

/// Data lengths, many of them where packets begin to be too big.
fn size(rng: &mut Rng, host: &Host) -> usize {
    match weighted(rng, &[(6, 0), (3, 1), (1, 2), (1, 3)]) {
        0 => rng.below(80) as usize,
        1 => {
            let own = host.a_device(rng).mtu;
            let mtu = usize::from(one(rng, &[own, 1280, 1300, 1400]));
            mtu + rng.below(5) as usize - 50
        }
        2 => 0,
        _ => 200 + rng.below(1400) as usize,
    }
}

pub fn udp(rng: &mut Rng, src: Ipv6Addr, dst: Ipv6Addr, sport: u16, dport: u16, data: &[u8]) -> Vec<u8> {
    let len = Udp::LEN + data.len();
    let claimed = if rng.chance(1, 25) { one(rng, &[0, 7, 8, len as u16 + 1]) } else { len as u16 };
    let mut bytes = vec![0; Udp::LEN];
    bytes[..2].copy_from_slice(&sport.to_be_bytes());
    bytes[2..4].copy_from_slice(&dport.to_be_bytes());
    bytes[4..6].copy_from_slice(&claimed.to_be_bytes());
    bytes.extend_from_slice(data);
    // Without a checksum it is wrong here.
    if rng.chance(1, 16) { bytes } else { summed(src, dst, proto::UDP, 6, bytes) }
}

fn tcp(rng: &mut Rng, src: Ipv6Addr, dst: Ipv6Addr) -> Vec<u8> {
    let bytes = segment(rng);
    summed(src, dst, proto::TCP, 16, bytes)
}

/// An ICMPv6 message, its checksum still to be made.
pub fn icmp(kind: u8, code: u8, rest: u32, data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind, code, 0, 0];
    bytes.extend_from_slice(&rest.to_be_bytes());
    bytes.extend_from_slice(data);
    bytes
}

/// An error that quotes a packet of the host that gets it.
fn error(rng: &mut Rng, host: &Host, dst: Ipv6Addr) -> Vec<u8> {
    let (kind, code, rest) = one(
        rng,
        &[
            (icmp6::UNREACHABLE, 0, 0),
            (icmp6::UNREACHABLE, 1, 0),
            (icmp6::UNREACHABLE, 3, 0),
            (icmp6::UNREACHABLE, 4, 0),
            (icmp6::UNREACHABLE, 9, 0),
            (icmp6::TOO_BIG, 0, 1280),
            (icmp6::TOO_BIG, 0, 1300),
            (icmp6::TOO_BIG, 0, 600),
            (icmp6::TOO_BIG, 0, 0),
            (icmp6::TIME_EXCEEDED, 0, 0),
            (icmp6::TIME_EXCEEDED, 1, 0),
            (icmp6::PARAMETER, 0, 4),
            (icmp6::PARAMETER, 1, 6),
            (icmp6::PARAMETER, 2, 40),
        ],
    );
    let device = host.a_device(rng);
    let src = if rng.chance(3, 4) { dst } else { source(rng, host, device) };
    let target = destination(rng, host, device);
    let len = rng.below(24) as usize;
    let data = data(rng, len);
    let number = one(rng, &[proto::UDP, proto::UDP, proto::TCP, next::ICMPV6, 99, next::NONE]);
    let payload = match number {
        proto::UDP => udp(rng, src, target, 1024, 53, &data),
        proto::TCP => tcp(rng, src, target),
        next::ICMPV6 => {
            let kind = one(rng, &[128, 128, 1, 129]);
            summed(src, target, next::ICMPV6, 2, icmp(kind, 0, rng.next_u32(), &data))
        }
        _ => data,
    };
    let chain = if rng.chance(1, 8) { headers::random(rng, &[target, src]) } else { Vec::new() };
    let quoted = Packet { class: 0, label: 0, hops: 60, src, dst: target, chain, next: number, payload };
    let mut quoted = quoted.bytes();
    if rng.chance(1, 10) {
        quoted.truncate(rng.below(quoted.len() as u64) as usize);
    }
    if rng.chance(1, 15) && !quoted.is_empty() {
        quoted[0] = one(rng, &[0x44, 0x50, 0x00]);
    }
    icmp(kind, code, rest, &quoted)
}

/// Where a packet may come from.
pub fn source(rng: &mut Rng, host: &Host, device: &Device) -> Ipv6Addr {
    match weighted(rng, &[(14, 0), (5, 1), (3, 2), (1, 3), (2, 4), (3, 5)]) {
        0 => one(rng, &device.neighbours).0,
        1 => remote(rng, host),
        2 => a_neighbour(rng, host),
        3 => one(rng, &host.own),
        4 => odd(rng, host),
        _ => one(rng, &device.neighbours).1,
    }
}

/// Where a packet may go to.
pub fn destination(rng: &mut Rng, host: &Host, device: &Device) -> Ipv6Addr {
    match weighted(rng, &[(9, 0), (10, 1), (6, 2), (3, 3), (2, 4), (1, 5), (1, 6)]) {
        0 => one(rng, &host.own),
        1 => remote(rng, host),
        2 => a_neighbour(rng, host),
        3 => own_link(rng, host),
        4 => odd(rng, host),
        5 => above(device.subnet.0, 9 + u128::from(rng.below(200))),
        _ => one(rng, &device.neighbours).1,
    }
}

fn own_link(rng: &mut Rng, host: &Host) -> Ipv6Addr {
    rng.pick(&host.own_links).map_or(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0x99), |(_, address)| *address)
}

/// A host on one of its links.
fn a_neighbour(rng: &mut Rng, host: &Host) -> Ipv6Addr {
    let device = host.a_device(rng);
    one(rng, &device.neighbours).0
}

/// An address beyond a gateway, or one that no table knows.
fn remote(rng: &mut Rng, host: &Host) -> Ipv6Addr {
    match host.routed.get(rng.below(host.routed.len() as u64 + 1) as usize) {
        Some(&(network, len)) => above(network, rng.below(1 << (128 - len).min(6)).into()),
        None => Ipv6Addr::new(0x2a00, 1, 2, 3, 0, 0, 0, 1 + rng.below(9) as u16),
    }
}

/// The group that solicitations of an address go to.
pub fn solicited(address: Ipv6Addr) -> Ipv6Addr {
    let [.., a, b, c] = address.octets();
    Ipv6Addr::from([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, a, b, c])
}

/// Addresses with rules of their own.
fn odd(rng: &mut Rng, host: &Host) -> Ipv6Addr {
    let own = one(rng, &host.own);
    let group = |first: u16, last: u16| Ipv6Addr::new(first, 0, 0, 0, 0, 0, 0, last);
    // All routers of a subnet: its first address.
    let routers = host.a_device(rng).subnet.0;
    one(
        rng,
        &[
            Ipv6Addr::UNSPECIFIED,
            Ipv6Addr::LOCALHOST,
            group(0xff01, 1),
            group(0xff02, 1),
            group(0xff02, 1),
            group(0xff02, 2),
            group(0xff02, 0x16),
            group(0xff05, 2),
            group(0xff05, 0x99),
            group(0xff0e, 0x101),
            group(0xff00, 1),
            group(0xff02, 0x99),
            solicited(own),
            routers,
            routers,
            "::ffff:10.0.0.1".parse().unwrap_or(own),
            "::10.0.0.1".parse().unwrap_or(own),
            Ipv6Addr::new(0x2002, 0xa00, 1, 0, 0, 0, 0, 1),
            Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 1),
            group(0xfec0, 1),
            group(0xfe80, 0),
        ],
    )
}
