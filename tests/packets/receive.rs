//! What is looked at before the lookup (`ip_rcv_core`), and lookups that end in an error
//! (`ip_error`).

use fingerpost_engine::path::Outcome;
use fingerpost_net::wire::Header;
use fingerpost_net::wire::Ipv4;

use crate::host::{Host, ROUTER, edited, framed, icmp, mac, reason, udp, unframed};

#[test]
fn c184_headers_are_checked_in_order() {
    let whole = udp("10.0.0.2", "20.0.0.1", b"data");
    let with = |change: fn(&mut Ipv4)| edited(whole.clone(), change);
    let mut wrong_sum = whole.clone();
    wrong_sum[10] ^= 1;
    let cases: [(Vec<u8>, &str, &[&str]); 7] = [
        (whole[..19].to_vec(), "IP_INHDR", &["IpInHdrErrors"]),
        (with(|header| header.version_ihl = 0x55), "IP_INHDR", &["IpInHdrErrors"]),
        (with(|header| header.version_ihl = 0x44), "IP_INHDR", &["IpInHdrErrors"]),
        (with(|header| header.version_ihl = 0x4f), "IP_INHDR", &["IpInHdrErrors"]),
        (wrong_sum, "IP_CSUM", &["IpInHdrErrors", "IpExtInCsumErrors"]),
        (with(|header| header.total_len.set(100)), "PKT_TOO_SMALL", &["IpExtInTruncatedPkts"]),
        (with(|header| header.total_len.set(19)), "IP_INHDR", &["IpInHdrErrors"]),
    ];
    for (packet, expected, counters) in cases {
        let mut host = Host::new(ROUTER);
        let handled = host.packet("e0", &packet);
        assert_eq!(reason(&handled), expected, "{packet:02x?}");
        assert!(handled.emitted.is_empty(), "no answer to a broken header");
        for counter in ["IpInHdrErrors", "IpExtInCsumErrors", "IpExtInTruncatedPkts"] {
            assert_eq!(
                host.counted(counter),
                u64::from(counters.contains(&counter)),
                "{expected}: {counter}"
            );
        }
        assert_eq!(host.counted("IpInReceives"), 1);
    }
}

#[test]
fn c184_a_frame_for_another_host_is_not_counted() {
    let mut host = Host::new(ROUTER);
    let handled = host.frame("e0", &framed(mac(0x77), mac(2), &udp("10.0.0.2", "20.0.0.1", b"data")));
    assert_eq!(reason(&handled), "OTHERHOST");
    assert_eq!(host.counted("IpInReceives"), 0);
}

#[test]
fn t38_what_stands_behind_the_packet_is_cut_off() {
    let mut host = Host::new(ROUTER);
    let mut padded = udp("10.0.0.2", "20.0.0.1", b"data");
    padded.extend_from_slice(&[0; 14]);
    let handled = host.packet("e0", &padded);
    assert_eq!(handled.emitted[0].bytes.len(), 14 + 32);
    assert_eq!((host.counted("IpExtInOctets"), host.counted("IpExtOutOctets")), (46, 32));
}

#[test]
fn c231_c188_frames_for_many_are_delivered_and_not_forwarded() {
    for dst in [[0xff; 6], [1, 0, 0x5e, 0, 0, 9]] {
        let mut host = Host::new(ROUTER);
        let handled = host.frame("e0", &framed(dst, mac(2), &udp("10.0.0.2", "20.0.0.1", b"data")));
        assert_eq!(reason(&handled), "NOT_SPECIFIED");
        assert!(handled.emitted.is_empty());
        assert_eq!(host.counted("IpForwDatagrams"), 0);
        let handled = host.frame("e0", &framed(dst, mac(2), &icmp("10.0.0.2", "10.0.0.1", 8, b"ping")));
        assert_eq!((handled.outcome, handled.emitted.len()), (Outcome::Delivered, 1));
        // C-257: an error is not sent about such a frame.
        let handled = host.frame("e0", &framed(dst, mac(2), &udp("10.0.0.2", "10.0.0.1", b"data")));
        assert_eq!((reason(&handled), handled.emitted.len()), ("NO_SOCKET", 0));
    }
    let mut host = Host::new(ROUTER);
    host.run("sysctl -w net.ipv4.conf.e0.drop_unicast_in_l2_multicast=1");
    let handled = host.frame("e0", &framed([0xff; 6], mac(2), &icmp("10.0.0.2", "10.0.0.1", 8, b"ping")));
    assert_eq!(reason(&handled), "UNICAST_IN_L2_MULTICAST");
}

#[test]
fn c216_c220_a_source_from_elsewhere_is_dropped_in_silence() {
    let mut host = Host::new(ROUTER);
    host.run("sysctl -w net.ipv4.conf.e0.rp_filter=1");
    let handled = host.packet("e0", &udp("20.0.0.5", "10.1.0.2", b"data"));
    assert_eq!((reason(&handled), handled.emitted.len()), ("IP_RPFILTER", 0));
    assert_eq!(host.counted("TcpExtIPReversePathFilter"), 1);
    for source in ["224.0.0.1", "255.255.255.255", "0.0.0.0"] {
        assert_eq!(reason(&host.packet("e0", &udp(source, "10.1.0.2", b"data"))), "IP_INVALID_SOURCE");
    }
    assert_eq!(reason(&host.packet("e0", &udp("10.0.0.1", "10.1.0.2", b"data"))), "IP_LOCAL_SOURCE");
    assert_eq!(reason(&host.packet("e0", &udp("127.0.0.1", "10.1.0.2", b"data"))), "IP_LOCALNET");
}

#[test]
fn c228_errors_of_the_lookup_are_answered_by_kind() {
    let routes = "
ip route add unreachable 30.0.0.0/8
ip route add prohibit 31.0.0.0/8
ip route add blackhole 32.0.0.0/8
ip route add throw 33.0.0.0/8
";
    let cases = [
        ("30.0.0.1", Some(1), "NOT_SPECIFIED"),
        ("31.0.0.1", Some(13), "NOT_SPECIFIED"),
        ("32.0.0.1", None, "NOT_SPECIFIED"),
        ("33.0.0.1", Some(0), "IP_INNOROUTES"),
        ("34.0.0.1", Some(0), "IP_INNOROUTES"),
    ];
    for (dst, code, expected) in cases {
        let mut host = Host::new(ROUTER);
        host.run(routes);
        // T-35: no route beats the time to live.
        let packet = edited(udp("10.0.0.2", dst, b"data"), |header| header.ttl = 1);
        let handled = host.packet("e0", &packet);
        assert_eq!(reason(&handled), expected, "{dst}");
        let codes: Vec<(u8, u8)> = handled
            .emitted
            .iter()
            .map(|frame| unframed(&frame.bytes).2)
            .map(|icmp| (icmp[0], icmp[1]))
            .collect();
        assert_eq!(codes, code.map(|code| (3, code)).into_iter().collect::<Vec<_>>(), "{dst}");
        assert_eq!(host.counted("IpExtInNoRoutes"), u64::from(code == Some(0)), "{dst}");
    }
}

#[test]
fn c198_who_does_not_forward_says_nothing() {
    let mut host = Host::new(ROUTER);
    host.run("sysctl -w net.ipv4.ip_forward=0");
    for dst in ["20.0.0.1", "40.0.0.1"] {
        let handled = host.packet("e0", &udp("10.0.0.2", dst, b"data"));
        assert_eq!((reason(&handled), handled.emitted.len()), ("IP_INADDRERRORS", 0));
    }
    assert_eq!(host.counted("IpInAddrErrors"), 2);
}

#[test]
fn c229_a_new_sender_is_told_twice_of_a_burst() {
    let mut host = Host::new(ROUTER);
    let packet = udp("10.0.0.2", "40.0.0.1", b"data");
    let answered: usize = (0..10).map(|_| host.packet("e0", &packet).emitted.len()).sum();
    assert_eq!(answered, 2);
    assert_eq!(host.counted("IpExtInNoRoutes"), 10);
    host.pass(10_000);
    let again: usize = (0..10).map(|_| host.packet("e0", &packet).emitted.len()).sum();
    assert!((1..=2).contains(&again), "{again}");
}

#[test]
fn c259_c262_an_error_quotes_as_much_as_fits() {
    let mut host = Host::new(ROUTER);
    let packet =
        edited(udp("10.0.0.2", "20.0.0.1", &[7; 1000]), |header| (header.ttl, header.tos) = (1, 0xb8));
    let handled = host.packet("e0", &packet);
    let (_, header, message) = unframed(&handled.emitted[0].bytes);
    assert_eq!((header.tos, header.total_len.get()), (0xd8, 576));
    assert_eq!(&message[8..], &packet[..548]);
    assert_eq!(Ipv4::read(&message[8..]).unwrap().ttl, 1);
}
