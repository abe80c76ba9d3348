//! Links: where the other end of a device lies, and what befalls frames on the way.

use fingerpost_net::Rng;

use super::End;
use crate::config::Link;
use crate::path::bridge;
use crate::world::World;

/// How a link treats the frames of one end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// Milliseconds on the way.
    pub delay: u64,
    /// Frames of a thousand that are lost on average.
    pub loss: u32,
}

impl Condition {
    pub(super) fn loses(&self, chance: &mut Rng) -> bool {
        self.loss > 0 && chance.chance(self.loss.into(), 1000)
    }
}

/// The other end of a device; `None` if that is not in the world.
pub(super) fn other_end(world: &World, (ns, dev): End) -> Option<End> {
    let link = link_at(world, (ns, dev)).filter(|link| link.kind() == "veth")?;
    let peer = |link: &Link, ns| link.msg.link.map(|dev| (link.link_ns.unwrap_or(ns), dev));
    let other = peer(link, ns)?;
    // A snapshot can hold one end alone, and another device of its index.
    let end = link_at(world, other).filter(|end| end.kind() == "veth")?;
    (peer(end, other.0) == Some((ns, dev))).then_some(other)
}

/// Whether a device takes a frame of so many bytes.
pub(super) fn takes(world: &World, end: End, len: usize) -> bool {
    link_at(world, end).is_some_and(|link| bridge::takes(link, len))
}

fn link_at(world: &World, (ns, dev): End) -> Option<&Link> {
    world.namespaces.get(&ns)?.config.links.get(dev)
}
