//! The way of a received IPv6 packet (`ip6_route_input_lookup`): no source is
//! checked, and whether packets are forwarded is not asked (C-307, T-44).

use fingerpost_net::Errno;

use super::decision::Decision6;
use super::output6::{decide, mark_bucket};
use super::rules6::Side;
use super::table6::Demand;
use super::{Flow6, rules6};
use crate::addrtype::AddrType;
use crate::config::Config;
use crate::namespace::Env;
use crate::state::State;
use crate::trace::{Event, Event6, Purpose, Tracer};

/// Resolves a received packet; `flow.iif` is where it came in. In a VRF that is not
/// what is looked up: what is of one link is looked up in the VRF's table alone,
/// and all else as received on the VRF's device (`vrf_ip6_rcv`, F-045), but for what `stays`
/// with its own: neighbour discovery.
pub fn receive(
    config: &Config,
    state: &mut State,
    env: Env<'_>,
    flow: &mut Flow6,
    stays: bool,
    tracer: &mut Tracer<'_>,
) -> Result<Decision6, Errno> {
    let (dev, vrf) = (flow.iif, config.links.l3_master(flow.iif));
    if vrf == 0 || vrf == dev {
        return resolve(config, state, env, flow, tracer);
    }
    if AddrType::of(flow.dst).needs_device() {
        tracer.event(|| Event::V6(Event6::Begin { purpose: Purpose::Input, flow: Box::new(flow.clone()) }));
        if let Ok(found) = rules6::lookup_in_vrf(config, state, env, flow, (vrf, dev), tracer) {
            mark_bucket(config, state, env, flow, &found);
            return Ok(decide(config, flow, &found, flow.src, true));
        }
    }
    if stays {
        return resolve(config, state, env, flow, tracer);
    }
    flow.iif = vrf;
    let result = resolve(config, state, env, flow, tracer);
    tracer.event(|| Event::V6(Event6::ReceivedInVrf { vrf, dev }));
    result
}

/// Resolves what `ip route get` asks of a received packet, wherever `flow.iif` is.
pub fn resolve(
    config: &Config,
    state: &mut State,
    env: Env<'_>,
    flow: &mut Flow6,
    tracer: &mut Tracer<'_>,
) -> Result<Decision6, Errno> {
    tracer.event(|| Event::V6(Event6::Begin { purpose: Purpose::Input, flow: Box::new(flow.clone()) }));
    let demand = Demand {
        device: AddrType::of(flow.dst).needs_device(),
        reachable: config.sysctl6.all.forwarding == 0,
        ignore_linkstate: false,
    };
    let found = rules6::lookup(config, state, env, flow, Side::Input, demand, tracer)?;
    mark_bucket(config, state, env, flow, &found);
    Ok(decide(config, flow, &found, flow.src, true))
}
