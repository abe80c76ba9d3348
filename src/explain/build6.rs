//! From events to an explanation: IPv6.

use std::collections::BTreeSet;
use std::net::Ipv6Addr;

use fingerpost_engine::addrtype::AddrType;
use fingerpost_engine::config::{Config, LOOPBACK, Route6, Rule};
use fingerpost_engine::lookup::cache::RouteCache;
use fingerpost_engine::lookup::exception6::Exception6;
use fingerpost_engine::lookup::hash::Asker;
use fingerpost_engine::lookup::source6::Rule6724;
use fingerpost_engine::lookup::table6::{self, Demand};
use fingerpost_engine::lookup::{
    Decision6, DropReason, Flow6, Input, RouteRef, input6, output6, receive6, socket6,
};
use fingerpost_engine::trace::{Event, Event6, PassedOver6, Path6, Source6Reason, Tracer};
use fingerpost_engine::{Env, State, Time};
use fingerpost_model::TableId;
use fingerpost_net::{Errno, Prefix};

use super::build::{Answer, Asked, Builder, Side};
use super::outcome6;
use super::question::Resolved;
use super::report::{Hop, LookupReport, RouteReport, purpose6};
use super::wording::{device, hop_text, kind_name, preference_name, route6_text};

/// How the lookups ended.
pub(super) enum Ending {
    /// With a decision.
    Decided(Box<Decision6>),
    /// Without: a packet made here is refused, a received one dropped.
    Failed(Errno),
    /// A received packet is dropped before it is routed.
    Dropped(DropReason),
}

/// Legs that are possible, and how many of all hashes select each.
pub(super) type Shares = Vec<(RouteRef, usize, u64)>;

/// Answers a question.
pub(super) fn answer(asked: Asked<'_>, question: &Resolved<Ipv6Addr>) -> Answer {
    let config = &asked.ns.config;
    let mut events = Vec::new();
    let mut state = fresh(asked);
    let ending = ask(asked, question, &mut state, &mut Tracer::on(&mut events));
    let mut builder = Builder6::new(asked, question);
    for event in &events {
        builder.event(event);
    }
    let mut refused_for = None;
    match &ending {
        Ending::Decided(decision) => builder.decided(decision),
        Ending::Failed(errno) => refused_for = builder.failed(*errno),
        Ending::Dropped(_) => {}
    }
    let Builder6 { base, shares, by_chance, .. } = builder;
    let mut lookups = base.finish();
    let mut outcome = outcome6::outcome(asked, question, &ending, &lookups, &shares, refused_for);
    let heard = outcome6::heard(asked, question, &mut outcome);
    let is_heard = heard.is_some() && outcome.icmp.is_some();
    if let Some(last) = lookups.last_mut() {
        last.steps.extend(heard);
    }
    let mut objects = objects(config, &state, &shares);
    let route_get = (asked.asker == Asker::Packet).then(|| {
        let mut shares = Vec::new();
        let mut state = fresh(asked);
        let ending = as_route_get(asked, question, &mut state, &mut shares);
        objects.extend(self::objects(config, &state, &shares));
        outcome6::reply(asked, question, &ending, &shares)
    });
    let mut unknown = outcome6::unknown(config, question, &ending);
    unknown.extend(by_chance.into_iter().map(|(addr, other)| {
        format!(
            "the source can be {other} as well as {addr}: in a VRF Linux reads memory that it did not set"
        )
    }));
    let mut unverified = outcome6::unverified(asked, question, &ending);
    if is_heard && !asked.behaviour.verified {
        unverified.push("icmp6_limit_is_of_prefix");
    }
    Answer { lookups, outcome, route_get, objects, unknown, unverified }
}

/// The nexthop objects whose cached decisions counted, or count for a leg that is possible.
fn objects(config: &Config, state: &State, shares: &Shares) -> BTreeSet<u32> {
    let of_leg = |&(route, member, _): &(RouteRef, usize, u64)| {
        route.get(config)?.nh_id.map(|id| table6::member_id(config, id, member))
    };
    state.cache.objects6.keys().copied().chain(shares.iter().filter_map(of_leg)).collect()
}

/// A copy of the state: a question leaves nothing behind, and nothing that ran
/// before colours the answer.
pub(super) fn fresh(asked: Asked<'_>) -> State {
    let mut state = asked.ns.state.clone();
    state.cache = RouteCache::default();
    state.cache.objects6.extend(asked.assumed_cached);
    state
}

/// Makes the lookups.
fn ask(
    asked: Asked<'_>,
    question: &Resolved<Ipv6Addr>,
    state: &mut State,
    tracer: &mut Tracer<'_>,
) -> Ending {
    let config = &asked.ns.config;
    let env = Env { behaviour: asked.behaviour, now: asked.now };
    let decision = if question.iif != 0 {
        if let Some(reason) = receive6::refused(config, question.iif, question.src, question.dst) {
            return Ending::Dropped(reason);
        }
        input6::receive(config, state, env, &mut question.received(false), false, tracer)
    } else {
        socket6::resolve(config, state, env, &mut question.flow(), tracer)
    };
    decision.map_or_else(Ending::Failed, |decision| Ending::Decided(Box::new(decision)))
}

/// The lookup of `ip route get`, which neither checks a packet nor needs a source.
fn as_route_get(
    asked: Asked<'_>,
    question: &Resolved<Ipv6Addr>,
    state: &mut State,
    shares: &mut Shares,
) -> Ending {
    let config = &asked.ns.config;
    let env = Env { behaviour: asked.behaviour, now: asked.now };
    let mut events = Vec::new();
    let tracer = &mut Tracer::on(&mut events);
    let decision = match question.iif {
        0 => output6::resolve(config, state, env, &mut question.flow(), tracer),
        _ => input6::resolve(config, state, env, &mut question.received(true), tracer),
    };
    for event in events {
        if let Event::V6(Event6::Path(path)) = event {
            *shares = path.shares;
        }
    }
    decision.map_or_else(Ending::Failed, |decision| Ending::Decided(Box::new(decision)))
}

/// The lookups that events tell of.
pub(super) fn lookups(
    asked: Asked<'_>,
    question: &Resolved<Ipv6Addr>,
    events: &[Event],
) -> Vec<LookupReport> {
    let mut builder = Builder6::new(asked, question);
    for event in events {
        builder.event(event);
    }
    builder.base.finish()
}

/// The same of a packet; if `is_brief`, without the rules that did not match.
pub(super) fn of_packet(asked: Asked<'_>, events: &[Event], is_brief: bool) -> Vec<LookupReport> {
    let flow = events.iter().find_map(|event| match event {
        Event::V6(Event6::Begin { flow, .. }) => Some(flow),
        _ => None,
    });
    let Some(question) = flow.map(|flow| question_of(flow)) else { return Vec::new() };
    let mut builder = Builder6::new(asked, &question);
    builder.base.is_brief = is_brief;
    events.iter().for_each(|event| builder.event(event));
    builder.base.finish()
}

/// The question that a packet's lookup asks.
fn question_of(flow: &Flow6) -> Resolved<Ipv6Addr> {
    Resolved {
        dst: flow.dst,
        src: flow.src,
        iif: if flow.iif > LOOPBACK { flow.iif } else { 0 },
        oif: flow.oif,
        mark: flow.mark,
        uid: flow.uid,
        uid_given: false,
        proto: flow.proto,
        sport: flow.sport,
        dport: flow.dport,
        tos: flow.dscp,
        flowlabel: flow.flowlabel,
    }
}

impl Side for Ipv6Addr {
    const SEARCH: &'static str = "fib6_table_lookup";

    fn rules(config: &Config) -> &[Rule<Ipv6Addr>] {
        &config.rules6.list
    }

    fn way(asked: Asked<'_>, id: TableId, flow: &Flow6) -> Option<String> {
        let config = &asked.ns.config;
        let received = flow.iif > 1;
        let demand = Demand {
            device: AddrType::of(flow.dst).needs_device(),
            reachable: config.sysctl6.all.forwarding == 0,
            ignore_linkstate: false,
        };
        let (table, oif) = (config.fib6.table(id)?, if received { flow.iif } else { flow.oif });
        let env = Env { behaviour: asked.behaviour, now: asked.now };
        let found = table6::lookup(config, env, table, flow, oif, demand, &mut Tracer::off())?;
        match table6::type_error(found.kind) {
            Some(_) => None,
            None => Some(hop_text(config, found.hop.gateway, found.hop.dev)),
        }
    }
}

struct Builder6<'a> {
    base: Builder<'a, Ipv6Addr>,
    config: &'a Config,
    now: Time,
    question: &'a Resolved<Ipv6Addr>,
    /// Legs that are possible, when a hash with an unknown seed chooses.
    shares: Shares,
    /// Routes whose score another one beat; by which is known later.
    beaten: Vec<RouteRef>,
    /// Gateways of the table that is being searched that do not answer.
    silent: Vec<RouteRef>,
    /// Whether it is searched again for routes whose gateways do not answer.
    again: bool,
    /// What was compared on the way to a source.
    compared: Vec<(Ipv6Addr, Ipv6Addr, Option<Rule6724>)>,
    /// Sources that Linux may choose otherwise, with those that it may choose.
    by_chance: Vec<(Ipv6Addr, Ipv6Addr)>,
    /// The device of the route that a source is chosen for.
    dev: u32,
}

impl<'a> Builder6<'a> {
    fn new(asked: Asked<'a>, question: &'a Resolved<Ipv6Addr>) -> Self {
        Builder6 {
            base: Builder::new(asked),
            config: &asked.ns.config,
            now: asked.now,
            question,
            shares: Vec::new(),
            beaten: Vec::new(),
            silent: Vec::new(),
            again: false,
            compared: Vec::new(),
            by_chance: Vec::new(),
            dev: 0,
        }
    }

    fn event(&mut self, event: &Event) {
        let Event::V6(event) = event else {
            if let Event::Table { .. } = event {
                (self.again, self.silent) = (false, Vec::new());
            }
            return self.base.event(event);
        };
        match event {
            Event6::Begin { purpose, flow } => {
                self.shares.clear();
                self.dev = 0;
                self.base.begin(*purpose, purpose6(*purpose), flow);
            }
            Event6::SourceByChance { addr, other } => {
                let choice = (*addr, *other);
                if !self.by_chance.contains(&choice) {
                    self.by_chance.push(choice);
                }
            }
            Event6::InVrf { vrf, is_on_link } => self.in_vrf(*vrf, *is_on_link),
            Event6::ReceivedInVrf { vrf, dev } => {
                let (vrf, dev) = (device(self.config, *vrf), device(self.config, *dev));
                let text = format!("{dev} is in VRF {vrf}: the packet is routed as received on {vrf}");
                self.step("vrf", text, "vrf_ip6_rcv");
            }
            Event6::Hidden { prefix } => self.hidden(*prefix),
            Event6::RoutePassed { route, why } => self.passed(*route, *why),
            Event6::RouteTaken { route, .. } => self.taken(*route),
            Event6::RouteError { route, errno } => self.route(*route, Some(*errno)),
            Event6::WithoutIpv6 { route, dev } => {
                let text = format!(
                    "the rule passes over {}: IPv6 is gone from {}",
                    self.text(*route),
                    device(self.config, *dev)
                );
                self.step("device", text, "__fib6_rule_action");
            }
            Event6::UnreachableToo { .. } => self.again = true,
            Event6::Path(path) => self.path(path),
            Event6::Learned { learned, redirected } => self.learned(learned, *redirected),
            Event6::Cached { object, route } => {
                let made_of = match route.get(self.config) {
                    Some(_) => self.text(*route),
                    None => format!("a route to {} that is gone", route.dst),
                };
                let text = format!("the decision cached with nexthop {object} counts, made of {made_of}");
                self.step("cache", text, "rt6_get_pcpu_route");
            }
            Event6::SourceCompared { better, other, rule } => self.compared.push((*better, *other, *rule)),
            Event6::Source { addr, why } => self.source(*addr, *why),
        }
    }

    /// Adds a remark to the lookup that was made last.
    fn step(&mut self, about: &'static str, text: String, function: &'static str) {
        self.base.step(self.base.current, about, text, function);
    }

    fn text(&self, route: RouteRef) -> String {
        let route = route.get(self.config);
        route.map_or(String::new(), |route| route6_text(self.config, route, std::iter::empty()))
    }

    /// A destination of one link, or a group, by a device of a VRF.
    fn in_vrf(&mut self, vrf: u32, is_on_link: bool) {
        self.base.report().rules_evaluated = false;
        let (dst, name) = (self.base.flow().dst, device(self.config, vrf));
        let what = if dst.is_multicast() { "a group" } else { "of one link" };
        let text = match is_on_link {
            true => format!("{dst} is {what}: the table of VRF {name} alone is searched, no rule is asked"),
            false => format!("{dst} is {what}, and VRF {name} is no link: name one of its devices"),
        };
        self.step("vrf", text, "vrf_link_scope_lookup");
    }

    fn hidden(&mut self, prefix: Prefix<Ipv6Addr>) {
        let source = match self.base.flow().src {
            Ipv6Addr::UNSPECIFIED => "none is chosen yet".to_string(),
            source => format!("{source} is not among them"),
        };
        let reason = format!("they are for some sources only, and {source}; they hide what holds them");
        self.base.passed(format!("the routes of {prefix}"), reason);
    }

    fn passed(&mut self, route: RouteRef, why: PassedOver6) {
        let wanted = self.wanted();
        let reason = match why {
            PassedOver6::LowerScore => return self.beaten.push(route),
            PassedOver6::GatewayFailed => {
                self.silent.push(route);
                "its gateway's neighbour does not answer (FAILED)".into()
            }
            PassedOver6::Expired => "its time is over".into(),
            PassedOver6::Dead => "its hop is dead".into(),
            PassedOver6::LinkDown => "its device has no carrier (ignore_routes_with_linkdown is on)".into(),
            PassedOver6::OtherDevice => format!("it does not leave by {}", device(self.config, wanted)),
            PassedOver6::LargerMetric => "one of a smaller metric can be used".into(),
        };
        let text = self.text(route);
        self.base.passed(text, reason);
    }

    fn taken(&mut self, taken: RouteRef) {
        self.route(taken, None);
        self.hop(taken, 0);
        for beaten in std::mem::take(&mut self.beaten) {
            let (Some(loser), Some(winner)) = (beaten.get(self.config), taken.get(self.config)) else {
                continue;
            };
            // The legs of one multipath route are one answer.
            if loser.is_leg() && winner.is_leg() && loser.metric == winner.metric {
                continue;
            }
            let preference = |route: &Route6| preference_name(route.pref).unwrap_or("invalid");
            let reason = match winner.pref.rank() > loser.pref.rank() {
                true => format!(
                    "its router preference is {}, another's of its metric {}",
                    preference(loser),
                    preference(winner)
                ),
                false if self.hop_dev(loser) == self.hop_dev(winner) || self.wanted() == 0 => {
                    "an equal one stands before it".into()
                }
                false => format!("another leaves by {}", device(self.config, self.wanted())),
            };
            let text = self.text(beaten);
            self.base.passed(text, reason);
        }
        if std::mem::take(&mut self.again) && self.silent.contains(&taken) {
            let text = self.text(taken);
            if let Some(table) = self.base.report().tables.last_mut() {
                table.passed_over.retain(|passed| passed.route != text);
            }
            let text = "no gateway answers that could be used instead: the neighbour's state is disregarded";
            self.step("gateway", text.into(), "fib6_table_lookup");
        }
    }

    fn route(&mut self, route: RouteRef, errno: Option<Errno>) {
        let Some(found) = route.get(self.config) else { return };
        let list = self.list(route);
        let kind = kind_name(found.kind);
        self.dev = table6::first_device(self.config, found);
        let text = route6_text(self.config, found, table6::legs(list, found));
        self.base.route(RouteReport {
            prefix: route.dst.to_string(),
            kind,
            text,
            error: errno.and_then(Errno::name).map(str::to_string),
        });
        let shorter = self.shorter(route);
        if let Some(table) = self.base.report().tables.last_mut() {
            table.shorter = shorter;
        }
    }

    /// The hop that the lookup came to: one of those of a route, or of its nexthop object.
    fn hop(&mut self, route: RouteRef, member: usize) {
        let config = self.config;
        let hop = route.get(config).and_then(|route| table6::hops(config, route).nth(member));
        self.base.report().hop = hop.map(|hop| Hop { dev: device(config, hop.dev), gateway: hop.gateway });
    }

    /// The device that routes are measured against.
    fn wanted(&self) -> u32 {
        let flow = self.base.flow();
        if flow.iif > 1 { flow.iif } else { flow.oif }
    }

    fn hop_dev(&self, route: &Route6) -> u32 {
        table6::first_device(self.config, route)
    }

    fn list(&self, route: RouteRef) -> &'a [Route6] {
        let node = self.config.fib6.table(route.table).and_then(|table| table.tree.get(route.dst));
        node.map_or(&[], |node| node.of_source(route.src))
    }

    /// The first route of the next shorter prefix, where a longer one of forwarding kind was taken.
    fn shorter(&self, route: RouteRef) -> Option<String> {
        let dst = self.base.flow().dst;
        if route.table == TableId::LOCAL || AddrType::of(dst).needs_device() {
            return None;
        }
        let matches = self.config.fib6.table(route.table)?.tree.matches(dst);
        let (_, node) = matches
            .into_iter()
            .find(|(prefix, node)| prefix.len() < route.dst.len() && !node.routes.is_empty())?;
        let first = node.routes.first()?;
        Some(route6_text(self.config, first, table6::legs(&node.routes, first)))
    }

    fn path(&mut self, path: &Path6) {
        let &Path6 { first, leg, member, hash, ref shares } = path;
        let config = self.config;
        self.hop(leg, member);
        if shares.len() > 1 {
            self.shares = shares.clone();
            self.base.report().hop = None;
        }
        let (Some(route), Some(used)) = (first.get(config), leg.get(config)) else { return };
        self.dev = table6::first_device(config, used);
        let hop = table6::hops(config, used).nth(member);
        let chosen = hop.map_or(String::new(), |hop| hop_text(config, hop.gateway, hop.dev));
        let count = match route.nh_id {
            Some(_) => table6::hops(config, route).count(),
            None => table6::legs(self.list(first), route).count(),
        };
        let by = match hash {
            Some(hash) => format!("hash {hash:#x} falls into its share"),
            None if shares.len() < 2 => "the only one whose gateway answers".into(),
            None => "the hash seed is not known: any leg is possible".into(),
        };
        self.step("path", format!("{chosen}, one of {count}: {by}"), "fib6_select_path");
    }

    fn learned(&mut self, learned: &Exception6, redirected: bool) {
        let gateway = match learned.gateway {
            _ if !redirected => None,
            Some(gateway) => Some(format!("a redirect names the gateway {gateway}")),
            None => Some("a redirect says that it is on the link".into()),
        };
        let mtu = learned.mtu.map(|mtu| format!("its path MTU is {mtu}"));
        let left = |at: Time| format!("for {} s more", at.0.saturating_sub(self.now.0).div_ceil(1000));
        let parts = [gateway, mtu, learned.expires.map(left)];
        let text = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
        self.base.learned = true;
        self.step("learned", text, "rt6_find_cached_rt");
    }

    fn source(&mut self, addr: Ipv6Addr, why: Source6Reason) {
        let compared = std::mem::take(&mut self.compared);
        let dst = self.question.dst;
        let text = match why {
            Source6Reason::Given => return,
            Source6Reason::Preferred => format!("{addr}: the route names it"),
            Source6Reason::Only => format!("{addr}: the only candidate"),
            Source6Reason::Rule(_) => format!("{addr}: the best of {} candidates", compared.len() + 1),
            Source6Reason::None => "none: no address can be the source".into(),
        };
        self.step("source", text, "ipv6_dev_get_saddr");
        for (better, other, rule) in compared {
            let why = super::rfc6724::reason(self.config, rule, better, other, dst, self.dev);
            let by = rule.map_or("as good by every rule", super::rfc6724::name);
            self.step("candidate", format!("{better} before {other}, {by}: {why}"), "ipv6_get_saddr_eval");
        }
    }

    /// What a decision has to be told besides its route.
    fn decided(&mut self, decision: &Decision6) {
        let (question, config) = (self.question, self.config);
        if question.iif == 0 {
            self.scope(decision);
            return;
        }
        if decision.input != Input::Forward {
            return;
        }
        let iif = device(config, question.iif);
        let text = match receive6::forward(config, question.iif, decision.dev, question.src) {
            Ok(()) => return,
            Err(why) => outcome6::not_forwarded(why, &iif, question.src),
        };
        self.step("forward", text, "ip6_forward");
    }

    /// C-304: a socket has to say on which link such a destination lies.
    fn scope(&mut self, decision: &Decision6) {
        let dst = self.question.dst;
        if dst.is_unspecified() {
            self.no_destination();
        }
        if let Some(mapped) = dst.to_ipv4_mapped() {
            let text = format!("a socket that is told {dst} sends IPv4, to {mapped}: ask about that");
            self.step("scope", text, "udpv6_sendmsg");
        }
        let is_of_link = AddrType::of(dst).any(AddrType::LINK_LOCAL);
        if is_of_link && self.question.oif == 0 && decision.input != Input::LocalDeliver {
            let dev = device(self.config, decision.dev);
            let text = format!("{dst} says nothing of its link; a socket has to name one, as {dst}%{dev}");
            self.step("scope", text, "__ip6_datagram_connect");
        }
    }

    /// C-305: sockets mean another destination.
    fn no_destination(&mut self) -> String {
        let text = "it is no destination; a socket that connects to it gets ::1".to_string();
        self.step("scope", text.clone(), "ip6_route_output_flags");
        text
    }

    /// Says why there is no decision, where neither a rule nor a route does.
    fn failed(&mut self, errno: Errno) -> Option<String> {
        if errno == Errno::EADDRNOTAVAIL {
            return Some("no address of this host can be its source".into());
        }
        if errno == Errno::EAFNOSUPPORT {
            return Some("its source is an address of IPv4".into());
        }
        if self.question.dst.is_unspecified() {
            return Some(self.no_destination());
        }
        let link = self.config.links.get(self.question.oif)?;
        let why = match (link.is_up(), &link.ipv6) {
            (false, _) => "is down",
            (_, None) => "does not carry IPv6",
            (_, Some(ipv6)) if ipv6.conf.disable_ipv6 != 0 => "does not carry IPv6 (disable_ipv6 is on)",
            _ => return None,
        };
        let text = format!("{} {why}", link.name());
        self.step("device", text.clone(), "ip6_route_output_flags");
        Some(text)
    }
}
