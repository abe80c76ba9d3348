//! From a question's parts, as a list has them, to numbers.
//!
//! Plain parts (addresses, decimal and hexadecimal numbers, names that were seen
//! before) are read at once. All others go the way of `explain`, by [`Question`], so
//! that they mean the same and are refused in the same words.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fingerpost_iproute::Names;
use fingerpost_net::{Family, Ip};

use super::scan;
use crate::explain::{Asked, FIELDS, Question, Resolved, ResolvedQuestion};

/// A part of a question; its name is the one in [`FIELDS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Key {
    To,
    From,
    Iif,
    Oif,
    Mark,
    Uid,
    Ipproto,
    Sport,
    Dport,
    Tos,
    Flowlabel,
    Vrf,
}

impl Key {
    /// Every part, in the order of [`FIELDS`].
    const ALL: [Key; FIELDS.len()] = [
        Key::To,
        Key::From,
        Key::Iif,
        Key::Oif,
        Key::Mark,
        Key::Uid,
        Key::Ipproto,
        Key::Sport,
        Key::Dport,
        Key::Tos,
        Key::Flowlabel,
        Key::Vrf,
    ];

    /// The part with this name.
    pub fn named(name: &[u8]) -> Option<Key> {
        FIELDS.iter().position(|field| field.as_bytes() == name).map(|at| Key::ALL[at])
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        FIELDS[self as usize]
    }
}

/// What was read of a question so far.
#[derive(Clone, Copy, Default)]
pub struct Draft {
    to: Option<IpAddr>,
    from: Option<IpAddr>,
    iif: u32,
    oif: u32,
    vrf: u32,
    mark: u32,
    uid: Option<u32>,
    ipproto: Option<u8>,
    sport: u16,
    dport: u16,
    tos: u8,
    flowlabel: Option<u32>,
}

/// Names that one part has in memory, at most; and those that are compared one by one.
const MAX_KNOWN: usize = 4096;
const FEW: usize = 8;

/// What texts of one part mean.
#[derive(Default)]
struct Known {
    /// The first ones.
    few: Vec<(Box<[u8]>, u32)>,
    others: HashMap<Box<[u8]>, u32>,
}

impl Known {
    #[inline]
    fn get(&self, text: &[u8]) -> Option<u32> {
        let known = self.few.iter().find(|(known, _)| **known == *text).map(|(_, value)| *value);
        known.or_else(|| if self.few.len() < FEW { None } else { self.others.get(text).copied() })
    }

    fn add(&mut self, text: &[u8], value: u32) {
        if self.get(text).is_some() || self.others.len() >= MAX_KNOWN {
            return;
        }
        match self.few.len() < FEW {
            true => self.few.push((text.into(), value)),
            false => drop(self.others.insert(text.into(), value)),
        }
    }
}

/// Reads questions; each worker has its own.
pub struct Reader<'a> {
    asked: Asked<'a>,
    /// By the part's place.
    known: [Known; FIELDS.len()],
}

impl<'a> Reader<'a> {
    /// For questions that are asked there.
    pub fn new(asked: Asked<'a>) -> Self {
        Reader { asked, known: Default::default() }
    }

    /// Names of tables and the like.
    pub fn names(&self) -> &'a Names {
        self.asked.names
    }

    /// Takes the part with which `rest` begins, if it is plain; false for another one.
    #[inline]
    pub fn put(&self, draft: &mut Draft, key: Key, rest: &[u8], length: usize) -> bool {
        let text = &rest[..length];
        let set = |place: &mut u32, value: Option<u32>| value.map(|value| *place = value).is_some();
        match key {
            Key::To => {
                draft.to = address(rest, length);
                draft.to.is_some()
            }
            Key::From => {
                draft.from = address(rest, length);
                draft.from.is_some()
            }
            Key::Iif => set(&mut draft.iif, self.known[key as usize].get(text)),
            Key::Oif => set(&mut draft.oif, self.known[key as usize].get(text)),
            Key::Vrf => set(&mut draft.vrf, self.known[key as usize].get(text)),
            Key::Mark => set(&mut draft.mark, number(text)),
            Key::Uid => {
                draft.uid = number(text);
                draft.uid.is_some()
            }
            Key::Flowlabel => {
                draft.flowlabel = number(text).filter(|&label| label <= 0xf_ffff);
                draft.flowlabel.is_some()
            }
            Key::Sport => small(text).map(|port| draft.sport = port).is_some(),
            Key::Dport => small(text).map(|port| draft.dport = port).is_some(),
            Key::Ipproto => {
                draft.ipproto = self.known[key as usize].get(text).map(|proto| proto as u8);
                draft.ipproto.is_some()
            }
            Key::Tos => self.known[key as usize].get(text).map(|tos| draft.tos = tos as u8).is_some(),
        }
    }

    /// The question in numbers; `None` for one that is none, or whose parts have to be looked at together.
    #[inline]
    pub fn finish(&self, draft: &Draft) -> Option<ResolvedQuestion> {
        if draft.vrf != 0 && draft.oif != 0 {
            return None;
        }
        match (draft.to?, draft.from) {
            (IpAddr::V4(to), None) => self.resolved(draft, to, None),
            (IpAddr::V4(to), Some(IpAddr::V4(from))) => self.resolved(draft, to, Some(from)),
            (IpAddr::V6(to), None) => self.resolved(draft, to, None),
            (IpAddr::V6(to), Some(IpAddr::V6(from))) => self.resolved(draft, to, Some(from)),
            _ => None,
        }
    }

    #[inline]
    fn resolved<I: Ip + OfFamily>(&self, draft: &Draft, to: I, from: Option<I>) -> Option<ResolvedQuestion> {
        if I::FAMILY == Family::V4 && draft.flowlabel.is_some() {
            return None;
        }
        Some(I::question(Resolved {
            dst: to,
            src: from.unwrap_or(I::ZERO),
            iif: draft.iif,
            oif: draft.oif | draft.vrf,
            mark: draft.mark,
            uid: draft.uid.unwrap_or(self.asked.uid),
            uid_given: draft.uid.is_some(),
            proto: draft.ipproto.unwrap_or(I::PROTO),
            sport: draft.sport,
            dport: draft.dport,
            tos: draft.tos,
            flowlabel: draft.flowlabel.unwrap_or(0),
        }))
    }

    /// Takes a question as `explain` reads it, and remembers what the texts of its parts mean.
    ///
    /// # Errors
    ///
    /// What `explain` says of a question that names what is not there.
    pub fn take<'t>(
        &mut self,
        question: &Question,
        parts: impl IntoIterator<Item = (Key, &'t [u8])>,
    ) -> Result<ResolvedQuestion, String> {
        let resolved = question.resolve(&self.asked.ns.config, self.asked.uid)?;
        let value = |key| match &resolved {
            ResolvedQuestion::V4(resolved) => named(resolved, key),
            ResolvedQuestion::V6(resolved) => named(resolved, key),
        };
        for (key, text) in parts {
            if let Some(value) = value(key) {
                self.known[key as usize].add(text, value);
            }
        }
        Ok(resolved)
    }
}

/// The number of a part that is given by name.
fn named<I>(resolved: &Resolved<I>, key: Key) -> Option<u32> {
    match key {
        Key::Iif => Some(resolved.iif),
        Key::Oif | Key::Vrf => Some(resolved.oif),
        Key::Ipproto => Some(resolved.proto.into()),
        Key::Tos => Some(resolved.tos.into()),
        _ => None,
    }
}

/// What the families have each of their own.
trait OfFamily: Sized {
    /// The protocol of questions that name none: as in `ip route get`, UDP of IPv4 only.
    const PROTO: u8;
    fn question(resolved: Resolved<Self>) -> ResolvedQuestion;
}

impl OfFamily for Ipv4Addr {
    const PROTO: u8 = 17;

    fn question(resolved: Resolved<Self>) -> ResolvedQuestion {
        ResolvedQuestion::V4(resolved)
    }
}

impl OfFamily for Ipv6Addr {
    const PROTO: u8 = 0;

    fn question(resolved: Resolved<Self>) -> ResolvedQuestion {
        ResolvedQuestion::V6(resolved)
    }
}

/// The address with which `rest` begins, in the usual notation.
#[inline]
fn address(rest: &[u8], length: usize) -> Option<IpAddr> {
    match scan::ipv4(rest, length) {
        Some(addr) => Some(IpAddr::V4(addr)),
        None => ipv6(&rest[..length]),
    }
}

fn ipv6(text: &[u8]) -> Option<IpAddr> {
    if !text.contains(&b':') {
        return None;
    }
    let addr: Ipv6Addr = std::str::from_utf8(text).ok()?.parse().ok()?;
    Some(IpAddr::V6(addr))
}

/// A decimal number without leading zeros, or a hexadecimal one after 0x.
#[inline]
fn number(text: &[u8]) -> Option<u32> {
    let value = match text {
        b"0" => 0,
        [b'1'..=b'9', ..] if text.len() <= 10 => {
            let mut value = 0u64;
            for &byte in text {
                let digit = u64::from(byte.wrapping_sub(b'0'));
                if digit > 9 {
                    return None;
                }
                value = value * 10 + digit;
            }
            value
        }
        [b'0', b'x' | b'X', digits @ ..] if (1..=8).contains(&digits.len()) => {
            let mut value = 0u64;
            for &byte in digits {
                value = value << 4 | u64::from(char::from(byte).to_digit(16)?);
            }
            value
        }
        _ => return None,
    };
    u32::try_from(value).ok()
}

fn small(text: &[u8]) -> Option<u16> {
    number(text).and_then(|value| u16::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_both_families_are_plain() {
        let address = |text: &str| address(text.as_bytes(), text.len());
        for text in ["192.0.2.1", "2001:db8::1", "::", "::ffff:192.0.2.1"] {
            assert_eq!(address(text), text.parse().ok(), "{text}");
        }
        for text in ["fe80::1%eth0", "2001:db8::/32", ":", "any", ""] {
            assert_eq!(address(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_that_ip_reads_otherwise_are_not_plain() {
        for (text, value) in [("0", 0), ("7", 7), ("4294967295", u32::MAX), ("0x10", 16), ("0XfF", 255)] {
            assert_eq!(number(text.as_bytes()), Some(value), "{text}");
        }
        for text in
            ["", "010", "-1", "+1", " 1", "1 ", "4294967296", "99999999999", "0x", "0x123456789", "1e3"]
        {
            assert_eq!(number(text.as_bytes()), None, "{text}");
        }
        assert_eq!((small(b"65535"), small(b"65536")), (Some(65535), None));
    }
}
