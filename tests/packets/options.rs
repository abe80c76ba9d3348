//! What sockets of UDP were told, and where their datagrams go then.

mod six;

use std::net::IpAddr;

use fingerpost_engine::Behaviour;
use fingerpost_engine::path::sockets::{Control, Discovery, Kind, Setting, SocketId};
use fingerpost_engine::trace::{Event, Purpose, Tracer};
use fingerpost_model::NsId;
use fingerpost_net::wire::{DF, Ethernet, Header, Ipv4, Udp, checksum, ethertype, proto};
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
fn what_has_its_header_is_cut_as_that_says() {
    let mut host = Host::new(ROUTER);
    host.run("ip route add 50.0.0.0/8 via 10.1.0.2 mtu 600");
    let id = host.world.socket(NS, Family::V4, Kind::Raw(255), 0).unwrap();
    host.set(id, Setting::WithHeader(true));
    let plain = udp("10.1.0.1", "50.0.0.1", &[0; 1000]);
    let mut sent = |packet: &[u8]| host.send(id, Some("50.0.0.1:0"), packet).map(|frames| frames.len());
    assert_eq!(sent(&plain), Ok(2));
    assert_eq!(sent(&edited(plain, |header| header.fragment = DF.into())), Err(Errno::EMSGSIZE));
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
