//! Neighbours and per-device settings.

use std::net::IpAddr;

use fingerpost_net::Family;
use serde::{Deserialize, Serialize};

use super::attr::Attr;
use super::common::{LlAddr, is_default};
use crate::number::{NeighFlags, NeighState, RouteType};

/// A neighbour (`RTM_NEWNEIGH`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NeighMsg {
    /// The family.
    pub family: Family,
    /// The device.
    pub index: u32,
    /// State.
    #[serde(default, skip_serializing_if = "is_default")]
    pub state: NeighState,
    /// Flags, the extended ones from bit 8 on.
    #[serde(default, skip_serializing_if = "is_default")]
    pub flags: NeighFlags,
    /// Route type of the address (`ndm_type`).
    #[serde(default, rename = "type", skip_serializing_if = "is_default")]
    pub kind: RouteType,
    /// Its address.
    #[serde(default, skip_serializing_if = "is_default")]
    pub dst: Option<IpAddr>,
    /// Its link-layer address.
    #[serde(default, skip_serializing_if = "is_default")]
    pub lladdr: Option<LlAddr>,
    /// Probes sent.
    #[serde(default, skip_serializing_if = "is_default")]
    pub probes: Option<u32>,
    /// Seconds/100 since confirmed, used, updated; and references.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cacheinfo: Option<[u32; 4]>,
    /// Who made it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub protocol: Option<u8>,
    /// What is not decoded.
    #[serde(default, skip_serializing_if = "is_default")]
    pub other: Vec<Attr>,
}

impl NeighMsg {
    /// An empty message of this family for a device.
    pub fn new(family: Family, index: u32) -> Self {
        NeighMsg {
            family,
            index,
            state: NeighState(0),
            flags: NeighFlags(0),
            kind: RouteType::UNSPEC,
            dst: None,
            lladdr: None,
            probes: None,
            cacheinfo: None,
            protocol: None,
            other: Vec::new(),
        }
    }
}

/// A device's settings (`RTM_NEWNETCONF`). Index −1 is `all`, −2 is `default`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetconfMsg {
    /// The family.
    pub family: Family,
    /// The device, or −1 for `all`, −2 for `default`.
    pub index: i32,
    /// Forwarding.
    #[serde(default, skip_serializing_if = "is_default")]
    pub forwarding: Option<i32>,
    /// Reverse-path filter mode.
    #[serde(default, skip_serializing_if = "is_default")]
    pub rp_filter: Option<i32>,
    /// Multicast forwarding.
    #[serde(default, skip_serializing_if = "is_default")]
    pub mc_forwarding: Option<i32>,
    /// Broadcast forwarding.
    #[serde(default, skip_serializing_if = "is_default")]
    pub bc_forwarding: Option<i32>,
    /// Proxy ARP or NDP.
    #[serde(default, skip_serializing_if = "is_default")]
    pub proxy_neigh: Option<i32>,
    /// Whether hops without carrier are skipped.
    #[serde(default, skip_serializing_if = "is_default")]
    pub ignore_routes_with_linkdown: Option<i32>,
    /// What is not decoded.
    #[serde(default, skip_serializing_if = "is_default")]
    pub other: Vec<Attr>,
}
