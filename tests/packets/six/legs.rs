//! By which leg of a multipath route packets leave: received ones, with what stands in front of
//! their ports, and those that the host makes.

use fingerpost_net::wire::{Ethernet, Ipv6, Tcp, ethertype, icmp6, next, proto, tcp_flags};
use zerocopy::IntoBytes;

use super::{OWN, PEER, ROUTER6, echo, edited, message, packet, summed, udp, udp_payload};
use crate::host::{Host, ipv4, mac};
use crate::kernel::{Asked, Step, same};

/// Three legs to everything beyond, told by their routers' last byte.
fn setup(policy: u32, more: &str) -> String {
    format!(
        "sysctl -w net.ipv6.conf.default.mldv2_unsolicited_report_interval=1
{ROUTER6}sysctl -w net.ipv4.fib_multipath_hash_seed=4660
sysctl -w net.ipv4.icmp_msgs_per_sec=100000
sysctl -w net.ipv4.icmp_msgs_burst=100000
sysctl -w net.ipv6.icmp.ratelimit=0
sysctl -w net.ipv6.flowlabel_reflect=7
sysctl -w net.ipv6.fib_multipath_hash_policy={policy}
ip neigh add fe80::33 lladdr 02:00:00:00:00:33 dev e1
ip neigh add fe80::34 lladdr 02:00:00:00:00:34 dev e1
ip neigh add fe80::35 lladdr 02:00:00:00:00:35 dev e1
ip -6 route add 2001:db8:99::/48 nexthop via fe80::33 dev e1 nexthop via fe80::34 dev e1 \
     nexthop via fe80::35 dev e1
{more}
"
    )
}

fn beyond(host: u16) -> String {
    format!("2001:db8:99::{host:x}")
}

fn labelled(packet: Vec<u8>, label: u32) -> Vec<u8> {
    edited(packet, |header| header.word = Ipv6::word_of(0, label))
}

/// A payload behind an extension header of eight bytes.
fn behind(number: u8, dst: &str, following: u8, payload: &[u8]) -> Vec<u8> {
    packet(PEER, dst, number, &[&[following, 0, 1, 4, 0, 0, 0, 0][..], payload].concat())
}

/// The legs by which packets leave, of which the kernel says the same.
fn legs(policy: u32, more: &str, packets: &[Vec<u8>]) -> Vec<u8> {
    let framed = |packet: &Vec<u8>| {
        let header = Ethernet { dst: mac(0x10), src: mac(2), ethertype: ethertype::IPV6.into() };
        Step::Frame("e0", [header.as_bytes(), packet].concat())
    };
    let (setup, steps) = (setup(policy, more), packets.iter().map(framed).collect::<Vec<_>>());
    let asked = Asked { quiet: 1.5, ..Asked::of(&setup, &steps) };
    let (both, handled, _) = same(&mut Host::new(&setup), &asked);
    assert_eq!((both.frames.len(), handled.len()), (packets.len(), packets.len()));
    both.frames.iter().map(|(_, frame)| frame[5]).collect()
}

/// What comes by, of five destinations: plain, behind headers, in fragments, about others.
fn passing() -> Vec<Vec<u8>> {
    let of = |host: u16| {
        let dst = &beyond(host);
        let datagram = udp_payload(PEER, dst, &[host as u8]);
        let request = summed(PEER, dst, next::ICMPV6, vec![icmp6::ECHO, 0, 0, 0, 0, 1, 0, host as u8], 2);
        let fragment = [proto::UDP, 0, 0, 1, 0, 0, 0, 7];
        let quoted = labelled(udp(dst, PEER, b""), u32::from(host));
        [
            labelled(udp(PEER, dst, b""), 1000 * u32::from(host)),
            labelled(echo(PEER, dst, b""), 77 * u32::from(host)),
            labelled(behind(next::DESTINATION, dst, proto::UDP, &datagram), 5),
            labelled(behind(next::DESTINATION, dst, next::ICMPV6, &request), 6),
            packet(PEER, dst, next::FRAGMENT, &[&fragment[..], &datagram].concat()),
            packet(PEER, dst, next::AUTH, &[proto::UDP, 1, 0, 0, 9, host as u8, 7, 7, 0, 0, 0, 0]),
            message(PEER, dst, icmp6::UNREACHABLE, [0; 4], &quoted),
            message(PEER, dst, icmp6::UNREACHABLE, [0; 4], b"too little"),
        ]
    };
    (1..6).flat_map(of).collect()
}

/// What the host answers to, from five sources.
fn asking() -> Vec<Vec<u8>> {
    let of = |host: u16| {
        let src = &beyond(host);
        let header = Tcp {
            sport: (1000 + host).into(),
            dport: 80.into(),
            seq: 1.into(),
            ack: 0.into(),
            data_offset: 5 << 4,
            flags: tcp_flags::SYN,
            window: 100.into(),
            checksum: 0.into(),
            urgent: 0.into(),
        };
        let segment = summed(src, OWN, proto::TCP, header.as_bytes().to_vec(), 16);
        [
            labelled(echo(src, OWN, b""), u32::from(host)),
            labelled(packet(src, OWN, proto::TCP, &segment), u32::from(host)),
            labelled(udp(src, OWN, b""), u32::from(host)),
            edited(udp(src, super::FAR, b""), |header| header.hop_limit = 1),
            packet(src, OWN, 99, b"unknown"),
        ]
    };
    (1..6).flat_map(of).collect()
}

/// The legs by letters.
fn spelt(legs: &[u8]) -> String {
    legs.iter().map(|leg| char::from(b'a' + leg - 0x33)).collect()
}

#[test]
fn t59_what_of_a_received_packet_chooses_its_leg() {
    let by = [
        (0, ""),
        (1, ""),
        (2, ""),
        (3, ""),
        (3, "sysctl -w net.ipv6.fib_multipath_hash_fields=56"),
        // ICMPv6 is then hashed as it was dissected for the rule.
        (0, "ip -6 rule add pref 5 ipproto tcp dport 1 blackhole"),
    ];
    let taken = by.map(|(policy, more)| spelt(&legs(policy, more, &passing())));
    assert_eq!(
        taken,
        [
            "bbcaaccbbababcaabbbbbcbbcccbabbbaaababca",
            "bbbbaabbaaaaacaacbcbabbbababcbbbcacabbaa",
            "bccbacbbaacaacaabccbacbbabbacbbbaccabbaa",
            "bababaaaaaaaabaabbbbbabbcccccccccacacaaa",
            "accabbbbabcabcbbcccabcbbbacabbbbbccabbbb",
            "bccbaccbbababcaabcbbbcbbcbcaabbbacaaabca",
        ]
    );
}

#[test]
fn t59_by_which_leg_answers_leave() {
    let taken = [0, 1, 2, 3].map(|policy| spelt(&legs(policy, "", &asking())));
    assert_eq!(
        taken,
        [
            "acbcbccabbcaccbccbabccbaa",
            "abbcbcbacbaacabcabcbbcbaa",
            "acacbccabbcabcbccaabcccaa",
            "aaccaacccacacaacbaaacaabc",
        ]
    );
}

/// Packets of IPv4 and IPv6 in IPv6, in GRE and in Ethernet in GRE, whole and in part.
fn holding() -> Vec<Vec<u8>> {
    let of = |host: u16| {
        let to = &beyond(1);
        let src = &format!("2001:db8:77::{host:x}");
        let four =
            ipv4(&format!("10.9.9.{host}"), "10.8.8.8", proto::UDP, &[0, host as u8, 0, 53, 0, 8, 0, 0]);
        let six = udp(src, PEER, &[host as u8]);
        let within = |header: &[u8], inner: &[u8]| packet(PEER, to, 47, &[header, inner].concat());
        let fragment = [&[proto::UDP, 0, 0, 1, 0, 0, 0, host as u8][..], &six[40..]].concat();
        [
            packet(PEER, to, 4, &four),
            packet(PEER, to, 41, &six),
            labelled(packet(PEER, to, 41, &labelled(six.clone(), 99 + u32::from(host))), 5),
            behind(next::DESTINATION, to, 41, &six),
            packet(PEER, to, 41, &packet(src, PEER, next::FRAGMENT, &fragment)),
            packet(PEER, to, 41, &packet(src, PEER, 4, &four)),
            within(&[0, 0, 8, 0], &four),
            within(&[0xb0, 0, 0x86, 0xdd, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, host as u8], &six),
            within(&[&[0, 0, 0x65, 0x58][..], &[2; 12], &[0x81, 0, 0, 5, 8, 0]].concat(), &four),
            within(&[0x20, 1, 0x88, 0x0b, 0, 4, 0, host as u8, 0xff, 3, 0, 0x21], &four),
            within(&[0x40, 0, 8, 0], &four),
            packet(PEER, to, 41, &six[..30]),
        ]
    };
    (1..5).flat_map(of).collect()
}

#[test]
fn t59_what_is_inside_a_packet_is_hashed_where_the_policy_asks_for_it() {
    let fields = |fields: u32| format!("sysctl -w net.ipv6.fib_multipath_hash_fields={fields}");
    let by = [(1, String::new()), (2, String::new()), (3, fields(4095)), (3, fields(4032)), (3, fields(512))];
    let taken = by.map(|(policy, more)| spelt(&legs(policy, &more, &holding())));
    assert_eq!(
        taken,
        [
            "acccccccccccacccccccccccacccccccccccaccccccccccc",
            "ccacccccccccaaaaaaaaaaccccccccccccccbbabbbbbbbcc",
            "baaaccbabbccbccccbcbccccccbcbbbabbcccbcbaaaaaacc",
            "babaabbabbbbaacacaaaaabbcbabcccbccbbbbbbcbbbbbbb",
            "caaaaccaccbacacaaccaccbacabaaccaccbacaaaaccaccba",
        ]
    );
}
