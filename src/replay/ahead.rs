//! A file that a thread of its own reads, while packets are on their way.

use std::io::{self, Read};
use std::mem;
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::thread::Builder;

use crate::flows::retried;

/// Bytes that are handed over at once.
const BLOCK: usize = 1 << 18;
/// Blocks that wait at most.
const WAITING: usize = 4;

/// A file that is read ahead.
pub(super) struct Ahead {
    /// The last block is empty, or an error.
    blocks: Receiver<io::Result<Vec<u8>>>,
    /// A block that came and was not asked for yet.
    next: Option<io::Result<Vec<u8>>>,
    /// Takes back what was read from.
    empty: Sender<Vec<u8>>,
    block: Vec<u8>,
    /// How much of the block was taken.
    taken: usize,
    ended: bool,
}

impl Ahead {
    /// Begins to read.
    ///
    /// # Errors
    ///
    /// There can be no more threads.
    pub fn new(mut source: Box<dyn Read + Send>) -> io::Result<Ahead> {
        let (full, blocks) = sync_channel(WAITING);
        let (empty, emptied) = channel::<Vec<u8>>();
        let read = move || loop {
            let mut block = emptied.try_recv().unwrap_or_default();
            block.resize(BLOCK, 0);
            let read = retried(&mut *source, &mut block).map(|read| {
                block.truncate(read);
                block
            });
            let is_last = !matches!(&read, Ok(block) if !block.is_empty());
            if full.send(read).is_err() || is_last {
                return;
            }
        };
        Builder::new().name("read".into()).spawn(read)?;
        Ok(Ahead { blocks, next: None, empty, block: Vec::new(), taken: 0, ended: false })
    }

    /// Whether nothing is there at present, and something may come.
    pub fn is_waited_for(&mut self) -> bool {
        if self.taken < self.block.len() || self.next.is_some() || self.ended {
            return false;
        }
        self.next = self.blocks.try_recv().ok();
        self.next.is_none()
    }
}

impl Read for Ahead {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.block.len() && !self.ended {
            let next = match self.next.take() {
                Some(next) => Ok(next),
                None => self.blocks.recv(),
            };
            let next = next.map_err(|_| io::Error::other("the thread that reads it has ended")).flatten();
            self.ended = !matches!(&next, Ok(block) if !block.is_empty());
            let used = mem::replace(&mut self.block, next?);
            self.taken = 0;
            // The other side may have read all.
            let _ = self.empty.send(used);
        }
        let read = (&self.block[self.taken..]).read(into)?;
        self.taken += read;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_ahead_is_what_is_there() {
        let bytes: Vec<u8> = (0..5 * BLOCK + 17).map(|n| (n % 251) as u8).collect();
        let mut ahead = Ahead::new(Box::new(io::Cursor::new(bytes.clone()))).expect("a thread");
        let (mut read, mut some) = (Vec::new(), [0; 1000]);
        loop {
            match ahead.read(&mut some).expect("memory is read") {
                0 => break,
                count => read.extend_from_slice(&some[..count]),
            }
        }
        assert!(read == bytes);
        assert_eq!(ahead.read(&mut some).expect("the end"), 0, "it stays the end");
    }

    /// Fails once it was read from.
    struct Broken(bool);

    impl Read for Broken {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            into[0] = 7;
            if mem::replace(&mut self.0, true) { Err(io::ErrorKind::PermissionDenied.into()) } else { Ok(1) }
        }
    }

    #[test]
    fn an_error_comes_where_it_was_met() {
        let mut ahead = Ahead::new(Box::new(Broken(false))).expect("a thread");
        let mut some = [0; 10];
        assert_eq!((ahead.read(&mut some).expect("a byte"), some[0]), (1, 7));
        let error = ahead.read(&mut some).expect_err("an error");
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    }
}
