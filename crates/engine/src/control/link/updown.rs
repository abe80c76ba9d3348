//! Administrative up and down, and the other flags that users set.

use fingerpost_model::{LinkFlags, Refusal};
use fingerpost_net::Errno;

use super::carrier::refresh;
use super::kind::Kind;
use super::reception::is_passthru;
use super::stack::Event;
use super::{At, Devices};
use crate::config::Link;
use crate::control::event;

/// `ENOTCONN`.
const ENOTCONN: Errno = Errno(107);

/// Flags that `__dev_change_flags` takes from the request.
const SETTABLE: LinkFlags = LinkFlags(
    LinkFlags::DEBUG.0
        | LinkFlags::NOTRAILERS.0
        | LinkFlags::NOARP.0
        | LinkFlags::DYNAMIC.0
        | LinkFlags::MULTICAST.0
        | LinkFlags::PORTSEL.0
        | LinkFlags::AUTOMEDIA.0,
);

impl Devices<'_> {
    /// Sets flags and draws the consequences (`netif_change_flags`).
    pub(super) fn change_flags(&mut self, at: At, wanted: LinkFlags) -> Result<(), Refusal> {
        let Some(link) = self.link_mut(at) else { return Ok(()) };
        let before = link.msg.flags;
        link.msg.flags = before.without(SETTABLE).with(LinkFlags(wanted.0 & SETTABLE.0));
        let touched = (before.0 ^ link.msg.flags.0) & SETTABLE.0 != 0;
        let was_up = link.is_up();
        let up = wanted.has(LinkFlags::UP);
        if was_up && !up {
            self.close(at);
        }
        let opened = if !was_up && up { self.open(at) } else { Ok(()) };
        self.count_promiscuity(at, wanted);
        opened?;
        // Notifications come after all flags are in place (`__dev_notify_flags`).
        if up != was_up {
            self.notify_up_down(at, up);
        }
        if touched && self.is_up(at) {
            if (before.0 ^ wanted.0) & LinkFlags::NOARP.0 != 0 {
                self.tell(at, crate::control::neighbour::flush_device);
            }
            self.changed(at);
        }
        Ok(())
    }

    /// Sets a device up; does nothing when it is (`dev_open`).
    pub(super) fn set_up(&mut self, at: At) -> Result<(), Refusal> {
        match self.link(at) {
            Some(link) if !link.is_up() => {
                self.open(at)?;
                self.notify_up_down(at, true);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Sets a device down; does nothing when it is (`dev_close`).
    pub(super) fn set_down(&mut self, at: At) {
        if self.is_up(at) {
            self.close(at);
            self.notify_up_down(at, false);
        }
    }

    fn notify_up_down(&mut self, at: At, up: bool) {
        self.tell(at, if up { event::link_up } else { event::link_down });
        self.tell_stack(at, if up { Event::Up } else { Event::Down });
    }

    /// `__dev_open`: the driver may refuse.
    fn open(&mut self, at: At) -> Result<(), Refusal> {
        let Some(link) = self.link(at) else { return Ok(()) };
        let kind = Kind::of(link);
        match kind {
            Kind::Veth => self.veth_opens(at)?,
            Kind::Vlan => {
                let lower = self.lower(at);
                if !lower.is_some_and(|lower| self.is_up(lower)) && !self.is_loose(at) {
                    return Err(Refusal::new(Errno::ENETDOWN));
                }
                self.inherit_address(at);
                if let Some(lower) = lower
                    && self.link(lower).is_some_and(Link::has_carrier)
                {
                    self.set_carrier(at, true);
                }
            }
            kind if kind.is_macvlan() && !is_passthru(link) => self.macvlan_opens(at)?,
            _ => {}
        }
        let Some(link) = self.link_mut(at) else { return Ok(()) };
        link.msg.flags = link.msg.flags | LinkFlags::UP;
        if kind.is_ipvlan() {
            // L3 modes do not resolve neighbours (`ipvlan_open`).
            let l2 = link.msg.info.as_ref().is_some_and(|info| info.mode == Some(0));
            link.msg.flags = match l2 {
                true => link.msg.flags.without(LinkFlags::NOARP),
                false => link.msg.flags | LinkFlags::NOARP,
            };
        }
        if link.msg.qdisc.as_deref() == Some("noop") {
            link.msg.qdisc =
                Some(kind.qdisc(link.msg.num_tx_queues.unwrap_or(1), link.msg.txqlen.unwrap_or(1000)).into());
        }
        refresh(link);
        if kind != Kind::Other {
            self.to_recount.push(at);
        }
        if kind == Kind::Bridge {
            self.bridge_opens(at);
        }
        Ok(())
    }

    /// `__dev_close`.
    fn close(&mut self, at: At) {
        let Some(link) = self.link_mut(at) else { return };
        let kind = Kind::of(link);
        link.msg.flags = link.msg.flags.without(LinkFlags::UP);
        refresh(link);
        match kind {
            Kind::Veth => self.veth_closes(at),
            Kind::Vlan => self.set_carrier(at, false),
            Kind::Bridge => self.bridge_closes(at),
            _ => {}
        }
    }

    /// A veth whose peer is up too has carrier on both ends (`veth_open`).
    fn veth_opens(&mut self, at: At) -> Result<(), Refusal> {
        let Some(peer) = self.veth_peer(at) else { return Err(Refusal::new(ENOTCONN)) };
        if self.is_up(peer) {
            self.set_carrier(at, true);
            self.set_carrier(peer, true);
        }
        Ok(())
    }

    /// `veth_close`.
    fn veth_closes(&mut self, at: At) {
        self.set_carrier(at, false);
        if let Some(peer) = self.veth_peer(at) {
            self.set_carrier(peer, false);
        }
    }

    /// Two macvlans of one device that are up cannot have the same address (`macvlan_open`).
    fn macvlan_opens(&mut self, at: At) -> Result<(), Refusal> {
        let Some(lower) = self.lower(at) else { return Ok(()) };
        let Some(address) = self.link(at).map(|link| link.msg.address.clone()) else { return Ok(()) };
        let same = |link: &Link| link.msg.address == address;
        let busy = self.link(lower).is_some_and(same)
            || self
                .uppers(lower)
                .iter()
                .any(|&other| other != at && self.link(other).is_some_and(|link| link.is_up() && same(link)));
        if busy { Err(Refusal::new(Errno::EADDRINUSE)) } else { Ok(()) }
    }

    /// PROMISC and ALLMULTI count users rather than switch (`dev_set_promiscuity`).
    fn count_promiscuity(&mut self, at: At, wanted: LinkFlags) {
        let Some(link) = self.link_mut(at) else { return };
        let flags = link.msg.flags;
        for (flag, count) in
            [(LinkFlags::PROMISC, &mut link.msg.promiscuity), (LinkFlags::ALLMULTI, &mut link.msg.allmulti)]
        {
            if (flags.0 ^ wanted.0) & flag.0 != 0 {
                let users = count.unwrap_or(0);
                *count = Some(if wanted.has(flag) { users + 1 } else { users.saturating_sub(1) });
            }
        }
        let both = LinkFlags::PROMISC | LinkFlags::ALLMULTI;
        link.msg.flags = flags.without(both).with(LinkFlags(wanted.0 & both.0));
    }
}
