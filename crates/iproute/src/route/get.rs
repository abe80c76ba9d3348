//! `ip route get`: one lookup.

use fingerpost_model::{RouteFlags, RouteMsg};
use fingerpost_net::{Family, IpPrefix};

use super::filter::Filter;
use super::modify::{after_to, new_destination};
use super::{print, usage};
use crate::Ctx;
use crate::error::{Done, Failure};
use crate::lex::{Af, Args, get_addr, get_prefix, get_u16, get_u32, matches};

/// Runs `ip route get [fibmatch] ADDRESS …`.
pub(super) fn run(ctx: &mut Ctx<'_>, mut args: Args<'_>) -> Done {
    let mut family = ctx.p.opt.family;
    let mut request = RouteMsg::new(Family::V4);
    let (mut iif, mut oif, mut mark) = (None, None, 0);
    let (mut connected, mut fibmatch, mut from_given, mut found) = (false, false, false, false);
    while let Some(word) = args.take() {
        let is = |full: &str| matches(word, full);
        if word == "tos" || is("dsfield") {
            let text = args.value()?;
            let tos = ctx.p.names.parse_dsfield(text);
            request.tos = tos.ok_or_else(|| Failure::invalid("TOS value is invalid\n", text))?;
        } else if is("from") {
            let text = args.value()?;
            if matches(text, "help") {
                return Err(usage());
            }
            from_given = true;
            let addr = get_prefix(text, family)?;
            adopt(&mut family, addr.family);
            request.src = addr.prefix();
        } else if is("iif") {
            iif = Some(args.value()?);
        } else if is("mark") {
            let text = args.value()?;
            mark = get_u32(text, 0).ok_or_else(|| Failure::invalid("invalid mark value", text))?;
        } else if is("oif") || word == "dev" {
            oif = Some(args.value()?);
        } else if is("notify") {
            request.flags = request.flags | RouteFlags::NOTIFY;
        } else if is("connected") {
            connected = true;
        } else if is("vrf") {
            let name = args.value()?;
            if !crate::vrf::is_vrf(ctx, name) {
                return Err(Failure::invalid("Invalid VRF\n", name));
            }
            oif = Some(name);
        } else if is("uid") {
            let text = args.value()?;
            let uid = get_u32(text, 0).ok_or_else(|| Failure::invalid("invalid UID\n", text))?;
            request.uid = Some(uid);
        } else if is("fibmatch") {
            fibmatch = true;
        } else if word == "as" {
            let addr = get_addr(after_to(&mut args)?, family)?;
            adopt(&mut family, addr.family);
            request.other.push(new_destination(addr));
        } else if is("sport") {
            request.sport = Some(port(args.value()?, "invalid sport\n")?);
        } else if is("dport") {
            request.dport = Some(port(args.value()?, "invalid dport\n")?);
        } else if is("ipproto") {
            let text = args.value()?;
            let proto = ctx.p.names.parse_ip_proto(text);
            request.ip_proto =
                Some(proto.ok_or_else(|| Failure::invalid("Invalid \"ipproto\" value\n", text))?);
        } else {
            let word = if word == "to" { args.value()? } else { word };
            if matches(word, "help") {
                return Err(usage());
            }
            let addr = get_prefix(word, family)?;
            adopt(&mut family, addr.family);
            let full = family.bits() as i32;
            let bad = matches!(family, Af::Inet | Af::Inet6) && addr.bits != full;
            if bad {
                let given = addr.bits as u32;
                ctx.p.out.err_line(format_args!(
                    "Warning: /{given} as prefix is invalid, only /{full} (or none) is supported."
                ));
            }
            let len = if bad { full } else { addr.bits };
            request.dst = addr.ip.map(|addr| IpPrefix { addr, len: len as u8 });
            found = true;
        }
    }
    if !found {
        return Err(Failure::returned(1, "need at least a destination address"));
    }
    if let Some(name) = iif {
        request.iif = Some(ctx.index_of(name)?);
    }
    if let Some(name) = oif {
        request.oif = Some(ctx.index_of(name)?);
    }
    request.mark = (mark != 0).then_some(mark);
    request.family = match family {
        Af::Unspec | Af::Inet => Family::V4,
        Af::Inet6 => Family::V6,
        other => {
            let what = format!("family {} in \"ip route get\"", other.name());
            return Err(Failure::unsupported(&what));
        }
    };
    if request.family == Family::V4 {
        request.flags = request.flags | RouteFlags::LOOKUP_TABLE;
        if !ctx.p.opt.strict {
            // A kernel that is not asked to be strict does not look at the source's length.
            request.src = request.src.map(|src| IpPrefix::host(src.addr));
        }
    }
    if fibmatch {
        request.flags = request.flags | RouteFlags::FIB_MATCH;
    }
    ask(ctx, &request, connected && !from_given)
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

fn adopt(family: &mut Af, found: Af) {
    if *family == Af::Unspec {
        *family = found;
    }
}

fn port(text: &str, why: &str) -> Done<u16> {
    get_u16(text, 0).ok_or_else(|| Failure::invalid(why, text))
}
