//! Which of several hops (`fib_select_path`): multipath by hash, and default
//! routes by the state of their gateways' neighbours.

use std::net::{IpAddr, Ipv4Addr};

use fingerpost_model::{LinkFlags, NeighState, RouteFlags, RouteType, Scope};

use super::cache::{DefaultRoute, HopId};
use super::{FibResult, Flow4, source};
use crate::config::{Config, FibInfo, FibInfoId, GroupMember, Hops, NextHop, NexthopKind};
use crate::state::{State, Time};
use crate::trace::{Event, PathReason, Tracer};

/// Names the hop of a result.
pub fn hop_id(config: &Config, info_id: FibInfoId, index: usize) -> HopId {
    match config.hops(config.fib.info(info_id)) {
        Hops::Own(_) => match config.fib.info(info_id).nh_id {
            Some(object) => HopId::Object(object),
            None => HopId::Route(info_id, index),
        },
        Hops::Group(_, members) => HopId::Object(members.get(index).map_or(0, |member| member.id)),
    }
}

/// The gateway of a decision that is not cached: Linux takes an IPv6 one that
/// begins with four zero bytes for none, and the destination for the gateway
/// (`rt_set_nexthop`; both families share the field).
pub fn uncached_gateway(gateway: Option<IpAddr>, dst: Ipv4Addr) -> Option<IpAddr> {
    match gateway {
        Some(IpAddr::V6(addr)) if addr.to_bits() >> 96 == 0 => Some(IpAddr::V4(dst)),
        other => other,
    }
}

/// Chooses among the hops of a multipath route by hash (`fib_select_multipath`).
///
/// `source` is the flow's own, where it has one and it counts (C-053).
pub fn select_multipath(
    config: &Config,
    state: &mut State,
    now: Time,
    result: &mut FibResult,
    hash: Option<u32>,
    source: Option<Ipv4Addr>,
    tracer: &mut Tracer<'_>,
) {
    let info_id = result.alias.info;
    let info = config.fib.info(info_id);
    if let (Some(group), Some(hash), Some((_, buckets))) = (info.nh_id, hash, resilient(config, info.nh_id)) {
        state.buckets.mark_used(group, (hash as usize % buckets.len()) as u16, now); // C-069
    }
    let select =
        |hash| select(config, state, info_id, hash, source).unwrap_or((result.hop, PathReason::FirstUsable));
    let (hop, why) = select(hash.unwrap_or(0) as i32);
    tracer.event(|| {
        let shares = match hash {
            Some(_) => Vec::new(),
            None => shares(config, info, |hash| select(hash).0),
        };
        Event::Path { info: info_id, hop, hash, why, shares }
    });
    result.hop = hop;
}

/// The hop for a hash; `None` when none counts.
fn select(
    config: &Config,
    state: &State,
    info_id: FibInfoId,
    hash: i32,
    source: Option<Ipv4Addr>,
) -> Option<(usize, PathReason)> {
    let info = config.fib.info(info_id);
    if let Some((members, buckets)) = resilient(config, info.nh_id) {
        let member = buckets[hash as usize % buckets.len()];
        return Some((members.iter().position(|m| m.id == member).unwrap_or(0), PathReason::Hash));
    }
    match config.hops(info) {
        hops @ Hops::Group(_, members) => Some(select_from_group(config, hops, members, hash)),
        Hops::Own(_) => select_by_score(config, state, info_id, info, hash, source),
    }
}

/// The members and buckets of a resilient group that has any.
fn resilient(config: &Config, object: Option<u32>) -> Option<(&[GroupMember], &[u32])> {
    match &config.nexthops.get(object?)?.kind {
        NexthopKind::Group { members, resilient: Some(_), buckets } if !buckets.is_empty() => {
            Some((members, buckets))
        }
        _ => None,
    }
}

/// How many of all 2³¹ hashes select which hop.
fn shares(config: &Config, info: &FibInfo, select: impl Fn(i32) -> usize) -> Vec<(usize, u64)> {
    let bounds: Vec<i32> = match config.hops(info) {
        Hops::Group(_, members) => members.iter().map(|member| member.upper_bound).collect(),
        Hops::Own(hops) => hops.iter().map(|hop| hop.upper_bound).collect(),
    };
    shares_of(resilient(config, info.nh_id).map_or(0, |(_, buckets)| buckets.len()), bounds, select)
}

/// The same for so many buckets or, without any, these upper bounds.
fn shares_of(buckets: usize, mut bounds: Vec<i32>, select: impl Fn(i32) -> usize) -> Vec<(usize, u64)> {
    const ALL: u64 = 1 << 31;
    let mut shares: Vec<(usize, u64)> = Vec::new();
    let mut add = |hop, share| match shares.iter_mut().find(|(known, _)| *known == hop) {
        Some((_, sum)) => *sum += share,
        None => shares.push((hop, share)),
    };
    if buckets > 0 {
        for n in 0..buckets {
            add(select(n as i32), ALL / buckets as u64);
        }
        return shares;
    }
    // The choice changes only behind an upper bound.
    bounds.push(i32::MAX);
    bounds.retain(|&bound| bound >= 0);
    bounds.sort_unstable();
    let mut first = 0u64;
    for bound in bounds {
        let next = bound as u64 + 1;
        if next > first {
            add(select(bound), next - first);
            first = next;
        }
    }
    shares.sort_unstable();
    shares
}

/// How many members an object has if it is a group.
pub(super) fn group_size(config: &Config, object: u32) -> Option<usize> {
    match &config.nexthops.get(object)?.kind {
        NexthopKind::Group { members, .. } => Some(members.len()),
        NexthopKind::Single(_) => None,
    }
}

/// The member of a group that a hash selects (`nexthop_select_path`).
pub(super) fn select_in_group(config: &Config, object: u32, hash: u32) -> Option<usize> {
    if let Some((members, buckets)) = resilient(config, Some(object)) {
        let member = buckets[hash as usize % buckets.len()];
        return members.iter().position(|m| m.id == member);
    }
    match &config.nexthops.get(object)?.kind {
        NexthopKind::Group { members, .. } => {
            Some(select_from_group(config, Hops::Group(&config.nexthops, members), members, hash as i32).0)
        }
        NexthopKind::Single(_) => None,
    }
}

/// How many of all 2³¹ hashes select which member of a group.
pub(super) fn group_shares(config: &Config, object: u32) -> Vec<(usize, u64)> {
    let buckets = resilient(config, Some(object)).map_or(0, |(_, buckets)| buckets.len());
    let bounds = match config.nexthops.get(object).map(|object| &object.kind) {
        Some(NexthopKind::Group { members, .. }) => members.iter().map(|m| m.upper_bound).collect(),
        _ => Vec::new(),
    };
    shares_of(buckets, bounds, |hash| select_in_group(config, object, hash as u32).unwrap_or(0))
}

/// Notes that a hash selected a bucket of a resilient group (C-069).
pub(super) fn mark_bucket(config: &Config, state: &mut State, now: Time, object: u32, hash: u32) {
    if let Some((_, buckets)) = resilient(config, Some(object)) {
        state.buckets.mark_used(object, (hash as usize % buckets.len()) as u16, now);
    }
}

/// C-053, C-054: the best score wins; own source 2, hash 1.
fn select_by_score(
    config: &Config,
    state: &State,
    info_id: FibInfoId,
    info: &FibInfo,
    hash: i32,
    source: Option<Ipv4Addr>,
) -> Option<(usize, PathReason)> {
    let mut best: Option<(usize, u8)> = None;
    for (index, hop) in info.hops.iter().enumerate() {
        if hop.upper_bound == -1
            || (config.sysctl.fib_multipath_use_neigh && !has_good_neighbour(config, hop))
        {
            continue;
        }
        let own = source.is_some_and(|source| own_source(config, state, info_id, index) == source);
        let score = if own { 2 } else { 0 } + u8::from(hash <= hop.upper_bound);
        if best.is_none_or(|(_, best)| best < score) {
            best = Some((index, score));
            if score == 3 || (source.is_none() && score == 1) {
                break;
            }
        }
    }
    best.map(|(index, score)| {
        let why = match score {
            2 | 3 => PathReason::OwnSource,
            1 => PathReason::Hash,
            _ => PathReason::Fallback,
        };
        (index, why)
    })
}

/// The source that a hop would choose, as last computed (`nh_saddr`).
fn own_source(config: &Config, state: &State, info_id: FibInfoId, index: usize) -> Ipv4Addr {
    let id = HopId::Route(info_id, index);
    state.cache.sources.get(&id).map(|known| known.addr).unwrap_or_else(|| {
        let info = config.fib.info(info_id);
        info.hops.get(index).map_or(Ipv4Addr::UNSPECIFIED, |hop| source::of_hop(config, hop, info.scope).0)
    })
}

/// C-068: groups always look at neighbours; the first good member is the fallback.
fn select_from_group(
    config: &Config,
    hops: Hops<'_>,
    members: &[GroupMember],
    hash: i32,
) -> (usize, PathReason) {
    let mut fallback = None;
    for (index, member) in members.iter().enumerate() {
        let Some(hop) = hops.get(index) else { continue };
        if !neighbour_is_good(config, hop) {
            continue;
        }
        fallback = fallback.or(Some(index));
        if hash <= member.upper_bound {
            return (index, PathReason::Hash);
        }
    }
    match fallback {
        Some(index) => (index, PathReason::Fallback),
        None => (0, PathReason::FirstUsable),
    }
}

/// `fib_good_nh`: only gateways on a link are looked at.
fn has_good_neighbour(config: &Config, hop: &NextHop) -> bool {
    hop.scope != Scope::LINK || neighbour_is_good(config, hop)
}

/// Whether there is no entry, or a valid one. Devices with one neighbour have one
/// IPv4 entry for all addresses (`__ipv4_neigh_lookup_noref`).
fn neighbour_is_good(config: &Config, hop: &NextHop) -> bool {
    let single = LinkFlags::LOOPBACK | LinkFlags::POINTOPOINT;
    let gateway = match hop.gateway {
        Some(IpAddr::V6(gateway)) => IpAddr::V6(gateway),
        Some(_) if config.links.get(hop.dev).is_some_and(|link| link.msg.flags.any(single)) => {
            IpAddr::V4(Ipv4Addr::UNSPECIFIED)
        }
        other => other.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
    };
    config.neighbours.state(hop.dev, gateway).is_none_or(|state| state.any(NeighState::VALID))
}

/// Chooses among default routes of one table by their gateways' neighbours
/// (`fib_select_default`, C-152, C-153).
pub fn select_default(
    config: &Config,
    state: &mut State,
    flow: &Flow4,
    result: &mut FibResult,
    tracer: &mut Tracer<'_>,
) {
    let Some(table) = config.fib.table(result.table) else { return };
    let from = result.alias.info;
    let scope = config.fib.info(from).scope;
    let mut last_priority = config.fib.info(from).priority;
    let mut last_dscp = 0;
    let mut first: Option<DefaultRoute> = None;
    let mut current: Option<FibInfoId> = None;
    let mut order: i32 = -1;
    let mut last_resort: Option<(FibInfoId, i32)> = None;
    let chosen = 'search: {
        for alias in config.fib.trie(table).leaf(result.prefix.addr()) {
            if alias.len != result.prefix.len() || alias.table != result.table {
                continue;
            }
            if alias.dscp != 0 && alias.dscp != flow.dscp & 0x1c {
                continue;
            }
            let info = config.fib.info(alias.info);
            if info.priority > last_priority && alias.dscp == last_dscp {
                if last_dscp != 0 {
                    continue;
                }
                break;
            }
            if info.flags.has(RouteFlags::DEAD) {
                continue;
            }
            last_dscp = alias.dscp;
            last_priority = info.priority;
            if info.scope != scope || alias.kind != RouteType::UNICAST {
                continue;
            }
            let Some(hop) = config.hops(info).get(0) else { continue };
            if hop.gateway.is_none() || hop.scope != Scope::LINK {
                continue;
            }
            alias.mark_accessed();
            match current {
                None => {
                    if alias.info != from {
                        break;
                    }
                    first = Some((alias.table, alias.dscp, alias.info));
                }
                Some(candidate) => {
                    let remembered = remembered_choice(state, first);
                    if !is_dead(config, candidate, order, remembered, &mut last_resort) {
                        break 'search Some((candidate, order));
                    }
                }
            }
            current = Some(alias.info);
            order += 1;
        }
        let Some(candidate) = current.filter(|_| order > 0) else {
            if let Some(first) = first {
                state.cache.default_choice.insert(first, -1);
            }
            return;
        };
        let remembered = remembered_choice(state, first);
        if !is_dead(config, candidate, order, remembered, &mut last_resort) {
            break 'search Some((candidate, order));
        }
        match last_resort {
            Some(resort) => Some(resort),
            None => {
                if let Some(first) = first {
                    state.cache.default_choice.insert(first, -1);
                }
                None
            }
        }
    };
    let (Some((to, order)), Some(first)) = (chosen, first) else { return };
    state.cache.default_choice.insert(first, order);
    result.alias.info = to;
    result.hop = 0;
    if to != from {
        tracer.event(|| Event::DefaultChosen { from, to });
    }
}

fn remembered_choice(state: &State, first: Option<DefaultRoute>) -> i32 {
    let known = first.and_then(|first| state.cache.default_choice.get(&first).copied());
    known.or(state.cache.assumed_choice).unwrap_or(-1)
}

/// `fib_detect_death`: whether a default route's gateway counts as dead; notes
/// the route as last resort where the kernel does.
fn is_dead(
    config: &Config,
    info: FibInfoId,
    order: i32,
    remembered: i32,
    last_resort: &mut Option<(FibInfoId, i32)>,
) -> bool {
    let Some(hop) = config.hops(config.fib.info(info)).get(0) else { return false };
    let Some(state) = hop.gateway.and_then(|gw| config.neighbours.state(hop.dev, gw)) else { return false };
    if state == NeighState::REACHABLE {
        return false;
    }
    let valid = state.any(NeighState::VALID);
    if valid && order != remembered {
        return false;
    }
    if valid || (last_resort.is_none() && order > remembered && state != NeighState::INCOMPLETE) {
        *last_resort = Some((info, order));
    }
    true
}
