//! What ICMPv6 teaches about a destination: path MTUs (`ip6_update_pmtu`, T-55) and other
//! gateways (`ip6_redirect`, T-56), and how that is forgotten.

use std::net::{IpAddr, Ipv6Addr};

use fingerpost_model::{MetricKind, NeighFlags};
use fingerpost_net::wire::{Header, Ipv6};

use super::super::neighbour::Update;
use super::super::sockets::SocketId;
use super::super::timers::{Due, Timer};
use super::super::{Outcome, Packet, Stack};
use super::is_multipath;
use super::ndisc::{FIXED_REDIRECT, Options, mac_in, told};
use super::output::LEAST_MTU;
use crate::addrtype::AddrType;
use crate::config::RtFlags;
use crate::control::{route6, sync6};
use crate::lookup::exception6::{Exception6, HopId6};
use crate::lookup::{Flow6, RouteRef, output6, redirect6};
use crate::state::Time;

impl Stack<'_, '_> {
    /// Packets to a destination may be so long at most, somebody says: whoever it is.
    /// A socket's packet was sent by its device with its mark, if it has such.
    pub(super) fn learn_mtu6(
        &mut self,
        about: &Packet,
        quoted: &Ipv6,
        mtu: u32,
        socket: Option<SocketId>,
    ) -> Outcome {
        let (src, dst) = (quoted.source(), quoted.destination());
        let options = socket.and_then(|id| self.state.sockets.get(id)).map(|socket| &socket.options);
        let (oif, mark, uid) = match options {
            Some(options) => (options.dev, options.mark, options.uid),
            None => (about.dev, 0, 0),
        };
        let mut flow = Flow6 {
            src,
            oif,
            uid,
            mark: if mark != 0 { mark } else { self.reply_mark6(about) },
            dscp: quoted.traffic_class() & 0xfc,
            flowlabel: quoted.flow_label(),
            ..Flow6::to(dst)
        };
        let resolved = output6::resolve(self.config, self.state, self.env, &mut flow, self.tracer);
        let Ok(decision) = resolved else { return Outcome::Delivered };
        if is_multipath(self.config, &decision) {
            let unknown = match socket {
                Some(_) => Some("the leg that a path MTU belongs to"),
                None => self.unknown_seed(),
            };
            if let Some(unknown) = unknown {
                return Outcome::Unknown(unknown);
            }
        }
        if mtu >= LEAST_MTU as u32 && mtu < decision.mtu {
            let lifetime = self.setting6("route/mtu_expires").max(0) as u64;
            let expires = Some(Time(self.now().0.saturating_add(lifetime * 1000)));
            let learned =
                Exception6 { mtu: Some(mtu), gateway: decision.gateway, expires, since: self.now() };
            self.state.exceptions6.learn(self.config, &decision.found, (src, dst), learned);
            self.watch_routes6();
        }
        Outcome::Delivered
    }

    /// Another router is better for a destination, or it is on the link, the present router
    /// says (`ip6_redirect`, `ip6_redirect_no_header`, `rt6_do_redirect`): the present one
    /// for the packet that is quoted, or else for the destination that is named.
    pub(super) fn learn_redirect6(&mut self, about: &Packet, quoted: Option<&Ipv6>) {
        let dev = about.dev;
        let Some(&header) = Ipv6::read(&about.bytes) else { return };
        let message = &about.bytes[about.six.at..];
        let addr = |at: usize| message.get(at..at + 16).and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
        let (Some(target), Some(dst)) = (addr(8), addr(24)) else { return };
        let (target, dst) = (Ipv6Addr::from(target), Ipv6Addr::from(dst));
        let is_on_link = target == dst;
        if dst.is_multicast() || !is_on_link && !AddrType::of(target).is_link_local_unicast() {
            return;
        }
        let Some(ipv6) = self.config.links.ipv6(dev) else { return };
        if ipv6.conf.forwarding != 0 || ipv6.conf.accept_redirects == 0 {
            return;
        }
        let Some(options) = Options::read(&message[FIXED_REDIRECT..]) else { return };
        let Ok(mac) = mac_in(options.target) else { return };
        let mut flow = Flow6 { src: header.destination(), has_source: true, oif: dev, ..Flow6::to(dst) };
        if let Some(quoted) = quoted {
            flow.src = quoted.source();
            flow.dst = quoted.destination();
            flow.dscp = quoted.traffic_class() & 0xfc;
            flow.flowlabel = quoted.flow_label();
        }
        let found =
            redirect6::lookup(self.config, self.state, self.env, &mut flow, header.source(), self.tracer);
        let Some(present) = found else { return };
        let (found, gateway, has_mtu) = (
            present.found(),
            present.gateway(),
            present.route.metrics.get(MetricKind::MTU).unwrap_or(0) != 0,
        );
        let is_shared = present.route.nh_id.is_some() && present.learned.is_some();
        let src = present.route.src.addr();
        self.confirm((dev, IpAddr::V6(gateway.unwrap_or(header.source()))));
        let key = (dev, IpAddr::V6(target));
        self.learn_neighbour(key, Update { is_router: (!is_on_link).then_some(true), ..told(mac, None) });
        if !self.knows(key) && self.without_resolution(key.0, key.1).is_none() {
            return;
        }
        // With a route's own MTU nothing is noted beside it, nor with an object whose hop is not this.
        if has_mtu || is_shared {
            return;
        }
        let gateway = (!is_on_link).then_some(target);
        let learned = Exception6 { mtu: None, gateway, expires: None, since: self.now() };
        self.state.exceptions6.learn(self.config, &found, (src, dst), learned);
        self.watch_routes6();
    }

    /// A router is none any more, its advertisement as a neighbour says (`rt6_clean_tohost`).
    pub(super) fn forget_router(&mut self, router: Ipv6Addr) {
        let is_gone = RtFlags::ADDRCONF | RtFlags::DEFAULT;
        self.reconfigure(|ns, _| {
            let mut gone: Vec<RouteRef> = Vec::new();
            let mut kept: Vec<HopId6> = Vec::new();
            for route in ns.config.fib6.tables.iter().flat_map(|table| table.routes()) {
                match route.flags.all(is_gone) && route.hop.gateway == Some(IpAddr::V6(router)) {
                    _ if route.nh_id.is_some() => {}
                    true => gone.push(RouteRef::to(route)),
                    false => kept.push(HopId6::Route(route.id)),
                }
            }
            for route in gone {
                route6::remove(ns, route);
            }
            ns.state.exceptions6.retain(|hop, known| known.gateway != Some(router) || !kept.contains(&hop));
        });
    }

    /// What was learned, and routes that end, are looked at after a while (`fib6_force_start_gc`).
    pub(super) fn watch_routes6(&mut self) {
        if self.state.exceptions_until.is_none() {
            let at = self.next_collection();
            self.state.exceptions_until = Some(at);
            self.state.timers.set(Timer::Exceptions6, None, Some(Due::exactly(at)));
        }
    }

    /// The next look that finds something to forget, of those that are an interval apart. What
    /// leads to a gateway is looked at each time, since that may be a router no longer.
    fn next_collection(&self) -> Time {
        let (now, interval) = (self.now().0, self.collection_interval().max(1_000));
        let routes = self.config.fib6.tables.iter().flat_map(|table| table.routes());
        let ends = routes.filter(|route| route.flags.any(RtFlags::EXPIRES));
        let ends = ends.filter_map(|route| route.expires).map(|at| at.max(0) as u64);
        let first = ends.chain(self.state.exceptions6.first_look().map(|at| at.0)).min().unwrap_or(now);
        let looks = first.saturating_sub(now).div_ceil(interval).max(1);
        Time(now.saturating_add(looks.saturating_mul(interval)))
    }

    /// Milliseconds between two looks at what may be forgotten.
    fn collection_interval(&self) -> u64 {
        self.setting6("route/gc_interval").max(0) as u64 * 1000
    }

    /// What is over is forgotten, and without an end what was learned so long ago; and what
    /// leads to a gateway that is not known as a router (`rt6_age_examine_exception`).
    pub(in crate::path) fn forget_exceptions6(&mut self) {
        let (now, interval) = (self.now(), self.collection_interval());
        self.state.exceptions_until = None;
        let neighbours = &self.config.neighbours.entries;
        let is_router = |dev: u32, gateway: Ipv6Addr| {
            let entry = neighbours.get(&(dev, IpAddr::V6(gateway)));
            entry.is_some_and(|entry| entry.flags.has(NeighFlags::ROUTER))
        };
        let device = |hop| crate::lookup::exception6::device(self.config, hop);
        self.state.exceptions6.retain(|hop, known| {
            let is_over = match known.expires {
                Some(at) => now > at,
                None => now.0 >= known.since.0.saturating_add(interval),
            };
            !is_over && known.gateway.is_none_or(|gateway| is_router(device(hop), gateway))
        });
        self.reconfigure(|ns, env| sync6::collect(ns, env.now));
        let routes = self.config.fib6.tables.iter().flat_map(|table| table.routes());
        let ends = routes.filter(|route| route.flags.any(RtFlags::EXPIRES)).count();
        if ends > 0 || !self.state.exceptions6.is_empty() {
            self.watch_routes6();
        }
    }
}
