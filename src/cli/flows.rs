//! `flows`: a list of questions, answered on all cores.

use std::io;
use std::num::NonZeroUsize;
use std::path::Path;

use anyhow::bail;
use fingerpost_engine::lookup::hash::Asker;

use super::progress::Progress;
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
        complain!("fingerpost: not seen: {line}");
    }
    let jobs =
        options.jobs.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    let how = flows::Options { json: options.json, with_input: options.with_input, jobs };
    let name = input.name.clone();
    let mut progress = Progress::new("questions", input.size, options.quiet);
    let mut tell = |notice: Notice<'_>| match notice {
        Notice::Progress { questions, bytes } => progress.show(questions, bytes),
        Notice::Unknown { line, why } => {
            progress.hide();
            complain!("fingerpost: {name}: line {line}: unknown: {why}");
        }
    };
    let result = flows::run(input, &answerer, how, &mut io::stdout().lock(), &mut tell);
    progress.hide();
    let summary = result?;
    progress.end(summary.questions);
    match summary.unknown - summary.told {
        0 => {}
        more => complain!("fingerpost: {name}: {more} more answers are unknown"),
    }
    Ok(if summary.unknown == 0 { OK } else { UNKNOWN })
}
