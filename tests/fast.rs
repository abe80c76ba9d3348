//! The compiled decisions give the answers of the lookup.

use fingerpost::script::{Runner, Script};
use fingerpost_engine::fast::{Answer, Compiled4, Failure, Source};
use fingerpost_engine::lookup::Flow4;
use fingerpost_engine::{Behaviour, Env, World};
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
