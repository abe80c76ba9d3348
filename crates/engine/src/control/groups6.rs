//! Multicast groups that devices join by themselves (`ipv6_dev_mc_inc`, `__ipv6_dev_mc_dec`):
//! all nodes, all routers, and those in which addresses are asked for. What sockets
//! join besides is not known here.
//!
//! Reports of what was joined and left are the path's; it is told of changes that
//! packets and time brought, and not of those made by request, whose reports are over
//! before anything else happens.

use std::net::{IpAddr, Ipv6Addr};

use fingerpost_model::{IfaFlags, LinkFlags};

use crate::config::{Config, Group6, If6Addr, In6Dev};
use crate::namespace::Namespace;
use crate::state::GroupChange;

/// All nodes of a device, and of its link.
const ALL_NODES: [Ipv6Addr; 2] = [of_scope(1, 1), of_scope(2, 1)];
/// All routers of a link, of a device, and of a site.
const ALL_ROUTERS: [Ipv6Addr; 3] = [of_scope(2, 2), of_scope(1, 2), of_scope(5, 2)];

/// A well-known group of a scope.
const fn of_scope(scope: u16, group: u16) -> Ipv6Addr {
    Ipv6Addr::new(0xff00 + scope, 0, 0, 0, 0, 0, 0, group)
}

/// The group in which an address is asked for (`addrconf_addr_solict_mult`).
pub fn solicited(addr: Ipv6Addr) -> Ipv6Addr {
    let base = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00, 0).to_bits();
    Ipv6Addr::from_bits(base | addr.to_bits() & 0xff_ffff)
}

/// The groups of a device that was just made (`ipv6_add_dev`).
pub(super) fn first(is_router: bool) -> Vec<Group6> {
    let routers = is_router.then_some(ALL_ROUTERS[0]);
    let joined = ALL_NODES.into_iter().chain(routers);
    let mut groups: Vec<Group6> = joined.map(|addr| Group6 { addr, users: 1 }).collect();
    groups.reverse();
    groups
}

/// Joins, or counts one more who wants the group; tells whether it is new.
fn enter(ipv6: &mut In6Dev, group: Ipv6Addr) -> bool {
    if let Some(known) = ipv6.groups.iter_mut().find(|known| known.addr == group) {
        known.users += 1;
        return false;
    }
    ipv6.groups.insert(0, Group6 { addr: group, users: 1 });
    true
}

fn join(ns: &mut Namespace, dev: u32, group: Ipv6Addr) {
    let Some(ipv6) = ns.config.links.ipv6(dev) else { return };
    let forced = match ns.config.sysctl6.all.force_mld_version {
        0 => ipv6.conf.force_mld_version,
        all => all,
    };
    let Some(ipv6) = ns.config.links.ipv6_mut(dev) else { return };
    if !enter(ipv6, group) {
        return;
    }
    if forced == 1 && ns.state.group_changes.is_none() {
        // That report is over, and makes it this host that tells when nobody listens any more.
        ns.state.listeners.entry(dev).or_default().note_told(group);
    }
    note(ns, GroupChange { dev, group, is_joined: true });
}

fn leave(ns: &mut Namespace, dev: u32, group: Ipv6Addr) {
    let Some(ipv6) = ns.config.links.ipv6_mut(dev) else { return };
    let Some(at) = ipv6.groups.iter().position(|known| known.addr == group) else { return };
    ipv6.groups[at].users -= 1;
    if ipv6.groups[at].users == 0 {
        ipv6.groups.remove(at);
        note(ns, GroupChange { dev, group, is_joined: false });
    }
}

fn note(ns: &mut Namespace, change: GroupChange) {
    if let Some(changes) = &mut ns.state.group_changes {
        changes.push(change);
    }
}

/// Joins the group that an address is, for a namespace's own socket, which no group has twice
/// on one device (`ipv6_mc_config`): whether it did.
pub(super) fn join_of_address(ns: &mut Namespace, dev: u32, group: Ipv6Addr) -> bool {
    let is_new = ns.config.links.ipv6_mut(dev).is_some_and(|ipv6| ipv6.joined.insert(group));
    if is_new {
        join(ns, dev, group);
    }
    is_new
}

/// Leaves it, if it was joined so.
pub(super) fn leave_of_address(ns: &mut Namespace, dev: u32, group: Ipv6Addr) {
    if ns.config.links.ipv6_mut(dev).is_some_and(|ipv6| ipv6.joined.remove(&group)) {
        leave(ns, dev, group);
    }
}

/// Whether addresses are asked for on a device.
fn asks(config: &Config, dev: u32) -> bool {
    let quiet = LinkFlags::NOARP | LinkFlags::LOOPBACK;
    config.links.get(dev).is_some_and(|link| !link.msg.flags.any(quiet))
}

/// `addrconf_join_solict`.
pub(super) fn join_solicited(ns: &mut Namespace, dev: u32, addr: Ipv6Addr) {
    if asks(&ns.config, dev) {
        join(ns, dev, solicited(addr));
    }
}

/// `addrconf_leave_solict`.
pub(super) fn leave_solicited(ns: &mut Namespace, dev: u32, addr: Ipv6Addr) {
    if asks(&ns.config, dev) {
        leave(ns, dev, solicited(addr));
    }
}

/// The same for an address that a device stands in for (`pndisc_constructor`).
pub(super) fn join_proxied(ns: &mut Namespace, dev: u32, addr: IpAddr) {
    if let IpAddr::V6(addr) = addr {
        join(ns, dev, solicited(addr));
    }
}

/// `pndisc_destructor`.
pub(super) fn leave_proxied(ns: &mut Namespace, dev: u32, addr: IpAddr) {
    if let IpAddr::V6(addr) = addr {
        leave(ns, dev, solicited(addr));
    }
}

/// A device became a router or ceased to be one (`dev_forward_change`).
pub(super) fn forwarding_changed(ns: &mut Namespace, dev: u32, is_router: bool) {
    let multicasts = |link: &crate::config::Link| link.msg.flags.has(LinkFlags::MULTICAST);
    if !ns.config.links.get(dev).is_some_and(multicasts) {
        return;
    }
    for group in ALL_ROUTERS {
        match is_router {
            true => join(ns, dev, group),
            false => leave(ns, dev, group),
        }
    }
}

/// The groups of devices from a snapshot, as far as the rest of it tells them: the addresses'
/// in the order in which they were made.
pub(crate) fn restore(config: &mut Config) {
    let devices: Vec<u32> = config.links.iter().map(|link| link.index()).collect();
    for dev in devices {
        let quiet = !asks(config, dev);
        let proxied = |&(of, addr): &(u32, IpAddr)| match addr {
            IpAddr::V6(addr) if of == dev => Some(addr),
            _ => None,
        };
        let proxies: Vec<Ipv6Addr> = config.neighbours.proxies.keys().filter_map(proxied).collect();
        let Some(ipv6) = config.links.ipv6_mut(dev) else { continue };
        ipv6.groups = first(ipv6.conf.forwarding != 0);
        let mut addrs: Vec<_> = ipv6.addrs.iter().rev().map(|have| (have.stamps, have.addr)).collect();
        addrs.sort_by_key(|&(stamps, _)| stamps.map(|[created, _]| created));
        let joins = |have: &&If6Addr| have.flags.has(IfaFlags::MCAUTOJOIN);
        ipv6.joined = ipv6.addrs.iter().filter(joins).map(|have| have.addr).collect();
        for group in ipv6.joined.clone() {
            enter(ipv6, group);
        }
        let own = addrs.into_iter().map(|(_, addr)| addr);
        let anycast = ipv6.anycast.iter().rev().map(|anycast| anycast.addr);
        let asked: Vec<Ipv6Addr> = own.chain(anycast).filter(|_| !quiet).chain(proxies).collect();
        for addr in asked {
            enter(ipv6, solicited(addr));
        }
    }
}
