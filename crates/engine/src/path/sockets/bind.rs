//! Addresses and ports that sockets take (`inet_bind`, `inet6_bind`; C-175).

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use fingerpost_model::{IfaFlags, RouteType, TableId};
use fingerpost_net::{Errno, Family};

use super::super::Stack;
use super::{Kind, Socket, SocketId, State, plain, scope};
use crate::addrtype::AddrType;
use crate::lookup::source;
use crate::lookup::source6::{self, Own};

/// Ports below this one are for those who may do everything, unless set otherwise.
const PRIVILEGED: u16 = 1024;

impl Stack<'_, '_> {
    /// Gives a socket an address and a port of its own.
    pub(super) fn bind(&mut self, id: SocketId, to: SocketAddr) -> Result<(), Errno> {
        let bound = self.take_place(id, to);
        self.let_go(id);
        bound
    }

    fn take_place(&mut self, id: SocketId, to: SocketAddr) -> Result<(), Errno> {
        let socket = self.state.sockets.get(id).ok_or(Errno::EBADF)?;
        let (family, options) = (socket.family, socket.options.clone());
        let is_mapped = family == Family::V6 && plain(to).is_ipv4();
        let (to, dev) = (plain(to), scope(to));
        if Family::of(to.ip()) != family && !is_mapped {
            return Err(Errno::EAFNOSUPPORT);
        }
        if is_mapped && options.v6_only {
            return Err(Errno::EINVAL);
        }
        let kind_of = socket.kind;
        if is_mapped && matches!(kind_of, Kind::Raw(_)) {
            return Err(Errno::EADDRNOTAVAIL); // Those of IPv6 know no other.
        }
        let is_bound = match socket.kind {
            Kind::Udp | Kind::Tcp => socket.port != 0,
            Kind::Raw(_) => false,
        };
        let is_settled = is_bound || socket.peer.is_some();
        if is_settled && family == Family::V6 {
            return Err(Errno::EINVAL);
        }
        let mut bound_dev = options.dev;
        let (local, source) = match to.ip() {
            IpAddr::V4(addr) => {
                let table = self.config.links.l3_table(bound_dev).unwrap_or(TableId::LOCAL);
                let kind = source::address_type(self.config, addr, table);
                let is_own = matches!(kind, RouteType::LOCAL | RouteType::MULTICAST | RouteType::BROADCAST);
                let may_be_any =
                    options.free_bind || options.transparent || self.config.sysctl.ip_nonlocal_bind;
                if !addr.is_unspecified() && !is_own && !may_be_any {
                    return Err(Errno::EADDRNOTAVAIL);
                }
                let is_for_many = matches!(kind, RouteType::MULTICAST | RouteType::BROADCAST);
                let any = std::net::Ipv4Addr::UNSPECIFIED;
                (IpAddr::V4(addr), IpAddr::V4(if is_for_many && !is_mapped { any } else { addr }))
            }
            IpAddr::V6(addr) => {
                let kind = AddrType::of(addr);
                if kind.needs_link() {
                    bound_dev = if dev != 0 { dev } else { bound_dev };
                    // The device stays, whatever becomes of the rest.
                    if let Some(socket) = self.state.sockets.get_mut(id) {
                        socket.options.dev = bound_dev;
                    }
                    if bound_dev == 0 {
                        return Err(Errno::EINVAL);
                    }
                }
                let may_be_any =
                    options.free_bind || options.transparent || self.setting6("ip_nonlocal_bind") != 0;
                let own = Own { dev: bound_dev, any_device: bound_dev == 0, banned: IfaFlags(0) };
                let is_free = addr.is_unspecified() || addr.is_multicast() || may_be_any;
                if !is_free && !source6::is_own(self.config, addr, own) {
                    return Err(Errno::EADDRNOTAVAIL);
                }
                let source = if addr.is_multicast() { Ipv6Addr::UNSPECIFIED } else { addr };
                (IpAddr::V6(addr), IpAddr::V6(source))
            }
        };
        let least = self.setting("ip_unprivileged_port_start").try_into().unwrap_or(PRIVILEGED);
        if has_ports(kind_of) && options.uid != 0 && (1..least).contains(&to.port()) {
            return Err(Errno::EACCES);
        }
        if is_settled {
            return Err(Errno::EINVAL);
        }
        if has_ports(kind_of) && to.port() != 0 && self.is_taken(id, local, bound_dev, to.port()) {
            return Err(Errno::EADDRINUSE);
        }
        if let Some(socket) = self.state.sockets.get_mut(id) {
            (socket.local, socket.source, socket.options.dev) = (local, source, bound_dev);
            // One with an address of IPv6 alone serves nothing else.
            if family == Family::V6 && !is_mapped && !local.is_unspecified() {
                socket.options.v6_only = true;
            }
            if has_ports(socket.kind) {
                socket.port = to.port();
            }
        }
        match to.port() {
            0 if self.find_port(id).is_err() => {
                if let Some(socket) = self.state.sockets.get_mut(id) {
                    let any = socket.family.unspecified();
                    (socket.local, socket.source, socket.options.v6_only) = (any, any, options.v6_only);
                }
                return Err(Errno::EADDRINUSE);
            }
            0 => {}
            _ => self.state.sockets.place(id),
        }
        Ok(())
    }

    /// Gives a socket of UDP a port, if it has none (`inet_autobind`): one by chance of
    /// `ip_local_port_range`.
    pub(super) fn find_port(&mut self, id: SocketId) -> Result<(), Errno> {
        let socket = self.state.sockets.get(id).ok_or(Errno::EBADF)?;
        if !has_ports(socket.kind) || socket.port != 0 {
            return Ok(());
        }
        let (local, dev) = (socket.local, socket.options.dev);
        let (low, high) = self.port_range();
        let count = u32::from(high - low) + 1;
        let first = self.rng.next_u32() % count;
        let port = (0..count)
            .map(|step| low + ((first + step) % count) as u16)
            .find(|&port| !self.is_taken(id, local, dev, port))
            .ok_or(Errno::EAGAIN)?;
        if let Some(socket) = self.state.sockets.get_mut(id) {
            socket.port = port;
        }
        self.state.sockets.place(id);
        Ok(())
    }

    /// `ip_local_port_range`.
    fn port_range(&self) -> (u16, u16) {
        let text = crate::control::sysctl::text_of(self.config, "ip_local_port_range");
        let mut words = text.split_whitespace().map_while(|word| word.parse().ok());
        match (words.next(), words.next()) {
            (Some(low), Some(high)) if low <= high => (low, high),
            _ => (32768, 60999),
        }
    }

    /// Whether another socket keeps a port from being taken (`udp_lib_lport_inuse`).
    pub(super) fn is_taken(&self, id: SocketId, local: IpAddr, dev: u32, port: u16) -> bool {
        let Some(own) = self.state.sockets.get(id) else { return false };
        let meets = |other: &Socket| {
            other.kind == own.kind
                && other.state() != State::SynReceived
                && other.port == port
                && !(own.options.reuse_address
                    && other.options.reuse_address
                    && other.state() != State::Listen)
                && (dev == 0 || other.options.dev == 0 || dev == other.options.dev)
                && overlap(own, local, other)
                && !(own.options.reuse_port
                    && other.options.reuse_port
                    && own.options.uid == other.options.uid)
        };
        self.state.sockets.in_order().iter().any(|&(other, socket)| other != id && meets(socket))
    }
}

fn has_ports(kind: Kind) -> bool {
    matches!(kind, Kind::Udp | Kind::Tcp)
}

/// Whether two sockets would receive at a common address (`inet_rcv_saddr_equal`).
fn overlap(own: &Socket, local: IpAddr, other: &Socket) -> bool {
    let serves4 =
        |socket: &Socket, local: IpAddr| local.is_ipv4() || local.is_unspecified() && socket.takes4();
    let both4 = serves4(own, local) && serves4(other, other.local);
    let both6 =
        own.family == Family::V6 && other.family == Family::V6 && local.is_ipv6() && other.local.is_ipv6();
    let is_common = local == other.local || local.is_unspecified() || other.local.is_unspecified();
    (both4 || both6) && is_common
}
