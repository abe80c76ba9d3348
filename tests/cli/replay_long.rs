//! `replay` beyond what is handed over at once: order, what belongs to what, and texts that are
//! remembered.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use fingerpost_net::wire::checksum;
use serde_json::json;

use crate::replay::{NEIGHBOUR, Pcapng, ROUTER, bytes_of, frame, ipv4, replay, replay_on};
use crate::{Scratch, start, told};

/// The neighbour's link-layer address is known.
const FAR: [u8; 4] = [10, 1, 0, 9];
const PACKETS: u32 = 5_000;

/// A datagram that holds a number.
fn numbered(src: [u8; 4], n: u32) -> Vec<u8> {
    let datagram = [&[0, 7, 0, 9, 0, 12, 0, 0][..], &n.to_be_bytes()].concat();
    frame(0x0800, &ipv4(src, FAR, 64, 17, &datagram))
}

/// Each entry has what is its own, in the order of the packets, and so has the capture.
#[test]
fn each_of_many_packets_is_told_of_once_and_in_order() {
    let mut capture = Pcapng::of(&[("eth0", 1)]);
    for n in 1..=PACKETS {
        let src = if n % 3 == 0 { [127, 0, 0, 1] } else { NEIGHBOUR };
        capture = capture.packet(0, u64::from(n), &numbered(src, n));
    }
    let out = Scratch::new("many.out.pcapng", b"");
    let (status, report, err) = replay("many", &capture.0, &format!("-o {}", out.path()));
    assert_eq!((status, report.len()), (0, PACKETS as usize), "{err}");
    let written = std::fs::read(Path::new(&out.path())).expect("the capture");
    let mut rest = &written[..];
    for (n, told) in (1_u32..).zip(&report) {
        assert_eq!(told["packet"], json!(n));
        let is_martian = n % 3 == 0;
        let fate = (told["outcome"].as_str(), told["counters"]["IpForwDatagrams"].as_u64());
        let expected = if is_martian { (Some("dropped"), None) } else { (Some("forwarded"), Some(1)) };
        assert_eq!(fate, expected, "packet {n}");
        let emitted = told["emitted"].as_array().expect("frames");
        assert_eq!(emitted.len(), usize::from(!is_martian), "packet {n}");
        let Some(frame) = emitted.first().map(bytes_of) else { continue };
        assert!(frame.ends_with(&n.to_be_bytes()), "packet {n}");
        // The frame, and behind it what is said of it.
        for bytes in [&frame[..], format!("packet {n}: forwarded").as_bytes()] {
            let at = rest.windows(bytes.len()).take(400).position(|window| window == bytes);
            rest = &rest[at.unwrap_or_else(|| panic!("packet {n} is not written where it belongs"))..];
        }
    }
}

/// Pieces that never become a datagram whose beginning is there: nobody hears of it.
#[test]
fn a_timer_that_only_counts_is_told_of() {
    let mut piece = ipv4(NEIGHBOUR, [10, 0, 0, 1], 64, 17, &[0; 16]);
    piece[6..8].copy_from_slice(&[0, 9]);
    piece[10..12].fill(0);
    let sum = checksum(&piece[..20]).to_be_bytes();
    piece[10..12].copy_from_slice(&sum);
    let capture = Pcapng::of(&[("eth0", 1)]).packet(0, 0, &frame(0x0800, &piece));
    let (_, report, _) = replay("counts", &capture.0, "--until 60");
    let timers: Vec<_> = report.iter().filter(|told| told["packet"].is_null()).collect();
    let expected = json!({
        "packet": null, "dev": null, "outcome": null, "reason": null, "emitted": [],
        "counters": {"IpReasmTimeout": 1, "IpReasmFails": 1}, "lookups": [],
    });
    assert_eq!(timers, [&expected]);
}

/// An address ends, and another takes its place: routes are made anew, alike but for the source.
#[test]
fn texts_are_of_the_tables_as_they_are() {
    const SCRIPT: &str = "
ip tuntap add eth0 mode tap
ip link set eth0 address 02:00:00:00:00:01 up
sysctl -w net.ipv4.conf.eth0.promote_secondaries=1
ip addr add 10.0.0.1/24 dev eth0 valid_lft 5 preferred_lft 5
ip addr add 10.0.0.2/24 dev eth0
";
    let echo = frame(0x0800, &ipv4(NEIGHBOUR, [10, 0, 0, 2], 64, 1, &[8, 0, 0xf7, 0xff, 0, 0, 0, 0]));
    let capture = Pcapng::of(&[("eth0", 1)]).packet(0, 0, &echo).packet(0, 10_000_000, &echo);
    let (status, report, err) = replay_on(SCRIPT, "expires", &capture.0, "");
    assert_eq!(status, 0, "{err}");
    let told = |n: u64| report.iter().find(|told| told["packet"] == json!(n)).expect("the packet");
    for (n, source) in [(1, "10.0.0.1"), (2, "10.0.0.2")] {
        assert_eq!(told(n)["lookups"][0]["route"], json!(format!("local 10.0.0.2 dev eth0 src {source}")));
    }
}

/// Somebody captures, and looks at the report meanwhile.
#[test]
fn what_was_told_is_there_while_more_is_waited_for() {
    let capture = (1..=7).fold(Pcapng::of(&[("eth0", 1)]), |capture, n| {
        capture.packet(0, u64::from(n), &numbered(NEIGHBOUR, n))
    });
    let (script, report) = (Scratch::new("live.sh", ROUTER.as_bytes()), Scratch::new("live.ndjson", b""));
    let mut child = start(&format!("replay --script {} - --report {}", script.path(), report.path()));
    let mut input = child.stdin.take().expect("its input");
    input.write_all(&capture.0).expect("it reads");
    let lines = || std::fs::read_to_string(Path::new(&report.path())).expect("the report").lines().count();
    let is_there = (0..400).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        lines() == 7
    });
    assert!(is_there, "{} lines", lines());
    drop(input);
    assert_eq!(told(child.wait_with_output().expect("the command ends")).0, 0);
}
