//! What a program asks of sockets within a case, and how it is answered, as text that both sides share.

use std::fmt::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use fingerpost_net::Errno;
use serde::{Deserialize, Serialize};

use crate::packets::case::Bytes;

/// A call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// `socket`.
    Open {
        /// 4 or 6.
        family: u8,
        /// What it speaks.
        speaks: Speaks,
    },
    /// `setsockopt`.
    Set(Setting),
    /// `bind`.
    Bind(Place),
    /// `connect`.
    Connect(Place),
    /// `sendmsg`.
    Send {
        /// To the peer if nobody is named.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<Place>,
        /// What is told with it.
        #[serde(default, skip_serializing_if = "With::is_empty")]
        with: With,
        /// What is sent.
        data: Bytes,
    },
    /// `recvmsg`.
    Read,
    /// `recvmsg` with `MSG_ERRQUEUE`.
    ReadError,
    /// `SO_ERROR`.
    Error,
    /// `getsockname`.
    Name,
    /// `getpeername`.
    Peer,
    /// `close`.
    Close,
}

/// What a socket speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaks {
    /// UDP.
    Udp,
    /// A protocol over IP, by its number.
    Raw(u8),
}

/// An address and a port, with the device that an address of a link needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Where.
    pub at: SocketAddr,
    /// On which link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dev: Option<String>,
}

/// Control messages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct With {
    /// `IP_PKTINFO`, `IPV6_PKTINFO`: the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dev: Option<String>,
    /// The same: the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<IpAddr>,
    /// `IP_TTL`, `IPV6_HOPLIMIT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u8>,
    /// `IP_TOS`, `IPV6_TCLASS`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tos: Option<u8>,
    /// `MSG_DONTROUTE`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dont_route: bool,
}

impl With {
    /// Whether nothing is told.
    pub fn is_empty(&self) -> bool {
        *self == With::default()
    }
}

/// An option with its value. Devices are named, `None` for none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Setting {
    /// `SO_MARK`.
    Mark(u32),
    /// `SO_BINDTODEVICE`.
    Device(Option<String>),
    /// `IP_TOS`, `IPV6_TCLASS`.
    Tos(u8),
    /// `IP_TTL`, `IPV6_UNICAST_HOPS`.
    Ttl(u8),
    /// `IP_MULTICAST_TTL`, `IPV6_MULTICAST_HOPS`.
    MulticastTtl(u8),
    /// `IP_MULTICAST_LOOP`, `IPV6_MULTICAST_LOOP`.
    MulticastLoop(bool),
    /// `IP_MULTICAST_IF`, `IPV6_MULTICAST_IF`: the device, of IPv4 with a source.
    MulticastDevice(String, Option<Ipv4Addr>),
    /// `IP_UNICAST_IF`, `IPV6_UNICAST_IF`.
    UnicastDevice(String),
    /// `IP_MTU_DISCOVER`, `IPV6_MTU_DISCOVER`, as a number.
    Discovery(u8),
    /// `SO_BROADCAST`.
    Broadcast(bool),
    /// `SO_DONTROUTE`.
    DontRoute(bool),
    /// `IP_TRANSPARENT`, `IPV6_TRANSPARENT`.
    Transparent(bool),
    /// `IP_FREEBIND`, `IPV6_FREEBIND`.
    FreeBind(bool),
    /// `IP_RECVERR`, `IPV6_RECVERR`.
    ReportsErrors(bool),
    /// `IP_HDRINCL`.
    WithHeader(bool),
    /// `SO_REUSEADDR`.
    ReuseAddress(bool),
    /// `SO_REUSEPORT`.
    ReusePort(bool),
    /// `IPV6_V6ONLY`.
    V6Only(bool),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.at)?;
        self.dev.iter().try_for_each(|dev| write!(f, " on {dev}"))
    }
}

impl Call {
    /// The call's name.
    pub fn name(&self) -> &'static str {
        match self {
            Call::Open { .. } => "open",
            Call::Set(_) => "set",
            Call::Bind(_) => "bind",
            Call::Connect(_) => "connect",
            Call::Send { .. } => "send",
            Call::Read => "read",
            Call::ReadError => "read error",
            Call::Error => "error",
            Call::Name => "name",
            Call::Peer => "peer",
            Call::Close => "close",
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Call::Open { family, speaks } => write!(f, " of IPv{family} {speaks:?}"),
            Call::Set(setting) => write!(f, " {setting:?}"),
            Call::Bind(place) | Call::Connect(place) => write!(f, " {place}"),
            Call::Send { to, with, data } => {
                write!(f, " {} bytes", data.0.len())?;
                to.iter().try_for_each(|to| write!(f, " to {to}"))?;
                if !with.is_empty() {
                    write!(f, " with {with:?}")?;
                }
                f.write_str(": ")?;
                shown(data, f)
            }
            _ => Ok(()),
        }
    }
}

/// How a call was answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// An error's name, or what was returned.
    pub text: String,
    /// The data that was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Bytes>,
    /// Whether the data begins with an IPv4 header.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_packet: bool,
}

impl Answer {
    /// An answer without data.
    pub fn text(text: impl Into<String>) -> Self {
        Answer { text: text.into(), ..Answer::default() }
    }

    /// An error.
    pub fn error(errno: Errno) -> Self {
        Answer::text(name(errno))
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        self.data.iter().try_for_each(|data| {
            write!(f, ", {} bytes ", data.0.len())?;
            shown(data, f)
        })
    }
}

/// The beginning of data.
fn shown(data: &Bytes, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    data.0.iter().take(80).try_for_each(|byte| write!(f, "{byte:02x}"))
}

/// An error's name.
pub fn name(errno: Errno) -> String {
    errno.name().map_or_else(|| format!("errno {}", errno.0), str::to_owned)
}

/// A datagram that was read.
pub struct Read {
    /// Who sent it.
    pub from: SocketAddr,
    /// Whom it was for.
    pub to: IpAddr,
    /// The device that it came in by.
    pub dev: String,
    /// What was left of its time to live.
    pub ttl: u8,
    /// Its type of service.
    pub tos: u8,
}

impl Read {
    /// As text. Addresses of IPv4 in IPv6 are those of IPv4, and links are not named.
    pub fn text(&self) -> String {
        let Read { from, to, dev, ttl, tos } = self;
        format!("from {} to {} by {dev} ttl {ttl} tos {tos}", place(*from), to.to_canonical())
    }
}

/// An error that was read from the queue.
pub struct ReadError {
    /// The error.
    pub errno: Errno,
    /// `local`, or the message's type and code.
    pub origin: Option<(u8, u8)>,
    /// `ee_info`.
    pub info: u32,
    /// Who sent the message.
    pub offender: Option<IpAddr>,
    /// Where the packet went.
    pub to: SocketAddr,
}

impl ReadError {
    /// As text.
    pub fn text(&self) -> String {
        let mut text = name(self.errno);
        match self.origin {
            Some((kind, code)) => {
                let _ = write!(text, " icmp {kind}/{code}");
            }
            None => text.push_str(" local"),
        }
        if let Some(offender) = self.offender {
            let _ = write!(text, " from {}", offender.to_canonical());
        }
        let _ = write!(text, " info {} about {}", self.info, place(self.to));
        text
    }
}

/// An address with its port, without its link.
pub fn place(at: SocketAddr) -> String {
    SocketAddr::new(at.ip().to_canonical(), at.port()).to_string()
}
