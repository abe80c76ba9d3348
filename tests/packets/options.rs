//! What sockets of UDP were told, and where their datagrams go then.

use std::net::IpAddr;

use fingerpost_engine::Behaviour;
use fingerpost_engine::path::sockets::{Control, Discovery, Kind, Setting, SocketId};
use fingerpost_engine::trace::{Event, Purpose, Tracer};
use fingerpost_model::NsId;
use fingerpost_net::wire::{Checksum, DF, Ethernet, Header, Ipv4, Udp, checksum, ethertype, proto};
use fingerpost_net::{Errno, Family};

use crate::host::{Host, ROUTER, edited, icmp, reason, udp, unframed};
use crate::sockets::addr;

const NS: NsId = NsId(0);

/// The device of a frame's sender, and whom it is for: of an ARP request whom it asks for.
fn way(frame: &[u8]) -> (u8, String) {
    let header = Ethernet::read(frame).unwrap();
    let at = if header.ethertype.get() == ethertype::ARP { 14 + 24 } else { 14 + 16 };
    let to: [u8; 4] = frame[at..at + 4].try_into().unwrap();
    (header.src[5], IpAddr::from(to).to_string())
}

/// The devices' link-layer addresses end so.
const E0: u8 = 0x10;
const E1: u8 = 0x11;

impl Host {
    fn way_to(&mut self, id: SocketId, to: Option<&str>) -> Result<(u8, String), Errno> {
        self.send(id, to, b"data").map(|frames| way(&frames[0]))
    }

    fn way_with(&mut self, id: SocketId, to: &str, control: Control) -> Result<Vec<u8>, Errno> {
        let called = self.world.send(NS, id, Some(addr(to)), &control, b"data", &mut Tracer::off());
        called.result.map(|_| called.emitted[0].bytes.clone())
    }

    /// An ICMP error about a packet that left, with a code and what follows it.
    fn error(&mut self, dev: &str, (kind, code, rest): (u8, u8, u32), about: &[u8]) {
        let header = Ipv4::read(about).unwrap();
        let (from, to) = ("10.1.0.2", header.source().to_string());
        let mut packet = icmp(from, &to, kind, about);
        packet[21] = code;
        packet[24..28].copy_from_slice(&rest.to_be_bytes());
        packet[22..24].fill(0);
        let sum = checksum(&packet[20..]);
        packet[22..24].copy_from_slice(&sum.to_be_bytes());
        self.packet(dev, &packet);
    }
}

#[test]
fn c163_a_mark_chooses_table_and_source() {
    let mut host = Host::new(ROUTER);
    host.run("ip rule add fwmark 7 table 100\nip route add 20.0.0.0/8 via 10.0.0.2 table 100");
    let id = host.open();
    host.set(id, Setting::Mark(7));
    host.connect(id, "20.0.0.1:53").unwrap();
    assert_eq!(host.world.socket_of(NS, id).unwrap().local().ip().to_string(), "10.0.0.1");
    assert_eq!(host.way_to(id, None), Ok((E0, "20.0.0.1".into())));
    // Another mark has the way looked for again; the source stays.
    host.set(id, Setting::Mark(0));
    assert_eq!(host.way_to(id, None), Ok((E1, "20.0.0.1".into())));
    assert_eq!(host.world.socket_of(NS, id).unwrap().local().ip().to_string(), "10.0.0.1");
}

#[test]
fn c164_c165_a_device_without_a_route_has_all_on_its_link() {
    let mut host = Host::new(ROUTER);
    let e0 = host.device("e0");
    let bound = host.open();
    host.set(bound, Setting::Device(e0));
    assert_eq!(host.way_to(bound, Some("20.0.0.1:53")), Ok((E0, "20.0.0.1".into())));
    assert_eq!(host.way_to(bound, Some("50.0.0.1:53")), Ok((E0, "50.0.0.1".into())));
    let told = host.open();
    host.set(told, Setting::UnicastDevice(e0));
    assert_eq!(host.way_to(told, Some("50.0.0.2:53")), Ok((E0, "50.0.0.2".into())));
    host.connect(told, "50.0.0.2:53").unwrap();
    assert_eq!(host.world.socket_of(NS, told).unwrap().local().ip().to_string(), "10.0.0.1");
    let plain = host.open();
    assert_eq!(host.way_to(plain, Some("50.0.0.1:53")), Err(Errno::ENETUNREACH));
}

#[test]
fn c166_device_and_source_of_one_datagram() {
    let mut host = Host::new(ROUTER);
    let (e0, id) = (host.device("e0"), host.bound("10.1.0.1:5000"));
    let frame = host.way_with(id, "50.0.0.1:53", Control { dev: e0, ..Control::default() }).unwrap();
    assert_eq!(way(&frame), (E0, "50.0.0.1".into()));
    let from = |source: &str| Control { source: source.parse().ok(), ..Control::default() };
    let frame = host.way_with(id, "20.0.0.1:53", from("10.0.0.1")).unwrap();
    assert_eq!(unframed(&frame).1.source().to_string(), "10.0.0.1");
    assert_eq!(host.way_with(id, "20.0.0.1:53", from("9.9.9.9")), Err(Errno::ENETUNREACH));
}

#[test]
fn c167_only_what_is_on_the_link() {
    let mut host = Host::new(ROUTER);
    let id = host.open();
    host.set(id, Setting::DontRoute(true));
    assert_eq!(host.way_to(id, Some("20.0.0.1:53")), Err(Errno::ENETUNREACH));
    assert_eq!(host.way_to(id, Some("10.1.0.2:53")), Ok((E1, "10.1.0.2".into())));
    // Of a connected socket too, whose way is not kept then.
    let id = host.connected("0.0.0.0:5000", "20.0.0.1:53");
    assert!(host.way_to(id, None).is_ok());
    host.set(id, Setting::DontRoute(true));
    assert_eq!(host.way_to(id, None), Err(Errno::ENETUNREACH));
}

#[test]
fn c168_device_source_and_ttl_of_multicast() {
    let mut host = Host::new(ROUTER);
    let (e1, id) = (host.device("e1"), host.open());
    assert_eq!(host.way_to(id, Some("239.1.2.3:53")), Err(Errno::ENETUNREACH));
    host.set(id, Setting::MulticastDevice(e1, None));
    let frames = host.send(id, Some("239.1.2.3:53"), b"data").unwrap();
    let (link, header, _) = unframed(&frames[0]);
    assert_eq!(link.dst, [1, 0, 0x5e, 1, 2, 3]);
    assert_eq!((header.source().to_string(), header.ttl), ("10.1.0.1".into(), 1));
}

#[test]
fn c169_broadcast_has_to_be_allowed() {
    let mut host = Host::new(ROUTER);
    let id = host.open();
    assert_eq!(host.way_to(id, Some("10.0.0.255:53")), Err(Errno::EACCES));
    assert_eq!(host.connect(id, "10.0.0.255:53"), Err(Errno::EACCES));
    host.set(id, Setting::Broadcast(true));
    assert_eq!(host.way_to(id, Some("10.0.0.255:53")), Ok((E0, "10.0.0.255".into())));
}

#[test]
fn c170_datagrams_and_connects_fail_as_routing_does() {
    let mut host = Host::new(ROUTER);
    host.run("ip route add unreachable 1.0.0.0/8\nip route add prohibit 2.0.0.0/8");
    host.run("ip route add blackhole 3.0.0.0/8\nip route add throw 4.0.0.0/8");
    let cases = [
        ("1.0.0.1:80", Errno::EHOSTUNREACH),
        ("2.0.0.1:80", Errno::EACCES),
        ("3.0.0.1:80", Errno::EINVAL),
        ("4.0.0.1:80", Errno::ENETUNREACH),
    ];
    for (to, errno) in cases {
        let id = host.open();
        assert_eq!((host.connect(id, to), host.way_to(id, Some(to))), (Err(errno), Err(errno)), "{to}");
    }
    assert_eq!(host.counted("IpOutNoRoutes"), 2);
}

#[test]
fn c171_c144_the_source_of_a_connect_stays_where_routes_change() {
    let mut host = Host::new(ROUTER);
    let id = host.connected("0.0.0.0:5000", "20.0.0.1:53");
    host.run("ip route add 20.0.0.1 via 10.0.0.2");
    let frames = host.send(id, None, b"data").unwrap();
    assert_eq!(way(&frames[0]), (E0, "20.0.0.1".into()));
    assert_eq!(unframed(&frames[0]).1.source().to_string(), "10.1.0.1");
    host.run("ip route del 20.0.0.1\nip route del 20.0.0.0/8");
    assert_eq!(host.way_to(id, None), Err(Errno::ENETUNREACH));
}

#[test]
fn c173_lookups_of_datagrams() {
    let mut host = Host::new(ROUTER);
    let id = host.bound("0.0.0.0:5000");
    let is_lookup = |event: &&Event| matches!(event, Event::Begin { purpose: Purpose::Output, .. });
    let send = |host: &mut Host, to: Option<&str>| {
        let mut events: Vec<Event> = Vec::new();
        let tracer = &mut Tracer::on(&mut events);
        let called = host.world.send(NS, id, to.map(addr), &Control::default(), b"data", tracer);
        assert_eq!(called.result, Ok(4));
        events.iter().filter(is_lookup).count()
    };
    assert_eq!((send(&mut host, Some("20.0.0.1:53")), send(&mut host, Some("20.0.0.1:53"))), (1, 1));
    let mut events: Vec<Event> = Vec::new();
    host.world.connect(NS, id, addr("20.0.0.1:53"), &mut Tracer::on(&mut events)).result.unwrap();
    assert_eq!(events.iter().filter(is_lookup).count(), 2);
    assert_eq!(send(&mut host, None), 0);
    host.run("ip route add 30.0.0.0/8 via 10.0.0.2");
    assert_eq!((send(&mut host, None), send(&mut host, None)), (1, 0));
}

#[test]
fn c175_which_addresses_can_be_bound() {
    let mut host = Host::new(ROUTER);
    let bind = |host: &mut Host, to: &str, free: bool| {
        let id = host.open();
        host.set(id, Setting::FreeBind(free));
        let bound = host.world.bind(NS, id, addr(to));
        host.world.close(NS, id);
        bound
    };
    for own in ["0.0.0.0:1", "10.0.0.1:1", "127.0.0.1:1", "10.0.0.255:1", "255.255.255.255:1", "224.0.0.1:1"]
    {
        assert_eq!(bind(&mut host, own, false), Ok(()), "{own}");
    }
    assert_eq!(bind(&mut host, "10.0.0.2:1", false), Err(Errno::EADDRNOTAVAIL));
    assert_eq!(bind(&mut host, "10.0.0.2:1", true), Ok(()));
    host.run("sysctl -w net.ipv4.ip_nonlocal_bind=1");
    assert_eq!(bind(&mut host, "10.0.0.2:1", false), Ok(()));
}

#[test]
fn c186_packets_of_a_connected_socket_are_not_checked_again() {
    let mut host = Host::new(ROUTER);
    host.run("sysctl -w net.ipv4.conf.all.rp_filter=1");
    let id = host.connected("10.0.0.1:53", "10.0.0.2:1000");
    let packet = udp("10.0.0.2", "10.0.0.1", b"data");
    assert_eq!(reason(&host.packet("e1", &packet)), "IP_RPFILTER");
    host.packet("e0", &packet);
    host.packet("e1", &packet);
    assert_eq!((host.read(id).is_some(), host.read(id).is_some(), host.read(id)), (true, true, None));
    host.run("sysctl -w net.ipv4.udp_early_demux=0");
    assert_eq!(reason(&host.packet("e1", &packet)), "IP_RPFILTER");
}

#[test]
fn c148_which_messages_teach_a_path_mtu() {
    // By the setting: whether packets are marked not to be cut, and what is learned.
    for (setting, df, learned) in [(0, DF, Some(1000)), (1, 0, Some(552)), (2, 0, None), (3, 0, None)] {
        let mut host = Host::new(ROUTER);
        host.run(&format!("sysctl -w net.ipv4.ip_no_pmtu_disc={setting}"));
        let id = host.connected("0.0.0.0:5000", "20.0.0.1:53");
        let frames = host.send(id, None, b"data").unwrap();
        let (_, header, _) = unframed(&frames[0]);
        assert_eq!(header.fragment.get(), df, "{setting}");
        host.error("e1", (3, 4, 1000), &frames[0][Ethernet::LEN..]);
        assert_eq!(host.learned("20.0.0.1"), learned, "{setting}");
        // Of what nobody sent nothing is learned.
        let foreign = edited(frames[0][Ethernet::LEN..].to_vec(), |header| header.proto = proto::TCP);
        let mut host = Host::new(ROUTER);
        host.error("e1", (3, 4, 1000), &foreign);
        assert_eq!(host.learned("20.0.0.1"), None);
    }
}

#[test]
fn c149_modes_of_path_mtu_discovery() {
    // By the mode: DF of what is short; how many packets 1200 bytes are; what 1600 come to.
    let modes = [
        (Discovery::Dont, 0, Ok(2), Ok(2)),
        (Discovery::Want, DF, Ok(2), Ok(2)),
        (Discovery::Do, DF, Err(Errno::EMSGSIZE), Err(Errno::EMSGSIZE)),
        (Discovery::Probe, DF, Ok(1), Err(Errno::EMSGSIZE)),
        (Discovery::Interface, 0, Ok(1), Err(Errno::EMSGSIZE)),
        (Discovery::Omit, 0, Ok(1), Ok(2)),
    ];
    for (mode, df, long, longest) in modes {
        let mut host = Host::new(ROUTER);
        let id = host.connected("0.0.0.0:5000", "20.0.0.1:53");
        let frames = host.send(id, None, b"data").unwrap();
        host.error("e1", (3, 4, 1000), &frames[0][Ethernet::LEN..]);
        host.world.socket_error(NS, id);
        host.set(id, Setting::Discovery(mode));
        let frames = host.send(id, None, b"data").unwrap();
        assert_eq!(unframed(&frames[0]).1.fragment.get(), df, "{mode:?}");
        let mut count = |len: usize| host.send(id, None, &vec![0; len]).map(|frames| frames.len());
        assert_eq!((count(1200), count(1600)), (long, longest), "{mode:?}");
    }
}

#[test]
fn c271_what_errors_mean_to_sockets() {
    use Errno as E;
    // With the code, whether a connected socket that asked for nothing is told.
    let unreachable = [
        (0, E::ENETUNREACH, false),
        (1, E::EHOSTUNREACH, false),
        (2, E::ENOPROTOOPT, true),
        (3, E::ECONNREFUSED, true),
        (4, E::EMSGSIZE, true),
        (5, E::EOPNOTSUPP, false),
        (6, E::ENETUNREACH, true),
        (7, E::EHOSTDOWN, true),
        (8, E::ENONET, true),
        (9, E::ENETUNREACH, true),
        (10, E::EHOSTUNREACH, true),
        (11, E::ENETUNREACH, false),
        (12, E::EHOSTUNREACH, false),
        (13, E::EHOSTUNREACH, true),
        (14, E::EHOSTUNREACH, true),
        (15, E::EHOSTUNREACH, true),
    ];
    let mut cases: Vec<(u8, u8, Option<Errno>, bool)> =
        unreachable.iter().map(|&(code, errno, told)| (3, code, Some(errno), told)).collect();
    cases.extend([
        (3, 16, None, false),
        (11, 0, Some(E::EHOSTUNREACH), false),
        (11, 1, None, false),
        (12, 0, Some(E::EPROTO), true),
    ]);
    for (kind, code, errno, told) in cases.into_iter() {
        for asks in [false, true] {
            let mut host = Host::new(ROUTER);
            let id = host.connected("0.0.0.0:5000", "20.0.0.1:53");
            host.set(id, Setting::ReportsErrors(asks));
            let frames = host.send(id, None, b"data").unwrap();
            host.error("e1", (kind, code, 1000), &frames[0][Ethernet::LEN..]);
            let expected = if told || asks { errno } else { None };
            assert_eq!(host.world.socket_error(NS, id), expected, "{kind}/{code}, {asks}");
            let report = host.world.error_report(NS, id).map(|report| report.errno);
            assert_eq!(report, errno.filter(|_| asks), "{kind}/{code}, {asks}");
        }
    }
}

#[test]
fn c283_all_sockets_get_a_broadcast() {
    let mut host = Host::new(ROUTER);
    let mut open = |local: &str| {
        let id = host.open();
        host.set(id, Setting::ReuseAddress(true));
        host.world.bind(NS, id, addr(local)).unwrap();
        id
    };
    let takers = [open("0.0.0.0:53"), open("0.0.0.0:53"), open("10.0.0.255:53")];
    let others = [open("10.0.0.1:53"), open("0.0.0.0:54"), open("10.1.0.255:53")];
    host.packet("e0", &udp("10.0.0.2", "10.0.0.255", b"data"));
    assert!(takers.into_iter().all(|id| host.read(id) == Some(b"data".to_vec())));
    assert!(others.into_iter().all(|id| host.read(id).is_none()));
}

#[test]
fn what_has_its_header_goes_where_it_was_sent_to() {
    let mut host = Host::new(ROUTER);
    let id = host.world.socket(NS, Family::V4, Kind::Raw(17), 0).unwrap();
    host.set(id, Setting::WithHeader(true));
    host.set(id, Setting::Broadcast(true));
    let packet = crate::host::udp("10.0.0.1", "11.22.33.2", b"data");
    let to = Some("10.0.0.255:0".parse().unwrap());
    let called = host.world.send(NS, id, to, &Control::default(), &packet, &mut Tracer::off());
    assert_eq!(called.emitted[0].bytes[..6], [0xff; 6]);
}

#[test]
fn c144_a_socket_that_is_let_go_looks_for_a_lost_way_by_its_own_device_alone() {
    let lost = "ip route replace 20.0.0.0/8 via 10.1.0.2 mtu 1400";
    let way = |steps: &mut dyn FnMut(&mut Host, SocketId)| {
        let mut host = Host::new(ROUTER);
        host.run("ip route add 20.0.0.0/8 via 10.0.0.2 metric 9");
        let id = host.connected("0.0.0.0:5000", "20.0.0.1:53");
        steps(&mut host, id);
        host.way_to(id, None).unwrap().0
    };
    let named = |host: &mut Host, id| host.set(id, Setting::UnicastDevice(host.device("e0")));
    assert_eq!(way(&mut |host, id| named(host, id)), E1, "the kept way holds");
    let then_lost = &mut |host: &mut Host, id| {
        named(host, id);
        host.run(lost);
    };
    assert_eq!(way(then_lost), E0, "whoever sends looks by the device that was named");
    let lost_before = &mut |host: &mut Host, id| {
        host.run(lost);
        named(host, id);
    };
    assert_eq!(way(lost_before), E1, "setting it lets go of the socket, which finds a way first");
    let asked = &mut |host: &mut Host, id| {
        named(host, id);
        host.run(lost);
        host.world.peer_name(NS, id).unwrap();
    };
    assert_eq!(way(asked), E1, "so does asking for a name");
}

#[test]
fn what_lets_go_of_a_socket_differs_by_release() {
    let way = |release: &str, setting: Setting| {
        let mut host = Host::new("");
        host.world.behaviour = Behaviour::of_release(release);
        host.run(&format!("{ROUTER}ip route add 20.0.0.0/8 via 10.0.0.2 metric 9"));
        let id = host.connected("0.0.0.0:5000", "20.0.0.1:53");
        host.set(id, Setting::UnicastDevice(host.device("e0")));
        host.run("ip route replace 20.0.0.0/8 via 10.1.0.2 mtu 1400");
        host.set(id, setting);
        host.way_to(id, None).unwrap().0
    };
    // Let go of, it finds a way; else whoever sends looks by the device that was named.
    let cases = [
        (Setting::Ttl(Some(9)), [E1, E0, E0, E0]),
        (Setting::MulticastLoop(false), [E1, E0, E0, E0]),
        (Setting::ReportsErrors(true), [E1, E0, E0, E0]),
        (Setting::FreeBind(true), [E1, E0, E0, E0]),
        (Setting::Transparent(true), [E1, E0, E0, E0]),
        (Setting::MulticastTtl(9), [E1, E1, E0, E0]),
        (Setting::Discovery(Discovery::Do), [E1, E1, E0, E0]),
        (Setting::ReuseAddress(true), [E1; 4]),
        (Setting::Broadcast(true), [E1; 4]),
    ];
    for (setting, expected) in cases {
        let found = ["6.1", "6.6", "6.12", "6.18"].map(|release| way(release, setting));
        assert_eq!(found, expected, "{setting:?}");
    }
}

/// Linux fills in the flow of a connection before it knows whether there is a way, and packets
/// that go by a kept decision have their addresses from there.
#[test]
fn a_connect_that_fails_leaves_its_addresses_to_what_is_sent_to_the_former_peer() {
    let mut host = Host::new(ROUTER);
    host.run("ip route add unreachable 30.0.0.1");
    let id = host.connected("0.0.0.0:5000", "20.0.0.1:53");
    assert_eq!(host.connect(id, "30.0.0.1:80"), Err(Errno::EHOSTUNREACH));
    let sent = |host: &mut Host| {
        let frames = host.send(id, None, b"data").unwrap();
        let (ethernet, header, payload) = unframed(&frames[0]);
        let port = Udp::read(payload).unwrap().dport.get();
        (ethernet.dst[5], header.source().to_string(), header.destination().to_string(), port)
    };
    // The first looks for a way, and keeps it; the second goes by it.
    assert_eq!(sent(&mut host), (3, "10.1.0.1".into(), "20.0.0.1".into(), 53));
    assert_eq!(sent(&mut host), (3, "10.1.0.1".into(), "30.0.0.1".into(), 80));
}

#[test]
fn c144_what_is_learned_of_another_hop_ends_no_kept_way() {
    let mut host = Host::new(ROUTER);
    host.run("ip neigh add 30.0.0.1 lladdr 02:00:00:00:00:05 dev e0\nip route add 30.0.0.0/8 via 10.1.0.2");
    let id = host.bound("0.0.0.0:5000");
    host.set(id, Setting::UnicastDevice(host.device("e0")));
    host.connect(id, "30.0.0.1:53").unwrap();
    assert_eq!(
        host.way_to(id, None),
        Ok((E0, "30.0.0.1".into())),
        "no route by this device: it is on its link"
    );
    let sent = host.send(id, None, b"data").unwrap();
    host.error("e0", (3, 4, 1000), &sent[0][Ethernet::LEN..]);
    assert_eq!(host.learned("30.0.0.1"), Some(1000), "by the route, which a socket without a device has");
    host.world.socket_error(NS, id);
    assert_eq!(host.way_to(id, None), Ok((E0, "30.0.0.1".into())));
}

#[test]
fn a_raw_socket_of_ipv6_sends_no_ipv4() {
    let mut host = Host::new(ROUTER);
    let id = host.world.socket(NS, Family::V6, Kind::Raw(58), 0).unwrap();
    let echo = [128, 0, 0, 0, 0, 1, 0, 2];
    assert_eq!(host.send(id, Some("[::ffff:10.1.0.2]:0"), &echo), Err(Errno::ENETUNREACH));
    assert_eq!((host.counted("Ip6OutNoRoutes"), host.counted("IpOutRequests")), (1, 0));
}

/// IPv4 reads one message of IPv6, where it names a source that is IPv4's (`ip_cmsg_send`).
#[test]
fn what_a_socket_of_ipv6_tells_with_a_datagram_of_ipv4() {
    let mut host = Host::new(ROUTER);
    let (e0, id) = (host.device("e0"), host.world.socket(NS, Family::V6, Kind::Udp, 0).unwrap());
    let from = |source: &str| Control { source: source.parse().ok(), ..Control::default() };
    let mapped = "[::ffff:20.0.0.1]:53";
    for told in [from("2001:db8::7"), from("::"), Control { dev: e0, ..Control::default() }] {
        assert_eq!(host.way_with(id, mapped, told), Err(Errno::EINVAL), "{told:?}");
    }
    assert_eq!(host.counted("IpOutNoRoutes"), 0, "nothing is looked for");
    let told = Control { ttl: Some(9), tos: Some(0xb8), ..from("::ffff:10.0.0.1") };
    let (_, header, _) = unframed(&host.way_with(id, mapped, told).unwrap());
    assert_eq!((header.source().to_string(), header.ttl, header.tos), ("10.0.0.1".into(), 64, 0));
    // A name of IPv4 goes with messages of IPv4.
    let told = Control { ttl: Some(9), tos: Some(0xb8), ..from("10.0.0.1") };
    let (_, header, _) = unframed(&host.way_with(id, "20.0.0.1:53", told).unwrap());
    assert_eq!((header.source().to_string(), header.ttl, header.tos), ("10.0.0.1".into(), 9, 0xb8));
}

/// Only where a copy stays with this host is a packet of no hops one for it alone.
#[test]
fn multicast_of_no_hops_leaves_where_nobody_listens_here() {
    let mut host = Host::new(ROUTER);
    host.run("sysctl -w net.ipv6.conf.all.forwarding=1\nip addr add 2001:db8::1/64 dev e0 nodad");
    let id = host.world.socket(NS, Family::V6, Kind::Udp, 0).unwrap();
    host.set(id, Setting::MulticastTtl(0));
    host.set(id, Setting::MulticastDevice(host.device("e0"), None));
    assert_eq!(host.send(id, Some("[ff05::101]:53"), b"data").map(|frames| frames.len()), Ok(1));
    assert_eq!(host.send(id, Some("[ff05::2]:53"), b"data").map(|frames| frames.len()), Ok(0), "all routers");
    host.set(id, Setting::MulticastLoop(false));
    assert_eq!(host.send(id, Some("[ff05::2]:53"), b"data").map(|frames| frames.len()), Ok(1), "no copy");
}

#[test]
fn sockets_are_of_ipv6_alone_where_that_is_set() {
    let mut host = Host::new(ROUTER);
    host.run("sysctl -w net.ipv6.bindv6only=1");
    let id = host.world.socket(NS, Family::V6, Kind::Udp, 0).unwrap();
    assert_eq!(host.connect(id, "[::ffff:10.1.0.2]:53"), Err(Errno::ENETUNREACH));
    assert_eq!(host.counted("IpOutNoRoutes"), 0, "nothing is looked for");
    host.set(id, Setting::V6Only(false));
    assert_eq!(host.connect(id, "[::ffff:10.1.0.2]:53"), Ok(()));
}

/// The rule keeps what has a source of the network from the table by which the source was
/// chosen: to look again ends otherwise.
#[test]
fn other_routes_end_no_kept_way_of_ipv6() {
    let mut host = Host::new(ROUTER);
    host.run(
        "ip addr add 2001:db8::1/64 dev e0 nodad\nip neigh add 2001:db8::2 lladdr 02:00:00:00:00:05 dev e0
ip route add prohibit 2001:db8:2::1\nip -6 rule add not from 2001:db8::/64 pref 200 table 100
ip route add ::/0 via 2001:db8::2 dev e0 table 100",
    );
    let open = |host: &mut Host| {
        let id = host.world.socket(NS, Family::V6, Kind::Udp, 0).unwrap();
        host.connect(id, "[2001:db8:2::1]:53").unwrap();
        id
    };
    let id = open(&mut host);
    host.run("ip route add 2001:db8:3::/64 via 2001:db8::2");
    assert_eq!(host.send(id, None, b"data").map(|frames| frames.len()), Ok(1), "a route of another table");
    host.run("ip route add 2001:db8:2::/64 dev e0 table 100");
    assert_eq!(host.send(id, None, b"data"), Err(Errno::EACCES), "one below its own");
}

/// Its sources of either family are two, and it is known by the one it had first.
#[test]
fn a_socket_of_ipv6_that_is_connected_to_ipv6_sends_ipv4_too() {
    let mut host = Host::new(ROUTER);
    host.run(
        "ip addr add 2001:db8::1/64 dev e0 nodad\nip neigh add 2001:db8::2 lladdr 02:00:00:00:00:05 dev e0",
    );
    let id = host.world.socket(NS, Family::V6, Kind::Udp, 0).unwrap();
    host.connect(id, "[2001:db8::2]:53").unwrap();
    assert_eq!(host.connect(id, "[::ffff:9.0.0.1]:53"), Err(Errno::ENETUNREACH));
    assert_eq!(host.counted("IpOutNoRoutes"), 1);
    let source = |frame: &[u8]| unframed(frame).1.source().to_string();
    let sent = host.way_with(id, "[::ffff:20.0.0.1]:53", Control::default()).unwrap();
    assert_eq!(source(&sent), "10.1.0.1", "of the way");
    host.connect(id, "[::ffff:10.0.0.2]:53").unwrap();
    let local = |host: &Host| host.world.socket_of(NS, id).unwrap().local().ip().to_string();
    assert_eq!(local(&host), "2001:db8::1");
    assert_eq!(source(&host.send(id, None, b"data").unwrap()[0]), "10.0.0.1");
    let sent = host.way_with(id, "[::ffff:20.0.0.1]:53", Control::default()).unwrap();
    assert_eq!(source(&sent), "10.0.0.1", "it has a source now");
    host.connect(id, "[2001:db8::2]:53").unwrap();
    assert_eq!(host.send(id, None, b"data").unwrap()[0][12..14], [0x86, 0xdd]);
}

/// The device that a socket prefers counts alone where no source is told (`ip6_route_output`).
#[test]
fn a_kept_way_of_ipv6_is_for_the_source_that_it_was_found_for() {
    let mut host = Host::new(ROUTER);
    host.run(
        "ip addr add fd00:2::1/48 dev e0 nodad\nip addr add 2001:db8:4::1/64 dev e1 nodad
ip addr add fd77::f/112 dev e1 nodad\nip neigh add fd00:2::2 lladdr 02:00:00:00:00:05 dev e0
ip neigh add 2001:db8:4::2 lladdr 02:00:00:00:00:06 dev e1\nip route add ::/0 via 2001:db8:4::2 dev e1",
    );
    let id = host.world.socket(NS, Family::V6, Kind::Udp, 0).unwrap();
    host.set(id, Setting::UnicastDevice(host.device("e1")));
    host.connect(id, "[fd00:2::2]:53").unwrap();
    let mut to = |source: &str| {
        let control = Control { source: source.parse().ok(), ..Control::default() };
        let called = host.world.send(NS, id, None, &control, b"data", &mut Tracer::off());
        called.result.unwrap();
        Ethernet::read(&called.emitted[0].bytes).unwrap().dst[5]
    };
    assert_eq!([to(""), to("2001:db8:4::1"), to("fd00:2::1"), to("fd77::f"), to("")], [6, 5, 5, 6, 6]);
}

/// The device that a socket prefers, without a source, demands: the way that it found then would
/// not be found again. Neither another MTU ends it nor what is learned of other routes.
#[test]
fn what_ends_a_kept_way_of_ipv6() {
    let mut host = Host::new(ROUTER);
    host.run(
        "ip addr add fd00:2::1/64 dev e1 nodad\nip neigh add fe80::2 lladdr 02:00:00:00:00:05 dev e0
ip neigh add fd00:2::2 lladdr 02:00:00:00:00:06 dev e1\nip route add ::/0 via fe80::2 dev e0
ip route add 2001:db8:103::/48 via fd00:2::2 dev e1",
    );
    let open = |host: &mut Host| {
        let id = host.world.socket(NS, Family::V6, Kind::Udp, 0).unwrap();
        host.set(id, Setting::UnicastDevice(host.device("e0")));
        host.connect(id, "[2001:db8:103::e]:53").unwrap();
        id
    };
    let by = |host: &mut Host, id| {
        let frames = host.send(id, None, &[0; 1300]).unwrap();
        (frames.len(), Ethernet::read(&frames[0]).unwrap().dst[5])
    };
    let id = open(&mut host);
    for (mtu, pieces) in [(1280, 2), (1400, 1), (1500, 1)] {
        host.run(&format!("ip link set e1 mtu {mtu}\nip link set e0 mtu {mtu}"));
        assert_eq!(by(&mut host, id), (pieces, 5), "an MTU of {mtu}");
    }
    host.run("ip route add 2001:db8:104::/48 dev e1\nip route del 2001:db8:104::/48");
    assert_eq!(by(&mut host, id).1, 6, "a route below its own was added");
    let id = open(&mut host);
    host.run("ip route del 2001:db8:103::/48");
    assert_eq!(by(&mut host, id).1, 5, "another one went");
    host.run("ip route del ::/0");
    assert_eq!(host.send(id, None, b"data"), Err(Errno::ENETUNREACH), "its own went");
}

#[test]
fn to_close_a_socket_of_ipv6_is_to_look_for_its_lost_way() {
    let mut host = Host::new(ROUTER);
    host.run("ip addr add 2001:db8::1/64 dev e0 nodad\nip route add ::/0 via 2001:db8::3");
    let id = host.world.socket(NS, Family::V6, Kind::Udp, 0).unwrap();
    host.connect(id, "[2001:db8:1::5]:53").unwrap();
    host.run("ip route del ::/0");
    host.world.close(NS, id);
    assert_eq!(host.counted("Ip6OutNoRoutes"), 1);
    let id = host.connected("0.0.0.0:5000", "20.0.0.1:53");
    host.run("ip route del 20.0.0.0/8");
    host.world.close(NS, id);
    assert_eq!(host.counted("IpOutNoRoutes"), 0, "of IPv4 it is not");
}

/// An own address of a device counts for any other unless it is of a link, and so does one that
/// is others' too; the device that a socket prefers does not matter (`ip6_datagram_send_ctl`).
#[test]
fn which_sources_a_datagram_of_ipv6_is_told() {
    let mut host = Host::new(ROUTER);
    host.run(
        "sysctl -w net.ipv6.conf.all.forwarding=1\nip addr add 2001:db8::1/64 dev e0 nodad
ip addr add fe80::77/64 dev e0 nodad\nip addr add fd00::1/64 dev e1 nodad
ip neigh add 2001:db8::3 lladdr 02:00:00:00:00:05 dev e0\nip addr add fd00::2/64 dev e1",
    );
    let (e0, e1) = (host.device("e0"), host.device("e1"));
    let id = host.world.socket(NS, Family::V6, Kind::Udp, 0).unwrap();
    host.set(id, Setting::UnicastDevice(e0));
    let mut told = |dev: u32, source: &str| {
        let control = Control { dev, source: source.parse().ok(), ..Control::default() };
        let to = Some(addr("[2001:db8::3]:53"));
        host.world.send(NS, id, to, &control, b"data", &mut Tracer::off()).result
    };
    for (dev, source) in [(0, "fd00::1"), (e0, "fd00::1"), (0, "2001:db8::"), (0, "fd00::"), (0, "::1")] {
        assert_eq!(told(dev, source), Ok(4), "{source}, an own one");
    }
    assert_eq!(told(e0, "fe80::77"), Ok(4));
    for (dev, source) in [(0, "fd00::2"), (0, "2001:db8::9"), (0, "fe80::77"), (e1, "fe80::77"), (e0, "::1")]
    {
        assert_eq!(told(dev, source), Err(Errno::EINVAL), "{source}");
    }
}

#[test]
fn a_socket_of_ipv6_that_is_bound_to_ipv4_sends_no_ipv6() {
    let mut host = Host::new(ROUTER);
    host.run("ip addr add 2001:db8::1/64 dev e0 nodad");
    let open = |host: &mut Host, kind| {
        let id = host.world.socket(NS, Family::V6, kind, 0).unwrap();
        (id, host.world.bind(NS, id, addr("[::ffff:10.0.0.1]:0")))
    };
    let (id, bound) = open(&mut host, Kind::Udp);
    assert_eq!(bound, Ok(()));
    assert_eq!(host.send(id, Some("[2001:db8::2]:53"), b"data"), Err(Errno::EAFNOSUPPORT));
    assert_eq!(host.send(id, Some("[2001:db8:1::2]:53"), b"data"), Err(Errno::ENETUNREACH));
    assert_eq!(host.connect(id, "[2001:db8::2]:53"), Err(Errno::EAFNOSUPPORT));
    assert_eq!(host.connect(id, "[::]:53"), Ok(()));
    assert_eq!(host.world.peer_name(NS, id), Ok(addr("127.0.0.1:53")));
    assert_eq!(open(&mut host, Kind::Raw(58)).1, Err(Errno::EADDRNOTAVAIL));
}

/// The peer's device was only the socket's when it connected.
#[test]
fn what_goes_to_a_peer_of_a_link_goes_by_the_socket_s_device() {
    let mut host = Host::new(ROUTER);
    host.run("ip addr add fe80::10/64 dev e0 nodad\nip addr add fe80::11/64 dev e1 nodad");
    let id = host.world.socket(NS, Family::V6, Kind::Udp, 0).unwrap();
    let on_e0 = std::net::SocketAddrV6::new("fe80::9".parse().unwrap(), 53, 0, host.device("e0"));
    host.world.connect(NS, id, on_e0.into(), &mut Tracer::off()).result.unwrap();
    let asks_by = |host: &mut Host| {
        let called = host.world.send(NS, id, None, &Control::default(), b"data", &mut Tracer::off());
        called.emitted.iter().map(|frame| frame.dev).collect::<Vec<_>>()
    };
    assert_eq!(asks_by(&mut host), [host.device("e0")]);
    host.set(id, Setting::Device(host.device("e1")));
    assert_eq!(asks_by(&mut host), [host.device("e1")]);
}

/// A device whose packets a program takes has checksums made; loopback leaves them open.
#[test]
fn checksums_are_left_to_devices_that_can() {
    let mut host = Host::new(ROUTER);
    host.run("ip addr add 2001:db8::1/64 dev e0 nodad");
    let sum_to = |host: &mut Host, to: &str| {
        let reader = host.world.socket(NS, Family::V6, Kind::Raw(17), 0).unwrap();
        let id = host.world.socket(NS, Family::V6, Kind::Udp, 0).unwrap();
        host.set(id, Setting::MulticastDevice(host.device("e0"), None));
        host.send(id, Some(to), b"data").unwrap();
        let arrival = host.world.receive_from(NS, reader, &mut Tracer::off()).unwrap();
        let (IpAddr::V6(src), IpAddr::V6(dst)) = (arrival.from.ip(), arrival.to) else { panic!() };
        host.world.close(NS, reader);
        let pseudo = Checksum::ZERO.pseudo6(src, dst, proto::UDP, arrival.bytes.len());
        pseudo.bytes(&arrival.bytes).finish()
    };
    assert_eq!(sum_to(&mut host, "[ff01::1]:53"), 0, "the copy of one for this device alone");
    assert_ne!(sum_to(&mut host, "[2001:db8::1]:53"), 0, "by loopback");
}

#[test]
fn a_way_without_room_for_headers_takes_no_datagram_of_ipv6() {
    let mut host = Host::new(ROUTER);
    host.run(
        "ip addr add 2001:db8::1/64 dev e0 nodad\nip neigh add 2001:db8::2 lladdr 02:00:00:00:00:05 dev e0
ip route add 2001:db8:2::/64 via 2001:db8::2 dev e0 mtu 40",
    );
    for (kind, data) in [(Kind::Udp, &b""[..]), (Kind::Raw(99), b""), (Kind::Raw(99), &[0; 20])] {
        let id = host.world.socket(NS, Family::V6, kind, 0).unwrap();
        let port = if kind == Kind::Udp { 53 } else { 0 };
        assert_eq!(host.send(id, Some(&format!("[2001:db8:2::1]:{port}")), data), Err(Errno::EMSGSIZE));
    }
}

/// Neither does its way change (`ip_sk_accept_pmtu`).
#[test]
fn sockets_that_take_the_device_s_mtu_teach_no_path_mtu() {
    for (kind, from) in [(Kind::Udp, "10.1.0.1:1000"), (Kind::Raw(99), "10.1.0.1:0")] {
        for (discovery, learned) in
            [(Discovery::Want, Some(1000)), (Discovery::Interface, None), (Discovery::Omit, None)]
        {
            let mut host = Host::new(ROUTER);
            let id = host.world.socket(NS, Family::V4, kind, 0).unwrap();
            host.set(id, Setting::Discovery(discovery));
            host.world.bind(NS, id, addr(from)).unwrap();
            let sent = host.send(id, Some("30.0.0.1:2000"), b"eight and more");
            assert_eq!(sent, Err(Errno::ENETUNREACH), "no route yet");
            host.run("ip route add 30.0.0.0/8 via 10.1.0.2");
            let port = if kind == Kind::Udp { 2000 } else { 0 };
            let sent = host.send(id, Some(&format!("30.0.0.1:{port}")), b"eight and more").unwrap();
            host.error("e1", (3, 4, 1000), &sent[0][Ethernet::LEN..]);
            assert_eq!(host.learned("30.0.0.1"), learned, "{kind:?} {discovery:?}");
        }
    }
}
