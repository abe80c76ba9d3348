//! What a bridge looks for in multicast (`br_multicast_rcv`). While nobody asks who listens,
//! all multicast goes everywhere, whoever reported what; a question is reported as unknown.

use fingerpost_net::wire::{Ethernet, Header, Ipv4, Ipv6, checksum, ethertype, icmp6, next, proto};

use super::settings::Bridge;
use crate::lookup::DropReason;
use crate::path::Outcome;

/// `IGMP_HOST_MEMBERSHIP_QUERY`.
const IGMP_QUERY: u8 = 0x11;
/// The shortest message of IGMP, bytes.
const IGMP_LEN: usize = 8;
/// What is not known.
const QUESTION: Outcome = Outcome::Unknown("a bridge that was asked for multicast listeners");
/// What is not well formed is dropped.
const MALFORMED: Outcome = Outcome::Dropped(DropReason::NotSpecified);

/// Looks at a multicast frame; what becomes of it where it does not go everywhere.
pub(super) fn look(bridge: &Bridge, frame: &[u8], kind: u16) -> Result<(), Outcome> {
    let packet = &frame[Ethernet::LEN..];
    match kind {
        _ if !bridge.snoops => Ok(()),
        ethertype::IPV4 => look4(packet),
        ethertype::IPV6 => look6(packet),
        _ => Ok(()),
    }
}

/// `ip_mc_check_igmp`.
fn look4(packet: &[u8]) -> Result<(), Outcome> {
    let header = Ipv4::read(packet).ok_or(MALFORMED)?;
    let (len, total) = (header.header_len(), usize::from(header.total_len.get()));
    let is_header = header.version() == 4 && len >= Ipv4::LEN && packet.len() >= len;
    if !is_header || checksum(&packet[..len]) != 0 || packet.len() < total || total < len {
        return Err(MALFORMED);
    }
    if header.proto != proto::IGMP {
        return Ok(());
    }
    let message = &packet[len..total];
    if message.len() < IGMP_LEN || checksum(message) != 0 {
        return Err(MALFORMED);
    }
    if message[0] == IGMP_QUERY { Err(QUESTION) } else { Ok(()) }
}

/// `ipv6_mc_check_mld`.
fn look6(packet: &[u8]) -> Result<(), Outcome> {
    let header = Ipv6::read(packet).ok_or(MALFORMED)?;
    let payload = usize::from(header.payload_len.get());
    if header.version() != 6 || payload == 0 || packet.len() < Ipv6::LEN + payload {
        return Err(MALFORMED);
    }
    // Messages about listeners have a hop-by-hop option.
    if header.next != next::HOP {
        return Ok(());
    }
    let option = &packet[Ipv6::LEN..Ipv6::LEN + payload];
    let [following, units, ..] = option else { return Err(MALFORMED) };
    let message = option.get((usize::from(*units) + 1) * 8..).ok_or(MALFORMED)?;
    let is_question = *following == next::ICMPV6 && message.first() == Some(&icmp6::LISTENER_QUERY);
    if is_question { Err(QUESTION) } else { Ok(()) }
}
