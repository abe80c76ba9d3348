//! Requests for IPv6 addresses: adding, altering and removing them
//! (`inet6_rtm_newaddr`, `inet6_rtm_deladdr`), and the end of their lifetimes.

use std::net::{IpAddr, Ipv6Addr};

use fingerpost_model::{AddrMsg, IfaFlags, NlFlags, Refusal};
use fingerpost_net::{Errno, Prefix};

use super::addrconf::{self, NewAddress, add_prefix_route, find_prefix_route};
use super::{detect6, groups6, route6};
use crate::addrtype::AddrType;
use crate::config::{Config, If6Addr, RtFlags};
use crate::lookup::RouteRef;
use crate::lookup::source6::is_usable;
use crate::namespace::{Env, Namespace};
use crate::state::Time;

const FOREVER: u32 = u32::MAX;

/// Flags that a request may set.
const SETTABLE: IfaFlags = IfaFlags(
    IfaFlags::NODAD.0
        | IfaFlags::HOMEADDRESS.0
        | IfaFlags::MANAGETEMPADDR.0
        | IfaFlags::NOPREFIXROUTE.0
        | IfaFlags::MCAUTOJOIN.0
        | IfaFlags::OPTIMISTIC.0,
);

fn invalid(text: &str) -> Refusal {
    Refusal::with(Errno::EINVAL, text)
}

/// The address that a message means, and the peer (`extract_addr`).
fn addresses(msg: &AddrMsg) -> Result<(Ipv6Addr, Option<Ipv6Addr>), Refusal> {
    let v6 = |addr: Option<IpAddr>| match addr {
        Some(IpAddr::V6(addr)) => Some(addr),
        _ => None,
    };
    match (v6(msg.local), v6(msg.address)) {
        (Some(local), Some(peer)) if peer != local => Ok((local, Some(peer))),
        (Some(addr), _) | (None, Some(addr)) => Ok((addr, None)),
        (None, None) => Err(Errno::EINVAL.into()),
    }
}

/// `RTM_NEWADDR`.
pub fn new_address(ns: &mut Namespace, env: Env<'_>, flags: NlFlags, msg: &AddrMsg) -> Result<(), Refusal> {
    let (addr, peer) = addresses(msg)?;
    let mut new = NewAddress {
        peer,
        flags: IfaFlags(msg.flags.0 & SETTABLE.0) | IfaFlags::PERMANENT,
        metric: msg.metric.unwrap_or(0),
        protocol: msg.protocol.unwrap_or(0),
        scope: AddrType::of(addr).ifa_scope(),
        ..NewAddress::permanent(addr, msg.prefix_len)
    };
    if msg.valid.is_some() || msg.preferred.is_some() {
        (new.valid, new.preferred) = (msg.valid.unwrap_or(FOREVER), msg.preferred.unwrap_or(FOREVER));
        if new.valid == 0 || new.preferred > new.valid {
            return Err(invalid("ipv6: address lifetime invalid"));
        }
        if new.valid != FOREVER {
            new.flags = new.flags.without(IfaFlags::PERMANENT);
        }
        if new.preferred == 0 {
            new.flags = new.flags | IfaFlags::DEPRECATED;
        }
    }
    let dev = msg.index;
    if ns.config.links.get(dev).is_none() {
        return Err(Refusal::with(Errno::ENODEV, "ipv6: Unable to find the interface"));
    }
    addrconf::start(&mut ns.config, dev);
    let Some(ipv6) = ns.config.links.ipv6(dev) else { return Err(Errno::EINVAL.into()) };
    if ns.config.sysctl6.all.optimistic_dad == 0 && ipv6.conf.optimistic_dad == 0 {
        new.flags = new.flags.without(IfaFlags::OPTIMISTIC);
    }
    if new.flags.has(IfaFlags::NODAD | IfaFlags::OPTIMISTIC) {
        return Err(invalid("IFA_F_NODAD and IFA_F_OPTIMISTIC are mutually exclusive"));
    }
    if !ipv6.addrs.iter().any(|have| have.addr == addr) {
        return add(ns, env, dev, new);
    }
    if flags.has(NlFlags::EXCL) || !flags.has(NlFlags::REPLACE) {
        return Err(Refusal::with(Errno::EEXIST, "ipv6: address already assigned"));
    }
    modify(ns, env, dev, new)
}

fn lifetime(new: &NewAddress) -> Option<u32> {
    (new.valid != FOREVER).then_some(new.valid)
}

/// `inet6_addr_add`.
fn add(ns: &mut Namespace, env: Env<'_>, dev: u32, new: NewAddress) -> Result<(), Refusal> {
    if new.len > 128 {
        return Err(invalid("ipv6: Invalid prefix length"));
    }
    if new.flags.has(IfaFlags::MANAGETEMPADDR) && new.len != 64 {
        return Err(invalid("ipv6: address with \"mngtmpaddr\" flag must have a prefix length of 64"));
    }
    addrconf::add_device(ns, env, dev)
        .map_err(|refusal| Refusal::with(refusal.errno, "ipv6: IPv6 is disabled on this device"))?;
    let new = NewAddress { peer: new.peer.filter(|peer| !peer.is_unspecified()), ..new };
    let addr = new.addr;
    let joins = new.flags.has(IfaFlags::MCAUTOJOIN);
    if joins && !AddrType::of(addr).is_multicast() {
        return Err(invalid("ipv6: Multicast auto join failed"));
    }
    if joins && !groups6::join_of_address(ns, dev, addr) {
        return Err(Refusal::with(Errno::EADDRINUSE, "ipv6: Multicast auto join failed"));
    }
    if let Err(refusal) = addrconf::add_address(ns, env, dev, new.clone()) {
        if joins {
            groups6::leave_of_address(ns, dev, addr);
        }
        return Err(refusal);
    }
    if !new.flags.has(IfaFlags::NOPREFIXROUTE) {
        add_prefix_route(ns, env, dev, prefix_of(&new), new.metric, lifetime(&new));
    }
    detect6::begin(ns, env, dev, addr);
    Ok(())
}

fn prefix_of(new: &NewAddress) -> Prefix<Ipv6Addr> {
    Prefix::containing(new.addr, new.len.min(128)).unwrap_or(Prefix::DEFAULT)
}

/// Alters an address that exists (`inet6_addr_modify`).
fn modify(ns: &mut Namespace, env: Env<'_>, dev: u32, mut new: NewAddress) -> Result<(), Refusal> {
    let Some(old) = addrconf::address(&ns.config, dev, new.addr).cloned() else { return Ok(()) };
    if new.flags.has(IfaFlags::MANAGETEMPADDR) && (old.flags.has(IfaFlags::SECONDARY) || old.len != 64) {
        return Err(Errno::EINVAL.into());
    }
    if !old.flags.has(IfaFlags::TENTATIVE) || old.flags.has(IfaFlags::DADFAILED) {
        new.flags = new.flags.without(IfaFlags::OPTIMISTIC);
    }
    let ends = lifetime(&new);
    // The unspecified address is what Linux notes of no peer.
    let noted = |peer: Option<Ipv6Addr>| peer.unwrap_or(Ipv6Addr::UNSPECIFIED);
    let new_peer = new.peer.filter(|&peer| noted(old.peer) != peer);
    if new_peer.is_some()
        && let Some(peer) = old.peer
    {
        remove_prefix_route(ns, dev, Prefix::containing(peer, old.len).unwrap_or(Prefix::DEFAULT));
    }
    let had_route = old.flags.has(IfaFlags::PERMANENT) && !old.flags.has(IfaFlags::NOPREFIXROUTE);
    let Some(have) = addrconf::address_mut(&mut ns.config, dev, new.addr) else { return Ok(()) };
    let cleared = IfaFlags::DEPRECATED
        | IfaFlags::PERMANENT
        | IfaFlags::NODAD
        | IfaFlags::HOMEADDRESS
        | IfaFlags::MANAGETEMPADDR
        | IfaFlags::NOPREFIXROUTE;
    have.flags = have.flags.without(cleared) | new.flags;
    (have.valid, have.preferred, have.updated) = (new.valid, new.preferred, env.now);
    have.protocol = new.protocol;
    if new.metric != 0 {
        have.metric = new.metric;
    }
    // `::` is no peer; it takes the place of one.
    have.peer = new_peer.or(have.peer).filter(|peer| !peer.is_unspecified());
    let (prefix, metric, peer, len) = (have.prefix(), have.metric, have.peer, have.len);
    if !new.flags.has(IfaFlags::NOPREFIXROUTE) {
        let mut missing = !had_route || !modify_prefix_route(ns, env, dev, prefix, metric, ends);
        if missing {
            add_prefix_route(ns, env, dev, prefix, metric, ends);
        }
        if let Some(peer) = peer {
            let prefix = Prefix::containing(peer, len).unwrap_or(Prefix::DEFAULT);
            if had_route {
                missing = !modify_prefix_route(ns, env, dev, prefix, metric, ends);
            }
            if missing {
                add_prefix_route(ns, env, dev, prefix, metric, ends);
            }
        }
    } else if had_route {
        let fate = prefix_fate(&ns.config, dev, &old, env.now);
        clean_prefix_route(ns, dev, old.prefix(), fate);
    }
    check_lifetime(ns, env, dev, new.addr);
    Ok(())
}

/// Gives a prefix route the metric and the end of its address; `false` if there
/// is none (`modify_prefix_route`).
fn modify_prefix_route(
    ns: &mut Namespace,
    env: Env<'_>,
    dev: u32,
    prefix: Prefix<Ipv6Addr>,
    metric: u32,
    ends: Option<u32>,
) -> bool {
    let Some(route) = find_prefix_route(&ns.config, dev, prefix, true) else { return false };
    let at = RouteRef::to(route);
    if route.metric != if metric == 0 { 256 } else { metric } {
        route6::remove(ns, at);
        add_prefix_route(ns, env, dev, prefix, metric, ends);
        return true;
    }
    set_end(ns, at, ends.map(wrong_end));
    true
}

/// The end that Linux notes for the prefix route of an address that gets a
/// lifetime later: hundredths of a second taken for the clock's ticks, counted
/// from the clock's zero and not from now. The clock starts 2^32 ticks less 300
/// seconds after its zero, with 250 ticks a second here, so that this is over
/// before the start.
fn wrong_end(seconds: u32) -> i64 {
    const START: i64 = ((1 << 32) - 300 * 250) * 4;
    i64::from(seconds) * 400 - START
}

fn set_end(ns: &mut Namespace, at: RouteRef, end: Option<i64>) {
    let node = ns.config.fib6.table_mut(at.table).and_then(|table| table.tree.get_mut(at.dst));
    let Some(route) = node.and_then(|node| node.routes.iter_mut().find(|route| route.id == at.id)) else {
        return;
    };
    route.expires = end;
    route.flags = match end {
        Some(_) => route.flags | RtFlags::EXPIRES,
        None => route.flags.without(RtFlags::EXPIRES),
    };
}

/// What becomes of a prefix route when an address goes.
enum Fate {
    Stays,
    Goes,
    /// Other addresses of the prefix end, the last at this time.
    Ends(Time),
}

/// `check_cleanup_prefix_route`.
fn prefix_fate(config: &Config, dev: u32, gone: &If6Addr, now: Time) -> Fate {
    let Some(ipv6) = config.links.ipv6(dev) else { return Fate::Goes };
    let mut fate = Fate::Goes;
    let mut last = now;
    let of_prefix =
        |have: &&If6Addr| have.addr != gone.addr && have.len == gone.len && gone.prefix().contains(have.addr);
    for have in ipv6.addrs.iter().filter(of_prefix) {
        if have.flags.any(IfaFlags::PERMANENT | IfaFlags::NOPREFIXROUTE) {
            return Fate::Stays;
        }
        last = last.max(have.updated.plus_secs(have.valid.into()));
        fate = Fate::Ends(last);
    }
    fate
}

/// `cleanup_prefix_route`.
fn clean_prefix_route(ns: &mut Namespace, dev: u32, prefix: Prefix<Ipv6Addr>, fate: Fate) {
    let Some(route) = find_prefix_route(&ns.config, dev, prefix, true) else { return };
    let (at, ends) = (RouteRef::to(route), route.flags.any(RtFlags::EXPIRES));
    match fate {
        Fate::Stays => {}
        Fate::Goes => {
            route6::remove(ns, at);
        }
        Fate::Ends(end) if !ends => set_end(ns, at, Some(end.0 as i64)),
        Fate::Ends(_) => {}
    }
}

fn remove_prefix_route(ns: &mut Namespace, dev: u32, prefix: Prefix<Ipv6Addr>) {
    clean_prefix_route(ns, dev, prefix, Fate::Goes);
}

/// `RTM_DELADDR`.
pub fn del_address(ns: &mut Namespace, env: Env<'_>, msg: &AddrMsg) -> Result<(), Refusal> {
    let (addr, _) = addresses(msg)?;
    if msg.prefix_len > 128 {
        return Err(invalid("ipv6: Invalid prefix length"));
    }
    let Some(link) = ns.config.links.get(msg.index) else {
        return Err(Refusal::with(Errno::ENODEV, "ipv6: Unable to find the interface"));
    };
    let Some(ipv6) = &link.ipv6 else {
        return Err(Refusal::with(Errno(6), "ipv6: IPv6 is disabled on this device"));
    };
    if !ipv6.addrs.iter().any(|have| have.addr == addr && have.len == msg.prefix_len) {
        return Err(Refusal::with(Errno::EADDRNOTAVAIL, "ipv6: address not found"));
    }
    remove(ns, env, msg.index, addr);
    groups6::leave_of_address(ns, msg.index, addr);
    Ok(())
}

/// Removes an address with its routes (`ipv6_del_addr`).
pub(super) fn remove(ns: &mut Namespace, env: Env<'_>, dev: u32, addr: Ipv6Addr) {
    let Some(have) = addrconf::address(&ns.config, dev, addr).cloned() else { return };
    let counts = have.flags.has(IfaFlags::PERMANENT) || !env.behaviour.finite6_leaves_prefix_route;
    let fate = match counts && !have.flags.has(IfaFlags::NOPREFIXROUTE) {
        true => prefix_fate(&ns.config, dev, &have, env.now),
        false => Fate::Stays,
    };
    if let Some(ipv6) = ns.config.links.ipv6_mut(dev) {
        ipv6.addrs.retain(|other| other.addr != addr);
    }
    addrconf::withdraw(ns, dev, &have);
    clean_prefix_route(ns, dev, have.prefix(), fate);
    forget_source(&mut ns.config, addr);
}

/// Routes that named a source which is no longer usable name none
/// (`rt6_remove_prefsrc`).
fn forget_source(config: &mut Config, addr: Ipv6Addr) {
    let usable: Vec<u32> = config.links.iter().map(|link| link.index()).collect();
    let usable: Vec<u32> = usable.into_iter().filter(|&dev| is_usable(config, addr, dev)).collect();
    for table in &mut config.fib6.tables {
        for node in table.tree.values_mut() {
            for route in node.lists_mut().flatten() {
                if route.nh_id.is_none() && route.prefsrc == Some(addr) && !usable.contains(&route.hop.dev) {
                    route.prefsrc = None;
                }
            }
        }
    }
}

/// An address whose time is over goes, or is deprecated (`addrconf_verify_rtnl`).
pub fn check_lifetime(ns: &mut Namespace, env: Env<'_>, dev: u32, addr: Ipv6Addr) {
    let Some(have) = addrconf::address_mut(&mut ns.config, dev, addr) else { return };
    match age(have, env.now) {
        Age::Fresh => {}
        Age::Deprecated => have.flags = have.flags | IfaFlags::DEPRECATED,
        Age::Over => remove(ns, env, dev, addr),
    }
}

/// Whether time has made something of an address that it is not yet.
pub(super) fn is_ageing(have: &If6Addr, now: Time) -> bool {
    match age(have, now) {
        Age::Fresh => false,
        Age::Deprecated => !have.flags.has(IfaFlags::DEPRECATED),
        Age::Over => true,
    }
}

/// What time has made of an address.
enum Age {
    Fresh,
    Deprecated,
    Over,
}

fn age(have: &If6Addr, now: Time) -> Age {
    if have.flags.has(IfaFlags::PERMANENT) && have.preferred == FOREVER {
        return Age::Fresh;
    }
    let seconds = now.0.saturating_sub(have.updated.0) / 1000;
    if have.valid != FOREVER && seconds >= u64::from(have.valid) {
        Age::Over
    } else if have.preferred != FOREVER && seconds >= u64::from(have.preferred) {
        Age::Deprecated
    } else {
        Age::Fresh
    }
}
