//! Ethernet and ARP.

use core::net::Ipv4Addr;

use zerocopy::byteorder::network_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// A link-layer address of Ethernet.
pub type Mac = [u8; 6];

/// The header of a frame (IEEE 802.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Ethernet {
    /// Destination.
    pub dst: Mac,
    /// Source.
    pub src: Mac,
    /// What follows; a length if less than 1536.
    pub ethertype: U16,
}

/// What follows a frame's header.
pub mod ethertype {
    /// IPv4.
    pub const IPV4: u16 = 0x0800;
    /// ARP.
    pub const ARP: u16 = 0x0806;
    /// A VLAN tag (IEEE 802.1Q).
    pub const VLAN: u16 = 0x8100;
    /// The tag of a provider (IEEE 802.1ad).
    pub const PROVIDER_VLAN: u16 = 0x88a8;
    /// IPv6.
    pub const IPV6: u16 = 0x86dd;
}

/// An ARP packet for IPv4 over Ethernet (RFC 826).
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Arp {
    /// Kind of link layer, 1 for Ethernet.
    pub hardware: U16,
    /// Ethertype of the addresses.
    pub protocol: U16,
    /// Bytes of a link-layer address.
    pub hardware_len: u8,
    /// Bytes of a protocol address.
    pub protocol_len: u8,
    /// [`Arp::REQUEST`] or [`Arp::REPLY`].
    pub op: U16,
    /// The sender's link-layer address.
    pub sender_mac: Mac,
    /// The sender's address.
    pub sender: [u8; 4],
    /// The target's link-layer address.
    pub target_mac: Mac,
    /// The target's address.
    pub target: [u8; 4],
}

impl Arp {
    /// Who has the target?
    pub const REQUEST: u16 = 1;
    /// The sender has.
    pub const REPLY: u16 = 2;

    /// For Ethernet.
    pub fn new(op: u16, sender: (Mac, Ipv4Addr), target: (Mac, Ipv4Addr)) -> Arp {
        Arp {
            hardware: U16::new(1),
            protocol: U16::new(ethertype::IPV4),
            hardware_len: 6,
            protocol_len: 4,
            op: U16::new(op),
            sender_mac: sender.0,
            sender: sender.1.octets(),
            target_mac: target.0,
            target: target.1.octets(),
        }
    }
}
