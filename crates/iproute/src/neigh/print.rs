//! How one neighbour is printed (`print_neigh`).

use fingerpost_model::{NeighFlags, NeighMsg};

use crate::Ctx;
use crate::link::{lladdr, name_of};
use crate::output::Text;

/// Ticks in a second, in which the kernel counts.
const HZ: u32 = 100;

/// States in the order in which they are printed.
const STATES: [&str; 8] =
    ["INCOMPLETE", "REACHABLE", "STALE", "DELAY", "PROBE", "FAILED", "NOARP", "PERMANENT"];

/// Flags in the order in which they are printed.
const FLAGS: [(NeighFlags, &str); 5] = [
    (NeighFlags::ROUTER, "router"),
    (NeighFlags::PROXY, "proxy"),
    (NeighFlags::MANAGED, "managed"),
    (NeighFlags::EXT_LEARNED, "extern_learn"),
    (NeighFlags::OFFLOADED, "offload"),
];

/// Prints a neighbour. `with_device`: its device is printed, too.
pub(crate) fn neighbour(ctx: &mut Ctx<'_>, m: &NeighMsg, with_device: bool) {
    let device = (with_device && m.index != 0).then(|| name_of(ctx, m.index));
    // Nobody is asked for the type: an unknown device has plain bytes.
    let arp_type = ctx.p.links.get(m.index).map_or(u16::MAX, |known| known.arp_type);
    // Devices without addresses send an empty one, after which iproute2 reads
    // the length of the attribute that follows.
    let lladdr = m.lladdr.as_ref().map(|a| match a.0.as_slice() {
        [] => "08".to_string(),
        _ => lladdr::show(a, arp_type),
    });
    ctx.p.out.open_object(None);
    if ctx.p.opt.brief {
        brief(ctx, m, device, lladdr);
    } else {
        full(ctx, m, device, lladdr);
    }
    ctx.p.out.close_object();
}

fn brief(ctx: &mut Ctx<'_>, m: &NeighMsg, device: Option<String>, lladdr: Option<String>) {
    let out = &mut ctx.p.out;
    if out.is_json() {
        if let Some(dst) = m.dst {
            out.shown("dst", "", Text(dst), "");
        }
        if let Some(device) = device {
            out.json_str("dev", &device);
        }
    } else {
        if let Some(dst) = m.dst {
            out.fp_fmt(format_args!("{:<39} ", Text(dst).to_string()));
        }
        if let Some(device) = device {
            out.fp_fmt(format_args!("{device:<16} "));
        }
    }
    if let Some(lladdr) = lladdr {
        out.string("lladdr", "", &lladdr, "");
    }
    out.fp("\n");
}

fn full(ctx: &mut Ctx<'_>, m: &NeighMsg, device: Option<String>, lladdr: Option<String>) {
    let protocol = m.protocol.filter(|&p| p != 0).map(|p| ctx.p.names.proto(p));
    let stats = ctx.p.opt.stats > 0;
    let out = &mut ctx.p.out;
    if let Some(dst) = m.dst {
        out.shown("dst", "", Text(dst), " ");
    }
    if let Some(device) = device {
        out.string("dev", "dev ", &device, " ");
    }
    if let Some(lladdr) = lladdr {
        out.string("lladdr", "lladdr ", &lladdr, " ");
    }
    for (flag, name) in FLAGS {
        if m.flags.any(flag) {
            out.null(name, &format!("{name} "));
        }
    }
    if stats {
        if let Some([confirmed, used, updated, references]) = m.cacheinfo {
            if references != 0 {
                out.num("refcnt", " ref ", references, "");
            }
            out.num("used", " used ", used / HZ, "");
            out.num("confirmed", "/", confirmed / HZ, "");
            out.num("updated", "/", updated / HZ, "");
        }
        if let Some(probes) = m.probes {
            out.num("probes", "probes ", probes, " ");
        }
    }
    if m.state.0 != 0 {
        out.open_array(Some("state"));
        for (bit, name) in STATES.iter().enumerate() {
            if m.state.0 & (1 << bit) != 0 {
                out.item("", name, " ");
            }
        }
        out.close_array();
    }
    if let Some(protocol) = protocol {
        out.string("protocol", "proto ", &protocol, " ");
    }
    out.fp("\n");
}
