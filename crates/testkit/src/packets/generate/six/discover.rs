//! Random messages of neighbour discovery: for the host, for others, for nobody, and broken ones.

use std::net::Ipv6Addr;

use fingerpost_net::Rng;
use fingerpost_net::wire::{Mac, nd};

use crate::packets::generate::six::host::{Device, Host};
use crate::packets::generate::six::packet::{Packet, data, destination, icmp, solicited, source};
use crate::packets::generate::{one, weighted};

const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
const STRANGER: Mac = [2, 0, 0, 0, 9, 9];

/// A message.
pub fn random(rng: &mut Rng, host: &Host, device: &Device) -> Packet {
    let (src, dst, mut message) = match weighted(rng, &[(8, 0), (6, 1), (2, 2), (4, 3), (1, 4)]) {
        0 => solicitation(rng, host, device),
        1 => advertisement(rng, host, device),
        2 => {
            let src = if rng.chance(1, 4) { Ipv6Addr::UNSPECIFIED } else { one(rng, &device.neighbours).1 };
            let message = icmp(nd::ROUTER_SOLICIT, 0, 0, &[]);
            (src, ALL_ROUTERS, with_address(rng, message, nd::SOURCE_ADDRESS, device.neighbours[0].2))
        }
        3 => redirect(rng, host, device),
        _ => {
            let message = icmp(nd::ROUTER_ADVERT, 0, 0x4000_0708, &[0; 8]);
            let message = with_address(rng, message, nd::SOURCE_ADDRESS, device.neighbours[0].2);
            (one(rng, &device.neighbours).1, ALL_NODES, message)
        }
    };
    match rng.below(30) {
        0 => message.extend([one(rng, &[1, 2, 14, 77]), 0, 0, 0, 0, 0, 0, 0]),
        1 => message.extend([1, 9, 0, 0, 0, 0, 0, 0]),
        2 => message.extend([77, 1, 0, 0, 0, 0, 0, 0]),
        3 => message.truncate(one(rng, &[8, 20, 23, message.len() - 1])),
        4 => message[1] = 1,
        5 => message.extend([1, 2, 3]),
        6 => message.extend([nd::NONCE, 1, 1, 2, 3, 4, 5, 6]),
        _ => {}
    }
    let hops = if rng.chance(1, 20) { one(rng, &[64, 254, 1]) } else { 255 };
    let mut packet = Packet::icmp(src, dst, hops, message);
    if rng.chance(1, 30) {
        packet.payload[2] ^= 0x55;
    }
    packet
}

fn solicitation(rng: &mut Rng, host: &Host, device: &Device) -> (Ipv6Addr, Ipv6Addr, Vec<u8>) {
    let target = match weighted(rng, &[(6, 0), (3, 1), (2, 2), (3, 3), (1, 4)]) {
        0 => one(rng, &host.own),
        1 => rng.pick(&host.own_links).map_or(host.own[0], |(_, address)| *address),
        2 => destination(rng, host, device),
        3 => rng.pick(&host.proxied).copied().unwrap_or(host.own[0]),
        // All routers of the subnet.
        _ => device.subnet.0,
    };
    let (global, link, mac) = one(rng, &device.neighbours);
    let src = match weighted(rng, &[(6, 0), (6, 1), (3, 2), (1, 3)]) {
        0 => global,
        1 => link,
        2 => Ipv6Addr::UNSPECIFIED,
        _ => source(rng, host, device),
    };
    let dst = match weighted(rng, &[(12, 0), (4, 1), (1, 2), (1, 3)]) {
        0 => solicited(target),
        1 => target,
        2 => ALL_NODES,
        _ => destination(rng, host, device),
    };
    let message = icmp(nd::SOLICIT, 0, 0, &target.octets());
    let wants = if src.is_unspecified() { rng.chance(1, 5) } else { rng.chance(5, 6) };
    let mac = if rng.chance(1, 10) { STRANGER } else { mac };
    let message = if wants { with_address(rng, message, nd::SOURCE_ADDRESS, mac) } else { message };
    (src, dst, message)
}

fn advertisement(rng: &mut Rng, host: &Host, device: &Device) -> (Ipv6Addr, Ipv6Addr, Vec<u8>) {
    let (global, link, mac) = one(rng, &device.neighbours);
    let target = match weighted(rng, &[(5, 0), (5, 1), (2, 2), (1, 3)]) {
        0 => global,
        1 => link,
        2 => one(rng, &host.own),
        _ => destination(rng, host, device),
    };
    let src = if rng.chance(3, 4) { target } else { source(rng, host, device) };
    let dst = match weighted(rng, &[(5, 0), (4, 1), (1, 2)]) {
        0 => one(rng, &host.own),
        1 => ALL_NODES,
        _ => destination(rng, host, device),
    };
    let flags: u32 = one(rng, &[0x60, 0x20, 0x40, 0, 0xe0, 0xa0, 0x80]);
    let message = icmp(nd::ADVERT, 0, flags << 24, &target.octets());
    let mac = if rng.chance(1, 6) { STRANGER } else { mac };
    let message =
        if rng.chance(5, 6) { with_address(rng, message, nd::TARGET_ADDRESS, mac) } else { message };
    (src, dst, message)
}

fn redirect(rng: &mut Rng, host: &Host, device: &Device) -> (Ipv6Addr, Ipv6Addr, Vec<u8>) {
    let src = if rng.chance(7, 8) { one(rng, &device.neighbours).1 } else { source(rng, host, device) };
    let dst = if rng.chance(7, 8) { one(rng, &host.own) } else { destination(rng, host, device) };
    let about = destination(rng, host, device);
    let (_, link, mac) = one(rng, &device.neighbours);
    let target = match rng.below(6) {
        0 => about,
        1 => destination(rng, host, device),
        _ => link,
    };
    let mut body = target.octets().to_vec();
    body.extend(about.octets());
    let mut message = icmp(nd::REDIRECT, 0, 0, &body);
    if rng.chance(3, 4) {
        message = with_address(rng, message, nd::TARGET_ADDRESS, mac);
    }
    if rng.chance(1, 2) {
        let quoted = Packet {
            class: 0,
            label: 0,
            hops: 60,
            src: dst,
            dst: about,
            chain: Vec::new(),
            next: 17,
            payload: data(rng, 16),
        };
        let quoted = quoted.bytes();
        message.extend([nd::REDIRECTED, (quoted.len() / 8 + 1) as u8, 0, 0, 0, 0, 0, 0]);
        message.extend(&quoted[..quoted.len() / 8 * 8]);
    }
    (src, dst, message)
}

/// Adds an option with a link-layer address.
fn with_address(rng: &mut Rng, mut message: Vec<u8>, option: u8, mac: Mac) -> Vec<u8> {
    let len = if rng.chance(1, 25) { 2 } else { 1 };
    message.extend([option, len]);
    message.extend(mac);
    message.resize(message.len() + 8 * (usize::from(len) - 1), 0);
    message
}
