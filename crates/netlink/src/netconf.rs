//! Per-device settings: `struct netconfmsg` and `NETCONFA_*`.

use fingerpost_model::NetconfMsg;

use crate::attr::{Builder, attributes};
use crate::error::DecodeError;
use crate::message::Body;

attributes! {
    netconfa, "NETCONFA_":
    IFINDEX = 1, FORWARDING = 2, RP_FILTER = 3, MC_FORWARDING = 4, PROXY_NEIGH = 5,
    IGNORE_ROUTES_WITH_LINKDOWN = 6, INPUT = 7, BC_FORWARDING = 8, FORCE_FORWARDING = 9,
}

pub(crate) fn decode(body: Body<'_>) -> Result<NetconfMsg, DecodeError> {
    let (fixed, attrs) = body.split::<4>(netconfa::name)?;
    let mut m = NetconfMsg {
        family: body.family(fixed[0])?,
        index: 0,
        forwarding: None,
        rp_filter: None,
        mc_forwarding: None,
        bc_forwarding: None,
        proxy_neigh: None,
        ignore_routes_with_linkdown: None,
        other: Vec::new(),
    };
    for view in attrs {
        let view = view?;
        match view.kind() {
            netconfa::IFINDEX => m.index = view.i32()?,
            netconfa::FORWARDING => m.forwarding = Some(view.i32()?),
            netconfa::RP_FILTER => m.rp_filter = Some(view.i32()?),
            netconfa::MC_FORWARDING => m.mc_forwarding = Some(view.i32()?),
            netconfa::BC_FORWARDING => m.bc_forwarding = Some(view.i32()?),
            netconfa::PROXY_NEIGH => m.proxy_neigh = Some(view.i32()?),
            netconfa::IGNORE_ROUTES_WITH_LINKDOWN => m.ignore_routes_with_linkdown = Some(view.i32()?),
            _ => m.other.push(view.keep()),
        }
    }
    Ok(m)
}

pub(crate) fn encode(m: &NetconfMsg, b: &mut Builder) {
    b.raw(&[m.family.number(), 0, 0, 0]);
    let settings = [
        (netconfa::IFINDEX, Some(m.index)),
        (netconfa::FORWARDING, m.forwarding),
        (netconfa::RP_FILTER, m.rp_filter),
        (netconfa::MC_FORWARDING, m.mc_forwarding),
        (netconfa::BC_FORWARDING, m.bc_forwarding),
        (netconfa::PROXY_NEIGH, m.proxy_neigh),
        (netconfa::IGNORE_ROUTES_WITH_LINKDOWN, m.ignore_routes_with_linkdown),
    ];
    for (kind, value) in settings {
        if let Some(value) = value {
            b.u32(kind, value.cast_unsigned());
        }
    }
    b.all(&m.other);
}
