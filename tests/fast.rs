//! The compiled decisions give the answers of the lookup.

use std::net::IpAddr;

use fingerpost::script::{Runner, Script};
use fingerpost_engine::fast::{Answer, Compiled4, Compiled6, Failure, Publisher4, Reader4, Source};
use fingerpost_engine::lookup::hash::Asker;
use fingerpost_engine::lookup::{Flow4, Flow6, output4};
use fingerpost_engine::trace::Tracer;
use fingerpost_engine::{Behaviour, Env, State, World};
use fingerpost_iproute::Names;
use fingerpost_model::NsId;
use fingerpost_net::{Errno, Family};
use fingerpost_testkit::decisions::{self, Counts};

const SEED: u64 = 20_261_122;
/// Configurations of random scripts, each as it is at the end.
const CONFIGURATIONS: u64 = 150;
/// Questions to each.
const QUESTIONS: usize = 300;
/// Scripts after each of whose lines decisions are published.
const PUBLISHED: u64 = 25;
/// Questions after each line.
const QUESTIONS_A_LINE: usize = 12;

fn all(
    one: fn(u64, u64, Family, usize) -> Result<Counts, String>,
    (count, questions): (u64, usize),
    family: Family,
) -> Counts {
    let mut counts = Counts::default();
    for index in 0..count {
        match one(SEED, index, family, questions) {
            Ok(more) => counts.add(more),
            Err(problem) => panic!("{problem}"),
        }
    }
    eprintln!("{counts:?}");
    counts
}

#[test]
fn compiled_answers_are_those_of_the_lookup() {
    let counts = all(decisions::compare, (CONFIGURATIONS, QUESTIONS), Family::V4);
    assert!(counts.known * 2 > counts.asked, "{counts:?}");
}

#[test]
fn compiled_answers_are_those_of_the_lookup_for_ipv6() {
    let counts = all(decisions::compare, (CONFIGURATIONS, QUESTIONS), Family::V6);
    assert!(counts.known * 2 > counts.asked, "{counts:?}");
}

#[test]
fn what_is_published_is_what_the_lookup_says() {
    let counts = all(decisions::publish, (PUBLISHED, QUESTIONS_A_LINE), Family::V4);
    assert!(counts.known > 10_000 && counts.kept > counts.anew, "{counts:?}");
}

#[test]
fn what_is_published_is_what_the_lookup_says_for_ipv6() {
    let counts = all(decisions::publish, (PUBLISHED, QUESTIONS_A_LINE), Family::V6);
    assert!(counts.known > 5_000 && counts.kept > 0, "{counts:?}");
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

const NS: NsId = NsId(0);

fn world(script: &str) -> World {
    let mut world = World::new(1, Behaviour::default());
    change(&mut world, script);
    world
}

fn change(world: &mut World, script: &str) {
    for command in Script::parse(script).expect("a script").commands() {
        let names = Names::default();
        let outcome = Runner { world, ns: NS, names: &names }.run(&command.words);
        assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    }
}

/// Where the lookup sends a packet made here: device and gateway.
fn looked_up(world: &World, flow: &Flow4) -> Option<(u32, Option<IpAddr>)> {
    let space = world.ns(NS).expect("the first namespace");
    let env = Env { behaviour: &world.behaviour, now: world.now };
    let (state, tracer) = (&mut State::default(), &mut Tracer::off());
    let found = output4::resolve(&space.config, state, env, &mut flow.clone(), Asker::Socket, tracer);
    found.ok().map(|found| (found.dev, found.gateway))
}

/// Where a reader sends it; `None` where it would ask.
fn read(reader: &mut Reader4, flow: &Flow4) -> Option<Option<(u32, Option<IpAddr>)>> {
    let pinned = reader.pin();
    let view = pinned.view();
    let decision = view.decision(view.output(flow), flow.src, flow.dst)?;
    Some(decision.ok().map(|found| (found.dev, found.gateway)))
}

fn to(dst: &str) -> Flow4 {
    Flow4::to(dst.parse().expect("an address"))
}

const ONE_DEVICE: &str = "
    ip link add e0 type dummy
    ip link set e0 up
    ip addr add 10.0.0.1/24 dev e0";

#[test]
fn a_default_that_becomes_one_of_several_again_is_a_choice_again() {
    let mut world = world(ONE_DEVICE);
    let mut publisher = Publisher4::new(&mut world, NS).expect("the first namespace");
    let mut reader = publisher.reader();
    for step in [
        "ip neigh add 10.0.0.2 dev e0 nud failed
         ip neigh add 10.0.0.3 dev e0 lladdr 02:00:00:00:00:03 nud permanent
         ip route add default via 10.0.0.2
         ip route append default via 10.0.0.3",
        "ip route del default via 10.0.0.3",
        "ip link set e0 txqueuelen 500",
        "ip route append default via 10.0.0.3",
    ] {
        change(&mut world, step);
        publisher.publish(&mut world).expect("the first namespace");
        let flow = to("8.8.8.8");
        let answer = read(&mut reader, &flow);
        assert!(answer.is_none_or(|answer| answer == looked_up(&world, &flow)), "{step}: {answer:?}");
    }
}

#[test]
fn routes_of_type_multicast_are_asked_about() {
    let world = world(&format!(
        "{ONE_DEVICE}
        ip route add multicast 20.0.0.0/8 via 10.0.0.2 dev e0 scope global mtu 1400
        ip route add multicast 128.0.0.0/2 via 10.0.0.2 dev e0 scope global mtu 1400"
    ));
    let space = world.ns(NS).expect("the first namespace");
    let env = Env { behaviour: &world.behaviour, now: world.now };
    let fast = Compiled4::new(&space.config, env);
    for dst in ["20.0.0.1", "129.0.0.1"] {
        assert_eq!(*fast.view().answer(fast.view().output(&to(dst))), Answer::Ask, "{dst}");
    }
}

#[test]
fn a_local_table_that_comes_to_be_knows_own_addresses() {
    let mut world = world(
        "ip link add e0 type dummy
        ip link set e0 up
        ip route add local 60.0.0.0/8 dev e0 table main
        ip route add 20.0.0.0/8 dev e0",
    );
    let mut publisher = Publisher4::new(&mut world, NS).expect("the first namespace");
    let mut reader = publisher.reader();
    let flow = Flow4 { src: [60, 0, 0, 7].into(), ..to("20.0.0.1") };
    assert_eq!(looked_up(&world, &flow), None, "there is no local table");
    assert_eq!(read(&mut reader, &flow), Some(None));
    change(&mut world, "ip route add local 70.0.0.1 dev e0 table local");
    publisher.publish(&mut world).expect("the first namespace");
    let answer = looked_up(&world, &flow);
    assert!(answer.is_some(), "it is a view on main's routes");
    assert_eq!(read(&mut reader, &flow), Some(answer));
}

#[test]
fn whether_a_received_ipv6_packet_has_a_source_has_to_be_said() {
    let world = world(
        "ip link add e0 type dummy
        ip link set e0 up
        ip -6 addr add 2001:db8::1/64 dev e0 nodad
        ip -6 route add 2001:db8:9::/48 dev e0
        ip -6 rule add from 2001:db8:5::/48 prohibit",
    );
    let space = world.ns(NS).expect("the first namespace");
    let env = Env { behaviour: &world.behaviour, now: world.now };
    let fast = Compiled6::new(&space.config, env);
    let parse = |text: &str| text.parse().expect("an address");
    let flow = Flow6 { src: parse("2001:db8:5::1"), iif: 2, ..Flow6::to(parse("2001:db8:9::1")) };
    assert_eq!(*fast.view().answer(fast.view().input(&flow)), Answer::Ask);
    let flow = Flow6 { has_source: true, ..flow };
    let refused = Answer::Failed(Failure::Refused(Errno::EACCES));
    assert_eq!(*fast.view().answer(fast.view().input(&flow)), refused);
}

#[test]
fn publishers_that_take_turns_and_clones_of_the_world_miss_nothing() {
    let mut world = world(ONE_DEVICE);
    let mut publishers = [0, 1].map(|_| Publisher4::new(&mut world, NS).expect("the first namespace"));
    let mut readers = publishers.each_ref().map(Publisher4::reader);
    change(&mut world, "ip route add 20.0.0.0/8 via 10.0.0.2");
    for publisher in publishers.iter_mut().rev() {
        publisher.publish(&mut world).expect("the first namespace");
    }
    let flow = to("20.0.0.1");
    for reader in &mut readers {
        assert_eq!(read(reader, &flow), Some(looked_up(&world, &flow)));
    }
    // What if: a clone is changed and published, then the first world again.
    let mut other = world.clone();
    change(&mut other, "ip route replace 20.0.0.0/8 via 10.0.0.3");
    for world in [&mut other, &mut world] {
        publishers[0].publish(world).expect("the first namespace");
        assert_eq!(read(&mut readers[0], &flow), Some(looked_up(world, &flow)));
    }
}

#[test]
fn answers_of_routes_that_are_gone_do_not_pile_up() {
    let mut world = world(ONE_DEVICE);
    let mut publisher = Publisher4::new(&mut world, NS).expect("the first namespace");
    let mut reader = publisher.reader();
    let add = Script::parse("ip route add 20.0.0.0/8 via 10.0.0.2").expect("a line");
    let del = Script::parse("ip route del 20.0.0.0/8").expect("a line");
    let names = Names::default();
    let mut anew = 0;
    for _ in 0..8000 {
        for line in [&add, &del] {
            Runner { world: &mut world, ns: NS, names: &names }.run(&line.commands()[0].words);
            anew += u32::from(publisher.publish(&mut world).expect("the first namespace").is_anew);
        }
    }
    let answers = reader.pin().view().answers();
    assert!(anew > 0 && answers < 20_000, "{anew}, {answers}");
}
