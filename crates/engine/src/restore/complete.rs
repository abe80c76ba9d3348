//! Settings, and what dumps leave out.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use fingerpost_model::{Scope, TableId};
use fingerpost_net::Errno;

use super::v6;
use crate::config::{Config, DevConf, Fib};
use crate::control::{self, fib_info, sysctl};
use crate::lookup::{self, Flow4, rules};
use crate::namespace::{Env, Namespace};
use crate::path::neighbour::KEPT_UP;
use crate::trace::Tracer;

/// The file that names every table, empty ones too, in the order of dumps.
pub(super) const TRIE_STATS: &str = "/proc/net/fib_triestat";
/// Tables that are believed; a host with more has none that is empty.
const MAX_LISTED: usize = 4096;

pub(super) fn listed_tables(stats: &str) -> Vec<TableId> {
    let tables = stats.lines().filter_map(|line| match line.trim_end() {
        "Main:" => Some(TableId::MAIN),
        "Local:" => Some(TableId::LOCAL),
        other => {
            // The kernel prints the largest ones as negative numbers.
            let id: i64 = other.strip_prefix("Id ")?.strip_suffix(':')?.parse().ok()?;
            i32::try_from(id).map(|id| id as u32).or_else(|_| u32::try_from(id)).ok().map(TableId)
        }
    });
    tables.take(MAX_LISTED).collect()
}

/// Makes the tables that exist without routes, and puts those of one bucket
/// into the order that the kernel had them in: the newest came first.
pub(super) fn arrange_tables(fib: &mut Fib, order: Vec<TableId>) {
    for &id in &order {
        control::table::ensure_table(fib, id);
    }
    let places: HashMap<TableId, usize> = order.into_iter().zip(0..).collect();
    fib.tables.sort_by_key(|table| (table.id.0 & 255, places.get(&table.id).copied().unwrap_or(usize::MAX)));
}

/// Applies settings. Those of devices are set as they are; the others go
/// through the usual door, where they come before what they would overwrite.
pub(super) fn settings(
    ns: &mut Namespace,
    env: Env<'_>,
    settings: &[(String, String)],
    not_used: &mut Vec<String>,
) {
    for (path, value) in settings {
        let is_interval = path.ends_with("/neigh/default/interval_probe_time_ms");
        if is_interval && value.trim().parse() != Ok(KEPT_UP) {
            not_used.push(format!("setting {path}: neighbours that are kept up are used every {KEPT_UP} ms"));
        }
    }
    let mut complain = |path: &str, value: &str| {
        not_used
            .push(format!("setting {path}: \"{value}\" is no value of it; it is taken to be the default"));
    };
    fn conf_of(path: &str) -> Option<(&str, &str)> {
        path.strip_prefix("ipv4/conf/")?.rsplit_once('/')
    }
    fn conf6_of(path: &str) -> Option<(&str, &str)> {
        path.strip_prefix("ipv6/conf/")?.rsplit_once('/').filter(|(_, name)| *name != "stable_secret")
    }
    for (path, value) in settings {
        if let Some((place, name)) = conf6_of(path)
            && !v6::setting(&mut ns.config, place, name, value)
        {
            complain(path, value);
        }
    }
    let is_conf = |path: &str| conf_of(path).is_some() || conf6_of(path).is_some();
    for (path, value) in settings.iter().filter(|(path, _)| !is_conf(path)) {
        // What this build does not know of, or cannot write, steers nothing here.
        if sysctl::write(ns, env, &format!("net/{path}"), value.trim_end()) == Err(Errno::EINVAL) {
            complain(path, value);
        }
    }
    for (path, value) in settings {
        let Some((place, name)) = conf_of(path) else { continue };
        let Some(entry) = DevConf::ENTRIES.iter().find(|entry| entry.name == name) else { continue };
        let Ok(number) = value.trim().parse::<i32>() else {
            complain(path, value);
            continue;
        };
        let config = &mut ns.config;
        let conf = match place {
            "all" => Some(&mut config.sysctl.all),
            "default" => Some(&mut config.sysctl.default),
            // `/proc/sys` writes a device's dots as slashes.
            dev => config
                .links
                .by_index
                .values_mut()
                .find(|link| link.name() == dev || link.name().replace('.', "/") == dev)
                .and_then(|link| link.ipv4.as_mut())
                .map(|ipv4| &mut ipv4.conf),
        };
        if let Some(conf) = conf {
            (entry.set)(conf, number);
        }
    }
}

/// Marks the settings of devices that do not follow `default` any more: all of
/// them where an address was ever configured, else those that differ.
pub(super) fn own_settings(config: &mut Config) {
    let default = config.sysctl.default.clone();
    for link in config.links.by_index.values_mut() {
        let all = link.is_loopback() && link.is_up();
        let Some(ipv4) = &mut link.ipv4 else { continue };
        ipv4.conf.explicit = match all || !ipv4.addrs.is_empty() {
            true => u64::MAX,
            false => DevConf::ENTRIES.iter().zip(0..).fold(0, |bits, (entry, n)| {
                bits | u64::from((entry.get)(&ipv4.conf) != (entry.get)(&default)) << n
            }),
        };
    }
}

/// Finds what dumps leave out of routes' hops: the scope of the next step, by
/// looking the gateway up as when the route was made, and shares under the settings.
pub(super) fn complete_hops(config: &mut Config) {
    let mut scopes = Vec::new();
    for (n, info) in config.fib.infos.iter().enumerate() {
        for (m, hop) in info.iter().flat_map(|info| info.hops.iter().enumerate()) {
            if hop.scope == fib_info::UNKNOWN_SCOPE
                && let Some(gateway) = hop.gateway4()
            {
                scopes.push((n, m, scope_today(config, gateway, hop.dev)));
            }
        }
    }
    for (n, m, scope) in scopes {
        if let Some(info) = &mut config.fib.infos[n] {
            info.hops[m].scope = scope;
        }
    }
    let mut infos = std::mem::take(&mut config.fib.infos);
    for info in infos.iter_mut().flatten() {
        fib_info::rebalance(config, info);
    }
    config.fib.infos = infos;
    fib_info::rehash(&mut config.fib);
}

/// Numbers addresses in the order in which they were made, as their time stamps
/// tell; those made at once in the order of the dump.
pub(super) fn order_addresses(config: &mut Config) {
    let links = &mut config.links;
    let mut addrs: Vec<(Option<u32>, &mut u64)> = Vec::new();
    for link in links.by_index.values_mut() {
        let created = |stamps: Option<[u32; 2]>| stamps.map(|[created, _]| created);
        let four = link.ipv4.iter_mut().flat_map(|ipv4| &mut ipv4.addrs);
        addrs.extend(four.map(|addr| (created(addr.stamps), &mut addr.made)));
        let six = link.ipv6.iter_mut().flat_map(|ipv6| &mut ipv6.addrs);
        addrs.extend(six.map(|addr| (created(addr.stamps), &mut addr.made)));
    }
    addrs.sort_by_key(|&(created, _)| created);
    for (number, (_, made)) in (1..).zip(addrs) {
        *made = number;
        links.last_made = number;
    }
}

/// The scope of the route that leads to a gateway as the tables are now.
fn scope_today(config: &Config, gateway: Ipv4Addr, dev: u32) -> Scope {
    let mut flow = Flow4 { scope: Scope::LINK, oif: dev, ..Flow4::to(gateway) };
    let mut tracer = Tracer::off();
    let found = rules::lookup(config, &mut flow, true, &mut tracer).ok().or_else(|| {
        // An own address is found only without the device, through loopback's table.
        let local = config.fib.table(TableId::LOCAL)?;
        let flow = Flow4 { scope: Scope::LINK, ..Flow4::to(gateway) };
        let result = lookup::table::lookup(config, local, &flow, true, &mut tracer).ok()?;
        (result.alias.kind == fingerpost_model::RouteType::LOCAL).then_some(result)
    });
    found.map_or(Scope::LINK, |result| config.fib.info(result.alias.info).scope)
}
