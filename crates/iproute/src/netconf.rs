//! `ip netconf`: settings of devices, as the kernel tells them over netlink.

use fingerpost_model::NetconfMsg;
use fingerpost_net::Family;

use crate::error::{Done, Failure};
use crate::lex::{Af, Args, matches};
use crate::{Ctx, Printer};

/// The numbers that stand for `all` and `default`.
const ALL: i32 = -1;
const DEFAULT: i32 = -2;

/// Runs the command.
pub(crate) fn run(ctx: &mut Ctx<'_>, mut args: Args<'_>) -> Done {
    let Some(verb) = args.take() else { return show(ctx, args) };
    if ["show", "lst", "list"].iter().any(|full| matches(verb, full)) {
        show(ctx, args)
    } else if matches(verb, "help") {
        Err(Failure::usage("ip netconf show [ dev DEV ]"))
    } else {
        Err(Failure::exit(255, format!("Command \"{verb}\" is unknown, try \"ip netconf help\".")))
    }
}

fn show(ctx: &mut Ctx<'_>, mut args: Args<'_>) -> Done {
    let mut only = None;
    while let Some(word) = args.take() {
        if word == "dev" {
            let name = args.value()?;
            let index = ctx.p.links.index(ctx.kernel, ctx.ns, name);
            let missing = || Failure::returned(1, format!("Device \"{name}\" does not exist."));
            only = Some(index.ok_or_else(missing)? as i32);
        }
    }
    ctx.p.links.load_all(ctx.kernel, ctx.ns);
    let family = ctx.p.opt.family;
    if !matches!(family, Af::Unspec | Af::Inet | Af::Inet6) {
        return Err(Failure::unsupported("\"ip netconf\" with option \"-0\", \"-M\" or \"-B\""));
    }
    // One device of one family is asked for by itself: iproute2 then opens no
    // document, and prints nothing where the kernel has nothing.
    let single = only.is_some() && family != Af::Unspec;
    if !single {
        ctx.p.open_document();
    }
    let Ctx { kernel, p, ns, .. } = ctx;
    let dumped = kernel.netconf(*ns, family.ip(), &mut |m| {
        if only.is_none_or(|index| index == m.index) {
            print(p, m);
        }
    });
    if single {
        return Ok(());
    }
    if let Err(refusal) = dumped {
        let message = format!("RTNETLINK answers: {}\nDump terminated", refusal.errno);
        return Err(Failure { errno: Some(refusal.errno), ..Failure::exit(1, message) });
    }
    ctx.p.out.close_document();
    Ok(())
}

fn print(p: &mut Printer<'_>, m: &NetconfMsg) {
    const RP_FILTER: [&str; 3] = ["off", "strict", "loose"];
    let name = match m.index {
        ALL => "all".to_string(),
        DEFAULT => "default".to_string(),
        index => p.links.name(index as u32),
    };
    p.out.open_object(None);
    p.out.string("family", "", if m.family == Family::V4 { "inet" } else { "inet6" }, " ");
    p.out.string("interface", "", &name, " ");
    on_off(p, "forwarding", m.forwarding);
    if let Some(mode) = m.rp_filter {
        match usize::try_from(mode).ok().and_then(|mode| RP_FILTER.get(mode)) {
            Some(word) => p.out.string("rp_filter", "rp_filter ", word, " "),
            None => p.out.num("rp_filter", "rp_filter ", mode as u32, " "),
        }
    }
    on_off(p, "mc_forwarding", m.mc_forwarding);
    on_off(p, "proxy_neigh", m.proxy_neigh);
    on_off(p, "ignore_routes_with_linkdown", m.ignore_routes_with_linkdown);
    p.out.close_object();
    p.out.fp("\n");
}

fn on_off(p: &mut Printer<'_>, key: &str, value: Option<i32>) {
    let Some(value) = value else { return };
    if p.out.is_json() {
        p.out.json_bool(key, value != 0);
    } else {
        p.out.fp_fmt(format_args!("{key} {} ", if value != 0 { "on" } else { "off" }));
    }
}
