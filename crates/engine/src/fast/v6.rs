//! IPv6: packets made here and packets received.

use std::collections::HashMap;
use std::net::Ipv6Addr;

use fingerpost_fib as fib;
use fingerpost_model::{Scope, TableId};
use fingerpost_net::Errno;

use super::answer::{ASK, Answer, Answer6, Answers, Code, Failure, Route, Source};
use super::compose::Place;
use super::place;
use super::program::{BATCH, Hit, Program};
use super::search::{Built, Longest, Searched};
use super::source6::Sources;
use super::tables6::{Found, Tables6, valid_until};
use crate::addrtype::AddrType;
use crate::config::{Config, LOOPBACK};
use crate::lookup::{Decision6, Flow6, Input, Output, output6, table6};
use crate::namespace::Env;
use crate::state::Time;

/// Compiled decisions about IPv6 packets. They stand for one [`Config`], until it
/// changes or one of its routes ends.
pub struct Compiled6 {
    shape: Shape,
    tables: Built<Ipv6Addr>,
    sources: Sources,
    valid_until: Option<Time>,
}

/// Everything but the tables.
struct Shape {
    program: Program<Ipv6Addr>,
    places: Places,
    /// Devices that packets come in on, ascending; those in VRFs are not among them.
    ingress: Vec<u32>,
    /// Some rule waits for the source that a packet would get (C-301).
    finds_sources: bool,
}

/// What becomes of packets for which the lookup ends at one place.
#[derive(Clone, Copy, Debug)]
struct Fate {
    /// Made here, the source open.
    open: Code,
    /// Made here, the source given.
    given: Code,
    received: Code,
}

const TO_ASK: Fate = Fate { open: ASK, given: ASK, received: ASK };

/// Numbered places, as values of the tables, and the answers that they lead to.
struct Places {
    fates: Vec<Fate>,
    /// The table of each.
    tables: Vec<TableId>,
    known: HashMap<Key, u32>,
    refused: HashMap<Errno, u32>,
    answers: Answers<Decision6>,
}

/// What can be told of packets that a route takes, but for the route's name.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    table: TableId,
    dev: u32,
    /// The device that sources are selected for.
    first: u32,
    kind: fingerpost_model::RouteType,
    flags: crate::config::RtFlags,
    pref: crate::config::Preference,
    gateway: Option<Ipv6Addr>,
    prefsrc: Option<Ipv6Addr>,
    mtu: u32,
    /// The group that the route's destinations are, if they are one.
    input: Input,
    output: Output,
    input_differs: bool,
}

impl Compiled6 {
    /// Compiles a configuration.
    pub fn new(config: &Config, env: Env<'_>) -> Self {
        Compiled6::compile(config, env, false)
    }

    /// Compiles a configuration so that answers can name their routes, which takes
    /// more memory and more time.
    pub fn naming_routes(config: &Config, env: Env<'_>) -> Self {
        Compiled6::compile(config, env, true)
    }

    fn compile(config: &Config, env: Env<'_>, names: bool) -> Self {
        let mut shape = Shape::new(config);
        let places = &mut shape.places;
        let number = |place| places.number(config, place);
        let tables = Built::new(&Tables6 { config, env }, &shape.program.groups, names, number);
        let devices = shape.places.known.keys().filter(|key| key.prefsrc.is_none()).map(|key| key.first);
        let sources = Sources::new(config, devices.collect::<std::collections::BTreeSet<_>>());
        Compiled6 { shape, tables, sources, valid_until: valid_until(config, env.now) }
    }

    /// The time after which a route has ended, so that answers stand no more.
    pub fn valid_until(&self) -> Option<Time> {
        self.valid_until
    }

    fn view(&self) -> View<'_, fib::Table<Ipv6Addr>> {
        View { shape: &self.shape, tables: self.tables.searched() }
    }

    /// The answer that a code stands for.
    pub fn answer(&self, code: Code) -> &Answer6 {
        self.shape.places.answers.get(code)
    }

    /// The source of a packet with a code's answer; `None` where one has to ask, or
    /// there is none.
    pub fn source(&self, code: Code, src: Ipv6Addr, dst: Ipv6Addr) -> Option<Ipv6Addr> {
        match self.answer(code) {
            Answer::Decided { decision, source } => match source {
                Source::Decision => Some(decision.source),
                Source::Destination => Some(dst),
                Source::Given => Some(src),
                Source::Selected(dev) => self.sources.select(*dev, dst),
            },
            _ => None,
        }
    }

    /// The decision of a code for a packet, or why there is none; `None` where one has to ask.
    pub fn decision(&self, code: Code, src: Ipv6Addr, dst: Ipv6Addr) -> Option<Result<Decision6, Failure>> {
        match self.answer(code) {
            Answer::Ask => None,
            Answer::Failed(failure) => Some(Err(*failure)),
            Answer::Decided { decision, .. } => {
                let source = self.source(code, src, dst)?;
                Some(Ok(Decision6 { source, destination: dst, ..(**decision).clone() }))
            }
        }
    }

    /// What becomes of a packet made here; with an egress device, one has to ask.
    pub fn output(&self, flow: &Flow6) -> Code {
        self.view().output(flow).0
    }

    /// The same, with the route, where tables name them.
    pub fn output_by(&self, flow: &Flow6) -> (Code, Option<Route<Ipv6Addr>>) {
        let (code, hit) = self.view().output(flow);
        (code, self.route(hit))
    }

    /// [`Compiled6::output`] for many.
    ///
    /// # Panics
    ///
    /// If the slices differ in length.
    pub fn output_batch(&self, flows: &[Flow6], codes: &mut [Code]) {
        assert_eq!(flows.len(), codes.len(), "one code for each flow");
        let view = self.view();
        for (flows, codes) in flows.chunks(BATCH).zip(codes.chunks_mut(BATCH)) {
            view.batch(flows, codes, View::may_output, sent_code);
        }
    }

    /// What becomes of a received packet, of which the ingress device and the source
    /// have to be known.
    pub fn input(&self, flow: &Flow6) -> Code {
        self.view().input(flow).0
    }

    /// The same, with the route, where tables name them.
    pub fn input_by(&self, flow: &Flow6) -> (Code, Option<Route<Ipv6Addr>>) {
        let (code, hit) = self.view().input(flow);
        (code, self.route(hit))
    }

    /// [`Compiled6::input`] for many.
    ///
    /// # Panics
    ///
    /// If the slices differ in length.
    pub fn input_batch(&self, flows: &[Flow6], codes: &mut [Code]) {
        assert_eq!(flows.len(), codes.len(), "one code for each flow");
        let view = self.view();
        for (flows, codes) in flows.chunks(BATCH).zip(codes.chunks_mut(BATCH)) {
            view.batch(flows, codes, View::may_input, |fate, _| fate.received);
        }
    }

    fn route(&self, hit: Hit) -> Option<Route<Ipv6Addr>> {
        let (prefix, place) = self.tables.searched().route(hit)?;
        let table = *self.shape.places.tables.get(place as usize)?;
        Some(Route { prefix, table, rule: self.shape.program.rule(hit, table, prefix.len()) })
    }

    /// How many answers there are, the one to ask included.
    pub fn answers(&self) -> usize {
        self.shape.places.answers.len()
    }

    /// Bytes that lookups in the tables may touch.
    pub fn lookup_bytes(&self) -> usize {
        self.tables.lookup_bytes()
    }
}

impl Shape {
    /// A shape without places; its tables are not compiled yet.
    fn new(config: &Config) -> Self {
        let without = [TableId::LOCAL, TableId::MAIN];
        let without = (!config.fib6.has_custom_rules).then_some(&without[..]);
        let program = Program::new(config, &config.rules6, without);
        let devices = config.links.iter().map(|link| link.index());
        Shape {
            finds_sources: program.finds_sources(),
            program,
            places: Places::new(),
            ingress: devices.filter(|&dev| config.links.l3_master(dev) == 0).collect(),
        }
    }
}

impl Places {
    fn new() -> Self {
        let mut places = Places {
            fates: vec![TO_ASK; 2],
            tables: vec![TableId::UNSPEC; 2],
            known: HashMap::new(),
            refused: HashMap::new(),
            answers: Answers::new(),
        };
        for errno in place::ERRORS {
            places.refused(errno);
        }
        places
    }

    /// The number of a place.
    fn number(&mut self, config: &Config, place: Place<Found<'_>>) -> u32 {
        match place {
            Place::Ask => place::ASK,
            Place::Pass => place::PASS,
            Place::Refused(errno) => self.refused(errno),
            Place::Found(found) => {
                let key = Key::of(config, &found);
                match self.known.get(&key) {
                    Some(&known) => known,
                    None => {
                        let fate = self.fate(config, &key, &found);
                        let number = self.push(found.member.table, fate);
                        self.known.insert(key, number);
                        number
                    }
                }
            }
        }
    }

    fn refused(&mut self, errno: Errno) -> u32 {
        if let Some(&known) = self.refused.get(&errno) {
            return known;
        }
        let code = self.answers.code(Answer::Failed(Failure::Refused(errno)));
        let number = self.push(TableId::UNSPEC, Fate { open: code, given: code, received: code });
        self.refused.insert(errno, number);
        number
    }

    fn push(&mut self, table: TableId, fate: Fate) -> u32 {
        self.fates.push(fate);
        self.tables.push(table);
        (self.fates.len() - 1) as u32
    }

    /// What becomes of packets that a route takes.
    fn fate(&mut self, config: &Config, key: &Key, found: &Found<'_>) -> Fate {
        let mut code = |source: Source, addr: Ipv6Addr, is_input: bool| {
            let flow = Flow6::to(Ipv6Addr::UNSPECIFIED);
            let decision = Box::new(output6::decide(config, &flow, &found.candidate, addr, is_input));
            self.answers.code(Answer::Decided { decision, source })
        };
        let open = match key.prefsrc {
            Some(addr) => (Source::Decision, addr),
            None => (Source::Selected(key.first), Ipv6Addr::UNSPECIFIED),
        };
        Fate {
            open: code(open.0, open.1, false),
            given: code(Source::Given, Ipv6Addr::UNSPECIFIED, false),
            received: match found.input_differs {
                true => ASK,
                false => code(Source::Given, Ipv6Addr::UNSPECIFIED, true),
            },
        }
    }

    fn fate_of(&self, place: u32) -> Fate {
        self.fates.get(place as usize).copied().unwrap_or(TO_ASK)
    }
}

impl Key {
    fn of(config: &Config, found: &Found<'_>) -> Self {
        let route = found.candidate.route;
        let flow = Flow6::to(Ipv6Addr::UNSPECIFIED);
        let decision = output6::decide(config, &flow, &found.candidate, Ipv6Addr::UNSPECIFIED, false);
        let Decision6 { dev, kind, flags, gateway, mtu, input, output, .. } = decision;
        Key {
            table: found.member.table,
            dev,
            first: table6::first_device(config, route),
            kind,
            flags,
            pref: found.candidate.pref,
            gateway,
            prefsrc: route.prefsrc,
            mtu,
            input,
            output,
            input_differs: found.input_differs,
        }
    }
}

/// Whether a destination is routed by the tables alone, whatever the device.
fn is_ordinary(addr: Ipv6Addr) -> bool {
    let kind = AddrType::of(addr);
    !kind.is_any() && !kind.needs_device()
}

/// A shape with tables to search.
struct View<'a, T> {
    shape: &'a Shape,
    tables: Searched<'a, Ipv6Addr, T>,
}

impl<T: Longest<Ipv6Addr>> View<'_, T> {
    fn fate(&self, hit: Hit) -> Fate {
        self.shape.places.fate_of(self.tables.place_of(hit))
    }

    fn output(&self, flow: &Flow6) -> (Code, Hit) {
        self.single(flow, View::may_output, sent_code)
    }

    fn input(&self, flow: &Flow6) -> (Code, Hit) {
        self.single(flow, View::may_input, |fate, _| fate.received)
    }

    fn single(
        &self,
        flow: &Flow6,
        may: impl Fn(&Self, &Flow6) -> bool,
        code: impl Fn(Fate, &Flow6) -> Code,
    ) -> (Code, Hit) {
        if !may(self, flow) {
            return (ASK, Hit::ASK);
        }
        let hit = self.shape.program.walk(&known(flow), &self.tables);
        (code(self.fate(hit), flow), hit)
    }

    fn batch(
        &self,
        flows: &[Flow6],
        codes: &mut [Code],
        may: impl Fn(&Self, &Flow6) -> bool,
        code: impl Fn(Fate, &Flow6) -> Code,
    ) {
        let mut dsts = [Ipv6Addr::UNSPECIFIED; BATCH];
        for (dst, flow) in dsts.iter_mut().zip(flows) {
            *dst = flow.dst;
        }
        let mut hits = [Hit::ASK; BATCH];
        let hits = &mut hits[..flows.len()];
        let program = &self.shape.program;
        program.walk_batch(&dsts[..flows.len()], |n| flows[n].src, |n| known(&flows[n]), &self.tables, hits);
        for ((flow, answer), &hit) in flows.iter().zip(codes).zip(&*hits) {
            *answer = if may(self, flow) { code(self.fate(hit), flow) } else { ASK };
        }
    }

    /// Whether what becomes of a flow made here is known.
    fn may_output(&self, flow: &Flow6) -> bool {
        let no_source = flow.src.is_unspecified();
        flow.oif == 0 && flow.iif == LOOPBACK && !(no_source && self.shape.finds_sources) && is_plain(flow)
    }

    /// Whether what becomes of a received one is known.
    fn may_input(&self, flow: &Flow6) -> bool {
        flow.oif == 0
            && !flow.src.is_unspecified()
            && self.shape.ingress.binary_search(&flow.iif).is_ok()
            && is_plain(flow)
    }
}

fn is_plain(flow: &Flow6) -> bool {
    is_ordinary(flow.dst) && flow.l3mdev == 0 && flow.scope == Scope::UNIVERSE
}

/// A flow as rules see it.
fn known(flow: &Flow6) -> Flow6 {
    Flow6 { has_source: !flow.src.is_unspecified(), ..flow.clone() }
}

fn sent_code(fate: Fate, flow: &Flow6) -> Code {
    if flow.src.is_unspecified() { fate.open } else { fate.given }
}
