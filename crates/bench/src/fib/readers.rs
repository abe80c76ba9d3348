//! Readers on threads of their own: two at once against one, and one beside a writer.
//!
//! Each works in batches, on a processor of its own, for a fixed time. Pass by
//! pass, what is compared is measured right after each other.

use std::io;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use fingerpost_net::Ip;

use super::keys::Keys;
use super::measure::{CHECKED, PUBLISHED, Setting, Stop, compare};
use super::structure::{Change, Reader, plain_sum};
use super::subject::{Subject, Work};
use crate::pin::{self, Cpu};
use crate::process::{self, median};

/// How long readers work in each pass.
const TIME: Duration = Duration::from_millis(150);
/// Changes a second by a writer that keeps a pace: a batch every hundredth of a second.
pub const PACE: f64 = 100_000.0;

/// What works beside a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Company {
    /// Nothing.
    OneReader,
    /// Another reader.
    TwoReaders,
    /// A writer that makes [`PACE`] changes a second.
    BesidePacedWriter,
    /// A writer that changes and publishes without a pause.
    BesideBusyWriter,
}

impl Company {
    /// As a row's mode.
    pub fn name(self) -> &'static str {
        match self {
            Company::OneReader => "one-reader",
            Company::TwoReaders => "two-readers",
            Company::BesidePacedWriter => "beside-paced-writer",
            Company::BesideBusyWriter => "beside-busy-writer",
        }
    }
}

/// How readers fared in some company, pass by pass.
pub struct Shared {
    /// In which.
    pub company: Company,
    /// How the trace was drawn.
    pub keys: Keys,
    /// ns a lookup, where the lookups of two readers count together.
    pub ns: Vec<f64>,
    /// ns a lookup of one reader alone, just before.
    pub alone: Vec<f64>,
    /// Changes a second that the writer made meanwhile.
    pub changes: Vec<f64>,
    /// The share of the time in which a reader waited for its processor.
    pub waited: Vec<f64>,
}

impl Shared {
    /// The median of the passes.
    pub fn median(&self) -> f64 {
        median(self.ns.clone())
    }

    /// The best pass.
    pub fn best(&self) -> f64 {
        self.ns.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// The median of the passes' ratios of ns in company to ns alone.
    pub fn slowdown(&self) -> f64 {
        median(self.ns.iter().zip(&self.alone).map(|(ns, alone)| ns / alone).collect())
    }

    /// The median of the shares of the time for which readers waited.
    pub fn waited(&self) -> f64 {
        median(self.waited.clone())
    }

    /// The median of the changes a second, where there was a writer.
    pub fn changes_per_s(&self) -> Option<f64> {
        (!self.changes.is_empty()).then(|| median(self.changes.clone()))
    }
}

/// Measures readers in all kinds of company, on two processors; nothing where
/// `subject` has no readers. `round` are changes that lead back to the table as it is.
pub fn measure<I: Ip>(
    subject: &mut dyn Subject<I>,
    work: &Work<'_, I>,
    setting: &Setting<'_>,
    round: &[Change<I>],
    cpus: [Cpu; 2],
) -> Result<Vec<Shared>, Stop> {
    let (Some(mut one), Some(mut other)) = (subject.reader(), subject.reader()) else {
        return Ok(Vec::new());
    };
    let trace = work.traces.iter().position(|trace| trace.kind == Keys::InPrefix).unwrap_or(0);
    let task = Task {
        keys: &work.traces[trace].keys,
        expected: &setting.expected[trace],
        no_match: subject.no_match(),
        batch: work.batch,
    };
    let mut writer = Writer { subject, round, at: 0 };
    let kinds =
        [Company::OneReader, Company::TwoReaders, Company::BesidePacedWriter, Company::BesideBusyWriter];
    let mut shared = kinds.map(|company| Shared {
        company,
        keys: work.traces[trace].kind,
        ns: Vec::new(),
        alone: Vec::new(),
        changes: Vec::new(),
        waited: Vec::new(),
    });
    for _ in 0..setting.passes {
        for shared in &mut shared {
            // One of two processors may be quicker, hence two readers are compared with one on each in turn.
            let (looked, alone) = match shared.company {
                Company::OneReader => {
                    let looked = task.undisturbed(&mut [(&mut one, cpus[0])])?;
                    let alone = ns(&looked);
                    (looked, alone)
                }
                Company::TwoReaders => {
                    let first = task.undisturbed(&mut [(&mut one, cpus[0])])?;
                    let both = task.undisturbed(&mut [(&mut one, cpus[0]), (&mut other, cpus[1])])?;
                    let second = task.undisturbed(&mut [(&mut other, cpus[1])])?;
                    (both, (ns(&first) + ns(&second)) / 2.0)
                }
                Company::BesidePacedWriter | Company::BesideBusyWriter => {
                    let is_paced = shared.company == Company::BesidePacedWriter;
                    let pace = if is_paced { PACE } else { f64::INFINITY };
                    let alone = task.undisturbed(&mut [(&mut one, cpus[0])])?;
                    let work = || writer.work(cpus[1], pace);
                    let (looked, changes) = task.look(&mut [(&mut one, cpus[0])], work)?;
                    shared.changes.push(changes);
                    // The next ones look up in the same table.
                    writer.finish()?;
                    (looked, ns(&alone))
                }
            };
            shared.ns.push(ns(&looked));
            shared.alone.push(alone);
            shared.waited.push(waited(&looked));
        }
    }
    task.check(&mut one)?;
    Ok(shared.into())
}

/// What is looked up, and the right answers.
struct Task<'a, I> {
    keys: &'a [I],
    expected: &'a [u32],
    no_match: u32,
    batch: usize,
}

/// What one reader did.
struct Looked {
    lookups: usize,
    time: Duration,
    /// Of the answers, mod 2^32.
    sum: u32,
    /// For the processor, of that time.
    waited: Duration,
}

/// ns a lookup, where the lookups of all count together.
fn ns(looked: &[Looked]) -> f64 {
    let per_ns = |one: &Looked| one.lookups as f64 / (one.time.as_secs_f64() * 1e9);
    1.0 / looked.iter().map(per_ns).sum::<f64>()
}

/// The share of their time for which readers waited.
fn waited(looked: &[Looked]) -> f64 {
    let waited: Duration = looked.iter().map(|one| one.waited).sum();
    let time: Duration = looked.iter().map(|one| one.time).sum();
    waited.as_secs_f64() / time.as_secs_f64()
}

impl<I: Ip> Task<'_, I> {
    /// What readers of a table that does not change do, all at once.
    fn undisturbed(&self, readers: &mut [(&mut Reader<I>, Cpu)]) -> Result<Vec<Looked>, Stop> {
        let (looked, ()) = self.look(readers, || {
            sleep(TIME);
            Ok(())
        })?;
        for Looked { lookups, sum, .. } in &looked {
            let rounds = (lookups / self.keys.len()) as u32;
            let begun = plain_sum(&self.expected[..lookups % self.keys.len()], self.no_match);
            let right = rounds.wrapping_mul(plain_sum(self.expected, self.no_match)).wrapping_add(begun);
            if *sum != right {
                return Err(Stop::Wrong(format!(
                    "a reader's answers to {lookups} keys add up to {sum}, not {right}"
                )));
            }
        }
        Ok(looked)
    }

    /// Lets readers work, each on its processor, while this thread does something else.
    fn look<T>(
        &self,
        readers: &mut [(&mut Reader<I>, Cpu)],
        meanwhile: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<(Vec<Looked>, T)> {
        let start = Barrier::new(readers.len() + 1);
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            let threads: Vec<_> = readers
                .iter_mut()
                .map(|(reader, cpu)| scope.spawn(|| self.read(reader, *cpu, &start, &stop)))
                .collect();
            start.wait();
            let done = meanwhile();
            stop.store(true, Relaxed);
            let looked: io::Result<Vec<Looked>> = threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|_| Err(io::Error::other("a reader panicked"))))
                .collect();
            Ok((looked?, done?))
        })
    }

    /// Goes through the keys again and again until it is told to stop.
    fn read(
        &self,
        reader: &mut Reader<I>,
        cpu: Cpu,
        start: &Barrier,
        stop: &AtomicBool,
    ) -> io::Result<Looked> {
        let pinned = pin::here(cpu);
        let mut hops = vec![0; self.batch];
        // Also when it may not run there: others wait for it.
        start.wait();
        let _pinned = pinned?;
        let (mut lookups, mut sum) = (0, 0u32);
        let (begun, waited) = (Instant::now(), process::waited());
        while !stop.load(Relaxed) {
            let from = lookups % self.keys.len();
            let keys = &self.keys[from..self.keys.len().min(from + self.batch)];
            let hops = &mut hops[..keys.len()];
            reader(keys, hops);
            sum = hops.iter().fold(sum, |sum, &hop| sum.wrapping_add(hop));
            lookups += keys.len();
        }
        Ok(Looked { lookups, time: begun.elapsed(), sum, waited: process::waited() - waited })
    }

    /// Whether a reader answers as it should.
    fn check(&self, reader: &mut Reader<I>) -> Result<(), Stop> {
        let keys = &self.keys[..self.keys.len().min(CHECKED)];
        let mut hops = vec![0; keys.len()];
        reader(keys, &mut hops);
        hops.iter_mut().filter(|hop| **hop == self.no_match).for_each(|hop| *hop = 0);
        compare(keys, &hops, &self.expected[..keys.len()], "after a writer's changes, by a reader")
    }
}

/// Makes changes again and again: after each round of them the table is as before.
struct Writer<'a, I: Ip> {
    subject: &'a mut dyn Subject<I>,
    round: &'a [Change<I>],
    /// Where in the round it is.
    at: usize,
}

impl<I: Ip> Writer<'_, I> {
    /// Changes and publishes on a processor, `pace` changes a second at most; how many a second.
    fn work(&mut self, cpu: Cpu, pace: f64) -> io::Result<f64> {
        let _pinned = pin::here(cpu)?;
        let begun = Instant::now();
        let mut made = 0.0;
        while begun.elapsed() < TIME {
            made += self.publish()? as f64;
            let due = Duration::from_secs_f64(made / pace);
            sleep(due.saturating_sub(begun.elapsed()));
        }
        Ok(made / begun.elapsed().as_secs_f64())
    }

    /// Goes on to the end of the round.
    fn finish(&mut self) -> io::Result<()> {
        while self.at != 0 {
            self.publish()?;
        }
        Ok(())
    }

    fn publish(&mut self) -> io::Result<usize> {
        let end = self.round.len().min(self.at + PUBLISHED);
        let changes = &self.round[self.at..end];
        match self.subject.apply(changes, PUBLISHED, Duration::MAX)?.refused {
            Some(reason) => Err(io::Error::other(format!("a change was refused: {reason}"))),
            None => {
                self.at = end % self.round.len();
                Ok(changes.len())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fib::keys::draw;
    use crate::fib::oracle::Oracle;
    use crate::fib::peers;
    use crate::fib::subject::{Order, Trace};
    use crate::fib::updates::round;
    use crate::table::synthetic;
    use std::net::Ipv4Addr;

    fn shared(name: &str, expected: impl FnOnce(Vec<u32>) -> Vec<u32>) -> Result<Vec<Shared>, Stop> {
        let cpus = pin::two()?;
        let routes = synthetic::<Ipv4Addr>(1, 1000);
        let traces = [Trace { kind: Keys::InPrefix, keys: draw(Keys::InPrefix, &routes, 3000, 1) }];
        let expected = [expected(Oracle::new(&routes).hops(&routes, &traces[0].keys))];
        let work = Work {
            routes: &routes,
            shuffled: &[],
            traces: &traces,
            batch: 256,
            limit: Duration::MAX,
            files: None,
        };
        let mut subject = peers::named(name)?;
        subject.build(&work, Order::Sorted)?;
        let setting = Setting { passes: 1, seed: 1, expected: &expected };
        measure(subject.as_mut(), &work, &setting, &round(&routes, 2500, 1), cpus)
    }

    #[test]
    fn readers_are_measured_in_company() {
        if let Err(error) = pin::two() {
            return eprintln!("skipped: {error}");
        }
        let Ok(shared) = shared("fingerpost", |right| right) else { panic!("all is right") };
        assert_eq!(shared.len(), 4);
        for shared in &shared {
            let has_writer = shared.changes_per_s().is_some_and(|rate| rate > 1000.0);
            let wants_writer = !matches!(shared.company, Company::OneReader | Company::TwoReaders);
            assert_eq!(has_writer, wants_writer, "{:?}", shared.company);
            assert!(shared.median() > 0.0 && shared.best().is_finite(), "{:?}", shared.company);
        }
        let [paced, busy] = [&shared[2], &shared[3]].map(|shared| shared.changes_per_s().unwrap_or(0.0));
        assert!(paced < PACE * 1.2 && paced < busy, "{paced} {busy}");
    }

    #[test]
    fn a_wrong_answer_of_a_reader_is_noticed() {
        if let Err(error) = pin::two() {
            return eprintln!("skipped: {error}");
        }
        let wrong = shared("fingerpost", |mut right| {
            right[0] += 1;
            right
        });
        assert!(matches!(wrong, Err(Stop::Wrong(_))));
    }

    #[test]
    fn who_has_no_readers_is_not_measured() {
        if let Err(error) = pin::two() {
            return eprintln!("skipped: {error}");
        }
        assert!(shared("treebitmap", |right| right).is_ok_and(|shared| shared.is_empty()));
    }
}
