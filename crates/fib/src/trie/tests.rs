//! What only the inside can tell: after any history the counters, parents,
//! keys and suffix lengths are what the children say.

use alloc::vec::Vec;
use core::net::{Ipv4Addr, Ipv6Addr};

use fingerpost_net::{Ip, Prefix, Rng};

use super::nodes::{self, Inner, Kind, Nodes, Ref, TOP};
use super::{Alias, LcTrie};

#[derive(Clone, Copy, Debug, PartialEq)]
struct Route {
    len: u8,
    id: u32,
}

impl Alias for Route {
    fn prefix_len(&self) -> u8 {
        self.len
    }
}

/// Checks everything below `node`; returns the longest suffix there.
fn check<I: Ip, A: Alias>(nodes: &Nodes<I, A>, node: Inner) -> u8 {
    let shape = nodes.shape(node);
    let width = 1u32 << shape.bits;
    let children = || (0..width).map(|slot| (slot, nodes.child(node, slot)));
    if node != TOP {
        assert_eq!(children().filter(|(_, c)| c.is_nothing()).count() as u32, nodes.empty(node));
        assert_eq!(children().filter(|(_, c)| nodes.is_full(node, *c)).count() as u32, nodes.full(node));
        assert!(width - nodes.empty(node) >= 2, "a node with one child should have collapsed");
        assert_eq!(nodes::shr::<I>(nodes.key(node), shape.pos) & u128::from(width - 1), 0);
    }
    let mut longest = 0;
    for (slot, child) in children().filter(|(_, child)| *child != Ref::NOTHING) {
        assert_eq!(nodes.index_within(nodes.key_of(child), node), Some(slot));
        let slen = match child.kind() {
            Kind::Nothing => 0,
            Kind::Leaf(leaf) => {
                let aliases = nodes.aliases(leaf);
                assert!(aliases.is_sorted_by_key(|a| core::cmp::Reverse(a.prefix_len())));
                let last = aliases.last().expect("no leaf without alias");
                assert_eq!(nodes.leaf(leaf).slen, nodes::slen::<I, A>(last));
                nodes.leaf(leaf).slen
            }
            Kind::Inner(inner) => {
                assert_eq!(nodes.parent(inner), node);
                assert!(nodes.shape(inner).pos + nodes.shape(inner).bits <= shape.pos);
                check(nodes, inner)
            }
        };
        longest = longest.max(slen);
    }
    assert!(shape.slen >= longest.max(shape.pos), "a suffix would be missed");
    longest
}

fn random_history<I: Ip>(seed: u64, steps: u32, spread: u8) {
    let mut rng = Rng::new(seed);
    let mut trie = LcTrie::<I, Route>::new();
    let mut held: Vec<Prefix<I>> = Vec::new();
    for id in 0..steps {
        if !held.is_empty() && rng.chance(if id / 200 % 2 == 0 { 1 } else { 3 }, 4) {
            let prefix = held.swap_remove(rng.below(held.len() as u64) as usize);
            let index = trie.leaf(prefix.addr()).iter().position(|a| a.len == prefix.len()).unwrap();
            assert_eq!(trie.remove(prefix.addr(), index).map(|a| a.len), Some(prefix.len()));
        } else {
            let bits = u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64());
            // Few bits from the top, so that prefixes nest and share leaves.
            let len = rng.below(u64::from(spread) + 1) as u8;
            let prefix = Prefix::<I>::containing(I::from_key(bits), len).unwrap();
            let leaf = trie.leaf(prefix.addr());
            let index = leaf.iter().position(|a| a.len <= len).unwrap_or(leaf.len());
            trie.insert(prefix.addr(), index, Route { len, id });
            held.push(prefix);
        }
        if id % 37 == 0 {
            check(&trie.nodes, TOP);
        }
        if id % 251 == 250 {
            let gone = trie.flush(|_, a| a.id % 5 == 0);
            let before = held.len();
            held.clear();
            held.extend(trie.iter().map(|(addr, a)| Prefix::new(addr, a.len).unwrap()));
            assert_eq!((held.len(), held.len() + gone), (trie.len(), before));
            check(&trie.nodes, TOP);
        }
    }
    while let Some(prefix) = held.pop() {
        let index = trie.leaf(prefix.addr()).iter().position(|a| a.len == prefix.len()).unwrap();
        trie.remove(prefix.addr(), index).unwrap();
    }
    assert!(trie.is_empty() && trie.nodes.child(TOP, 0).is_nothing());
}

#[test]
fn nodes_stay_consistent_through_random_histories() {
    let (seeds, steps) = if cfg!(miri) { (1, 150) } else { (20, 3000) };
    for seed in 0..seeds {
        random_history::<Ipv4Addr>(seed, steps, 32);
        random_history::<Ipv4Addr>(seed, steps, 10);
        random_history::<Ipv6Addr>(seed, steps * 2 / 3, 128);
        random_history::<Ipv6Addr>(seed, steps * 2 / 3, 14);
    }
}

#[test]
fn freed_nodes_are_used_again() {
    const NETS: u32 = if cfg!(miri) { 64 } else { 4096 };
    let mut trie = LcTrie::<Ipv4Addr, Route>::new();
    let once = |trie: &mut LcTrie<_, _>| {
        for net in 0..NETS {
            trie.insert(Ipv4Addr::from_bits(net << 8), 0, Route { len: 24, id: 0 });
            trie.insert(Ipv4Addr::from_bits(net << 8), 1, Route { len: 24, id: 1 });
        }
        assert_eq!(trie.flush(|_, _| true), 2 * NETS as usize);
        trie.heap_bytes()
    };
    let first = once(&mut trie);
    assert_eq!((0..5).map(|_| once(&mut trie)).max(), Some(first));
}

/// Too long a suffix length costs steps and changes no answer, so that only
/// this shows whether it ever gets shorter again.
#[test]
fn suffix_lengths_shrink_when_short_prefixes_go() {
    let root = |trie: &LcTrie<Ipv4Addr, Route>| match trie.nodes.child(TOP, 0).kind() {
        Kind::Inner(root) => trie.nodes.shape(root),
        other => panic!("{other:?}"),
    };
    let net = |n: u32| Ipv4Addr::from_bits(0x0a00_0000 | n << 8);
    let mut trie = LcTrie::<Ipv4Addr, Route>::new();
    (0..8).for_each(|n| trie.insert(net(n), 0, Route { len: 24, id: n }));
    let pos = root(&trie).pos;
    assert_eq!(root(&trie).slen, 8);

    // Another alias stays in the leaf.
    trie.insert(net(0), 1, Route { len: 8, id: 8 });
    assert_eq!(root(&trie).slen, 24);
    trie.remove(net(0), 1);
    assert_eq!(root(&trie).slen, 8);

    // The same by a flush, which leaves the width as it is.
    trie.insert(net(4), 1, Route { len: 22, id: 9 });
    assert_eq!(root(&trie).slen, 10);
    assert_eq!(trie.flush(|_, a| a.id == 9), 1);
    assert_eq!((root(&trie).slen, root(&trie).pos), (8, pos));
}
