//! Source addresses: which own address a packet gets (`inet_select_addr`),
//! and whether an address is an own one.

use std::net::{IpAddr, Ipv4Addr};

use fingerpost_model::{RouteType, Scope, TableId};
use fingerpost_net::Family;

use super::cache::{HopId, OwnSource};
use super::{FibResult, Flow4, path, table};
use crate::config::{Config, InDev, NextHop};
use crate::state::State;
use crate::trace::{Event, Purpose, SourceReason, Tracer};

/// Selects an address of a device for a destination (C-154 to C-158).
///
/// `dst` may be unspecified. Addresses of a narrower scope than `scope` are
/// not used. Returns 0.0.0.0 when there is none.
pub fn select_addr(config: &Config, dev: u32, dst: Ipv4Addr, scope: Scope) -> (Ipv4Addr, SourceReason) {
    if let Some(ipv4) = config.links.ipv4(dev) {
        // 127/8 counts as link scope where it is routed.
        let narrowest = if routes_localnet(config, ipv4) { Scope::LINK } else { Scope::HOST };
        let mut first = None;
        for addr in ipv4.addrs.iter().filter(|a| !a.is_secondary() && a.scope.min(narrowest) <= scope) {
            if dst.is_unspecified() {
                return (addr.local, SourceReason::FirstOfDevice);
            }
            if addr.matches(dst) {
                return (addr.local, SourceReason::Subnet);
            }
            first = first.or(Some(addr.local));
        }
        if let Some(addr) = first {
            return (addr, SourceReason::FirstOfDevice);
        }
    }
    let master = config.links.l3_master(dev);
    let of_master = (master != 0).then(|| config.links.ipv4(master)).flatten();
    let same_domain = config
        .links
        .in_order()
        .filter(|link| config.links.l3_master(link.index()) == master)
        .filter_map(|link| link.ipv4.as_ref());
    match of_master.into_iter().chain(same_domain).find_map(|ipv4| first_borrowable(ipv4, scope)) {
        Some(addr) => (addr, SourceReason::Borrowed),
        None => (Ipv4Addr::UNSPECIFIED, SourceReason::None),
    }
}

/// `in_dev_select_addr`: link-scope addresses are not lent.
fn first_borrowable(ipv4: &InDev, scope: Scope) -> Option<Ipv4Addr> {
    ipv4.addrs
        .iter()
        .find(|a| !a.is_secondary() && a.scope != Scope::LINK && a.scope <= scope)
        .map(|a| a.local)
}

/// Whether 127/8 is routed through a device (OR).
pub(super) fn routes_localnet(config: &Config, ipv4: &InDev) -> bool {
    ipv4.conf.route_localnet != 0 || config.sysctl.all.route_localnet != 0
}

/// The source that a hop's packets get (`fib_info_update_nhc_saddr`).
///
/// Of a gateway of IPv6 Linux takes the first four bytes for an IPv4 address:
/// both families share the field.
pub fn of_hop(config: &Config, hop: &NextHop, scope: Scope) -> (Ipv4Addr, SourceReason) {
    let gateway = match hop.gateway {
        None => Ipv4Addr::UNSPECIFIED,
        Some(IpAddr::V4(gateway)) => gateway,
        Some(IpAddr::V6(gateway)) => Ipv4Addr::from_bits((gateway.to_bits() >> 96) as u32),
    };
    select_addr(config, hop.dev, gateway, scope)
}

/// The source that a hop's packets get as it was last chosen, if addresses have
/// not changed since, or chosen anew and remembered (`fib_result_prefsrc`). The
/// scope is the route's; a nexthop object chose with its own when it was made.
pub fn remembered(
    config: &Config,
    state: &mut State,
    id: HopId,
    hop: &NextHop,
    scope: Scope,
) -> (Ipv4Addr, SourceReason) {
    let generation = config.links.address_generation;
    if let Some(known) = state.cache.sources.get(&id).filter(|known| known.generation == generation) {
        let fresh = of_hop(config, hop, scope);
        return if fresh.0 == known.addr {
            fresh
        } else {
            (known.addr, of_hop(config, hop, scope_of_object(hop)).1)
        };
    }
    let fresh = of_hop(config, hop, scope);
    remember(config, state, id, fresh.0);
    fresh
}

/// The scope in which a nexthop object chooses its source when it is made: one
/// wider than that of its next step (`nexthop_create_ipv4`).
pub fn scope_of_object(hop: &NextHop) -> Scope {
    Scope(hop.scope.0.saturating_sub(1))
}

/// Keeps the source that a hop chose.
pub fn remember(config: &Config, state: &mut State, id: HopId, addr: Ipv4Addr) {
    state.cache.sources.insert(id, OwnSource { generation: config.links.address_generation, addr });
}

/// The source that packets by a route get, the route's own if it names one
/// (`fib_result_prefsrc`, C-154).
pub fn of_result(config: &Config, state: &mut State, result: &FibResult) -> (Ipv4Addr, SourceReason) {
    let info = config.fib.info(result.alias.info);
    match (info.prefsrc, result.hop(config)) {
        (Some(addr), _) => (addr, SourceReason::Preferred),
        (None, Some(hop)) => match path::hop_id(config, result.alias.info, result.hop) {
            // Of objects for IPv6 nothing is remembered.
            HopId::Object(object) if !is_for_ipv4(config, object) => of_hop(config, hop, info.scope),
            id => remembered(config, state, id, hop, info.scope),
        },
        (None, None) => (Ipv4Addr::UNSPECIFIED, SourceReason::None),
    }
}

fn is_for_ipv4(config: &Config, object: u32) -> bool {
    config.nexthops.get(object).is_some_and(|object| object.family == Some(Family::V4))
}

/// Whether an interface has exactly this address (`inet_lookup_ifaddr_rcu`).
pub fn is_interface_address(config: &Config, addr: Ipv4Addr) -> bool {
    config.links.owner(addr).is_some()
}

/// The device that owns an address: an interface address, or what the local
/// table holds as local (`__ip_dev_find`).
pub fn find_owner(config: &Config, addr: Ipv4Addr, tracer: &mut Tracer<'_>) -> Option<u32> {
    config.links.owner(addr).or_else(|| {
        let local = config.fib.table(TableId::LOCAL)?;
        let flow = Flow4::to(addr);
        tracer.event(|| Event::Begin { purpose: Purpose::OwnAddress, flow: flow.clone() });
        let result = table::lookup(config, local, &flow, false, tracer);
        tracer.event(|| Event::End { errno: result.err() });
        let result = result.ok()?;
        (result.alias.kind == RouteType::LOCAL).then(|| result.dev(config))
    })
}

/// The type of an address in a table (`inet_addr_type_table`): multicast and
/// broadcast by definition, else what the table says, else unicast.
pub fn address_type(config: &Config, addr: Ipv4Addr, id: TableId) -> RouteType {
    if addr.is_unspecified() || super::is_limited_broadcast(addr) {
        return RouteType::BROADCAST;
    }
    if addr.is_multicast() {
        return RouteType::MULTICAST;
    }
    match config.fib.table(id) {
        None => RouteType::BROADCAST,
        Some(table) => match table::lookup(config, table, &Flow4::to(addr), false, &mut Tracer::off()) {
            Ok(result) => result.alias.kind,
            Err(_) => RouteType::UNICAST,
        },
    }
}

/// The same in the table that a device belongs to: its VRF's or local
/// (`inet_addr_type_dev_table`).
pub fn address_type_on(config: &Config, addr: Ipv4Addr, dev: u32) -> RouteType {
    address_type(config, addr, config.links.l3_table(dev).unwrap_or(TableId::LOCAL))
}
