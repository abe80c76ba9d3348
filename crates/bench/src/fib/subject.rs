//! What is measured, whichever way it runs: a structure of this process
//! ([`InProcess`]), or a program that is told what to do
//! ([`External`](super::external::External)).

use std::io;
use std::time::{Duration, Instant};

use fingerpost_net::Ip;

use super::external::Files;
use super::keys::Keys;
use super::structure::{Change, Limit, Mode, Pass, Reader, Structure, answers, pass};
use crate::alloc;
use crate::table::Route;

/// Addresses to look up.
pub struct Trace<I> {
    /// How they were drawn.
    pub kind: Keys,
    /// In order.
    pub keys: Vec<I>,
}

/// What a structure is asked to do.
pub struct Work<'a, I: Ip> {
    /// The table, sorted by prefix.
    pub routes: &'a [Route<I>],
    /// The same, shuffled.
    pub shuffled: &'a [Route<I>],
    /// What is looked up.
    pub traces: &'a [Trace<I>],
    /// Keys that are handed over together.
    pub batch: usize,
    /// How long one building may take.
    pub limit: Duration,
    /// The same as files, when a program is among the measured.
    pub files: Option<&'a Files>,
}

/// In which order routes come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// By prefix.
    Sorted,
    /// At random.
    Shuffled,
}

/// Bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    /// All that was allocated.
    pub bytes: usize,
    /// Of these, what lookups read, if that is known.
    pub lookup: Option<usize>,
}

/// Changes that were made.
#[derive(Clone, Debug)]
pub struct Applied {
    /// So many of them, the first ones.
    pub done: usize,
    /// In this time.
    pub time: Duration,
    /// Why the next one was refused, if it was.
    pub refused: Option<String>,
}

/// Something that is measured.
///
/// Its methods fail when it cannot do the work, with the reason: it is then
/// left out, and the others are measured.
pub trait Subject<I: Ip> {
    /// Its name.
    fn name(&self) -> &'static str;
    /// Which of its ways to look up is at work, where it has several.
    fn backend(&self) -> String;
    /// Whether it takes many keys at once.
    fn is_batched(&self) -> bool;
    /// What stands for no match in the sum of a pass.
    fn no_match(&self) -> u32;
    /// Whether publishing changes one by one costs more.
    fn publishes(&self) -> bool;

    /// Builds anew; what was there before is gone.
    ///
    /// # Errors
    ///
    /// It takes too long or cannot hold the table.
    fn build(&mut self, work: &Work<'_, I>, order: Order) -> io::Result<Duration>;

    /// Builds anew from sorted routes, for its memory and not for the time.
    ///
    /// # Errors
    ///
    /// As for [`Subject::build`].
    fn weigh(&mut self, work: &Work<'_, I>) -> io::Result<Memory>;

    /// The answers for the first `count` keys of a trace, by the way that `mode` times; 0 for no match.
    ///
    /// # Errors
    ///
    /// The program has failed.
    fn answers(&mut self, work: &Work<'_, I>, mode: Mode, trace: usize, count: usize)
    -> io::Result<Vec<u32>>;

    /// Looks up the first `count` keys of a trace.
    ///
    /// # Errors
    ///
    /// The program has failed.
    fn pass(&mut self, work: &Work<'_, I>, mode: Mode, trace: usize, count: usize) -> io::Result<Pass>;

    /// A reader beside the changes that are made, where there is such.
    fn reader(&self) -> Option<Reader<I>>;

    /// All bytes that it holds now, where it can tell.
    fn held(&self) -> Option<usize>;

    /// Makes changes, `batch` at a time, until all are made, one is refused, or `most` has passed.
    ///
    /// # Errors
    ///
    /// The program has failed.
    fn apply(&mut self, changes: &[Change<I>], batch: usize, most: Duration) -> io::Result<Applied>;
}

/// A structure that is to be measured, or why it cannot be.
pub struct Entrant<I: Ip> {
    /// As `--structures` has it.
    pub name: String,
    /// The structure, not built yet.
    pub subject: io::Result<Box<dyn Subject<I>>>,
}

/// A structure of this process.
struct InProcess<S> {
    built: Option<S>,
}

/// A structure of this process, not built yet.
pub fn in_process<I: Ip, S: Structure<I> + 'static>() -> Box<dyn Subject<I>> {
    Box::new(InProcess::<S> { built: None })
}

impl<S> InProcess<S> {
    fn built(&self) -> io::Result<&S> {
        self.built.as_ref().ok_or_else(|| io::Error::other("it is not built"))
    }
}

fn build<I: Ip, S: Structure<I>>(routes: &[Route<I>], most: Duration) -> io::Result<S> {
    S::build(routes, &Limit::of(most)).map_err(|slow| {
        io::Error::other(format!(
            "gave up building after {:.0} s, at {} of {} routes (--build-limit)",
            slow.most.as_secs_f64(),
            slow.done,
            routes.len()
        ))
    })
}

impl<I: Ip, S: Structure<I>> Subject<I> for InProcess<S> {
    fn name(&self) -> &'static str {
        S::NAME
    }

    fn backend(&self) -> String {
        self.built.as_ref().map_or(String::new(), S::backend)
    }

    fn is_batched(&self) -> bool {
        S::BATCHED
    }

    fn no_match(&self) -> u32 {
        S::NO_MATCH
    }

    fn publishes(&self) -> bool {
        S::PUBLISHES
    }

    fn build(&mut self, work: &Work<'_, I>, order: Order) -> io::Result<Duration> {
        self.built = None;
        let routes = match order {
            Order::Sorted => work.routes,
            Order::Shuffled => work.shuffled,
        };
        let start = Instant::now();
        let built = build(routes, work.limit)?;
        let time = start.elapsed();
        self.built = Some(built);
        Ok(time)
    }

    fn weigh(&mut self, work: &Work<'_, I>) -> io::Result<Memory> {
        self.built = None;
        let (built, bytes) = alloc::kept(|| build::<I, S>(work.routes, work.limit));
        let built = built?;
        let bytes = built.held_bytes().map_or(bytes, |held| held.max(bytes));
        let memory = Memory { bytes, lookup: built.lookup_bytes() };
        self.built = Some(built);
        Ok(memory)
    }

    fn answers(
        &mut self,
        work: &Work<'_, I>,
        mode: Mode,
        trace: usize,
        count: usize,
    ) -> io::Result<Vec<u32>> {
        Ok(answers(self.built()?, mode, &work.traces[trace].keys[..count], work.batch))
    }

    fn pass(&mut self, work: &Work<'_, I>, mode: Mode, trace: usize, count: usize) -> io::Result<Pass> {
        Ok(pass(self.built()?, mode, &work.traces[trace].keys[..count], work.batch))
    }

    fn reader(&self) -> Option<Reader<I>> {
        self.built.as_ref()?.reader()
    }

    fn held(&self) -> Option<usize> {
        self.built.as_ref()?.held_bytes()
    }

    fn apply(&mut self, changes: &[Change<I>], batch: usize, most: Duration) -> io::Result<Applied> {
        let built = self.built.as_mut().ok_or_else(|| io::Error::other("it is not built"))?;
        let start = Instant::now();
        let mut done = 0;
        for changes in changes.chunks(batch) {
            built.apply(changes);
            done += changes.len();
            // The clock is not read for every single change: it may take longer than they do.
            let is_time = batch > 64 || done.is_multiple_of(64) || done.is_power_of_two();
            if is_time && start.elapsed() > most {
                break;
            }
        }
        Ok(Applied { done, time: start.elapsed(), refused: None })
    }
}
