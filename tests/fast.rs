//! The compiled decisions give the answers of the lookup.

use std::net::{Ipv4Addr, Ipv6Addr};

use fingerpost::script::{Runner, Script};
use fingerpost_engine::config::LOOPBACK;
use fingerpost_engine::fast::{Answer, Compiled4, Compiled6, Failure, Named, Publisher4, Publisher6, Source};
use fingerpost_engine::lookup::hash::Asker;
use fingerpost_engine::lookup::input4::{self, Received};
use fingerpost_engine::lookup::{Decision, Decision6, Flow4, Flow6, input6, output4, output6};
use fingerpost_engine::trace::Tracer;
use fingerpost_engine::{Behaviour, Env, Namespace, State, World};
use fingerpost_iproute::Names;
use fingerpost_model::{NsId, TableId};
use fingerpost_net::{Errno, Family, Ip, Prefix};
use fingerpost_testkit::generate::{self, Devices, Shape};

/// Configurations of random scripts, each as it is at the end.
const CONFIGURATIONS: u64 = 200;
/// Scripts after each of whose lines decisions are published.
const PUBLISHED: u64 = 30;
/// Questions after each line.
const QUESTIONS_A_LINE: usize = 12;
/// Questions to each.
const QUESTIONS: usize = 400;


/// Runs a line; one that is refused, or that is for a kernel alone, changes nothing.
fn run(world: &mut World, line: &str) {
    let Ok(script) = Script::parse(line) else { return };
    let names = Names::default();
    let mut runner = Runner { world, ns: NsId(0), names: &names };
    script.commands().iter().for_each(|command| drop(runner.run(&command.words)));
}

fn script(index: u64, family: Family) -> Vec<String> {
    let shape = Shape { questions: 0, theme: None, devices: Devices::All, family };
    generate::scenario(20_261_122, index, shape)
}

/// The host that a random script leaves.
fn host(index: u64, family: Family) -> World {
    let mut world = World::new(1, Behaviour::default());
    script(index, family).iter().for_each(|line| run(&mut world, line));
    world
}

/// Numbers that a seed makes (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    /// An address of some route, or any.
    fn address<I: Ip>(&mut self, prefixes: &[Prefix<I>]) -> I {
        let any = u128::from(self.next()) << 64 | u128::from(self.next());
        match prefixes.get(self.below(prefixes.len() + 1)) {
            None => I::from_key(any),
            Some(prefix) => {
                let one = 1 << (128 - I::WIDTH);
                let rest = u128::MAX.checked_shr(prefix.len().into()).unwrap_or(0);
                let offset = [0, one, rest, any][self.below(4)];
                I::from_key(prefix.addr().to_key() | offset & rest)
            }
        }
    }

    fn flow6(&mut self, addresses: &Addresses<Ipv6Addr>, is_input: bool) -> Flow6 {
        let mark = MARKS[self.below(MARKS.len())];
        let dscp = [0, 0, 0, 0x10, 0x08, 0xb8][self.below(6)];
        let (proto, sport, dport) = TRANSPORTS[self.below(TRANSPORTS.len())];
        let uid = if is_input { 0 } else { [0, 1000, 999][self.below(3)] };
        let src = match self.below(4) {
            0 | 1 if !is_input => Ipv6Addr::UNSPECIFIED,
            2 => self.own(addresses),
            _ => self.address(&addresses.prefixes),
        };
        let iif = match is_input {
            true => addresses.devices[self.below(addresses.devices.len())],
            false => LOOPBACK,
        };
        let flow = Flow6::to(match self.below(3) {
            0 => {
                // Beside an own address, where the choice of sources turns.
                let len = self.below(129) as u8;
                let near = Prefix::containing(self.own(addresses), len).unwrap_or(Prefix::DEFAULT);
                self.address(&[near])
            }
            _ => self.address(&addresses.prefixes),
        });
        Flow6 { src, has_source: is_input, iif, mark, dscp, proto, sport, dport, uid, ..flow }
    }

    /// A flow of which the source is open, an address of the host, or any.
    fn flow(&mut self, addresses: &Addresses<Ipv4Addr>) -> Flow4 {
        let mark = MARKS[self.below(MARKS.len())];
        let dscp = [0, 0, 0, 0x10, 0x08, 0xb8][self.below(6)];
        let (proto, sport, dport) = TRANSPORTS[self.below(TRANSPORTS.len())];
        let uid = [0, 1000, 999][self.below(3)];
        let src = match self.below(4) {
            0 | 1 => Ipv4Addr::UNSPECIFIED,
            2 => self.own(addresses),
            _ => self.address(&addresses.prefixes),
        };
        let any_source = self.below(4) == 0;
        let flow = Flow4::to(self.address(&addresses.prefixes));
        Flow4 { src, mark, dscp, proto, sport, dport, uid, any_source, ..flow }
    }

    fn packet(&mut self, addresses: &Addresses<Ipv4Addr>) -> Received {
        let mark = MARKS[self.below(MARKS.len())];
        let tos = [0, 0, 0, 0x10, 0x08, 0xb8][self.below(6)];
        let (proto, sport, dport) = TRANSPORTS[self.below(TRANSPORTS.len())];
        let dst = match self.below(4) {
            0 => self.own(addresses),
            _ => self.address(&addresses.prefixes),
        };
        let src = match self.below(8) {
            0 => self.own(addresses),
            _ => self.address(&addresses.prefixes),
        };
        let dev = addresses.devices[self.below(addresses.devices.len())];
        Received { dst, src, dev, mark, tos, proto, sport, dport, pseudo: false }
    }

    fn own<I: Ip>(&mut self, addresses: &Addresses<I>) -> I {
        let own = &addresses.own;
        own.get(self.below(own.len())).copied().unwrap_or(I::ZERO)
    }
}

const MARKS: [u32; 6] = [0, 0, 1, 2, 0x10, 0xff];
const TRANSPORTS: [(u8, u16, u16); 4] = [(0, 0, 0), (6, 1000, 443), (17, 53, 53), (1, 0, 0)];

/// What questions are made of.
struct Addresses<I: Ip> {
    prefixes: Vec<Prefix<I>>,
    own: Vec<I>,
    devices: Vec<u32>,
}

impl Addresses<Ipv4Addr> {
    fn v4(space: &Namespace) -> Self {
        let (links, fib) = (&space.config.links, &space.config.fib);
        let own = links.iter().filter_map(|link| link.ipv4.as_ref()).flat_map(|ipv4| &ipv4.addrs);
        let leaves = fib.tables.iter().flat_map(|table| fib.trie(table).leaves());
        let prefixes = leaves.flat_map(|(addr, entries)| {
            entries.iter().filter_map(move |entry| Prefix::containing(addr, entry.alias.len).ok())
        });
        Addresses {
            prefixes: prefixes.collect(),
            own: own.map(|addr| addr.local).collect(),
            devices: links.iter().map(|link| link.index()).collect(),
        }
    }
}

impl Addresses<Ipv6Addr> {
    fn v6(space: &Namespace) -> Self {
        let links = &space.config.links;
        let own = links.iter().filter_map(|link| link.ipv6.as_ref()).flat_map(|ipv6| &ipv6.addrs);
        let routes = space.config.fib6.tables.iter().flat_map(|table| table.routes());
        Addresses {
            prefixes: routes.map(|route| route.dst).collect(),
            own: own.map(|addr| addr.addr).collect(),
            devices: links.iter().map(|link| link.index()).collect(),
        }
    }
}

/// A decision without its route, which compiled answers do not name.
fn unnamed(decision: Decision) -> Decision {
    Decision { result: None, ..decision }
}

/// What the lookup says of a packet made here.
fn sent(space: &Namespace, env: Env<'_>, flow: &Flow4) -> Result<Decision, Failure> {
    let (config, mut flow) = (&space.config, flow.clone());
    let (state, tracer) = (&mut State::default(), &mut Tracer::off());
    let found = output4::resolve(config, state, env, &mut flow, Asker::Socket, tracer);
    found.map(unnamed).map_err(Failure::Refused)
}

/// What the lookup says of a received one.
fn received(space: &Namespace, env: Env<'_>, packet: &Received) -> Result<Decision, Failure> {
    let found =
        input4::resolve(&space.config, &mut State::default(), env, packet, &mut Tracer::off());
    found.map(unnamed).map_err(Failure::Dropped)
}

/// How many answers were known, and how many to be asked.
#[derive(Debug, Default)]
struct Count {
    known: u64,
    asked: u64,
}

impl Count {
    fn add<T: PartialEq + std::fmt::Debug>(
        &mut self,
        answer: Option<T>,
        looked_up: impl FnOnce() -> T,
        what: impl FnOnce() -> String,
    ) {
        match answer {
            None => self.asked += 1,
            Some(answer) => {
                self.known += 1;
                assert_eq!(answer, looked_up(), "{}", what());
            }
        }
    }
}

#[test]
fn compiled_answers_are_those_of_the_lookup() {
    let (mut made, mut came) = (Count::default(), Count::default());
    for index in 0..CONFIGURATIONS {
        let world = host(index, Family::V4);
        let space = world.ns(NsId(0)).expect("the first namespace");
        let env = Env { behaviour: &world.behaviour, now: world.now };
        let (fast, naming) =
            (Compiled4::new(&space.config, env), Compiled4::naming_routes(&space.config, env));
        let (fast, naming) = (fast.view(), naming.view());
        let addresses = Addresses::v4(space);
        let mut random = Random(index);
        let flows: Vec<Flow4> = (0..QUESTIONS).map(|_| random.flow(&addresses)).collect();
        let packets: Vec<Received> = (0..QUESTIONS).map(|_| random.packet(&addresses)).collect();
        let mut codes = vec![0; QUESTIONS];
        fast.output_batch(&flows, &mut codes);
        for (flow, &code) in flows.iter().zip(&codes) {
            let what = || format!("configuration {index}: {flow:?}");
            assert_eq!(code, fast.output(flow), "{}", what());
            let answer = fast.decision(code, flow.src, flow.dst);
            made.add(answer.clone(), || sent(space, env, flow), what);
            let (code, route) = naming.output_by(flow);
            assert_eq!(naming.decision(code, flow.src, flow.dst), answer, "{}", what());
            names_the_route(&answer, route, || named(space, env, flow), what);
        }
        fast.input_batch(&packets, &mut codes);
        for (packet, &code) in packets.iter().zip(&codes) {
            let what = || format!("configuration {index}: {packet:?}");
            assert_eq!(code, fast.input(packet), "{}", what());
            let answer = fast.decision(code, packet.src, packet.dst);
            came.add(answer.clone(), || received(space, env, packet), what);
            let (code, _) = naming.input_by(packet);
            assert_eq!(naming.decision(code, packet.src, packet.dst), answer, "{}", what());
        }
    }
    eprintln!("made here {made:?}, received {came:?}");
    assert!(made.known > made.asked, "made here: {made:?}");
    assert!(came.known > 10_000, "received: {came:?}");
}

#[test]
fn compiled_answers_are_those_of_the_lookup_for_ipv6() {
    let (mut made, mut came) = (Count::default(), Count::default());
    for index in 0..CONFIGURATIONS {
        let world = host(index, Family::V6);
        let space = world.ns(NsId(0)).expect("the first namespace");
        let env = Env { behaviour: &world.behaviour, now: world.now };
        let (fast, naming) =
            (Compiled6::new(&space.config, env), Compiled6::naming_routes(&space.config, env));
        let (fast, naming) = (fast.view(), naming.view());
        let addresses = Addresses::v6(space);
        let mut random = Random(index);
        let mut codes = vec![0; QUESTIONS];
        for is_input in [false, true] {
            let count = if is_input { &mut came } else { &mut made };
            let flows: Vec<Flow6> = (0..QUESTIONS).map(|_| random.flow6(&addresses, is_input)).collect();
            match is_input {
                true => fast.input_batch(&flows, &mut codes),
                false => fast.output_batch(&flows, &mut codes),
            }
            for (flow, &code) in flows.iter().zip(&codes) {
                let what = || format!("configuration {index}: {flow:?}");
                let single = if is_input { fast.input(flow) } else { fast.output(flow) };
                assert_eq!(code, single, "{}", what());
                let looked_up = looked_up6(space, env, flow, is_input);
                let answer = fast.decision(code, flow.src, flow.dst).map(|answer| alike(answer, &looked_up));
                count.add(answer, || looked_up.clone(), what);
                let (code, route) = if is_input { naming.input_by(flow) } else { naming.output_by(flow) };
                if let Some(Ok(_)) = naming.decision(code, flow.src, flow.dst) {
                    let named = looked_up.as_ref().ok().map(|d| (d.found.route.dst, d.found.route.table));
                    assert_eq!(route.route.zip(route.table), named, "{}", what());
                }
            }
        }
    }
    eprintln!("made here {made:?}, received {came:?}");
    assert!(made.known > made.asked, "made here: {made:?}");
    assert!(came.known > 10_000, "received: {came:?}");
}

/// Of routes whose packets fare alike a compiled answer names any.
fn alike(
    answer: Result<Decision6, Failure>,
    looked_up: &Result<Decision6, Failure>,
) -> Result<Decision6, Failure> {
    match (answer, looked_up) {
        (Ok(decision), Ok(other)) => Ok(Decision6 { found: other.found, ..decision }),
        (answer, _) => answer,
    }
}

/// What the lookup says of an IPv6 packet.
fn looked_up6(
    space: &Namespace,
    env: Env<'_>,
    flow: &Flow6,
    is_input: bool,
) -> Result<Decision6, Failure> {
    let (state, tracer) = (&mut State::default(), &mut Tracer::off());
    let resolve = if is_input { input6::resolve } else { output6::resolve };
    resolve(&space.config, state, env, &mut flow.clone(), tracer).map_err(Failure::Refused)
}

/// The route of a packet made here, by the lookup.
fn named(space: &Namespace, env: Env<'_>, flow: &Flow4) -> Option<(Prefix<Ipv4Addr>, TableId)> {
    let (state, tracer) = (&mut State::default(), &mut Tracer::off());
    let found =
        output4::resolve(&space.config, state, env, &mut flow.clone(), Asker::Socket, tracer).ok()?;
    found.result.map(|result| (result.prefix, result.table))
}

/// A decided packet's route is named as the lookup names it.
fn names_the_route(
    answer: &Option<Result<Decision, Failure>>,
    named: Named<Ipv4Addr>,
    looked_up: impl FnOnce() -> Option<(Prefix<Ipv4Addr>, TableId)>,
    what: impl FnOnce() -> String,
) {
    if let Some(Ok(_)) = answer {
        assert_eq!(named.route.zip(named.table), looked_up(), "{}", what());
    }
}

/// Decisions are published after every line of random scripts: what a reader sees then
/// is what the lookup says.
#[test]
fn what_is_published_is_what_the_lookup_says() {
    let (mut count, mut anew, mut kept) = (Count::default(), 0, 0);
    for index in 0..PUBLISHED {
        let mut world = World::new(1, Behaviour::default());
        let mut publisher = Publisher4::new(&mut world, NsId(0)).expect("the first namespace");
        let mut reader = publisher.reader();
        let mut random = Random(index);
        for line in script(index, Family::V4) {
            run(&mut world, &line);
            let publication = publisher.publish(&mut world).expect("the first namespace");
            *(if publication.is_anew { &mut anew } else { &mut kept }) += 1;
            let space = world.ns(NsId(0)).expect("the first namespace");
            let env = Env { behaviour: &world.behaviour, now: world.now };
            let addresses = Addresses::v4(space);
            let pinned = reader.pin();
            let view = pinned.view();
            for _ in 0..QUESTIONS_A_LINE {
                let (flow, packet) = (random.flow(&addresses), random.packet(&addresses));
                let what = || format!("script {index}, after {line}: {flow:?} {packet:?}");
                let answer = view.decision(view.output(&flow), flow.src, flow.dst);
                count.add(answer, || sent(space, env, &flow), what);
                let answer = view.decision(view.input(&packet), packet.src, packet.dst);
                count.add(answer, || received(space, env, &packet), what);
            }
        }
    }
    eprintln!("{count:?}, compiled anew {anew} times, not {kept} times");
    assert!(count.known > 10_000, "{count:?}");
    assert!(kept > anew, "compiled anew {anew} times, not {kept} times");
}

/// The same of IPv6.
#[test]
fn what_is_published_is_what_the_lookup_says_for_ipv6() {
    let (mut count, mut kept) = (Count::default(), 0);
    for index in 0..PUBLISHED {
        let mut world = World::new(1, Behaviour::default());
        let mut publisher = Publisher6::new(&mut world, NsId(0)).expect("the first namespace");
        let mut reader = publisher.reader();
        let mut random = Random(index);
        for line in script(index, Family::V6) {
            run(&mut world, &line);
            let publication = publisher.publish(&mut world).expect("the first namespace");
            kept += u64::from(!publication.is_anew);
            let space = world.ns(NsId(0)).expect("the first namespace");
            let env = Env { behaviour: &world.behaviour, now: world.now };
            let addresses = Addresses::v6(space);
            let pinned = reader.pin();
            let view = pinned.view();
            for is_input in [false, true].into_iter().cycle().take(QUESTIONS_A_LINE) {
                let flow = random.flow6(&addresses, is_input);
                let code = if is_input { view.input(&flow) } else { view.output(&flow) };
                let looked_up = looked_up6(space, env, &flow, is_input);
                let answer = view.decision(code, flow.src, flow.dst).map(|answer| alike(answer, &looked_up));
                count.add(answer, || looked_up.clone(), || {
                    format!("script {index}, after {line}: {flow:?}")
                });
            }
        }
    }
    eprintln!("{count:?}, not compiled anew {kept} times");
    assert!(count.known > 10_000 && kept > 0, "{count:?}, {kept}");
}

#[test]
fn what_turns_on_more_than_the_tables_is_asked() {
    let mut world = World::new(1, Behaviour::default());
    let names = Names::default();
    let script = "
        ip link add e0 type dummy
        ip link set e0 up
        ip addr add 10.0.0.1/24 dev e0
        ip route add 20.0.0.0/8 via 10.0.0.2
        ip route add 20.0.0.0/8 tos 0x10 via 10.0.0.3
        ip route add 30.0.0.0/8 nexthop via 10.0.0.2 nexthop via 10.0.0.3
        ip route add unreachable 40.0.0.0/8
        ip route add local 60.0.0.0/8 dev lo";
    for command in Script::parse(script).expect("a script").commands() {
        let outcome = Runner { world: &mut world, ns: NsId(0), names: &names }.run(&command.words);
        assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    }
    let space = world.ns(NsId(0)).expect("the first namespace");
    let env = Env { behaviour: &world.behaviour, now: world.now };
    let fast = Compiled4::new(&space.config, env);
    let fast = fast.view();
    let ask = |flow: &Flow4| fast.answer(fast.output(flow)).clone();
    let to = |dst: &str| Flow4::to(dst.parse().expect("an address"));
    let refused = |errno| Answer::Failed(Failure::Refused(errno));
    for dst in ["30.0.0.1", "224.0.0.1", "0.0.0.0", "255.255.255.255"] {
        assert_eq!(ask(&to(dst)), Answer::Ask, "{dst}");
    }
    assert_eq!(ask(&Flow4 { dscp: 0x10, ..to("20.0.0.1") }), Answer::Ask);
    assert_eq!(ask(&Flow4 { oif: 2, ..to("10.0.0.9") }), Answer::Ask);
    assert_eq!(ask(&to("40.0.0.1")), refused(Errno::EHOSTUNREACH));
    assert_eq!(ask(&to("50.0.0.1")), refused(Errno::ENETUNREACH));
    let sourced = |src: &str, dst: &str| Flow4 { src: src.parse().expect("an address"), ..to(dst) };
    assert_eq!(ask(&sourced("10.0.0.7", "10.0.0.9")), refused(Errno::ENETUNREACH));
    let source = |flow: &Flow4| match ask(flow) {
        Answer::Decided { source, .. } => Some(source),
        _ => None,
    };
    assert_eq!(source(&to("20.0.0.1")), Some(Source::Decision));
    assert_eq!(source(&to("10.0.0.9")), Some(Source::Decision));
    assert_eq!(source(&sourced("10.0.0.1", "10.0.0.9")), Some(Source::Given));
    assert_eq!(source(&sourced("60.0.0.7", "10.0.0.9")), Some(Source::Given), "known to the local table");
    // The route to the own address names it as the source, one by hand does not.
    assert_eq!(source(&to("10.0.0.1")), Some(Source::Decision));
    assert_eq!(source(&to("60.0.0.1")), Some(Source::Destination));
}
