//! A packet arrives or is sent, and time passes.

use std::borrow::Cow;

use fingerpost_engine::lookup::DropReason;
use fingerpost_engine::lookup::hash::Asker;
use fingerpost_engine::path::{Frame, Outcome, has_header};
use fingerpost_engine::trace::{Event, Event6, Stage, Tracer};
use fingerpost_engine::{Time, World};
use fingerpost_model::NsId;

use super::build::{Builder, Memory};
use super::deed::{self, Deed, Refused};
use super::report::{Journey, Moment, PacketReport};
use super::{decode, fate};
use crate::explain::{Asked, SCHEMA, alternative_hosts};
use crate::replay::{OPEN, SOCKETS, hex, name_of};
use crate::source::Source;

/// What the engine told of a packet, and of the time after it.
struct Told {
    /// What became of the packet; `None` if none was made.
    outcome: Option<Outcome>,
    /// Why no packet was made.
    refused: Option<Refused>,
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

/// Does a deed on the source's host, and has `until` milliseconds pass.
///
/// # Errors
///
/// The source has no such namespace.
pub fn journey(source: &mut Source, deed: &Deed, until: u64) -> Result<Journey, String> {
    let space = source.world.ns(source.ns).map_err(|refusal| refusal.to_string())?;
    let others = source.netns.as_ref().map_or(Vec::new(), |netns| alternative_hosts(space, netns));
    let mut worlds = Vec::with_capacity(others.len());
    for (when, ns) in others {
        let mut world = source.world.clone();
        world.namespaces.insert(source.ns, ns);
        worlds.push((when, world));
    }
    let mut journey = only(source, deed, until)?;
    for (when, mut world) in worlds {
        let began = world.now;
        let told = tell(&mut world, source.ns, deed, until)?;
        journey.or(&when, made_of(asked(source, &world)?, deed, told, began));
    }
    journey.not_seen = source.not_seen.clone();
    journey.unknown.extend(source.deciders.iter().map(|what| (*what).to_owned()));
    let is_captured = source.netns.is_some();
    if is_captured && journey.outcome.drop_reason == Some(DropReason::NoSocket.name()) {
        journey.unknown.push(format!("which sockets the host has: {SOCKETS}"));
    }
    Ok(journey)
}

/// The journey on the host as it is taken to be.
fn only(source: &mut Source, deed: &Deed, until: u64) -> Result<Journey, String> {
    let began = source.world.now;
    take_news(source)?;
    let told = tell(&mut source.world, source.ns, deed, until)?;
    let is_known = !is_open(&told.events);
    let mut journey = made_of(asked(source, &source.world)?, deed, told, began);
    if is_known {
        journey.counters = take_news(source)?;
    }
    Ok(journey)
}

/// What the host has counted since this was asked last.
fn take_news(source: &mut Source) -> Result<Vec<(Cow<'static, str>, u64)>, String> {
    let mut news = Vec::new();
    let (ns, _) = source.world.ns_mut(source.ns).map_err(|refusal| refusal.to_string())?;
    ns.state.counters.take_news(|what, count| news.push((what.name(), count)));
    Ok(news)
}

fn asked<'a>(source: &'a Source, world: &'a World) -> Result<Asked<'a>, String> {
    let ns = world.ns(source.ns).map_err(|refusal| refusal.to_string())?;
    Ok(Asked { ns, now: world.now, ..source.asked(Asker::Packet)? })
}

/// Asks the engine.
fn tell(world: &mut World, ns: NsId, deed: &Deed, until: u64) -> Result<Told, String> {
    let mut events = Vec::new();
    let done = deed::done(world, ns, deed, &mut Tracer::on(&mut events))?;
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
    Ok(Told { outcome: done.outcome, refused: done.refused, events, emitted: done.emitted, later })
}

/// What the engine told, as data.
fn made_of(asked: Asked<'_>, deed: &Deed, mut told: Told, began: Time) -> Journey {
    let config = &asked.ns.config;
    let mut memory = Memory::new(told.outcome.unwrap_or(Outcome::Dropped(DropReason::NotSpecified)));
    if is_open(&told.events) {
        // The way is not known from the choice on.
        forget_way(&mut told);
        memory = Memory::new(Outcome::Unknown(OPEN));
    }
    let packet = packet(asked, deed, &told.events);
    let steps = Builder::new(asked, &told.emitted, &mut memory, false).steps(&told.events);
    let mut later = Vec::new();
    for moment in &told.later {
        let after = moment.at.0.saturating_sub(began.0);
        memory.after = Some(after);
        let steps = Builder::new(asked, &moment.emitted, &mut memory, true).steps(&moment.events);
        if !steps.is_empty() {
            later.push(Moment { after, steps });
        }
    }
    let is_known = !matches!(memory.fate.outcome, Outcome::Unknown(_));
    let outcome = match (deed, told.refused) {
        (_, Some(refused)) => fate::refused(refused),
        (Deed::Connect(sending), None) if is_known && told.outcome.is_none() => {
            fate::connected(sending, deed::local(asked.ns), &steps)
        }
        _ => {
            let received = match deed {
                Deed::Arrive(arrival) => name_of(config, arrival.dev),
                _ => "",
            };
            fate::outcome(asked, &memory, received, &packet.seen, &steps, &later)
        }
    };
    Journey {
        schema: SCHEMA,
        release: asked.behaviour.release.clone(),
        packet: packet.report,
        steps,
        later,
        outcome,
        counters: Vec::new(),
        not_seen: Vec::new(),
        unknown: fate::unknown(&memory),
        otherwise: Vec::new(),
    }
}

/// The packet that a journey is about.
struct Packet {
    seen: decode::Seen,
    report: PacketReport,
}

fn packet(asked: Asked<'_>, deed: &Deed, events: &[Event]) -> Packet {
    let config = &asked.ns.config;
    let (seen, bytes, dev, mark) = match deed {
        Deed::Arrive(arrival) => {
            let link = config.links.get(arrival.dev);
            let seen = decode::frame(&arrival.frame, link.is_some_and(has_header));
            (seen, &arrival.frame[..], Some(name_of(config, arrival.dev).into()), arrival.mark)
        }
        Deed::Send(sending) | Deed::Connect(sending) => {
            let made = events.iter().find_map(|event| match event {
                Event::Packet { bytes, .. } => Some(&bytes[..]),
                _ => None,
            });
            let seen = made.map_or_else(|| deed.seen(sending), decode::packet);
            (seen, made.unwrap_or_default(), None, sending.mark)
        }
    };
    let link = seen.macs.map(|(src, dst)| [src, dst].map(|mac| decode::mac_text(&mac)));
    Packet { report: PacketReport { text: seen.line(), dev, link, mark, frame: hex(bytes) }, seen }
}

/// Whether one of several hops was taken without knowing which.
fn is_open(events: &[Event]) -> bool {
    events.iter().any(is_open_choice)
}

fn is_open_choice(event: &Event) -> bool {
    match event {
        Event::Path { shares, .. } => shares.len() > 1,
        Event::V6(Event6::Path(path)) => path.shares.len() > 1,
        _ => false,
    }
}

/// Leaves out what comes after a choice that is not known.
fn forget_way(told: &mut Told) {
    let choice = told.events.iter().position(is_open_choice).unwrap_or(told.events.len());
    let is_more = |event: &Event| match event {
        Event::Stage { stage } => *stage != Stage::Loop,
        Event::Packet { .. } | Event::Ended { .. } => true,
        _ => false,
    };
    let rest = told.events[choice..].iter().position(is_more);
    told.events.truncate(rest.map_or(told.events.len(), |rest| choice + rest));
    told.emitted.clear();
    told.later.clear();
}
