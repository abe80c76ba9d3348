//! Link-layer addresses, and the flags that stacked devices take over.

use fingerpost_model::{LinkFlags, LinkMsg, LlAddr, Refusal};
use fingerpost_net::Errno;

use super::kind::{Kind, NONE};
use super::reception::is_passthru;
use super::stack::Event;
use super::{At, Devices};
use crate::config::Link;
use crate::control::{event, neighbour};

/// Whether it can be the address of an Ethernet device (`is_valid_ether_addr`).
pub(super) fn is_valid_ether(address: &[u8]) -> bool {
    address.iter().any(|&b| b != 0) && address.first().is_some_and(|b| b & 1 == 0)
}

/// How many bytes the device's addresses have.
pub(super) fn address_len(link: &Link) -> usize {
    if link.msg.arp_type == NONE { 0 } else { link.msg.address.as_ref().map_or(6, |a| a.0.len()) }
}

/// Addresses in a request must not be shorter than the device's (`validate_linkmsg`).
pub(super) fn check_lengths(link: &Link, msg: &LinkMsg) -> Result<(), Refusal> {
    let short = |address: &Option<LlAddr>| address.as_ref().is_some_and(|a| a.0.len() < address_len(link));
    if short(&msg.address) || short(&msg.broadcast) {
        return Err(Refusal::new(Errno::EINVAL));
    }
    Ok(())
}

/// A VLAN device has its lower device's flags, but for those of its own state
/// (`vlan_dev_init`).
pub(super) fn inherit_flags(link: &mut Link, lower: &Link) {
    let own = LinkFlags::UP
        | LinkFlags::PROMISC
        | LinkFlags::ALLMULTI
        | LinkFlags::MASTER
        | LinkFlags::SLAVE
        | LinkFlags::RUNNING
        | LinkFlags::LOWER_UP
        | LinkFlags::DORMANT;
    link.msg.flags = lower.msg.flags.without(own);
}

impl Devices<'_> {
    /// Sets the address (`netif_set_mac_address`, and what drivers add).
    pub(super) fn change_address(&mut self, at: At, address: &LlAddr) -> Result<(), Refusal> {
        let Some(link) = self.link(at) else { return Ok(()) };
        let kind = Kind::of(link);
        let same = link.msg.address.as_ref() == Some(address);
        match kind {
            // Their drivers do not set addresses.
            Kind::Tun | Kind::Wireguard | Kind::Ifb => return Err(Refusal::new(Errno::EOPNOTSUPP)),
            // An ipvlan has the address of its lower device.
            kind if kind.is_ipvlan() => return Err(Refusal::new(Errno::EOPNOTSUPP)),
            _ if link.msg.arp_type == NONE => return Err(Refusal::new(Errno::EOPNOTSUPP)),
            // Drivers see only addresses that differ.
            _ if same => {}
            _ if !is_valid_ether(&address.0) => return Err(Refusal::new(Errno::EADDRNOTAVAIL)),
            _ => {}
        }
        if kind.is_macvlan() && link.is_up() {
            self.check_macvlan_address(at, address)?;
        }
        if let (true, false, Some(lower)) = (self.link(at).is_some_and(is_passthru), same, self.lower(at)) {
            self.change_address(lower, address)?;
        }
        if let Some(link) = self.link_mut(at) {
            let len = address_len(link);
            link.msg.address = Some(LlAddr(address.0[..len.min(address.0.len())].to_vec()));
            link.own_address = true;
        }
        if kind == Kind::Bridge && !same {
            self.bridge_address_changed(at);
        }
        self.address_changed(at);
        Ok(())
    }

    /// Sets the broadcast address; devices without addresses keep none.
    pub(super) fn change_broadcast(&mut self, at: At, broadcast: &LlAddr) {
        let Some(link) = self.link_mut(at) else { return };
        let len = address_len(link).min(broadcast.0.len());
        if len > 0 {
            link.msg.broadcast = Some(LlAddr(broadcast.0[..len].to_vec()));
        }
        self.address_changed(at);
    }

    /// `macvlan_set_mac_address` on a device that is up.
    fn check_macvlan_address(&self, at: At, address: &LlAddr) -> Result<(), Refusal> {
        let Some(lower) = self.lower(at) else { return Ok(()) };
        let has = |at: At| self.link(at).and_then(|link| link.msg.address.as_ref()) == Some(address);
        let busy = has(lower) || self.uppers(lower).iter().any(|&o| o != at && self.is_up(o) && has(o));
        if busy { Err(Refusal::new(Errno::EADDRINUSE)) } else { Ok(()) }
    }

    /// Tells of a new address (`NETDEV_CHANGEADDR`).
    pub(super) fn address_changed(&mut self, at: At) {
        self.tell(at, neighbour::flush_device);
        self.tell(at, event::mac_changed);
        self.tell_stack(at, Event::Address);
    }

    /// A macvlan that is its lower device's only one has its address, whoever
    /// gave it; no one is told (`macvlan_sync_address`).
    pub(super) fn sync_passthru_address(&mut self, at: At) {
        let address =
            self.lower(at).and_then(|lower| self.link(lower)).map(|lower| lower.msg.address.clone());
        if let (Some(address), Some(link)) = (address, self.link_mut(at))
            && is_passthru(link)
        {
            link.msg.address = address;
        }
    }

    /// A stacked device whose address no one gave has its lower device's
    /// (`vlan_dev_inherit_address`, `ipvlan_device_event`).
    pub(super) fn inherit_address(&mut self, at: At) {
        let Some(lower) = self.lower(at).and_then(|lower| self.link(lower)) else { return };
        let address = lower.msg.address.clone();
        let Some(link) = self.link_mut(at) else { return };
        if !link.own_address && link.msg.address != address {
            link.msg.address = address;
            self.address_changed(at);
        }
    }
}
