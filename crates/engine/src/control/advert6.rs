//! What a router's advertisement makes of the configuration: default routes, routes to
//! prefixes, addresses (`rt6_add_dflt_router`, `rt6_route_rcv`, `addrconf_prefix_rcv`; T-67).
//! Whether it is believed, and what it says of the link, is the path's matter.

use std::net::{IpAddr, Ipv6Addr};

use fingerpost_model::{IfaFlags, MetricKind, RouteType, TableId};
use fingerpost_net::Prefix;

use super::addrconf::{self, NewAddress};
use super::route6::{self, RouteConfig6};
use super::{address6, detect6, sysctl};
use crate::addrtype::AddrType;
use crate::config::{Config, Preference, Route6, RtFlags};
use crate::lookup::RouteRef;
use crate::namespace::{Env, Namespace};

/// `RTPROT_RA`.
const PROTOCOL: u8 = 9;
/// Metric of routes to prefixes that routers tell of (`IP6_RT_PRIO_USER`).
const METRIC: u32 = 1024;
/// `IFAPROT_KERNEL_RA`.
const BY_ADVERTISEMENT: u8 = 2;
/// A lifetime that does not end, in seconds.
const FOREVER: u32 = u32::MAX;
/// Two hours: an advertisement cannot shorten an address's lifetime below that (RFC 4862, 5.5.3).
const LEAST_LIFETIME: u32 = 7200;
/// Flags of a prefix: it is on the link, addresses may be made of it, hosts had better
/// have one delegated (RFC 9762).
const ON_LINK: u8 = 0x80;
const AUTONOMOUS: u8 = 0x40;
const DELEGATED: u8 = 0x10;
/// Length of a prefix option, in bytes.
const PREFIX_OPTION: usize = 32;

/// A router as it advertises itself.
#[derive(Clone, Copy, Debug)]
pub struct Router {
    /// The device whose link it is on.
    pub dev: u32,
    /// Its address.
    pub addr: Ipv6Addr,
    /// How long it is one by default, in seconds.
    pub lifetime: u16,
    /// How much it likes to be.
    pub pref: Preference,
}

/// The table of routes that routers tell of.
fn table(config: &Config, dev: u32) -> TableId {
    config.links.l3_table(dev).unwrap_or(TableId::MAIN)
}

/// A route by a router for a prefix that has these flags.
fn by_router(
    config: &Config,
    (dev, addr): (u32, Ipv6Addr),
    prefix: Prefix<Ipv6Addr>,
    flags: RtFlags,
) -> Option<&Route6> {
    let node = config.fib6.table(table(config, dev))?.tree.get(prefix)?;
    node.routes.iter().find(|route| {
        route.nh_id.is_none()
            && route.hop.dev == dev
            && route.flags.all(flags)
            && route.hop.gateway == Some(IpAddr::V6(addr))
    })
}

fn default_route(config: &Config, router: (u32, Ipv6Addr)) -> Option<RouteRef> {
    let flags = RtFlags::ADDRCONF | RtFlags::DEFAULT;
    by_router(config, router, Prefix::DEFAULT, flags).map(RouteRef::to)
}

fn edit(ns: &mut Namespace, at: RouteRef, change: impl FnOnce(&mut Route6)) {
    let node = ns.config.fib6.table_mut(at.table).and_then(|table| table.tree.get_mut(at.dst));
    if let Some(route) = node.and_then(|node| node.routes.iter_mut().find(|route| route.id == at.id)) {
        change(route);
    }
}

/// Sets a metric of a route.
pub fn set_metric(ns: &mut Namespace, at: RouteRef, kind: MetricKind, value: u32) {
    edit(ns, at, |route| route.metrics.set(kind, value));
}

/// Has a route end after so many seconds.
fn set_end(ns: &mut Namespace, env: Env<'_>, at: RouteRef, seconds: u32) {
    let end = (seconds != FOREVER).then(|| env.now.plus_secs(seconds.into()).0 as i64);
    edit(ns, at, |route| {
        route.expires = end;
        route.flags = match end {
            Some(_) => route.flags | RtFlags::EXPIRES,
            None => route.flags.without(RtFlags::EXPIRES),
        };
    });
}

fn request(
    config: &Config,
    (dev, addr): (u32, Ipv6Addr),
    prefix: Prefix<Ipv6Addr>,
    metric: u32,
) -> RouteConfig6 {
    let table = table(config, dev);
    RouteConfig6 {
        protocol: PROTOCOL,
        gateway: Some(addr),
        flags: RtFlags::UP | RtFlags::GATEWAY | RtFlags::ADDRCONF,
        ..RouteConfig6::automatic(table, prefix, RouteType::UNICAST, dev, metric)
    }
}

/// What became of a default route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultRoute {
    /// There is none now.
    None,
    /// It was there.
    Known(RouteRef),
    /// It was added.
    Added(RouteRef),
    /// It could not be added.
    Refused,
}

/// Adds, renews or removes the default route by a router.
pub fn set_default(ns: &mut Namespace, env: Env<'_>, router: Router) -> DefaultRoute {
    let by = (router.dev, router.addr);
    let Some(conf) = ns.config.links.ipv6(router.dev).map(|ipv6| &ipv6.conf) else {
        return DefaultRoute::Refused;
    };
    let metric = conf.ra_defrtr_metric as u32;
    let lifetime = u32::from(router.lifetime);
    let mut known = default_route(&ns.config, by);
    if let Some(at) = known
        && (lifetime == 0 || at.get(&ns.config).is_some_and(|route| route.metric != metric))
    {
        route6::remove(ns, at);
        known = None;
    }
    let done = match known {
        Some(at) => {
            edit(ns, at, |route| route.pref = router.pref);
            DefaultRoute::Known(at)
        }
        None if lifetime == 0 => return DefaultRoute::None,
        None => {
            let mut request = request(&ns.config, by, Prefix::DEFAULT, metric);
            request.flags = request.flags | RtFlags::DEFAULT | RtFlags::EXPIRES;
            (request.pref, request.expires) = (router.pref, Some(lifetime));
            // What stands in its place is looked for below.
            let _ = route6::add(ns, env, None, &request);
            default_route(&ns.config, by).map_or(DefaultRoute::Refused, DefaultRoute::Added)
        }
    };
    if let DefaultRoute::Known(at) | DefaultRoute::Added(at) = done {
        set_end(ns, env, at, lifetime);
    }
    done
}

/// What forwards believes no router by default: those routes go, but for devices that accept
/// advertisements all the same (`rt6_purge_dflt_routers`).
pub(super) fn purge_defaults(ns: &mut Namespace) {
    let config = &ns.config;
    let accepts =
        |route: &Route6| config.links.ipv6(route.hop.dev).is_some_and(|ipv6| ipv6.conf.accept_ra == 2);
    let nodes = config.fib6.tables.iter().filter_map(|table| table.tree.get(Prefix::DEFAULT));
    let routes = nodes.flat_map(|node| &node.routes);
    let gone =
        routes.filter(|route| route.flags.any(RtFlags::DEFAULT | RtFlags::ADDRCONF) && !accepts(route));
    let gone: Vec<RouteRef> = gone.map(RouteRef::to).collect();
    for route in gone {
        route6::remove(ns, route);
    }
}

/// A route that a router tells of, from the option on (`rt6_route_rcv`); what stands behind
/// a short option is taken for its prefix. `None` where that is not there.
pub fn set_route(ns: &mut Namespace, env: Env<'_>, by: (u32, Ipv6Addr), option: &[u8]) -> Option<()> {
    let &[_, units, len, flags, a, b, c, d, ..] = option else { return Some(()) };
    let lifetime = u32::from_be_bytes([a, b, c, d]);
    let needed = if len > 64 { 2 } else { u8::from(len > 0) };
    let pref = flags >> 3 & 3;
    if units > 3 || len > 128 || units < needed || pref == 2 {
        return Some(());
    }
    let mut octets = [0; 16];
    let told = option.get(8..8 + usize::from(len).div_ceil(8))?;
    octets[..told.len()].copy_from_slice(told);
    let prefix = Prefix::containing(Ipv6Addr::from(octets), len).unwrap_or(Prefix::DEFAULT);
    let find = |config: &Config| by_router(config, by, prefix, RtFlags::ROUTEINFO).map(RouteRef::to);
    let mut known = if len == 0 { default_route(&ns.config, by) } else { find(&ns.config) };
    if let Some(at) = known
        && lifetime == 0
    {
        route6::remove(ns, at);
        known = None;
    }
    let pref = Preference(pref);
    match known {
        Some(at) => edit(ns, at, |route| {
            route.flags = route.flags | RtFlags::ROUTEINFO;
            route.pref = pref;
        }),
        None if lifetime != 0 => {
            let mut request = request(&ns.config, by, prefix, METRIC);
            request.flags = request.flags | RtFlags::ROUTEINFO;
            if len == 0 {
                request.flags = request.flags | RtFlags::DEFAULT;
            }
            request.pref = pref;
            let _ = route6::add(ns, env, None, &request);
            known = find(&ns.config);
        }
        None => {}
    }
    if let Some(at) = known {
        set_end(ns, env, at, lifetime);
    }
    Some(())
}

/// A prefix that a router tells of: its route, and the address that is made of it, which is
/// told where it is new (`addrconf_prefix_rcv`).
///
/// # Errors
///
/// What of it is not modelled, by name.
pub fn set_prefix(
    ns: &mut Namespace,
    env: Env<'_>,
    dev: u32,
    option: &[u8],
    has_source: bool,
) -> Result<Option<Ipv6Addr>, &'static str> {
    let Some(option) = option.get(..PREFIX_OPTION) else { return Ok(None) };
    let word = |at: usize| u32::from_be_bytes([option[at], option[at + 1], option[at + 2], option[at + 3]]);
    let (len, flags, valid, preferred) = (option[2], option[3], word(4), word(8));
    let mut octets = [0; 16];
    octets.copy_from_slice(&option[16..]);
    let addr = Ipv6Addr::from(octets);
    if AddrType::of(addr).any(AddrType::MULTICAST | AddrType::LINK_LOCAL) || preferred > valid {
        return Ok(None);
    }
    let Some(conf) = ns.config.links.ipv6(dev).map(|ipv6| ipv6.conf.clone()) else { return Ok(None) };
    if valid != 0 && valid < conf.accept_ra_min_lft as u32 {
        return Ok(None);
    }
    if flags & ON_LINK != 0
        && let Ok(prefix) = Prefix::containing(addr, len)
    {
        set_prefix_route(ns, env, dev, prefix, valid);
    }
    let is_delegated = conf.ra_honor_pio_pflag != 0 && flags & DELEGATED != 0;
    if flags & AUTONOMOUS == 0 || conf.autoconf == 0 || is_delegated || len != 64 {
        return Ok(None);
    }
    let upper = (addr.to_bits() >> 64) as u64;
    let Some((id, flags)) = addrconf::advertised_identifier(&ns.config, dev, upper)? else { return Ok(None) };
    let addr = Ipv6Addr::from_bits(u128::from(upper) << 64 | u128::from(id));
    let mut new = NewAddress {
        flags,
        protocol: BY_ADVERTISEMENT,
        scope: AddrType::of(addr).ifa_scope(),
        valid,
        preferred,
        ..NewAddress::permanent(addr, len)
    };
    let all = &ns.config.sysctl6.all;
    if has_source && all.forwarding == 0 && (all.optimistic_dad != 0 || conf.optimistic_dad != 0) {
        new.flags = new.flags | IfaFlags::OPTIMISTIC;
    }
    set_address(ns, env, dev, new)
}

fn set_prefix_route(ns: &mut Namespace, env: Env<'_>, dev: u32, prefix: Prefix<Ipv6Addr>, valid: u32) {
    let flags = RtFlags::ADDRCONF | RtFlags::PREFIX_RT;
    let node = ns.config.fib6.table(table(&ns.config, dev)).and_then(|table| table.tree.get(prefix));
    let known = node.and_then(|node| {
        node.routes.iter().find(|route| {
            route.nh_id.is_none()
                && route.hop.dev == dev
                && route.hop.gateway.is_none()
                && route.flags.all(flags)
                && !route.flags.any(RtFlags::DEFAULT)
        })
    });
    match known.map(RouteRef::to) {
        Some(at) if valid == 0 => {
            route6::remove(ns, at);
        }
        Some(at) => set_end(ns, env, at, valid),
        None if valid != 0 => {
            let ends = (valid != FOREVER).then_some(valid);
            addrconf::add_prefix_route_with(ns, env, dev, prefix, 0, ends, flags);
        }
        None => {}
    }
}

/// Makes an address of an advertised prefix, or renews it (`addrconf_prefix_rcv_add_addr`).
fn set_address(
    ns: &mut Namespace,
    env: Env<'_>,
    dev: u32,
    new: NewAddress,
) -> Result<Option<Ipv6Addr>, &'static str> {
    let (addr, mut valid, preferred) = (new.addr, new.valid, new.preferred);
    let Some(ipv6) = ns.config.links.ipv6(dev) else { return Ok(None) };
    let (most, honours) = (ipv6.conf.max_addresses, ipv6.conf.ra_honor_pio_life != 0);
    let (has_room, makes_temporary) =
        (most == 0 || (ipv6.addrs.len() as i64) < most, ipv6.conf.use_tempaddr > 0);
    let is_new = !ipv6.addrs.iter().any(|have| have.addr == addr);
    if is_new {
        if valid == 0 || !has_room || addrconf::add_address(ns, env, dev, new).is_err() {
            return Ok(None);
        }
        if let Some(have) = addrconf::address_mut(&mut ns.config, dev, addr) {
            have.flags = have.flags | IfaFlags::MANAGETEMPADDR;
        }
        detect6::begin(ns, env, dev, addr);
    } else if let Some(have) = addrconf::address_mut(&mut ns.config, dev, addr) {
        let age = (env.now.0.saturating_sub(have.updated.0) / 1000).min(u32::MAX.into()) as u32;
        let left = have.valid.saturating_sub(age);
        if left > 0 {
            if !honours {
                valid = valid.max(left.min(LEAST_LIFETIME));
            }
            (have.valid, have.preferred, have.updated) = (valid, preferred, env.now);
            have.flags = have.flags.without(IfaFlags::DEPRECATED);
        }
    }
    if makes_temporary && (is_new || valid != 0 || preferred != 0) {
        return Err("temporary addresses");
    }
    address6::check_lifetime(ns, env, dev, addr);
    Ok(is_new.then_some(addr))
}

/// How long neighbours on a device's link count as reachable, and how long until they are asked
/// again, in milliseconds; 0 where nothing is said.
pub fn set_times(config: &mut Config, dev: u32, reachable: u32, retrans: u32) {
    const TICK: u64 = 4;
    let Some(name) = config.links.get(dev).map(|link| link.name().to_owned()) else { return };
    let in_ticks = |millis: u32, least: u64| (u64::from(millis) / TICK).max(least) * TICK;
    if retrans != 0 {
        sysctl::set_neighbour6(config, &name, "retrans_time_ms", in_ticks(retrans, 2));
    }
    if reachable != 0 {
        let millis = in_ticks(reachable, 25);
        let known =
            sysctl::neighbour_number(config, fingerpost_net::Family::V6, &name, "base_reachable_time_ms");
        if known != millis as i64 {
            sysctl::set_neighbour6(config, &name, "base_reachable_time_ms", millis);
            sysctl::set_neighbour6(config, &name, "gc_stale_time", 3 * millis / 1000);
        }
    }
}
