//! Multicast routing: entries of a forwarding cache, and the virtual interfaces of a table.

use std::net::IpAddr;

use fingerpost_net::Family;
use serde::{Deserialize, Serialize};

use super::attr::Attr;
use super::common::is_default;
use crate::number::TableId;

/// An entry of a multicast forwarding cache (`RTM_NEWROUTE` of `RTNL_FAMILY_IPMR` and `IP6MR`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MrouteMsg {
    /// The family.
    pub family: Family,
    /// The table.
    pub table: TableId,
    /// Source; unspecified for any.
    #[serde(default, skip_serializing_if = "is_default")]
    pub src: Option<IpAddr>,
    /// Group; unspecified for any.
    #[serde(default, skip_serializing_if = "is_default")]
    pub dst: Option<IpAddr>,
    /// Who made it, `RTPROT_*`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub protocol: u8,
    /// Whether packets wait for a daemon to say where they go.
    #[serde(default, skip_serializing_if = "is_default")]
    pub unresolved: bool,
    /// The device that packets have to come in by.
    #[serde(default, skip_serializing_if = "is_default")]
    pub iif: Option<u32>,
    /// Where they leave; `None` for an entry that is not resolved.
    #[serde(default, skip_serializing_if = "is_default")]
    pub oifs: Option<Vec<MrouteOif>>,
    /// Packets, bytes, and packets that came in elsewhere.
    #[serde(default, skip_serializing_if = "is_default")]
    pub stats: Option<[u64; 3]>,
    /// Hundredths of seconds since the last packet.
    #[serde(default, skip_serializing_if = "is_default")]
    pub age: Option<u64>,
    /// What is not decoded.
    #[serde(default, skip_serializing_if = "is_default")]
    pub other: Vec<Attr>,
}

/// A device that packets leave by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MrouteOif {
    /// The device.
    pub dev: u32,
    /// What their TTL has to exceed.
    pub ttl: u8,
}

/// A multicast routing table of IPv4 (`RTM_NEWLINK` of `RTNL_FAMILY_IPMR`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MrouteTableMsg {
    /// The table.
    pub table: TableId,
    /// Sources and groups that packets wait for.
    #[serde(default, skip_serializing_if = "is_default")]
    pub waiting: u32,
    /// The virtual interface that leads to the daemon; -1 for none.
    #[serde(default, skip_serializing_if = "is_default")]
    pub register: Option<i32>,
    /// Whether the daemon hears of packets that come in elsewhere.
    #[serde(default, skip_serializing_if = "is_default")]
    pub assert: bool,
    /// Whether it speaks PIM.
    #[serde(default, skip_serializing_if = "is_default")]
    pub pim: bool,
    /// Whether it is given such packets whole.
    #[serde(default, skip_serializing_if = "is_default")]
    pub whole: bool,
    /// Virtual interfaces, ascending by number.
    #[serde(default, skip_serializing_if = "is_default")]
    pub vifs: Vec<MrouteVif>,
    /// What is not decoded.
    #[serde(default, skip_serializing_if = "is_default")]
    pub other: Vec<Attr>,
}

/// A virtual interface.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MrouteVif {
    /// Its number.
    pub id: u32,
    /// Its device.
    pub dev: u32,
    /// `VIFF_*`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub flags: u16,
    /// Bytes in and out, packets in and out.
    #[serde(default, skip_serializing_if = "is_default")]
    pub counts: [u64; 4],
    /// Address of this end of a tunnel.
    #[serde(default, skip_serializing_if = "is_default")]
    pub local: u32,
    /// Address of its other end.
    #[serde(default, skip_serializing_if = "is_default")]
    pub remote: u32,
}

impl MrouteMsg {
    /// An empty message of this family.
    pub fn new(family: Family, table: TableId) -> Self {
        MrouteMsg {
            family,
            table,
            src: None,
            dst: None,
            protocol: 0,
            unresolved: false,
            iif: None,
            oifs: None,
            stats: None,
            age: None,
            other: Vec::new(),
        }
    }
}
