//! Interface identifiers that tell nothing of the device but stay the same on one
//! network (RFC 7217, `ipv6_generate_stable_address`): a hash of the prefix, the
//! device's permanent address and a secret.

use std::net::Ipv6Addr;

use crate::config::Config;

/// `net.ipv6.idgen_retries`.
const RETRIES: u8 = 3;

/// How a secret is shown, which is also how it is kept (`%pI6`).
pub fn shown(secret: Ipv6Addr) -> String {
    secret.segments().map(|part| format!("{part:04x}")).join(":")
}

/// The key of a secret among the settings kept as text; `place` is a device or `default`.
pub fn key(place: &str) -> String {
    format!("ipv6/conf/{place}/stable_secret")
}

/// The secret of a device, or of new ones (`default`), if one was written.
pub fn written(config: &Config, place: &str) -> Option<Ipv6Addr> {
    config.sysctl.other.get(&key(place))?.parse().ok()
}

/// The secret that counts for a device: its own, or that of `default`.
pub fn secret(config: &Config, device: &str) -> Option<Ipv6Addr> {
    written(config, device).or_else(|| written(config, "default"))
}

/// The identifier for a prefix, by its upper 64 bits; `None` when chance gives
/// reserved ones only. Of `permanent`, the device's permanent address, at most 32
/// bytes count; most virtual devices have none.
pub fn identifier(prefix: u64, permanent: &[u8], secret: Ipv6Addr) -> Option<u64> {
    (0..=RETRIES).map(|count| hashed(prefix, permanent, secret, count)).find(|&id| !is_reserved(id))
}

fn hashed(prefix: u64, permanent: &[u8], secret: Ipv6Addr, count: u8) -> u64 {
    let mut block = [0; 64];
    block[..16].copy_from_slice(&secret.octets());
    block[16..24].copy_from_slice(&prefix.to_be_bytes());
    let len = permanent.len().min(32);
    block[24..24 + len].copy_from_slice(&permanent[..len]);
    block[56] = count;
    let [first, second, ..] = compress(&block);
    // The words are taken as the processor has them in memory; here as x86 has.
    u64::from(first.swap_bytes()) << 32 | u64::from(second.swap_bytes())
}

/// Identifiers that stand for something else (RFC 5453).
fn is_reserved(id: u64) -> bool {
    id == 0 || id >> 25 == 0x0200_5eff_fe00_0000 >> 25 || id >> 7 == 0xfdff_ffff_ffff_ff80 >> 7
}

/// SHA-1 of one block, without the padding of a whole message (FIPS 180-4, 6.1.2).
fn compress(block: &[u8; 64]) -> [u32; 5] {
    const START: [u32; 5] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    let mut words = [0u32; 80];
    for (word, bytes) in words.iter_mut().zip(block.chunks_exact(4)) {
        *word = bytes.iter().fold(0, |word, &byte| word << 8 | u32::from(byte));
    }
    for n in 16..80 {
        words[n] = (words[n - 3] ^ words[n - 8] ^ words[n - 14] ^ words[n - 16]).rotate_left(1);
    }
    let [mut a, mut b, mut c, mut d, mut e] = START;
    for (n, word) in words.into_iter().enumerate() {
        let (mixed, constant) = match n / 20 {
            0 => (b & c | !b & d, 0x5a82_7999),
            1 => (b ^ c ^ d, 0x6ed9_eba1),
            2 => (b & c | b & d | c & d, 0x8f1b_bcdc),
            _ => (b ^ c ^ d, 0xca62_c1d6_u32),
        };
        let next =
            a.rotate_left(5).wrapping_add(mixed).wrapping_add(e).wrapping_add(constant).wrapping_add(word);
        (a, b, c, d, e) = (next, a, b.rotate_left(30), c, d);
    }
    let end = [a, b, c, d, e];
    std::array::from_fn(|n| START[n].wrapping_add(end[n]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK_LOCAL: u64 = 0xfe80 << 48;

    #[test]
    fn identifiers_are_those_that_linux_made() {
        let made = |secret: &str| identifier(LINK_LOCAL, &[], secret.parse().expect("an address"));
        assert_eq!(made("2001:db8::1"), Some(0x88cf_4891_a68c_e03f));
        assert_eq!(made("2001:db8::2"), Some(0x5932_ab44_7fea_2858));
    }

    #[test]
    fn the_hash_is_sha_1() {
        // The one block of the message "abc", padded.
        let mut block = [0; 64];
        block[..4].copy_from_slice(b"abc\x80");
        block[63] = 24;
        assert_eq!(compress(&block), [0xa999_3e36, 0x4706_816a, 0xba3e_2571, 0x7850_c26c, 0x9cd0_d89d]);
    }

    #[test]
    fn reserved_identifiers_are_passed_over() {
        assert!(is_reserved(0) && is_reserved(0x0200_5eff_fe00_1234) && is_reserved(0xfdff_ffff_ffff_ff80));
        assert!(
            !is_reserved(1) && !is_reserved(0xfdff_ffff_ffff_ff7f) && !is_reserved(0x0200_5eff_fc00_0000)
        );
    }
}
