//! One table: the longest match that the alias filter lets through
//! (`fib_table_lookup`).

use fingerpost_model::{RouteFlags, RouteType};
use fingerpost_net::{Errno, Prefix};

use super::{FibResult, Flow4};
use crate::config::{Config, FibInfo, NextHop, Table};
use crate::trace::{Event, PassedOver, Tracer};

/// The error that a route of this type answers with (C-017); `EAGAIN` for throw.
pub fn type_error(kind: RouteType) -> Option<Errno> {
    match kind {
        RouteType::BLACKHOLE | RouteType::NAT | RouteType::XRESOLVE => Some(Errno::EINVAL),
        RouteType::UNREACHABLE => Some(Errno::EHOSTUNREACH),
        RouteType::PROHIBIT => Some(Errno::EACCES),
        RouteType::THROW => Some(Errno::EAGAIN),
        _ => None,
    }
}

/// Searches a table. `EAGAIN` means that nothing fits, or a throw route does.
///
/// Candidates come longest first (C-014) and are filtered in the order of
/// C-015.
pub fn lookup(
    config: &Config,
    table: &Table,
    flow: &Flow4,
    ignore_linkstate: bool,
    tracer: &mut Tracer<'_>,
) -> Result<FibResult, Errno> {
    tracer.event(|| Event::Table { id: table.id });
    let mut candidates = config.fib.trie(table).matches(flow.dst);
    while let Some((key, entry)) = candidates.next() {
        let alias = entry.alias;
        let prefix = Prefix::containing(key, alias.len).unwrap_or(Prefix::DEFAULT);
        let mut pass = |why| tracer.event(|| Event::RoutePassed { prefix, alias, why });
        if alias.dscp != 0 && alias.dscp != flow.dscp & 0x1c {
            pass(PassedOver::Tos);
            continue;
        }
        let info = config.fib.info(alias.info);
        if info.scope < flow.scope {
            pass(PassedOver::Scope);
            continue;
        }
        entry.mark_accessed();
        let error = type_error(alias.kind).or_else(|| is_blackhole(config, info).then_some(Errno::EINVAL));
        if let Some(errno) = error {
            tracer.event(|| Event::RouteError { prefix, alias, errno });
            return Err(errno);
        }
        if info.flags.has(RouteFlags::DEAD) {
            pass(PassedOver::Dead);
            continue;
        }
        let hops = config.hops(info);
        let usable = |hop: &NextHop| hop_is_usable(config, hop, ignore_linkstate);
        let takes = |hop: &NextHop| usable(hop) && (flow.oif == 0 || flow.oif == hop.dev);
        match hops.iter().position(takes) {
            Some(hop) => {
                tracer.event(|| Event::RouteTaken { prefix, alias, hop });
                return Ok(FibResult { prefix, alias, table: table.id, hop, rule_realms: 0 });
            }
            None => {
                let other = hops.iter().any(usable);
                pass(if other { PassedOver::OtherDevice } else { PassedOver::NoHop });
                if info.nh_id.is_some() {
                    // Without a usable hop, an object ends the search of its leaf.
                    candidates.skip_leaf();
                }
            }
        }
    }
    tracer.event(|| Event::TableMiss { id: table.id });
    Err(Errno::EAGAIN)
}

/// Whether a route leads to a blackhole nexthop object (C-019).
pub(crate) fn is_blackhole(config: &Config, info: &FibInfo) -> bool {
    info.nh_id.is_some() && {
        let hops = config.hops(info);
        hops.len() == 1 && hops.get(0).is_some_and(|hop| hop.blackhole)
    }
}

/// Whether a hop can be used (C-018 a, b).
pub(crate) fn hop_is_usable(config: &Config, hop: &NextHop, ignore_linkstate: bool) -> bool {
    if hop.flags.has(RouteFlags::DEAD) {
        return false;
    }
    !hop.flags.has(RouteFlags::LINKDOWN) || ignore_linkstate || !ignores_linkdown(config, hop.dev)
}

/// Whether hops on a device without carrier are skipped (`ip_ignore_linkdown`: all OR device).
pub fn ignores_linkdown(config: &Config, dev: u32) -> bool {
    config.links.ipv4(dev).is_some_and(|ipv4| {
        ipv4.conf.ignore_routes_with_linkdown != 0 || config.sysctl.all.ignore_routes_with_linkdown != 0
    })
}
