//! Putting IPv4 datagrams together from their fragments (`net/ipv4/ip_fragment.c`, C-250
//! to C-252, T-41).
//!
//! Not here: who asks for it (local delivery, connection tracking, a router-alert
//! socket), and the ICMP message 11/1 that an [`Expired`] datagram may call for.
//!
//! Memory is bounded as Linux bounds it: fragments are refused while what is held, by the
//! kernel's reckoning, exceeds [`Limits::high`].

pub(super) mod queue;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use fingerpost_net::wire::{DF, Header, Ipv4, MF};

use self::queue::{Inserted, Queue};
use super::options::set_checksum;
use crate::Time;
use crate::counters::{Counter, Counters};
use crate::lookup::decision::DropReason;

/// What the kernel reckons for a queue: the size of its structure.
pub(super) const QUEUE_MEMORY: u64 = 200;
/// The longest IPv4 packet.
const LONGEST: usize = 65535;
/// Bits of the type of service that tell of congestion (RFC 3168).
const ECN: u8 = 0b11;

/// Datagrams on their way to be whole, of one namespace.
///
/// `T` is what goes with a packet beside its bytes: its options, its mark, how its frame
/// was addressed. The whole datagram goes on with that of its first fragment, but with the
/// device and the decision of the fragment that completed it.
#[derive(Clone, Debug)]
pub struct Reassembly<T> {
    datagrams: BTreeMap<Key, Datagram<T>>,
    /// When datagrams are given up, and a number that tells which of two came first.
    timers: BTreeSet<(Time, Reverse<u64>, Key)>,
    started: u64,
    /// How many fragments a source with open datagrams has sent (`inet_peer`).
    peers: BTreeMap<Peer, Sent>,
    memory: u64,
}

/// Settings below `net.ipv4`. `ipfrag_low_thresh` has no effect in Linux, but to bound the
/// high one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Milliseconds until a datagram is given up (`ipfrag_time`, which is in seconds).
    pub time: u64,
    /// Bytes held above which no fragment is taken; 0: none ever (`ipfrag_high_thresh`).
    pub high: u64,
    /// Fragments of other datagrams that a source may send between two of one datagram,
    /// plus one; 0: any number (`ipfrag_max_dist`).
    pub max_dist: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { time: 30_000, high: 4 << 20, max_dist: 64 }
    }
}

/// Who wants the datagram whole. Fragments that different users get are kept apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum User {
    /// Local delivery.
    Local,
    /// Sockets that take packets with a router alert.
    RouterAlert,
    /// Connection tracking of received packets, in a zone.
    ConntrackIn(u16),
    /// Connection tracking of packets made here, in a zone.
    ConntrackOut(u16),
}

/// What becomes of a fragment.
#[derive(Clone, Debug, PartialEq)]
pub struct Added<T> {
    /// The fragment's own lot.
    pub outcome: Outcome<T>,
    /// Fragments of the same key that were kept until now, dropped with the reason
    /// FRAG_TOO_FAR since the source sent too much in between.
    pub too_far: usize,
}

/// A fragment's own lot.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome<T> {
    /// Kept until others come.
    Queued,
    /// The datagram is whole.
    Whole(Whole<T>),
    /// Dropped; what was kept of the datagram too, unless it is a duplicate or there was
    /// no memory.
    Dropped(DropReason),
    /// The datagram would be whole but is too long, or its congestion marks do not go
    /// together. All of it is gone, without a reason for a drop.
    GivenUp,
}

/// A datagram from its fragments.
#[derive(Clone, Debug, PartialEq)]
pub struct Whole<T> {
    /// The packet, with the header of the first fragment.
    pub packet: Vec<u8>,
    /// What went with the first fragment.
    pub first: T,
    /// What the packet remembers of its fragments.
    pub reassembled: Reassembled,
}

/// What a packet remembers of the fragments that it came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reassembled {
    /// Length of the largest one, header included (`frag_max_size`).
    pub largest: u16,
    /// A largest one must not be cut: neither may the packet, and fragments say so again
    /// (`IPSKB_FRAG_PMTU`).
    pub keep_df: bool,
    /// Payload lengths in order, where Linux keeps the pieces: for connection tracking.
    pub pieces: Vec<u16>,
}

/// A datagram that did not become whole in time; counted already. Each of its fragments is
/// dropped with the reason FRAG_REASM_TIMEOUT, the first only after the message.
#[derive(Clone, Debug, PartialEq)]
pub struct Expired<T> {
    /// The first fragment, if it was there: its input decision is made anew, from the
    /// device, and if there is one ICMP 11/1 is due. (If there is none, this fragment is
    /// dropped with that reason.) Without it nothing is sent.
    pub first: Option<(Vec<u8>, T)>,
    /// The device by which the last fragment came.
    pub dev: u32,
    /// The message is due only if the datagram is for this host.
    pub only_if_local: bool,
    /// How many fragments there were.
    pub fragments: usize,
}

/// What tells datagrams apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    source: Ipv4Addr,
    destination: Ipv4Addr,
    user: User,
    vrf: u32,
    id: u16,
    proto: u8,
}

/// A source, in a VRF.
type Peer = (Ipv4Addr, u32);

#[derive(Clone, Copy, Debug, Default)]
struct Sent {
    fragments: u32,
    /// Datagrams that refer to it.
    open: usize,
}

#[derive(Clone, Debug)]
struct Datagram<T> {
    queue: Queue,
    /// Header of the first fragment, and what went with it.
    first: Option<(Vec<u8>, T)>,
    /// The device of the fragment kept last.
    dev: u32,
    /// Which congestion marks were seen: a bit for each of the four.
    marks: u8,
    /// Length of the largest fragment, and of the largest with DF.
    largest: usize,
    largest_df: usize,
    timer: (Time, u64),
    /// How many fragments the source had sent when one of these came last; none if
    /// distances did not count at first.
    seen: Option<u32>,
    memory: u64,
}

impl<T> Default for Reassembly<T> {
    fn default() -> Reassembly<T> {
        Reassembly {
            datagrams: BTreeMap::new(),
            timers: BTreeSet::new(),
            started: 0,
            peers: BTreeMap::new(),
            memory: 0,
        }
    }
}

impl<T> Reassembly<T> {
    /// Takes a fragment (`ip_defrag`), and counts what there is to count.
    ///
    /// `packet` begins with its IPv4 header and ends where that says. `dev` is where it
    /// came in, `vrf` the VRF device above that or 0.
    pub fn add(
        &mut self,
        packet: &[u8],
        with: T,
        (dev, vrf, user): (u32, u32, User),
        now: Time,
        limits: &Limits,
        counters: &mut Counters,
    ) -> Added<T> {
        counters.count(Counter::IpReasmReqds);
        let dropped = |reason| Added { outcome: Outcome::Dropped(reason), too_far: 0 };
        let Some((ip, (header, payload))) =
            Ipv4::read(packet).and_then(|ip| Some((ip, packet.split_at_checked(ip.header_len())?)))
        else {
            counters.count(Counter::IpReasmFails);
            return dropped(DropReason::NotSpecified);
        };
        if limits.high == 0 || self.memory > limits.high {
            counters.count(Counter::IpReasmFails);
            return dropped(DropReason::NotSpecified);
        }
        let key = Key {
            source: ip.source(),
            destination: ip.destination(),
            user,
            vrf,
            id: ip.id.get(),
            proto: ip.proto,
        };
        if !self.datagrams.contains_key(&key) {
            self.open(key, now, limits);
        }
        let too_far = self.start_again_if_too_far(&key, now, limits);
        if too_far > 0 {
            counters.count(Counter::IpReasmFails);
        }
        let fragment = Fragment { ip, header, payload };
        let outcome = self.take(key, fragment, with, dev, counters);
        Added { outcome, too_far }
    }

    /// When the next datagram is given up.
    pub fn next_deadline(&self) -> Option<Time> {
        self.timers.first().map(|(time, ..)| *time)
    }

    /// Gives up what is due (`ip_expire`), and counts it: of those due together the
    /// youngest first (see [`Timers`](crate::path::Timers)).
    pub fn expire(&mut self, now: Time, counters: &mut Counters) -> Vec<Expired<T>> {
        let mut expired = Vec::new();
        while let Some((_, _, key)) = self.timers.first().copied().filter(|(time, ..)| *time <= now) {
            let Some(datagram) = self.close(&key) else { break };
            counters.count(Counter::IpReasmFails);
            counters.count(Counter::IpReasmTimeout);
            let payload = datagram.queue.first();
            let first = datagram.first.zip(payload);
            expired.push(Expired {
                first: first.map(|((header, with), payload)| ([&header, payload].concat(), with)),
                dev: datagram.dev,
                only_if_local: matches!(key.user, User::ConntrackIn(_)),
                fragments: datagram.queue.count(),
            });
        }
        expired
    }

    /// Bytes held, as the kernel reckons them (`FRAG: … memory` in `/proc/net/sockstat`).
    pub fn memory(&self) -> u64 {
        self.memory
    }

    /// Datagrams that are not whole.
    pub fn open_datagrams(&self) -> usize {
        self.datagrams.len()
    }

    fn open(&mut self, key: Key, now: Time, limits: &Limits) {
        let seen = (limits.max_dist > 0).then(|| {
            self.peers.entry((key.source, key.vrf)).or_default().open += 1;
            0
        });
        let timer = self.start_timer(key, now, limits);
        self.memory += QUEUE_MEMORY;
        let datagram = Datagram {
            queue: Queue::default(),
            first: None,
            dev: 0,
            marks: 0,
            largest: 0,
            largest_df: 0,
            timer,
            seen,
            memory: QUEUE_MEMORY,
        };
        self.datagrams.insert(key, datagram);
    }

    fn start_timer(&mut self, key: Key, now: Time, limits: &Limits) -> (Time, u64) {
        self.started += 1;
        let timer = (Time(now.0.saturating_add(limits.time)), self.started);
        self.timers.insert((timer.0, Reverse(timer.1), key));
        timer
    }

    /// Takes a datagram out, whatever its state (`inet_frag_kill`).
    fn close(&mut self, key: &Key) -> Option<Datagram<T>> {
        let datagram = self.datagrams.remove(key)?;
        self.timers.remove(&(datagram.timer.0, Reverse(datagram.timer.1), *key));
        self.memory -= datagram.memory;
        let peer = (key.source, key.vrf);
        if let Some(sent) = self.peers.get_mut(&peer).filter(|_| datagram.seen.is_some()) {
            sent.open -= 1;
            if sent.open == 0 {
                self.peers.remove(&peer);
            }
        }
        Some(datagram)
    }

    /// Counts a fragment of a source, and forgets those kept of its datagram if it sent
    /// too many since (`ip_frag_too_far`, `ip_frag_reinit`); tells how many. The sizes of
    /// the largest ones stay.
    fn start_again_if_too_far(&mut self, key: &Key, now: Time, limits: &Limits) -> usize {
        let Some(datagram) = self.datagrams.get_mut(key) else { return 0 };
        let Some(seen) = datagram.seen.as_mut().filter(|_| limits.max_dist > 0) else { return 0 };
        let sent = self.peers.entry((key.source, key.vrf)).or_default();
        sent.fragments = sent.fragments.wrapping_add(1);
        let distance = sent.fragments.wrapping_sub(*seen);
        *seen = sent.fragments;
        if datagram.queue.is_empty() || distance <= limits.max_dist {
            return 0;
        }
        let forgotten = std::mem::take(&mut datagram.queue).count();
        self.memory -= datagram.memory - QUEUE_MEMORY;
        datagram.memory = QUEUE_MEMORY;
        datagram.first = None;
        datagram.dev = 0;
        datagram.marks = 0;
        let old = datagram.timer;
        self.timers.remove(&(old.0, Reverse(old.1), *key));
        let timer = self.start_timer(*key, now, limits);
        if let Some(datagram) = self.datagrams.get_mut(key) {
            datagram.timer = timer;
        }
        forgotten
    }

    /// Puts a fragment into its datagram (`ip_frag_queue`).
    fn take(
        &mut self,
        key: Key,
        fragment: Fragment<'_>,
        with: T,
        dev: u32,
        counters: &mut Counters,
    ) -> Outcome<T> {
        let Some(datagram) = self.datagrams.get_mut(&key) else {
            return Outcome::Dropped(DropReason::NotSpecified);
        };
        let Fragment { ip, header, payload } = fragment;
        let is_last = ip.fragment.get() & MF == 0;
        // What is no multiple of eight at the end of any but the last is cut off.
        let len = if is_last { payload.len() } else { payload.len() & !7 };
        match datagram.queue.insert(ip.offset() as u32, &payload[..len], is_last) {
            Inserted::Kept => {}
            Inserted::Duplicate => return Outcome::Dropped(DropReason::DupFrag),
            lost => {
                self.close(&key);
                if lost == Inserted::Overlap {
                    counters.count(Counter::IpExtReasmOverlaps);
                }
                counters.count(Counter::IpReasmFails);
                return Outcome::Dropped(DropReason::NotSpecified);
            }
        }
        let memory = memory_of(header.len() + payload.len());
        datagram.memory += memory;
        self.memory += memory;
        datagram.dev = dev;
        datagram.marks |= 1 << (ip.tos & ECN);
        let size = header.len() + len;
        datagram.largest = datagram.largest.max(size);
        if ip.fragment.get() & DF != 0 {
            datagram.largest_df = datagram.largest_df.max(size);
        }
        if ip.offset() == 0 {
            datagram.first = Some((header.to_vec(), with));
        }
        if !datagram.queue.is_whole() {
            return Outcome::Queued;
        }
        match self.close(&key).and_then(|datagram| glue(datagram, key.user)) {
            Some(whole) => {
                counters.count(Counter::IpReasmOKs);
                Outcome::Whole(whole)
            }
            None => {
                counters.count(Counter::IpReasmFails);
                Outcome::GivenUp
            }
        }
    }
}

/// A packet, taken apart.
struct Fragment<'a> {
    ip: &'a Ipv4,
    header: &'a [u8],
    payload: &'a [u8],
}

/// The packet of a datagram that is whole (`ip_frag_reasm`), unless it may not be.
fn glue<T>(datagram: Datagram<T>, user: User) -> Option<Whole<T>> {
    let congestion = congestion(datagram.marks)?;
    let (mut packet, first) = datagram.first?;
    let len = packet.len() + datagram.queue.len() as usize;
    if len > LONGEST {
        return None;
    }
    packet.reserve_exact(len - packet.len());
    let mut pieces = Vec::new();
    for payload in datagram.queue.payloads() {
        packet.extend_from_slice(payload);
        if matches!(user, User::ConntrackIn(_) | User::ConntrackOut(_)) {
            pieces.push(payload.len() as u16);
        }
    }
    let keep_df = datagram.largest_df == datagram.largest;
    let ip = Ipv4::edit(&mut packet)?;
    ip.total_len.set(len as u16);
    ip.tos |= congestion;
    ip.fragment.set(if keep_df { DF } else { 0 });
    set_checksum(&mut packet);
    let reassembled = Reassembled { largest: datagram.largest as u16, keep_df, pieces };
    Some(Whole { packet, first, reassembled })
}

/// What the datagram's congestion mark gains from its fragments' (RFC 3168, section 5.3):
/// *congestion experienced* if one had it; none if some could bear marks and others could not.
pub(super) fn congestion(marks: u8) -> Option<u8> {
    const UNABLE: u8 = 1;
    const EXPERIENCED: u8 = 1 << ECN;
    match marks {
        UNABLE => Some(0),
        _ if marks & UNABLE != 0 => None,
        _ if marks & EXPERIENCED != 0 => Some(ECN),
        _ => Some(0),
    }
}

/// What the kernel reckons for a packet of this length (`truesize`): that of the tap
/// driver for an Ethernet frame. Other drivers' buffers differ.
pub(super) fn memory_of(len: usize) -> u64 {
    const PAGE: usize = 4096;
    const BUFFER: usize = 256;
    const SHARED: usize = 320;
    const HEADROOM: usize = 64;
    let frame = len + 14;
    let data = (frame + HEADROOM).next_multiple_of(64) + SHARED;
    let size = if data <= PAGE {
        data
    } else {
        PAGE + frame.saturating_sub(PAGE - SHARED - HEADROOM).next_multiple_of(PAGE)
    };
    (BUFFER + size) as u64
}
