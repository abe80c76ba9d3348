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

use super::program::{BATCH, Then, has_no_selector};
use crate::config::Rule;
use crate::lookup::{Flow, Hashing};

/// Masks of marks that have lists of their own; rules with others are tried always.
const MASKS: usize = 4;
/// Numbers that lists may hold in all: so many, and a share for each rule.
const MOST: usize = 1 << 20;
const SHARE: usize = 16;
/// Selectors by which rules are filed, at most: source, destination, ingress device, marks.
pub const DIMENSIONS: usize = 3 + MASKS;

/// A run of rules that some flows meet.
pub struct Classes<I> {
    rules: Vec<Filing>,
    /// The selectors by which there are any.
    dimensions: Vec<Dimension<I>>,
    /// Rules that are tried for every flow.
    rest: Vec<u32>,
}

/// Rules filed under one selector.
enum Dimension<I> {
    Source(Filed<I>),
    Destination(Filed<I>),
    Iif(Filed<Ipv4Addr>),
    /// A mark under a mask.
    Mark(u32, Filed<Ipv4Addr>),
}

/// Packets of a batch, by number: what rules are filed by, and the whole flow.
pub trait Packets<I: Hashing> {
    /// The destination.
    fn dst(&self, n: usize) -> I;
    /// The source.
    fn src(&self, n: usize) -> I;
    /// The ingress device.
    fn iif(&self, n: usize) -> u32;
    /// The mark.
    fn mark(&self, n: usize) -> u32;
    /// All of it.
    fn flow(&self, n: usize) -> Flow<I>;
}

/// A rule that is filed.
#[derive(Clone, Copy)]
pub struct Filing {
    /// Its position in the list of all.
    pub rule: usize,
    /// What it leads to.
    pub then: Then,
    /// Whether a flow that it is a candidate for meets it: it has no further selector.
    pub is_enough: bool,
}

/// Rules by number, each with the prefix that it is filed under.
type Filings<K> = Vec<(Prefix<K>, u32)>;

/// Lists of rules, each found by a number that a flow has.
struct Filed<K> {
    table: fib::Table<K>,
    lists: Vec<Vec<u32>>,
}

impl<K: Ip> Filed<K> {
    /// Files rules, given in order, under prefixes. `None` where so many lie within
    /// others that their lists would take much more room than the rules.
    fn new(rules: &[(Prefix<K>, u32)]) -> Option<Self> {
        let most = MOST + SHARE * rules.len();
        let mut size = 0;
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
            size += list.len();
            if size > most {
                return None;
            }
            within.push((prefix, lists.len()));
            routes.push((prefix, lists.len() as u32));
            lists.push(list);
        }
        Some(Filed { table: fib::Table::from_routes(routes), lists })
    }

    fn list(&self, number: u32) -> &[u32] {
        self.lists.get(number as usize).map_or(&[], |list| list)
    }

    fn find(&self, key: K) -> &[u32] {
        self.list(self.table.lookup(key).unwrap_or(fib::NONE))
    }

    /// For many keys at once which list each has.
    fn find_all(&self, packets: &[u16], key: impl Fn(usize) -> K, lists: &mut [u32]) {
        let mut keys = [K::ZERO; BATCH];
        let keys = &mut keys[..packets.len()];
        keys.iter_mut().zip(packets).for_each(|(place, &n)| *place = key(usize::from(n)));
        self.table.lookup_batch(keys, lists);
    }
}

impl<I: Hashing> Dimension<I> {
    /// The rules that a flow may meet.
    fn find(&self, flow: &Flow<I>) -> &[u32] {
        match self {
            Dimension::Source(filed) => filed.find(flow.src),
            Dimension::Destination(filed) => filed.find(flow.dst),
            Dimension::Iif(filed) => filed.find(key(flow.iif)),
            Dimension::Mark(mask, filed) => filed.find(key(flow.mark & mask)),
        }
    }

    fn find_all(&self, here: &[u16], packets: &impl Packets<I>, lists: &mut [u32]) {
        match self {
            Dimension::Source(filed) => filed.find_all(here, |n| packets.src(n), lists),
            Dimension::Destination(filed) => filed.find_all(here, |n| packets.dst(n), lists),
            Dimension::Iif(filed) => filed.find_all(here, |n| key(packets.iif(n)), lists),
            Dimension::Mark(mask, filed) => filed.find_all(here, |n| key(packets.mark(n) & mask), lists),
        }
    }

    fn list(&self, number: u32) -> &[u32] {
        match self {
            Dimension::Source(filed) | Dimension::Destination(filed) => filed.list(number),
            Dimension::Iif(filed) | Dimension::Mark(_, filed) => filed.list(number),
        }
    }
}

/// A number as an address, so that the same table finds it.
fn key(number: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(number)
}

fn exactly(number: u32) -> Option<Prefix<Ipv4Addr>> {
    Prefix::containing(key(number), 32).ok()
}

impl<I: Hashing> Classes<I> {
    /// Files rules, named by position in `list`.
    pub fn new(list: &[Rule<I>], rules: Vec<(usize, Then)>) -> Self {
        let (mut sources, mut destinations, mut devices) = (Vec::new(), Vec::new(), Vec::new());
        let mut marks: Vec<(u32, Filings<Ipv4Addr>)> = Vec::new();
        let mut rest = Vec::new();
        let mut file = |number: u32, rule: &Rule<I>| {
            let within =
                |(addr, len): (I, u8)| Prefix::containing(addr, len).ok().filter(|p| !p.is_default());
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
        let mut rules: Vec<Filing> = (0u32..).zip(rules).map(filing).collect();
        let mut dimensions = Vec::new();
        let mut unfiled = Vec::new();
        file_all(&sources, Dimension::Source, &mut dimensions, &mut unfiled);
        file_all(&destinations, Dimension::Destination, &mut dimensions, &mut unfiled);
        file_all(&devices, Dimension::Iif, &mut dimensions, &mut unfiled);
        for (mask, marks) in marks {
            file_all(&marks, |filed| Dimension::Mark(mask, filed), &mut dimensions, &mut unfiled);
        }
        for number in unfiled {
            rules[number as usize].is_enough = false;
            rest.push(number);
        }
        rest.sort_unstable();
        Classes { rules, dimensions, rest }
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
        self.merged(|_, dimension| dimension.find(flow))
    }

    /// The same, for a packet of a batch.
    pub fn candidates_of(&self, at: usize, lists: &Lists) -> Candidates<'_> {
        self.merged(|n, dimension| dimension.list(lists[n][at]))
    }

    fn merged<'a>(&'a self, list: impl Fn(usize, &'a Dimension<I>) -> &'a [u32]) -> Candidates<'a> {
        let mut candidates = Candidates { lists: [&[]; DIMENSIONS + 1], count: 0 };
        for (n, dimension) in self.dimensions.iter().enumerate() {
            candidates.add(list(n, dimension));
        }
        candidates.add(&self.rest);
        candidates
    }

    /// For packets of a batch at once which lists each has.
    pub fn lists(&self, here: &[u16], packets: &impl Packets<I>, lists: &mut Lists) {
        for (dimension, lists) in self.dimensions.iter().zip(lists) {
            dimension.find_all(here, packets, &mut lists[..here.len()]);
        }
    }

    /// Whether a packet of a batch meets no rule.
    pub fn is_idle(&self, at: usize, lists: &Lists) -> bool {
        self.rest.is_empty() && lists[..self.dimensions.len()].iter().all(|lists| lists[at] == fib::NONE)
    }
}

/// For each packet of a batch the list that each dimension has.
pub type Lists = [[u32; BATCH]; DIMENSIONS];

/// Files rules under one selector, if there are any; those that take too much room so
/// are left over.
fn file_all<I, K: Ip>(
    filings: &Filings<K>,
    dimension: impl FnOnce(Filed<K>) -> Dimension<I>,
    dimensions: &mut Vec<Dimension<I>>,
    unfiled: &mut Vec<u32>,
) {
    match Filed::new(filings) {
        _ if filings.is_empty() => {}
        Some(filed) => dimensions.push(dimension(filed)),
        None => unfiled.extend(filings.iter().map(|&(_, number)| number)),
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
pub struct Candidates<'a> {
    lists: [&'a [u32]; DIMENSIONS + 1],
    /// How many there are.
    count: usize,
}

impl<'a> Candidates<'a> {
    fn add(&mut self, list: &'a [u32]) {
        if !list.is_empty() {
            self.lists[self.count] = list;
            self.count += 1;
        }
    }
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
