//! Policy rules: which table is searched (`fib_rules_lookup`).

use std::net::Ipv4Addr;

use fingerpost_model::{RuleAction, TableId};
use fingerpost_net::{Errno, Family, Ip, Prefix};

use super::{FibResult, Flow, Flow4, Hashing, table};
use crate::config::{Config, DscpSelector, LOOPBACK, Links, Ports, Rule};
use crate::trace::{Event, RuleOutcome, Tracer};

/// A selector of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Selector {
    /// `iif` (C-104).
    Iif,
    /// `oif` (C-105).
    Oif,
    /// `fwmark` (C-106).
    Mark,
    /// `tun_id` (C-111).
    TunId,
    /// `l3mdev` (C-112).
    L3mdev,
    /// `uidrange` (C-109).
    Uid,
    /// `from` (C-103).
    From,
    /// `to` (C-103).
    To,
    /// `tos` or `dscp` (C-107, C-108).
    Dscp,
    /// `flowlabel`, of IPv6.
    FlowLabel,
    /// `ipproto` (C-110).
    Proto,
    /// `sport` (C-110).
    Sport,
    /// `dport` (C-110).
    Dport,
}

impl Selector {
    /// Every selector, in the kernel's order of tests (C-114).
    pub const ALL: [Selector; 13] = [
        Selector::Iif,
        Selector::Oif,
        Selector::Mark,
        Selector::TunId,
        Selector::L3mdev,
        Selector::Uid,
        Selector::From,
        Selector::To,
        Selector::Dscp,
        Selector::FlowLabel,
        Selector::Proto,
        Selector::Sport,
        Selector::Dport,
    ];
}

/// A set of selectors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SelectorSet(u16);

impl SelectorSet {
    /// Adds a selector if it fails.
    fn add(&mut self, selector: Selector, fails: bool) {
        self.0 |= u16::from(fails) << selector as u8;
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether a selector that is tested before `l3mdev` is among them.
    fn ends_before_l3mdev(self) -> bool {
        self.0 & ((1 << Selector::L3mdev as u8) - 1) != 0
    }

    /// The selectors in order.
    pub fn iter(self) -> impl Iterator<Item = Selector> {
        Selector::ALL.into_iter().filter(move |&s| self.0 & 1 << s as u8 != 0)
    }
}

/// Which of a rule's selectors the flow fails, `not` left aside.
///
/// `l3_masters` says whether a device is an l3 master.
pub fn failing<I: Hashing>(
    rule: &Rule<I>,
    flow: &Flow<I>,
    is_l3_master: impl Fn(u32) -> bool,
) -> SelectorSet {
    let mut set = SelectorSet::default();
    set.add(Selector::Iif, rule.iifname.is_some() && !iif_matches(rule.iif, flow, &is_l3_master));
    set.add(Selector::Oif, rule.oifname.is_some() && !oif_matches(rule.oif, flow, &is_l3_master));
    set.add(Selector::Mark, (rule.mark ^ flow.mark) & rule.mark_mask != 0);
    set.add(Selector::TunId, rule.tun_id != 0 && rule.tun_id != flow.tun_id);
    set.add(Selector::L3mdev, rule.l3mdev && !is_l3_master(flow.l3mdev));
    set.add(Selector::Uid, !(rule.uid_range.start..=rule.uid_range.end).contains(&flow.uid));
    set.add(Selector::From, !from_matches(rule, flow));
    set.add(Selector::To, !within(rule.dst, flow.dst));
    set.add(
        Selector::Dscp,
        match rule.dscp {
            DscpSelector::Any => false,
            DscpSelector::Tos(tos) => tos != flow.dscp & if I::FAMILY == Family::V4 { 0x1c } else { 0xfc },
            DscpSelector::Dscp { value, mask } => (value ^ flow.dscp >> 2) & mask != 0,
        },
    );
    let (label, mask) = rule.flowlabel;
    set.add(Selector::FlowLabel, (label ^ flow.flowlabel) & mask != 0);
    set.add(Selector::Proto, rule.ip_proto != 0 && rule.ip_proto != flow.proto);
    set.add(Selector::Sport, !port_matches(rule.sport, flow.sport));
    set.add(Selector::Dport, !port_matches(rule.dport, flow.dport));
    set
}

/// A device that is an l3 master stands for all that belongs to it.
fn iif_matches<I: Hashing>(iif: u32, flow: &Flow<I>, is_l3_master: &impl Fn(u32) -> bool) -> bool {
    if is_l3_master(iif) { !flow.l3mdev_of_oif && flow.l3mdev == iif } else { iif != 0 && flow.iif == iif }
}

fn oif_matches<I: Hashing>(oif: u32, flow: &Flow<I>, is_l3_master: &impl Fn(u32) -> bool) -> bool {
    if is_l3_master(oif) { flow.l3mdev_of_oif && flow.l3mdev == oif } else { oif != 0 && flow.oif == oif }
}

/// A question of IPv6 without source fails every `from`, unless the rule waits
/// until there is one (C-301).
fn from_matches<I: Hashing>(rule: &Rule<I>, flow: &Flow<I>) -> bool {
    match I::FAMILY == Family::V4 || flow.has_source || rule.src.1 == 0 {
        true => within(rule.src, flow.src),
        false => rule.find_source,
    }
}

/// Whether an address is in a rule's prefix.
pub(super) fn within<I: Ip>((addr, len): (I, u8), candidate: I) -> bool {
    Prefix::containing(addr, len).is_ok_and(|prefix| prefix.contains(candidate))
}

fn port_matches(ports: Option<Ports>, port: u16) -> bool {
    match ports {
        None => true,
        Some(Ports::Range(start, end)) => (start..=end).contains(&port),
        Some(Ports::Masked(value, mask)) => (value ^ port) & mask == 0,
    }
}

/// Finds the route of a flow through the rules (`fib_lookup`).
///
/// May fill in `flow.l3mdev` and clear `flow.oif` when it names an l3 master,
/// as the kernel does (`l3mdev_update_flow`).
pub fn lookup(
    config: &Config,
    flow: &mut Flow4,
    ignore_linkstate: bool,
    tracer: &mut Tracer<'_>,
) -> Result<FibResult, Errno> {
    let result = if config.fib.has_custom_rules {
        update_l3mdev(&config.links, flow);
        through_rules(config, flow, ignore_linkstate, tracer)
    } else {
        tracer.event(|| Event::NoCustomRules);
        without_rules(config, flow, ignore_linkstate, tracer)
    };
    tracer.event(|| Event::End { errno: result.err() });
    result
}

/// C-121, C-122: main merged with local, then default if main has no match.
fn without_rules(
    config: &Config,
    flow: &Flow4,
    ignore_linkstate: bool,
    tracer: &mut Tracer<'_>,
) -> Result<FibResult, Errno> {
    for id in [TableId::MAIN, TableId::DEFAULT] {
        if let Some(table) = config.fib.table(id) {
            match table::lookup(config, table, flow, ignore_linkstate, tracer) {
                Err(Errno::EAGAIN) => {}
                other => return other,
            }
        }
    }
    Err(Errno::ENETUNREACH)
}

fn through_rules(
    config: &Config,
    flow: &mut Flow4,
    ignore_linkstate: bool,
    tracer: &mut Tracer<'_>,
) -> Result<FibResult, Errno> {
    let search = |_: &Rule<Ipv4Addr>, id: TableId, flow: &mut Flow4, tracer: &mut Tracer<'_>| {
        let table = config.fib.table(id).ok_or(RuleOutcome::NoTable)?;
        Ok(table::lookup(config, table, flow, ignore_linkstate, tracer)?)
    };
    let suppressed = |rule: &Rule<Ipv4Addr>, result: &FibResult, flow: &mut Flow4| {
        let outcome = suppressed(config, (rule.suppress_prefixlen, rule.suppress_ifgroup), result)?;
        flow.discarded_dscp = result.alias.dscp;
        Some(outcome)
    };
    let (result, rule_realms) = walk(&config.rules.list, &config.links, flow, tracer, search, suppressed)?;
    Ok(FibResult { rule_realms, ..result })
}

/// Tries the rules in order (`fib_rules_lookup`): the first result that is kept,
/// with the realms of its rule. `search` looks into the table that a rule leads to;
/// `suppressed` says whether and why a rule discards a result.
pub(super) fn walk<I: Hashing, R>(
    list: &[Rule<I>],
    links: &Links,
    flow: &mut Flow<I>,
    tracer: &mut Tracer<'_>,
    mut search: impl FnMut(&Rule<I>, TableId, &mut Flow<I>, &mut Tracer<'_>) -> Result<R, RuleOutcome>,
    suppressed: impl Fn(&Rule<I>, &R, &mut Flow<I>) -> Option<RuleOutcome>,
) -> Result<(R, u32), Errno> {
    let vrf = if flow.l3mdev == 0 { None } else { links.get(flow.l3mdev).and_then(|l| l.vrf_table()) };
    // Where an l3mdev rule looks: main, until the test of one has found the flow's VRF.
    let mut l3_table = TableId::MAIN;
    let is_l3_master = |dev: u32| links.get(dev).is_some_and(|l| l.vrf_table().is_some());
    let mut index = 0;
    while let Some(rule) = list.get(index) {
        let failing = failing(rule, flow, is_l3_master);
        if rule.l3mdev && !failing.ends_before_l3mdev() {
            l3_table = vrf.unwrap_or(l3_table);
        }
        if failing.is_empty() == rule.invert {
            tracer.event(|| Event::RuleSkipped { index, failing });
            index += 1;
            continue;
        }
        tracer.event(|| Event::RuleTaken { index });
        let outcome = match rule.action {
            RuleAction::GOTO => match target(list, index) {
                Some(to) => RuleOutcome::Goto { to },
                None => RuleOutcome::GotoUnresolved,
            },
            RuleAction::NOP => RuleOutcome::Nop,
            RuleAction::UNREACHABLE => RuleOutcome::Error(Errno::ENETUNREACH),
            RuleAction::PROHIBIT => RuleOutcome::Error(Errno::EACCES),
            RuleAction::TO_TABLE => {
                let id = if rule.l3mdev { l3_table } else { rule.table };
                match search(rule, id, flow, tracer) {
                    Ok(result) => match suppressed(rule, &result, flow) {
                        Some(outcome) => outcome,
                        None => {
                            tracer.event(|| Event::RuleDone { index, outcome: RuleOutcome::Found });
                            return Ok((result, rule.realms));
                        }
                    },
                    Err(outcome) => outcome,
                }
            }
            _ => RuleOutcome::Error(Errno::EINVAL),
        };
        tracer.event(|| Event::RuleDone { index, outcome });
        match outcome {
            RuleOutcome::Error(errno) => {
                flow.refused_realms = rule.realms;
                return Err(errno);
            }
            RuleOutcome::Goto { to } => index = to,
            _ => index += 1,
        }
    }
    Err(Errno::ENETUNREACH)
}

impl From<Errno> for RuleOutcome {
    /// What a table's error means to the rule that led there.
    fn from(errno: Errno) -> Self {
        if errno == Errno::EAGAIN { RuleOutcome::NoMatch } else { RuleOutcome::Error(errno) }
    }
}

/// The position of a goto's target: the first rule of that preference (C-117).
pub(crate) fn target<I>(list: &[Rule<I>], index: usize) -> Option<usize> {
    let goto = list[index].goto;
    list.iter().position(|rule| rule.priority == goto).filter(|&to| to > index)
}

/// Whether a rule that discards results with prefixes so short, and through devices of
/// a group, discards this one (C-118, C-119; `fib4_rule_suppress`).
pub(crate) fn suppressed(
    config: &Config,
    (prefixlen, ifgroup): (i32, i32),
    result: &FibResult,
) -> Option<RuleOutcome> {
    let len = result.prefix.len();
    if i32::from(len) <= prefixlen {
        return Some(RuleOutcome::SuppressedPrefix { len });
    }
    let first = config.hops(config.fib.info(result.alias.info)).get(0)?;
    let group = config.links.get(first.dev)?.group();
    (ifgroup != -1 && group as i32 == ifgroup).then_some(RuleOutcome::SuppressedGroup { group })
}

/// Finds the VRF that a flow belongs to (`l3mdev_update_flow`).
pub(super) fn update_l3mdev<I: Hashing>(links: &Links, flow: &mut Flow<I>) {
    if flow.oif != 0 {
        if flow.l3mdev == 0 {
            flow.l3mdev = links.l3_master(flow.oif);
            flow.l3mdev_of_oif = true;
        }
        if links.get(flow.oif).is_some_and(|link| link.vrf_table().is_some()) {
            flow.oif = 0;
        }
    } else if flow.iif > LOOPBACK && flow.l3mdev == 0 {
        flow.l3mdev = links.l3_master(flow.iif);
    }
}
