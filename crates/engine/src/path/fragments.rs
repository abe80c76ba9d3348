//! Datagrams in pieces: put together for local delivery, given up after a while, and cut
//! up to leave.

use fingerpost_net::Errno;
use fingerpost_net::wire::{Header, Ipv4, icmp};

use super::fragment::{cut, must_not};
use super::hook::Sent;
use super::reassemble::{Limits, Outcome as Lot, User};
use super::timers::{Due, Timer};
use super::{Addressed, Options, Outcome, Packet, Stack};
use crate::counters::Counter;
use crate::lookup::DropReason;
use crate::lookup::decision::Input;
use crate::state::Time;
use crate::trace::Stage;

/// What goes with a fragment beside its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beside {
    options: Options,
    mark: u32,
    addressed: Addressed,
}

impl Stack<'_, '_> {
    /// Puts a datagram together (`ip_defrag`); `None` while it is not whole.
    pub(super) fn reassemble(&mut self, mut packet: Box<Packet>) -> Option<Box<Packet>> {
        let now = self.now();
        let limits = Limits {
            time: self.reassembly_due().at.0 - now.0,
            high: self.setting("ipfrag_high_thresh").max(0) as u64,
            max_dist: self.setting("ipfrag_max_dist").max(0) as u32,
        };
        let Packet { options, mark, addressed, dev, .. } = *packet;
        let beside = Beside { options, mark, addressed };
        let vrf = self.config.links.l3_master(dev);
        let counters = &mut self.state.counters;
        let from = (dev, vrf, User::Local);
        let added = self.state.fragments.add(&packet.bytes, beside, from, now, &limits, counters);
        self.set_reassembly_timer();
        match added.outcome {
            Lot::Queued => self.end(&packet, Outcome::Queued),
            Lot::Dropped(reason) => self.drop(&packet, reason),
            Lot::GivenUp => self.drop(&packet, DropReason::Consumed),
            Lot::Whole(whole) => {
                let Beside { options, mark, addressed } = whole.first;
                (packet.options, packet.mark, packet.addressed) = (options, mark, addressed);
                (packet.bytes, packet.reassembled) = (whole.packet, Some(whole.reassembled));
                return Some(packet);
            }
        }
        None
    }

    /// When a datagram is given up whose first fragment comes now.
    fn reassembly_due(&self) -> Due {
        let time = self.setting("ipfrag_time").max(0) as u64 * 1000;
        self.slot(Time(self.now().0.saturating_add(time)))
    }

    fn set_reassembly_timer(&mut self) {
        let level = self.reassembly_due().level;
        let at = self.state.fragments.next_deadline();
        let before = std::mem::replace(&mut self.state.fragments_until, at);
        self.state.timers.set(Timer::Reassembly, before, at.map(|at| Due { at, level }));
    }

    /// `ip_expire` (C-251).
    pub(super) fn give_up_datagrams(&mut self) {
        let now = self.now();
        let expired = self.state.fragments.expire(now, &mut self.state.counters);
        self.set_reassembly_timer();
        for expired in expired {
            let Some((bytes, Beside { options, mark, addressed })) = expired.first else { continue };
            let Some(&header) = Ipv4::read(&bytes) else { continue };
            let beside = Packet::at(expired.dev, bytes);
            let mut packet = Packet { addressed, iif: expired.dev, mark, options, ..beside };
            let Ok(decision) = self.input_lookup_to(header.destination(), &packet, &header) else { continue };
            if !expired.only_if_local || decision.input == Input::LocalDeliver {
                packet.decision = Some(decision);
                self.icmp_send(&packet, icmp::TIME_EXCEEDED, icmp::REASSEMBLY, [0; 4]);
            }
            self.drop(&packet, DropReason::FragReasmTimeout);
        }
    }

    /// Cuts a packet up, and sends the pieces (`ip_fragment`; C-245 to C-249).
    pub(super) fn send_in_fragments(&mut self, packet: Box<Packet>, mtu: usize) -> Sent {
        let Some(&header) = Ipv4::read(&packet.bytes) else {
            self.drop(&packet, DropReason::IpInHdr);
            return Ok(());
        };
        let reassembled = packet.reassembled.as_ref();
        let ignores_df = reassembled.is_some() || packet.sender.is_some_and(|sender| sender.ignores_df);
        if must_not(&header, mtu as u32, ignores_df, reassembled) {
            self.count(Counter::IpFragFails);
            let rest = (mtu as u32).to_be_bytes();
            self.icmp_send(&packet, icmp::UNREACHABLE, icmp::FRAGMENTATION_NEEDED, rest);
            self.drop(&packet, DropReason::NotSpecified);
            return Err(Errno::EMSGSIZE);
        }
        let Ok(fragments) = cut(&packet.bytes, &packet.options, mtu as u32, reassembled) else {
            self.count(Counter::IpFragFails);
            self.drop(&packet, DropReason::NotSpecified);
            return Err(Errno::EINVAL);
        };
        self.stage(Stage::Cut);
        // A copy that this host is to hear has its header in common with the packet, whose
        // options become those of later fragments: its checksum is not right any more.
        let options = fragments.get(1).and_then(|later| later.get(Ipv4::LEN..header.header_len()));
        let is_copy = |other: &&mut Box<Packet>| {
            other.number == packet.number && other.bytes.len() == packet.bytes.len()
        };
        for copy in self.backlog.iter_mut().filter(is_copy) {
            if let Some((place, options)) = copy.bytes.get_mut(Ipv4::LEN..header.header_len()).zip(options) {
                place.copy_from_slice(options);
            }
        }
        for bytes in fragments {
            self.count(Counter::IpFragCreates);
            let piece = Packet { bytes, reassembled: None, link_header: None, ..Packet::clone(&packet) };
            let left = self.finish_output2(Box::new(piece));
            if left.is_err() {
                self.count(Counter::IpFragFails);
                return left;
            }
        }
        self.count(Counter::IpFragOKs);
        Ok(())
    }
}
