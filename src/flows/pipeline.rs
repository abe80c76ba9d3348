//! A list from end to end: one thread reads blocks, workers turn them into rows, and
//! the caller's thread writes those in the list's order.
//!
//! Blocks travel in a fixed number of buffers, which come back to the reading thread
//! once they are written: a slow worker, or a slow reader of the output, stops the
//! reading, and memory does not grow with the list.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Write};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use anyhow::{anyhow, bail};

use super::answer::Answerer;
use super::input::{Blocks, Input, Next};
use super::list::{self, Done, MAX_REASONS, Worker, too_long};
use super::out::Out;

/// How a list is answered.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Rows are objects rather than CSV.
    pub json: bool,
    /// Each row begins with its question as it was written.
    pub with_input: bool,
    /// How many threads answer, at least one.
    pub jobs: usize,
}

/// What is told on the way.
#[derive(Debug)]
pub enum Notice<'a> {
    /// So much is answered and written.
    Progress {
        /// Questions.
        questions: u64,
        /// Bytes of the list.
        bytes: u64,
    },
    /// An answer is unknown.
    Unknown {
        /// The question's line, from 1.
        line: usize,
        /// Why.
        why: &'a str,
    },
}

/// What was done in the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Questions that were answered.
    pub questions: u64,
    /// Answers that are unknown, whether they were told of or not.
    pub unknown: u64,
    /// Unknown answers that were told of.
    pub told: u64,
}

/// Answers a list; the rows go to `out`, each block as soon as those before it are written.
///
/// # Errors
///
/// The list cannot be read further, or a line is no question: the rows before it are
/// written. Or `out` takes no more.
pub fn run(
    input: Input,
    answerer: &Answerer<'_>,
    options: Options,
    out: &mut dyn Write,
    tell: &mut dyn FnMut(Notice<'_>),
) -> anyhow::Result<Summary> {
    let Input { name, kind, lines, blocks, .. } = input;
    out.write_all(list::header(&kind, options).text())?;
    let jobs = options.jobs.max(1);
    let queue = Arc::new(Queue::default());
    let (free, buffers) = mpsc::channel();
    let (done, finished) = mpsc::channel();
    for _ in 0..2 * jobs + 2 {
        free.send(Buffers::default())?;
    }
    // It can wait for standard input when all else is over, and is left behind then.
    let reading = Reading { blocks, buffers, queue: queue.clone(), done: done.clone() };
    thread::Builder::new().name("reader".into()).spawn(move || reading.run())?;
    thread::scope(|scope| {
        for n in 0..jobs {
            let (queue, done, kind) = (&queue, done.clone(), &kind);
            let work = move || {
                let _guard = Guard(done.clone());
                let mut worker = Worker::new(kind, options, answerer);
                while let Some((seq, mut buffers)) = queue.take() {
                    buffers.output.clear();
                    let result = worker.work(&buffers.input, &mut buffers.output);
                    if done.send((seq, Event::Answered(buffers, result))).is_err() {
                        return;
                    }
                }
            };
            thread::Builder::new().name(format!("worker {n}")).spawn_scoped(scope, work)?;
        }
        drop(done);
        let _closed = queue.closed_at_the_end();
        Writing { name: &name, lines, out, tell, summary: Summary::default(), bytes: 0 }.run(&free, &finished)
    })
}

/// A block and its rows.
#[derive(Default)]
struct Buffers {
    input: Vec<u8>,
    output: Out,
}

/// What can become of a block.
enum Event {
    /// It is answered, as far as its lines are questions.
    Answered(Buffers, Done),
    /// The line after the block before does not end.
    TooLong,
    /// What follows cannot be read.
    Unreadable(io::Error),
    /// A worker is gone.
    Lost,
}

/// The reading thread.
struct Reading {
    blocks: Blocks,
    buffers: Receiver<Buffers>,
    queue: Arc<Queue>,
    done: Sender<(u64, Event)>,
}

impl Reading {
    fn run(mut self) {
        let _closed = self.queue.closed_at_the_end();
        for seq in 0.. {
            let Ok(mut buffers) = self.buffers.recv() else { return };
            let event = match self.blocks.next(&mut buffers.input) {
                Ok(Next::Lines) if self.queue.add((seq, buffers)) => continue,
                Ok(Next::Lines | Next::End) => return,
                Ok(Next::TooLong) => Event::TooLong,
                Err(error) => Event::Unreadable(error),
            };
            // Nobody waits for it if nobody is there.
            let _ = self.done.send((seq, event));
            return;
        }
    }
}

/// Blocks that no worker has taken yet.
#[derive(Default)]
struct Queue {
    state: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    blocks: VecDeque<(u64, Buffers)>,
    closed: bool,
}

impl Queue {
    /// Adds a block; false when nobody takes any more.
    fn add(&self, block: (u64, Buffers)) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.closed {
            state.blocks.push_back(block);
            self.changed.notify_one();
        }
        !state.closed
    }

    /// Takes the next block, waiting for one; `None` when none will come.
    fn take(&self) -> Option<(u64, Buffers)> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(block) = state.blocks.pop_front() {
                return Some(block);
            }
            if state.closed {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Closes the queue when it is dropped.
    fn closed_at_the_end(&self) -> impl Drop + use<'_> {
        struct Close<'q>(&'q Queue);
        impl Drop for Close<'_> {
            fn drop(&mut self) {
                self.0.state.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
                self.0.changed.notify_all();
            }
        }
        Close(self)
    }
}

/// Tells the writing thread when a worker ends by a panic, so that nobody waits for it.
struct Guard(Sender<(u64, Event)>);

impl Drop for Guard {
    fn drop(&mut self) {
        if thread::panicking() {
            let _ = self.0.send((0, Event::Lost));
        }
    }
}

/// The writing thread.
struct Writing<'w> {
    name: &'w str,
    /// Lines before the block that is next.
    lines: usize,
    out: &'w mut dyn Write,
    tell: &'w mut dyn FnMut(Notice<'_>),
    summary: Summary,
    bytes: u64,
}

impl Writing<'_> {
    fn run(mut self, free: &Sender<Buffers>, finished: &Receiver<(u64, Event)>) -> anyhow::Result<Summary> {
        let mut early = BTreeMap::new();
        let mut next = 0;
        for (seq, event) in finished {
            if let Event::Lost = event {
                bail!("{}: a thread that answers ended by a mistake of this program", self.name);
            }
            early.insert(seq, event);
            while let Some(event) = early.remove(&next) {
                next += 1;
                // Who reads no more needs no buffer.
                let _ = free.send(self.write(event)?);
            }
        }
        self.out.flush()?;
        Ok(self.summary)
    }

    fn write(&mut self, event: Event) -> anyhow::Result<Buffers> {
        let name = self.name;
        let wrong = |line: usize, why: String| anyhow!("{name}: line {line}: {why}");
        let (buffers, done) = match event {
            Event::Answered(buffers, done) => (buffers, done),
            Event::TooLong => return Err(wrong(self.lines + 1, too_long())),
            Event::Unreadable(error) => {
                return Err(anyhow::Error::new(error).context(format!("{name}: line {}", self.lines + 1)));
            }
            Event::Lost => bail!("{name}: a thread is gone"),
        };
        self.out.write_all(buffers.output.text())?;
        self.out.flush()?;
        self.bytes += buffers.input.len() as u64;
        self.summary.questions += done.questions as u64;
        self.summary.unknown += done.unknown as u64;
        for (line, why) in &done.reasons {
            if self.summary.told < MAX_REASONS as u64 {
                self.summary.told += 1;
                (self.tell)(Notice::Unknown { line: self.lines + line, why });
            }
        }
        (self.tell)(Notice::Progress { questions: self.summary.questions, bytes: self.bytes });
        if let Some(why) = done.wrong {
            return Err(wrong(self.lines + done.lines, why));
        }
        self.lines += done.lines;
        Ok(buffers)
    }
}
