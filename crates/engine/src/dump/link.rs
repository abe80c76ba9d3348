//! Link dumps.

use fingerpost_model::{LinkMsg, NsId, Refusal};
use fingerpost_net::Errno;

use crate::Namespace;
use crate::config::Link;
use crate::control::link;
use crate::world::World;

/// One device by index or, with index 0, by name or alternative name (`rtnl_getlink`).
pub fn get(world: &World, ns: NsId, index: u32, name: Option<&str>) -> Result<LinkMsg, Refusal> {
    let ns = world.ns(ns)?;
    let links = &ns.config.links;
    let link = match (index, name) {
        (0, None) => return Err(Refusal::new(Errno::EINVAL)),
        (0, Some(name)) => links.iter().find(|link| link.has_name(name)),
        (index, _) => links.get(index),
    };
    link.map(|link| shown(ns, link)).ok_or(Refusal::new(Errno::ENODEV))
}

/// All devices, ascending by index (`rtnl_dump_ifinfo`).
pub fn dump(world: &World, ns: NsId, each: &mut dyn FnMut(&LinkMsg)) -> Result<(), Refusal> {
    let ns = world.ns(ns)?;
    ns.config.links.iter().for_each(|link| each(&shown(ns, link)));
    Ok(())
}

/// A device as it is shown. What devices count of packets is not modelled: once there were
/// some it is not known.
fn shown(ns: &Namespace, link: &Link) -> LinkMsg {
    let shown = link::show(link);
    if ns.state.packets == 0 { shown } else { LinkMsg { stats: None, ..shown } }
}
