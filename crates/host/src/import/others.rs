//! `nexthop.json`, `neigh.json`, `addrlabel.json` and `sysctl.txt`.

use std::net::{IpAddr, Ipv6Addr};

use fingerpost_model::{
    AddrLabelMsg, NeighFlags, NeighMsg, NeighState, NexthopGroupEntry, NexthopMsg, ResilientGroup,
    RouteFlags, RouteType, Scope,
};
use fingerpost_net::{Family, IpPrefix};

use super::ImportError;
use super::json::{Object, Source};
use super::names::{self, Names};

/// Address labels.
pub(super) fn labels(source: &Source<'_>, names: &Names) -> Result<Vec<AddrLabelMsg>, ImportError> {
    source.objects()?.iter().filter(|object| !object.is_empty()).map(|object| label(object, names)).collect()
}

fn label(object: &Object<'_>, names: &Names) -> Result<AddrLabelMsg, ImportError> {
    let addr: Ipv6Addr = object.need("address")?;
    let len: u8 = object.need("prefixlen")?;
    if len > Family::V6.width() {
        return Err(object.error("prefixlen", format!("{len} is longer than an IPv6 address")));
    }
    Ok(AddrLabelMsg {
        prefix: Some(IpPrefix { addr: addr.into(), len }),
        index: object.parse("ifname", "a device of link.json", |name| names.device(name))?.unwrap_or(0),
        label: Some(object.need("label")?),
        ..AddrLabelMsg::new(Family::V6)
    })
}

/// Nexthop objects. Those without an address do not tell their family: it is then taken to be IPv4.
pub(super) fn nexthops(
    source: &Source<'_>,
    names: &Names,
    not_seen: &mut Vec<String>,
) -> Result<Vec<NexthopMsg>, ImportError> {
    let mut all = Vec::new();
    for object in source.objects()?.iter().filter(|object| !object.is_empty()) {
        let nexthop = nexthop(object, names)?;
        if nexthop.gateway.is_none() && nexthop.group.is_empty() {
            let id = nexthop.id;
            not_seen.push(format!("{}: the family of nexthop {id}, taken to be IPv4", source.file));
        }
        all.push(nexthop);
    }
    Ok(all)
}

fn nexthop(object: &Object<'_>, names: &Names) -> Result<NexthopMsg, ImportError> {
    let mut m = NexthopMsg { id: object.need("id")?, ..NexthopMsg::default() };
    for member in object.inner_list("group")? {
        m.group
            .push(NexthopGroupEntry { id: member.need("id")?, weight: member.get("weight")?.unwrap_or(1) });
    }
    let kind = object.parse("type", "mpath or resilient", |text| match text {
        "mpath" => Some(0),
        "resilient" => Some(1),
        _ => None,
    })?;
    m.group_type = if m.group.is_empty() { None } else { Some(kind.unwrap_or(0)) };
    if let Some(arguments) = object.inner("resilient_args")? {
        // Seconds, with fractions; the kernel counts hundredths.
        let time = |key| Ok(arguments.get::<f64>(key)?.map(|seconds| (seconds * 100.0).round() as u64));
        let short = |time: Option<u64>| time.map(|time| u32::try_from(time).unwrap_or(u32::MAX));
        m.resilient = Some(ResilientGroup {
            buckets: arguments.get("buckets")?,
            idle_timer: short(time("idle_timer")?),
            unbalanced_timer: short(time("unbalanced_timer")?),
            unbalanced_time: time("unbalanced_time")?,
        });
    }
    m.gateway = object.get::<IpAddr>("gateway")?;
    m.family = m.gateway.map(Family::of).or(m.group.is_empty().then_some(Family::V4));
    m.oif = object.parse("dev", "a device of link.json", |name| names.device(name))?;
    m.scope = object.parse("scope", "a scope", names::scope)?.unwrap_or(Scope::UNIVERSE);
    m.protocol = object.parse("protocol", names::PROTOCOL, names::protocol)?.unwrap_or(0);
    m.blackhole = object.has("blackhole");
    m.fdb = object.has("fdb");
    let words: Vec<String> = object.get("flags")?.unwrap_or_default();
    let flags = names::bits(&words, &names::ROUTE_FLAGS);
    m.flags = RouteFlags(flags.map_err(|word| object.error("flags", format!("`{word}` is not a flag")))?);
    Ok(m)
}

const STATES: [(&str, u32); 9] = [
    ("NONE", 0),
    ("INCOMPLETE", 0x01),
    ("REACHABLE", 0x02),
    ("STALE", 0x04),
    ("DELAY", 0x08),
    ("PROBE", 0x10),
    ("FAILED", 0x20),
    ("NOARP", 0x40),
    ("PERMANENT", 0x80),
];

pub(super) fn neighbours(source: &Source<'_>, names: &Names) -> Result<Vec<NeighMsg>, ImportError> {
    let mut all = Vec::new();
    for object in source.objects()?.iter().filter(|object| !object.is_empty()) {
        let dst: IpAddr = object.need("dst")?;
        let index = object.parse("dev", "a device of link.json", |name| names.device(name))?;
        let mut m = NeighMsg::new(Family::of(dst), index.unwrap_or(0));
        m.dst = Some(dst);
        m.kind = RouteType::UNICAST;
        m.lladdr = object.parse("lladdr", "a link-layer address", |text| text.parse().ok())?;
        let words: Vec<String> = object.get("state")?.unwrap_or_default();
        let state = names::bits(&words, &STATES);
        let state = state.map_err(|word| object.error("state", format!("`{word}` is not a state")))?;
        m.state = NeighState(state as u16);
        let flags = [
            ("router", NeighFlags::ROUTER),
            ("proxy", NeighFlags::PROXY),
            ("extern_learn", NeighFlags::EXT_LEARNED),
            ("offload", NeighFlags::OFFLOADED),
        ];
        for (key, flag) in flags {
            if object.has(key) {
                m.flags = m.flags | flag;
            }
        }
        m.probes = object.get("probes")?;
        m.protocol = object.parse("protocol", names::PROTOCOL, names::protocol)?;
        object.ignore(&["used", "confirmed", "updated", "refcnt"]);
        all.push(m);
    }
    all.sort_by_key(|m| m.family);
    Ok(all)
}

/// Settings that are secrets, or do something when written.
const NOT_SETTINGS: [&str; 3] = ["tcp_fastopen_key", "stable_secret", "flush"];

/// Settings below `net.` from the output of `sysctl -a`, by path.
pub(super) fn settings(file: &str, text: &str) -> Result<Vec<(String, String)>, ImportError> {
    let mut all = Vec::new();
    for (at, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') || line.starts_with("sysctl:") {
            continue;
        }
        let Some((key, value)) = line.split_once('=') else {
            return Err(ImportError::Content {
                file: file.into(),
                line: at + 1,
                column: 1,
                field: String::new(),
                problem: "expected NAME = VALUE".into(),
            });
        };
        // A dot in a device's name is printed as a slash.
        let swap = |c| match c {
            '.' => '/',
            '/' => '.',
            c => c,
        };
        let path: String = key.trim().chars().map(swap).collect();
        let Some(path) = path.strip_prefix("net/") else { continue };
        if !NOT_SETTINGS.iter().any(|name| path.ends_with(name)) {
            all.push((path.to_string(), value.trim().to_string()));
        }
    }
    all.sort();
    Ok(all)
}
