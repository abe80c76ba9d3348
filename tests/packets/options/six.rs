//! The same of sockets of IPv6, whichever family they send.

use std::net::IpAddr;

use fingerpost_engine::path::sockets::{Control, Kind, Setting};
use fingerpost_engine::trace::Tracer;
use fingerpost_net::wire::{Checksum, Ethernet, Header, proto};
use fingerpost_net::{Errno, Family};

use super::NS;
use crate::host::{Host, ROUTER, unframed};
use crate::sockets::addr;

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

/// There is a way or not, but never a packet from an IPv4 address (`ip6_dst_lookup_tail`).
#[test]
fn a_socket_of_ipv6_with_a_source_of_ipv4_sends_no_ipv6() {
    let mut host = Host::new(ROUTER);
    host.run("ip addr add 2001:db8::1/64 dev e0 nodad\nip route add prohibit 2001:db8:2::/64");
    let mut open = |kind: Kind, from: &str| {
        let id = host.world.socket(NS, Family::V6, kind, 0).unwrap();
        match kind {
            Kind::Raw(_) => host.connect(id, from).unwrap(),
            _ => host.world.bind(NS, id, addr(from)).unwrap(),
        }
        id
    };
    let udp = open(Kind::Udp, "[::ffff:10.0.0.1]:0");
    let (tcp, raw) = (open(Kind::Tcp, "[::ffff:10.0.0.1]:0"), open(Kind::Raw(99), "[::ffff:10.0.0.2]:0"));
    for (to, errno, counted) in [
        ("2001:db8::2", Errno::EAFNOSUPPORT, 0),
        ("2001:db8:2::2", Errno::EACCES, 0),
        ("2001:db8:9::2", Errno::ENETUNREACH, 5),
    ] {
        for id in [udp, tcp, raw] {
            assert_eq!(host.connect(id, &format!("[{to}]:53")), Err(errno), "{to}");
        }
        assert_eq!(host.send(udp, Some(&format!("[{to}]:53")), b""), Err(errno), "{to}");
        assert_eq!(host.send(raw, Some(&format!("[{to}]:0")), b""), Err(errno), "{to}");
        assert_eq!(host.counted("Ip6OutNoRoutes"), counted, "{to}");
    }
    // The unspecified address is this host.
    for id in [udp, raw] {
        assert_eq!(host.connect(id, "[::]:53"), Ok(()));
        assert_eq!(host.world.peer_name(NS, id), Ok(addr("127.0.0.1:53")));
    }
    let bound = host.world.bind(NS, raw, addr("[::ffff:10.0.0.1]:0"));
    assert_eq!(bound, Err(Errno::EADDRNOTAVAIL), "raw sockets are not bound to IPv4");
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
ip neigh add fd00:2::2 lladdr 02:00:00:00:00:06 dev e1\nip route add 2001:db8:100::/40 via fe80::2 dev e0
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
    let elsewhere =
        |host: &mut Host, n: u8| host.run(&format!("ip route add 2001:db8:{n:x}::/48 dev e1 table 7"));
    (0..100).for_each(|n| elsewhere(&mut host, n));
    host.run("ip addr add fd00:9::1/64 dev e0 nodad\nip nexthop add id 7 via fd00:2::2 dev e1");
    host.run("ip nexthop replace id 7 via fd00:2::3 dev e1");
    assert_eq!(by(&mut host, id).1, 5, "what is of other tables, addresses and objects that nobody uses");
    host.run("ip route add 2001:db8:104::/48 dev e1\nip route del 2001:db8:104::/48");
    assert_eq!(by(&mut host, id).1, 6, "a route below its own was added");
    let id = open(&mut host);
    host.run("ip route del 2001:db8:103::/48");
    assert_eq!(by(&mut host, id).1, 5, "another one went");
    host.run("ip route del 2001:db8:100::/40");
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
    host.set(id, Setting::Transparent(true));
    let mut told = |dev: u32, source: &str| {
        let control = Control { dev, source: source.parse().ok(), ..Control::default() };
        let to = Some(addr("[2001:db8::3]:53"));
        host.world.send(NS, id, to, &control, b"data", &mut Tracer::off()).result
    };
    assert_eq!(
        [told(0, "2001:db8::9"), told(e0, "fe80::9"), told(e0, "ff02::1")],
        [Ok(4); 3],
        "whatever it is"
    );
    assert_eq!([told(0, "fe80::9"), told(0, "ff02::1")], [Err(Errno::EINVAL); 2], "of which link?");
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

/// One that is kept with a nexthop object goes by what all tables have been through, and by
/// nothing else (`rt6_is_valid`).
#[test]
fn a_kept_way_of_a_nexthop_object_outlives_its_route() {
    let mut host = Host::new(ROUTER);
    host.run(
        "ip addr add fd00:2::1/64 dev e1 nodad\nip neigh add fe80::2 lladdr 02:00:00:00:00:05 dev e0
ip neigh add fd00:2::2 lladdr 02:00:00:00:00:06 dev e1\nip route add ::/0 via fe80::2 dev e0
ip nexthop add id 1 via fd00:2::2 dev e1\nip -6 route add 2001:db8:305::/48 nhid 1",
    );
    let id = host.world.socket(NS, Family::V6, Kind::Udp, 0).unwrap();
    host.set(id, Setting::UnicastDevice(host.device("e1")));
    host.connect(id, "[2001:db8:305::e]:53").unwrap();
    let by = |host: &mut Host| Ethernet::read(&host.send(id, None, b"data").unwrap()[0]).unwrap().dst[5];
    host.run("ip -6 route del 2001:db8:305::/48");
    assert_eq!(by(&mut host), 6);
    host.run("ip route add 2001:db8:999::/48 dev e0 table 7");
    assert_eq!(by(&mut host), 5, "a route was added anywhere");
}

/// One of IPv6 names its peer of IPv4 with each datagram (`udpv6_sendmsg`): what a connect that
/// failed leaves behind does not matter, as it does to one of IPv4.
#[test]
fn a_connect_to_ipv4_that_fails_leaves_a_socket_of_ipv6_its_peer() {
    let mut host = Host::new(ROUTER);
    let id = host.world.socket(NS, Family::V6, Kind::Udp, 0).unwrap();
    host.connect(id, "20.0.0.1:5000").unwrap();
    assert_eq!(host.connect(id, "9.0.0.3:5000"), Err(Errno::ENETUNREACH));
    for _ in 0..2 {
        let sent = host.send(id, None, b"data").unwrap();
        assert_eq!(unframed(&sent[0]).1.destination().to_string(), "20.0.0.1");
    }
}
