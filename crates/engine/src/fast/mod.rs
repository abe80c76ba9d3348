//! Whole decisions from tables compiled out of a [`Config`](crate::Config), for many packets.
//!
//! Nothing is decided here. Rules are classified ([`program`]), the tables that
//! they lead to are searched as one ([`compose`], `compose6`), and what becomes of
//! the packets that a route takes was made once, by [`lookup`](crate::lookup)
//! itself. Where a packet's fate turns on more (a hash, a device that is demanded,
//! multicast, a VRF), the answer is to ask [`lookup`](crate::lookup): [`Answer::Ask`].
//! So both ways agree wherever this one answers at all, on a host whose
//! [`State`](crate::State) remembers nothing that tells its routes apart.

mod answer;
mod classes;
mod compose;
mod place;
mod program;
mod v4;

pub use answer::{Answer, Code, Failure, Source};
pub use v4::{Compiled4, Route};
