//! Route information: building it from a request, with the kernel's order of
//! checks (`fib_create_info`), and sharing it.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr};

use fingerpost_model::{
    Encap, MetricKind, Metrics, NextHopMsg, Refusal, RouteFlags, RouteMsg, RouteType, Scope, TableId,
};
use fingerpost_net::{Errno, Family};

use super::gateway::check_nh;
use super::nexthop::encap;
use super::sysctl::AVAILABLE_CONGESTION_CONTROL;
use crate::config::{Config, Fib, FibInfo, FibInfoId, NextHop};
use crate::lookup::cache::HopId;
use crate::lookup::source;
use crate::lookup::table::{ignores_linkdown, type_error};
use crate::namespace::{Env, Namespace};

/// A route request whose header was checked (`struct fib_config`).
#[derive(Clone, Debug)]
pub struct RouteConfig {
    /// Destination address.
    pub dst: Ipv4Addr,
    /// Prefix length.
    pub len: u8,
    /// Type of service.
    pub dscp: u8,
    /// The table, never 0.
    pub table: TableId,
    /// Who makes it.
    pub protocol: u8,
    /// Scope.
    pub scope: Scope,
    /// Type.
    pub kind: RouteType,
    /// Flags.
    pub flags: RouteFlags,
    /// Device, 0 for none.
    pub oif: u32,
    /// Gateway of either family; 0.0.0.0 counts as none (C-047).
    pub gateway: Option<IpAddr>,
    /// Metric.
    pub priority: u32,
    /// Preferred source; 0.0.0.0 counts as none.
    pub prefsrc: Option<Ipv4Addr>,
    /// Metrics as given.
    pub metrics: Metrics,
    /// Legs.
    pub multipath: Vec<NextHopMsg>,
    /// Realms.
    pub realms: u32,
    /// Nexthop object, 0 for none.
    pub nh_id: u32,
    /// Tunnel of the only hop.
    pub encap: Option<Encap>,
}

impl RouteConfig {
    /// Checks a request's header and attributes (`rtm_to_fib_config`, C-034).
    pub fn of(msg: &RouteMsg, env: Env<'_>) -> Result<RouteConfig, Refusal> {
        let invalid = |text: &str| Refusal::with(Errno::EINVAL, text);
        if msg.family != Family::V4 {
            return Err(Errno::EOPNOTSUPP.into());
        }
        if msg.tos & 3 != 0 {
            return Err(invalid("Invalid dsfield (tos): ECN bits must be 0")); // C-013
        }
        if msg.kind > RouteType::XRESOLVE {
            return Err(invalid("Invalid route type"));
        }
        for encap in msg.multipath.iter().map(|leg| &leg.encap).chain([&msg.encap]).flatten() {
            encap::check_type(env, encap)?;
        }
        let (dst, len) = match msg.dst {
            None => (Ipv4Addr::UNSPECIFIED, 0),
            Some(prefix) => match prefix.addr {
                IpAddr::V4(addr) => (addr, prefix.len),
                IpAddr::V6(_) => return Err(Errno::EINVAL.into()),
            },
        };
        if len > 32 {
            return Err(invalid("Invalid prefix length"));
        }
        if len < 32 && dst.to_bits() << len != 0 {
            return Err(invalid("Invalid prefix for given prefix length"));
        }
        let nh_id = msg.nh_id.unwrap_or(0);
        let gateway = msg.gateway.filter(|g| !g.is_unspecified()).or(msg.via);
        let oif = msg.oif.unwrap_or(0);
        if nh_id != 0 && (oif != 0 || gateway.is_some() || !msg.multipath.is_empty()) {
            return Err(invalid("Nexthop specification and nexthop id are mutually exclusive"));
        }
        if msg.gateway.is_some() && msg.via.is_some() {
            return Err(invalid("Nexthop configuration can not contain both GATEWAY and VIA"));
        }
        let prefsrc = match msg.prefsrc {
            Some(IpAddr::V4(addr)) if !addr.is_unspecified() => Some(addr),
            Some(IpAddr::V6(_)) => return Err(Errno::EINVAL.into()),
            _ => None,
        };
        Ok(RouteConfig {
            dst,
            len,
            dscp: msg.tos,
            table: if msg.table == TableId::UNSPEC { TableId::MAIN } else { msg.table },
            protocol: msg.protocol,
            scope: msg.scope,
            kind: msg.kind,
            flags: msg.flags,
            oif,
            gateway,
            priority: msg.priority.unwrap_or(0),
            prefsrc,
            metrics: msg.metrics.clone(),
            multipath: msg.multipath.clone(),
            realms: msg.realms.unwrap_or(0),
            nh_id,
            encap: msg.encap.clone(),
        })
    }
}

/// A route's information as a dump shows it, unchecked. The scopes of its hops
/// are in no dump: unless a snapshot tells them, they are [`UNKNOWN_SCOPE`] until
/// [`crate::restore`] finds them, when all routes are there.
pub(crate) fn restored(msg: &RouteMsg, request: &RouteConfig) -> FibInfo {
    let shown = RouteFlags::DEAD | RouteFlags::LINKDOWN | RouteFlags::ONLINK;
    let hop =
        |dev, gateway: Option<IpAddr>, flags: RouteFlags, scope: Option<Scope>, encap: &Option<Encap>| {
            NextHop {
                gateway,
                flags: RouteFlags(flags.0 & shown.0),
                scope: match gateway {
                    Some(IpAddr::V6(_)) => Scope::LINK,
                    Some(IpAddr::V4(_)) if flags.has(RouteFlags::ONLINK) => Scope::LINK,
                    Some(IpAddr::V4(_)) => scope.unwrap_or(UNKNOWN_SCOPE),
                    None if request.scope == Scope::HOST => Scope::NOWHERE,
                    None => Scope::HOST,
                },
                encap: encap.clone(),
                ..NextHop::device(dev)
            }
        };
    let hops = if request.nh_id != 0 {
        Vec::new()
    } else if request.multipath.is_empty() {
        let only = hop(request.oif, request.gateway, msg.flags, msg.gateway_scope, &msg.encap);
        vec![NextHop { realms: request.realms, ..only }]
    } else {
        let leg = |leg: &NextHopMsg| NextHop {
            weight: u32::from(leg.hops) + 1,
            realms: leg.realms.unwrap_or(0),
            ..hop(leg.oif, leg.gateway, leg.flags, leg.gateway_scope, &leg.encap)
        };
        request.multipath.iter().map(leg).collect()
    };
    let mut metrics = request.metrics.clone();
    metrics.values.retain(|&(_, value)| value != 0);
    metrics.values.sort_by_key(|&(kind, _)| kind);
    let all = |flag| !hops.is_empty() && hops.iter().all(|hop| hop.flags.has(flag));
    let mut flags = RouteFlags(request.flags.0 & !(RouteFlags::DEAD.0 | RouteFlags::LINKDOWN.0));
    if all(RouteFlags::LINKDOWN) {
        flags = flags | RouteFlags::LINKDOWN;
    }
    if all(RouteFlags::DEAD) && !all(RouteFlags::LINKDOWN) {
        flags = flags | RouteFlags::DEAD;
    }
    FibInfo {
        serial: 0,
        refs: 0,
        protocol: request.protocol,
        scope: request.scope,
        kind: request.kind,
        table: request.table,
        prefsrc: request.prefsrc,
        priority: request.priority,
        flags,
        metrics,
        nh_id: (request.nh_id != 0).then_some(request.nh_id),
        hops,
    }
}

/// The least scope value of each type (C-035).
fn least_scope(kind: RouteType) -> Scope {
    match kind {
        RouteType::LOCAL => Scope::HOST,
        RouteType::BROADCAST | RouteType::ANYCAST => Scope::LINK,
        RouteType::UNSPEC | RouteType::NAT | RouteType::XRESOLVE => Scope::NOWHERE,
        _ => Scope::UNIVERSE,
    }
}

/// Builds and validates a route's information. Nothing is changed yet but for
/// the buckets, which grow even if the route is then refused.
pub fn create(ns: &mut Namespace, env: Env<'_>, request: &RouteConfig) -> Result<FibInfo, Refusal> {
    let config = &ns.config;
    let invalid = |text: &str| Refusal::with(Errno::EINVAL, text);
    if least_scope(request.kind) > request.scope {
        return Err(invalid("Invalid scope"));
    }
    if request.flags.any(RouteFlags::DEAD | RouteFlags::LINKDOWN) {
        return Err(invalid("Invalid rtm_flags - can not contain DEAD or LINKDOWN"));
    }
    if request.nh_id != 0 && config.nexthops.get(request.nh_id).is_none() {
        return Err(invalid("Nexthop id does not exist"));
    }
    if let Some(id) = shared_by_object(&config.fib, request) {
        return Ok(config.fib.info(id).clone());
    }
    grow_buckets(&mut ns.config.fib);
    let config = &ns.config;
    let metrics = convert_metrics(config, &request.metrics)?;
    let mut info = FibInfo {
        serial: 0,
        refs: 0,
        protocol: request.protocol,
        scope: request.scope,
        kind: request.kind,
        table: request.table,
        prefsrc: request.prefsrc,
        priority: request.priority,
        flags: request.flags,
        metrics,
        nh_id: (request.nh_id != 0).then_some(request.nh_id),
        hops: Vec::new(),
    };
    if info.nh_id.is_none() {
        info.hops = make_hops(request)?;
    }
    if type_error(request.kind).is_some() {
        if request.gateway.is_some() || request.oif != 0 || !request.multipath.is_empty() {
            return Err(invalid("Gateway, device and multipath can not be specified for this route type"));
        }
        return Ok(info);
    }
    if request.kind == RouteType::UNSPEC {
        return Err(invalid("Invalid route type"));
    }
    if request.scope > Scope::HOST {
        return Err(invalid("Invalid scope"));
    }
    check_hops(config, env, request, &mut info)?;
    if info.prefsrc.is_some_and(|addr| !is_valid_prefsrc(config, request, addr)) {
        return Err(invalid("Invalid prefsrc address")); // C-048
    }
    rebalance(config, &mut info);
    Ok(info)
}

/// `fib_info_hash_grow`: entries are moved one by one to the head of their new bucket.
fn grow_buckets(fib: &mut Fib) {
    if fib.infos.len() - fib.free.len() >= fib.info_buckets.0 {
        fib.info_buckets.0 *= 2;
        fib.by_object.values_mut().for_each(|ids| ids.reverse());
    }
}

/// What a route by nexthop object shares when it names no metrics: the first
/// information in its bucket that is like it, whatever metrics that has
/// (`fib_find_info_nh`).
fn shared_by_object(fib: &Fib, request: &RouteConfig) -> Option<FibInfoId> {
    if request.nh_id == 0 || !request.metrics.is_empty() {
        return None;
    }
    let candidates = fib.by_object.get(&request.nh_id)?;
    let like = |info: &FibInfo| {
        info.protocol == request.protocol
            && info.scope == request.scope
            && info.prefsrc == request.prefsrc
            && info.priority == request.priority
            && info.kind == request.kind
            && info.table == request.table
            && equal_flags(info.flags, request.flags)
    };
    candidates.iter().rev().copied().find(|&id| like(fib.info(id)))
}

/// The hops as given (`fib_nh_init`, `fib_get_nhs`).
fn make_hops(request: &RouteConfig) -> Result<Vec<NextHop>, Refusal> {
    let invalid = |text: &str| Refusal::with(Errno::EINVAL, text);
    if request.multipath.is_empty() {
        return Ok(vec![NextHop {
            gateway: request.gateway,
            flags: RouteFlags(request.flags.0 & 0xff),
            realms: request.realms,
            encap: request.encap.as_ref().map(encap::build).transpose()?,
            ..NextHop::device(request.oif)
        }]);
    }
    let mut hops = Vec::with_capacity(request.multipath.len());
    for leg in &request.multipath {
        if leg.flags.any(RouteFlags::DEAD | RouteFlags::LINKDOWN) {
            return Err(invalid("Invalid flags for nexthop - can not contain DEAD or LINKDOWN"));
        }
        hops.push(NextHop {
            gateway: leg.gateway.filter(|g| !g.is_unspecified()),
            flags: leg.flags,
            weight: u32::from(leg.hops) + 1,
            realms: leg.realms.unwrap_or(0),
            encap: leg.encap.as_ref().map(encap::build).transpose()?,
            ..NextHop::device(leg.oif)
        });
    }
    let first = &hops[0];
    if request.oif != 0 && first.dev != request.oif {
        return Err(invalid("Nexthop device index does not match RTA_OIF"));
    }
    if request.gateway.is_some() && request.gateway != first.gateway {
        return Err(invalid("Nexthop gateway does not match RTA_GATEWAY or RTA_VIA"));
    }
    if request.realms != 0 && request.realms != first.realms {
        return Err(invalid("Nexthop class id does not match RTA_FLOW"));
    }
    Ok(hops)
}

/// Resolves the hops to devices (tables section 8).
fn check_hops(
    config: &Config,
    env: Env<'_>,
    request: &RouteConfig,
    info: &mut FibInfo,
) -> Result<(), Refusal> {
    let invalid = |text: &str| Refusal::with(Errno::EINVAL, text);
    if let Some(id) = info.nh_id {
        return super::nexthop::check_for_route(config, id, request.scope);
    }
    if request.scope == Scope::HOST {
        if info.hops.len() != 1 {
            return Err(invalid("Route with host scope can not have multiple nexthops"));
        }
        let hop = &mut info.hops[0];
        if hop.gateway.is_some() {
            return Err(invalid("Route with host scope can not have a gateway"));
        }
        hop.scope = Scope::NOWHERE;
        return match config.links.get(hop.dev) {
            Some(_) => Ok(()),
            None => Err(Errno::ENODEV.into()),
        };
    }
    for hop in &mut info.hops {
        check_nh(config, env, request.table, request.scope, hop)?;
    }
    if info.hops.iter().all(|hop| hop.flags.has(RouteFlags::LINKDOWN)) {
        info.flags = info.flags | RouteFlags::LINKDOWN;
    }
    Ok(())
}

/// Checks and clamps metrics (`ip_metrics_convert`, C-037). Zeros are dropped
/// and the rest ordered by kind, as dumps show them.
pub(super) fn convert_metrics(config: &Config, given: &Metrics) -> Result<Metrics, Refusal> {
    let mut metrics = Metrics::default();
    for &(kind, value) in &given.values {
        if kind > MetricKind::FASTOPEN_NO_COOKIE {
            return Err(Refusal::with(Errno::EINVAL, "Invalid metric type"));
        }
        let value = match kind {
            MetricKind::ADVMSS => value.min(65535 - 40),
            MetricKind::MTU => value.min(65535 - 15),
            MetricKind::HOPLIMIT => value.min(255),
            MetricKind::FEATURES if value & !0x1f != 0 => {
                let text = "Unknown flag set in feature mask in metrics attribute";
                return Err(Refusal::with(Errno::EINVAL, text));
            }
            _ => value,
        };
        metrics.set(kind, value);
    }
    metrics.values.retain(|&(_, value)| value != 0);
    metrics.values.sort_by_key(|&(kind, _)| kind);
    if let Some(name) = &given.congctl {
        let known = config.sysctl.other.get("ipv4/tcp_available_congestion_control");
        let known = known.map_or(AVAILABLE_CONGESTION_CONTROL, String::as_str);
        if !known.split_whitespace().any(|k| k == name) {
            return Err(Refusal::with(Errno::EINVAL, "Unknown tcp congestion algorithm"));
        }
        metrics.congctl = Some(name.clone());
    }
    Ok(metrics)
}

/// C-048: the source must be an own address (`fib_valid_prefsrc`).
fn is_valid_prefsrc(config: &Config, request: &RouteConfig, addr: Ipv4Addr) -> bool {
    if request.kind == RouteType::LOCAL && addr == request.dst {
        return true;
    }
    let own = if request.table == TableId::MAIN { TableId::LOCAL } else { request.table };
    [own, TableId::LOCAL].into_iter().any(|id| source::address_type(config, addr, id) == RouteType::LOCAL)
}

/// Computes the hops' shares (`fib_rebalance`, C-051, C-052).
pub fn rebalance(config: &Config, info: &mut FibInfo) {
    if info.hops.len() < 2 {
        return;
    }
    let counts = |hop: &NextHop| {
        let skipped = hop.flags.has(RouteFlags::LINKDOWN) && ignores_linkdown(config, hop.dev);
        !skipped && !hop.flags.has(RouteFlags::DEAD)
    };
    let bounds = upper_bounds(info.hops.iter().map(|hop| (hop.weight, counts(hop))));
    for (hop, bound) in info.hops.iter_mut().zip(bounds) {
        hop.upper_bound = bound;
    }
}

/// The highest 31-bit hash of each share, −1 for those that do not count (C-051).
pub fn upper_bounds(shares: impl Iterator<Item = (u32, bool)> + Clone) -> Vec<i32> {
    let total: u64 = shares.clone().filter(|&(_, counts)| counts).map(|(weight, _)| u64::from(weight)).sum();
    let mut sum = 0;
    shares
        .map(|(weight, counts)| {
            if !counts || total == 0 {
                return -1;
            }
            sum += u64::from(weight);
            ((((sum << 31) + total / 2) / total) as i64 - 1) as i32
        })
        .collect()
}

/// Flags that do not make two routes different.
const VOLATILE: RouteFlags =
    RouteFlags(RouteFlags::DEAD.0 | RouteFlags::LINKDOWN.0 | RouteFlags::OFFLOAD.0 | RouteFlags::TRAP.0);

fn equal_flags(x: RouteFlags, y: RouteFlags) -> bool {
    (x.0 ^ y.0) & !VOLATILE.0 == 0
}

/// Hash of what [`same`] compares.
fn sharing_hash(info: &FibInfo) -> u64 {
    let mut hasher = DefaultHasher::new();
    (info.protocol, info.scope, info.prefsrc, info.priority, info.kind, info.table, info.nh_id)
        .hash(&mut hasher);
    info.metrics.hash(&mut hasher);
    for hop in &info.hops {
        (hop.dev, hop.gateway).hash(&mut hasher);
    }
    hasher.finish()
}

/// Whether two routes share their information (`fib_find_info`, tables section 3).
fn same(a: &FibInfo, b: &FibInfo) -> bool {
    let equal_hop = |x: &NextHop, y: &NextHop| {
        x.dev == y.dev
            && x.gateway == y.gateway
            && x.scope == y.scope
            && x.weight == y.weight
            && x.realms == y.realms
            && x.encap == y.encap
            && equal_flags(x.flags, y.flags)
    };
    a.protocol == b.protocol
        && a.scope == b.scope
        && a.prefsrc == b.prefsrc
        && a.priority == b.priority
        && a.kind == b.kind
        && a.table == b.table
        && a.metrics == b.metrics
        && a.nh_id == b.nh_id
        && equal_flags(a.flags, b.flags)
        && a.hops.len() == b.hops.len()
        && a.hops.iter().zip(&b.hops).all(|(x, y)| equal_hop(x, y))
}

/// A scope that no gateway's route has.
pub(crate) const UNKNOWN_SCOPE: Scope = Scope::NOWHERE;

/// Files all information anew after it was altered in place.
pub(crate) fn rehash(fib: &mut Fib) {
    fib.by_hash.clear();
    for (slot, info) in fib.infos.iter().enumerate() {
        if let Some(info) = info {
            fib.by_hash.entry(sharing_hash(info)).or_default().push(FibInfoId(slot as u32));
        }
    }
}

/// The id of information equal to this, if there is one.
pub fn find(fib: &Fib, info: &FibInfo) -> Option<FibInfoId> {
    let candidates = fib.by_hash.get(&sharing_hash(info))?;
    candidates.iter().copied().find(|&id| same(fib.info(id), info))
}

/// Stores information of a new route. Each hop chooses its own source at once
/// and keeps it while addresses stay as they are; the choice among several looks
/// at it (C-053).
pub fn store_new(ns: &mut Namespace, info: FibInfo) -> FibInfoId {
    let id = store(&mut ns.config.fib, info);
    let Namespace { config, state } = ns;
    let info = config.fib.info(id);
    for (n, hop) in info.hops.iter().enumerate().filter(|(_, hop)| hop.dev != 0) {
        let (addr, _) = source::of_hop(config, hop, info.scope);
        source::remember(config, state, HopId::Route(id, n), addr);
    }
    id
}

/// Stores information that is not there yet, without references.
pub fn store(fib: &mut Fib, info: FibInfo) -> FibInfoId {
    let hash = sharing_hash(&info);
    fib.last_serial += 1;
    let info = FibInfo { serial: fib.last_serial, ..info };
    let object = info.nh_id;
    fib.realm_users += realm_users(&info);
    let id = match fib.free.pop() {
        Some(slot) => {
            fib.infos[slot as usize] = Some(info);
            FibInfoId(slot)
        }
        None => {
            fib.infos.push(Some(info));
            FibInfoId(fib.infos.len() as u32 - 1)
        }
    };
    fib.by_hash.entry(hash).or_default().push(id);
    if let Some(object) = object {
        fib.by_object.entry(object).or_default().push(id);
    }
    id
}

/// How many of its hops count as realm users (T-22).
fn realm_users(info: &FibInfo) -> u32 {
    info.hops.iter().filter(|hop| hop.realms != 0).count() as u32
}

/// Takes one reference back; information without references is freed, with
/// what its hops remember.
pub fn release(ns: &mut Namespace, id: FibInfoId) {
    let fib = &mut ns.config.fib;
    let Some(info) = fib.infos[id.0 as usize].as_mut() else { return };
    info.refs = info.refs.saturating_sub(1);
    if info.refs > 0 {
        return;
    }
    let Some(info) = fib.infos[id.0 as usize].take() else { return };
    fib.realm_users -= realm_users(&info);
    let hash = sharing_hash(&info);
    if let Some(ids) = fib.by_hash.get_mut(&hash) {
        ids.retain(|&other| other != id);
        if ids.is_empty() {
            fib.by_hash.remove(&hash);
        }
    }
    if let Some(object) = info.nh_id
        && let Some(ids) = fib.by_object.get_mut(&object)
    {
        ids.retain(|&other| other != id);
        if ids.is_empty() {
            fib.by_object.remove(&object);
        }
    }
    fib.free.push(id.0);
    ns.state.forget_route(id);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_rounded_half_up() {
        // C-051
        assert_eq!(upper_bounds([(1, true), (1, true)].into_iter()), [(1 << 30) - 1, i32::MAX]);
        assert_eq!(upper_bounds([(1, true), (9, false), (2, true)].into_iter()), [715_827_882, -1, i32::MAX]);
        assert_eq!(upper_bounds([(1, false)].into_iter()), [-1]);
    }
}
