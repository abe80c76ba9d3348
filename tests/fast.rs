//! The compiled decisions give the answers of the lookup.

use std::net::Ipv4Addr;

use fingerpost::script::{Runner, Script};
use fingerpost_engine::fast::{Answer, Output4};
use fingerpost_engine::lookup::hash::Asker;
use fingerpost_engine::lookup::{Decision, Flow4, output4};
use fingerpost_engine::trace::Tracer;
use fingerpost_engine::{Behaviour, Env, Namespace, State, World};
use fingerpost_iproute::Names;
use fingerpost_model::NsId;
use fingerpost_net::{Errno, Family, Prefix};
use fingerpost_testkit::generate::{self, Devices, Shape};

/// Configurations of random scripts, each as it is at the end.
const CONFIGURATIONS: u64 = 200;
/// Questions to each.
const QUESTIONS: u64 = 400;

const SHAPE: Shape = Shape { questions: 0, theme: None, devices: Devices::All, family: Family::V4 };

/// The host that a random script leaves; lines that are refused, or that are
/// for a kernel alone, change nothing.
fn host(index: u64) -> World {
    let mut world = World::new(1, Behaviour::default());
    let names = Names::default();
    for line in generate::scenario(20_261_122, index, SHAPE) {
        let Ok(script) = Script::parse(&line) else { continue };
        let mut runner = Runner { world: &mut world, ns: NsId(0), names: &names };
        script.commands().iter().for_each(|command| drop(runner.run(&command.words)));
    }
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
    fn address(&mut self, prefixes: &[Prefix<Ipv4Addr>]) -> Ipv4Addr {
        let any = self.next() as u32;
        match prefixes.get(self.below(prefixes.len() + 1)) {
            None => Ipv4Addr::from_bits(any),
            Some(prefix) => {
                let rest = u32::MAX.checked_shr(prefix.len().into()).unwrap_or(0);
                let offset = [0, 1, rest, any][self.below(4)];
                Ipv4Addr::from_bits(prefix.addr().to_bits() | offset & rest)
            }
        }
    }

    fn flow(&mut self, prefixes: &[Prefix<Ipv4Addr>]) -> Flow4 {
        let mark = [0, 0, 1, 2, 0x10, 0xff][self.below(6)];
        let dscp = [0, 0, 0x10, 0x08, 0xb8][self.below(5)];
        let (proto, sport, dport) = [(0, 0, 0), (6, 1000, 443), (17, 53, 53), (1, 0, 0)][self.below(4)];
        let uid = [0, 1000, 999][self.below(3)];
        Flow4 { mark, dscp, proto, sport, dport, uid, ..Flow4::to(self.address(prefixes)) }
    }
}

fn prefixes(space: &Namespace) -> Vec<Prefix<Ipv4Addr>> {
    let tries = space.config.fib.tables.iter().map(|table| space.config.fib.trie(table));
    let routes = tries.flat_map(|trie| trie.leaves()).flat_map(|(addr, entries)| {
        entries.iter().filter_map(move |entry| Prefix::containing(addr, entry.alias.len).ok())
    });
    routes.collect()
}

/// What the lookup says; the compiled answer names no route.
fn looked_up(space: &Namespace, env: Env<'_>, flow: &Flow4) -> Result<Decision, Errno> {
    let (config, mut flow) = (&space.config, flow.clone());
    let found =
        output4::resolve(config, &mut State::default(), env, &mut flow, Asker::Socket, &mut Tracer::off());
    found.map(|decision| Decision { result: None, ..decision })
}

#[test]
fn compiled_answers_are_those_of_the_lookup() {
    let (mut known, mut asked) = (0, 0);
    for index in 0..CONFIGURATIONS {
        let world = host(index);
        let space = world.ns(NsId(0)).expect("the first namespace");
        let env = Env { behaviour: &world.behaviour, now: world.now };
        let fast = Output4::new(&space.config, env);
        let prefixes = prefixes(space);
        let mut random = Random(index);
        for _ in 0..QUESTIONS {
            let flow = random.flow(&prefixes);
            match fast.answer(fast.decide(&space.config, &flow)).to(flow.dst) {
                None => asked += 1,
                Some(answer) => {
                    known += 1;
                    assert_eq!(answer, looked_up(space, env, &flow), "configuration {index}: {flow:?}");
                }
            }
        }
        batches_say_the_same(space, env, &fast, &mut random, &prefixes);
    }
    assert!(known > asked, "{known} answers known, {asked} to be asked");
}

fn batches_say_the_same(
    space: &Namespace,
    env: Env<'_>,
    fast: &Output4,
    random: &mut Random,
    prefixes: &[Prefix<Ipv4Addr>],
) {
    let dsts: Vec<Ipv4Addr> = (0..300).map(|_| random.address(prefixes)).collect();
    let mut codes = vec![0; dsts.len()];
    if !fast.decide_batch(&dsts, &mut codes) {
        return;
    }
    for (&dst, &code) in dsts.iter().zip(&codes) {
        let flow = Flow4::to(dst);
        assert_eq!(code, fast.decide(&space.config, &flow), "{dst}");
        if let Some(answer) = fast.answer(code).to(dst) {
            assert_eq!(answer, looked_up(space, env, &flow), "{dst}");
        }
    }
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
    let fast = Output4::new(&space.config, env);
    let ask = |flow: &Flow4| fast.answer(fast.decide(&space.config, flow)).clone();
    let to = |dst: &str| Flow4::to(dst.parse().expect("an address"));
    for dst in ["20.0.0.1", "30.0.0.1", "224.0.0.1", "0.0.0.0", "255.255.255.255"] {
        assert_eq!(ask(&to(dst)), Answer::Ask, "{dst}");
    }
    assert_eq!(ask(&Flow4 { oif: 2, ..to("10.0.0.9") }), Answer::Ask);
    assert_eq!(ask(&Flow4 { src: Ipv4Addr::new(10, 0, 0, 1), ..to("10.0.0.9") }), Answer::Ask);
    assert_eq!(ask(&to("40.0.0.1")), Answer::Refused(Errno::EHOSTUNREACH));
    assert_eq!(ask(&to("50.0.0.1")), Answer::Refused(Errno::ENETUNREACH));
    assert!(matches!(ask(&to("10.0.0.9")), Answer::Decided { answers_itself: false, .. }));
    // The route to the own address names it as the source, one by hand does not.
    assert!(matches!(ask(&to("10.0.0.1")), Answer::Decided { answers_itself: false, .. }));
    assert!(matches!(ask(&to("60.0.0.1")), Answer::Decided { answers_itself: true, .. }));
}
