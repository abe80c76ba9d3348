//! Routes to single addresses of a device: those of its own, in table local, and
//! the subnet-router anycast addresses that a router answers for (C-312).

use std::net::Ipv6Addr;

use fingerpost_model::{IfaFlags, RouteType, TableId};
use fingerpost_net::Prefix;

use super::addrconf::{address, address_mut};
use super::groups6;
use super::route6::{self, RouteConfig6};
use crate::config::{Anycast, Config, If6Addr, Route6Id, RtFlags};
use crate::lookup::RouteRef;
use crate::namespace::{Env, Namespace};

/// The table of a device's own addresses, and where such a route lies.
pub(super) fn host_ref(config: &Config, dev: u32, addr: Ipv6Addr, id: Route6Id) -> RouteRef {
    let table = config.links.l3_table(dev).unwrap_or(TableId::LOCAL);
    RouteRef { table, dst: Prefix::host(addr), src: Prefix::DEFAULT, id }
}

fn add_host_route(
    ns: &mut Namespace,
    env: Env<'_>,
    dev: u32,
    addr: Ipv6Addr,
    kind: RouteType,
) -> Option<Route6Id> {
    let table = ns.config.links.l3_table(dev).unwrap_or(TableId::LOCAL);
    let mut request = RouteConfig6::automatic(table, Prefix::host(addr), kind, dev, 0);
    let own = if kind == RouteType::ANYCAST { RtFlags::ANYCAST } else { RtFlags::LOCAL };
    request.flags = RtFlags::UP | RtFlags::NONEXTHOP | own;
    request.ignore_down = true;
    route6::add(ns, env, None, &request).ok()
}

/// Adds an address's local route unless it is there.
pub(super) fn insert_host_route(ns: &mut Namespace, env: Env<'_>, dev: u32, addr: Ipv6Addr) {
    let known = address(&ns.config, dev, addr).and_then(|have| have.route);
    if known.is_some_and(|id| host_ref(&ns.config, dev, addr, id).get(&ns.config).is_some()) {
        return;
    }
    let route = add_host_route(ns, env, dev, addr, RouteType::LOCAL);
    if let Some(have) = address_mut(&mut ns.config, dev, addr) {
        have.route = route;
    }
}

/// The subnet-router anycast address of an address's prefix (C-312).
fn anycast_of(have: &If6Addr) -> Option<Ipv6Addr> {
    let prefix = have.prefix();
    (have.len < 127 && !prefix.addr().is_unspecified()).then(|| prefix.addr())
}

/// `addrconf_join_anycast`.
pub(super) fn join_anycast(ns: &mut Namespace, env: Env<'_>, dev: u32, addr: Ipv6Addr) {
    let Some(group) = address(&ns.config, dev, addr).and_then(anycast_of) else { return };
    let Some(ipv6) = ns.config.links.ipv6_mut(dev) else { return };
    if let Some(known) = ipv6.anycast.iter_mut().find(|known| known.addr == group) {
        known.users += 1;
        return;
    }
    let route = add_host_route(ns, env, dev, group, RouteType::ANYCAST);
    groups6::join_solicited(ns, dev, group);
    if let Some(ipv6) = ns.config.links.ipv6_mut(dev) {
        ipv6.anycast.insert(0, Anycast { addr: group, users: 1, route });
    }
}

/// `addrconf_leave_anycast`.
pub(super) fn leave_anycast(ns: &mut Namespace, dev: u32, have: &If6Addr) {
    let Some(group) = anycast_of(have) else { return };
    let Some(ipv6) = ns.config.links.ipv6_mut(dev) else { return };
    let Some(at) = ipv6.anycast.iter().position(|known| known.addr == group) else { return };
    ipv6.anycast[at].users -= 1;
    if ipv6.anycast[at].users == 0 {
        let gone = ipv6.anycast.remove(at);
        groups6::leave_solicited(ns, dev, group);
        if let Some(id) = gone.route {
            let route = host_ref(&ns.config, dev, group, id);
            route6::remove(ns, route);
        }
    }
}

/// A device began or ceased to forward: its subnet-router anycast addresses come
/// or go (`dev_forward_change`).
pub fn forwarding_changed(ns: &mut Namespace, env: Env<'_>, dev: u32) {
    let Some(ipv6) = ns.config.links.ipv6_mut(dev) else { return };
    let forwards = ipv6.conf.forwarding != 0;
    let addrs: Vec<If6Addr> =
        ipv6.addrs.iter().filter(|have| !have.flags.has(IfaFlags::TENTATIVE)).cloned().collect();
    groups6::forwarding_changed(ns, dev, forwards);
    for have in addrs {
        match forwards {
            true => join_anycast(ns, env, dev, have.addr),
            false => leave_anycast(ns, dev, &have),
        }
    }
}
