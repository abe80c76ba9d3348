//! Whole decisions from tables compiled out of a [`Config`](crate::Config), for many packets.
//!
//! Nothing is decided here. Where every packet that a route takes fares alike,
//! but for its own addresses, the route's answer is made once, by
//! [`lookup`](crate::lookup) itself, and found again by a longest match over all
//! tables that the rules lead to. Where a packet's fate turns on more (its type of
//! service, a hash, what running has left), the answer is to ask [`lookup`](crate::lookup):
//! [`Answer::Ask`]. So both ways agree wherever this one answers at all, on a host
//! whose [`State`](crate::State) remembers nothing that tells its routes apart.
//!
//! So far: IPv4, packets made here whose source is open.

mod compose;
mod output4;

pub use output4::Output4;

use std::net::Ipv4Addr;

use fingerpost_net::Errno;

use crate::lookup::Decision;

/// An answer's number, for as long as its tables stand.
pub type Code = u32;

/// What is known of a packet's fate.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Too little: it turns on more than the tables know.
    Ask,
    /// The lookup ends with an error.
    Refused(Errno),
    /// A decision. Its source and destination are those of the packet that it was made
    /// for, and it names no route.
    Decided {
        /// The decision.
        decision: Box<Decision>,
        /// Whether the source is the packet's destination, as it is of one to this host.
        answers_itself: bool,
    },
}

impl Answer {
    /// The decision for a packet to `dst`, or the error; `None` where one has to ask.
    pub fn to(&self, dst: Ipv4Addr) -> Option<Result<Decision, Errno>> {
        match self {
            Answer::Ask => None,
            Answer::Refused(errno) => Some(Err(*errno)),
            Answer::Decided { decision, answers_itself } => {
                let source = if *answers_itself { dst } else { decision.source };
                Some(Ok(Decision { source, destination: dst, ..(**decision).clone() }))
            }
        }
    }
}
