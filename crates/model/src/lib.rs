//! A Linux host's network configuration as data, in rtnetlink's terms.
//!
//! The kernel has one door for configuration, rtnetlink, and so has
//! Fingerpost: a *message* ([`RouteMsg`], [`RuleMsg`], …) is what a dump
//! prints, what a snapshot stores, what a request carries and what a reply
//! holds. An [`Op`] is a message with the verb and the flags that decide how
//! it is applied; a [`Refusal`] is the kernel's answer when it says no. The
//! [`Kernel`] trait is that door as a type: the in-memory world implements it,
//! and so can a socket.
//!
//! No behaviour lives here: nothing decides, validates or looks up.

mod kernel;
mod message;
mod number;
mod op;
pub mod snapshot;

pub use kernel::{BucketFilter, Kernel, NsId, RouteFilter};
pub use message::{
    AddrLabelMsg, AddrMsg, Attr, BridgePort, Encap, LinkInfo, LinkMsg, LinkStats, LlAddr, Metrics, MrouteMsg,
    MrouteOif, MrouteTableMsg, MrouteVif, NeighMsg, NetconfMsg, NextHopMsg, NexthopBucket, NexthopGroupEntry,
    NexthopMsg, NsRef, OwnLeg, PortRange, ResilientGroup, RouteCacheInfo, RouteMsg, RuleMsg, UidRange, attr,
};
pub use number::{
    AddrLabel, IfaFlags, LinkFlags, MetricKind, NeighFlags, NeighState, RouteFlags, RouteType, RuleAction,
    RuleFlags, Scope, TableId, proto,
};
pub use op::{Change, NlFlags, Op, Refusal, TunMode};
