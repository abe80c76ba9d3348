//! Time and memory of processes, as `/proc` tells them; and this program again
//! in a child, within a network namespace of its own where that is possible.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

/// Clock ticks a second in `/proc/PID/stat`: fixed for user space on Linux.
const TICKS: f64 = 100.0;

/// CPU seconds of this process so far, all threads, user and system.
///
/// # Errors
///
/// `/proc` cannot be read.
pub fn cpu_seconds() -> io::Result<f64> {
    stat(Path::new("/proc/self/stat")).map(|(_, seconds)| seconds)
}

/// CPU time of this thread so far, exact to the nanosecond: what `/proc` says of it is of the last clock tick.
///
/// # Errors
///
/// It is not known here.
#[cfg(target_os = "linux")]
pub fn thread_cpu() -> io::Result<Duration> {
    use rustix::time::{ClockId, clock_gettime};
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(now).map_err(|_| io::Error::other("a time before the start"))
}

/// As on Linux, where it is known.
#[cfg(not(target_os = "linux"))]
pub fn thread_cpu() -> io::Result<Duration> {
    Err(io::ErrorKind::Unsupported.into())
}

/// For how long this thread so far could have run, but waited for a processor; zero where that is not counted.
pub fn waited() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let ns = text.split_whitespace().nth(1).and_then(|word| word.parse().ok());
    Duration::from_nanos(ns.unwrap_or(0))
}

/// Most memory this process ever had resident, in MB.
///
/// # Errors
///
/// `/proc` cannot be read.
pub fn peak_mb() -> io::Result<f64> {
    kb_field("/proc/self/status", "VmHWM:").map(|kb| kb / 1000.0 * 1.024)
}

/// Memory in kernel slabs, in MB: the whole machine's.
///
/// # Errors
///
/// `/proc` cannot be read.
pub fn slab_mb() -> io::Result<f64> {
    let slab = kb_field("/proc/meminfo", "Slab:")? + kb_field("/proc/meminfo", "Percpu:").unwrap_or(0.0);
    let vmalloc = kb_field("/proc/meminfo", "VmallocUsed:").unwrap_or(0.0);
    Ok((slab + vmalloc) / 1000.0 * 1.024)
}

fn kb_field(path: &str, name: &str) -> io::Result<f64> {
    let text = std::fs::read_to_string(path)?;
    text.lines()
        .find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok())
        .ok_or_else(|| io::Error::other(format!("{path} has no {name}")))
}

/// State letter, and user and system seconds.
fn stat(path: &Path) -> io::Result<(char, f64)> {
    let text = std::fs::read_to_string(path)?;
    // The name in parentheses may hold anything.
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|f| f.parse::<f64>().ok());
    match (fields.first().and_then(|f| f.chars().next()), ticks(11), ticks(12)) {
        (Some(state), Some(user), Some(system)) => Ok((state, (user + system) / TICKS)),
        _ => Err(io::Error::other(format!("{} is not understood", path.display()))),
    }
}

/// Waits for a child and gives its CPU seconds, those of its own children left out.
///
/// # Errors
///
/// It fails, or cannot be watched.
pub fn cpu_of(mut child: Child) -> io::Result<f64> {
    let path = format!("/proc/{}/stat", child.id());
    // A child that has ended keeps its figures until it is waited for.
    let seconds = loop {
        match stat(Path::new(&path))? {
            ('Z' | 'X', seconds) => break seconds,
            _ => sleep(Duration::from_millis(5)),
        }
    };
    match child.wait()?.success() {
        true => Ok(seconds),
        false => Err(io::Error::other("a measured command failed")),
    }
}

/// Whether network namespaces can be made here.
pub fn can_unshare() -> bool {
    let probe = Command::new("unshare")
        .args(["--net", "ip", "link", "show"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    probe.is_ok_and(|status| status.success())
}

/// Runs this program again with the given arguments, in a namespace of its own
/// when `isolated`, and reads the JSON object it prints.
///
/// # Errors
///
/// The child cannot be started, fails, or prints something else.
pub fn again<T: serde::de::DeserializeOwned>(isolated: bool, args: &[String]) -> io::Result<T> {
    let own = std::env::current_exe()?;
    let mut command = if isolated { Command::new("unshare") } else { Command::new(&own) };
    if isolated {
        command.arg("--net").arg(&own);
    }
    let output = command.args(args).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(io::Error::other(format!("{args:?} failed")));
    }
    serde_json::from_slice(&output.stdout).map_err(io::Error::other)
}

/// Runs a command to its end.
///
/// # Errors
///
/// It cannot be started or fails; with its error output.
pub fn run(program: &str, args: &[&str]) -> io::Result<()> {
    let output = Command::new(program).args(args).output()?;
    match output.status.success() {
        true => Ok(()),
        false => {
            Err(io::Error::other(format!("{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr))))
        }
    }
}

/// A directory for files, removed in the end.
pub struct Scratch(PathBuf);

impl Scratch {
    /// A new one.
    ///
    /// # Errors
    ///
    /// It cannot be made.
    pub fn new() -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("fingerpost-bench-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Scratch(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Numbers in order of size, the middle one.
pub fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_childs_time_is_seen() {
        let child =
            Command::new("sh").args(["-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"]).spawn();
        let seconds = cpu_of(child.expect("a shell")).expect("ends");
        assert!(seconds > 0.01, "{seconds}");
        assert!(peak_mb().expect("is known") > 1.0);
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert!(median(Vec::new()).is_nan());
    }
}
