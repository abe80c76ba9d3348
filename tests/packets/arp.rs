//! ARP: who answers, who learns (C-277 to C-279).

use fingerpost_engine::path::Outcome;
use fingerpost_model::{NeighFlags, NeighState, NsId};
use fingerpost_net::wire::{Arp, Ethernet, Header, ethertype};
use zerocopy::IntoBytes;

use crate::host::{Host, ROUTER, mac, udp};

/// A message from the neighbour whose link-layer address ends with `from`.
fn arp(op: u16, from: u8, sender: &str, target: &str, to: [u8; 6]) -> Vec<u8> {
    let (sender, target) = (sender.parse().unwrap(), target.parse().unwrap());
    let arp = Arp::new(op, (mac(from), sender), ([0; 6], target));
    let header = Ethernet { dst: to, src: mac(from), ethertype: ethertype::ARP.into() };
    [header.as_bytes(), arp.as_bytes()].concat()
}

fn asks(host: &mut Host, dev: &str, sender: &str, target: &str) -> Option<Arp> {
    let handled = host.frame(dev, &arp(Arp::REQUEST, 5, sender, target, [0xff; 6]));
    handled.emitted.first().map(|frame| *Arp::read(&frame.bytes[14..]).unwrap())
}

#[test]
fn c278_t40_any_own_address_is_answered_for_on_any_device() {
    let mut host = Host::new(ROUTER);
    let answer = asks(&mut host, "e0", "10.0.0.5", "10.0.0.1").unwrap();
    let expected =
        Arp::new(Arp::REPLY, (mac(0x10), "10.0.0.1".parse().unwrap()), (mac(5), "10.0.0.5".parse().unwrap()));
    assert_eq!(answer, expected);
    assert_eq!(asks(&mut host, "e0", "10.0.0.5", "10.1.0.1").unwrap().sender_mac, mac(0x10));
    assert_eq!(asks(&mut host, "e0", "0.0.0.0", "10.0.0.1").unwrap().target, [0; 4]);
    assert_eq!(asks(&mut host, "e0", "10.0.0.5", "10.0.0.77"), None);
    host.run("sysctl -w net.ipv4.conf.e0.arp_ignore=1");
    assert_eq!(asks(&mut host, "e0", "10.0.0.5", "10.1.0.1"), None);
    assert!(asks(&mut host, "e0", "10.0.0.5", "10.0.0.1").is_some());
    host.run("sysctl -w net.ipv4.conf.e0.arp_ignore=8");
    assert_eq!(asks(&mut host, "e0", "10.0.0.5", "10.0.0.1"), None);
}

#[test]
fn c279_a_proxy_answers_for_what_lies_behind_another_device() {
    let mut host = Host::new(ROUTER);
    assert_eq!(asks(&mut host, "e0", "10.0.0.5", "20.0.0.1"), None);
    host.run("sysctl -w net.ipv4.conf.e0.proxy_arp=1\nsysctl -w net.ipv4.neigh.e0.proxy_delay=0");
    assert_eq!(asks(&mut host, "e0", "10.0.0.5", "20.0.0.1").unwrap().sender, [20, 0, 0, 1]);
    assert_eq!(asks(&mut host, "e0", "10.0.0.5", "10.0.0.77"), None, "the asker's own link");
    host.run("sysctl -w net.ipv4.neigh.e0.proxy_delay=80");
    assert_eq!(asks(&mut host, "e0", "10.0.0.5", "20.0.0.1"), None);
    let delayed = host.pass(800);
    assert_eq!(delayed.len(), 1);
    assert_eq!(Arp::read(&delayed[0].1[14..]).unwrap().op.get(), Arp::REPLY);
}

#[test]
fn c275_c277_packets_wait_for_the_answer_and_leave_in_order() {
    let mut host = Host::new(ROUTER);
    for data in [b"one", b"two"] {
        let handled = host.packet("e0", &udp("10.0.0.2", "10.1.0.9", data));
        assert_eq!(handled.outcome, Outcome::Queued);
    }
    let asked = host.pass(1_100);
    // Nobody here has the packet's source, so that the device's address asks.
    assert_eq!(Arp::read(&asked[0].1[14..]).unwrap().sender, [10, 1, 0, 1]);
    let handled = host.frame("e1", &arp(Arp::REPLY, 9, "10.1.0.9", "10.1.0.1", mac(0x11)));
    let data: Vec<&[u8]> = handled.emitted.iter().map(|frame| &frame.bytes[42..]).collect();
    assert_eq!(data, [b"one", b"two"]);
    assert!(handled.emitted.iter().all(|frame| frame.bytes[..6] == mac(9)));
    let config = &host.world.ns(NsId(0)).unwrap().config;
    let state = config.neighbours.state(host.device("e1"), "10.1.0.9".parse().unwrap());
    assert_eq!(state, Some(NeighState::REACHABLE));
}

#[test]
fn c275_who_is_stale_is_used_and_asked_later() {
    let mut host = Host::new(ROUTER);
    host.run("ip neigh add 10.1.0.9 lladdr 02:00:00:00:00:09 dev e1 nud stale");
    let handled = host.packet("e0", &udp("10.0.0.2", "10.1.0.9", b"data"));
    assert_eq!(handled.outcome, Outcome::Sent);
    // Five seconds later three questions to the neighbour alone, then silence; each when the
    // slot of the kernel's timers ends.
    let asked = host.pass(20_000);
    let times: Vec<u64> = asked.iter().map(|&(at, _)| at).collect();
    assert_eq!(times, [5_120, 6_144, 7_168]);
    assert!(asked.iter().all(|(_, frame)| frame[..6] == mac(9)));
}

/// Timers that were set for longer go first, be it before those that were set later.
#[test]
fn c275_of_timers_that_end_together_those_of_wider_slots_go_first() {
    let mut host = Host::new(ROUTER);
    host.run("ip neigh add 10.1.0.9 lladdr 02:00:00:00:00:09 dev e1 nud stale");
    host.packet("e0", &udp("10.0.0.2", "10.1.0.9", b"data"));
    host.pass(4_100);
    host.packet("e0", &udp("10.0.0.2", "10.1.0.8", b"data"));
    let asked = host.pass(1_030);
    let asked: Vec<(u64, u8)> = asked.iter().map(|(at, frame)| (*at, frame[41])).collect();
    assert_eq!(asked, [(5_120, 9), (5_120, 8)]);
}

#[test]
fn broken_messages_and_those_of_others_are_not_looked_at() {
    let mut host = Host::new(ROUTER);
    let request = arp(Arp::REQUEST, 5, "10.0.0.5", "10.0.0.1", [0xff; 6]);
    for (at, value) in [(14 + 4, 5), (14 + 5, 6), (14 + 1, 9), (14 + 7, 3), (14 + 24, 224), (0, 2)] {
        let mut broken = request.clone();
        broken[at] = value;
        assert!(host.frame("e0", &broken).emitted.is_empty(), "byte {at}");
    }
    assert!(host.frame("e0", &request[..41]).emitted.is_empty());
    assert_eq!(host.frame("e0", &request).emitted.len(), 1);
}

#[test]
fn neighbours_that_nobody_heard_of_do_not_pile_up() {
    let mut host = Host::new(ROUTER);
    host.run("ip addr add 10.9.0.1/16 dev e1");
    let ask = |host: &mut Host, n: u16| {
        let [high, low] = n.to_be_bytes();
        host.packet("e0", &udp("10.0.0.2", &format!("10.9.{high}.{low}"), b"data"))
    };
    for n in 2..2 + 1024 {
        assert_eq!(ask(&mut host, n).outcome, Outcome::Queued);
    }
    assert_eq!(crate::host::reason(&ask(&mut host, 2000)), "NEIGH_CREATEFAIL");
    // Those that have failed make room.
    host.pass(3_100);
    assert_eq!(ask(&mut host, 2000).outcome, Outcome::Queued);
    let entries = host.world.ns(NsId(0)).unwrap().config.neighbours.entries.len();
    assert!(entries < 1024, "{entries}");
}

/// As Linux was seen to, but for when its intervals begin: with the machine.
#[test]
fn a_managed_neighbour_is_asked_for_again_every_five_seconds() {
    let mut host = Host::new(ROUTER);
    host.run("ip neigh add 10.1.0.9 dev e1 managed");
    let asked = |host: &mut Host, seconds: u64| -> Vec<u64> {
        let now = host.world.now.0;
        host.pass(seconds * 1000).iter().map(|(at, _)| (at - now) / 1000).collect()
    };
    assert_eq!(asked(&mut host, 12), [0, 1, 2, 5, 6, 7, 10, 11]);
    let reply = arp(Arp::REPLY, 9, "10.1.0.9", "10.1.0.1", host.own("e1"));
    host.frame("e1", &reply);
    // Known, and nobody uses it: it is asked all the same once it is not confirmed any more.
    let later = asked(&mut host, 70);
    assert!(!later.is_empty() && later[0] >= 15 + 5, "{later:?}");
    host.run("ip neigh change 10.1.0.9 dev e1 nud failed");
    assert!(asked(&mut host, 20).is_empty(), "it is managed no longer");
    host.run("ip neigh add 10.1.0.8 dev e1 managed");
    assert_eq!(asked(&mut host, 4), [0, 1, 2]);
    host.run("ip neigh del 10.1.0.8 dev e1");
    assert!(asked(&mut host, 20).is_empty(), "it is gone");
}

/// What a capture has: neither of them has any time of its own.
#[test]
fn neighbours_that_a_capture_saw_being_asked_for_are_asked_for_again() {
    let mut host = Host::new(ROUTER);
    host.run("ip neigh add 10.1.0.8 dev e1 nud incomplete\nip neigh add 10.1.0.9 dev e1 nud incomplete");
    let ns = host.world.ns_mut(NsId(0)).unwrap().0;
    ns.state.resolutions.clear();
    let key =
        |last: u8| (ns.config.links.find("e1").unwrap().index(), std::net::IpAddr::from([10, 1, 0, last]));
    let managed = key(9);
    ns.config.neighbours.entries.get_mut(&managed).unwrap().flags = NeighFlags::MANAGED;
    host.world.settle();
    let asked: Vec<u8> = host.pass(6_000).iter().map(|(_, frame)| frame[41]).collect();
    assert_eq!(asked, [9], "the one that is kept up");
    assert_eq!(host.packet("e0", &udp("10.0.0.2", "10.1.0.8", b"data")).emitted.len(), 1, "who is needed");
}
