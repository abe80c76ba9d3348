//! What sockets receive, and what they are told.

use std::net::{IpAddr, SocketAddr};

use fingerpost_net::Errno;
use fingerpost_net::wire::{Checksum, Header, Ipv4, Ipv6, next, proto};

use super::super::{Addressed, Outcome, Packet, Stack};
use super::demux::Envelope;
use super::{Kind, SocketId, State, Way};
use crate::config::LOOPBACK;
use crate::counters::Counter;
use crate::lookup::DropReason;
use crate::state::Time;
use crate::trace::Event;
use fingerpost_net::Family;

/// What a packet takes of a socket's room besides its bytes (`skb->truesize`): a bound, not
/// the kernel's exact figure, which depends on the driver.
const OVERHEAD: usize = 768;
/// Reports that are kept at most.
const MOST_REPORTS: usize = 256;
/// The header of a message of ICMPv6 without its body, bytes.
const ICMPV6_HEAD: usize = 4;

/// A packet that a socket received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Who sent it.
    pub from: SocketAddr,
    /// Whom it was for.
    pub to: IpAddr,
    /// The device that it came in by.
    pub dev: u32,
    /// What was left of its time to live.
    pub ttl: u8,
    /// Its type of service or traffic class.
    pub tos: u8,
    /// When it came.
    pub at: Time,
    /// Of UDP the data; of a raw socket of IPv4 the packet with its header, of IPv6 what
    /// follows the headers.
    pub bytes: Vec<u8>,
}

/// Where an error comes from (`ee_origin`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// This host.
    Local,
    /// A message of ICMP or ICMPv6.
    Icmp {
        /// Its type.
        kind: u8,
        /// Its code.
        code: u8,
    },
}

/// An error with what it is about (`struct sock_extended_err`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The error.
    pub errno: Errno,
    /// Where it comes from.
    pub origin: Origin,
    /// The MTU, where the packet was too long; the place, where something in it was wrong.
    pub info: u32,
    /// Who sent the message.
    pub offender: Option<IpAddr>,
    /// The destination of the packet that it is about.
    pub to: SocketAddr,
    /// What was quoted of the data.
    pub bytes: Vec<u8>,
}

impl Stack<'_, '_> {
    /// Queues a packet at a socket (`__udp_enqueue_schedule_skb`, `sock_queue_rcv_skb`).
    /// Whether it is `intact` shows when it is read.
    pub(in crate::path) fn enqueue(
        &mut self,
        id: SocketId,
        arrival: Arrival,
        intact: bool,
    ) -> Result<(), DropReason> {
        let Some(socket) = self.state.sockets.get_mut(id) else { return Err(DropReason::NoSocket) };
        let size = arrival.bytes.len() + OVERHEAD;
        if socket.inbox_bytes > socket.options.room {
            let counters = match (socket.kind, Family::of(arrival.to)) {
                (Kind::Udp, Family::V4) => &[Counter::UdpRcvbufErrors, Counter::UdpInErrors][..],
                (Kind::Udp, Family::V6) => &[Counter::Udp6RcvbufErrors, Counter::Udp6InErrors],
                (Kind::Raw(_) | Kind::Tcp, _) => &[],
            };
            counters.iter().for_each(|&counter| self.count(counter));
            return Err(DropReason::SocketRcvbuff);
        }
        socket.inbox_bytes += size;
        socket.inbox.push_back((arrival, intact));
        Ok(())
    }

    /// Takes what came first from a socket; that a datagram was read is counted, or that
    /// it was not intact.
    pub(super) fn take(&mut self, id: SocketId) -> Option<Arrival> {
        loop {
            let socket = self.state.sockets.get_mut(id)?;
            let (arrival, intact) = socket.inbox.pop_front()?;
            socket.inbox_bytes -= arrival.bytes.len() + OVERHEAD;
            let counters = match (socket.kind, Family::of(arrival.to), intact) {
                (Kind::Udp, Family::V4, true) => &[Counter::UdpInDatagrams][..],
                (Kind::Udp, Family::V6, true) => &[Counter::Udp6InDatagrams],
                (Kind::Udp, Family::V4, false) => &[Counter::UdpInCsumErrors, Counter::UdpInErrors],
                (Kind::Udp, Family::V6, false) => &[Counter::Udp6InCsumErrors, Counter::Udp6InErrors],
                (Kind::Raw(_) | Kind::Tcp, ..) => &[],
            };
            counters.iter().for_each(|&counter| self.count(counter));
            if intact {
                return Some(arrival);
            }
            let outcome = Outcome::Dropped(DropReason::UdpCsum);
            self.tracer.event_of_way(|| Event::Ended { packet: 0, outcome });
        }
    }

    /// An error that a socket was told comes before what it wants to send, which counts as
    /// discarded (`sock_alloc_send_skb`).
    pub(super) fn pending_error(&mut self, id: SocketId, counter: Counter) -> Result<(), Errno> {
        let Some(errno) = self.state.sockets.get_mut(id).and_then(|socket| socket.error.take()) else {
            return Ok(());
        };
        self.count(counter);
        Err(errno)
    }

    /// Copies of a packet go to the raw sockets of its protocol (`raw_local_deliver`,
    /// `ipv6_raw_deliver`); whether there are any.
    pub(in crate::path) fn deliver_raw(&mut self, packet: &Packet, number: u8) -> bool {
        if self.state.sockets.is_empty() {
            return false;
        }
        let Some(envelope) = self.envelope(packet, (0, 0), "raw_l3mdev_accept") else { return false };
        let ids = self.state.sockets.find_raw(number, &envelope);
        let bytes = self.raw_bytes(packet);
        let of_icmpv6 = number == next::ICMPV6 && envelope.to.is_ipv6();
        // Filters of messages let none pass whose header is cut off (`icmpv6_filter`).
        if of_icmpv6 && bytes.len() < ICMPV6_HEAD {
            return !ids.is_empty();
        }
        let is_wrong = of_icmpv6 && !has_right_sum6(&envelope, &bytes);
        for &id in &ids {
            if is_wrong {
                // Such sockets look at the checksum themselves (`rawv6_rcv_skb`).
                let outcome = Outcome::Dropped(DropReason::SkbCsum);
                self.tracer.event_of_way(|| Event::Ended { packet: 0, outcome });
                continue;
            }
            let _full = self.enqueue(id, self.arrival(packet, &envelope, bytes.clone()), true);
        }
        !ids.is_empty()
    }

    fn raw_bytes(&self, packet: &Packet) -> Vec<u8> {
        match packet.decision6 {
            None => with_open_sum(packet).bytes,
            Some(_) => with_open_sum(packet).bytes.get(packet.six.at..).unwrap_or_default().to_vec(),
        }
    }

    /// What a socket is given of a packet.
    pub(in crate::path) fn arrival(&self, packet: &Packet, envelope: &Envelope, bytes: Vec<u8>) -> Arrival {
        let (ttl, tos) = match envelope.to.ip() {
            IpAddr::V4(_) => Ipv4::read(&packet.bytes).map_or((0, 0), |header| (header.ttl, header.tos)),
            IpAddr::V6(_) => {
                Ipv6::read(&packet.bytes).map_or((0, 0), |header| (header.hop_limit, header.traffic_class()))
            }
        };
        Arrival {
            from: envelope.from,
            to: envelope.to.ip(),
            dev: envelope.dev,
            ttl,
            tos,
            at: self.now(),
            bytes,
        }
    }

    /// The addresses of a received packet with these ports.
    pub(in crate::path) fn envelope(
        &self,
        packet: &Packet,
        (sport, dport): (u16, u16),
        takes_vrf: &str,
    ) -> Option<Envelope> {
        let (from, to): (IpAddr, IpAddr) = match super::super::six::is_six(packet) {
            false => {
                let header = Ipv4::read(&packet.bytes)?;
                (header.source().into(), header.destination().into())
            }
            true => {
                let header = Ipv6::read(&packet.bytes)?;
                (header.source().into(), header.destination().into())
            }
        };
        let slave = if packet.iif != packet.dev && self.config.links.l3_master(packet.iif) == packet.dev {
            packet.iif
        } else {
            0
        };
        Some(Envelope {
            from: SocketAddr::new(from, sport),
            to: SocketAddr::new(to, dport),
            dev: self.device_it_came_by(packet),
            slave,
            takes_vrf: self.setting(takes_vrf) != 0,
        })
    }

    /// The device by which a packet counts as received: of one that loopback gave back that
    /// which was asked for, or its destination's (`inet_iif`, `inet6_iif`).
    fn device_it_came_by(&self, packet: &Packet) -> u32 {
        if packet.dev != LOOPBACK {
            return packet.dev;
        }
        match (&packet.decision, &packet.decision6) {
            (_, Some(_)) => packet.iif,
            (Some(made), None) if made.asked_dev != 0 => made.asked_dev,
            _ => packet.dev,
        }
    }

    /// The decision that a connected socket keeps of what it received, in place of a lookup
    /// (`udp_v4_early_demux`, `tcp_v4_early_demux` and IPv6's): one of UDP whatever device a
    /// packet comes in by, one of TCP only for the same (C-186).
    pub(in crate::path) fn early_demux(
        &self,
        packet: &Packet,
        number: u8,
        ports: (u16, u16),
    ) -> Option<Early<'_>> {
        let is_on = |name| self.setting(name) != 0;
        if self.state.sockets.is_empty() || packet.addressed != Addressed::Host || !is_on("ip_early_demux") {
            return None;
        }
        let id = match number {
            proto::UDP if is_on("udp_early_demux") => {
                self.state.sockets.find_connected(&self.envelope(packet, ports, "udp_l3mdev_accept")?)
            }
            proto::TCP if is_on("tcp_early_demux") => {
                self.state.sockets.find_tcp(&self.envelope(packet, ports, "tcp_l3mdev_accept")?)
            }
            _ => None,
        };
        let socket = self.state.sockets.get(id?)?;
        if socket.state() == State::Listen {
            return None;
        }
        let is_same_device = number != proto::TCP || socket.received_dev == packet.iif;
        Some(match socket.received_way.as_ref().filter(|_| is_same_device) {
            Some(Way::Four(held)) if self.is_current4(held) => Early::Four(&held.decision),
            Some(Way::Six(held)) => self.current6(held).map_or(Early::Unknown, Early::Six),
            _ => Early::Unknown,
        })
    }

    /// A connected socket keeps the decision about what it received (`udp_sk_rx_dst_set`).
    pub(in crate::path) fn keep_received_way(&mut self, id: SocketId, packet: &Packet, envelope: &Envelope) {
        // What this host sent to itself is not looked up again.
        let is_input = match (&packet.decision, &packet.decision6) {
            (Some(decision), _) => decision.is_input,
            (_, Some(decision)) => decision.is_input,
            _ => false,
        };
        // Only of a packet that was looked for before its way was.
        let is_input = is_input && packet.addressed == Addressed::Host;
        if is_input && self.state.sockets.find_connected(envelope) == Some(id) {
            self.remember_received(id, packet);
        }
    }

    /// A socket keeps the decision about a packet (`sk_rx_dst_set`).
    pub(super) fn remember_received(&mut self, id: SocketId, packet: &Packet) {
        let way = match (&packet.decision, &packet.decision6) {
            (Some(decision), _) => Some(self.holding4(decision)),
            (_, Some(decision)) => Some(self.holding6(decision)),
            _ => None,
        };
        if let Some(socket) = self.state.sockets.get_mut(id) {
            (socket.received_way, socket.received_dev) = (way, packet.iif);
        }
    }
}

/// Whether a message of ICMPv6 has a right checksum.
fn has_right_sum6(envelope: &Envelope, message: &[u8]) -> bool {
    let (IpAddr::V6(src), IpAddr::V6(dst)) = (envelope.from.ip(), envelope.to.ip()) else { return true };
    Checksum::ZERO.pseudo6(src, dst, next::ICMPV6, message.len()).bytes(message).finish() == 0
}

/// A packet of UDP as it comes back from loopback: where the checksum is left to the device,
/// it is that of the addresses alone.
pub(in crate::path) fn with_open_sum(packet: &Packet) -> Packet {
    let mut packet = packet.clone();
    if !packet.sender.is_some_and(|sender| sender.leaves_sum) {
        return packet;
    }
    let found = match packet.decision6 {
        None => Ipv4::read(&packet.bytes).map(|header| {
            let (at, len) = (header.header_len(), packet.bytes.len().saturating_sub(header.header_len()));
            (header.proto, at, Checksum::ZERO.pseudo4(header.source(), header.destination(), proto::UDP, len))
        }),
        Some(_) => Ipv6::read(&packet.bytes).map(|header| {
            let len = packet.bytes.len().saturating_sub(Ipv6::LEN);
            let sum = Checksum::ZERO.pseudo6(header.source(), header.destination(), proto::UDP, len);
            (header.next, Ipv6::LEN, sum)
        }),
    };
    if let Some((proto::UDP, at, sum)) = found
        && let Some(place) = packet.bytes.get_mut(at + 6..at + 8)
    {
        place.copy_from_slice(&(!sum.finish()).to_be_bytes());
    }
    packet
}

/// What the socket of a packet says of its way, before it is looked up.
pub(in crate::path) enum Early<'a> {
    /// Nothing.
    Unknown,
    /// Of IPv4.
    Four(&'a crate::lookup::Decision),
    /// Of IPv6.
    Six(crate::lookup::Decision6),
}

impl Stack<'_, '_> {
    /// An error that this host itself has with a packet (`ip_local_error`).
    pub(super) fn local_error(&mut self, id: SocketId, errno: Errno, to: (IpAddr, u16), info: u32) {
        let report =
            Report { errno, origin: Origin::Local, info, offender: None, to: to.into(), bytes: Vec::new() };
        self.report(id, report);
    }

    /// Queues an error at a socket that wants to be told all of them.
    pub(super) fn report(&mut self, id: SocketId, report: Report) {
        let Some(socket) = self.state.sockets.get_mut(id) else { return };
        if socket.options.reports_errors && socket.reports.len() < MOST_REPORTS {
            socket.reports.push_back(report);
        }
    }
}
