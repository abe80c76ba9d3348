//! The real kernel as the oracle for Fingerpost.
//!
//! A *scenario* is a script: lines of `ip`, `sysctl` and `cat`. Both sides run
//! it from an empty network namespace and answer every line with a status, a
//! standard output and a standard error:
//!
//! 1. [`generate`] makes the script from a seed and an index;
//! 2. [`oracle`] runs it in a fresh network namespace with the real commands;
//! 3. [`subject`] runs it through `fingerpost run --json -`;
//! 4. [`normalise`] takes out the few things the kernel itself does not
//!    determine;
//! 5. [`compare`] finds the lines that differ, [`shrink`] makes the script
//!    around such a line small, [`report`] counts and prints.
//!
//! [`packets`] does the same for packets: frames go in by real taps, and what comes out, is
//! counted and dropped is compared.
//!
//! Of scenarios only text passes between the sides, so this crate depends on nothing of
//! Fingerpost's behaviour, and cannot repeat its mistakes. The kernel's side
//! needs root, iproute2, procps and util-linux (`unshare`, `taskset`), and
//! perl for scenarios with tun or tap devices. Everything else needs nothing.

pub mod accept;
pub mod addrconf;
pub mod compare;
pub mod decisions;
pub mod generate;
pub mod network;
pub mod normalise;
pub mod oracle;
pub mod packets;
pub mod process;
pub mod record;
pub mod report;
pub mod script;
pub mod shrink;
pub mod sources;
pub mod subject;
pub mod texts;
mod tracing;
pub mod words;
