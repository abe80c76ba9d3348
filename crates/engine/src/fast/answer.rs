//! Answers by number.

use std::collections::HashMap;
use std::sync::Arc;

use fingerpost_model::TableId;
use fingerpost_net::{Errno, Ip, Prefix};

use super::chunked::Chunked;
use crate::lookup::{Decision, Decision6, DropReason};

/// An answer's number, for as long as its tables stand.
pub type Code = u32;

/// What is known of a packet's fate.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer<D> {
    /// Too little: it turns on more than the tables know.
    Ask,
    /// The packet is not routed.
    Failed(Failure),
    /// A decision. Its addresses are not the packet's; it names no route, or of IPv6
    /// one of those whose packets fare alike. Where the source is selected and that
    /// could not be compiled, one has to ask all the same.
    Decided {
        /// The decision.
        decision: Arc<D>,
        /// Which source the packet has.
        source: Source,
    },
}

/// An answer about an IPv4 packet.
pub type Answer4 = Answer<Decision>;
/// An answer about an IPv6 packet.
pub type Answer6 = Answer<Decision6>;

/// Why a packet is not routed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Failure {
    /// The lookup's error.
    Refused(Errno),
    /// A received packet is dropped.
    Dropped(DropReason),
}

/// Where a packet's source comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// It is the decision's.
    Decision,
    /// It is the destination, as of IPv4 packets to this host.
    Destination,
    /// The packet had it.
    Given,
    /// It is selected for the destination and a device, of IPv6 (RFC 6724).
    Selected(u32),
}

/// By what a lookup has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named<I: Ip> {
    /// The route's prefix; none where no route was found.
    pub route: Option<Prefix<I>>,
    /// The table that was searched.
    pub table: Option<TableId>,
    /// The preference of the rule; none while rules are not looked at.
    pub rule: Option<u32>,
}

impl<I: Ip> Named<I> {
    /// Nothing is known of it.
    pub const NOTHING: Self = Named { route: None, table: None, rule: None };
}

/// The code of [`Answer::Ask`].
pub(super) const ASK: Code = 0;

/// The answers that codes stand for, and those that are made once.
#[derive(Clone)]
pub(super) struct Answers<D> {
    list: Chunked<Answer<D>>,
}

/// Gives answers their codes.
pub(super) struct Coder {
    failed: HashMap<Failure, Code>,
}

impl<D: Clone + PartialEq> Answers<D> {
    pub fn new() -> Self {
        let mut list = Chunked::new(Answer::Ask);
        list.push(Answer::Ask);
        Answers { list }
    }

    /// The answer of a code; to ask, for one that is not known.
    pub fn get(&self, code: Code) -> &Answer<D> {
        self.list.get(code as usize).unwrap_or(&Answer::Ask)
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }
}

impl Coder {
    pub fn new() -> Self {
        Coder { failed: HashMap::new() }
    }

    /// The code of an answer that takes the place of another: the same, if both are decisions.
    pub fn code<D: Clone + PartialEq>(
        &mut self,
        answers: &mut Answers<D>,
        answer: Answer<D>,
        before: Code,
    ) -> Code {
        match (&answer, answers.get(before)) {
            (Answer::Ask, _) => ASK,
            (Answer::Failed(failure), _) => {
                *self.failed.entry(*failure).or_insert_with(|| answers.list.push(answer) as Code)
            }
            (Answer::Decided { .. }, known) if *known == answer => before,
            (Answer::Decided { .. }, Answer::Decided { .. }) => {
                answers.list.set(before as usize, answer);
                before
            }
            (Answer::Decided { .. }, _) => answers.list.push(answer) as Code,
        }
    }
}
