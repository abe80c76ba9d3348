//! How often ICMP is sent: the bucket of all messages, those of each peer, and the
//! growing pause between redirects. The kernel keeps one record a peer for all of
//! them (`struct inet_peer`), which therefore disturb each other (C-229).

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fingerpost_net::wire::icmp;

use super::Stack;
use crate::counters::Counter;
use crate::path::Due;
use crate::state::Time;

/// Peers that are remembered at most (`inet_peer_threshold`).
const MOST: usize = 65_536 + 128;
/// How old a new record is: what it may send at once is counted from then.
const AGE: u64 = 60_000;
/// `ip_rt_error_cost` and `ip_rt_error_burst`, milliseconds.
const ERROR_COST: u64 = 1_000;
const ERROR_BURST: u64 = 5_000;
/// Messages that a peer may be sent at once (`XRLIM_BURST_FACTOR`).
const BURST: u64 = 6;
/// `ip_rt_redirect_load`, `number` and `silence`.
const REDIRECT_LOAD: u64 = 20;
const REDIRECT_NUMBER: u32 = 9;
const REDIRECT_SILENCE: u64 = REDIRECT_LOAD << (REDIRECT_NUMBER + 1);

/// What is remembered of a peer; tokens are milliseconds. Times are counted from
/// [`AGE`] before the clock's beginning, and in whole ticks.
#[derive(Clone, Copy, Debug)]
struct Peer {
    tokens: u64,
    last: u64,
    redirects: u32,
}

/// Peers by address and VRF.
#[derive(Clone, Debug, Default)]
pub struct Peers(HashMap<(IpAddr, u32), Peer>);

/// The kernel's tick (`CONFIG_HZ`): what is limited is counted in whole ones. No snapshot
/// tells it; that of Debian's kernels, and of those compared with, is the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    /// Its length, milliseconds; at least 1.
    pub millis: u64,
}

impl Default for Tick {
    fn default() -> Self {
        Tick { millis: 4 }
    }
}

impl Tick {
    /// The time in whole ticks.
    fn floor(self, now: Time) -> Time {
        Time(now.0 - now.0 % self.millis.max(1))
    }

    /// When a timer goes off that is set now for a time: with the slot of Linux's wheel that
    /// it falls into, never early, and the later the longer it is set for (`calc_index`).
    /// Slots are counted from the clock's beginning, as Linux counts them from its own.
    /// Linux has no slot beyond some days; none is set for as long.
    pub(crate) fn slot(self, now: Time, at: Time) -> Due {
        const SLOTS: u64 = 63;
        let tick = self.millis.max(1);
        let delta = at.0.saturating_sub(now.0).div_ceil(tick);
        if delta == 0 {
            return Due::exactly(at);
        }
        let mut shift = 0;
        while shift < 24 && delta >= SLOTS << shift {
            shift += 3;
        }
        let expires = (now.0 / tick).saturating_add(delta);
        let end = (((expires >> shift) + 1) << shift).saturating_mul(tick);
        Due { at: Time(end), level: (shift / 3) as u8 }
    }

    /// Milliseconds as a setting means them (`msecs_to_jiffies`).
    fn ceil(self, millis: u64) -> u64 {
        millis.next_multiple_of(self.millis.max(1))
    }
}

fn since_ever(now: Time) -> u64 {
    now.0 + AGE
}

impl Peers {
    fn of(&mut self, addr: IpAddr, vrf: u32, now: Time) -> &mut Peer {
        if self.0.len() >= MOST && !self.0.contains_key(&(addr, vrf)) {
            // Many at once, so that not each new one has all looked through.
            let mut ages: Vec<u64> = self.0.values().map(|peer| peer.last).collect();
            let (_, &mut middle, _) = ages.select_nth_unstable(MOST / 8);
            self.0.retain(|_, peer| peer.last > middle);
        }
        self.0.entry((addr, vrf)).or_insert(Peer { tokens: 0, last: since_ever(now) - AGE, redirects: 0 })
    }

    /// Whether an error decision is answered (`ip_error`, C-229).
    fn allows_error(&mut self, addr: IpAddr, vrf: u32, now: Time) -> bool {
        let at = since_ever(now);
        let peer = self.of(addr, vrf, now);
        peer.tokens = (peer.tokens + at - peer.last).min(ERROR_BURST);
        peer.last = at;
        let allowed = peer.tokens >= ERROR_COST;
        peer.tokens -= if allowed { ERROR_COST } else { 0 };
        allowed
    }

    /// Whether a peer is sent a message, of which it gets one each `interval`
    /// milliseconds (`inet_peer_xrlim_allow`, C-267).
    fn allows_message(&mut self, addr: IpAddr, vrf: u32, interval: u64, now: Time) -> bool {
        let at = since_ever(now);
        let peer = self.of(addr, vrf, now);
        if at != peer.last {
            peer.tokens = (peer.tokens + at - peer.last).min(interval * BURST);
            peer.last = at;
        }
        let allowed = peer.tokens >= interval;
        peer.tokens -= if allowed { interval } else { 0 };
        allowed
    }

    /// Notes that a peer was sent a redirect; whether it was the last.
    fn redirected(&mut self, addr: IpAddr, vrf: u32, now: Time) -> bool {
        let peer = self.of(addr, vrf, now);
        peer.last = since_ever(now);
        peer.redirects += 1;
        peer.redirects == REDIRECT_NUMBER
    }

    /// Whether a peer is sent a redirect (`ip_rt_send_redirect`, C-270).
    fn allows_redirect(&mut self, addr: IpAddr, vrf: u32, now: Time) -> bool {
        let at = since_ever(now);
        let peer = self.of(addr, vrf, now);
        if at > peer.last + REDIRECT_SILENCE {
            (peer.tokens, peer.redirects) = (0, 0);
        }
        if peer.redirects >= REDIRECT_NUMBER {
            peer.last = at;
            return false;
        }
        peer.redirects == 0 || at > peer.last + (REDIRECT_LOAD << peer.redirects)
    }
}

/// The bucket of all messages that are limited (`icmp_global`, C-266).
#[derive(Clone, Copy, Debug, Default)]
pub struct GlobalLimit {
    credit: i64,
    /// When it was filled last.
    filled: Option<Time>,
}

impl GlobalLimit {
    fn allows(&mut self, per_second: i64, burst: i64, now: Time) -> bool {
        if self.credit > 0 {
            return true;
        }
        // Not more often than each fiftieth of a second.
        let passed = self.filled.map_or(1_000, |at| now.0.saturating_sub(at.0).min(1_000));
        let more = per_second.saturating_mul(passed as i64) / 1_000;
        if passed < 20 || more == 0 {
            return false;
        }
        (self.credit, self.filled) = ((self.credit + more).min(burst), Some(now));
        true
    }
}

impl Stack<'_, '_> {
    pub(super) fn may_answer_error(&mut self, sender: Ipv4Addr, dev: u32) -> bool {
        let (vrf, now) = (self.config.links.l3_master(dev), self.now());
        self.state.peers.allows_error(sender.into(), vrf, self.state.tick.floor(now))
    }

    pub(super) fn may_redirect(&mut self, sender: Ipv4Addr, dev: u32) -> bool {
        let (vrf, now) = (self.config.links.l3_master(dev), self.now());
        self.state.peers.allows_redirect(sender.into(), vrf, self.state.tick.floor(now))
    }

    /// Whether an IPv6 peer is sent a message, one each `interval` milliseconds (T-53).
    pub(super) fn allows_six(&mut self, peer: Ipv6Addr, interval: u64) -> bool {
        let (tick, now) = (self.state.tick, self.now());
        self.state.peers.allows_message(peer.into(), 0, tick.ceil(interval), tick.floor(now))
    }

    /// A limited message is sent: chance decides how much of the common bucket it costs.
    pub(super) fn spend_message(&mut self) {
        self.state.icmp_limit.credit -= self.rng.below(3) as i64;
    }

    /// Notes that a sender was told of a better gateway; whether it was for the last time.
    pub(super) fn note_redirect(&mut self, sender: Ipv4Addr, dev: u32) -> bool {
        let (vrf, now) = (self.config.links.l3_master(dev), self.now());
        self.state.peers.redirected(sender.into(), vrf, self.state.tick.floor(now))
    }

    /// Whether messages of this kind are limited at all (`icmpv4_mask_allow`).
    pub(super) fn is_limited(&self, kind: u8, code: u8) -> bool {
        let is_mtu = kind == icmp::UNREACHABLE && code == icmp::FRAGMENTATION_NEEDED;
        kind <= icmp::LAST && !is_mtu && self.setting("icmp_ratemask") >> kind & 1 != 0
    }

    /// Whether a limited message may go on to be routed (`icmp_global_allow`).
    pub(super) fn may_send_at_all(&mut self) -> bool {
        let (per_second, burst) = (self.setting("icmp_msgs_per_sec"), self.setting("icmp_msgs_burst"));
        let now = self.state.tick.floor(self.now());
        let allowed = self.state.icmp_limit.allows(per_second, burst, now);
        if !allowed {
            self.count(Counter::IcmpOutRateLimitGlobal);
        }
        allowed
    }

    /// Whether a limited message may leave by a device to a peer (`icmpv4_xrlim_allow`, C-267).
    pub(super) fn may_send_to(&mut self, peer: Ipv4Addr, dev: u32) -> bool {
        let is_loopback = self.config.links.get(dev).is_some_and(|link| link.is_loopback());
        let interval = self.setting("icmp_ratelimit").max(0) as u64;
        let (vrf, tick) = (self.config.links.l3_master(dev), self.state.tick);
        // Even an interval of nothing may take away what was saved up.
        let is_free = is_loopback || interval == 0 && self.env.behaviour.no_limit_keeps_tokens;
        let (interval, now) = (tick.ceil(interval), tick.floor(self.now()));
        let allowed = is_free || self.state.peers.allows_message(peer.into(), vrf, interval, now);
        match allowed {
            true => self.spend_message(),
            false => self.count(Counter::IcmpOutRateLimitHost),
        }
        allowed
    }
}
