//! The door to a kernel, real or in memory.

use std::any::Any;
use std::net::IpAddr;

use fingerpost_net::{Errno, Family};

use crate::{
    AddrLabelMsg, AddrMsg, LinkMsg, MrouteMsg, MrouteTableMsg, NeighMsg, NetconfMsg, NexthopMsg, Op, Refusal,
    RouteMsg, RuleMsg, TableId,
};

/// A network namespace of a [`Kernel`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NsId(pub u32);

/// What a strict route dump asks the kernel to leave out.
///
/// `None` means any. iproute2 filters the rest by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RouteFilter {
    /// The family; `None` dumps IPv4, then IPv6.
    pub family: Option<Family>,
    /// The table. A dump of one that does not exist is refused (C-005).
    pub table: Option<TableId>,
    /// The protocol.
    pub protocol: Option<u8>,
    /// The type.
    pub kind: Option<u8>,
    /// The device of any next hop.
    pub oif: Option<u32>,
    /// Cached exceptions (`ip route show cache`) rather than table entries.
    pub cached: bool,
}

/// Which buckets of resilient nexthop groups to dump; `None` means any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BucketFilter {
    /// Of members of this family.
    pub family: Option<Family>,
    /// Of this group. A dump of none, or of another kind of object, is refused.
    pub group: Option<u32>,
    /// Of members through this device.
    pub dev: Option<u32>,
    /// Of members through ports of this device.
    pub master: Option<u32>,
    /// Of this member.
    pub member: Option<u32>,
}

/// What a configuration tool can ask of a kernel: rtnetlink's requests, the
/// files below `/proc`, and named namespaces.
///
/// Dumps are streamed in the kernel's own order; the callback sees each
/// message once.
pub trait Kernel {
    /// What stands behind the door, for programs that need more of it than its configuration;
    /// nothing where that cannot be had.
    fn behind(&mut self) -> Option<&mut dyn Any> {
        None
    }

    /// Applies a change, with all its consequences, or refuses it whole.
    fn apply(&mut self, ns: NsId, op: Op) -> Result<(), Refusal>;

    /// `RTM_GETROUTE` without dump: one lookup (`ip route get`). The request
    /// carries destination, source, iif, oif, mark, tos, uid, protocol and
    /// ports, and `FIB_MATCH`/`LOOKUP_TABLE` in its flags.
    fn get_route(&mut self, ns: NsId, request: &RouteMsg) -> Result<RouteMsg, Refusal>;

    /// `RTM_GETNEXTHOP` for one id.
    fn get_nexthop(&mut self, ns: NsId, id: u32) -> Result<NexthopMsg, Refusal>;

    /// The link with this index or name (`RTM_GETLINK`), `ENODEV` if none.
    fn get_link(&mut self, ns: NsId, index: u32, name: Option<&str>) -> Result<LinkMsg, Refusal>;

    /// All links, ascending by index.
    fn links(&mut self, ns: NsId, each: &mut dyn FnMut(&LinkMsg)) -> Result<(), Refusal>;

    /// Addresses, by device; `None` dumps IPv4, then IPv6.
    fn addresses(
        &mut self,
        ns: NsId,
        family: Option<Family>,
        each: &mut dyn FnMut(&AddrMsg),
    ) -> Result<(), Refusal>;

    /// Routes that pass the filter.
    fn routes(
        &mut self,
        ns: NsId,
        filter: &RouteFilter,
        each: &mut dyn FnMut(&RouteMsg),
    ) -> Result<(), Refusal>;

    /// Policy rules in evaluation order.
    fn rules(
        &mut self,
        ns: NsId,
        family: Option<Family>,
        each: &mut dyn FnMut(&RuleMsg),
    ) -> Result<(), Refusal>;

    /// Nexthop objects by id.
    fn nexthops(&mut self, ns: NsId, each: &mut dyn FnMut(&NexthopMsg)) -> Result<(), Refusal>;

    /// One bucket of a resilient group (`RTM_GETNEXTHOPBUCKET`).
    fn get_nexthop_bucket(&mut self, ns: NsId, group: u32, index: u16) -> Result<NexthopMsg, Refusal>;

    /// Buckets of resilient groups that pass the filter, by group and number.
    fn nexthop_buckets(
        &mut self,
        ns: NsId,
        filter: &BucketFilter,
        each: &mut dyn FnMut(&NexthopMsg),
    ) -> Result<(), Refusal>;

    /// Neighbours; proxy entries when `proxy` is set.
    fn neighbours(
        &mut self,
        ns: NsId,
        family: Option<Family>,
        proxy: bool,
        each: &mut dyn FnMut(&NeighMsg),
    ) -> Result<(), Refusal>;

    /// Address labels in the kernel's order, the most special first. A kernel
    /// without IPv6 has none to show.
    fn address_labels(&mut self, ns: NsId, each: &mut dyn FnMut(&AddrLabelMsg)) -> Result<(), Refusal> {
        let _ = (ns, each);
        Err(Refusal::new(Errno::EOPNOTSUPP))
    }

    /// The address label that Linux finds for an address and a device, 0 for
    /// none (`RTM_GETADDRLABEL`).
    fn get_address_label(&mut self, ns: NsId, address: IpAddr, index: u32) -> Result<AddrLabelMsg, Refusal> {
        let _ = (ns, address, index);
        Err(Refusal::new(Errno::EOPNOTSUPP))
    }

    /// Entries of the multicast forwarding cache of a table, or of all.
    fn mroutes(
        &mut self,
        ns: NsId,
        family: Family,
        table: Option<TableId>,
        each: &mut dyn FnMut(&MrouteMsg),
    ) -> Result<(), Refusal> {
        let _ = (ns, family, table, each);
        Err(Refusal::new(Errno::EOPNOTSUPP))
    }

    /// Multicast routing tables of IPv4, with their virtual interfaces.
    fn mroute_tables(&mut self, ns: NsId, each: &mut dyn FnMut(&MrouteTableMsg)) -> Result<(), Refusal> {
        let _ = (ns, each);
        Err(Refusal::new(Errno::EOPNOTSUPP))
    }

    /// Per-device settings as `RTM_GETNETCONF` reports them.
    fn netconf(
        &mut self,
        ns: NsId,
        family: Option<Family>,
        each: &mut dyn FnMut(&NetconfMsg),
    ) -> Result<(), Refusal>;

    /// Reads a file below `/proc/sys` or `/proc/net`, by absolute path.
    fn read_file(&mut self, ns: NsId, path: &str) -> Result<String, Errno>;

    /// Writes a file below `/proc/sys`, by absolute path.
    fn write_file(&mut self, ns: NsId, path: &str, value: &str) -> Result<(), Errno>;

    /// The namespace with this name (`/run/netns/NAME`).
    fn find_netns(&mut self, name: &str) -> Option<NsId>;

    /// The namespace's name, if it has one.
    fn netns_name(&mut self, ns: NsId) -> Option<String>;

    /// The id by which `ns` knows the namespace `other`, if it does (`RTM_GETNSID`).
    fn netns_id(&mut self, ns: NsId, other: NsId) -> Option<i32>;

    /// Names of all named namespaces, in `ip netns list` order; `None` where none
    /// was ever named, so that there is no directory of them.
    fn netns_names(&mut self) -> Option<Vec<String>>;

    /// Makes a namespace with its loopback device down (`ip netns add`).
    fn add_netns(&mut self, name: &str) -> Result<NsId, Errno>;

    /// Removes a name; the namespace goes with it (`ip netns delete`).
    fn del_netns(&mut self, name: &str) -> Result<(), Errno>;
}
