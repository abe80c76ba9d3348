//! `replay`: a capture from its file through a host with two devices, with the capture of what
//! leaves, with the report, and with both.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::net::Ipv4Addr;
use std::path::Path;

use fingerpost::replay::{self, Capture, Options, Writer};
use fingerpost::source::SourceArgs;

use crate::forward::{Frame, frame};
use crate::process::{Scratch, median, peak_mb, thread_cpu};
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
ip neigh add 10.1.0.2 lladdr 02:00:00:00:00:03 dev eth1 nud permanent
ip route add 20.0.0.0/8 via 10.1.0.2
sysctl -w net.ipv4.ip_forward=1
";

/// What is written: the capture of what leaves, the report.
const WAYS: [(&str, bool, bool); 4] = [
    ("nothing written", false, false),
    ("with the capture of what leaves", true, false),
    ("with the report", false, true),
    ("with both", true, true),
];

/// Measures a capture that is made here, all ways in turn.
///
/// # Errors
///
/// A file cannot be written or read, or packets are lost.
pub fn measure(report: &mut Report) -> io::Result<()> {
    let scratch = Scratch::new()?;
    let (script, capture) = (scratch.path().join("host.sh"), scratch.path().join("packets.pcap"));
    fs::write(&script, SCRIPT)?;
    write_capture(&capture)?;
    let mut times = [const { Vec::new() }; WAYS.len()];
    for _ in 0..PASSES {
        for (times, &(_, writes, reports)) in times.iter_mut().zip(&WAYS) {
            times.push(pass(&script, &capture, writes, reports)?);
        }
    }
    for (times, (what, ..)) in times.into_iter().zip(WAYS) {
        let rate = f64::from(PACKETS) / median(times);
        report.row(what, rate / 1e6, "M/s", Some(Goal::AtLeast(GOAL / 1e6)));
    }
    report.row("memory at most", peak_mb()?, "MB", None);
    report.remark(format!("{PACKETS} packets of {} bytes, {FLOWS} flows, forwarded", size_of::<Frame>()));
    Ok(())
}

/// CPU seconds for the whole capture.
fn pass(script: &Path, capture: &Path, writes: bool, reports: bool) -> io::Result<f64> {
    let args = SourceArgs { script: Some(script.into()), ..SourceArgs::default() };
    let mut source = args.load().map_err(io::Error::other)?;
    let options = Options { on: Some("eth0".into()), ..Options::default() };
    let mut writer = match writes {
        true => Some(Writer::new(nowhere()?, "frames".into())?),
        false => None,
    };
    let mut report = match reports {
        true => Some(replay::Report::new(nowhere()?, "report".into())),
        false => None,
    };
    let before = thread_cpu()?;
    let mut capture = Capture::open(capture).map_err(io::Error::other)?;
    let summary =
        replay::run(&mut capture, &mut source, &options, writer.as_mut(), report.as_mut(), &mut |_| {})
            .map_err(io::Error::other)?;
    let time = thread_cpu()? - before;
    match summary.emitted == u64::from(PACKETS) {
        true => Ok(time.as_secs_f64()),
        false => Err(io::Error::other(summary.text())),
    }
}

fn nowhere() -> io::Result<Box<dyn Write>> {
    Ok(Box::new(File::create("/dev/null")?))
}

/// A capture (pcap, microseconds, Ethernet) of packets of all flows in turn.
fn write_capture(path: &Path) -> io::Result<()> {
    let flow = |n: u32| {
        let n = n as u8;
        frame(MAC, Ipv4Addr::new(10, 0, 0, 2 + n % 8), Ipv4Addr::new(20, n, 0, n + 1))
    };
    let frames: Vec<Frame> = (0..FLOWS).map(flow).collect();
    let mut out = BufWriter::new(File::create(path)?);
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
    // Magic number, version 2.4, no time zone, no accuracy, the longest packet, Ethernet.
    out.write_all(&words(&[0xa1b2_c3d4, 4 << 16 | 2, 0, 0, 0xffff, 1]))?;
    let len = size_of::<Frame>() as u32;
    for (n, frame) in (0..PACKETS).zip(frames.iter().cycle()) {
        let micros = n * APART;
        out.write_all(&words(&[micros / 1_000_000, micros % 1_000_000, len, len]))?;
        out.write_all(frame)?;
    }
    out.flush()
}
