//! Neighbours that are changed by request while packets wait, and what a failed one ends.

use fingerpost_net::wire::{Arp, DF, Ethernet, Header, Ipv4, checksum, ethertype, icmp as kinds, proto};
use zerocopy::IntoBytes;

use crate::host::{Host, ROUTER, edited, framed, icmp, ipv4, mac, udp};
use crate::kernel::{Asked, Both, Step, same};

fn held(more: &str) -> String {
    format!(
        "sysctl -w net.ipv6.conf.default.disable_ipv6=1
sysctl -w net.ipv4.icmp_ratelimit=0
sysctl -w net.ipv4.icmp_msgs_per_sec=100000
sysctl -w net.ipv4.icmp_msgs_burst=100000
{ROUTER}{more}
"
    )
}

fn arrives(packet: &[u8]) -> Step {
    Step::Frame("e0", framed(mac(0x10), mac(2), packet))
}

/// What both do.
#[track_caller]
fn done(setup: &str, steps: &[Step]) -> Both {
    same(&mut Host::new(setup), &Asked::of(setup, steps)).0
}

/// The kinds and codes of the ICMP messages that left by the first device.
fn told(both: &Both) -> Vec<(u8, u8)> {
    let at_first = both.frames.iter().filter(|(dev, frame)| dev == "e0" && frame[23] == proto::ICMP);
    at_first.map(|(_, frame)| (frame[34], frame[35])).collect()
}

#[test]
fn c276_whoever_waits_is_told_when_a_neighbour_is_removed_or_failed_by_request() {
    let packets = || [b"one", b"two"].map(|data| arrives(&udp("10.0.0.2", "10.1.0.9", data)));
    let after = |command: &'static str| {
        let steps: Vec<Step> = packets().into_iter().chain([Step::Run(command)]).collect();
        done(&held(""), &steps)
    };
    for command in ["ip neigh del 10.1.0.9 dev e1", "ip neigh change 10.1.0.9 dev e1 nud failed"] {
        assert_eq!(told(&after(command)), [(3, 1), (3, 1)], "{command}");
    }
    // Neither told nor sent.
    assert!(told(&after("ip neigh change 10.1.0.9 dev e1 nud none")).is_empty());
    assert!(told(&after("ip link set e1 address 02:00:00:00:00:77")).is_empty());
    let sent = after("ip neigh change 10.1.0.9 dev e1 lladdr 02:00:00:00:00:09 nud reachable");
    assert_eq!(sent.frames.iter().filter(|(_, frame)| frame[..6] == mac(9)).count(), 2);
}

#[test]
fn c276_the_next_packet_asks_again() {
    for command in [
        "ip neigh del 10.1.0.9 dev e1",
        "ip neigh change 10.1.0.9 dev e1 nud failed",
        "ip neigh change 10.1.0.9 dev e1 nud none",
        "ip neigh change 10.1.0.9 dev e1 nud incomplete",
    ] {
        let packet = arrives(&udp("10.0.0.2", "10.1.0.9", b"data"));
        let answer = {
            let arp = Arp::new(
                Arp::REPLY,
                (mac(9), "10.1.0.9".parse().unwrap()),
                (mac(0x11), "10.1.0.1".parse().unwrap()),
            );
            let header = Ethernet { dst: mac(0x11), src: mac(9), ethertype: ethertype::ARP.into() };
            Step::Frame("e1", [header.as_bytes(), arp.as_bytes()].concat())
        };
        done(&held(""), &[packet.clone(), Step::Run(command), packet, answer]);
    }
}

#[test]
fn c275_who_is_used_by_request_is_asked_and_who_is_incomplete_by_request_is_not() {
    let faster = "sysctl -w net.ipv4.neigh.e1.retrans_time_ms=200\nsysctl -w net.ipv4.neigh.e1.delay_first_probe_time=1\n";
    for command in [
        "ip neigh add 10.1.0.9 dev e1 nud incomplete",
        "ip neigh add 10.1.0.9 dev e1 use nud none",
        "ip neigh add 10.1.0.9 lladdr 02:00:00:00:00:09 dev e1 nud probe",
        "ip neigh add 10.1.0.9 lladdr 02:00:00:00:00:09 dev e1 nud delay",
    ] {
        done(&held(faster), &[Step::Run(command), Step::Wait(1500)]);
    }
}

/// A long echo request from afar, whose answer goes by a gateway.
fn long_echo() -> Step {
    arrives(&icmp("20.0.0.1", "10.1.0.1", 8, &[7; 1000]))
}

#[test]
fn a_failed_neighbour_ends_the_path_mtu_of_the_decision() {
    // The router says that answers to the sender may be so long at most.
    let quoted = ipv4("10.1.0.1", "20.0.0.1", proto::ICMP, &[0; 8]);
    let mut message = vec![kinds::UNREACHABLE, kinds::FRAGMENTATION_NEEDED, 0, 0, 0, 0, 0x02, 0x58];
    message.extend_from_slice(&quoted);
    let sum = checksum(&message);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    let too_big = arrives(&ipv4("10.0.0.2", "10.1.0.1", proto::ICMP, &message));
    let fails = Step::Run("ip neigh change 10.1.0.2 dev e1 nud failed");
    let is_back = Step::Run("ip neigh replace 10.1.0.2 lladdr 02:00:00:00:00:03 dev e1 nud permanent");
    let lengths = |steps: &[Step]| -> Vec<u16> {
        let both = done(&held(""), steps);
        let packets = both.frames.iter().filter(|(dev, frame)| dev == "e1" && frame[12..14] == [8, 0]);
        packets.map(|(_, frame)| Ipv4::read(&frame[14..]).unwrap().total_len.get()).collect()
    };
    assert_eq!(lengths(&[long_echo()]), [1028]);
    assert_eq!(lengths(&[too_big.clone(), long_echo()]), [596, 452]);
    // As long as nothing waits for the neighbour nothing is forgotten.
    let unnoticed = [too_big.clone(), fails.clone(), is_back.clone(), long_echo()];
    assert_eq!(lengths(&unnoticed), [596, 452]);
    let noticed = [
        too_big.clone(),
        fails.clone(),
        long_echo(),
        fails.clone(),
        is_back.clone(),
        long_echo(),
        too_big.clone(),
        long_echo(),
    ];
    assert_eq!(lengths(&noticed), [1028, 596, 452]);
    // What is forwarded has a decision of its own.
    let big = arrives(&edited(udp("10.0.0.2", "20.0.0.1", &[7; 900]), |header| header.fragment.set(DF)));
    let steps = [
        Step::Run("sysctl -w net.ipv4.ip_forward_use_pmtu=1"),
        too_big,
        big.clone(),
        fails.clone(),
        long_echo(),
        fails,
        is_back,
        big,
        long_echo(),
    ];
    done(&held(""), &steps);
}

#[test]
fn all_legs_of_a_route_learn_a_path_mtu() {
    let quoted = ipv4("10.1.0.1", "30.0.0.1", proto::ICMP, &[0; 8]);
    let mut message = vec![kinds::UNREACHABLE, kinds::FRAGMENTATION_NEEDED, 0, 0, 0, 0, 0x02, 0x58];
    message.extend_from_slice(&quoted);
    let sum = checksum(&message);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    let too_big = arrives(&ipv4("10.0.0.2", "10.1.0.1", proto::ICMP, &message));
    let setup = held(
        "ip neigh add 10.1.0.3 lladdr 02:00:00:00:00:04 dev e1
ip route add 30.0.0.0/8 nexthop via 10.1.0.2 nexthop via 10.1.0.3
sysctl -w net.ipv4.fib_multipath_hash_seed=7
sysctl -w net.ipv4.ip_forward_use_pmtu=1
",
    );
    let long = |n: u8| arrives(&udp(&format!("10.0.0.{n}"), "30.0.0.1", &[7; 900]));
    let steps: Vec<Step> = [too_big].into_iter().chain((2..12).map(long)).collect();
    let both = done(&setup, &steps);
    let gateways: std::collections::BTreeSet<&[u8]> =
        both.frames.iter().filter(|(dev, _)| dev == "e1").map(|(_, frame)| &frame[..6]).collect();
    assert_eq!(gateways.len(), 2, "both legs are taken");
    assert_eq!(both.counters["IpFragCreates"], 20);
}

fn request(sender: &str, target: &str) -> Vec<u8> {
    let arp = Arp::new(Arp::REQUEST, (mac(5), sender.parse().unwrap()), ([0; 6], target.parse().unwrap()));
    let header = Ethernet { dst: [0xff; 6], src: mac(5), ethertype: ethertype::ARP.into() };
    [header.as_bytes(), arp.as_bytes()].concat()
}

#[test]
fn c279_a_delayed_answer_for_another_is_thought_over() {
    let setup = held(
        "sysctl -w net.ipv4.conf.e0.proxy_arp=1
sysctl -w net.ipv4.neigh.e0.proxy_delay=60
",
    );
    let asks = || Step::Frame("e0", request("10.0.0.5", "20.0.0.1"));
    let answers = |steps: &[Step]| done(&setup, steps).frames.len();
    assert_eq!(answers(&[asks(), Step::Wait(700)]), 1);
    for change in [
        "sysctl -w net.ipv4.conf.e0.proxy_arp=0",
        "ip route del 20.0.0.0/8",
        "sysctl -w net.ipv4.ip_forward=0",
    ] {
        // The delay is by chance: where it was over before the change, it is asked once more.
        let quiet = (0..5).any(|_| {
            std::panic::catch_unwind(|| answers(&[asks(), Step::Run(change), Step::Wait(700)]))
                .is_ok_and(|n| n == 0)
        });
        assert!(quiet, "{change}");
    }
}

#[test]
fn which_leg_an_arp_request_is_about() {
    for policy in 0..=3 {
        let setup = held(&format!(
            "ip route add 30.0.0.0/8 nexthop via 10.0.0.2 dev e0 nexthop via 10.1.0.2 dev e1
sysctl -w net.ipv4.fib_multipath_hash_seed=99
sysctl -w net.ipv4.fib_multipath_hash_policy={policy}
sysctl -w net.ipv4.conf.e0.proxy_arp=1
sysctl -w net.ipv4.neigh.e0.proxy_delay=0
"
        ));
        let frames = (0..24u8).map(|n| {
            let mut frame = request(&format!("10.0.{}.{}", n % 3, n + 3), &format!("30.0.{n}.1"));
            // The link-layer address is where a header has its protocol and its source.
            frame[22 + 1] = if n % 2 == 0 { 1 } else { 0 };
            frame[22 + 4] = n;
            frame[32] = n / 2;
            frame
        });
        let both = done(&setup, &[Step::Frames("e0", frames.collect())]);
        if policy == 0 {
            assert!((1..24).contains(&both.frames.len()), "{}", both.frames.len());
        }
    }
}

#[test]
fn a_device_s_own_broadcast_address_is_everybody() {
    let setup = held("ip link set e0 broadcast 03:00:00:00:00:99\n");
    let echo = icmp("10.0.0.2", "10.0.0.1", 8, b"ping");
    let to = |dst: [u8; 6]| Step::Frame("e0", framed(dst, mac(2), &echo));
    let everybody = [3, 0, 0, 0, 0, 0x99];
    // A group's address is one that is not the device's, and what it has to ask is asked there.
    let settings = "sysctl -w net.ipv4.conf.e0.drop_unicast_in_l2_multicast=1";
    let steps = [
        to([0xff; 6]),
        to(everybody),
        arrives(&icmp("10.0.0.2", "10.0.0.77", 8, b"ping")),
        arrives(&icmp("10.1.0.2", "10.0.0.88", 8, b"ping")),
        Step::Run(settings),
        to(everybody),
    ];
    let both = done(&setup, &steps);
    assert!(both.frames.iter().any(|(_, frame)| frame[..6] == everybody));
}

#[test]
fn c275_answers_that_wait_leave_no_room_for_more() {
    // Eight answers of this length are more than the socket by which Linux sends them may have.
    let asks = arrives(&icmp("10.0.0.9", "10.0.0.1", 8, &[7; 8800]));
    let both = done(
        &held("ip link set e0 mtu 9000\nsysctl -w net.ipv4.neigh.e0.retrans_time_ms=60000"),
        &vec![asks; 12],
    );
    let counted = |name| both.counters.get(name).copied().unwrap_or(0);
    assert_eq!((counted("IcmpOutEchoReps"), counted("IcmpOutErrors"), counted("IpOutDiscards")), (8, 4, 4));
}

/// Who waits is told before its memory is free: the first of the errors finds none.
#[test]
fn c276_what_waits_is_its_sender_s_until_somebody_is_told() {
    let asks = arrives(&icmp("10.0.0.9", "10.0.0.1", 8, &[7; 8800]));
    let mut steps = vec![asks; 12];
    steps.push(Step::Wait(3_000));
    let setup = held("ip link set e0 mtu 9000\nsysctl -w net.ipv4.neigh.e0.retrans_time_ms=900");
    let both = done(&setup, &steps);
    let counted = |name| both.counters.get(name).copied().unwrap_or(0);
    assert_eq!((counted("IcmpOutDestUnreachs"), counted("IcmpOutErrors")), (7, 5));
}

/// What is hashed is the destination in the header, not the next of the source route.
#[test]
fn legs_of_a_source_route_are_chosen_by_the_header() {
    let setup = held(
        "sysctl -w net.ipv4.conf.all.accept_source_route=1
sysctl -w net.ipv4.conf.e0.accept_source_route=1
sysctl -w net.ipv4.fib_multipath_hash_seed=7
ip neigh add 10.1.0.3 lladdr 02:00:00:00:00:04 dev e1
ip route add 30.0.0.0/8 nexthop via 10.1.0.2 nexthop via 10.1.0.3",
    );
    let routed = |host: u8, next: u8| {
        let mut packet = udp(&format!("10.0.0.{host}"), "10.0.0.1", b"data");
        packet.splice(20..20, [131, 7, 4, 30, 0, 0, next, 0]);
        let len = packet.len() as u16;
        arrives(&edited(packet, |header| {
            header.version_ihl += 2;
            header.total_len = len.into();
        }))
    };
    let gateways = |steps: &[Step]| -> std::collections::BTreeSet<u8> {
        done(&setup, steps).frames.iter().filter(|(dev, _)| dev == "e1").map(|(_, frame)| frame[5]).collect()
    };
    let (by_next, by_source): (Vec<Step>, Vec<Step>) =
        ((1..9).map(|next| routed(2, next)).collect(), (2..10).map(|host| routed(host, 1)).collect());
    assert_eq!((gateways(&by_next).len(), gateways(&by_source).len()), (1, 2));
}

#[test]
fn an_address_goes_when_its_time_is_over_and_another_takes_its_place() {
    let request = |own| arrives(&icmp("10.0.0.2", own, 8, b"ping"));
    let steps = [
        Step::Run("ip addr del 10.0.0.1/24 dev e0"),
        Step::Run("ip addr add 10.0.0.7/24 dev e0 valid_lft 2 preferred_lft 1"),
        Step::Run("ip addr add 10.0.0.8/24 dev e0"),
        Step::Run("ip addr add 10.0.5.1/24 dev e0 valid_lft 30 preferred_lft 1"),
        Step::Run("ip neigh replace 10.0.0.2 lladdr 02:00:00:00:00:02 dev e0"),
        request("10.0.0.7"),
        request("10.0.0.8"),
        Step::Wait(3_500),
        // The secondary went with its primary.
        request("10.0.0.7"),
        request("10.0.0.8"),
        request("10.0.5.1"),
        Step::Run("ip addr add 10.0.0.1/24 dev e0"),
        request("10.0.5.1"),
    ];
    let both = done(&held(""), &steps);
    let counted = |name| both.counters.get(name).copied().unwrap_or(0);
    assert_eq!((counted("IcmpInEchos"), both.frames.len()), (4, 3));
}

/// The route may be gone by the time at which nobody hopes for its gateway any more: the decision
/// that it held leads nowhere then.
#[test]
fn c276_whoever_waits_is_not_told_when_the_route_is_gone() {
    let setup = held("ip route add 50.0.0.0/8 via 10.1.0.9");
    let steps = [
        arrives(&udp("10.0.0.2", "50.0.0.1", b"data")),
        Step::Run("ip route del 50.0.0.0/8"),
        Step::Wait(4000),
    ];
    assert_eq!(told(&done(&setup, &steps)), []);
}
