//! What is found out about routes by asking.

use fingerpost_model::{OwnLeg, RouteMsg, RouteType, Scope};
use fingerpost_net::IpPrefix;

/// That a gateway was reached in another way, when its route was made, than the
/// tables tell ([`fingerpost_model::RouteMsg::gateway_scope`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GatewayScope {
    /// The route's number among all routes of its namespace in a capture, from 0.
    pub route: usize,
    /// Which leg of a multipath route.
    pub leg: Option<usize>,
    /// The scope of the route that led to the gateway.
    pub scope: Scope,
}

/// That Linux looks at the routes by source of a destination for fewer
/// destinations than theirs ([`fingerpost_model::RouteMsg::looked_at`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LookedAt {
    /// The number of one of them among all routes of its namespace, from 0.
    pub route: usize,
    /// The destinations for which they are looked at.
    pub prefix: IpPrefix,
}

/// What a leg of an IPv6 route has for itself ([`fingerpost_model::NextHopMsg::own`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegProperties {
    /// The route's number among all routes of its namespace, from 0.
    pub route: usize,
    /// Which leg.
    pub leg: usize,
    /// What it has.
    pub own: OwnLeg,
}

/// An IPv6 route that stands among the legs of another, and that no dump shows
/// ([`fingerpost_model::NextHopMsg::behind`]).
#[derive(Clone, Debug, PartialEq)]
pub struct Unlisted {
    /// The number of the multipath route among all routes of its namespace, from 0.
    pub route: usize,
    /// The leg that it stands behind.
    pub leg: usize,
    /// Whether it is known to stand there: one by a nexthop object can look like a leg.
    pub is_placed: bool,
    /// Whether the kernel has told all of it. Else it is only known where it leads, and for
    /// one that answers with an error ([`RouteType::BLACKHOLE`]) not with which.
    pub is_known: bool,
    /// What is known.
    pub msg: RouteMsg,
}

impl Unlisted {
    /// Whether it answers with an error.
    pub fn is_reject(&self) -> bool {
        RouteType::ERRORS.contains(&self.msg.kind)
    }

    /// Whether enough is known to put it in its place.
    pub fn is_told(&self) -> bool {
        self.is_placed && (self.is_known || !self.is_by_object())
    }

    /// Whether it leads to a nexthop object: of the others with a gateway only advertised ones
    /// can stand there. One without a gateway may lead to an object all the same.
    pub fn is_by_object(&self) -> bool {
        self.msg.gateway.is_some() && self.msg.protocol == 0 && !self.is_reject()
    }
}
