//! Sending neighbour discovery: solicitations and advertisements (`ndisc_send_skb`).

use std::net::{IpAddr, Ipv6Addr};

use fingerpost_model::IfaFlags;
use fingerpost_net::Errno;
use fingerpost_net::wire::{Header, Ipv6, Mac, nd, next};
use zerocopy::IntoBytes;

use super::super::ethernet::{has_header, has_queue, mac_of};
use super::super::hook::Sent;
use super::super::{Packet, Stack};
use super::icmp::with_checksum;
use crate::config::In6Dev;
use crate::control::groups6::solicited;
use crate::counters::Counter;
use crate::lookup::{Decision6, DropReason, receive6, source6};
use crate::trace::Stage;

/// All nodes of a link.
pub(super) const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// Flags of addresses that solicitations do not come from.
const UNUSABLE: IfaFlags = IfaFlags(IfaFlags::TENTATIVE.0 | IfaFlags::OPTIMISTIC.0);

/// An option that holds a link-layer address.
pub(super) fn address_option(kind: u8, mac: Mac) -> [u8; 8] {
    let [a, b, c, d, e, f] = mac;
    [kind, 1, a, b, c, d, e, f]
}

/// What an advertisement says.
pub(super) struct Advert {
    pub target: Ipv6Addr,
    pub is_router: bool,
    pub is_solicited: bool,
    pub overrides: bool,
    pub has_address: bool,
}

impl Stack<'_, '_> {
    /// Asks for the address of a target on behalf of a packet from `packet_source`
    /// (`ndisc_solicit`, T-65): its group, or the neighbour itself.
    pub(in crate::path) fn nd_ask(
        &mut self,
        dev: u32,
        target: Ipv6Addr,
        packet_source: Option<Ipv6Addr>,
        is_unicast: bool,
    ) {
        let Some(ipv6) = self.config.links.ipv6(dev) else { return };
        let has = |addr: &Ipv6Addr| {
            ipv6.addrs.iter().any(|have| have.addr == *addr && !have.effective_flags().any(UNUSABLE))
        };
        let own = packet_source.filter(has).or_else(|| link_local_of(ipv6, UNUSABLE));
        let Some(own) = own else { return };
        let to = if is_unicast { target } else { solicited(target) };
        let mut message = vec![nd::SOLICIT, 0, 0, 0, 0, 0, 0, 0];
        message.extend_from_slice(&target.octets());
        message.extend(self.own_option(nd::SOURCE_ADDRESS, dev));
        self.send_nd(dev, own, to, message);
    }

    /// `ndisc_send_na`.
    pub(super) fn send_advert(&mut self, dev: u32, to: Ipv6Addr, advert: &Advert) {
        let Some(ipv6) = self.config.links.ipv6(dev) else { return };
        let own = ipv6.addrs.iter().find(|have| have.addr == advert.target);
        let is_optimistic = own.is_some_and(|own| own.flags.has(IfaFlags::OPTIMISTIC));
        let has_address = advert.has_address || own.is_some() && ipv6.conf.force_tllao != 0;
        let source = match own {
            Some(own) => Some(own.addr),
            None => source6::select(self.config, dev, to, self.tracer),
        };
        let Some(source) = source else { return };
        let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
        let flags = flag(advert.is_router, nd::ROUTER)
            | flag(advert.is_solicited, nd::SOLICITED)
            | flag(advert.overrides && !is_optimistic, nd::OVERRIDE);
        let mut message = vec![nd::ADVERT, 0, 0, 0, flags, 0, 0, 0];
        message.extend_from_slice(&advert.target.octets());
        if has_address {
            message.extend(self.own_option(nd::TARGET_ADDRESS, dev));
        }
        self.send_nd(dev, source, to, message);
    }

    /// The option with the device's link-layer address, if it has one.
    fn own_option(&self, kind: u8, dev: u32) -> Vec<u8> {
        let link = self.config.links.get(dev).filter(|link| has_header(link));
        link.map_or(Vec::new(), |link| address_option(kind, mac_of(link)).to_vec())
    }

    /// A link-local address of a device without any of these flags (`ipv6_get_lladdr`).
    pub(super) fn link_local(&self, dev: u32, banned: IfaFlags) -> Option<Ipv6Addr> {
        self.config.links.ipv6(dev).and_then(|ipv6| link_local_of(ipv6, banned))
    }

    /// `ndisc_send_skb`: always by the device, and with all hops left.
    pub(super) fn send_nd(&mut self, dev: u32, src: Ipv6Addr, dst: Ipv6Addr, message: Vec<u8>) {
        self.send_nd_by(dev, None, (src, dst), message);
    }

    /// The same, by the way that a lookup found.
    pub(super) fn send_nd_by(
        &mut self,
        dev: u32,
        way: Option<Decision6>,
        (src, dst): (Ipv6Addr, Ipv6Addr),
        message: Vec<u8>,
    ) {
        let class = self.config.links.ipv6(dev).map_or(0, |ipv6| ipv6.conf.ndisc_tclass as u8);
        let header = Ipv6 {
            word: Ipv6::word_of(class, 0),
            next: next::ICMPV6,
            hop_limit: 255,
            src: src.octets(),
            dst: dst.octets(),
            payload_len: 0.into(),
        };
        self.send_control(dev, way, header, &[], message);
    }

    /// Sends a message that is for the link alone, behind the extension header of its
    /// own, and back to this host if it listens to the group.
    pub(super) fn send_alert(
        &mut self,
        dev: u32,
        (src, dst): (Ipv6Addr, Ipv6Addr),
        extension: &[u8],
        message: Vec<u8>,
    ) {
        let header = Ipv6 {
            word: Ipv6::word_of(0, 0),
            next: next::HOP,
            hop_limit: 1,
            src: src.octets(),
            dst: dst.octets(),
            payload_len: 0.into(),
        };
        self.send_control(dev, None, header, extension, message);
    }

    fn send_control(
        &mut self,
        dev: u32,
        way: Option<Decision6>,
        mut header: Ipv6,
        extension: &[u8],
        message: Vec<u8>,
    ) {
        let Some(ipv6) = self.config.links.ipv6(dev) else { return };
        let (src, dst, kind) = (header.source(), header.destination(), message[0]);
        let (is_off, is_alert) = (ipv6.conf.disable_ipv6 != 0, !extension.is_empty());
        header.payload_len = ((extension.len() + message.len()) as u16).into();
        let message = with_checksum(message, src, dst);
        let dev = way.as_ref().map_or(dev, |way| way.dev);
        let bytes = [header.as_bytes(), extension, &message].concat();
        let mut packet = Box::new(Packet { bytes, decision6: way, ..Packet::bare(dev) });
        self.set_out(&mut packet);
        self.stage(Stage::LocalOut);
        self.count(Counter::Ip6OutRequests);
        // Counted as a message only if it left.
        if self.send_control_packet(packet, dev, is_off, is_alert).is_ok() {
            self.count_message6(kind);
        }
    }

    fn send_control_packet(&mut self, packet: Box<Packet>, dev: u32, is_off: bool, is_alert: bool) -> Sent {
        let packet = match self.hook_output(packet) {
            Ok(passed) => passed.into_packet(),
            Err(sent) => return sent,
        };
        if packet.decision6.is_some() {
            return self.output6_from(packet, dev);
        }
        let Some(dst) = Ipv6::read(&packet.bytes).map(Ipv6::destination) else { return Ok(()) };
        self.stage(Stage::Output { dev });
        if is_off {
            self.count(Counter::Ip6OutDiscards);
            self.drop(&packet, DropReason::Ipv6Disabled);
            return Ok(());
        }
        // These stand at the device from the beginning.
        let packet = match self.postrouting(packet, dev) {
            Ok(posted) => posted.into_packet(),
            Err(sent) => return sent,
        };
        if is_alert && receive6::joined(self.config, dev, dst) {
            // Delivered, whatever its lookup would say.
            let mut copy = packet.copy();
            copy.decision6 = Some(Decision6::of_link(dev, dst));
            self.give_copy(copy);
        }
        self.count_sent6(&packet, dst);
        let next = IpAddr::V6(dst);
        // What needs no neighbour's answer is given to the device at once, which may have no queue.
        let waits = self.without_resolution(dev, next).is_none() && self.address_of((dev, next)).is_none();
        let is_taken = waits || self.config.links.get(dev).is_some_and(has_queue);
        self.send_to(packet, next)?;
        if is_taken { Ok(()) } else { Err(Errno::ENOBUFS) }
    }
}

fn link_local_of(ipv6: &In6Dev, banned: IfaFlags) -> Option<Ipv6Addr> {
    // The narrowest scopes stand last.
    let own = ipv6.addrs.iter().rev().take_while(|have| have.is_of_link_or_host());
    let mut own = own.filter(|have| have.addr.is_unicast_link_local() && !have.flags.any(banned));
    own.next().map(|have| have.addr)
}
