//! Segment routing: a host that is one of the segments sends a packet on to the next
//! (`ipv6_srh_rcv`, RFC 8754), unless it has to be signed, and is not with a key that the host
//! has (`seg6_hmac_validate_skb`).

use fingerpost_net::wire::{Header, Ipv6, icmp6};

use super::super::{Outcome, Packet, Stack};
use super::dropped;
use super::headers::Passed;
use super::is_six;
use crate::config::LOOPBACK;
use crate::counters::Counter;
use crate::lookup::{DropReason, Input};

/// Where in the header stands how many segments are left, the last one's number, and flags.
const LEFT_AT: usize = 3;
const LAST_AT: usize = 4;
const FLAGS_AT: usize = 5;
/// The header without its segments, bytes.
const FIXED: usize = 8;
/// A segment.
const SEGMENT: usize = 16;
/// The flag of a header that is signed, and what the signature takes, in units of eight bytes.
const SIGNED: u8 = 8;
const SIGNATURE: usize = 5;
/// The same, bytes.
const SIGNATURE_LEN: usize = SIGNATURE * 8;
/// A signature's kind and length.
const SIGNATURE_HEAD: [u8; 2] = [5, 38];
const IPV4: u8 = 4;
const IPV6: u8 = 41;

impl Stack<'_, '_> {
    /// The header of a packet for this host, of `len` bytes.
    pub(super) fn segment_routing(&mut self, packet: &mut Packet, len: usize) -> Result<Passed, Outcome> {
        let at = packet.six.at;
        let (units, header) = (len / 8 - 1, &packet.bytes[at..at + len]);
        let required = self.config.links.ipv6(packet.dev).map_or(0, |ipv6| ipv6.conf.seg6_require_hmac);
        if required >= 0 {
            match is_signed(header, units) {
                // Keys are in nothing that is captured; a host that a script makes has none.
                true if self.config.may_have_modules => {
                    return Err(Outcome::Unknown("signed segment routing"));
                }
                true => return dropped(DropReason::NotSpecified),
                false if required > 0 => return dropped(DropReason::NotSpecified),
                false => {}
            }
        }
        loop {
            let left = usize::from(packet.bytes[at + LEFT_AT]);
            if left == 0 {
                if matches!(packet.bytes[at], IPV4 | IPV6) {
                    self.unpack(packet, at, len);
                    return Ok(Passed::Elsewhere);
                }
                packet.six.next_at = at;
                packet.six.at = at + len;
                return Ok(Passed::Read);
            }
            if left >= units / 2 {
                self.count(Counter::Ip6InHdrErrors);
                self.icmp6_send(packet, icmp6::PARAMETER, icmp6::FIELD, (at + LEFT_AT) as u32);
                return dropped(DropReason::NotSpecified);
            }
            packet.bytes[at + LEFT_AT] = (left - 1) as u8;
            let segment = at + FIXED + (left - 1) * SEGMENT;
            let next: Option<[u8; SEGMENT]> =
                packet.bytes.get(segment..).and_then(|it| it.first_chunk().copied());
            let (Some(next), Some(header)) = (next, Ipv6::edit(&mut packet.bytes)) else {
                return dropped(DropReason::NotSpecified);
            };
            header.dst = next;
            packet.decision6 = None;
            let Some(mut routed) = self.route_input6(Box::new(packet.clone())) else {
                return Ok(Passed::Elsewhere);
            };
            let is_own = |decision: &crate::lookup::Decision6| {
                decision.dev == LOOPBACK && matches!(decision.input, Input::LocalDeliver)
            };
            if !routed.decision6.as_ref().is_some_and(is_own) {
                // Linux cuts the packet's beginning off then, and sends what was a datagram in
                // pieces in such again.
                if at != Ipv6::LEN {
                    return Err(Outcome::Unknown("segment routing behind other headers"));
                }
                if packet.six.was_fragment {
                    return Err(Outcome::Unknown("segment routing of fragments"));
                }
                self.dispatch_input6(routed);
                return Ok(Passed::Elsewhere);
            }
            // The next segment is this host again.
            let hops = Ipv6::edit(&mut routed.bytes).map(|header| &mut header.hop_limit);
            match hops {
                Some(hops) if *hops > 1 => *hops -= 1,
                _ => {
                    self.count(Counter::Ip6InHdrErrors);
                    self.icmp6_send(&routed, icmp6::TIME_EXCEEDED, icmp6::HOP_LIMIT, 0);
                    *packet = *routed;
                    return dropped(DropReason::NotSpecified);
                }
            }
            *packet = *routed;
        }
    }
}

impl Stack<'_, '_> {
    /// Behind the last segment another packet begins, which is received by the same device.
    fn unpack(&mut self, packet: &mut Packet, at: usize, len: usize) {
        let is_four = packet.bytes[at] == IPV4;
        let inner = Box::new(Packet {
            link_header: packet.link_header,
            iif: packet.dev,
            mark: packet.mark,
            is_subject: packet.is_subject,
            number: packet.number,
            ..Packet::at(packet.dev, packet.bytes.split_off(at + len))
        });
        match (is_four, is_six(&inner)) {
            (true, true) => self.ip_receive(inner),
            (false, false) => self.ip6_receive(inner),
            // What is inside may hold another.
            _ => self.backlog.push_back(inner),
        }
    }
}

/// Whether a header has a signature (`seg6_get_tlv_hmac`).
fn is_signed(header: &[u8], units: usize) -> bool {
    let segments = usize::from(header[LAST_AT]) + 1;
    let has_room = units >= segments * 2 + SIGNATURE;
    // Linux looks at the end of the header.
    let signature = header.len().checked_sub(SIGNATURE_LEN).map_or(&[][..], |at| &header[at..]);
    has_room && header[FLAGS_AT] & SIGNED != 0 && signature.starts_with(&SIGNATURE_HEAD)
}
