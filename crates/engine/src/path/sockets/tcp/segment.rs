//! What the segments say that begin a connection: options (RFC 9293, 7323, 2018) and windows.

use fingerpost_net::wire::{Header, Tcp};

const END: u8 = 0;
const NOOP: u8 = 1;
const MOST: u8 = 2;
const WINDOW_SCALE: u8 = 3;
const SACK_PERMITTED: u8 = 4;
const TIMESTAMP: u8 = 8;

/// `net.core.rmem_max` as it is unless set: buffers may grow so large at least.
const USUAL_MOST: u32 = 212_992;

/// What the other side said of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Peer {
    /// The most data that it takes in a segment; none if it did not tell.
    pub most: Option<u16>,
    /// How much its windows are scaled.
    pub window_scale: Option<u8>,
    /// Its last timestamp.
    pub timestamp: Option<u32>,
    /// The timestamp of this side that it sends back.
    pub echo: u32,
    /// Whether it takes selective acknowledgements.
    pub sack: bool,
}

impl Peer {
    /// Reads a segment's options (`tcp_parse_options`); what is cut off is not read.
    pub fn of(segment: &[u8]) -> Peer {
        let mut peer = Peer::default();
        let end = Tcp::read(segment).map_or(0, |tcp| tcp.header_len()).min(segment.len());
        let mut rest = segment.get(Tcp::LEN..end).unwrap_or_default();
        while let [kind, after @ ..] = rest {
            match *kind {
                END => break,
                NOOP => {
                    rest = after;
                    continue;
                }
                _ => {}
            }
            let Some(len) = after.first().map(|&len| usize::from(len)) else { break };
            if len < 2 || len > rest.len() {
                break;
            }
            match (*kind, &rest[2..len]) {
                (MOST, &[a, b]) if a | b != 0 => peer.most = Some(u16::from_be_bytes([a, b])),
                (WINDOW_SCALE, &[scale]) => peer.window_scale = Some(scale.min(14)),
                (SACK_PERMITTED, []) => peer.sack = true,
                (TIMESTAMP, &[a, b, c, d, e, f, g, h]) => {
                    peer.timestamp = Some(u32::from_be_bytes([a, b, c, d]));
                    peer.echo = u32::from_be_bytes([e, f, g, h]);
                }
                _ => {}
            }
            rest = &rest[len..];
        }
        peer
    }

    /// The options of a plain acknowledgement.
    pub fn options_of_ack(&self, now: u32) -> Vec<u8> {
        match self.timestamp {
            None => Vec::new(),
            Some(theirs) => stamp([NOOP, NOOP], now, theirs),
        }
    }
}

/// What a segment that begins a connection, or answers one, offers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offer {
    /// The most data that is taken in a segment.
    pub most: u16,
    /// The scale of windows.
    pub window_scale: Option<u8>,
    /// The time here, and the other side's last timestamp.
    pub timestamp: Option<(u32, u32)>,
    /// Selective acknowledgements.
    pub sack: bool,
}

impl Offer {
    /// Its options, in Linux's order (`tcp_options_write`).
    pub fn options(&self) -> Vec<u8> {
        let [high, low] = self.most.to_be_bytes();
        let mut bytes = vec![MOST, 4, high, low];
        let sack = [SACK_PERMITTED, 2];
        match (self.timestamp, self.sack) {
            (Some((now, theirs)), true) => bytes.extend(stamp(sack, now, theirs)),
            (Some((now, theirs)), false) => bytes.extend(stamp([NOOP, NOOP], now, theirs)),
            (None, true) => bytes.extend([NOOP, NOOP, SACK_PERMITTED, 2]),
            (None, false) => {}
        }
        if let Some(scale) = self.window_scale {
            bytes.extend([NOOP, WINDOW_SCALE, 3, scale]);
        }
        bytes
    }
}

fn stamp(before: [u8; 2], now: u32, theirs: u32) -> Vec<u8> {
    let mut bytes = vec![before[0], before[1], TIMESTAMP, 10];
    bytes.extend(now.to_be_bytes());
    bytes.extend(theirs.to_be_bytes());
    bytes
}

/// The first window: as many whole segments as half of the first buffer has room for
/// (`tcp_select_initial_window`, `tcp_full_space`).
pub(super) fn window(most: u16, stamps: bool, buffer: u32) -> u16 {
    let most = u32::from(most).saturating_sub(if stamps { 12 } else { 0 });
    let room = buffer / 2;
    let whole = if most > 0 && room > most { room / most * most } else { room };
    whole.min(65_535) as u16
}

/// How much windows are scaled for a buffer to be used that may grow to `most` bytes.
pub(super) fn scale(most: u32) -> u8 {
    (most.max(USUAL_MOST).ilog2() as u8).saturating_sub(15).min(14)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_as_linux_begins_with() {
        let first = |most, stamps| window(most, stamps, 131_072);
        assert_eq!([first(1460, false), first(1460, true), first(65_495, false)], [64_240, 65_160, 65_495]);
        assert_eq!([scale(6 << 20), scale(32 << 20)], [7, 10]);
    }

    #[test]
    fn options_are_read_as_they_are_written() {
        let offer = Offer { most: 1460, window_scale: Some(7), timestamp: Some((1, 2)), sack: true };
        let mut segment = vec![0; 20];
        segment.extend(offer.options());
        segment[12] = ((segment.len() / 4) as u8) << 4;
        let peer = Peer { most: Some(1460), window_scale: Some(7), timestamp: Some(1), echo: 2, sack: true };
        assert_eq!(Peer::of(&segment), peer);
        // Cut off within, or of no length, the rest is not read.
        segment[21] = 0;
        assert_eq!(Peer::of(&segment), Peer::default());
        for len in 0..segment.len() {
            Peer::of(&segment[..len]);
        }
    }
}
