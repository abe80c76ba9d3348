//! Router advertisements received (`ndisc_router_discovery`, T-67): whether each part of one is
//! believed, and what it says of the link. What it makes of routes and addresses is
//! [`advert6`]'s.

use std::net::{IpAddr, Ipv6Addr};

use fingerpost_model::{IfaFlags, MetricKind};
use fingerpost_net::wire::{Ipv6, nd};

use super::super::{Outcome, Packet, Stack};
use super::ndisc::{BAD_OPTIONS, IGNORED, Options, TOO_SMALL, mac_in, told};
use super::output::LEAST_MTU;
use crate::addrtype::AddrType;
use crate::config::{DevConf6, Preference};
use crate::control::addrconf;
use crate::control::advert6::{self, DefaultRoute, Router};
use crate::lookup::RouteRef;

/// An advertisement without options.
const FIXED: usize = 16;
/// Hop limits that the setting of the smallest one allows.
const ANY_HOP_LIMIT: i64 = 256;
/// A preference that is none, and counts as medium.
const RESERVED: u8 = 2;

impl Stack<'_, '_> {
    pub(super) fn router_advertised(
        &mut self,
        packet: &Packet,
        header: &Ipv6,
        message: &[u8],
    ) -> Result<Outcome, Outcome> {
        let (dev, src) = (packet.dev, header.source());
        if !AddrType::of(src).any(AddrType::LINK_LOCAL) {
            return Err(IGNORED);
        }
        let options = message.get(FIXED..).ok_or(TOO_SMALL)?;
        let options = Options::read(options).ok_or(BAD_OPTIONS)?;
        let conf = self.config.links.ipv6(dev).ok_or(IGNORED)?.conf.clone();
        let accepts = conf.accept_ra == 2 || conf.accept_ra != 0 && conf.forwarding == 0;
        let mut route = None;
        if accepts {
            route = self.take_router(dev, src, &conf, message)?;
            let word = |at: usize| {
                u32::from_be_bytes([message[at], message[at + 1], message[at + 2], message[at + 3]])
            };
            advert6::set_times(self.config, dev, word(8), word(12));
        }
        let key = (dev, IpAddr::V6(src));
        self.make_neighbour(key, false);
        let mac = mac_in(options.source)?;
        self.learn_neighbour(key, told(mac, Some(true)));
        if !accepts {
            return Ok(Outcome::Delivered);
        }
        let believes_routes = conf.accept_ra_rtr_pref != 0 && self.is_other(dev, src, &conf);
        for option in options.of_kind(nd::ROUTE).filter(|_| believes_routes) {
            let at = option.as_ptr() as usize - message.as_ptr() as usize;
            self.take_route(dev, src, &conf, &message[at..])?;
        }
        for option in options.of_kind(nd::PREFIX).filter(|_| conf.accept_ra_pinfo != 0) {
            self.take_prefix(dev, option, options.source.is_some())?;
        }
        if let Some(&[_, _, _, _, a, b, c, d, ..]) = options.mtu.filter(|_| conf.accept_ra_mtu != 0) {
            self.take_mtu(dev, route, u32::from_be_bytes([a, b, c, d]));
        }
        self.watch_routes6();
        Ok(Outcome::Delivered)
    }

    /// Whether an advertisement is another's, or own ones are believed as well.
    fn is_other(&self, dev: u32, src: Ipv6Addr, conf: &DevConf6) -> bool {
        let own = addrconf::address(self.config, dev, src);
        let is_own = own.is_some_and(|own| !own.effective_flags().has(IfaFlags::TENTATIVE));
        conf.accept_ra_from_local != 0 || !is_own
    }

    /// The default route, and the hop limit; an error where the route is refused.
    fn take_router(
        &mut self,
        dev: u32,
        src: Ipv6Addr,
        conf: &DevConf6,
        message: &[u8],
    ) -> Result<Option<RouteRef>, Outcome> {
        let (hop_limit, flags) = (message[4], message[5]);
        let lifetime = u16::from_be_bytes([message[6], message[7]]);
        let is_short = lifetime != 0 && u32::from(lifetime) < conf.accept_ra_min_lft as u32;
        if conf.accept_ra_defrtr == 0 || is_short || !self.is_other(dev, src, conf) {
            return Ok(None);
        }
        let pref = match flags >> 3 & 3 {
            RESERVED => Preference::MEDIUM,
            pref if conf.accept_ra_rtr_pref != 0 => Preference(pref),
            _ => Preference::MEDIUM,
        };
        let router = Router { dev, addr: src, lifetime, pref };
        let route = match self.reconfigure(|ns, env| advert6::set_default(ns, env, router)) {
            DefaultRoute::Refused => return Err(IGNORED),
            DefaultRoute::None => None,
            DefaultRoute::Known(at) => Some(at),
            DefaultRoute::Added(at) => {
                self.make_neighbour((dev, IpAddr::V6(src)), true);
                Some(at)
            }
        };
        let least = conf.accept_ra_min_hop_limit;
        if hop_limit != 0 && least < ANY_HOP_LIMIT && least <= i64::from(hop_limit) {
            if let Some(ipv6) = self.config.links.ipv6_mut(dev) {
                ipv6.conf.hop_limit = hop_limit.into();
            }
            if let Some(at) = route {
                self.reconfigure(|ns, _| {
                    advert6::set_metric(ns, at, MetricKind::HOPLIMIT, hop_limit.into());
                });
            }
        }
        Ok(route)
    }

    fn take_route(&mut self, dev: u32, src: Ipv6Addr, conf: &DevConf6, option: &[u8]) -> Result<(), Outcome> {
        let &[_, _, len, _, a, b, c, d, ..] = option else { return Ok(()) };
        let lifetime = u32::from_be_bytes([a, b, c, d]);
        let is_short = lifetime != 0 && lifetime < conf.accept_ra_min_lft as u32;
        let lengths = conf.accept_ra_rt_info_min_plen..=conf.accept_ra_rt_info_max_plen;
        if len == 0 && conf.accept_ra_defrtr == 0 || is_short || !lengths.contains(&i64::from(len)) {
            return Ok(());
        }
        let taken = self.reconfigure(|ns, env| advert6::set_route(ns, env, (dev, src), option));
        taken.ok_or(Outcome::Unknown("a route option shorter than its prefix"))
    }

    fn take_prefix(&mut self, dev: u32, option: &[u8], has_source: bool) -> Result<(), Outcome> {
        let made = self.reconfigure(|ns, env| advert6::set_prefix(ns, env, dev, option, has_source));
        match made {
            Err(name) => Err(Outcome::Unknown(name)),
            Ok(None) => Ok(()),
            Ok(Some(addr)) => {
                self.begin_detection(dev, addr);
                Ok(())
            }
        }
    }

    /// The link's MTU, and that of the router's route.
    fn take_mtu(&mut self, dev: u32, route: Option<RouteRef>, mtu: u32) {
        let most = self.config.links.get(dev).map_or(0, |link| link.mtu());
        let Some(ipv6) = self.config.links.ipv6_mut(dev) else { return };
        if !(LEAST_MTU as u32..=most).contains(&mtu) || ipv6.conf.mtu == i64::from(mtu) {
            return;
        }
        ipv6.conf.mtu = mtu.into();
        self.reconfigure(|ns, _| {
            if let Some(at) = route {
                advert6::set_metric(ns, at, MetricKind::MTU, mtu);
            }
            addrconf::change_mtu(ns, dev, mtu.into(), mtu);
        });
    }
}
