//! What is looked at before the lookup (`ip_rcv_core`), and lookups that end in an error
//! (`ip_error`).

use fingerpost_engine::path::Outcome;
use fingerpost_net::wire::Header;
use fingerpost_net::wire::Ipv4;

use crate::host::{Host, ROUTER, edited, framed, icmp, mac, reason, tcp, udp, unframed};
use crate::kernel::{Asked, Step, same};

/// The usual host with settings that keep the kernel from limits, and some lines more.
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

/// A packet with options put into its header.
fn with_options(packet: &[u8], options: &[u8]) -> Vec<u8> {
    let whole = [&packet[..20], options, &packet[20..]].concat();
    edited(whole, |header| {
        header.version_ihl = 0x45 + (options.len() / 4) as u8;
        header.total_len.set(header.total_len.get() + options.len() as u16);
    })
}

#[test]
fn c187_routing_comes_before_options() {
    // A record route that is too short.
    let bad = [7, 2, 4, 0];
    let setup = held("ip route add blackhole 50.0.0.0/8\nip route add unreachable 51.0.0.0/8\n");
    let cases: [(&str, &str, &[u8], &str, usize); 7] = [
        ("10.0.0.2", "20.0.0.1", &bad, "IP_INHDR", 1),
        ("10.0.0.2", "10.0.0.1", &bad, "IP_INHDR", 1),
        ("127.0.0.1", "20.0.0.1", &bad, "IP_LOCALNET", 0),
        ("10.0.0.1", "20.0.0.1", &bad, "IP_LOCAL_SOURCE", 0),
        ("10.0.0.2", "0.0.0.1", &bad, "IP_INHDR", 1),
        // Where the lookup ends with an error, options come before that is answered.
        ("10.0.0.2", "50.0.0.1", &bad, "IP_INHDR", 1),
        ("10.0.0.2", "51.0.0.1", &bad, "IP_INHDR", 1),
    ];
    for (src, dst, options, expected, answers) in cases {
        let steps = [arrives(&with_options(&udp(src, dst, b"data"), options))];
        let (both, handled, _) = same(&mut Host::new(&setup), &Asked::of(&setup, &steps));
        assert_eq!((reason(&handled[0]), both.frames.len()), (expected, answers), "{src} {dst}");
        for (_, frame) in &both.frames {
            let message = unframed(frame).2;
            assert_eq!((message[0], message[4]), (12, 21), "{src} {dst}");
        }
    }
}

#[test]
fn t6_a_fragment_has_no_ports_the_first_one_neither() {
    let setup = held(
        "ip rule add pref 10 dport 53 lookup 7
ip rule add pref 11 dport 80 lookup 7
ip rule add pref 12 ipproto udp lookup 8
ip route add default via 10.0.0.2 table 7
ip route add default via 10.1.0.2 table 8
sysctl -w net.ipv4.conf.all.send_redirects=0
sysctl -w net.ipv4.conf.e0.send_redirects=0
",
    );
    for whole in [udp("10.0.0.2", "20.0.0.1", &[7; 64]), tcp("10.0.0.2", "20.0.0.1", 2, (1, 0))] {
        let piece = |word: u16| edited(whole.clone(), |header| header.fragment.set(word));
        // Whole, with more to come, later ones, and the last bit of the word.
        for (word, dev) in
            [(0, "e0"), (0x4000, "e0"), (0x2000, "e1"), (0x2001, "e1"), (1, "e1"), (0x8000, "e0")]
        {
            let steps = [arrives(&piece(word))];
            let (both, ..) = same(&mut Host::new(&setup), &Asked::of(&setup, &steps));
            let [(left, _)] = &both.frames[..] else { panic!("{word:04x}: {both:?}") };
            assert_eq!(left, dev, "{word:04x}");
        }
    }
    // Nor have headers that are cut off, though nothing is said about fragments.
    for len in [20, 22, 24, 26] {
        let cut = &udp("10.0.0.2", "20.0.0.1", &[7; 64])[..len];
        let steps = [arrives(&edited(cut.to_vec(), |header| header.total_len.set(len as u16)))];
        let (both, ..) = same(&mut Host::new(&setup), &Asked::of(&setup, &steps));
        assert_eq!(both.frames[0].0, if len < 24 { "e1" } else { "e0" }, "{len}");
    }
}
