//! Receiving ICMPv6 (`icmpv6_rcv`).

use fingerpost_net::wire::{Checksum, Header, Icmp, Ipv6, icmp6, nd, next, proto};

use super::super::{Outcome, Packet, Stack};
use super::headers;
use super::icmp::counters_of;
use crate::counters::{Counter, Messages};
use crate::lookup::DropReason;

impl Stack<'_, '_> {
    pub(super) fn icmp6_receive(&mut self, packet: &Packet) -> Outcome {
        let message = &packet.bytes[packet.six.at..];
        self.count(Counter::Icmp6InMsgs);
        let Some(&header) = Ipv6::read(&packet.bytes) else {
            return Outcome::Dropped(DropReason::IpInHdr);
        };
        let (src, dst) = (header.source(), header.destination());
        let sum = Checksum::ZERO.pseudo6(src, dst, next::ICMPV6, message.len()).bytes(message);
        if sum.finish() != 0 {
            self.count(Counter::Icmp6InCsumErrors);
            return self.icmp6_error(DropReason::IcmpCsum);
        }
        let Some(&head) = Icmp::read(message) else { return self.icmp6_error(DropReason::NotSpecified) };
        let data = &message[Icmp::LEN..];
        self.state.counters.message(Messages::In6, head.kind);
        if let Some((counter, _)) = counters_of(head.kind) {
            self.count(counter);
        }
        let ignored = Outcome::Dropped(DropReason::NotSpecified);
        match head.kind {
            icmp6::ECHO if self.setting6("icmp/echo_ignore_all") == 0 => {
                self.echo_reply6(packet, &head, data)
            }
            icmp6::EXTENDED_ECHO
                if self.setting6("icmp/echo_ignore_all") == 0
                    && self.setting("icmp_echo_enable_probe") != 0 =>
            {
                Outcome::Unknown("extended echo requests")
            }
            icmp6::ECHO_REPLY | icmp6::EXTENDED_ECHO_REPLY => Outcome::Dropped(DropReason::NoSocket),
            icmp6::TOO_BIG if data.len() < Ipv6::LEN => self.icmp6_error(DropReason::NotSpecified),
            nd::ROUTER_SOLICIT..=nd::REDIRECT => self.nd_receive(packet, message),
            icmp6::LISTENER_QUERY => self.listeners_asked(packet, message),
            icmp6::LISTENER_REPORT => self.listener_reported(packet, message),
            icmp6::INFORMATIONAL.. => ignored,
            _ => self.hand_error_over(packet, &head, data),
        }
    }

    fn icmp6_error(&mut self, reason: DropReason) -> Outcome {
        self.count(Counter::Icmp6InErrors);
        Outcome::Dropped(reason)
    }

    /// The protocol of the quoted packet gets an error: no socket is found (`icmpv6_notify`).
    pub(super) fn hand_error_over(&mut self, packet: &Packet, head: &Icmp, quoted: &[u8]) -> Outcome {
        let Some(header) = Ipv6::read(quoted) else { return self.icmp6_error(DropReason::PktTooSmall) };
        let Some(behind) = headers::skip(quoted, Ipv6::LEN, header.next) else {
            return self.icmp6_error(DropReason::Ipv6BadExthdr);
        };
        if quoted.len() < behind.at + 8 {
            return self.icmp6_error(DropReason::PktTooSmall);
        }
        match behind.number {
            255 => return self.icmp6_error(DropReason::NotSpecified),
            proto::TCP | proto::UDP | proto::UDPLITE => self.count(Counter::Icmp6InErrors),
            next::ICMPV6 if head.kind == icmp6::TOO_BIG => {
                return self.learn_mtu6(packet, header, u32::from_be_bytes(head.rest));
            }
            next::ICMPV6 if head.kind == nd::REDIRECT => self.learn_redirect6(packet, Some(header)),
            4 | 41 | 47 | 50 | 51 | 115 | 132 => return Outcome::Unknown("errors about tunnels"),
            _ => {}
        }
        Outcome::Delivered
    }
}
