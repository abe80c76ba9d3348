//! UDP as far as it goes without sockets (`__udp4_lib_rcv`, packet-path section 11).

use fingerpost_model::RouteFlags;
use fingerpost_net::wire::{Checksum, Header, Ipv4, Udp, icmp, proto};

use super::deliver::Taken;
use super::{Packet, Stack};
use crate::counters::Counter;
use crate::lookup::DropReason;

impl Stack<'_, '_> {
    pub(super) fn udp_receive(&mut self, packet: &Packet, header: &Ipv4) -> Taken {
        let payload = &packet.bytes[header.header_len()..];
        let error = |stack: &mut Self, reason| {
            stack.count(Counter::UdpInErrors);
            Err(reason)
        };
        let Some(&udp) = Udp::read(payload) else { return error(self, DropReason::NotSpecified) };
        let len = usize::from(udp.len.get());
        if len > payload.len() || len < Udp::LEN {
            return error(self, DropReason::PktTooSmall);
        }
        let datagram = &payload[..len];
        let has_sum = udp.checksum.get() != 0;
        let sum = Checksum::ZERO.pseudo4(header.source(), header.destination(), proto::UDP, len);
        let is_right = !has_sum || sum.bytes(datagram).finish() == 0;
        let flags = packet.decision.as_ref().map_or(RouteFlags(0), |decision| decision.flags);
        if flags.any(RouteFlags::BROADCAST | RouteFlags::MULTICAST) {
            self.count(Counter::UdpIgnoredMulti); // C-283
            return Err(DropReason::NotSpecified);
        }
        if !is_right {
            self.count(Counter::UdpInCsumErrors);
            return error(self, DropReason::UdpCsum);
        }
        self.count(Counter::UdpNoPorts); // C-284
        self.icmp_send(packet, icmp::UNREACHABLE, icmp::PORT, [0; 4]);
        Err(DropReason::NoSocket)
    }
}
