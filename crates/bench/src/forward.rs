//! `forward`: whole packets, bytes to bytes: in batches, one by one through the network
//! layer, and by the kernel through veth.

use std::collections::BTreeSet;
use std::io;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::{Duration, Instant};

use fingerpost::script::Runner;
use fingerpost_engine::path::{Arrived, Forwarded, Forwarder, Outcome};
use fingerpost_engine::trace::Tracer;
use fingerpost_engine::{Env, World};
use fingerpost_host::{Live, Target};
use fingerpost_iproute::Names;
use fingerpost_model::{Kernel, NsId};
use fingerpost_net::Family;
use fingerpost_net::wire::{Ethernet, Header, Ipv4, Udp, checksum, ethertype, proto};

use crate::alloc::taken;
use crate::load::{in_kernel, in_memory};
use crate::packet_socket::PacketSocket;
use crate::pin;
use crate::process::{median, run, thread_cpu};
use crate::report::{Goal, Report};
use crate::table::{self, Route};

const NS: NsId = NsId(0);
/// A frame of the least length, without the sum at its end.
const LEN: usize = 60;
/// Packets of a pass, and passes.
const PACKETS: usize = 1_000_000;
const PASSES: usize = 11;
/// Packets at once.
const BATCH: usize = 256;
/// Of those that go one by one, and through the kernel.
const FEW: usize = 200_000;
const KERNEL_PASSES: usize = 5;
/// How fast it should be, packets a second.
const GOAL: f64 = 10e6;
/// How long packets may take through the kernel.
const PATIENCE: Duration = Duration::from_secs(5);

/// A frame.
pub type Frame = [u8; LEN];

/// Measures forwarding on a full table, with the kernel in the namespace that this process is in.
///
/// # Errors
///
/// A command fails, or packets are lost.
pub fn measure(
    batch: &Path,
    routes: &[Route<Ipv4Addr>],
    sender: Ipv4Addr,
    with_kernel: bool,
    report: &mut Report,
) -> io::Result<()> {
    let keys = table::keys(routes, PACKETS, 7);
    let neighbours = neighbours(routes);
    let mut world = in_memory(Family::V4, batch, false)?;
    for line in &neighbours {
        let words: Vec<String> = format!("ip {line}").split_whitespace().map(String::from).collect();
        let outcome = Runner { world: &mut world, ns: NS, names: &Names::default() }.run(&words);
        if outcome.status != 0 {
            return Err(io::Error::other(format!("{line}: {}", outcome.stderr)));
        }
    }
    let (dev, mac) = ingress(&world)?;
    let frames: Vec<Frame> = keys.iter().map(|&dst| frame(mac, sender, dst)).collect();
    in_batches(&mut world, dev, &frames, report)?;
    one_by_one(&mut world, dev, &frames[..FEW], report)?;
    match with_kernel {
        true => by_kernel(batch, &neighbours, &keys, sender, report),
        false => {
            report.remark("the kernel was not measured: that takes root, ip, sysctl and unshare");
            Ok(())
        }
    }
}

/// Lines for a neighbour at each gateway.
fn neighbours(routes: &[Route<Ipv4Addr>]) -> Vec<String> {
    let hops: BTreeSet<u16> = routes.iter().map(|route| route.hop).collect();
    let line = |hop: &u16| {
        let [high, low] = hop.to_be_bytes();
        format!(
            "neigh add 100.64.{high}.{low} lladdr 02:00:00:00:{high:02x}:{low:02x} dev out0 nud permanent"
        )
    };
    hops.iter().map(line).collect()
}

/// The ingress device and its address.
fn ingress(world: &World) -> io::Result<(u32, [u8; 6])> {
    let links = &world.ns(NS).map_err(io::Error::other)?.config.links;
    let link = links.find("in0").ok_or_else(|| io::Error::other("in0 is missing"))?;
    let mac = link.msg.address.as_ref().and_then(|addr| addr.0.as_slice().try_into().ok());
    Ok((link.index(), mac.ok_or_else(|| io::Error::other("in0 has no address"))?))
}

/// A UDP packet of the least length.
pub fn frame(to: [u8; 6], src: Ipv4Addr, dst: Ipv4Addr) -> Frame {
    let mut frame = [0; LEN];
    if let Some(link) = Ethernet::edit(&mut frame) {
        *link = Ethernet { dst: to, src: [2, 0, 0, 0, 0, 1], ethertype: ethertype::IPV4.into() };
    }
    let total = LEN - Ethernet::LEN;
    if let Some(header) = Ipv4::edit(&mut frame[Ethernet::LEN..]) {
        *header = Ipv4 {
            version_ihl: 0x45,
            tos: 0,
            total_len: (total as u16).into(),
            id: 1.into(),
            fragment: 0.into(),
            ttl: 64,
            proto: proto::UDP,
            checksum: 0.into(),
            src: src.octets(),
            dst: dst.octets(),
        };
    }
    let sum = checksum(&frame[Ethernet::LEN..Ethernet::LEN + Ipv4::LEN]);
    if let Some(header) = Ipv4::edit(&mut frame[Ethernet::LEN..]) {
        header.checksum = sum.into();
    }
    if let Some(udp) = Udp::edit(&mut frame[Ethernet::LEN + Ipv4::LEN..]) {
        let len = (total - Ipv4::LEN) as u16;
        *udp = Udp { sport: 1000.into(), dport: 2000.into(), len: len.into(), checksum: 0.into() };
    }
    frame
}

/// Frames are copied into buffers, as a device would, and forwarded there.
fn in_batches(world: &mut World, dev: u32, frames: &[Frame], report: &mut Report) -> io::Result<()> {
    let env = Env { behaviour: &world.behaviour, now: world.now };
    let space = world.namespaces.get_mut(&NS).ok_or(io::ErrorKind::NotFound)?;
    let forwarder = Forwarder::new(space, env);
    let mut buffers = vec![Arrived { dev, buffer: [0; LEN], len: LEN }; BATCH];
    let mut fates = vec![Forwarded::Ask; BATCH];
    let mut pass = || -> io::Result<f64> {
        let (before, mut forwarded) = (thread_cpu()?, 0);
        for frames in frames.chunks(BATCH) {
            let (buffers, fates) = (&mut buffers[..frames.len()], &mut fates[..frames.len()]);
            for (buffer, frame) in buffers.iter_mut().zip(frames) {
                (buffer.buffer, buffer.len) = (*frame, LEN);
            }
            forwarder.forward(buffers, fates, &mut space.state);
            forwarded += fates.iter().filter(|fate| matches!(fate, Forwarded::By(_))).count();
        }
        match forwarded == frames.len() {
            true => Ok((thread_cpu()? - before).as_nanos() as f64 / frames.len() as f64),
            false => Err(io::Error::other(format!("{forwarded} of {} forwarded", frames.len()))),
        }
    };
    let times: Vec<f64> = (0..PASSES).map(|_| pass()).collect::<io::Result<_>>()?;
    let (done, bytes) = taken(&mut pass);
    done?;
    report.row("in batches", 1e9 / median(times) / 1e6, "M/s", Some(Goal::AtLeast(GOAL / 1e6)));
    report.row(
        "allocated meanwhile",
        bytes as f64 / frames.len() as f64,
        "bytes a packet",
        Some(Goal::AtMost(0.0)),
    );
    Ok(())
}

/// Each through the whole network layer, untraced.
fn one_by_one(world: &mut World, dev: u32, frames: &[Frame], report: &mut Report) -> io::Result<()> {
    let before = thread_cpu()?;
    for frame in frames {
        let handled = world.receive(NS, dev, frame, &mut Tracer::off()).map_err(io::Error::other)?;
        if handled.outcome != Outcome::Sent {
            return Err(io::Error::other(format!("{:?}", handled.outcome)));
        }
    }
    let time = (thread_cpu()? - before).as_nanos() as f64 / frames.len() as f64;
    report.row("one by one, through every stage", 1e3 / time, "M/s", None);
    Ok(())
}

/// Frames sent into one veth pair, counted at the end of the other, all on one processor.
fn by_kernel(
    batch: &Path,
    neighbours: &[String],
    keys: &[Ipv4Addr],
    sender: Ipv4Addr,
    report: &mut Report,
) -> io::Result<()> {
    in_kernel(Family::V4, batch, false)?;
    for line in neighbours {
        run("ip", &line.split_whitespace().collect::<Vec<_>>())?;
    }
    let mut live = Live::open(&Target::Current).map_err(io::Error::other)?;
    let mut link = |name| live.get_link(NS, 0, Some(name)).map_err(io::Error::other);
    let addr = link("in0")?.address.and_then(|addr| addr.0.try_into().ok());
    let mac = addr.ok_or_else(|| io::Error::other("in0 has no address"))?;
    let entry = link("in1")?.index;
    let frames: Vec<Frame> = keys[..FEW].iter().map(|&dst| frame(mac, sender, dst)).collect();
    let socket = PacketSocket::open(entry)?;
    let [cpu, _] = pin::two()?;
    let _pinned = pin::here(cpu)?;
    let mut rates = Vec::new();
    for _ in 0..KERNEL_PASSES {
        let (before, start) = (received()?, Instant::now());
        let sent = socket.send(&frames)?;
        while received()? - before < sent as u64 && start.elapsed() < PATIENCE {
            std::thread::yield_now();
        }
        let arrived = received()? - before;
        rates.push(arrived as f64 / start.elapsed().as_secs_f64() / 1e6);
        if arrived < sent as u64 {
            report.remark(format!("the kernel forwarded {arrived} of {sent} packets in {PATIENCE:?}"));
        }
    }
    report.row("kernel, through veth, who sends included", median(rates), "M/s", None);
    Ok(())
}

/// Packets that `out1` has received.
fn received() -> io::Result<u64> {
    let text = std::fs::read_to_string("/proc/net/dev")?;
    let line = text.lines().find_map(|line| line.trim().strip_prefix("out1:"));
    let count = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
    count.ok_or_else(|| io::Error::other("/proc/net/dev does not count out1"))
}
