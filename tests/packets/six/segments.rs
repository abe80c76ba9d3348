//! Headers of segment routing for this host, and options of in-situ measurement.

use fingerpost_engine::path::Outcome;
use fingerpost_model::NsId;
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

/// A packet for the host, one segment left, with something behind the segments.
fn followed(flags: u8, rest: &[u8]) -> Vec<u8> {
    let mut packet = routed(proto::UDP, 1, &[FAR, OWN], &[rest, &udp_payload(PEER, FAR, b"")].concat());
    packet[41] += (rest.len() / 8) as u8;
    packet[45] = flags;
    packet
}

#[test]
fn t61_signatures_of_segments_need_a_key() {
    const SIGNED: u8 = 8;
    // Kind and length, the key's number, and what it makes of the header.
    let signature = [&[5, 38, 0, 0, 0, 0, 0, 1][..], &[7; 32]].concat();
    let shorter = [&[5, 37, 0, 0, 0, 0, 0, 1][..], &[7; 32]].concat();
    let padded = [&signature[..], &[4, 6, 0, 0, 0, 0, 0, 0]].concat();
    let packets = [
        followed(SIGNED, &signature),
        followed(0, &[]),
        // What says that there is one, and what is one, alone; of another length, or not at the end.
        followed(SIGNED, &[]),
        followed(0, &signature),
        followed(SIGNED, &shorter),
        followed(SIGNED, &padded),
    ];
    for (required, passing) in [(-1, 6), (0, 5), (1, 0)] {
        let setup = held(&format!("{ON}\nsysctl -w net.ipv6.conf.e0.seg6_require_hmac={required}"));
        let (both, _) = done(&setup, &packets.each_ref().map(|packet| arrives(packet)));
        assert_eq!(both.frames.iter().filter(|(dev, _)| dev == "e1").count(), passing, "{required}");
        let mut host = Host::new(&setup);
        host.world.ns_mut(NsId(0)).unwrap().0.config.may_have_modules = true;
        let unknown = Outcome::Unknown("signed segment routing");
        assert_eq!(host.enter(&packets[0]).outcome == unknown, required >= 0, "{required}");
    }
}

#[test]
fn t61_segments_of_this_host_alone_may_stand_behind_other_headers() {
    let datagram = udp_payload(PEER, OWN, b"");
    let options = [next::ROUTING, 0, 1, 4, 0, 0, 0, 0];
    let whole = [next::ROUTING, 0, 0, 0, 0, 0, 0, 9];
    let behind = |number: u8, header: [u8; 8], left: u8, segments: &[&str]| {
        let rest = routed(proto::UDP, left, segments, &datagram)[40..].to_vec();
        packet(PEER, OWN, number, &[&header[..], &rest].concat())
    };
    let packets = [
        behind(next::DESTINATION, options, 0, &[OWN]),
        behind(next::DESTINATION, options, 1, &[OWN, OTHER]),
        behind(next::FRAGMENT, whole, 1, &[OWN, OTHER]),
        behind(next::DESTINATION, options, 3, &[OWN, OTHER]),
        behind(next::HOP, options, 2, &[OWN, OTHER, OWN]),
    ];
    let (both, _) = done(&held(ON), &packets.each_ref().map(|packet| arrives(packet)));
    let told = both.frames.iter().filter(|(dev, _)| dev == "e0").count();
    assert_eq!((told, counted(&both, "Icmp6OutType1"), counted(&both, "Icmp6OutType4")), (5, 4, 1));
    let mut host = Host::new(&held(ON));
    let unknown = Outcome::Unknown("segment routing behind other headers");
    for elsewhere in
        [behind(next::DESTINATION, options, 1, &[FAR, OWN]), behind(next::FRAGMENT, whole, 1, &[FAR, OWN])]
    {
        assert_eq!(host.enter(&elsewhere).outcome, unknown);
    }
}

#[test]
fn t61_segments_in_pieces_are_put_together_first() {
    // Pieces of a header and its datagram.
    let whole = |segments: &[&str]| {
        let datagram = udp_payload(PEER, OWN, &[7; 64]);
        routed(proto::UDP, 1, segments, &datagram)[40..].to_vec()
    };
    let pieces = |payload: &[u8]| -> Vec<Vec<u8>> {
        let (first, last) = payload.split_at(64);
        let piece = |word: u16, data: &[u8]| {
            let [high, low] = word.to_be_bytes();
            let header = [next::ROUTING, 0, high, low, 0, 0, 0, 9];
            packet(PEER, OWN, next::FRAGMENT, &[&header[..], data].concat())
        };
        vec![piece(1, first), piece(64, last)]
    };
    let here = pieces(&whole(&[OWN, OTHER]));
    let steps: Vec<_> = here.iter().map(|packet| arrives(packet)).collect();
    let (both, _) = done(&held(ON), &steps);
    assert_eq!((counted(&both, "Ip6ReasmOKs"), counted(&both, "Icmp6OutType1")), (1, 1));
    let mut host = Host::new(&held(ON));
    let elsewhere = pieces(&whole(&[FAR, OTHER]));
    host.enter(&elsewhere[0]);
    let unknown = Outcome::Unknown("segment routing of fragments");
    assert_eq!(host.enter(&elsewhere[1]).outcome, unknown);
}

#[test]
fn t61_a_packet_inside_is_received_by_the_same_device() {
    let six = packet(PEER, FAR, proto::UDP, &udp_payload(PEER, FAR, b"six"));
    let four = crate::host::udp("10.0.0.9", "10.1.0.9", b"four");
    let inside = |number: u8, packet: &[u8]| arrives(&routed(number, 0, &[OWN], packet));
    let mut nested = six.clone();
    for _ in 0..20 {
        nested = routed(41, 0, &[OWN], &nested);
    }
    let steps = [
        inside(41, &six),
        inside(41, &packet(PEER, OWN, next::ICMPV6, &message(PEER, OWN, icmp6::ECHO, [0; 4], b"")[40..])),
        inside(4, &four),
        inside(41, &nested),
        // What is told of it is not what it is; too short; nothing.
        inside(4, &six),
        inside(41, &four),
        inside(41, &six[..30]),
        inside(4, &four[..10]),
        inside(41, b""),
    ];
    let setup = held(&format!(
        "{ON}\nip addr add 10.0.0.1/24 dev e0\nip addr add 10.1.0.1/24 dev e1
ip neigh add 10.1.0.9 lladdr 02:00:00:00:00:09 dev e1\nsysctl -w net.ipv4.ip_forward=1"
    ));
    let (both, _) = done(&setup, &steps);
    let to = |dev: &str| both.frames.iter().filter(|(known, _)| known == dev).count();
    assert_eq!((to("e0"), to("e1")), (1, 3));
}

#[test]
fn t61_what_segment_routing_does_not_tell() {
    let mut host = Host::new(&held(ON));
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
