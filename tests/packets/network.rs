//! Frames between namespaces: veth pairs, bridges, the virtual clock.

use fingerpost::script::{Runner, Script};
use fingerpost_engine::network::Condition;
use fingerpost_engine::path::{Frame, Outcome};
use fingerpost_engine::trace::Tracer;
use fingerpost_engine::{Behaviour, Time, World};
use fingerpost_iproute::Names;
use fingerpost_model::NsId;
use fingerpost_net::wire::{Ethernet, ethertype};
use zerocopy::IntoBytes;

use crate::host::{framed, icmp, mac, unframed};

/// A gateway between a tap and another host, which a veth pair joins.
const PAIR: &str = "
ip netns add far
ip tuntap add t0 mode tap
ip link set t0 address 02:00:00:00:00:10 up
ip addr add 10.0.0.1/24 dev t0
ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev t0
sysctl -w net.ipv4.ip_forward=1
ip link add e0 address 02:00:00:00:00:11 type veth peer name f0 address 02:00:00:00:00:12 netns far
ip link set e0 up
ip addr add 10.1.0.1/24 dev e0
ip -n far link set f0 up
ip -n far addr add 10.1.0.2/24 dev f0
ip -n far route add default via 10.1.0.1
";

/// A bridge of three taps.
const BRIDGE: &str = "
ip link add br0 type bridge
ip tuntap add t1 mode tap
ip tuntap add t2 mode tap
ip tuntap add t3 mode tap
ip link set t1 address 02:00:00:00:00:11 master br0 up
ip link set t2 address 02:00:00:00:00:12 master br0 up
ip link set t3 address 02:00:00:00:00:13 master br0 up
ip link set br0 up
ip addr add 10.0.0.1/24 dev br0
ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev br0
";

fn world(script: &str) -> World {
    let mut world = World::new(1, Behaviour::default());
    run(&mut world, script);
    world
}

fn run(world: &mut World, script: &str) {
    for command in Script::parse(script).unwrap().commands() {
        let names = Names::default();
        let outcome = Runner { world, ns: NsId(0), names: &names }.run(&command.words);
        assert_eq!(outcome.status, 0, "{}: {}", command.text, outcome.stderr);
    }
}

fn device(world: &World, ns: NsId, name: &str) -> u32 {
    world.ns(ns).unwrap().config.links.find(name).unwrap().index()
}

/// A frame enters the first namespace, and so many milliseconds pass: what leaves the world,
/// by the names of devices.
fn enter(world: &mut World, dev: &str, frame: &[u8], millis: u64) -> (Outcome, Vec<(String, Vec<u8>)>) {
    let (id, dev) = (NsId(0), device(world, NsId(0), dev));
    let handled = world.receive(id, dev, frame, &mut Tracer::off()).unwrap();
    let mut left = world.carry(id, handled.emitted);
    let until = Time(world.now.0 + millis);
    left.extend(world.run_network(until, &mut Tracer::off()).into_iter().map(|(_, _, frame)| frame));
    let name = |frame: &Frame| world.ns(id).unwrap().config.links.get(frame.dev).unwrap().name().to_owned();
    (handled.outcome, left.into_iter().map(|frame| (name(&frame), frame.bytes)).collect())
}

/// The devices by which frames left.
fn names(left: &[(String, Vec<u8>)]) -> Vec<&str> {
    left.iter().map(|(name, _)| name.as_str()).collect()
}

/// A frame of a protocol that hosts do not know.
fn raw(dst: [u8; 6], src: [u8; 6]) -> Vec<u8> {
    let header = Ethernet { dst, src, ethertype: 0x88b5.into() };
    [header.as_bytes(), &[7; 50]].concat()
}

#[test]
fn an_echo_crosses_two_namespaces_and_its_reply_comes_back() {
    let mut world = world(PAIR);
    let echo = icmp("10.0.0.2", "10.1.0.2", 8, b"ping");
    let (outcome, left) = enter(&mut world, "t0", &framed(mac(0x10), mac(2), &echo), 0);
    // It waited for the neighbour, whom it found at the same moment.
    assert_eq!((outcome, names(&left)), (Outcome::Queued, vec!["t0"]));
    let (frame, header, message) = unframed(&left[0].1);
    assert_eq!((frame.dst, header.source().to_string().as_str()), (mac(2), "10.1.0.2"));
    assert_eq!((header.ttl, message[0]), (63, 0));
    assert!(world.network.take_unknown().is_empty());
}

#[test]
fn a_link_takes_its_time_and_loses_what_its_seed_says() {
    let echo = framed(mac(0x10), mac(2), &icmp("10.0.0.2", "10.1.0.2", 8, b"ping"));
    let mut slow = world(PAIR);
    let sender = (NsId(0), device(&slow, NsId(0), "e0"));
    slow.network.set_condition(sender, Condition { delay: 40, loss: 0 });
    assert_eq!(enter(&mut slow, "t0", &echo, 79).1, []);
    // The question for the neighbour took as long as the packet.
    assert_eq!(names(&enter(&mut slow, "t0", &echo, 1).1), ["t0"]);

    let answers = |seed: u64| {
        let mut lossy = World::new(seed, Behaviour::default());
        run(&mut lossy, PAIR);
        run(&mut lossy, "ip neigh add 10.1.0.2 lladdr 02:00:00:00:00:12 dev e0");
        lossy.network.set_condition(sender, Condition { delay: 0, loss: 300 });
        (0..100).map(|_| enter(&mut lossy, "t0", &echo, 100).1.len()).collect::<Vec<_>>()
    };
    assert_eq!(answers(1), answers(1));
    assert_ne!(answers(1), answers(2));
    assert!((50..90).contains(&answers(1).iter().sum::<usize>()));
}

#[test]
fn the_other_end_takes_no_frame_that_is_longer_than_its_own_would_be() {
    let mut world = world(PAIR);
    run(&mut world, "ip -n far link set f0 mtu 1000");
    let size = |len: usize| framed(mac(0x10), mac(2), &icmp("10.0.0.2", "10.1.0.2", 8, &vec![0; len - 28]));
    enter(&mut world, "t0", &size(100), 0);
    // There is room for a tag besides.
    assert_eq!(enter(&mut world, "t0", &size(1004), 0).1.len(), 2, "the reply comes in pieces");
    assert_eq!(enter(&mut world, "t0", &size(1005), 0).1.len(), 0);
    run(&mut world, "ip -n far link set f0 down");
    assert_eq!(enter(&mut world, "t0", &size(100), 0).1.len(), 0);
}

#[test]
fn a_bridge_learns_where_senders_are_and_forgets_them() {
    let mut world = world(BRIDGE);
    let (outcome, left) = enter(&mut world, "t1", &raw(mac(2), mac(1)), 0);
    assert_eq!((outcome, names(&left)), (Outcome::Sent, vec!["t3", "t2"]), "the newest port first");
    assert_eq!(names(&enter(&mut world, "t2", &raw(mac(1), mac(2)), 0).1), ["t1"]);
    assert_eq!(names(&enter(&mut world, "t1", &raw(mac(2), mac(1)), 0).1), ["t2"]);
    // Where it was seen last, and nothing goes back by the port that it came by.
    assert_eq!(names(&enter(&mut world, "t3", &raw(mac(1), mac(2)), 0).1), ["t1"]);
    assert_eq!(names(&enter(&mut world, "t3", &raw(mac(2), mac(3)), 0).1), [] as [&str; 0]);
    world.run_network(Time(299_999), &mut Tracer::off());
    assert_eq!(names(&enter(&mut world, "t1", &raw(mac(2), mac(1)), 1).1), ["t3"]);
    assert_eq!(names(&enter(&mut world, "t1", &raw(mac(2), mac(1)), 0).1), ["t3", "t2"]);
    // A port that goes down forgets.
    run(&mut world, "ip link set t1 down\nip link set t1 up");
    assert_eq!(names(&enter(&mut world, "t2", &raw(mac(1), mac(2)), 0).1), ["t3", "t1"]);
}

#[test]
fn a_bridge_keeps_groups_of_the_link_and_frames_from_nobody() {
    let mut world = world(BRIDGE);
    let to_group = |last: u8| raw([0x01, 0x80, 0xc2, 0, 0, last], mac(1));
    // Without spanning tree, its frames find loops.
    assert_eq!(names(&enter(&mut world, "t1", &to_group(0), 0).1), ["t3", "t2"]);
    for last in [1, 2, 3, 0x0e, 0x0f] {
        assert_eq!(names(&enter(&mut world, "t1", &to_group(last), 0).1), [] as [&str; 0], "{last}");
    }
    assert_eq!(enter(&mut world, "t1", &to_group(0x10), 0).1.len(), 2);
    let (outcome, left) = enter(&mut world, "t1", &raw([0xff; 6], [1, 0, 0, 0, 0, 1]), 0);
    assert!(matches!(outcome, Outcome::Dropped(reason) if reason.name() == "MAC_INVALID_SOURCE"));
    assert!(left.is_empty());
}

#[test]
fn a_host_is_reached_by_its_bridges_address_and_not_by_another_ports() {
    let mut world = world(BRIDGE);
    let echo = icmp("10.0.0.2", "10.0.0.1", 8, b"ping");
    // The bridge has the lowest of its ports' addresses.
    let (outcome, left) = enter(&mut world, "t2", &framed(mac(0x11), mac(2), &echo), 0);
    assert_eq!((outcome, names(&left)), (Outcome::Delivered, vec!["t2"]));
    let (frame, header, _) = unframed(&left[0].1);
    assert_eq!((frame.src, frame.dst, header.source().to_string()), (mac(0x11), mac(2), "10.0.0.1".into()));
    assert_eq!(names(&enter(&mut world, "t3", &framed(mac(0x13), mac(2), &echo), 0).1), ["t3"]);
    let (outcome, left) = enter(&mut world, "t2", &framed(mac(0x13), mac(2), &echo), 0);
    assert!(matches!(outcome, Outcome::Dropped(reason) if reason.name() == "OTHERHOST") && left.is_empty());
    // To everybody means to the host as well.
    let (outcome, left) = enter(&mut world, "t2", &framed([0xff; 6], mac(2), &echo), 0);
    assert_eq!((outcome, names(&left)), (Outcome::Delivered, vec!["t3", "t1", "t2"]));
    run(
        &mut world,
        "ip link set t2 type bridge_slave isolated on hairpin on\nip link set t3 type bridge_slave isolated on",
    );
    assert_eq!(names(&enter(&mut world, "t2", &raw([0xff; 6], mac(2)), 0).1), ["t1"]);
}

#[test]
fn what_a_bridge_does_besides_is_unknown_by_name() {
    for (setting, name) in [
        ("vlan_filtering 1", "VLAN filtering of bridges"),
        ("stp_state 1 forward_delay 0", "spanning tree"),
        ("mcast_querier 1", "a bridge that asks for multicast listeners"),
    ] {
        let mut world = world(BRIDGE);
        run(&mut world, &format!("ip link set br0 type bridge {setting}"));
        let (outcome, left) = enter(&mut world, "t1", &raw(mac(2), mac(1)), 0);
        assert_eq!((outcome, left), (Outcome::Unknown(name), vec![]));
    }
    let mut world = world(BRIDGE);
    let mut tagged = raw(mac(2), mac(1));
    tagged[12..14].copy_from_slice(&ethertype::VLAN.to_be_bytes());
    assert_eq!(enter(&mut world, "t1", &tagged, 0).0, Outcome::Unknown("VLAN tags on a bridge"));
}

#[test]
fn frames_that_go_round_and_round_come_to_an_end() {
    let mut world = world(
        "ip link add b0 type bridge
         ip link add b1 type bridge
         ip link add x0 type veth peer name x1
         ip link add y0 type veth peer name y1
         ip link set x0 master b0 up
         ip link set y0 master b0 up
         ip link set x1 master b1 up
         ip link set y1 master b1 up
         ip link set b0 up
         ip link set b1 up",
    );
    enter(&mut world, "x0", &raw([0xff; 6], mac(1)), 0);
    assert_eq!(world.network.take_unknown(), ["frames that go round and round"]);
    // And nothing is left of them.
    world.run_network(Time(10_000), &mut Tracer::off());
    assert!(world.network.take_unknown().is_empty());
}
