//! VLAN tags (IEEE 802.1Q): frames that have one are those of a VLAN device, if there is one,
//! or nobody's; frames of VLAN devices leave with one (`skb_vlan_untag`, `vlan_do_receive`,
//! `vlan_dev_hard_start_xmit`).

use fingerpost_net::wire::{Ethernet, Header, Mac, ethertype};

use super::ethernet::mac_of;
use super::{Addressed, Outcome, Stack};
use crate::config::{Config, Link};
use crate::lookup::DropReason;

/// Bytes of a tag and the type behind it, and those that have to follow.
const TAG: usize = 4;
const LEAST: usize = TAG + 2;
/// The bits of a tag that are the VLAN's number.
const ID: u16 = 0xfff;
/// Where the two addresses of a frame end.
const ADDRESSES: usize = 12;
/// `IFLA_VLAN_EGRESS_QOS`.
const EGRESS: u16 = 3;

/// A frame on its way up: its device, for whom it is, its type and what follows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken<'a> {
    pub dev: u32,
    pub addressed: Addressed,
    pub kind: u16,
    pub bytes: &'a [u8],
}

/// Whether an Ethernet frame has a tag.
pub(crate) fn is_tagged(frame: &[u8]) -> bool {
    Ethernet::read(frame).is_some_and(|header| is_tag(header.ethertype.get()))
}

/// Whether a type is that of a tag.
pub(super) fn is_tag(kind: u16) -> bool {
    matches!(kind, ethertype::VLAN | ethertype::PROVIDER_VLAN)
}

/// The device of a VLAN on another.
fn device(config: &Config, lower: u32, protocol: u16, id: u16) -> Option<&Link> {
    config.links.iter().find(|link| {
        let info = link.msg.info.as_ref().filter(|info| info.kind == "vlan");
        let is_it = info.is_some_and(|info| {
            info.vlan_id == Some(id) && info.vlan_protocol.unwrap_or(ethertype::VLAN) == protocol
        });
        is_it && link.msg.link == Some(lower) && link.link_ns.is_none()
    })
}

/// Whether others take frames of a device by their addresses (`macvlan_handle_frame`,
/// `ipvlan_handle_frame`).
pub(super) fn is_shared(config: &Config, dev: u32) -> bool {
    let on_it = |link: &Link| link.is_on_another() && link.msg.link == Some(dev) && link.link_ns.is_none();
    config.links.sharing_seen && config.links.iter().any(on_it)
}

/// Whether a device is a port of a bridge or the like, which sees frames as they came.
fn is_port(config: &Config, dev: u32) -> bool {
    let master = config.links.get(dev).and_then(Link::master).and_then(|master| config.links.get(master));
    master.is_some_and(|master| master.vrf_table().is_none())
}

impl Stack<'_, '_> {
    /// Takes the tags off a frame (`__netif_receive_skb_core`): whose it is then, or how it
    /// ends. Without a device of its own the frame of a VLAN is another host's; the number 0
    /// tells a priority alone.
    pub(super) fn untag<'a>(&self, dst: Mac, frame: Taken<'a>) -> Result<Taken<'a>, Outcome> {
        let dropped = Err(Outcome::Dropped(DropReason::NotSpecified));
        let mut taken = frame;
        while is_tag(taken.kind) {
            let &[t0, t1, k0, k1, _, _, ..] = taken.bytes else { return dropped };
            debug_assert!(taken.bytes.len() >= LEAST, "as the pattern says");
            let id = u16::from_be_bytes([t0, t1]) & ID;
            let (protocol, kind) = (taken.kind, u16::from_be_bytes([k0, k1]));
            let inner = Taken { kind, bytes: &taken.bytes[TAG..], ..taken };
            match device(self.config, taken.dev, protocol, id) {
                Some(link) if !link.is_up() => return dropped,
                Some(link) => {
                    // The lower device may have had another's address.
                    let to_host = taken.addressed == Addressed::OtherHost && dst == mac_of(link);
                    let addressed = if to_host { Addressed::Host } else { taken.addressed };
                    if is_port(self.config, link.index()) {
                        return Err(Outcome::Unknown("a VLAN device that is a port of a bridge"));
                    }
                    taken = Taken { dev: link.index(), addressed, ..inner };
                }
                // Bridges have the frame as it came.
                None if is_port(self.config, taken.dev) => return Ok(frame),
                None if id != 0 => return Ok(Taken { addressed: Addressed::OtherHost, ..inner }),
                None => taken = inner,
            }
        }
        Ok(taken)
    }

    /// The device and the bytes of a frame that leaves by a VLAN device; what is not modelled,
    /// by name.
    pub(super) fn tagged(&self, mut dev: u32, mut bytes: Vec<u8>) -> Result<(u32, Vec<u8>), Outcome> {
        loop {
            let Some(link) = self.config.links.get(dev) else {
                return Err(Outcome::Dropped(DropReason::NotSpecified));
            };
            if link.is_on_another() {
                return Err(Outcome::Unknown("devices of macvlan and ipvlan"));
            }
            let Some(info) = link.msg.info.as_ref().filter(|info| info.kind == "vlan") else {
                return Ok((dev, bytes));
            };
            let (Some(lower), None) = (link.msg.link, link.link_ns) else {
                return Err(Outcome::Unknown("a VLAN device on one of another namespace"));
            };
            if info.data.iter().any(|attr| attr.kind == EGRESS) {
                return Err(Outcome::Unknown("priorities of VLAN frames"));
            }
            let below = self.config.links.get(lower);
            if below.is_none_or(|below| !below.is_up() || !below.has_carrier()) {
                return Err(Outcome::Dropped(DropReason::NotSpecified));
            }
            let protocol = info.vlan_protocol.unwrap_or(ethertype::VLAN).to_be_bytes();
            let id = info.vlan_id.unwrap_or(0).to_be_bytes();
            let at = ADDRESSES.min(bytes.len());
            bytes.splice(at..at, protocol.into_iter().chain(id));
            dev = lower;
        }
    }
}
