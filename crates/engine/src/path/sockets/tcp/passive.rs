//! What a listener does (`tcp_conn_request`, `tcp_check_req`; C-176 to C-182, C-286).

use fingerpost_model::RouteFlags;
use fingerpost_net::wire::{Ipv4, Ipv6};

use super::super::demux::Envelope;
use super::super::{Kind, Socket};
use super::segment::Offer;
use super::*;
use crate::addrtype::AddrType;

/// The most that a listener keeps waiting (`net.core.somaxconn`, unless set otherwise).
const MOST_BACKLOG: u32 = 4096;

impl Stack<'_, '_> {
    /// Has a socket wait for connections (`listen`): as many as `backlog` may wait.
    pub(in crate::path::sockets) fn listen(&mut self, id: SocketId, backlog: u32) -> Result<(), Errno> {
        let socket = self.state.sockets.get(id).ok_or(Errno::EBADF)?;
        match socket.tcp.as_deref().map(|tcp| tcp.state) {
            Some(State::Closed | State::Listen) => {}
            Some(_) => return Err(Errno::EINVAL),
            None => return Err(Errno::EOPNOTSUPP),
        }
        let (local, dev, port) = (socket.local, socket.options.dev, socket.port);
        if port != 0 && self.is_taken(id, local, dev, port) {
            return Err(Errno::EADDRINUSE);
        }
        self.find_port(id)?;
        if let Some(tcp) = self.state.sockets.tcp_mut(id) {
            (tcp.state, tcp.backlog) = (State::Listen, backlog.min(MOST_BACKLOG));
        }
        self.state.sockets.place(id);
        Ok(())
    }

    /// The connection that has waited longest (`accept`).
    pub(in crate::path::sockets) fn accept(&mut self, id: SocketId) -> Result<SocketId, Errno> {
        let tcp = self.state.sockets.tcp_mut(id).ok_or(Errno::EOPNOTSUPP)?;
        if tcp.state != State::Listen {
            return Err(Errno::EINVAL);
        }
        let accepted = tcp.waiting.pop_front().ok_or(Errno::EAGAIN)?;
        if let Some(tcp) = self.state.sockets.tcp_mut(accepted) {
            tcp.listener = None;
        }
        Ok(accepted)
    }

    /// A segment that begins a connection comes to a listener.
    pub(super) fn request(
        &mut self,
        id: SocketId,
        packet: &Packet,
        envelope: &Envelope,
        segment: &[u8],
    ) -> Outcome {
        let done = Outcome::Dropped(DropReason::Consumed);
        let is_for_many = match (&packet.decision, envelope.to.ip()) {
            (Some(decision), _) => decision.flags.any(RouteFlags::BROADCAST | RouteFlags::MULTICAST),
            (None, to) => to.is_multicast(),
        };
        let Some(listener) = self.state.sockets.get(id) else { return done };
        let Some(tcp) = listener.tcp.as_deref() else { return done };
        let (family_of, options_of) = (listener.family, listener.options.clone());
        let (waiting, backlog) = (tcp.waiting.len(), tcp.backlog);
        if is_for_many {
            self.count(Counter::TcpExtListenDrops); // C-179
            return done;
        }
        if waiting > backlog as usize {
            self.count(Counter::TcpExtListenOverflows);
            self.count(Counter::TcpExtListenDrops);
            return done;
        }
        if self.state.sockets.of_listener(id, State::SynReceived) as u32 >= backlog.max(1) {
            return Outcome::Unknown("a listener with more requests than it keeps");
        }
        if self.setting("tcp_syncookies") == 2 {
            return Outcome::Unknown("SYN cookies");
        }
        let Some(&header) = Tcp::read(segment) else { return done };
        let (tos, slave) = (received_tos(packet), envelope.slave);
        let mut options = options_of;
        options.mark = self.request_mark(&options, packet); // C-177
        if options.dev == 0 && slave != 0 && self.setting("tcp_l3mdev_accept") != 0 {
            options.dev = envelope.dev;
        }
        if options.dev == 0 && is_scoped(envelope.from) {
            options.dev = if slave != 0 { slave } else { envelope.dev };
        }
        if self.setting("tcp_reflect_tos") != 0 {
            options.tos = tos & !3 | options.tos & 3; // C-181
        }
        let routed = match self.tcp_way(&options, options.dev, (envelope.to, envelope.from)) {
            Ok((routed, _)) => routed,
            Err(_) => {
                // C-178: whatever the error is.
                self.count_no_way(envelope.to);
                self.count(Counter::TcpExtListenDrops);
                return done;
            }
        };
        if self.is_shaped(&routed) {
            return Outcome::Unknown(SHAPED);
        }
        let peer = self.offered(segment);
        let asks_marks = tcp_flags::ECE | tcp_flags::CWR;
        let marks = header.flags & asks_marks == asks_marks && tos & 3 == 0 && self.setting("tcp_ecn") != 0;
        let connection = Connection {
            state: State::SynReceived,
            listener: Some(id),
            first: self.rng.next_u32(),
            expected: header.seq.get().wrapping_add(1),
            peer,
            marks,
            clock: self.rng.next_u32(),
            timeout: FIRST_TIMEOUT,
            ..Connection::default()
        };
        let request = self.state.sockets.open(family_of, Kind::Tcp, options);
        if let Some(socket) = self.state.sockets.get_mut(request) {
            (socket.local, socket.source, socket.port) =
                (envelope.to.ip(), envelope.to.ip(), envelope.to.port());
            socket.peer = Some(envelope.from);
            socket.tcp = Some(Box::new(connection));
        }
        self.send_syn_ack(request, routed);
        self.set_segment_timer(request, Some(Time(self.now().0 + FIRST_TIMEOUT)));
        done
    }

    /// The mark of a request: the listener's, or the segment's where that is asked for.
    fn request_mark(&self, options: &Options, packet: &Packet) -> u32 {
        match options.mark {
            0 if self.setting("tcp_fwmark_accept") != 0 => packet.mark,
            mark => mark,
        }
    }

    /// Answers the segment that began a connection (`tcp_v4_send_synack`).
    fn send_syn_ack(&mut self, id: SocketId, routed: Routed) {
        let Some(socket) = self.state.sockets.get(id) else { return };
        let (Some(tcp), Some(to)) = (socket.tcp.as_deref().cloned(), socket.peer) else { return };
        let (options, from) = (socket.options.clone(), SocketAddr::new(socket.source, socket.port));
        let most = self.most_of(&routed);
        let offer = Offer {
            most,
            window_scale: tcp.peer.window_scale.and(self.window_scale()),
            timestamp: tcp.peer.timestamp.map(|theirs| (self.timestamp(&tcp), theirs)),
            sack: tcp.peer.sack,
        };
        let said = offer.options();
        let marks = if tcp.marks { tcp_flags::ECE } else { 0 };
        let df = self.keeps_whole(&options, &routed);
        let out = Outgoing {
            from,
            to,
            flags: tcp_flags::SYN | tcp_flags::ACK | marks,
            seq: tcp.first,
            ack: tcp.expected,
            window: super::segment::window(most, tcp.peer.timestamp.is_some(), self.room()[1]),
            options: &said,
            tos: options.tos,
            mark: options.mark,
            id: df.then_some(0),
            df,
        };
        self.send_segment(&options, routed, &out);
    }

    /// The answer was not acknowledged in time.
    pub(super) fn answer_again(&mut self, id: SocketId) {
        let most = self.setting("tcp_synack_retries").max(0) as u32;
        let Some(tcp) = self.state.sockets.tcp_mut(id) else { return };
        if tcp.retries >= most {
            return self.state.sockets.close(id);
        }
        tcp.retries += 1;
        tcp.timeout = (tcp.timeout * 2).min(LAST_TIMEOUT);
        let timeout = tcp.timeout;
        if let Ok(routed) = self.way_of_request(id) {
            self.send_syn_ack(id, routed);
            self.count(Counter::TcpRetransSegs);
        }
        self.set_segment_timer(id, Some(Time(self.now().0 + timeout)));
    }

    fn way_of_request(&mut self, id: SocketId) -> Result<Routed, Errno> {
        let socket = self.state.sockets.get(id).ok_or(Errno::EBADF)?;
        let (options, to) = (socket.options.clone(), socket.peer.ok_or(Errno::ENOTCONN)?);
        let from = SocketAddr::new(socket.source, socket.port);
        let routed = self.tcp_way(&options, options.dev, (from, to));
        if routed.is_err() {
            self.count_no_way(to);
        }
        routed.map(|(routed, _)| routed)
    }

    /// A segment comes for a request (`tcp_check_req`): `None` if its listener has to look
    /// at it.
    pub(super) fn for_request(
        &mut self,
        id: SocketId,
        packet: &Packet,
        header: &Tcp,
        len: usize,
    ) -> Option<Outcome> {
        let tcp = self.state.sockets.tcp(id)?.clone();
        let (seq, flags) = (header.seq.get(), header.flags);
        let consumed = Some(Outcome::Dropped(DropReason::Consumed));
        let all = tcp_flags::SYN | tcp_flags::ACK | tcp_flags::RST | tcp_flags::FIN;
        if seq == tcp.expected.wrapping_sub(1) && flags & all == tcp_flags::SYN {
            // The same once more; it is answered twice a second at most
            // (`tcp_oow_rate_limited`).
            let (now, pause) = (self.now(), self.setting("tcp_invalid_ratelimit").max(0) as u64);
            let is_limited = tcp.repeated.is_some_and(|at| now.0 < at.0.saturating_add(pause));
            if is_limited {
                return Some(Outcome::Dropped(DropReason::NotSpecified));
            }
            if let Some(tcp) = self.state.sockets.tcp_mut(id) {
                tcp.repeated = Some(now);
            }
            if let Ok(routed) = self.way_of_request(id) {
                self.send_syn_ack(id, routed);
                self.count(Counter::TcpRetransSegs);
            }
            return Some(Outcome::Dropped(DropReason::NotSpecified));
        }
        if flags & tcp_flags::ACK != 0 && header.ack.get() != tcp.first.wrapping_add(1) {
            return None;
        }
        if seq != tcp.expected {
            return Some(Outcome::Unknown("segments out of order"));
        }
        if flags & (tcp_flags::RST | tcp_flags::SYN) != 0 {
            self.count(Counter::TcpAttemptFails);
            self.set_segment_timer(id, None);
            self.state.sockets.close(id);
            return Some(match flags & tcp_flags::RST {
                0 => Outcome::Unknown("a request that is begun anew"),
                _ => Outcome::Dropped(DropReason::TcpReset),
            });
        }
        if flags & tcp_flags::ACK == 0 {
            return Some(Outcome::Dropped(DropReason::TcpFlags));
        }
        let listener = tcp.listener?;
        let (waiting, backlog) =
            self.state.sockets.tcp(listener).map(|it| (it.waiting.len(), it.backlog as usize))?;
        if waiting > backlog {
            self.count(Counter::TcpExtListenOverflows);
            self.count(Counter::TcpExtListenDrops);
            return Some(Outcome::Dropped(DropReason::NotSpecified));
        }
        // C-182
        let Ok(routed) = self.way_of_request(id) else {
            self.count(Counter::TcpExtListenDrops);
            return Some(Outcome::Dropped(DropReason::NotSpecified));
        };
        self.keep(id, &routed);
        self.set_segment_timer(id, None);
        let number = self.rng.next_u32() as u16;
        if let Some(socket) = self.state.sockets.get_mut(id) {
            socket.next_id = number;
        }
        if let Some(tcp) = self.state.sockets.tcp_mut(id) {
            (tcp.state, tcp.retries) = (State::Established, 0);
        }
        if let Some(tcp) = self.state.sockets.tcp_mut(listener) {
            tcp.waiting.push_back(id);
        }
        self.remember_received(id, packet);
        self.count(Counter::TcpPassiveOpens);
        self.count(Counter::TcpCurrEstab);
        let is_plain = len == header.header_len() && flags & tcp_flags::FIN == 0;
        if is_plain { consumed } else { Some(Outcome::Unknown("the data of connections")) }
    }
}

/// Whether an address says nothing without its device.
fn is_scoped(addr: SocketAddr) -> bool {
    matches!(addr.ip(), IpAddr::V6(addr) if AddrType::of(addr).any(AddrType::LINK_LOCAL))
}

fn received_tos(packet: &Packet) -> u8 {
    match super::super::super::six::is_six(packet) {
        false => Ipv4::read(&packet.bytes).map_or(0, |header| header.tos),
        true => Ipv6::read(&packet.bytes).map_or(0, |header| header.traffic_class()),
    }
}

impl Socket {
    /// How far its connection has come.
    pub fn state(&self) -> State {
        self.tcp.as_deref().map_or(State::Closed, |tcp| tcp.state)
    }
}
