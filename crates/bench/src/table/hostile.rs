//! Tables that hurt.

use fingerpost_net::{Family, Ip, Prefix, Rng};

use super::{Route, Seen, host, neighbourly, synthetic};

/// Tables by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hostile {
    /// Five million routes with the usual lengths.
    FiveMillion,
    /// Host routes only, all over the space.
    Hosts,
    /// Host routes of one /8.
    One8,
    /// Host routes of one /64.
    One64,
    /// Chains of nested prefixes, of every length from 1 to the address's.
    Chains,
}

impl Hostile {
    const ALL: [Hostile; 5] =
        [Hostile::FiveMillion, Hostile::Hosts, Hostile::One8, Hostile::One64, Hostile::Chains];

    /// What it is called on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Hostile::FiveMillion => "5m",
            Hostile::Hosts => "hosts",
            Hostile::One8 => "one8",
            Hostile::One64 => "one64",
            Hostile::Chains => "chains",
        }
    }

    /// The table of this name.
    pub fn named(name: &str) -> Option<Hostile> {
        Self::ALL.into_iter().find(|table| table.name() == name)
    }

    /// Whether there is such a table of this family.
    pub fn has(self, family: Family) -> bool {
        match self {
            Hostile::One8 => family == Family::V4,
            Hostile::One64 => family == Family::V6,
            Hostile::FiveMillion | Hostile::Hosts | Hostile::Chains => true,
        }
    }

    /// How many routes it has when nothing else is said.
    pub fn size(self) -> usize {
        if self == Hostile::FiveMillion { 5_000_000 } else { 1_000_000 }
    }
}

/// A seeded table of about `size` routes. Neighbours share a hop.
pub fn hostile<I: Ip>(kind: Hostile, seed: u64, size: usize) -> Vec<Route<I>> {
    let within = |key: u128, len| Prefix::containing(I::from_key(key), len).unwrap_or(Prefix::DEFAULT);
    match kind {
        Hostile::FiveMillion => synthetic(seed, size),
        Hostile::Hosts => hosts(everywhere(), seed, size),
        Hostile::One8 => hosts(within(11 << 120, 8), seed, size),
        Hostile::One64 => hosts(within(0x2001_0db8 << 96, 64), seed, size),
        Hostile::Chains => chains(seed, size),
    }
}

/// Where prefixes are drawn from: for IPv6 what is handed out at all.
fn everywhere<I: Ip>() -> Prefix<I> {
    match I::FAMILY {
        Family::V4 => Prefix::DEFAULT,
        Family::V6 => Prefix::containing(I::from_key(1 << 125), 3).unwrap_or(Prefix::DEFAULT),
    }
}

fn hosts<I: Ip>(within: Prefix<I>, seed: u64, size: usize) -> Vec<Route<I>> {
    let mut rng = Rng::new(seed);
    let mut seen = Seen::with_capacity_and_hasher(size, Default::default());
    // So many tries find nearly all, unless there are hardly more hosts than are wanted.
    for _ in 0..size.saturating_mul(4) {
        if seen.len() == size {
            break;
        }
        seen.insert(Prefix::host(host(within, &mut rng)));
    }
    sorted(seen)
}

fn chains<I: Ip>(seed: u64, size: usize) -> Vec<Route<I>> {
    let mut rng = Rng::new(seed);
    let mut seen = Seen::with_capacity_and_hasher(size, Default::default());
    while seen.len() < size {
        let addr = host(everywhere(), &mut rng);
        let before = seen.len();
        seen.extend((1..=I::WIDTH).filter_map(|len| Prefix::<I>::containing(addr, len).ok()));
        if seen.len() == before {
            break;
        }
    }
    sorted(seen)
}

fn sorted<I: Ip>(prefixes: Seen<Prefix<I>>) -> Vec<Route<I>> {
    let mut routes: Vec<Route<I>> =
        prefixes.into_iter().map(|prefix| Route { prefix, hop: neighbourly(prefix) }).collect();
    routes.sort();
    routes
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    #[test]
    fn each_is_what_it_says() {
        let one8 = hostile::<Ipv4Addr>(Hostile::One8, 1, 1000);
        assert_eq!(one8.len(), 1000);
        assert!(one8.iter().all(|r| r.prefix.len() == 32 && r.prefix.addr().octets()[0] == 11));
        let one64 = hostile::<Ipv6Addr>(Hostile::One64, 1, 1000);
        assert!(
            one64
                .iter()
                .all(|r| r.prefix.len() == 128 && r.prefix.addr().segments()[..4] == [0x2001, 0xdb8, 0, 0])
        );
        let chains = hostile::<Ipv6Addr>(Hostile::Chains, 1, 1000);
        let lengths: std::collections::HashSet<u8> = chains.iter().map(|r| r.prefix.len()).collect();
        assert_eq!(lengths.len(), 128);
        assert_eq!(hostile::<Ipv4Addr>(Hostile::Hosts, 1, 1000), hostile(Hostile::Hosts, 1, 1000));
        assert!(Hostile::named("one64").is_some_and(|kind| !kind.has(Family::V4)));
    }
}
