//! The structures of this process, one adapter a file.

mod bart;
mod fingerpost;
mod lc_trie;
mod linear;
mod poptrie;
mod prefix_trie;
mod treebitmap;

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};

use fingerpost_net::Ip;
use ip_network_table_deps_treebitmap::address::Address;

use super::subject::{Subject, in_process};
use fingerpost::{Best, Dir24, Portable, Published};

/// An address with the forms that the crates under measurement want.
pub trait Native: Ip + Address {
    /// As a number.
    type Bits: ::poptrie::Address;
    /// With a length, as a prefix.
    type Key: ::poptrie::Prefix<ADDRESS = Self::Bits> + ::prefix_trie::Prefix + Copy;

    /// As a number.
    fn bits(self) -> Self::Bits;
    /// With a length.
    fn key(self, len: u8) -> Self::Key;

    /// Our second form, where this family has it.
    fn dir24() -> Option<Box<dyn Subject<Self>>>;
}

impl Native for Ipv4Addr {
    type Bits = u32;
    type Key = (u32, u8);

    fn bits(self) -> u32 {
        self.to_bits()
    }
    fn key(self, len: u8) -> (u32, u8) {
        (self.to_bits(), len)
    }
    fn dir24() -> Option<Box<dyn Subject<Self>>> {
        Some(in_process::<Self, Published<Self, Dir24>>())
    }
}

impl Native for Ipv6Addr {
    type Bits = u128;
    type Key = (u128, u8);

    fn bits(self) -> u128 {
        self.to_bits()
    }
    fn key(self, len: u8) -> (u128, u8) {
        (self.to_bits(), len)
    }
    fn dir24() -> Option<Box<dyn Subject<Self>>> {
        None
    }
}

/// Names in the order in which they are measured when nothing else is said.
pub const DEFAULT: [&str; 7] =
    ["fingerpost", "fingerpost-dir24", "lc-trie", "prefix-trie", "ts_bart", "treebitmap", "poptrie"];
/// Those that are measured when they are named.
pub const OTHERS: [&str; 2] = ["fingerpost-portable", LINEAR];
/// Those whose instructions are counted.
pub const OWN: [&str; 4] = ["fingerpost", "fingerpost-portable", "fingerpost-dir24", "lc-trie"];
/// Only for small tables.
pub const LINEAR: &str = "linear";

/// The structure of this name, not built yet.
///
/// # Errors
///
/// There is no such structure, or not of this family.
pub fn named<I: Native>(name: &str) -> io::Result<Box<dyn Subject<I>>> {
    Ok(match name {
        "fingerpost" => in_process::<I, Published<I, Best>>(),
        "fingerpost-portable" => in_process::<I, Published<I, Portable>>(),
        "fingerpost-dir24" => I::dir24().ok_or_else(|| io::Error::other("it is for IPv4 alone"))?,
        "lc-trie" => in_process::<I, lc_trie::Trie<I>>(),
        LINEAR => in_process::<I, linear::List<I>>(),
        "prefix-trie" => in_process::<I, prefix_trie::Map<I>>(),
        "ts_bart" => in_process::<I, bart::Bart>(),
        "treebitmap" => in_process::<I, treebitmap::Table<I>>(),
        "poptrie" => in_process::<I, poptrie::Trie<I>>(),
        _ => return Err(io::Error::other("there is no such structure")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fib::oracle::Oracle;
    use crate::fib::structure::{Change, Limit, Mode, Structure, answers, pass, plain_sum};
    use crate::fib::updates::{after, churn};
    use crate::table::{Hostile, Route, hostile, synthetic};
    use std::time::Duration;

    /// Every answer, also after changes, and the timed passes' sums.
    fn agrees<I: Ip, S: Structure<I>>(routes: &[Route<I>]) {
        let limit = Limit::of(Duration::from_secs(60));
        let mut structure = S::build(routes, &limit).expect("is quick");
        let keys = crate::fib::keys::draw(crate::fib::Keys::InPrefix, routes, 2000, 1);
        let expected = Oracle::new(routes).hops(routes, &keys);
        for mode in Mode::ALL {
            assert_eq!(answers(&structure, mode, &keys, 64), expected, "{}, {mode:?}", S::NAME);
            let sum = pass(&structure, mode, &keys, 64).sum;
            assert_eq!(sum, plain_sum(&expected, S::NO_MATCH), "{}, {mode:?}", S::NAME);
        }
        let changes = churn(routes, 500, 9);
        for batch in changes.chunks(7) {
            structure.apply(batch);
        }
        let default = Change { prefix: fingerpost_net::Prefix::DEFAULT, hop: Some(77) };
        structure.apply(&[default]);
        let mut after = after(routes, &changes);
        after.push(Route { prefix: default.prefix, hop: 77 });
        after.sort();
        let expected = Oracle::new(&after).hops(&after, &keys);
        assert_eq!(answers(&structure, Mode::Independent, &keys, 64), expected, "{}, changed", S::NAME);
    }

    fn all_agree<I: Native>(routes: &[Route<I>]) {
        agrees::<I, Published<I, Best>>(routes);
        agrees::<I, Published<I, Portable>>(routes);
        agrees::<I, lc_trie::Trie<I>>(routes);
        agrees::<I, linear::List<I>>(routes);
        agrees::<I, prefix_trie::Map<I>>(routes);
        agrees::<I, bart::Bart>(routes);
        agrees::<I, treebitmap::Table<I>>(routes);
        agrees::<I, poptrie::Trie<I>>(routes);
    }

    #[test]
    fn answers_are_the_oracles() {
        all_agree(&synthetic::<Ipv4Addr>(1, 1500));
        all_agree(&synthetic::<Ipv6Addr>(1, 1500));
        all_agree(&hostile::<Ipv4Addr>(Hostile::Chains, 1, 300));
        all_agree(&hostile::<Ipv6Addr>(Hostile::Chains, 1, 300));
        agrees::<Ipv4Addr, Published<Ipv4Addr, Dir24>>(&synthetic(1, 1500));
        agrees::<Ipv4Addr, Published<Ipv4Addr, Dir24>>(&hostile(Hostile::Chains, 1, 300));
    }
}
