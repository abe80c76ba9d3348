//! What a device or address event sets off, in the order of the kernel's
//! notifier chain: addresses, routes, nexthop objects, rules. What IPv6 makes of
//! events is [`addrconf`]'s.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use fingerpost_model::{IfaFlags, LinkFlags, RouteFlags, Scope, TableId};

use super::{addrconf, address, fib_info, neighbour, nexthop, route, rule, sync6, sysctl, table};
use crate::config::{IfAddr, InDev};
use crate::lookup::cache::HopId;
use crate::namespace::{Env, Namespace};

/// Smallest MTU with which a device carries IPv4, bytes.
const MIN_MTU: u32 = 68;

/// A device came to be (`NETDEV_REGISTER`).
pub fn link_registered(ns: &mut Namespace, _: Env<'_>, dev: u32) {
    start_ipv4(ns, dev);
    addrconf::start(&mut ns.config, dev);
    if let Some(link) = ns.config.links.get_mut(dev).filter(|link| link.is_loopback())
        && let Some(ipv4) = &mut link.ipv4
    {
        (ipv4.conf.disable_xfrm, ipv4.conf.disable_policy) = (1, 1);
    }
    if let Some(name) = ns.config.links.get(dev).map(|link| link.name().to_string()) {
        rule::attach(&mut ns.config, &name, dev);
    }
}

fn start_ipv4(ns: &mut Namespace, dev: u32) {
    let conf = ns.config.sysctl.default.clone();
    let Some(link) = ns.config.links.get_mut(dev) else { return };
    link.ipv4 = Some(InDev { addrs: Vec::new(), conf, groups: BTreeSet::new() });
}

/// A device was brought up (`NETDEV_UP`, C-080).
pub fn link_up(ns: &mut Namespace, env: Env<'_>, dev: u32) {
    link_up4(ns, env, dev);
    addrconf::device_up(ns, env, dev);
}

fn link_up4(ns: &mut Namespace, env: Env<'_>, dev: u32) {
    let Some(link) = ns.config.links.get(dev) else { return };
    if link.ipv4.is_none() {
        return;
    }
    if link.is_loopback() {
        let localhost = IfAddr {
            local: Ipv4Addr::LOCALHOST,
            address: Ipv4Addr::LOCALHOST,
            len: 8,
            broadcast: None,
            label: link.name().to_string(),
            scope: Scope::HOST,
            flags: IfaFlags::PERMANENT,
            metric: 0,
            protocol: 1,
            valid: u32::MAX,
            preferred: u32::MAX,
            made: 0,
            created: env.now,
            updated: env.now,
            stamps: None,
        };
        if let Some(ipv4) = ns.config.links.get_mut(dev).and_then(|link| link.ipv4.as_mut()) {
            ipv4.conf.explicit = u64::MAX;
        }
        // Refused where the device has it already.
        let _ = address::insert(ns, env, dev, localhost);
    }
    let addrs = ns.config.links.ipv4(dev).map_or(Vec::new(), |ipv4| ipv4.addrs.clone());
    for addr in &addrs {
        address::add_routes(ns, env, dev, addr);
    }
    sync_up(ns, dev, RouteFlags::DEAD);
    ns.config.links.address_generation += 1;
    table::bump(&mut ns.config.fib);
}

/// A device was brought down (`NETDEV_DOWN`, C-087).
pub fn link_down(ns: &mut Namespace, env: Env<'_>, dev: u32) {
    if ns.config.links.ipv4(dev).is_some() {
        disable_ip(ns, dev, Down::Admin, false);
    }
    addrconf::device_down(ns, env, dev, false);
    neighbour::device_down(ns, env, dev);
    sync6::collect(ns, env.now);
    nexthop::device_down(ns, env, dev);
}

/// A device that is up gained or lost its carrier (`NETDEV_CHANGE`, C-086).
pub fn carrier_changed(ns: &mut Namespace, env: Env<'_>, dev: u32) {
    let Some(link) = ns.config.links.get(dev) else { return };
    let works = link.msg.flags.any(LinkFlags::RUNNING | LinkFlags::LOWER_UP);
    if link.ipv4.is_some() {
        if works {
            sync_up(ns, dev, RouteFlags::LINKDOWN);
        } else {
            sync_down(ns, dev, Down::Carrier, false);
        }
        table::bump(&mut ns.config.fib);
    }
    addrconf::device_changed(ns, env, dev);
    if !works {
        neighbour::carrier_down(ns, env, dev);
        nexthop::device_down(ns, env, dev);
    }
}

/// A device got another name (`NETDEV_CHANGENAME`): labels and rules follow.
pub fn link_renamed(ns: &mut Namespace, _: Env<'_>, dev: u32, old_name: &str) {
    let Some(link) = ns.config.links.get_mut(dev) else { return };
    let name = link.name().to_string();
    if let Some(ipv4) = &mut link.ipv4 {
        for (n, addr) in ipv4.addrs.iter_mut().enumerate() {
            addr.label = relabel(&name, &addr.label, n);
        }
    }
    rule::detach(&mut ns.config, dev);
    rule::attach(&mut ns.config, &name, dev);
    sysctl::rename_device(&mut ns.config, old_name, &name);
}

/// The label of the n-th address after a renaming (`inetdev_changename`): the
/// first one's is the name, others keep or get a suffix.
fn relabel(name: &str, old: &str, n: usize) -> String {
    if n == 0 {
        return name.to_string();
    }
    let suffix = match old.find(':') {
        Some(at) => old[at..].to_string(),
        None => format!(":{}", n + 1),
    };
    let room = 15usize.saturating_sub(suffix.len());
    let kept: String = name.chars().take(room).collect();
    format!("{kept}{suffix}")
}

/// A device got another MTU (`NETDEV_CHANGEMTU`, C-090).
pub fn mtu_changed(ns: &mut Namespace, env: Env<'_>, dev: u32, old_mtu: u32) {
    let Some(link) = ns.config.links.get(dev) else { return };
    let mtu = link.mtu();
    match (&link.ipv4, mtu >= MIN_MTU) {
        (None, true) => start_ipv4(ns, dev),
        (None, false) => {}
        (Some(_), false) => stop_ipv4(ns, env, dev),
        (Some(_), true) => {
            let Namespace { config, state } = ns;
            let on_device = |hop| match hop {
                HopId::Route(info, n) => {
                    let info = config.fib.infos.get(info.0 as usize).and_then(Option::as_ref);
                    info.is_some_and(|info| info.hops.get(n).is_some_and(|hop| hop.dev == dev))
                }
                HopId::Object(id) => nexthop_device(config, id) == Some(dev),
            };
            state.exceptions.device_mtu_changed(on_device, old_mtu, mtu);
        }
    }
    addrconf::mtu_changed(ns, env, dev);
    // Whether or not it carries IPv4 (`nh_netdev_event`).
    table::bump(&mut ns.config.fib);
}

pub(crate) fn nexthop_device(config: &crate::config::Config, id: u32) -> Option<u32> {
    match &config.nexthops.get(id)?.kind {
        crate::config::NexthopKind::Single(hop) => Some(hop.dev),
        crate::config::NexthopKind::Group { .. } => None,
    }
}

/// A device that is down is about to vanish (`NETDEV_UNREGISTER`, C-089).
pub fn link_unregister(ns: &mut Namespace, env: Env<'_>, dev: u32) {
    stop_ipv4(ns, env, dev);
    disable_ip(ns, dev, Down::Gone, true);
    addrconf::device_down(ns, env, dev, true);
    neighbour::device_down(ns, env, dev);
    nexthop::device_down(ns, env, dev);
    rule::detach(&mut ns.config, dev);
    if let Some(name) = ns.config.links.get(dev).map(|link| link.name().to_string()) {
        sysctl::forget_device(&mut ns.config, &name);
    }
}

/// Takes IPv4 from a device (`inetdev_destroy`): addresses go without
/// promotion, and nothing of them is kept for the others.
fn stop_ipv4(ns: &mut Namespace, env: Env<'_>, dev: u32) {
    while let Some(ipv4) = ns.config.links.get_mut(dev).and_then(|link| link.ipv4.as_mut()) {
        if ipv4.addrs.is_empty() {
            break;
        }
        let addr = ipv4.addrs.remove(0);
        address_removed(ns, env, dev, &addr);
    }
    if let Some(link) = ns.config.links.get_mut(dev) {
        link.ipv4 = None;
    }
    neighbour::arp_down(ns, dev);
}

/// A device joined or left a master. Its routes go when the master is, or was,
/// a VRF device (`NETDEV_CHANGEUPPER`).
pub fn master_changed(ns: &mut Namespace, env: Env<'_>, dev: u32, old_master: u32) {
    let links = &ns.config.links;
    let new_master = links.get(dev).and_then(|link| link.master()).unwrap_or(0);
    let is_vrf = |index: u32| links.get(index).is_some_and(|link| link.vrf_table().is_some());
    if is_vrf(old_master) || is_vrf(new_master) {
        disable_ip(ns, dev, Down::Admin, true);
        addrconf::device_down(ns, env, dev, false);
    }
}

/// A device got another link-layer address: cached decisions end.
pub fn mac_changed(ns: &mut Namespace, env: Env<'_>, _dev: u32) {
    sync6::collect(ns, env.now);
    table::bump(&mut ns.config.fib);
}

/// An address was added to a device's list (`fib_inetaddr_event`).
pub(super) fn address_added(ns: &mut Namespace, env: Env<'_>, dev: u32, addr: &IfAddr) {
    address::add_routes(ns, env, dev, addr);
    sync_up(ns, dev, RouteFlags::DEAD);
    ns.config.links.address_generation += 1;
    table::bump(&mut ns.config.fib);
}

/// An address was taken from a device's list (`fib_inetaddr_event`, C-085).
pub(super) fn address_removed(ns: &mut Namespace, _: Env<'_>, dev: u32, addr: &IfAddr) {
    address::delete_routes(ns, dev, addr, None);
    ns.config.links.address_generation += 1;
    if ns.config.links.ipv4(dev).is_some_and(|ipv4| ipv4.addrs.is_empty()) {
        disable_ip(ns, dev, Down::Admin, true);
    } else {
        table::bump(&mut ns.config.fib);
    }
}

/// Removes the routes whose preferred source was this address, in the main
/// table or the device's VRF table only (`fib_sync_down_addr`, C-084).
pub(super) fn source_vanished(ns: &mut Namespace, dev: u32, addr: Ipv4Addr) {
    let id = ns.config.links.l3_table(dev).unwrap_or(TableId::MAIN);
    let mut any = false;
    for info in ns.config.fib.infos.iter_mut().flatten() {
        if info.table == id && info.prefsrc == Some(addr) {
            info.flags = info.flags | RouteFlags::DEAD;
            any = true;
        }
    }
    if any {
        route::flush_dead(ns);
    }
}

/// How a device stopped working.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Down {
    /// No carrier: hops are linkdown.
    Carrier,
    /// Down: hops are dead.
    Admin,
    /// Gone: a route is dead with any of its hops.
    Gone,
}

/// Takes routing and IPv4 neighbours from a device (`fib_disable_ip`).
fn disable_ip(ns: &mut Namespace, dev: u32, how: Down, force: bool) {
    if sync_down(ns, dev, how, force) {
        route::flush_dead(ns);
    } else {
        table::bump(&mut ns.config.fib);
    }
    neighbour::arp_down(ns, dev);
}

/// Marks hops through a device dead or linkdown; says whether some route has
/// none left (`fib_sync_down_dev`). Hops of host-scope routes stay, unless forced.
fn sync_down(ns: &mut Namespace, dev: u32, how: Down, force: bool) -> bool {
    let mut flags = RouteFlags::LINKDOWN;
    if how != Down::Carrier {
        flags = flags | RouteFlags::DEAD;
    }
    let mut any = false;
    let mut infos = std::mem::take(&mut ns.config.fib.infos);
    for info in infos.iter_mut().flatten().filter(|info| info.hops.iter().any(|hop| hop.dev == dev)) {
        let mut dead = 0;
        for n in 0..info.hops.len() {
            let hop = &mut info.hops[n];
            if hop.flags.has(RouteFlags::DEAD) {
                dead += 1;
            } else if hop.dev == dev && (force || hop.scope != Scope::NOWHERE) {
                hop.flags = hop.flags | flags;
                dead += 1;
            }
            if how == Down::Gone && hop.dev == dev {
                dead = info.hops.len();
                break;
            }
        }
        if dead == info.hops.len() {
            info.flags = info.flags | flags;
            any = true;
        }
        fib_info::rebalance(&ns.config, info);
    }
    ns.config.fib.infos = infos;
    any
}

/// Revives hops through a device (`fib_sync_up`).
fn sync_up(ns: &mut Namespace, dev: u32, flags: RouteFlags) {
    let Some(link) = ns.config.links.get(dev) else { return };
    if !link.is_up() {
        return;
    }
    let works = link.msg.flags.any(LinkFlags::RUNNING | LinkFlags::LOWER_UP);
    let has_ipv4 = link.ipv4.is_some();
    let flags = if flags.has(RouteFlags::DEAD) && works { flags | RouteFlags::LINKDOWN } else { flags };
    let mut infos = std::mem::take(&mut ns.config.fib.infos);
    for info in infos.iter_mut().flatten().filter(|info| info.hops.iter().any(|hop| hop.dev == dev)) {
        let mut alive = 0;
        for hop in &mut info.hops {
            if !hop.flags.any(flags) {
                alive += 1;
            } else if hop.dev == dev && has_ipv4 {
                hop.flags = hop.flags.without(flags);
                alive += 1;
            }
        }
        if alive > 0 {
            info.flags = info.flags.without(flags);
        }
        fib_info::rebalance(&ns.config, info);
    }
    ns.config.fib.infos = infos;
}
