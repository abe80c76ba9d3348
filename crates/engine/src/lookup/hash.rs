//! The multipath hash (`fib_multipath_hash`, C-056 to C-062, T-20).

use std::net::Ipv4Addr;

use super::Flow4;
use crate::config::Ipv4Sysctls;

/// What the hash is computed over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Keys {
    pub src: u32,
    pub dst: u32,
    pub sport: u16,
    pub dport: u16,
    pub proto: u8,
}

/// Who asks: policy 3 hashes packets and flows differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// A socket: only the flow is known.
    Socket,
    /// A packet with the flow's own fields, as the pseudo packet of `ip route get`.
    Packet,
    /// A packet with these: one that was received, or one that an ICMP error is about.
    About(Hashed),
}

/// What is hashed of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hashed {
    /// Source.
    pub src: Ipv4Addr,
    /// Destination.
    pub dst: Ipv4Addr,
    /// Protocol.
    pub proto: u8,
    /// Source port; 0 for none.
    pub sport: u16,
    /// Destination port.
    pub dport: u16,
    /// What is hashed in place of its own addresses, if it is no ordinary packet.
    pub quoted: Option<Quoted>,
    /// If it holds another packet and the policy looks there, what that has for the hash.
    pub inside: Option<u32>,
}

/// Source and destination that policy 0 takes in place of a packet's own
/// (`ip_multipath_l3_keys`, C-056).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quoted {
    /// Of an ICMP error those of the packet that it is about.
    Error(Ipv4Addr, Ipv4Addr),
    /// Of an ARP request what stands where a header of IPv4 has them. Other policies see
    /// nothing of it.
    Arp(Ipv4Addr, Ipv4Addr),
}

pub(super) const FIELD_SRC: u32 = 1;
pub(super) const FIELD_DST: u32 = 2;
pub(super) const FIELD_PROTO: u32 = 4;
pub(super) const FIELD_FLOWLABEL: u32 = 8;
pub(super) const FIELD_SPORT: u32 = 0x10;
pub(super) const FIELD_DPORT: u32 = 0x20;
pub(super) const FIELDS_OUTER: u32 = 0x3f;

/// The 31-bit hash of a flow; `None` when the kernel's seed is random and so unknown.
///
/// `src` is the source as the packet has it: unspecified for a question without one.
pub fn multipath_hash(sysctl: &Ipv4Sysctls, flow: &Flow4, src: Ipv4Addr, asker: Asker) -> Option<u32> {
    let hashed = match asker {
        Asker::About(hashed) => hashed,
        Asker::Socket | Asker::Packet => {
            let &Flow4 { dst, proto, sport, dport, .. } = flow;
            Hashed { src, dst, proto, sport, dport, quoted: None, inside: None }
        }
    };
    let Hashed { src, dst, proto, sport, dport, quoted, inside } = hashed;
    let all = match quoted {
        Some(Quoted::Arp(..)) => Keys::default(),
        _ => Keys { src: src.to_bits(), dst: dst.to_bits(), sport, dport, proto },
    };
    let (src, dst) = match quoted {
        Some(Quoted::Error(src, dst) | Quoted::Arp(src, dst)) => (src, dst),
        None => (src, dst),
    };
    let addresses = Keys { src: src.to_bits(), dst: dst.to_bits(), ..Keys::default() };
    if sysctl.fib_multipath_hash_seed == 0 {
        return None;
    }
    let hash = |keys| hash_keys(keys, sysctl.fib_multipath_hash_seed);
    let full = match sysctl.fib_multipath_hash_policy {
        1 => hash(all),
        // Of packets the innermost addresses; those that an error is about are not looked for.
        2 => match (inside, quoted) {
            (Some(inside), _) => inside,
            (None, Some(Quoted::Arp(..))) => hash(addresses),
            (None, _) => hash(Keys { sport: 0, dport: 0, proto: 0, ..all }),
        },
        3 => {
            let fields = sysctl.fib_multipath_hash_fields;
            let has = |bit| fields & bit != 0;
            let outer = if fields & FIELDS_OUTER == 0 {
                0
            } else {
                hash(Keys {
                    src: if has(FIELD_SRC) { all.src } else { 0 },
                    dst: if has(FIELD_DST) { all.dst } else { 0 },
                    proto: if has(FIELD_PROTO) { all.proto } else { 0 },
                    sport: if has(FIELD_SPORT) { all.sport } else { 0 },
                    dport: if has(FIELD_DPORT) { all.dport } else { 0 },
                })
            };
            match asker {
                Asker::Socket => outer,
                Asker::Packet | Asker::About(_) => jhash_2words(outer, inside.unwrap_or(0), 0),
            }
        }
        _ => hash(addresses),
    };
    Some(full >> 1)
}

/// SipHash-2-4 over the kernel's 48 bytes of flow keys, symmetric in direction (C-061).
pub(super) fn hash_keys(mut keys: Keys, seed: u32) -> u32 {
    // Addresses and ports are ordered as integers read from network-order
    // bytes on a little-endian machine.
    if keys.dst.swap_bytes() < keys.src.swap_bytes() {
        std::mem::swap(&mut keys.src, &mut keys.dst);
    }
    if keys.dport.swap_bytes() < keys.sport.swap_bytes() {
        std::mem::swap(&mut keys.sport, &mut keys.dport);
    }
    let mut bytes = [0u8; 48];
    bytes[2] = keys.proto;
    bytes[28..30].copy_from_slice(&keys.sport.to_be_bytes());
    bytes[30..32].copy_from_slice(&keys.dport.to_be_bytes());
    bytes[36..40].copy_from_slice(&keys.src.to_be_bytes());
    bytes[40..44].copy_from_slice(&keys.dst.to_be_bytes());
    let word = u64::from(seed) << 32 | u64::from(seed);
    match siphash24(word, word, &bytes) as u32 {
        0 => 1,
        hash => hash,
    }
}

/// SipHash-2-4 (Aumasson and Bernstein, 2012).
pub(super) fn siphash24(k0: u64, k1: u64, bytes: &[u8]) -> u64 {
    let mut v = [
        k0 ^ 0x736f_6d65_7073_6575,
        k1 ^ 0x646f_7261_6e64_6f6d,
        k0 ^ 0x6c79_6765_6e65_7261,
        k1 ^ 0x7465_6462_7974_6573,
    ];
    let round = |v: &mut [u64; 4]| {
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
    };
    let absorb = |v: &mut [u64; 4], m: u64| {
        v[3] ^= m;
        round(v);
        round(v);
        v[0] ^= m;
    };
    let chunks = bytes.chunks_exact(8);
    let mut last = [0u8; 8];
    last[..chunks.remainder().len()].copy_from_slice(chunks.remainder());
    last[7] = bytes.len() as u8;
    for chunk in chunks {
        let mut word = [0u8; 8];
        word.copy_from_slice(chunk);
        absorb(&mut v, u64::from_le_bytes(word));
    }
    absorb(&mut v, u64::from_le_bytes(last));
    v[2] ^= 0xff;
    for _ in 0..4 {
        round(&mut v);
    }
    v[0] ^ v[1] ^ v[2] ^ v[3]
}

/// Jenkins' hash of two words and an initial value (lookup3's final mix), as
/// policy 3 combines outer and inner hashes.
pub(super) fn jhash_2words(a: u32, b: u32, initial: u32) -> u32 {
    let start = initial.wrapping_add(0xdead_beef).wrapping_add(2 << 2);
    let (mut a, mut b, mut c) = (a.wrapping_add(start), b.wrapping_add(start), start);
    c = (c ^ b).wrapping_sub(b.rotate_left(14));
    a = (a ^ c).wrapping_sub(c.rotate_left(11));
    b = (b ^ a).wrapping_sub(a.rotate_left(25));
    c = (c ^ b).wrapping_sub(b.rotate_left(16));
    a = (a ^ c).wrapping_sub(c.rotate_left(4));
    b = (b ^ a).wrapping_sub(a.rotate_left(14));
    (c ^ b).wrapping_sub(b.rotate_left(24))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn siphash_gives_the_published_test_vector() {
        let bytes: Vec<u8> = (0..15).collect();
        let hash = siphash24(0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908, &bytes);
        assert_eq!(hash, 0xa129_ca61_49be_45e5);
    }

    #[test]
    fn both_directions_hash_alike() {
        // C-061: addresses and ports are ordered before hashing.
        let keys = Keys { src: 0x0a00_0001, dst: 0xc0a8_0102, sport: 1000, dport: 80, proto: 6 };
        let back = Keys { src: keys.dst, dst: keys.src, sport: keys.dport, dport: keys.sport, proto: 6 };
        assert_eq!(hash_keys(keys, 12345), hash_keys(back, 12345));
    }
}
