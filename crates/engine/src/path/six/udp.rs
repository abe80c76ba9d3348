//! UDP over IPv6 (`__udp6_lib_rcv`, T-70).

use fingerpost_net::wire::{Checksum, Header, Ipv6, Udp, icmp6, proto};

use super::super::sockets::SHARED;
use super::super::sockets::with_open_sum;
use super::super::{Outcome, Packet, Stack};
use crate::counters::Counter;
use crate::lookup::DropReason;

/// Up to this length a checksum is looked at when a datagram comes, else when somebody
/// takes it (`CHECKSUM_BREAK`).
const SHORT: usize = 76;

impl Stack<'_, '_> {
    pub(super) fn udp6_receive(&mut self, packet: &Packet) -> Outcome {
        let refused = |stack: &mut Self, reason| {
            stack.count(Counter::Udp6InErrors);
            Outcome::Dropped(reason)
        };
        let payload = &packet.bytes[packet.six.at..];
        let (Some(&header), Some(&udp)) = (Ipv6::read(&packet.bytes), Udp::read(payload)) else {
            return refused(self, DropReason::NotSpecified);
        };
        let len = match udp.len.get() {
            0 => payload.len(), // A jumbo payload.
            len => usize::from(len),
        };
        if len > payload.len() || len < Udp::LEN {
            return refused(self, DropReason::PktTooSmall);
        }
        let (src, dst) = (header.source(), header.destination());
        let sum = Checksum::ZERO.pseudo6(src, dst, proto::UDP, len).bytes(&payload[..len]);
        let has_sum = udp.checksum.get() != 0;
        let is_wrong = has_sum && sum.finish() != 0;
        let to_group = dst.is_multicast();
        let is_seen_at_once = is_wrong && len <= SHORT;
        if is_seen_at_once {
            self.count(Counter::Udp6InCsumErrors);
            return refused(self, DropReason::UdpCsum);
        }
        if let Some(outcome) = self.udp6_deliver(packet, &udp, &payload[..len], is_wrong || !has_sum) {
            return outcome;
        }
        if to_group {
            self.count(Counter::Udp6IgnoredMulti);
            return Outcome::Dropped(DropReason::NotSpecified);
        }
        if is_wrong || !has_sum {
            self.count(Counter::Udp6InCsumErrors);
            return refused(self, DropReason::NoSocket);
        }
        self.count(Counter::Udp6NoPorts);
        // What follows the datagram was cut off before it is quoted.
        let mut quoted = with_open_sum(packet);
        quoted.bytes.truncate(packet.six.at + len);
        self.icmp6_send(&quoted, icmp6::UNREACHABLE, icmp6::PORT, 0);
        Outcome::Dropped(DropReason::NoSocket)
    }

    /// Gives a datagram to its socket, of one for many to each; `None` if there is none.
    fn udp6_deliver(
        &mut self,
        packet: &Packet,
        udp: &Udp,
        payload: &[u8],
        is_wrong: bool,
    ) -> Option<Outcome> {
        if self.state.sockets.is_empty() {
            return None;
        }
        let envelope = self.envelope(packet, (udp.sport.get(), udp.dport.get()), "udp_l3mdev_accept")?;
        let arrival = self.arrival(packet, &envelope, payload[Udp::LEN..].to_vec());
        if envelope.to.ip().is_multicast() {
            let all = self.state.sockets.find_all_udp(&envelope);
            for &id in &all {
                let _full = self.enqueue(id, arrival.clone(), !is_wrong);
            }
            return (!all.is_empty()).then_some(Outcome::Delivered);
        }
        let id = self.state.sockets.find_udp(&envelope)?;
        if self.state.sockets.is_shared(id) {
            return Some(Outcome::Unknown(SHARED));
        }
        if udp.checksum.get() == 0 {
            // Sockets take those without a checksum only where that was asked for (RFC 6936).
            self.count(Counter::Udp6InCsumErrors);
            self.count(Counter::Udp6InErrors);
            return Some(Outcome::Dropped(DropReason::UdpCsum));
        }
        self.keep_received_way(id, packet, &envelope);
        Some(match self.enqueue(id, arrival, !is_wrong) {
            Ok(()) => Outcome::Delivered,
            Err(reason) => Outcome::Dropped(reason),
        })
    }
}
