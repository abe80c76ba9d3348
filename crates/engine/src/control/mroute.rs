//! Multicast routing as a daemon sets it up through its socket (`ip_mroute_setsockopt`).

use std::net::Ipv4Addr;

use fingerpost_model::{Refusal, TableId};
use fingerpost_net::Errno;

use crate::config::{MAX_VIFS, Mfc, MulticastRouting, MulticastTable, NEVER, Vif};
use crate::namespace::{Env, Namespace};
use crate::path::{Used, VifCounts};

/// A daemon opens its socket (`MRT_INIT`).
///
/// # Errors
///
/// `EADDRINUSE` where the table has a daemon.
pub fn init(ns: &mut Namespace, table: TableId) -> Result<(), Refusal> {
    let entry = ns.config.multicast.tables.entry(table).or_default();
    if entry.has_daemon {
        return Err(Refusal::new(Errno::EADDRINUSE));
    }
    entry.has_daemon = true;
    ns.config.sysctl.all.mc_forwarding += 1;
    ns.config.fib.generation += 1;
    Ok(())
}

/// The daemon's socket is closed: what it set up goes with it (`MRT_DONE`).
pub fn done(ns: &mut Namespace, table: TableId) {
    let Some(entry) = ns.config.multicast.tables.get_mut(&table) else { return };
    if !std::mem::take(&mut entry.has_daemon) {
        return;
    }
    let vifs: Vec<u16> = entry.vifs.keys().copied().collect();
    entry.cache.clear();
    ns.state.multicast.used.retain(|((id, ..), _), _| *id != table);
    ns.config.sysctl.all.mc_forwarding -= 1;
    vifs.into_iter().for_each(|vif| drop(del_vif(ns, table, vif)));
    ns.config.fib.generation += 1;
}

/// A device becomes a virtual interface (`MRT_ADD_VIF`, `vif_add`).
///
/// # Errors
///
/// `ENFILE` beyond 32, `EADDRINUSE` for a number that is taken, `EADDRNOTAVAIL` where the
/// device is not there or without IPv4, `EOPNOTSUPP` for tunnels, which are not modelled.
pub fn add_vif(ns: &mut Namespace, table: TableId, number: u16, vif: Vif) -> Result<(), Refusal> {
    let known = table_mut(ns, table)?;
    if usize::from(number) >= MAX_VIFS {
        return Err(Refusal::new(Errno::ENFILE));
    }
    if known.vifs.contains_key(&number) {
        return Err(Refusal::new(Errno::EADDRINUSE));
    }
    if vif.flags & (Vif::TUNNEL | Vif::REGISTER) != 0 {
        return Err(Refusal::new(Errno::EOPNOTSUPP));
    }
    let dev = vif.dev;
    let link = ns.config.links.get_mut(dev).ok_or(Refusal::new(Errno::EADDRNOTAVAIL))?;
    let ipv4 = link.ipv4.as_mut().ok_or(Refusal::new(Errno::EADDRNOTAVAIL))?;
    ipv4.conf.mc_forwarding += 1;
    link.msg.allmulti = link.msg.allmulti.map(|count| count + 1);
    table_mut(ns, table)?.vifs.insert(number, vif);
    ns.state.multicast.vifs.insert((table, number), VifCounts::default());
    ns.config.fib.generation += 1;
    Ok(())
}

/// It is one no more (`MRT_DEL_VIF`, `vif_delete`); entries of the cache stay as they are.
///
/// # Errors
///
/// `EADDRNOTAVAIL` where there is no such interface.
pub fn del_vif(ns: &mut Namespace, table: TableId, number: u16) -> Result<(), Refusal> {
    let missing = Refusal::new(Errno::EADDRNOTAVAIL);
    let vif = table_mut(ns, table)?.vifs.remove(&number).ok_or(missing)?;
    if let Some(link) = ns.config.links.get_mut(vif.dev) {
        if let Some(ipv4) = &mut link.ipv4 {
            ipv4.conf.mc_forwarding -= 1;
        }
        link.msg.allmulti = link.msg.allmulti.map(|count| count.saturating_sub(1));
    }
    ns.config.fib.generation += 1;
    Ok(())
}

/// An entry of the cache is added, or changed (`MRT_ADD_MFC`, and with `is_proxy`
/// `MRT_ADD_MFC_PROXY`; `ipmr_mfc_add`). Thresholds of 0, and those of interfaces that are
/// not there yet, let nothing pass.
///
/// # Errors
///
/// `EINVAL` where the group is none, `ENFILE` for a parent beyond 32.
pub fn add_mfc(
    ns: &mut Namespace,
    env: Env<'_>,
    id: TableId,
    mut entry: Mfc,
    is_proxy: bool,
) -> Result<(), Refusal> {
    let table = table_mut(ns, id)?;
    if usize::from(entry.parent) >= MAX_VIFS {
        return Err(Refusal::new(Errno::ENFILE));
    }
    for (number, ttl) in (0..).zip(&mut entry.ttls) {
        if *ttl == 0 || !table.vifs.contains_key(&number) {
            *ttl = NEVER;
        }
    }
    let is_it = |known: &&mut Mfc| {
        (known.origin, known.group) == (entry.origin, entry.group)
            && (!is_proxy || known.parent == entry.parent)
    };
    let key = ((id, entry.origin, entry.group), entry.parent);
    if let Some(known) = table.cache.iter_mut().rev().find(is_it) {
        let before = std::mem::replace(known, entry);
        // What it counted stays with it.
        let used = &mut ns.state.multicast.used;
        let counted = used.remove(&((id, before.origin, before.group), before.parent));
        used.insert(key, Used { last: env.now, ..counted.unwrap_or_default() });
        return Ok(());
    }
    if !entry.group.is_unspecified() && !entry.group.is_multicast() {
        return Err(Refusal::new(Errno::EINVAL));
    }
    table.cache.push(entry);
    ns.state.multicast.used.insert(key, Used { last: env.now, ..Used::default() });
    Ok(())
}

/// An entry is removed (`MRT_DEL_MFC`).
///
/// # Errors
///
/// `ENOENT` where there is none.
pub fn del_mfc(ns: &mut Namespace, id: TableId, origin: Ipv4Addr, group: Ipv4Addr) -> Result<(), Refusal> {
    let table = table_mut(ns, id)?;
    let found = table.cache.iter().rposition(|entry| (entry.origin, entry.group) == (origin, group));
    let entry = table.cache.remove(found.ok_or(Refusal::new(Errno::ENOENT))?);
    ns.state.multicast.used.remove(&((id, origin, group), entry.parent));
    Ok(())
}

/// A device goes: so do the virtual interfaces on it (`ipmr_device_event`).
pub(crate) fn device_gone(ns: &mut Namespace, dev: u32) {
    for table in ns.config.multicast.tables.values_mut() {
        table.vifs.retain(|_, vif| vif.dev != dev);
    }
}

/// The table that daemons set up; the usual one is there without having been made.
fn table_mut(ns: &mut Namespace, id: TableId) -> Result<&mut MulticastTable, Refusal> {
    let tables = &mut ns.config.multicast.tables;
    match id {
        MulticastRouting::DEFAULT => Ok(tables.entry(id).or_default()),
        id => tables.get_mut(&id).ok_or(Refusal::new(Errno::ENOENT)),
    }
}
