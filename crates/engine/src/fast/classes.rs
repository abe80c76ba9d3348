//! Rules by what distinguishes them: which of a run of rules a flow may meet.
//!
//! Each rule is filed under one of its selectors: its source, else its
//! destination, its mark, its ingress device. What a flow has there leads, by
//! one longest match, to the list of the rules filed under it. Rules with
//! nothing of that kind, or with `not`, are candidates for every flow.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use fingerpost_fib as fib;
use fingerpost_net::{Family, Ip, Prefix};

use super::program::{Then, has_no_selector};
use crate::config::Rule;
use crate::lookup::Flow;

/// Masks of marks that have lists of their own; rules with others are tried always.
const MASKS: usize = 4;
/// Lists that a flow's candidates come from: source, destination, ingress device, marks, the rest.
const LISTS: usize = 4 + MASKS;

/// A run of rules that some flows meet.
pub(super) struct Classes<I> {
    rules: Vec<Filing>,
    by_source: Filed<I>,
    by_destination: Filed<I>,
    by_iif: Filed<Ipv4Addr>,
    by_mark: Vec<(u32, Filed<Ipv4Addr>)>,
    rest: Vec<u32>,
}

/// A rule that is filed.
#[derive(Clone, Copy)]
pub(super) struct Filing {
    /// Its position in the list of all.
    pub rule: usize,
    /// What it leads to.
    pub then: Then,
    /// Whether a flow that it is a candidate for meets it: it has no further selector.
    pub is_enough: bool,
}

/// Lists of rules, each found by a number that a flow has.
struct Filed<K> {
    table: fib::Table<K>,
    lists: Vec<Vec<u32>>,
}

impl<K: Ip> Filed<K> {
    /// Files rules, given in order, under prefixes.
    fn new(rules: &[(Prefix<K>, u32)]) -> Self {
        let mut by_prefix: BTreeMap<(K, u8), Vec<u32>> = BTreeMap::new();
        for &(prefix, rule) in rules {
            by_prefix.entry((prefix.addr(), prefix.len())).or_default().push(rule);
        }
        // Shorter prefixes come first; what lies within one has its rules as well.
        let mut within: Vec<(Prefix<K>, usize)> = Vec::new();
        let mut lists: Vec<Vec<u32>> = Vec::new();
        let mut routes = Vec::new();
        for ((addr, len), mut list) in by_prefix {
            let Ok(prefix) = Prefix::containing(addr, len) else { continue };
            while within.last().is_some_and(|(outer, _)| !outer.contains(addr)) {
                within.pop();
            }
            if let Some(&(_, outer)) = within.last() {
                list.extend_from_slice(&lists[outer]);
                list.sort_unstable();
            }
            within.push((prefix, lists.len()));
            routes.push((prefix, lists.len() as u32));
            lists.push(list);
        }
        Filed { table: fib::Table::from_routes(routes), lists }
    }

    fn list(&self, number: u32) -> &[u32] {
        self.lists.get(number as usize).map_or(&[], |list| list)
    }

    fn find(&self, key: K) -> &[u32] {
        if self.lists.is_empty() { &[] } else { self.list(self.table.lookup(key).unwrap_or(fib::NONE)) }
    }
}

/// A number as an address, so that the same table finds it.
fn key(number: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(number)
}

fn exactly(number: u32) -> Option<Prefix<Ipv4Addr>> {
    Prefix::containing(key(number), 32).ok()
}

impl<I: Ip> Classes<I> {
    /// Files rules, named by position in `list`.
    pub fn new(list: &[Rule<I>], rules: Vec<(usize, Then)>) -> Self {
        let (mut sources, mut destinations, mut devices) = (Vec::new(), Vec::new(), Vec::new());
        let mut marks: Vec<(u32, Vec<(Prefix<Ipv4Addr>, u32)>)> = Vec::new();
        let mut rest = Vec::new();
        let mut file = |number: u32, rule: &Rule<I>| {
            let within = |(addr, len): (I, u8)| Prefix::containing(addr, len).ok().filter(|p| !p.is_default());
            let mask = rule.mark_mask;
            // What is left of its selectors.
            let mut left = rule.clone();
            if rule.invert {
                rest.push(number);
                return false;
            } else if let Some(prefix) = within(rule.src) {
                sources.push((prefix, number));
                // Of IPv6 it counts whether a flow has a source at all.
                if I::FAMILY == Family::V4 {
                    left.src = (I::ZERO, 0);
                }
            } else if let Some(prefix) = within(rule.dst) {
                destinations.push((prefix, number));
                left.dst = (I::ZERO, 0);
            } else if let Some(mark) = exactly(rule.mark & mask).filter(|_| mask != 0)
                && let Some(at) = position_of(&mut marks, mask)
            {
                marks[at].1.push((mark, number));
                (left.mark, left.mark_mask) = (0, 0);
            } else if let Some(dev) = exactly(rule.iif).filter(|_| rule.iifname.is_some()) {
                devices.push((dev, number));
                (left.iif, left.iifname) = (0, None);
            } else {
                rest.push(number);
            }
            has_no_selector(&left)
        };
        let filing = |(number, (rule, then))| {
            let is_enough = file(number, &list[rule]);
            Filing { rule, then, is_enough }
        };
        let rules = (0u32..).zip(rules).map(filing).collect();
        Classes {
            rules,
            by_source: Filed::new(&sources),
            by_destination: Filed::new(&destinations),
            by_iif: Filed::new(&devices),
            by_mark: marks.into_iter().map(|(mask, rules)| (mask, Filed::new(&rules))).collect(),
            rest,
        }
    }

    /// A candidate: its rule, and what that leads to.
    pub fn rule(&self, candidate: u32) -> Filing {
        self.rules[candidate as usize]
    }

    /// What the rules lead to.
    pub fn thens_mut(&mut self) -> impl Iterator<Item = &mut Then> {
        self.rules.iter_mut().map(|filing| &mut filing.then)
    }

    /// The rules that a flow may meet, in their order.
    pub fn candidates(&self, flow: &Flow<I>) -> Candidates<'_> {
        self.with(self.by_source.find(flow.src), flow)
    }

    /// The same, with what [`Classes::lists`] found for the source.
    pub fn candidates_of(&self, list: u32, flow: &Flow<I>) -> Candidates<'_> {
        self.with(self.by_source.list(list), flow)
    }

    fn with<'a>(&'a self, of_source: &'a [u32], flow: &Flow<I>) -> Candidates<'a> {
        let mut lists = [&[][..]; LISTS];
        lists[0] = of_source;
        lists[1] = self.by_destination.find(flow.dst);
        lists[2] = self.by_iif.find(key(flow.iif));
        lists[3] = &self.rest;
        for (list, (mask, filed)) in lists[4..].iter_mut().zip(&self.by_mark) {
            *list = filed.find(key(flow.mark & mask));
        }
        let mut kept = 0;
        for at in 0..LISTS {
            if !lists[at].is_empty() {
                lists.swap(kept, at);
                kept += 1;
            }
        }
        Candidates { lists, count: kept }
    }

    /// For many sources at once which list each has.
    pub fn lists(&self, sources: &[I], lists: &mut [u32]) {
        match self.by_source.lists.is_empty() {
            true => lists.fill(fib::NONE),
            false => self.by_source.table.lookup_batch(sources, lists),
        }
    }

    /// Whether a flow whose source has this list may meet no rule at all.
    pub fn is_idle(&self, list: u32) -> bool {
        let others = self.by_destination.lists.is_empty() && self.by_iif.lists.is_empty();
        list == fib::NONE && others && self.by_mark.is_empty() && self.rest.is_empty()
    }
}

/// The position of a mask's list, made if there is room.
fn position_of<T>(marks: &mut Vec<(u32, Vec<T>)>, mask: u32) -> Option<usize> {
    let known = marks.iter().position(|&(other, _)| other == mask);
    known.or_else(|| {
        (marks.len() < MASKS).then(|| {
            marks.push((mask, Vec::new()));
            marks.len() - 1
        })
    })
}

/// Iterator over the rules that a flow may meet: ordered lists, merged.
pub(super) struct Candidates<'a> {
    lists: [&'a [u32]; LISTS],
    /// How many of them are not empty at first: these come first.
    count: usize,
}

impl Iterator for Candidates<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let lists = self.lists[..self.count].iter_mut().filter(|list| !list.is_empty());
        let first = lists.min_by_key(|list| list[0])?;
        let (&candidate, rest) = first.split_first()?;
        *first = rest;
        Some(candidate)
    }
}
