//! From events to steps: which packet each is about, and what is said of it.

use std::collections::HashMap;
use std::net::IpAddr;

use fingerpost_engine::Config;
use fingerpost_engine::path::{Frame, Logged, Outcome, has_header};
use fingerpost_engine::trace::{Event, Hook, Stage};
use fingerpost_model::NeighState;
use fingerpost_net::Errno;
use fingerpost_net::wire::{Arp, Mac, icmp, icmp6};

use super::decode::{self, Seen};
use super::report::{Side, StageReport, Step};
use crate::explain::{Asked, device_name, packet_lookups};
use crate::replay::{hex, words};

/// What is known of packets from one moment to the next.
pub(super) struct Memory {
    /// The number of the packet that the journey is about; 0 until it is known.
    pub subject: u64,
    /// What becomes of it.
    pub fate: Fate,
    /// Milliseconds since it came, in moments after that.
    pub after: Option<u64>,
    /// What the packets are that were met.
    seen: HashMap<u64, Seen>,
}

/// What becomes of the packet that the journey is about.
pub(super) struct Fate {
    /// How it ended, or stands.
    pub outcome: Outcome,
    /// When that was, if not at once.
    pub after: Option<u64>,
    /// The kernel function of the last stage that it came to.
    pub place: &'static str,
    /// Its next step.
    pub next: Option<(u32, IpAddr)>,
    /// The frames that left, each with its device and destination.
    pub left: Vec<(u32, Option<Mac>)>,
    /// Those by which a bridge passed it on as it was.
    pub switched: Vec<(u32, Option<Mac>)>,
    /// Whether it was forwarded.
    pub is_forwarded: bool,
    /// Whether it was cut into pieces.
    pub is_cut: bool,
    /// The error that it was to be answered with.
    pub errno: Option<Errno>,
}

impl Memory {
    pub fn new(outcome: Outcome) -> Memory {
        let fate = Fate {
            outcome,
            after: None,
            place: "",
            next: None,
            left: Vec::new(),
            switched: Vec::new(),
            is_forwarded: false,
            is_cut: false,
            errno: None,
        };
        Memory { subject: 0, fate, after: None, seen: HashMap::new() }
    }
}

/// A packet under way.
struct Open {
    /// Its number; 0 for a message that is not made yet.
    number: u64,
    /// What is told of it, unless it is the subject, whose steps are the journey's.
    side: Option<Side>,
    is_six: bool,
    ended: Option<Outcome>,
    /// Whether it goes on in pieces.
    is_cut: bool,
}

impl Open {
    /// Whether a stage can still be its own.
    fn takes(&self, stage: Stage) -> bool {
        let goes_on = self.is_cut || self.ended == Some(Outcome::Queued);
        match stage {
            _ if self.ended.is_none() => self.number != 0,
            Stage::Neighbour { .. } => true,
            Stage::Arp { .. } => goes_on,
            Stage::Next { .. } | Stage::Transmit { .. } => self.is_cut,
            _ => false,
        }
    }
}

/// Makes steps of the events of one moment.
pub(super) struct Builder<'a, 'm> {
    asked: Asked<'a>,
    /// What left, in order.
    frames: std::slice::Iter<'a, Frame>,
    memory: &'m mut Memory,
    /// Whether a timer brings it about.
    is_timer: bool,
    /// What lookups told since the last step.
    lookups: Vec<Event>,
    /// Packets under way, each made because of the one before it.
    open: Vec<Open>,
    steps: Vec<Step>,
}

impl<'a, 'm> Builder<'a, 'm> {
    pub fn new(asked: Asked<'a>, emitted: &'a [Frame], memory: &'m mut Memory, is_timer: bool) -> Self {
        let frames = emitted.iter();
        Builder { asked, frames, memory, is_timer, lookups: Vec::new(), open: Vec::new(), steps: Vec::new() }
    }

    /// The steps that events tell of.
    pub fn steps(mut self, events: &[Event]) -> Vec<Step> {
        for event in events {
            match event {
                Event::Packet { number, bytes } => self.packet(*number, bytes),
                Event::Stage { stage } => self.stage(*stage),
                Event::Ended { packet, outcome } => self.ended(*packet, *outcome),
                Event::Logged { what } => self.logged(*what),
                event => self.lookups.push(event.clone()),
            }
        }
        self.flush();
        while !self.open.is_empty() {
            self.close();
        }
        // What no event told of.
        while let Some(frame) = self.frames.next() {
            let step = self.transmit(frame, frame.dev);
            self.put(step);
        }
        self.steps
    }

    fn config(&self) -> &'a Config {
        &self.asked.ns.config
    }

    fn put(&mut self, step: Step) {
        match self.open.last_mut().and_then(|open| open.side.as_mut()) {
            Some(side) => side.steps.push(step),
            None => self.steps.push(step),
        }
    }

    /// Lookups since the last step become steps: of packets beside in brief.
    fn flush(&mut self) {
        let events = std::mem::take(&mut self.lookups);
        let is_beside = self.open.last().is_some_and(|open| open.side.is_some());
        for lookup in packet_lookups(self.asked, &events, is_beside) {
            self.put(Step::Lookup(Box::new(lookup)));
        }
    }

    /// The innermost packet is done with.
    fn close(&mut self) {
        let Some(Open { side, ended, .. }) = self.open.pop() else { return };
        if let Some(mut side) = side {
            match ended {
                Some(Outcome::Sent) => side.outcome = "sent",
                Some(outcome) => (side.outcome, side.reason) = words(outcome),
                None => {}
            }
            self.put(Step::Side(side));
        }
    }

    fn packet(&mut self, number: u64, bytes: &[u8]) {
        let seen = decode::body(bytes);
        let is_six = bytes.first().is_some_and(|byte| byte >> 4 == 6);
        while self
            .open
            .last()
            .is_some_and(|open| matches!(open.ended, Some(ended) if ended != Outcome::Queued && !open.is_cut))
        {
            self.flush();
            self.close();
        }
        self.flush();
        let is_back = self.memory.seen.insert(number, seen.clone()).is_some();
        if self.memory.subject == 0 && !self.is_timer {
            self.memory.subject = number;
        }
        if number == self.memory.subject {
            return self.open.push(Open { number, side: None, is_six, ended: None, is_cut: false });
        }
        if let Some(open) = self.open.last_mut().filter(|open| open.number == 0)
            && let Some(side) = &mut open.side
        {
            (open.number, open.is_six) = (number, is_six);
            side.tell(&seen);
            side.outcome = "looped";
            return;
        }
        let function = match (is_back, is_six) {
            (true, _) => "process_backlog",
            (false, false) => "ip_local_out",
            (false, true) => "ip6_local_out",
        };
        let mut side = Side::new(seen.name.clone(), function);
        side.tell(&seen);
        side.outcome = "looped";
        self.open.push(Open { number, side: Some(side), is_six, ended: None, is_cut: false });
    }

    fn stage(&mut self, stage: Stage) {
        self.flush();
        while self.open.last().is_some_and(|open| !open.takes(stage)) {
            self.close();
        }
        if let Stage::IcmpSend { kind, code } = stage {
            return self.message(kind, code);
        }
        let is_six = self.open.last().is_some_and(|open| open.is_six);
        let config = self.config();
        let mut at = None;
        let (name, text, function) = match stage {
            Stage::Receive { dev } => {
                at = Some(dev);
                let is_ip = self.open.last().is_none_or(|open| {
                    self.memory.seen.get(&open.number).is_none_or(|seen| seen.name != "ARP")
                });
                let function = match (is_ip, is_six) {
                    (false, _) => "arp_rcv",
                    (true, false) => "ip_rcv",
                    (true, true) => "ipv6_rcv",
                };
                ("receive", format!("by {}", device_name(config, dev)), function)
            }
            Stage::Hook { hook, input, output } => {
                let mut text = hook_name(hook).to_string();
                for (word, dev) in [("in", input), ("out", output)] {
                    if dev != 0 {
                        text.push_str(&format!(", {word} {}", device_name(config, dev)));
                    }
                }
                ("hook", text, "nf_hook_slow")
            }
            Stage::Deliver => {
                let function = if is_six { "ip6_input" } else { "ip_local_deliver" };
                ("deliver", "to this host".into(), function)
            }
            Stage::Forward => {
                let function = if is_six { "ip6_forward" } else { "ip_forward" };
                ("forward", "it is for another host".into(), function)
            }
            Stage::Error { errno } => {
                let text = errno.name().unwrap_or("an error").to_string();
                ("error", text, if is_six { "ip6_pkt_drop" } else { "ip_error" })
            }
            Stage::LocalOut => {
                ("local out", String::new(), if is_six { "ip6_local_out" } else { "ip_local_out" })
            }
            Stage::Output { dev } => {
                at = Some(dev);
                let function = if is_six { "ip6_output" } else { "ip_output" };
                ("output", format!("by {}", device_name(config, dev)), function)
            }
            Stage::Cut => {
                let function = if is_six { "ip6_fragment" } else { "ip_do_fragment" };
                ("cut", "into pieces".into(), function)
            }
            Stage::Next { dev, addr } => {
                at = Some(dev);
                let function = if is_six { "ip6_finish_output2" } else { "ip_finish_output2" };
                ("next", format!("{addr} on {}", device_name(config, dev)), function)
            }
            Stage::Neighbour { dev, addr, state } => {
                at = Some(dev);
                let name = state.name().unwrap_or("NONE");
                let function = match state {
                    // Of timers only the one that keeps entries up does that.
                    NeighState::INCOMPLETE => "__neigh_event_send",
                    _ if self.is_timer => "neigh_timer_handler",
                    NeighState::DELAY | NeighState::FAILED => "__neigh_event_send",
                    _ => "__neigh_update",
                };
                ("neighbour", format!("{addr} on {} becomes {name}", device_name(config, dev)), function)
            }
            Stage::Arp { dev, op, target } => return self.arp(dev, op, target.into()),
            Stage::Transmit { dev } => {
                let step = match self.next_frame(dev) {
                    Some(frame) => {
                        self.frames.next();
                        self.transmit(frame, dev)
                    }
                    None => {
                        self.plain("transmit", format!("by {}", device_name(config, dev)), XMIT, Some(dev))
                    }
                };
                return self.put(step);
            }
            Stage::Loop => ("loop", "back to this host".into(), "loopback_xmit"),
            Stage::LoopCopy => ("loop copy", "of it, back to this host".into(), "dev_loopback_xmit"),
            Stage::IcmpSend { .. } => return,
        };
        self.note(stage, function);
        let step = self.plain(name, text, function, at);
        self.put(step);
        if let Some(open) = self.open.last_mut() {
            open.is_cut |= stage == Stage::Cut;
        }
        if stage == Stage::Loop {
            self.close();
        }
    }

    /// The frame that left next, if it did by a device, or by the one below it.
    fn next_frame(&self, dev: u32) -> Option<&'a Frame> {
        let below = self.config().links.get(dev).and_then(|link| link.msg.link);
        let by = |frame: &&Frame| frame.dev == dev || Some(frame.dev) == below;
        self.frames.as_slice().first().filter(by)
    }

    fn plain(&self, name: &'static str, text: String, function: &'static str, dev: Option<u32>) -> Step {
        let dev = dev.map(|dev| device_name(self.config(), dev));
        Step::Stage(StageReport { name, text, function, dev, frame: None })
    }

    /// Notes what counts for what becomes of the subject.
    fn note(&mut self, stage: Stage, function: &'static str) {
        let is_subject = self.open.last().is_some_and(|open| open.number == self.memory.subject);
        let fate = &mut self.memory.fate;
        if !is_subject {
            return;
        }
        match stage {
            Stage::Next { dev, addr } => fate.next = Some((dev, addr)),
            Stage::Forward => fate.is_forwarded = true,
            Stage::Cut => fate.is_cut = true,
            Stage::Error { errno } => fate.errno = Some(errno),
            Stage::Hook { .. } | Stage::Neighbour { .. } => return,
            _ => {}
        }
        fate.place = function;
    }

    /// A message of ICMP is to be made.
    fn message(&mut self, kind: u8, code: u8) {
        let is_six = self.open.last().map_or_else(|| self.waits_six(), |open| open.is_six);
        let (name, function) = match is_six {
            false if matches!(kind, icmp::ECHO_REPLY | icmp::TIMESTAMP_REPLY) => {
                (format!("ICMP {}", decode::icmp_name(kind, code)), "icmp_reply")
            }
            false => (format!("ICMP {}", decode::icmp_name(kind, code)), "__icmp_send"),
            true if kind == icmp6::ECHO_REPLY => {
                (format!("ICMPv6 {}", decode::icmp6_name(kind, code)), "icmpv6_echo_reply")
            }
            true => (format!("ICMPv6 {}", decode::icmp6_name(kind, code)), "icmp6_send"),
        };
        let side = Some(Side::new(name, function));
        self.open.push(Open { number: 0, side, is_six, ended: None, is_cut: false });
    }

    /// Whether what waits is of IPv6, where a timer brings it about.
    fn waits_six(&self) -> bool {
        let subject = self.memory.seen.get(&self.memory.subject);
        subject.is_some_and(|seen| seen.to.is_some_and(|to| to.is_ipv6()))
    }

    fn arp(&mut self, dev: u32, op: u16, target: IpAddr) {
        let config = self.config();
        let frame = self.next_frame(dev);
        let mut side = Side::new("ARP".into(), "arp_send_dst");
        (side.outcome, side.dev, side.to) =
            ("sent", Some(device_name(config, dev)), Some(target.to_string()));
        match frame {
            Some(frame) => {
                self.frames.next();
                let seen = decode::frame(&frame.bytes, true);
                let whom = match seen.macs {
                    Some((_, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff])) => "everybody".into(),
                    Some((_, mac)) => decode::mac_text(&mac),
                    None => "nobody".into(),
                };
                side.text = format!("{}, to {whom}", seen.text);
                side.frame = Some(hex(&frame.bytes));
            }
            None if op == Arp::REPLY => side.text = format!("ARP reply to {target}"),
            None => side.text = format!("ARP who has {target}"),
        }
        if op == Arp::REPLY {
            side.name = "ARP reply".into();
        }
        self.put(Step::Side(side));
    }

    /// A frame leaves by a device, perhaps over the one below it.
    fn transmit(&mut self, frame: &Frame, by: u32) -> Step {
        let config = self.config();
        let header = config.links.get(frame.dev).is_some_and(has_header);
        let seen = decode::frame(&frame.bytes, header);
        let dev = device_name(config, by);
        let over = match frame.dev == by {
            true => String::new(),
            false => format!(" over {}", device_name(config, frame.dev)),
        };
        let to = seen.macs.map_or(String::new(), |(_, mac)| format!(" to {}", decode::mac_text(&mac)));
        let is_whole = self.open.last().is_some_and(|open| !open.is_cut);
        let text = match seen.details.as_ref().filter(|_| is_whole) {
            Some(details) => format!("by {dev}{over}{to}, {details}"),
            None => format!("by {dev}{over}{to}: {}", seen.line()),
        };
        let whole = hex(&frame.bytes);
        match self.open.last_mut() {
            Some(Open { side: Some(side), .. }) if side.frame.is_none() => {
                (side.dev, side.frame) = (Some(dev.clone()), Some(whole.clone()));
            }
            Some(Open { side: None, .. }) => {
                self.memory.fate.left.push((by, seen.macs.map(|(_, mac)| mac)));
            }
            // A bridge passes the frame on before the host has a look at it.
            None if self.memory.subject == 0 && !self.is_timer => {
                self.memory.fate.switched.push((by, seen.macs.map(|(_, mac)| mac)));
            }
            _ => {}
        }
        Step::Stage(StageReport {
            name: "transmit",
            text,
            function: XMIT,
            dev: Some(dev),
            frame: Some(whole),
        })
    }

    /// Linux writes something to its log.
    fn logged(&mut self, what: Logged) {
        self.flush();
        let config = self.config();
        let text = what.text(self.asked.behaviour, |dev| device_name(config, dev));
        let function = match what {
            Logged::MartianSource { .. } => "ip_handle_martian_source",
            Logged::MartianDestination { .. } => "ip_route_input_slow",
            Logged::SourceRoute { .. } => "ip_rcv_options",
            Logged::RedirectIgnored { .. } => "__ip_do_redirect",
            Logged::RedirectsUnheeded { .. } => "ip_rt_send_redirect",
        };
        let step = self.plain("log", text.replace('\n', "; "), function, None);
        self.put(step);
    }

    fn ended(&mut self, packet: u64, outcome: Outcome) {
        self.flush();
        if packet == 0 {
            // A message that could not be made.
            if let Some(open) = self.open.last_mut().filter(|open| open.number == 0) {
                open.ended = Some(outcome);
                return self.close();
            }
        }
        let is_open = packet != 0 && self.open.iter().any(|open| open.number == packet);
        while self.open.last().is_some_and(|open| open.number != packet && (is_open || open.ended.is_some()))
        {
            self.close();
        }
        if packet == self.memory.subject && self.memory.after.is_some() {
            (self.memory.fate.outcome, self.memory.fate.after) = (outcome, self.memory.after);
        }
        match self.open.last_mut().filter(|open| open.number == packet) {
            Some(open) => {
                open.ended = Some(outcome);
                if open.side.is_some() {
                    return;
                }
            }
            // It was under way before.
            None if packet == self.memory.subject => {}
            None => {
                let seen = self.memory.seen.get(&packet);
                let what = seen.map_or_else(|| "a packet that waited".to_string(), |seen| seen.text.clone());
                let (word, text, function) = self.end(outcome);
                let text = if text.is_empty() { what } else { format!("{text}: {what}") };
                let step = self.plain(word, text, function, None);
                return self.put(step);
            }
        }
        if outcome != Outcome::Sent {
            let (word, text, function) = self.end(outcome);
            let step = self.plain(word, text, function, None);
            self.put(step);
        }
    }

    /// A packet's end as a stage: its name, what is said of it, and the kernel function.
    fn end(&self, outcome: Outcome) -> (&'static str, String, &'static str) {
        match (outcome, words(outcome).1) {
            (Outcome::Sent, _) => ("sent", String::new(), ""),
            (Outcome::Delivered, _) => ("delivered", String::new(), ""),
            (Outcome::Queued, _) => ("waits", waits_for(self.config(), self.memory.fate.next), ""),
            (Outcome::Dropped(_), Some(reason)) => ("dropped", reason.into(), "sk_skb_reason_drop"),
            (Outcome::Dropped(_), None) => ("taken", String::new(), "consume_skb"),
            (Outcome::Unknown(what), _) => ("unknown", what.into(), ""),
        }
    }
}

/// What a packet waits for, by its next step.
pub(super) fn waits_for(config: &Config, next: Option<(u32, IpAddr)>) -> String {
    match next {
        Some((dev, addr)) => format!("for the link-layer address of {addr} on {}", device_name(config, dev)),
        None => "for the rest of its datagram".into(),
    }
}

/// The kernel function by which packets leave.
const XMIT: &str = "__dev_queue_xmit";

impl Side {
    fn new(name: String, function: &'static str) -> Side {
        Side {
            text: name.clone(),
            name,
            function,
            to: None,
            outcome: "not made",
            reason: None,
            dev: None,
            frame: None,
            steps: Vec::new(),
        }
    }

    fn tell(&mut self, seen: &Seen) {
        self.name.clone_from(&seen.name);
        self.text.clone_from(&seen.text);
        self.to = seen.to.map(|to| to.to_string());
    }
}

fn hook_name(hook: Hook) -> &'static str {
    match hook {
        Hook::Prerouting => "PREROUTING",
        Hook::Input => "INPUT",
        Hook::Forward => "FORWARD",
        Hook::Output => "OUTPUT",
        Hook::Postrouting => "POSTROUTING",
    }
}
