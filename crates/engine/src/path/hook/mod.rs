//! Netfilter's five hooks: functions that see every packet at fixed places of its way, may
//! change it and may end it (`nf_hook_slow`; C-221 to C-225, C-242 to C-244).
//!
//! [`Hooks`] is a namespace's register of them, [`AtHook`] what one of them sees. Where a
//! change has a packet made here looked up again is in `reroute`. No ruleset is
//! interpreted here. While nothing is registered a hook costs nothing.

mod packet;
mod register;
mod reroute;

use std::mem;

use fingerpost_net::{Errno, Family};

pub use packet::AtHook;
pub use register::{HookFn, HookId, Hooks, Kind, Verdict};

use super::six::is_six;
use super::{Outcome, Packet, Stack};
use crate::counters::Counter;
use crate::lookup::DropReason;
use crate::trace::{Hook, Stage};

/// What whoever sends a packet is told: that it left or waits, or why it did not.
pub(super) type Sent = Result<(), Errno>;

/// A packet that has passed POSTROUTING: nothing else leaves.
pub(super) struct Posted(Box<Packet>);

impl Posted {
    pub fn into_packet(self) -> Box<Packet> {
        self.0
    }
}

/// A packet that has passed a hook.
pub(super) struct Passed(Box<Packet>);

impl Passed {
    pub fn into_packet(self) -> Box<Packet> {
        self.0
    }
}

impl Stack<'_, '_> {
    /// PREROUTING of a packet that is received; `None` where it was stopped.
    pub(super) fn prerouting(&mut self, mut packet: Box<Packet>) -> Option<Passed> {
        match mem::take(&mut packet.is_prerouted) {
            true => Some(Passed(packet)),
            false => self.hook(Hook::Prerouting, packet),
        }
    }

    /// PREROUTING, INPUT or FORWARD; `None` where it was stopped.
    pub(super) fn hook(&mut self, hook: Hook, packet: Box<Packet>) -> Option<Passed> {
        let output = if hook == Hook::Forward { way_out(&packet) } else { 0 };
        let input = packet.dev;
        self.pass(hook, (input, output), packet).ok().map(Passed)
    }

    /// OUTPUT; where it was stopped, what the sender is told.
    pub(super) fn hook_output(&mut self, packet: Box<Packet>) -> Result<Passed, Sent> {
        let output = way_out(&packet);
        self.hook_output_by(packet, output)
    }

    /// The same by another device than the one that was decided on: a VRF's.
    pub(super) fn hook_output_by(&mut self, packet: Box<Packet>, output: u32) -> Result<Passed, Sent> {
        self.pass(Hook::Output, (0, output), packet).map(Passed)
    }

    /// POSTROUTING, of a packet that stood at the device `from` before; 0 if at none. Where
    /// it was stopped, what the sender is told.
    pub(super) fn postrouting(&mut self, packet: Box<Packet>, from: u32) -> Result<Posted, Sent> {
        let output = packet.dev;
        self.pass(Hook::Postrouting, (from, output), packet).map(Posted)
    }

    /// `nf_hook_slow`.
    fn pass(
        &mut self,
        hook: Hook,
        (input, output): (u32, u32),
        mut packet: Box<Packet>,
    ) -> Result<Box<Packet>, Sent> {
        self.stage(Stage::Hook { hook, input, output });
        let family = if is_six(&packet) { Family::V6 } else { Family::V4 };
        let mut stopped = None;
        for entry in self.config.hooks.at(family, hook) {
            let before = reroute::Before::of(&packet);
            let config = &*self.config;
            let mut seen =
                AtHook { hook, family, input, output, config, now: self.env.now, packet: &mut packet };
            let mut verdict = (entry.function)(&mut seen);
            let what = before.needs(&packet, hook, entry.kind);
            if verdict == Verdict::Accept && what == reroute::Needed::Forget {
                (packet.decision, packet.decision6) = (None, None);
            }
            if verdict == Verdict::Accept && what == reroute::Needed::Lookup {
                let found = reroute::again(config, self.state, self.env, &mut packet, self.tracer);
                verdict = found.map_or_else(Verdict::DropWith, |()| Verdict::Accept);
            }
            if verdict != Verdict::Accept {
                stopped = Some(verdict);
                break;
            }
        }
        let outcome = Outcome::Dropped(DropReason::NetfilterDrop);
        let (outcome, told) = match stopped {
            None | Some(Verdict::Accept) => return Ok(packet),
            Some(Verdict::Drop) => (outcome, Err(Errno::EPERM)), // C-223
            Some(Verdict::DropWith(errno)) => (outcome, Err(errno)),
            Some(Verdict::Unknown(name)) => (Outcome::Unknown(name), Ok(())),
        };
        self.end(&packet, outcome);
        Err(told)
    }

    /// Counts a packet made here that did not leave, where its maker does
    /// (`ip_send_skb`, `ip6_send_skb`; C-239).
    pub(super) fn count_unsent(&mut self, sent: Sent, counter: Counter) -> Sent {
        if sent.is_err() {
            self.count(counter);
        }
        sent
    }
}

/// The device that was decided on.
fn way_out(packet: &Packet) -> u32 {
    let (four, six) = (&packet.decision, &packet.decision6);
    let decided = four.as_ref().map(|way| way.dev).or(six.as_ref().map(|way| way.dev));
    decided.unwrap_or(packet.dev)
}
