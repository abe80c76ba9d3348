//! The `fingerpost` command as a library: scripts, sources, questions and
//! their answers in words. The binary is a thin shell around it.

pub mod explain;
pub mod script;
pub mod sysctl;
pub mod words;
