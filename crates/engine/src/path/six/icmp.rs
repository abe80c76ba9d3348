//! Sending ICMPv6: errors about packets (`icmp6_send`) and echo replies (`icmpv6_echo_reply`).

use std::net::Ipv6Addr;

use fingerpost_net::wire::{Checksum, Fragment6, Header, Icmp, Ipv6, icmp6, next};
use zerocopy::IntoBytes;

use super::super::waiting::{Cut, MESSAGES_ROOM, Owner};
use super::super::{Addressed, Outcome, Packet, Stack};
use super::output::Made6;
use super::{headers, is_multipath};
use crate::addrtype::AddrType;
use crate::config::{LOOPBACK, RtFlags};
use crate::counters::{Counter, Messages};
use crate::lookup::{Decision6, DropReason, Flow6, icmp6 as answers, output6, source6};
use crate::trace::{Stage, Tracer};

/// The bit of `flowlabel_reflect` that echo replies follow.
const REFLECT_ECHO: i64 = 4;

/// A message to send.
struct Message {
    kind: u8,
    code: u8,
    rest: [u8; 4],
    traffic_class: u8,
}

impl Stack<'_, '_> {
    /// An error about a packet goes to its sender, unless it may not (T-52, T-53).
    /// `info` is its pointer or MTU.
    pub(in crate::path) fn icmp6_send(&mut self, about: &Packet, kind: u8, code: u8, info: u32) {
        let Some(&header) = Ipv6::read(&about.bytes) else { return };
        let (src, dst) = (header.source(), header.destination());
        let mut own = answers::own_destination(self.config, dst, about.dev);
        if dst.is_multicast() || about.addressed != Addressed::Host {
            let option = about.bytes.get(info as usize);
            let is_option = kind == icmp6::PARAMETER && code == icmp6::OPTION;
            let is_told = is_option && option.is_none_or(|option| option & 0xc0 == 0x80);
            if kind != icmp6::TOO_BIG && !is_told {
                return;
            }
            own = None;
        }
        if src.is_unspecified() || src.is_multicast() || is_of_error(&about.bytes, &header) {
            return;
        }
        let is_limited = answers::is_limited(self.config, kind) && about.dev != LOOPBACK;
        if is_limited && !self.may_send_at_all() {
            return;
        }
        if self.sends_icmp6 {
            return;
        }
        self.stage(Stage::IcmpSend { kind, code });
        let (config, env) = (&*self.config, self.env);
        let bare = Flow6 { proto: next::ICMPV6, ..Flow6::to(src) };
        let mut resolve = |mut flow: Flow6, tracer: &mut Tracer<'_>| {
            output6::resolve(config, self.state, env, &mut flow, tracer).ok()
        };
        // Where the way back prefers a source, that is chosen once it is found.
        let prefers = own.is_none()
            && resolve(bare.clone(), &mut Tracer::off())
                .is_some_and(|back| answers::has_preferred(config, &back));
        let source = own.or_else(|| match prefers || about.iif == 0 {
            true => None,
            false => source6::select(config, about.iif, src, self.tracer),
        });
        let oif = if needs_scope(src) { self.receiving_device(about) } else { self.vrf_of(about.dev) };
        let hashed = headers::hashed(self.config, &about.bytes, &header);
        let mut flow = Flow6 {
            src: source.unwrap_or(Ipv6Addr::UNSPECIFIED),
            oif,
            mark: self.reply_mark6(about),
            dport: u16::from_be_bytes([kind, code]),
            hashed: Some(hashed),
            ..bare
        };
        if is_limited {
            let (state, mut flow) = (&mut *self.state, flow.clone());
            let back = output6::resolve(self.config, state, env, &mut flow, self.tracer);
            if !self.may_send_six(src, back.ok()) {
                return;
            }
        }
        let Some(back) = self.way_of(&mut flow) else { return };
        if answers::is_anycast(self.config, &back) && !answers::counts_as_unicast(self.config) {
            return;
        }
        if is_multipath(self.config, &back)
            && let Some(unknown) = self.unknown_way_back(about)
        {
            return self.end(&Packet::bare(0), Outcome::Unknown(unknown));
        }
        self.look_for_policy(about, &header);
        let quoted = &about.bytes[..about.bytes.len().min(answers::QUOTED as usize)];
        let message = Message { kind, code, rest: info.to_be_bytes(), traffic_class: 0 };
        self.send_message6(message, quoted, back, &flow);
    }

    /// What keeps the leg by which an error goes from being known: it is that of the packet
    /// that it is about. What a socket sent may have a hash of the socket's.
    fn unknown_way_back(&self, about: &Packet) -> Option<&'static str> {
        self.unknown_seed().or_else(|| about.sender.is_some().then_some("the leg of an ICMPv6 error"))
    }

    /// The way back is looked for once more, as the packet's own turned round, in case a
    /// transform is for it (`icmpv6_route_lookup`). There are none, but not to find one counts.
    fn look_for_policy(&mut self, about: &Packet, header: &Ipv6) {
        let (proto, sport, dport) = headers::dissect(&about.bytes, header.next);
        let mut turned = Flow6 {
            src: header.destination(),
            oif: about.six.entered,
            mark: about.mark,
            proto,
            sport: dport,
            dport: sport,
            ..Flow6::to(header.source())
        };
        let _ = self.way_of(&mut turned);
    }

    /// Whether a limited message may go to a peer (`icmpv6_xrlim_allow`, T-53).
    fn may_send_six(&mut self, peer: Ipv6Addr, back: Option<Decision6>) -> bool {
        let interval = self.setting6("icmp/ratelimit").max(0) as u64;
        let allowed = match back {
            None => {
                self.count(Counter::Ip6OutNoRoutes);
                false
            }
            Some(back) if self.config.links.get(back.dev).is_some_and(|link| link.is_loopback()) => true,
            Some(_) if interval == 0 && self.env.behaviour.no_limit_keeps_tokens => true,
            // Without a limit what the peer was owed is forgotten all the same.
            Some(_) => self.allows_six(peer, interval),
        };
        match allowed {
            true => self.spend_message(),
            false => self.count(Counter::Icmp6OutRateLimitHost),
        }
        allowed
    }

    /// Answers an echo request, plain (T-70) or extended (RFC 8335): `icmpv6_echo_reply`.
    pub(super) fn echo_reply6(&mut self, request: &Packet, head: &Icmp, data: &[u8]) -> Outcome {
        let unanswered = Outcome::Dropped(DropReason::NotSpecified);
        let is_extended = head.kind == icmp6::EXTENDED_ECHO;
        if is_extended && self.setting("icmp_echo_enable_probe") == 0 {
            return unanswered;
        }
        let (Some(&header), Some(decision)) = (Ipv6::read(&request.bytes), &request.decision6) else {
            return unanswered;
        };
        let (src, dst) = (header.source(), header.destination());
        if dst.is_multicast() && self.setting6("icmp/echo_ignore_multicast") != 0 {
            return unanswered;
        }
        let is_anycast = answers::is_anycast(self.config, decision);
        if is_anycast && self.setting6("icmp/echo_ignore_anycast") != 0 {
            return unanswered;
        }
        let from_destination =
            decision.flags.any(RtFlags::LOCAL) || is_anycast && self.setting6("anycast_src_echo_reply") != 0;
        let reflects = self.setting6("flowlabel_reflect") & REFLECT_ECHO != 0;
        let kind = if is_extended { icmp6::EXTENDED_ECHO_REPLY } else { icmp6::ECHO_REPLY };
        let mut flow = Flow6 {
            src: if from_destination { dst } else { Ipv6Addr::UNSPECIFIED },
            oif: if src.is_loopback() { request.dev } else { self.receiving_device(request) },
            mark: self.reply_mark6(request),
            flowlabel: if reflects { header.flow_label() } else { 0 },
            proto: next::ICMPV6,
            dport: u16::from_be_bytes([kind, 0]),
            ..Flow6::to(src)
        };
        let Some(back) = self.way_of(&mut flow) else { return unanswered };
        // Both kinds are limited as the plain one.
        let is_limited = answers::is_limited(self.config, icmp6::ECHO_REPLY) && request.dev != LOOPBACK;
        if is_limited && (!self.may_send_at_all() || !self.may_send_six(src, Some(back.clone()))) {
            return unanswered;
        }
        let (code, rest) = match is_extended {
            false => (head.code, head.rest),
            true => match self.probed(head.code, head.rest, data) {
                Some(probed) => (probed.code, probed.rest),
                None => return unanswered,
            },
        };
        self.stage(Stage::IcmpSend { kind, code });
        let message = Message { kind, code, rest, traffic_class: header.traffic_class() };
        self.send_message6(message, data, back, &flow);
        Outcome::Delivered
    }

    /// `icmpv6_push_pending_frames`.
    fn send_message6(&mut self, message: Message, data: &[u8], way: Decision6, flow: &Flow6) {
        let Message { kind, code, rest, traffic_class } = message;
        if Icmp::LEN + data.len() > usize::from(u16::MAX) {
            return self.end(&Packet::bare(0), Outcome::Unknown("answers to jumbo payloads"));
        }
        if (way.mtu as usize) < Ipv6::LEN + Icmp::LEN {
            return self.count(Counter::Icmp6OutErrors);
        }
        let header = Ipv6::LEN + Fragment6::LEN;
        let cut = Cut { payload: Icmp::LEN + data.len(), header, mtu: way.mtu as usize };
        if !self.has_memory(Owner::Messages6, MESSAGES_ROOM, cut) {
            self.count(Counter::Icmp6OutErrors);
            self.count(Counter::Ip6OutDiscards);
            return;
        }
        let header = Icmp { kind, code, checksum: 0.into(), rest };
        let bytes = with_checksum([header.as_bytes(), data].concat(), flow.src, flow.dst);
        self.count_message6(kind);
        let made = Made6 {
            next: next::ICMPV6,
            traffic_class,
            flow_label: flow.flowlabel,
            mark: flow.mark,
            may_cut: true,
            hop_limit: None,
            sender: None,
            owner: Owner::Messages6,
        };
        self.sends_icmp6 = true;
        let _ = self.send_made6(made, way, flow.src, flow.dst, &bytes);
        self.sends_icmp6 = false;
    }

    /// Counts a message that is sent.
    pub(in crate::path) fn count_message6(&mut self, kind: u8) {
        self.count(Counter::Icmp6OutMsgs);
        self.state.counters.message(Messages::Out6, kind);
        if let Some((_, counter)) = counters_of(kind) {
            self.count(counter);
        }
    }
}

/// A message with its checksum.
pub(super) fn with_checksum(mut message: Vec<u8>, src: Ipv6Addr, dst: Ipv6Addr) -> Vec<u8> {
    let sum = Checksum::ZERO.pseudo6(src, dst, next::ICMPV6, message.len()).bytes(&message).finish();
    if let Some(field) = message.get_mut(2..4) {
        field.copy_from_slice(&sum.to_be_bytes());
    }
    message
}

/// Whether an address says nothing without its device (`__ipv6_addr_needs_scope_id`).
fn needs_scope(addr: Ipv6Addr) -> bool {
    let kind = AddrType::of(addr);
    kind.any(AddrType::LINK_LOCAL)
        || kind.is_multicast() && kind.any(AddrType::LOOPBACK | AddrType::LINK_LOCAL)
}

/// Whether a packet is an ICMPv6 error, or one cut off before that could be told
/// (`is_ineligible`).
fn is_of_error(bytes: &[u8], header: &Ipv6) -> bool {
    let Some(behind) = headers::skip(bytes, Ipv6::LEN, header.next) else { return false };
    if behind.number != next::ICMPV6 {
        return false;
    }
    match bytes.get(behind.at) {
        None => behind.fragment == 0,
        Some(kind) => *kind < icmp6::INFORMATIONAL,
    }
}

/// The counters of messages of a type: received, sent.
pub(super) fn counters_of(kind: u8) -> Option<(Counter, Counter)> {
    use Counter::*;
    Some(match kind {
        1 => (Icmp6InDestUnreachs, Icmp6OutDestUnreachs),
        2 => (Icmp6InPktTooBigs, Icmp6OutPktTooBigs),
        3 => (Icmp6InTimeExcds, Icmp6OutTimeExcds),
        4 => (Icmp6InParmProblems, Icmp6OutParmProblems),
        128 => (Icmp6InEchos, Icmp6OutEchos),
        129 => (Icmp6InEchoReplies, Icmp6OutEchoReplies),
        130 => (Icmp6InGroupMembQueries, Icmp6OutGroupMembQueries),
        131 => (Icmp6InGroupMembResponses, Icmp6OutGroupMembResponses),
        132 => (Icmp6InGroupMembReductions, Icmp6OutGroupMembReductions),
        133 => (Icmp6InRouterSolicits, Icmp6OutRouterSolicits),
        134 => (Icmp6InRouterAdvertisements, Icmp6OutRouterAdvertisements),
        135 => (Icmp6InNeighborSolicits, Icmp6OutNeighborSolicits),
        136 => (Icmp6InNeighborAdvertisements, Icmp6OutNeighborAdvertisements),
        137 => (Icmp6InRedirects, Icmp6OutRedirects),
        143 => (Icmp6InMLDv2Reports, Icmp6OutMLDv2Reports),
        _ => return None,
    })
}
