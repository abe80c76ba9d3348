//! Why a live machine cannot be read.

use std::io;

use fingerpost_model::Refusal;

/// Why something could not be read from this machine.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such namespace.
    #[error("there is no network namespace named `{0}` (looked in /run/netns); `ip netns` lists them")]
    NoNamespace(String),
    /// No such process.
    #[error("there is no process {0}")]
    NoProcess(u32),
    /// A namespace that is there cannot be opened or entered.
    #[error("cannot enter {what}: {error}; {remedy}")]
    Enter {
        /// Which namespace.
        what: String,
        /// What the system said.
        error: io::Error,
        /// What to do about it.
        remedy: &'static str,
    },
    /// A netlink socket failed.
    #[error("netlink: {0}")]
    Socket(#[from] io::Error),
    /// The kernel refused.
    #[error("{what}: {refusal}")]
    Refused {
        /// What was asked for.
        what: &'static str,
        /// The refusal.
        refusal: Refusal,
    },
    /// The kernel sent what cannot be decoded.
    #[error("{what}: {problem}")]
    Decode {
        /// What was asked for.
        what: &'static str,
        /// Message type, attribute, byte, and what is wrong.
        problem: String,
    },
    /// Not Linux.
    #[error("reading a live host works on Linux only; use a snapshot, a script or an example")]
    Unsupported,
}
