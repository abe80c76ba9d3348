//! Whether a rule of IPv6 was ever added, where only the kernel's own are there
//! and not all of them: without an addition Linux searches tables local and main
//! in turn, whatever the rules are (F-086). No dump shows it.

use std::net::{IpAddr, Ipv6Addr};

use fingerpost_engine::World;
use fingerpost_engine::config::{Config, Route6, Rule, Rules};
use fingerpost_host::Live;
use fingerpost_model::{Kernel, NsId, RouteMsg, TableId};
use fingerpost_net::{Family, IpPrefix, Prefix};

use crate::by_source::{asked, key};
use crate::settle::matching;

/// Questions that are tried for each table, at most.
const MAX_TRIES: usize = 256;

/// Whether the rules leave it open: some of the kernel's own, and no other one.
pub fn are_unclear(config: &Config) -> bool {
    let own = Rules::<Ipv6Addr>::default().list;
    let is_own = |rule: &Rule<Ipv6Addr>| {
        own.iter().any(|own| Rule { protocol: rule.protocol, ..own.clone() } == *rule)
    };
    config.fib6.has_custom_rules && config.rules6.list.iter().all(is_own)
}

/// Destinations of both tables' routes, any way and by their devices.
fn questions(config: &Config) -> Vec<RouteMsg> {
    let to = |dst: Prefix<Ipv6Addr>, last: bool, oif| {
        let rest = u128::MAX.checked_shr(dst.len().into()).unwrap_or(0);
        let addr = Ipv6Addr::from_bits(dst.addr().to_bits() | if last { rest } else { 0 });
        let dst = Some(IpPrefix::host(IpAddr::V6(addr)));
        RouteMsg { dst, oif, uid: Some(0), ..RouteMsg::new(Family::V6) }
    };
    let ways = |route: &Route6| {
        let dst = route.dst;
        let devices = [None, Some(route.hop.dev).filter(|&dev| dev != 0)];
        devices.into_iter().flat_map(move |oif| [false, true].map(|last| to(dst, last, oif)))
    };
    let tables = [TableId::MAIN, TableId::LOCAL].into_iter().filter_map(|id| config.fib6.table(id));
    tables.flat_map(|table| table.routes().flat_map(ways).take(MAX_TRIES)).collect()
}

/// Looks for a question that the two cases answer differently, and asks the kernel.
pub fn ask(world: &mut World, ns: NsId, live: &mut Live) -> anyhow::Result<Option<bool>> {
    let Some(space) = world.namespaces.get(&ns).filter(|space| are_unclear(&space.config)) else {
        return Ok(None);
    };
    for question in questions(&space.config) {
        let mut answer = |custom: bool| {
            if let Some(space) = world.namespaces.get_mut(&ns) {
                space.config.fib6.has_custom_rules = custom;
            }
            key(&world.get_route(ns, &matching(&question)))
        };
        let (without, with) = (answer(false), answer(true));
        if with == without {
            continue;
        }
        let real = key(&asked(live, &question)?);
        if real == without {
            return Ok(Some(false));
        }
        if real == with {
            return Ok(Some(true));
        }
    }
    Ok(None)
}
