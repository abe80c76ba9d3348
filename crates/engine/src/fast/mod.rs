//! Whole decisions from tables compiled out of a [`Config`](crate::Config), for many packets.
//!
//! Nothing is decided here. Rules are classified ([`program`]), the tables that
//! they lead to are searched as one ([`compose`]), and what becomes of
//! the packets that a route takes was made once, by [`lookup`](crate::lookup)
//! itself. Where a packet's fate turns on more (a hash, a device that is demanded,
//! multicast, a VRF), the answer is to ask [`lookup`](crate::lookup): [`Answer::Ask`].
//! So both ways agree wherever this one answers at all, on a host whose
//! [`State`](crate::State) remembers nothing that tells its routes apart.

mod answer;
pub(crate) mod check;
mod chunked;
mod classes;
mod compose;
mod make4;
mod make6;
mod maker;
mod place;
mod program;
mod publish;
mod search;
mod source6;
mod tables4;
mod tables6;
mod v4;
mod v6;

pub use answer::{Answer, Answer4, Answer6, Code, Failure, Named, Source};
pub use maker::{Compiled, Compiled4, Compiled6};
pub use publish::{Pinned, Publication, Publisher, Publisher4, Publisher6, Reader, Reader4, Reader6};
pub use v4::View4;
pub use v6::View6;
