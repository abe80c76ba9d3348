//! A packet arrives, and time passes.

use fingerpost_engine::lookup::DropReason;
use fingerpost_engine::lookup::hash::Asker;
use fingerpost_engine::path::{Frame, Outcome, has_header};
use fingerpost_engine::trace::{Event, Event6, Stage, Tracer};
use fingerpost_engine::{Time, World};
use fingerpost_model::NsId;

use super::build::{Builder, Memory};
use super::report::{Journey, Moment, PacketReport};
use super::{decode, fate};
use crate::explain::{Asked, SCHEMA, alternative_hosts};
use crate::replay::{OPEN, hex, name_of};
use crate::source::Source;

/// A packet that comes to a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// By which device.
    pub dev: u32,
    /// The frame, or of a device without link header the packet.
    pub frame: Vec<u8>,
    /// The mark that it has when the network layer gets it.
    pub mark: u32,
}

/// What the engine told of a packet, and of the time after it.
struct Told {
    outcome: Outcome,
    events: Vec<Event>,
    emitted: Vec<Frame>,
    later: Vec<Later>,
}

/// What one timer brought about.
struct Later {
    at: Time,
    events: Vec<Event>,
    emitted: Vec<Frame>,
}

/// Has a packet arrive on the source's host, and `until` milliseconds pass.
///
/// # Errors
///
/// The source has no such namespace.
pub fn arrive(source: &mut Source, arrival: &Arrival, until: u64) -> Result<Journey, String> {
    let before = source.world.clone();
    let mut journey = journey(source, arrival, until)?;
    if let Some(netns) = &source.netns {
        let others = alternative_hosts(before.ns(source.ns).map_err(|refusal| refusal.to_string())?, netns);
        for (when, ns) in others {
            let mut world = before.clone();
            world.namespaces.insert(source.ns, ns);
            let told = tell(&mut world, source.ns, arrival, until)?;
            let asked = asked(source, &world)?;
            let other = made_of(asked, arrival, told, world.now);
            journey.or(&when, other);
        }
    }
    journey.not_seen = source.not_seen.clone();
    let is_captured = source.netns.is_some();
    if is_captured && journey.outcome.drop_reason == Some(DropReason::NoSocket.name()) {
        journey
            .unknown
            .push("which sockets the host has: one that takes the packet changes the answer".into());
    }
    Ok(journey)
}

fn journey(source: &mut Source, arrival: &Arrival, until: u64) -> Result<Journey, String> {
    let began = source.world.now;
    let mut counted =
        source.world.ns(source.ns).map_err(|refusal| refusal.to_string())?.state.counters.clone();
    let told = tell(&mut source.world, source.ns, arrival, until)?;
    let is_known = !is_open(&told.events);
    let asked = asked(source, &source.world)?;
    let mut journey = made_of(asked, arrival, told, began);
    if is_known {
        let counters = &asked.ns.state.counters;
        counters.take_news(&mut counted, |name, count| journey.counters.push((name, count)));
    }
    Ok(journey)
}

fn asked<'a>(source: &'a Source, world: &'a World) -> Result<Asked<'a>, String> {
    let ns = world.ns(source.ns).map_err(|refusal| refusal.to_string())?;
    Ok(Asked { ns, now: world.now, ..source.asked(Asker::Packet)? })
}

/// Asks the engine.
fn tell(world: &mut World, ns: NsId, arrival: &Arrival, until: u64) -> Result<Told, String> {
    let mut events = Vec::new();
    let Arrival { dev, frame, mark } = arrival;
    let handled = world.receive_marked(ns, *dev, frame, *mark, &mut Tracer::on(&mut events));
    let handled = handled.map_err(|refusal| refusal.to_string())?;
    let until = Time(world.now.0.saturating_add(until));
    let mut later = Vec::new();
    loop {
        let mut events = Vec::new();
        let fired = world.run_to_next(until, &mut Tracer::on(&mut events));
        let Some((of, emitted)) = fired else { break };
        if of == ns {
            later.push(Later { at: world.now, events, emitted });
        }
    }
    Ok(Told { outcome: handled.outcome, events, emitted: handled.emitted, later })
}

/// What the engine told, as data.
fn made_of(asked: Asked<'_>, arrival: &Arrival, mut told: Told, began: Time) -> Journey {
    let config = &asked.ns.config;
    let link = config.links.get(arrival.dev);
    let seen = decode::frame(&arrival.frame, link.is_some_and(has_header));
    let mut memory = Memory::new(told.outcome);
    if is_open(&told.events) {
        // The way is not known from the choice on.
        forget_way(&mut told);
        memory = Memory::new(Outcome::Unknown(OPEN));
    }
    let steps = Builder::new(asked, &told.emitted, &mut memory, false).steps(&told.events);
    let mut later = Vec::new();
    for moment in &told.later {
        memory.after = Some(moment.at.0.saturating_sub(began.0));
        let steps = Builder::new(asked, &moment.emitted, &mut memory, true).steps(&moment.events);
        if !steps.is_empty() {
            later.push(Moment { after: moment.at.0.saturating_sub(began.0), steps });
        }
    }
    let mut frame = String::new();
    hex(&arrival.frame, &mut frame);
    let received = name_of(config, arrival.dev);
    let outcome = fate::outcome(asked, &memory, received, &seen, &steps, &later);
    let unknown = fate::unknown(&memory);
    Journey {
        schema: SCHEMA,
        release: asked.behaviour.release.clone(),
        packet: PacketReport {
            text: seen.line(),
            dev: Some(received.into()),
            link: seen.macs.map(|(src, dst)| [src, dst].map(|mac| decode::mac_text(&mac))),
            mark: arrival.mark,
            frame,
        },
        steps,
        later,
        outcome,
        counters: Vec::new(),
        not_seen: Vec::new(),
        unknown,
        otherwise: Vec::new(),
    }
}

/// Whether one of several hops was taken without knowing which.
fn is_open(events: &[Event]) -> bool {
    events.iter().any(is_open_choice)
}

fn is_open_choice(event: &Event) -> bool {
    match event {
        Event::Path { shares, .. } => shares.len() > 1,
        Event::V6(Event6::Path { shares, .. }) => shares.len() > 1,
        _ => false,
    }
}

/// Leaves out what comes after a choice that is not known.
fn forget_way(told: &mut Told) {
    let choice = told.events.iter().position(is_open_choice).unwrap_or(told.events.len());
    let is_stage = |event: &Event| matches!(event, Event::Stage { stage } if *stage != Stage::Loop);
    let rest = told.events[choice..].iter().position(is_stage);
    told.events.truncate(rest.map_or(told.events.len(), |rest| choice + rest));
    told.emitted.clear();
    told.later.clear();
}
