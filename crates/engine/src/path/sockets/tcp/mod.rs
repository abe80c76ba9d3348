//! How connections of TCP begin (route-output section 7): [`active`] is `connect`, [`passive`]
//! what a listener does, `receive` which of them a segment is for, `segment` what segments
//! say, `signature` who signed them.
//!
//! Not here: what connections carry. A segment with data, or one that ends a connection,
//! that finds its socket ends as unknown.

mod active;
mod passive;
mod receive;
mod segment;
mod signature;

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use fingerpost_model::MetricKind;
use fingerpost_net::wire::{Checksum, DF, Header, Tcp, proto, tcp_flags};
use fingerpost_net::{Errno, Family};

use super::super::options::Answer;
use super::super::output::{Made, has_locked_mtu, metric};
use super::super::six::Made6;
use super::super::timers::Timer;
use super::super::waiting::Owner;
use super::super::{Outcome, Packet, Stack};
use super::options::Options;
use super::{SocketId, Sockets, Way, scope};
use crate::counters::Counter;
use crate::lookup::{Decision, Decision6, DropReason, Flow4, Flow6};
use crate::state::Time;
pub(in crate::path) use receive::ToSocket;
use segment::Peer;

/// Milliseconds until a segment is first sent again (`TCP_TIMEOUT_INIT`).
const FIRST_TIMEOUT: u64 = 1_000;
/// The most that a timeout grows to (`TCP_RTO_MAX`).
const LAST_TIMEOUT: u64 = 120_000;

/// What a first segment ends in where metrics of its route shape it otherwise.
const SHAPED: &str = "route metrics that shape TCP's first segment (features, window, initrwnd)";

/// How far a connection has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Not begun, or over.
    #[default]
    Closed,
    /// It waits for others to begin.
    Listen,
    /// It has begun.
    SynSent,
    /// Another has begun, and was answered: a request, which programs do not see.
    SynReceived,
    /// Both have agreed.
    Established,
}

/// What TCP knows of a socket.
#[derive(Clone, Debug, Default)]
pub(super) struct Connection {
    pub state: State,
    /// Of a request and of what it became: the listener.
    listener: Option<SocketId>,
    /// Of a listener: how many may wait, and who waits to be accepted.
    backlog: u32,
    waiting: VecDeque<SocketId>,
    /// The numbers of the first byte sent, and of the one that is expected next.
    first: u32,
    expected: u32,
    /// What the other side said when it began.
    peer: Peer,
    /// Whether congestion is signalled by marks.
    marks: bool,
    /// What is added to the time in timestamps.
    clock: u32,
    /// How often something was sent again, the present timeout, and when it ends.
    /// When the first segment was sent.
    begun: Time,
    /// When a repeated beginning was answered last.
    repeated: Option<Time>,
    retries: u32,
    timeout: u64,
    until: Option<Time>,
}

/// A way of either family, and the source that it gives.
pub(super) enum Routed {
    Four(Decision),
    Six(Decision6),
}

/// What goes out.
struct Outgoing<'a> {
    from: SocketAddr,
    to: SocketAddr,
    flags: u8,
    seq: u32,
    ack: u32,
    window: u16,
    options: &'a [u8],
    tos: u8,
    mark: u32,
    /// The IP id; none for one by chance.
    id: Option<u16>,
    df: bool,
}

impl Sockets {
    fn tcp(&self, id: SocketId) -> Option<&Connection> {
        self.list.get(&id)?.tcp.as_deref()
    }

    fn tcp_mut(&mut self, id: SocketId) -> Option<&mut Connection> {
        self.list.get_mut(&id)?.tcp.as_deref_mut()
    }

    /// How far a socket's connection has come.
    pub fn state_of(&self, id: SocketId) -> Option<State> {
        self.tcp(id).map(|tcp| tcp.state)
    }

    /// Requests and connections that wait to be accepted from a listener.
    fn of_listener(&self, listener: SocketId, state: State) -> usize {
        let is_of = |tcp: &Connection| tcp.listener == Some(listener) && tcp.state == state;
        self.list.values().filter(|socket| socket.tcp.as_deref().is_some_and(is_of)).count()
    }
}

impl Stack<'_, '_> {
    /// The way of a connection's segments: its addresses, ports, device and mark. That there
    /// is none is counted of IPv6 always, of IPv4 by those whom it concerns.
    pub(super) fn tcp_way(
        &mut self,
        options: &Options,
        dev: u32,
        (from, to): (SocketAddr, SocketAddr),
    ) -> Result<(Routed, IpAddr), Errno> {
        match (from.ip(), to.ip()) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => {
                let flow = self.flow4(options, super::Kind::Tcp, dst);
                let mut flow = Flow4 { src, oif: dev, sport: from.port(), dport: to.port(), ..flow };
                self.resolve4(&mut flow).map(|decision| (Routed::Four(decision), flow.src.into()))
            }
            (src, IpAddr::V6(dst)) => {
                let flow = super::datagram6::flow6(options, super::Kind::Tcp, dst);
                let src = super::datagram6::as_v6(src);
                let mut flow = Flow6 { src, oif: dev, sport: from.port(), dport: to.port(), ..flow };
                self.route6(&mut flow, options.dev != 0)
                    .map(|decision| (Routed::Six(decision), flow.src.into()))
            }
            (IpAddr::V6(_), IpAddr::V4(_)) => Err(Errno::EAFNOSUPPORT),
        }
    }

    fn keep(&mut self, id: SocketId, routed: &Routed) {
        let way = match routed {
            Routed::Four(decision) => self.holding4(decision),
            Routed::Six(decision) => self.holding6(decision),
        };
        self.keep_way(id, Some(way));
    }

    /// The way that a connection keeps, found anew if it holds no longer
    /// (`inet_sk_rebuild_header`, `__ip_queue_xmit`; C-174).
    fn current_way(&mut self, id: SocketId) -> Result<Routed, Errno> {
        let socket = self.state.sockets.get(id).ok_or(Errno::EBADF)?;
        match &socket.way {
            Some(Way::Four(held)) if self.is_current4(held) => {
                return Ok(Routed::Four(held.decision.clone()));
            }
            Some(Way::Six(held)) => {
                if let Some(decision) = self.current6(held) {
                    return Ok(Routed::Six(decision));
                }
            }
            _ => {}
        }
        let (options, from) = (socket.options.clone(), SocketAddr::new(socket.source, socket.port));
        let to = socket.peer.ok_or(Errno::ENOTCONN)?;
        let (routed, _) = self.tcp_way(&options, options.dev, (from, to))?;
        self.keep(id, &routed);
        Ok(routed)
    }

    /// Whether metrics of the way shape the first segment that are not modelled.
    fn is_shaped(&self, routed: &Routed) -> bool {
        [MetricKind::FEATURES, MetricKind::WINDOW, MetricKind::INITRWND].into_iter().any(
            |kind| match routed {
                Routed::Four(decision) => metric(self.config, decision, kind) != 0,
                Routed::Six(decision) => self.metric6(decision, kind) != 0,
            },
        )
    }

    /// How much of a segment's data the way takes (`dst_metric_advmss`).
    fn most_of(&self, routed: &Routed) -> u16 {
        let (of_route, mtu, heads, least) = match routed {
            Routed::Four(decision) => (
                metric(self.config, decision, MetricKind::ADVMSS),
                decision.mtu,
                40,
                self.config.sysctl.min_adv_mss,
            ),
            Routed::Six(decision) => (
                self.metric6(decision, MetricKind::ADVMSS),
                decision.mtu,
                60,
                self.setting6("route/min_adv_mss").clamp(0, 65535) as u32,
            ),
        };
        let most = match of_route {
            0 => mtu.saturating_sub(heads).max(least),
            most => most,
        };
        most.min(65_535 - heads) as u16
    }

    /// Sends a segment (`__tcp_transmit_skb`, `ip_queue_xmit`, `ip_build_and_send_pkt`).
    fn send_segment(&mut self, options: &Options, routed: Routed, out: &Outgoing<'_>) {
        let len = Tcp::LEN + out.options.len();
        let header = Tcp {
            sport: out.from.port().into(),
            dport: out.to.port().into(),
            seq: out.seq.into(),
            ack: out.ack.into(),
            data_offset: (len as u8 / 4) << 4,
            flags: out.flags,
            window: out.window.into(),
            checksum: 0.into(),
            urgent: 0.into(),
        };
        let mut bytes = Vec::with_capacity(len);
        bytes.extend_from_slice(zerocopy::IntoBytes::as_bytes(&header));
        bytes.extend_from_slice(out.options);
        let pseudo = match (out.from.ip(), out.to.ip()) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => Checksum::ZERO.pseudo4(src, dst, proto::TCP, len),
            (IpAddr::V6(src), IpAddr::V6(dst)) => Checksum::ZERO.pseudo6(src, dst, proto::TCP, len),
            _ => return,
        };
        let sum = pseudo.bytes(&bytes).finish();
        bytes[16..18].copy_from_slice(&sum.to_be_bytes());
        self.count(Counter::TcpOutSegs);
        let sender = Some(super::datagram::sender(options));
        match (routed, out.from.ip(), out.to.ip()) {
            (Routed::Four(decision), IpAddr::V4(src), IpAddr::V4(dst)) => {
                let id = out.id.unwrap_or_else(|| self.rng.next_u32() as u16);
                let made = Made {
                    proto: proto::TCP,
                    tos: out.tos,
                    fragment: if out.df { DF } else { 0 },
                    id,
                    mark: out.mark,
                    options: Answer::default(),
                    ttl: options.ttl,
                    sender,
                    owner: Owner::Nobody,
                };
                let _ = self.build_and_send(made, decision, src, dst, &bytes);
            }
            (Routed::Six(decision), IpAddr::V6(src), IpAddr::V6(dst)) => {
                let made = Made6 {
                    next: proto::TCP,
                    traffic_class: out.tos,
                    flow_label: 0,
                    mark: out.mark,
                    may_cut: false,
                    hop_limit: options.ttl,
                    sender,
                    owner: Owner::Nobody,
                };
                let _ = self.build_and_send6(made, decision, src, dst, &bytes);
            }
            _ => {}
        }
    }

    /// Whether packets by a way say that they must not be cut (`ip_dont_fragment`).
    fn keeps_whole(&self, options: &Options, routed: &Routed) -> bool {
        let Routed::Four(decision) = routed else { return true };
        options.discovery.keeps_whole(has_locked_mtu(self.config, decision))
    }

    /// Sends an acknowledgement without data.
    fn send_ack(&mut self, id: SocketId) {
        let Some(tcp) = self.state.sockets.tcp(id).cloned() else { return };
        let now = self.timestamp(&tcp);
        let options = tcp.peer.options_of_ack(now);
        self.send_of(id, tcp_flags::ACK, tcp.first.wrapping_add(1), tcp.expected, &options, true);
    }

    /// Sends a segment of a socket's connection by the way that it keeps; that there is none
    /// is counted, and told to the program later.
    fn send_of(&mut self, id: SocketId, flags: u8, seq: u32, ack: u32, said: &[u8], scaled: bool) {
        let routed = match self.current_way(id) {
            Ok(routed) => routed,
            Err(errno) => {
                self.note_no_way(id, errno);
                let peer = self.state.sockets.get(id).and_then(|socket| socket.peer);
                peer.into_iter().for_each(|to| self.count_no_way(to));
                let gone = Packet { is_subject: true, ..Packet::at(0, Vec::new()) };
                return self.end(&gone, Outcome::Dropped(DropReason::IpOutNoRoutes));
            }
        };
        let most = self.most_of(&routed);
        let Some(socket) = self.state.sockets.get_mut(id) else { return };
        let (options, number) = (socket.options.clone(), socket.next_id);
        let (from, to) = (SocketAddr::new(socket.source, socket.port), socket.peer);
        socket.next_id = number.wrapping_add(1);
        let Some(to) = to else { return };
        let peer = socket.tcp.as_deref().map(|tcp| tcp.peer).unwrap_or_default();
        let scale = if scaled { peer.window_scale.and(self.window_scale()) } else { None };
        let window = u32::from(segment::window(most, false, self.room()[1]));
        let df = self.keeps_whole(&options, &routed);
        let out = Outgoing {
            from,
            to,
            flags,
            seq,
            ack,
            window: window.div_ceil(1 << scale.unwrap_or(0)) as u16,
            options: said,
            tos: options.tos,
            mark: options.mark,
            id: Some(number),
            df,
        };
        self.send_segment(&options, routed, &out);
    }

    /// A connection has no way now: the program is told in the end, if it does not find one.
    fn note_no_way(&mut self, id: SocketId, errno: Errno) {
        let Some(socket) = self.state.sockets.get_mut(id) else { return };
        socket.soft_error = Some(errno);
    }

    /// An answer or an acknowledgement has no way.
    fn count_no_way(&mut self, to: SocketAddr) {
        if family(to) == Family::V4 {
            self.count(Counter::IpOutNoRoutes);
        }
    }

    /// What the other side offers, as far as this one takes it.
    fn offered(&self, segment: &[u8]) -> Peer {
        let is_on = |name| self.setting(name) != 0;
        let mut peer = Peer::of(segment);
        peer.window_scale = peer.window_scale.filter(|_| is_on("tcp_window_scaling"));
        peer.timestamp = peer.timestamp.filter(|_| is_on("tcp_timestamps"));
        peer.sack &= is_on("tcp_sack");
        peer
    }

    /// How much windows are scaled, if they are (`tcp_select_initial_window`).
    fn window_scale(&self) -> Option<u8> {
        (self.setting("tcp_window_scaling") != 0).then(|| segment::scale(self.room()[2]))
    }

    /// `tcp_rmem`: the least, the first and the most room for what is received, bytes.
    fn room(&self) -> [u32; 3] {
        let text = crate::control::sysctl::text_of(self.config, "tcp_rmem");
        let mut room = [4096, 131_072, 6_291_456];
        for (place, word) in room.iter_mut().zip(text.split_whitespace()) {
            *place = word.parse().unwrap_or(*place);
        }
        room
    }

    fn timestamp(&self, tcp: &Connection) -> u32 {
        tcp.clock.wrapping_add(self.now().0 as u32)
    }

    fn set_segment_timer(&mut self, id: SocketId, at: Option<Time>) {
        let due = at.map(|at| self.slot(at));
        let Some(tcp) = self.state.sockets.tcp_mut(id) else { return };
        let before = std::mem::replace(&mut tcp.until, due.map(|due| due.at));
        self.state.timers.set(Timer::Segment(id), before, due);
    }

    /// Something that was sent was not answered in time (`tcp_retransmit_timer`,
    /// `reqsk_timer_handler`).
    pub(in crate::path) fn segment_timer(&mut self, id: SocketId) {
        if let Some(tcp) = self.state.sockets.tcp_mut(id) {
            tcp.until = None;
        }
        match self.state.sockets.state_of(id) {
            Some(State::SynSent) => self.begin_again(id),
            Some(State::SynReceived) => self.answer_again(id),
            _ => {}
        }
    }

    /// Forgets a socket of TCP with all that waits for it.
    pub(super) fn forget_tcp(&mut self, id: SocketId) {
        let of_it = |tcp: &Connection| tcp.listener == Some(id);
        let list = self.state.sockets.list.iter();
        let dependent: Vec<SocketId> =
            list.filter(|(_, socket)| socket.tcp.as_deref().is_some_and(of_it)).map(|(&id, _)| id).collect();
        for id in dependent {
            self.set_segment_timer(id, None);
            self.state.sockets.close(id);
        }
        self.set_segment_timer(id, None);
    }
}

/// The family of a connection.
fn family(to: SocketAddr) -> Family {
    Family::of(to.ip())
}
