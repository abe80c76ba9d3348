//! Words and values: iproute2's cursor over arguments, abbreviations, numbers
//! and addresses, with the quirks of the C library functions that it uses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fingerpost_net::{Family, IpPrefix};

use crate::error::{Done, Failure};

/// An address family as `ip` options and keywords name it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Af {
    /// Not given.
    #[default]
    Unspec,
    /// IPv4.
    Inet,
    /// IPv6.
    Inet6,
    /// Link-layer (`-0`, `link`).
    Packet,
    /// MPLS (`-M`).
    Mpls,
    /// Bridge (`-B`).
    Bridge,
}

impl Af {
    /// The family that this keyword names (`read_family`).
    pub fn from_name(name: &str) -> Option<Af> {
        Some(match name {
            "inet" => Af::Inet,
            "inet6" => Af::Inet6,
            "link" => Af::Packet,
            "mpls" => Af::Mpls,
            "bridge" => Af::Bridge,
            _ => return None,
        })
    }

    /// iproute2's name of the family.
    pub fn name(self) -> &'static str {
        match self {
            Af::Unspec => "???",
            Af::Inet => "inet",
            Af::Inet6 => "inet6",
            Af::Packet => "link",
            Af::Mpls => "mpls",
            Af::Bridge => "bridge",
        }
    }

    /// The name for error texts, where no family means any.
    fn verbose(self) -> &'static str {
        if self == Af::Unspec { "any valid" } else { self.name() }
    }

    /// The IP family, if it is one.
    pub fn ip(self) -> Option<Family> {
        match self {
            Af::Inet => Some(Family::V4),
            Af::Inet6 => Some(Family::V6),
            _ => None,
        }
    }

    /// Address width in bits; 0 where there is no fixed one.
    pub fn bits(self) -> u32 {
        match self {
            Af::Inet => 32,
            Af::Inet6 => 128,
            Af::Mpls => 20,
            _ => 0,
        }
    }
}

impl From<Family> for Af {
    fn from(family: Family) -> Af {
        match family {
            Family::V4 => Af::Inet,
            Family::V6 => Af::Inet6,
        }
    }
}

/// Whether `word` abbreviates `full` (or is it); the empty word abbreviates nothing.
pub(crate) fn matches(word: &str, full: &str) -> bool {
    !word.is_empty() && full.starts_with(word)
}

/// A cursor over a command's words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Args<'a> {
    words: &'a [&'a str],
}

impl<'a> Args<'a> {
    /// A cursor before the first word.
    pub fn new(words: &'a [&'a str]) -> Self {
        Args { words }
    }

    /// The current word, without moving.
    pub fn peek(&self) -> Option<&'a str> {
        self.words.first().copied()
    }

    /// Takes the current word.
    pub fn take(&mut self) -> Option<&'a str> {
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(first)
    }

    /// Takes the word that must follow (`NEXT_ARG`); its lack exits with 255.
    pub fn value(&mut self) -> Done<&'a str> {
        self.take().ok_or_else(Failure::incomplete)
    }

    /// How many words are left.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Whether no word is left.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The words that are left.
    pub fn rest(&self) -> &'a [&'a str] {
        self.words
    }
}

/// What `strtoul` reads at the start of `text`: the value, whether it
/// overflowed, and what follows; `None` without any digit.
///
/// Base 0 takes `0x` and leading-zero octal. White space and a sign may
/// precede; a minus sign negates within 64 bits.
pub(crate) fn strtoul(text: &str, base: u32) -> Option<(u64, bool, &str)> {
    let bytes = text.as_bytes();
    let mut i = 0;
    while bytes.get(i).is_some_and(|b| matches!(b, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')) {
        i += 1;
    }
    let negative = bytes.get(i) == Some(&b'-');
    if negative || bytes.get(i) == Some(&b'+') {
        i += 1;
    }
    let digit = |i: usize, base: u32| bytes.get(i).and_then(|&b| (b as char).to_digit(base));
    let mut base = base;
    if (base == 0 || base == 16)
        && bytes.get(i) == Some(&b'0')
        && matches!(bytes.get(i + 1), Some(b'x' | b'X'))
        && digit(i + 2, 16).is_some()
    {
        i += 2;
        base = 16;
    } else if base == 0 {
        base = if bytes.get(i) == Some(&b'0') { 8 } else { 10 };
    }
    let start = i;
    let (mut value, mut overflow) = (0u64, false);
    while let Some(d) = digit(i, base) {
        match value.checked_mul(u64::from(base)).and_then(|v| v.checked_add(u64::from(d))) {
            Some(v) => value = v,
            None => overflow = true,
        }
        i += 1;
    }
    if i == start {
        return None;
    }
    if overflow {
        value = u64::MAX;
    } else if negative {
        value = value.wrapping_neg();
    }
    Some((value, overflow, &text[i..]))
}

/// What `strtol` reads, or `None` without a digit or beyond 64 bits.
pub(crate) fn strtol(text: &str, base: u32) -> Option<(i64, &str)> {
    let trimmed = text.trim_start_matches([' ', '\t', '\n', '\x0b', '\x0c', '\r']);
    let (negative, digits) = match trimmed.as_bytes().first() {
        Some(b'-') => (true, &trimmed[1..]),
        Some(b'+') => (false, &trimmed[1..]),
        _ => (false, trimmed),
    };
    if !digits.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric) {
        return None;
    }
    let (value, overflow, rest) = strtoul(digits, base)?;
    let value = i128::from(value) * if negative { -1 } else { 1 };
    if overflow { None } else { Some((i64::try_from(value).ok()?, rest)) }
}

/// A whole word as an unsigned number up to `max`, C's base 0 or 10 or 16.
fn unsigned(text: &str, base: u32, max: u64) -> Option<u64> {
    match strtoul(text, base)? {
        (value, false, "") if value <= max => Some(value),
        _ => None,
    }
}

/// `get_u64`.
pub(crate) fn get_u64(text: &str, base: u32) -> Option<u64> {
    unsigned(text, base, u64::MAX)
}

/// `get_u32`, `get_unsigned`.
pub(crate) fn get_u32(text: &str, base: u32) -> Option<u32> {
    unsigned(text, base, u32::MAX.into()).map(|v| v as u32)
}

/// `get_u16`.
pub(crate) fn get_u16(text: &str, base: u32) -> Option<u16> {
    unsigned(text, base, u16::MAX.into()).map(|v| v as u16)
}

/// `get_u8`.
pub(crate) fn get_u8(text: &str, base: u32) -> Option<u8> {
    unsigned(text, base, u8::MAX.into()).map(|v| v as u8)
}

/// `get_s32`, `get_integer`.
pub(crate) fn get_s32(text: &str, base: u32) -> Option<i32> {
    match strtol(text, base)? {
        (value, "") => i32::try_from(value).ok(),
        _ => None,
    }
}

/// What `sscanf("%u")` reads at the start of `text`: decimal only, and what follows.
pub(crate) fn scan_u(text: &str) -> Option<(u64, &str)> {
    strtoul(text, 10).map(|(value, _, rest)| (value, rest))
}

/// Two numbers joined by a dash, as `sscanf("%u-%u")` reads them: how many there are.
pub(crate) fn scan_range(text: &str) -> (Option<u64>, Option<u64>) {
    let Some((first, rest)) = scan_u(text) else { return (None, None) };
    let second = rest.strip_prefix('-').and_then(scan_u);
    (Some(first), second.map(|(n, _)| n))
}

/// An IPv4 address in iproute2's own notation: one to four numbers, of any C
/// base, filled up with zeros (`10.8` is 10.8.0.0).
fn ipv4(text: &str) -> Option<Ipv4Addr> {
    if let Some(addr) = plain_ipv4(text.as_bytes()) {
        return Some(addr);
    }
    let mut octets = [0u8; 4];
    let mut rest = text;
    let mut places = octets.iter_mut();
    while let Some(octet) = places.next() {
        let (value, _, after) = strtoul(rest, 0)?;
        *octet = u8::try_from(value).ok()?;
        match after.strip_prefix('.') {
            None if after.is_empty() => break,
            Some(next) if places.len() > 0 => rest = next,
            _ => return None,
        }
    }
    Some(octets.into())
}

/// Four decimal numbers without leading zeros: the usual notation, read quickly.
fn plain_ipv4(text: &[u8]) -> Option<Ipv4Addr> {
    let mut octets = [0u8; 4];
    let (mut part, mut value, mut digits) = (0usize, 0u32, 0u32);
    for &b in text {
        match b {
            b'0'..=b'9' => {
                if digits > 0 && value == 0 {
                    return None;
                }
                value = value * 10 + u32::from(b - b'0');
                digits += 1;
                if value > 255 {
                    return None;
                }
            }
            b'.' if digits > 0 && part < 3 => {
                octets[part] = value as u8;
                (part, value, digits) = (part + 1, 0, 0);
            }
            _ => return None,
        }
    }
    octets[3] = value as u8;
    (part == 3 && digits > 0).then(|| octets.into())
}

/// An address as `get_addr_1` and `get_prefix_1` read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Addr {
    /// The family found, or the one asked for with `default`, `any` and `all`.
    pub family: Af,
    /// The address; `None` when the word was `any`, `all`, or `default` without a family.
    pub ip: Option<IpAddr>,
    /// The prefix length: −2 for `default`, `any`, `all`, −1 for a plain address;
    /// from [`get_prefix`], always the length.
    pub bits: i32,
    /// Whether a prefix length was given; `default` counts.
    pub specified: bool,
}

impl Addr {
    /// The prefix, `None` for `default`, `any` and `all`.
    pub fn prefix(&self) -> Option<IpPrefix> {
        let len = u8::try_from(self.bits).unwrap_or(0);
        self.ip.map(|addr| IpPrefix { addr, len })
    }

    /// Whether it is an address of multicast destinations.
    pub fn is_multicast(&self) -> bool {
        self.ip.is_some_and(|ip| ip.is_multicast())
    }
}

/// `get_addr_1`: an address of this family, `default`, `any` or `all`.
pub(crate) fn addr_1(text: &str, family: Af) -> Option<Addr> {
    if text == "default" {
        if family == Af::Mpls {
            return None;
        }
        let ip = family.ip().map(Family::unspecified);
        return Some(Addr { family, ip, bits: -2, specified: true });
    }
    if text == "all" || text == "any" {
        if family == Af::Mpls {
            return None;
        }
        return Some(Addr { family, ip: None, bits: -2, specified: false });
    }
    let (family, ip): (Af, IpAddr) = if text.contains(':') {
        if !matches!(family, Af::Unspec | Af::Inet6) {
            return None;
        }
        (Af::Inet6, text.parse::<Ipv6Addr>().ok()?.into())
    } else {
        if !matches!(family, Af::Unspec | Af::Inet) {
            return None;
        }
        (Af::Inet, ipv4(text)?.into())
    };
    Some(Addr { family, ip: Some(ip), bits: -1, specified: false })
}

/// `get_prefix_1`: an address and an optional length or IPv4 netmask.
pub(crate) fn prefix_1(text: &str, family: Af) -> Option<Addr> {
    let Some((addr, length)) = text.split_once('/') else {
        let addr = addr_1(text, family)?;
        let bits = if addr.bits == -2 { 0 } else { addr.family.bits() as i32 };
        return Some(Addr { bits, ..addr });
    };
    let addr = addr_1(addr, family)?;
    if addr.bits == -2 {
        return None;
    }
    let bits = get_u32(length, 0).or_else(|| netmask(length))?;
    if bits > addr.family.bits() {
        return None;
    }
    Some(Addr { bits: bits as i32, specified: true, ..addr })
}

/// The length of a dotted netmask.
fn netmask(text: &str) -> Option<u32> {
    let mask = match addr_1(text, Af::Inet)? {
        Addr { ip: Some(IpAddr::V4(mask)), .. } => mask.to_bits(),
        Addr { .. } => 0,
    };
    let host = !mask;
    if host & host.wrapping_add(1) != 0 {
        return None;
    }
    Some(mask.count_ones())
}

/// `get_addr`: an address, or exit with 1.
pub(crate) fn get_addr(text: &str, family: Af) -> Done<Addr> {
    addr_1(text, family).ok_or_else(|| {
        Failure::exit(1, format!("Error: {} address is expected rather than \"{text}\".", family.verbose()))
    })
}

/// `get_prefix`: an address with a length, or exit with 1.
pub(crate) fn get_prefix(text: &str, family: Af) -> Done<Addr> {
    if family == Af::Packet {
        let message = format!("Error: \"{text}\" may be inet prefix, but it is not allowed in this context.");
        return Err(Failure::exit(1, message));
    }
    prefix_1(text, family).ok_or_else(|| {
        Failure::exit(1, format!("Error: {} prefix is expected rather than \"{text}\".", family.verbose()))
    })
}

/// `get_addr32`: an IPv4 address, or exit with 1.
pub(crate) fn get_addr32(text: &str) -> Done<Ipv4Addr> {
    match addr_1(text, Af::Inet) {
        Some(Addr { ip: Some(IpAddr::V4(addr)), .. }) => Ok(addr),
        Some(_) => Ok(Ipv4Addr::UNSPECIFIED),
        None => Err(Failure::exit(1, format!("Error: an IP address is expected rather than \"{text}\""))),
    }
}

/// Whether a device may have this name (`check_ifname`).
pub(crate) fn is_ifname(name: &str) -> bool {
    name.len() < 16 && is_altname(name)
}

/// Whether a device may have this alternative name (`check_altifname`).
pub(crate) fn is_altname(name: &str) -> bool {
    let space = |b: u8| matches!(b, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r');
    !name.is_empty() && !name.bytes().any(|b| b == b'/' || space(b))
}

/// `parse_one_of`: the index of the first entry that `word` abbreviates, or
/// the message that lists them (the caller chooses how to end).
pub(crate) fn one_of(key: &str, word: &str, list: &[&str]) -> Result<usize, String> {
    list.iter().position(|entry| matches(word, entry)).ok_or_else(|| {
        let all: String = list.iter().map(|entry| format!("\"{entry}\", ")).collect();
        format!("Error: argument of \"{key}\" must be one of {all}not \"{word}\"")
    })
}

/// `get_time_rtt`: milliseconds, rounded up, and whether no unit was given.
pub(crate) fn time_rtt(text: &str) -> Option<(u32, bool)> {
    let (mut time, rest) = if text.contains('.') {
        let (value, rest) = strtod(text)?;
        if value < 0.0 {
            return None;
        }
        (value, rest)
    } else {
        let (value, overflow, rest) = strtoul(text, 0)?;
        if overflow {
            return None;
        }
        (value as f64, rest)
    };
    let lower = rest.to_ascii_lowercase();
    match lower.as_str() {
        "" | "ms" | "msec" | "msecs" => {}
        "s" | "sec" | "secs" => time *= 1000.0,
        _ => return None,
    }
    // The C code converts to unsigned, on x86-64 by way of a signed 64-bit
    // number, and adds one if that lost a fraction.
    let whole = if time < i64::MAX as f64 { time as i64 as u32 } else { 0 };
    let value = if f64::from(whole) < time { whole.wrapping_add(1) } else { whole };
    Some((value, rest.is_empty()))
}

/// What `strtod` reads of a decimal number at the start of `text`, and what follows.
pub(crate) fn strtod(text: &str) -> Option<(f64, &str)> {
    let trimmed = text.trim_start_matches([' ', '\t', '\n', '\x0b', '\x0c', '\r']);
    let bytes = trimmed.as_bytes();
    let mut i = usize::from(matches!(bytes.first(), Some(b'-' | b'+')));
    let digits = |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let whole = digits(i);
    i += whole;
    let mut fraction = 0;
    if bytes.get(i) == Some(&b'.') {
        fraction = digits(i + 1);
        if whole + fraction > 0 {
            i += 1 + fraction;
        }
    }
    if whole + fraction == 0 {
        return None;
    }
    if matches!(bytes.get(i), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(i + 1), Some(b'-' | b'+')));
        let exponent = if i + 1 + sign <= bytes.len() { digits(i + 1 + sign) } else { 0 };
        if exponent > 0 {
            i += 1 + sign + exponent;
        }
    }
    Some((trimmed[..i].parse().ok()?, &trimmed[i..]))
}

#[cfg(test)]
mod tests;
