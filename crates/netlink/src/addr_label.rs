//! Address labels: `struct ifaddrlblmsg` and `IFAL_*`.

use fingerpost_model::AddrLabelMsg;
use fingerpost_net::IpPrefix;

use crate::attr::{Builder, attributes};
use crate::error::DecodeError;
use crate::message::{Body, word};

attributes! {
    ifal, "IFAL_":
    ADDRESS = 1, LABEL = 2,
}

pub(crate) fn decode(body: Body<'_>) -> Result<AddrLabelMsg, DecodeError> {
    let (fixed, attrs) = body.split::<12>(ifal::name)?;
    let family = body.family(fixed[0])?;
    let len = body.prefix_len(2, fixed[2], family)?;
    let mut m = AddrLabelMsg::new(family);
    m.index = word(&fixed, 4);
    m.sequence = word(&fixed, 8);
    for view in attrs {
        let view = view?;
        match view.kind() {
            ifal::ADDRESS => m.prefix = Some(IpPrefix { addr: view.ip(family)?, len }),
            ifal::LABEL => m.label = Some(view.u32()?),
            _ => m.other.push(view.keep()),
        }
    }
    Ok(m)
}

pub(crate) fn encode(m: &AddrLabelMsg, b: &mut Builder) {
    b.raw(&[m.family.number(), 0, m.prefix.map_or(0, |prefix| prefix.len), 0]);
    b.raw(&m.index.to_ne_bytes());
    b.raw(&m.sequence.to_ne_bytes());
    if let Some(prefix) = m.prefix {
        b.ip(ifal::ADDRESS, prefix.addr);
    }
    if let Some(label) = m.label {
        b.u32(ifal::LABEL, label);
    }
    b.all(&m.other);
}
