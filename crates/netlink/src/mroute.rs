//! Multicast routing: `RTNL_FAMILY_IPMR` and `IP6MR` instead of a family in the headers of
//! routes, and of links for the tables themselves (`IPMRA_*`).

use fingerpost_model::{MrouteMsg, MrouteOif, MrouteTableMsg, MrouteVif, TableId};
use fingerpost_net::Family;

use crate::attr::{Builder, NESTED, View, attributes};
use crate::error::{DecodeError, Problem};
use crate::message::Body;
use crate::route::rta;

/// `RTNL_FAMILY_IPMR` and `RTNL_FAMILY_IP6MR`.
pub(crate) const IPMR: u8 = 128;
const IP6MR: u8 = 129;
/// `RTN_MULTICAST`.
const MULTICAST: u8 = 5;
/// `RTNH_F_UNRESOLVED`.
const UNRESOLVED: u32 = 32;
/// Bytes of `struct rtnexthop`.
const OIF: usize = 8;
/// Bytes of `struct ifinfomsg`.
const LINK: usize = 16;

attributes! {
    ifla, "IFLA_":
    AF_SPEC = 26,
}

attributes! {
    table, "IPMRA_TABLE_":
    ID = 1, CACHE_RES_QUEUE_LEN = 2, MROUTE_REG_VIF_NUM = 3, MROUTE_DO_ASSERT = 4, MROUTE_DO_PIM = 5,
    VIFS = 6, MROUTE_DO_WRVIFWHOLE = 7,
}

attributes! {
    vif, "IPMRA_":
    VIF = 1,
}

attributes! {
    vifa, "IPMRA_VIFA_":
    IFINDEX = 1, VIF_ID = 2, FLAGS = 3, BYTES_IN = 4, BYTES_OUT = 5, PACKETS_IN = 6, PACKETS_OUT = 7,
    LOCAL_ADDR = 8, REMOTE_ADDR = 9, PAD = 10,
}

/// The number that stands for a family's multicast routing.
pub(crate) fn number_of(family: Family) -> u8 {
    match family {
        Family::V4 => IPMR,
        Family::V6 => IP6MR,
    }
}

/// Whether a message of a route or link is about multicast routing.
pub(crate) fn is_one(body: Body<'_>) -> bool {
    matches!(body.bytes.first(), Some(&(IPMR | IP6MR)))
}

pub(crate) fn decode(body: Body<'_>) -> Result<MrouteMsg, DecodeError> {
    let (fixed, attrs) = body.split::<12>(rta::name)?;
    let family = match fixed[0] {
        IPMR => Family::V4,
        IP6MR => Family::V6,
        other => return Err(body.error(0, Problem::Family(other))),
    };
    let mut m = MrouteMsg::new(family, TableId(u32::from(fixed[4])));
    m.protocol = fixed[5];
    let flags = u32::from_ne_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]);
    m.unresolved = flags & UNRESOLVED != 0;
    for view in attrs {
        let view = view?;
        match view.kind() {
            rta::TABLE => m.table = TableId(view.u32()?),
            rta::SRC => m.src = Some(view.ip(family)?),
            rta::DST => m.dst = Some(view.ip(family)?),
            rta::IIF => m.iif = Some(view.u32()?),
            rta::MULTIPATH => m.oifs = Some(oifs(&view)?),
            rta::MFC_STATS => {
                let bytes = view.bytes::<24>("24, three numbers")?;
                let at = |place: usize| {
                    let mut number = [0; 8];
                    number.copy_from_slice(&bytes[place * 8..place * 8 + 8]);
                    u64::from_ne_bytes(number)
                };
                m.stats = Some([at(0), at(1), at(2)]);
            }
            rta::EXPIRES => m.age = Some(view.u64()?),
            rta::PAD => {}
            _ => m.other.push(view.keep()),
        }
    }
    Ok(m)
}

fn oifs(view: &View<'_>) -> Result<Vec<MrouteOif>, DecodeError> {
    let mut oifs = Vec::new();
    let mut rest = view.data();
    while !rest.is_empty() {
        let &[l0, l1, _, ttl, i0, i1, i2, i3, ..] = rest else {
            return Err(view.error(Problem::Short { found: rest.len(), expected: OIF }));
        };
        let claimed = usize::from(u16::from_ne_bytes([l0, l1]));
        if claimed < OIF || claimed > rest.len() {
            return Err(view.error(Problem::LengthField { claimed, available: rest.len() }));
        }
        oifs.push(MrouteOif { dev: u32::from_ne_bytes([i0, i1, i2, i3]), ttl });
        rest = rest.get(claimed.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(oifs)
}

pub(crate) fn encode(m: &MrouteMsg, b: &mut Builder) {
    let width = m.family.width();
    let small = u8::try_from(m.table.0).unwrap_or(TableId::COMPAT.0 as u8);
    b.raw(&[number_of(m.family), width, width, 0, small, m.protocol, 0, MULTICAST]);
    b.raw(&(if m.unresolved { UNRESOLVED } else { 0 }).to_ne_bytes());
    b.u32(rta::TABLE, m.table.0);
    if let Some(src) = m.src {
        b.ip(rta::SRC, src);
    }
    if let Some(dst) = m.dst {
        b.ip(rta::DST, dst);
    }
    if let Some(iif) = m.iif {
        b.u32(rta::IIF, iif);
    }
    if let Some(oifs) = &m.oifs {
        b.nest(rta::MULTIPATH, |b| {
            for oif in oifs {
                let [l0, l1] = (OIF as u16).to_ne_bytes();
                b.raw(&[l0, l1, 0, oif.ttl]);
                b.raw(&oif.dev.to_ne_bytes());
            }
        });
    }
    if let Some(stats) = m.stats {
        let bytes: Vec<u8> = stats.iter().flat_map(|number| number.to_ne_bytes()).collect();
        b.attr(rta::MFC_STATS, &bytes);
    }
    if let Some(age) = m.age {
        b.attr(rta::EXPIRES, &age.to_ne_bytes());
    }
    b.all(&m.other);
}

pub(crate) fn decode_table(body: Body<'_>) -> Result<MrouteTableMsg, DecodeError> {
    let (_, attrs) = body.split::<LINK>(ifla::name)?;
    let mut m = MrouteTableMsg::default();
    for view in attrs {
        let view = view?;
        match view.kind() {
            ifla::AF_SPEC => {
                for view in view.nested(table::name) {
                    table_attribute(&view?, &mut m)?;
                }
            }
            _ => m.other.push(view.keep()),
        }
    }
    Ok(m)
}

fn table_attribute(view: &View<'_>, m: &mut MrouteTableMsg) -> Result<(), DecodeError> {
    match view.kind() {
        table::ID => m.table = TableId(view.u32()?),
        table::CACHE_RES_QUEUE_LEN => m.waiting = view.u32()?,
        table::MROUTE_REG_VIF_NUM => m.register = Some(view.i32()?),
        table::MROUTE_DO_ASSERT => m.assert = view.u8()? != 0,
        table::MROUTE_DO_PIM => m.pim = view.u8()? != 0,
        table::MROUTE_DO_WRVIFWHOLE => m.whole = view.u8()? != 0,
        table::VIFS => {
            for view in view.nested(vif::name) {
                m.vifs.push(interface(&view?)?);
            }
        }
        // Of later kernels.
        _ => {}
    }
    Ok(())
}

fn interface(view: &View<'_>) -> Result<MrouteVif, DecodeError> {
    let mut vif = MrouteVif::default();
    for view in view.nested(vifa::name) {
        let view = view?;
        match view.kind() {
            vifa::IFINDEX => vif.dev = view.u32()?,
            vifa::VIF_ID => vif.id = view.u32()?,
            vifa::FLAGS => vif.flags = view.u16()?,
            vifa::BYTES_IN => vif.counts[0] = view.u64()?,
            vifa::BYTES_OUT => vif.counts[1] = view.u64()?,
            vifa::PACKETS_IN => vif.counts[2] = view.u64()?,
            vifa::PACKETS_OUT => vif.counts[3] = view.u64()?,
            vifa::LOCAL_ADDR => vif.local = view.u32()?,
            vifa::REMOTE_ADDR => vif.remote = view.u32()?,
            _ => {}
        }
    }
    Ok(vif)
}

pub(crate) fn encode_table(m: &MrouteTableMsg, b: &mut Builder) {
    let mut fixed = [0; LINK];
    fixed[0] = IPMR;
    b.raw(&fixed);
    b.nest(ifla::AF_SPEC | NESTED, |b| {
        b.u32(table::ID, m.table.0);
        b.u32(table::CACHE_RES_QUEUE_LEN, m.waiting);
        if let Some(register) = m.register {
            b.attr(table::MROUTE_REG_VIF_NUM, &register.to_ne_bytes());
        }
        b.u8(table::MROUTE_DO_ASSERT, m.assert.into());
        b.u8(table::MROUTE_DO_PIM, m.pim.into());
        b.u8(table::MROUTE_DO_WRVIFWHOLE, m.whole.into());
        b.nest(table::VIFS | NESTED, |b| m.vifs.iter().for_each(|vif| put_interface(vif, b)));
    });
    b.all(&m.other);
}

fn put_interface(vif: &MrouteVif, b: &mut Builder) {
    b.nest(vif::VIF | NESTED, |b| {
        b.u32(vifa::IFINDEX, vif.dev);
        b.u32(vifa::VIF_ID, vif.id);
        b.u16(vifa::FLAGS, vif.flags);
        let counts = [vifa::BYTES_IN, vifa::BYTES_OUT, vifa::PACKETS_IN, vifa::PACKETS_OUT];
        for (kind, count) in counts.into_iter().zip(vif.counts) {
            b.attr(kind, &count.to_ne_bytes());
        }
        b.u32(vifa::LOCAL_ADDR, vif.local);
        b.u32(vifa::REMOTE_ADDR, vif.remote);
    });
}
