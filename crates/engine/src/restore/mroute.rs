//! Multicast routing of a snapshot.

use std::net::IpAddr;

use fingerpost_model::{MrouteMsg, MrouteTableMsg};

use crate::config::{Config, MAX_VIFS, Mfc, MulticastTable, NEVER, Vif};

/// A table with its virtual interfaces.
pub(crate) fn table(config: &mut Config, msg: &MrouteTableMsg) -> Result<(), String> {
    let mut table = MulticastTable::default();
    for vif in &msg.vifs {
        let number = u16::try_from(vif.id).ok().filter(|&number| usize::from(number) < MAX_VIFS);
        let number = number.ok_or_else(|| format!("a virtual interface {}, beyond {MAX_VIFS}", vif.id))?;
        if config.links.get(vif.dev).is_none() {
            return Err(format!("a virtual interface on device {}, which is not there", vif.dev));
        }
        table.vifs.insert(number, Vif { dev: vif.dev, flags: vif.flags, local: vif.local });
    }
    config.multicast.tables.insert(msg.table, table);
    Ok(())
}

/// An entry; its table came before. Packets that wait are not in a snapshot.
pub(crate) fn route(config: &mut Config, msg: &MrouteMsg) -> Result<(), String> {
    let (Some(IpAddr::V4(origin)), Some(IpAddr::V4(group)), false) = (msg.src, msg.dst, msg.unresolved)
    else {
        return Ok(());
    };
    let table = config.multicast.tables.get_mut(&msg.table);
    let table =
        table.ok_or_else(|| format!("a multicast route of table {}, which is missing", msg.table.0))?;
    let mut ttls = [NEVER; MAX_VIFS];
    for oif in msg.oifs.iter().flatten() {
        for (&number, _) in table.vifs.iter().filter(|(_, vif)| vif.dev == oif.dev) {
            ttls[usize::from(number)] = oif.ttl;
        }
    }
    // Without its interface nothing comes in by it.
    let parent = msg.iif.and_then(|iif| table.vif_on(iif)).unwrap_or(u16::MAX);
    table.cache.push(Mfc { origin, group, parent, ttls });
    Ok(())
}

/// A daemon is there as long as multicast is forwarded: its interfaces go with it.
pub(crate) fn complete(config: &mut Config) {
    let forwards = config.sysctl.all.mc_forwarding > 0;
    for table in config.multicast.tables.values_mut() {
        table.has_daemon = forwards && !table.vifs.is_empty();
    }
}
