//! Devices, routes, rules and selectors in the words of `ip`.

use std::net::{IpAddr, Ipv4Addr};

use fingerpost_engine::config::{Alias, Config, DscpSelector, NextHop, Ports, Preference, Route6, Rule};
use fingerpost_engine::lookup::rules::Selector;
use fingerpost_engine::lookup::{Flow, Hashing, table6};
use fingerpost_iproute::Names;
use fingerpost_model::{RouteFlags, RouteType, RuleAction, Scope};
use fingerpost_net::{Ip, Prefix};

/// A device's name, or its number if there is none.
pub fn device(config: &Config, index: u32) -> String {
    config.links.get(index).map_or_else(|| format!("if{index}"), |link| link.name().to_string())
}

pub(super) fn hop_text(config: &Config, gateway: Option<IpAddr>, dev: u32) -> String {
    match gateway {
        Some(gateway) => format!("via {gateway} dev {}", device(config, dev)),
        None => format!("dev {}", device(config, dev)),
    }
}

/// A type's name.
pub(super) fn kind_name(kind: RouteType) -> String {
    kind.name().map_or_else(|| kind.0.to_string(), str::to_string)
}

pub(super) fn scope_name(scope: Scope) -> String {
    scope.name().map_or_else(|| scope.0.to_string(), str::to_string)
}

/// An IPv4 route in words, as `ip route` writes it.
pub(super) fn route_text(config: &Config, prefix: Prefix<Ipv4Addr>, alias: &Alias) -> String {
    let info = config.fib.info(alias.info);
    let mut text = beginning(alias.kind, prefix);
    if alias.dscp != 0 {
        text.push_str(&format!(" tos {:#x}", alias.dscp));
    }
    add_hops(&mut text, config, info.nh_id, config.hops(info).iter());
    add_end(&mut text, info.prefsrc.map(IpAddr::V4), info.priority);
    text
}

/// An IPv6 route in words, as `ip -6 route` writes it; of a multipath route all
/// `legs`, if they are given.
pub(super) fn route6_text<'a>(
    config: &'a Config,
    route: &'a Route6,
    legs: impl Iterator<Item = &'a Route6>,
) -> String {
    let mut text = beginning(route.kind, route.dst);
    if !route.src.is_default() {
        text.push_str(&format!(" from {}", route.src));
    }
    let mut legs: Vec<&NextHop> = legs.map(|leg| &leg.hop).collect();
    if legs.len() < 2 {
        legs = table6::hops(config, route).collect();
    }
    // Routes that answer with an error are loopback's; that says nothing.
    if table6::type_error(route.kind).is_none() {
        add_hops(&mut text, config, route.nh_id, legs.into_iter());
    }
    add_end(&mut text, route.prefsrc.map(IpAddr::V6), route.metric);
    if let Some(name) = preference_name(route.pref).filter(|_| route.pref != Preference::MEDIUM) {
        text.push_str(&format!(" pref {name}"));
    }
    text
}

/// A router preference's name.
pub(super) fn preference_name(pref: Preference) -> Option<&'static str> {
    match pref {
        Preference::LOW => Some("low"),
        Preference::MEDIUM => Some("medium"),
        Preference::HIGH => Some("high"),
        _ => None,
    }
}

fn beginning<I: Ip>(kind: RouteType, prefix: Prefix<I>) -> String {
    let kind = if kind == RouteType::UNICAST { String::new() } else { format!("{} ", kind_name(kind)) };
    match (prefix.is_default(), prefix.len()) {
        (true, _) => format!("{kind}default"),
        (false, len) if len == I::WIDTH => format!("{kind}{}", prefix.addr()),
        _ => format!("{kind}{prefix}"),
    }
}

fn add_hops<'a>(
    text: &mut String,
    config: &Config,
    nh_id: Option<u32>,
    hops: impl Iterator<Item = &'a NextHop>,
) {
    if let Some(id) = nh_id {
        text.push_str(&format!(" nhid {id}"));
    }
    let hops: Vec<&NextHop> = hops.collect();
    match hops[..] {
        [hop] if hop.dev != 0 => text.push_str(&format!(" {}", hop_text(config, hop.gateway, hop.dev))),
        [] | [_] => {}
        _ => {
            let legs: Vec<String> = hops.iter().map(|hop| hop_text(config, hop.gateway, hop.dev)).collect();
            text.push_str(&format!(" nexthops [{}]", legs.join(" | ")));
        }
    }
    if let Some(hop) = hops.first()
        && hop.flags.any(RouteFlags::DEAD | RouteFlags::LINKDOWN)
    {
        text.push_str(if hop.flags.has(RouteFlags::DEAD) { " dead" } else { " linkdown" });
    }
}

fn add_end(text: &mut String, source: Option<IpAddr>, metric: u32) {
    if let Some(source) = source {
        text.push_str(&format!(" src {source}"));
    }
    if metric != 0 {
        text.push_str(&format!(" metric {metric}"));
    }
}

/// A selector's name in `ip rule`.
pub(super) fn selector_name(selector: Selector) -> &'static str {
    match selector {
        Selector::Iif => "iif",
        Selector::Oif => "oif",
        Selector::Mark => "fwmark",
        Selector::TunId => "tun_id",
        Selector::L3mdev => "l3mdev",
        Selector::Uid => "uidrange",
        Selector::From => "from",
        Selector::To => "to",
        Selector::Dscp => "tos",
        Selector::FlowLabel => "flowlabel",
        Selector::Proto => "ipproto",
        Selector::Sport => "sport",
        Selector::Dport => "dport",
    }
}

pub(super) fn prefix_text<I: Ip>((addr, len): (I, u8)) -> String {
    if len == I::WIDTH { addr.to_string() } else { format!("{addr}/{len}") }
}

pub(super) fn ports_text(ports: Option<Ports>) -> String {
    match ports {
        None => "any".into(),
        Some(Ports::Range(start, end)) if start == end => start.to_string(),
        Some(Ports::Range(start, end)) => format!("{start}-{end}"),
        Some(Ports::Masked(value, u16::MAX)) => value.to_string(),
        Some(Ports::Masked(value, mask)) => format!("{value:#x}/{mask:#x}"),
    }
}

pub(super) fn mark_text<I>(rule: &Rule<I>) -> String {
    if rule.mark_mask == u32::MAX {
        format!("{:#x}", rule.mark)
    } else {
        format!("{:#x}/{:#x}", rule.mark, rule.mark_mask)
    }
}

pub(super) fn dscp_text(selector: DscpSelector) -> String {
    match selector {
        DscpSelector::Any => "any".into(),
        DscpSelector::Tos(tos) => format!("{tos:#x}"),
        DscpSelector::Dscp { value, mask: 0x3f } => format!("dscp {value}"),
        DscpSelector::Dscp { value, mask } => format!("dscp {value:#x}/{mask:#x}"),
    }
}

/// What a rule demands and what the flow has.
pub(super) fn selector_values<I: Hashing>(
    config: &Config,
    selector: Selector,
    rule: &Rule<I>,
    flow: &Flow<I>,
) -> (String, String) {
    let name = |index: u32| if index == 0 { "none".to_string() } else { device(config, index) };
    let unset = |addr: I| if addr == I::ZERO { "not chosen yet".to_string() } else { addr.to_string() };
    match selector {
        Selector::Iif => (rule.iifname.clone().unwrap_or_default(), name(flow.iif)),
        Selector::Oif => (rule.oifname.clone().unwrap_or_default(), name(flow.oif)),
        Selector::Mark => (mark_text(rule), format!("{:#x}", flow.mark)),
        Selector::TunId => (rule.tun_id.to_string(), flow.tun_id.to_string()),
        Selector::L3mdev => ("a VRF".into(), name(flow.l3mdev)),
        Selector::Uid => (format!("{}-{}", rule.uid_range.start, rule.uid_range.end), flow.uid.to_string()),
        Selector::From => (prefix_text(rule.src), unset(flow.src)),
        Selector::To => (prefix_text(rule.dst), flow.dst.to_string()),
        Selector::Dscp => (dscp_text(rule.dscp), format!("{:#x}", flow.dscp)),
        Selector::FlowLabel => {
            let (label, mask) = rule.flowlabel;
            (format!("{label:#x}/{mask:#x}"), format!("{:#x}", flow.flowlabel))
        }
        Selector::Proto => (rule.ip_proto.to_string(), flow.proto.to_string()),
        Selector::Sport => (ports_text(rule.sport), flow.sport.to_string()),
        Selector::Dport => (ports_text(rule.dport), flow.dport.to_string()),
    }
}

/// A rule as `ip rule` writes it, without its preference.
pub(super) fn rule_text<I: Ip>(rule: &Rule<I>, names: &Names) -> String {
    let mut text = String::new();
    if rule.invert {
        text.push_str("not ");
    }
    let from = if rule.src.1 == 0 { "all".to_string() } else { prefix_text(rule.src) };
    text.push_str(&format!("from {from}"));
    let mut add = |word: &str, value: String| text.push_str(&format!(" {word} {value}"));
    if rule.dst.1 != 0 {
        add("to", prefix_text(rule.dst));
    }
    match rule.dscp {
        DscpSelector::Any => {}
        DscpSelector::Tos(tos) => add("tos", names.dsfield_name(tos)),
        dscp => add("", dscp_text(dscp)),
    }
    if rule.flowlabel.1 != 0 {
        add("flowlabel", format!("{:#x}/{:#x}", rule.flowlabel.0, rule.flowlabel.1));
    }
    if rule.mark != 0 || rule.mark_mask != 0 {
        add("fwmark", mark_text(rule));
    }
    if let Some(name) = &rule.iifname {
        add("iif", if rule.iif == 0 { format!("{name} [detached]") } else { name.clone() });
    }
    if let Some(name) = &rule.oifname {
        add("oif", if rule.oif == 0 { format!("{name} [detached]") } else { name.clone() });
    }
    if rule.uid_range.start != 0 || rule.uid_range.end != u32::MAX {
        add("uidrange", format!("{}-{}", rule.uid_range.start, rule.uid_range.end));
    }
    if rule.tun_id != 0 {
        add("tun_id", rule.tun_id.to_string());
    }
    if rule.ip_proto != 0 {
        add("ipproto", names.protocol_name(rule.ip_proto));
    }
    if rule.sport.is_some() {
        add("sport", ports_text(rule.sport));
    }
    if rule.dport.is_some() {
        add("dport", ports_text(rule.dport));
    }
    match rule.action {
        RuleAction::TO_TABLE if rule.l3mdev => text.push_str(" lookup [l3mdev-table]"),
        RuleAction::TO_TABLE => text.push_str(&format!(" lookup {}", names.table_name(rule.table.0))),
        RuleAction::GOTO => text.push_str(&format!(" goto {}", rule.goto)),
        other if rule.l3mdev => {
            text.push_str(&format!(" lookup [l3mdev-table] {}", other.name().unwrap_or("unknown action")));
        }
        other => text.push_str(&format!(" {}", other.name().unwrap_or("unknown action"))),
    }
    if rule.suppress_prefixlen != -1 {
        text.push_str(&format!(" suppress_prefixlength {}", rule.suppress_prefixlen));
    }
    if rule.suppress_ifgroup != -1 {
        text.push_str(&format!(" suppress_ifgroup {}", names.group_name(rule.suppress_ifgroup)));
    }
    text
}
