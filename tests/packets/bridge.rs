//! Bridges between taps, judged by the kernel.

use std::sync::Arc;

use fingerpost_engine::path::{AtHook, Kind, Outcome, Verdict};
use fingerpost_engine::trace::Hook;
use fingerpost_model::NsId;
use fingerpost_net::Family;
use fingerpost_net::wire::DF;

use crate::both::Both;
use crate::commands;
use crate::host::{Host, edited, framed, icmp, mac, reason, udp};

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
fn functions_at_hooks_are_unknown_for_what_goes_from_port_to_port() {
    let mut host = Host::new(BRIDGE);
    let frame = framed(mac(3), mac(2), &udp("10.0.0.2", "10.0.0.3", b"data"));
    let echo = framed(mac(0xb0), mac(2), &icmp("10.0.0.2", "10.0.0.1", 8, b"ping"));
    assert_eq!(host.frame("e0", &frame).outcome, Outcome::Sent);
    let (ns, _) = host.world.ns_mut(NsId(0)).unwrap();
    let accept = Arc::new(|_: &mut AtHook<'_>| Verdict::Accept);
    ns.config.hooks.register(Family::V4, Hook::Prerouting, 0, Kind::Filter, accept);
    let handled = host.frame("e0", &frame);
    assert_eq!(handled.outcome, Outcome::Unknown("functions at hooks for bridged packets"));
    assert_eq!(host.frame("e0", &echo).outcome, Outcome::Delivered);
}
