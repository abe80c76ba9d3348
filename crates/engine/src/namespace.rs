//! A network namespace, and what changes and lookups need besides it.

use crate::behaviour::Behaviour;
use crate::config::Config;
use crate::state::{State, Time};

/// A network namespace: what is configured and what running made.
#[derive(Clone, Debug, Default)]
pub struct Namespace {
    /// What people configure.
    pub config: Config,
    /// What running makes.
    pub state: State,
}

/// What changes and lookups need besides the namespace.
#[derive(Clone, Copy, Debug)]
pub struct Env<'a> {
    /// The release's switches.
    pub behaviour: &'a Behaviour,
    /// The time.
    pub now: Time,
}
