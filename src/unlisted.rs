//! What the IPv6 routes are that no dump shows, since they stand among the legs
//! of others (F-002). Where they lead is known; the rest a question tells that
//! finds one.

use std::net::{IpAddr, Ipv6Addr};

use fingerpost_engine::World;
use fingerpost_engine::config::{Route6, RtFlags};
use fingerpost_host::{Live, Unlisted};
use fingerpost_model::{Kernel, NsId, RouteFlags, RouteMsg, RouteType};
use fingerpost_net::IpPrefix;

use crate::by_source::{addresses, asked, key, key_of, prefix, ways_from};
use crate::settle::matching;

/// Addresses that are tried for one way to one route.
const MAX_ADDRESSES: usize = 16;

/// Asks the kernel about one; `None` when no answer tells.
pub fn ask(
    world: &mut World,
    ns: NsId,
    live: &mut Live,
    unlisted: &Unlisted,
) -> anyhow::Result<Option<Unlisted>> {
    let msg = &unlisted.msg;
    let told = |msg: RouteMsg| Some(Unlisted { is_known: true, msg, ..unlisted.clone() });
    let before: Vec<RouteType> = errors(world, ns, msg).map(|route| route.kind).collect();
    let mut found = None;
    for question in questions(world, ns, msg) {
        if unlisted.is_reject() {
            let expected = RouteType::ERRORS.map(|kind| {
                errors(world, ns, msg).for_each(|route| route.kind = kind);
                key(&world.get_route(ns, &matching(&question)))
            });
            let differ = expected.iter().any(|other| *other != expected[0]);
            if !differ {
                continue;
            }
            let real = key(&asked(live, &question)?);
            let mut fitting =
                RouteType::ERRORS.iter().zip(&expected).filter(|(_, expected)| **expected == real);
            if let (Some((&kind, _)), None) = (fitting.next(), fitting.next()) {
                found = told(RouteMsg { kind, ..msg.clone() });
                break;
            }
        } else if let Ok(answer) = asked(live, &question)?
            && is_it(msg, &answer)
        {
            let flags = RouteFlags(answer.flags.0 & !RouteFlags::FIB_MATCH.0);
            let route = RouteMsg { flags, uid: None, mark: None, iif: None, ..answer };
            // Where an object leads, it says itself.
            found = told(match route.nh_id {
                None => route,
                Some(_) => RouteMsg { oif: None, gateway: None, multipath: Vec::new(), ..route },
            });
            break;
        }
    }
    errors(world, ns, msg).zip(before).for_each(|(route, kind)| route.kind = kind);
    Ok(found)
}

/// What is not known of those of one namespace, in a sentence; `None` if all is.
pub fn sentence(unlisted: &[Unlisted]) -> Option<String> {
    let count = |is: &dyn Fn(&Unlisted) -> bool| unlisted.iter().filter(|&unlisted| is(unlisted)).count();
    let known = |unlisted: &Unlisted| unlisted.is_known && unlisted.is_placed;
    let parts = [
        (count(&|u| !known(u) && !u.is_told()), "lead to nexthop objects and are left out"),
        (
            count(&|u| !known(u) && u.is_told() && u.is_reject()),
            "answer with an error and are taken for blackholes",
        ),
        (
            count(&|u| !known(u) && u.is_told() && !u.is_reject()),
            "are known by device and gateway alone, and may lead to nexthop objects",
        ),
    ];
    let told: Vec<String> =
        parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    (!told.is_empty())
        .then(|| format!("IPv6 routes among the legs of others, which no listing shows: {}", told.join("; ")))
}

/// Questions that may find it, by its device and any.
fn questions(world: &World, ns: NsId, msg: &RouteMsg) -> Vec<RouteMsg> {
    let Ok(space) = world.ns(ns) else { return Vec::new() };
    let ways = ways_from(&space.config, msg.table, &[prefix(msg.src)]);
    let to = |way: &RouteMsg| {
        let way = way.clone();
        addresses(prefix(msg.dst), MAX_ADDRESSES)
            .map(move |addr| RouteMsg { dst: Some(IpPrefix::host(IpAddr::V6(addr))), ..way.clone() })
    };
    let by_device = ways.iter().filter(|way| way.oif.is_none());
    let by_device: Vec<RouteMsg> = by_device.map(|way| RouteMsg { oif: msg.oif, ..way.clone() }).collect();
    by_device.iter().chain(&ways).flat_map(to).collect()
}

/// The routes among the legs of another that answer with an error, as the world has them.
fn errors<'a>(world: &'a mut World, ns: NsId, msg: &RouteMsg) -> impl Iterator<Item = &'a mut Route6> {
    let (dst, src, metric) = (prefix(msg.dst), prefix(msg.src), msg.priority.unwrap_or(0));
    let table = world.namespaces.get_mut(&ns).and_then(|space| space.config.fib6.table_mut(msg.table));
    let list: &mut [Route6] = match table.and_then(|table| table.tree.get_mut(dst)) {
        Some(node) => node.ensure_source(src),
        None => &mut [],
    };
    let is_leg = |route: &Route6| route.metric == metric && route.is_leg();
    let (first, last) = (list.iter().position(is_leg), list.iter().rposition(is_leg));
    let among = first.zip(last).and_then(|(first, last)| list.get_mut(first..last));
    among.into_iter().flatten().filter(|route| route.flags.any(RtFlags::REJECT) && route.nh_id.is_none())
}

/// Whether an answer is about that route, not a leg beside it.
fn is_it(msg: &RouteMsg, answer: &RouteMsg) -> bool {
    let v6 = |addr: Option<IpAddr>| match addr {
        Some(IpAddr::V6(addr)) => addr,
        _ => Ipv6Addr::UNSPECIFIED,
    };
    let own = (msg.oif, v6(msg.gateway));
    let shown = (answer.oif, v6(answer.gateway));
    let is_shown =
        || shown == own || answer.multipath.iter().any(|leg| (Some(leg.oif), v6(leg.gateway)) == own);
    let is_leg = !answer.multipath.is_empty() && answer.nh_id.is_none();
    key_of(answer) == key_of(msg) && !is_leg && is_shown()
}
