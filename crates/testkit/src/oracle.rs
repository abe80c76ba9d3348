//! The kernel's side: a script in a fresh network namespace, with the real
//! commands.
//!
//! [`Oracle::run`] starts this same program again through `taskset` and
//! `unshare --net`, with the hidden verb `kernel-side`; that child,
//! [`kernel_side`], runs each command and prints one JSON object a line. Three
//! things it does besides, so that answers do not depend on when they are
//! asked:
//!
//! - after every command about links it asks for each link once by name, which
//!   makes the kernel finish the carrier events that it has queued (T-34);
//! - after every command that can touch IPv6 addresses it waits until their
//!   routes are there ([`Addrconf`]);
//! - once a script has named a realm, it waits a little between a change and
//!   the next input question (T-22).
//!
//! `ip tuntap add` stands for a silent program that opens the device: where the
//! line is right and the name free, that program is what runs, so that the
//! device has a carrier which `ip link set DEV carrier on|off` drives. (The real
//! command would leave the device without a program, and so without carrier.)

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::addrconf::{self, Addrconf};
use crate::process::{exit_status, pinned, run};
use crate::script::{Answer, LineAnswer, Purpose, kind_of};
use crate::{sources, words};

/// The verb under which this program runs a script inside the namespace.
pub const KERNEL_SIDE: &str = "kernel-side";

/// The longest a scenario may take on the kernel's side.
const DEADLINE: Duration = Duration::from_secs(120);

/// More than the grace period after which a freed realm is no longer counted (10-20 ms seen).
const REALM_GRACE: Duration = Duration::from_millis(60);

/// Where `ip netns` keeps its names.
const NAMES: &str = "/run/netns";

/// The commands run inside the namespace see one locale and no colours.
pub(crate) const ENVIRONMENT: [(&str, &str); 2] = [("LC_ALL", "C"), ("NO_COLOR", "1")];

/// Runs scripts in fresh namespaces, on one CPU.
#[derive(Clone, Debug)]
pub struct Oracle {
    program: PathBuf,
    cpu: Option<usize>,
    beside: Option<PathBuf>,
}

impl Oracle {
    /// An oracle on `cpu`; `None` leaves the choice to the scheduler.
    ///
    /// # Errors
    ///
    /// This program's own path is not known.
    pub fn new(cpu: Option<usize>) -> io::Result<Self> {
        Ok(Oracle { program: std::env::current_exe()?, cpu, beside: None })
    }

    /// The same oracle, which also asks `program` (as `program ip …`) whatever it
    /// asks `ip`, right after it and in the same namespace.
    pub fn beside(&self, program: &Path) -> Self {
        Oracle { beside: Some(program.to_owned()), ..self.clone() }
    }

    /// Runs the script, one answer a line.
    ///
    /// # Errors
    ///
    /// No namespace could be made (not root), or a line could not be run at all.
    pub fn run(&self, lines: &[String]) -> io::Result<Vec<Answer>> {
        Ok(self.run_both(lines)?.into_iter().map(|line| line.answer).collect())
    }

    /// The same, with what the program beside answered.
    ///
    /// # Errors
    ///
    /// As [`Oracle::run`].
    pub fn run_both(&self, lines: &[String]) -> io::Result<Vec<LineAnswer>> {
        let mut command = pinned(self.cpu, "unshare");
        if names_namespaces(lines) {
            command.arg("--mount");
        }
        command.arg("--net").arg(&self.program).arg(KERNEL_SIDE).args(&self.beside);
        let input = lines.join("\n") + "\n";
        let done = match run(&mut command, &input, DEADLINE) {
            // Rarely a listing of the kernel's has no end; the next time it has.
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                eprintln!("the kernel's side did not end in time and runs once more");
                run(&mut command, &input, DEADLINE)?
            }
            done => done?,
        };
        let mut answers = Vec::with_capacity(lines.len());
        for text in done.stdout.lines() {
            let read: LineAnswer = serde_json::from_str(text).map_err(io::Error::other)?;
            answers.push(read);
        }
        if done.status != 0 || answers.len() != lines.len() {
            let message = format!(
                "{} of {} lines answered, status {}: {}",
                answers.len(),
                lines.len(),
                done.status,
                done.stderr.trim()
            );
            return Err(io::Error::other(message));
        }
        Ok(answers)
    }
}

/// Whether a script makes or names namespaces. Their names are files, which
/// then live in a mount namespace of the scenario's own.
fn names_namespaces(lines: &[String]) -> bool {
    lines.iter().any(|line| line.contains("netns"))
}

/// Hides the machine's named namespaces behind an empty directory.
fn private_names() -> io::Result<()> {
    std::fs::create_dir_all(NAMES)?;
    let done = run(Command::new("mount").args(["-t", "tmpfs", "none", NAMES]), "", DEADLINE)?;
    match done.status {
        0 => Ok(()),
        _ => Err(io::Error::other(done.stderr)),
    }
}

/// Inside the namespace: reads a script from `input`, writes a [`LineAnswer`] a line to `output`.
///
/// # Errors
///
/// A command cannot be started, or a pipe breaks.
pub fn kernel_side(beside: Option<&Path>, input: impl Read, output: &mut impl Write) -> io::Result<()> {
    must_be_apart()?;
    let mut side = Side::default();
    let lines: Vec<String> = BufReader::new(input).lines().collect::<io::Result<_>>()?;
    if names_namespaces(&lines) {
        private_names()?;
    }
    for (at, line) in lines.into_iter().enumerate() {
        let answer = side.line(&line)?;
        let beside = match beside {
            Some(program) => also(program, &line)?,
            None => None,
        };
        let object = LineAnswer { line: at + 1, command: line, answer, beside };
        serde_json::to_writer(&mut *output, &object)?;
        output.write_all(b"\n")?;
    }
    output.flush()
}

/// Fails in the machine's own network namespace, where a script would change the machine.
pub(crate) fn must_be_apart() -> io::Result<()> {
    let namespace = |process: &str| std::fs::read_link(format!("/proc/{process}/ns/net"));
    match (namespace("self"), namespace("1")) {
        (Ok(own), Ok(first)) if own == first => {
            Err(io::Error::other("scripts run in a network namespace of their own only (`unshare --net`)"))
        }
        _ => Ok(()),
    }
}

/// What another program answers to a line of `ip` that shows and changes nothing.
fn also(program: &Path, line: &str) -> io::Result<Option<Answer>> {
    let words = words::split(line).map_err(io::Error::other)?;
    if kind_of(line).purpose == Purpose::Change || words.first().is_none_or(|word| word != "ip") {
        return Ok(None);
    }
    let mut all = vec![program.to_string_lossy().into_owned()];
    all.extend(words);
    spawn(&all).map(Some)
}

/// What the kernel's side remembers between lines.
#[derive(Default)]
struct Side {
    realms: bool,
    changed: bool,
    attached: Vec<Attached>,
    addrconf: Addrconf,
    named: Vec<String>,
}

impl Side {
    fn line(&mut self, line: &str) -> io::Result<Answer> {
        let words = words::split(line).map_err(io::Error::other)?;
        let Some(program) = words.first() else { return Ok(Answer::default()) };
        let kind = kind_of(line);
        self.realms |= line.contains("realm");
        if kind.purpose == Purpose::Question && self.realms && self.changed && line.contains(" iif ") {
            thread::sleep(REALM_GRACE);
            self.changed = false;
        }
        let answer = match program.as_str() {
            "cat" => cat(&words[1..]),
            sources::CONNECT => sources::connect(&words[1..]),
            "ip" if kind.name == "ip tuntap add" && self.attach(&words)? => Answer::default(),
            _ => spawn(&words)?,
        };
        if kind.purpose == Purpose::Change {
            self.changed = true;
        }
        if let (0, [_, netns, add, name]) = (answer.status, words.as_slice())
            && (netns.as_str(), add.as_str()) == ("netns", "add")
        {
            self.named.push(name.clone());
        }
        if kind.purpose == Purpose::Change && (kind.name.contains(" link ") || kind.name.contains("tuntap")) {
            if addrconf::is_at_once() {
                wait_for_carriers()?;
            }
            settle(&self.named)?;
        }
        let about = [" link ", " address ", "tuntap", "sysctl"];
        if kind.purpose == Purpose::Change && about.iter().any(|word| kind.name.contains(word)) {
            self.addrconf.settle();
        }
        Ok(answer)
    }

    /// Opens a new tun or tap device with a program that reads nothing and
    /// writes nothing; false when the line is one for `ip` to refuse.
    fn attach(&mut self, words: &[String]) -> io::Result<bool> {
        let after = |key: &str| {
            words.iter().position(|word| word == key).and_then(|at| words.get(at + 1)).map(String::as_str)
        };
        let (Some(device), Some(mode @ ("tun" | "tap"))) =
            (after("dev").or_else(|| after("name")), after("mode"))
        else {
            return Ok(false);
        };
        let space = space_of(words);
        if device.len() > 15 || device_names(space)?.iter().any(|name| name == device) {
            return Ok(false);
        }
        self.attached.push(Attached::open(space, device, mode == "tap")?);
        Ok(true)
    }
}

/// A perl process that holds a tun or tap device open until it is dropped.
///
/// Opening the device takes an ioctl; perl has one without unsafe code here.
struct Attached {
    child: Child,
    stdin: Option<ChildStdin>,
}

impl Attached {
    const PROGRAM: &str = r#"
        open(my $tun, "+<", "/dev/net/tun") or die "/dev/net/tun: $!";
        my $request = pack("a16 s x22", $ARGV[0], $ARGV[1]);
        ioctl($tun, 0x400454ca, $request) or die "TUNSETIFF: $!";
        $| = 1; print "attached\n";
        my $end = <STDIN>;
    "#;
    const IFF_TUN: u16 = 1;
    const IFF_TAP: u16 = 2;
    const IFF_NO_PI: u16 = 0x1000;

    fn open(space: Option<&str>, device: &str, tap: bool) -> io::Result<Self> {
        let flags = Self::IFF_NO_PI | if tap { Self::IFF_TAP } else { Self::IFF_TUN };
        let mut child = in_space(space, "perl")
            .args(["-e", Self::PROGRAM, device, &flags.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdin = child.stdin.take();
        let mut said = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut said)?;
        }
        let attached = Attached { child, stdin };
        if said.trim() != "attached" {
            return Err(io::Error::other(format!("cannot attach a program to {device}")));
        }
        Ok(attached)
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}

/// Waits until the kernel has told all of this namespace about each carrier, in
/// the order in which they changed: that of IPv6's link-local routes follows
/// from it, and the request of [`settle`] would put its device first.
fn wait_for_carriers() -> io::Result<()> {
    const TRIES: usize = 500;
    for _ in 0..TRIES {
        let links = Command::new("ip").args(["-o", "link", "show"]).envs(ENVIRONMENT).output()?;
        if !String::from_utf8_lossy(&links.stdout).lines().any(is_carrier_untold) {
            break;
        }
        thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// Whether a device's line shows a carrier that is not yet its state, or the other way round.
fn is_carrier_untold(line: &str) -> bool {
    let flags =
        line.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or("", |(flags, _)| flags);
    let has = |flag: &str| flags.split(',').any(|word| word == flag);
    has("UP") && has("LOWER_UP") == has("NO-CARRIER")
}

/// Makes the kernel finish queued carrier events: a request for one link by
/// name synchronises that link's carrier first. Twice, since a bridge follows
/// its ports.
pub(crate) fn settle(named: &[String]) -> io::Result<()> {
    settle_one(None)?;
    named.iter().try_for_each(|name| settle_one(Some(name)))
}

fn settle_one(space: Option<&str>) -> io::Result<()> {
    let requests: String =
        device_names(space)?.iter().map(|name| format!("link show dev {name}\n")).collect();
    let mut command = in_space(space, "ip");
    command.args(["-force", "-batch", "-"]).envs(ENVIRONMENT);
    run(&mut command, &(requests.clone() + &requests), DEADLINE).map(|_| ())
}

/// The names of a namespace's devices.
fn device_names(space: Option<&str>) -> io::Result<Vec<String>> {
    let devices = match space {
        None => std::fs::read_to_string("/proc/net/dev")?,
        Some(_) => run(in_space(space, "cat").arg("/proc/net/dev"), "", DEADLINE)?.stdout,
    };
    let names = devices.lines().skip(2).filter_map(|line| line.split_once(':'));
    Ok(names.map(|(name, _)| name.trim().to_owned()).collect())
}

/// A command in a named namespace, or here.
fn in_space(name: Option<&str>, program: &str) -> Command {
    let Some(name) = name else { return Command::new(program) };
    let mut command = Command::new("ip");
    command.args(["netns", "exec", name, program]);
    command
}

/// The named namespace that a line is about.
fn space_of(words: &[String]) -> Option<&str> {
    match words {
        [_, option, name, ..] if option == "-n" => Some(name),
        [_, netns, exec, name, ..] if netns == "netns" && exec == "exec" => Some(name),
        _ => None,
    }
}

fn spawn(words: &[String]) -> io::Result<Answer> {
    let output = Command::new(&words[0]).args(&words[1..]).envs(ENVIRONMENT).stdin(Stdio::null()).output()?;
    Ok(Answer {
        status: exit_status(output.status),
        errno: None,
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// `cat` by reading the files here: this process is in the namespace itself.
fn cat(paths: &[String]) -> Answer {
    let mut answer = Answer::default();
    for path in paths {
        match std::fs::read(path) {
            Ok(bytes) => answer.stdout.push_str(&String::from_utf8_lossy(&bytes)),
            Err(error) => {
                let text = error.to_string();
                let text = text.split(" (os error").next().unwrap_or(&text);
                answer.stderr.push_str(&format!("cat: {path}: {text}\n"));
                answer.status = 1;
                answer.errno = error.raw_os_error();
            }
        }
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_carrier_that_is_not_told_yet_is_seen() {
        assert!(is_carrier_untold("2: e1: <NO-CARRIER,BROADCAST,UP,LOWER_UP> mtu 1500"));
        assert!(is_carrier_untold("2: e1: <BROADCAST,UP> mtu 1500"));
        for told in ["<BROADCAST,UP,LOWER_UP>", "<NO-CARRIER,BROADCAST,UP>", "<BROADCAST>"] {
            assert!(!is_carrier_untold(&format!("2: e1@p1: {told} mtu 1500")), "{told}");
        }
    }
}
