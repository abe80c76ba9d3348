//! Carrier and operational state.

use fingerpost_model::LinkFlags;

use super::stack::Event;
use super::{At, Devices};
use crate::config::Link;
use crate::control::event;

/// `IF_OPER_UNKNOWN`.
pub(super) const UNKNOWN: u8 = 0;
/// `IF_OPER_DOWN`.
pub(super) const DOWN: u8 = 2;
/// `IF_OPER_LOWERLAYERDOWN`.
const LOWER_LAYER_DOWN: u8 = 3;
/// `IF_OPER_TESTING`.
const TESTING: u8 = 4;
/// `IF_OPER_DORMANT`.
const DORMANT: u8 = 5;
/// `IF_OPER_UP`.
pub(super) const UP: u8 = 6;

/// Brings what rtnetlink shows into line with UP, carrier and the kept state
/// (`dev_get_flags`, `rtnl_fill_ifinfo`).
pub(super) fn refresh(link: &mut Link) {
    let derived = LinkFlags::RUNNING | LinkFlags::LOWER_UP | LinkFlags::DORMANT;
    let mut flags = link.msg.flags.without(derived);
    if link.is_up() {
        if matches!(link.oper, UNKNOWN | UP) {
            flags = flags | LinkFlags::RUNNING;
        }
        if link.has_carrier() {
            flags = flags | LinkFlags::LOWER_UP;
        }
        link.msg.operstate = Some(link.oper);
    } else {
        link.msg.operstate = Some(DOWN);
    }
    link.msg.flags = flags;
}

impl Devices<'_> {
    /// Sets the carrier; the consequences wait for [`Devices::settle`]
    /// (`netif_carrier_on`, `netif_carrier_off`).
    pub(super) fn set_carrier(&mut self, at: At, on: bool) {
        let Some(link) = self.link_mut(at) else { return };
        if link.has_carrier() != on {
            link.msg.carrier = Some(on.into());
            refresh(link);
            self.watch(at);
        }
    }

    /// Puts a device on the link watch's list (`linkwatch_fire_event`).
    pub(super) fn watch(&mut self, at: At) {
        if !self.waiting.contains(&at) {
            self.waiting.push_back(at);
        }
    }

    /// Draws the consequences of carrier changes (`linkwatch_do_dev`).
    pub(super) fn settle(&mut self) {
        while let Some(at) = self.waiting.pop_front() {
            self.evaluate(at);
            if self.is_up(at) {
                self.changed(at);
            }
        }
        self.recount_reception();
    }

    /// Tells everyone that an up device changed (`netdev_state_change`).
    pub(super) fn changed(&mut self, at: At) {
        self.tell(at, event::carrier_changed);
        self.tell_stack(at, Event::Change);
    }

    /// Works out the operational state anew (`rfc2863_policy`).
    pub(super) fn evaluate(&mut self, at: At) {
        let Some(link) = self.link(at) else { return };
        let mut state = self.default_state(at, link);
        if state == link.oper {
            return;
        }
        if link.msg.linkmode == Some(1) && state == UP {
            state = DORMANT;
        }
        if let Some(link) = self.link_mut(at) {
            link.oper = state;
            refresh(link);
        }
    }

    /// `default_operstate`. The lower device is looked for by its index in
    /// this device's own namespace, even if it lies in another one.
    fn default_state(&self, at: At, link: &Link) -> u8 {
        if link.has_carrier() {
            return UP;
        }
        match link.msg.link {
            Some(lower) if lower != at.dev => match self.link(At { ns: at.ns, dev: lower }) {
                Some(lower) if !lower.has_carrier() => LOWER_LAYER_DOWN,
                _ => DOWN,
            },
            _ => DOWN,
        }
    }

    /// Sets the operational state by request, where Linux lets it change (`set_operstate`).
    pub(super) fn set_operstate(&mut self, at: At, wanted: u8) {
        let Some(link) = self.link_mut(at) else { return };
        let allowed = match wanted {
            UP => matches!(link.oper, DORMANT | TESTING | UNKNOWN),
            DORMANT | TESTING => matches!(link.oper, UP | UNKNOWN),
            _ => false,
        };
        if allowed && link.oper != wanted {
            link.oper = wanted;
            refresh(link);
            if link.is_up() {
                self.changed(at);
            }
        }
    }
}
