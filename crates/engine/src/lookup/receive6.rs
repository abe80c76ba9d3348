//! What befalls a received IPv6 packet before and after its route is looked up,
//! as far as its addresses decide (`ip6_rcv_core`, `ip6_forward`): the lookup
//! itself ([`super::input6`]) refuses neither (C-307, C-308).

use std::net::Ipv6Addr;

use super::DropReason;
use crate::addrtype::AddrType;
use crate::config::Config;

/// Why a packet is dropped before it is routed, if it is (`ip6_rcv_core`, C-308).
pub fn refused(config: &Config, dev: u32, src: Ipv6Addr, dst: Ipv6Addr) -> Option<DropReason> {
    let link = config.links.get(dev);
    if link.and_then(|link| link.ipv6.as_ref()).is_none_or(|ipv6| ipv6.conf.disable_ipv6 != 0) {
        return Some(DropReason::Ipv6Disabled);
    }
    let on_host = link.is_some_and(|link| link.is_loopback());
    let is_vrf = link.is_some_and(|link| link.vrf_table().is_some());
    let scope = dst.is_multicast().then(|| AddrType::of(dst).src_scope);
    let refused = (src.is_loopback() || dst.is_loopback()) && !on_host && !is_vrf
        || scope == Some(1) && !on_host
        || scope == Some(0)
        || src.is_multicast();
    refused.then_some(DropReason::IpInHdr)
}

/// Why a packet that would be forwarded is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotForwarded {
    /// Forwarding is off, for all and for the ingress device.
    Off,
    /// The source can be none of a packet that is forwarded: unspecified, loopback.
    Source,
    /// The source is link-local, and the packet would leave by another device;
    /// the sender is told so.
    BeyondScope,
}

/// Whether a packet received on `iif` may be forwarded by `dev` (`ip6_forward`, section 9).
pub fn forward(config: &Config, iif: u32, dev: u32, src: Ipv6Addr) -> Result<(), NotForwarded> {
    let forced = config.links.ipv6(iif).is_some_and(|ipv6| ipv6.conf.force_forwarding != 0);
    if config.sysctl6.all.forwarding == 0 && !forced {
        return Err(NotForwarded::Off);
    }
    // What goes back by its ingress device is answered with a redirect instead.
    if iif == dev {
        return Ok(());
    }
    let kind = AddrType::of(src);
    if kind.is_any() || kind.is_multicast() || kind.any(AddrType::LOOPBACK) {
        return Err(NotForwarded::Source);
    }
    match kind.any(AddrType::LINK_LOCAL) {
        true => Err(NotForwarded::BeyondScope),
        false => Ok(()),
    }
}

/// Whether a device joined a group by itself. What sockets joined besides is not known here.
pub fn joined(config: &Config, dev: u32, group: Ipv6Addr) -> bool {
    config.links.ipv6(dev).is_some_and(|ipv6| ipv6.groups.iter().any(|known| known.addr == group))
}
