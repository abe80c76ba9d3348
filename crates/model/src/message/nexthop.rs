//! Nexthop objects.

use std::net::IpAddr;

use fingerpost_net::Family;
use serde::{Deserialize, Serialize};

use super::attr::Attr;
use super::common::is_default;
use super::route::Encap;
use crate::number::{RouteFlags, Scope};

/// A member of a nexthop group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NexthopGroupEntry {
    /// The member's id.
    pub id: u32,
    /// Weight, 1 to 65536.
    pub weight: u32,
}

/// Parameters of a resilient group (`NHA_RES_GROUP`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ResilientGroup {
    /// Buckets.
    pub buckets: Option<u16>,
    /// Idle timer in hundredths of a second.
    pub idle_timer: Option<u32>,
    /// Unbalanced timer in hundredths of a second.
    pub unbalanced_timer: Option<u32>,
    /// For how long it has been unbalanced, in hundredths of a second.
    pub unbalanced_time: Option<u64>,
}

/// A bucket of a resilient group (`NHA_RES_BUCKET`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NexthopBucket {
    /// Its number, from 0.
    pub index: Option<u16>,
    /// For how long it has carried no traffic, in hundredths of a second.
    pub idle_time: Option<u64>,
    /// The member whose bucket it is.
    pub nh_id: Option<u32>,
}

/// A nexthop object (`RTM_NEWNEXTHOP`), or a bucket of a group (`RTM_NEWNEXTHOPBUCKET`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NexthopMsg {
    /// The id; 0 in a request lets the kernel choose.
    pub id: u32,
    /// The family; `None` for groups and blackholes without one.
    #[serde(skip_serializing_if = "is_default")]
    pub family: Option<Family>,
    /// Scope.
    #[serde(skip_serializing_if = "is_default")]
    pub scope: Scope,
    /// Who made it, `RTPROT_*`.
    #[serde(skip_serializing_if = "is_default")]
    pub protocol: u8,
    /// `RTNH_F_*`.
    #[serde(skip_serializing_if = "is_default")]
    pub flags: RouteFlags,
    /// The device.
    #[serde(skip_serializing_if = "is_default")]
    pub oif: Option<u32>,
    /// The gateway.
    #[serde(skip_serializing_if = "is_default")]
    pub gateway: Option<IpAddr>,
    /// Whether it discards.
    #[serde(skip_serializing_if = "is_default")]
    pub blackhole: bool,
    /// Whether it is for the bridge forwarding database.
    #[serde(skip_serializing_if = "is_default")]
    pub fdb: bool,
    /// Members, for a group.
    #[serde(skip_serializing_if = "is_default")]
    pub group: Vec<NexthopGroupEntry>,
    /// Group type: 0 hash-threshold (`mpath`), 1 `resilient`.
    #[serde(skip_serializing_if = "is_default")]
    pub group_type: Option<u16>,
    /// Resilient group's parameters.
    #[serde(skip_serializing_if = "is_default")]
    pub resilient: Option<ResilientGroup>,
    /// The bucket, in a message about one; `id` is then the group's.
    #[serde(skip_serializing_if = "is_default")]
    pub bucket: Option<NexthopBucket>,
    /// Tunnel.
    #[serde(skip_serializing_if = "is_default")]
    pub encap: Option<Encap>,
    /// What is not decoded.
    #[serde(skip_serializing_if = "is_default")]
    pub other: Vec<Attr>,
}
