//! Address dumps (`inet_dump_ifaddr`, `inet6_dump_ifaddr`).

use std::net::IpAddr;

use fingerpost_model::{AddrMsg, IfaFlags, Refusal, Scope};
use fingerpost_net::Family;

use crate::addrtype::AddrType;
use crate::config::{If6Addr, IfAddr};
use crate::namespace::Namespace;
use crate::state::Time;

const FOREVER: u32 = u32::MAX;

/// Dumps addresses of IPv4, then of IPv6, by device in list order.
pub fn dump(
    ns: &Namespace,
    now: Time,
    family: Option<Family>,
    each: &mut dyn FnMut(&AddrMsg),
) -> Result<(), Refusal> {
    for link in ns.config.links.iter().filter(|_| family != Some(Family::V6)) {
        for addr in link.ipv4.iter().flat_map(|ipv4| &ipv4.addrs) {
            each(&message(link.index(), addr, now));
        }
    }
    for link in ns.config.links.iter().filter(|_| family != Some(Family::V4)) {
        for addr in link.ipv6.iter().flat_map(|ipv6| &ipv6.addrs) {
            each(&message6(link.index(), addr, now));
        }
    }
    Ok(())
}

/// `inet6_fill_ifaddr`.
fn message6(dev: u32, addr: &If6Addr, now: Time) -> AddrMsg {
    let mut msg = AddrMsg::new(Family::V6, dev);
    msg.prefix_len = addr.len;
    match addr.peer {
        Some(peer) => {
            msg.local = Some(IpAddr::V6(addr.addr));
            msg.address = Some(IpAddr::V6(peer));
        }
        None => msg.address = Some(IpAddr::V6(addr.addr)),
    }
    msg.scope = match addr.scope {
        scope if scope & AddrType::LOOPBACK != 0 => Scope::HOST,
        scope if scope & AddrType::LINK_LOCAL != 0 => Scope::LINK,
        scope if scope & AddrType::SITE_LOCAL != 0 => Scope::SITE,
        _ => Scope::UNIVERSE,
    };
    msg.flags = addr.flags;
    msg.metric = (addr.metric != 0).then_some(addr.metric);
    msg.protocol = (addr.protocol != 0).then_some(addr.protocol);
    let passed = u32::try_from(now.0.saturating_sub(addr.updated.0) / 1000).unwrap_or(FOREVER);
    let left = |lifetime: u32| if lifetime == FOREVER { FOREVER } else { lifetime.saturating_sub(passed) };
    let (valid, preferred) = match (addr.flags.has(IfaFlags::PERMANENT), addr.preferred) {
        (true, FOREVER) => (FOREVER, FOREVER),
        (false, FOREVER) => (addr.valid, FOREVER),
        (_, preferred) => (left(addr.valid), left(preferred)),
    };
    (msg.valid, msg.preferred) = (Some(valid), Some(preferred));
    let stamp = |time: Time| (time.0 / 10) as u32;
    msg.stamps = Some(addr.stamps.unwrap_or([stamp(addr.created), stamp(addr.updated)]));
    msg
}

fn message(dev: u32, addr: &IfAddr, now: Time) -> AddrMsg {
    let mut msg = AddrMsg::new(Family::V4, dev);
    msg.prefix_len = addr.len;
    msg.local = Some(IpAddr::V4(addr.local));
    msg.address = (!addr.address.is_unspecified()).then_some(IpAddr::V4(addr.address));
    msg.broadcast = addr.broadcast;
    msg.label = (!addr.label.is_empty()).then(|| addr.label.clone());
    msg.scope = addr.scope;
    msg.flags = addr.flags;
    msg.metric = (addr.metric != 0).then_some(addr.metric);
    msg.protocol = (addr.protocol != 0).then_some(addr.protocol);
    let (valid, preferred) = remaining(addr, now);
    (msg.valid, msg.preferred) = (Some(valid), Some(preferred));
    let stamp = |time: Time| (time.0 / 10) as u32;
    msg.stamps = Some(addr.stamps.unwrap_or([stamp(addr.created), stamp(addr.updated)]));
    msg
}

/// What is left of the lifetimes, in seconds.
fn remaining(addr: &IfAddr, now: Time) -> (u32, u32) {
    if addr.flags.has(IfaFlags::PERMANENT) {
        return (FOREVER, FOREVER);
    }
    let passed = u32::try_from(now.0.saturating_sub(addr.updated.0) / 1000).unwrap_or(FOREVER);
    if addr.preferred == FOREVER {
        return (addr.valid, FOREVER);
    }
    let left = |lifetime: u32| if lifetime == FOREVER { FOREVER } else { lifetime.saturating_sub(passed) };
    (left(addr.valid), left(addr.preferred))
}
