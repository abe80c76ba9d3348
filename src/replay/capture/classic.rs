//! pcap: a header, then records of packets that were captured on one interface.

use anyhow::bail;
use pcap_parser::pcap::{
    LegacyPcapBlock, parse_pcap_frame, parse_pcap_frame_be, parse_pcap_frame_modified, parse_pcap_header,
};

use super::window::Window;
use super::{Clock, Found, Interface, MAX_RECORD, truncated};

/// The version that is read.
const VERSION: (u16, u16) = (2, 4);
/// Length of the file's header.
pub(super) const HEADER: usize = 24;

/// How records are written.
#[derive(Clone, Copy)]
pub(super) struct Records {
    /// The length of what stands before a packet.
    header: usize,
    big_endian: bool,
    clock: Clock,
    /// The link type, and in the highest bits the length of the check sequence.
    network: u32,
}

impl Records {
    /// By the file's header.
    pub fn of(header: &[u8]) -> anyhow::Result<Records> {
        let Ok((_, header)) = parse_pcap_header(header) else {
            bail!("no capture: neither pcap nor pcapng begins like this")
        };
        // Before 2.4 the two lengths of a record stood the other way round, or either way.
        let version = (header.version_major, header.version_minor);
        if version != VERSION {
            bail!("pcap of version {}.{}; version {}.{} is read", version.0, version.1, VERSION.0, VERSION.1);
        }
        Ok(Records {
            header: if header.is_modified_format() { 24 } else { 16 },
            big_endian: header.is_bigendian(),
            clock: match header.is_nanosecond_precision() {
                true => Clock::NANOSECONDS,
                false => Clock::MICROSECONDS,
            },
            network: header.network.0 as u32,
        })
    }

    /// The one interface.
    pub fn interface(&self) -> Interface {
        // The length is there when bit 26 says so, in units of two octets.
        let check_sequence = if self.network & 1 << 26 == 0 { 0 } else { self.network >> 28 };
        Interface {
            name: None,
            link_type: self.network & 0x03ff_ffff,
            snaplen: 0,
            check_sequence: 2 * check_sequence as usize,
            clock: self.clock,
        }
    }

    /// The next packet.
    pub fn next(&self, window: &mut Window) -> anyhow::Result<Option<Found>> {
        if !window.fill(self.header)? {
            return if window.bytes().is_empty() { Ok(None) } else { Err(truncated()) };
        }
        let number = |at: usize| {
            let bytes = window.get(at..at + 4).try_into().unwrap_or_default();
            if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
        };
        let captured = number(8) as usize;
        if captured > MAX_RECORD {
            bail!("a packet of {captured} bytes: the file is damaged, or no capture");
        }
        let record = self.header + captured;
        if !window.fill(record)? {
            return Err(truncated());
        }
        window.take(record);
        let parse = match (self.header, self.big_endian) {
            (24, _) => parse_pcap_frame_modified,
            (_, true) => parse_pcap_frame_be,
            (_, false) => parse_pcap_frame,
        };
        let Ok((_, LegacyPcapBlock { ts_sec, ts_usec, origlen, .. })) = parse(window.bytes()) else {
            bail!("a record that cannot be read");
        };
        let second = if self.clock == Clock::NANOSECONDS { 1_000_000_000 } else { 1_000_000 };
        let units = u64::from(ts_sec) * second + u64::from(ts_usec);
        let (length, check_sequence) = (u64::from(origlen), self.interface().check_sequence);
        let (captured, length) = without(check_sequence, captured, length);
        Ok(Some(Found {
            at: self.header..self.header + captured,
            index: 0,
            time: Some(self.clock.nanos(units)),
            length,
            is_outbound: false,
        }))
    }
}

/// Lengths, as captured and as they were, without the check sequence at the end.
pub(super) fn without(check_sequence: usize, captured: usize, length: u64) -> (usize, u64) {
    let length = length.max(captured as u64).saturating_sub(check_sequence as u64);
    (captured.min(usize::try_from(length).unwrap_or(usize::MAX)), length)
}
