//! `replay`: captures of either family from their files through a host with two devices, with the
//! capture of what leaves, with the report, and with both.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::time::Instant;

use fingerpost::replay::{self, Capture, Options, Writer};
use fingerpost::source::SourceArgs;
use fingerpost_net::wire::{Ethernet, Header, Ipv6, Udp, ethertype, proto};

use crate::forward::frame;
use crate::process::{Scratch, median, peak_mb};
use crate::report::{Goal, Report};

/// Packets of the capture, its flows, and passes.
const PACKETS: u32 = 1_000_000;
const FLOWS: u32 = 64;
const PASSES: usize = 5;
/// Microseconds between two packets.
const APART: u32 = 10;
/// How fast it should be, packets a second.
const GOAL: f64 = 1e6;

const MAC: [u8; 6] = [2, 0, 0, 0, 0, 0x10];
/// The host.
const SCRIPT: &str = "\
ip tuntap add eth0 mode tap
ip tuntap add eth1 mode tap
ip link set eth0 address 02:00:00:00:00:10 up
ip link set eth1 address 02:00:00:00:00:11 up
ip addr add 10.0.0.1/24 dev eth0
ip addr add 10.1.0.1/24 dev eth1
ip addr add 2001:db8::1/64 dev eth0 nodad
ip addr add 2001:db8:1::1/64 dev eth1 nodad
ip neigh add 10.1.0.2 lladdr 02:00:00:00:00:03 dev eth1 nud permanent
ip neigh add 2001:db8:1::2 lladdr 02:00:00:00:00:03 dev eth1 nud permanent
ip route add 20.0.0.0/8 via 10.1.0.2
ip route add 2001:db8:20::/48 via 2001:db8:1::2
sysctl -w net.ipv4.ip_forward=1
sysctl -w net.ipv6.conf.all.forwarding=1
";

/// What is written.
#[derive(Clone, Copy)]
struct Written {
    /// The capture of what leaves.
    capture: bool,
    report: bool,
    /// Into files of a disk.
    is_kept: bool,
}

const WAYS: [(&str, Written); 5] = [
    ("nothing written", Written { capture: false, report: false, is_kept: false }),
    ("with the capture of what leaves", Written { capture: true, report: false, is_kept: false }),
    ("with the report", Written { capture: false, report: true, is_kept: false }),
    ("with both", Written { capture: true, report: true, is_kept: false }),
    ("with both, into files", Written { capture: true, report: true, is_kept: true }),
];

/// Makes the frame with a number.
type Make = fn(u32) -> Vec<u8>;

/// What is captured.
const KINDS: [(&str, Make); 3] =
    [("IPv4", |n| frame4(n % FLOWS)), ("IPv4, each packet a flow", frame4), ("IPv6", |n| frame6(n % FLOWS))];

/// Measures captures that are made here, all ways in turn.
///
/// # Errors
///
/// A file cannot be written or read, or packets are lost.
pub fn measure(report: &mut Report) -> io::Result<()> {
    let scratch = Scratch::new()?;
    let (script, capture) = (scratch.path().join("host.sh"), scratch.path().join("packets.pcap"));
    fs::write(&script, SCRIPT)?;
    for (kind, make) in KINDS {
        let len = write_capture(&capture, make)?;
        let mut times = [const { Vec::new() }; WAYS.len()];
        for _ in 0..PASSES {
            for (times, &(_, written)) in times.iter_mut().zip(&WAYS) {
                times.push(pass(&script, &capture, written)?);
            }
        }
        for (times, (what, ..)) in times.into_iter().zip(WAYS) {
            let rate = f64::from(PACKETS) / median(times);
            report.row(format!("{kind}: {what}"), rate / 1e6, "M/s", Some(Goal::AtLeast(GOAL / 1e6)));
        }
        report.remark(format!("{kind}: {PACKETS} packets of {len} bytes, forwarded"));
    }
    report.row("memory at most", peak_mb()?, "MB", None);
    report.remark(format!("{FLOWS} flows where nothing else is said"));
    Ok(())
}

/// Seconds for the whole capture; files are read and written by threads of their own, so that
/// it is not this one's time alone that counts.
fn pass(script: &Path, capture: &Path, written: Written) -> io::Result<f64> {
    let args = SourceArgs { script: Some(script.into()), ..SourceArgs::default() };
    let mut source = args.load().map_err(io::Error::other)?;
    let options = Options { on: Some("eth0".into()), ..Options::default() };
    let create = |name: &str| -> io::Result<Box<dyn Write + Send>> {
        let path = if written.is_kept { capture.with_file_name(name) } else { "/dev/null".into() };
        Ok(Box::new(File::create(path)?))
    };
    let mut writer = match written.capture {
        true => Some(Writer::new(create("frames.pcapng")?, "frames".into())?),
        false => None,
    };
    let mut report = match written.report {
        true => Some(replay::Report::new(create("report.ndjson")?, "report".into())),
        false => None,
    };
    let begin = Instant::now();
    let mut capture = Capture::open(capture).map_err(io::Error::other)?;
    let summary =
        replay::run(&mut capture, &mut source, &options, writer.as_mut(), report.as_mut(), &mut |_| {})
            .map_err(io::Error::other)?;
    let time = begin.elapsed();
    match summary.emitted == u64::from(PACKETS) {
        true => Ok(time.as_secs_f64()),
        false => Err(io::Error::other(summary.text())),
    }
}

/// A capture (pcap, microseconds, Ethernet) of packets, each by its number; how long each is.
fn write_capture(path: &Path, make: Make) -> io::Result<usize> {
    let mut out = BufWriter::new(File::create(path)?);
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
    // Magic number, version 2.4, no time zone, no accuracy, the longest packet, Ethernet.
    out.write_all(&words(&[0xa1b2_c3d4, 4 << 16 | 2, 0, 0, 0xffff, 1]))?;
    for n in 0..PACKETS {
        let (micros, frame) = (n * APART, make(n));
        let len = frame.len() as u32;
        out.write_all(&words(&[micros / 1_000_000, micros % 1_000_000, len, len]))?;
        out.write_all(&frame)?;
    }
    out.flush()?;
    Ok(make(0).len())
}

fn frame4(n: u32) -> Vec<u8> {
    let src = Ipv4Addr::new(10, 0, 0, 2 + (n % 8) as u8);
    frame(MAC, src, Ipv4Addr::from_bits(20 << 24 | n)).to_vec()
}

/// A datagram of UDP, whose sum a router does not look at.
fn frame6(n: u32) -> Vec<u8> {
    let mut frame = vec![0; Ethernet::LEN + Ipv6::LEN + Udp::LEN];
    let at =
        |network: u16, host: u32| Ipv6Addr::new(0x2001, 0xdb8, network, 0, 0, 0, 0, host as u16).octets();
    let udp =
        Udp { sport: 1000.into(), dport: 2000.into(), len: (Udp::LEN as u16).into(), checksum: 1.into() };
    if let Some(link) = Ethernet::edit(&mut frame) {
        *link = Ethernet { dst: MAC, src: [2, 0, 0, 0, 0, 2], ethertype: ethertype::IPV6.into() };
    }
    if let Some(header) = Ipv6::edit(&mut frame[Ethernet::LEN..]) {
        *header = Ipv6 {
            word: Ipv6::word_of(0, 0),
            payload_len: udp.len,
            next: proto::UDP,
            hop_limit: 64,
            src: at(0, 2 + n % 8),
            dst: at(0x20, n + 1),
        };
    }
    if let Some(header) = Udp::edit(&mut frame[Ethernet::LEN + Ipv6::LEN..]) {
        *header = udp;
    }
    frame
}
