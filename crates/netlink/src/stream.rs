//! The reply to one request, which may come in many datagrams.

use fingerpost_model::Refusal;

use crate::error::DecodeError;
use crate::frame::{Frame, flag, frames};

/// Follows the reply to one request: hands on its messages and notices its
/// end, errors and interruptions.
#[derive(Clone, Debug)]
pub struct Stream {
    seq: u32,
    multi: bool,
    interrupted: bool,
}

/// How far a reply has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// More is to come.
    More,
    /// It is complete. What was dumped may have changed meanwhile: then
    /// `interrupted` is set, and the dump is to be repeated (`NLM_F_DUMP_INTR`).
    Complete {
        /// Whether the dump is inconsistent.
        interrupted: bool,
    },
}

/// Why a reply ends early.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// The kernel refuses.
    #[error("{0}")]
    Refused(Refusal),
    /// The kernel sent what cannot be decoded.
    #[error("{0}")]
    Decode(#[from] DecodeError),
    /// Messages were lost.
    #[error("messages were lost, since they came faster than they were read")]
    Overrun,
}

impl Stream {
    /// Follows the reply to the request with this sequence number.
    pub fn new(seq: u32) -> Self {
        Stream { seq, multi: false, interrupted: false }
    }

    /// Takes one datagram; `each` sees the messages that are neither
    /// acknowledgements nor the end. Messages of other requests are skipped.
    pub fn feed(
        &mut self,
        datagram: &[u8],
        mut each: impl FnMut(Frame<'_>) -> Result<(), DecodeError>,
    ) -> Result<Progress, StreamError> {
        for frame in frames(datagram) {
            let frame = frame?;
            if frame.seq != self.seq || frame.is_noop() {
                continue;
            }
            if frame.is_overrun() {
                return Err(StreamError::Overrun);
            }
            self.multi |= frame.flags & flag::MULTI != 0;
            self.interrupted |= frame.flags & flag::DUMP_INTR != 0;
            if let Some(report) = frame.report()? {
                return match report.refusal() {
                    Some(refusal) => Err(StreamError::Refused(refusal)),
                    None => Ok(Progress::Complete { interrupted: self.interrupted }),
                };
            }
            each(frame)?;
            if !self.multi {
                return Ok(Progress::Complete { interrupted: false });
            }
        }
        Ok(Progress::More)
    }
}
