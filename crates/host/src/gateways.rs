//! What is found out about gateways by asking.

use fingerpost_model::Scope;

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
