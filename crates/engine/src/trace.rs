//! The observer that explanations and tests listen to.
//!
//! Events carry ids and values, never text; rendering happens outside the
//! engine. A decision is the same whether or not somebody listens.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fingerpost_model::{NeighState, RouteType, TableId};
use fingerpost_net::{Errno, Prefix};

use crate::config::{Alias, FibInfoId};
use crate::lookup::exception6::Exception6;
use crate::lookup::rules::SelectorSet;
use crate::lookup::source6::Rule6724;
use crate::lookup::{DropReason, Flow4, Flow6, RouteRef};
use crate::path::{Logged, Outcome};

/// Receives events.
pub trait Sink {
    /// One event, in the order of the lookup.
    fn event(&mut self, event: Event);
}

impl Sink for Vec<Event> {
    fn event(&mut self, event: Event) {
        self.push(event);
    }
}

/// A sink, or none.
pub struct Tracer<'a> {
    sink: Option<&'a mut dyn Sink>,
    /// Whether it is told of packets' ways too.
    follows: bool,
}

impl<'a> Tracer<'a> {
    /// Nobody listens.
    pub fn off() -> Self {
        Tracer { sink: None, follows: false }
    }

    /// `sink` listens.
    pub fn on(sink: &'a mut dyn Sink) -> Self {
        Tracer { sink: Some(sink), follows: true }
    }

    /// `sink` listens, but not to the ways of packets ([`Event::Packet`], [`Event::Stage`],
    /// [`Event::Ended`]): to their lookups and to what is logged.
    pub fn on_lookups(sink: &'a mut dyn Sink) -> Self {
        Tracer { sink: Some(sink), follows: false }
    }

    /// Reports an event, which is made only if somebody listens.
    #[inline]
    pub fn event(&mut self, make: impl FnOnce() -> Event) {
        if let Some(sink) = &mut self.sink {
            sink.event(make());
        }
    }

    /// The same of an event of a packet's way, which is made only if somebody follows it.
    #[inline]
    pub(crate) fn event_of_way(&mut self, make: impl FnOnce() -> Event) {
        if self.follows {
            self.event(make);
        }
    }

    /// Whether somebody listens.
    pub fn is_on(&self) -> bool {
        self.sink.is_some()
    }
}

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

/// Netfilter's hook points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// Before the input lookup.
    Prerouting,
    /// Before local delivery.
    Input,
    /// Between input and output of a forwarded packet.
    Forward,
    /// After the output lookup of a packet made here.
    Output,
    /// Before a packet leaves.
    Postrouting,
}

/// Where a packet is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It is received (`ip_rcv`, `ipv6_rcv`, `arp_rcv`).
    Receive {
        /// By this device.
        dev: u32,
    },
    /// It passes a hook (`nf_hook_slow`).
    Hook {
        /// Which.
        hook: Hook,
        /// The device that it came in by, as the hook is told; 0 for none.
        input: u32,
        /// The device that it leaves by, likewise.
        output: u32,
    },
    /// It is for this host (`ip_local_deliver`).
    Deliver,
    /// It is forwarded (`ip_forward`).
    Forward,
    /// It is answered with an error (`ip_error`).
    Error {
        /// Which.
        errno: Errno,
    },
    /// It is made here (`ip_local_out`).
    LocalOut,
    /// It leaves (`ip_output`).
    Output {
        /// By this device.
        dev: u32,
    },
    /// It is cut up (`ip_fragment`, `ip6_fragment`); its pieces go on, one after the other.
    Cut,
    /// It goes to its next step (`ip_finish_output2`).
    Next {
        /// The device.
        dev: u32,
        /// A gateway, or the destination.
        addr: IpAddr,
    },
    /// An ICMP message is made about it, or in reply (`__icmp_send`, `icmp_reply`).
    IcmpSend {
        /// Type.
        kind: u8,
        /// Code.
        code: u8,
    },
    /// A neighbour's entry changes its state.
    Neighbour {
        /// The device.
        dev: u32,
        /// The neighbour.
        addr: IpAddr,
        /// The new state.
        state: NeighState,
    },
    /// An ARP message is sent (`arp_send_dst`).
    Arp {
        /// By this device.
        dev: u32,
        /// Request or reply.
        op: u16,
        /// For whom.
        target: Ipv4Addr,
    },
    /// A device takes the frame (`dev_queue_xmit`).
    Transmit {
        /// Which.
        dev: u32,
    },
    /// Loopback gives it back (`loopback_xmit`).
    Loop,
    /// This host gets a copy of what it sends to many (`dev_loopback_xmit`).
    LoopCopy,
}

/// Something that a lookup did, or a packet met.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A packet begins its way, or loopback gives it back: what follows is about it, until it
    /// ends or loopback takes it.
    Packet {
        /// Its number, by which it is told from others.
        number: u64,
        /// Its bytes, from the link header's end on.
        bytes: Vec<u8>,
    },
    /// A packet comes to a stage of its way.
    Stage {
        /// Which.
        stage: Stage,
    },
    /// Linux writes something to its log (C-203).
    Logged {
        /// What.
        what: Logged,
    },
    /// A packet's way ends; that of a piece or copy of it too.
    Ended {
        /// Its number; 0 for one that could not be made.
        packet: u64,
        /// How.
        outcome: Outcome,
    },
    /// A lookup begins.
    Begin {
        /// Why.
        purpose: Purpose,
        /// Its key.
        flow: Flow4,
    },
    /// No rule was ever changed: main (merged with local) and default are searched directly (C-121).
    NoCustomRules,
    /// A rule does not match.
    RuleSkipped {
        /// Position in the list.
        index: usize,
        /// Which selectors fail; empty for a rule that matches but is negated.
        failing: SelectorSet,
    },
    /// A rule matches.
    RuleTaken {
        /// Position in the list.
        index: usize,
    },
    /// What the rule that matched last led to.
    RuleDone {
        /// Position in the list.
        index: usize,
        /// What.
        outcome: RuleOutcome,
    },
    /// A table is searched (`fib_table_lookup`).
    Table {
        /// Its id.
        id: TableId,
    },
    /// A route contains the destination but is passed over.
    RoutePassed {
        /// Its prefix.
        prefix: Prefix<Ipv4Addr>,
        /// The route.
        alias: Alias,
        /// Why.
        why: PassedOver,
    },
    /// A route is the table's answer.
    RouteTaken {
        /// Its prefix.
        prefix: Prefix<Ipv4Addr>,
        /// The route.
        alias: Alias,
        /// The hop that the table chose.
        hop: usize,
    },
    /// A route ends the search of the table with an error.
    RouteError {
        /// Its prefix.
        prefix: Prefix<Ipv4Addr>,
        /// The route.
        alias: Alias,
        /// `EAGAIN` for throw.
        errno: Errno,
    },
    /// Nothing in the table fits.
    TableMiss {
        /// Its id.
        id: TableId,
    },
    /// One of several hops is chosen.
    Path {
        /// The route.
        info: FibInfoId,
        /// The hop.
        hop: usize,
        /// The 31-bit hash; `None` when its seed is not known.
        hash: Option<u32>,
        /// Why.
        why: PathReason,
        /// With an unknown hash, the hops that are possible, and how many of
        /// all 2³¹ hashes select each.
        shares: Vec<(usize, u64)>,
    },
    /// Of several default routes, the one whose gateway's neighbour is not dead is chosen (C-152).
    DefaultChosen {
        /// The route that the table gave.
        from: FibInfoId,
        /// The route that is used.
        to: FibInfoId,
    },
    /// A source address is chosen.
    Source {
        /// The address.
        addr: Ipv4Addr,
        /// Why.
        why: SourceReason,
    },
    /// No route, but a device was demanded: the destination counts as on its link (C-133).
    AssumedOnLink {
        /// The device.
        dev: u32,
        /// The error that is overridden.
        errno: Errno,
    },
    /// The reverse-path check needs no lookup (C-206).
    ValidateFast {
        /// Whether the source is an own address and `accept_local` is off.
        own: bool,
        /// Whether `accept_local` let it pass unchecked.
        accept_local: bool,
    },
    /// The reverse-path check begins a full lookup.
    ValidateFull {
        /// Effective `rp_filter`: 0, 1 or 2.
        rp_filter: i32,
        /// What made it necessary.
        cause: FullCheckCause,
    },
    /// The reverse-path check's result.
    ValidateDone(Validation),
    /// The packet is refused.
    Dropped {
        /// The kernel's reason.
        reason: DropReason,
    },
    /// A decision of this type was cached in the next hop and is used again (T-17).
    Cached {
        /// Type of the cached decision.
        kind: RouteType,
    },
    /// The lookup ends.
    End {
        /// Its error, if any.
        errno: Option<Errno>,
    },
    /// Something that only IPv6's lookups do.
    V6(Event6),
}

/// Why an IPv6 route that contains the destination was passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassedOver6 {
    /// Its time is over.
    Expired,
    /// Its hop is dead.
    Dead,
    /// Its hop has no carrier, and the device says that this counts.
    LinkDown,
    /// It leaves by another device than the flow demands (C-303, C-304).
    OtherDevice,
    /// Its gateway's neighbour is known not to answer (C-298).
    GatewayFailed,
    /// Another one of the same metric has a better score, or the same and stands before it.
    LowerScore,
    /// One of a smaller metric can be used.
    LargerMetric,
}

/// Why an IPv6 source address was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source6Reason {
    /// The flow has it.
    Given,
    /// The route names it (`src`).
    Preferred,
    /// It is the only candidate.
    Only,
    /// It won by this rule of RFC 6724 against the last other one that was as good until then.
    Rule(Rule6724),
    /// No address is acceptable.
    None,
}

/// Something that a lookup of IPv6 did.
#[derive(Clone, Debug, PartialEq)]
pub enum Event6 {
    /// A lookup begins.
    Begin {
        /// Why.
        purpose: Purpose,
        /// Its key.
        flow: Box<Flow6>,
    },
    /// A source was chosen by what Linux's stack happened to hold (F-041).
    SourceByChance {
        /// The source.
        addr: Ipv6Addr,
        /// The one that it would be otherwise.
        other: Ipv6Addr,
    },
    /// The destination is of one link, or a group, and the flow's device is in a
    /// VRF: no rules, that VRF's table alone (`l3mdev_link_scope_lookup`).
    InVrf {
        /// The VRF's device.
        vrf: u32,
        /// Whether the flow's device is on a link; the VRF's own is not, and
        /// finds nothing.
        is_on_link: bool,
    },
    /// The packet came in by a device of a VRF: what is looked up comes in by the
    /// VRF's own (`vrf_ip6_rcv`).
    ReceivedInVrf {
        /// The VRF's device.
        vrf: u32,
        /// Where the packet came in.
        dev: u32,
    },
    /// Routes by source hide the others of their prefix: none of them is for
    /// the flow's source (C-295, T-58).
    Hidden {
        /// The prefix.
        prefix: Prefix<Ipv6Addr>,
    },
    /// A route contains the destination but is passed over.
    RoutePassed {
        /// The route.
        route: RouteRef,
        /// Why.
        why: PassedOver6,
    },
    /// A route is the table's answer.
    RouteTaken {
        /// The route.
        route: RouteRef,
        /// Its score: 2 for the device, and four times the router preference.
        score: i32,
    },
    /// A route ends the search with an error.
    RouteError {
        /// The route.
        route: RouteRef,
        /// `EAGAIN` for throw.
        errno: Errno,
    },
    /// The rule passes over the route: IPv6 is gone from its device (F-080).
    WithoutIpv6 {
        /// The route.
        route: RouteRef,
        /// The device.
        dev: u32,
    },
    /// No route has a gateway that answers; routes are looked at again
    /// without asking for that.
    UnreachableToo {
        /// The table.
        id: TableId,
    },
    /// One of several legs is chosen.
    Path(Box<Path6>),
    /// Something was learned about the destination (C-299).
    Learned {
        /// What.
        learned: Exception6,
        /// Whether its gateway is another than the route's.
        redirected: bool,
    },
    /// A decision that is cached with a nexthop object counts, made of another
    /// route, which may be gone (T-17).
    Cached {
        /// The object.
        object: u32,
        /// The route.
        route: RouteRef,
    },
    /// Of two candidates for the source one is better.
    SourceCompared {
        /// The better one, or of two that are alike the one seen first.
        better: Ipv6Addr,
        /// The other one.
        other: Ipv6Addr,
        /// The rule that decides; `None` when they are alike.
        rule: Option<Rule6724>,
    },
    /// A source address is chosen.
    Source {
        /// The address; `::` for none.
        addr: Ipv6Addr,
        /// Why.
        why: Source6Reason,
    },
}

/// How one of several legs of an IPv6 route is chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct Path6 {
    /// The first leg, or the route that uses a group of nexthop objects.
    pub first: RouteRef,
    /// The leg that is used.
    pub leg: RouteRef,
    /// Which member of the group.
    pub member: usize,
    /// The 31-bit hash; `None` when its seed is not known.
    pub hash: Option<u32>,
    /// With an unknown hash, the legs that are possible, and how many of all
    /// 2³¹ hashes select each.
    pub shares: Vec<(RouteRef, usize, u64)>,
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
