//! `replay`: captures through a host in memory.

use std::net::Ipv4Addr;

use fingerpost_net::wire::checksum;
use serde_json::{Value, json};

use crate::{Scratch, Told, fingerpost, run, told};

/// A router between two networks, with a neighbour in each.
pub const ROUTER: &str = concat!(
    include_str!("../../examples/packets/router.sh"),
    "ip neigh add 10.1.0.9 lladdr 02:00:00:00:00:aa dev eth1\n",
    "ip tuntap add dev tun0 mode tun\n",
);

const HOST: [u8; 6] = [2, 0, 0, 0, 0, 1];
const PEER: [u8; 6] = [2, 0, 0, 0, 0, 0x99];

pub fn frame(kind: u16, packet: &[u8]) -> Vec<u8> {
    [&HOST[..], &PEER, &kind.to_be_bytes(), packet].concat()
}

/// An IPv4 packet.
pub fn ipv4(src: [u8; 4], dst: [u8; 4], ttl: u8, proto: u8, payload: &[u8]) -> Vec<u8> {
    let length = (20 + payload.len() as u16).to_be_bytes();
    let mut header = [&[0x45, 0][..], &length, &[0, 1, 0, 0, ttl, proto, 0, 0], &src, &dst].concat();
    let sum = checksum(&header).to_be_bytes();
    header[10..12].copy_from_slice(&sum);
    [header, payload.to_vec()].concat()
}

/// A UDP datagram from the neighbour, in a frame.
pub fn udp(src: [u8; 4], dst: [u8; 4]) -> Vec<u8> {
    frame(0x0800, &ipv4(src, dst, 64, 17, &[0, 7, 0, 9, 0, 12, 0, 0, 1, 2, 3, 4]))
}

pub const NEIGHBOUR: [u8; 4] = [10, 0, 0, 9];

/// A pcapng in the making: little endian, microseconds.
pub struct Pcapng(pub Vec<u8>);

impl Pcapng {
    pub fn of(interfaces: &[(&str, u16)]) -> Pcapng {
        let mut file = Pcapng(Vec::new());
        file.block(0x0a0d_0d0a, &[&0x1a2b_3c4du32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat());
        for (name, link_type) in interfaces {
            let head = [&link_type.to_le_bytes()[..], &[0; 6], &[2, 0, name.len() as u8, 0]].concat();
            file.block(1, &[padded(&[&head, name.as_bytes()].concat()), vec![0; 4]].concat());
        }
        file
    }

    fn block(&mut self, kind: u32, body: &[u8]) {
        let length = (body.len() as u32 + 12).to_le_bytes();
        self.0.extend([&kind.to_le_bytes()[..], &length, body, &length].concat());
    }

    /// A packet on an interface, so many microseconds after the beginning.
    pub fn packet(self, interface: u32, after: u64, bytes: &[u8]) -> Pcapng {
        self.long_packet(interface, after, bytes, bytes.len())
    }

    /// A packet that was longer than what was captured of it.
    pub fn long_packet(mut self, interface: u32, after: u64, bytes: &[u8], length: usize) -> Pcapng {
        let time = 1_700_000_000_000_000 + after;
        let numbers = [interface, (time >> 32) as u32, time as u32, bytes.len() as u32, length as u32];
        let head = numbers.map(u32::to_le_bytes).concat();
        self.block(6, &[head, padded(bytes)].concat());
        self
    }
}

fn padded(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// Replays a capture on the router, with further options, and reads the report.
pub fn replay(name: &str, capture: &[u8], options: &str) -> (i32, Vec<Value>, String) {
    replay_on(ROUTER, name, capture, options)
}

/// The same of the host that a script makes.
pub fn replay_on(script: &str, name: &str, capture: &[u8], options: &str) -> (i32, Vec<Value>, String) {
    let script = Scratch::new(&format!("{name}.sh"), script.as_bytes());
    let capture = Scratch::new(&format!("{name}.pcapng"), capture);
    let line = format!("replay --script {} {} --report - {options}", script.path(), capture.path());
    let (status, out, err) = run(&line);
    let objects = out.lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect();
    (status, objects, err)
}

pub fn bytes_of(emitted: &Value) -> Vec<u8> {
    let hex = emitted["frame"].as_str().expect("a frame in hexadecimal");
    let digits = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("digits");
    (0..hex.len()).step_by(2).map(digits).collect()
}

#[test]
fn a_forwarded_packet_leaves_with_a_ttl_less_one() {
    let capture = Pcapng::of(&[("eth0", 1)]).packet(0, 0, &udp(NEIGHBOUR, [10, 1, 0, 9]));
    let (status, objects, err) = replay("forwarded", &capture.0, "");
    assert_eq!((status, err.as_str(), objects.len()), (0, "", 1));
    let packet = ipv4(NEIGHBOUR, [10, 1, 0, 9], 63, 17, &[0, 7, 0, 9, 0, 12, 0, 0, 1, 2, 3, 4]);
    let left = [&[2, 0, 0, 0, 0, 0xaa, 2, 0, 0, 0, 0, 2, 8, 0][..], &packet].concat();
    let hex: String = left.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        objects[0],
        json!({
            "packet": 1, "dev": "eth0", "outcome": "forwarded", "reason": null,
            "emitted": [{"dev": "eth1", "frame": hex}],
            "counters": {
                "IpInReceives": 1, "IpForwDatagrams": 1, "IpOutTransmits": 1, "IpExtInOctets": 32,
                "IpExtOutOctets": 32, "IpExtInNoECTPkts": 1,
            },
            "lookups": [{
                "purpose": "input", "key": {"dst": "10.1.0.9", "src": "10.0.0.9", "iif": "eth0"},
                "table": "main", "route": "10.1.0.0/24 dev eth1 src 10.1.0.1", "device": "eth1",
            }],
        })
    );
}

#[test]
fn a_lookup_tells_the_rule_the_error_and_the_way_back() {
    let rules = Scratch::new(
        "replay-rules.sh",
        b"sysctl -w net.ipv4.conf.eth0.rp_filter=1\nip route add 10.2.0.0/16 via 10.1.0.9 table 7\n\
          ip rule add pref 100 iif eth0 tos 0x10 lookup 7\nip rule add pref 200 to 10.3.0.0/16 unreachable\n",
    );
    let mut marked = udp(NEIGHBOUR, [10, 2, 0, 9]);
    marked[15] = 0x10;
    marked[24..26].copy_from_slice(&[0, 0]);
    let sum = checksum(&marked[14..34]).to_be_bytes();
    marked[24..26].copy_from_slice(&sum);
    let capture =
        Pcapng::of(&[("eth0", 1)]).packet(0, 0, &marked).packet(0, 1, &udp(NEIGHBOUR, [10, 3, 0, 9]));
    let (status, objects, err) = replay("rules", &capture.0, &format!("--apply {}", rules.path()));
    assert_eq!((status, err.as_str()), (0, ""));
    assert_eq!(
        objects[0]["lookups"],
        json!([
            {
                "purpose": "input",
                "key": {"dst": "10.2.0.9", "src": "10.0.0.9", "iif": "eth0", "dscp": 4},
                "rule": 100, "table": "7", "route": "10.2.0.0/16 via 10.1.0.9 dev eth1",
                "device": "eth1", "gateway": "10.1.0.9",
            },
            {
                "purpose": "reverse path", "key": {"dst": "10.0.0.9", "src": "10.2.0.9", "iif": "eth1", "dscp": 4},
                "rule": 32766, "table": "main", "route": "10.0.0.0/24 dev eth0 src 10.0.0.1", "device": "eth0",
            },
        ])
    );
    let refused = &objects[1]["lookups"][0];
    assert_eq!((&refused["rule"], &refused["error"]), (&json!(200), &json!("ENETUNREACH")));
    assert!(refused.get("table").is_none() && refused.get("device").is_none());
}

/// What lookups are told as is remembered by how they went: each packet fares in company as alone.
#[test]
fn lookups_that_go_alike_are_told_with_each_packets_own_addresses() {
    let more = Scratch::new(
        "replay-alike.sh",
        b"sysctl -w net.ipv4.icmp_ratelimit=0\nsysctl -w net.ipv4.icmp_msgs_burst=1000\n\
          sysctl -w net.ipv4.conf.eth0.rp_filter=1\nip route add 10.2.0.0/16 via 10.1.0.9 table 7\n\
          ip rule add pref 100 iif eth0 tos 0x10 lookup 7\nip rule add pref 200 to 10.3.0.0/16 unreachable\n\
          ip rule add pref 300 to 10.4.0.0/16 prohibit\nip route add 10.5.0.0/16 via 10.1.0.9\n\
          sysctl -w net.ipv6.conf.all.forwarding=1\nip addr add 2001:db8:0::1/64 dev eth0 nodad\n\
          ip addr add 2001:db8:1::1/64 dev eth1 nodad\n",
    );
    let with = |frame: Vec<u8>, at: usize, value: u8| {
        let mut frame = frame;
        (frame[at], frame[24], frame[25]) = (value, 0, 0);
        let sum = checksum(&frame[14..34]).to_be_bytes();
        frame[24..26].copy_from_slice(&sum);
        frame
    };
    let mut frames = Vec::new();
    for (n, net) in [1, 5, 5, 1, 3, 4, 3, 5, 9, 2].into_iter().enumerate() {
        let n = n as u8;
        let plain = udp([10, 0, 0, 9 + n % 3], [10, net, 0, 9 + n]);
        // One more with another tos, and one whose time to live ends here: it is answered.
        frames.extend([with(plain.clone(), 15, 0x10), with(plain.clone(), 22, 1), plain]);
    }
    frames.extend([udp([0; 4], [255; 4]), udp([0; 4], [10, 1, 0, 9]), udp([10, 1, 0, 7], [10, 1, 0, 9])]);
    let six = |src: u8, dst: u8| {
        let at = |side: u8, host: u8| [0x20, 1, 0xd, 0xb8, 0, side, 0, 0, 0, 0, 0, 0, 0, 0, 0, host];
        frame(0x86dd, &[&[0x60, 0, 0, 0, 0, 0, 59, 64][..], &at(0, src), &at(1, dst)].concat())
    };
    frames.extend([six(9, 9), six(8, 7), six(7, 1)]);
    let apply = format!("--apply {}", more.path());
    let told = |name: &str, frames: &[Vec<u8>]| -> Vec<Value> {
        // So far apart that nothing keeps the host from answering.
        let timed = (0..).zip(frames);
        let capture =
            timed.fold(Pcapng::of(&[("eth0", 1)]), |file, (n, frame)| file.packet(0, n * 10_000_000, frame));
        let (status, objects, err) = replay(name, &capture.0, &apply);
        assert_eq!((status, err.as_str()), (0, ""));
        objects
            .into_iter()
            .filter(|object| !object["packet"].is_null())
            .map(|it| it["lookups"].clone())
            .collect()
    };
    let together = told("together", &frames);
    for (n, frame) in frames.iter().enumerate() {
        assert_eq!(together[n], told("alone", std::slice::from_ref(frame))[0], "packet {n}");
    }
    let keys: std::collections::BTreeSet<String> = together
        .iter()
        .flat_map(|lookups| lookups.as_array().unwrap())
        .map(|it| it["key"].to_string())
        .collect();
    assert!(keys.len() > 40, "{}", keys.len());
}

#[test]
fn packets_of_both_families_are_told_of_with_their_own_lookups() {
    let addresses = Scratch::new(
        "replay-six.sh",
        b"sysctl -w net.ipv6.conf.all.forwarding=1\nip addr add 2001:db8:0::1/64 dev eth0 nodad\n\
          ip addr add 2001:db8:1::1/64 dev eth1 nodad\n\
          ip neigh add 2001:db8:1::9 lladdr 02:00:00:00:00:aa dev eth1\n",
    );
    let side = |side: u8, host: u8| [0x20, 1, 0xd, 0xb8, 0, side, 0, 0, 0, 0, 0, 0, 0, 0, 0, host];
    // A packet without anything in it: no next header.
    let six = [&[0x60, 0, 0, 0, 0, 0, 59, 64][..], &side(0, 9), &side(1, 9)].concat();
    let capture = Pcapng::of(&[("eth0", 1)]).packet(0, 0, &frame(0x86dd, &six)).packet(
        0,
        1,
        &udp(NEIGHBOUR, [10, 1, 0, 9]),
    );
    let (status, objects, err) = replay("six", &capture.0, &format!("--apply {}", addresses.path()));
    assert_eq!((status, err.as_str(), objects.len()), (0, "", 2));
    assert_eq!((&objects[0]["outcome"], &objects[1]["outcome"]), (&json!("forwarded"), &json!("forwarded")));
    assert_eq!(bytes_of(&objects[0]["emitted"][0])[21], 63, "one hop less");
    assert_eq!(objects[0]["counters"]["Ip6OutForwDatagrams"], 1);
    assert_eq!(
        objects[0]["lookups"][0],
        json!({
            "purpose": "input", "key": {"dst": "2001:db8:1::9", "src": "2001:db8::9", "iif": "eth0"},
            "table": "main", "route": "2001:db8:1::/64 dev eth1 metric 256", "device": "eth1",
        })
    );
    assert_eq!(objects[1]["lookups"][0]["device"], "eth1");
}

#[test]
fn a_martian_is_dropped_with_the_kernels_reason() {
    let capture = Pcapng::of(&[("eth0", 1)]).packet(0, 0, &udp([127, 0, 0, 9], [10, 1, 0, 9])).packet(
        0,
        1,
        &udp([224, 0, 0, 9], [10, 1, 0, 9]),
    );
    let (status, objects, _) = replay("martian", &capture.0, "");
    let reasons: Vec<&Value> = objects.iter().map(|object| &object["reason"]).collect();
    assert_eq!((status, reasons), (0, vec![&json!("IP_LOCALNET"), &json!("IP_INVALID_SOURCE")]));
    for object in &objects {
        assert_eq!((&object["outcome"], &object["emitted"]), (&json!("dropped"), &json!([])));
    }
}

#[test]
fn echo_requests_and_arp_requests_are_answered() {
    let mut echo = [8, 0, 0, 0, 0, 7, 0, 1, 0xca, 0xfe];
    let sum = checksum(&echo).to_be_bytes();
    echo[2..4].copy_from_slice(&sum);
    let request = [&[0, 1, 8, 0, 6, 4, 0, 1][..], &PEER, &NEIGHBOUR, &[0; 6], &[10, 0, 0, 1]].concat();
    let capture = Pcapng::of(&[("eth0", 1)])
        .packet(0, 0, &frame(0x0800, &ipv4(NEIGHBOUR, [10, 0, 0, 1], 64, 1, &echo)))
        .packet(0, 10, &frame(0x0806, &request));
    let (status, objects, _) = replay("answered", &capture.0, "");
    assert_eq!((status, objects.len()), (0, 2));
    let reply = bytes_of(&objects[0]["emitted"][0]);
    assert_eq!(reply[..14], [&PEER[..], &HOST, &[8, 0]].concat());
    assert_eq!(reply[26..34], [[10, 0, 0, 1], NEIGHBOUR].concat());
    assert_eq!((reply[34], &reply[38..]), (0, &echo[4..]), "an echo reply with the same contents");
    assert_eq!(objects[0]["counters"]["IcmpOutEchoReps"], 1);
    let answer = bytes_of(&objects[1]["emitted"][0]);
    let expected = [&[0, 1, 8, 0, 6, 4, 0, 2][..], &HOST, &[10, 0, 0, 1], &PEER, &NEIGHBOUR].concat();
    assert_eq!((&answer[..12], &answer[14..]), (&[PEER, HOST].concat()[..], &expected[..]));
    assert_eq!(objects[1]["outcome"], "delivered");
}

#[test]
fn time_alone_asks_again_and_gives_up() {
    let capture = || {
        Pcapng::of(&[("eth0", 1)]).packet(0, 0, &udp(NEIGHBOUR, [10, 1, 0, 77])).packet(
            0,
            1_500_000,
            &udp(NEIGHBOUR, [10, 1, 0, 9]),
        )
    };
    let outcomes = |objects: &[Value]| -> Vec<(Value, Value, Value)> {
        let of =
            |object: &Value| (object["packet"].clone(), object["dev"].clone(), object["outcome"].clone());
        objects.iter().map(of).collect()
    };
    let queued = (json!(1), json!("eth0"), json!("queued"));
    let again = (json!(null), json!("eth1"), json!(null));
    let forwarded = (json!(2), json!("eth0"), json!("forwarded"));
    let told = (json!(null), json!("eth0"), json!("dropped"));
    let (_, objects, _) = replay("retry", &capture().0, "");
    assert_eq!(outcomes(&objects), [queued.clone(), again.clone(), forwarded.clone()]);
    let (_, objects, _) = replay("retries", &capture().0, "--until 5");
    assert_eq!(outcomes(&objects), [queued, again.clone(), forwarded, again, told]);
    let target: Vec<u8> = bytes_of(&objects[3]["emitted"][0])[38..].to_vec();
    assert_eq!(target, [10, 1, 0, 77], "it is asked for the third time");
    assert_eq!(objects[4]["counters"]["IcmpOutDestUnreachs"], 1);
    assert_eq!(objects[4]["reason"], "NEIGH_FAILED");
}

#[test]
fn what_is_due_when_a_packet_comes_happens_after_it_and_what_is_due_at_the_end_does_not() {
    // A second request for a neighbour is due after a second.
    let first = udp(NEIGHBOUR, [10, 1, 0, 77]);
    let packets = |capture: &Pcapng, until: &str| -> Vec<Value> {
        let (_, objects, _) = replay(&format!("due{until}"), &capture.0, &format!("--until {until}"));
        objects.iter().map(|object| object["packet"].clone()).collect()
    };
    let one = Pcapng::of(&[("eth0", 1)]).packet(0, 0, &first);
    assert_eq!(packets(&one, "1"), [json!(1)]);
    assert_eq!(packets(&one, "1.05"), [json!(1), Value::Null]);
    let two = one.packet(0, 1_000_000, &udp(NEIGHBOUR, [10, 1, 0, 9]));
    assert_eq!(packets(&two, "0"), [json!(1), json!(2)]);
    assert_eq!(packets(&two, "0.5"), [json!(1), json!(2), Value::Null]);
}

#[test]
fn what_the_host_did_before_is_not_the_captures() {
    let script = format!(
        "{ROUTER}\nip addr add 2001:db8::1/64 dev eth0 nodad\nip -6 neigh add 2001:db8::2 lladdr 02:00:00:00:00:09 dev eth0 nud probe\n"
    );
    let capture = Pcapng::of(&[("eth0", 1)]).packet(0, 0, &udp(NEIGHBOUR, [10, 1, 0, 9]));
    let (_, objects, _) = replay_on(&script, "before", &capture.0, "--until 1.2");
    let asked = |object: &Value| object["counters"]["Icmp6OutNeighborSolicits"].clone();
    assert_eq!(objects.iter().map(asked).collect::<Vec<_>>(), [Value::Null, json!(1)]);
    assert_eq!(objects[1]["packet"], Value::Null);
}

#[test]
fn what_leaves_is_a_capture_with_comments() {
    let capture = Pcapng::of(&[("eth0", 1)]).packet(0, 0, &udp(NEIGHBOUR, [10, 1, 0, 77])).packet(
        0,
        20,
        &udp(NEIGHBOUR, [99, 0, 0, 1]),
    );
    let out = Scratch::new("out.pcapng", b"");
    let (status, _, _) = replay("written", &capture.0, &format!("--until 1.5 -o {}", out.path()));
    assert_eq!(status, 0);
    let bytes = std::fs::read(std::path::Path::new(&out.path())).expect("the capture");
    let has = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(
        has("packet 1: queued") && has("packet 2: dropped IP_INNOROUTES") && has("no packet: time alone")
    );
    // It can be replayed: both requests, and what the sender is told.
    let script = Scratch::new("written.peer.sh", ROUTER.as_bytes());
    let (status, text, err) = run(&format!("replay --script {} {}", script.path(), out.path()));
    assert_eq!((status, err.as_str()), (0, ""));
    assert!(text.starts_with("3 packets in, "), "{text}");
}

#[test]
fn a_pcap_needs_to_be_told_where_its_packets_enter() {
    let frame = udp(NEIGHBOUR, [10, 1, 0, 9]);
    let head = [0xa1b2_c3d4, 0x0004_0002, 0, 0, 65_535, 1].map(u32::to_le_bytes).concat();
    let record = [1_700_000_000, 0, frame.len() as u32, frame.len() as u32].map(u32::to_le_bytes).concat();
    let capture = [head, record, frame].concat();
    let (status, objects, err) = replay("classic", &capture, "");
    assert_eq!((status, objects.len()), (2, 0));
    assert!(err.contains("packet 1, at byte 24") && err.contains("--on DEV"), "{err}");
    let (status, objects, _) = replay("classic-on", &capture, "--on eth0");
    assert_eq!((status, &objects[0]["outcome"]), (0, &json!("forwarded")));
    let (status, _, err) = replay("classic-nowhere", &capture, "--on eth7");
    assert_eq!(status, 2);
    assert!(err.contains("no device eth7; it has lo, p0, eth0"), "{err}");
    let (status, _, err) = replay("classic-tun", &capture, "--on tun0");
    assert_eq!(status, 2);
    assert!(err.contains("an Ethernet header, which tun0 does not have"), "{err}");
}

#[test]
fn interfaces_that_the_host_does_not_have_are_refused_by_name() {
    let frame = udp(NEIGHBOUR, [10, 1, 0, 9]);
    let capture = Pcapng::of(&[("eth0", 1), ("wan", 1)]).packet(0, 0, &frame).packet(1, 1, &frame);
    let (status, objects, err) = replay("wan", &capture.0, "");
    assert_eq!((status, objects.len()), (2, 1), "what comes before is told");
    assert!(
        err.contains("packet 2, at byte ") && err.contains("captured on wan") && err.contains("--on wan=DEV")
    );
    assert!(err.contains("holds what came before"), "{err}");
    let (status, objects, _) = replay("wan-on", &capture.0, "--on wan=eth0");
    assert_eq!((status, objects.len()), (0, 2));
    let capture = Pcapng::of(&[("eth0", 113)]).packet(0, 0, &frame);
    let (status, _, err) = replay("cooked", &capture.0, "");
    assert_eq!(status, 2);
    assert!(err.contains("link type 113"), "{err}");
}

#[test]
fn a_capture_that_is_cut_off_is_replayed_as_far_as_it_goes() {
    let frame = udp(NEIGHBOUR, [10, 1, 0, 9]);
    let capture = Pcapng::of(&[("eth0", 1)]).packet(0, 0, &frame).packet(0, 1, &frame).0;
    let (status, objects, err) = replay("cut-off", &capture[..capture.len() - 9], "");
    assert_eq!((status, objects.len()), (2, 1));
    assert!(err.contains("after packet 1, at byte ") && err.contains("cut off"), "{err}");
}

#[test]
fn packets_that_cannot_enter_as_they_were_are_told_of() {
    let frame = udp(NEIGHBOUR, [10, 1, 0, 9]);
    let capture = Pcapng::of(&[("eth0", 1)])
        .packet(0, 500, &frame)
        .packet(0, 400, &frame)
        .long_packet(0, 600, &frame, 1500)
        .packet(0, 700, &[&frame[..12], &[0x86, 0xdd, 0x60]].concat());
    let (status, objects, err) = replay("odd", &capture.0, "");
    assert_eq!((status, objects.len()), (3, 4));
    let outcomes: Vec<&Value> = objects.iter().map(|object| &object["outcome"]).collect();
    assert_eq!(outcomes[..3], [&json!("forwarded"), &json!("forwarded"), &json!("unknown")]);
    assert!(objects[2]["reason"].as_str().is_some_and(|reason| reason.contains("cut by the capture")));
    for part in ["predecessors': 1, the first is packet 2", "cut: 1, the first is packet 3", "unknown: "] {
        assert!(err.contains(part), "{part}: {err}");
    }
}

#[test]
fn a_choice_by_an_unknown_hash_is_unknown() {
    let legs = Scratch::new(
        "replay-legs.sh",
        b"ip route add 20.0.0.0/8 nexthop via 10.1.0.9 dev eth1 nexthop via 10.0.0.9 dev eth0\n",
    );
    let seed = Scratch::new("replay-seed.sh", b"sysctl -w net.ipv4.fib_multipath_hash_seed=7\n");
    let capture = Pcapng::of(&[("eth0", 1)]).packet(0, 0, &udp(NEIGHBOUR, [20, 0, 0, 1])).0;
    let (status, objects, err) = replay("legs", &capture, &format!("--apply {}", legs.path()));
    assert_eq!((status, &objects[0]["outcome"], &objects[0]["emitted"]), (3, &json!("unknown"), &json!([])));
    assert!(err.contains("fib_multipath_hash_seed"), "{err}");
    let options = format!("--apply {} --apply {}", legs.path(), seed.path());
    let (status, objects, _) = replay("seed", &capture, &options);
    assert_eq!((status, &objects[0]["outcome"]), (0, &json!("forwarded")));
}

#[test]
fn packets_alone_enter_a_device_without_link_header() {
    let up = Scratch::new("replay-tun.sh", b"ip link set tun0 up\nip addr add 10.9.0.1/24 dev tun0\n");
    let packet = ipv4([10, 9, 0, 2], [10, 1, 0, 9], 64, 17, &[0, 7, 0, 9, 0, 8, 0, 0]);
    for link_type in [101, 228, 12] {
        let capture = Pcapng::of(&[("tun0", link_type)]).packet(0, 0, &packet);
        let (status, objects, err) =
            replay(&format!("tun{link_type}"), &capture.0, &format!("--apply {}", up.path()));
        assert_eq!((status, err.as_str(), &objects[0]["dev"]), (0, "", &json!("tun0")));
    }
    let capture = Pcapng::of(&[("eth0", 101)]).packet(0, 0, &packet);
    let (status, _, err) = replay("tun-eth", &capture.0, "");
    assert_eq!(status, 2);
    assert!(err.contains("without a link header; eth0 has Ethernet's"), "{err}");
}

#[test]
fn outputs_do_not_meet() {
    let capture = Pcapng::of(&[("eth0", 1)]).packet(0, 0, &udp(NEIGHBOUR, [10, 1, 0, 9]));
    let (status, _, err) = replay("both", &capture.0, "-o -");
    assert_eq!(status, 2);
    assert!(err.contains("only one of"), "{err}");
    let file = Scratch::new("same.pcapng", &capture.0);
    let script = Scratch::new("same.sh", ROUTER.as_bytes());
    let (status, _, err) = run(&format!("replay --script {} {} -o {1}", script.path(), file.path()));
    assert_eq!(status, 2);
    assert!(err.contains("the capture that is read"), "{err}");
    assert_eq!(std::fs::read(file.path()).expect("the capture"), capture.0, "it is as it was");
    let args = ["replay", "--script", &script.path(), &file.path(), "--until=-1"];
    let (status, _, err): Told = told(fingerpost().args(args).output().expect("the command starts"));
    assert_eq!(status, 2);
    assert!(err.contains("--until"), "{err}");
}

/// Nothing that is read is overwritten, by whatever name, and the outputs are two files.
#[test]
#[cfg(unix)]
fn a_file_is_known_by_any_of_its_names() {
    let capture = Pcapng::of(&[("eth0", 1)]).packet(0, 0, &udp(NEIGHBOUR, [10, 1, 0, 9]));
    let file = Scratch::new("names.pcapng", &capture.0);
    let script = Scratch::new("names.sh", ROUTER.as_bytes());
    let links = [Scratch::new("hard.pcapng", b""), Scratch::new("soft.pcapng", b"")];
    for link in &links {
        std::fs::remove_file(link.path()).expect("nothing there");
    }
    std::fs::hard_link(file.path(), links[0].path()).expect("a hard link");
    std::os::unix::fs::symlink(file.path(), links[1].path()).expect("a symbolic link");
    let command =
        |options: &str| run(&format!("replay --script {} {} {options}", script.path(), file.path()));
    let refused = |options: &str, what: &str| {
        let (status, out, err) = command(options);
        assert_eq!((status, out.as_str()), (2, ""), "{options}");
        assert!(err.contains(what), "{options}: {err}");
    };
    for link in &links {
        refused(&format!("--report {}", link.path()), "the capture that is read");
    }
    refused(&format!("-o {}", script.path()), "read as the host's configuration");
    let made = std::env::temp_dir().join(format!("fingerpost-cli-{}-made", std::process::id()));
    let (folder, name) = (std::env::temp_dir(), made.file_name().expect("a name").display().to_string());
    let made = made.display();
    refused(&format!("-o {made} --report {made}"), "what --output writes");
    refused(&format!("-o {made} --report {}/./{name}", folder.display()), "what --output writes");
    assert!(!folder.join(&name).exists(), "nothing was written");
    assert_eq!(std::fs::read(file.path()).expect("the capture"), capture.0);
    assert_eq!(std::fs::read(script.path()).expect("the script"), ROUTER.as_bytes());
    // Devices take what anybody writes.
    assert_eq!(command("-o /dev/null --report /dev/null").0, 0);
}

#[test]
#[cfg(target_os = "linux")]
fn what_cannot_be_written_is_standard_output_and_who_reads_no_further_hears_nothing() {
    let mut capture = Pcapng::of(&[("eth0", 1)]);
    for _ in 0..2000 {
        capture = capture.packet(0, 0, &udp(NEIGHBOUR, [10, 1, 0, 9]));
    }
    let file = Scratch::new("unread.pcapng", &capture.0);
    let script = Scratch::new("unread.sh", ROUTER.as_bytes());
    let command = |option: &str| {
        let mut command = fingerpost();
        command.args(["replay", "--script", &script.path(), &file.path(), option, "-"]);
        command
    };
    for option in ["--report", "--output"] {
        let full = std::fs::File::options().write(true).open("/dev/full").expect("a full device");
        let (status, _, err) = told(command(option).stdout(full).output().expect("the command starts"));
        assert_eq!(status, 2, "{option}");
        assert!(err.ends_with("standard output holds what came before\n"), "{option}: {err}");
        let (mut child, stderr) = (command(option), std::process::Stdio::piped());
        let mut child =
            child.stdout(std::process::Stdio::piped()).stderr(stderr).spawn().expect("the command starts");
        drop(child.stdout.take());
        let (status, _, err) = told(child.wait_with_output().expect("the command ends"));
        assert_eq!((status, err.as_str()), (0, ""), "{option}");
    }
}

#[test]
fn a_pcap_of_another_version_and_a_name_with_two_devices_are_refused() {
    let mut pcap: Vec<u8> = [0xa1b2_c3d4u32, 0x0004_0009, 0, 0, 65_535, 1].map(u32::to_le_bytes).concat();
    let (status, _, err) = replay("version", &pcap, "--on eth0");
    assert_eq!(status, 2);
    assert!(err.contains("pcap of version 9.4; version 2.4 is read"), "{err}");
    pcap[4] = 2;
    assert_eq!(replay("version_is_read", &pcap, "--on eth0").0, 0);
    let capture = Pcapng::of(&[("eth0", 1)]).packet(0, 0, &udp(NEIGHBOUR, [10, 1, 0, 9]));
    let (status, _, err) = replay("twice", &capture.0, "--on eth0=eth1 --on eth0=eth0");
    assert_eq!(status, 2);
    assert!(err.contains("--on says twice what stands for eth0"), "{err}");
}

#[test]
fn without_outputs_the_numbers_are_printed() {
    let dst = Ipv4Addr::new(10, 1, 0, 9).octets();
    let capture = Pcapng::of(&[("eth0", 1)])
        .packet(0, 0, &udp(NEIGHBOUR, dst))
        .packet(0, 1, &udp(NEIGHBOUR, dst))
        .packet(0, 2, &udp([127, 0, 0, 1], dst));
    let file = Scratch::new("numbers.pcapng", &capture.0);
    let script = Scratch::new("numbers.sh", ROUTER.as_bytes());
    let (status, out, err) = run(&format!("replay --script {} {}", script.path(), file.path()));
    let lines = "3 packets in, 2 frames out\n           1 dropped IP_LOCALNET\n           2 forwarded\n";
    assert_eq!((status, out.as_str(), err.as_str()), (0, lines, ""));
}

#[test]
fn which_sockets_a_captured_host_has_is_unknown() {
    let script = Scratch::new("sockets.sh", ROUTER.as_bytes());
    let folder = std::env::temp_dir().join(format!("fingerpost-cli-{}-sockets", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    for (name, command) in
        [("addr", "-d addr"), ("route", "-d route show table all"), ("rule", "rule"), ("neigh", "neigh")]
    {
        let (status, out, err) = run(&format!("--script {} ip -j {command}", script.path()));
        assert_eq!(status, 0, "{err}");
        std::fs::write(folder.join(format!("{name}.json")), out).expect("a file");
    }
    let capture = Pcapng::of(&[("eth0", 1)]).packet(0, 0, &udp(NEIGHBOUR, [10, 0, 0, 1])).0;
    let capture = Scratch::new("sockets.pcapng", &capture);
    let source = |source: String| run(&format!("{source} replay {} --quiet", capture.path()));
    let made = source(format!("--script {}", script.path()));
    let captured = source(format!("--snapshot {}", folder.display()));
    std::fs::remove_dir_all(&folder).expect("a folder");
    assert_eq!(made.0, 0, "{}", made.2);
    assert_eq!(captured.0, 3);
    assert!(captured.2.contains("unknown: which sockets the host has (1)"), "{}", captured.2);
}

#[test]
fn what_time_alone_does_may_be_unknown() {
    let legs = Scratch::new(
        "replay-late-legs.sh",
        b"ip route add 20.0.0.0/8 nexthop via 10.0.0.9 dev eth0 nexthop via 10.0.0.8 dev eth0\n",
    );
    let seed = Scratch::new("replay-late-seed.sh", b"sysctl -w net.ipv4.fib_multipath_hash_seed=7\n");
    // Nobody is there; who sent it is told so three seconds later, by one of two legs.
    let capture = Pcapng::of(&[("eth0", 1)]).packet(0, 0, &udp([20, 0, 0, 1], [10, 1, 0, 77])).0;
    let told = |seed: &str| {
        let options = format!("--apply {} {seed} --until 5", legs.path());
        let (status, objects, err) = replay("late-legs", &capture, &options);
        let last = objects.last().expect("what time does").clone();
        (status, last["outcome"].clone(), last["emitted"].as_array().expect("frames").len(), err)
    };
    let (status, outcome, frames, err) = told("");
    assert_eq!((status, outcome, frames), (3, json!("unknown"), 0), "{err}");
    assert!(err.contains("unknown: a choice among hops"), "{err}");
    let (status, outcome, ..) = told(&format!("--apply {}", seed.path()));
    assert_eq!((status, outcome), (0, json!("dropped")));
}

#[test]
fn the_capture_of_the_readme_fares_as_it_says() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/packets");
    let readme =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).expect("README.md");
    let report = Scratch::new("readme.ndjson", b"");
    let line =
        format!("replay --script {folder}/router.sh {folder}/in.pcapng --until 5 --report {}", report.path());
    let (status, out, err) = run(&line);
    assert_eq!(status, 0, "{err}");
    assert!(out.starts_with("4 packets in, 6 frames out\n") && readme.contains(&out), "{out}");
    let written = std::fs::read_to_string(report.path()).expect("a report");
    let second = written.lines().nth(1).expect("a second line");
    assert!(readme.contains(second), "{second}");
}
