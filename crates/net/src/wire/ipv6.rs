//! IPv6.

use core::net::Ipv6Addr;

use zerocopy::byteorder::network_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// *More fragments*, in [`Fragment6::fragment`].
pub const MORE6: u16 = 0x0001;
/// The fragment's place, in bytes, in [`Fragment6::fragment`].
pub const OFFSET6: u16 = 0xfff8;

/// The header (RFC 8200).
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Ipv6 {
    /// Version, traffic class and flow label.
    pub word: U32,
    /// Bytes after this header.
    pub payload_len: U16,
    /// What follows: an extension header or a protocol.
    pub next: u8,
    /// Hops left.
    pub hop_limit: u8,
    /// Source.
    pub src: [u8; 16],
    /// Destination.
    pub dst: [u8; 16],
}

impl Ipv6 {
    /// Where in the header [`Ipv6::next`] stands.
    pub const NEXT_AT: usize = 6;
    /// Where in the header [`Ipv6::hop_limit`] stands.
    pub const HOP_LIMIT_AT: usize = 7;

    /// The first word of a packet of this version.
    pub fn word_of(traffic_class: u8, flow_label: u32) -> U32 {
        U32::new(6 << 28 | u32::from(traffic_class) << 20 | flow_label & 0xf_ffff)
    }

    /// The version.
    #[inline]
    pub fn version(&self) -> u8 {
        (self.word.get() >> 28) as u8
    }

    /// The traffic class.
    #[inline]
    pub fn traffic_class(&self) -> u8 {
        (self.word.get() >> 20) as u8
    }

    /// The flow label.
    #[inline]
    pub fn flow_label(&self) -> u32 {
        self.word.get() & 0xf_ffff
    }

    /// The source.
    #[inline]
    pub fn source(&self) -> Ipv6Addr {
        self.src.into()
    }

    /// The destination.
    #[inline]
    pub fn destination(&self) -> Ipv6Addr {
        self.dst.into()
    }
}

/// A fragment header (RFC 8200, section 4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Fragment6 {
    /// What the datagram goes on with.
    pub next: u8,
    /// Nothing.
    pub reserved: u8,
    /// [`OFFSET6`] and [`MORE6`].
    pub fragment: U16,
    /// Equal in the fragments of a datagram.
    pub id: U32,
}

/// Numbers of headers and protocols that only IPv6 has.
pub mod next {
    /// Hop-by-hop options.
    pub const HOP: u8 = 0;
    /// A routing header.
    pub const ROUTING: u8 = 43;
    /// A fragment header.
    pub const FRAGMENT: u8 = 44;
    /// Authentication.
    pub const AUTH: u8 = 51;
    /// ICMPv6.
    pub const ICMPV6: u8 = 58;
    /// Nothing.
    pub const NONE: u8 = 59;
    /// Destination options.
    pub const DESTINATION: u8 = 60;
}
