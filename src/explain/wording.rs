//! Devices, routes, rules and selectors in the words of `ip`.

use std::net::Ipv4Addr;

use fingerpost_engine::config::{Alias, Config, DscpSelector, Ports, Rule};
use fingerpost_engine::lookup::Flow4;
use fingerpost_engine::lookup::rules::Selector;
use fingerpost_iproute::Names;
use fingerpost_model::{RouteFlags, RouteType, RuleAction, Scope};
use fingerpost_net::Prefix;

/// A device's name, or its number if there is none.
pub(super) fn device(config: &Config, index: u32) -> String {
    config.links.get(index).map_or_else(|| format!("if{index}"), |link| link.name().to_string())
}

pub(super) fn hop_text(config: &Config, gateway: Option<std::net::IpAddr>, dev: u32) -> String {
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

/// A route in words, as `ip route` writes it.
pub(super) fn route_text(config: &Config, prefix: Prefix<Ipv4Addr>, alias: &Alias) -> String {
    let info = config.fib.info(alias.info);
    let mut text = String::new();
    if alias.kind != RouteType::UNICAST {
        text = format!("{} ", kind_name(alias.kind));
    }
    match (prefix.is_default(), prefix.len()) {
        (true, _) => text.push_str("default"),
        (false, 32) => text.push_str(&prefix.addr().to_string()),
        _ => text.push_str(&prefix.to_string()),
    }
    if alias.dscp != 0 {
        text.push_str(&format!(" tos {:#x}", alias.dscp));
    }
    let hops = config.hops(info);
    if let Some(id) = info.nh_id {
        text.push_str(&format!(" nhid {id}"));
    }
    match (hops.len(), hops.get(0)) {
        (1, Some(hop)) if hop.dev != 0 => {
            text.push_str(&format!(" {}", hop_text(config, hop.gateway, hop.dev)))
        }
        (n, _) if n > 1 => {
            let legs: Vec<String> = hops.iter().map(|hop| hop_text(config, hop.gateway, hop.dev)).collect();
            text.push_str(&format!(" nexthops [{}]", legs.join(" | ")));
        }
        _ => {}
    }
    if let Some(hop) = hops.get(0)
        && hop.flags.any(RouteFlags::DEAD | RouteFlags::LINKDOWN)
    {
        text.push_str(if hop.flags.has(RouteFlags::DEAD) { " dead" } else { " linkdown" });
    }
    if let Some(source) = info.prefsrc {
        text.push_str(&format!(" src {source}"));
    }
    if info.priority != 0 {
        text.push_str(&format!(" metric {}", info.priority));
    }
    text
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

pub(super) fn prefix_text((addr, len): (Ipv4Addr, u8)) -> String {
    if len == 32 { addr.to_string() } else { format!("{addr}/{len}") }
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

pub(super) fn mark_text(rule: &Rule<Ipv4Addr>) -> String {
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
pub(super) fn selector_values(
    config: &Config,
    selector: Selector,
    rule: &Rule<Ipv4Addr>,
    flow: &Flow4,
) -> (String, String) {
    let name = |index: u32| if index == 0 { "none".to_string() } else { device(config, index) };
    let unset =
        |addr: Ipv4Addr| if addr.is_unspecified() { "not chosen yet".to_string() } else { addr.to_string() };
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
pub(super) fn rule_text(rule: &Rule<Ipv4Addr>, names: &Names) -> String {
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
