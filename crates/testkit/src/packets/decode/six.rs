//! An IPv6 packet in one line, and its kind.

use std::fmt::Write;
use std::net::Ipv6Addr;

use fingerpost_net::wire::{Checksum, Fragment6, Header, Icmp, Ipv6, MORE6, OFFSET6, Tcp, Udp, next, proto};

/// What stands behind a packet's headers.
struct Behind<'a> {
    /// Names of the headers, each with a space behind it.
    headers: String,
    /// Whether it is a piece of a datagram, and whether the first.
    piece: Option<bool>,
    next: u8,
    payload: &'a [u8],
}

fn behind<'a>(header: &Ipv6, mut bytes: &'a [u8]) -> Behind<'a> {
    let (mut number, mut headers, mut piece) = (header.next, String::new(), None);
    loop {
        let name = match number {
            next::HOP => "hop",
            next::ROUTING => "routing",
            next::DESTINATION => "destination",
            next::FRAGMENT => "",
            _ => break,
        };
        let len = match (number, bytes.get(1)) {
            (next::FRAGMENT, _) => 8,
            (_, Some(len)) => (usize::from(*len) + 1) * 8,
            _ => break,
        };
        let (Some(rest), Some(following)) = (bytes.get(len..), bytes.first()) else { break };
        if let (next::FRAGMENT, Some(fragment)) = (number, Fragment6::read(bytes)) {
            let at = fragment.fragment.get();
            if at & (OFFSET6 | MORE6) != 0 {
                piece = Some(at & OFFSET6 == 0);
            } else {
                headers.push_str("atomic ");
            }
        } else {
            let _ = write!(headers, "{name} ");
        }
        (number, bytes) = (*following, rest);
        if piece == Some(false) {
            break;
        }
    }
    Behind { headers, piece, next: number, payload: bytes }
}

/// What kind of packet it is, without addresses: `icmp6 1/0`, `hop udp6 fragment`.
pub fn kind(packet: &[u8]) -> String {
    let Some(header) = Ipv6::read(packet) else { return "short ip6".into() };
    let behind = behind(header, &packet[Ipv6::LEN..]);
    let piece = if behind.piece.is_some() { " fragment" } else { "" };
    let what = match (behind.next, Icmp::read(behind.payload)) {
        (next::ICMPV6, Some(icmp)) if behind.piece != Some(false) => {
            format!("icmp6 {}/{}", icmp.kind, icmp.code)
        }
        (next::ICMPV6, _) => "icmp6".into(),
        (proto::UDP, _) => "udp6".into(),
        (proto::TCP, _) => "tcp6".into(),
        (other, _) => format!("next {other}"),
    };
    format!("{}{what}{piece}", behind.headers)
}

/// The packet in one line.
pub fn packet(bytes: &[u8], text: &mut String) {
    let Some(header) = Ipv6::read(bytes) else {
        let _ = write!(text, "{} bytes", bytes.len());
        return;
    };
    let _ = write!(text, "ip6 {} > {} hops {}", header.source(), header.destination(), header.hop_limit);
    let _ = write!(text, " class {:#x} label {:#x}", header.traffic_class(), header.flow_label());
    let _ = write!(text, " len {}", header.payload_len);
    let rest = &bytes[Ipv6::LEN..];
    if usize::from(header.payload_len.get()) != rest.len() {
        let _ = write!(text, " (of {} bytes)", rest.len());
    }
    if header.version() != 6 {
        let _ = write!(text, " version {}", header.version());
    }
    let rest = &rest[..rest.len().min(header.payload_len.get().into())];
    let behind = behind(header, rest);
    let _ = write!(text, " {}", behind.headers);
    if let Some(first) = behind.piece {
        let _ = write!(text, "{} fragment, ", if first { "first" } else { "later" });
        if !first {
            let _ = write!(text, "next {} data {}", behind.next, behind.payload.len());
            return;
        }
    }
    let is_whole = behind.piece.is_none();
    transport(header, behind.next, is_whole, behind.payload, text);
}

fn transport(header: &Ipv6, number: u8, is_whole: bool, payload: &[u8], text: &mut String) {
    let sum = |text: &mut String| {
        let (src, dst) = (header.source(), header.destination());
        if is_whole && Checksum::ZERO.pseudo6(src, dst, number, payload.len()).bytes(payload).finish() != 0 {
            text.push_str(" BAD CHECKSUM");
        }
    };
    match number {
        next::ICMPV6 => {
            let Some(icmp) = Icmp::read(payload) else { return text.push_str("icmp6 cut off") };
            let _ = write!(text, "icmp6 {}/{}", icmp.kind, icmp.code);
            sum(text);
            let rest = u32::from_be_bytes([payload[4], payload[5], payload[6], payload[7]]);
            let _ = write!(text, " rest {rest:#010x} data {}", payload.len() - 8);
            if let (135..=137, Some(target)) = (icmp.kind, payload.get(8..24)) {
                let target = <[u8; 16]>::try_from(target).map(Ipv6Addr::from);
                let _ = write!(text, " target {}", target.unwrap_or(Ipv6Addr::UNSPECIFIED));
            }
            if icmp.kind < 128 {
                text.push_str(" {");
                packet(&payload[8..], text);
                text.push('}');
            }
        }
        proto::UDP => match Udp::read(payload) {
            Some(udp) => {
                let _ = write!(text, "udp {} > {} len {}", udp.sport, udp.dport, udp.len);
                sum(text);
            }
            None => text.push_str("udp cut off"),
        },
        proto::TCP => match Tcp::read(payload) {
            Some(tcp) => {
                let _ = write!(text, "tcp {} > {} seq {} ack {}", tcp.sport, tcp.dport, tcp.seq, tcp.ack);
                let _ = write!(text, " flags {:#x}", tcp.flags);
                sum(text);
            }
            None => text.push_str("tcp cut off"),
        },
        other => {
            let _ = write!(text, "next {other} data {}", payload.len());
        }
    }
}
