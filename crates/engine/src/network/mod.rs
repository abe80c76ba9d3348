//! The virtual network: frames between namespaces, on a virtual clock.
//!
//! What a namespace emits by one end of a veth pair arrives at the other end, in whichever
//! namespace that is; what leaves by a device without another end in the world is given to
//! the caller. Arrivals and the timers of all namespaces happen in the order of their times,
//! arrivals of one instant in the order in which they were sent: everything is the same on
//! every run. What a frame does inside a namespace, bridges among it, is [`crate::path`]'s.

mod link;

use std::collections::{BTreeMap, BTreeSet};

use fingerpost_model::NsId;
use fingerpost_net::Rng;

pub use link::Condition;

use crate::path::{Frame, Handled, Outcome};
use crate::state::Time;
use crate::trace::Tracer;
use crate::world::World;

/// Events of one instant, and frames on their way, that a network can have: beyond that
/// frames go round and round.
const MOST_AT_ONCE: u32 = 20_000;
const MOST_ON_THE_WAY: usize = 20_000;
/// What is said of such a network.
const STORM: &str = "frames that go round and round";

/// One end of a link: a device of a namespace.
pub type End = (NsId, u32);

/// Frames on their way, and how links treat them.
#[derive(Clone, Debug)]
pub struct Network {
    /// By when they arrive, and in which order they were sent.
    arrivals: BTreeMap<(Time, u64), Arrival>,
    sent: u64,
    /// How links behave, by the end that sends; perfectly where nothing is said.
    conditions: BTreeMap<End, Condition>,
    /// Which frames are lost.
    chance: Rng,
    /// The last event's time, and how many there were at it.
    at: (Time, u32),
    unknown: BTreeSet<&'static str>,
}

/// A frame that arrives.
#[derive(Clone, Debug)]
struct Arrival {
    to: End,
    bytes: Vec<u8>,
}

/// One thing that happened in a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// In which namespace.
    pub ns: NsId,
    /// What it brought about; the frames are those that left the world.
    pub handled: Handled,
}

impl Network {
    /// A network whose chance starts at `seed`.
    pub fn new(seed: u64) -> Network {
        Network {
            arrivals: BTreeMap::new(),
            sent: 0,
            conditions: BTreeMap::new(),
            chance: Rng::new(seed),
            at: (Time(0), 0),
            unknown: BTreeSet::new(),
        }
    }

    /// Has a link treat the frames that this end sends in a certain way.
    pub fn set_condition(&mut self, sender: End, condition: Condition) {
        self.conditions.insert(sender, condition);
    }

    /// What frames have met, since this was asked last, that is not modelled.
    pub fn take_unknown(&mut self) -> Vec<&'static str> {
        std::mem::take(&mut self.unknown).into_iter().collect()
    }

    /// When the next frame arrives.
    fn next(&self) -> Option<Time> {
        self.arrivals.keys().next().map(|&(at, _)| at)
    }

    /// Notes what became of a packet.
    fn note(&mut self, outcome: Outcome) {
        if let Outcome::Unknown(name) = outcome {
            self.unknown.insert(name);
        }
    }

    /// A frame sets out, and arrives unless it is lost.
    fn send(&mut self, from: End, to: End, bytes: Vec<u8>, now: Time) {
        let condition = self.conditions.get(&from).copied().unwrap_or_default();
        if condition.loses(&mut self.chance) {
            return;
        }
        if self.arrivals.len() >= MOST_ON_THE_WAY {
            return self.give_up();
        }
        self.sent += 1;
        let at = Time(now.0.saturating_add(condition.delay));
        self.arrivals.insert((at, self.sent), Arrival { to, bytes });
    }

    /// One more event at this time; whether there may be one.
    fn count(&mut self, now: Time) -> bool {
        self.at = if self.at.0 == now { (now, self.at.1 + 1) } else { (now, 1) };
        self.at.1 <= MOST_AT_ONCE
    }

    /// Frames that never end are no answer.
    fn give_up(&mut self) {
        self.arrivals.clear();
        self.at.1 = 0;
        self.unknown.insert(STORM);
    }
}

impl World {
    /// Takes what a namespace has emitted: frames for the other end of a veth pair are on
    /// their way from now on, the others are given back.
    pub fn carry(&mut self, id: NsId, frames: Vec<Frame>) -> Vec<Frame> {
        let mut leaving = Vec::new();
        for frame in frames {
            match link::other_end(self, (id, frame.dev)) {
                Some(to) if link::takes(self, to, frame.bytes.len()) => {
                    self.network.send((id, frame.dev), to, frame.bytes, self.now);
                }
                // The other end does not take it (`veth_xmit`).
                Some(_) => {}
                None => leaving.push(frame),
            }
        }
        leaving
    }

    /// Lets time pass until the next frame arrives or timer ends, and no longer than `until`:
    /// what happened then, or `None` when it is then. An arrival comes before a timer of the
    /// same time.
    pub fn step_network(&mut self, until: Time, tracer: &mut Tracer<'_>) -> Option<Step> {
        let arrival = self.network.next().filter(|&at| at <= until);
        let timer = self.next_timer().filter(|&at| at <= until);
        let (ns, handled) = match (arrival, timer) {
            (Some(at), timer) if timer.is_none_or(|timer| at <= timer) => self.arrive(at, tracer)?,
            _ => self.fire_next(until, tracer)?,
        };
        self.network.note(handled.outcome);
        let emitted = match self.network.count(self.now) {
            true => self.carry(ns, handled.emitted),
            false => {
                self.network.give_up();
                Vec::new()
            }
        };
        Some(Step { ns, handled: Handled { outcome: handled.outcome, emitted } })
    }

    /// Lets time pass until then with all that happens; the frames that leave the world, with
    /// their times.
    pub fn run_network(&mut self, until: Time, tracer: &mut Tracer<'_>) -> Vec<(Time, NsId, Frame)> {
        let mut left = Vec::new();
        while let Some(step) = self.step_network(until, tracer) {
            left.extend(step.handled.emitted.into_iter().map(|frame| (self.now, step.ns, frame)));
        }
        left
    }

    /// The first frame on its way arrives.
    fn arrive(&mut self, at: Time, tracer: &mut Tracer<'_>) -> Option<(NsId, Handled)> {
        if at > self.now {
            self.pass(at.0 - self.now.0);
        }
        let (_, Arrival { to: (ns, dev), bytes }) = self.network.arrivals.pop_first()?;
        let handled = self.receive(ns, dev, &bytes, tracer).unwrap_or(Handled {
            // The namespace is gone.
            outcome: Outcome::Dropped(crate::lookup::DropReason::DevReady),
            emitted: Vec::new(),
        });
        Some((ns, handled))
    }
}
