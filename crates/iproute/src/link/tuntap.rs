//! `ip tuntap`: persistent tun and tap devices.

use fingerpost_model::{Change, NlFlags, Op, TunMode};

use crate::Ctx;
use crate::error::{Done, Failure};
use crate::lex::{Args, is_ifname, matches};

/// Runs the command.
pub(crate) fn run(ctx: &mut Ctx<'_>, mut args: Args<'_>) -> Done {
    let Some(verb) = args.take() else { return show(ctx) };
    let is = |full: &str| matches(verb, full);
    if is("add") {
        let Device { name, mode, multi_queue } = parse(args, true)?;
        change(ctx, Change::NewTun { name, mode, multi_queue })
    } else if is("delete") {
        let Device { name, mode, .. } = parse(args, false)?;
        change(ctx, Change::DelTun { name, mode })
    } else if is("show") || is("lst") || is("list") {
        show(ctx)
    } else if is("help") {
        Err(usage())
    } else {
        Err(Failure::exit(255, format!("Command \"{verb}\" is unknown, try \"ip tuntap help\".")))
    }
}

fn usage() -> Failure {
    Failure::usage("ip tuntap { add | del | show } [ dev ] NAME mode { tun | tap } [ multi_queue ]")
}

/// The device that the words describe.
struct Device {
    name: String,
    mode: TunMode,
    multi_queue: bool,
}

fn parse(mut args: Args<'_>, add: bool) -> Done<Device> {
    let mut name = "";
    let mut mode = None;
    let mut multi_queue = false;
    while let Some(word) = args.take() {
        let is = |full: &str| matches(word, full);
        if is("mode") {
            let text = args.value()?;
            let asked = if matches(text, "tun") {
                TunMode::Tun
            } else if matches(text, "tap") {
                TunMode::Tap
            } else {
                return Err(Failure::exit(255, format!("Unknown tunnel mode \"{text}\"")));
            };
            if mode.is_some_and(|m| m != asked) {
                let message = "You managed to ask for more than one tunnel mode.";
                return Err(Failure::exit(255, message));
            }
            mode = Some(asked);
        } else if (add && (is("user") || is("group"))) || is("pi") || is("one_queue") || is("vnet_hdr") {
            return Err(Failure::unsupported(&format!("\"ip tuntap add ... {word}\"")));
        } else if is("multi_queue") {
            multi_queue = true;
        } else if is("dev") {
            name = args.value()?;
            if !is_ifname(name) {
                return Err(Failure::invalid("\"dev\" not a valid ifname", name));
            }
        } else {
            let text = if is("name") { args.value()? } else { word };
            if !is("name") && is("help") {
                return Err(usage());
            }
            if !name.is_empty() {
                return Err(Failure::garbage("name", text));
            }
            name = text;
            if !is_ifname(name) {
                return Err(Failure::invalid("\"name\" not a valid ifname", name));
            }
        }
    }
    let Some(mode) = mode else {
        return Err(Failure::returned(1, "You failed to specify a tunnel mode"));
    };
    // The kernel chooses these names when there is none.
    let name = match (name, mode) {
        ("", TunMode::Tun) => "tun%d",
        ("", TunMode::Tap) => "tap%d",
        (name, _) => name,
    };
    Ok(Device { name: name.to_string(), mode, multi_queue })
}

fn change(ctx: &mut Ctx<'_>, change: Change) -> Done {
    ctx.kernel.apply(ctx.ns, Op { flags: NlFlags(0), change }).map_err(|refusal| Failure {
        errno: Some(refusal.errno),
        ..Failure::returned(1, format!("ioctl(TUNSETIFF): {}", refusal.errno))
    })
}

/// Lists devices with their flags (`print_tuntap`).
fn show(ctx: &mut Ctx<'_>) -> Done {
    const ARPHRD_ETHER: u16 = 1;
    const ARPHRD_NONE: u16 = 0xfffe;
    if ctx.p.opt.details > 0 {
        return Err(Failure::unsupported("\"ip -d tuntap\""));
    }
    ctx.p.open_document();
    let out = &mut ctx.p.out;
    let listed = ctx.kernel.links(ctx.ns, &mut |link| {
        let (Some(info), Some(name)) = (&link.info, &link.name) else { return };
        if info.kind != "tun" || !matches!(link.arp_type, ARPHRD_ETHER | ARPHRD_NONE) {
            return;
        }
        out.open_object(None);
        out.string("ifname", "", name, ":");
        out.open_array(Some("flags"));
        let pi = info.tun_pi == Some(true);
        // The bit for packet information is also the one for "no filter".
        let flags = [
            (info.tun_type == Some(1), "tun"),
            (info.tun_type == Some(2), "tap"),
            (pi, "pi"),
            (info.tun_multi_queue == Some(true), "multi_queue"),
            (info.tun_vnet_hdr == Some(true), "vnet_hdr"),
            (info.tun_persist == Some(true), "persist"),
            (pi, "filter"),
        ];
        for (_, flag) in flags.into_iter().filter(|(on, _)| *on) {
            out.item(" ", flag, "");
        }
        out.close_array();
        if let Some(user) = info.tun_owner {
            out.num("user", " user ", user, "");
        }
        if let Some(group) = info.tun_group {
            out.num("group", " group ", group, "");
        }
        out.close_object();
        out.fp("\n");
    });
    if let Err(refusal) = listed {
        return Err(Failure::dump(&refusal, 1, "Dump terminated"));
    }
    ctx.p.out.close_document();
    Ok(())
}
