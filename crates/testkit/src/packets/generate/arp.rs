//! Random ARP packets: questions and answers, for the host, for others, for nobody, and broken ones.

use std::net::Ipv4Addr;

use fingerpost_net::Rng;
use fingerpost_net::wire::{Arp, Header, Mac};
use zerocopy::IntoBytes;
use zerocopy::byteorder::network_endian::U16;

use crate::packets::generate::host::{Device, Host};
use crate::packets::generate::packet::{destination, source};
use crate::packets::generate::{one, weighted};

const NOBODY: Mac = [0; 6];
const STRANGER: Mac = [2, 0, 0, 0, 9, 9];

/// The packet's bytes, without a link header.
pub fn random(rng: &mut Rng, host: &Host, device: &Device) -> Vec<u8> {
    let (neighbour, mac) = one(rng, &device.neighbours);
    let target = match weighted(rng, &[(5, 0), (3, 1)]) {
        0 => one(rng, &host.own),
        _ => destination(rng, host, device),
    };
    let op = one(rng, &[Arp::REQUEST, Arp::REQUEST, Arp::REQUEST, Arp::REPLY]);
    let mut arp = match weighted(rng, &[(10, 0), (3, 1), (2, 2), (2, 3), (2, 4), (1, 5)]) {
        0 => Arp::new(op, (mac, neighbour), (if op == Arp::REQUEST { NOBODY } else { device.mac }, target)),
        1 => Arp::new(op, (mac, source(rng, host, device)), (NOBODY, target)),
        // A probe, as a host sends before it takes an address.
        2 => Arp::new(Arp::REQUEST, (mac, Ipv4Addr::UNSPECIFIED), (NOBODY, target)),
        // Gratuitous.
        3 => Arp::new(op, (mac, neighbour), (one(rng, &[NOBODY, mac, [255; 6]]), neighbour)),
        4 => Arp::new(op, (STRANGER, neighbour), (device.mac, target)),
        _ => Arp::new(op, (device.mac, one(rng, &host.own)), (NOBODY, target)),
    };
    match rng.below(24) {
        0 => arp.hardware = U16::new(one(rng, &[6, 0, 7])),
        1 => arp.protocol = U16::new(0x0806),
        2 => arp.hardware_len = 8,
        3 => arp.protocol_len = one(rng, &[0, 6]),
        4 => arp.op = U16::new(one(rng, &[0, 3, 8, 9])),
        _ => {}
    }
    let mut bytes = arp.as_bytes().to_vec();
    if rng.chance(1, 20) {
        bytes.truncate(one(rng, &[Arp::LEN - 1, 8, 20]));
    } else if rng.chance(1, 3) {
        bytes.resize(46, 0);
    }
    bytes
}
