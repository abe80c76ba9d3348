//! Protocols beside UDP and TCP, signed segments, and groups that addresses are: judged by the
//! kernel.

use fingerpost_net::wire::{Checksum, Ethernet, Header, Ipv4, Tcp, ethertype, next, proto, tcp_flags};
use zerocopy::IntoBytes;

use super::{OWN, PEER, ROUTER6, packet, summed, udp};
use crate::host::{Host, ROUTER, framed, ipv4, mac};
use crate::kernel::{Asked, Both, Step, same};

fn held(more: &str) -> String {
    format!(
        "sysctl -w net.ipv6.conf.default.mldv2_unsolicited_report_interval=1
{ROUTER6}sysctl -w net.ipv4.icmp_msgs_per_sec=100000
sysctl -w net.ipv4.icmp_msgs_burst=100000
sysctl -w net.ipv6.icmp.ratelimit=0
{more}
"
    )
}

fn arrives(packet: &[u8]) -> Step {
    let group = packet[24] == 0xff;
    let dst = if group { [0x33, 0x33, packet[36], packet[37], packet[38], packet[39]] } else { mac(0x10) };
    let header = Ethernet { dst, src: mac(2), ethertype: ethertype::IPV6.into() };
    Step::Frame("e0", [header.as_bytes(), packet].concat())
}

/// What both do, and why packets were dropped here.
#[track_caller]
fn done(setup: &str, steps: &[Step]) -> (Both, Vec<String>) {
    let asked = Asked { quiet: 1.5, ..Asked::of(setup, steps) };
    let (both, handled, _) = same(&mut Host::new(setup), &asked);
    (both, handled.iter().map(|handled| format!("{:?}", handled.outcome)).collect())
}

fn counted(both: &Both, name: &str) -> u64 {
    both.counters.get(name).copied().unwrap_or(0)
}

/// A datagram of UDP-Lite whose checksum covers so many bytes.
fn lite(dst: &str, covers: u16, data: &[u8]) -> Vec<u8> {
    let mut payload = [&[3, 232, 0, 53][..], &covers.to_be_bytes(), &[0, 0], data].concat();
    let covered = if covers == 0 { payload.len() } else { usize::from(covers).min(payload.len()) };
    let (from, to) = (PEER.parse().unwrap(), dst.parse().unwrap());
    let sum = Checksum::ZERO.pseudo6(from, to, proto::UDPLITE, payload.len()).bytes(&payload[..covered]);
    payload[6..8].copy_from_slice(&sum.finish().to_be_bytes());
    packet(PEER, dst, proto::UDPLITE, &payload)
}

#[test]
fn t70_udp_lite_is_answered_as_udp_is() {
    let mut wrong = lite(OWN, 0, b"data");
    wrong[46] ^= 1;
    let mut none = lite(OWN, 0, b"data");
    none[46..48].fill(0);
    let mut behind = lite(OWN, 8, b"not covered");
    *behind.last_mut().unwrap() ^= 1;
    let packets = [
        lite(OWN, 0, b"data"),
        lite(OWN, 12, b"data"),
        behind,
        lite(OWN, 7, b"data"),
        lite(OWN, 13, b"data"),
        wrong,
        none,
        lite("ff02::1", 0, b"data"),
        packet(PEER, OWN, proto::UDPLITE, b"short"),
    ];
    let (both, outcomes) = done(&held(""), &packets.iter().map(|packet| arrives(packet)).collect::<Vec<_>>());
    assert_eq!((both.frames.len(), counted(&both, "UdpLite6NoPorts")), (3, 3));
    assert_eq!((counted(&both, "UdpLite6InErrors"), counted(&both, "UdpLite6InCsumErrors")), (5, 3));
    assert_eq!(outcomes[4], "Dropped(PktTooSmall)");
}

#[test]
fn t61_protocols_of_modules_are_unknown_to_the_kernel() {
    let numbers = [4, 41, 47, 50, next::AUTH, 115, 132, 137];
    let mut steps: Vec<Step> =
        numbers.iter().map(|&number| arrives(&packet(PEER, OWN, number, &[0; 24]))).collect();
    // Nobody routes multicast.
    steps.push(arrives(&packet(PEER, OWN, proto::PIM, &[0x21, 0, 0xde, 0xff, 0, 0, 0, 0])));
    let quoted = packet(OWN, PEER, 41, &[0; 24]);
    steps.push(arrives(&super::message(PEER, OWN, 1, [0; 4], &quoted)));
    let (both, _) = done(&held(""), &steps);
    assert_eq!((both.frames.len(), counted(&both, "Ip6InUnknownProtos")), (8, 8));
    assert_eq!((counted(&both, "Ip6InDelivers"), counted(&both, "Icmp6InErrors")), (2, 0));
}

/// A segment with options; its checksum is open.
fn segment(options: &[u8]) -> Vec<u8> {
    let header = Tcp {
        sport: 1000.into(),
        dport: 80.into(),
        seq: 1.into(),
        ack: 0.into(),
        data_offset: ((20 + options.len()) as u8 / 4) << 4,
        flags: tcp_flags::SYN,
        window: 100.into(),
        checksum: 0.into(),
        urgent: 0.into(),
    };
    [header.as_bytes(), options].concat()
}

/// Options, and whether a segment with them is reset by IPv4, and by IPv6.
fn options() -> Vec<(Vec<u8>, [bool; 2])> {
    let signature = [&[19, 18][..], &[7; 16]].concat();
    let twice = [&signature[..], &signature].concat();
    vec![
        (vec![2, 4, 5, 0xb4], [true; 2]),
        ([&signature[..], &[1, 1]].concat(), [false; 2]),
        ([&[1, 1][..], &signature].concat(), [false; 2]),
        // Behind the end of options.
        ([&[0, 0][..], &signature].concat(), [true; 2]),
        (twice, [false; 2]),
        ([&[19, 17][..], &[7; 18]].concat(), [false; 2]),
        ([&[8, 40][..], &[7; 18]].concat(), [false; 2]),
        ([&[8, 1][..], &[7; 18]].concat(), [false; 2]),
        // Too little is left for a signature.
        (vec![8, 40, 0, 0], [true; 2]),
        ([&[29, 4][..], &[0; 18]].concat(), [false; 2]),
        ([&[29, 16][..], &[0; 18]].concat(), [false, true]),
    ]
}

#[test]
fn signed_segments_and_those_with_broken_options_are_not_reset() {
    for (options, [_, is_reset]) in options() {
        let six = packet(PEER, OWN, proto::TCP, &summed(PEER, OWN, proto::TCP, segment(&options), 16));
        let (both, _) = done(&held(""), &[arrives(&six)]);
        assert_eq!((both.frames.len() == 1, counted(&both, "TcpOutRsts") == 1), (is_reset, is_reset));
    }
    let four = |options: &[u8]| {
        let mut segment = segment(options);
        let bare = ipv4("10.0.0.2", "10.0.0.1", proto::TCP, &segment);
        let ends = Ipv4::read(&bare).unwrap();
        let sum = Checksum::ZERO.pseudo4(ends.source(), ends.destination(), proto::TCP, segment.len());
        let sum = sum.bytes(&segment).finish();
        segment[16..18].copy_from_slice(&sum.to_be_bytes());
        Step::Frame("e0", framed(mac(0x10), mac(2), &ipv4("10.0.0.2", "10.0.0.1", proto::TCP, &segment)))
    };
    let setup = format!("sysctl -w net.ipv6.conf.default.disable_ipv6=1\n{ROUTER}");
    for (options, [is_reset, _]) in options() {
        let (both, _) = done(&setup, &[four(&options)]);
        assert_eq!(both.frames.len() == 1, is_reset, "{options:?}");
    }
}

#[test]
fn an_address_joins_the_group_that_it_is() {
    const GROUP: &str = "ff05::99";
    let join = "ip addr add ff05::99/128 dev e0 autojoin";
    let steps = [
        arrives(&udp(PEER, GROUP, b"")),
        arrives(&udp(PEER, "ff05::98", b"")),
        Step::Run("ip addr del ff05::99/128 dev e0"),
        arrives(&udp(PEER, GROUP, b"")),
    ];
    let setup =
        held(&format!("{join}\nip addr add ff05::98/128 dev e0 autojoin\nip addr del ff05::98/128 dev e0"));
    let mut host = Host::new(&setup);
    let listed = |host: &Host| {
        let ns = host.world.ns(fingerpost_model::NsId(0)).unwrap();
        let groups = &ns.config.links.ipv6(host.device("e0")).unwrap().groups;
        groups.iter().map(|group| group.addr.to_string()).collect::<Vec<_>>()
    };
    assert!(listed(&host).contains(&GROUP.to_owned()));
    // An address that went with its device leaves the group joined, so that it cannot come back.
    host.run("ip link set e0 down\nip link set e0 up");
    assert!(listed(&host).contains(&GROUP.to_owned()));
    let asked = Asked { quiet: 1.5, ..Asked::of(&setup, &steps[..2]) };
    let (both, ..) = same(&mut Host::new(&setup), &asked);
    assert_eq!((counted(&both, "Udp6IgnoredMulti"), counted(&both, "Ip6InDelivers")), (1, 1));
    let mut host = Host::new(&setup);
    host.run("ip addr del ff05::99/128 dev e0");
    assert!(!listed(&host).contains(&GROUP.to_owned()));
}
