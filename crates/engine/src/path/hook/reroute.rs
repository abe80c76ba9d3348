//! Packets made here whose way is looked up again since a function at OUTPUT changed them
//! (`ip_route_me_harder`, `ip6_route_me_harder`).

use std::net::Ipv4Addr;

use fingerpost_model::RouteType;
use fingerpost_net::Errno;
use fingerpost_net::wire::{Header, Ipv4, Ipv6};

use super::super::six::{dissect, is_six};
use super::super::{Packet, receive::ports};
use super::Kind;
use crate::addrtype::AddrType;
use crate::config::Config;
use crate::counters::Counter;
use crate::lookup::hash::Asker;
use crate::lookup::{Flow4, Flow6, output4, output6, source};
use crate::namespace::Env;
use crate::state::State;
use crate::trace::{Hook, Tracer};

/// What decides a packet's way, before a function is called.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Before {
    mark: u32,
    addresses: Addresses,
    /// Of IPv4 the type of service, of IPv6 the first word and the hop limit.
    rest: (u32, u8),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Addresses {
    None,
    Four([u8; 4], [u8; 4]),
    Six([u8; 16], [u8; 16]),
}

/// What a change has to be followed by.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Needed {
    Nothing,
    /// What was decided is forgotten, so that it is decided anew where that is due.
    Forget,
    /// Another lookup, now.
    Lookup,
}

impl Before {
    pub fn of(packet: &Packet) -> Before {
        let (addresses, rest) = match is_six(packet) {
            false => Ipv4::read(&packet.bytes).map_or((Addresses::None, (0, 0)), |header| {
                (Addresses::Four(header.src, header.dst), (header.tos.into(), 0))
            }),
            true => Ipv6::read(&packet.bytes).map_or((Addresses::None, (0, 0)), |header| {
                (Addresses::Six(header.src, header.dst), (header.word.get(), header.hop_limit))
            }),
        };
        Before { mark: packet.mark, addresses, rest }
    }

    /// What follows from what a function of a kind changed.
    pub fn needs(&self, packet: &Packet, hook: Hook, kind: Kind) -> Needed {
        let after = Before::of(packet);
        let has_moved = match (self.addresses, after.addresses) {
            (Addresses::Four(_, before), Addresses::Four(_, after)) => before != after,
            (Addresses::Six(_, before), Addresses::Six(_, after)) => before != after,
            _ => false,
        };
        match (hook, kind) {
            (Hook::Output, Kind::Route) if *self != after => Needed::Lookup,
            (Hook::Output, Kind::Nat) if has_moved => Needed::Lookup,
            (Hook::Prerouting, Kind::Nat) if has_moved => Needed::Forget,
            _ => Needed::Nothing,
        }
    }
}

/// Looks a packet's way up again; its source stays (C-242).
pub(super) fn again(
    config: &Config,
    state: &mut State,
    env: Env<'_>,
    packet: &mut Packet,
    tracer: &mut Tracer<'_>,
) -> Result<(), Errno> {
    match is_six(packet) {
        false => again4(config, state, env, packet, tracer),
        true => again6(config, state, env, packet, tracer),
    }
}

fn again4(
    config: &Config,
    state: &mut State,
    env: Env<'_>,
    packet: &mut Packet,
    tracer: &mut Tracer<'_>,
) -> Result<(), Errno> {
    let Some(&header) = Ipv4::read(&packet.bytes) else { return Err(Errno::EINVAL) };
    let dev = packet.decision.as_ref().map_or(packet.dev, |decision| decision.dev);
    let kind = source::address_type_on(config, header.source(), dev);
    let is_usable = matches!(kind, RouteType::LOCAL | RouteType::UNICAST);
    let (proto, sport, dport) = match config.fib.dissecting_rules > 0 {
        true => {
            let (sport, dport) = ports(&packet.bytes, &header);
            (header.proto, sport, dport)
        }
        false => (0, 0, 0),
    };
    let sender = packet.sender.unwrap_or_default();
    let mut flow = Flow4 {
        src: if is_usable { header.source() } else { Ipv4Addr::UNSPECIFIED },
        any_source: is_usable || sender.any_source,
        oif: sender.dev,
        l3mdev: config.links.l3_master(dev),
        mark: packet.mark,
        dscp: header.tos & 0xfc,
        proto,
        sport,
        dport,
        ..Flow4::to(header.destination())
    };
    let decision = output4::resolve(config, state, env, &mut flow, Asker::Socket, tracer)?;
    packet.decision = Some(decision);
    Ok(())
}

fn again6(
    config: &Config,
    state: &mut State,
    env: Env<'_>,
    packet: &mut Packet,
    tracer: &mut Tracer<'_>,
) -> Result<(), Errno> {
    let Some(&header) = Ipv6::read(&packet.bytes) else { return Err(Errno::EINVAL) };
    let dev = packet.decision6.as_ref().map_or(packet.dev, |decision| decision.dev);
    let is_of_link = AddrType::of(header.destination()).any(AddrType::MULTICAST | AddrType::LINK_LOCAL);
    let (proto, sport, dport) = match config.rules6.list.iter().any(|rule| rule.needs_dissection()) {
        true => dissect(&packet.bytes, header.next),
        false => (0, 0, 0),
    };
    let sender = packet.sender.unwrap_or_default();
    let mut flow = Flow6 {
        src: header.source(),
        oif: if sender.dev == 0 && is_of_link { dev } else { sender.dev },
        l3mdev: config.links.l3_master(dev),
        mark: packet.mark,
        uid: sender.uid,
        dscp: header.traffic_class() & 0xfc,
        flowlabel: header.flow_label(),
        proto,
        sport,
        dport,
        ..Flow6::to(header.destination())
    };
    match output6::resolve_by(config, state, env, &mut flow, sender.dev != 0, tracer) {
        Ok(decision) => {
            packet.decision6 = Some(decision);
            Ok(())
        }
        Err(errno) => {
            state.counters.count(Counter::Ip6OutNoRoutes);
            Err(errno)
        }
    }
}
