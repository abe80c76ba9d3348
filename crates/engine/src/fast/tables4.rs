//! What the IPv4 tables say of destinations.

use std::net::Ipv4Addr;

use fingerpost_model::{RouteFlags, RouteType};
use fingerpost_net::{Errno, Prefix};

use super::compose::{Lists, Place};
use super::program::Member;
use crate::config::{Config, Entry, Table};
use crate::lookup::FibResult;
use crate::lookup::rules::suppressed;
use crate::lookup::table::{hop_is_usable, is_blackhole, type_error};

/// The IPv4 tables of a configuration.
#[derive(Clone, Copy)]
pub struct Tables4<'a>(pub &'a Config);

/// Whether routes demand a type of service.
pub(super) fn has_tos(config: &Config) -> bool {
    let leaves = config.fib.tries.iter().flat_map(|trie| trie.leaves());
    leaves.flat_map(|(_, entries)| entries).any(|entry| entry.dscp != 0)
}

impl Lists<Ipv4Addr> for Tables4<'_> {
    type Found = FibResult;

    fn each(&self, member: &Member, mut take: impl FnMut(Prefix<Ipv4Addr>, Place<Ipv4Addr, FibResult>)) {
        let Some(table) = self.0.fib.table(member.table) else { return };
        for (addr, entries) in self.0.fib.trie(table).leaves() {
            for group in entries.chunk_by(|a, b| a.len == b.len) {
                let Ok(prefix) = Prefix::containing(addr, group[0].len) else { continue };
                if let Some(place) = self.first(table, member, group.iter().map(|entry| (prefix, entry))) {
                    take(prefix, place);
                }
            }
        }
    }

    fn own(&self, member: &Member, prefix: Prefix<Ipv4Addr>) -> Option<Place<Ipv4Addr, FibResult>> {
        let table = self.0.fib.table(member.table)?;
        let leaf = self.0.fib.trie(table).leaf(prefix.addr());
        let own = leaf.iter().filter(|entry| entry.len == prefix.len());
        self.first(table, member, own.map(|entry| (prefix, entry)))
    }

    fn covering(&self, member: &Member, prefix: Prefix<Ipv4Addr>) -> Option<Place<Ipv4Addr, FibResult>> {
        let table = self.0.fib.table(member.table)?;
        let matches = self.0.fib.trie(table).matches(prefix.addr());
        let within = matches.filter(|(_, entry)| entry.len <= prefix.len());
        let within =
            within.filter_map(|(key, entry)| Some((Prefix::containing(key, entry.len).ok()?, entry)));
        self.first(table, member, within)
    }
}

impl Tables4<'_> {
    /// The first of these routes of a table that decides, as [`crate::lookup::table::lookup`]
    /// has it for flows without a type of service or a device.
    fn first<'a>(
        &self,
        table: &Table,
        member: &Member,
        routes: impl Iterator<Item = (Prefix<Ipv4Addr>, &'a Entry)>,
    ) -> Option<Place<Ipv4Addr, FibResult>> {
        let config = self.0;
        for (prefix, &Entry { alias, .. }) in routes {
            if alias.dscp != 0 {
                continue;
            }
            let info = config.fib.info(alias.info);
            if alias.kind == RouteType::THROW {
                return Some(Place::Pass);
            }
            if let Some(errno) = type_error(alias.kind) {
                return Some(Place::Refused(errno, prefix));
            }
            if is_blackhole(config, info) {
                return Some(Place::Refused(Errno::EINVAL, prefix));
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
                        None => Place::Found(result, prefix),
                    });
                }
                // Without a usable hop, an object ends the search of its leaf.
                None if info.nh_id.is_some() => return Some(Place::Ask),
                None => {}
            }
        }
        None
    }
}
