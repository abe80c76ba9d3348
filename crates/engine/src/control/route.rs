//! Routes: insertion, replacement, deletion (`fib_table_insert`,
//! `fib_table_delete`, tables section 6).

use fingerpost_model::{NlFlags, Refusal, RouteFlags, RouteMsg, RouteType, Scope};
use fingerpost_net::Errno;

use super::fib_info::{self, RouteConfig};
use super::nexthop::encap;
use super::table;
use crate::config::{Alias, Config, Entry, FibInfo, FibInfoId};
use crate::namespace::{Env, Namespace};

/// `RTM_NEWROUTE`.
pub fn new_route(ns: &mut Namespace, env: Env<'_>, flags: NlFlags, msg: &RouteMsg) -> Result<(), Refusal> {
    let request = RouteConfig::of(msg, env)?;
    insert(ns, env, flags, &request)?;
    if request.kind == RouteType::LOCAL {
        ns.config.fib.has_custom_local_routes = true; // C-033
    }
    Ok(())
}

/// `RTM_DELROUTE`.
pub fn del_route(ns: &mut Namespace, env: Env<'_>, msg: &RouteMsg) -> Result<(), Refusal> {
    let request = RouteConfig::of(msg, env)?;
    if request.nh_id != 0 && ns.config.nexthops.get(request.nh_id).is_none() {
        return Err(Refusal::with(Errno::EINVAL, "Nexthop id does not exist"));
    }
    if table::position(&ns.config.fib, request.table).is_none() {
        return Err(Refusal::with(Errno::ESRCH, "FIB table does not exist")); // C-005
    }
    delete(ns, &request)
}

/// The aliases of one key in a leaf: those of a prefix, table and tos.
struct Place {
    trie: usize,
    /// Where the first alias of the key is, or would be inserted.
    first: usize,
    /// Whether `first` is an alias of exactly this key.
    exists: bool,
}

/// `fib_find_alias`: order in a leaf is C-010.
fn find_place(config: &Config, at: usize, request: &RouteConfig, priority: u64) -> Place {
    let fib = &config.fib;
    let table = &fib.tables[at];
    let leaf = fib.tries[table.trie].leaf(request.dst);
    // Longer prefix, higher table, higher tos, lower metric come first.
    let key = |alias: &Alias, priority: u32| {
        (
            std::cmp::Reverse(alias.len),
            std::cmp::Reverse(alias.table),
            std::cmp::Reverse(alias.dscp),
            u64::from(priority),
        )
    };
    let wanted = (
        std::cmp::Reverse(request.len),
        std::cmp::Reverse(table.id),
        std::cmp::Reverse(request.dscp),
        priority,
    );
    let first = leaf.partition_point(|alias| key(alias, fib.info(alias.info).priority) < wanted);
    let exists = leaf.get(first).is_some_and(|alias| key(alias, fib.info(alias.info).priority) == wanted);
    Place { trie: table.trie, first, exists }
}

/// Adds, replaces or tests for a route (C-023 to C-029).
pub fn insert(
    ns: &mut Namespace,
    env: Env<'_>,
    flags: NlFlags,
    request: &RouteConfig,
) -> Result<(), Refusal> {
    // The table is made even if the route is then refused.
    let at = table::ensure_table(&mut ns.config.fib, request.table);
    let info = fib_info::create(ns, env, request)?;
    let config = &mut ns.config;
    let place = find_place(config, at, request, u64::from(info.priority));
    let existing = fib_info::find(&config.fib, &info);
    let leaf = config.fib.tries[place.trie].leaf(request.dst);
    let mut index = place.first;
    if place.exists {
        if flags.has(NlFlags::EXCL) {
            return Err(Errno::EEXIST.into()); // C-023, C-027
        }
        let first = &leaf[place.first];
        let group = leaf[place.first..].iter().take_while(|alias| {
            (alias.len, alias.table, alias.dscp) == (first.len, first.table, first.dscp)
                && config.fib.info(alias.info).priority == info.priority
        });
        let (mut size, mut duplicate) = (0, None);
        for (n, alias) in group.enumerate() {
            size = n + 1;
            if duplicate.is_none() && alias.kind == request.kind && Some(alias.info) == existing {
                duplicate = Some(n);
            }
        }
        if flags.has(NlFlags::REPLACE) {
            return match duplicate {
                Some(0) => Ok(()),
                Some(_) => Err(Errno::EEXIST.into()),
                None => {
                    replace(ns, &place, request, info, existing);
                    Ok(())
                }
            };
        }
        if duplicate.is_some() {
            return Err(Errno::EEXIST.into());
        }
        if flags.has(NlFlags::APPEND) {
            index += size;
        }
    }
    if !flags.has(NlFlags::CREATE) {
        return Err(Errno::ENOENT.into());
    }
    let id = match existing {
        Some(id) => id,
        None => fib_info::store_new(ns, info),
    };
    let config = &mut ns.config;
    add_reference(config, id);
    let alias = Alias {
        len: request.len,
        dscp: request.dscp,
        kind: request.kind,
        table: config.fib.tables[at].id,
        info: id,
    };
    config.fib.tries[place.trie].insert(request.dst, index, Entry::new(alias));
    if request.len == 0 {
        config.fib.tables[at].defaults += 1;
        ns.state.cache.default_choice.remove(&(alias.table, alias.dscp, alias.info));
    }
    table::bump(&mut config.fib);
    Ok(())
}

/// Puts a route as a dump shows it behind those of its key, unchecked: what it
/// refers to was checked when it was made.
pub(crate) fn restore(ns: &mut Namespace, request: &RouteConfig, info: FibInfo) {
    let config = &mut ns.config;
    let at = table::ensure_table(&mut config.fib, request.table);
    let place = find_place(config, at, request, u64::from(info.priority) + 1);
    let id = match fib_info::find(&config.fib, &info) {
        Some(id) => id,
        None => fib_info::store(&mut config.fib, info),
    };
    add_reference(config, id);
    let alias = Alias {
        len: request.len,
        dscp: request.dscp,
        kind: request.kind,
        table: config.fib.tables[at].id,
        info: id,
    };
    config.fib.tries[place.trie].insert(request.dst, place.first, Entry::new(alias));
    config.fib.tables[at].defaults += u32::from(request.len == 0);
}

/// C-026, C-028: the first alias of the key gives way in place.
fn replace(
    ns: &mut Namespace,
    place: &Place,
    request: &RouteConfig,
    info: FibInfo,
    existing: Option<FibInfoId>,
) {
    let id = match existing {
        Some(id) => id,
        None => fib_info::store_new(ns, info),
    };
    add_reference(&mut ns.config, id);
    let fib = &mut ns.config.fib;
    let Some(leaf) = fib.tries[place.trie].leaf_mut(request.dst) else { return };
    let first = &mut leaf[place.first];
    let new = Entry::new(Alias { info: id, kind: request.kind, ..first.alias });
    let old = std::mem::replace(first, new);
    ns.state.cache.default_choice.remove(&(old.table, old.dscp, id));
    if old.accessed() {
        table::bump(fib); // C-032
    }
    fib_info::release(ns, old.info);
}

fn add_reference(config: &mut Config, id: FibInfoId) {
    if let Some(info) = config.fib.infos[id.0 as usize].as_mut() {
        info.refs += 1;
    }
}

/// Deletes the first route that has everything that is given (C-030, C-031).
pub fn delete(ns: &mut Namespace, request: &RouteConfig) -> Result<(), Refusal> {
    let config = &ns.config;
    let at = table::position(&config.fib, request.table).ok_or(Errno::ESRCH)?;
    let place = find_place(config, at, request, 0);
    let id = config.fib.tables[at].id;
    let leaf = config.fib.tries[place.trie].leaf(request.dst);
    let victim = leaf[place.first..]
        .iter()
        .take_while(|a| (a.len, a.table, a.dscp) == (request.len, id, request.dscp))
        .position(|alias| fits(config, alias, request))
        .ok_or(Errno::ESRCH)?;
    let fib = &mut ns.config.fib;
    let Some(gone) = fib.tries[place.trie].remove(request.dst, place.first + victim) else {
        return Err(Errno::ESRCH.into());
    };
    if request.len == 0 {
        fib.tables[at].defaults = fib.tables[at].defaults.saturating_sub(1);
    }
    if gone.accessed() {
        table::bump(fib); // C-032
    }
    fib_info::release(ns, gone.info);
    Ok(())
}

/// Whether a route has all that a deletion names.
fn fits(config: &Config, alias: &Alias, request: &RouteConfig) -> bool {
    let info = config.fib.info(alias.info);
    (request.kind == RouteType::UNSPEC || alias.kind == request.kind)
        && (request.scope == Scope::NOWHERE || info.scope == request.scope)
        && (request.prefsrc.is_none() || info.prefsrc == request.prefsrc)
        && (request.protocol == 0 || info.protocol == request.protocol)
        && (request.priority == 0 || info.priority == request.priority)
        && hops_fit(info, request)
        && request.metrics.values.iter().all(|&(kind, value)| info.metrics.get(kind).unwrap_or(0) == value)
        && (request.metrics.congctl.is_none() || info.metrics.congctl == request.metrics.congctl)
}

/// `fib_nh_match`: oif and gateway are compared with the first hop only; of a
/// list every hop of the route must be named.
fn hops_fit(info: &FibInfo, request: &RouteConfig) -> bool {
    if request.nh_id != 0 {
        return info.nh_id == Some(request.nh_id);
    }
    let names_hop = request.oif != 0 || request.gateway.is_some();
    if info.nh_id.is_some() {
        return !names_hop && request.multipath.is_empty();
    }
    if names_hop {
        return info.hops.first().is_some_and(|hop| {
            (request.realms == 0 || request.realms == hop.realms)
                && (request.oif == 0 || request.oif == hop.dev)
                && (request.gateway.is_none() || request.gateway == hop.gateway)
                && request.encap.as_ref().is_none_or(|given| encap::build(given).ok() == hop.encap)
        });
    }
    if request.multipath.is_empty() {
        return true;
    }
    info.hops.iter().enumerate().all(|(n, hop)| {
        request.multipath.get(n).is_some_and(|leg| {
            (leg.oif == 0 || leg.oif == hop.dev)
                && leg.gateway.is_none_or(|gateway| Some(gateway) == hop.gateway)
                && leg.realms.is_none_or(|realms| realms == hop.realms)
        })
    })
}

/// Removes all routes whose information is dead, error types too
/// (`fib_flush`). Walks every table, as the kernel does, since a walk can
/// reshape a trie even where it removes nothing.
pub fn flush_dead(ns: &mut Namespace) {
    let fib = &mut ns.config.fib;
    let mut removed = Vec::new();
    for at in 0..fib.tables.len() {
        let (id, trie) = (fib.tables[at].id, fib.tables[at].trie);
        let infos = &fib.infos;
        let is_dead = |info: FibInfoId| {
            infos[info.0 as usize].as_ref().is_some_and(|info| info.flags.has(RouteFlags::DEAD))
        };
        fib.tries[trie].flush(|_, alias| {
            let remove = alias.table == id && is_dead(alias.info);
            if remove {
                removed.push(alias.info);
            }
            remove
        });
    }
    if !removed.is_empty() {
        table::bump(fib);
    }
    for info in removed {
        fib_info::release(ns, info);
    }
}

/// Removes the routes that use a nexthop object which is going away
/// (`__remove_nexthop_fib`, C-066).
pub fn routes_by_nexthop_deleted(ns: &mut Namespace, id: u32) {
    let mut any = false;
    for info in ns.config.fib.infos.iter_mut().flatten().filter(|info| info.nh_id == Some(id)) {
        info.flags = info.flags | RouteFlags::DEAD;
        any = true;
    }
    if any {
        flush_dead(ns);
    }
}

/// After a nexthop object was replaced: routes lead elsewhere at once (C-066).
pub fn nexthop_replaced(ns: &mut Namespace) {
    table::bump(&mut ns.config.fib);
}
