//! Prefixes: generic inside ([`Prefix`]), of either family at the edges ([`IpPrefix`]).

use core::cmp::Ordering;
use core::fmt;
use core::net::IpAddr;
use core::str::FromStr;

use crate::ip::{Family, Ip};

/// An address prefix with no bits set below its length.
///
/// Ordered by address, then shorter before longer.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Prefix<I> {
    addr: I,
    len: u8,
}

/// Why two numbers do not make a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrefixError {
    /// The length exceeds the family's width.
    Length,
    /// Bits are set below the length.
    HostBits,
    /// Not `ADDRESS` or `ADDRESS/LENGTH`.
    Syntax,
}

impl fmt::Display for PrefixError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PrefixError::Length => "prefix length exceeds the address width",
            PrefixError::HostBits => "address bits are set below the prefix length",
            PrefixError::Syntax => "expected ADDRESS or ADDRESS/LENGTH",
        })
    }
}

impl core::error::Error for PrefixError {}

/// The mask with the top `len` of 128 bits set.
const fn mask(len: u8) -> u128 {
    if len == 0 { 0 } else { u128::MAX << (128 - len as u32) }
}

impl<I: Ip> Prefix<I> {
    /// The prefix of length zero, which contains every address.
    pub const DEFAULT: Prefix<I> = Prefix { addr: I::ZERO, len: 0 };

    /// A prefix from exactly these numbers; refuses host bits.
    pub fn new(addr: I, len: u8) -> Result<Self, PrefixError> {
        let prefix = Self::containing(addr, len)?;
        if prefix.addr == addr { Ok(prefix) } else { Err(PrefixError::HostBits) }
    }

    /// The prefix of this length that contains `addr`; clears host bits.
    pub fn containing(addr: I, len: u8) -> Result<Self, PrefixError> {
        if len > I::WIDTH {
            return Err(PrefixError::Length);
        }
        Ok(Prefix { addr: I::from_key(addr.to_key() & mask(len)), len })
    }

    /// The prefix that contains only `addr`.
    pub fn host(addr: I) -> Self {
        Prefix { addr, len: I::WIDTH }
    }

    /// The network address.
    pub fn addr(self) -> I {
        self.addr
    }

    /// The length in bits.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(self) -> u8 {
        self.len
    }

    /// Whether the length is zero.
    pub fn is_default(self) -> bool {
        self.len == 0
    }

    /// Whether `addr` lies in the prefix.
    pub fn contains(self, addr: I) -> bool {
        (self.addr.to_key() ^ addr.to_key()) & mask(self.len) == 0
    }

    /// Whether every address of `other` lies in this prefix.
    pub fn covers(self, other: Prefix<I>) -> bool {
        self.len <= other.len && self.contains(other.addr)
    }

    /// The highest address of the prefix (IPv4: the directed broadcast address).
    pub fn last(self) -> I {
        I::from_key(self.addr.to_key() | !mask(self.len))
    }
}

impl<I: Ip> PartialOrd for Prefix<I> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<I: Ip> Ord for Prefix<I> {
    fn cmp(&self, other: &Self) -> Ordering {
        // As numbers: the standard library compares addresses of IPv6 group by group.
        (self.addr.to_key(), self.len).cmp(&(other.addr.to_key(), other.len))
    }
}

impl<I: fmt::Display> fmt::Display for Prefix<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.addr, self.len)
    }
}

impl<I: fmt::Display> fmt::Debug for Prefix<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.addr, self.len)
    }
}

impl<I: Ip + FromStr> FromStr for Prefix<I> {
    type Err = PrefixError;

    fn from_str(s: &str) -> Result<Self, PrefixError> {
        let (addr, len) = match s.split_once('/') {
            Some((a, l)) => (a, Some(l.parse::<u8>().map_err(|_| PrefixError::Syntax)?)),
            None => (s, None),
        };
        let addr: I = addr.parse().map_err(|_| PrefixError::Syntax)?;
        Prefix::new(addr, len.unwrap_or(I::WIDTH))
    }
}

/// An address and a prefix length of either family, as messages carry them.
///
/// Unlike [`Prefix`] it may have host bits: interface addresses and rule
/// selectors do (C-099).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IpPrefix {
    /// The address, host bits included.
    pub addr: IpAddr,
    /// The length in bits; not checked against the width.
    pub len: u8,
}

impl IpPrefix {
    /// The address with its family's full length.
    pub fn host(addr: IpAddr) -> Self {
        IpPrefix { addr, len: Family::of(addr).width() }
    }

    /// The prefix of length zero.
    pub fn default_of(family: Family) -> Self {
        IpPrefix { addr: family.unspecified(), len: 0 }
    }

    /// The family of the address.
    pub fn family(self) -> Family {
        Family::of(self.addr)
    }

    /// The prefix in generic form; refuses a wrong family, length or host bits.
    pub fn to_prefix<I: Ip>(self) -> Result<Prefix<I>, PrefixError> {
        let addr = I::from_ip(self.addr).ok_or(PrefixError::Syntax)?;
        Prefix::new(addr, self.len)
    }
}

impl<I: Ip> From<Prefix<I>> for IpPrefix {
    fn from(p: Prefix<I>) -> Self {
        IpPrefix { addr: p.addr.into(), len: p.len }
    }
}

impl fmt::Display for IpPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.addr, self.len)
    }
}

impl fmt::Debug for IpPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.addr, self.len)
    }
}

impl FromStr for IpPrefix {
    type Err = PrefixError;

    fn from_str(s: &str) -> Result<Self, PrefixError> {
        let (addr, len) = match s.split_once('/') {
            Some((a, l)) => (a, Some(l.parse::<u8>().map_err(|_| PrefixError::Syntax)?)),
            None => (s, None),
        };
        let addr: IpAddr = addr.parse().map_err(|_| PrefixError::Syntax)?;
        let width = Family::of(addr).width();
        let len = len.unwrap_or(width);
        if len > width {
            return Err(PrefixError::Length);
        }
        Ok(IpPrefix { addr, len })
    }
}

#[cfg(feature = "serde")]
mod serialisation {
    use super::{IpPrefix, Prefix};
    use alloc::string::{String, ToString};
    use core::net::{Ipv4Addr, Ipv6Addr};
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    macro_rules! as_text {
        ($($t:ty),*) => {$(
            impl Serialize for $t {
                fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                    s.serialize_str(&self.to_string())
                }
            }
            impl<'de> Deserialize<'de> for $t {
                fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                    String::deserialize(d)?.parse().map_err(de::Error::custom)
                }
            }
        )*};
    }
    as_text!(IpPrefix, Prefix<Ipv4Addr>, Prefix<Ipv6Addr>);
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use core::net::{Ipv4Addr, Ipv6Addr};

    #[test]
    fn a_prefix_refuses_host_bits_and_long_lengths() {
        assert_eq!("10.0.0.1/8".parse::<Prefix<Ipv4Addr>>(), Err(PrefixError::HostBits));
        assert_eq!("10.0.0.0/33".parse::<Prefix<Ipv4Addr>>(), Err(PrefixError::Length));
        assert_eq!("10.0.0.0/".parse::<Prefix<Ipv4Addr>>(), Err(PrefixError::Syntax));
        assert_eq!("::1/129".parse::<IpPrefix>(), Err(PrefixError::Length));
    }

    #[test]
    fn containment_at_the_edges() {
        let all = Prefix::<Ipv4Addr>::DEFAULT;
        let net: Prefix<Ipv4Addr> = "10.1.0.0/16".parse().unwrap();
        let host = Prefix::host(Ipv4Addr::new(10, 1, 2, 3));
        assert!(all.covers(net) && net.covers(host) && !host.covers(net));
        assert!(net.contains(Ipv4Addr::new(10, 1, 255, 255)));
        assert!(!net.contains(Ipv4Addr::new(10, 2, 0, 0)));
        assert_eq!(net.last(), Ipv4Addr::new(10, 1, 255, 255));
        assert_eq!(all.last(), Ipv4Addr::BROADCAST);
        let six: Prefix<Ipv6Addr> = "2001:db8::/32".parse().unwrap();
        assert!(six.contains("2001:db8:ffff::1".parse().unwrap()));
        assert_eq!(format!("{six}"), "2001:db8::/32");
    }
}
