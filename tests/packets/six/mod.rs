//! IPv6: what a router with two devices does, as a kernel was seen to do it.

mod advert;
mod discover;
mod fragments;
mod judged;
mod legs;
mod listen;
mod probe;
mod segments;
mod teach;

use std::net::Ipv6Addr;

use fingerpost_engine::path::{Handled, Outcome};
use fingerpost_net::wire::{
    Checksum, Ethernet, Header, Icmp, Ipv6, Tcp, Udp, ethertype, icmp6, nd, next, proto,
};
use zerocopy::IntoBytes;

use crate::host::{Host, mac, reason};

/// The usual host: two devices, a neighbour behind each. Detection of duplicates is off,
/// and so are the parts of answers that Linux makes at random.
const ROUTER6: &str = "
sysctl -w net.ipv6.auto_flowlabels=0
sysctl -w net.ipv6.conf.default.accept_dad=0
ip link set lo up
ip tuntap add e0 mode tap
ip tuntap add e1 mode tap
ip link set e0 address 02:00:00:00:00:10 up
ip link set e1 address 02:00:00:00:00:11 up
ip addr add 2001:db8::1/64 dev e0 nodad
ip addr add 2001:db8:1::1/64 dev e1 nodad
ip neigh add 2001:db8::2 lladdr 02:00:00:00:00:02 dev e0
ip neigh add fe80::2 lladdr 02:00:00:00:00:02 dev e0
ip neigh add 2001:db8:1::2 lladdr 02:00:00:00:00:03 dev e1
ip route add 2001:db8:20::/48 via 2001:db8:1::2
sysctl -w net.ipv6.conf.all.forwarding=1
";

const PEER: &str = "2001:db8::2";
const OWN: &str = "2001:db8::1";
const FAR: &str = "2001:db8:20::1";

fn addr(text: &str) -> Ipv6Addr {
    text.parse().unwrap()
}

/// A packet with 64 hops left.
fn packet(src: &str, dst: &str, next: u8, payload: &[u8]) -> Vec<u8> {
    let header = Ipv6 {
        word: Ipv6::word_of(0, 0),
        payload_len: (payload.len() as u16).into(),
        next,
        hop_limit: 64,
        src: addr(src).octets(),
        dst: addr(dst).octets(),
    };
    [header.as_bytes(), payload].concat()
}

fn edited(mut packet: Vec<u8>, change: impl FnOnce(&mut Ipv6)) -> Vec<u8> {
    change(Ipv6::edit(&mut packet).unwrap());
    packet
}

/// A payload with its checksum at `at`.
fn summed(src: &str, dst: &str, number: u8, mut payload: Vec<u8>, at: usize) -> Vec<u8> {
    let sum = Checksum::ZERO.pseudo6(addr(src), addr(dst), number, payload.len()).bytes(&payload).finish();
    payload[at..at + 2].copy_from_slice(&sum.to_be_bytes());
    payload
}

fn udp_payload(src: &str, dst: &str, data: &[u8]) -> Vec<u8> {
    let len = (Udp::LEN + data.len()) as u16;
    let header = Udp { sport: 1000.into(), dport: 53.into(), len: len.into(), checksum: 0.into() };
    summed(src, dst, proto::UDP, [header.as_bytes(), data].concat(), 6)
}

fn udp(src: &str, dst: &str, data: &[u8]) -> Vec<u8> {
    packet(src, dst, proto::UDP, &udp_payload(src, dst, data))
}

fn message(src: &str, dst: &str, kind: u8, rest: [u8; 4], data: &[u8]) -> Vec<u8> {
    let header = Icmp { kind, code: 0, checksum: 0.into(), rest };
    let payload = summed(src, dst, next::ICMPV6, [header.as_bytes(), data].concat(), 2);
    packet(src, dst, next::ICMPV6, &payload)
}

fn echo(src: &str, dst: &str, data: &[u8]) -> Vec<u8> {
    message(src, dst, icmp6::ECHO, [0, 1, 0, 2], data)
}

/// A message of neighbour discovery.
fn discovery(src: &str, dst: &str, kind: u8, flags: u8, target: &str, option: &[u8]) -> Vec<u8> {
    let data = [&addr(target).octets(), option].concat();
    edited(message(src, dst, kind, [flags, 0, 0, 0], &data), |header| header.hop_limit = 255)
}

fn option(kind: u8, last: u8) -> [u8; 8] {
    let [a, b, c, d, e, f] = mac(last);
    [kind, 1, a, b, c, d, e, f]
}

impl Host {
    /// An IPv6 packet enters, in a frame to the first device or to its group.
    fn enter(&mut self, packet: &[u8]) -> Handled {
        let dst = Ipv6::read(packet).map(|header| header.destination());
        let to = match dst.filter(Ipv6Addr::is_multicast) {
            Some(group) => {
                let [.., a, b, c, d] = group.octets();
                [0x33, 0x33, a, b, c, d]
            }
            None => mac(0x10),
        };
        self.enter_to(to, packet)
    }

    fn enter_to(&mut self, to: [u8; 6], packet: &[u8]) -> Handled {
        let header = Ethernet { dst: to, src: mac(2), ethertype: ethertype::IPV6.into() };
        self.frame("e0", &[header.as_bytes(), packet].concat())
    }
}

/// Link header, header and the rest of a frame, whose checksum is right if it is ICMPv6.
fn parts(frame: &[u8]) -> (Ethernet, Ipv6, &[u8]) {
    let packet = &frame[Ethernet::LEN..];
    let header = *Ipv6::read(packet).unwrap();
    let payload = &packet[Ipv6::LEN..];
    assert_eq!(usize::from(header.payload_len.get()), payload.len());
    if header.next == next::ICMPV6 {
        let (src, dst) = (header.source(), header.destination());
        let sum = Checksum::ZERO.pseudo6(src, dst, next::ICMPV6, payload.len()).bytes(payload);
        assert_eq!(sum.finish(), 0);
    }
    (*Ethernet::read(frame).unwrap(), header, payload)
}

/// Source, type and code, and the second word of the one message that was sent.
fn told(handled: &Handled) -> (String, [u8; 2], u32) {
    let [frame] = &handled.emitted[..] else { panic!("{handled:?}") };
    let (_, header, message) = parts(&frame.bytes);
    let rest = u32::from_be_bytes(message[4..8].try_into().unwrap());
    (header.source().to_string(), [message[0], message[1]], rest)
}

#[test]
fn t48_only_the_setting_for_all_makes_a_router() {
    let mut host = Host::new(ROUTER6);
    let handled = host.enter(&udp(PEER, FAR, b"data"));
    assert_eq!(handled.outcome, Outcome::Sent);
    let (link, header, _) = parts(&handled.emitted[0].bytes);
    assert_eq!((link.dst, link.src, header.hop_limit), (mac(3), mac(0x11), 63));
    assert_eq!((host.counted("Ip6OutForwDatagrams"), host.counted("Ip6OutTransmits")), (1, 1));
    assert_eq!((host.counted("Ip6InOctets"), host.counted("Ip6InNoECTPkts")), (52, 1));
    host.run("sysctl -w net.ipv6.conf.all.forwarding=0\nsysctl -w net.ipv6.conf.e0.forwarding=1");
    let handled = host.enter(&udp(PEER, FAR, b"data"));
    assert_eq!((reason(&handled), handled.emitted.len()), ("IP_INADDRERRORS", 0));
    host.run("sysctl -w net.ipv6.conf.e0.force_forwarding=1");
    assert_eq!(host.enter(&udp(PEER, FAR, b"data")).outcome, Outcome::Sent);
}

#[test]
fn t49_sources_and_destinations_that_are_dropped_before_anything_else() {
    let mut host = Host::new(ROUTER6);
    for (src, dst) in
        [("ff02::1", OWN), ("::1", OWN), (PEER, "::1"), (PEER, "ff01::1"), (PEER, "ff00::1"), ("::1", FAR)]
    {
        assert_eq!(reason(&host.enter(&udp(src, dst, b""))), "IP_INHDR", "{src} to {dst}");
    }
    assert_eq!(host.counted("Ip6InHdrErrors"), 6);
    // By another device neither no source nor one of the link's leaves.
    assert_eq!(reason(&host.enter(&udp("::", FAR, b""))), "IP_INADDRERRORS");
    let handled = host.enter(&udp("fe80::2", FAR, b""));
    assert_eq!(reason(&handled), "IP_INADDRERRORS");
    assert_eq!(told(&handled), ("fe80::ff:fe00:10".into(), [1, 2], 0));
    for src in [OWN, "2001:db8:1::1", "::ffff:1.2.3.4"] {
        assert_eq!(host.enter(&udp(src, FAR, b"")).outcome, Outcome::Sent, "{src}");
    }
}

#[test]
fn t50_another_s_link_local_address_is_sought_on_the_link_it_was_sent_to() {
    let mut host = Host::new(ROUTER6);
    // Another device's own address is another's here.
    for dst in ["fe80::77", "fe80::ff:fe00:11"] {
        let handled = host.enter(&udp(PEER, dst, b""));
        assert_eq!((handled.outcome, handled.emitted.len()), (Outcome::Queued, 2));
        let kinds = handled.emitted.iter().map(|frame| parts(&frame.bytes).2[0]);
        assert_eq!(kinds.collect::<Vec<u8>>(), [nd::REDIRECT, nd::SOLICIT]);
        assert!(handled.emitted.iter().all(|frame| frame.dev == host.device("e0")));
    }
    // The subnet's routers have a link-local address as well.
    assert_eq!(told(&host.enter(&udp(PEER, "fe80::", b""))).1, [1, 4]);
}

#[test]
fn t51_codes_of_packets_that_no_route_takes() {
    let mut host = Host::new(ROUTER6);
    host.run("ip route add unreachable 2001:db8:40::/48\nip route add prohibit 2001:db8:41::/48");
    host.run("ip route add blackhole 2001:db8:42::/48\nip route add 2001:db8:43::/48 dev lo");
    host.run("sysctl -w net.ipv6.icmp.ratelimit=0");
    for (dst, code) in [("2001:db8:40::1", 0), ("2001:db8:41::1", 1), ("2001:db8:43::1", 0), ("3000::1", 0)] {
        let handled = host.enter(&udp(PEER, dst, b""));
        assert_eq!((reason(&handled), told(&handled).1), ("IP_INNOROUTES", [1, code]), "{dst}");
    }
    assert_eq!(host.counted("Ip6InNoRoutes"), 4);
    let handled = host.enter(&udp(PEER, "2001:db8:42::1", b""));
    assert_eq!((reason(&handled), handled.emitted.len()), ("NOT_SPECIFIED", 0));
    assert_eq!(reason(&host.enter(&udp(PEER, "::", b""))), "IP_INADDRERRORS");
    for hops in [0, 1] {
        let packet = edited(udp(PEER, FAR, b""), |header| header.hop_limit = hops);
        let handled = host.enter(&packet);
        assert_eq!((reason(&handled), told(&handled)), ("IP_INHDR", (OWN.into(), [3, 0], 0)));
    }
}

#[test]
fn t52_c316_an_error_quotes_up_to_1280_bytes() {
    let mut host = Host::new(ROUTER6);
    host.run("sysctl -w net.ipv6.conf.e0.hop_limit=33");
    let handled = host.enter(&udp(PEER, OWN, &[7; 1300]));
    let (_, header, error) = parts(&handled.emitted[0].bytes);
    assert_eq!((header.hop_limit, header.word.get()), (33, 6 << 28));
    assert_eq!((error.len(), &error[..2]), (1240, &[1, 4][..]));
    // Nothing is said about errors; redirects are answered.
    let mut about =
        |kind: u8| host.enter(&edited(message(PEER, FAR, kind, [0; 4], b""), |header| header.hop_limit = 1));
    assert_eq!(about(icmp6::UNREACHABLE).emitted.len(), 0);
    assert_eq!(told(&about(nd::REDIRECT)).1, [3, 0]);
}

#[test]
fn t53_six_errors_at_once_then_one_each_tenth_of_a_second() {
    let mut host = Host::new(ROUTER6);
    let sent: usize = (0..9).map(|_| host.enter(&udp(PEER, OWN, b"")).emitted.len()).sum();
    assert_eq!((sent, host.counted("Icmp6OutRateLimitHost")), (6, 3));
    host.pass(100);
    let sent: usize = (0..3).map(|_| host.enter(&udp(PEER, OWN, b"")).emitted.len()).sum();
    assert_eq!(sent, 1);
}

#[test]
fn t54_which_mtu_is_too_big_for_whom() {
    let mut host = Host::new(ROUTER6);
    host.run("ip link set e1 mtu 1400\nsysctl -w net.ipv6.icmp.ratelimit=0");
    host.run("ip route add 2001:db8:60::/48 via 2001:db8:1::2 mtu 1300");
    host.run("ip route add 2001:db8:61::/48 via 2001:db8:1::2 mtu lock 1300");
    host.run("ip route add 2001:db8:62::/48 via 2001:db8:1::2 mtu 1000");
    let mut tell = |dst: &str, len: usize| {
        let handled = host.enter(&udp(PEER, dst, &vec![0; len - 48]));
        (reason(&handled), told(&handled).1, told(&handled).2, host.counted("Ip6InTooBigErrors"))
    };
    assert_eq!(tell(FAR, 1401), ("PKT_TOO_BIG", [2, 0], 1400, 1));
    assert_eq!(tell("2001:db8:60::1", 1301), ("NOT_SPECIFIED", [2, 0], 1300, 1));
    assert_eq!(tell("2001:db8:61::1", 1301), ("PKT_TOO_BIG", [2, 0], 1300, 2));
    assert_eq!(tell("2001:db8:62::1", 1200), ("NOT_SPECIFIED", [2, 0], 1000, 2));
    assert_eq!((host.counted("Ip6FragFails"), host.counted("Ip6OutForwDatagrams")), (4, 4));
}

#[test]
fn t60_options() {
    let header = |number: u8, options: &[u8; 6]| [&[number, 0][..], options].concat();
    let with = |place: u8, dst: &str, options: &[u8; 6]| {
        let payload = [header(proto::UDP, options), udp_payload(PEER, dst, b"")].concat();
        packet(PEER, dst, place, &payload)
    };
    let mut host = Host::new(ROUTER6);
    host.run("sysctl -w net.ipv6.icmp.ratelimit=0");
    for dst in [OWN, FAR] {
        for bad in [b"\x01\x04\0\0\0\x01", b"\x01\x05\0\0\0\0", b"\x05\x01\0\0\0\0"] {
            let handled = host.enter(&with(next::HOP, dst, bad));
            assert_eq!((reason(&handled), handled.emitted.len()), ("IP_INHDR", 0));
        }
        let handled = host.enter(&with(next::HOP, dst, b"\x9e\x04abcd"));
        assert_eq!((reason(&handled), told(&handled)), ("UNHANDLED_PROTO", (OWN.into(), [4, 2], 42)));
        assert_eq!(reason(&host.enter(&with(next::HOP, dst, b"\x5e\x04abcd"))), "UNHANDLED_PROTO");
        // Jumbo payloads have more than 65,535 bytes, and no other length.
        assert_eq!(told(&host.enter(&with(next::HOP, dst, b"\xc2\x04\0\0\0\x50"))).2, 44);
        assert_eq!(told(&host.enter(&with(next::HOP, dst, b"\xc2\x04\0\x01\0\0"))).2, 42);
    }
    assert_eq!(host.counted("Ip6InHdrErrors"), 14);
    assert_eq!(host.enter(&with(next::DESTINATION, FAR, b"\x9e\x04abcd")).outcome, Outcome::Sent);
    assert_eq!(told(&host.enter(&with(next::DESTINATION, OWN, b"\x9e\x04abcd"))).1, [4, 2]);
    let late = [header(next::HOP, b"\x01\x04\0\0\0\0"), header(proto::UDP, b"\x01\x04\0\0\0\0")].concat();
    let handled = host.enter(&packet(PEER, OWN, next::HOP, &late));
    assert_eq!((reason(&handled), told(&handled)), ("IP_NOPROTO", (OWN.into(), [4, 1], 40)));
}

#[test]
fn t61_routing_headers_and_what_nobody_speaks() {
    let with = |kind: u8, left: u8| {
        let header = [proto::UDP, 0, kind, left, 0, 0, 0, 0];
        packet(PEER, OWN, next::ROUTING, &[&header[..], &udp_payload(PEER, OWN, b"")].concat())
    };
    let mut host = Host::new(ROUTER6);
    host.run("sysctl -w net.ipv6.icmp.ratelimit=0");
    for kind in [0, 1, 2, 253] {
        assert_eq!(reason(&host.enter(&with(kind, 0))), "NO_SOCKET");
        assert_eq!(told(&host.enter(&with(kind, 1))), (OWN.into(), [4, 0], 42));
    }
    for kind in [3, 4] {
        let handled = host.enter(&with(kind, 0));
        assert_eq!((reason(&handled), handled.emitted.len()), ("NOT_SPECIFIED", 0));
    }
    assert_eq!(host.counted("Ip6InHdrErrors"), 4);
    assert_eq!(host.enter(&packet(PEER, OWN, next::NONE, b"rest")).emitted.len(), 0);
    assert_eq!(told(&host.enter(&packet(PEER, OWN, 99, b"rest"))), (OWN.into(), [4, 1], 6));
    assert_eq!(host.counted("Ip6InUnknownProtos"), 1);
}

#[test]
fn t69_unicast_in_a_frame_for_many() {
    let mut host = Host::new(ROUTER6);
    let everybody = [0xff; 6];
    let handled = host.enter_to(everybody, &udp(PEER, FAR, b""));
    assert_eq!((reason(&handled), host.counted("Ip6OutForwDatagrams")), ("NOT_SPECIFIED", 0));
    assert_eq!(host.enter_to(everybody, &echo(PEER, OWN, b"")).emitted.len(), 1);
    let handled = host.enter_to(everybody, &udp(PEER, OWN, b""));
    assert_eq!((handled.emitted.len(), host.counted("Udp6NoPorts")), (0, 1));
    host.run("sysctl -w net.ipv6.conf.e0.drop_unicast_in_l2_multicast=1");
    assert_eq!(reason(&host.enter_to(everybody, &echo(PEER, OWN, b""))), "UNICAST_IN_L2_MULTICAST");
}

#[test]
fn t70_answers() {
    let mut host = Host::new(ROUTER6);
    let handled = host.enter(&edited(echo(PEER, OWN, b"ping"), |h| h.word = Ipv6::word_of(0x2b, 0x12345)));
    let (_, header, message) = parts(&handled.emitted[0].bytes);
    assert_eq!((header.traffic_class(), header.flow_label()), (0x2b, 0));
    assert_eq!((message[0], &message[4..]), (129, &b"\0\x01\0\x02ping"[..]));
    // The subnet's routers: another address answers echoes, but not the closed port.
    let anycast = "2001:db8::";
    assert_eq!(told(&host.enter(&echo(PEER, anycast, b""))).0, OWN);
    assert_eq!(told(&host.enter(&udp(PEER, anycast, b""))).0, anycast);
    let segment = |dst: &str| {
        let header = Tcp {
            sport: 1000.into(),
            dport: 80.into(),
            seq: 100.into(),
            ack: 0.into(),
            data_offset: 5 << 4,
            flags: 2,
            window: 100.into(),
            checksum: 0.into(),
            urgent: 0.into(),
        };
        packet(PEER, dst, proto::TCP, &summed(PEER, dst, proto::TCP, header.as_bytes().to_vec(), 16))
    };
    assert_eq!(host.enter(&segment(anycast)).emitted.len(), 0);
    let handled = host.enter(&segment(OWN));
    let (_, _, reset) = parts(&handled.emitted[0].bytes);
    let reset = Tcp::read(reset).unwrap();
    assert_eq!((reset.flags, reset.seq.get(), reset.ack.get()), (0x14, 0, 101));
    assert_eq!(told(&host.enter(&echo(PEER, "ff02::1", b""))).0, OWN);
    host.enter(&udp(PEER, "ff02::1", b""));
    assert_eq!(host.counted("Udp6IgnoredMulti"), 1);
}

#[test]
fn t71_wrong_lengths_and_a_device_without_ipv6() {
    let mut host = Host::new(ROUTER6);
    let longer = edited(udp(PEER, OWN, b""), |header| header.payload_len.set(500));
    assert_eq!(reason(&host.enter(&longer)), "PKT_TOO_SMALL");
    assert_eq!((host.counted("Ip6InTruncatedPkts"), host.counted("Ip6InHdrErrors")), (1, 0));
    assert_eq!(reason(&host.enter(&udp(PEER, OWN, b"")[..30])), "IP_INHDR");
    let other = edited(udp(PEER, OWN, b""), |header| header.word.set(5 << 28));
    assert_eq!(reason(&host.enter(&other)), "UNHANDLED_PROTO");
    assert_eq!(host.counted("Ip6InHdrErrors"), 2);
    host.run("sysctl -w net.ipv6.conf.e0.disable_ipv6=1");
    assert_eq!(reason(&host.enter(&udp(PEER, OWN, b""))), "IPV6DISABLED");
    assert_eq!(host.counted("Ip6InDiscards"), 1);
}
