//! The whole: namespaces, clock, chance and the behaviour they share; and the
//! [`Kernel`] door to it.

use std::any::Any;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use fingerpost_model::{
    AddrLabelMsg, AddrMsg, BucketFilter, Change, Kernel, LinkMsg, MrouteMsg, MrouteTableMsg, NeighMsg,
    NetconfMsg, NexthopMsg, NsId, Op, Refusal, RouteFilter, RouteMsg, RuleMsg, TableId,
};
use fingerpost_net::{Errno, Family, Rng};

use crate::behaviour::Behaviour;
use crate::config::{Mfc, Search};
use crate::fast::check::Checks;
use crate::namespace::{Env, Namespace};
use crate::network::Network;
use crate::path::{Due, Frame, Handled, Listener, Listening, Outcome, Stack, Timer};
use crate::state::Time;
use crate::trace::Tracer;
use crate::{control, dump, lookup, path};

/// Namespaces, clock, chance and behaviour.
#[derive(Clone, Debug)]
pub struct World {
    /// All namespaces; `NsId(0)` is the first.
    pub namespaces: BTreeMap<NsId, Namespace>,
    /// Names of namespaces.
    pub names: BTreeMap<String, NsId>,
    /// Whether one was ever named, so that there is a directory of names.
    was_named: bool,
    /// The time on the injected clock.
    pub now: Time,
    /// The source of chance (MAC addresses, …).
    pub rng: Rng,
    /// The release's switches.
    pub behaviour: Behaviour,
    /// The uid of questions that name none.
    pub uid: u32,
    /// Frames between namespaces.
    pub network: Network,
    /// The structure that lookups search, in new namespaces too.
    search: Search,
    next_ns: u32,
    /// Counts changes that are more than those of routes.
    revision: u64,
    identity: Identity,
    /// Compiled decisions that have to agree with lookups, in tests.
    checks: Option<Checks>,
}

/// Which state of which world something was made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revision {
    /// The world's number.
    world: u64,
    count: u64,
}

impl Revision {
    /// Whether both are of one world.
    pub fn is_of_same_world(self, other: Revision) -> bool {
        self.world == other.world
    }
}

/// A world's number; a clone is another world.
#[derive(Debug)]
struct Identity(u64);

impl Default for Identity {
    fn default() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Identity(LAST.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

impl Clone for Identity {
    fn clone(&self) -> Self {
        Identity::default()
    }
}

impl World {
    /// A world with one fresh namespace: loopback down, no address.
    pub fn new(seed: u64, behaviour: Behaviour) -> Self {
        let mut world = World::empty(seed, behaviour);
        world.new_namespace();
        world
    }

    /// A world without namespaces.
    pub(crate) fn empty(seed: u64, behaviour: Behaviour) -> Self {
        World {
            namespaces: BTreeMap::new(),
            names: BTreeMap::new(),
            was_named: false,
            now: Time(0),
            rng: Rng::new(seed),
            behaviour,
            uid: 0,
            network: Network::new(seed),
            search: Search::default(),
            next_ns: 0,
            revision: 0,
            identity: Identity::default(),
            checks: None,
        }
    }

    /// What differs after every change that may be of more than routes: while it stays,
    /// the tables' own journals tell all that has changed. It does not see what is done
    /// directly to the public fields. A clone has revisions of its own.
    pub fn revision(&self) -> Revision {
        Revision { world: self.identity.0, count: self.revision }
    }

    /// Chooses the structure that lookups search, now and in what is made later.
    /// No answer depends on it.
    pub fn set_search(&mut self, search: Search) {
        self.search = search;
        self.namespaces.values_mut().for_each(|ns| ns.config.fib.set_search(search));
    }

    /// Has every question that is asked with [`Kernel::get_route`] answered from compiled
    /// decisions too, for tests: where those differ from the lookup, the question is
    /// refused with a text that says so.
    pub fn check_compiled(&mut self) {
        self.checks = Some(Checks::default());
    }

    /// Keeps the first `count` namespace ids from being given again.
    pub(crate) fn reserve(&mut self, count: u32) {
        self.next_ns = self.next_ns.max(count);
    }

    /// Makes a namespace with its loopback device down.
    pub fn new_namespace(&mut self) -> NsId {
        let id = NsId(self.next_ns);
        self.next_ns += 1;
        let mut ns = Namespace::default();
        ns.config.fib.set_search(self.search);
        self.namespaces.insert(id, ns);
        control::link::add_loopback(self, id);
        id
    }

    /// Lets time pass, with what it brings.
    pub fn pass(&mut self, millis: u64) {
        self.revision += 1;
        self.now = Time(self.now.0.saturating_add(millis));
        let env = Env { behaviour: &self.behaviour, now: self.now };
        for ns in self.namespaces.values_mut() {
            ns.state.group_changes.get_or_insert_default();
            control::addrconf::pass_time(ns, env);
            match &ns.state.group_changes {
                Some(changes) if !changes.is_empty() => {
                    let timer = Timer::Listener(0, Listening::News);
                    ns.state.timers.set(timer, None, Some(Due::exactly(self.now)));
                }
                _ => ns.state.group_changes = None,
            }
        }
    }

    /// Takes the hosts for ones that have stood for a while: nobody has the addresses of
    /// IPv6 that were just added, groups that were joined have been told of, and neighbours
    /// that were to be asked at once have been asked, in vain where that began before.
    pub fn settle(&mut self) {
        self.revision += 1;
        let env = Env { behaviour: &self.behaviour, now: self.now };
        for ns in self.namespaces.values_mut() {
            control::detect6::end_detections(ns, env);
            ns.state.group_changes = None;
            ns.state.listeners.values_mut().for_each(Listener::settle);
            ns.state.timers.stop(|timer| matches!(timer, Timer::Listener(..)));
            path::neighbour::take_up(&mut ns.config, &mut ns.state, self.now);
        }
        // That is with the next tick.
        let tick = self.namespaces.values().map(|ns| ns.state.tick.millis).max().unwrap_or(0);
        self.run_until(Time(self.now.0 + 2 * tick), &mut Tracer::off());
    }

    /// A frame arrives by a device of a namespace; of a device without link header it is
    /// the packet alone.
    ///
    /// # Errors
    ///
    /// There is no such namespace.
    pub fn receive(
        &mut self,
        id: NsId,
        dev: u32,
        frame: &[u8],
        tracer: &mut Tracer<'_>,
    ) -> Result<Handled, Refusal> {
        self.receive_marked(id, dev, frame, 0, tracer)
    }

    /// The same of a packet that has a mark when the network layer gets it, as tc gives one.
    ///
    /// # Errors
    ///
    /// There is no such namespace.
    pub fn receive_marked(
        &mut self,
        id: NsId,
        dev: u32,
        frame: &[u8],
        mark: u32,
        tracer: &mut Tracer<'_>,
    ) -> Result<Handled, Refusal> {
        self.revision += 1;
        if path::is_tagged(frame) && self.has_vlan_elsewhere(id, dev) {
            let outcome = Outcome::Unknown("a VLAN device in another namespace");
            return Ok(Handled { outcome, emitted: Vec::new() });
        }
        let env = Env { behaviour: &self.behaviour, now: self.now };
        let ns = self.namespaces.get_mut(&id).ok_or(Refusal::new(Errno::ENOENT))?;
        let stack = Stack::new(&mut ns.config, &mut ns.state, env, &mut self.rng, tracer);
        Ok(stack.receive(dev, frame, mark))
    }

    /// Whether a VLAN device on this one is in another namespace.
    fn has_vlan_elsewhere(&self, id: NsId, dev: u32) -> bool {
        let others = self.namespaces.iter().filter(|(other, _)| **other != id);
        others
            .flat_map(|(_, ns)| ns.config.links.iter())
            .any(|link| link.kind() == "vlan" && link.link_ns == Some(id) && link.msg.link == Some(dev))
    }

    /// An entry is added to a multicast routing table, or changed; packets that waited for it
    /// leave.
    ///
    /// # Errors
    ///
    /// Those of [`control::mroute::add_mfc`].
    pub fn add_mfc(
        &mut self,
        id: NsId,
        table: TableId,
        entry: Mfc,
        tracer: &mut Tracer<'_>,
    ) -> Result<Vec<Frame>, Refusal> {
        let (ns, env) = self.ns_mut(id)?;
        control::mroute::add_mfc(ns, env, table, entry, false)?;
        let ((), _, frames) = self.at_work(id, tracer, |stack| stack.resolve_multicast(table))?;
        Ok(frames)
    }

    /// Has a namespace's network layer do what a program asks: what that comes to, what
    /// became of the packet, if one was made, and the frames that left.
    pub(crate) fn at_work<T>(
        &mut self,
        id: NsId,
        tracer: &mut Tracer<'_>,
        call: impl FnOnce(&mut Stack<'_, '_>) -> T,
    ) -> Result<(T, Option<Outcome>, Vec<Frame>), Refusal> {
        self.revision += 1;
        let env = Env { behaviour: &self.behaviour, now: self.now };
        let ns = self.namespaces.get_mut(&id).ok_or(Refusal::new(Errno::EINVAL))?;
        Ok(Stack::new(&mut ns.config, &mut ns.state, env, &mut self.rng, tracer).call(call))
    }

    /// Says which time of the day it is: milliseconds since 1970, universal time, when the
    /// clock stood at zero. Packets that ask for the time are told.
    pub fn set_wall_clock(&mut self, began: u64) {
        self.namespaces.values_mut().for_each(|ns| ns.state.wall = began);
    }

    /// When the next timer ends.
    pub fn next_timer(&self) -> Option<Time> {
        self.namespaces.values().filter_map(|ns| ns.state.timers.next()).min()
    }

    /// Lets time pass until then; the frames that time alone emits, with their times.
    pub fn run_until(&mut self, until: Time, tracer: &mut Tracer<'_>) -> Vec<(Time, NsId, Frame)> {
        let mut emitted = Vec::new();
        while let Some((id, frames)) = self.run_to_next(until, tracer) {
            emitted.extend(frames.into_iter().map(|frame| (self.now, id, frame)));
        }
        emitted
    }

    /// Lets time pass until the next timer ends, and no longer than until then: the
    /// namespace whose timer it was and what that emits, or `None` when it is then.
    pub fn run_to_next(&mut self, until: Time, tracer: &mut Tracer<'_>) -> Option<(NsId, Vec<Frame>)> {
        self.fire_next(until, tracer).map(|(id, handled)| (id, handled.emitted))
    }

    /// The same, with what became of it.
    pub(crate) fn fire_next(&mut self, until: Time, tracer: &mut Tracer<'_>) -> Option<(NsId, Handled)> {
        let is_due = |at: &Time| *at <= until;
        let next = self.next_timer().filter(is_due);
        let to = next.unwrap_or(until);
        if to > self.now {
            self.pass(to.0 - self.now.0);
        }
        // What time has brought may be told of at once.
        let at = next.or_else(|| self.next_timer().filter(is_due))?;
        self.revision += 1;
        let env = Env { behaviour: &self.behaviour, now: self.now };
        self.namespaces.iter_mut().find_map(|(&id, ns)| {
            let (_, timer) = ns.state.timers.take_ended(at)?;
            let stack = Stack::new(&mut ns.config, &mut ns.state, env, &mut self.rng, tracer);
            Some((id, stack.fire(timer)))
        })
    }

    /// What a change leaves to be done after it.
    fn finish(&mut self) {
        let env = Env { behaviour: &self.behaviour, now: self.now };
        for ns in self.namespaces.values_mut().filter(|ns| !ns.state.due.is_empty()) {
            self.revision += 1;
            control::detect6::finish_due(ns, env);
        }
    }

    fn change(&mut self, id: NsId, op: Op) -> Result<(), Refusal> {
        self.revision += u64::from(!matches!(op.change, Change::NewRoute(_) | Change::DelRoute(_)));
        match op.change {
            Change::NewLink(msg) => control::link::new_link(self, id, op.flags, msg),
            Change::DelLink(msg) => control::link::del_link(self, id, &msg),
            Change::NewTun { name, mode, multi_queue } => {
                control::link::new_tun(self, id, &name, mode, multi_queue)
            }
            Change::DelTun { name, mode } => control::link::del_tun(self, id, &name, mode),
            change => {
                let (ns, env) = self.space(id)?;
                match change {
                    Change::NewAddress(msg) if msg.family == Family::V6 => {
                        control::address6::new_address(ns, env, op.flags, &msg)
                    }
                    Change::NewAddress(msg) => control::address::new_address(ns, env, op.flags, &msg),
                    Change::DelAddress(msg) if msg.family == Family::V6 => {
                        control::address6::del_address(ns, env, &msg)
                    }
                    Change::DelAddress(msg) => control::address::del_address(ns, env, &msg),
                    Change::NewRoute(msg) if msg.family == Family::V6 => {
                        control::route6::new_route(ns, env, op.flags, &msg)
                    }
                    Change::NewRoute(msg) => control::route::new_route(ns, env, op.flags, &msg),
                    Change::DelRoute(msg) if msg.family == Family::V6 => {
                        control::route6::del_route(ns, env, &msg)
                    }
                    Change::DelRoute(msg) => control::route::del_route(ns, env, &msg),
                    Change::NewRule(msg) => control::rule::new_rule(ns, env, op.flags, &msg),
                    Change::DelRule(msg) => control::rule::del_rule(ns, env, &msg),
                    Change::NewNexthop(msg) => control::nexthop::new_nexthop(ns, env, op.flags, &msg),
                    Change::DelNexthop(msg) => control::nexthop::del_nexthop(ns, env, &msg),
                    Change::NewNeighbour(msg) => control::neighbour::new_neighbour(ns, env, op.flags, &msg),
                    Change::DelNeighbour(msg) => control::neighbour::del_neighbour(ns, env, &msg),
                    Change::NewAddrLabel(msg) => control::addrlabel::new_label(ns, op.flags, &msg),
                    Change::DelAddrLabel(msg) => control::addrlabel::del_label(ns, &msg),
                    Change::NewLink(_)
                    | Change::DelLink(_)
                    | Change::NewTun { .. }
                    | Change::DelTun { .. } => Ok(()),
                }
            }
        }
    }

    /// The namespace with this id.
    pub fn ns(&self, id: NsId) -> Result<&Namespace, Refusal> {
        self.namespaces.get(&id).ok_or(Refusal::new(Errno::EINVAL))
    }

    /// The namespace with this id, to change, and what changing it needs.
    pub fn ns_mut(&mut self, id: NsId) -> Result<(&mut Namespace, Env<'_>), Refusal> {
        self.revision += 1;
        self.space(id)
    }

    /// The same, for what [`World::revision`] does not count.
    pub(crate) fn space(&mut self, id: NsId) -> Result<(&mut Namespace, Env<'_>), Refusal> {
        let env = Env { behaviour: &self.behaviour, now: self.now };
        match self.namespaces.get_mut(&id) {
            Some(ns) => Ok((ns, env)),
            None => Err(Refusal::new(Errno::EINVAL)),
        }
    }
}

impl Kernel for World {
    fn behind(&mut self) -> Option<&mut dyn Any> {
        Some(self)
    }

    fn apply(&mut self, id: NsId, op: Op) -> Result<(), Refusal> {
        let result = self.change(id, op);
        self.finish();
        result
    }

    fn get_route(&mut self, id: NsId, request: &RouteMsg) -> Result<RouteMsg, Refusal> {
        if let Some(mut checks) = self.checks.take() {
            let checked = checks.check(self, id, request);
            self.checks = Some(checks);
            checked?;
        }
        let uid = self.uid;
        let (ns, env) = self.space(id)?;
        match request.family {
            Family::V4 => lookup::get::get_route(ns, env, uid, request),
            Family::V6 => lookup::get6::get_route(ns, env, uid, request),
        }
    }

    fn get_nexthop(&mut self, id: NsId, nexthop: u32) -> Result<NexthopMsg, Refusal> {
        dump::nexthop::get(self.ns(id)?, self.now, nexthop)
    }

    fn get_link(&mut self, id: NsId, index: u32, name: Option<&str>) -> Result<LinkMsg, Refusal> {
        dump::link::get(self, id, index, name)
    }

    fn links(&mut self, id: NsId, each: &mut dyn FnMut(&LinkMsg)) -> Result<(), Refusal> {
        dump::link::dump(self, id, each)
    }

    fn addresses(
        &mut self,
        id: NsId,
        family: Option<Family>,
        each: &mut dyn FnMut(&AddrMsg),
    ) -> Result<(), Refusal> {
        let now = self.now;
        dump::address::dump(self.ns(id)?, now, family, each)
    }

    fn routes(
        &mut self,
        id: NsId,
        filter: &RouteFilter,
        each: &mut dyn FnMut(&RouteMsg),
    ) -> Result<(), Refusal> {
        let now = self.now;
        dump::route::dump(self.ns(id)?, now, filter, each)
    }

    fn rules(
        &mut self,
        id: NsId,
        family: Option<Family>,
        each: &mut dyn FnMut(&RuleMsg),
    ) -> Result<(), Refusal> {
        dump::rule::dump(self.ns(id)?, family, each)
    }

    fn nexthops(&mut self, id: NsId, each: &mut dyn FnMut(&NexthopMsg)) -> Result<(), Refusal> {
        dump::nexthop::dump(self.ns(id)?, self.now, each)
    }

    fn get_nexthop_bucket(&mut self, id: NsId, group: u32, index: u16) -> Result<NexthopMsg, Refusal> {
        dump::nexthop::bucket(self.ns(id)?, self.now, group, index)
    }

    fn nexthop_buckets(
        &mut self,
        id: NsId,
        filter: &BucketFilter,
        each: &mut dyn FnMut(&NexthopMsg),
    ) -> Result<(), Refusal> {
        dump::nexthop::buckets(self.ns(id)?, self.now, filter, each)
    }

    fn neighbours(
        &mut self,
        id: NsId,
        family: Option<Family>,
        proxy: bool,
        each: &mut dyn FnMut(&NeighMsg),
    ) -> Result<(), Refusal> {
        dump::neighbour::dump(self.ns(id)?, family, proxy, each)
    }

    fn address_labels(&mut self, id: NsId, each: &mut dyn FnMut(&AddrLabelMsg)) -> Result<(), Refusal> {
        dump::addrlabel::dump(self.ns(id)?, each)
    }

    fn get_address_label(&mut self, id: NsId, address: IpAddr, index: u32) -> Result<AddrLabelMsg, Refusal> {
        dump::addrlabel::get(self.ns(id)?, address, index)
    }

    fn mroutes(
        &mut self,
        id: NsId,
        family: Family,
        table: Option<TableId>,
        each: &mut dyn FnMut(&MrouteMsg),
    ) -> Result<(), Refusal> {
        let now = self.now;
        dump::mroute::dump(self.ns(id)?, now, family, table, each)
    }

    fn mroute_tables(&mut self, id: NsId, each: &mut dyn FnMut(&MrouteTableMsg)) -> Result<(), Refusal> {
        dump::mroute::tables(self.ns(id)?, each)
    }

    fn netconf(
        &mut self,
        id: NsId,
        family: Option<Family>,
        each: &mut dyn FnMut(&NetconfMsg),
    ) -> Result<(), Refusal> {
        dump::netconf::dump(self.ns(id)?, family, each)
    }

    fn read_file(&mut self, id: NsId, path: &str) -> Result<String, Errno> {
        let ns = self.namespaces.get(&id).ok_or(Errno::EINVAL)?;
        match path.strip_prefix("/proc/sys/") {
            Some(path) => control::sysctl::read(ns, path),
            None => dump::proc::read(ns, &self.behaviour, path),
        }
    }

    fn write_file(&mut self, id: NsId, path: &str, value: &str) -> Result<(), Errno> {
        let (ns, env) = self.ns_mut(id).map_err(|refusal| refusal.errno)?;
        match path.strip_prefix("/proc/sys/") {
            Some(path) => {
                let result = control::sysctl::write(ns, env, path, value);
                self.finish();
                result
            }
            None => Err(Errno::EACCES),
        }
    }

    fn find_netns(&mut self, name: &str) -> Option<NsId> {
        self.names.get(name).copied()
    }

    fn netns_name(&mut self, id: NsId) -> Option<String> {
        self.names.iter().find(|&(_, &ns)| ns == id).map(|(name, _)| name.clone())
    }

    fn netns_id(&mut self, id: NsId, other: NsId) -> Option<i32> {
        let ids = &self.namespaces.get(&id)?.config.links.nsids;
        ids.iter().find(|&(_, &known)| known == other).map(|(&id, _)| id)
    }

    fn netns_names(&mut self) -> Option<Vec<String>> {
        // The directory of names is a tmpfs, which lists what came last first.
        let mut names: Vec<(&NsId, &String)> = self.names.iter().map(|(name, id)| (id, name)).collect();
        names.sort();
        let exists = self.was_named || !self.names.is_empty();
        exists.then(|| names.into_iter().rev().map(|(_, name)| name.clone()).collect())
    }

    fn add_netns(&mut self, name: &str) -> Result<NsId, Errno> {
        self.was_named = true;
        if self.names.contains_key(name) {
            return Err(Errno::EEXIST);
        }
        let id = self.new_namespace();
        self.names.insert(name.to_string(), id);
        Ok(id)
    }

    fn del_netns(&mut self, name: &str) -> Result<(), Errno> {
        let id = self.names.remove(name).ok_or(Errno::ENOENT)?;
        self.revision += 1;
        control::link::namespace_exit(self, id);
        self.namespaces.remove(&id);
        Ok(())
    }
}
