//! Which keys were met: captures are full of packets that fare alike.

/// How many pairs of keys are kept.
const PAIRS: usize = 1 << 10;
/// The longest key that is kept: what one packet brings about is not bounded.
const LONGEST: usize = 64;

/// Some keys, each with a place of its own where what is made of it can be kept.
pub(super) struct Memo<K> {
    /// A key stands in the pair that it is assigned; the one that was asked for last comes first.
    pairs: Vec<[(Vec<K>, u32); 2]>,
    /// When keys are as good as the same.
    is_alike: fn(&K, &K) -> bool,
}

/// Where what is made of a key is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The place; there are [`PLACES`].
    pub at: u32,
    /// Whether it is to be made now: what was kept there was made of another key.
    pub is_new: bool,
}

/// The place of keys that are too long to be kept: what is made of them is always new.
const PASSING: u32 = 2 * PAIRS as u32;
/// How many places there are.
pub(super) const PLACES: usize = PASSING as usize + 1;

impl<K: Clone> Memo<K> {
    /// Knows no key.
    pub fn new(is_alike: fn(&K, &K) -> bool) -> Memo<K> {
        let pair = |n| [(Vec::new(), 2 * n), (Vec::new(), 2 * n + 1)];
        Memo { pairs: (0..PAIRS as u32).map(pair).collect(), is_alike }
    }

    /// The place of a key that is not empty, whose numbers are mixed so.
    pub fn place(&mut self, key: &[K], mixed: Mixed) -> Place {
        if key.len() > LONGEST {
            return Place { at: PASSING, is_new: true };
        }
        let is_alike = |known: &[K]| {
            known.len() == key.len() && known.iter().zip(key).all(|(a, b)| (self.is_alike)(a, b))
        };
        let pair = &mut self.pairs[(mixed.0 >> (u64::BITS - PAIRS.ilog2())) as usize];
        let mut is_new = false;
        if !is_alike(&pair[0].0) {
            // What was asked for before the last makes room.
            pair.swap(0, 1);
            if !is_alike(&pair[0].0) {
                pair[0].0.clear();
                pair[0].0.extend_from_slice(key);
                is_new = true;
            }
        }
        Place { at: pair[0].1, is_new }
    }

    /// Forgets all keys.
    pub fn clear(&mut self) {
        self.pairs.iter_mut().flatten().for_each(|(key, _)| key.clear());
    }
}

/// Numbers of a key, mixed into one.
#[derive(Clone, Copy, Default)]
pub(super) struct Mixed(u64);

impl Mixed {
    pub fn mix(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(5) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks for the places of keys in this order: how many were new. What is kept there is of its key.
    fn made(memo: &mut Memo<u64>, kept: &mut [[u64; 2]; PLACES], keys: &[[u64; 2]]) -> usize {
        let mut made = 0;
        for key in keys {
            // All share one pair.
            let mut mixed = Mixed::default();
            mixed.mix(key[0]);
            let place = memo.place(key, mixed);
            if place.is_new {
                made += 1;
                kept[place.at as usize] = *key;
            }
            assert_eq!(kept[place.at as usize], *key);
        }
        made
    }

    #[test]
    fn two_keys_of_one_pair_are_both_kept() {
        let (mut memo, mut kept) = (Memo::new(u64::eq), [[0; 2]; PLACES]);
        let [a, b, c] = [[7, 1], [7, 2], [7, 3]];
        assert_eq!(made(&mut memo, &mut kept, &[a, b, a, b, b, a]), 2);
        // The third takes the place of the one that was not used lately.
        assert_eq!(made(&mut memo, &mut kept, &[c, a, c, a]), 1);
        assert_eq!(made(&mut memo, &mut kept, &[b]), 1);
        memo.clear();
        assert_eq!(made(&mut memo, &mut kept, &[b, a]), 2);
    }

    #[test]
    fn keys_that_are_alike_are_one() {
        let mut memo = Memo::new(|a: &u64, b: &u64| a % 10 == b % 10);
        let mut is_new = |key: u64| memo.place(&[key], Mixed::default()).is_new;
        assert_eq!([is_new(17), is_new(27), is_new(18), is_new(7)], [true, false, true, false]);
    }

    #[test]
    fn what_is_too_long_is_not_kept() {
        let mut memo = Memo::new(u64::eq);
        let mut made =
            |len: usize| (0..2).filter(|_| memo.place(&vec![9; len], Mixed::default()).is_new).count();
        assert_eq!([made(LONGEST), made(LONGEST + 1)], [1, 2]);
    }
}
