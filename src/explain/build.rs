//! From events to an explanation: what both families have in common. What each
//! has of its own is [`super::build4`]'s and [`super::build6`]'s.

use std::collections::BTreeSet;

use fingerpost_engine::config::{Config, Rule};
use fingerpost_engine::lookup::cache::Cached6;
use fingerpost_engine::lookup::hash::Asker;
use fingerpost_engine::lookup::rules::{self, SelectorSet};
use fingerpost_engine::lookup::{Flow, Hashing};
use fingerpost_engine::trace::{Event, Event6, Purpose, RuleOutcome};
use fingerpost_engine::{Behaviour, Namespace, Time};
use fingerpost_iproute::Names;
use fingerpost_model::{RuleAction, TableId};
use fingerpost_net::{Errno, Family};

use super::question::{Question, ResolvedQuestion};
use super::report::{
    Explanation, Key, LookupReport, Outcome, PassedOverReport, RouteReport, RuleReport, RuleVerdict, SCHEMA,
    Step, TableReport,
};
use super::wording::{device, rule_text, selector_name, selector_values};
use super::{build4, build6};

/// Where a question is asked.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// The namespace.
    pub ns: &'a Namespace,
    /// The release's switches.
    pub behaviour: &'a Behaviour,
    /// The time.
    pub now: Time,
    /// The uid of questions that name none.
    pub uid: u32,
    /// Names of tables, protocols and the like.
    pub names: &'a Names,
    /// Who asks: a packet, or the pseudo packet of `ip route get`.
    pub asker: Asker,
    /// Which of several default routes counts as the last choice, from 0; a
    /// fresh host has made none.
    pub assumed_choice: Option<i32>,
    /// The decision that counts as cached with a nexthop object; none on a host
    /// that has sent nothing yet.
    pub assumed_cached: Option<(u32, Cached6)>,
}

/// What a family's lookups come to.
pub(super) struct Answer {
    pub lookups: Vec<LookupReport>,
    pub outcome: Outcome,
    /// What `ip route get` answers, where a packet can fare otherwise.
    pub route_get: Option<Outcome>,
    /// Nexthop objects of IPv6 whose cached decisions counted.
    pub objects: BTreeSet<u32>,
    pub unknown: Vec<String>,
    pub unverified: Vec<&'static str>,
}

/// Answers a question with its reasons.
pub fn explain(asked: Asked<'_>, question: &Question) -> Result<Explanation, String> {
    let answer = match question.resolve(&asked.ns.config, asked.uid)? {
        ResolvedQuestion::V4(resolved) => build4::answer(asked, &resolved),
        ResolvedQuestion::V6(resolved) => build6::answer(asked, &resolved),
    };
    Ok(explanation(asked, question, answer))
}

/// The lookups that a packet's events tell of; if `is_brief`, without the rules that did not
/// match. What is told before the first lookup is left out.
pub(crate) fn packet_lookups(asked: Asked<'_>, events: &[Event], is_brief: bool) -> Vec<LookupReport> {
    // Each of the packet's own lookups begins a part; others serve the one before them.
    let begin = |event: &Event| match event {
        Event::Begin { purpose, .. } => Some((Family::V4, is_own(*purpose))),
        Event::V6(Event6::Begin { purpose, .. }) => Some((Family::V6, is_own(*purpose))),
        _ => None,
    };
    let mut lookups = Vec::new();
    let first = events.iter().position(|event| begin(event).is_some());
    let mut rest = &events[first.unwrap_or(events.len())..];
    while let Some((family, _)) = rest.first().and_then(begin) {
        let other = |event: &Event| begin(event).is_some_and(|(of, is_own)| is_own || of != family);
        let end = rest[1..].iter().position(other).map_or(rest.len(), |at| at + 1);
        let (part, more) = rest.split_at(end);
        lookups.extend(match family {
            Family::V4 => build4::of_packet(asked, part, is_brief),
            Family::V6 => build6::of_packet(asked, part, is_brief),
        });
        rest = more;
    }
    lookups
}

/// Whether a lookup is for a packet's way, rather than one that serves it.
fn is_own(purpose: Purpose) -> bool {
    matches!(purpose, Purpose::Input | Purpose::Output)
}

/// An answer as an explanation.
pub(super) fn explanation(asked: Asked<'_>, question: &Question, answer: Answer) -> Explanation {
    Explanation {
        schema: SCHEMA,
        release: asked.behaviour.release.clone(),
        question: question.words(),
        asked: question.clone(),
        fib: None,
        lookups: answer.lookups,
        outcome: answer.outcome,
        route_get: answer.route_get.into_iter().collect(),
        objects: answer.objects,
        not_seen: Vec::new(),
        unknown: answer.unknown,
        unverified: answer.unverified,
        otherwise: Vec::new(),
    }
}

/// What the families have each of their own in what is shared here.
pub(super) trait Side: Hashing {
    /// The kernel function that searches a table.
    const SEARCH: &'static str;
    /// The rules.
    fn rules(config: &Config) -> &[Rule<Self>];
    /// The way that a table gives a flow, in words.
    fn way(asked: Asked<'_>, table: TableId, flow: &Flow<Self>) -> Option<String>;
}

/// Collects what lookups did.
pub(super) struct Builder<'a, I: Hashing> {
    pub asked: Asked<'a>,
    pub config: &'a Config,
    pub lookups: Vec<(LookupReport, Flow<I>)>,
    /// The lookup that events belong to.
    pub current: usize,
    /// Whether rules that do not match, or are not reached, are left out.
    pub is_brief: bool,
    /// The packet's own lookup, which others serve.
    pub own: usize,
    /// The report of the rule whose table is being searched.
    rule: Option<usize>,
    /// The rule that decided the current lookup, by position in the list.
    decided: Option<usize>,
    /// Whether something learned of the destination is the answer of the table searched last.
    pub learned: bool,
}

impl<'a, I: Side> Builder<'a, I> {
    pub fn new(asked: Asked<'a>) -> Self {
        let config = &asked.ns.config;
        Builder {
            asked,
            config,
            lookups: Vec::new(),
            current: 0,
            is_brief: false,
            own: 0,
            rule: None,
            decided: None,
            learned: false,
        }
    }

    /// Takes an event that both families' lookups have; others are left.
    pub fn event(&mut self, event: &Event) {
        match event {
            Event::NoCustomRules => self.report().rules_evaluated = false,
            Event::RuleSkipped { .. } if self.is_brief => {}
            Event::RuleSkipped { index, failing } => self.skipped(*index, *failing),
            Event::RuleTaken { index } => self.taken(*index),
            Event::RuleDone { index, outcome } => self.done(*index, *outcome),
            Event::Table { id } => {
                self.learned = false;
                self.table(*id);
            }
            Event::End { errno } => self.end(*errno),
            _ => {}
        }
    }

    pub fn begin(&mut self, why: Purpose, (purpose, function): (&'static str, &'static str), flow: &Flow<I>) {
        let report = LookupReport {
            purpose,
            function,
            key: key(self.config, why, flow),
            rules_evaluated: why != Purpose::OwnAddress,
            rules: Vec::new(),
            tables: Vec::new(),
            result: None,
            deciding_rule: None,
            error: None,
            hop: None,
            steps: Vec::new(),
        };
        self.current = self.lookups.len();
        if is_own(why) {
            self.own = self.current;
        }
        self.rule = None;
        self.lookups.push((report, flow.clone()));
    }

    fn end(&mut self, errno: Option<Errno>) {
        self.add_rules_not_reached();
        let report = &mut self.lookups[self.current].0;
        if let Some(errno) = errno {
            report.error = errno.name();
            report.hop = None;
        }
        report.result = match errno {
            Some(errno) => errno.name().map(str::to_string),
            None => report.tables.last().and_then(|t| t.route.as_ref()).map(|route| route.text.clone()),
        };
        self.rule = None;
    }

    pub fn finish(self) -> Vec<LookupReport> {
        self.lookups.into_iter().map(|(report, _)| report).collect()
    }

    pub fn report(&mut self) -> &mut LookupReport {
        &mut self.lookups[self.current].0
    }

    /// The flow of the lookup that events belong to.
    pub fn flow(&self) -> &Flow<I> {
        &self.lookups[self.current].1
    }

    /// Adds a remark to a lookup, if there is that one.
    pub fn step(&mut self, lookup: usize, about: &'static str, text: String, function: &'static str) {
        if let Some((report, _)) = self.lookups.get_mut(lookup) {
            report.steps.push(Step { about, text, function });
        }
    }

    fn push_rule(&mut self, index: usize, verdict: RuleVerdict) -> &mut RuleReport {
        let rule = &I::rules(self.config)[index];
        let report = RuleReport {
            pref: rule.priority,
            rule: rule_text(rule, self.asked.names),
            verdict,
            selector: None,
            rule_value: None,
            flow_value: None,
            failing: Vec::new(),
            detail: None,
            table: None,
        };
        let rules = &mut self.lookups[self.current].0.rules;
        rules.push(report);
        let last = rules.len() - 1;
        &mut rules[last]
    }

    fn skipped(&mut self, index: usize, failing: SelectorSet) {
        let rule = &I::rules(self.config)[index];
        let flow = self.lookups[self.current].1.clone();
        let config = self.config;
        let first = failing.iter().next();
        let values = first.map(|selector| selector_values(config, selector, rule, &flow));
        let report = self.push_rule(index, RuleVerdict::Skipped);
        report.failing = failing.iter().map(selector_name).collect();
        match (first, values) {
            (Some(selector), Some((rule_value, flow_value))) => {
                report.selector = Some(selector_name(selector));
                report.rule_value = Some(rule_value);
                report.flow_value = Some(flow_value);
            }
            _ => report.selector = Some("not"),
        }
    }

    fn taken(&mut self, index: usize) {
        self.push_rule(index, RuleVerdict::Found);
        self.rule = Some(self.report().rules.len() - 1);
    }

    fn done(&mut self, index: usize, outcome: RuleOutcome) {
        let rule = &I::rules(self.config)[index];
        let (verdict, detail) = match outcome {
            RuleOutcome::Found => {
                let detail = match rule.suppress_prefixlen {
                    ..0 => None,
                    suppressed => self.kept_detail(suppressed),
                };
                (RuleVerdict::Found, detail.or_else(|| self.found_source(rule)))
            }
            RuleOutcome::NoTable => (RuleVerdict::NoTable, Some("the table does not exist".into())),
            RuleOutcome::NoMatch => (RuleVerdict::NoMatch, None),
            RuleOutcome::OtherSource { source } => {
                let source = source.map_or("no source".into(), |source| format!("source {source}"));
                (
                    RuleVerdict::Suppressed,
                    Some(format!(
                        "discarded: by its route the packet would get {source}; the rule is for others"
                    )),
                )
            }
            RuleOutcome::SuppressedPrefix { len } => (
                RuleVerdict::Suppressed,
                Some(format!(
                    "discarded: /{len} is not longer than the suppressed /{}",
                    rule.suppress_prefixlen
                )),
            ),
            RuleOutcome::SuppressedGroup { group } => {
                (RuleVerdict::Suppressed, Some(format!("discarded: its device is in group {group}")))
            }
            RuleOutcome::Goto { to } => {
                let pref = I::rules(self.config)[to].priority;
                (RuleVerdict::Goto, Some(format!("continues at rule {pref}")))
            }
            RuleOutcome::GotoUnresolved => {
                (RuleVerdict::Unresolved, Some(format!("there is no rule {}", rule.goto)))
            }
            RuleOutcome::Nop => (RuleVerdict::Nop, None),
            RuleOutcome::Error(errno) => {
                let by_rule = rule.action != RuleAction::TO_TABLE;
                let name = errno.name().unwrap_or("error");
                let text = if by_rule {
                    format!("the rule itself ends the lookup: {name}")
                } else {
                    format!("its route ends the lookup: {name}")
                };
                (RuleVerdict::Error, Some(text))
            }
        };
        let decides = matches!(verdict, RuleVerdict::Found | RuleVerdict::Error);
        let report = self.report();
        let last = report.rules.len() - 1;
        report.rules[last].verdict = verdict;
        report.rules[last].detail = detail;
        if decides {
            report.deciding_rule = Some(last);
            self.decided = Some(index);
        }
        self.rule = None;
    }

    /// Rules after the deciding one, with what they would have given.
    fn add_rules_not_reached(&mut self) {
        let Some(decided) = self.decided.take().filter(|_| !self.is_brief) else { return };
        let flow = self.lookups[self.current].1.clone();
        let (asked, list) = (self.asked, I::rules(self.config));
        for (index, rule) in list.iter().enumerate().skip(decided + 1) {
            let detail = would_give(asked, rule, &flow);
            let report = self.push_rule(index, RuleVerdict::NotReached);
            report.detail = detail;
        }
    }

    fn table(&mut self, id: TableId) {
        let name = self.asked.names.table_name(id.0);
        let rule = self.rule;
        let report = self.report();
        report.hop = None;
        report.tables.push(TableReport {
            id: id.0,
            name,
            function: I::SEARCH,
            route: None,
            passed_over: Vec::new(),
            shorter: None,
        });
        let at = report.tables.len() - 1;
        if let Some(rule) = rule {
            report.rules[rule].table = Some(at);
        }
    }

    /// A route of the table that is being searched is not taken.
    pub fn passed(&mut self, route: String, reason: String) {
        if let Some(table) = self.report().tables.last_mut() {
            let passed = PassedOverReport { route, reason };
            // It can be looked at twice.
            if !table.passed_over.contains(&passed) {
                table.passed_over.push(passed);
            }
        }
    }

    /// Why a result under a suppressor was kept.
    fn kept_detail(&mut self, suppressed: i32) -> Option<String> {
        if self.learned {
            return Some(format!(
                "kept: what was learned of one address counts as a /128, longer than the suppressed /{suppressed}"
            ));
        }
        let len = self.report().tables.last()?.route.as_ref()?.prefix.split_once('/')?.1.to_string();
        Some(format!("kept: /{len} is longer than the suppressed /{suppressed}"))
    }

    /// What a rule has to say that waited for the packet's source (C-301).
    fn found_source(&self, rule: &Rule<I>) -> Option<String> {
        (rule.find_source && rule.src.1 != 0 && !self.flow().has_source)
            .then(|| "kept: by its route the packet gets a source that the rule is for".into())
    }

    /// The table that is being searched has its answer.
    pub fn route(&mut self, route: RouteReport) {
        if let Some(table) = self.report().tables.last_mut() {
            table.route = Some(route);
        }
    }
}

/// What a rule that was not reached would have done.
fn would_give<I: Side>(asked: Asked<'_>, rule: &Rule<I>, flow: &Flow<I>) -> Option<String> {
    let config = &asked.ns.config;
    let is_l3 = |dev: u32| config.links.get(dev).is_some_and(|link| link.vrf_table().is_some());
    if rules::failing(rule, flow, is_l3).is_empty() == rule.invert || rule.action != RuleAction::TO_TABLE {
        return None;
    }
    I::way(asked, rule.table, flow).map(|way| format!("would give {way}"))
}

fn key<I: Hashing>(config: &Config, why: Purpose, flow: &Flow<I>) -> Key {
    let name = |index: u32| (index != 0).then(|| device(config, index));
    let received = matches!(why, Purpose::Input);
    Key {
        to: flow.dst.to_string(),
        from: (flow.src != I::ZERO).then(|| flow.src.to_string()),
        iif: if received || flow.iif > 1 { name(flow.iif) } else { None },
        oif: name(flow.oif),
        vrf: name(flow.l3mdev),
        mark: flow.mark,
        tos: flow.dscp,
        uid: flow.uid,
        ipproto: flow.proto,
        sport: flow.sport,
        dport: flow.dport,
        flowlabel: flow.flowlabel,
    }
}
