//! `ip vrf`: VRF devices and their tables.

use fingerpost_model::{Kernel, LinkMsg, NsId};
use fingerpost_net::Errno;

use crate::Ctx;
use crate::error::{Done, Failure};
use crate::lex::{Args, get_u32, matches};

/// Runs the command.
pub(crate) fn run(ctx: &mut Ctx<'_>, mut args: Args<'_>) -> Done {
    let Some(verb) = args.take() else { return show(ctx, args) };
    let is = |full: &str| matches(verb, full);
    if is("identify") {
        match args.rest() {
            [] => {}
            [_, extra, ..] => return Err(Failure::invalid("Extra arguments specified\n", extra)),
            [pid] if get_u32(pid, 10).is_none() => return Err(Failure::invalid("Invalid pid\n", pid)),
            [_] => {}
        }
        Err(Failure::unsupported("\"ip vrf identify\""))
    } else if is("pids") {
        match args.rest() {
            [name] if is_vrf(ctx, name) => Err(Failure::unsupported("\"ip vrf pids\"")),
            [_] => Err(Failure::returned(1, "Invalid VRF name")),
            _ => Err(Failure::returned(1, "Invalid arguments")),
        }
    } else if is("exec") {
        match args.rest() {
            [] => Err(Failure::returned(1, "No VRF name specified")),
            [_] => Err(Failure::returned(1, "No command specified")),
            [name, ..] if *name == "default" || is_vrf(ctx, name) => {
                Err(Failure::unsupported("\"ip vrf exec\""))
            }
            _ => Err(Failure::returned(255, "Invalid VRF name")),
        }
    } else if is("show") || is("lst") || is("list") {
        show(ctx, args)
    } else if is("help") {
        Err(usage())
    } else {
        Err(Failure::exit(255, format!("Command \"{verb}\" is unknown, try \"ip vrf help\".")))
    }
}

fn usage() -> Failure {
    Failure::usage("ip vrf show [ NAME ]")
}

fn show(ctx: &mut Ctx<'_>, args: Args<'_>) -> Done {
    match args.rest() {
        [] => {}
        [name] => {
            let table = table_of(ctx, name).ok_or_else(|| Failure::returned(255, "Invalid VRF"))?;
            ctx.p.out.raw_fmt(format_args!("{name} {table}\n"));
            return Ok(());
        }
        _ => return Err(usage()),
    }
    let mut vrfs = Vec::new();
    let listed = ctx.kernel.links(ctx.ns, &mut |link| {
        if let (Some(name), Some(table)) = (&link.name, table(link)) {
            vrfs.push((name.clone(), table));
        }
    });
    if let Err(refusal) = listed {
        return Err(Failure::dump(&refusal, 255, "Dump terminated"));
    }
    ctx.p.open_document();
    let out = &mut ctx.p.out;
    out.fp("Name              Table\n-----------------------\n");
    for (name, table) in &vrfs {
        out.open_object(None);
        if out.is_json() {
            out.json_str("name", name);
            out.json_num("table", table);
        } else {
            out.fp_fmt(format_args!("{name:<16} {table:>5}\n"));
        }
        out.close_object();
    }
    if vrfs.is_empty() {
        out.fp("No VRF has been configured\n");
    }
    out.close_document();
    Ok(())
}

/// A VRF device's table; `None` for other devices.
fn table(link: &LinkMsg) -> Option<u32> {
    let info = link.info.as_ref().filter(|i| i.kind == "vrf")?;
    info.vrf_table.filter(|&table| table != 0)
}

/// The table of the VRF device with this name; `None` if it is no VRF
/// (`ipvrf_get_table`). `default` is the main table unless a device has that name.
pub(crate) fn table_of(ctx: &mut Ctx<'_>, name: &str) -> Option<u32> {
    match ctx.kernel.get_link(ctx.ns, 0, Some(name)) {
        Ok(link) => table(&link),
        Err(refusal) if refusal.errno == Errno::ENODEV && name == "default" => {
            ctx.p.names.parse_table("main")
        }
        Err(_) => None,
    }
}

/// Whether the device with this name is a VRF (`name_is_vrf`).
pub(crate) fn is_vrf(ctx: &mut Ctx<'_>, name: &str) -> bool {
    is_vrf_device(ctx.kernel, ctx.ns, name)
}

/// The same, without a run of `ip`.
pub(crate) fn is_vrf_device(kernel: &mut dyn Kernel, ns: NsId, name: &str) -> bool {
    let link = kernel.get_link(ns, 0, Some(name));
    link.is_ok_and(|link| link.info.is_some_and(|info| info.kind == "vrf"))
}
