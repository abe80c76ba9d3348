//! IGMP as far as a host needs it whose devices have joined no group by themselves but
//! that of all hosts, which is never reported (`igmp_rcv`).

use fingerpost_net::wire::{Ipv4, checksum};

use super::deliver::Taken;
use super::{Packet, Stack};
use crate::lookup::DropReason;

/// A membership query.
const QUERY: u8 = 0x11;
/// The shortest message, and the shortest one of version 3.
const SHORTEST: usize = 8;
const SHORTEST_3: usize = 12;

impl Stack<'_, '_> {
    /// What becomes of a message; the name of what is not modelled, if it would be answered.
    pub(super) fn igmp_receive(&mut self, packet: &Packet, header: &Ipv4) -> Result<Taken, &'static str> {
        let dropped = Ok(Err(DropReason::NotSpecified));
        let message = &packet.bytes[header.header_len()..];
        let Some(ipv4) = self.config.links.ipv4(packet.dev) else { return dropped };
        if message.len() < SHORTEST || checksum(message) != 0 {
            return dropped;
        }
        if message[0] != QUERY {
            return Ok(Ok(()));
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
