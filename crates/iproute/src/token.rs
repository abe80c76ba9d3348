//! `ip token`: the host part of addresses that devices make of router advertisements.

use std::net::Ipv6Addr;

use fingerpost_model::{Change, LinkFlags, LinkMsg, NlFlags, Op};
use fingerpost_net::Family;

use crate::Ctx;
use crate::error::{Done, Failure};
use crate::lex::{Af, Args, get_prefix, matches};
use crate::link::wire::{attr, encode, find, nested};
use crate::output::Text;

/// `IFLA_AF_SPEC`, the family in it, and `IFLA_INET6_TOKEN` in that.
const AF_SPEC: u16 = 26;
const INET6: u16 = 10;
const TOKEN: u16 = 7;

/// Runs the command.
pub(crate) fn run(ctx: &mut Ctx<'_>, mut args: Args<'_>) -> Done {
    ctx.p.links.load_all(ctx.kernel, ctx.ns);
    let Some(verb) = args.take() else { return list(ctx, args) };
    let is = |full: &str| matches(verb, full);
    if ["list", "lst", "show"].into_iter().any(is) {
        list(ctx, args)
    } else if is("set") || is("add") {
        set(ctx, args, false)
    } else if is("delete") {
        set(ctx, args, true)
    } else if is("get") {
        list(ctx, args)
    } else if is("help") {
        Err(usage())
    } else {
        Err(Failure::exit(255, format!("Command \"{verb}\" is unknown, try \"ip token help\".")))
    }
}

fn usage() -> Failure {
    Failure::usage("ip token { list | get | set TOKEN | del } [ dev DEV ]")
}

/// The device's number, or what iproute2 says of a name that is none.
fn device(ctx: &mut Ctx<'_>, name: &str) -> Done<u32> {
    let index = ctx.p.links.index(ctx.kernel, ctx.ns, name);
    index.ok_or_else(|| Failure::invalid("dev is invalid\n", name))
}

fn list(ctx: &mut Ctx<'_>, mut args: Args<'_>) -> Done {
    let mut only = None;
    while let Some(word) = args.take() {
        if word == "dev" {
            only = Some(device(ctx, args.value()?)?);
            break;
        }
    }
    let mut tokens = Vec::new();
    let dumped = ctx.kernel.links(ctx.ns, &mut |link| {
        let silent = link.flags.any(LinkFlags::LOOPBACK | LinkFlags::NOARP);
        if let (false, Some(token)) = (silent, token(link))
            && only.is_none_or(|index| index == link.index)
        {
            tokens.push((link.index, token));
        }
    });
    ctx.p.open_document();
    for (index, token) in tokens {
        let name = ctx.p.links.name(index);
        let out = &mut ctx.p.out;
        out.open_object(None);
        out.shown("token", "token ", Text(token.into()), "");
        out.string("ifname", " dev ", &name, "\n");
        out.close_object();
    }
    ctx.p.out.close_document();
    dumped.map_err(|refusal| Failure::dump(&refusal, 1, "Dump terminated"))
}

/// A device's token; `None` where IPv6 is not on.
fn token(link: &LinkMsg) -> Option<Ipv6Addr> {
    let families = nested(find(&link.other, AF_SPEC)?);
    let settings = nested(find(&families, INET6)?);
    find(&settings, TOKEN)?.first_chunk::<16>().map(|octets| Ipv6Addr::from(*octets))
}

fn set(ctx: &mut Ctx<'_>, mut args: Args<'_>, delete: bool) -> Done {
    let mut token = delete.then_some(Ipv6Addr::UNSPECIFIED);
    let mut index = None;
    while let Some(word) = args.take() {
        if word == "dev" {
            let name = args.value()?;
            if index.is_none() {
                index = Some(device(ctx, name)?);
            }
        } else if matches(word, "help") {
            return Err(usage());
        } else if token.is_none() {
            token = Some(match get_prefix(word, Af::from(Family::V6))?.ip {
                Some(std::net::IpAddr::V6(addr)) => addr,
                _ => Ipv6Addr::UNSPECIFIED,
            });
        }
    }
    let missing = |what| Failure::returned(1, format!("Not enough information: {what} is required."));
    let token = token.ok_or_else(|| missing("token"))?;
    let index = index.ok_or_else(|| missing("\"dev\" argument"))?;
    let inet6 = encode(INET6, &encode(TOKEN, &token.octets()));
    let link = LinkMsg { index, other: vec![attr(AF_SPEC, inet6)], ..LinkMsg::default() };
    ctx.apply(Op { flags: NlFlags(0), change: Change::NewLink(link) })
}
