//! Forwarding and its errors (`ip_forward`).

use fingerpost_engine::path::Outcome;
use fingerpost_net::wire::{DF, Header, Icmp, Ipv4, checksum};

use crate::host::{Host, ROUTER, edited, icmp, mac, reason, udp, unframed};

#[test]
fn c221_a_forwarded_packet_leaves_with_one_hop_less() {
    let mut host = Host::new(ROUTER);
    let handled = host.packet("e0", &udp("10.0.0.2", "20.0.0.1", b"data"));
    assert_eq!(handled.outcome, Outcome::Sent);
    let [frame] = &handled.emitted[..] else { panic!("{handled:?}") };
    assert_eq!(frame.dev, host.device("e1"));
    let (link, header, payload) = unframed(&frame.bytes);
    assert_eq!((link.dst, link.src), (mac(3), mac(0x11)));
    assert_eq!((header.ttl, header.id.get()), (63, 7));
    assert_eq!(checksum(&frame.bytes[14..34]), 0);
    assert_eq!(&payload[8..], b"data");
    assert_eq!(host.counted("IpForwDatagrams"), 1);
    assert_eq!((host.counted("IpInReceives"), host.counted("IpOutTransmits")), (1, 1));
    assert_eq!((host.counted("IpExtInOctets"), host.counted("IpExtOutOctets")), (32, 32));
}

#[test]
fn c230_a_packet_that_has_lived_long_enough_is_answered() {
    for ttl in [0, 1] {
        let mut host = Host::new(ROUTER);
        let packet = edited(udp("10.0.0.2", "20.0.0.1", b"data"), |header| header.ttl = ttl);
        let handled = host.packet("e0", &packet);
        assert_eq!(reason(&handled), "IP_INHDR");
        let (link, header, message) = unframed(&handled.emitted[0].bytes);
        assert_eq!((link.dst, header.source().to_string()), (mac(2), "10.0.0.1".into()));
        let icmp = Icmp::read(message).unwrap();
        assert_eq!((icmp.kind, icmp.code, checksum(message)), (11, 0, 0));
        assert_eq!((header.tos, header.ttl, header.dont_fragment()), (0xc0, 64, false));
        assert_eq!(&message[8..], packet);
        assert_eq!((host.counted("IpInHdrErrors"), host.counted("IcmpOutTimeExcds")), (1, 1));
        assert_eq!((host.counted("IpForwDatagrams"), host.counted("IpOutRequests")), (0, 1));
    }
}

#[test]
fn c232_too_big_and_not_to_be_cut_up() {
    let mut host = Host::new(ROUTER);
    host.run("ip link set e1 mtu 600");
    let packet = edited(udp("10.0.0.2", "20.0.0.1", &[1; 700]), |header| header.fragment.set(DF));
    let handled = host.packet("e0", &packet);
    assert_eq!(reason(&handled), "PKT_TOO_BIG");
    let (_, header, message) = unframed(&handled.emitted[0].bytes);
    assert_eq!(message[..2], [3, 4]);
    assert_eq!(message[4..8], [0, 0, 0x02, 0x58]);
    // C-262: no more than 576 bytes in all.
    assert_eq!((header.total_len.get(), message[8..].len()), (576, 548));
    assert_eq!((host.counted("IpFragFails"), host.counted("IpForwDatagrams")), (1, 1));
}

#[test]
fn c263_an_echo_to_an_own_address_is_answered() {
    let mut host = Host::new(ROUTER);
    // Weak host: the other device's address as well.
    for own in ["10.0.0.1", "10.1.0.1"] {
        let handled = host.packet("e0", &icmp("10.0.0.2", own, 8, b"ping"));
        assert_eq!(handled.outcome, Outcome::Delivered);
        let (_, header, message) = unframed(&handled.emitted[0].bytes);
        assert_eq!(header.source().to_string(), own);
        assert_eq!((message[0], &message[4..]), (0, &b"\0\x01\0\x02ping"[..]));
    }
    assert_eq!((host.counted("IcmpInEchos"), host.counted("IcmpOutEchoReps")), (2, 2));
}

#[test]
fn c275_of_two_neighbours_asked_for_at_about_the_same_time_the_later_is_asked_again_first() {
    let again = |between: u64| -> Vec<u8> {
        let mut host = Host::new(ROUTER);
        host.packet("e0", &udp("10.0.0.2", "10.1.0.8", b"data"));
        host.pass(between);
        host.packet("e0", &udp("10.0.0.2", "10.1.0.9", b"data"));
        host.pass(1_100).iter().map(|(_, frame)| frame[41]).collect()
    };
    // Slots of timers that are a second off are 32 ms wide, where the kernel's tick is 4 ms.
    assert_eq!(again(10), [9, 8]);
    assert_eq!(again(40), [8, 9]);
}

#[test]
fn c275_c276_a_neighbour_that_does_not_answer_is_asked_three_times() {
    let mut host = Host::new(ROUTER);
    let handled = host.packet("e0", &udp("10.0.0.2", "10.1.0.9", b"data"));
    assert_eq!(handled.outcome, Outcome::Queued);
    assert_eq!(handled.emitted.len(), 1);
    assert_eq!(handled.emitted[0].bytes[..14], [255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 0x11, 8, 6]);
    let emitted = host.pass(5_000);
    let times: Vec<u64> = emitted.iter().map(|&(at, _)| at).collect();
    assert_eq!(times, [1_024, 2_048, 3_072]);
    let (_, header, message) = unframed(&emitted[2].1);
    assert_eq!((message[0], message[1], header.source().to_string()), (3, 1, "10.0.0.1".into()));
    assert_eq!(Ipv4::read(&message[8..]).unwrap().destination().to_string(), "10.1.0.9");
}
