//! What is found out about routes by asking.

use fingerpost_model::{OwnLeg, Scope};
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
