//! Interface addresses.

use std::net::{IpAddr, Ipv4Addr};

use fingerpost_net::Family;
use serde::{Deserialize, Serialize};

use super::attr::Attr;
use super::common::is_default;
use crate::number::{IfaFlags, Scope};

/// An interface address (`RTM_NEWADDR`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddrMsg {
    /// The family.
    pub family: Family,
    /// The device.
    pub index: u32,
    /// Prefix length.
    pub prefix_len: u8,
    /// The host's own address (`IFA_LOCAL`).
    #[serde(default, skip_serializing_if = "is_default")]
    pub local: Option<IpAddr>,
    /// The prefix's address: the peer if there is one, else the local address (`IFA_ADDRESS`).
    #[serde(default, skip_serializing_if = "is_default")]
    pub address: Option<IpAddr>,
    /// The broadcast address.
    #[serde(default, skip_serializing_if = "is_default")]
    pub broadcast: Option<Ipv4Addr>,
    /// The label; IPv4 only.
    #[serde(default, skip_serializing_if = "is_default")]
    pub label: Option<String>,
    /// Scope.
    #[serde(default, skip_serializing_if = "is_default")]
    pub scope: Scope,
    /// Flags.
    #[serde(default, skip_serializing_if = "is_default")]
    pub flags: IfaFlags,
    /// Preferred lifetime in seconds; `u32::MAX` for ever, `None` not given.
    #[serde(default, skip_serializing_if = "is_default")]
    pub preferred: Option<u32>,
    /// Valid lifetime in seconds; `u32::MAX` for ever, `None` not given.
    #[serde(default, skip_serializing_if = "is_default")]
    pub valid: Option<u32>,
    /// When it was made and last updated, in hundredths of a second since boot.
    #[serde(default, skip_serializing_if = "is_default")]
    pub stamps: Option<[u32; 2]>,
    /// Metric of the connected route (`IFA_RT_PRIORITY`).
    #[serde(default, skip_serializing_if = "is_default")]
    pub metric: Option<u32>,
    /// Who made it (`IFA_PROTO`).
    #[serde(default, skip_serializing_if = "is_default")]
    pub protocol: Option<u8>,
    /// What is not decoded.
    #[serde(default, skip_serializing_if = "is_default")]
    pub other: Vec<Attr>,
}

impl AddrMsg {
    /// An empty message of this family for a device.
    pub fn new(family: Family, index: u32) -> Self {
        AddrMsg {
            family,
            index,
            prefix_len: 0,
            local: None,
            address: None,
            broadcast: None,
            label: None,
            scope: Scope::UNIVERSE,
            flags: IfaFlags(0),
            preferred: None,
            valid: None,
            stamps: None,
            metric: None,
            protocol: None,
            other: Vec::new(),
        }
    }
}
