//! What was made of keys: captures are full of packets that fare alike.

/// How many pairs are kept.
const PAIRS: usize = 1 << 10;
/// The longest key that is kept: what one packet brings about is not bounded.
const LONGEST: usize = 64;

/// Some keys with what was made of them, each in the pair that it is assigned.
pub(super) struct Memo<K, V> {
    /// The one that was asked for last comes first.
    pairs: Vec<[(Vec<K>, V); 2]>,
    /// When keys are as good as the same.
    is_alike: fn(&K, &K) -> bool,
    /// What is made of an empty key.
    of_nothing: V,
    /// What was made of a key that is too long to be kept.
    passing: V,
}

impl<K: Clone, V: Clone + Default> Memo<K, V> {
    /// Knows an empty key alone.
    pub fn new(of_nothing: V, is_alike: fn(&K, &K) -> bool) -> Memo<K, V> {
        let empty = || [(Vec::new(), V::default()), (Vec::new(), V::default())];
        let pairs = std::iter::repeat_with(empty).take(PAIRS).collect();
        Memo { pairs, is_alike, of_nothing, passing: V::default() }
    }

    /// What is made of a key, whose numbers are mixed so, or was made of one like it.
    ///
    /// # Errors
    ///
    /// It cannot be made.
    pub fn get<E>(&mut self, key: &[K], mixed: Mixed, make: impl FnOnce() -> Result<V, E>) -> Result<&V, E> {
        if key.is_empty() {
            return Ok(&self.of_nothing);
        }
        if key.len() > LONGEST {
            self.passing = make()?;
            return Ok(&self.passing);
        }
        let is_alike = |known: &[K]| {
            known.len() == key.len() && known.iter().zip(key).all(|(a, b)| (self.is_alike)(a, b))
        };
        let pair = &mut self.pairs[(mixed.0 >> (u64::BITS - PAIRS.ilog2())) as usize];
        if !is_alike(&pair[0].0) {
            // What was asked for before the last makes room.
            pair.swap(0, 1);
            let [(known, made), _] = &mut *pair;
            if !is_alike(known) {
                known.clear();
                *made = make()?;
                known.extend_from_slice(key);
            }
        }
        Ok(&pair[0].1)
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
    use std::convert::Infallible;

    use super::*;

    /// Asks for the texts of keys in this order; how many had to be made.
    fn made(memo: &mut Memo<u64, String>, keys: &[[u64; 2]]) -> usize {
        let mut made = 0;
        for key in keys {
            // All share one pair.
            let mut mixed = Mixed::default();
            mixed.mix(key[0]);
            let text = memo.get::<Infallible>(key, mixed, || {
                made += 1;
                Ok(format!("{key:?}"))
            });
            assert_eq!(text, Ok(&format!("{key:?}")));
        }
        made
    }

    #[test]
    fn two_keys_of_one_pair_are_both_kept() {
        let mut memo = Memo::new("nothing".into(), u64::eq);
        let [a, b, c] = [[7, 1], [7, 2], [7, 3]];
        assert_eq!(made(&mut memo, &[a, b, a, b, b, a]), 2);
        // The third takes the place of the one that was not used lately.
        assert_eq!(made(&mut memo, &[c, a, c, a]), 1);
        assert_eq!(made(&mut memo, &[b]), 1);
        let unmixed = Mixed::default();
        assert_eq!(memo.get(&[], unmixed, || Err(())), Ok(&"nothing".into()));
    }

    #[test]
    fn keys_that_are_alike_are_one() {
        let mut memo = Memo::new(0, |a: &u64, b: &u64| a % 10 == b % 10);
        let mut get = |key: u64| memo.get::<Infallible>(&[key], Mixed::default(), || Ok(key)).copied();
        assert_eq!([get(17), get(27), get(18), get(7)], [Ok(17), Ok(17), Ok(18), Ok(17)]);
    }

    #[test]
    fn what_is_too_long_is_not_kept() {
        let mut memo = Memo::new(0, u64::eq);
        let mut made = 0;
        for (len, times) in [(LONGEST, 1), (LONGEST + 1, 3)] {
            for _ in 0..2 {
                let of_key = memo.get::<Infallible>(&vec![9; len], Mixed::default(), || {
                    made += 1;
                    Ok(len)
                });
                assert_eq!(of_key, Ok(&len));
            }
            assert_eq!(made, times);
        }
    }
}
