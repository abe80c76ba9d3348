//! Bytes in, bytes out: random hosts, and packets that the kernel and Fingerpost have to treat alike.
//!
//! A *case* is a host's script and steps: a frame arrives on a tap, a program calls a socket,
//! the configuration is changed or looked at, or time passes. For each step a side says what
//! left on which device, what was counted, why packets were dropped, and what was answered.
//!
//! 1. [`generate`] makes a case from a seed and an index;
//! 2. [`kernel`] does it in a fresh network namespace with tun and tap devices;
//! 3. a [`Subject`], which is the [`engine`], does it as well;
//! 4. [`masks`] names what the kernel leaves to chance, and how it is held still or left out;
//! 5. [`differ`] finds the first step that differs, and [`run`] does all that for many cases.

pub mod call;
pub mod caller;
pub mod case;
pub mod counters;
pub mod decode;
pub mod differ;
pub mod drops;
pub mod engine;
pub mod generate;
pub mod kernel;
pub mod masks;
pub mod run;
pub mod taps;

use std::ops::Range;

pub use case::{Bytes, Case, Recorded, Seen, Step};

/// A side that is judged.
pub trait Subject {
    /// Does the next step of a case, from when to when in microseconds after its script's end.
    fn step(&mut self, step: &Step, during: Range<u64>) -> Seen;
}
