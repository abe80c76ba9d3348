//! From a snapshot to a world.
//!
//! Objects are put in place as the dumps show them, without the checks and
//! consequences of a change: what is dumped was accepted once, and the host may
//! since have moved on (a gateway whose subnet is gone stays, T-32). What dumps
//! leave out is found again: scopes of hops, shares of multipath routes. IPv6's part
//! is [`crate::restore6`]'s.

use std::collections::{BTreeSet, HashMap};
use std::io::BufRead;
use std::net::{IpAddr, Ipv4Addr};

use fingerpost_model::snapshot::{self, Line, Netns, Reader};
use fingerpost_model::{
    AddrMsg, LinkMsg, MetricKind, NeighFlags, NeighMsg, NexthopMsg, NlFlags, NsId, Refusal, RouteFlags,
    RouteMsg, RuleMsg, Scope, TableId,
};
use fingerpost_net::{Errno, Family, Ip, IpPrefix};

use crate::behaviour::Behaviour;
use crate::config::{Config, DevConf, Fib, IfAddr, InDev, Link, NexthopKind, Rules};
use crate::control::fib_info::{self, RouteConfig};
use crate::control::{self, nexthop, route, rule, sysctl};
use crate::lookup::exception::Exception;
use crate::lookup::{self, Flow4, rules};
use crate::namespace::{Env, Namespace};
use crate::state::Time;
use crate::trace::Tracer;
use crate::world::World;
use crate::{restore_mroute, restore6};

/// Why a snapshot does not make a world.
#[derive(Debug)]
pub enum RestoreError {
    /// The file is not a snapshot.
    Snapshot(snapshot::Error),
    /// A line does not fit with those before it.
    Line {
        /// Line number from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
}

impl std::fmt::Display for RestoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            RestoreError::Snapshot(error) => error.fmt(f),
            RestoreError::Line { line, problem } => write!(f, "line {line}: {problem}"),
        }
    }
}

impl std::error::Error for RestoreError {}

impl From<snapshot::Error> for RestoreError {
    fn from(error: snapshot::Error) -> Self {
        RestoreError::Snapshot(error)
    }
}

/// A world made from a snapshot, and what the snapshot says about itself.
#[derive(Debug)]
pub struct Restored {
    /// The world; its namespaces are those of the snapshot.
    pub world: World,
    /// The snapshot's first line.
    pub header: snapshot::Header,
    /// The namespaces in order, with what was found out about each.
    pub namespaces: Vec<(NsId, Netns)>,
    /// Files and command outputs kept as text, by namespace and name.
    pub texts: Vec<(NsId, String, String)>,
    /// What the snapshot says and this build cannot use, one sentence each.
    pub not_used: Vec<String>,
}

/// Reads a snapshot into a world of its own; `seed` feeds chance.
pub fn restore<R: BufRead>(mut reader: Reader<R>, seed: u64) -> Result<Restored, RestoreError> {
    let mut restoring = Restoring::new(reader.header().clone(), seed);
    while let Some(line) = reader.next_line()? {
        restoring.line = reader.line();
        restoring.add(line)?;
    }
    restoring.finish()
}

/// A snapshot that is read line by line, such as a capture that was never written.
pub struct Restoring {
    restored: Restored,
    current: Option<Opened>,
    /// The number of the line that comes or came, from 1.
    line: usize,
}

impl Restoring {
    /// Begins with the header, line 1; `seed` feeds chance.
    pub fn new(header: snapshot::Header, seed: u64) -> Self {
        let mut world = World::empty(seed, Behaviour::of_release(&header.release));
        world.now = START;
        let restored =
            Restored { world, header, namespaces: Vec::new(), texts: Vec::new(), not_used: Vec::new() };
        Restoring { restored, current: None, line: 1 }
    }

    /// Takes the next line.
    pub fn push(&mut self, line: Line) -> Result<(), RestoreError> {
        self.line += 1;
        self.add(line)
    }

    /// The world, when all lines are there.
    pub fn finish(mut self) -> Result<Restored, RestoreError> {
        self.close()?;
        Ok(self.restored)
    }
}

/// A namespace on its way.
struct Opened {
    id: NsId,
    ns: Namespace,
    netns: Netns,
    /// Tables in the order in which their routes came.
    tables: Vec<TableId>,
    settings: Vec<(String, String)>,
    /// Devices and objects that lines name and that may come later, with the line.
    masters: Vec<(usize, u32)>,
    /// Cached routes, which come before the hops that they go through are complete.
    exceptions: Vec<RouteMsg>,
    members: Vec<(usize, u32)>,
    /// Whether labels came or are none, in place of those that a new namespace has.
    has_labels: bool,
}

/// When a restored world begins: what is dumped happened before.
const START: Time = Time(30 * 24 * 3600 * 1000);

impl Restoring {
    fn add(&mut self, line: Line) -> Result<(), RestoreError> {
        if matches!(line, Line::Netns(_)) {
            self.close()?;
        }
        self.place(line).map_err(|problem| RestoreError::Line { line: self.line, problem })
    }

    fn place(&mut self, line: Line) -> Result<(), String> {
        if let Line::Netns(netns) = line {
            let mut ns = Namespace::default();
            ns.config.rules = Rules { list: Vec::new() };
            ns.config.rules6 = Rules { list: Vec::new() };
            // Tables are made as routes come, in the form that they had.
            ns.config.fib.has_custom_rules = netns.custom_rules.unwrap_or(false);
            ns.config.links.groups_known = netns.groups_read;
            ns.config.may_have_modules = true;
            let has_labels = netns.labels_read;
            if has_labels {
                ns.config.labels.list.clear();
            }
            let id = NsId(self.restored.namespaces.len() as u32);
            self.current = Some(Opened {
                id,
                ns,
                netns,
                tables: Vec::new(),
                settings: Vec::new(),
                masters: Vec::new(),
                exceptions: Vec::new(),
                members: Vec::new(),
                has_labels,
            });
            return Ok(());
        }
        let Some(opened) = &mut self.current else {
            return Err("expected {\"netns\":…} before the first object".into());
        };
        let world = &self.restored.world;
        let env = Env { behaviour: &world.behaviour, now: world.now };
        let ns = &mut opened.ns;
        match line {
            Line::Netns(_) | Line::Netconf(_) | Line::End(_) => {}
            Line::Link(msg) => {
                opened.masters.extend(msg.master.map(|master| (self.line, master)));
                link(&mut ns.config, msg)?;
            }
            Line::Address(msg) if msg.family == Family::V4 => address(&mut ns.config, env, &msg)?,
            Line::Address(msg) => {
                need_link(&ns.config, "an address of", msg.index)?;
                restore6::address(&mut ns.config, env, &msg)?;
            }
            Line::Group(device, IpAddr::V4(group)) => {
                need_link(&ns.config, "a group joined by", device)?;
                let ipv4 = ns.config.links.get_mut(device).and_then(|link| link.ipv4.as_mut());
                ipv4.map(|ipv4| ipv4.groups.insert(group));
            }
            Line::Rule(msg) => add_rule(ns, env, &opened.netns, &msg)?,
            Line::AddressLabel(msg) => {
                restore6::label(&mut ns.config, &msg, !opened.has_labels)?;
                opened.has_labels = true;
            }
            Line::Nexthop(msg) => {
                opened.members.extend(msg.group.iter().map(|entry| (self.line, entry.id)));
                add_nexthop(ns, env, &msg)?;
            }
            Line::Bucket(msg) => {
                let bucket = msg.bucket.and_then(|bucket| nexthop::restore_bucket(ns, env, msg.id, bucket));
                bucket.ok_or_else(|| {
                    format!("a bucket of {}, which is no resilient group with so many", msg.id)
                })?;
            }
            Line::Route(msg) if msg.flags.has(RouteFlags::CLONED) => {
                opened.exceptions.push(msg);
            }
            Line::Route(msg) if msg.family == Family::V4 => {
                if opened.tables.last() != Some(&msg.table) && !opened.tables.contains(&msg.table) {
                    opened.tables.push(msg.table);
                }
                add_route(ns, env, &msg)?;
            }
            Line::Route(msg) => {
                check_hops(ns, &msg)?;
                restore6::route(ns, env, &msg)?;
            }
            Line::MulticastTable(msg) => restore_mroute::table(&mut ns.config, &msg)?,
            Line::MulticastRoute(msg) => restore_mroute::route(&mut ns.config, &msg)?,
            Line::Neighbour(msg) => neighbour(&mut ns.config, msg),
            Line::Sysctl(path, value) => opened.settings.push((path, value)),
            Line::Text(name, text) => self.restored.texts.push((opened.id, name, text)),
            // IPv6 delivers to groups by the devices' routes to all of them.
            Line::Group(_, IpAddr::V6(_)) => {}
        }
        Ok(())
    }

    /// Completes the namespace that is open.
    fn close(&mut self) -> Result<(), RestoreError> {
        let Some(mut opened) = self.current.take() else { return Ok(()) };
        opened.check_references().map_err(|(line, problem)| RestoreError::Line { line, problem })?;
        let behaviour = self.restored.world.behaviour.clone();
        let env = Env { behaviour: &behaviour, now: self.restored.world.now };
        let ns = &mut opened.ns;
        settings(ns, env, &opened.settings, &mut self.restored.not_used);
        own_settings(&mut ns.config);
        // Rules that are not the kernel's own three were changed for certain.
        let custom = opened.netns.custom_rules.unwrap_or_else(|| !are_default(&ns.config.rules));
        let fib = &mut ns.config.fib;
        if custom {
            control::table::unmerge(fib);
        }
        fib.has_custom_rules = custom;
        // Without change the rules of IPv6 lead where their lack would.
        ns.config.fib6.has_custom_rules =
            opened.netns.custom_rules6.unwrap_or_else(|| !are_default(&ns.config.rules6));
        let fib = &mut ns.config.fib;
        let stats = self.restored.texts.iter().find(|(id, name, _)| *id == opened.id && name == TRIE_STATS);
        arrange_tables(fib, stats.map_or(opened.tables, |(_, _, text)| listed_tables(text)));
        fib.has_custom_local_routes = opened.netns.custom_local_routes.unwrap_or(false);
        if opened.netns.realm_users == Some(true) {
            fib.realm_users = fib.realm_users.max(1);
        }
        if let Some(seed) = opened.netns.hash_seed {
            ns.config.sysctl.fib_multipath_hash_seed = seed;
        }
        complete_hops(&mut ns.config);
        restore6::complete(&mut ns.config);
        restore_mroute::complete(&mut ns.config);
        control::groups6::restore(&mut ns.config);
        ns.state.is_continued = true;
        for msg in std::mem::take(&mut opened.exceptions) {
            let restored = match msg.family {
                Family::V4 => exception(ns, env, &msg),
                Family::V6 => restore6::exception(ns, env, &msg),
            };
            if restored.is_none() {
                let dst = msg.dst.map_or_else(|| "default".to_string(), |dst| dst.to_string());
                self.restored.not_used.push(format!("what was learned about {dst}: no route leads there"));
            }
        }
        order_addresses(&mut ns.config);
        if !opened.netns.name.is_empty() {
            self.restored.world.names.insert(opened.netns.name.clone(), opened.id);
        }
        self.restored.world.namespaces.insert(opened.id, opened.ns);
        self.restored.namespaces.push((opened.id, opened.netns));
        self.restored.world.reserve(self.restored.namespaces.len() as u32);
        Ok(())
    }
}

impl Opened {
    /// Whether all that lines name is there; else the line and what is wrong.
    fn check_references(&self) -> Result<(), (usize, String)> {
        let config = &self.ns.config;
        for &(line, master) in &self.masters {
            if config.links.get(master).is_none() {
                return Err((line, format!("a link whose master is {master}, and there is no such link")));
            }
        }
        for &(line, id) in &self.members {
            match config.nexthops.get(id).map(|object| &object.kind) {
                Some(NexthopKind::Single(_)) => {}
                Some(NexthopKind::Group { .. }) => {
                    return Err((line, format!("a nexthop group with the group {id} as a member")));
                }
                None => {
                    return Err((
                        line,
                        format!("a nexthop group with {id} as a member, which does not exist"),
                    ));
                }
            }
        }
        Ok(())
    }
}

/// Whether a device that an object needs stands before it.
fn need_link(config: &Config, what: &str, index: u32) -> Result<(), String> {
    match index == 0 || config.links.get(index).is_some() {
        true => Ok(()),
        false => Err(format!("{what} link {index}, which does not stand before it")),
    }
}

/// Puts in place what was learned about one destination: it stands with the hop
/// of the route that leads there.
fn exception(ns: &mut Namespace, env: Env<'_>, msg: &RouteMsg) -> Option<()> {
    let Some(IpPrefix { addr: IpAddr::V4(dst), len: 32 }) = msg.dst else { return None };
    let config = &ns.config;
    let flow = Flow4 { oif: msg.oif.unwrap_or(0), dscp: msg.tos, ..Flow4::to(dst) };
    let table = config.fib.table(msg.table)?;
    let result = lookup::table::lookup(config, table, &flow, true, &mut Tracer::off()).ok()?;
    let gateway = result.hop(config)?.gateway;
    let hundredths = msg.cacheinfo.map_or(0, |info| info.expires);
    let known = Exception {
        pmtu: msg.metrics.get(MetricKind::MTU).unwrap_or(0),
        locked: msg.metrics.get(MetricKind::LOCK).unwrap_or(0) & 1 << MetricKind::MTU.0 != 0,
        gateway: match msg.gateway.filter(|_| msg.gateway != gateway) {
            Some(IpAddr::V4(learned)) => Some(learned),
            _ => None,
        },
        expires: (hundredths > 0).then(|| Time(env.now.0 + hundredths as u64 * 10)),
        ..Exception::default()
    };
    let hop = lookup::path::hop_id(config, result.alias.info, result.hop);
    ns.state.exceptions.restore(hop, dst, known);
    Some(())
}

/// Whether these are the rules of a new namespace, whoever is said to have made them.
fn are_default<I: Ip>(rules: &Rules<I>) -> bool {
    let mut default = Rules::<I>::default().list;
    for (own, rule) in default.iter_mut().zip(&rules.list) {
        own.protocol = rule.protocol;
    }
    default == rules.list
}

fn link(config: &mut Config, msg: LinkMsg) -> Result<(), String> {
    if msg.index == 0 {
        return Err("a link without index".into());
    }
    let index = msg.index;
    if msg.master == Some(index) {
        return Err(format!("link {index} is its own master"));
    }
    let ipv4 = msg.mtu.is_none_or(|mtu| mtu >= 68).then(|| InDev {
        addrs: Vec::new(),
        conf: DevConf::default(),
        groups: BTreeSet::new(),
    });
    config.links.last_index = config.links.last_index.max(index);
    let mut link = Link { own_address: true, own_mtu: true, msg, ipv4, ..Link::default() };
    control::link::adopt(&mut link);
    if config.links.insert(link).is_some() {
        return Err(format!("a second link with index {index}"));
    }
    restore6::link(config, index);
    Ok(())
}

fn address(config: &mut Config, env: Env<'_>, msg: &AddrMsg) -> Result<(), String> {
    need_link(config, "an address of", msg.index)?;
    let Some(link) = config.links.get_mut(msg.index) else { return Err("an address without link".into()) };
    let v4 = |addr: Option<IpAddr>| match addr {
        Some(IpAddr::V4(addr)) => Some(addr),
        _ => None,
    };
    let Some(local) = v4(msg.local).or(v4(msg.address)) else {
        return Err("an IPv4 address without \"local\"".into());
    };
    if msg.prefix_len > 32 {
        return Err(format!("prefix length {} of an IPv4 address", msg.prefix_len));
    }
    let label = msg.label.clone().unwrap_or_else(|| link.name().to_string());
    let ipv4 = link.ipv4.get_or_insert_with(|| InDev {
        addrs: Vec::new(),
        conf: DevConf::default(),
        groups: BTreeSet::new(),
    });
    ipv4.addrs.push(IfAddr {
        local,
        address: v4(msg.address).unwrap_or(local),
        len: msg.prefix_len,
        broadcast: msg.broadcast,
        label,
        scope: msg.scope,
        flags: msg.flags,
        metric: msg.metric.unwrap_or(0),
        protocol: msg.protocol.unwrap_or(0),
        valid: msg.valid.unwrap_or(u32::MAX),
        preferred: msg.preferred.unwrap_or(u32::MAX),
        made: 0,
        created: env.now,
        updated: env.now,
        stamps: msg.stamps,
    });
    Ok(())
}

fn add_rule(ns: &mut Namespace, env: Env<'_>, netns: &Netns, msg: &RuleMsg) -> Result<(), String> {
    let msg = RuleMsg { priority: Some(msg.priority.unwrap_or(0)), ..msg.clone() };
    rule::new_rule(ns, env, NlFlags::CREATE, &msg)
        .map_err(|refusal: Refusal| format!("a rule that Linux would refuse: {refusal}"))?;
    if msg.family == Family::V4 {
        ns.config.fib.has_custom_rules = netns.custom_rules.unwrap_or(false);
    }
    Ok(())
}

fn add_nexthop(ns: &mut Namespace, env: Env<'_>, msg: &NexthopMsg) -> Result<(), String> {
    if ns.config.nexthops.get(msg.id).is_some() {
        return Err(format!("a second nexthop with id {}", msg.id));
    }
    need_link(&ns.config, "a nexthop through", msg.oif.unwrap_or(0))?;
    nexthop::restore(ns, env, msg);
    Ok(())
}

/// Whether what a route leads through stands before it.
fn check_hops(ns: &Namespace, msg: &RouteMsg) -> Result<(), String> {
    for dev in msg.oif.into_iter().chain(msg.multipath.iter().map(|leg| leg.oif)) {
        need_link(&ns.config, "a route through", dev)?;
    }
    if let Some(id) = msg.nh_id.filter(|&id| ns.config.nexthops.get(id).is_none()) {
        return Err(format!("a route by nexthop {id}, which does not stand before it"));
    }
    for unlisted in msg.multipath.iter().flat_map(|leg| &leg.behind) {
        let place = |route: &RouteMsg| (route.family, route.dst, route.src, route.table, route.priority);
        if msg.family == Family::V4 || place(unlisted) != place(msg) {
            return Err("a route behind a leg of another destination, table or metric".into());
        }
        if !restore6::can_stand_among_legs(unlisted) {
            return Err("a route behind a leg that would be a leg itself".into());
        }
        check_hops(ns, unlisted)?;
    }
    Ok(())
}

fn add_route(ns: &mut Namespace, env: Env<'_>, msg: &RouteMsg) -> Result<(), String> {
    check_hops(ns, msg)?;
    let has_encap = msg.encap.is_some() || msg.multipath.iter().any(|leg| leg.encap.is_some());
    let request = match msg.nh_id.is_some() || has_encap {
        true => RouteConfig::of(&without_what_follows(msg), env),
        false => RouteConfig::of(msg, env),
    };
    let request = request.map_err(|refusal| format!("a route that Linux would refuse: {refusal}"))?;
    let mut info = fib_info::restored(msg, &request);
    fib_info::rebalance(&ns.config, &mut info);
    route::restore(ns, &request, info);
    Ok(())
}

/// The request that made a route: a dump shows the hops of its nexthop object
/// too, and encapsulations, which are stored and not asked for again.
fn without_what_follows(msg: &RouteMsg) -> RouteMsg {
    let mut plain = RouteMsg { encap: None, ..msg.clone() };
    if msg.nh_id.is_some() {
        (plain.oif, plain.gateway, plain.via, plain.multipath) = (None, None, None, Vec::new());
    }
    for leg in &mut plain.multipath {
        leg.encap = None;
    }
    plain
}

/// The file that names every table, empty ones too, in the order of dumps.
const TRIE_STATS: &str = "/proc/net/fib_triestat";
/// Tables that are believed; a host with more has none that is empty.
const MAX_LISTED: usize = 4096;

fn listed_tables(stats: &str) -> Vec<TableId> {
    let tables = stats.lines().filter_map(|line| match line.trim_end() {
        "Main:" => Some(TableId::MAIN),
        "Local:" => Some(TableId::LOCAL),
        other => {
            // The kernel prints the largest ones as negative numbers.
            let id: i64 = other.strip_prefix("Id ")?.strip_suffix(':')?.parse().ok()?;
            i32::try_from(id).map(|id| id as u32).or_else(|_| u32::try_from(id)).ok().map(TableId)
        }
    });
    tables.take(MAX_LISTED).collect()
}

/// Makes the tables that exist without routes, and puts those of one bucket
/// into the order that the kernel had them in: the newest came first.
fn arrange_tables(fib: &mut Fib, order: Vec<TableId>) {
    for &id in &order {
        control::table::ensure_table(fib, id);
    }
    let places: HashMap<TableId, usize> = order.into_iter().zip(0..).collect();
    fib.tables.sort_by_key(|table| (table.id.0 & 255, places.get(&table.id).copied().unwrap_or(usize::MAX)));
}

fn neighbour(config: &mut Config, msg: NeighMsg) {
    let Some(dst) = msg.dst else { return };
    let key = (msg.index, dst);
    let place = config.neighbours.places.len();
    config.neighbours.places.entry(key).or_insert(place);
    if msg.flags.has(NeighFlags::PROXY) {
        config.neighbours.proxies.insert(key, msg);
    } else {
        config.neighbours.entries.insert(key, msg);
    }
}

/// Applies settings. Those of devices are set as they are; the others go
/// through the usual door, where they come before what they would overwrite.
fn settings(ns: &mut Namespace, env: Env<'_>, settings: &[(String, String)], not_used: &mut Vec<String>) {
    let mut complain = |path: &str, value: &str| {
        not_used
            .push(format!("setting {path}: \"{value}\" is no value of it; it is taken to be the default"));
    };
    fn conf_of(path: &str) -> Option<(&str, &str)> {
        path.strip_prefix("ipv4/conf/")?.rsplit_once('/')
    }
    fn conf6_of(path: &str) -> Option<(&str, &str)> {
        path.strip_prefix("ipv6/conf/")?.rsplit_once('/').filter(|(_, name)| *name != "stable_secret")
    }
    for (path, value) in settings {
        if let Some((place, name)) = conf6_of(path)
            && !restore6::setting(&mut ns.config, place, name, value)
        {
            complain(path, value);
        }
    }
    let is_conf = |path: &str| conf_of(path).is_some() || conf6_of(path).is_some();
    for (path, value) in settings.iter().filter(|(path, _)| !is_conf(path)) {
        // What this build does not know of, or cannot write, steers nothing here.
        if sysctl::write(ns, env, &format!("net/{path}"), value.trim_end()) == Err(Errno::EINVAL) {
            complain(path, value);
        }
    }
    for (path, value) in settings {
        let Some((place, name)) = conf_of(path) else { continue };
        let Some(entry) = DevConf::ENTRIES.iter().find(|entry| entry.name == name) else { continue };
        let Ok(number) = value.trim().parse::<i32>() else {
            complain(path, value);
            continue;
        };
        let config = &mut ns.config;
        let conf = match place {
            "all" => Some(&mut config.sysctl.all),
            "default" => Some(&mut config.sysctl.default),
            // `/proc/sys` writes a device's dots as slashes.
            dev => config
                .links
                .by_index
                .values_mut()
                .find(|link| link.name() == dev || link.name().replace('.', "/") == dev)
                .and_then(|link| link.ipv4.as_mut())
                .map(|ipv4| &mut ipv4.conf),
        };
        if let Some(conf) = conf {
            (entry.set)(conf, number);
        }
    }
}

/// Marks the settings of devices that do not follow `default` any more: all of
/// them where an address was ever configured, else those that differ.
fn own_settings(config: &mut Config) {
    let default = config.sysctl.default.clone();
    for link in config.links.by_index.values_mut() {
        let all = link.is_loopback() && link.is_up();
        let Some(ipv4) = &mut link.ipv4 else { continue };
        ipv4.conf.explicit = match all || !ipv4.addrs.is_empty() {
            true => u64::MAX,
            false => DevConf::ENTRIES.iter().zip(0..).fold(0, |bits, (entry, n)| {
                bits | u64::from((entry.get)(&ipv4.conf) != (entry.get)(&default)) << n
            }),
        };
    }
}

/// Finds what dumps leave out of routes' hops: the scope of the next step, by
/// looking the gateway up as when the route was made, and shares under the settings.
fn complete_hops(config: &mut Config) {
    let mut scopes = Vec::new();
    for (n, info) in config.fib.infos.iter().enumerate() {
        for (m, hop) in info.iter().flat_map(|info| info.hops.iter().enumerate()) {
            if hop.scope == fib_info::UNKNOWN_SCOPE
                && let Some(gateway) = hop.gateway4()
            {
                scopes.push((n, m, scope_today(config, gateway, hop.dev)));
            }
        }
    }
    for (n, m, scope) in scopes {
        if let Some(info) = &mut config.fib.infos[n] {
            info.hops[m].scope = scope;
        }
    }
    let mut infos = std::mem::take(&mut config.fib.infos);
    for info in infos.iter_mut().flatten() {
        fib_info::rebalance(config, info);
    }
    config.fib.infos = infos;
    fib_info::rehash(&mut config.fib);
}

/// Numbers addresses in the order in which they were made, as their time stamps
/// tell; those made at once in the order of the dump.
fn order_addresses(config: &mut Config) {
    let links = &mut config.links;
    let mut addrs: Vec<(Option<u32>, &mut u64)> = Vec::new();
    for link in links.by_index.values_mut() {
        let created = |stamps: Option<[u32; 2]>| stamps.map(|[created, _]| created);
        let four = link.ipv4.iter_mut().flat_map(|ipv4| &mut ipv4.addrs);
        addrs.extend(four.map(|addr| (created(addr.stamps), &mut addr.made)));
        let six = link.ipv6.iter_mut().flat_map(|ipv6| &mut ipv6.addrs);
        addrs.extend(six.map(|addr| (created(addr.stamps), &mut addr.made)));
    }
    addrs.sort_by_key(|&(created, _)| created);
    for (number, (_, made)) in (1..).zip(addrs) {
        *made = number;
        links.last_made = number;
    }
}

/// The scope of the route that leads to a gateway as the tables are now.
fn scope_today(config: &Config, gateway: Ipv4Addr, dev: u32) -> Scope {
    let mut flow = Flow4 { scope: Scope::LINK, oif: dev, ..Flow4::to(gateway) };
    let mut tracer = Tracer::off();
    let found = rules::lookup(config, &mut flow, true, &mut tracer).ok().or_else(|| {
        // An own address is found only without the device, through loopback's table.
        let local = config.fib.table(TableId::LOCAL)?;
        let flow = Flow4 { scope: Scope::LINK, ..Flow4::to(gateway) };
        let result = lookup::table::lookup(config, local, &flow, true, &mut tracer).ok()?;
        (result.alias.kind == fingerpost_model::RouteType::LOCAL).then_some(result)
    });
    found.map_or(Scope::LINK, |result| config.fib.info(result.alias.info).scope)
}
