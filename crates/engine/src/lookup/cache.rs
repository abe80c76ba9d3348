//! Decisions cached per next hop (C-143), as far as they can be seen: a hop
//! remembers the type, flags, realms and metrics of the first decision made through it
//! since the last change of configuration, whoever asks next (T-17).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::Ipv4Addr;

use fingerpost_model::{RouteFlags, RouteType, TableId};

use super::table6::RouteRef;
use crate::config::{Fib6, FibInfoId, Preference, Route6Id, RtFlags};

/// Names a hop: a position among those of a shared route information, or a
/// nexthop object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HopId {
    /// Of a route.
    Route(FibInfoId, usize),
    /// A nexthop object.
    Object(u32),
}

/// What of a cached decision can be told from a fresh one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cached {
    /// Route generation that it is valid for.
    pub generation: u64,
    /// Type.
    pub kind: RouteType,
    /// Flags.
    pub flags: RouteFlags,
    /// Realms.
    pub realms: u32,
    /// The route information that gives the metrics: routes by one nexthop object
    /// share its decisions.
    pub metrics: Option<FibInfoId>,
}

/// The source address that a hop chose for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnSource {
    /// The generation of addresses that it was chosen from.
    pub generation: u64,
    /// The address.
    pub addr: Ipv4Addr,
}

/// A decision about IPv6 cached with a nexthop object: whatever route leads to
/// the object next, the answer is the one made of the first (T-17).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cached6 {
    /// Generation of IPv6 routes that it is valid for.
    pub generation: u64,
    /// The route that it was made of, which may be gone.
    pub route: RouteRef,
    /// Type.
    pub kind: RouteType,
    /// What IPv6 notes of it.
    pub flags: RtFlags,
    /// Router preference.
    pub pref: Preference,
}

/// Cached decisions and what else hops remember.
#[derive(Clone, Debug, Default)]
pub struct RouteCache {
    /// Output decisions.
    pub output: BTreeMap<HopId, Cached>,
    /// Input decisions.
    pub input: BTreeMap<HopId, Cached>,
    /// Decisions about IPv6, by nexthop object.
    pub objects6: HashMap<u32, Cached6>,
    /// The router preference that decisions through a leg of IPv6 carry: the one of
    /// the leg which the table gave for the first of them (F-013).
    pub legs6: HashMap<Route6Id, Preference>,
    /// Each hop's own source address when it was last computed (`nh_saddr`).
    pub sources: HashMap<HopId, OwnSource>,
    /// Which of several default routes was chosen last, counted from 0, by the
    /// first of them (`fa_default`); −1 for none.
    pub default_choice: HashMap<DefaultRoute, i32>,
    /// What counts as the last choice where none is remembered; none unless set.
    pub assumed_choice: Option<i32>,
}

/// Names a default route: its table, its tos byte, what it leads to.
pub type DefaultRoute = (TableId, u8, FibInfoId);

impl RouteCache {
    /// Adds flags to a cached decision.
    pub fn add_flags(&mut self, hop: HopId, is_input: bool, flags: RouteFlags) {
        let map = if is_input { &mut self.input } else { &mut self.output };
        if let Some(cached) = map.get_mut(&hop) {
            cached.flags = cached.flags | flags;
        }
    }

    /// Forgets the IPv6 routes that are no longer there.
    pub fn forget_legs(&mut self, fib: &Fib6) {
        if !self.legs6.is_empty() {
            let there: HashSet<_> =
                fib.tables.iter().flat_map(|table| table.routes().map(|route| route.id)).collect();
            self.legs6.retain(|id, _| there.contains(id));
        }
    }

    /// Forgets a route information that is freed.
    pub fn forget(&mut self, id: FibInfoId) {
        let stays = |hop: &HopId| !matches!(hop, HopId::Route(info, _) if *info == id);
        self.output.retain(|hop, _| stays(hop));
        self.input.retain(|hop, _| stays(hop));
        self.sources.retain(|hop, _| stays(hop));
        self.default_choice.retain(|&(_, _, info), _| info != id);
    }
}
