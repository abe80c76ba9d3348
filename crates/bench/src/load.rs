//! `load`: a full table from an `ip -batch` file and from a snapshot, beside
//! the kernel with the real `ip -batch`.

use std::fs::File;
use std::io::{self, BufReader, BufWriter};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use fingerpost::script::Runner;
use fingerpost_engine::{Behaviour, World, restore};
use fingerpost_iproute::Names;
use fingerpost_model::snapshot::{FORMAT, Header, Line, Netns, Reader, Writer};
use fingerpost_model::{Kernel, NsId, RouteFilter};
use fingerpost_net::Family;
use serde::{Deserialize, Serialize};

use crate::process::{self, again, cpu_seconds, peak_mb};
use crate::report::{Goal, Report};
use crate::table;

/// Figures of one way to load.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Figures {
    /// Wall-clock seconds.
    pub wall: f64,
    /// CPU seconds.
    pub cpu: f64,
    /// MB: a process's peak, or what the kernel's memory grew by.
    pub mb: f64,
    /// Routes that are there afterwards.
    pub routes: usize,
}

/// How often each of our own is measured.
const PASSES: usize = 3;

/// Measures loading; `batch` is the file for `ip -batch`, `dir` takes the snapshot.
///
/// # Errors
///
/// A child fails, or a file cannot be written.
pub fn measure(
    family: Family,
    batch: &Path,
    dir: &Path,
    expected: usize,
    with_kernel: bool,
    report: &mut Report,
) -> io::Result<()> {
    let snapshot = dir.join("table.fp");
    let worker = |verb: &str, path: &Path| -> io::Result<Figures> {
        again(
            false,
            &[
                "worker".into(),
                verb.into(),
                option(family).into(),
                path.display().to_string(),
                snapshot.display().to_string(),
            ],
        )
    };
    let repeated = |verb: &str, path: &Path| -> io::Result<Figures> {
        let passes: Vec<Figures> = (0..PASSES).map(|_| worker(verb, path)).collect::<io::Result<_>>()?;
        Ok(Figures {
            wall: process::median(passes.iter().map(|f| f.wall).collect()),
            cpu: process::median(passes.iter().map(|f| f.cpu).collect()),
            mb: passes.iter().map(|f| f.mb).fold(0.0, f64::max),
            routes: passes[0].routes,
        })
    };
    // The goals are IPv4's.
    let goal = |goal| (family == Family::V4).then_some(goal);
    let ours = repeated("batch", batch)?;
    let written = worker("write", batch)?;
    let size = std::fs::metadata(&snapshot)?.len() as f64 / 1e6;
    let read = repeated("read", &snapshot)?;
    let kernel: Option<Figures> = if with_kernel && process::can_unshare() {
        let words = ["worker", "kernel", option(family)];
        let words = words.into_iter().map(String::from).chain([batch.display().to_string()]);
        Some(again(true, &words.collect::<Vec<_>>())?)
    } else {
        report.remark("the kernel was not measured: that takes root, ip, sysctl and unshare");
        None
    };
    for (what, figures) in [("ip -batch, fingerpost", &ours), ("snapshot, load", &read)] {
        if figures.routes < expected {
            return Err(io::Error::other(format!("{what}: {} of {expected} routes", figures.routes)));
        }
    }
    report.row("ip -batch, fingerpost: CPU", ours.cpu, "s", None);
    report.row("ip -batch, fingerpost: wall", ours.wall, "s", None);
    report.row("ip -batch, fingerpost: peak memory", ours.mb, "MB", goal(Goal::AtMost(250.0)));
    if let Some(kernel) = kernel {
        if kernel.routes < expected {
            return Err(io::Error::other(format!("the kernel has {} of {expected} routes", kernel.routes)));
        }
        report.row("ip -batch, kernel with the real ip: CPU", kernel.cpu, "s", None);
        report.row("ip -batch, kernel with the real ip: wall", kernel.wall, "s", None);
        report.row("ip -batch, kernel: memory (slab and vmalloc grew by)", kernel.mb, "MB", None);
        report.row(
            "ip -batch, how much faster (CPU)",
            kernel.cpu / ours.cpu,
            "times",
            goal(Goal::AtLeast(5.0)),
        );
    }
    report.row("snapshot, size", size, "MB", None);
    report.row("snapshot, write: wall", written.wall, "s", None);
    report.row("snapshot, load: CPU", read.cpu, "s", None);
    report.row("snapshot, load: wall", read.wall, "s", goal(Goal::AtMost(1.5)));
    report.row("snapshot, load: peak memory", read.mb, "MB", None);
    Ok(())
}

/// One measurement, in a process of its own.
///
/// # Errors
///
/// The file cannot be read or holds something that is refused.
pub fn worker(verb: &str, family: &str, path: &Path, snapshot: Option<&Path>) -> io::Result<Figures> {
    let family = if family == option(Family::V6) { Family::V6 } else { Family::V4 };
    match (verb, snapshot) {
        ("batch", _) => {
            let (start, before) = (Instant::now(), cpu_seconds()?);
            let mut world = in_memory(family, path, false)?;
            let figures = Figures {
                wall: start.elapsed().as_secs_f64(),
                cpu: cpu_seconds()? - before,
                mb: peak_mb()?,
                routes: 0,
            };
            Ok(Figures { routes: count(&mut world)?, ..figures })
        }
        ("write", Some(snapshot)) => {
            let mut world = in_memory(family, path, false)?;
            let (start, before) = (Instant::now(), cpu_seconds()?);
            write(&mut world, snapshot)?;
            Ok(Figures {
                wall: start.elapsed().as_secs_f64(),
                cpu: cpu_seconds()? - before,
                mb: peak_mb()?,
                routes: 0,
            })
        }
        ("read", _) => {
            let (start, before) = (Instant::now(), cpu_seconds()?);
            let mut world = read(path)?;
            let figures = Figures {
                wall: start.elapsed().as_secs_f64(),
                cpu: cpu_seconds()? - before,
                mb: peak_mb()?,
                routes: 0,
            };
            Ok(Figures { routes: count(&mut world)?, ..figures })
        }
        ("kernel", _) => in_kernel(family, path, false),
        _ => Err(io::Error::other(format!("{verb}: unknown worker"))),
    }
}

/// A world with a family's table, made by the same commands as the kernel's, from an `ip -batch` file.
///
/// # Errors
///
/// A command fails.
pub fn in_memory(family: Family, path: &Path, custom_rules: bool) -> io::Result<World> {
    let mut world = World::new(1, Behaviour::default());
    let names = Names::default();
    let mut runner = Runner { world: &mut world, ns: NsId(0), names: &names };
    let mut run = |program: &str, line: &str| {
        let words: Vec<String> =
            std::iter::once(program).chain(line.split_whitespace()).map(String::from).collect();
        let outcome = runner.run(&words);
        match outcome.status {
            0 => Ok(()),
            _ => Err(io::Error::other(format!("{program} {line}: {}", outcome.stderr))),
        }
    };
    for line in table::preparation(family, custom_rules) {
        run("ip", line)?;
    }
    for setting in table::settings(family) {
        run("sysctl", &format!("-w {setting}"))?;
    }
    run("ip", &format!("{} -batch {}", option(family), path.display()))?;
    Ok(world)
}

/// Loads a family's table into the kernel, in the namespace that this process is in.
///
/// # Errors
///
/// A command fails.
pub fn in_kernel(family: Family, path: &Path, custom_rules: bool) -> io::Result<Figures> {
    for line in table::preparation(family, custom_rules) {
        let words: Vec<&str> = line.split_whitespace().collect();
        process::run("ip", &words)?;
    }
    for &setting in table::settings(family) {
        process::run("sysctl", &["-qw", setting])?;
    }
    let (start, slab) = (Instant::now(), process::slab_mb()?);
    let mut batch = Command::new("ip");
    batch.args([option(family), "-batch"]).arg(path).stdin(Stdio::null());
    let cpu = process::cpu_of(batch.spawn()?)?;
    let wall = start.elapsed().as_secs_f64();
    let mb = process::slab_mb()? - slab;
    Ok(Figures { wall, cpu, mb, routes: routes_of_kernel(family)? })
}

/// The option of `ip` for a family.
fn option(family: Family) -> &'static str {
    match family {
        Family::V4 => "-4",
        Family::V6 => "-6",
    }
}

/// How many routes the kernel counts: to list them would take minutes.
fn routes_of_kernel(family: Family) -> io::Result<usize> {
    let count = match family {
        Family::V4 => {
            let stats = std::fs::read_to_string("/proc/net/fib_triestat")?;
            let tries = stats.lines().filter_map(|line| line.trim().strip_prefix("Prefixes:"));
            tries.filter_map(|count| count.trim().parse().ok()).max()
        }
        Family::V6 => {
            let stats = std::fs::read_to_string("/proc/net/rt6_stats")?;
            stats.split_whitespace().nth(3).and_then(|count| usize::from_str_radix(count, 16).ok())
        }
    };
    Ok(count.unwrap_or(0))
}

fn count(world: &mut World) -> io::Result<usize> {
    let mut routes = 0;
    world.routes(NsId(0), &RouteFilter::default(), &mut |_| routes += 1).map_err(io::Error::other)?;
    Ok(routes)
}

fn read(path: &Path) -> io::Result<World> {
    let reader =
        Reader::new(BufReader::with_capacity(1 << 20, File::open(path)?)).map_err(io::Error::other)?;
    restore(reader, 1).map(|restored| restored.world).map_err(io::Error::other)
}

/// Writes what a capture of the same host would hold of links, addresses, routes and rules.
fn write(world: &mut World, path: &Path) -> io::Result<()> {
    let header = Header { fingerpost: FORMAT, release: "6.18.0".into(), ..Header::default() };
    let mut writer = Writer::new(BufWriter::with_capacity(1 << 20, File::create(path)?), &header)?;
    let mut result = writer.write(&Line::Netns(Netns {
        custom_rules: Some(false),
        custom_local_routes: Some(false),
        realm_users: Some(false),
        ..Netns::default()
    }));
    let mut put = |line: Line| {
        if result.is_ok() {
            result = writer.write(&line);
        }
    };
    let ns = NsId(0);
    world.links(ns, &mut |msg| put(Line::Link(msg.clone()))).map_err(io::Error::other)?;
    world.addresses(ns, None, &mut |msg| put(Line::Address(msg.clone()))).map_err(io::Error::other)?;
    world.rules(ns, None, &mut |msg| put(Line::Rule(msg.clone()))).map_err(io::Error::other)?;
    world
        .routes(ns, &RouteFilter::default(), &mut |msg| put(Line::Route(msg.clone())))
        .map_err(io::Error::other)?;
    result?;
    writer.finish().map(|_| ())
}
