//! `explain --both`: which of two destinations getaddrinfo puts first on this
//! host (RFC 6724, section 6), with the source that each would have.
//!
//! The order is glibc's: it connects a UDP socket to each destination to learn its
//! source, then compares by the rules with its own tables of labels, precedences
//! and scopes, since those of the kernel are for sources only.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fingerpost_engine::addrtype::AddrType;
use fingerpost_engine::config::Config;
use fingerpost_model::IfaFlags;
use fingerpost_net::Prefix;
use serde::Serialize;

use super::build::{Asked, explain};
use super::question::Question;
use super::report::{Explanation, SCHEMA, Verdict};

/// The answer about two destinations.
#[derive(Clone, Debug, Serialize)]
pub struct Both {
    /// Version of the schema.
    pub schema: u32,
    /// The kernel release whose behaviour is described.
    pub release: String,
    /// The answer in one sentence.
    pub text: String,
    /// The destination that comes first.
    pub first: String,
    /// The rules in order, to the one that decides.
    pub rules: Vec<Compared>,
    /// What is compared of each destination, in the order of the question.
    pub destinations: Vec<Destination>,
    /// What could change the order and was not looked at.
    pub unknown: Vec<String>,
}

/// A rule that was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// Its number in RFC 6724, section 6.
    pub rule: u8,
    /// What it prefers.
    pub name: &'static str,
    /// The values compared, in plain words.
    pub text: String,
    /// Whether it decides.
    pub decides: bool,
}

/// A destination with what rules look at.
#[derive(Clone, Debug, Serialize)]
pub struct Destination {
    /// Its address.
    pub to: String,
    /// The source that packets to it get; none makes it unusable.
    pub source: Option<String>,
    /// The scopes of the destination and of its source.
    pub scopes: (u8, Option<u8>),
    /// The labels of the destination and of its source.
    pub labels: (u8, Option<u8>),
    /// The destination's precedence.
    pub precedence: u8,
    /// Whether the source is deprecated.
    pub deprecated: bool,
    /// Whether the source is on a device that is no tunnel.
    pub native: bool,
    /// The device that the source is an address of.
    pub on: Option<String>,
    /// How a packet to it is routed.
    pub explanation: Explanation,
}

const UDP: u8 = 17;

/// Compares an IPv4 and an IPv6 destination, in the order in which a resolver gave them.
pub fn both(asked: Asked<'_>, questions: [&Question; 2]) -> Result<Both, String> {
    let [a, b] = questions;
    let is_v4 = |question: &Question| question.to.parse::<Ipv4Addr>().is_ok();
    if is_v4(a) == is_v4(b) {
        return Err("--both compares an IPv4 and an IPv6 address".into());
    }
    let (a, b) = (destination(asked, a)?, destination(asked, b)?);
    let (rules, order) = compare(&a, &b);
    let (first, second) = if order == Order::Second { (&b, &a) } else { (&a, &b) };
    let why = match rules.last().filter(|rule| rule.decides) {
        Some(rule) => format!("rule {} ({}): {}", rule.rule, rule.name, rule.text),
        None => "rule 10: no rule prefers either, so the order in which they were resolved stays".into(),
    };
    let source = |of: &Destination| match &of.source {
        Some(source) => format!("from {source}"),
        None => "without a source".into(),
    };
    let text =
        format!("{} ({}) comes before {} ({}), by {why}", first.to, source(first), second.to, source(second));
    let mut unknown = Vec::new();
    for of in [&a, &b] {
        let legs = &of.explanation.outcome.legs;
        if legs.iter().any(|leg| leg.source != legs[0].source) {
            unknown.push(format!("{} can have several sources; that of the first leg was compared", of.to));
        }
        unknown.extend(of.explanation.unknown.iter().map(|unknown| format!("{}: {unknown}", of.to)));
    }
    Ok(Both {
        schema: SCHEMA,
        release: asked.behaviour.release.clone(),
        text,
        first: first.to.clone(),
        rules,
        destinations: vec![a, b],
        unknown,
    })
}

/// What glibc learns of a destination.
fn destination(asked: Asked<'_>, question: &Question) -> Result<Destination, String> {
    let config = &asked.ns.config;
    let question = Question { ipproto: question.ipproto.or(Some(UDP)), ..question.clone() };
    let to: IpAddr = question.to.parse().map_err(|_| format!("\"{}\" is not an address", question.to))?;
    let explanation = explain(asked, &question)?;
    let outcome = &explanation.outcome;
    let usable = matches!(outcome.verdict, Verdict::Sent | Verdict::Delivered)
        && (!is_of_link(to) || question.oif.is_some() || outcome.verdict == Verdict::Delivered);
    let leg = || outcome.legs.first().and_then(|leg| leg.source.clone());
    let source: Option<IpAddr> =
        outcome.source.clone().or_else(leg).filter(|_| usable).and_then(|source| source.parse().ok());
    let own = source.and_then(|source| own_address(config, source));
    Ok(Destination {
        to: question.to.clone(),
        source: source.map(|source| source.to_string()),
        scopes: (scope(to), source.map(scope)),
        labels: (label(to), source.map(label)),
        precedence: precedence(to),
        deprecated: own.as_ref().is_some_and(|own| own.flags.has(IfaFlags::DEPRECATED)),
        native: own.as_ref().is_none_or(|own| own.native),
        on: own.map(|own| own.dev),
        explanation,
    })
}

/// Whether a socket has to name the link of an address (C-304).
fn is_of_link(addr: IpAddr) -> bool {
    matches!(addr, IpAddr::V6(addr) if AddrType::of(addr).any(AddrType::LINK_LOCAL))
}

struct Own {
    dev: String,
    flags: IfaFlags,
    native: bool,
}

/// `ARPHRD_TUNNEL`, `ARPHRD_TUNNEL6`, `ARPHRD_SIT`.
const TUNNELS: [u16; 3] = [768, 769, 776];

fn own_address(config: &Config, addr: IpAddr) -> Option<Own> {
    config.links.in_order().find_map(|link| {
        let flags = match addr {
            IpAddr::V4(addr) => link.ipv4.as_ref()?.addrs.iter().find(|own| own.local == addr)?.flags,
            IpAddr::V6(addr) => link.ipv6.as_ref()?.addrs.iter().find(|own| own.addr == addr)?.flags,
        };
        let native = !TUNNELS.contains(&link.msg.arp_type);
        Some(Own { dev: link.name().to_string(), flags, native })
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    First,
    Second,
    Alike,
}

/// The rules in order, to the one that decides, and which of the two it prefers.
fn compare(a: &Destination, b: &Destination) -> (Vec<Compared>, Order) {
    let own = |of: &Destination| of.on.clone().unwrap_or_else(|| "none".into());
    let fits = |(to, from): (u8, Option<u8>)| from == Some(to);
    let pair = |(to, from): (u8, Option<u8>)| match from {
        Some(from) => format!("{to} from {from}"),
        None => format!("{to} from none"),
    };
    let each =
        |value: &dyn Fn(&Destination) -> String| format!("{}: {}, {}: {}", a.to, value(a), b.to, value(b));
    let yes = |yes: bool| if yes { "yes" } else { "no" }.to_string();
    let other_transport = a.on.is_some() && b.on.is_some() && a.on != b.on;
    // Each with what is better of the two; larger is.
    let rules: [(u8, &'static str, String, [i32; 2]); 7] = [
        (
            1,
            "avoid unusable destinations",
            each(&|of| of.source.clone().map_or("no source".into(), |source| format!("from {source}"))),
            [a, b].map(|of| i32::from(of.source.is_some())),
        ),
        (
            2,
            "prefer matching scope",
            each(&|of| format!("scope {}", pair(of.scopes))),
            [a, b].map(|of| i32::from(fits(of.scopes))),
        ),
        (
            3,
            "avoid deprecated sources",
            each(&|of| format!("deprecated {}", yes(of.deprecated))),
            [a, b].map(|of| i32::from(!of.deprecated)),
        ),
        (
            5,
            "prefer matching label",
            each(&|of| format!("label {}", pair(of.labels))),
            [a, b].map(|of| i32::from(fits(of.labels))),
        ),
        (
            6,
            "prefer higher precedence",
            each(&|of| format!("precedence {}", of.precedence)),
            [a, b].map(|of| i32::from(of.precedence)),
        ),
        (
            7,
            "prefer native transport",
            each(&|of| format!("by {}, {}", own(of), if of.native { "native" } else { "a tunnel" })),
            [a, b].map(|of| i32::from(of.native || !other_transport)),
        ),
        (
            8,
            "prefer smaller scope",
            each(&|of| format!("scope {}", of.scopes.0)),
            [a, b].map(|of| -i32::from(of.scopes.0)),
        ),
    ];
    let mut tried = Vec::new();
    for (rule, name, text, [first, second]) in rules {
        let decides = first != second;
        tried.push(Compared { rule, name, text, decides });
        if decides {
            return (tried, if first > second { Order::First } else { Order::Second });
        }
    }
    (tried, Order::Alike)
}

/// An address as one of IPv6, as the tables have it.
fn mapped(addr: IpAddr) -> Ipv6Addr {
    match addr {
        IpAddr::V4(addr) => addr.to_ipv6_mapped(),
        IpAddr::V6(addr) => addr,
    }
}

/// The value of the longest prefix that holds an address.
fn of_table(table: &[([u16; 8], u8, u8)], addr: IpAddr) -> u8 {
    let within = |(prefix, len, _): &&([u16; 8], u8, u8)| {
        Prefix::containing(Ipv6Addr::from(*prefix), *len).is_ok_and(|prefix| prefix.contains(mapped(addr)))
    };
    table.iter().filter(within).max_by_key(|(_, len, _)| *len).map_or(0, |(.., value)| *value)
}

/// glibc's labels, without a gai.conf.
fn label(addr: IpAddr) -> u8 {
    const TABLE: [([u16; 8], u8, u8); 8] = [
        ([0, 0, 0, 0, 0, 0, 0, 1], 128, 0),
        ([0; 8], 0, 1),
        ([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, 2),
        ([0; 8], 96, 3),
        ([0, 0, 0, 0, 0, 0xffff, 0, 0], 96, 4),
        ([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, 5),
        ([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, 6),
        ([0x2001, 0, 0, 0, 0, 0, 0, 0], 32, 7),
    ];
    of_table(&TABLE, addr)
}

/// glibc's precedences, without a gai.conf.
fn precedence(addr: IpAddr) -> u8 {
    const TABLE: [([u16; 8], u8, u8); 5] = [
        ([0, 0, 0, 0, 0, 0, 0, 1], 128, 50),
        ([0; 8], 0, 40),
        ([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, 30),
        ([0; 8], 96, 20),
        ([0, 0, 0, 0, 0, 0xffff, 0, 0], 96, 10),
    ];
    of_table(&TABLE, addr)
}

/// glibc's scopes, without a gai.conf.
fn scope(addr: IpAddr) -> u8 {
    match addr {
        IpAddr::V4(addr) if addr.is_link_local() || addr.is_loopback() => 2,
        IpAddr::V4(_) => 14,
        IpAddr::V6(addr) => AddrType::of(addr).src_scope.clamp(0, 14) as u8,
    }
}
