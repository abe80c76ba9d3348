//! The `fingerpost` command as a library: sources, scripts, questions and
//! their answers in words. The binary is a thin shell around it.

mod by_source;
pub mod cli;
pub mod examples;
pub mod explain;
pub mod flows;
mod gateways;
pub mod journey;
mod legs;
pub mod live;
mod nstat;
pub mod ping;
pub mod readonly;
pub mod replay;
mod rules6;
pub mod script;
mod settle;
pub mod source;
pub mod sysctl;
mod unlisted;
pub mod verify;
pub mod words;
