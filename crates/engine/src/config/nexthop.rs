//! Nexthop objects as data.

use std::collections::BTreeMap;

use fingerpost_model::ResilientGroup;
use fingerpost_net::Family;

use super::fib::NextHop;

/// A nexthop object (`struct nexthop`).
#[derive(Clone, Debug, PartialEq)]
pub struct NexthopObject {
    /// The id.
    pub id: u32,
    /// Who made it, `RTPROT_*`.
    pub protocol: u8,
    /// The family of a single hop; `None` for groups.
    pub family: Option<Family>,
    /// Flags as given (ONLINK).
    pub flags: fingerpost_model::RouteFlags,
    /// Whether it is for the bridge forwarding database.
    pub fdb: bool,
    /// One hop or several.
    pub kind: NexthopKind,
}

/// One hop or several.
#[derive(Clone, Debug, PartialEq)]
pub enum NexthopKind {
    /// A device, a gateway, or a blackhole.
    Single(NextHop),
    /// A group of other objects.
    Group {
        /// Members in order.
        members: Vec<GroupMember>,
        /// Parameters, when it is resilient.
        resilient: Option<ResilientGroup>,
        /// Resilient: the member id in each bucket.
        buckets: Vec<u32>,
    },
}

/// A member of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupMember {
    /// The member's id.
    pub id: u32,
    /// Weight, 1 to 65536.
    pub weight: u32,
    /// Highest 31-bit hash that selects it (C-068).
    pub upper_bound: i32,
}

/// All nexthop objects of a namespace.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Nexthops {
    /// By id.
    pub by_id: BTreeMap<u32, NexthopObject>,
    /// The id given last to an object without one (C-063).
    pub last_auto_id: u32,
    /// A running number of each single hop, given when it was made or last
    /// replaced; the order in which a device's hops die. Absent for restored ones.
    pub made: BTreeMap<u32, u64>,
    /// The running number given last.
    pub last_made: u64,
}

impl Nexthops {
    /// The object with this id.
    pub fn get(&self, id: u32) -> Option<&NexthopObject> {
        self.by_id.get(&id)
    }
}
