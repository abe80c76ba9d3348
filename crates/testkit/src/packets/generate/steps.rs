//! What befalls a host: packets one by one, in pieces, mutated, and time.

use fingerpost_net::Rng;
use fingerpost_net::wire::{Header, Ipv4, Mac, ethertype};

use crate::packets::case::{Bytes, Step};
use crate::packets::generate::host::{Device, Host};
use crate::packets::generate::packet::{Packet, renew_checksum};
use crate::packets::generate::{arp, framed, one, set16, weighted};

/// Packets a case, pieces not counted.
const PACKETS: u64 = 16;

/// The steps of a case.
pub fn steps(rng: &mut Rng, host: &Host) -> Vec<Step> {
    let mut steps = Vec::new();
    for _ in 0..PACKETS {
        let device = host.a_device(rng).clone();
        match weighted(rng, &[(20, 0), (5, 1), (4, 2), (4, 3), (2, 4)]) {
            0 => {
                let bytes = Packet::random(rng, host, &device).bytes();
                steps.push(inject(rng, &device, ethertype::IPV4, bytes));
            }
            1 if device.tap => {
                let bytes = arp::random(rng, host, &device);
                steps.push(inject(rng, &device, ethertype::ARP, bytes));
            }
            1 | 2 => pieces(rng, host, &device, &mut steps),
            3 => {
                let mut bytes = Packet::random(rng, host, &device).bytes();
                mutate(rng, &mut bytes);
                steps.push(inject(rng, &device, ethertype::IPV4, bytes));
            }
            _ => again(rng, &mut steps),
        }
    }
    if host.script.iter().any(|line| line.ends_with("ipfrag_time=1")) {
        // Datagrams that nobody completed are given up.
        steps.push(Step::Wait { ms: 1300 });
    } else if rng.chance(1, 12) {
        steps.push(Step::Wait { ms: 700 });
    }
    steps
}

/// The same frame again: what was learned or cached shows.
fn again(rng: &mut Rng, steps: &mut Vec<Step>) {
    if let Some(step) = rng.pick(steps).cloned() {
        steps.push(step);
    }
}

/// A datagram in pieces: whole, in any order, doubled, overlapping, with one missing.
fn pieces(rng: &mut Rng, host: &Host, device: &Device, steps: &mut Vec<Step>) {
    let mut packet = Packet::random(rng, host, device);
    packet.ttl = 64;
    while packet.payload.len() < 40 {
        packet.payload.push(rng.next_u32() as u8);
    }
    let mut pieces = packet.cut(one(rng, &[8, 16, 24, 400, 1000]).max(packet.payload.len() / 4));
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
            if let Some(second) = pieces.get_mut(1) {
                second.fragment -= 1;
            }
        }
        5 => {
            if let Some(first) = pieces.first_mut() {
                first.payload.pop();
            }
        }
        6 => {
            if let Some(last) = pieces.last_mut() {
                last.tos ^= one(rng, &[1, 2, 3]);
            }
        }
        _ => {}
    }
    for piece in pieces {
        let bytes = piece.bytes();
        steps.push(inject(rng, device, ethertype::IPV4, bytes));
    }
}

/// Changes some bytes, most of them where they matter.
fn mutate(rng: &mut Rng, bytes: &mut Vec<u8>) {
    let renewed = rng.chance(3, 4);
    match rng.below(12) {
        0 => bytes[0] = one(rng, &[0x55, 0x65, 0x05, 0x44, 0x40, 0x46, 0x4f]),
        1 => set16(bytes, 2, one(rng, &[0, 19, 20, 27, 28, 0xffff])),
        2 => {
            let len = (bytes.len() as u16).wrapping_add(one(rng, &[1, 8, 0xffff, 0xfff8]));
            set16(bytes, 2, len);
        }
        3 => bytes.truncate(rng.below(bytes.len() as u64) as usize),
        4 => bytes.extend_from_slice(&[0xa5; 9]),
        5 => set16(bytes, 10, 0xdead),
        6 => set16(bytes, 6, one(rng, &[0x8000, 0xe000, 0xa000, 0x1fff, 0x3fff, 0x4001])),
        7 => bytes[9] = rng.next_u32() as u8,
        8 => bytes[16..20].copy_from_slice(&rng.next_u32().to_be_bytes()),
        9 => bytes[12..16].copy_from_slice(&rng.next_u32().to_be_bytes()),
        _ => {
            for _ in 0..1 + rng.below(3) {
                let at = rng.below(bytes.len().min(48) as u64) as usize;
                bytes[at] = rng.next_u32() as u8;
            }
        }
    }
    let len = bytes.first().map_or(0, |byte| usize::from(byte & 15) * 4);
    if renewed && (Ipv4::LEN..=bytes.len()).contains(&len) {
        renew_checksum(&mut bytes[..len]);
    }
}

/// The frame on the wire: most of the time for the device, sometimes for all, some or another.
pub fn inject(rng: &mut Rng, device: &Device, ethertype: u16, payload: Vec<u8>) -> Step {
    if !device.tap {
        return Step::Inject { dev: device.name.clone(), frame: Bytes(payload) };
    }
    let all: Mac = [255; 6];
    let usual = if ethertype == ethertype::ARP { all } else { device.mac };
    let dst = match weighted(rng, &[(30, 0), (1, 1), (1, 2), (1, 3), (1, 4)]) {
        0 => usual,
        1 => device.mac,
        2 => all,
        3 => [1, 0, 0x5e, 0, 0, one(rng, &[1, 5])],
        _ => [2, 0, 0, 0, 8, 8],
    };
    let src = one(rng, &device.neighbours).1;
    let ethertype = if rng.chance(1, 150) { one(rng, &[0x0805, 0x88cc, 0x9999]) } else { ethertype };
    framed(&device.name, [dst, src], ethertype, &payload)
}
