//! What a command prints: text and JSON from the same calls, in iproute2's
//! own formatting of both.
//!
//! A call names a JSON key and the text around the value; which of the two is
//! written depends on whether a JSON document is open. The JSON layout (no
//! spaces, or four spaces a level with `-p`) is that of iproute2's writer.

use std::fmt::{self, Display, Write as _};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where output goes.
pub struct Sinks<'a> {
    /// Standard output.
    pub stdout: &'a mut dyn io::Write,
    /// Standard error.
    pub stderr: &'a mut dyn io::Write,
}

/// Bytes held back before they are written.
const CHUNK: usize = 1 << 16;

/// The state of an open JSON document.
#[derive(Clone, Copy, Debug, Default)]
struct Json {
    pretty: bool,
    depth: usize,
    comma: bool,
}

/// Standard output and standard error of one run.
pub(crate) struct Output<'a> {
    sinks: Sinks<'a>,
    text: String,
    json: Option<Json>,
    oneline: bool,
}

impl<'a> Output<'a> {
    /// Nothing written yet, no JSON document open.
    pub fn new(sinks: Sinks<'a>) -> Self {
        Output { sinks, text: String::new(), json: None, oneline: false }
    }

    /// Joins lines of one object with a backslash (`-o`).
    pub fn set_oneline(&mut self, on: bool) {
        self.oneline = on;
    }

    /// The line separator within an object: a newline, or `\` with `-o`.
    pub fn sl(&self) -> &'static str {
        if self.oneline { "\\" } else { "\n" }
    }

    /// Whether a JSON document is open.
    pub fn is_json(&self) -> bool {
        self.json.is_some()
    }

    /// Writes out what is held back.
    pub fn flush(&mut self) {
        // A closed pipe is no error of the command, as with iproute2's stdio.
        let _ = self.sinks.stdout.write_all(self.text.as_bytes());
        let _ = self.sinks.stdout.flush();
        self.text.clear();
    }

    fn spill(&mut self) {
        if self.text.len() >= CHUNK {
            let _ = self.sinks.stdout.write_all(self.text.as_bytes());
            self.text.clear();
        }
    }

    /// Writes to standard error, as it is.
    pub fn err(&mut self, text: &str) {
        self.flush();
        let _ = self.sinks.stderr.write_all(text.as_bytes());
    }

    /// Writes a line to standard error.
    pub fn err_line(&mut self, text: fmt::Arguments<'_>) {
        self.err(&format!("{text}\n"));
    }

    /// Writes to standard output whether or not JSON is open.
    pub fn raw(&mut self, text: &str) {
        self.text.push_str(text);
        self.spill();
    }

    /// Writes formatted text to standard output whether or not JSON is open.
    pub fn raw_fmt(&mut self, text: fmt::Arguments<'_>) {
        let _ = self.text.write_fmt(text);
        self.spill();
    }

    /// Writes text unless JSON is open.
    pub fn fp(&mut self, text: &str) {
        if self.json.is_none() {
            self.text.push_str(text);
            self.spill();
        }
    }

    /// Writes formatted text unless JSON is open.
    pub fn fp_fmt(&mut self, text: fmt::Arguments<'_>) {
        if self.json.is_none() {
            let _ = self.text.write_fmt(text);
            self.spill();
        }
    }

    /// Opens the document, an array, if `on` (`new_json_obj`).
    pub fn open_document(&mut self, on: bool, pretty: bool) {
        if on {
            self.json = Some(Json { pretty, ..Json::default() });
            self.open_array(None);
        }
    }

    /// Closes the document with its array (`delete_json_obj`).
    pub fn close_document(&mut self) {
        self.close_array();
        if self.json.take().is_some() {
            self.text.push('\n');
            self.spill();
        }
    }

    /// Opens an object, under `key` if given. JSON only.
    pub fn open_object(&mut self, key: Option<&str>) {
        self.begin(key, '{');
    }

    /// Closes an object. JSON only.
    pub fn close_object(&mut self) {
        self.end('}');
        self.spill();
    }

    /// Opens an array, under `key` if given. JSON only.
    pub fn open_array(&mut self, key: Option<&str>) {
        self.begin(key, '[');
        if self.json.is_some_and(|j| j.pretty) {
            self.text.push(' ');
        }
    }

    /// Closes an array. JSON only.
    pub fn close_array(&mut self) {
        if let Some(json) = &mut self.json {
            if json.pretty && json.comma {
                self.text.push(' ');
            }
            json.comma = false;
        }
        self.end(']');
    }

    fn begin(&mut self, key: Option<&str>, open: char) {
        if let Some(key) = key {
            self.name(key);
        }
        if let Some(json) = &mut self.json {
            if json.comma {
                self.text.push(',');
            }
            self.text.push(open);
            json.depth += 1;
            json.comma = false;
        }
    }

    fn end(&mut self, close: char) {
        if let Some(json) = &mut self.json {
            json.depth = json.depth.saturating_sub(1);
            if json.comma {
                newline(&mut self.text, json);
            }
            self.text.push(close);
            json.comma = true;
        }
    }

    /// A key whose value follows. JSON only.
    pub fn name(&mut self, key: &str) {
        if let Some(json) = &mut self.json {
            if json.comma {
                self.text.push(',');
            }
            newline(&mut self.text, json);
            json.comma = false;
            quoted(&mut self.text, key);
            self.text.push(':');
            if json.pretty {
                self.text.push(' ');
            }
        }
    }

    fn value(&mut self, key: Option<&str>, write: impl FnOnce(&mut String)) {
        if let Some(key) = key {
            self.name(key);
        }
        if let Some(json) = &mut self.json {
            if json.comma {
                self.text.push(',');
            }
            json.comma = true;
            write(&mut self.text);
        }
    }

    /// A string under a key; JSON only.
    pub fn json_str(&mut self, key: &str, value: &str) {
        self.value(Some(key), |text| quoted(text, value));
    }

    /// A number (or `true`, `false`, `null`) under a key; JSON only.
    pub fn json_num(&mut self, key: &str, value: impl Display) {
        self.value(Some(key), |text| {
            let _ = write!(text, "{value}");
        });
    }

    /// A boolean under a key; JSON only.
    pub fn json_bool(&mut self, key: &str, value: bool) {
        self.json_num(key, value);
    }

    /// A null under a key; JSON only.
    pub fn json_null(&mut self, key: &str) {
        self.json_num(key, "null");
    }

    /// A string: a value of an array in JSON; in text it stands between `before` and `after`.
    pub fn item(&mut self, before: &str, value: &str, after: &str) {
        if self.json.is_some() {
            self.value(None, |text| quoted(text, value));
        } else {
            self.around(before, value, after);
        }
    }

    /// A string: under `key` in JSON; in text it stands between `before` and `after`.
    pub fn string(&mut self, key: &str, before: &str, value: &str, after: &str) {
        if self.json.is_some() {
            self.json_str(key, value);
        } else {
            self.around(before, value, after);
        }
    }

    /// Like [`Output::string`] for anything that displays itself.
    pub fn shown(&mut self, key: &str, before: &str, value: impl Display, after: &str) {
        if self.json.is_some() {
            self.value(Some(key), |text| {
                text.push('"');
                let start = text.len();
                let _ = write!(text, "{value}");
                if text[start..].bytes().any(needs_escape) {
                    let plain = text.split_off(start);
                    escaped(text, &plain);
                }
                text.push('"');
            });
        } else {
            self.around(before, value, after);
        }
    }

    /// A number: under `key` in JSON; in text it stands between `before` and `after`.
    pub fn num(&mut self, key: &str, before: &str, value: impl Display, after: &str) {
        if self.json.is_some() {
            self.json_num(key, value);
        } else {
            self.around(before, value, after);
        }
    }

    /// A hexadecimal number with `0x` (`%#llx`: zero is `0`), a string in JSON.
    pub fn hex(&mut self, key: &str, before: &str, value: u64, after: &str) {
        if value == 0 {
            self.string(key, before, "0", after);
        } else {
            self.shown(key, before, format_args!("{value:#x}"), after);
        }
    }

    /// A null under `key` in JSON, `text` in text.
    pub fn null(&mut self, key: &str, text: &str) {
        if self.json.is_some() {
            self.json_null(key);
        } else {
            self.fp(text);
        }
    }

    /// A boolean under `key` in JSON, `text` in text.
    pub fn flag(&mut self, key: &str, value: bool, text: &str) {
        if self.json.is_some() {
            self.json_bool(key, value);
        } else {
            self.fp(text);
        }
    }

    fn around(&mut self, before: &str, value: impl Display, after: &str) {
        self.text.push_str(before);
        let _ = write!(self.text, "{value}");
        self.text.push_str(after);
        self.spill();
    }
}

fn newline(text: &mut String, json: &Json) {
    if json.pretty {
        text.push('\n');
        for _ in 0..json.depth {
            text.push_str("    ");
        }
    }
}

fn needs_escape(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c | 0x08 | b'\\' | b'"')
}

fn quoted(text: &mut String, value: &str) {
    text.push('"');
    escaped(text, value);
    text.push('"');
}

fn escaped(text: &mut String, value: &str) {
    for c in value.chars() {
        match c {
            '\t' => text.push_str("\\t"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\u{c}' => text.push_str("\\f"),
            '\u{8}' => text.push_str("\\b"),
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            c => text.push(c),
        }
    }
}

/// A number as C's `%g` prints it: six significant digits, no trailing zeros.
pub(crate) fn percent_g(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return if value == 0.0 { "0".into() } else { value.to_string() };
    }
    let scientific = format!("{value:.5e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trim = |digits: &str| -> String {
        match digits.contains('.') {
            true => digits.trim_end_matches('0').trim_end_matches('.').to_string(),
            false => digits.to_string(),
        }
    };
    if (-4..6).contains(&exponent) {
        trim(&format!("{value:.*}", (5 - exponent).max(0) as usize))
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{}e{sign}{:02}", trim(mantissa), exponent.abs())
    }
}

/// An address as the C library prints it: IPv6 addresses that begin with 96
/// zero bits end in dotted IPv4 notation, those of 112 and more do not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text(pub IpAddr);

impl Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(addr) => f.write_str(dotted(addr, &mut [0; 15])),
            IpAddr::V6(addr) => match compatible(addr) {
                Some(low) => write!(f, "::{}", Ipv4Addr::from_bits(low)),
                None => addr.fmt(f),
            },
        }
    }
}

/// Writes dotted decimals without the general formatting machinery, which
/// would take most of the time of a long dump.
fn dotted(addr: Ipv4Addr, buffer: &mut [u8; 15]) -> &str {
    let mut len = 0;
    let mut put = |byte: u8| {
        buffer[len] = byte;
        len += 1;
    };
    for (i, octet) in addr.octets().into_iter().enumerate() {
        if i > 0 {
            put(b'.');
        }
        if octet >= 100 {
            put(b'0' + octet / 100);
        }
        if octet >= 10 {
            put(b'0' + octet / 10 % 10);
        }
        put(b'0' + octet % 10);
    }
    str::from_utf8(&buffer[..len]).unwrap_or_default()
}

/// The last 32 bits of an address whose longest run of zero words is exactly the first six.
fn compatible(addr: Ipv6Addr) -> Option<u32> {
    let bits = addr.to_bits();
    (bits >> 32 == 0 && bits >> 16 != 0).then_some(bits as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(print: impl FnOnce(&mut Output<'_>)) -> String {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let mut out = Output::new(Sinks { stdout: &mut stdout, stderr: &mut stderr });
        print(&mut out);
        out.flush();
        String::from_utf8(stdout).unwrap()
    }

    fn sample(out: &mut Output<'_>) {
        out.open_object(None);
        out.string("name", "name ", "a\"b\\c\td", " ");
        out.open_array(Some("flags"));
        out.item("", "one", " ");
        out.item("", "two", " ");
        out.close_array();
        out.open_array(Some("none"));
        out.close_array();
        out.hex("mark", "mark ", 0, " ");
        out.hex("mask", "mask ", 255, " ");
        out.null("not", "not ");
        out.flag("up", true, "up ");
        out.fp("only text");
        out.close_object();
        out.open_object(None);
        out.num("n", "n ", 5, "");
        out.close_object();
    }

    #[test]
    fn text_and_json_come_from_the_same_calls() {
        assert_eq!(written(sample), "name a\"b\\c\td one two mark 0 mask 0xff not up only textn 5");
        let json = written(|out| {
            out.open_document(true, false);
            sample(out);
            out.close_document();
        });
        let expected = concat!(
            r#"[{"name":"a\"b\\c\td","flags":["one","two"],"none":[],"mark":"0","mask":"0xff","#,
            r#""not":null,"up":true},{"n":5}]"#,
            "\n"
        );
        assert_eq!(json, expected);
    }

    #[test]
    fn pretty_json_is_laid_out_as_iproute2_does() {
        let json = written(|out| {
            out.open_document(true, true);
            out.open_object(None);
            out.json_num("a", 1);
            out.open_array(Some("b"));
            out.open_object(None);
            out.json_str("c", "d");
            out.close_object();
            out.close_array();
            out.open_array(Some("e"));
            out.close_array();
            out.close_object();
            out.close_document();
        });
        let expected = "[ {\n        \"a\": 1,\n        \"b\": [ {\n                \"c\": \"d\"\n            } ],\n        \"e\": [ ]\n    } ]\n";
        assert_eq!(json, expected);
        let empty = written(|out| {
            out.open_document(true, true);
            out.close_document();
        });
        assert_eq!(empty, "[ ]\n");
    }

    #[test]
    fn numbers_are_printed_with_six_digits() {
        for (value, text) in [
            (0.0, "0"),
            (1.5, "1.5"),
            (12345.678, "12345.7"),
            (123456.0, "123456"),
            (1234567.0, "1.23457e+06"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (4294967.295, "4.29497e+06"),
        ] {
            assert_eq!(percent_g(value), text);
        }
    }

    #[test]
    fn addresses_are_printed_as_the_c_library_does() {
        for text in ["0.0.0.0", "255.10.9.100", "::", "::1", "::ffff:1.2.3.4", "::1.2.3.4", "2001:db8::1"] {
            assert_eq!(Text(text.parse().unwrap()).to_string(), text);
        }
        assert_eq!(Text("::1:0".parse().unwrap()).to_string(), "::0.1.0.0");
    }
}
