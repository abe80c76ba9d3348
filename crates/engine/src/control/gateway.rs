//! Whether a next hop can be used, and by which device (`fib_check_nh`,
//! tables section 8).

use std::net::{IpAddr, Ipv4Addr};

use fingerpost_model::{Refusal, RouteFlags, RouteType, Scope, TableId};
use fingerpost_net::Errno;

use super::gateway6::{self, HopRequest};
use crate::config::{Config, NextHop};
use crate::lookup::{Flow4, rules, source, table};
use crate::namespace::Env;
use crate::trace::Tracer;

const INVALID_GATEWAY: &str = "Nexthop has invalid gateway";

/// Validates a hop of a route in `table` with `scope`, and fills in its
/// device, scope and LINKDOWN flag.
pub fn check_nh(
    config: &Config,
    env: Env<'_>,
    table: TableId,
    scope: Scope,
    hop: &mut NextHop,
) -> Result<(), Refusal> {
    match hop.gateway {
        Some(IpAddr::V4(gateway)) if hop.flags.has(RouteFlags::ONLINK) => {
            check_onlink(config, scope, hop, gateway)
        }
        Some(IpAddr::V4(gateway)) => check_gateway(config, table, scope, hop, gateway),
        Some(IpAddr::V6(gateway)) => {
            let request = HopRequest {
                table,
                onlink: hop.flags.has(RouteFlags::ONLINK),
                gateway: Some(gateway),
                ..HopRequest::device(hop.dev)
            };
            // C-045; LINKDOWN is not noted for gateways of IPv6.
            hop.dev = gateway6::init(config, env, &request)?.dev;
            hop.scope = Scope::LINK;
            Ok(())
        }
        None => check_device(config, hop),
    }
}

/// C-044: the device is given and taken at its word.
fn check_onlink(config: &Config, scope: Scope, hop: &mut NextHop, gateway: Ipv4Addr) -> Result<(), Refusal> {
    if scope >= Scope::LINK {
        return Err(Refusal::with(Errno::EINVAL, "Nexthop has invalid scope"));
    }
    let Some(link) = config.links.get(hop.dev) else {
        return Err(Refusal::with(Errno::ENODEV, "Nexthop device required for onlink"));
    };
    if !link.is_up() {
        return Err(Refusal::with(Errno::ENETDOWN, "Nexthop device is not up"));
    }
    let id = config.links.l3_table(hop.dev).unwrap_or(TableId::LOCAL);
    if source::address_type(config, gateway, id) != RouteType::UNICAST {
        return Err(Refusal::with(Errno::EINVAL, INVALID_GATEWAY));
    }
    hop.scope = Scope::LINK;
    mark_linkdown(config, hop);
    Ok(())
}

/// C-040 to C-043: the gateway must be found on a link, or be an own address.
fn check_gateway(
    config: &Config,
    id: TableId,
    scope: Scope,
    hop: &mut NextHop,
    gateway: Ipv4Addr,
) -> Result<(), Refusal> {
    let mut flow = Flow4 {
        scope: Scope(scope.0.saturating_add(1)).max(Scope::LINK),
        oif: hop.dev,
        ..Flow4::to(gateway)
    };
    let mut tracer = Tracer::off();
    let in_table = (id != TableId::UNSPEC && id != TableId::MAIN)
        .then(|| config.fib.table(id))
        .flatten()
        .and_then(|own| table::lookup(config, own, &flow, true, &mut tracer).ok());
    let result = match in_table {
        Some(result) => result,
        None => rules::lookup(config, &mut flow, true, &mut tracer)
            .map_err(|errno| Refusal::with(errno, INVALID_GATEWAY))?,
    };
    if !matches!(result.alias.kind, RouteType::UNICAST | RouteType::LOCAL) {
        return Err(Refusal::with(Errno::EINVAL, INVALID_GATEWAY));
    }
    hop.scope = config.fib.info(result.alias.info).scope;
    hop.dev = result.dev(config);
    let Some(link) = config.links.get(hop.dev) else {
        return Err(Refusal::with(Errno::EINVAL, "No egress device for nexthop gateway"));
    };
    if !link.is_up() {
        return Err(Errno::ENETDOWN.into());
    }
    mark_linkdown(config, hop);
    Ok(())
}

/// C-039: a hop without gateway.
fn check_device(config: &Config, hop: &mut NextHop) -> Result<(), Refusal> {
    if hop.flags.any(RouteFlags::PERVASIVE | RouteFlags::ONLINK) {
        let text = "Invalid flags for nexthop - PERVASIVE and ONLINK can not be set";
        return Err(Refusal::with(Errno::EINVAL, text));
    }
    let Some(link) = config.links.get(hop.dev).filter(|link| link.ipv4.is_some()) else {
        return Err(Errno::ENODEV.into()); // C-046 too
    };
    if !link.is_up() {
        return Err(Refusal::with(Errno::ENETDOWN, "Device for nexthop is not up"));
    }
    hop.scope = Scope::HOST;
    mark_linkdown(config, hop);
    Ok(())
}

/// C-049: a hop on a device without carrier starts as linkdown.
fn mark_linkdown(config: &Config, hop: &mut NextHop) {
    if config.links.get(hop.dev).is_some_and(|link| !link.has_carrier()) {
        hop.flags = hop.flags | RouteFlags::LINKDOWN;
    }
}
