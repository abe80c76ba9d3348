//! `replay`: a capture through the host.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};

use super::progress::Progress;
use super::{OK, UNKNOWN, is_broken_pipe, print};
use crate::replay::{self, Capture, Notice, Report, Summary, Writer};
use crate::source::{Source, SourceArgs, label};

/// How the capture is replayed, and what is written.
pub(super) struct Options {
    pub output: Option<PathBuf>,
    pub report: Option<PathBuf>,
    pub until: u64,
    pub on: Vec<String>,
    pub quiet: bool,
}

/// A duration in seconds, as milliseconds.
pub(super) fn seconds(text: &str) -> Result<u64, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let millis = seconds.and_then(|seconds| u64::try_from(seconds.as_millis()).ok());
    millis.ok_or_else(|| "expected seconds, such as 3 or 0.5".into())
}

pub(super) fn run(args: &SourceArgs, path: &Path, options: &Options) -> anyhow::Result<u8> {
    if path == Path::new("-") && args.reads_stdin() {
        bail!("standard input can be read only once");
    }
    let is_stdout = |path: &Option<PathBuf>| path.as_deref() == Some(Path::new("-"));
    if is_stdout(&options.output) && is_stdout(&options.report) {
        bail!("standard output can hold only one of --output and --report");
    }
    let how = entries(options)?;
    let mut source = args.load()?;
    let mut capture = Capture::open(path)?;
    apart(args, path, options)?;
    for line in source.not_seen.iter().chain(&assumed(&source)) {
        complain!("fingerpost: not seen: {line}");
    }
    let mut writer = options.output.as_deref().map(writer).transpose()?;
    let mut report = options.report.as_deref().map(report).transpose()?;
    let mut progress = Progress::new("packets", capture.size, options.quiet);
    let mut tell = |Notice::Progress { packets, bytes }: Notice| progress.show(packets, bytes);
    let result = replay::run(&mut capture, &mut source, &how, writer.as_mut(), report.as_mut(), &mut tell);
    progress.hide();
    let summary = result.map_err(|why| match [&options.output, &options.report].map(Option::as_deref) {
        // Whoever reads has had enough.
        _ if is_broken_pipe(&why) => why,
        [None, None] => why,
        [Some(one), None] | [None, Some(one)] => {
            anyhow::anyhow!("{why:#}; {} holds what came before", name(one))
        }
        [Some(one), Some(other)] => {
            anyhow::anyhow!("{why:#}; {} and {} hold what came before", name(one), name(other))
        }
    })?;
    progress.end(summary.packets);
    if !is_stdout(&options.output) && !is_stdout(&options.report) {
        print(summary.text().as_bytes())?;
    }
    Ok(remark(&capture, &summary, &source))
}

/// What was said with `--on`.
fn entries(options: &Options) -> anyhow::Result<replay::Options> {
    let mut how = replay::Options { until: options.until, ..replay::Options::default() };
    for on in &options.on {
        match on.split_once('=') {
            Some((name, _)) if how.renamed.iter().any(|(known, _)| known == name) => {
                bail!("--on says twice what stands for {name}")
            }
            Some((name, device)) => how.renamed.push((name.into(), device.into())),
            None if how.on.is_some() => bail!("--on names two devices; --on NAME=DEV is for one interface"),
            None => how.on = Some(on.clone()),
        }
    }
    Ok(how)
}

/// What the capture cannot tell of the host and is taken to be as on a fresh one.
fn assumed(source: &Source) -> Vec<String> {
    let Some(netns) = &source.netns else { return Vec::new() };
    let facts = [
        (netns.custom_rules.is_none(), "whether a rule was ever added or deleted"),
        (netns.custom_local_routes.is_none(), "whether a local route was ever added by hand"),
        (netns.realm_users.is_none(), "whether a route or rule with realms is in use"),
    ];
    let unknown = facts.iter().filter(|(is_unknown, _)| *is_unknown);
    unknown.map(|(_, what)| format!("{what}; packets fare as if not")).collect()
}

/// A file that is written is none that is read, and the two that are written are not one.
fn apart(args: &SourceArgs, capture: &Path, options: &Options) -> anyhow::Result<()> {
    let capture = ("the capture that is read", place(capture, "/dev/stdin"));
    let source = args.files().map(|file| ("read as the host's configuration", place(file, "/dev/stdin")));
    let mut taken: Vec<(&str, Option<Place>)> = std::iter::once(capture).chain(source).collect();
    for file in [&options.output, &options.report].into_iter().flatten() {
        let place = place(file, "/dev/stdout");
        if let Some((what, _)) = taken.iter().find(|(_, known)| known.is_some() && *known == place) {
            bail!("{}: it is {what}; write to another file", name(file));
        }
        taken.push(("what --output writes", place));
    }
    Ok(())
}

/// Where a file is: several names can lead there.
#[derive(PartialEq, Eq)]
enum Place {
    /// Device and inode number.
    #[cfg(unix)]
    Inode(u64, u64),
    Path(PathBuf),
}

/// Where a regular file is, or where one would be made. Of others, such as pipes, each is its own.
fn place(path: &Path, standard: &str) -> Option<Place> {
    let path = if path == Path::new("-") { Path::new(standard) } else { path };
    match path.metadata() {
        Ok(about) if !about.is_file() => None,
        #[cfg(unix)]
        Ok(about) => {
            use std::os::unix::fs::MetadataExt;
            Some(Place::Inode(about.dev(), about.ino()))
        }
        #[cfg(not(unix))]
        Ok(_) => path.canonicalize().ok().map(Place::Path),
        Err(_) => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            let folder = folder.unwrap_or(Path::new(".")).canonicalize().ok()?;
            Some(Place::Path(folder.join(path.file_name()?)))
        }
    }
}

fn create(path: &Path) -> anyhow::Result<Box<dyn Write + Send>> {
    Ok(match path == Path::new("-") {
        true => Box::new(io::stdout()),
        false => Box::new(File::create(path).with_context(|| label(path))?),
    })
}

/// What messages call a file that is written.
fn name(path: &Path) -> String {
    if path == Path::new("-") { "standard output".into() } else { path.display().to_string() }
}

fn writer(path: &Path) -> anyhow::Result<Writer> {
    Writer::new(create(path)?, name(path)).with_context(|| name(path))
}

fn report(path: &Path) -> anyhow::Result<Report> {
    Ok(Report::new(create(path)?, name(path)))
}

/// Says on standard error what is to be known about the run; the exit status.
fn remark(capture: &Capture, summary: &Summary, source: &Source) -> u8 {
    let say = |text: String| complain!("fingerpost: {}: {text}", capture.name);
    let first = |first: u64| format!("the first is packet {first}");
    if let Some(unknown) = capture.unknown_blocks() {
        let (count, kind, offset) = (unknown.count, unknown.kind, unknown.offset);
        say(format!(
            "blocks of unknown types: {count}, left out; the first is of type {kind:#x}, at byte {offset}"
        ));
    }
    let backwards = summary.backwards;
    if backwards.count > 0 {
        let count = backwards.count;
        say(format!(
            "packets with times before their predecessors': {count}, {}; the clock stood still for them; \
             reordercap(1) sorts a capture",
            first(backwards.first)
        ));
    }
    if summary.outbound.count > 0 {
        let count = summary.outbound.count;
        say(format!(
            "packets on their way out: {count}, {}; they did not enter",
            first(summary.outbound.first)
        ));
    }
    if summary.cut.count > 0 {
        let count = summary.cut.count;
        say(format!(
            "packets that the capture cut: {count}, {}; they did not enter; capture with a larger snapshot \
             length (tcpdump -s 0)",
            first(summary.cut.first)
        ));
    }
    let met = summary.unknown().map(|(what, count)| format!("{what} ({count})"));
    let mut unknown: Vec<String> = met.chain(source.deciders.iter().map(|what| (*what).to_owned())).collect();
    let alone = summary.without_socket();
    if source.netns.is_some() && alone > 0 {
        unknown.push(format!("which sockets the host has ({alone}): {}", replay::SOCKETS));
    }
    if unknown.is_empty() {
        return OK;
    }
    say(format!("unknown: {}", unknown.join(", ")));
    UNKNOWN
}
