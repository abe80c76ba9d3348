//! Scripts of `ip`, `sysctl`, `ping`, `sleep` and `cat` lines against a world (`fingerpost run`).

use std::io::{self, Write};

use fingerpost_engine::trace::Tracer;
use fingerpost_engine::{Time, World};
use fingerpost_iproute::{Env, Names, Open, Outcome, Sinks};
use fingerpost_model::{Kernel, NsId};
use fingerpost_net::Errno;
use serde::Serialize;

use crate::words::{self, Command, SyntaxError};

/// Programs that a script may call.
const PROGRAMS: [&str; 6] = ["ip", "sysctl", "ping", "sleep", "cat", "nstat"];

/// A script whose every line is known to be a command that can be run.
#[derive(Clone, Debug)]
pub struct Script {
    commands: Vec<Command>,
}

impl Script {
    /// Checks a script as a whole: nothing is run when any line is refused.
    pub fn parse(text: &str) -> Result<Script, SyntaxError> {
        let commands = words::commands(text)?;
        for command in &commands {
            let program = &command.words[0];
            if !PROGRAMS.contains(&program.as_str()) {
                let problem = format!(
                    "'{program}' is not a command that scripts know; they know ip, sysctl, ping, sleep, cat and nstat"
                );
                let indent = text.lines().nth(command.line - 1).map_or(0, |l| l.len() - l.trim_start().len());
                return Err(SyntaxError { line: command.line, column: indent + 1, problem });
            }
        }
        Ok(Script { commands })
    }

    /// The commands in order.
    pub fn commands(&self) -> &[Command] {
        &self.commands
    }
}

/// Runs single commands against a world.
pub struct Runner<'a> {
    /// The world.
    pub world: &'a mut World,
    /// The namespace that commands start in.
    pub ns: NsId,
    /// Names of tables, protocols and the like.
    pub names: &'a Names,
}

impl Runner<'_> {
    /// Runs one command and collects what it prints.
    pub fn run(&mut self, words: &[String]) -> Outcome {
        run_command(self.world, self.ns, self.names, words, &open)
    }
}

/// Opens a file for `ip -batch`.
pub fn open(path: &str) -> Result<Box<dyn io::BufRead>, Errno> {
    match path {
        "-" => Ok(Box::new(io::BufReader::new(io::stdin()))),
        path => match std::fs::File::open(path) {
            Ok(file) => Ok(Box::new(io::BufReader::with_capacity(1 << 16, file))),
            Err(error) => Err(Errno(error.raw_os_error().unwrap_or(Errno::EIO.0))),
        },
    }
}

/// Runs one command; batch files come from `open`.
pub fn run_command(
    kernel: &mut dyn Kernel,
    ns: NsId,
    names: &Names,
    words: &[String],
    open: &Open<'_>,
) -> Outcome {
    let Some((program, args)) = words.split_first() else { return Outcome::default() };
    match program.as_str() {
        "ip" => {
            let exec = |kernel: &mut dyn Kernel, ns: NsId, words: &[&str], sinks: &mut Sinks<'_>| {
                let words: Vec<String> = words.iter().map(|w| w.to_string()).collect();
                let outcome = run_command(kernel, ns, names, &words, open);
                // Sinks are memory.
                let _ = sinks.stdout.write_all(outcome.stdout.as_bytes());
                let _ = sinks.stderr.write_all(outcome.stderr.as_bytes());
                (outcome.status, outcome.errno)
            };
            let env = Env { open, exec: Some(&exec) };
            fingerpost_iproute::run(args, kernel, ns, names, &env)
        }
        "sysctl" => crate::sysctl::run(args, kernel, ns),
        "cat" => cat(args, kernel, ns),
        "nstat" => crate::nstat::run(args, kernel, ns),
        "ping" | "sleep" => match kernel.behind().and_then(|behind| behind.downcast_mut::<World>()) {
            Some(world) if program == "ping" => crate::ping::run(args, world, ns),
            Some(world) => sleep(args, world),
            None => {
                let stderr = format!("{program}: only hosts in memory have a network and a clock\n");
                Outcome { status: 1, stderr, ..Outcome::default() }
            }
        },
        other => {
            Outcome { status: 127, stderr: format!("{other}: command not found\n"), ..Outcome::default() }
        }
    }
}

/// Seconds that a script can sleep at once.
const LONGEST_SLEEP: f64 = 1e6;

/// Lets time pass, with what it brings.
fn sleep(args: &[String], world: &mut World) -> Outcome {
    let refuse =
        |text: String| Outcome { status: 1, stderr: format!("sleep: {text}\n"), ..Outcome::default() };
    if args.is_empty() {
        return refuse("missing operand".to_owned());
    }
    let mut seconds = 0.0;
    for arg in args {
        let (number, unit) = match arg.strip_suffix(['s', 'm', 'h', 'd']) {
            Some(number) => (number, arg.chars().next_back()),
            None => (arg.as_str(), None),
        };
        let Some(number) = number.parse::<f64>().ok().filter(|&number| number >= 0.0) else {
            return refuse(format!("invalid time interval '{arg}'"));
        };
        seconds += number
            * match unit {
                Some('m') => 60.0,
                Some('h') => 3600.0,
                Some('d') => 86_400.0,
                _ => 1.0,
            };
    }
    if seconds > LONGEST_SLEEP {
        return refuse(format!("more than {LONGEST_SLEEP} seconds are not supported here"));
    }
    let until = Time(world.now.0 + (seconds * 1000.0) as u64);
    world.run_network(until, &mut Tracer::off());
    Outcome::default()
}

/// Directories of the files that are modelled.
const DIRECTORIES: [&str; 6] = ["/", "/proc", "/proc/net", "/proc/sys", "/proc/sys/net", "/proc/self/net"];

/// Files and directories of `/proc/net` that Linux has and that are not modelled.
const NOT_MODELLED: [&str; 51] = [
    "anycast6",
    "arp",
    "arp_tables_matches",
    "arp_tables_names",
    "arp_tables_targets",
    "bonding",
    "connector",
    "dev",
    "dev_mcast",
    "dev_snmp6",
    "icmp",
    "icmp6",
    "if_inet6",
    "igmp",
    "igmp6",
    "ip6_flowlabel",
    "ip6_mr_cache",
    "ip6_mr_vif",
    "ip6_tables_matches",
    "ip6_tables_names",
    "ip6_tables_targets",
    "ip_tables_matches",
    "ip_tables_names",
    "ip_tables_targets",
    "ipconfig",
    "ipv6_route",
    "mcfilter",
    "mcfilter6",
    "netfilter",
    "netlink",
    "nf_conntrack",
    "nf_conntrack_expect",
    "packet",
    "pnp",
    "protocols",
    "psched",
    "ptype",
    "raw",
    "raw6",
    "rt6_stats",
    "rt_acct",
    "rt_cache",
    "sockstat",
    "sockstat6",
    "softnet_stat",
    "stat",
    "tcp",
    "tcp6",
    "udp",
    "udp6",
    "vlan",
];

/// Whether it is a place of `/proc/net` that Linux does not have either.
fn is_nowhere(path: &str) -> bool {
    let name = path.strip_prefix("/proc/net/").and_then(|rest| rest.split('/').next());
    name.is_some_and(|name| !NOT_MODELLED.contains(&name))
}

fn cat(paths: &[String], kernel: &mut dyn Kernel, ns: NsId) -> Outcome {
    let mut outcome = Outcome::default();
    for path in paths {
        let bare = path.trim_end_matches('/');
        let read = match DIRECTORIES.contains(&path.as_str()) || DIRECTORIES.contains(&bare) {
            true => Err(Errno::EISDIR),
            // What a slash follows has to be a directory.
            false => kernel.read_file(ns, bare).and_then(|text| match bare == path {
                true => Ok(text),
                false => Err(Errno::ENOTDIR),
            }),
        };
        match read {
            Ok(text) => outcome.stdout.push_str(&text),
            Err(Errno::ENOENT) if !crate::sysctl::is_modelled(path) && !is_nowhere(path) => {
                let files = "fib_trie, fib_triestat, route, ip_mr_vif, ip_mr_cache, snmp, netstat and snmp6 of /proc/net and settings below \
                             /proc/sys/net/bridge, ipv4 and ipv6 are";
                outcome.stderr.push_str(&format!("cat: {path}: not modelled; {files}\n"));
                outcome.status = 1;
            }
            Err(errno) => {
                outcome.stderr.push_str(&format!("cat: {path}: {errno}\n"));
                outcome.errno = Some(errno);
                outcome.status = 1;
            }
        }
    }
    outcome
}

/// One command's result as `run --json` prints it.
#[derive(Serialize)]
struct Record<'a> {
    line: usize,
    command: &'a str,
    status: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    errno: Option<i32>,
    stdout: &'a str,
    stderr: &'a str,
}

/// Runs a script; prints what its commands print, or an object a command.
/// Returns the last command's status.
pub fn run(script: &Script, runner: &mut Runner<'_>, json: bool, out: &mut dyn Write) -> io::Result<i32> {
    let mut status = 0;
    for command in script.commands() {
        let outcome = runner.run(&command.words);
        status = outcome.status;
        if json {
            let record = Record {
                line: command.line,
                command: &command.text,
                status: outcome.status,
                errno: outcome.errno.map(|errno| errno.0),
                stdout: &outcome.stdout,
                stderr: &outcome.stderr,
            };
            serde_json::to_writer(&mut *out, &record)?;
            out.write_all(b"\n")?;
        } else {
            out.write_all(outcome.stdout.as_bytes())?;
            out.flush()?;
            io::stderr().write_all(outcome.stderr.as_bytes())?;
        }
    }
    Ok(status)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fingerpost_engine::Behaviour;

    #[test]
    fn cat_tells_a_directory_from_what_is_not_modelled() {
        let mut world = World::new(1, Behaviour::default());
        let mut cat = |path: &str| cat(&[path.to_string()], &mut world, NsId(0)).stderr;
        let folders = ["/proc/net", "/proc/net/", "/proc/sys", "/proc/sys/net/ipv4", "/proc/sys/net/bridge"];
        for path in folders.into_iter().chain(["/proc/sys/net/bridge/", "/proc/sys/net/ipv6/conf/lo/"]) {
            assert_eq!(cat(path), format!("cat: {path}: Is a directory\n"));
        }
        for path in ["/proc/net/snmp/", "/proc/sys/net/ipv4/ip_forward//"] {
            assert_eq!(cat(path), format!("cat: {path}: Not a directory\n"));
        }
        assert!(cat("/proc/net/arp").contains("not modelled"));
        assert!(cat("/etc/passwd").contains("not modelled"));
        assert_eq!(cat("/proc/net/nosuch"), "cat: /proc/net/nosuch: No such file or directory\n");
        assert!(cat("/proc/sys/net/ipv4/nope").ends_with("No such file or directory\n"));
        assert!(cat("/proc/sys/net/bridge/nope").ends_with("No such file or directory\n"));
    }

    #[test]
    fn what_devices_count_is_not_shown_once_packets_passed() {
        let mut world = World::new(1, Behaviour::default());
        let names = Names::default();
        let mut run = |line: &str| {
            let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            Runner { world: &mut world, ns: NsId(0), names: &names }.run(&words)
        };
        assert_eq!(run("ip link set lo up").status, 0);
        let before = run("ip -s link show lo");
        assert!(before.stdout.contains("RX:  bytes") && before.stderr.is_empty(), "{before:?}");
        assert_eq!(run("ping -c 1 127.0.0.1").status, 0);
        for line in ["ip -s link show lo", "ip -s link", "ip -s -s addr show lo", "ip -s -j link show lo"] {
            let after = run(line);
            assert!(!after.stdout.contains("RX:") && !after.stdout.contains("stats64"), "{}", after.stdout);
            assert!(after.stderr.contains("the counters of devices are not known here"), "{}", after.stderr);
        }
    }

    #[test]
    fn sleep_reads_numbers_as_the_tool_does() {
        let mut world = World::new(1, Behaviour::default());
        let mut sleep = |line: &str| {
            let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            let outcome = sleep(&words, &mut world);
            (world.now.0, outcome.stderr)
        };
        assert_eq!(sleep("1.5 1e1s 2m"), (131_500, String::new()));
        assert_eq!(sleep("+1"), (132_500, String::new()));
        for endless in ["1e9", "infinity", "1e300d"] {
            assert!(sleep(endless).1.contains("are not supported here"), "{endless}");
        }
        for bad in ["-1", "nan", "x", "1x", "s"] {
            let text = format!("sleep: invalid time interval '{bad}'\n");
            assert_eq!(sleep(&format!("1 {bad}")), (132_500, text));
        }
    }

    #[test]
    fn a_batch_file_that_runs_itself_ends() {
        let mut world = World::new(1, Behaviour::default());
        let names = Names::default();
        let itself = |_: &str| -> Result<Box<dyn io::BufRead>, Errno> {
            Ok(Box::new(io::Cursor::new("netns exec blue ip -batch itself\n")))
        };
        let mut run = |line: &str| {
            let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            run_command(&mut world, NsId(0), &names, &words, &itself)
        };
        assert_eq!(run("ip netns add blue").status, 0);
        let outcome = run("ip -batch itself");
        assert_ne!(outcome.status, 0);
        assert!(outcome.stderr.contains("more than 8 deep"), "{}", outcome.stderr);
    }
}
