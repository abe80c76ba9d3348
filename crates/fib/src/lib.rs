//! Longest-prefix match, alone.
//!
//! - [`Table`]: routes, and a form compiled from them in which the longest match
//!   takes a few nanoseconds and a full Internet table a few bytes a route.
//!   [`Writer`] and [`Reader`]: the same with one thread changing routes and any
//!   number looking up, none waiting for another.
//! - [`LcTrie`]: the routing trie of Linux's `net/ipv4/fib_trie.c` in the kernel's
//!   exact shape, so that `/proc/net/fib_trie` can be printed byte for byte.
//! - [`Linear`]: the same answers in the most obvious way, as a reference.
//!
//! IPv4 and IPv6 alike. Not here: what makes two routes equal, whether a route is
//! acceptable for a packet, next hops, tables, rules. In a [`Table`] a route's
//! value is a number, usually an index of a next hop; in an [`LcTrie`] it is
//! whatever the caller likes, if it tells its prefix length ([`Alias`]).
//!
//! ```
//! use fingerpost_fib::{NONE, Prefix, Table};
//! use std::net::Ipv4Addr;
//!
//! let mut table = Table::from_routes([
//!     ("0.0.0.0/0".parse()?, 0),
//!     ("10.0.0.0/8".parse()?, 1),
//!     ("10.1.0.0/16".parse()?, 2),
//! ]);
//! let addr = Ipv4Addr::new(10, 1, 2, 3);
//! assert_eq!(table.lookup(addr), Some(2));
//!
//! // The way to many answers: addresses looked up together.
//! let mut values = [0; 2];
//! table.lookup_batch(&[addr, Ipv4Addr::new(10, 9, 9, 9)], &mut values);
//! assert_eq!(values, [2, 1]);
//!
//! // All matches, longest first: a caller may refuse one and go on.
//! let matches: Vec<_> = table.matches(addr).map(|(prefix, _)| prefix.len()).collect();
//! assert_eq!(matches, [16, 8, 0]);
//!
//! table.insert("10.1.2.0/24".parse()?, 3);
//! assert_eq!(table.longest_match(addr), Some(("10.1.2.0/24".parse()?, 3)));
//! assert_eq!(table.remove("10.1.0.0/16".parse()?), Some(2));
//! # Ok::<(), fingerpost_fib::PrefixError>(())
//! ```
//!
//! # How the compiled table works
//!
//! A lookup costs what its cache misses cost: on a current server a load from
//! the second-level cache takes some 8 ns if the next step waits for it, one
//! from beyond it over 100. So the table is made to need few steps, and to be
//! small enough for that cache.
//!
//! **Answers by range.** For a lookup it does not matter which prefixes there
//! are, only which answer holds where. Sixty-four neighbouring slots of a table
//! with the default route A and three more-specifics need not 64 answers, nor
//! three prefixes, but a list of *runs*, and one bit for each slot that says
//! whether a new run begins:
//!
//! ```text
//! slot     0 1 2 3 4 5 6 7 8 9 …
//! answer   A A A B B A A C A A …
//! starts   0 0 0 1 0 1 0 1 1 0 …     the first run needs no bit
//! runs     A B A C A
//! ```
//!
//! The answer of slot 6 is the run whose number is the count of ones up to bit 6:
//! two ones, hence run 2, hence A. Counting ones is one instruction.
//!
//! **Blocks.** Such a list is a *block*: a word of 64 bits and then the runs,
//! side by side, so that both are usually on one cache line. There are three
//! kinds. A *leaf* holds answers, one byte each while there are few distinct
//! ones. An *inner* block holds entries of four bytes, since some of its slots
//! lead to further blocks. A *skip* block compares up to 63 bits at once,
//! where only one way leads on, so that a lone host route needs no chain.
//!
//! **Pages.** The first 18 bits of an IPv4 address (24 of IPv6) are not searched
//! but index an array of entries. It is cut into pages that a small directory
//! refers to: pages with one and the same answer everywhere exist once, and a
//! change copies one page.
//!
//! ```text
//! 203.0.113.77      11001011 0|0000000 01|110001 01001101
//!                   '-- 9 --' '-- 9 ---' '- 6 -'
//!                  directory    page      leaf
//!
//!   directory        page              leaf at word 4711
//!   ┌─────┐          ┌──────────┐      ┌────────────────┬───┬───┬───┐
//!   │  …  │      ┌──▶│    …     │  ┌──▶│ starts 0…010010│ A │ B │ A │
//!   │ 406 ├──────┘   │ 1: leaf ─┼──┘   └────────────────┴───┴───┴───┘
//!   │  …  │          │ 2: = C   │       slot 49: 2 ones up to here: run 2
//!   └─────┘          └──────────┘
//! ```
//!
//! Of a full table's IPv4 addresses all but one in some hundreds end here: a
//! directory of 2 KB, a page, a leaf. IPv6 goes on from 24 bits in steps of six.
//!
//! **The default route** is no range at all but the answer where there is none:
//! it can change without touching anything.
//!
//! **Batches.** [`Table::lookup_batch`] takes 32 addresses at once through these
//! steps, with AVX-512 or AVX2 where the machine has it ([`Level`]), so that their
//! cache misses overlap. The answers are the same.
//!
//! **Changes.** Besides the compiled form a table keeps its routes, in a trie of
//! the same stride of six bits, so that a node there and a block here stand for
//! the same slots. A change is made in the trie; then the blocks on the way are
//! compiled anew, and of those below it the ones that inherit from the changed
//! prefix.
//!
//! **Versions.** Readers see a directory and what it refers to. What a published
//! version refers to is never written; changes go to new blocks and pages, in
//! place while unpublished. Publishing is one store of a pointer. A reader says
//! in a slot of its own which version it may be using, so that the writer knows
//! what it can use again; see [`Writer`].
//!
//! # The other form
//!
//! [`Backend::Dir24`] (IPv4 only) is DIR-24-8: an entry for each /24, 32 MB. One
//! load answers nearly every address, which is unbeaten while the entries in use
//! stay in the cache, as with traffic to few destinations, and costs one miss of
//! every cache for each address otherwise. Each /24 with longer prefixes takes
//! 1 KB more (half while there are few), so that 4 million of them are too many.
//!
//! # Cost
//!
//! *n* routes; *w* = 32 or 128 address bits; *s* the slots that a prefix covers
//! at its level, at most 64, and for prefixes shorter than 18 bits (24 of IPv6)
//! 2^(18 − length) entries.
//!
//! | operation | steps |
//! | --- | --- |
//! | [`lookup`](Table::lookup) | 3 dependent loads (IPv4, nearly always); at most 2 + 2·(*w* − 18)/6 |
//! | [`get`](Table::get), [`longest_match`](Table::longest_match) | *w*/6 nodes |
//! | [`matches`](Table::matches) | *w*/6 nodes and the matches |
//! | [`insert`](Table::insert), [`remove`](Table::remove) | *w*/6 nodes and blocks, *s* slots, and the blocks below that inherit; in a [`Writer`] a page copied once a publication |
//! | [`from_routes`](Table::from_routes) | *n*, sorting if need be |
//! | [`publish`](Writer::publish) | the directory: 2 KB, IPv6 64 KB; and what was replaced |
//! | [`snapshot`](Writer::snapshot) | a byte for each word of the form; later what changes replace |
//!
//! A table of January 2024, 901,899 IPv4 and 160,147 IPv6 prefixes, with next hops
//! that neighbours share (254 of them) or that are random for each prefix:
//!
//! | | for lookups | with the routes |
//! | --- | --- | --- |
//! | IPv4, shared | 1.8 MB | 9.7 MB |
//! | IPv4, random | 2.7 MB | 11.9 MB |
//! | IPv6, shared | 1.1 MB | 6.0 MB |
//! | IPv6, random | 1.6 MB | 6.1 MB |
//!
//! Values are written with one byte while there are at most 255 distinct ones or
//! all are below 255, with two up to 65,535, else with four; when they become too
//! many, everything is compiled once more.
//!
//! # Hard tables
//!
//! A route costs no more than a chain of blocks down to it, and a change no more
//! than the blocks that inherit from its prefix. These bounds hold for 5 million
//! routes of mixed lengths, host routes alone (5 million at random, 1 million in
//! one /8, under one /64, or side by side) and chains of prefixes of every length;
//! the figures are of a 2023 server, with 250 values.
//!
//! | | bound | IPv4 | IPv6 |
//! | --- | --- | --- | --- |
//! | memory, IPv4 routes near each other or nested, hosts side by side | 60 bytes each | 11–23 | 22 |
//! | memory, all others | 160 bytes each | 75–88 | 83–112 |
//! | memory after any changes | three times that | 2.1 | 2.2 |
//! | a change of one route, published with some hundred others | 20 µs | 2–3 µs | 2–9 µs |
//! | a change of the default route, published alone | 100 µs | 0.5–2 µs | 2–7 µs |
//! | a change of a prefix above *n* routes | *n* µs | 0.02–0.3 *n* | 0.06–0.5 *n* |
//!
//! Memory after changes is more because blocks that readers may see are not
//! written again; once more is free than in use, everything is compiled anew.
//! A form holds at most 4 GiB, beyond which [`Table::insert`] panics: half a
//! billion words, where a route of these tables takes up to nine.
//!
//! # Features
//!
//! - `std` (default): vector instructions chosen at run time rather than when
//!   compiling; `Writer` and `Reader`. Without it the crate needs `alloc` alone.
//! - `huge-pages` (default): large tables in huge pages, on Linux.
//! - `serde`: a table as a sequence of routes.
//! - `ipnet`: conversions of its prefixes.
//!
//! # Unsafe code
//!
//! In three places, each use with its reason: gathers of the vector instructions,
//! whose indexes are clamped to the memory they read; the memory that holds the
//! form, aligned and in huge pages; and the pointer that publishes versions,
//! which is checked by a model checker (loom) and by Miri.

#![no_std]
// Without `std` there is no `Writer` for this page to link to.
#![cfg_attr(not(feature = "std"), allow(rustdoc::broken_intra_doc_links))]

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

/// The example of the README, so that it is compiled and run.
#[cfg(all(doctest, feature = "std"))]
#[doc = include_str!("../README.md")]
struct Readme;
