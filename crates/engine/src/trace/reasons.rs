//! Why lookups are made, and why they end as they do.

use std::net::Ipv6Addr;

use fingerpost_model::RouteType;
use fingerpost_net::Errno;

/// Why a lookup is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The way of a packet made here (`ip_route_output_key_hash_rcu`).
    Output,
    /// The way of a packet received (`ip_route_input_slow`).
    Input,
    /// Whether the way back leads where the packet came from (`__fib_validate_source`).
    ReversePath,
    /// The same once more, restricted to the ingress device.
    ReversePathOnDevice,
    /// Whether an address is an own one (`__ip_dev_find`).
    OwnAddress,
    /// Whether a gateway is on a link (`fib_check_nh`).
    Gateway,
    /// What nft's `fib` expression asks (`nft_fib4_eval`, `nft_fib6_eval`).
    Fib,
    /// What the `rpfilter` match asks (`rpfilter_mt`).
    Rpfilter,
    /// What type an address is (`inet_dev_addr_type`).
    AddressType,
}

/// What became of a rule whose selectors matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleOutcome {
    /// Its table gave a result, which is kept.
    Found,
    /// Its table does not exist.
    NoTable,
    /// Nothing in its table fits, or a throw route did.
    NoMatch,
    /// The result is discarded: the packet would get this source, or none, and the
    /// rule is for others (C-301).
    OtherSource {
        /// The source.
        source: Option<Ipv6Addr>,
    },
    /// The result is discarded: its prefix is not longer than the rule demands.
    SuppressedPrefix {
        /// Length of the result's prefix.
        len: u8,
    },
    /// The result is discarded: its device is in the group.
    SuppressedGroup {
        /// The group.
        group: u32,
    },
    /// It jumps to the rule at this position.
    Goto {
        /// Position in the list.
        to: usize,
    },
    /// Its target does not exist.
    GotoUnresolved,
    /// It does nothing.
    Nop,
    /// The lookup ends with an error: its own, or that of a route it found.
    Error(Errno),
}

/// Why a route that contains the destination was passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassedOver {
    /// It demands another type of service (C-015).
    Tos,
    /// Its scope is wider than the flow demands (C-015).
    Scope,
    /// All its hops are dead (C-015).
    Dead,
    /// No hop is usable: dead, or without carrier where that counts (C-018).
    NoHop,
    /// No usable hop leaves by the device that the flow demands (C-018, C-020).
    OtherDevice,
}

/// Why one of several hops was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathReason {
    /// The flow demands its device.
    Device,
    /// The hash falls into its share (C-053).
    Hash,
    /// Its own source address is the flow's (T-19).
    OwnSource,
    /// It is the first with a usable neighbour, outside of its share (C-068).
    Fallback,
    /// All others were skipped (C-055).
    FirstUsable,
}

/// Why a source address was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceReason {
    /// The flow has it.
    Given,
    /// The route names it (`src`).
    Preferred,
    /// The address of the device in whose subnet the gateway lies (C-155).
    Subnet,
    /// The first acceptable address of the device (C-154).
    FirstOfDevice,
    /// The device has none; another device's first acceptable one (C-157).
    Borrowed,
    /// The destination is local and is its own source (C-136).
    Destination,
    /// No address is acceptable: 0.0.0.0.
    None,
}

/// What makes the full source check necessary (`fib_validate_source`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FullCheckCause {
    /// `rp_filter` is on.
    RpFilter,
    /// Some route or rule has realms.
    Realms,
    /// The packet goes back out of its ingress device and redirects are sent.
    Redirects,
    /// A local route was added by hand.
    CustomLocalRoutes,
    /// A rule was changed.
    CustomRules,
}

/// How the reverse-path check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validation {
    /// The way back leaves by the ingress device.
    SameDevice,
    /// It does not, but the mode is off or loose and a way back exists.
    OtherDevice,
    /// No way back, and the mode is off.
    NoRouteButOff,
    /// The way back's route is neither unicast nor local.
    NotUnicast(RouteType),
    /// The source is an own address.
    OwnAddress,
    /// Strict: the way back leaves by another device.
    StrictOtherDevice,
    /// No way back.
    NoRoute,
    /// The ingress device has no address and the way back leaves by another device.
    NoAddress,
}
