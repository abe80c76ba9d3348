//! `explain`: which way Linux sends a packet, and why.
//!
//! A [`Question`] is asked of a configuration; the events of its lookups become
//! an [`Explanation`]: plain data with all names resolved, which [`text`] and
//! JSON (its `Serialize` form, schema 1) render. Nothing is decided here.

mod alternatives;
mod build;
mod compare;
mod expect;
mod outcome;
mod question;
mod report;
pub mod text;
mod wording;

pub use alternatives::add_alternatives;
pub use build::{Asked, explain};
pub use compare::first_difference;
pub use expect::Expectation;
pub use question::{Question, Resolved};
pub use report::{
    Alternative, Explanation, Key, Leg, LookupReport, Outcome, PassedOverReport, RouteReport, RuleReport,
    RuleVerdict, SCHEMA, TableReport, Verdict,
};
