//! Multicast routing tables (`struct mr_table`): virtual interfaces, and the forwarding
//! cache, as a routing daemon sets them up through its socket.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use fingerpost_model::TableId;

/// Virtual interfaces of a table (`MAXVIFS`).
pub const MAX_VIFS: usize = 32;
/// A threshold that no packet passes.
pub const NEVER: u8 = 255;

/// A virtual interface (`struct vif_device`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vif {
    /// Its device.
    pub dev: u32,
    /// `VIFF_*`.
    pub flags: u16,
    /// By what the daemon named it, as `/proc/net/ip_mr_vif` shows it: the device's index
    /// ([`Vif::BY_INDEX`]), or an address in network order.
    pub local: u32,
}

impl Vif {
    /// The daemon named the device by its index (`VIFF_USE_IFINDEX`).
    pub const BY_INDEX: u16 = 8;
    /// Packets leave it within others (`VIFF_TUNNEL`).
    pub const TUNNEL: u16 = 1;
    /// Packets leave it to the daemon (`VIFF_REGISTER`).
    pub const REGISTER: u16 = 4;
}

/// An entry of the cache (`struct mfc_cache`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mfc {
    /// Source; unspecified for any.
    pub origin: Ipv4Addr,
    /// Group; unspecified for any.
    pub group: Ipv4Addr,
    /// The virtual interface that packets have to come in by.
    pub parent: u16,
    /// For each virtual interface what a packet's TTL has to exceed; [`NEVER`] for none.
    pub ttls: [u8; MAX_VIFS],
}

impl Mfc {
    /// The threshold of a virtual interface.
    pub fn threshold(&self, vif: usize) -> u8 {
        self.ttls.get(vif).copied().unwrap_or(NEVER)
    }

    /// Whether packets of any source to any group are meant (`(*,*)`).
    pub fn is_any(&self) -> bool {
        self.origin.is_unspecified() && self.group.is_unspecified()
    }
}

/// A table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MulticastTable {
    /// Whether a daemon's socket is open, which unresolved packets are reported to.
    pub has_daemon: bool,
    /// Virtual interfaces by number.
    pub vifs: BTreeMap<u16, Vif>,
    /// The cache, in the order in which entries were added.
    pub cache: Vec<Mfc>,
}

impl MulticastTable {
    /// The number of the virtual interface on a device, the highest of several (`ipmr_find_vif`).
    pub fn vif_on(&self, dev: u32) -> Option<u16> {
        self.vifs.iter().rev().find(|(_, vif)| vif.dev == dev).map(|(&number, _)| number)
    }

    /// The entry for a packet (`ipmr_cache_find`, `ipmr_cache_find_any`): by its source, or
    /// for any source by the interface that it came in by.
    pub fn find(&self, origin: Ipv4Addr, group: Ipv4Addr, dev: u32) -> Option<&Mfc> {
        // Of several the one added last.
        let mut newest = self.cache.iter().rev();
        if let Some(entry) = newest.find(|entry| (entry.origin, entry.group) == (origin, group)) {
            return Some(entry);
        }
        let vif = self.vif_on(dev)?;
        let of_group =
            self.cache.iter().rev().filter(|entry| entry.origin.is_unspecified() && entry.group == group);
        let takes = |entry: &&Mfc| {
            // Or the interface belongs to the tree that the entry's parent is part of.
            entry.threshold(vif.into()) < NEVER
                || self.any_by(entry.parent).is_some_and(|tree| tree.threshold(vif.into()) < NEVER)
        };
        of_group.clone().find(takes).or_else(|| self.any_by(vif))
    }

    /// The entry for all sources and groups that has an interface (`mr_mfc_find_any_parent`).
    pub fn any_by(&self, vif: u16) -> Option<&Mfc> {
        self.cache.iter().rev().find(|entry| entry.is_any() && entry.threshold(vif.into()) < NEVER)
    }
}

/// The tables of a namespace, by id; 253 is there from the beginning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MulticastRouting {
    /// Tables that something was configured in.
    pub tables: BTreeMap<TableId, MulticastTable>,
}

impl MulticastRouting {
    /// The table that packets are looked up in where no rule says otherwise.
    pub const DEFAULT: TableId = TableId(253);

    /// A table.
    pub fn table(&self, id: TableId) -> Option<&MulticastTable> {
        self.tables.get(&id)
    }
}
