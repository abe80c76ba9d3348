//! The life of IPv6 on a device: what events bring and take (`addrconf_notify`),
//! addresses with their routes.
//!
//! Requests for addresses are [`super::address6`]'s, the detection of duplicates
//! [`super::detect6`]'s, and what routers advertise [`super::advert6`]'s.

use std::collections::BTreeSet;
use std::net::Ipv6Addr;

use fingerpost_model::{IfaFlags, LinkFlags, Refusal, RouteFlags, RouteType, TableId};
use fingerpost_net::{Errno, Prefix, Rng};

use super::host6::{host_ref, leave_anycast};
use super::route6::{self, RouteConfig6};
use super::sync6::{for_each_route, sync_carrier_lost, sync_down, sync_up};
use super::{address, address6, detect6, groups6, neighbour, stable_privacy};
use crate::addrtype::AddrType;
use crate::config::{Config, Dad, If6Addr, In6Dev, Link, RtFlags};
use crate::lookup::RouteRef;
use crate::lookup::exception6;
use crate::namespace::{Env, Namespace};

/// Smallest MTU with which a device carries IPv6, bytes.
pub const MIN_MTU: u32 = 1280;
/// Metric of prefix routes (C-290).
const PREFIX_METRIC: u32 = 256;
/// `ARPHRD_ETHER`, `ARPHRD_NONE`.
pub(super) const ETHER: u16 = 1;
const NONE: u16 = 0xfffe;
/// `IN6_ADDR_GEN_MODE_*`.
const EUI64: i64 = 0;
const STABLE_PRIVACY: i64 = 2;
const RANDOM: i64 = 3;
/// The upper half of link-local addresses.
pub(super) const LINK_LOCAL_PREFIX: u64 = 0xfe80 << 48;
/// `IFAPROT_KERNEL_LO`, `IFAPROT_KERNEL_LL`.
const BY_LOOPBACK: u8 = 1;
const LINK_LOCAL: u8 = 3;

/// A device came to be, or became able to carry IPv6 (`ipv6_add_dev`). Loopback
/// keeps it whatever its MTU becomes.
pub fn start(config: &mut Config, dev: u32) {
    let mut conf = config.sysctl6.default.clone();
    let Some(link) = config.links.get_mut(dev) else { return };
    let is_able = link.mtu() >= MIN_MTU || link.is_loopback();
    if !is_able || link.ipv6.is_some() {
        return;
    }
    conf.mtu = link.mtu().into();
    if link.msg.flags.any(LinkFlags::NOARP | LinkFlags::LOOPBACK) {
        conf.accept_dad = -1;
    }
    if link.is_loopback() || link.msg.arp_type == NONE {
        conf.use_tempaddr = -1;
    }
    let is_ready = is_link_ready(link);
    let name = link.name().to_string();
    let token = super::link::token(&link.msg).unwrap_or(Ipv6Addr::UNSPECIFIED);
    // A secret of new devices becomes their own.
    match stable_privacy::written(config, "default") {
        Some(secret) => {
            conf.addr_gen_mode = STABLE_PRIVACY;
            config.sysctl.other.insert(stable_privacy::key(&name), stable_privacy::shown(secret));
        }
        None => {
            config.sysctl.other.remove(&stable_privacy::key(&name));
        }
    }
    let Some(link) = config.links.get_mut(dev) else { return };
    let is_router = conf.forwarding != 0 && link.msg.flags.has(LinkFlags::MULTICAST);
    let groups = groups6::first(is_router);
    let joined = BTreeSet::new();
    link.ipv6 =
        Some(In6Dev { addrs: Vec::new(), conf, token, is_ready, anycast: Vec::new(), groups, joined });
}

/// Whether packets can pass (`addrconf_link_ready`): a device that was opened without
/// carrier counts as running until that is looked at, but its queue takes nothing.
fn is_link_ready(link: &Link) -> bool {
    link.is_up() && link.msg.flags.has(LinkFlags::RUNNING) && link.has_carrier()
}

/// A device was brought up (`NETDEV_UP`, C-310).
pub fn device_up(ns: &mut Namespace, env: Env<'_>, dev: u32) {
    if is_disabled(&ns.config, dev) {
        return;
    }
    restore_permanent(ns, env, dev);
    let Some(link) = ns.config.links.get(dev) else { return };
    if !is_link_ready(link) {
        return;
    }
    start(&mut ns.config, dev);
    become_ready(ns, env, dev);
}

/// A device that is up gained or lost its carrier (`NETDEV_CHANGE`, C-314).
pub fn device_changed(ns: &mut Namespace, env: Env<'_>, dev: u32) {
    if is_disabled(&ns.config, dev) {
        return;
    }
    let Some(link) = ns.config.links.get(dev) else { return };
    if !is_link_ready(link) {
        sync_carrier_lost(ns, dev);
    } else if link.ipv6.as_ref().is_some_and(|ipv6| ipv6.is_ready) {
        sync_up(ns, dev, RouteFlags::LINKDOWN);
    } else if link.ipv6.is_some() {
        become_ready(ns, env, dev);
    }
}

/// A device got another MTU (`NETDEV_CHANGEMTU`).
pub fn mtu_changed(ns: &mut Namespace, env: Env<'_>, dev: u32) {
    let Some(link) = ns.config.links.get(dev) else { return };
    let (mtu, has_ipv6, is_loopback) = (link.mtu(), link.ipv6.is_some(), link.is_loopback());
    if mtu < MIN_MTU {
        device_down(ns, env, dev, !is_loopback);
    } else if has_ipv6 {
        store_mtu(ns, dev, mtu);
    } else {
        start(&mut ns.config, dev);
        if ns.config.links.ipv6(dev).is_some_and(|ipv6| ipv6.is_ready) && !is_disabled(&ns.config, dev) {
            become_ready(ns, env, dev);
        }
    }
}

fn is_disabled(config: &Config, dev: u32) -> bool {
    config.links.ipv6(dev).is_some_and(|ipv6| ipv6.conf.disable_ipv6 != 0)
}

/// What follows once packets can pass: automatic addresses, detection, and the
/// revival of hops.
fn become_ready(ns: &mut Namespace, env: Env<'_>, dev: u32) {
    if let Some(ipv6) = ns.config.links.ipv6_mut(dev) {
        ipv6.is_ready = true;
    }
    make_automatic(ns, env, dev);
    detect6::run_waiting(ns, env, dev);
    sync_up(ns, dev, RouteFlags::DEAD);
    let Some(link) = ns.config.links.get(dev) else { return };
    let (mtu, is_loopback) = (link.mtu(), link.is_loopback());
    if mtu < MIN_MTU {
        device_down(ns, env, dev, !is_loopback);
    } else {
        store_mtu(ns, dev, mtu);
    }
}

/// The device's MTU is its IPv6 MTU, and that of routes that had it.
fn store_mtu(ns: &mut Namespace, dev: u32, mtu: u32) {
    let Some(ipv6) = ns.config.links.ipv6_mut(dev) else { return };
    let old = std::mem::replace(&mut ipv6.conf.mtu, mtu.into());
    if old != i64::from(mtu) {
        change_mtu(ns, dev, old, mtu);
    }
}

/// Routes through a device, and what was learned of destinations behind it, with the old
/// MTU or more than the new one, get that (`rt6_mtu_change`).
pub fn change_mtu(ns: &mut Namespace, dev: u32, old: i64, mtu: u32) {
    use fingerpost_model::MetricKind;
    let Namespace { config, state } = &mut *ns;
    let on_device = |hop| exception6::device(config, hop) == dev;
    state.exceptions6.device_mtu_changed(on_device, old.max(0) as u32, mtu);
    for_each_route(ns, |route| {
        let own = route.metrics.get(MetricKind::MTU).unwrap_or(0);
        let locked = route.metrics.get(MetricKind::LOCK).unwrap_or(0) & 1 << MetricKind::MTU.0 != 0;
        if route.nh_id.is_none()
            && route.hop.dev == dev
            && !locked
            && own != 0
            && (own >= mtu || i64::from(own) == old)
        {
            route.metrics.set(MetricKind::MTU, mtu);
        }
        false
    });
}

/// The addresses and routes that a device has by itself (`addrconf_init_auto_addrs`).
pub fn make_automatic(ns: &mut Namespace, env: Env<'_>, dev: u32) {
    let Some(link) = ns.config.links.get(dev) else { return };
    if link.is_loopback() {
        let localhost = NewAddress {
            scope: AddrType::LOOPBACK,
            protocol: BY_LOOPBACK,
            ..NewAddress::permanent(Ipv6Addr::LOCALHOST, 128)
        };
        if add_address(ns, env, dev, localhost).is_ok() {
            detect6::complete(ns, env, dev, Ipv6Addr::LOCALHOST);
        }
        return;
    }
    if !matches!(link.msg.arp_type, ETHER | NONE) || add_device(ns, env, dev).is_err() {
        return;
    }
    let Some(link) = ns.config.links.get_mut(dev) else { return };
    let is_none = link.msg.arp_type == NONE;
    let is_l3_master = link.vrf_table().is_some();
    let mac = link.msg.address.as_ref().map(|address| address.0.clone());
    let Some(ipv6) = &mut link.ipv6 else { return };
    if is_none && ipv6.conf.addr_gen_mode == EUI64 {
        ipv6.conf.addr_gen_mode = RANDOM;
    }
    let mode = ipv6.conf.addr_gen_mode;
    if is_l3_master {
        return;
    }
    let stable = stable_identifier(&ns.config, dev, LINK_LOCAL_PREFIX);
    let (id, flags) = match mode {
        EUI64 => (mac.and_then(|mac| eui64(&mac)), IfaFlags(0)),
        STABLE_PRIVACY => (stable, IfaFlags::STABLE_PRIVACY),
        // Without a secret one is made by chance, and so is what comes of it.
        RANDOM => (stable.or(Some(Rng::new(u64::from(dev)).next_u64())), IfaFlags::STABLE_PRIVACY),
        _ => (None, IfaFlags(0)),
    };
    if let Some(id) = id {
        let addr = Ipv6Addr::from_bits(u128::from(LINK_LOCAL_PREFIX) << 64 | u128::from(id));
        add_link_local(ns, env, dev, addr, flags);
        if let Some(have) = address_mut(&mut ns.config, dev, addr) {
            have.invented = mode == RANDOM && stable.is_none();
        }
    }
}

/// The interface identifier of an address of an advertised prefix, given by its upper half: the
/// device's token, or made as its addresses are; `None` where there is nothing to make it of.
///
/// # Errors
///
/// It would be made by chance.
pub(super) fn advertised_identifier(
    config: &Config,
    dev: u32,
    prefix: u64,
) -> Result<Option<(u64, IfaFlags)>, &'static str> {
    let Some(link) = config.links.get(dev) else { return Ok(None) };
    let Some(ipv6) = &link.ipv6 else { return Ok(None) };
    if !ipv6.token.is_unspecified() {
        return Ok(Some((ipv6.token.to_bits() as u64, IfaFlags(0))));
    }
    if matches!(ipv6.conf.addr_gen_mode, STABLE_PRIVACY | RANDOM) {
        if let Some(id) = stable_identifier(config, dev, prefix) {
            return Ok(Some((id, IfaFlags::STABLE_PRIVACY)));
        }
        if ipv6.conf.addr_gen_mode == RANDOM {
            return Err("an address made by chance");
        }
    }
    let mac = link.msg.address.as_ref().filter(|_| link.msg.arp_type == ETHER);
    let of_device = mac.and_then(|mac| eui64(&mac.0));
    // What has none takes that of its address of the link (`ipv6_inherit_eui64`).
    let of_link = || {
        let mut own = ipv6.addrs.iter().rev().take_while(|have| have.is_of_link_or_host());
        let own =
            own.find(|have| have.scope & AddrType::LINK_LOCAL != 0 && !have.flags.has(IfaFlags::TENTATIVE));
        own.map(|have| have.addr.to_bits() as u64)
    };
    Ok(of_device.or_else(of_link).map(|id| (id, IfaFlags(0))))
}

/// The interface identifier of a device with a secret for a prefix (RFC 7217); `None` without.
fn stable_identifier(config: &Config, dev: u32, prefix: u64) -> Option<u64> {
    let link = config.links.get(dev)?;
    let permanent = link.msg.perm_address.as_ref().map_or(&[][..], |address| &address.0);
    let secret = stable_privacy::secret(config, link.name())?;
    stable_privacy::identifier(prefix, permanent, secret)
}

/// The interface identifier of an Ethernet address (`addrconf_ifid_eui48`).
pub(super) fn eui64(mac: &[u8]) -> Option<u64> {
    match *mac {
        [a, b, c, d, e, f] => Some(u64::from_be_bytes([a ^ 2, b, c, 0xff, 0xfe, d, e, f])),
        _ => None,
    }
}

/// `addrconf_add_linklocal`.
fn add_link_local(ns: &mut Namespace, env: Env<'_>, dev: u32, addr: Ipv6Addr, flags: IfaFlags) {
    let all = &ns.config.sysctl6.all;
    let optimistic = ns.config.links.ipv6(dev).is_some_and(|ipv6| ipv6.conf.optimistic_dad != 0)
        || all.optimistic_dad != 0;
    let extra = match optimistic && all.forwarding == 0 {
        true => flags | IfaFlags::OPTIMISTIC,
        false => flags,
    };
    let new = NewAddress {
        scope: AddrType::LINK_LOCAL,
        protocol: LINK_LOCAL,
        flags: IfaFlags::PERMANENT | extra,
        ..NewAddress::permanent(addr, 64)
    };
    if add_address(ns, env, dev, new).is_ok() {
        let prefix = Prefix::containing(addr, 64).unwrap_or(Prefix::DEFAULT);
        add_prefix_route(ns, env, dev, prefix, 0, None);
        detect6::begin(ns, env, dev, addr);
    }
}

/// Makes a device ready to get addresses: the route to its multicast groups
/// comes (`addrconf_add_dev`).
pub fn add_device(ns: &mut Namespace, env: Env<'_>, dev: u32) -> Result<(), Refusal> {
    start(&mut ns.config, dev);
    let Some(link) = ns.config.links.get(dev) else { return Err(Errno::ENODEV.into()) };
    let Some(ipv6) = &link.ipv6 else { return Err(Errno::EINVAL.into()) };
    if ipv6.conf.disable_ipv6 != 0 {
        return Err(Errno::EACCES.into());
    }
    if !link.is_loopback() && link.vrf_table().is_none() {
        let table = ns.config.links.l3_table(dev).unwrap_or(TableId::LOCAL);
        let groups = Prefix::containing(Ipv6Addr::from_bits(0xff << 120), 8).unwrap_or(Prefix::DEFAULT);
        let request = RouteConfig6::automatic(table, groups, RouteType::MULTICAST, dev, PREFIX_METRIC);
        // It is refused where it is there already, or the device is down.
        let _ = route6::add(ns, env, None, &request);
    }
    Ok(())
}

/// An address that is to be added (`struct ifa6_config`).
#[derive(Clone, Debug)]
pub struct NewAddress {
    /// The address.
    pub addr: Ipv6Addr,
    /// The peer.
    pub peer: Option<Ipv6Addr>,
    /// Prefix length.
    pub len: u8,
    /// Scope as `IFA_*` bits.
    pub scope: u16,
    /// Flags.
    pub flags: IfaFlags,
    /// Metric of the prefix route, 0 for the default.
    pub metric: u32,
    /// Who makes it.
    pub protocol: u8,
    /// Valid lifetime in seconds.
    pub valid: u32,
    /// Preferred lifetime in seconds.
    pub preferred: u32,
}

impl NewAddress {
    /// A global one without end.
    pub fn permanent(addr: Ipv6Addr, len: u8) -> Self {
        NewAddress {
            addr,
            peer: None,
            len,
            scope: 0,
            flags: IfaFlags::PERMANENT,
            metric: 0,
            protocol: 0,
            valid: u32::MAX,
            preferred: u32::MAX,
        }
    }
}

/// Adds an address to a device's list (`ipv6_add_addr`); its routes come later.
pub fn add_address(ns: &mut Namespace, env: Env<'_>, dev: u32, new: NewAddress) -> Result<(), Refusal> {
    let unavailable = |text: &str| Err(Refusal::with(Errno::EADDRNOTAVAIL, text));
    let kind = AddrType::of(new.addr);
    let made = ns.config.links.last_made + 1;
    let Some(link) = ns.config.links.get_mut(dev) else { return Err(Errno::ENODEV.into()) };
    if kind.is_any() {
        return unavailable("ipv6: Invalid address");
    }
    if kind.is_multicast() && !new.flags.has(IfaFlags::MCAUTOJOIN) {
        return unavailable("ipv6: Cannot assign multicast address without \"IFA_F_MCAUTOJOIN\" flag");
    }
    if !link.is_loopback() && link.vrf_table().is_none() && kind.any(AddrType::LOOPBACK) {
        return unavailable("ipv6: Cannot assign loopback address on this device");
    }
    let Some(ipv6) = &mut link.ipv6 else { return Err(Errno::ENODEV.into()) };
    if ipv6.conf.disable_ipv6 != 0 {
        return Err(Refusal::with(Errno::EACCES, "ipv6: IPv6 is disabled on this device"));
    }
    if ipv6.addrs.iter().any(|have| have.addr == new.addr) {
        return Err(Errno::EEXIST.into());
    }
    let tentative = if new.flags.has(IfaFlags::NODAD) { IfaFlags(0) } else { IfaFlags::TENTATIVE };
    let scope_of = |addr: Ipv6Addr| AddrType::of(addr).src_scope;
    let at = ipv6.addrs.iter().position(|have| scope_of(new.addr) >= scope_of(have.addr));
    let addr = If6Addr {
        addr: new.addr,
        peer: new.peer.filter(|peer| !peer.is_unspecified()),
        len: new.len,
        scope: new.scope,
        flags: new.flags | tentative,
        metric: new.metric,
        protocol: new.protocol,
        valid: new.valid,
        preferred: new.preferred,
        made,
        created: env.now,
        updated: env.now,
        stamps: None,
        dad: Dad::Before,
        route: None,
        invented: false,
    };
    ipv6.addrs.insert(at.unwrap_or(ipv6.addrs.len()), addr);
    ns.config.links.last_made = made;
    Ok(())
}

/// The address of a device, to look at.
pub fn address(config: &Config, dev: u32, addr: Ipv6Addr) -> Option<&If6Addr> {
    config.links.ipv6(dev)?.addrs.iter().find(|have| have.addr == addr)
}

/// The address of a device, to change.
pub fn address_mut(config: &mut Config, dev: u32, addr: Ipv6Addr) -> Option<&mut If6Addr> {
    config.links.ipv6_mut(dev)?.addrs.iter_mut().find(|have| have.addr == addr)
}

/// The table of a device's prefix routes.
fn prefix_table(config: &Config, dev: u32) -> TableId {
    config.links.l3_table(dev).unwrap_or(TableId::MAIN)
}

/// Adds the route of a prefix on a device; failures are silent
/// (`addrconf_prefix_route`, C-311).
pub fn add_prefix_route(
    ns: &mut Namespace,
    env: Env<'_>,
    dev: u32,
    prefix: Prefix<Ipv6Addr>,
    metric: u32,
    expires: Option<u32>,
) {
    add_prefix_route_with(ns, env, dev, prefix, metric, expires, RtFlags::default());
}

/// The same, with more noted of it.
pub(super) fn add_prefix_route_with(
    ns: &mut Namespace,
    env: Env<'_>,
    dev: u32,
    prefix: Prefix<Ipv6Addr>,
    metric: u32,
    expires: Option<u32>,
    flags: RtFlags,
) {
    let metric = if metric == 0 { PREFIX_METRIC } else { metric };
    let table = prefix_table(&ns.config, dev);
    let mut request = RouteConfig6::automatic(table, prefix, RouteType::UNICAST, dev, metric);
    request.flags = request.flags | flags;
    if expires.is_some() {
        request.flags = request.flags | RtFlags::EXPIRES;
        request.expires = expires;
    }
    let _ = route6::add(ns, env, None, &request);
}

/// The route of a prefix through a device (`addrconf_get_prefix_route`).
pub fn find_prefix_route(
    config: &Config,
    dev: u32,
    prefix: Prefix<Ipv6Addr>,
    without_gateway: bool,
) -> Option<&crate::config::Route6> {
    let node = config.fib6.table(prefix_table(config, dev))?.tree.get(prefix)?;
    node.routes.iter().find(|route| {
        route.nh_id.is_none()
            && route.hop.dev == dev
            && !(without_gateway && (route.hop.gateway.is_some() || route.flags.any(RtFlags::DEFAULT)))
    })
}

/// What time has brought: the end of detections, of lifetimes, of routes.
pub fn pass_time(ns: &mut Namespace, env: Env<'_>) {
    address::end_lifetimes(ns, env);
    let is_due = |have: &If6Addr| {
        matches!(have.dad, Dad::Until(end) if end <= env.now) || address6::is_ageing(have, env.now)
    };
    let of_link = |link: &Link| {
        let addrs = link.ipv6.as_ref().map_or(&[][..], |ipv6| &ipv6.addrs);
        let dev = link.index();
        addrs.iter().filter(|have| is_due(have)).map(|have| (dev, have.addr)).collect::<Vec<_>>()
    };
    let due: Vec<(u32, Ipv6Addr)> = ns.config.links.iter().flat_map(of_link).collect();
    for (dev, addr) in due {
        let have = address(&ns.config, dev, addr);
        if have.is_some_and(|have| matches!(have.dad, Dad::Until(end) if end <= env.now)) {
            detect6::complete(ns, env, dev, addr);
        }
        address6::check_lifetime(ns, env, dev, addr);
    }
}

/// IPv6 was turned off or on for a device (`dev_disable_change`).
pub fn disable_changed(ns: &mut Namespace, env: Env<'_>, dev: u32) {
    if is_disabled(&ns.config, dev) {
        device_down(ns, env, dev, false);
    } else if ns.config.links.get(dev).is_some_and(Link::is_up) {
        device_up(ns, env, dev);
    }
}

/// The routes of an address that goes, or is no longer its device's
/// (`__ipv6_ifa_notify` with `RTM_DELADDR`).
pub fn withdraw(ns: &mut Namespace, dev: u32, have: &If6Addr) {
    if ns.config.links.ipv6(dev).is_some_and(|ipv6| ipv6.conf.forwarding != 0) {
        leave_anycast(ns, dev, have);
    }
    groups6::leave_solicited(ns, dev, have.addr);
    if let Some(peer) = have.peer
        && let Some(route) = find_prefix_route(&ns.config, dev, Prefix::host(peer), false).map(RouteRef::to)
    {
        route6::remove(ns, route);
    }
    if let Some(id) = have.route {
        let route = host_ref(&ns.config, dev, have.addr, id);
        route6::remove(ns, route);
    }
    ns.config.fib6.generation += 1;
}

/// Permanent addresses that were kept while the device was down get their
/// routes back (`addrconf_permanent_addr`).
fn restore_permanent(ns: &mut Namespace, env: Env<'_>, dev: u32) {
    let addrs: Vec<If6Addr> = ns.config.links.ipv6(dev).map_or(Vec::new(), |ipv6| ipv6.addrs.clone());
    for have in addrs.iter().filter(|have| have.flags.has(IfaFlags::PERMANENT)) {
        if !have.flags.has(IfaFlags::NOPREFIXROUTE) {
            add_prefix_route(ns, env, dev, have.prefix(), have.metric, None);
        }
        if have.dad == Dad::Before {
            detect6::begin(ns, env, dev, have.addr);
        }
    }
}

/// A device went down, or IPv6 leaves it for good (`addrconf_ifdown`, C-313).
pub fn device_down(ns: &mut Namespace, _: Env<'_>, dev: u32, for_good: bool) {
    sync_down(ns, dev, for_good);
    neighbour::nd_down(ns, dev);
    ns.state.listeners.remove(&dev);
    let all_keep = ns.config.sysctl6.all.keep_addr_on_down;
    let Some(ipv6) = ns.config.links.ipv6_mut(dev) else { return };
    let own_keep = ipv6.conf.keep_addr_on_down;
    let wish = if all_keep != 0 { all_keep } else { own_keep };
    let keeps = !for_good && ipv6.conf.disable_ipv6 == 0 && wish > 0;
    if !for_good {
        ipv6.is_ready = false;
    }
    let addrs = ipv6.addrs.clone();
    for have in addrs {
        let is_local = AddrType::of(have.addr).any(AddrType::LINK_LOCAL | AddrType::LOOPBACK);
        if keeps && have.flags.has(IfaFlags::PERMANENT) && !is_local {
            if let Some(id) = have.route {
                let route = host_ref(&ns.config, dev, have.addr, id);
                route6::remove(ns, route);
            }
            if ns.config.links.ipv6(dev).is_some_and(|ipv6| ipv6.conf.forwarding != 0) {
                leave_anycast(ns, dev, &have);
            }
            groups6::leave_solicited(ns, dev, have.addr);
            if let Some(kept) = address_mut(&mut ns.config, dev, have.addr) {
                kept.dad = Dad::Before;
                kept.route = None;
                if !kept.flags.has(IfaFlags::NODAD) {
                    kept.flags = kept.flags | IfaFlags::TENTATIVE;
                }
            }
        } else {
            withdraw(ns, dev, &have);
            if let Some(ipv6) = ns.config.links.ipv6_mut(dev) {
                ipv6.addrs.retain(|other| other.addr != have.addr);
            }
        }
    }
    if for_good && let Some(link) = ns.config.links.get_mut(dev) {
        link.ipv6 = None;
    }
}
