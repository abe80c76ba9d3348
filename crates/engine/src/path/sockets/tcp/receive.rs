//! Which socket a segment is for, and what it makes of it (`__inet_lookup_skb`,
//! `tcp_rcv_state_process`; C-180, C-285).

use super::super::demux::{Envelope, SHARED};
use super::super::errors::{Told, meaning};
use super::*;
use fingerpost_net::wire::{icmp, icmp6};

/// What a socket made of a segment.
pub(in crate::path) enum ToSocket {
    /// There is none.
    Nobody,
    /// This became of it.
    Done(Outcome),
    /// It is to be reset in the name of this socket, and dropped.
    Reset(SocketId, DropReason),
}

impl Stack<'_, '_> {
    /// Hands a segment, whose header and checksum are right, to its socket.
    pub(in crate::path) fn tcp_to_socket(&mut self, packet: &Packet, tcp: &Tcp, segment: &[u8]) -> ToSocket {
        if self.state.sockets.is_empty() {
            return ToSocket::Nobody;
        }
        let ports = (tcp.sport.get(), tcp.dport.get());
        let Some(envelope) = self.envelope(packet, ports, "tcp_l3mdev_accept") else {
            return ToSocket::Nobody;
        };
        let mut found = self.state.sockets.find_tcp(&envelope);
        if let Some(id) = found
            && let Some(outcome) = self.refused_as_signed(id, segment)
        {
            return ToSocket::Done(outcome);
        }
        if let Some(id) = found
            && self.state.sockets.state_of(id) == Some(State::SynReceived)
        {
            if let Some(outcome) = self.for_request(id, packet, tcp, segment.len()) {
                return ToSocket::Done(outcome);
            }
            found = self.state.sockets.tcp(id).and_then(|request| request.listener);
        }
        let Some(id) = found else { return ToSocket::Nobody };
        match self.state.sockets.state_of(id) {
            Some(State::Listen) if self.state.sockets.is_shared(id) => {
                ToSocket::Done(Outcome::Unknown(SHARED))
            }
            Some(State::Listen) => self.at_listener(id, packet, &envelope, tcp, segment),
            Some(State::SynSent) => self.at_beginner(id, packet, tcp, segment),
            Some(State::Established) => self.at_connection(id, packet, tcp, segment),
            _ => ToSocket::Nobody,
        }
    }

    /// C-180
    fn at_listener(
        &mut self,
        id: SocketId,
        packet: &Packet,
        envelope: &Envelope,
        tcp: &Tcp,
        segment: &[u8],
    ) -> ToSocket {
        let has = |flag: u8| tcp.flags & flag != 0;
        if has(tcp_flags::ACK) {
            return ToSocket::Reset(id, DropReason::TcpFlags);
        }
        if has(tcp_flags::RST) {
            return ToSocket::Done(Outcome::Dropped(DropReason::TcpReset));
        }
        if !has(tcp_flags::SYN) || has(tcp_flags::FIN) {
            return ToSocket::Done(Outcome::Dropped(DropReason::TcpFlags));
        }
        ToSocket::Done(self.request(id, packet, envelope, segment))
    }

    /// `tcp_rcv_synsent_state_process`.
    fn at_beginner(&mut self, id: SocketId, packet: &Packet, tcp: &Tcp, segment: &[u8]) -> ToSocket {
        let Some(own) = self.state.sockets.tcp(id) else { return ToSocket::Nobody };
        let has = |flag: u8| tcp.flags & flag != 0;
        // What it sends back was sent between the first segment and now.
        let echo = Peer::of(segment).echo;
        let age = self.now().0.saturating_sub(own.begun.0) as u32;
        let is_odd = echo != 0 && self.timestamp(own).wrapping_sub(echo) > age;
        if has(tcp_flags::ACK) && (tcp.ack.get() != own.first.wrapping_add(1) || is_odd) {
            return ToSocket::Reset(id, DropReason::TcpInvalidAckSequence);
        }
        if has(tcp_flags::RST) {
            if has(tcp_flags::ACK) {
                self.fail(id, Errno::ECONNREFUSED);
            }
            return ToSocket::Done(Outcome::Dropped(DropReason::TcpReset));
        }
        if !has(tcp_flags::SYN) {
            return ToSocket::Done(Outcome::Dropped(DropReason::TcpFlags));
        }
        if !has(tcp_flags::ACK) {
            return ToSocket::Done(Outcome::Unknown("connections that both sides begin"));
        }
        let peer = self.offered(segment);
        if let Some(own) = self.state.sockets.tcp_mut(id) {
            own.expected = tcp.seq.get().wrapping_add(1);
            (own.state, own.peer, own.retries) = (State::Established, peer, 0);
        }
        self.set_segment_timer(id, None);
        self.remember_received(id, packet);
        self.count(Counter::TcpCurrEstab);
        self.send_ack(id);
        match segment.len() == tcp.header_len() {
            true => ToSocket::Done(Outcome::Delivered),
            false => ToSocket::Done(Outcome::Unknown("the data of connections")),
        }
    }

    /// As far as a connection goes that carries nothing.
    fn at_connection(&mut self, id: SocketId, packet: &Packet, tcp: &Tcp, segment: &[u8]) -> ToSocket {
        let Some(own) = self.state.sockets.tcp(id) else { return ToSocket::Nobody };
        let is_next = tcp.seq.get() == own.expected;
        let has = |flag: u8| tcp.flags & flag != 0;
        if is_next && has(tcp_flags::RST) {
            self.count(Counter::TcpEstabResets);
            if let Some(socket) = self.state.sockets.get_mut(id) {
                socket.error = Some(Errno::ECONNRESET);
                socket.tcp = Some(Box::default());
            }
            return ToSocket::Done(Outcome::Dropped(DropReason::TcpReset));
        }
        let is_plain = segment.len() == tcp.header_len() && tcp.flags & 0x3f & !tcp_flags::ACK == 0;
        let acknowledges = tcp.ack.get() == own.first.wrapping_add(1);
        if !(is_next && is_plain && has(tcp_flags::ACK) && acknowledges) {
            return ToSocket::Done(Outcome::Unknown("the data of connections"));
        }
        self.remember_received(id, packet);
        ToSocket::Done(Outcome::Delivered)
    }

    /// A connection is told of an ICMP error about its segment (`tcp_v4_err`, `tcp_v6_err`);
    /// `None` if there is none. Errors about one that has only begun end it.
    pub(in crate::path) fn tell_tcp(
        &mut self,
        envelope: &Envelope,
        seq: u32,
        told: &Told<'_>,
    ) -> Option<SocketId> {
        let id = self.state.sockets.find_tcp(envelope)?;
        let tcp = self.state.sockets.tcp(id).filter(|tcp| tcp.state != State::Listen)?;
        let (state, first, listener) = (tcp.state, tcp.first, tcp.listener);
        let is_six = told.to.is_ipv6();
        let kinds = if is_six {
            (icmp6::UNREACHABLE, icmp6::PARAMETER)
        } else {
            (icmp::UNREACHABLE, icmp::PARAMETER)
        };
        let (errno, _) = meaning(&told.head, is_six)?;
        match state {
            State::SynSent if seq == first && errno != Errno::EMSGSIZE => {
                self.tell(id, told);
                self.fail(id, errno);
            }
            State::SynReceived if seq == first => {
                // `tcp_req_err`: what says that nobody is there.
                let codes: &[u8] = if is_six { &[4] } else { &[2, 3] };
                let ends =
                    told.head.kind == kinds.1 || told.head.kind == kinds.0 && codes.contains(&told.head.code);
                if ends && listener.is_some() {
                    self.set_segment_timer(id, None);
                    self.state.sockets.close(id);
                    self.count(Counter::TcpExtListenDrops);
                }
            }
            State::Established if errno != Errno::EMSGSIZE => {
                if let Some(socket) = self.state.sockets.get_mut(id) {
                    socket.soft_error = Some(errno);
                }
            }
            _ => {}
        }
        Some(id)
    }
}

impl Stack<'_, '_> {
    /// Whether a connection's own packets teach it: not those of requests.
    pub(in crate::path) fn keeps_a_way(&self, id: SocketId) -> bool {
        matches!(self.state.sockets.state_of(id), Some(State::SynSent | State::Established))
    }
}

impl Sockets {
    /// The connection of a segment, or a listener for it: one at its very destination before
    /// one at all addresses, one bound to the device before others.
    pub(in crate::path) fn find_tcp(&self, envelope: &Envelope) -> Option<SocketId> {
        let all = self.in_order();
        let of_tcp = |socket: &super::super::Socket, state: fn(State) -> bool| {
            socket.tcp.as_deref().is_some_and(|tcp| state(tcp.state))
                && socket.port == envelope.to.port()
                && envelope.fits_local(socket)
                && envelope.fits_device(socket)
        };
        let is_begun = |state| matches!(state, State::SynSent | State::SynReceived | State::Established);
        let begun = all.iter().find(|(_, socket)| of_tcp(socket, is_begun) && envelope.is_from_peer(socket));
        if let Some(&(id, _)) = begun {
            return Some(id);
        }
        let mut best: Option<((bool, u8), SocketId)> = None;
        for &(id, socket) in all.iter().filter(|(_, socket)| of_tcp(socket, |state| state == State::Listen)) {
            let of_family = socket.family == Family::V4;
            let score = 1 + u8::from(socket.options.dev != 0) + u8::from(of_family);
            let score = (!socket.local.is_unspecified(), score);
            if best.is_none_or(|(known, _)| score > known) {
                best = Some((score, id));
            }
        }
        best.map(|(_, id)| id)
    }
}
