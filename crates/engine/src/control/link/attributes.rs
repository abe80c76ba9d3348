//! Attributes that are kept raw: what `ip -d link` shows beyond the decoded ones.

use fingerpost_model::{Attr, attr};

/// Joins attributes as netlink lays them out.
pub(super) fn nest(attrs: &[(u16, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    attrs.iter().for_each(|(kind, payload)| attr::put(&mut out, *kind, payload));
    out
}

/// A 32-bit attribute in the machine's byte order.
pub(super) fn u32(kind: u16, value: u32) -> Attr {
    Attr { kind, data: value.to_ne_bytes().to_vec() }
}

/// A 16-bit attribute in the machine's byte order.
pub(super) fn u16(kind: u16, value: u16) -> Attr {
    Attr { kind, data: value.to_ne_bytes().to_vec() }
}

/// A 64-bit attribute in the machine's byte order.
pub(super) fn u64(kind: u16, value: u64) -> Attr {
    Attr { kind, data: value.to_ne_bytes().to_vec() }
}

/// An 8-bit attribute.
pub(super) fn u8(kind: u16, value: u8) -> Attr {
    Attr { kind, data: vec![value] }
}

/// `IFLA_VRF_PORT_TABLE`.
pub(super) const VRF_PORT_TABLE: u16 = 1;
/// `MACVLAN_MODE_VEPA`, the default.
pub(super) const MACVLAN_VEPA: u32 = 2;
/// `IPVLAN_MODE_L3`, the default.
pub(super) const IPVLAN_L3: u32 = 1;

/// `IFLA_MACVLAN_FLAGS`, `…_MACADDR_COUNT`, `…_BC_QUEUE_LEN` and `…_BC_QUEUE_LEN_USED`.
pub(super) fn macvlan_data() -> Vec<Attr> {
    const QUEUE: u32 = 1000;
    vec![u16(2, 0), u32(6, 0), u32(7, QUEUE), u32(8, QUEUE)]
}

/// `IFLA_IPVLAN_FLAGS`.
pub(super) fn ipvlan_flags(given: &[Attr]) -> Attr {
    const FLAGS: u16 = 2;
    given.iter().find(|attr| attr.kind == FLAGS).cloned().unwrap_or_else(|| u16(FLAGS, 0))
}
