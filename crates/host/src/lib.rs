//! A live Linux machine, and what can be carried away from one.
//!
//! - [`Live`] reads a network namespace of this machine: dumps and lookups
//!   over netlink, settings below `/proc`. It changes nothing, ever. Most of
//!   it needs no privilege; other namespaces need root.
//! - [`Capture`] is everything read at once, to be written as a snapshot.
//! - [`redact`] replaces what identifies a network in a snapshot, and keeps
//!   every decision as it was.
//! - [`import`] makes a snapshot of a folder with outputs of `ip -j`.
//!
//! [`Live`] works on Linux; elsewhere opening one is an error that says so.
//! The rest works everywhere.

mod asked;
mod error;
pub mod import;
pub mod redact;

#[cfg(target_os = "linux")]
mod live;
#[cfg(not(target_os = "linux"))]
#[path = "elsewhere.rs"]
mod live;

pub use asked::{GatewayScope, LegProperties, LookedAt, Unlisted};
pub use error::Error;
pub use live::{Capture, CaptureOptions, Live, Target};
