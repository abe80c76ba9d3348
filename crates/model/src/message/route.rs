//! Routes, and the answers of lookups.

use std::net::IpAddr;

use fingerpost_net::{Family, IpPrefix};
use serde::{Deserialize, Serialize};

use super::attr::Attr;
use super::common::{hex, is_default};
use crate::number::{MetricKind, RouteFlags, RouteType, Scope, TableId};

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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
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
    /// As [`RouteMsg::gateway_scope`].
    #[serde(skip_serializing_if = "is_default")]
    pub gateway_scope: Option<Scope>,
    /// Realms (`RTA_FLOW`): source in the upper 16 bits, destination in the lower.
    #[serde(skip_serializing_if = "is_default")]
    pub realms: Option<u32>,
    /// Tunnel.
    #[serde(skip_serializing_if = "is_default")]
    pub encap: Option<Encap>,
    /// In snapshots: what an IPv6 leg has for itself, where that is not what the
    /// route shows, which is the first leg's.
    #[serde(skip_serializing_if = "is_default")]
    pub own: Option<Box<OwnLeg>>,
    /// In snapshots: routes of IPv6 that stand behind this leg, before the next one.
    /// Linux lists none of them (F-002).
    #[serde(skip_serializing_if = "is_default")]
    pub behind: Vec<RouteMsg>,
    /// What is not decoded.
    #[serde(skip_serializing_if = "is_default")]
    pub other: Vec<Attr>,
}

/// What a leg of an IPv6 route has for itself, being a route of its own. Dumps
/// show the first leg's alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OwnLeg {
    /// Who made it, `RTPROT_*`.
    pub protocol: u8,
    /// Preferred source.
    #[serde(skip_serializing_if = "is_default")]
    pub prefsrc: Option<IpAddr>,
    /// Metrics.
    #[serde(skip_serializing_if = "is_default")]
    pub metrics: Metrics,
    /// Router preference.
    #[serde(skip_serializing_if = "is_default")]
    pub pref: u8,
    /// Until it ends, in hundredths of a second; 0 for never.
    #[serde(skip_serializing_if = "is_default")]
    pub expires: i32,
}

impl OwnLeg {
    /// What a route shows of its first leg.
    pub fn of(route: &RouteMsg) -> Self {
        OwnLeg {
            protocol: route.protocol,
            prefsrc: route.prefsrc,
            metrics: route.metrics.clone(),
            pref: route.pref.unwrap_or(0),
            expires: route.cacheinfo.map_or(0, |info| info.expires),
        }
    }
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
    /// In snapshots: the scope of the route that led to the gateway when this
    /// route was made, where it is not what the tables tell. Linux keeps it
    /// (`nhc_scope`), uses the gateway only if it is link, and shows it nowhere.
    #[serde(default, skip_serializing_if = "is_default")]
    pub gateway_scope: Option<Scope>,
    /// In snapshots, with one of the IPv6 routes by source of a destination that
    /// has no others: the destinations for which Linux looks at them, where not
    /// those of the routes. It depends on the tables' history (`fib6_node::leaf`)
    /// and is shown nowhere.
    #[serde(default, skip_serializing_if = "is_default")]
    pub looked_at: Option<IpPrefix>,
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
    /// Flow label of a lookup (IPv6).
    #[serde(default, skip_serializing_if = "is_default")]
    pub flowlabel: Option<u32>,
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
            gateway_scope: None,
            looked_at: None,
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
            flowlabel: None,
            pref: None,
            expires: None,
            other: Vec::new(),
        }
    }
}
