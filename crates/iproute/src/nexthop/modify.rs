//! The words of `ip nexthop add`, `replace` and `delete` (`ipnh_modify`).

use fingerpost_model::{
    Change, NexthopGroupEntry, NexthopMsg, NlFlags, Op, Refusal, ResilientGroup, RouteFlags,
};
use fingerpost_net::Errno;

use super::{parse_id, usage};
use crate::error::{Done, Failure};
use crate::lex::{Af, Args, get_addr, get_u16, get_u32, matches};
use crate::{Ctx, route};

/// Adds or replaces (`flags` as netlink has them), or deletes an object.
pub(crate) fn run(ctx: &mut Ctx<'_>, flags: Option<NlFlags>, mut args: Args<'_>) -> Done {
    let mut family = ctx.p.opt.family;
    let mut msg = NexthopMsg::default();
    let mut id = None;
    while let Some(word) = args.take() {
        match word {
            "id" => id = Some(parse_id(args.value()?)?),
            "dev" => {
                let text = args.value()?;
                let index = ctx.p.links.index(ctx.kernel, ctx.ns, text);
                msg.oif = Some(index.ok_or_else(|| Failure::invalid("Device does not exist\n", text))?);
                adopt(&mut family, Af::Inet);
            }
            "via" => {
                let mut text = args.value()?;
                let asked = match Af::from_name(text) {
                    Some(asked) => {
                        text = args.value()?;
                        asked
                    }
                    None => family,
                };
                let addr = get_addr(text, asked)?;
                if family != Af::Unspec && family != addr.family {
                    return Err(Failure::invalid("address family mismatch\n", text));
                }
                adopt(&mut family, addr.family);
                msg.gateway = addr.ip;
            }
            "encap" => msg.encap = route::parse_encap(ctx, &mut args)?,
            "blackhole" => {
                msg.blackhole = true;
                adopt(&mut family, Af::Inet);
            }
            "fdb" => msg.fdb = true,
            "onlink" => msg.flags = msg.flags | RouteFlags::ONLINK,
            "group" => msg.group = group(args.value()?)?,
            "type" => group_type(&mut args, &mut msg)?,
            _ if matches(word, "protocol") => {
                let text = args.value()?;
                let number = ctx.p.names.parse_proto(text);
                msg.protocol =
                    number.ok_or_else(|| Failure::invalid("\"protocol\" value is invalid\n", text))?;
            }
            "help" => return Err(usage()),
            _ => return Err(Failure::invalid("", word)),
        }
    }
    msg.id = id.unwrap_or(0);
    msg.family = family.ip();
    if flags.is_none() && id.is_none() {
        // A message without a number: the kernel tells it from one with number 0.
        return Err(Failure::refused(&Refusal::with(Errno::EINVAL, "Nexthop id is missing")));
    }
    let change = match flags {
        Some(_) => Change::NewNexthop(msg),
        None => Change::DelNexthop(msg),
    };
    ctx.apply(Op { flags: flags.unwrap_or_default(), change })
}

/// The first word that implies a family decides it.
fn adopt(family: &mut Af, implied: Af) {
    if *family == Af::Unspec {
        *family = implied;
    }
}

/// Members, as `ID[,WEIGHT]/…`.
fn group(text: &str) -> Done<Vec<NexthopGroupEntry>> {
    let mut members = Vec::new();
    for (i, part) in text.split('/').enumerate() {
        let (id, weight) = match part.split_once(',') {
            Some((id, weight)) => (id, Some(weight)),
            None => (part, None),
        };
        // iproute2 has cut the word at the first member's end by then.
        let first = text.split(['/', ',']).next().unwrap_or_default();
        let shown = if i == 0 && !text.contains('/') && weight.is_none() { text } else { first };
        let id = get_u32(id, 0).ok_or_else(|| Failure::invalid("\"group\" value is invalid\n", shown))?;
        let weight = match weight {
            None => 1,
            Some(text) => get_u32(text, 0)
                .filter(|w| (1..=256).contains(w))
                .ok_or_else(|| Failure::invalid("\"weight\" is invalid\n", text))?,
        };
        members.push(NexthopGroupEntry { id, weight });
    }
    Ok(members)
}

/// A group's type with its parameters.
fn group_type(args: &mut Args<'_>, msg: &mut NexthopMsg) -> Done {
    const HUNDREDTHS: u32 = 100;
    let text = args.value()?;
    match text {
        "mpath" => msg.group_type = Some(0),
        "resilient" => {
            msg.group_type = Some(1);
            let mut parameters = ResilientGroup::default();
            let timer = |args: &mut Args<'_>, why: &str| -> Done<u32> {
                let text = args.value()?;
                get_u32(text, 0)
                    .filter(|&seconds| seconds < u32::MAX / HUNDREDTHS)
                    .map(|seconds| seconds * HUNDREDTHS)
                    .ok_or_else(|| Failure::invalid(why, text))
            };
            let any = !args.is_empty();
            loop {
                match args.peek() {
                    Some("buckets") => {
                        args.take();
                        let text = args.value()?;
                        let buckets = get_u16(text, 0);
                        parameters.buckets =
                            Some(buckets.ok_or_else(|| Failure::invalid("invalid buckets value", text))?);
                    }
                    Some("idle_timer") => {
                        args.take();
                        parameters.idle_timer = Some(timer(args, "invalid idle timer value")?);
                    }
                    Some("unbalanced_timer") => {
                        args.take();
                        parameters.unbalanced_timer = Some(timer(args, "invalid unbalanced timer value")?);
                    }
                    _ => break,
                }
            }
            msg.resilient = any.then_some(parameters);
        }
        _ => return Err(Failure::invalid("\"type\" value is invalid\n", text)),
    }
    Ok(())
}
