//! Captures of all forms are read as they were written, and damaged ones are refused.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use fingerpost_net::Rng;

use super::capture::Capture;
use super::write::{Device, Writer};

/// What was read of a packet: number, interface, link type, time, length, bytes, outbound.
type Read = (u64, Option<String>, u32, Option<u64>, u64, Vec<u8>, bool);

/// Reads to the end, or to an error's text.
fn read(bytes: &[u8]) -> (Vec<Read>, Option<String>) {
    let source = Box::new(io::Cursor::new(bytes.to_vec()));
    let mut capture = match Capture::new(source, "file".into(), None) {
        Ok(capture) => capture,
        Err(why) => return (Vec::new(), Some(format!("{why:#}"))),
    };
    let mut packets = Vec::new();
    loop {
        match capture.next_packet() {
            Ok(Some(packet)) => packets.push((
                packet.number,
                packet.interface.name.clone(),
                packet.interface.link_type,
                packet.time,
                packet.length,
                packet.bytes.to_vec(),
                packet.is_outbound,
            )),
            Ok(None) => return (packets, None),
            Err(why) => return (packets, Some(format!("{why:#}"))),
        }
    }
}

/// Writes numbers in one byte order.
struct Order {
    big_endian: bool,
}

impl Order {
    fn short(&self, number: u16) -> [u8; 2] {
        if self.big_endian { number.to_be_bytes() } else { number.to_le_bytes() }
    }

    fn word(&self, number: u32) -> [u8; 4] {
        if self.big_endian { number.to_be_bytes() } else { number.to_le_bytes() }
    }

    fn words(&self, numbers: &[u32]) -> Vec<u8> {
        numbers.iter().flat_map(|&number| self.word(number)).collect()
    }

    fn block(&self, kind: u32, body: &[u8]) -> Vec<u8> {
        let body = padded(body);
        let length = self.word(body.len() as u32 + 12);
        [&self.word(kind)[..], &length, &body, &length].concat()
    }

    fn section(&self) -> Vec<u8> {
        let magic = self.word(0x1a2b_3c4d);
        self.block(0x0a0d_0d0a, &[&magic[..], &self.short(1), &self.short(0), &[0xff; 8]].concat())
    }

    fn option(&self, code: u16, value: &[u8]) -> Vec<u8> {
        [&self.short(code)[..], &self.short(value.len() as u16), &padded(value)].concat()
    }

    fn interface(&self, link_type: u16, snaplen: u32, options: &[Vec<u8>]) -> Vec<u8> {
        let head = [&self.short(link_type)[..], &[0, 0], &self.word(snaplen)].concat();
        self.block(1, &[head, options.concat(), vec![0; 4]].concat())
    }

    fn packet(&self, interface: u32, time: u64, (captured, length): (&[u8], u32), options: &[u8]) -> Vec<u8> {
        let head = self.words(&[interface, (time >> 32) as u32, time as u32, captured.len() as u32, length]);
        self.block(6, &[head, padded(captured), options.to_vec()].concat())
    }
}

fn padded(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// Two sections with interfaces of their own, and packets of all kinds.
fn sample(big_endian: bool) -> Vec<u8> {
    let order = Order { big_endian };
    let offset = if big_endian { 5i64.to_be_bytes() } else { 5i64.to_le_bytes() };
    let name = |name: &str| order.option(2, name.as_bytes());
    let outbound = order.option(2, &order.word(2));
    let first = if big_endian { order.word(1 << 16) } else { order.word(1) };
    [
        order.section(),
        order.interface(1, 6, &[name("eth0")]),
        order.interface(101, 0, &[name("tun0"), order.option(9, &[9]), order.option(14, &offset)]),
        // Names, statistics and a kind that nobody knows.
        order.block(4, &[0; 4]),
        order.block(5, &[0; 12]),
        order.block(0x1234, b"what"),
        order.packet(0, 1_000_001, (b"whole", 5), &[]),
        order.packet(1, 7, (b"cut", 9), &[outbound, vec![0; 4]].concat()),
        order.block(3, &[&order.word(8)[..], b"simple", &[0; 2]].concat()),
        order.block(2, &[&first[..], &order.words(&[0, 9, 3, 3]), b"old", &[0]].concat()),
        order.section(),
        order.interface(1, 0, &[order.option(13, &[4])]),
        order.packet(0, 3, (b"framecrc!", 9), &[]),
    ]
    .concat()
}

#[test]
fn blocks_of_both_byte_orders_are_read_alike() {
    let name = |name: &str| Some(name.to_string());
    let packets = vec![
        (1, name("eth0"), 1, Some(1_000_001_000), 5, b"whole".to_vec(), false),
        (2, name("tun0"), 101, Some(5_000_000_007), 9, b"cut".to_vec(), true),
        (3, name("eth0"), 1, None, 8, b"simple".to_vec(), false),
        (4, name("tun0"), 101, Some(5_000_000_009), 3, b"old".to_vec(), false),
        (5, None, 1, Some(3_000), 5, b"frame".to_vec(), false),
    ];
    for big_endian in [false, true] {
        assert_eq!(read(&sample(big_endian)), (packets.clone(), None), "big endian: {big_endian}");
    }
    let mut capture =
        Capture::new(Box::new(io::Cursor::new(sample(true))), "file".into(), None).expect("a capture");
    while capture.next_packet().expect("is whole").is_some() {}
    let unknown = capture.unknown_blocks().expect("one is unknown");
    assert_eq!((unknown.kind, unknown.count), (0x1234, 1));
    assert_eq!(sample(true)[unknown.offset as usize..][..4], [0, 0, 0x12, 0x34]);
}

/// A pcap: its magic number, and how many units make a second.
fn classic(big_endian: bool, magic: u32) -> Vec<u8> {
    let order = Order { big_endian };
    let head = [&order.word(magic)[..], &order.short(2), &order.short(4), &order.words(&[0, 0, 65_535, 1])];
    let records = [order.words(&[2, 5, 3, 3]), b"one".to_vec(), order.words(&[2, 6, 2, 40]), b"tw".to_vec()];
    [head.concat(), records.concat()].concat()
}

#[test]
fn records_of_pcap_are_read_in_both_orders_and_resolutions() {
    for big_endian in [false, true] {
        for (magic, unit) in [(0xa1b2_c3d4, 1_000), (0xa1b2_3c4d, 1)] {
            let time = |units: u64| Some(2_000_000_000 + units * unit);
            let packets = vec![
                (1, None, 1, time(5), 3, b"one".to_vec(), false),
                (2, None, 1, time(6), 40, b"tw".to_vec(), false),
            ];
            assert_eq!(read(&classic(big_endian, magic)), (packets, None));
        }
    }
}

#[test]
fn what_ends_too_early_is_refused_after_the_packets_before_it() {
    for whole in [sample(false), sample(true), classic(false, 0xa1b2_c3d4), classic(true, 0xa1b2_3c4d)] {
        let (packets, _) = read(&whole);
        for length in 0..whole.len() {
            let (some, why) = read(&whole[..length]);
            assert_eq!(some, packets[..some.len()], "{length} bytes");
            // Between two records nothing is missing.
            let Some(why) = why else { continue };
            assert!(why.starts_with("file: "), "{why}");
            if length >= 24 {
                let place = format!("after packet {}, at byte ", some.len());
                assert!(why.contains("cut off") && why.contains(&place), "{why}");
            }
        }
    }
    let (_, why) = read(b"");
    assert!(why.is_some_and(|why| why.contains("is empty")));
    let (_, why) = read(&[0x1f, 0x8b, 8, 0]);
    assert!(why.is_some_and(|why| why.contains("decompress it")));
    let (_, why) = read(b"to,from\n8.8.8.8,\n8.8.8.8,\n");
    assert!(why.is_some_and(|why| why.contains("neither pcap nor pcapng")));
}

#[test]
fn damaged_blocks_are_refused_with_their_place() {
    let order = Order { big_endian: false };
    let begin = [order.section(), order.interface(1, 0, &[])].concat();
    let place = format!("at byte {}", begin.len());
    let with = |block: Vec<u8>| read(&[begin.clone(), block].concat()).1.expect("is refused");
    let longer = order.block(6, &order.words(&[0, 0, 0, 100, 100]));
    let mut two_lengths = order.packet(0, 0, (b"abcd", 4), &[]);
    let end = two_lengths.len() - 4;
    two_lengths[end] += 4;
    for (block, why) in [
        (longer, "longer than itself"),
        (order.block(2, &order.words(&[0, 0, 0, 100, 100])), "longer than its block"),
        (order.packet(7, 0, (b"abcd", 4), &[]), "interface 7"),
        (two_lengths, "two lengths"),
        (order.words(&[6, 8, 0]), "is said to be 8"),
        (order.words(&[6, 33, 0]), "is said to be 33"),
        (order.words(&[6, 0x7fff_fffc, 0]), "is said to be 2147483644"),
        (order.block(0x0a0d_0d0a, &[0; 16]), "without a byte order"),
    ] {
        let told = with(block);
        assert!(told.contains(why) && told.contains(&place), "{told}");
    }
    let long = [classic(false, 0xa1b2_c3d4), order.words(&[0, 0, u32::MAX, u32::MAX])].concat();
    assert!(read(&long).1.is_some_and(|why| why.contains("packet of 4294967295 bytes")));
}

#[test]
fn no_bytes_are_read_beyond_their_meaning() {
    let mut random = Rng::new(7);
    for round in 0..20_000 {
        let mut bytes = match round % 3 {
            0 => sample(false),
            1 => sample(true),
            _ => classic(round % 2 == 0, 0xa1b2_c3d4),
        };
        for _ in 0..=random.below(4) {
            let at = random.below(bytes.len() as u64) as usize;
            bytes[at] = random.next_u64() as u8;
        }
        bytes.truncate(bytes.len() - random.below(8) as usize);
        // It ends, in one way or the other.
        read(&bytes);
    }
}

/// A file in memory.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panics").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_is_written_is_read_again() {
    let file = Shared::default();
    let mut writer = Writer::new(Box::new(file.clone()), "file".into()).expect("memory takes all");
    let (eth0, tun0) = (
        Device { index: 2, name: "eth0".into(), link_type: 1 },
        Device { index: 9, name: "tun0".into(), link_type: 101 },
    );
    let time = 1_700_000_000_123_456_789;
    for (device, after, bytes) in [(&eth0, 0, &b"frame"[..]), (&tun0, 1, b"packet"), (&eth0, 2, b"")] {
        writer.packet(device, time + after, bytes, b"why").expect("memory takes all");
    }
    writer.flush().expect("memory takes all");
    let name = |name: &str| Some(name.to_string());
    let packets = vec![
        (1, name("eth0"), 1, Some(time), 5, b"frame".to_vec(), false),
        (2, name("tun0"), 101, Some(time + 1), 6, b"packet".to_vec(), false),
        (3, name("eth0"), 1, Some(time + 2), 0, Vec::new(), false),
    ];
    let bytes = file.0.lock().expect("nobody panics").clone();
    assert_eq!(read(&bytes), (packets, None));
    let comments = bytes.windows(8).filter(|window| *window == b"\x01\x00\x03\x00why\x00");
    assert_eq!(comments.count(), 3, "a comment each");
}
