//! Nexthop dumps and single answers (`nh_fill_node`).

use fingerpost_model::{NexthopGroupEntry, NexthopMsg, Refusal, ResilientGroup, Scope};
use fingerpost_net::Errno;

use crate::config::{NexthopKind, NexthopObject};
use crate::world::Namespace;

/// The object with this id.
pub fn get(ns: &Namespace, id: u32) -> Result<NexthopMsg, Refusal> {
    if id == 0 {
        return Err(Refusal::with(Errno::EINVAL, "Invalid nexthop id"));
    }
    ns.config.nexthops.get(id).map(message).ok_or(Refusal::new(Errno::ENOENT))
}

/// All objects, by id.
pub fn dump(ns: &Namespace, each: &mut dyn FnMut(&NexthopMsg)) -> Result<(), Refusal> {
    for object in ns.config.nexthops.by_id.values() {
        each(&message(object));
    }
    Ok(())
}

/// An object as the kernel shows it. Of a blackhole neither device nor scope is
/// shown. For how long a resilient group has been unbalanced is shown as 0.
pub fn message(object: &NexthopObject) -> NexthopMsg {
    let msg = NexthopMsg {
        id: object.id,
        family: object.family,
        protocol: object.protocol,
        flags: object.flags,
        fdb: object.fdb,
        ..NexthopMsg::default()
    };
    match &object.kind {
        NexthopKind::Group { members, resilient, .. } => NexthopMsg {
            group: members.iter().map(|m| NexthopGroupEntry { id: m.id, weight: m.weight }).collect(),
            group_type: Some(u16::from(resilient.is_some())),
            resilient: resilient.map(|parameters| ResilientGroup { unbalanced_time: Some(0), ..parameters }),
            scope: Scope(0),
            ..msg
        },
        NexthopKind::Single(hop) if hop.blackhole => NexthopMsg { blackhole: true, ..msg },
        NexthopKind::Single(hop) => NexthopMsg {
            oif: (hop.dev != 0).then_some(hop.dev),
            scope: hop.scope,
            gateway: hop.gateway,
            encap: hop.encap.clone(),
            ..msg
        },
    }
}
