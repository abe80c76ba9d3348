//! rtnetlink's messages, decoded: one struct for each kind of object.
//!
//! A field is `None` (or empty) when the attribute is absent, which for many
//! of them differs from zero. Attributes that are not decoded are kept in
//! `other`, so that nothing read from a host is lost.

mod addr_label;
mod address;
pub mod attr;
mod common;
mod link;
mod mroute;
mod neighbour;
mod nexthop;
mod route;
mod rule;

pub use addr_label::AddrLabelMsg;
pub use address::AddrMsg;
pub use attr::Attr;
pub use common::LlAddr;
pub use link::{BridgePort, LinkInfo, LinkMsg, LinkStats, NsRef};
pub use mroute::{MrouteMsg, MrouteOif, MrouteTableMsg, MrouteVif};
pub use neighbour::{NeighMsg, NetconfMsg};
pub use nexthop::{NexthopBucket, NexthopGroupEntry, NexthopMsg, ResilientGroup};
pub use route::{Encap, Metrics, NextHopMsg, OwnLeg, RouteCacheInfo, RouteMsg};
pub use rule::{PortRange, RuleMsg, UidRange};
