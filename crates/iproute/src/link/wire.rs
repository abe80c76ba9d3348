//! Attributes that the model keeps undecoded: walking them, reading numbers
//! out of them, and building them for requests.

use fingerpost_model::{Attr, attr as model};

/// The attributes nested in `payload`; stops at the first malformed one.
pub(crate) fn nested(payload: &[u8]) -> Vec<Attr> {
    model::nested(payload).map(|(kind, data)| attr(kind & model::TYPE, data)).collect()
}

/// The payload of the first attribute of this type, as `parse_rtattr` keeps it.
pub(crate) fn find(attrs: &[Attr], kind: u16) -> Option<&[u8]> {
    attrs.iter().find(|a| a.kind & model::TYPE == kind).map(|a| a.data.as_slice())
}

/// The first byte.
pub(crate) fn u8_of(data: &[u8]) -> Option<u8> {
    data.first().copied()
}

/// The first two bytes, in host order.
pub(crate) fn u16_of(data: &[u8]) -> Option<u16> {
    data.first_chunk().map(|b| u16::from_ne_bytes(*b))
}

/// The first two bytes, in network order.
pub(crate) fn be16_of(data: &[u8]) -> Option<u16> {
    data.first_chunk().map(|b| u16::from_be_bytes(*b))
}

/// The first four bytes, in host order.
pub(crate) fn u32_of(data: &[u8]) -> Option<u32> {
    data.first_chunk().map(|b| u32::from_ne_bytes(*b))
}

/// The first eight bytes, in host order.
pub(crate) fn u64_of(data: &[u8]) -> Option<u64> {
    data.first_chunk().map(|b| u64::from_ne_bytes(*b))
}

/// Text up to the first zero byte.
pub(crate) fn text_of(data: &[u8]) -> String {
    let end = data.iter().position(|&b| b == 0).unwrap_or(data.len());
    String::from_utf8_lossy(&data[..end]).into_owned()
}

/// An attribute with this payload.
pub(crate) fn attr(kind: u16, data: impl Into<Vec<u8>>) -> Attr {
    Attr { kind, data: data.into() }
}

/// The bytes of an attribute as they stand inside another, padded to four.
pub(crate) fn encode(kind: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(payload.len().next_multiple_of(4) + 4);
    model::put(&mut bytes, kind, payload);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_attributes_survive_a_round_and_stop_at_garbage() {
        let mut bytes = encode(1, &[7]);
        bytes.extend(encode(0x8002, &[1, 2, 3, 4]));
        let attrs = nested(&bytes);
        assert_eq!(attrs, [attr(1, [7]), attr(2, [1, 2, 3, 4])]);
        assert_eq!(find(&attrs, 2).and_then(u32_of), Some(u32::from_ne_bytes([1, 2, 3, 4])));
        bytes.truncate(10);
        assert_eq!(nested(&bytes).len(), 1);
        assert!(nested(&[3, 0, 1, 0, 9]).is_empty());
    }
}
