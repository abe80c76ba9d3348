//! No answer depends on which structure lookups search: over random histories
//! of changes, decisions, events and what is left behind are the same.

mod support;

use fingerpost_engine::World;
use fingerpost_engine::config::Search;
use fingerpost_engine::trace::{Event, Tracer};
use fingerpost_model::{
    Change, Kernel, LinkFlags, LinkMsg, NexthopMsg, NlFlags, Op, RouteMsg, RouteType, Scope,
};
use fingerpost_net::{Family, Rng};

use support::random::{ask, random_question, random_route, random_rule, random_world, sorted};
use support::{NS, with_link};

/// The devices of a random world.
const DEVICES: [u32; 2] = [2, 3];

/// A change of routes, rules, nexthop objects or devices; some are refused.
fn random_change(rng: &mut Rng) -> Op {
    let how = [NlFlags::EXCL, NlFlags::APPEND, NlFlags::REPLACE, NlFlags(0)];
    let flags = NlFlags::CREATE | *rng.pick(&how).unwrap();
    let device = *rng.pick(&DEVICES).unwrap();
    let object = 1 + rng.below(3) as u32;
    let change = match rng.below(16) {
        0 => Change::NewRule(random_rule(rng)),
        1 => Change::DelRule(random_rule(rng)),
        2 => {
            let flags = if rng.chance(1, 2) { LinkFlags::UP } else { LinkFlags(0) };
            Change::NewLink(LinkMsg { index: device, flags, change: LinkFlags::UP, ..LinkMsg::default() })
        }
        3 => {
            let blackhole = rng.chance(1, 4);
            let oif = (!blackhole).then_some(device);
            let family = Some(Family::V4);
            Change::NewNexthop(NexthopMsg { id: object, family, oif, blackhole, ..NexthopMsg::default() })
        }
        4 => Change::DelNexthop(NexthopMsg { id: object, ..NexthopMsg::default() }),
        5..8 => {
            let RouteMsg { dst, table, tos, .. } = random_route(rng, &DEVICES);
            let scope = Scope::NOWHERE;
            Change::DelRoute(RouteMsg { dst, table, tos, scope, ..RouteMsg::new(Family::V4) })
        }
        8..10 => {
            let route = random_route(rng, &DEVICES);
            let RouteMsg { dst, table, tos, priority, .. } = route;
            let (protocol, kind) = (3, RouteType::UNICAST);
            let nh_id = Some(object);
            Change::NewRoute(RouteMsg {
                dst,
                table,
                tos,
                priority,
                protocol,
                kind,
                nh_id,
                ..RouteMsg::new(Family::V4)
            })
        }
        _ => Change::NewRoute(random_route(rng, &DEVICES)),
    };
    match change {
        Change::NewRoute(_) | Change::NewRule(_) | Change::NewNexthop(_) => Op { flags, change },
        change => Op { flags: NlFlags(0), change },
    }
}

/// What a world's files show of its tables, and what its questions left behind.
fn shown(world: &mut World) -> (String, (Vec<String>, Vec<String>), u64) {
    let text = world.read_file(NS, "/proc/net/fib_trie").unwrap();
    let ns = world.ns(NS).unwrap();
    (text, sorted(ns), ns.config.fib.generation)
}

#[test]
fn both_searches_decide_alike() {
    let (mut decided, mut failed, mut changed, mut refused) = (0, 0, 0, 0);
    for seed in 0..150 {
        let mut rng = Rng::new(seed);
        let mut trie = random_world(&mut rng.clone(), Search::LcTrie);
        let mut compiled = random_world(&mut rng, Search::Compiled);
        for step in 0..30 {
            let op = random_change(&mut rng);
            let done = trie.apply(NS, op.clone());
            assert_eq!(compiled.apply(NS, op.clone()), done, "seed {seed}, step {step}: {op:?}");
            if done.is_ok() {
                changed += 1
            } else {
                refused += 1
            }
            if step == 15 {
                // Compiled at once rather than change by change.
                compiled.set_search(Search::LcTrie);
                compiled.set_search(Search::Compiled);
            }
            for _ in 0..8 {
                let question = random_question(&mut rng);
                let mut events: [Vec<Event>; 2] = Default::default();
                let answers =
                    [&mut trie, &mut compiled].into_iter().zip(&mut events).map(|(world, events)| {
                        let (ns, env) = world.ns_mut(NS).unwrap();
                        ask(ns, env, &question, &mut Tracer::on(events))
                    });
                let answers: Vec<_> = answers.collect();
                assert_eq!(answers[0], answers[1], "seed {seed}, step {step}");
                assert_eq!(events[0], events[1], "seed {seed}, step {step}");
                if answers[0].is_ok() { decided += 1 } else { failed += 1 }
            }
        }
        assert_eq!(shown(&mut compiled), shown(&mut trie), "seed {seed}");
    }
    assert!(decided > 5000 && failed > 5000, "{decided} decided, {failed} failed");
    assert!(changed > 1000 && refused > 500, "{changed} changed, {refused} refused");
}

#[test]
fn what_is_made_later_searches_as_the_world_does() {
    let mut world = support::kernel();
    world.set_search(Search::Compiled);
    let other = world.add_netns("other").unwrap();
    for ns in [NS, other] {
        let up = LinkMsg { index: 1, flags: LinkFlags::UP, change: LinkFlags::UP, ..LinkMsg::default() };
        world.apply(ns, Op { flags: NlFlags(0), change: Change::NewLink(up) }).unwrap();
    }
    with_link(&mut world, "e0");
    support::add(&mut world, Change::NewRule(random_rule(&mut Rng::new(1)))).unwrap();
    for ns in [NS, other] {
        let tries = &world.ns(ns).unwrap().config.fib.tries;
        assert!(!tries.is_empty() && tries.iter().all(|trie| trie.search() == Search::Compiled));
    }
    assert_eq!(world.ns(NS).unwrap().config.fib.tries.len(), 2, "the rule has parted local from main");
}
