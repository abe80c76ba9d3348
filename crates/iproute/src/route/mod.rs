//! `ip route`.

use crate::Ctx;
use crate::error::{Done, Failure};
use crate::lex::Args;

/// Runs the command.
pub(crate) fn run(_ctx: &mut Ctx<'_>, _args: Args<'_>) -> Done {
    Err(Failure::unsupported("\"ip route\""))
}
