//! Compiled decisions against the lookup, on the hosts that random scripts leave and
//! while they run.

use std::fmt::Debug;
use std::net::{Ipv4Addr, Ipv6Addr};

use fingerpost::script::{Runner, Script};
use fingerpost_engine::config::LOOPBACK;
use fingerpost_engine::fast::{Compiled4, Compiled6, Failure, Named, Publisher4, Publisher6};
use fingerpost_engine::lookup::hash::Asker;
use fingerpost_engine::lookup::input4::{self, Received};
use fingerpost_engine::lookup::{Decision, Decision6, Flow4, Flow6, input6, output4, output6};
use fingerpost_engine::trace::{Event, Sink, Tracer};
use fingerpost_engine::{Behaviour, Env, Namespace, State, World};
use fingerpost_iproute::Names;
use fingerpost_model::{NsId, TableId};
use fingerpost_net::{Family, Ip, Prefix, Rng};

use crate::generate::{self, Devices, Shape};

const NS: NsId = NsId(0);
const MARKS: [u32; 6] = [0, 0, 1, 2, 0x10, 0xff];
const TOS: [u8; 6] = [0, 0, 0, 0x10, 0x08, 0xb8];
const TRANSPORTS: [(u8, u16, u16); 4] = [(0, 0, 0), (6, 1000, 443), (17, 53, 53), (1, 0, 0)];

/// How many questions compiled decisions answered, how many they left to the lookup,
/// and how often everything was compiled.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Answered, as the lookup answers.
    pub known: u64,
    /// Left to the lookup.
    pub asked: u64,
    /// Publications for which everything was compiled.
    pub anew: u64,
    /// Publications of what had changed.
    pub kept: u64,
}

impl Counts {
    /// Adds others.
    pub fn add(&mut self, other: Counts) {
        self.known += other.known;
        self.asked += other.asked;
        self.anew += other.anew;
        self.kept += other.kept;
    }

    fn compare<T: PartialEq + Debug>(
        &mut self,
        answer: Option<T>,
        looked_up: &T,
        what: impl Fn() -> String,
    ) -> Result<(), String> {
        match answer {
            None => self.asked += 1,
            Some(answer) if answer == *looked_up => self.known += 1,
            Some(answer) => {
                return Err(format!("{}:\n  compiled  {answer:?}\n  looked up {looked_up:?}", what()));
            }
        }
        Ok(())
    }
}

/// A random script of a family.
pub fn script(seed: u64, index: u64, family: Family) -> Vec<String> {
    generate::scenario(seed, index, Shape { questions: 0, theme: None, devices: Devices::All, family })
}

/// Runs a line; one that is refused, or that is for a kernel alone, changes nothing.
pub fn run(world: &mut World, line: &str) {
    let Ok(script) = Script::parse(line) else { return };
    let names = Names::default();
    let mut runner = Runner { world, ns: NS, names: &names };
    script.commands().iter().for_each(|command| drop(runner.run(&command.words)));
}

fn fresh() -> World {
    World::new(1, Behaviour::default())
}

/// Compares answers about packets made here and received, one by one and in batches,
/// and their names, on the host that a script leaves.
///
/// # Errors
///
/// The first question that is answered otherwise.
pub fn compare(seed: u64, index: u64, family: Family, questions: usize) -> Result<Counts, String> {
    let mut world = fresh();
    script(seed, index, family).iter().for_each(|line| run(&mut world, line));
    let host = Host::of(&world, format!("configuration {index}"))?;
    let mut rng = Rng::new(index);
    match family {
        Family::V4 => host.compare4(&mut rng, questions),
        Family::V6 => host.compare6(&mut rng, questions),
    }
}

/// Publishes decisions after every line of a script, and compares what a reader sees.
///
/// # Errors
///
/// The first question that is answered otherwise.
pub fn publish(seed: u64, index: u64, family: Family, questions: usize) -> Result<Counts, String> {
    let mut world = fresh();
    let mut counts = Counts::default();
    match family {
        Family::V4 => {
            let mut publisher = Publisher4::new(&mut world, NS).map_err(refused)?;
            let mut reader = publisher.reader();
            let lines = script(seed, index, family);
            after_each(&lines, &mut world, index, |world, rng, place| {
                counts.published(publisher.publish(world).map_err(refused)?.is_anew);
                let host = Host::of(world, place)?;
                let (pinned, picture) = (reader.pin(), Picture::v4(host.space));
                let view = pinned.view();
                for _ in 0..questions {
                    let (flow, packet) = (picture.flow4(rng), picture.packet(rng));
                    let answer = view.decision(view.output(&flow), flow.src, flow.dst);
                    host.sent4(&mut counts, answer, &flow)?;
                    let answer = view.decision(view.input(&packet), packet.src, packet.dst);
                    host.received4(&mut counts, answer, &packet)?;
                }
                Ok(())
            })?;
        }
        Family::V6 => {
            let mut publisher = Publisher6::new(&mut world, NS).map_err(refused)?;
            let mut reader = publisher.reader();
            let lines = script(seed, index, family);
            after_each(&lines, &mut world, index, |world, rng, place| {
                counts.published(publisher.publish(world).map_err(refused)?.is_anew);
                let host = Host::of(world, place)?;
                let (pinned, picture) = (reader.pin(), Picture::v6(host.space));
                let view = pinned.view();
                for is_input in [false, true].into_iter().cycle().take(questions) {
                    let flow = picture.flow6(rng, is_input);
                    let code = if is_input { view.input(&flow) } else { view.output(&flow) };
                    let looked_up = host.looked_up6(&flow, is_input);
                    host.flow6(&mut counts, view.decision(code, flow.src, flow.dst), &flow, &looked_up)?;
                }
                Ok(())
            })?;
        }
    }
    Ok(counts)
}

fn refused(refusal: fingerpost_model::Refusal) -> String {
    refusal.to_string()
}

/// Runs a script's lines, with what may come between them, and does something after
/// each, told where that is.
fn after_each(
    lines: &[String],
    world: &mut World,
    index: u64,
    mut then: impl FnMut(&mut World, &mut Rng, String) -> Result<(), String>,
) -> Result<(), String> {
    let mut rng = Rng::new(index);
    for (n, line) in lines.iter().enumerate() {
        run(world, line);
        disturb(world, &mut rng, &lines[..n]);
        then(world, &mut rng, format!("script {index}, after {line}"))?;
    }
    Ok(())
}

impl Counts {
    fn published(&mut self, is_anew: bool) {
        if is_anew { self.anew += 1 } else { self.kept += 1 }
    }
}

/// What may come between the lines of a script: an earlier one again, a change that
/// changes no answer, some time.
fn disturb(world: &mut World, rng: &mut Rng, earlier: &[String]) {
    if rng.chance(1, 4)
        && let Some(line) = rng.pick(earlier)
    {
        run(world, line);
    }
    if rng.chance(1, 4) {
        run(world, &format!("ip link set lo txqueuelen {}", 100 + rng.below(9)));
    }
    if rng.chance(1, 16) {
        world.pass(5_000);
    }
}

/// Keeps no event: the lookup is traced all the same.
struct Nobody;

impl Sink for Nobody {
    fn event(&mut self, _: Event) {}
}

struct Host<'a> {
    space: &'a Namespace,
    env: Env<'a>,
    place: String,
}

impl<'a> Host<'a> {
    fn of(world: &'a World, place: String) -> Result<Self, String> {
        let space = world.ns(NS).map_err(refused)?;
        Ok(Host { space, env: Env { behaviour: &world.behaviour, now: world.now }, place })
    }

    fn compare4(&self, rng: &mut Rng, questions: usize) -> Result<Counts, String> {
        let (config, mut counts) = (&self.space.config, Counts::default());
        let (fast, naming) = (Compiled4::new(config, self.env), Compiled4::naming_routes(config, self.env));
        let (fast, naming) = (fast.view(), naming.view());
        let picture = Picture::v4(self.space);
        let flows: Vec<Flow4> = (0..questions).map(|_| picture.flow4(rng)).collect();
        let packets: Vec<Received> = (0..questions).map(|_| picture.packet(rng)).collect();
        let mut codes = vec![0; questions];
        let mut named = vec![(0, Named::NOTHING); questions];
        fast.output_batch(&flows, &mut codes);
        naming.output_batch_by(&flows, &mut named);
        for ((flow, &code), &(by_name, named)) in flows.iter().zip(&codes).zip(&named) {
            self.same(code, fast.output(flow), flow)?;
            self.same((by_name, named), naming.output_by(flow), flow)?;
            let answer = fast.decision(code, flow.src, flow.dst);
            self.same(&answer, &naming.decision(by_name, flow.src, flow.dst), flow)?;
            let is_known = answer.is_some();
            let looked_up = self.sent4(&mut counts, answer, flow)?;
            self.is_named(is_known, named, looked_up, flow)?;
        }
        fast.input_batch(&packets, &mut codes);
        naming.input_batch_by(&packets, &mut named);
        for ((packet, &code), &(by_name, named)) in packets.iter().zip(&codes).zip(&named) {
            self.same(code, fast.input(packet), packet)?;
            self.same((by_name, named), naming.input_by(packet), packet)?;
            let answer = fast.decision(code, packet.src, packet.dst);
            self.same(&answer, &naming.decision(by_name, packet.src, packet.dst), packet)?;
            let is_known = answer.is_some();
            let looked_up = self.received4(&mut counts, answer, packet)?;
            self.is_named(is_known, named, looked_up, packet)?;
        }
        Ok(counts)
    }

    fn compare6(&self, rng: &mut Rng, questions: usize) -> Result<Counts, String> {
        let (config, mut counts) = (&self.space.config, Counts::default());
        let (fast, naming) = (Compiled6::new(config, self.env), Compiled6::naming_routes(config, self.env));
        let (fast, naming) = (fast.view(), naming.view());
        let picture = Picture::v6(self.space);
        let mut codes = vec![0; questions];
        let mut named = vec![(0, Named::NOTHING); questions];
        for is_input in [false, true] {
            let flows: Vec<Flow6> = (0..questions).map(|_| picture.flow6(rng, is_input)).collect();
            match is_input {
                true => fast.input_batch(&flows, &mut codes),
                false => fast.output_batch(&flows, &mut codes),
            }
            match is_input {
                true => naming.input_batch_by(&flows, &mut named),
                false => naming.output_batch_by(&flows, &mut named),
            }
            for ((flow, &code), &(by_name, named)) in flows.iter().zip(&codes).zip(&named) {
                let single = if is_input { fast.input(flow) } else { fast.output(flow) };
                self.same(code, single, flow)?;
                let looked_up = self.looked_up6(flow, is_input);
                self.flow6(&mut counts, fast.decision(code, flow.src, flow.dst), flow, &looked_up)?;
                let answer = naming.decision(by_name, flow.src, flow.dst);
                let route = looked_up.ok().map(|decision| decision.found.route);
                let route = route.map(|route| (route.dst, route.table));
                self.is_named(answer.is_some(), named, route, flow)?;
            }
        }
        Ok(counts)
    }

    fn same<T: PartialEq + Debug>(&self, one: T, other: T, question: &impl Debug) -> Result<(), String> {
        match one == other {
            true => Ok(()),
            false => Err(format!("{}: {question:?}: {one:?}, and the other way {other:?}", self.place)),
        }
    }

    /// Whether a known answer's route is named as the lookup names it, where that found one.
    fn is_named<I: Ip>(
        &self,
        is_known: bool,
        named: Named<I>,
        looked_up: Option<(Prefix<I>, TableId)>,
        question: &impl Debug,
    ) -> Result<(), String> {
        match (is_known, looked_up) {
            (true, Some(_)) => self.same(named.route.zip(named.table), looked_up, question),
            _ => Ok(()),
        }
    }

    /// Compares the answer about a packet made here; the route that the lookup found.
    fn sent4(
        &self,
        counts: &mut Counts,
        answer: Option<Result<Decision, Failure>>,
        flow: &Flow4,
    ) -> Result<Option<(Prefix<Ipv4Addr>, TableId)>, String> {
        let (state, mut nobody) = (&mut State::default(), Nobody);
        let tracer = &mut Tracer::on(&mut nobody);
        let (config, mut own) = (&self.space.config, flow.clone());
        let found = output4::resolve(config, state, self.env, &mut own, Asker::Socket, tracer);
        self.decided4(counts, answer, found.map_err(Failure::Refused), flow)
    }

    /// The same for a received one.
    fn received4(
        &self,
        counts: &mut Counts,
        answer: Option<Result<Decision, Failure>>,
        packet: &Received,
    ) -> Result<Option<(Prefix<Ipv4Addr>, TableId)>, String> {
        let (state, mut nobody) = (&mut State::default(), Nobody);
        let found =
            input4::resolve(&self.space.config, state, self.env, packet, &mut Tracer::on(&mut nobody));
        self.decided4(counts, answer, found.map_err(Failure::Dropped), packet)
    }

    fn decided4(
        &self,
        counts: &mut Counts,
        answer: Option<Result<Decision, Failure>>,
        looked_up: Result<Decision, Failure>,
        question: &impl Debug,
    ) -> Result<Option<(Prefix<Ipv4Addr>, TableId)>, String> {
        let route = looked_up.as_ref().ok().and_then(|decision| decision.result);
        // Compiled answers name no route.
        let looked_up = looked_up.map(|decision| Decision { result: None, ..decision });
        counts.compare(answer, &looked_up, || format!("{}: {question:?}", self.place))?;
        Ok(route.map(|result| (result.prefix, result.table)))
    }

    fn looked_up6(&self, flow: &Flow6, is_input: bool) -> Result<Decision6, Failure> {
        let (state, mut nobody) = (&mut State::default(), Nobody);
        let resolve = if is_input { input6::resolve } else { output6::resolve };
        let tracer = &mut Tracer::on(&mut nobody);
        resolve(&self.space.config, state, self.env, &mut flow.clone(), tracer).map_err(Failure::Refused)
    }

    fn flow6(
        &self,
        counts: &mut Counts,
        answer: Option<Result<Decision6, Failure>>,
        flow: &Flow6,
        looked_up: &Result<Decision6, Failure>,
    ) -> Result<(), String> {
        // Of routes whose packets fare alike a compiled answer names any.
        let alike = |answer: Result<Decision6, Failure>| match (answer, looked_up) {
            (Ok(decision), Ok(other)) => Ok(Decision6 { found: other.found, ..decision }),
            (answer, _) => answer,
        };
        counts.compare(answer.map(alike), looked_up, || format!("{}: {flow:?}", self.place))
    }
}

/// What questions are made of: prefixes of routes, own addresses, devices.
struct Picture<I: Ip> {
    prefixes: Vec<Prefix<I>>,
    own: Vec<I>,
    devices: Vec<u32>,
}

impl<I: Ip> Picture<I> {
    /// An address of a prefix, or any.
    fn address(&self, rng: &mut Rng, prefixes: &[Prefix<I>]) -> I {
        let any = u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64());
        match prefixes.get(rng.below(prefixes.len() as u64 + 1) as usize) {
            None => I::from_key(any),
            Some(prefix) => {
                let one = 1 << (128 - I::WIDTH);
                let rest = u128::MAX.checked_shr(prefix.len().into()).unwrap_or(0);
                let offset = [0, one, rest, any][rng.below(4) as usize];
                I::from_key(prefix.addr().to_key() | offset & rest)
            }
        }
    }

    fn routed(&self, rng: &mut Rng) -> I {
        self.address(rng, &self.prefixes)
    }

    fn own(&self, rng: &mut Rng) -> I {
        rng.pick(&self.own).copied().unwrap_or(I::ZERO)
    }

    fn device(&self, rng: &mut Rng) -> u32 {
        rng.pick(&self.devices).copied().unwrap_or(LOOPBACK)
    }
}

fn one_of<T: Copy, const N: usize>(rng: &mut Rng, list: [T; N]) -> T {
    list[rng.below(N as u64) as usize]
}

impl Picture<Ipv4Addr> {
    fn v4(space: &Namespace) -> Self {
        let (links, fib) = (&space.config.links, &space.config.fib);
        let own = links.iter().filter_map(|link| link.ipv4.as_ref()).flat_map(|ipv4| &ipv4.addrs);
        let leaves = fib.tables.iter().flat_map(|table| fib.trie(table).leaves());
        let prefixes = leaves.flat_map(|(addr, entries)| {
            entries.iter().filter_map(move |entry| Prefix::containing(addr, entry.alias.len).ok())
        });
        Picture {
            prefixes: prefixes.collect(),
            own: own.map(|addr| addr.local).collect(),
            devices: links.iter().map(|link| link.index()).collect(),
        }
    }

    /// A flow of which the source is open, an address of the host, or any.
    fn flow4(&self, rng: &mut Rng) -> Flow4 {
        let (proto, sport, dport) = one_of(rng, TRANSPORTS);
        let src = match rng.below(4) {
            0 | 1 => Ipv4Addr::UNSPECIFIED,
            2 => self.own(rng),
            _ => self.routed(rng),
        };
        let (mark, dscp, uid) = (one_of(rng, MARKS), one_of(rng, TOS), one_of(rng, [0, 1000, 999]));
        let any_source = rng.chance(1, 4);
        Flow4 { src, mark, dscp, proto, sport, dport, uid, any_source, ..Flow4::to(self.routed(rng)) }
    }

    fn packet(&self, rng: &mut Rng) -> Received {
        let (proto, sport, dport) = one_of(rng, TRANSPORTS);
        let dst = if rng.chance(1, 4) { self.own(rng) } else { self.routed(rng) };
        let src = if rng.chance(1, 8) { self.own(rng) } else { self.routed(rng) };
        let (mark, tos, dev) = (one_of(rng, MARKS), one_of(rng, TOS), self.device(rng));
        Received { mark, tos, proto, sport, dport, ..Received::between(dev, src, dst) }
    }
}

impl Picture<Ipv6Addr> {
    fn v6(space: &Namespace) -> Self {
        let links = &space.config.links;
        let own = links.iter().filter_map(|link| link.ipv6.as_ref()).flat_map(|ipv6| &ipv6.addrs);
        let routes = space.config.fib6.tables.iter().flat_map(|table| table.routes());
        Picture {
            prefixes: routes.map(|route| route.dst).collect(),
            own: own.map(|addr| addr.addr).collect(),
            devices: links.iter().map(|link| link.index()).collect(),
        }
    }

    fn flow6(&self, rng: &mut Rng, is_input: bool) -> Flow6 {
        let (proto, sport, dport) = one_of(rng, TRANSPORTS);
        let src = match rng.below(4) {
            0 | 1 if !is_input => Ipv6Addr::UNSPECIFIED,
            2 => self.own(rng),
            _ => self.routed(rng),
        };
        let iif = if is_input { self.device(rng) } else { LOOPBACK };
        let dst = match rng.chance(1, 3) {
            true => {
                // Beside an own address, where the choice of sources turns.
                let near = Prefix::containing(self.own(rng), rng.below(129) as u8);
                self.address(rng, &[near.unwrap_or(Prefix::DEFAULT)])
            }
            false => self.routed(rng),
        };
        let (mark, dscp) = (one_of(rng, MARKS), one_of(rng, TOS));
        let uid = if is_input { 0 } else { one_of(rng, [0, 1000, 999]) };
        Flow6 { src, has_source: is_input, iif, mark, dscp, proto, sport, dport, uid, ..Flow6::to(dst) }
    }
}
