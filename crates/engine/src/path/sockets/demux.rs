//! Which socket a packet is for (packet-path section 11).

use std::net::{IpAddr, SocketAddr};

use fingerpost_net::Family;

use super::{Kind, Socket, SocketId, Sockets};

/// A datagram as those look at it who look for its receiver.
#[derive(Clone, Copy, Debug)]
pub(in crate::path) struct Envelope {
    /// Who sent it.
    pub from: SocketAddr,
    /// Whom it is for.
    pub to: SocketAddr,
    /// The device that it came in by, of one in a VRF the VRF (`inet_iif`).
    pub dev: u32,
    /// Of one that came in by a device of a VRF, that device (`inet_sdif`); else 0.
    pub slave: u32,
    /// Whether sockets bound to no device take what comes in by a VRF
    /// (`udp_l3mdev_accept`, `raw_l3mdev_accept`).
    pub takes_vrf: bool,
}

impl Envelope {
    /// `inet_bound_dev_eq`.
    pub(super) fn fits_device(&self, socket: &Socket) -> bool {
        match socket.options.dev {
            0 => self.slave == 0 || self.takes_vrf,
            dev => dev == self.dev || dev == self.slave,
        }
    }

    fn family(&self) -> Family {
        Family::of(self.to.ip())
    }

    /// Whether a socket receives at an address, be it because it receives everywhere.
    pub(super) fn fits_local(&self, socket: &Socket) -> bool {
        match local_of(socket, self.family()) {
            Some(local) => local.is_unspecified() || local == self.to.ip(),
            None => false,
        }
    }

    fn fits_peer(&self, socket: &Socket) -> bool {
        socket.peer.is_none_or(|peer| {
            (peer.ip().is_unspecified() || peer.ip() == self.from.ip())
                && (peer.port() == 0 || peer.port() == self.from.port())
        })
    }

    pub(super) fn is_from_peer(&self, socket: &Socket) -> bool {
        socket.peer.is_some_and(|peer| (peer.ip(), peer.port()) == (self.from.ip(), self.from.port()))
    }
}

/// The address of a family that a socket receives at.
fn local_of(socket: &Socket, family: Family) -> Option<IpAddr> {
    match family {
        Family::V4 => socket.local4().map(IpAddr::V4),
        Family::V6 => socket.local6().map(IpAddr::V6),
    }
}

impl Sockets {
    fn udp(&self, port: u16) -> impl Iterator<Item = (SocketId, &Socket)> {
        let of_port = move |socket: &Socket| socket.kind == Kind::Udp && socket.port == port && port != 0;
        self.in_order().into_iter().filter(move |(_, socket)| of_port(socket))
    }

    /// The socket that gets a datagram (`__udp4_lib_lookup`, `__udp6_lib_lookup`, C-282):
    /// of those bound to its very destination the one that fits best, else of those that
    /// receive everywhere; of equals the one that came last.
    pub(in crate::path) fn find_udp(&self, envelope: &Envelope) -> Option<SocketId> {
        if self.is_empty() {
            return None;
        }
        if let Some(connected) = self.find_connected(envelope) {
            return Some(connected);
        }
        let best = |is_exact: bool| {
            let mut best: Option<(u32, SocketId)> = None;
            for (id, socket) in self.udp(envelope.to.port()) {
                let local = local_of(socket, envelope.family());
                if local.is_none_or(|local| local.is_unspecified() == is_exact) {
                    continue;
                }
                let Some(score) = score(socket, envelope) else { continue };
                if best.is_none_or(|(known, _)| score > known) {
                    best = Some((score, id));
                    // One of a group ends the search, be it alone (`udp4_lib_lookup2`).
                    if socket.options.reuse_port && socket.peer.is_none() {
                        break;
                    }
                }
            }
            best.map(|(_, id)| id)
        };
        best(true).or_else(|| best(false))
    }

    /// The first socket connected to the sender from the destination (`udp4_lib_lookup4`,
    /// `__udp4_lib_demux_lookup`).
    pub(in crate::path) fn find_connected(&self, envelope: &Envelope) -> Option<SocketId> {
        if self.is_empty() {
            return None;
        }
        let fits = |socket: &Socket| {
            envelope.is_from_peer(socket)
                && local_of(socket, envelope.family()) == Some(envelope.to.ip())
                && envelope.fits_device(socket)
        };
        self.udp(envelope.to.port()).find(|(_, socket)| fits(socket)).map(|(id, _)| id)
    }

    /// All sockets that get a datagram for many (`__udp4_lib_mcast_deliver`, C-283).
    pub(in crate::path) fn find_all_udp(&self, envelope: &Envelope) -> Vec<SocketId> {
        if self.is_empty() {
            return Vec::new();
        }
        // What is for a group of IPv4 goes to sockets of IPv6 only if they joined it
        // (`ip_mc_sf_allow`).
        let is_group4 = envelope.to.is_ipv4() && envelope.to.ip().is_multicast();
        let fits = |socket: &Socket| {
            envelope.fits_local(socket)
                && envelope.fits_peer(socket)
                && envelope.fits_device(socket)
                && !(is_group4 && socket.family == Family::V6)
        };
        self.udp(envelope.to.port()).filter(|(_, socket)| fits(socket)).map(|(id, _)| id).collect()
    }

    /// The raw sockets that get a copy of a packet (`raw_v4_match`, `raw_v6_match`).
    pub(in crate::path) fn find_raw(&self, number: u8, envelope: &Envelope) -> Vec<SocketId> {
        if self.is_empty() {
            return Vec::new();
        }
        // What is for a group of IPv6 goes to all, whatever they are bound to.
        let is_group6 = envelope.to.is_ipv6() && envelope.to.ip().is_multicast();
        let fits = |socket: &Socket| {
            socket.kind == Kind::Raw(number)
                && socket.family == envelope.family()
                && (envelope.fits_local(socket) || is_group6)
                && socket.peer.is_none_or(|peer| peer.ip() == envelope.from.ip())
                && envelope.fits_device(socket)
        };
        self.in_order().into_iter().filter(|(_, socket)| fits(socket)).map(|(id, _)| id).collect()
    }
}

/// What a group of sockets that share a port ends in: Linux chooses by a hash with a random
/// seed, or by a program.
pub(in crate::path) const SHARED: &str = "the choice among sockets that share a port (SO_REUSEPORT)";

impl Sockets {
    /// Whether a socket is one of several that share their port (`reuseport_alloc`).
    pub(in crate::path) fn is_shared(&self, id: SocketId) -> bool {
        let Some(own) = self.get(id).filter(|own| own.options.reuse_port && own.peer.is_none()) else {
            return false;
        };
        let group = |socket: &Socket| {
            let options = &socket.options;
            (socket.kind, socket.local, socket.port, options.dev, options.uid, options.reuse_port)
        };
        let mut others = self.in_order().into_iter().filter(|&(other, _)| other != id);
        others.any(|(_, other)| {
            group(other) == group(own) && other.peer.is_none() && other.state() == own.state()
        })
    }
}

/// How well a socket fits a datagram (`compute_score`); `None` if it does not.
fn score(socket: &Socket, envelope: &Envelope) -> Option<u32> {
    if !envelope.fits_local(socket) || !envelope.fits_peer(socket) || !envelope.fits_device(socket) {
        return None;
    }
    let address = socket.peer.is_some_and(|peer| !peer.ip().is_unspecified());
    let port = socket.peer.is_some_and(|peer| peer.port() != 0);
    let device = socket.options.dev != 0;
    let family = match (envelope.family(), socket.family) {
        (Family::V4, Family::V4) => 2,
        (Family::V4, Family::V6) => 1,
        (Family::V6, _) => 0,
    };
    Some(family + 4 * (u32::from(address) + u32::from(port) + u32::from(device)))
}
