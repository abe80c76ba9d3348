//! Captures, packet by packet: pcap and pcapng, of both byte orders.
//!
//! Records are cut out here, so that whatever is wrong has a place and memory is bounded;
//! what stands in them is read by `pcap-parser`.

mod blocks;
mod classic;
mod window;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use anyhow::{Context, anyhow, bail};

use self::window::Window;
use crate::source::label;

/// Link types (<https://www.tcpdump.org/linktypes.html>).
pub mod link_type {
    /// Ethernet frames.
    pub const ETHERNET: u32 = 1;
    /// Packets alone, of either family.
    pub const RAW: u32 = 101;
    /// IPv4 packets alone.
    pub const IPV4: u32 = 228;
    /// IPv6 packets alone.
    pub const IPV6: u32 = 229;
    /// What systems called packets alone before they agreed on a number.
    pub const RAW_OF_SYSTEMS: [u32; 2] = [12, 14];
}

/// Longest record that is read, in bytes.
const MAX_RECORD: usize = 16 << 20;
/// Interfaces of a section at most.
const MAX_INTERFACES: usize = 1 << 16;

/// A capture that is open.
pub struct Capture {
    /// What messages call it.
    pub name: String,
    /// Its length in bytes, where that is known.
    pub size: Option<u64>,
    window: Window,
    form: Form,
    interfaces: Vec<Interface>,
    /// How many sections have begun; each has interfaces of its own.
    section: u64,
    /// Packets read.
    packets: u64,
    unknown: Option<UnknownBlocks>,
}

enum Form {
    Classic(classic::Records),
    Blocks { big_endian: bool },
}

/// An interface that packets were captured on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name, where the capture has one.
    pub name: Option<String>,
    /// What its packets begin with.
    pub link_type: u32,
    /// Bytes that are kept of a packet; 0 for all.
    snaplen: u32,
    /// Octets of the check sequence at the end of frames.
    check_sequence: usize,
    clock: Clock,
}

/// How times are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Clock {
    /// Negative powers of 10, or of 2 when the highest bit is set (`if_tsresol`).
    resolution: u8,
    /// Seconds to be added (`if_tsoffset`).
    offset: i64,
}

/// A packet as it was captured.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// From 1.
    pub number: u64,
    /// Where its record begins, in bytes.
    pub offset: u64,
    /// The section that it is in.
    pub section: u64,
    /// The interface's position in the section.
    pub index: usize,
    /// The interface.
    pub interface: &'a Interface,
    /// Nanoseconds since 1970, where the capture says when.
    pub time: Option<u64>,
    /// Its length, in bytes.
    pub length: u64,
    /// What was captured of it.
    pub bytes: &'a [u8],
    /// It was on its way out.
    pub is_outbound: bool,
}

impl Packet<'_> {
    /// Whether only its beginning was captured.
    pub fn is_cut(&self) -> bool {
        (self.bytes.len() as u64) < self.length
    }
}

/// A packet's place in the window, and what its record says.
struct Found {
    at: std::ops::Range<usize>,
    /// The interface's position in the section.
    index: usize,
    time: Option<u64>,
    length: u64,
    is_outbound: bool,
}

/// Blocks of types that the format does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownBlocks {
    /// The first one's type.
    pub kind: u32,
    /// Where that begins, in bytes.
    pub offset: u64,
    /// How many there were.
    pub count: u64,
}

impl Capture {
    /// Opens a file, or standard input for `-`.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is no capture.
    pub fn open(path: &Path) -> anyhow::Result<Capture> {
        let name = label(path);
        let (source, size): (Box<dyn Read + Send>, _) = match path == Path::new("-") {
            true => (Box::new(io::stdin()), None),
            false => {
                let file = File::open(path).with_context(|| name.clone())?;
                let about = file.metadata().with_context(|| name.clone())?;
                (Box::new(file), about.is_file().then_some(about.len()))
            }
        };
        Capture::new(source, name, size)
    }

    /// Reads from `source`, which messages call `name`.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is no capture.
    pub fn new(source: Box<dyn Read + Send>, name: String, size: Option<u64>) -> anyhow::Result<Capture> {
        let mut window = Window::new(source);
        let form = begin(&mut window).with_context(|| name.clone())?;
        let mut capture = Capture {
            name,
            size,
            window,
            form,
            interfaces: Vec::new(),
            section: 0,
            packets: 0,
            unknown: None,
        };
        if let Form::Classic(records) = &capture.form {
            capture.interfaces.push(records.interface());
        }
        Ok(capture)
    }

    /// Has a thread of its own read on.
    ///
    /// # Errors
    ///
    /// There can be no more threads.
    pub(super) fn read_ahead(&mut self) -> io::Result<()> {
        self.window.read_ahead()
    }

    /// Whether more has to come before there can be another packet.
    pub(super) fn is_waited_for(&mut self) -> bool {
        self.window.is_waited_for()
    }

    /// The next packet; `None` at the end.
    ///
    /// # Errors
    ///
    /// The capture cannot be read further, or is not whole.
    pub fn next_packet(&mut self) -> anyhow::Result<Option<Packet<'_>>> {
        self.window.pass();
        let found = match &self.form {
            Form::Classic(records) => records.next(&mut self.window),
            Form::Blocks { .. } => self.next_of_blocks(),
        };
        let offset = self.window.offset();
        let Some(found) = found.map_err(|why| why.context(self.place(offset)))? else { return Ok(None) };
        self.packets += 1;
        let Found { at, index, time, length, is_outbound } = found;
        Ok(self.interfaces.get(index).map(|interface| Packet {
            number: self.packets,
            offset,
            section: self.section,
            index,
            interface,
            time,
            length,
            bytes: self.window.get(at),
            is_outbound,
        }))
    }

    /// Where a record is, in words.
    fn place(&self, offset: u64) -> String {
        format!("{}: after packet {}, at byte {offset}", self.name, self.packets)
    }

    /// How many bytes were read.
    pub fn bytes_read(&self) -> u64 {
        self.window.offset()
    }

    /// The blocks that were left out because nobody knows their type.
    pub fn unknown_blocks(&self) -> Option<UnknownBlocks> {
        self.unknown
    }
}

/// What a capture begins with says of which form it is; a pcap's header is passed.
fn begin(window: &mut Window) -> anyhow::Result<Form> {
    window.fill(24)?;
    match window.bytes() {
        [] => bail!("it is empty; a capture (pcap or pcapng) is expected"),
        [0x0a, 0x0d, 0x0d, 0x0a, ..] => Ok(Form::Blocks { big_endian: false }),
        [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x04, 0x22, 0x4d, 0x18, ..] => {
            bail!("it is compressed; decompress it first")
        }
        header => {
            let records = classic::Records::of(header)?;
            window.take(classic::HEADER);
            Ok(Form::Classic(records))
        }
    }
}

/// The end of the file came too early.
fn truncated() -> anyhow::Error {
    anyhow!("the file ends within a record: it is cut off, perhaps still being written")
}

impl Clock {
    const MICROSECONDS: Clock = Clock { resolution: 6, offset: 0 };
    const NANOSECONDS: Clock = Clock { resolution: 9, offset: 0 };

    /// Nanoseconds since 1970; what lies before or far behind is the nearest that is told.
    fn nanos(self, units: u64) -> u64 {
        let units = u128::from(units);
        let nanos = match self.resolution {
            power @ 0..=9 => units * 10u128.pow(9 - u32::from(power)),
            power @ ..=127 => 10u128.checked_pow(u32::from(power) - 9).map_or(0, |by| units / by),
            power => (units * 1_000_000_000) >> (power & 0x7f),
        };
        let nanos = i128::try_from(nanos).unwrap_or(i128::MAX);
        let nanos = nanos.saturating_add(i128::from(self.offset) * 1_000_000_000);
        u64::try_from(nanos.max(0)).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_any_resolution_are_nanoseconds() {
        let nanos = |resolution, offset, units| Clock { resolution, offset }.nanos(units);
        assert_eq!(nanos(6, 0, 1_500_000), 1_500_000_000);
        assert_eq!(nanos(9, 0, 7), 7);
        assert_eq!(nanos(0, 0, 3), 3_000_000_000);
        assert_eq!(nanos(12, 0, 7_999), 7);
        assert_eq!(nanos(127, 0, u64::MAX), 0);
        assert_eq!(nanos(0x80 | 10, 0, 1536), 1_500_000_000);
        assert_eq!(nanos(0xff, 0, u64::MAX), 0);
        assert_eq!(nanos(6, 2, 500_000), 2_500_000_000);
        assert_eq!(nanos(6, -1, 500_000), 0);
        assert_eq!(nanos(0, i64::MAX, u64::MAX), u64::MAX);
    }
}
