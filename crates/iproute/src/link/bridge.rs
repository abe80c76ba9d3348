//! A bridge's settings: reading them for `ip link … type bridge` and printing them for `-d`.

use fingerpost_model::{Attr, LinkInfo, LlAddr};

use super::details::{bridge_id, byte, timer};
use super::wire::{attr, be16_of, find, u16_of, u32_of, u64_of};
use super::{kinds, lladdr};
use crate::Ctx;
use crate::error::{Done, Failure};
use crate::lex::{Args, get_u8, get_u16, get_u32, get_u64, matches};

const VLAN_PROTOCOL: u16 = 8;
const ROOT_ID: u16 = 10;
const BRIDGE_ID: u16 = 11;
const GROUP_ADDR: u16 = 20;
const FDB_FLUSH: u16 = 21;
const MULTI_BOOLOPT: u16 = 46;

/// What a setting is: mostly a number of some width under an attribute.
#[derive(Clone, Copy, Debug)]
enum What {
    U8(u16),
    U16(u16),
    U32(u16),
    U64(u16),
    /// A 16-bit mask, printed in hexadecimal.
    Mask(u16),
    /// An Ethernet protocol.
    Protocol,
    /// A link-layer address.
    Address,
    /// A bit among the switches; its word cannot be abbreviated.
    Switch(u32),
    /// An action.
    Flush,
}

use What::{Address, Flush, Mask, Protocol, Switch, U8, U16, U32, U64};

/// Words in the order in which abbreviations are tried, with the JSON key
/// where that differs.
const SETTINGS: [(&str, &str, What); 36] = [
    ("forward_delay", "", U32(1)),
    ("hello_time", "", U32(2)),
    ("max_age", "", U32(3)),
    ("ageing_time", "", U32(4)),
    ("stp_state", "", U32(5)),
    ("priority", "", U16(6)),
    ("vlan_filtering", "", U8(7)),
    ("vlan_protocol", "", Protocol),
    ("group_fwd_mask", "", Mask(9)),
    ("group_address", "group_addr", Address),
    ("no_linklocal_learn", "", Switch(1)),
    ("fdb_flush", "", Flush),
    ("vlan_default_pvid", "", U16(39)),
    ("vlan_stats_enabled", "", U8(41)),
    ("vlan_stats_per_port", "", U8(45)),
    ("mcast_router", "", U8(22)),
    ("mcast_snooping", "", U8(23)),
    ("mcast_vlan_snooping", "", Switch(2)),
    ("mcast_query_use_ifaddr", "", U8(24)),
    ("mcast_querier", "", U8(25)),
    ("mcast_hash_elasticity", "", U32(26)),
    ("mcast_hash_max", "", U32(27)),
    ("mcast_last_member_count", "mcast_last_member_cnt", U32(28)),
    ("mcast_startup_query_count", "mcast_startup_query_cnt", U32(29)),
    ("mcast_last_member_interval", "mcast_last_member_intvl", U64(30)),
    ("mcast_membership_interval", "mcast_membership_intvl", U64(31)),
    ("mcast_querier_interval", "mcast_querier_intvl", U64(32)),
    ("mcast_query_interval", "mcast_query_intvl", U64(33)),
    ("mcast_query_response_interval", "mcast_query_response_intvl", U64(34)),
    ("mcast_startup_query_interval", "mcast_startup_query_intvl", U64(35)),
    ("mcast_stats_enabled", "", U8(42)),
    ("mcast_igmp_version", "", U8(43)),
    ("mcast_mld_version", "", U8(44)),
    ("nf_call_iptables", "", U8(36)),
    ("nf_call_ip6tables", "", U8(37)),
    ("nf_call_arptables", "", U8(38)),
];

/// Reads the words after `type bridge` (`bridge_parse_opt`).
pub(crate) fn parse(_ctx: &mut Ctx<'_>, args: &mut Args<'_>, info: &mut LinkInfo) -> Done {
    // Switches: which are given, and which of them are on.
    let (mut mask, mut on) = (0u32, 0u32);
    while let Some(word) = args.take() {
        let named = SETTINGS.iter().find(|(full, _, what)| match what {
            Switch(_) => word == *full,
            _ => matches(word, full),
        });
        let Some(&(full, _, what)) = named else {
            return Err(match matches(word, "help") {
                true => kinds::usage("bridge"),
                false => kinds::unknown("bridge", "command", word),
            });
        };
        if let Flush = what {
            info.data.push(attr(FDB_FLUSH, []));
            continue;
        }
        let text = args.value()?;
        let bad = || Failure::invalid(&format!("invalid {full}"), text);
        match what {
            U8(kind) => info.data.push(attr(kind, [get_u8(text, 0).ok_or_else(bad)?])),
            U16(kind) | Mask(kind) => {
                info.data.push(attr(kind, get_u16(text, 0).ok_or_else(bad)?.to_ne_bytes()));
            }
            U32(kind) => info.data.push(attr(kind, get_u32(text, 0).ok_or_else(bad)?.to_ne_bytes())),
            U64(kind) => info.data.push(attr(kind, get_u64(text, 0).ok_or_else(bad)?.to_ne_bytes())),
            Protocol => {
                let protocol = lladdr::protocol(text).ok_or_else(bad)?;
                info.data.push(attr(VLAN_PROTOCOL, protocol.to_be_bytes()));
            }
            Address => {
                let LlAddr(bytes) = lladdr::parse(text, 32)?;
                info.data.push(attr(GROUP_ADDR, bytes));
            }
            Switch(bit) => {
                mask |= bit;
                on = if get_u8(text, 0).ok_or_else(bad)? != 0 { on | bit } else { on & !bit };
            }
            Flush => {}
        }
    }
    if mask != 0 {
        info.data.push(attr(MULTI_BOOLOPT, [on.to_ne_bytes(), mask.to_ne_bytes()].concat()));
    }
    Ok(())
}

/// Prints all settings that the kernel sent (`bridge_print_opt`).
pub(crate) fn print(ctx: &mut Ctx<'_>, data: &[Attr]) {
    set(ctx, data, 0..8);
    let id = find(data, BRIDGE_ID).and_then(bridge_id);
    if let Some(id) = &id {
        ctx.p.out.string("bridge_id", "bridge_id ", id, " ");
    }
    // iproute2 6.1 prints the bridge's own identity as the root's.
    if let (Some(_), Some(id)) = (find(data, ROOT_ID), &id) {
        ctx.p.out.string("root_id", "designated_root ", id, " ");
    }
    let counts = [
        ("root_port", U16(12)),
        ("root_path_cost", U32(13)),
        ("topology_change", U8(14)),
        ("topology_change_detected", U8(15)),
    ];
    for (name, what) in counts {
        one(ctx, data, name, name, what);
    }
    for (kind, key) in
        [(16, "hello_timer"), (17, "tcn_timer"), (18, "topology_change_timer"), (19, "gc_timer")]
    {
        if let Some(time) = find(data, kind).and_then(u64_of) {
            timer(ctx, key, time);
        }
    }
    set(ctx, data, 12..15);
    set(ctx, data, 8..10);
    set(ctx, data, 16..17);
    set(ctx, data, 10..11);
    set(ctx, data, 17..18);
    set(ctx, data, 15..16);
    set(ctx, data, 18..36);
}

/// Prints settings by their places in the table.
fn set(ctx: &mut Ctx<'_>, data: &[Attr], places: std::ops::Range<usize>) {
    for &(word, key, what) in &SETTINGS[places] {
        one(ctx, data, word, if key.is_empty() { word } else { key }, what);
    }
}

fn one(ctx: &mut Ctx<'_>, data: &[Attr], word: &str, key: &str, what: What) {
    let before = format!("{word} ");
    let number = match what {
        U8(kind) => find(data, kind).and_then(byte).map(u64::from),
        U16(kind) => find(data, kind).and_then(u16_of).map(u64::from),
        U32(kind) => find(data, kind).and_then(u32_of).map(u64::from),
        U64(kind) => find(data, kind).and_then(u64_of),
        Switch(bit) => {
            let switches = find(data, MULTI_BOOLOPT);
            let mask = switches.and_then(|s| s.get(4..)).and_then(u32_of).unwrap_or(0);
            switches.and_then(u32_of).filter(|_| mask & bit != 0).map(|on| u64::from(on & bit != 0))
        }
        Mask(kind) => {
            if let Some(mask) = find(data, kind).and_then(u16_of) {
                ctx.p.out.hex(key, &before, mask.into(), " ");
            }
            None
        }
        Protocol => {
            if let Some(protocol) = find(data, VLAN_PROTOCOL).and_then(be16_of) {
                let name = lladdr::protocol_name(protocol, ctx.p.names.numeric());
                ctx.p.out.string(key, &before, &name, " ");
            }
            None
        }
        Address => {
            if let Some(addr) = find(data, GROUP_ADDR) {
                ctx.p.out.string(key, &before, &LlAddr(addr.to_vec()).to_string(), " ");
            }
            None
        }
        Flush => None,
    };
    if let Some(number) = number {
        ctx.p.out.num(key, &before, number, " ");
    }
}
