//! Records gathered in memory, and written many at once.

use std::io::{self, Write};

/// Bytes that are gathered: few enough to stay in a processor's near caches.
const ENOUGH: usize = 1 << 16;

/// A file that takes whole records.
pub(super) struct Gather {
    out: Box<dyn Write + Send>,
    /// What is not written yet: a record is made at its end.
    pub held: Vec<u8>,
}

impl Gather {
    pub fn new(out: Box<dyn Write + Send>) -> Gather {
        Gather { out, held: Vec::with_capacity(2 * ENOUGH) }
    }

    /// A record is whole.
    pub fn end(&mut self) -> io::Result<()> {
        if self.held.len() < ENOUGH {
            return Ok(());
        }
        self.write()
    }

    /// Writes all that is held.
    pub fn flush(&mut self) -> io::Result<()> {
        self.write()?;
        self.out.flush()
    }

    fn write(&mut self) -> io::Result<()> {
        let written = self.out.write_all(&self.held);
        // What a file did not take is not offered again: a part of it may be there.
        self.held.clear();
        written
    }
}
