//! IPv4: packets made here and packets received.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use fingerpost_fib as fib;
use fingerpost_model::{RouteType, Scope, TableId};
use fingerpost_net::{Errno, Ip, Prefix};

use super::answer::{ASK, Answer, Answers, Code, Failure, Source};
use super::compose::{self, Longest, Place, compose};
use super::place::{self, PASS};
use super::program::{BATCH, Group, Hit, Member, Program, Search};
use crate::config::{Config, FibInfoId, LOOPBACK};
use crate::lookup::input4::{self, Received};
use crate::lookup::validate::{self, Check, Packet, judge};
use crate::lookup::{Decision, DropReason, FibResult, Flow4, is_limited_broadcast, output4};
use crate::namespace::Env;

/// Compiled decisions about IPv4 packets. They stand for one [`Config`], until it changes.
pub struct Compiled4 {
    shape: Shape,
    tables: Vec<fib::Table<Ipv4Addr>>,
    /// In tables that name routes: each route with the number of its place.
    routes: Option<Vec<Vec<(Prefix<Ipv4Addr>, u32)>>>,
}

/// A route by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route<I: Ip> {
    /// Its destination.
    pub prefix: Prefix<I>,
    /// The table that was searched.
    pub table: TableId,
    /// The preference of the rule that led there; none while rules are not looked at.
    pub rule: Option<u32>,
}

/// Everything but the tables.
struct Shape {
    program: Program<Ipv4Addr>,
    places: Places,
    /// Devices by index, ascending.
    ingress: Vec<Ingress>,
    /// The addresses of all devices.
    addresses: fib::Table<Ipv4Addr>,
    /// Where the local table is searched, which knows of other own addresses.
    local: (Group, TableId),
    /// Routes demand a type of service, so that one that a flow has is not known here.
    has_tos: bool,
    /// Protocol and ports of received packets are looked at.
    dissects: bool,
}

/// What is known of a device that packets come in on.
struct Ingress {
    check: Check,
    /// Whether sources are looked up.
    is_full: bool,
    use_mark: bool,
    forwarding: bool,
}

/// What becomes of packets for which the lookup ends at one place.
#[derive(Clone, Copy, Debug)]
struct Fate {
    /// Made here, the source open.
    open: Code,
    /// Made here, the source given.
    given: Code,
    received: Fated,
    back: Back,
}

/// A received packet whose lookup is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fated {
    Ask,
    /// For this host, if the source is accepted.
    Local(Code),
    /// To be forwarded by a device, if that is on and the source is accepted.
    Forward { dev: u32, code: Code },
    /// An error, if forwarding is on.
    Failed(Code),
}

/// The way back to a source, as the source check sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Back {
    Ask,
    None,
    Way { kind: RouteType, dev: u32 },
}

/// Numbered places, as values of the tables, and the answers that they lead to.
struct Places {
    fates: Vec<Fate>,
    /// The table of each.
    tables: Vec<TableId>,
    known: HashMap<Key, u32>,
    refused: HashMap<Errno, u32>,
    /// The code of each of [`REASONS`].
    drops: [Code; REASONS.len()],
    answers: Answers,
}

/// What decides about packets that a route takes, besides the configuration of devices.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    table: TableId,
    info: FibInfoId,
    kind: RouteType,
    hop: usize,
    /// One of several default routes.
    is_choice: bool,
    realms: u32,
}

const TO_ASK: Fate = Fate { open: ASK, given: ASK, received: Fated::Ask, back: Back::Ask };
/// Reasons to drop a packet that have a code of their own.
const REASONS: [DropReason; 3] =
    [DropReason::IpInvalidSource, DropReason::IpLocalSource, DropReason::IpRpfilter];
/// Any two destinations and sources: what is the same for both is so for all.
const SAMPLES: [(Ipv4Addr, Ipv4Addr); 2] = [
    (Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 3)),
    (Ipv4Addr::new(198, 51, 100, 2), Ipv4Addr::new(203, 0, 113, 4)),
];

impl Compiled4 {
    /// Compiles a configuration.
    pub fn new(config: &Config, env: Env<'_>) -> Self {
        Compiled4::compile(config, env, false)
    }

    /// Compiles a configuration so that answers can name their routes, which takes
    /// more memory and more time.
    pub fn naming_routes(config: &Config, env: Env<'_>) -> Self {
        Compiled4::compile(config, env, true)
    }

    fn compile(config: &Config, env: Env<'_>, names: bool) -> Self {
        let mut shape = Shape::new(config, env);
        let mut compiled: Vec<Vec<(Prefix<Ipv4Addr>, u32)>> = Vec::new();
        for group in &shape.program.groups {
            let number = |place| shape.places.number(config, env, place);
            compiled.push(compose(config, group, number));
        }
        let tables = compiled.iter().map(|routes| match names {
            false => fib::Table::from_routes(routes.iter().copied()),
            true => fib::Table::from_routes(routes.iter().zip(0..).map(|(&(prefix, _), n)| (prefix, n))),
        });
        let tables = tables.collect();
        Compiled4 { shape, tables, routes: names.then_some(compiled) }
    }

    fn view(&self) -> View<'_, fib::Table<Ipv4Addr>> {
        View { shape: &self.shape, tables: &self.tables, routes: self.routes.as_deref() }
    }

    /// The answer that a code stands for.
    pub fn answer(&self, code: Code) -> &Answer {
        self.shape.places.answers.get(code)
    }

    /// What becomes of a packet made here; with an egress device, one has to ask.
    pub fn output(&self, flow: &Flow4) -> Code {
        self.view().output(flow).0
    }

    /// The same, with the route, where tables name them.
    pub fn output_by(&self, flow: &Flow4) -> (Code, Option<Route<Ipv4Addr>>) {
        let (code, hit) = self.view().output(flow);
        (code, self.route(hit))
    }

    /// [`Compiled4::output`] for many.
    ///
    /// # Panics
    ///
    /// If the slices differ in length.
    pub fn output_batch(&self, flows: &[Flow4], codes: &mut [Code]) {
        assert_eq!(flows.len(), codes.len(), "one code for each flow");
        let view = self.view();
        for (flows, codes) in flows.chunks(BATCH).zip(codes.chunks_mut(BATCH)) {
            view.output_batch(flows, codes, &mut [Hit::ASK; BATCH]);
        }
    }

    /// What becomes of a received packet.
    pub fn input(&self, packet: &Received) -> Code {
        self.view().input(packet).0
    }

    /// The same, with the route, where tables name them.
    pub fn input_by(&self, packet: &Received) -> (Code, Option<Route<Ipv4Addr>>) {
        let (code, hit) = self.view().input(packet);
        (code, self.route(hit))
    }

    /// [`Compiled4::input`] for many.
    ///
    /// # Panics
    ///
    /// If the slices differ in length.
    pub fn input_batch(&self, packets: &[Received], codes: &mut [Code]) {
        assert_eq!(packets.len(), codes.len(), "one code for each packet");
        let view = self.view();
        for (packets, codes) in packets.chunks(BATCH).zip(codes.chunks_mut(BATCH)) {
            view.input_batch(packets, codes, &mut [Hit::ASK; BATCH]);
        }
    }

    fn route(&self, hit: Hit) -> Option<Route<Ipv4Addr>> {
        let &(prefix, place) = self.routes.as_ref()?.get(hit.group as usize)?.get(hit.value as usize)?;
        let shape = &self.shape;
        let table = *shape.places.tables.get(place as usize)?;
        let rule = match hit.rule {
            Hit::NONE => shape.program.rule_of(hit.group as usize, table, prefix.len()),
            rule => Some(rule as usize),
        };
        Some(Route { prefix, table, rule: rule.and_then(|rule| shape.program.preference(rule)) })
    }

    /// How many answers there are, the one to ask included.
    pub fn answers(&self) -> usize {
        self.shape.places.answers.len()
    }

    /// Bytes that lookups in the tables may touch.
    pub fn lookup_bytes(&self) -> usize {
        self.tables.iter().map(fib::Table::lookup_bytes).sum()
    }
}

impl Shape {
    /// A shape without places; its tables are not compiled yet.
    fn new(config: &Config, env: Env<'_>) -> Self {
        let without = [TableId::MAIN, TableId::DEFAULT];
        let without = (!config.fib.has_custom_rules).then_some(&without[..]);
        let mut program = Program::new(config, &config.rules, without);
        // Local is a view on main's routes as long as they are one trie.
        let local = match config.fib.is_merged() && without.is_some() {
            true => (0, TableId::MAIN),
            false => {
                program.groups.push(vec![Member::of(TableId::LOCAL)]);
                (program.groups.len() - 1, TableId::LOCAL)
            }
        };
        let addresses = config.links.iter().filter_map(|link| link.ipv4.as_ref()).flat_map(|ipv4| &ipv4.addrs);
        let own = addresses.filter_map(|addr| Some((Prefix::containing(addr.local, 32).ok()?, 1)));
        Shape {
            local,
            program,
            places: Places::new(config, env),
            ingress: config.links.iter().filter_map(|link| Ingress::of(config, link.index())).collect(),
            addresses: fib::Table::from_routes(own),
            has_tos: compose::has_tos(config),
            dissects: config.fib.has_custom_rules && config.fib.dissecting_rules > 0,
        }
    }

    fn ingress(&self, dev: u32) -> Option<&Ingress> {
        let at = self.ingress.binary_search_by_key(&dev, |ingress| ingress.check.dev).ok()?;
        Some(&self.ingress[at])
    }
}

impl Ingress {
    /// What is known of a device; nothing of one in a VRF, or without IPv4.
    fn of(config: &Config, dev: u32) -> Option<Self> {
        let ipv4 = config.links.ipv4(dev).filter(|_| config.links.l3_master(dev) == 0)?;
        let check = Check::of(config, ipv4, dev);
        Some(Ingress {
            check,
            is_full: validate::full_check_cause(config, ipv4, &check, false).is_some(),
            use_mark: validate::uses_mark(config, ipv4),
            forwarding: ipv4.conf.forwarding != 0,
        })
    }
}

impl Places {
    fn new(config: &Config, env: Env<'_>) -> Self {
        let mut places = Places {
            fates: vec![TO_ASK; 2],
            tables: vec![TableId::UNSPEC; 2],
            known: HashMap::new(),
            refused: HashMap::new(),
            drops: [ASK; REASONS.len()],
            answers: Answers::new(),
        };
        places.drops = REASONS.map(|reason| places.answers.code(Answer::Failed(Failure::Dropped(reason))));
        for errno in place::ERRORS {
            places.number(config, env, Place::Refused(errno));
        }
        places
    }

    /// The number of a place.
    fn number(&mut self, config: &Config, env: Env<'_>, place: Place) -> u32 {
        match place {
            Place::Ask => place::ASK,
            Place::Pass => PASS,
            Place::Refused(errno) => match self.refused.get(&errno) {
                Some(&known) => known,
                None => {
                    let open = self.answers.code(Answer::Failed(Failure::Refused(errno)));
                    let received = match without_route(config, env, errno) {
                        Answer::Ask => Fated::Ask,
                        answer => Fated::Failed(self.answers.code(answer)),
                    };
                    let number =
                        self.push(TableId::UNSPEC, Fate { open, given: open, received, back: Back::None });
                    self.refused.insert(errno, number);
                    number
                }
            },
            Place::Found(result) => {
                let key = Key::of(config, &result);
                match self.known.get(&key) {
                    Some(&known) => known,
                    None => {
                        let fate = self.fate(config, env, result);
                        let number = self.push(result.table, fate);
                        self.known.insert(key, number);
                        number
                    }
                }
            }
        }
    }

    fn push(&mut self, table: TableId, fate: Fate) -> u32 {
        self.fates.push(fate);
        self.tables.push(table);
        (self.fates.len() - 1) as u32
    }

    /// What becomes of packets that a route takes.
    fn fate(&mut self, config: &Config, env: Env<'_>, result: FibResult) -> Fate {
        let info = config.fib.info(result.alias.info);
        // What is cached with an object is all its routes' (T-17).
        if info.nh_id.is_some() || config.hops(info).len() > 1 {
            return TO_ASK;
        }
        let dev = result.dev(config);
        let back = match validate::class_tag(config, &result) {
            0 => Back::Way { kind: result.alias.kind, dev },
            _ => Back::Ask,
        };
        let kind = result.alias.kind;
        let received = match received(config, env, result) {
            _ if kind == RouteType::BROADCAST => Fated::Ask,
            Answer::Ask => Fated::Ask,
            answer @ Answer::Failed(_) => Fated::Failed(self.answers.code(answer)),
            answer if kind == RouteType::LOCAL => Fated::Local(self.answers.code(answer)),
            // The way back would be looked up in its VRF.
            _ if config.links.l3_master(dev) != 0 => Fated::Ask,
            answer => Fated::Forward { dev, code: self.answers.code(answer) },
        };
        let [open, given] = match Key::of(config, &result).is_choice {
            true => [ASK; 2],
            false => [false, true].map(|given| self.answers.code(sent(config, env, result, given))),
        };
        Fate { open, given, received, back }
    }

    fn fate_of(&self, place: u32) -> Fate {
        self.fates.get(place as usize).copied().unwrap_or(TO_ASK)
    }

    fn dropped(&self, reason: DropReason) -> Code {
        REASONS.iter().position(|&known| known == reason).map_or(ASK, |at| self.drops[at])
    }

}

impl Key {
    fn of(config: &Config, result: &FibResult) -> Self {
        let defaults = config.fib.table(result.table).map_or(0, |table| table.defaults);
        Key {
            table: result.table,
            info: result.alias.info,
            kind: result.alias.kind,
            hop: result.hop,
            is_choice: result.prefix.is_default() && defaults > 1,
            realms: result.rule_realms,
        }
    }
}

/// The answer that two packets have in common; to ask, if it is not all packets'.
fn common(of: impl Fn(Ipv4Addr, Ipv4Addr) -> Result<Decision, Failure>) -> Answer {
    let [(src, dst), (other_src, other_dst)] = SAMPLES;
    match (of(src, dst), of(other_src, other_dst)) {
        (Err(failure), Err(other)) if failure == other => Answer::Failed(failure),
        (Ok(decision), Ok(other)) => {
            let source = match (decision.source, other.source) {
                (one, two) if (one, two) == (src, other_src) => Source::Given,
                (one, two) if (one, two) == (dst, other_dst) => Source::Destination,
                (one, two) if one == two => Source::Decision,
                _ => return Answer::Ask,
            };
            let bare = |decision: Decision| {
                let (source, destination) = match source {
                    Source::Decision => (decision.source, Ipv4Addr::UNSPECIFIED),
                    _ => (Ipv4Addr::UNSPECIFIED, Ipv4Addr::UNSPECIFIED),
                };
                Decision { source, destination, result: None, ..decision }
            };
            let (decision, other) = (bare(decision), bare(other));
            match decision == other {
                true => Answer::Decided { decision: Box::new(decision), source },
                false => Answer::Ask,
            }
        }
        _ => Answer::Ask,
    }
}

/// What [`output4`] makes of a route.
fn sent(config: &Config, env: Env<'_>, result: FibResult, given: bool) -> Answer {
    common(|src, dst| {
        let src = if given { src } else { Ipv4Addr::UNSPECIFIED };
        let mut flow = Flow4 { src, ..Flow4::to(dst) };
        output4::of_route(config, env, &mut flow, result).map_err(Failure::Refused)
    })
}

/// What [`input4`] makes of a route.
fn received(config: &Config, env: Env<'_>, result: FibResult) -> Answer {
    common(|src, dst| {
        input4::of_route(config, env, &packet(src, dst), result).map_err(Failure::Dropped)
    })
}

/// What [`input4`] makes of an error.
fn without_route(config: &Config, env: Env<'_>, errno: Errno) -> Answer {
    common(|src, dst| Ok(input4::without_route(config, env, &packet(src, dst), errno)))
}

fn packet(src: Ipv4Addr, dst: Ipv4Addr) -> Received {
    Received { dst, src, dev: 0, mark: 0, tos: 0, proto: 0, sport: 0, dport: 0, pseudo: false }
}

/// Whether an address is routed by the tables alone.
fn is_ordinary(addr: Ipv4Addr) -> bool {
    !addr.is_unspecified() && !addr.is_multicast() && !is_limited_broadcast(addr)
}

/// A shape with tables to search.
struct View<'a, T> {
    shape: &'a Shape,
    tables: &'a [T],
    routes: Option<&'a [Vec<(Prefix<Ipv4Addr>, u32)>]>,
}

impl<T: Longest<Ipv4Addr>> Search<Ipv4Addr> for View<'_, T> {
    #[inline]
    fn place(&self, group: Group, dst: Ipv4Addr) -> Option<u32> {
        let value = self.tables.get(group)?.lookup(dst)?;
        (self.number(group, value) != PASS).then_some(value)
    }

    fn places(&self, group: Group, dsts: &[Ipv4Addr], places: &mut [u32]) {
        let Some(table) = self.tables.get(group) else { return places.fill(fib::NONE) };
        table.lookup_batch(dsts, places);
        for place in places {
            if *place != fib::NONE && self.number(group, *place) == PASS {
                *place = fib::NONE;
            }
        }
    }
}

impl<T: Longest<Ipv4Addr>> View<'_, T> {
    /// The number of the place that a table's value stands for.
    #[inline]
    fn number(&self, group: Group, value: u32) -> u32 {
        match self.routes {
            None => value,
            Some(routes) => routes[group].get(value as usize).map_or(place::ASK, |route| route.1),
        }
    }

    fn fate(&self, hit: Hit) -> Fate {
        let place = match hit.group {
            Hit::NONE => hit.value,
            group => self.number(group as usize, hit.value),
        };
        self.shape.places.fate_of(place)
    }

    fn output(&self, flow: &Flow4) -> (Code, Hit) {
        match self.may_output(flow) {
            Err(code) => (code, Hit::ASK),
            Ok(()) => {
                let hit = self.shape.program.walk(flow, self);
                (sent_code(self.fate(hit), flow), hit)
            }
        }
    }

    fn output_batch(&self, flows: &[Flow4], codes: &mut [Code], hits: &mut [Hit; BATCH]) {
        let mut dsts = [Ipv4Addr::UNSPECIFIED; BATCH];
        for (dst, flow) in dsts.iter_mut().zip(flows) {
            *dst = flow.dst;
        }
        let hits = &mut hits[..flows.len()];
        self.shape.program.walk_batch(&dsts[..flows.len()], |n| flows[n].src, |n| flows[n].clone(), self, hits);
        for ((flow, code), &hit) in flows.iter().zip(codes).zip(&*hits) {
            *code = match self.may_output(flow) {
                Err(code) => code,
                Ok(()) => sent_code(self.fate(hit), flow),
            };
        }
    }

    /// Whether a flow made here is looked up; a code, where it is not, or not here.
    #[inline]
    fn may_output(&self, flow: &Flow4) -> Result<(), Code> {
        if !is_ordinary(flow.dst) || flow.oif != 0 || flow.iif != LOOPBACK || flow.l3mdev != 0 {
            return Err(ASK);
        }
        if flow.scope != Scope::UNIVERSE || self.has_unknown_tos(flow.dscp) {
            return Err(ASK);
        }
        if flow.src.is_unspecified() {
            return Ok(());
        }
        if !is_ordinary(flow.src) || flow.src.is_loopback() {
            return Err(ASK);
        }
        if flow.any_source || self.shape.addresses.lookup(flow.src).is_some() {
            return Ok(());
        }
        // C-128: otherwise the local table has to know the source.
        let (group, local) = self.shape.local;
        let places = &self.shape.places;
        let place = self.place(group, flow.src).map_or(PASS, |place| self.number(group, place));
        match (places.fate_of(place).back, places.tables.get(place as usize)) {
            (Back::Way { kind: RouteType::LOCAL, .. }, Some(&table)) if table == local => Ok(()),
            (Back::Ask, _) if place != PASS => Err(ASK),
            _ => Err(places.fate_of(place::UNREACHABLE).open),
        }
    }

    fn has_unknown_tos(&self, dscp: u8) -> bool {
        self.shape.has_tos && dscp & 0x1c != 0
    }

    fn input(&self, packet: &Received) -> (Code, Hit) {
        let ingress = match self.may_input(packet) {
            Err(code) => return (code, Hit::ASK),
            Ok(ingress) => ingress,
        };
        let program = &self.shape.program;
        let hit = program.walk(&self.flow(packet), self);
        let code = match self.routed(hit, ingress) {
            Routed::Over(code) => code,
            Routed::Checked { code, .. } if !ingress.is_full => self.own_source(packet, ingress, code),
            Routed::Checked { code, oif } => {
                let back = program.walk(&self.way_back(packet, oif, ingress), self);
                self.judged(back, ingress, code)
            }
        };
        (code, hit)
    }

    fn input_batch(&self, packets: &[Received], codes: &mut [Code], hits: &mut [Hit; BATCH]) {
        let program = &self.shape.program;
        let mut addrs = [Ipv4Addr::UNSPECIFIED; BATCH];
        for (dst, packet) in addrs.iter_mut().zip(packets) {
            *dst = packet.dst;
        }
        let flow = |n: usize| self.flow(&packets[n]);
        program.walk_batch(&addrs[..packets.len()], |n| packets[n].src, flow, self, &mut hits[..packets.len()]);
        // Those whose source has to be looked up: by number, with what follows then.
        let mut checked = [(0, 0, ASK); BATCH];
        let mut count = 0;
        for (n, packet) in packets.iter().enumerate() {
            codes[n] = match self.may_input(packet) {
                Err(code) => code,
                Ok(ingress) => match self.routed(hits[n], ingress) {
                    Routed::Over(code) => code,
                    Routed::Checked { code, .. } if !ingress.is_full => {
                        self.own_source(packet, ingress, code)
                    }
                    Routed::Checked { code, oif } => {
                        checked[count] = (n, oif, code);
                        addrs[count] = packet.src;
                        count += 1;
                        code
                    }
                },
            };
        }
        let checked = &checked[..count];
        let mut backs = [Hit::ASK; BATCH];
        let way_back = |at: usize| {
            let (n, oif, _) = checked[at];
            match self.shape.ingress(packets[n].dev) {
                Some(ingress) => self.way_back(&packets[n], oif, ingress),
                None => Flow4::to(packets[n].src),
            }
        };
        let dst = |at: usize| packets[checked[at].0].dst;
        program.walk_batch(&addrs[..count], dst, way_back, self, &mut backs[..count]);
        for (&(n, _, code), &back) in checked.iter().zip(&backs) {
            codes[n] = match self.shape.ingress(packets[n].dev) {
                Some(ingress) => self.judged(back, ingress, code),
                None => ASK,
            };
        }
    }

    /// Whether a received packet is looked up; a code, where it is not, or not here.
    #[inline]
    fn may_input(&self, packet: &Received) -> Result<&Ingress, Code> {
        let is_plain = |addr: Ipv4Addr| is_ordinary(addr) && !addr.is_loopback();
        if !is_plain(packet.dst) || !is_plain(packet.src) || self.has_unknown_tos(packet.tos) {
            return Err(ASK);
        }
        self.shape.ingress(packet.dev).ok_or(ASK)
    }

    /// What the lookup of a destination makes of a packet.
    fn routed(&self, hit: Hit, ingress: &Ingress) -> Routed {
        let places = &self.shape.places;
        match self.fate(hit).received {
            Fated::Ask => Routed::Over(ASK),
            Fated::Local(code) => Routed::Checked { code, oif: 0 },
            _ if !ingress.forwarding => match places.fate_of(place::NOT_FORWARDED).received {
                Fated::Failed(code) => Routed::Over(code),
                _ => Routed::Over(ASK),
            },
            Fated::Failed(code) => Routed::Over(code),
            // One that turns back may be answered with a redirect.
            Fated::Forward { dev, .. } if dev == ingress.check.dev => Routed::Over(ASK),
            Fated::Forward { dev, code } => Routed::Checked { code, oif: dev },
        }
    }

    /// The source check without a lookup.
    fn own_source(&self, packet: &Received, ingress: &Ingress, code: Code) -> Code {
        let is_own = || self.shape.addresses.lookup(packet.src).is_some();
        match !ingress.check.accept_local && is_own() {
            true => self.shape.places.dropped(DropReason::IpLocalSource),
            false => code,
        }
    }

    /// The source check by what its lookup has found.
    fn judged(&self, back: Hit, ingress: &Ingress, code: Code) -> Code {
        let back = match self.fate(back).back {
            Back::Ask => return ASK,
            Back::None => None,
            Back::Way { kind, dev } => Some((kind, dev == ingress.check.dev)),
        };
        match judge(&ingress.check, back) {
            Ok(_) => code,
            Err(validation) => self.shape.places.dropped(validate::reason(validation)),
        }
    }

    fn transport(&self, packet: &Received) -> (u8, u16, u16) {
        if self.shape.dissects { (packet.proto, packet.sport, packet.dport) } else { (0, 0, 0) }
    }

    fn flow(&self, packet: &Received) -> Flow4 {
        let (proto, sport, dport) = self.transport(packet);
        let &Received { dst, src, dev: iif, mark, tos, .. } = packet;
        Flow4 { src, iif, mark, dscp: tos & 0xfc, proto, sport, dport, ..Flow4::to(dst) }
    }

    fn way_back(&self, packet: &Received, oif: u32, ingress: &Ingress) -> Flow4 {
        let &Received { dst, src, dev, mark, tos, .. } = packet;
        let dscp = tos & 0xfc;
        let packet = Packet { src, dst, dev, oif, mark, dscp, transport: self.transport(packet) };
        packet.way_back(ingress.use_mark, 0)
    }
}

/// A received packet after the lookup of its destination.
enum Routed {
    Over(Code),
    /// Its source is looked at first.
    Checked { code: Code, oif: u32 },
}

fn sent_code(fate: Fate, flow: &Flow4) -> Code {
    if flow.src.is_unspecified() { fate.open } else { fate.given }
}
