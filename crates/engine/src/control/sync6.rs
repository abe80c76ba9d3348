//! What devices that come, go or lose their carrier make of IPv6 routes through
//! them; addresses are [`super::addrconf`]'s.

use fingerpost_model::RouteFlags;

use super::route6;
use crate::config::{Link, Node6, Route6, RtFlags};
use crate::lookup::table6::RouteRef;
use crate::namespace::Namespace;
use crate::state::Time;

/// Removes the routes through a device that went down, or marks their legs dead
/// (`rt6_sync_down_dev`, `fib6_ifdown`).
pub fn sync_down(ns: &mut Namespace, dev: u32, for_good: bool) {
    let mut touched: Vec<(RouteRef, u32)> = Vec::new();
    let mut renewed = Vec::new();
    for table in &mut ns.config.fib6.tables {
        let mut removed = false;
        for node in table.tree.values_mut() {
            for list in node.lists_mut() {
                let before = list.len();
                let uses = |route: &Route6| route.nh_id.is_none() && route.hop.dev == dev;
                if !list.iter().any(uses) {
                    continue;
                }
                // Of several legs those that remain keep the others company.
                let dead = |route: &Route6| uses(route) || route.hop.flags.has(RouteFlags::DEAD);
                let survives = |metric: u32| {
                    let legs = list.iter().filter(|leg| leg.metric == metric && leg.is_leg());
                    legs.clone().count() > 1 && legs.clone().any(|leg| !dead(leg))
                };
                // Linux goes from the first leg to the last, and so passes over
                // what stands between them.
                let is_skipped = |n: usize| {
                    let route = &list[n];
                    let leg = |leg: &&Route6| leg.is_leg() && leg.metric == route.metric;
                    let hit = list.iter().filter(leg).any(uses);
                    !for_good
                        && !route.is_leg()
                        && list[..n].iter().any(|other| leg(&other))
                        && list[n..].iter().any(|other| leg(&other))
                        && (survives(route.metric) || !hit)
                };
                let marked: Vec<bool> = list
                    .iter()
                    .map(|route| !for_good && route.is_leg() && uses(route) && survives(route.metric))
                    .collect();
                let doomed: Vec<bool> = list
                    .iter()
                    .zip(&marked)
                    .enumerate()
                    .map(|(n, (route, &marked))| {
                        let of_dead_legs = !for_good
                            && route.is_leg()
                            && list.iter().any(|leg| leg.is_leg() && leg.metric == route.metric && uses(leg))
                            && !survives(route.metric);
                        !marked && !is_skipped(n) && (uses(route) || of_dead_legs)
                    })
                    .collect();
                for (route, &marked) in list.iter_mut().zip(&marked) {
                    if marked {
                        renewed.push((route.table, route.dst));
                        route.hop.flags = route.hop.flags | RouteFlags::DEAD | RouteFlags::LINKDOWN;
                    }
                }
                touched.extend(
                    list.iter()
                        .filter(|route| route.is_leg())
                        .map(|route| (RouteRef::to(route), route.metric)),
                );
                let mut fate = doomed.iter();
                list.retain(|_| !fate.next().copied().unwrap_or(false));
                removed |= list.len() != before;
            }
        }
        if removed {
            table.prune();
        }
    }
    ns.state.cache.forget_legs(&ns.config.fib6);
    for (at, metric) in touched {
        route6::rebalance(&mut ns.config, at, metric);
    }
    for (table, dst) in renewed {
        ns.config.fib6.renew_alone(table, dst);
    }
}

/// Removes the routes whose time is over (`fib6_run_gc`).
pub fn collect(ns: &mut Namespace, now: Time) {
    for table in &mut ns.config.fib6.tables {
        let mut removed = false;
        for list in table.tree.values_mut().flat_map(Node6::lists_mut) {
            let before = list.len();
            list.retain(|route| !route.is_expired(now));
            removed |= list.len() != before;
        }
        if removed {
            table.prune();
        }
    }
    ns.state.cache.forget_legs(&ns.config.fib6);
}

/// Marks hops through a device that has no carrier.
pub fn sync_carrier_lost(ns: &mut Namespace, dev: u32) {
    set_flags(ns, dev, |route| {
        if !route.flags.any(RtFlags::LOCAL | RtFlags::ANYCAST) {
            route.hop.flags = route.hop.flags | RouteFlags::LINKDOWN;
        }
    });
}

/// Revives hops through a device (`rt6_sync_up`).
pub fn sync_up(ns: &mut Namespace, dev: u32, flags: RouteFlags) {
    let carrier = ns.config.links.get(dev).is_some_and(Link::has_carrier);
    let flags = match flags.has(RouteFlags::DEAD) && carrier {
        true => flags | RouteFlags::LINKDOWN,
        false => flags,
    };
    let mut renewed = Vec::new();
    set_flags(ns, dev, |route| {
        route.hop.flags = route.hop.flags.without(flags);
        renewed.push((route.table, route.dst));
    });
    for (table, dst) in renewed {
        ns.config.fib6.renew(table, dst);
    }
}

/// Changes every route through a device, and what shares follow from that.
fn set_flags(ns: &mut Namespace, dev: u32, mut change: impl FnMut(&mut Route6)) {
    let mut touched = Vec::new();
    for_each_route(ns, |route| {
        let uses = route.nh_id.is_none() && route.hop.dev == dev;
        if uses {
            change(route);
            if route.is_leg() {
                touched.push((RouteRef::to(route), route.metric));
            }
        }
        uses
    });
    for (at, metric) in touched {
        route6::rebalance(&mut ns.config, at, metric);
    }
}

/// Calls for every route; says whether any call said so.
pub fn for_each_route(ns: &mut Namespace, mut change: impl FnMut(&mut Route6) -> bool) -> bool {
    let mut any = false;
    for table in &mut ns.config.fib6.tables {
        for node in table.tree.values_mut() {
            for route in node.lists_mut().flatten() {
                any |= change(route);
            }
        }
    }
    any
}
