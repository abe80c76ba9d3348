//! Neighbour dumps. Linux's order is that of a hash with a random key: entries
//! of a snapshot keep it, others follow by device and address.

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
        let mut of_family: Vec<_> = table.iter().filter(|(_, entry)| entry.family == family).collect();
        of_family.sort_by_key(|(key, _)| neighbours.places.get(key).copied().unwrap_or(usize::MAX));
        for (_, entry) in of_family {
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
