//! Neighbour discovery: who answers, what is learned, what is asked and when that ends.

use fingerpost_engine::path::Outcome;
use fingerpost_net::wire::{Ethernet, Header, nd};

use super::{OWN, PEER, ROUTER6, discovery, echo, edited, message, option, parts, udp};
use crate::host::{Host, mac, reason};

#[test]
fn t63_who_answers_a_solicitation() {
    let group = "ff02::1:ff00:1";
    let source = option(nd::SOURCE_ADDRESS, 9);
    let mut host = Host::new(ROUTER6);
    let handled = host.enter(&discovery("2001:db8::9", group, nd::SOLICIT, 0, OWN, &source));
    let (link, header, message) = parts(&handled.emitted[0].bytes);
    assert_eq!((link.dst, header.source().to_string(), header.hop_limit), (mac(9), OWN.into(), 255));
    assert_eq!((message[0], message[4]), (nd::ADVERT, nd::ROUTER | nd::SOLICITED | nd::OVERRIDE));
    assert_eq!(message[24..], option(nd::TARGET_ADDRESS, 0x10));
    // By unicast: no address, and it takes nobody's place.
    let handled = host.enter(&discovery("2001:db8::9", OWN, nd::SOLICIT, 0, OWN, &source));
    let (_, _, message) = parts(&handled.emitted[0].bytes);
    assert_eq!((message[4], message.len()), (nd::ROUTER | nd::SOLICITED, 24));
    // Another device's address, a stranger without address, too few hops, a detection.
    let elsewhere = discovery("2001:db8::9", group, nd::SOLICIT, 0, "2001:db8:1::1", &source);
    assert_eq!(reason(&host.enter(&elsewhere)), "IPV6_NDISC_NS_OTHERHOST");
    let stranger = discovery("2001:db8::a", group, nd::SOLICIT, 0, OWN, b"");
    assert_eq!(host.enter(&stranger).emitted.len(), 0);
    let hopped = edited(discovery("2001:db8::9", OWN, nd::SOLICIT, 0, OWN, &source), |h| h.hop_limit = 254);
    assert_eq!(reason(&host.enter(&hopped)), "IPV6_NDISC_HOP_LIMIT");
    let handled = host.enter(&discovery("::", group, nd::SOLICIT, 0, OWN, b""));
    let (_, header, message) = parts(&handled.emitted[0].bytes);
    assert_eq!((header.destination().to_string(), message[4]), ("ff02::1".into(), 0xa0));
    assert_eq!(host.counted("Icmp6InNeighborSolicits"), 6);
}

#[test]
fn t64_what_an_advertisement_changes() {
    let mut host = Host::new(ROUTER6);
    let advert = |flags: u8, last: u8| {
        let target = option(nd::TARGET_ADDRESS, last);
        discovery("2001:db8::7", OWN, nd::ADVERT, flags, "2001:db8::7", &target)
    };
    let reached = |host: &mut Host| {
        let handled = host.enter(&echo("2001:db8::7", OWN, b""));
        Ethernet::read(&handled.emitted[0].bytes).unwrap().dst
    };
    assert_eq!(
        host.enter(&advert(0x60, 7)).outcome,
        Outcome::Dropped(fingerpost_engine::lookup::DropReason::NotSpecified)
    );
    assert_eq!(reached(&mut host)[..3], [0x33, 0x33, 0xff]); // It was not learned.
    host.enter(&advert(nd::SOLICITED, 7));
    assert_eq!(reached(&mut host), mac(7));
    host.enter(&advert(nd::SOLICITED, 8));
    assert_eq!(reached(&mut host), mac(7));
    host.enter(&advert(nd::OVERRIDE, 8));
    assert_eq!(reached(&mut host), mac(8));
}

#[test]
fn t65_three_solicitations_and_then_the_sender_hears() {
    let mut host = Host::new(ROUTER6);
    let handled = host.enter(&udp("fe80::2", "fe80::9", b""));
    assert_eq!(handled.outcome, Outcome::Queued);
    let mut host = Host::new(ROUTER6);
    let handled = host.enter(&udp(PEER, "2001:db8:1::9", b""));
    let (link, header, message) = parts(&handled.emitted[0].bytes);
    assert_eq!(
        (link.dst, header.source().to_string()),
        ([0x33, 0x33, 0xff, 0, 0, 9], "fe80::ff:fe00:11".into())
    );
    assert_eq!(message[24..], option(nd::SOURCE_ADDRESS, 0x11));
    let emitted = host.pass(5_000);
    let times: Vec<u64> = emitted.iter().map(|&(at, _)| at).collect();
    assert_eq!(times, [1_024, 2_048, 3_072]);
    let (_, header, message) = parts(&emitted[2].1);
    assert_eq!((header.source().to_string(), &message[..2]), (OWN.into(), &[1, 3][..]));
    assert_eq!(host.counted("Ip6OutForwDatagrams"), 1);
}

#[test]
fn t65_an_old_entry_is_probed_by_unicast_and_fails_in_silence() {
    let mut host = Host::new(ROUTER6);
    let source = option(nd::SOURCE_ADDRESS, 7);
    host.enter(&discovery("2001:db8::7", OWN, nd::SOLICIT, 0, OWN, &source));
    let emitted = host.pass(20_000);
    let times: Vec<u64> = emitted.iter().map(|&(at, _)| at).collect();
    assert_eq!(times, [5_120, 6_144, 7_168]);
    let (link, header, _) = parts(&emitted[0].1);
    assert_eq!((link.dst, header.source().to_string()), (mac(7), "fe80::ff:fe00:10".into()));
}

#[test]
fn t66_another_s_address_is_answered_for() {
    let mut host = Host::new(ROUTER6);
    host.run("ip neigh add proxy 2001:db8::50 dev e0\nsysctl -w net.ipv6.conf.e0.proxy_ndp=1");
    let source = option(nd::SOURCE_ADDRESS, 9);
    let question = discovery("2001:db8::9", "ff02::1:ff00:50", nd::SOLICIT, 0, "2001:db8::50", &source);
    assert_eq!(host.enter(&question).emitted.len(), 0);
    let emitted = host.pass(1_000); // After less than 0.8 seconds.
    let (_, header, message) = parts(&emitted[0].1);
    assert_eq!((header.source().to_string(), message[4]), (OWN.into(), nd::SOLICITED));
    host.run("sysctl -w net.ipv6.neigh.e0.proxy_delay=0");
    assert_eq!(host.enter(&question).emitted.len(), 1);
}

#[test]
fn t67_a_router_solicitation_is_learned_from() {
    let mut host = Host::new(ROUTER6);
    let data = option(nd::SOURCE_ADDRESS, 7);
    let packet = message("fe80::7", "ff02::2", nd::ROUTER_SOLICIT, [0; 4], &data);
    let handled = host.enter(&edited(packet, |header| header.hop_limit = 255));
    assert_eq!((handled.outcome, handled.emitted.len()), (Outcome::Delivered, 0));
    let handled = host.enter(&echo("fe80::7", "fe80::ff:fe00:10", b""));
    assert_eq!(parts(&handled.emitted[0].bytes).0.dst, mac(7));
}

#[test]
fn t65_of_two_that_fail_together_the_one_asked_for_last_fails_first() {
    let mut host = Host::new(ROUTER6);
    host.run("ip route add 2a00::/64 dev e0");
    // The sender is told of a better way, and asked for; then the packet's own next step is.
    let emitted = host.enter(&udp("2001:db8::5", "2a00::9", b"")).emitted;
    assert_eq!(emitted.len(), 2);
    let emitted = host.pass(2_900);
    assert_eq!(emitted.len(), 4);
    // Nobody is asked for the sake of the error, which waits for the sender when that fails.
    assert_eq!(host.pass(10_000).len(), 0);
    // Of the redirect that nobody got the host itself hears.
    assert_eq!((host.counted("Icmp6OutDestUnreachs"), host.counted("Icmp6InDestUnreachs")), (2, 1));
}

#[test]
fn t64_of_whom_packets_went_to_without_an_address_there_is_an_entry() {
    let mut host = Host::new(ROUTER6);
    host.run(
        "ip tuntap add u0 mode tun\nip link set u0 up\nip route add 2001:db8:30::/64 via fe80::30 dev u0",
    );
    let told = discovery("2001:db8:9::9", "ff02::1", nd::ADVERT, nd::OVERRIDE, "fe80::30", &[]);
    assert_eq!(reason(&host.frame("u0", &told)), "NOT_SPECIFIED");
    assert_eq!(host.enter(&udp(PEER, "2001:db8:30::1", b"data")).outcome, Outcome::Sent);
    assert_eq!(host.frame("u0", &told).outcome, Outcome::Delivered);
    host.run("ip link set u0 down\nip link set u0 up");
    assert_eq!(reason(&host.frame("u0", &told)), "NOT_SPECIFIED");
}

#[test]
fn neighbours_outlive_a_lost_carrier_where_they_are_not_to_be_evicted() {
    let stays = |settings: &str| {
        let mut host = Host::new(ROUTER6);
        host.run(&format!(
            "{settings}ip neigh add 2001:db8:1::9 lladdr 02:00:00:00:00:09 dev e1 nud stale
ip link set e1 carrier off\nip link set e1 carrier on"
        ));
        host.enter(&udp(PEER, "2001:db8:1::9", b"data")).outcome == Outcome::Sent
    };
    let set = |name| format!("sysctl -w net.ipv6.conf.{name}.ndisc_evict_nocarrier=0\n");
    assert_eq!([stays(""), stays(&set("all")), stays(&set("e1"))], [false, true, true]);
}
