//! Sockets, as far as routing turns on them: how they send, which of them gets a packet,
//! and what they are told of errors (route-output section 7, packet-path section 11).
//!
//! [`options`] is what a socket was told, `bind` its addresses and ports, `demux` which one
//! a packet is for, `datagram` and `datagram6` how UDP and raw sockets send, `inbox` and
//! `errors` what they receive and are told, `tcp` how connections begin. Programs call through [`calls`] (`World::socket` …).
//!
//! Not here: the data of connections. Sockets are looked at one after another: hosts with
//! very many of them are not what this is for.

mod bind;
pub mod calls;
mod datagram;
mod datagram6;
mod demux;
mod errors;
mod inbox;
pub mod options;
mod tcp;

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use fingerpost_net::wire::proto;
use fingerpost_net::{Errno, Family};

pub use calls::Called;
pub(super) use demux::{Envelope, SHARED};
pub(super) use errors::Told;
pub use inbox::{Arrival, Origin, Report};
pub(super) use inbox::{Early, with_open_sum};
pub use options::{Control, Discovery, Options, Setting};
pub use tcp::State;
pub(super) use tcp::ToSocket;

use crate::lookup::exception6::Mark;
use crate::lookup::{Decision, Decision6};
use crate::state::Time;

/// Names a socket of a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId(u32);

/// What a socket speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// UDP.
    Udp,
    /// TCP, as far as connections begin.
    Tcp,
    /// A protocol over IP, by its number, with the headers that it has.
    Raw(u8),
}

impl Kind {
    /// The protocol's number.
    pub fn number(self) -> u8 {
        match self {
            Kind::Udp => proto::UDP,
            Kind::Tcp => proto::TCP,
            Kind::Raw(number) => number,
        }
    }
}

/// A decision that a socket keeps (`sk_dst_cache`, `sk_rx_dst`), while nothing changed that
/// ends such (C-144).
#[derive(Clone, Debug)]
struct Held {
    decision: Decision,
    generation: (u64, u64),
    until: Option<Time>,
}

/// The same of IPv6.
#[derive(Clone, Debug)]
struct Held6 {
    decision: Decision6,
    holds: Holds6,
}

/// As long as what a decision of IPv6 holds (`ip6_dst_check`).
#[derive(Clone, Copy, Debug, PartialEq)]
enum Holds6 {
    /// One that is kept with a nexthop object: nothing has changed at all, though the route may
    /// be gone.
    Changes(u64),
    /// Its route is there, all decisions' generation is this, and so are the last renewal of its
    /// destination and what befell that last.
    Route(u64, u64, Option<Mark>),
}

/// A decision of either family.
#[derive(Clone, Debug)]
enum Way {
    Four(Held),
    Six(Held6),
}

/// A socket.
#[derive(Clone, Debug)]
pub struct Socket {
    /// The family that it was made for. One of IPv6 serves IPv4 too unless told otherwise.
    pub family: Family,
    /// What it speaks.
    pub kind: Kind,
    /// What it was told.
    pub options: Options,
    /// Where it receives (`inet_rcv_saddr`); unspecified for everywhere.
    local: IpAddr,
    /// What it sends from (`inet_saddr`): bound to a group or to a broadcast address, the
    /// device's.
    source: IpAddr,
    /// What it sends IPv4 from if that is an address of IPv6: it was connected within either
    /// family; unspecified for what the way says.
    source4: Ipv4Addr,
    /// Its port; 0 while it has none.
    port: u16,
    /// Whom it is connected to.
    peer: Option<SocketAddr>,
    /// The flow that it was last to be connected with, addresses and port, even if that came
    /// to nothing: what goes by a kept decision of IPv4 has these (`inet->cork.fl`).
    flow: (Ipv4Addr, Ipv4Addr, u16),
    way: Option<Way>,
    /// The decision about what it received last.
    received_way: Option<Way>,
    /// The device that it came in by.
    received_dev: u32,
    inbox: VecDeque<(Arrival, bool)>,
    inbox_bytes: usize,
    error: Option<Errno>,
    /// An error that may pass (`sk_err_soft`).
    soft_error: Option<Errno>,
    reports: VecDeque<Report>,
    /// When it took its place among those of its port: of equals the last one receives.
    placed: u64,
    /// The next IP id of a connected one.
    next_id: u16,
    tcp: Option<Box<tcp::Connection>>,
}

impl Socket {
    /// Where it receives and from where it sends (`getsockname`); raw sockets have their
    /// protocol's number for a port.
    pub fn local(&self) -> SocketAddr {
        let port = match self.kind {
            Kind::Raw(number) => number.into(),
            _ => self.port,
        };
        SocketAddr::new(self.local, port)
    }

    /// Whether something can be read: a packet, an error, a report (`poll`).
    pub fn is_ready(&self) -> bool {
        !self.inbox.is_empty() || self.error.is_some() || !self.reports.is_empty()
    }

    /// Whom it is connected to (`getpeername`).
    pub fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// Whether it takes IPv4 too.
    fn takes4(&self) -> bool {
        self.family == Family::V4 || !self.options.v6_only
    }

    /// The IPv4 address that it receives at, unspecified for all; `None` if it is one of IPv6.
    fn local4(&self) -> Option<Ipv4Addr> {
        match self.local {
            IpAddr::V4(addr) => Some(addr),
            IpAddr::V6(addr) if addr.is_unspecified() && self.takes4() => Some(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(_) => None,
        }
    }

    /// What it sends IPv4 from, unspecified for what the way says.
    fn source4(&self) -> Ipv4Addr {
        match self.source {
            IpAddr::V4(addr) => addr,
            IpAddr::V6(_) => self.source4,
        }
    }

    /// Its options where it sends IPv4.
    pub(super) fn options4(&self) -> Options {
        self.options.as_v4(self.family)
    }

    fn local6(&self) -> Option<Ipv6Addr> {
        match self.local {
            IpAddr::V6(addr) if self.family == Family::V6 => Some(addr),
            _ => None,
        }
    }
}

/// The sockets of a namespace.
#[derive(Clone, Debug, Default)]
pub struct Sockets {
    list: BTreeMap<SocketId, Socket>,
    last: u32,
    places: u64,
}

impl Sockets {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// A socket.
    pub fn get(&self, id: SocketId) -> Option<&Socket> {
        self.list.get(&id)
    }

    /// The socket that was made last.
    pub fn last(&self) -> Option<&Socket> {
        self.list.values().next_back()
    }

    /// A socket, to change its options.
    pub fn get_mut(&mut self, id: SocketId) -> Option<&mut Socket> {
        self.list.get_mut(&id)
    }

    /// Makes a socket.
    fn open(&mut self, family: Family, kind: Kind, options: Options) -> SocketId {
        self.last += 1;
        let id = SocketId(self.last);
        let any: IpAddr = match family {
            Family::V4 => Ipv4Addr::UNSPECIFIED.into(),
            Family::V6 => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = Socket {
            family,
            kind,
            options,
            local: any,
            source: any,
            source4: Ipv4Addr::UNSPECIFIED,
            port: 0,
            peer: None,
            flow: (Ipv4Addr::UNSPECIFIED, Ipv4Addr::UNSPECIFIED, 0),
            way: None,
            received_way: None,
            received_dev: 0,
            inbox: VecDeque::new(),
            inbox_bytes: 0,
            error: None,
            soft_error: None,
            reports: VecDeque::new(),
            placed: 0,
            next_id: 0,
            tcp: (kind == Kind::Tcp).then(Box::default),
        };
        self.list.insert(id, socket);
        self.place(id);
        id
    }

    /// Puts a socket before those of its port that were there (`udp_lib_rehash`).
    fn place(&mut self, id: SocketId) {
        self.places += 1;
        let place = self.places;
        if let Some(socket) = self.list.get_mut(&id) {
            socket.placed = place;
        }
    }

    /// Forgets a socket.
    pub fn close(&mut self, id: SocketId) {
        self.list.remove(&id);
    }

    /// The last one placed first.
    fn in_order(&self) -> Vec<(SocketId, &Socket)> {
        let mut all: Vec<_> = self.list.iter().map(|(&id, socket)| (id, socket)).collect();
        all.sort_by_key(|(_, socket)| std::cmp::Reverse(socket.placed));
        all
    }
}

/// An address of IPv4 that stands in one of IPv6 is one of IPv4.
fn plain(addr: SocketAddr) -> SocketAddr {
    match addr.ip().to_canonical() {
        IpAddr::V4(addr4) => SocketAddr::new(addr4.into(), addr.port()),
        IpAddr::V6(_) => addr,
    }
}

/// The device that an address names beside itself.
fn scope(addr: SocketAddr) -> u32 {
    match addr {
        SocketAddr::V4(_) => 0,
        SocketAddr::V6(addr) => addr.scope_id(),
    }
}
