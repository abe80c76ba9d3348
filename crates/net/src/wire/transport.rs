//! UDP and TCP.

use zerocopy::byteorder::network_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Numbers of protocols over IP.
pub mod proto {
    /// ICMP.
    pub const ICMP: u8 = 1;
    /// IGMP.
    pub const IGMP: u8 = 2;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
    /// PIM.
    pub const PIM: u8 = 103;
    /// Of sockets that bring their own header.
    pub const RAW: u8 = 255;
    /// UDP-Lite.
    pub const UDPLITE: u8 = 136;
}

/// The header of a UDP datagram (RFC 768).
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Udp {
    /// Source port.
    pub sport: U16,
    /// Destination port.
    pub dport: U16,
    /// Length of header and data in bytes.
    pub len: U16,
    /// Checksum over a pseudo header and the datagram; 0 for none (IPv4).
    pub checksum: U16,
}

/// The header of a TCP segment without options (RFC 9293).
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Tcp {
    /// Source port.
    pub sport: U16,
    /// Destination port.
    pub dport: U16,
    /// Number of the first byte.
    pub seq: U32,
    /// Number of the next byte expected.
    pub ack: U32,
    /// The header's length in words of four bytes, in the upper half.
    pub data_offset: u8,
    /// [`tcp_flags`].
    pub flags: u8,
    /// Window.
    pub window: U16,
    /// Checksum over a pseudo header and the segment.
    pub checksum: U16,
    /// Urgent pointer.
    pub urgent: U16,
}

impl Tcp {
    /// The length that the header claims, in bytes.
    pub fn header_len(&self) -> usize {
        usize::from(self.data_offset >> 4) * 4
    }
}

/// Flags of TCP.
pub mod tcp_flags {
    /// No more data.
    pub const FIN: u8 = 0x01;
    /// Begin.
    pub const SYN: u8 = 0x02;
    /// Reset.
    pub const RST: u8 = 0x04;
    /// The number of acknowledgement counts.
    pub const ACK: u8 = 0x10;
    /// Congestion was met (RFC 3168).
    pub const ECE: u8 = 0x40;
    /// The window was reduced for it.
    pub const CWR: u8 = 0x80;
}
