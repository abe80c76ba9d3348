//! `connect` (`tcp_v4_connect`, `tcp_v6_connect`; C-170 to C-172).

use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};

use fingerpost_model::RouteFlags;
use fingerpost_net::wire::tcp_flags;
use fingerpost_net::{Errno, Family};

use super::segment::Offer;
use super::*;
use crate::addrtype::AddrType;

impl Stack<'_, '_> {
    /// Begins a connection: finds its addresses and its way, and sends the first segment.
    pub(in crate::path::sockets) fn connect_tcp(
        &mut self,
        id: SocketId,
        to: SocketAddr,
    ) -> Result<(), Errno> {
        let socket = self.state.sockets.get(id).ok_or(Errno::EBADF)?;
        match socket.tcp.as_deref().map(|tcp| tcp.state) {
            Some(State::Closed) => {}
            Some(State::SynSent) => return Err(Errno::EALREADY),
            _ => return Err(Errno::EISCONN),
        }
        let (options, source, port) = (socket.options.clone(), socket.source, socket.port);
        let (to, dev) = self.destination_of(&options, to)?;
        let source = match (source.is_unspecified(), family(to)) {
            (true, Family::V4) => std::net::Ipv4Addr::UNSPECIFIED.into(),
            (true, Family::V6) => Ipv6Addr::UNSPECIFIED.into(),
            (false, _) => source,
        };
        let (routed, source, to) = self.first_way(&options, dev, (SocketAddr::new(source, port), to))?;
        let is_for_many = match &routed {
            Routed::Four(decision) => decision.flags.any(RouteFlags::MULTICAST | RouteFlags::BROADCAST),
            Routed::Six(_) => false,
        };
        if is_for_many {
            return Err(Errno::ENETUNREACH);
        }
        let before = self.state.sockets.get(id).cloned().ok_or(Errno::EBADF)?;
        if let Some(socket) = self.state.sockets.get_mut(id) {
            socket.source = source; // C-171
            if socket.local.is_unspecified() {
                socket.local = source;
            }
            socket.options.dev = dev;
            socket.peer = Some(to);
        }
        match self.start(id, &before, routed) {
            Ok(()) => Ok(()),
            Err(errno) => {
                self.state.sockets.list.insert(id, before);
                Err(errno)
            }
        }
    }

    /// Where a connection goes, and by which device it has to.
    fn destination_of(&self, options: &Options, to: SocketAddr) -> Result<(SocketAddr, u32), Errno> {
        let IpAddr::V6(dst) = to.ip() else { return Ok((to, options.dev)) };
        let dst = if dst.is_unspecified() { Ipv6Addr::LOCALHOST } else { dst };
        let mut dev = options.dev;
        if dst.is_multicast() {
            return Err(Errno::ENETUNREACH);
        }
        if AddrType::of(dst).any(AddrType::LINK_LOCAL) {
            let named = scope(to);
            if named != 0 && dev != 0 && named != dev {
                return Err(Errno::EINVAL);
            }
            dev = if named != 0 { named } else { dev };
            if dev == 0 {
                return Err(Errno::EINVAL);
            }
        }
        Ok((SocketAddrV6::new(dst, to.port(), 0, scope(to)).into(), dev))
    }

    /// The lookups before the port is chosen: of IPv4 one that finds the addresses if one is
    /// open and one with both, of IPv6 one.
    fn first_way(
        &mut self,
        options: &Options,
        dev: u32,
        (from, to): (SocketAddr, SocketAddr),
    ) -> Result<(Routed, IpAddr, SocketAddr), Errno> {
        match (from.ip(), to.ip()) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => {
                let flow = self.flow4(options, super::super::Kind::Tcp, dst);
                let mut flow = Flow4 { src, oif: dev, sport: from.port(), dport: to.port(), ..flow };
                let decision = self.route_connect(&mut flow, dev)?;
                let to = SocketAddr::new(flow.dst.into(), to.port());
                Ok((Routed::Four(decision), flow.src.into(), to))
            }
            _ => {
                let (routed, source) = self.tcp_way(options, dev, (from, to))?;
                Ok((routed, source, to))
            }
        }
    }

    fn start(
        &mut self,
        id: SocketId,
        before: &super::super::Socket,
        mut routed: Routed,
    ) -> Result<(), Errno> {
        self.find_port(id)?;
        let (first, clock, number) = (self.rng.next_u32(), self.rng.next_u32(), self.rng.next_u32() as u16);
        let now = self.now();
        let socket = self.state.sockets.get_mut(id).ok_or(Errno::EBADF)?;
        socket.next_id = number;
        let (from, to) = (SocketAddr::new(socket.source, socket.port), socket.peer);
        let (options, to) = (socket.options.clone(), to.ok_or(Errno::EINVAL)?);
        let fresh = Connection { state: State::SynSent, first, clock, begun: now, ..Connection::default() };
        socket.tcp = Some(Box::new(Connection { timeout: FIRST_TIMEOUT, ..fresh }));
        // Another lookup with the port that was chosen (`ip_route_newports`).
        if before.port == 0 && to.is_ipv4() {
            routed = self.tcp_way(&options, options.dev, (from, to))?.0;
        }
        self.keep(id, &routed);
        self.count(Counter::TcpActiveOpens);
        self.send_syn(id);
        self.set_segment_timer(id, Some(Time(self.now().0 + FIRST_TIMEOUT)));
        Ok(())
    }

    /// Sends the first segment (`tcp_connect`).
    fn send_syn(&mut self, id: SocketId) {
        let routed = match self.current_way(id) {
            Ok(routed) => routed,
            Err(errno) => return self.note_no_way(id, errno),
        };
        if self.is_shaped(&routed) {
            let subject = Packet { is_subject: true, ..Packet::at(0, Vec::new()) };
            return self.end(&subject, Outcome::Unknown(SHAPED));
        }
        let Some(tcp) = self.state.sockets.tcp(id).cloned() else { return };
        let offer = Offer {
            most: self.most_of(&routed),
            window_scale: self.window_scale(),
            timestamp: (self.setting("tcp_timestamps") != 0).then(|| (self.timestamp(&tcp), 0)),
            sack: self.setting("tcp_sack") != 0,
        };
        let marks = if self.setting("tcp_ecn") == 1 { tcp_flags::ECE | tcp_flags::CWR } else { 0 };
        self.send_of(id, tcp_flags::SYN | marks, tcp.first, 0, &offer.options(), false);
    }

    /// The first segment was not answered in time: the first timeouts are equally long
    /// (`tcp_syn_linear_timeouts`), later ones double.
    pub(super) fn begin_again(&mut self, id: SocketId) {
        let linear = self.setting("tcp_syn_linear_timeouts").max(0) as u32;
        let most = self.setting("tcp_syn_retries").max(0) as u32 + linear;
        let Some(tcp) = self.state.sockets.tcp_mut(id) else { return };
        if tcp.retries >= most {
            return self.fail(id, Errno::ETIMEDOUT);
        }
        tcp.retries += 1;
        if tcp.retries > linear {
            tcp.timeout = (tcp.timeout * 2).min(LAST_TIMEOUT);
        }
        let timeout = tcp.timeout;
        if self.current_way(id).is_ok() {
            self.count(Counter::TcpRetransSegs);
        }
        self.send_syn(id);
        self.set_segment_timer(id, Some(Time(self.now().0 + timeout)));
    }

    /// A connection comes to nothing: the program is told why, of the earlier reason if
    /// there was one that might have passed.
    pub(super) fn fail(&mut self, id: SocketId, errno: Errno) {
        self.set_segment_timer(id, None);
        self.count(Counter::TcpAttemptFails);
        let Some(socket) = self.state.sockets.get_mut(id) else { return };
        let soft = socket.soft_error.take().filter(|_| errno == Errno::ETIMEDOUT);
        socket.error = Some(soft.unwrap_or(errno));
        socket.tcp = Some(Box::default());
    }
}
