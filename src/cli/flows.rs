//! `flows`: a list of questions, answered on all cores.

use std::io::{self, IsTerminal, Write};
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::bail;
use fingerpost_engine::lookup::hash::Asker;

use super::{OK, UNKNOWN};
use crate::flows::{self, Answerer, Format, Input, Notice};
use crate::source::SourceArgs;

/// How the list is answered.
pub(super) struct Options {
    pub format: Option<Format>,
    pub json: bool,
    pub with_input: bool,
    pub jobs: Option<NonZeroUsize>,
    pub quiet: bool,
}

pub(super) fn run(args: &SourceArgs, path: &Path, options: &Options) -> anyhow::Result<u8> {
    if path == Path::new("-") && args.reads_stdin() {
        bail!("standard input can be read only once");
    }
    let source = args.load()?;
    let asked = source.asked(Asker::Socket).map_err(anyhow::Error::msg)?;
    let answerer = Answerer::new(asked, source.netns.as_ref());
    let input = Input::open(path, options.format)?;
    if options.with_input && !options.json && !input.is_csv() {
        bail!("--with-input keeps the members of NDJSON's objects: it needs --json there");
    }
    for line in &source.not_seen {
        eprintln!("fingerpost: not seen: {line}");
    }
    let jobs =
        options.jobs.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    let how = flows::Options { json: options.json, with_input: options.with_input, jobs };
    let name = input.name.clone();
    let mut progress = Progress::new(input.size, !options.quiet && io::stderr().is_terminal());
    let mut tell = |notice: Notice<'_>| match notice {
        Notice::Progress { questions, bytes } => progress.show(questions, bytes),
        Notice::Unknown { line, why } => {
            progress.hide();
            eprintln!("fingerpost: {name}: line {line}: unknown: {why}");
        }
    };
    let result = flows::run(input, &answerer, how, &mut io::stdout().lock(), &mut tell);
    progress.hide();
    let summary = result?;
    progress.end(summary.questions);
    match summary.unknown - summary.told {
        0 => {}
        more => eprintln!("fingerpost: {name}: {more} more answers are unknown"),
    }
    Ok(if summary.unknown == 0 { OK } else { UNKNOWN })
}

/// How often the progress is shown at most.
const INTERVAL: Duration = Duration::from_millis(250);

/// A line on the terminal that tells how far the list is answered.
struct Progress {
    size: Option<u64>,
    shown: bool,
    on: bool,
    begin: Instant,
    last: Instant,
}

impl Progress {
    fn new(size: Option<u64>, on: bool) -> Self {
        let now = Instant::now();
        Progress { size: size.filter(|&size| size > 0), shown: false, on, begin: now, last: now }
    }

    fn show(&mut self, questions: u64, bytes: u64) {
        if !self.on || self.last.elapsed() < INTERVAL {
            return;
        }
        self.last = Instant::now();
        let share = self.size.map_or(String::new(), |size| format!(", {} %", bytes.min(size) * 100 / size));
        let text = self.rate(questions);
        // A terminal that takes nothing is none of our business.
        let _ = write!(io::stderr(), "\r{text}{share}\x1b[K");
        self.shown = true;
    }

    fn rate(&self, questions: u64) -> String {
        let seconds = self.begin.elapsed().as_secs_f64();
        let rate = questions as f64 / seconds.max(1e-6) / 1e6;
        format!("{questions} questions, {rate:.2} M/s")
    }

    fn hide(&mut self) {
        if std::mem::take(&mut self.shown) {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }

    /// The whole, where it took long enough to be shown.
    fn end(&self, questions: u64) {
        if self.on && self.begin.elapsed() >= INTERVAL {
            let seconds = self.begin.elapsed().as_secs_f64();
            let _ = writeln!(io::stderr(), "{} in {seconds:.1} s", self.rate(questions));
        }
    }
}
