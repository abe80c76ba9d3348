//! Bridges: what comes in by a port goes out by others, up to this host, or both
//! (`net/bridge`). Spanning tree and VLANs are not modelled and are reported as unknown.

mod learned;
mod netfilter;
mod settings;
mod snoop;

use fingerpost_model::LinkFlags;
use fingerpost_net::wire::{Ethernet, Header, Mac};

pub use learned::Learned;
use netfilter::Seen;
use settings::{Bridge, FORWARDING, LEARNING, Port};

use super::ethernet::{BROADCAST, mac_of};
use super::vlan::is_tag;
use super::{Addressed, Frame, Outcome, Stack};
use crate::config::{Config, Link};
use crate::lookup::DropReason;
use crate::trace::Stage;

/// Groups that stay on their link (IEEE 802.1D, table 7-10); the last byte's lower half differs.
const OF_THE_LINK: [u8; 5] = [0x01, 0x80, 0xc2, 0x00, 0x00];
/// What is not known of tagged frames.
const TAGS: &str = "VLAN tags on a bridge";
/// What a tag adds to a frame, bytes; there is always room for one.
const TAG_LEN: usize = 4;

/// What becomes of a frame that came in by a port.
pub(super) enum Bridged {
    /// The host receives it by the bridge.
    Up {
        bridge: u32,
        addressed: Addressed,
        /// How long the frame is without what followed its packet.
        len: usize,
        /// The number of its packet, if that passed PREROUTING.
        seen: Option<u64>,
    },
    /// The host receives it by the port itself.
    Pass,
    /// The bridge has done with it.
    Done,
}

/// What a port made of a frame that was to leave by it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    /// It leaves.
    Sent,
    /// It does not, though it was given to the port.
    Dropped(DropReason),
    /// It may not leave by this port.
    NoTarget,
}

/// To whom a frame goes besides one known port.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flood {
    Unicast,
    Multicast,
    Broadcast,
}

/// Where a frame came from that is forwarded.
struct Came<'a> {
    port: &'a Port,
    /// The mark of its packet.
    mark: u32,
}

/// A device that may send a frame of so many bytes, link header included, at most
/// (`is_skb_forwardable`).
pub(crate) fn takes(link: &Link, len: usize) -> bool {
    link.is_up() && len <= link.mtu() as usize + Ethernet::LEN + TAG_LEN
}

/// Whether a device is a bridge.
pub(super) fn is_bridge(link: &Link) -> bool {
    link.kind() == "bridge"
}

impl Stack<'_, '_> {
    /// A frame comes in by a port (`br_handle_frame`).
    pub(super) fn bridge_receive(
        &mut self,
        port: u32,
        frame: &[u8],
        addressed: Addressed,
        mark: u32,
    ) -> Bridged {
        let Some(header) = Ethernet::read(frame) else { return Bridged::Pass };
        let Some((bridge, at)) = Port::find(self.config, port) else { return Bridged::Pass };
        let unknown = bridge.unknown().or(at.unknown());
        if let Some(unknown) = unknown {
            return self.bridged(Outcome::Unknown(unknown));
        }
        if is_tag(header.ethertype.get()) {
            return self.bridged(Outcome::Unknown(TAGS));
        }
        if header.src[0] & 1 != 0 || header.src == [0; 6] {
            return self.bridged(Outcome::Dropped(DropReason::MacInvalidSource));
        }
        if header.dst[..5] == OF_THE_LINK && header.dst[5] < 16 {
            let allowed = |mask: u16| mask & 1 << header.dst[5] != 0;
            match header.dst[5] {
                // Without spanning tree those of it go on, so that another bridge sees a loop.
                0 => {}
                1 => return self.bridged(Outcome::Dropped(DropReason::MacIeeeMacControl)),
                _ if allowed(at.group_mask | bridge.group_mask) => {}
                _ => {
                    if at.learns && matches!(at.state, FORWARDING | LEARNING) && bridge.learns_of_the_link {
                        self.bridge_learns(&bridge, port, header.src);
                    }
                    return Bridged::Pass;
                }
            }
        }
        if !matches!(at.state, FORWARDING | LEARNING) {
            return self.bridged(Outcome::Dropped(DropReason::BridgeIngressStpState));
        }
        let addressed = if header.dst == bridge.mac { Addressed::Host } else { addressed };
        let frame = match self.bridge_checks(header.ethertype.get(), frame) {
            Ok(frame) => frame,
            Err(reason) => return self.bridged(Outcome::Dropped(reason)),
        };
        let number = match self.bridge_prerouting(bridge.dev, frame, addressed, mark) {
            Seen::No => None,
            Seen::Passed(number) => Some(number),
            Seen::Stopped => return Bridged::Done,
        };
        match self.bridge_handles(&bridge, Came { port: &at, mark }, frame, *header, addressed) {
            Bridged::Up { bridge, addressed, len, .. } => {
                Bridged::Up { bridge, addressed, len, seen: number }
            }
            other => other,
        }
    }

    /// `br_handle_frame_finish`.
    fn bridge_handles(
        &mut self,
        bridge: &Bridge,
        from: Came<'_>,
        frame: &[u8],
        header: Ethernet,
        addressed: Addressed,
    ) -> Bridged {
        let at = from.port;
        if at.learns {
            self.bridge_learns(bridge, at.dev, header.src);
        }
        let up = Bridged::Up { bridge: bridge.dev, addressed, len: frame.len(), seen: None };
        let mut flood = Flood::Unicast;
        if header.dst == BROADCAST {
            flood = Flood::Broadcast;
        } else if header.dst[0] & 1 != 0 {
            flood = Flood::Multicast;
            if let Err(outcome) = snoop::look(bridge, frame, header.ethertype.get()) {
                return self.bridged(outcome);
            }
        }
        if at.state == LEARNING {
            return self.bridged(Outcome::Dropped(DropReason::BridgeIngressStpState));
        }
        let is_promiscuous =
            self.config.links.get(bridge.dev).is_some_and(|link| link.msg.flags.has(LinkFlags::PROMISC));
        let goes_up = is_promiscuous || flood != Flood::Unicast;
        let sent = match flood {
            Flood::Unicast if is_own(self.config, bridge, header.dst) => return up,
            Flood::Unicast => match self.learned_port(bridge, header.dst) {
                Some(to) => match self.bridge_sends(&to, Some(&from), frame) {
                    At::NoTarget => At::Dropped(DropReason::NotSpecified),
                    other => other,
                },
                None => self.flood(bridge, flood, Some(&from), frame),
            },
            _ => self.flood(bridge, flood, Some(&from), frame),
        };
        if goes_up {
            return up;
        }
        self.bridged(match sent {
            At::Sent => Outcome::Sent,
            At::Dropped(reason) => Outcome::Dropped(reason),
            At::NoTarget => Outcome::Dropped(DropReason::NoTxTarget),
        })
    }

    /// A frame that the host sends by a bridge (`br_dev_xmit`); whether it leaves.
    pub(super) fn bridge_transmit(&mut self, dev: u32, frame: &[u8]) -> bool {
        let Some(bridge) = Bridge::find(self.config, dev) else { return false };
        let Some(header) = Ethernet::read(frame) else { return false };
        let of_vlan = is_tag(header.ethertype.get()).then_some(TAGS);
        if let Some(unknown) = bridge.unknown().or(of_vlan) {
            self.bridged(Outcome::Unknown(unknown));
            return false;
        }
        let flood = match header.dst {
            BROADCAST => Flood::Broadcast,
            dst if dst[0] & 1 != 0 => match snoop::look(&bridge, frame, header.ethertype.get()) {
                Ok(()) => Flood::Multicast,
                Err(outcome) => {
                    self.bridged(outcome);
                    return false;
                }
            },
            dst => {
                let known = match is_own(self.config, &bridge, dst) {
                    // What goes to a port's own address leaves by that port.
                    true => Some(Port::all(self.config, &bridge).into_iter().find(|port| port.mac == dst)),
                    false => self.learned_port(&bridge, dst).map(Some),
                };
                if let Some(to) = known {
                    return to.is_some_and(|to| self.bridge_sends(&to, None, frame) == At::Sent);
                }
                Flood::Unicast
            }
        };
        self.flood(&bridge, flood, None, frame) == At::Sent
    }

    /// To all ports but the one that it came by (`br_flood`), the newest first.
    fn flood(&mut self, bridge: &Bridge, flood: Flood, from: Option<&Came<'_>>, frame: &[u8]) -> At {
        let mut all = At::NoTarget;
        for port in Port::all(self.config, bridge) {
            let is_wanted = match flood {
                Flood::Unicast => port.floods,
                Flood::Multicast => port.floods_multicast || from.is_none(),
                Flood::Broadcast => port.floods_broadcast || from.is_none(),
            };
            if is_wanted {
                all = match (all, self.bridge_sends(&port, from, frame)) {
                    (At::Sent, _) | (_, At::Sent) => At::Sent,
                    (At::NoTarget, at) => at,
                    (At::Dropped(_), at @ At::Dropped(_)) => at,
                    (dropped, At::NoTarget) => dropped,
                };
            }
        }
        all
    }

    /// `br_forward`: to a port, if it may leave by that.
    fn bridge_sends(&mut self, to: &Port, from: Option<&Came<'_>>, frame: &[u8]) -> At {
        if let Some(unknown) = to.unknown() {
            self.bridged(Outcome::Unknown(unknown));
            return At::Dropped(DropReason::NotSpecified);
        }
        let turns_back = from.is_some_and(|from| from.port.dev == to.dev) && !to.is_hairpin;
        let is_isolated = to.is_isolated && from.is_some_and(|from| from.port.is_isolated);
        let link = self.config.links.get(to.dev);
        let may_leave = link.is_some_and(|link| takes(link, frame.len()) && link.has_carrier());
        if turns_back || is_isolated || to.state != FORWARDING {
            return At::NoTarget;
        }
        if let Some((from, link)) = from.zip(link.cloned()) {
            if self.lacks_arp(frame) {
                return At::Dropped(DropReason::PktTooSmall);
            }
            if let Err(at) = self.bridge_forwards(to.bridge, frame, from.mark) {
                return at;
            }
            if let Some(at) = self.bridge_cuts(to.bridge, &link, frame) {
                return at;
            }
        }
        if !may_leave {
            return At::Dropped(DropReason::NotSpecified);
        }
        self.emitted.push(Frame { dev: to.dev, bytes: frame.to_vec() });
        self.stage(Stage::Transmit { dev: to.dev });
        At::Sent
    }

    /// A sender lies behind a port (`br_fdb_update`).
    fn bridge_learns(&mut self, bridge: &Bridge, port: u32, mac: Mac) {
        if bridge.ageing != 0 && !is_own(self.config, bridge, mac) {
            let now = self.now();
            self.state.learned.learn(bridge.dev, mac, port, now, bridge.ageing);
        }
    }

    /// The port behind which an address was seen lately.
    fn learned_port(&self, bridge: &Bridge, mac: Mac) -> Option<Port> {
        let port = self.state.learned.port(bridge.dev, mac, self.now(), bridge.ageing)?;
        let (of, port) = Port::find(self.config, port)?;
        (of.dev == bridge.dev).then_some(port)
    }

    fn bridged(&mut self, outcome: Outcome) -> Bridged {
        self.end_event(outcome);
        Bridged::Done
    }
}

/// Whether an address is the bridge's or one of its ports'.
fn is_own(config: &Config, bridge: &Bridge, mac: Mac) -> bool {
    mac == bridge.mac
        || config.links.iter().any(|link| link.master() == Some(bridge.dev) && mac_of(link) == mac)
}
