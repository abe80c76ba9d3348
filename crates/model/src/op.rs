//! Requests for change, and the kernel's way of refusing them.

use std::fmt;

use fingerpost_net::Errno;
use serde::{Deserialize, Serialize};

use crate::{AddrLabelMsg, AddrMsg, LinkMsg, NeighMsg, NexthopMsg, RouteMsg, RuleMsg};

/// The netlink header flags that decide how a `NEW` request is applied.
///
/// `ip`'s verbs (C-023 to C-027): add = CREATE|EXCL, append = CREATE|APPEND,
/// prepend = CREATE, replace = CREATE|REPLACE, change = REPLACE, test = EXCL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NlFlags(pub u16);

impl NlFlags {
    /// Override an existing object.
    pub const REPLACE: NlFlags = NlFlags(0x100);
    /// Refuse if it exists.
    pub const EXCL: NlFlags = NlFlags(0x200);
    /// Create if it does not exist.
    pub const CREATE: NlFlags = NlFlags(0x400);
    /// Add at the end of the list.
    pub const APPEND: NlFlags = NlFlags(0x800);

    /// Whether every bit of `other` is set.
    pub const fn has(self, other: NlFlags) -> bool {
        self.0 & other.0 == other.0
    }
}

impl core::ops::BitOr for NlFlags {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        NlFlags(self.0 | other.0)
    }
}

/// One request for change: a verb, its flags, and a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Op {
    /// CREATE, EXCL, REPLACE, APPEND; no meaning for deletions.
    pub flags: NlFlags,
    /// The verb and its object.
    pub change: Change,
}

/// The verb and its object. Names are rtnetlink's message types.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant)]
pub enum Change {
    /// Make or alter a device. Without CREATE the device must exist.
    NewLink(LinkMsg),
    /// Remove a device.
    DelLink(LinkMsg),
    /// Make a tun or tap device, as `TUNSETIFF` with persistence does.
    NewTun {
        /// The device's name; may hold one `%d`.
        name: String,
        /// Packets or frames.
        mode: TunMode,
        /// `IFF_MULTI_QUEUE`.
        multi_queue: bool,
    },
    /// Remove a persistent tun or tap device.
    DelTun {
        /// The device's name.
        name: String,
        /// Packets or frames: must be what it was made as.
        mode: TunMode,
    },
    /// Add an address.
    NewAddress(AddrMsg),
    /// Remove an address.
    DelAddress(AddrMsg),
    /// Add, replace or test for a route.
    NewRoute(RouteMsg),
    /// Remove the first route that fits.
    DelRoute(RouteMsg),
    /// Add a policy rule.
    NewRule(RuleMsg),
    /// Remove the first rule that fits.
    DelRule(RuleMsg),
    /// Add or replace a nexthop object.
    NewNexthop(NexthopMsg),
    /// Remove a nexthop object.
    DelNexthop(NexthopMsg),
    /// Add or replace a neighbour.
    NewNeighbour(NeighMsg),
    /// Remove a neighbour.
    DelNeighbour(NeighMsg),
    /// Add or replace an address label.
    NewAddrLabel(AddrLabelMsg),
    /// Remove an address label.
    DelAddrLabel(AddrLabelMsg),
}

/// What a tun device carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TunMode {
    /// IP packets.
    Tun,
    /// Ethernet frames.
    Tap,
}

/// A change or question that Linux refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The error number.
    pub errno: Errno,
    /// The extended-ack text as the kernel sends it, without iproute2's `Error: ` and final period.
    pub text: Option<String>,
}

impl Refusal {
    /// A refusal without a text.
    pub const fn new(errno: Errno) -> Self {
        Refusal { errno, text: None }
    }

    /// A refusal with an extended-ack text.
    pub fn with(errno: Errno, text: impl Into<String>) -> Self {
        Refusal { errno, text: Some(text.into()) }
    }
}

impl From<Errno> for Refusal {
    fn from(errno: Errno) -> Self {
        Refusal::new(errno)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.text {
            Some(text) => write!(f, "{} ({text})", self.errno),
            None => write!(f, "{}", self.errno),
        }
    }
}

impl std::error::Error for Refusal {}
