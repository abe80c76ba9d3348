//! Several IPv4 tables, searched one after the other, as one.
//!
//! A table's route hides whatever later tables hold for its destinations, longer
//! prefixes included. What a packet's type of service or a hash has a say in is
//! left open, and so is what a `throw` route sends on to the next table.

use std::collections::{HashMap, HashSet};
use std::net::Ipv4Addr;

use fingerpost_fib as fib;
use fingerpost_model::{RouteFlags, RouteType, TableId};
use fingerpost_net::{Errno, Prefix};

use super::output4::is_ordinary;
use super::{Answer, Code};
use crate::config::{Config, Entry, FibInfoId, Table};
use crate::lookup::table::{hop_is_usable, is_blackhole, type_error};
use crate::lookup::{Decision, FibResult, Flow4, output4};
use crate::namespace::Env;

/// Answers by number, each once.
pub(super) struct Answers {
    list: Vec<Answer>,
    /// The code of each route information and type, alone and for the default prefix.
    known: HashMap<(FibInfoId, RouteType, bool), Code>,
    refused: HashMap<Errno, Code>,
}

/// The code of [`Answer::Ask`].
pub(super) const ASK: Code = 0;

impl Answers {
    pub(super) fn new() -> Self {
        Answers { list: vec![Answer::Ask], known: HashMap::new(), refused: HashMap::new() }
    }

    pub(super) fn into_list(self) -> Vec<Answer> {
        self.list
    }

    pub(super) fn refused(&mut self, errno: Errno) -> Code {
        let list = &mut self.list;
        *self.refused.entry(errno).or_insert_with(|| push(list, Answer::Refused(errno)))
    }

    /// The code of what becomes of packets that this route takes.
    fn of_route(&mut self, config: &Config, env: Env<'_>, result: FibResult) -> Code {
        let key = (result.alias.info, result.alias.kind, result.prefix.is_default());
        let list = &mut self.list;
        *self.known.entry(key).or_insert_with(|| match answer(config, env, result) {
            Answer::Ask => ASK,
            answer => push(list, answer),
        })
    }
}

fn push(list: &mut Vec<Answer>, answer: Answer) -> Code {
    list.push(answer);
    (list.len() - 1) as Code
}

/// What [`output4`] makes of the route for a packet to one of its destinations.
fn answer(config: &Config, env: Env<'_>, result: FibResult) -> Answer {
    let info = config.fib.info(result.alias.info);
    let is_choice =
        result.prefix.is_default() && config.fib.table(result.table).is_some_and(|table| table.defaults > 1);
    // What is cached with an object is all its routes' (T-17).
    if info.nh_id.is_some() || config.hops(info).len() > 1 || is_choice {
        return Answer::Ask;
    }
    // 0.0.0.0 is no destination to route.
    let Some(dst) = [result.prefix.addr(), Ipv4Addr::new(0, 0, 0, 1)]
        .into_iter()
        .find(|&addr| is_ordinary(addr) && result.prefix.contains(addr))
    else {
        return Answer::Ask;
    };
    let mut flow = Flow4::to(dst);
    match output4::of_route(config, env, &mut flow, result) {
        Err(errno) => Answer::Refused(errno),
        Ok(decision) => {
            let answers_itself = result.alias.kind == RouteType::LOCAL && info.prefsrc.is_none();
            Answer::Decided { decision: Box::new(Decision { result: None, ..decision }), answers_itself }
        }
    }
}

/// The tables as one, each prefix with the code of its answer.
pub(super) fn compose(
    config: &Config,
    env: Env<'_>,
    ids: &[TableId],
    answers: &mut Answers,
) -> fib::Table<Ipv4Addr> {
    let mut routes: Vec<(Prefix<Ipv4Addr>, Code)> = Vec::new();
    let mut before = Before::default();
    for (n, &id) in ids.iter().enumerate() {
        let Some(table) = config.fib.table(id) else { continue };
        let begin = routes.len();
        for (addr, entries) in config.fib.trie(table).leaves() {
            for group in entries.chunk_by(|a, b| a.alias.len == b.alias.len) {
                let Ok(prefix) = Prefix::containing(addr, group[0].alias.len) else { continue };
                if before.hides(prefix) {
                    continue;
                }
                if let Some(code) = decisive(config, env, table, prefix, group, answers) {
                    routes.push((prefix, code));
                }
            }
        }
        if n + 1 < ids.len() {
            before.add(routes[begin..].iter().map(|&(prefix, _)| prefix));
        }
    }
    fib::Table::from_routes(routes)
}

/// The code of the routes of one prefix, in their order; `None` where all are passed over.
fn decisive(
    config: &Config,
    env: Env<'_>,
    table: &Table,
    prefix: Prefix<Ipv4Addr>,
    group: &[Entry],
    answers: &mut Answers,
) -> Option<Code> {
    for &Entry { alias, .. } in group {
        let info = config.fib.info(alias.info);
        if alias.dscp != 0 || alias.kind == RouteType::THROW {
            return Some(ASK);
        }
        if is_blackhole(config, info) {
            return Some(answers.refused(Errno::EINVAL));
        }
        if let Some(errno) = type_error(alias.kind) {
            return Some(answers.refused(errno));
        }
        if info.flags.has(RouteFlags::DEAD) {
            continue;
        }
        match config.hops(info).iter().position(|hop| hop_is_usable(config, hop, false)) {
            Some(hop) => {
                let result = FibResult { prefix, alias, table: table.id, hop, rule_realms: 0 };
                return Some(answers.of_route(config, env, result));
            }
            // Without a usable hop, an object ends the search of its leaf.
            None if info.nh_id.is_some() => return Some(ASK),
            None => {}
        }
    }
    None
}

/// The prefixes of the tables before.
#[derive(Default)]
struct Before {
    lens: Vec<u8>,
    prefixes: HashSet<Prefix<Ipv4Addr>>,
}

impl Before {
    fn add(&mut self, prefixes: impl Iterator<Item = Prefix<Ipv4Addr>>) {
        for prefix in prefixes {
            if !self.lens.contains(&prefix.len()) {
                self.lens.push(prefix.len());
            }
            self.prefixes.insert(prefix);
        }
    }

    /// Whether some route of a table before takes all packets to a prefix.
    fn hides(&self, prefix: Prefix<Ipv4Addr>) -> bool {
        self.lens.iter().filter(|&&len| len <= prefix.len()).any(|&len| {
            Prefix::containing(prefix.addr(), len).is_ok_and(|shorter| self.prefixes.contains(&shorter))
        })
    }
}
