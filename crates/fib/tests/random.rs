//! The trie against the obvious reference, over random histories of changes.

use std::net::{Ipv4Addr, Ipv6Addr};

use fingerpost_fib::{Alias, LcTrie, Linear};
use fingerpost_net::{Ip, Prefix};
use proptest::prelude::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Route {
    len: u8,
    id: u32,
}

impl Alias for Route {
    fn prefix_len(&self) -> u8 {
        self.len
    }
}

#[derive(Clone, Debug)]
enum Change {
    /// Key bits, length, and which of the possible places in the leaf.
    Insert(u128, u8, u8),
    /// Which alias, counted in dump order.
    Remove(u16),
    /// Which alias gets a new id in place.
    Replace(u16),
    /// Every n-th alias.
    Flush(u8),
}

/// Keys of few distinct bits, so that prefixes nest, neighbour and share leaves.
fn key() -> impl Strategy<Value = u128> {
    let dense = (any::<u128>(), 1u32..12).prop_map(|(bits, top)| bits & !(u128::MAX >> top));
    let low = (any::<u128>(), 90u32..128).prop_map(|(bits, shift)| bits << shift | 10 << 120);
    let low4 = any::<u8>().prop_map(|low| 10 << 120 | u128::from(low) << 96);
    prop_oneof![dense, low, low4, any::<u128>(), Just(0), Just(u128::MAX)]
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        12 => (key(), any::<u8>(), any::<u8>()).prop_map(|(k, l, p)| Change::Insert(k, l, p)),
        5 => any::<u16>().prop_map(Change::Remove),
        1 => any::<u16>().prop_map(Change::Replace),
        1 => (2u8..7).prop_map(Change::Flush),
    ]
}

/// The places in a leaf where an alias of this length may stand.
fn places(leaf: &[Route], len: u8) -> std::ops::RangeInclusive<usize> {
    let longer = leaf.iter().take_while(|a| a.len > len).count();
    longer..=longer + leaf[longer..].iter().take_while(|a| a.len == len).count()
}

fn apply<I: Ip>(
    trie: &mut LcTrie<I, Route>,
    linear: &mut Linear<I, Route>,
    id: u32,
    change: &Change,
) -> Result<(), TestCaseError> {
    let nth = |linear: &Linear<I, Route>, n: u16| {
        let len = linear.len();
        let (addr, alias) = (len > 0).then(|| linear.iter().nth(usize::from(n) % len))??;
        Some((addr, linear.leaf(addr).iter().position(|a| a == alias)?))
    };
    match *change {
        Change::Insert(key, len, place) => {
            let len = len % (I::WIDTH + 1);
            let addr = Prefix::<I>::containing(I::from_key(key), len).unwrap().addr();
            let places = places(linear.leaf(addr), len);
            let place = places.start() + usize::from(place) % (places.end() - places.start() + 1);
            trie.insert(addr, place, Route { len, id });
            linear.insert(addr, place, Route { len, id });
        }
        Change::Remove(n) => {
            if let Some((addr, place)) = nth(linear, n) {
                prop_assert_eq!(trie.remove(addr, place), linear.remove(addr, place));
                prop_assert_eq!(trie.remove(addr, 1000), None);
            }
        }
        Change::Replace(n) => {
            if let Some((addr, place)) = nth(linear, n) {
                let new = Route { id, ..linear.remove(addr, place).unwrap() };
                linear.insert(addr, place, new);
                trie.leaf_mut(addr).unwrap()[place].id = id;
            }
        }
        Change::Flush(n) => {
            let (mut asked, mut expected) = (Vec::new(), Vec::new());
            let chosen = |alias: &Route| alias.id.is_multiple_of(u32::from(n));
            let gone = trie.flush(|addr, alias| {
                asked.push((addr, *alias));
                chosen(alias)
            });
            prop_assert_eq!(
                gone,
                linear.flush(|addr, alias| {
                    expected.push((addr, *alias));
                    chosen(alias)
                })
            );
            prop_assert_eq!(asked, expected);
        }
    }
    Ok(())
}

fn compare<I: Ip>(
    trie: &LcTrie<I, Route>,
    linear: &Linear<I, Route>,
    questions: &[u128],
) -> Result<(), TestCaseError> {
    prop_assert_eq!(trie.len(), linear.len());
    prop_assert_eq!(trie.is_empty(), linear.is_empty());
    prop_assert!(trie.iter().eq(linear.iter()));
    for (addr, leaf) in trie.leaves() {
        prop_assert_eq!(leaf, linear.leaf(addr));
        prop_assert_eq!(trie.leaf(addr), leaf);
    }
    // Beside arbitrary addresses: those at the edges of what is there.
    let edges = linear.iter().flat_map(|(addr, a)| {
        let last = Prefix::new(addr, a.len).unwrap().last().to_key();
        [addr.to_key(), last, last.wrapping_add(1 << (128 - I::WIDTH)), addr.to_key().wrapping_sub(1)]
    });
    for key in questions.iter().copied().chain(edges) {
        let addr = I::from_key(key);
        prop_assert!(trie.matches(addr).eq(linear.matches(addr)), "at {}", addr);
    }
    Ok(())
}

fn histories<I: Ip>(changes: &[Change], questions: &[u128]) -> Result<(), TestCaseError> {
    let (mut trie, mut linear) = (LcTrie::<I, Route>::new(), Linear::new());
    let mut halfway = None;
    for (id, change) in changes.iter().enumerate() {
        apply(&mut trie, &mut linear, id as u32, change)?;
        if id == changes.len() / 2 {
            halfway = Some((trie.clone(), linear.clone()));
        }
    }
    compare(&trie, &linear, questions)?;
    // A clone is a value of its own.
    halfway.map_or(Ok(()), |(trie, linear)| compare(&trie, &linear, questions))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// C-014, C-010.
    #[test]
    fn ipv4_matches_as_the_reference(
        changes in prop::collection::vec(change(), 1..200),
        questions in prop::collection::vec(key(), 40),
    ) {
        histories::<Ipv4Addr>(&changes, &questions)?;
    }

    /// C-014, C-010.
    #[test]
    fn ipv6_matches_as_the_reference(
        changes in prop::collection::vec(change(), 1..200),
        questions in prop::collection::vec(key(), 40),
    ) {
        histories::<Ipv6Addr>(&changes, &questions)?;
    }
}
