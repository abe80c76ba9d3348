//! Running a child process with a script on its standard input and a deadline.

use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// What a finished child left.
#[derive(Debug)]
pub struct Finished {
    /// The exit status; 128 + n for a signal n, as in a shell.
    pub status: i32,
    /// Standard output, invalid UTF-8 replaced.
    pub stdout: String,
    /// Standard error, invalid UTF-8 replaced.
    pub stderr: String,
}

/// Runs `command` with `input` and waits for it at most `deadline`.
///
/// # Errors
///
/// The child cannot be started, or is still running at the deadline, in which
/// case it is killed.
pub fn run(command: &mut Command, input: &str, deadline: Duration) -> io::Result<Finished> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let stdin = child.stdin.take();
    let readers = [
        child.stdout.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>),
        child.stderr.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>),
    ];
    let (sender, receiver) = mpsc::channel();
    let mut output = [String::new(), String::new()];
    thread::scope(|scope| {
        scope.spawn(move || {
            if let Some(mut stdin) = stdin {
                // A child that exits without reading everything is no error here.
                let _ = stdin.write_all(input.as_bytes());
            }
        });
        for (which, reader) in readers.into_iter().enumerate() {
            let sender = sender.clone();
            scope.spawn(move || {
                let mut bytes = Vec::new();
                if let Some(mut reader) = reader {
                    let _ = reader.read_to_end(&mut bytes);
                }
                let _ = sender.send((which, String::from_utf8_lossy(&bytes).into_owned()));
            });
        }
        for _ in 0..2 {
            match receiver.recv_timeout(deadline) {
                Ok((which, text)) => output[which] = text,
                Err(_) => {
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err(io::Error::new(io::ErrorKind::TimedOut, "the child did not end in time"));
                }
            }
        }
        let status = exit_status(child.wait()?);
        let [stdout, stderr] = std::mem::take(&mut output);
        Ok(Finished { status, stdout, stderr })
    })
}

/// The number a shell would show for an exit status.
pub fn exit_status(status: std::process::ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

/// A command that runs `program` on one CPU, when one is named.
///
/// Cached decisions are kept per CPU (T-17), so a scenario stays on one.
pub fn pinned(cpu: Option<usize>, program: impl AsRef<OsStr>) -> Command {
    match cpu {
        Some(cpu) => {
            let mut command = Command::new("taskset");
            command.arg("-c").arg(cpu.to_string()).arg(program);
            command
        }
        None => Command::new(program),
    }
}

/// The running kernel's release, as `uname -r` prints it; `None` when unknown.
pub fn kernel_release() -> Option<String> {
    let text = std::fs::read_to_string("/proc/sys/kernel/osrelease").ok()?;
    Some(text.trim().to_owned())
}

/// The CPUs this process may run on, from `/proc/self/status`; empty when unknown.
pub fn allowed_cpus() -> Vec<usize> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap_or("");
    parse_cpu_list(list)
}

fn parse_cpu_list(list: &str) -> Vec<usize> {
    let mut cpus = Vec::new();
    for part in list.trim().split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        if let (Ok(first), Ok(last)) = (first.parse(), last.parse::<usize>()) {
            cpus.extend((first..=last).take(4096));
        }
    }
    cpus
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_lists() {
        assert_eq!(parse_cpu_list("\t0-2,5\n"), [0, 1, 2, 5]);
        assert!(parse_cpu_list("").is_empty());
    }

    #[test]
    fn a_child_gets_its_input_and_a_deadline() {
        let done = run(&mut Command::new("cat"), "hello", Duration::from_secs(10)).expect("runs");
        assert_eq!((done.status, done.stdout.as_str()), (0, "hello"));
        let late = run(Command::new("sleep").arg("20"), "", Duration::from_millis(20));
        assert_eq!(late.expect_err("is killed").kind(), io::ErrorKind::TimedOut);
    }
}
