//! The source check of received packets (`fib_validate_source`, route-input section 6).

use std::net::Ipv4Addr;

use fingerpost_model::{RouteType, Scope};

use super::{DropReason, FibResult, Flow4, rules, source};
use crate::config::{Config, InDev, LOOPBACK};
use crate::trace::{Event, FullCheckCause, Purpose, Tracer, Validation};

/// What is known of the packet.
#[derive(Clone, Debug)]
pub struct Packet {
    /// Source.
    pub src: Ipv4Addr,
    /// Destination as the reverse lookup sees it: unspecified for broadcast and multicast.
    pub dst: Ipv4Addr,
    /// Ingress device.
    pub dev: u32,
    /// Egress device if it is forwarded, else 0.
    pub oif: u32,
    /// The packet's mark.
    pub mark: u32,
    /// Type-of-service byte without ECN bits.
    pub dscp: u8,
    /// Protocol and ports, zero when no rule needs them.
    pub transport: (u8, u16, u16),
}

/// A source that is accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    /// The source is a neighbour on the ingress device, so that a redirect could be sent.
    pub on_link: bool,
    /// Realms of the way back, source in the upper half.
    pub class_tag: u32,
}

/// Checks a source.
pub fn validate(
    config: &Config,
    ipv4: &InDev,
    packet: &Packet,
    tracer: &mut Tracer<'_>,
) -> Result<Accepted, DropReason> {
    let all = &config.sysctl.all;
    let rp_filter = ipv4.conf.rp_filter.max(all.rp_filter); // C-212
    let accept_local = ipv4.conf.accept_local != 0 || all.accept_local != 0;
    let redirects = ipv4.conf.send_redirects != 0 || all.send_redirects != 0;
    let cause = if rp_filter != 0 {
        Some(FullCheckCause::RpFilter)
    } else if config.fib.realm_users != 0 {
        Some(FullCheckCause::Realms)
    } else if packet.oif == packet.dev && redirects {
        Some(FullCheckCause::Redirects)
    } else if accept_local {
        None
    } else if config.fib.has_custom_local_routes {
        Some(FullCheckCause::CustomLocalRoutes)
    } else if config.fib.has_custom_rules {
        Some(FullCheckCause::CustomRules)
    } else {
        None
    };
    let result = match cause {
        None => {
            let own = !accept_local && source::is_interface_address(config, packet.src);
            tracer.event(|| Event::ValidateFast { own, accept_local });
            if own { Err(Validation::OwnAddress) } else { Ok(Accepted::default()) }
        }
        Some(cause) => {
            tracer.event(|| Event::ValidateFull { rp_filter, cause });
            full_check(config, ipv4, packet, rp_filter, accept_local, tracer)
        }
    };
    result.map_err(|validation| {
        tracer.event(|| Event::ValidateDone(validation));
        match validation {
            Validation::NotUnicast(_) => DropReason::IpInvalidSource,
            Validation::OwnAddress => DropReason::IpLocalSource,
            _ => DropReason::IpRpfilter,
        }
    })
}

/// The reverse lookup (`__fib_validate_source`).
fn full_check(
    config: &Config,
    ipv4: &InDev,
    packet: &Packet,
    rp_filter: i32,
    accept_local: bool,
    tracer: &mut Tracer<'_>,
) -> Result<Accepted, Validation> {
    let use_mark = ipv4.conf.src_valid_mark != 0 || config.sysctl.all.src_valid_mark != 0; // C-213
    let (proto, sport, dport) = packet.transport;
    let mut flow = Flow4 {
        src: packet.dst,
        iif: if packet.oif == 0 { LOOPBACK } else { packet.oif },
        l3mdev: config.links.l3_master(packet.dev),
        mark: if use_mark { packet.mark } else { 0 },
        dscp: packet.dscp,
        proto,
        sport: dport,
        dport: sport,
        ..Flow4::to(packet.src)
    };
    let last_resort = |on_failure, tracer: &mut Tracer<'_>| {
        if rp_filter != 0 {
            return Err(on_failure);
        }
        tracer.event(|| Event::ValidateDone(Validation::NoRouteButOff));
        Ok(Accepted::default())
    };
    tracer.event(|| Event::Begin { purpose: Purpose::ReversePath, flow: flow.clone() });
    let Ok(result) = rules::lookup(config, &mut flow, false, tracer) else {
        return last_resort(Validation::NoRoute, tracer);
    };
    match result.alias.kind {
        RouteType::UNICAST => {}
        RouteType::LOCAL if accept_local => {}
        RouteType::LOCAL => return Err(Validation::OwnAddress),
        other => return Err(Validation::NotUnicast(other)),
    }
    let class_tag = class_tag(config, &result);
    if uses_device(config, &result, packet.dev)
        || (result.alias.kind == RouteType::LOCAL && packet.dev == LOOPBACK)
    {
        tracer.event(|| Event::ValidateDone(Validation::SameDevice));
        return Ok(Accepted { on_link: is_on_link(config, &result), class_tag });
    }
    if ipv4.addrs.is_empty() {
        return last_resort(Validation::NoAddress, tracer); // C-210
    }
    if rp_filter == 1 {
        return Err(Validation::StrictOtherDevice);
    }
    flow.oif = packet.dev;
    tracer.event(|| Event::Begin { purpose: Purpose::ReversePathOnDevice, flow: flow.clone() });
    let on_link = rules::lookup(config, &mut flow, true, tracer)
        .is_ok_and(|result| result.alias.kind == RouteType::UNICAST && is_on_link(config, &result));
    tracer.event(|| Event::ValidateDone(Validation::OtherDevice));
    Ok(Accepted { on_link, class_tag })
}

/// Whether the way back needs no gateway.
fn is_on_link(config: &Config, result: &FibResult) -> bool {
    result.hop(config).is_some_and(|hop| hop.scope >= Scope::HOST)
}

/// Whether any hop uses a device, or is in the VRF that the device is (`fib_info_nh_uses_dev`).
pub(super) fn uses_device(config: &Config, result: &FibResult, dev: u32) -> bool {
    config
        .hops(config.fib.info(result.alias.info))
        .iter()
        .any(|hop| hop.dev == dev || config.links.l3_master(hop.dev) == dev)
}

/// Realms of the way back, halves exchanged (`fib_combine_itag`).
fn class_tag(config: &Config, result: &FibResult) -> u32 {
    let mut tag = result.hop(config).map_or(0, |hop| hop.realms) << 16;
    if tag == 0 {
        tag = result.rule_realms << 16;
    }
    tag | result.rule_realms >> 16
}
