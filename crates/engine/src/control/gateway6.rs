//! Whether an IPv6 next hop can be used, and by which device (`fib6_nh_init`),
//! for routes, nexthop objects, and IPv4's routes by an IPv6 gateway.

use std::net::{IpAddr, Ipv6Addr};

use fingerpost_model::{Encap, IfaFlags, Refusal, RouteFlags, RouteType, TableId};
use fingerpost_net::Errno;

use super::nexthop::encap;
use crate::addrtype::AddrType;
use crate::config::{Config, LOOPBACK, Link, NextHop, RtFlags};
use crate::lookup::Flow6;
use crate::lookup::rules6;
use crate::lookup::source6::{self, Own};
use crate::lookup::table6::{self, Candidate, Demand};
use crate::namespace::Env;
use crate::trace::Tracer;

/// A hop as it is asked for (the parts of `struct fib6_config` that concern it).
#[derive(Clone, Debug)]
pub struct HopRequest<'a> {
    /// The table of the route; 0 for none.
    pub table: TableId,
    /// What IPv6 notes of the route: REJECT, LOCAL and ANYCAST matter.
    pub flags: RtFlags,
    /// The gateway is taken to be on the link.
    pub onlink: bool,
    /// The gateway, `::` too if it is given.
    pub gateway: Option<Ipv6Addr>,
    /// The preferred source, with which the gateway is looked up.
    pub prefsrc: Option<Ipv6Addr>,
    /// The device, 0 for none.
    pub dev: u32,
    /// Tunnel.
    pub encap: Option<&'a Encap>,
    /// The device may be down.
    pub ignore_down: bool,
}

impl HopRequest<'_> {
    /// A hop through a device, and nothing more.
    pub fn device(dev: u32) -> Self {
        HopRequest {
            table: TableId::UNSPEC,
            flags: RtFlags(0),
            onlink: false,
            gateway: None,
            prefsrc: None,
            dev,
            encap: None,
            ignore_down: false,
        }
    }
}

/// Whether routes with these flags through this device answer with an error:
/// those of error types, and those that lead others' packets to loopback
/// (`fib6_is_reject`).
pub fn is_reject(flags: RtFlags, link: Option<&Link>, dst: Ipv6Addr) -> bool {
    let to_loopback = link.is_some_and(Link::is_loopback)
        && !AddrType::of(dst).any(AddrType::LOOPBACK)
        && !flags.any(RtFlags::ANYCAST | RtFlags::LOCAL);
    flags.any(RtFlags::REJECT) || to_loopback
}

/// Validates a hop and finds its device.
pub fn init(config: &Config, env: Env<'_>, request: &HopRequest<'_>) -> Result<NextHop, Refusal> {
    let mut dev = request.dev;
    let link = match config.links.get(dev) {
        Some(link) if link.ipv6.is_some() => Some(link),
        None if dev == 0 => None,
        _ => return Err(Errno::ENODEV.into()),
    };
    let not_up = || Refusal::with(Errno::ENETDOWN, "Nexthop device is not up");
    let mut hop = NextHop::device(dev);
    if request.onlink {
        match link {
            None => return Err(Refusal::with(Errno::ENODEV, "Nexthop device required for onlink")),
            Some(link) if !link.is_up() => return Err(not_up()),
            Some(_) => hop.flags = RouteFlags::ONLINK,
        }
    }
    if request.flags.any(RtFlags::REJECT) {
        if config.links.ipv6(LOOPBACK).is_none() {
            return Err(Errno::ENODEV.into());
        }
        return Ok(NextHop { dev: LOOPBACK, ..hop });
    }
    if let Some(gateway) = request.gateway {
        dev = check_gateway(config, env, request, gateway)?;
        hop.gateway = Some(IpAddr::V6(gateway));
    }
    let Some(link) = config.links.get(dev) else { return Err(Errno::ENODEV.into()) };
    if link.ipv6.as_ref().is_none_or(|ipv6| ipv6.conf.disable_ipv6 != 0) {
        return Err(Refusal::with(Errno::EACCES, "IPv6 is disabled on nexthop device"));
    }
    if !link.is_up() && !request.ignore_down {
        return Err(not_up());
    }
    if !request.flags.any(RtFlags::LOCAL | RtFlags::ANYCAST) && !link.has_carrier() {
        hop.flags = hop.flags | RouteFlags::LINKDOWN;
    }
    hop.encap = request.encap.map(encap::build).transpose()?;
    hop.dev = dev;
    Ok(hop)
}

/// C-296, T-43: the device by which a gateway is reached (`ip6_validate_gw`).
fn check_gateway(
    config: &Config,
    env: Env<'_>,
    request: &HopRequest<'_>,
    gateway: Ipv6Addr,
) -> Result<u32, Refusal> {
    let invalid = |text: &str| Refusal::with(Errno::EINVAL, text);
    let kind = AddrType::of(gateway);
    let own = |dev: u32| {
        let any_device = !kind.any(AddrType::LINK_LOCAL);
        source6::is_own(config, gateway, Own { dev, any_device, banned: IfaFlags(0) })
    };
    let local = || invalid("Gateway can not be a local address");
    if request.dev != 0 && own(request.dev) {
        return Err(local());
    }
    let mut dev = request.dev;
    if !kind.is_link_local_unicast() {
        if !kind.is_unicast() && !kind.any(AddrType::MAPPED) {
            return Err(invalid("Invalid gateway address"));
        }
        match request.onlink {
            true => check_onlink(config, env, request, gateway)?,
            false => dev = resolve(config, env, request, gateway)?,
        }
    }
    match config.links.get(dev) {
        None => return Err(invalid("Egress device not specified")),
        Some(link) if link.is_loopback() => {
            return Err(invalid("Egress device can not be loopback device for this route"));
        }
        Some(_) => {}
    }
    if request.dev == 0 && own(dev) {
        return Err(local());
    }
    Ok(dev)
}

/// Looks a gateway up in one table (`ip6_nh_lookup_table`); `Err` when there is
/// no such table.
fn in_table<'a>(
    config: &'a Config,
    env: Env<'_>,
    request: &HopRequest<'_>,
    gateway: Ipv6Addr,
    id: TableId,
    device: bool,
) -> Result<Option<Candidate<'a>>, Errno> {
    let table = config.fib6.table(id).ok_or(Errno::EINVAL)?;
    let src = request.prefsrc.unwrap_or(Ipv6Addr::UNSPECIFIED);
    let flow = Flow6 { oif: request.dev, src, ..Flow6::to(gateway) };
    let demand = Demand { device, ignore_linkstate: true, ..Demand::default() };
    let mut tracer = Tracer::off();
    let found = table6::lookup(config, env, table, &flow, request.dev, demand, &mut tracer);
    Ok(found.map(|found| {
        let device_fits = request.dev != 0;
        table6::select_path(config, found, &flow, request.dev, device_fits, demand, &mut tracer)
    }))
}

/// `ip6_route_check_nh_onlink`: the route to the gateway has to be of ordinary type.
/// In some releases it has to be by the same device as well, if it is no default
/// one (T-43).
fn check_onlink(
    config: &Config,
    env: Env<'_>,
    request: &HopRequest<'_>,
    gateway: Ipv6Addr,
) -> Result<(), Refusal> {
    let id = config.links.l3_table(request.dev).unwrap_or(TableId::MAIN);
    let by_device = env.behaviour.onlink6_is_by_device;
    let is_default = |found: &Candidate<'_>| found.route.dst.addr().is_unspecified();
    let passed_over = |found: &Candidate<'_>| found.is_reject() || by_device && is_default(found);
    let found = in_table(config, env, request, gateway, id, false)?.filter(|found| !passed_over(found));
    let Some(found) = found else { return Ok(()) };
    let text = match by_device {
        true => "Nexthop has invalid gateway or device mismatch",
        false => "Nexthop has invalid gateway",
    };
    match found.kind == RouteType::UNICAST && !(by_device && found.hop.dev != request.dev) {
        true => Ok(()),
        false => Err(Refusal::with(Errno::EINVAL, text)),
    }
}

/// `ip6_route_check_nh`: the device of the route that leads to the gateway,
/// without another one in between.
fn resolve(
    config: &Config,
    env: Env<'_>,
    request: &HopRequest<'_>,
    gateway: Ipv6Addr,
) -> Result<u32, Refusal> {
    let is_direct = |found: &Candidate<'_>| !found.is_reject() && found.hop.gateway.is_none();
    if request.table != TableId::UNSPEC
        && let Ok(Some(found)) = in_table(config, env, request, gateway, request.table, true)
        && is_direct(&found)
        && (request.dev == 0 || request.dev == found.hop.dev)
    {
        return Ok(found.hop.dev);
    }
    let mut flow = Flow6 { oif: request.dev, iif: 0, ..Flow6::to(gateway) };
    let demand = Demand { device: true, ..Demand::default() };
    let mut tracer = Tracer::off();
    let found = rules6::lookup_any(config, env, &mut flow, request.dev, demand, &mut tracer)
        .ok()
        .filter(is_direct)
        .ok_or(Errno::EHOSTUNREACH)?;
    let found = table6::select_path(config, found, &flow, request.dev, request.dev != 0, demand, &mut tracer);
    match request.dev == 0 || request.dev == found.hop.dev {
        true => Ok(found.hop.dev),
        false => Err(Errno::EHOSTUNREACH.into()),
    }
}
