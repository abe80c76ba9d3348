//! A netlink socket: requests out, replies in.

use std::io;
use std::thread::sleep;
use std::time::Duration;

use fingerpost_model::Refusal;
use fingerpost_net::{Errno, Family};
use fingerpost_netlink::request::{self, Dump};
use fingerpost_netlink::{DecodeError, Frame, Message, Progress, Stream, StreamError, frames};
use netlink_sys::{Socket as Raw, SocketAddr, protocols::NETLINK_ROUTE};

use crate::Error;

/// The kernel fills at most 32 KiB of a dump at once; single replies can be larger, so those are peeked at.
const BUFFER: usize = 64 << 10;
/// Wanted for many answers at once; the system may grant less.
const RECEIVE_QUEUE: usize = 1 << 20;
/// How often a dump is repeated that the kernel marks as inconsistent.
const ATTEMPTS: u32 = 10;
const MSG_PEEK: i32 = 0x02;
const MSG_TRUNC: i32 = 0x20;
const MSG_DONTWAIT: i32 = 0x40;

/// A socket in the namespace in which it was opened.
pub(super) struct Socket {
    raw: Raw,
    seq: u32,
    buffer: Vec<u8>,
}

/// The datagrams of one dump, as they came.
#[derive(Debug, Default)]
pub(super) struct Dumped {
    datagrams: Vec<Vec<u8>>,
    /// The dump still changed at the last attempt.
    pub interrupted: bool,
    what: &'static str,
    family: Option<u8>,
    seq: u32,
}

impl Dumped {
    /// What was dumped, in words.
    pub fn what(&self) -> &'static str {
        self.what
    }

    /// Whether two dumps hold the same objects, whatever their sequence numbers.
    fn says_the_same(&self, other: &Dumped) -> bool {
        let payloads = |dumped: &Dumped| -> Vec<Vec<u8>> {
            let all = dumped.datagrams.iter().flat_map(|datagram| frames(datagram).flatten());
            all.map(|frame| frame.payload.to_vec()).collect()
        };
        payloads(self) == payloads(other)
    }

    /// Decodes the objects, in the kernel's order.
    pub fn each(&self, mut each: impl FnMut(Message)) -> Result<(), Error> {
        let mut stream = Stream::new(self.seq);
        for datagram in &self.datagrams {
            let fed = stream.feed(datagram, |frame| {
                // A kernel without a family answers for all it has.
                if self.family.is_some_and(|family| frame.payload.first() != Some(&family)) {
                    return Ok(());
                }
                each(Message::decode(&frame)?);
                Ok(())
            });
            fed.map_err(|error| stream_error(self.what, error))?;
        }
        Ok(())
    }
}

impl Socket {
    /// A socket in the calling thread's namespace.
    pub fn open() -> io::Result<Self> {
        let mut raw = Raw::new(NETLINK_ROUTE)?;
        raw.bind_auto()?;
        // Kernels before 4.12 and 4.20 lack these; texts and filters are then missing, nothing else.
        let _ = raw.set_ext_ack(true);
        let _ = raw.set_cap_ack(true);
        let _ = raw.set_netlink_get_strict_chk(true);
        let _ = raw.set_rx_buf_sz(RECEIVE_QUEUE as u32);
        Ok(Socket { raw, seq: 0, buffer: Vec::with_capacity(BUFFER) })
    }

    fn next_seq(&mut self) -> u32 {
        self.seq = self.seq.wrapping_add(1).max(1);
        self.seq
    }

    fn send(&self, bytes: &[u8]) -> io::Result<()> {
        self.raw.send_to(bytes, &SocketAddr::new(0, 0), 0).map(|_| ())
    }

    /// Receives one datagram of the kernel's into the buffer. With `MSG_DONTWAIT`
    /// in `flags` an empty queue is an error.
    fn receive(&mut self, peek: bool, flags: i32) -> io::Result<()> {
        loop {
            self.buffer.clear();
            if peek {
                let size = self.raw.recv(&mut self.buffer, MSG_PEEK | MSG_TRUNC | flags)?;
                self.buffer.clear();
                self.buffer.reserve(size);
            }
            let (size, from) = self.raw.recv_from(&mut self.buffer, MSG_TRUNC | flags)?;
            if size > self.buffer.len() {
                return Err(io::Error::other("a message was longer than the buffer"));
            }
            if from.port_number() == 0 {
                return Ok(());
            }
        }
    }

    /// Empties the queue after an overrun, which the kernel reports once and
    /// then not again until the queue was empty.
    fn drain(&mut self, mut each: impl FnMut(&[u8])) -> io::Result<()> {
        loop {
            match self.receive(true, MSG_DONTWAIT) {
                Ok(()) => each(&self.buffer),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if is_overrun(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// A whole dump, repeated while it is inconsistent.
    ///
    /// The kernel marks most dumps that are (`NLM_F_DUMP_INTR`), but not those
    /// of rules: there it goes on by position. One that took several messages
    /// is therefore read until two in a row are equal.
    pub fn dump(&mut self, what: &Dump) -> Result<Dumped, Error> {
        let mut previous: Option<Dumped> = None;
        for attempt in 1..=ATTEMPTS {
            let mut dumped = self.dump_once(what)?;
            let unmarked = matches!(what, Dump::Rules(_)) && dumped.datagrams.len() > 1;
            if !dumped.interrupted
                && (!unmarked || previous.is_some_and(|other| other.says_the_same(&dumped)))
            {
                return Ok(dumped);
            }
            if attempt == ATTEMPTS {
                dumped.interrupted = true;
                return Ok(dumped);
            }
            if dumped.interrupted {
                sleep(Duration::from_millis(5) * attempt);
            }
            previous = Some(dumped);
        }
        Err(io::Error::other("no attempt was made").into())
    }

    fn dump_once(&mut self, what: &Dump) -> Result<Dumped, Error> {
        let (name, family) = about(what);
        let seq = self.next_seq();
        let bytes = request::dump(what, seq).map_err(io::Error::other)?;
        self.send(&bytes)?;
        let mut dumped = Dumped { what: name, family, seq, ..Dumped::default() };
        let lost = self.collect(&mut dumped)?;
        dumped.interrupted |= lost;
        Ok(dumped)
    }

    /// Reads until the dump's end; tells whether something was lost.
    fn collect(&mut self, dumped: &mut Dumped) -> Result<bool, Error> {
        let mut stream = Stream::new(dumped.seq);
        loop {
            match self.receive(false, 0) {
                Ok(()) => {}
                Err(error) if is_overrun(&error) => {
                    self.drain(|_| ())?;
                    return Ok(true);
                }
                Err(error) => return Err(error.into()),
            }
            let mut ours = false;
            let fed = stream.feed(&self.buffer, |_| {
                ours = true;
                Ok(())
            });
            if ours {
                dumped.datagrams.push(self.buffer.clone());
            }
            match fed {
                Ok(Progress::More) => {}
                Ok(Progress::Complete { interrupted }) => {
                    dumped.interrupted = interrupted;
                    return Ok(false);
                }
                Err(StreamError::Overrun) => return Ok(true),
                Err(error) => return Err(stream_error(dumped.what, error)),
            }
        }
    }

    /// One question with one answer.
    pub fn ask(&mut self, request: impl FnOnce(u32) -> io::Result<Vec<u8>>) -> Result<Message, Refusal> {
        self.ask_for(request, Message::decode)
    }

    /// One question with one answer, decoded as said.
    pub fn ask_for<T>(
        &mut self,
        request: impl FnOnce(u32) -> io::Result<Vec<u8>>,
        decode: impl Fn(&Frame<'_>) -> Result<T, DecodeError>,
    ) -> Result<T, Refusal> {
        let seq = self.next_seq();
        let bytes = request(seq).map_err(|e| system_refusal(&e))?;
        self.send(&bytes).map_err(|e| system_refusal(&e))?;
        loop {
            self.receive(true, 0).map_err(|e| system_refusal(&e))?;
            let mut answers = [None];
            take_answers(&self.buffer, seq, &mut answers, &decode);
            if let [Some(answer)] = answers {
                return answer;
            }
        }
    }

    /// Many questions with one answer each, sent in one datagram. Answers that
    /// were lost stay `None`.
    pub fn ask_all(&mut self, requests: &[Vec<u8>], first_seq: u32) -> io::Result<Vec<Option<Answer>>> {
        let mut answers: Vec<Option<Answer>> = requests.iter().map(|_| None).collect();
        self.send(&requests.concat())?;
        let mut open = requests.len();
        while open > 0 {
            match self.receive(true, 0) {
                Ok(()) => open -= take_answers(&self.buffer, first_seq, &mut answers, &Message::decode),
                Err(error) if is_overrun(&error) => {
                    self.drain(|datagram| {
                        take_answers(datagram, first_seq, &mut answers, &Message::decode);
                    })?;
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(answers)
    }

    /// Reserves `count` sequence numbers in a row, none of them 0.
    pub fn reserve_seqs(&mut self, count: u32) -> u32 {
        if self.seq > u32::MAX - count - 1 {
            self.seq = 0;
        }
        let first = self.seq + 1;
        self.seq += count;
        first
    }
}

/// Whether messages were lost since the queue was full.
fn is_overrun(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::ENOBUFS.0)
}

/// What came for one question.
pub(super) type Answer = Result<Message, Refusal>;

/// Files the answers of one datagram by sequence number; tells how many were new.
fn take_answers<T>(
    datagram: &[u8],
    first_seq: u32,
    answers: &mut [Option<Result<T, Refusal>>],
    decode: &impl Fn(&Frame<'_>) -> Result<T, DecodeError>,
) -> usize {
    let mut new = 0;
    for frame in frames(datagram) {
        let Ok(frame) = frame else { break };
        let place = frame.seq.wrapping_sub(first_seq) as usize;
        if let Some(empty @ None) = answers.get_mut(place) {
            *empty = Some(answer(&frame, decode));
            new += 1;
        }
    }
    new
}

fn answer<T>(
    frame: &Frame<'_>,
    decode: &impl Fn(&Frame<'_>) -> Result<T, DecodeError>,
) -> Result<T, Refusal> {
    let undecodable = |e: DecodeError| Refusal::with(Errno::EBADMSG, e.to_string());
    match frame.report().map_err(undecodable)? {
        Some(report) => Err(report.refusal().unwrap_or(Refusal::with(Errno::ENODATA, "no answer"))),
        None => decode(frame).map_err(undecodable),
    }
}

/// An error of the system's as a refusal.
pub(super) fn system_refusal(error: &io::Error) -> Refusal {
    match error.raw_os_error() {
        Some(number) => Refusal::new(Errno(number)),
        None if error.kind() == io::ErrorKind::NotFound => Refusal::new(Errno::ENOENT),
        None if error.kind() == io::ErrorKind::FileTooLarge => Refusal::new(Errno::EFBIG),
        None => Refusal::with(Errno::EIO, error.to_string()),
    }
}

fn stream_error(what: &'static str, error: StreamError) -> Error {
    match error {
        StreamError::Refused(refusal) => Error::Refused { what, refusal },
        other => Error::Decode { what, problem: other.to_string() },
    }
}

/// What it is in words, and the number of its family.
fn about(what: &Dump) -> (&'static str, Option<u8>) {
    match what {
        Dump::Links { .. } => ("devices", None),
        Dump::Addresses(family) => ("addresses", Some(family.number())),
        Dump::Routes(filter) => ("routes", Some(filter.family.unwrap_or(Family::V4).number())),
        Dump::Rules(family) => ("policy rules", Some(family.number())),
        Dump::Nexthops => ("nexthop objects", None),
        Dump::NexthopBuckets(_) => ("buckets of nexthop groups", None),
        Dump::Neighbours { family, .. } => ("neighbours", Some(family.number())),
        Dump::Netconf(family) => ("netconf settings", Some(family.number())),
        Dump::AddrLabels => ("address labels", Some(Family::V6.number())),
        Dump::Mroutes(family, _) => ("multicast routes", Some(request::multicast_family(*family))),
        Dump::MrouteTables => ("multicast routing tables", Some(request::multicast_family(Family::V4))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fingerpost_model::RouteMsg;
    use fingerpost_net::IpPrefix;

    /// A queue that is too small for the answers: some are lost, the others are
    /// found, and the socket works afterwards.
    #[test]
    fn a_full_queue_loses_answers_and_nothing_else() {
        let mut socket = Socket::open().expect("a netlink socket");
        socket.raw.set_rx_buf_sz(1u32).expect("the smallest there is");
        let mut question = RouteMsg::new(Family::V4);
        question.dst = Some(IpPrefix::host([127, 0, 0, 1].into()));
        let mut lost = 0;
        for _ in 0..20 {
            let first = socket.reserve_seqs(64);
            let requests: Vec<_> =
                (first..first + 64).map(|seq| request::lookup(&question, seq).expect("it fits")).collect();
            let answers = socket.ask_all(&requests, first).expect("the socket works");
            assert_eq!(answers.len(), 64);
            assert!(answers.iter().any(Option::is_some));
            lost += answers.iter().filter(|answer| answer.is_none()).count();
            // With or without a route there is an answer.
            let _ = socket.ask(|seq| request::lookup(&question, seq).map_err(io::Error::other));
        }
        assert!(lost > 0, "the queue was never full");
        let links = socket.dump(&Dump::Links { ext_mask: 0 }).expect("a dump after all that");
        let mut count = 0;
        links.each(|_| count += 1).expect("good messages");
        assert!(count > 0 && !links.interrupted);
    }
}
