//! `ip link` and `ip tuntap`: devices.
//!
//! `request` reads the words of a change, `kinds` those after `type`; `print`
//! shows a device, `details` its kind. Listing is shared with `ip address`.

mod bridge;
mod bridge_port;
mod details;
pub(crate) mod glob;
mod kinds;
pub(crate) mod lladdr;
pub(crate) mod print;
mod request;
pub(crate) mod stats;
mod tuntap;
pub(crate) mod wire;
mod xdp;

use fingerpost_model::{Change, NlFlags, Op};

use crate::error::{Done, Failure};
use crate::lex::{Args, matches};
use crate::{Ctx, address};

pub(crate) use kinds::is_kind;
pub(crate) use tuntap::run as run_tuntap;

/// What a change does with the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    New(NlFlags),
    Delete,
}

/// Runs the command.
pub(crate) fn run(ctx: &mut Ctx<'_>, mut args: Args<'_>) -> Done {
    let Some(verb) = args.take() else { return address::list::run(ctx, args, true) };
    let is = |full: &str| matches(verb, full);
    if is("add") {
        modify(ctx, Verb::New(NlFlags::CREATE | NlFlags::EXCL), args)
    } else if is("set") || is("change") {
        modify(ctx, Verb::New(NlFlags(0)), args)
    } else if is("replace") {
        modify(ctx, Verb::New(NlFlags::CREATE | NlFlags::REPLACE), args)
    } else if is("delete") {
        modify(ctx, Verb::Delete, args)
    } else if is("show") || is("lst") || is("list") {
        address::list::run(ctx, args, true)
    } else if is("property") && args.peek().is_none_or(|word| matches(word, "help")) {
        Err(usage())
    } else if is("xstats") || is("afstats") || is("property") {
        Err(Failure::unsupported(&format!("\"ip link {verb}\"")))
    } else if is("help") {
        match args.peek().and_then(kinds::help) {
            Some(text) => {
                ctx.p.out.raw_fmt(format_args!("{text}\n"));
                Ok(())
            }
            None => Err(usage()),
        }
    } else {
        Err(Failure::exit(255, format!("Command \"{verb}\" is unknown, try \"ip link help\".")))
    }
}

/// Help for the command.
pub(crate) fn usage() -> Failure {
    Failure::usage(
        "ip link { add | set | delete | show } [ dev ] NAME [ SETTING VALUE ]... [ type KIND ... ]",
    )
}

fn modify(ctx: &mut Ctx<'_>, verb: Verb, mut args: Args<'_>) -> Done {
    let create = matches!(verb, Verb::New(flags) if flags.has(NlFlags::CREATE));
    let mut request = request::parse(ctx, &mut args, create)?;
    if let Some(kind) = request.kind {
        kinds::parse(ctx, kind, args, create, &mut request)?;
    } else if create {
        let message = "Not enough information: \"type\" argument is required";
        return Err(Failure::returned(1, message));
    }
    let index = request.msg.index;
    let op = match verb {
        Verb::New(flags) => Op { flags, change: Change::NewLink(request.msg) },
        Verb::Delete => Op { flags: NlFlags(0), change: Change::DelLink(request.msg) },
    };
    ctx.apply(op)?;
    ctx.p.links.forget(index);
    Ok(())
}

/// A device's name, asked for if this run has not seen it (`ll_index_to_name`).
pub(crate) fn name_of(ctx: &mut Ctx<'_>, index: u32) -> String {
    if index != 0
        && ctx.p.links.get(index).is_none()
        && let Ok(link) = ctx.kernel.get_link(ctx.ns, index, None)
    {
        ctx.p.links.remember(&link);
    }
    ctx.p.links.name(index)
}
