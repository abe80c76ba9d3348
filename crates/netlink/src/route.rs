//! Routes and lookups: `struct rtmsg`, `RTA_*`, `struct rtnexthop`.

use std::net::IpAddr;

use fingerpost_model::{
    Attr, Encap, MetricKind, Metrics, NextHopMsg, RouteCacheInfo, RouteFlags, RouteMsg, RouteType, Scope,
    TableId,
};
use fingerpost_net::{Family, IpPrefix};

use crate::attr::{Attrs, Builder, NESTED, View, align, attributes, ip_of};
use crate::error::{DecodeError, Problem};
use crate::message::{Body, word};

attributes! {
    rta, "RTA_":
    DST = 1, SRC = 2, IIF = 3, OIF = 4, GATEWAY = 5, PRIORITY = 6, PREFSRC = 7, METRICS = 8, MULTIPATH = 9,
    PROTOINFO = 10, FLOW = 11, CACHEINFO = 12, SESSION = 13, MP_ALGO = 14, TABLE = 15, MARK = 16,
    MFC_STATS = 17, VIA = 18, NEWDST = 19, PREF = 20, ENCAP_TYPE = 21, ENCAP = 22, EXPIRES = 23, PAD = 24,
    UID = 25, TTL_PROPAGATE = 26, IP_PROTO = 27, SPORT = 28, DPORT = 29, NH_ID = 30, FLOWLABEL = 31,
}

attributes! {
    rtax, "RTAX_":
    LOCK = 1, MTU = 2, WINDOW = 3, RTT = 4, RTTVAR = 5, SSTHRESH = 6, CWND = 7, ADVMSS = 8, REORDERING = 9,
    HOPLIMIT = 10, INITCWND = 11, FEATURES = 12, RTO_MIN = 13, INITRWND = 14, QUICKACK = 15, CC_ALGO = 16,
    FASTOPEN_NO_COOKIE = 17,
}

/// Length of `struct rtnexthop`.
const LEG: usize = 8;

pub(crate) fn decode(body: Body<'_>) -> Result<RouteMsg, DecodeError> {
    let (fixed, attrs) = body.split::<12>(rta::name)?;
    let family = body.family(fixed[0])?;
    let dst_len = body.prefix_len(1, fixed[1], family)?;
    let src_len = body.prefix_len(2, fixed[2], family)?;
    let mut m = RouteMsg::new(family);
    m.tos = fixed[3];
    m.table = TableId(u32::from(fixed[4]));
    m.protocol = fixed[5];
    m.scope = Scope(fixed[6]);
    m.kind = RouteType(fixed[7]);
    m.flags = RouteFlags(word(&fixed, 8));
    let unspecified = |len| (len > 0).then(|| IpPrefix { addr: family.unspecified(), len });
    m.dst = unspecified(dst_len);
    m.src = unspecified(src_len);
    let mut tunnel = Tunnel::default();
    for view in attrs {
        let view = view?;
        match view.kind() {
            rta::DST => m.dst = Some(IpPrefix { addr: view.ip(family)?, len: dst_len }),
            rta::SRC => m.src = Some(IpPrefix { addr: view.ip(family)?, len: src_len }),
            rta::IIF => m.iif = Some(view.u32()?),
            rta::OIF => m.oif = Some(view.u32()?),
            rta::GATEWAY => m.gateway = Some(view.ip(family)?),
            rta::PRIORITY => m.priority = Some(view.u32()?),
            rta::PREFSRC => m.prefsrc = Some(view.ip(family)?),
            rta::METRICS => metrics(&view, &mut m)?,
            rta::MULTIPATH if view.data().is_empty() => m.other.push(view.keep()),
            rta::MULTIPATH => m.multipath = legs(&view, family)?,
            rta::FLOW => m.realms = Some(view.u32()?),
            rta::CACHEINFO => m.cacheinfo = Some(cacheinfo(&view)?),
            rta::TABLE => m.table = TableId(view.u32()?),
            rta::MARK => m.mark = Some(view.u32()?),
            rta::VIA => match via(&view)? {
                Some(addr) => m.via = Some(addr),
                None => m.other.push(view.keep()),
            },
            rta::PREF => m.pref = Some(view.u8()?),
            rta::ENCAP_TYPE => tunnel.kind = Some((view.u16()?, view.keep())),
            rta::ENCAP => tunnel.data = Some(view.keep()),
            rta::EXPIRES => m.expires = Some(view.u32()?),
            rta::UID => m.uid = Some(view.u32()?),
            rta::IP_PROTO => m.ip_proto = Some(view.u8()?),
            rta::SPORT => m.sport = Some(view.be16()?),
            rta::DPORT => m.dport = Some(view.be16()?),
            rta::NH_ID => m.nh_id = Some(view.u32()?),
            rta::FLOWLABEL => m.flowlabel = Some(view.be32()?),
            _ => m.other.push(view.keep()),
        }
    }
    m.encap = tunnel.join(&mut m.other);
    Ok(m)
}

pub(crate) fn encode(m: &RouteMsg, b: &mut Builder) {
    // Ids that do not fit the header's 8 bits go into an attribute (C-003).
    let small = u8::try_from(m.table.0).unwrap_or(TableId::COMPAT.0 as u8);
    let len = |p: Option<IpPrefix>| p.map_or(0, |p| p.len);
    b.raw(&[m.family.number(), len(m.dst), len(m.src), m.tos]);
    b.raw(&[small, m.protocol, m.scope.0, m.kind.0]);
    b.raw(&m.flags.0.to_ne_bytes());
    if m.table.0 > 0xff {
        b.u32(rta::TABLE, m.table.0);
    }
    if let Some(dst) = m.dst {
        b.ip(rta::DST, dst.addr);
    }
    if let Some(src) = m.src {
        b.ip(rta::SRC, src.addr);
    }
    let numbers = [
        (rta::IIF, m.iif),
        (rta::OIF, m.oif),
        (rta::PRIORITY, m.priority),
        (rta::FLOW, m.realms),
        (rta::MARK, m.mark),
        (rta::UID, m.uid),
        (rta::EXPIRES, m.expires),
        (rta::NH_ID, m.nh_id),
    ];
    for (kind, value) in numbers {
        if let Some(value) = value {
            b.u32(kind, value);
        }
    }
    if let Some(gateway) = m.gateway {
        b.ip(rta::GATEWAY, gateway);
    }
    if let Some(addr) = m.via {
        put_via(addr, b);
    }
    if let Some(prefsrc) = m.prefsrc {
        b.ip(rta::PREFSRC, prefsrc);
    }
    if !m.metrics.is_empty() {
        b.nest(rta::METRICS | NESTED, |b| put_metrics(&m.metrics, b));
    }
    if !m.multipath.is_empty() {
        b.nest(rta::MULTIPATH | NESTED, |b| m.multipath.iter().for_each(|leg| put_leg(leg, m.family, b)));
    }
    put_encap(m.encap.as_ref(), b);
    if let Some(info) = m.cacheinfo {
        put_cacheinfo(&info, b);
    }
    if let Some(pref) = m.pref {
        b.u8(rta::PREF, pref);
    }
    if let Some(ip_proto) = m.ip_proto {
        b.u8(rta::IP_PROTO, ip_proto);
    }
    if let Some(port) = m.sport {
        b.attr(rta::SPORT, &port.to_be_bytes());
    }
    if let Some(port) = m.dport {
        b.attr(rta::DPORT, &port.to_be_bytes());
    }
    if let Some(label) = m.flowlabel {
        b.attr(rta::FLOWLABEL, &label.to_be_bytes());
    }
    b.all(&m.other);
}

/// Reads the metrics that are numbers and the congestion control's name; the
/// rest stays as a metrics attribute of its own.
fn metrics(view: &View<'_>, m: &mut RouteMsg) -> Result<(), DecodeError> {
    let mut rest = Builder::new();
    for inner in view.nested(rtax::name) {
        let inner = inner?;
        match (inner.kind(), u8::try_from(inner.kind())) {
            (rtax::CC_ALGO, _) => m.metrics.congctl = Some(inner.text()),
            (_, Ok(kind)) if inner.data().len() == 4 => {
                m.metrics.values.push((MetricKind(kind), inner.u32()?))
            }
            _ => rest.all(&[inner.keep()]),
        }
    }
    if let (false, Ok(data)) = (rest.is_empty(), rest.finish()) {
        m.other.push(Attr { kind: rta::METRICS | NESTED, data });
    }
    Ok(())
}

fn put_metrics(metrics: &Metrics, b: &mut Builder) {
    for &(kind, value) in &metrics.values {
        b.u32(u16::from(kind.0), value);
    }
    if let Some(name) = &metrics.congctl {
        b.text(rtax::CC_ALGO, name);
    }
}

/// The address of a `RTA_VIA`; `None` for families other than IPv4 and IPv6 (MPLS).
fn via(view: &View<'_>) -> Result<Option<IpAddr>, DecodeError> {
    let Some((family, addr)) = view.data().split_first_chunk::<2>() else {
        return Err(
            view.error(Problem::Size { found: view.data().len(), expected: "a family and an address" })
        );
    };
    let family = u8::try_from(u16::from_ne_bytes(*family)).ok().and_then(Family::from_number);
    match (family, ip_of(addr)) {
        (Some(family), Some(ip)) if Family::of(ip) == family => Ok(Some(ip)),
        (Some(_), _) => Err(view
            .error(Problem::Size { found: view.data().len(), expected: "6 or 18, a family and an address" })),
        (None, _) => Ok(None),
    }
}

fn put_via(addr: IpAddr, b: &mut Builder) {
    let mut data = u16::from(Family::of(addr).number()).to_ne_bytes().to_vec();
    match addr {
        IpAddr::V4(a) => data.extend_from_slice(&a.octets()),
        IpAddr::V6(a) => data.extend_from_slice(&a.octets()),
    }
    b.attr(rta::VIA, &data);
}

/// The two attributes that make one tunnel.
#[derive(Default)]
pub(crate) struct Tunnel {
    pub kind: Option<(u16, Attr)>,
    pub data: Option<Attr>,
}

impl Tunnel {
    /// The tunnel, if both are there; one alone is kept as it came.
    pub fn join(self, other: &mut Vec<Attr>) -> Option<Encap> {
        match (self.kind, self.data) {
            (Some((kind, _)), Some(data)) => Some(Encap { kind, data: data.data }),
            (kind, data) => {
                other.extend(kind.map(|(_, attr)| attr));
                other.extend(data);
                None
            }
        }
    }
}

fn put_encap(encap: Option<&Encap>, b: &mut Builder) {
    if let Some(encap) = encap {
        b.u16(rta::ENCAP_TYPE, encap.kind);
        b.attr(rta::ENCAP | NESTED, &encap.data);
    }
}

/// The legs of a multipath route.
fn legs(view: &View<'_>, family: Family) -> Result<Vec<NextHopMsg>, DecodeError> {
    let mut legs = Vec::new();
    let mut at = 0;
    while at < view.data().len() {
        let rest = &view.data()[at..];
        let &[l0, l1, flags, hops, i0, i1, i2, i3, ..] = rest else {
            return Err(view.error(Problem::Short { found: rest.len(), expected: LEG }));
        };
        let claimed = usize::from(u16::from_ne_bytes([l0, l1]));
        if claimed < LEG || claimed > rest.len() {
            return Err(view.error(Problem::LengthField { claimed, available: rest.len() }));
        }
        let mut leg = NextHopMsg {
            oif: u32::from_ne_bytes([i0, i1, i2, i3]),
            hops,
            flags: RouteFlags(u32::from(flags)),
            ..NextHopMsg::default()
        };
        let attrs = view.nested_after(at + LEG, rta::name)?.first(claimed - LEG);
        leg_attributes(attrs, family, &mut leg)?;
        legs.push(leg);
        at += align(claimed);
    }
    Ok(legs)
}

fn leg_attributes(attrs: Attrs<'_>, family: Family, leg: &mut NextHopMsg) -> Result<(), DecodeError> {
    let mut tunnel = Tunnel::default();
    for view in attrs {
        let view = view?;
        match view.kind() {
            rta::GATEWAY if leg.gateway.is_none() => leg.gateway = Some(view.ip(family)?),
            rta::VIA => match (via(&view)?, leg.gateway) {
                (Some(addr), None) => leg.gateway = Some(addr),
                _ => leg.other.push(view.keep()),
            },
            rta::FLOW => leg.realms = Some(view.u32()?),
            rta::ENCAP_TYPE => tunnel.kind = Some((view.u16()?, view.keep())),
            rta::ENCAP => tunnel.data = Some(view.keep()),
            _ => leg.other.push(view.keep()),
        }
    }
    leg.encap = tunnel.join(&mut leg.other);
    Ok(())
}

fn put_leg(leg: &NextHopMsg, family: Family, b: &mut Builder) {
    let start = b.len();
    b.raw(&[0, 0, leg.flags.0 as u8, leg.hops]);
    b.raw(&leg.oif.to_ne_bytes());
    match leg.gateway {
        Some(addr) if Family::of(addr) == family => b.ip(rta::GATEWAY, addr),
        Some(addr) => put_via(addr, b),
        None => {}
    }
    if let Some(realms) = leg.realms {
        b.u32(rta::FLOW, realms);
    }
    put_encap(leg.encap.as_ref(), b);
    b.all(&leg.other);
    match u16::try_from(b.len() - start) {
        Ok(len) => b.patch(start, &len.to_ne_bytes()),
        Err(_) => b.fail(crate::EncodeError::TooLong(rta::MULTIPATH)),
    }
}

fn cacheinfo(view: &View<'_>) -> Result<RouteCacheInfo, DecodeError> {
    let [refs, last_use, expires, error, used, id, ts, ts_age] = view.words::<8>("32")?;
    let expires = expires.cast_signed();
    Ok(RouteCacheInfo { refs, last_use, expires, error, used, id, ts, ts_age })
}

fn put_cacheinfo(i: &RouteCacheInfo, b: &mut Builder) {
    let words = [i.refs, i.last_use, i.expires.cast_unsigned(), i.error, i.used, i.id, i.ts, i.ts_age];
    b.attr(rta::CACHEINFO, words.map(u32::to_ne_bytes).as_flattened());
}
