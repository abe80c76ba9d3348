//! Longest-prefix match, alone: the routing trie of Linux's
//! `net/ipv4/fib_trie.c`, in the kernel's exact shape.
//!
//! - [`LcTrie`]: the trie. Its answers are those of any longest-prefix match;
//!   its shape is the kernel's for the same history of changes, so that
//!   `/proc/net/fib_trie` and `/proc/net/fib_triestat` can be printed byte for byte.
//! - [`Linear`]: the same answers in the most obvious way, as a reference.
//!
//! Not here: what makes two routes equal, where a new one belongs among its
//! equals, whether a route is acceptable for a packet, next hops, tables,
//! rules. A route is whatever the caller likes, if it tells its prefix length
//! ([`Alias`]). IPv4 and IPv6 alike, though Linux itself keeps IPv6 routes in
//! another structure.
//!
//! ```
//! use fingerpost_fib::{Alias, LcTrie};
//! use std::net::Ipv4Addr;
//!
//! struct Route { len: u8, via: &'static str }
//! impl Alias for Route {
//!     fn prefix_len(&self) -> u8 { self.len }
//! }
//!
//! let mut trie = LcTrie::new();
//! trie.insert(Ipv4Addr::new(0, 0, 0, 0), 0, Route { len: 0, via: "uplink" });
//! trie.insert(Ipv4Addr::new(10, 0, 0, 0), 0, Route { len: 8, via: "office" });
//! // The same address bits, another length: the same leaf, longer ones first.
//! trie.insert(Ipv4Addr::new(10, 0, 0, 0), 0, Route { len: 24, via: "lab" });
//!
//! // All matches, the longest first: a caller may refuse one and go on.
//! let vias = |addr| trie.matches(addr).map(|(_, r)| r.via).collect::<Vec<_>>();
//! assert_eq!(vias(Ipv4Addr::new(10, 0, 0, 7)), ["lab", "office", "uplink"]);
//! assert_eq!(vias(Ipv4Addr::new(10, 9, 9, 9)), ["office", "uplink"]);
//! ```
//!
//! # The LC-trie
//!
//! A binary trie decides one address bit a step: up to 32 steps, most of them
//! through nodes with only one way on. An LC-trie takes two kinds of shortcut.
//!
//! *Path compression.* A stretch of bits on which all routes below agree is
//! skipped. Nothing tests those bits on the way down; a node remembers its
//! whole key instead, so that one comparison finds out afterwards.
//!
//! *Level compression.* Where the trie is dense, several levels become one
//! node with an array of 2^`bits` children, indexed by that many address bits
//! at once. A node therefore has a place, `pos`, the number of bits below its
//! index, and a width, `bits`:
//!
//! ```text
//! 10.0.0.0/22, 3 bits wide      00001010 00000000 000000 000 0000000
//!                               '------- key ----------' '+' '-pos-'
//!                                                       bits
//!   slot 0   10.0.0.0           a leaf: /24, /8
//!   slot 1   nothing
//!   slot 2   10.0.1.0           a leaf: /24
//!   slot 3   10.0.1.128/31      an inner node that skips six bits
//!   slot 4 to 7  nothing
//! ```
//!
//! **Leaves.** Prefixes with the same address bits share a leaf whatever their
//! lengths: 10.0.0.0/8 and 10.0.0.0/24 do, and so do routes that differ in
//! tos, metric or (while two tables share a trie) table. In the leaf they form
//! a list, longer prefixes first (C-010).
//!
//! **Searching** ([`LcTrie::matches`]) goes down by the address's bits to a
//! leaf, an empty slot or a node whose skipped bits differ. If that leaf is it,
//! the longest prefix is found. Otherwise a shorter prefix is wanted, that is
//! one with more zero bits at the end: the walk goes back up, and in each node
//! clears the lowest set bit of the slot number it came by, looks there for a
//! leaf (at the first slots all the way down), and goes up once the number is
//! zero. To save steps, every node knows the longest suffix (width minus
//! prefix length) below it, `slen`: where it is no more than `pos`, all
//! prefixes below reach past the node's index, and none can match by cutting bits.
//!
//! **Changing** puts in or takes out one leaf, and then visits the nodes from
//! there to the root (C-021). Let *used* be the number of children that are
//! not empty, and *full* the number of those that are inner nodes directly
//! below, with no bit skipped. A node of `n` children
//!
//! - doubles while 50 · (used + full) ≥ 50 · n (30 · n for the root): when,
//!   once doubled, at least half (three tenths) of its slots would be used;
//! - else halves while 100 · used < 25 · n (15 · n for the root);
//! - then, if fewer than two children are used, gives way to its only child.
//!
//! At most ten doublings or halvings are made in one visit. Doubling splits
//! the full children in two, halving puts a new two-child node above each pair
//! of neighbours; the children of a new node are then visited in their turn.
//! Between the two thresholds nothing happens, hence the shape remembers: 32
//! neighbouring /24s of which 23 are deleted again leave another trie than the
//! nine that remain, added directly. [`LcTrie::flush`] removes many at once,
//! visits nodes in another order, and gives yet another.
//!
//! # Cost
//!
//! Inner nodes are blocks in one array of 32-bit words, leaves lie in another,
//! and references are 32-bit numbers: a full Internet table of 900,000 IPv4
//! routes with 16 bytes each takes about 50 MB, builds in about half a second,
//! and copies in about 20 ms ([`Clone`]). The first match costs two or three
//! dependent steps, a hundred to some hundred nanoseconds, and no allocation.

#![no_std]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

pub mod linear;
mod table;
pub mod trie;

pub use fingerpost_net::{Ip, Prefix, PrefixError};
pub use linear::Linear;
#[cfg(feature = "ipnet")]
pub use table::IpNet;
pub use table::{Backend, Level, NONE, Table};
#[cfg(feature = "std")]
pub use table::{Guard, Reader, Snapshot, Writer};
pub use trie::{AliasText, LcTrie, Leaves, Matches, TrieStats};

/// One route as the trie sees it: an entry in the list of a leaf.
///
/// The kernel's `fib_alias`. What else belongs to the route (table id, dscp,
/// priority, type, where its next hops are) is the caller's.
pub trait Alias {
    /// The length of the prefix in bits. Must not change while the alias is in
    /// a trie, and must not exceed the address width.
    fn prefix_len(&self) -> u8;
}
