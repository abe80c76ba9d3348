//! Netlink attributes: walking over them and building them.
//!
//! An attribute is a length, a type with two flag bits, and a payload, padded
//! to four bytes. Numbers are in the machine's byte order but for the few that
//! say otherwise.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fingerpost_model::Attr;
use fingerpost_net::Family;

use crate::error::{Attribute, DecodeError, EncodeError, Problem};

/// The flag bit that says that the payload holds attributes.
pub const NESTED: u16 = 0x8000;
/// The bits of the type that are not flags.
pub const TYPE_MASK: u16 = 0x3fff;
/// Longest payload of an attribute, in bytes.
pub const MAX_PAYLOAD: usize = 0xffff - HEADER;

const HEADER: usize = 4;

/// Rounds up to netlink's alignment of four bytes.
pub const fn align(len: usize) -> usize {
    len.saturating_add(3) & !3
}

/// Names the attributes of one kind of message: constants and the way back to a name.
macro_rules! attributes {
    ($(#[$doc:meta])* $module:ident, $prefix:literal: $($name:ident = $value:literal,)*) => {
        $(#[$doc])*
        #[allow(missing_docs, dead_code)]
        pub(crate) mod $module {
            $(pub const $name: u16 = $value;)*
            pub fn name(kind: u16) -> Option<&'static str> {
                match kind { $($value => Some(concat!($prefix, stringify!($name))),)* _ => None }
            }
        }
    };
}
pub(crate) use attributes;

/// Finds an attribute's name by its number.
pub type Names = fn(u16) -> Option<&'static str>;

/// An iterator over a run of attributes.
///
/// It ends after the first error.
#[derive(Clone)]
pub struct Attrs<'a> {
    message: &'static str,
    names: Names,
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Attrs<'a> {
    /// Walks `bytes`, which stand `offset` bytes after the start of a message of this name.
    pub fn new(message: &'static str, names: Names, bytes: &'a [u8], offset: usize) -> Self {
        Attrs { message, names, bytes, offset }
    }

    /// Only those within the first `len` bytes.
    #[must_use]
    pub fn first(self, len: usize) -> Self {
        Attrs { bytes: &self.bytes[..len.min(self.bytes.len())], ..self }
    }

    fn fail(&mut self, attribute: Option<u16>, problem: Problem) -> DecodeError {
        self.bytes = &[];
        let attribute = attribute.map(|kind| Attribute { kind, name: (self.names)(kind) });
        DecodeError { message: self.message, attribute, offset: self.offset, problem }
    }
}

impl<'a> Iterator for Attrs<'a> {
    type Item = Result<View<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.bytes.is_empty() {
            return None;
        }
        let &[l0, l1, k0, k1, ..] = self.bytes else {
            let problem = Problem::Short { found: self.bytes.len(), expected: HEADER };
            return Some(Err(self.fail(None, problem)));
        };
        let claimed = usize::from(u16::from_ne_bytes([l0, l1]));
        let raw = u16::from_ne_bytes([k0, k1]);
        if claimed < HEADER || claimed > self.bytes.len() {
            let problem = Problem::LengthField { claimed, available: self.bytes.len() };
            return Some(Err(self.fail(Some(raw & TYPE_MASK), problem)));
        }
        let view = View {
            message: self.message,
            names: self.names,
            raw,
            data: &self.bytes[HEADER..claimed],
            offset: self.offset,
        };
        let step = align(claimed).min(self.bytes.len());
        self.bytes = &self.bytes[step..];
        self.offset += step;
        Some(Ok(view))
    }
}

/// One attribute.
#[derive(Clone, Copy)]
pub struct View<'a> {
    message: &'static str,
    names: Names,
    raw: u16,
    data: &'a [u8],
    offset: usize,
}

impl<'a> View<'a> {
    /// The type without its flag bits.
    pub fn kind(&self) -> u16 {
        self.raw & TYPE_MASK
    }

    /// The payload.
    pub fn data(&self) -> &'a [u8] {
        self.data
    }

    /// Where the payload starts, in bytes from the start of the message.
    pub fn data_offset(&self) -> usize {
        self.offset + HEADER
    }

    /// The attribute as it came.
    pub fn keep(&self) -> Attr {
        Attr { kind: self.raw, data: self.data.to_vec() }
    }

    /// An error in this attribute.
    pub fn error(&self, problem: Problem) -> DecodeError {
        let attribute = Some(Attribute { kind: self.kind(), name: (self.names)(self.kind()) });
        DecodeError { message: self.message, attribute, offset: self.offset, problem }
    }

    fn size(&self, expected: &'static str) -> DecodeError {
        self.error(Problem::Size { found: self.data.len(), expected })
    }

    /// The attributes inside.
    pub fn nested(&self, names: Names) -> Attrs<'a> {
        Attrs { message: self.message, names, bytes: self.data, offset: self.data_offset() }
    }

    /// The attributes inside, after `skip` bytes.
    pub fn nested_after(&self, skip: usize, names: Names) -> Result<Attrs<'a>, DecodeError> {
        let bytes = self
            .data
            .get(skip..)
            .ok_or_else(|| self.error(Problem::Short { found: self.data.len(), expected: skip }))?;
        Ok(Attrs { message: self.message, names, bytes, offset: self.data_offset() + skip })
    }

    /// Exactly `N` bytes.
    pub fn bytes<const N: usize>(&self, expected: &'static str) -> Result<[u8; N], DecodeError> {
        self.data.try_into().map_err(|_| self.size(expected))
    }

    /// An 8-bit number.
    pub fn u8(&self) -> Result<u8, DecodeError> {
        Ok(self.bytes::<1>("1")?[0])
    }

    /// A 16-bit number.
    pub fn u16(&self) -> Result<u16, DecodeError> {
        Ok(u16::from_ne_bytes(self.bytes("2")?))
    }

    /// A 16-bit number in network byte order.
    pub fn be16(&self) -> Result<u16, DecodeError> {
        Ok(u16::from_be_bytes(self.bytes("2")?))
    }

    /// A 32-bit number.
    pub fn u32(&self) -> Result<u32, DecodeError> {
        Ok(u32::from_ne_bytes(self.bytes("4")?))
    }

    /// A 32-bit number in network byte order.
    pub fn be32(&self) -> Result<u32, DecodeError> {
        Ok(u32::from_be_bytes(self.bytes("4")?))
    }

    /// A signed 32-bit number.
    pub fn i32(&self) -> Result<i32, DecodeError> {
        Ok(i32::from_ne_bytes(self.bytes("4")?))
    }

    /// A 64-bit number.
    pub fn u64(&self) -> Result<u64, DecodeError> {
        Ok(u64::from_ne_bytes(self.bytes("8")?))
    }

    /// A 64-bit number in network byte order.
    pub fn be64(&self) -> Result<u64, DecodeError> {
        Ok(u64::from_be_bytes(self.bytes("8")?))
    }

    /// Numbers of 32 bits, `N` of them.
    pub fn words<const N: usize>(&self, expected: &'static str) -> Result<[u32; N], DecodeError> {
        if self.data.len() != N * 4 {
            return Err(self.size(expected));
        }
        Ok(std::array::from_fn(|i| {
            let at = i * 4;
            u32::from_ne_bytes([self.data[at], self.data[at + 1], self.data[at + 2], self.data[at + 3]])
        }))
    }

    /// Text up to the first NUL. Bytes that are not UTF-8 become U+FFFD.
    pub fn text(&self) -> String {
        let end = self.data.iter().position(|&b| b == 0).unwrap_or(self.data.len());
        String::from_utf8_lossy(&self.data[..end]).into_owned()
    }

    /// An address of this family.
    pub fn ip(&self, family: Family) -> Result<IpAddr, DecodeError> {
        match (family, self.data.len()) {
            (Family::V4, 4) | (Family::V6, 16) => self.any_ip(),
            (Family::V4, _) => Err(self.size("4, an IPv4 address")),
            (Family::V6, _) => Err(self.size("16, an IPv6 address")),
        }
    }

    /// An address of the family that its length tells.
    pub fn any_ip(&self) -> Result<IpAddr, DecodeError> {
        ip_of(self.data).ok_or_else(|| self.size("4 or 16, an address"))
    }
}

/// The address that these bytes are, if they are 4 or 16.
pub fn ip_of(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(IpAddr::V4(Ipv4Addr::from(four)));
    }
    <[u8; 16]>::try_from(bytes).ok().map(|sixteen| IpAddr::V6(Ipv6Addr::from(sixteen)))
}

/// Bytes being built. The first thing that does not fit is remembered and told by [`Builder::finish`].
#[derive(Debug, Default)]
pub struct Builder {
    bytes: Vec<u8>,
    error: Option<EncodeError>,
}

impl Builder {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Raw bytes, padded to four.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(align(self.bytes.len()), 0);
    }

    /// Remembers an error, unless there was one before.
    pub fn fail(&mut self, error: EncodeError) {
        self.error.get_or_insert(error);
    }

    /// An attribute with this payload.
    pub fn attr(&mut self, kind: u16, data: &[u8]) {
        if data.len() > MAX_PAYLOAD {
            return self.fail(EncodeError::TooLong(kind & TYPE_MASK));
        }
        self.bytes.extend_from_slice(&((data.len() + HEADER) as u16).to_ne_bytes());
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        self.raw(data);
    }

    /// An attribute whose payload is built by `inner`.
    pub fn nest(&mut self, kind: u16, inner: impl FnOnce(&mut Builder)) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; HEADER]);
        inner(self);
        let len = self.bytes.len() - start;
        match u16::try_from(len) {
            Ok(len) => {
                self.bytes[start..start + 2].copy_from_slice(&len.to_ne_bytes());
                self.bytes[start + 2..start + 4].copy_from_slice(&kind.to_ne_bytes());
            }
            Err(_) => self.fail(EncodeError::TooLong(kind & TYPE_MASK)),
        }
    }

    /// An 8-bit number.
    pub fn u8(&mut self, kind: u16, value: u8) {
        self.attr(kind, &[value]);
    }

    /// A 16-bit number.
    pub fn u16(&mut self, kind: u16, value: u16) {
        self.attr(kind, &value.to_ne_bytes());
    }

    /// A 32-bit number.
    pub fn u32(&mut self, kind: u16, value: u32) {
        self.attr(kind, &value.to_ne_bytes());
    }

    /// A text with its final NUL.
    pub fn text(&mut self, kind: u16, value: &str) {
        if value.contains('\0') {
            return self.fail(EncodeError::Nul(kind & TYPE_MASK));
        }
        let mut data = Vec::with_capacity(value.len() + 1);
        data.extend_from_slice(value.as_bytes());
        data.push(0);
        self.attr(kind, &data);
    }

    /// An address.
    pub fn ip(&mut self, kind: u16, value: IpAddr) {
        match value {
            IpAddr::V4(a) => self.attr(kind, &a.octets()),
            IpAddr::V6(a) => self.attr(kind, &a.octets()),
        }
    }

    /// Attributes as they came.
    pub fn all(&mut self, attrs: &[Attr]) {
        for attr in attrs {
            self.attr(attr.kind, &attr.data);
        }
    }

    /// Bytes so far.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Overwrites bytes that are there already.
    pub fn patch(&mut self, at: usize, bytes: &[u8]) {
        if let Some(place) = self.bytes.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    }

    /// The bytes, or the first thing that did not fit.
    pub fn finish(self) -> Result<Vec<u8>, EncodeError> {
        match self.error {
            None => Ok(self.bytes),
            Some(error) => Err(error),
        }
    }
}
