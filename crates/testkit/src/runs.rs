//! The verbs: workers, one for each CPU, that take scenarios by their index.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use fingerpost_net::Family;
use fingerpost_testkit::compare::{Difference, differences};
use fingerpost_testkit::oracle::{Oracle, kernel_side};
use fingerpost_testkit::report::{Figures, Group, Groups, example};
use fingerpost_testkit::script::{Answer, Recording};
use fingerpost_testkit::subject::Subject;
use fingerpost_testkit::texts::implied_errnos;
use fingerpost_testkit::{accept, generate, network, packets, process, record, shrink, sources};

use crate::cli::{Options, Verb};

/// Does what the verb says; false when the sides differ.
///
/// # Errors
///
/// A side cannot be run at all, or a file cannot be read or written.
pub fn run(verb: Verb) -> io::Result<bool> {
    match verb {
        Verb::Help => Ok(true),
        Verb::KernelSide { beside } => {
            kernel_side(beside.as_deref(), io::stdin().lock(), &mut BufWriter::new(io::stdout().lock()))?;
            Ok(true)
        }
        Verb::DumpScript { seed, index, shape } => {
            say(&(generate::scenario(seed, index, shape).join("\n") + "\n"))?;
            Ok(true)
        }
        Verb::Accept { name, plan } => accept::accept(&name, &plan),
        Verb::AcceptInside { seed, index, shape, fingerpost, dir } => {
            let findings = accept::inside::check(seed, index, shape, &fingerpost, &dir)?;
            serde_json::to_writer(io::stdout(), &findings)?;
            Ok(true)
        }
        Verb::Record(options) => record_answers(&options),
        Verb::Compare(options) => compare(&options),
        Verb::ComparePackets(plan) => packets::run::run(&plan, &mut io::stdout()),
        Verb::CompareNetworks(plan) => {
            let found = network::run::compare(&plan)?;
            Ok(network::run::report(&plan, &found))
        }
        Verb::PacketsSide { tracing } => {
            let mut output = BufWriter::new(io::stdout().lock());
            packets::kernel::packets_side(tracing.as_deref(), io::stdin().lock(), &mut output)?;
            Ok(true)
        }
        Verb::Sources(options) => compare_sources(&options),
        Verb::Replay(options) => replay(&options),
    }
}

/// The side that is judged.
enum Judged {
    Fingerpost(Subject),
    Kernel(Oracle),
    /// A program in the kernel's own namespace, line by line.
    Beside(Oracle),
}

impl Judged {
    fn run(&self, lines: &[String]) -> io::Result<Vec<Option<Answer>>> {
        match self {
            Judged::Fingerpost(subject) => {
                let outcome = subject.run(lines)?;
                match outcome.complaint() {
                    // Without any answer there is no line to blame.
                    Some(complaint) if outcome.answers.iter().all(Option::is_none) => {
                        Err(io::Error::other(complaint))
                    }
                    Some(complaint) => {
                        eprintln!("fingerpost: {complaint}");
                        Ok(outcome.answers)
                    }
                    None => Ok(outcome.answers),
                }
            }
            Judged::Beside(_) => Ok(Vec::new()),
            Judged::Kernel(oracle) => Ok(oracle.run(lines)?.into_iter().map(with_errno).map(Some).collect()),
        }
    }
}

/// The kernel's own answer names no errno: it is what its words imply.
fn with_errno(answer: Answer) -> Answer {
    let implied = implied_errnos(&answer.stderr).and_then(|errnos| errnos.first().copied());
    Answer { errno: answer.errno.or(implied), ..answer }
}

/// Both sides of one worker, on its CPU.
struct Sides {
    oracle: Oracle,
    judged: Judged,
}

impl Sides {
    fn new(options: &Options, cpus: &[usize], worker: usize) -> io::Result<Self> {
        let cpu = |at: usize| (!cpus.is_empty()).then(|| cpus[at % cpus.len()]);
        let subject = || Subject::new(options.fingerpost.as_deref(), cpu(worker));
        let judged = if options.against_itself {
            Judged::Kernel(Oracle::new(cpu(worker + 1))?)
        } else if options.live {
            Judged::Beside(Oracle::new(cpu(worker))?.beside(subject()?.program()))
        } else {
            let subject = subject()?.with_fib(options.fib.as_deref());
            Judged::Fingerpost(subject.as_release(process::kernel_release().as_deref()))
        };
        Ok(Sides { oracle: Oracle::new(cpu(worker))?, judged })
    }

    /// The kernel's answers, and where the judged side differs.
    fn compare(&self, lines: &[String]) -> io::Result<(Vec<Answer>, Vec<Difference>)> {
        if let Judged::Beside(oracle) = &self.judged {
            let both = oracle.run_both(lines)?;
            let kernel: Vec<Answer> = both.iter().map(|line| line.answer.clone()).collect();
            let judged: Vec<_> =
                both.into_iter().map(|line| Some(with_errno(line.beside.unwrap_or(line.answer)))).collect();
            return Ok((kernel.clone(), differences(lines, &kernel, &judged)));
        }
        let kernel = self.oracle.run(lines)?;
        // A judged side that cannot be run at all has answered nothing.
        let judged = self.judged.run(lines).unwrap_or_else(|error| {
            eprintln!("the judged side failed: {error}");
            vec![None; lines.len()]
        });
        let differences = differences(lines, &kernel, &judged);
        Ok((kernel, differences))
    }
}

fn jobs(options: &Options, cpus: &[usize]) -> usize {
    options.jobs.unwrap_or(cpus.len()).max(1)
}

/// Hands the indices `0..count` to the workers; stops early on an error.
fn each_worker<W: Send>(
    jobs: usize,
    start: impl Fn(usize) -> io::Result<W> + Sync,
    work: impl Fn(&mut W, u64) -> io::Result<()> + Sync,
    indices: &[u64],
) -> io::Result<Vec<W>> {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        let worker = |number: usize| {
            let mut state = start(number)?;
            while let Some(index) = indices.get(next.fetch_add(1, Ordering::Relaxed)) {
                if let Err(error) = work(&mut state, *index) {
                    next.store(indices.len(), Ordering::Relaxed);
                    return Err(io::Error::other(format!("scenario {index}: {error}")));
                }
            }
            Ok(state)
        };
        let handles: Vec<_> = (0..jobs).map(|number| scope.spawn(move || worker(number))).collect();
        handles.into_iter().map(|handle| handle.join().unwrap_or_else(|_| Err(panicked()))).collect()
    })
}

fn panicked() -> io::Error {
    io::Error::other("a worker panicked")
}

fn scenario_lines(options: &Options, index: u64) -> io::Result<Vec<String>> {
    match &options.script {
        Some(path) => {
            let text = std::fs::read_to_string(path)?;
            let lines = text.lines().map(str::trim);
            Ok(lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect())
        }
        None if options.live && options.shape.family == Family::V6 => {
            Ok(generate::shown(options.seed, index, options.shape))
        }
        None => Ok(generate::scenario(options.seed, index, options.shape)),
    }
}

fn indices(options: &Options) -> Vec<u64> {
    match (&options.script, options.only) {
        (Some(_), _) => vec![0],
        (None, Some(only)) => vec![only],
        (None, None) => (0..options.scenarios).collect(),
    }
}

fn compare(options: &Options) -> io::Result<bool> {
    let cpus = process::allowed_cpus();
    let begun = Instant::now();
    let done = AtomicU64::new(0);
    let start = |number| Ok((Sides::new(options, &cpus, number)?, Figures::default(), Groups::default()));
    let work = |(sides, figures, groups): &mut (Sides, Figures, Groups), index| {
        let lines = scenario_lines(options, index)?;
        let (kernel, mut differences) = sides.compare(&lines)?;
        figures.count(&lines, &kernel);
        if !differences.is_empty() && !options.against_itself {
            // Linux puts work off (carrier, IPv6 addresses), which a busy machine may do late.
            let (_, again) = sides.compare(&lines)?;
            let found = differences.len();
            differences.retain(|first| again.iter().any(|second| second.line == first.line));
            figures.once += (found - differences.len()) as u64;
        }
        figures.count_differences(&differences);
        groups.add(index, &differences);
        if let (true, Some(first)) = (options.against_itself, differences.first()) {
            // It may not happen again, so it is not shrunk.
            let text = example(&lines[first.line..=first.line], &first.kernel, first.ours.as_ref());
            say(&format!("--- scenario {index} line {}\n{text}\n", first.line + 1))?;
        }
        if options.print {
            print_answers(index, &lines, &kernel)?;
        }
        progress(&done, options.scenarios, &begun);
        Ok(())
    };
    let workers = each_worker(jobs(options, &cpus), start, work, &indices(options))?;
    let (figures, groups) = gather(workers.into_iter().map(|(_, figures, groups)| (figures, groups)));
    print_summary(&figures, &groups, &begun, options.shape.family)?;
    if !groups.is_empty() && !options.against_itself {
        print_minimal(options, &cpus, &groups)?;
    }
    Ok(groups.is_empty())
}

/// Random address sets, and for each destination the source that both sides choose.
fn compare_sources(options: &Options) -> io::Result<bool> {
    let cpus = process::allowed_cpus();
    let start = |number| Ok((Sides::new(options, &cpus, number)?, 0, 0));
    let work = |(sides, asked, differing): &mut (Sides, u64, u64), index| {
        let lines = generate::address_set(options.seed, index, options.shape.questions);
        let kernel = sides.oracle.run(&lines)?;
        let questions: Vec<String> = lines.iter().map(|line| sources::as_route_get(line)).collect();
        let judged = sides.judged.run(&questions)?;
        if options.print {
            print_answers(index, &lines, &kernel)?;
        }
        for (at, line) in lines.iter().enumerate().filter(|(_, line)| line.starts_with(sources::CONNECT)) {
            let real = sources::of_connect(&kernel[at]);
            let ours = judged[at].as_ref().map(sources::of_route_get);
            *asked += 1;
            if !ours.is_some_and(|ours| real.agrees(ours)) {
                *differing += 1;
                say(&format!(
                    "address set {index} line {}: {line}: kernel {real:?}, ours {ours:?}\n",
                    at + 1
                ))?;
            }
        }
        Ok(())
    };
    let workers = each_worker(jobs(options, &cpus), start, work, &indices(options))?;
    let (asked, differing) =
        workers.iter().fold((0, 0), |(asked, differing), worker| (asked + worker.1, differing + worker.2));
    say(&format!("{differing} differences in {asked} questions of {} address sets\n", options.scenarios))?;
    Ok(differing == 0)
}

fn progress(done: &AtomicU64, of: u64, begun: &Instant) {
    let done = done.fetch_add(1, Ordering::Relaxed) + 1;
    if done.is_multiple_of(250) {
        eprintln!("{done} of {of} scenarios, {:.0} s", begun.elapsed().as_secs_f64());
    }
}

fn gather(parts: impl Iterator<Item = (Figures, Groups)>) -> (Figures, Groups) {
    let (mut figures, mut groups) = (Figures::default(), Groups::default());
    for (more_figures, more_groups) in parts {
        figures.add(&more_figures);
        groups.merge_all(more_groups);
    }
    (figures, groups)
}

fn print_answers(index: u64, lines: &[String], kernel: &[Answer]) -> io::Result<()> {
    let mut text = format!("=== scenario {index}\n");
    for (line, answer) in lines.iter().zip(kernel) {
        text.push_str(&format!("$ {line}\n"));
        text.push_str(&answer.stdout);
        answer.stderr.lines().for_each(|line| text.push_str(&format!("2> {line}\n")));
        if answer.status != 0 {
            text.push_str(&format!("   status {}\n", answer.status));
        }
    }
    say(&text)
}

fn print_summary(figures: &Figures, groups: &Groups, begun: &Instant, family: Family) -> io::Result<()> {
    let mut text = figures.text(family);
    text.push_str(&format!(
        "\n{} differences in {} scenarios; {:.0} s\n",
        figures.differing,
        figures.differing_scenarios,
        begun.elapsed().as_secs_f64()
    ));
    if figures.once > 0 {
        text.push_str(&format!(
            "  {:>6} lines more differed, and did not when the same script ran again\n",
            figures.once
        ));
    }
    for group in groups.sorted() {
        text.push_str(&format!(
            "  {:>6} lines, first in {:>5}   scenario {} line {}   {}\n",
            group.count,
            group.first,
            group.scenario,
            group.line + 1,
            group.class
        ));
    }
    say(&text)
}

/// Writes to standard output; a reader that has gone away is an error, not a panic.
fn say(text: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(text.as_bytes())?;
    output.flush()
}

/// Shrinks an example of each of the most frequent classes, and prints it.
fn print_minimal(options: &Options, cpus: &[usize], groups: &Groups) -> io::Result<()> {
    let chosen: Vec<Group> = groups.sorted().into_iter().take(options.shrink).cloned().collect();
    let numbers: Vec<u64> = (0..chosen.len() as u64).collect();
    let texts = Mutex::new(BTreeMap::new());
    let start = |number| Sides::new(options, cpus, number);
    let work = |sides: &mut Sides, number: u64| {
        let group = &chosen[number as usize];
        let lines = scenario_lines(options, group.scenario)?;
        let minimal = minimal_script(sides, &lines[..=group.line], &group.class, options.budget);
        let (kernel, found) = sides.compare(&minimal)?;
        let last = found.iter().find(|difference| difference.line + 1 == minimal.len());
        let text = match (last, kernel.last()) {
            (Some(difference), _) => example(&minimal, &difference.kernel, difference.ours.as_ref()),
            (None, Some(answer)) => {
                format!("{}  (did not happen again)\n", example(&minimal, answer, None))
            }
            (None, None) => String::new(),
        };
        if let Some(directory) = &options.keep {
            keep(directory, number, group, &minimal)?;
        }
        texts.lock().map_err(|_| panicked())?.insert(number, format!("\n--- {}\n{text}", group.class));
        Ok(())
    };
    each_worker(jobs(options, cpus), start, work, &numbers)?;
    let texts = texts.into_inner().map_err(|_| panicked())?;
    say(&texts.into_values().collect::<String>())
}

/// The smallest script found that differs in the same way. The line that fixes
/// the hash seed stays: without it multipath answers differ by chance.
fn minimal_script(sides: &Sides, lines: &[String], class: &str, budget: usize) -> Vec<String> {
    let seed = lines.iter().position(|line| line.contains("fib_multipath_hash_seed=")).map(|at| &lines[at]);
    let whole = |candidate: &[String]| -> Vec<String> {
        let stays = seed.filter(|&seed| !candidate.contains(seed));
        stays.into_iter().chain(candidate).cloned().collect()
    };
    let minimal = shrink::shrink(lines, budget, |candidate| {
        let script = whole(candidate);
        sides.compare(&script).is_ok_and(|(_, found)| {
            found.iter().any(|difference| difference.line + 1 == script.len() && difference.class == class)
        })
    });
    whole(&minimal)
}

fn keep(directory: &Path, number: u64, group: &Group, lines: &[String]) -> io::Result<()> {
    std::fs::create_dir_all(directory)?;
    let text = format!("# {}\n{}\n", group.class, lines.join("\n"));
    std::fs::write(directory.join(format!("difference-{number:03}.script")), text)
}

fn record_answers(options: &Options) -> io::Result<bool> {
    let cpus = process::allowed_cpus();
    let path = options.file.as_deref().unwrap_or(Path::new("/dev/stdout"));
    let output = Mutex::new(BufWriter::new(File::create(path)?));
    let start = |number: usize| {
        let cpu = (!cpus.is_empty()).then(|| cpus[number % cpus.len()]);
        Oracle::new(cpu)
    };
    let work = |oracle: &mut Oracle, index| {
        let lines = scenario_lines(options, index)?;
        let answers = oracle.run(&lines)?;
        let release = process::kernel_release();
        let recording = Recording { seed: options.seed, scenario: index, release, lines, answers };
        record::write(&mut *output.lock().map_err(|_| panicked())?, &recording)
    };
    each_worker(jobs(options, &cpus), start, work, &indices(options))?;
    output.into_inner().map_err(|_| panicked())?.flush()?;
    Ok(true)
}

fn replay(options: &Options) -> io::Result<bool> {
    let path = options.file.as_deref().unwrap_or(Path::new("/dev/stdin"));
    let begun = Instant::now();
    let recordings: Vec<Recording> =
        record::read(BufReader::new(File::open(path)?)).collect::<io::Result<_>>()?;
    let numbers: Vec<u64> = (0..recordings.len() as u64).collect();
    let cpus = process::allowed_cpus();
    let examples = Mutex::new(BTreeMap::new());
    let start = |_| {
        let subject = Subject::new(options.fingerpost.as_deref(), None)?.with_fib(options.fib.as_deref());
        Ok((subject, Figures::default(), Groups::default()))
    };
    let work = |(subject, figures, groups): &mut (Subject, Figures, Groups), number: u64| {
        let recording = &recordings[number as usize];
        let ours = subject.as_release(recording.release.as_deref()).run(&recording.lines)?.answers;
        let found = differences(&recording.lines, &recording.answers, &ours);
        figures.count(&recording.lines, &recording.answers);
        figures.count_differences(&found);
        groups.add(number, &found);
        if let Some(first) = found.first() {
            let lines = &recording.lines[first.line..=first.line];
            let text = example(lines, &first.kernel, first.ours.as_ref());
            examples.lock().map_err(|_| panicked())?.insert(number, text);
        }
        Ok(())
    };
    let workers = each_worker(jobs(options, &cpus), start, work, &numbers)?;
    let (figures, groups) = gather(workers.into_iter().map(|(_, figures, groups)| (figures, groups)));
    print_summary(&figures, &groups, &begun, options.shape.family)?;
    let examples = examples.into_inner().map_err(|_| panicked())?;
    for (number, text) in examples.iter().take(options.shrink) {
        say(&format!("\n--- recording {number}\n{text}\n"))?;
    }
    Ok(groups.is_empty())
}
