//! What the sender of a dropped packet hears of it, and how often (`icmp6_send`,
//! C-315 to C-317). Not here: which error it is.

use std::net::Ipv6Addr;

use fingerpost_model::IfaFlags;
use fingerpost_net::Errno;

use super::source6::{self, Own};
use super::{Decision6, Flow6, Output, output6};
use crate::addrtype::AddrType;
use crate::config::{Config, RtFlags};
use crate::control::sysctl;
use crate::namespace::{Env, Namespace};
use crate::state::State;
use crate::trace::Tracer;

/// `ICMPV6_DEST_UNREACH`.
const UNREACHABLE: u8 = 1;
/// `IPPROTO_ICMPV6`.
const ICMPV6: u8 = 58;

/// Bytes of the dropped packet that an error quotes at most: with its own headers
/// it has to fit into the smallest MTU of IPv6, 1280 (RFC 4443, section 2.4).
pub const QUOTED: u32 = 1280 - 40 - 8;

/// How often one destination is sent an error (`icmpv6_xrlim_allow`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// How many at once, after a pause: a receiver that is new is owed those of a minute (T-53).
    pub burst: u32,
    /// Milliseconds until the next one.
    pub interval: u32,
    /// Whether the wider the prefix of the way to it, the shorter the interval:
    /// `interval >> (128 - len) / 32`.
    pub is_of_prefix: bool,
}

/// What is known of the dropped packet.
#[derive(Clone, Copy, Debug)]
pub struct Dropped {
    /// Its destination.
    pub dst: Ipv6Addr,
    /// Its source, who is to hear.
    pub src: Ipv6Addr,
    /// Where it was received.
    pub iif: u32,
    /// Its mark.
    pub mark: u32,
}

/// Whether a sender hears that its destination is unreachable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hearing {
    /// The source is no single node's.
    NobodySource,
    /// Packets to groups are answered with no error.
    GroupDestination,
    /// No way leads back.
    NoWay(Errno),
    /// The source is known as an anycast address (`ipv6_anycast_destination`).
    AnycastSource,
    /// The source is an address of this host, where the error stays.
    OwnSource,
    /// It came by a VRF, of which errors are not modelled.
    InVrf,
    /// It does, each time.
    Each,
    /// It does, so often.
    Limited(Limit),
}

/// Whether the sender of a dropped packet hears of it, on a host that has sent nothing yet.
pub fn hearing(ns: &Namespace, env: Env<'_>, packet: Dropped) -> Hearing {
    let Dropped { dst, src, iif, .. } = packet;
    let config = &ns.config;
    if src.is_unspecified() || src.is_multicast() {
        return Hearing::NobodySource;
    }
    if dst.is_multicast() {
        return Hearing::GroupDestination;
    }
    let in_vrf = config.links.get(iif).is_some_and(|link| link.vrf_table().is_some());
    if in_vrf || config.links.l3_master(iif) != 0 {
        return Hearing::InVrf;
    }
    let bare = Flow6 { proto: ICMPV6, ..Flow6::to(src) };
    let reflects = sysctl::number6_of(config, "fwmark_reflect") != 0;
    let open = Flow6 {
        oif: if AddrType::of(src).needs_device() { iif } else { 0 },
        mark: if reflects { packet.mark } else { 0 },
        ..bare.clone()
    };
    let resolve = |mut flow: Flow6| {
        let (state, tracer) = (&mut State::default(), &mut Tracer::off());
        output6::resolve(config, state, env, &mut flow, tracer)
    };
    // Where the way back prefers a source, that is chosen once it is found.
    let prefers = || resolve(bare.clone()).is_ok_and(|decision| has_preferred(config, &decision));
    let source = own_destination(config, dst, iif).or_else(|| {
        let of_device = || source6::select(config, iif, src, &mut Tracer::off());
        if prefers() { None } else { of_device() }
    });
    let flow = Flow6 { src: source.unwrap_or(Ipv6Addr::UNSPECIFIED), has_source: source.is_some(), ..open };
    match resolve(flow) {
        Err(errno) => Hearing::NoWay(errno),
        Ok(decision) if decision.output == Output::Discard => Hearing::NoWay(Errno::ENETUNREACH),
        Ok(decision) if is_anycast(config, &decision) && !counts_as_unicast(config) => Hearing::AnycastSource,
        Ok(decision) if config.links.get(decision.dev).is_some_and(|link| link.is_loopback()) => {
            Hearing::OwnSource
        }
        Ok(_) => limit(config, env).map_or(Hearing::Each, Hearing::Limited),
    }
}

/// The dropped packet's destination, if an error can come from there.
pub(crate) fn own_destination(config: &Config, dst: Ipv6Addr, iif: u32) -> Option<Ipv6Addr> {
    let own = Own { dev: iif, any_device: false, banned: IfaFlags::TENTATIVE };
    let of_link = AddrType::of(dst).needs_device();
    let is_anycast = || {
        let devices = config.links.iter().filter(|link| !of_link || link.index() == iif);
        devices
            .filter_map(|link| link.ipv6.as_ref())
            .any(|ipv6| ipv6.anycast.iter().any(|own| own.addr == dst))
    };
    (source6::is_own(config, dst, own) || is_anycast()).then_some(dst)
}

/// Whether the way back prefers a source (`icmpv6_rt_has_prefsrc`).
pub(crate) fn has_preferred(config: &Config, decision: &Decision6) -> bool {
    decision.found.route.get(config).is_some_and(|route| route.prefsrc.is_some())
}

/// Whether the destination is known as an anycast address (`ipv6_anycast_destination`).
pub(crate) fn is_anycast(config: &Config, decision: &Decision6) -> bool {
    let flags = decision.flags;
    let own_subnet = || {
        decision.found.route.get(config).is_some_and(|route| {
            route.dst.len() < 127
                && !flags.any(RtFlags::GATEWAY | RtFlags::NONEXTHOP)
                && decision.gateway.is_none()
                && route.dst.addr() == decision.destination
        })
    };
    flags.any(RtFlags::ANYCAST) || own_subnet()
}

/// Whether errors go to anycast addresses too.
pub(crate) fn counts_as_unicast(config: &Config) -> bool {
    sysctl::number6_of(config, "icmp/error_anycast_as_unicast") == 1
}

/// Whether messages of a type are limited (`icmpv6_mask_allow`).
pub(crate) fn is_limited(config: &Config, kind: u8) -> bool {
    sysctl::text6_of(config, "icmp/ratemask").trim().split(',').any(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let ends = (first.parse::<u8>(), last.parse::<u8>());
        matches!(ends, (Ok(first), Ok(last)) if (first..=last).contains(&kind))
    })
}

/// The limit of errors about destinations; `None` where they are not limited.
fn limit(config: &Config, env: Env<'_>) -> Option<Limit> {
    let interval = sysctl::number6_of(config, "icmp/ratelimit").try_into().ok();
    let interval: u32 = interval.filter(|&interval| interval > 0)?;
    let burst = (60_000 / interval).min(6);
    let is_of_prefix = env.behaviour.icmp6_limit_is_of_prefix;
    is_limited(config, UNREACHABLE).then_some(Limit { burst, interval, is_of_prefix })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::behaviour::Behaviour;
    use crate::state::Time;

    fn limit_with(settings: &[(&str, &str)], release: &str) -> Option<Limit> {
        let mut ns = Namespace::default();
        for (name, value) in settings {
            ns.config.sysctl.other.insert(format!("ipv6/icmp/{name}"), value.to_string());
        }
        let behaviour = Behaviour::of_release(release);
        limit(&ns.config, Env { behaviour: &behaviour, now: Time(0) })
    }

    #[test]
    fn c317_t53_errors_are_limited_as_the_settings_say() {
        let each = |interval| Some(Limit { burst: 6, interval, is_of_prefix: false });
        assert_eq!(limit_with(&[], "6.18"), each(100));
        assert_eq!(limit_with(&[("ratelimit", "1000")], "6.18"), each(1000));
        assert_eq!(limit_with(&[("ratelimit", "0")], "6.18"), None);
        let burst = |interval| limit_with(&[("ratelimit", interval)], "6.18").map(|limit| limit.burst);
        assert_eq!(["8000", "25000", "60001"].map(burst), [Some(6), Some(2), Some(0)]);
        assert_eq!(limit_with(&[("ratemask", "0,3-127")], "6.18"), None);
        assert_eq!(limit_with(&[("ratemask", "1")], "6.18"), each(100));
        assert!(limit_with(&[], "6.12").is_some_and(|limit| limit.is_of_prefix));
    }
}
