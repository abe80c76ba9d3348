//! Fingerpost's side of a case: the engine, in memory, on a clock that the record drives.

mod calls;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Range;

use fingerpost::script::{Runner, Script};
use fingerpost_engine::lookup::DropReason;
use fingerpost_engine::path::Outcome;
use fingerpost_engine::trace::{Event, Sink, Tracer};
use fingerpost_engine::{Behaviour, Time, World};
use fingerpost_iproute::Names;
use fingerpost_model::NsId;

use crate::packets::Subject;
use crate::packets::case::{Bytes, Case, Seen, Step};
use crate::packets::counters::Counters;
use crate::packets::engine::calls::Opened;

const NS: NsId = NsId(0);

/// The engine with a case's host.
pub struct Engine {
    world: World,
    start: Time,
    /// By the numbers that the case gives them.
    sockets: BTreeMap<u8, Opened>,
}

/// How the ways of packets ended within a step.
#[derive(Default)]
struct Ends(Vec<Outcome>);

impl Sink for Ends {
    fn event(&mut self, event: Event) {
        if let Event::Ended { outcome, .. } = event {
            self.0.push(outcome);
        }
    }
}

impl Engine {
    /// A host as a script makes it; lines that are refused change nothing, as in the kernel.
    pub fn new(script: &[String], behaviour: Behaviour) -> Self {
        let mut world = World::new(1, behaviour);
        for line in script {
            change(&mut world, line);
        }
        let mut engine = Engine { start: world.now, world, sockets: BTreeMap::new() };
        engine.take_counters();
        engine
    }

    /// What it does at each step of a case, at the times of the kernel's steps, the first so
    /// many milliseconds after a tick.
    pub fn run(case: &Case, kernel: &[Seen], behaviour: Behaviour, phase: u64) -> Vec<Seen> {
        let mut engine = Engine::new(&case.script, behaviour);
        engine.start = Time(engine.start.0 + phase);
        let steps = case.steps.iter().zip(kernel).map(|(step, seen)| match seen.refused {
            true => Seen { at_us: seen.at_us, ..Seen::default() },
            false => engine.step(step, seen.at_us..seen.end_us),
        });
        steps.collect()
    }

    /// Where a socket of the case receives, and whom it is connected to.
    pub fn ends_of(&self, socket: u8) -> Option<(SocketAddr, Option<SocketAddr>)> {
        let socket = self.world.socket_of(NS, self.sockets.get(&socket)?.id)?;
        Some((socket.local(), socket.peer()))
    }

    /// What was counted since this was asked last.
    fn take_counters(&mut self) -> Counters {
        let mut counted = Counters::new();
        if let Ok((ns, _)) = self.world.ns_mut(NS) {
            ns.state.counters.take_news(|what, count| {
                counted.insert(what.name().into_owned(), count);
            });
        }
        counted
    }

    fn name_of(&self, dev: u32) -> String {
        let ns = self.world.ns(NS).ok();
        let link = ns.and_then(|ns| ns.config.links.iter().find(|link| link.index() == dev));
        link.map_or_else(|| format!("if{dev}"), |link| link.name().to_owned())
    }

    fn emit(&self, seen: &mut Seen, dev: u32, bytes: Vec<u8>) {
        seen.emitted.push((self.name_of(dev), Bytes(bytes)));
    }

    /// Time passes beside what a step is about: of packets that end meanwhile nothing is told
    /// but what is unknown of them.
    fn pass_aside(&mut self, until: Time, seen: &mut Seen, ends: &mut Ends) {
        let mut aside = Ends::default();
        self.pass(until, seen, &mut aside);
        aside.0.retain(|end| matches!(end, Outcome::Unknown(_)));
        ends.0.extend(aside.0);
    }

    fn pass(&mut self, until: Time, seen: &mut Seen, ends: &mut Ends) {
        let emitted = self.world.run_until(until, &mut Tracer::on(ends));
        emitted.into_iter().for_each(|(_, _, frame)| self.emit(seen, frame.dev, frame.bytes));
    }
}

/// Runs a line; one that is refused changes nothing, as in the kernel.
fn change(world: &mut World, line: &str) {
    let names = Names::default();
    let Ok(script) = Script::parse(line) else { return };
    let mut runner = Runner { world, ns: NS, names: &names };
    script.commands().iter().for_each(|command| drop(runner.run(&command.words)));
}

impl Subject for Engine {
    fn step(&mut self, step: &Step, during: Range<u64>) -> Seen {
        let mut seen = Seen { at_us: during.start, ..Seen::default() };
        let mut ends = Ends::default();
        let now = Time(self.start.0 + during.start / 1000);
        self.pass_aside(now.max(self.world.now), &mut seen, &mut ends);
        match step {
            Step::Wait { ms } => self.pass(Time(now.0 + ms), &mut seen, &mut ends),
            Step::Call { socket, call } => {
                seen.returned = Some(self.call(*socket, call, &mut seen, &mut ends))
            }
            Step::Change { line } => {
                change(&mut self.world, line);
                let now = self.world.now;
                self.pass(now, &mut seen, &mut ends);
            }
            Step::Ask { command } => {
                let names = Names::default();
                let words = ["ip"].into_iter().chain(command.split_whitespace()).map(str::to_owned);
                let words: Vec<String> = words.collect();
                let outcome = Runner { world: &mut self.world, ns: NS, names: &names }.run(&words);
                seen.answer = outcome.stdout.lines().map(str::to_owned).collect();
            }
            Step::Inject { dev, frame, ms } => {
                let index =
                    self.world.ns(NS).ok().and_then(|ns| ns.config.links.find(dev)).map(|link| link.index());
                match index.map(|dev| self.world.receive(NS, dev, &frame.0, &mut Tracer::on(&mut ends))) {
                    Some(Ok(handled)) => {
                        handled
                            .emitted
                            .into_iter()
                            .for_each(|frame| self.emit(&mut seen, frame.dev, frame.bytes));
                        if let Outcome::Unknown(name) = handled.outcome {
                            seen.unknown = Some(name.to_owned());
                        }
                    }
                    _ => seen.unknown = Some(format!("no device {dev}")),
                }
                if *ms > 0 {
                    self.pass_aside(Time(now.0 + ms), &mut seen, &mut ends);
                }
            }
        }
        let end = Time(self.start.0 + during.end / 1000);
        self.pass_aside(end.max(self.world.now), &mut seen, &mut ends);
        for end in ends.0 {
            match end {
                Outcome::Dropped(DropReason::Consumed) => {}
                Outcome::Dropped(reason) => seen.reasons.push(reason.name().to_owned()),
                Outcome::Unknown(name) => seen.unknown = Some(name.to_owned()),
                Outcome::Sent | Outcome::Delivered | Outcome::Queued => {}
            }
        }
        seen.counters = self.take_counters();
        seen
    }
}

#[cfg(test)]
mod tests {
    use fingerpost_net::Family;

    use super::*;
    use crate::packets::generate;

    #[test]
    fn random_cases_are_gone_through() {
        let (mut emitted, mut dropped) = (0, 0);
        for (family, index) in (0..60).flat_map(|index| [(Family::V4, index), (Family::V6, index)]) {
            let case = generate::case(family, 7, index);
            let kernel = vec![Seen::default(); case.steps.len()];
            let seen = Engine::run(&case, &kernel, Behaviour::default(), 0);
            assert_eq!(seen.len(), case.steps.len());
            emitted += seen.iter().map(|seen| seen.emitted.len()).sum::<usize>();
            dropped += seen.iter().map(|seen| seen.reasons.len()).sum::<usize>();
        }
        assert!(emitted > 100 && dropped > 100, "{emitted} frames, {dropped} drops");
    }

    #[test]
    fn an_echo_is_answered_and_counted() {
        let script = ["ip tuntap add u0 mode tun", "ip link set u0 up", "ip address add 10.0.0.1/24 dev u0"];
        let mut engine = Engine::new(&script.map(str::to_owned), Behaviour::default());
        let frame = "4500001c12340000400154ab0a0000020a0000010800f7fd00010001";
        let frame = Bytes::parse(frame).expect("hexadecimal");
        let seen = engine.step(&Step::Inject { dev: "u0".into(), frame, ms: 0 }, 1000..1000);
        assert_eq!(seen.emitted.len(), 1, "{seen:?}");
        assert_eq!(seen.counters.get("IcmpMsgOutType0"), Some(&1), "{seen:?}");
    }
}
