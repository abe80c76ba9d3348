//! `ip nexthop bucket`: which member of a resilient group has which bucket.

use fingerpost_model::BucketFilter;

use super::show::{Filter, selector};
use super::{parse_id, print, unknown, usage};
use crate::Ctx;
use crate::error::{Done, Failure};
use crate::lex::{Args, get_u16, matches};

/// Runs the command.
pub(super) fn run(ctx: &mut Ctx<'_>, mut args: Args<'_>) -> Done {
    match args.take() {
        None => list(ctx, args),
        Some(verb) if ["list", "show", "lst"].iter().any(|full| matches(verb, full)) => list(ctx, args),
        Some(verb) if matches(verb, "get") => get(ctx, args),
        Some(verb) if matches(verb, "help") => Err(usage()),
        Some(verb) => Err(unknown(verb)),
    }
}

/// Lists the buckets that the kernel lets through.
fn list(ctx: &mut Ctx<'_>, mut args: Args<'_>) -> Done {
    let mut filter = ctx.p.nexthops.filter;
    let read = words(ctx, &mut args, &mut filter);
    ctx.p.nexthops.filter = filter;
    read?;
    let given = |id: u32| (id != 0).then_some(id);
    let wanted = BucketFilter {
        family: ctx.p.opt.family.ip(),
        group: given(filter.group),
        dev: given(filter.index),
        master: given(filter.master),
        member: given(filter.member),
    };
    ctx.p.open_document();
    let Ctx { kernel, p, ns, .. } = ctx;
    let listed = kernel.nexthop_buckets(*ns, &wanted, &mut |m| print::bucket_line(p, m));
    // iproute2 leaves the document open where the dump is refused.
    listed.map_err(|refusal| Failure::dump(&refusal, 2, "Dump terminated"))?;
    ctx.p.out.close_document();
    Ok(())
}

/// Reads the words of a listing into the run's filter.
fn words(ctx: &mut Ctx<'_>, args: &mut Args<'_>, filter: &mut Filter) -> Done {
    while let Some(word) = args.take() {
        if selector(ctx, word, args, filter)? {
            continue;
        }
        match word {
            "id" => filter.group = parse_id(args.value()?)?,
            "nhid" => filter.member = parse_id(args.value()?)?,
            _ if matches(word, "help") => return Err(usage()),
            _ => return Err(Failure::invalid("", word)),
        }
    }
    Ok(())
}

/// Shows one bucket.
fn get(ctx: &mut Ctx<'_>, mut args: Args<'_>) -> Done {
    let (mut id, mut index) = (0, None);
    while let Some(word) = args.take() {
        match word {
            "id" => id = parse_id(args.value()?)?,
            "index" => {
                let text = args.value()?;
                let number = get_u16(text, 0);
                index = Some(number.ok_or_else(|| Failure::invalid("invalid bucket index value", text))?);
            }
            _ => return Err(usage()),
        }
    }
    let Some(index) = index.filter(|_| id != 0) else { return Err(usage()) };
    let bucket = ctx.kernel.get_nexthop_bucket(ctx.ns, id, index);
    let bucket = bucket.map_err(|refusal| Failure::refused(&refusal))?;
    ctx.p.open_document();
    print::bucket_line(&mut ctx.p, &bucket);
    ctx.p.out.close_document();
    Ok(())
}
