//! What ICMP errors and replies look like, and how often they are sent (packet-path section 9).

use fingerpost_engine::path::Outcome;
use fingerpost_net::wire::{DF, Header, Ipv4, proto};

use crate::host::{Host, ROUTER, edited, icmp, ipv4, reason, udp, unframed};

/// A packet that lives no longer.
fn dying(src: &str, dst: &str) -> Vec<u8> {
    edited(udp(src, dst, b"data"), |header| header.ttl = 1)
}

fn source_of(handled: &fingerpost_engine::path::Handled) -> String {
    unframed(&handled.emitted[0].bytes).1.source().to_string()
}

#[test]
fn c258_where_an_error_comes_from() {
    let mut host = Host::new(ROUTER);
    // The way back to the sender leaves by the other device, whose address it is.
    assert_eq!(source_of(&host.packet("e0", &dying("20.0.0.5", "40.0.0.1"))), "10.1.0.1");
    host.run("ip route add 40.0.0.0/8 via 10.0.0.2");
    assert_eq!(source_of(&host.packet("e0", &dying("20.0.0.5", "40.0.0.1"))), "10.1.0.1");
    host.run("sysctl -w net.ipv4.icmp_errors_use_inbound_ifaddr=1");
    assert_eq!(source_of(&host.packet("e0", &dying("20.0.0.5", "40.0.0.1"))), "10.0.0.1");
    // To an own address, a secondary one too: from that address.
    host.run("ip addr add 10.0.0.7/24 dev e0");
    assert_eq!(source_of(&host.packet("e0", &udp("10.0.0.2", "10.0.0.7", b"data"))), "10.0.0.7");
}

#[test]
fn c260_an_answer_has_no_mark_of_its_own() {
    let mut host = Host::new(ROUTER);
    host.run("ip rule add fwmark 5 prohibit pref 10");
    assert_eq!(host.packet("e0", &icmp("10.0.0.2", "10.0.0.1", 8, b"ping")).emitted.len(), 1);
}

#[test]
fn c261_without_a_way_back_nothing_is_sent() {
    let mut host = Host::new(ROUTER);
    let handled = host.packet("e0", &dying("99.0.0.1", "20.0.0.1"));
    assert_eq!((reason(&handled), handled.emitted.len()), ("IP_INHDR", 0));
    assert_eq!(host.counted("IcmpOutMsgs"), 0);
    // The answer is looked up as what it is: ICMP, with the packet's type of service.
    host.run("ip rule add tos 0x10 ipproto icmp lookup 7 pref 10\nip route add prohibit default table 7");
    let low_delay = edited(dying("10.0.0.2", "20.0.0.1"), |header| header.tos = 0x10);
    assert_eq!(host.packet("e0", &low_delay).emitted.len(), 0);
    assert_eq!(host.packet("e0", &dying("10.0.0.2", "20.0.0.1")).emitted.len(), 1);
}

#[test]
fn c241_c265_replies_and_how_they_are_counted() {
    let mut host = Host::new(ROUTER);
    let handled = host.packet("e0", &icmp("10.0.0.2", "10.0.0.1", 13, &[0; 12]));
    let (_, header, _) = unframed(&handled.emitted[0].bytes);
    assert!(!header.dont_fragment() && header.id.get() != 0);
    assert_eq!((host.counted("IcmpOutEchoReps"), host.counted("IcmpOutTimestampReps")), (1, 0));
    assert_eq!((host.counted("IcmpMsgOutType0"), host.counted("IcmpMsgOutType14")), (1, 0));
}

#[test]
fn c267_c268_t36_a_peer_is_told_six_times_then_once_a_second() {
    let mut host = Host::new(ROUTER);
    let burst = |host: &mut Host, count: usize| -> usize {
        (0..count).map(|_| host.packet("e0", &dying("10.0.0.2", "20.0.0.1")).emitted.len()).sum()
    };
    assert_eq!(burst(&mut host, 10), 6);
    assert_eq!(host.counted("IcmpOutRateLimitHost"), 4);
    host.pass(2_000);
    assert_eq!(burst(&mut host, 10), 2);
    // Echo replies are never limited, nor what is too big.
    let echoes: usize =
        (0..20).map(|_| host.packet("e0", &icmp("10.0.0.2", "10.0.0.1", 8, b"ping")).emitted.len()).sum();
    assert_eq!(echoes, 20);
    host.run("ip link set e1 mtu 600");
    let large = edited(udp("10.0.0.2", "20.0.0.1", &[0; 700]), |header| header.fragment.set(DF));
    assert_eq!((0..20).map(|_| host.packet("e0", &large).emitted.len()).sum::<usize>(), 20);
    // C-268: the common limit is asked first.
    host.run("sysctl -w net.ipv4.icmp_ratelimit=0\nsysctl -w net.ipv4.icmp_msgs_per_sec=0");
    let limited = host.counted("IcmpOutRateLimitHost");
    burst(&mut host, 200);
    assert!(host.counted("IcmpOutRateLimitGlobal") > 0);
    assert_eq!(host.counted("IcmpOutRateLimitHost"), limited);
}

#[test]
fn c266_all_peers_together_have_a_limit() {
    let mut host = Host::new(ROUTER);
    host.run("sysctl -w net.ipv4.icmp_ratelimit=0\nip neigh add 10.0.0.9 lladdr 02:00:00:00:00:09 dev e0");
    let sent: usize = (0..120).map(|_| host.packet("e0", &dying("10.0.0.2", "20.0.0.1")).emitted.len()).sum();
    // Fifty credits, of which a message takes none, one or two.
    assert!((26..110).contains(&sent), "{sent}");
    assert_eq!(host.counted("IcmpOutRateLimitGlobal"), 120 - sent as u64);
}

#[test]
fn t35_no_route_beats_the_time_to_live_and_local_delivery_needs_none() {
    let mut host = Host::new(ROUTER);
    let handled = host.packet("e0", &dying("10.0.0.2", "40.0.0.1"));
    assert_eq!(unframed(&handled.emitted[0].bytes).2[..2], [3, 0]);
    // C-185
    for ttl in [0, 1] {
        let echo = edited(icmp("10.0.0.2", "10.0.0.1", 8, b"ping"), |header| header.ttl = ttl);
        assert_eq!(host.packet("e0", &echo).outcome, Outcome::Delivered);
    }
}

#[test]
fn c185_neither_the_sender_s_mac_nor_its_ttl_is_checked() {
    let mut host = Host::new(ROUTER);
    let echo = edited(icmp("10.0.0.2", "10.0.0.1", 8, b"ping"), |header| header.ttl = 0);
    let mut frame = crate::host::framed(crate::host::mac(0x10), [0xff; 6], &echo);
    assert_eq!(host.frame("e0", &frame).outcome, Outcome::Delivered);
    frame[6..12].copy_from_slice(&crate::host::mac(0x10));
    assert_eq!(host.frame("e0", &frame).outcome, Outcome::Delivered);
}

#[test]
fn c238_c239_the_route_s_hop_limit_is_that_of_answers() {
    let mut host = Host::new(ROUTER);
    host.run("ip route add 30.0.0.0/8 via 10.0.0.2 hoplimit 9");
    let handled = host.packet("e0", &icmp("30.0.0.1", "10.0.0.1", 8, b"ping"));
    assert_eq!(unframed(&handled.emitted[0].bytes).1.ttl, 9);
    assert_eq!(host.counted("IpOutRequests"), 1);
    host.run("sysctl -w net.ipv4.ip_default_ttl=33");
    let handled = host.packet("e0", &icmp("10.0.0.2", "10.0.0.1", 8, b"ping"));
    assert_eq!(unframed(&handled.emitted[0].bytes).1.ttl, 33);
}

#[test]
fn c233_c234_t37_which_mtu_counts_in_forwarding() {
    let mut host = Host::new(ROUTER);
    host.run(
        "ip route add 30.0.0.0/8 via 10.1.0.2 mtu 900\nip route add 31.0.0.0/8 via 10.1.0.2 mtu lock 800",
    );
    let large = |dst: &str| edited(udp("10.0.0.2", dst, &[0; 1000]), |header| header.fragment.set(DF));
    let told = |host: &mut Host, dst: &str| {
        let handled = host.packet("e0", &large(dst));
        let (_, _, message) = unframed(&handled.emitted[0].bytes);
        (handled.outcome != Outcome::Sent).then(|| u16::from_be_bytes([message[6], message[7]]))
    };
    assert_eq!(told(&mut host, "30.0.0.1"), Some(900));
    assert_eq!(told(&mut host, "31.0.0.1"), Some(800));
    assert_eq!((host.counted("IpForwDatagrams"), host.counted("IpFragFails")), (2, 2));
    // What was learned of a destination does not, unless that is asked for.
    let reply = icmp("10.0.0.1", "20.0.0.9", 0, b"pong");
    let news = crate::teach::about("10.1.0.2", "10.0.0.1", (3, 4), [0, 0, 0x02, 0xbc], &reply);
    host.packet("e1", &news);
    assert_eq!(host.learned("20.0.0.9"), Some(700));
    assert_eq!(told(&mut host, "20.0.0.9"), None);
    host.run("sysctl -w net.ipv4.ip_forward_use_pmtu=1");
    assert_eq!(told(&mut host, "20.0.0.9"), Some(700));
}

#[test]
fn c236_a_forwarded_packet_keeps_all_but_its_ttl() {
    let mut host = Host::new(ROUTER);
    let packet = edited(ipv4("10.0.0.2", "20.0.0.1", proto::UDP, b"no real header"), |header| {
        (header.tos, header.id) = (0xfd, 0xbeef.into());
    });
    let handled = host.packet("e0", &packet);
    let expected = edited(packet, |header| header.ttl -= 1);
    assert_eq!(handled.emitted[0].bytes[14..], expected);
}

#[test]
fn c237_a_route_to_loopback_is_a_loop_until_the_packet_dies() {
    let mut host = Host::new(ROUTER);
    host.run("ip route add 60.0.0.0/8 dev lo");
    let handled = host.packet("e0", &udp("10.0.0.2", "60.0.0.1", b"data"));
    assert_eq!(reason(&handled), "IP_INHDR");
    assert_eq!(host.counted("IpForwDatagrams"), 63);
}

#[test]
fn c248_t37_what_cutting_up_counts() {
    let mut host = Host::new(ROUTER);
    host.run("ip link set e1 mtu 600");
    let handled = host.packet("e0", &udp("10.0.0.2", "20.0.0.1", &[0; 1400]));
    let sizes: Vec<u16> =
        handled.emitted.iter().map(|frame| unframed(&frame.bytes).1.total_len.get()).collect();
    assert_eq!(sizes, [596, 596, 276]);
    assert_eq!((host.counted("IpFragOKs"), host.counted("IpFragCreates")), (1, 3));
    let ids: Vec<u16> = handled.emitted.iter().map(|frame| unframed(&frame.bytes).1.id.get()).collect();
    assert_eq!(ids, [7; 3]);
}

#[test]
fn c227_c252_a_datagram_is_whole_before_it_is_delivered() {
    let mut host = Host::new(ROUTER);
    let echo = icmp("10.0.0.2", "10.0.0.1", 8, &[7; 64]);
    let piece = |at: usize, len: usize, more: u16| {
        let data = &echo[20 + at..20 + at + len];
        edited(ipv4("10.0.0.2", "10.0.0.1", proto::ICMP, data), |header| {
            header.fragment.set(more | (at / 8) as u16);
        })
    };
    assert_eq!(host.packet("e0", &piece(40, 32, 0)).outcome, Outcome::Queued);
    let handled = host.packet("e0", &piece(0, 40, 0x2000));
    assert_eq!(handled.outcome, Outcome::Delivered);
    assert_eq!(&unframed(&handled.emitted[0].bytes).2[8..], [7; 64]);
    assert_eq!((host.counted("IpReasmReqds"), host.counted("IpReasmOKs")), (2, 1));
    assert_eq!((host.counted("IpInReceives"), host.counted("IpInDelivers")), (2, 1));
    // C-251: half a datagram is given up, which its sender hears if it was the first half.
    host.packet("e0", &piece(0, 40, 0x2000));
    let emitted = host.pass(31_000);
    assert_eq!(unframed(&emitted[0].1).2[..2], [11, 1]);
    assert_eq!((host.counted("IpReasmTimeout"), host.counted("IpReasmFails")), (1, 1));
}

/// A packet with options, padded to words.
fn with_options(packet: &[u8], options: &[u8]) -> Vec<u8> {
    let mut all = packet[..20].to_vec();
    all.extend_from_slice(options);
    all.resize(20 + options.len().next_multiple_of(4), 0);
    let len = all.len();
    all.extend_from_slice(&packet[20..]);
    let total = all.len() as u16;
    edited(all, |header| {
        header.version_ihl = 0x40 | (len / 4) as u8;
        header.total_len.set(total);
    })
}

#[test]
fn c235_c255_t39_source_routes_are_followed_where_that_is_allowed() {
    let loose = [131, 7, 4, 20, 0, 0, 1];
    let strict = [137, 7, 4, 20, 0, 0, 1];
    let to_us = udp("10.0.0.2", "10.0.0.1", b"data");
    let mut host = Host::new(ROUTER);
    let handled = host.packet("e0", &with_options(&to_us, &loose));
    assert_eq!((reason(&handled), handled.emitted.len()), ("NOT_SPECIFIED", 0));
    host.run("sysctl -w net.ipv4.conf.all.accept_source_route=1");
    let handled = host.packet("e0", &with_options(&to_us, &loose));
    assert_eq!(handled.outcome, Outcome::Sent);
    let header = *Ipv4::read(&handled.emitted[0].bytes[14..]).unwrap();
    assert_eq!(header.destination().to_string(), "20.0.0.1");
    // The address that it left with stands where it was sent next.
    assert_eq!(handled.emitted[0].bytes[34..41], [131, 7, 8, 10, 1, 0, 1]);
    let handled = host.packet("e0", &with_options(&to_us, &strict));
    assert_eq!(reason(&handled), "NOT_SPECIFIED");
    let (_, header, _) = unframed(&handled.emitted[0].bytes);
    let message = &handled.emitted[0].bytes[14 + header.header_len()..];
    assert_eq!(message[..2], [3, 5], "by a gateway");
}

#[test]
fn c280_what_is_for_all_goes_to_all() {
    let mut host = Host::new(ROUTER);
    // T-40: the sender's address is that of a broadcast.
    let handled = host.packet("e0", &icmp("10.0.0.255", "10.0.0.1", 8, b"ping"));
    let frame = handled.emitted.iter().find(|frame| frame.bytes[..6] == [0xff; 6]);
    assert!(frame.is_some(), "{handled:?}");
}

#[test]
fn c281_a_neighbour_that_does_not_answer_changes_no_route() {
    let mut host = Host::new(ROUTER);
    host.run("ip route add 70.0.0.0/8 via 10.1.0.7\nip route add 70.0.0.0/8 via 10.1.0.2 metric 9");
    for _ in 0..2 {
        assert_eq!(host.packet("e0", &udp("10.0.0.2", "70.0.0.1", b"data")).outcome, Outcome::Queued);
        host.pass(4_000);
    }
}
