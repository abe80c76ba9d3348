//! What a bridge looks for in multicast (`br_multicast_rcv`). While nobody asks who listens,
//! all multicast goes everywhere, whoever reported what; a question is reported as unknown.

use std::net::Ipv6Addr;

use fingerpost_net::wire::{
    Checksum, Ethernet, Header, Icmp, Ipv4, Ipv6, checksum, ethertype, icmp6, next, proto,
};

use super::settings::Bridge;
use crate::addrtype::AddrType;
use crate::lookup::DropReason;
use crate::path::Outcome;
use crate::path::six::skip;

/// `IGMP_HOST_MEMBERSHIP_QUERY`.
const IGMP_QUERY: u8 = 0x11;
/// The shortest message of IGMP, bytes.
const IGMP_LEN: usize = 8;
/// The shortest message about listeners, bytes, and the shortest question of version 2.
const MLD_LEN: usize = 24;
const QUERY_2_LEN: usize = 28;
/// A record of a report of version 2 without its sources, bytes.
const RECORD: usize = 20;
/// All nodes of a link.
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
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
    let packet = &packet[..Ipv6::LEN + payload];
    let behind = skip(packet, Ipv6::LEN, header.next).ok_or(MALFORMED)?;
    if behind.number != next::ICMPV6 {
        return Ok(());
    }
    let message = packet.get(behind.at..).ok_or(MALFORMED)?;
    let sum = Checksum::ZERO.pseudo6(header.source(), header.destination(), next::ICMPV6, message.len());
    if message.len() < Icmp::LEN || sum.bytes(message).finish() != 0 {
        return Err(MALFORMED);
    }
    // What is too short to name a group says nothing.
    match message[0] {
        _ if message.len() < MLD_LEN => Ok(()),
        icmp6::LISTENER_QUERY => match is_question(header, message) {
            true => Err(QUESTION),
            false => Err(MALFORMED),
        },
        icmp6::LISTENER_REPORT_2 if !has_records(message) => Err(MALFORMED),
        _ => Ok(()),
    }
}

/// `ipv6_mc_check_mld_query`.
fn is_question(header: &Ipv6, message: &[u8]) -> bool {
    let is_general = message[Icmp::LEN..MLD_LEN].iter().all(|&byte| byte == 0);
    AddrType::of(header.source()).any(AddrType::LINK_LOCAL)
        && (message.len() == MLD_LEN || message.len() >= QUERY_2_LEN)
        && (!is_general || header.destination() == ALL_NODES)
}

/// Whether a report has all the records that it announces (`br_ip6_multicast_mld2_report`).
fn has_records(message: &[u8]) -> bool {
    let (mut rest, records) = (&message[Icmp::LEN..], u16::from_be_bytes([message[6], message[7]]));
    (0..records).all(|_| {
        let sources = rest.get(2..4).map_or(0, |it| usize::from(u16::from_be_bytes([it[0], it[1]])));
        let len = RECORD + sources * 16;
        let has = rest.len() >= len;
        rest = rest.get(len..).unwrap_or_default();
        has
    })
}
