//! `ip neigh`: neighbours.
//!
//! `modify` reads the words of a change, `show` those of a listing, a flush or
//! a question for one entry, and prints.

mod modify;
mod print;
mod show;

use fingerpost_model::{NeighState, NlFlags};

use crate::Ctx;
use crate::error::{Done, Failure};
use crate::lex::{Af, Args, get_u32, matches};

/// Runs the command.
pub(crate) fn run(ctx: &mut Ctx<'_>, mut args: Args<'_>) -> Done {
    if !matches!(ctx.p.opt.family, Af::Unspec | Af::Inet | Af::Inet6) {
        return Err(Failure::unsupported("\"ip neigh\" with option \"-0\", \"-M\" or \"-B\""));
    }
    let Some(verb) = args.take() else { return show::run(ctx, args, false) };
    let is = |full: &str| matches(verb, full);
    if is("add") {
        modify::run(ctx, Some(NlFlags::CREATE | NlFlags::EXCL), args)
    } else if is("change") || verb == "chg" {
        modify::run(ctx, Some(NlFlags::REPLACE), args)
    } else if is("replace") {
        modify::run(ctx, Some(NlFlags::CREATE | NlFlags::REPLACE), args)
    } else if is("delete") {
        modify::run(ctx, None, args)
    } else if is("get") {
        show::get(ctx, args)
    } else if is("show") || is("lst") || is("list") {
        show::run(ctx, args, false)
    } else if is("flush") {
        show::run(ctx, args, true)
    } else if is("help") {
        Err(usage())
    } else {
        Err(Failure::exit(255, format!("Command \"{verb}\" is unknown, try \"ip neigh help\".")))
    }
}

/// Help for the command.
fn usage() -> Failure {
    Failure::usage(
        "ip neigh { add | change | replace | del | show | flush | get } ADDRESS dev DEV [ SETTING ]...",
    )
}

/// A state by name, or one of its bits by number; `None` if it is neither.
fn parse_state(text: &str) -> Option<NeighState> {
    // Three of the names can be abbreviated.
    if matches(text, "permanent") {
        return Some(NeighState::PERMANENT);
    }
    if matches(text, "reachable") {
        return Some(NeighState::REACHABLE);
    }
    match text {
        "noarp" => Some(NeighState::NOARP),
        "none" => Some(NeighState(0)),
        "stale" => Some(NeighState::STALE),
        "incomplete" => Some(NeighState::INCOMPLETE),
        "delay" => Some(NeighState::DELAY),
        "probe" => Some(NeighState::PROBE),
        _ if matches(text, "failed") => Some(NeighState::FAILED),
        _ => {
            let bits = u16::try_from(get_u32(text, 0)?).ok()?;
            (bits < 0x100 && bits.count_ones() < 2).then_some(NeighState(bits))
        }
    }
}
