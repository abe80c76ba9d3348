//! A script in real namespaces, and in memory.

use std::fmt::Write;
use std::io;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fingerpost::script::{Runner, Script};
use fingerpost_engine::{Behaviour, World};
use fingerpost_iproute::Names;
use fingerpost_model::NsId;

use super::masks::mask;
use crate::oracle::ENVIRONMENT;
use crate::process;
use crate::script::Answer;

/// The longest that a script may take.
const DEADLINE: Duration = Duration::from_secs(240);

/// Settings that distributions change, with the values that a kernel itself begins with.
const SETTINGS: [(&str, &str); 6] = [
    ("ip_forward", "0"),
    ("conf/DEV/accept_redirects", "1"),
    ("conf/DEV/secure_redirects", "1"),
    ("conf/DEV/send_redirects", "1"),
    ("conf/DEV/rp_filter", "0"),
    ("conf/DEV/accept_source_route", "0"),
];

/// The answers of a world, times hidden.
///
/// # Errors
///
/// A line is no command of scripts.
pub fn ours(lines: &[String]) -> Result<Vec<Answer>, String> {
    let mut world = World::new(1, Behaviour::default());
    let names = Names::default();
    let mut runner = Runner { world: &mut world, ns: NsId(0), names: &names };
    let answer = |line: &String| {
        let script = Script::parse(line).map_err(|error| format!("{line}: {error}"))?;
        let [command] = script.commands() else { return Err(format!("{line}: one command a line")) };
        let outcome = runner.run(&command.words);
        let mut answer =
            Answer { status: outcome.status, errno: None, stdout: outcome.stdout, stderr: outcome.stderr };
        mask(&mut answer);
        Ok(answer)
    };
    lines.iter().map(answer).collect()
}

/// The kernel's answers, times hidden.
///
/// # Errors
///
/// No namespace could be made (not root), or the script did not end in time.
pub fn theirs(lines: &[String]) -> io::Result<Vec<Answer>> {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    let run = RUNS.fetch_add(1, Ordering::Relaxed);
    let directory = std::env::temp_dir().join(format!("fingerpost-network-{}-{run}", std::process::id()));
    std::fs::create_dir_all(&directory)?;
    let answers = run_in(&directory, lines);
    let _ = std::fs::remove_dir_all(&directory);
    answers
}

fn run_in(directory: &Path, lines: &[String]) -> io::Result<Vec<Answer>> {
    let mut command = Command::new("unshare");
    command.args(["--net", "--mount", "sh", "-s"]).envs(ENVIRONMENT);
    let done = process::run(&mut command, &shell_script(directory, lines), DEADLINE)?;
    if done.status != 0 {
        return Err(io::Error::other(done.stderr));
    }
    let read = |at: usize, what: &str| std::fs::read(directory.join(format!("{at}.{what}")));
    let text = |at: usize, what: &str| read(at, what).map(|b| String::from_utf8_lossy(&b).into_owned());
    let answer = |at: usize| -> io::Result<Answer> {
        let status = text(at, "status")?.trim().parse().map_err(io::Error::other)?;
        let mut answer = Answer { status, errno: None, stdout: text(at, "out")?, stderr: text(at, "err")? };
        mask(&mut answer);
        Ok(answer)
    };
    (0..lines.len()).map(answer).collect()
}

/// The lines as a shell script that leaves three files for each. After changes of links it
/// asks for each by name, which makes the kernel finish carrier events (T-34).
fn shell_script(directory: &Path, lines: &[String]) -> String {
    let mut script = String::from(
        "mkdir -p /run/netns && mount -t tmpfs none /run/netns || exit 1\n\
         settle() {\n\
         for round in 1 2; do\n\
         for name in $(ls /run/netns); do\n\
         ip netns exec $name cat /proc/net/dev |\n\
         sed -n 's/^ *\\([^ :]*\\):.*/link show dev \\1/p' | ip -n $name -force -batch -\n\
         done\n\
         done >/dev/null 2>&1\n\
         }\n",
    );
    for (name, value) in SETTINGS {
        let devices: &[&str] = if name.contains("DEV") { &["default", "all", "lo"] } else { &[""] };
        for device in devices {
            let _ = writeln!(script, "echo {value} >/proc/sys/net/ipv4/{}", name.replace("DEV", device));
        }
    }
    for (at, line) in lines.iter().enumerate() {
        let file = format!("'{}/{at}.", directory.display());
        let _ = writeln!(script, "{line} >{file}out' 2>{file}err' </dev/null\necho $? >{file}status'");
        if line.contains(" link ") {
            script.push_str("settle\n");
        }
    }
    script.push_str("exit 0\n");
    script
}
