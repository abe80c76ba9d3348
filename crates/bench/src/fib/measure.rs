//! Measuring: build, check, time, share, change; each structure, in turns.

use std::io;
use std::time::Duration;

use fingerpost_net::{Ip, Prefix};

use super::keys::Keys;
use super::oracle::Oracle;
use super::readers::{self, Shared};
use super::structure::{Change, Mode, checksum, plain_sum};
use super::subject::{Applied, Entrant, Memory, Order, Subject, Work};
use super::updates::{after, churn, flaps, round, wide};
use crate::output;
use crate::pin;
use crate::process::median;
use crate::table::Route;

/// A pass takes about this long at most: the slow look up less of a trace, but no less than an eighth.
const PASS: Duration = Duration::from_millis(400);
/// Lookups by which the length of a pass is judged.
const TRIAL: usize = 1 << 17;
/// Building is timed so often, or once when it takes longer than [`QUICK`].
const BUILDS: usize = 3;
const QUICK: Duration = Duration::from_secs(2);
/// Changes at most, altogether and for each route, how many are published together, and how long they may take.
const CHANGES: usize = 2_000_000;
const A_ROUTE: usize = 10;
pub const PUBLISHED: usize = 1000;
const CHANGING: Duration = Duration::from_secs(2);
/// As many one by one, and so many of one route.
const SINGLE: usize = 100_000;
const FLAPS: usize = 20_000;
/// Changes that a writer makes beside readers before it puts all back.
const ROUND: usize = 50_000;
/// When readers wait more than this share of the time for their processors, it is said.
const QUIET: f64 = 0.02;
/// Keys that are looked up again after changes.
pub const CHECKED: usize = 100_000;

/// What is the same for all structures.
pub struct Setting<'a> {
    /// How often each lookup is timed.
    pub passes: usize,
    /// Of tables and changes.
    pub seed: u64,
    /// The right hops for each trace.
    pub expected: &'a [Vec<u32>],
}

/// What was found out about one structure.
pub struct Figures {
    /// Its name.
    pub name: &'static str,
    /// Which of its ways to look up.
    pub backend: String,
    /// What it takes.
    pub memory: Memory,
    /// Bytes that it holds after all changes, if that is known.
    pub changed: Option<usize>,
    /// Seconds to build from sorted routes.
    pub build: f64,
    /// Seconds to build from shuffled routes.
    pub shuffled: f64,
    /// Changes a second, published a thousand at a time; `None` where it made none.
    pub updates: Option<f64>,
    /// Changes a second, published one by one, where that differs.
    pub single: Option<f64>,
    /// Changes of a default route a second, published one by one.
    pub flaps: Option<f64>,
    /// The same of the widest prefix.
    pub wide: Option<f64>,
    /// What else is to be known.
    pub remarks: Vec<String>,
    /// Lookups.
    pub cells: Vec<Cell>,
    /// Lookups by readers on threads of their own.
    pub shared: Vec<Shared>,
}

/// Lookups of one trace in one mode.
pub struct Cell {
    /// How the trace was drawn.
    pub keys: Keys,
    /// How lookups follow each other.
    pub mode: Mode,
    /// How many were timed a pass.
    pub lookups: usize,
    /// Of the whole trace's answers.
    pub checksum: u64,
    /// ns a lookup, pass by pass.
    pub ns: Vec<f64>,
    trace: usize,
}

impl Cell {
    /// The median of the passes.
    pub fn median(&self) -> f64 {
        median(self.ns.clone())
    }

    /// The best pass.
    pub fn best(&self) -> f64 {
        self.ns.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// The median of this one's time by another's, pass by pass.
    pub fn ratio(&self, other: &Cell) -> f64 {
        median(self.ns.iter().zip(&other.ns).map(|(own, other)| own / other).collect())
    }
}

/// How it went with one structure.
pub enum Outcome {
    /// All was measured.
    Measured(Figures),
    /// It gave a wrong answer: no figures.
    Wrong { name: String, problem: String },
    /// It cannot do the work here.
    LeftOut { name: String, reason: String },
}

/// Why a structure goes no further.
pub enum Stop {
    /// It gave a wrong answer.
    Wrong(String),
    /// It cannot do the work.
    LeftOut(String),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Stop::LeftOut(error.to_string())
    }
}

struct Contender<I: Ip> {
    name: String,
    /// Or why it goes no further.
    subject: Result<Box<dyn Subject<I>>, Stop>,
    figures: Option<Figures>,
}

/// Measures all; gives their outcomes in the same order.
pub fn measure<I: Ip>(setting: &Setting<'_>, work: &Work<'_, I>, entrants: Vec<Entrant<I>>) -> Vec<Outcome> {
    let mut contenders: Vec<Contender<I>> = entrants
        .into_iter()
        .map(|Entrant { name, subject }| Contender {
            name,
            subject: subject.map_err(Stop::from),
            figures: None,
        })
        .collect();
    for contender in &mut contenders {
        contender.stage("building", |subject, figures| {
            *figures = Some(build(subject, work)?);
            Ok(())
        });
    }
    for contender in &mut contenders {
        contender.stage("checking", |subject, figures| check(setting, subject, work, figures));
    }
    for (trace, keys) in work.traces.iter().enumerate() {
        for mode in Mode::ALL {
            note(&format!("looking up: {}, {}", mode.name(), keys.kind.name()));
            // Every pass of one structure stands beside the same pass of the others.
            for _ in 0..setting.passes {
                for contender in &mut contenders {
                    contender.quiet(|subject, figures| time(setting, subject, work, figures, trace, mode));
                }
            }
        }
    }
    for contender in &mut contenders {
        contender.stage("readers on threads", |subject, figures| share(setting, subject, work, figures));
    }
    for contender in &mut contenders {
        contender.stage("changing", |subject, figures| change(setting, subject, work, figures));
    }
    contenders.into_iter().map(Contender::outcome).collect()
}

/// Progress, for those who wait.
pub fn note(text: &str) {
    output::note(&format!("fib: {text}"));
}

impl<I: Ip> Contender<I> {
    fn stage(
        &mut self,
        what: &str,
        work: impl FnOnce(&mut dyn Subject<I>, &mut Option<Figures>) -> Result<(), Stop>,
    ) {
        if self.subject.is_ok() {
            note(&format!("{what}: {}", self.name));
        }
        self.quiet(work);
    }

    fn quiet(&mut self, work: impl FnOnce(&mut dyn Subject<I>, &mut Option<Figures>) -> Result<(), Stop>) {
        let Ok(subject) = &mut self.subject else { return };
        if let Err(stop) = work(subject.as_mut(), &mut self.figures) {
            self.subject = Err(stop);
        }
    }

    fn outcome(self) -> Outcome {
        match (self.subject, self.figures) {
            (Ok(_), Some(figures)) => Outcome::Measured(figures),
            (Ok(_), None) => Outcome::LeftOut { name: self.name, reason: "it was not built".into() },
            (Err(Stop::Wrong(problem)), _) => Outcome::Wrong { name: self.name, problem },
            (Err(Stop::LeftOut(reason)), _) => Outcome::LeftOut { name: self.name, reason },
        }
    }
}

/// The sorted building is the last, and stays.
fn build<I: Ip>(subject: &mut dyn Subject<I>, work: &Work<'_, I>) -> Result<Figures, Stop> {
    let memory = subject.weigh(work)?;
    let mut repeated = |order| -> io::Result<f64> {
        let mut times = vec![subject.build(work, order)?];
        while times.len() < BUILDS && times[0] < QUICK {
            times.push(subject.build(work, order)?);
        }
        Ok(median(times.iter().map(Duration::as_secs_f64).collect()))
    };
    let shuffled = repeated(Order::Shuffled)?;
    let build = repeated(Order::Sorted)?;
    Ok(Figures {
        name: subject.name(),
        backend: subject.backend(),
        memory,
        changed: None,
        build,
        shuffled,
        updates: None,
        single: None,
        flaps: None,
        wide: None,
        remarks: Vec::new(),
        cells: Vec::new(),
        shared: Vec::new(),
    })
}

/// Whether every answer is right; then sets out what will be timed.
fn check<I: Ip>(
    setting: &Setting<'_>,
    subject: &mut dyn Subject<I>,
    work: &Work<'_, I>,
    figures: &mut Option<Figures>,
) -> Result<(), Stop> {
    let Some(figures) = figures else { return Ok(()) };
    for (trace, (keys, expected)) in work.traces.iter().zip(setting.expected).enumerate() {
        for mode in Mode::ALL {
            if mode == Mode::Batched && !subject.is_batched() {
                continue;
            }
            let answers = subject.answers(work, mode, trace, keys.keys.len())?;
            compare(&keys.keys, &answers, expected, mode.name())?;
            let trial = subject.pass(work, mode, trace, keys.keys.len().min(TRIAL))?;
            let lookups = lookups(keys.keys.len(), trial.time);
            let checksum = checksum(&answers);
            figures.cells.push(Cell { keys: keys.kind, mode, lookups, checksum, ns: Vec::new(), trace });
        }
    }
    Ok(())
}

/// How many of `keys` a pass takes, when the first [`TRIAL`] take so long.
fn lookups(keys: usize, trial: Duration) -> usize {
    let each = trial.as_secs_f64() / keys.min(TRIAL) as f64;
    let fitting = (PASS.as_secs_f64() / each) as usize;
    // A multiple of what the kernel's program takes at a time.
    fitting.clamp(keys / 8, keys).next_multiple_of(64).min(keys)
}

/// Whether answers are right; `how` they came about is said when not.
pub fn compare<I: Ip>(keys: &[I], answers: &[u32], expected: &[u32], how: &str) -> Result<(), Stop> {
    if answers.len() != keys.len() {
        return Err(Stop::LeftOut(format!("{} answers to {} keys", answers.len(), keys.len())));
    }
    match answers.iter().zip(expected).position(|(answer, expected)| answer != expected) {
        None => Ok(()),
        Some(at) => Err(Stop::Wrong(format!(
            "{how}: {} (key {at}) has hop {}, answered {}",
            keys[at], expected[at], answers[at]
        ))),
    }
}

fn time<I: Ip>(
    setting: &Setting<'_>,
    subject: &mut dyn Subject<I>,
    work: &Work<'_, I>,
    figures: &mut Option<Figures>,
    trace: usize,
    mode: Mode,
) -> Result<(), Stop> {
    let cells = figures.iter_mut().flat_map(|figures| &mut figures.cells);
    for cell in cells.filter(|cell| cell.trace == trace && cell.mode == mode) {
        let expected = plain_sum(&setting.expected[trace][..cell.lookups], subject.no_match());
        // A short trace is gone through several times.
        let repeats = TRIAL.div_ceil(cell.lookups);
        let mut time = Duration::ZERO;
        for _ in 0..repeats {
            let pass = subject.pass(work, mode, trace, cell.lookups)?;
            time += pass.time;
            if pass.sum != expected {
                return Err(Stop::Wrong(format!(
                    "{}, {}: the answers of a timed pass add up to {}, not {expected}",
                    mode.name(),
                    cell.keys.name(),
                    pass.sum
                )));
            }
        }
        cell.ns.push(time.as_secs_f64() * 1e9 / (cell.lookups * repeats) as f64);
    }
    Ok(())
}

/// Readers on threads of their own, where there are such and processors for them.
fn share<I: Ip>(
    setting: &Setting<'_>,
    subject: &mut dyn Subject<I>,
    work: &Work<'_, I>,
    figures: &mut Option<Figures>,
) -> Result<(), Stop> {
    let Some(figures) = figures else { return Ok(()) };
    if subject.reader().is_none() {
        return Ok(());
    }
    match pin::two() {
        Ok(cpus) => {
            let round = round(work.routes, ROUND, setting.seed);
            figures.shared = readers::measure(subject, work, setting, &round, cpus)?;
            let waited = figures.shared.iter().map(Shared::waited).fold(0.0, f64::max);
            if waited > QUIET {
                let percent = waited * 100.0;
                figures
                    .remarks
                    .push(format!("readers waited {percent:.0} % of the time: the machine is busy"));
            }
        }
        Err(error) => figures.remarks.push(format!("readers on threads were left out: {error}")),
    }
    Ok(())
}

/// Changes to a table, by a seed.
type Draw<I> = fn(&[Route<I>], u64) -> Vec<Change<I>>;

/// Changes, and whether the answers are right afterwards.
fn change<I: Ip>(
    setting: &Setting<'_>,
    subject: &mut dyn Subject<I>,
    work: &Work<'_, I>,
    figures: &mut Option<Figures>,
) -> Result<(), Stop> {
    let Some(figures) = figures else { return Ok(()) };
    let publishes = subject.publishes();
    let mut routes = work.routes.to_vec();
    let mut is_whole = true;
    let mut make = |draw: Draw<I>, batch| -> io::Result<Option<f64>> {
        if !is_whole {
            return Ok(None);
        }
        let changes = draw(&routes, setting.seed);
        let Applied { done, time, refused } = subject.apply(&changes, batch, CHANGING)?;
        routes = after(&routes, &changes[..done]);
        if let Some(reason) = refused {
            let (at, of) = (done + 1, changes.len());
            figures.remarks.push(format!("change {at} of {of} was refused: {reason}; none was checked"));
            is_whole = false;
        }
        Ok((done > 0).then(|| done as f64 / time.as_secs_f64()))
    };
    figures.updates =
        make(|routes, seed| churn(routes, CHANGES.min(A_ROUTE * routes.len()), seed), PUBLISHED)?;
    if publishes {
        figures.single = make(|routes, seed| churn(routes, SINGLE, seed + 1), 1)?;
    }
    figures.flaps = make(|_, _| flaps(Prefix::DEFAULT, FLAPS), 1)?;
    figures.wide = make(|_, _| flaps(wide(), FLAPS), 1)?;
    figures.changed = subject.held();
    if !is_whole {
        // A refused change may be half made.
        return Ok(());
    }
    let oracle = Oracle::new(&routes);
    for (trace, keys) in work.traces.iter().enumerate() {
        let keys = &keys.keys[..keys.keys.len().min(CHECKED)];
        let expected = oracle.hops(&routes, keys);
        let answers = subject.answers(work, Mode::Independent, trace, keys.len())?;
        compare(keys, &answers, &expected, "after changes")?;
        if subject.is_batched() {
            let answers = subject.answers(work, Mode::Batched, trace, keys.len())?;
            compare(keys, &answers, &expected, "after changes, batched")?;
        }
    }
    Ok(())
}
