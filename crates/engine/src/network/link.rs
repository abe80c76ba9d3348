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

/// Where frames of a device go.
pub(super) enum Other {
    /// To the other end of a pair.
    End(End),
    /// Out of the world.
    Nowhere,
    /// By a way that is not modelled: its name.
    Unknown(&'static str),
}

/// Kinds of devices that hand frames to the one that they stand on.
const STACKED: [&str; 5] = ["vlan", "macvlan", "macvtap", "ipvlan", "ipvtap"];

/// Where the other end of a device lies.
pub(super) fn other_end(world: &World, (ns, dev): End) -> Other {
    let Some(link) = link_at(world, (ns, dev)) else { return Other::Nowhere };
    if STACKED.contains(&link.kind()) {
        return Other::Unknown("a device on top of another");
    }
    let peer = |link: &Link, ns| link.msg.link.map(|dev| (link.link_ns.unwrap_or(ns), dev));
    match peer(link, ns).filter(|_| link.kind() == "veth") {
        // A snapshot can hold one end alone, and another device of its index.
        Some(other) => match link_at(world, other) {
            Some(end) if end.kind() == "veth" && peer(end, other.0) == Some((ns, dev)) => Other::End(other),
            _ => Other::Nowhere,
        },
        None => Other::Nowhere,
    }
}

/// Whether a device takes a frame of so many bytes.
pub(super) fn takes(world: &World, end: End, len: usize) -> bool {
    link_at(world, end).is_some_and(|link| bridge::takes(link, len))
}

fn link_at(world: &World, (ns, dev): End) -> Option<&Link> {
    world.namespaces.get(&ns)?.config.links.get(dev)
}
