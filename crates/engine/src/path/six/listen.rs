//! Groups that this host listens to, told to routers that ask, and when it joins or leaves
//! (multicast listener discovery, `net/ipv6/mcast.c`; T-68). What it joined is configuration.

use std::collections::BTreeMap;
use std::net::Ipv6Addr;

use fingerpost_model::IfaFlags;
use fingerpost_net::wire::{Header, Ipv6, icmp6};

use super::super::timers::{Due, Timer};
use super::super::{Addressed, Outcome, Packet, Stack};
use crate::addrtype::AddrType;
use crate::state::Time;

/// Where reports of version 2 go.
const ALL_LISTENING_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x16);
const ALL_NODES: Ipv6Addr = super::solicit::ALL_NODES;
const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
/// Milliseconds of a tick, in which delays are counted.
const TICK: u64 = 4;
/// Ticks that the work of a whole device waits besides.
const SPARE: u64 = 2;
/// How often a change is told (`mld_qrv`, a setting of the first namespace alone).
const ROBUSTNESS: u64 = 2;
/// Milliseconds between queries, and until all have answered, unless a router says otherwise.
const QUERY_INTERVAL: u64 = 125_000;
const RESPONSE_INTERVAL: u64 = 10_000;
/// The longest delay that version 2 takes from version 1, milliseconds.
const MOST_COMPATIBLE: u64 = 32_767;
/// A query of version 1, and the shortest one of version 2, in bytes.
const QUERY_1: usize = 24;
const QUERY_2: usize = 28;
/// The value of the router alert (RFC 2711) that these messages have.
const ALERT: u16 = 0;

/// Records of reports: the sources that a group is not heard of from are these, and the same after
/// a change; the sources that it is heard of from are none any more (RFC 3810, 5.2.12).
const IS_EXCLUDE: u8 = 2;
const TO_INCLUDE: u8 = 3;
const TO_EXCLUDE: u8 = 4;
/// A record without sources, and what stands before all of them, in bytes.
const RECORD: usize = 20;
const REPORT: usize = 8;
/// A hop-by-hop header with the router alert: what follows, its length, the option, padding.
const HOP_BY_HOP: [u8; 8] = [fingerpost_net::wire::next::ICMPV6, 0, 5, 2, 0, ALERT as u8, 1, 0];
/// The most that a report grows to, in bytes.
const LARGEST: usize = 2048;

/// What devices do as listeners.
pub type Listeners = BTreeMap<u32, Listener>;

/// What one does (`struct inet6_dev`, the fields that begin with `mc_`).
#[derive(Clone, Debug)]
pub struct Listener {
    /// Until when version 1 is spoken, since a router does.
    old_until: Option<Time>,
    robustness: u64,
    query_interval: u64,
    response_interval: u64,
    /// How often changes are still to be told, and when next.
    rounds: u64,
    changes_at: Option<Time>,
    /// When a query for all groups is answered.
    all_at: Option<Time>,
    groups: BTreeMap<Ipv6Addr, Listened>,
    /// Groups that were left, the last one first, with how often that is still to be told.
    left: Vec<(Ipv6Addr, u64)>,
}

/// What is noted of a group (`struct ifmcaddr6`).
#[derive(Clone, Copy, Debug, Default)]
struct Listened {
    /// When it is reported.
    report: Option<Time>,
    /// Whether this host told of it last.
    is_last: bool,
    /// How often its beginning is still to be told.
    rounds: u64,
}

impl Default for Listener {
    fn default() -> Self {
        Listener {
            old_until: None,
            robustness: ROBUSTNESS,
            query_interval: QUERY_INTERVAL,
            response_interval: RESPONSE_INTERVAL,
            rounds: 0,
            changes_at: None,
            all_at: None,
            groups: BTreeMap::new(),
            left: Vec::new(),
        }
    }
}

impl Listener {
    /// Whatever was to be told is over; who told of a group last stays.
    pub(crate) fn settle(&mut self) {
        let groups = std::mem::take(&mut self.groups).into_iter();
        let told = |(group, noted): (Ipv6Addr, Listened)| {
            (group, Listened { is_last: noted.is_last, ..Listened::default() })
        };
        *self = Listener { groups: groups.map(told).collect(), ..Listener::default() };
    }

    /// This host told of a group last, as version 1 has it.
    pub(crate) fn note_told(&mut self, group: Ipv6Addr) {
        self.groups.entry(group).or_default().is_last = true;
    }
}

/// What a listener's timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Listening {
    /// Groups were joined and left.
    News,
    /// A query for one group is answered.
    Group(Ipv6Addr),
    /// A query for all groups is answered.
    All,
    /// Changes are told.
    Changes,
}

/// Whether routers are told of a group.
fn is_told(group: Ipv6Addr) -> bool {
    group != ALL_NODES && AddrType::of(group).src_scope >= 2
}

/// A number of a query whose larger values are a mantissa of so many bits and an exponent.
fn decoded(code: u64, bits: u32) -> u64 {
    let point = 1 << (bits + 3);
    match code < point {
        true => code,
        false => (code & ((1 << bits) - 1) | 1 << bits) << ((code >> bits & 7) + 3),
    }
}

fn ticks(millis: u64) -> u64 {
    millis.div_ceil(TICK)
}

impl Stack<'_, '_> {
    fn listener(&mut self, dev: u32) -> &mut Listener {
        self.state.listeners.entry(dev).or_default()
    }

    /// The version that is asked for by the settings; 0 for any (`mld_force_mld_version`).
    fn forced_version(&self, dev: u32) -> i64 {
        let own = self.config.links.ipv6(dev).map_or(0, |ipv6| ipv6.conf.force_mld_version);
        match self.config.sysctl6.all.force_mld_version {
            0 => own,
            all => all,
        }
    }

    /// `mld_in_v1_mode`.
    fn speaks_old(&mut self, dev: u32) -> bool {
        let now = self.now();
        match self.forced_version(dev) {
            2 => false,
            1 => true,
            _ => self.listener(dev).old_until.is_some_and(|until| now < until),
        }
    }

    /// Ticks within which a report that nobody asked for is repeated (`unsolicited_report_interval`).
    fn report_interval(&mut self, dev: u32) -> u64 {
        let speaks_old = self.speaks_old(dev);
        let Some(ipv6) = self.config.links.ipv6(dev) else { return 1 };
        let millis = match speaks_old {
            true => ipv6.conf.mldv1_unsolicited_report_interval,
            false => ipv6.conf.mldv2_unsolicited_report_interval,
        };
        ticks(millis.max(0) as u64).max(1)
    }

    /// Some ticks from now.
    fn after_ticks(&self, count: u64) -> Time {
        Time(self.now().0.saturating_add(count.saturating_mul(TICK)))
    }

    fn move_timer(&mut self, dev: u32, listening: Listening, before: Option<Time>, at: Option<Time>) {
        self.state.timers.set(Timer::Listener(dev, listening), before, at.map(Due::exactly));
    }

    fn set_changes(&mut self, dev: u32, at: Option<Time>) {
        let before = std::mem::replace(&mut self.listener(dev).changes_at, at);
        self.move_timer(dev, Listening::Changes, before, at);
    }

    fn set_report(&mut self, dev: u32, group: Ipv6Addr, at: Option<Time>) {
        let noted = self.listener(dev).groups.entry(group).or_default();
        let before = std::mem::replace(&mut noted.report, at);
        self.move_timer(dev, Listening::Group(group), before, at);
    }

    /// The groups of a device that routers are told of, the newest first.
    fn told_groups(&self, dev: u32) -> Vec<Ipv6Addr> {
        let groups = self.config.links.ipv6(dev).map_or(&[][..], |ipv6| &ipv6.groups);
        groups.iter().map(|group| group.addr).filter(|&group| is_told(group)).collect()
    }

    /// A router asks who listens (`__mld_query_work`).
    pub(super) fn listeners_asked(&mut self, packet: &Packet, message: &[u8]) -> Outcome {
        let (dev, taken) = (packet.dev, Outcome::Delivered);
        let Some(&header) = Ipv6::read(&packet.bytes) else { return taken };
        let is_of_link = AddrType::of(header.source()).any(AddrType::LINK_LOCAL);
        if !is_of_link || header.hop_limit != 1 || packet.six.router_alert != Some(ALERT) {
            return taken;
        }
        let field =
            |at: usize| message.get(at..at + 2).map_or(0, |bytes| u16::from_be_bytes([bytes[0], bytes[1]]));
        let group = message.get(8..24).and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
        let Some(group) = group.map(Ipv6Addr::from) else { return taken };
        if !group.is_unspecified() && !group.is_multicast() {
            return taken;
        }
        let is_old = message.len() == QUERY_1;
        let delay;
        if is_old || self.speaks_old(dev) {
            if self.forced_version(dev) == 2 {
                return taken;
            }
            let millis = u64::from(field(4));
            delay = ticks(if is_old { millis } else { millis.min(MOST_COMPATIBLE) }).max(1);
            self.hear_old_query(dev, is_old);
        } else if message.len() >= QUERY_2 {
            delay = ticks(decoded(field(4).into(), 12)).max(1);
            self.hear_query(dev, message);
            let sources = usize::from(field(26));
            if group.is_unspecified() {
                if sources == 0 {
                    self.answer_for_all(dev, delay);
                }
                return taken;
            }
            if message.len() < QUERY_2 + sources * 16 {
                return taken;
            }
        } else {
            return taken;
        }
        // Those that are answered at once are so in order, and what was set last ends first.
        for known in self.told_groups(dev).into_iter().rev() {
            if group.is_unspecified() || known == group {
                self.answer_for(dev, known, delay);
            }
        }
        taken
    }

    /// `mld_process_v1`.
    fn hear_old_query(&mut self, dev: u32, is_old: bool) {
        let now = self.now();
        let listener = self.listener(dev);
        if is_old {
            let until = listener.robustness * listener.query_interval + listener.response_interval;
            listener.old_until = Some(Time(now.0.saturating_add(until)));
        }
        let all_at = listener.all_at.take();
        (listener.rounds, listener.left) = (0, Vec::new());
        self.move_timer(dev, Listening::All, all_at, None);
        self.set_changes(dev, None);
    }

    /// `mld_process_v2`.
    fn hear_query(&mut self, dev: u32, message: &[u8]) {
        let listener = self.listener(dev);
        let robustness = u64::from(message[24] & 7);
        if robustness > 0 {
            listener.robustness = robustness.max(ROBUSTNESS);
        }
        listener.query_interval = decoded(message[25].into(), 4) * 1000;
        listener.response_interval = decoded(u16::from_be_bytes([message[4], message[5]]).into(), 12);
    }

    /// `mld_gq_start_work`.
    fn answer_for_all(&mut self, dev: u32, delay: u64) {
        let wait = self.rng.below(delay) + SPARE;
        let at = self.after_ticks(wait);
        let before = self.listener(dev).all_at.replace(at);
        self.move_timer(dev, Listening::All, before, Some(at));
    }

    /// `igmp6_group_queried`; a report that is due sooner stays.
    fn answer_for(&mut self, dev: u32, group: Ipv6Addr, delay: u64) {
        let now = self.now();
        let due = self.listener(dev).groups.get(&group).and_then(|known| known.report);
        let at = match due {
            Some(at) if at.0.saturating_sub(now.0) < delay * TICK => at,
            _ => {
                let wait = self.rng.below(delay);
                self.after_ticks(wait)
            }
        };
        self.set_report(dev, group, Some(at));
    }

    /// Another listener told of a group (`__mld_report_work`): this host needs not.
    pub(super) fn listener_reported(&mut self, packet: &Packet, message: &[u8]) -> Outcome {
        let is_heard = matches!(packet.addressed, Addressed::Multicast | Addressed::Broadcast);
        let src = Ipv6::read(&packet.bytes).map(Ipv6::source);
        let is_fit = |src: Ipv6Addr| src.is_unspecified() || AddrType::of(src).any(AddrType::LINK_LOCAL);
        let group = message.get(8..24).and_then(|bytes| <[u8; 16]>::try_from(bytes).ok()).map(Ipv6Addr::from);
        if let Some(group) = group.filter(|_| is_heard && src.is_some_and(is_fit)) {
            let dev = packet.dev;
            if self.told_groups(dev).contains(&group) {
                self.set_report(dev, group, None);
                self.listener(dev).groups.entry(group).or_default().is_last = false;
            }
        }
        Outcome::Delivered
    }

    /// Groups that packets and time had a device join or leave are told of
    /// (`igmp6_group_added`, `igmp6_group_dropped`).
    pub(in crate::path) fn take_group_changes(&mut self) {
        let Some(changes) = self.state.group_changes.take() else { return };
        for change in changes.into_iter().filter(|change| is_told(change.group)) {
            let (dev, group) = (change.dev, change.group);
            let speaks_old = self.speaks_old(dev);
            match (change.is_joined, speaks_old) {
                (true, true) => self.join_old(dev, group),
                (true, false) => {
                    let listener = self.listener(dev);
                    listener.left.retain(|&(left, _)| left != group);
                    let noted = Listened { rounds: listener.robustness, ..Listened::default() };
                    listener.groups.insert(group, noted);
                    self.changed(dev);
                }
                (false, _) => {
                    self.set_report(dev, group, None);
                    let noted = self.listener(dev).groups.remove(&group).unwrap_or_default();
                    if !speaks_old {
                        let listener = self.listener(dev);
                        listener.left.insert(0, (group, listener.robustness));
                        self.changed(dev);
                    } else if noted.is_last {
                        self.send_for(dev, group, icmp6::LISTENER_DONE);
                    }
                }
            }
        }
    }

    /// `igmp6_join_group`.
    fn join_old(&mut self, dev: u32, group: Ipv6Addr) {
        self.send_for(dev, group, icmp6::LISTENER_REPORT);
        let interval = self.report_interval(dev);
        let wait = self.rng.below(interval);
        let at = self.after_ticks(wait);
        self.set_report(dev, group, Some(at));
        self.listener(dev).groups.entry(group).or_default().is_last = true;
    }

    /// `mld_ifc_event`.
    fn changed(&mut self, dev: u32) {
        let listener = self.listener(dev);
        listener.rounds = listener.robustness;
        self.set_changes(dev, Some(self.after_ticks(SPARE)));
    }

    /// A timer ends.
    pub(in crate::path) fn listener_timer(&mut self, dev: u32, listening: Listening) {
        let now = self.now();
        match listening {
            Listening::News => {}
            Listening::Group(group) => {
                let noted = self.listener(dev).groups.entry(group).or_default();
                if noted.report != Some(now) {
                    return;
                }
                (noted.report, noted.is_last) = (None, true);
                match self.speaks_old(dev) {
                    true => self.send_for(dev, group, icmp6::LISTENER_REPORT),
                    false => self.send_records(dev, vec![(IS_EXCLUDE, group)]),
                }
            }
            Listening::All if self.listener(dev).all_at == Some(now) => {
                self.listener(dev).all_at = None;
                let records = self.told_groups(dev).into_iter().map(|group| (IS_EXCLUDE, group));
                self.send_records(dev, records.collect());
            }
            Listening::Changes if self.listener(dev).changes_at == Some(now) => {
                self.listener(dev).changes_at = None;
                self.tell_changes(dev);
            }
            Listening::All | Listening::Changes => {}
        }
    }

    /// `mld_ifc_work`, `mld_send_cr`.
    fn tell_changes(&mut self, dev: u32) {
        let groups = self.told_groups(dev);
        let listener = self.listener(dev);
        let mut records: Vec<(u8, Ipv6Addr)> = Vec::new();
        for (group, rounds) in &mut listener.left {
            records.push((TO_INCLUDE, *group));
            *rounds -= 1;
        }
        listener.left.retain(|&(_, rounds)| rounds > 0);
        for group in groups {
            if let Some(noted) = listener.groups.get_mut(&group).filter(|noted| noted.rounds > 0) {
                records.push((TO_EXCLUDE, group));
                noted.rounds -= 1;
            }
        }
        listener.rounds = listener.rounds.saturating_sub(1);
        let goes_on = listener.rounds > 0;
        self.send_records(dev, records);
        if goes_on {
            let interval = self.report_interval(dev);
            let wait = self.rng.below(interval) + SPARE;
            let at = self.after_ticks(wait);
            self.set_changes(dev, Some(at));
        }
    }

    /// Reports of version 2, as many as the records need (`mld_newpack`, `mld_sendpack`).
    fn send_records(&mut self, dev: u32, records: Vec<(u8, Ipv6Addr)>) {
        let Some(mtu) = self.config.links.get(dev).map(|link| link.mtu() as usize) else { return };
        if mtu < super::output::LEAST_MTU {
            return;
        }
        let room = mtu.min(LARGEST) - Ipv6::LEN - HOP_BY_HOP.len() - REPORT;
        for records in records.chunks(room / RECORD) {
            let [high, low] = (records.len() as u16).to_be_bytes();
            let mut message = vec![icmp6::LISTENER_REPORT_2, 0, 0, 0, 0, 0, high, low];
            for (kind, group) in records {
                message.extend_from_slice(&[*kind, 0, 0, 0]);
                message.extend_from_slice(&group.octets());
            }
            self.send_listening(dev, ALL_LISTENING_ROUTERS, message);
        }
    }

    /// A message of version 1 about a group (`igmp6_send`).
    fn send_for(&mut self, dev: u32, group: Ipv6Addr, kind: u8) {
        let to = if kind == icmp6::LISTENER_DONE { ALL_ROUTERS } else { group };
        let mut message = vec![kind, 0, 0, 0, 0, 0, 0, 0];
        message.extend_from_slice(&group.octets());
        self.send_listening(dev, to, message);
    }

    fn send_listening(&mut self, dev: u32, to: Ipv6Addr, message: Vec<u8>) {
        let own = self.link_local(dev, IfaFlags::TENTATIVE).unwrap_or(Ipv6Addr::UNSPECIFIED);
        self.send_alert(dev, (own, to), &HOP_BY_HOP, message);
    }
}
