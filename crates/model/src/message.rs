//! rtnetlink's messages, decoded: one struct for each kind of object.
//!
//! A field is `None` (or empty) when the attribute is absent, which for many
//! of them differs from zero. Attributes that are not decoded are kept in
//! `other`, so that nothing read from a host is lost.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use fingerpost_net::{Family, IpPrefix};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::number::{
    IfaFlags, LinkFlags, MetricKind, NeighFlags, NeighState, RouteFlags, RouteType, RuleAction, RuleFlags,
    Scope, TableId,
};

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// An attribute that is not decoded: its type and raw payload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attr {
    /// `nla_type` with its flag bits.
    #[serde(rename = "type")]
    pub kind: u16,
    /// The payload, as hexadecimal text in JSON.
    #[serde(with = "hex")]
    pub data: Vec<u8>,
}

mod hex {
    use super::{Deserialize, Deserializer, Serializer, de};

    pub fn serialize<S: Serializer>(bytes: &[u8], s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&bytes.iter().map(|b| format!("{b:02x}")).collect::<String>())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(d)?;
        let digits = text.as_bytes();
        if digits.len() % 2 != 0 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(de::Error::custom("expected an even number of hexadecimal digits"));
        }
        let value = |d: u8| (d as char).to_digit(16).unwrap_or(0) as u8;
        Ok(digits.chunks(2).map(|pair| value(pair[0]) << 4 | value(pair[1])).collect())
    }
}

/// A link-layer address of any length (Ethernet 6 bytes, IPv4 tunnels 4, …).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LlAddr(pub Vec<u8>);

impl fmt::Display for LlAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            write!(f, "{}{byte:02x}", if i == 0 { "" } else { ":" })?;
        }
        Ok(())
    }
}

impl FromStr for LlAddr {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        s.split(':')
            .map(|part| match part.len() {
                1 | 2 => u8::from_str_radix(part, 16),
                _ => u8::from_str_radix("", 16),
            })
            .collect::<Result<Vec<u8>, _>>()
            .map(LlAddr)
            .map_err(|_| "expected bytes in hexadecimal, joined by colons")
    }
}

impl Serialize for LlAddr {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LlAddr {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        if text.is_empty() {
            return Ok(LlAddr::default());
        }
        text.parse().map_err(de::Error::custom)
    }
}

/// A device (`RTM_NEWLINK`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LinkMsg {
    /// The interface index; 0 in requests that name the device or leave the choice to the kernel.
    #[serde(skip_serializing_if = "is_default")]
    pub index: u32,
    /// The name, at most 15 bytes.
    #[serde(skip_serializing_if = "is_default")]
    pub name: Option<String>,
    /// Hardware type, `ARPHRD_*`.
    #[serde(skip_serializing_if = "is_default")]
    pub arp_type: u16,
    /// Device flags.
    #[serde(skip_serializing_if = "is_default")]
    pub flags: LinkFlags,
    /// In requests: which flags to change.
    #[serde(skip_serializing_if = "is_default")]
    pub change: LinkFlags,
    /// MTU in bytes.
    #[serde(skip_serializing_if = "is_default")]
    pub mtu: Option<u32>,
    /// The device's address.
    #[serde(skip_serializing_if = "is_default")]
    pub address: Option<LlAddr>,
    /// Its broadcast (or peer) address.
    #[serde(skip_serializing_if = "is_default")]
    pub broadcast: Option<LlAddr>,
    /// The permanent address, when it differs.
    #[serde(skip_serializing_if = "is_default")]
    pub perm_address: Option<LlAddr>,
    /// Transmit queue length in packets.
    #[serde(skip_serializing_if = "is_default")]
    pub txqlen: Option<u32>,
    /// RFC 2863 operational state: 0 unknown, 2 down, 3 lower layer down, 5 dormant, 6 up.
    #[serde(skip_serializing_if = "is_default")]
    pub operstate: Option<u8>,
    /// Link mode: 0 default, 1 dormant.
    #[serde(skip_serializing_if = "is_default")]
    pub linkmode: Option<u8>,
    /// Group number (`ip link set group`).
    #[serde(skip_serializing_if = "is_default")]
    pub group: Option<u32>,
    /// Index of the master device (bridge, VRF); 0 in requests releases it.
    #[serde(skip_serializing_if = "is_default")]
    pub master: Option<u32>,
    /// Index of the lower device or peer (`IFLA_LINK`).
    #[serde(skip_serializing_if = "is_default")]
    pub link: Option<u32>,
    /// Id of the namespace that `link` lies in, when it is another one.
    #[serde(skip_serializing_if = "is_default")]
    pub link_netnsid: Option<i32>,
    /// 1 with carrier, 0 without.
    #[serde(skip_serializing_if = "is_default")]
    pub carrier: Option<u8>,
    /// The queueing discipline's name.
    #[serde(skip_serializing_if = "is_default")]
    pub qdisc: Option<String>,
    /// Kind and its data.
    #[serde(skip_serializing_if = "is_default")]
    pub info: Option<LinkInfo>,
    /// A description (`ip link set alias`).
    #[serde(skip_serializing_if = "is_default")]
    pub alias: Option<String>,
    /// Alternative names.
    #[serde(skip_serializing_if = "is_default")]
    pub altnames: Vec<String>,
    /// In requests: the namespace to make the device in or move it to.
    #[serde(skip_serializing_if = "is_default")]
    pub netns: Option<NsRef>,
    /// Promiscuity count.
    #[serde(skip_serializing_if = "is_default")]
    pub promiscuity: Option<u32>,
    /// All-multicast count.
    #[serde(skip_serializing_if = "is_default")]
    pub allmulti: Option<u32>,
    /// Smallest MTU that the device takes.
    #[serde(skip_serializing_if = "is_default")]
    pub min_mtu: Option<u32>,
    /// Largest MTU that the device takes; 0 for no limit.
    #[serde(skip_serializing_if = "is_default")]
    pub max_mtu: Option<u32>,
    /// Transmit queues.
    #[serde(skip_serializing_if = "is_default")]
    pub num_tx_queues: Option<u32>,
    /// Receive queues.
    #[serde(skip_serializing_if = "is_default")]
    pub num_rx_queues: Option<u32>,
    /// GSO, TSO and GRO limits, by attribute name, as `ip -d` shows them.
    #[serde(skip_serializing_if = "is_default")]
    pub gso_max_size: Option<u32>,
    /// Most segments of a GSO packet.
    #[serde(skip_serializing_if = "is_default")]
    pub gso_max_segs: Option<u32>,
    /// Largest TSO packet.
    #[serde(skip_serializing_if = "is_default")]
    pub tso_max_size: Option<u32>,
    /// Most segments of a TSO packet.
    #[serde(skip_serializing_if = "is_default")]
    pub tso_max_segs: Option<u32>,
    /// Largest GRO packet.
    #[serde(skip_serializing_if = "is_default")]
    pub gro_max_size: Option<u32>,
    /// Largest GSO packet of IPv4.
    #[serde(skip_serializing_if = "is_default")]
    pub gso_ipv4_max_size: Option<u32>,
    /// Largest GRO packet of IPv4.
    #[serde(skip_serializing_if = "is_default")]
    pub gro_ipv4_max_size: Option<u32>,
    /// Counters (`ip -s link`), when they were read.
    #[serde(skip_serializing_if = "is_default")]
    pub stats: Option<LinkStats>,
    /// Bridge port settings of a slave, when decoded.
    #[serde(skip_serializing_if = "is_default")]
    pub bridge_port: Option<BridgePort>,
    /// What is not decoded.
    #[serde(skip_serializing_if = "is_default")]
    pub other: Vec<Attr>,
}

/// Device counters (`IFLA_STATS64`), the ones that `ip -s` prints.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LinkStats {
    /// Received: bytes, packets, errors, dropped, overruns (missed), multicast.
    pub rx: [u64; 6],
    /// Sent: bytes, packets, errors, dropped, carrier errors, collisions.
    pub tx: [u64; 6],
}

/// Settings of a bridge's port.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BridgePort {
    /// Spanning tree state: 0 disabled, 1 listening, 2 learning, 3 forwarding, 4 blocking.
    pub state: u8,
}

/// A namespace named in a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NsRef {
    /// `/run/netns/NAME`.
    Name(String),
    /// The namespace of a process.
    Pid(u32),
}

/// What kind of device it is (`IFLA_LINKINFO`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LinkInfo {
    /// The kind, such as `veth`, `bridge`, `vrf`; empty for slaves of unknown kind.
    pub kind: String,
    /// The master's kind, for a slave device.
    #[serde(skip_serializing_if = "is_default")]
    pub slave_kind: Option<String>,
    /// VRF: the table.
    #[serde(skip_serializing_if = "is_default")]
    pub vrf_table: Option<u32>,
    /// VLAN: the id.
    #[serde(skip_serializing_if = "is_default")]
    pub vlan_id: Option<u16>,
    /// VLAN: the ethertype (0x8100, 0x88a8).
    #[serde(skip_serializing_if = "is_default")]
    pub vlan_protocol: Option<u16>,
    /// macvlan, macvtap, ipvlan: the mode number.
    #[serde(skip_serializing_if = "is_default")]
    pub mode: Option<u32>,
    /// tun: 1 tun, 2 tap.
    #[serde(skip_serializing_if = "is_default")]
    pub tun_type: Option<u8>,
    /// tun: packet information is prepended.
    #[serde(skip_serializing_if = "is_default")]
    pub tun_pi: Option<bool>,
    /// tun: virtio network headers are prepended.
    #[serde(skip_serializing_if = "is_default")]
    pub tun_vnet_hdr: Option<bool>,
    /// tun: multiple queues.
    #[serde(skip_serializing_if = "is_default")]
    pub tun_multi_queue: Option<bool>,
    /// tun: stays without a program.
    #[serde(skip_serializing_if = "is_default")]
    pub tun_persist: Option<bool>,
    /// tun: owner's user id.
    #[serde(skip_serializing_if = "is_default")]
    pub tun_owner: Option<u32>,
    /// tun: group id.
    #[serde(skip_serializing_if = "is_default")]
    pub tun_group: Option<u32>,
    /// veth, in requests: the peer to make.
    #[serde(skip_serializing_if = "is_default")]
    pub peer: Option<Box<LinkMsg>>,
    /// What is not decoded of the kind's data.
    #[serde(skip_serializing_if = "is_default")]
    pub data: Vec<Attr>,
    /// What is not decoded of the slave's data.
    #[serde(skip_serializing_if = "is_default")]
    pub slave_data: Vec<Attr>,
}

/// An interface address (`RTM_NEWADDR`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddrMsg {
    /// The family.
    pub family: Family,
    /// The device.
    pub index: u32,
    /// Prefix length.
    pub prefix_len: u8,
    /// The host's own address (`IFA_LOCAL`).
    #[serde(default, skip_serializing_if = "is_default")]
    pub local: Option<IpAddr>,
    /// The prefix's address: the peer if there is one, else the local address (`IFA_ADDRESS`).
    #[serde(default, skip_serializing_if = "is_default")]
    pub address: Option<IpAddr>,
    /// The broadcast address.
    #[serde(default, skip_serializing_if = "is_default")]
    pub broadcast: Option<Ipv4Addr>,
    /// The label; IPv4 only.
    #[serde(default, skip_serializing_if = "is_default")]
    pub label: Option<String>,
    /// Scope.
    #[serde(default, skip_serializing_if = "is_default")]
    pub scope: Scope,
    /// Flags.
    #[serde(default, skip_serializing_if = "is_default")]
    pub flags: IfaFlags,
    /// Preferred lifetime in seconds; `u32::MAX` for ever, `None` not given.
    #[serde(default, skip_serializing_if = "is_default")]
    pub preferred: Option<u32>,
    /// Valid lifetime in seconds; `u32::MAX` for ever, `None` not given.
    #[serde(default, skip_serializing_if = "is_default")]
    pub valid: Option<u32>,
    /// When it was made and last updated, in hundredths of a second since boot.
    #[serde(default, skip_serializing_if = "is_default")]
    pub stamps: Option<[u32; 2]>,
    /// Metric of the connected route (`IFA_RT_PRIORITY`).
    #[serde(default, skip_serializing_if = "is_default")]
    pub metric: Option<u32>,
    /// Who made it (`IFA_PROTO`).
    #[serde(default, skip_serializing_if = "is_default")]
    pub protocol: Option<u8>,
    /// What is not decoded.
    #[serde(default, skip_serializing_if = "is_default")]
    pub other: Vec<Attr>,
}

impl AddrMsg {
    /// An empty message of this family for a device.
    pub fn new(family: Family, index: u32) -> Self {
        AddrMsg {
            family,
            index,
            prefix_len: 0,
            local: None,
            address: None,
            broadcast: None,
            label: None,
            scope: Scope::UNIVERSE,
            flags: IfaFlags(0),
            preferred: None,
            valid: None,
            stamps: None,
            metric: None,
            protocol: None,
            other: Vec::new(),
        }
    }
}

/// Route metrics (`RTA_METRICS`): numbers by kind, and the congestion control's name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Metrics {
    /// `(kind, value)` in the order of the attributes.
    #[serde(skip_serializing_if = "is_default")]
    pub values: Vec<(MetricKind, u32)>,
    /// Congestion control.
    #[serde(skip_serializing_if = "is_default")]
    pub congctl: Option<String>,
}

impl Metrics {
    /// The value of one metric.
    pub fn get(&self, kind: MetricKind) -> Option<u32> {
        self.values.iter().find(|(k, _)| *k == kind).map(|&(_, v)| v)
    }

    /// Sets one metric, in place if it is there already.
    pub fn set(&mut self, kind: MetricKind, value: u32) {
        match self.values.iter_mut().find(|(k, _)| *k == kind) {
            Some(entry) => entry.1 = value,
            None => self.values.push((kind, value)),
        }
    }

    /// Adds one metric behind the others. A request may name one more than once:
    /// the last holds, but a deletion compares each.
    pub fn push(&mut self, kind: MetricKind, value: u32) {
        self.values.push((kind, value));
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty() && self.congctl.is_none()
    }
}

/// A lightweight tunnel on a route or hop; its type decides whether the kernel takes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Encap {
    /// `LWTUNNEL_ENCAP_*`: 1 mpls, 2 ip, 3 ila, 4 ip6, 5 seg6, 6 bpf, 7 seg6local, 8 rpl, 9 ioam6, 10 xfrm.
    #[serde(rename = "type")]
    pub kind: u16,
    /// The raw nested attributes.
    #[serde(with = "hex")]
    pub data: Vec<u8>,
}

/// One leg of a multipath route (`struct rtnexthop` and its attributes).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NextHopMsg {
    /// The device; 0 if not given.
    #[serde(skip_serializing_if = "is_default")]
    pub oif: u32,
    /// Weight minus one (`rtnh_hops`).
    #[serde(skip_serializing_if = "is_default")]
    pub hops: u8,
    /// `RTNH_F_*`, 8 bits on the wire.
    #[serde(skip_serializing_if = "is_default")]
    pub flags: RouteFlags,
    /// The gateway, of the route's family (`RTA_GATEWAY`) or another (`RTA_VIA`).
    #[serde(skip_serializing_if = "is_default")]
    pub gateway: Option<IpAddr>,
    /// Realms (`RTA_FLOW`): source in the upper 16 bits, destination in the lower.
    #[serde(skip_serializing_if = "is_default")]
    pub realms: Option<u32>,
    /// Tunnel.
    #[serde(skip_serializing_if = "is_default")]
    pub encap: Option<Encap>,
    /// What is not decoded.
    #[serde(skip_serializing_if = "is_default")]
    pub other: Vec<Attr>,
}

/// What the kernel says about a cached decision (`RTA_CACHEINFO`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RouteCacheInfo {
    /// References.
    #[serde(skip_serializing_if = "is_default")]
    pub refs: u32,
    /// Since last use, in hundredths of a second.
    #[serde(skip_serializing_if = "is_default")]
    pub last_use: u32,
    /// Until it expires, in hundredths of a second; 0 for never.
    #[serde(skip_serializing_if = "is_default")]
    pub expires: i32,
    /// The errno of an error decision, positive.
    #[serde(skip_serializing_if = "is_default")]
    pub error: u32,
    /// Uses.
    #[serde(skip_serializing_if = "is_default")]
    pub used: u32,
    /// Identity (historic).
    #[serde(skip_serializing_if = "is_default")]
    pub id: u32,
    /// Timestamp (historic).
    #[serde(skip_serializing_if = "is_default")]
    pub ts: u32,
    /// Age (historic).
    #[serde(skip_serializing_if = "is_default")]
    pub ts_age: u32,
}

/// A route, a request for one, or a lookup's answer (`RTM_NEWROUTE`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteMsg {
    /// The family.
    pub family: Family,
    /// Destination; `None` is the default route.
    #[serde(default, skip_serializing_if = "is_default")]
    pub dst: Option<IpPrefix>,
    /// Source prefix (IPv6), or the source of a lookup.
    #[serde(default, skip_serializing_if = "is_default")]
    pub src: Option<IpPrefix>,
    /// Type of service, ECN bits included.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tos: u8,
    /// The table; 0 means main (C-002).
    #[serde(default, skip_serializing_if = "is_default")]
    pub table: TableId,
    /// Who made it, `RTPROT_*`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub protocol: u8,
    /// Scope.
    #[serde(default, skip_serializing_if = "is_default")]
    pub scope: Scope,
    /// Type.
    #[serde(default, rename = "type", skip_serializing_if = "is_default")]
    pub kind: RouteType,
    /// `RTM_F_*` and, for a single hop, `RTNH_F_*`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub flags: RouteFlags,
    /// The device.
    #[serde(default, skip_serializing_if = "is_default")]
    pub oif: Option<u32>,
    /// The ingress device of a lookup.
    #[serde(default, skip_serializing_if = "is_default")]
    pub iif: Option<u32>,
    /// The gateway of the route's own family (`RTA_GATEWAY`).
    #[serde(default, skip_serializing_if = "is_default")]
    pub gateway: Option<IpAddr>,
    /// A gateway of another family (`RTA_VIA`).
    #[serde(default, skip_serializing_if = "is_default")]
    pub via: Option<IpAddr>,
    /// Metric.
    #[serde(default, skip_serializing_if = "is_default")]
    pub priority: Option<u32>,
    /// Preferred source.
    #[serde(default, skip_serializing_if = "is_default")]
    pub prefsrc: Option<IpAddr>,
    /// Metrics.
    #[serde(default, skip_serializing_if = "is_default")]
    pub metrics: Metrics,
    /// Legs of a multipath route.
    #[serde(default, skip_serializing_if = "is_default")]
    pub multipath: Vec<NextHopMsg>,
    /// Realms: source in the upper 16 bits, destination in the lower.
    #[serde(default, skip_serializing_if = "is_default")]
    pub realms: Option<u32>,
    /// Nexthop object.
    #[serde(default, skip_serializing_if = "is_default")]
    pub nh_id: Option<u32>,
    /// Tunnel.
    #[serde(default, skip_serializing_if = "is_default")]
    pub encap: Option<Encap>,
    /// Cache information of an answer.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cacheinfo: Option<RouteCacheInfo>,
    /// Mark of a lookup.
    #[serde(default, skip_serializing_if = "is_default")]
    pub mark: Option<u32>,
    /// User id of a lookup.
    #[serde(default, skip_serializing_if = "is_default")]
    pub uid: Option<u32>,
    /// Transport protocol of a lookup.
    #[serde(default, skip_serializing_if = "is_default")]
    pub ip_proto: Option<u8>,
    /// Source port of a lookup.
    #[serde(default, skip_serializing_if = "is_default")]
    pub sport: Option<u16>,
    /// Destination port of a lookup.
    #[serde(default, skip_serializing_if = "is_default")]
    pub dport: Option<u16>,
    /// Router preference (IPv6).
    #[serde(default, skip_serializing_if = "is_default")]
    pub pref: Option<u8>,
    /// Lifetime in seconds (IPv6).
    #[serde(default, skip_serializing_if = "is_default")]
    pub expires: Option<u32>,
    /// What is not decoded.
    #[serde(default, skip_serializing_if = "is_default")]
    pub other: Vec<Attr>,
}

impl RouteMsg {
    /// An empty message of this family.
    pub fn new(family: Family) -> Self {
        RouteMsg {
            family,
            dst: None,
            src: None,
            tos: 0,
            table: TableId::UNSPEC,
            protocol: 0,
            scope: Scope::UNIVERSE,
            kind: RouteType::UNSPEC,
            flags: RouteFlags(0),
            oif: None,
            iif: None,
            gateway: None,
            via: None,
            priority: None,
            prefsrc: None,
            metrics: Metrics::default(),
            multipath: Vec::new(),
            realms: None,
            nh_id: None,
            encap: None,
            cacheinfo: None,
            mark: None,
            uid: None,
            ip_proto: None,
            sport: None,
            dport: None,
            pref: None,
            expires: None,
            other: Vec::new(),
        }
    }
}

/// Ports from start to end, both included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortRange {
    /// First port.
    pub start: u16,
    /// Last port.
    pub end: u16,
}

/// User ids from start to end, both included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UidRange {
    /// First id.
    pub start: u32,
    /// Last id.
    pub end: u32,
}

/// A policy rule (`RTM_NEWRULE`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleMsg {
    /// The family.
    pub family: Family,
    /// Preference; smaller is earlier. `None` in a request lets the kernel choose (C-093).
    #[serde(default, skip_serializing_if = "is_default")]
    pub priority: Option<u32>,
    /// Destination selector; may have host bits (C-099).
    #[serde(default, skip_serializing_if = "is_default")]
    pub dst: Option<IpPrefix>,
    /// Source selector; may have host bits (C-099).
    #[serde(default, skip_serializing_if = "is_default")]
    pub src: Option<IpPrefix>,
    /// Type of service selector.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tos: u8,
    /// What it does.
    #[serde(default, skip_serializing_if = "is_default")]
    pub action: RuleAction,
    /// The table of a lookup.
    #[serde(default, skip_serializing_if = "is_default")]
    pub table: TableId,
    /// Flags, `not` among them.
    #[serde(default, skip_serializing_if = "is_default")]
    pub flags: RuleFlags,
    /// Ingress device's name.
    #[serde(default, skip_serializing_if = "is_default")]
    pub iifname: Option<String>,
    /// Egress device's name.
    #[serde(default, skip_serializing_if = "is_default")]
    pub oifname: Option<String>,
    /// Target of goto.
    #[serde(default, skip_serializing_if = "is_default")]
    pub goto: Option<u32>,
    /// Mark.
    #[serde(default, skip_serializing_if = "is_default")]
    pub fwmark: Option<u32>,
    /// Mask of the mark.
    #[serde(default, skip_serializing_if = "is_default")]
    pub fwmask: Option<u32>,
    /// Realms to attach: source in the upper 16 bits, destination in the lower.
    #[serde(default, skip_serializing_if = "is_default")]
    pub realms: Option<u32>,
    /// Results with a prefix of this length or shorter are discarded; −1 none.
    #[serde(default, skip_serializing_if = "is_default")]
    pub suppress_prefixlen: Option<i32>,
    /// Results through devices of this group are discarded; −1 none.
    #[serde(default, skip_serializing_if = "is_default")]
    pub suppress_ifgroup: Option<i32>,
    /// Tunnel id.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tun_id: Option<u64>,
    /// The table is that of the flow's VRF.
    #[serde(default, skip_serializing_if = "is_default")]
    pub l3mdev: Option<u8>,
    /// User ids.
    #[serde(default, skip_serializing_if = "is_default")]
    pub uid_range: Option<UidRange>,
    /// Who made it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub protocol: Option<u8>,
    /// Transport protocol.
    #[serde(default, skip_serializing_if = "is_default")]
    pub ip_proto: Option<u8>,
    /// Source ports.
    #[serde(default, skip_serializing_if = "is_default")]
    pub sport: Option<PortRange>,
    /// Mask of a single source port.
    #[serde(default, skip_serializing_if = "is_default")]
    pub sport_mask: Option<u16>,
    /// Destination ports.
    #[serde(default, skip_serializing_if = "is_default")]
    pub dport: Option<PortRange>,
    /// Mask of a single destination port.
    #[serde(default, skip_serializing_if = "is_default")]
    pub dport_mask: Option<u16>,
    /// DSCP, 6 bits.
    #[serde(default, skip_serializing_if = "is_default")]
    pub dscp: Option<u8>,
    /// Mask of the DSCP.
    #[serde(default, skip_serializing_if = "is_default")]
    pub dscp_mask: Option<u8>,
    /// Flow label (IPv6).
    #[serde(default, skip_serializing_if = "is_default")]
    pub flowlabel: Option<u32>,
    /// Mask of the flow label.
    #[serde(default, skip_serializing_if = "is_default")]
    pub flowlabel_mask: Option<u32>,
    /// What is not decoded.
    #[serde(default, skip_serializing_if = "is_default")]
    pub other: Vec<Attr>,
}

impl RuleMsg {
    /// An empty message of this family.
    pub fn new(family: Family) -> Self {
        RuleMsg {
            family,
            priority: None,
            dst: None,
            src: None,
            tos: 0,
            action: RuleAction::UNSPEC,
            table: TableId::UNSPEC,
            flags: RuleFlags(0),
            iifname: None,
            oifname: None,
            goto: None,
            fwmark: None,
            fwmask: None,
            realms: None,
            suppress_prefixlen: None,
            suppress_ifgroup: None,
            tun_id: None,
            l3mdev: None,
            uid_range: None,
            protocol: None,
            ip_proto: None,
            sport: None,
            sport_mask: None,
            dport: None,
            dport_mask: None,
            dscp: None,
            dscp_mask: None,
            flowlabel: None,
            flowlabel_mask: None,
            other: Vec::new(),
        }
    }
}

/// A member of a nexthop group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NexthopGroupEntry {
    /// The member's id.
    pub id: u32,
    /// Weight, 1 to 65536.
    pub weight: u32,
}

/// Parameters of a resilient group (`NHA_RES_GROUP`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ResilientGroup {
    /// Buckets.
    pub buckets: Option<u16>,
    /// Idle timer in hundredths of a second.
    pub idle_timer: Option<u32>,
    /// Unbalanced timer in hundredths of a second.
    pub unbalanced_timer: Option<u32>,
    /// For how long it has been unbalanced, in hundredths of a second.
    pub unbalanced_time: Option<u64>,
}

/// A bucket of a resilient group (`NHA_RES_BUCKET`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NexthopBucket {
    /// Its number, from 0.
    pub index: Option<u16>,
    /// For how long it has carried no traffic, in hundredths of a second.
    pub idle_time: Option<u64>,
    /// The member whose bucket it is.
    pub nh_id: Option<u32>,
}

/// A nexthop object (`RTM_NEWNEXTHOP`), or a bucket of a group (`RTM_NEWNEXTHOPBUCKET`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NexthopMsg {
    /// The id; 0 in a request lets the kernel choose.
    pub id: u32,
    /// The family; `None` for groups and blackholes without one.
    #[serde(skip_serializing_if = "is_default")]
    pub family: Option<Family>,
    /// Scope.
    #[serde(skip_serializing_if = "is_default")]
    pub scope: Scope,
    /// Who made it, `RTPROT_*`.
    #[serde(skip_serializing_if = "is_default")]
    pub protocol: u8,
    /// `RTNH_F_*`.
    #[serde(skip_serializing_if = "is_default")]
    pub flags: RouteFlags,
    /// The device.
    #[serde(skip_serializing_if = "is_default")]
    pub oif: Option<u32>,
    /// The gateway.
    #[serde(skip_serializing_if = "is_default")]
    pub gateway: Option<IpAddr>,
    /// Whether it discards.
    #[serde(skip_serializing_if = "is_default")]
    pub blackhole: bool,
    /// Whether it is for the bridge forwarding database.
    #[serde(skip_serializing_if = "is_default")]
    pub fdb: bool,
    /// Members, for a group.
    #[serde(skip_serializing_if = "is_default")]
    pub group: Vec<NexthopGroupEntry>,
    /// Group type: 0 hash-threshold (`mpath`), 1 `resilient`.
    #[serde(skip_serializing_if = "is_default")]
    pub group_type: Option<u16>,
    /// Resilient group's parameters.
    #[serde(skip_serializing_if = "is_default")]
    pub resilient: Option<ResilientGroup>,
    /// The bucket, in a message about one; `id` is then the group's.
    #[serde(skip_serializing_if = "is_default")]
    pub bucket: Option<NexthopBucket>,
    /// Tunnel.
    #[serde(skip_serializing_if = "is_default")]
    pub encap: Option<Encap>,
    /// What is not decoded.
    #[serde(skip_serializing_if = "is_default")]
    pub other: Vec<Attr>,
}

/// A neighbour (`RTM_NEWNEIGH`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NeighMsg {
    /// The family.
    pub family: Family,
    /// The device.
    pub index: u32,
    /// State.
    #[serde(default, skip_serializing_if = "is_default")]
    pub state: NeighState,
    /// Flags, the extended ones from bit 8 on.
    #[serde(default, skip_serializing_if = "is_default")]
    pub flags: NeighFlags,
    /// Route type of the address (`ndm_type`).
    #[serde(default, rename = "type", skip_serializing_if = "is_default")]
    pub kind: RouteType,
    /// Its address.
    #[serde(default, skip_serializing_if = "is_default")]
    pub dst: Option<IpAddr>,
    /// Its link-layer address.
    #[serde(default, skip_serializing_if = "is_default")]
    pub lladdr: Option<LlAddr>,
    /// Probes sent.
    #[serde(default, skip_serializing_if = "is_default")]
    pub probes: Option<u32>,
    /// Seconds/100 since confirmed, used, updated; and references.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cacheinfo: Option<[u32; 4]>,
    /// Who made it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub protocol: Option<u8>,
    /// What is not decoded.
    #[serde(default, skip_serializing_if = "is_default")]
    pub other: Vec<Attr>,
}

impl NeighMsg {
    /// An empty message of this family for a device.
    pub fn new(family: Family, index: u32) -> Self {
        NeighMsg {
            family,
            index,
            state: NeighState(0),
            flags: NeighFlags(0),
            kind: RouteType::UNSPEC,
            dst: None,
            lladdr: None,
            probes: None,
            cacheinfo: None,
            protocol: None,
            other: Vec::new(),
        }
    }
}

/// A device's settings (`RTM_NEWNETCONF`). Index −1 is `all`, −2 is `default`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetconfMsg {
    /// The family.
    pub family: Family,
    /// The device, or −1 for `all`, −2 for `default`.
    pub index: i32,
    /// Forwarding.
    #[serde(default, skip_serializing_if = "is_default")]
    pub forwarding: Option<i32>,
    /// Reverse-path filter mode.
    #[serde(default, skip_serializing_if = "is_default")]
    pub rp_filter: Option<i32>,
    /// Multicast forwarding.
    #[serde(default, skip_serializing_if = "is_default")]
    pub mc_forwarding: Option<i32>,
    /// Broadcast forwarding.
    #[serde(default, skip_serializing_if = "is_default")]
    pub bc_forwarding: Option<i32>,
    /// Proxy ARP or NDP.
    #[serde(default, skip_serializing_if = "is_default")]
    pub proxy_neigh: Option<i32>,
    /// Whether hops without carrier are skipped.
    #[serde(default, skip_serializing_if = "is_default")]
    pub ignore_routes_with_linkdown: Option<i32>,
    /// What is not decoded.
    #[serde(default, skip_serializing_if = "is_default")]
    pub other: Vec<Attr>,
}
