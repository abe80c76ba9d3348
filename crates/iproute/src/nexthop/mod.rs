//! `ip nexthop`.

use crate::Ctx;
use crate::error::{Done, Failure};
use crate::lex::Args;

/// Runs the command.
pub(crate) fn run(_ctx: &mut Ctx<'_>, _args: Args<'_>) -> Done {
    Err(Failure::unsupported("\"ip nexthop\""))
}

/// Prints what is known of a nexthop object inside a route, after `before` in
/// text and under `key` in JSON (`print_cache_nexthop_id`). The objects were
/// read by [`preload`].
pub(crate) fn print_by_id(_p: &mut crate::Printer<'_>, _before: &str, _key: &str, _id: u32) {}

/// Reads all nexthop objects for [`print_by_id`] in a dump that follows.
pub(crate) fn preload(_ctx: &mut Ctx<'_>) {}
