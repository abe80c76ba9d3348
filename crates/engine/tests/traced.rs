//! A decision is the same whether or not somebody listens, and what listeners
//! hear is well-formed: over random configurations and questions.

mod support;

use fingerpost_engine::Env;
use fingerpost_engine::config::Search;
use fingerpost_engine::trace::{Event, Event6, Tracer};
use fingerpost_net::Rng;

use support::random::{ask, random_question, random_world, sorted};
use support::{NS, random6};

/// Lookups end as they begin, rules that match come to something, and only then.
fn is_well_formed(events: &[Event]) -> Result<(), String> {
    let mut taken: Option<usize> = None;
    let mut table_open = false;
    for event in events {
        match event {
            Event::RuleTaken { index } if taken.is_none() => taken = Some(*index),
            Event::RuleDone { index, .. } if taken == Some(*index) => taken = None,
            Event::RuleTaken { .. } | Event::RuleDone { .. } => {
                return Err(format!("out of turn: {event:?}"));
            }
            Event::Table { .. } if !table_open => table_open = true,
            Event::RouteTaken { .. }
            | Event::RouteError { .. }
            | Event::TableMiss { .. }
            | Event::V6(Event6::RouteTaken { .. })
                if table_open =>
            {
                table_open = false;
            }
            Event::Table { .. }
            | Event::RouteTaken { .. }
            | Event::RouteError { .. }
            | Event::TableMiss { .. }
            | Event::V6(Event6::RouteTaken { .. }) => {
                return Err(format!("out of turn: {event:?}"));
            }
            _ => {}
        }
    }
    if taken.is_some() || table_open { Err("something is left open".into()) } else { Ok(()) }
}

#[test]
fn traced_and_untraced_lookups_decide_alike() {
    let mut rng = Rng::new(6);
    let (mut decided, mut failed) = (0, 0);
    for round in 0..200 {
        let world = random_world(&mut rng, Search::LcTrie);
        let env = Env { behaviour: &world.behaviour, now: world.now };
        let mut silent = world.ns(NS).unwrap().clone();
        let mut heard = silent.clone();
        for _ in 0..40 {
            let question = random_question(&mut rng);
            let mut events: Vec<Event> = Vec::new();
            let untraced = ask(&mut silent, env, &question, &mut Tracer::off());
            let traced = ask(&mut heard, env, &question, &mut Tracer::on(&mut events));
            assert_eq!(untraced, traced, "round {round}");
            assert_eq!(is_well_formed(&events), Ok(()), "round {round}: {events:#?}");
            assert!(matches!(events.first(), Some(Event::Begin { .. })), "round {round}");
            if traced.is_ok() { decided += 1 } else { failed += 1 }
        }
        // What the questions leave behind is the same as well.
        assert_eq!(format!("{:?}", sorted(&silent)), format!("{:?}", sorted(&heard)), "round {round}");
    }
    assert!(decided > 1000 && failed > 1000, "{decided} decided, {failed} failed");
}

#[test]
fn traced_and_untraced_lookups_of_ipv6_decide_alike() {
    let mut rng = Rng::new(6);
    let (mut decided, mut told, mut failed) = (0, 0, 0);
    for round in 0..200 {
        let world = random6::random_world(&mut rng);
        let env = Env { behaviour: &world.behaviour, now: world.now };
        let mut silent = world.ns(NS).unwrap().clone();
        let mut heard = silent.clone();
        for _ in 0..40 {
            let question = random6::random_question(&mut rng);
            let mut events: Vec<Event> = Vec::new();
            let untraced = random6::ask(&mut silent, env, &question, &mut Tracer::off());
            let traced = random6::ask(&mut heard, env, &question, &mut Tracer::on(&mut events));
            assert_eq!(untraced, traced, "round {round}");
            assert_eq!(is_well_formed(&events), Ok(()), "round {round}: {events:#?}");
            let begins = |event: &Event| matches!(event, Event::V6(Event6::Begin { .. }));
            let is_asked = !matches!(traced, random6::Answer::Told(_));
            assert!(events.first().map_or(!is_asked, begins), "round {round}");
            match traced {
                random6::Answer::Decided(_) => decided += 1,
                random6::Answer::Told(_) => told += 1,
                random6::Answer::Failed(_) => failed += 1,
            }
        }
        // What the questions leave behind is the same as well.
        assert_eq!(random6::sorted(&silent), random6::sorted(&heard), "round {round}");
    }
    assert!(decided > 1000 && told > 1000 && failed > 500, "{decided} decided, {told} told, {failed} failed");
}
