//! Files below `/proc/net`: `fib_trie`, `fib_triestat`, `route` (C-022); counters stand in [`super::counters`].

use std::fmt::Write;

use fingerpost_fib::{AliasText, TrieStats};
use fingerpost_model::{MetricKind, RouteType, TableId};
use fingerpost_net::Errno;

use super::{counters, mroute};
use crate::behaviour::Behaviour;
use crate::config::{Config, Entry};
use crate::namespace::Namespace;

/// Reads a file by absolute path.
pub fn read(ns: &Namespace, behaviour: &Behaviour, path: &str) -> Result<String, Errno> {
    let mut out = String::new();
    let written = match path {
        "/proc/net/fib_trie" => fib_trie(&ns.config, &mut out),
        "/proc/net/fib_triestat" => fib_triestat(&ns.config, &mut out),
        "/proc/net/route" => route(&ns.config, &mut out),
        "/proc/net/snmp" => counters::snmp(&ns.config, &ns.state.counters, behaviour, &mut out),
        "/proc/net/ip_mr_vif" => mroute::vif_text(ns, &mut out),
        "/proc/net/ip_mr_cache" => mroute::cache_text(ns, &mut out),
        "/proc/net/netstat" => counters::netstat(&ns.state.counters, &mut out),
        "/proc/net/snmp6" => counters::snmp6(&ns.state.counters, behaviour, &mut out),
        _ => return Err(Errno::ENOENT),
    };
    // Writing to a String does not fail.
    written.map_err(|_| Errno::EIO)?;
    Ok(out)
}

fn header(id: TableId, out: &mut String) -> std::fmt::Result {
    match id {
        TableId::LOCAL => writeln!(out, "Local:"),
        TableId::MAIN => writeln!(out, "Main:"),
        // The kernel prints the id as a signed number.
        TableId(id) => writeln!(out, "Id {}:", id as i32),
    }
}

fn fib_trie(config: &Config, out: &mut String) -> std::fmt::Result {
    let text = |alias: &Entry| AliasText {
        scope: config.fib.info(alias.info).scope.0,
        kind: alias.kind.0,
        dscp: alias.dscp,
    };
    for table in config.fib.tables.iter().filter(|table| !config.fib.trie(table).is_empty()) {
        header(table.id, out)?;
        config.fib.trie(table).write_fib_trie(out, text)?;
    }
    Ok(())
}

fn fib_triestat(config: &Config, out: &mut String) -> std::fmt::Result {
    out.push_str(TrieStats::HEADER);
    for table in &config.fib.tables {
        header(table.id, out)?;
        write!(out, "{}", config.fib.trie(table).stats())?;
    }
    Ok(())
}

/// Width to which `/proc/net/route` pads its lines.
const ROUTE_WIDTH: usize = 127;

fn route(config: &Config, out: &mut String) -> std::fmt::Result {
    let head = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT";
    writeln!(out, "{head:<ROUTE_WIDTH$}")?;
    let Some(main) = config.fib.table(TableId::MAIN) else { return Ok(()) };
    for (key, alias) in config.fib.trie(main).iter() {
        if alias.table != TableId::MAIN || matches!(alias.kind, RouteType::BROADCAST | RouteType::MULTICAST) {
            continue;
        }
        let info = config.fib.info(alias.info);
        let hop = config.hops(info).get(0);
        let link = hop.and_then(|hop| config.links.get(hop.dev));
        let gateway = hop.and_then(|hop| hop.gateway4());
        let mask = if alias.len == 0 { 0 } else { u32::MAX << (32 - alias.len) };
        let mut flags = 1;
        if matches!(alias.kind, RouteType::UNREACHABLE | RouteType::PROHIBIT) {
            flags |= 0x200;
        }
        if hop.is_some_and(|hop| hop.gateway.is_some()) {
            flags |= 2;
        }
        if alias.len == 32 {
            flags |= 4;
        }
        let metric = |kind| info.metrics.get(kind).unwrap_or(0);
        let advmss = metric(MetricKind::ADVMSS);
        let line = format!(
            "{}\t{:08X}\t{:08X}\t{:04X}\t0\t0\t{}\t{:08X}\t{}\t{}\t{}",
            link.map_or("*", |link| link.name()),
            key.to_bits().swap_bytes(),
            gateway.map_or(0, |g| g.to_bits().swap_bytes()),
            flags,
            info.priority,
            mask.swap_bytes(),
            if advmss == 0 { 0 } else { advmss + 40 },
            metric(MetricKind::WINDOW),
            metric(MetricKind::RTT) >> 3,
        );
        writeln!(out, "{line:<ROUTE_WIDTH$}")?;
    }
    Ok(())
}
