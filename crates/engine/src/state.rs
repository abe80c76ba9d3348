//! What running makes: cached decisions, exceptions, counters.

use std::collections::{HashMap, HashSet};
use std::net::Ipv6Addr;

use fingerpost_net::Family;

use crate::config::FibInfoId;
use crate::control::nexthop::BucketUse;
use crate::counters::Counters;
use crate::lookup::cache::{HopId, RouteCache};
use crate::lookup::exception::Exceptions;
use crate::lookup::exception6::Exceptions6;
use crate::path::sockets::Sockets;
use crate::path::{
    Beside, GlobalLimit, Learned, Listeners, Multicast, Peers, Reassembly, Reassembly6, Resolutions, Tick,
    Timers, Waiting,
};

/// Time on the injected clock, in milliseconds since the world began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub u64);

impl Time {
    /// This time and `seconds` more.
    #[must_use]
    pub fn plus_secs(self, seconds: u64) -> Time {
        Time(self.0.saturating_add(seconds.saturating_mul(1000)))
    }
}

/// A device joined a group of IPv6 that it was not in, or left it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupChange {
    /// The device.
    pub dev: u32,
    /// The group.
    pub group: Ipv6Addr,
    /// Whether it joined.
    pub is_joined: bool,
}

/// The mutable part of a namespace.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Output and input decisions cached per next hop (C-143, T-17).
    pub cache: RouteCache,
    /// Path MTUs and redirects learned per destination (C-146).
    pub exceptions: Exceptions,
    /// The same of IPv6 (C-299).
    pub exceptions6: Exceptions6,
    /// When what was learned of IPv6 destinations is looked at, as the timer is set.
    pub exceptions_until: Option<Time>,
    /// Which buckets of resilient nexthop groups carried traffic (C-069).
    pub buckets: BucketUse,
    /// Addresses, with their devices, whose detection ends once the present change is made.
    pub due: Vec<(u32, Ipv6Addr)>,
    /// How many solicitations are still to come of detections that packets brought about.
    pub detections: HashMap<(u32, Ipv6Addr), u64>,
    /// Groups of IPv6 that were joined or left, where reports tell of it: while packets are
    /// at work, and time.
    pub group_changes: Option<Vec<GroupChange>>,
    /// What its devices do as listeners of groups.
    pub listeners: Listeners,
    /// Whether it was at work before the clock began: what it has may be older.
    pub is_continued: bool,
    /// What it counts.
    pub counters: Counters,
    /// Neighbours that are being resolved, or were.
    pub resolutions: Resolutions,
    /// Packets that wait for their addresses.
    pub waiting: Waiting,
    /// Neighbours of IPv6, with their devices, to whom packets went that needed no link-layer
    /// address.
    pub unresolved: HashSet<(u32, Ipv6Addr)>,
    /// When some of too many neighbours of a family were last forgotten.
    pub neighbours_flushed: HashMap<Family, Time>,
    /// How much ICMP each peer was sent.
    pub peers: Peers,
    /// How much ICMP was sent in all.
    pub icmp_limit: GlobalLimit,
    /// Datagrams that wait for the rest of their fragments.
    pub fragments: Reassembly<Beside>,
    /// The same of IPv6.
    pub fragments6: Reassembly6,
    /// When the first of them is given up, as the timer is set.
    pub fragments_until: Option<Time>,
    /// Multicast routing under way.
    pub multicast: Multicast,
    /// Sockets of programs.
    pub sockets: Sockets,
    /// Milliseconds since 1970, universal time, when the clock began.
    pub wall: u64,
    /// What bridges learned.
    pub learned: Learned,
    /// What time alone will bring about.
    pub timers: Timers,
    /// The kernel's tick.
    pub tick: Tick,
    /// How many packets have begun their way.
    pub packets: u64,
}

impl State {
    /// Forgets what the hops of a freed route information remember.
    pub fn forget_route(&mut self, id: FibInfoId) {
        self.cache.forget(id);
        if !self.exceptions.is_empty() {
            self.exceptions.retain(|hop| !matches!(hop, HopId::Route(info, _) if info == id));
        }
    }
}
