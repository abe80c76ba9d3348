//! `ip rule`: which subcommand it is.

mod modify;
mod print;
mod show;

use crate::Ctx;
use crate::error::{Done, Failure};
use crate::lex::{Args, matches, scan_range, scan_u};

/// The one line that stands for iproute2's long help.
const USAGE: &str = "ip rule { add | del } SELECTOR ACTION | flush | [ list [ SELECTOR ] ]";

fn usage() -> Failure {
    Failure::usage(USAGE)
}

/// Runs `ip rule`.
pub(crate) fn run(ctx: &mut Ctx<'_>, mut args: Args<'_>) -> Done {
    let Some(verb) = args.take() else { return show::list(ctx, args) };
    let is = |full: &str| matches(verb, full);
    if is("list") || is("lst") || is("show") {
        show::list(ctx, args)
    } else if is("save") {
        Err(Failure::unsupported("\"ip rule save\""))
    } else if is("restore") {
        Err(Failure::unsupported("\"ip rule restore\""))
    } else if is("add") {
        modify::add(ctx, args)
    } else if is("delete") {
        modify::delete(ctx, args)
    } else if is("flush") {
        show::flush(ctx, args)
    } else if is("help") {
        Err(usage())
    } else {
        Err(Failure::exit(255, format!("Command \"{verb}\" is unknown, try \"ip rule help\".")))
    }
}

/// `FWMARK[/MASK]`.
fn parse_fwmark(text: &str) -> Done<(u32, Option<u32>)> {
    let number = |part: &str, what: &str| {
        let invalid = || Failure::invalid(&format!("{what} value is invalid\n"), part);
        crate::lex::get_u32(part, 0).ok_or_else(invalid)
    };
    match text.split_once('/') {
        None => Ok((number(text, "fwmark")?, None)),
        Some((mark, mask)) => Ok((number(mark, "fwmark")?, Some(number(mask, "fwmask")?))),
    }
}

/// `PORT` or `PORT-PORT`, as `sscanf("%hu-%hu")` reads it: decimal, modulo
/// 65536, whatever follows is ignored.
fn parse_ports(text: &str) -> Option<fingerpost_model::PortRange> {
    let (start, end) = scan_range(text);
    let start = start? as u16;
    Some(fingerpost_model::PortRange { start, end: end.map_or(start, |end| end as u16) })
}

/// `UID-UID`, as `sscanf("%u-%u")` reads it.
fn parse_uids(text: &str) -> Option<fingerpost_model::UidRange> {
    match scan_range(text) {
        (Some(start), Some(end)) => Some(fingerpost_model::UidRange { start: start as u32, end: end as u32 }),
        _ => None,
    }
}

/// `PORT/MASK`, which iproute2 6.15 and later know.
fn parse_masked_port(text: &str) -> Option<(u16, u16)> {
    let (port, mask) = text.split_once('/')?;
    scan_u(port)?;
    Some((crate::lex::get_u16(port, 0)?, crate::lex::get_u16(mask, 0)?))
}
