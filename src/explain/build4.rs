//! From events to an explanation: IPv4.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use fingerpost_engine::Env;
use fingerpost_engine::config::{Alias, Config, FibInfoId, Rule};
use fingerpost_engine::lookup::cache::RouteCache;
use fingerpost_engine::lookup::{Decision, DropReason, Flow4, input4, output4, source, table};
use fingerpost_engine::trace::{
    Event, FullCheckCause, PassedOver, PathReason, SourceReason, Tracer, Validation,
};
use fingerpost_model::{RouteType, TableId};
use fingerpost_net::{Errno, Prefix};

use super::build::{Answer, Asked, Builder, Side};
use super::outcome4;
use super::question::Resolved;
use super::report::{Hop, LookupReport, RouteReport, purpose};
use super::wording::{device, hop_text, kind_name, route_text, scope_name};

/// How the lookups ended.
pub(super) enum Ending {
    /// With a decision.
    Decided(Box<Decision>),
    /// A packet made here is refused.
    Refused(Errno),
    /// A received packet is dropped.
    Dropped(DropReason),
}

/// Answers a question.
pub(super) fn answer(asked: Asked<'_>, question: &Resolved<Ipv4Addr>) -> Answer {
    let (events, ending) = ask(asked, question);
    let leaves_by = match &ending {
        Ending::Decided(decision) => decision.dev,
        _ => 0,
    };
    let mut builder = Builder4::new(asked, leaves_by);
    for event in &events {
        builder.event(event);
    }
    let mut refused_for = None;
    match &ending {
        Ending::Decided(decision) => builder.gateway(decision),
        Ending::Refused(errno) => refused_for = builder.refused(question, *errno),
        Ending::Dropped(_) => {}
    }
    let shares = std::mem::take(&mut builder.shares);
    let lookups = builder.base.finish();
    let outcome = outcome4::outcome(asked, question, &ending, &lookups, &shares, refused_for);
    Answer {
        lookups,
        outcome,
        route_get: None,
        objects: BTreeSet::new(),
        unknown: outcome4::unknown(asked, &ending),
        unverified: outcome4::unverified(asked, question, &ending),
    }
}

/// Makes the lookups on a copy of the state: a question leaves nothing behind,
/// and nothing that ran before colours the answer.
fn ask(asked: Asked<'_>, question: &Resolved<Ipv4Addr>) -> (Vec<Event>, Ending) {
    let mut events = Vec::new();
    let mut state = asked.ns.state.clone();
    state.cache = RouteCache { assumed_choice: asked.assumed_choice, ..RouteCache::default() };
    let env = Env { behaviour: asked.behaviour, now: asked.now };
    let config = &asked.ns.config;
    let mut tracer = Tracer::on(&mut events);
    let ending = if question.iif != 0 {
        match input4::resolve(config, &mut state, env, &question.packet(asked.asker), &mut tracer) {
            Ok(decision) => Ending::Decided(Box::new(decision)),
            Err(reason) => Ending::Dropped(reason),
        }
    } else {
        let mut flow = question.flow();
        match output4::resolve(config, &mut state, env, &mut flow, asked.asker, &mut tracer) {
            Ok(decision) => Ending::Decided(Box::new(decision)),
            Err(errno) => Ending::Refused(errno),
        }
    };
    (events, ending)
}

/// The lookups that events tell of.
pub(super) fn lookups(asked: Asked<'_>, events: &[Event]) -> Vec<LookupReport> {
    let mut builder = Builder4::new(asked, 0);
    for event in events {
        builder.event(event);
    }
    builder.base.finish()
}

/// The same of a packet; if `is_brief`, without the rules that did not match.
pub(super) fn of_packet(asked: Asked<'_>, events: &[Event], is_brief: bool) -> Vec<LookupReport> {
    let mut builder = Builder4::new(asked, 0);
    builder.base.is_brief = is_brief;
    let mut is_open = false;
    for event in events {
        match event {
            Event::Begin { .. } => is_open = true,
            // Tables are also searched outside of lookups (`fib_compute_spec_dst`).
            _ if !is_open && is_search(event) => continue,
            Event::End { .. } => is_open = false,
            _ => {}
        }
        builder.event(event);
    }
    builder.base.finish()
}

/// Whether an event tells of rules and tables.
fn is_search(event: &Event) -> bool {
    matches!(
        event,
        Event::NoCustomRules
            | Event::RuleSkipped { .. }
            | Event::RuleTaken { .. }
            | Event::RuleDone { .. }
            | Event::Table { .. }
            | Event::TableMiss { .. }
            | Event::RoutePassed { .. }
            | Event::RouteTaken { .. }
            | Event::RouteError { .. }
            | Event::End { .. }
    )
}

impl Side for Ipv4Addr {
    const SEARCH: &'static str = "fib_table_lookup";

    fn rules(config: &Config) -> &[Rule<Ipv4Addr>] {
        &config.rules.list
    }

    fn way(asked: Asked<'_>, id: TableId, flow: &Flow4) -> Option<String> {
        let config = &asked.ns.config;
        let found = table::lookup(config, config.fib.table(id)?, flow, false, &mut Tracer::off()).ok()?;
        let hop = found.hop(config)?;
        Some(hop_text(config, hop.gateway, hop.dev))
    }
}

struct Builder4<'a> {
    base: Builder<'a, Ipv4Addr>,
    config: &'a Config,
    /// Hops that are possible, when a hash with an unknown seed chooses.
    shares: Vec<(usize, u64)>,
    /// The device of the decision, 0 without one.
    leaves_by: u32,
    /// Whether the destination counts as on the demanded device's link.
    assumed: bool,
}

impl<'a> Builder4<'a> {
    fn new(asked: Asked<'a>, leaves_by: u32) -> Self {
        let (base, config) = (Builder::new(asked), &asked.ns.config);
        Builder4 { base, config, shares: Vec::new(), leaves_by, assumed: false }
    }

    fn event(&mut self, event: &Event) {
        match event {
            Event::Begin { purpose: why, flow } => self.base.begin(*why, purpose(*why), flow),
            Event::End { .. } => {
                self.base.event(event);
                // What follows is the packet's own again.
                self.base.current = self.base.own;
            }
            Event::RoutePassed { prefix, alias, why } => self.passed(*prefix, alias, *why),
            Event::RouteTaken { prefix, alias, hop } => {
                self.route(*prefix, alias, None);
                self.hop(alias.info, *hop);
            }
            Event::RouteError { prefix, alias, errno } => self.route(*prefix, alias, Some(*errno)),
            Event::Path { info, hop, hash, why, shares } => {
                self.hop(*info, *hop);
                if shares.len() > 1 {
                    self.shares = shares.clone();
                    self.base.report().hop = None;
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
                self.hop(*to, 0);
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
            event => self.base.event(event),
        }
    }

    /// Adds a remark to the packet's own lookup.
    fn step(&mut self, about: &'static str, text: String, function: &'static str) {
        self.base.step(0, about, text, function);
    }

    /// Says why a packet made here is refused before, or after, any rule was tried.
    fn refused(&mut self, question: &Resolved<Ipv4Addr>, errno: Errno) -> Option<String> {
        let (config, src) = (self.config, question.src);
        let first = &self.base.lookups.first()?.0;
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
        let Some((first, flow)) = self.base.lookups.first() else { return 0 };
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

    fn passed(&mut self, prefix: Prefix<Ipv4Addr>, alias: &Alias, why: PassedOver) {
        let flow = self.base.flow();
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
        self.base.passed(route, reason);
    }

    fn route(&mut self, prefix: Prefix<Ipv4Addr>, alias: &Alias, errno: Option<Errno>) {
        self.base.route(RouteReport {
            prefix: prefix.to_string(),
            kind: kind_name(alias.kind),
            text: route_text(self.config, prefix, alias),
            error: errno.and_then(Errno::name).map(str::to_string),
        });
    }

    /// The hop that the lookup came to.
    fn hop(&mut self, info: FibInfoId, hop: usize) {
        let config = self.config;
        let hop = config.hops(config.fib.info(info)).get(hop);
        self.base.report().hop = hop.map(|hop| Hop { dev: device(config, hop.dev), gateway: hop.gateway });
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
        let last = self.base.lookups.len().saturating_sub(1);
        self.base.step(last, "reverse path", text, "__fib_validate_source");
    }
}
