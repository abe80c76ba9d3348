//! `ip route flush`: rounds of a dump and the deletion of what it found.

use fingerpost_model::{Change, NlFlags, Op, RouteMsg, RouteType};
use fingerpost_net::Family;

use super::filter::Filter;
use super::{print, show};
use crate::Ctx;
use crate::error::{Done, Failure};
use crate::lex::{Af, Args};

/// Rounds after which something is wrong: each deletes all that the one before left.
const MAX_ROUNDS: u32 = 100;

/// Runs `ip route flush SELECTOR`.
pub(super) fn run(ctx: &mut Ctx<'_>, args: Args<'_>) -> Done {
    if args.is_empty() {
        return Err(Failure::returned(1, "\"ip route flush\" requires arguments."));
    }
    let (filter, family) = Filter::parse(ctx, args)?;
    let cached = filter.cloned == Some(true);
    let stats = ctx.p.opt.stats;
    if cached {
        if family != Af::Inet6 {
            flush_cache(ctx);
            if stats > 0 {
                ctx.p.out.raw("*** IPv4 routing cache is flushed.\n");
            }
        }
        if family == Af::Inet {
            return Ok(());
        }
    }
    show::prepare(ctx);
    let request = filter.for_kernel(family.ip(), ctx.p.opt.strict);
    for round in 0..MAX_ROUNDS {
        let found = matching(ctx, &filter, &request)?;
        if found.is_empty() {
            if stats > 0 && round == 0 && (!cached || family == Af::Inet6) {
                ctx.p.out.raw("Nothing to flush.\n");
            } else if stats > 0 {
                let s = if round > 1 { "s" } else { "" };
                ctx.p.out.raw_fmt(format_args!("*** Flush is complete after {round} round{s} ***\n"));
            }
            return Ok(());
        }
        let count = found.len();
        delete(ctx, found)?;
        if stats > 0 {
            let round = round + 1;
            ctx.p.out.raw_fmt(format_args!("\n*** Round {round}, deleting {count} entries ***\n"));
        }
    }
    Err(Failure::returned(1, "fingerpost: the routes come back after each flush"))
}

/// Dumps the routes that are meant; with `-s -s` prints them, too.
fn matching(
    ctx: &mut Ctx<'_>,
    filter: &Filter,
    request: &fingerpost_model::RouteFilter,
) -> Done<Vec<RouteMsg>> {
    let asked = ctx.p.opt.family;
    let mut found = Vec::new();
    let Ctx { kernel, p, ns, .. } = ctx;
    kernel
        .routes(*ns, request, &mut |r| {
            let placeholder = r.family == Family::V6
                && r.dst.is_none_or(|d| d.len == 0)
                && r.kind == RouteType::UNREACHABLE
                && r.priority == Some(u32::MAX);
            if filter.takes(r, asked, &mut p.tables6) && !placeholder {
                if p.opt.stats >= 2 {
                    print::route(p, r, filter);
                }
                found.push(r.clone());
            }
        })
        .map_err(|refusal| Failure::dump(&refusal, 2, "Flush terminated"))?;
    Ok(found)
}

/// Deletes all of them, as one message of many requests; the first error ends the flush.
fn delete(ctx: &mut Ctx<'_>, routes: Vec<RouteMsg>) -> Done {
    let mut first = None;
    for route in routes {
        let op = Op { flags: NlFlags(0), change: Change::DelRoute(route) };
        if let Err(refusal) = ctx.kernel.apply(ctx.ns, op) {
            first.get_or_insert(refusal);
        }
    }
    match first {
        None => Ok(()),
        Some(refusal) => {
            let message = format!("Failed to send flush request: {}", refusal.errno);
            Err(Failure { errno: Some(refusal.errno), ..Failure::returned(2, message) })
        }
    }
}

fn flush_cache(ctx: &mut Ctx<'_>) {
    const PATH: &str = "/proc/sys/net/ipv4/route/flush";
    if let Err(errno) = ctx.kernel.write_file(ctx.ns, PATH, "-1") {
        ctx.p.out.err_line(format_args!("Cannot open \"{PATH}\": {errno}"));
    }
}
