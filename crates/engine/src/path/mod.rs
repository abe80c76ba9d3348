//! A packet's way through the network layer: bytes in, bytes out.
//!
//! bytes → receive checks → PREROUTING → input lookup → [`Decision`] → deliver, forward
//! or error → output → POSTROUTING → neighbour → bytes. The files are the stages of the
//! way, so that the tree reads like the packet-flow picture; each function names the
//! kernel's that it stands for.
//!
//! A [`Stack`] is the network layer of one namespace at work on one event: a frame that
//! arrives, or a timer. What it sends to loopback comes back within the same event.
//! IPv6's stages are in `six`.

mod arp;
pub(crate) mod bridge;
mod bulk;
mod deliver;
mod dissect;
mod ethernet;
mod forward;
mod fragment;
mod fragments;
mod hook;
mod icmp;
mod icmp_in;
mod igmp;
mod learn;
mod limits;
mod log;
mod modules;
mod mroute;
pub(crate) mod neighbour;
pub mod options;
mod output;
mod probe;
mod reassemble;
mod receive;
mod six;
pub mod sockets;
mod tcp;
mod timers;
mod udp;
mod vlan;
mod vrf;
mod waiting;
mod with_options;

use std::collections::VecDeque;
use std::mem;
use std::net::Ipv6Addr;

use fingerpost_net::Rng;

pub use bridge::Learned;
pub use bulk::{Arrived, Forwarded, Forwarder};
pub use ethernet::has_header;
pub use fragments::Beside;
pub use hook::{AtHook, HookFn, HookId, Hooks, Kind, Verdict};
pub use limits::{GlobalLimit, Peers, Tick};
pub use log::{LinkHeader, Logged};
pub use mroute::{Multicast, Used, VifCounts};
pub use neighbour::{Resolution, Resolutions, mac_of_group};
pub use options::Options;
pub use reassemble::{Reassembled, Reassembly};
pub use six::{Listener, Listeners, Listening, Noted, Reassembly6};
pub use timers::{Due, Timer, Timers};
pub(crate) use vlan::is_tagged;
pub use waiting::{Owner, Waiting};

use crate::config::Config;
use crate::control::{self, sysctl};
use crate::counters::Counter;
use crate::lookup::{Decision, Decision6, DropReason};
use crate::namespace::{Env, Namespace};
use crate::state::{State, Time};
use crate::trace::{Event, Stage, Tracer};

/// A frame that leaves by a device; of a device without link header the packet alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The device.
    pub dev: u32,
    /// From the link header on.
    pub bytes: Vec<u8>,
}

/// What became of a packet: one for each that is received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It left by a device.
    Sent,
    /// A protocol of this host took it.
    Delivered,
    /// It waits for a neighbour's address, or for the rest of its datagram.
    Queued,
    /// It was dropped.
    Dropped(DropReason),
    /// What it meets is not modelled: its name.
    Unknown(&'static str),
}

/// What an event brought about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handled {
    /// What became of the packet.
    pub outcome: Outcome,
    /// The frames that left, in order.
    pub emitted: Vec<Frame>,
}

/// To whom a frame was addressed (`skb->pkt_type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addressed {
    /// This host.
    Host,
    /// Everybody.
    Broadcast,
    /// A group.
    Multicast,
    /// Another host.
    OtherHost,
    /// Nobody: a copy that was sent to many and comes back.
    Loopback,
}

/// What a packet made here has of the socket that sends it (`skb->sk`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sender {
    /// The device that the socket is bound to; 0 for none.
    pub dev: u32,
    /// Its owner.
    pub uid: u32,
    /// Whether its source need not be an own address (`IP_TRANSPARENT`).
    pub any_source: bool,
    /// Cut by the device's MTU, whatever was learned of the path (`ip_sk_use_pmtu`).
    pub by_device_mtu: bool,
    /// Cut although it says that it must not be (`ignore_df`).
    pub ignores_df: bool,
    /// Those who listen on this host get no copy (`IP_MULTICAST_LOOP` off).
    pub is_for_others: bool,
    /// Its checksum is left to the device, loopback being one that does nothing about it
    /// (`CHECKSUM_PARTIAL`).
    pub leaves_sum: bool,
    /// Of one of IPv6 with a header of its sender's: where it goes, whatever that says.
    pub next: Option<Ipv6Addr>,
}

/// A packet on its way (`struct sk_buff`); stages hand each other a pointer to it, as it is large.
#[derive(Clone, Debug)]
pub struct Packet {
    /// From the IP header on.
    pub bytes: Vec<u8>,
    /// The link header that it came with, of a device that has some.
    pub link_header: Option<LinkHeader>,
    /// To whom its frame was addressed.
    pub addressed: Addressed,
    /// The device that it is at: the ingress device, later the egress device.
    pub dev: u32,
    /// The device that it came in by; 0 if it was made here.
    pub iif: u32,
    /// Its mark.
    pub mark: u32,
    /// What was decided about it, if it is one of IPv4.
    pub decision: Option<Decision>,
    /// The same of IPv6.
    pub decision6: Option<Decision6>,
    /// What IPv6 notes of its headers.
    pub six: Noted,
    /// Whether it is being forwarded.
    pub is_forwarded: bool,
    /// Whether it passed PREROUTING on a bridge.
    pub is_prerouted: bool,
    /// Its options, once they were read.
    pub options: Options,
    /// What it remembers of its fragments, if it was put together here.
    pub reassembled: Option<Reassembled>,
    /// How many devices that send by others have handed it on.
    pub handed_on: u8,
    /// Whether a connected socket was found to be its receiver before its way was (`skb->sk`).
    pub has_socket: bool,
    /// The socket that sends it, if one does.
    pub sender: Option<Sender>,
    /// Whose memory it is.
    pub owner: Owner,
    /// Whether the event is about it, so that what becomes of it is the event's outcome.
    pub is_subject: bool,
    /// The number by which events tell it from others; 0 until its way begins.
    pub number: u64,
}

impl Packet {
    /// A packet at a device, of which nothing is known but its bytes.
    pub fn at(dev: u32, bytes: Vec<u8>) -> Packet {
        Packet {
            bytes,
            link_header: None,
            addressed: Addressed::Host,
            dev,
            iif: 0,
            mark: 0,
            decision: None,
            decision6: None,
            six: Noted::default(),
            is_forwarded: false,
            is_prerouted: false,
            options: Options::default(),
            reassembled: None,
            handed_on: 0,
            has_socket: false,
            sender: None,
            owner: Owner::Nobody,
            is_subject: false,
            number: 0,
        }
    }

    /// A copy of it, which the event is not about.
    fn copy(&self) -> Box<Packet> {
        Box::new(Packet { is_subject: false, ..self.clone() })
    }

    /// A packet made here.
    pub fn made(bytes: Vec<u8>, decision: Decision, mark: u32) -> Packet {
        Packet { mark, dev: decision.dev, decision: Some(decision), ..Packet::at(0, bytes) }
    }
}

/// The network layer of a namespace at work on one event.
pub struct Stack<'a, 't> {
    config: &'a mut Config,
    state: &'a mut State,
    env: Env<'a>,
    rng: &'a mut Rng,
    tracer: &'a mut Tracer<'t>,
    emitted: Vec<Frame>,
    /// Packets that loopback gives back.
    backlog: VecDeque<Box<Packet>>,
    outcome: Outcome,
    /// Whether the way of what the event is about has ended.
    has_ended: bool,
    /// Whether an ICMPv6 message is on its way out: meanwhile no other is made
    /// (`icmpv6_xmit_lock`).
    sends_icmp6: bool,
}

impl<'a, 't> Stack<'a, 't> {
    /// At work in a namespace.
    pub fn new(
        config: &'a mut Config,
        state: &'a mut State,
        env: Env<'a>,
        rng: &'a mut Rng,
        tracer: &'a mut Tracer<'t>,
    ) -> Self {
        let outcome = Outcome::Dropped(DropReason::NotSpecified);
        let (emitted, backlog) = (Vec::new(), VecDeque::new());
        Stack {
            config,
            state,
            env,
            rng,
            tracer,
            emitted,
            backlog,
            outcome,
            has_ended: false,
            sends_icmp6: false,
        }
    }

    /// A frame arrives by a device, its packet with a mark. Of a device without link header
    /// it is the packet alone.
    pub fn receive(mut self, dev: u32, frame: &[u8], mark: u32) -> Handled {
        self.take_frame(dev, frame, mark);
        self.finish()
    }

    /// Does what a program asks, and what follows at once: what became of the packet, if
    /// one was made, and the frames that left.
    pub(crate) fn call<T>(mut self, call: impl FnOnce(&mut Self) -> T) -> (T, Option<Outcome>, Vec<Frame>) {
        let result = call(&mut self);
        self.run_backlog();
        (result, self.has_ended.then_some(self.outcome), self.emitted)
    }

    /// A timer ends.
    pub fn fire(mut self, timer: Timer) -> Handled {
        match timer {
            Timer::Neighbour(dev, addr) => self.neighbour_timer(dev, addr),
            Timer::Managed(dev, addr) => self.managed_timer((dev, addr)),
            Timer::Segment(id) => self.segment_timer(id),
            Timer::Reassembly => self.give_up_datagrams(),
            Timer::Reassembly6 => self.give_up_datagrams6(),
            Timer::Multicast => self.give_up_multicast(),
            Timer::Detection(dev, addr) => self.detect(dev, addr),
            Timer::Listener(dev, listening) => self.listener_timer(dev, listening),
            Timer::Exceptions6 => self.forget_exceptions6(),
            Timer::ProxyArp { dev, sender, mac, target } => self.proxy_arp(dev, sender, mac, target),
            Timer::ProxyNd { dev, sender, mac, target } => self.proxy_nd(dev, sender, mac, target),
        }
        self.finish()
    }

    /// Loopback gives back what was sent to it.
    fn finish(mut self) -> Handled {
        self.run_backlog();
        Handled { outcome: self.outcome, emitted: self.emitted }
    }

    fn run_backlog(&mut self) {
        loop {
            while let Some(packet) = self.backlog.pop_front() {
                self.announce(&packet);
                match six::is_six(&packet) {
                    false => self.ip_receive(packet),
                    true => self.ip6_receive(packet),
                }
            }
            if self.state.group_changes.is_none() {
                return;
            }
            self.take_group_changes();
        }
    }

    /// Changes the configuration as a packet demands, with what that brings; groups that
    /// are joined and left on the way are told of.
    fn reconfigure<T>(&mut self, change: impl FnOnce(&mut Namespace, Env<'_>) -> T) -> T {
        let (config, mut state) = (mem::take(self.config), mem::take(self.state));
        state.group_changes.get_or_insert_default();
        let mut ns = Namespace { config, state };
        let result = change(&mut ns, self.env);
        control::detect6::finish_due(&mut ns, self.env);
        (*self.config, *self.state) = (ns.config, ns.state);
        result
    }

    fn now(&self) -> Time {
        self.env.now
    }

    /// When a timer goes off that is set now for a time.
    fn slot(&self, at: Time) -> Due {
        self.state.tick.slot(self.now(), at)
    }

    fn count(&mut self, counter: Counter) {
        self.state.counters.count(counter);
    }

    /// A setting of `net.ipv4` that is not per device, as a number.
    fn setting(&self, name: &str) -> i64 {
        sysctl::number_of(self.config, name)
    }

    /// The packet's way begins.
    fn set_out(&mut self, packet: &mut Packet) {
        self.state.packets += 1;
        packet.number = self.state.packets;
        self.announce(packet);
    }

    /// Tells the tracer what the following is about.
    fn announce(&mut self, packet: &Packet) {
        self.tracer.event_of_way(|| Event::Packet { number: packet.number, bytes: packet.bytes.clone() });
    }

    /// The packet's way ends.
    fn end(&mut self, packet: &Packet, outcome: Outcome) {
        // What is unknown of an answer is unknown of the event.
        let is_known = !matches!(self.outcome, Outcome::Unknown(_));
        if packet.is_subject && is_known || matches!(outcome, Outcome::Unknown(_)) {
            self.outcome = outcome;
            self.has_ended = true;
        }
        self.tracer.event_of_way(|| Event::Ended { packet: packet.number, outcome });
    }

    /// The event itself ends: a frame that did not become a packet.
    fn end_event(&mut self, outcome: Outcome) {
        if !matches!(self.outcome, Outcome::Unknown(_)) {
            self.outcome = outcome;
        }
        self.tracer.event_of_way(|| Event::Ended { packet: 0, outcome });
    }

    fn drop(&mut self, packet: &Packet, reason: DropReason) {
        self.end(packet, Outcome::Dropped(reason));
    }

    fn stage(&mut self, stage: Stage) {
        self.tracer.event_of_way(|| Event::Stage { stage });
    }
}
