//! `fib` and `rpfilter` of IPv6 (`nft_fib6_eval`, `__nft_fib6_eval_type`,
//! `ip6t_rpfilter`).
//!
//! They look routes up without measuring them (`ip6_route_lookup`): neither router
//! preference nor whether a gateway answers counts, and of a multipath route the
//! hash chooses one leg, on whose device all depends.

use std::net::Ipv6Addr;

use fingerpost_model::{IfaFlags, RouteType};
use fingerpost_net::Errno;

use super::super::table6::Candidate;
use super::super::{Flow6, output6, rules6};
use super::{Address, Device, Fib, Packet, Rpfilter, Told, Wanted, Why};
use crate::addrtype::AddrType;
use crate::config::{Config, RtFlags};
use crate::namespace::Env;
use crate::state::State;
use crate::trace::{Event, Event6, Purpose, Tracer};

const ICMPV6: u8 = 58;

/// What `fib` gives for a packet.
pub fn fib(
    config: &Config,
    state: &State,
    env: Env<'_>,
    packet: &Packet<Ipv6Addr>,
    ask: Fib,
    tracer: &mut Tracer<'_>,
) -> Told {
    let dev = match ask.device {
        None => 0,
        Some(Device::In) => packet.iif,
        Some(Device::Out) => packet.oif,
    };
    let mark = if ask.mark { packet.mark } else { 0 };
    let mut flow = match ask.address {
        Address::Source => {
            let flow = flow(config, packet, packet.src, packet.dst, mark, dev);
            Flow6 { iif: packet.comes_back_by(ask.device).unwrap_or(flow.iif), ..flow }
        }
        Address::Destination => flow(config, packet, packet.dst, packet.src, mark, dev),
    };
    if ask.wanted == Wanted::Type {
        return Told::Type(type_of(config, state, env, flow, dev, tracer));
    }
    if is_loopback(config, packet.iif) {
        return Told::Device(Some(packet.iif), Why::Loopback);
    }
    // Duplicate address detection, and what else is said before there is an address.
    let to_link = AddrType::of(packet.dst).any(AddrType::LINK_LOCAL);
    if packet.proto == ICMPV6 && packet.src.is_unspecified() && to_link {
        return Told::Device(Some(packet.iif), Why::NoAddressYet);
    }
    let found = match look_up(config, state, env, &mut flow, Purpose::Fib, tracer) {
        Ok(found) => found,
        Err(_) => return Told::Device(None, Why::NoRoute),
    };
    if found.flags.any(RtFlags::REJECT.with(RtFlags::ANYCAST).with(RtFlags::LOCAL)) {
        return Told::Device(None, Why::NotUnicast(found.kind));
    }
    by_device(config, &found, dev)
}

/// Whether `rpfilter` matches a received packet.
pub fn rpfilter(
    config: &Config,
    state: &State,
    env: Env<'_>,
    packet: &Packet<Ipv6Addr>,
    ask: Rpfilter,
    tracer: &mut Tracer<'_>,
) -> Told {
    if is_loopback(config, packet.iif) {
        return Told::Device(Some(packet.iif), Why::Loopback);
    }
    if packet.src.is_unspecified() {
        return Told::Device(Some(packet.iif), Why::NoAddressYet);
    }
    let mark = if ask.mark { packet.mark } else { 0 };
    let mut flow = flow(config, packet, packet.src, packet.dst, mark, packet.iif);
    if !ask.loose {
        flow.oif = packet.iif;
    }
    let Ok(found) = look_up(config, state, env, &mut flow, Purpose::Rpfilter, tracer) else {
        return Told::Device(None, Why::NoRoute);
    };
    if found.flags.any(RtFlags::REJECT.with(RtFlags::ANYCAST))
        || found.flags.any(RtFlags::LOCAL) && !ask.accept_local
    {
        return Told::Device(None, Why::NotUnicast(found.kind));
    }
    match found.flags.any(RtFlags::LOCAL) {
        true => Told::Device(Some(found.hop.dev), Why::Route),
        false => by_device(config, &found, if ask.loose { 0 } else { packet.iif }),
    }
}

fn is_loopback(config: &Config, dev: u32) -> bool {
    config.links.get(dev).is_some_and(|link| link.is_loopback())
}

/// The key: to one of the packet's addresses from the other, of this host
/// (`nft_fib6_flowi_init`). Groups are no sources.
fn flow(
    config: &Config,
    packet: &Packet<Ipv6Addr>,
    to: Ipv6Addr,
    from: Ipv6Addr,
    mark: u32,
    dev: u32,
) -> Flow6 {
    let dev = if dev != 0 { dev } else { packet.iif };
    let has_source = AddrType::of(from).is_unicast();
    Flow6 {
        src: if has_source { from } else { Ipv6Addr::UNSPECIFIED },
        has_source,
        oif: if of_link(to) { dev } else { 0 },
        mark,
        dscp: packet.dscp,
        proto: packet.proto,
        l3mdev: config.links.l3_master(dev),
        ..Flow6::to(to)
    }
}

/// Whether a lookup for an address is tied to a device.
fn of_link(addr: Ipv6Addr) -> bool {
    AddrType::of(addr).any(AddrType::LINK_LOCAL)
}

fn look_up<'a>(
    config: &'a Config,
    state: &State,
    env: Env<'_>,
    flow: &mut Flow6,
    purpose: Purpose,
    tracer: &mut Tracer<'_>,
) -> Result<Candidate<'a>, Errno> {
    tracer.event(|| Event::V6(Event6::Begin { purpose, flow: Box::new(flow.clone()) }));
    rules6::lookup_plain(config, state, env, flow, of_link(flow.dst), tracer)
}

fn by_device(config: &Config, found: &Candidate<'_>, dev: u32) -> Told {
    let own = found.hop.dev;
    match dev {
        0 => Told::Device(Some(own), Why::Route),
        dev if own == dev || config.links.l3_master(own) == dev => Told::Device(Some(dev), Why::Route),
        _ => Told::Device(None, Why::OtherDevice(own)),
    }
}

/// The type of the flow's destination (`__nft_fib6_eval_type`): by the route of a
/// packet made here, and with a device by its addresses.
fn type_of(
    config: &Config,
    state: &State,
    env: Env<'_>,
    mut flow: Flow6,
    dev: u32,
    tracer: &mut Tracer<'_>,
) -> RouteType {
    let dst = flow.dst;
    let found = match output6::find(config, &mut state.clone(), env, &mut flow, false, tracer) {
        Ok(found) => found,
        Err(Errno::EINVAL) => return RouteType::BLACKHOLE,
        Err(Errno::EACCES) => return RouteType::PROHIBIT,
        Err(_) => return RouteType::UNREACHABLE,
    };
    if found.is_reject() {
        return RouteType::UNREACHABLE;
    }
    let kind = AddrType::of(dst);
    let to_gateway = found.gateway().is_some() || found.flags.any(RtFlags::NONEXTHOP);
    let names_subnet = found.route.dst.len() < 127 && !to_gateway && found.route.dst.addr() == dst;
    let of_device = || {
        let own = config.links.ipv6(dev).into_iter().flat_map(|ipv6| &ipv6.addrs);
        own.into_iter().any(|own| own.addr == dst && !own.effective_flags().has(IfaFlags::TENTATIVE))
    };
    if found.flags.any(RtFlags::ANYCAST) || names_subnet {
        RouteType::ANYCAST
    } else if of_device() || dev == 0 && found.flags.any(RtFlags::LOCAL) {
        RouteType::LOCAL
    } else if kind.is_multicast() {
        RouteType::MULTICAST
    } else if kind.is_unicast() {
        RouteType::UNICAST
    } else {
        RouteType::UNSPEC
    }
}
