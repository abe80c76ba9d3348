//! The tracepoints `fib:fib_table_lookup` and `fib6:fib6_table_lookup`: which tables the kernel searched for
//! a process's question.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;

/// What is recorded.
const EVENTS: [&str; 2] = ["events/fib/fib_table_lookup/enable", "events/fib6/fib6_table_lookup/enable"];

/// A tracing instance of one's own that records table lookups; it goes when dropped.
pub struct Tracepoint {
    dir: PathBuf,
}

impl Tracepoint {
    /// Starts recording. Mounts the tracing file system when it is not there:
    /// to be called in a mount namespace of one's own.
    ///
    /// # Errors
    ///
    /// Not root, or a kernel without tracing.
    pub fn open() -> io::Result<Self> {
        let dir = crate::tracing::instance("")?;
        let tracepoint = Tracepoint { dir };
        tracepoint.set("buffer_size_kb", "8192")?;
        for event in EVENTS {
            tracepoint.set(event, "1")?;
        }
        Ok(tracepoint)
    }

    fn set(&self, file: &str, value: &str) -> io::Result<()> {
        std::fs::write(self.dir.join(file), value)
    }

    /// The tables searched since the last call, in order, by process.
    ///
    /// # Errors
    ///
    /// The trace cannot be read, or lost events.
    pub fn take(&self) -> io::Result<HashMap<u32, Vec<u32>>> {
        // While others go on looking up, a trace that is recorded has no end.
        self.set("tracing_on", "0")?;
        let text = std::fs::read_to_string(self.dir.join("trace"))?;
        self.set("trace", "")?;
        self.set("tracing_on", "1")?;
        Ok(tables(&text))
    }
}

impl Drop for Tracepoint {
    fn drop(&mut self) {
        for event in EVENTS {
            let _ = self.set(event, "0");
        }
        let _ = std::fs::remove_dir(&self.dir);
    }
}

/// Reads lines such as
/// `ip-812 [001] ..... 99.1: fib_table_lookup: table 254 oif 0 …`, leaving out
/// those of interrupts that came in between.
fn tables(trace: &str) -> HashMap<u32, Vec<u32>> {
    let mut found: HashMap<u32, Vec<u32>> = HashMap::new();
    for line in trace.lines() {
        let of = |name: &str| line.split_once(name);
        let found_one = of(": fib_table_lookup: table ").or_else(|| of(": fib6_table_lookup: table "));
        let Some((before, event)) = found_one else { continue };
        let Some((task, rest)) = before.split_once(" [") else { continue };
        let context = rest.split_whitespace().nth(1).and_then(|flags| flags.chars().nth(2));
        let pid = task.trim().rsplit('-').next().and_then(|pid| pid.parse().ok());
        let table = event.split_whitespace().next().and_then(|table| table.parse().ok());
        if let (Some(pid), Some(table), Some('.' | 'b')) = (pid, table, context) {
            found.entry(pid).or_default().push(table);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_interrupts_are_left_out() {
        let trace = "\
# tracer: nop
              ip-812     [001] ..... 99.1: fib_table_lookup: table 255 oif 0 iif 1 proto 0
              ip-812     [001] ..s1. 99.2: fib_table_lookup: table 7 oif 0 iif 1 proto 0
              ip-812     [001] ...1. 99.2: fib_table_lookup: table 254 oif 0 iif 1 proto 0
       a-b c-9-813     [001] b.... 99.3: fib_table_lookup: table 254 oif 0 iif 1 proto 0
              ip-814     [001] ..... 99.4: fib6_table_lookup: table   7 oif 0 iif 1 proto 0
";
        let found = tables(trace);
        assert_eq!(found[&812], [255, 254]);
        assert_eq!(found[&813], [254]);
        assert_eq!(found[&814], [7]);
    }
}
