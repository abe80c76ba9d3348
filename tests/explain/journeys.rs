//! Journeys of random packets: the steps hold every frame that the host emitted, in order.

use fingerpost::explain::text::Style;
use fingerpost::journey::{Arrival, Deed, Journey, Step, journey, text};
use fingerpost::script::{Runner, Script};
use fingerpost::source::Source;
use fingerpost_engine::lookup::DropReason;
use fingerpost_engine::path::{Frame, Outcome};
use fingerpost_engine::trace::Tracer;
use fingerpost_engine::{Behaviour, Time, World};
use fingerpost_iproute::Names;
use fingerpost_model::NsId;
use fingerpost_net::Family;
use fingerpost_testkit::packets::{Step as Befalls, generate};

const NS: NsId = NsId(0);

fn host(script: &[String]) -> World {
    let mut world = World::new(1, Behaviour::default());
    let names = Names::default();
    for script in script.iter().filter_map(|line| Script::parse(line).ok()) {
        let mut runner = Runner { world: &mut world, ns: NS, names: &names };
        script.commands().iter().for_each(|command| drop(runner.run(&command.words)));
    }
    world
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What left, step by step.
fn left(steps: &[Step]) -> Vec<String> {
    let of_step = |step: &Step| match step {
        Step::Stage(stage) => stage.frame.clone().into_iter().collect(),
        Step::Lookup(_) => Vec::new(),
        Step::Side(side) if side.function == "arp_send_dst" => side.frame.clone().into_iter().collect(),
        Step::Side(side) => left(&side.steps),
    };
    steps.iter().flat_map(of_step).collect()
}

fn told(emitted: &[Frame]) -> Vec<String> {
    emitted.iter().map(|frame| hex(&frame.bytes)).collect()
}

/// What a journey must be beside what the engine says alone.
fn check(journey: &Journey, outcome: Outcome, emitted: &[Frame], until: &[Frame], what: &str) {
    let later: Vec<String> = journey.later.iter().flat_map(|moment| left(&moment.steps)).collect();
    if journey.unknown.is_empty() {
        assert_eq!(left(&journey.steps), told(emitted), "{what}");
        assert_eq!(later, told(until), "{what}");
    }
    if until.is_empty() && journey.later.is_empty() {
        let verdict = serde_json::to_value(journey.outcome.verdict).expect("a word");
        let expected: &[&str] = match outcome {
            Outcome::Sent => &["sent", "forwarded"],
            Outcome::Delivered => &["delivered"],
            Outcome::Queued => &["queued"],
            Outcome::Dropped(DropReason::Consumed) => &["delivered"],
            Outcome::Dropped(_) => &["dropped"],
            Outcome::Unknown(_) => &["unknown"],
        };
        let is_open = journey.unknown.iter().any(|why| why.contains("seed"));
        assert!(is_open || expected.contains(&verdict.as_str().unwrap_or_default()), "{what}: {verdict}");
    }
    let text = text::render(journey, Style { width: 100, colour: false });
    assert!(text.starts_with(&journey.outcome.text) && text.contains("\npacket "), "{what}: {text}");
    serde_json::to_string(journey).expect("JSON");
}

#[test]
fn every_frame_is_told_of_once_and_in_order() {
    let (mut frames, mut later) = (0, 0);
    for (family, index) in (0..50).flat_map(|index| [(Family::V4, index), (Family::V6, index)]) {
        let case = generate::case(family, 11, index);
        let mut source = Source::of_world(host(&case.script));
        for (n, step) in case.steps.iter().enumerate() {
            let what = format!("{family:?} {index}, step {n}");
            let (dev, frame) = match step {
                Befalls::Wait { ms } => {
                    let until = Time(source.world.now.0 + ms);
                    source.world.run_until(until, &mut Tracer::off());
                    continue;
                }
                Befalls::Inject { dev, frame, .. } => (dev, &frame.0),
                _ => continue,
            };
            let link = source.world.ns(NS).expect("the host").config.links.find(dev).map(|link| link.index());
            let Some(dev) = link else { continue };
            let mut alone = source.world.clone();
            let handled = alone.receive(NS, dev, frame, &mut Tracer::off()).expect("the host");
            let until = if n % 3 == 0 { 4_000 } else { 0 };
            let passed = alone.run_until(Time(alone.now.0 + until), &mut Tracer::off());
            let passed: Vec<Frame> = passed.into_iter().map(|(_, _, frame)| frame).collect();
            let deed = Deed::Arrive(Arrival { dev, frame: frame.clone(), mark: 0, listener: None });
            let journey = journey(&mut source, &deed, until).expect("an answer");
            check(&journey, handled.outcome, &handled.emitted, &passed, &what);
            frames += handled.emitted.len();
            later += passed.len();
        }
    }
    assert!(frames > 200 && later > 50, "{frames} frames, {later} later");
}
