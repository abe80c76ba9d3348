//! What IPv4 decisions are compiled into, and kept in step with.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use fingerpost_fib as fib;
use fingerpost_model::{RouteFlags, RouteType, TableId};
use fingerpost_net::{Errno, Prefix};

use super::answer::{ASK, Answer, Answer4, Answers, Code, Coder, Failure, Source};
use super::chunked::Chunked;
use super::compose::Place;
use super::maker::Maker;
use super::place::{self, PASS};
use super::program::{Member, Program};
use super::tables4::{Tables4, has_tos};
use super::v4::{Back, Fate, Fated, Ingress, Places4, REASONS, Shape4, TO_ASK};
use crate::config::{Changes, Config, FibInfo, FibInfoId};
use crate::lookup::input4::{self, Received};
use crate::lookup::table::{hop_is_usable, is_blackhole};
use crate::lookup::validate::{self, Check};
use crate::lookup::{Decision, FibResult, Flow4, output4};
use crate::namespace::Env;

/// Makes the decisions about IPv4 packets.
pub struct Maker4 {
    shape: Shape4,
    /// The number of each place, and a route that leads there.
    known: HashMap<Key, (u32, FibResult)>,
    refused: HashMap<Errno, u32>,
    coder: Coder,
    /// How every route information stood when tables took it, as far as that is known.
    standings: Vec<Option<Standing>>,
    /// What a route alone can change besides tables.
    causes: [bool; 3],
    changed: bool,
}

/// What decides about packets that a route takes, besides the configuration of devices.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    table: TableId,
    info: FibInfoId,
    /// Of the information: its place may be given to another.
    serial: u64,
    kind: RouteType,
    hop: usize,
    /// One of several default routes.
    is_choice: bool,
    realms: u32,
}

/// What of a route's information decides whether a table gives it.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Standing {
    serial: u64,
    is_blackhole: bool,
    is_dead: bool,
    hop: Option<usize>,
    /// The group of the first hop's device.
    group: Option<u32>,
}

/// Any two destinations and sources: what is the same for both is so for all.
const SAMPLES: [(Ipv4Addr, Ipv4Addr); 2] = [
    (Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 3)),
    (Ipv4Addr::new(198, 51, 100, 2), Ipv4Addr::new(203, 0, 113, 4)),
];

impl Maker for Maker4 {
    type Ip = Ipv4Addr;
    type Shape = Shape4;
    type Lists<'a> = Tables4<'a>;

    fn new(config: &Config, env: Env<'_>) -> Self {
        let mut maker = Maker4 {
            shape: parts(config, has_tos(config), Places4::new()),
            known: HashMap::new(),
            refused: HashMap::new(),
            coder: Coder::new(),
            standings: standings(config),
            causes: causes(config),
            changed: true,
        };
        let answers = &mut maker.shape.places.answers;
        let failed = |reason| Answer::Failed(Failure::Dropped(reason));
        maker.shape.places.drops = REASONS.map(|reason| maker.coder.code(answers, failed(reason), ASK));
        for errno in place::ERRORS {
            maker.number(config, env, Place::Refused(errno, Prefix::DEFAULT));
        }
        maker
    }

    fn lists<'a>(config: &'a Config, _: Env<'a>) -> Tables4<'a> {
        Tables4(config)
    }

    fn shape(&self) -> &Shape4 {
        &self.shape
    }

    fn groups(&self) -> &[Vec<Member>] {
        &self.shape.program.groups
    }

    fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    fn number(&mut self, config: &Config, env: Env<'_>, place: Place<Ipv4Addr, FibResult>) -> u32 {
        match place {
            Place::Ask => place::ASK,
            Place::Pass => PASS,
            Place::Refused(errno, _) => match self.refused.get(&errno) {
                Some(&known) => known,
                None => {
                    let fate = self.refusal(config, env, errno, TO_ASK);
                    let number = self.push(TableId::UNSPEC, fate);
                    self.refused.insert(errno, number);
                    number
                }
            },
            Place::Found(result, _) => {
                let key = Key::of(config, &result);
                match self.known.get(&key) {
                    Some(&(known, _)) => known,
                    None => {
                        let fate = self.fate(config, env, result, key.is_choice, TO_ASK);
                        let number = self.push(result.table, fate);
                        self.known.insert(key, (number, result));
                        number
                    }
                }
            }
        }
    }

    fn take_changes(config: &mut Config, reader: u64) -> Vec<(Vec<TableId>, Changes<Ipv4Addr>)> {
        let tables = &config.fib.tables;
        let of_trie =
            |trie: usize| tables.iter().filter(move |table| table.trie == trie).map(|table| table.id);
        let tries = config.fib.tries.iter_mut().enumerate();
        tries.map(|(n, trie)| (of_trie(n).collect(), trie.take_changes(reader))).collect()
    }

    fn within(config: &Config, table: TableId, prefix: Prefix<Ipv4Addr>) -> Vec<Prefix<Ipv4Addr>> {
        let table = config.fib.table(table);
        table.map_or(Vec::new(), |table| config.fib.trie(table).within(prefix).collect())
    }

    fn note_route(&mut self, config: &Config, tables: &[TableId], prefix: Prefix<Ipv4Addr>) {
        let Some(table) = tables.first().and_then(|&id| config.fib.table(id)) else { return };
        let leaf = config.fib.trie(table).leaf(prefix.addr());
        for id in leaf.iter().map(|entry| entry.info.0 as usize) {
            let serial = config.fib.infos.get(id).and_then(Option::as_ref).map(|info| info.serial);
            if self.standings.len() <= id {
                self.standings.resize(id + 1, None);
            }
            if self.standings[id].map(|standing| standing.serial) != serial {
                self.standings[id] = config.fib.infos[id].as_ref().map(|info| standing(config, info));
            }
        }
        if !self.shape.has_tos && leaf.iter().any(|entry| entry.dscp != 0) {
            self.shape.has_tos = true;
            self.changed = true;
        }
    }

    fn answers(&self) -> usize {
        self.shape.places.answers.len()
    }

    fn stands(&self, config: &Config) -> bool {
        self.causes == causes(config)
    }

    fn refresh(&mut self, config: &Config, env: Env<'_>) -> bool {
        let fresh = parts(config, self.shape.has_tos, self.shape.places.clone());
        let same_tables =
            fresh.program.groups == self.shape.program.groups && fresh.local == self.shape.local;
        if !same_tables || !self.stand_alike(config) {
            return false;
        }
        self.shape = fresh;
        self.causes = causes(config);
        self.changed = true;
        for (key, (number, result)) in std::mem::take(&mut self.known) {
            let is_there = config.fib.infos.get(key.info.0 as usize).and_then(Option::as_ref);
            if is_there.is_some_and(|info| info.serial == key.serial) {
                let before = self.shape.places.fates.get(number as usize).copied().unwrap_or(TO_ASK);
                // What the place was made for, whatever the number of defaults now.
                let fate = self.fate(config, env, result, key.is_choice, before);
                self.shape.places.fates.set(number as usize, fate);
                self.known.insert(key, (number, result));
            }
        }
        for (errno, number) in self.refused.clone() {
            let before = self.shape.places.fates.get(number as usize).copied().unwrap_or(TO_ASK);
            let fate = self.refusal(config, env, errno, before);
            self.shape.places.fates.set(number as usize, fate);
        }
        true
    }
}

/// What a shape is made of, but for places.
fn parts(config: &Config, has_tos: bool, places: Places4) -> Shape4 {
    let without = [TableId::MAIN, TableId::DEFAULT];
    let without = (!config.fib.has_custom_rules).then_some(&without[..]);
    let mut program = Program::new(config, &config.rules, without);
    // Local is a view on main's routes as long as they are one trie.
    let is_view = config.fib.is_merged() && config.fib.table(TableId::LOCAL).is_some();
    let local = match is_view && without.is_some() {
        true => (0, TableId::MAIN),
        false => {
            program.groups.push(vec![Member::of(TableId::LOCAL)]);
            (program.groups.len() - 1, TableId::LOCAL)
        }
    };
    let addresses = config.links.iter().filter_map(|link| link.ipv4.as_ref()).flat_map(|ipv4| &ipv4.addrs);
    let own = addresses.filter_map(|addr| Some((Prefix::containing(addr.local, 32).ok()?, 1)));
    Shape4 {
        program: Arc::new(program),
        ingress: config.links.iter().filter_map(|link| Ingress::of(config, link.index())).collect(),
        addresses: Arc::new(fib::Table::from_routes(own)),
        local,
        has_tos,
        dissects: config.fib.has_custom_rules && config.fib.dissecting_rules > 0,
        places,
    }
}

/// What the source check and the search for own addresses depend on, besides devices
/// and rules, and a route alone can change.
fn causes(config: &Config) -> [bool; 3] {
    let fib = &config.fib;
    [fib.has_custom_local_routes, fib.realm_users != 0, fib.table(TableId::LOCAL).is_some()]
}

fn standings(config: &Config) -> Vec<Option<Standing>> {
    config.fib.infos.iter().map(|info| info.as_ref().map(|info| standing(config, info))).collect()
}

fn standing(config: &Config, info: &FibInfo) -> Standing {
    let hops = config.hops(info);
    Standing {
        serial: info.serial,
        is_blackhole: is_blackhole(config, info),
        is_dead: info.flags.has(RouteFlags::DEAD),
        hop: hops.iter().position(|hop| hop_is_usable(config, hop, false)),
        group: hops.get(0).and_then(|hop| config.links.get(hop.dev)).map(|link| link.group()),
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

impl Places4 {
    fn new() -> Self {
        let (mut fates, mut tables) = (Chunked::new(TO_ASK), Chunked::new(TableId::UNSPEC));
        for _ in [place::ASK, PASS] {
            fates.push(TO_ASK);
            tables.push(TableId::UNSPEC);
        }
        Places4 { fates, tables, drops: [ASK; REASONS.len()], answers: Answers::new() }
    }
}

impl Maker4 {
    /// Whether tables give every route information that was there as they did when
    /// they were compiled.
    fn stand_alike(&mut self, config: &Config) -> bool {
        let now = standings(config);
        let alike = |(now, then): (&Option<Standing>, &Option<Standing>)| match (now, then) {
            (Some(now), Some(then)) => now == then || now.serial != then.serial,
            _ => true,
        };
        let are_alike = now.iter().zip(&self.standings).all(alike);
        self.standings = now;
        are_alike
    }

    fn push(&mut self, table: TableId, fate: Fate) -> u32 {
        self.changed = true;
        self.shape.places.tables.push(table);
        self.shape.places.fates.push(fate) as u32
    }

    fn code(&mut self, answer: Answer4, before: Code) -> Code {
        self.coder.code(&mut self.shape.places.answers, answer, before)
    }

    /// What becomes of packets whose lookup ends with an error.
    fn refusal(&mut self, config: &Config, env: Env<'_>, errno: Errno, before: Fate) -> Fate {
        let open = self.code(Answer::Failed(Failure::Refused(errno)), ASK);
        let received = match without_route(config, env, errno) {
            Answer::Ask => Fated::Ask,
            answer => Fated::Failed(self.code(answer, before.received.code())),
        };
        Fate { open, given: open, received, back: Back::None }
    }

    /// What becomes of packets that a route takes; what was known before keeps its codes.
    fn fate(
        &mut self,
        config: &Config,
        env: Env<'_>,
        result: FibResult,
        is_choice: bool,
        before: Fate,
    ) -> Fate {
        let info = config.fib.info(result.alias.info);
        // What is cached with an object is all its routes' (T-17). Of other types than
        // these a prefix's length counts (C-131).
        let is_usual =
            [RouteType::UNICAST, RouteType::LOCAL, RouteType::BROADCAST].contains(&result.alias.kind);
        if info.nh_id.is_some() || config.hops(info).len() > 1 || !is_usual {
            return TO_ASK;
        }
        let dev = result.dev(config);
        let kind = result.alias.kind;
        let back = match validate::class_tag(config, &result) {
            0 => Back::Way { kind, dev },
            _ => Back::Ask,
        };
        let code = before.received.code();
        let received = match received(config, env, result) {
            _ if kind == RouteType::BROADCAST => Fated::Ask,
            Answer::Ask => Fated::Ask,
            answer @ Answer::Failed(_) => Fated::Failed(self.code(answer, code)),
            answer if kind == RouteType::LOCAL => Fated::Local(self.code(answer, code)),
            // The way back would be looked up in its VRF.
            _ if config.links.l3_master(dev) != 0 => Fated::Ask,
            answer => Fated::Forward { dev, code: self.code(answer, code) },
        };
        let (open, given) = match is_choice {
            true => (ASK, ASK),
            false => (
                self.code(sent(config, env, result, false), before.open),
                self.code(sent(config, env, result, true), before.given),
            ),
        };
        Fate { open, given, received, back }
    }
}

impl Fated {
    fn code(self) -> Code {
        match self {
            Fated::Ask => ASK,
            Fated::Local(code) | Fated::Failed(code) | Fated::Forward { code, .. } => code,
        }
    }
}

impl Key {
    fn of(config: &Config, result: &FibResult) -> Self {
        let defaults = config.fib.table(result.table).map_or(0, |table| table.defaults);
        Key {
            table: result.table,
            info: result.alias.info,
            serial: config.fib.info(result.alias.info).serial,
            kind: result.alias.kind,
            hop: result.hop,
            is_choice: result.prefix.is_default() && defaults > 1,
            realms: result.rule_realms,
        }
    }
}

/// The answer that two packets have in common; to ask, if it is not all packets'.
fn common(of: impl Fn(Ipv4Addr, Ipv4Addr) -> Result<Decision, Failure>) -> Answer4 {
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
                let nobody = Ipv4Addr::UNSPECIFIED;
                let source = if source == Source::Decision { decision.source } else { nobody };
                Decision { source, destination: nobody, result: None, ..decision }
            };
            let (decision, other) = (bare(decision), bare(other));
            match decision == other {
                true => Answer::Decided { decision: Arc::new(decision), source },
                false => Answer::Ask,
            }
        }
        _ => Answer::Ask,
    }
}

/// What [`output4`] makes of a route.
fn sent(config: &Config, env: Env<'_>, result: FibResult, given: bool) -> Answer4 {
    common(|src, dst| {
        let src = if given { src } else { Ipv4Addr::UNSPECIFIED };
        let mut flow = Flow4 { src, ..Flow4::to(dst) };
        output4::of_route(config, env, &mut flow, result).map_err(Failure::Refused)
    })
}

/// What [`input4`] makes of a route.
fn received(config: &Config, env: Env<'_>, result: FibResult) -> Answer4 {
    common(|src, dst| input4::of_route(config, env, &packet(src, dst), result).map_err(Failure::Dropped))
}

/// What [`input4`] makes of an error.
fn without_route(config: &Config, env: Env<'_>, errno: Errno) -> Answer4 {
    common(|src, dst| Ok(input4::without_route(config, env, &packet(src, dst), errno)))
}

fn packet(src: Ipv4Addr, dst: Ipv4Addr) -> Received {
    Received::between(0, src, dst)
}
