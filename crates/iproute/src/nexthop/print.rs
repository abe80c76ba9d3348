//! How one nexthop object is printed (`__print_nexthop_entry`), by itself or inside a route.

use std::collections::HashMap;

use fingerpost_model::{NexthopMsg, ResilientGroup, Scope, proto};

use super::show::Filter;
use crate::output::percent_g;
use crate::{Ctx, Printer, route};

/// What a run remembers: the objects that routes have shown, those that a
/// coming dump may show, and the last listing's filter.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    pub(super) filter: Filter,
    known: HashMap<u32, NexthopMsg>,
    fresh: HashMap<u32, NexthopMsg>,
}

/// Reads all nexthop objects for [`print_by_id`] in a dump that follows.
pub(crate) fn preload(ctx: &mut Ctx<'_>) {
    let fresh = &mut ctx.p.nexthops.fresh;
    fresh.clear();
    // A refused dump leaves routes without the details of their objects.
    let _ = ctx.kernel.nexthops(ctx.ns, &mut |m| {
        fresh.insert(m.id, m.clone());
    });
}

/// Prints what is known of a nexthop object inside a route, after `before` in
/// text and under `key` in JSON (`print_cache_nexthop_id`). The objects were
/// read by [`preload`].
pub(crate) fn print_by_id(p: &mut Printer<'_>, before: &str, key: &str, id: u32) {
    if !p.nexthops.known.contains_key(&id) {
        let Some(m) = p.nexthops.fresh.remove(&id) else { return };
        p.nexthops.known.insert(id, m);
    }
    let Some(m) = p.nexthops.known.get(&id).cloned() else { return };
    p.out.fp(before);
    entry(p, Some(key), &m);
}

/// Prints an object; a line of its own ends with [`line`].
fn entry(p: &mut Printer<'_>, key: Option<&str>, m: &NexthopMsg) {
    const MPATH: u16 = 0;
    let details = p.opt.details > 0;
    p.out.open_object(key);
    p.out.num("id", "id ", m.id, " ");
    if !m.group.is_empty() {
        group(p, m);
    }
    if let Some(kind) = m.group_type.filter(|&kind| kind != MPATH) {
        let name = if kind == 1 { "resilient" } else { "<unknown type>" };
        p.out.string("type", "type ", name, " ");
    }
    if let Some(parameters) = &m.resilient {
        resilient(p, parameters);
    }
    if let Some(encap) = &m.encap {
        route::print_encap(p, encap);
    }
    if let Some(gateway) = m.gateway {
        route::print_gateway(p, gateway);
    }
    if let Some(oif) = m.oif.filter(|&oif| oif != 0) {
        let name = p.links.name(oif);
        p.out.string("dev", "dev ", &name, " ");
    }
    if m.scope != Scope::UNIVERSE || details {
        let name = p.names.scope(m.scope.0);
        p.out.string("scope", "scope ", &name, " ");
    }
    if m.blackhole {
        p.out.null("blackhole", "blackhole ");
    }
    if m.protocol != proto::UNSPEC || details {
        let name = p.names.proto(m.protocol);
        p.out.string("protocol", "proto ", &name, " ");
    }
    route::print_flags(p, m.flags);
    if m.fdb {
        p.out.null("fdb", "fdb");
    }
    p.out.close_object();
}

/// Prints an object on a line of its own.
pub(crate) fn line(p: &mut Printer<'_>, m: &NexthopMsg) {
    entry(p, None, m);
    p.out.fp("\n");
}

fn group(p: &mut Printer<'_>, m: &NexthopMsg) {
    p.out.open_array(Some("group"));
    p.out.fp("group ");
    for (i, member) in m.group.iter().enumerate() {
        p.out.open_object(None);
        if i > 0 {
            p.out.fp("/");
        }
        p.out.num("id", "", member.id, "");
        // iproute2 6.1 knows the low byte of a weight only.
        let weight = member.weight.wrapping_sub(1) & 0xff;
        if weight != 0 {
            p.out.num("weight", ",", weight + 1, "");
        }
        p.out.close_object();
    }
    p.out.fp(" ");
    p.out.close_array();
}

fn resilient(p: &mut Printer<'_>, group: &ResilientGroup) {
    p.out.open_object(Some("resilient_args"));
    p.out.num("buckets", "buckets ", group.buckets.unwrap_or(0), " ");
    let times = [
        ("idle_timer", "idle_timer ", u64::from(group.idle_timer.unwrap_or(0))),
        ("unbalanced_timer", "unbalanced_timer ", u64::from(group.unbalanced_timer.unwrap_or(0))),
        ("unbalanced_time", "unbalanced_time ", group.unbalanced_time.unwrap_or(0)),
    ];
    for (key, before, hundredths) in times {
        p.out.num(key, before, seconds(hundredths), " ");
    }
    p.out.close_object();
}

/// Seconds with six significant digits, in JSON as in text (`print_tv`).
fn seconds(hundredths: u64) -> String {
    percent_g((hundredths / 100) as f64 + (hundredths % 100) as f64 / 100.0)
}

/// Prints a bucket on a line of its own (`print_nexthop_bucket`).
pub(super) fn bucket_line(p: &mut Printer<'_>, m: &NexthopMsg) {
    p.out.open_object(None);
    if m.id != 0 {
        p.out.num("id", "id ", m.id, " ");
    }
    if let Some(bucket) = &m.bucket {
        p.out.open_object(Some("bucket"));
        if let Some(index) = bucket.index {
            p.out.num("index", "index ", index, " ");
        }
        if let Some(time) = bucket.idle_time {
            p.out.num("idle_time", "idle_time ", seconds(time), " ");
        }
        if let Some(id) = bucket.nh_id {
            p.out.num("nhid", "nhid ", id, " ");
        }
        p.out.close_object();
    }
    route::print_flags(p, m.flags);
    p.out.fp("\n");
    p.out.close_object();
}
