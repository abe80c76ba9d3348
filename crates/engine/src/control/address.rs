//! IPv4 addresses: adding, altering and removing them, with the routes that
//! come and go with them (`devinet.c`'s and `fib_frontend.c`'s work, tables
//! section 11).

use std::net::{IpAddr, Ipv4Addr};

use fingerpost_model::{AddrMsg, IfaFlags, NlFlags, Refusal, RouteFlags, RouteType, Scope, TableId, proto};
use fingerpost_net::{Errno, Family};

use super::fib_info::RouteConfig;
use super::{event, neighbour, policy, route};
use crate::config::{IfAddr, InDev, Link};
use crate::lookup::source;
use crate::namespace::{Env, Namespace};

const FOREVER: u32 = u32::MAX;

/// Flags that mean something for IPv6 only and are not stored.
const IPV6_ONLY: IfaFlags = IfaFlags(0x02 | 0x04 | 0x08 | 0x10 | 0x40 | 0x100 | 0x800);

/// `RTM_NEWADDR`.
pub fn new_address(ns: &mut Namespace, env: Env<'_>, flags: NlFlags, msg: &AddrMsg) -> Result<(), Refusal> {
    if msg.family != Family::V4 {
        return Err(Errno::EOPNOTSUPP.into());
    }
    policy::text(msg.label.as_ref(), policy::NAME)?;
    let (valid, preferred) = checked_lifetime(msg)?;
    if msg.local == Some(IpAddr::V4(Ipv4Addr::UNSPECIFIED)) {
        return Ok(()); // before the device is looked at, and without a mark on it
    }
    let addr = from_message(ns, env, msg, valid, preferred)?;
    let Some(ipv4) = in_dev_mut(ns, msg.index) else { return Err(Errno::ENOBUFS.into()) };
    // From now on the device's settings do not follow those of `default`.
    ipv4.conf.explicit = u64::MAX;
    let existing =
        ipv4.addrs.iter().position(|a| a.len == addr.len && a.matches(addr.address) && a.local == addr.local);
    let Some(at) = existing else {
        if addr.flags.has(IfaFlags::MCAUTOJOIN) {
            join_group(ns, msg.index, addr.address)?;
        }
        return insert(ns, env, msg.index, addr);
    };
    if flags.has(NlFlags::EXCL) || !flags.has(NlFlags::REPLACE) {
        return Err(Refusal::with(Errno::EEXIST, "ipv4: Address already assigned"));
    }
    alter(ns, env, msg.index, at, &addr);
    Ok(())
}

/// `RTM_DELADDR`.
pub fn del_address(ns: &mut Namespace, env: Env<'_>, msg: &AddrMsg) -> Result<(), Refusal> {
    if msg.family != Family::V4 {
        return Err(Errno::EOPNOTSUPP.into());
    }
    policy::text(msg.label.as_ref(), policy::NAME)?;
    let Some(ipv4) = in_dev(ns, msg.index) else {
        return Err(Refusal::with(Errno::ENODEV, "ipv4: Device not found"));
    };
    let v4 = |addr: Option<IpAddr>| match addr {
        Some(IpAddr::V4(a)) => Some(a),
        _ => None,
    };
    let (local, address) = (v4(msg.local), v4(msg.address));
    let victim = ipv4.addrs.iter().position(|a| {
        local.is_none_or(|local| a.local == local)
            && msg.label.as_ref().is_none_or(|label| a.label == *label)
            && address.is_none_or(|address| msg.prefix_len == a.len && a.matches(address))
    });
    match victim {
        Some(at) => {
            let group = ipv4.addrs[at].address;
            if let Some(ipv4) = in_dev_mut(ns, msg.index) {
                ipv4.groups.remove(&group);
            }
            remove(ns, env, msg.index, at);
            Ok(())
        }
        None => Err(Refusal::with(Errno::EADDRNOTAVAIL, "ipv4: Address not found")), // C-085
    }
}

/// Joins the group that an address is, for a namespace's own socket, which no
/// group has twice on one device (`ip_mc_autojoin_config`).
fn join_group(ns: &mut Namespace, dev: u32, group: Ipv4Addr) -> Result<(), Refusal> {
    const MOST: usize = 20;
    let refuse = |errno| Err(Refusal::with(errno, "ipv4: Multicast auto join failed"));
    let joined: usize =
        ns.config.links.iter().filter_map(|link| link.ipv4.as_ref()).map(|i| i.groups.len()).sum();
    let Some(ipv4) = in_dev_mut(ns, dev) else { return Err(Errno::ENOBUFS.into()) };
    if !group.is_multicast() {
        return refuse(Errno::EINVAL);
    }
    if ipv4.groups.contains(&group) {
        return refuse(Errno::EADDRINUSE);
    }
    if joined >= MOST {
        return refuse(Errno::ENOBUFS);
    }
    ipv4.groups.insert(group);
    Ok(())
}

/// Checks what a request says by itself (`inet_validate_rtm`): the lifetimes,
/// valid and preferred, in seconds.
fn checked_lifetime(msg: &AddrMsg) -> Result<(u32, u32), Refusal> {
    let invalid = |text: &str| Refusal::with(Errno::EINVAL, text);
    if msg.prefix_len > 32 {
        return Err(invalid("ipv4: Invalid prefix length"));
    }
    if !matches!(msg.local, Some(IpAddr::V4(_))) {
        return Err(invalid("ipv4: Local address is not supplied"));
    }
    let (valid, preferred) = (msg.valid.unwrap_or(FOREVER), msg.preferred.unwrap_or(FOREVER));
    if valid == 0 || preferred > valid {
        return Err(invalid("ipv4: address lifetime invalid"));
    }
    Ok((valid, preferred))
}

/// The address that a request describes (`inet_rtm_to_ifa`).
fn from_message(
    ns: &Namespace,
    env: Env<'_>,
    msg: &AddrMsg,
    valid: u32,
    preferred: u32,
) -> Result<IfAddr, Refusal> {
    let Some(IpAddr::V4(local)) = msg.local else {
        return Err(Refusal::with(Errno::EINVAL, "ipv4: Local address is not supplied"));
    };
    let Some(link) = ns.config.links.get(msg.index) else {
        return Err(Refusal::with(Errno::ENODEV, "ipv4: Device not found"));
    };
    if link.ipv4.is_none() {
        return Err(Errno::ENOBUFS.into());
    }
    let address = match msg.address {
        Some(IpAddr::V4(address)) => address,
        _ => local,
    };
    let mut addr = IfAddr {
        local,
        address,
        len: msg.prefix_len,
        broadcast: msg.broadcast.filter(|b| !b.is_unspecified()),
        label: msg.label.clone().unwrap_or_else(|| link.name().to_string()),
        scope: msg.scope,
        flags: msg.flags.without(IPV6_ONLY),
        metric: msg.metric.unwrap_or(0),
        protocol: msg.protocol.unwrap_or(0),
        valid: FOREVER,
        preferred: FOREVER,
        made: 0,
        created: env.now,
        updated: env.now,
        stamps: None,
    };
    set_lifetime(&mut addr, env, valid, preferred);
    Ok(addr)
}

/// `set_ifa_lifetime`.
fn set_lifetime(addr: &mut IfAddr, env: Env<'_>, valid: u32, preferred: u32) {
    addr.flags = addr.flags.without(IfaFlags::PERMANENT | IfaFlags::DEPRECATED);
    if valid == FOREVER {
        addr.flags = addr.flags | IfaFlags::PERMANENT;
    }
    if preferred == 0 {
        addr.flags = addr.flags | IfaFlags::DEPRECATED;
    }
    (addr.valid, addr.preferred, addr.updated) = (valid, preferred, env.now);
}

/// What time makes of addresses that are not for ever: those whose valid lifetime is over go,
/// those whose preferred one is are marked (`check_lifetime`).
pub(super) fn end_lifetimes(ns: &mut Namespace, env: Env<'_>) {
    let is_over = |addr: &IfAddr, lifetime: u32| {
        let seconds = env.now.0.saturating_sub(addr.updated.0) / 1000;
        lifetime != FOREVER && !addr.flags.has(IfaFlags::PERMANENT) && seconds >= u64::from(lifetime)
    };
    let devs: Vec<u32> = ns
        .config
        .links
        .iter()
        .filter(|link| link.ipv4.as_ref().is_some_and(|i| i.addrs.iter().any(|a| is_over(a, a.preferred))))
        .map(Link::index)
        .collect();
    for dev in devs {
        while let Some(at) =
            in_dev(ns, dev).and_then(|ipv4| ipv4.addrs.iter().position(|addr| is_over(addr, addr.valid)))
        {
            remove(ns, env, dev, at);
        }
        for addr in in_dev_mut(ns, dev).into_iter().flat_map(|ipv4| &mut ipv4.addrs) {
            if is_over(addr, addr.preferred) {
                addr.flags = addr.flags | IfaFlags::DEPRECATED;
            }
        }
    }
}

/// Adds an address at its place in the list (`__inet_insert_ifa`, C-078, C-081).
pub(super) fn insert(ns: &mut Namespace, env: Env<'_>, dev: u32, mut addr: IfAddr) -> Result<(), Refusal> {
    let Some(ipv4) = in_dev_mut(ns, dev) else { return Err(Errno::ENOBUFS.into()) };
    addr.flags = addr.flags.without(IfaFlags::SECONDARY);
    let mut after_primaries = 0;
    for (n, other) in ipv4.addrs.iter().enumerate() {
        if !other.is_secondary() && addr.scope <= other.scope {
            after_primaries = n + 1;
        }
        if other.len == addr.len && other.matches(addr.address) {
            if other.local == addr.local {
                return Err(Refusal::with(Errno::EEXIST, "ipv4: Address already assigned"));
            }
            if other.scope != addr.scope {
                return Err(Refusal::with(Errno::EINVAL, "ipv4: Invalid scope value"));
            }
            addr.flags = addr.flags | IfaFlags::SECONDARY;
        }
    }
    let at = if addr.is_secondary() { ipv4.addrs.len() } else { after_primaries };
    let links = &mut ns.config.links;
    links.last_made += 1;
    addr.made = links.last_made;
    if let Some(ipv4) = links.get_mut(dev).and_then(|link| link.ipv4.as_mut()) {
        ipv4.addrs.insert(at, addr.clone());
    }
    event::address_added(ns, env, dev, &addr);
    Ok(())
}

/// Alters an address that exists: metric, lifetimes, protocol.
fn alter(ns: &mut Namespace, env: Env<'_>, dev: u32, at: usize, new: &IfAddr) {
    let Some(link) = ns.config.links.get(dev) else { return };
    let Some(old) = link.ipv4.as_ref().and_then(|ipv4| ipv4.addrs.get(at)).cloned() else { return };
    if old.metric != new.metric && link.is_up() && has_connected_route(&old) && !is_plain(&old) {
        let kind = connected_kind(link);
        let subnet = old.subnet();
        magic(
            ns,
            dev,
            Some((env, NlFlags::CREATE | NlFlags::APPEND)),
            kind,
            subnet.addr(),
            subnet.len(),
            old.local,
            new.metric,
        );
        magic(ns, dev, None, kind, subnet.addr(), subnet.len(), old.local, old.metric);
    }
    let Some(addr) = in_dev_mut(ns, dev).and_then(|ipv4| ipv4.addrs.get_mut(at)) else { return };
    addr.metric = new.metric;
    addr.protocol = new.protocol;
    set_lifetime(addr, env, new.valid, new.preferred);
}

/// Whether an address never has a connected route of its own making.
fn is_plain(addr: &IfAddr) -> bool {
    addr.is_secondary() || addr.flags.has(IfaFlags::NOPREFIXROUTE)
}

/// C-072, C-075: whether the subnet is worth a route.
fn has_connected_route(addr: &IfAddr) -> bool {
    let net = addr.subnet().addr();
    !net.is_unspecified() && (net != addr.local || addr.len < 32)
}

fn connected_kind(link: &Link) -> RouteType {
    if link.is_loopback() { RouteType::LOCAL } else { RouteType::UNICAST }
}

/// Removes an address, with its secondaries or by promoting one (`__inet_del_ifa`, C-082, C-083).
pub(super) fn remove(ns: &mut Namespace, env: Env<'_>, dev: u32, at: usize) {
    let Some(ipv4) = in_dev(ns, dev) else { return };
    let victim = ipv4.addrs[at].clone();
    let promotes = ipv4.conf.promote_secondaries != 0 || ns.config.sysctl.all.promote_secondaries != 0;
    let of_subnet = |a: &IfAddr| a.is_secondary() && a.len == victim.len && a.matches(victim.address);
    let mut promoted = None;
    if !victim.is_secondary() {
        let secondaries = in_dev(ns, dev).map_or(Vec::new(), |ipv4| {
            ipv4.addrs.iter().skip(at + 1).filter(|a| of_subnet(a)).cloned().collect::<Vec<_>>()
        });
        if promotes {
            promoted = secondaries.first().cloned();
            // Their routes carry the old primary as source: all go, to be added again.
            for secondary in &secondaries {
                delete_routes(ns, dev, secondary, Some(&victim));
            }
        } else {
            for secondary in &secondaries {
                unlink(ns, dev, secondary);
                event::address_removed(ns, env, dev, secondary);
            }
        }
    }
    unlink(ns, dev, &victim);
    event::address_removed(ns, env, dev, &victim);
    if let Some(promoted) = promoted {
        promote(ns, env, dev, &victim, promoted);
    }
}

/// Makes a secondary the primary of its subnet: it moves behind the last
/// primary of a scope not narrower, and all routes come back.
fn promote(ns: &mut Namespace, env: Env<'_>, dev: u32, victim: &IfAddr, mut promoted: IfAddr) {
    let Some(ipv4) = in_dev_mut(ns, dev) else { return };
    let Some(from) = ipv4.addrs.iter().position(|a| same_address(a, &promoted)) else { return };
    let rest: Vec<IfAddr> = ipv4.addrs[from + 1..]
        .iter()
        .filter(|a| a.len == victim.len && a.matches(victim.address))
        .cloned()
        .collect();
    ipv4.addrs.remove(from);
    let at =
        ipv4.addrs.iter().rposition(|a| !a.is_secondary() && victim.scope <= a.scope).map_or(0, |n| n + 1);
    promoted.flags = promoted.flags.without(IfaFlags::SECONDARY);
    ipv4.addrs.insert(at.min(from), promoted.clone());
    event::address_added(ns, env, dev, &promoted);
    for secondary in &rest {
        add_routes(ns, env, dev, secondary);
    }
}

fn unlink(ns: &mut Namespace, dev: u32, addr: &IfAddr) {
    if let Some(ipv4) = in_dev_mut(ns, dev) {
        ipv4.addrs.retain(|a| !same_address(a, addr));
    }
}

/// Whether two entries of one device are the same address.
fn same_address(a: &IfAddr, b: &IfAddr) -> bool {
    a.local == b.local && a.len == b.len && a.address == b.address
}

/// The primary of a subnet (`inet_ifa_byprefix`).
fn primary_of<'a>(ipv4: &'a InDev, addr: &IfAddr) -> Option<&'a IfAddr> {
    ipv4.addrs.iter().find(|a| a.len == addr.len && a.matches(addr.address))
}

/// Adds the routes of an address (`fib_add_ifaddr`, C-070 to C-077).
pub(super) fn add_routes(ns: &mut Namespace, env: Env<'_>, dev: u32, addr: &IfAddr) {
    let Some(link) = ns.config.links.get(dev) else { return };
    let source = match &link.ipv4 {
        Some(ipv4) if addr.is_secondary() => match primary_of(ipv4, addr) {
            Some(primary) => primary.local,
            None => return,
        },
        _ => addr.local,
    };
    let (is_up, kind) = (link.is_up(), connected_kind(link));
    let add = Some((env, NlFlags::CREATE | NlFlags::APPEND));
    magic(ns, dev, add, RouteType::LOCAL, addr.local, 32, source, 0);
    if !is_up {
        return;
    }
    if let Some(broadcast) = addr.broadcast.filter(|&b| b != Ipv4Addr::BROADCAST) {
        magic(ns, dev, add, RouteType::BROADCAST, broadcast, 32, source, 0);
        neighbour::invalidate(ns, dev, broadcast);
    }
    if addr.is_secondary() || !has_connected_route(addr) {
        return;
    }
    let subnet = addr.subnet();
    if !addr.flags.has(IfaFlags::NOPREFIXROUTE) {
        magic(ns, dev, add, kind, subnet.addr(), subnet.len(), source, addr.metric);
    }
    if addr.len < 31 {
        magic(ns, dev, add, RouteType::BROADCAST, subnet.last(), 32, source, 0);
        neighbour::invalidate(ns, dev, subnet.last());
    }
}

/// Which of an address's own routes another address still needs.
#[derive(Default)]
struct Kept {
    local: bool,
    broadcast: bool,
    subnet_broadcast: bool,
    network: bool,
}

/// Removes the routes of an address that no other address needs
/// (`fib_del_ifaddr`). `promoted_from` is the primary that is being replaced.
pub(super) fn delete_routes(ns: &mut Namespace, dev: u32, addr: &IfAddr, promoted_from: Option<&IfAddr>) {
    let Some(link) = ns.config.links.get(dev) else { return };
    let kind = connected_kind(link);
    let Some(ipv4) = link.ipv4.as_ref() else { return };
    let net = addr.subnet();
    let primary = if addr.is_secondary() {
        match promoted_from.or(primary_of(ipv4, addr)) {
            Some(primary) => primary.clone(),
            None => return,
        }
    } else {
        addr.clone()
    };
    let (kept, gone) = still_needed(ipv4, addr, &primary, promoted_from);
    let subnet = !addr.is_secondary() && has_connected_route(addr);
    let source = primary.local;
    if subnet && !addr.flags.has(IfaFlags::NOPREFIXROUTE) {
        magic(ns, dev, None, kind, net.addr(), net.len(), source, 0);
    }
    if !kept.broadcast {
        let broadcast = addr.broadcast.unwrap_or(Ipv4Addr::UNSPECIFIED);
        magic(ns, dev, None, RouteType::BROADCAST, broadcast, 32, source, 0);
    }
    if subnet && addr.len < 31 {
        if !kept.subnet_broadcast {
            magic(ns, dev, None, RouteType::BROADCAST, net.last(), 32, source, 0);
        }
        if !kept.network {
            magic(ns, dev, None, RouteType::BROADCAST, net.addr(), 32, source, 0);
        }
    }
    if !kept.local {
        magic(ns, dev, None, RouteType::LOCAL, addr.local, 32, source, 0);
        let id = ns.config.links.l3_table(dev).unwrap_or(TableId::LOCAL);
        if gone && source::address_type(&ns.config, addr.local, id) != RouteType::LOCAL {
            event::source_vanished(ns, dev, addr.local); // C-084
        }
    }
}

/// Looks through the device's other addresses, in list order; also says
/// whether the address itself has left the list.
fn still_needed(
    ipv4: &InDev,
    addr: &IfAddr,
    primary: &IfAddr,
    promoted_from: Option<&IfAddr>,
) -> (Kept, bool) {
    let mut kept = Kept::default();
    let mut gone = true;
    let mut same_source = false;
    let mut current: Option<&IfAddr> = None;
    let in_subnet_of = |a: &IfAddr, b: &IfAddr| a.len == b.len && b.matches(a.address);
    let broadcast = addr.broadcast.unwrap_or(Ipv4Addr::UNSPECIFIED);
    let (last, net) = (addr.subnet().last(), addr.subnet().addr());
    for other in &ipv4.addrs {
        if same_address(other, addr) {
            gone = false;
            continue;
        }
        if promoted_from.is_some_and(|from| in_subnet_of(other, from)) {
            continue;
        }
        if other.is_secondary() {
            if in_subnet_of(other, primary) {
                current = Some(primary);
            } else {
                if !same_source {
                    continue;
                }
                if current.is_none_or(|c| !in_subnet_of(other, c)) {
                    current = primary_of(ipv4, other);
                }
                if current.is_none_or(|c| c.local != primary.local) {
                    continue;
                }
            }
        } else {
            if primary.local != other.local {
                continue;
            }
            current = Some(other);
            same_source |= !same_address(primary, other);
        }
        let others = other.broadcast.unwrap_or(Ipv4Addr::UNSPECIFIED);
        kept.local |= addr.local == other.local;
        kept.broadcast |= broadcast == others;
        kept.subnet_broadcast |= last == others;
        kept.network |= net == others;
        if !other.is_secondary() && other.len < 31 {
            let subnet = other.subnet();
            let ends = [subnet.last(), subnet.addr()];
            if !subnet.addr().is_unspecified() {
                kept.broadcast |= ends.contains(&broadcast);
                kept.subnet_broadcast |= ends.contains(&last);
                kept.network |= ends.contains(&net);
            }
        }
    }
    (kept, gone)
}

/// Adds (with flags) or deletes an automatic route; failures are silent (`fib_magic`).
#[allow(clippy::too_many_arguments)]
fn magic(
    ns: &mut Namespace,
    dev: u32,
    add: Option<(Env<'_>, NlFlags)>,
    kind: RouteType,
    dst: Ipv4Addr,
    len: u8,
    source: Ipv4Addr,
    priority: u32,
) {
    let by_type = if kind == RouteType::UNICAST { TableId::MAIN } else { TableId::LOCAL };
    let table = ns.config.links.l3_table(dev).unwrap_or(by_type);
    let request = RouteConfig {
        dst,
        len,
        dscp: 0,
        table,
        protocol: proto::KERNEL,
        scope: if kind == RouteType::LOCAL { Scope::HOST } else { Scope::LINK },
        kind,
        flags: RouteFlags(0),
        oif: dev,
        gateway: None,
        priority,
        prefsrc: (!source.is_unspecified()).then_some(source),
        metrics: Default::default(),
        multipath: Vec::new(),
        realms: 0,
        nh_id: 0,
        encap: None,
    };
    // The kernel reports these failures to nobody either (C-077).
    let _ = match add {
        Some((env, flags)) => route::insert(ns, env, flags, &request),
        None => route::delete(ns, &request),
    };
}

fn in_dev(ns: &Namespace, dev: u32) -> Option<&InDev> {
    ns.config.links.ipv4(dev)
}

fn in_dev_mut(ns: &mut Namespace, dev: u32) -> Option<&mut InDev> {
    ns.config.links.get_mut(dev)?.ipv4.as_mut()
}
