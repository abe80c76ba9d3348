//! IGMP as far as a host needs it whose devices have joined no group by themselves but
//! that of all hosts, which is never reported (`igmp_rcv`).

use fingerpost_net::wire::{Ipv4, checksum};

use super::deliver::Taken;
use super::{Addressed, Packet, Stack};
use crate::lookup::DropReason;

/// A membership query.
const QUERY: u8 = 0x11;
/// Reports of versions 1 and 2.
const REPORT_1: u8 = 0x12;
const REPORT_2: u8 = 0x16;
/// The shortest message, and the shortest one of version 3.
const SHORTEST: usize = 8;
const SHORTEST_3: usize = 12;

impl Stack<'_, '_> {
    /// What becomes of a message; the name of what is not modelled, if it would be answered.
    pub(super) fn igmp_receive(&mut self, packet: &Packet, header: &Ipv4) -> Result<Taken, &'static str> {
        let dropped = Ok(Err(DropReason::NotSpecified));
        let message = &packet.bytes[header.header_len()..];
        let Some(ipv4) = self.config.links.ipv4(packet.iif) else { return dropped };
        if message.len() < SHORTEST || checksum(message) != 0 {
            return dropped;
        }
        if message[0] != QUERY {
            let is_report = matches!(message[0], REPORT_1 | REPORT_2);
            let is_heard = matches!(packet.addressed, Addressed::Multicast | Addressed::Broadcast);
            return if is_report && is_heard { Ok(Ok(())) } else { dropped };
        }
        if message.len() > SHORTEST && message.len() < SHORTEST_3 {
            return dropped;
        }
        if !ipv4.groups.is_empty() {
            return Err("reports of groups that were joined");
        }
        Ok(Ok(()))
    }
}
