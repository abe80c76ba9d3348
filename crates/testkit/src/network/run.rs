//! The comparison over many networks.

use std::collections::BTreeMap;
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use fingerpost_net::Family;

use super::{generate, sides};
use crate::script::Answer;
use crate::shrink::shrink;

/// The status and the words by which Fingerpost says that it does not know.
const UNKNOWN: (i32, &str) = (3, "is not known: not modelled: ");

/// What to compare.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The protocol of the networks.
    pub family: Family,
    /// Their seed.
    pub seed: u64,
    /// How many.
    pub cases: u64,
    /// One alone.
    pub only: Option<u64>,
    /// Workers, which mostly wait.
    pub jobs: Option<usize>,
    /// How many differences are made small.
    pub shrink: usize,
    /// Runs that making one small may take.
    pub budget: usize,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// Networks, and lines that were compared.
    pub cases: u64,
    /// Pings that both answered.
    pub pings: u64,
    /// Differences that did not come twice.
    pub once: u64,
    /// What was not known, and how often.
    pub unknown: BTreeMap<String, u64>,
    /// Differences: the case and the line's number.
    pub differing: Vec<Difference>,
}

/// A line that was answered otherwise.
#[derive(Clone, Debug)]
pub struct Difference {
    /// The case's index.
    pub index: u64,
    /// The script up to that line.
    pub lines: Vec<String>,
    ours: Answer,
    theirs: Answer,
}

/// Compares.
///
/// # Errors
///
/// The kernel's side cannot be run.
pub fn compare(plan: &Plan) -> io::Result<Found> {
    let found = Mutex::new(Found::default());
    let next = AtomicU64::new(0);
    let failed: Mutex<Option<io::Error>> = Mutex::new(None);
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let index = plan.only.unwrap_or(at);
            let is_over = if plan.only.is_some() { at > 0 } else { at >= plan.cases };
            if is_over || failed.lock().is_ok_and(|failed| failed.is_some()) {
                return;
            }
            let lines = generate::script(plan.family, plan.seed, index);
            match case(index, &lines) {
                Ok(case) => {
                    let Ok(mut found) = found.lock() else { return };
                    found.cases += 1;
                    found.pings += case.pings;
                    found.once += case.once;
                    if let Some(name) = case.unknown {
                        *found.unknown.entry(name).or_default() += 1;
                    }
                    found.differing.extend(case.difference);
                }
                Err(error) => {
                    if let Ok(mut failed) = failed.lock() {
                        *failed = Some(error);
                    }
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..plan.jobs.unwrap_or(8) {
            scope.spawn(work);
        }
    });
    match failed.into_inner() {
        Ok(Some(error)) => Err(error),
        _ => found.into_inner().map_err(|_| io::Error::other("a worker failed")),
    }
}

#[derive(Default)]
struct Case {
    pings: u64,
    once: u64,
    unknown: Option<String>,
    difference: Option<Difference>,
}

fn case(index: u64, lines: &[String]) -> io::Result<Case> {
    let mut case = Case::default();
    let ours = sides::ours(lines).map_err(io::Error::other)?;
    let theirs = sides::theirs(lines)?;
    let known = match ours.iter().position(|answer| unknown(answer).is_some()) {
        Some(at) => {
            case.unknown = unknown(&ours[at]).map(str::to_owned);
            at
        }
        None => ours.len(),
    };
    case.pings = lines[..known].iter().filter(|line| line.contains(" ping ")).count() as u64;
    let Some(at) = (0..known).find(|&at| ours[at] != theirs[at]) else { return Ok(case) };
    // Once more: when the machine is busy, time passes in odd portions.
    let lines = lines[..=at].to_vec();
    let again = sides::theirs(&lines)?;
    if again != theirs[..=at] {
        case.once = 1;
        return Ok(case);
    }
    let (ours, theirs) = (ours[at].clone(), theirs[at].clone());
    case.difference = Some(Difference { index, lines, ours, theirs });
    Ok(case)
}

/// What Fingerpost said that it does not model.
fn unknown(answer: &Answer) -> Option<&str> {
    let said = (answer.status == UNKNOWN.0).then_some(&answer.stderr)?;
    said.split_once(UNKNOWN.1).map(|(_, name)| name.trim())
}

/// Makes a difference small: its last line still differs.
pub fn smaller(difference: &Difference, budget: usize) -> Difference {
    let differs = |lines: &[String]| {
        let (Ok(ours), Ok(theirs)) = (sides::ours(lines), sides::theirs(lines)) else { return None };
        let (ours, theirs) = (ours.last()?.clone(), theirs.last()?.clone());
        (ours != theirs && unknown(&ours).is_none()).then_some((ours, theirs))
    };
    let lines = shrink(&difference.lines, budget, |lines| differs(lines).is_some());
    match differs(&lines) {
        Some((ours, theirs)) => Difference { index: difference.index, lines, ours, theirs },
        None => difference.clone(),
    }
}

/// Prints what was found; whether the sides agreed.
pub fn report(plan: &Plan, found: &Found) -> bool {
    for (name, count) in &found.unknown {
        println!("not known in {count} networks: {name}");
    }
    for (n, difference) in found.differing.iter().enumerate() {
        let difference = match n < plan.shrink {
            true => &smaller(difference, plan.budget),
            false => difference,
        };
        println!("\nnetwork {} differs:", difference.index);
        difference.lines.iter().for_each(|line| println!("{line}"));
        for (side, answer) in [("Fingerpost", &difference.ours), ("the kernel", &difference.theirs)] {
            println!("--- {side}: {}\n{}{}", answer.status, answer.stdout, answer.stderr);
        }
    }
    println!(
        "{} networks, {} pings compared, {} differ, {} differed once",
        found.cases,
        found.pings,
        found.differing.len(),
        found.once
    );
    found.differing.is_empty()
}
