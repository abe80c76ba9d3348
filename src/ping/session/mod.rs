//! Sending probes and hearing of them: the loop of `ping` and its figures (iputils 20221126).
//!
//! It knows sockets by what they do alone ([`Wire`]); the clock is the wire's.

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::fmt::Write;
use std::net::IpAddr;

use fingerpost_net::{Errno, Family};

use super::options::Options;
use super::{route, text};

/// The shortest pause, milliseconds.
const SHORTEST: i64 = 10;
/// What sending waits for when nothing is left to send, milliseconds.
const IDLE: i64 = 1000;
/// The time of sending at the beginning of a probe's data, bytes.
pub const STAMP: usize = 16;

/// The socket of a ping, with a clock.
pub trait Wire {
    /// Milliseconds on the clock.
    fn now(&self) -> i64;
    /// The time of day that a clock shows, microseconds since 1970.
    fn time_of_day(&self) -> i64;
    /// Sends an ICMP message to the destination.
    fn send(&mut self, message: &[u8]) -> Result<(), Errno>;
    /// The first message that has come and was not taken.
    fn packet(&mut self) -> Option<Arrived>;
    /// The first error that was noted and not taken.
    fn fault(&mut self) -> Option<Fault>;
    /// Lets time pass until something has come, or until then.
    fn wait(&mut self, until: i64);
}

/// A message that has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// From the ICMP header on.
    pub message: Vec<u8>,
    pub from: IpAddr,
    /// Its sender as it is shown.
    pub shown: String,
    /// The hops that it had left.
    pub ttl: Option<u8>,
    /// Options of its IPv4 header.
    pub options: Vec<u8>,
}

/// An error that was noted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This host could not send.
    Local { errno: Errno, info: u32 },
    /// Another says that it could not deliver a message to this destination.
    Icmp { from: String, kind: u8, code: u8, info: u32, target: IpAddr, quoted: Vec<u8> },
}

/// A ping under way.
pub struct Session<'a, W> {
    options: &'a Options,
    wire: &'a mut W,
    ident: u16,
    target: IpAddr,
    /// What probes carry.
    data: Vec<u8>,
    /// Whether answers may come from anybody.
    is_multicast: bool,
    pub out: String,
    pub err: String,
    transmitted: i64,
    received: i64,
    repeats: i64,
    errors: i64,
    acknowledged: u16,
    pipe: i64,
    seen: HashSet<u16>,
    times: Times,
    started: i64,
    last_sent: Option<i64>,
    tokens: i64,
    alarm: Option<i64>,
    is_waiting: bool,
    route: route::Last,
}

#[derive(Default)]
struct Times {
    sum: i64,
    squares: f64,
    least: i64,
    most: i64,
}

impl<'a, W: Wire> Session<'a, W> {
    /// A ping that begins, at a target that may be several hosts.
    pub fn new(
        options: &'a Options,
        wire: &'a mut W,
        ident: u16,
        (target, is_multicast): (IpAddr, bool),
    ) -> Self {
        let fill = |at: usize| match options.pattern.len() {
            0 => at as u8,
            len => options.pattern[at % len],
        };
        let data = (0..options.size).map(fill).collect();
        let started = wire.now();
        Session {
            options,
            wire,
            ident,
            target,
            data,
            is_multicast,
            out: String::new(),
            err: String::new(),
            transmitted: 0,
            received: 0,
            repeats: 0,
            errors: 0,
            acknowledged: 0,
            pipe: -1,
            seen: HashSet::new(),
            times: Times { least: i64::MAX, ..Times::default() },
            started,
            last_sent: None,
            tokens: 0,
            alarm: (options.deadline != 0).then_some(started + options.deadline * 1000),
            is_waiting: false,
            route: route::Last::default(),
        }
    }

    /// Runs until it ends; the exit status.
    pub fn run(&mut self) -> i32 {
        loop {
            let is_over = self.alarm.is_some_and(|alarm| self.wire.now() >= alarm);
            let heard = self.received + self.errors;
            if is_over
                || self.options.count != 0 && heard >= self.options.count
                || self.options.deadline != 0 && self.errors != 0
            {
                return self.finish();
            }
            let mut next = self.send_due();
            let is_last = self.options.count != 0 && self.transmitted >= self.options.count;
            if is_last && self.options.deadline == 0 {
                next = self.wait_for_last(next);
            }
            if next <= 0 {
                continue;
            }
            let until = self.wire.now() + next;
            self.wire.wait(self.alarm.map_or(until, |alarm| alarm.min(until)));
            self.hear();
        }
    }

    /// Takes what has come, until nothing is under way.
    fn hear(&mut self) {
        loop {
            if let Some(fault) = self.wire.fault() {
                self.note(fault);
            } else if let Some(arrived) = self.wire.packet() {
                self.read(&arrived);
            } else {
                return;
            }
            if self.in_flight() == 0 {
                return;
            }
        }
    }

    /// Sends a probe if it is time; milliseconds until the next one (`pinger`).
    fn send_due(&mut self) -> i64 {
        let is_enough = self.options.count != 0 && self.transmitted >= self.options.count;
        if is_enough && self.options.deadline == 0 {
            return IDLE;
        }
        let (now, interval) = (self.wire.now(), self.options.interval);
        if let Some(last) = self.last_sent {
            let tokens = (now - last + self.tokens).min(interval);
            if tokens < interval {
                return interval - tokens;
            }
            self.tokens = tokens - interval;
        }
        self.last_sent = Some(now);
        let last = self.transmitted as u16;
        if self.options.outstanding && self.transmitted > 0 && !self.seen.contains(&last) {
            let _ = writeln!(self.out, "{}no answer yet for icmp_seq={last}", self.stamp());
        }
        let sequence = (self.transmitted + 1) as u16;
        self.seen.remove(&sequence);
        let probe = self.probe(sequence);
        loop {
            let Err(errno) = self.wire.send(&probe) else {
                self.advance();
                return interval - self.tokens;
            };
            let Some(fault) = self.wire.fault() else { break };
            match self.note(fault) {
                Noted::Foreign => continue,
                Noted::Local => {}
                // An error of the network is told beside the refusal.
                Noted::Network if !self.options.quiet => self.complain(&format!("sendmsg: {errno}")),
                Noted::Network => {}
            }
            break;
        }
        // It counts as sent.
        self.advance();
        self.tokens = 0;
        interval.max(SHORTEST)
    }

    /// Once all is sent: how long answers are waited for (`__schedule_exit`).
    fn wait_for_last(&mut self, next: i64) -> i64 {
        if self.is_waiting {
            return next;
        }
        self.is_waiting = true;
        let wait = match self.received {
            0 => self.options.linger * 1000,
            _ => (2 * self.times.most).max(1000 * self.options.interval),
        };
        self.alarm = (wait != 0).then(|| self.wire.now() + wait.div_euclid(1000).max(1)).or(self.alarm);
        next.max(wait / 1000)
    }

    /// An echo request (`ping4_send_probe`, `build_echo`).
    fn probe(&mut self, sequence: u16) -> Vec<u8> {
        if let Some(stamp) = self.data.get_mut(..STAMP) {
            let time = self.wire.time_of_day();
            stamp[..8].copy_from_slice(&(time / 1_000_000).to_le_bytes());
            stamp[8..].copy_from_slice(&(time % 1_000_000).to_le_bytes());
        }
        let kind = if self.family() == Family::V4 { 8 } else { 128 };
        let mut message = vec![kind, 0, 0, 0];
        message.extend(self.ident.to_be_bytes());
        message.extend(sequence.to_be_bytes());
        message.extend_from_slice(&self.data);
        if self.family() == Family::V4 {
            let sum = fingerpost_net::wire::checksum(&message);
            message[2..4].copy_from_slice(&sum.to_be_bytes());
        }
        message
    }

    fn family(&self) -> Family {
        Family::of(self.target)
    }

    fn advance(&mut self) {
        self.transmitted += 1;
        let sent = self.transmitted as u16;
        if i32::from(sent) - i32::from(self.acknowledged) > 0x7fff {
            self.acknowledged = sent.wrapping_add(1);
        }
    }

    fn acknowledge(&mut self, sequence: u16) {
        let sent = self.transmitted as u16;
        let behind = sent.wrapping_sub(sequence);
        if behind > 0x7fff {
            return;
        }
        self.pipe = self.pipe.max(i64::from(behind) + 1);
        let is_newer = (sequence.wrapping_sub(self.acknowledged) as i16) > 0;
        if is_newer || i32::from(sent) - i32::from(self.acknowledged) > 0x7fff {
            self.acknowledged = sequence;
        }
    }

    fn in_flight(&self) -> i64 {
        let behind = (self.transmitted as u16).wrapping_sub(self.acknowledged);
        match behind {
            0..=0x7fff => behind.into(),
            _ => self.transmitted - self.received - self.errors,
        }
    }

    /// An error was noted (`ping4_receive_error_msg`, `ping6_receive_error_msg`).
    fn note(&mut self, fault: Fault) -> Noted {
        let quiet = self.options.quiet;
        match fault {
            Fault::Local { .. } if quiet => Noted::Local,
            Fault::Local { errno, info } => {
                self.complain(&match (errno, self.family()) {
                    (Errno::EMSGSIZE, Family::V4) => format!("local error: message too long, mtu={info}"),
                    (Errno::EMSGSIZE, Family::V6) => format!("local error: message too long, mtu: {info}"),
                    _ => format!("local error: {errno}"),
                });
                self.errors += 1;
                Noted::Local
            }
            Fault::Icmp { from, kind, code, info, target, quoted } => {
                let Some((echo, ident, sequence)) = echo_of(&quoted) else { return Noted::Foreign };
                let asks = if self.family() == Family::V4 { 8 } else { 128 };
                if target != self.target || echo != asks || ident != self.ident {
                    return Noted::Foreign;
                }
                if self.family() == Family::V4 {
                    self.acknowledge(sequence);
                }
                self.errors += 1;
                if !quiet {
                    let fault = text::fault(self.family(), kind, code, info);
                    let stamp = self.stamp();
                    let _ = writeln!(self.out, "{stamp}From {from} icmp_seq={sequence} {fault}");
                }
                Noted::Network
            }
        }
    }

    /// A message has come (`ping4_parse_reply`, `ping6_parse_reply`).
    fn read(&mut self, arrived: &Arrived) {
        let (is_six, message) = (self.family() == Family::V6, &arrived.message);
        let Some((kind, ident, sequence)) = echo_of(message) else { return };
        if kind == if is_six { 129 } else { 0 } {
            if ident == self.ident {
                self.answered(arrived, sequence);
            }
            return;
        }
        if is_six {
            return;
        }
        // It quotes a packet behind its own header.
        let Some(quoted) = message.get(8..) else { return };
        let header_len = quoted.first().map_or(0, |byte| usize::from(byte & 15) * 4);
        let (Some(dst), Some(inner)) = (quoted.get(16..20), quoted.get(header_len..)) else { return };
        let Some((8, ident, sequence)) = echo_of(inner) else { return };
        let is_ours = matches!(self.target, IpAddr::V4(addr) if addr.octets() == dst);
        if !is_ours || ident != self.ident {
            return;
        }
        match kind {
            // A redirect, or the request to send less.
            4 | 5 if !self.options.quiet => {
                let info = u32::from_be_bytes([message[4], message[5], message[6], message[7]]);
                let fault = text::fault(Family::V4, kind, message[1], info);
                let stamp = self.stamp();
                let _ = writeln!(self.out, "{stamp}From {}: icmp_seq={sequence} {fault}", arrived.shown);
            }
            3 | 11 | 12 => self.acknowledge(sequence),
            _ => {}
        }
    }

    /// A probe was answered (`gather_statistics`).
    fn answered(&mut self, arrived: &Arrived, sequence: u16) {
        self.received += 1;
        self.acknowledge(sequence);
        let message = &arrived.message;
        let sent = message.get(8..8 + STAMP).filter(|_| self.is_timed()).map(|stamp| {
            let number =
                |bytes: &[u8]| bytes.iter().rev().fold(0i64, |sum, &byte| sum << 8 | i64::from(byte));
            number(&stamp[..8]).wrapping_mul(1_000_000).wrapping_add(number(&stamp[8..]))
        });
        let trip = sent.map_or(0, |sent| self.wire.time_of_day().saturating_sub(sent).max(0));
        if sent.is_some() {
            self.times.sum += trip;
            self.times.squares += (trip * trip) as f64;
            self.times.least = self.times.least.min(trip);
            self.times.most = self.times.most.max(trip);
        }
        let is_repeat = !self.seen.insert(sequence);
        if is_repeat {
            self.repeats += 1;
            self.received -= 1;
        }
        if self.options.quiet {
            return;
        }
        let _ = write!(self.out, "{}{} bytes from {}:", self.stamp(), message.len(), arrived.shown);
        let _ = write!(self.out, " icmp_seq={sequence}");
        if let Some(ttl) = arrived.ttl {
            let _ = write!(self.out, " ttl={ttl}");
        }
        if message.len() < self.options.size + 8 {
            return self.out.push_str(" (truncated)\n");
        }
        if self.is_timed() {
            let _ = write!(self.out, " time={} ms", text::round_trip(trip));
        }
        if is_repeat && !self.is_multicast {
            self.out.push_str(" (DUP!)");
        }
        if !self.is_multicast && !self.is_anycast() && arrived.from != self.target {
            self.out.push_str(" (DIFFERENT ADDRESS!)");
        }
        self.compare_data(&message[8..]);
        self.route.print(&arrived.options, &mut self.out);
        self.out.push('\n');
    }

    /// Whether the destination may be that of any router of a subnet of 64 bits.
    fn is_anycast(&self) -> bool {
        matches!(self.target, IpAddr::V6(addr) if addr.to_bits() as u64 == 0)
    }

    fn is_timed(&self) -> bool {
        self.options.size >= STAMP
    }

    /// Says where an answer carries something else than its probe.
    fn compare_data(&mut self, got: &[u8]) {
        let wrong = (STAMP..self.data.len()).find(|&at| got.get(at) != self.data.get(at));
        if let Some(at) = wrong {
            let (is, should) = (got.get(at).copied().unwrap_or(0), self.data[at]);
            let _ = write!(self.out, "\nwrong data byte #{at} should be 0x{should:x} but was 0x{is:x}");
            for at in STAMP..self.data.len() {
                if at % 32 == STAMP {
                    let _ = write!(self.out, "\n#{at}\t");
                }
                let _ = write!(self.out, "{:x} ", got.get(at).copied().unwrap_or(0));
            }
        }
    }

    /// The figures (`finish`); the exit status.
    fn finish(&mut self) -> i32 {
        let took = self.last_sent.map_or(0, |last| last - self.started);
        let _ = writeln!(self.out, "\n--- {} ping statistics ---", self.options.target);
        let _ = write!(self.out, "{} packets transmitted, {} received", self.transmitted, self.received);
        if self.repeats != 0 {
            let _ = write!(self.out, ", +{} duplicates", self.repeats);
        }
        if self.errors != 0 {
            let _ = write!(self.out, ", +{} errors", self.errors);
        }
        if self.transmitted != 0 {
            let loss = text::share(self.transmitted - self.received, self.transmitted);
            let _ = write!(self.out, ", {loss}% packet loss, time {took}ms");
        }
        self.out.push('\n');
        let mut comma = "";
        if self.received != 0 && self.is_timed() {
            let total = self.received + self.repeats;
            let mean = self.times.sum / total;
            let squares = self.times.squares as i64;
            let variance = match self.times.sum < i64::from(i32::MAX) {
                true => (squares - self.times.sum * self.times.sum / total) / total,
                false => squares / total - mean * mean,
            };
            let shown = [self.times.least, mean, self.times.most, variance.max(0).isqrt()].map(text::millis);
            let _ = write!(self.out, "rtt min/avg/max/mdev = {} ms", shown.join("/"));
            comma = ", ";
        }
        if self.pipe > 1 {
            let _ = write!(self.out, "{comma}pipe {}", self.pipe);
        }
        self.out.push('\n');
        let is_short = self.options.deadline != 0 && self.received < self.options.count;
        i32::from(self.received == 0 || is_short)
    }

    /// The time before a line, if it is asked for.
    fn stamp(&self) -> String {
        let time = self.wire.time_of_day();
        match self.options.stamps {
            true => format!("[{}.{:06}] ", time / 1_000_000, time % 1_000_000),
            false => String::new(),
        }
    }

    fn complain(&mut self, what: &str) {
        let _ = writeln!(self.err, "ping: {what}");
    }
}

/// Whose an error was.
enum Noted {
    Local,
    Network,
    Foreign,
}

/// Type, identifier and sequence number of an ICMP message.
fn echo_of(message: &[u8]) -> Option<(u8, u16, u16)> {
    let [kind, _, _, _, a, b, c, d, ..] = *message else { return None };
    Some((kind, u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])))
}
