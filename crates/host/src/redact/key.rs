//! A keyed hash: SipHash-2-4, which without its key nobody can tell from chance.

use fingerpost_net::Rng;

/// The key of a redaction. Equal keys give equal replacements.
#[derive(Clone)]
pub struct Key([u64; 2]);

impl Key {
    /// A key from 16 bytes, which should be random and be kept, if at all, in secret.
    pub fn new(bytes: [u8; 16]) -> Self {
        let number = u128::from_le_bytes(bytes);
        Key([number as u64, (number >> 64) as u64])
    }

    /// A key from a number. Who knows that it is a small one can try them all.
    pub fn from_seed(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        Key([rng.next_u64(), rng.next_u64()])
    }

    /// A key that the operating system's random source decides.
    pub fn random() -> Self {
        use std::hash::{BuildHasher, Hasher, RandomState};
        let number = || RandomState::new().build_hasher().finish();
        Key([number(), number()])
    }

    /// The hash of some bytes.
    pub(super) fn hash(&self, bytes: &[u8]) -> u64 {
        let [k0, k1] = self.0;
        let mut v = [
            k0 ^ 0x736f_6d65_7073_6575,
            k1 ^ 0x646f_7261_6e64_6f6d,
            k0 ^ 0x6c79_6765_6e65_7261,
            k1 ^ 0x7465_6462_7974_6573,
        ];
        let (words, rest) = bytes.as_chunks::<8>();
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        last[7] = bytes.len() as u8;
        for word in words.iter().chain([&last]) {
            let word = u64::from_le_bytes(*word);
            v[3] ^= word;
            round(&mut v);
            round(&mut v);
            v[0] ^= word;
        }
        v[2] ^= 0xff;
        (0..4).for_each(|_| round(&mut v));
        v[0] ^ v[1] ^ v[2] ^ v[3]
    }
}

fn round(v: &mut [u64; 4]) {
    v[0] = v[0].wrapping_add(v[1]);
    v[1] = v[1].rotate_left(13) ^ v[0];
    v[0] = v[0].rotate_left(32);
    v[2] = v[2].wrapping_add(v[3]);
    v[3] = v[3].rotate_left(16) ^ v[2];
    v[0] = v[0].wrapping_add(v[3]);
    v[3] = v[3].rotate_left(21) ^ v[0];
    v[2] = v[2].wrapping_add(v[1]);
    v[1] = v[1].rotate_left(17) ^ v[2];
    v[2] = v[2].rotate_left(32);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_keys_differ() {
        assert_ne!(Key::random().hash(b"x"), Key::random().hash(b"x"));
        assert_eq!(Key::from_seed(4).hash(b"x"), Key::from_seed(4).hash(b"x"));
    }

    #[test]
    fn it_is_siphash_2_4() {
        // The test vector of the algorithm's paper: key 00..0f, message 00..0e.
        let key = Key::new(std::array::from_fn(|i| i as u8));
        let message: Vec<u8> = (0..15).collect();
        assert_eq!(key.hash(&message), 0xa129_ca61_49be_45e5);
        assert_eq!(key.hash(&[]), 0x726f_db47_dd0e_0e31);
    }
}
