//! What becomes of an IPv4 packet.

use std::net::Ipv4Addr;

use fingerpost_engine::lookup::{Decision, DropReason, Input, Output, source};
use fingerpost_model::{RouteFlags, RouteType, Scope};
use fingerpost_net::Errno;

use super::build::Asked;
use super::build4::Ending;
use super::outcome::{Way, common_source, refused, resolves};
use super::question::Resolved;
use super::report::{Leg, LookupReport, Outcome, Verdict};
use super::wording::{device, kind_name};

/// The outcome of a question.
pub(super) fn outcome(
    asked: Asked<'_>,
    question: &Resolved<Ipv4Addr>,
    ending: &Ending,
    lookups: &[LookupReport],
    shares: &[(usize, u64)],
    refused_for: Option<String>,
) -> Outcome {
    match ending {
        Ending::Decided(decision) => match decision.error {
            Some(errno) => error_decision(asked, question, errno),
            None => decided(asked, question, decision, shares),
        },
        Ending::Refused(errno) => refused(&question.dst, *errno, lookups, refused_for, "IpOutNoRoutes"),
        Ending::Dropped(reason) => dropped(asked, question, *reason),
    }
}

fn decided(
    asked: Asked<'_>,
    question: &Resolved<Ipv4Addr>,
    decision: &Decision,
    shares: &[(usize, u64)],
) -> Outcome {
    let config = &asked.ns.config;
    let dev = device(config, decision.dev);
    let received = (question.iif != 0).then(|| device(config, question.iif));
    let verdict = match (&received, decision.input) {
        (Some(_), Input::Forward | Input::MulticastRoute) => Verdict::Forwarded,
        (Some(_), _) => Verdict::Delivered,
        (None, _) if decision.kind == RouteType::LOCAL => Verdict::Delivered,
        (None, _) => Verdict::Sent,
    };
    let legs = legs(asked, question, decision, shares);
    let source = common_source(question.iif, decision.source, &legs);
    let way = Way {
        verdict,
        dst: &question.dst,
        src: &question.src,
        received: received.as_deref(),
        dev: &dev,
        gateway: decision.gateway,
        kind: decision.kind,
        neighbour: resolves(config, decision.dev).then(|| decision.destination.into()),
        legs: legs.len(),
        source: match verdict {
            Verdict::Delivered => Some(decision.source.to_string()),
            _ => source.clone(),
        },
    };
    let mut outcome = Outcome::new(verdict, way.text());
    outcome.dev = legs.is_empty().then_some(dev);
    outcome.gateway = decision.gateway.filter(|_| legs.is_empty()).map(|gateway| gateway.to_string());
    outcome.source = source;
    outcome.table = decision.result.map(|result| result.table.0);
    outcome.kind = Some(kind_name(decision.kind));
    outcome.mtu = Some(decision.mtu);
    outcome.input = decision.is_input.then(|| input_name(decision.input));
    outcome.output = match (decision.is_input, decision.input) {
        (true, Input::Forward) | (false, _) => Some(output_name(decision.output)),
        _ => None,
    };
    outcome.redirect = decision.flags.has(RouteFlags::DOREDIRECT);
    outcome.legs = legs;
    outcome
}

/// The legs of a multipath route when the hash that chooses cannot be computed.
fn legs(
    asked: Asked<'_>,
    question: &Resolved<Ipv4Addr>,
    decision: &Decision,
    shares: &[(usize, u64)],
) -> Vec<Leg> {
    let config = &asked.ns.config;
    let Some(info) = decision.result.map(|result| config.fib.info(result.alias.info)) else {
        return Vec::new();
    };
    let hops = config.hops(info);
    let total: u64 = shares.iter().map(|(_, share)| share).sum();
    let chooses_source = question.iif == 0 && question.src.is_unspecified();
    let leg = |&(n, share): &(usize, u64)| {
        let hop = hops.get(n)?;
        let used = hop.scope == Scope::LINK;
        let source = || info.prefsrc.unwrap_or_else(|| source::of_hop(config, hop, info.scope).0);
        Some(Leg {
            dev: device(config, hop.dev),
            gateway: hop.gateway.filter(|_| used).map(|gateway| gateway.to_string()),
            source: chooses_source.then(|| source().to_string()),
            share: share as f64 / total.max(1) as f64,
        })
    };
    shares.iter().filter_map(leg).collect()
}

fn input_name(input: Input) -> &'static str {
    match input {
        Input::Discard => "dst_discard",
        Input::LocalDeliver => "ip_local_deliver",
        Input::Forward => "ip_forward",
        Input::Error(_) => "ip_error",
        Input::MulticastRoute => "ip_mr_input",
    }
}

fn output_name(output: Output) -> &'static str {
    match output {
        Output::Discard => "dst_discard_out",
        Output::Ip => "ip_output",
        Output::Multicast => "ip_mc_output",
        Output::Bug => "ip_rt_bug",
    }
}

/// A received packet whose decision is an error (`ip_error`, C-198, C-199, C-228).
fn error_decision(asked: Asked<'_>, question: &Resolved<Ipv4Addr>, errno: Errno) -> Outcome {
    let config = &asked.ns.config;
    let iif = device(config, question.iif);
    let forwarding = config.links.ipv4(question.iif).is_some_and(|ipv4| ipv4.conf.forwarding != 0);
    let what = format!("{} from {}, received on {iif}, is dropped", question.dst, question.src);
    let (why, reason, counters, icmp): (_, _, &[&'static str], _) = match errno {
        Errno::EHOSTUNREACH if !forwarding => (
            format!("it is not for this host and {iif} does not forward"),
            DropReason::IpInAddrErrors,
            &["IpInAddrErrors"],
            None,
        ),
        Errno::EHOSTUNREACH => (
            "an unreachable route".into(),
            DropReason::NotSpecified,
            &[],
            Some("destination host unreachable (3/1)"),
        ),
        Errno::ENETUNREACH => (
            "no route".into(),
            DropReason::IpInNoRoutes,
            &["IpExtInNoRoutes"],
            Some("destination network unreachable (3/0)"),
        ),
        Errno::EACCES => (
            "a prohibit route or rule".into(),
            DropReason::NotSpecified,
            &[],
            Some("communication administratively prohibited (3/13)"),
        ),
        _ => ("a blackhole".into(), DropReason::NotSpecified, &[], None),
    };
    let mut outcome = Outcome::new(Verdict::Dropped, format!("{what}: {why}"));
    outcome.input = Some("ip_error");
    outcome.errno = Some(errno.0);
    outcome.errno_name = errno.name();
    outcome.drop_reason = Some(reason.name());
    outcome.counters = counters.to_vec();
    outcome.icmp = icmp;
    outcome
}

/// Why input routing drops a packet, where the kernel's reason tells.
pub(crate) fn why_dropped(reason: DropReason) -> Option<&'static str> {
    Some(match reason {
        DropReason::IpInvalidSource => "its source can never be one here",
        DropReason::IpInvalidDest => "its destination can never be one",
        DropReason::IpLocalnet => "127/8 does not cross the wire (route_localnet is off)",
        DropReason::IpLocalSource => "its source is an own address (accept_local is off)",
        DropReason::IpRpfilter => "reverse-path filter: the way back does not satisfy it",
        _ => return None,
    })
}

/// A received packet that input routing drops.
fn dropped(asked: Asked<'_>, question: &Resolved<Ipv4Addr>, reason: DropReason) -> Outcome {
    let iif = device(&asked.ns.config, question.iif);
    let why = match reason {
        DropReason::NotSpecified if question.dst.is_multicast() => "nobody joined the group on this device",
        _ => why_dropped(reason).unwrap_or("the device does not carry IPv4"),
    };
    let text = format!("{} from {}, received on {iif}, is dropped: {why}", question.dst, question.src);
    let mut outcome = Outcome::new(Verdict::Dropped, text);
    outcome.drop_reason = Some(reason.name());
    // T-21: `ip route get` says EINVAL for all of them since 6.14.
    let errno = match reason {
        DropReason::IpRpfilter if asked.behaviour.rpfilter_is_exdev => Errno::EXDEV,
        _ => Errno::EINVAL,
    };
    outcome.errno = Some(errno.0);
    outcome.errno_name = errno.name();
    if reason == DropReason::IpRpfilter {
        outcome.counters.push("TcpExtIPReversePathFilter");
    }
    outcome
}

/// The switches of [`fingerpost_engine::Behaviour`] that this answer turns on,
/// when the release was not compared with.
pub(super) fn unverified(
    asked: Asked<'_>,
    question: &Resolved<Ipv4Addr>,
    ending: &Ending,
) -> Vec<&'static str> {
    if asked.behaviour.verified {
        return Vec::new();
    }
    let config = &asked.ns.config;
    match ending {
        Ending::Dropped(DropReason::IpRpfilter) => vec!["rpfilter_is_exdev"],
        Ending::Decided(decision) if question.iif == 0 && !question.src.is_unspecified() => {
            let several = |result: fingerpost_engine::lookup::FibResult| {
                config.hops(config.fib.info(result.alias.info)).len() > 1
            };
            if decision.result.is_some_and(several) {
                vec!["multipath_prefers_own_source"]
            } else {
                Vec::new()
            }
        }
        _ => Vec::new(),
    }
}

/// What is not modelled and could change this answer.
pub(super) fn unknown(asked: Asked<'_>, ending: &Ending) -> Vec<String> {
    let config = &asked.ns.config;
    let Ending::Decided(decision) = ending else { return Vec::new() };
    let mut unknown = Vec::new();
    if let Some(hop) = decision.result.and_then(|result| result.hop(config).cloned())
        && let Some(encap) = hop.encap
    {
        unknown.push(format!("the route's encapsulation (type {}) is not modelled", encap.kind));
    }
    if !config.links.groups_known
        && decision.destination.is_multicast()
        && decision.is_input
        && decision.input == Input::LocalDeliver
    {
        unknown.push("which multicast groups sockets have joined is not known; only 224.0.0.1 is".into());
    }
    unknown
}
