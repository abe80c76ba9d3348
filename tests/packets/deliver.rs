//! Packets for this host (`ip_local_deliver`), as far as no socket is asked for.

use fingerpost_engine::path::Outcome;
use fingerpost_net::wire::{DF, Header, Tcp, checksum, proto};

use crate::both::Both;
use crate::commands;
use crate::host::{Host, ROUTER, edited, framed, icmp, ipv4, mac, reason, tcp, udp, unframed};

#[test]
fn c226_an_unknown_protocol_is_answered() {
    let mut host = Host::new(ROUTER);
    let handled = host.packet("e0", &ipv4("10.0.0.2", "10.0.0.1", 200, b"data"));
    assert_eq!(reason(&handled), "IP_NOPROTO");
    assert_eq!(unframed(&handled.emitted[0].bytes).2[..2], [3, 2]);
    assert_eq!((host.counted("IpInUnknownProtos"), host.counted("IpInDelivers")), (1, 0));
}

#[test]
fn c284_no_socket_for_a_datagram() {
    let mut host = Host::new(ROUTER);
    let handled = host.packet("e0", &udp("10.0.0.2", "10.1.0.1", b"data"));
    assert_eq!(reason(&handled), "NO_SOCKET");
    let (_, header, message) = unframed(&handled.emitted[0].bytes);
    // C-258: from the address that was asked.
    assert_eq!((message[..2].to_vec(), header.source().to_string()), (vec![3, 3], "10.1.0.1".into()));
    assert_eq!((host.counted("UdpNoPorts"), host.counted("IpInDelivers")), (1, 1));
}

#[test]
fn c283_t41_a_datagram_for_many_is_not_answered() {
    for dst in ["10.0.0.255", "255.255.255.255", "224.0.0.1"] {
        let mut host = Host::new(ROUTER);
        let handled = host.packet("e0", &udp("10.0.0.2", dst, b"data"));
        assert_eq!(handled.emitted.len(), 0, "{dst}");
        assert_eq!(host.counted("UdpIgnoredMulti"), 1, "{dst}");
    }
}

#[test]
fn c189_a_group_that_was_not_joined() {
    let mut host = Host::new(ROUTER);
    let handled = host.packet("e0", &udp("10.0.0.2", "239.1.1.1", b"data"));
    assert_eq!(reason(&handled), "NOT_SPECIFIED");
    assert_eq!((host.counted("IpInDelivers"), host.counted("IpExtInMcastPkts")), (0, 0));
}

#[test]
fn c183_c240_a_segment_that_nobody_expects_is_reset() {
    use fingerpost_net::wire::tcp_flags::{ACK, FIN, RST, SYN};
    let cases =
        [(SYN, RST | ACK, 0, 101), (ACK, RST, 555, 0), (FIN, RST | ACK, 0, 101), (0, RST | ACK, 0, 100)];
    for (flags, expected, seq, ack) in cases {
        let mut host = Host::new(ROUTER);
        let handled = host.packet("e0", &tcp("10.0.0.2", "10.0.0.1", flags, (100, 555)));
        assert_eq!(reason(&handled), "NO_SOCKET");
        let (_, header, segment) = unframed(&handled.emitted[0].bytes);
        let reset = Tcp::read(segment).unwrap();
        assert_eq!((reset.flags, reset.seq.get(), reset.ack.get()), (expected, seq, ack), "{flags:#x}");
        assert_eq!((reset.sport.get(), reset.dport.get(), reset.window.get()), (80, 1000, 0));
        assert_eq!((header.id.get(), header.fragment.get(), header.ttl), (0, DF, 64));
        assert_eq!((host.counted("TcpInSegs"), host.counted("TcpOutRsts")), (1, 1));
    }
    let mut host = Host::new(ROUTER);
    assert!(host.packet("e0", &tcp("10.0.0.2", "10.0.0.1", RST, (1, 2))).emitted.is_empty());
    // C-179: nor is one that was sent to many.
    assert!(host.packet("e0", &tcp("10.0.0.2", "10.0.0.255", SYN, (1, 2))).emitted.is_empty());
}

#[test]
fn c263_c264_echoes_for_many_are_left_unanswered_unless_allowed() {
    let mut host = Host::new(ROUTER);
    let echo = icmp("10.0.0.2", "10.0.0.255", 8, b"ping");
    assert_eq!(reason(&host.packet("e0", &echo)), "INVALID_PROTO");
    assert_eq!((host.counted("IcmpInErrors"), host.counted("IpExtInBcastPkts")), (1, 1));
    host.run("sysctl -w net.ipv4.icmp_echo_ignore_broadcasts=0");
    let handled = host.packet("e0", &echo);
    assert_eq!(handled.outcome, Outcome::Delivered);
    assert_eq!(unframed(&handled.emitted[0].bytes).1.source().to_string(), "10.0.0.1");
    host.run("sysctl -w net.ipv4.icmp_echo_ignore_all=1");
    assert!(host.packet("e0", &icmp("10.0.0.2", "10.0.0.1", 8, b"ping")).emitted.is_empty());
}

#[test]
fn c264_messages_that_are_no_echo() {
    let mut host = Host::new(ROUTER);
    assert_eq!(reason(&host.packet("e0", &icmp("10.0.0.2", "10.0.0.1", 40, b"what"))), "UNHANDLED_PROTO");
    assert_eq!(reason(&host.packet("e0", &icmp("10.0.0.2", "10.0.0.1", 0, b"pong"))), "NO_SOCKET");
    let handled = host.packet("e0", &icmp("10.0.0.2", "10.0.0.1", 13, &[1; 12]));
    let (_, _, message) = unframed(&handled.emitted[0].bytes);
    assert_eq!((message[0], message.len(), &message[8..12]), (14, 20, &[1; 4][..]));
    let mut broken = icmp("10.0.0.2", "10.0.0.1", 8, b"ping");
    broken[22] ^= 1;
    assert_eq!(reason(&host.packet("e0", &broken)), "ICMP_CSUM");
    assert_eq!((host.counted("IcmpInCsumErrors"), host.counted("IcmpInErrors")), (1, 2));
}

#[test]
fn c257_no_error_about_an_error() {
    let mut host = Host::new(ROUTER);
    for (kind, answered) in [(8, 1), (3, 0), (40, 0)] {
        let message = &icmp("10.0.0.2", "20.0.0.1", kind, b"data")[20..];
        let packet =
            crate::host::edited(ipv4("10.0.0.2", "20.0.0.1", proto::ICMP, message), |header| header.ttl = 1);
        assert_eq!(host.packet("e0", &packet).emitted.len(), answered, "type {kind}");
    }
}

/// Code and status of a reply, if there is one.
type Status = Option<(u8, u8)>;

/// A request for a device (RFC 8335): the status bits, the kind of name, the name.
fn probe(bits: u8, kind: u8, name: &[u8]) -> Vec<u8> {
    let object = [&[0x20, 0, 0, 0, 0, 4 + name.len() as u8, 3, kind], name].concat();
    let mut packet = icmp("10.0.0.2", "10.0.0.1", 42, &object);
    packet[27] = bits;
    packet[22..24].fill(0);
    let sum = checksum(&packet[20..]);
    packet[22..24].copy_from_slice(&sum.to_be_bytes());
    packet
}

#[test]
fn a_device_is_told_about_to_who_may_ask() {
    let script = format!(
        "sysctl -w net.ipv6.conf.all.disable_ipv6=1
sysctl -w net.ipv6.conf.default.disable_ipv6=1
{ROUTER}ip tuntap add e2 mode tap
ip link add v0 type veth peer name v1
ip link set v0 up
"
    );
    let (up, both_up) = (Some((0, 4)), Some((0, 6)));
    let (malformed, nowhere) = (Some((1, 0)), Some((2, 0)));
    let cases: [(&[u8], u8, Status); 19] = [
        (b"e1", 1, both_up),
        (b"e1\0\0", 1, both_up),
        (b"v0\0\0", 1, up),
        (b"e2", 1, Some((0, 0))),
        (b"e9", 1, nowhere),
        (b"\0\0", 1, nowhere),
        (b"", 1, malformed),
        (b"e1\0\0\0\0\0\0\0\0\0\0\0\0\0", 1, both_up),
        (b"e1\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 1, malformed),
        (&[0, 0, 0, 1], 2, both_up),
        (&[0, 0, 0, 99], 2, nowhere),
        (&[0, 1], 2, malformed),
        (&[0, 1, 4, 0, 10, 1, 0, 1], 3, both_up),
        (&[0, 1, 4, 0, 127, 0, 0, 5], 3, both_up),
        (&[0, 1, 4, 0, 10, 1, 0, 2], 3, nowhere),
        (&[0, 1, 5, 0, 10, 1, 0, 1], 3, malformed),
        (&[0, 2, 4, 0, 10, 1, 0, 1], 3, malformed),
        (&[0, 3, 4, 0, 10, 1, 0, 1], 3, malformed),
        (b"e1", 4, malformed),
    ];
    let ask = |both: &mut Both, packet: &[u8]| {
        let handled = both.frame("e0", &framed(mac(0x10), mac(2), packet));
        let frame = handled.emitted.first()?;
        let (_, _, message) = unframed(&frame.bytes);
        assert_eq!((message[0], message[6]), (43, 0));
        Some((message[1], message[7]))
    };
    let mut both = Both::new(&script);
    assert_eq!(ask(&mut both, &probe(1, 1, b"e1")), None);
    both.agree(commands::is_default_release());
    let allowed = "sysctl -w net.ipv4.icmp_echo_enable_probe=1\n";
    let mut both = Both::new(&format!("{script}{allowed}"));
    for (name, kind, expected) in cases {
        // Whatever bits of the status a request has set.
        assert_eq!(ask(&mut both, &probe(0xff, kind, name)), expected, "{kind} {name:?}");
    }
    assert_eq!(ask(&mut both, &probe(0xfe, 1, b"e1")), None, "of a neighbour");
    assert_eq!(ask(&mut both, &icmp("10.0.0.2", "10.0.0.1", 42, &[0x20, 0, 0])), None);
    both.agree(commands::is_default_release());
    let ignored = "sysctl -w net.ipv4.icmp_echo_ignore_all=1\n";
    let mut both = Both::new(&format!("{script}{allowed}{ignored}"));
    assert_eq!(ask(&mut both, &probe(1, 1, b"e1")), None);
    both.agree(commands::is_default_release());
}

/// The copy that this host hears shares its header with the packet, whose options are no more
/// than those of later fragments once it is cut.
#[test]
fn a_copy_of_what_is_cut_has_a_wrong_checksum_where_options_are_not_copied() {
    let router =
        "sysctl -w net.ipv6.conf.all.disable_ipv6=1\nsysctl -w net.ipv4.icmp_echo_ignore_broadcasts=0";
    let script =
        format!("{router}\n{ROUTER}ip addr add 192.168.1.1/30 brd + dev e0\nip link set e0 mtu 68\n");
    // One that records the way is not copied, a stream's number is.
    for (option, is_wrong) in [([7, 7, 4, 0, 0, 0, 0, 0], true), ([136, 4, 0, 9, 0, 0, 0, 0], false)] {
        let mut both = Both::new(&script);
        let mut packet = icmp("192.168.1.3", "10.1.0.255", 8, &[7; 52]);
        packet.splice(20..20, option);
        let len = packet.len() as u16;
        let packet = edited(packet, |header| {
            header.version_ihl += 2;
            header.total_len = len.into();
        });
        both.frame("e0", &framed(mac(0x10), mac(2), &packet));
        let counted = ["IpExtInCsumErrors", "IpFragOKs"].map(|name| both.host.counted(name));
        assert_eq!(counted, [u64::from(is_wrong), 1]);
        both.agree(commands::is_default_release());
    }
}
