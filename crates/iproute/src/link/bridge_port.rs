//! Settings of a bridge's port: reading them for `ip link set … type
//! bridge_slave` and printing them for `-d`.

use fingerpost_model::{Attr, LinkInfo, LinkMsg};

use super::details::{bridge_id, byte, on_off, timer};
use super::wire::{attr, find, u16_of, u32_of, u64_of};
use super::{kinds, name_of};
use crate::Ctx;
use crate::error::{Done, Failure};
use crate::lex::{Args, get_u8, get_u16, get_u32, matches, one_of};

const STATE: u16 = 1;
const PRIORITY: u16 = 2;
const COST: u16 = 3;
const FAST_LEAVE: u16 = 7;
const BRIDGE_ID: u16 = 14;
const ROOT_ID: u16 = 13;
const FLUSH: u16 = 24;
const MULTICAST_ROUTER: u16 = 25;
const GROUP_FWD_MASK: u16 = 31;
const BACKUP_PORT: u16 = 34;

/// What follows a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    Nothing,
    U8(&'static str),
    U16(&'static str),
    U32(&'static str),
    Switch,
    Device,
}

use Value::{Device, Nothing, Switch, U8, U16, U32};

/// Words in the order in which abbreviations are tried.
const SETTINGS: [(&str, u16, Value); 24] = [
    ("fdb_flush", FLUSH, Nothing),
    ("state", STATE, U8("state is invalid")),
    ("priority", PRIORITY, U16("priority is invalid")),
    ("cost", COST, U32("cost is invalid")),
    ("hairpin", 4, Switch),
    ("guard", 5, Switch),
    ("root_block", 6, Switch),
    ("fastleave", FAST_LEAVE, Switch),
    ("learning", 8, Switch),
    ("flood", 9, Switch),
    ("mcast_flood", 27, Switch),
    ("bcast_flood", 30, Switch),
    ("mcast_to_unicast", 28, Switch),
    ("proxy_arp", 10, Switch),
    ("proxy_arp_wifi", 12, Switch),
    ("mcast_router", MULTICAST_ROUTER, U8("invalid mcast_router")),
    ("mcast_fast_leave", FAST_LEAVE, Switch),
    ("neigh_suppress", 32, Switch),
    ("group_fwd_mask", GROUP_FWD_MASK, U16("invalid group_fwd_mask")),
    ("vlan_tunnel", 29, Switch),
    ("isolated", 33, Switch),
    ("locked", 39, Switch),
    ("backup_port", BACKUP_PORT, Device),
    ("nobackup_port", BACKUP_PORT, Nothing),
];

/// Reads the words after `type bridge_slave` (`bridge_slave_parse_opt`).
pub(crate) fn parse(ctx: &mut Ctx<'_>, args: &mut Args<'_>, info: &mut LinkInfo) -> Done {
    while let Some(word) = args.take() {
        let Some(&(full, kind, value)) = SETTINGS.iter().find(|(full, ..)| matches(word, full)) else {
            return Err(match matches(word, "help") {
                true => kinds::usage("bridge_slave"),
                false => kinds::unknown("bridge_slave", "option", word),
            });
        };
        if value == Nothing {
            let data = if kind == FLUSH { vec![] } else { vec![0; 4] };
            info.slave_data.push(attr(kind, data));
            continue;
        }
        let text = args.value()?;
        let data = match value {
            Nothing => Vec::new(),
            U8(why) => vec![get_u8(text, 0).ok_or_else(|| Failure::invalid(why, text))?],
            U16(why) => get_u16(text, 0).ok_or_else(|| Failure::invalid(why, text))?.to_ne_bytes().to_vec(),
            U32(why) => get_u32(text, 0).ok_or_else(|| Failure::invalid(why, text))?.to_ne_bytes().to_vec(),
            Switch => {
                let on = one_of(full, text, &["off", "on"]).map_err(|m| Failure::exit(1, m))?;
                vec![on as u8]
            }
            Device => {
                let index = ctx.p.links.index(ctx.kernel, ctx.ns, text);
                let index = index.ok_or_else(|| Failure::invalid("Device does not exist\n", text))?;
                index.to_ne_bytes().to_vec()
            }
        };
        info.slave_data.push(attr(kind, data));
    }
    Ok(())
}

const STATES: [&str; 5] = ["disabled", "listening", "learning", "forwarding", "blocking"];

/// Prints all settings that the kernel sent (`bridge_slave_print_opt`).
pub(crate) fn print(ctx: &mut Ctx<'_>, m: &LinkMsg, data: &[Attr]) {
    let state = m.bridge_port.as_ref().map(|p| p.state);
    if let Some(state) = state.or_else(|| find(data, STATE)?.first().copied()) {
        match STATES.get(usize::from(state)) {
            Some(name) => ctx.p.out.string("state", "state ", name, " "),
            None => ctx.p.out.num("state_index", "state (", state, ") "),
        }
    }
    if let Some(priority) = find(data, PRIORITY).and_then(u16_of) {
        ctx.p.out.num("priority", "priority ", priority, " ");
    }
    if let Some(cost) = find(data, COST).and_then(u32_of) {
        ctx.p.out.num("cost", "cost ", cost as i32, " ");
    }
    switches(ctx, data, &SETTINGS[4..10]);
    for (kind, key, before) in [(17, "id", "port_id "), (18, "no", "port_no ")] {
        if let Some(number) = find(data, kind).and_then(u16_of) {
            ctx.p.out.hex(key, before, number.into(), " ");
        }
    }
    for (kind, key, before) in
        [(15, "designated_port", "designated_port "), (16, "designated_cost", "designated_cost ")]
    {
        if let Some(number) = find(data, kind).and_then(u16_of) {
            ctx.p.out.num(key, before, number, " ");
        }
    }
    for (kind, key, before) in
        [(BRIDGE_ID, "bridge_id", "designated_bridge "), (ROOT_ID, "root_id", "designated_root ")]
    {
        if let Some(id) = find(data, kind).and_then(bridge_id) {
            ctx.p.out.string(key, before, &id, " ");
        }
    }
    for (kind, key) in [(23, "hold_timer"), (21, "message_age_timer"), (22, "forward_delay_timer")] {
        if let Some(time) = find(data, kind).and_then(u64_of) {
            timer(ctx, key, time);
        }
    }
    for (kind, key, before) in
        [(19, "topology_change_ack", "topology_change_ack "), (20, "config_pending", "config_pending ")]
    {
        if let Some(flag) = find(data, kind).and_then(byte) {
            ctx.p.out.num(key, before, flag, " ");
        }
    }
    switches(ctx, data, &SETTINGS[13..15]);
    if let Some(router) = find(data, MULTICAST_ROUTER).and_then(byte) {
        ctx.p.out.num("multicast_router", "mcast_router ", router, " ");
    }
    // Printed before as fastleave, which is all that JSON gets.
    if let (false, Some(on)) = (ctx.p.out.is_json(), find(data, FAST_LEAVE).and_then(byte)) {
        on_off(ctx, "", "mcast_fast_leave", on != 0);
    }
    switches(ctx, data, &SETTINGS[10..13]);
    switches(ctx, data, &SETTINGS[17..18]);
    if let Some(mask) = find(data, GROUP_FWD_MASK).and_then(u16_of) {
        ctx.p.out.hex("group_fwd_mask", "group_fwd_mask ", mask.into(), " ");
        ctx.p.out.string("group_fwd_mask_str", "group_fwd_mask_str ", &mask_names(mask), " ");
    }
    switches(ctx, data, &SETTINGS[19..22]);
    if let Some(index) = find(data, BACKUP_PORT).and_then(u32_of) {
        let name = name_of(ctx, index);
        ctx.p.out.string("backup_port", "backup_port ", &name, " ");
    }
}

fn switches(ctx: &mut Ctx<'_>, data: &[Attr], list: &[(&str, u16, Value)]) {
    for &(key, kind, _) in list {
        if let Some(on) = find(data, kind).and_then(byte) {
            on_off(ctx, key, key, on != 0);
        }
    }
}

/// Which link-local groups are forwarded, by the protocols that use them.
fn mask_names(mask: u16) -> String {
    let names: Vec<String> = (0..16)
        .filter(|bit| mask & (1 << bit) != 0)
        .map(|bit| match bit {
            0 => "stp".into(),
            2 => "lacp".into(),
            14 => "lldp".into(),
            other => format!("{:#x}", 1u32 << other),
        })
        .collect();
    if names.is_empty() { "0x0".into() } else { names.join(",") }
}
