//! What lookups of IPv6 do.

use std::net::Ipv6Addr;

use fingerpost_model::TableId;
use fingerpost_net::{Errno, Prefix};

use super::Purpose;
use crate::lookup::exception6::Exception6;
use crate::lookup::source6::Rule6724;
use crate::lookup::{Flow6, RouteRef};

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
