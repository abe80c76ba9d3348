//! Policy rules: adding and deleting them (`fib_newrule`, `fib_delrule` and
//! each family's part, such as `fib4_rule_configure`), and tying their device
//! names to devices.
//!
//! What a rule matches is the concern of the lookup; what a dump shows, of
//! [`crate::dump::rule`].

use std::net::{Ipv4Addr, Ipv6Addr};

use fingerpost_model::{NlFlags, PortRange, Refusal, RuleAction, RuleFlags, RuleMsg, TableId, UidRange};
use fingerpost_net::{Errno, Family, Ip, IpPrefix};

use crate::config::{Config, DscpSelector, Fib, Fib6, Links, Ports, Rule, Rules};
use crate::control::{table, table6};
use crate::namespace::{Env, Namespace};

/// Adds a rule (C-093 to C-101).
///
/// Priority, duplicates and goto are settled first; then the local and main
/// tables of IPv4 are split for good (C-009), which therefore does not happen for
/// a rule refused before.
pub fn new_rule(ns: &mut Namespace, _env: Env, flags: NlFlags, msg: &RuleMsg) -> Result<(), Refusal> {
    check_policy(msg)?;
    let config = &mut ns.config;
    match msg.family {
        Family::V4 => {
            let mut rule: Rule<Ipv4Addr> = candidate(&config.links, &config.rules, flags, msg)?;
            configure(&mut config.fib, &mut rule, msg)?;
            insert(&mut config.rules, rule);
            table::bump(&mut config.fib);
        }
        Family::V6 => {
            let mut rule: Rule<Ipv6Addr> = candidate(&config.links, &config.rules6, flags, msg)?;
            configure6(&mut config.fib6, &mut rule, msg)?;
            insert(&mut config.rules6, rule);
            config.fib6.generation += 1;
        }
    }
    Ok(())
}

/// The rule that a request describes, unless there is one like it.
fn candidate<I: Ip>(
    links: &Links,
    rules: &Rules<I>,
    flags: NlFlags,
    msg: &RuleMsg,
) -> Result<Rule<I>, Refusal> {
    let rule = requested(links, rules, msg)?;
    if flags.has(NlFlags::EXCL) && rules.list.iter().any(|other| is_duplicate(other, &rule, msg)) {
        return Err(Refusal::new(Errno::EEXIST));
    }
    Ok(rule)
}

/// Deletes the first rule that agrees with everything given (C-124).
pub fn del_rule(ns: &mut Namespace, env: Env, msg: &RuleMsg) -> Result<(), Refusal> {
    check_policy(msg)?;
    let config = &mut ns.config;
    match msg.family {
        Family::V4 => {
            let index = find(&config.links, &config.rules, msg)?;
            if env.behaviour.rule_delete_unmerges {
                table::unmerge(&mut config.fib);
            }
            let rule = config.rules.list.remove(index);
            if rule.realms != 0 {
                config.fib.realm_users = config.fib.realm_users.saturating_sub(1);
            }
            config.fib.dissecting_rules =
                config.fib.dissecting_rules.saturating_sub(u32::from(rule.needs_dissection()));
            resolve_gotos(&mut config.rules);
            table::bump(&mut config.fib);
        }
        Family::V6 => {
            let index = find(&config.links, &config.rules6, msg)?;
            let rule = config.rules6.list.remove(index);
            let fib = &mut config.fib6;
            fib.dissecting_rules = fib.dissecting_rules.saturating_sub(u32::from(rule.needs_dissection()));
            fib.generation += 1;
            resolve_gotos(&mut config.rules6);
        }
    }
    Ok(())
}

/// The position of the rule that a deletion means.
fn find<I: Ip>(links: &Links, rules: &Rules<I>, msg: &RuleMsg) -> Result<usize, Refusal> {
    let wanted: Rule<I> = requested(links, rules, msg)?;
    let found = rules.list.iter().position(|rule| is_wanted(rule, &wanted, msg));
    match found {
        None => Err(Refusal::new(Errno::ENOENT)),
        Some(index) if rules.list[index].permanent => Err(Refusal::new(Errno::EPERM)),
        Some(index) => Ok(index),
    }
}

/// Ties rules that name this device and have none to it, as when a device is
/// registered or renamed (C-104).
pub fn attach(config: &mut Config, name: &str, index: u32) {
    fn tie<I>(rules: &mut Rules<I>, name: &str, index: u32) {
        for rule in &mut rules.list {
            if rule.iif == 0 && rule.iifname.as_deref() == Some(name) {
                rule.iif = index;
            }
            if rule.oif == 0 && rule.oifname.as_deref() == Some(name) {
                rule.oif = index;
            }
        }
    }
    tie(&mut config.rules, name, index);
    tie(&mut config.rules6, name, index);
}

/// Unties rules from a device that is renamed or goes away (C-104).
pub fn detach(config: &mut Config, index: u32) {
    fn untie<I>(rules: &mut Rules<I>, index: u32) {
        for rule in &mut rules.list {
            if rule.iif == index {
                rule.iif = 0;
            }
            if rule.oif == index {
                rule.oif = 0;
            }
        }
    }
    untie(&mut config.rules, index);
    untie(&mut config.rules6, index);
}

fn invalid(text: &str) -> Refusal {
    Refusal::with(Errno::EINVAL, text)
}

/// What the attribute policy refuses, whatever the rule is.
fn check_policy(msg: &RuleMsg) -> Result<(), Refusal> {
    const NAME_MAX: usize = 15;
    let refuse = |errno| Err(Refusal::with(errno, "Error parsing msg"));
    let too_long = |name: &Option<String>| name.as_ref().is_some_and(|name| name.len() > NAME_MAX);
    if too_long(&msg.iifname) || too_long(&msg.oifname) || msg.dscp.is_some_and(|dscp| dscp > 63) {
        return refuse(Errno::ERANGE);
    }
    if msg.dscp_mask.is_some_and(|mask| mask > 63) {
        return refuse(Errno::EINVAL);
    }
    Ok(())
}

/// The rule that a request describes, as far as families agree (`fib_nl2rule`
/// and `fib_nl2rule_rtnl`, in their order of checks).
fn requested<I: Ip>(links: &Links, rules: &Rules<I>, msg: &RuleMsg) -> Result<Rule<I>, Refusal> {
    let src = selector::<I>(msg.src).ok_or_else(|| invalid("Invalid source address"))?;
    let dst = selector::<I>(msg.dst).ok_or_else(|| invalid("Invalid dst address"))?;
    if msg.l3mdev.is_some_and(|value| value != 1) {
        return Err(invalid("Invalid l3mdev attribute"));
    }
    match (msg.goto, msg.action) {
        (Some(_), action) if action != RuleAction::GOTO => return Err(invalid("Unexpected goto")),
        (None, RuleAction::GOTO) => return Err(invalid("Missing goto target for action goto")),
        _ => {}
    }
    if msg.l3mdev.is_some() && msg.table != TableId::UNSPEC {
        return Err(invalid("l3mdev and table are mutually exclusive"));
    }
    let uid_range = match msg.uid_range {
        None => ALL_UIDS,
        Some(range) if is_uid_range(range) && range.start <= range.end => range,
        Some(_) => return Err(invalid("Invalid uid range")),
    };
    let sport = ports(msg.sport, msg.sport_mask, "Invalid sport range")?;
    let dport = ports(msg.dport, msg.dport_mask, "Invalid dport range")?;
    let priority = msg.priority.unwrap_or_else(|| default_priority(rules));
    if msg.goto.is_some_and(|target| target <= priority) {
        return Err(invalid("Backward goto not supported"));
    }
    let index_of =
        |name: &Option<String>| name.as_deref().and_then(|name| links.find(name)).map_or(0, |l| l.index());
    let mark = msg.fwmark.unwrap_or(0);
    Ok(Rule {
        action: msg.action,
        goto: msg.goto.unwrap_or(0),
        src,
        dst,
        iifname: msg.iifname.clone(),
        iif: index_of(&msg.iifname),
        oifname: msg.oifname.clone(),
        oif: index_of(&msg.oifname),
        mark,
        mark_mask: msg.fwmask.unwrap_or(if mark != 0 { u32::MAX } else { 0 }),
        tun_id: msg.tun_id.unwrap_or(0),
        l3mdev: msg.l3mdev.is_some(),
        uid_range,
        ip_proto: msg.ip_proto.unwrap_or(0),
        sport,
        dport,
        invert: msg.flags.has(RuleFlags::INVERT),
        find_source: msg.flags.has(RuleFlags::FIND_SOURCE),
        permanent: msg.flags.has(RuleFlags::PERMANENT),
        suppress_prefixlen: msg.suppress_prefixlen.unwrap_or(-1),
        suppress_ifgroup: msg.suppress_ifgroup.unwrap_or(-1),
        realms: msg.realms.unwrap_or(0),
        protocol: msg.protocol.unwrap_or(0),
        ..Rule::lookup(priority, msg.table)
    })
}

/// The range that a rule without one has; unset as far as comparisons go.
const ALL_UIDS: UidRange = UidRange { start: 0, end: u32::MAX };

/// Whether both ends are user ids; the highest number is none (`uid_valid`).
fn is_uid_range(range: UidRange) -> bool {
    range.start != u32::MAX && range.end != u32::MAX
}

/// An address selector; `None` for one of the wrong family or too long. Length
/// 0 takes anything, whatever the address.
fn selector<I: Ip>(prefix: Option<IpPrefix>) -> Option<(I, u8)> {
    match prefix {
        Some(prefix) if prefix.len > 0 => {
            let addr = I::from_ip(prefix.addr)?;
            (prefix.len <= I::WIDTH).then_some((addr, prefix.len))
        }
        _ => Some((I::ZERO, 0)),
    }
}

/// The ports selected by a range and a mask (C-100).
fn ports(range: Option<PortRange>, mask: Option<u16>, refusal: &str) -> Result<Option<Ports>, Refusal> {
    let Some(PortRange { start, end }) = range else {
        return match mask {
            None => Ok(None),
            Some(_) => Err(invalid("Cannot specify port mask without port value")),
        };
    };
    if start == 0 || end == u16::MAX || start > end {
        return Err(invalid(refusal));
    }
    match mask {
        None if start == end => Ok(Some(Ports::Masked(start, u16::MAX))),
        None => Ok(Some(Ports::Range(start, end))),
        Some(_) if start != end => Err(invalid("Cannot specify port mask for port range")),
        Some(mask) if start & !mask != 0 => Err(invalid("Invalid port mask")),
        Some(mask) => Ok(Some(Ports::Masked(start, mask))),
    }
}

/// The priority of a rule that asks for none: one less than that of the second
/// rule in the list (C-093, `fib_default_rule_pref`).
fn default_priority<I>(rules: &Rules<I>) -> u32 {
    rules.list.get(1).map_or(0, |second| second.priority.saturating_sub(1))
}

/// IPv4's checks of type of service and flow label, and what accepting the rule
/// does to the tables (`fib4_rule_configure`).
///
/// A rule with realms counts as a realm user from here on (T-22). The kernel
/// counts down after an RCU grace period, here at the deletion.
fn configure(fib: &mut Fib, rule: &mut Rule<Ipv4Addr>, msg: &RuleMsg) -> Result<(), Refusal> {
    const TOS_MASK: u8 = 0x1e;
    if msg.flowlabel.is_some() || msg.flowlabel_mask.is_some() {
        return Err(invalid("Flow label cannot be specified for IPv4 FIB rules"));
    }
    check_ecn(msg)?;
    if msg.tos & !TOS_MASK != 0 {
        return Err(invalid("Invalid tos"));
    }
    rule.dscp = dscp(msg)?;

    table::unmerge(fib);
    if rule.table == TableId::UNSPEC && !rule.l3mdev && rule.action == RuleAction::TO_TABLE {
        rule.table = table::empty_table_id(fib);
        table::ensure_table(fib, rule.table);
    }
    if rule.realms != 0 {
        fib.realm_users += 1;
    }
    fib.dissecting_rules += u32::from(rule.needs_dissection());
    fib.has_custom_rules = true;
    Ok(())
}

fn check_ecn(msg: &RuleMsg) -> Result<(), Refusal> {
    match msg.tos & 0x03 {
        0 => Ok(()),
        _ => Err(invalid("Invalid dsfield (tos): ECN bits must be 0")),
    }
}

/// What a request says of type of service and DSCP.
fn dscp(msg: &RuleMsg) -> Result<DscpSelector, Refusal> {
    match (msg.dscp, msg.dscp_mask) {
        (Some(_), _) if msg.tos != 0 => Err(invalid("Cannot specify both TOS and DSCP")),
        (Some(value), mask) if value & !mask.unwrap_or(0x3f) != 0 => Err(invalid("Invalid DSCP mask")),
        (Some(value), mask) => Ok(DscpSelector::Dscp { value, mask: mask.unwrap_or(0x3f) }),
        (None, Some(_)) => Err(invalid("Cannot specify DSCP mask without DSCP value")),
        (None, None) if msg.tos != 0 => Ok(DscpSelector::Tos(msg.tos)),
        (None, None) => Ok(DscpSelector::Any),
    }
}

/// IPv6's checks, and what accepting the rule does to the tables
/// (`fib6_rule_configure`). Realms mean nothing to it.
fn configure6(fib: &mut Fib6, rule: &mut Rule<Ipv6Addr>, msg: &RuleMsg) -> Result<(), Refusal> {
    const LABEL_MASK: u32 = 0x000f_ffff;
    check_ecn(msg)?;
    rule.dscp = dscp(msg)?;
    rule.flowlabel = match (msg.flowlabel, msg.flowlabel_mask) {
        (None, None) => (0, 0),
        (Some(_), Some(mask)) if mask & !LABEL_MASK != 0 => {
            return Err(invalid("Invalid flow label mask"));
        }
        (Some(label), Some(mask)) if label & !mask != 0 => {
            return Err(invalid("Flow label and mask do not match"));
        }
        (Some(label), Some(mask)) => (label, mask),
        _ => return Err(Errno::EINVAL.into()),
    };
    if rule.action == RuleAction::TO_TABLE && !rule.l3mdev {
        if rule.table == TableId::UNSPEC {
            return Err(invalid("Invalid table"));
        }
        table6::ensure_table(fib, rule.table);
    }
    rule.realms = 0;
    fib.dissecting_rules += u32::from(rule.needs_dissection());
    fib.has_custom_rules = true;
    Ok(())
}

/// Whether adding `new` next to `old` is refused as a duplicate (C-096, C-097;
/// `rule_exists`): inversion and goto target are not compared, and the selectors
/// of [`agrees`] only as far as given.
fn is_duplicate<I: Ip>(old: &Rule<I>, new: &Rule<I>, msg: &RuleMsg) -> bool {
    old.action == new.action
        && old.table == new.table
        && old.priority == new.priority
        && name(&old.iifname) == name(&new.iifname)
        && name(&old.oifname) == name(&new.oifname)
        && old.mark == new.mark
        && old.suppress_ifgroup == new.suppress_ifgroup
        && old.suppress_prefixlen == new.suppress_prefixlen
        && old.mark_mask == new.mark_mask
        && old.tun_id == new.tun_id
        && old.l3mdev == new.l3mdev
        && old.uid_range == new.uid_range
        && old.ip_proto == new.ip_proto
        && old.protocol == new.protocol
        && old.sport == new.sport
        && old.dport == new.dport
        && agrees(old, msg)
}

/// Whether a deletion that describes `wanted` means this rule (C-124,
/// `rule_find`): what is zero or not given takes anything.
fn is_wanted<I: Ip>(rule: &Rule<I>, wanted: &Rule<I>, msg: &RuleMsg) -> bool {
    fn given<T: Default + PartialEq>(wanted: T, value: T) -> bool {
        wanted == T::default() || wanted == value
    }
    given(wanted.action, rule.action)
        && given(wanted.table, rule.table)
        && (msg.priority.is_none() || wanted.priority == rule.priority)
        && given(name(&wanted.iifname), name(&rule.iifname))
        && given(name(&wanted.oifname), name(&rule.oifname))
        && given(wanted.mark, rule.mark)
        && (wanted.suppress_ifgroup == -1 || wanted.suppress_ifgroup == rule.suppress_ifgroup)
        && (wanted.suppress_prefixlen == -1 || wanted.suppress_prefixlen == rule.suppress_prefixlen)
        && given(wanted.mark_mask, rule.mark_mask)
        && given(wanted.tun_id, rule.tun_id)
        && given(wanted.l3mdev, rule.l3mdev)
        && (!is_uid_range(wanted.uid_range) || wanted.uid_range == rule.uid_range)
        && given(wanted.ip_proto, rule.ip_proto)
        && given(wanted.protocol, rule.protocol)
        && given(wanted.sport, rule.sport)
        && given(wanted.dport, rule.dport)
        && agrees(rule, msg)
}

/// Whether a rule agrees with what a request gives of addresses, type of
/// service, DSCP, flow label and realms (`fib4_rule_compare`, `fib6_rule_compare`).
fn agrees<I: Ip>(rule: &Rule<I>, msg: &RuleMsg) -> bool {
    let address = |wanted: Option<IpPrefix>, have: (I, u8)| match selector::<I>(wanted) {
        Some((_, 0)) | None => true,
        Some(wanted) => wanted == have,
    };
    let tos = msg.tos == 0 || rule.dscp == DscpSelector::Tos(msg.tos);
    let dscp = match rule.dscp {
        DscpSelector::Dscp { value, mask } => {
            msg.dscp.is_none_or(|wanted| wanted == value) && msg.dscp_mask.is_none_or(|wanted| wanted == mask)
        }
        _ => msg.dscp.is_none() && msg.dscp_mask.is_none(),
    };
    address(msg.src, rule.src)
        && address(msg.dst, rule.dst)
        && tos
        && dscp
        && (I::FAMILY == Family::V6 || msg.realms.is_none_or(|realms| realms == rule.realms))
        && msg.flowlabel.is_none_or(|label| label == rule.flowlabel.0)
        && msg.flowlabel_mask.is_none_or(|mask| mask == rule.flowlabel.1)
}

fn name(name: &Option<String>) -> &str {
    name.as_deref().unwrap_or("")
}

/// Puts a rule after all others of its priority (C-094).
fn insert<I>(rules: &mut Rules<I>, rule: Rule<I>) {
    let at = rules.list.partition_point(|other| other.priority <= rule.priority);
    rules.list.insert(at, rule);
    resolve_gotos(rules);
}

/// Marks which goto rules have a target (C-117). The target is always the first
/// rule of that priority: later ones go behind it, and when it is deleted the
/// next one takes its place.
fn resolve_gotos<I>(rules: &mut Rules<I>) {
    if !rules.list.iter().any(|rule| rule.action == RuleAction::GOTO) {
        return;
    }
    let priorities: Vec<u32> = rules.list.iter().map(|rule| rule.priority).collect();
    for rule in &mut rules.list {
        rule.goto_resolved = rule.action == RuleAction::GOTO && priorities.binary_search(&rule.goto).is_ok();
    }
}
