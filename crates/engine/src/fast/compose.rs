//! Several IPv4 tables, searched one after the other, as one.
//!
//! A table's answer hides whatever later tables hold for its destinations, longer
//! prefixes included. Where a table passes (a `throw` route, a result that the rule
//! discards), the answer is that of the tables after it.

use fingerpost_fib as fib;
use fingerpost_model::{RouteFlags, RouteType};
use fingerpost_net::{Errno, Prefix};
use std::net::Ipv4Addr;

use super::program::Member;
use crate::config::{Config, Entry, Table};
use crate::lookup::FibResult;
use crate::lookup::rules::suppressed;
use crate::lookup::table::{hop_is_usable, is_blackhole, type_error};

/// What a table, or several, say of the destinations of a prefix.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Place {
    /// It turns on more than the destination.
    Ask,
    /// Nothing: the next table is searched.
    Pass,
    /// An error.
    Refused(Errno),
    /// A route.
    Found(FibResult),
}

/// Whether routes of the tables demand a type of service.
pub(super) fn has_tos(config: &Config) -> bool {
    let leaves = config.fib.tries.iter().flat_map(|trie| trie.leaves());
    leaves.flat_map(|(_, entries)| entries).any(|entry| entry.dscp != 0)
}

/// Each prefix of the tables with the number of its place.
pub(super) fn compose(
    config: &Config,
    members: &[Member],
    mut number: impl FnMut(Place) -> u32,
) -> Vec<(Prefix<Ipv4Addr>, u32)> {
    let mut routes = Vec::new();
    for (n, member) in members.iter().enumerate() {
        let Some(table) = config.fib.table(member.table) else { continue };
        for (addr, entries) in config.fib.trie(table).leaves() {
            for group in entries.chunk_by(|a, b| a.len == b.len) {
                let Ok(prefix) = Prefix::containing(addr, group[0].len) else { continue };
                let own = first(config, table, member, group.iter().map(|entry| (prefix, entry)));
                let Some(own) = own.filter(|_| !is_hidden(config, &members[..n], prefix)) else { continue };
                let place = match own {
                    Place::Pass => covering(config, &members[n + 1..], prefix).unwrap_or(Place::Pass),
                    own => own,
                };
                routes.push((prefix, number(place)));
            }
        }
    }
    routes
}

/// The place of a prefix when the tables have changed; `None` where none of them has
/// anything of that length to say.
pub(super) fn place_at(config: &Config, members: &[Member], prefix: Prefix<Ipv4Addr>) -> Option<Place> {
    let has_own = |member: &Member| {
        let Some(table) = config.fib.table(member.table) else { return false };
        let leaf = config.fib.trie(table).leaf(prefix.addr());
        let group = leaf.iter().filter(|entry| entry.len == prefix.len());
        first(config, table, member, group.map(|entry| (prefix, entry))).is_some()
    };
    members
        .iter()
        .any(has_own)
        .then(|| covering(config, members, prefix).unwrap_or(Place::Pass))
}

/// Whether tables have an answer for all destinations of a prefix.
fn is_hidden(config: &Config, members: &[Member], prefix: Prefix<Ipv4Addr>) -> bool {
    covering(config, members, prefix).is_some_and(|place| place != Place::Pass)
}

/// What the tables say of those destinations of a prefix for which they have nothing longer.
fn covering(config: &Config, members: &[Member], prefix: Prefix<Ipv4Addr>) -> Option<Place> {
    let mut passed = None;
    for member in members {
        let Some(table) = config.fib.table(member.table) else { continue };
        let matches = config.fib.trie(table).matches(prefix.addr());
        let within = matches.filter(|(_, entry)| entry.len <= prefix.len());
        let within = within.filter_map(|(key, entry)| Some((Prefix::containing(key, entry.len).ok()?, entry)));
        match first(config, table, member, within) {
            Some(Place::Pass) => passed = Some(Place::Pass),
            Some(place) => return Some(place),
            None => {}
        }
    }
    passed
}

/// The first of these routes of a table that decides, as [`crate::lookup::table::lookup`]
/// has it for flows without a type of service or a device.
fn first<'a>(
    config: &Config,
    table: &Table,
    member: &Member,
    routes: impl Iterator<Item = (Prefix<Ipv4Addr>, &'a Entry)>,
) -> Option<Place> {
    for (prefix, &Entry { alias, .. }) in routes {
        if alias.dscp != 0 {
            continue;
        }
        let info = config.fib.info(alias.info);
        if alias.kind == RouteType::THROW {
            return Some(Place::Pass);
        }
        if let Some(errno) = type_error(alias.kind) {
            return Some(Place::Refused(errno));
        }
        if is_blackhole(config, info) {
            return Some(Place::Refused(Errno::EINVAL));
        }
        if info.flags.has(RouteFlags::DEAD) {
            continue;
        }
        match config.hops(info).iter().position(|hop| hop_is_usable(config, hop, false)) {
            Some(hop) => {
                let rule_realms = member.realms;
                let result = FibResult { prefix, alias, table: table.id, hop, rule_realms };
                let suppress = (member.suppress_prefixlen, member.suppress_ifgroup);
                return Some(match suppressed(config, suppress, &result) {
                    Some(_) => Place::Pass,
                    None => Place::Found(result),
                });
            }
            // Without a usable hop, an object ends the search of its leaf.
            None if info.nh_id.is_some() => return Some(Place::Ask),
            None => {}
        }
    }
    None
}

/// Longest matches: a table, or one that a reader sees.
pub(super) trait Longest<I> {
    /// The value of the longest match.
    fn lookup(&self, addr: I) -> Option<u32>;
    /// The same for many; [`fib::NONE`] for none.
    fn lookup_batch(&self, addrs: &[I], values: &mut [u32]);
}

impl<I: fingerpost_net::Ip> Longest<I> for fib::Table<I> {
    #[inline]
    fn lookup(&self, addr: I) -> Option<u32> {
        fib::Table::lookup(self, addr)
    }

    fn lookup_batch(&self, addrs: &[I], values: &mut [u32]) {
        fib::Table::lookup_batch(self, addrs, values);
    }
}
