//! Wire formats: headers as they stand in packets, and checksums.
//!
//! A header is a view into bytes ([`zerocopy`]): reading one checks that all of it is
//! there and nothing else. What its fields may hold is for whoever reads it to judge,
//! as Linux judges it.

mod checksum;
mod ether;
mod icmp4;
mod icmpv6;
mod ipv4;
mod ipv6;
mod transport;

pub use checksum::{Checksum, checksum};
pub use ether::{Arp, Ethernet, Mac, ethertype};
pub use icmp4::{Icmp, icmp};
pub use icmpv6::{icmp6, nd};
pub use ipv4::{DF, Ipv4, MF, OFFSET};
pub use ipv6::{Fragment6, Ipv6, MORE6, OFFSET6, next};
pub use transport::{Tcp, Udp, proto, tcp_flags};

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// A header that can be read from and written into bytes.
pub trait Header: FromBytes + IntoBytes + KnownLayout + Immutable + Unaligned + Sized {
    /// Its length in bytes.
    const LEN: usize = size_of::<Self>();

    /// The header at the start of `bytes`, if all of it is there.
    #[inline]
    fn read(bytes: &[u8]) -> Option<&Self> {
        Self::ref_from_prefix(bytes).ok().map(|(header, _)| header)
    }

    /// The same, to change.
    #[inline]
    fn edit(bytes: &mut [u8]) -> Option<&mut Self> {
        Self::mut_from_prefix(bytes).ok().map(|(header, _)| header)
    }
}

impl<T: FromBytes + IntoBytes + KnownLayout + Immutable + Unaligned> Header for T {}
