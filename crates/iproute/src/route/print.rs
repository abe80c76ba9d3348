//! A route as `ip route` prints it, text and JSON.

use std::net::IpAddr;

use fingerpost_model::{
    MetricKind, Metrics, NextHopMsg, RouteCacheInfo, RouteFlags, RouteMsg, RouteType, Scope, TableId, proto,
};
use fingerpost_net::{Family, IpPrefix};

use super::filter::Filter;
use super::modify::{RTA_NEWDST, RTA_TTL_PROPAGATE};
use crate::Printer;
use crate::lex::Af;
use crate::output::{Text, percent_g};

/// The kernel's clock ticks in a second, as user space is told them.
const HZ: i32 = 100;

/// A route type's name (`rtnl_rtntype_n2a`).
pub(crate) fn rtype_name(p: &Printer<'_>, kind: u8) -> String {
    match RouteType(kind).name() {
        Some(name) if !p.names.numeric() => name.into(),
        _ => kind.to_string(),
    }
}

/// Prints a route. What the filter pins to one value is left out.
pub(super) fn route(p: &mut Printer<'_>, r: &RouteMsg, filter: &Filter) {
    let details = p.opt.details > 0;
    let width = r.family.width();
    let whole = i32::from(width);
    p.out.open_object(None);
    if (r.kind != RouteType::UNICAST || details) && filter.takes_type(r.kind) {
        let name = rtype_name(p, r.kind.0);
        p.out.string("type", "", &name, " ");
    }
    match r.dst.filter(|d| d.len != 0) {
        Some(dst) => prefix(p, "dst", "", dst, width),
        None => p.out.string("dst", "", "default", " "),
    }
    if let Some(src) = r.src {
        prefix(p, "from", "from ", src, width);
    }
    if let Some(id) = r.nh_id {
        p.out.num("nhid", "nhid ", id, " ");
    }
    if let Some(attr) = r.other.iter().find(|a| a.kind == RTA_NEWDST) {
        new_destination(p, &attr.data);
    }
    if let Some(encap) = &r.encap {
        super::encap::print(p, encap);
    }
    if r.tos != 0 && filter.tos.is_none() {
        let name = p.names.dsfield(r.tos);
        p.out.string("tos", "tos ", &name, " ");
    }
    if let Some(via) = r.gateway
        && filter.via.bits != whole
    {
        gateway(p, via);
    }
    if let Some(via) = r.via {
        foreign_gateway(p, via);
    }
    if let Some(index) = r.oif
        && filter.oif.is_none()
    {
        device(p, "dev", index);
    }
    if r.table != TableId::UNSPEC && (r.table != TableId::MAIN || details) && filter.table == 0 {
        let name = p.names.table(r.table.0);
        p.out.string("table", "table ", &name, " ");
    }
    if !r.flags.has(RouteFlags::CLONED) {
        if (r.protocol != proto::BOOT || details) && filter.protocol.is_none() {
            let name = p.names.proto(r.protocol);
            p.out.string("protocol", "proto ", &name, " ");
        }
        if (r.scope != Scope::UNIVERSE || details) && filter.scope.is_none() {
            let name = p.names.scope(r.scope.0);
            p.out.string("scope", "scope ", &name, " ");
        }
    }
    if let Some(src) = r.prefsrc
        && filter.prefsrc.bits != whole
    {
        p.out.shown("prefsrc", "src ", Text(src), " ");
    }
    if let Some(metric) = r.priority
        && filter.metric.is_none()
    {
        p.out.num("metric", "metric ", metric, " ");
    }
    flags(p, r.flags);
    if let Some(mark) = r.mark.filter(|&m| m != 0) {
        if p.out.is_json() {
            p.out.json_num("mark", mark);
        } else if mark >= 16 {
            p.out.fp_fmt(format_args!("mark {mark:#x} "));
        } else {
            p.out.fp_fmt(format_args!("mark {mark} "));
        }
    }
    if let Some(realms) = r.realms
        && filter.realms_mask != u32::MAX
    {
        flow(p, realms);
    }
    if let Some(uid) = r.uid {
        p.out.num("uid", "uid ", uid, " ");
    }
    if r.family == Family::V4 && r.flags.has(RouteFlags::CLONED) {
        cache_flags(p, r.flags.0);
    }
    if let Some(info) = &r.cacheinfo {
        cache_info(p, info);
    }
    if !r.metrics.is_empty() {
        metrics(p, &r.metrics);
    }
    if let Some(index) = r.iif
        && filter.iif.is_none()
    {
        device(p, "iif", index);
    }
    if let Some(pref) = r.pref {
        match pref {
            3 => p.out.string("pref", "pref ", "low", ""),
            0 => p.out.string("pref", "pref ", "medium", ""),
            1 => p.out.string("pref", "pref ", "high", ""),
            other => p.out.num("pref", "", other, ""),
        }
    }
    if let Some(attr) = r.other.iter().find(|a| a.kind == RTA_TTL_PROPAGATE) {
        let on = attr.data.first().is_some_and(|&b| b != 0);
        // iproute2 misspells it.
        let text = if on { "ttl-propogate enabled" } else { "ttl-propogate disabled" };
        p.out.flag("ttl-propogate", on, text);
    }
    if let Some(id) = r.nh_id
        && details
    {
        crate::nexthop::print_by_id(p, "\n\tnh_info ", "nh_info", id);
    }
    if !r.multipath.is_empty() {
        multipath(p, r);
    }
    p.out.fp("\n");
    p.out.close_object();
}

fn prefix(p: &mut Printer<'_>, key: &str, before: &str, prefix: IpPrefix, width: u8) {
    let addr = Text(prefix.addr);
    if prefix.len == width {
        p.out.shown(key, before, addr, " ");
    } else {
        p.out.shown(key, before, format_args!("{addr}/{}", prefix.len), " ");
    }
}

/// A gateway of the route's own family.
pub(crate) fn gateway(p: &mut Printer<'_>, via: IpAddr) {
    p.out.shown("gateway", "via ", Text(via), " ");
}

/// A gateway of another family.
fn foreign_gateway(p: &mut Printer<'_>, via: IpAddr) {
    let family = Af::from(Family::of(via)).name();
    if p.out.is_json() {
        p.out.open_object(Some("via"));
        p.out.json_str("family", family);
        p.out.shown("host", "", Text(via), "");
        p.out.close_object();
    } else {
        p.out.fp_fmt(format_args!("via {family} {} ", Text(via)));
    }
}

/// `dev NAME` or `iif NAME`.
fn device(p: &mut Printer<'_>, key: &str, index: u32) {
    let name = p.links.shared_name(index);
    if p.out.is_json() {
        p.out.json_str(key, &name);
    } else {
        p.out.fp_fmt(format_args!("{key} {name} "));
    }
}

fn new_destination(p: &mut Printer<'_>, data: &[u8]) {
    let addr: Option<IpAddr> = match data.len() {
        4 => <[u8; 4]>::try_from(data).ok().map(Into::into),
        16 => <[u8; 16]>::try_from(data).ok().map(Into::into),
        _ => None,
    };
    if let Some(addr) = addr {
        p.out.shown("to", "as to ", Text(addr), " ");
    }
}

/// Flags of a route, hop or nexthop (`print_rt_flags`).
pub(crate) fn flags(p: &mut Printer<'_>, flags: RouteFlags) {
    const NAMES: [(RouteFlags, &str); 11] = [
        (RouteFlags::DEAD, "dead"),
        (RouteFlags::ONLINK, "onlink"),
        (RouteFlags::PERVASIVE, "pervasive"),
        (RouteFlags::OFFLOAD, "offload"),
        (RouteFlags::TRAP, "trap"),
        (RouteFlags::NOTIFY, "notify"),
        (RouteFlags::LINKDOWN, "linkdown"),
        (RouteFlags::UNRESOLVED, "unresolved"),
        (RouteFlags::RTM_OFFLOAD, "rt_offload"),
        (RouteFlags::RTM_TRAP, "rt_trap"),
        // One bit with two meanings (T-18).
        (RouteFlags::MULTICAST, "rt_offload_failed"),
    ];
    p.out.open_array(Some("flags"));
    for (flag, name) in NAMES {
        if flags.has(flag) {
            p.out.item("", name, " ");
        }
    }
    p.out.close_array();
}

fn flow(p: &mut Printer<'_>, realms: u32) {
    let (from, to) = ((realms >> 16) as u16, realms as u16);
    let from_name = if from != 0 { Some(p.names.realm(from)) } else { None };
    let to_name = p.names.realm(to);
    if p.out.is_json() {
        p.out.open_object(Some("flow"));
        if let Some(from) = from_name {
            p.out.json_str("from", &from);
        }
        p.out.json_str("to", &to_name);
        p.out.close_object();
    } else if let Some(from) = from_name {
        p.out.fp_fmt(format_args!("realms {from}/{to_name} "));
    } else {
        p.out.fp_fmt(format_args!("realm {to_name} "));
    }
}

/// The decision's `RTCF_*` bits, on a line of their own in text.
fn cache_flags(p: &mut Printer<'_>, flags: u32) {
    const NAMES: [(u32, &str); 14] = [
        (0x8000_0000, "local"),
        (0x4000_0000, "reject"),
        (0x2000_0000, "mc"),
        (0x1000_0000, "brd"),
        (0x0800_0000, "dst-nat"),
        (0x0080_0000, "src-nat"),
        (0x0040_0000, "masq"),
        (0x0002_0000, "dst-direct"),
        (0x0400_0000, "src-direct"),
        (0x0004_0000, "redirected"),
        (0x0100_0000, "redirect"),
        (0x0020_0000, "fastroute"),
        (0x0001_0000, "notify"),
        (0x0008_0000, "proxy"),
    ];
    let mut flags = flags & 0xffff_0000;
    p.out.open_array(Some("cache"));
    let sl = p.out.sl();
    p.out.fp_fmt(format_args!("{sl}    cache "));
    if !p.out.is_json() && flags == 0 {
        return;
    }
    p.out.fp("<");
    for (flag, name) in NAMES {
        if flags & flag != 0 {
            flags &= !flag;
            p.out.item("", name, if flags == 0 { "> " } else { "," });
        }
    }
    if flags != 0 {
        p.out.shown("flags", "", format_args!("{flags:x}"), ">");
    }
    p.out.close_array();
}

fn cache_info(p: &mut Printer<'_>, info: &RouteCacheInfo) {
    if info.expires != 0 {
        p.out.num("expires", "expires ", info.expires / HZ, "sec ");
    }
    if info.error != 0 {
        p.out.num("error", "error ", info.error, " ");
    }
    if p.opt.stats > 0 {
        if info.refs != 0 {
            p.out.num("users", "users ", info.refs, " ");
        }
        if info.used != 0 {
            p.out.num("used", "used ", info.used, " ");
        }
        if info.last_use != 0 {
            p.out.num("age", "age ", info.last_use / HZ as u32, "sec ");
        }
    }
    if info.id != 0 {
        if p.out.is_json() {
            p.out.hex("ipid", "", info.id.into(), "");
        } else {
            p.out.fp_fmt(format_args!("ipid 0x{:04x} ", info.id));
        }
    }
    if info.ts != 0 || info.ts_age != 0 {
        if p.out.is_json() {
            p.out.hex("ts", "", info.ts.into(), "");
        } else {
            p.out.fp_fmt(format_args!("ts 0x{:x}", info.ts));
        }
        p.out.num("tsage", "tsage ", info.ts_age, "sec ");
    }
}

fn metrics(p: &mut Printer<'_>, metrics: &Metrics) {
    p.out.open_array(Some("metrics"));
    p.out.open_object(None);
    let lock = metrics.get(MetricKind::LOCK).unwrap_or(0);
    for number in MetricKind::MTU.0..=MetricKind::FASTOPEN_NO_COOKIE.0 {
        let kind = MetricKind(number);
        let locked = lock & (1 << number) != 0;
        let name = kind.name().unwrap_or("metric");
        if kind == MetricKind::CC_ALGO {
            if let Some(value) = &metrics.congctl {
                let before = if locked { "congctl lock " } else { "congctl " };
                p.out.string("congestion", before, value, " ");
            }
            continue;
        }
        let value = metrics.get(kind);
        if value.is_none() && !locked {
            continue;
        }
        let value = value.unwrap_or(0);
        if kind == MetricKind::HOPLIMIT && value == u32::MAX {
            continue;
        }
        p.out.fp_fmt(format_args!("{name} {}", if locked { "lock " } else { "" }));
        match kind {
            MetricKind::FEATURES => features(p, value),
            MetricKind::RTT => time(p, name, value / 8),
            MetricKind::RTTVAR => time(p, name, value / 4),
            MetricKind::RTO_MIN => time(p, name, value),
            _ => p.out.num(name, "", value, " "),
        }
    }
    p.out.close_object();
    p.out.close_array();
}

fn features(p: &mut Printer<'_>, value: u32) {
    if value & 1 != 0 {
        p.out.null("ecn", "ecn ");
    }
    if value & !1 != 0 {
        p.out.hex("features", "", value.into(), " ");
    }
}

fn time(p: &mut Printer<'_>, name: &str, value: u32) {
    if p.out.is_json() {
        p.out.json_num(name, value);
    } else if value >= 1000 {
        p.out.fp_fmt(format_args!("{}s ", percent_g(f64::from(value) / 1e3)));
    } else {
        p.out.fp_fmt(format_args!("{value}ms "));
    }
}

fn multipath(p: &mut Printer<'_>, r: &RouteMsg) {
    let oifs = r.flags.has(RouteFlags::CLONED) && r.kind == RouteType::MULTICAST;
    p.out.open_array(Some("nexthops"));
    let sl = p.out.sl();
    for (i, hop) in r.multipath.iter().enumerate() {
        p.out.open_object(None);
        match (oifs, i) {
            (true, 0) => p.out.fp("Oifs: "),
            (true, _) => p.out.fp(" "),
            (false, _) => p.out.fp_fmt(format_args!("{sl}\tnexthop ")),
        }
        leg(p, r, hop, oifs);
        p.out.close_object();
    }
    p.out.close_array();
}

fn leg(p: &mut Printer<'_>, r: &RouteMsg, hop: &NextHopMsg, oifs: bool) {
    if let Some(encap) = &hop.encap {
        super::encap::print(p, encap);
    }
    match hop.gateway {
        Some(via) if Family::of(via) == r.family => gateway(p, via),
        Some(via) => foreign_gateway(p, via),
        None => {}
    }
    if let Some(realms) = hop.realms {
        flow(p, realms);
    }
    let name = p.links.shared_name(hop.oif);
    if oifs {
        p.out.string("dev", "", &name, "");
        if hop.hops != 1 {
            p.out.num("ttl", "(ttl>", hop.hops, ")");
        }
        p.out.fp(" ");
    } else {
        p.out.string("dev", "dev ", &name, " ");
        p.out.num("weight", "weight ", u32::from(hop.hops) + 1, " ");
    }
    flags(p, hop.flags);
}
