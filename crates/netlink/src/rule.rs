//! Policy rules: `struct fib_rule_hdr` and `FRA_*`.

use fingerpost_model::{PortRange, RuleAction, RuleFlags, RuleMsg, TableId, UidRange};
use fingerpost_net::IpPrefix;

use crate::attr::{Builder, View, attributes};
use crate::error::DecodeError;
use crate::message::{Body, word};

attributes! {
    fra, "FRA_":
    DST = 1, SRC = 2, IIFNAME = 3, GOTO = 4, UNUSED2 = 5, PRIORITY = 6, UNUSED3 = 7, UNUSED4 = 8, UNUSED5 = 9,
    FWMARK = 10, FLOW = 11, TUN_ID = 12, SUPPRESS_IFGROUP = 13, SUPPRESS_PREFIXLEN = 14, TABLE = 15,
    FWMASK = 16, OIFNAME = 17, PAD = 18, L3MDEV = 19, UID_RANGE = 20, PROTOCOL = 21, IP_PROTO = 22,
    SPORT_RANGE = 23, DPORT_RANGE = 24, DSCP = 25, FLOWLABEL = 26, FLOWLABEL_MASK = 27, SPORT_MASK = 28,
    DPORT_MASK = 29, DSCP_MASK = 30,
}

pub(crate) fn decode(body: Body<'_>) -> Result<RuleMsg, DecodeError> {
    let (fixed, attrs) = body.split::<12>(fra::name)?;
    let family = body.family(fixed[0])?;
    let dst_len = body.prefix_len(1, fixed[1], family)?;
    let src_len = body.prefix_len(2, fixed[2], family)?;
    let mut m = RuleMsg::new(family);
    m.tos = fixed[3];
    m.table = TableId(u32::from(fixed[4]));
    m.action = RuleAction(fixed[7]);
    m.flags = RuleFlags(word(&fixed, 8));
    let unspecified = |len| (len > 0).then(|| IpPrefix { addr: family.unspecified(), len });
    m.dst = unspecified(dst_len);
    m.src = unspecified(src_len);
    for view in attrs {
        let view = view?;
        match view.kind() {
            fra::DST => m.dst = Some(IpPrefix { addr: view.ip(family)?, len: dst_len }),
            fra::SRC => m.src = Some(IpPrefix { addr: view.ip(family)?, len: src_len }),
            fra::IIFNAME => m.iifname = Some(view.text()),
            fra::GOTO => m.goto = Some(view.u32()?),
            fra::PRIORITY => m.priority = Some(view.u32()?),
            fra::FWMARK => m.fwmark = Some(view.u32()?),
            fra::FLOW => m.realms = Some(view.u32()?),
            fra::TUN_ID => m.tun_id = Some(view.be64()?),
            fra::SUPPRESS_IFGROUP => m.suppress_ifgroup = Some(view.i32()?),
            fra::SUPPRESS_PREFIXLEN => m.suppress_prefixlen = Some(view.i32()?),
            fra::TABLE => m.table = TableId(view.u32()?),
            fra::FWMASK => m.fwmask = Some(view.u32()?),
            fra::OIFNAME => m.oifname = Some(view.text()),
            fra::L3MDEV => m.l3mdev = Some(view.u8()?),
            fra::UID_RANGE => {
                let [start, end] = view.words::<2>("8")?;
                m.uid_range = Some(UidRange { start, end });
            }
            fra::PROTOCOL => m.protocol = Some(view.u8()?),
            fra::IP_PROTO => m.ip_proto = Some(view.u8()?),
            fra::SPORT_RANGE => m.sport = Some(ports(&view)?),
            fra::DPORT_RANGE => m.dport = Some(ports(&view)?),
            fra::DSCP => m.dscp = Some(view.u8()?),
            fra::FLOWLABEL => m.flowlabel = Some(view.be32()?),
            fra::FLOWLABEL_MASK => m.flowlabel_mask = Some(view.be32()?),
            fra::SPORT_MASK => m.sport_mask = Some(view.u16()?),
            fra::DPORT_MASK => m.dport_mask = Some(view.u16()?),
            fra::DSCP_MASK => m.dscp_mask = Some(view.u8()?),
            _ => m.other.push(view.keep()),
        }
    }
    Ok(m)
}

/// Ports stand in the machine's byte order here, unlike in a lookup.
fn ports(view: &View<'_>) -> Result<PortRange, DecodeError> {
    let [a, b, c, d] = view.bytes::<4>("4, two ports")?;
    Ok(PortRange { start: u16::from_ne_bytes([a, b]), end: u16::from_ne_bytes([c, d]) })
}

pub(crate) fn encode(m: &RuleMsg, b: &mut Builder) {
    let small = u8::try_from(m.table.0).unwrap_or(TableId::COMPAT.0 as u8);
    let len = |p: Option<IpPrefix>| p.map_or(0, |p| p.len);
    b.raw(&[m.family.number(), len(m.dst), len(m.src), m.tos]);
    b.raw(&[small, 0, 0, m.action.0]);
    b.raw(&m.flags.0.to_ne_bytes());
    if m.table.0 > 0xff {
        b.u32(fra::TABLE, m.table.0);
    }
    for (kind, prefix) in [(fra::DST, m.dst), (fra::SRC, m.src)] {
        if let Some(prefix) = prefix {
            b.ip(kind, prefix.addr);
        }
    }
    for (kind, name) in [(fra::IIFNAME, &m.iifname), (fra::OIFNAME, &m.oifname)] {
        if let Some(name) = name {
            b.text(kind, name);
        }
    }
    let numbers = [
        (fra::PRIORITY, m.priority),
        (fra::GOTO, m.goto),
        (fra::FWMARK, m.fwmark),
        (fra::FWMASK, m.fwmask),
        (fra::FLOW, m.realms),
        (fra::SUPPRESS_IFGROUP, m.suppress_ifgroup.map(i32::cast_unsigned)),
        (fra::SUPPRESS_PREFIXLEN, m.suppress_prefixlen.map(i32::cast_unsigned)),
        (fra::FLOWLABEL, m.flowlabel.map(u32::to_be)),
        (fra::FLOWLABEL_MASK, m.flowlabel_mask.map(u32::to_be)),
    ];
    for (kind, value) in numbers {
        if let Some(value) = value {
            b.u32(kind, value);
        }
    }
    if let Some(id) = m.tun_id {
        b.attr(fra::TUN_ID, &id.to_be_bytes());
    }
    if let Some(range) = m.uid_range {
        b.attr(fra::UID_RANGE, [range.start, range.end].map(u32::to_ne_bytes).as_flattened());
    }
    for (kind, range) in [(fra::SPORT_RANGE, m.sport), (fra::DPORT_RANGE, m.dport)] {
        if let Some(range) = range {
            b.attr(kind, [range.start, range.end].map(u16::to_ne_bytes).as_flattened());
        }
    }
    for (kind, mask) in [(fra::SPORT_MASK, m.sport_mask), (fra::DPORT_MASK, m.dport_mask)] {
        if let Some(mask) = mask {
            b.u16(kind, mask);
        }
    }
    let bytes = [
        (fra::L3MDEV, m.l3mdev),
        (fra::PROTOCOL, m.protocol),
        (fra::IP_PROTO, m.ip_proto),
        (fra::DSCP, m.dscp),
        (fra::DSCP_MASK, m.dscp_mask),
    ];
    for (kind, value) in bytes {
        if let Some(value) = value {
            b.u8(kind, value);
        }
    }
    b.all(&m.other);
}
