//! Extended echo requests of both families (RFC 8335): whether a device is there, is up and has
//! addresses (`icmp_build_probe`).

use std::net::{Ipv4Addr, Ipv6Addr};

use super::Stack;
use crate::lookup::source;

/// What says that the device is one of this host rather than of a neighbour.
const LOCAL: u8 = 1;

/// Codes of replies.
mod code {
    pub const MALFORMED: u8 = 1;
    pub const NO_DEVICE: u8 = 2;
}

/// What is told of a device.
mod status {
    pub const ACTIVE: u8 = 4;
    pub const HAS_IPV4: u8 = 2;
    pub const HAS_IPV6: u8 = 1;
}

/// How a device is named.
mod named {
    pub const BY_NAME: u8 = 1;
    pub const BY_INDEX: u8 = 2;
    pub const BY_ADDRESS: u8 = 3;
    pub const IPV4: [u8; 2] = [0, 1];
    pub const IPV6: [u8; 2] = [0, 2];
}

/// The head of the extension, bytes; nothing of it counts.
const EXTENSION: usize = 4;
/// The head of what names the device.
const OBJECT: usize = 4;
/// The most that such an object takes.
const LONGEST: usize = 24;
/// The most that a name takes, with the zero at its end (`IFNAMSIZ`).
const NAME: usize = 16;

/// What is answered.
pub(super) struct Probed {
    pub code: u8,
    /// Identifier, sequence number and status.
    pub rest: [u8; 4],
}

impl Stack<'_, '_> {
    /// What is answered to a request: what follows its checksum, and what follows that; nothing
    /// where nobody may ask, or a neighbour's device is meant.
    pub(super) fn probed(&mut self, code: u8, rest: [u8; 4], data: &[u8]) -> Option<Probed> {
        let [a, b, sequence, bits] = rest;
        if self.setting("icmp_echo_enable_probe") == 0 || bits & LOCAL == 0 {
            return None;
        }
        let answer = |code, status| Probed { code, rest: [a, b, sequence, status] };
        Some(match self.device_named(data) {
            Err(Malformed) => answer(code::MALFORMED, 0),
            Ok(None) => answer(code::NO_DEVICE, 0),
            Ok(Some(dev)) => answer(code, self.status_of(dev)),
        })
    }

    /// The device that a request names; `None` where there is none.
    fn device_named(&mut self, data: &[u8]) -> Result<Option<u32>, Malformed> {
        let object = data.get(EXTENSION..).ok_or(Malformed)?;
        let &[high, low, _, kind] = object.first_chunk::<OBJECT>().ok_or(Malformed)?;
        let len = usize::from(u16::from_be_bytes([high, low]));
        if !(OBJECT + 1..=LONGEST).contains(&len) {
            return Err(Malformed);
        }
        let name = object.get(OBJECT..len).ok_or(Malformed)?;
        match (kind, name) {
            (named::BY_NAME, name) if name.len() < NAME => {
                let end = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
                let name = std::str::from_utf8(&name[..end]).unwrap_or_default();
                Ok(self.config.links.iter().find(|link| link.has_name(name)).map(|link| link.index()))
            }
            (named::BY_INDEX, &[a, b, c, d]) => {
                let link = self.config.links.get(u32::from_be_bytes([a, b, c, d]));
                Ok(link.map(|link| link.index()))
            }
            (named::BY_ADDRESS, &[a, b, len, _, ref addr @ ..]) if usize::from(len) == addr.len() => {
                self.device_with([a, b], addr)
            }
            _ => Err(Malformed),
        }
    }

    fn device_with(&mut self, family: [u8; 2], addr: &[u8]) -> Result<Option<u32>, Malformed> {
        match (family, <[u8; 4]>::try_from(addr), <[u8; 16]>::try_from(addr)) {
            (named::IPV4, Ok(addr), _) => {
                Ok(source::find_owner(self.config, Ipv4Addr::from(addr), self.tracer))
            }
            (named::IPV6, _, Ok(addr)) => Ok(self.config.links.owner6(Ipv6Addr::from(addr))),
            _ => Err(Malformed),
        }
    }

    fn status_of(&self, dev: u32) -> u8 {
        let links = &self.config.links;
        let is_up = links.get(dev).is_some_and(|link| link.is_up());
        let has4 = links.ipv4(dev).is_some_and(|ipv4| !ipv4.addrs.is_empty());
        let has6 = links.ipv6(dev).is_some_and(|ipv6| !ipv6.addrs.is_empty());
        let bits = [(is_up, status::ACTIVE), (has4, status::HAS_IPV4), (has6, status::HAS_IPV6)];
        bits.into_iter().filter(|(is_so, _)| *is_so).map(|(_, bit)| bit).sum()
    }
}

/// A request that names no device in a way that is known.
struct Malformed;
