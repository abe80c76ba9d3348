//! A packet made of words: right in its bytes, with lengths and checksums.

use std::net::{IpAddr, Ipv4Addr};

use fingerpost_engine::Config;
use fingerpost_engine::config::Link as Device;
use fingerpost_engine::lookup::source::address_type_on;
use fingerpost_engine::path::{has_header, mac_of_group};
use fingerpost_model::RouteType;
use fingerpost_net::wire::{
    Arp, Checksum, DF, Ethernet, Header, Icmp, Ipv4, Ipv6, Mac, Tcp, Udp, ethertype, icmp, icmp6, next,
    proto, tcp_flags,
};
use zerocopy::IntoBytes;

use crate::explain::{Resolved, ResolvedQuestion};

/// The sender's link-layer address where no neighbour's entry tells it: one of those that
/// are for documents (RFC 9542, section 2.1.2).
pub const SENDER: Mac = [0x00, 0x00, 0x5e, 0x00, 0x53, 0x01];

/// The link-layer address of all.
const EVERYBODY: Mac = [0xff; 6];

/// The source port where none is given.
pub const SPORT: u16 = 40_000;
/// What a packet has left to live where it is not said.
const TTL: u8 = 64;
/// Identification of a packet, of an echo, and the echo's number.
const ID: u16 = 1;
const WINDOW: u16 = 64_240;

/// What a packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried {
    /// A UDP datagram.
    Udp,
    /// A TCP segment with these flags.
    Tcp(u8),
    /// An ICMP or ICMPv6 message of this type and code that is no error.
    Icmp(u8, u8),
    /// Anything else: nothing but bytes.
    Other(u8),
    /// An ARP request: who has the destination? Tell the source.
    ArpRequest,
}

impl Carried {
    /// A TCP segment that begins a connection.
    pub const SYN: Carried = Carried::Tcp(tcp_flags::SYN);
    /// A TCP segment of a connection.
    pub const ACK: Carried = Carried::Tcp(tcp_flags::ACK);
}

/// What is said of a packet besides its question.
#[derive(Clone, Copy, Debug)]
pub struct Words {
    /// What it carries.
    pub carried: Carried,
    /// Its length from the IP header on; as short as it can be without.
    pub length: Option<usize>,
    /// Whether it may not be cut up (IPv4).
    pub df: bool,
    /// Time to live, or hop limit.
    pub ttl: Option<u8>,
}

/// Link-layer addresses that are given.
#[derive(Clone, Copy, Debug, Default)]
pub struct Link {
    /// The sender's.
    pub src: Option<Mac>,
    /// Whom the frame is for.
    pub dst: Option<Mac>,
}

impl Words {
    /// The packet from the IP header on, or from ARP's.
    ///
    /// # Errors
    ///
    /// What cannot be, in the words of the command line.
    pub fn packet(&self, question: &ResolvedQuestion) -> Result<Vec<u8>, String> {
        match question {
            ResolvedQuestion::V4(question) => self.ipv4(question),
            ResolvedQuestion::V6(question) => self.ipv6(question),
        }
    }

    fn ipv4(&self, question: &Resolved<Ipv4Addr>) -> Result<Vec<u8>, String> {
        let (src, dst) = (question.src, question.dst);
        if self.carried == Carried::ArpRequest {
            // The sender's link-layer address is known with the frame.
            return Ok(Arp::new(Arp::REQUEST, (SENDER, src), ([0; 6], dst)).as_bytes().to_vec());
        }
        let sum = |len| Checksum::ZERO.pseudo4(src, dst, self.protocol(false), len);
        let payload = self.payload(question.sport, question.dport, Ipv4::LEN, sum, false)?;
        let mut header = Ipv4 {
            version_ihl: 0x45,
            tos: question.tos,
            total_len: ((Ipv4::LEN + payload.len()) as u16).into(),
            id: ID.into(),
            fragment: if self.df { DF } else { 0 }.into(),
            ttl: self.ttl.unwrap_or(TTL),
            proto: self.protocol(false),
            checksum: 0.into(),
            src: src.octets(),
            dst: dst.octets(),
        };
        header.checksum = Checksum::ZERO.bytes(header.as_bytes()).finish().into();
        Ok([header.as_bytes(), &payload].concat())
    }

    fn ipv6(&self, question: &Resolved<std::net::Ipv6Addr>) -> Result<Vec<u8>, String> {
        if self.df {
            return Err("--df: packets of IPv6 are never cut up on their way".into());
        }
        if self.carried == Carried::ArpRequest {
            return Err("--arp: IPv6 has neighbour solicitations instead; give one with --hex".into());
        }
        let (src, dst) = (question.src, question.dst);
        let sum = |len| Checksum::ZERO.pseudo6(src, dst, self.protocol(true), len);
        let payload = self.payload(question.sport, question.dport, Ipv6::LEN, sum, true)?;
        let header = Ipv6 {
            word: Ipv6::word_of(question.tos, question.flowlabel),
            payload_len: (payload.len() as u16).into(),
            next: self.protocol(true),
            hop_limit: self.ttl.unwrap_or(TTL),
            src: src.octets(),
            dst: dst.octets(),
        };
        Ok([header.as_bytes(), &payload].concat())
    }

    fn protocol(&self, is_six: bool) -> u8 {
        match self.carried {
            Carried::Udp => proto::UDP,
            Carried::Tcp(_) => proto::TCP,
            Carried::Icmp(..) if is_six => next::ICMPV6,
            Carried::Icmp(..) => proto::ICMP,
            Carried::Other(number) => number,
            Carried::ArpRequest => 0,
        }
    }

    /// What a socket is given to send, so that the packet becomes what the words say.
    ///
    /// # Errors
    ///
    /// A length that cannot be.
    pub fn data(&self, is_six: bool) -> Result<Vec<u8>, String> {
        let header = if is_six { Ipv6::LEN } else { Ipv4::LEN };
        let mut bytes = self.payload(0, 0, header, |_| Checksum::ZERO, is_six)?;
        if self.carried == Carried::Udp {
            bytes.drain(..Udp::LEN);
            bytes.fill(0);
        }
        Ok(bytes)
    }

    /// What stands behind the IP header of so many bytes; `pseudo` begins checksums.
    fn payload(
        &self,
        sport: u16,
        dport: u16,
        header: usize,
        pseudo: impl Fn(usize) -> Checksum,
        is_six: bool,
    ) -> Result<Vec<u8>, String> {
        let sport = if sport == 0 { SPORT } else { sport };
        let least = header
            + match self.carried {
                Carried::Udp => Udp::LEN,
                Carried::Tcp(_) => Tcp::LEN,
                Carried::Icmp(..) => Icmp::LEN,
                Carried::Other(_) | Carried::ArpRequest => 0,
            };
        let length = self.length.unwrap_or(least);
        let most = if is_six { Ipv6::LEN } else { 0 } + usize::from(u16::MAX);
        if !(least..=most).contains(&length) {
            return Err(format!(
                "--len {length}: expected {least} (the headers alone) to {most} bytes, from the IP header on"
            ));
        }
        let mut bytes = vec![0; length - header];
        // Which field the sum goes to, and what it covers besides the bytes.
        let (at, begun) = match self.carried {
            Carried::Udp => {
                if let Some(udp) = Udp::edit(&mut bytes) {
                    (udp.sport, udp.dport, udp.len) =
                        (sport.into(), dport.into(), ((length - header) as u16).into());
                }
                (6, pseudo(bytes.len()))
            }
            Carried::Tcp(flags) => {
                if let Some(tcp) = Tcp::edit(&mut bytes) {
                    (tcp.sport, tcp.dport, tcp.seq) = (sport.into(), dport.into(), 1.into());
                    (tcp.data_offset, tcp.flags, tcp.window) = (5 << 4, flags, WINDOW.into());
                    tcp.ack = u32::from(flags & tcp_flags::ACK != 0).into();
                }
                (16, pseudo(bytes.len()))
            }
            Carried::Icmp(kind, code) => {
                if let Some(message) = Icmp::edit(&mut bytes) {
                    (message.kind, message.code) = (kind, code);
                    // Identifier and number.
                    message.rest = [0, ID as u8, 0, 1];
                }
                (2, if is_six { pseudo(bytes.len()) } else { Checksum::ZERO })
            }
            Carried::Other(_) | Carried::ArpRequest => return Ok(bytes),
        };
        let sum = match begun.bytes(&bytes).finish() {
            // No checksum would mean something else (RFC 768).
            0 if self.carried == Carried::Udp => u16::MAX,
            sum => sum,
        };
        bytes[at..at + 2].copy_from_slice(&sum.to_be_bytes());
        Ok(bytes)
    }
}

/// A packet as it comes by a device: in a frame, where the device's have a header.
pub fn framed(config: &Config, device: &Device, link: Link, packet: Vec<u8>) -> Vec<u8> {
    if !has_header(device) {
        return packet;
    }
    let ends = ends_of(&packet);
    // Of a bridge's port it is the bridge that has neighbours.
    let places = [Some(device.index()), device.master()];
    let known = ends.and_then(|(src, _)| {
        places.into_iter().flatten().find_map(|dev| config.neighbours.entries.get(&(dev, src)))
    });
    let known = known.and_then(|entry| entry.lladdr.as_ref());
    let known = known.and_then(|addr| Mac::try_from(&addr.0[..]).ok());
    let src = link.src.or(known).unwrap_or(SENDER);
    let own = device.msg.address.as_ref().and_then(|addr| Mac::try_from(&addr.0[..]).ok());
    let kind = match ends {
        _ if is_arp(&packet) => ethertype::ARP,
        _ if packet.first().is_some_and(|byte| byte >> 4 == 6) => ethertype::IPV6,
        _ => ethertype::IPV4,
    };
    let to_many = match kind {
        ethertype::ARP => Some(EVERYBODY),
        _ => ends.and_then(|(_, dst)| to_many(config, device, dst)),
    };
    let dst = link.dst.or(to_many).or(own).unwrap_or_default();
    let mut packet = packet;
    if kind == ethertype::ARP
        && let Some(arp) = Arp::edit(&mut packet)
    {
        arp.sender_mac = src;
    }
    [Ethernet { dst, src, ethertype: kind.into() }.as_bytes(), &packet].concat()
}

fn is_arp(packet: &[u8]) -> bool {
    packet.starts_with(&[0, 1, 8, 0, 6, 4])
}

/// A packet's source and destination.
fn ends_of(packet: &[u8]) -> Option<(IpAddr, IpAddr)> {
    if is_arp(packet) {
        return Arp::read(packet)
            .map(|arp| (Ipv4Addr::from(arp.sender).into(), Ipv4Addr::from(arp.target).into()));
    }
    match packet.first()? >> 4 {
        4 => Ipv4::read(packet).map(|header| (header.source().into(), header.destination().into())),
        6 => Ipv6::read(packet).map(|header| (header.source().into(), header.destination().into())),
        _ => None,
    }
}

/// The link-layer address of a group, or of all, if the destination is one.
fn to_many(config: &Config, device: &Device, dst: IpAddr) -> Option<Mac> {
    let is_broadcast = match dst {
        IpAddr::V4(dst) => {
            address_type_on(config, dst, device.index()) == RouteType::BROADCAST || dst.is_broadcast()
        }
        IpAddr::V6(_) => false,
    };
    mac_of_group(dst).or(is_broadcast.then_some(EVERYBODY))
}

/// A type and code of ICMP by name or number, of the family's protocol.
///
/// # Errors
///
/// It is none, or an error, which quotes a packet.
pub fn message(text: &str, is_six: bool) -> Result<(u8, u8), String> {
    let of = |four: u8, six: u8| Ok((if is_six { six } else { four }, 0));
    let named = match text {
        "echo" | "echo-request" | "ping" => return of(icmp::ECHO, icmp6::ECHO),
        "echo-reply" | "pong" => return of(icmp::ECHO_REPLY, icmp6::ECHO_REPLY),
        "timestamp" if !is_six => return Ok((icmp::TIMESTAMP, 0)),
        text => text,
    };
    let (kind, code) = named.split_once('/').unwrap_or((named, "0"));
    let numbers = kind.parse::<u8>().ok().zip(code.parse::<u8>().ok());
    let Some((kind, code)) = numbers else {
        return Err(format!(
            "--icmp {text}: expected echo, echo-reply, timestamp, or TYPE[/CODE] in numbers"
        ));
    };
    let is_error = match is_six {
        true => kind < icmp6::INFORMATIONAL,
        false => matches!(kind, 3 | 4 | 5 | 11 | 12),
    };
    match is_error {
        true => Err(format!("--icmp {text}: an error quotes a packet; give it with --hex or --pcap")),
        false => Ok((kind, code)),
    }
}

#[cfg(test)]
mod tests {
    use fingerpost_net::wire::checksum;

    use super::*;

    fn question(words: &str) -> ResolvedQuestion {
        let words: Vec<String> = words.split(' ').map(String::from).collect();
        let names = fingerpost_iproute::Names::default();
        let question = crate::explain::Question::parse(&words, &names).unwrap();
        question.resolve(&Config::default(), 0).unwrap()
    }

    fn made(words: &str, carried: Carried, length: Option<usize>) -> Vec<u8> {
        let words_of = Words { carried, length, df: false, ttl: None };
        words_of.packet(&question(words)).unwrap()
    }

    #[test]
    fn lengths_and_checksums_are_right() {
        let four = "10.0.0.1 from 10.0.0.2 sport 1 dport 2";
        for (carried, proto, length) in [
            (Carried::Udp, proto::UDP, None),
            (Carried::Udp, proto::UDP, Some(1401)),
            (Carried::SYN, proto::TCP, None),
            (Carried::ACK, proto::TCP, Some(99)),
            (Carried::Icmp(8, 0), proto::ICMP, Some(84)),
        ] {
            let packet = made(four, carried, length);
            let header = Ipv4::read(&packet).unwrap();
            assert_eq!(usize::from(header.total_len.get()), packet.len());
            assert_eq!(length.unwrap_or(packet.len()), packet.len());
            assert_eq!((checksum(&packet[..20]), header.proto), (0, proto));
            let payload = &packet[20..];
            let pseudo = match carried {
                Carried::Icmp(..) => Checksum::ZERO,
                _ => Checksum::ZERO.pseudo4(header.source(), header.destination(), proto, payload.len()),
            };
            assert_eq!(pseudo.bytes(payload).finish(), 0, "{carried:?}");
        }
        for (carried, proto) in
            [(Carried::Udp, proto::UDP), (Carried::SYN, proto::TCP), (Carried::Icmp(128, 0), next::ICMPV6)]
        {
            let packet = made("2001:db8::1 from 2001:db8::2 dport 2", carried, Some(777));
            let header = Ipv6::read(&packet).unwrap();
            assert_eq!(usize::from(header.payload_len.get()) + 40, packet.len());
            let pseudo = Checksum::ZERO.pseudo6(header.source(), header.destination(), proto, 737);
            assert_eq!((pseudo.bytes(&packet[40..]).finish(), header.next), (0, proto), "{carried:?}");
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let of = |carried, length| {
            let words = Words { carried, length, df: false, ttl: None };
            words.packet(&question("10.0.0.1 from 10.0.0.2")).unwrap_err()
        };
        assert!(of(Carried::Udp, Some(27)).contains("expected 28 "));
        assert!(of(Carried::SYN, Some(65_536)).contains("to 65535 bytes"));
        assert!(message("3/4", false).unwrap_err().contains("quotes a packet"));
        assert!(message("bogus", false).unwrap_err().contains("TYPE[/CODE]"));
        assert_eq!(message("echo", true), Ok((128, 0)));
        assert_eq!(message("13", false), Ok((13, 0)));
    }
}
