//! `ip route`: which subcommand it is.

mod encap;
mod filter;
mod flush;
mod get;
mod hops;
mod modify;
mod print;
mod show;
mod words;

pub(crate) use encap::{parse as parse_encap, print as print_encap};
pub(crate) use print::{flags as print_flags, gateway as print_gateway, rtype_name};
pub use words::{RouteQuestion, RouteQuestionError};

use fingerpost_model::{NlFlags, RouteType};

use crate::Ctx;
use crate::error::{Done, Failure};
use crate::lex::{Args, matches, strtoul};

/// The one line that stands for iproute2's long help.
const USAGE: &str =
    "ip route { list | flush | get | add | del | change | append | replace | prepend | test } …";

fn usage() -> Failure {
    Failure::usage(USAGE)
}

/// Runs `ip route`.
pub(crate) fn run(ctx: &mut Ctx<'_>, mut args: Args<'_>) -> Done {
    let Some(verb) = args.take() else { return show::run(ctx, args) };
    let is = |full: &str| matches(verb, full);
    if is("add") {
        modify::add(ctx, NlFlags::CREATE | NlFlags::EXCL, args)
    } else if is("change") || verb == "chg" {
        modify::add(ctx, NlFlags::REPLACE, args)
    } else if is("replace") {
        modify::add(ctx, NlFlags::CREATE | NlFlags::REPLACE, args)
    } else if is("prepend") {
        modify::add(ctx, NlFlags::CREATE, args)
    } else if is("append") {
        modify::add(ctx, NlFlags::CREATE | NlFlags::APPEND, args)
    } else if is("test") {
        modify::add(ctx, NlFlags::EXCL, args)
    } else if is("delete") {
        modify::delete(ctx, args)
    } else if is("list") || is("show") || is("lst") {
        show::run(ctx, args)
    } else if is("get") {
        get::run(ctx, args)
    } else if is("flush") {
        flush::run(ctx, args)
    } else if is("save") {
        Err(Failure::unsupported("\"ip route save\""))
    } else if is("restore") {
        Err(Failure::unsupported("\"ip route restore\""))
    } else if is("showdump") {
        Err(Failure::unsupported("\"ip route showdump\""))
    } else if is("help") {
        Err(usage())
    } else {
        Err(Failure::exit(255, format!("Command \"{verb}\" is unknown, try \"ip route help\".")))
    }
}

/// `rtnl_rtntype_a2n`: a route type by name, abbreviation or number.
pub(crate) fn parse_rtype(text: &str) -> Option<RouteType> {
    let is = |full: &str| matches(text, full);
    Some(if text == "local" {
        RouteType::LOCAL
    } else if text == "nat" {
        RouteType::NAT
    } else if is("broadcast") || text == "brd" {
        RouteType::BROADCAST
    } else if is("anycast") {
        RouteType::ANYCAST
    } else if is("multicast") {
        RouteType::MULTICAST
    } else if is("prohibit") {
        RouteType::PROHIBIT
    } else if is("unreachable") {
        RouteType::UNREACHABLE
    } else if is("blackhole") {
        RouteType::BLACKHOLE
    } else if is("xresolve") {
        RouteType::XRESOLVE
    } else if is("unicast") {
        RouteType::UNICAST
    } else if text == "throw" {
        RouteType::THROW
    } else {
        match strtoul(text, 0)? {
            (n, false, "") => RouteType(u8::try_from(n).ok()?),
            _ => return None,
        }
    })
}

/// `get_rt_realms_or_raw`: `[FROM/]TO` by name or number, or one 32-bit number.
pub(crate) fn parse_realms(names: &crate::names::View<'_>, text: &str) -> Option<u32> {
    let two = || {
        let (from, to) = match text.split_once('/') {
            Some((from, to)) => (u32::from(names.parse_realm(from)?), to),
            None => (0, text),
        };
        let to = if to.is_empty() { 0 } else { u32::from(names.parse_realm(to)?) };
        Some(from << 16 | to)
    };
    two().or_else(|| crate::lex::get_u32(text, 0))
}
