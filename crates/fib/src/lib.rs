//! Longest-prefix match.
#![no_std]

extern crate alloc;

pub mod linear;
pub mod trie;

pub use linear::Linear;
pub use trie::{AliasText, LcTrie, Matches, TrieStats};

/// One route as the trie sees it: an entry in the list of a leaf.
///
/// The kernel's `fib_alias`. What else belongs to the route (table id, dscp,
/// priority, type, where its next hops are) is the caller's.
pub trait Alias {
    /// The length of the prefix in bits. Must not change while the alias is in
    /// a trie, and must not exceed the address width.
    fn prefix_len(&self) -> u8;
}
