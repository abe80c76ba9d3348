//! A source as a kernel that answers and refuses every change: nothing ever
//! changes a real host, and a copy in memory that is thrown away afterwards must
//! not pretend to keep anything.
//!
//! Of a live host further namespaces are read when they are asked about.

use std::net::IpAddr;

use fingerpost_engine::World;
use fingerpost_host::{Live, Target};
use fingerpost_model::{
    AddrLabelMsg, AddrMsg, BucketFilter, Kernel, LinkMsg, MrouteMsg, MrouteTableMsg, NeighMsg, NetconfMsg,
    NexthopMsg, NsId, Op, Refusal, RouteFilter, RouteMsg, RuleMsg, TableId,
};
use fingerpost_net::{Errno, Family};

use crate::source::Source;

/// The text of every refusal.
pub(crate) const TEXT: &str = "fingerpost never changes a host; use --apply SCRIPT to ask what if";

/// A source and, of a live host, the other namespaces that were asked about.
pub struct ReadOnly {
    first: Source,
    others: Vec<Other>,
}

/// A named namespace beside the first; its number is its position plus one.
enum Other {
    /// One of the same world.
    Inside(NsId),
    /// One of this machine, not read yet.
    Named(String),
    /// One of this machine.
    Read(String, Box<Source>),
}

impl ReadOnly {
    /// Wraps a source; its namespace has number 0.
    pub fn new(source: Source) -> Self {
        ReadOnly { first: source, others: Vec::new() }
    }

    /// The world that holds a namespace, and the namespace's number there.
    fn at(&mut self, ns: NsId) -> Result<(&mut World, NsId), Refusal> {
        let Some(position) = ns.0.checked_sub(1) else {
            return Ok((&mut self.first.world, self.first.ns));
        };
        let other = self.others.get_mut(position as usize).ok_or(Refusal::new(Errno::EINVAL))?;
        if let Other::Named(name) = other {
            let source = crate::source::live(&Target::named(name));
            let source = source.map_err(|error| Refusal::with(Errno::EIO, format!("{error:#}")))?;
            *other = Other::Read(name.clone(), Box::new(source));
        }
        match other {
            Other::Read(_, source) => Ok((&mut source.world, source.ns)),
            Other::Inside(ns) => Ok((&mut self.first.world, *ns)),
            Other::Named(_) => Err(Refusal::new(Errno::EINVAL)),
        }
    }

    fn number(&mut self, other: Other) -> Option<NsId> {
        let same = |known: &Other| match (known, &other) {
            (Other::Inside(a), Other::Inside(b)) => a == b,
            (Other::Named(a) | Other::Read(a, _), Other::Named(b)) => a == b,
            _ => false,
        };
        let position = self.others.iter().position(same).unwrap_or_else(|| {
            self.others.push(other);
            self.others.len() - 1
        });
        u32::try_from(position + 1).ok().map(NsId)
    }

    /// A namespace as the live host numbers it.
    fn live_number(&mut self, ns: NsId) -> Option<NsId> {
        let Some(position) = ns.0.checked_sub(1) else { return Some(NsId(0)) };
        match self.others.get(position as usize)? {
            Other::Named(name) | Other::Read(name, _) => self.first.live.as_mut()?.find_netns(name),
            Other::Inside(_) => None,
        }
    }
}

impl Kernel for ReadOnly {
    fn apply(&mut self, _: NsId, _: Op) -> Result<(), Refusal> {
        Err(Refusal::with(Errno::EPERM, TEXT))
    }
    fn get_route(&mut self, ns: NsId, request: &RouteMsg) -> Result<RouteMsg, Refusal> {
        let (world, ns) = self.at(ns)?;
        world.get_route(ns, request)
    }
    fn get_nexthop(&mut self, ns: NsId, id: u32) -> Result<NexthopMsg, Refusal> {
        let (world, ns) = self.at(ns)?;
        world.get_nexthop(ns, id)
    }
    fn get_link(&mut self, ns: NsId, index: u32, name: Option<&str>) -> Result<LinkMsg, Refusal> {
        let (world, ns) = self.at(ns)?;
        world.get_link(ns, index, name)
    }
    fn links(&mut self, ns: NsId, each: &mut dyn FnMut(&LinkMsg)) -> Result<(), Refusal> {
        let (world, ns) = self.at(ns)?;
        world.links(ns, each)
    }
    fn addresses(
        &mut self,
        ns: NsId,
        family: Option<Family>,
        each: &mut dyn FnMut(&AddrMsg),
    ) -> Result<(), Refusal> {
        let (world, ns) = self.at(ns)?;
        world.addresses(ns, family, each)
    }
    fn routes(
        &mut self,
        ns: NsId,
        filter: &RouteFilter,
        each: &mut dyn FnMut(&RouteMsg),
    ) -> Result<(), Refusal> {
        let (world, ns) = self.at(ns)?;
        world.routes(ns, filter, each)
    }
    fn rules(
        &mut self,
        ns: NsId,
        family: Option<Family>,
        each: &mut dyn FnMut(&RuleMsg),
    ) -> Result<(), Refusal> {
        let (world, ns) = self.at(ns)?;
        world.rules(ns, family, each)
    }
    fn nexthops(&mut self, ns: NsId, each: &mut dyn FnMut(&NexthopMsg)) -> Result<(), Refusal> {
        let (world, ns) = self.at(ns)?;
        world.nexthops(ns, each)
    }
    fn get_nexthop_bucket(&mut self, ns: NsId, group: u32, index: u16) -> Result<NexthopMsg, Refusal> {
        let (world, ns) = self.at(ns)?;
        world.get_nexthop_bucket(ns, group, index)
    }
    fn nexthop_buckets(
        &mut self,
        ns: NsId,
        filter: &BucketFilter,
        each: &mut dyn FnMut(&NexthopMsg),
    ) -> Result<(), Refusal> {
        let (world, ns) = self.at(ns)?;
        world.nexthop_buckets(ns, filter, each)
    }
    fn neighbours(
        &mut self,
        ns: NsId,
        family: Option<Family>,
        proxy: bool,
        each: &mut dyn FnMut(&NeighMsg),
    ) -> Result<(), Refusal> {
        let (world, ns) = self.at(ns)?;
        world.neighbours(ns, family, proxy, each)
    }
    fn address_labels(&mut self, ns: NsId, each: &mut dyn FnMut(&AddrLabelMsg)) -> Result<(), Refusal> {
        let (world, ns) = self.at(ns)?;
        world.address_labels(ns, each)
    }
    fn mroutes(
        &mut self,
        ns: NsId,
        family: Family,
        table: Option<TableId>,
        each: &mut dyn FnMut(&MrouteMsg),
    ) -> Result<(), Refusal> {
        let (world, ns) = self.at(ns)?;
        world.mroutes(ns, family, table, each)
    }
    fn mroute_tables(&mut self, ns: NsId, each: &mut dyn FnMut(&MrouteTableMsg)) -> Result<(), Refusal> {
        let (world, ns) = self.at(ns)?;
        world.mroute_tables(ns, each)
    }
    fn get_address_label(&mut self, ns: NsId, address: IpAddr, index: u32) -> Result<AddrLabelMsg, Refusal> {
        let (world, ns) = self.at(ns)?;
        world.get_address_label(ns, address, index)
    }
    fn netconf(
        &mut self,
        ns: NsId,
        family: Option<Family>,
        each: &mut dyn FnMut(&NetconfMsg),
    ) -> Result<(), Refusal> {
        let (world, ns) = self.at(ns)?;
        world.netconf(ns, family, each)
    }
    fn read_file(&mut self, ns: NsId, path: &str) -> Result<String, Errno> {
        let (world, ns) = self.at(ns).map_err(|refusal| refusal.errno)?;
        world.read_file(ns, path)
    }
    fn write_file(&mut self, _: NsId, _: &str, _: &str) -> Result<(), Errno> {
        Err(Errno::EPERM)
    }
    fn find_netns(&mut self, name: &str) -> Option<NsId> {
        if let Some(ns) = self.first.world.find_netns(name) {
            return self.number(Other::Inside(ns));
        }
        self.first.live.as_mut()?.find_netns(name)?;
        self.number(Other::Named(name.into()))
    }
    fn netns_name(&mut self, ns: NsId) -> Option<String> {
        match ns.0.checked_sub(1).and_then(|position| self.others.get(position as usize)) {
            Some(Other::Named(name) | Other::Read(name, _)) => Some(name.clone()),
            _ => {
                let (world, ns) = self.at(ns).ok()?;
                world.netns_name(ns)
            }
        }
    }
    fn netns_id(&mut self, ns: NsId, other: NsId) -> Option<i32> {
        if let (Some(a), Some(b)) = (self.live_number(ns), self.live_number(other))
            && let Some(live) = &mut self.first.live
        {
            return live.netns_id(a, b);
        }
        let (_, other) = self.at(other).ok()?;
        let (world, ns) = self.at(ns).ok()?;
        world.netns_id(ns, other)
    }
    fn netns_names(&mut self) -> Option<Vec<String>> {
        let made = self.first.world.netns_names();
        let Some(real) = self.first.live.as_mut().and_then(Live::netns_names) else { return made };
        Some(made.into_iter().flatten().chain(real).collect())
    }
    fn add_netns(&mut self, _: &str) -> Result<NsId, Errno> {
        Err(Errno::EPERM)
    }
    fn del_netns(&mut self, _: &str) -> Result<(), Errno> {
        Err(Errno::EPERM)
    }
}
