//! Lookups as the report has them.

use std::io;
use std::net::IpAddr;

use fingerpost_engine::lookup::{Flow, Hashing};
use fingerpost_engine::trace::{Event, Event6, Path6};
use fingerpost_net::Ip;
use serde::Serialize;

use super::memo::{Memo, Mixed, Place};
use super::text::quoted;
use crate::explain::{Asked, LookupReport, packet_lookups};
use crate::flows::Out;

/// Lookups of which the text is known, by what the engine told of them but for addresses, ports
/// and hashes, which packets have of their own.
pub(super) struct Lookups {
    known: Memo<Event>,
    /// The state of the host's tables that texts were made of.
    made_of: Option<(u64, u64, u64)>,
}

/// A lookup's destination and source.
pub(super) type Ends = (IpAddr, IpAddr);

/// Lookups as JSON: a text with gaps.
#[derive(Clone, Default)]
pub(super) struct Form {
    text: Vec<u8>,
    /// Where they are, and what belongs there.
    gaps: Vec<(usize, Gap)>,
}

/// What belongs into a gap, lookup by lookup.
#[derive(Clone, Copy)]
enum Gap {
    /// Nothing: the next lookup is left out.
    Pass,
    /// The next lookup's destination.
    Dst,
    /// The same one's source.
    Src,
}

impl Lookups {
    /// Knows none.
    pub fn new() -> Lookups {
        Lookups { known: Memo::new(is_alike), made_of: None }
    }

    /// Where the text is kept of the lookups of these events, to which their addresses are added,
    /// and the text if it is new; `None` where there were no lookups.
    pub fn place(
        &mut self,
        asked: Asked<'_>,
        events: &[Event],
        ends: &mut Vec<Ends>,
        forms: &mut Vec<Form>,
    ) -> io::Result<Option<Place>> {
        if events.is_empty() {
            return Ok(None);
        }
        let config = &asked.ns.config;
        let now = Some((config.fib.generation, config.fib6.changes(), config.links.address_generation));
        if now != self.made_of {
            self.known.clear();
            self.made_of = now;
        }
        ends.extend(events.iter().filter_map(|event| match event {
            Event::Begin { flow, .. } => Some((flow.dst.into(), flow.src.into())),
            Event::V6(Event6::Begin { flow, .. }) => Some((flow.dst.into(), flow.src.into())),
            _ => None,
        }));
        let place = self.known.place(events, mixed(events));
        if place.is_new {
            forms.push(Form::of(asked, events)?);
        }
        Ok(Some(place))
    }
}

impl Form {
    /// How many bytes it takes.
    pub fn size(&self) -> usize {
        self.text.len() + size_of_val(&*self.gaps)
    }

    /// Writes the lookups with these addresses, each of which is a text for a while.
    pub fn write(&self, ends: &[Ends], addrs: &mut Out, line: &mut Vec<u8>) {
        let (mut ends, mut src, mut written) = (ends.iter(), None, 0);
        for &(at, gap) in &self.gaps {
            line.extend_from_slice(&self.text[written..at]);
            written = at;
            let addr = match gap {
                Gap::Src => src,
                Gap::Dst | Gap::Pass => {
                    let next = ends.next();
                    src = next.map(|&(_, src)| src);
                    next.map(|&(dst, _)| dst).filter(|_| matches!(gap, Gap::Dst))
                }
            };
            if let Some(addr) = addr {
                addrs.clear();
                addrs.addr(addr);
                line.extend_from_slice(addrs.text());
            }
        }
        line.extend_from_slice(&self.text[written..]);
    }

    fn of(asked: Asked<'_>, events: &[Event]) -> io::Result<Form> {
        let mut form = Form::default();
        form.text.push(b'[');
        for lookup in &packet_lookups(asked, events, true) {
            form.add(lookup)?;
        }
        form.text.push(b']');
        Ok(form)
    }

    /// A lookup; one that ended before anything was searched is left out.
    fn add(&mut self, lookup: &LookupReport) -> io::Result<()> {
        if lookup.result.is_none() {
            self.gaps.push((self.text.len(), Gap::Pass));
            return Ok(());
        }
        let text = &mut self.text;
        text.extend_from_slice(if text.len() > 1 { br#",{"purpose":"# } else { br#"{"purpose":"# });
        quoted(text, lookup.purpose);
        text.extend_from_slice(br#","key":{"dst":""#);
        self.gaps.push((text.len(), Gap::Dst));
        text.push(b'"');
        if lookup.key.from.is_some() {
            text.extend_from_slice(br#","src":""#);
            self.gaps.push((text.len(), Gap::Src));
            text.push(b'"');
        }
        add_members(text, &Key::of(lookup))?;
        text.push(b'}');
        add_members(text, &Found::of(lookup))?;
        text.push(b'}');
        Ok(())
    }
}

/// Goes on with the members of another object.
fn add_members(text: &mut Vec<u8>, object: &impl Serialize) -> io::Result<()> {
    let begin = text.len();
    serde_json::to_writer(&mut *text, object)?;
    match text.len() - begin {
        ..=2 => text.truncate(begin),
        _ => {
            text[begin] = b',';
            text.pop();
        }
    }
    Ok(())
}

/// What was looked up, but for addresses.
#[derive(Serialize)]
struct Key<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    iif: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    oif: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mark: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dscp: Option<u8>,
}

impl<'a> Key<'a> {
    fn of(lookup: &'a LookupReport) -> Self {
        let key = &lookup.key;
        Key {
            iif: key.iif.as_deref(),
            oif: key.oif.as_deref(),
            mark: (key.mark != 0).then_some(key.mark),
            dscp: (key.tos >> 2 != 0).then_some(key.tos >> 2),
        }
    }
}

/// What decided, and what was found.
#[derive(Serialize)]
struct Found<'a> {
    /// The preference of the rule that decided; none where rules are not evaluated.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    table: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway: Option<IpAddr>,
}

impl<'a> Found<'a> {
    fn of(lookup: &'a LookupReport) -> Self {
        let rule = lookup.deciding_rule.and_then(|at| lookup.rules.get(at));
        let table = match (rule, lookup.rules_evaluated) {
            (Some(rule), true) => rule.table.and_then(|at| lookup.tables.get(at)),
            _ => lookup.tables.last(),
        };
        let route = table.and_then(|table| table.route.as_ref());
        Found {
            rule: rule.map(|rule| rule.pref),
            table: table.map(|table| table.name.as_str()),
            route: route.map(|route| route.text.as_str()),
            error: lookup.error,
            device: lookup.hop.as_ref().map(|hop| hop.dev.as_str()),
            gateway: lookup.hop.as_ref().and_then(|hop| hop.gateway),
        }
    }
}

/// Whether two events lead to the same text but for addresses.
fn is_alike(a: &Event, b: &Event) -> bool {
    fn are_alike<I: Hashing>(a: &Flow<I>, b: &Flow<I>) -> bool {
        let key = |flow: &Flow<I>| (flow.iif, flow.oif, flow.mark, flow.dscp, flow.src == <I as Ip>::ZERO);
        key(a) == key(b)
    }
    match (a, b) {
        (Event::Begin { purpose, flow }, Event::Begin { purpose: other, flow: of }) => {
            purpose == other && are_alike(flow, of)
        }
        (
            Event::V6(Event6::Begin { purpose, flow }),
            Event::V6(Event6::Begin { purpose: other, flow: of }),
        ) => purpose == other && are_alike(flow, of),
        (
            Event::Path { info, hop, why, shares, .. },
            Event::Path { info: info_b, hop: hop_b, why: why_b, shares: shares_b, .. },
        ) => (info, hop, why, shares) == (info_b, hop_b, why_b, shares_b),
        (Event::V6(Event6::Path(a)), Event::V6(Event6::Path(b))) => {
            let chosen = |path: &Path6| (path.first, path.leg, path.member);
            chosen(a) == chosen(b) && a.shares == b.shares
        }
        _ => a == b,
    }
}

/// The routes that were found, and where packets came in.
fn mixed(events: &[Event]) -> Mixed {
    let mut mixed = Mixed::default();
    for event in events {
        match event {
            Event::Begin { flow, .. } => mixed.mix(u64::from(flow.iif) << 32 | u64::from(flow.mark)),
            Event::RouteTaken { prefix, .. } => {
                mixed.mix(u64::from(prefix.addr().to_bits()) << 8 | u64::from(prefix.len()));
            }
            Event::V6(Event6::Begin { flow, .. }) => {
                mixed.mix(u64::from(flow.iif) << 32 | u64::from(flow.mark));
            }
            Event::V6(Event6::RouteTaken { route, .. }) => mixed.mix(route.id.0),
            _ => {}
        }
    }
    mixed
}
