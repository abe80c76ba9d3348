//! The command line: its declaration, and one module or function for each verb.

/// A line for the person at the terminal; that nobody reads it is no error.
macro_rules! complain {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($text)*);
    }};
}

mod capture;
mod explain;
mod flows;
mod ip;
mod journey;
mod man;
mod progress;
mod replay;
mod sources;

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{CommandFactory, Parser, Subcommand};
use fingerpost_engine::Behaviour;

use crate::examples;
use crate::flows::Format;
use crate::script::{self, Runner, Script};
use crate::source::{SourceArgs, fresh_world, label, read_text};

/// Answered, or it holds.
const OK: u8 = 0;
/// An expectation is violated.
const VIOLATED: u8 = 1;
/// Usage or bad input.
const USAGE: u8 = 2;
/// Something that is not modelled decides.
const UNKNOWN: u8 = 3;

/// Which way Linux sends a packet, and why
#[derive(Debug, Parser)]
#[command(
    name = "fingerpost",
    version,
    about,
    max_term_width = 100,
    after_help = "\
Without a source option the live host is asked. Nothing ever changes a real host.

  fingerpost explain --example tunnelvision 8.8.8.8
  fingerpost explain 192.0.2.7 from 10.0.0.5 iif eth0 --verify
  fingerpost capture -o host.fp && fingerpost --snapshot host.fp ip route show table all"
)]
struct Cli {
    #[command(flatten)]
    source: SourceArgs,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Say which way a packet goes, and the reason at each step
    #[command(after_help = "\
QUESTION is the grammar of `ip route get`, with its abbreviations:
  ADDRESS [from A] [iif D] [oif D] [mark M] [uid U] [ipproto P] [sport N] [dport N] [tos T]
  [flowlabel L] [vrf D]
or - to read questions from standard input, one JSON object (or string) a line. Addresses of links
may have a scope: fe80::1%eth0.

With --packet one packet comes to the host in memory: its stages, lookups and the packets that go
out because of it, as in
  explain --packet --in eth0 --from 10.0.0.9 --to 192.0.2.7 --udp 53 --len 1400 --df

EXPR is what a firewall asks of a packet: nft's fib expression ('saddr . mark . iif oif missing',
'daddr type local'), where a packet with iif and oif is one that is being forwarded; or
'rpfilter [--loose] [--validmark] [--accept-local] [--invert]', about received ones.

WHAT is one or more of: dev D, via G, src A, table T, type T, errno NAME, reason NAME or that NAME
alone, sent, delivered, forwarded, dropped, refused; with --fib found, missing; with --packet queued;
with --connect connected.

Exit status: 0 answered, 1 an expectation is violated, 2 bad input, 3 unknown.")]
    Explain {
        #[command(flatten)]
        source: SourceArgs,
        /// The question; without one, that of --example
        #[arg(value_name = "QUESTION", allow_negative_numbers = true)]
        question: Vec<String>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
        /// Exit with 1 if it is not so, such as 'dev wg0'
        #[arg(long, value_name = "WHAT")]
        expect: Option<String>,
        /// Show the first step at which another source differs: a snapshot, script, example or `live`
        #[arg(long, value_name = "SOURCE")]
        against: Option<String>,
        /// Ask the running kernel too
        #[arg(long)]
        verify: bool,
        /// Say what a firewall's rule is told about the packet, rather than how it is routed
        #[arg(long, value_name = "EXPR")]
        fib: Option<String>,
        /// The question has two addresses: say which getaddrinfo puts first, and both journeys
        #[arg(long, conflicts_with_all = ["fib", "expect", "against", "verify"])]
        both: bool,
        #[command(flatten)]
        packet: Box<journey::PacketArgs>,
    },
    /// Answer a list of questions, millions of them, a row each in their order
    #[command(after_help = "\
FILE is CSV whose first line names the columns, out of: to, from, iif, oif, mark, uid, ipproto,
sport, dport, tos, flowlabel, vrf (dst and src stand for to and from); or addresses alone, one a
line, without a header; or the lines of `explain -`, an object each. Values are those of explain;
an empty field takes any value. Blank lines are skipped.

A row has: verdict (sent, forwarded, delivered, dropped, refused, unknown), device, gateway,
source, table, and the rule's preference and the route's prefix that the packet's own lookup came
to. Of legs among which a hash with an unknown seed chooses, a row tells what they have in common.

The first line that is no question ends the run, after the rows of those before it.

Exit status: 0 answered, 2 bad input, 3 some answers are unknown; standard error says why.")]
    Flows {
        #[command(flatten)]
        source: SourceArgs,
        /// The list; - is standard input
        #[arg(value_name = "FILE")]
        path: PathBuf,
        /// What the list is; without it, the file's extension or its first byte tells
        #[arg(long, value_name = "FORMAT", value_enum)]
        format: Option<Format>,
        /// Print an object a row rather than CSV
        #[arg(long)]
        json: bool,
        /// Begin each row with its question, as it was written
        #[arg(long)]
        with_input: bool,
        /// How many threads answer; without it, one a processor
        #[arg(long, value_name = "N")]
        jobs: Option<NonZeroUsize>,
        /// Show no progress, which is shown where standard error is a terminal
        #[arg(long)]
        quiet: bool,
    },
    /// Run a command of iproute2 against the source
    #[command(disable_help_flag = true)]
    Ip {
        /// Arguments as for ip(8)
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
        args: Vec<String>,
    },
    /// Run a script of ip, sysctl, ping, sleep, cat and nstat lines in memory, on a fresh host
    Run {
        /// The script; - is standard input
        #[arg(value_name = "SCRIPT")]
        path: PathBuf,
        /// Print one JSON object a command
        #[arg(long)]
        json: bool,
        /// Behave as this kernel release does, as `uname -r` prints it
        #[arg(long, value_name = "VERSION", default_value = "6.18", value_parser = release)]
        release: String,
    },
    /// Send the packets of a capture through the host, at their times, and say what becomes of each
    #[command(after_help = "\
IN is a capture, pcap or pcapng. Each packet enters on the device that has the name of the interface
on which it was captured; a pcap names none, so that --on has to. The clock begins with the first
packet and goes on with the others' times; packets with times before their predecessors' enter at
once. Packets that the capture cut, or marks as outbound, do not enter.

The report has an object a line for each packet of the capture: its number, device, outcome
(forwarded, delivered, queued, dropped, unknown), the kernel's drop reason or the name of what is not
modelled, the frames that the host emitted because of it, the counters that it moved as nstat names
them, and the lookups that it made. Where time alone emits something, such as another ARP request, or
drops what waited, the object's packet is null. What is due when a packet comes happens after it, and
what is due at the end of --until is left out: Linux's timers are late, never early.

Without --report and --output for standard output, the numbers of packets by outcome are printed.

Exit status: 0 done, 2 bad input, 3 something unknown was met; standard error says what.")]
    Replay {
        #[command(flatten)]
        source: SourceArgs,
        /// The capture; - is standard input
        #[arg(value_name = "IN")]
        path: PathBuf,
        /// Write what the host emits as pcapng, each frame with a comment that says why; - is
        /// standard output
        #[arg(short, long, value_name = "OUT")]
        output: Option<PathBuf>,
        /// Write what becomes of each packet, an object a line; - is standard output
        #[arg(long, value_name = "FILE")]
        report: Option<PathBuf>,
        /// Let so many seconds pass after the last packet
        #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = replay::seconds)]
        until: u64,
        /// Where packets enter whose interface the capture does not name; or which device stands
        /// for an interface of it; can be given several times
        #[arg(long, value_name = "DEV|NAME=DEV")]
        on: Vec<String>,
        /// Show no progress, which is shown where standard error is a terminal
        #[arg(long)]
        quiet: bool,
    },
    /// Save a live host's configuration into one file
    Capture {
        /// A network namespace of this machine: a name of `ip netns`, or a path
        #[arg(short = 'n', long = "netns", value_name = "NAME|PATH")]
        netns: Option<String>,
        /// The network namespace of a process
        #[arg(long, value_name = "PID")]
        pid: Option<u32>,
        /// The file; standard output without it, or for -
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Replace addresses, hardware addresses and names of namespaces, consistently; names of
        /// devices, numbers of tables, marks and ports stay
        #[arg(long)]
        redact: bool,
        /// Further namespaces to put into the same file
        #[arg(long = "also", value_name = "NAME|PATH")]
        also: Vec<String>,
    },
    /// List the built-in situations, or show one
    Examples {
        /// Print this one's script
        #[arg(value_parser = examples::names(), hide_possible_values = true)]
        name: Option<String>,
    },
    /// Print a completion script
    Completions {
        /// bash, zsh, fish, elvish or powershell
        shell: clap_complete::Shell,
    },
    /// Print the manual page in roff
    Man,
}

/// Runs the command line; the result is the exit status.
pub fn main() -> u8 {
    let done = match Cli::try_parse() {
        Ok(cli) => run(cli),
        Err(error) => show(&error),
    };
    match done {
        Ok(status) => status,
        // Who reads no further has what it wanted.
        Err(error) if is_broken_pipe(&error) => OK,
        Err(error) if error.is::<clap::Error>() => {
            eprint!("{error}");
            USAGE
        }
        Err(error) => {
            complain!("fingerpost: {error:#}");
            USAGE
        }
    }
}

/// Prints help to standard output, or a complaint about the command line to standard error.
fn show(error: &clap::Error) -> anyhow::Result<u8> {
    if error.use_stderr() {
        let _ = error.print();
        return Ok(USAGE);
    }
    error.print().and_then(|()| io::stdout().flush()).context("standard output")?;
    Ok(OK)
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let io = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        let json = || cause.downcast_ref::<serde_json::Error>()?.io_error_kind();
        io.or_else(json) == Some(io::ErrorKind::BrokenPipe)
    })
}

/// Writes text to standard output.
fn print(text: &[u8]) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text).and_then(|()| out.flush()).context("standard output")
}

fn run(cli: Cli) -> anyhow::Result<u8> {
    let before = cli.source;
    match cli.verb {
        Verb::Explain { source, question, json, expect, packet, .. } if packet.is_given() => {
            journey::run(&before.and(source)?, &question, &packet, json, expect.as_deref())
        }
        Verb::Explain { source, question, json, expect, against, verify, fib, both, .. } => {
            let options = explain::Options { json, expect, against, verify, fib, both };
            explain::run(&before.and(source)?, &question, &options)
        }
        Verb::Flows { source, path, format, json, with_input, jobs, quiet } => {
            let options = flows::Options { format, json, with_input, jobs, quiet };
            flows::run(&before.and(source)?, &path, &options)
        }
        Verb::Replay { source, path, output, report, until, on, quiet } => {
            let options = replay::Options { output, report, until, on, quiet };
            replay::run(&before.and(source)?, &path, &options)
        }
        Verb::Ip { args } => ip::run(before, &args),
        Verb::Run { path, json, release } => {
            before.none(
                "run starts from a fresh host; to change another source in memory use --apply SCRIPT with \
                 explain or ip",
            )?;
            run_script(&path, json, &release)
        }
        Verb::Capture { netns, pid, output, redact, also } => {
            let source = before.and(SourceArgs { netns, pid, ..SourceArgs::default() })?;
            capture::run(&source, output.as_deref(), redact, &also)
        }
        Verb::Examples { name } => {
            before.none("examples takes no source")?;
            list_examples(name.as_deref())
        }
        Verb::Completions { shell } => {
            before.none("completions takes no source")?;
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "fingerpost", &mut script);
            print(&script)?;
            Ok(OK)
        }
        Verb::Man => {
            before.none("man takes no source")?;
            print(man::page(Cli::command())?.as_bytes())?;
            Ok(OK)
        }
    }
}

/// A kernel release: two numbers, perhaps more.
fn release(text: &str) -> Result<String, String> {
    let small = |digits: &str| digits.parse::<u8>().is_ok();
    let fits = || {
        let (major, rest) = text.split_once('.')?;
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (minor, rest) = rest.split_at(end);
        let more = rest.is_empty() || rest.starts_with(['.', '-', '+', '_']);
        let plain = rest.chars().all(|c| c.is_ascii_graphic());
        Some(small(major) && small(minor) && more && plain && !major.starts_with('+'))
    };
    match fits() {
        Some(true) => Ok(text.to_string()),
        _ => Err("expected a release as `uname -r` prints it, such as 6.18 or 6.18.3-generic".into()),
    }
}

fn run_script(path: &Path, json: bool, release: &str) -> anyhow::Result<u8> {
    let script = Script::parse(&read_text(path)?).with_context(|| label(path))?;
    let mut world = fresh_world(Behaviour::of_release(release))?;
    let names = fingerpost_iproute::Names::default();
    let mut runner = Runner { world: &mut world, ns: fingerpost_model::NsId(0), names: &names };
    let mut out = io::BufWriter::new(io::stdout().lock());
    let status = script::run(&script, &mut runner, json, &mut out)?;
    out.flush()?;
    Ok(status as u8)
}

fn list_examples(name: Option<&str>) -> anyhow::Result<u8> {
    let Some(name) = name else {
        let line = |example: &examples::Example| format!("{:<32}{}\n", example.name, example.story());
        print(examples::ALL.iter().map(line).collect::<String>().as_bytes())?;
        return Ok(OK);
    };
    let Some(example) = examples::Example::find(name) else {
        bail!("there is no example \"{name}\"; `fingerpost examples` lists them");
    };
    print(example.script.as_bytes())?;
    Ok(OK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_declaration_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_release_is_what_uname_prints() {
        for good in ["6.18", "6.18.3-generic", "6.1.0-13-amd64", "4.19.0+", "6.18-rc1", "2.6.32"] {
            assert_eq!(release(good).as_deref(), Ok(good));
        }
        for bad in ["abc", "", "6", "6.", ".18", "6.x", "99999999999.1", "6.18 x", "v6.18", "6.18x", "+6.18"]
        {
            assert!(release(bad).is_err_and(|why| why.contains("6.18.3-generic")), "{bad}");
        }
    }
}
