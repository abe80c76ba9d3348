//! From questions in numbers to rows in numbers.
//!
//! A row says what `explain` says of the same question, without the reasons. The
//! engine's lookups alone tell it of most questions; where an answer turns on more
//! (legs among which an unknown hash chooses, what no dump shows, what is not
//! modelled), `explain` itself is asked.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use fingerpost_engine::config::Config;
use fingerpost_engine::lookup::cache::RouteCache;
use fingerpost_engine::lookup::{
    Decision, Decision6, Input, Output, input4, input6, output4, receive6, socket6, table6,
};
use fingerpost_engine::trace::{Event, Event6, Purpose, RuleOutcome, Sink, Tracer};
use fingerpost_engine::{Env, State};
use fingerpost_model::snapshot::Netns;
use fingerpost_model::{RouteType, TableId};
use fingerpost_net::{Errno, IpPrefix};

use super::bulk::Bulk;
use crate::explain::{self, Asked, Explanation, MAX_DEFAULTS, Outcome, Resolved, ResolvedQuestion};
use crate::rules6::are_unclear;

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A packet made here leaves by a device.
    Sent,
    /// A received packet leaves by a device.
    Forwarded,
    /// It is for this host.
    Delivered,
    /// A received packet is dropped, or one made here after its lookup.
    Dropped,
    /// A packet made here cannot be sent.
    Refused,
    /// Something decides that is not modelled or could not be found out.
    Unknown,
}

/// The answer to one question, in numbers. What is absent is not there, or differs
/// among legs of which an unknown hash chooses one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// What becomes of the packet.
    pub verdict: Verdict,
    /// The device that it leaves by, or loopback.
    pub device: Option<u32>,
    /// The gateway.
    pub gateway: Option<IpAddr>,
    /// The source address that a packet made here gets, or has.
    pub source: Option<IpAddr>,
    /// The table that decided.
    pub table: Option<TableId>,
    /// The preference of the rule that ended the packet's own lookup.
    pub rule: Option<u32>,
    /// The prefix of the route that this lookup found, even one that answers with an error.
    pub route: Option<IpPrefix>,
}

impl Row {
    /// A row without anything but its verdict.
    pub(super) fn bare(verdict: Verdict) -> Self {
        Row { verdict, device: None, gateway: None, source: None, table: None, rule: None, route: None }
    }
}

/// Answers questions about one namespace, on any number of threads.
pub struct Answerer<'a> {
    asked: Asked<'a>,
    /// What was found out about the namespace when it was captured.
    netns: Option<&'a Netns>,
    /// What was learned of destinations; no decision is cached.
    learned: State,
    /// Copies of that, which no thread uses now.
    spare: Mutex<Vec<State>>,
    doubts: Doubts,
    /// How many questions were answered without compiled decisions.
    answered: AtomicUsize,
    /// Compiled decisions, made when there have been many questions.
    bulk: OnceLock<Bulk>,
}

/// So many questions are answered without compiled decisions, which take as long to make.
const FEW: usize = 50_000;

/// What makes the lookup's own answers insufficient, since it is not known or
/// happens by chance.
struct Doubts {
    /// Of IPv4 packets made here.
    made_here: bool,
    /// Of IPv4 packets received.
    received: bool,
    /// How many equal default routes of IPv4 there can be, when it is not known which was used last.
    defaults: i32,
    /// Of IPv6.
    six: bool,
    /// Whether decisions cached with nexthop objects of IPv6 are not known.
    objects6: bool,
    /// Whether addresses of IPv6 that sources are chosen from are yet to come, made at random.
    temporary6: bool,
    /// Addresses that stand for others, which Linux makes at random.
    invented6: Vec<Ipv6Addr>,
}

impl Doubts {
    fn of(config: &Config, netns: Option<&Netns>) -> Self {
        let unless_known = |known: fn(&Netns) -> bool| netns.is_some_and(|netns| !known(netns));
        let merged = unless_known(|netns| netns.custom_rules.is_some()) && !config.fib.has_custom_rules;
        let defaults = config.fib.tables.iter().map(|table| table.defaults).max().unwrap_or(0);
        let mut hops6 = config.fib6.tables.iter().flat_map(|table| table.routes());
        Doubts {
            made_here: merged,
            received: merged
                || unless_known(|netns| netns.custom_local_routes.is_some() && netns.realm_users.is_some()),
            defaults: match netns {
                Some(_) if defaults > 1 => defaults.min(MAX_DEFAULTS) as i32,
                _ => 0,
            },
            six: unless_known(|netns| netns.custom_rules6.is_some()) && are_unclear(config)
                || hops6.any(|route| table6::hops(config, route).any(|hop| hop.encap.is_some())),
            objects6: netns.is_some(),
            temporary6: explain::temporary_to_come(config).is_some(),
            invented6: config
                .links
                .in_order()
                .flat_map(|link| link.ipv6.iter().flat_map(|ipv6| &ipv6.addrs))
                .filter(|addr| addr.invented)
                .map(|addr| addr.addr)
                .collect(),
        }
    }
}

impl<'a> Answerer<'a> {
    /// Answers where `asked` says; with `netns`, what is not known of the namespace makes
    /// answers unknown that turn on it.
    pub fn new(asked: Asked<'a>, netns: Option<&'a Netns>) -> Self {
        let learned = State { cache: RouteCache::default(), ..asked.ns.state.clone() };
        Answerer {
            asked,
            netns,
            learned,
            spare: Mutex::default(),
            doubts: Doubts::of(&asked.ns.config, netns),
            answered: AtomicUsize::new(0),
            bulk: OnceLock::new(),
        }
    }

    /// Where the questions are asked.
    pub fn asked(&self) -> Asked<'a> {
        self.asked
    }

    /// Adds a row for each of the questions, in their order.
    pub fn answer(&self, questions: &[ResolvedQuestion], rows: &mut Vec<Row>) {
        let mut state = self.state();
        let mut compiled = self.bulk(questions.len()).map(|bulk| bulk.rows(&self.asked.ns.config, questions));
        rows.extend(questions.iter().enumerate().map(|(n, question)| {
            let compiled = compiled.as_mut().and_then(|rows| rows[n].take());
            let row = compiled.filter(|row| !self.is_doubtful(question, row)).or_else(|| match question {
                ResolvedQuestion::V4(question) => self.looked_up4(question, &mut state),
                ResolvedQuestion::V6(question) => self.looked_up6(question, &mut state),
            });
            row.unwrap_or_else(|| self.explained(question))
        }));
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).push(state);
    }

    /// Compiled decisions, once so many questions have been answered that they are worth
    /// making; the first thread that finds so makes them, and others go on meanwhile.
    fn bulk(&self, questions: usize) -> Option<&Bulk> {
        if let Some(bulk) = self.bulk.get() {
            return Some(bulk);
        }
        let before = self.answered.fetch_add(questions, Ordering::Relaxed);
        let is_first = before < FEW && before + questions >= FEW;
        is_first.then(|| self.bulk.get_or_init(|| Bulk::new(self.asked.ns, self.env())))
    }

    /// Makes compiled decisions at once, whatever the number of questions.
    pub fn compile(&self) {
        self.bulk.get_or_init(|| Bulk::new(self.asked.ns, self.env()));
    }

    /// Whether something that is not known can change a compiled row: then the lookup
    /// itself is asked, which sees more.
    fn is_doubtful(&self, question: &ResolvedQuestion, row: &Row) -> bool {
        let doubts = &self.doubts;
        let by_default = row.route.is_some_and(|route| route.len == 0);
        match question {
            ResolvedQuestion::V4(question) if question.iif != 0 => doubts.received,
            ResolvedQuestion::V4(_) => doubts.made_here || doubts.defaults > 0 && by_default,
            ResolvedQuestion::V6(question) => {
                let by_chance = || match row.source {
                    Some(IpAddr::V6(source)) => doubts.temporary6 || doubts.invented6.contains(&source),
                    _ => false,
                };
                doubts.six || question.iif == 0 && !question.has_source() && by_chance()
            }
        }
    }

    /// A state for lookups, which leave nothing in it that counts.
    fn state(&self) -> State {
        let spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
        spare.unwrap_or_else(|| self.learned.clone())
    }

    /// The row that the lookup alone tells; `None` where `explain` has to be asked.
    pub fn looked_up(&self, question: &ResolvedQuestion) -> Option<Row> {
        let mut state = self.state();
        match question {
            ResolvedQuestion::V4(question) => self.looked_up4(question, &mut state),
            ResolvedQuestion::V6(question) => self.looked_up6(question, &mut state),
        }
    }

    /// Why the answer to a question is unknown; `None` if it is not.
    pub fn why_unknown(&self, question: &ResolvedQuestion) -> Option<String> {
        let explanation = match self.explain(question) {
            Ok(explanation) => explanation,
            Err(why) => return Some(why),
        };
        let otherwise = || {
            let other = explanation.otherwise.first()?;
            Some(format!("{}; {}: {}", explanation.outcome.text, other.when, other.outcome.text))
        };
        explanation.unknown.first().cloned().or_else(otherwise)
    }

    fn explain(&self, question: &ResolvedQuestion) -> Result<Explanation, String> {
        let question = question.question(&self.asked.ns.config);
        let mut explanation = explain::explain(self.asked, &question)?;
        if let Some(netns) = self.netns {
            explain::add_alternatives(self.asked, netns, &question, &mut explanation)?;
        }
        Ok(explanation)
    }

    fn explained(&self, question: &ResolvedQuestion) -> Row {
        match self.explain(question) {
            Ok(explanation) => of_explanation(&self.asked.ns.config, &explanation),
            Err(_) => Row::bare(Verdict::Unknown),
        }
    }

    fn env(&self) -> Env<'a> {
        Env { behaviour: self.asked.behaviour, now: self.asked.now }
    }

    fn looked_up4(&self, question: &Resolved<Ipv4Addr>, state: &mut State) -> Option<Row> {
        let received = question.iif != 0;
        let doubtful = if received { self.doubts.received } else { self.doubts.made_here };
        // Which groups sockets have joined is not always known.
        let group = received && question.dst.is_multicast() && !self.asked.ns.config.links.groups_known;
        if doubtful || group {
            return None;
        }
        let mut trace = Trace::default();
        let decision = self.resolve4(question, None, state, &mut Tracer::on(&mut trace));
        if trace.open {
            return None;
        }
        if !received && trace.route.is_some_and(|route| route.len == 0) {
            for choice in 0..self.doubts.defaults {
                if self.resolve4(question, Some(choice), state, &mut Tracer::off()) != decision {
                    return None;
                }
            }
        }
        let config = &self.asked.ns.config;
        let found = trace.found(|index| config.rules.list.get(index).map(|rule| rule.priority));
        let Some(decision) = decision else {
            let verdict = if received { Verdict::Dropped } else { Verdict::Refused };
            return Some(found.row(verdict));
        };
        let verdict = verdict4(received, &decision);
        if verdict == Verdict::Dropped {
            return Some(found.row(verdict));
        }
        if decision.result.and_then(|result| result.hop(config)).is_some_and(|hop| hop.encap.is_some()) {
            return None;
        }
        Some(Row {
            device: Some(decision.dev),
            gateway: decision.gateway,
            source: (!received).then_some(decision.source.into()),
            table: decision.result.map(|result| result.table),
            ..found.row(verdict)
        })
    }

    /// The decision on a fresh host; `choice` is the default route that counts as used last.
    fn resolve4(
        &self,
        question: &Resolved<Ipv4Addr>,
        choice: Option<i32>,
        state: &mut State,
        tracer: &mut Tracer<'_>,
    ) -> Option<Decision> {
        forget(&mut state.cache);
        state.cache.assumed_choice = choice;
        let (config, asker) = (&self.asked.ns.config, self.asked.asker);
        match question.iif {
            0 => output4::resolve(config, state, self.env(), &mut question.flow(), asker, tracer).ok(),
            _ => input4::resolve(config, state, self.env(), &question.packet(asker), tracer).ok(),
        }
    }

    fn looked_up6(&self, question: &Resolved<Ipv6Addr>, state: &mut State) -> Option<Row> {
        let config = &self.asked.ns.config;
        let received = question.iif != 0;
        let dst = question.dst;
        let group = received && dst.is_multicast() && !receive6::joined(config, question.iif, dst);
        if self.doubts.six || group {
            return None;
        }
        if received && receive6::refused(config, question.iif, question.src, question.dst).is_some() {
            return Some(Row::bare(Verdict::Dropped));
        }
        let mut trace = Trace::default();
        let tracer = &mut Tracer::on(&mut trace);
        forget(&mut state.cache);
        let decision = match received {
            true => input6::receive(config, state, self.env(), &mut question.received(false), false, tracer),
            false => socket6::resolve(config, state, self.env(), &mut question.flow(), tracer),
        };
        if trace.open || self.doubts.objects6 && !state.cache.objects6.is_empty() {
            return None;
        }
        let found = trace.found(|index| config.rules6.list.get(index).map(|rule| rule.priority));
        let Ok(decision) = decision else {
            let verdict = if received { Verdict::Dropped } else { Verdict::Refused };
            return Some(found.row(verdict));
        };
        let doubts = &self.doubts;
        let by_chance = || doubts.temporary6 || doubts.invented6.contains(&decision.source);
        if !received && !question.has_source() && by_chance() {
            return None;
        }
        let source = Some(decision.source).filter(|source| !received && !source.is_unspecified());
        Some(Row {
            device: Some(decision.dev),
            gateway: decision.gateway.map(IpAddr::V6),
            source: source.map(IpAddr::V6),
            table: Some(decision.found.route.table),
            ..found.row(verdict6(config, question, &decision))
        })
    }
}

/// Forgets what the question before has cached; the maps keep their room.
fn forget(cache: &mut RouteCache) {
    let RouteCache { output, input, objects6, legs6, sources, default_choice, assumed_choice } = cache;
    output.clear();
    input.clear();
    objects6.clear();
    legs6.clear();
    sources.clear();
    default_choice.clear();
    *assumed_choice = None;
}

/// The fate of an IPv4 packet whose way is known.
pub(super) fn verdict4(received: bool, decision: &Decision) -> Verdict {
    match (received, decision.input) {
        _ if decision.error.is_some() => Verdict::Dropped,
        (true, Input::Forward | Input::MulticastRoute) => Verdict::Forwarded,
        (true, _) => Verdict::Delivered,
        (false, _) if decision.kind == RouteType::LOCAL => Verdict::Delivered,
        (false, _) => Verdict::Sent,
    }
}

/// The fate of a packet whose way is known.
pub(super) fn verdict6(config: &Config, question: &Resolved<Ipv6Addr>, decision: &Decision6) -> Verdict {
    if decision.output == Output::Discard || !decision.is_input && !decision.may_leave(config) {
        return Verdict::Dropped;
    }
    match (question.iif, decision.input) {
        (0, Input::LocalDeliver) => Verdict::Delivered,
        (0, _) => Verdict::Sent,
        (iif, Input::Forward) => match receive6::forward(config, iif, decision.dev, question.src) {
            Ok(()) => Verdict::Forwarded,
            Err(_) => Verdict::Dropped,
        },
        _ => Verdict::Delivered,
    }
}

/// What is remembered of a lookup's events: the rule that ended the packet's own, and
/// the route that it found.
#[derive(Default)]
struct Trace {
    /// Whether the events are those of another lookup, such as the one for the way back.
    elsewhere: bool,
    /// The position of the rule.
    decided: Option<usize>,
    route: Option<IpPrefix>,
    /// Whether a leg or a source is possible besides the one that was chosen.
    open: bool,
}

impl Trace {
    fn begin(&mut self, purpose: Purpose) {
        self.elsewhere = !matches!(purpose, Purpose::Output | Purpose::Input);
        if !self.elsewhere {
            (self.decided, self.route) = (None, None);
        }
    }

    fn route(&mut self, prefix: impl Into<IpPrefix>, errno: Option<Errno>) {
        // A `throw` route ends nothing.
        self.route = (errno != Some(Errno::EAGAIN)).then(|| prefix.into());
    }

    fn found(&self, priority: impl Fn(usize) -> Option<u32>) -> Found {
        Found { rule: self.decided.and_then(priority), route: self.route }
    }
}

impl Sink for Trace {
    fn event(&mut self, event: Event) {
        match event {
            Event::Begin { purpose, .. } | Event::V6(Event6::Begin { purpose, .. }) => self.begin(purpose),
            Event::End { .. } => self.elsewhere = false,
            Event::Path { shares, .. } => self.open |= shares.len() > 1,
            Event::V6(Event6::Path(path)) => self.open |= path.shares.len() > 1,
            Event::V6(Event6::SourceByChance { .. }) => self.open = true,
            _ if self.elsewhere => {}
            Event::Table { .. } | Event::RuleTaken { .. } => self.route = None,
            Event::RouteTaken { prefix, .. } => self.route(prefix, None),
            Event::RouteError { prefix, errno, .. } => self.route(prefix, Some(errno)),
            Event::V6(Event6::RouteTaken { route, .. }) => self.route(route.dst, None),
            Event::V6(Event6::RouteError { route, errno }) => self.route(route.dst, Some(errno)),
            Event::RuleDone { index, outcome: RuleOutcome::Found | RuleOutcome::Error(_) } => {
                self.decided = Some(index);
            }
            Event::RuleDone { .. } => self.route = None,
            // What the lookup came to does not count.
            Event::AssumedOnLink { .. } => (self.decided, self.route) = (None, None),
            _ => {}
        }
    }
}

/// The rule and the route that a lookup came to.
struct Found {
    rule: Option<u32>,
    route: Option<IpPrefix>,
}

impl Found {
    fn row(self, verdict: Verdict) -> Row {
        Row { rule: self.rule, route: self.route, ..Row::bare(verdict) }
    }
}

/// What an explanation says, as a row.
fn of_explanation(config: &Config, explanation: &Explanation) -> Row {
    if !explanation.unknown.is_empty() || !explanation.otherwise.is_empty() {
        return Row::bare(Verdict::Unknown);
    }
    let Outcome { verdict, dev, gateway, source, table, .. } = &explanation.outcome;
    let verdict = match verdict {
        explain::Verdict::Sent => Verdict::Sent,
        explain::Verdict::Forwarded => Verdict::Forwarded,
        explain::Verdict::Delivered => Verdict::Delivered,
        explain::Verdict::Dropped => Verdict::Dropped,
        explain::Verdict::Refused => Verdict::Refused,
        // Only firewalls are told these.
        explain::Verdict::Found
        | explain::Verdict::Missing
        | explain::Verdict::Queued
        | explain::Verdict::Connected
        | explain::Verdict::Unknown => Verdict::Unknown,
    };
    let addr = |text: &Option<String>| text.as_ref().and_then(|text| text.parse().ok());
    let device = dev.as_ref().and_then(|name| config.links.find(name)).map(|link| link.index());
    let found = found(explanation).unwrap_or(Found { rule: None, route: None });
    Row {
        device,
        gateway: addr(gateway),
        source: addr(source),
        table: table.map(TableId),
        ..found.row(verdict)
    }
}

/// The rule and the route that the packet's own lookup came to.
fn found(explanation: &Explanation) -> Option<Found> {
    let lookup =
        explanation.lookups.iter().rev().find(|lookup| ["output", "input"].contains(&lookup.purpose))?;
    if lookup.steps.iter().any(|step| step.about == "on-link") {
        return None;
    }
    let rule = lookup.deciding_rule.and_then(|at| lookup.rules.get(at));
    let table = match lookup.rules_evaluated {
        true => rule.and_then(|rule| lookup.tables.get(rule.table?)),
        false => lookup.tables.last(),
    };
    let throws = |error: &Option<String>| error.as_deref() == Errno::EAGAIN.name();
    let route = table.and_then(|table| table.route.as_ref()).filter(|route| !throws(&route.error));
    let route = route.and_then(|route| {
        let (addr, len) = route.prefix.split_once('/')?;
        Some(IpPrefix { addr: addr.parse().ok()?, len: len.parse().ok()? })
    });
    Some(Found { rule: rule.map(|rule| rule.pref), route })
}
