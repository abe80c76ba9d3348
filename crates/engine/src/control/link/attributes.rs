//! Attributes that are kept raw: what `ip -d link` shows beyond the decoded ones.

use std::net::Ipv6Addr;

use fingerpost_model::{Attr, LinkMsg};

use crate::config::{Config, In6Dev, Link};

/// `IFLA_AF_SPEC`.
const AF_SPEC: u16 = 26;
/// `AF_INET6` as an attribute of [`AF_SPEC`], and in it `IFLA_INET6_TOKEN` and
/// `IFLA_INET6_ADDR_GEN_MODE` (0 EUI-64, 1 none, 2 of a secret, 3 random).
const INET6: u16 = 10;
const TOKEN: u16 = 7;
const GENERATION: u16 = 8;

/// Joins attributes as netlink lays them out: length, type, payload, padding to four bytes.
pub(super) fn nest(attrs: &[(u16, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (kind, payload) in attrs {
        let len = (payload.len() + 4) as u16;
        out.extend_from_slice(&len.to_ne_bytes());
        out.extend_from_slice(&kind.to_ne_bytes());
        out.extend_from_slice(payload);
        out.resize(out.len().next_multiple_of(4), 0);
    }
    out
}

/// How IPv6 makes addresses on the device (`inet6_fill_ifla6_attrs`).
fn address_generation(ipv6: &In6Dev) -> Attr {
    let token = ipv6.token.octets();
    let inet6 = nest(&[(TOKEN, &token), (GENERATION, &[ipv6.conf.addr_gen_mode as u8])]);
    Attr { kind: AF_SPEC, data: nest(&[(INET6, &inet6)]) }
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

/// The mode that a request asks for (`inet6_validate_link_af`).
pub(super) fn asked_generation(msg: &LinkMsg) -> Option<u8> {
    asked_inet6(msg, GENERATION)?.first().copied()
}

/// The token that a request asks for (`inet6_set_iftoken`).
pub(super) fn asked_token(msg: &LinkMsg) -> Option<Ipv6Addr> {
    asked_inet6(msg, TOKEN)?.first_chunk::<16>().map(|octets| Ipv6Addr::from(*octets))
}

fn asked_inet6(msg: &LinkMsg, kind: u16) -> Option<&[u8]> {
    let families = msg.other.iter().find(|attr| attr.kind & 0x3fff == AF_SPEC)?;
    find_nested(find_nested(&families.data, INET6)?, kind)
}

/// The payload of an attribute among others.
fn find_nested(mut data: &[u8], wanted: u16) -> Option<&[u8]> {
    while let [len0, len1, kind0, kind1, ..] = *data {
        let len = usize::from(u16::from_ne_bytes([len0, len1]));
        let value = data.get(4..len)?;
        if u16::from_ne_bytes([kind0, kind1]) & 0x3fff == wanted {
            return Some(value);
        }
        data = data.get(len.next_multiple_of(4)..)?;
    }
    None
}

/// Forgets how a snapshot has it, once it changes.
pub(super) fn forget_shown(config: &mut Config, dev: u32) {
    if let Some(link) = config.links.get_mut(dev) {
        link.msg.other.retain(|attr| attr.kind & 0x3fff != AF_SPEC);
    }
}

/// Shows how IPv6 makes addresses on a device; of one without IPv6, nothing.
pub(crate) fn show_generation(link: &Link) -> LinkMsg {
    let mut msg = link.msg.clone();
    if msg.other.iter().any(|attr| attr.kind == AF_SPEC) {
        return msg; // as a snapshot has it
    }
    msg.other.extend(link.ipv6.as_ref().map(address_generation));
    msg
}

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
