//! The numbered points that commands can show, one test each: a transcript
//! that Fingerpost has to print and that the running kernel judges.
//!
//! `docs/parity.md` lists the points and the tests; `tests/parity.rs` keeps
//! both in step.

mod support;

mod automatic;
mod events;
mod input;
mod insertion;
mod multipath;
mod nexthops;
mod objects;
mod output;
mod rules;
mod tables;
mod traps;
mod trie;
