//! `ip route get`: one lookup.

use fingerpost_model::{RouteFlags, RouteMsg};
use fingerpost_net::{Family, IpPrefix};

use super::filter::Filter;
use super::{print, words};
use crate::Ctx;
use crate::error::{Done, Failure};
use crate::lex::{Af, Args};

/// Runs `ip route get [fibmatch] ADDRESS …`.
pub(super) fn run(ctx: &mut Ctx<'_>, args: Args<'_>) -> Done {
    let (family, ns) = (ctx.p.opt.family, ctx.ns);
    let Ctx { kernel, p, .. } = ctx;
    let host = words::Host {
        names: &p.names,
        is_vrf: &mut |name| crate::vrf::is_vrf_device(*kernel, ns, name),
        odd_length: &mut |given, full| {
            p.out.err_line(format_args!(
                "Warning: /{given} as prefix is invalid, only /{full} (or none) is supported."
            ));
        },
        ours: false,
    };
    let question = words::read(args, family, host).map_err(|wrong| wrong.failure)?;
    if !question.found {
        return Err(Failure::returned(1, "need at least a destination address"));
    }
    let mut request = RouteMsg::new(Family::V4);
    (request.dst, request.src, request.tos) = (question.to, question.from, question.tos);
    (request.uid, request.ip_proto) = (question.uid, question.ip_proto);
    (request.sport, request.dport) = (question.sport, question.dport);
    request.other.extend(question.new_destination);
    if let Some(name) = question.iif {
        request.iif = Some(ctx.index_of(name)?);
    }
    if let Some(name) = question.oif {
        request.oif = Some(ctx.index_of(name)?);
    }
    request.mark = question.mark.filter(|&mark| mark != 0);
    request.family = match question.family {
        Af::Unspec | Af::Inet => Family::V4,
        Af::Inet6 => Family::V6,
        other => {
            let what = format!("family {} in \"ip route get\"", other.name());
            return Err(Failure::unsupported(&what));
        }
    };
    if question.notify {
        request.flags = request.flags | RouteFlags::NOTIFY;
    }
    if request.family == Family::V4 {
        request.flags = request.flags | RouteFlags::LOOKUP_TABLE;
        if !ctx.p.opt.strict {
            // A kernel that is not asked to be strict does not look at the source's length.
            request.src = request.src.map(|src| IpPrefix::host(src.addr));
        }
    }
    if question.fibmatch {
        request.flags = request.flags | RouteFlags::FIB_MATCH;
    }
    ask(ctx, &request, question.connected && !question.from_given)
}

/// Asks and prints; `connected` prints the answer, then asks and prints again.
fn ask(ctx: &mut Ctx<'_>, request: &RouteMsg, connected: bool) -> Done {
    let filter = Filter::any();
    let mut answer = talk(ctx, request)?;
    super::show::prepare(ctx);
    ctx.p.open_document();
    if connected {
        print_answer(ctx, &answer, &filter);
        if answer.prefsrc.is_none() && answer.src.is_none() {
            return Err(Failure::returned(1, "Failed to connect the route"));
        }
        ctx.p.out.close_document();
        answer = talk(ctx, request)?;
        // iproute2 opens no second document: what follows is text.
        print_answer(ctx, &answer, &filter);
        return Ok(());
    }
    print_answer(ctx, &answer, &filter);
    ctx.p.out.close_document();
    Ok(())
}

fn talk(ctx: &mut Ctx<'_>, request: &RouteMsg) -> Done<RouteMsg> {
    ctx.kernel.get_route(ctx.ns, request).map_err(|refusal| Failure::refused(&refusal))
}

fn print_answer(ctx: &mut Ctx<'_>, answer: &RouteMsg, filter: &Filter) {
    if filter.takes(answer, ctx.p.opt.family, &mut ctx.p.tables6) {
        print::route(&mut ctx.p, answer, filter);
    }
}
