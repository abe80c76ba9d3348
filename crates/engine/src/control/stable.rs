//! Addresses made of a secret (RFC 7217, `ipv6_generate_stable_address`), and
//! where secrets are kept.

use std::net::Ipv6Addr;

use crate::config::Config;

/// How a secret is shown, which is also how it is kept (`%pI6`).
pub fn shown(secret: Ipv6Addr) -> String {
    secret.segments().map(|part| format!("{part:04x}")).join(":")
}

/// The key of a secret among the settings kept as text; `place` is a device or `default`.
pub fn key(place: &str) -> String {
    format!("ipv6/conf/{place}/stable_secret")
}

/// The secret of a device or of new ones, if one was set.
pub fn secret(config: &Config, place: &str) -> Option<Ipv6Addr> {
    config.sysctl.other.get(&key(place))?.parse().ok()
}

/// The secret that counts for a device: its own or, without one, that of new devices.
pub fn secret_for(config: &Config, dev: u32) -> Option<Ipv6Addr> {
    let own = config.links.get(dev).and_then(|link| secret(config, link.name()));
    own.or_else(|| secret(config, "default"))
}

/// The interface identifier in a prefix, for a device without permanent
/// hardware address and an address that nobody else has.
pub fn interface_id(secret: Ipv6Addr, prefix: Ipv6Addr) -> u64 {
    // Secret, prefix, hardware address, count of collisions; no more of SHA-1's padding than zeros.
    let mut block = [0; 64];
    block[..16].copy_from_slice(&secret.octets());
    block[16..24].copy_from_slice(&prefix.octets()[..8]);
    let [first, second, ..] = sha1_block(&block);
    // The words stay in the machine's order.
    let [first, second] = [first, second].map(|word| u64::from(u32::from_be_bytes(word.to_ne_bytes())));
    first << 32 | second
}

/// SHA-1 of one block, without padding (FIPS 180-4, 6.1.2).
fn sha1_block(block: &[u8; 64]) -> [u32; 5] {
    let mut words = [0u32; 80];
    for (word, bytes) in words.iter_mut().zip(block.chunks_exact(4)) {
        *word = bytes.iter().fold(0, |sum, &byte| sum << 8 | u32::from(byte));
    }
    for t in 16..80 {
        words[t] = (words[t - 3] ^ words[t - 8] ^ words[t - 14] ^ words[t - 16]).rotate_left(1);
    }
    let start = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0u32];
    let [mut a, mut b, mut c, mut d, mut e] = start;
    for (t, word) in words.into_iter().enumerate() {
        let (f, k) = match t {
            0..20 => ((b & c) | (!b & d), 0x5a82_7999),
            20..40 => (b ^ c ^ d, 0x6ed9_eba1),
            40..60 => ((b & c) | (b & d) | (c & d), 0x8f1b_bcdc),
            _ => (b ^ c ^ d, 0xca62_c1d6u32),
        };
        let next = a.rotate_left(5).wrapping_add(f).wrapping_add(e).wrapping_add(k).wrapping_add(word);
        (e, d, c, b, a) = (d, c, b.rotate_left(30), a, next);
    }
    let end = [a, b, c, d, e];
    std::array::from_fn(|i| start[i].wrapping_add(end[i]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sha1_of_a_known_block() {
        // "abc" with its padding (FIPS 180-4, the published example).
        let mut block = [0; 64];
        block[..4].copy_from_slice(b"abc\x80");
        block[63] = 24;
        assert_eq!(sha1_block(&block), [0xa999_3e36, 0x4706_816a, 0xba3e_2571, 0x7850_c26c, 0x9cd0_d89d]);
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn identifiers_are_those_of_linux() {
        let [secret, prefix] = ["2001:db8::6", "fe80::"].map(|text| text.parse().expect("an address"));
        assert_eq!(interface_id(secret, prefix), 0x1579_9546_0d00_2571);
        assert_eq!(shown(secret), "2001:0db8:0000:0000:0000:0000:0000:0006");
    }
}
