//! How connections of TCP begin.

use std::net::SocketAddr;

use fingerpost_engine::Behaviour;
use fingerpost_engine::lookup::DropReason;
use fingerpost_engine::path::Outcome;
use fingerpost_engine::path::sockets::{Kind, Setting, SocketId, State};
use fingerpost_engine::trace::{Event, Purpose, Tracer};
use fingerpost_model::NsId;
use fingerpost_net::wire::tcp_flags::{ACK, FIN, RST, SYN};
use fingerpost_net::wire::{Checksum, Header, Ipv4, Tcp, proto};
use fingerpost_net::{Errno, Family};
use zerocopy::IntoBytes;

use crate::both::Both;
use crate::commands;
use crate::host::{Host, ROUTER, edited, framed, icmp, ipv4, mac, reason, unframed};

const NS: NsId = NsId(0);

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// A segment between two ends, by its flags and numbers.
fn segment(from: &str, to: &str, flags: u8, (seq, ack): (u32, u32)) -> Vec<u8> {
    let (from, to) = (addr(from), addr(to));
    let mut header = Tcp {
        sport: from.port().into(),
        dport: to.port().into(),
        seq: seq.into(),
        ack: ack.into(),
        data_offset: 5 << 4,
        flags,
        window: 1000.into(),
        checksum: 0.into(),
        urgent: 0.into(),
    };
    let packet = ipv4(&from.ip().to_string(), &to.ip().to_string(), proto::TCP, header.as_bytes());
    let ends = Ipv4::read(&packet).unwrap();
    let sum = Checksum::ZERO.pseudo4(ends.source(), ends.destination(), proto::TCP, Tcp::LEN);
    header.checksum = sum.bytes(header.as_bytes()).finish().into();
    ipv4(&from.ip().to_string(), &to.ip().to_string(), proto::TCP, header.as_bytes())
}

/// What a frame says: its addresses, the segment's flags and numbers.
fn said(frame: &[u8]) -> (String, String, u8, u32, u32) {
    let (_, header, payload) = unframed(frame);
    let tcp = Tcp::read(payload).unwrap();
    let (from, to) = (header.source(), header.destination());
    let ends = (format!("{from}:{}", tcp.sport), format!("{to}:{}", tcp.dport));
    (ends.0, ends.1, tcp.flags, tcp.seq.get(), tcp.ack.get())
}

impl Host {
    fn tcp(&mut self) -> SocketId {
        self.world.socket(NS, Family::V4, Kind::Tcp, 0).unwrap()
    }

    fn listening(&mut self, at: &str, dev: Option<&str>) -> SocketId {
        let id = self.tcp();
        let dev = dev.map_or(0, |dev| self.device(dev));
        self.set(id, Setting::ReusePort(true));
        self.set(id, Setting::Device(dev));
        self.world.bind(NS, id, addr(at)).unwrap();
        self.world.listen(NS, id, 16).unwrap();
        id
    }

    /// Begins to connect: the frames that left, and the lookups.
    fn begin(&mut self, id: SocketId, to: &str) -> Result<(Vec<Vec<u8>>, usize), Errno> {
        let mut events = Vec::new();
        let called = self.world.connect(NS, id, addr(to), &mut Tracer::on(&mut events));
        let is_lookup = |event: &&Event| matches!(event, Event::Begin { purpose: Purpose::Output, .. });
        let lookups = events.iter().filter(is_lookup).count();
        called.result.map(|()| (called.emitted.into_iter().map(|frame| frame.bytes).collect(), lookups))
    }

    fn state(&self, id: SocketId) -> State {
        self.world.socket_of(NS, id).unwrap().state()
    }

    /// A segment enters; what is answered.
    fn answers(&mut self, dev: &str, segment: &[u8]) -> Vec<(String, String, u8, u32, u32)> {
        self.packet(dev, segment).emitted.iter().map(|frame| said(&frame.bytes)).collect()
    }
}

#[test]
fn c286_from_syn_to_accept() {
    let mut host = Host::new(ROUTER);
    let listener = host.listening("0.0.0.0:80", None);
    let handled = host.packet("e0", &segment("10.0.0.2:5000", "10.0.0.1:80", SYN, (100, 0)));
    assert_eq!(reason(&handled), "CONSUMED");
    let (from, to, flags, seq, ack) = said(&handled.emitted[0].bytes);
    assert_eq!((from.as_str(), to.as_str(), flags, ack), ("10.0.0.1:80", "10.0.0.2:5000", SYN | ACK, 101));
    // C-286: it is sent again after 1, 2, 4, … seconds, five times.
    let again: Vec<u64> = host.pass(200_000).iter().map(|(at, _)| at / 1000).collect();
    assert_eq!(again, [1, 3, 7, 15, 31]);
    assert_eq!(host.world.accept(NS, listener), Err(Errno::EAGAIN));

    let syn_ack = host.answers("e0", &segment("10.0.0.2:5001", "10.0.0.1:80", SYN, (200, 0)));
    assert_ne!(syn_ack[0].3, seq);
    let last = segment("10.0.0.2:5001", "10.0.0.1:80", ACK, (201, syn_ack[0].3 + 1));
    assert!(host.answers("e0", &last).is_empty());
    let accepted = host.world.accept(NS, listener).unwrap();
    assert_eq!(host.state(accepted), State::Established);
    assert_eq!(host.world.socket_of(NS, accepted).unwrap().peer(), Some(addr("10.0.0.2:5001")));
    assert_eq!((host.counted("TcpPassiveOpens"), host.counted("TcpCurrEstab")), (1, 1));
}

#[test]
fn c176_c181_an_answer_is_routed_by_itself() {
    let mut host = Host::new(ROUTER);
    host.listening("0.0.0.0:80", None);
    // The sender's address is behind the other device.
    let mut syn = segment("20.0.0.9:5000", "10.0.0.1:80", SYN, (100, 0));
    Ipv4::edit(&mut syn).unwrap().tos = 0x10;
    syn[10..12].fill(0);
    let sum = fingerpost_net::wire::checksum(&syn[..20]);
    syn[10..12].copy_from_slice(&sum.to_be_bytes());
    let handled = host.packet("e0", &syn);
    assert_eq!(handled.emitted[0].dev, host.device("e1"));
    let (_, header, _) = unframed(&handled.emitted[0].bytes);
    assert_eq!((header.tos, header.source().to_string()), (0, "10.0.0.1".into()));
    host.run("sysctl -w net.ipv4.tcp_reflect_tos=1");
    let handled = host.packet("e0", &edited_port(&syn));
    assert_eq!(unframed(&handled.emitted[0].bytes).1.tos, 0x10);
}

/// The same segment from another port.
fn edited_port(packet: &[u8]) -> Vec<u8> {
    let mut packet = packet.to_vec();
    packet[21] += 1;
    packet[37] -= 1;
    packet
}

#[test]
fn c177_the_mark_of_a_request() {
    let script = "ip route add 10.0.0.2 via 10.1.0.2 table 5\nip rule add fwmark 7 table 5";
    for (accepts, mark, dev) in [(0, 0, "e0"), (0, 7, "e1"), (1, 0, "e0")] {
        let mut host = Host::new(ROUTER);
        host.run(script);
        host.run(&format!("sysctl -w net.ipv4.tcp_fwmark_accept={accepts}"));
        let listener = host.listening("0.0.0.0:80", None);
        host.set(listener, Setting::Mark(mark));
        let handled = host.packet("e0", &segment("10.0.0.2:5000", "10.0.0.1:80", SYN, (100, 0)));
        assert_eq!(handled.emitted[0].dev, host.device(dev), "{accepts} {mark}");
    }
}

#[test]
fn c178_nobody_is_answered_where_no_route_leads() {
    let mut host = Host::new(ROUTER);
    host.listening("0.0.0.0:80", None);
    let handled = host.packet("e0", &segment("30.0.0.1:5000", "10.0.0.1:80", SYN, (100, 0)));
    assert!(handled.emitted.is_empty());
    assert_eq!((host.counted("IpOutNoRoutes"), host.counted("TcpExtListenDrops")), (1, 1));
}

#[test]
fn c179_no_answer_to_a_broadcast() {
    let mut host = Host::new(ROUTER);
    host.listening("0.0.0.0:80", None);
    assert!(host.answers("e0", &segment("10.0.0.2:5000", "10.0.0.255:80", SYN, (1, 0))).is_empty());
    assert_eq!(host.counted("TcpOutRsts"), 0);
}

#[test]
fn c180_other_segments_to_a_listener() {
    let mut host = Host::new(ROUTER);
    host.listening("0.0.0.0:80", None);
    let cases = [
        (SYN | FIN, "TCP_FLAGS", None),
        (FIN, "TCP_FLAGS", None),
        (RST, "TCP_RESET", None),
        (ACK, "TCP_FLAGS", Some(RST)),
        (SYN | ACK, "TCP_FLAGS", Some(RST)),
    ];
    for (flags, why, answer) in cases {
        let handled = host.packet("e0", &segment("10.0.0.2:5000", "10.0.0.1:80", flags, (1, 9)));
        assert_eq!(reason(&handled), why, "{flags:#x}");
        assert_eq!(handled.emitted.first().map(|frame| said(&frame.bytes).2), answer, "{flags:#x}");
    }
}

#[test]
fn c182_an_accepted_connection_has_a_way_of_its_own() {
    let mut host = Host::new(ROUTER);
    let listener = host.listening("0.0.0.0:80", None);
    let syn_ack = host.answers("e0", &segment("10.0.0.2:5000", "10.0.0.1:80", SYN, (100, 0)));
    let last = segment("10.0.0.2:5000", "10.0.0.1:80", ACK, (101, syn_ack[0].3 + 1));
    // The way is gone by then: no connection.
    host.run("ip rule add from 10.0.0.1 iif lo unreachable");
    host.packet("e0", &last);
    assert_eq!(host.world.accept(NS, listener), Err(Errno::EAGAIN));
    host.run("ip rule del from 10.0.0.1 iif lo unreachable");
    host.packet("e0", &last);
    assert!(host.world.accept(NS, listener).is_ok());
}

#[test]
fn c285_which_listener_gets_a_segment() {
    let mut host = Host::new(ROUTER);
    let mut ranked = vec![
        ("0.0.0.0:80", None),
        ("0.0.0.0:80", Some("e0")),
        ("10.0.0.1:80", None),
        ("10.0.0.1:80", Some("e0")),
    ]
    .into_iter()
    .map(|(at, dev)| host.listening(at, dev))
    .collect::<Vec<_>>();
    host.listening("0.0.0.0:80", Some("e1"));
    let mut port = 5000;
    while let Some(best) = ranked.pop() {
        let from = format!("10.0.0.2:{port}");
        let syn_ack = host.answers("e0", &segment(&from, "10.0.0.1:80", SYN, (100, 0)));
        host.packet("e0", &segment(&from, "10.0.0.1:80", ACK, (101, syn_ack[0].3 + 1)));
        assert!(host.world.accept(NS, best).is_ok(), "{} left", ranked.len());
        host.world.close(NS, best);
        port += 1;
    }
    // A listener on another device does not count.
    let handled = host.packet("e0", &segment("10.0.0.2:4999", "10.0.0.1:80", SYN, (1, 0)));
    assert_eq!((reason(&handled), said(&handled.emitted[0].bytes).2), ("NO_SOCKET", RST | ACK));
}

#[test]
fn c172_lookups_of_a_connect() {
    let mut host = Host::new(ROUTER);
    let id = host.tcp();
    let (frames, lookups) = host.begin(id, "20.0.0.1:80").unwrap();
    assert_eq!(lookups, 3);
    let (from, to, flags, ..) = said(&frames[0]);
    assert!(from.starts_with("10.1.0.1:") && to == "20.0.0.1:80" && flags == SYN, "{from} {to}");
    let id = host.tcp();
    host.world.bind(NS, id, addr("10.1.0.1:4000")).unwrap();
    assert_eq!(host.begin(id, "20.0.0.1:80").unwrap().1, 1);
}

#[test]
fn c170_errors_of_a_connect() {
    let mut host = Host::new(ROUTER);
    host.run("ip route add unreachable 1.0.0.0/8\nip route add prohibit 2.0.0.0/8");
    host.run("ip route add blackhole 3.0.0.0/8\nip route add throw 4.0.0.0/8");
    let cases = [
        ("1.0.0.1:80", Errno::EHOSTUNREACH),
        ("2.0.0.1:80", Errno::EACCES),
        ("3.0.0.1:80", Errno::EINVAL),
        ("4.0.0.1:80", Errno::ENETUNREACH),
        ("10.0.0.255:80", Errno::ENETUNREACH),
        ("224.0.0.1:80", Errno::ENETUNREACH),
    ];
    for (to, errno) in cases {
        let id = host.tcp();
        assert_eq!(host.begin(id, to).map(|_| ()), Err(errno), "{to}");
        assert_eq!(host.state(id), State::Closed);
    }
}

#[test]
fn a_connection_is_begun_again_and_again() {
    let mut host = Host::new(ROUTER);
    let id = host.tcp();
    host.begin(id, "20.0.0.1:80").unwrap();
    let again: Vec<u64> = host.pass(300_000).iter().map(|(at, _)| at / 1000).collect();
    // Neighbours are asked too, but for those that are fixed.
    assert_eq!(again, [1, 2, 3, 4, 5, 7, 11, 19, 35, 69]);
    assert_eq!(host.world.socket_error(NS, id), Some(Errno::ETIMEDOUT));
    assert_eq!((host.state(id), host.counted("TcpRetransSegs")), (State::Closed, 10));
}

#[test]
fn c174_a_way_that_is_lost_and_found() {
    let mut host = Host::new(ROUTER);
    let id = host.tcp();
    let (frames, _) = host.begin(id, "20.0.0.1:80").unwrap();
    host.run("ip route del 20.0.0.0/8");
    assert!(host.pass(3_500).is_empty());
    assert_eq!((host.counted("IpOutNoRoutes"), host.state(id)), (0, State::SynSent));
    // It goes on by another device, from the address that it had.
    host.run("ip route add 20.0.0.0/8 via 10.0.0.2");
    let emitted = host.pass(1_000);
    assert_eq!(said(&emitted[0].1).0, said(&frames[0]).0);
    assert_eq!(&emitted[0].1[..6], &[2, 0, 0, 0, 0, 2]);
}

#[test]
fn an_answer_makes_a_connection_and_a_reset_ends_it() {
    let mut host = Host::new(ROUTER);
    let id = host.tcp();
    let (frames, _) = host.begin(id, "20.0.0.1:80").unwrap();
    let (own, peer, _, seq, _) = said(&frames[0]);
    let acked = host.answers("e1", &segment(&peer, &own, SYN | ACK, (300, seq + 1)));
    assert_eq!((acked[0].2, acked[0].3, acked[0].4), (ACK, seq + 1, 301));
    assert_eq!(host.state(id), State::Established);
    host.answers("e1", &segment(&peer, &own, RST, (301, 0)));
    assert_eq!(host.world.socket_error(NS, id), Some(Errno::ECONNRESET));

    let id = host.tcp();
    let (frames, _) = host.begin(id, "20.0.0.1:81").unwrap();
    let (own, peer, _, seq, _) = said(&frames[0]);
    host.answers("e1", &segment(&peer, &own, RST | ACK, (0, seq + 1)));
    assert_eq!(host.world.socket_error(NS, id), Some(Errno::ECONNREFUSED));
}

#[test]
fn an_error_ends_what_has_only_begun() {
    let mut host = Host::new(ROUTER);
    let id = host.tcp();
    let (frames, _) = host.begin(id, "20.0.0.1:80").unwrap();
    let source = unframed(&frames[0]).1.source().to_string();
    let handled = host.packet("e1", &icmp("20.0.0.1", &source, 3, &frames[0][14..]));
    assert_eq!(handled.outcome, Outcome::Delivered);
    assert_eq!(host.world.socket_error(NS, id), Some(Errno::ENETUNREACH));
    assert_eq!((host.state(id), host.counted("TcpAttemptFails")), (State::Closed, 1));
}

#[test]
fn both_ends_on_one_host() {
    let mut host = Host::new(ROUTER);
    let listener = host.listening("0.0.0.0:80", None);
    let id = host.tcp();
    let (frames, _) = host.begin(id, "10.1.0.1:80").unwrap();
    assert!(frames.is_empty());
    assert_eq!(host.state(id), State::Established);
    assert!(host.world.accept(NS, listener).is_ok());
}

#[test]
fn segments_are_linuxs_to_the_byte() {
    let mut host = Host::new(ROUTER);
    host.listening("0.0.0.0:80", None);
    // As a kernel of this release answered, but for its number.
    let plain = host.packet("e0", &segment("10.0.0.2:5000", "10.0.0.1:80", SYN, (100, 0)));
    let expected = "4500002c00004000400626ca0a0000010a00000200501388........000000656012faf0....0000020405b4";
    assert_eq!(hex(&plain.emitted[0].bytes[14..], expected), expected);
    let id = host.tcp();
    let (frames, _) = host.begin(id, "20.0.0.1:80").unwrap();
    let expected = "4500003c....40004006....0a01000114000001....0050........00000000\
                    a002faf0....0000020405b40402080a........000000000103030a";
    assert_eq!(hex(&frames[0][14..], expected), expected);
}

/// Digits, but for those places where the expectation has none.
fn hex(bytes: &[u8], expected: &str) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let shown = digits.chars().zip(expected.chars().chain(std::iter::repeat('x')));
    shown.map(|(digit, at)| if at == '.' { at } else { digit }).collect()
}

#[test]
fn a_repeated_beginning_is_answered_twice_a_second_at_most() {
    let mut host = Host::new(ROUTER);
    host.listening("0.0.0.0:80", None);
    let syn = segment("10.0.0.2:5000", "10.0.0.1:80", SYN, (100, 0));
    let answers: Vec<usize> = (0..4).map(|_| host.answers("e0", &syn).len()).collect();
    assert_eq!(answers, [1, 1, 0, 0]);
    host.pass(600);
    assert_eq!(host.answers("e0", &syn).len(), 1);
}

#[test]
fn what_shapes_the_first_segment_is_unknown_by_name() {
    for metric in ["features ecn", "window 8000", "initrwnd 4"] {
        let mut host = Host::new(ROUTER);
        host.listening("0.0.0.0:80", None);
        host.run(&format!("ip route change 20.0.0.0/8 via 10.1.0.2 {metric}"));
        let id = host.tcp();
        let called = host.world.connect(NS, id, addr("20.0.0.1:80"), &mut Tracer::off());
        assert!(matches!(called.outcome, Some(Outcome::Unknown(_))), "{metric}");
        let handled = host.packet("e1", &segment("20.0.0.1:5000", "10.1.0.1:80", SYN, (100, 0)));
        assert!(matches!(handled.outcome, Outcome::Unknown(_)), "{metric}");
    }
    let mut host = Host::new(ROUTER);
    host.listening("0.0.0.0:80", None);
    host.run("sysctl -w net.ipv4.tcp_syncookies=2");
    let handled = host.packet("e0", &segment("10.0.0.2:5000", "10.0.0.1:80", SYN, (100, 0)));
    assert_eq!(handled.outcome, Outcome::Unknown("SYN cookies"));
}

/// A segment with options, its checksum right.
fn with_options(from: &str, to: &str, flags: u8, options: &[u8]) -> Vec<u8> {
    let mut segment = segment(from, to, flags, (1000, 0));
    segment.extend_from_slice(options);
    segment[32] = ((20 + options.len()) << 2) as u8;
    segment[36..38].fill(0);
    let ends = *Ipv4::read(&segment).unwrap();
    let sum = Checksum::ZERO.pseudo4(ends.source(), ends.destination(), proto::TCP, segment.len() - 20);
    let sum = sum.bytes(&segment[20..]).finish();
    segment[36..38].copy_from_slice(&sum.to_be_bytes());
    edited(segment, |header| header.total_len.set(header.total_len.get() + options.len() as u16))
}

#[test]
fn c183_signed_segments_are_not_reset() {
    let digest = [&[19, 18][..], &[5; 16]].concat();
    let filled = |options: &[u8]| [options, &[0; 40][..40 - options.len()]].concat();
    let options = [
        // A digest, behind what says nothing, of a wrong length, cut off by the end, twice.
        (filled(&digest), false),
        (filled(&[&[1, 1], &digest[..]].concat()), false),
        (filled(&[19, 17]), false),
        (filled(&[&[0], &digest[..]].concat()), true),
        (filled(&[&digest[..], &digest[..]].concat()), false),
        // The newer kind; too short for it; both.
        (filled(&[29, 20]), false),
        (filled(&[29, 4]), false),
        (filled(&[&[29, 6, 1, 1, 1, 1], &digest[..]].concat()), false),
        // An option of no length, or of more than there is.
        (filled(&[2, 0]), false),
        (filled(&[2, 41]), false),
        (filled(&[2, 4, 5, 0xb4]), true),
        // In less than a digest takes nothing is looked at.
        (vec![2, 0, 19, 18], true),
        ([29, 16].into_iter().chain([1; 14]).collect(), true),
    ];
    let mut both = Both::new(&format!("sysctl -w net.ipv6.conf.all.disable_ipv6=1\n{ROUTER}"));
    for (options, is_reset) in options {
        let packet = with_options("10.0.0.2:1000", "10.0.0.1:80", SYN, &options);
        let handled = both.frame("e0", &framed(mac(0x10), mac(2), &packet));
        assert_eq!(reason(&handled), "NO_SOCKET");
        assert_eq!(handled.emitted.len(), usize::from(is_reset), "{options:?}");
    }
    both.agree(commands::is_default_release());
}

#[test]
fn a_listener_without_a_key_takes_no_signed_segment() {
    let mut host = Host::new(ROUTER);
    host.listening("10.0.0.1:80", None);
    let digest = [&[1, 1, 19, 18][..], &[5; 16]].concat();
    let mut of = |options: &[u8]| {
        let handled = host.packet("e0", &with_options("10.0.0.2:1000", "10.0.0.1:80", SYN, options));
        (handled.emitted.len(), handled.outcome)
    };
    assert_eq!(of(&digest), (0, Outcome::Dropped(DropReason::TcpMd5Unexpected)));
    assert_eq!(of(&[19; 20]), (0, Outcome::Dropped(DropReason::TcpAuthHdr)));
    assert_eq!(of(&[1; 20]).0, 1);
}

#[test]
fn a_reset_is_never_cut() {
    let mut both =
        Both::new(&format!("sysctl -w net.ipv6.conf.all.disable_ipv6=1\n{ROUTER}ip link set e0 mtu 68\n"));
    for (filling, is_reset) in [(28, true), (32, false)] {
        // The answer has as many options: with them it is one of 68 bytes, or of 72.
        let mut packet = segment("10.0.0.2:1000", "10.0.0.1:80", SYN, (100, 0));
        packet.splice(20..20, timestamps(filling));
        let len = packet.len() as u16;
        let packet = edited(packet, |header| {
            header.version_ihl += filling as u8 / 4;
            header.total_len = len.into();
        });
        let handled = both.frame("e0", &framed(mac(0x10), mac(2), &packet));
        assert_eq!(reason(&handled), "NO_SOCKET");
        assert_eq!(handled.emitted.len(), usize::from(is_reset), "{filling}");
    }
    assert_eq!(both.host.counted("TcpOutRsts"), 2);
    both.agree(commands::is_default_release());
}

#[test]
fn a_way_of_too_small_an_mtu_carries_nothing() {
    let script = format!(
        "sysctl -w net.ipv6.conf.all.disable_ipv6=1\n{ROUTER}ip route add 10.0.0.2/32 dev e0 mtu 50\n"
    );
    let mut both = Both::new(&script);
    let packets = [
        segment("10.0.0.2:1000", "10.0.0.1:80", SYN, (100, 0)),
        icmp("10.0.0.2", "10.0.0.1", 8, &[7; 8]),
        icmp("10.0.0.2", "10.0.0.1", 8, &[7; 40]),
    ];
    for packet in packets {
        assert!(both.frame("e0", &framed(mac(0x10), mac(2), &packet)).emitted.is_empty());
    }
    let counted = ["TcpOutRsts", "IcmpOutErrors", "IpOutDiscards"].map(|name| both.host.counted(name));
    assert_eq!(counted, [1, 2, 0]);
    both.agree(commands::is_default_release());
}

/// A timestamp option of this length that is full: it counts those who had no room.
fn timestamps(len: usize) -> Vec<u8> {
    let mut option = vec![0; len];
    option[..4].copy_from_slice(&[68, len as u8, len as u8 + 1, 0]);
    option
}

/// An option of RFC 5925, and one that says nothing.
const AUTHENTICATION: [u8; 20] = [29, 16, 1, 1, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 1, 1, 1, 1];

#[test]
fn a_request_takes_no_segment_that_is_signed_as_it_is_not() {
    let from = "10.0.0.2:1000";
    let syn = segment(from, "10.0.0.1:80", SYN, (1, 0));
    let signed = with_options(from, "10.0.0.1:80", SYN, &AUTHENTICATION);
    let signed_first = with_options("10.0.0.2:1001", "10.0.0.1:80", SYN, &AUTHENTICATION);
    let mut host = Host::new(ROUTER);
    host.listening("10.0.0.1:80", None);
    let packets = [&signed_first, &syn, &signed, &signed, &syn];
    let answers = packets.map(|packet| host.packet("e0", packet).emitted.len());
    assert_eq!(answers, [1, 1, 0, 0, 1]);
    assert_eq!(host.counted("TcpExtTCPAOBad"), 2);
    let frames =
        packets.map(|packet| commands::frame("e0", &framed(mac(0x10), mac(2), packet)) + "show echo next\n");
    let listener = "perl socket($l,2,1,6) and bind($l,pack_sockaddr_in(80,inet_aton('10.0.0.1'))) and listen($l,9) \
or die \"listen: $!\"\n";
    let script = format!(
        "sysctl -w net.ipv6.conf.all.disable_ipv6=1\n{ROUTER}{listener}{}show nstat -asz TcpExtTCPAOBad\n",
        frames.concat()
    );
    let said = commands::is_default_release().then(|| commands::said(&script)).flatten();
    if let Some(said) = said {
        let theirs: Vec<usize> = said.split("next\n").map(|one| one.matches("e0 ").count()).take(5).collect();
        assert_eq!(theirs, answers, "{said}");
        let counted = said.lines().find(|line| line.starts_with("TcpExtTCPAOBad")).unwrap();
        assert_eq!(counted.split_whitespace().nth(1), Some("2"));
    }
}

#[test]
fn what_newer_signatures_mean_is_a_choice_of_the_kernels_build() {
    let signed = with_options("10.0.0.2:1000", "10.0.0.1:80", SYN, &AUTHENTICATION);
    let other = with_options("10.0.0.2:1000", "10.0.0.1:81", SYN, &AUTHENTICATION);
    let twice = with_options("10.0.0.2:1000", "10.0.0.1:81", SYN, &[[8, 41], [1, 1]].concat().repeat(5));
    let asked = |change: &dyn Fn(&mut Host)| {
        let mut host = Host::new(ROUTER);
        host.listening("10.0.0.1:80", None);
        change(&mut host);
        let mut answers = |packet: &[u8]| {
            let handled = host.packet("e0", packet);
            (handled.emitted.len(), handled.outcome)
        };
        [answers(&signed), answers(&other), answers(&twice)]
    };
    let nobody = Outcome::Dropped(DropReason::NoSocket);
    let [taken, not_reset, malformed] = asked(&|_| {});
    assert_eq!((taken.0, not_reset, malformed), (1, (0, nobody), (0, nobody)));
    let [refused, not_reset, _] = asked(&|host| host.world.behaviour.tcp_checks_authentication = true);
    assert_eq!(refused, (0, Outcome::Dropped(DropReason::TcpAoUnexpected)));
    assert_eq!(not_reset, (0, nobody));
    // A kernel that does not know of it.
    let [taken, reset, malformed] = asked(&|host| host.world.behaviour = Behaviour::of_release("6.6"));
    assert_eq!((taken.0, reset, malformed), (1, (1, nobody), (1, nobody)));
    let unknown = "whether the kernel checks segments' newer signatures (RFC 5925)";
    let captured = |host: &mut Host| host.world.ns_mut(NS).unwrap().0.config.may_have_modules = true;
    let [asked_for, not_reset, _] = asked(&captured);
    assert_eq!((asked_for, not_reset), ((0, Outcome::Unknown(unknown)), (0, nobody)));
}

/// Which options are looked at at all depends on what the kernel can check.
#[test]
fn a_bare_signature_is_found_where_it_can_be_checked() {
    let bare = with_options("10.0.0.2:1000", "10.0.0.1:81", SYN, &AUTHENTICATION[..16]);
    let malformed = with_options("10.0.0.2:1000", "10.0.0.1:81", SYN, &[8, 41, 1, 1, 1, 1, 1, 1]);
    let answers = |change: &dyn Fn(&mut Host)| {
        let mut host = Host::new(ROUTER);
        change(&mut host);
        [&bare, &malformed].map(|packet| {
            let handled = host.packet("e0", packet);
            (handled.emitted.len(), matches!(handled.outcome, Outcome::Unknown(_)))
        })
    };
    assert_eq!(answers(&|_| {}), [(1, false); 2]);
    assert_eq!(answers(&|host| host.world.behaviour.tcp_checks_authentication = true), [(0, false); 2]);
    let captured = |host: &mut Host| host.world.ns_mut(NS).unwrap().0.config.may_have_modules = true;
    assert_eq!(answers(&captured), [(0, true); 2]);
}
