//! Addresses: `struct ifaddrmsg` and `IFA_*`.

use std::net::IpAddr;

use fingerpost_model::{AddrMsg, IfaFlags, Scope};
use fingerpost_net::Family;

use crate::attr::{Builder, attributes};
use crate::error::DecodeError;
use crate::message::{Body, word};

attributes! {
    ifa, "IFA_":
    ADDRESS = 1, LOCAL = 2, LABEL = 3, BROADCAST = 4, ANYCAST = 5, CACHEINFO = 6, MULTICAST = 7, FLAGS = 8,
    RT_PRIORITY = 9, TARGET_NETNSID = 10, PROTO = 11,
}

const FOREVER: u32 = u32::MAX;

pub(crate) fn decode(body: Body<'_>) -> Result<AddrMsg, DecodeError> {
    let (fixed, attrs) = body.split::<8>(ifa::name)?;
    let family = body.family(fixed[0])?;
    let mut m = AddrMsg::new(family, word(&fixed, 4));
    m.prefix_len = body.prefix_len(1, fixed[1], family)?;
    m.flags = IfaFlags(u32::from(fixed[2]));
    m.scope = Scope(fixed[3]);
    for view in attrs {
        let view = view?;
        match view.kind() {
            ifa::ADDRESS => m.address = Some(view.ip(family)?),
            ifa::LOCAL => m.local = Some(view.ip(family)?),
            ifa::LABEL => m.label = Some(view.text()),
            ifa::BROADCAST => match view.ip(Family::V4)? {
                IpAddr::V4(a) => m.broadcast = Some(a),
                IpAddr::V6(_) => m.other.push(view.keep()),
            },
            ifa::CACHEINFO => {
                let [preferred, valid, made, updated] = view.words::<4>("16")?;
                m.preferred = Some(preferred);
                m.valid = Some(valid);
                // Requests leave the stamps zero.
                m.stamps = ([made, updated] != [0, 0]).then_some([made, updated]);
            }
            ifa::FLAGS => m.flags = IfaFlags(view.u32()?),
            ifa::RT_PRIORITY => m.metric = Some(view.u32()?),
            ifa::PROTO => m.protocol = Some(view.u8()?),
            _ => m.other.push(view.keep()),
        }
    }
    Ok(m)
}

pub(crate) fn encode(m: &AddrMsg, b: &mut Builder) {
    b.raw(&[m.family.number(), m.prefix_len, m.flags.0 as u8, m.scope.0]);
    b.raw(&m.index.to_ne_bytes());
    if let Some(address) = m.address {
        b.ip(ifa::ADDRESS, address);
    }
    if let Some(local) = m.local {
        b.ip(ifa::LOCAL, local);
    }
    if let Some(broadcast) = m.broadcast {
        b.ip(ifa::BROADCAST, broadcast.into());
    }
    if let Some(label) = &m.label {
        b.text(ifa::LABEL, label);
    }
    if m.flags.0 > 0xff {
        b.u32(ifa::FLAGS, m.flags.0);
    }
    if let Some(metric) = m.metric {
        b.u32(ifa::RT_PRIORITY, metric);
    }
    if m.preferred.is_some() || m.valid.is_some() || m.stamps.is_some() {
        let [made, updated] = m.stamps.unwrap_or_default();
        let words = [m.preferred.unwrap_or(FOREVER), m.valid.unwrap_or(FOREVER), made, updated];
        b.attr(ifa::CACHEINFO, words.map(u32::to_ne_bytes).as_flattened());
    }
    if let Some(protocol) = m.protocol {
        b.u8(ifa::PROTO, protocol);
    }
    b.all(&m.other);
}
