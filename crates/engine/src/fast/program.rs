//! Policy rules, compiled: which tables a flow is looked up in.
//!
//! Rules next to each other that every flow meets are one search of their tables
//! together. The others are found by what distinguishes them: a rule is a
//! candidate only for flows with its source (or destination, mark, ingress
//! device), and only candidates are tried, in the order of the rules. Whether a
//! candidate is met is [`failing`]'s to say, as everywhere.
//!
//! All that is known here of a flow is that it belongs to no VRF and names no
//! egress device.

use std::collections::{HashMap, HashSet};

use fingerpost_fib as fib;
use fingerpost_model::{RuleAction, TableId};
use fingerpost_net::Ip;

use super::answer::Named;
use super::classes::{Candidates, Classes, DIMENSIONS, Filing, Lists, Packets};
use super::compose::Composed;
use super::place;
use crate::config::{Config, Rule, Rules};
use crate::lookup::rules::{failing, target};
use crate::lookup::{Flow, Hashing};

/// A table that is searched, and what becomes of its results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Member {
    /// The table.
    pub table: TableId,
    /// Results with a prefix this long or shorter are discarded; −1 none.
    pub suppress_prefixlen: i32,
    /// Results through devices of this group are discarded; −1 none.
    pub suppress_ifgroup: i32,
    /// Realms of the rule.
    pub realms: u32,
}

impl Member {
    /// A table whose results are all kept.
    pub fn of(table: TableId) -> Self {
        Member { table, suppress_prefixlen: -1, suppress_ifgroup: -1, realms: 0 }
    }
}

/// Tables that are searched as one, by number.
pub type Group = usize;

/// What the rules do.
pub struct Program<I> {
    stages: Vec<Stage<I>>,
    rules: Vec<Rule<I>>,
    /// Devices that are l3 masters.
    masters: Vec<u32>,
    /// The tables of each group in their order.
    pub groups: Vec<Vec<Member>>,
    /// The rules that lead to the tables of the groups that every flow searches.
    members: HashMap<Group, Vec<usize>>,
}

/// Stages are gone through in order.
enum Stage<I> {
    /// For all flows; by a rule, if it is one.
    Always(Then, Option<usize>),
    /// For those that meet one of these rules.
    Select(Classes<I>),
}

/// What a rule leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// Tables are searched; without a result the next rule is tried.
    Search(Group),
    /// The lookup ends at a place that stands for an error.
    Refuse(u32),
    /// A later stage.
    Goto(usize),
    /// It is not known here.
    Ask,
}

/// How a walk through the rules ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The value that the tables of a group have, or else the number of a place.
    pub value: u32,
    /// The group, or [`Hit::NONE`].
    pub group: u32,
    /// The rule that led there, by position, where not every flow meets it; else [`Hit::NONE`].
    pub rule: u32,
}

impl Hit {
    /// No group, no rule.
    pub const NONE: u32 = u32::MAX;
    /// It is not known here.
    pub const ASK: Hit = Hit::of_place(place::ASK);
    /// No rule leads to a route.
    pub const UNREACHABLE: Hit = Hit::of_place(place::UNREACHABLE);

    #[inline]
    const fn of_place(value: u32) -> Hit {
        Hit { value, group: Hit::NONE, rule: Hit::NONE }
    }

    #[inline]
    fn found(value: u32, group: Group, rule: Option<usize>) -> Hit {
        Hit { value, group: group as u32, rule: rule.map_or(Hit::NONE, |rule| rule as u32) }
    }
}

/// Longest matches in groups of tables; what a table passes on is none.
pub trait Search<I> {
    /// The value that a group has for a destination.
    fn value(&self, group: Group, dst: I) -> Option<u32>;
    /// The same for many; [`fib::NONE`] for none.
    fn values(&self, group: Group, dsts: &[I], values: &mut [u32]);
}

/// Flows of a batch.
pub(super) const BATCH: usize = 256;

impl<I: Hashing> Program<I> {
    /// Compiles a list of rules; with `without` they are not looked at, and these
    /// tables are searched.
    pub fn new(config: &Config, rules: &Rules<I>, without: Option<&[TableId]>) -> Self {
        let is_master = |dev: &u32| config.links.get(*dev).is_some_and(|link| link.vrf_table().is_some());
        let masters: Vec<u32> = config.links.iter().map(|link| link.index()).filter(is_master).collect();
        let mut builder = Builder { groups: Vec::new(), known: HashMap::new() };
        if let Some(tables) = without {
            let group = builder.group(tables.iter().map(|&table| Member::of(table)).collect());
            let stages = vec![Stage::Always(Then::Search(group), None)];
            let Builder { groups, .. } = builder;
            return Program { stages, rules: Vec::new(), masters, groups, members: HashMap::new() };
        }
        let (mut stages, members) = builder.stages(&rules.list, &masters);
        if stages.len() >= usize::from(ENDED) {
            stages = vec![Stage::Always(Then::Ask, None)];
        }
        Program { stages, rules: rules.list.clone(), masters, groups: builder.groups, members }
    }

    /// Whether a rule waits for a source that a flow without one has not (C-301).
    pub fn finds_sources(&self) -> bool {
        self.rules.iter().any(|rule| rule.find_source && rule.src.1 > 0)
    }

    /// By what a walk has ended, given what the tables name.
    pub fn named(&self, hit: Hit, composed: Option<&Composed<I>>) -> Named<I> {
        let group = hit.group as usize;
        let member = composed.map_or(0, |composed| composed.member as usize);
        let table = composed.and_then(|_| self.groups.get(group)?.get(member)).map(|member| member.table);
        let rule = match hit.rule {
            Hit::NONE => self.members.get(&group).and_then(|rules| rules.get(member)).copied(),
            rule => Some(rule as usize),
        };
        let rule = rule.and_then(|rule| self.rules.get(rule)).map(|rule| rule.priority);
        Named { route: composed.and_then(|composed| composed.route), table, rule }
    }

    fn meets(&self, rule: usize, flow: &Flow<I>) -> bool {
        let rule = &self.rules[rule];
        failing(rule, flow, |dev| self.masters.binary_search(&dev).is_ok()).is_empty() != rule.invert
    }

    /// The way of one flow.
    pub fn walk(&self, flow: &Flow<I>, tables: &impl Search<I>) -> Hit {
        let mut at = 0;
        while let Some(stage) = self.stages.get(at) {
            let step = match stage {
                Stage::Always(then, rule) => self.then(*then, *rule, flow, tables),
                Stage::Select(classes) => self.first(classes, &mut classes.candidates(flow), flow, tables),
            };
            match step {
                Step::Next => at += 1,
                Step::To(stage) => at = stage,
                Step::End(hit) => return hit,
            }
        }
        Hit::UNREACHABLE
    }

    /// The first candidate that a flow meets and that leads somewhere.
    fn first(
        &self,
        classes: &Classes<I>,
        candidates: &mut Candidates<'_>,
        flow: &Flow<I>,
        tables: &impl Search<I>,
    ) -> Step {
        for candidate in candidates {
            let Filing { rule, then, is_enough } = classes.rule(candidate);
            if is_enough || self.meets(rule, flow) {
                let step = self.then(then, Some(rule), flow, tables);
                if step != Step::Next {
                    return step;
                }
            }
        }
        Step::Next
    }

    fn then(&self, then: Then, rule: Option<usize>, flow: &Flow<I>, tables: &impl Search<I>) -> Step {
        match then {
            Then::Search(group) => match tables.value(group, flow.dst) {
                Some(value) => Step::End(Hit::found(value, group, rule)),
                None => Step::Next,
            },
            Then::Refuse(place) => {
                let rule = rule.map_or(Hit::NONE, |rule| rule as u32);
                Step::End(Hit { rule, ..Hit::of_place(place) })
            }
            Then::Goto(stage) => Step::To(stage),
            Then::Ask => Step::End(Hit::ASK),
        }
    }

    /// [`Program::walk`] for up to [`BATCH`] packets, stage by stage. A flow is made only
    /// where a rule has to be tried.
    pub fn walk_batch(&self, packets: &impl Packets<I>, tables: &impl Search<I>, hits: &mut [Hit]) {
        let mut batch = Batch::of(hits.len());
        if let [Stage::Always(Then::Search(group), _)] = self.stages[..] {
            batch.gather(0);
            let (dsts, values) = batch.keys(|n| packets.dst(n));
            tables.values(group, dsts, values);
            for (hit, &value) in hits.iter_mut().zip(&*values) {
                *hit = match value {
                    fib::NONE => Hit::UNREACHABLE,
                    value => Hit::found(value, group, None),
                };
            }
            return;
        }
        for (at, stage) in self.stages.iter().enumerate() {
            batch.gather(at);
            match stage {
                Stage::Always(Then::Search(group), _) => {
                    let (dsts, values) = batch.keys(|n| packets.dst(n));
                    tables.values(*group, dsts, values);
                    batch.settle(hits, |value, _, _| match value {
                        fib::NONE => Step::Next,
                        value => Step::End(Hit::found(value, *group, None)),
                    });
                }
                Stage::Always(then, rule) => {
                    batch.settle(hits, |_, _, n| self.then(*then, *rule, &packets.flow(n), tables));
                }
                Stage::Select(classes) => {
                    let mut lists: Lists = [[fib::NONE; BATCH]; DIMENSIONS];
                    classes.lists(batch.here(), packets, &mut lists);
                    batch.settle(hits, |_, at, n| match classes.is_idle(at, &lists) {
                        true => Step::Next,
                        false => {
                            let mut candidates = classes.candidates_of(at, &lists);
                            self.first(classes, &mut candidates, &packets.flow(n), tables)
                        }
                    });
                }
            }
        }
        batch.rest(hits);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Next,
    To(usize),
    End(Hit),
}

/// Flows of a batch on their way through the stages.
struct Batch<I> {
    /// Which are still under way, in `open[..under_way]`.
    open: [u16; BATCH],
    under_way: usize,
    /// The first stage that each looks at.
    from: [u16; BATCH],
    /// Whether one has left out stages.
    jumped: bool,
    /// Those at this stage, with a key of each and what is found for it, in `[..count]`.
    here: [u16; BATCH],
    keys: [I; BATCH],
    found: [u32; BATCH],
    count: usize,
}

impl<I: Hashing> Batch<I> {
    fn of(count: usize) -> Self {
        let mut open = [0; BATCH];
        open.iter_mut().zip(0..count as u16).for_each(|(place, n)| *place = n);
        let (here, keys, found) = ([0; BATCH], [I::ZERO; BATCH], [fib::NONE; BATCH]);
        Batch { open, under_way: count, from: [0; BATCH], jumped: false, here, keys, found, count: 0 }
    }

    /// Takes those that look at a stage.
    fn gather(&mut self, stage: usize) {
        let open = &self.open[..self.under_way];
        if !self.jumped {
            self.here[..open.len()].copy_from_slice(open);
            self.count = open.len();
            return;
        }
        self.count = 0;
        for &n in open {
            if usize::from(self.from[usize::from(n)]) <= stage {
                self.here[self.count] = n;
                self.count += 1;
            }
        }
    }

    /// Which these are.
    fn here(&self) -> &[u16] {
        &self.here[..self.count]
    }

    /// A key of each, and room for what is found for it.
    fn keys(&mut self, key: impl Fn(usize) -> I) -> (&[I], &mut [u32]) {
        for (place, &n) in self.keys.iter_mut().zip(&self.here[..self.count]) {
            *place = key(usize::from(n));
        }
        (&self.keys[..self.count], &mut self.found[..self.count])
    }

    /// Lets each of those go where `step` says, told what was found, which of those
    /// here it is and which of all.
    fn settle(&mut self, hits: &mut [Hit], step: impl Fn(u32, usize, usize) -> Step) {
        // Where all are here, those that go on are written down at once.
        let all_here = self.count == self.under_way;
        let mut left = 0;
        for (at, (&place, &found)) in self.here[..self.count].iter().zip(&self.found).enumerate() {
            let n = usize::from(place);
            match step(found, at, n) {
                Step::End(hit) => {
                    hits[n] = hit;
                    self.from[n] = ENDED;
                    continue;
                }
                Step::To(stage) => {
                    self.from[n] = stage as u16;
                    self.jumped = true;
                }
                Step::Next => {}
            }
            if all_here {
                self.open[left] = place;
                left += 1;
            }
        }
        if !all_here {
            for at in 0..self.under_way {
                let n = self.open[at];
                if self.from[usize::from(n)] != ENDED {
                    self.open[left] = n;
                    left += 1;
                }
            }
        }
        self.under_way = left;
    }

    /// What is left finds nothing.
    fn rest(&self, hits: &mut [Hit]) {
        for &n in &self.open[..self.under_way] {
            hits[usize::from(n)] = Hit::UNREACHABLE;
        }
    }
}

/// No stage: the flow's way has ended.
const ENDED: u16 = u16::MAX;

struct Builder {
    groups: Vec<Vec<Member>>,
    known: HashMap<Vec<Member>, Group>,
}

impl Builder {
    fn group(&mut self, members: Vec<Member>) -> Group {
        let groups = &mut self.groups;
        *self.known.entry(members).or_insert_with_key(|members| {
            groups.push(members.clone());
            groups.len() - 1
        })
    }

    /// The stages of a list of rules, and the rules of the groups that all flows search.
    fn stages<I: Hashing>(
        &mut self,
        list: &[Rule<I>],
        masters: &[u32],
    ) -> (Vec<Stage<I>>, HashMap<Group, Vec<usize>>) {
        let targets: Vec<Option<usize>> = (0..list.len())
            .map(|at| if list[at].action == RuleAction::GOTO { target(list, at) } else { None })
            .collect();
        let jumped_to: HashSet<usize> = targets.iter().copied().flatten().collect();
        let mut stages = Vec::new();
        let mut members_of = HashMap::new();
        // The stage that begins with each rule that is jumped to.
        let mut begins: HashMap<usize, usize> = HashMap::new();
        let mut always: Vec<(usize, Member)> = Vec::new();
        let mut select: Vec<(usize, Then)> = Vec::new();
        for (index, rule) in list.iter().enumerate() {
            let is_target = jumped_to.contains(&index);
            let meets = Meets::of(rule, masters);
            if is_target || meets != Meets::Always || !leads_to_table(rule) {
                self.close_always(&mut always, &mut stages, &mut members_of);
            }
            if is_target || meets == Meets::Always {
                close_select(list, &mut select, &mut stages);
            }
            if is_target {
                begins.insert(index, stages.len());
            }
            let then = match rule.action {
                _ if meets == Meets::Never => continue,
                RuleAction::NOP => continue,
                // It is known when all stages are.
                RuleAction::GOTO => match targets[index] {
                    Some(to) => Then::Goto(to),
                    None => continue,
                },
                RuleAction::TO_TABLE if !leads_to_table(rule) => Then::Ask,
                RuleAction::TO_TABLE if meets == Meets::Always => {
                    // A table that has found nothing finds nothing again.
                    let open = Member { realms: 0, ..Member::of(rule.table) };
                    let before = always.iter().map(|(_, member)| Member { realms: 0, ..*member });
                    if !before.into_iter().any(|member| member == open) {
                        always.push((index, member(rule)));
                    }
                    continue;
                }
                RuleAction::TO_TABLE => Then::Search(self.group(vec![member(rule)])),
                RuleAction::UNREACHABLE => Then::Refuse(place::UNREACHABLE),
                RuleAction::PROHIBIT => Then::Refuse(place::PROHIBITED),
                _ => Then::Refuse(place::INVALID),
            };
            match meets {
                Meets::Always => stages.push(Stage::Always(then, Some(index))),
                _ => select.push((index, then)),
            }
        }
        self.close_always(&mut always, &mut stages, &mut members_of);
        close_select(list, &mut select, &mut stages);
        let to_stage = |then: &mut Then| {
            if let Then::Goto(to) = then {
                *to = begins.get(to).copied().unwrap_or(usize::MAX);
            }
        };
        for stage in &mut stages {
            match stage {
                Stage::Always(then, _) => to_stage(then),
                Stage::Select(classes) => classes.thens_mut().for_each(to_stage),
            }
        }
        (stages, members_of)
    }

    /// Ends a run of tables that all flows search.
    fn close_always<I>(
        &mut self,
        always: &mut Vec<(usize, Member)>,
        stages: &mut Vec<Stage<I>>,
        members_of: &mut HashMap<Group, Vec<usize>>,
    ) {
        if !always.is_empty() {
            // Not shared: its rules are these.
            self.groups.push(always.iter().map(|&(_, member)| member).collect());
            let group = self.groups.len() - 1;
            members_of.insert(group, always.drain(..).map(|(rule, _)| rule).collect());
            stages.push(Stage::Always(Then::Search(group), None));
        }
    }
}

/// Ends a run of rules that some flows meet.
fn close_select<I: Hashing>(list: &[Rule<I>], select: &mut Vec<(usize, Then)>, stages: &mut Vec<Stage<I>>) {
    if !select.is_empty() {
        stages.push(Stage::Select(Classes::new(list, std::mem::take(select))));
    }
}

fn member<I>(rule: &Rule<I>) -> Member {
    let &Rule { table, suppress_prefixlen, suppress_ifgroup, realms, .. } = rule;
    Member { table, suppress_prefixlen, suppress_ifgroup, realms }
}

/// Whether a rule leads to a table that it names.
fn leads_to_table<I>(rule: &Rule<I>) -> bool {
    rule.action == RuleAction::TO_TABLE && !rule.l3mdev
}

/// Which flows meet a rule, as far as it is known here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Meets {
    Always,
    Never,
    Some,
}

impl Meets {
    fn of<I: Hashing>(rule: &Rule<I>, masters: &[u32]) -> Meets {
        // Flows name no egress device, and belong to no VRF.
        let no_iif = rule.iifname.is_some() && (rule.iif == 0 || masters.contains(&rule.iif));
        let fails = rule.oifname.is_some() || rule.l3mdev || no_iif;
        match fails {
            true if rule.invert => Meets::Always,
            true => Meets::Never,
            false if has_no_selector(rule) && rule.invert => Meets::Never,
            false if has_no_selector(rule) => Meets::Always,
            false => Meets::Some,
        }
    }
}

/// Whether a rule differs from one without selectors only in what it does, and in `not`.
pub(super) fn has_no_selector<I: Ip>(rule: &Rule<I>) -> bool {
    let Rule { action, goto, goto_resolved, permanent, protocol, invert, .. } = *rule;
    let Rule { suppress_prefixlen, suppress_ifgroup, realms, find_source, .. } = *rule;
    let open = Rule::lookup(rule.priority, rule.table);
    let does = Rule { action, goto, goto_resolved, permanent, protocol, ..open };
    *rule == Rule { suppress_prefixlen, suppress_ifgroup, realms, find_source, invert, ..does }
}
