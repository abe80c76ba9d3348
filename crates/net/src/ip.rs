//! The sealed [`Ip`] trait: what code generic over the address family may ask.

use core::fmt::{Debug, Display};
use core::hash::Hash;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Family {
    /// IPv4, `AF_INET`.
    #[cfg_attr(feature = "serde", serde(rename = "4"))]
    V4,
    /// IPv6, `AF_INET6`.
    #[cfg_attr(feature = "serde", serde(rename = "6"))]
    V6,
}

impl Family {
    /// Linux's `AF_*` number: 2 or 10.
    pub const fn number(self) -> u8 {
        match self {
            Family::V4 => 2,
            Family::V6 => 10,
        }
    }

    /// The family with this `AF_*` number, if it is IPv4 or IPv6.
    pub const fn from_number(number: u8) -> Option<Family> {
        match number {
            2 => Some(Family::V4),
            10 => Some(Family::V6),
            _ => None,
        }
    }

    /// Address width in bits: 32 or 128.
    pub const fn width(self) -> u8 {
        match self {
            Family::V4 => 32,
            Family::V6 => 128,
        }
    }

    /// The family of an address.
    pub const fn of(addr: IpAddr) -> Family {
        match addr {
            IpAddr::V4(_) => Family::V4,
            IpAddr::V6(_) => Family::V6,
        }
    }

    /// The all-zeros address.
    pub const fn unspecified(self) -> IpAddr {
        match self {
            Family::V4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            Family::V6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        }
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for core::net::Ipv4Addr {}
    impl Sealed for core::net::Ipv6Addr {}
}

/// An IPv4 or IPv6 address, for code that is the same for both.
///
/// Sealed: [`Ipv4Addr`] and [`Ipv6Addr`] are the only implementations.
pub trait Ip:
    sealed::Sealed + Copy + Eq + Ord + Hash + Debug + Display + Into<IpAddr> + Send + Sync + 'static
{
    /// The family.
    const FAMILY: Family;
    /// Address width in bits.
    const WIDTH: u8;
    /// The all-zeros address.
    const ZERO: Self;

    /// The address as a number, left-aligned in 128 bits: the first bit on the
    /// wire is bit 127 for both families.
    fn to_key(self) -> u128;
    /// The address with this left-aligned number; bits below the width are dropped.
    fn from_key(key: u128) -> Self;
    /// The address if it is of this family.
    fn from_ip(addr: IpAddr) -> Option<Self>;
}

impl Ip for Ipv4Addr {
    const FAMILY: Family = Family::V4;
    const WIDTH: u8 = 32;
    const ZERO: Self = Ipv4Addr::UNSPECIFIED;

    fn to_key(self) -> u128 {
        u128::from(self.to_bits()) << 96
    }
    fn from_key(key: u128) -> Self {
        Ipv4Addr::from_bits((key >> 96) as u32)
    }
    fn from_ip(addr: IpAddr) -> Option<Self> {
        match addr {
            IpAddr::V4(a) => Some(a),
            IpAddr::V6(_) => None,
        }
    }
}

impl Ip for Ipv6Addr {
    const FAMILY: Family = Family::V6;
    const WIDTH: u8 = 128;
    const ZERO: Self = Ipv6Addr::UNSPECIFIED;

    fn to_key(self) -> u128 {
        self.to_bits()
    }
    fn from_key(key: u128) -> Self {
        Ipv6Addr::from_bits(key)
    }
    fn from_ip(addr: IpAddr) -> Option<Self> {
        match addr {
            IpAddr::V4(_) => None,
            IpAddr::V6(a) => Some(a),
        }
    }
}
