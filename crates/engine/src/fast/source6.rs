//! The sources of IPv6 packets, compiled: which own address [`source6::select`]
//! gives a packet through a device, by destination.
//!
//! What it looks at of a destination is constant on ranges: its class and scope,
//! its label, how far it agrees with each own address. The address space is cut
//! at all these prefixes; within a piece any destination stands for all.

use std::collections::BTreeSet;
use std::net::Ipv6Addr;
use std::ops::Bound::{Excluded, Included};
use std::sync::Arc;

use fingerpost_fib as fib;
use fingerpost_net::Prefix;

use crate::addrtype::AddrType;
use crate::config::{Config, halves};
use crate::lookup::source6;
use crate::trace::Tracer;

/// Comparisons of addresses that compiling may take, of all devices together.
const MOST: usize = 16_000_000;
/// Ranges in which addresses have a class, a scope or a meaning of their own
/// (`ipv6_addr_type`, ORCHID).
const CLASSES: [(u128, u8); 8] = [
    (0, 128),
    (1, 128),
    (0, 96),
    (0xffff << 32, 96),
    (0xfe80 << 112, 10),
    (0xfec0 << 112, 10),
    (0xff00 << 112, 8),
    (0x2001_0010 << 96, 28),
];

/// Selected sources, by device; a clone shares them.
#[derive(Clone)]
pub(super) struct Sources {
    /// Ascending.
    by_device: Arc<Vec<(u32, Arc<OfDevice>)>>,
    /// The pieces of the address space; none where there are too many addresses.
    pieces: Arc<[Prefix<Ipv6Addr>]>,
    /// Comparisons that a device takes, and those that are left to take.
    each: usize,
    left: usize,
}

/// The sources of packets through one device.
struct OfDevice {
    table: fib::Table<Ipv6Addr>,
    addrs: Vec<Ipv6Addr>,
    /// The only one of destinations that need no device.
    common: Option<Ipv6Addr>,
}

impl Sources {
    /// Those of no device yet.
    pub fn new(config: &Config) -> Self {
        let own = config.links.iter().filter_map(|link| link.ipv6.as_ref()).flat_map(|ipv6| &ipv6.addrs);
        let own: Vec<Ipv6Addr> = own.filter(|addr| addr.is_candidate()).map(|addr| addr.addr).collect();
        let mut cuts: BTreeSet<(u128, u8)> = CLASSES.into_iter().collect();
        let labels = config.labels.list.iter().map(|label| label.prefix);
        cuts.extend(labels.map(|prefix| (prefix.addr().to_bits(), prefix.len())));
        let each = own.len() * own.len() * 128;
        if each > MOST {
            return Sources { by_device: Arc::default(), pieces: Arc::new([]), each, left: 0 };
        }
        for len in 1..=128 {
            let prefixes = own.iter().filter_map(|&addr| Prefix::containing(addr, len).ok());
            cuts.extend(prefixes.map(|prefix| (prefix.addr().to_bits(), len)));
        }
        Sources { by_device: Arc::default(), pieces: pieces(&cuts).into(), each, left: MOST }
    }

    /// Adds a device's; one in a VRF, where chance has a say, has none.
    pub fn add(&mut self, config: &Config, dev: u32) {
        let place = self.by_device.binary_search_by_key(&dev, |&(dev, _)| dev);
        if let Err(place) = place
            && config.links.l3_master(dev) == 0
            && !self.pieces.is_empty()
            && self.each <= self.left
        {
            self.left -= self.each;
            let of_device = OfDevice::new(config, dev, &self.pieces);
            Arc::make_mut(&mut self.by_device).insert(place, (dev, Arc::new(of_device)));
        }
    }

    /// The source of all packets through a device but those to groups and on the link,
    /// where they have one in common.
    pub fn common(&self, dev: u32) -> Option<Ipv6Addr> {
        self.of(dev)?.common
    }

    #[inline]
    fn of(&self, dev: u32) -> Option<&OfDevice> {
        let place = self.by_device.binary_search_by_key(&dev, |&(dev, _)| dev).ok()?;
        Some(&self.by_device[place].1)
    }

    /// The source of a packet through a device; `None` where that is not known.
    #[inline]
    pub fn select(&self, dev: u32, dst: Ipv6Addr) -> Option<Ipv6Addr> {
        let of_device = self.of(dev)?;
        of_device.addrs.get(of_device.table.lookup(dst)? as usize).copied()
    }
}

impl OfDevice {
    fn new(config: &Config, dev: u32, pieces: &[Prefix<Ipv6Addr>]) -> Self {
        let mut addrs: Vec<Ipv6Addr> = Vec::new();
        let mut number = |addr: Ipv6Addr| match addrs.iter().position(|&known| known == addr) {
            Some(known) => known as u32,
            None => {
                addrs.push(addr);
                (addrs.len() - 1) as u32
            }
        };
        let select = |&piece: &Prefix<Ipv6Addr>| {
            let selected = source6::select(config, dev, piece.addr(), &mut Tracer::off());
            (piece, number(selected.unwrap_or(Ipv6Addr::UNSPECIFIED)))
        };
        let selected: Vec<(Prefix<Ipv6Addr>, u32)> = pieces.iter().map(select).collect();
        let ordinary = selected.iter().filter(|(piece, _)| !AddrType::of(piece.addr()).needs_device());
        let mut numbers = ordinary.map(|&(_, number)| number);
        let first = numbers.next();
        let common = first.filter(|&first| numbers.all(|number| number == first));
        OfDevice {
            common: common.and_then(|number| addrs.get(number as usize)).copied(),
            table: fib::Table::from_routes(selected),
            addrs,
        }
    }
}

/// The pieces into which prefixes cut the address space: together they cover it, and
/// none holds one of the prefixes but as a whole.
fn pieces(cuts: &BTreeSet<(u128, u8)>) -> Vec<Prefix<Ipv6Addr>> {
    let mut pieces = Vec::new();
    let mut open = vec![Prefix::<Ipv6Addr>::DEFAULT];
    while let Some(prefix) = open.pop() {
        let (first, len) = (prefix.addr().to_bits(), prefix.len());
        let last = first | u128::MAX.checked_shr(len.into()).unwrap_or(0);
        // Of those that begin here the shorter ones hold the prefix, or are it.
        match cuts.range((Excluded((first, len)), Included((last, 128)))).next().is_some() {
            true => open.extend(halves(prefix)),
            false => pieces.push(prefix),
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_cover_everything_once() {
        let cuts = [(0, 1), (0xfe80 << 112, 10), (5, 128)].into_iter().collect();
        let pieces = pieces(&cuts);
        let size = |prefix: &Prefix<Ipv6Addr>| 2f64.powi(-i32::from(prefix.len()));
        assert_eq!(pieces.iter().map(size).sum::<f64>(), 1.0);
        for &(bits, len) in &cuts {
            let cut = Prefix::containing(Ipv6Addr::from_bits(bits), len).expect("is a length");
            let straddles = |piece: &&Prefix<Ipv6Addr>| piece.covers(cut) && piece.len() < len;
            assert_eq!(pieces.iter().find(straddles), None, "{cut}");
        }
    }
}
