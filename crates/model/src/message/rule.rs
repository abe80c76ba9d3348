//! Policy rules.

use fingerpost_net::{Family, IpPrefix};
use serde::{Deserialize, Serialize};

use super::attr::Attr;
use super::common::is_default;
use crate::number::{RuleAction, RuleFlags, TableId};

/// Ports from start to end, both included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortRange {
    /// First port.
    pub start: u16,
    /// Last port.
    pub end: u16,
}

/// User ids from start to end, both included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UidRange {
    /// First id.
    pub start: u32,
    /// Last id.
    pub end: u32,
}

/// A policy rule (`RTM_NEWRULE`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleMsg {
    /// The family.
    pub family: Family,
    /// Preference; smaller is earlier. `None` in a request lets the kernel choose (C-093).
    #[serde(default, skip_serializing_if = "is_default")]
    pub priority: Option<u32>,
    /// Destination selector; may have host bits (C-099).
    #[serde(default, skip_serializing_if = "is_default")]
    pub dst: Option<IpPrefix>,
    /// Source selector; may have host bits (C-099).
    #[serde(default, skip_serializing_if = "is_default")]
    pub src: Option<IpPrefix>,
    /// Type of service selector.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tos: u8,
    /// What it does.
    #[serde(default, skip_serializing_if = "is_default")]
    pub action: RuleAction,
    /// The table of a lookup.
    #[serde(default, skip_serializing_if = "is_default")]
    pub table: TableId,
    /// Flags, `not` among them.
    #[serde(default, skip_serializing_if = "is_default")]
    pub flags: RuleFlags,
    /// Ingress device's name.
    #[serde(default, skip_serializing_if = "is_default")]
    pub iifname: Option<String>,
    /// Egress device's name.
    #[serde(default, skip_serializing_if = "is_default")]
    pub oifname: Option<String>,
    /// Target of goto.
    #[serde(default, skip_serializing_if = "is_default")]
    pub goto: Option<u32>,
    /// Mark.
    #[serde(default, skip_serializing_if = "is_default")]
    pub fwmark: Option<u32>,
    /// Mask of the mark.
    #[serde(default, skip_serializing_if = "is_default")]
    pub fwmask: Option<u32>,
    /// Realms to attach: source in the upper 16 bits, destination in the lower.
    #[serde(default, skip_serializing_if = "is_default")]
    pub realms: Option<u32>,
    /// Results with a prefix of this length or shorter are discarded; −1 none.
    #[serde(default, skip_serializing_if = "is_default")]
    pub suppress_prefixlen: Option<i32>,
    /// Results through devices of this group are discarded; −1 none.
    #[serde(default, skip_serializing_if = "is_default")]
    pub suppress_ifgroup: Option<i32>,
    /// Tunnel id.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tun_id: Option<u64>,
    /// The table is that of the flow's VRF.
    #[serde(default, skip_serializing_if = "is_default")]
    pub l3mdev: Option<u8>,
    /// User ids.
    #[serde(default, skip_serializing_if = "is_default")]
    pub uid_range: Option<UidRange>,
    /// Who made it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub protocol: Option<u8>,
    /// Transport protocol.
    #[serde(default, skip_serializing_if = "is_default")]
    pub ip_proto: Option<u8>,
    /// Source ports.
    #[serde(default, skip_serializing_if = "is_default")]
    pub sport: Option<PortRange>,
    /// Mask of a single source port.
    #[serde(default, skip_serializing_if = "is_default")]
    pub sport_mask: Option<u16>,
    /// Destination ports.
    #[serde(default, skip_serializing_if = "is_default")]
    pub dport: Option<PortRange>,
    /// Mask of a single destination port.
    #[serde(default, skip_serializing_if = "is_default")]
    pub dport_mask: Option<u16>,
    /// DSCP, 6 bits.
    #[serde(default, skip_serializing_if = "is_default")]
    pub dscp: Option<u8>,
    /// Mask of the DSCP.
    #[serde(default, skip_serializing_if = "is_default")]
    pub dscp_mask: Option<u8>,
    /// Flow label (IPv6).
    #[serde(default, skip_serializing_if = "is_default")]
    pub flowlabel: Option<u32>,
    /// Mask of the flow label.
    #[serde(default, skip_serializing_if = "is_default")]
    pub flowlabel_mask: Option<u32>,
    /// What is not decoded.
    #[serde(default, skip_serializing_if = "is_default")]
    pub other: Vec<Attr>,
}

impl RuleMsg {
    /// An empty message of this family.
    pub fn new(family: Family) -> Self {
        RuleMsg {
            family,
            priority: None,
            dst: None,
            src: None,
            tos: 0,
            action: RuleAction::UNSPEC,
            table: TableId::UNSPEC,
            flags: RuleFlags(0),
            iifname: None,
            oifname: None,
            goto: None,
            fwmark: None,
            fwmask: None,
            realms: None,
            suppress_prefixlen: None,
            suppress_ifgroup: None,
            tun_id: None,
            l3mdev: None,
            uid_range: None,
            protocol: None,
            ip_proto: None,
            sport: None,
            sport_mask: None,
            dport: None,
            dport_mask: None,
            dscp: None,
            dscp_mask: None,
            flowlabel: None,
            flowlabel_mask: None,
            other: Vec::new(),
        }
    }
}
