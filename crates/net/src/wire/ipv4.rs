//! IPv4.

use core::net::Ipv4Addr;

use zerocopy::byteorder::network_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// *Don't fragment*, in [`Ipv4::fragment`].
pub const DF: u16 = 0x4000;
/// *More fragments*.
pub const MF: u16 = 0x2000;
/// The fragment's place, in units of eight bytes.
pub const OFFSET: u16 = 0x1fff;

/// The header without options (RFC 791).
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Ipv4 {
    /// Version, and the header's length in words of four bytes.
    pub version_ihl: u8,
    /// Type of service.
    pub tos: u8,
    /// Length of header and payload in bytes.
    pub total_len: U16,
    /// Identification, equal in the fragments of a datagram.
    pub id: U16,
    /// Flags and fragment offset: [`DF`], [`MF`], [`OFFSET`].
    pub fragment: U16,
    /// Time to live.
    pub ttl: u8,
    /// Protocol of the payload.
    pub proto: u8,
    /// Checksum of the header.
    pub checksum: U16,
    /// Source.
    pub src: [u8; 4],
    /// Destination.
    pub dst: [u8; 4],
}

impl Ipv4 {
    /// The version.
    pub fn version(&self) -> u8 {
        self.version_ihl >> 4
    }

    /// The length that the header claims, in bytes.
    #[inline]
    pub fn header_len(&self) -> usize {
        usize::from(self.version_ihl & 0xf) * 4
    }

    /// The source.
    #[inline]
    pub fn source(&self) -> Ipv4Addr {
        self.src.into()
    }

    /// The destination.
    #[inline]
    pub fn destination(&self) -> Ipv4Addr {
        self.dst.into()
    }

    /// Where the fragment's payload lies in the datagram's, in bytes.
    pub fn offset(&self) -> usize {
        usize::from(self.fragment.get() & OFFSET) * 8
    }

    /// Whether it is a piece of a datagram.
    #[inline]
    pub fn is_fragment(&self) -> bool {
        self.fragment.get() & (MF | OFFSET) != 0
    }

    /// Whether it may not be cut up.
    pub fn dont_fragment(&self) -> bool {
        self.fragment.get() & DF != 0
    }
}
