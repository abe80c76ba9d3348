//! Protocols beside UDP and TCP, signed segments, groups that addresses are, and what failed
//! neighbours end: judged by the kernel.

use fingerpost_engine::Behaviour;
use fingerpost_engine::lookup::DropReason;
use fingerpost_engine::path::Outcome;
use fingerpost_model::NsId;
use fingerpost_net::wire::{
    Checksum, Ethernet, Header, Ipv4, Tcp, ethertype, icmp6, nd, next, proto, tcp_flags,
};
use zerocopy::IntoBytes;

use super::{FAR, OWN, PEER, ROUTER6, addr, echo, edited, message, packet, summed, udp};
use crate::host::{Host, ROUTER, framed, ipv4, mac};
use crate::kernel::{Asked, Both, Step, same};

pub(super) fn held(more: &str) -> String {
    format!(
        "sysctl -w net.ipv6.conf.default.mldv2_unsolicited_report_interval=1
{ROUTER6}sysctl -w net.ipv4.icmp_msgs_per_sec=100000
sysctl -w net.ipv4.icmp_msgs_burst=100000
sysctl -w net.ipv6.icmp.ratelimit=0
{more}
"
    )
}

pub(super) fn arrives(packet: &[u8]) -> Step {
    let group = packet[24] == 0xff;
    let dst = if group { [0x33, 0x33, packet[36], packet[37], packet[38], packet[39]] } else { mac(0x10) };
    let header = Ethernet { dst, src: mac(2), ethertype: ethertype::IPV6.into() };
    Step::Frame("e0", [header.as_bytes(), packet].concat())
}

/// What both do, and why packets were dropped here.
#[track_caller]
pub(super) fn done(setup: &str, steps: &[Step]) -> (Both, Vec<String>) {
    let asked = Asked { quiet: 1.5, ..Asked::of(setup, steps) };
    let (both, handled, _) = same(&mut Host::new(setup), &asked);
    (both, handled.iter().map(|handled| format!("{:?}", handled.outcome)).collect())
}

pub(super) fn counted(both: &Both, name: &str) -> u64 {
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
    steps.push(arrives(&message(PEER, OWN, 1, [0; 4], &quoted)));
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
fn whether_newer_signatures_keep_from_a_reset_of_ipv6_is_a_choice_of_the_kernels_build() {
    let options = [&[29, 16][..], &[0; 18]].concat();
    let six = packet(PEER, OWN, proto::TCP, &summed(PEER, OWN, proto::TCP, segment(&options), 16));
    let asked = |change: &dyn Fn(&mut Host)| {
        let mut host = Host::new(&held(""));
        change(&mut host);
        let handled = host.enter(&six);
        (handled.emitted.len(), handled.outcome)
    };
    let nobody = Outcome::Dropped(DropReason::NoSocket);
    assert_eq!(asked(&|_| {}), (1, nobody));
    assert_eq!(asked(&|host| host.world.behaviour.tcp_checks_authentication = true), (0, nobody));
    assert_eq!(asked(&|host| host.world.behaviour = Behaviour::of_release("6.6")), (1, nobody));
    let captured = |host: &mut Host| host.world.ns_mut(NsId(0)).unwrap().0.config.may_have_modules = true;
    let unknown = "whether the kernel checks segments' newer signatures (RFC 5925)";
    assert_eq!(asked(&captured), (0, Outcome::Unknown(unknown)));
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

#[test]
fn what_was_learned_of_a_destination_goes_when_its_next_step_is_not_reached() {
    const HOST6: &str = "
sysctl -w net.ipv6.conf.default.mldv2_unsolicited_report_interval=1
sysctl -w net.ipv6.auto_flowlabels=0
sysctl -w net.ipv6.conf.default.accept_dad=0
sysctl -w net.ipv6.conf.default.router_solicitations=0
ip link set lo up
ip tuntap add e0 mode tap
ip tuntap add e1 mode tap
sysctl -w net.ipv6.neigh.e0.retrans_time_ms=200
ip link set e0 address 02:00:00:00:00:10 up
ip addr add 2001:db8::1/64 dev e0 nodad
ip neigh add fe80::2 lladdr 02:00:00:00:00:02 dev e0
ip route add default via fe80::2 dev e0
";
    let router = "fe80::2";
    let elsewhere = [addr("fe80::9").octets(), addr(FAR).octets()].concat();
    let redirect =
        edited(message(router, OWN, nd::REDIRECT, [0; 4], &elsewhere), |header| header.hop_limit = 255);
    let sent = message(OWN, FAR, icmp6::ECHO_REPLY, [0; 4], &[0; 200]);
    let too_big = message(router, OWN, icmp6::TOO_BIG, 1300u32.to_be_bytes(), &sent);
    // The router's answer waits for an address that nobody has, and then the way is the old one.
    let asks = arrives(&echo(FAR, OWN, &[1; 1400]));
    let steps = [arrives(&redirect), arrives(&too_big), asks.clone(), Step::Wait(1500), asks];
    let (both, _) = done(HOST6, &steps);
    let asked = both.frames.iter().filter(|(_, frame)| frame[54] == nd::SOLICIT).count();
    let (_, last) = both.frames.last().unwrap();
    assert_eq!((asked, both.frames.len()), (3, 4));
    assert_eq!((&last[..6], last.len()), (&mac(2)[..], 14 + 40 + 8 + 1400));
}

#[test]
fn a_bridge_drops_malformed_messages_about_listeners() {
    const BRIDGE6: &str = "
sysctl -w net.ipv6.conf.all.disable_ipv6=1
sysctl -w net.ipv6.conf.default.disable_ipv6=1
ip link set lo up
ip link add br0 type bridge
ip link set br0 address 02:00:00:00:00:b0
ip tuntap add e0 mode tap
ip tuntap add e1 mode tap
ip link set e0 address 02:00:00:00:00:10 master br0 up
ip link set e1 address 02:00:00:00:00:11 master br0 up
ip link set br0 up
";
    const ALERT: [u8; 8] = [next::ICMPV6, 0, 5, 2, 0, 0, 1, 0];
    const LISTENERS: &str = "ff02::16";
    let tells = |kind: u8, records: u8, data: &[u8]| {
        let message = message("fe80::2", LISTENERS, kind, [0, 0, 0, records], data);
        packet("fe80::2", LISTENERS, next::HOP, &[&ALERT[..], &message[40..]].concat())
    };
    let group = addr("ff0e::7").octets();
    let record = |sources: u8| [&[4, 0, 0, sources][..], &group].concat();
    let mut wrong = tells(icmp6::LISTENER_REPORT, 0, &group);
    *wrong.last_mut().unwrap() ^= 1;
    let asks = |src: &str, dst: &str, data: &[u8]| {
        let message = message(src, dst, icmp6::LISTENER_QUERY, [0; 4], data);
        packet(src, dst, next::HOP, &[&ALERT[..], &message[40..]].concat())
    };
    let short =
        packet("fe80::2", LISTENERS, next::HOP, &[&ALERT[..], &[icmp6::LISTENER_REPORT, 0, 0]].concat());
    let cases = [
        (tells(icmp6::LISTENER_REPORT, 0, &group), true),
        (tells(icmp6::LISTENER_REPORT_2, 1, &record(0)), true),
        (tells(icmp6::LISTENER_REPORT_2, 0, &record(0)), true),
        // More records, or sources, than there are; a wrong checksum; no whole message.
        (tells(icmp6::LISTENER_REPORT_2, 2, &record(0)), false),
        (tells(icmp6::LISTENER_REPORT_2, 1, &record(1)), false),
        (wrong, false),
        (short, false),
        // Too short to name a group, it says nothing.
        (tells(icmp6::LISTENER_REPORT_2, 5, &group[..4]), true),
        // Nobody asks from or of such.
        (asks(PEER, "ff02::1", &[0; 16]), false),
        (asks("fe80::2", "ff05::1", &[0; 16]), false),
        (asks("fe80::2", "ff02::1", &[0; 18]), false),
        (asks("fe80::2", "ff02::1", &[0; 8]), true),
    ];
    for (packet, passes) in cases {
        let (both, _) = done(BRIDGE6, &[arrives(&packet)]);
        assert_eq!(both.frames.len(), usize::from(passes), "{:02x?}", &packet[40..]);
    }
}

#[test]
fn questions_that_a_device_without_carrier_drops_are_no_messages() {
    let setup = held("sysctl -w net.ipv6.neigh.e1.retrans_time_ms=200");
    let steps = [
        Step::Run("ip link set e1 carrier off"),
        Step::Wait(1500),
        arrives(&udp(PEER, "2001:db8:1::99", b"")),
        Step::Wait(1500),
    ];
    let (both, _) = done(&setup, &steps);
    // Three questions, and the sender hears that nobody answers.
    assert_eq!((counted(&both, "Ip6OutRequests"), counted(&both, "Icmp6OutMsgs")), (4, 1));
    assert_eq!(both.frames.len(), 1);
}

#[test]
fn c275_answers_of_ipv6_that_wait_leave_no_room_for_more() {
    let asks = arrives(&echo("2001:db8::9", OWN, &[7; 8800]));
    let (both, _) = done(
        &held("ip link set e0 mtu 9000\nsysctl -w net.ipv6.neigh.e0.retrans_time_ms=60000"),
        &vec![asks; 12],
    );
    let counts = ["Icmp6OutEchoReplies", "Icmp6OutErrors", "Ip6OutDiscards"].map(|name| counted(&both, name));
    assert_eq!(counts, [8, 4, 4]);
}

#[test]
fn t56_t63_on_a_device_without_resolution_everybody_has_its_address() {
    let (other, far) = ("2001:db8::9", "2001:db8:77::9");
    let source = super::option(nd::SOURCE_ADDRESS, 2);
    let solicit = super::discovery(PEER, "ff02::1:ff00:1", nd::SOLICIT, 0, OWN, &source);
    let advert = super::discovery(other, OWN, nd::ADVERT, nd::SOLICITED | nd::OVERRIDE, other, &[]);
    let steps = [
        arrives(&solicit),
        arrives(&advert),
        // A redirect tells the address of the next step, which is the device's own.
        arrives(&udp(PEER, other, b"data")),
        arrives(&udp(PEER, far, b"data")),
        arrives(&echo(PEER, OWN, b"ping")),
    ];
    let (both, _) =
        done(&held("ip link set e0 arp off\nip -6 route add 2001:db8:77::/64 via fe80::77 dev e0"), &steps);
    assert_eq!(counted(&both, "Icmp6OutRedirects"), 2);
    assert!(both.frames.iter().all(|(dev, frame)| dev == "e0" && frame[5] == 0x10));
}
