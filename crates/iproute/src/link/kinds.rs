//! Settings of a device's kind: the words after `type KIND`.
//!
//! Kinds that iproute2 knows and that are not read here take no words; kinds
//! that iproute2 does not know go to the kernel by name.

use fingerpost_model::{LinkInfo, LinkMsg, LlAddr};

use super::request::{self, Request};
use super::wire::{attr, encode};
use super::{bridge, bridge_port, lladdr};
use crate::Ctx;
use crate::error::{Done, Failure};
use crate::lex::{Args, get_u16, get_u32, matches};

/// Kinds whose words iproute2 ignores.
const WITHOUT_SETTINGS: [&str; 10] =
    ["dummy", "ifb", "netdevsim", "nlmon", "team", "team_slave", "tun", "vcan", "virt_wifi", "vrf_slave"];

/// Kinds whose words iproute2 reads and this crate does not.
const UNSUPPORTED: [&str; 29] = [
    "amt",
    "bareudp",
    "batadv",
    "bond",
    "bond_slave",
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
    "lowpan",
];

/// Kinds whose words are read here, beside those without.
const SUPPORTED: [&str; 9] =
    ["bridge", "vlan", "macvlan", "macvtap", "ipvlan", "ipvtap", "veth", "vrf", "wireguard"];

/// Whether Linux knows devices of this kind.
pub(crate) fn is_kind(kind: &str) -> bool {
    let known = SUPPORTED.iter().chain(&WITHOUT_SETTINGS).chain(&UNSUPPORTED);
    known.into_iter().any(|known| *known == kind) && !kind.ends_with("_slave")
}

/// Reads the settings of `kind` and puts them into the request.
pub(crate) fn parse(
    ctx: &mut Ctx<'_>,
    kind: &str,
    mut args: Args<'_>,
    create: bool,
    request: &mut Request<'_>,
) -> Done {
    let mut info = LinkInfo { kind: kind.to_string(), ..LinkInfo::default() };
    if let Some(first) = args.peek() {
        match kind {
            "bridge" => bridge::parse(ctx, &mut args, &mut info)?,
            "bridge_slave" => bridge_port::parse(ctx, &mut args, &mut info)?,
            "vlan" => vlan(&mut args, &mut info)?,
            "vrf" => vrf(ctx, &mut args, &mut info)?,
            "macvlan" | "macvtap" => macvlan(ctx, kind, &mut args, &mut info)?,
            "ipvlan" | "ipvtap" => ipvlan(kind, &mut args, &mut info)?,
            "veth" => info.peer = Some(Box::new(veth(ctx, args, create)?)),
            known if WITHOUT_SETTINGS.contains(&known) => {}
            known if UNSUPPORTED.contains(&known) => {
                return Err(Failure::unsupported(&format!("\"type {known} {first}\"")));
            }
            _ if matches(first, "help") => return Err(super::usage()),
            _ => {
                let message = format!("Garbage instead of arguments \"{first} ...\". Try \"ip link help\".");
                return Err(Failure::returned(1, message));
            }
        }
    }
    request.msg.info = Some(info);
    Ok(())
}

/// Help for a kind's words; iproute2 returns with status 1 after it.
pub(crate) fn usage(kind: &str) -> Failure {
    Failure::returned(1, usage_line(kind))
}

/// An unknown word among a kind's settings.
pub(crate) fn unknown(kind: &str, what: &str, word: &str) -> Failure {
    Failure::returned(1, format!("{kind}: unknown {what} \"{word}\"?\n{}", usage_line(kind)))
}

/// Help for a kind that has help of its own (`ip link help KIND`).
pub(crate) fn help(kind: &str) -> Option<String> {
    const OWN: [&str; 10] =
        ["bridge", "bridge_slave", "vlan", "vrf", "macvlan", "macvtap", "ipvlan", "ipvtap", "dummy", "ifb"];
    const OTHERS: [&str; 4] = ["netdevsim", "nlmon", "vcan", "virt_wifi"];
    match kind {
        "veth" => Some(VETH_USAGE.to_string()),
        _ if OTHERS.contains(&kind) || UNSUPPORTED.contains(&kind) => Some(format!("Usage: ... {kind}")),
        _ => OWN.contains(&kind).then(|| usage_line(kind)),
    }
}

const VETH_USAGE: &str = "Usage: ip link ... type veth [ peer ... ]";

fn usage_line(kind: &str) -> String {
    let words = match kind {
        "bridge" => "bridge [ SETTING VALUE ]...",
        "bridge_slave" => "bridge_slave [ SETTING VALUE ]...",
        "vlan" => "vlan id 0-4095 [ protocol 802.1Q | 802.1ad ] [ SWITCH on | off ]... [ QOS-MAP ]",
        "vrf" => "vrf table TABLE",
        "ipvlan" | "ipvtap" => {
            return format!("Usage: ... {kind} [ mode l3 | l3s | l2 ] [ bridge | private | vepa ]");
        }
        "macvlan" | "macvtap" => return format!("Usage: ... {kind} mode MODE [ SETTING ]..."),
        other => return format!("Usage: ... {other}"),
    };
    format!("Usage: ... {words}")
}

/// The other end of a pair (`veth_parse_opt`).
fn veth(ctx: &mut Ctx<'_>, mut args: Args<'_>, create: bool) -> Done<LinkMsg> {
    if args.take() != Some("peer") {
        ctx.p.out.raw_fmt(format_args!("{VETH_USAGE}\n"));
        return Err(Failure::returned(1, ""));
    }
    // What returns early among the peer's words does so with status 1.
    let parsed = request::parse(ctx, &mut args, create);
    let mut peer = parsed.map_err(|f| if f.ends { f } else { Failure { status: 1, ..f } })?;
    match peer.kind.take() {
        Some(kind) => Err(Failure::duplicate("type", kind)),
        None => Ok(peer.msg),
    }
}

/// A VRF's table (`vrf_parse_opt`).
fn vrf(ctx: &mut Ctx<'_>, args: &mut Args<'_>, info: &mut LinkInfo) -> Done {
    while let Some(word) = args.take() {
        if matches(word, "table") {
            let text = args.value()?;
            let table = ctx.p.names.parse_table(text);
            info.vrf_table = Some(table.ok_or_else(|| Failure::invalid("invalid table ID\n", text))?);
        } else if matches(word, "help") {
            return Err(usage("vrf"));
        } else {
            return Err(unknown("vrf", "option", word));
        }
    }
    Ok(())
}

/// A VLAN's settings (`vlan_parse_opt`).
fn vlan(args: &mut Args<'_>, info: &mut LinkInfo) -> Done {
    const SWITCHES: [(&str, u32); 5] =
        [("reorder_hdr", 1), ("gvrp", 2), ("mvrp", 8), ("loose_binding", 4), ("bridge_binding", 16)];
    const MAPS: [(&str, u16); 2] = [("ingress-qos-map", 4), ("egress-qos-map", 3)];
    let (mut flags, mut mask) = (0u32, 0u32);
    while let Some(word) = args.take() {
        if matches(word, "protocol") {
            let text = args.value()?;
            let protocol = lladdr::protocol(text);
            info.vlan_protocol = Some(protocol.ok_or_else(|| Failure::invalid("protocol is invalid", text))?);
        } else if matches(word, "id") {
            let text = args.value()?;
            info.vlan_id = Some(get_u16(text, 0).ok_or_else(|| Failure::invalid("id is invalid", text))?);
        } else if let Some(&(full, bit)) = SWITCHES.iter().find(|(full, _)| matches(word, full)) {
            mask |= bit;
            match args.value()? {
                "on" => flags |= bit,
                "off" => flags &= !bit,
                other => return Err(on_off(full, other)),
            }
        } else if let Some((full, kind)) = MAPS.iter().find(|(full, _)| matches(word, full)) {
            // The first word must follow; as many as have a colon are taken.
            let mut data = Vec::new();
            let mut next = args.peek().ok_or_else(Failure::incomplete)?;
            while let Some((from, to)) = next.split_once(':') {
                let bad = || Failure::invalid(&format!("invalid {full}"), from);
                let from = get_u32(from, 0).ok_or_else(bad)?;
                let to = get_u32(to, 0).ok_or_else(bad)?;
                data.extend(encode(1, &[from.to_ne_bytes(), to.to_ne_bytes()].concat()));
                args.take();
                next = args.peek().unwrap_or_default();
            }
            info.data.push(attr(*kind, data));
        } else if matches(word, "help") {
            return Err(usage("vlan"));
        } else {
            return Err(unknown("vlan", "command", word));
        }
    }
    if mask != 0 {
        info.data.push(attr(2, [flags.to_ne_bytes(), mask.to_ne_bytes()].concat()));
    }
    Ok(())
}

/// A switch that is neither on nor off.
pub(crate) fn on_off(key: &str, value: &str) -> Failure {
    let message = format!("Error: argument of \"{key}\" must be \"on\" or \"off\", not \"{value}\"");
    Failure::returned(1, message)
}

/// A macvlan's settings (`macvlan_parse_opt`).
fn macvlan(ctx: &mut Ctx<'_>, kind: &str, args: &mut Args<'_>, info: &mut LinkInfo) -> Done {
    const MODES: [(&str, u32); 5] =
        [("private", 1), ("vepa", 2), ("bridge", 4), ("passthru", 8), ("source", 16)];
    const NOPROMISC: u16 = 1;
    const NODST: u16 = 2;
    let mut flags: Option<u16> = None;
    let error = |text: String| Failure::returned(1, text);
    while let Some(word) = args.take() {
        if matches(word, "mode") {
            let text = args.value()?;
            let mode = MODES.iter().find(|(name, _)| *name == text).ok_or_else(|| {
                error(format!(
                    "Error: argument of \"mode\" must be \"private\", \"vepa\", \"bridge\", \
                     \"passthru\" or \"source\", not \"{text}\""
                ))
            })?;
            info.mode = Some(mode.1);
        } else if matches(word, "flag") {
            let bit = match args.value()? {
                "nopromisc" => NOPROMISC,
                "nodst" => NODST,
                "null" => 0,
                other => {
                    return Err(error(format!(
                        "Error: argument of \"flag\" must be \"nopromisc\", \"nodst\" or \"null\", \
                         not \"{other}\""
                    )));
                }
            };
            flags = Some(flags.unwrap_or(0) | bit);
        } else if matches(word, "macaddr") {
            macaddr(ctx, kind, args, info)?;
        } else if matches(word, "nopromisc") {
            flags = Some(flags.unwrap_or(0) | NOPROMISC);
        } else if matches(word, "nodst") {
            flags = Some(flags.unwrap_or(0) | NODST);
        } else if matches(word, "bcqueuelen") {
            let text = args.value()?;
            let len = get_u32(text, 0).ok_or_else(|| {
                error(format!(
                    "Error: argument of \"bcqueuelen\" must be a positive integer [0-4294967295], \
                     not \"{text}\""
                ))
            })?;
            info.data.push(attr(7, len.to_ne_bytes()));
        } else if matches(word, "help") {
            return Err(usage(kind));
        } else {
            return Err(unknown(kind, "option", word));
        }
    }
    if let Some(flags) = flags {
        if flags & NOPROMISC != 0 && info.mode != Some(8) {
            let usage = usage_line(kind);
            return Err(error(format!("{kind}: nopromisc flag only valid in passthru mode\n{usage}")));
        }
        info.data.push(attr(2, flags.to_ne_bytes()));
    }
    Ok(())
}

/// Sources of a macvlan in source mode.
fn macaddr(ctx: &mut Ctx<'_>, kind: &str, args: &mut Args<'_>, info: &mut LinkInfo) -> Done {
    const MODES: [&str; 4] = ["add", "del", "flush", "set"];
    const MACADDR: u16 = 4;
    let word = args.value()?;
    let mode = MODES.iter().position(|name| *name == word).ok_or_else(|| usage(kind))?;
    info.data.push(attr(3, (mode as u32).to_ne_bytes()));
    match MODES[mode] {
        "add" | "del" => {
            let LlAddr(bytes) = lladdr::parse(args.value()?, 6)?;
            if bytes.len() != 6 {
                return Err(Failure::returned(1, ""));
            }
            info.data.push(attr(MACADDR, bytes));
        }
        "set" => {
            let mut list = Vec::new();
            while let Some(text) = args.peek() {
                match lladdr::parse(text, 6) {
                    Ok(LlAddr(bytes)) if bytes.len() == 6 => list.extend(encode(MACADDR, &bytes)),
                    Ok(_) => break,
                    Err(failure) => {
                        ctx.report(&failure);
                        break;
                    }
                }
                args.take();
            }
            info.data.push(attr(5, list));
        }
        _ => {}
    }
    Ok(())
}

/// An ipvlan's settings (`ipvlan_parse_opt`).
fn ipvlan(kind: &str, args: &mut Args<'_>, info: &mut LinkInfo) -> Done {
    let mut flags: Option<u16> = None;
    while let Some(word) = args.take() {
        if matches(word, "mode") {
            info.mode = Some(match args.value()? {
                "l2" => 0,
                "l3" => 1,
                "l3s" => 2,
                _ => {
                    let message = "Error: argument of \"mode\" must be either \"l2\", \"l3\" or \"l3s\"";
                    return Err(Failure::returned(1, message));
                }
            });
        } else if matches(word, "private") && flags.is_none() {
            flags = Some(1);
        } else if matches(word, "vepa") && flags.is_none() {
            flags = Some(2);
        } else if matches(word, "bridge") && flags.is_none() {
            flags = Some(0);
        } else if matches(word, "help") {
            return Err(usage(kind));
        } else {
            return Err(unknown(kind, "option", word));
        }
    }
    info.data.push(attr(2, flags.unwrap_or(0).to_ne_bytes()));
    Ok(())
}
