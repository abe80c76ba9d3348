//! Local delivery of IPv6 (`ip6_input`): header after header, then the protocol.

use fingerpost_net::wire::{icmp6, next, proto};

use super::super::{Outcome, Packet, Stack};
use super::headers::Passed;
use super::udp::{UDP6, UDPLITE6};
use crate::counters::Counter;
use crate::lookup::DropReason;
use crate::trace::{Hook, Stage};

impl Stack<'_, '_> {
    /// `ip6_input`.
    pub(super) fn deliver6(&mut self, packet: Box<Packet>) {
        self.stage(Stage::Deliver);
        let Some(passed) = self.hook(Hook::Input, packet) else { return };
        let mut packet = passed.into_packet();
        if let Some(outcome) = self.hand_on(&mut packet) {
            self.end(&packet, outcome);
        }
    }

    /// `ip6_protocol_deliver_rcu`; `None` if it went on elsewhere.
    fn hand_on(&mut self, packet: &mut Packet) -> Option<Outcome> {
        loop {
            let Some(&number) = packet.bytes.get(packet.six.next_at) else {
                return Some(Outcome::Dropped(DropReason::NotSpecified));
            };
            if packet.six.at > packet.bytes.len() {
                self.count(Counter::Ip6InDiscards);
                return Some(Outcome::Dropped(DropReason::NotSpecified));
            }
            let passed = match number {
                next::DESTINATION => self.destination_options(packet).map(|()| Passed::Read),
                next::ROUTING => self.routing_header(packet),
                next::FRAGMENT => self.reassemble6(packet).map(|()| Passed::Read),
                _ => break Some(self.hand_over6(packet, number)),
            };
            match passed {
                Ok(Passed::Read) => {}
                Ok(Passed::Elsewhere) => return None,
                Err(outcome) => return Some(outcome),
            }
        }
    }

    fn hand_over6(&mut self, packet: &Packet, number: u8) -> Outcome {
        let is_raw = self.deliver_raw(packet, number);
        let taken = match number {
            next::ICMPV6 => self.icmp6_receive(packet),
            proto::UDP => self.udp6_receive(packet, &UDP6),
            proto::UDPLITE if self.env.behaviour.udp_lite => self.udp6_receive(packet, &UDPLITE6),
            // For whoever routes multicast: nobody.
            proto::PIM => Outcome::Dropped(DropReason::NotSpecified),
            proto::TCP => self.tcp6_receive(packet),
            next::NONE => Outcome::Dropped(DropReason::NotSpecified),
            _ => {
                if let Some(name) = self.of_module(number, true) {
                    return Outcome::Unknown(name);
                }
                if is_raw {
                    self.count(Counter::Ip6InDelivers);
                    return Outcome::Delivered;
                }
                // C-315, T-60
                self.count(Counter::Ip6InUnknownProtos);
                let place = packet.six.next_at as u32;
                self.icmp6_send(packet, icmp6::PARAMETER, icmp6::NEXT_HEADER, place);
                return Outcome::Dropped(DropReason::IpNoProto);
            }
        };
        self.count(Counter::Ip6InDelivers);
        taken
    }
}
