//! Shapes that a 6.18 kernel shows for small histories (C-010, C-021, C-022).

use std::net::Ipv4Addr;

use fingerpost_fib::{Alias, AliasText, LcTrie};
use fingerpost_net::Prefix;

const LINK: u8 = 253;
const HOST: u8 = 254;

#[derive(Clone, Copy, Debug, PartialEq)]
struct Route {
    len: u8,
    scope: u8,
    kind: u8,
    dscp: u8,
    id: u32,
}

impl Alias for Route {
    fn prefix_len(&self) -> u8 {
        self.len
    }
}

type Trie = LcTrie<Ipv4Addr, Route>;

fn prefix(text: &str) -> Prefix<Ipv4Addr> {
    text.parse().unwrap()
}

fn insert(trie: &mut Trie, text: &str, route: Route) {
    let prefix = prefix(text);
    let index = trie.leaf(prefix.addr()).partition_point(|r| r.len >= prefix.len());
    trie.insert(prefix.addr(), index, Route { len: prefix.len(), ..route });
}

fn plain(id: u32) -> Route {
    Route { len: 0, scope: LINK, kind: 1, dscp: 0, id }
}

/// A trie of plain routes, added in this order, their ids counting from 0.
fn trie(prefixes: &[&str]) -> Trie {
    let mut trie = Trie::new();
    prefixes.iter().zip(0..).for_each(|(text, id)| insert(&mut trie, text, plain(id)));
    trie
}

fn remove(trie: &mut Trie, text: &str) {
    let prefix = prefix(text);
    let index = trie.leaf(prefix.addr()).iter().position(|r| r.len == prefix.len()).unwrap();
    trie.remove(prefix.addr(), index).unwrap();
}

fn text(trie: &Trie) -> String {
    let mut out = String::new();
    trie.write_fib_trie(&mut out, |r| AliasText { scope: r.scope, kind: r.kind, dscp: r.dscp }).unwrap();
    out
}

/// The lines of inner nodes, and of leaves without their aliases.
fn nodes(trie: &Trie) -> String {
    text(trie)
        .lines()
        .filter(|l| l.contains("+--") || l.contains("|--"))
        .fold("\n".into(), |s, l| s + l + "\n")
}

#[test]
fn c022_an_empty_trie_and_a_single_leaf() {
    assert_eq!(text(&Trie::new()), "");
    assert_eq!(
        Trie::new().stats().to_string(),
        "\tAver depth:     0.00\n\tMax depth:      0\n\tLeaves:         0\n\tPrefixes:       0\n\
         \tInternal nodes: 0\n\t\n\tPointers: 0\nNull ptrs: 0\nTotal size: 0  kB\n"
    );
    let one = trie(&["10.0.0.0/8"]);
    assert_eq!(text(&one), "  |-- 10.0.0.0\n     /8 link UNICAST\n");
    assert_eq!(
        one.stats().to_string(),
        "\tAver depth:     0.00\n\tMax depth:      0\n\tLeaves:         1\n\tPrefixes:       1\n\
         \tInternal nodes: 0\n\t\n\tPointers: 0\nNull ptrs: 0\nTotal size: 1  kB\n"
    );
}

#[test]
fn c021_two_neighbours_below_the_root_give_four_slots() {
    assert_eq!(
        text(&trie(&["10.0.0.0/24", "10.0.1.0/24"])),
        "  +-- 10.0.0.0/23 2 0 2
     |-- 10.0.0.0
        /24 link UNICAST
     |-- 10.0.1.0
        /24 link UNICAST
"
    );
}

#[test]
fn c021_thirty_two_neighbours_give_a_node_of_six_bits() {
    let mut trie = Trie::new();
    (0..32).for_each(|i| insert(&mut trie, &format!("20.0.{i}.0/24"), plain(i)));
    assert!(nodes(&trie).starts_with("\n  +-- 20.0.0.0/19 6 0 32\n     |-- 20.0.0.0\n"));
    assert_eq!(
        trie.stats().to_string(),
        "\tAver depth:     1.00\n\tMax depth:      1\n\tLeaves:         32\n\tPrefixes:       32\n\
         \tInternal nodes: 1\n\t  6: 1\n\tPointers: 64\nNull ptrs: 32\nTotal size: 4  kB\n"
    );
}

#[test]
fn c021_the_shape_depends_on_the_history() {
    let mut thinned = Trie::new();
    (0..32).for_each(|i| insert(&mut thinned, &format!("20.0.{i}.0/24"), plain(i)));
    (0..23).for_each(|i| remove(&mut thinned, &format!("20.0.{i}.0/24")));
    let mut direct = Trie::new();
    (23..32).for_each(|i| insert(&mut direct, &format!("20.0.{i}.0/24"), plain(i)));
    assert!(thinned.iter().eq(direct.iter()));
    assert!(nodes(&thinned).starts_with("\n  +-- 20.0.0.0/19 5 0 23\n     |-- 20.0.23.0\n"));
    assert!(nodes(&direct).starts_with("\n  +-- 20.0.16.0/20 4 0 7\n     |-- 20.0.23.0\n"));
}

#[test]
fn c022_nested_prefixes_indent_and_count() {
    let trie = trie(&[
        "0.0.0.0/0",
        "10.0.0.0/8",
        "10.0.0.0/24",
        "10.0.1.0/24",
        "10.0.1.64/26",
        "10.0.1.128/25",
        "10.0.1.129/32",
        "10.128.0.0/9",
        "192.168.0.0/16",
    ]);
    assert_eq!(
        text(&trie),
        "  +-- 0.0.0.0/0 2 0 2
     +-- 0.0.0.0/4 2 0 2
        |-- 0.0.0.0
           /0 link UNICAST
        +-- 10.0.0.0/8 2 0 2
           +-- 10.0.0.0/23 3 0 4
              |-- 10.0.0.0
                 /24 link UNICAST
                 /8 link UNICAST
              |-- 10.0.1.0
                 /24 link UNICAST
              |-- 10.0.1.64
                 /26 link UNICAST
              +-- 10.0.1.128/31 1 0 0
                 |-- 10.0.1.128
                    /25 link UNICAST
                 |-- 10.0.1.129
                    /32 link UNICAST
           |-- 10.128.0.0
              /9 link UNICAST
     |-- 192.168.0.0
        /16 link UNICAST
"
    );
    assert_eq!(
        trie.stats().to_string(),
        "\tAver depth:     3.50\n\tMax depth:      5\n\tLeaves:         8\n\tPrefixes:       9\n\
         \tInternal nodes: 5\n\t  1: 1  2: 3  3: 1\n\tPointers: 22\nNull ptrs: 10\nTotal size: 2  kB\n"
    );
    let lens: Vec<u8> = trie.matches(Ipv4Addr::new(10, 0, 1, 129)).map(|(_, r)| r.len).collect();
    assert_eq!(lens, [32, 25, 24, 8, 0]);
    let lens: Vec<u8> = trie.matches(Ipv4Addr::new(10, 255, 1, 129)).map(|(_, r)| r.len).collect();
    assert_eq!(lens, [9, 8, 0]);
}

#[test]
fn c010_c022_the_aliases_of_a_leaf() {
    let mut trie = Trie::new();
    let addr = Ipv4Addr::new(10, 0, 0, 0);
    trie.insert(addr, 0, Route { len: 8, ..plain(0) });
    trie.insert(addr, 0, Route { len: 24, ..plain(1) });
    trie.insert(addr, 0, Route { len: 24, dscp: 16, ..plain(2) });
    insert(&mut trie, "10.0.1.0/24", Route { scope: 0, kind: 7, ..plain(3) });
    insert(&mut trie, "10.0.2.0/24", Route { scope: 77, ..plain(4) });
    assert_eq!(
        text(&trie),
        "  +-- 10.0.0.0/22 3 0 5
     |-- 10.0.0.0
        /24 link UNICAST tos=16
        /24 link UNICAST
        /8 link UNICAST
     |-- 10.0.1.0
        /24 universe UNREACHABLE
     |-- 10.0.2.0
        /24 scope=77 UNICAST
"
    );
    let ids = |trie: &Trie, addr| trie.matches(addr).map(|(_, r)| r.id).collect::<Vec<_>>();
    assert_eq!(ids(&trie, Ipv4Addr::new(10, 0, 0, 1)), [2, 1, 0]);
    assert_eq!(ids(&trie, Ipv4Addr::new(10, 0, 2, 1)), [4, 0]);

    // Refusing a route with a nexthop object ends the leaf, not the search.
    insert(&mut trie, "0.0.0.0/0", plain(5));
    let mut matches = trie.matches(Ipv4Addr::new(10, 0, 0, 1));
    assert_eq!(matches.next().map(|(_, r)| r.id), Some(2));
    matches.skip_leaf();
    assert_eq!(matches.next().map(|(_, r)| r.id), Some(5));
    assert!(matches.next().is_none());
}

#[test]
fn c022_names_of_scopes_and_types() {
    let line = |scope, kind| {
        text(&{
            let mut trie = Trie::new();
            insert(&mut trie, "10.0.0.0/8", Route { scope, kind, ..plain(0) });
            trie
        })
    };
    assert_eq!(line(200, 3), "  |-- 10.0.0.0\n     /8 site BROADCAST\n");
    assert_eq!(line(255, 11), "  |-- 10.0.0.0\n     /8 nowhere XRESOLVE\n");
    assert_eq!(line(254, 12), "  |-- 10.0.0.0\n     /8 host type 12\n");
}

/// Eleven routes, of which six are to go.
const BUSHY: [(&str, bool); 11] = [
    ("10.0.137.0/24", false),
    ("10.0.240.0/24", true),
    ("10.0.142.0/24", false),
    ("10.6.162.0/24", false),
    ("10.0.254.0/24", false),
    ("10.0.209.0/24", true),
    ("10.0.203.0/24", true),
    ("10.0.133.0/24", true),
    ("10.0.252.0/24", false),
    ("10.0.193.0/24", true),
    ("10.0.234.0/24", true),
];

#[test]
fn c021_a_flush_differs_from_removing_one_by_one() {
    let full = trie(&BUSHY.map(|(text, _)| text));
    let goes = |r: &Route| BUSHY[r.id as usize].1;
    let mut gone: Vec<_> = BUSHY.iter().filter(|(_, goes)| *goes).map(|(text, _)| *text).collect();

    let mut flushed = full.clone();
    assert_eq!(flushed.flush(|_, r| goes(r)), 6);
    assert_eq!(
        nodes(&flushed),
        "
  +-- 10.0.0.0/13 2 0 2
     +-- 10.0.128.0/17 3 0 6
        +-- 10.0.136.0/21 2 0 2
           |-- 10.0.137.0
           |-- 10.0.142.0
        +-- 10.0.248.0/21 2 0 2
           |-- 10.0.252.0
           |-- 10.0.254.0
     |-- 10.6.162.0
"
    );

    gone.sort();
    let mut rising = full.clone();
    gone.iter().for_each(|text| remove(&mut rising, text));
    assert_eq!(
        nodes(&rising),
        "
  +-- 10.0.0.0/13 2 0 2
     +-- 10.0.128.0/17 3 0 6
        +-- 10.0.136.0/21 2 0 2
           |-- 10.0.137.0
           |-- 10.0.142.0
        +-- 10.0.252.0/22 2 0 2
           |-- 10.0.252.0
           |-- 10.0.254.0
     |-- 10.6.162.0
"
    );

    let mut falling = full;
    gone.iter().rev().for_each(|text| remove(&mut falling, text));
    assert_eq!(
        nodes(&falling),
        "
  +-- 10.0.0.0/13 2 0 2
     +-- 10.0.128.0/17 3 1 6
        +-- 10.0.128.0/20 2 0 2
           |-- 10.0.137.0
           |-- 10.0.142.0
        +-- 10.0.248.0/21 2 0 2
           |-- 10.0.252.0
           |-- 10.0.254.0
     |-- 10.6.162.0
"
    );
}

#[test]
fn c021_a_flush_that_removes_nothing_can_change_the_shape() {
    let mut trie = trie(&["10.1.240.0/24", "10.0.48.0/24", "10.0.15.0/24", "10.0.16.0/24"]);
    remove(&mut trie, "10.1.240.0/24");
    assert!(nodes(&trie).starts_with("\n  +-- 10.0.0.0/18 2 0 1\n"));
    assert_eq!(trie.flush(|_, _| false), 0);
    assert!(nodes(&trie).starts_with("\n  +-- 10.0.0.0/18 3 0 5\n"));
}

/// C-009 as far as the trie is concerned.
#[test]
fn c009_unmerging_parts_a_shared_trie() {
    let local = Route { scope: HOST, kind: 2, ..plain(255) };
    let mut main = Trie::new();
    insert(&mut main, "10.0.0.1/32", local);
    insert(&mut main, "10.0.0.0/8", local);
    insert(&mut main, "10.0.0.0/24", plain(254));
    insert(&mut main, "10.0.0.0/8", plain(254));
    insert(&mut main, "10.0.1.0/24", plain(254));
    insert(&mut main, "10.0.2.0/24", local);
    assert_eq!(
        text(&main),
        "  +-- 10.0.0.0/22 3 0 5
     +-- 10.0.0.0/31 1 0 0
        |-- 10.0.0.0
           /24 link UNICAST
           /8 host LOCAL
           /8 link UNICAST
        |-- 10.0.0.1
           /32 host LOCAL
     |-- 10.0.1.0
        /24 link UNICAST
     |-- 10.0.2.0
        /24 host LOCAL
"
    );
    let parted = main.unmerge(|r| r.id == 255);
    assert_eq!((main.len(), parted.len()), (3, 3));
    assert_eq!(
        text(&main),
        "  +-- 10.0.0.0/22 3 0 6
     |-- 10.0.0.0
        /24 link UNICAST
        /8 link UNICAST
     |-- 10.0.1.0
        /24 link UNICAST
"
    );
    assert_eq!(
        text(&parted),
        "  +-- 10.0.0.0/22 2 0 2
     +-- 10.0.0.0/31 1 0 0
        |-- 10.0.0.0
           /8 host LOCAL
        |-- 10.0.0.1
           /32 host LOCAL
     |-- 10.0.2.0
        /24 host LOCAL
"
    );
}
