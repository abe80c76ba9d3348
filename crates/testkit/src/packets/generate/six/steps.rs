//! What befalls a host of IPv6: packets one by one, in pieces, mutated, and time.

use std::net::Ipv6Addr;

use fingerpost_net::Rng;
use fingerpost_net::wire::{Mac, ethertype};

use crate::packets::case::{Bytes, Step};
use crate::packets::generate::six::discover;
use crate::packets::generate::six::host::{Device, Host};
use crate::packets::generate::six::packet::{Packet, data};
use crate::packets::generate::{framed, one, set16, weighted};

/// Packets a case, pieces not counted.
const PACKETS: u64 = 16;

/// The steps of a case.
pub fn steps(rng: &mut Rng, host: &Host) -> Vec<Step> {
    let mut steps = Vec::new();
    for _ in 0..PACKETS {
        let device = host.a_device(rng).clone();
        match weighted(rng, &[(20, 0), (8, 1), (4, 2), (4, 3), (2, 4)]) {
            0 => {
                let packet = Packet::random(rng, host, &device);
                steps.push(inject(rng, &device, packet.dst, packet.bytes()));
            }
            1 => {
                let packet = discover::random(rng, host, &device);
                steps.push(inject(rng, &device, packet.dst, packet.bytes()));
            }
            2 => pieces(rng, host, &device, &mut steps),
            3 => {
                let packet = Packet::random(rng, host, &device);
                let mut bytes = packet.bytes();
                mutate(rng, &mut bytes);
                steps.push(inject(rng, &device, packet.dst, bytes));
            }
            // What was learned or cached shows.
            _ => steps.extend(rng.pick(&steps).cloned()),
        }
    }
    if host.script.iter().any(|line| line.ends_with("ip6frag_time=1")) {
        // Datagrams that nobody completed are given up.
        steps.push(Step::Wait { ms: 1300 });
    } else if rng.chance(1, 12) {
        steps.push(Step::Wait { ms: 700 });
    }
    steps
}

/// A datagram in pieces: whole, in any order, doubled, overlapping, with one missing.
fn pieces(rng: &mut Rng, host: &Host, device: &Device, steps: &mut Vec<Step>) {
    let mut packet = Packet::random(rng, host, device);
    packet.hops = 64;
    if packet.payload.len() < 40 {
        let more = data(rng, 40);
        packet.payload.extend(more);
    }
    let size = one(rng, &[8, 16, 24, 400, 1000]).max(packet.payload.len() / 4);
    let whole = one(rng, &[0, 1]);
    let id = rng.next_u32();
    let mut pieces = packet.cut(size, whole, id);
    match rng.below(9) {
        0 => pieces.reverse(),
        1 => {
            let twice = pieces[rng.below(pieces.len() as u64) as usize].clone();
            pieces.insert(1, twice);
        }
        2 => drop(pieces.pop()),
        3 => drop(pieces.remove(0)),
        // The second begins where the first has not ended.
        4 => {
            if let Some((_, header)) = pieces.get_mut(1).and_then(|second| second.chain.last_mut()) {
                header[3] = header[3].wrapping_sub(8);
            }
        }
        5 => {
            if let Some(first) = pieces.first_mut() {
                first.payload.pop();
            }
        }
        6 => {
            if let Some(last) = pieces.last_mut() {
                last.class ^= one(rng, &[1, 2, 3]);
            }
        }
        _ => {}
    }
    for piece in pieces {
        let bytes = piece.bytes();
        steps.push(inject(rng, device, piece.dst, bytes));
    }
}

/// Changes some bytes, most of them where they matter.
fn mutate(rng: &mut Rng, bytes: &mut Vec<u8>) {
    match rng.below(11) {
        0 => bytes[0] = one(rng, &[0x45, 0x55, 0x70, 0x00]),
        1 => set16(bytes, 4, one(rng, &[0, 1, 7, 8, 0xffff])),
        2 => {
            let len = (bytes.len() as u16 - 40).wrapping_add(one(rng, &[1, 8, 0xffff, 0xfff8]));
            set16(bytes, 4, len);
        }
        3 => bytes.truncate(rng.below(bytes.len() as u64) as usize),
        4 => bytes.extend_from_slice(&[0xa5; 9]),
        5 => bytes[6] = rng.next_u32() as u8,
        6 => bytes[24..28].copy_from_slice(&rng.next_u32().to_be_bytes()),
        7 => bytes[8..12].copy_from_slice(&rng.next_u32().to_be_bytes()),
        8 => bytes[7] = rng.next_u32() as u8,
        _ => {
            for _ in 0..1 + rng.below(3) {
                let at = rng.below(bytes.len().min(72) as u64) as usize;
                bytes[at] = rng.next_u32() as u8;
            }
        }
    }
}

/// The frame on the wire: most of the time for the device or the group, sometimes for all, some or another.
pub fn inject(rng: &mut Rng, device: &Device, dst: Ipv6Addr, payload: Vec<u8>) -> Step {
    if !device.tap {
        return Step::Inject { dev: device.name.clone(), frame: Bytes(payload), ms: 0 };
    }
    let group = |dst: Ipv6Addr| {
        let [.., a, b, c, d] = dst.octets();
        [0x33, 0x33, a, b, c, d]
    };
    let usual: Mac = if dst.is_multicast() { group(dst) } else { device.mac };
    let to = match weighted(rng, &[(30, 0), (1, 1), (1, 2), (1, 3), (1, 4)]) {
        0 => usual,
        1 => device.mac,
        2 => [255; 6],
        3 => [0x33, 0x33, 0, 0, 0, one(rng, &[1, 5])],
        _ => [2, 0, 0, 0, 8, 8],
    };
    let src = one(rng, &device.neighbours).2;
    let ethertype = if rng.chance(1, 150) { one(rng, &[ethertype::IPV4, 0x9999]) } else { ethertype::IPV6 };
    framed(&device.name, [to, src], ethertype, &payload)
}
