//! What kind of device it is, with the kind's settings (`print_linktype`).
//!
//! Bridges and their ports have files of their own.

use fingerpost_model::{LinkInfo, LinkMsg, LlAddr};

use super::wire::{find, nested, u8_of, u16_of, u32_of};
use super::{bridge, bridge_port, lladdr};
use crate::Ctx;

/// Kinds with settings that iproute2 prints and this crate does not.
const NOT_SHOWN: [&str; 27] = [
    "amt",
    "bareudp",
    "batadv",
    "bond",
    "can",
    "dsa",
    "erspan",
    "geneve",
    "gre",
    "gretap",
    "gtp",
    "hsr",
    "ip6erspan",
    "ip6gre",
    "ip6gretap",
    "ip6tnl",
    "ipip",
    "ipoib",
    "macsec",
    "rmnet",
    "sit",
    "vti",
    "vti6",
    "vxcan",
    "vxlan",
    "wwan",
    "xfrm",
];

/// Prints the kind's line and, for a port, the master kind's.
pub(crate) fn print(ctx: &mut Ctx<'_>, m: &LinkMsg, info: &LinkInfo) {
    ctx.p.out.open_object(Some("linkinfo"));
    let sl = ctx.p.out.sl();
    if !info.kind.is_empty() {
        ctx.p.out.fp(sl);
        ctx.p.out.string("info_kind", "    ", &info.kind, " ");
        kind(ctx, info);
    }
    if let Some(slave) = &info.slave_kind {
        ctx.p.out.fp(sl);
        ctx.p.out.string("info_slave_kind", "    ", slave, "_slave ");
        match slave.as_str() {
            "bridge" => {
                ctx.p.out.open_object(Some("info_slave_data"));
                bridge_port::print(ctx, m, &info.slave_data);
                ctx.p.out.close_object();
            }
            "vrf" => {
                ctx.p.out.open_object(Some("info_slave_data"));
                if let Some(table) = find(&info.slave_data, 1).and_then(u32_of) {
                    ctx.p.out.num("table", "table ", table, " ");
                }
                ctx.p.out.close_object();
            }
            "bond" => not_shown(ctx, "bond_slave"),
            _ => {}
        }
    }
    ctx.p.out.close_object();
}

fn not_shown(ctx: &mut Ctx<'_>, kind: &str) {
    ctx.p
        .out
        .err_line(format_args!("fingerpost: the settings of {kind} devices are not supported and not shown"));
}

fn kind(ctx: &mut Ctx<'_>, info: &LinkInfo) {
    let print: fn(&mut Ctx<'_>, &LinkInfo) = match info.kind.as_str() {
        "bridge" => |ctx, info| bridge::print(ctx, &info.data),
        "vrf" => vrf,
        "vlan" => vlan,
        "macvlan" | "macvtap" => macvlan,
        "ipvlan" | "ipvtap" => ipvlan,
        "tun" => tun,
        kind if NOT_SHOWN.contains(&kind) => return not_shown(ctx, kind),
        _ => return,
    };
    ctx.p.out.open_object(Some("info_data"));
    print(ctx, info);
    ctx.p.out.close_object();
}

fn vrf(ctx: &mut Ctx<'_>, info: &LinkInfo) {
    if let Some(table) = info.vrf_table {
        ctx.p.out.num("table", "table ", table, " ");
    }
}

fn vlan(ctx: &mut Ctx<'_>, info: &LinkInfo) {
    const FLAGS: u16 = 2;
    const NAMES: [(u32, &str); 5] =
        [(1, "REORDER_HDR"), (2, "GVRP"), (8, "MVRP"), (4, "LOOSE_BINDING"), (16, "BRIDGE_BINDING")];
    const MAPS: [(u16, &str, &str); 2] =
        [(4, "ingress_qos", "ingress-qos-map"), (3, "egress_qos", "egress-qos-map")];
    let Some(id) = info.vlan_id else { return };
    let numeric = ctx.p.names.numeric();
    let protocol = info.vlan_protocol.map_or("802.1q".into(), |p| lladdr::protocol_name(p, numeric));
    let sl = ctx.p.out.sl();
    let out = &mut ctx.p.out;
    out.string("protocol", "protocol ", &protocol, " ");
    out.num("id", "id ", id, " ");
    if let Some(flags) = find(&info.data, FLAGS) {
        let Some(mut left) = u32_of(flags) else { return };
        out.open_array(Some("flags"));
        out.fp("<");
        for (bit, name) in NAMES {
            if left & bit != 0 {
                left &= !bit;
                out.item("", name, if left != 0 { "," } else { "" });
            }
        }
        if left != 0 {
            out.item("", &format!("{left:x}"), "");
        }
        out.close_array();
        out.fp("> ");
    }
    for (kind, key, label) in MAPS {
        let Some(map) = find(&info.data, kind) else { continue };
        out.open_array(Some(key));
        out.fp_fmt(format_args!("{sl}      {label} {{ "));
        for entry in nested(map) {
            let word = |at: usize| entry.data.get(at..).and_then(u32_of).unwrap_or(0);
            let (from, to) = (word(0), word(4));
            if out.is_json() {
                out.open_object(None);
                out.json_num("from", from);
                out.json_num("to", to);
                out.close_object();
            } else {
                out.fp_fmt(format_args!("{from}:{to} "));
            }
        }
        out.close_array();
        out.fp("} ");
    }
}

fn macvlan(ctx: &mut Ctx<'_>, info: &LinkInfo) {
    const SOURCE: u32 = 16;
    const FLAGS: u16 = 2;
    const MACADDR: u16 = 4;
    const DATA: u16 = 5;
    const COUNT: u16 = 6;
    let Some(mode) = info.mode else { return };
    let name = match mode {
        1 => "private",
        2 => "vepa",
        4 => "bridge",
        8 => "passthru",
        SOURCE => "source",
        _ => "unknown",
    };
    let out = &mut ctx.p.out;
    out.string("mode", "mode ", name, " ");
    let flags = find(&info.data, FLAGS).and_then(u16_of).unwrap_or(0);
    if flags & 1 != 0 {
        out.flag("nopromisc", true, "nopromisc ");
    }
    if flags & 2 != 0 {
        out.flag("nodst", true, "nodst ");
    }
    for (kind, key, before) in [(7, "bcqueuelen", "bcqueuelen "), (8, "usedbcqueuelen", "usedbcqueuelen ")] {
        if let Some(len) = find(&info.data, kind).and_then(u32_of) {
            out.num(key, before, len, " ");
        }
    }
    if mode != SOURCE {
        return;
    }
    let Some(count) = find(&info.data, COUNT).and_then(u32_of) else { return };
    out.num("macaddr_count", "remotes (", count as i32, ") ");
    let Some(list) = find(&info.data, DATA) else { return };
    out.open_array(Some("macaddr_data"));
    for entry in nested(list).into_iter().filter(|e| e.kind == MACADDR && e.data.len() >= 6) {
        out.item("", &LlAddr(entry.data[..6].to_vec()).to_string(), " ");
    }
    out.close_array();
}

fn ipvlan(ctx: &mut Ctx<'_>, info: &LinkInfo) {
    let out = &mut ctx.p.out;
    if let Some(mode) = info.mode {
        let name = ["l2", "l3", "l3s"].get(mode as usize).copied().unwrap_or("unknown");
        out.string("mode", " mode ", name, " ");
    }
    match find(&info.data, 2).and_then(u16_of) {
        Some(flags) if flags & 1 != 0 => out.flag("private", true, "private "),
        Some(flags) if flags & 2 != 0 => out.flag("vepa", true, "vepa "),
        Some(_) => out.flag("bridge", true, "bridge "),
        None => {}
    }
}

fn tun(ctx: &mut Ctx<'_>, info: &LinkInfo) {
    if let Some(kind) = info.tun_type {
        let name = match kind {
            1 => "tun".to_string(),
            2 => "tap".to_string(),
            other => format!("UNKNOWN:{other}"),
        };
        ctx.p.out.string("type", "type ", &name, " ");
    }
    for (key, value) in [("pi", info.tun_pi), ("vnet_hdr", info.tun_vnet_hdr)] {
        if let Some(on) = value {
            on_off(ctx, key, key, on);
        }
    }
    let out = &mut ctx.p.out;
    if info.tun_multi_queue == Some(true) {
        out.flag("multi_queue", true, "multi_queue ");
        for (kind, key) in [(8, "numqueues"), (9, "numdisabled")] {
            if let Some(count) = find(&info.data, kind).and_then(u32_of) {
                out.num(key, &format!("{key} "), count, " ");
            }
        }
    } else {
        out.flag("multi_queue", false, "");
    }
    if let Some(on) = info.tun_persist {
        on_off(ctx, "persist", "persist", on);
    }
    for (key, file, id) in [("user", "/etc/passwd", info.tun_owner), ("group", "/etc/group", info.tun_group)]
    {
        let Some(id) = id else { continue };
        match account(ctx, file, |entry_id, _| entry_id == id) {
            Some((_, name)) => ctx.p.out.string(key, &format!("{key} "), &name, " "),
            None => ctx.p.out.num(key, &format!("{key} "), id, " "),
        }
    }
}

/// The first entry of `/etc/passwd` or `/etc/group` that fits: number and name.
pub(crate) fn account(
    ctx: &mut Ctx<'_>,
    file: &str,
    mut fits: impl FnMut(u32, &str) -> bool,
) -> Option<(u32, String)> {
    use std::io::BufRead as _;
    let reader = (ctx.env.open)(file).ok()?;
    for line in reader.lines() {
        let line = line.ok()?;
        let mut fields = line.split(':');
        let (Some(name), Some(id)) = (fields.next(), fields.nth(1)) else { continue };
        let Ok(id) = id.parse() else { continue };
        if fits(id, name) {
            return Some((id, name.to_string()));
        }
    }
    None
}

/// A switch: `on` and `off` in text, a boolean in JSON (`print_on_off`).
pub(crate) fn on_off(ctx: &mut Ctx<'_>, key: &str, label: &str, on: bool) {
    let out = &mut ctx.p.out;
    if out.is_json() {
        out.json_bool(key, on);
    } else {
        out.fp_fmt(format_args!("{label} {} ", if on { "on" } else { "off" }));
    }
}

/// A time in hundredths of a second as bridges print it (`__jiffies_to_tv`).
pub(crate) fn timer(ctx: &mut Ctx<'_>, key: &str, hundredths: u64) {
    let (secs, rest) = (hundredths / 100, hundredths % 100);
    let out = &mut ctx.p.out;
    if out.is_json() {
        out.json_num(key, format_args!("{secs}.{rest:02}"));
    } else {
        out.fp_fmt(format_args!("{key} {secs:>4}.{rest:02} "));
    }
}

/// A bridge's identity: priority and address without leading zeros.
pub(crate) fn bridge_id(data: &[u8]) -> Option<String> {
    let [p0, p1, a, b, c, d, e, f] = *data.first_chunk::<8>()?;
    Some(format!("{p0:02x}{p1:02x}.{a:x}:{b:x}:{c:x}:{d:x}:{e:x}:{f:x}"))
}

/// The first byte as a number, for tables of attributes.
pub(crate) fn byte(data: &[u8]) -> Option<u32> {
    u8_of(data).map(u32::from)
}
