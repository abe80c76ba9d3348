//! What messages are made of.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

pub(crate) mod hex {
    use super::{Deserialize, Deserializer, Serializer, de};

    pub fn serialize<S: Serializer>(bytes: &[u8], s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&bytes.iter().map(|b| format!("{b:02x}")).collect::<String>())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(d)?;
        let digits = text.as_bytes();
        if digits.len() % 2 != 0 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(de::Error::custom("expected an even number of hexadecimal digits"));
        }
        let value = |d: u8| (d as char).to_digit(16).unwrap_or(0) as u8;
        Ok(digits.chunks(2).map(|pair| value(pair[0]) << 4 | value(pair[1])).collect())
    }
}

/// A link-layer address of any length (Ethernet 6 bytes, IPv4 tunnels 4, …).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LlAddr(pub Vec<u8>);

impl fmt::Display for LlAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            write!(f, "{}{byte:02x}", if i == 0 { "" } else { ":" })?;
        }
        Ok(())
    }
}

impl FromStr for LlAddr {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        s.split(':')
            .map(|part| match part.len() {
                1 | 2 => u8::from_str_radix(part, 16),
                _ => u8::from_str_radix("", 16),
            })
            .collect::<Result<Vec<u8>, _>>()
            .map(LlAddr)
            .map_err(|_| "expected bytes in hexadecimal, joined by colons")
    }
}

impl Serialize for LlAddr {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LlAddr {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        if text.is_empty() {
            return Ok(LlAddr::default());
        }
        text.parse().map_err(de::Error::custom)
    }
}
