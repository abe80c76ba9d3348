//! The decision: what a packet carries once it is routed (`rtable` and `dst_entry`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fingerpost_model::{RouteFlags, RouteType, TableId};
use fingerpost_net::{Errno, Prefix};

use super::FibResult;
use super::cache::HopId;
use super::exception6::Exception6;
use super::table6::{Found6, RouteRef};
use crate::addrtype::AddrType;
use crate::config::{Config, FibInfoId, Preference, Route6Id, RtFlags};

/// What a lookup decided about a packet.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The egress device; loopback (or the VRF device) for local delivery.
    pub dev: u32,
    /// The type.
    pub kind: RouteType,
    /// `RTCF_*`: LOCAL, BROADCAST, MULTICAST, REJECT, DOREDIRECT.
    pub flags: RouteFlags,
    /// Whether it came from input resolution.
    pub is_input: bool,
    /// Of one made here, the device that was asked for or, where it is delivered, that of
    /// its destination: by that it counts as received (`rt_iif`). 0 for none.
    pub asked_dev: u32,
    /// The gateway, if the packet goes to one.
    pub gateway: Option<IpAddr>,
    /// The source that the packet gets, or has.
    pub source: Ipv4Addr,
    /// The destination after resolution (0.0.0.0 becomes this host's address).
    pub destination: Ipv4Addr,
    /// Realms: source in the upper 16 bits, destination in the lower.
    pub realms: u32,
    /// The route information that gives the metrics; with a cached decision not
    /// always that of the matching route (T-17).
    pub metrics: Option<FibInfoId>,
    /// A learned path MTU.
    pub pmtu: Option<PathMtu>,
    /// Milliseconds until what was learned of the way ends; 0 where nothing was.
    pub expires_in: u64,
    /// The MTU in bytes (C-150).
    pub mtu: u32,
    /// What happens on receive.
    pub input: Input,
    /// What happens on transmit.
    pub output: Output,
    /// The matching route; none when the decision was made without one.
    pub result: Option<FibResult>,
    /// The hop that caches the decision; none when it is not cached (C-143).
    pub cached_in: Option<HopId>,
    /// The error that an input decision answers with.
    pub error: Option<Errno>,
}

/// What a lookup decided about an IPv6 packet (`rt6_info` and `dst_entry`).
#[derive(Clone, Debug, PartialEq)]
pub struct Decision6 {
    /// The egress device; loopback (or the VRF device) for local delivery.
    pub dev: u32,
    /// The type of the route.
    pub kind: RouteType,
    /// What IPv6 notes of the route.
    pub flags: RtFlags,
    /// Whether it came from input resolution.
    pub is_input: bool,
    /// The gateway, if the packet goes to one.
    pub gateway: Option<Ipv6Addr>,
    /// The source that the packet gets, or has; `::` where none can be chosen.
    pub source: Ipv6Addr,
    /// The destination.
    pub destination: Ipv6Addr,
    /// The MTU in bytes.
    pub mtu: u32,
    /// What happens on receive.
    pub input: Input,
    /// What happens on transmit.
    pub output: Output,
    /// The route.
    pub found: Found6,
    /// What was learned about the destination (C-299).
    pub learned: Option<Exception6>,
}

impl Decision6 {
    /// The way of a message that is for a device's link, made without a lookup (`icmp6_dst_alloc`):
    /// where it comes back to this host it is delivered.
    pub(crate) fn of_link(dev: u32, destination: Ipv6Addr) -> Self {
        let (kind, flags) = (RouteType::UNICAST, RtFlags::default());
        let route = RouteRef {
            table: TableId::UNSPEC,
            dst: Prefix::host(destination),
            src: Prefix::DEFAULT,
            id: Route6Id(0),
        };
        Decision6 {
            dev,
            kind,
            flags,
            is_input: false,
            gateway: None,
            source: Ipv6Addr::UNSPECIFIED,
            destination,
            mtu: 0,
            input: Input::LocalDeliver,
            output: Output::Ip,
            found: Found6 { route, member: 0, kind, flags, pref: Preference::MEDIUM },
            learned: None,
        }
    }

    /// Whether a packet made here may leave by the decision's device: one to a group
    /// whose scope is the interface stays on loopback (`ip6_finish_output2`, F-062).
    pub fn may_leave(&self, config: &Config) -> bool {
        let scope = AddrType::of(self.destination).src_scope;
        !self.destination.is_multicast()
            || scope > 1
            || config.links.get(self.dev).is_some_and(|link| link.is_loopback())
    }
}

/// A path MTU that an exception carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathMtu {
    /// Bytes.
    pub mtu: u32,
    /// Too small to be believed; the kernel's minimum is used and DF not set.
    pub locked: bool,
    /// Milliseconds until it expires.
    pub expires_in: u64,
}

/// The decision's input function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// `dst_discard`: not for receiving.
    Discard,
    /// `ip_local_deliver`.
    LocalDeliver,
    /// `ip_forward`.
    Forward,
    /// `ip_error`: the error decides the ICMP message.
    Error(Errno),
    /// `ip_mr_input`: multicast routing.
    MulticastRoute,
}

/// The decision's output function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Output {
    /// `dst_discard_out`.
    Discard,
    /// `ip_output`.
    Ip,
    /// `ip_mc_output`: transmit, and loop a copy back.
    Multicast,
    /// `ip_rt_bug`: such a packet must not be sent.
    Bug,
}

/// Why a packet is dropped: the kernel's `SKB_DROP_REASON_*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DropReason {
    /// No reason of its own.
    NotSpecified,
    /// The source can never be one.
    IpInvalidSource,
    /// The destination can never be one.
    IpInvalidDest,
    /// 127/8 from or to the wire.
    IpLocalnet,
    /// The source is an own address.
    IpLocalSource,
    /// Reverse-path filter.
    IpRpfilter,
    /// Not addressed to this host, which does not forward.
    IpInAddrErrors,
    /// No route.
    IpInNoRoutes,
    /// No route for a packet made here.
    IpOutNoRoutes,
    /// Not IPv4.
    InvalidProto,
    /// A header that no packet from a wire may have.
    IpInHdr,
    /// IPv6 is off on the device.
    Ipv6Disabled,
    /// Freed without being noted as dropped.
    Consumed,
    /// The frame is for another host.
    OtherHost,
    /// The header's checksum is wrong.
    IpCsum,
    /// The packet is shorter than it claims.
    PktTooSmall,
    /// For one host, in a frame for many, where that is not taken.
    UnicastInL2Multicast,
    /// Longer than the way takes, and not to be cut up.
    PktTooBig,
    /// Nobody speaks the protocol.
    IpNoProto,
    /// Nobody listens.
    NoSocket,
    /// Whoever it is for has no room left.
    SocketRcvbuff,
    /// UDP's checksum is wrong.
    UdpCsum,
    /// A checksum is wrong that a raw socket looks at.
    SkbCsum,
    /// TCP's checksum is wrong.
    TcpCsum,
    /// A segment that is signed otherwise than it can be, or whose options end early.
    TcpAuthHdr,
    /// A segment that is signed, for a socket that has no key.
    TcpMd5Unexpected,
    /// The same of the newer kind of signatures.
    TcpAoUnexpected,
    /// A segment that is signed so, for a request that was not.
    TcpAoFailure,
    /// Flags that a segment for this socket may not have.
    TcpFlags,
    /// A reset.
    TcpReset,
    /// It acknowledges what was not sent.
    TcpInvalidAckSequence,
    /// ICMP's checksum is wrong.
    IcmpCsum,
    /// No protocol, or none of its messages.
    UnhandledProto,
    /// The neighbour does not answer.
    NeighFailed,
    /// There are too many neighbours.
    NeighCreatefail,
    /// It waited for a neighbour that is not asked for any longer.
    QueuePurge,
    /// Too many packets wait for the neighbour.
    NeighQueuefull,
    /// The device is not up.
    DevReady,
    /// The device has no queue: it is down, or without carrier.
    QdiscDrop,
    /// A hook dropped it.
    NetfilterDrop,
    /// A fragment that is there already.
    DupFrag,
    /// A fragment whose source has sent too many others since.
    FragTooFar,
    /// A fragment whose datagram did not become whole in time.
    FragReasmTimeout,
    /// Extension headers that do not end.
    Ipv6BadExthdr,
    /// Neighbour discovery in fragments.
    Ipv6NdiscFrag,
    /// Neighbour discovery that crossed a router.
    Ipv6NdiscHopLimit,
    /// Neighbour discovery with a code.
    Ipv6NdiscBadCode,
    /// Options of neighbour discovery that are not well formed.
    Ipv6NdiscBadOptions,
    /// A solicitation for another host.
    Ipv6NdiscNsOtherhost,
    /// A frame from no station.
    MacInvalidSource,
    /// A frame that governs a link.
    MacIeeeMacControl,
    /// A bridge's port that does not forward.
    BridgeIngressStpState,
    /// There is no port of the bridge by which it may leave.
    NoTxTarget,
}

impl DropReason {
    /// The name without `SKB_DROP_REASON_`.
    pub fn name(self) -> &'static str {
        match self {
            DropReason::NotSpecified => "NOT_SPECIFIED",
            DropReason::IpInvalidSource => "IP_INVALID_SOURCE",
            DropReason::IpInvalidDest => "IP_INVALID_DEST",
            DropReason::IpLocalnet => "IP_LOCALNET",
            DropReason::IpLocalSource => "IP_LOCAL_SOURCE",
            DropReason::IpRpfilter => "IP_RPFILTER",
            DropReason::IpInAddrErrors => "IP_INADDRERRORS",
            DropReason::IpInNoRoutes => "IP_INNOROUTES",
            DropReason::IpOutNoRoutes => "IP_OUTNOROUTES",
            DropReason::InvalidProto => "INVALID_PROTO",
            DropReason::IpInHdr => "IP_INHDR",
            DropReason::Ipv6Disabled => "IPV6DISABLED",
            DropReason::Consumed => "CONSUMED",
            DropReason::OtherHost => "OTHERHOST",
            DropReason::IpCsum => "IP_CSUM",
            DropReason::PktTooSmall => "PKT_TOO_SMALL",
            DropReason::UnicastInL2Multicast => "UNICAST_IN_L2_MULTICAST",
            DropReason::PktTooBig => "PKT_TOO_BIG",
            DropReason::IpNoProto => "IP_NOPROTO",
            DropReason::NoSocket => "NO_SOCKET",
            DropReason::SocketRcvbuff => "SOCKET_RCVBUFF",
            DropReason::UdpCsum => "UDP_CSUM",
            DropReason::SkbCsum => "SKB_CSUM",
            DropReason::TcpCsum => "TCP_CSUM",
            DropReason::TcpAuthHdr => "TCP_AUTH_HDR",
            DropReason::TcpMd5Unexpected => "TCP_MD5UNEXPECTED",
            DropReason::TcpAoUnexpected => "TCP_AOUNEXPECTED",
            DropReason::TcpAoFailure => "TCP_AOFAILURE",
            DropReason::TcpFlags => "TCP_FLAGS",
            DropReason::TcpReset => "TCP_RESET",
            DropReason::TcpInvalidAckSequence => "TCP_INVALID_ACK_SEQUENCE",
            DropReason::IcmpCsum => "ICMP_CSUM",
            DropReason::UnhandledProto => "UNHANDLED_PROTO",
            DropReason::NeighFailed => "NEIGH_FAILED",
            DropReason::NeighCreatefail => "NEIGH_CREATEFAIL",
            DropReason::QueuePurge => "QUEUE_PURGE",
            DropReason::NeighQueuefull => "NEIGH_QUEUEFULL",
            DropReason::DevReady => "DEV_READY",
            DropReason::QdiscDrop => "QDISC_DROP",
            DropReason::NetfilterDrop => "NETFILTER_DROP",
            DropReason::DupFrag => "DUP_FRAG",
            DropReason::FragTooFar => "FRAG_TOO_FAR",
            DropReason::FragReasmTimeout => "FRAG_REASM_TIMEOUT",
            DropReason::Ipv6BadExthdr => "IPV6_BAD_EXTHDR",
            DropReason::Ipv6NdiscFrag => "IPV6_NDISC_FRAG",
            DropReason::Ipv6NdiscHopLimit => "IPV6_NDISC_HOP_LIMIT",
            DropReason::Ipv6NdiscBadCode => "IPV6_NDISC_BAD_CODE",
            DropReason::Ipv6NdiscBadOptions => "IPV6_NDISC_BAD_OPTIONS",
            DropReason::Ipv6NdiscNsOtherhost => "IPV6_NDISC_NS_OTHERHOST",
            DropReason::MacInvalidSource => "MAC_INVALID_SOURCE",
            DropReason::MacIeeeMacControl => "MAC_IEEE_MAC_CONTROL",
            DropReason::BridgeIngressStpState => "BRIDGE_INGRESS_STP_STATE",
            DropReason::NoTxTarget => "NO_TX_TARGET",
        }
    }
}
