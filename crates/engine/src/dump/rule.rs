//! Rule dumps (`fib_nl_dumprule`): which attributes the kernel sends of a rule.

use std::net::{Ipv4Addr, Ipv6Addr};

use fingerpost_model::{PortRange, Refusal, RuleAction, RuleFlags, RuleMsg};
use fingerpost_net::{Family, Ip, IpPrefix};

use crate::config::{DscpSelector, Ports, Rule};
use crate::namespace::Namespace;

/// All rules of a family in evaluation order; without a family, of every one
/// that there is.
pub fn dump(ns: &Namespace, family: Option<Family>, each: &mut dyn FnMut(&RuleMsg)) -> Result<(), Refusal> {
    if family != Some(Family::V6) {
        ns.config.rules.list.iter().for_each(|rule| each(&message::<Ipv4Addr>(rule)));
    }
    if family != Some(Family::V4) {
        ns.config.rules6.list.iter().for_each(|rule| each(&message::<Ipv6Addr>(rule)));
    }
    Ok(())
}

/// A rule as the kernel shows it (`fib_nl_fill_rule`, `fib4_rule_fill`, `fib6_rule_fill`).
pub fn message<I: Ip>(rule: &Rule<I>) -> RuleMsg {
    let nonzero = |value: u32| (value != 0).then_some(value);
    let address = |(addr, len): (I, u8)| (len > 0).then(|| IpPrefix { addr: addr.into(), len });
    let (sport, sport_mask) = ports(rule.sport);
    let (dport, dport_mask) = ports(rule.dport);
    let (tos, dscp, dscp_mask) = match rule.dscp {
        DscpSelector::Any => (0, None, None),
        DscpSelector::Tos(tos) => (tos, None, None),
        DscpSelector::Dscp { value, mask } => (0, Some(value), Some(mask)),
    };
    RuleMsg {
        priority: nonzero(rule.priority),
        dst: address(rule.dst),
        src: address(rule.src),
        tos,
        action: rule.action,
        table: rule.table,
        flags: flags(rule),
        iifname: rule.iifname.clone().filter(|name| !name.is_empty()),
        oifname: rule.oifname.clone().filter(|name| !name.is_empty()),
        goto: nonzero(rule.goto),
        fwmark: nonzero(rule.mark),
        fwmask: (rule.mark != 0 || rule.mark_mask != 0).then_some(rule.mark_mask),
        realms: nonzero(rule.realms),
        suppress_prefixlen: Some(rule.suppress_prefixlen),
        suppress_ifgroup: (rule.suppress_ifgroup != -1).then_some(rule.suppress_ifgroup),
        tun_id: (rule.tun_id != 0).then_some(rule.tun_id),
        l3mdev: rule.l3mdev.then_some(1),
        uid_range: (rule.uid_range.end != u32::MAX).then_some(rule.uid_range),
        protocol: Some(rule.protocol),
        ip_proto: (rule.ip_proto != 0).then_some(rule.ip_proto),
        sport,
        sport_mask,
        dport,
        dport_mask,
        dscp,
        dscp_mask,
        flowlabel: (rule.flowlabel.1 != 0).then_some(rule.flowlabel.0),
        flowlabel_mask: nonzero(rule.flowlabel.1),
        ..RuleMsg::new(I::FAMILY)
    }
}

/// The flags given, and what has become of device names and goto target.
fn flags<I>(rule: &Rule<I>) -> RuleFlags {
    let detached =
        |name: &Option<String>, index| index == 0 && name.as_ref().is_some_and(|name| !name.is_empty());
    let conditions = [
        (rule.permanent, RuleFlags::PERMANENT),
        (rule.invert, RuleFlags::INVERT),
        (rule.find_source, RuleFlags::FIND_SOURCE),
        (rule.action == RuleAction::GOTO && !rule.goto_resolved, RuleFlags::UNRESOLVED),
        (detached(&rule.iifname, rule.iif), RuleFlags::IIF_DETACHED),
        (detached(&rule.oifname, rule.oif), RuleFlags::OIF_DETACHED),
    ];
    conditions.iter().filter(|(set, _)| *set).fold(RuleFlags(0), |flags, &(_, flag)| flags | flag)
}

fn ports(ports: Option<Ports>) -> (Option<PortRange>, Option<u16>) {
    match ports {
        None => (None, None),
        Some(Ports::Range(start, end)) => (Some(PortRange { start, end }), None),
        Some(Ports::Masked(port, mask)) => (Some(PortRange { start: port, end: port }), Some(mask)),
    }
}
