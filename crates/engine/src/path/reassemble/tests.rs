//! What Linux 6.18 did with fragments: sequences with what followed (counters, drop
//! reasons, `/proc/net/sockstat`), and in `vectors.txt` datagrams for a closed port, whose
//! ICMP answer quotes what the host had put together: name, fragments, datagram.

use super::*;
use crate::path::options::tests::bytes;

/// An echo request of a hundred bytes.
const LEN: usize = 100;

/// A namespace with a clock.
#[derive(Default)]
struct Bench {
    reassembly: Reassembly<u8>,
    counters: Counters,
    limits: Limits,
    now: Time,
}

/// A fragment's lot, in short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lot {
    Kept,
    Whole,
    Dup,
    Dropped,
    GivenUp,
}
use Lot::{Dropped, Dup, GivenUp, Kept, Whole as Done};

impl Bench {
    fn add(&mut self, packet: &[u8]) -> Added<u8> {
        let from = (3, 0, User::Local);
        self.reassembly.add(packet, packet[8], from, self.now, &self.limits, &mut self.counters)
    }

    /// Adds bytes of the datagram with an id, and tells what happened.
    fn send(&mut self, id: u16, from: usize, to: usize, more: bool) -> Lot {
        lot(&self.add(&fragment(id, from, to, more)).outcome)
    }

    fn counted(&self) -> [u64; 4] {
        let [requests, whole, failed, overlaps] =
            [Counter::IpReasmReqds, Counter::IpReasmOKs, Counter::IpReasmFails, Counter::IpExtReasmOverlaps]
                .map(|counter| self.counters.get(counter));
        [requests, whole, failed, overlaps]
    }
}

fn lot(outcome: &Outcome<u8>) -> Lot {
    match outcome {
        Outcome::Queued => Kept,
        Outcome::Whole(_) => Done,
        Outcome::Dropped(DropReason::DupFrag) => Dup,
        Outcome::Dropped(_) => Dropped,
        Outcome::GivenUp => GivenUp,
    }
}

fn fragment(id: u16, from: usize, to: usize, more: bool) -> Vec<u8> {
    long_fragment(id, from, &vec![5; to - from], more, 20)
}

fn long_fragment(id: u16, from: usize, payload: &[u8], more: bool, header: usize) -> Vec<u8> {
    let mut packet = vec![1; header];
    packet[..20].copy_from_slice(&bytes("4500000000000000400100000a0000020a000001"));
    packet.extend(payload);
    let len = packet.len() as u16;
    let ip = Ipv4::edit(&mut packet).unwrap();
    ip.version_ihl = 0x40 | (header / 4) as u8;
    ip.total_len.set(len);
    ip.id.set(id);
    ip.fragment.set((from / 8) as u16 | if more { MF } else { 0 });
    packet
}

/// T-41: bytes from, to, whether more follow; lots; requests, whole, failed
/// and overlapping; memory after each fragment.
#[test]
fn c250_c252_sequences() {
    type Case = (&'static [(usize, usize, bool)], &'static [Lot], [u64; 4], &'static [u64]);
    const CASES: &[Case] = &[
        (
            &[(0, 40, true), (40, 80, true), (80, LEN, false)],
            &[Kept, Kept, Done],
            [3, 1, 0, 0],
            &[968, 1736, 0],
        ),
        (
            &[(80, LEN, false), (40, 80, true), (0, 40, true)],
            &[Kept, Kept, Done],
            [3, 1, 0, 0],
            &[904, 1672, 0],
        ),
        (
            &[(0, 40, true), (0, 40, true), (40, 80, true), (80, LEN, false)],
            &[Kept, Dup, Kept, Done],
            [4, 1, 0, 0],
            &[968, 968, 1736, 0],
        ),
        // Within what came in order, another cut is a duplicate; else an overlap.
        (
            &[(0, 40, true), (40, 80, true), (16, 64, true), (80, LEN, false)],
            &[Kept, Kept, Dup, Done],
            [4, 1, 0, 0],
            &[968, 1736, 1736, 0],
        ),
        (
            &[(40, 80, true), (0, 40, true), (16, 64, true), (80, LEN, false)],
            &[Kept, Kept, Dropped, Kept],
            [4, 0, 1, 1],
            &[968, 1736, 0, 904],
        ),
        (
            &[(40, 80, true), (0, 40, true), (16, 32, true), (80, LEN, false)],
            &[Kept, Kept, Dup, Done],
            [4, 1, 0, 0],
            &[968, 1736, 1736, 0],
        ),
        (
            &[(0, 40, true), (32, 80, true), (80, LEN, false)],
            &[Kept, Dropped, Kept],
            [3, 0, 1, 1],
            &[968, 0, 904],
        ),
        (
            &[(40, 80, true), (0, 48, true), (80, LEN, false)],
            &[Kept, Dropped, Kept],
            [3, 0, 1, 1],
            &[968, 0, 904],
        ),
        (
            &[(40, 80, true), (80, LEN, false), (80, LEN, false), (0, 40, true)],
            &[Kept, Kept, Dup, Done],
            [4, 1, 0, 0],
            &[968, 1672, 1672, 0],
        ),
        // Another end.
        (
            &[(40, 80, true), (80, LEN, false), (80, 96, false), (0, 40, true)],
            &[Kept, Kept, Dropped, Kept],
            [4, 0, 1, 0],
            &[968, 1672, 0, 968],
        ),
        (
            &[(40, 80, true), (80, 96, false), (80, LEN, false), (0, 40, true)],
            &[Kept, Kept, Dropped, Kept],
            [4, 0, 1, 0],
            &[968, 1672, 0, 968],
        ),
        (
            &[(40, 80, false), (80, 96, true), (0, 40, true)],
            &[Kept, Dropped, Kept],
            [3, 0, 1, 0],
            &[968, 0, 968],
        ),
        // Cut off at a multiple of eight, and to nothing.
        (
            &[(0, 44, true), (40, 80, true), (80, LEN, false)],
            &[Kept, Kept, Done],
            [3, 1, 0, 0],
            &[968, 1736, 0],
        ),
        (
            &[(0, 5, true), (0, 40, true), (40, 80, true), (80, LEN, false)],
            &[Dropped, Kept, Kept, Done],
            [4, 1, 1, 0],
            &[0, 968, 1736, 0],
        ),
        (
            &[(0, 40, true), (40, 40, false), (40, LEN, false)],
            &[Kept, Dropped, Kept],
            [3, 0, 1, 0],
            &[968, 0, 968],
        ),
    ];
    for (fragments, lots, counted, memory) in CASES {
        let mut bench = Bench::default();
        let mut seen = Vec::new();
        for ((from, to, more), memory) in fragments.iter().zip(*memory) {
            seen.push(bench.send(7, *from, *to, *more));
            assert_eq!(bench.reassembly.memory(), *memory, "{fragments:?}");
        }
        assert_eq!(seen, *lots, "{fragments:?}");
        assert_eq!(bench.counted(), *counted, "{fragments:?}");
    }
}

/// What is put together, byte for byte, and with whose header (C-249, RFC 3168).
#[test]
fn datagrams() {
    let mut tried = 0;
    for line in include_str!("vectors.txt").lines() {
        let fields: Vec<&str> = line.split('|').collect();
        let [name, fragments, expected] = fields[..] else { panic!("{line}") };
        let mut bench = Bench::default();
        let fragments: Vec<Vec<u8>> = fragments.split(',').map(bytes).collect();
        let outcomes: Vec<Outcome<u8>> = fragments.iter().map(|packet| bench.add(packet).outcome).collect();
        let whole = outcomes.iter().find_map(|outcome| match outcome {
            Outcome::Whole(whole) => Some(whole),
            _ => None,
        });
        assert_eq!(whole.map(|it| it.packet.clone()), (expected != "-").then(|| bytes(expected)), "{name}");
        if let Some(whole) = whole {
            let ip = Ipv4::read(&whole.packet).unwrap();
            assert_eq!((whole.first, whole.reassembled.keep_df), (ip.ttl, ip.dont_fragment()), "{name}");
        }
        tried += 1;
    }
    assert!(tried > 10);
}

/// The longest packet is 65535 bytes, by the first fragment's header.
#[test]
fn too_long() {
    let lots = |parts: &[(usize, usize, bool, usize)]| {
        let mut bench = Bench::default();
        let lots: Vec<Lot> = parts
            .iter()
            .map(|(from, to, more, header)| {
                lot(&bench.add(&long_fragment(1, *from, &vec![0; to - from], *more, *header)).outcome)
            })
            .collect();
        (lots, bench.counted(), bench.reassembly.memory())
    };
    let (first, end) = ((0, 32768, true, 20), 65515);
    assert_eq!(lots(&[first, (32768, end, false, 20)]), (vec![Kept, Done], [2, 1, 0, 0], 0));
    assert_eq!(
        lots(&[first, (32768, 65520, true, 20), (65520, 65523, false, 20)]),
        (vec![Kept, Kept, GivenUp], [3, 0, 1, 0], 0)
    );
    assert_eq!(
        lots(&[(0, 32768, true, 60), (32768, 65500, false, 20)]),
        (vec![Kept, GivenUp], [2, 0, 1, 0], 0)
    );
    assert_eq!(lots(&[first, (32768, 65472, false, 60)]), (vec![Kept, Done], [2, 1, 0, 0], 0));
}

/// Only with the first fragment, which is quoted; the time runs from the first that
/// came.
#[test]
fn c251_timeouts() {
    let mut bench = Bench::default();
    bench.send(1, 40, 80, true);
    bench.now = Time(10_000);
    bench.send(2, 0, 40, true);
    bench.send(1, 0, 44, true);
    bench.send(3, 40, 80, true);
    assert_eq!(bench.reassembly.next_deadline(), Some(Time(30_000)));
    assert_eq!(bench.reassembly.expire(Time(29_999), &mut bench.counters), []);
    let expired = bench.reassembly.expire(Time(30_000), &mut bench.counters);
    let lost = fragment(1, 0, 40, true);
    let mut as_received = long_fragment(1, 0, &lost[20..], true, 20);
    Ipv4::edit(&mut as_received).unwrap().total_len.set(64);
    let first = Some((as_received, 64));
    assert_eq!(expired, [Expired { first, dev: 3, only_if_local: false, fragments: 2 }]);
    let expired = bench.reassembly.expire(Time(40_000), &mut bench.counters);
    let firsts: Vec<bool> = expired.iter().map(|it| it.first.is_some()).collect();
    assert_eq!(firsts, [false, true]);
    assert_eq!(bench.counters.get(Counter::IpReasmTimeout), 3);
    assert_eq!(bench.counted(), [4, 0, 3, 0]);
    assert_eq!((bench.reassembly.memory(), bench.reassembly.next_deadline()), (0, None));
    assert_eq!(bench.send(1, 80, LEN, false), Kept);
}

/// A source may send 63 other fragments in between, of any datagram, and duplicates
/// count.
#[test]
fn too_far() {
    let far = |others: u16, same: bool, max_dist: u32| {
        let mut bench = Bench { limits: Limits { max_dist, ..Limits::default() }, ..Bench::default() };
        bench.send(1, 0, 40, true);
        bench.now = Time(7);
        for id in 0..others {
            bench.send(if same { 1000 } else { 1000 + id }, 0, 8, true);
        }
        let added = bench.add(&fragment(1, 40, LEN, false));
        (bench, lot(&added.outcome), added.too_far)
    };
    let (bench, lot, forgotten) = far(63, false, 64);
    assert_eq!((lot, forgotten, bench.counted()), (Done, 0, [65, 1, 0, 0]));
    assert_eq!((bench.reassembly.open_datagrams(), bench.reassembly.memory()), (63, 56_952));

    for same in [false, true] {
        let (mut bench, lot, forgotten) = far(64, same, 64);
        assert_eq!((lot, forgotten, bench.counted()), (Kept, 1, [66, 0, 1, 0]));
        let (open, memory) = if same { (2, 1872) } else { (65, 58_824) };
        assert_eq!((bench.reassembly.open_datagrams(), bench.reassembly.memory()), (open, memory));
        assert_eq!(bench.reassembly.expire(Time(30_006), &mut bench.counters), []);
        assert_eq!(bench.send(1, 0, 40, true), Done);
    }
    let (_, lot, _) = far(64, false, 0);
    assert_eq!(lot, Done);
}

/// Above the limit, nothing is taken for any datagram until others end.
#[test]
fn memory_ends() {
    let mut bench = Bench { limits: Limits { high: 2000, ..Limits::default() }, ..Bench::default() };
    let lots: Vec<Lot> = (0..5).map(|id| bench.send(id, 0, 40, true)).collect();
    assert_eq!(lots, [Kept, Kept, Kept, Dropped, Dropped]);
    assert_eq!(bench.send(0, 40, LEN, false), Dropped);
    assert_eq!((bench.reassembly.memory(), bench.counted()), (2904, [6, 0, 3, 0]));
    bench.limits.high = 0;
    assert_eq!(Bench { limits: bench.limits, ..Bench::default() }.send(0, 0, 40, true), Dropped);
}

/// What `/proc/net/sockstat` told of single fragments on a tap device.
#[test]
fn sizes_in_memory() {
    const SEEN: [(usize, u64); 28] = [
        (28, 704),
        (36, 704),
        (50, 704),
        (51, 768),
        (60, 768),
        (84, 768),
        (114, 768),
        (115, 832),
        (220, 896),
        (532, 1216),
        (1020, 1728),
        (1500, 2176),
        (2020, 2688),
        (3020, 3712),
        (3698, 4352),
        (3699, 8448),
        (3708, 8448),
        (3716, 8448),
        (3724, 8448),
        (3740, 8448),
        (4020, 8448),
        (5020, 8448),
        (6020, 8448),
        (7794, 8448),
        (7795, 12544),
        (8020, 12544),
        (32772, 37120),
        (32788, 37120),
    ];
    for (len, memory) in SEEN {
        assert_eq!(memory_of(len), memory, "{len}");
    }
}

/// Users, VRFs and protocols are kept apart.
#[test]
fn keys() {
    let mut bench = Bench::default();
    let mut other = fragment(1, 40, LEN, false);
    other[9] = 6;
    bench.send(1, 0, 40, true);
    assert_eq!(lot(&bench.add(&other).outcome), Kept);
    let rest = fragment(1, 40, LEN, false);
    for from in [(3, 4, User::Local), (3, 0, User::ConntrackIn(0)), (3, 0, User::ConntrackIn(1))] {
        let Bench { reassembly, counters, limits, now } = &mut bench;
        assert_eq!(lot(&reassembly.add(&rest, 0, from, *now, limits, counters).outcome), Kept);
    }
    assert_eq!(lot(&bench.add(&rest).outcome), Done);
}

/// No bytes and no order of them are too bad, and all memory comes back.
#[test]
fn anything_goes() {
    let mut state = 1_u64;
    let mut number = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut bench = Bench { limits: Limits { time: 500, high: 50_000, max_dist: 20 }, ..Bench::default() };
    let mut whole = 0;
    for step in 0..100_000 {
        bench.now = Time(step);
        let from = number(4) as usize * 8;
        let mut packet = fragment(number(3) as u16, from, from + number(26) as usize, number(2) == 0);
        if number(20) == 0 {
            let at = number(packet.len() as u64) as usize;
            packet[at] = number(256) as u8;
        }
        packet.truncate(packet.len() - if number(50) == 0 { number(20) as usize } else { 0 });
        if packet.len() >= 20 {
            whole += usize::from(lot(&bench.add(&packet).outcome) == Done);
        }
        bench.reassembly.expire(bench.now, &mut bench.counters);
        assert!(bench.reassembly.memory() < 60_000);
    }
    assert!(whole > 1000);
    bench.reassembly.expire(Time(u64::MAX), &mut bench.counters);
    assert_eq!((bench.reassembly.memory(), bench.reassembly.open_datagrams()), (0, 0));
    assert!(bench.reassembly.peers.is_empty() && bench.reassembly.timers.is_empty());
}
/// Random fragments of few datagrams, as Linux took them. A line of `stream.txt`: packet,
/// requests, whole, failed and overlapping with it, memory then, the datagram if it is
/// whole.
#[test]
fn a_stream_of_fragments() {
    let mut bench = Bench::default();
    let mut whole = 0;
    for line in include_str!("stream.txt").lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        let [packet, counted @ .., memory, expected] = fields.as_slice() else { panic!("{line}") };
        let before = bench.counted();
        let datagram = match bench.add(&bytes(packet)).outcome {
            Outcome::Whole(whole) => Some(whole.packet),
            _ => None,
        };
        assert_eq!(datagram, (*expected != "-").then(|| bytes(expected)), "{line}");
        let after = bench.counted();
        for (at, count) in counted.iter().enumerate() {
            assert_eq!((after[at] - before[at]).to_string(), *count, "{line}");
        }
        assert_eq!(bench.reassembly.memory().to_string(), *memory, "{line}");
        whole += usize::from(*expected != "-");
    }
    assert!(whole > 10);
}
