//! Texts by what they were made of: captures are full of packets that fare alike.

/// How many pairs of texts are kept.
const PAIRS: usize = 1 << 10;
/// The longest key whose text is kept: what one packet brings about is not bounded.
const LONGEST: usize = 64;

/// Some texts, each in the pair that its key gives it.
pub(super) struct Memo<K> {
    /// The one that was asked for last comes first.
    pairs: Vec<[(Vec<K>, Vec<u8>); 2]>,
    /// The text of an empty key.
    of_nothing: &'static [u8],
    /// The text of a key that is too long to be kept.
    passing: Vec<u8>,
}

impl<K: Clone + PartialEq> Memo<K> {
    /// Knows the text of an empty key alone.
    pub fn new(of_nothing: &'static [u8]) -> Memo<K> {
        Memo { pairs: vec![Default::default(); PAIRS], of_nothing, passing: Vec::new() }
    }

    /// The text of a key, whose numbers are mixed so; it is made where it is not known.
    ///
    /// # Errors
    ///
    /// It cannot be made.
    pub fn text<E>(
        &mut self,
        key: &[K],
        mixed: Mixed,
        make: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<&[u8], E> {
        if key.is_empty() {
            return Ok(self.of_nothing);
        }
        if key.len() > LONGEST {
            self.passing = Vec::new();
            make(&mut self.passing)?;
            return Ok(&self.passing);
        }
        let pair = &mut self.pairs[(mixed.0 >> (u64::BITS - PAIRS.ilog2())) as usize];
        if pair[0].0 != key {
            // What was asked for before the last makes room.
            pair.swap(0, 1);
        }
        let [(known, text), _] = pair;
        if known != key {
            known.clear();
            text.clear();
            make(text)?;
            known.extend_from_slice(key);
        }
        Ok(text)
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
    fn made(memo: &mut Memo<u64>, keys: &[[u64; 2]]) -> usize {
        let mut made = 0;
        for key in keys {
            // All share one pair.
            let mut mixed = Mixed::default();
            mixed.mix(key[0]);
            let text = memo.text::<Infallible>(key, mixed, |text| {
                made += 1;
                text.extend_from_slice(format!("{key:?}").as_bytes());
                Ok(())
            });
            assert_eq!(text.ok(), Some(format!("{key:?}").as_bytes()));
        }
        made
    }

    #[test]
    fn two_keys_of_one_pair_are_both_kept() {
        let mut memo = Memo::new(b"nothing");
        let [a, b, c] = [[7, 1], [7, 2], [7, 3]];
        assert_eq!(made(&mut memo, &[a, b, a, b, b, a]), 2);
        // The third takes the place of the one that was not used lately.
        assert_eq!(made(&mut memo, &[c, a, c, a]), 1);
        assert_eq!(made(&mut memo, &[b]), 1);
        let unmixed = Mixed::default();
        assert_eq!(memo.text(&[], unmixed, |_| Err(())), Ok(&b"nothing"[..]));
    }

    #[test]
    fn what_is_too_long_is_not_kept() {
        let mut memo = Memo::new(b"nothing");
        let mut made = 0;
        for (len, times) in [(LONGEST, 1), (LONGEST + 1, 3)] {
            for _ in 0..2 {
                let text = memo.text::<Infallible>(&vec![9; len], Mixed::default(), |text| {
                    made += 1;
                    text.push(len as u8);
                    Ok(())
                });
                assert_eq!(text, Ok(&[len as u8][..]));
            }
            assert_eq!(made, times);
        }
    }
}
