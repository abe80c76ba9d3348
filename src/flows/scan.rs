//! Bytes looked at sixteen at a time, as one number.
//!
//! Lines and fields are short and their lengths random: a loop that looks at one byte
//! after the other mostly waits for branches that were foretold wrongly.

use std::net::Ipv4Addr;

/// Sixteen bytes.
const WINDOW: usize = 16;

/// A byte in all sixteen places.
const fn all(byte: u8) -> u128 {
    u128::from_le_bytes([byte; WINDOW])
}

/// The window that begins there; `None` where fewer bytes are left.
#[inline]
fn window(bytes: &[u8], at: usize) -> Option<u128> {
    let window = bytes.get(at..)?.first_chunk()?;
    Some(u128::from_le_bytes(*window))
}

/// The top bit of each byte that is zero.
#[inline]
fn zeros(window: u128) -> u128 {
    const LOW: u128 = all(0x7f);
    !(((window & LOW) + LOW) | window | LOW)
}

/// The place of the first such byte from `start` on; `end` if there is none before.
/// Bytes behind `end` are looked at, and count for nothing.
#[inline]
pub fn find(bytes: &[u8], start: usize, end: usize, byte: u8) -> usize {
    let mut at = start;
    while at < end {
        let Some(window) = window(bytes, at) else {
            let rest = bytes.get(at..end).unwrap_or_default();
            return rest.iter().position(|&other| other == byte).map_or(end, |length| at + length);
        };
        let hits = zeros(window ^ all(byte));
        if hits != 0 {
            return end.min(at + hits.trailing_zeros() as usize / 8);
        }
        at += WINDOW;
    }
    end
}

/// The IPv4 address with which `rest` begins: four decimal numbers without leading
/// zeros, which would make them octal. `None` for anything else.
#[inline]
pub fn ipv4(rest: &[u8], length: usize) -> Option<Ipv4Addr> {
    if !(7..WINDOW).contains(&length) {
        return None;
    }
    let window = match window(rest, 0) {
        Some(window) => window,
        None => {
            let mut text = [0; WINDOW];
            text[..length].copy_from_slice(&rest[..length]);
            u128::from_le_bytes(text)
        }
    };
    let within = !(u128::MAX << (8 * length));
    let dots = zeros(window ^ all(b'.')) & within;
    // A digit is at most 9 without the bits of '0'.
    let digits = window ^ all(b'0');
    let other = (((digits & all(0x7f)) + all(0x7f - 9)) | digits) & all(0x80) & within & !dots;
    if other != 0 || dots.count_ones() != 3 {
        return None;
    }
    let place = |dots: u128| dots.trailing_zeros() as usize / 8;
    let first = place(dots);
    let dots = dots & (dots - 1);
    let second = place(dots);
    let third = place(dots & (dots - 1));
    let digits = digits.to_le_bytes();
    let (mut addr, mut wrong) = (0, 0);
    for (start, end) in [(0, first), (first + 1, second), (second + 1, third), (third + 1, length)] {
        let count = end - start;
        // Digits that are not there count as zero.
        let digit = |back: usize| match count >= back {
            true => u32::from(digits[(end - back) % WINDOW]),
            false => 0,
        };
        let number = digit(1) + 10 * digit(2) + 100 * digit(3);
        let leading = count > 1 && digits[start % WINDOW] == 0;
        addr = addr << 8 | number & 0xff;
        wrong |= u32::from(!(1..=3).contains(&count)) | u32::from(number > 255) | u32::from(leading);
    }
    (wrong == 0).then(|| Ipv4Addr::from_bits(addr))
}

#[cfg(test)]
mod tests {
    use fingerpost_net::Rng;

    use super::*;

    /// What the standard library makes of it, which reads no octal numbers either.
    fn same(text: &[u8]) {
        let expected: Option<Ipv4Addr> = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
        let name = String::from_utf8_lossy(text);
        assert_eq!(ipv4(text, text.len()), expected, "{name}");
        for behind in [&b"1"[..], b".", b",8.8.8.8,", b"\n1.2.3.4\n5.6.7.8\n"] {
            assert_eq!(ipv4(&[text, behind].concat(), text.len()), expected, "{name} before more");
        }
    }

    #[test]
    fn addresses_are_those_of_the_standard_library() {
        let odd =
            ["", ".", "1", "1.2.3", "1.2.3.", "1.2.3.4.", "1.2.3.4.5", "1..3.4", "256.1.1.1", "01.2.3.4"];
        let more =
            ["1.2.3.4 ", " 1.2.3.4", "1.2.3.4/32", "1.2.3.-4", "00.0.0.0", "0.0.0.0", "255.255.255.255"];
        for text in odd.into_iter().chain(more).chain(["1111.2.3.4", "...1234", "1.2.3:4", "1.2.3.\u{b2}"]) {
            same(text.as_bytes());
        }
        let mut random = Rng::new(1);
        for _ in 0..50_000 {
            let bits = random.next_u32() & if random.chance(1, 2) { u32::MAX } else { random.next_u32() };
            let mut text = Ipv4Addr::from_bits(bits).to_string().into_bytes();
            same(&text);
            let at = random.below(text.len() as u64) as usize;
            match random.below(4) {
                0 => text[at] = random.next_u32() as u8,
                1 => drop(text.remove(at)),
                2 => text.insert(at, b"0123456789."[random.below(11) as usize]),
                _ => text[at] = b"0123456789./:;\0\xff\xb0"[random.below(17) as usize],
            }
            same(&text);
        }
    }

    #[test]
    fn bytes_are_found_wherever_they_are() {
        let mut random = Rng::new(2);
        for _ in 0..20_000 {
            let length = random.below(70) as usize;
            let bytes: Vec<u8> =
                (0..length).map(|_| b"ab,\x80\xac\x2d\x00"[random.below(7) as usize]).collect();
            let start = random.below(length as u64 + 1) as usize;
            let end = start + random.below((length - start) as u64 + 1) as usize;
            let expected =
                bytes[start..end].iter().position(|&byte| byte == b',').map_or(end, |at| start + at);
            assert_eq!(find(&bytes, start, end, b','), expected, "{bytes:?} {start}..{end}");
        }
    }
}
