//! Text of rows, as bytes.
//!
//! Short texts are put as windows of a fixed length, of which only the beginning
//! counts: copies whose length is known when compiling cost next to nothing, and
//! what they leave behind the end is written over by what follows.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fingerpost_net::IpPrefix;

/// Bytes that grow at the end and are used again.
#[derive(Default)]
pub struct Out {
    /// Zeros, or what was written once, behind `at`.
    bytes: Vec<u8>,
    at: usize,
}

/// Room that is there whenever something short is put.
const ROOM: usize = 256;

/// A window.
const SHORT: usize = 16;

impl Out {
    /// What was put.
    pub fn text(&self) -> &[u8] {
        &self.bytes[..self.at]
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.at = 0;
    }

    #[inline]
    fn reserve(&mut self, length: usize) {
        if self.bytes.len() - self.at < length + ROOM {
            self.grow(length);
        }
    }

    #[cold]
    fn grow(&mut self, length: usize) {
        let length = (self.at + length + ROOM).next_power_of_two().max(64 << 10);
        self.bytes.resize(length, 0);
    }

    /// Adds a text of any length.
    #[inline]
    pub fn put(&mut self, text: &[u8]) {
        self.reserve(text.len());
        self.bytes[self.at..self.at + text.len()].copy_from_slice(text);
        self.at += text.len();
    }

    /// Adds a text whose length is known when compiling.
    #[inline]
    pub fn literal<const N: usize>(&mut self, text: &[u8; N]) {
        self.reserve(N);
        self.bytes[self.at..self.at + N].copy_from_slice(text);
        self.at += N;
    }

    /// Adds a byte.
    #[inline]
    pub fn byte(&mut self, byte: u8) {
        self.literal(&[byte]);
    }

    /// Adds the same text again and again.
    #[inline]
    pub fn ready(&mut self, text: &Ready) {
        match text.long.is_empty() {
            true => {
                self.reserve(SHORT);
                self.bytes[self.at..self.at + SHORT].copy_from_slice(&text.short);
                self.at += usize::from(text.length);
            }
            false => self.put(&text.long),
        }
    }

    /// Adds a number in decimal.
    #[inline]
    pub fn number(&mut self, mut number: u32) {
        // The digits end at the tenth byte; a window begins with the first of them.
        let mut text = [0u8; 10 + SHORT];
        let mut at = 10;
        loop {
            at -= 1;
            text[at] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        self.reserve(SHORT);
        self.bytes[self.at..self.at + SHORT].copy_from_slice(&text[at..at + SHORT]);
        self.at += 10 - at;
    }

    /// Adds an address.
    #[inline]
    pub fn addr(&mut self, addr: IpAddr) {
        match addr {
            IpAddr::V4(addr) => self.ipv4(addr),
            IpAddr::V6(addr) => self.ipv6(addr),
        }
    }

    /// Adds a prefix.
    #[inline]
    pub fn prefix(&mut self, prefix: IpPrefix) {
        self.addr(prefix.addr);
        let (digits, length) = DECIMAL[usize::from(prefix.len)];
        self.byte(b'/');
        self.reserve(SHORT);
        self.bytes[self.at..self.at + 4].copy_from_slice(&digits);
        self.at += usize::from(length) - 1;
    }

    #[inline]
    fn ipv4(&mut self, addr: Ipv4Addr) {
        self.reserve(SHORT);
        for octet in addr.octets() {
            let (digits, length) = DECIMAL[usize::from(octet)];
            self.bytes[self.at..self.at + 4].copy_from_slice(&digits);
            self.at += usize::from(length);
        }
        self.at -= 1;
    }

    /// As the standard library writes it (RFC 5952).
    fn ipv6(&mut self, addr: Ipv6Addr) {
        if let Some(mapped) = addr.to_ipv4_mapped() {
            self.literal(b"::ffff:");
            return self.ipv4(mapped);
        }
        self.reserve(0);
        let parts = addr.segments();
        let zeros = longest_zeros(&parts);
        let mut n = 0;
        while n < parts.len() {
            if n == zeros.start {
                self.literal(b"::");
                n = zeros.end;
                continue;
            }
            if n > 0 && n != zeros.end {
                self.byte(b':');
            }
            let part = parts[n];
            let digits = (16 - part.leading_zeros()).div_ceil(4).max(1);
            let text = [12, 8, 4, 0]
                .map(|by| b"0123456789abcdef"[usize::from(part << (16 - 4 * digits) >> by & 0xf)]);
            self.bytes[self.at..self.at + 4].copy_from_slice(&text);
            self.at += digits as usize;
            n += 1;
        }
    }
}

/// The longest row of zeros, the first of equal ones; one behind the end where none
/// has two.
fn longest_zeros(parts: &[u16; 8]) -> std::ops::Range<usize> {
    let mut longest = 0..0;
    let mut start = 0;
    for (n, &part) in parts.iter().enumerate() {
        if part != 0 {
            start = n + 1;
        } else if n + 1 - start > longest.len() {
            longest = start..n + 1;
        }
    }
    if longest.len() < 2 { parts.len()..parts.len() } else { longest }
}

/// The numbers of a byte in decimal with a dot behind, and the length of both.
const DECIMAL: [([u8; 4], u8); 256] = {
    let mut table = [([b'.'; 4], 0); 256];
    let mut n = 0;
    while n < 256 {
        let digits = [b'0' + (n / 100) as u8, b'0' + (n / 10 % 10) as u8, b'0' + (n % 10) as u8];
        table[n] = match n {
            0..10 => ([digits[2], b'.', b'.', b'.'], 2),
            10..100 => ([digits[1], digits[2], b'.', b'.'], 3),
            _ => ([digits[0], digits[1], digits[2], b'.'], 4),
        };
        n += 1;
    }
    table
};

/// A text that is put often.
#[derive(Clone, Default)]
pub struct Ready {
    short: [u8; SHORT],
    length: u8,
    /// The text, where it is longer.
    long: Box<[u8]>,
}

impl Ready {
    /// Makes a text ready.
    pub fn new(text: &[u8]) -> Self {
        let mut ready = Ready::default();
        match ready.short.get_mut(..text.len()) {
            Some(short) => {
                short.copy_from_slice(text);
                ready.length = text.len() as u8;
            }
            None => ready.long = text.into(),
        }
        ready
    }
}

#[cfg(test)]
mod tests {
    use fingerpost_net::Rng;

    use super::*;

    fn text(put: impl Fn(&mut Out)) -> String {
        let mut out = Out::default();
        put(&mut out);
        String::from_utf8(out.text().to_vec()).expect("text")
    }

    #[test]
    fn addresses_and_numbers_are_written_as_the_standard_library_does() {
        let mut random = Rng::new(1);
        for _ in 0..20_000 {
            let (low, high) = (random.next_u64(), random.next_u64());
            let mask = random.next_u64() & random.next_u64();
            let v4 = Ipv4Addr::from_bits((low & mask) as u32);
            assert_eq!(text(|out| out.addr(v4.into())), v4.to_string());
            let number = (low >> 32) as u32 >> (high % 32);
            assert_eq!(text(|out| out.number(number)), number.to_string());
            // Whole parts are zero now and then.
            let keep = (0..8).fold(0u128, |keep, n| keep | (u128::from(mask >> n & 1) * 0xffff) << (16 * n));
            let small = if mask & 0x100 == 0 { u128::MAX } else { 0x000f_00ff_ffff_0001_0fff_0010_ffff_0000 };
            let v6 = Ipv6Addr::from_bits((u128::from(high) << 64 | u128::from(low)) & keep & small);
            assert_eq!(text(|out| out.addr(v6.into())), v6.to_string());
            let prefix = IpPrefix { addr: v6.into(), len: (mask % 129) as u8 };
            assert_eq!(text(|out| out.prefix(prefix)), format!("{v6}/{}", prefix.len));
        }
        for addr in
            ["::", "::1", "1::", "::ffff:1.2.3.4", "::1.2.3.4", "1:0:0:2::3", "0:1::", "fe80::1:0:0:1"]
        {
            let addr: Ipv6Addr = addr.parse().expect("an address");
            assert_eq!(text(|out| out.addr(addr.into())), addr.to_string());
        }
    }

    #[test]
    fn texts_of_any_length_follow_each_other() {
        let (short, exact, long) = (Ready::new(b"ab"), Ready::new(&[b'x'; 16]), Ready::new(&[b'y'; 17]));
        let all = text(|out| {
            for ready in [&short, &exact, &long, &short, &Ready::new(b"")] {
                out.ready(ready);
            }
            out.put(&[b'z'; 100_000]);
            out.literal(b"end");
        });
        assert_eq!(all, format!("ab{}{}ab{}end", "x".repeat(16), "y".repeat(17), "z".repeat(100_000)));
    }
}
