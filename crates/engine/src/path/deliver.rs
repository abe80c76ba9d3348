//! Local delivery of IPv4 (`ip_local_deliver`, packet-path section 2).

use fingerpost_net::wire::{Header, Ipv4, icmp, proto};

use super::udp::{UDP, UDPLITE};
use super::{Outcome, Packet, Stack};
use crate::counters::Counter;
use crate::lookup::DropReason;
use crate::trace::{Hook, Stage};

/// What a protocol makes of a packet.
pub(super) type Taken = Result<(), DropReason>;

impl Stack<'_, '_> {
    /// `ip_local_deliver`.
    pub(super) fn deliver(&mut self, mut packet: Box<Packet>) {
        self.stage(Stage::Deliver);
        if Ipv4::read(&packet.bytes).is_some_and(Ipv4::is_fragment) {
            // C-227
            match self.reassemble(packet) {
                Some(whole) => packet = whole,
                None => return,
            }
        }
        let Some(&header) = Ipv4::read(&packet.bytes) else {
            return self.drop(&packet, DropReason::IpInHdr);
        };
        let Some(passed) = self.hook(Hook::Input, packet) else { return };
        let packet = passed.into_packet();
        let is_raw = self.deliver_raw(&packet, header.proto);
        let taken = match header.proto {
            proto::ICMP => self.icmp_receive(&packet, &header),
            proto::UDP => self.udp_receive(&packet, &header, &UDP),
            proto::UDPLITE if self.env.behaviour.udp_lite => self.udp_receive(&packet, &header, &UDPLITE),
            proto::TCP => self.tcp_receive(&packet, &header),
            proto::IGMP => match self.igmp_receive(&packet, &header) {
                Ok(taken) => taken,
                Err(unknown) => return self.end(&packet, Outcome::Unknown(unknown)),
            },
            // For whoever routes multicast: nobody.
            proto::PIM => Err(DropReason::NotSpecified),
            number if let Some(name) = self.of_module(number, false) => {
                return self.end(&packet, Outcome::Unknown(name));
            }
            _ if is_raw => Ok(()),
            _ => {
                // C-226
                self.count(Counter::IpInUnknownProtos);
                self.icmp_send(&packet, icmp::UNREACHABLE, icmp::PROTOCOL, [0; 4]);
                return self.drop(&packet, DropReason::IpNoProto);
            }
        };
        self.count(Counter::IpInDelivers);
        match taken {
            Ok(()) => self.end(&packet, Outcome::Delivered),
            Err(reason) => self.drop(&packet, reason),
        }
    }
}
