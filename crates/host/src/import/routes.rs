//! `route.json`: routes of all tables.

use std::net::IpAddr;

use fingerpost_model::{
    Encap, MetricKind, NextHopMsg, RouteCacheInfo, RouteFlags, RouteMsg, RouteType, Scope, TableId, proto,
};
use fingerpost_net::{Family, IpPrefix};

use super::ImportError;
use super::json::{Object, Source};
use super::names::{self, Names};

/// Metrics by key, with how many of the kernel's units make one of those printed.
const METRICS: [(&str, MetricKind, u32); 13] = [
    ("mtu", MetricKind::MTU, 1),
    ("window", MetricKind::WINDOW, 1),
    ("rtt", MetricKind::RTT, 8),
    ("rttvar", MetricKind::RTTVAR, 4),
    ("ssthresh", MetricKind::SSTHRESH, 1),
    ("cwnd", MetricKind::CWND, 1),
    ("advmss", MetricKind::ADVMSS, 1),
    ("reordering", MetricKind::REORDERING, 1),
    ("hoplimit", MetricKind::HOPLIMIT, 1),
    ("initcwnd", MetricKind::INITCWND, 1),
    ("rto_min", MetricKind::RTO_MIN, 1),
    ("initrwnd", MetricKind::INITRWND, 1),
    ("quickack", MetricKind::QUICKACK, 1),
];

/// Routes in the file's order with their entries, from 1, and sentences on what the file cannot tell.
pub(super) fn routes(
    source: &Source<'_>,
    family: Option<Family>,
    names: &Names,
    not_seen: &mut Vec<String>,
) -> Result<Vec<(usize, RouteMsg)>, ImportError> {
    let mut routes = Vec::new();
    let (mut metrics, mut encaps) = (0, 0);
    for (entry, object) in (1..).zip(&source.objects()?).filter(|(_, object)| !object.is_empty()) {
        let route = route(object, family, names)?;
        metrics += usize::from(!route.metrics.is_empty());
        encaps += usize::from(route.encap.is_some() || route.multipath.iter().any(|leg| leg.encap.is_some()));
        routes.push((entry, route));
    }
    if metrics > 0 {
        not_seen.push(format!("{}: ip -j does not tell which metrics are locked", source.file));
    }
    if encaps > 0 {
        not_seen.push(format!("{}: of tunnels on {encaps} routes only the type is imported", source.file));
    }
    Ok(routes)
}

/// The family, which the file does not name: that of an address in it, or that
/// of a field that only one has. The kernel gives every IPv6 route a preference.
fn family_of(object: &Object<'_>) -> Result<Family, ImportError> {
    if object.has("pref") {
        return Ok(Family::V6);
    }
    for key in ["dst", "gateway", "prefsrc", "from"] {
        let text: Option<String> = object.get(key)?;
        if text.is_some_and(|text| text.contains(':')) {
            return Ok(Family::V6);
        }
    }
    Ok(Family::V4)
}

pub(super) fn prefix(text: &str, family: Family) -> Option<IpPrefix> {
    let (addr, len) = match text.split_once('/') {
        Some((addr, len)) => (addr, Some(len.parse().ok()?)),
        None => (text, None),
    };
    let addr = match addr {
        "0" => family.unspecified(),
        addr => addr.parse().ok()?,
    };
    let len = len.unwrap_or(family.width());
    (Family::of(addr) == family && len <= family.width()).then_some(IpPrefix { addr, len })
}

fn route(object: &Object<'_>, family: Option<Family>, names: &Names) -> Result<RouteMsg, ImportError> {
    let family = match family {
        Some(family) => family,
        None => family_of(object)?,
    };
    let mut m = RouteMsg::new(family);
    let selector = |key| {
        object.parse(key, "`default` or a prefix", |text| match text {
            "default" | "all" => Some(None),
            text => prefix(text, family).map(Some),
        })
    };
    if !object.has("dst") {
        return Err(object.error("dst", "this field is missing"));
    }
    m.dst = selector("dst")?.flatten();
    m.src = selector("from")?.flatten();
    m.kind = object.parse("type", "a route type", RouteType::from_name)?.unwrap_or(RouteType::UNICAST);
    m.tos =
        object.parse("tos", "a number", names::tos).or_else(|error| tunnel_tos(object, error))?.unwrap_or(0);
    m.table = object.parse("table", "a table", |text| names.table(text))?.unwrap_or(TableId::MAIN);
    m.protocol = object.parse("protocol", names::PROTOCOL, names::protocol)?.unwrap_or(proto::BOOT);
    m.scope = object.parse("scope", "a scope", names::scope)?.unwrap_or(Scope::UNIVERSE);
    m.priority = object.get("metric")?;
    m.prefsrc = address(object, "prefsrc", family)?;
    m.nh_id = object.get("nhid")?;
    let hop = hop(object, family, names)?;
    (m.gateway, m.via) = match hop.gateway {
        Some(addr) if Family::of(addr) != family => (None, Some(addr)),
        gateway => (gateway, None),
    };
    (m.flags, m.realms, m.encap) = (hop.flags, hop.realms, hop.encap);
    m.oif = (hop.oif != 0).then_some(hop.oif);
    for leg in object.inner_list("nexthops")? {
        m.multipath.push(self::hop(&leg, family, names)?);
    }
    m.pref = object.parse("pref", "low, medium or high", |text| match text {
        "low" => Some(3),
        "medium" => Some(0),
        "high" => Some(1),
        _ => None,
    })?;
    if let Some(seconds) = object.get::<i32>("expires")? {
        m.cacheinfo =
            Some(RouteCacheInfo { expires: seconds.saturating_mul(100), ..RouteCacheInfo::default() });
    }
    for metrics in object.inner_list("metrics")? {
        read_metrics(&metrics, &mut m)?;
    }
    if m.encap.is_some() {
        object.ignore(&["id", "src", "ttl", "hoplimit", "tos", "tc", "mode", "flags", "segs", "hmac"]);
    }
    object.ignore(&["nh_info", "cache", "error"]);
    Ok(m)
}

/// The tos of a tunnel is a number under the same key; then it is not the route's.
fn tunnel_tos(object: &Object<'_>, error: ImportError) -> Result<Option<u8>, ImportError> {
    if object.has("encap") { Ok(None) } else { Err(error) }
}

fn address(object: &Object<'_>, key: &str, family: Family) -> Result<Option<IpAddr>, ImportError> {
    let expected = match family {
        Family::V4 => "an IPv4 address",
        Family::V6 => "an IPv6 address",
    };
    object.parse(key, expected, |text| text.parse().ok().filter(|&addr| Family::of(addr) == family))
}

/// What a route of one hop and a leg of several have in common.
fn hop(object: &Object<'_>, family: Family, names: &Names) -> Result<NextHopMsg, ImportError> {
    let mut hop = NextHopMsg { gateway: address(object, "gateway", family)?, ..NextHopMsg::default() };
    if let Some(via) = object.inner("via")? {
        via.ignore(&["family"]);
        hop.gateway = Some(via.need("host")?);
    }
    hop.oif = object.parse("dev", "a device of link.json", |name| names.device(name))?.unwrap_or(0);
    if let Some(weight) = object.get::<u32>("weight")? {
        let hops = weight.checked_sub(1).and_then(|hops| hops.try_into().ok());
        hop.hops = hops.ok_or_else(|| object.error("weight", "expected 1 to 256"))?;
    }
    let words: Vec<String> = object.get("flags")?.unwrap_or_default();
    let flags = names::bits(&words, &names::ROUTE_FLAGS);
    hop.flags =
        RouteFlags(flags.map_err(|word| object.error("flags", format!("`{word}` is not a route flag")))?);
    if let Some(flow) = object.inner("flow")? {
        let half = |key| flow.parse(key, "a realm's number", names::realm);
        hop.realms = Some(half("from")?.unwrap_or(0) << 16 | half("to")?.unwrap_or(0));
    }
    if let Some(kind) = object.parse("encap", "a tunnel type", names::encap)? {
        hop.encap = Some(Encap { kind, data: Vec::new() });
    }
    Ok(hop)
}

fn read_metrics(object: &Object<'_>, m: &mut RouteMsg) -> Result<(), ImportError> {
    for (key, kind, units) in METRICS {
        if let Some(value) = object.get::<u32>(key)? {
            m.metrics.set(kind, value.saturating_mul(units));
        }
    }
    let mut features = object.parse("features", "a hexadecimal number", names::number)?.unwrap_or(0);
    if object.has("ecn") {
        features |= 1;
    }
    if features != 0 {
        m.metrics.set(MetricKind::FEATURES, features);
    }
    if let Some(value) = object.get("fastopen_no_cookie")? {
        m.metrics.set(MetricKind::FASTOPEN_NO_COOKIE, value);
    }
    m.metrics.values.sort();
    m.metrics.congctl = object.get("congestion")?;
    Ok(())
}
