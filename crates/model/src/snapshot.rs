//! The snapshot format: one JSON object a line.
//!
//! The first line is a [`Header`]. Each [`Line::Netns`] opens a namespace; the
//! lines after it belong to that namespace: devices in the order in which they
//! came to it, the others in the kernel's dump order (order carries meaning:
//! addresses of a device, rules of equal preference, routes of equal key).
//! Unknown fields are refused rather than ignored. The last line is
//! [`Line::End`]: a file without it was cut off.
//!
//! Six facts that decide answers are in no dump. Three are fields of
//! [`Netns`], `None` where they could not be found out:
//! [`Netns::custom_rules`], [`Netns::custom_local_routes`],
//! [`Netns::realm_users`]. The others stand with the routes:
//! [`RouteMsg::gateway_scope`], [`RouteMsg::looked_at`] and
//! [`crate::NextHopMsg::own`].

use std::io::{self, BufRead, Write};

use serde::{Deserialize, Serialize};

use crate::{
    AddrLabelMsg, AddrMsg, LinkMsg, MrouteMsg, MrouteTableMsg, NeighMsg, NetconfMsg, NexthopMsg, RouteMsg,
    RuleMsg,
};

/// The format version that this build writes and reads.
pub const FORMAT: u32 = 1;

/// The first line.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Format version.
    pub fingerpost: u32,
    /// The kernel's release, as `uname -r` prints it.
    pub release: String,
    /// When it was taken, in RFC 3339 form, UTC.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub taken: String,
    /// Whether addresses were replaced.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub redacted: bool,
    /// What could not be read and why, one sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_seen: Vec<String>,
}

/// A namespace, and what no dump shows of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Netns {
    /// The name, empty for the one that was current.
    #[serde(default)]
    pub name: String,
    /// Whether any policy rule was ever added or deleted: local and main are
    /// then two tries, and the full source check is on (C-123).
    #[serde(default)]
    pub custom_rules: Option<bool>,
    /// Whether a policy rule of IPv6 was ever added, where the rules do not tell
    /// (F-086).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_rules6: Option<bool>,
    /// Whether a `local` route was ever added by hand (C-033).
    #[serde(default)]
    pub custom_local_routes: Option<bool>,
    /// Whether a route or rule with realms counts as a user (T-22).
    #[serde(default)]
    pub realm_users: Option<bool>,
    /// Whether the multicast groups that were joined were read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub groups_read: bool,
    /// Whether the address labels were read: those that follow, even none, are all.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub labels_read: bool,
    /// The multipath hash seed, if it is known.
    #[serde(default)]
    pub hash_seed: Option<u32>,
}

/// One line after the header.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(clippy::large_enum_variant)]
pub enum Line {
    /// Opens a namespace.
    Netns(Netns),
    /// A device.
    Link(LinkMsg),
    /// An address.
    Address(AddrMsg),
    /// A route.
    Route(RouteMsg),
    /// A policy rule.
    Rule(RuleMsg),
    /// A nexthop object.
    Nexthop(NexthopMsg),
    /// A bucket of a resilient group.
    Bucket(NexthopMsg),
    /// A neighbour.
    Neighbour(NeighMsg),
    /// An address label.
    AddressLabel(AddrLabelMsg),
    /// A multicast routing table; its entries come after it.
    MulticastTable(MrouteTableMsg),
    /// An entry of a multicast forwarding cache.
    MulticastRoute(MrouteMsg),
    /// A device's settings.
    Netconf(NetconfMsg),
    /// A multicast group that a device, by index, has joined.
    Group(u32, std::net::IpAddr),
    /// A setting below `/proc/sys/net`: path without that prefix, and text.
    Sysctl(String, String),
    /// A file or command output kept as text, by name (`/proc/net/fib_trie`, `nft list ruleset`, …).
    Text(String, String),
    /// The end, with the number of lines between it and the header.
    End(u64),
}

/// Why a snapshot cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The reader failed.
    #[error("line {line}: {error}")]
    Io {
        /// Line number from 1.
        line: usize,
        /// What the system said.
        error: io::Error,
    },
    /// A line is not what the format says.
    #[error("line {line}, column {column}: {problem}")]
    Syntax {
        /// Line number from 1.
        line: usize,
        /// Column number from 1.
        column: usize,
        /// What is wrong and what was expected.
        problem: String,
    },
    /// The file is of a later format.
    #[error("format {found} is newer than this build reads ({FORMAT}); use a newer fingerpost")]
    Version {
        /// The version in the file.
        found: u32,
    },
}

/// Longest line that is read; a longer one is an error rather than an allocation.
const MAX_LINE: usize = 64 << 20;

/// Reads a snapshot line by line; memory does not grow with its length.
pub struct Reader<R> {
    input: R,
    line: usize,
    buffer: Vec<u8>,
    header: Header,
    /// Lines after the header, blank ones not counted.
    read: u64,
}

impl<R: BufRead> Reader<R> {
    /// Reads the header.
    pub fn new(input: R) -> Result<Self, Error> {
        let mut reader = Reader { input, line: 0, buffer: Vec::new(), header: Header::default(), read: 0 };
        if !reader.fill()? {
            return Err(Error::Syntax {
                line: 1,
                column: 1,
                problem: "the file is empty; expected a header such as {\"fingerpost\":1,…}".into(),
            });
        }
        #[derive(Deserialize)]
        struct Version {
            fingerpost: u32,
        }
        let not_a_snapshot = |error| match error {
            Error::Syntax { line, column, problem } => {
                let problem =
                    format!("not a snapshot ({problem}); expected a header such as {{\"fingerpost\":1,…}}");
                Error::Syntax { line, column, problem }
            }
            other => other,
        };
        let version: Version = reader.parse().map_err(not_a_snapshot)?;
        if version.fingerpost > FORMAT {
            return Err(Error::Version { found: version.fingerpost });
        }
        reader.header = reader.parse()?;
        Ok(reader)
    }

    /// The first line.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The next line, `None` at the end, which has to be there. Blank lines are skipped.
    pub fn next_line(&mut self) -> Result<Option<Line>, Error> {
        if !self.fill_line()? {
            return Err(self.error("the file was cut off: its last line, {\"end\":…}, is missing".into()));
        }
        match self.parse()? {
            Line::End(lines) if lines != self.read => {
                Err(self.error(format!("the end of {lines} lines, but {} came before it", self.read)))
            }
            Line::End(_) if self.fill_line()? => Err(self.error("text after the end".into())),
            Line::End(_) => Ok(None),
            line => {
                self.read += 1;
                Ok(Some(line))
            }
        }
    }

    /// Reads the next line that is not blank; false at the end of the file.
    fn fill_line(&mut self) -> Result<bool, Error> {
        while self.fill()? {
            if !self.buffer.iter().all(u8::is_ascii_whitespace) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn error(&self, problem: String) -> Error {
        Error::Syntax { line: self.line, column: 1, problem }
    }

    /// The number of the line read last, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    fn fill(&mut self) -> Result<bool, Error> {
        self.buffer.clear();
        self.line += 1;
        let line = self.line;
        let mut limited = io::Read::take(&mut self.input, MAX_LINE as u64);
        let n = limited.read_until(b'\n', &mut self.buffer).map_err(|error| Error::Io { line, error })?;
        if n == MAX_LINE {
            let problem = format!("the line is longer than {MAX_LINE} bytes");
            return Err(Error::Syntax { line, column: MAX_LINE, problem });
        }
        Ok(n > 0)
    }

    fn parse<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Error> {
        serde_json::from_slice(&self.buffer).map_err(|e| {
            let text = e.to_string();
            let problem = match text.rfind(" at line ") {
                Some(end) => text[..end].to_string(),
                None => text,
            };
            Error::Syntax { line: self.line, column: e.column().max(1), problem }
        })
    }
}

/// Writes a snapshot line by line.
pub struct Writer<W> {
    output: W,
    written: u64,
}

impl<W: Write> Writer<W> {
    /// Writes the header.
    pub fn new(mut output: W, header: &Header) -> io::Result<Self> {
        serde_json::to_writer(&mut output, header)?;
        output.write_all(b"\n")?;
        Ok(Writer { output, written: 0 })
    }

    /// Writes one line.
    pub fn write(&mut self, line: &Line) -> io::Result<()> {
        self.written += 1;
        serde_json::to_writer(&mut self.output, line)?;
        self.output.write_all(b"\n")
    }

    /// Writes the end and gives the output back.
    pub fn finish(mut self) -> io::Result<W> {
        let end = Line::End(self.written);
        self.write(&end)?;
        self.output.flush()?;
        Ok(self.output)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fingerpost_net::Family;

    fn round_trip(lines: &[Line]) -> Vec<u8> {
        let header = Header { fingerpost: FORMAT, release: "6.18.0".into(), ..Header::default() };
        let mut writer = Writer::new(Vec::new(), &header).unwrap();
        for line in lines {
            writer.write(line).unwrap();
        }
        writer.finish().unwrap()
    }

    #[test]
    fn what_is_written_is_read() {
        let mut route = RouteMsg::new(Family::V4);
        route.dst = Some("10.0.0.0/8".parse().unwrap());
        route.other.push(crate::Attr { kind: 99, data: vec![1, 0xfe] });
        let lines = [
            Line::Netns(Netns { custom_rules: Some(true), ..Netns::default() }),
            Line::Route(route),
            Line::Sysctl("ipv4/ip_forward".into(), "1".into()),
        ];
        let bytes = round_trip(&lines);
        let mut reader = Reader::new(&bytes[..]).unwrap();
        assert_eq!(reader.header().release, "6.18.0");
        for line in &lines {
            assert_eq!(reader.next_line().unwrap().as_ref(), Some(line));
        }
        assert!(reader.next_line().unwrap().is_none());
    }

    #[test]
    fn errors_name_the_place() {
        let error = |text: &str| match Reader::new(text.as_bytes()) {
            Err(e) => e.to_string(),
            Ok(mut r) => loop {
                match r.next_line() {
                    Err(e) => break e.to_string(),
                    Ok(None) => break "no error".into(),
                    Ok(Some(_)) => {}
                }
            },
        };
        let head = "{\"fingerpost\":1,\"release\":\"6.18\"}\n";
        assert!(error("").starts_with("line 1, column 1: the file is empty"));
        assert_eq!(error(&format!("{head}{{\"end\":0}}\n")), "no error");
        assert_eq!(
            error(head),
            "line 2, column 1: the file was cut off: its last line, {\"end\":…}, is missing"
        );
        let netns = format!("{head}{{\"netns\":{{}}}}\n");
        assert_eq!(error(&format!("{netns}{{\"end\":1}}\n\n")), "no error");
        assert!(
            error(&format!("{netns}{{\"end\":2}}\n")).starts_with("line 3, column 1: the end of 2 lines")
        );
        assert!(error(&format!("{netns}{{\"end\":1}}\n\n{{\"end\":1}}")).contains("text after the end"));
        assert!(error("{\"fingerpost\":2,\"release\":\"\"}").contains("format 2 is newer"));
        assert!(error(&format!("{head}{{\"route\":{{\"family\":\"5\"}}}}\n")).starts_with("line 2, column "));
        assert!(error(&format!("{head}\n{{\"nonsense\":1}}")).starts_with("line 3, column "));
        assert!(
            error(&format!("{head}{{\"route\":{{\"family\":\"4\",\"dst\":\"1.2.3.4/40\"}}}}"))
                .contains("prefix length")
        );
    }
}
