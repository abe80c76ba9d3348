//! The words of `ip nexthop show`, `get` and `flush`.

use fingerpost_model::{Change, LinkMsg, NexthopMsg, NlFlags, Op};

use super::print::line;
use super::{parse_id, usage};
use crate::error::{Done, Failure};
use crate::lex::{Args, get_u32, matches};
use crate::{Ctx, vrf};

/// What to list.
#[derive(Clone, Copy, Debug, Default)]
struct Filter {
    /// An object by number, without any other filter.
    id: Option<u32>,
    index: u32,
    master: u32,
    groups: bool,
    protocol: u32,
}

fn parse(ctx: &mut Ctx<'_>, mut args: Args<'_>) -> Done<Filter> {
    let mut f = Filter::default();
    while let Some(word) = args.take() {
        let is = |full: &str| matches(word, full);
        if is("dev") || is("master") {
            let text = args.value()?;
            let index = ctx.p.links.index(ctx.kernel, ctx.ns, text);
            let index = index.ok_or_else(|| Failure::invalid("Device does not exist\n", text))?;
            *(if is("dev") { &mut f.index } else { &mut f.master }) = index;
        } else if is("groups") {
            f.groups = true;
        } else if is("vrf") {
            let text = args.value()?;
            if !vrf::is_vrf(ctx, text) {
                return Err(Failure::invalid("Invalid VRF\n", text));
            }
            let index = ctx.p.links.index(ctx.kernel, ctx.ns, text);
            f.master = index.ok_or_else(|| Failure::invalid("VRF does not exist\n", text))?;
        } else if word == "id" {
            f.id = Some(parse_id(args.value()?)?);
            return Ok(f);
        } else if is("protocol") {
            let text = args.value()?;
            f.protocol = get_u32(text, 0).ok_or_else(|| Failure::invalid("invalid protocol value", text))?;
        } else if is("fdb") {
            // Sent to the kernel, which makes nothing of it.
        } else if is("help") {
            return Err(usage());
        } else {
            return Err(Failure::invalid("", word));
        }
    }
    Ok(f)
}

/// Lists objects, or shows one.
pub(crate) fn list(ctx: &mut Ctx<'_>, args: Args<'_>) -> Done {
    let filter = parse(ctx, args)?;
    if let Some(id) = filter.id {
        return one(ctx, id);
    }
    let found = find(ctx, &filter, 2, "Dump terminated")?;
    ctx.refresh_links();
    ctx.p.open_document();
    for m in &found {
        line(&mut ctx.p, m);
    }
    ctx.p.out.close_document();
    Ok(())
}

/// Shows the object with this number.
pub(crate) fn get(ctx: &mut Ctx<'_>, mut args: Args<'_>) -> Done {
    let mut id = 0;
    while let Some(word) = args.take() {
        if word != "id" {
            return Err(usage());
        }
        id = parse_id(args.value()?)?;
    }
    if id == 0 {
        return Err(usage());
    }
    one(ctx, id)
}

fn one(ctx: &mut Ctx<'_>, id: u32) -> Done {
    let m = ctx.kernel.get_nexthop(ctx.ns, id).map_err(|refusal| Failure::refused(&refusal))?;
    ctx.refresh_links();
    ctx.p.open_document();
    line(&mut ctx.p, &m);
    ctx.p.out.close_document();
    Ok(())
}

/// Deletes what is listed, groups first when all are to go.
pub(crate) fn flush(ctx: &mut Ctx<'_>, args: Args<'_>) -> Done {
    let all = args.is_empty();
    let filter = parse(ctx, args)?;
    if let Some(id) = filter.id {
        // iproute2 returns with status 1 here, not 2.
        return delete(ctx, id).map_err(|failure| Failure { status: 1, ..failure });
    }
    let rounds = if all { vec![Filter { groups: true, ..filter }, filter] } else { vec![filter] };
    let mut deleted = 0;
    let mut failed = None;
    for filter in rounds {
        match find(ctx, &filter, 2, "Dump terminated. Failed to flush nexthops") {
            Ok(found) => {
                for m in found.into_iter().filter(|m| m.id != 0) {
                    match delete(ctx, m.id) {
                        Ok(()) => deleted += 1,
                        Err(failure) => ctx.report(&failure),
                    }
                }
            }
            Err(failure) => {
                failed = Some(failure);
                break;
            }
        }
    }
    match deleted {
        0 => ctx.p.out.raw("Nothing to flush\n"),
        n => ctx.p.out.raw_fmt(format_args!("Flushed {n} nexthops\n")),
    }
    failed.map_or(Ok(()), Err)
}

fn delete(ctx: &mut Ctx<'_>, id: u32) -> Done {
    let change = Change::DelNexthop(NexthopMsg { id, ..NexthopMsg::default() });
    ctx.apply(Op { flags: NlFlags(0), change })
}

/// The objects that the kernel (`nh_dump_filtered`) and iproute2 let through.
fn find(ctx: &mut Ctx<'_>, filter: &Filter, status: u8, last: &str) -> Done<Vec<NexthopMsg>> {
    let family = ctx.p.opt.family.ip();
    let mut ports = Vec::new();
    if filter.master != 0 {
        // A refusal leaves no ports.
        let _ = ctx.kernel.links(ctx.ns, &mut |m: &LinkMsg| {
            if m.master == Some(filter.master) {
                ports.push(m.index);
            }
        });
    }
    let wants = |m: &NexthopMsg| {
        let is_group = !m.group.is_empty();
        let plain = filter.index == 0 && filter.master == 0 && family.is_none();
        let fits = || {
            !is_group
                && family.is_none_or(|family| m.family == Some(family))
                && (filter.index == 0 || m.oif == Some(filter.index))
                && (filter.master == 0 || m.oif.is_some_and(|oif| ports.contains(&oif)))
        };
        (!filter.groups || is_group)
            && (plain || fits())
            && (filter.protocol == 0 || filter.protocol == u32::from(m.protocol))
    };
    let mut found = Vec::new();
    let listed = ctx.kernel.nexthops(ctx.ns, &mut |m| {
        if wants(m) {
            found.push(m.clone());
        }
    });
    match listed {
        Ok(()) => Ok(found),
        Err(refusal) => Err(Failure::dump(&refusal, status, last)),
    }
}
