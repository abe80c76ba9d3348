//! Neighbours: `struct ndmsg` and `NDA_*`.

use fingerpost_model::{LlAddr, NeighFlags, NeighMsg, NeighState, RouteType};

use crate::attr::{Builder, attributes};
use crate::error::DecodeError;
use crate::message::{Body, word};

attributes! {
    nda, "NDA_":
    DST = 1, LLADDR = 2, CACHEINFO = 3, PROBES = 4, VLAN = 5, PORT = 6, VNI = 7, IFINDEX = 8, MASTER = 9,
    LINK_NETNSID = 10, SRC_VNI = 11, PROTOCOL = 12, NH_ID = 13, FDB_EXT_ATTRS = 14, FLAGS_EXT = 15,
}

pub(crate) fn decode(body: Body<'_>) -> Result<NeighMsg, DecodeError> {
    let (fixed, attrs) = body.split::<12>(nda::name)?;
    let family = body.family(fixed[0])?;
    let mut m = NeighMsg::new(family, word(&fixed, 4));
    m.state = NeighState(u16::from_ne_bytes([fixed[8], fixed[9]]));
    let mut flags = u32::from(fixed[10]);
    m.kind = RouteType(fixed[11]);
    for view in attrs {
        let view = view?;
        match view.kind() {
            nda::DST => m.dst = Some(view.ip(family)?),
            nda::LLADDR => m.lladdr = Some(LlAddr(view.data().to_vec())),
            nda::CACHEINFO => m.cacheinfo = Some(view.words::<4>("16")?),
            nda::PROBES => m.probes = Some(view.u32()?),
            nda::PROTOCOL => m.protocol = Some(view.u8()?),
            // The extended flags continue those of the header.
            nda::FLAGS_EXT if view.u32()? < 1 << 24 => flags |= view.u32()? << 8,
            _ => m.other.push(view.keep()),
        }
    }
    m.flags = NeighFlags(flags);
    Ok(m)
}

pub(crate) fn encode(m: &NeighMsg, b: &mut Builder) {
    b.raw(&[m.family.number(), 0, 0, 0]);
    b.raw(&m.index.to_ne_bytes());
    let [s0, s1] = m.state.0.to_ne_bytes();
    b.raw(&[s0, s1, m.flags.0 as u8, m.kind.0]);
    if let Some(dst) = m.dst {
        b.ip(nda::DST, dst);
    }
    if let Some(lladdr) = &m.lladdr {
        b.attr(nda::LLADDR, &lladdr.0);
    }
    if let Some(probes) = m.probes {
        b.u32(nda::PROBES, probes);
    }
    if let Some(words) = m.cacheinfo {
        b.attr(nda::CACHEINFO, words.map(u32::to_ne_bytes).as_flattened());
    }
    if let Some(protocol) = m.protocol {
        b.u8(nda::PROTOCOL, protocol);
    }
    if m.flags.0 > 0xff {
        b.u32(nda::FLAGS_EXT, m.flags.0 >> 8);
    }
    b.all(&m.other);
}
