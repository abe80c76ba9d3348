//! The report: NDJSON, an object for each packet of the capture, and for each timer that
//! emitted or counted something.

use std::borrow::Cow;
use std::io::{self, Write};
use std::net::IpAddr;

use fingerpost_engine::Config;
use fingerpost_engine::counters::{Counted, Counters};
use fingerpost_engine::path::Frame;
use fingerpost_engine::trace::{Event, Event6};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::gather::Gather;
use super::memo::{Memo, Mixed};
use crate::explain::{Asked, LookupReport, packet_lookups};

/// A report that is being written.
pub struct Report {
    out: Gather,
    /// What messages call it.
    pub name: String,
    /// What was counted for the next line.
    news: Vec<News>,
    /// Members of an object, by what was counted.
    counted: Memo<News>,
    lookups: Lookups,
}

/// How much was counted of something.
type News = (Counted, u64);

/// Lookups as JSON, by what the engine told of them.
struct Lookups {
    known: Memo<Event>,
    /// The state of the host's tables that they were made of.
    made_of: (u64, u64, u64),
}

impl Lookups {
    fn made_of(made_of: (u64, u64, u64)) -> Lookups {
        Lookups { known: Memo::new(b"[]"), made_of }
    }

    /// The lookups of these events.
    fn of(&mut self, asked: Asked<'_>, events: &[Event]) -> serde_json::Result<&[u8]> {
        let config = &asked.ns.config;
        let now = (config.fib.generation, config.fib6.changes(), config.links.address_generation);
        if now != self.made_of {
            *self = Lookups::made_of(now);
        }
        self.known.text(events, mixed(events), |text| {
            let lookups = packet_lookups(asked, events, true);
            let lookups: Vec<Lookup<'_>> = lookups.iter().filter_map(Lookup::of).collect();
            serde_json::to_writer(text, &lookups)
        })
    }
}

/// The addresses and ports that were looked up.
fn mixed(events: &[Event]) -> Mixed {
    let mut mixed = Mixed::default();
    for event in events {
        match event {
            Event::Begin { flow, .. } => {
                mixed.mix(u64::from(flow.dst.to_bits()));
                mixed.mix(u64::from(flow.src.to_bits()));
                mixed.mix(u64::from(flow.sport) << 16 | u64::from(flow.dport));
            }
            Event::V6(Event6::Begin { flow, .. }) => {
                for address in [flow.dst.to_bits(), flow.src.to_bits()] {
                    mixed.mix((address >> 64) as u64);
                    mixed.mix(address as u64);
                }
                mixed.mix(u64::from(flow.sport) << 16 | u64::from(flow.dport));
            }
            _ => {}
        }
    }
    mixed
}

/// What was counted, as members of an object.
fn members(news: &[News], text: &mut Vec<u8>) {
    for (n, (what, count)) in news.iter().enumerate() {
        // Names of counters need no escapes.
        text.extend_from_slice(if n == 0 { b"\"" } else { b",\"" });
        text.extend_from_slice(what.name().as_bytes());
        text.extend_from_slice(b"\":");
        number(text, *count);
    }
}

/// What is told of a packet, or of a timer.
pub(super) struct Entry<'a> {
    /// The packet's number; none for a timer.
    pub packet: Option<u64>,
    /// The device that it entered on, or that a timer emitted on.
    pub dev: Option<&'a str>,
    /// What became of it; of a timer, what became of the first packet that it dropped.
    pub outcome: Option<&'a str>,
    pub reason: Option<&'a str>,
    pub emitted: &'a [Frame],
    /// What the lookups of the packet did.
    pub events: &'a [Event],
}

/// A lookup: what was looked up, what decided and what was found.
#[derive(Serialize)]
struct Lookup<'a> {
    purpose: &'a str,
    key: Key<'a>,
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

#[derive(Serialize)]
struct Key<'a> {
    dst: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    src: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iif: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    oif: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mark: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dscp: Option<u8>,
}

impl Report {
    /// Begins a report, which messages call `name`.
    pub fn new(out: Box<dyn Write>, name: String) -> Report {
        let (counted, lookups) = (Memo::new(b""), Lookups::made_of((0, 0, 0)));
        Report { out: Gather::new(out), name, news: Vec::new(), counted, lookups }
    }

    /// Writes all that is held back.
    ///
    /// # Errors
    ///
    /// The file takes no more.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Takes what the next line tells of the counters.
    pub(super) fn take_news(&mut self, counters: &mut Counters) {
        self.news.clear();
        counters.take_news(|what, count| self.news.push((what, count)));
    }

    /// Tells of a packet, or of a timer; a timer that emitted, dropped and counted nothing is
    /// left out.
    pub(super) fn tell(&mut self, asked: Asked<'_>, entry: &Entry<'_>) -> io::Result<()> {
        let is_silent = entry.emitted.is_empty() && entry.outcome.is_none() && self.news.is_empty();
        if entry.packet.is_none() && is_silent {
            return Ok(());
        }
        let begin = self.out.held.len();
        self.line(asked, entry).inspect_err(|_| self.out.held.truncate(begin))?;
        self.out.end()
    }

    fn line(&mut self, asked: Asked<'_>, entry: &Entry<'_>) -> io::Result<()> {
        let Report { out, news, counted, lookups, .. } = self;
        let (config, line) = (&asked.ns.config, &mut out.held);
        line.extend_from_slice(br#"{"packet":"#);
        match entry.packet {
            Some(packet) => number(line, packet),
            None => line.extend_from_slice(b"null"),
        }
        line.extend_from_slice(br#","dev":"#);
        string(line, entry.dev)?;
        line.extend_from_slice(br#","outcome":"#);
        match entry.outcome {
            // Our own word needs no escapes.
            Some(word) => quoted(line, word),
            None => line.extend_from_slice(b"null"),
        }
        line.extend_from_slice(br#","reason":"#);
        string(line, entry.reason)?;
        line.extend_from_slice(br#","emitted":["#);
        for (n, frame) in entry.emitted.iter().enumerate() {
            line.extend_from_slice(if n == 0 { br#"{"dev":"# } else { br#",{"dev":"# });
            string(line, Some(name_of(config, frame.dev)))?;
            line.extend_from_slice(br#","frame":""#);
            digits(&frame.bytes, line);
            line.extend_from_slice(br#""}"#);
        }
        line.extend_from_slice(br#"],"counters":{"#);
        let mut mixed = Mixed::default();
        for &(what, count) in &*news {
            mixed.mix((what.place() as u64).rotate_right(u16::BITS) ^ count);
        }
        let counted = counted.text(news, mixed, |text| {
            members(news, text);
            io::Result::Ok(())
        })?;
        line.extend_from_slice(counted);
        line.extend_from_slice(br#"},"lookups":"#);
        line.extend_from_slice(lookups.of(asked, entry.events)?);
        line.extend_from_slice(b"}\n");
        Ok(())
    }
}

impl<'a> Lookup<'a> {
    /// A lookup as the report has it; `None` where it ended before anything was searched.
    fn of(lookup: &'a LookupReport) -> Option<Self> {
        lookup.result.as_ref()?;
        let key = &lookup.key;
        let rule = lookup.deciding_rule.and_then(|at| lookup.rules.get(at));
        let table = match (rule, lookup.rules_evaluated) {
            (Some(rule), true) => rule.table.and_then(|at| lookup.tables.get(at)),
            _ => lookup.tables.last(),
        };
        let route = table.and_then(|table| table.route.as_ref());
        let set = |number: u32| (number != 0).then_some(number);
        Some(Lookup {
            purpose: lookup.purpose,
            key: Key {
                dst: &key.to,
                src: key.from.as_deref(),
                iif: key.iif.as_deref(),
                oif: key.oif.as_deref(),
                mark: set(key.mark),
                dscp: (key.tos >> 2 != 0).then_some(key.tos >> 2),
            },
            rule: rule.map(|rule| rule.pref),
            table: table.map(|table| table.name.as_str()),
            route: route.map(|route| route.text.as_str()),
            error: lookup.error,
            device: lookup.hop.as_ref().map(|hop| hop.dev.as_str()),
            gateway: lookup.hop.as_ref().and_then(|hop| hop.gateway),
        })
    }
}

/// The name of a device.
pub(crate) fn name_of(config: &Config, dev: u32) -> &str {
    config.links.get(dev).map_or("", |link| link.name())
}

/// A text of a line, or null.
fn string(line: &mut Vec<u8>, text: Option<&str>) -> serde_json::Result<()> {
    let needs_escape = |byte| matches!(byte, b'"' | b'\\' | ..b' ');
    match text {
        Some(text) if !text.bytes().any(needs_escape) => {
            quoted(line, text);
            Ok(())
        }
        text => serde_json::to_writer(line, &text),
    }
}

fn quoted(line: &mut Vec<u8>, text: &str) {
    line.push(b'"');
    line.extend_from_slice(text.as_bytes());
    line.push(b'"');
}

/// A number in decimal digits.
pub(super) fn number(text: &mut Vec<u8>, mut number: u64) {
    let (mut digits, mut at) = ([0; 20], 20);
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return text.extend_from_slice(&digits[at..]);
        }
    }
}

/// A number below sixteen as a hexadecimal digit.
fn digit(number: u8) -> u8 {
    number + if number < 10 { b'0' } else { b'a' - 10 }
}

/// The two hexadecimal digits of each byte: computed, many at once, faster than looked up.
fn digits(bytes: &[u8], line: &mut Vec<u8>) {
    let begin = line.len();
    line.resize(begin + 2 * bytes.len(), 0);
    let (pairs, _) = line[begin..].as_chunks_mut();
    pairs.iter_mut().zip(bytes).for_each(|(pair, byte)| *pair = [digit(byte >> 4), digit(byte & 15)]);
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = Vec::with_capacity(2 * bytes.len());
    digits(bytes, &mut text);
    String::from_utf8(text).unwrap_or_default()
}

/// Counters as an object.
pub(crate) fn as_object<S: Serializer>(
    counters: &[(Cow<'static, str>, u64)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut object = serializer.serialize_map(Some(counters.len()))?;
    for (name, count) in counters {
        object.serialize_entry(name, count)?;
    }
    object.end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_as_serde_has_them() {
        for text in ["eth0", "", "a b~é", "a\"b", "a\\b", "a\nb", "\u{1f}", "\u{7f}"] {
            let mut line = Vec::new();
            string(&mut line, Some(text)).expect("memory takes all");
            assert_eq!(line, serde_json::to_vec(text).expect("memory takes all"));
        }
        for count in [0, 7, 10, 99, 100, u64::MAX] {
            let mut line = Vec::new();
            number(&mut line, count);
            assert_eq!(line, count.to_string().as_bytes());
        }
        let bytes: Vec<u8> = (0..=u8::MAX).collect();
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex(&bytes), digits);
    }
}
