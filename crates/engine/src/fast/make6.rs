//! What IPv6 decisions are compiled into, and kept in step with.

use std::collections::HashMap;
use std::net::Ipv6Addr;
use std::sync::Arc;

use fingerpost_model::{RouteType, TableId};
use fingerpost_net::{Errno, Prefix};

use super::answer::{ASK, Answer, Answers, Code, Coder, Failure, Source};
use super::chunked::Chunked;
use super::compose::Place;
use super::maker::{Compiled6, Maker};
use super::place::{self, PASS};
use super::program::{Member, Program};
use super::publish::Publisher6;
use super::source6::Sources;
use super::tables6::{Found, Tables6, valid_until};
use super::v6::{Fate6, Places6, Shape6, TO_ASK};
use crate::config::{Changes, Config, Preference, RtFlags};
use crate::lookup::{Decision6, Flow6, Input, Output, output6, table6};
use crate::namespace::Env;
use crate::state::Time;

/// Makes the decisions about IPv6 packets.
pub struct Maker6 {
    shape: Shape6,
    known: HashMap<Key, u32>,
    refused: HashMap<Errno, u32>,
    coder: Coder,
    has_custom_rules: bool,
    valid_until: Option<Time>,
    changed: bool,
}

/// What can be told of packets that a route takes, but for the route's name.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    table: TableId,
    dev: u32,
    /// The device that sources are selected for.
    first: u32,
    kind: RouteType,
    flags: RtFlags,
    pref: Preference,
    gateway: Option<Ipv6Addr>,
    prefsrc: Option<Ipv6Addr>,
    mtu: u32,
    input: Input,
    output: Output,
    input_differs: bool,
}

impl Compiled6 {
    /// The time after which a route has ended, so that answers stand no more.
    pub fn valid_until(&self) -> Option<Time> {
        self.maker.valid_until
    }
}

impl Publisher6 {
    /// The time after which a route has ended, so that what is published stands no more.
    pub fn valid_until(&self) -> Option<Time> {
        self.maker.valid_until
    }
}

impl Maker for Maker6 {
    type Ip = Ipv6Addr;
    type Shape = Shape6;
    type Lists<'a> = Tables6<'a>;

    fn new(config: &Config, env: Env<'_>) -> Self {
        let without = [TableId::LOCAL, TableId::MAIN];
        let without = (!config.fib6.has_custom_rules).then_some(&without[..]);
        let program = Program::new(config, &config.rules6, without);
        let devices = config.links.iter().map(|link| link.index());
        let mut fates = Chunked::new(TO_ASK);
        for _ in [place::ASK, PASS] {
            fates.push(TO_ASK);
        }
        let shape = Shape6 {
            finds_sources: program.finds_sources(),
            program: Arc::new(program),
            ingress: devices.filter(|&dev| config.links.l3_master(dev) == 0).collect(),
            places: Places6 { fates, answers: Answers::new() },
            sources: Sources::new(config),
        };
        let mut maker = Maker6 {
            shape,
            known: HashMap::new(),
            refused: HashMap::new(),
            coder: Coder::new(),
            has_custom_rules: config.fib6.has_custom_rules,
            valid_until: valid_until(config, env.now),
            changed: true,
        };
        for errno in place::ERRORS {
            maker.refused(errno);
        }
        maker
    }

    fn lists<'a>(config: &'a Config, env: Env<'a>) -> Tables6<'a> {
        Tables6 { config, env }
    }

    fn shape(&self) -> &Shape6 {
        &self.shape
    }

    fn groups(&self) -> &[Vec<Member>] {
        &self.shape.program.groups
    }

    fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    fn number<'a>(&mut self, config: &'a Config, _: Env<'a>, place: Place<Ipv6Addr, Found<'a>>) -> u32 {
        match place {
            Place::Ask => place::ASK,
            Place::Pass => PASS,
            Place::Refused(errno, _) => self.refused(errno),
            Place::Found(found, _) => {
                let key = Key::of(config, &found);
                match self.known.get(&key) {
                    Some(&known) => known,
                    None => {
                        if key.prefsrc.is_none() {
                            self.shape.sources.add(config, key.first);
                        }
                        let fate = self.fate(config, &key, &found);
                        let number = self.push(fate);
                        self.known.insert(key, number);
                        number
                    }
                }
            }
        }
    }

    fn take_changes(config: &mut Config, reader: u64) -> Vec<(Vec<TableId>, Changes<Ipv6Addr>)> {
        let tables = config.fib6.tables.iter_mut();
        tables.map(|table| (vec![table.id], table.tree.take_changes(reader))).collect()
    }

    fn within(config: &Config, table: TableId, prefix: Prefix<Ipv6Addr>) -> Vec<Prefix<Ipv6Addr>> {
        let Some(table) = config.fib6.table(table) else { return Vec::new() };
        let longer = |&other: &Prefix<Ipv6Addr>| other.len() > prefix.len();
        table.tree.within(prefix).map(|(other, _)| other).filter(longer).collect()
    }

    fn note_route(&mut self, config: &Config, tables: &[TableId], prefix: Prefix<Ipv6Addr>) {
        let tables = tables.iter().filter_map(|&id| config.fib6.table(id));
        let routes = tables.filter_map(|table| table.tree.get(prefix)).flat_map(|node| &node.routes);
        let ends = routes.filter_map(|route| route.expires).filter_map(|at| u64::try_from(at).ok()).map(Time);
        self.valid_until = self.valid_until.into_iter().chain(ends).min();
    }

    fn answers(&self) -> usize {
        self.shape.places.answers.len()
    }

    fn stands(&self, config: &Config) -> bool {
        self.has_custom_rules == config.fib6.has_custom_rules
    }

    /// Scores of routes depend on devices, neighbours and the time: all tables are
    /// compiled anew.
    fn refresh(&mut self, _: &Config, _: Env<'_>) -> bool {
        false
    }
}

impl Maker6 {
    fn refused(&mut self, errno: Errno) -> u32 {
        if let Some(&known) = self.refused.get(&errno) {
            return known;
        }
        let code = self.code(Answer::Failed(Failure::Refused(errno)));
        let number = self.push(Fate6 { open: code, given: code, received: code });
        self.refused.insert(errno, number);
        number
    }

    fn code(&mut self, answer: Answer<Decision6>) -> Code {
        self.coder.code(&mut self.shape.places.answers, answer, ASK)
    }

    fn push(&mut self, fate: Fate6) -> u32 {
        self.changed = true;
        self.shape.places.fates.push(fate) as u32
    }

    /// What becomes of packets that a route takes.
    fn fate(&mut self, config: &Config, key: &Key, found: &Found<'_>) -> Fate6 {
        let decided = |source: Source, addr: Ipv6Addr, is_input: bool| {
            let flow = Flow6::to(Ipv6Addr::UNSPECIFIED);
            let decision = Arc::new(output6::decide(config, &flow, &found.candidate, addr, is_input));
            Answer::Decided { decision, source }
        };
        let open = match key.prefsrc.or_else(|| self.shape.sources.common(key.first)) {
            Some(addr) => decided(Source::Decision, addr, false),
            None => decided(Source::Selected(key.first), Ipv6Addr::UNSPECIFIED, false),
        };
        let received = match found.input_differs {
            true => Answer::Ask,
            false => decided(Source::Given, Ipv6Addr::UNSPECIFIED, true),
        };
        Fate6 {
            open: self.code(open),
            given: self.code(decided(Source::Given, Ipv6Addr::UNSPECIFIED, false)),
            received: self.code(received),
        }
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
