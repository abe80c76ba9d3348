//! ICMP.

use zerocopy::byteorder::network_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// The header of an ICMP message (RFC 792).
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Icmp {
    /// Type.
    pub kind: u8,
    /// Code.
    pub code: u8,
    /// Checksum of the whole message.
    pub checksum: U16,
    /// What depends on the type: identifier and number, gateway, MTU, pointer.
    pub rest: [u8; 4],
}

/// Types and codes of ICMP.
pub mod icmp {
    /// Echo reply.
    pub const ECHO_REPLY: u8 = 0;
    /// Destination unreachable.
    pub const UNREACHABLE: u8 = 3;
    /// Redirect.
    pub const REDIRECT: u8 = 5;
    /// Echo request.
    pub const ECHO: u8 = 8;
    /// Time exceeded.
    pub const TIME_EXCEEDED: u8 = 11;
    /// Parameter problem.
    pub const PARAMETER: u8 = 12;
    /// Timestamp request.
    pub const TIMESTAMP: u8 = 13;
    /// Timestamp reply.
    pub const TIMESTAMP_REPLY: u8 = 14;
    /// Extended echo request (RFC 8335).
    pub const EXTENDED_ECHO: u8 = 42;
    /// The reply to it.
    pub const EXTENDED_ECHO_REPLY: u8 = 43;
    /// The highest type that Linux knows as one of the usual (`NR_ICMP_TYPES`).
    pub const LAST: u8 = 18;

    /// Codes of [`UNREACHABLE`]: no route.
    pub const NET: u8 = 0;
    /// The host does not answer.
    pub const HOST: u8 = 1;
    /// The protocol is not spoken.
    pub const PROTOCOL: u8 = 2;
    /// No socket.
    pub const PORT: u8 = 3;
    /// Too big, and not to be cut up.
    pub const FRAGMENTATION_NEEDED: u8 = 4;
    /// The source route fails.
    pub const SOURCE_ROUTE_FAILED: u8 = 5;
    /// Forbidden.
    pub const FILTERED: u8 = 13;
    /// Code of [`TIME_EXCEEDED`]: the time to live.
    pub const TTL: u8 = 0;
    /// The time for the other fragments to come.
    pub const REASSEMBLY: u8 = 1;
    /// Code of [`REDIRECT`]: for one host.
    pub const REDIRECT_HOST: u8 = 1;
}
