//! Options of received IPv4 packets on their way: read, source routes followed, and what
//! [`options`](super::options) asks of the host.

use std::net::{IpAddr, Ipv4Addr};

use fingerpost_model::{RouteType, Scope, TableId};
use fingerpost_net::wire::{Header, Ipv4, icmp};

use super::options::{Answer, Host, Options, Refused, Unanswerable};
use super::{Addressed, Logged, Packet, Stack};
use crate::counters::Counter;
use crate::lookup::{Decision, DropReason, Flow4, rules, source};

/// The host as options of one packet see it.
pub(super) struct Seen<'s, 'a, 't> {
    stack: &'s mut Stack<'a, 't>,
    /// The packet without its bytes, which options are read from and written to.
    packet: Packet,
    decision: Decision,
    header: Ipv4,
}

impl Host for Seen<'_, '_, '_> {
    fn specific_destination(&mut self) -> Ipv4Addr {
        self.stack.specific_destination(&self.packet, &self.decision, &self.header)
    }

    /// `ip_rt_get_source`.
    fn egress_source(&mut self, destination: Ipv4Addr) -> Ipv4Addr {
        let (decision, stack) = (&self.decision, &mut *self.stack);
        if !decision.is_input {
            return self.header.source();
        }
        let mut flow = Flow4 {
            src: self.header.source(),
            oif: decision.dev,
            iif: self.packet.dev,
            mark: self.packet.mark,
            dscp: self.header.tos & 0xfc,
            ..Flow4::to(destination)
        };
        if let Ok(result) = rules::lookup(stack.config, &mut flow, false, stack.tracer) {
            return source::of_result(stack.config, stack.state, &result).0;
        }
        let next = match decision.gateway {
            Some(IpAddr::V4(gateway)) => gateway,
            _ => destination,
        };
        source::select_addr(stack.config, decision.dev, next, Scope::UNIVERSE).0
    }

    fn is_unicast(&mut self, addr: Ipv4Addr) -> bool {
        source::address_type(self.stack.config, addr, TableId::LOCAL) == RouteType::UNICAST
    }

    fn time(&mut self) -> u32 {
        self.stack.since_midnight()
    }
}

impl<'a, 't> Stack<'a, 't> {
    /// The host as a packet's options see it, and the packet's bytes, taken out.
    fn seen_by(&mut self, packet: &mut Packet) -> Option<(Seen<'_, 'a, 't>, Vec<u8>)> {
        let (decision, header) = (packet.decision.clone()?, *Ipv4::read(&packet.bytes)?);
        let bytes = std::mem::take(&mut packet.bytes);
        Some((Seen { stack: self, packet: packet.clone(), decision, header }, bytes))
    }

    /// Reads the options of a packet that was on its way, to answer it; not where they are
    /// at fault (`ipv4_send_dest_unreach`).
    pub(super) fn read_options_again(&mut self, packet: &mut Packet) -> bool {
        let has_options = Ipv4::read(&packet.bytes).is_some_and(|header| header.header_len() > Ipv4::LEN);
        if !has_options {
            packet.options = Options::default();
            return true;
        }
        let Some((mut seen, mut bytes)) = self.seen_by(packet) else { return false };
        let compiled = Options::compile(&mut bytes, &mut seen);
        packet.bytes = bytes;
        compiled.is_ok_and(|options| {
            packet.options = options;
            true
        })
    }

    /// Reads a received packet's options and follows its source route (`ip_rcv_options`).
    pub(super) fn receive_options(&mut self, packet: &mut Packet) -> Result<(), DropReason> {
        let Some((mut seen, mut bytes)) = self.seen_by(packet) else { return Err(DropReason::NotSpecified) };
        let compiled = Options::compile(&mut bytes, &mut seen);
        packet.bytes = bytes;
        match compiled {
            Ok(options) => packet.options = options,
            Err(fault) => {
                // C-253
                packet.options = fault.options;
                self.icmp_send(packet, icmp::PARAMETER, 0, [fault.pointer, 0, 0, 0]);
                self.count(Counter::IpInHdrErrors);
                return Err(DropReason::IpInHdr);
            }
        }
        if packet.options.source_route.is_none() {
            return Ok(());
        }
        let all = self.config.sysctl.all.accept_source_route != 0;
        let own = self.config.links.ipv4(packet.iif).map(|ipv4| ipv4.conf.accept_source_route != 0);
        match own {
            Some(own) if !(own && all) => {
                // C-255
                if let Some(header) = Ipv4::read(&packet.bytes).copied() {
                    let (src, dst) = (header.source(), header.destination());
                    self.log(packet.dev, || Logged::SourceRoute { src, dst });
                }
                Err(DropReason::NotSpecified)
            }
            _ => self.follow_source_route(packet),
        }
    }

    /// `ip_options_rcv_srr`.
    fn follow_source_route(&mut self, packet: &mut Packet) -> Result<(), DropReason> {
        let Some(&header) = Ipv4::read(&packet.bytes) else { return Err(DropReason::NotSpecified) };
        let kind = packet.decision.as_ref().map_or(RouteType::UNSPEC, |decision| decision.kind);
        let (mut options, mut bytes) = (packet.options, packet.bytes.clone());
        let to_host = packet.addressed == Addressed::Host;
        let mut last = None;
        // Those of this host take the destination's place, one after the other.
        let mut header = header;
        let followed = options.receive_source_route(&mut bytes, kind, to_host, |dst| {
            let decision = self.input_lookup_to(dst, packet, &header).ok()?;
            let kind = decision.kind;
            if kind == RouteType::LOCAL {
                header.dst = dst.octets();
            }
            last = Some(decision);
            Some(kind)
        });
        (packet.options, packet.bytes) = (options, bytes);
        match followed {
            Ok(()) => {
                packet.decision = last.or(packet.decision.take());
                Ok(())
            }
            Err(refused) => {
                if let Refused::ParameterProblem(pointer) = refused {
                    self.icmp_send(packet, icmp::PARAMETER, 0, [pointer, 0, 0, 0]);
                }
                Err(DropReason::NotSpecified)
            }
        }
    }

    /// `ip_forward_options`.
    pub(super) fn forward_options(&mut self, packet: &mut Packet) {
        if packet.options.len == 0 {
            return;
        }
        let mut options = packet.options;
        let Some((mut seen, mut bytes)) = self.seen_by(packet) else { return };
        options.forward(&mut bytes, &mut seen);
        (packet.options, packet.bytes) = (options, bytes);
    }

    /// The options with which a packet is answered (`__ip_options_echo`).
    pub(super) fn echo_options(&mut self, packet: &Packet) -> Result<Answer, Unanswerable> {
        if packet.options.len == 0 {
            return Ok(Answer::default());
        }
        let mut copy = packet.clone();
        match self.seen_by(&mut copy) {
            Some((mut seen, bytes)) => packet.options.echo(&bytes, &mut seen),
            None => Err(Unanswerable),
        }
    }
}
