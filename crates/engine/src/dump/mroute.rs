//! Multicast routing as the kernel shows it (`ipmr_rtm_dumproute`, `ipmr_rtm_dumplink`).

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr};

use fingerpost_model::{MrouteMsg, MrouteOif, MrouteTableMsg, MrouteVif, Refusal, TableId};
use fingerpost_net::{Errno, Family};

use crate::config::{Mfc, MulticastRouting, MulticastTable, NEVER};
use crate::namespace::Namespace;
use crate::path::Used;
use crate::state::Time;

/// `RTPROT_MROUTED`.
const MROUTED: u8 = 17;
/// IPv6's table that is there from the beginning.
const DEFAULT6: TableId = TableId(254);

/// The entries of a table, or of all. Of IPv6 there are none.
pub fn dump(
    ns: &Namespace,
    now: Time,
    family: Family,
    table: Option<TableId>,
    each: &mut dyn FnMut(&MrouteMsg),
) -> Result<(), Refusal> {
    let tables = &ns.config.multicast.tables;
    let (known, missing) = match family {
        Family::V4 => (MulticastRouting::DEFAULT, "ipv4: MR table does not exist"),
        Family::V6 => (DEFAULT6, "ipv6: MR table does not exist"),
    };
    let is_there = |id| id == known || family == Family::V4 && tables.contains_key(&id);
    if table.is_some_and(|id| !is_there(id)) {
        return Err(Refusal::with(Errno::ENOENT, missing));
    }
    if family == Family::V6 {
        return Ok(());
    }
    for (&id, of_table) in tables.iter().filter(|(id, _)| table.is_none_or(|table| table == **id)) {
        for entry in &of_table.cache {
            let key = ((id, entry.origin, entry.group), entry.parent);
            let used = ns.state.multicast.used.get(&key).copied();
            each(&message(id, of_table, entry, used.unwrap_or_default(), now));
        }
        for (_, origin, group) in ns.state.multicast.unresolved().filter(|key| key.0 == id) {
            each(&MrouteMsg {
                src: Some(IpAddr::V4(origin)),
                dst: Some(IpAddr::V4(group)),
                protocol: MROUTED,
                unresolved: true,
                ..MrouteMsg::new(Family::V4, id)
            });
        }
    }
    Ok(())
}

fn message(id: TableId, table: &MulticastTable, entry: &Mfc, used: Used, now: Time) -> MrouteMsg {
    let oif = |(&number, vif): (&u16, &crate::config::Vif)| {
        let ttl = entry.threshold(number.into());
        (ttl < NEVER).then_some(MrouteOif { dev: vif.dev, ttl })
    };
    MrouteMsg {
        src: Some(IpAddr::V4(entry.origin)),
        dst: Some(IpAddr::V4(entry.group)),
        protocol: MROUTED,
        iif: table.vifs.get(&entry.parent).map(|vif| vif.dev),
        oifs: Some(table.vifs.iter().filter_map(oif).collect()),
        stats: Some([used.packets, used.bytes, used.wrong_if]),
        age: Some(now.0.saturating_sub(used.last.0) / 10),
        ..MrouteMsg::new(Family::V4, id)
    }
}

/// `/proc/net/ip_mr_vif`: the virtual interfaces of the default table (`ipmr_vif_seq_show`).
pub fn vif_text(ns: &Namespace, out: &mut String) -> std::fmt::Result {
    writeln!(out, "Interface      BytesIn  PktsIn  BytesOut PktsOut Flags Local    Remote")?;
    let id = MulticastRouting::DEFAULT;
    let Some(table) = ns.config.multicast.table(id) else { return Ok(()) };
    for (&number, vif) in &table.vifs {
        let name = ns.config.links.get(vif.dev).map_or("none", |link| link.name());
        let counts = ns.state.multicast.vifs.get(&(id, number)).copied().unwrap_or_default();
        let [bytes_in, bytes_out, in_, out_] = counts;
        let (flags, local) = (vif.flags, vif.local);
        writeln!(
            out,
            "{number:2} {name:<10} {bytes_in:8} {in_:7}  {bytes_out:8} {out_:7} {flags:05X} {local:08X} 00000000"
        )?;
    }
    Ok(())
}

/// `/proc/net/ip_mr_cache`: the entries of the default table (`ipmr_mfc_seq_show`).
pub fn cache_text(ns: &Namespace, out: &mut String) -> std::fmt::Result {
    writeln!(out, "Group    Origin   Iif     Pkts    Bytes    Wrong Oifs")?;
    let id = MulticastRouting::DEFAULT;
    let plain = |addr: Ipv4Addr| u32::from_ne_bytes(addr.octets());
    for entry in ns.config.multicast.table(id).iter().flat_map(|table| &table.cache) {
        let key = ((id, entry.origin, entry.group), entry.parent);
        let used = ns.state.multicast.used.get(&key).copied().unwrap_or_default();
        let Used { packets, bytes, wrong_if, .. } = used;
        write!(out, "{:08X} {:08X} {:<3}", plain(entry.group), plain(entry.origin), entry.parent)?;
        write!(out, " {packets:8} {bytes:8} {wrong_if:8}")?;
        for (&number, _) in ns.config.multicast.table(id).iter().flat_map(|table| &table.vifs) {
            let ttl = entry.threshold(number.into());
            if ttl < NEVER {
                write!(out, " {number:2}:{ttl:<3}")?;
            }
        }
        writeln!(out)?;
    }
    for (_, origin, group) in ns.state.multicast.unresolved().filter(|key| key.0 == id) {
        writeln!(out, "{:08X} {:08X} {:<3} {:8} {:8} {:8}", plain(group), plain(origin), -1, 0, 0, 0)?;
    }
    Ok(())
}

/// The tables with their virtual interfaces.
pub fn tables(ns: &Namespace, each: &mut dyn FnMut(&MrouteTableMsg)) -> Result<(), Refusal> {
    let usual = MulticastTable::default();
    let tables = &ns.config.multicast.tables;
    let first = match tables.contains_key(&MulticastRouting::DEFAULT) {
        true => None,
        false => Some((&MulticastRouting::DEFAULT, &usual)),
    };
    for (&table, known) in first.into_iter().chain(tables) {
        let vif = |(&id, vif): (&u16, &crate::config::Vif)| MrouteVif {
            id: id.into(),
            dev: vif.dev,
            flags: vif.flags,
            local: vif.local,
            counts: ns.state.multicast.vifs.get(&(table, id)).copied().unwrap_or_default(),
            ..MrouteVif::default()
        };
        each(&MrouteTableMsg {
            table,
            waiting: ns.state.multicast.unresolved().filter(|key| key.0 == table).count() as u32,
            register: Some(-1),
            vifs: known.vifs.iter().map(vif).collect(),
            ..MrouteTableMsg::default()
        });
    }
    Ok(())
}
