//! Arbitrary bytes as a snapshot: read, restored, then asked and dumped.
#![no_main]

use std::io::Cursor;

use fingerpost::explain::{Asked, Question, explain};
use fingerpost_engine::lookup::hash::Asker;
use fingerpost_engine::Restoring;
use fingerpost_iproute::{Env, Names};
use fingerpost_model::Kernel;
use fingerpost_model::snapshot::Reader;
use libfuzzer_sys::fuzz_target;

const DUMPS: [&[&str]; 6] = [
    &["-d", "route", "show", "table", "all"],
    &["-j", "-d", "rule"],
    &["-d", "addr"],
    &["-j", "-d", "link"],
    &["nexthop"],
    &["neigh"],
];

fuzz_target!(|data: &[u8]| {
    let Ok(mut reader) = Reader::new(Cursor::new(data)) else { return };
    // What comes before a bad line is restored all the same, as no snapshot would
    // be: else few inputs would get any further.
    let mut restoring = Restoring::new(reader.header().clone(), 1);
    while let Ok(Some(line)) = reader.next_line() {
        if restoring.push(line).is_err() {
            break;
        }
    }
    let Ok(mut restored) = restoring.finish() else { return };
    let names = Names::default();
    let env = Env { open: &|_| Err(no_file()), exec: None };
    for (id, _) in restored.namespaces.iter().take(4) {
        let world = &mut restored.world;
        let Ok(ns) = world.ns(*id) else { continue };
        let asked = Asked {
            ns,
            behaviour: &world.behaviour,
            now: world.now,
            uid: 0,
            names: &names,
            asker: Asker::Packet,
            assumed_choice: None,
            assumed_cached: None,
        };
        let device = ns.config.links.iter().last().map(|link| link.name().to_owned());
        let mut question = Question { to: "10.1.2.3".into(), ..Question::default() };
        let _ = explain(asked, &question);
        question.from = Some("10.9.9.9".into());
        question.iif = device;
        let _ = explain(asked, &question);
        for dump in DUMPS {
            let _ = fingerpost_iproute::run(dump, world, *id, &names, &env);
        }
        let _ = world.read_file(*id, "/proc/net/fib_trie");
        let _ = world.read_file(*id, "/proc/net/route");
    }
});

fn no_file() -> fingerpost_net::Errno {
    fingerpost_net::Errno::ENOENT
}
