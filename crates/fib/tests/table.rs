//! The compiled table against the linear reference and the LC-trie: random
//! histories for both families, both forms and each level of instructions,
//! and tables made to be hard.

use std::net::{Ipv4Addr, Ipv6Addr};

use fingerpost_fib::{Alias, Backend, LcTrie, Level, Linear, NONE, Table, Writer};
use fingerpost_net::{Ip, Prefix, Rng};
use proptest::prelude::*;

#[derive(Clone, Copy, Debug, PartialEq)]
struct Route {
    len: u8,
    value: u32,
}

impl Alias for Route {
    fn prefix_len(&self) -> u8 {
        self.len
    }
}

/// The same routes in all structures.
struct All<I> {
    linear: Linear<I, Route>,
    trie: LcTrie<I, Route>,
    writer: Writer<I>,
}

impl<I: Ip> All<I> {
    fn new(table: Table<I>) -> Self {
        let mut all = All { linear: Linear::new(), trie: LcTrie::new(), writer: Writer::new(Table::new()) };
        for (prefix, value) in table.iter() {
            all.insert(prefix, value);
        }
        all.writer = Writer::new(table);
        all
    }

    fn insert(&mut self, prefix: Prefix<I>, value: u32) {
        let (addr, len) = (prefix.addr(), prefix.len());
        let leaf = self.linear.leaf(addr);
        let place = leaf.iter().take_while(|route| route.len > len).count();
        let old = leaf.get(place).filter(|route| route.len == len).map(|route| route.value);
        if old.is_some() {
            self.linear.remove(addr, place);
            self.trie.remove(addr, place);
        }
        self.linear.insert(addr, place, Route { len, value });
        self.trie.insert(addr, place, Route { len, value });
        assert_eq!(self.writer.insert(prefix, value), old, "{prefix}");
    }

    fn remove(&mut self, prefix: Prefix<I>) {
        let (addr, len) = (prefix.addr(), prefix.len());
        let old = self.linear.leaf(addr).iter().position(|route| route.len == len).map(|place| {
            self.trie.remove(addr, place);
            self.linear.remove(addr, place).unwrap().value
        });
        assert_eq!(self.writer.remove(prefix), old, "{prefix}");
    }

    /// Publishes, and compares every way to ask.
    fn check(&mut self, addrs: &[I]) {
        self.writer.publish();
        let mut reader = self.writer.reader();
        let mut published = vec![0; addrs.len()];
        reader.lookup_batch(addrs, &mut published);
        for (&addr, published) in addrs.iter().zip(published) {
            let expected: Vec<_> = self.linear.matches(addr).map(|(at, route)| (at, *route)).collect();
            let in_trie: Vec<_> = self.trie.matches(addr).map(|(at, route)| (at, *route)).collect();
            assert_eq!(expected, in_trie, "{addr}");
            let matches = self.writer.table().matches(addr);
            let found: Vec<_> = matches.map(|(p, value)| (p.addr(), Route { len: p.len(), value })).collect();
            assert_eq!(expected, found, "{addr}");
            let longest = expected.first().map(|(_, route)| route.value);
            assert_eq!(longest, reader.lookup(addr), "{addr}");
            assert_eq!(longest.unwrap_or(NONE), published, "{addr}");
        }
    }
}

/// Address bits that nest, neighbour and share long stretches.
fn key(rng: &mut Rng) -> u128 {
    let bits = u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64());
    match rng.below(5) {
        0 => bits & !(u128::MAX >> (1 + rng.below(40))),
        1 => 10 << 120 | bits >> (100 + rng.below(28)) << 96,
        2 => 0x2001_0db8 << 96 | bits >> (100 + rng.below(28)),
        3 => 0x2001_0db8 << 96 | u128::from(rng.below(8)) << rng.below(90),
        _ => bits,
    }
}

fn history<I: Ip>(seed: u64, steps: usize, level: Level, prepare: impl FnOnce(&mut Table<I>)) {
    let mut rng = Rng::new(seed);
    let mut table = Table::new();
    table.set_level(level);
    prepare(&mut table);
    let mut all = All::new(table);
    let mut known: Vec<Prefix<I>> = Vec::new();
    let values = [2, 200, 70_000, 1 << 32][seed as usize % 4];
    for step in 0..steps {
        if rng.chance(3, 5) || known.is_empty() {
            let len = 1 + rng.below(I::WIDTH.into()) as u8;
            // Short prefixes are rare: each costs much in a debug build.
            let len = if len < 10 && !rng.chance(1, 8) { I::WIDTH - len } else { len };
            known.push(Prefix::containing(I::from_key(key(&mut rng)), len).unwrap());
            all.insert(known[known.len() - 1], (rng.below(values) as u32).min(NONE - 1));
        } else {
            let at = rng.below(known.len() as u64) as usize;
            all.remove(known.swap_remove(at));
        }
        if rng.chance(1, 50) {
            match rng.chance(1, 2) {
                true => all.insert(Prefix::DEFAULT, step as u32 % 100),
                false => all.remove(Prefix::DEFAULT),
            }
        }
        if step % 8 == 0 {
            let near =
                |prefix: &Prefix<I>| [prefix.addr(), prefix.last(), I::from_key(!prefix.last().to_key())];
            let recent = known.iter().rev().take(10).flat_map(near);
            let addrs: Vec<I> = recent.chain([I::from_key(key(&mut rng))]).collect();
            all.check(&addrs);
        }
    }
}

const STEPS: usize = if cfg!(debug_assertions) { 300 } else { 4000 };

#[test]
fn ipv4_answers_as_the_references_do() {
    for (seed, level) in (0..).zip(Level::all().cycle().take(6)) {
        history::<Ipv4Addr>(seed, STEPS, level, |_| ());
    }
}

#[test]
fn ipv6_answers_as_the_references_do() {
    for (seed, level) in (0..).zip(Level::all().cycle().take(6)) {
        history::<Ipv6Addr>(seed, STEPS, level, |_| ());
    }
}

#[test]
fn dir24_answers_as_the_references_do() {
    for (seed, level) in (0..).zip(Level::all()) {
        // Each publication of a short prefix copies megabytes.
        history::<Ipv4Addr>(seed, STEPS.min(500), level, |table| table.set_backend(Backend::Dir24));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 24 } else { 400 }))]

    /// A table built at once and one built route by route are the same, and
    /// iteration gives the routes back in order.
    #[test]
    fn building_is_inserting(
        routes in prop::collection::vec((any::<u32>(), 1u8..33, 0u32..1000, 0u8..24), 0..60),
        probes in prop::collection::vec(any::<u32>(), 20),
    ) {
        let routes: Vec<(Prefix<Ipv4Addr>, u32)> = routes
            .into_iter()
            .map(|(bits, len, value, shift)| {
                (Prefix::containing(Ipv4Addr::from_bits(bits >> shift), len.max(8)).unwrap(), value)
            })
            .collect();
        let built = Table::from_routes(routes.iter().copied());
        let mut inserted = Table::new();
        inserted.extend(routes.iter().copied());
        let sorted: std::collections::BTreeMap<_, _> = routes.iter().copied().collect();
        prop_assert!(built.iter().eq(sorted.iter().map(|(p, v)| (*p, *v))));
        prop_assert!(inserted.iter().eq(built.iter()));
        let near = routes.iter().flat_map(|(p, _)| [p.addr(), p.last()]);
        for addr in near.chain(probes.into_iter().map(Ipv4Addr::from_bits)) {
            prop_assert_eq!(built.lookup(addr), inserted.lookup(addr));
            prop_assert_eq!(built.lookup(addr), built.longest_match(addr).map(|m| m.1));
        }
    }
}

/// Prefixes of every length around one address, each inside the last: put in
/// and taken out from both ends.
fn nested<I: Ip>() {
    let mut all = All::<I>::new(Table::new());
    let addr = I::from_key(0x2001_0db8_5a5a_a5a5_1234_5678_9abc_def0);
    // The addresses that leave the chain at each bit.
    let probes: Vec<I> =
        (0..I::WIDTH).map(|bit| I::from_key(addr.to_key() ^ 1 << (127 - bit))).chain([addr]).collect();
    let chain = |len: u8| Prefix::containing(addr, len).unwrap();
    (0..=I::WIDTH).for_each(|len| all.insert(chain(len), len.into()));
    all.check(&probes);
    (8..=I::WIDTH).step_by(2).for_each(|len| all.remove(chain(len)));
    all.check(&probes);
    (8..=I::WIDTH).rev().step_by(2).for_each(|len| all.insert(chain(len), 300 + u32::from(len)));
    all.check(&probes);
    (0..=I::WIDTH).rev().for_each(|len| all.remove(chain(len)));
    all.check(&probes);
    assert!(all.writer.table().is_empty());
}

#[test]
fn nested_chains_of_every_length() {
    nested::<Ipv4Addr>();
    nested::<Ipv6Addr>();
}

/// Host routes in one part of the space: memory and the time of a change stay
/// bounded.
fn hosts<I: Ip>(count: u32, host: impl Fn(u32) -> I, bytes_each: usize) {
    let mut table: Table<I> = (0..count).map(|i| (Prefix::host(host(i)), i % 250)).collect();
    let bytes = table.heap_bytes() / count as usize;
    assert!(bytes < bytes_each, "{bytes} bytes a route");
    for i in (0..count).step_by(7) {
        table.remove(Prefix::host(host(i)));
    }
    for i in 0..count {
        let expected = (i % 7 != 0).then_some(i % 250);
        assert_eq!(table.lookup(host(i)), expected);
        assert_eq!(table.get(Prefix::host(host(i))), expected);
    }
}

const HOSTS: u32 = if cfg!(debug_assertions) { 20_000 } else { 400_000 };

/// Spreads the numbers below 2^24 over themselves.
fn spread(i: u32) -> u32 {
    i.wrapping_mul(0x9e_3779) & 0xff_ffff
}

#[test]
fn host_routes_in_one_8() {
    hosts(HOSTS, |i| Ipv4Addr::from_bits(10 << 24 | spread(i)), 160);
    hosts(HOSTS, |i| Ipv4Addr::from_bits(10 << 24 | i), 60);
}

#[test]
fn host_routes_under_one_64() {
    let low = |bits: u64| Ipv6Addr::from_bits(0x2001_0db8 << 96 | u128::from(bits));
    hosts(HOSTS, |i| low(u64::from(spread(i)) << 40 | u64::from(i)), 160);
    hosts(HOSTS, |i| low(i.into()), 60);
}

/// A default route, and halves of the space, that come and go over many routes.
#[test]
fn short_prefixes_flap_over_many_routes() {
    let mut rng = Rng::new(9);
    let random = |rng: &mut Rng| Prefix::containing(Ipv4Addr::from_bits(rng.next_u32()), 24).unwrap();
    let routes: Vec<_> = (0..HOSTS / 10).map(|i| (random(&mut rng), i % 250)).collect();
    let mut all = All::new(routes.iter().copied().collect());
    let addrs: Vec<Ipv4Addr> =
        (0..100).map(|i| if i % 2 == 0 { routes[i].0.addr() } else { random(&mut rng).addr() }).collect();
    for value in 0..6 {
        for len in [0, 1, 2, 7, 12] {
            let prefix = Prefix::containing(Ipv4Addr::new(128, 16, 0, 0), len).unwrap();
            if value % 2 == 0 { all.insert(prefix, value) } else { all.remove(prefix) }
        }
        all.check(&addrs);
    }
}

#[test]
#[cfg(feature = "serde")]
fn a_table_is_a_sequence_of_routes() {
    let text = r#"[["0.0.0.0/0",1],["10.0.0.0/8",4294967294],["10.0.0.0/24",3]]"#;
    let table: Table<Ipv4Addr> = serde_json::from_str(text).unwrap();
    assert_eq!(table.lookup(Ipv4Addr::new(10, 1, 1, 1)), Some(NONE - 1));
    assert_eq!(serde_json::to_string(&table).unwrap(), text);
    for (wrong, what) in
        [(r#"[["10.0.0.0/8",4294967295]]"#, "10.0.0.0/8"), (r#"[["10.0.0.1/8",1]]"#, "bits"), ("[3]", "3")]
    {
        let error = serde_json::from_str::<Table<Ipv4Addr>>(wrong).err().unwrap().to_string();
        assert!(error.contains(what), "{error}");
    }
}
