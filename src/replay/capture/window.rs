//! The part of a file that is looked at: it grows to the longest record and no further.

use std::io::{self, Read};
use std::mem;
use std::ops::Range;

use crate::flows::retried;
use crate::replay::ahead::Ahead;

/// As much is asked for at once, in bytes.
const CHUNK: usize = 256 << 10;

/// No record is as short.
const SHORTEST: usize = 12;

/// What is read.
enum Source {
    Alone(Box<dyn Read + Send>),
    Ahead(Ahead),
}

/// Bytes of a source from the present record on.
pub(super) struct Window {
    source: Source,
    held: Vec<u8>,
    /// What has been read and not passed is `held[from..to]`.
    from: usize,
    to: usize,
    /// The length of the present record.
    record: usize,
    /// Where `from` is in the source.
    offset: u64,
    ended: bool,
}

impl Window {
    pub fn new(source: Box<dyn Read + Send>) -> Window {
        Window {
            source: Source::Alone(source),
            held: Vec::new(),
            from: 0,
            to: 0,
            record: 0,
            offset: 0,
            ended: false,
        }
    }

    /// Has a thread of its own read on.
    pub fn read_ahead(&mut self) -> io::Result<()> {
        match mem::replace(&mut self.source, Source::Alone(Box::new(io::empty()))) {
            Source::Alone(source) => self.source = Source::Ahead(Ahead::new(source)?),
            ahead => self.source = ahead,
        }
        Ok(())
    }

    /// Whether another record can be read only after a while: what was read ahead is used up.
    pub fn is_waited_for(&mut self) -> bool {
        let left = self.to - self.from - self.record;
        match &mut self.source {
            Source::Ahead(ahead) => left < SHORTEST && ahead.is_waited_for(),
            Source::Alone(_) => false,
        }
    }

    /// Reads until so many bytes are there, or the source has no more; whether they are.
    pub fn fill(&mut self, wanted: usize) -> io::Result<bool> {
        while self.to - self.from < wanted && !self.ended {
            if self.held.len() - self.from < wanted || self.to == self.held.len() {
                self.held.copy_within(self.from..self.to, 0);
                (self.from, self.to) = (0, self.to - self.from);
                let room = (self.to + CHUNK).max(wanted.min(2 * self.held.len()));
                self.held.resize(room.max(self.held.len()), 0);
            }
            let source: &mut dyn Read = match &mut self.source {
                Source::Alone(source) => &mut **source,
                Source::Ahead(ahead) => ahead,
            };
            let read = retried(source, &mut self.held[self.to..])?;
            self.ended = read == 0;
            self.to += read;
        }
        Ok(self.to - self.from >= wanted)
    }

    /// What is there.
    pub fn bytes(&self) -> &[u8] {
        &self.held[self.from..self.to]
    }

    /// A part of what is there.
    pub fn get(&self, at: Range<usize>) -> &[u8] {
        self.bytes().get(at).unwrap_or_default()
    }

    /// The present record is so long; it stays until it is passed.
    pub fn take(&mut self, length: usize) {
        self.record = length.min(self.to - self.from);
    }

    /// The present record.
    pub fn record(&self) -> &[u8] {
        &self.bytes()[..self.record]
    }

    /// Goes on behind the present record.
    pub fn pass(&mut self) {
        let length = mem::take(&mut self.record);
        self.from += length;
        self.offset += length as u64;
    }

    /// Where the present record is in the source.
    pub fn offset(&self) -> u64 {
        self.offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a few bytes at a time.
    struct Slow(Vec<u8>);

    impl Read for Slow {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let count = into.len().min(7).min(self.0.len());
            into[..count].copy_from_slice(&self.0[..count]);
            self.0.drain(..count);
            Ok(count)
        }
    }

    #[test]
    fn records_of_any_length_are_whole() {
        let bytes: Vec<u8> = (0..2_000_000u32).map(|n| (n % 251) as u8).collect();
        let mut window = Window::new(Box::new(&*bytes.clone().leak()));
        let mut at = 0;
        for length in [1, 400_000, 3, 900_000, 0, 600_000, 17] {
            assert!(window.fill(length).expect("memory is readable"));
            window.take(length);
            assert_eq!(window.get(0..length), &bytes[at..at + length]);
            assert_eq!(window.offset(), at as u64);
            window.pass();
            at += length;
        }
        assert!(!window.fill(1_000_000).expect("memory is readable"), "there are fewer");
        assert_eq!(window.bytes().len(), bytes.len() - at);
    }

    #[test]
    fn short_reads_are_put_together() {
        let mut window = Window::new(Box::new(Slow((0..100).collect())));
        assert!(window.fill(90).expect("memory is readable"));
        assert_eq!(window.get(80..84), [80, 81, 82, 83]);
        assert!(!window.fill(101).expect("memory is readable"));
    }
}
