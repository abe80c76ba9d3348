//! `replay`: the packets of a capture through a host in memory, in their order and at
//! their times.
//!
//! [`Capture`] reads packets one by one; [`run`] gives each to the engine on the device
//! that the capture names and lets time pass between them; what leaves is written as a
//! capture (`write`), what became of each packet as NDJSON (`report`). Nothing is decided
//! here.

mod ahead;
mod capture;
mod gather;
mod lookups;
mod memo;
mod report;
mod run;
mod summary;
#[cfg(test)]
mod tests;
mod text;
mod told;
mod write;

pub use capture::Capture;
pub use report::Report;
pub(crate) use report::{as_object, name_of};
pub use run::{Notice, Options, run};
pub(crate) use run::{OPEN, devices, entry};
pub use summary::Summary;
pub(crate) use summary::{SOCKETS, words};
pub(crate) use text::hex;
pub use write::Writer;
