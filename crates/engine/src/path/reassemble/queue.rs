//! The fragments of one datagram as they come, whatever the family
//! (`net/ipv4/inet_fragment.c`): where they lie, what overlaps, whether all are there.

use std::collections::BTreeMap;

/// What becomes of a fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::path) enum Inserted {
    /// It has its place.
    Kept,
    /// All of it is there already.
    Duplicate,
    /// It covers more than what is there, and not only what is free: the datagram is lost.
    Overlap,
    /// It contradicts the datagram's known end: the datagram is lost.
    Corrupt,
}

/// The payload received so far, in bytes from the datagram's start.
#[derive(Clone, Debug, Default)]
pub(in crate::path) struct Queue {
    pieces: BTreeMap<u32, Vec<u8>>,
    /// Start and end of pieces that came in order at the datagram's then end; every other
    /// piece is a run of its own, even beside another. Only within one run is a fragment
    /// that differs from those before a duplicate (`inet_frag_queue_insert`).
    runs: BTreeMap<u32, u32>,
    /// Bytes received.
    received: u32,
    /// The largest end seen, or the datagram's if the last fragment has come.
    len: u32,
    has_last: bool,
}

impl Queue {
    /// Takes a fragment in. One that says that it is the last may settle where the
    /// datagram ends even if it is a duplicate.
    pub fn insert(&mut self, offset: u32, payload: &[u8], is_last: bool) -> Inserted {
        let end = offset + payload.len() as u32;
        if is_last {
            if end < self.len || self.has_last && end != self.len {
                return Inserted::Corrupt;
            }
            self.has_last = true;
        } else if end > self.len && self.has_last {
            return Inserted::Corrupt;
        }
        self.len = self.len.max(end);
        if payload.is_empty() {
            return Inserted::Corrupt;
        }
        let inserted = self.place(offset, end);
        if inserted == Inserted::Kept {
            self.pieces.insert(offset, payload.to_vec());
            self.received += payload.len() as u32;
        }
        inserted
    }

    /// Whether nothing has been kept.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// How many fragments there are.
    pub fn count(&self) -> usize {
        self.pieces.len()
    }

    /// The fragment with which the datagram begins.
    pub fn first(&self) -> Option<&[u8]> {
        self.pieces.get(&0).map(Vec::as_slice)
    }

    /// Whether the datagram is whole.
    pub fn is_whole(&self) -> bool {
        self.has_last && self.received == self.len && self.pieces.contains_key(&0)
    }

    /// Length of the datagram's payload, as far as it is known.
    pub fn len(&self) -> u32 {
        self.len
    }

    /// The payloads in order.
    pub fn payloads(&self) -> impl Iterator<Item = &[u8]> {
        self.pieces.values().map(Vec::as_slice)
    }

    fn place(&mut self, offset: u32, end: u32) -> Inserted {
        match self.runs.last_entry() {
            Some(mut last) if *last.get() < end => {
                if offset < *last.get() {
                    return Inserted::Overlap;
                }
                if offset == *last.get() {
                    *last.get_mut() = end;
                    return Inserted::Kept;
                }
            }
            _ => match self.runs.range(..end).next_back() {
                Some((start, stop)) if *stop > offset => {
                    let within = *start <= offset && end <= *stop;
                    return if within { Inserted::Duplicate } else { Inserted::Overlap };
                }
                _ => {}
            },
        }
        self.runs.insert(offset, end);
        Inserted::Kept
    }
}
