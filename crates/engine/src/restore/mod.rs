//! From a snapshot to a world.
//!
//! Objects are put in place as the dumps show them, without the checks and
//! consequences of a change: what is dumped was accepted once, and the host may
//! since have moved on (a gateway whose subnet is gone stays, T-32). What dumps
//! leave out is found again: scopes of hops, shares of multipath routes. IPv6's part
//! is [`v6`]'s.

mod complete;
mod mroute;
mod objects;
mod v6;

use std::io::BufRead;
use std::net::IpAddr;

use fingerpost_model::snapshot::{self, Line, Netns, Reader};
use fingerpost_model::{NsId, RouteFlags, RouteMsg, TableId};
use fingerpost_net::Family;

use crate::behaviour::Behaviour;
use crate::config::{Config, NexthopKind, Rules};
use crate::control::{self, nexthop};
use crate::namespace::{Env, Namespace};
use crate::state::Time;
use crate::world::World;

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
                objects::link(&mut ns.config, msg)?;
            }
            Line::Address(msg) if msg.family == Family::V4 => objects::address(&mut ns.config, env, &msg)?,
            Line::Address(msg) => {
                need_link(&ns.config, "an address of", msg.index)?;
                v6::address(&mut ns.config, env, &msg)?;
            }
            Line::Group(device, IpAddr::V4(group)) => {
                need_link(&ns.config, "a group joined by", device)?;
                let ipv4 = ns.config.links.get_mut(device).and_then(|link| link.ipv4.as_mut());
                ipv4.map(|ipv4| ipv4.groups.insert(group));
            }
            Line::Rule(msg) => objects::add_rule(ns, env, &opened.netns, &msg)?,
            Line::AddressLabel(msg) => {
                v6::label(&mut ns.config, &msg, !opened.has_labels)?;
                opened.has_labels = true;
            }
            Line::Nexthop(msg) => {
                opened.members.extend(msg.group.iter().map(|entry| (self.line, entry.id)));
                objects::add_nexthop(ns, env, &msg)?;
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
                objects::add_route(ns, env, &msg)?;
            }
            Line::Route(msg) => {
                objects::check_hops(ns, &msg)?;
                v6::route(ns, env, &msg)?;
            }
            Line::MulticastTable(msg) => mroute::table(&mut ns.config, &msg)?,
            Line::MulticastRoute(msg) => mroute::route(&mut ns.config, &msg)?,
            Line::Neighbour(msg) => objects::neighbour(&mut ns.config, msg),
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
        complete::settings(ns, env, &opened.settings, &mut self.restored.not_used);
        complete::own_settings(&mut ns.config);
        // Rules that are not the kernel's own three were changed for certain.
        let custom = opened.netns.custom_rules.unwrap_or_else(|| !objects::are_default(&ns.config.rules));
        let fib = &mut ns.config.fib;
        if custom {
            control::table::unmerge(fib);
        }
        fib.has_custom_rules = custom;
        // Without change the rules of IPv6 lead where their lack would.
        ns.config.fib6.has_custom_rules =
            opened.netns.custom_rules6.unwrap_or_else(|| !objects::are_default(&ns.config.rules6));
        let fib = &mut ns.config.fib;
        let stats =
            self.restored.texts.iter().find(|(id, name, _)| *id == opened.id && name == complete::TRIE_STATS);
        complete::arrange_tables(
            fib,
            stats.map_or(opened.tables, |(_, _, text)| complete::listed_tables(text)),
        );
        fib.has_custom_local_routes = opened.netns.custom_local_routes.unwrap_or(false);
        if opened.netns.realm_users == Some(true) {
            fib.realm_users = fib.realm_users.max(1);
        }
        if let Some(seed) = opened.netns.hash_seed {
            ns.config.sysctl.fib_multipath_hash_seed = seed;
        }
        complete::complete_hops(&mut ns.config);
        v6::complete(&mut ns.config);
        mroute::complete(&mut ns.config);
        control::groups6::restore(&mut ns.config);
        ns.state.is_continued = true;
        for msg in std::mem::take(&mut opened.exceptions) {
            let restored = match msg.family {
                Family::V4 => objects::exception(ns, env, &msg),
                Family::V6 => v6::exception(ns, env, &msg),
            };
            if restored.is_none() {
                let dst = msg.dst.map_or_else(|| "default".to_string(), |dst| dst.to_string());
                self.restored.not_used.push(format!("what was learned about {dst}: no route leads there"));
            }
        }
        complete::order_addresses(&mut ns.config);
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
