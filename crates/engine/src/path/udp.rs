//! UDP and UDP-Lite (`__udp4_lib_rcv`, packet-path section 11). UDP-Lite has no sockets here.

use fingerpost_model::RouteFlags;
use fingerpost_net::wire::{Checksum, Header, Ipv4, Udp, icmp, proto};

use super::deliver::Taken;
use super::sockets::SHARED;
use super::sockets::with_open_sum;
use super::{Outcome, Packet, Stack};
use crate::counters::Counter;
use crate::lookup::DropReason;

/// The longest datagram whose checksum is computed before anything else, bytes.
const AT_ONCE: usize = 76;

/// What tells the two apart.
pub(super) struct Kind {
    proto: u8,
    errors: Counter,
    wrong_sums: Counter,
    no_ports: Counter,
    ignored: Counter,
}

pub(super) const UDP: Kind = Kind {
    proto: proto::UDP,
    errors: Counter::UdpInErrors,
    wrong_sums: Counter::UdpInCsumErrors,
    no_ports: Counter::UdpNoPorts,
    ignored: Counter::UdpIgnoredMulti,
};

pub(super) const UDPLITE: Kind = Kind {
    proto: proto::UDPLITE,
    errors: Counter::UdpLiteInErrors,
    wrong_sums: Counter::UdpLiteInCsumErrors,
    no_ports: Counter::UdpLiteNoPorts,
    ignored: Counter::UdpLiteIgnoredMulti,
};

impl Kind {
    /// The bytes that the length field stands for: all of a datagram, or those that the
    /// checksum of UDP-Lite covers (RFC 3828).
    fn covered<'a>(&self, udp: &Udp, payload: &'a [u8]) -> Option<&'a [u8]> {
        match (usize::from(udp.len.get()), self.proto) {
            (0, proto::UDPLITE) => Some(payload),
            (len, _) if len < Udp::LEN => None,
            (len, _) => payload.get(..len),
        }
    }

    /// Whether the checksum may be taken for one before anybody computes it.
    /// That of short datagrams is computed at once (`CHECKSUM_BREAK`), unless it covers a part.
    fn is_possible(&self, header: &Ipv4, udp: &Udp, payload: &[u8]) -> bool {
        let Some(covered) = self.covered(udp, payload) else { return false };
        if self.proto == proto::UDPLITE && udp.checksum.get() == 0 {
            return false;
        }
        let is_part = self.proto == proto::UDPLITE && covered.len() < payload.len();
        is_part || covered.len() > AT_ONCE || self.is_right(header, udp, payload)
    }

    fn is_right(&self, header: &Ipv4, udp: &Udp, payload: &[u8]) -> bool {
        let Some(covered) = self.covered(udp, payload) else { return false };
        let len = if self.proto == proto::UDP { covered.len() } else { payload.len() };
        let sum = Checksum::ZERO.pseudo4(header.source(), header.destination(), self.proto, len);
        self.proto == proto::UDP && udp.checksum.get() == 0 || sum.bytes(covered).finish() == 0
    }
}

impl Stack<'_, '_> {
    pub(super) fn udp_receive(&mut self, packet: &Packet, header: &Ipv4, kind: &Kind) -> Taken {
        let payload = &packet.bytes[header.header_len()..];
        let error = |stack: &mut Self, reason| {
            stack.count(kind.errors);
            Err(reason)
        };
        let Some(&udp) = Udp::read(payload) else { return error(self, DropReason::NotSpecified) };
        let is_short = kind.proto == proto::UDP && kind.covered(&udp, payload).is_none();
        if is_short || usize::from(udp.len.get()) > payload.len() {
            return error(self, DropReason::PktTooSmall);
        }
        if !kind.is_possible(header, &udp, payload) {
            self.count(kind.wrong_sums);
            return error(self, DropReason::UdpCsum);
        }
        if kind.proto == proto::UDP
            && let Some(taken) = self.udp_deliver(packet, header, &udp, payload)
        {
            return taken;
        }
        if is_for_many(packet) {
            self.count(kind.ignored); // C-283
            return Err(DropReason::NotSpecified);
        }
        if !kind.is_right(header, &udp, payload) {
            self.count(kind.wrong_sums);
            return error(self, DropReason::UdpCsum);
        }
        self.count(kind.no_ports); // C-284
        // What stands behind the datagram was cut off.
        let len = kind.covered(&udp, payload).filter(|_| kind.proto == proto::UDP).map(<[u8]>::len);
        let mut about = with_open_sum(packet);
        about.bytes.truncate(header.header_len() + len.unwrap_or(payload.len()));
        self.icmp_send(&about, icmp::UNREACHABLE, icmp::PORT, [0; 4]);
        Err(DropReason::NoSocket)
    }

    /// Gives a datagram to its socket, of one for many to each; `None` if there is none.
    fn udp_deliver(&mut self, packet: &Packet, header: &Ipv4, udp: &Udp, payload: &[u8]) -> Option<Taken> {
        if self.state.sockets.is_empty() {
            return None;
        }
        let ports = (udp.sport.get(), udp.dport.get());
        let envelope = self.envelope(packet, ports, "udp_l3mdev_accept")?;
        let intact = UDP.is_right(header, udp, payload);
        let data = payload.get(Udp::LEN..usize::from(udp.len.get())).unwrap_or_default().to_vec();
        let arrival = self.arrival(packet, &envelope, data);
        // One that was found before the lookup is the only one, whatever the destination is.
        if is_for_many(packet) && !packet.has_socket {
            let all = self.state.sockets.find_all_udp(&envelope);
            for &id in &all {
                let _full = self.enqueue(id, arrival.clone(), intact);
            }
            return (!all.is_empty()).then_some(Ok(()));
        }
        let id = self.state.sockets.find_udp(&envelope)?;
        if self.state.sockets.is_shared(id) {
            self.end(packet, Outcome::Unknown(SHARED));
            return Some(Ok(()));
        }
        self.keep_received_way(id, packet, &envelope);
        Some(self.enqueue(id, arrival, intact))
    }
}

fn is_for_many(packet: &Packet) -> bool {
    let flags = packet.decision.as_ref().map_or(RouteFlags(0), |decision| decision.flags);
    flags.any(RouteFlags::BROADCAST | RouteFlags::MULTICAST)
}
