//! Texts of the report, made faster than formatting makes them.

use std::io::Write;
use std::net::IpAddr;

/// A text of a line, or null.
pub(super) fn string(line: &mut Vec<u8>, text: Option<&str>) -> serde_json::Result<()> {
    let needs_escape = |byte| matches!(byte, b'"' | b'\\' | ..b' ');
    match text {
        Some(text) if !text.bytes().any(needs_escape) => {
            quoted(line, text);
            Ok(())
        }
        text => serde_json::to_writer(line, &text),
    }
}

/// A text that needs no escapes.
pub(super) fn quoted(line: &mut Vec<u8>, text: &str) {
    line.push(b'"');
    line.extend_from_slice(text.as_bytes());
    line.push(b'"');
}

/// A number in decimal digits.
pub(super) fn number(text: &mut Vec<u8>, mut number: u64) {
    let (mut digits, mut at) = ([0; 20], 20);
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return text.extend_from_slice(&digits[at..]);
        }
    }
}

/// A number below sixteen as a hexadecimal digit.
fn digit(number: u8) -> u8 {
    number + if number < 10 { b'0' } else { b'a' - 10 }
}

/// The two hexadecimal digits of each byte: computed, many at once, faster than looked up.
pub(super) fn digits(bytes: &[u8], line: &mut Vec<u8>) {
    let begin = line.len();
    line.resize(begin + 2 * bytes.len(), 0);
    let (pairs, _) = line[begin..].as_chunks_mut();
    pairs.iter_mut().zip(bytes).for_each(|(pair, byte)| *pair = [digit(byte >> 4), digit(byte & 15)]);
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = Vec::with_capacity(2 * bytes.len());
    digits(bytes, &mut text);
    String::from_utf8(text).unwrap_or_default()
}

/// An address.
pub(super) fn address(line: &mut Vec<u8>, addr: IpAddr) {
    match addr {
        IpAddr::V4(addr) => {
            for (n, octet) in addr.octets().into_iter().enumerate() {
                if n > 0 {
                    line.push(b'.');
                }
                decimal(line, octet);
            }
        }
        // What IPv4 is mapped to is for others to tell.
        IpAddr::V6(addr) if addr.segments()[..5] == [0; 5] => {
            // Memory takes all.
            let _ = write!(line, "{addr}");
        }
        IpAddr::V6(addr) => groups(line, addr.segments()),
    }
}

/// A byte in decimal digits.
fn decimal(line: &mut Vec<u8>, byte: u8) {
    if byte >= 100 {
        line.push(b'0' + byte / 100);
    }
    if byte >= 10 {
        line.push(b'0' + byte / 10 % 10);
    }
    line.push(b'0' + byte % 10);
}

/// Groups of an IPv6 address, of which the longest run of zeros is left out (RFC 5952, section 4).
fn groups(line: &mut Vec<u8>, groups: [u16; 8]) {
    let run = |from: usize| groups[from..].iter().take_while(|&&group| group == 0).count();
    // Of runs that are equally long the first one.
    let (from, count) =
        (0..8).map(|from| (from, run(from))).rev().max_by_key(|&(_, count)| count).unwrap_or((0, 0));
    let gap = if count > 1 { from..from + count } else { 8..8 };
    let mut at = 0;
    while at < 8 {
        if at == gap.start {
            line.extend_from_slice(b"::");
            at = gap.end;
            continue;
        }
        if at > 0 && at != gap.end {
            line.push(b':');
        }
        let digits = [12, 8, 4, 0].map(|place| digit((groups[at] >> place & 15) as u8));
        let zeros = groups[at].leading_zeros() as usize / 4;
        line.extend_from_slice(&digits[zeros.min(3)..]);
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use fingerpost_net::Rng;

    use super::*;

    #[test]
    fn values_are_as_serde_has_them() {
        for text in ["eth0", "", "a b~é", "a\"b", "a\\b", "a\nb", "\u{1f}", "\u{7f}"] {
            let mut line = Vec::new();
            string(&mut line, Some(text)).expect("memory takes all");
            assert_eq!(line, serde_json::to_vec(text).expect("memory takes all"));
        }
        for count in [0, 7, 10, 99, 100, u64::MAX] {
            let mut line = Vec::new();
            number(&mut line, count);
            assert_eq!(line, count.to_string().as_bytes());
        }
        let bytes: Vec<u8> = (0..=u8::MAX).collect();
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex(&bytes), digits);
    }

    #[test]
    fn addresses_are_as_the_standard_library_has_them() {
        let mut rng = Rng::new(7);
        let mut group = || match rng.below(4) {
            0 => rng.next_u32() as u16 >> rng.below(16),
            _ => 0,
        };
        for n in 0..20_000 {
            let addr = match n % 10 {
                0 => Ipv4Addr::from_bits(u32::from(group()) << 16 | u32::from(group())).into(),
                1 => Ipv4Addr::from_bits(group().into()).to_ipv6_mapped().into(),
                _ => IpAddr::from(Ipv6Addr::from(std::array::from_fn::<u16, 8, _>(|_| group()))),
            };
            let mut line = Vec::new();
            address(&mut line, addr);
            assert_eq!(String::from_utf8(line), Ok(addr.to_string()));
        }
    }
}
