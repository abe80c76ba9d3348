//! What bridged IP packets go through where bridges call Netfilter's hooks, whether or not
//! anything is registered there (`br_netfilter`): their headers are checked, padding is taken
//! away, and IPv4 packets that are too long for a port are cut.

use fingerpost_net::Family;
use fingerpost_net::wire::{Ethernet, Header, Ipv4, Ipv6, checksum, ethertype, next};

use super::{At, takes};
use crate::config::Link;
use crate::control::sysctl;
use crate::counters::Counter;
use crate::lookup::DropReason;
use crate::path::options::Options;
use crate::path::{Frame, Outcome, Stack, fragment};
use crate::trace::Stage;

const CALL4: &str = "bridge-nf-call-iptables";
const CALL6: &str = "bridge-nf-call-ip6tables";
/// `ip6_fragment` has a message sent.
const TOO_LONG6: &str = "what a bridge answers to a packet of IPv6 that is too long for a port";

impl Stack<'_, '_> {
    /// Whether bridged packets of a family are given to hooks, and looked at and cut for them.
    fn bridges_call(&self, setting: &str) -> bool {
        sysctl::is_on_for_bridges(self.config, setting, self.env.behaviour.bridges_call_netfilter)
    }

    /// Whether functions at hooks would see the packet in a frame.
    pub(super) fn bridges_to_hooks(&self, frame: &[u8]) -> bool {
        let (family, setting) = match Ethernet::read(frame).map(|header| header.ethertype.get()) {
            Some(ethertype::IPV4) => (Family::V4, CALL4),
            Some(ethertype::IPV6) => (Family::V6, CALL6),
            _ => return false,
        };
        !self.config.hooks.is_empty(family) && self.bridges_call(setting)
    }

    /// A frame that came in by a port, without what follows its packet; why it is dropped
    /// otherwise (`br_nf_pre_routing`).
    pub(super) fn bridge_checks<'f>(&mut self, kind: u16, frame: &'f [u8]) -> Result<&'f [u8], DropReason> {
        let packet = &frame[Ethernet::LEN..];
        let len = match kind {
            ethertype::IPV4 if self.bridges_call(CALL4) => self.checked_len4(packet).map_err(Some),
            ethertype::IPV6 if self.bridges_call(CALL6) => self.checked_len6(packet),
            _ => return Ok(frame),
        };
        len.map(|len| &frame[..Ethernet::LEN + len]).map_err(|counter| {
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
    /// takes; options stay in all pieces (`br_nf_dev_queue_xmit`). `None` where it is not that
    /// long. That bridges answer such packets of IPv6 is not modelled.
    pub(super) fn bridge_cuts(&mut self, bridge: u32, port: &Link, frame: &[u8]) -> Option<At> {
        let (link, packet) = frame.split_at_checked(Ethernet::LEN)?;
        if packet.len() <= port.mtu() as usize {
            return None;
        }
        match Ethernet::read(frame)?.ethertype.get() {
            ethertype::IPV4 if self.bridges_call(CALL4) => {}
            ethertype::IPV6 if self.bridges_call(CALL6) => {
                self.bridged(Outcome::Unknown(TOO_LONG6));
                return Some(At::Dropped);
            }
            _ => return None,
        }
        if Ipv4::read(packet)?.dont_fragment() {
            self.count(Counter::IpFragFails);
            return Some(At::Dropped);
        }
        let mtu = self.config.links.get(bridge)?.mtu();
        let Ok(pieces) = fragment::cut(packet, &Options::default(), mtu, None) else {
            self.count(Counter::IpFragFails);
            return Some(At::Dropped);
        };
        let mut all = At::Dropped;
        for piece in pieces {
            self.count(Counter::IpFragCreates);
            let bytes = [link, &piece].concat();
            if takes(port, bytes.len()) && port.has_carrier() {
                self.emitted.push(Frame { dev: port.index(), bytes });
                self.stage(Stage::Transmit { dev: port.index() });
                all = At::Sent;
            }
        }
        self.count(Counter::IpFragOKs);
        Some(all)
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
