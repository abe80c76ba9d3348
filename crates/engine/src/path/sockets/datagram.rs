//! UDP and raw sockets send IPv4 (`udp_sendmsg`, `raw_sendmsg`, `ip_make_skb`; C-163 to C-173).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use fingerpost_model::{RouteFlags, RouteType, Scope};
use fingerpost_net::wire::{Checksum, DF, Header, Icmp, Ipv4, Udp, proto};
use fingerpost_net::{Errno, Family};
use zerocopy::IntoBytes;

use super::super::options::{Answer, set_checksum};
use super::super::output::{LEAST_MTU, Made, has_locked_mtu};
use super::super::waiting::{Cut, Owner, SOCKETS_ROOM};
use super::super::{Outcome, Packet, Sender, Stack};
use super::options::{Control, Discovery, Options};
use super::{Held, Kind, Socket, SocketId, Way};
use crate::counters::{Counter, Messages};
use crate::lookup::get::MAX_MTU;
use crate::lookup::hash::Asker;
use crate::lookup::{Decision, DropReason, Flow4, output4, path};
use crate::state::Time;
use crate::trace::Stage;

/// The addresses that a datagram leaves with.
struct Ends {
    src: Ipv4Addr,
    dst: Ipv4Addr,
}

impl Stack<'_, '_> {
    /// Sends a datagram of IPv4, to the peer if no destination is named. The control messages
    /// are of the family `told`.
    pub(super) fn send4(
        &mut self,
        id: SocketId,
        to: Option<SocketAddr>,
        (told, control): (Family, &Control),
        data: &[u8],
    ) -> Result<usize, Errno> {
        let socket = self.state.sockets.get(id).ok_or(Errno::EBADF)?;
        let (kind, options) = (socket.kind, socket.options4());
        if data.len() > 0xffff {
            return Err(Errno::EMSGSIZE);
        }
        let target = to.or(socket.peer).ok_or(Errno::EDESTADDRREQ)?;
        let IpAddr::V4(dst) = target.ip() else { return Err(Errno::EAFNOSUPPORT) };
        let is_udp = kind == Kind::Udp;
        if is_udp && target.port() == 0 {
            return Err(Errno::EINVAL);
        }
        let own = socket.source4();
        // Raw sockets keep no decision, and C-167 demands one of its own.
        let is_plain = *control == Control::default() && !options.dont_route;
        // Those of IPv6 name the peer (`udpv6_sendmsg`).
        let mut is_connected = is_udp && to.is_none() && is_plain && socket.family == Family::V4;
        let control = match told {
            Family::V4 => control,
            Family::V6 => &control.of_mapped()?,
        };
        // C-166; with a device alone no source is named, not even the socket's.
        let named = match control.source {
            Some(IpAddr::V4(source)) => source,
            _ if control.dev != 0 => Ipv4Addr::UNSPECIFIED,
            _ => own,
        };
        let mut src = named;
        let mut oif = if control.dev != 0 { control.dev } else { options.dev };
        let is_of_vrf = |dev: u32| self.config.links.get(dev).is_some_and(|link| link.vrf_table().is_some());
        if dst.is_multicast() {
            // C-168
            if oif == 0 || is_of_vrf(oif) {
                oif = options.multicast_dev;
            }
            if src.is_unspecified() {
                src = options.multicast_source.unwrap_or(src);
            }
            is_connected = false;
        } else if oif == 0 {
            oif = options.unicast_dev; // C-165
        }
        let held = if is_connected { self.held4(id) } else { None };
        let (decision, ends, dport) = match held {
            Some((decision, (src, dst, dport))) => (decision, Ends { src, dst }, dport),
            None => {
                let sport = self.state.sockets.get(id).map_or(0, |socket| socket.port);
                let mut flow = Flow4 { src, oif, ..self.flow4(&options, kind, dst) };
                flow.dscp = control.tos.unwrap_or(options.tos) & 0xfc;
                if control.dont_route {
                    flow.scope = Scope::LINK;
                }
                match is_udp {
                    true => (flow.sport, flow.dport) = (sport, target.port()),
                    false => {
                        // Type and code lie where the destination's port does (`flowi_uli`).
                        if let (proto::ICMP, [kind, code, ..]) = (flow.proto, data) {
                            flow.dport = u16::from_be_bytes([*kind, *code]);
                        }
                    }
                }
                let mut decision = match is_udp {
                    true => self.way4(&mut flow)?,
                    false => self.resolve4(&mut flow)?,
                };
                // The header may name another destination than the one that the packet goes
                // to (`FLOWI_FLAG_KNOWN_NH`).
                let by_route = decision.result.is_some_and(|result| match decision.kind {
                    RouteType::UNICAST | RouteType::BROADCAST => true,
                    RouteType::MULTICAST => result.prefix.len() >= 4, // C-131
                    _ => false,
                });
                if !is_udp && options.with_header && by_route && decision.gateway.is_none() {
                    decision.gateway = Some(flow.dst.into());
                }
                if decision.flags.has(RouteFlags::BROADCAST) && !options.broadcast {
                    return Err(Errno::EACCES); // C-169
                }
                if is_connected {
                    let way = self.holding4(&decision);
                    self.keep_way(id, Some(way));
                }
                let dst = if dst.is_unspecified() { flow.dst } else { dst };
                (decision, Ends { src: flow.src, dst }, target.port())
            }
        };
        if kind != Kind::Udp && options.with_header {
            return self.send_with_header(id, &options, decision, &ends, data);
        }
        self.send_datagram(id, (kind, dport), control, decision, ends, data)
    }

    /// The flow of a socket's packet to a destination.
    pub(in crate::path) fn flow4(&self, options: &Options, kind: Kind, dst: Ipv4Addr) -> Flow4 {
        let with_header = matches!(kind, Kind::Raw(_)) && options.with_header;
        Flow4 {
            mark: options.mark,
            dscp: options.tos & 0xfc,
            scope: if options.dont_route { Scope::LINK } else { Scope::UNIVERSE },
            any_source: options.transparent || with_header,
            uid: options.uid,
            proto: if with_header { proto::RAW } else { kind.number() },
            ..Flow4::to(dst)
        }
    }

    /// The way of a flow; that there is none is counted.
    pub(super) fn way4(&mut self, flow: &mut Flow4) -> Result<Decision, Errno> {
        let resolved = self.resolve4(flow);
        if resolved.as_ref().err() == Some(&Errno::ENETUNREACH) {
            self.count(Counter::IpOutNoRoutes);
        }
        resolved
    }

    pub(super) fn resolve4(&mut self, flow: &mut Flow4) -> Result<Decision, Errno> {
        output4::resolve(self.config, self.state, self.env, flow, Asker::Socket, self.tracer)
    }

    /// The decision that a socket keeps, with the flow of its packets; one that holds no
    /// longer is forgotten (`sk_dst_check`, C-144).
    fn held4(&mut self, id: SocketId) -> Option<(Decision, (Ipv4Addr, Ipv4Addr, u16))> {
        let socket = self.state.sockets.get(id)?;
        match &socket.way {
            Some(Way::Four(held)) if self.is_current4(held) => Some((held.decision.clone(), socket.flow)),
            _ => {
                self.keep_way(id, None);
                None
            }
        }
    }

    pub(super) fn keep_way(&mut self, id: SocketId, way: Option<Way>) {
        if let Some(socket) = self.state.sockets.get_mut(id) {
            socket.way = way;
        }
    }

    /// Whether a socket keeps a decision, be it one that no longer holds.
    pub(in crate::path) fn has_way(&self, id: SocketId) -> bool {
        self.state.sockets.get(id).is_some_and(|socket| socket.way.is_some())
    }

    fn has_lost_way(&self, socket: &Socket) -> bool {
        match &socket.way {
            Some(Way::Four(held)) => !self.is_current4(held),
            Some(Way::Six(held)) => self.current6(held).is_none(),
            None => false,
        }
    }

    /// Keeps the decision for a flow, if there is one.
    fn set_way4(&mut self, id: SocketId, mut flow: Flow4) {
        if let Ok(decision) = self.resolve4(&mut flow) {
            let way = self.holding4(&decision);
            self.keep_way(id, Some(way));
        }
    }

    /// A socket that was told a path MTU looks for its way anew, if what it kept has ended
    /// (`ipv4_sk_update_pmtu`).
    pub(in crate::path) fn find_way4(&mut self, id: SocketId, flow: Flow4) {
        if self.state.sockets.get(id).is_some_and(|socket| self.has_lost_way(socket)) {
            self.set_way4(id, flow);
        }
    }

    /// A call that locked a socket lets it go: a connected one of UDP whose way holds no
    /// longer looks for another (`ip4_datagram_release_cb`, `ip6_datagram_release_cb`).
    pub(in crate::path) fn let_go(&mut self, id: SocketId) {
        let Some(socket) = self.state.sockets.get(id).filter(|socket| socket.kind == Kind::Udp) else {
            return;
        };
        let Some(to) = socket.peer.filter(|_| self.has_lost_way(socket)) else { return };
        match (socket.family, to.ip()) {
            (Family::V4, IpAddr::V4(dst)) => {
                let src = socket.source4();
                let options = socket.options4();
                let (sport, dport) = (socket.port, to.port());
                let flow = self.flow4(&options, Kind::Udp, dst);
                let flow = Flow4 { src, oif: options.dev, sport, dport, ..flow };
                self.keep_way(id, None);
                self.set_way4(id, flow);
            }
            (_, IpAddr::V6(dst)) => self.find_way6(id, dst, to.port()),
            // One of IPv6 that is connected to IPv4.
            _ => {}
        }
    }

    pub(super) fn is_current4(&self, held: &Held) -> bool {
        held.generation == self.generation4(&held.decision)
            && held.until.is_none_or(|until| self.now() < until)
    }

    /// What ends a decision: other routes, and what is learned about its hop if it is the one
    /// that hop keeps, or was learned (`update_or_create_fnhe`).
    fn generation4(&self, decision: &Decision) -> (u64, u64) {
        let of_routes = self.config.fib.generation;
        let is_learned = decision.pmtu.is_some() || decision.flags.has(RouteFlags::REDIRECTED);
        let hop = match decision.result.filter(|_| is_learned) {
            // The hop of a route that is gone cannot be told, and need not be.
            Some(result) if self.config.fib.metrics(result.alias.info).is_some() => {
                Some(path::hop_id(self.config, result.alias.info, result.hop))
            }
            _ => decision.cached_in,
        };
        (of_routes, self.state.exceptions.changes(hop))
    }

    /// What a socket keeps of a decision.
    pub(super) fn holding4(&self, decision: &Decision) -> Way {
        let until = decision.pmtu.map(|pmtu| Time(self.now().0.saturating_add(pmtu.expires_in)));
        Way::Four(Held { decision: decision.clone(), generation: self.generation4(decision), until })
    }

    /// Makes the packet and sends it (`ip_make_skb`, `ip_send_skb`).
    fn send_datagram(
        &mut self,
        id: SocketId,
        (kind, dport): (Kind, u16),
        control: &Control,
        decision: Decision,
        ends: Ends,
        data: &[u8],
    ) -> Result<usize, Errno> {
        let Some(socket) = self.state.sockets.get_mut(id) else { return Err(Errno::EBADF) };
        let options = socket.options4();
        let (discovery, sport) = (options.discovery, socket.port);
        let is_connected = socket.peer.is_some();
        let peer_port = socket.peer.map_or(0, |peer| peer.port());
        let connected_id = socket.next_id;
        let of_device = self.config.links.get(decision.dev).map_or(0, |link| link.mtu());
        let mtu = if discovery.uses_path() { decision.mtu } else { of_device };
        if mtu < LEAST_MTU {
            return Err(Errno::ENETUNREACH);
        }
        let head = if kind == Kind::Udp { Udp::LEN } else { 0 };
        let len = Ipv4::LEN + head + data.len();
        let most = if discovery.may_cut_here() { MAX_MTU } else { mtu };
        if len > most as usize {
            self.local_error(id, Errno::EMSGSIZE, (ends.dst.into(), peer_port), mtu);
            return Err(Errno::EMSGSIZE);
        }
        if kind == Kind::Udp {
            self.pending_error(id, Counter::IpOutDiscards)?;
        }
        let cut = Cut { payload: len - Ipv4::LEN, header: Ipv4::LEN, mtu: mtu as usize };
        if !self.has_send_room(id, cut) {
            return Ok(data.len());
        }
        // C-149; a locked path MTU is none that routers told truly.
        let asks = discovery.keeps_whole(has_locked_mtu(self.config, &decision));
        let df =
            matches!(discovery, Discovery::Do | Discovery::Probe) || asks && len <= decision.mtu as usize;
        let ignores_df = discovery.may_cut_here();
        // Connected sockets count their own packets (`ip_select_ident_segs`).
        let number = match is_connected {
            true => connected_id,
            false if df && !ignores_df => 0,
            false => self.rng.next_u32() as u16,
        };
        if let Some(socket) = self.state.sockets.get_mut(id) {
            socket.next_id = connected_id.wrapping_add(1);
        }
        let mut payload = Vec::with_capacity(head + data.len());
        if kind == Kind::Udp {
            let udp = Udp {
                sport: sport.into(),
                dport: dport.into(),
                len: ((head + data.len()) as u16).into(),
                checksum: 0.into(),
            };
            let sum = Checksum::ZERO.pseudo4(ends.src, ends.dst, proto::UDP, head + data.len());
            let sum = match sum.bytes(udp.as_bytes()).bytes(data).finish() {
                0 => 0xffff,
                sum => sum,
            };
            payload.extend_from_slice(Udp { checksum: sum.into(), ..udp }.as_bytes());
        }
        payload.extend_from_slice(data);
        if kind == Kind::Raw(proto::ICMP)
            && let Some(icmp) = Icmp::read(data)
        {
            self.count_icmp(icmp.kind);
        }
        let to_group = decision.kind == RouteType::MULTICAST;
        let ttl = control.ttl.or(if to_group { Some(options.multicast_ttl) } else { options.ttl });
        let leaves_sum = kind == Kind::Udp && len <= mtu as usize && self.sums_are_left_to(decision.dev);
        let made = Made {
            proto: kind.number(),
            tos: control.tos.unwrap_or(options.tos),
            fragment: if df { DF } else { 0 },
            id: number,
            mark: options.mark,
            options: Answer::default(),
            ttl,
            sender: Some(Sender { leaves_sum, ..sender(&options) }),
            owner: Owner::Socket(id),
        };
        let sent = self.send_made(made, decision, ends.src, ends.dst, &payload);
        unless_full(sent, &options)?;
        if kind == Kind::Udp {
            self.count(if sent.is_ok() { Counter::UdpOutDatagrams } else { Counter::UdpSndbufErrors });
        }
        Ok(data.len())
    }

    /// Whether a socket has room for what it sends. Where it has none, it waits or is refused
    /// (`sock_alloc_send_skb`): that is not modelled.
    pub(super) fn has_send_room(&mut self, id: SocketId, cut: Cut) -> bool {
        let has_room = self.has_memory(Owner::Socket(id), SOCKETS_ROOM, cut);
        if !has_room {
            let packet = Packet { is_subject: true, ..Packet::at(0, Vec::new()) };
            self.end(&packet, Outcome::Unknown("whether a socket has room for what it sends"));
        }
        has_room
    }

    /// Whether checksums are left to a device (`NETIF_F_HW_CSUM`): not to one whose packets a
    /// program takes, which has to ask for that.
    pub(super) fn sums_are_left_to(&self, dev: u32) -> bool {
        self.config.links.get(dev).is_none_or(|link| link.kind() != "tun")
    }

    /// A message of ICMP is sent (`icmp_out_count`).
    fn count_icmp(&mut self, kind: u8) {
        self.count(Counter::IcmpOutMsgs);
        self.state.counters.message(Messages::Out4, kind);
        if let Some(counter) = super::super::icmp::counter_of(kind) {
            self.count(counter);
        }
    }

    /// Sends a packet whose header the sender wrote (`raw_send_hdrinc`).
    fn send_with_header(
        &mut self,
        id: SocketId,
        options: &Options,
        decision: Decision,
        ends: &Ends,
        data: &[u8],
    ) -> Result<usize, Errno> {
        let of_device = self.config.links.get(decision.dev).map_or(0, |link| link.mtu());
        if data.len() > of_device as usize {
            let port =
                self.state.sockets.get(id).and_then(|socket| socket.peer).map_or(0, |peer| peer.port());
            self.local_error(id, Errno::EMSGSIZE, (ends.dst.into(), port), of_device);
            return Err(Errno::EMSGSIZE);
        }
        if data.len() < Ipv4::LEN {
            return Err(Errno::EINVAL);
        }
        self.pending_error(id, Counter::IpOutDiscards)?;
        if !self.has_send_room(id, Cut::whole(data.len())) {
            return Ok(data.len());
        }
        let mut bytes = data.to_vec();
        let number = self.rng.next_u32() as u16;
        let Some(header) = Ipv4::edit(&mut bytes) else { return Err(Errno::EINVAL) };
        if header.header_len() > data.len() {
            self.count(Counter::IpOutDiscards);
            // It was made already.
            self.end(&Packet::at(decision.dev, Vec::new()), Outcome::Dropped(DropReason::NotSpecified));
            return Err(Errno::EINVAL);
        }
        if header.header_len() >= Ipv4::LEN {
            // What is left open is filled in.
            if header.source().is_unspecified() {
                header.src = ends.src.octets();
            }
            header.total_len.set(data.len() as u16);
            if header.id.get() == 0 && !header.dont_fragment() {
                header.id.set(number);
            }
            let (number, len) = (header.proto, header.header_len());
            set_checksum(&mut bytes);
            if number == proto::ICMP
                && let Some(&Icmp { kind, .. }) = bytes.get(len..).and_then(Icmp::read)
            {
                self.count_icmp(kind);
            }
        }
        let mut packet = Box::new(Packet::made(bytes, decision, options.mark));
        // What the header says of being cut counts (`raw_send_hdrinc`).
        let sender = Sender { ignores_df: false, ..sender(options) };
        (packet.sender, packet.owner, packet.is_subject) = (Some(sender), Owner::Socket(id), true);
        self.set_out(&mut packet);
        self.stage(Stage::LocalOut);
        let sent = match self.hook_output(packet) {
            Ok(passed) => self.output(passed.into_packet()),
            Err(sent) => sent,
        };
        let sent = self.count_unsent(sent, Counter::IpOutDiscards);
        unless_full(sent, options).map(|()| data.len())
    }

    /// Connects a socket to a peer of IPv4 (`__ip4_datagram_connect`; C-170 to C-173).
    pub(super) fn connect4(&mut self, id: SocketId, to: SocketAddr) -> Result<(), Errno> {
        let socket = self.state.sockets.get(id).ok_or(Errno::EBADF)?;
        let (kind, options, sport) = (socket.kind, socket.options4(), socket.port);
        let IpAddr::V4(dst) = to.ip() else { return Err(Errno::EAFNOSUPPORT) };
        let mut src = socket.source4();
        self.keep_way(id, None);
        let mut oif = options.dev;
        if dst.is_multicast() {
            let is_of_vrf = self.config.links.get(oif).is_some_and(|link| link.vrf_table().is_some());
            if oif == 0 || is_of_vrf {
                oif = options.multicast_dev;
            }
            if src.is_unspecified() {
                src = options.multicast_source.unwrap_or(src);
            }
        } else if oif == 0 {
            oif = options.unicast_dev;
        }
        // That a header comes from the program counts when it sends.
        let options = Options { with_header: false, ..options };
        let mut flow = Flow4 { src, oif, sport, dport: to.port(), ..self.flow4(&options, kind, dst) };
        let routed = self.route_connect(&mut flow, oif);
        if let Some(socket) = self.state.sockets.get_mut(id) {
            socket.flow = (flow.src, flow.dst, to.port());
        }
        let decision = routed?;
        if decision.flags.has(RouteFlags::BROADCAST) && !options.broadcast {
            return Err(Errno::EACCES);
        }
        let first_id = self.rng.next_u32() as u16;
        let way = self.holding4(&decision);
        let Some(socket) = self.state.sockets.get_mut(id) else { return Err(Errno::EBADF) };
        let is_new_place = socket.local.is_unspecified();
        if socket.source.is_unspecified() {
            socket.source = flow.src.into();
        } else if socket.source4().is_unspecified() {
            socket.source4 = flow.src;
        }
        if is_new_place {
            socket.local = flow.src.into(); // C-171
        }
        socket.peer = Some(SocketAddr::new(flow.dst.into(), to.port()));
        socket.next_id = first_id;
        socket.way = Some(way);
        if is_new_place {
            self.state.sockets.place(id);
        }
        Ok(())
    }

    /// The lookups of a connect: one that finds the addresses if one is open, and one with
    /// both (`ip_route_connect`).
    pub(super) fn route_connect(&mut self, flow: &mut Flow4, oif: u32) -> Result<Decision, Errno> {
        if flow.src.is_unspecified() || flow.dst.is_unspecified() {
            self.way4(flow)?;
            flow.oif = oif;
        }
        self.way4(flow)
    }
}

/// What goes with a packet of its sender's options.
pub(super) fn sender(options: &Options) -> Sender {
    Sender {
        dev: options.dev,
        uid: options.uid,
        any_source: options.transparent || options.with_header,
        by_device_mtu: !options.discovery.uses_path(),
        ignores_df: options.discovery.may_cut_here(),
        is_for_others: !options.multicast_loop,
        leaves_sum: false,
        next: None,
    }
}

/// What a sender is told of a packet that did not leave (C-223): of want of room only if
/// it asks for errors (`udp_send_skb`, `raw_sendmsg`).
pub(super) fn unless_full(sent: Result<(), Errno>, options: &Options) -> Result<(), Errno> {
    match sent {
        Err(Errno::ENOBUFS) if !options.reports_errors => Ok(()),
        sent => sent,
    }
}
