//! What a journey begins with: a packet that arrives, or a program that sends or connects.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use fingerpost_engine::lookup::DropReason;
use fingerpost_engine::path::sockets::{Control, Discovery, Kind, Setting, SocketId};
use fingerpost_engine::path::{Frame, Outcome};
use fingerpost_engine::trace::Tracer;
use fingerpost_engine::{Namespace, World};
use fingerpost_model::NsId;
use fingerpost_net::{Errno, Family};

use super::decode::Seen;

/// What a journey begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// A packet comes by a device.
    Arrive(Arrival),
    /// A program sends a datagram.
    Send(Sending),
    /// A program connects.
    Connect(Sending),
}

/// A packet that comes to a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// By which device.
    pub dev: u32,
    /// The frame, or of a device without link header the packet.
    pub frame: Vec<u8>,
    /// The mark that it has when the network layer gets it.
    pub mark: u32,
    /// A socket that is there to receive it.
    pub listener: Option<Listener>,
}

/// A socket of this host that receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listener {
    /// What it speaks.
    pub kind: Kind,
    /// Of which family it is.
    pub family: Family,
    /// At which port.
    pub port: u16,
    /// The device that it is bound to; 0 for none.
    pub dev: u32,
}

/// A socket and what it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sending {
    /// What it speaks.
    pub kind: Kind,
    /// From which address, if it is bound to one.
    pub from: Option<IpAddr>,
    /// From which port.
    pub sport: u16,
    /// To whom.
    pub to: SocketAddr,
    /// The device that it is bound to; 0 for none.
    pub dev: u32,
    /// `SO_MARK`.
    pub mark: u32,
    /// Type of service or traffic class.
    pub tos: u8,
    /// Time to live, if that is not the route's or the host's.
    pub ttl: Option<u8>,
    /// Whether what it sends must not be cut up (`IP_PMTUDISC_DO`).
    pub df: bool,
    /// Whose socket it is.
    pub uid: u32,
    /// What is sent.
    pub data: Vec<u8>,
}

impl Deed {
    /// What a packet would be that was not made.
    pub(super) fn seen(&self, sending: &Sending) -> Seen {
        let name = match sending.kind {
            Kind::Udp => "UDP".to_string(),
            Kind::Tcp => "TCP".to_string(),
            Kind::Raw(number) => format!("protocol {number}"),
        };
        let what = match self {
            Deed::Connect(_) => format!("{name} socket that connects to"),
            _ => format!("{name} to"),
        };
        let to = match sending.kind {
            Kind::Raw(_) => sending.to.ip().to_string(),
            Kind::Udp | Kind::Tcp => sending.to.to_string(),
        };
        let (from, to_addr) = (sending.from, Some(sending.to.ip()));
        Seen { text: format!("{what} {to}"), name, details: None, from, to: to_addr, macs: None }
    }
}

/// A call that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    /// Which.
    pub call: &'static str,
    /// How.
    pub errno: Errno,
}

/// What a deed came to.
#[derive(Default)]
pub(super) struct Done {
    pub outcome: Option<Outcome>,
    pub refused: Option<Refused>,
    pub emitted: Vec<Frame>,
}

impl Done {
    fn refused(call: &'static str, errno: Errno) -> Done {
        Done { refused: Some(Refused { call, errno }), ..Done::default() }
    }
}

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 128;

/// Does a deed.
pub(super) fn done(
    world: &mut World,
    ns: NsId,
    deed: &Deed,
    tracer: &mut Tracer<'_>,
) -> Result<Done, String> {
    match deed {
        Deed::Arrive(arrival) => {
            if let Some(listener) = &arrival.listener {
                listen(world, ns, listener).map_err(|errno| {
                    format!("--listen: no socket can listen at port {}: {errno}", listener.port)
                })?;
            }
            let handled = world.receive_marked(ns, arrival.dev, &arrival.frame, arrival.mark, tracer);
            let handled = handled.map_err(|refusal| refusal.to_string())?;
            Ok(Done { outcome: Some(handled.outcome), refused: None, emitted: handled.emitted })
        }
        Deed::Send(sending) => Ok(send(world, ns, sending, tracer).unwrap_or_else(|refused| refused)),
        Deed::Connect(sending) => Ok(connect(world, ns, sending, tracer).unwrap_or_else(|refused| refused)),
    }
}

fn listen(world: &mut World, ns: NsId, listener: &Listener) -> Result<(), Errno> {
    let id = world.socket(ns, listener.family, listener.kind, 0)?;
    world.set_option(ns, id, Setting::Device(listener.dev))?;
    world.bind(ns, id, any(listener.family, listener.port))?;
    match listener.kind {
        Kind::Tcp => world.listen(ns, id, BACKLOG),
        Kind::Udp | Kind::Raw(_) => Ok(()),
    }
}

fn any(family: Family, port: u16) -> SocketAddr {
    match family {
        Family::V4 => (Ipv4Addr::UNSPECIFIED, port).into(),
        Family::V6 => (Ipv6Addr::UNSPECIFIED, port).into(),
    }
}

/// The socket that sends, with its options, bound.
fn open(world: &mut World, ns: NsId, sending: &Sending) -> Result<SocketId, Done> {
    let family = Family::of(sending.to.ip());
    let id = world.socket(ns, family, sending.kind, sending.uid);
    let id = id.map_err(|errno| Done::refused("socket", errno))?;
    // `IP_TTL` takes 1 to 255; `IPV6_UNICAST_HOPS` takes 0 as well.
    if family == Family::V4 && sending.ttl == Some(0) {
        return Err(Done::refused("setsockopt", Errno::EINVAL));
    }
    let settings = [
        Setting::Device(sending.dev),
        Setting::Mark(sending.mark),
        Setting::Tos(sending.tos),
        Setting::Ttl(sending.ttl),
    ];
    for setting in settings.into_iter().chain(sending.df.then_some(Setting::Discovery(Discovery::Do))) {
        world.set_option(ns, id, setting).map_err(|errno| Done::refused("setsockopt", errno))?;
    }
    let own = match sending.from {
        Some(from) => Some(SocketAddr::new(from, sending.sport)),
        None => (!matches!(sending.kind, Kind::Raw(_))).then(|| any(family, sending.sport)),
    };
    if let Some(own) = own {
        world.bind(ns, id, own).map_err(|errno| Done::refused("bind", errno))?;
    }
    Ok(id)
}

fn send(world: &mut World, ns: NsId, sending: &Sending, tracer: &mut Tracer<'_>) -> Result<Done, Done> {
    let id = open(world, ns, sending)?;
    let called = world.send(ns, id, Some(sending.to), &Control::default(), &sending.data, tracer);
    let refused = called.result.err().map(|errno| Refused { call: "sendmsg", errno });
    // What goes no further than a hook or a device without a way is no error of the call.
    let outcome = called.outcome.or(refused.is_none().then_some(Outcome::Dropped(DropReason::NotSpecified)));
    Ok(Done { outcome, refused, emitted: called.emitted })
}

fn connect(world: &mut World, ns: NsId, sending: &Sending, tracer: &mut Tracer<'_>) -> Result<Done, Done> {
    let id = open(world, ns, sending)?;
    let called = world.connect(ns, id, sending.to, tracer);
    let refused = called.result.err().map(|errno| Refused { call: "connect", errno });
    Ok(Done { outcome: called.outcome, refused, emitted: called.emitted })
}

/// The address that the socket got that was made last.
pub(super) fn local(ns: &Namespace) -> Option<SocketAddr> {
    ns.state.sockets.last().map(|socket| socket.local())
}
