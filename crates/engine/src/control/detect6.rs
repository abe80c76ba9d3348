//! Duplicate address detection as configuration has it (`addrconf_dad_begin`): when it begins, and
//! what its end makes of an address. It takes the time that Linux takes at most. What is asked
//! on the link meanwhile, and who objects, is the path's, of addresses that packets brought.

use std::net::Ipv6Addr;

use fingerpost_model::{IfaFlags, LinkFlags};
use fingerpost_net::{Family, Prefix};

use super::addrconf::{ETHER, LINK_LOCAL_PREFIX, add_prefix_route, address, address_mut, device_down, eui64};
use super::host6::{insert_host_route, join_anycast};
use super::{address6, groups6, sysctl};
use crate::config::{Dad, If6Addr, In6Dev, Link};
use crate::namespace::{Env, Namespace};
use crate::state::Time;

/// Begins duplicate address detection, or does without (`addrconf_dad_begin`).
pub fn begin(ns: &mut Namespace, env: Env<'_>, dev: u32, addr: Ipv6Addr) {
    if address(&ns.config, dev, addr).is_some_and(|have| have.dad == Dad::Before) {
        groups6::join_solicited(ns, dev, addr);
    }
    let Some(link) = ns.config.links.get(dev) else { return };
    let quiet = link.msg.flags.any(LinkFlags::NOARP | LinkFlags::LOOPBACK);
    let Some(ipv6) = &link.ipv6 else { return };
    let Some(have) = ipv6.addrs.iter().find(|have| have.addr == addr) else { return };
    let off = ns.config.sysctl6.all.accept_dad < 1 && ipv6.conf.accept_dad < 1;
    if quiet || off || !have.flags.has(IfaFlags::TENTATIVE) || have.flags.has(IfaFlags::NODAD) {
        complete(ns, env, dev, addr);
        return;
    }
    let (is_ready, optimistic) = (ipv6.is_ready, have.flags.has(IfaFlags::OPTIMISTIC));
    let pause = sysctl::neighbour_number(&ns.config, Family::V6, link.name(), "retrans_time_ms");
    let end = end_of(ipv6, pause.max(8) as u64, optimistic, env.now);
    if is_ready && end <= env.now {
        ns.state.due.push((dev, addr));
    }
    let until = Dad::Until(end);
    if let Some(have) = address_mut(&mut ns.config, dev, addr) {
        have.dad = if is_ready { until } else { Dad::Waiting };
    }
    if is_ready && optimistic {
        insert_host_route(ns, env, dev, addr);
    }
}

/// Detections that end at once do so after what the change does otherwise, those
/// of all devices in the order in which they began (`addrconf_dad_work`).
pub fn finish_due(ns: &mut Namespace, env: Env<'_>) {
    for (dev, addr) in std::mem::take(&mut ns.state.due) {
        let have = address(&ns.config, dev, addr);
        if have.is_some_and(|have| matches!(have.dad, Dad::Until(end) if end <= env.now)) {
            complete(ns, env, dev, addr);
        }
    }
}

/// When detection is over at the latest: after a random part of a delay, then
/// a pause of milliseconds for each solicitation (`addrconf_dad_kick`).
fn end_of(ipv6: &In6Dev, pause: u64, optimistic: bool, now: Time) -> Time {
    let delay = if optimistic { 0 } else { ipv6.conf.router_solicitation_delay.max(0) as u64 };
    let solicitations = ipv6.conf.dad_transmits.max(0) as u64;
    Time(now.plus_secs(delay).0.saturating_add(solicitations.saturating_mul(pause)))
}

/// Detection begins for the addresses that waited for the device (`addrconf_dad_run`).
pub(super) fn run_waiting(ns: &mut Namespace, env: Env<'_>, dev: u32) {
    let Some(ipv6) = ns.config.links.ipv6(dev) else { return };
    let waits = |have: &&If6Addr| have.flags.has(IfaFlags::TENTATIVE) && have.dad == Dad::Waiting;
    let waiting: Vec<Ipv6Addr> = ipv6.addrs.iter().filter(waits).map(|have| have.addr).collect();
    for addr in waiting {
        begin(ns, env, dev, addr);
    }
}

/// An address is its device's own from now on (`addrconf_dad_completed`).
pub fn complete(ns: &mut Namespace, env: Env<'_>, dev: u32, addr: Ipv6Addr) {
    let Some(have) = address_mut(&mut ns.config, dev, addr) else { return };
    let was_tentative = have.flags.has(IfaFlags::TENTATIVE);
    have.flags = have.flags.without(IfaFlags::TENTATIVE | IfaFlags::OPTIMISTIC | IfaFlags::DADFAILED);
    have.dad = Dad::Over;
    let (peer, metric) = (have.peer, have.metric);
    insert_host_route(ns, env, dev, addr);
    if ns.config.links.ipv6(dev).is_some_and(|ipv6| ipv6.conf.forwarding != 0) {
        join_anycast(ns, env, dev, addr);
    }
    if let Some(peer) = peer {
        add_prefix_route(ns, env, dev, Prefix::host(peer), metric, None);
    }
    if was_tentative {
        ns.config.fib6.generation += 1;
    }
}

/// Another has an address of a device (`addrconf_dad_stop`): a permanent one stays without
/// being used, others go. Where that is asked for, IPv6 ends on a device whose address of
/// the link, made of its own, is another's.
pub fn fail(ns: &mut Namespace, env: Env<'_>, dev: u32, addr: Ipv6Addr) {
    let all = ns.config.sysctl6.all.accept_dad;
    let Some(link) = ns.config.links.get_mut(dev) else { return };
    let mac = link.msg.address.as_ref().map(|address| address.0.clone());
    let id = mac.and_then(|mac| eui64(&mac)).filter(|_| link.msg.arp_type == ETHER);
    let of_device = id.map(|id| Ipv6Addr::from_bits(u128::from(LINK_LOCAL_PREFIX) << 64 | u128::from(id)));
    let Some(ipv6) = &mut link.ipv6 else { return };
    let ends = (all > 1 || ipv6.conf.accept_dad > 1) && of_device == Some(addr);
    let Some(have) = ipv6.addrs.iter_mut().find(|have| have.addr == addr) else { return };
    have.dad = Dad::Over;
    have.flags = have.flags.without(IfaFlags::OPTIMISTIC) | IfaFlags::DADFAILED | IfaFlags::TENTATIVE;
    if !have.flags.has(IfaFlags::PERMANENT) {
        address6::remove(ns, env, dev, addr);
    }
    if ends {
        if let Some(ipv6) = ns.config.links.ipv6_mut(dev) {
            ipv6.conf.disable_ipv6 = 1;
        }
        device_down(ns, env, dev, false);
    }
}

/// Detections that are under way end at once, and find nobody.
pub fn end_detections(ns: &mut Namespace, env: Env<'_>) {
    let of_link = |link: &Link| {
        let addrs = link.ipv6.as_ref().map_or(&[][..], |ipv6| &ipv6.addrs);
        let pending = addrs.iter().filter(|have| matches!(have.dad, Dad::Until(_)));
        pending.map(|have| (link.index(), have.addr)).collect::<Vec<_>>()
    };
    let pending: Vec<(u32, Ipv6Addr)> = ns.config.links.iter().flat_map(of_link).collect();
    for (dev, addr) in pending {
        complete(ns, env, dev, addr);
    }
}
