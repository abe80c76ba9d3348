//! The report: NDJSON, an object for each packet of the capture, and for each timer that
//! emitted or counted something.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};

use fingerpost_engine::Config;
use fingerpost_engine::counters::Counted;
use serde::ser::{SerializeMap, Serializer};

use super::gather::Gather;
use super::lookups::Form;
use super::memo::{Memo, Mixed, PLACES};
use super::text::{digits, number, quoted, string};
use super::told::{Entry, Fate};
use super::write::Device;
use crate::flows::Out;

/// A report that is being written.
pub struct Report {
    out: Gather,
    /// What messages call it.
    pub name: String,
    /// Members of an object, by what was counted.
    counted: Memo<News>,
    members: Vec<Vec<u8>>,
    /// Lookups, each in its place.
    forms: Vec<Form>,
    /// Where addresses become texts.
    addrs: Out,
}

/// How much was counted of something.
pub(super) type News = (Counted, u64);

/// What was counted, as members of an object.
fn members(news: &[News]) -> Vec<u8> {
    let mut text = Vec::new();
    for (n, (what, count)) in news.iter().enumerate() {
        // Names of counters need no escapes.
        text.extend_from_slice(if n == 0 { b"\"" } else { b",\"" });
        text.extend_from_slice(what.name().as_bytes());
        text.extend_from_slice(b"\":");
        number(&mut text, *count);
    }
    text
}

impl Report {
    /// Begins a report, which messages call `name`.
    pub fn new(out: Box<dyn Write + Send>, name: String) -> Report {
        let counted = Memo::new(News::eq);
        let (members, forms) = (vec![Vec::new(); PLACES], vec![Form::default(); PLACES]);
        Report { out: Gather::new(out), name, counted, members, forms, addrs: Out::default() }
    }

    /// Writes all that is held back.
    ///
    /// # Errors
    ///
    /// The file takes no more.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Keeps a text of lookups in its place.
    pub(super) fn keep(&mut self, place: u32, form: Form) {
        self.forms[place as usize] = form;
    }

    /// Tells of a packet, or of a timer.
    pub(super) fn tell(&mut self, entry: &Entry<'_>, devices: &BTreeMap<u32, Device>) -> io::Result<()> {
        let begin = self.out.held.len();
        self.line(entry, devices).inspect_err(|_| self.out.held.truncate(begin))?;
        self.out.end()
    }

    fn line(&mut self, entry: &Entry<'_>, devices: &BTreeMap<u32, Device>) -> io::Result<()> {
        let Report { out, counted, members: texts, forms, addrs, .. } = self;
        let (Fate { packet, outcome, reason, .. }, line) = (entry.fate, &mut out.held);
        let name = |dev: u32| devices.get(&dev).map_or("", |device| &device.name);
        line.extend_from_slice(br#"{"packet":"#);
        match packet {
            Some((packet, _)) => number(line, packet),
            None => line.extend_from_slice(b"null"),
        }
        line.extend_from_slice(br#","dev":"#);
        let dev = packet.map(|(_, dev)| dev).or_else(|| entry.frames().next().map(|(dev, _)| dev));
        string(line, dev.map(name))?;
        line.extend_from_slice(br#","outcome":"#);
        match outcome {
            // Our own word needs no escapes.
            Some(word) => quoted(line, word),
            None => line.extend_from_slice(b"null"),
        }
        line.extend_from_slice(br#","reason":"#);
        string(line, reason)?;
        line.extend_from_slice(br#","emitted":["#);
        for (n, (dev, frame)) in entry.frames().enumerate() {
            line.extend_from_slice(if n == 0 { br#"{"dev":"# } else { br#",{"dev":"# });
            string(line, Some(name(dev)))?;
            line.extend_from_slice(br#","frame":""#);
            digits(frame, line);
            line.extend_from_slice(br#""}"#);
        }
        line.extend_from_slice(br#"],"counters":{"#);
        if !entry.news.is_empty() {
            let mut mixed = Mixed::default();
            for &(what, count) in entry.news {
                mixed.mix((what.place() as u64).rotate_right(u16::BITS) ^ count);
            }
            let place = counted.place(entry.news, mixed);
            let text = &mut texts[place.at as usize];
            if place.is_new {
                *text = members(entry.news);
            }
            line.extend_from_slice(text);
        }
        line.extend_from_slice(br#"},"lookups":"#);
        match entry.lookups {
            Some(place) => forms[place as usize].write(entry.ends, addrs, line),
            None => line.extend_from_slice(b"[]"),
        }
        line.extend_from_slice(b"}\n");
        Ok(())
    }
}

/// The name of a device.
pub(crate) fn name_of(config: &Config, dev: u32) -> &str {
    config.links.get(dev).map_or("", |link| link.name())
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
