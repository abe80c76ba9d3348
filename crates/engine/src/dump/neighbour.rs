//! Neighbour dumps, by device and address. Linux's own order is that of a hash
//! with a random key, so that no order is right.

use fingerpost_model::{NeighFlags, NeighMsg, NeighState, Refusal};
use fingerpost_net::Family;

use crate::namespace::Namespace;

/// All neighbours of a family, or its proxy entries (`neigh_dump_info`).
pub fn dump(
    ns: &Namespace,
    family: Option<Family>,
    proxy: bool,
    each: &mut dyn FnMut(&NeighMsg),
) -> Result<(), Refusal> {
    let neighbours = &ns.config.neighbours;
    let table = if proxy { &neighbours.proxies } else { &neighbours.entries };
    for family in [Family::V4, Family::V6].into_iter().filter(|f| family.is_none_or(|wanted| wanted == *f)) {
        for entry in table.values().filter(|entry| entry.family == family) {
            if proxy {
                let flags = entry.flags.with(NeighFlags::PROXY);
                each(&NeighMsg { flags, state: NeighState(0), ..entry.clone() });
            } else if entry.state.any(NeighState::VALID) {
                each(entry);
            } else {
                each(&NeighMsg { lladdr: None, ..entry.clone() });
            }
        }
    }
    Ok(())
}
