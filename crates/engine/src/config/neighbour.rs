//! Neighbours as data.

use std::collections::BTreeMap;
use std::net::IpAddr;

use fingerpost_model::{NeighMsg, NeighState};

/// Neighbours of all devices.
///
/// Keyed by device and address.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Neighbours {
    /// Learned and configured entries.
    pub entries: BTreeMap<(u32, IpAddr), NeighMsg>,
    /// Proxy entries (`ip neigh add proxy`).
    pub proxies: BTreeMap<(u32, IpAddr), NeighMsg>,
    /// The places that entries had in a real kernel's dump, whose order is that of a hash.
    pub places: BTreeMap<(u32, IpAddr), usize>,
}

impl Neighbours {
    /// The state of a neighbour, `None` when there is no entry.
    pub fn state(&self, dev: u32, addr: IpAddr) -> Option<NeighState> {
        self.entries.get(&(dev, addr)).map(|entry| entry.state)
    }
}
