//! Netfilter's five hooks, in their places. No ruleset is interpreted yet: each accepts.

use fingerpost_net::wire::{Header, Ipv4};

use super::{Packet, Stack};
use crate::trace::{Hook, Stage};

/// A packet that has passed POSTROUTING: nothing else leaves.
pub(super) struct Posted(Packet);

impl Posted {
    pub fn into_packet(self) -> Packet {
        self.0
    }
}

/// A packet that has passed a hook.
pub(super) struct Passed(Packet);

impl Passed {
    pub fn into_packet(self) -> Packet {
        self.0
    }
}

impl Stack<'_, '_> {
    /// PREROUTING, INPUT, FORWARD or OUTPUT; `None` where it was dropped.
    pub(super) fn hook(&mut self, hook: Hook, packet: Packet) -> Option<Passed> {
        self.stage(Stage::Hook { hook });
        Some(Passed(packet))
    }

    /// POSTROUTING.
    pub(super) fn postrouting(&mut self, packet: Packet) -> Option<Posted> {
        debug_assert!(Ipv4::read(&packet.bytes).is_some(), "only packets with a header leave");
        self.stage(Stage::Hook { hook: Hook::Postrouting });
        Some(Posted(packet))
    }
}
