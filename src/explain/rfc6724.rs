//! The rules of RFC 6724 by which Linux chooses an IPv6 source, in plain words.

use std::net::Ipv6Addr;

use fingerpost_engine::addrtype::AddrType;
use fingerpost_engine::config::{Config, If6Addr, Link};
use fingerpost_engine::lookup::source6::Rule6724;
use fingerpost_model::IfaFlags;

use super::wording::device;

/// A rule's number and subject.
pub(super) fn name(rule: Rule6724) -> &'static str {
    match rule {
        Rule6724::Same => "rule 1 (same address)",
        Rule6724::Scope => "rule 2 (scope)",
        Rule6724::NotDeprecated => "rule 3 (deprecated)",
        Rule6724::Device => "rule 5 (outgoing device)",
        Rule6724::Label => "rule 6 (label)",
        Rule6724::Privacy => "rule 7 (temporary)",
        Rule6724::Orchid => "Linux's rule of ORCHID",
        Rule6724::Prefix => "rule 8 (longest prefix)",
        Rule6724::NotOptimistic => "Linux's rule of optimistic addresses",
    }
}

/// Why one of two candidates is better, with the values compared.
pub(super) fn reason(
    config: &Config,
    rule: Option<Rule6724>,
    better: Ipv6Addr,
    other: Ipv6Addr,
    dst: Ipv6Addr,
    dev: u32,
) -> String {
    let owner = |addr| owner(config, addr, dev);
    let link_of = |addr| owner(addr).map_or(0, |(link, _)| link.index());
    let name_of = |addr| device(config, link_of(addr));
    let Some(rule) = rule else { return "the one seen first stays".into() };
    match rule {
        Rule6724::Same => "it is the destination itself".into(),
        Rule6724::Scope => {
            let [better, other, dst] = [better, other, dst].map(scope);
            format!("{better}, not {other}, for a destination of scope {dst}")
        }
        Rule6724::NotDeprecated => {
            let deprecated = owner(other).is_some_and(|(_, addr)| addr.flags.has(IfaFlags::DEPRECATED));
            format!("the other is {}", if deprecated { "deprecated" } else { "optimistic" })
        }
        Rule6724::Device => {
            format!("on {}, where the packet leaves, not on {}", name_of(better), name_of(other))
        }
        Rule6724::Label => {
            let label = |addr| config.labels.label(addr, link_of(addr));
            let wanted = config.labels.label(dst, dev);
            format!("label {}, not {}, for the destination's {wanted}", label(better), label(other))
        }
        Rule6724::Privacy => {
            let temporary = owner(better).is_some_and(|(_, addr)| addr.flags.has(IfaFlags::SECONDARY));
            match temporary {
                true => "it is temporary, which use_tempaddr prefers".into(),
                false => "the other is temporary, which use_tempaddr does not prefer".into(),
            }
        }
        Rule6724::Orchid => "of it and the destination both or neither are ORCHID addresses".into(),
        Rule6724::Prefix => {
            let common = |addr: Ipv6Addr| {
                let len = owner(addr).map_or(128, |(_, addr)| u32::from(addr.len));
                (addr.to_bits() ^ dst.to_bits()).leading_zeros().min(len)
            };
            let (better, other) = (common(better), common(other));
            format!("{better} bits in common with the destination, not {other}")
        }
        Rule6724::NotOptimistic => "the other is optimistic".into(),
    }
}

/// The device that has an address, the one given if it does.
fn owner(config: &Config, addr: Ipv6Addr, dev: u32) -> Option<(&Link, &If6Addr)> {
    let on = |link: &'_ Link| -> Option<usize> {
        link.ipv6.as_ref()?.addrs.iter().position(|have| have.addr == addr)
    };
    let preferred = config.links.get(dev).into_iter();
    let link = preferred.chain(config.links.iter()).find(|link| on(link).is_some())?;
    Some((link, link.ipv6.as_ref()?.addrs.iter().find(|have| have.addr == addr)?))
}

/// A scope's name (RFC 4291, section 2.7).
pub(super) fn scope(addr: Ipv6Addr) -> String {
    match AddrType::of(addr).src_scope {
        1 => "interface-local".into(),
        2 => "link-local".into(),
        5 => "site-local".into(),
        8 => "organization-local".into(),
        14 => "global".into(),
        -1 => "none".into(),
        other => other.to_string(),
    }
}
