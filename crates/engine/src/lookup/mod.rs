//! Lookups: from a flow to a decision.
//!
//! The stages are files: policy rules ([`rules`]), one table ([`table`]), the
//! choice among hops ([`path`]), the source ([`source`]), the resolution of
//! packets made here ([`output4`]) and received ([`input4`]), and the source
//! check ([`validate`]). [`get`] is `ip route get`. What IPv6 does otherwise
//! stands beside it in files with a 6, and with it what only IPv6 asks apart:
//! [`socket6`] and [`receive6`]. What firewalls ask is in [`firewall`].

pub mod cache;
pub mod decision;
pub mod exception;
pub mod exception6;
pub mod firewall;
pub mod get;
pub mod get6;
pub mod hash;
pub mod hash6;
pub mod hash_inside;
pub mod icmp6;
pub mod input4;
pub mod input6;
pub mod output4;
pub mod output6;
pub mod path;
pub mod receive6;
pub mod redirect6;
pub mod rules;
pub mod rules6;
pub mod socket6;
pub mod source;
pub mod source6;
pub mod table;
pub mod table6;
pub mod validate;

use std::convert::Infallible;
use std::fmt::Debug;
use std::net::{Ipv4Addr, Ipv6Addr};

use fingerpost_model::Scope;
use fingerpost_net::{Ip, Prefix};

pub use decision::{Decision, Decision6, DropReason, Input, Output};
pub use table6::{Found6, RouteRef};

use crate::config::{Alias, Config};
use fingerpost_model::TableId;

/// A family's addresses, and what a flow has besides them for the hash that chooses among hops.
pub trait Hashing: Ip {
    /// What is hashed of a packet; nothing of a family whose lookups are told it apart
    /// ([`hash::Asker`]).
    type Hashed: Clone + Debug + PartialEq + Eq;
}

impl Hashing for Ipv4Addr {
    type Hashed = Infallible;
}

impl Hashing for Ipv6Addr {
    type Hashed = hash6::Hashed6;
}

/// The question (`struct flowi`): what rules, tables and hashes look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow<I: Hashing> {
    /// Destination; unspecified for none.
    pub dst: I,
    /// Source; unspecified before it is chosen.
    pub src: I,
    /// Whether the packet came with its source, be it the unspecified one; of IPv6
    /// (`RT6_LOOKUP_F_HAS_SADDR`). A lookup finds it out of packets made here.
    pub has_source: bool,
    /// Device that the packet has to leave by; 0 any.
    pub oif: u32,
    /// Ingress device; loopback's index for packets made here.
    pub iif: u32,
    /// The l3 master (VRF device) that the flow belongs to; 0 none.
    pub l3mdev: u32,
    /// Whether `l3mdev` came from `oif`.
    pub l3mdev_of_oif: bool,
    /// Mark.
    pub mark: u32,
    /// Type-of-service byte without ECN bits.
    pub dscp: u8,
    /// Least scope: link demands destinations on a link.
    pub scope: Scope,
    /// The source need not be an own address (`FLOWI_FLAG_ANYSRC`).
    pub any_source: bool,
    /// User id.
    pub uid: u32,
    /// Flow label of IPv6.
    pub flowlabel: u32,
    /// Transport protocol; 0 when unknown.
    pub proto: u8,
    /// Source port; 0 when unknown.
    pub sport: u16,
    /// Destination port; 0 when unknown.
    pub dport: u16,
    /// The packet whose hash chooses among hops, where it is not the flow's.
    pub hashed: Option<I::Hashed>,
    /// Tunnel id of received metadata.
    pub tun_id: u64,
    /// After a lookup that failed: the realms of the rule by which it did.
    pub refused_realms: u32,
    /// After a lookup that failed: the type of service of the last route that was
    /// found and discarded, which the kernel leaves in the result.
    pub discarded_dscp: u8,
}

/// An IPv4 flow.
pub type Flow4 = Flow<Ipv4Addr>;

/// An IPv6 flow.
pub type Flow6 = Flow<Ipv6Addr>;

impl<I: Hashing> Flow<I> {
    /// A flow to a destination with everything else unset.
    pub fn to(dst: I) -> Self {
        Flow {
            dst,
            src: I::ZERO,
            has_source: false,
            oif: 0,
            iif: crate::config::LOOPBACK,
            l3mdev: 0,
            l3mdev_of_oif: false,
            mark: 0,
            dscp: 0,
            scope: Scope::UNIVERSE,
            any_source: false,
            uid: 0,
            flowlabel: 0,
            proto: 0,
            sport: 0,
            dport: 0,
            hashed: None,
            tun_id: 0,
            refused_realms: 0,
            discarded_dscp: 0,
        }
    }
}

/// What a lookup in the rules or a table found (`struct fib_result`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FibResult {
    /// The route's prefix.
    pub prefix: Prefix<Ipv4Addr>,
    /// The route.
    pub alias: Alias,
    /// The table that was searched: main for a local entry of a merged trie (C-008).
    pub table: TableId,
    /// Which hop.
    pub hop: usize,
    /// Realms of the rule that led here (C-120).
    pub rule_realms: u32,
}

impl FibResult {
    /// The hop that is used.
    pub fn hop<'a>(&self, config: &'a Config) -> Option<&'a crate::config::NextHop> {
        config.hops(config.fib.info(self.alias.info)).get(self.hop)
    }

    /// The device of the hop that is used; 0 if none.
    pub fn dev(&self, config: &Config) -> u32 {
        self.hop(config).map_or(0, |hop| hop.dev)
    }
}

/// Whether an address is 255.255.255.255.
#[inline]
pub(crate) fn is_limited_broadcast(addr: Ipv4Addr) -> bool {
    addr == Ipv4Addr::BROADCAST
}

/// Whether an address is in 224.0.0.0/24, which is never forwarded.
pub(crate) fn is_local_multicast(addr: Ipv4Addr) -> bool {
    addr.octets()[..3] == [224, 0, 0]
}
