//! What a function at a hook sees of a packet, and how it changes it: checksums follow
//! each change, and a wrong one stays wrong.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fingerpost_net::Family;
use fingerpost_net::wire::{Checksum, Header, Ipv4, Ipv6, next, proto};

use super::super::six;
use super::Packet;
use crate::config::Config;
use crate::state::Time;
use crate::trace::Hook;

/// DCCP's number.
const DCCP: u8 = 33;

/// A packet at a hook (`struct nf_hook_state` and its `sk_buff`).
pub struct AtHook<'a> {
    /// Which hook.
    pub hook: Hook,
    /// The packet's family.
    pub family: Family,
    /// The device that it came in by, where the hook shows it; 0 for none (C-222).
    pub input: u32,
    /// The device that it leaves by, where the hook shows it; 0 for none.
    pub output: u32,
    /// The namespace's configuration.
    pub config: &'a Config,
    /// The time.
    pub now: Time,
    pub(super) packet: &'a mut Packet,
}

impl AtHook<'_> {
    /// The packet, from its IP header on.
    pub fn bytes(&self) -> &[u8] {
        &self.packet.bytes
    }

    /// Its mark.
    pub fn mark(&self) -> u32 {
        self.packet.mark
    }

    /// Sets its mark.
    pub fn set_mark(&mut self, mark: u32) {
        self.packet.mark = mark;
    }

    /// Its source; `None` without a whole header.
    pub fn source(&self) -> Option<IpAddr> {
        let bytes = &self.packet.bytes;
        match self.family {
            Family::V4 => Ipv4::read(bytes).map(|header| header.source().into()),
            Family::V6 => Ipv6::read(bytes).map(|header| header.source().into()),
        }
    }

    /// Its destination; `None` without a whole header.
    pub fn destination(&self) -> Option<IpAddr> {
        let bytes = &self.packet.bytes;
        match self.family {
            Family::V4 => Ipv4::read(bytes).map(|header| header.destination().into()),
            Family::V6 => Ipv6::read(bytes).map(|header| header.destination().into()),
        }
    }

    /// Sets its source, and what counts it in: the checksums of IPv4's header and of
    /// TCP, UDP, UDP-Lite, DCCP and ICMPv6. An address of the other family is refused
    /// with `false`.
    pub fn set_source(&mut self, addr: IpAddr) -> bool {
        match addr {
            IpAddr::V4(addr) => self.set_address4(SOURCE4, addr),
            IpAddr::V6(addr) => self.set_address6(SOURCE6, addr),
        }
    }

    /// Sets its destination, likewise.
    pub fn set_destination(&mut self, addr: IpAddr) -> bool {
        match addr {
            IpAddr::V4(addr) => self.set_address4(DESTINATION4, addr),
            IpAddr::V6(addr) => self.set_address6(DESTINATION6, addr),
        }
    }

    /// Its type of service, or traffic class.
    pub fn tos(&self) -> u8 {
        match self.family {
            Family::V4 => Ipv4::read(&self.packet.bytes).map_or(0, |header| header.tos),
            Family::V6 => Ipv6::read(&self.packet.bytes).map_or(0, Ipv6::traffic_class),
        }
    }

    /// Sets its type of service, or traffic class.
    pub fn set_tos(&mut self, tos: u8) {
        match self.family {
            Family::V4 => self.set_word4(TOS_WORD, |[first, _]| [first, tos]),
            Family::V6 => {
                if let Some(header) = Ipv6::edit(&mut self.packet.bytes) {
                    header.word = Ipv6::word_of(tos, header.flow_label());
                }
            }
        }
    }

    /// What it has left to live.
    pub fn hop_limit(&self) -> u8 {
        match self.family {
            Family::V4 => Ipv4::read(&self.packet.bytes).map_or(0, |header| header.ttl),
            Family::V6 => Ipv6::read(&self.packet.bytes).map_or(0, |header| header.hop_limit),
        }
    }

    /// Sets what it has left to live.
    pub fn set_hop_limit(&mut self, limit: u8) {
        match self.family {
            Family::V4 => self.set_word4(TTL_WORD, |[_, proto]| [limit, proto]),
            Family::V6 => {
                if let Some(header) = Ipv6::edit(&mut self.packet.bytes) {
                    header.hop_limit = limit;
                }
            }
        }
    }

    fn set_word4(&mut self, at: usize, change: impl FnOnce([u8; 2]) -> [u8; 2]) {
        let Some(&[a, b]) = self.packet.bytes.get(at..at + 2) else { return };
        let new = change([a, b]);
        replace(&mut self.packet.bytes, CHECKSUM4, &[a, b], &new);
        self.packet.bytes[at..at + 2].copy_from_slice(&new);
    }

    fn set_address4(&mut self, at: usize, addr: Ipv4Addr) -> bool {
        let bytes = &mut self.packet.bytes;
        let Some(&header) = Ipv4::read(bytes).filter(|_| self.family == Family::V4) else { return false };
        let (old, new) = (<[u8; 4]>::try_from(&bytes[at..at + 4]).unwrap_or_default(), addr.octets());
        replace(bytes, CHECKSUM4, &old, &new);
        if header.offset() == 0 {
            replace_transport(bytes, header.header_len(), header.proto, &old, &new);
        }
        bytes[at..at + 4].copy_from_slice(&new);
        true
    }

    fn set_address6(&mut self, at: usize, addr: Ipv6Addr) -> bool {
        let bytes = &mut self.packet.bytes;
        let Some(&header) = Ipv6::read(bytes).filter(|_| self.family == Family::V6) else { return false };
        let (old, new) = (<[u8; 16]>::try_from(&bytes[at..at + 16]).unwrap_or_default(), addr.octets());
        if let Some((number, place)) = six::payload(bytes, header.next) {
            replace_transport(bytes, place, number, &old, &new);
        }
        bytes[at..at + 16].copy_from_slice(&new);
        true
    }
}

const TOS_WORD: usize = 0;
const TTL_WORD: usize = 8;
const CHECKSUM4: usize = 10;
const SOURCE4: usize = 12;
const DESTINATION4: usize = 16;
const SOURCE6: usize = 8;
const DESTINATION6: usize = 24;

/// Brings a transport's checksum along with an address (`inet_proto_csum_replace4`). One of
/// UDP that was left out stays so.
fn replace_transport(bytes: &mut [u8], payload: usize, number: u8, old: &[u8], new: &[u8]) {
    let field = payload
        + match number {
            proto::TCP => 16,
            proto::UDP | proto::UDPLITE | DCCP => 6,
            next::ICMPV6 => 2,
            _ => return,
        };
    let is_udp = number == proto::UDP;
    if is_udp && bytes.get(field..field + 2) == Some(&[0, 0]) {
        return;
    }
    replace(bytes, field, old, new);
    if is_udp && bytes.get(field..field + 2) == Some(&[0, 0]) {
        bytes[field..field + 2].copy_from_slice(&[0xff, 0xff]);
    }
}

/// Brings the checksum at `at` along where `old` becomes `new` (RFC 1624).
fn replace(bytes: &mut [u8], at: usize, old: &[u8], new: &[u8]) {
    let Some(&[a, b]) = bytes.get(at..at + 2) else { return };
    let start = Checksum::ZERO.word(!u16::from_be_bytes([a, b])).bytes(new);
    let words = old.chunks_exact(2).map(|pair| !u16::from_be_bytes([pair[0], pair[1]]));
    let sum = words.fold(start, Checksum::word).finish();
    bytes[at..at + 2].copy_from_slice(&sum.to_be_bytes());
}
