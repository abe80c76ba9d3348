//! IPv6 source addresses: which own address a packet gets
//! (`ipv6_dev_get_saddr`, RFC 6724), and whether an address is an own one.

use std::cmp::Ordering;
use std::net::Ipv6Addr;

use fingerpost_model::IfaFlags;

use crate::addrtype::AddrType;
use crate::config::{Config, If6Addr, In6Dev, Link};
use crate::trace::{Event, Event6, Source6Reason, Tracer};

/// A rule by which one source address is better than another, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule6724 {
    /// 1: the destination itself.
    Same,
    /// 2: the smallest scope that suffices.
    Scope,
    /// 3: neither deprecated nor optimistic.
    NotDeprecated,
    /// 5: an address of the egress device.
    Device,
    /// 6: the destination's label.
    Label,
    /// 7: public, or temporary where the device prefers that.
    Privacy,
    /// Linux's own: both or neither of ORCHID (RFC 4843).
    Orchid,
    /// 8: the longest prefix in common, as far as the address's own prefix reaches.
    Prefix,
    /// Linux's own: not optimistic.
    NotOptimistic,
}

impl Rule6724 {
    /// All rules in order.
    pub const ALL: [Rule6724; 9] = [
        Rule6724::Same,
        Rule6724::Scope,
        Rule6724::NotDeprecated,
        Rule6724::Device,
        Rule6724::Label,
        Rule6724::Privacy,
        Rule6724::Orchid,
        Rule6724::Prefix,
        Rule6724::NotOptimistic,
    ];
}

/// What candidates are measured against.
struct Target<'a> {
    config: &'a Config,
    dst: Ipv6Addr,
    dev: u32,
    scope: i8,
    label: u32,
}

/// The best address so far.
#[derive(Clone)]
struct Best<'a> {
    addr: &'a If6Addr,
    dev: &'a In6Dev,
    index: u32,
    why: Source6Reason,
}

/// Selects the source for a destination through a device, 0 for any.
pub fn select(config: &Config, dev: u32, dst: Ipv6Addr, tracer: &mut Tracer<'_>) -> Option<Ipv6Addr> {
    let kind = AddrType::of(dst);
    let label = config.labels.label(dst, dev);
    let target = Target { config, dst, dev, scope: kind.src_scope, label };
    let own = config.links.ipv6(dev);
    let only_of_device = dev != 0
        && (kind.is_multicast()
            || kind.src_scope <= 2
            || own.is_some_and(|d| d.conf.use_oif_addrs_only != 0));
    let (mut best, mut is_enough) = (None, false);
    let in_domain = |link: &&Link| config.links.l3_master(link.index()) == config.links.l3_master(dev);
    let master = config.links.l3_master(dev);
    if only_of_device {
        target.look_at(config.links.get(dev), &mut best, tracer);
    } else {
        if master != 0 {
            // Addresses of the device, then the VRF device's, before all others there.
            // Of one alone the scope was never computed: Linux reads what the stack
            // holds, which so far was taken to be wide enough (F-041).
            let devices = [dev, master];
            let candidates = |index: &u32| config.links.ipv6(*index).map_or(0, In6Dev::candidates);
            is_enough = devices.iter().map(candidates).sum::<usize>() == 1;
            for index in devices {
                target.look_at(config.links.get(index), &mut best, tracer);
            }
        }
        let mut all = is_enough.then(|| best.clone()).flatten();
        let (rest, mut off) = (if is_enough { &mut all } else { &mut best }, Tracer::off());
        for link in config.links.in_order().filter(in_domain) {
            target.look_at(Some(link), rest, if is_enough { &mut off } else { tracer });
        }
        if let (true, Some(best), Some(all)) = (is_enough, &best, &all)
            && best.addr.addr != all.addr.addr
        {
            let (addr, other) = (best.addr.addr, all.addr.addr);
            tracer.event(|| Event::V6(Event6::SourceByChance { addr, other }));
        }
    }
    let chosen = best.as_ref().map(|best| best.addr.addr);
    tracer.event(|| {
        let why = best.as_ref().map_or(Source6Reason::None, |best| best.why);
        Event::V6(Event6::Source { addr: chosen.unwrap_or(Ipv6Addr::UNSPECIFIED), why })
    });
    chosen
}

impl<'a> Target<'a> {
    /// Goes through the addresses of one device (`__ipv6_dev_get_saddr`).
    fn look_at(&self, link: Option<&'a Link>, best: &mut Option<Best<'a>>, tracer: &mut Tracer<'_>) {
        let Some((index, dev)) = link.and_then(|link| Some((link.index(), link.ipv6.as_ref()?))) else {
            return;
        };
        for addr in &dev.addrs {
            if !addr.is_candidate() {
                continue;
            }
            let Some(current) = best else {
                *best = Some(Best { addr, dev, index, why: Source6Reason::Only });
                continue;
            };
            let decision = Rule6724::ALL.into_iter().find_map(|rule| {
                let (old, new) = (
                    self.value(rule, current.addr, current.dev, current.index),
                    self.value(rule, addr, dev, index),
                );
                (old != new).then(|| (rule, new.cmp(&old)))
            });
            let (mut better, mut other) = (current.addr.addr, addr.addr);
            let rule = decision.map(|(rule, _)| rule);
            let why = rule.map_or(current.why, Source6Reason::Rule);
            match decision {
                Some((_, Ordering::Greater)) => {
                    std::mem::swap(&mut better, &mut other);
                    *best = Some(Best { addr, dev, index, why });
                }
                _ => current.why = why,
            }
            tracer.event(|| Event::V6(Event6::SourceCompared { better, other, rule }));
        }
    }

    /// Rule 2's number: negative of the scope when it suffices, else far below.
    fn scope_distance(&self, addr: &If6Addr) -> i32 {
        let scope = i32::from(AddrType::of(addr.addr).src_scope);
        if scope >= i32::from(self.scope) { -scope } else { scope - 128 }
    }

    /// How good an address is by a rule; more is better (`ipv6_get_saddr_eval`).
    fn value(&self, rule: Rule6724, addr: &If6Addr, dev: &In6Dev, index: u32) -> i32 {
        let all = &self.config.sysctl6.all;
        let orchid = |addr: Ipv6Addr| addr.to_bits() >> 100 == 0x200_1001;
        match rule {
            Rule6724::Same => i32::from(addr.addr == self.dst),
            Rule6724::Scope => self.scope_distance(addr),
            Rule6724::NotDeprecated => {
                let exempt = AddrType::MAPPED | AddrType::COMPATIBLE | AddrType::LOOPBACK;
                let optimistic_ok = (all.optimistic_dad != 0 || dev.conf.optimistic_dad != 0)
                    && (all.use_optimistic != 0 || dev.conf.use_optimistic != 0);
                let avoided = match optimistic_ok {
                    true => IfaFlags::DEPRECATED,
                    false => IfaFlags::DEPRECATED | IfaFlags::OPTIMISTIC,
                };
                i32::from(AddrType::of(addr.addr).any(exempt) || !addr.flags.any(avoided))
            }
            Rule6724::Device => i32::from(self.dev == 0 || self.dev == index),
            Rule6724::Label => i32::from(self.config.labels.label(addr.addr, index) == self.label),
            Rule6724::Privacy => {
                let prefers_temporary = dev.conf.use_tempaddr >= 2;
                i32::from(addr.flags.has(IfaFlags::SECONDARY) == prefers_temporary)
            }
            Rule6724::Orchid => i32::from(orchid(addr.addr) == orchid(self.dst)),
            Rule6724::Prefix => {
                let common = (addr.addr.to_bits() ^ self.dst.to_bits()).leading_zeros();
                common.min(addr.len.into()) as i32
            }
            Rule6724::NotOptimistic => i32::from(!addr.flags.has(IfaFlags::OPTIMISTIC)),
        }
    }
}

/// How an own address is looked for.
#[derive(Clone, Copy, Debug)]
pub struct Own {
    /// The device that it belongs to, or whose VRF it belongs to; 0 for outside of any.
    pub dev: u32,
    /// Any device of that domain will do.
    pub any_device: bool,
    /// Addresses with any of these flags are none.
    pub banned: IfaFlags,
}

/// Whether an address is an own one (`ipv6_chk_addr_and_flags` without `strict`):
/// of another device than the one asked for only if its scope is wide enough.
pub fn is_own(config: &Config, addr: Ipv6Addr, own: Own) -> bool {
    let domain = config.links.l3_master(own.dev);
    config.links.iter().any(|link| {
        let Some(ipv6) = &link.ipv6 else { return false };
        config.links.l3_master(link.index()) == domain
            && ipv6.addrs.iter().any(|have| {
                have.addr == addr
                    && !have.effective_flags().any(own.banned)
                    && (own.any_device || link.index() == own.dev || !have.is_of_link_or_host())
            })
    })
}

/// Whether an address can be used as source through a device (`ipv6_chk_addr`).
pub fn is_usable(config: &Config, addr: Ipv6Addr, dev: u32) -> bool {
    is_own(config, addr, Own { dev, any_device: dev == 0, banned: IfaFlags::TENTATIVE })
}
