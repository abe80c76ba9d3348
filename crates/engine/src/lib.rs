//! What Linux does with a configuration: it accepts or refuses changes
//! ([`control`]), decides where packets go ([`lookup`]), takes them there
//! ([`path`]) and on to other namespaces ([`network`]).
//!
//! No IO, no clock, no threads: time is an argument and randomness a seed. A
//! [`World`] holds namespaces; each has a [`Config`] (what people configure)
//! and a [`State`] (what running makes). `World` implements
//! [`fingerpost_model::Kernel`], so that whatever speaks to that door can
//! speak to it.

pub mod addrtype;
pub mod behaviour;
pub mod config;
pub mod control;
pub mod counters;
pub mod dump;
pub mod fast;
pub mod lookup;
mod namespace;
pub mod network;
pub mod path;
mod restore;
mod state;
pub mod trace;
mod world;

pub use behaviour::Behaviour;
pub use config::Config;
pub use namespace::{Env, Namespace};
pub use restore::{RestoreError, Restored, Restoring, restore};
pub use state::{State, Time};
pub use world::{Revision, World};
