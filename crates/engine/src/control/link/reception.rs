//! Which frames a device receives on behalf of those on top of it: how often
//! it is promiscuous, and receives all multicast (`dev_set_promiscuity`,
//! `__dev_set_rx_mode`).

use fingerpost_model::{LinkFlags, LlAddr};

use super::kind::Kind;
use super::{At, Devices};
use crate::config::Link;

/// `MACVLAN_MODE_PASSTHRU`.
pub(super) const PASSTHRU: u32 = 8;

impl Devices<'_> {
    /// Counts anew for every device that has, or had, others on top.
    pub(super) fn recount_reception(&mut self) {
        for at in self.with_uppers() {
            self.recount(at);
        }
    }

    /// Devices with others on top, each after those on top of it.
    fn with_uppers(&self) -> Vec<At> {
        let mut found = Vec::new();
        for (&ns, namespace) in &self.world.namespaces {
            for link in namespace.config.links.iter() {
                if link.foreign_addresses {
                    found.push(At { ns, dev: link.index() });
                }
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

    fn recount(&mut self, at: At) {
        let Some(link) = self.link(at) else { return };
        let port = u32::from(self.bridge_of(at).is_some());
        let foreign = match link.is_up() && !filters_addresses(link) {
            true => !self.foreign_addresses(at).is_empty(),
            // Nothing is looked at while it is down.
            false => link.foreign_addresses,
        };
        let flags = link.msg.flags;
        let mut promiscuity = u32::from(flags.has(LinkFlags::PROMISC)) + port + u32::from(foreign);
        let mut allmulti = u32::from(flags.has(LinkFlags::ALLMULTI)) + port;
        for upper in self.uppers(at).iter().filter_map(|&upper| self.link(upper)) {
            let kind = Kind::of(upper);
            if !upper.is_up() || kind.is_ipvlan() {
                continue;
            }
            let counts = |count: Option<u32>| u32::from(count.unwrap_or(0) > 0);
            promiscuity += if is_passthru(upper) { 1 } else { counts(upper.msg.promiscuity) };
            allmulti += counts(upper.msg.allmulti);
        }
        let Some(link) = self.link_mut(at) else { return };
        link.foreign_addresses = foreign;
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
