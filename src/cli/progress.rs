//! How far a long run is, on a terminal.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// How often the progress is shown at most.
const INTERVAL: Duration = Duration::from_millis(250);

/// A line on the terminal that tells how far an input is worked through.
pub(super) struct Progress {
    /// What is counted.
    what: &'static str,
    size: Option<u64>,
    shown: bool,
    on: bool,
    begin: Instant,
    last: Instant,
}

impl Progress {
    /// Of an input of so many bytes, if that is known; shown where standard error is a terminal
    /// and `quiet` is not wished.
    pub fn new(what: &'static str, size: Option<u64>, quiet: bool) -> Self {
        let (now, on) = (Instant::now(), !quiet && io::stderr().is_terminal());
        Progress { what, size: size.filter(|&size| size > 0), shown: false, on, begin: now, last: now }
    }

    /// So many are done, and so many bytes of the input read.
    pub fn show(&mut self, done: u64, bytes: u64) {
        if !self.on || self.last.elapsed() < INTERVAL {
            return;
        }
        self.last = Instant::now();
        let share = self.size.map_or(String::new(), |size| format!(", {} %", bytes.min(size) * 100 / size));
        let text = self.rate(done);
        // A terminal that takes nothing is none of our business.
        let _ = write!(io::stderr(), "\r{text}{share}\x1b[K");
        self.shown = true;
    }

    fn rate(&self, done: u64) -> String {
        let seconds = self.begin.elapsed().as_secs_f64();
        let rate = done as f64 / seconds.max(1e-6) / 1e6;
        format!("{done} {}, {rate:.2} M/s", self.what)
    }

    /// Leaves the line to others.
    pub fn hide(&mut self) {
        if std::mem::take(&mut self.shown) {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }

    /// The whole, where it took long enough to be shown.
    pub fn end(&self, done: u64) {
        if self.on && self.begin.elapsed() >= INTERVAL {
            let seconds = self.begin.elapsed().as_secs_f64();
            let _ = writeln!(io::stderr(), "{} in {seconds:.1} s", self.rate(done));
        }
    }
}
