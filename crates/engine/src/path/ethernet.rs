//! Link headers: from frames to packets and back.

use fingerpost_net::wire::{Ethernet, Header, Mac, ethertype};
use zerocopy::IntoBytes;

use super::bridge::{Bridged, is_bridge};
use super::six::is_six;
use super::vlan::{Taken, is_shared};
use super::{Addressed, Frame, Outcome, Packet, Stack};
use crate::config::Link;
use crate::lookup::DropReason;
use crate::trace::Stage;

/// `ARPHRD_ETHER`.
const ETHER: u16 = 1;
/// Everybody.
pub(super) const BROADCAST: Mac = [0xff; 6];

/// The address of everybody on a device's link.
pub(super) fn broadcast_of(link: &Link) -> Mac {
    let set = link.msg.broadcast.as_ref().and_then(|addr| Mac::try_from(addr.0.as_slice()).ok());
    set.unwrap_or(BROADCAST)
}

/// The link-layer address of a device that has one of Ethernet's.
pub(super) fn mac_of(link: &Link) -> Mac {
    link.msg.address.as_ref().and_then(|addr| Mac::try_from(addr.0.as_slice()).ok()).unwrap_or_default()
}

/// Whether packets can be given to a device.
pub(super) fn has_queue(link: &Link) -> bool {
    let is_own = link.is_loopback() || link.vrf_table().is_some();
    link.is_up() && (is_own || link.has_carrier())
}

/// Whether frames of a device have Ethernet's header; of others they are packets alone.
pub fn has_header(link: &Link) -> bool {
    link.msg.arp_type == ETHER || link.is_loopback()
}

impl Stack<'_, '_> {
    /// Takes a frame off the wire (`eth_type_trans`, `__netif_receive_skb_core`).
    pub(super) fn take_frame(&mut self, dev: u32, frame: &[u8], mark: u32) {
        let Some(link) = self.config.links.get(dev) else {
            self.outcome = Outcome::Dropped(DropReason::DevReady);
            return;
        };
        if !link.is_up() {
            self.outcome = Outcome::Dropped(DropReason::DevReady);
            return;
        }
        let mut link_header = None;
        let (addressed, kind, bytes) = if has_header(link) {
            let Some(header) = Ethernet::read(frame) else {
                self.outcome = Outcome::Dropped(DropReason::PktTooSmall);
                return;
            };
            link_header = frame.first_chunk().copied();
            let addressed = match header.dst {
                dst if dst == mac_of(link) => Addressed::Host,
                dst if dst[0] & 1 == 0 => Addressed::OtherHost,
                dst if dst == broadcast_of(link) => Addressed::Broadcast,
                _ => Addressed::Multicast,
            };
            (addressed, header.ethertype.get(), &frame[Ethernet::LEN..])
        } else {
            let kind = match frame.first().map(|byte| byte >> 4) {
                Some(4) => ethertype::IPV4,
                Some(6) => ethertype::IPV6,
                _ => 0,
            };
            (Addressed::Host, kind, frame)
        };
        let to = Ethernet::read(frame).map_or(BROADCAST, |header| header.dst);
        let mut taken = Taken { dev, addressed, kind, bytes };
        let mut number = None;
        match self.untag(to, taken) {
            Ok(untagged) => taken = untagged,
            Err(outcome) => return self.outcome = outcome,
        }
        let master = self.config.links.get(taken.dev).and_then(Link::master);
        let master = master.and_then(|master| self.config.links.get(master));
        if let Some(master) = master.filter(|master| master.vrf_table().is_none()) {
            if !is_bridge(master) {
                self.outcome = Outcome::Unknown("a device of a master that is no bridge");
                return;
            }
            match self.bridge_receive(taken.dev, frame, taken.addressed, mark) {
                Bridged::Up { bridge: dev, addressed, len, seen } => {
                    number = seen;
                    let bytes = &taken.bytes[..taken.bytes.len().saturating_sub(frame.len() - len)];
                    taken = Taken { dev, addressed, bytes, ..taken };
                }
                Bridged::Pass => {}
                Bridged::Done => return,
            }
        }
        let Taken { dev, addressed, kind, bytes } = taken;
        if is_shared(self.config, dev) {
            self.outcome = Outcome::Unknown("a device with macvlans or ipvlans on it");
            return;
        }
        let mut packet = Box::new(Packet {
            addressed,
            link_header,
            iif: dev,
            mark,
            is_subject: true,
            ..Packet::at(dev, bytes.to_vec())
        });
        match number {
            None => self.set_out(&mut packet),
            Some(number) => {
                packet.number = number;
                // A VRF has it pass once more (`ip_sabotage_in`).
                packet.is_prerouted = self.vrf_of(dev) == 0;
                self.announce(&packet);
            }
        }
        match kind {
            ethertype::IPV4 => self.ip_receive(packet),
            ethertype::ARP => self.arp_receive(packet),
            ethertype::IPV6 => self.ip6_receive(packet),
            // What is a length: for a protocol above IEEE 802.2.
            0..0x600 => self.drop(&packet, DropReason::NotSpecified),
            _ => self.drop(&packet, DropReason::UnhandledProto),
        }
    }

    /// Gives a packet to a device (`dev_queue_xmit`).
    pub(super) fn transmit(&mut self, mut packet: Box<Packet>, dst: Mac) {
        let Some(link) = self.config.links.get(packet.dev) else {
            return self.drop(&packet, DropReason::NotSpecified);
        };
        if !has_queue(link) {
            // A device that is down, or without carrier, has no queue (`noop_enqueue`).
            return self.drop(&packet, DropReason::QdiscDrop);
        }
        if link.is_loopback() {
            self.stage(Stage::Loop);
            let kind = if is_six(&packet) { ethertype::IPV6 } else { ethertype::IPV4 };
            let header = Ethernet { dst: [0; 6], src: [0; 6], ethertype: kind.into() };
            packet.link_header = header.as_bytes().first_chunk().copied();
            (packet.addressed, packet.iif) = (Addressed::Host, packet.dev);
            return self.backlog.push_back(packet);
        }
        if link.vrf_table().is_some() {
            return self.transmit_in_vrf(packet);
        }
        let mut bytes = Vec::with_capacity(Ethernet::LEN + packet.bytes.len());
        if has_header(link) {
            let kind = match is_six(&packet) {
                false => ethertype::IPV4,
                true => ethertype::IPV6,
            };
            let header = Ethernet { dst, src: mac_of(link), ethertype: kind.into() };
            bytes.extend_from_slice(header.as_bytes());
        }
        bytes.extend_from_slice(&packet.bytes);
        self.stage(Stage::Transmit { dev: packet.dev });
        match self.emit(packet.dev, bytes) {
            true => self.end(&packet, Outcome::Sent),
            false => self.drop(&packet, DropReason::NotSpecified),
        }
    }

    /// A frame leaves by a device, one of a VLAN by the device below it, one of a bridge by
    /// its ports; whether it does.
    pub(super) fn emit(&mut self, dev: u32, bytes: Vec<u8>) -> bool {
        match self.tagged(dev, bytes) {
            Ok((dev, bytes)) if self.config.links.get(dev).is_some_and(is_bridge) => {
                return self.bridge_transmit(dev, &bytes);
            }
            Ok((dev, bytes)) => self.emitted.push(Frame { dev, bytes }),
            Err(unknown @ Outcome::Unknown(_)) => self.outcome = unknown,
            Err(_) => return false,
        }
        true
    }
}
