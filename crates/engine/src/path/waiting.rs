//! Packets that wait for a neighbour's address, and whose memory they are meanwhile
//! (`arp_queue`, `sk_wmem_alloc`; C-275).

use std::collections::{HashMap, VecDeque};

use super::neighbour::Key;
use super::sockets::SocketId;
use super::{Packet, Stack};

/// What a socket's packets may take until they have left (`sk_sndbuf`) of those by which
/// Linux itself sends ICMP.
pub(super) const MESSAGES_ROOM: usize = 2 * (65_536 + DESCRIPTION + SHARED);
/// The same of other sockets (`net.core.wmem_default`, whose setting is not a namespace's).
pub(super) const SOCKETS_ROOM: usize = 212_992;

/// A line of a cache; what describes a packet (`struct sk_buff`), and what its clones share.
const LINE: usize = 64;
const DESCRIPTION: usize = 256;
const SHARED: usize = 320;

/// Whose memory a packet is until it has left (`skb->sk`). Linux's own sockets are one for
/// each processor and serve all namespaces; here they serve one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Owner {
    /// Nobody's: it came from elsewhere, or nothing bounds those who send it.
    #[default]
    Nobody,
    /// That of the socket by which Linux sends ICMP.
    Messages,
    /// The same of ICMPv6.
    Messages6,
    /// That of the socket by which Linux resets connections of IPv4.
    Resets,
    /// A program's socket.
    Socket(SocketId),
}

/// How a payload is cut into packets: bytes of each.
pub(super) struct Cut {
    pub payload: usize,
    pub header: usize,
    pub mtu: usize,
}

impl Cut {
    /// One packet, however long.
    pub(super) fn whole(len: usize) -> Cut {
        Cut { payload: len, header: 0, mtu: len }
    }
}

/// The packets that wait, by the neighbour that they wait for, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Waiting {
    queues: HashMap<Key, Queue>,
    owned: HashMap<Owner, usize>,
}

/// What a packet that waited takes of its owner's room.
#[must_use]
pub(super) struct Share {
    owner: Owner,
    size: usize,
}

#[derive(Clone, Debug, Default)]
struct Queue {
    packets: VecDeque<Box<Packet>>,
    bytes: usize,
}

impl Waiting {
    /// Whether none waits for a neighbour.
    pub(super) fn is_empty(&self, key: Key) -> bool {
        !self.queues.contains_key(&key)
    }

    /// The one that came last.
    pub(super) fn last(&self, key: Key) -> Option<&Packet> {
        self.queues.get(&key).and_then(|queue| queue.packets.back()).map(Box::as_ref)
    }

    /// Whether one more would take more memory than `limit`.
    pub(super) fn is_full(&self, key: Key, packet: &Packet, limit: usize) -> bool {
        self.queues.get(&key).map_or(0, |queue| queue.bytes) + memory(packet) > limit
    }

    pub(super) fn push(&mut self, key: Key, packet: Box<Packet>) {
        let size = memory(&packet);
        if packet.owner != Owner::Nobody {
            *self.owned.entry(packet.owner).or_default() += size;
        }
        let queue = self.queues.entry(key).or_default();
        queue.bytes += size;
        queue.packets.push_back(packet);
    }

    /// Takes the one that came first. Its memory stays its owner's until that is released.
    pub(super) fn pop(&mut self, key: Key) -> Option<(Box<Packet>, Share)> {
        let queue = self.queues.get_mut(&key)?;
        let packet = queue.packets.pop_front()?;
        let size = memory(&packet);
        queue.bytes -= size;
        if queue.packets.is_empty() {
            self.queues.remove(&key);
        }
        let share = Share { owner: packet.owner, size };
        Some((packet, share))
    }

    /// Forgets all that wait for a neighbour.
    pub(super) fn clear(&mut self, key: Key) {
        while let Some((_, share)) = self.pop(key) {
            self.release(share);
        }
    }

    /// A packet is no more.
    pub(super) fn release(&mut self, share: Share) {
        if let Some(owned) = self.owned.get_mut(&share.owner) {
            *owned -= share.size;
            if *owned == 0 {
                self.owned.remove(&share.owner);
            }
        }
    }
}

impl Stack<'_, '_> {
    /// Whether a socket whose packets may take `most` bytes of memory has some left for the
    /// pieces of a payload (`__ip_append_data`, `__ip6_append_data`).
    pub(super) fn has_memory(&self, owner: Owner, most: usize, cut: Cut) -> bool {
        let owned = self.state.waiting.owned.get(&owner).copied().unwrap_or(0);
        let room = cut.mtu.saturating_sub(cut.header).max(8) & !7;
        let is_whole = cut.header + cut.payload <= cut.mtu;
        let others = if is_whole { 0 } else { cut.payload.div_ceil(room).saturating_sub(1) };
        owned < most && owned + others * made_memory(cut.header + room + 15) < 2 * most
    }
}

/// What a packet counts for (`skb->truesize`): its memory, which comes in lines of a cache
/// or, where it was made here, in powers of two, and what describes it. Of received packets
/// it depends on the driver; this is what a tap device gives.
fn memory(packet: &Packet) -> usize {
    let len = packet.bytes.len();
    match packet.link_header {
        Some(header) => (len + header.len() + LINE).next_multiple_of(LINE) + SHARED + DESCRIPTION,
        None => made_memory(len),
    }
}

/// The same of a packet of this length that is made here.
fn made_memory(len: usize) -> usize {
    const SMALLEST: usize = 576;
    let size = match (len + 16).next_multiple_of(LINE) + SHARED {
        ..=SMALLEST => SMALLEST,
        size => size.next_power_of_two(),
    };
    size + DESCRIPTION
}
