//! The kernel's side of a case.
//!
//! [`Kernel::run`] starts this same program again through `taskset` and `unshare --net`,
//! with the hidden verb [`PACKETS_SIDE`]; that child, [`packets_side`], builds the host, holds
//! its tun and tap devices, and does the steps. It stays busy while it waits, so that
//! the timers of its processor run in its name and their drops are heard.

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::oracle::{ENVIRONMENT, must_be_apart, settle};
use crate::packets::caller::Caller;
use crate::packets::case::{Case, Seen, Step};
use crate::packets::counters;
use crate::packets::drops::{Listener, Recorder};
use crate::packets::taps::Tap;
use crate::process::{pinned, run};

/// The verb under which this program does the steps inside the namespace.
pub const PACKETS_SIDE: &str = "packets-side";

/// The longest a case may take.
const DEADLINE: Duration = Duration::from_secs(120);

/// How long the kernel is given for what it leaves to other threads (ksoftirqd).
const SETTLE: Duration = Duration::from_micros(150);

/// Runs cases in fresh namespaces, on one processor.
pub struct Kernel {
    program: PathBuf,
    cpu: Option<usize>,
    recorder: Recorder,
}

impl Kernel {
    /// On `cpu`; `None` leaves the choice to the scheduler.
    ///
    /// # Errors
    ///
    /// Not root, or a kernel without tracing.
    pub fn new(cpu: Option<usize>) -> io::Result<Self> {
        let name = cpu.map_or("any".to_owned(), |cpu| cpu.to_string());
        Kernel::with_program(std::env::current_exe()?, cpu, &name)
    }

    /// The same on a kernel without tracing: why packets are dropped is not heard.
    ///
    /// # Errors
    ///
    /// There is no such program as this one.
    pub fn deaf(cpu: Option<usize>) -> io::Result<Self> {
        Ok(Kernel { program: std::env::current_exe()?, cpu, recorder: Recorder::deaf() })
    }

    /// The same, with the testkit's program elsewhere than this one.
    ///
    /// # Errors
    ///
    /// As [`Kernel::new`].
    pub fn with_program(program: PathBuf, cpu: Option<usize>, name: &str) -> io::Result<Self> {
        Ok(Kernel { program, cpu, recorder: Recorder::open(name)? })
    }

    /// What the kernel does, step by step.
    ///
    /// # Errors
    ///
    /// No namespace or device could be made.
    pub fn run(&self, case: &Case) -> io::Result<Vec<Seen>> {
        let mut command = pinned(self.cpu, "unshare");
        command.arg("--net").arg(&self.program).arg(PACKETS_SIDE).args(self.recorder.dir());
        let input = serde_json::to_string(case).map_err(io::Error::other)? + "\n";
        let done = run(&mut command, &input, DEADLINE)?;
        let seen: Result<Vec<Seen>, _> = done.stdout.lines().map(serde_json::from_str).collect();
        match (done.status, seen) {
            (0, Ok(seen)) if seen.len() == case.steps.len() => Ok(seen),
            (status, seen) => Err(io::Error::other(format!(
                "{} of {} steps done, status {status}: {}",
                seen.map_or(0, |seen| seen.len()),
                case.steps.len(),
                done.stderr.trim()
            ))),
        }
    }
}

/// Inside the namespace: reads a [`Case`] from `input`, writes a [`Seen`] a line to `output`.
///
/// # Errors
///
/// A device cannot be made, a pipe breaks, or this is no namespace of its own.
pub fn packets_side(tracing: Option<&Path>, input: impl Read, output: &mut impl Write) -> io::Result<()> {
    must_be_apart()?;
    let mut text = String::new();
    BufReader::new(input).read_line(&mut text)?;
    let case: Case = serde_json::from_str(&text)?;
    let taps = build(&case.script)?;
    let listener = tracing.map(Listener::open).transpose()?;
    let caller = match case.steps.iter().any(|step| matches!(step, Step::Call { .. })) {
        true => {
            let mut caller = Caller::start()?;
            caller.learn(["lo"].into_iter().chain(taps.iter().map(Tap::name)))?;
            listener.iter().try_for_each(|listener| listener.hear(caller.pid()))?;
            Some(caller)
        }
        false => None,
    };
    let mut host = Host { taps, listener, caller, counted: counters::read()?, start: Instant::now() };
    host.drain()?;
    host.reasons()?;
    for step in &case.steps {
        serde_json::to_writer(&mut *output, &host.step(step)?)?;
        output.write_all(b"\n")?;
    }
    output.flush()
}

/// Builds the host. Lines of `ip` that follow each other go to one `ip -batch`; one that is refused changes nothing.
fn build(script: &[String]) -> io::Result<Vec<Tap>> {
    let (mut taps, mut names) = (Vec::new(), BTreeSet::new());
    let mut batch = Batch::default();
    for line in script {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["sysctl", ..] => {
                if flush(&mut batch)? {
                    joined(&names)?;
                }
                set(line)?;
            }
            ["ip", "tuntap", ..] => {
                flush(&mut batch)?;
                taps.extend(Tap::for_line(&words)?);
                if let [.., name, "mode", "tap"] = words.as_slice() {
                    names.insert((*name).to_owned());
                }
            }
            ["ip", "neigh", "add", "proxy", ..] => {
                // Groups of what is stood in for are joined at once, those of addresses late.
                flush(&mut batch)?;
                joined(&names)?;
                add(&mut batch, "", &words[1..])?;
            }
            ["ip", family @ ("-4" | "-6"), rest @ ..] => add(&mut batch, family, rest)?,
            ["ip", rest @ ..] => add(&mut batch, "", rest)?,
            _ => return Err(io::Error::other(format!("not a line of ip or sysctl: {line}"))),
        }
    }
    flush(&mut batch)?;
    settle(&[])?;
    joined(&names)?;
    Ok(taps)
}

/// Lines for one `ip -batch`, whose family is told once.
#[derive(Default)]
struct Batch {
    family: String,
    lines: String,
}

fn add(batch: &mut Batch, family: &str, words: &[&str]) -> io::Result<()> {
    if batch.family != family {
        flush(batch)?;
        batch.family = family.to_owned();
    }
    batch.lines.push_str(&(words.join(" ") + "\n"));
    Ok(())
}

/// Runs the lines; tells whether there were any.
fn flush(batch: &mut Batch) -> io::Result<bool> {
    if batch.lines.is_empty() {
        return Ok(false);
    }
    let lines = std::mem::take(&mut batch.lines);
    let mut command = Command::new("ip");
    if !batch.family.is_empty() {
        command.arg(&batch.family);
    }
    let done = run(command.args(["-force", "-batch", "-"]).envs(ENVIRONMENT), &lines, DEADLINE)?;
    if std::env::var_os("FINGERPOST_SHOW_REFUSED").is_some() && done.status != 0 {
        eprintln!("{lines}{}", done.stderr);
    }
    Ok(true)
}

/// Waits until Linux has done what it does a moment after addresses came, or for a while: those
/// of taps have joined their groups, and those of links are not tentative.
fn joined(taps: &BTreeSet<String>) -> io::Result<()> {
    const LOOKS: u32 = 200;
    const TENTATIVE: u32 = 0x40;
    for _ in 0..LOOKS {
        let groups = std::fs::read_to_string("/proc/net/igmp6").unwrap_or_default();
        let is_ready = |line: &str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [addr, .., flags, dev] = words.as_slice() else { return true };
            let Some(low) = addr.get(26..).filter(|_| taps.contains(*dev)) else { return true };
            let group = format!("ff0200000000000000000001ff{low}");
            let is_tentative = u32::from_str_radix(flags, 16).is_ok_and(|flags| flags & TENTATIVE != 0);
            let mut lines = groups.lines().map(|line| line.split_whitespace());
            lines.any(|mut line| line.nth(1) == Some(dev) && line.next() == Some(&group))
                && !(is_tentative && addr.starts_with("fe80"))
        };
        let addresses = std::fs::read_to_string("/proc/net/if_inet6").unwrap_or_default();
        if addresses.lines().all(is_ready) {
            break;
        }
        thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

/// Writes what `sysctl -w name=value` names below `/proc/sys`, and whether the kernel took
/// it; what it refuses stays as it is.
fn set(line: &str) -> io::Result<bool> {
    let setting = line.trim_start_matches("sysctl").trim_start().trim_start_matches("-w").trim();
    let Some((name, value)) = setting.split_once('=') else {
        return Err(io::Error::other(format!("no setting: {setting}")));
    };
    let path = format!("/proc/sys/{}", name.replace('.', "/"));
    // A name that this kernel does not know stays unset, as `sysctl` leaves it.
    Ok(std::fs::write(path, value.trim_matches('"')).is_ok())
}

struct Host {
    taps: Vec<Tap>,
    /// None where the kernel has no tracing.
    listener: Option<Listener>,
    /// Where a program calls.
    caller: Option<Caller>,
    counted: counters::Counters,
    start: Instant,
}

impl Host {
    fn step(&mut self, step: &Step) -> io::Result<Seen> {
        let mut seen = Seen { at_us: self.start.elapsed().as_micros() as u64, ..Seen::default() };
        match step {
            Step::Inject { dev, frame, ms } => {
                let tap = self.taps.iter_mut().find(|tap| tap.name() == dev);
                let tap = tap.ok_or_else(|| io::Error::other(format!("no device {dev} is held")))?;
                seen.refused = tap.inject(&frame.0).is_err();
                self.wait(SETTLE, &mut seen)?;
                if *ms > 0 {
                    seen.reasons = self.reasons()?;
                    self.wait(Duration::from_millis(*ms), &mut seen)?;
                    // What follows may be dropped in the name of another process.
                    self.reasons()?;
                }
            }
            Step::Ask { command } => {
                let mut ip = Command::new("ip");
                let done = run(ip.args(command.split_whitespace()).envs(ENVIRONMENT), "", DEADLINE)?;
                seen.answer = done.stdout.lines().map(str::to_owned).collect();
            }
            Step::Call { socket, call } => {
                let caller = self.caller.as_mut().ok_or_else(|| io::Error::other("nobody calls"))?;
                seen.returned = Some(caller.call(*socket, call)?);
                self.wait(SETTLE, &mut seen)?;
            }
            Step::Wait { ms } => self.wait(Duration::from_millis(*ms), &mut seen)?,
            Step::Change { line } => {
                build(std::slice::from_ref(line))?;
                self.wait(SETTLE, &mut seen)?;
            }
        }
        seen.end_us = self.start.elapsed().as_micros() as u64;
        let counted = counters::read()?;
        seen.counters = counters::between(&self.counted, &counted);
        self.counted = counted;
        seen.deaf = self.listener.is_none();
        let reasons = self.reasons()?;
        seen.reasons.extend(reasons);
        Ok(seen)
    }

    fn reasons(&mut self) -> io::Result<Vec<String>> {
        self.listener.as_mut().map_or(Ok(Vec::new()), Listener::take)
    }

    fn wait(&mut self, time: Duration, seen: &mut Seen) -> io::Result<()> {
        let end = Instant::now() + time;
        loop {
            let late = Instant::now() >= end;
            let mut any = false;
            for tap in &mut self.taps {
                while let Some(frame) = tap.emitted()? {
                    seen.emitted.push((tap.name().to_owned(), frame));
                    any = true;
                }
            }
            if late && !any {
                return Ok(());
            }
            thread::yield_now();
        }
    }

    /// Drops what was sent while the host was built.
    fn drain(&mut self) -> io::Result<()> {
        // Of IPv6 the reports of groups come late, from another thread.
        let disabled = std::fs::read_to_string("/proc/sys/net/ipv6/conf/all/disable_ipv6");
        let quiet = if disabled.is_ok_and(|text| text.trim() == "0") { 60 } else { 2 };
        for _ in 0..20 {
            let mut seen = Seen::default();
            self.wait(Duration::from_millis(quiet), &mut seen)?;
            if quiet == 2 || seen.emitted.is_empty() {
                break;
            }
        }
        self.counted = counters::read()?;
        self.start = Instant::now();
        Ok(())
    }
}
