//! The comparison over many cases, and what it finds.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use fingerpost_engine::Behaviour;
use fingerpost_engine::path::Tick;
use fingerpost_net::Family;

use crate::packets::case::{Case, Recorded, Seen, Step};
use crate::packets::differ::{self, Difference, differences};
use crate::packets::engine::Engine;
use crate::packets::generate;
use crate::packets::kernel::Kernel;
use crate::packets::masks::{self, Links, MASKED};
use crate::process;
use crate::shrink::{Budget, fewer};

/// What to compare.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Whether devices are in VRFs.
    pub in_vrfs: bool,
    /// Whether the kernel has no tracing, so that nobody hears why packets are dropped.
    pub deaf: bool,
    /// The protocol of the cases.
    pub family: Family,
    /// Their seed.
    pub seed: u64,
    /// How many.
    pub cases: u64,
    /// Those alone whose programs call sockets.
    pub only_calls: bool,
    /// One case alone.
    pub only: Option<u64>,
    /// Workers; one for each processor without.
    pub jobs: Option<usize>,
    /// The kernel with itself.
    pub against_itself: bool,
    /// Print each case with what the kernel did.
    pub print: bool,
    /// How many kinds of difference are made small.
    pub shrink: usize,
    /// Runs that making one small may take.
    pub budget: usize,
    /// Write cases there, with what the kernel did.
    pub save: Option<PathBuf>,
    /// Compare with what was saved there rather than with a kernel.
    pub replay: Option<PathBuf>,
}

/// What a comparison found.
#[derive(Debug, Default)]
pub struct Found {
    cases: u64,
    packets: u64,
    compared: u64,
    calls: u64,
    once: u64,
    differing: u64,
    unknown: BTreeMap<String, u64>,
    kinds: BTreeMap<String, Kind>,
}

#[derive(Debug)]
struct Kind {
    count: u64,
    case: Case,
    found: Difference,
}

impl Found {
    /// Whether the sides agreed.
    pub fn is_clean(&self) -> bool {
        self.kinds.is_empty()
    }

    /// Packets that arrived, and those of them that were compared.
    pub fn packets(&self) -> (u64, u64) {
        (self.packets, self.compared)
    }

    fn add(&mut self, other: Found) {
        self.cases += other.cases;
        self.packets += other.packets;
        self.calls += other.calls;
        self.compared += other.compared;
        self.once += other.once;
        self.differing += other.differing;
        other.unknown.into_iter().for_each(|(name, count)| *self.unknown.entry(name).or_default() += count);
        other.kinds.into_values().for_each(|kind| self.add_kind(kind));
    }

    fn count(&mut self, case: &Case, ours: &[Seen], found: &[Difference]) {
        self.cases += 1;
        for (step, ours) in case.steps.iter().zip(ours) {
            self.packets += u64::from(is_packet(step));
            self.calls += u64::from(matches!(step, Step::Call { .. }));
            match &ours.unknown {
                Some(name) => *self.unknown.entry(name.clone()).or_default() += 1,
                None => self.compared += u64::from(is_packet(step)),
            }
        }
        self.differing += u64::from(!found.is_empty());
        for found in found {
            self.add_kind(Kind {
                count: 1,
                case: Case { steps: case.steps[..=found.step].to_vec(), ..case.clone() },
                found: found.clone(),
            });
        }
    }

    fn add_kind(&mut self, mut kind: Kind) {
        if let Some(known) = self.kinds.remove(&kind.found.kind) {
            let count = known.count + kind.count;
            let follows = |kind: &Kind| (kind.found.after.is_some(), kind.case.index);
            if follows(&known) <= follows(&kind) {
                kind = known;
            }
            kind.count = count;
        }
        self.kinds.insert(kind.found.kind.clone(), kind);
    }

    fn by_count(&self) -> Vec<(&String, &Kind)> {
        let mut kinds: Vec<_> = self.kinds.iter().collect();
        kinds.sort_by_key(|(_, kind)| std::cmp::Reverse(kind.count));
        kinds
    }

    /// The figures, and the kinds of difference by how often they were met.
    pub fn text(&self) -> String {
        let mut text = format!(
            "{} cases, {} packets, {} of them compared, {} calls\n{} steps differ, in {} cases\n",
            self.cases,
            self.packets,
            self.compared,
            self.calls,
            self.kinds.values().map(|kind| kind.count).sum::<u64>(),
            self.differing
        );
        if self.once > 0 {
            let _ = writeln!(text, "{} steps more differed, and did not when the case ran again", self.once);
        }
        for (what, why) in MASKED {
            let _ = writeln!(text, "  not compared: {what} ({why})");
        }
        for (name, count) in &self.unknown {
            let _ = writeln!(text, "{count:>6} packets meet what is not modelled: {name}");
        }
        for (name, kind) in self.by_count() {
            let _ = write!(text, "{:>6} as in case {}: {name}", kind.count, kind.case.index);
            if let Some(after) = &kind.found.after {
                let _ = write!(text, " (after {after})");
            }
            text.push('\n');
        }
        text
    }
}

fn is_packet(step: &Step) -> bool {
    matches!(step, Step::Inject { .. })
}

/// Does what the plan says and writes it to `output`; false when the sides differ.
///
/// # Errors
///
/// The kernel's side cannot be run, or a file cannot be read or written.
pub fn run(plan: &Plan, output: &mut (impl Write + Send)) -> io::Result<bool> {
    let begun = Instant::now();
    let found = match &plan.replay {
        Some(path) => replayed(path)?,
        None => compared(plan, output)?,
    };
    writeln!(output, "{}{:.0} s", found.text(), begun.elapsed().as_secs_f64())?;
    let kernel = match plan.replay.is_some() || plan.against_itself {
        true => None,
        false if plan.deaf => Some(Kernel::deaf(process::allowed_cpus().first().copied())?),
        false => Some(Kernel::new(process::allowed_cpus().first().copied())?),
    };
    for (name, kind) in found.by_count().into_iter().take(plan.shrink) {
        let (case, text) = match kernel.as_ref().and_then(|kernel| smallest(kernel, kind, name, plan.budget))
        {
            Some((case, found)) => (case, found.text),
            None => (kind.case.clone(), kind.found.text.clone()),
        };
        write!(output, "\n--- {name}\n    (case {})\n{}", case.index, shown(&case, &text))?;
        output.flush()?;
    }
    Ok(found.is_clean())
}

/// Both sides, on each worker's processor.
fn compared(plan: &Plan, output: &mut (impl Write + Send)) -> io::Result<Found> {
    let wanted = (0..).filter(|&index| !plan.only_calls || generate::has_calls(index));
    let indices: Vec<u64> =
        plan.only.map_or_else(|| wanted.take(plan.cases as usize).collect(), |only| vec![only]);
    let cpus = process::allowed_cpus();
    let jobs = plan.jobs.unwrap_or(cpus.len()).max(1);
    let save = plan.save.as_ref().map(|path| File::create(path).map(BufWriter::new)).transpose()?;
    let save = Mutex::new(save);
    let output = Mutex::new(output);
    let next = AtomicUsize::new(0);
    let worker = |number: usize| {
        let cpu = (!cpus.is_empty()).then(|| cpus[number % cpus.len()]);
        let kernel = match plan.deaf {
            true => Kernel::deaf(cpu)?,
            false => Kernel::with_program(std::env::current_exe()?, cpu, &number.to_string())?,
        };
        let mut found = Found::default();
        while let Some(&index) = indices.get(next.fetch_add(1, Ordering::Relaxed)) {
            let case = match plan.in_vrfs {
                true => generate::case_in_vrfs(plan.family, plan.seed, index),
                false => generate::case(plan.family, plan.seed, index),
            };
            let seen = kernel.run(&case)?;
            if plan.print {
                let mut output = output.lock().map_err(|_| panicked())?;
                write!(output, "{}", printed(&case, &seen))?;
            }
            if let Some(save) = &mut *save.lock().map_err(|_| panicked())? {
                let release = process::kernel_release();
                Recorded { case: case.clone(), release, kernel: seen.clone() }.write(save)?;
            }
            let judge = |seen: &[Seen]| {
                if plan.against_itself { kernel.run(&case) } else { Ok(ours(&case, seen, running())) }
            };
            let ours = judge(&seen)?;
            let mut differing = differences(&case, &seen, &ours);
            if !differing.is_empty() {
                // The kernel does some work late when the machine is busy, and what a namespace
                // nearby drops in the meantime is heard as well.
                let again = kernel.run(&case)?;
                let second = differences(&case, &again, &judge(&again)?);
                let before = differing.len();
                differing.retain(|first| second.iter().any(|second| second.step == first.step));
                found.once += (before - differing.len()) as u64;
            }
            found.count(&case, &ours, &differing);
        }
        Ok(found)
    };
    let parts: Vec<io::Result<Found>> = thread::scope(|scope| {
        let worker = &worker;
        let handles: Vec<_> = (0..jobs).map(|number| scope.spawn(move || worker(number))).collect();
        handles.into_iter().map(|handle| handle.join().unwrap_or_else(|_| Err(panicked()))).collect()
    });
    if let Some(save) = &mut *save.lock().map_err(|_| panicked())? {
        save.flush()?;
    }
    let mut all = Found::default();
    for part in parts {
        all.add(part?);
    }
    Ok(all)
}

fn replayed(path: &PathBuf) -> io::Result<Found> {
    let mut found = Found::default();
    for recorded in Recorded::read(BufReader::new(File::open(path)?)) {
        let Recorded { case, kernel, release } = recorded?;
        let behaviour = release.map_or_else(Behaviour::default, |release| Behaviour::of_release(&release));
        let ours = ours(&case, &kernel, behaviour);
        found.count(&case, &ours, &differences(&case, &kernel, &ours));
    }
    Ok(found)
}

/// The reason of all packets of a case in which the engine panics.
const PANICKED: &str = "(it panicked)";

/// The engine's side. That it panics is a difference like others.
fn ours(case: &Case, kernel: &[Seen], behaviour: Behaviour) -> Vec<Seen> {
    let switches = &behaviour;
    let begun = |phase: u64| {
        catch_unwind(AssertUnwindSafe(|| Engine::run(case, kernel, switches.clone(), phase))).unwrap_or_else(
            |_| {
                let panicked = Seen { reasons: vec![PANICKED.into()], ..Seen::default() };
                vec![panicked; case.steps.len()]
            },
        )
    };
    let panicked = |seen: &[Seen]| seen.iter().any(|seen| seen.reasons.iter().any(|it| it == PANICKED));
    let first = begun(0);
    if panicked(&first) || differences(case, kernel, &first).is_empty() {
        return first;
    }
    // Where in its tick the kernel was is not known.
    let others = (1..Tick::default().millis).map(begun);
    others
        .into_iter()
        .find(|seen| panicked(seen) || differences(case, kernel, seen).is_empty())
        .unwrap_or(first)
}

/// The switches of the running kernel.
fn running() -> Behaviour {
    process::kernel_release().map_or_else(Behaviour::default, |release| Behaviour::of_release(&release))
}

fn panicked() -> io::Error {
    io::Error::other("a worker panicked")
}

/// A small case whose last step differs in the same way.
fn smallest(kernel: &Kernel, kind: &Kind, name: &str, budget: usize) -> Option<(Case, Difference)> {
    let judge = |case: &Case| {
        let seen = kernel.run(case).ok()?;
        let found = differences(case, &seen, &ours(case, &seen, running())).pop()?;
        (found.step + 1 == case.steps.len() && found.kind == name).then_some(found)
    };
    let mut case = kind.case.clone();
    judge(&case)?;
    let mut budget = Budget(budget);
    let (last, before) = case.steps.split_last()?;
    let with_steps =
        |steps: &[Step]| Case { steps: steps.iter().chain([last]).cloned().collect(), ..kind.case.clone() };
    let steps = fewer(before.to_vec(), &mut budget, |steps| judge(&with_steps(steps)).is_some());
    case.steps = with_steps(&steps).steps;
    let (held, script) = case.script.split_at(masks::held_lines(&case.script));
    let with_groups =
        |groups: &[Vec<String>]| Case { script: [held, &groups.concat()].concat(), ..case.clone() };
    let groups = fewer(grouped(script), &mut budget, |groups| judge(&with_groups(groups)).is_some());
    let case = with_groups(&groups);
    let found = judge(&case)?;
    Some((case, found))
}

/// Lines that go or stay together: a device without its link-layer address would get a random one.
fn grouped(script: &[String]) -> Vec<Vec<String>> {
    let mut groups: Vec<Vec<String>> = Vec::new();
    for line in script {
        match groups.last_mut() {
            Some(group) if line.starts_with("ip link set ") && line.contains(" address ") => {
                group.push(line.clone())
            }
            _ => groups.push(vec![line.clone()]),
        }
    }
    groups
}

/// A case whose last step is told by `text`.
fn shown(case: &Case, text: &str) -> String {
    let links = Links::of(&case.script);
    let lines = case.script.iter().skip(masks::held_lines(&case.script)).map(|line| format!("  {line}\n"));
    let before = case.steps.len().saturating_sub(1);
    let steps = case.steps[..before].iter().map(|step| differ::step_text(step, &links));
    lines.chain(steps).collect::<String>() + text
}

/// A case and what the kernel did.
fn printed(case: &Case, kernel: &[Seen]) -> String {
    let links = Links::of(&case.script);
    let mut text = format!("=== case {}\n{}\n", case.index, case.script.join("\n"));
    for (step, seen) in case.steps.iter().zip(kernel) {
        text.push_str(&differ::one_side(step, seen, &links));
    }
    text
}
