//! Policy rules: adding and deleting them (`fib_newrule`, `fib_delrule` and
//! IPv4's part, `fib4_rule_configure` and `fib4_rule_delete`), and tying their
//! device names to devices.
//!
//! What a rule matches is the concern of the lookup; what a dump shows, of
//! [`crate::dump::rule`].

use std::net::Ipv4Addr;

use fingerpost_model::{NlFlags, PortRange, Refusal, RuleAction, RuleFlags, RuleMsg, TableId, UidRange};
use fingerpost_net::{Errno, Family, Ip, IpPrefix};

use crate::config::{Config, DscpSelector, Fib, Links, Ports, Rule, Rules};
use crate::control::table;
use crate::namespace::{Env, Namespace};

/// Adds a rule (C-093 to C-101).
///
/// Priority, duplicates and goto are settled first; then the local and main
/// tables are split for good (C-009), which therefore does not happen for a
/// rule refused before.
pub fn new_rule(ns: &mut Namespace, _env: Env, flags: NlFlags, msg: &RuleMsg) -> Result<(), Refusal> {
    require_ipv4(msg)?;
    check_policy(msg)?;
    let config = &mut ns.config;
    let mut rule: Rule<Ipv4Addr> = requested(&config.links, &config.rules, msg)?;
    if flags.has(NlFlags::EXCL) && config.rules.list.iter().any(|other| is_duplicate(other, &rule, msg)) {
        return Err(Refusal::new(Errno::EEXIST));
    }
    configure(&mut config.fib, &mut rule, msg)?;
    insert(&mut config.rules, rule);
    table::bump(&mut config.fib);
    Ok(())
}

/// Deletes the first rule that agrees with everything given (C-124).
pub fn del_rule(ns: &mut Namespace, env: Env, msg: &RuleMsg) -> Result<(), Refusal> {
    require_ipv4(msg)?;
    check_policy(msg)?;
    let config = &mut ns.config;
    let wanted: Rule<Ipv4Addr> = requested(&config.links, &config.rules, msg)?;
    let found = config.rules.list.iter().position(|rule| is_wanted(rule, &wanted, msg));
    let Some(index) = found else { return Err(Refusal::new(Errno::ENOENT)) };
    if config.rules.list[index].permanent {
        return Err(Refusal::new(Errno::EPERM));
    }
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
    Ok(())
}

/// Ties rules that name this device and have none to it, as when a device is
/// registered or renamed (C-104).
pub fn attach(config: &mut Config, name: &str, index: u32) {
    for rule in &mut config.rules.list {
        if rule.iif == 0 && rule.iifname.as_deref() == Some(name) {
            rule.iif = index;
        }
        if rule.oif == 0 && rule.oifname.as_deref() == Some(name) {
            rule.oif = index;
        }
    }
}

/// Unties rules from a device that is renamed or goes away (C-104).
pub fn detach(config: &mut Config, index: u32) {
    for rule in &mut config.rules.list {
        if rule.iif == index {
            rule.iif = 0;
        }
        if rule.oif == index {
            rule.oif = 0;
        }
    }
}

fn invalid(text: &str) -> Refusal {
    Refusal::with(Errno::EINVAL, text)
}

fn require_ipv4(msg: &RuleMsg) -> Result<(), Refusal> {
    match msg.family {
        Family::V4 => Ok(()),
        Family::V6 => Err(Refusal::with(Errno::EAFNOSUPPORT, "Rule family not supported")),
    }
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
    const ECN_MASK: u8 = 0x03;
    const TOS_MASK: u8 = 0x1e;
    if msg.flowlabel.is_some() || msg.flowlabel_mask.is_some() {
        return Err(invalid("Flow label cannot be specified for IPv4 FIB rules"));
    }
    if msg.tos & ECN_MASK != 0 {
        return Err(invalid("Invalid dsfield (tos): ECN bits must be 0"));
    }
    if msg.tos & !TOS_MASK != 0 {
        return Err(invalid("Invalid tos"));
    }
    rule.dscp = match (msg.dscp, msg.dscp_mask) {
        (Some(_), _) if msg.tos != 0 => return Err(invalid("Cannot specify both TOS and DSCP")),
        (Some(value), mask) => DscpSelector::Dscp { value, mask: mask.unwrap_or(0x3f) },
        (None, Some(_)) => return Err(invalid("Cannot specify DSCP mask without DSCP value")),
        (None, None) if msg.tos != 0 => DscpSelector::Tos(msg.tos),
        (None, None) => DscpSelector::Any,
    };
    if let DscpSelector::Dscp { value, mask } = rule.dscp
        && value & !mask != 0
    {
        return Err(invalid("Invalid DSCP mask"));
    }

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
/// service, DSCP and realms (`fib4_rule_compare`).
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
        && msg.realms.is_none_or(|realms| realms == rule.realms)
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
