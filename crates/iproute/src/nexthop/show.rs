//! The words of `ip nexthop show`, `get` and `flush`.

use fingerpost_model::{Change, LinkMsg, NexthopMsg, NlFlags, Op};

use super::print::line;
use super::{parse_id, usage};
use crate::error::{Done, Failure};
use crate::lex::{Args, get_u32, matches};
use crate::{Ctx, vrf};

/// The index of the loopback device.
const LOOPBACK: u32 = 1;

/// What to list. iproute2 never resets it, so that in a batch it narrows from
/// one listing to the next.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Filter {
    pub index: u32,
    pub master: u32,
    /// Of buckets: the group.
    pub group: u32,
    /// Of buckets: the member.
    pub member: u32,
    groups: bool,
    protocol: u32,
    /// How many objects flushes have deleted.
    deleted: u32,
}

/// Reads the words into the run's filter; the number of a single object, if one is asked for.
fn parse(ctx: &mut Ctx<'_>, mut args: Args<'_>) -> Done<Option<u32>> {
    let mut f = ctx.p.nexthops.filter;
    let id = words(ctx, &mut args, &mut f);
    ctx.p.nexthops.filter = f;
    id
}

/// Takes a device, a master or a VRF that listings of objects and of buckets
/// are narrowed to; false if the word is none of these.
pub(super) fn selector(ctx: &mut Ctx<'_>, word: &str, args: &mut Args<'_>, f: &mut Filter) -> Done<bool> {
    let is = |full: &str| matches(word, full);
    if is("dev") || is("master") {
        let text = args.value()?;
        let index = ctx.p.links.index(ctx.kernel, ctx.ns, text);
        let index = index.ok_or_else(|| Failure::invalid("Device does not exist\n", text))?;
        *(if is("dev") { &mut f.index } else { &mut f.master }) = index;
    } else if is("vrf") {
        let text = args.value()?;
        if !vrf::is_vrf(ctx, text) {
            return Err(Failure::invalid("Invalid VRF\n", text));
        }
        let index = ctx.p.links.index(ctx.kernel, ctx.ns, text);
        f.master = index.ok_or_else(|| Failure::invalid("VRF does not exist\n", text))?;
    } else {
        return Ok(false);
    }
    Ok(true)
}

fn words(ctx: &mut Ctx<'_>, args: &mut Args<'_>, f: &mut Filter) -> Done<Option<u32>> {
    while let Some(word) = args.take() {
        if selector(ctx, word, args, f)? {
            continue;
        }
        let is = |full: &str| matches(word, full);
        if is("groups") {
            f.groups = true;
        } else if word == "id" {
            return parse_id(args.value()?).map(Some);
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
    Ok(None)
}

/// Lists objects, or shows one.
pub(crate) fn list(ctx: &mut Ctx<'_>, args: Args<'_>) -> Done {
    if let Some(id) = parse(ctx, args)? {
        return one(ctx, id);
    }
    let filter = ctx.p.nexthops.filter;
    let found = find(ctx, &filter, "Dump terminated")?;
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
    if let Some(id) = parse(ctx, args)? {
        // iproute2 returns with status 1 here, not 2.
        return delete(ctx, id).map_err(|failure| Failure { status: 1, ..failure });
    }
    let mut filter = ctx.p.nexthops.filter;
    if all {
        filter = Filter { groups: true, index: 0, master: 0, ..filter };
    }
    let mut failed = None;
    loop {
        match find(ctx, &filter, "Dump terminated. Failed to flush nexthops") {
            Ok(found) => {
                for m in found.into_iter().filter(|m| m.id != 0) {
                    match delete(ctx, m.id) {
                        Ok(()) => filter.deleted += 1,
                        Err(failure) => ctx.report(&failure),
                    }
                }
            }
            Err(failure) => {
                failed = Some(failure);
                break;
            }
        }
        if !(all && filter.groups) {
            break;
        }
        filter.groups = false;
    }
    ctx.p.nexthops.filter = filter;
    match filter.deleted {
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
fn find(ctx: &mut Ctx<'_>, filter: &Filter, last: &str) -> Done<Vec<NexthopMsg>> {
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
        // The device of a blackhole is loopback, although it is not shown.
        let oif = m.oif.or(m.blackhole.then_some(LOOPBACK));
        let fits = || {
            !is_group
                && family.is_none_or(|family| m.family == Some(family))
                && (filter.index == 0 || oif == Some(filter.index))
                && (filter.master == 0 || oif.is_some_and(|oif| ports.contains(&oif)))
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
        Err(refusal) => Err(Failure::dump(&refusal, 2, last)),
    }
}
