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
    let check = Check::of(config, ipv4, packet.dev);
    let (rp_filter, accept_local) = (check.rp_filter, check.accept_local);
    let result = match full_check_cause(config, ipv4, &check, packet.oif == packet.dev) {
        None => {
            let own = !accept_local && source::is_interface_address(config, packet.src);
            tracer.event(|| Event::ValidateFast { own, accept_local });
            if own { Err(Validation::OwnAddress) } else { Ok(Accepted::default()) }
        }
        Some(cause) => {
            tracer.event(|| Event::ValidateFull { rp_filter, cause });
            full_check(config, ipv4, packet, &check, tracer)
        }
    };
    result.map_err(|validation| {
        tracer.event(|| Event::ValidateDone(validation));
        reason(validation)
    })
}

/// What the check of a source depends on besides the way back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Check {
    /// The device.
    pub dev: u32,
    /// 0 off, 1 strict, 2 loose; the larger of the device's and that of all (C-212).
    pub rp_filter: i32,
    /// Own addresses are accepted.
    pub accept_local: bool,
    /// The device has addresses.
    pub has_addresses: bool,
}

impl Check {
    /// The check on a device.
    pub(crate) fn of(config: &Config, ipv4: &InDev, dev: u32) -> Check {
        let all = &config.sysctl.all;
        Check {
            dev,
            rp_filter: ipv4.conf.rp_filter.max(all.rp_filter),
            accept_local: ipv4.conf.accept_local != 0 || all.accept_local != 0,
            has_addresses: !ipv4.addrs.is_empty(),
        }
    }
}

/// Why the way back is looked up; `None` where it is not. `turns_back` says whether the
/// packet leaves by the device that it came in on.
pub(crate) fn full_check_cause(
    config: &Config,
    ipv4: &InDev,
    check: &Check,
    turns_back: bool,
) -> Option<FullCheckCause> {
    let redirects = ipv4.conf.send_redirects != 0 || config.sysctl.all.send_redirects != 0;
    if check.rp_filter != 0 {
        Some(FullCheckCause::RpFilter)
    } else if config.fib.realm_users != 0 {
        Some(FullCheckCause::Realms)
    } else if turns_back && redirects {
        Some(FullCheckCause::Redirects)
    } else if check.accept_local {
        None
    } else if config.fib.has_custom_local_routes {
        Some(FullCheckCause::CustomLocalRoutes)
    } else if config.fib.has_custom_rules {
        Some(FullCheckCause::CustomRules)
    } else {
        None
    }
}

/// The reason with which a packet is dropped.
#[inline]
pub(crate) fn reason(validation: Validation) -> DropReason {
    match validation {
        Validation::NotUnicast(_) => DropReason::IpInvalidSource,
        Validation::OwnAddress => DropReason::IpLocalSource,
        _ => DropReason::IpRpfilter,
    }
}

/// What the way back, its type and whether it uses the ingress device, says of a
/// source; `None` where there is none.
#[inline]
pub(crate) fn judge(check: &Check, back: Option<(RouteType, bool)>) -> Result<Validation, Validation> {
    let last_resort = |on_failure| match check.rp_filter {
        0 => Ok(Validation::NoRouteButOff),
        _ => Err(on_failure),
    };
    let Some((kind, uses_device)) = back else { return last_resort(Validation::NoRoute) };
    match kind {
        RouteType::UNICAST => {}
        RouteType::LOCAL if check.accept_local => {}
        RouteType::LOCAL => return Err(Validation::OwnAddress),
        other => return Err(Validation::NotUnicast(other)),
    }
    if uses_device || (kind == RouteType::LOCAL && check.dev == LOOPBACK) {
        return Ok(Validation::SameDevice);
    }
    if !check.has_addresses {
        return last_resort(Validation::NoAddress); // C-210
    }
    if check.rp_filter == 1 {
        return Err(Validation::StrictOtherDevice);
    }
    Ok(Validation::OtherDevice)
}

/// The reverse lookup (`__fib_validate_source`).
fn full_check(
    config: &Config,
    ipv4: &InDev,
    packet: &Packet,
    check: &Check,
    tracer: &mut Tracer<'_>,
) -> Result<Accepted, Validation> {
    let mut flow = packet.way_back(uses_mark(config, ipv4), config.links.l3_master(packet.dev));
    tracer.event(|| Event::Begin { purpose: Purpose::ReversePath, flow: flow.clone() });
    let result = rules::lookup(config, &mut flow, false, tracer).ok();
    let back = result.map(|result| (result.alias.kind, uses_device(config, &result, packet.dev)));
    let verdict = judge(check, back)?;
    let accepted = match result.filter(|_| verdict != Validation::NoRouteButOff) {
        None => Accepted::default(),
        Some(result) => {
            let way = match verdict {
                Validation::SameDevice => Some(result),
                _ => {
                    flow.oif = packet.dev;
                    let purpose = Purpose::ReversePathOnDevice;
                    tracer.event(|| Event::Begin { purpose, flow: flow.clone() });
                    let found = rules::lookup(config, &mut flow, true, tracer).ok();
                    found.filter(|found| found.alias.kind == RouteType::UNICAST)
                }
            };
            let on_link = way.is_some_and(|way| is_on_link(config, &way));
            Accepted { on_link, class_tag: class_tag(config, &result) }
        }
    };
    tracer.event(|| Event::ValidateDone(verdict));
    Ok(accepted)
}

/// Whether the way back is looked up with the packet's mark (C-213).
pub(crate) fn uses_mark(config: &Config, ipv4: &InDev) -> bool {
    ipv4.conf.src_valid_mark != 0 || config.sysctl.all.src_valid_mark != 0
}

impl Packet {
    /// The flow of the way back.
    pub(crate) fn way_back(&self, use_mark: bool, l3mdev: u32) -> Flow4 {
        let (proto, sport, dport) = self.transport;
        Flow4 {
            src: self.dst,
            iif: if self.oif == 0 { LOOPBACK } else { self.oif },
            l3mdev,
            mark: if use_mark { self.mark } else { 0 },
            dscp: self.dscp,
            proto,
            sport: dport,
            dport: sport,
            ..Flow4::to(self.src)
        }
    }
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
pub(crate) fn class_tag(config: &Config, result: &FibResult) -> u32 {
    let mut tag = result.hop(config).map_or(0, |hop| hop.realms) << 16;
    if tag == 0 {
        tag = result.rule_realms << 16;
    }
    tag | result.rule_realms >> 16
}
