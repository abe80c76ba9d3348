//! What befalls a host: packets one by one, in pieces, mutated, and time.

use fingerpost_net::Rng;
use fingerpost_net::wire::{Header, Ipv4, Mac, ethertype};

use crate::packets::case::{Bytes, Step};
use crate::packets::generate::host::{Device, Host, above};
use crate::packets::generate::packet::{Packet, renew_checksum, source};
use crate::packets::generate::{arp, framed, one, set16, weighted};

/// Packets a case, pieces not counted.
const PACKETS: u64 = 16;

/// The steps of a case.
pub fn steps(rng: &mut Rng, host: &Host) -> Vec<Step> {
    let mut steps = Vec::new();
    for _ in 0..PACKETS {
        let device = host.a_device(rng).clone();
        match weighted(
            rng,
            &[(40, 0), (10, 1), (8, 2), (8, 3), (4, 4), (3, 5), (2, 6), (1, 7), (5, 8), (2, 9)],
        ) {
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
            5 => taught(rng, host, &device, &mut steps),
            6 => burst(rng, &mut steps),
            7 => {
                let bytes = Packet::from_nowhere(rng, host).bytes();
                steps.push(inject(rng, &device, ethertype::IPV4, bytes));
            }
            8 => steps.push(Step::Change { line: change(rng, host) }),
            9 => steps.push(Step::Wait { ms: one(rng, &[30, 250, 450]) }),
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

/// A router tells the host something about its answers, between two questions.
fn taught(rng: &mut Rng, host: &Host, device: &Device, steps: &mut Vec<Step>) {
    let (src, dst) = (source(rng, host, device), one(rng, &host.own));
    if host.broadcasts.contains(&src) {
        // Linux gives itself its own copy of an answer to many that it has begun to cut.
        return;
    }
    let router = one(rng, &device.neighbours).0;
    let other = host.a_device(rng).neighbours[0].0;
    let from = one(rng, &[router, src, other]);
    let packets = [
        Packet::long_echo(rng, src, dst, host),
        Packet::about_answer(rng, host, from, src, dst),
        Packet::long_echo(rng, src, dst, host),
    ];
    for packet in packets {
        let bytes = packet.bytes();
        steps.push(inject(rng, device, ethertype::IPV4, bytes));
    }
}

/// The same frame some times: what is limited shows.
fn burst(rng: &mut Rng, steps: &mut Vec<Step>) {
    let frames = steps.iter().filter(|step| matches!(step, Step::Inject { .. })).cloned().collect::<Vec<_>>();
    if let Some(step) = rng.pick(&frames).cloned() {
        steps.extend((0..3 + rng.below(6)).map(|_| step.clone()));
    }
}

/// A change of the host while packets wait and decisions are remembered. Neighbours are not
/// probed by request: that is done with the next tick, whenever it comes.
fn change(rng: &mut Rng, host: &Host) -> String {
    let device = host.a_device(rng);
    let (dev, (neighbour, _)) = (&device.name, one(rng, &device.neighbours));
    let mac = format!("02:00:00:00:07:{:02x}", rng.below(256));
    match rng.below(14) {
        0 | 1 => format!("ip neigh del {neighbour} dev {dev}"),
        2 => format!(
            "ip neigh change {neighbour} dev {dev} nud {}",
            one(rng, &["failed", "none", "incomplete"])
        ),
        3 | 4 => {
            let state = one(rng, &["reachable", "stale", "permanent", "noarp"]);
            format!("ip neigh replace {neighbour} lladdr {mac} dev {dev} nud {state}")
        }
        5 => format!("ip link set {dev} down"),
        6 => format!("ip link set {dev} up"),
        7 => format!("ip link set {dev} mtu {}", one(rng, &[1500, 1280, 700, 576])),
        8 => format!("ip address del {} dev {dev}", one(rng, &host.own)),
        9 => format!("ip address add {}/{} dev {dev}", above(device.subnet.0, 9), device.subnet.1),
        10 => format!("sysctl -w net.ipv4.ip_forward={}", rng.below(2)),
        11 => {
            let (name, value) =
                (one(rng, &["rp_filter", "proxy_arp", "forwarding", "accept_local"]), rng.below(2));
            format!("sysctl -w net.ipv4.conf.{dev}.{name}={value}")
        }
        12 => match host.routed.get(rng.below(host.routed.len().max(1) as u64) as usize) {
            Some((network, len)) => format!("ip route replace {network}/{len} via {neighbour} dev {dev}"),
            None => "ip route del default".to_owned(),
        },
        _ => format!("ip link set {dev} address 02:00:00:00:08:{:02x}", rng.below(256)),
    }
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
        return Step::Inject { dev: device.name.clone(), frame: Bytes(payload), ms: 0 };
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
