//! `ip nexthop`: nexthop objects.
//!
//! `modify` reads the words of a change, `show` those of a listing, a flush or
//! a question for one object, `bucket` those about buckets of resilient groups;
//! `print` shows an object, inside a route, too.

mod bucket;
mod modify;
mod print;
mod show;

use fingerpost_model::NlFlags;

use crate::Ctx;
use crate::error::{Done, Failure};
use crate::lex::{Af, Args, get_u32, matches};

pub(crate) use print::{Cache, preload, print_by_id};

/// Runs the command.
pub(crate) fn run(ctx: &mut Ctx<'_>, mut args: Args<'_>) -> Done {
    if !matches!(ctx.p.opt.family, Af::Unspec | Af::Inet | Af::Inet6) {
        return Err(Failure::unsupported("\"ip nexthop\" with option \"-0\", \"-M\" or \"-B\""));
    }
    let Some(verb) = args.take() else { return show::list(ctx, args) };
    let is = |full: &str| matches(verb, full);
    if is("add") {
        modify::run(ctx, Some(NlFlags::CREATE | NlFlags::EXCL), args)
    } else if is("replace") {
        modify::run(ctx, Some(NlFlags::CREATE | NlFlags::REPLACE), args)
    } else if is("delete") {
        modify::run(ctx, None, args)
    } else if is("list") || is("show") || is("lst") {
        show::list(ctx, args)
    } else if is("get") {
        show::get(ctx, args)
    } else if is("flush") {
        show::flush(ctx, args)
    } else if is("bucket") {
        bucket::run(ctx, args)
    } else if is("help") {
        Err(usage())
    } else {
        Err(unknown(verb))
    }
}

fn unknown(verb: &str) -> Failure {
    Failure::exit(255, format!("Command \"{verb}\" is unknown, try \"ip nexthop help\"."))
}

/// Help for the command.
fn usage() -> Failure {
    Failure::usage(
        "ip nexthop { add | replace | del | get | show | flush | bucket } [ id ID ] [ SETTING ]...",
    )
}

/// An object's number, or exit with 255.
fn parse_id(text: &str) -> Done<u32> {
    get_u32(text, 0).ok_or_else(|| Failure::invalid("invalid id value", text))
}
