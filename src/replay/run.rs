//! A capture from end to end: packets enter at their times, and time passes between them.

use std::panic::resume_unwind;
use std::sync::mpsc::{channel, sync_channel};
use std::thread;

use anyhow::{Context, anyhow, bail};
use fingerpost_engine::config::{Link, Route6};
use fingerpost_engine::counters::Counters;
use fingerpost_engine::lookup::RouteRef;
use fingerpost_engine::lookup::hash::Asker;
use fingerpost_engine::path::{Frame, Outcome, has_header};
use fingerpost_engine::trace::{Event, Event6, Sink, Tracer};
use fingerpost_engine::{Config, Time};

use super::capture::{Capture, Interface, Packet, link_type};
use super::report::Report;
use super::summary::{Summary, words};
use super::told::{self, Fate, Scribe, Teller};
use super::write::Writer;
use crate::source::Source;

/// How a capture is replayed.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where packets enter whose interface the capture does not name.
    pub on: Option<String>,
    /// Interfaces of the capture, each with the device that stands for it.
    pub renamed: Vec<(String, String)>,
    /// How long time goes on after the last packet, in milliseconds.
    pub until: u64,
}

/// What is told on the way.
#[derive(Debug)]
pub enum Notice {
    /// So much is done.
    Progress {
        /// Packets.
        packets: u64,
        /// Bytes of the capture.
        bytes: u64,
    },
}

/// Packets between two notices.
const OFTEN: u64 = 1 << 14;

/// What a packet meets that was not captured as a whole.
const CUT: &str = "the rest of a packet that was cut by the capture";
/// What a packet meets where the choice among several hops is not known.
pub(crate) const OPEN: &str =
    "a choice among hops by a hash whose seed is not known (net.ipv4.fib_multipath_hash_seed)";

/// Replays a capture on the source's host; what leaves goes to `writer`, what becomes of
/// each packet to `report`.
///
/// # Errors
///
/// The capture cannot be read further, a packet entered on a device that the host does not
/// have, or an output takes no more: what comes before is written.
pub fn run(
    capture: &mut Capture,
    source: &mut Source,
    options: &Options,
    writer: Option<&mut Writer>,
    report: Option<&mut Report>,
    tell: &mut dyn FnMut(Notice),
) -> anyhow::Result<Summary> {
    let config = &source.world.ns(source.ns).map_err(|refusal| anyhow!("{refusal}"))?.config;
    let mut named = options.renamed.iter().map(|(_, device)| device).chain(&options.on);
    if let Some(device) = named.find(|device| config.links.find(device).is_none()) {
        bail!("--on: the host has no device {device}; it has {}", devices(config));
    }
    capture.read_ahead().with_context(|| capture.name.clone())?;
    let reports = report.is_some();
    let listener = Listener { events: Vec::new(), keeps: reports, is_open: false, ended: None };
    let is_traced = reports || is_choice_unknown(config);
    source.world.settle();
    if reports {
        // What was counted before is not the capture's.
        counters(source)?.take_news(|_, _| {});
    }
    let (begin, name) = (source.world.now, capture.name.clone());
    let mut replay = Replay {
        source,
        options,
        teller: None,
        listener,
        is_traced,
        begin,
        first: None,
        clock: 0,
        section: 0,
        entries: Vec::new(),
        summary: Summary::default(),
    };
    if writer.is_none() && !reports {
        replay.packets(capture, &name, tell)?;
        return Ok(replay.summary);
    }
    let scribe = Scribe::new(writer, report);
    // The packets' side is this scope's own, so that the other ends even if it panics.
    thread::scope(move |scope| {
        let ((full, told), (written, empty)) = (sync_channel(told::WAITING), channel());
        let scribe = thread::Builder::new()
            .name("write".into())
            .spawn_scoped(scope, || scribe.write(told, written))?;
        replay.teller = Some(Teller::new(full, empty, reports));
        let done = replay.packets(capture, &name, tell);
        let handed = replay.teller.take().map_or(Ok(()), |mut teller| teller.hand_over(true));
        // Where a file took no more, that is why nothing more could be told.
        scribe.join().unwrap_or_else(|panic| resume_unwind(panic))?;
        done.and(handed)?;
        Ok(replay.summary)
    })
}

/// What the source's host counts.
fn counters(source: &mut Source) -> anyhow::Result<&mut Counters> {
    let (ns, _) = source.world.ns_mut(source.ns).map_err(|refusal| anyhow!("{refusal}"))?;
    Ok(&mut ns.state.counters)
}

/// Whether a choice among several hops can turn on a seed that is not known.
fn is_choice_unknown(config: &Config) -> bool {
    let has_several = |info| config.hops(info).len() > 1;
    let has_several6 = |route: &Route6| {
        (route.is_leg() || route.nh_id.is_some()) && RouteRef::to(route).is_one_of_several(config)
    };
    let mut routes6 = config.fib6.tables.iter().flat_map(|table| table.routes());
    config.sysctl.fib_multipath_hash_seed == 0
        && (config.fib.infos.iter().flatten().any(has_several) || routes6.any(has_several6))
}

/// Remembers what happens to a packet, as far as somebody wants to know.
struct Listener {
    events: Vec<Event>,
    /// Whether events are kept.
    keeps: bool,
    /// Whether another hop was possible.
    is_open: bool,
    /// What became of the first packet that was dropped, or rather of one of which nobody knows.
    ended: Option<Outcome>,
}

impl Sink for Listener {
    fn event(&mut self, event: Event) {
        match &event {
            Event::Path { shares, .. } => self.is_open |= shares.len() > 1,
            Event::V6(Event6::Path(path)) => self.is_open |= path.shares.len() > 1,
            Event::Ended { outcome: outcome @ Outcome::Dropped(_), .. } => {
                self.ended.get_or_insert(*outcome);
            }
            Event::Ended { outcome: outcome @ Outcome::Unknown(_), .. }
                if !matches!(self.ended, Some(Outcome::Unknown(_))) =>
            {
                self.ended = Some(*outcome);
            }
            _ => {}
        }
        let is_of_way = matches!(event, Event::Packet { .. } | Event::Stage { .. } | Event::Ended { .. });
        if self.keeps && !is_of_way {
            self.events.push(event);
        }
    }
}

struct Replay<'r> {
    source: &'r mut Source,
    options: &'r Options,
    /// Who hears what becomes of packets, if somebody does.
    teller: Option<Teller>,
    listener: Listener,
    is_traced: bool,
    /// When the first packet came, on the host's clock.
    begin: Time,
    /// The same on the capture's, in nanoseconds since 1970.
    first: Option<u64>,
    /// How late it is on the capture's clock.
    clock: u64,
    section: u64,
    /// The devices of the section's interfaces that packets have come by.
    entries: Vec<Option<u32>>,
    summary: Summary,
}

impl Replay<'_> {
    /// All packets, and the time after the last one.
    fn packets(
        &mut self,
        capture: &mut Capture,
        name: &str,
        tell: &mut dyn FnMut(Notice),
    ) -> anyhow::Result<()> {
        loop {
            if let Some(teller) = &mut self.teller
                && capture.is_waited_for()
            {
                teller.hand_over(true)?;
            }
            let Some(packet) = capture.next_packet()? else { break };
            let (number, offset) = (packet.number, packet.offset);
            self.take(&packet).with_context(|| format!("{name}: packet {number}, at byte {offset}"))?;
            if number.is_multiple_of(OFTEN) {
                tell(Notice::Progress { packets: number, bytes: capture.bytes_read() });
            }
        }
        let until = self.source.world.now.0.saturating_add(self.options.until);
        self.pass_before(Time(until))
    }

    fn take(&mut self, packet: &Packet<'_>) -> anyhow::Result<()> {
        self.summary.packets += 1;
        let dev = self.enters_on(packet)?;
        if let Some(time) = packet.time {
            self.wait_for(time, packet.number)?;
        }
        self.listener.events.clear();
        self.listener.is_open = false;
        let (outcome, emitted) = if packet.is_outbound {
            self.summary.outbound.add(packet.number);
            (None, Vec::new())
        } else if packet.is_cut() {
            self.summary.cut.add(packet.number);
            (Some(Outcome::Unknown(CUT)), Vec::new())
        } else {
            let mut tracer = match self.is_traced {
                true => Tracer::on_lookups(&mut self.listener),
                false => Tracer::off(),
            };
            let Source { world, ns, .. } = &mut *self.source;
            let handled = world.receive(*ns, dev, packet.bytes, &mut tracer);
            let handled = handled.map_err(|refusal| anyhow!("{refusal}"))?;
            match self.listener.is_open {
                true => (Some(Outcome::Unknown(OPEN)), Vec::new()),
                false => (Some(handled.outcome), handled.emitted),
            }
        };
        let (word, reason) = match outcome {
            Some(outcome) => {
                self.summary.add(outcome);
                let (word, reason) = words(outcome);
                (Some(word), reason)
            }
            None => (None, Some("it was on its way out when it was captured")),
        };
        self.summary.emitted += emitted.len() as u64;
        let fate = Fate { packet: Some((packet.number, dev)), outcome: word, reason, time: self.clock };
        self.tell(fate, &emitted)
    }

    /// Has the clock show the time of a packet, which can be earlier than it is: then it stands still.
    fn wait_for(&mut self, time: u64, packet: u64) -> anyhow::Result<()> {
        let first = match self.first {
            Some(first) => first,
            None => {
                // What a host says of the time of the day is the capture's.
                self.source.world.set_wall_clock((time / NANOS).saturating_sub(self.begin.0));
                *self.first.insert(time)
            }
        };
        if time < self.clock {
            self.summary.backwards.add(packet);
            return Ok(());
        }
        let millis = time.saturating_sub(first) / NANOS;
        let at = Time(self.begin.0.saturating_add(millis));
        self.pass_before(at)?;
        self.clock = time;
        Ok(())
    }

    /// Time passes, to just before its end: Linux's timers are late, never early, so that what
    /// is due when a packet comes happens after it.
    fn pass_before(&mut self, end: Time) -> anyhow::Result<()> {
        if self.source.world.now < end {
            self.pass(Time(end.0 - 1))?;
            self.source.world.now = end;
        }
        Ok(())
    }

    /// Time passes, with what it brings.
    fn pass(&mut self, until: Time) -> anyhow::Result<()> {
        loop {
            self.listener.events.clear();
            self.listener.is_open = false;
            self.listener.ended = None;
            let mut tracer = Tracer::on(&mut self.listener);
            let Some((ns, mut frames)) = self.source.world.run_to_next(until, &mut tracer) else {
                return Ok(());
            };
            if ns != self.source.ns {
                continue;
            }
            if self.listener.is_open {
                self.listener.ended = Some(Outcome::Unknown(OPEN));
                frames.clear();
            }
            if let Some(outcome @ Outcome::Unknown(_)) = self.listener.ended {
                self.summary.add(outcome);
            }
            let millis = self.source.world.now.0.saturating_sub(self.begin.0);
            let time = self.first.unwrap_or(0).saturating_add(millis.saturating_mul(NANOS));
            self.clock = self.clock.max(time);
            self.summary.emitted += frames.len() as u64;
            // Of packets that waited only those that wait in vain are told of: what is sent at
            // last is emitted because of another packet.
            let told = self.listener.ended.map(words);
            let (outcome, reason) = (told.map(|(word, _)| word), told.and_then(|(_, reason)| reason));
            self.tell(Fate { packet: None, outcome, reason, time: self.clock }, &frames)?;
        }
    }

    /// Tells what became of a packet or of a timer.
    fn tell(&mut self, fate: Fate, emitted: &[Frame]) -> anyhow::Result<()> {
        let Some(teller) = &mut self.teller else { return Ok(()) };
        if teller.reports() {
            teller.take_news(counters(self.source)?);
        }
        let asked = self.source.asked(Asker::Packet).map_err(anyhow::Error::msg)?;
        teller.tell(asked, fate, emitted, &self.listener.events)
    }

    /// The device that a packet enters on.
    fn enters_on(&mut self, packet: &Packet<'_>) -> anyhow::Result<u32> {
        if self.section != packet.section {
            self.section = packet.section;
            self.entries.clear();
        }
        if let Some(&Some(dev)) = self.entries.get(packet.index) {
            return Ok(dev);
        }
        let space = self.source.world.ns(self.source.ns).map_err(|refusal| anyhow!("{refusal}"))?;
        let dev = entry(&space.config, self.options, packet.interface)?;
        if self.entries.len() <= packet.index {
            self.entries.resize(packet.index + 1, None);
        }
        self.entries[packet.index] = Some(dev);
        Ok(dev)
    }
}

/// Nanoseconds of a millisecond.
const NANOS: u64 = 1_000_000;

/// The device that stands for an interface of the capture.
pub(crate) fn entry(config: &Config, options: &Options, interface: &Interface) -> anyhow::Result<u32> {
    let name = match (&interface.name, &options.on) {
        (None, None) => bail!("the capture does not name its interface; --on DEV says where packets enter"),
        (None, Some(on)) => on,
        (Some(name), on) => match options.renamed.iter().find(|(from, _)| from == name) {
            Some((_, to)) => to,
            None if on.is_some() => {
                bail!("it was captured on {name}; --on {name}=DEV has such packets enter elsewhere")
            }
            None => name,
        },
    };
    let Some(link) = config.links.find(name) else {
        bail!(
            "it was captured on {name}, which the host does not have; it has {}; --on {name}=DEV says what \
             stands for it",
            devices(config)
        );
    };
    let is_alone = |kind| {
        [link_type::RAW, link_type::IPV4, link_type::IPV6].contains(&kind)
            || link_type::RAW_OF_SYSTEMS.contains(&kind)
    };
    match (interface.link_type, has_header(link)) {
        (link_type::ETHERNET, true) => {}
        (link_type::ETHERNET, false) => {
            bail!("it was captured with an Ethernet header, which {name} does not have")
        }
        (kind, false) if is_alone(kind) => {}
        (kind, true) if is_alone(kind) => {
            bail!("it was captured without a link header; {name} has Ethernet's")
        }
        (kind, _) => bail!(
            "it was captured with link type {kind}; Ethernet (1) and packets alone (101, 228, 229) are read"
        ),
    }
    Ok(link.index())
}

/// The names of a host's devices.
pub(crate) fn devices(config: &Config) -> String {
    let names: Vec<&str> = config.links.in_order().map(Link::name).collect();
    names.join(", ")
}
