//! UDP and raw sockets send IPv6 (`udpv6_sendmsg`, `rawv6_sendmsg`, `ip6_make_skb`).

use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};

use fingerpost_net::Errno;
use fingerpost_net::wire::{Checksum, Fragment6, Header, Ipv6, Udp, next};
use zerocopy::IntoBytes;

use super::super::six::Made6;
use super::super::waiting::{Cut, Owner};
use super::super::{Sender, Stack};
use super::options::{Control, Discovery, Options};
use super::{Held6, Holds6, Kind, SocketId, Way, scope};
use crate::addrtype::AddrType;
use crate::counters::Counter;
use crate::lookup::source6::{self, Own};
use crate::lookup::{Decision6, Flow6, RouteRef, output6, rules6};
use fingerpost_model::IfaFlags;

/// The most that a packet carries behind its header (`IPV6_MAXPLEN`).
const MOST: usize = 0xffff;

impl Stack<'_, '_> {
    /// Sends a datagram of IPv6, to the peer if no destination is named.
    pub(super) fn send6(
        &mut self,
        id: SocketId,
        to: Option<SocketAddr>,
        control: &Control,
        data: &[u8],
    ) -> Result<usize, Errno> {
        let socket = self.state.sockets.get(id).ok_or(Errno::EBADF)?;
        let (kind, options) = (socket.kind, socket.options.clone());
        let target = to.or(socket.peer).ok_or(Errno::EDESTADDRREQ)?;
        let (mut dst, own) = (as_v6(target.ip()), as_v6(socket.source));
        let is_udp = kind == Kind::Udp;
        if is_udp && target.port() == 0 {
            return Err(Errno::EINVAL);
        }
        // Of raw sockets a named port is the protocol.
        let number = u16::from(kind.number());
        let named = to.map_or(0, |to| to.port());
        let is_wrong = match number {
            255 => named > 255,
            number => named != 0 && named != number,
        };
        if !is_udp && is_wrong {
            return Err(Errno::EINVAL);
        }
        if dst.is_unspecified() {
            dst = Ipv6Addr::LOCALHOST;
        }
        let is_plain = *control == Control::default() && !dst.is_multicast();
        let is_connected = is_udp && to.is_none() && is_plain;
        // Of the peer the device is the socket's, which may be another by now.
        let named = if to.is_some() && AddrType::of(dst).needs_link() { scope(target) } else { 0 };
        let before = if named != 0 { named } else { options.dev };
        if control.dev != 0 && before != 0 && control.dev != before {
            return Err(Errno::EINVAL);
        }
        let oif = [control.dev, before, self.usual_device(&options, dst)]
            .into_iter()
            .find(|&dev| dev != 0)
            .unwrap_or(0);
        let src = match control.source {
            Some(IpAddr::V6(source)) if !source.is_unspecified() => {
                // The device that is usual counts for the lookup alone.
                let dev = if control.dev != 0 { control.dev } else { before };
                let may_be_any =
                    options.free_bind || options.transparent || self.setting6("ip_nonlocal_bind") != 0;
                let is_of_link = AddrType::of(source).any(AddrType::LINK_LOCAL);
                if is_of_link && dev == 0 || !may_be_any && !self.may_be_told(source, dev) {
                    return Err(Errno::EINVAL);
                }
                source
            }
            _ => own,
        };
        let held = if is_udp { self.held6(id, (src, dst), oif) } else { None };
        let (decision, src) = match held {
            Some(decision) => (decision, src),
            None => {
                let sport = self.state.sockets.get(id).map_or(0, |socket| socket.port);
                let dport = match (kind, data) {
                    (Kind::Raw(next::ICMPV6), [kind, code, ..]) => u16::from_be_bytes([*kind, *code]),
                    (Kind::Raw(_), _) => 0,
                    (Kind::Udp | Kind::Tcp, _) => target.port(),
                };
                let tos = control.tos.unwrap_or(options.tos);
                let mut flow = Flow6 {
                    src,
                    oif,
                    dscp: tos & 0xfc,
                    sport: if is_udp { sport } else { 0 },
                    dport,
                    ..flow6(&options, kind, dst)
                };
                let decision = self.route6(&mut flow, options.dev != 0)?;
                if is_connected {
                    let way = self.holding6(&decision);
                    self.keep_way(id, Some(way));
                }
                (decision, flow.src)
            }
        };
        if !is_udp && options.with_header {
            return self.send_with_header6(id, &options, decision, dst, data);
        }
        self.send_datagram6(id, (kind, target.port()), control, decision, (src, dst), data)
    }

    /// Whether a datagram can be told to have a source: an address of this host, also one that
    /// is others' too (`ip6_datagram_send_ctl`).
    fn may_be_told(&self, source: Ipv6Addr, dev: u32) -> bool {
        let is_of_link = source.is_unicast_link_local();
        let own = Own { dev, any_device: dev == 0, banned: IfaFlags::TENTATIVE };
        source6::is_own(self.config, source, own)
            || self.config.links.iter().filter(|link| !is_of_link || link.index() == dev).any(|link| {
                let anycast = link.ipv6.iter().flat_map(|ipv6| &ipv6.anycast);
                anycast.into_iter().any(|anycast| anycast.addr == source)
            })
    }

    /// Sends a packet whose header the sender wrote (`rawv6_send_hdrinc`).
    fn send_with_header6(
        &mut self,
        id: SocketId,
        options: &Options,
        decision: Decision6,
        dst: Ipv6Addr,
        data: &[u8],
    ) -> Result<usize, Errno> {
        let of_device = self.config.links.get(decision.dev).map_or(0, |link| link.mtu());
        if data.len() > of_device as usize {
            self.local_error(id, Errno::EMSGSIZE, (dst.into(), 0), of_device);
            return Err(Errno::EMSGSIZE);
        }
        if data.len() < Ipv6::LEN {
            return Err(Errno::EINVAL);
        }
        self.pending_error(id, Counter::Ip6OutDiscards)?;
        if !self.has_send_room(id, Cut::whole(data.len())) {
            return Ok(data.len());
        }
        let made = Made6 {
            next: next::NONE,
            traffic_class: 0,
            flow_label: 0,
            mark: options.mark,
            may_cut: false,
            hop_limit: None,
            // The header may name another destination (`FLOWI_FLAG_KNOWN_NH`).
            sender: Some(Sender { next: Some(dst), ..super::datagram::sender(options) }),
            owner: Owner::Socket(id),
        };
        let sent = self.send_whole6(made, decision, data.to_vec());
        self.count_unsent(sent, Counter::Ip6OutDiscards).map(|()| data.len())
    }

    /// The device of destinations that name none and that no option of the socket binds.
    fn usual_device(&self, options: &Options, dst: Ipv6Addr) -> u32 {
        if dst.is_multicast() { options.multicast_dev } else { options.unicast_dev }
    }

    /// The decision that a socket keeps, for packets from its source to its peer by no other
    /// device, whatever else they are told (`ip6_sk_dst_check` of kernels that know routes by
    /// source); one that holds no longer is forgotten.
    fn held6(&mut self, id: SocketId, (src, dst): (Ipv6Addr, Ipv6Addr), oif: u32) -> Option<Decision6> {
        let socket = self.state.sockets.get(id)?;
        match &socket.way {
            Some(Way::Six(held)) => {
                let is_from_it = socket.source == IpAddr::V6(src);
                let is_for_it = socket.peer.is_some_and(|peer| peer.ip() == dst);
                let is_by_it = oif == 0 || oif == held.decision.dev;
                let Some(current) = self.current6(held) else {
                    self.keep_way(id, None);
                    return None;
                };
                (is_from_it && is_for_it && is_by_it).then_some(current)
            }
            Some(Way::Four(held)) if self.is_current4(held) => None,
            _ => {
                self.keep_way(id, None);
                None
            }
        }
    }

    /// Looks for the way to a socket's peer anew; if there is none, all stays
    /// (`ip6_datagram_dst_update`).
    pub(super) fn find_way6(&mut self, id: SocketId, dst: Ipv6Addr, dport: u16) {
        let Some(socket) = self.state.sockets.get(id) else { return };
        let (options, sport) = (socket.options.clone(), socket.port);
        let IpAddr::V6(src) = socket.source else { return };
        let oif = if options.dev != 0 { options.dev } else { self.usual_device(&options, dst) };
        let mut flow = Flow6 { src, oif, sport, dport, ..flow6(&options, Kind::Udp, dst) };
        if let Ok(decision) = self.route6(&mut flow, options.dev != 0) {
            let way = self.holding6(&decision);
            self.keep_way(id, Some(way));
        }
    }

    /// A decision that a socket keeps, as it is now, unless it is over (`ip6_dst_check`).
    pub(super) fn current6(&self, held: &Held6) -> Option<Decision6> {
        if held.holds != self.holds6(&held.decision, matches!(held.holds, Holds6::Changes(_))) {
            return None;
        }
        let today = output6::kept(self.config, &self.state.exceptions6, self.now(), &held.decision);
        match held.holds {
            Holds6::Changes(_) => Some(today.unwrap_or_else(|| held.decision.clone())),
            Holds6::Route(..) => today,
        }
    }

    pub(super) fn holding6(&self, decision: &Decision6) -> Way {
        let route = decision.found.route.get(self.config);
        let is_objects = decision.learned.is_none() && route.is_some_and(|route| route.nh_id.is_some());
        Way::Six(Held6 { decision: decision.clone(), holds: self.holds6(decision, is_objects) })
    }

    /// What a decision goes by, which is kept with a nexthop object or not.
    fn holds6(&self, decision: &Decision6, is_objects: bool) -> Holds6 {
        let (fib, RouteRef { table, dst, .. }) = (&self.config.fib6, decision.found.route);
        match is_objects {
            true => Holds6::Changes(rules6::changes(self.config, self.state)),
            false => {
                Holds6::Route(fib.generation, fib.serial(table, dst), self.state.exceptions6.mark(table, dst))
            }
        }
    }

    /// Makes the packet and sends it (`ip6_make_skb`, `ip6_send_skb`).
    fn send_datagram6(
        &mut self,
        id: SocketId,
        (kind, dport): (Kind, u16),
        control: &Control,
        decision: Decision6,
        (src, dst): (Ipv6Addr, Ipv6Addr),
        data: &[u8],
    ) -> Result<usize, Errno> {
        let socket = self.state.sockets.get(id).ok_or(Errno::EBADF)?;
        let (options, sport) = (socket.options.clone(), socket.port);
        let discovery = options.discovery;
        let of_device = self.config.links.get(decision.dev).map_or(0, |link| link.mtu());
        let mtu = if discovery < Discovery::Probe { decision.mtu } else { of_device };
        let head = if kind == Kind::Udp { Udp::LEN } else { 0 };
        let len = head + data.len();
        let most = if discovery.may_cut_here() { MOST } else { (mtu as usize).saturating_sub(Ipv6::LEN) };
        let head = if kind == Kind::Udp { Udp::LEN } else { 1 };
        if len > most || (mtu as usize) < Ipv6::LEN + head {
            let port = match (kind, data) {
                // Type and code lie where the port does.
                (Kind::Raw(next::ICMPV6), [kind, code, ..]) => u16::from_be_bytes([*kind, *code]),
                (Kind::Raw(_), _) => 0,
                (Kind::Udp | Kind::Tcp, _) => dport,
            };
            self.local_error(id, Errno::EMSGSIZE, (dst.into(), port), mtu);
            return Err(Errno::EMSGSIZE);
        }
        if kind == Kind::Udp {
            self.pending_error(id, Counter::Ip6OutDiscards)?;
        }
        let cut = Cut { payload: len, header: Ipv6::LEN + Fragment6::LEN, mtu: mtu as usize };
        if !self.has_send_room(id, cut) {
            return Ok(data.len());
        }
        let mut payload = Vec::with_capacity(len);
        let pseudo = Checksum::ZERO.pseudo6(src, dst, kind.number(), len);
        let open = |sum: u16| if sum == 0 { 0xffff } else { sum };
        match kind {
            Kind::Udp => {
                let udp = Udp {
                    sport: sport.into(),
                    dport: dport.into(),
                    len: (len as u16).into(),
                    checksum: 0.into(),
                };
                let sum = open(pseudo.bytes(udp.as_bytes()).bytes(data).finish());
                payload.extend_from_slice(Udp { checksum: sum.into(), ..udp }.as_bytes());
                payload.extend_from_slice(data);
            }
            // Linux writes the checksum of ICMPv6 itself (RFC 3542).
            Kind::Raw(next::ICMPV6) => {
                payload.extend_from_slice(data);
                let Some(place) = payload.get_mut(2..4) else { return Err(Errno::EINVAL) };
                place.fill(0);
                let sum = open(pseudo.bytes(&payload).finish());
                payload[2..4].copy_from_slice(&sum.to_be_bytes());
                if let Some(&kind) = data.first() {
                    self.count_message6(kind);
                }
            }
            Kind::Raw(_) | Kind::Tcp => payload.extend_from_slice(data),
        }
        let leaves_sum =
            kind == Kind::Udp && len + Ipv6::LEN <= mtu as usize && self.sums_are_left_to(decision.dev);
        let hops = if dst.is_multicast() { Some(options.multicast_ttl) } else { options.ttl };
        let made = Made6 {
            next: kind.number(),
            traffic_class: control.tos.unwrap_or(options.tos),
            flow_label: 0,
            mark: options.mark,
            may_cut: discovery.may_cut_here(),
            hop_limit: control.ttl.or(hops),
            sender: Some(Sender { leaves_sum, ..super::datagram::sender(&options) }),
            owner: Owner::Socket(id),
        };
        let sent = self.send_made6(made, decision, src, dst, &payload);
        super::datagram::unless_full(sent, &options)?;
        if kind == Kind::Udp {
            self.count(if sent.is_ok() { Counter::Udp6OutDatagrams } else { Counter::Udp6SndbufErrors });
        }
        Ok(data.len())
    }

    /// Connects a socket to a peer of IPv6 (`__ip6_datagram_connect`).
    pub(super) fn connect6(&mut self, id: SocketId, to: SocketAddr, scope: u32) -> Result<(), Errno> {
        let socket = self.state.sockets.get(id).ok_or(Errno::EBADF)?;
        let (kind, mut options, sport) = (socket.kind, socket.options.clone(), socket.port);
        let IpAddr::V6(dst) = to.ip() else { return Err(Errno::EAFNOSUPPORT) };
        let src = as_v6(socket.source);
        let dst = if dst.is_unspecified() { Ipv6Addr::LOCALHOST } else { dst };
        if AddrType::of(dst).needs_link() {
            if scope != 0 {
                if options.dev != 0 && options.dev != scope {
                    return Err(Errno::EINVAL);
                }
                options.dev = scope;
            }
            if options.dev == 0 && dst.is_multicast() {
                options.dev = options.multicast_dev;
            }
            if options.dev == 0 {
                return Err(Errno::EINVAL);
            }
        }
        // The device stays, whatever becomes of the rest.
        if let Some(socket) = self.state.sockets.get_mut(id) {
            socket.options.dev = options.dev;
        }
        let oif = if options.dev != 0 { options.dev } else { self.usual_device(&options, dst) };
        let mut flow = Flow6 { src, oif, sport, dport: to.port(), ..flow6(&options, kind, dst) };
        let decision = self.route6(&mut flow, options.dev != 0)?;
        let first_id = self.rng.next_u32() as u16;
        let way = self.holding6(&decision);
        let Some(socket) = self.state.sockets.get_mut(id) else { return Err(Errno::EBADF) };
        let is_new_place = socket.local.is_unspecified();
        if socket.source.is_unspecified() {
            socket.source = flow.src.into();
        }
        if is_new_place {
            socket.local = flow.src.into();
        }
        socket.peer = Some(SocketAddrV6::new(dst, to.port(), 0, scope).into());
        socket.next_id = first_id;
        socket.way = Some(way);
        if is_new_place {
            self.state.sockets.place(id);
        }
        Ok(())
    }

    /// The way of a flow; that there is none is counted.
    pub(super) fn route6(&mut self, flow: &mut Flow6, is_bound: bool) -> Result<Decision6, Errno> {
        let resolved = self.resolve6_of(flow, is_bound);
        if resolved.as_ref().err() == Some(&Errno::ENETUNREACH) {
            self.count(Counter::Ip6OutNoRoutes);
        }
        resolved
    }
}

/// An address as IPv6 has it: raw sockets may be connected to IPv4, and send IPv6 still.
pub(super) fn as_v6(addr: IpAddr) -> Ipv6Addr {
    match addr {
        IpAddr::V4(addr) => addr.to_ipv6_mapped(),
        IpAddr::V6(addr) => addr,
    }
}

/// The flow of a socket's packet to a destination.
pub(super) fn flow6(options: &Options, kind: Kind, dst: Ipv6Addr) -> Flow6 {
    Flow6 {
        mark: options.mark,
        dscp: options.tos & 0xfc,
        any_source: options.transparent,
        uid: options.uid,
        proto: kind.number(),
        ..Flow6::to(dst)
    }
}
