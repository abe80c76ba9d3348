//! A frame in one line, for people.

mod six;

use std::fmt::Write;
use std::net::Ipv4Addr;

use fingerpost_net::wire::{
    Arp, Ethernet, Header, Icmp, Ipv4, MF, Tcp, Udp, checksum, ethertype, proto, tcp_flags,
};

/// A frame with a link header, or a packet without one (`ethernet` false).
pub fn line(frame: &[u8], ethernet: bool) -> String {
    let mut text = String::new();
    if !ethernet {
        match frame.first() {
            Some(first) if first >> 4 == 6 => six::packet(frame, &mut text),
            _ => packet(frame, &mut text),
        }
        return text;
    }
    let Some(header) = Ethernet::read(frame) else { return "short frame".into() };
    let _ = write!(text, "{} > {} ", mac(&header.src), mac(&header.dst));
    let rest = &frame[Ethernet::LEN..];
    match header.ethertype.get() {
        ethertype::IPV4 => packet(rest, &mut text),
        ethertype::IPV6 => six::packet(rest, &mut text),
        ethertype::ARP => arp(rest, &mut text),
        other => {
            let _ = write!(text, "ethertype {other:#06x}, {} bytes", rest.len());
        }
    }
    text
}

/// What kind of frame it is, without addresses: `arp request`, `icmp 3/1`, `udp`.
pub fn kind(frame: &[u8], ethernet: bool) -> String {
    let packet = match (ethernet, Ethernet::read(frame)) {
        (false, _) if frame.first().is_some_and(|first| first >> 4 == 6) => return six::kind(frame),
        (false, _) => frame,
        (true, None) => return "short".into(),
        (true, Some(header)) => match header.ethertype.get() {
            ethertype::IPV4 => &frame[Ethernet::LEN..],
            ethertype::IPV6 => return six::kind(&frame[Ethernet::LEN..]),
            ethertype::ARP => {
                return match Arp::read(&frame[Ethernet::LEN..]).map(|arp| arp.op.get()) {
                    Some(Arp::REQUEST) => "arp request".into(),
                    Some(Arp::REPLY) => "arp reply".into(),
                    _ => "arp".into(),
                };
            }
            other => return format!("{other:#06x}"),
        },
    };
    let Some(header) = Ipv4::read(packet) else { return "short ip".into() };
    let piece = if header.is_fragment() { " fragment" } else { "" };
    let payload = packet.get(header.header_len()..).unwrap_or_default();
    match (header.proto, Icmp::read(payload)) {
        (proto::ICMP, Some(icmp)) if header.offset() == 0 => {
            format!("icmp {}/{}{piece}", icmp.kind, icmp.code)
        }
        (proto::ICMP, _) => format!("icmp{piece}"),
        (proto::UDP, _) => format!("udp{piece}"),
        (proto::TCP, _) => format!("tcp{piece}"),
        (other, _) => format!("proto {other}{piece}"),
    }
}

fn mac(mac: &[u8; 6]) -> String {
    mac.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}

fn arp(bytes: &[u8], text: &mut String) {
    let Some(arp) = Arp::read(bytes) else { return text.push_str("short arp") };
    let _ = write!(
        text,
        "arp op {} {} {} asks for {} {}",
        arp.op,
        mac(&arp.sender_mac),
        Ipv4Addr::from(arp.sender),
        mac(&arp.target_mac),
        Ipv4Addr::from(arp.target)
    );
    if (arp.hardware.get(), arp.protocol.get(), arp.hardware_len, arp.protocol_len) != (1, 0x0800, 6, 4) {
        let (hardware, protocol) = (arp.hardware.get(), arp.protocol.get());
        let _ = write!(text, " (types {hardware} {protocol:#x}, {}/{})", arp.hardware_len, arp.protocol_len);
    }
}

fn packet(bytes: &[u8], text: &mut String) {
    let Some(header) = Ipv4::read(bytes) else {
        let _ = write!(text, "{} bytes", bytes.len());
        return;
    };
    let _ = write!(text, "ip {} > {} ttl {}", header.source(), header.destination(), header.ttl);
    let _ = write!(text, " tos {:#x} id {} len {}", header.tos, header.id, header.total_len);
    if usize::from(header.total_len.get()) != bytes.len() {
        let _ = write!(text, " (of {} bytes)", bytes.len());
    }
    if header.version() != 4 {
        let _ = write!(text, " version {}", header.version());
    }
    if header.dont_fragment() {
        text.push_str(" DF");
    }
    if header.is_fragment() {
        let more = if header.fragment.get() & MF != 0 { "+" } else { "" };
        let _ = write!(text, " fragment {}{more}", header.offset());
    }
    let Some(payload) = bytes.get(header.header_len()..) else { return text.push_str(" header cut off") };
    if header.header_len() < Ipv4::LEN {
        let _ = write!(text, " header of {}", header.header_len());
        return;
    }
    let (whole, _) = bytes.split_at(header.header_len());
    if checksum(whole) != 0 {
        text.push_str(" BAD CHECKSUM");
    }
    for byte in &whole[Ipv4::LEN..] {
        let _ = write!(text, "{}{byte:02x}", if text.ends_with(' ') { " options " } else { " " });
    }
    if header.offset() != 0 {
        return;
    }
    let payload =
        &payload[..payload.len().min(usize::from(header.total_len.get()).saturating_sub(whole.len()))];
    transport(header.proto, header.is_fragment(), payload, text);
}

fn transport(protocol: u8, piece: bool, payload: &[u8], text: &mut String) {
    match protocol {
        proto::ICMP => {
            let Some(icmp) = Icmp::read(payload) else { return text.push_str(" icmp cut off") };
            let _ = write!(text, " icmp {}/{}", icmp.kind, icmp.code);
            if !piece && checksum(payload) != 0 {
                text.push_str(" BAD CHECKSUM");
            }
            let rest = u32::from_be_bytes([payload[4], payload[5], payload[6], payload[7]]);
            let _ = write!(text, " rest {rest:#010x} data {}", payload.len() - 8);
            if matches!(icmp.kind, 3 | 4 | 5 | 11 | 12) {
                text.push_str(" {");
                packet(&payload[8..], text);
                text.push('}');
            }
        }
        proto::UDP => match Udp::read(payload) {
            Some(udp) => {
                let _ = write!(text, " udp {} > {} len {}", udp.sport, udp.dport, udp.len);
            }
            None => text.push_str(" udp cut off"),
        },
        proto::TCP => match Tcp::read(payload) {
            Some(tcp) => {
                let _ = write!(text, " tcp {} > {} seq {} ack {}", tcp.sport, tcp.dport, tcp.seq, tcp.ack);
                let names = [
                    (tcp_flags::SYN, " SYN"),
                    (tcp_flags::ACK, " ACK"),
                    (tcp_flags::FIN, " FIN"),
                    (tcp_flags::RST, " RST"),
                ];
                names
                    .iter()
                    .filter(|(flag, _)| tcp.flags & flag != 0)
                    .for_each(|(_, name)| text.push_str(name));
            }
            None => text.push_str(" tcp cut off"),
        },
        other => {
            let _ = write!(text, " proto {other} data {}", payload.len());
        }
    }
}
