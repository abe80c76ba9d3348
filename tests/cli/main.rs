//! The command as people type it: sources, streams, output, exit statuses.

mod flows;
mod live;
mod output;
mod packet;
mod packet_answer;
mod program;
mod replay;
mod replay_long;
mod sources;
mod stream;

use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

/// The command, to be given further arguments.
fn fingerpost() -> Command {
    Command::new(env!("CARGO_BIN_EXE_fingerpost"))
}

/// Exit status, standard output and standard error.
type Told = (i32, String, String);

fn told(output: Output) -> Told {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code().expect("an exit status"), text(output.stdout), text(output.stderr))
}

/// Runs the command; its words are separated by blanks, or by `|` where words hold blanks.
fn run(line: &str) -> Told {
    run_with(line, b"")
}

/// Starts the command, with pipes to all that it reads and writes.
fn start(line: &str) -> Child {
    let separator = if line.contains('|') { '|' } else { ' ' };
    let words = line.split(separator).map(str::trim).filter(|word| !word.is_empty());
    let mut command = fingerpost();
    command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the command starts")
}

/// Runs the command with this standard input.
fn run_with(line: &str, input: &[u8]) -> Told {
    let mut child = start(line);
    // A command that does not read its input closes it.
    let _ = child.stdin.take().expect("standard input").write_all(input);
    told(child.wait_with_output().expect("the command ends"))
}

/// A file that goes away at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str, text: &[u8]) -> Scratch {
        let path = std::env::temp_dir().join(format!("fingerpost-cli-{}-{name}", std::process::id()));
        std::fs::write(&path, text).expect("a file");
        Scratch(path)
    }

    fn path(&self) -> String {
        self.0.display().to_string()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
