//! Neighbours as data.

use std::collections::BTreeMap;
use std::net::IpAddr;

use fingerpost_model::{NeighMsg, NeighState};

/// Neighbours of all devices.
///
/// Keyed by device and address; dump order is the concern of the dump.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Neighbours {
    /// Learned and configured entries.
    pub entries: BTreeMap<(u32, IpAddr), NeighMsg>,
    /// Proxy entries (`ip neigh add proxy`).
    pub proxies: BTreeMap<(u32, IpAddr), NeighMsg>,
}

impl Neighbours {
    /// The state of a neighbour, `None` when there is no entry.
    pub fn state(&self, dev: u32, addr: IpAddr) -> Option<NeighState> {
        self.entries.get(&(dev, addr)).map(|entry| entry.state)
    }
}
