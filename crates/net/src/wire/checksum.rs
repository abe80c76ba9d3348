//! The Internet checksum (RFC 1071).

use core::net::{Ipv4Addr, Ipv6Addr};

/// A sum under way, of 16-bit words in ones' complement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checksum(u64);

impl Checksum {
    /// Nothing summed.
    pub const ZERO: Checksum = Checksum(0);

    /// With these bytes, which begin at an even place.
    #[must_use]
    pub fn bytes(self, bytes: &[u8]) -> Checksum {
        let (words, rest) = bytes.as_chunks::<4>();
        let sum: u64 = words.iter().map(|word| u64::from(u32::from_be_bytes(*word))).sum();
        let mut last = [0; 4];
        last[..rest.len()].copy_from_slice(rest);
        Checksum(self.0 + sum + u64::from(u32::from_be_bytes(last)))
    }

    /// With a 16-bit word.
    #[must_use]
    pub fn word(self, word: u16) -> Checksum {
        Checksum(self.0 + u64::from(word))
    }

    /// With the header that UDP and TCP over IPv4 add in thought (RFC 9293, section 3.1).
    #[must_use]
    pub fn pseudo4(self, src: Ipv4Addr, dst: Ipv4Addr, proto: u8, len: usize) -> Checksum {
        self.bytes(&src.octets()).bytes(&dst.octets()).word(proto.into()).word(len as u16)
    }

    /// The same over IPv6 (RFC 8200, section 8.1).
    #[must_use]
    pub fn pseudo6(self, src: Ipv6Addr, dst: Ipv6Addr, proto: u8, len: usize) -> Checksum {
        let sum = self.bytes(&src.octets()).bytes(&dst.octets());
        sum.bytes(&(len as u32).to_be_bytes()).word(proto.into())
    }

    /// What belongs in the checksum field; 0 when the field is right already.
    pub fn finish(self) -> u16 {
        let mut sum = self.0;
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        !(sum as u16)
    }
}

/// The checksum of bytes.
pub fn checksum(bytes: &[u8]) -> u16 {
    Checksum::ZERO.bytes(bytes).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_1071() {
        assert_eq!(checksum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), !0xddf2);
    }

    #[test]
    fn an_odd_byte_is_the_upper_half_of_a_word() {
        assert_eq!(checksum(&[0x12, 0x34, 0x56]), !(0x1234 + 0x5600));
        assert_eq!(checksum(&[]), 0xffff);
    }

    #[test]
    fn with_its_own_checksum_it_sums_to_nothing() {
        let mut packet = *b"\x45\x00\x00\x1c\x00\x01\x00\x00\x40\x01\x00\x00\x0a\x00\x00\x01\x0a\x00\x00\x02";
        let sum = checksum(&packet);
        packet[10..12].copy_from_slice(&sum.to_be_bytes());
        assert_eq!(checksum(&packet), 0);
    }
}
