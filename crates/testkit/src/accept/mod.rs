//! What a machine can check of the acceptance lists, one line each: what,
//! figure, pass or fail.
//!
//! `accept fib` is in [`fib`]. For `accept decision` and `accept ipv6`, besides a
//! comparison of random scenarios, configurations are made with the real `ip` in
//! namespaces and asked about there ([`inside`]): the running kernel's own
//! answers, the tables that it really searched (`trace`), the real listings, and
//! the same answers from a capture elsewhere. `accept packets` is in `packets`.

pub mod fib;
pub mod inside;
mod packets;
mod questions;
mod selectors;
mod trace;

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use fingerpost_net::Family;

use crate::decisions::{self, Counts};
use crate::process::run;
use inside::Findings;

/// The verb under which this program checks one configuration, inside its namespace.
pub const INSIDE: &str = "accept-inside";

/// How many configurations are asked about.
const CONFIGURATIONS: u64 = 20;
/// Questions to each of them.
const QUESTIONS: usize = 500;
/// How many of those are asked of the real `ip` under the tracepoint.
const TRACED: usize = 100;
/// Configurations on which compiled decisions are compared, of both families together;
/// questions to each, of packets made here and received together. Of random hosts more
/// than half are left to the lookup; so many have to be answered.
const DECIDED: u64 = 2000;
const DECISIONS: usize = 12_000;
const ANSWERED: u64 = 10_000_000;
/// Questions after each line of a script.
const PUBLISHED: usize = 12;
/// Random sets of addresses that sources are chosen from.
const SETS: u64 = 2000;
/// The longest that one configuration may take.
const DEADLINE: Duration = Duration::from_secs(600);
/// The longest that the comparison may take.
const LONG: Duration = Duration::from_secs(24 * 3600);

/// What is accepted, and how thoroughly.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Of the random scenarios and configurations.
    pub seed: u64,
    /// Scenarios to compare.
    pub scenarios: u64,
    /// Of random histories of the compiled table, in all.
    pub time: Duration,
    /// The program, if not the one beside this.
    pub fingerpost: Option<PathBuf>,
}

/// One line of the table.
struct Line {
    what: String,
    figure: String,
    pass: bool,
}

/// Checks the list called `name`; false when a line fails.
///
/// # Errors
///
/// There is no such list, or a check cannot be made at all (not root).
pub fn accept(name: &str, plan: &Plan) -> io::Result<bool> {
    let fingerpost = match &plan.fingerpost {
        Some(path) => std::fs::canonicalize(path)?,
        None => std::env::current_exe()?.with_file_name("fingerpost"),
    };
    let listed = |family| {
        let dir = std::env::temp_dir().join(format!("fingerpost-accept-{}", std::process::id()));
        std::fs::create_dir_all(&dir)?;
        let lines = decision(plan, family, &fingerpost, &dir);
        let _ = std::fs::remove_dir_all(&dir);
        lines
    };
    let lines = match name {
        "decision" => listed(Family::V4)?,
        "ipv6" => listed(Family::V6)?,
        "fib" => {
            let mut lines = fib::lines(plan.seed, plan.time);
            lines.push(comparison(plan, Family::V4, &fingerpost, Some("compiled"))?);
            lines
        }
        "decide" => decide(plan, &fingerpost)?,
        "packets" => packets::lines(plan)?,
        name => {
            let message =
                format!("{name}: there is no such list; there are: decision, ipv6, fib, decide, packets");
            return Err(io::Error::other(message));
        }
    };
    let width = lines.iter().map(|line| line.what.chars().count()).max().unwrap_or(0);
    for Line { what, figure, pass } in &lines {
        println!("{}  {what:<width$}  {figure}", if *pass { "pass" } else { "FAIL" });
    }
    Ok(lines.iter().all(|line| line.pass))
}

fn decision(plan: &Plan, family: Family, fingerpost: &Path, dir: &Path) -> io::Result<Vec<Line>> {
    // An ordinary user must be able to run the program and read the captures.
    let copy = dir.join("fingerpost");
    std::fs::copy(fingerpost, &copy)?;
    let mut lines = Vec::new();
    if family == Family::V4 {
        lines.push(examples(&copy)?);
    }
    let mut total = Findings::default();
    let mut index = 0;
    while total.configurations < CONFIGURATIONS {
        let findings = configuration(plan.seed, index, family, &copy, dir)?;
        for complaint in &findings.complaints {
            eprintln!("configuration {index}: {complaint}");
        }
        total.add(findings);
        index += 1;
        if index > CONFIGURATIONS * 3 {
            return Err(io::Error::other("too few of the random configurations can be asked about"));
        }
    }
    lines.extend(total_lines(&total));
    lines.push(comparison(plan, family, fingerpost, None)?);
    if family == Family::V6 {
        lines.push(source_addresses(plan, fingerpost)?);
    }
    Ok(lines)
}

/// Compiled decisions of both families against the traced lookup: on the hosts that
/// random scripts leave, while scripts run, and with the kernel as the judge.
fn decide(plan: &Plan, fingerpost: &Path) -> io::Result<Vec<Line>> {
    let mut lines = Vec::new();
    let line = |what: &str, done: Result<Counts, String>| {
        let pass = done.is_ok();
        let figure = match done {
            Ok(Counts { known, asked, anew, kept }) => {
                let published = match anew + kept {
                    0 => String::new(),
                    all => format!("; {all} publications, {anew} of everything"),
                };
                format!("{} asked, {known} answered by both, 0 differ{published}", known + asked)
            }
            Err(problem) => problem,
        };
        Line { what: what.into(), figure, pass }
    };
    let over = |one: fn(u64, u64, Family, usize) -> Result<Counts, String>, count, questions| {
        let mut counts = Counts::default();
        for index in 0..count {
            for family in [Family::V4, Family::V6] {
                counts.add(one(plan.seed, index, family, questions)?);
            }
        }
        Ok(counts)
    };
    let both = DECIDED / 2;
    let done = over(decisions::compare, both, DECISIONS / 2).and_then(|counts| match counts.known {
        ANSWERED.. => Ok(counts),
        few => Err(format!("only {few} were answered")),
    });
    lines.push(line(
        &format!("compiled decisions are those of the traced lookup, {DECIDED} configurations"),
        done,
    ));
    let done = over(decisions::publish, plan.scenarios, PUBLISHED);
    lines.push(line("and what readers see after each line of scripts", done));
    for family in [Family::V4, Family::V6] {
        lines.push(comparison(plan, family, fingerpost, Some("decisions"))?);
    }
    Ok(lines)
}

fn total_lines(total: &Findings) -> Vec<Line> {
    let differing = |asked: u64, differing: u64| format!("{asked} asked, {differing} differ");
    let line = |what: String, figure, pass| Line { what, figure, pass };
    let enough = |asked: u64, wanted: usize| asked >= CONFIGURATIONS * wanted as u64;
    vec![
        line(
            format!("explain --verify: questions over {} configurations", total.configurations),
            format!(
                "{}, {} the kernel cannot be asked",
                differing(total.asked, total.unverified),
                total.cannot_ask
            ),
            total.unverified == 0 && enough(total.asked, QUESTIONS),
        ),
        line(
            "tables named equal those that the tracepoint fib(6)_table_lookup saw".into(),
            differing(total.traced, total.other_tables),
            total.other_tables == 0 && enough(total.traced, TRACED),
        ),
        line(
            "a rule failing on one selector matches once that is met".into(),
            differing(total.selectors, total.unconvinced),
            total.unconvinced == 0 && total.selectors > 0,
        ),
        line(
            "route, rule, addr and others as the real ip's, text and JSON, live and captured".into(),
            differing(total.listings, total.other_listings),
            total.other_listings == 0 && total.listings > 0,
        ),
        line(
            "the capture, as an ordinary user in an empty namespace without ip".into(),
            differing(total.elsewhere, total.otherwise),
            total.otherwise == 0 && total.elsewhere >= total.asked,
        ),
    ]
}

/// Checks one random configuration in a namespace of its own.
fn configuration(
    seed: u64,
    index: u64,
    family: Family,
    fingerpost: &Path,
    dir: &Path,
) -> io::Result<Findings> {
    let mut command = Command::new("unshare");
    command.args(["--net", "--mount"]).arg(std::env::current_exe()?).arg(INSIDE);
    command.args([seed.to_string(), index.to_string()]).arg(fingerpost).arg(dir);
    command.args(["--family", number(family)]);
    let done = run(&mut command, "", DEADLINE)?;
    serde_json::from_str(&done.stdout)
        .map_err(|_| io::Error::other(format!("configuration {index}: {}", done.stderr.trim())))
}

/// Every built-in example explains its own question.
fn examples(fingerpost: &Path) -> io::Result<Line> {
    let listed = run(Command::new(fingerpost).arg("examples"), "", DEADLINE)?;
    let names: Vec<&str> = listed
        .stdout
        .lines()
        .filter(|line| !line.starts_with(char::is_whitespace))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let mut answered = 0;
    for name in &names {
        let done = run(Command::new(fingerpost).args(["explain", "--example", name]), "", DEADLINE)?;
        if done.status == 0 && !done.stdout.is_empty() {
            answered += 1;
        } else {
            eprintln!("example {name}: status {}: {}", done.status, done.stderr.trim());
        }
    }
    let (what, figure) = ("built-in examples are explained".into(), format!("{answered} of {}", names.len()));
    Ok(Line { what, figure, pass: answered == names.len() && answered > 0 })
}

/// How `--family` names it.
fn number(family: Family) -> &'static str {
    match family {
        Family::V4 => "4",
        Family::V6 => "6",
    }
}

/// This program's own `sources`.
fn source_addresses(plan: &Plan, fingerpost: &Path) -> io::Result<Line> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["sources", "--seed", &plan.seed.to_string(), "--scenarios", &SETS.to_string()]);
    command.args(["--questions", "10"]).arg("--fingerpost").arg(fingerpost);
    let done = run(&mut command, "", LONG)?;
    if done.status != 0 {
        eprintln!("{}{}", done.stdout, done.stderr);
    }
    Ok(Line {
        what: "source addresses equal those that UDP sockets get".into(),
        figure: done.stdout.lines().last().unwrap_or("nothing was compared").to_owned(),
        pass: done.status == 0,
    })
}

/// This program's own `compare`, with lookups in the structure of this name.
fn comparison(plan: &Plan, family: Family, fingerpost: &Path, fib: Option<&str>) -> io::Result<Line> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["compare", "--seed", &plan.seed.to_string(), "--scenarios", &plan.scenarios.to_string()]);
    command
        .args(["--family", number(family), "--shrink", "3", "--budget", "60"])
        .arg("--fingerpost")
        .arg(fingerpost);
    command.args(fib.iter().flat_map(|fib| ["--fib", fib]));
    let done = run(&mut command, "", LONG)?;
    if done.status != 0 {
        eprintln!("{}{}", done.stdout, done.stderr);
    }
    let figures: Vec<String> = done
        .stdout
        .lines()
        .filter(|line| {
            ["scenarios ", "commands ", "differing ", "differences "].iter().any(|w| line.starts_with(w))
        })
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    let what = "compare: random scenarios equal the kernel's";
    Ok(Line {
        what: fib.map_or(what.into(), |fib| format!("{what}, with the {fib} table")),
        figure: figures.join("; "),
        pass: done.status == 0,
    })
}
