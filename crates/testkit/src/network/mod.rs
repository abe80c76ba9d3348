//! Networks: scripts of several namespaces with pings, which have to print the same in
//! Fingerpost's virtual network and in real namespaces.
//!
//! 1. [`generate`] makes a script from a seed and an index: hosts, veth pairs, bridges,
//!    routes, settings, pings;
//! 2. [`sides`] runs it in namespaces of its own, and in memory;
//! 3. [`masks`] hides times, and nothing else;
//! 4. [`run`] does that for many scripts and makes small what differs.

pub mod generate;
pub mod masks;
pub mod run;
pub mod sides;
