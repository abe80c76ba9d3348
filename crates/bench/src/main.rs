//! `fingerpost-bench`: how fast Fingerpost loads and decides, beside the
//! kernel, and finds the longest prefix, beside other structures.
//!
//! `load` and `decide` print a table of figures, or one JSON object. The
//! kernel's side runs in a network namespace of its own and needs root, `ip`,
//! `sysctl` and `unshare`; without them the rest is measured. Answers are
//! compared before a time is printed. `fib` has its own module.

mod alloc;
mod bpf;
mod decide;
mod fib;
mod load;
mod output;
mod pin;
mod process;
mod report;
mod table;

use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use report::Report;
use table::Route;

const USAGE: &str = "\
usage: fingerpost-bench load|decide [OPTIONS]
       fingerpost-bench fib [OPTIONS]          (fib --help)

  load      a full table from an `ip -batch` file and from a snapshot: time and memory
  decide    one decision on the full table: untraced, traced, explained
  fib       longest-prefix match, beside other structures

  --table FILE       PREFIX [HOP] lines (.gz through gzip, - standard input), or `synthetic`, the default
  --routes N         size of the synthetic table (default 900000)
  --seed N           its seed (default 1)
  --no-kernel        leave the kernel's side out
  --json             one JSON object

The kernel's side needs root, ip, sysctl and unshare.
";

struct Options {
    verb: String,
    table: Option<PathBuf>,
    routes: usize,
    seed: u64,
    kernel: bool,
    json: bool,
    /// The table as a batch file that is written already; then this process is the child in a namespace.
    batch: Option<PathBuf>,
}

fn parse(mut args: impl Iterator<Item = String>) -> Result<Options, String> {
    let verb = args.next().ok_or("a verb is missing")?;
    if !["load", "decide", "help"].contains(&verb.as_str()) {
        return Err(format!("{verb}: unknown verb"));
    }
    let mut options =
        Options { verb, table: None, routes: 900_000, seed: 1, kernel: true, json: false, batch: None };
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
        match arg.as_str() {
            "--table" => options.table = Some(value()?).filter(|name| name != "synthetic").map(PathBuf::from),
            "--routes" => options.routes = value()?.parse().map_err(|_| "--routes: expected a number")?,
            "--seed" => options.seed = value()?.parse().map_err(|_| "--seed: expected a number")?,
            "--batch" => options.batch = Some(value()?.into()),
            "--no-kernel" => options.kernel = false,
            "--json" => options.json = true,
            "-h" | "--help" => options.verb = "help".into(),
            other => return Err(format!("{other}: unknown option")),
        }
    }
    Ok(options)
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let done = match args.as_slice() {
        [worker, verb, path, rest @ ..] if worker == "worker" => {
            load::worker(verb, Path::new(path), rest.first().map(Path::new))
                .and_then(|figures| serde_json::to_string(&figures).map_err(io::Error::other))
                .and_then(|figures| output::print(&figures))
        }
        [worker, name, family, task] if worker == "fib-worker" => fib::worker(name, family, task),
        [verb, rest @ ..] if verb == "fib" => match fib::parse(rest.iter().cloned()) {
            Ok(None) => output::print(fib::USAGE),
            Ok(Some(options)) => return output::status(fib::run(&options)),
            Err(problem) => return misused(&problem, fib::USAGE),
        },
        _ => match parse(args.into_iter()) {
            Ok(options) if options.verb == "help" => output::print(USAGE),
            Ok(options) => run(&options),
            Err(problem) => return misused(&problem, USAGE),
        },
    };
    output::status(done.map(|()| true))
}

fn misused(problem: &str, usage: &str) -> ExitCode {
    output::note(&format!("fingerpost-bench: {problem}\n\n{usage}"));
    ExitCode::from(2)
}

fn run(options: &Options) -> io::Result<()> {
    let routes = match &options.table {
        Some(path) => table::read(path)?.v4,
        None => table::synthetic(options.seed, options.routes),
    };
    let mut report = Report::default();
    let result = match &options.batch {
        Some(batch) => measure(options, &routes, batch, &mut report),
        None => {
            let scratch = process::Scratch::new()?;
            let batch = scratch.path().join("table.batch");
            table::write_batch(&routes, &batch).and_then(|()| in_place(options, &routes, &batch, &mut report))
        }
    };
    result?;
    report.print(options.json, &mut io::stdout().lock())
}

/// Decisions beside the kernel's are measured by a child in a namespace of its own.
fn in_place(
    options: &Options,
    routes: &[Route<Ipv4Addr>],
    batch: &Path,
    report: &mut Report,
) -> io::Result<()> {
    let isolated = options.verb == "decide" && options.kernel && process::can_unshare();
    if !isolated {
        return measure(options, routes, batch, report);
    }
    let mut args = vec!["decide".into(), "--json".into(), "--batch".into(), batch.display().to_string()];
    match &options.table {
        Some(path) if path == Path::new("-") => {
            return Err(io::Error::other("decide reads its table twice: name a file instead of -"));
        }
        Some(path) => args.extend(["--table".into(), path.display().to_string()]),
        None => args.extend([
            "--seed".into(),
            options.seed.to_string(),
            "--routes".into(),
            options.routes.to_string(),
        ]),
    }
    *report = process::again(true, &args)?;
    Ok(())
}

fn measure(
    options: &Options,
    routes: &[Route<Ipv4Addr>],
    batch: &Path,
    report: &mut Report,
) -> io::Result<()> {
    report.remark(format!("{} routes", routes.len()));
    match options.verb.as_str() {
        "load" => {
            let dir = batch.parent().unwrap_or(Path::new("."));
            load::measure(batch, dir, routes.len(), options.kernel, report)
        }
        _ => decide::measure(batch, routes, options.batch.is_some(), report),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read() {
        let words =
            |text: &str| parse(text.split_whitespace().map(String::from).collect::<Vec<_>>().into_iter());
        let options = words("decide --routes 10 --json --no-kernel").expect("is right");
        assert_eq!(
            (options.verb.as_str(), options.routes, options.json, options.kernel),
            ("decide", 10, true, false)
        );
        assert!(words("load --table synthetic").expect("is right").table.is_none());
        assert!(words("load --routes x").is_err());
        assert!(words("run").is_err());
    }
}
