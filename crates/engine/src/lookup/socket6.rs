//! The way of an IPv6 packet whose source a socket leaves open
//! (`ip6_dst_lookup_tail`). Unlike `ip route get` it has to end with a source:
//! where no route takes a packet without one, a source is chosen first and the
//! route is looked for again, so that routes by source are found.

use std::net::Ipv6Addr;

use fingerpost_net::Errno;

use super::decision::Decision6;
use super::output6::{decide, find};
use super::table6::Candidate;
use super::{Flow6, output6, source6, table6};
use crate::config::Config;
use crate::namespace::Env;
use crate::state::State;
use crate::trace::{Event, Event6, Source6Reason, Tracer};

/// Resolves a flow made here; afterwards it has its source.
///
/// `EADDRNOTAVAIL` when no address can be the source.
pub fn resolve(
    config: &Config,
    state: &mut State,
    env: Env<'_>,
    flow: &mut Flow6,
    tracer: &mut Tracer<'_>,
) -> Result<Decision6, Errno> {
    resolve_of(config, state, env, flow, false, tracer)
}

/// The same for a socket: one that `is_bound` to a device has to leave by it
/// (`ip6_route_output_flags`).
///
/// `EAFNOSUPPORT` where there is a way, but from an IPv4 address.
pub fn resolve_of(
    config: &Config,
    state: &mut State,
    env: Env<'_>,
    flow: &mut Flow6,
    is_bound: bool,
    tracer: &mut Tracer<'_>,
) -> Result<Decision6, Errno> {
    let decision = match flow.src.is_unspecified() {
        true => of_open_source(config, state, env, flow, tracer)?,
        false => output6::resolve_by(config, state, env, flow, is_bound, tracer)?,
    };
    if mixes_families(flow.src, flow.dst) { Err(Errno::EAFNOSUPPORT) } else { Ok(decision) }
}

/// Whether a packet of IPv6 would have an IPv4 address for its source: nobody sends such.
pub fn mixes_families(src: Ipv6Addr, dst: Ipv6Addr) -> bool {
    src.to_ipv4_mapped().is_some() && dst.to_ipv4_mapped().is_none() && !dst.is_unspecified()
}

fn of_open_source(
    config: &Config,
    state: &mut State,
    env: Env<'_>,
    flow: &mut Flow6,
    tracer: &mut Tracer<'_>,
) -> Result<Decision6, Errno> {
    let first = find(config, state, env, flow, flow.oif != 0, tracer);
    let source = source(config, flow, first.as_ref().ok(), tracer).ok_or(Errno::EADDRNOTAVAIL)?;
    flow.src = source;
    let found = match first {
        Ok(found) => found,
        Err(_) => find(config, state, env, flow, flow.oif != 0, tracer)?,
    };
    Ok(decide(config, flow, &found, source, false))
}

/// The source of a flow whose route is known or not (`ip6_route_get_saddr`): a
/// route out of the flow's VRF gives neither its source nor its device.
fn source(
    config: &Config,
    flow: &Flow6,
    found: Option<&Candidate<'_>>,
    tracer: &mut Tracer<'_>,
) -> Option<Ipv6Addr> {
    let dev = found.map_or(0, |found| table6::first_device(config, found.route));
    let same_vrf = flow.l3mdev == 0 || config.links.l3_master(dev) == flow.l3mdev;
    match found.and_then(|found| found.route.prefsrc).filter(|_| same_vrf) {
        Some(addr) => {
            tracer.event(|| Event::V6(Event6::Source { addr, why: Source6Reason::Preferred }));
            Some(addr)
        }
        None => source6::select(config, if same_vrf { dev } else { flow.l3mdev }, flow.dst, tracer),
    }
}
