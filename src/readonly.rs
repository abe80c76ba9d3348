//! A kernel that answers and refuses every change: nothing ever changes a real
//! host, and a copy of one must not pretend to.

use fingerpost_model::{
    AddrMsg, BucketFilter, Kernel, LinkMsg, NeighMsg, NetconfMsg, NexthopMsg, NsId, Op, Refusal, RouteFilter,
    RouteMsg, RuleMsg,
};
use fingerpost_net::{Errno, Family};

/// The text of every refusal.
const TEXT: &str = "fingerpost never changes a host; use --apply SCRIPT to ask what if";

/// Wraps a kernel.
pub struct ReadOnly<K>(pub K);

impl<K: Kernel> Kernel for ReadOnly<K> {
    fn apply(&mut self, _: NsId, _: Op) -> Result<(), Refusal> {
        Err(Refusal::with(Errno::EPERM, TEXT))
    }
    fn get_route(&mut self, ns: NsId, request: &RouteMsg) -> Result<RouteMsg, Refusal> {
        self.0.get_route(ns, request)
    }
    fn get_nexthop(&mut self, ns: NsId, id: u32) -> Result<NexthopMsg, Refusal> {
        self.0.get_nexthop(ns, id)
    }
    fn get_link(&mut self, ns: NsId, index: u32, name: Option<&str>) -> Result<LinkMsg, Refusal> {
        self.0.get_link(ns, index, name)
    }
    fn links(&mut self, ns: NsId, each: &mut dyn FnMut(&LinkMsg)) -> Result<(), Refusal> {
        self.0.links(ns, each)
    }
    fn addresses(
        &mut self,
        ns: NsId,
        family: Option<Family>,
        each: &mut dyn FnMut(&AddrMsg),
    ) -> Result<(), Refusal> {
        self.0.addresses(ns, family, each)
    }
    fn routes(
        &mut self,
        ns: NsId,
        filter: &RouteFilter,
        each: &mut dyn FnMut(&RouteMsg),
    ) -> Result<(), Refusal> {
        self.0.routes(ns, filter, each)
    }
    fn rules(
        &mut self,
        ns: NsId,
        family: Option<Family>,
        each: &mut dyn FnMut(&RuleMsg),
    ) -> Result<(), Refusal> {
        self.0.rules(ns, family, each)
    }
    fn nexthops(&mut self, ns: NsId, each: &mut dyn FnMut(&NexthopMsg)) -> Result<(), Refusal> {
        self.0.nexthops(ns, each)
    }
    fn get_nexthop_bucket(&mut self, ns: NsId, group: u32, index: u16) -> Result<NexthopMsg, Refusal> {
        self.0.get_nexthop_bucket(ns, group, index)
    }
    fn nexthop_buckets(
        &mut self,
        ns: NsId,
        filter: &BucketFilter,
        each: &mut dyn FnMut(&NexthopMsg),
    ) -> Result<(), Refusal> {
        self.0.nexthop_buckets(ns, filter, each)
    }
    fn neighbours(
        &mut self,
        ns: NsId,
        family: Option<Family>,
        proxy: bool,
        each: &mut dyn FnMut(&NeighMsg),
    ) -> Result<(), Refusal> {
        self.0.neighbours(ns, family, proxy, each)
    }
    fn netconf(
        &mut self,
        ns: NsId,
        family: Option<Family>,
        each: &mut dyn FnMut(&NetconfMsg),
    ) -> Result<(), Refusal> {
        self.0.netconf(ns, family, each)
    }
    fn read_file(&mut self, ns: NsId, path: &str) -> Result<String, Errno> {
        self.0.read_file(ns, path)
    }
    fn write_file(&mut self, _: NsId, _: &str, _: &str) -> Result<(), Errno> {
        Err(Errno::EPERM)
    }
    fn find_netns(&mut self, name: &str) -> Option<NsId> {
        self.0.find_netns(name)
    }
    fn netns_name(&mut self, ns: NsId) -> Option<String> {
        self.0.netns_name(ns)
    }
    fn netns_id(&mut self, ns: NsId, other: NsId) -> Option<i32> {
        self.0.netns_id(ns, other)
    }
    fn netns_names(&mut self) -> Option<Vec<String>> {
        self.0.netns_names()
    }
    fn add_netns(&mut self, _: &str) -> Result<NsId, Errno> {
        Err(Errno::EPERM)
    }
    fn del_netns(&mut self, _: &str) -> Result<(), Errno> {
        Err(Errno::EPERM)
    }
}
