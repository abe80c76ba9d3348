//! `ip route show`: a dump, filtered and printed.

use fingerpost_model::TableId;
use fingerpost_net::Errno;

use super::filter::Filter;
use super::print;
use crate::Ctx;
use crate::error::{Done, Failure};
use crate::lex::{Af, Args};

/// Runs `ip route show SELECTOR`.
pub(super) fn run(ctx: &mut Ctx<'_>, args: Args<'_>) -> Done {
    let (filter, family) = Filter::parse(ctx, args)?;
    prepare(ctx);
    ctx.p.open_document();
    let asked = ctx.p.opt.family;
    // Families without routes (`-0`, `-B`, `-M`) make the kernel dump all, and none fits.
    let request = filter.for_kernel(family.ip(), ctx.p.opt.strict);
    let Ctx { kernel, p, ns, .. } = ctx;
    let result = kernel.routes(*ns, &request, &mut |route| {
        if filter.takes(route, asked, &mut p.tables6) {
            print::route(p, route, &filter);
        }
    });
    if let Err(refusal) = result {
        // That main does not exist yet is no error.
        if filter.table != TableId::MAIN.0 || refusal.errno != Errno::ENOENT {
            return Err(Failure::dump(&refusal, 2, "Dump terminated"));
        }
    }
    ctx.p.out.close_document();
    Ok(())
}

/// Reads what printing routes needs beside the routes.
pub(super) fn prepare(ctx: &mut Ctx<'_>) {
    ctx.refresh_links();
    if ctx.p.opt.details > 0 && ctx.p.opt.family != Af::Packet {
        crate::nexthop::preload(ctx);
    }
}
