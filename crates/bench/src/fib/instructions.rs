//! `fib --instructions`: how many instructions our own structures take for a
//! fixed piece of work, counted by valgrind. Unlike times, the counts are
//! nearly the same on every run, so that a small regression shows.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use fingerpost_fib::Level;
use fingerpost_net::Family;
use serde::{Deserialize, Serialize};

use super::keys::{Keys, draw};
use super::measure::note;
use super::peers::{self, Native};
use super::structure::Mode;
use super::subject::{Order, Subject, Trace, Work};
use super::updates::churn;
use crate::output;
use crate::table::synthetic;

/// More than this much more than the baseline is a failure.
const TOLERANCE: f64 = 0.03;
const ROUTES: usize = 20_000;
const LOOKUPS: usize = 100_000;
const CHANGES: usize = 10_000;
const BATCH: usize = 256;

/// What the worker does. Each does what the one that it is counted without does, and more.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Task {
    Nothing,
    Build,
    Batched,
    Independent,
    Update,
}

impl Task {
    const COUNTED: [Task; 4] = [Task::Build, Task::Batched, Task::Independent, Task::Update];

    fn name(self) -> &'static str {
        match self {
            Task::Nothing => "nothing",
            Task::Build => "build",
            Task::Batched => "batched",
            Task::Independent => "independent",
            Task::Update => "update",
        }
    }

    fn without(self) -> Task {
        match self {
            Task::Nothing | Task::Build => Task::Nothing,
            Task::Batched | Task::Independent | Task::Update => Task::Build,
        }
    }

    /// What there are many of.
    fn things(self) -> &'static str {
        match self {
            Task::Nothing => "nothings",
            Task::Build => "routes built",
            Task::Batched => "batched lookups",
            Task::Independent => "independent lookups",
            Task::Update => "updates",
        }
    }

    /// How many.
    fn size(self) -> usize {
        match self {
            Task::Nothing => 1,
            Task::Build => ROUTES,
            Task::Batched | Task::Independent => LOOKUPS,
            Task::Update => CHANGES,
        }
    }
}

/// What is committed.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Baseline {
    /// Instructions for each piece of work, all of it.
    instructions: BTreeMap<String, u64>,
}

fn baseline_path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("instructions.json")
}

/// Counts, prints, and compares with the baseline or writes it; whether nothing takes more than it may.
///
/// # Errors
///
/// The baseline cannot be read or written, or a worker fails.
pub fn run(write: bool) -> io::Result<bool> {
    let has_valgrind = Command::new("valgrind").arg("--version").stdout(Stdio::null()).status();
    if !has_valgrind.is_ok_and(|status| status.success()) {
        output::print("skipped: valgrind is not installed\n")?;
        return Ok(true);
    }
    if std::env::consts::ARCH != "x86_64" {
        output::print("skipped: the baseline is for x86-64\n")?;
        return Ok(true);
    }
    // What valgrind's processor has of this one's vector instructions.
    let has_avx2 = Level::all().any(|level| level.name() == "avx2");
    let mut counted = Baseline::default();
    for name in peers::OWN {
        if name == "fingerpost" && !has_avx2 {
            note("left out: fingerpost, whose baseline is with AVX2");
            continue;
        }
        counted.instructions.extend(of::<Ipv4Addr>(name)?);
        counted.instructions.extend(of::<Ipv6Addr>(name)?);
    }
    let path = baseline_path();
    let named = |error: io::Error| io::Error::other(format!("{}: {error}", path.display()));
    if write {
        let text = serde_json::to_string_pretty(&counted).map_err(io::Error::other)?;
        std::fs::write(&path, text + "\n").map_err(named)?;
        output::print(&format!("{} was written\n", path.display()))?;
        return Ok(true);
    }
    let text = std::fs::read_to_string(&path).map_err(named)?;
    let baseline: Baseline = serde_json::from_str(&text).map_err(|error| named(io::Error::other(error)))?;
    let lines = compare(&baseline, &counted);
    for (line, _) in &lines {
        output::print(&format!("{line}\n"))?;
    }
    Ok(lines.iter().all(|&(_, holds)| holds))
}

/// What a structure takes for each piece of work; nothing where it is not of this family.
fn of<I: Native>(name: &str) -> io::Result<BTreeMap<String, u64>> {
    let Ok(subject) = peers::named::<I>(name) else { return Ok(BTreeMap::new()) };
    let (family, family_name) = match I::FAMILY {
        Family::V4 => ("4", "IPv4"),
        Family::V6 => ("6", "IPv6"),
    };
    note(&format!("counting: {name}, {family_name}"));
    let mut done: BTreeMap<&str, u64> = BTreeMap::new();
    let mut of = BTreeMap::new();
    for task in [Task::Nothing].into_iter().chain(Task::COUNTED) {
        if task == Task::Batched && !subject.is_batched() {
            continue;
        }
        let count = count(name, family, task)?;
        done.insert(task.name(), count);
        let without = done.get(task.without().name()).copied().unwrap_or(0);
        if task != Task::Nothing {
            let what = format!("{name}, {family_name}, {} {}", task.size(), task.things());
            of.insert(what, count.saturating_sub(without));
        }
    }
    Ok(of)
}

/// A line for each piece of work, and whether it takes no more than it may.
fn compare(baseline: &Baseline, counted: &Baseline) -> Vec<(String, bool)> {
    let line = |(what, &now): (&String, &u64)| {
        let Some(&before) = baseline.instructions.get(what) else {
            return (format!("{what}: {now} instructions, not in the baseline (--write-baseline)"), false);
        };
        let change = now as f64 / before.max(1) as f64 - 1.0;
        let verdict = match change {
            change if change > TOLERANCE => ": TOO MANY",
            change if change < -TOLERANCE => ": fewer, write a new baseline (--write-baseline)",
            _ => "",
        };
        let text =
            format!("{what}: {now} instructions, baseline {before} ({:+.1} %){verdict}", change * 100.0);
        (text, change <= TOLERANCE)
    };
    counted.instructions.iter().map(line).collect()
}

/// Instructions of a worker, all of them.
fn count(name: &str, family: &str, task: Task) -> io::Result<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=cachegrind", "--cache-sim=no", "--branch-sim=no", "--cachegrind-out-file=/dev/null"])
        .arg(std::env::current_exe()?)
        .args(["fib-worker", name, family, task.name()])
        .stdout(Stdio::null())
        .output()?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    match (output.status.success(), refs(&text)) {
        (true, Some(count)) => Ok(count),
        _ => Err(io::Error::other(format!("valgrind: {}", text.lines().last().unwrap_or("no word why")))),
    }
}

/// The count in cachegrind's `==1== I   refs:      1,234`.
fn refs(text: &str) -> Option<u64> {
    let digits = text.lines().find_map(|line| line.split_once("refs:"))?.1;
    digits.chars().filter(char::is_ascii_digit).collect::<String>().parse().ok()
}

/// Does the piece of work that is counted.
///
/// # Errors
///
/// The words name none, or it fails.
pub fn worker(name: &str, family: &str, task: &str) -> io::Result<()> {
    let unknown = || io::Error::other(format!("{name} {family} {task}: unknown work"));
    let all = [Task::Nothing].into_iter().chain(Task::COUNTED);
    let task = all.into_iter().find(|known| known.name() == task).ok_or_else(unknown)?;
    match family {
        "4" => work::<Ipv4Addr>(peers::named(name)?, task),
        "6" => work::<Ipv6Addr>(peers::named(name)?, task),
        _ => Err(unknown()),
    }
}

fn work<I: Native>(mut subject: Box<dyn Subject<I>>, task: Task) -> io::Result<()> {
    let routes = synthetic::<I>(1, ROUTES);
    let changes = churn(&routes, CHANGES, 2);
    let trace = Trace { kind: Keys::InPrefix, keys: draw(Keys::InPrefix, &routes, LOOKUPS, 3) };
    let work = Work {
        routes: &routes,
        shuffled: &[],
        traces: std::slice::from_ref(&trace),
        batch: BATCH,
        limit: Duration::MAX,
        files: None,
    };
    if task == Task::Nothing {
        return Ok(());
    }
    subject.build(&work, Order::Sorted)?;
    match task {
        Task::Nothing | Task::Build => {}
        Task::Batched => drop(subject.pass(&work, Mode::Batched, 0, LOOKUPS)?),
        Task::Independent => drop(subject.pass(&work, Mode::Independent, 0, LOOKUPS)?),
        Task::Update => drop(subject.apply(&changes, BATCH, Duration::MAX)?),
    }
    // How long a structure takes to go away is not counted.
    std::mem::forget(subject);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_found() {
        let text = "==7== Cachegrind, a cache profiler\n==7== I   refs:      1,234,567\n";
        assert_eq!(refs(text), Some(1_234_567));
        assert_eq!(refs("valgrind: no such file"), None);
    }

    #[test]
    fn more_than_the_tolerance_fails() {
        let of = |count| Baseline { instructions: [("work".to_string(), count)].into() };
        let holds = |before, now| compare(&of(before), &of(now)).iter().all(|&(_, holds)| holds);
        assert!(holds(1000, 1000) && holds(1000, 1020) && holds(1000, 500));
        assert!(!holds(1000, 1040));
        assert!(!compare(&Baseline::default(), &of(1))[0].1, "what has no baseline fails");
    }

    #[test]
    fn each_piece_of_work_can_be_done() {
        for name in peers::OWN {
            for task in [Task::Nothing].into_iter().chain(Task::COUNTED) {
                assert!(worker(name, "4", task.name()).is_ok(), "{name}, {}", task.name());
            }
        }
        assert!(worker("lc-trie", "6", "update").is_ok());
        assert!(worker("lc-trie", "5", "build").is_err());
        assert!(worker("lc-trie", "4", "rest").is_err());
    }
}
