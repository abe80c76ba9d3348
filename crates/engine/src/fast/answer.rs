//! Answers by number.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use fingerpost_net::Errno;

use crate::lookup::{Decision, DropReason};

/// An answer's number, for as long as its tables stand.
pub type Code = u32;

/// What is known of a packet's fate.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Too little: it turns on more than the tables know.
    Ask,
    /// The packet is not routed.
    Failed(Failure),
    /// A decision. Its addresses are not the packet's, and it names no route.
    Decided {
        /// The decision.
        decision: Box<Decision>,
        /// Which source the packet has.
        source: Source,
    },
}

/// Why a packet is not routed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Failure {
    /// One made here: the lookup's error.
    Refused(Errno),
    /// One received is dropped.
    Dropped(DropReason),
}

/// Where a packet's source comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// It is the decision's.
    Decision,
    /// It is the destination, as of packets to this host.
    Destination,
    /// The packet had it.
    Given,
}

impl Answer {
    /// The decision for a packet, or why there is none; `None` where one has to ask.
    pub fn of(&self, src: Ipv4Addr, dst: Ipv4Addr) -> Option<Result<Decision, Failure>> {
        match self {
            Answer::Ask => None,
            Answer::Failed(failure) => Some(Err(*failure)),
            Answer::Decided { decision, source } => {
                let source = match source {
                    Source::Decision => decision.source,
                    Source::Destination => dst,
                    Source::Given => src,
                };
                Some(Ok(Decision { source, destination: dst, ..(**decision).clone() }))
            }
        }
    }
}

/// The code of [`Answer::Ask`].
pub(super) const ASK: Code = 0;

/// The answers that codes stand for.
pub(super) struct Answers {
    list: Vec<Answer>,
    failed: HashMap<Failure, Code>,
}

impl Answers {
    pub fn new() -> Self {
        Answers { list: vec![Answer::Ask], failed: HashMap::new() }
    }

    /// The answer of a code; to ask, for one that is not known.
    pub fn get(&self, code: Code) -> &Answer {
        self.list.get(code as usize).unwrap_or(&Answer::Ask)
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// The code of an answer.
    pub fn code(&mut self, answer: Answer) -> Code {
        match answer {
            Answer::Ask => ASK,
            Answer::Failed(failure) => {
                let list = &mut self.list;
                *self.failed.entry(failure).or_insert_with(|| push(list, answer))
            }
            decided => push(&mut self.list, decided),
        }
    }
}

fn push(list: &mut Vec<Answer>, answer: Answer) -> Code {
    list.push(answer);
    (list.len() - 1) as Code
}
