//! Extension headers (`net/ipv6/exthdrs.c`; T-57, T-60, T-61).

use fingerpost_net::wire::{Fragment6, Header, Icmp, Ipv6, OFFSET6, icmp6, next};

use super::super::dissect::inside6;
use super::super::receive::ports_of;
use super::super::{Addressed, Outcome, Packet, Stack};
use super::dropped;
use crate::config::Config;
use crate::counters::Counter;
use crate::lookup::DropReason;
use crate::lookup::hash6::{Hashed6, Header6};

/// Options: a single byte of padding.
const PAD1: u8 = 0;
/// Several.
const PADN: u8 = 1;
/// Routers are to look at the packet.
const ROUTER_ALERT: u8 = 5;
/// A security label (RFC 5570).
const CALIPSO: u8 = 7;
/// In-situ measurement (RFC 9486).
const IOAM: u8 = 0x31;
/// The length of a long payload (RFC 2675).
const JUMBO: u8 = 0xc2;
/// Bytes of padding in a row at most.
const MOST_PADDING: usize = 7;

/// Which header options stand in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    HopByHop,
    Destination,
}

/// Whether a number is that of an extension header (`ipv6_ext_hdr`).
pub(super) fn is_extension(number: u8) -> bool {
    matches!(number, next::HOP | next::ROUTING | next::FRAGMENT | next::AUTH | next::NONE | next::DESTINATION)
}

/// What became of a packet at a header of its.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Passed {
    /// What follows is looked at.
    Read,
    /// It went on elsewhere, and its way is over.
    Elsewhere,
}

/// What stands behind the extension headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::path) struct Behind {
    /// Its number; that of a fragment header where the rest is in another fragment.
    pub number: u8,
    /// Where it stands.
    pub at: usize,
    /// The word of the last fragment header, 0 without one.
    pub fragment: u16,
}

/// Skips extension headers from `at` on, where one of `number` stands
/// (`ipv6_skip_exthdr`); `None` where they do not end.
pub(in crate::path) fn skip(bytes: &[u8], mut at: usize, mut number: u8) -> Option<Behind> {
    let mut fragment = 0;
    while is_extension(number) {
        if number == next::NONE {
            return None;
        }
        let &[following, len, ..] = bytes.get(at..).filter(|rest| rest.len() >= 2)? else { return None };
        let len = usize::from(len);
        at += match number {
            next::FRAGMENT => {
                let word = bytes.get(at + 2..at + 4)?;
                fragment = u16::from_be_bytes([word[0], word[1]]);
                if fragment & OFFSET6 != 0 {
                    break;
                }
                Fragment6::LEN
            }
            next::AUTH => (len + 2) * 4,
            _ => (len + 1) * 8,
        };
        number = following;
    }
    Some(Behind { number, at, fragment })
}

/// Protocol and ports as rules and hashes see them (`skb_flow_dissect`, T-57): a
/// fragment, be it the only one, has no ports.
pub(in crate::path) fn dissect(bytes: &[u8], first: u8) -> (u8, u16, u16) {
    let (mut number, mut at) = (first, Ipv6::LEN);
    loop {
        let Some(rest) = bytes.get(at..) else { return (number, 0, 0) };
        match (number, rest) {
            (next::HOP | next::ROUTING | next::DESTINATION, [following, len, ..]) => {
                at += (usize::from(*len) + 1) * 8;
                number = *following;
            }
            (next::FRAGMENT, [following, ..]) if rest.len() >= Fragment6::LEN => return (*following, 0, 0),
            _ => {
                let (sport, dport) = ports_of(number, rest).unwrap_or_default();
                return (number, sport, dport);
            }
        }
    }
}

/// What the multipath hash takes of a packet (`rt6_multipath_hash`, T-59).
pub(super) fn hashed(config: &Config, bytes: &[u8], header: &Ipv6) -> Hashed6 {
    let of_header = |header: &Ipv6| Header6 {
        src: header.source(),
        dst: header.destination(),
        label: header.flow_label(),
        next: header.next,
    };
    let (proto, sport, dport) = dissect(bytes, header.next);
    let is_error = header.next == next::ICMPV6
        && bytes.len() >= Ipv6::LEN + Icmp::LEN
        && matches!(bytes[Ipv6::LEN], icmp6::UNREACHABLE..=icmp6::PARAMETER);
    let quoted = bytes.get(Ipv6::LEN + Icmp::LEN..).and_then(Ipv6::read).filter(|_| is_error);
    Hashed6 {
        header: of_header(header),
        proto,
        sport,
        dport,
        quoted: quoted.map(of_header),
        for_rules: false,
        inside: inside6(config, bytes, proto),
    }
}

/// Whether an option of measurement is well-formed: a trace is as long as it says
/// (`ipv6_hop_ioam`, RFC 9197), others are not looked at.
fn is_trace(option: &[u8]) -> bool {
    const TRACE: u8 = 0;
    /// What comes before a trace's data: a reserved byte, the type, and the trace's header.
    const HEAD: usize = 10;
    /// Bits of the trace's type by what they ask of a node: four bytes, or eight.
    const SHORT: u32 = 0xff1f_fc00;
    const WIDE: u32 = 0x00e0_0000;
    let Some((&len, rest)) = option.get(1..).and_then(<[u8]>::split_first) else { return false };
    let len = usize::from(len);
    match rest.get(..len) {
        Some([_, TRACE, _, _, node, left, a, b, c, d, ..]) => {
            let asked = u32::from_be_bytes([*a, *b, *c, *d]);
            let of_node = (asked & SHORT).count_ones() + 2 * (asked & WIDE).count_ones();
            len >= HEAD + usize::from(left & 0x7f) * 4 && u32::from(node >> 3) == of_node
        }
        Some([_, TRACE, ..]) | None => false,
        Some(rest) => rest.len() >= 2,
    }
}

/// The bytes of the header at `at`, whose second byte tells its length in units of eight.
fn header_at(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let rest = bytes.get(at..).filter(|rest| rest.len() >= 8)?;
    rest.get(..(usize::from(rest[1]) + 1) * 8)
}

impl Stack<'_, '_> {
    /// `ipv6_parse_hopopts`.
    pub(super) fn hop_by_hop(&mut self, packet: &mut Packet) -> Result<(), Outcome> {
        let Some(header) = header_at(&packet.bytes, packet.six.at) else {
            return dropped(DropReason::NotSpecified);
        };
        let len = header.len();
        if len as i64 > self.setting6("max_hbh_length") {
            return dropped(DropReason::NotSpecified);
        }
        self.options(packet, len, Place::HopByHop)?;
        packet.six.next_at = Ipv6::LEN;
        packet.six.at += len;
        Ok(())
    }

    /// `ipv6_destopt_rcv`.
    pub(super) fn destination_options(&mut self, packet: &mut Packet) -> Result<(), Outcome> {
        let Some(header) = header_at(&packet.bytes, packet.six.at) else {
            self.count(Counter::Ip6InHdrErrors);
            return dropped(DropReason::NotSpecified);
        };
        let len = header.len();
        if len as i64 > self.setting6("max_dst_opts_length") {
            return dropped(DropReason::NotSpecified);
        }
        if let Err(outcome) = self.options(packet, len, Place::Destination) {
            self.count(Counter::Ip6InHdrErrors);
            return Err(outcome);
        }
        packet.six.next_at = packet.six.at;
        packet.six.at += len;
        Ok(())
    }

    /// Goes through the options of the header that is next (`ip6_parse_tlv`, T-60).
    fn options(&mut self, packet: &mut Packet, len: usize, place: Place) -> Result<(), Outcome> {
        let limit = self.setting6(match place {
            Place::HopByHop => "max_hbh_opts_number",
            Place::Destination => "max_dst_opts_number",
        });
        let bad = || dropped(DropReason::IpInHdr);
        let end = packet.six.at + len;
        let (mut at, mut padding, mut count) = (packet.six.at + 2, 0, 0);
        while at < end {
            let kind = packet.bytes[at];
            if kind == PAD1 {
                padding += 1;
                if padding > MOST_PADDING {
                    return bad();
                }
                at += 1;
                continue;
            }
            if end - at < 2 {
                return bad();
            }
            let size = usize::from(packet.bytes[at + 1]) + 2;
            if size > end - at {
                return bad();
            }
            if kind == PADN {
                padding += size;
                if padding > MOST_PADDING || packet.bytes[at + 2..at + size].iter().any(|&byte| byte != 0) {
                    return bad();
                }
            } else {
                count += 1;
                if count > limit.abs() {
                    return bad();
                }
                match (place, kind) {
                    (Place::HopByHop, ROUTER_ALERT) if size != 4 => return bad(),
                    (Place::HopByHop, ROUTER_ALERT) => {
                        let value = [packet.bytes[at + 2], packet.bytes[at + 3]];
                        packet.six.router_alert = Some(u16::from_be_bytes(value));
                    }
                    (Place::HopByHop, IOAM) => self.ioam(packet, at)?,
                    (Place::HopByHop, JUMBO) => self.jumbo(packet, at)?,
                    (Place::HopByHop, CALIPSO) => return Err(Outcome::Unknown("CALIPSO options")),
                    _ => self.unknown_option(packet, at, limit < 0)?,
                }
                padding = 0;
            }
            at += size;
        }
        Ok(())
    }

    /// An option that nobody knows: its first bits say what becomes of the packet
    /// (`ip6_tlvopt_unknown`).
    fn unknown_option(&mut self, packet: &Packet, at: usize, refuses: bool) -> Result<(), Outcome> {
        let class = packet.bytes[at] >> 6;
        if class == 0 && !refuses {
            return Ok(());
        }
        let to_group = Ipv6::read(&packet.bytes).is_some_and(|header| header.destination().is_multicast());
        if !refuses && (class == 2 || class == 3 && !to_group) {
            self.icmp6_send(packet, icmp6::PARAMETER, icmp6::OPTION, at as u32);
        }
        dropped(DropReason::UnhandledProto)
    }

    /// `ipv6_hop_ioam` on a host without namespaces of measurement: what is well-formed passes.
    fn ioam(&self, packet: &Packet, at: usize) -> Result<(), Outcome> {
        let is_on = self.config.links.ipv6(packet.dev).is_some_and(|ipv6| ipv6.conf.ioam6_enabled != 0);
        match at % 4 {
            0 if is_on && self.config.may_have_modules => Err(Outcome::Unknown("IOAM")),
            0 if is_on && !is_trace(&packet.bytes[at..]) => dropped(DropReason::IpInHdr),
            0 => Ok(()),
            _ => dropped(DropReason::IpInHdr),
        }
    }

    /// `ipv6_hop_jumbo`.
    fn jumbo(&mut self, packet: &mut Packet, at: usize) -> Result<(), Outcome> {
        let Some(&[_, 4, a, b, c, d]) = packet.bytes.get(at..at + 6) else {
            return dropped(DropReason::IpInHdr);
        };
        if at % 4 != 2 {
            return dropped(DropReason::IpInHdr);
        }
        let len = u32::from_be_bytes([a, b, c, d]) as usize;
        let claimed = Ipv6::read(&packet.bytes).map_or(0, |header| header.payload_len.get());
        let wrong = match (len, claimed) {
            (..=0xffff, _) => Some(at + 2),
            (_, 1..) => Some(at),
            _ => None,
        };
        if let Some(place) = wrong {
            self.icmp6_send(packet, icmp6::PARAMETER, icmp6::FIELD, place as u32);
            return dropped(DropReason::IpInHdr);
        }
        if len + Ipv6::LEN > packet.bytes.len() {
            return dropped(DropReason::PktTooSmall);
        }
        packet.bytes.truncate(len + Ipv6::LEN);
        Ok(())
    }

    /// `ipv6_rthdr_rcv` (T-61).
    pub(super) fn routing_header(&mut self, packet: &mut Packet) -> Result<Passed, Outcome> {
        let at = packet.six.at;
        let Some(header) = header_at(&packet.bytes, at) else {
            self.count(Counter::Ip6InHdrErrors);
            return dropped(DropReason::NotSpecified);
        };
        let (len, kind, segments_left) = (header.len(), header[2], header[3]);
        let to_group = Ipv6::read(&packet.bytes).is_some_and(|header| header.destination().is_multicast());
        if to_group || packet.addressed != Addressed::Host {
            self.count(Counter::Ip6InAddrErrors);
            return dropped(DropReason::NotSpecified);
        }
        let all = &self.config.sysctl6.all;
        let of_device = |get: fn(&crate::config::DevConf6) -> i64| {
            self.config.links.ipv6(packet.dev).map_or(0, |ipv6| get(&ipv6.conf)).min(get(all))
        };
        match kind {
            4 if of_device(|conf| conf.seg6_enabled) != 0 => {
                return self.segment_routing(packet, len);
            }
            3 if of_device(|conf| conf.rpl_seg_enabled) != 0 => {
                return Err(Outcome::Unknown("RPL source routing"));
            }
            3 | 4 => return dropped(DropReason::NotSpecified),
            _ => {}
        }
        if segments_left != 0 {
            self.count(Counter::Ip6InHdrErrors);
            self.icmp6_send(packet, icmp6::PARAMETER, icmp6::FIELD, (at + 2) as u32);
            return dropped(DropReason::NotSpecified);
        }
        packet.six.next_at = at;
        packet.six.at += len;
        Ok(Passed::Read)
    }
}
