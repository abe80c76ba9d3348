//! What the multipath hash takes of packets that hold others: policies 2 and 3 look inside
//! (`fib_multipath_hash`, `rt6_multipath_hash`).

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{hash, hash6};

/// A packet dissected to the innermost header that is understood (`skb_flow_dissect`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Innermost {
    /// Source and destination.
    pub addrs: Addrs,
    /// Flow label of IPv6, of the last header that has one.
    pub label: u32,
    /// Protocol behind it.
    pub proto: u8,
    /// Source port; 0 for none.
    pub sport: u16,
    /// Destination port.
    pub dport: u16,
    /// Whether something was inside.
    pub is_inside: bool,
}

/// Addresses of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addrs {
    /// Of IPv4.
    V4(Ipv4Addr, Ipv4Addr),
    /// Of IPv6.
    V6(Ipv6Addr, Ipv6Addr),
}

const FIELD_SRC: u32 = 0x40;
const FIELD_DST: u32 = 0x80;
const FIELD_PROTO: u32 = 0x100;
const FIELD_FLOWLABEL: u32 = 0x200;
const FIELD_SPORT: u32 = 0x400;
const FIELD_DPORT: u32 = 0x800;
const FIELDS_INNER: u32 = 0xfc0;

impl Innermost {
    /// What becomes of it by a policy and its fields: the hash by policy 2, the second word
    /// of the hash by policy 3.
    pub fn hash(&self, policy: u8, fields: u32, seed: u32) -> u32 {
        let is_inner = policy != 2;
        if is_inner && !(self.is_inside && fields & FIELDS_INNER != 0) {
            return 0;
        }
        let has = |bit, by_default| if is_inner { fields & bit != 0 } else { by_default };
        let port = |bit, port| if has(bit, false) { port } else { 0 };
        let (sport, dport) = (port(FIELD_SPORT, self.sport), port(FIELD_DPORT, self.dport));
        let proto = |by_default| if has(FIELD_PROTO, by_default) { self.proto } else { 0 };
        match self.addrs {
            Addrs::V4(src, dst) => {
                let addr = |bit, addr: Ipv4Addr| if has(bit, true) { addr.to_bits() } else { 0 };
                let (src, dst) = (addr(FIELD_SRC, src), addr(FIELD_DST, dst));
                hash::hash_keys(hash::Keys { src, dst, sport, dport, proto: proto(false) }, seed)
            }
            Addrs::V6(src, dst) => {
                let addr = |bit, addr| if has(bit, true) { addr } else { Ipv6Addr::UNSPECIFIED };
                let (src, dst) = (addr(FIELD_SRC, src), addr(FIELD_DST, dst));
                let label = if has(FIELD_FLOWLABEL, true) { self.label.to_le_bytes() } else { [0; 4] };
                hash6::Keys { src, dst, label, proto: proto(true), sport, dport }.hash(seed)
            }
        }
    }
}
