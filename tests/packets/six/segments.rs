//! Headers of segment routing for this host, and options of in-situ measurement.

use fingerpost_engine::path::Outcome;
use fingerpost_net::wire::{icmp6, next, proto};

use super::judged::{arrives, counted, done, held};
use super::{FAR, OWN, PEER, addr, edited, message, packet, told, udp_payload};
use crate::host::Host;

/// The host's other address.
const OTHER: &str = "2001:db8:1::1";
const ON: &str = "sysctl -w net.ipv6.conf.all.seg6_enabled=1\nsysctl -w net.ipv6.conf.e0.seg6_enabled=1";

/// A packet for the host with so many of these segments left.
fn routed(number: u8, left: u8, segments: &[&str], payload: &[u8]) -> Vec<u8> {
    let mut header = vec![number, 2 * segments.len() as u8, 4, left, segments.len() as u8 - 1, 0, 0, 0];
    segments.iter().for_each(|segment| header.extend(addr(segment).octets()));
    packet(PEER, OWN, next::ROUTING, &[&header[..], payload].concat())
}

#[test]
fn t61_a_segment_sends_on_to_the_next() {
    let datagram = udp_payload(PEER, FAR, b"");
    let request = message(PEER, OWN, icmp6::ECHO, [0; 4], b"")[40..].to_vec();
    let late = |packet: Vec<u8>, hops: u8| edited(packet, |header| header.hop_limit = hops);
    let packets = [
        routed(proto::UDP, 1, &[FAR, OWN], &datagram),
        // The next segments are this host too.
        routed(proto::UDP, 2, &[FAR, OTHER, OWN], &datagram),
        routed(next::ICMPV6, 2, &[OWN, OTHER, OWN], &request),
        routed(next::ICMPV6, 0, &[OWN], &request),
        // More left than there are; no route to the next; a group; one hop too few.
        routed(proto::UDP, 2, &[FAR, OWN], &datagram),
        routed(proto::UDP, 1, &["2001:db8:99::1", OWN], &datagram),
        routed(proto::UDP, 1, &["ff02::1", OWN], &datagram),
        late(routed(proto::UDP, 1, &[FAR, OWN], &datagram), 1),
        late(routed(proto::UDP, 2, &[FAR, OTHER, OWN], &datagram), 1),
        late(routed(proto::UDP, 2, &[FAR, OTHER, OWN], &datagram), 2),
        routed(99, 0, &[OWN], b""),
    ];
    let steps: Vec<_> = packets.iter().map(|packet| arrives(packet)).collect();
    let (both, _) = done(&held(ON), &steps);
    let to = |dev: &str| both.frames.iter().filter(|(known, _)| known == dev).count();
    assert_eq!((to("e0"), to("e1"), counted(&both, "Ip6OutForwDatagrams")), (8, 2, 2));
    // Signatures that are demanded, and not.
    let required = format!("{ON}\nsysctl -w net.ipv6.conf.e0.seg6_require_hmac=1");
    let (both, _) = done(&held(&required), &steps[..2]);
    assert!(both.frames.is_empty());
    // One switch of two is not enough.
    let (both, _) = done(&held("sysctl -w net.ipv6.conf.all.seg6_enabled=1"), &steps[..2]);
    assert!(both.frames.is_empty());
}

#[test]
fn t61_what_segment_routing_does_not_tell() {
    let mut host = Host::new(&held(ON));
    let inside = routed(41, 0, &[OWN], &packet(PEER, FAR, 59, b""));
    assert_eq!(host.enter(&inside).outcome, Outcome::Unknown("packets inside segment routing"));
    let mut behind = routed(proto::UDP, 1, &[FAR, OWN], &udp_payload(PEER, FAR, b""))[40..].to_vec();
    behind.splice(0..0, [next::ROUTING, 0, 1, 4, 0, 0, 0, 0]);
    let behind = packet(PEER, OWN, next::DESTINATION, &behind);
    assert_eq!(host.enter(&behind).outcome, Outcome::Unknown("segment routing behind other headers"));
}

/// A packet with an option of measurement among those of its hops.
fn measured(option: &[u8]) -> Vec<u8> {
    let mut options = [&[1, 0, 0x31, option.len() as u8][..], option].concat();
    let rest = (6 + 8 * 8 - options.len()) % 8;
    match rest {
        0 => {}
        1 => options.push(0),
        more => options.extend([&[1, more as u8 - 2][..], &vec![0; more - 2]].concat()),
    }
    let header = [&[proto::UDP, (options.len() as u8 + 2) / 8 - 1][..], &options].concat();
    packet(PEER, FAR, next::HOP, &[&header[..], &udp_payload(PEER, FAR, b"")].concat())
}

#[test]
fn t60_options_of_measurement_have_to_be_well_formed() {
    let trace = |node: u8, left: u8, kind: u32, data: usize| {
        let head = [&[0, 0, 0, 0, node << 3, left][..], &kind.to_be_bytes()].concat();
        measured(&[head, vec![0; data]].concat())
    };
    let cases = [
        (trace(2, 1, 0xc000_0000, 4), true),
        (trace(6, 0, 0x00e0_0000, 0), true),
        // Of another length per node; more left than there is; another kind; too short.
        (trace(1, 1, 0xc000_0000, 4), false),
        (trace(2, 2, 0xc000_0000, 4), false),
        (measured(&[0, 1]), true),
        (measured(&[0, 0]), false),
        (measured(&[0]), false),
        (measured(&[0, 0, 0, 0, 0, 0, 0, 0, 0]), false),
    ];
    let steps: Vec<_> = cases.iter().map(|(packet, _)| arrives(packet)).collect();
    let (both, _) = done(&held("sysctl -w net.ipv6.conf.e0.ioam6_enabled=1"), &steps);
    assert_eq!(both.frames.len(), cases.iter().filter(|(_, passes)| *passes).count());
    let mut host = Host::new(&held("sysctl -w net.ipv6.conf.e0.ioam6_enabled=1"));
    for (packet, passes) in &cases {
        assert_eq!(host.enter(packet).outcome == Outcome::Sent, *passes);
    }
    // Where it is off nobody looks.
    assert_eq!(Host::new(&held("")).enter(&cases[5].0).outcome, Outcome::Sent);
    let mut host = Host::new(&held(ON));
    let handled = host.enter(&routed(proto::UDP, 2, &[FAR, OWN], b""));
    assert_eq!(told(&handled), (OWN.into(), [4, 0], 43));
}
