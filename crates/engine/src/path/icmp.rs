//! Sending ICMP: errors about packets (`__icmp_send`) and replies (`icmp_reply`),
//! packet-path section 9.

use std::net::Ipv4Addr;

use fingerpost_model::{RouteFlags, Scope};
use fingerpost_net::wire::{Header, Icmp, Ipv4, checksum, icmp, proto};
use zerocopy::IntoBytes;

use super::options::Answer;
use super::output::{LEAST_MTU, Made};
use super::receive::ports;
use super::waiting::{Cut, MESSAGES_ROOM, Owner};
use super::{Addressed, Packet, Stack, dissect};
use crate::counters::{Counter, Messages};
use crate::lookup::hash::{Asker, Hashed};
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
        let Ok(options) = self.echo_options(about) else { return };
        let tos = header.tos & 0x1e | 0xc0; // C-259
        let mut flow = Flow4 {
            src,
            oif: self.vrf_of(about.dev),
            mark: self.reply_mark(about),
            dscp: tos & 0xfc,
            proto: proto::ICMP,
            // Type and code lie where the destination's port does (`flowi_uli`).
            dport: u16::from_be_bytes([kind, code]),
            ..Flow4::to(options.first_hop.unwrap_or(header.source()))
        };
        let (sport, dport) = ports(&about.bytes, &header);
        let asker = Asker::About(Hashed {
            src: header.source(),
            dst: header.destination(),
            proto: header.proto,
            sport,
            dport,
            quoted: None,
            inside: dissect::inside4(self.config, &about.bytes, &header),
        });
        let resolved = output4::resolve(self.config, self.state, self.env, &mut flow, asker, self.tracer);
        let Ok(back) = resolved else { return };
        if self.env.behaviour.icmp_errors_spare_many && back.flags.any(to_many) {
            return;
        }
        if is_limited && !on_loopback && !self.may_send_to(flow.dst, back.dev) {
            return;
        }
        let heads = Ipv4::LEN + options.data().len() + Icmp::LEN;
        let room = (back.mtu as usize).min(MOST).saturating_sub(heads);
        if room <= Ipv4::LEN {
            return;
        }
        let quoted = &about.bytes[..about.bytes.len().min(room)];
        let src = if flow.src.is_unspecified() { DUMMY } else { flow.src };
        let message = Message { kind, counted_as: kind, code, rest, tos, options };
        self.send_message(message, quoted, back, src, (header.source(), flow.mark));
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
    pub(super) fn icmp_reply(
        &mut self,
        to: &Packet,
        header: &Ipv4,
        (kind, code): (u8, u8),
        rest: [u8; 4],
        data: &[u8],
    ) {
        let Some(decision) = &to.decision else { return };
        let Ok(options) = self.echo_options(to) else { return };
        // Unlike errors, replies to oneself are counted in.
        let is_limited = self.is_limited(kind, 0);
        if is_limited && !self.may_send_at_all() {
            return;
        }
        let src = self.specific_destination(to, decision, header);
        let mut flow = Flow4 {
            src,
            oif: self.vrf_of(to.dev),
            mark: self.reply_mark(to),
            dscp: header.tos & 0xfc,
            proto: proto::ICMP,
            ..Flow4::to(options.first_hop.unwrap_or(header.source()))
        };
        let asker = Asker::Socket;
        let resolved = output4::resolve(self.config, self.state, self.env, &mut flow, asker, self.tracer);
        let Ok(back) = resolved else { return };
        if is_limited && !self.may_send_to(flow.dst, back.dev) {
            return;
        }
        self.stage(Stage::IcmpSend { kind, code });
        // All replies count as echo replies (C-265).
        let tos = header.tos;
        let message = Message { kind, counted_as: icmp::ECHO_REPLY, code, rest, tos, options };
        self.send_message(message, data, back, flow.src, (header.source(), flow.mark));
    }

    /// `icmp_push_reply`.
    fn send_message(
        &mut self,
        message: Message,
        data: &[u8],
        decision: Decision,
        src: Ipv4Addr,
        (dst, mark): (Ipv4Addr, u32),
    ) {
        let Message { kind, counted_as, code, rest, tos, options } = message;
        if decision.mtu < LEAST_MTU {
            return self.count(Counter::IcmpOutErrors);
        }
        let header = Ipv4::LEN + options.data().len();
        let cut = Cut { payload: Icmp::LEN + data.len(), header, mtu: decision.mtu as usize };
        if !self.has_memory(Owner::Messages, MESSAGES_ROOM, cut) {
            self.count(Counter::IcmpOutErrors);
            self.count(Counter::IpOutDiscards);
            return;
        }
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
        let made = Made {
            proto: proto::ICMP,
            tos,
            fragment: 0,
            id,
            mark,
            options,
            ttl: None,
            sender: None,
            owner: Owner::Messages,
        };
        let _ = self.send_made(made, decision, src, dst, &bytes);
    }
}

/// A message to send.
struct Message {
    kind: u8,
    counted_as: u8,
    code: u8,
    rest: [u8; 4],
    tos: u8,
    options: Answer,
}

/// The counter of sent messages of a type.
pub(super) fn counter_of(kind: u8) -> Option<Counter> {
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
