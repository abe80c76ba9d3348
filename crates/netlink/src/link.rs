//! Devices: `struct ifinfomsg` and `IFLA_*`.

use fingerpost_model::{LinkFlags, LinkMsg, LinkStats, LlAddr, NsRef};

use crate::attr::{Attrs, Builder, NESTED, View, attributes};
use crate::error::{DecodeError, EncodeError, Problem};
use crate::link_info;
use crate::message::{Body, word};

attributes! {
    ifla, "IFLA_":
    ADDRESS = 1, BROADCAST = 2, IFNAME = 3, MTU = 4, LINK = 5, QDISC = 6, STATS = 7, COST = 8, PRIORITY = 9,
    MASTER = 10, WIRELESS = 11, PROTINFO = 12, TXQLEN = 13, MAP = 14, WEIGHT = 15, OPERSTATE = 16,
    LINKMODE = 17, LINKINFO = 18, NET_NS_PID = 19, IFALIAS = 20, NUM_VF = 21, VFINFO_LIST = 22, STATS64 = 23,
    VF_PORTS = 24, PORT_SELF = 25, AF_SPEC = 26, GROUP = 27, NET_NS_FD = 28, EXT_MASK = 29, PROMISCUITY = 30,
    NUM_TX_QUEUES = 31, NUM_RX_QUEUES = 32, CARRIER = 33, PHYS_PORT_ID = 34, CARRIER_CHANGES = 35,
    PHYS_SWITCH_ID = 36, LINK_NETNSID = 37, PHYS_PORT_NAME = 38, PROTO_DOWN = 39, GSO_MAX_SEGS = 40,
    GSO_MAX_SIZE = 41, PAD = 42, XDP = 43, EVENT = 44, NEW_NETNSID = 45, IF_NETNSID = 46,
    CARRIER_UP_COUNT = 47, CARRIER_DOWN_COUNT = 48, NEW_IFINDEX = 49, MIN_MTU = 50, MAX_MTU = 51,
    PROP_LIST = 52, ALT_IFNAME = 53, PERM_ADDRESS = 54, PROTO_DOWN_REASON = 55, PARENT_DEV_NAME = 56,
    PARENT_DEV_BUS_NAME = 57, GRO_MAX_SIZE = 58, TSO_MAX_SIZE = 59, TSO_MAX_SEGS = 60, ALLMULTI = 61,
    DEVLINK_PORT = 62, GSO_IPV4_MAX_SIZE = 63, GRO_IPV4_MAX_SIZE = 64, DPLL_PIN = 65,
    MAX_PACING_OFFLOAD_HORIZON = 66, NETNS_IMMUTABLE = 67, HEADROOM = 68, TAILROOM = 69,
}

/// What a link request asks the kernel to add or leave out (`IFLA_EXT_MASK`).
pub mod ext_mask {
    /// Virtual functions' settings.
    pub const VF: u32 = 1;
    /// No counters.
    pub const SKIP_STATS: u32 = 8;
}

/// Length of `struct ifinfomsg`.
pub(crate) const FIXED: usize = 16;

/// How many device messages may stand in one another: a device and its peer.
const MAX_DEPTH: u8 = 1;

pub(crate) fn decode(body: Body<'_>) -> Result<LinkMsg, DecodeError> {
    let (fixed, attrs) = body.split::<FIXED>(ifla::name)?;
    from_parts(&fixed, attrs, 0)
}

/// A veth peer: the same form inside an attribute. `None` if it stands too deep to be decoded.
pub(crate) fn decode_peer(view: &View<'_>, depth: u8) -> Result<Option<LinkMsg>, DecodeError> {
    if depth >= MAX_DEPTH {
        return Ok(None);
    }
    let Some(fixed) = view.data().first_chunk::<FIXED>() else {
        return Err(view.error(Problem::Short { found: view.data().len(), expected: FIXED }));
    };
    from_parts(fixed, view.nested_after(FIXED, ifla::name)?, depth + 1).map(Some)
}

fn from_parts(fixed: &[u8; FIXED], attrs: Attrs<'_>, depth: u8) -> Result<LinkMsg, DecodeError> {
    let mut m = LinkMsg {
        arp_type: u16::from_ne_bytes([fixed[2], fixed[3]]),
        index: word(fixed, 4),
        flags: LinkFlags(word(fixed, 8)),
        change: LinkFlags(word(fixed, 12)),
        ..LinkMsg::default()
    };
    let hardware = |view: &View<'_>| Some(LlAddr(view.data().to_vec()));
    for view in attrs {
        let view = view?;
        match view.kind() {
            ifla::ADDRESS => m.address = hardware(&view),
            ifla::BROADCAST => m.broadcast = hardware(&view),
            ifla::PERM_ADDRESS => m.perm_address = hardware(&view),
            ifla::IFNAME => m.name = Some(view.text()),
            ifla::MTU => m.mtu = Some(view.u32()?),
            ifla::LINK => m.link = Some(view.u32()?),
            ifla::QDISC => m.qdisc = Some(view.text()),
            ifla::MASTER => m.master = Some(view.u32()?),
            ifla::TXQLEN => m.txqlen = Some(view.u32()?),
            ifla::OPERSTATE => m.operstate = Some(view.u8()?),
            ifla::LINKMODE => m.linkmode = Some(view.u8()?),
            ifla::LINKINFO => link_info::decode(&view, &mut m, depth)?,
            ifla::NET_NS_PID => m.netns = Some(NsRef::Pid(view.u32()?)),
            ifla::IFALIAS => m.alias = Some(view.text()),
            ifla::STATS64 => m.stats = Some(stats(&view)?),
            ifla::GROUP => m.group = Some(view.u32()?),
            ifla::PROMISCUITY => m.promiscuity = Some(view.u32()?),
            ifla::ALLMULTI => m.allmulti = Some(view.u32()?),
            ifla::NUM_TX_QUEUES => m.num_tx_queues = Some(view.u32()?),
            ifla::NUM_RX_QUEUES => m.num_rx_queues = Some(view.u32()?),
            ifla::CARRIER => m.carrier = Some(view.u8()?),
            ifla::LINK_NETNSID => m.link_netnsid = Some(view.i32()?),
            ifla::MIN_MTU => m.min_mtu = Some(view.u32()?),
            ifla::MAX_MTU => m.max_mtu = Some(view.u32()?),
            ifla::PROP_LIST => names(&view, &mut m)?,
            ifla::GSO_MAX_SIZE => m.gso_max_size = Some(view.u32()?),
            ifla::GSO_MAX_SEGS => m.gso_max_segs = Some(view.u32()?),
            ifla::TSO_MAX_SIZE => m.tso_max_size = Some(view.u32()?),
            ifla::TSO_MAX_SEGS => m.tso_max_segs = Some(view.u32()?),
            ifla::GRO_MAX_SIZE => m.gro_max_size = Some(view.u32()?),
            ifla::GSO_IPV4_MAX_SIZE => m.gso_ipv4_max_size = Some(view.u32()?),
            ifla::GRO_IPV4_MAX_SIZE => m.gro_ipv4_max_size = Some(view.u32()?),
            _ => m.other.push(view.keep()),
        }
    }
    Ok(m)
}

/// Alternative names; anything else in the list stays as an attribute of its own.
fn names(view: &View<'_>, m: &mut LinkMsg) -> Result<(), DecodeError> {
    let mut rest = Builder::new();
    for inner in view.nested(ifla::name) {
        let inner = inner?;
        match inner.kind() {
            ifla::ALT_IFNAME => m.altnames.push(inner.text()),
            _ => rest.all(&[inner.keep()]),
        }
    }
    if let (false, Ok(data)) = (rest.is_empty(), rest.finish()) {
        m.other.push(fingerpost_model::Attr { kind: ifla::PROP_LIST | NESTED, data });
    }
    Ok(())
}

/// Where the counters that are kept stand in `struct rtnl_link_stats64`:
/// bytes, packets, errors, dropped; missed and multicast, carrier errors and collisions.
const RX: [usize; 6] = [2, 0, 4, 6, 15, 8];
const TX: [usize; 6] = [3, 1, 5, 7, 17, 9];
/// Counters in the structure: at least, and as written.
const MIN_STATS: usize = 18;
const STATS: usize = 25;

fn stats(view: &View<'_>) -> Result<LinkStats, DecodeError> {
    let (counters, rest) = view.data().as_chunks::<8>();
    if counters.len() < MIN_STATS || !rest.is_empty() {
        return Err(
            view.error(Problem::Size { found: view.data().len(), expected: "a multiple of 8, at least 144" })
        );
    }
    let pick = |places: [usize; 6]| places.map(|at| u64::from_ne_bytes(counters[at]));
    Ok(LinkStats { rx: pick(RX), tx: pick(TX) })
}

fn put_stats(stats: &LinkStats, b: &mut Builder) {
    let mut counters = [0u64; STATS];
    for (places, values) in [(RX, stats.rx), (TX, stats.tx)] {
        for (at, value) in places.into_iter().zip(values) {
            counters[at] = value;
        }
    }
    b.attr(ifla::STATS64, counters.map(u64::to_ne_bytes).as_flattened());
}

pub(crate) fn encode(m: &LinkMsg, b: &mut Builder) {
    put(m, b, 0);
}

pub(crate) fn put(m: &LinkMsg, b: &mut Builder, depth: u8) {
    if depth > MAX_DEPTH {
        return b.fail(EncodeError::PeerOfPeer);
    }
    let [t0, t1] = m.arp_type.to_ne_bytes();
    b.raw(&[0, 0, t0, t1]);
    b.raw(&m.index.to_ne_bytes());
    b.raw(&m.flags.0.to_ne_bytes());
    b.raw(&m.change.0.to_ne_bytes());
    if let Some(name) = &m.name {
        b.text(ifla::IFNAME, name);
    }
    let numbers = [
        (ifla::MTU, m.mtu),
        (ifla::LINK, m.link),
        (ifla::MASTER, m.master),
        (ifla::TXQLEN, m.txqlen),
        (ifla::GROUP, m.group),
        (ifla::PROMISCUITY, m.promiscuity),
        (ifla::ALLMULTI, m.allmulti),
        (ifla::NUM_TX_QUEUES, m.num_tx_queues),
        (ifla::NUM_RX_QUEUES, m.num_rx_queues),
        (ifla::LINK_NETNSID, m.link_netnsid.map(i32::cast_unsigned)),
        (ifla::MIN_MTU, m.min_mtu),
        (ifla::MAX_MTU, m.max_mtu),
        (ifla::GSO_MAX_SIZE, m.gso_max_size),
        (ifla::GSO_MAX_SEGS, m.gso_max_segs),
        (ifla::TSO_MAX_SIZE, m.tso_max_size),
        (ifla::TSO_MAX_SEGS, m.tso_max_segs),
        (ifla::GRO_MAX_SIZE, m.gro_max_size),
        (ifla::GSO_IPV4_MAX_SIZE, m.gso_ipv4_max_size),
        (ifla::GRO_IPV4_MAX_SIZE, m.gro_ipv4_max_size),
    ];
    for (kind, value) in numbers {
        if let Some(value) = value {
            b.u32(kind, value);
        }
    }
    for (kind, value) in
        [(ifla::OPERSTATE, m.operstate), (ifla::LINKMODE, m.linkmode), (ifla::CARRIER, m.carrier)]
    {
        if let Some(value) = value {
            b.u8(kind, value);
        }
    }
    let hardware =
        [(ifla::ADDRESS, &m.address), (ifla::BROADCAST, &m.broadcast), (ifla::PERM_ADDRESS, &m.perm_address)];
    for (kind, value) in hardware {
        if let Some(value) = value {
            b.attr(kind, &value.0);
        }
    }
    for (kind, value) in [(ifla::QDISC, &m.qdisc), (ifla::IFALIAS, &m.alias)] {
        if let Some(value) = value {
            b.text(kind, value);
        }
    }
    if !m.altnames.is_empty() {
        b.nest(ifla::PROP_LIST | NESTED, |b| {
            m.altnames.iter().for_each(|name| b.text(ifla::ALT_IFNAME, name))
        });
    }
    match &m.netns {
        Some(NsRef::Pid(pid)) => b.u32(ifla::NET_NS_PID, *pid),
        Some(NsRef::Name(name)) => b.fail(EncodeError::NamespaceName(name.clone())),
        None => {}
    }
    if let Some(stats) = &m.stats {
        put_stats(stats, b);
    }
    link_info::encode(m, b, depth);
    b.all(&m.other);
}
