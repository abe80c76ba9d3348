//! `ip address flush`: rounds of listing and deleting.

use fingerpost_model::{Change, IfaFlags, NlFlags, Op};
use fingerpost_net::Errno;

use super::filter::Filter;
use super::print::address;
use crate::Ctx;
use crate::error::{Done, Failure};
use crate::lex::{Af, Args};

/// Runs the command.
pub(crate) fn run(ctx: &mut Ctx<'_>, args: Args<'_>) -> Done {
    if args.is_empty() {
        return Err(Failure::returned(1, "Flush requires arguments."));
    }
    if ctx.p.opt.family == Af::Packet {
        return Err(Failure::returned(1, "Cannot flush link addresses."));
    }
    let family = ctx.p.opt.family;
    let filter = Filter::parse(ctx, args, family)?;
    let stats = ctx.p.opt.stats;
    let most = ctx.p.opt.loops;
    let mut round = 0;
    while most == 0 || round < most {
        let found = find(ctx, &filter)?;
        if found.is_empty() {
            if stats > 0 {
                done(ctx, round);
            }
            return Ok(());
        }
        let count = found.len();
        let mut first_error = None;
        for m in found {
            if stats > 1 {
                address(ctx, &m, true);
            }
            let op = Op { flags: NlFlags(0), change: Change::DelAddress(m) };
            if let Err(refusal) = ctx.kernel.apply(ctx.ns, op) {
                first_error.get_or_insert(refusal.errno);
            }
        }
        round += 1;
        // The kernel may have deleted several addresses with one request.
        if let Some(errno) = first_error.filter(|&e| e != Errno::EADDRNOTAVAIL) {
            let message = format!("Failed to send flush request: {errno}");
            return Err(Failure { errno: Some(errno), ..Failure::returned(255, message) });
        }
        if stats > 0 {
            ctx.p.out.raw_fmt(format_args!("\n*** Round {round}, deleting {count} addresses ***\n"));
        }
        // Another round would find secondaries that have become primary.
        if filter.mask.has(IfaFlags::SECONDARY) && !filter.flags.has(IfaFlags::SECONDARY) {
            if stats > 0 {
                done(ctx, round);
            }
            return Ok(());
        }
    }
    Err(Failure::returned(255, format!("*** Flush remains incomplete after {most} rounds. ***")))
}

fn done(ctx: &mut Ctx<'_>, rounds: i32) {
    match rounds {
        0 => ctx.p.out.raw("Nothing to flush.\n"),
        1 => ctx.p.out.raw("*** Flush is complete after 1 round ***\n"),
        n => ctx.p.out.raw_fmt(format_args!("*** Flush is complete after {n} rounds ***\n")),
    }
}

/// The addresses that the filter wants.
fn find(ctx: &mut Ctx<'_>, filter: &Filter<'_>) -> Done<Vec<fingerpost_model::AddrMsg>> {
    let mut all = Vec::new();
    let listed = ctx.kernel.addresses(ctx.ns, filter.family.ip(), &mut |m| {
        if filter.wants_device_of(m) {
            all.push(m.clone());
        }
    });
    if let Err(refusal) = listed {
        return Err(Failure { ends: true, ..Failure::dump(&refusal, 1, "Flush terminated") });
    }
    let mut found = Vec::with_capacity(all.len());
    for m in all {
        if filter.wants_address(ctx, &m) {
            found.push(m);
        }
    }
    Ok(found)
}
