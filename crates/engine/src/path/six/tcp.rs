//! TCP over IPv6 (`tcp_v6_rcv`, `tcp_v6_send_response`; T-70).

use std::net::Ipv6Addr;

use fingerpost_net::wire::{Checksum, Header, Ipv6, Tcp, proto, tcp_flags};
use zerocopy::IntoBytes;

use super::super::sockets::{SocketId, ToSocket};
use super::super::tcp::reset_of;
use super::super::waiting::Owner;
use super::super::{Addressed, Outcome, Packet, Stack};
use super::output::Made6;
use crate::addrtype::AddrType;
use crate::config::RtFlags;
use crate::counters::Counter;
use crate::lookup::{DropReason, Flow6};

/// The bit of `flowlabel_reflect` that resets follow.
const REFLECT_RESET: i64 = 2;

impl Stack<'_, '_> {
    pub(super) fn tcp6_receive(&mut self, packet: &Packet) -> Outcome {
        if packet.addressed != Addressed::Host {
            return Outcome::Dropped(DropReason::NotSpecified);
        }
        self.count(Counter::TcpInSegs);
        let segment = &packet.bytes[packet.six.at..];
        let (Some(&header), Some(&tcp)) = (Ipv6::read(&packet.bytes), Tcp::read(segment)) else {
            return Outcome::Dropped(DropReason::NotSpecified);
        };
        if tcp.header_len() < Tcp::LEN {
            self.count(Counter::TcpInErrs);
            return Outcome::Dropped(DropReason::PktTooSmall);
        }
        if segment.len() < tcp.header_len() {
            return Outcome::Dropped(DropReason::NotSpecified);
        }
        let (src, dst) = (header.source(), header.destination());
        let sum = Checksum::ZERO.pseudo6(src, dst, proto::TCP, segment.len()).bytes(segment);
        if sum.finish() != 0 {
            self.count(Counter::TcpInCsumErrors);
            self.count(Counter::TcpInErrs);
            return Outcome::Dropped(DropReason::TcpCsum);
        }
        match self.tcp_to_socket(packet, &tcp, segment) {
            ToSocket::Nobody => {
                self.send_reset6(packet, &header, &tcp, segment, None);
                Outcome::Dropped(DropReason::NoSocket)
            }
            ToSocket::Reset(id, reason) => {
                self.send_reset6(packet, &header, &tcp, segment, Some(id));
                Outcome::Dropped(reason)
            }
            ToSocket::Done(outcome) => outcome,
        }
    }

    /// The device that a reset is demanded to leave by: for addresses of one link that of the
    /// segment, else in a VRF its own.
    fn reset_device(&self, packet: &Packet, dst: Ipv6Addr) -> u32 {
        match (AddrType::of(dst).needs_device(), self.is_vrf(packet.dev)) {
            (true, true) => packet.iif,
            (true, false) => self.receiving_device(packet),
            (false, true) => packet.dev,
            (false, false) => 0,
        }
    }

    /// `tcp_v6_send_reset`.
    fn send_reset6(
        &mut self,
        packet: &Packet,
        header: &Ipv6,
        tcp: &Tcp,
        segment: &[u8],
        by: Option<SocketId>,
    ) {
        let is_own = packet.decision6.as_ref().is_some_and(|decision| decision.flags.any(RtFlags::LOCAL));
        if tcp.flags & tcp_flags::RST != 0 || !is_own {
            return;
        }
        match self.keeps_from_reset6(segment) {
            Ok(true) => return,
            Ok(false) => {}
            Err(unknown) => return self.end(&Packet::bare(0), Outcome::Unknown(unknown)),
        }
        let mut reset = reset_of(tcp, segment.len());
        let (src, dst) = (header.destination(), header.source());
        let sum = Checksum::ZERO.pseudo6(src, dst, proto::TCP, Tcp::LEN).bytes(reset.as_bytes());
        reset.checksum = sum.finish().into();
        let reflects = self.setting6("flowlabel_reflect") & REFLECT_RESET != 0;
        let flow_label = if reflects { header.flow_label() } else { 0 };
        let options_of = by.and_then(|id| self.state.sockets.get(id)).map(|socket| &socket.options);
        let (mark_of, dev_of) = options_of.map_or((0, 0), |options| (options.mark, options.dev));
        let mut flow = Flow6 {
            src,
            oif: match dev_of {
                0 => self.reset_device(packet, dst),
                dev => dev,
            },
            mark: match self.reply_mark6(packet) {
                0 => mark_of,
                mark => mark,
            },
            proto: proto::TCP,
            sport: tcp.dport.get(),
            dport: tcp.sport.get(),
            flowlabel: flow_label,
            ..Flow6::to(dst)
        };
        let Some(decision) = self.way_of(&mut flow) else {
            // The reset was made already.
            return self.end(&Packet::bare(0), Outcome::Dropped(DropReason::NotSpecified));
        };
        self.count(Counter::TcpOutSegs);
        self.count(Counter::TcpOutRsts);
        let made = Made6 {
            next: proto::TCP,
            traffic_class: header.traffic_class() & 0xfc,
            flow_label,
            mark: flow.mark,
            may_cut: false,
            hop_limit: None,
            sender: None,
            owner: Owner::Nobody,
        };
        let _ = self.send_made6(made, decision, flow.src, flow.dst, reset.as_bytes());
    }
}
