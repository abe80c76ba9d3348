//! UDP and UDP-Lite over IPv6 (`__udp6_lib_rcv`, T-70). UDP-Lite has no sockets here.

use fingerpost_net::wire::{Checksum, Header, Ipv6, Udp, icmp6, proto};

use super::super::sockets::SHARED;
use super::super::sockets::with_open_sum;
use super::super::{Outcome, Packet, Stack};
use crate::counters::Counter;
use crate::lookup::DropReason;

/// Up to this length a checksum is looked at when a datagram comes, else when somebody
/// takes it (`CHECKSUM_BREAK`).
const SHORT: usize = 76;

/// What tells the two apart.
pub(super) struct Kind {
    proto: u8,
    errors: Counter,
    wrong_sums: Counter,
    no_ports: Counter,
    /// Those for many that nobody takes; UDP-Lite does not count them.
    ignored: Option<Counter>,
}

pub(super) const UDP6: Kind = Kind {
    proto: proto::UDP,
    errors: Counter::Udp6InErrors,
    wrong_sums: Counter::Udp6InCsumErrors,
    no_ports: Counter::Udp6NoPorts,
    ignored: Some(Counter::Udp6IgnoredMulti),
};

pub(super) const UDPLITE6: Kind = Kind {
    proto: proto::UDPLITE,
    errors: Counter::UdpLite6InErrors,
    wrong_sums: Counter::UdpLite6InCsumErrors,
    no_ports: Counter::UdpLite6NoPorts,
    ignored: None,
};

impl Stack<'_, '_> {
    pub(super) fn udp6_receive(&mut self, packet: &Packet, kind: &Kind) -> Outcome {
        let refused = |stack: &mut Self, reason| {
            stack.count(kind.errors);
            Outcome::Dropped(reason)
        };
        let is_lite = kind.proto == proto::UDPLITE;
        let payload = &packet.bytes[packet.six.at..];
        let (Some(&header), Some(&udp)) = (Ipv6::read(&packet.bytes), Udp::read(payload)) else {
            return refused(self, DropReason::NotSpecified);
        };
        // What the checksum covers: of UDP all, of UDP-Lite what the length field says.
        let covered = match udp.len.get() {
            0 => payload.len(), // A jumbo payload, or all of it.
            len => usize::from(len),
        };
        let len = if is_lite { payload.len() } else { covered };
        let is_impossible = covered < Udp::LEN;
        if covered > payload.len() || is_impossible && !is_lite {
            return refused(self, DropReason::PktTooSmall);
        }
        let (src, dst) = (header.source(), header.destination());
        let has_sum = udp.checksum.get() != 0;
        if is_impossible || is_lite && !has_sum {
            self.count(kind.wrong_sums);
            return refused(self, DropReason::UdpCsum);
        }
        let sum = Checksum::ZERO.pseudo6(src, dst, kind.proto, len).bytes(&payload[..covered]);
        let is_wrong = has_sum && sum.finish() != 0;
        let to_group = dst.is_multicast();
        let is_seen_at_once = is_wrong && len <= SHORT && covered == len;
        if is_seen_at_once {
            self.count(kind.wrong_sums);
            return refused(self, DropReason::UdpCsum);
        }
        if !is_lite
            && let Some(outcome) = self.udp6_deliver(packet, &udp, &payload[..len], is_wrong || !has_sum)
        {
            return outcome;
        }
        if to_group {
            kind.ignored.into_iter().for_each(|counter| self.count(counter));
            return Outcome::Dropped(DropReason::NotSpecified);
        }
        if is_wrong || !has_sum {
            self.count(kind.wrong_sums);
            return refused(self, DropReason::NoSocket);
        }
        self.count(kind.no_ports);
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
        if envelope.to.ip().is_multicast() && !packet.has_socket {
            if udp.checksum.get() == 0 {
                return None; // No socket takes it, as below.
            }
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
