//! `explain`: which way Linux sends a packet, and why.
//!
//! A [`Question`] is asked of a configuration; the events of its lookups become
//! an [`Explanation`]: plain data with all names resolved, which [`text`] and
//! JSON (its `Serialize` form, schema 1) render. Nothing is decided here.

mod alternatives;
mod both;
mod build;
mod build4;
mod build6;
mod compare;
mod expect;
mod firewall;
mod outcome;
mod outcome4;
mod outcome6;
mod question;
mod report;
mod rfc6724;
pub mod text;
mod wording;

pub(crate) use alternatives::alternative_hosts;
pub use alternatives::{MAX_DEFAULTS, add_alternatives};
pub use both::{Both, Compared, Destination, both};
pub(crate) use build::packet_lookups;
pub use build::{Asked, explain};
pub use compare::first_difference;
pub use expect::Expectation;
pub use firewall::{Expression, ask_firewall};
pub(crate) use outcome4::why_dropped;
pub use outcome6::temporary_to_come;
pub use question::{FIELDS, Question, Resolved, ResolvedQuestion, check_key, text_of};
pub use report::{
    Alternative, Explanation, Hop, Key, Leg, LookupReport, Outcome, PassedOverReport, RouteReport,
    RuleReport, RuleVerdict, SCHEMA, TableReport, Verdict,
};
pub use wording::device as device_name;
