//! Attributes that are not decoded: walking through them and laying them out.

use serde::{Deserialize, Serialize};

use super::common::hex;

/// The bits of an attribute's type that are not flags (`NLA_TYPE_MASK`).
pub const TYPE: u16 = 0x3fff;

/// An attribute that is not decoded: its type and raw payload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attr {
    /// `nla_type` with its flag bits.
    #[serde(rename = "type")]
    pub kind: u16,
    /// The payload, as hexadecimal text in JSON.
    #[serde(with = "hex")]
    pub data: Vec<u8>,
}

/// The attributes side by side in a payload, each with its type (flags
/// included) and its own payload. Ends before the first malformed one.
pub fn nested(mut rest: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let &[a, b, c, d] = rest.first_chunk()?;
        let len = usize::from(u16::from_ne_bytes([a, b]));
        let data = rest.get(4..len)?;
        rest = rest.get(len.next_multiple_of(4)..).unwrap_or_default();
        Some((u16::from_ne_bytes([c, d]), data))
    })
}

/// The payload of the first attribute of this type, whatever its flags.
pub fn find(payload: &[u8], kind: u16) -> Option<&[u8]> {
    nested(payload).find(|(found, _)| found & TYPE == kind).map(|(_, data)| data)
}

/// Appends an attribute as netlink lays it out: length, type, payload, padding
/// to four bytes. The payload is shorter than 64 KiB.
pub fn put(to: &mut Vec<u8>, kind: u16, data: &[u8]) {
    let len = u16::try_from(data.len() + 4).unwrap_or(u16::MAX);
    to.extend_from_slice(&len.to_ne_bytes());
    to.extend_from_slice(&kind.to_ne_bytes());
    to.extend_from_slice(data);
    to.resize(to.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_survive_a_round_and_end_at_garbage() {
        let mut bytes = Vec::new();
        put(&mut bytes, 1, &[7]);
        put(&mut bytes, 0x8002, &[1, 2, 3, 4]);
        let all: Vec<_> = nested(&bytes).collect();
        assert_eq!(all, [(1, &[7][..]), (0x8002, &[1, 2, 3, 4])]);
        assert_eq!((find(&bytes, 2), find(&bytes, 3)), (Some(&[1, 2, 3, 4][..]), None));
        assert_eq!(nested(&bytes[..14]).count(), 1);
        assert_eq!(nested(&[3, 0, 1, 0, 9]).count(), 0, "a length below the header's");
    }
}
