//! The structures of this process, one adapter a file.

mod bart;
mod fingerpost;
mod lc_trie;
mod linear;
mod poptrie;
mod prefix_trie;
mod treebitmap;

use std::net::{Ipv4Addr, Ipv6Addr};

use fingerpost_net::Ip;
use ip_network_table_deps_treebitmap::address::Address;

use super::subject::{Subject, in_process};

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
}

/// Names in the order in which they are measured when nothing else is said.
pub const DEFAULT: [&str; 6] = ["fingerpost", "lc-trie", "prefix-trie", "ts_bart", "treebitmap", "poptrie"];
/// Those whose instructions are counted.
pub const OWN: [&str; 2] = ["fingerpost", "lc-trie"];
/// Those that are only for small tables.
pub const SMALL: [&str; 1] = ["linear"];

/// The structure of this name, not built yet.
pub fn named<I: Native>(name: &str) -> Option<Box<dyn Subject<I>>> {
    Some(match name {
        "fingerpost" => in_process::<I, fingerpost::Published<I>>(),
        "lc-trie" => in_process::<I, lc_trie::Trie<I>>(),
        "linear" => in_process::<I, linear::List<I>>(),
        "prefix-trie" => in_process::<I, prefix_trie::Map<I>>(),
        "ts_bart" => in_process::<I, bart::Bart>(),
        "treebitmap" => in_process::<I, treebitmap::Table<I>>(),
        "poptrie" => in_process::<I, poptrie::Trie<I>>(),
        _ => return None,
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
        agrees::<I, fingerpost::Published<I>>(routes);
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
    }
}
