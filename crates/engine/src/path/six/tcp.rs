//! TCP over IPv6 as far as it goes without sockets (`tcp_v6_rcv`, `tcp_v6_send_response`; T-70).

use fingerpost_net::wire::{Checksum, Header, Ipv6, Tcp, proto, tcp_flags};
use zerocopy::IntoBytes;

use super::super::tcp::reset_of;
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
        self.send_reset6(packet, &header, &tcp, segment.len());
        Outcome::Dropped(DropReason::NoSocket)
    }

    /// `tcp_v6_send_reset`.
    fn send_reset6(&mut self, packet: &Packet, header: &Ipv6, tcp: &Tcp, len: usize) {
        let is_own = packet.decision6.as_ref().is_some_and(|decision| decision.flags.any(RtFlags::LOCAL));
        if tcp.flags & tcp_flags::RST != 0 || !is_own {
            return;
        }
        let mut reset = reset_of(tcp, len);
        let (src, dst) = (header.destination(), header.source());
        let sum = Checksum::ZERO.pseudo6(src, dst, proto::TCP, Tcp::LEN).bytes(reset.as_bytes());
        reset.checksum = sum.finish().into();
        let reflects = self.setting6("flowlabel_reflect") & REFLECT_RESET != 0;
        let flow_label = if reflects { header.flow_label() } else { 0 };
        let mut flow = Flow6 {
            src,
            oif: if AddrType::of(dst).needs_device() { self.receiving_device(packet) } else { 0 },
            mark: self.reply_mark6(packet),
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
            sent: None,
        };
        self.send_made6(made, decision, flow.src, flow.dst, reset.as_bytes());
    }
}
