//! What programs ask of sockets: `socket`, `bind`, `connect`, `send`, `recv`.

use std::net::{Ipv4Addr, SocketAddr};

use fingerpost_model::NsId;
use fingerpost_net::{Errno, Family};

use super::super::{Frame, Outcome, Packet, Stack};
use super::{
    Arrival, Control, Discovery, Kind, Options, Origin, Report, Setting, Socket, SocketId, plain, scope,
};
use crate::control::sysctl;
use crate::trace::Tracer;
use crate::world::World;

/// What a call came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Called<T> {
    /// What it returned.
    pub result: Result<T, Errno>,
    /// What became of the packet, if one was made.
    pub outcome: Option<Outcome>,
    /// The frames that left meanwhile, in order.
    pub emitted: Vec<Frame>,
}

impl World {
    /// Makes a socket (`socket`). Options are [`World::set_option`]'s to set.
    ///
    /// # Errors
    ///
    /// `EINVAL`: there is no such namespace. `EPROTONOSUPPORT`: there are no raw sockets of
    /// protocol 0.
    pub fn socket(&mut self, ns: NsId, family: Family, kind: Kind, uid: u32) -> Result<SocketId, Errno> {
        if kind == Kind::Raw(0) {
            return Err(Errno::EPROTONOSUPPORT);
        }
        let (ns, _) = self.space(ns).map_err(|refusal| refusal.errno)?;
        // C-148
        let discovery_as_v4 = match ns.config.sysctl.ip_no_pmtu_disc {
            0 => Discovery::Want,
            _ => Discovery::Dont,
        };
        let discovery = if family == Family::V4 { discovery_as_v4 } else { Discovery::Want };
        let with_header = kind == Kind::Raw(fingerpost_net::wire::proto::RAW);
        let v6_only = family == Family::V6 && sysctl::number6_of(&ns.config, "bindv6only") != 0;
        let options = Options { uid, discovery, discovery_as_v4, with_header, v6_only, ..Options::default() };
        Ok(ns.state.sockets.open(family, kind, options))
    }

    /// Tells a socket something (`setsockopt`). That a device is there, or a value one that
    /// Linux takes, is not looked at.
    ///
    /// # Errors
    ///
    /// `EBADF`: there is no such socket.
    pub fn set_option(&mut self, ns: NsId, id: SocketId, setting: Setting) -> Result<(), Errno> {
        self.call(ns, &mut Tracer::off(), |stack| stack.set_option(id, setting)).result
    }

    /// Where a socket receives (`getsockname`), as [`Socket::local`]. Linux locks a socket to
    /// say so, and a connected one of UDP then looks for another way if its own is lost.
    ///
    /// # Errors
    ///
    /// `EBADF`: there is no such socket.
    pub fn socket_name(&mut self, ns: NsId, id: SocketId) -> Result<SocketAddr, Errno> {
        self.call(ns, &mut Tracer::off(), |stack| stack.asked_of(id, |socket| Ok(socket.local()))).result
    }

    /// Whom a socket is connected to (`getpeername`); of the way as [`World::socket_name`].
    ///
    /// # Errors
    ///
    /// `ENOTCONN`: it is not. `EBADF`: there is no such socket.
    pub fn peer_name(&mut self, ns: NsId, id: SocketId) -> Result<SocketAddr, Errno> {
        let peer = |socket: &Socket| socket.peer().ok_or(Errno::ENOTCONN);
        self.call(ns, &mut Tracer::off(), |stack| stack.asked_of(id, peer)).result
    }

    /// A socket as it stands.
    pub fn socket_of(&self, ns: NsId, id: SocketId) -> Option<&Socket> {
        self.ns(ns).ok()?.state.sockets.get(id)
    }

    /// Gives a socket an address and a port (`bind`); port 0 for any that is free.
    ///
    /// # Errors
    ///
    /// `EADDRNOTAVAIL`: not an address of this host (C-175). `EADDRINUSE`, `EACCES`: the
    /// port is another's, or for others. `EINVAL`: it has an address, or the address needs
    /// a device. `EAFNOSUPPORT`: the address is of another family.
    pub fn bind(&mut self, ns: NsId, id: SocketId, to: SocketAddr) -> Result<(), Errno> {
        self.call(ns, &mut Tracer::off(), |stack| stack.bind(id, to)).result
    }

    /// Connects a socket to a peer (`connect`), with the lookups that this takes. One of TCP
    /// begins to connect; its [`Socket::state`] tells how far it came.
    ///
    /// # Errors
    ///
    /// Those of routing as they are (C-170); `EACCES`: a broadcast address without
    /// permission (C-169); `EINVAL`: the address needs a device.
    pub fn connect(&mut self, ns: NsId, id: SocketId, to: SocketAddr, tracer: &mut Tracer<'_>) -> Called<()> {
        self.call(ns, tracer, |stack| stack.connect(id, to))
    }

    /// Has a socket of TCP wait for connections (`listen`); `backlog` may wait to be accepted.
    ///
    /// # Errors
    ///
    /// `EOPNOTSUPP`: not one of TCP. `EINVAL`: it is connected.
    pub fn listen(&mut self, ns: NsId, id: SocketId, backlog: u32) -> Result<(), Errno> {
        self.call(ns, &mut Tracer::off(), |stack| stack.listen(id, backlog)).result
    }

    /// The connection that has waited longest at a listener (`accept`).
    ///
    /// # Errors
    ///
    /// `EAGAIN`: none waits. `EINVAL`: it does not listen.
    pub fn accept(&mut self, ns: NsId, id: SocketId) -> Result<SocketId, Errno> {
        self.call(ns, &mut Tracer::off(), |stack| stack.accept(id)).result
    }

    /// Sends a datagram (`sendmsg`): to `to`, or to the peer. What a connection carries is not
    /// modelled: the outcome is unknown then, whatever is returned.
    ///
    /// # Errors
    ///
    /// Those of routing; `EDESTADDRREQ`: to nobody; `EMSGSIZE`: it is too long, be it for
    /// the path; `EACCES`: broadcast without permission.
    pub fn send(
        &mut self,
        ns: NsId,
        id: SocketId,
        to: Option<SocketAddr>,
        control: &Control,
        data: &[u8],
        tracer: &mut Tracer<'_>,
    ) -> Called<usize> {
        self.call(ns, tracer, |stack| stack.send(id, to, control, data))
    }

    /// Takes what a socket received first (`recvmsg`).
    ///
    /// # Errors
    ///
    /// The error that the socket was told, once; `EAGAIN`: nothing came.
    pub fn receive_from(
        &mut self,
        ns: NsId,
        id: SocketId,
        tracer: &mut Tracer<'_>,
    ) -> Result<Arrival, Errno> {
        let take = |stack: &mut Stack<'_, '_>| {
            let socket = stack.state.sockets.get_mut(id).ok_or(Errno::EBADF)?;
            match socket.error.take() {
                Some(errno) => Err(errno),
                None => stack.take(id).ok_or(Errno::EAGAIN),
            }
        };
        self.call(ns, tracer, take).result
    }

    /// Takes the error that was reported first (`recvmsg` with `MSG_ERRQUEUE`). The socket's
    /// error is then that of the next report, if that is another's (`sock_dequeue_err_skb`).
    pub fn error_report(&mut self, ns: NsId, id: SocketId) -> Option<Report> {
        let (ns, _) = self.space(ns).ok()?;
        let socket = ns.state.sockets.get_mut(id)?;
        let report = socket.reports.pop_front()?;
        let of_others = |report: &&Report| report.origin != Origin::Local;
        match socket.reports.front().filter(of_others) {
            Some(next) => socket.error = Some(next.errno),
            None if report.origin != Origin::Local => socket.error = None,
            None => {}
        }
        Some(report)
    }

    /// The error that a socket has been told, once (`SO_ERROR`).
    pub fn socket_error(&mut self, ns: NsId, id: SocketId) -> Option<Errno> {
        let (ns, _) = self.space(ns).ok()?;
        ns.state.sockets.get_mut(id)?.error.take()
    }

    /// Forgets a socket (`close`). A connection is not ended before: its peer is told nothing.
    pub fn close(&mut self, ns: NsId, id: SocketId) {
        let close = |stack: &mut Stack<'_, '_>| {
            // Closing one of IPv6 locks it (`udpv6_destroy_sock`).
            if stack.state.sockets.get(id).is_some_and(|socket| socket.family == Family::V6) {
                stack.let_go(id);
            }
            stack.forget_tcp(id);
            stack.state.sockets.close(id);
            Ok(())
        };
        let _of_no_namespace = self.call(ns, &mut Tracer::off(), close);
    }

    fn call<T>(
        &mut self,
        ns: NsId,
        tracer: &mut Tracer<'_>,
        call: impl FnOnce(&mut Stack<'_, '_>) -> Result<T, Errno>,
    ) -> Called<T> {
        match self.at_work(ns, tracer, call) {
            Ok((result, outcome, emitted)) => Called { result, outcome, emitted },
            Err(refusal) => Called { result: Err(refusal.errno), outcome: None, emitted: Vec::new() },
        }
    }
}

impl Stack<'_, '_> {
    fn connect(&mut self, id: SocketId, to: SocketAddr) -> Result<(), Errno> {
        self.find_port_first(id)?;
        let (to, socket) = (plain(to), self.state.sockets.get(id).ok_or(Errno::EBADF)?);
        if to.is_ipv6() && socket.family == Family::V4 {
            return Err(Errno::EAFNOSUPPORT);
        }
        let to = Self::target_of_mapped(socket, to);
        if to.is_ipv4() && !socket.takes4() {
            return Err(Errno::ENETUNREACH);
        }
        let connected = match to {
            _ if socket.kind == Kind::Tcp => self.connect_tcp(id, to),
            SocketAddr::V4(_) => self.connect4(id, to),
            SocketAddr::V6(_) => self.connect6(id, to, scope(to)),
        };
        self.let_go(id);
        connected
    }

    fn set_option(&mut self, id: SocketId, setting: Setting) -> Result<(), Errno> {
        let socket = self.state.sockets.get_mut(id).ok_or(Errno::EBADF)?;
        if socket.options.set(setting) {
            socket.way = None;
        }
        if setting.locks(socket.family, self.env.behaviour) {
            self.let_go(id);
        }
        Ok(())
    }

    fn asked_of<T>(
        &mut self,
        id: SocketId,
        ask: impl FnOnce(&Socket) -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        let answer = ask(self.state.sockets.get(id).ok_or(Errno::EBADF)?);
        self.let_go(id);
        answer
    }

    /// Where a socket goes that is told to go to the unspecified address: to this host, which is
    /// IPv4's for one of IPv6 that has an address of IPv4.
    fn target_of_mapped(socket: &Socket, to: SocketAddr) -> SocketAddr {
        let is_mapped = socket.family == Family::V6 && socket.source.is_ipv4();
        match is_mapped && to.is_ipv6() && to.ip().is_unspecified() {
            true => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), to.port()),
            false => to,
        }
    }

    /// A socket of UDP has a port before anything else is looked at (`inet_autobind`).
    fn find_port_first(&mut self, id: SocketId) -> Result<(), Errno> {
        match self.state.sockets.get(id).map(|socket| socket.kind) {
            Some(Kind::Udp) => self.find_port(id),
            _ => Ok(()),
        }
    }

    fn send(
        &mut self,
        id: SocketId,
        to: Option<SocketAddr>,
        control: &Control,
        data: &[u8],
    ) -> Result<usize, Errno> {
        self.find_port_first(id)?;
        let socket = self.state.sockets.get(id).ok_or(Errno::EBADF)?;
        // Raw sockets of IPv6 know no other.
        if matches!((socket.kind, socket.family), (Kind::Raw(_), Family::V6)) {
            return self.send6(id, to, control, data);
        }
        let told = to.map_or(socket.family, |to| Family::of(to.ip()));
        let to = to.map(|to| Self::target_of_mapped(socket, plain(to)));
        if socket.kind == Kind::Tcp {
            let subject = Packet { is_subject: true, ..Packet::at(0, Vec::new()) };
            self.end(&subject, Outcome::Unknown("the data of connections"));
            return Err(Errno::EOPNOTSUPP);
        }
        let is_four = to.or(socket.peer).map_or(socket.family == Family::V4, |to| to.is_ipv4());
        if !is_four && socket.family == Family::V4 {
            return Err(Errno::EAFNOSUPPORT);
        }
        if is_four && !socket.takes4() {
            return Err(Errno::ENETUNREACH);
        }
        match is_four {
            true => self.send4(id, to, (told, control), data),
            false => self.send6(id, to, control, data),
        }
    }
}
