//! `fingerpost-bench`: how fast Fingerpost loads and decides, beside the
//! kernel, and finds the longest prefix, beside other structures.
//!
//! `load`, `decide` and `kernel` print a table of figures, or one JSON object. The
//! kernel's side runs in a network namespace of its own and needs root, `ip`,
//! `sysctl` and `unshare`; without them the rest is measured. Answers are
//! compared before a time is printed. `fib` has its own module.

mod alloc;
mod bpf;
mod churn;
mod compiled;
mod decide;
mod fib;
mod forward;
mod kernel;
mod load;
mod memory;
mod output;
#[cfg(target_os = "linux")]
mod packet_socket;
mod pin;
mod process;
mod replay;
mod report;
mod table;

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use fingerpost_net::Family;
use report::Report;
use table::Listed;

const USAGE: &str = "\
usage: fingerpost-bench load|decide|churn|memory|kernel|forward|replay [OPTIONS]
       fingerpost-bench fib [OPTIONS]          (fib --help)

  load      a full table from an `ip -batch` file and from a snapshot: time and memory
  decide    decisions on the full table: looked up, traced, explained; compiled, one by one and in
            batches, with strict rp_filter and with 1,000 rules; beside the kernel
  churn     decisions published while routes change, and those who read them meanwhile
  memory    what the table takes, as configuration and compiled
  kernel    the kernel's decisions alone, by netlink and by the BPF helper bpf_fib_lookup
  forward   64-byte packets, bytes to bytes, in batches and one by one; beside the kernel through veth
  replay    a capture through a host of two devices, with and without the files that are written
  fib       longest-prefix match, beside other structures

  --family 4|6       which (default 4; churn, forward and replay know 4 alone)
  --table FILE       PREFIX [HOP] lines (.gz through gzip, - standard input), or `synthetic`, the default
  --routes N         size of the synthetic table (default 900000, of IPv6 200000)
  --seed N           its seed (default 1)
  --no-kernel        leave the kernel's side out
  --json             one JSON object

The kernel's side needs root, ip, sysctl and unshare.
";

struct Options {
    verb: String,
    family: Family,
    table: Option<PathBuf>,
    routes: Option<usize>,
    seed: u64,
    kernel: bool,
    json: bool,
    /// The table as a batch file that is written already; then this process is the child in a namespace.
    batch: Option<PathBuf>,
}

fn parse(mut args: impl Iterator<Item = String>) -> Result<Options, String> {
    let verb = args.next().ok_or("a verb is missing")?;
    if !["load", "decide", "churn", "memory", "kernel", "forward", "replay", "help"].contains(&verb.as_str())
    {
        return Err(format!("{verb}: unknown verb"));
    }
    let mut options = Options {
        verb,
        family: Family::V4,
        table: None,
        routes: None,
        seed: 1,
        kernel: true,
        json: false,
        batch: None,
    };
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
        match arg.as_str() {
            "--table" => options.table = Some(value()?).filter(|name| name != "synthetic").map(PathBuf::from),
            "--family" => {
                options.family = match value()?.as_str() {
                    "4" => Family::V4,
                    "6" => Family::V6,
                    _ => return Err("--family: expected 4 or 6".into()),
                }
            }
            "--routes" => options.routes = Some(value()?.parse().map_err(|_| "--routes: expected a number")?),
            "--seed" => options.seed = value()?.parse().map_err(|_| "--seed: expected a number")?,
            "--batch" => options.batch = Some(value()?.into()),
            "--no-kernel" => options.kernel = false,
            "--json" => options.json = true,
            "-h" | "--help" => options.verb = "help".into(),
            other => return Err(format!("{other}: unknown option")),
        }
    }
    if ["churn", "forward", "replay"].contains(&options.verb.as_str()) && options.family == Family::V6 {
        return Err(format!("{0} --family 6: {0} is measured for IPv4 alone", options.verb));
    }
    if options.verb == "kernel" && !options.kernel {
        return Err("kernel --no-kernel: nothing is left".into());
    }
    Ok(options)
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let done = match args.as_slice() {
        [worker, verb, family, path, rest @ ..] if worker == "worker" => {
            load::worker(verb, family, Path::new(path), rest.first().map(Path::new))
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
    let mut report = Report::default();
    if options.verb == "replay" {
        replay::measure(&mut report)?;
        return report.print(options.json, &mut io::stdout().lock());
    }
    let listed = match (&options.table, options.family) {
        (Some(path), _) => table::read(path)?,
        (None, Family::V4) => Listed {
            v4: table::synthetic(options.seed, options.routes.unwrap_or(ROUTES)),
            ..Listed::default()
        },
        (None, Family::V6) => Listed {
            v6: table::synthetic(options.seed, options.routes.unwrap_or(table::SYNTHETIC_V6)),
            ..Listed::default()
        },
    };
    let result = match &options.batch {
        Some(batch) => measure(options, &listed, batch, &mut report),
        None => {
            let scratch = process::Scratch::new()?;
            let batch = scratch.path().join("table.batch");
            match options.family {
                Family::V4 => table::write_batch(&listed.v4, &batch),
                Family::V6 => table::write_batch(&listed.v6, &batch),
            }
            .and_then(|()| in_place(options, &listed, &batch, &mut report))
        }
    };
    result?;
    report.print(options.json, &mut io::stdout().lock())
}

/// What is beside the kernel's decisions is measured by a child in a namespace of its own.
fn in_place(options: &Options, listed: &Listed, batch: &Path, report: &mut Report) -> io::Result<()> {
    let isolated = ["decide", "memory", "kernel", "forward"].contains(&options.verb.as_str())
        && options.kernel
        && process::can_unshare();
    if !isolated {
        return measure(options, listed, batch, report);
    }
    let mut args = vec![options.verb.clone(), "--json".into(), "--batch".into(), batch.display().to_string()];
    if options.family == Family::V6 {
        args.extend(["--family".into(), "6".into()]);
    }
    match &options.table {
        Some(path) if path == Path::new("-") => {
            let verb = &options.verb;
            return Err(io::Error::other(format!("{verb} reads its table twice: name a file instead of -")));
        }
        Some(path) => args.extend(["--table".into(), path.display().to_string()]),
        None => args.extend(["--seed".into(), options.seed.to_string()]),
    }
    if let Some(routes) = options.routes {
        args.extend(["--routes".into(), routes.to_string()]);
    }
    *report = process::again(true, &args)?;
    Ok(())
}

fn measure(options: &Options, listed: &Listed, batch: &Path, report: &mut Report) -> io::Result<()> {
    let routes = match options.family {
        Family::V4 => listed.v4.len(),
        Family::V6 => listed.v6.len(),
    };
    if routes == 0 {
        return Err(io::Error::other("the table holds no route of this family: nothing can be measured"));
    }
    report.remark(format!("{routes} routes"));
    let is_alone = options.batch.is_some();
    match (options.verb.as_str(), options.family) {
        ("load", family) => {
            let dir = batch.parent().unwrap_or(Path::new("."));
            load::measure(family, batch, dir, routes, options.kernel, report)
        }
        ("memory", family) => memory::measure(family, batch, is_alone, report),
        ("churn", _) => churn::measure(batch, &listed.v4, report),
        ("forward", _) => forward::measure(batch, &listed.v4, SENDER, is_alone, report),
        ("kernel", _) if !is_alone => {
            Err(io::Error::other("no network namespace can be made: it takes root, ip, sysctl and unshare"))
        }
        ("kernel", Family::V4) => kernel::measure(batch, &listed.v4, SENDER, report),
        ("kernel", Family::V6) => kernel::measure(batch, &listed.v6, SENDER6, report),
        (_, family) => decide::measure(batch, listed, family, is_alone, report),
    }
}

/// The size of the synthetic IPv4 table when nothing else is said.
const ROUTES: usize = 900_000;
/// Whence packets come.
const SENDER: Ipv4Addr = Ipv4Addr::new(100, 65, 0, 2);
const SENDER6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x65, 0, 0, 0, 0, 0, 2);

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
            ("decide", Some(10), true, false)
        );
        assert!(words("load --table synthetic").expect("is right").table.is_none());
        assert_eq!(words("kernel --family 6").expect("is right").family, Family::V6);
        assert!(words("load --routes x").is_err());
        assert!(words("load --family 5").is_err());
        assert_eq!(words("decide --family 6").expect("is right").family, Family::V6);
        assert!(words("churn --family 6").is_err());
        assert!(words("kernel --no-kernel").is_err());
        assert!(words("run").is_err());
    }
}
