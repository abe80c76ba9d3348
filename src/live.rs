//! A live host as a kernel that answers and refuses every change.
//!
//! Listings are the kernel's own, so that they show all that there is, of both
//! families, modelled or not. A question (`ip route get`) is answered by this
//! program, as everywhere: the namespace it is about is read when the first one
//! is asked.

use std::collections::HashMap;
use std::net::IpAddr;

use fingerpost_host::{Live, Target};
use fingerpost_model::{
    AddrLabelMsg, AddrMsg, BucketFilter, Kernel, LinkMsg, MrouteMsg, MrouteTableMsg, NeighMsg, NetconfMsg,
    NexthopMsg, NsId, Op, Refusal, RouteFilter, RouteMsg, RuleMsg, TableId,
};
use fingerpost_net::{Errno, Family};

use crate::readonly::TEXT;
use crate::source::Source;

/// A live host; its first namespace has number 0.
pub struct LiveHost {
    live: Live,
    target: Target,
    read: HashMap<NsId, Source>,
}

impl LiveHost {
    /// Opens a namespace of this machine.
    ///
    /// # Errors
    ///
    /// It cannot be opened, for want of privilege or of the namespace.
    pub fn open(target: Target) -> anyhow::Result<Self> {
        Ok(LiveHost { live: Live::open(&target)?, target, read: HashMap::new() })
    }

    /// The namespace in memory, read if it was not yet.
    fn source(&mut self, ns: NsId) -> Result<&mut Source, Refusal> {
        if !self.read.contains_key(&ns) {
            let target = match ns {
                NsId(0) => self.target.clone(),
                _ => Target::Name(self.live.netns_name(ns).ok_or(Refusal::new(Errno::EINVAL))?),
            };
            let source = crate::source::live(&target);
            let source = source.map_err(|error| Refusal::with(Errno::EIO, format!("{error:#}")))?;
            self.read.insert(ns, source);
        }
        self.read.get_mut(&ns).ok_or(Refusal::new(Errno::EINVAL))
    }
}

type Each<'a, M> = &'a mut dyn FnMut(&M);

impl Kernel for LiveHost {
    fn apply(&mut self, _: NsId, _: Op) -> Result<(), Refusal> {
        Err(Refusal::with(Errno::EPERM, TEXT))
    }
    fn get_route(&mut self, ns: NsId, request: &RouteMsg) -> Result<RouteMsg, Refusal> {
        let source = self.source(ns)?;
        source.world.get_route(source.ns, request)
    }
    fn get_nexthop(&mut self, ns: NsId, id: u32) -> Result<NexthopMsg, Refusal> {
        self.live.get_nexthop(ns, id)
    }
    fn get_link(&mut self, ns: NsId, index: u32, name: Option<&str>) -> Result<LinkMsg, Refusal> {
        self.live.get_link(ns, index, name)
    }
    fn links(&mut self, ns: NsId, each: Each<'_, LinkMsg>) -> Result<(), Refusal> {
        self.live.links(ns, each)
    }
    fn addresses(
        &mut self,
        ns: NsId,
        family: Option<Family>,
        each: Each<'_, AddrMsg>,
    ) -> Result<(), Refusal> {
        self.live.addresses(ns, family, each)
    }
    fn routes(&mut self, ns: NsId, filter: &RouteFilter, each: Each<'_, RouteMsg>) -> Result<(), Refusal> {
        self.live.routes(ns, filter, each)
    }
    fn rules(&mut self, ns: NsId, family: Option<Family>, each: Each<'_, RuleMsg>) -> Result<(), Refusal> {
        self.live.rules(ns, family, each)
    }
    fn nexthops(&mut self, ns: NsId, each: Each<'_, NexthopMsg>) -> Result<(), Refusal> {
        self.live.nexthops(ns, each)
    }
    fn get_nexthop_bucket(&mut self, ns: NsId, group: u32, index: u16) -> Result<NexthopMsg, Refusal> {
        self.live.get_nexthop_bucket(ns, group, index)
    }
    fn nexthop_buckets(
        &mut self,
        ns: NsId,
        filter: &BucketFilter,
        each: Each<'_, NexthopMsg>,
    ) -> Result<(), Refusal> {
        self.live.nexthop_buckets(ns, filter, each)
    }
    fn neighbours(
        &mut self,
        ns: NsId,
        family: Option<Family>,
        proxy: bool,
        each: Each<'_, NeighMsg>,
    ) -> Result<(), Refusal> {
        self.live.neighbours(ns, family, proxy, each)
    }
    fn address_labels(&mut self, ns: NsId, each: Each<'_, AddrLabelMsg>) -> Result<(), Refusal> {
        self.live.address_labels(ns, each)
    }
    fn mroutes(
        &mut self,
        ns: NsId,
        family: Family,
        table: Option<TableId>,
        each: Each<'_, MrouteMsg>,
    ) -> Result<(), Refusal> {
        self.live.mroutes(ns, family, table, each)
    }
    fn mroute_tables(&mut self, ns: NsId, each: Each<'_, MrouteTableMsg>) -> Result<(), Refusal> {
        self.live.mroute_tables(ns, each)
    }
    fn get_address_label(&mut self, ns: NsId, address: IpAddr, index: u32) -> Result<AddrLabelMsg, Refusal> {
        self.live.get_address_label(ns, address, index)
    }
    fn netconf(
        &mut self,
        ns: NsId,
        family: Option<Family>,
        each: Each<'_, NetconfMsg>,
    ) -> Result<(), Refusal> {
        self.live.netconf(ns, family, each)
    }
    fn read_file(&mut self, ns: NsId, path: &str) -> Result<String, Errno> {
        self.live.read_file(ns, path)
    }
    fn write_file(&mut self, _: NsId, _: &str, _: &str) -> Result<(), Errno> {
        Err(Errno::EPERM)
    }
    fn find_netns(&mut self, name: &str) -> Option<NsId> {
        self.live.find_netns(name)
    }
    fn netns_name(&mut self, ns: NsId) -> Option<String> {
        self.live.netns_name(ns)
    }
    fn netns_id(&mut self, ns: NsId, other: NsId) -> Option<i32> {
        self.live.netns_id(ns, other)
    }
    fn netns_names(&mut self) -> Option<Vec<String>> {
        self.live.netns_names()
    }
    fn add_netns(&mut self, _: &str) -> Result<NsId, Errno> {
        Err(Errno::EPERM)
    }
    fn del_netns(&mut self, _: &str) -> Result<(), Errno> {
        Err(Errno::EPERM)
    }
}
