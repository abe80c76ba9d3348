//! Arbitrary text as a question to `explain`, in words and as JSON. A question
//! that is understood is understood again from its own words, and has an answer.
#![no_main]

use fingerpost::examples::Example;
use fingerpost::explain::{Asked, Question, explain};
use fingerpost::script::{Runner, Script};
use fingerpost_engine::lookup::hash::Asker;
use fingerpost_engine::{Behaviour, World};
use fingerpost_iproute::Names;
use fingerpost_model::NsId;
use libfuzzer_sys::fuzz_target;

thread_local! {
    static WORLD: World = world();
}

fn world() -> World {
    let mut world = World::new(1, Behaviour::default());
    let names = Names::default();
    let example = Example::find("wg-quick").expect("is built in");
    let script = Script::parse(example.script).expect("is a script");
    let mut runner = Runner { world: &mut world, ns: NsId(0), names: &names };
    for command in script.commands() {
        runner.run(&command.words);
    }
    world
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let words: Vec<String> = text.split_whitespace().map(String::from).collect();
    let names = Names::default();
    for question in [Question::parse(&words, &names), Question::from_json(text, &names)].into_iter().flatten() {
        WORLD.with(|world| ask(world, &question));
    }
});

fn ask(world: &World, question: &Question) {
    let Ok(ns) = world.ns(NsId(0)) else { return };
    let Ok(resolved) = question.resolve(&ns.config, 0) else { return };
    let words: Vec<String> = question.words().split_whitespace().map(String::from).collect();
    let names = Names::default();
    let again = Question::parse(&words, &names).expect("its own words are a question");
    assert_eq!(again.resolve(&ns.config, 0).as_ref(), Ok(&resolved), "{words:?}");
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
    let explanation = explain(asked, question).expect("a resolved question has an answer");
    let _ = fingerpost::explain::text::render(
        &explanation,
        fingerpost::explain::text::Style { width: 80, colour: false },
    );
}
