//! The legs of a multipath route: `nexthop via … dev … weight …`.

use std::net::IpAddr;

use fingerpost_model::{NextHopMsg, RouteFlags, RouteMsg};

use super::modify::after_to;
use super::parse_realms;
use crate::Ctx;
use crate::error::{Done, Failure};
use crate::lex::{Af, Args, get_addr, get_u32, matches};

/// Takes `[FAMILY] ADDRESS` after `via`: the address, and whether it is of
/// another family than the route (`RTA_VIA`). The first address of a request
/// decides the route's family.
pub(super) fn via(args: &mut Args<'_>, family: &mut Af) -> Done<(Option<IpAddr>, bool)> {
    let word = args.value()?;
    let (of, word) = match Af::from_name(word) {
        Some(named) => (named, args.value()?),
        None => (*family, word),
    };
    let addr = get_addr(word, of)?;
    if *family == Af::Unspec {
        *family = addr.family;
    }
    Ok((addr.ip, addr.family != *family))
}

/// Takes all legs; the first word `nexthop` was taken already. Tells whether
/// one of them has a gateway attribute without an address (`via any`).
pub(super) fn parse(
    ctx: &mut Ctx<'_>,
    family: &mut Af,
    route: &mut RouteMsg,
    mut args: Args<'_>,
) -> Done<bool> {
    let mut empty = false;
    loop {
        if args.is_empty() {
            return Err(Failure::exit(255, "Error: unexpected end of line after \"nexthop\""));
        }
        let (hop, no_address) = leg(ctx, family, &mut args)?;
        empty |= no_address;
        route.multipath.push(hop);
        match args.take() {
            None => return Ok(empty),
            Some("nexthop") => {}
            Some(word) => {
                let message = format!("Error: \"nexthop\" or end of line is expected instead of \"{word}\"");
                return Err(Failure::exit(255, message));
            }
        }
    }
}

/// One leg, and whether it has a gateway attribute without an address (`via any`).
fn leg(ctx: &mut Ctx<'_>, family: &mut Af, args: &mut Args<'_>) -> Done<(NextHopMsg, bool)> {
    let mut hop = NextHopMsg::default();
    let mut empty = false;
    while let Some(word) = args.peek() {
        let mut after = *args;
        after.take();
        let rest = &mut after;
        if word == "via" {
            hop.gateway = via(rest, family)?.0;
            empty |= hop.gateway.is_none();
        } else if word == "dev" {
            let name = rest.value()?;
            hop.oif = ctx.index_of(name).map_err(|failure| {
                let message = format!("{}Error: cannot parse nexthop", failure.message);
                Failure::exit(255, message)
            })?;
        } else if word == "weight" {
            let text = rest.value()?;
            match get_u32(text, 0) {
                Some(weight @ 1..=256) => hop.hops = (weight - 1) as u8,
                _ => return Err(Failure::invalid("\"weight\" is invalid\n", text)),
            }
        } else if word == "onlink" {
            hop.flags = hop.flags | RouteFlags::ONLINK;
        } else if matches(word, "realms") {
            let text = rest.value()?;
            let invalid = || Failure::invalid("\"realm\" value is invalid\n", text);
            hop.realms = Some(parse_realms(&ctx.p.names, text).ok_or_else(invalid)?);
        } else if word == "encap" {
            hop.encap = super::encap::parse(ctx, rest)?;
        } else if word == "as" {
            get_addr(after_to(rest)?, *family)?;
            return Err(Failure::unsupported("\"as\" in a nexthop of \"ip route\""));
        } else {
            break;
        }
        *args = after;
    }
    Ok((hop, empty))
}
