//! How one address is printed (`print_addrinfo`).

use fingerpost_model::{AddrMsg, IfaFlags};
use fingerpost_net::Family;

use super::flags;
use crate::Ctx;
use crate::link::name_of;
use crate::output::Text;

/// A lifetime without end.
const FOREVER: u32 = u32::MAX;

/// `IFA_ANYCAST`, which the model does not decode.
const ANYCAST: u16 = 5;

/// Prints an address. `with_device`: its device stands before it.
pub(crate) fn address(ctx: &mut Ctx<'_>, m: &AddrMsg, with_device: bool) {
    let brief = ctx.p.opt.brief;
    if !brief {
        if with_device {
            let name = name_of(ctx, m.index);
            let out = &mut ctx.p.out;
            if out.is_json() {
                out.json_num("index", m.index as i32);
                out.json_str("dev", &name);
            } else {
                out.fp_fmt(format_args!("{}: {name}", m.index));
            }
        }
        let family = if m.family == Family::V4 { "inet" } else { "inet6" };
        ctx.p.out.string("family", "    ", family, " ");
    }
    let local = m.local.or(m.address);
    let out = &mut ctx.p.out;
    if let Some(local) = local {
        out.shown("local", "", Text(local), "");
        if let Some(peer) = m.address.filter(|&peer| peer != local) {
            out.shown("address", " peer ", Text(peer), "");
        }
        out.num("prefixlen", "/", m.prefix_len, " ");
        if let Some(metric) = m.metric {
            out.num("metric", "metric ", metric, " ");
        }
    }
    if brief {
        return;
    }
    if let Some(broadcast) = m.broadcast {
        out.shown("broadcast", "brd ", broadcast, " ");
    }
    if let Some(any) = m.other.iter().find(|a| a.kind == ANYCAST) {
        match (<[u8; 4]>::try_from(&any.data[..]), <[u8; 16]>::try_from(&any.data[..])) {
            (Ok(v4), _) => out.shown("anycast", "any ", Text(v4.into()), " "),
            (_, Ok(v6)) => out.shown("anycast", "any ", Text(v6.into()), " "),
            _ => {}
        }
    }
    let scope = ctx.p.names.scope(m.scope.0);
    out.string("scope", "scope ", &scope, " ");
    flags::print(out, m);
    if let Some(label) = &m.label {
        out.string("label", "", label, "");
    }
    if let (Some(valid), Some(preferred)) = (m.valid, m.preferred) {
        let sl = out.sl();
        out.fp(sl);
        lifetime(ctx, "valid_life_time", "       valid_lft ", valid, false);
        let deprecated = m.flags.has(IfaFlags::DEPRECATED);
        lifetime(ctx, "preferred_life_time", " preferred_lft ", preferred, deprecated);
    }
    ctx.p.out.fp("\n");
}

/// A lifetime; that of a deprecated address is printed with a sign.
fn lifetime(ctx: &mut Ctx<'_>, key: &str, before: &str, seconds: u32, signed: bool) {
    let out = &mut ctx.p.out;
    if seconds == FOREVER && !out.is_json() {
        out.fp_fmt(format_args!("{before}forever"));
    } else if signed && seconds != FOREVER {
        out.num(key, before, seconds as i32, "sec");
    } else {
        out.num(key, before, seconds, "sec");
    }
}
