//! Which frames a device receives on behalf of those on top of it: how often
//! it is promiscuous, and receives all multicast (`dev_set_promiscuity`,
//! `__dev_set_rx_mode`).

use fingerpost_model::{LinkFlags, LlAddr, Refusal};
use fingerpost_net::Errno;

use super::kind::Kind;
use super::{At, Devices};
use crate::config::Link;

/// `MACVLAN_MODE_PASSTHRU`.
pub(super) const PASSTHRU: u32 = 8;

impl Devices<'_> {
    /// A device hands what it receives to one user: a bridge, its macvlans, its
    /// ipvlans, or a program (`netdev_rx_handler_register`). Some have none.
    /// `kin` are the kinds that share a user.
    pub(super) fn check_receiver(&self, at: At, kin: fn(Kind) -> bool) -> Result<(), Refusal> {
        let Some(kind) = self.link(at).map(Kind::of) else { return Ok(()) };
        let uses = |&upper: &At| {
            let kind = self.link(upper).map_or(Kind::Other, Kind::of);
            (kind.is_macvlan() || kind.is_ipvlan()) && !kin(kind)
        };
        let hands_to_program = matches!(kind, Kind::Macvtap | Kind::Ipvtap);
        if hands_to_program || self.bridge_of(at).is_some() || self.uppers(at).iter().any(uses) {
            return Err(Refusal::new(Errno::EBUSY));
        }
        match kind {
            Kind::Vrf | Kind::Ipvlan => Err(Refusal::new(Errno::EINVAL)),
            _ => Ok(()),
        }
    }

    /// Counts anew for every device that has, or had, others on top.
    pub(super) fn recount_reception(&mut self) {
        for at in self.with_uppers() {
            self.recount(at);
        }
    }

    /// Devices that have, had or may have others on top, each after those on top of it.
    fn with_uppers(&mut self) -> Vec<At> {
        let mut found = std::mem::take(&mut self.to_recount);
        for (&ns, namespace) in &self.world.namespaces {
            for link in namespace.config.links.iter() {
                let mut at = At { ns, dev: link.index() };
                while let Some(lower) = self.lower(at) {
                    found.retain(|known| *known != lower);
                    found.push(lower);
                    at = lower;
                }
            }
        }
        found
    }

    /// Counts anew for one device.
    pub(super) fn recount(&mut self, at: At) {
        let Some(link) = self.link(at) else { return };
        let port = u32::from(self.bridge_of(at).is_some());
        let flags = link.msg.flags;
        let mut promiscuity = u32::from(flags.has(LinkFlags::PROMISC)) + port;
        let mut allmulti = u32::from(flags.has(LinkFlags::ALLMULTI)) + port;
        for upper in self.uppers(at).iter().filter_map(|&upper| self.link(upper)) {
            let kind = Kind::of(upper);
            // Macvlans hand their flags down while they are up, VLAN devices always.
            if kind.is_ipvlan() || kind.is_macvlan() && !upper.is_up() {
                continue;
            }
            let counts = |count: Option<u32>| u32::from(count.unwrap_or(0) > 0);
            promiscuity += if is_passthru(upper) { 1 } else { counts(upper.msg.promiscuity) };
            allmulti += counts(upper.msg.allmulti);
        }
        if !filters_addresses(link) {
            // While it is down, nothing is looked at.
            promiscuity += u32::from(match link.is_up() {
                true => !self.foreign_addresses(at).is_empty(),
                false => link.msg.promiscuity.unwrap_or(0) > promiscuity,
            });
        }
        let Some(link) = self.link_mut(at) else { return };
        link.msg.promiscuity = Some(promiscuity);
        link.msg.allmulti = Some(allmulti);
    }

    /// Addresses other than its own that a device receives frames for.
    fn foreign_addresses(&self, at: At) -> Vec<LlAddr> {
        let own = self.link(at).and_then(|link| link.msg.address.clone());
        let mut addresses = Vec::new();
        for upper in self.uppers(at) {
            let Some(link) = self.link(upper).filter(|link| link.is_up()) else { continue };
            let kind = Kind::of(link);
            let differs = link.msg.address != own;
            if (kind == Kind::Vlan && differs) || (kind.is_macvlan() && !is_passthru(link)) {
                addresses.extend(link.msg.address.clone());
            }
            if !kind.is_ipvlan() {
                addresses.extend(self.foreign_addresses(upper));
            }
        }
        addresses
    }
}

/// Whether it can receive for several addresses without receiving everything
/// (`IFF_UNICAST_FLT`).
fn filters_addresses(link: &Link) -> bool {
    let kind = Kind::of(link);
    kind.is_stacked() || kind == Kind::Other
}

/// A macvlan that is its lower device's only one.
pub(super) fn is_passthru(link: &Link) -> bool {
    Kind::of(link).is_macvlan() && link.msg.info.as_ref().is_some_and(|info| info.mode == Some(PASSTHRU))
}
