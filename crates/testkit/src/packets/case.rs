//! What passes between the sides: a case, and what happened at each of its steps.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, BufRead, Write};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::packets::call::{Answer, Call};

/// A host and what befalls it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// The seed it was made from.
    pub seed: u64,
    /// Its index under that seed.
    pub index: u64,
    /// The host: lines of `ip` and `sysctl`.
    pub script: Vec<String>,
    /// What happens then, in order.
    pub steps: Vec<Step>,
}

/// One thing that happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// A frame arrives.
    Inject {
        /// On this device.
        dev: String,
        /// From the link header on; from the network header on tun devices.
        frame: Bytes,
        /// Milliseconds in which what it causes may follow.
        #[serde(default, skip_serializing_if = "is_zero")]
        ms: u64,
    },
    /// A program calls a socket.
    Call {
        /// The socket's number within the case.
        socket: u8,
        /// What it asks.
        call: Call,
    },
    /// Time passes.
    Wait {
        /// Milliseconds.
        ms: u64,
    },
    /// The configuration is looked at.
    Ask {
        /// The words behind `ip`.
        command: String,
    },
    /// The host is changed.
    Change {
        /// A line as in the script.
        line: String,
    },
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// What a side did at a step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// When the step began, in microseconds since the script's end.
    pub at_us: u64,
    /// When it ended.
    #[serde(default)]
    pub end_us: u64,
    /// Frames that left, with their device.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub emitted: Vec<(String, Bytes)>,
    /// What was counted, as `nstat` names it; zeros left out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub counters: BTreeMap<String, u64>,
    /// Why packets were dropped, as Linux's drop reasons are named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// How a call was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returned: Option<Answer>,
    /// Nobody listened why packets were dropped: reasons are not compared.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deaf: bool,
    /// What was answered, line by line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answer: Vec<String>,
    /// The device took no such frame, as one that is down: nothing arrived, nothing of the step is compared.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refused: bool,
    /// What the side cannot answer, by name; nothing of the step is compared then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
}

/// A case with what the kernel did, one [`Seen`] a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// The case.
    #[serde(flatten)]
    pub case: Case,
    /// The kernel's release, as `uname -r` prints it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// What it did.
    pub kernel: Vec<Seen>,
}

impl Recorded {
    /// Writes it as a line.
    ///
    /// # Errors
    ///
    /// The output cannot be written.
    pub fn write(&self, output: &mut impl Write) -> io::Result<()> {
        serde_json::to_writer(&mut *output, self)?;
        output.write_all(b"\n")
    }

    /// Reads records one by one.
    ///
    /// # Errors
    ///
    /// Each item: the input cannot be read, or a line is no record with something seen for each
    /// step; the message names the line.
    pub fn read(input: impl BufRead) -> impl Iterator<Item = io::Result<Recorded>> {
        input.lines().enumerate().map(|(at, line)| {
            let wrong = |message: String| {
                io::Error::new(io::ErrorKind::InvalidData, format!("line {}: {message}", at + 1))
            };
            let read: Recorded = serde_json::from_str(&line?).map_err(|error| wrong(error.to_string()))?;
            match (read.kernel.len(), read.case.steps.len()) {
                (seen, steps) if seen != steps => Err(wrong(format!("{seen} seen of {steps} steps"))),
                _ => Ok(read),
            }
        })
    }
}

/// Bytes, written as hexadecimal digits.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(pub Vec<u8>);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Bytes {
    /// Reads hexadecimal digits, two a byte.
    pub fn parse(text: &str) -> Option<Bytes> {
        let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
        let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
        let bytes = pairs.iter().map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?));
        bytes.collect::<Option<_>>().map(Bytes)
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Bytes::parse(&text).ok_or_else(|| de::Error::custom("no hexadecimal bytes"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let steps = vec![
            Step::Inject { dev: "t0".into(), frame: Bytes(vec![0, 0xab, 255]), ms: 0 },
            Step::Wait { ms: 20 },
        ];
        let seen = Seen { emitted: vec![("t1".into(), Bytes(vec![1]))], ..Seen::default() };
        let record = Recorded {
            case: Case { seed: 1, index: 2, script: vec!["ip link".into()], steps },
            release: None,
            kernel: vec![seen, Seen::default()],
        };
        let mut text = Vec::new();
        record.write(&mut text).expect("writes");
        let read: Vec<_> = Recorded::read(&text[..]).collect::<io::Result<_>>().expect("reads");
        assert_eq!(read, [record]);
    }

    #[test]
    fn what_is_no_record_is_refused() {
        let text = r#"{"seed":1,"index":1,"script":[],"steps":[{"wait":{"ms":1}}],"kernel":[]}"#;
        let error = Recorded::read(text.as_bytes()).next().expect("one").expect_err("refused");
        assert_eq!(error.to_string(), "line 1: 0 seen of 1 steps");
        assert_eq!(Bytes::parse("0g"), None);
        assert_eq!(Bytes::parse("012"), None);
    }
}
