//! A live machine as a [`Kernel`]: questions are answered, changes are refused.

use std::net::IpAddr;
use std::os::fd::AsRawFd;

use fingerpost_model::{
    AddrLabelMsg, AddrMsg, BucketFilter, Kernel, LinkMsg, MrouteMsg, MrouteTableMsg, NeighMsg, NetconfMsg,
    NexthopMsg, NsId, Op, Refusal, RouteFilter, RouteMsg, RuleMsg, TableId,
};
use fingerpost_net::{Errno, Family};
use fingerpost_netlink::request::{self, Dump};
use fingerpost_netlink::{Message, ext_mask};

use super::{Live, Space, Target, families, files, namespace, passes, socket};
use crate::Error;

/// What every change is answered with.
const READ_ONLY: &str = "Nothing ever changes a real host";

/// What a dump is answered with that the kernel marked as inconsistent at every attempt.
const CHANGING: &str = "It changed while it was read, each time";

impl Live {
    fn space(&mut self, ns: NsId) -> Result<&mut Space, Refusal> {
        self.spaces.get_mut(ns.0 as usize).ok_or(Refusal::new(Errno::EINVAL))
    }

    fn dump(&mut self, ns: NsId, what: &Dump, each: &mut dyn FnMut(Message)) -> Result<(), Refusal> {
        let dumped = self.space(ns)?.socket.dump(what).map_err(refusal)?;
        if dumped.interrupted {
            return Err(Refusal::with(Errno::EINTR, CHANGING));
        }
        dumped.each(each).map_err(refusal)
    }
}

fn refusal(error: Error) -> Refusal {
    match error {
        Error::Refused { refusal, .. } => refusal,
        Error::Socket(error) => socket::system_refusal(&error),
        other => Refusal::with(Errno::EIO, other.to_string()),
    }
}

impl Kernel for Live {
    fn apply(&mut self, _: NsId, _: Op) -> Result<(), Refusal> {
        Err(Refusal::with(Errno::EPERM, READ_ONLY))
    }

    fn get_route(&mut self, ns: NsId, request: &RouteMsg) -> Result<RouteMsg, Refusal> {
        self.space(ns)?.get_route(request)
    }

    fn get_nexthop(&mut self, ns: NsId, id: u32) -> Result<NexthopMsg, Refusal> {
        match self.space(ns)?.socket.ask(|seq| request::nexthop(id, seq).map_err(std::io::Error::other))? {
            Message::Nexthop(nexthop) => Ok(nexthop),
            _ => Err(Refusal::with(Errno::EBADMSG, "the answer is not a nexthop")),
        }
    }

    fn get_link(&mut self, ns: NsId, index: u32, name: Option<&str>) -> Result<LinkMsg, Refusal> {
        let ask = |seq| request::link(index, name, ext_mask::VF, seq).map_err(std::io::Error::other);
        match self.space(ns)?.socket.ask(ask)? {
            Message::Link(link) => Ok(link),
            _ => Err(Refusal::with(Errno::EBADMSG, "the answer is not a device")),
        }
    }

    fn links(&mut self, ns: NsId, each: &mut dyn FnMut(&LinkMsg)) -> Result<(), Refusal> {
        // Kernels before 6.8 dump them by hash.
        let mut links = Vec::new();
        self.dump(ns, &Dump::Links { ext_mask: ext_mask::VF }, &mut |m| {
            if let Message::Link(link) = m {
                links.push(link);
            }
        })?;
        links.sort_by_key(|link| link.index);
        links.iter().for_each(each);
        Ok(())
    }

    fn addresses(
        &mut self,
        ns: NsId,
        family: Option<Family>,
        each: &mut dyn FnMut(&AddrMsg),
    ) -> Result<(), Refusal> {
        families(family).try_for_each(|family| {
            self.dump(ns, &Dump::Addresses(family), &mut |m| {
                if let Message::Address(address) = m {
                    each(&address);
                }
            })
        })
    }

    fn routes(
        &mut self,
        ns: NsId,
        filter: &RouteFilter,
        each: &mut dyn FnMut(&RouteMsg),
    ) -> Result<(), Refusal> {
        families(filter.family).try_for_each(|family| {
            let filter = RouteFilter { family: Some(family), ..*filter };
            self.dump(ns, &Dump::Routes(filter), &mut |m| match m {
                Message::Route(route) if passes(&route, &filter) => each(&route),
                _ => {}
            })
        })
    }

    fn rules(
        &mut self,
        ns: NsId,
        family: Option<Family>,
        each: &mut dyn FnMut(&RuleMsg),
    ) -> Result<(), Refusal> {
        families(family).try_for_each(|family| {
            self.dump(ns, &Dump::Rules(family), &mut |m| {
                if let Message::Rule(rule) = m {
                    each(&rule);
                }
            })
        })
    }

    fn nexthops(&mut self, ns: NsId, each: &mut dyn FnMut(&NexthopMsg)) -> Result<(), Refusal> {
        self.dump(ns, &Dump::Nexthops, &mut |m| {
            if let Message::Nexthop(nexthop) = m {
                each(&nexthop);
            }
        })
    }

    fn get_nexthop_bucket(&mut self, ns: NsId, group: u32, index: u16) -> Result<NexthopMsg, Refusal> {
        let ask = |seq| request::nexthop_bucket(group, index, seq).map_err(std::io::Error::other);
        match self.space(ns)?.socket.ask(ask)? {
            Message::Nexthop(bucket) => Ok(bucket),
            _ => Err(Refusal::with(Errno::EBADMSG, "the answer is not a nexthop bucket")),
        }
    }

    fn nexthop_buckets(
        &mut self,
        ns: NsId,
        filter: &BucketFilter,
        each: &mut dyn FnMut(&NexthopMsg),
    ) -> Result<(), Refusal> {
        self.dump(ns, &Dump::NexthopBuckets(*filter), &mut |m| {
            if let Message::Nexthop(bucket) = m {
                each(&bucket);
            }
        })
    }

    fn neighbours(
        &mut self,
        ns: NsId,
        family: Option<Family>,
        proxy: bool,
        each: &mut dyn FnMut(&NeighMsg),
    ) -> Result<(), Refusal> {
        families(family).try_for_each(|family| {
            self.dump(ns, &Dump::Neighbours { family, proxy }, &mut |m| {
                if let Message::Neighbour(neighbour) = m {
                    each(&neighbour);
                }
            })
        })
    }

    fn address_labels(&mut self, ns: NsId, each: &mut dyn FnMut(&AddrLabelMsg)) -> Result<(), Refusal> {
        self.dump(ns, &Dump::AddrLabels, &mut |m| {
            if let Message::AddrLabel(label) = m {
                each(&label);
            }
        })
    }

    fn get_address_label(&mut self, ns: NsId, address: IpAddr, index: u32) -> Result<AddrLabelMsg, Refusal> {
        let ask = |seq| request::addr_label(address, index, seq).map_err(std::io::Error::other);
        match self.space(ns)?.socket.ask(ask)? {
            Message::AddrLabel(label) => Ok(label),
            _ => Err(Refusal::with(Errno::EBADMSG, "the answer is not an address label")),
        }
    }

    fn mroutes(
        &mut self,
        ns: NsId,
        family: Family,
        table: Option<TableId>,
        each: &mut dyn FnMut(&MrouteMsg),
    ) -> Result<(), Refusal> {
        self.dump(ns, &Dump::Mroutes(family, table), &mut |m| {
            if let Message::Mroute(entry) = m {
                each(&entry);
            }
        })
    }

    fn mroute_tables(&mut self, ns: NsId, each: &mut dyn FnMut(&MrouteTableMsg)) -> Result<(), Refusal> {
        self.dump(ns, &Dump::MrouteTables, &mut |m| {
            if let Message::MrouteTable(table) = m {
                each(&table);
            }
        })
    }

    fn netconf(
        &mut self,
        ns: NsId,
        family: Option<Family>,
        each: &mut dyn FnMut(&NetconfMsg),
    ) -> Result<(), Refusal> {
        families(family).try_for_each(|family| {
            self.dump(ns, &Dump::Netconf(family), &mut |m| {
                if let Message::Netconf(netconf) = m {
                    each(&netconf);
                }
            })
        })
    }

    fn read_file(&mut self, ns: NsId, path: &str) -> Result<String, Errno> {
        let place = &self.space(ns).map_err(|r| r.errno)?.place;
        let read = place.run(|| files::read(path)).map_err(|e| refusal(e).errno)?;
        read.map_err(|e| socket::system_refusal(&e).errno)
    }

    fn write_file(&mut self, _: NsId, _: &str, _: &str) -> Result<(), Errno> {
        Err(Errno::EPERM)
    }

    fn find_netns(&mut self, name: &str) -> Option<NsId> {
        let known = self.spaces.iter().position(|space| space.name == name && !name.is_empty());
        let place = known.or_else(|| {
            self.spaces.push(Space::open(&Target::Name(name.to_string())).ok()?);
            Some(self.spaces.len() - 1)
        })?;
        u32::try_from(place).ok().map(NsId)
    }

    fn netns_name(&mut self, ns: NsId) -> Option<String> {
        self.space(ns).ok().map(|space| space.name.clone()).filter(|name| !name.is_empty())
    }

    fn netns_id(&mut self, ns: NsId, other: NsId) -> Option<i32> {
        let file = self.space(other).ok()?.place.file().ok()?;
        let ask = |seq| fingerpost_netlink::nsid(file.as_raw_fd(), seq).map_err(std::io::Error::other);
        self.space(ns).ok()?.socket.ask_for(ask, fingerpost_netlink::decode_nsid).ok()?
    }

    fn netns_names(&mut self) -> Option<Vec<String>> {
        namespace::names()
    }

    fn add_netns(&mut self, _: &str) -> Result<NsId, Errno> {
        Err(Errno::EPERM)
    }

    fn del_netns(&mut self, _: &str) -> Result<(), Errno> {
        Err(Errno::EPERM)
    }
}
