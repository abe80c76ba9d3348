//! Receiving TCP, and resets of segments that nobody expects (`tcp_v4_rcv`,
//! `tcp_v4_send_reset`).

use fingerpost_model::RouteType;
use fingerpost_net::wire::{Checksum, DF, Header, Ipv4, Tcp, proto, tcp_flags};
use zerocopy::IntoBytes;

use super::deliver::Taken;
use super::output::LEAST_MTU;
use super::output::Made;
use super::sockets::{SocketId, ToSocket};
use super::waiting::{Cut, Owner, SOCKETS_ROOM};
use super::{Addressed, Outcome, Packet, Stack};
use crate::counters::Counter;
use crate::lookup::hash::Asker;
use crate::lookup::{DropReason, Flow4, output4};

impl Stack<'_, '_> {
    pub(super) fn tcp_receive(&mut self, packet: &Packet, header: &Ipv4) -> Taken {
        if packet.addressed != Addressed::Host {
            return Err(DropReason::NotSpecified);
        }
        self.count(Counter::TcpInSegs);
        let segment = &packet.bytes[header.header_len()..];
        let Some(&tcp) = Tcp::read(segment) else { return Err(DropReason::NotSpecified) };
        if tcp.header_len() < Tcp::LEN {
            self.count(Counter::TcpInErrs);
            return Err(DropReason::PktTooSmall);
        }
        if segment.len() < tcp.header_len() {
            return Err(DropReason::NotSpecified);
        }
        let sum = Checksum::ZERO.pseudo4(header.source(), header.destination(), proto::TCP, segment.len());
        if sum.bytes(segment).finish() != 0 {
            self.count(Counter::TcpInCsumErrors);
            self.count(Counter::TcpInErrs);
            return Err(DropReason::TcpCsum);
        }
        match self.tcp_to_socket(packet, &tcp, segment) {
            ToSocket::Nobody => {
                self.send_reset(packet, header, &tcp, segment, None);
                Err(DropReason::NoSocket)
            }
            ToSocket::Reset(id, reason) => {
                self.send_reset(packet, header, &tcp, segment, Some(id));
                Err(reason)
            }
            ToSocket::Done(Outcome::Dropped(reason)) => Err(reason),
            ToSocket::Done(outcome) => {
                self.end(packet, outcome);
                Ok(())
            }
        }
    }

    /// `tcp_v4_send_reset` (C-183, C-240).
    fn send_reset(
        &mut self,
        packet: &Packet,
        header: &Ipv4,
        tcp: &Tcp,
        segment: &[u8],
        by: Option<SocketId>,
    ) {
        let is_local = packet.decision.as_ref().is_some_and(|decision| decision.kind == RouteType::LOCAL);
        if tcp.flags & tcp_flags::RST != 0 || !is_local {
            return;
        }
        match self.keeps_from_reset4(segment) {
            Ok(true) => return,
            Ok(false) => {}
            Err(unknown) => return self.end(&Packet::at(0, Vec::new()), Outcome::Unknown(unknown)),
        }
        let mut reset = reset_of(tcp, segment.len());
        let (src, dst) = (header.destination(), header.source());
        let sum = Checksum::ZERO.pseudo4(src, dst, proto::TCP, Tcp::LEN).bytes(reset.as_bytes()).finish();
        reset.checksum = sum.into();
        // Counted whatever becomes of it.
        self.count(Counter::TcpOutSegs);
        self.count(Counter::TcpOutRsts);
        let Ok(options) = self.echo_options(packet) else { return };
        let options_of = by.and_then(|id| self.state.sockets.get(id)).map(|socket| &socket.options);
        let (mark_of, oif, any_source) =
            options_of.map_or((0, 0, false), |it| (it.mark, it.dev, it.transparent));
        let mark = match self.reply_mark(packet) {
            0 => mark_of,
            mark => mark,
        };
        let mut flow = Flow4 {
            src,
            mark,
            oif: if oif == 0 && self.is_vrf(packet.dev) { packet.dev } else { oif },
            any_source,
            dscp: header.tos & 0xfc,
            proto: proto::TCP,
            sport: tcp.dport.get(),
            dport: tcp.sport.get(),
            ..Flow4::to(options.first_hop.unwrap_or(dst))
        };
        let asker = Asker::Socket;
        let resolved = output4::resolve(self.config, self.state, self.env, &mut flow, asker, self.tracer);
        let Ok(decision) = resolved else { return };
        // The socket that Linux sends these by never has them cut (`IP_PMTUDISC_DO`).
        let len = Ipv4::LEN + options.data().len() + Tcp::LEN;
        if decision.mtu < LEAST_MTU || len > decision.mtu as usize {
            return;
        }
        if !self.has_memory(Owner::Resets, SOCKETS_ROOM, Cut::whole(len)) {
            return self.count(Counter::IpOutDiscards);
        }
        let made = Made {
            proto: proto::TCP,
            tos: header.tos & 0xfc,
            fragment: DF,
            id: 0,
            mark: flow.mark,
            options,
            ttl: None,
            sender: None,
            owner: Owner::Resets,
        };
        let _ = self.send_made(made, decision, flow.src, dst, reset.as_bytes());
    }
}

/// The segment that resets one of `len` bytes, its checksum open.
pub(super) fn reset_of(tcp: &Tcp, len: usize) -> Tcp {
    let bit = |flag: u8| u32::from(tcp.flags & flag != 0);
    let (seq, ack, flags) = match tcp.flags & tcp_flags::ACK {
        0 => {
            let taken = bit(tcp_flags::SYN) + bit(tcp_flags::FIN) + (len - tcp.header_len()) as u32;
            (0, tcp.seq.get().wrapping_add(taken), tcp_flags::RST | tcp_flags::ACK)
        }
        _ => (tcp.ack.get(), 0, tcp_flags::RST),
    };
    Tcp {
        sport: tcp.dport,
        dport: tcp.sport,
        seq: seq.into(),
        ack: ack.into(),
        data_offset: 5 << 4,
        flags,
        window: 0.into(),
        checksum: 0.into(),
        urgent: 0.into(),
    }
}
