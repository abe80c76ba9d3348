//! Nexthop objects: `struct nhmsg` and `NHA_*`.

use fingerpost_model::{
    Attr, NexthopBucket, NexthopGroupEntry, NexthopMsg, ResilientGroup, RouteFlags, Scope,
};
use fingerpost_net::Family;

use crate::attr::{Builder, NESTED, View, attributes};
use crate::error::{DecodeError, Problem};
use crate::message::{Body, word};
use crate::route::Tunnel;

attributes! {
    nha, "NHA_":
    ID = 1, GROUP = 2, GROUP_TYPE = 3, BLACKHOLE = 4, OIF = 5, GATEWAY = 6, ENCAP_TYPE = 7, ENCAP = 8,
    GROUPS = 9, MASTER = 10, FDB = 11, RES_GROUP = 12, RES_BUCKET = 13, OP_FLAGS = 14, GROUP_STATS = 15,
    HW_STATS_ENABLE = 16, HW_STATS_USED = 17,
}

attributes! {
    res, "NHA_RES_GROUP_":
    PAD = 0, BUCKETS = 1, IDLE_TIMER = 2, UNBALANCED_TIMER = 3, UNBALANCED_TIME = 4,
}

attributes! {
    bucket, "NHA_RES_BUCKET_":
    PAD = 0, INDEX = 1, IDLE_TIME = 2, NH_ID = 3,
}

/// Length of `struct nexthop_grp`.
const ENTRY: usize = 8;

pub(crate) fn decode(body: Body<'_>) -> Result<NexthopMsg, DecodeError> {
    let (fixed, attrs) = body.split::<8>(nha::name)?;
    let family = match fixed[0] {
        0 => None,
        number => Some(body.family(number)?),
    };
    let mut m = NexthopMsg {
        family,
        scope: Scope(fixed[1]),
        protocol: fixed[2],
        flags: RouteFlags(word(&fixed, 4)),
        ..NexthopMsg::default()
    };
    let mut tunnel = Tunnel::default();
    for view in attrs {
        let view = view?;
        match view.kind() {
            nha::ID => m.id = view.u32()?,
            nha::GROUP if view.data().is_empty() => m.other.push(view.keep()),
            nha::GROUP => m.group = members(&view)?,
            nha::GROUP_TYPE => m.group_type = Some(view.u16()?),
            nha::BLACKHOLE if view.data().is_empty() => m.blackhole = true,
            nha::OIF => m.oif = Some(view.u32()?),
            nha::GATEWAY => m.gateway = Some(view.any_ip()?),
            nha::ENCAP_TYPE => tunnel.kind = Some((view.u16()?, view.keep())),
            nha::ENCAP => tunnel.data = Some(view.keep()),
            nha::FDB if view.data().is_empty() => m.fdb = true,
            nha::RES_GROUP => resilient(&view, &mut m)?,
            nha::RES_BUCKET => read_bucket(&view, &mut m)?,
            _ => m.other.push(view.keep()),
        }
    }
    m.encap = tunnel.join(&mut m.other);
    Ok(m)
}

/// Weights stand minus one, the low byte apart from the high byte.
fn members(view: &View<'_>) -> Result<Vec<NexthopGroupEntry>, DecodeError> {
    let (entries, rest) = view.data().as_chunks::<ENTRY>();
    if !rest.is_empty() {
        return Err(view.error(Problem::Size { found: view.data().len(), expected: "a multiple of 8" }));
    }
    let entry = |e: &[u8; ENTRY]| NexthopGroupEntry {
        id: u32::from_ne_bytes([e[0], e[1], e[2], e[3]]),
        weight: u32::from(u16::from_le_bytes([e[4], e[5]])) + 1,
    };
    Ok(entries.iter().map(entry).collect())
}

/// Reads the known parameters; unknown ones stay as an attribute of their own.
fn resilient(view: &View<'_>, m: &mut NexthopMsg) -> Result<(), DecodeError> {
    let mut group = m.resilient.unwrap_or_default();
    let mut rest = Builder::new();
    let mut known = view.data().is_empty();
    for inner in view.nested(res::name) {
        let inner = inner?;
        known |= (res::PAD..=res::UNBALANCED_TIME).contains(&inner.kind());
        match inner.kind() {
            res::PAD => {}
            res::BUCKETS => group.buckets = Some(inner.u16()?),
            res::IDLE_TIMER => group.idle_timer = Some(inner.u32()?),
            res::UNBALANCED_TIMER => group.unbalanced_timer = Some(inner.u32()?),
            res::UNBALANCED_TIME => group.unbalanced_time = Some(inner.u64()?),
            _ => rest.all(&[inner.keep()]),
        }
    }
    if known {
        m.resilient = Some(group);
    }
    if let (false, Ok(data)) = (rest.is_empty(), rest.finish()) {
        m.other.push(Attr { kind: nha::RES_GROUP | NESTED, data });
    }
    Ok(())
}

/// Reads what is known of a bucket; unknown attributes stay as one of their own.
fn read_bucket(view: &View<'_>, m: &mut NexthopMsg) -> Result<(), DecodeError> {
    let mut found = m.bucket.unwrap_or_default();
    let mut rest = Builder::new();
    let mut known = view.data().is_empty();
    for inner in view.nested(bucket::name) {
        let inner = inner?;
        known |= (bucket::PAD..=bucket::NH_ID).contains(&inner.kind());
        match inner.kind() {
            bucket::PAD => {}
            bucket::INDEX => found.index = Some(inner.u16()?),
            bucket::IDLE_TIME => found.idle_time = Some(inner.u64()?),
            bucket::NH_ID => found.nh_id = Some(inner.u32()?),
            _ => rest.all(&[inner.keep()]),
        }
    }
    if known {
        m.bucket = Some(found);
    }
    if let (false, Ok(data)) = (rest.is_empty(), rest.finish()) {
        m.other.push(Attr { kind: nha::RES_BUCKET | NESTED, data });
    }
    Ok(())
}

pub(crate) fn encode(m: &NexthopMsg, b: &mut Builder) {
    b.raw(&[m.family.map_or(0, Family::number), m.scope.0, m.protocol, 0]);
    b.raw(&m.flags.0.to_ne_bytes());
    if m.id != 0 {
        b.u32(nha::ID, m.id);
    }
    if !m.group.is_empty() {
        let mut data = Vec::with_capacity(m.group.len() * ENTRY);
        for entry in &m.group {
            let weight = u16::try_from(entry.weight.wrapping_sub(1)).unwrap_or(u16::MAX);
            data.extend_from_slice(&entry.id.to_ne_bytes());
            data.extend_from_slice(&weight.to_le_bytes());
            data.extend_from_slice(&[0, 0]);
        }
        b.attr(nha::GROUP, &data);
    }
    if let Some(kind) = m.group_type {
        b.u16(nha::GROUP_TYPE, kind);
    }
    if let Some(group) = &m.resilient {
        b.nest(nha::RES_GROUP | NESTED, |b| put_resilient(group, b));
    }
    if let Some(found) = &m.bucket {
        b.nest(nha::RES_BUCKET | NESTED, |b| put_bucket(found, b));
    }
    if m.blackhole {
        b.attr(nha::BLACKHOLE, &[]);
    }
    if let Some(oif) = m.oif {
        b.u32(nha::OIF, oif);
    }
    if let Some(gateway) = m.gateway {
        b.ip(nha::GATEWAY, gateway);
    }
    if let Some(encap) = &m.encap {
        b.u16(nha::ENCAP_TYPE, encap.kind);
        b.attr(nha::ENCAP | NESTED, &encap.data);
    }
    if m.fdb {
        b.attr(nha::FDB, &[]);
    }
    b.all(&m.other);
}

fn put_resilient(group: &ResilientGroup, b: &mut Builder) {
    if let Some(buckets) = group.buckets {
        b.u16(res::BUCKETS, buckets);
    }
    if let Some(timer) = group.idle_timer {
        b.u32(res::IDLE_TIMER, timer);
    }
    if let Some(timer) = group.unbalanced_timer {
        b.u32(res::UNBALANCED_TIMER, timer);
    }
    if let Some(time) = group.unbalanced_time {
        b.attr(res::UNBALANCED_TIME, &time.to_ne_bytes());
    }
}

fn put_bucket(found: &NexthopBucket, b: &mut Builder) {
    if let Some(index) = found.index {
        b.u16(bucket::INDEX, index);
    }
    if let Some(time) = found.idle_time {
        b.attr(bucket::IDLE_TIME, &time.to_ne_bytes());
    }
    if let Some(id) = found.nh_id {
        b.u32(bucket::NH_ID, id);
    }
}
