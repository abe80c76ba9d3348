//! The report: NDJSON, an object for each packet of the capture, and for each timer that
//! emitted or counted something.

use std::borrow::Cow;
use std::io::{self, Write};

use fingerpost_engine::Config;
use fingerpost_engine::counters::{Counted, Counters};
use fingerpost_engine::path::Frame;
use fingerpost_engine::trace::Event;
use serde::ser::{SerializeMap, Serializer};

use super::gather::Gather;
use super::lookups::Lookups;
use super::memo::{Memo, Mixed};
use crate::explain::Asked;

/// A report that is being written.
pub struct Report {
    out: Gather,
    /// What messages call it.
    pub name: String,
    /// What was counted for the next line.
    news: Vec<News>,
    /// Members of an object, by what was counted.
    counted: Memo<News, Vec<u8>>,
    lookups: Lookups,
}

/// How much was counted of something.
type News = (Counted, u64);

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

impl Report {
    /// Begins a report, which messages call `name`.
    pub fn new(out: Box<dyn Write>, name: String) -> Report {
        let (counted, lookups) = (Memo::new(Vec::new(), News::eq), Lookups::new((0, 0, 0)));
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
        let counted = counted.get(news, mixed, || io::Result::Ok(members(news)))?;
        line.extend_from_slice(counted);
        line.extend_from_slice(br#"},"lookups":"#);
        lookups.write(asked, entry.events, line)?;
        line.extend_from_slice(b"}\n");
        Ok(())
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

pub(super) fn quoted(line: &mut Vec<u8>, text: &str) {
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
