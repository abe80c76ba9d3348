//! Neighbours: adding, altering and removing them by request, and what device
//! events leave of them. Nothing resolves or ages here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fingerpost_model::{
    LinkFlags, LlAddr, NeighFlags, NeighMsg, NeighState, NlFlags, Refusal, RouteType, TableId,
};
use fingerpost_net::Errno;

use super::groups6;
use crate::config::{Config, Link};
use crate::lookup::source::address_type;
use crate::namespace::{Env, Namespace};
use crate::path::neighbour as running;

/// Flags that proxy entries do not take.
const EXTENDED: NeighFlags = NeighFlags(NeighFlags::MANAGED.0 | NeighFlags::LOCKED.0);
/// States that count as connected.
const CONNECTED: NeighState =
    NeighState(NeighState::PERMANENT.0 | NeighState::NOARP.0 | NeighState::REACHABLE.0);

fn refuse(errno: Errno, text: &str) -> Refusal {
    Refusal::with(errno, text)
}

/// Adds or alters a neighbour (`neigh_add`).
pub fn new_neighbour(ns: &mut Namespace, env: Env, flags: NlFlags, msg: &NeighMsg) -> Result<(), Refusal> {
    let config = &mut ns.config;
    let Some(dst) = msg.dst else { return Err(refuse(Errno::EINVAL, "Network address not specified")) };
    let link = match msg.index {
        0 => None,
        index => Some(config.links.get(index).ok_or(Refusal::new(Errno::ENODEV))?),
    };
    if let (Some(link), Some(given)) = (link, &msg.lladdr)
        && given.0.len() < address_len(link)
    {
        return Err(refuse(Errno::EINVAL, "Invalid link address"));
    }
    if msg.flags.has(NeighFlags::PROXY) {
        if msg.flags.any(EXTENDED) {
            return Err(refuse(Errno::EINVAL, "Invalid NTF_* flag combination"));
        }
        // A new one of IPv6 joins a group on its device (`pndisc_constructor`).
        let has_ipv6 = link.is_some_and(|link| link.ipv6.is_some());
        if dst.is_ipv6() && !has_ipv6 && !config.neighbours.proxies.contains_key(&(msg.index, dst)) {
            return Err(Refusal::new(Errno::ENOBUFS));
        }
        let entry = NeighMsg {
            state: NeighState(msg.state.0 & NeighState::PERMANENT.0),
            kind: RouteType::UNICAST,
            lladdr: None,
            ..msg.clone()
        };
        if config.neighbours.proxies.insert((msg.index, dst), entry).is_none() {
            groups6::join_proxied(ns, msg.index, dst);
        }
        return Ok(());
    }
    let Some(link) = link else { return Err(refuse(Errno::EINVAL, "Device not specified")) };
    if dst.is_ipv6() && link.ipv6.as_ref().is_none_or(|ipv6| ipv6.conf.disable_ipv6 != 0) {
        return Err(refuse(Errno::EINVAL, "IPv6 is disabled on this device"));
    }
    if msg.flags.has(NeighFlags::MANAGED) && msg.state.has(NeighState::PERMANENT) {
        return Err(refuse(Errno::EINVAL, "Invalid NTF_* flag for permanent entry"));
    }
    let key = (msg.index, dst);
    let (key, mut entry, overrides) = match config.neighbours.entries.get(&key) {
        Some(_) if flags.has(NlFlags::EXCL) => return Err(Refusal::new(Errno::EEXIST)),
        Some(entry) => (key, entry.clone(), flags.has(NlFlags::REPLACE)),
        None if !flags.has(NlFlags::CREATE) => return Err(Refusal::new(Errno::ENOENT)),
        None => {
            let (key, fresh) = fresh(config, link, msg, dst)?;
            // Devices with one neighbour find the one that they have.
            (key, config.neighbours.entries.get(&key).cloned().unwrap_or(fresh), true)
        }
    };
    if msg.protocol.is_some_and(|protocol| protocol != 0) {
        entry.protocol = msg.protocol;
    }
    let old = entry.state;
    let result = update(&mut entry, address_len(link), msg, overrides);
    // What was made stays, even if it could not be filled.
    config.neighbours.entries.insert(key, entry);
    let is_used = msg.flags.any(NeighFlags::USE | NeighFlags::MANAGED);
    running::altered(&ns.config, &mut ns.state, key, (old, is_used), env.now);
    result
}

/// An entry as it is before anything is known of it (`neigh_create`, `arp_constructor`).
fn fresh(
    config: &Config,
    link: &Link,
    msg: &NeighMsg,
    dst: IpAddr,
) -> Result<((u32, IpAddr), NeighMsg), Refusal> {
    let mut entry = NeighMsg { dst: Some(dst), probes: Some(0), ..NeighMsg::new(msg.family, msg.index) };
    let flags = link.msg.flags;
    let mut addr = match dst {
        IpAddr::V4(addr) => addr,
        IpAddr::V6(addr) => return Ok(((msg.index, dst), fresh6(link, addr, entry)?)),
    };
    if link.ipv4.is_none() {
        return Err(Refusal::new(Errno::EINVAL));
    }
    // Devices with one neighbour have one entry for all addresses.
    if flags.any(LinkFlags::LOOPBACK | LinkFlags::POINTOPOINT) {
        addr = Ipv4Addr::UNSPECIFIED;
        entry.dst = Some(addr.into());
    }
    let table = config.links.l3_table(msg.index).unwrap_or(TableId::LOCAL);
    entry.kind = address_type(config, addr, table);
    let resolved = |address: Option<LlAddr>| (NeighState::NOARP, address);
    let broadcast = link.msg.broadcast.clone();
    (entry.state, entry.lladdr) = if address_len(link) == 0 {
        resolved(Some(LlAddr::default()))
    } else if entry.kind == RouteType::MULTICAST {
        resolved(Some(multicast_address(addr)))
    } else if flags.any(LinkFlags::NOARP | LinkFlags::LOOPBACK) {
        resolved(link.msg.address.clone())
    } else if entry.kind == RouteType::BROADCAST || flags.has(LinkFlags::POINTOPOINT) {
        resolved(broadcast)
    } else {
        (NeighState(0), None)
    };
    Ok(((msg.index, addr.into()), entry))
}

/// The same for IPv6 (`ndisc_constructor`).
fn fresh6(link: &Link, addr: Ipv6Addr, mut entry: NeighMsg) -> Result<NeighMsg, Refusal> {
    if link.ipv6.is_none() {
        return Err(Refusal::new(Errno::EINVAL));
    }
    let flags = link.msg.flags;
    entry.kind = if addr.is_multicast() { RouteType::MULTICAST } else { RouteType::UNICAST };
    let [.., a, b, c, d] = addr.octets();
    let address = if address_len(link) == 0 {
        Some(LlAddr::default())
    } else if addr.is_multicast() {
        Some(LlAddr(vec![0x33, 0x33, a, b, c, d])) // RFC 2464
    } else if flags.any(LinkFlags::NOARP | LinkFlags::LOOPBACK) {
        if flags.has(LinkFlags::LOOPBACK) {
            entry.kind = RouteType::LOCAL;
        }
        link.msg.address.clone()
    } else if flags.has(LinkFlags::POINTOPOINT) {
        link.msg.broadcast.clone()
    } else {
        None
    };
    if address.is_some() {
        (entry.state, entry.lladdr) = (NeighState::NOARP, address);
    }
    Ok(entry)
}

/// The Ethernet address of an IPv4 group (RFC 1112).
fn multicast_address(group: Ipv4Addr) -> LlAddr {
    let [_, b, c, d] = group.octets();
    LlAddr(vec![0x01, 0x00, 0x5e, b & 0x7f, c, d])
}

/// Gives an entry a state and an address (`__neigh_update` for an administrator).
fn update(entry: &mut NeighMsg, len: usize, msg: &NeighMsg, overrides: bool) -> Result<(), Refusal> {
    let old = entry.state;
    let learned = NeighFlags::EXT_LEARNED | EXTENDED;
    entry.flags = entry.flags.without(learned).with(NeighFlags(msg.flags.0 & learned.0));
    if msg.flags.any(NeighFlags::USE | NeighFlags::MANAGED) {
        entry.state = started(old.without(NeighState::PERMANENT));
        return Ok(());
    }
    if !msg.state.any(NeighState::VALID) {
        entry.state = msg.state;
        return Ok(());
    }
    let known = old.any(NeighState::VALID);
    let given = msg.lladdr.as_ref().map(|given| LlAddr(given.0[..len.min(given.0.len())].to_vec()));
    let address = match given {
        _ if len == 0 => entry.lladdr.clone(),
        Some(given) => Some(given),
        None if !known => return Err(refuse(Errno::EINVAL, "No link layer address given")),
        None => entry.lladdr.clone(),
    };
    if known && address != entry.lladdr && !overrides {
        return Ok(());
    }
    entry.state = msg.state;
    entry.lladdr = address;
    if overrides {
        let router = NeighFlags(msg.flags.0 & NeighFlags::ROUTER.0);
        entry.flags = entry.flags.without(NeighFlags::ROUTER).with(router);
    }
    Ok(())
}

/// The state once the entry was asked for (`neigh_event_send`): resolution has
/// begun, or the entry is about to be probed.
fn started(state: NeighState) -> NeighState {
    if state.any(CONNECTED | NeighState::DELAY | NeighState::PROBE | NeighState::INCOMPLETE) {
        state
    } else if state.has(NeighState::STALE) {
        NeighState::DELAY
    } else {
        NeighState::INCOMPLETE
    }
}

/// Removes a neighbour (`neigh_delete`).
pub fn del_neighbour(ns: &mut Namespace, env: Env, msg: &NeighMsg) -> Result<(), Refusal> {
    let Some(dst) = msg.dst else { return Err(refuse(Errno::EINVAL, "Network address not specified")) };
    if msg.index != 0 && ns.config.links.get(msg.index).is_none() {
        return Err(Refusal::new(Errno::ENODEV));
    }
    let key = (msg.index, dst);
    let removed = if msg.flags.has(NeighFlags::PROXY) {
        let removed = ns.config.neighbours.proxies.remove(&key);
        if removed.is_some() {
            groups6::leave_proxied(ns, key.0, key.1);
        }
        removed
    } else if msg.index == 0 {
        return Err(Refusal::new(Errno::EINVAL));
    } else {
        let removed = ns.config.neighbours.entries.remove(&key);
        let old = removed.as_ref().map_or(NeighState(0), |entry| entry.state);
        running::removed_by_request(&mut ns.state, key, old, env.now);
        removed
    };
    removed.map(|_| ()).ok_or(Refusal::new(Errno::ENOENT))
}

/// The device went down or away: nothing stays, not even permanent entries
/// (`neigh_ifdown`).
pub fn device_down(ns: &mut Namespace, _env: Env, dev: u32) {
    forget(ns, |&(on, _), _| on == dev);
    ns.config.neighbours.proxies.retain(|&(on, _), _| on != dev);
}

/// An address became a broadcast address: an entry for it that leads nowhere
/// goes (`arp_invalidate`).
pub fn invalidate(ns: &mut Namespace, dev: u32, addr: Ipv4Addr) {
    forget(ns, |&key, entry| key == (dev, IpAddr::V4(addr)) && !entry.state.any(NeighState::VALID));
}

/// IPv4 left the device: its IPv4 entries go, permanent ones too (`arp_ifdown`).
pub fn arp_down(ns: &mut Namespace, dev: u32) {
    forget(ns, |&(on, addr), _| on == dev && addr.is_ipv4());
    ns.config.neighbours.proxies.retain(|&(on, addr), _| on != dev || addr.is_ipv6());
}

/// IPv6 left the device: its IPv6 entries go, permanent ones too (`neigh_ifdown`).
pub fn nd_down(ns: &mut Namespace, dev: u32) {
    forget(ns, |&(on, addr), _| on == dev && addr.is_ipv6());
    let proxies = ns.config.neighbours.proxies.extract_if(.., |&(on, addr), _| on == dev && addr.is_ipv6());
    for ((_, addr), _) in proxies.collect::<Vec<_>>() {
        groups6::leave_proxied(ns, dev, addr);
    }
}

/// The device lost its carrier: permanent and proxy entries stay (`neigh_carrier_down`), all
/// of IPv4 where `arp_evict_nocarrier` is off, of IPv6 where `ndisc_evict_nocarrier` is.
pub fn carrier_down(ns: &mut Namespace, _env: Env, dev: u32) {
    let config = &ns.config;
    let (all, all6) = (config.sysctl.all.arp_evict_nocarrier, config.sysctl6.all.ndisc_evict_nocarrier);
    let Some(link) = config.links.get(dev) else { return };
    let (ipv4, ipv6) = (link.ipv4.as_ref(), link.ipv6.as_ref());
    let evicts = ipv4.is_none_or(|ipv4| all != 0 && ipv4.conf.arp_evict_nocarrier != 0);
    let evicts6 = ipv6.is_none_or(|ipv6| all6 != 0 && ipv6.conf.ndisc_evict_nocarrier != 0);
    forget(ns, |&(on, addr), entry| {
        let goes = if addr.is_ipv6() { evicts6 } else { evicts };
        on == dev && goes && !entry.state.has(NeighState::PERMANENT)
    });
}

/// The device's address or its need for resolution changed: its entries go,
/// its proxy entries stay (`neigh_changeaddr`).
pub fn flush_device(ns: &mut Namespace, _env: Env, dev: u32) {
    forget(ns, |&(on, _), _| on == dev);
}

/// Some entries go, and what waits for them (`neigh_flush_dev`).
fn forget(ns: &mut Namespace, goes: impl Fn(&(u32, IpAddr), &NeighMsg) -> bool) {
    let Namespace { config, state } = ns;
    state
        .unresolved
        .retain(|&(dev, addr)| !goes(&(dev, addr.into()), &NeighMsg::new(fingerpost_net::Family::V6, dev)));
    config.neighbours.entries.retain(|&key, entry| {
        let goes = goes(&key, entry);
        if goes {
            running::removed(state, key);
        }
        !goes
    });
}

/// How many bytes link-layer addresses have on a device.
fn address_len(link: &Link) -> usize {
    link.msg.address.as_ref().map_or(0, |address| address.0.len())
}
