//! Sending ICMP: errors about packets (`__icmp_send`) and replies (`icmp_reply`),
//! packet-path section 9.

use std::net::Ipv4Addr;

use fingerpost_model::{RouteFlags, Scope};
use fingerpost_net::wire::{Header, Icmp, Ipv4, checksum, icmp, proto};
use zerocopy::IntoBytes;

use super::output::Made;
use super::{Addressed, Packet, Stack};
use crate::counters::{Counter, Messages};
use crate::lookup::hash::Asker;
use crate::lookup::{Decision, Flow4, output4, source};
use crate::trace::Stage;

/// The most that an error takes (C-262).
const MOST: usize = 576;
/// The source where no address can be found (RFC 7600; `INADDR_DUMMY`).
const DUMMY: Ipv4Addr = Ipv4Addr::new(192, 0, 0, 8);

/// Whether messages of a type are errors (`icmp_pointers`), unknown types among them.
fn is_error(kind: u8) -> bool {
    !matches!(kind, 0 | 8 | 13..=18)
}

impl Stack<'_, '_> {
    /// The mark of an answer (C-260).
    pub(super) fn reply_mark(&self, packet: &Packet) -> u32 {
        if self.setting("fwmark_reflect") != 0 { packet.mark } else { 0 }
    }

    /// An error about a packet goes to its sender, unless it may not (C-257).
    pub(super) fn icmp_send(&mut self, about: &Packet, kind: u8, code: u8, rest: [u8; 4]) {
        let (Some(decision), Some(&header)) = (&about.decision, Ipv4::read(&about.bytes)) else { return };
        let to_many = RouteFlags::BROADCAST | RouteFlags::MULTICAST;
        if about.addressed != Addressed::Host || decision.flags.any(to_many) || header.offset() != 0 {
            return;
        }
        if header.proto == proto::ICMP && is_error(kind) {
            let quoted = about.bytes.get(header.header_len()).copied();
            if quoted.is_none_or(is_error) {
                return;
            }
        }
        let is_limited = self.is_limited(kind, code);
        let on_loopback = self.config.links.get(about.dev).is_some_and(|link| link.is_loopback());
        if is_limited && !on_loopback && !self.may_send_at_all() {
            return;
        }
        self.stage(Stage::IcmpSend { kind, code });
        let src = self.error_source(about, decision, &header);
        let tos = header.tos & 0x1e | 0xc0; // C-259
        let mut flow = Flow4 {
            src,
            mark: self.reply_mark(about),
            dscp: tos & 0xfc,
            proto: proto::ICMP,
            // The place of the ports (`fl4_icmp_type`, `fl4_icmp_code`).
            sport: u16::from_be_bytes([kind, code]),
            ..Flow4::to(header.source())
        };
        let asker = Asker::Packet;
        let resolved = output4::resolve(self.config, self.state, self.env, &mut flow, asker, self.tracer);
        let Ok(back) = resolved else { return };
        if is_limited && !on_loopback && !self.may_send_to(flow.dst, back.dev) {
            return;
        }
        let room = (back.mtu as usize).min(MOST).saturating_sub(Ipv4::LEN + Icmp::LEN);
        if room <= Ipv4::LEN {
            return;
        }
        let quoted = &about.bytes[..about.bytes.len().min(room)];
        let src = if flow.src.is_unspecified() { DUMMY } else { flow.src };
        self.send_message(Message { kind, counted_as: kind, code, rest }, quoted, tos, back, src, &flow);
    }

    /// Where an error comes from (C-258).
    fn error_source(&self, about: &Packet, decision: &Decision, header: &Ipv4) -> Ipv4Addr {
        if decision.flags.has(RouteFlags::LOCAL) {
            return header.destination();
        }
        if decision.is_input && self.setting("icmp_errors_use_inbound_ifaddr") != 0 {
            return source::select_addr(self.config, about.iif, header.source(), Scope::LINK).0;
        }
        Ipv4Addr::UNSPECIFIED
    }

    /// A reply to a message that was received (`icmp_reply`).
    pub(super) fn icmp_reply(&mut self, to: &Packet, header: &Ipv4, kind: u8, rest: [u8; 4], data: &[u8]) {
        let Some(decision) = &to.decision else { return };
        let is_limited = self.is_limited(kind, 0);
        let on_loopback = self.config.links.get(to.dev).is_some_and(|link| link.is_loopback());
        if is_limited && !on_loopback && !self.may_send_at_all() {
            return;
        }
        let to_many = RouteFlags::BROADCAST | RouteFlags::MULTICAST;
        let src = match decision.flags.has(RouteFlags::LOCAL) && !decision.flags.any(to_many) {
            true => header.destination(),
            false => self.specific_destination(to, header),
        };
        let mut flow = Flow4 {
            src,
            mark: self.reply_mark(to),
            dscp: header.tos & 0xfc,
            proto: proto::ICMP,
            ..Flow4::to(header.source())
        };
        let asker = Asker::Socket;
        let resolved = output4::resolve(self.config, self.state, self.env, &mut flow, asker, self.tracer);
        let Ok(back) = resolved else { return };
        if is_limited && !on_loopback && !self.may_send_to(flow.dst, back.dev) {
            return;
        }
        self.stage(Stage::IcmpSend { kind, code: 0 });
        // All replies count as echo replies (C-265).
        let message = Message { kind, counted_as: icmp::ECHO_REPLY, code: 0, rest };
        self.send_message(message, data, header.tos, back, flow.src, &flow);
    }

    /// `icmp_push_reply`.
    fn send_message(
        &mut self,
        message: Message,
        data: &[u8],
        tos: u8,
        decision: Decision,
        src: Ipv4Addr,
        flow: &Flow4,
    ) {
        let Message { kind, counted_as, code, rest } = message;
        let header = Icmp { kind, code, checksum: 0.into(), rest };
        let mut bytes = Vec::with_capacity(Icmp::LEN + data.len());
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(data);
        let sum = checksum(&bytes);
        bytes[2..4].copy_from_slice(&sum.to_be_bytes());
        self.count(Counter::IcmpOutMsgs);
        self.state.counters.message(Messages::Out4, counted_as);
        if let Some(counter) = counter_of(counted_as) {
            self.count(counter);
        }
        let id = self.rng.next_u32() as u16;
        let made = Made { proto: proto::ICMP, tos, fragment: 0, id, mark: flow.mark };
        self.send_made(made, decision, src, flow.dst, &bytes);
    }
}

/// A message to send.
struct Message {
    kind: u8,
    counted_as: u8,
    code: u8,
    rest: [u8; 4],
}

/// The counter of sent messages of a type.
fn counter_of(kind: u8) -> Option<Counter> {
    Some(match kind {
        0 => Counter::IcmpOutEchoReps,
        3 => Counter::IcmpOutDestUnreachs,
        4 => Counter::IcmpOutSrcQuenchs,
        5 => Counter::IcmpOutRedirects,
        8 => Counter::IcmpOutEchos,
        11 => Counter::IcmpOutTimeExcds,
        12 => Counter::IcmpOutParmProbs,
        13 => Counter::IcmpOutTimestamps,
        14 => Counter::IcmpOutTimestampReps,
        17 => Counter::IcmpOutAddrMasks,
        18 => Counter::IcmpOutAddrMaskReps,
        _ => return None,
    })
}
