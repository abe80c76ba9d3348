//! Packets in VRFs: received by the VRF's device, routed in its table, sent through it.

use std::net::{IpAddr, Ipv6Addr};

use fingerpost_engine::path::{Handled, Outcome};
use fingerpost_engine::trace::{Event, Hook, Sink, Stage, Tracer};
use fingerpost_model::NsId;
use fingerpost_net::wire::{Ethernet, Header, Ipv6, ethertype};
use zerocopy::IntoBytes;

use crate::both::Both;
use crate::commands;
use crate::host::{Host, edited, framed, icmp, mac, reason, tcp, udp, unframed};

/// Two devices in a VRF, one outside.
const VRF: &str = "
sysctl -w net.ipv6.conf.all.disable_ipv6=1
sysctl -w net.ipv6.conf.default.disable_ipv6=1
ip link set lo up
ip tuntap add e0 mode tap
ip tuntap add e1 mode tap
ip tuntap add e2 mode tap
ip link set e0 address 02:00:00:00:00:10 up
ip link set e1 address 02:00:00:00:00:11 up
ip link set e2 address 02:00:00:00:00:12 up
ip link add red address 02:00:00:00:00:f0 type vrf table 10
ip link set red up
ip link set e0 master red
ip link set e1 master red
ip addr add 10.0.0.1/24 dev e0
ip addr add 10.1.0.1/24 dev e1
ip addr add 10.2.0.1/24 dev e2
ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev e0
ip neigh add 10.1.0.2 lladdr 02:00:00:00:00:03 dev e1
ip neigh add 10.2.0.2 lladdr 02:00:00:00:00:04 dev e2
ip route add 20.0.0.0/8 via 10.1.0.2 table 10
ip route add 30.0.0.0/8 via 10.2.0.2
sysctl -w net.ipv4.ip_forward=1
sysctl -w net.ipv4.icmp_ratelimit=0
";

fn can_be_asked() -> bool {
    commands::has("ip link add red type vrf table 10")
}

fn arrives(both: &mut Both, dev: &str, packet: &[u8]) -> Handled {
    let last = dev.bytes().last().unwrap() - b'0' + 0x10;
    both.frame(dev, &framed(mac(last), mac(2), packet))
}

/// The hooks that a packet passes.
#[derive(Default)]
struct Passed(Vec<Hook>);

impl Sink for Passed {
    fn event(&mut self, event: Event) {
        if let Event::Stage { stage: Stage::Hook { hook, .. } } = event {
            self.0.push(hook);
        }
    }
}

fn hooks(host: &mut Host, dev: &str, frame: &[u8]) -> Vec<Hook> {
    let (mut passed, dev) = (Passed::default(), host.device(dev));
    host.world.receive(NsId(0), dev, frame, &mut Tracer::on(&mut passed)).unwrap();
    passed.0
}

#[test]
fn a_packet_is_forwarded_by_the_table_of_its_vrf() {
    let mut both = Both::new(VRF);
    let handled = arrives(&mut both, "e0", &udp("10.0.0.2", "20.0.0.1", b"data"));
    assert_eq!((handled.outcome, both.left_by(&handled)), (Outcome::Sent, vec!["e1".to_owned()]));
    assert_eq!(unframed(&handled.emitted[0].bytes).1.ttl, 63);
    // What main knows is nothing to it, and the other way round.
    let handled = arrives(&mut both, "e2", &udp("10.2.0.2", "20.0.0.1", b"data"));
    assert_eq!(unframed(&handled.emitted[0].bytes).2[..2], [3, 0]);
    assert_eq!(both.left_by(&handled), ["e2"]);
    both.agree(can_be_asked());
}

#[test]
fn the_rules_after_the_vrf_s_still_count() {
    // Its table knows nothing of 30/8, and main is asked after it.
    let mut both = Both::new(VRF);
    let handled = arrives(&mut both, "e0", &udp("10.0.0.2", "30.0.0.1", b"data"));
    assert_eq!(both.left_by(&handled), ["e2"]);
    both.agree(can_be_asked());
}

#[test]
fn errors_and_replies_go_back_through_the_vrf() {
    let mut both = Both::new(VRF);
    let late = edited(udp("10.0.0.2", "20.0.0.1", b"data"), |header| header.ttl = 1);
    let handled = arrives(&mut both, "e0", &late);
    assert_eq!(reason(&handled), "IP_INHDR");
    let (link, header, message) = unframed(&handled.emitted[0].bytes);
    assert_eq!((link.dst, header.source().to_string(), message[0]), (mac(2), "10.0.0.1".into(), 11));
    for (own, kind) in [("10.0.0.1", 0), ("10.1.0.1", 0)] {
        let handled = arrives(&mut both, "e0", &icmp("10.0.0.2", own, 8, b"ping"));
        let (_, header, message) = unframed(&handled.emitted[0].bytes);
        assert_eq!((header.source().to_string(), message[0]), (own.to_owned(), kind));
    }
    let handled = arrives(&mut both, "e0", &udp("10.0.0.2", "10.1.0.1", b"data"));
    assert_eq!(unframed(&handled.emitted[0].bytes).2[..2], [3, 3]);
    let handled = arrives(&mut both, "e0", &tcp("10.0.0.2", "10.0.0.1", 2, (1, 0)));
    assert_eq!(both.left_by(&handled), ["e0"]);
    both.agree(can_be_asked());
}

#[test]
fn c221_hooks_of_a_vrf_come_twice() {
    use Hook::{Forward, Input, Output, Postrouting, Prerouting};
    let mut host = Host::new(VRF);
    let forwarded = framed(mac(0x10), mac(2), &udp("10.0.0.2", "20.0.0.1", b"data"));
    assert_eq!(hooks(&mut host, "e0", &forwarded), [Prerouting, Prerouting, Forward, Postrouting]);
    let echo = framed(mac(0x10), mac(2), &icmp("10.0.0.2", "10.0.0.1", 8, b"ping"));
    assert_eq!(
        hooks(&mut host, "e0", &echo),
        [Prerouting, Prerouting, Input, Output, Postrouting, Output, Postrouting]
    );
    // Groups and everybody are of the link alone.
    let many = framed([0xff; 6], mac(2), &udp("10.0.0.2", "224.0.0.1", b"data"));
    assert_eq!(hooks(&mut host, "e0", &many), [Prerouting, Input]);
}

#[test]
fn a_route_into_a_vrf_is_routed_there_again() {
    let mut both = Both::new(VRF);
    let leak = "ip route add 20.0.0.0/8 dev red\n";
    both.host.run(leak);
    both.script += leak;
    let handled = arrives(&mut both, "e2", &udp("10.2.0.2", "20.0.0.1", b"data"));
    assert_eq!((handled.outcome, both.left_by(&handled)), (Outcome::Sent, vec!["e1".to_owned()]));
    // Forwarded once, and sent by two devices.
    assert_eq!(unframed(&handled.emitted[0].bytes).1.ttl, 63);
    assert_eq!((both.host.counted("IpForwDatagrams"), both.host.counted("IpOutTransmits")), (1, 2));
    // What is for the VRF's own address comes in by its device.
    let leak = "ip route add 10.1.0.0/24 dev red\n";
    both.host.run(leak);
    both.script += leak;
    let handled = arrives(&mut both, "e2", &icmp("10.2.0.2", "10.1.0.1", 8, b"ping"));
    assert_eq!(handled.outcome, Outcome::Delivered);
    both.agree(can_be_asked());
}

#[test]
fn vrfs_that_lead_into_each_other_end() {
    let mut host = Host::new(VRF);
    host.run(
        "ip link add blue address 02:00:00:00:00:f1 type vrf table 20
         ip link set blue up
         ip route add 40.0.0.0/8 dev blue table 10
         ip route add 40.0.0.0/8 dev red table 20",
    );
    let handled = host.packet("e0", &udp("10.0.0.2", "40.0.0.1", b"data"));
    assert_eq!((reason(&handled), handled.emitted.len()), ("NOT_SPECIFIED", 0));
}

/// The same with IPv6.
const VRF6: &str = "
sysctl -w net.ipv6.conf.all.forwarding=1
sysctl -w net.ipv6.conf.default.accept_dad=0
ip link set lo up
ip tuntap add e0 mode tap
ip tuntap add e1 mode tap
ip link set e0 address 02:00:00:00:00:10 up
ip link set e1 address 02:00:00:00:00:11 up
ip link add red address 02:00:00:00:00:f0 type vrf table 10
ip link set red up
ip link set e0 master red
ip link set e1 master red
ip addr add 2001:db8::1/64 dev e0 nodad
ip addr add 2001:db8:1::1/64 dev e1 nodad
ip neigh add 2001:db8::2 lladdr 02:00:00:00:00:02 dev e0
ip neigh add fe80::2 lladdr 02:00:00:00:00:02 dev e0
ip neigh add 2001:db8:1::2 lladdr 02:00:00:00:00:03 dev e1
";

fn ipv6(src: &str, dst: &str, next: u8, payload: &[u8]) -> Vec<u8> {
    let addr = |text: &str| text.parse::<Ipv6Addr>().unwrap().octets();
    let header = Ipv6 {
        word: Ipv6::word_of(0, 0),
        payload_len: (payload.len() as u16).into(),
        next,
        hop_limit: if payload.first() == Some(&135) { 255 } else { 64 },
        src: addr(src),
        dst: addr(dst),
    };
    [header.as_bytes(), payload].concat()
}

fn icmp6(src: &str, dst: &str, kind: u8, rest: &[u8]) -> Vec<u8> {
    let mut message = vec![kind, 0, 0, 0];
    message.extend_from_slice(rest);
    let (from, to): (Ipv6Addr, Ipv6Addr) = (src.parse().unwrap(), dst.parse().unwrap());
    let sum = fingerpost_net::wire::Checksum::ZERO.pseudo6(from, to, 58, message.len()).bytes(&message);
    message[2..4].copy_from_slice(&sum.finish().to_be_bytes());
    ipv6(src, dst, 58, &message)
}

fn framed6(packet: &[u8]) -> Vec<u8> {
    let header = Ethernet { dst: mac(0x10), src: mac(2), ethertype: ethertype::IPV6.into() };
    [header.as_bytes(), packet].concat()
}

#[test]
fn ipv6_is_forwarded_and_answered_in_its_vrf() {
    let mut host = Host::new(VRF6);
    let handled = host.frame("e0", &framed6(&ipv6("2001:db8::2", "2001:db8:1::2", 59, &[])));
    assert_eq!((handled.outcome, handled.emitted[0].dev), (Outcome::Sent, host.device("e1")));
    // An address of the link is asked of the device, and answered by it.
    for (src, dst) in
        [("2001:db8::2", "2001:db8::1"), ("2001:db8::2", "2001:db8:1::1"), ("fe80::2", "fe80::ff:fe00:10")]
    {
        let handled = host.frame("e0", &framed6(&icmp6(src, dst, 128, &[0, 1, 0, 2])));
        assert_eq!(handled.outcome, Outcome::Delivered, "{dst}");
        let packet = &handled.emitted[0].bytes[Ethernet::LEN..];
        assert_eq!(Ipv6::read(packet).unwrap().source().to_string(), dst);
        assert_eq!((handled.emitted[0].dev, packet[40]), (host.device("e0"), 129));
    }
}

#[test]
fn neighbour_discovery_stays_with_its_device() {
    let mut host = Host::new(VRF6);
    let target: Ipv6Addr = "2001:db8::1".parse().unwrap();
    let question = [&[0, 0, 0, 0][..], &target.octets(), &[1, 1, 2, 0, 0, 0, 0, 9]].concat();
    let handled = host.frame("e0", &framed6(&icmp6("2001:db8::9", "2001:db8::1", 135, &question)));
    assert_eq!((handled.emitted.len(), handled.emitted[0].bytes[Ethernet::LEN + 40]), (1, 136));
    let entries = &host.world.ns(NsId(0)).unwrap().config.neighbours.entries;
    let asker = IpAddr::V6("2001:db8::9".parse().unwrap());
    assert!(entries.contains_key(&(host.device("e0"), asker)));
    let mut again = Host::new(VRF6);
    let frame = framed6(&icmp6("2001:db8::9", "2001:db8::1", 135, &question));
    assert_eq!(hooks(&mut again, "e0", &frame)[..3], [Hook::Prerouting, Hook::Prerouting, Hook::Input]);
    let to_group = framed6(&icmp6("fe80::2", "ff02::1", 128, &[0, 1, 0, 2]));
    assert_eq!(hooks(&mut again, "e0", &to_group)[..2], [Hook::Prerouting, Hook::Input]);
}
