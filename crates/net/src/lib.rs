//! The vocabulary that every other crate of Fingerpost speaks: address
//! families, prefixes, error numbers, a seedable random source, and wire formats.
//!
//! No IO, no clock, no routing behaviour. `no_std` with `alloc`.

#![no_std]

extern crate alloc;

mod errno;
mod ip;
mod prefix;
mod rng;
pub mod wire;

pub use errno::Errno;
pub use ip::{Family, Ip};
pub use prefix::{IpPrefix, Prefix, PrefixError};
pub use rng::Rng;
