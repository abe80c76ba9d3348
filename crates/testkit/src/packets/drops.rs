//! Why the kernel drops packets: the tracepoint `skb:kfree_skb`, for one process.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::packets::taps::NONBLOCK;

/// What is recorded.
const EVENT: &str = "events/skb/kfree_skb/enable";

/// Freed, but not dropped.
const NO_DROPS: [&str; 2] = ["CONSUMED", "NOT_DROPPED_YET"];

/// A tracing instance of one's own; it goes when dropped. One that is deaf has none.
pub struct Recorder {
    dir: Option<PathBuf>,
}

impl Recorder {
    /// Makes the instance, which records once a [`Listener`] is there.
    ///
    /// # Errors
    ///
    /// Not root, or a kernel without tracing.
    pub fn open(name: &str) -> io::Result<Self> {
        let dir = crate::tracing::instance(&format!("-{name}"))?;
        let recorder = Recorder { dir: Some(dir) };
        // No process has this number; each listener names its own.
        recorder.set("set_event_pid", "1073741824").or_else(|_| recorder.set("set_event_pid", "1"))?;
        recorder.set("buffer_size_kb", "512")?;
        recorder.set(EVENT, "1")?;
        Ok(recorder)
    }

    /// For kernels without tracing: no reasons are heard.
    pub fn deaf() -> Self {
        Recorder { dir: None }
    }

    /// The instance's directory.
    pub fn dir(&self) -> Option<&Path> {
        self.dir.as_deref()
    }

    fn set(&self, file: &str, value: &str) -> io::Result<()> {
        self.dir.as_ref().map_or(Ok(()), |dir| std::fs::write(dir.join(file), value))
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let _ = self.set(EVENT, "0");
        let Some(dir) = &self.dir else { return };
        // The last listener may still be closing its end.
        for _ in 0..50 {
            if std::fs::remove_dir(dir).is_ok() {
                break;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Hears of the drops that happen while this process runs.
pub struct Listener {
    dir: PathBuf,
    pipe: File,
}

impl Listener {
    /// Listens through the instance at `dir`.
    ///
    /// # Errors
    ///
    /// There is no such instance.
    pub fn open(dir: &Path) -> io::Result<Self> {
        std::fs::write(dir.join("set_event_pid"), std::process::id().to_string())?;
        let pipe = OpenOptions::new().read(true).custom_flags(NONBLOCK).open(dir.join("trace_pipe"))?;
        let mut listener = Listener { dir: dir.to_owned(), pipe };
        listener.take()?;
        Ok(listener)
    }

    /// Hears of those as well that happen while another process runs.
    ///
    /// # Errors
    ///
    /// The instance is gone, or there is no such process.
    pub fn hear(&self, pid: u32) -> io::Result<()> {
        // Opened to be added to: what is written does not stand in place of what was.
        let mut pids = OpenOptions::new().append(true).open(self.dir.join("set_event_pid"))?;
        pids.write_all(pid.to_string().as_bytes())
    }

    /// The reasons since the last call, in order.
    ///
    /// # Errors
    ///
    /// The instance is gone.
    pub fn take(&mut self) -> io::Result<Vec<String>> {
        let mut text = Vec::new();
        let mut part = vec![0; 1 << 16];
        loop {
            match self.pipe.read(&mut part) {
                Ok(0) => break,
                Ok(len) => text.extend_from_slice(&part[..len]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(reasons(&String::from_utf8_lossy(&text)))
    }
}

/// Reads lines such as `x-812 [001] b.s1. 99.1: kfree_skb: skbaddr=… location=… reason: IP_CSUM`.
fn reasons(trace: &str) -> Vec<String> {
    let found = trace.lines().filter_map(|line| {
        let (_, event) = line.split_once(": kfree_skb: ")?;
        let (_, reason) = event.split_once("reason: ")?;
        let reason = reason.trim();
        (!NO_DROPS.contains(&reason)).then(|| reason.to_owned())
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_consumed_is_no_drop() {
        let trace = "\
   x-812     [001] b.s1.    99.1: kfree_skb: skbaddr=1 rx_sk=0 protocol=2048 location=f+0x1 reason: IP_CSUM
   x-812     [001] b.s1.    99.2: kfree_skb: skbaddr=1 rx_sk=0 protocol=2048 location=f+0x1 reason: CONSUMED
";
        assert_eq!(reasons(trace), ["IP_CSUM"]);
    }
}
