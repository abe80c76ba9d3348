//! `ip address`: interface addresses.
//!
//! `modify` reads the words of a change; `filter` those of a listing, `list`
//! shows devices with their addresses, for `ip link` too; `flush` deletes.

pub(crate) mod filter;
mod flags;
mod flush;
pub(crate) mod list;
mod modify;
mod print;

use fingerpost_model::NlFlags;

use crate::Ctx;
use crate::error::{Done, Failure};
use crate::lex::{Args, matches};

/// Runs the command.
pub(crate) fn run(ctx: &mut Ctx<'_>, mut args: Args<'_>) -> Done {
    let Some(verb) = args.take() else { return list::run(ctx, args, false) };
    let is = |full: &str| matches(verb, full);
    if is("add") {
        modify::run(ctx, Some(NlFlags::CREATE | NlFlags::EXCL), args)
    } else if is("change") || verb == "chg" {
        modify::run(ctx, Some(NlFlags::REPLACE), args)
    } else if is("replace") {
        modify::run(ctx, Some(NlFlags::CREATE | NlFlags::REPLACE), args)
    } else if is("delete") {
        modify::run(ctx, None, args)
    } else if is("list") || is("show") || is("lst") {
        list::run(ctx, args, false)
    } else if is("flush") {
        flush::run(ctx, args)
    } else if is("save") || is("showdump") || is("restore") {
        Err(Failure::unsupported(&format!("\"ip address {verb}\"")))
    } else if is("help") {
        Err(usage())
    } else {
        Err(Failure::exit(255, format!("Command \"{verb}\" is unknown, try \"ip address help\".")))
    }
}

/// Help for the command.
pub(crate) fn usage() -> Failure {
    Failure::usage("ip address { add | change | replace | del | flush | show } PREFIX dev DEV [ SETTING ]...")
}
