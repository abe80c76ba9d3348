//! What becomes of an IPv6 packet.

use std::net::{IpAddr, Ipv6Addr};

use fingerpost_engine::Env;
use fingerpost_engine::config::{Config, If6Addr};
use fingerpost_engine::lookup::icmp6::{self, Dropped, Hearing, Limit};
use fingerpost_engine::lookup::receive6::{self, NotForwarded};
use fingerpost_engine::lookup::{Decision6, DropReason, Input, Output, output6, table6};
use fingerpost_engine::trace::Tracer;
use fingerpost_model::{IfaFlags, RouteType};
use fingerpost_net::{Errno, Prefix};

use super::build::Asked;
use super::build6::{Ending, Shares};
use super::outcome::{Way, common_source, refused, resolves};
use super::question::Resolved;
use super::report::{Leg, LookupReport, Outcome, Step, Verdict};
use super::wording::{device, kind_name};

/// The outcome of a question.
pub(super) fn outcome(
    asked: Asked<'_>,
    question: &Resolved<Ipv6Addr>,
    ending: &Ending,
    lookups: &[LookupReport],
    shares: &Shares,
    refused_for: Option<String>,
) -> Outcome {
    let config = &asked.ns.config;
    match ending {
        Ending::Decided(decision) => fate(asked, question, decision, shares),
        Ending::Failed(errno) if question.iif == 0 => {
            refused(&question.dst, *errno, lookups, refused_for, "Ip6OutNoRoutes")
        }
        Ending::Failed(errno) => unroutable(config, question, *errno, lookups),
        Ending::Dropped(reason) => refused_on_arrival(config, question, *reason),
    }
}

/// What `ip route get` answers: the lookup alone.
pub(super) fn reply(
    asked: Asked<'_>,
    question: &Resolved<Ipv6Addr>,
    ending: &Ending,
    shares: &Shares,
) -> Outcome {
    let config = &asked.ns.config;
    match ending {
        // T-44: in some releases, routes to groups are none that a received packet can be told of.
        Ending::Decided(decision)
            if asked.behaviour.input6_groups_too_long && is_of_received_group(question, decision) =>
        {
            refused(&question.dst, Errno::EMSGSIZE, &[], None, "")
        }
        Ending::Decided(decision) => {
            let mut outcome = decided(asked, question, decision, shares);
            // It always tells the source that it would choose.
            if let Some(route) = decision.found.route.get(config)
                && question.iif == 0
            {
                let source = output6::source_of(config, route, question.dst, &mut Tracer::off());
                outcome.source = source.map(|source| source.to_string());
            }
            outcome
        }
        Ending::Failed(errno) => refused(&question.dst, *errno, &[], None, ""),
        Ending::Dropped(_) => refused(&question.dst, Errno::EINVAL, &[], None, ""),
    }
}

fn is_of_received_group(question: &Resolved<Ipv6Addr>, decision: &Decision6) -> bool {
    question.iif != 0 && decision.found.route.dst.addr().is_multicast()
}

/// The switches of [`fingerpost_engine::Behaviour`] that this answer turns on,
/// when the release was not compared with.
pub(super) fn unverified(
    asked: Asked<'_>,
    question: &Resolved<Ipv6Addr>,
    ending: &Ending,
) -> Vec<&'static str> {
    let config = &asked.ns.config;
    let Ending::Decided(decision) = ending else { return Vec::new() };
    if asked.behaviour.verified {
        return Vec::new();
    }
    let mut switches = Vec::new();
    if is_of_received_group(question, decision) {
        switches.push("input6_groups_too_long");
    }
    // T-47: of several hops, the one by the device asked for.
    if question.iif == 0
        && question.oif != 0
        && let Some(route) = decision.found.route.get(config)
    {
        let node = config.fib6.table(route.table).and_then(|table| table.tree.get(route.dst));
        let list = node.map_or(&[][..], |node| node.of_source(route.src));
        let is_group = route.nh_id.is_some() && table6::hops(config, route).nth(1).is_some();
        if is_group || table6::legs(list, route).nth(1).is_some() {
            switches.push("multipath6_keeps_device");
        }
        if is_group {
            switches.push("objects6_take_first");
        }
    }
    switches
}

/// What becomes of a packet whose way is known: it may go no further.
fn fate(asked: Asked<'_>, question: &Resolved<Ipv6Addr>, decision: &Decision6, shares: &Shares) -> Outcome {
    let config = &asked.ns.config;
    let mut outcome = decided(asked, question, decision, shares);
    let (src, dst) = (question.src, question.dst);
    let iif = device(config, question.iif);
    let what = match question.iif {
        0 => format!("{dst} is dropped"),
        _ => format!("{dst} from {src}, received on {iif}, is dropped"),
    };
    let mut drop = |why: String, counter| {
        (outcome.verdict, outcome.text) = (Verdict::Dropped, format!("{what}: {why}"));
        outcome.counters = vec![counter];
    };
    if decision.output == Output::Discard {
        drop(
            "a route through loopback takes it, and answers as an unreachable one does".into(),
            if question.iif == 0 { "Ip6OutNoRoutes" } else { "Ip6InNoRoutes" },
        );
        let reason = if question.iif == 0 { DropReason::IpOutNoRoutes } else { DropReason::IpInNoRoutes };
        (outcome.drop_reason, outcome.icmp) = (Some(reason.name()), Some(NO_ROUTE));
        outcome.input = outcome.input.map(|_| "ip6_pkt_discard");
        outcome.output = outcome.output.map(|_| "ip6_pkt_discard_out");
    } else if !decision.is_input && !decision.may_leave(config) {
        drop(format!("the scope of the group ends at {}", device(config, decision.dev)), "Ip6OutMcastPkts");
        outcome.drop_reason = Some(DropReason::NotSpecified.name());
    } else if decision.is_input
        && decision.input == Input::Forward
        && let Err(why) = receive6::forward(config, question.iif, decision.dev, src)
    {
        drop(not_forwarded(why, &iif, src), "Ip6InAddrErrors");
        outcome.drop_reason = Some(DropReason::NotSpecified.name());
        outcome.output = None;
        if why == NotForwarded::BeyondScope {
            outcome.icmp = Some("beyond scope of the source address (1/2)");
        }
    }
    outcome
}

const NO_ROUTE: &str = "no route to destination (1/0)";

/// Why a packet is not forwarded, in words.
pub(super) fn not_forwarded(why: NotForwarded, iif: &str, src: Ipv6Addr) -> String {
    match why {
        NotForwarded::Off => format!(
            "it is not for this host, which does not forward (conf.all.forwarding, and {iif}'s \
             force_forwarding, are off)"
        ),
        NotForwarded::Source => format!("what comes from {src} is never forwarded"),
        NotForwarded::BeyondScope => {
            format!("its source {src} is of the link it came from, and it would leave that")
        }
    }
}

/// The decision that a lookup came to.
fn decided(
    asked: Asked<'_>,
    question: &Resolved<Ipv6Addr>,
    decision: &Decision6,
    shares: &Shares,
) -> Outcome {
    let config = &asked.ns.config;
    let dev = device(config, decision.dev);
    let received = (question.iif != 0).then(|| device(config, question.iif));
    let verdict = match (&received, decision.input) {
        (Some(_), Input::Forward) => Verdict::Forwarded,
        (Some(_), _) => Verdict::Delivered,
        (None, Input::LocalDeliver) => Verdict::Delivered,
        (None, _) => Verdict::Sent,
    };
    let legs = legs(asked, question, shares);
    let source = match decision.source.is_unspecified() {
        true => None,
        false => common_source(question.iif, decision.source, &legs),
    };
    let way = Way {
        verdict,
        dst: &question.dst,
        src: &question.src,
        received: received.as_deref(),
        dev: &dev,
        gateway: decision.gateway.map(IpAddr::V6),
        kind: if decision.destination.is_multicast() { RouteType::MULTICAST } else { decision.kind },
        neighbour: resolves(config, decision.dev).then(|| decision.destination.into()),
        legs: legs.len(),
        source: source.clone(),
    };
    let mut outcome = Outcome::new(verdict, way.text());
    outcome.dev = legs.is_empty().then_some(dev);
    outcome.gateway = decision.gateway.filter(|_| legs.is_empty()).map(|gateway| gateway.to_string());
    outcome.source = source;
    outcome.table = Some(decision.found.route.table.0);
    outcome.kind = Some(kind_name(decision.kind));
    outcome.mtu = Some(decision.mtu);
    outcome.input = decision.is_input.then(|| input_name(decision.input));
    outcome.output = match (decision.is_input, decision.input) {
        (true, Input::Forward) | (false, _) => Some(output_name(decision.output)),
        _ => None,
    };
    outcome.legs = legs;
    outcome
}

/// The legs of a multipath route when the hash that chooses cannot be computed.
fn legs(asked: Asked<'_>, question: &Resolved<Ipv6Addr>, shares: &Shares) -> Vec<Leg> {
    let config = &asked.ns.config;
    let total: u64 = shares.iter().map(|(.., share)| share).sum();
    let chooses_source = question.iif == 0 && !question.has_source();
    let leg = |&(route, member, share): &(_, usize, u64)| {
        let route = table6::RouteRef::get(route, config)?;
        let hop = table6::hops(config, route).nth(member)?;
        // What is cached with a nexthop object is all routes' (F-014).
        let object = route.nh_id.map(|id| table6::member_id(config, id, member));
        let cached = asked.assumed_cached.filter(|&(id, _)| object == Some(id));
        let made_of = cached.and_then(|(_, cached)| cached.route.get(config)).unwrap_or(route);
        let source = || output6::source_of(config, made_of, question.dst, &mut Tracer::off());
        Some(Leg {
            dev: device(config, hop.dev),
            gateway: table6::gateway6(hop).map(|gateway| gateway.to_string()),
            source: chooses_source.then(source).flatten().map(|source| source.to_string()),
            share: share as f64 / total.max(1) as f64,
        })
    };
    shares.iter().filter_map(leg).collect()
}

fn input_name(input: Input) -> &'static str {
    match input {
        Input::Discard => "dst_discard",
        Input::LocalDeliver => "ip6_input",
        Input::Forward => "ip6_forward",
        Input::Error(_) => "ip6_pkt_discard",
        Input::MulticastRoute => "ip6_mc_input",
    }
}

fn output_name(output: Output) -> &'static str {
    match output {
        Output::Discard => "dst_discard_out",
        _ => "ip6_output",
    }
}

/// A received packet that no route takes (`ip6_pkt_drop`, C-315): whether this
/// host forwards does not matter.
fn unroutable(
    config: &Config,
    question: &Resolved<Ipv6Addr>,
    errno: Errno,
    lookups: &[LookupReport],
) -> Outcome {
    let iif = device(config, question.iif);
    let by_route = lookups.iter().any(|l| l.tables.last().is_some_and(|t| t.route.is_some()));
    let by = if by_route { "route" } else { "rule" };
    let nowhere = question.dst.is_unspecified();
    let (why, input, reason, counters, icmp): (String, _, _, &[&'static str], _) = match errno {
        Errno::EINVAL => (format!("a blackhole {by}"), "dst_discard", DropReason::NotSpecified, &[], None),
        Errno::EACCES => (
            format!("a prohibit {by}"),
            "ip6_pkt_prohibit",
            DropReason::IpInNoRoutes,
            &["Ip6InNoRoutes"],
            Some("communication administratively prohibited (1/1)"),
        ),
        _ if nowhere => (
            "it has no destination".into(),
            "ip6_pkt_discard",
            DropReason::IpInAddrErrors,
            &["Ip6InAddrErrors"],
            Some(NO_ROUTE),
        ),
        _ => (
            if errno == Errno::EHOSTUNREACH { format!("an unreachable {by}") } else { "no route".into() },
            "ip6_pkt_discard",
            DropReason::IpInNoRoutes,
            &["Ip6InNoRoutes"],
            Some(NO_ROUTE),
        ),
    };
    let what = format!("{} from {}, received on {iif}, is dropped", question.dst, question.src);
    let mut outcome = Outcome::new(Verdict::Dropped, format!("{what}: {why}"));
    outcome.input = Some(input);
    outcome.errno = Some(errno.0);
    outcome.errno_name = errno.name();
    outcome.drop_reason = Some(reason.name());
    outcome.counters = counters.to_vec();
    outcome.icmp = icmp;
    outcome
}

/// Whether the sender of a packet that was received hears that it was dropped, how
/// much of it and how often; the outcome's ICMP goes where it hears nothing.
pub(super) fn heard(asked: Asked<'_>, question: &Resolved<Ipv6Addr>, outcome: &mut Outcome) -> Option<Step> {
    let &Resolved { src, dst, iif, mark, .. } = question;
    outcome.icmp.filter(|_| iif != 0)?;
    let env = Env { behaviour: asked.behaviour, now: asked.now };
    let hears = |often: String| {
        Ok(format!("{src} hears of it {often}, with at most {} bytes of the packet", icmp6::QUOTED))
    };
    let told = match icmp6::hearing(asked.ns, env, Dropped { dst, src, iif, mark }) {
        Hearing::Each => hears("each time".into()),
        Hearing::Limited(Limit { burst: 0, interval, .. }) => {
            hears(format!("every {interval} ms, but not the first time"))
        }
        Hearing::Limited(Limit { burst, interval, is_of_prefix }) => {
            let sooner = if is_of_prefix { ", sooner by a way of a wider prefix" } else { "" };
            hears(format!("at most {burst} times at once, then every {interval} ms{sooner}"))
        }
        Hearing::InVrf => Ok("whether the sender hears of it is not known: it came by a VRF".to_string()),
        Hearing::NobodySource => Err(format!("{src} is nobody's address")),
        Hearing::GroupDestination => Err("a packet to a group is answered with no error".into()),
        Hearing::OwnSource => Err(format!("{src} is this host's own, and the error stays here")),
        Hearing::AnycastSource => Err(format!("{src} is an anycast address")),
        Hearing::NoWay(errno) => {
            Err(format!("no way leads back to it ({})", errno.name().unwrap_or("error")))
        }
    };
    let text = told.unwrap_or_else(|why| {
        outcome.icmp = None;
        format!("the sender hears nothing: {why}")
    });
    Some(Step { about: "icmp", text, function: "icmp6_send" })
}

/// A packet that is dropped before it is routed (`ip6_rcv_core`, C-308).
fn refused_on_arrival(config: &Config, question: &Resolved<Ipv6Addr>, reason: DropReason) -> Outcome {
    let Resolved { src, dst, .. } = question;
    let iif = device(config, question.iif);
    let (why, counter) = match reason {
        DropReason::Ipv6Disabled => (format!("IPv6 is off on {iif}"), "Ip6InDiscards"),
        _ if src.is_multicast() => ("its source is a group".to_string(), "Ip6InHdrErrors"),
        _ if src.is_loopback() || dst.is_loopback() => ("::1 does not cross a wire".into(), "Ip6InHdrErrors"),
        _ => ("the destination's scope ends at the interface".into(), "Ip6InHdrErrors"),
    };
    let text = format!("{dst} from {src}, received on {iif}, is dropped: {why}");
    let mut outcome = Outcome::new(Verdict::Dropped, text);
    outcome.drop_reason = Some(reason.name());
    outcome.counters.push(counter);
    outcome
}

/// Where Linux makes temporary addresses of a managed one, and none was made yet: the
/// device and the prefix.
pub fn temporary_to_come(config: &Config) -> Option<(String, Prefix<Ipv6Addr>)> {
    let links = config.links.in_order().filter_map(|link| Some((link, link.ipv6.as_ref()?)));
    let mut tempting = links.filter(|(link, ipv6)| link.is_up() && ipv6.conf.use_tempaddr > 0);
    tempting.find_map(|(link, ipv6)| {
        let manager = ipv6.addrs.iter().find(|have| have.flags.has(IfaFlags::MANAGETEMPADDR))?;
        let temporary = |have: &If6Addr| have.flags.has(IfaFlags::SECONDARY);
        (!ipv6.addrs.iter().any(temporary)).then(|| (link.name().to_string(), manager.prefix()))
    })
}

/// What Linux makes by chance and a source depends on.
fn unknown_source(config: &Config, decision: &Decision6) -> Option<String> {
    let links = || config.links.in_order().filter_map(|link| Some((link, link.ipv6.as_ref()?)));
    let owner = links().find_map(|(link, ipv6)| {
        let has = ipv6.addrs.iter().any(|have| have.addr == decision.source && have.invented);
        has.then(|| link.name().to_string())
    });
    if let Some(dev) = owner {
        let source = decision.source;
        return Some(format!("{source} stands for the address that Linux makes at random on {dev}"));
    }
    let (dev, prefix) = temporary_to_come(config)?;
    Some(format!(
        "the temporary address that Linux makes at random in {prefix} on {dev}, which could be the source"
    ))
}

/// What is not modelled and could change this answer.
pub(super) fn unknown(config: &Config, question: &Resolved<Ipv6Addr>, ending: &Ending) -> Vec<String> {
    let Ending::Decided(decision) = ending else { return Vec::new() };
    let mut unknown = Vec::new();
    if let Some(route) = decision.found.route.get(config)
        && let Some(encap) =
            table6::hops(config, route).nth(decision.found.member).and_then(|h| h.encap.as_ref())
    {
        unknown.push(format!("the route's encapsulation (type {}) is not modelled", encap.kind));
    }
    if question.iif == 0 && !question.has_source() {
        unknown.extend(unknown_source(config, decision));
    }
    let dst = question.dst;
    if question.iif != 0 && dst.is_multicast() && !receive6::joined(config, question.iif, dst) {
        unknown.push(format!(
            "whether a socket joined {dst} on {} is not known; without one the packet is dropped",
            device(config, question.iif)
        ));
    }
    unknown
}
