//! Bridges between taps, judged by the kernel.

use std::net::Ipv6Addr;
use std::sync::{Arc, Mutex};

use fingerpost_engine::path::{AtHook, Kind, Outcome, Verdict};
use fingerpost_engine::trace::Hook;
use fingerpost_model::NsId;
use fingerpost_net::Family;
use fingerpost_net::wire::{DF, Header, Ipv6};
use zerocopy::IntoBytes;

use crate::both::Both;
use crate::commands;
use crate::host::{Host, edited, framed, icmp, mac, reason, udp};
use crate::kernel::{Asked, Step, ask, same};

/// A bridge with an address and two ports, which groups of its own do not disturb.
const BRIDGE: &str = "
sysctl -w net.ipv6.conf.all.disable_ipv6=1
sysctl -w net.ipv6.conf.default.disable_ipv6=1
ip link set lo up
ip link add br0 type bridge mcast_snooping 0
ip link set br0 address 02:00:00:00:00:b0
ip tuntap add e0 mode tap
ip tuntap add e1 mode tap
ip link set e0 address 02:00:00:00:00:10 master br0 up
ip link set e1 address 02:00:00:00:00:11 master br0 up
ip link set br0 up
ip addr add 10.0.0.1/24 dev br0
ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev br0
";

/// The kernel is one that has the same bridges.
fn can_be_asked() -> bool {
    commands::is_default_release() && commands::has("ip link add br0 type bridge")
}

#[test]
fn a_frame_that_no_port_may_send_has_no_target() {
    let frame = framed(mac(3), mac(2), &udp("10.0.0.2", "10.0.0.3", b"data"));
    for (closed, why) in [
        ("ip link set e1 down", "NO_TX_TARGET"),
        ("ip link set e1 type bridge_slave flood off", "NO_TX_TARGET"),
        ("ip link set e1 nomaster", "NO_TX_TARGET"),
    ] {
        let mut both = Both::new(&format!("{BRIDGE}{closed}\n"));
        assert_eq!(reason(&both.frame("e0", &frame)), why, "{closed}");
        both.agree(can_be_asked());
    }
    // One that is known, but where it came from.
    let mut both = Both::new(BRIDGE);
    let back = framed(mac(2), mac(3), &udp("10.0.0.3", "10.0.0.2", b"data"));
    assert_eq!(both.frame("e0", &frame).outcome, Outcome::Sent);
    assert_eq!(reason(&both.frame("e0", &back)), "NOT_SPECIFIED");
    both.agree(can_be_asked());
}

#[test]
fn bridged_packets_are_checked_as_received_ones_are_and_lose_what_follows_them() {
    let mut both = Both::new(BRIDGE);
    let to_station = udp("10.0.0.2", "10.0.0.3", b"data");
    let to_host = icmp("10.0.0.2", "10.0.0.1", 8, b"ping");
    for (dst, packet) in [(3, &to_station), (0xb0, &to_host), (0xff, &to_host)] {
        let mut enter = |packet: &[u8]| {
            let dst = if dst == 0xff { [0xff; 6] } else { mac(dst) };
            both.frame("e0", &framed(dst, mac(2), packet))
        };
        let mut forged = packet.clone();
        forged[10] ^= 1;
        let other = edited(packet.clone(), |header| header.version_ihl = 0x65);
        let narrow = edited(packet.clone(), |header| header.version_ihl = 0x44);
        let longer = edited(packet.clone(), |header| header.total_len.set(header.total_len.get() + 1));
        let headless = edited(packet.clone(), |header| header.total_len.set(19));
        let cut = packet[..23].to_vec();
        let options = edited(packet.clone(), |header| header.version_ihl = 0x4f);
        for odd in [forged, other, narrow, longer, headless, cut, options, Vec::new(), packet[..19].to_vec()]
        {
            let handled = enter(&odd);
            assert_eq!((reason(&handled), handled.emitted.len()), ("IP_INHDR", 0), "{odd:02x?}");
        }
        let padded = [&packet[..], &[7; 9]].concat();
        let handled = enter(&padded);
        assert!(handled.emitted.iter().all(|frame| frame.bytes.len() <= 14 + packet.len()), "{handled:?}");
    }
    let six = |version: u8, claimed: u8, len: usize| {
        let mut frame = framed(mac(3), mac(2), &vec![0; len]);
        frame[12..15].copy_from_slice(&[0x86, 0xdd, version << 4]);
        frame.get_mut(19).into_iter().for_each(|low| *low = claimed);
        frame
    };
    for (version, claimed, len, left) in
        [(6, 8, 48, Some(48)), (6, 8, 60, Some(48)), (6, 8, 47, None), (5, 8, 48, None), (6, 8, 39, None)]
    {
        let handled = both.frame("e0", &six(version, claimed, len));
        let lens: Vec<usize> = handled.emitted.iter().map(|frame| frame.bytes.len() - 14).collect();
        assert_eq!(lens, left.into_iter().collect::<Vec<_>>(), "{version} {claimed} {len}");
    }
    // Hop-by-hop options that run out of their header, and one that runs out of the packet.
    let with_options = |options: [u8; 8]| {
        let mut frame = six(6, 8, 48);
        frame[14 + 40..].copy_from_slice(&options);
        frame
    };
    for (options, passes) in [
        ([59, 0, 1, 4, 0, 0, 0, 0], true),
        ([59, 0, 1, 5, 0, 0, 0, 0], false),
        ([59, 0, 0, 0, 0, 0, 0, 1], false),
        ([59, 1, 1, 4, 0, 0, 0, 0], false),
        // A jumbo payload that is none, and where it may not be.
        ([59, 0, 194, 4, 0, 0, 0, 8], false),
        ([59, 0, 0, 194, 4, 0, 1, 0], false),
    ] {
        let handled = both.frame("e0", &with_options(options));
        assert_eq!(!handled.emitted.is_empty(), passes, "{options:?}");
    }
    // What is no IP packet is none of its business.
    let mut other = framed(mac(3), mac(2), &[1; 40]);
    other[12..14].copy_from_slice(&[0x88, 0xb5]);
    assert_eq!(both.frame("e0", &other).emitted[0].bytes, other);
    both.agree(can_be_asked());
}

#[test]
fn bridged_packets_are_cut_for_a_port_that_takes_less() {
    let mut both = Both::new(&format!("{BRIDGE}ip link set e1 mtu 500\n"));
    let mut lens = |len: usize, change: fn(&mut fingerpost_net::wire::Ipv4)| -> Vec<usize> {
        let packet = edited(udp("10.0.0.2", "10.0.0.3", &vec![7; len - 28]), change);
        let handled = both.frame("e0", &framed(mac(3), mac(2), &packet));
        handled.emitted.iter().map(|frame| frame.bytes.len() - 14).collect()
    };
    assert_eq!(lens(500, |_| {}), [500]);
    // What a frame has room for besides is a tag's.
    assert_eq!(lens(501, |_| {}), [500, 21]);
    assert_eq!(lens(1200, |_| {}), [500, 500, 240]);
    assert_eq!(lens(1200, |header| header.fragment.set(0x2005)), [500, 500, 240]);
    assert_eq!(lens(1200, |header| header.fragment.set(DF)), [0; 0]);
    // Options stay in all pieces, those too that are not copied.
    assert_eq!(lens(1200, |header| header.version_ihl = 0x47), [500, 500, 256]);
    both.agree(can_be_asked());
    // Cut to what the bridge takes, which can be more than the port does.
    let mut both = Both::new(&format!("{BRIDGE}ip link set e1 mtu 500\nip link set br0 mtu 1000\n"));
    let packet = udp("10.0.0.2", "10.0.0.3", &[7; 1172]);
    let handled = both.frame("e0", &framed(mac(3), mac(2), &packet));
    assert_eq!(handled.emitted.iter().map(|frame| frame.bytes.len()).collect::<Vec<_>>(), [14 + 224]);
    both.agree(can_be_asked());
}

#[test]
fn what_bridged_packets_meet_can_be_turned_off() {
    for (setting, four, six) in
        [("iptables", true, false), ("ip6tables", false, true), ("arptables", false, false)]
    {
        // Any number but zero is one.
        let script = format!(
            "{BRIDGE}sysctl -w net.bridge.bridge-nf-call-{setting}=-7
sysctl -w net.bridge.bridge-nf-filter-vlan-tagged=0\n"
        );
        let mut both = Both::new(&script);
        both.shows(&format!("cat /proc/sys/net/bridge/bridge-nf-call-{setting}"));
        both.shows("cat /proc/sys/net/bridge");
        both.shows("cat /proc/sys/net/bridge/");
        both.shows("cat /proc/sys/net/bridge/nosuch");
        let off = format!("sysctl -w net.bridge.bridge-nf-call-{setting}=0");
        both.host.run(&off);
        both.script += &format!("{off}\n");
        let mut forged = udp("10.0.0.2", "10.0.0.3", b"data");
        forged[10] ^= 1;
        let left = both.frame("e0", &framed(mac(3), mac(2), &forged));
        assert_eq!(left.emitted.len(), usize::from(four), "{setting}");
        let mut forged = framed(mac(3), mac(2), &[0; 48]);
        forged[12..15].copy_from_slice(&[0x86, 0xdd, 0x50]);
        assert_eq!(both.frame("e0", &forged).emitted.len(), usize::from(six), "{setting}");
        both.agree(can_be_asked());
    }
}

#[test]
fn bridged_arp_has_to_have_a_head() {
    let mut both = Both::new(BRIDGE);
    let all = [0xff; 6];
    let arp = |dst: [u8; 6], len: usize| {
        let mut frame = framed(dst, mac(2), &[0, 1, 8, 0, 6, 4, 0, 1, 2, 0][..len]);
        frame[12..14].copy_from_slice(&[8, 6]);
        frame
    };
    for dst in [mac(3), all] {
        for (len, passes) in [(0, false), (7, false), (8, true), (10, true)] {
            let handled = both.frame("e0", &arp(dst, len));
            assert_eq!(handled.emitted.len(), usize::from(passes), "{len}");
        }
    }
    assert_eq!(reason(&both.frame("e0", &arp(mac(3), 7))), "PKT_TOO_SMALL");
    let off = "sysctl -w net.bridge.bridge-nf-call-arptables=0";
    both.host.run(off);
    both.script += &format!("{off}\n");
    assert_eq!(both.frame("e0", &arp(mac(3), 7)).emitted.len(), 1);
    both.agree(can_be_asked());
}

/// A frame of a session of PPPoE, from the neighbour behind the first port.
fn in_pppoe(dst: u8, number: u16, packet: &[u8]) -> Vec<u8> {
    let head = [0x11, 0, 0, 9];
    let len = (packet.len() as u16 + 2).to_be_bytes();
    let mut frame = framed(mac(dst), mac(2), &[&head[..], &len, &number.to_be_bytes(), packet].concat());
    frame[12..14].copy_from_slice(&[0x88, 0x64]);
    frame
}

#[test]
fn packets_in_sessions_of_pppoe_are_checked_where_that_is_asked_for() {
    let packet = udp("10.0.0.2", "10.0.0.3", b"data");
    let mut forged = packet.clone();
    forged[10] ^= 1;
    let padded = [&packet[..], &[7; 9]].concat();
    let mut six = vec![0; 48];
    (six[0], six[5], six[6]) = (0x60, 8, 59);
    let long = udp("10.0.0.2", "10.0.0.3", &[7; 572]);
    for is_on in [false, true] {
        let off = format!("{BRIDGE}sysctl -w net.bridge.bridge-nf-filter-pppoe-tagged={}\n", u8::from(is_on));
        let mut both = Both::new(&off);
        let mut lens = |frame: Vec<u8>| {
            both.frame("e0", &frame).emitted.iter().map(|frame| frame.bytes.len()).collect::<Vec<_>>()
        };
        let only = |len: usize, is_left: bool| if is_left { vec![len] } else { vec![] };
        assert_eq!(lens(in_pppoe(3, 0x21, &packet)), [22 + 32]);
        assert_eq!(lens(in_pppoe(3, 0x21, &forged)), only(22 + 32, !is_on));
        assert_eq!(lens(in_pppoe(3, 0x21, &padded)), [22 + if is_on { 32 } else { 41 }]);
        assert_eq!(lens(in_pppoe(3, 0x21, &packet[..31])), only(22 + 31, !is_on));
        assert_eq!(lens(in_pppoe(3, 0x21, &[])), only(22, !is_on));
        assert_eq!(lens(in_pppoe(3, 0x57, &six)), [22 + 48]);
        assert_eq!(lens(in_pppoe(3, 0x57, &six[..47])), only(22 + 47, !is_on));
        assert_eq!(lens(in_pppoe(3, 0xc021, &[1, 2, 3, 4])), [22 + 4]);
        assert!(lens(in_pppoe(0xb0, 0x21, &packet)).is_empty());
        // Too short for the header of a session, asked for or not.
        assert!(lens(in_pppoe(3, 0x21, &[])[..21].to_vec()).is_empty());
        both.agree(can_be_asked());
        // None is cut; what a port has no room for does not leave by it.
        let mut both = Both::new(&format!("{off}ip link set e1 mtu 500\n"));
        for (len, leaves) in [(496, true), (497, false), (600, false)] {
            let frame = in_pppoe(3, 0x21, &udp("10.0.0.2", "10.0.0.3", &long[..len - 28]));
            assert_eq!(!both.frame("e0", &frame).emitted.is_empty(), leaves, "{len}");
        }
        both.agree(can_be_asked());
        let mut host = Host::new(&off);
        let short = host.frame("e0", &in_pppoe(3, 0x21, &[])[..21]);
        assert_eq!(reason(&short), "PKT_TOO_SMALL");
    }
}

/// The same with IPv6, whose ports have none of their own.
const BRIDGE6: &str = "
sysctl -w net.ipv6.auto_flowlabels=0
sysctl -w net.ipv6.conf.default.accept_dad=0
sysctl -w net.ipv6.conf.default.mldv2_unsolicited_report_interval=1
sysctl -w net.ipv6.icmp.ratelimit=0
ip link set lo up
ip link add br0 type bridge mcast_snooping 0
ip link set br0 address 02:00:00:00:00:b0
ip tuntap add e0 mode tap
ip tuntap add e1 mode tap
sysctl -w net.ipv6.conf.e0.disable_ipv6=1
sysctl -w net.ipv6.conf.e1.disable_ipv6=1
sysctl -w net.ipv6.conf.br0.router_solicitations=0
ip link set e0 address 02:00:00:00:00:10 master br0 up
ip link set e1 address 02:00:00:00:00:11 master br0 up
ip link set br0 up
ip addr add 2001:db8::1/64 dev br0 nodad
ip neigh add 2001:db8::2 lladdr 02:00:00:00:00:02 dev br0
";

/// A packet of IPv6 of so many bytes, to the neighbour behind the other port.
fn six_of(src: &str, len: usize) -> Step {
    let header = Ipv6 {
        word: Ipv6::word_of(0, 0),
        payload_len: ((len - Ipv6::LEN) as u16).into(),
        next: 59,
        hop_limit: 64,
        src: src.parse::<Ipv6Addr>().unwrap().octets(),
        dst: "2001:db8::3".parse::<Ipv6Addr>().unwrap().octets(),
    };
    let mut frame = framed(mac(3), mac(2), &[header.as_bytes(), &vec![7; len - Ipv6::LEN]].concat());
    frame[12..14].copy_from_slice(&[0x86, 0xdd]);
    Step::Frame("e0", frame)
}

/// What leaves, device and length, and how many were counted as `Ip6FragFails`; the kernel's too.
fn cut_by(more: &str, steps: &[Step]) -> (Vec<(&'static str, usize)>, u64) {
    let setup = format!("{BRIDGE6}{more}");
    if can_be_asked() {
        same(&mut Host::new(&setup), &Asked { quiet: 1.5, ..Asked::of(&setup, steps) });
    }
    let mut host = Host::new(&setup);
    let e0 = host.device("e0");
    let mut left = Vec::new();
    for step in steps {
        if let Step::Frame(dev, frame) = step {
            let frames = host.frame(dev, frame).emitted;
            let name = |dev: u32| if dev == e0 { "e0" } else { "e1" };
            left.extend(frames.iter().map(|frame| (name(frame.dev), frame.bytes.len() - 14)));
        }
    }
    (left, host.counted("Ip6FragFails"))
}

#[test]
fn whoever_sends_a_bridge_too_much_of_ipv6_is_told() {
    let lens = [1300, 1301, 1350, 1450].map(|len| six_of("2001:db8::2", len));
    let told = ("e0", 1280);
    let narrow = "ip link set e1 mtu 1300\n";
    assert_eq!(cut_by(narrow, &lens), (vec![("e1", 1300), told, told, told], 3));
    // The bridge takes more than the port: what it takes is cut, and what has room leaves.
    let wider = format!("{narrow}ip link set br0 mtu 1400\n");
    let lens = [1301, 1400, 1450].map(|len| six_of("2001:db8::2", len));
    assert_eq!(cut_by(&wider, &lens), (vec![("e1", 56), told], 1));
    // No way back: to another network, without IPv6, over the link of a port that has none.
    let nobody = [six_of("2001:db8:9::2", 1350)];
    assert_eq!(cut_by(narrow, &nobody), (vec![], 1));
    let off = format!("sysctl -w net.ipv6.conf.br0.disable_ipv6=1\n{narrow}");
    assert_eq!(cut_by(&off, &lens[..1]), (vec![], 1));
    assert_eq!(cut_by(narrow, &[six_of("fe80::2", 1350)]), (vec![], 1));
    // Where hooks are not called nobody is told.
    let uncalled = format!("{narrow}sysctl -w net.bridge.bridge-nf-call-ip6tables=0\n");
    assert_eq!(cut_by(&uncalled, &lens[..1]), (vec![("e1", 1301)], 0));
    // Extension headers would stay in front.
    let mut host = Host::new(&format!("{BRIDGE6}{wider}"));
    let Step::Frame(_, mut frame) = six_of("2001:db8::2", 1350) else { unreachable!() };
    (frame[20], frame[54], frame[55]) = (60, 59, 0);
    frame[56..62].copy_from_slice(&[1, 4, 0, 0, 0, 0]);
    let unknown = Outcome::Unknown("a bridge that cuts a packet with extension headers");
    assert_eq!(host.frame("e0", &frame).outcome, unknown);
}

/// What functions at hooks were called for, each with the device it came in by.
type Calls = Arc<Mutex<Vec<(Hook, u32)>>>;

#[test]
fn a_bridge_calls_functions_at_prerouting_before_it_learns() {
    let frame = framed(mac(3), mac(2), &udp("10.0.0.2", "10.0.0.3", b"data"));
    let echo = framed(mac(0xb0), mac(2), &icmp("10.0.0.2", "10.0.0.1", 8, b"ping"));
    let probe = framed(mac(2), mac(4), &udp("10.0.0.4", "10.0.0.2", b"data"));
    let with = |function: fn(&mut AtHook<'_>) -> Verdict| {
        let mut host = Host::new(BRIDGE);
        let calls = Calls::default();
        let (ns, _) = host.world.ns_mut(NsId(0)).unwrap();
        for hook in [Hook::Prerouting, Hook::Input] {
            let calls = calls.clone();
            let noted = Arc::new(move |at: &mut AtHook<'_>| {
                calls.lock().unwrap().push((hook, at.input));
                if hook == Hook::Prerouting { function(at) } else { Verdict::Accept }
            });
            ns.config.hooks.register(Family::V4, hook, 0, Kind::Filter, noted);
        }
        let bridge = host.device("br0");
        (host, calls, bridge)
    };
    // Each packet once, be it for the host or another. What is known to be behind the port that
    // it came by goes nowhere.
    let (mut host, calls, bridge) = with(|_| Verdict::Accept);
    assert_eq!(host.frame("e0", &frame).outcome, Outcome::Sent);
    assert_eq!(host.frame("e0", &echo).outcome, Outcome::Delivered);
    let expected = [Hook::Prerouting, Hook::Prerouting, Hook::Input].map(|hook| (hook, bridge));
    assert_eq!(*calls.lock().unwrap(), expected);
    assert_eq!(reason(&host.frame("e0", &probe)), "NOT_SPECIFIED");
    // What is stopped is not received, and its sender not learned.
    let (mut host, calls, _) = with(|_| Verdict::Drop);
    for stopped in [&frame, &echo] {
        assert_eq!(reason(&host.frame("e0", stopped)), "NETFILTER_DROP");
    }
    assert_eq!((calls.lock().unwrap().len(), host.counted("IpInReceives")), (2, 0));
    host.world.ns_mut(NsId(0)).unwrap().0.config.hooks = Default::default();
    assert_eq!(host.frame("e0", &probe).outcome, Outcome::Sent);
    if can_be_asked() {
        let steps = [
            Step::Frame("e0", frame.clone()),
            Step::Frame("e0", echo),
            Step::Run("nft flush ruleset"),
            Step::Frame("e0", probe),
        ];
        for (verdict, left, received) in [("accept", ["e0", "e1"].as_slice(), 1), ("drop", &["e1"], 0)] {
            let rules = format!(
                "nft add table ip t\nnft add chain ip t c '{{ type filter hook prerouting priority 0; }}'\n\
nft add rule ip t c {verdict}"
            );
            if let Some(did) = ask(&Asked { rules: &rules, ..Asked::of(BRIDGE, &steps) }) {
                let mut devices: Vec<_> = did.frames.iter().map(|(dev, _)| dev.as_str()).collect();
                devices.sort_unstable();
                assert_eq!((devices.as_slice(), did.counters["IpInReceives"]), (left, received), "{verdict}");
            }
        }
    }
    // What is changed is not modelled.
    let (mut host, ..) = with(|at| {
        at.set_mark(7);
        Verdict::Accept
    });
    let unknown = Outcome::Unknown("bridged packets that functions at hooks change");
    assert_eq!(host.frame("e0", &frame).outcome, unknown);
}

#[test]
fn what_goes_from_port_to_port_passes_forward_and_postrouting_as_the_bridges() {
    let frame = framed(mac(3), mac(2), &udp("10.0.0.2", "10.0.0.3", b"data"));
    let mut in_session = in_pppoe(3, 0x21, &frame[14..]);
    in_session[5] = 4;
    let echo = framed(mac(0xb0), mac(2), &icmp("10.0.0.2", "10.0.0.1", 8, b"ping"));
    let script = format!("{BRIDGE}sysctl -w net.bridge.bridge-nf-filter-pppoe-tagged=1\n");
    let with = |function: fn(&mut AtHook<'_>) -> Verdict| {
        let mut host = Host::new(&script);
        let calls = Arc::new(Mutex::new(Vec::new()));
        let (ns, _) = host.world.ns_mut(NsId(0)).unwrap();
        for hook in [Hook::Forward, Hook::Postrouting] {
            let calls = calls.clone();
            let noted = Arc::new(move |at: &mut AtHook<'_>| {
                calls.lock().unwrap().push((hook, at.input, at.output));
                function(at)
            });
            ns.config.hooks.register(Family::V4, hook, 0, Kind::Filter, noted);
        }
        let bridge = host.device("br0");
        (host, calls, bridge)
    };
    let (mut host, calls, bridge) = with(|_| Verdict::Accept);
    assert_eq!(host.frame("e0", &frame).outcome, Outcome::Sent);
    assert_eq!(host.frame("e0", &in_session).outcome, Outcome::Sent);
    let both = [(Hook::Forward, bridge, bridge), (Hook::Postrouting, 0, bridge)];
    assert_eq!(*calls.lock().unwrap(), both.repeat(2));
    // The host's own answer is not forwarded.
    assert_eq!(host.frame("e0", &echo).emitted.len(), 1);
    assert_eq!(calls.lock().unwrap()[4..], [(Hook::Postrouting, 0, bridge)]);
    let (mut host, ..) = with(|_| Verdict::Drop);
    assert_eq!(reason(&host.frame("e0", &frame)), "NETFILTER_DROP");
    let (mut host, ..) = with(|at| {
        at.set_tos(8);
        Verdict::Accept
    });
    let unknown = Outcome::Unknown("bridged packets that functions at hooks change");
    assert_eq!(host.frame("e0", &frame).outcome, unknown);
    let steps = [frame, in_session, echo].map(|frame| Step::Frame("e0", frame));
    let rules = [
        ("forward", "iifname br0 oifname br0 accept", 3),
        ("forward", "iifname br0 oifname br0 drop", 1),
        ("forward", "iifname e0 drop", 3),
        ("postrouting", "oifname br0 drop", 0),
        ("postrouting", "oifname e1 drop", 3),
    ];
    for (hook, rule, left) in rules {
        let rules = format!(
            "nft add table ip t\nnft add chain ip t c '{{ type filter hook {hook} priority 0; }}'\n\
nft add rule ip t c {rule}"
        );
        let asked = Asked { rules: &rules, ..Asked::of(&script, &steps) };
        if let Some(did) = can_be_asked().then(|| ask(&asked)).flatten() {
            assert_eq!(did.frames.len(), left, "{hook}: {rule}");
        }
    }
}
