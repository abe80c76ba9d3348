//! ARP: asking, answering and learning (`net/ipv4/arp.c`; C-277 to C-279).

use std::net::Ipv4Addr;

use fingerpost_model::{LinkFlags, NeighState, RouteType, Scope};
use fingerpost_net::Family;
use fingerpost_net::wire::{Arp, Ethernet, Header, Ipv4, Mac, ethertype};
use zerocopy::IntoBytes;

use super::ethernet::{broadcast_of, mac_of};
use super::neighbour::{Update, key};
use super::timers::{Due, Timer};
use super::{Addressed, Outcome, Packet, Stack};
use crate::config::{IfAddr, InDev, Link};
use crate::lookup::hash::{Asker, Quoted};
use crate::lookup::input4::Received;
use crate::lookup::{Decision, DropReason, Flow4, output4, source};
use crate::state::Time;
use crate::trace::Stage;

impl Stack<'_, '_> {
    /// Asks for the address of a target on behalf of a packet from `packet_source`
    /// (`arp_solicit`, C-277); everybody, or the neighbour `to` alone.
    pub(super) fn arp_ask(
        &mut self,
        dev: u32,
        target: Ipv4Addr,
        packet_source: Option<Ipv4Addr>,
        to: Option<Mac>,
    ) {
        let Some(ipv4) = self.config.links.ipv4(dev) else { return };
        let announce = ipv4.conf.arp_announce.max(self.config.sysctl.all.arp_announce);
        let is_local = |addr: &Ipv4Addr| source::address_type_on(self.config, *addr, dev) == RouteType::LOCAL;
        let own = packet_source.filter(|_| announce != 2).filter(is_local).filter(|&own| {
            announce != 1 || ipv4.addrs.iter().any(|addr| addr.matches(target) && addr.matches(own))
        });
        let sender = own.unwrap_or_else(|| source::select_addr(self.config, dev, target, Scope::LINK).0);
        let everybody = self.config.links.get(dev).map_or([0; 6], broadcast_of);
        self.arp_send(Arp::REQUEST, dev, (target, [0; 6]), sender, to.unwrap_or(everybody));
    }

    fn arp_send(&mut self, op: u16, dev: u32, target: (Ipv4Addr, Mac), sender: Ipv4Addr, to: Mac) {
        let Some(link) = self.config.links.get(dev) else { return };
        if link.msg.flags.has(LinkFlags::NOARP) || !link.has_carrier() {
            return;
        }
        let own = mac_of(link);
        let arp = Arp::new(op, (own, sender), (target.1, target.0));
        let header = Ethernet { dst: to, src: own, ethertype: ethertype::ARP.into() };
        self.stage(Stage::Arp { dev, op, target: target.0 });
        self.emit(dev, [header.as_bytes(), arp.as_bytes()].concat());
    }

    /// `arp_rcv`.
    pub(super) fn arp_receive(&mut self, packet: Box<Packet>) {
        self.stage(Stage::Receive { dev: packet.dev });
        match self.arp_process(&packet, false) {
            Ok(()) => self.end(&packet, Outcome::Delivered),
            Err(reason) => self.drop(&packet, reason),
        }
    }

    /// `arp_process`; `is_delayed` where the answer for another has waited.
    fn arp_process(&mut self, packet: &Packet, is_delayed: bool) -> Result<(), DropReason> {
        let dev = packet.dev;
        let refused = Err(DropReason::NotSpecified);
        let Some(link) = self.config.links.get(dev) else { return refused };
        if link.msg.flags.has(LinkFlags::NOARP) || packet.addressed == Addressed::OtherHost {
            return Ok(()); // It is consumed without a look.
        }
        let Some(&arp) = Arp::read(&packet.bytes) else { return Err(DropReason::PktTooSmall) };
        let op = arp.op.get();
        let is_ours = matches!(arp.hardware.get(), 1 | 6) && arp.protocol.get() == ethertype::IPV4;
        if arp.hardware_len != 6 || arp.protocol_len != 4 || !is_ours {
            return refused;
        }
        let Some(ipv4) = &link.ipv4 else { return refused };
        if !matches!(op, Arp::REQUEST | Arp::REPLY) {
            return refused;
        }
        let all = &self.config.sysctl.all;
        let (sender, target): (Ipv4Addr, Ipv4Addr) = (arp.sender.into(), arp.target.into());
        let localnet = ipv4.conf.route_localnet != 0 || all.route_localnet != 0;
        if target.is_multicast() || target.is_loopback() && !localnet {
            return refused;
        }
        let drops_gratuitous = ipv4.conf.drop_gratuitous_arp != 0 || all.drop_gratuitous_arp != 0;
        if sender == target && drops_gratuitous {
            return refused;
        }
        let mac = arp.sender_mac;
        if sender.is_unspecified() {
            // Somebody looks whether an address is taken (RFC 5227).
            let is_own = source::address_type_on(self.config, target, dev) == RouteType::LOCAL;
            if op == Arp::REQUEST && is_own && !self.ignores(dev, sender, target) {
                self.arp_send(Arp::REPLY, dev, (sender, mac), target, mac);
            }
            return Ok(());
        }
        if op == Arp::REQUEST
            && let Some(decision) = self.route_for(packet, sender, target)
            && let Some(answered) = self.answer((packet, is_delayed), &decision, (sender, mac), target)
        {
            return answered;
        }
        self.learn(packet, op, (sender, mac), (target, arp.target_mac));
        Ok(())
    }

    /// The input route that decides whose the target is.
    fn route_for(&mut self, packet: &Packet, sender: Ipv4Addr, target: Ipv4Addr) -> Option<Decision> {
        // Hashes take the request for a header of IPv4.
        let quoted = Ipv4::read(&packet.bytes).map(|read| Quoted::Arp(read.source(), read.destination()));
        let received = Received { quoted, ..Received::between(packet.dev, sender, target) };
        self.resolve_input(packet, &received).ok()
    }

    /// Answers a request; `None` where it is only learned from.
    fn answer(
        &mut self,
        (packet, is_delayed): (&Packet, bool),
        decision: &Decision,
        (sender, mac): (Ipv4Addr, Mac),
        target: Ipv4Addr,
    ) -> Option<Result<(), DropReason>> {
        let dev = packet.dev;
        let update = Update::of_arp(mac, NeighState::STALE, true);
        if decision.kind == RouteType::LOCAL {
            if !self.ignores(dev, sender, target) && !self.is_filtered(dev, sender, target) {
                self.neighbour_update(key(dev, sender), update);
                self.arp_send(Arp::REPLY, dev, (sender, mac), target, mac);
            }
            return Some(Ok(()));
        }
        let ipv4 = self.config.links.ipv4(dev)?;
        if ipv4.conf.forwarding == 0 || decision.kind != RouteType::UNICAST {
            return None;
        }
        if !self.is_proxy_for(ipv4, dev, decision, sender, target) {
            return None;
        }
        self.neighbour_update(key(dev, sender), update);
        let delay = self.neighbour_setting(key(dev, sender), "proxy_delay");
        if is_delayed || packet.addressed == Addressed::Host || delay == 0 {
            self.arp_send(Arp::REPLY, dev, (sender, mac), target, mac);
        } else if self.state.timers.answers(dev, Family::V4)
            > self.neighbour_setting(key(dev, sender), "proxy_qlen")
        {
            return Some(Err(DropReason::NotSpecified));
        } else {
            // Hundredths of a second, at most so many; whoever has the address is faster.
            let at = Time(self.now().0 + self.rng.below(delay * 10));
            self.state.timers.set(Timer::ProxyArp { dev, sender, mac, target }, None, Some(Due::exactly(at)));
        }
        Some(Ok(()))
    }

    /// A request whose answer was delayed is looked at once more (`parp_redo`).
    pub(super) fn proxy_arp(&mut self, dev: u32, sender: Ipv4Addr, mac: Mac, target: Ipv4Addr) {
        if self.config.links.get(dev).is_some_and(Link::is_up) {
            let request = Arp::new(Arp::REQUEST, (mac, sender), ([0; 6], target));
            let packet = Packet::at(dev, request.as_bytes().to_vec());
            let _ = self.arp_process(&packet, true);
        }
    }

    /// Whether a request for another's address is answered (`arp_fwd_proxy`,
    /// `arp_fwd_pvlan`, `pneigh_lookup`; C-279).
    fn is_proxy_for(
        &self,
        ipv4: &InDev,
        dev: u32,
        decision: &Decision,
        sender: Ipv4Addr,
        target: Ipv4Addr,
    ) -> bool {
        let (all, leaves_by) = (&self.config.sysctl.all, decision.dev);
        let is_elsewhere = leaves_by != dev;
        let is_proxy = ipv4.conf.proxy_arp != 0 || all.proxy_arp != 0;
        if is_elsewhere && is_proxy {
            let medium = ipv4.conf.medium_id;
            let other = self.config.links.ipv4(leaves_by).map_or(-1, |ipv4| ipv4.conf.medium_id);
            if medium == 0 || medium != -1 && other != medium && other != -1 {
                return true;
            }
        }
        let is_private = ipv4.conf.proxy_arp_pvlan != 0 || all.proxy_arp_pvlan != 0;
        if !is_elsewhere && is_private && sender != target {
            return true;
        }
        let proxies = &self.config.neighbours.proxies;
        is_elsewhere && [dev, 0].iter().any(|&dev| proxies.contains_key(&key(dev, target)))
    }

    /// `arp_ignore` (C-278).
    fn ignores(&self, dev: u32, sender: Ipv4Addr, target: Ipv4Addr) -> bool {
        let Some(ipv4) = self.config.links.ipv4(dev) else { return true };
        let unset = Ipv4Addr::UNSPECIFIED;
        match ipv4.conf.arp_ignore.max(self.config.sysctl.all.arp_ignore) {
            1 => !self.confirms(ipv4, unset, target, Scope::HOST),
            2 => !self.confirms(ipv4, sender, target, Scope::HOST),
            3 => {
                let mut all = self.config.links.in_order().filter_map(|link| link.ipv4.as_ref());
                !all.any(|dev| self.confirms(dev, unset, target, Scope::LINK))
            }
            8 => true,
            _ => false,
        }
    }

    /// Whether a device has an address of a scope or a wider one, and is in a subnet with
    /// it and with another (`confirm_addr_indev`).
    fn confirms(&self, dev: &InDev, other: Ipv4Addr, own: Ipv4Addr, scope: Scope) -> bool {
        let localnet = dev.conf.route_localnet != 0 || self.config.sysctl.all.route_localnet != 0;
        let narrowest = if localnet { Scope::LINK } else { Scope::HOST };
        let has = dev.addrs.iter().any(|addr| addr.local == own && addr.scope.min(narrowest) <= scope);
        let joins = |addr: &IfAddr| addr.matches(own) && (other.is_unspecified() || addr.matches(other));
        has && dev.addrs.iter().any(joins)
    }

    /// `arp_filter`: only where the way back to the sender leaves by the device.
    fn is_filtered(&mut self, dev: u32, sender: Ipv4Addr, target: Ipv4Addr) -> bool {
        let Some(ipv4) = self.config.links.ipv4(dev) else { return true };
        if ipv4.conf.arp_filter == 0 && self.config.sysctl.all.arp_filter == 0 {
            return false;
        }
        let mut flow = Flow4 { src: target, oif: self.vrf_of(dev), ..Flow4::to(sender) };
        let asker = Asker::Socket;
        let back = output4::resolve(self.config, self.state, self.env, &mut flow, asker, self.tracer);
        let leaves_elsewhere = back.as_ref().is_ok_and(|decision| decision.dev != dev);
        if leaves_elsewhere {
            self.count(crate::counters::Counter::TcpExtArpFilter);
        }
        back.is_err() || leaves_elsewhere
    }

    /// What a message tells about its sender.
    fn learn(
        &mut self,
        packet: &Packet,
        op: u16,
        (sender, mac): (Ipv4Addr, Mac),
        (target, target_mac): (Ipv4Addr, Mac),
    ) {
        let dev = packet.dev;
        let Some(ipv4) = self.config.links.ipv4(dev) else { return };
        let accept = ipv4.conf.arp_accept.max(self.config.sysctl.all.arp_accept);
        let accepts = match accept {
            1 => true,
            2 => ipv4.addrs.iter().any(|addr| addr.matches(sender)),
            _ => false,
        };
        let is_known = self.knows(key(dev, sender));
        if !is_known && !accepts {
            return;
        }
        let is_unicast = source::address_type_on(self.config, sender, dev) == RouteType::UNICAST;
        // A reply counts where both link-layer addresses are the same.
        let is_gratuitous = target == sender && is_unicast && (op == Arp::REQUEST || target_mac == mac);
        let tells = is_known || is_gratuitous || (op == Arp::REPLY && is_unicast);
        if !tells {
            return;
        }
        let lock = self.neighbour_setting(key(dev, sender), "locktime") * 10;
        let overrides = is_gratuitous || !self.was_updated_within(key(dev, sender), lock);
        let is_answer = op == Arp::REPLY && packet.addressed == Addressed::Host;
        let state = if is_answer { NeighState::REACHABLE } else { NeighState::STALE };
        self.neighbour_update(key(dev, sender), Update::of_arp(mac, state, overrides));
    }
}
