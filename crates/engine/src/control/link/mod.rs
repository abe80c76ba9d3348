//! Devices: making, altering and removing them, as rtnetlink and their
//! drivers do.
//!
//! Carrier changes take effect at once, but what they set off (operational
//! state, routes, devices stacked on top) waits until the request has been
//! carried out, as Linux's link watch does; no time passes in between.
//! What an event means to IPv4 is the concern of [`super::event`].

mod address;
mod attributes;
mod bridge;
mod bridge_data;
mod carrier;
mod create;
mod inet6;
mod kind;
mod master;
mod name;
mod netns;
mod reception;
mod remove;
mod set;
mod stack;
mod tun;
mod updown;
mod validate;
mod veth;
mod vlan_data;

pub(crate) use inet6::{show, token};

use std::collections::VecDeque;

use fingerpost_model::{LinkMsg, NlFlags, NsId, Refusal, TunMode};

use crate::config::Link;
use crate::namespace::{Env, Namespace};
use crate::world::World;

/// Makes a namespace's loopback device.
pub fn add_loopback(world: &mut World, ns: NsId) {
    let mut devices = Devices::new(world);
    devices.add_loopback(ns);
    devices.settle();
}

/// Makes or alters a device (`rtnl_newlink`).
pub fn new_link(world: &mut World, ns: NsId, flags: NlFlags, msg: LinkMsg) -> Result<(), Refusal> {
    let mut devices = Devices::new(world);
    let result = devices.new_link(ns, flags, msg);
    devices.settle();
    result
}

/// Removes a device, or all of a group (`rtnl_dellink`).
pub fn del_link(world: &mut World, ns: NsId, msg: &LinkMsg) -> Result<(), Refusal> {
    let mut devices = Devices::new(world);
    let result = devices.del_link(ns, msg);
    devices.settle();
    result
}

/// Makes a persistent tun or tap device, with a silent program attached to it:
/// it has carrier (`tun_set_iff`).
pub fn new_tun(
    world: &mut World,
    ns: NsId,
    name: &str,
    mode: TunMode,
    multi_queue: bool,
) -> Result<(), Refusal> {
    let mut devices = Devices::new(world);
    let result = devices.new_tun(ns, name, mode, multi_queue);
    devices.settle();
    result
}

/// Removes a persistent tun or tap device (`tun_set_iff`, then `TUNSETPERSIST` 0).
pub fn del_tun(world: &mut World, ns: NsId, name: &str, mode: TunMode) -> Result<(), Refusal> {
    let mut devices = Devices::new(world);
    let result = devices.del_tun(ns, name, mode);
    devices.settle();
    result
}

/// Destroys a namespace's devices, and those elsewhere that cannot be without
/// them (`default_device_exit_net`, `default_device_exit_batch`).
pub fn namespace_exit(world: &mut World, ns: NsId) {
    let mut devices = Devices::new(world);
    devices.namespace_exit(ns);
    devices.settle();
}

/// Fills what a device's messages do not say from what they do: for devices
/// that were read from a dump.
pub fn adopt(link: &mut Link) {
    link.oper = match (link.is_up(), link.msg.operstate) {
        (true, Some(state)) => state,
        _ if link.has_carrier() => kind::Kind::of(link).oper_with_carrier(),
        _ => carrier::DOWN,
    };
}

/// A device in a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct At {
    ns: NsId,
    dev: u32,
}

/// All devices, while one request is carried out.
struct Devices<'w> {
    world: &'w mut World,
    /// Whose carrier changed, in order; see [`Devices::settle`].
    waiting: VecDeque<At>,
    /// Whose counts of reception may have changed.
    to_recount: Vec<At>,
    /// The device that goes down and up again just now, if those on top of it
    /// learn of the end alone.
    cycled: Option<At>,
}

impl<'w> Devices<'w> {
    fn new(world: &'w mut World) -> Self {
        Devices { world, waiting: VecDeque::new(), to_recount: Vec::new(), cycled: None }
    }

    fn link(&self, at: At) -> Option<&Link> {
        self.world.namespaces.get(&at.ns)?.config.links.get(at.dev)
    }

    fn link_mut(&mut self, at: At) -> Option<&mut Link> {
        self.world.namespaces.get_mut(&at.ns)?.config.links.get_mut(at.dev)
    }

    fn is_up(&self, at: At) -> bool {
        self.link(at).is_some_and(Link::is_up)
    }

    /// Tells the rest of the namespace of an event.
    fn tell(&mut self, at: At, event: impl FnOnce(&mut Namespace, Env<'_>, u32)) {
        if let Ok((ns, env)) = self.world.ns_mut(at.ns) {
            event(ns, env, at.dev);
        }
    }
}
