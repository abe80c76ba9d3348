//! From events to an explanation.

use std::net::Ipv4Addr;

use fingerpost_engine::config::{Alias, Config, Rule};
use fingerpost_engine::lookup::cache::RouteCache;
use fingerpost_engine::lookup::hash::Asker;
use fingerpost_engine::lookup::rules::{self, SelectorSet};
use fingerpost_engine::lookup::{Decision, DropReason, Flow4, input4, output4, source, table};
use fingerpost_engine::trace::{
    Event, FullCheckCause, PassedOver, PathReason, Purpose, RuleOutcome, SourceReason, Tracer, Validation,
};
use fingerpost_engine::{Behaviour, Env, Namespace, Time};
use fingerpost_iproute::Names;
use fingerpost_model::{RouteType, RuleAction, TableId};
use fingerpost_net::{Errno, Prefix};

use super::outcome;
use super::question::{Question, Resolved};
use super::report::{
    Explanation, Key, LookupReport, PassedOverReport, RouteReport, RuleReport, RuleVerdict, SCHEMA, Step,
    TableReport, purpose,
};
use super::wording::{
    device, hop_text, kind_name, route_text, rule_text, scope_name, selector_name, selector_values,
};

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
}

/// How the lookups ended.
pub(super) enum Ending {
    /// With a decision.
    Decided(Box<Decision>),
    /// A packet made here is refused.
    Refused(Errno),
    /// A received packet is dropped.
    Dropped(DropReason),
}

/// Answers a question with its reasons.
pub fn explain(asked: Asked<'_>, question: &Question) -> Result<Explanation, String> {
    let config = &asked.ns.config;
    let resolved = question.resolve(config, asked.uid)?;
    let (events, ending) = ask(asked, &resolved);
    let mut builder = Builder {
        config,
        names: asked.names,
        lookups: Vec::new(),
        current: 0,
        rule: None,
        decided: None,
        shares: Vec::new(),
        leaves_by: match &ending {
            Ending::Decided(decision) => decision.dev,
            _ => 0,
        },
        assumed: false,
    };
    for event in &events {
        builder.event(event);
    }
    let mut refused_for = None;
    match &ending {
        Ending::Decided(decision) => builder.gateway(decision),
        Ending::Refused(errno) => refused_for = builder.refused(&resolved, *errno),
        Ending::Dropped(_) => {}
    }
    let shares = std::mem::take(&mut builder.shares);
    let lookups = builder.finish();
    let outcome = outcome::outcome(asked, &resolved, &ending, &lookups, &shares, refused_for);
    let unknown = outcome::unknown(asked, &ending);
    let unverified = outcome::unverified(asked, &resolved, &ending);
    Ok(Explanation {
        schema: SCHEMA,
        release: asked.behaviour.release.clone(),
        question: question.words(),
        asked: question.clone(),
        lookups,
        outcome,
        not_seen: Vec::new(),
        unknown,
        unverified,
        otherwise: Vec::new(),
    })
}

/// Makes the lookups on a copy of the state: a question leaves nothing behind,
/// and nothing that ran before colours the answer.
fn ask(asked: Asked<'_>, resolved: &Resolved) -> (Vec<Event>, Ending) {
    let mut events = Vec::new();
    let mut state = asked.ns.state.clone();
    state.cache = RouteCache { assumed_choice: asked.assumed_choice, ..RouteCache::default() };
    let env = Env { behaviour: asked.behaviour, now: asked.now };
    let config = &asked.ns.config;
    let mut tracer = Tracer::on(&mut events);
    let ending = if resolved.iif != 0 {
        match input4::resolve(config, &mut state, env, &resolved.packet(asked.asker), &mut tracer) {
            Ok(decision) => Ending::Decided(Box::new(decision)),
            Err(reason) => Ending::Dropped(reason),
        }
    } else {
        let mut flow = resolved.flow();
        match output4::resolve(config, &mut state, env, &mut flow, asked.asker, &mut tracer) {
            Ok(decision) => Ending::Decided(Box::new(decision)),
            Err(errno) => Ending::Refused(errno),
        }
    };
    (events, ending)
}

struct Builder<'a> {
    config: &'a Config,
    names: &'a Names,
    lookups: Vec<(LookupReport, Flow4)>,
    /// The lookup that events belong to.
    current: usize,
    /// The report of the rule whose table is being searched.
    rule: Option<usize>,
    /// The rule that decided the current lookup, by position in the list.
    decided: Option<usize>,
    /// Hops that are possible, when a hash with an unknown seed chooses.
    shares: Vec<(usize, u64)>,
    /// The device of the decision, 0 without one.
    leaves_by: u32,
    /// Whether the destination counts as on the demanded device's link.
    assumed: bool,
}

impl Builder<'_> {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Begin { purpose, flow } => self.begin(*purpose, flow),
            Event::End { errno } => self.end(*errno),
            Event::NoCustomRules => self.report().rules_evaluated = false,
            Event::RuleSkipped { index, failing } => self.skipped(*index, *failing),
            Event::RuleTaken { index } => self.taken(*index),
            Event::RuleDone { index, outcome } => self.done(*index, *outcome),
            Event::Table { id } => self.table(*id),
            Event::RoutePassed { prefix, alias, why } => self.passed(*prefix, alias, *why),
            Event::RouteTaken { prefix, alias, .. } => self.route(*prefix, alias, None),
            Event::RouteError { prefix, alias, errno } => self.route(*prefix, alias, Some(*errno)),
            Event::TableMiss { .. } => {}
            Event::Path { info, hop, hash, why, shares } => {
                if shares.len() > 1 {
                    self.shares = shares.clone();
                }
                let hops = self.config.hops(self.config.fib.info(*info));
                let chosen =
                    hops.get(*hop).map_or(String::new(), |h| hop_text(self.config, h.gateway, h.dev));
                let by = match (why, hash) {
                    (PathReason::Hash, Some(hash)) => format!("hash {hash:#x} falls into its share"),
                    (PathReason::OwnSource, _) => "its own source address is the packet's".into(),
                    (PathReason::Fallback, _) => "the others' neighbours cannot be reached".into(),
                    (PathReason::FirstUsable, _) => "no hop counts; the first usable one stays".into(),
                    (PathReason::Device, _) => "it is on the demanded device".into(),
                    (_, None) => "the hash seed is not known: any leg is possible".into(),
                };
                self.step("path", format!("{chosen}, one of {}: {by}", hops.len()), "fib_select_multipath");
            }
            Event::DefaultChosen { from, to } => {
                let gateway = |info| {
                    let hop = self.config.hops(self.config.fib.info(info)).get(0);
                    hop.map_or(String::new(), |h| hop_text(self.config, h.gateway, h.dev))
                };
                let text =
                    format!("{} instead of {}, whose gateway does not answer", gateway(*to), gateway(*from));
                self.step("default", text, "fib_select_default");
            }
            Event::Source { addr, why } => self.source(*addr, *why),
            Event::AssumedOnLink { dev, errno } => {
                self.assumed = true;
                let text = format!(
                    "no usable route ({}), but {} is demanded: the destination counts as on its link",
                    errno.name().unwrap_or("error"),
                    device(self.config, *dev)
                );
                self.step("on-link", text, "ip_route_output_key_hash_rcu");
            }
            Event::ValidateFast { own, accept_local } => {
                let text = match (own, accept_local) {
                    (true, _) => "the source is an own address and accept_local is off",
                    (false, true) => "accept_local is on and rp_filter off: no check",
                    (false, false) => "rp_filter is off and the source is no own address",
                };
                self.step("reverse path", text.into(), "fib_validate_source");
            }
            Event::ValidateFull { rp_filter, cause } => {
                let mode = match rp_filter {
                    0 => "off",
                    1 => "strict",
                    _ => "loose",
                };
                let cause = match cause {
                    FullCheckCause::RpFilter => {
                        format!("rp_filter is {mode} (the larger of all and the device)")
                    }
                    FullCheckCause::Realms => "some route or rule has realms".into(),
                    FullCheckCause::Redirects => "the packet would leave by its ingress device".into(),
                    FullCheckCause::CustomLocalRoutes => "a local route was added by hand".into(),
                    FullCheckCause::CustomRules => "rules were changed".into(),
                };
                self.step("reverse path", format!("full check: {cause}"), "fib_validate_source");
            }
            Event::ValidateDone(validation) => self.validated(*validation),
            // Questions are IPv4's.
            Event::Dropped { .. } | Event::V6(_) => {}
            Event::Cached { kind } => {
                let text = format!("type {} of an earlier decision through this hop", kind_name(*kind));
                self.step("cache", text, "rt_cache_valid");
            }
        }
    }

    /// Says why a packet made here is refused before, or after, any rule was tried.
    fn refused(&mut self, question: &Resolved, errno: Errno) -> Option<String> {
        let (config, src) = (self.config, question.src);
        let first = &self.lookups.first()?.0;
        let tried = !first.rules.is_empty() || !first.tables.is_empty();
        let given = !src.is_unspecified();
        let link = config.links.get(question.oif);
        let (text, function) = if given && errno == Errno::EINVAL && !tried {
            (format!("{src} can be no packet's source"), "ip_route_output_key_hash_rcu")
        } else if given && errno == Errno::EINVAL && src.is_loopback() {
            (format!("{src} does not leave this host (route_localnet is off)"), "__mkroute_output")
        } else if tried || errno != Errno::ENETUNREACH {
            return None;
        } else if given && source::find_owner(config, src, &mut Tracer::off()).is_none() {
            (format!("{src} is no address of this host"), "__ip_dev_find")
        } else {
            let link = link?;
            let why = if link.is_up() { "does not carry IPv4" } else { "is down" };
            (format!("{} {why}", link.name()), "ip_route_output_key_hash_rcu")
        };
        let about = if function == "ip_route_output_key_hash_rcu" && !given { "device" } else { "source" };
        self.step(about, text.clone(), function);
        Some(text)
    }

    /// The device for which a source was looked for: the one demanded while no route
    /// is known, the VRF when the route leads out of it, else the route's.
    fn source_device(&self) -> u32 {
        let Some((first, flow)) = self.lookups.first() else { return 0 };
        let links = &self.config.links;
        if first.tables.is_empty() || self.assumed {
            return flow.oif;
        }
        let vrf = links.l3_master(flow.oif);
        if vrf != 0 && links.l3_master(self.leaves_by) != vrf { vrf } else { self.leaves_by }
    }

    /// Whose address was borrowed, and for which device.
    fn borrowed(&self, addr: Ipv4Addr) -> String {
        let links = &self.config.links;
        let index = self.source_device();
        let domain = links.l3_master(index);
        let has = |link: &&fingerpost_engine::config::Link| {
            let addrs = link.ipv4.as_ref().map(|ipv4| &ipv4.addrs);
            link.index() != index && addrs.is_some_and(|addrs| addrs.iter().any(|a| a.local == addr))
        };
        let same = |link: &&fingerpost_engine::config::Link| links.l3_master(link.index()) == domain;
        let lender = links.get(domain).filter(has).or_else(|| links.in_order().filter(same).find(has));
        let lender = lender.map_or("another device", |link| link.name());
        let own = links.ipv4(index).is_some_and(|ipv4| !ipv4.addrs.is_empty());
        let none = if own { "none that fits" } else { "none" };
        format!("{addr}: borrowed from {lender}, since {} has {none}", device(self.config, index))
    }

    /// Says why a route's gateway is not where the packet goes.
    fn gateway(&mut self, decision: &Decision) {
        let hop = decision.result.as_ref().and_then(|result| result.hop(self.config));
        if let Some((hop, gateway)) = hop.and_then(|hop| Some((hop, hop.gateway4()?)))
            && decision.kind == RouteType::UNICAST
            && decision.gateway.is_none()
            && self.shares.is_empty()
        {
            let scope = scope_name(hop.scope);
            let text = format!(
                "{gateway} is not used: when the route was made, it was not on a link but behind a route of \
                 scope {scope}, as own addresses are"
            );
            self.step("gateway", text, "rt_set_nexthop");
        }
    }

    fn begin(&mut self, why: Purpose, flow: &Flow4) {
        let (purpose, function) = purpose(why);
        let report = LookupReport {
            purpose,
            function,
            key: key(self.config, why, flow),
            rules_evaluated: why != Purpose::OwnAddress,
            rules: Vec::new(),
            tables: Vec::new(),
            result: None,
            deciding_rule: None,
            steps: Vec::new(),
        };
        self.current = self.lookups.len();
        self.rule = None;
        self.lookups.push((report, flow.clone()));
    }

    fn end(&mut self, errno: Option<Errno>) {
        self.add_rules_not_reached();
        let report = &mut self.lookups[self.current].0;
        report.result = match errno {
            Some(errno) => errno.name().map(str::to_string),
            None => report.tables.last().and_then(|t| t.route.as_ref()).map(|route| route.text.clone()),
        };
        // What follows is the packet's own again.
        self.current = 0;
        self.rule = None;
    }

    fn finish(self) -> Vec<LookupReport> {
        self.lookups.into_iter().map(|(report, _)| report).collect()
    }

    fn report(&mut self) -> &mut LookupReport {
        &mut self.lookups[self.current].0
    }

    fn step(&mut self, about: &'static str, text: String, function: &'static str) {
        if let Some((report, _)) = self.lookups.first_mut() {
            report.steps.push(Step { about, text, function });
        }
    }

    fn push_rule(&mut self, index: usize, verdict: RuleVerdict) -> &mut RuleReport {
        let rule = &self.config.rules.list[index];
        let report = RuleReport {
            pref: rule.priority,
            rule: rule_text(rule, self.names),
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
        let rule = &self.config.rules.list[index];
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
        let rule = &self.config.rules.list[index];
        let (verdict, detail) = match outcome {
            RuleOutcome::Found => {
                (RuleVerdict::Found, kept_detail(self.report().tables.last(), rule.suppress_prefixlen))
            }
            RuleOutcome::NoTable => (RuleVerdict::NoTable, Some("the table does not exist".into())),
            RuleOutcome::NoMatch => (RuleVerdict::NoMatch, None),
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
                let pref = self.config.rules.list[to].priority;
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
        let Some(decided) = self.decided.take() else { return };
        let flow = self.lookups[self.current].1.clone();
        let list = &self.config.rules.list;
        let config = self.config;
        for (index, rule) in list.iter().enumerate().skip(decided + 1) {
            let detail = would_give(config, rule, &flow);
            let report = self.push_rule(index, RuleVerdict::NotReached);
            report.detail = detail;
        }
    }

    fn table(&mut self, id: TableId) {
        let name = self.names.table_name(id.0);
        let rule = self.rule;
        let report = self.report();
        report.tables.push(TableReport { id: id.0, name, route: None, passed_over: Vec::new() });
        let at = report.tables.len() - 1;
        if let Some(rule) = rule {
            report.rules[rule].table = Some(at);
        }
    }

    fn passed(&mut self, prefix: Prefix<Ipv4Addr>, alias: &Alias, why: PassedOver) {
        let flow = &self.lookups[self.current].1;
        let reason = match why {
            PassedOver::Tos => {
                format!("it demands tos {:#x}, the packet has {:#x}", alias.dscp, flow.dscp & 0x1c)
            }
            PassedOver::Scope => format!("its scope is wider than {}", scope_name(flow.scope)),
            PassedOver::Dead => "all its hops are dead".into(),
            PassedOver::NoHop => "no hop is usable: dead, or without carrier".into(),
            PassedOver::OtherDevice => {
                format!("it does not leave by {}", device(self.config, flow.oif))
            }
        };
        let route = route_text(self.config, prefix, alias);
        if let Some(table) = self.report().tables.last_mut() {
            table.passed_over.push(PassedOverReport { route, reason });
        }
    }

    fn route(&mut self, prefix: Prefix<Ipv4Addr>, alias: &Alias, errno: Option<Errno>) {
        let route = RouteReport {
            prefix: prefix.to_string(),
            kind: kind_name(alias.kind),
            text: route_text(self.config, prefix, alias),
            error: errno.and_then(Errno::name).map(str::to_string),
        };
        if let Some(table) = self.report().tables.last_mut() {
            table.route = Some(route);
        }
    }

    fn source(&mut self, addr: Ipv4Addr, why: SourceReason) {
        let text = match why {
            SourceReason::Given => return,
            SourceReason::Preferred => format!("{addr}: the route names it"),
            SourceReason::Subnet => format!("{addr}: the device's address in whose subnet the gateway lies"),
            SourceReason::FirstOfDevice => format!("{addr}: the device's first address of sufficient scope"),
            SourceReason::Borrowed => self.borrowed(addr),
            SourceReason::Destination => format!("{addr}: the destination is this host"),
            SourceReason::None => "none: no address is acceptable".into(),
        };
        self.step("source", text, "inet_select_addr");
    }

    fn validated(&mut self, validation: Validation) {
        let text = match validation {
            Validation::SameDevice => "the way back leaves by the ingress device".into(),
            Validation::OtherDevice => {
                "the way back leaves by another device, which this mode accepts".into()
            }
            Validation::NoRouteButOff => "no usable way back, which mode off accepts".into(),
            Validation::NotUnicast(kind) => format!("refused: the way back is of type {}", kind_name(kind)),
            Validation::OwnAddress => "refused: the source is an own address".into(),
            Validation::StrictOtherDevice => "refused: the way back leaves by another device".into(),
            Validation::NoRoute => "refused: there is no way back".into(),
            Validation::NoAddress => "refused: the ingress device has no address".into(),
        };
        // It is the reverse lookup's result where one was made.
        let step = Step { about: "reverse path", text, function: "__fib_validate_source" };
        if let Some((report, _)) = self.lookups.last_mut() {
            report.steps.push(step);
        }
    }
}

/// Why a result under a suppressor was kept.
fn kept_detail(table: Option<&TableReport>, suppress: i32) -> Option<String> {
    if suppress < 0 {
        return None;
    }
    let len = table?.route.as_ref()?.prefix.split_once('/')?.1.to_string();
    Some(format!("kept: /{len} is longer than the suppressed /{suppress}"))
}

/// What a rule that was not reached would have done.
fn would_give(config: &Config, rule: &Rule<Ipv4Addr>, flow: &Flow4) -> Option<String> {
    let is_l3 = |dev: u32| config.links.get(dev).is_some_and(|link| link.vrf_table().is_some());
    if rules::failing(rule, flow, is_l3).is_empty() == rule.invert || rule.action != RuleAction::TO_TABLE {
        return None;
    }
    let found = table::lookup(config, config.fib.table(rule.table)?, flow, false, &mut Tracer::off()).ok()?;
    let hop = found.hop(config)?;
    Some(format!("would give {}", hop_text(config, hop.gateway, hop.dev)))
}

fn key(config: &Config, why: Purpose, flow: &Flow4) -> Key {
    let name = |index: u32| (index != 0).then(|| device(config, index));
    let received = matches!(why, Purpose::Input);
    Key {
        to: flow.dst.to_string(),
        from: (!flow.src.is_unspecified()).then(|| flow.src.to_string()),
        iif: if received || flow.iif > 1 { name(flow.iif) } else { None },
        oif: name(flow.oif),
        vrf: name(flow.l3mdev),
        mark: flow.mark,
        tos: flow.dscp,
        uid: flow.uid,
        ipproto: flow.proto,
        sport: flow.sport,
        dport: flow.dport,
    }
}
