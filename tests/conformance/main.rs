//! The numbered points that commands can show, one test each: a transcript
//! that Fingerpost has to print and that the running kernel judges.
//!
//! `docs/parity.md` lists the points and the tests; `tests/parity.rs` keeps
//! both in step.

mod actions;
mod automatic;
mod compared;
mod default_route;
mod events;
mod get;
mod input;
mod insertion;
mod multipath;
mod nexthops;
mod objects;
mod output;
mod rules;
mod selectors;
mod settings;
mod situations;
mod six_automatic;
mod six_lookup;
mod six_oddities;
mod six_routes;
mod six_rules;
mod six_source;
mod six_subtrees;
mod source;
mod support;
mod tables;
mod traps;
mod traps_of_questions;
mod trie;
mod validate;
