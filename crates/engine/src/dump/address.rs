//! Address dumps (`inet_dump_ifaddr`).

use std::net::IpAddr;

use fingerpost_model::{AddrMsg, IfaFlags, Refusal};
use fingerpost_net::Family;

use crate::config::IfAddr;
use crate::namespace::Namespace;
use crate::state::Time;

const FOREVER: u32 = u32::MAX;

/// Dumps addresses by device, in list order. IPv6 has none yet.
pub fn dump(
    ns: &Namespace,
    now: Time,
    family: Option<Family>,
    each: &mut dyn FnMut(&AddrMsg),
) -> Result<(), Refusal> {
    if family == Some(Family::V6) {
        return Ok(());
    }
    for link in ns.config.links.iter() {
        for addr in link.ipv4.iter().flat_map(|ipv4| &ipv4.addrs) {
            each(&message(link.index(), addr, now));
        }
    }
    Ok(())
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
