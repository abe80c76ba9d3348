//! Putting IPv6 datagrams together (`net/ipv6/reassembly.c`, T-62): for local delivery
//! alone. Where pieces lie and what overlaps is what IPv4 has too
//! ([`super::super::reassemble`]).

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv6Addr;

use fingerpost_net::wire::{Fragment6, Header, Icmp, Ipv6, MORE6, OFFSET6, Tcp, Udp, icmp6, next, proto};

use super::super::reassemble::queue::{Inserted, Queue};
use super::super::reassemble::{QUEUE_MEMORY, congestion, memory_of};
use super::super::timers::{Due, Timer};
use super::super::{Addressed, Outcome, Packet, Stack};
use super::{Noted, dropped, headers};
use crate::addrtype::AddrType;
use crate::counters::Counter;
use crate::lookup::DropReason;
use crate::state::Time;

/// The longest payload.
const LONGEST: usize = 65535;
/// Where in the IPv6 header the payload's length stands.
const LENGTH_AT: u32 = 4;

/// IPv6 datagrams on their way to be whole, of one namespace.
#[derive(Clone, Debug, Default)]
pub struct Reassembly6 {
    datagrams: BTreeMap<Key, Datagram>,
    /// When datagrams are given up, and a number that tells which of two came last: it
    /// is given up first (see `Timers`).
    timers: BTreeSet<(Time, Reverse<u64>, Key)>,
    started: u64,
    /// Bytes held, as the kernel reckons them.
    memory: u64,
    /// When the timer is set to.
    until: Option<Time>,
}

/// What tells datagrams apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    src: Ipv6Addr,
    dst: Ipv6Addr,
    id: u32,
    /// The device, where the destination says nothing without; else 0.
    dev: u32,
}

#[derive(Clone, Debug)]
struct Datagram {
    queue: Queue,
    first: Option<First>,
    /// The device of the fragment that came last.
    dev: u32,
    /// Which congestion marks were seen: a bit for each of the four.
    marks: u8,
    timer: (Time, u64),
    memory: u64,
}

/// The fragment with which a datagram begins.
#[derive(Clone, Debug)]
struct First {
    /// All of it.
    bytes: Vec<u8>,
    noted: Noted,
    addressed: Addressed,
    iif: u32,
    mark: u32,
}

/// What becomes of a fragment.
enum Lot {
    Queued,
    Whole(Box<Datagram>),
    Dropped(DropReason),
    /// Its sender is told where it is wrong.
    Wrong(u32),
}

impl Reassembly6 {
    /// Puts a fragment into its datagram (`ip6_frag_queue`).
    fn add(&mut self, packet: &Packet, key: Key, fragment: Fragment6, until: Time) -> Lot {
        let place = packet.six.at;
        let payload = packet.bytes.get(place + Fragment6::LEN..).unwrap_or_default();
        let word = fragment.fragment.get();
        let (offset, is_last) = (usize::from(word & OFFSET6), word & MORE6 == 0);
        if !self.datagrams.contains_key(&key) {
            self.open(key, until);
        }
        let end = offset + payload.len();
        let wrong = match is_last {
            _ if end > LONGEST => Some(place as u32 + 2),
            false if end % 8 != 0 => Some(LENGTH_AT),
            _ => None,
        };
        if let Some(pointer) = wrong {
            // What there is of the datagram stays, be it nothing.
            return Lot::Wrong(pointer);
        }
        let Some(datagram) = self.datagrams.get_mut(&key) else {
            return Lot::Dropped(DropReason::NotSpecified);
        };
        match datagram.queue.insert(offset as u32, payload, is_last) {
            Inserted::Kept => {}
            Inserted::Duplicate => return Lot::Dropped(DropReason::DupFrag),
            Inserted::Overlap | Inserted::Corrupt => {
                self.close(&key);
                return Lot::Dropped(DropReason::NotSpecified);
            }
        }
        let memory = memory_of(packet.bytes.len());
        datagram.memory += memory;
        self.memory += memory;
        datagram.dev = packet.dev;
        let class = Ipv6::read(&packet.bytes).map_or(0, Ipv6::traffic_class);
        datagram.marks |= 1 << (class & 3);
        if offset == 0 {
            let Packet { bytes, six, addressed, iif, mark, .. } = packet;
            let (bytes, noted) = (bytes.clone(), *six);
            datagram.first = Some(First { bytes, noted, addressed: *addressed, iif: *iif, mark: *mark });
        }
        if !datagram.queue.is_whole() {
            return Lot::Queued;
        }
        self.close(&key).map_or(Lot::Queued, |datagram| Lot::Whole(Box::new(datagram)))
    }

    fn open(&mut self, key: Key, until: Time) {
        self.started += 1;
        let timer = (until, self.started);
        self.timers.insert((timer.0, Reverse(timer.1), key));
        self.memory += QUEUE_MEMORY;
        let (queue, memory) = (Queue::default(), QUEUE_MEMORY);
        self.datagrams.insert(key, Datagram { queue, first: None, dev: 0, marks: 0, timer, memory });
    }

    /// Takes a datagram out, whatever its state (`inet_frag_kill`).
    fn close(&mut self, key: &Key) -> Option<Datagram> {
        let datagram = self.datagrams.remove(key)?;
        self.timers.remove(&(datagram.timer.0, Reverse(datagram.timer.1), *key));
        self.memory -= datagram.memory;
        Some(datagram)
    }

    /// Takes out a datagram whose time is over.
    fn expire(&mut self, now: Time) -> Option<Datagram> {
        let &(at, _, key) = self.timers.first()?;
        if at > now { None } else { self.close(&key) }
    }
}

impl Stack<'_, '_> {
    /// `ipv6_frag_rcv`: goes on behind the fragment header, with the whole datagram.
    pub(super) fn reassemble6(&mut self, packet: &mut Packet) -> Result<(), Outcome> {
        let place = packet.six.at;
        if packet.six.was_fragment {
            return self.wrong_fragment(packet, icmp6::FIELD, place as u32);
        }
        self.count(Counter::Ip6ReasmReqds);
        let header = Ipv6::read(&packet.bytes).copied();
        let fragment = packet.bytes.get(place..).and_then(Fragment6::read).copied();
        let (Some(header), Some(fragment)) =
            (header.filter(|header| header.payload_len.get() != 0), fragment)
        else {
            return self.wrong_fragment(packet, icmp6::FIELD, place as u32);
        };
        if fragment.fragment.get() & (OFFSET6 | MORE6) == 0 {
            self.count(Counter::Ip6ReasmOKs);
            packet.six =
                Noted { next_at: place, at: place + Fragment6::LEN, was_fragment: true, ..packet.six };
            return Ok(());
        }
        if lacks_headers(&packet.bytes, header.next) {
            return self.wrong_fragment(packet, icmp6::INCOMPLETE_CHAIN, 0);
        }
        let high = self.setting6("ip6frag_high_thresh").max(0) as u64;
        if high == 0 || self.state.fragments6.memory > high {
            self.count(Counter::Ip6ReasmFails);
            return dropped(DropReason::NotSpecified);
        }
        let dst = header.destination();
        let of_device = AddrType::of(dst).any(AddrType::MULTICAST | AddrType::LINK_LOCAL);
        let dev = if of_device { packet.dev } else { 0 };
        let key = Key { src: header.source(), dst, id: fragment.id.get(), dev };
        let until = self.reassembly6_due().at;
        let lot = self.state.fragments6.add(packet, key, fragment, until);
        self.set_reassembly6_timer();
        match lot {
            Lot::Queued => Err(Outcome::Queued),
            Lot::Dropped(reason) => {
                if reason != DropReason::DupFrag {
                    self.count(Counter::Ip6ReasmFails);
                }
                dropped(reason)
            }
            Lot::Wrong(pointer) => self.wrong_fragment(packet, icmp6::FIELD, pointer),
            Lot::Whole(datagram) => match glue(*datagram) {
                Some(First { bytes, noted, addressed, iif, mark }) => {
                    self.count(Counter::Ip6ReasmOKs);
                    (packet.bytes, packet.six, packet.addressed) = (bytes, noted, addressed);
                    (packet.iif, packet.mark) = (iif, mark);
                    Ok(())
                }
                None => {
                    self.count(Counter::Ip6ReasmFails);
                    dropped(DropReason::Consumed)
                }
            },
        }
    }

    fn wrong_fragment(&mut self, packet: &Packet, code: u8, pointer: u32) -> Result<(), Outcome> {
        self.count(Counter::Ip6InHdrErrors);
        self.icmp6_send(packet, icmp6::PARAMETER, code, pointer);
        dropped(DropReason::NotSpecified)
    }

    /// When a datagram is given up whose first fragment comes now.
    fn reassembly6_due(&self) -> Due {
        let time = self.setting6("ip6frag_time").max(0) as u64 * 1000;
        self.slot(Time(self.now().0.saturating_add(time)))
    }

    fn set_reassembly6_timer(&mut self) {
        let level = self.reassembly6_due().level;
        let at = self.state.fragments6.timers.first().map(|&(at, ..)| at);
        let before = std::mem::replace(&mut self.state.fragments6.until, at);
        self.state.timers.set(Timer::Reassembly6, before, at.map(|at| Due { at, level }));
    }

    /// `ip6frag_expire_frag_queue`: of datagrams whose beginning came the sender is told.
    pub(in crate::path) fn give_up_datagrams6(&mut self) {
        let now = self.now();
        while let Some(datagram) = self.state.fragments6.expire(now) {
            self.count(Counter::Ip6ReasmFails);
            self.count(Counter::Ip6ReasmTimeout);
            let Some(First { bytes, noted, addressed, iif, mark }) = datagram.first else { continue };
            let packet = Packet { bytes, six: noted, addressed, iif, mark, ..Packet::bare(datagram.dev) };
            self.icmp6_send(&packet, icmp6::TIME_EXCEEDED, icmp6::REASSEMBLY, 0);
            self.drop(&packet, DropReason::FragReasmTimeout);
        }
        self.set_reassembly6_timer();
    }
}

/// Whether a first fragment ends before the protocol's header does (`ipv6frag_thdr_truncated`).
fn lacks_headers(bytes: &[u8], first: u8) -> bool {
    let Some(behind) = headers::skip(bytes, Ipv6::LEN, first) else { return false };
    let least = match behind.number {
        proto::TCP => Tcp::LEN,
        proto::UDP => Udp::LEN,
        next::ICMPV6 => Icmp::LEN,
        _ => 1,
    };
    behind.fragment & OFFSET6 == 0 && behind.at + least > bytes.len()
}

/// The packet of a datagram that is whole (`ip6_frag_reasm`), unless it may not be: the
/// first fragment's, without its fragment header.
fn glue(datagram: Datagram) -> Option<First> {
    let congestion = congestion(datagram.marks)?;
    let mut first = datagram.first?;
    let place = first.noted.at;
    let payload = place - Ipv6::LEN + datagram.queue.len() as usize;
    if payload > LONGEST {
        return None;
    }
    let number = *first.bytes.get(place)?;
    first.bytes.truncate(place);
    first.bytes.reserve_exact(datagram.queue.len() as usize);
    datagram.queue.payloads().for_each(|piece| first.bytes.extend_from_slice(piece));
    *first.bytes.get_mut(first.noted.next_at)? = number;
    let header = Ipv6::edit(&mut first.bytes)?;
    header.payload_len.set(payload as u16);
    header.word.set(header.word.get() | u32::from(congestion) << 20);
    first.noted.was_fragment = true;
    Some(first)
}
