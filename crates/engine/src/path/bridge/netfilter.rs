//! What bridged IP packets go through where bridges call Netfilter's hooks, whether or not
//! anything is registered there (`br_netfilter`): their headers are checked, padding is taken
//! away, and packets that are too long for a port are cut, or their senders told.

use fingerpost_net::Family;
use fingerpost_net::wire::{Ethernet, Header, Ipv4, Ipv6, checksum, ethertype, icmp6, next};

use super::{At, takes};
use crate::config::Link;
use crate::control::sysctl;
use crate::counters::Counter;
use crate::lookup::DropReason;
use crate::path::options::Options;
use crate::path::{Addressed, Frame, Outcome, Packet, Stack, fragment};
use crate::trace::{Hook, Stage};

const CALL4: &str = "bridge-nf-call-iptables";
const CALL6: &str = "bridge-nf-call-ip6tables";
const CALL_ARP: &str = "bridge-nf-call-arptables";
/// What says of which addresses ARP tells, bytes.
const ARP_HEAD: usize = 8;
const CALL_IN_PPPOE: &str = "bridge-nf-filter-pppoe-tagged";
/// Linux cuts a packet behind the headers that each piece needs.
const EXTENDED: &str = "a bridge that cuts a packet with extension headers";
const CHANGED: &str = "bridged packets that functions at hooks change";

/// The sessions of PPPoE (RFC 2516), whose header and protocol stand before the packet.
mod pppoe {
    pub const SESSION: u16 = 0x8864;
    pub const LEN: usize = 8;
    pub const IPV4: u16 = 0x21;
    pub const IPV6: u16 = 0x57;
}

/// What PREROUTING made of a frame that came in by a port.
pub(super) enum Seen {
    /// Nothing is called there for it.
    No,
    /// It passed, as the packet of this number.
    Passed(u64),
    /// It was stopped.
    Stopped,
}

impl Stack<'_, '_> {
    /// Whether bridged packets of a family are given to hooks, and looked at and cut for them.
    fn bridges_call(&self, setting: &str) -> bool {
        sysctl::is_on_for_bridges(self.config, setting, self.env.behaviour.bridges_call_netfilter)
    }

    /// The packet in a frame that hooks are called for: its family, and where it begins.
    fn called_for(&self, frame: &[u8]) -> Option<(Family, usize)> {
        let (family, at) = match Ethernet::read(frame)?.ethertype.get() {
            ethertype::IPV4 => (Family::V4, Ethernet::LEN),
            ethertype::IPV6 => (Family::V6, Ethernet::LEN),
            pppoe::SESSION if self.bridges_call(CALL_IN_PPPOE) => {
                let at = Ethernet::LEN + pppoe::LEN;
                match frame.get(at - 2..at)?.try_into().map(u16::from_be_bytes).ok()? {
                    pppoe::IPV4 => (Family::V4, at),
                    pppoe::IPV6 => (Family::V6, at),
                    _ => return None,
                }
            }
            _ => return None,
        };
        let setting = if family == Family::V4 { CALL4 } else { CALL6 };
        self.bridges_call(setting).then_some((family, at))
    }

    /// Gives a packet that came in by a port to the functions at PREROUTING, before its sender is
    /// learned (`br_nf_pre_routing`).
    pub(super) fn bridge_prerouting(
        &mut self,
        bridge: u32,
        frame: &[u8],
        addressed: Addressed,
        mark: u32,
    ) -> Seen {
        let called = self.called_for(frame);
        let Some((_, at)) = called.filter(|&(family, _)| self.config.hooks.has(family, Hook::Prerouting))
        else {
            return Seen::No;
        };
        let bytes = frame[at..].to_vec();
        let mut packet = Box::new(Packet {
            addressed: if addressed == Addressed::OtherHost { Addressed::Host } else { addressed },
            link_header: frame.first_chunk().copied(),
            iif: bridge,
            mark,
            is_subject: true,
            ..Packet::at(bridge, bytes.clone())
        });
        self.set_out(&mut packet);
        let Some(passed) = self.hook(Hook::Prerouting, packet) else { return Seen::Stopped };
        let packet = passed.into_packet();
        if packet.bytes != bytes || packet.mark != mark {
            self.end(&packet, Outcome::Unknown(CHANGED));
            return Seen::Stopped;
        }
        Seen::Passed(packet.number)
    }

    /// Gives a packet that goes from port to port to the functions at FORWARD and POSTROUTING; what
    /// became of it where it does not go on (`br_nf_forward_ip`, `br_nf_post_routing`).
    pub(super) fn bridge_forwards(&mut self, bridge: u32, frame: &[u8], mark: u32) -> Result<(), At> {
        let hooks = &self.config.hooks;
        let are_there = |family| hooks.has(family, Hook::Forward) || hooks.has(family, Hook::Postrouting);
        let Some((_, at)) = self.called_for(frame).filter(|&(family, _)| are_there(family)) else {
            return Ok(());
        };
        let bytes = &frame[at..];
        let packet = Box::new(Packet { iif: bridge, mark, ..Packet::at(bridge, bytes.to_vec()) });
        let stopped = At::Dropped(DropReason::NetfilterDrop);
        let passed = self.hook(Hook::Forward, packet).ok_or(stopped)?;
        let posted = self.postrouting(passed.into_packet(), 0).map_err(|_| stopped)?;
        match posted.into_packet().bytes == bytes {
            true => Ok(()),
            false => {
                self.bridged(Outcome::Unknown(CHANGED));
                Err(At::Dropped(DropReason::NotSpecified))
            }
        }
    }

    /// Whether a frame of ARP is too short for what hooks look at (`br_nf_forward_arp`).
    pub(super) fn lacks_arp(&self, frame: &[u8]) -> bool {
        let is_arp = Ethernet::read(frame).is_some_and(|header| header.ethertype.get() == ethertype::ARP);
        is_arp && frame.len() < Ethernet::LEN + ARP_HEAD && self.bridges_call(CALL_ARP)
    }

    /// A frame that came in by a port, without what follows its packet; why it is dropped
    /// otherwise (`br_nf_pre_routing`).
    pub(super) fn bridge_checks<'f>(&mut self, kind: u16, frame: &'f [u8]) -> Result<&'f [u8], DropReason> {
        let usual = self.env.behaviour.bridges_call_netfilter;
        if kind == pppoe::SESSION
            && frame.len() < Ethernet::LEN + pppoe::LEN
            && sysctl::are_there_for_bridges(self.config, usual)
        {
            return Err(DropReason::PktTooSmall);
        }
        let (len, at) = match self.called_for(frame) {
            None => return Ok(frame),
            Some((Family::V4, at)) => (self.checked_len4(&frame[at..]).map_err(Some), at),
            Some((Family::V6, at)) => (self.checked_len6(&frame[at..]), at),
        };
        len.map(|len| &frame[..at + len]).map_err(|counter| {
            counter.into_iter().for_each(|counter| self.count(counter));
            DropReason::IpInHdr
        })
    }

    /// How long an IPv4 packet is, or what is counted because its header is not right
    /// (`br_validate_ipv4`).
    fn checked_len4(&mut self, packet: &[u8]) -> Result<usize, Counter> {
        let header = Ipv4::read(packet).ok_or(Counter::IpInHdrErrors)?;
        let total = usize::from(header.total_len.get());
        let is_odd = header.version() != 4 || header.header_len() < Ipv4::LEN;
        let head = packet.get(..header.header_len()).filter(|_| !is_odd).ok_or(Counter::IpInHdrErrors)?;
        if checksum(head) != 0 {
            self.count(Counter::IpExtInCsumErrors);
            return Err(Counter::IpInHdrErrors);
        }
        if packet.len() < total {
            return Err(Counter::IpExtInTruncatedPkts);
        }
        if total < head.len() { Err(Counter::IpInHdrErrors) } else { Ok(total) }
    }

    /// The same of IPv6 (`br_validate_ipv6`); wrong options are not counted.
    fn checked_len6(&mut self, packet: &[u8]) -> Result<usize, Option<Counter>> {
        let header = Ipv6::read(packet).filter(|header| header.version() == 6);
        let header = header.ok_or(Some(Counter::Ip6InHdrErrors))?;
        let named = match header.next {
            next::HOP => jumbo_len(packet).ok_or(None)?,
            _ => None,
        };
        let total = Ipv6::LEN + named.unwrap_or_else(|| header.payload_len.get().into());
        if packet.len() < total { Err(Some(Counter::Ip6InTruncatedPkts)) } else { Ok(total) }
    }

    /// Cuts a packet that is too long for the port that it is to leave by, to what the bridge
    /// takes (`br_nf_dev_queue_xmit`); `None` where it is not that long. One of PPPoE is not cut.
    pub(super) fn bridge_cuts(&mut self, bridge: u32, port: &Link, frame: &[u8]) -> Option<At> {
        let (family, Ethernet::LEN) = self.called_for(frame)? else { return None };
        let (link, packet) = frame.split_at_checked(Ethernet::LEN)?;
        if packet.len() <= port.mtu() as usize {
            return None;
        }
        let mtu = self.config.links.get(bridge)?.mtu();
        let pieces = match family {
            Family::V4 => self.bridge_pieces4(packet, mtu),
            Family::V6 => self.bridge_pieces6(port.index(), packet, mtu),
        };
        let mut all = At::Dropped(DropReason::NotSpecified);
        let (created, done) = match family {
            Family::V4 => (Counter::IpFragCreates, Counter::IpFragOKs),
            Family::V6 => (Counter::Ip6FragCreates, Counter::Ip6FragOKs),
        };
        let Some(pieces) = pieces else { return Some(all) };
        for piece in pieces {
            self.count(created);
            let bytes = [link, &piece].concat();
            if takes(port, bytes.len()) && port.has_carrier() {
                self.emitted.push(Frame { dev: port.index(), bytes });
                self.stage(Stage::Transmit { dev: port.index() });
                all = At::Sent;
            }
        }
        self.count(done);
        Some(all)
    }

    /// The pieces of a packet, none if it may not be cut; options stay in all of them.
    fn bridge_pieces4(&mut self, packet: &[u8], mtu: u32) -> Option<Vec<Vec<u8>>> {
        let may_cut = !Ipv4::read(packet)?.dont_fragment();
        let pieces = may_cut.then(|| fragment::cut(packet, &Options::default(), mtu, None));
        match pieces {
            Some(Ok(pieces)) => Some(pieces),
            _ => {
                self.count(Counter::IpFragFails);
                None
            }
        }
    }

    /// The same of IPv6. Whoever sent what exceeds the bridge's MTU is told (`ip6_fragment`).
    fn bridge_pieces6(&mut self, port: u32, packet: &[u8], mtu: u32) -> Option<Vec<Vec<u8>>> {
        if packet.len() > mtu as usize {
            let about = Packet::at(port, packet.to_vec());
            self.icmp6_send(&about, icmp6::TOO_BIG, 0, mtu);
            self.count(Counter::Ip6FragFails);
            return None;
        }
        if matches!(Ipv6::read(packet)?.next, next::HOP | next::ROUTING | next::DESTINATION) {
            self.bridged(Outcome::Unknown(EXTENDED));
            return None;
        }
        self.pieces6(packet, mtu as usize)
    }
}

/// The length that an option for jumbo payloads names, if there is one; `None` if the
/// hop-by-hop options do not fill their header (`nf_ip6_check_hbh_len`).
fn jumbo_len(packet: &[u8]) -> Option<Option<usize>> {
    const PAD1: u8 = 0;
    const JUMBO: u8 = 194;
    let units = usize::from(*packet.get(Ipv6::LEN + 1)?);
    let (mut at, end) = (Ipv6::LEN + 2, Ipv6::LEN + (units + 1) * 8);
    let options = packet.get(..end)?;
    let mut named = None;
    while let Some(&kind) = options.get(at) {
        if kind == PAD1 {
            at += 1;
            continue;
        }
        let len = 2 + usize::from(*options.get(at + 1)?);
        let option = options.get(at..at + len)?;
        if kind == JUMBO {
            let length = u32::from_be_bytes(option[2..].try_into().ok()?) as usize;
            let has_other = Ipv6::read(packet)?.payload_len.get() != 0;
            if at % 4 != 2
                || length <= usize::from(u16::MAX)
                || has_other
                || length > packet.len() - Ipv6::LEN
            {
                return None;
            }
            named = Some(length);
        }
        at += len;
    }
    Some(named)
}
