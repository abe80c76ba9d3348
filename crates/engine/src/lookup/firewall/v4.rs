//! `fib` and `rpfilter` of IPv4 (`nft_fib4_eval`, `nft_fib4_eval_type`,
//! `ipt_rpfilter`).

use std::net::Ipv4Addr;

use fingerpost_model::{RouteType, TableId};

use super::super::validate::uses_device;
use super::super::{FibResult, Flow4, is_limited_broadcast, is_local_multicast, rules, table};
use super::{Address, Device, Fib, Packet, Rpfilter, Told, Wanted, Why};
use crate::config::Config;
use crate::trace::{Event, Purpose, Tracer};

/// What `fib` gives for a packet.
pub fn fib(config: &Config, packet: &Packet<Ipv4Addr>, ask: Fib, tracer: &mut Tracer<'_>) -> Told {
    let dev = match ask.device {
        None => 0,
        Some(Device::In) => packet.iif,
        Some(Device::Out) => packet.oif,
    };
    if ask.wanted == Wanted::Type {
        let addr = if ask.address == Address::Source { packet.src } else { packet.dst };
        return Told::Type(type_of(config, packet, dev, addr, tracer));
    }
    if let Some(told) = not_looked_up(config, packet) {
        return told;
    }
    let mark = if ask.mark { packet.mark } else { 0 };
    let flow = match ask.address {
        Address::Source => {
            let flow = flow(config, packet, packet.src, packet.dst, mark, dev);
            Flow4 { iif: packet.comes_back_by(ask.device).unwrap_or(flow.iif), ..flow }
        }
        Address::Destination => flow(config, packet, packet.dst, packet.src, mark, dev),
    };
    let Some(result) = look_up(config, flow, Purpose::Fib, tracer) else {
        return Told::Device(None, Why::NoRoute);
    };
    // Types other than local are not looked at.
    if result.alias.kind == RouteType::LOCAL {
        return Told::Device(None, Why::NotUnicast(result.alias.kind));
    }
    by_device(config, &result, dev)
}

/// Whether `rpfilter` matches a received packet.
pub fn rpfilter(config: &Config, packet: &Packet<Ipv4Addr>, ask: Rpfilter, tracer: &mut Tracer<'_>) -> Told {
    if let Some(told) = not_looked_up(config, packet) {
        return told;
    }
    let mark = if ask.mark { packet.mark } else { 0 };
    let flow = Flow4 { proto: 0, ..flow(config, packet, packet.src, packet.dst, mark, packet.iif) };
    let Some(result) = look_up(config, flow, Purpose::Rpfilter, tracer) else {
        return Told::Device(None, Why::NoRoute);
    };
    match result.alias.kind {
        RouteType::UNICAST => {}
        RouteType::LOCAL if ask.accept_local => {}
        kind => return Told::Device(None, Why::NotUnicast(kind)),
    }
    by_device(config, &result, if ask.loose { 0 } else { packet.iif })
}

fn not_looked_up(config: &Config, packet: &Packet<Ipv4Addr>) -> Option<Told> {
    if config.links.get(packet.iif).is_some_and(|link| link.is_loopback()) {
        return Some(Told::Device(Some(packet.iif), Why::Loopback));
    }
    let of_this_network = packet.src.octets()[0] == 0;
    (of_this_network && (is_limited_broadcast(packet.dst) || is_local_multicast(packet.dst)))
        .then_some(Told::Device(Some(packet.iif), Why::NoAddressYet))
}

/// The key: to one of the packet's addresses from the other, of this host.
fn flow(
    config: &Config,
    packet: &Packet<Ipv4Addr>,
    to: Ipv4Addr,
    from: Ipv4Addr,
    mark: u32,
    dev: u32,
) -> Flow4 {
    let is_none = from.is_multicast() || is_limited_broadcast(from) || from.octets()[0] == 0;
    Flow4 {
        src: if is_none { Ipv4Addr::UNSPECIFIED } else { from },
        mark,
        dscp: packet.dscp,
        proto: packet.proto,
        l3mdev: config.links.l3_master(if dev != 0 { dev } else { packet.iif }),
        ..Flow4::to(to)
    }
}

fn look_up(config: &Config, mut flow: Flow4, purpose: Purpose, tracer: &mut Tracer<'_>) -> Option<FibResult> {
    tracer.event(|| Event::Begin { purpose, flow: flow.clone() });
    rules::lookup(config, &mut flow, true, tracer).ok()
}

fn by_device(config: &Config, result: &FibResult, dev: u32) -> Told {
    let own = result.dev(config);
    match dev {
        0 => Told::Device(Some(own), Why::Route),
        dev if uses_device(config, result, dev) => Told::Device(Some(dev), Why::Route),
        _ => Told::Device(None, Why::OtherDevice(own)),
    }
}

/// `inet_dev_addr_type`, or without a device `inet_addr_type_dev_table`.
fn type_of(
    config: &Config,
    packet: &Packet<Ipv4Addr>,
    dev: u32,
    addr: Ipv4Addr,
    tracer: &mut Tracer<'_>,
) -> RouteType {
    if addr.octets()[0] == 0 || is_limited_broadcast(addr) {
        return RouteType::BROADCAST;
    }
    if addr.is_multicast() {
        return RouteType::MULTICAST;
    }
    let domain = config.links.l3_master(if dev != 0 { dev } else { packet.iif });
    let of_vrf = config.links.get(domain).and_then(|link| link.vrf_table());
    let flow = Flow4::to(addr);
    tracer.event(|| Event::Begin { purpose: Purpose::AddressType, flow: flow.clone() });
    let Some(table) = config.fib.table(of_vrf.unwrap_or(TableId::LOCAL)) else {
        return RouteType::BROADCAST;
    };
    let result = table::lookup(config, table, &flow, false, tracer);
    tracer.event(|| Event::End { errno: result.as_ref().err().copied() });
    let first =
        |result: &FibResult| config.hops(config.fib.info(result.alias.info)).get(0).map_or(0, |hop| hop.dev);
    match result {
        Ok(result) if dev == 0 || first(&result) == dev => result.alias.kind,
        _ => RouteType::UNICAST,
    }
}
