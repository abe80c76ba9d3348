//! IPv6's way: the same stages in files of the same names.
//!
//! Extension headers are gone through in `headers`; neighbour discovery is `ndisc` (what is
//! received), with `advert` (what routers advertise) and `detect` (whether another has an own
//! address), and `solicit` (what is sent); `listen` tells routers which groups are listened to.
//! What a packet is noted to be on its way is [`Noted`].

mod advert;
mod deliver;
mod detect;
mod forward;
mod headers;
mod icmp;
mod icmp_in;
mod learn;
mod listen;
mod ndisc;
mod output;
mod reassemble;
mod receive;
mod redirect;
mod segments;
mod solicit;
mod tcp;
mod udp;

pub(super) use headers::{dissect, skip};
pub use listen::{Listener, Listeners, Listening};
pub(super) use output::Made6;
pub use reassemble::Reassembly6;

use fingerpost_net::wire::{Header, Ipv6, OFFSET6};

use super::{Outcome, Packet, Stack};
use crate::config::{Config, LOOPBACK};
use crate::control::sysctl;
use crate::lookup::{Decision6, DropReason, table6};

/// What IPv6 notes of a packet (`struct inet6_skb_parm`).
#[derive(Clone, Copy, Debug, Default)]
pub struct Noted {
    /// The device that it really came in by, be it loopback; 0 if it was made here (`skb_iif`).
    entered: u32,
    /// Where the byte stands that names the next header.
    next_at: usize,
    /// Where the next header stands.
    pub(super) at: usize,
    /// Whether it was put together, or had a fragment header.
    was_fragment: bool,
    /// Whether it may leave in pieces (`ignore_df`).
    may_cut: bool,
    /// What its router alert says, if it has one.
    router_alert: Option<u16>,
}

impl Noted {
    /// The packet goes on as received by another device.
    pub(super) fn enter(&mut self, dev: u32) {
        self.entered = dev;
    }
}

/// Whether a packet is one of IPv6.
pub(super) fn is_six(packet: &Packet) -> bool {
    // A program may have written anything where the version belongs.
    packet.decision6.is_some()
        || packet.decision.is_none() && packet.bytes.first().is_some_and(|byte| byte >> 4 == 6)
}

/// The number of what stands behind the extension headers, and where; `None` where that is
/// in another fragment, or nowhere.
pub(super) fn payload(bytes: &[u8], first: u8) -> Option<(u8, usize)> {
    let behind = headers::skip(bytes, Ipv6::LEN, first)?;
    (behind.fragment & OFFSET6 == 0).then_some((behind.number, behind.at))
}

/// Stops a packet, with a reason.
fn dropped<T>(reason: DropReason) -> Result<T, Outcome> {
    Err(Outcome::Dropped(reason))
}

/// The device of the hop that a decision was made of: of an own address its owner's
/// (`rt6i_idev`).
fn hop_device(config: &Config, decision: &Decision6) -> u32 {
    let route = decision.found.route.get(config);
    let hop = route.and_then(|route| table6::hops(config, route).nth(decision.found.member));
    hop.map_or(decision.dev, |hop| hop.dev)
}

/// Whether the way was one of several.
fn is_multipath(config: &Config, decision: &Decision6) -> bool {
    decision.found.route.is_one_of_several(config)
}

impl Stack<'_, '_> {
    /// A setting of `net.ipv6` that is not per device, as a number.
    pub(super) fn setting6(&self, name: &str) -> i64 {
        sysctl::number6_of(self.config, name)
    }

    /// The device that a received packet counts as received by: of one that loopback or a
    /// VRF's device has the owner of its destination (`icmp6_dev`).
    pub(super) fn receiving_device(&self, packet: &Packet) -> u32 {
        match &packet.decision6 {
            Some(decision) if packet.dev == LOOPBACK || self.is_vrf(packet.dev) => {
                hop_device(self.config, decision)
            }
            _ => packet.dev,
        }
    }

    /// The mark of an answer (`IP6_REPLY_MARK`).
    pub(super) fn reply_mark6(&self, packet: &Packet) -> u32 {
        if self.setting6("fwmark_reflect") != 0 { packet.mark } else { 0 }
    }
}
