//! Attributes that are kept raw: what `ip -d link` shows beyond the decoded ones.

use fingerpost_model::{Attr, LinkFlags, LinkMsg};

use super::kind;
use crate::config::Link;

/// `IFLA_AF_SPEC`.
const AF_SPEC: u16 = 26;

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

/// How IPv6 would make addresses on the device (`IFLA_INET6_ADDR_GEN_MODE`):
/// 0 EUI-64, 1 none, 3 random.
pub(super) fn address_generation(mode: u8) -> Attr {
    let inet6 = nest(&[(8, &[mode])]);
    Attr { kind: AF_SPEC, data: nest(&[(10, &inet6)]) }
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

/// Smallest MTU with which a device has IPv6.
const IPV6_MIN_MTU: u32 = 1280;
/// `IFLA_VRF_PORT_TABLE`.
pub(super) const VRF_PORT_TABLE: u16 = 1;
/// `MACVLAN_MODE_VEPA`, the default.
pub(super) const MACVLAN_VEPA: u32 = 2;
/// `IPVLAN_MODE_L3`, the default.
pub(super) const IPVLAN_L3: u32 = 1;

/// Writes how IPv6 would make addresses; without IPv6, nothing.
fn set_address_generation(msg: &mut LinkMsg, mode: Option<u8>) {
    msg.other.retain(|attr| attr.kind != AF_SPEC);
    msg.other.extend(mode.map(address_generation));
}

/// A device that comes to a namespace has IPv6 as devices have by default.
pub(super) fn start_ipv6(msg: &mut LinkMsg) {
    let enough = msg.mtu.is_none_or(|mtu| mtu >= IPV6_MIN_MTU);
    set_address_generation(msg, enough.then_some(0));
}

/// A device has IPv6 while its MTU is at least 1280; loopback always.
pub(super) fn follow_mtu(link: &mut Link, mtu: u32) {
    let has = link.msg.other.iter().any(|attr| attr.kind == AF_SPEC);
    if mtu < IPV6_MIN_MTU && !link.is_loopback() {
        set_address_generation(&mut link.msg, None);
    } else if !has {
        set_address_generation(&mut link.msg, Some(0));
        let runs = link.msg.flags.has(LinkFlags::RUNNING);
        follow_state(&mut link.msg, runs);
    }
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

/// A device without addresses of its own gets random IPv6 ones once it works
/// (`addrconf_dev_config`); WireGuard gets none (`wg_open`).
pub(super) fn follow_state(msg: &mut LinkMsg, runs: bool) {
    let is_wireguard = msg.info.as_ref().is_some_and(|info| info.kind == "wireguard");
    let mode = match msg.arp_type {
        kind::NONE if is_wireguard && msg.flags.has(LinkFlags::UP) => 1,
        kind::NONE if runs => 3,
        _ => return,
    };
    if msg.other.iter().any(|attr| attr.kind == AF_SPEC) {
        set_address_generation(msg, Some(mode));
    }
}
