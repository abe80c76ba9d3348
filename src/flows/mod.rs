//! `flows`: many questions from a list, answered on all cores, in order.
//!
//! A list is CSV or NDJSON. `input` splits it into blocks of whole lines; each worker
//! of the `pipeline` reads a block's questions (`list`, `fields`), answers them
//! (`answer`) and writes the rows as bytes (`row`); the blocks are put out in the
//! list's order. What an answer is, is decided by the engine's
//! lookups and by [`crate::explain`] alone.

mod answer;
mod bulk;
mod csv;
mod fields;
mod input;
mod list;
mod ndjson;
mod out;
mod pipeline;
mod row;
mod scan;
#[cfg(test)]
mod tests;

pub use answer::{Answerer, Row, Verdict};
pub(crate) use input::retried;
pub use input::{Format, Input};
pub(crate) use out::Out;
pub use pipeline::{Notice, Options, Summary, run};

/// Longest line of a list, in bytes.
const MAX_LINE: usize = 1 << 20;
