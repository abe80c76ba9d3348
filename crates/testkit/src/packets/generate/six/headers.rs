//! Random extension headers, right ones and broken ones.

use std::net::Ipv6Addr;

use fingerpost_net::Rng;
use fingerpost_net::wire::next;

use crate::packets::generate::{one, weighted};

/// A header's number and its bytes; the first of them is what follows, and is filled in later.
pub type Extension = (u8, Vec<u8>);

/// Some headers in front of a payload.
pub fn random(rng: &mut Rng, hops: &[Ipv6Addr]) -> Vec<Extension> {
    let count = one(rng, &[1, 1, 1, 1, 2, 2, 3]);
    let mut chain: Vec<Extension> = (0..count).map(|_| extension(rng, hops)).collect();
    if rng.chance(4, 5) {
        // Where the standard wants them.
        chain.sort_by_key(|(number, _)| u8::from(*number != next::HOP));
    }
    chain
}

fn extension(rng: &mut Rng, hops: &[Ipv6Addr]) -> Extension {
    match weighted(rng, &[(6, 0), (5, 1), (5, 2), (2, 3), (1, 4)]) {
        0 => (next::HOP, options(rng)),
        1 => (next::DESTINATION, options(rng)),
        2 => (next::ROUTING, routing(rng, hops)),
        // A fragment that is all of its datagram, or claims not to be.
        3 => {
            let fragment: u16 = one(rng, &[0, 0, 0, 1, 8, 9, 0xfff8, 6]);
            let mut bytes = vec![0, one(rng, &[0, 0, 9])];
            bytes.extend(fragment.to_be_bytes());
            bytes.extend(rng.next_u32().to_be_bytes());
            (next::FRAGMENT, bytes)
        }
        _ => {
            let mut bytes = vec![0, one(rng, &[1, 4, 0])];
            bytes.resize((usize::from(bytes[1]) + 2) * 4, 0x11);
            (next::AUTH, bytes)
        }
    }
}

/// Options of a hop or of the destination.
fn options(rng: &mut Rng) -> Vec<u8> {
    let mut bytes = vec![0, 0];
    for _ in 0..one(rng, &[0, 1, 1, 1, 2, 3]) {
        match rng.below(13) {
            0 => bytes.push(0),
            1 | 2 => bytes.extend([5, 2, 0, one(rng, &[0, 0, 1, 9])]),
            3 => {
                let len: u32 = one(rng, &[65536, 70000, 65535, 100]);
                bytes.extend(if rng.chance(1, 2) { vec![1, 0, 0xc2, 4] } else { vec![0xc2, 4] });
                bytes.extend(len.to_be_bytes());
            }
            // What to do with options that nobody knows is in their first two bits.
            4..=6 => bytes.extend([one(rng, &[0x1e, 0x3e, 0x5e, 0x9e, 0xde]), 2, 1, 2]),
            7 => bytes.extend([1, one(rng, &[5, 6, 7, 9]), 0, 0, 0, 0, 0]),
            8 => bytes.extend([1, 2, 1, 0]),
            9 => bytes.extend([0xc9, 16].iter().chain(&[0xfd; 16])),
            10 => bytes.extend([0x1e, one(rng, &[200, 90])]),
            11 => bytes.extend([0x31, 4, 0, 1, 2, 3]),
            _ => bytes.extend([one(rng, &[0x07, 0x8a, 0xc3, 0x05, 0x31]), one(rng, &[0, 1, 4, 8])]),
        }
    }
    match (bytes.len().next_multiple_of(8) - bytes.len(), rng.chance(1, 10)) {
        (0, _) => {}
        (1, _) | (_, true) => bytes.resize(bytes.len().next_multiple_of(8), 0),
        (rest, _) => {
            bytes.extend([1, rest as u8 - 2]);
            bytes.resize(bytes.len().next_multiple_of(8), 0);
        }
    }
    bytes[1] = (bytes.len() / 8 - 1) as u8;
    if rng.chance(1, 20) {
        bytes[1] = one(rng, &[bytes[1] + 1, 40, 255]);
    }
    bytes
}

fn routing(rng: &mut Rng, hops: &[Ipv6Addr]) -> Vec<u8> {
    let kind = one(rng, &[0, 0, 2, 2, 3, 4, 4, 5, 200]);
    let count = if kind == 2 && rng.chance(3, 4) { 1 } else { hops.len().min(1 + rng.below(3) as usize) };
    let left = one(rng, &[0, 0, 1, 1, 2, count as u8, 9]);
    let mut bytes = vec![0, count as u8 * 2, kind, left, 0, 0, 0, 0];
    if kind == 4 {
        bytes[4] = one(rng, &[count as u8 - 1, 0, 3]);
    }
    if kind == 3 && rng.chance(1, 2) {
        bytes[4..6].copy_from_slice(&[one(rng, &[0x99, 0xff, 0x09]), one(rng, &[0, 0x40])]);
    }
    for hop in &hops[..count] {
        bytes.extend(hop.octets());
    }
    if rng.chance(1, 12) {
        bytes[1] = one(rng, &[bytes[1] + 1, 0, 3, 90]);
    }
    bytes
}
