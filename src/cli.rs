//! The command line: its declaration, and one function for each verb.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{CommandFactory, Parser, Subcommand};
use fingerpost_engine::World;
use fingerpost_engine::lookup::hash::Asker;
use fingerpost_host::{Capture, CaptureOptions, Live};
use fingerpost_model::{Kernel, TableId};
use serde::Serialize;

use crate::examples;
use crate::explain::{self, Asked, Expectation, Explanation, Question, text};
use crate::gateways;
use crate::readonly::ReadOnly;
use crate::script::{self, Runner, Script};
use crate::source::{Source, SourceArgs, read_text};
use crate::verify::{self, Judgement};

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
QUESTION is the grammar of `ip route get`:
  ADDRESS [from A] [iif D] [oif D] [mark M] [uid U] [ipproto P] [sport N] [dport N] [tos T] [vrf D]
or - to read questions from standard input, one JSON object (or string) a line.

Exit status: 0 answered, 1 an expectation is violated, 2 bad input, 3 unknown.")]
    Explain {
        /// The question; without one, that of --example
        #[arg(value_name = "QUESTION")]
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
    },
    /// Run a command of iproute2 against the source
    #[command(disable_help_flag = true)]
    Ip {
        /// Arguments as for ip(8)
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
        args: Vec<String>,
    },
    /// Run a script of ip, sysctl and cat lines in memory, on a fresh host
    Run {
        /// The script; - is standard input
        #[arg(value_name = "SCRIPT")]
        path: PathBuf,
        /// Print one JSON object a command
        #[arg(long)]
        json: bool,
        /// Behave as this kernel release does, as `uname -r` prints it
        #[arg(long, value_name = "VERSION", default_value = "6.18")]
        release: String,
    },
    /// Save a live host's configuration into one file
    Capture {
        /// The file; standard output without it
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Replace addresses and names consistently
        #[arg(long)]
        redact: bool,
        /// Further namespaces to put into the same file
        #[arg(long = "also", value_name = "NAME|PATH")]
        also: Vec<String>,
    },
    /// List the built-in situations, or show one
    Examples {
        /// Print this one's script
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
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help goes to standard output, errors to standard error.
            let _ = error.print();
            return if error.use_stderr() { USAGE } else { OK };
        }
    };
    match run(cli) {
        Ok(status) => status,
        Err(error) => {
            if error.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe) {
                return OK;
            }
            eprintln!("fingerpost: {error:#}");
            USAGE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<u8> {
    match cli.verb {
        Verb::Explain { question, json, expect, against, verify } => {
            let options = Explain { json, expect, against, verify };
            explain_verb(&cli.source, &question, &options)
        }
        Verb::Ip { args } => ip(&cli.source, &args),
        Verb::Run { path, json, release } => run_script(&cli.source, &path, json, &release),
        Verb::Capture { output, redact, also } => capture(&cli.source, output.as_deref(), redact, &also),
        Verb::Examples { name } => list_examples(name.as_deref()),
        Verb::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "fingerpost", &mut io::stdout());
            Ok(OK)
        }
        Verb::Man => {
            clap_mangen::Man::new(Cli::command()).render(&mut io::stdout())?;
            Ok(OK)
        }
    }
}

struct Explain {
    json: bool,
    expect: Option<String>,
    against: Option<String>,
    verify: bool,
}

fn explain_verb(args: &SourceArgs, words: &[String], options: &Explain) -> anyhow::Result<u8> {
    let expectation =
        options.expect.as_deref().map(Expectation::parse).transpose().map_err(anyhow::Error::msg)?;
    let other = options.against.as_deref().map(SourceArgs::named).transpose()?;
    let mut source = args.load()?;
    if options.verify && (source.live.is_none() || !args.apply.is_empty()) {
        bail!("--verify asks the running kernel: it needs the live host as source, without --apply");
    }
    if words == ["-"] {
        return explain_stream(&mut source, other.as_ref(), expectation.as_ref(), options.verify);
    }
    let question = match (words, &args.example) {
        ([], Some(name)) => {
            let example = examples::Example::find(name).context("no such example")?;
            Question::parse(&example.question().split_whitespace().map(String::from).collect::<Vec<_>>())
        }
        _ => Question::parse(words),
    }
    .map_err(anyhow::Error::msg)?;
    let answered =
        answer_all(&mut source, other.as_ref(), &question, options.verify).map_err(anyhow::Error::msg)?;
    let mut out = io::stdout().lock();
    if options.json {
        serde_json::to_writer(&mut out, &answered)?;
        out.write_all(b"\n")?;
    } else {
        out.write_all(text::render(&answered.explanation, style()).as_bytes())?;
        print_extras(&answered, &mut out)?;
    }
    Ok(answered.status(expectation.as_ref(), ""))
}

/// One question's answer with what else was asked about it.
#[derive(Serialize)]
struct Answered {
    #[serde(flatten)]
    explanation: Explanation,
    /// What the running kernel says.
    #[serde(skip_serializing_if = "Option::is_none")]
    verified: Option<Judgement>,
    /// The first step at which the other source differs: here and there; null when none does.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_difference: Option<Option<(String, String)>>,
}

impl Answered {
    /// The exit status; a violated expectation is said on standard error.
    fn status(&self, expectation: Option<&Expectation>, place: &str) -> u8 {
        if let Some(violation) = expectation.and_then(|e| e.violated_by(&self.explanation)) {
            eprintln!("fingerpost: {place}{violation}");
            return VIOLATED;
        }
        if matches!(self.verified, Some(Judgement::Differs { .. })) {
            return VIOLATED;
        }
        let known = self.explanation.unknown.is_empty() && self.explanation.otherwise.is_empty();
        if known { OK } else { UNKNOWN }
    }
}

fn answer_all(
    source: &mut Source,
    other: Option<&Source>,
    question: &Question,
    verify: bool,
) -> Result<Answered, String> {
    let explanation = answer(source, question, verify)?;
    let first_difference = match other {
        Some(other) => Some(explain::first_difference(&explanation, &answer(other, question, false)?)),
        None => None,
    };
    let verified = match &mut source.live {
        Some(live) if verify => {
            let config = &source.world.ns(source.ns).map_err(|refusal| refusal.to_string())?.config;
            let resolved = question.resolve(config, source.world.uid)?;
            Some(verify::verify(live, config, &resolved, &explanation))
        }
        _ => None,
    };
    Ok(Answered { explanation, verified, first_difference })
}

fn print_extras(answered: &Answered, out: &mut dyn Write) -> io::Result<()> {
    match &answered.verified {
        None => {}
        Some(Judgement::Agrees) => writeln!(out, "verified     the running kernel gives the same answer")?,
        Some(Judgement::Differs { ours, kernel }) => {
            writeln!(out, "verified     NO: the running kernel says \"{kernel}\", fingerpost \"{ours}\"")?;
        }
        Some(Judgement::CannotAsk(why)) => writeln!(out, "verified     cannot ask: {why}")?,
    }
    match &answered.first_difference {
        None => {}
        Some(None) => writeln!(out, "\nboth answer the same way, step by step")?,
        Some(Some((here, there))) => {
            writeln!(out, "\nthe first difference:\n  here   {here}\n  there  {there}")?;
        }
    }
    Ok(())
}

/// Questions from standard input, one a line; an object a line goes out.
fn explain_stream(
    source: &mut Source,
    other: Option<&Source>,
    expectation: Option<&Expectation>,
    verify: bool,
) -> anyhow::Result<u8> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut status = OK;
    for (n, line) in io::stdin().lock().lines().enumerate() {
        let place = format!("standard input, line {}: ", n + 1);
        let line = line.map_err(|error| anyhow::anyhow!("{place}{error}"))?;
        if line.trim().is_empty() {
            continue;
        }
        let answered = Question::from_json(&line)
            .and_then(|question| answer_all(source, other, &question, verify))
            .map_err(|problem| anyhow::anyhow!("{place}{problem}"))?;
        serde_json::to_writer(&mut out, &answered)?;
        out.write_all(b"\n")?;
        // A violation outweighs what is unknown.
        status = match (status, answered.status(expectation, &place)) {
            (VIOLATED, _) | (_, VIOLATED) => VIOLATED,
            (before, now) => before.max(now),
        };
    }
    out.flush()?;
    Ok(status)
}

/// Answers a question; where something hidden could not be found out and the
/// answer turns on it, the other answer is given too.
fn answer(source: &Source, question: &Question, as_route_get: bool) -> Result<Explanation, String> {
    let ns = source.world.ns(source.ns).map_err(|refusal| refusal.to_string())?;
    let table_name = |id: TableId| source.names.table_name(id.0);
    let asked = Asked {
        ns,
        behaviour: &source.world.behaviour,
        now: source.world.now,
        uid: source.world.uid,
        names: &table_name,
        asker: if as_route_get { Asker::Packet } else { Asker::Socket },
        assumed_choice: None,
    };
    let mut explanation = explain::explain(asked, question)?;
    explanation.not_seen = source.not_seen.clone();
    if let Some(netns) = &source.netns {
        explain::add_alternatives(asked, netns, question, &mut explanation)?;
    }
    Ok(explanation)
}

fn style() -> text::Style {
    let terminal = io::stdout().is_terminal();
    let width = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let width = width.or_else(|| terminal_size::terminal_size().map(|(width, _)| usize::from(width.0)));
    text::Style {
        width: width.unwrap_or(110),
        colour: terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
    }
}

fn ip(args: &SourceArgs, words: &[String]) -> anyhow::Result<u8> {
    let source = args.load()?;
    let (ns, names) = (source.ns, source.names);
    let mut stdout = io::BufWriter::new(io::stdout().lock());
    let mut stderr = io::stderr();
    let env = fingerpost_iproute::Env { open: &script::open, exec: None };
    let sinks = fingerpost_iproute::Sinks { stdout: &mut stdout, stderr: &mut stderr };
    let mut world = source.world;
    let mut copy;
    let kernel: &mut dyn Kernel = if source.is_copy {
        copy = ReadOnly(world);
        &mut copy
    } else {
        &mut world
    };
    let (status, _) = fingerpost_iproute::run_to(words, kernel, ns, &names, &env, sinks);
    stdout.flush()?;
    Ok(status as u8)
}

fn run_script(args: &SourceArgs, path: &Path, json: bool, release: &str) -> anyhow::Result<u8> {
    if args.snapshot.is_some()
        || args.script.is_some()
        || args.example.is_some()
        || args.netns.is_some()
        || args.pid.is_some()
    {
        bail!(
            "run starts from a fresh host; to change another source in memory use --apply SCRIPT with explain or ip"
        );
    }
    let what = path.display().to_string();
    let script = Script::parse(&read_text(path)?).with_context(|| what)?;
    let mut world = World::new(1, fingerpost_engine::Behaviour::of_release(release));
    let names = fingerpost_iproute::Names::default();
    let mut runner = Runner { world: &mut world, ns: fingerpost_model::NsId(0), names: &names };
    let mut out = io::BufWriter::new(io::stdout().lock());
    let status = script::run(&script, &mut runner, json, &mut out)?;
    out.flush()?;
    Ok(status as u8)
}

fn capture(args: &SourceArgs, output: Option<&Path>, redact: bool, also: &[String]) -> anyhow::Result<u8> {
    if args.snapshot.is_some() || args.script.is_some() || args.example.is_some() {
        bail!("capture reads a live host; it takes -n and --pid only");
    }
    let mut capture = Capture::new();
    let targets =
        std::iter::once(args.target()).chain(also.iter().map(|name| fingerpost_host::Target::named(name)));
    let mut lives = Vec::new();
    for target in targets {
        let mut live = Live::open(&target)?;
        capture.add(&mut live, &CaptureOptions::default())?;
        lives.push(live);
    }
    gateways::settle(&mut capture, &mut lives)?;
    let mut bytes = Vec::new();
    capture.write(&mut bytes)?;
    if redact {
        let key = fingerpost_host::redact::Key::from_seed(random_seed()?);
        bytes = fingerpost_host::redact::redact(io::Cursor::new(bytes), Vec::new(), &key)?;
    }
    match output {
        None => io::stdout().lock().write_all(&bytes)?,
        Some(path) => write_whole(path, &bytes).with_context(|| path.display().to_string())?,
    }
    for sentence in &capture.header().not_seen {
        eprintln!("fingerpost: not seen: {sentence}");
    }
    Ok(OK)
}

/// Writes a file whole or not at all.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if path.exists() && !path.is_file() {
        // A device or pipe such as /dev/stdout has nothing to be replaced.
        return std::fs::write(path, bytes);
    }
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}", std::process::id()));
    let unfinished = PathBuf::from(name);
    std::fs::write(&unfinished, bytes).and_then(|()| std::fs::rename(&unfinished, path)).inspect_err(|_| {
        let _ = std::fs::remove_file(&unfinished);
    })
}

/// A key that nobody can guess, so that redacted addresses cannot be found by trying.
fn random_seed() -> anyhow::Result<u64> {
    let mut bytes = [0u8; 8];
    let mut file = std::fs::File::open("/dev/urandom").context("/dev/urandom")?;
    io::Read::read_exact(&mut file, &mut bytes)?;
    Ok(u64::from_ne_bytes(bytes))
}

fn list_examples(name: Option<&str>) -> anyhow::Result<u8> {
    let mut out = io::stdout().lock();
    match name {
        Some(name) => {
            let example = examples::Example::find(name).with_context(|| {
                format!("there is no example \"{name}\"; `fingerpost examples` lists them")
            })?;
            out.write_all(example.script.as_bytes())?;
        }
        None => {
            for example in examples::ALL {
                writeln!(out, "{:<32}{}", example.name, example.story())?;
            }
        }
    }
    Ok(OK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_declaration_is_consistent() {
        Cli::command().debug_assert();
    }
}
