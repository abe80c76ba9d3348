//! Netlink's own frame: the header, acknowledgements and errors.

use fingerpost_model::Refusal;
use fingerpost_net::Errno;

use crate::attr::{Attrs, align, attributes};
use crate::error::{DecodeError, Problem};

/// Length of a netlink header in bytes.
pub const HEADER: usize = 16;

/// Header flags.
pub mod flag {
    /// A request.
    pub const REQUEST: u16 = 0x01;
    /// One of several messages, ended by a done message.
    pub const MULTI: u16 = 0x02;
    /// Acknowledgement wanted.
    pub const ACK: u16 = 0x04;
    /// The dump is inconsistent: what it dumps changed meanwhile.
    pub const DUMP_INTR: u16 = 0x10;
    /// The dump was filtered as asked for.
    pub const DUMP_FILTERED: u16 = 0x20;
    /// In errors: the failed request is not repeated but for its header.
    pub const CAPPED: u16 = 0x100;
    /// In errors: attributes of the extended acknowledgement follow.
    pub const ACK_TLVS: u16 = 0x200;
    /// In requests: all objects.
    pub const DUMP: u16 = 0x300;
}

const NOOP: u16 = 1;
const ERROR: u16 = 2;
const DONE: u16 = 3;
const OVERRUN: u16 = 4;

attributes! {
    /// Attributes of an extended acknowledgement.
    ack, "NLMSGERR_ATTR_":
    MSG = 1, OFFS = 2, COOKIE = 3, POLICY = 4, MISS_TYPE = 5, MISS_NEST = 6,
}

/// One netlink message: header fields and payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Message type.
    pub kind: u16,
    /// Flags.
    pub flags: u16,
    /// Sequence number: that of the request.
    pub seq: u32,
    /// Port of the socket that it is for.
    pub port: u32,
    /// What follows the header.
    pub payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// What the kernel reports, if this is an acknowledgement, an error or the end of a dump.
    pub fn report(&self) -> Result<Option<Report>, DecodeError> {
        match self.kind {
            ERROR => Report::of_error(self).map(Some),
            DONE => Report::of_done(self).map(Some),
            _ => Ok(None),
        }
    }

    /// Whether it ends a dump.
    pub fn is_done(&self) -> bool {
        self.kind == DONE
    }

    /// Whether it says that messages were lost.
    pub fn is_overrun(&self) -> bool {
        self.kind == OVERRUN
    }

    /// Whether it says nothing.
    pub fn is_noop(&self) -> bool {
        self.kind == NOOP
    }
}

/// The kernel's answer to a request as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The errno, positive; 0 for success.
    pub errno: i32,
    /// The extended acknowledgement's text: a reason, or with success a warning.
    pub text: Option<String>,
    /// Where in the request the offending attribute is, in bytes from its header.
    pub offset: Option<u32>,
    /// The number of an attribute that is missing.
    pub missing: Option<u32>,
}

impl Report {
    fn of_error(frame: &Frame<'_>) -> Result<Self, DecodeError> {
        const NAME: &str = "NLMSG_ERROR";
        let &[e0, e1, e2, e3, l0, l1, l2, l3, ..] = frame.payload else {
            return Err(short(NAME, frame.payload.len(), 4 + HEADER));
        };
        if frame.payload.len() < 4 + HEADER {
            return Err(short(NAME, frame.payload.len(), 4 + HEADER));
        }
        let errno = i32::from_ne_bytes([e0, e1, e2, e3]);
        let echoed = u32::from_ne_bytes([l0, l1, l2, l3]) as usize;
        // On success, and when capped, only the header of the request is repeated.
        let skip = if frame.flags & flag::CAPPED != 0 || errno == 0 { HEADER } else { align(echoed) };
        Self::with_attributes(NAME, errno, frame, 4usize.saturating_add(skip))
    }

    fn of_done(frame: &Frame<'_>) -> Result<Self, DecodeError> {
        // Old kernels send a done message without a number.
        let errno = match frame.payload {
            [] => 0,
            &[a, b, c, d, ..] => i32::from_ne_bytes([a, b, c, d]),
            short_one => return Err(short("NLMSG_DONE", short_one.len(), 4)),
        };
        Self::with_attributes("NLMSG_DONE", errno, frame, 4)
    }

    fn with_attributes(
        name: &'static str,
        errno: i32,
        frame: &Frame<'_>,
        skip: usize,
    ) -> Result<Self, DecodeError> {
        let mut report = Report { errno: errno.wrapping_neg(), ..Report::default() };
        if frame.flags & flag::ACK_TLVS == 0 {
            return Ok(report);
        }
        let Some(bytes) = frame.payload.get(skip..) else {
            return Err(short(name, frame.payload.len(), skip));
        };
        for view in Attrs::new(name, ack::name, bytes, HEADER + skip) {
            let view = view?;
            match view.kind() {
                ack::MSG => report.text = Some(view.text()),
                ack::OFFS => report.offset = Some(view.u32()?),
                ack::MISS_TYPE => report.missing = Some(view.u32()?),
                _ => {}
            }
        }
        Ok(report)
    }

    /// The refusal that it is, if it is one.
    pub fn refusal(&self) -> Option<Refusal> {
        (self.errno != 0).then(|| Refusal { errno: Errno(self.errno), text: self.text.clone() })
    }
}

fn short(message: &'static str, found: usize, expected: usize) -> DecodeError {
    DecodeError { message, attribute: None, offset: HEADER, problem: Problem::Short { found, expected } }
}

/// The messages of one datagram.
pub fn frames(datagram: &[u8]) -> Frames<'_> {
    Frames { bytes: datagram }
}

/// An iterator over the messages of one datagram; ends after the first error.
#[derive(Clone, Debug)]
pub struct Frames<'a> {
    bytes: &'a [u8],
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<Frame<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.bytes.is_empty() {
            return None;
        }
        let bytes = std::mem::take(&mut self.bytes);
        let fail = |problem| {
            Some(Err(DecodeError { message: "netlink header", attribute: None, offset: 0, problem }))
        };
        if bytes.len() < HEADER {
            return fail(Problem::Short { found: bytes.len(), expected: HEADER });
        }
        let half = |at: usize| u16::from_ne_bytes([bytes[at], bytes[at + 1]]);
        let word = |at: usize| u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let claimed = word(0) as usize;
        if claimed < HEADER || claimed > bytes.len() {
            return fail(Problem::LengthField { claimed, available: bytes.len() });
        }
        self.bytes = &bytes[align(claimed).min(bytes.len())..];
        let payload = &bytes[HEADER..claimed];
        Some(Ok(Frame { kind: half(4), flags: half(6), seq: word(8), port: word(12), payload }))
    }
}
