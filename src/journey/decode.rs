//! What a frame or packet is, in a few words for people.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use fingerpost_net::wire::{
    Arp, Ethernet, Fragment6, Header, Icmp, Ipv4, Ipv6, MF, MORE6, Mac, OFFSET6, Tcp, Udp, ethertype, icmp,
    icmp6, nd, next, proto, tcp_flags,
};

/// A frame, or a packet without link header, as far as people ask for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What it is, without addresses.
    pub name: String,
    /// What it is, and from where to where.
    pub text: String,
    /// Its length and what of its header people look at.
    pub details: Option<String>,
    /// Its source's address.
    pub from: Option<IpAddr>,
    /// Its destination's address.
    pub to: Option<IpAddr>,
    /// Its link-layer addresses: source and destination.
    pub macs: Option<(Mac, Mac)>,
}

impl Seen {
    /// The whole in one line.
    pub fn line(&self) -> String {
        match &self.details {
            Some(details) => format!("{}, {details}", self.text),
            None => self.text.clone(),
        }
    }

    /// What has no addresses.
    fn bare(text: String) -> Seen {
        Seen { name: text.clone(), text, details: None, from: None, to: None, macs: None }
    }
}

/// What comes from, or goes to, a device; `has_header` if it begins with Ethernet's header.
pub fn frame(bytes: &[u8], has_header: bool) -> Seen {
    if !has_header {
        return packet(bytes);
    }
    let Some(header) = Ethernet::read(bytes) else {
        return Seen::bare(format!("{}, less than a link header", count(bytes)));
    };
    let macs = Some((header.src, header.dst));
    behind(header.ethertype.get(), &bytes[Ethernet::LEN..], macs)
}

/// What stands behind a link header, or a VLAN's tag, that says what it is.
fn behind(kind: u16, rest: &[u8], macs: Option<(Mac, Mac)>) -> Seen {
    match kind {
        ethertype::VLAN | ethertype::PROVIDER_VLAN => match rest {
            &[tag, id, kind, more, ref inner @ ..] => {
                let id = u16::from_be_bytes([tag, id]) & 0xfff;
                // Each tag takes four bytes, and a capture's frame has no end of them.
                let seen = match is_tag(u16::from_be_bytes([kind, more])) {
                    true => Seen { macs, ..Seen::bare(format!("another tag, {}", count(inner))) },
                    false => behind(u16::from_be_bytes([kind, more]), inner, macs),
                };
                let more = seen.details.as_ref().map_or(String::new(), |details| format!(", {details}"));
                Seen { details: Some(format!("VLAN {id}{more}")), ..seen }
            }
            _ => Seen { macs, ..Seen::bare("a tag that is cut off".into()) },
        },
        ethertype::ARP => arp(rest, macs),
        ethertype::IPV4 | ethertype::IPV6 => Seen { macs, ..packet(rest) },
        other => Seen { macs, ..Seen::bare(format!("ethertype {other:#06x}, {}", count(rest))) },
    }
}

fn is_tag(kind: u16) -> bool {
    matches!(kind, ethertype::VLAN | ethertype::PROVIDER_VLAN)
}

/// What a packet is, from the IP header on.
pub fn packet(bytes: &[u8]) -> Seen {
    match bytes.first().map(|byte| byte >> 4) {
        Some(4) => ipv4(bytes),
        Some(6) => ipv6(bytes),
        _ => Seen::bare(format!("{}, no IP packet", count(bytes))),
    }
}

/// What comes after a link header, be it ARP: what a packet is that is told without its frame.
pub fn body(bytes: &[u8]) -> Seen {
    let is_arp = Arp::read(bytes).is_some_and(|arp| arp.protocol.get() == ethertype::IPV4);
    let is_ip = matches!(bytes.first().map(|byte| byte >> 4), Some(4 | 6));
    if is_arp && !is_ip { arp(bytes, None) } else { packet(bytes) }
}

/// A link-layer address as `ip` writes it.
pub fn mac_text(mac: &Mac) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}

fn count(bytes: &[u8]) -> String {
    match bytes.len() {
        1 => "1 byte".into(),
        length => format!("{length} bytes"),
    }
}

fn arp(bytes: &[u8], macs: Option<(Mac, Mac)>) -> Seen {
    let Some(arp) = Arp::read(bytes) else {
        return Seen { macs, ..Seen::bare("ARP, cut off".into()) };
    };
    let (sender, target) = (Ipv4Addr::from(arp.sender), Ipv4Addr::from(arp.target));
    let text = match arp.op.get() {
        Arp::REQUEST => format!("ARP who has {target} tell {sender}"),
        Arp::REPLY => format!("ARP {sender} is at {}", mac_text(&arp.sender_mac)),
        other => format!("ARP of operation {other}"),
    };
    let (from, to) = (Some(sender.into()), Some(target.into()));
    Seen { name: "ARP".into(), text, details: None, from, to, macs }
}

/// From where to where, what is carried, and what of the header people look at.
struct Parts {
    src: IpAddr,
    dst: IpAddr,
    what: What,
    length: usize,
    ttl: (&'static str, u8),
    notes: Vec<String>,
}

/// What a packet carries.
struct What {
    name: String,
    ports: Option<(u16, u16)>,
}

impl Parts {
    fn seen(self) -> Seen {
        let Parts { src, dst, what, length, ttl: (ttl_name, ttl), notes } = self;
        let mut text = what.name.clone();
        // A text takes everything.
        let _ = match what.ports {
            Some((from, to)) => {
                write!(text, " {} > {}", SocketAddr::new(src, from), SocketAddr::new(dst, to))
            }
            None => write!(text, " {src} > {dst}"),
        };
        let mut details = format!("{length} bytes, {ttl_name} {ttl}");
        for note in notes {
            let _ = write!(details, ", {note}");
        }
        Seen { name: what.name, text, details: Some(details), from: Some(src), to: Some(dst), macs: None }
    }
}

fn ipv4(bytes: &[u8]) -> Seen {
    let Some(header) = Ipv4::read(bytes) else {
        return Seen::bare(format!("{}, less than an IPv4 header", count(bytes)));
    };
    let mut notes = Vec::new();
    if header.dont_fragment() {
        notes.push("DF".to_string());
    }
    let is_later = header.is_fragment() && header.offset() != 0;
    if header.is_fragment() {
        let more = if header.fragment.get() & MF != 0 { ", more to come" } else { "" };
        notes.push(format!("fragment at {}{more}", header.offset()));
    }
    notes.extend((header.tos != 0).then(|| format!("tos {:#x}", header.tos)));
    if header.header_len() > Ipv4::LEN {
        notes.push("options".into());
    }
    let payload = bytes.get(header.header_len().max(Ipv4::LEN)..).unwrap_or_default();
    Parts {
        src: header.source().into(),
        dst: header.destination().into(),
        what: carried(header.proto, if is_later { &[] } else { payload }),
        length: bytes.len(),
        ttl: ("TTL", header.ttl),
        notes,
    }
    .seen()
}

fn ipv6(bytes: &[u8]) -> Seen {
    let Some(header) = Ipv6::read(bytes) else {
        return Seen::bare(format!("{}, less than an IPv6 header", count(bytes)));
    };
    let mut notes = Vec::new();
    let (mut number, mut rest, mut is_later) = (header.next, &bytes[Ipv6::LEN..], false);
    // Each turn takes at least eight bytes.
    loop {
        let name = match number {
            next::HOP => "hop-by-hop options",
            next::ROUTING => "routing header",
            next::DESTINATION => "destination options",
            next::FRAGMENT => "",
            _ => break,
        };
        let [following, length, ..] = *rest else { break };
        let length = if number == next::FRAGMENT { Fragment6::LEN } else { (usize::from(length) + 1) * 8 };
        match Fragment6::read(rest).filter(|_| number == next::FRAGMENT) {
            Some(fragment) => {
                let word = fragment.fragment.get();
                is_later = word & OFFSET6 != 0;
                let more = if word & MORE6 != 0 { ", more to come" } else { "" };
                notes.push(format!("fragment at {}{more}", word & OFFSET6));
            }
            None => notes.push(name.to_string()),
        }
        let Some(behind) = rest.get(length..) else { break };
        (number, rest) = (following, behind);
        if is_later {
            break;
        }
    }
    notes.extend((header.traffic_class() != 0).then(|| format!("tos {:#x}", header.traffic_class())));
    Parts {
        src: header.source().into(),
        dst: header.destination().into(),
        what: carried(number, if is_later { &[] } else { rest }),
        length: bytes.len(),
        ttl: ("hop limit", header.hop_limit),
        notes,
    }
    .seen()
}

/// What a protocol's payload is; without one, the protocol's name.
fn carried(protocol: u8, payload: &[u8]) -> What {
    let bare = |name: &str| What { name: name.to_string(), ports: None };
    match protocol {
        proto::UDP => match Udp::read(payload) {
            Some(udp) => What { name: "UDP".into(), ports: Some((udp.sport.get(), udp.dport.get())) },
            None => bare("UDP"),
        },
        proto::TCP => match Tcp::read(payload) {
            Some(tcp) => {
                let ports = Some((tcp.sport.get(), tcp.dport.get()));
                What { name: format!("TCP{}", flags_text(tcp.flags)), ports }
            }
            None => bare("TCP"),
        },
        proto::ICMP => match Icmp::read(payload) {
            Some(icmp) => What { name: format!("ICMP {}", icmp_name(icmp.kind, icmp.code)), ports: None },
            None => bare("ICMP"),
        },
        next::ICMPV6 => icmpv6(payload),
        proto::IGMP => bare("IGMP"),
        other => What { name: format!("protocol {other}"), ports: None },
    }
}

fn flags_text(flags: u8) -> String {
    let names =
        [(tcp_flags::SYN, "SYN"), (tcp_flags::FIN, "FIN"), (tcp_flags::RST, "RST"), (tcp_flags::ACK, "ACK")];
    let set: Vec<&str> = names.iter().filter(|(flag, _)| flags & flag != 0).map(|(_, name)| *name).collect();
    if set.is_empty() { String::new() } else { format!(" {}", set.join("+")) }
}

fn icmpv6(payload: &[u8]) -> What {
    let Some(icmp) = Icmp::read(payload) else { return What { name: "ICMPv6".into(), ports: None } };
    let target = payload.get(8..24).and_then(|bytes| <[u8; 16]>::try_from(bytes).ok()).map(Ipv6Addr::from);
    let name = match (icmp.kind, target) {
        (nd::SOLICIT, Some(target)) => format!("neighbour solicitation, who has {target}:"),
        (nd::ADVERT, Some(target)) => {
            // The option with the target's link-layer address comes first, if there is one.
            let at = match payload.get(24..) {
                Some(&[nd::TARGET_ADDRESS, 1, a, b, c, d, e, f, ..]) => {
                    format!(" at {}", mac_text(&[a, b, c, d, e, f]))
                }
                _ => " here".into(),
            };
            format!("neighbour advertisement, {target} is{at}:")
        }
        _ => format!("ICMPv6 {}", icmp6_name(icmp.kind, icmp.code)),
    };
    What { name, ports: None }
}

/// A message of ICMP by type and code.
pub fn icmp_name(kind: u8, code: u8) -> String {
    let name = match (kind, code) {
        (icmp::ECHO_REPLY, _) => "echo reply",
        (icmp::UNREACHABLE, icmp::NET) => "destination network unreachable",
        (icmp::UNREACHABLE, icmp::HOST) => "destination host unreachable",
        (icmp::UNREACHABLE, icmp::PROTOCOL) => "protocol unreachable",
        (icmp::UNREACHABLE, icmp::PORT) => "port unreachable",
        (icmp::UNREACHABLE, icmp::FRAGMENTATION_NEEDED) => "fragmentation needed",
        (icmp::UNREACHABLE, icmp::SOURCE_ROUTE_FAILED) => "source route failed",
        (icmp::UNREACHABLE, icmp::FILTERED) => "communication administratively prohibited",
        (icmp::UNREACHABLE, _) => "destination unreachable",
        (icmp::REDIRECT, _) => "redirect",
        (icmp::ECHO, _) => "echo request",
        (icmp::TIME_EXCEEDED, icmp::TTL) => "time exceeded in transit",
        (icmp::TIME_EXCEEDED, _) => "reassembly time exceeded",
        (icmp::PARAMETER, _) => "parameter problem",
        (icmp::TIMESTAMP, _) => "timestamp request",
        (icmp::TIMESTAMP_REPLY, _) => "timestamp reply",
        _ => "message",
    };
    format!("{name} ({kind}/{code})")
}

/// The same of ICMPv6.
pub fn icmp6_name(kind: u8, code: u8) -> String {
    let name = match (kind, code) {
        (icmp6::UNREACHABLE, icmp6::NO_ROUTE) => "no route to destination",
        (icmp6::UNREACHABLE, icmp6::PROHIBITED) => "communication administratively prohibited",
        (icmp6::UNREACHABLE, icmp6::BEYOND_SCOPE) => "beyond scope of the source address",
        (icmp6::UNREACHABLE, icmp6::ADDRESS) => "address unreachable",
        (icmp6::UNREACHABLE, icmp6::PORT) => "port unreachable",
        (icmp6::UNREACHABLE, _) => "destination unreachable",
        (icmp6::TOO_BIG, _) => "packet too big",
        (icmp6::TIME_EXCEEDED, icmp6::HOP_LIMIT) => "hop limit exceeded in transit",
        (icmp6::TIME_EXCEEDED, _) => "reassembly time exceeded",
        (icmp6::PARAMETER, _) => "parameter problem",
        (icmp6::ECHO, _) => "echo request",
        (icmp6::ECHO_REPLY, _) => "echo reply",
        (icmp6::LISTENER_QUERY, _) => "listener query",
        (icmp6::LISTENER_REPORT | 143, _) => "listener report",
        (nd::ROUTER_SOLICIT, _) => "router solicitation",
        (nd::ROUTER_ADVERT, _) => "router advertisement",
        (nd::SOLICIT, _) => "neighbour solicitation",
        (nd::ADVERT, _) => "neighbour advertisement",
        (nd::REDIRECT, _) => "redirect",
        _ => "message",
    };
    format!("{name} ({kind}/{code})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_have_a_text() {
        for first in [0x00, 0x45, 0x4f, 0x60, 0xff] {
            for length in 0..120 {
                let mut bytes = vec![first; length];
                for header in [false, true] {
                    assert!(!frame(&bytes, header).text.is_empty());
                }
                if let Some(kind) = bytes.get_mut(12) {
                    *kind = 8;
                }
                assert!(!body(&bytes).text.is_empty());
            }
        }
    }

    #[test]
    fn extension_headers_are_gone_through_once() {
        let header = [&[0x60, 0, 0, 0, 0, 16, 0, 64][..], &[0; 15], &[1], &[0; 15], &[2]].concat();
        let packet = [header, vec![0, 0, 1, 4, 0, 0, 0, 0], vec![59, 0, 1, 4, 0, 0, 0, 0]].concat();
        assert_eq!(
            super::packet(&packet).line(),
            "protocol 59 ::1 > ::2, 56 bytes, hop limit 64, hop-by-hop options, hop-by-hop options"
        );
    }
}
