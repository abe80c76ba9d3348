//! Address labels: the policy table of RFC 6724, for source address selection.

use fingerpost_net::{Family, IpPrefix};
use serde::{Deserialize, Serialize};

use super::attr::Attr;
use super::common::is_default;
use crate::number::AddrLabel;

/// A preference label of a prefix (`RTM_NEWADDRLABEL`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddrLabelMsg {
    /// The family; Linux knows labels of IPv6 only.
    pub family: Family,
    /// The prefix; `None` if a request names none, which Linux refuses.
    #[serde(default, skip_serializing_if = "is_default")]
    pub prefix: Option<IpPrefix>,
    /// The device on which it counts; 0 for all.
    #[serde(default, skip_serializing_if = "is_default")]
    pub index: u32,
    /// The label; `None` if a request names none.
    #[serde(default, skip_serializing_if = "is_default")]
    pub label: Option<AddrLabel>,
    /// Counts the changes of the table (`ifal_seq`); in dumps and answers alone.
    #[serde(default, skip_serializing_if = "is_default")]
    pub sequence: u32,
    /// What is not decoded.
    #[serde(default, skip_serializing_if = "is_default")]
    pub other: Vec<Attr>,
}

impl AddrLabelMsg {
    /// An empty message of this family.
    pub fn new(family: Family) -> Self {
        AddrLabelMsg { family, prefix: None, index: 0, label: None, sequence: 0, other: Vec::new() }
    }
}
