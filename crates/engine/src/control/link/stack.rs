//! Devices that stand on others, and how they follow them: VLAN, macvlan and
//! ipvlan on their lower device, bridges on their ports.

use super::kind::Kind;
use super::{At, Devices, vlan_data};
use crate::config::Link;

/// What happened to a device, as its neighbours in the stack learn it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// It was set up.
    Up,
    /// It was set down.
    Down,
    /// Its carrier or flags changed while it was up.
    Change,
    /// Its MTU changed.
    Mtu,
    /// Its link-layer address changed.
    Address,
}

impl Devices<'_> {
    /// The devices that stand on one, in the order of namespaces and indexes.
    pub(super) fn uppers(&self, lower: At) -> Vec<At> {
        let mut uppers = Vec::new();
        for (&ns, namespace) in &self.world.namespaces {
            let stands_on = |link: &&Link| {
                link.msg.link == Some(lower.dev)
                    && link.link_ns.unwrap_or(ns) == lower.ns
                    && Kind::of(link).is_stacked()
            };
            uppers.extend(
                namespace.config.links.iter().filter(stands_on).map(|link| At { ns, dev: link.index() }),
            );
        }
        uppers
    }

    /// The device that one stands on.
    pub(super) fn lower(&self, upper: At) -> Option<At> {
        let link = self.link(upper)?;
        let lower = At { ns: link.link_ns.unwrap_or(upper.ns), dev: link.msg.link? };
        Kind::of(link).is_stacked().then_some(lower)
    }

    /// Tells the devices that stand on this one, and the bridge that it is a port of.
    pub(super) fn tell_stack(&mut self, at: At, event: Event) {
        for upper in self.uppers(at) {
            match self.link(upper).map(Kind::of) {
                // Of a device that goes down and up in one request only the end counts.
                Some(Kind::Vlan) if self.cycled == Some(at) && event != Event::Up => {}
                Some(Kind::Vlan) => self.vlan_follows(at, upper, event),
                Some(kind) if kind.is_macvlan() => self.macvlan_follows(at, upper, event),
                Some(kind) if kind.is_ipvlan() => self.ipvlan_follows(at, upper, event),
                _ => {}
            }
        }
        self.bridge_follows(at, event);
    }

    /// `vlan_device_event`.
    fn vlan_follows(&mut self, lower: At, upper: At, event: Event) {
        match event {
            Event::Up => {
                if !self.is_up(upper) {
                    if !self.is_loose(upper) {
                        // A VLAN device that cannot come up stays down.
                        let _ = self.set_up(upper);
                    }
                    self.transfer_carrier(lower, upper);
                }
            }
            Event::Down => {
                if self.is_up(upper) && !self.is_loose(upper) {
                    self.set_down(upper);
                    self.transfer_carrier(lower, upper);
                }
            }
            Event::Change => self.transfer_carrier(lower, upper),
            Event::Mtu => self.limit_mtu(lower, upper),
            Event::Address => {
                if self.is_up(upper) {
                    self.inherit_address(upper);
                }
            }
        }
    }

    /// Whether a VLAN device goes up and down on its own (`VLAN_FLAG_LOOSE_BINDING`).
    pub(super) fn is_loose(&self, at: At) -> bool {
        let info = self.link(at).and_then(|link| link.msg.info.as_ref());
        info.is_some_and(|info| vlan_data::is_loose(&info.data))
    }

    /// `macvlan_device_event`.
    fn macvlan_follows(&mut self, lower: At, upper: At, event: Event) {
        match event {
            Event::Up | Event::Down | Event::Change => self.transfer_carrier(lower, upper),
            Event::Mtu => self.limit_mtu(lower, upper),
            Event::Address => self.sync_passthru_address(upper),
        }
    }

    /// `ipvlan_device_event`.
    fn ipvlan_follows(&mut self, lower: At, upper: At, event: Event) {
        match event {
            Event::Up | Event::Down | Event::Change => self.transfer_carrier(lower, upper),
            Event::Mtu => {
                let mtu = self.link(lower).map_or(0, Link::mtu);
                if let Some(link) = self.link_mut(upper) {
                    // No one is told.
                    link.msg.mtu = Some(mtu);
                }
            }
            Event::Address => self.inherit_address(upper),
        }
    }

    /// Gives the upper device the lower one's carrier (`netif_stacked_transfer_operstate`).
    pub(super) fn transfer_carrier(&mut self, lower: At, upper: At) {
        let on = self.link(lower).is_some_and(Link::has_carrier);
        self.set_carrier(upper, on);
    }

    /// Lowers the upper device's MTU to the lower one's.
    fn limit_mtu(&mut self, lower: At, upper: At) {
        let limit = self.link(lower).map_or(0, Link::mtu);
        if self.link(upper).is_some_and(|link| link.mtu() > limit) {
            // The limits of the upper device are wider than those that the lower one has passed.
            let _ = self.change_mtu(upper, limit);
        }
    }
}
