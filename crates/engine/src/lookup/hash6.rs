//! The multipath hash of IPv6 (`rt6_multipath_hash`, C-300, T-59): of flows, and of packets,
//! of which it takes more.

use std::net::Ipv6Addr;

use super::Flow6;
use super::hash::{
    FIELD_DPORT, FIELD_DST, FIELD_FLOWLABEL, FIELD_PROTO, FIELD_SPORT, FIELD_SRC, FIELDS_OUTER, jhash_2words,
    siphash24,
};
use crate::config::Config;

/// What the hash takes of a packet: one that was received, or one that an ICMPv6 error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hashed6 {
    /// Its source, destination and label, and the number in its own header.
    pub header: Header6,
    /// The protocol behind its extension headers (`skb_flow_dissect`).
    pub proto: u8,
    /// Source port; 0 for none.
    pub sport: u16,
    /// Destination port.
    pub dport: u16,
    /// If it is an ICMPv6 error, the header of the packet that it is about.
    pub quoted: Option<Header6>,
    /// Whether rules had it dissected before it was hashed, as happens to ICMPv6 alone.
    pub for_rules: bool,
    /// If it holds another packet and the policy looks there, what that has for the hash.
    pub inside: Option<u32>,
}

/// What of a header is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header6 {
    /// Source.
    pub src: Ipv6Addr,
    /// Destination.
    pub dst: Ipv6Addr,
    /// Flow label.
    pub label: u32,
    /// The number of what comes next.
    pub next: u8,
}

impl Hashed6 {
    /// Addresses and label without what is behind them, as policy 0 takes them
    /// (`ip6_multipath_l3_keys`).
    fn addresses(&self) -> Keys {
        let of_header = |header: &Header6| Keys {
            src: header.src,
            dst: header.dst,
            label: header.label.to_be_bytes(),
            proto: header.next,
            ..Keys::EMPTY
        };
        match &self.quoted {
            Some(quoted) => of_header(quoted),
            None if self.for_rules => self.dissected(),
            None => of_header(&self.header),
        }
    }

    /// What dissecting gives, labels in the order of bytes of a little-endian machine.
    fn dissected(&self) -> Keys {
        let Header6 { src, dst, label, .. } = self.header;
        Keys { src, dst, label: label.to_le_bytes(), proto: self.proto, ..Keys::EMPTY }
    }
}

/// What is hashed.
#[derive(Clone, Copy)]
pub(super) struct Keys {
    pub src: Ipv6Addr,
    pub dst: Ipv6Addr,
    pub label: [u8; 4],
    pub proto: u8,
    pub sport: u16,
    pub dport: u16,
}

impl Keys {
    const EMPTY: Keys = Keys {
        src: Ipv6Addr::UNSPECIFIED,
        dst: Ipv6Addr::UNSPECIFIED,
        label: [0; 4],
        proto: 0,
        sport: 0,
        dport: 0,
    };

    /// Those that a setting names.
    fn chosen(self, fields: u32) -> Keys {
        let has = |bit| fields & bit != 0;
        Keys {
            src: if has(FIELD_SRC) { self.src } else { Ipv6Addr::UNSPECIFIED },
            dst: if has(FIELD_DST) { self.dst } else { Ipv6Addr::UNSPECIFIED },
            label: if has(FIELD_FLOWLABEL) { self.label } else { [0; 4] },
            proto: if has(FIELD_PROTO) { self.proto } else { 0 },
            sport: if has(FIELD_SPORT) { self.sport } else { 0 },
            dport: if has(FIELD_DPORT) { self.dport } else { 0 },
        }
    }

    /// SipHash-2-4 over the kernel's 72 bytes of flow keys, symmetric in direction (C-061).
    pub(super) fn hash(mut self, seed: u32) -> u32 {
        if self.dst < self.src {
            std::mem::swap(&mut self.src, &mut self.dst);
        }
        if self.dport.swap_bytes() < self.sport.swap_bytes() {
            std::mem::swap(&mut self.sport, &mut self.dport);
        }
        let mut bytes = [0u8; 72];
        bytes[2] = self.proto;
        bytes[4..8].copy_from_slice(&self.label);
        bytes[28..30].copy_from_slice(&self.sport.to_be_bytes());
        bytes[30..32].copy_from_slice(&self.dport.to_be_bytes());
        bytes[36..52].copy_from_slice(&self.src.octets());
        bytes[52..68].copy_from_slice(&self.dst.octets());
        let word = u64::from(seed) << 32 | u64::from(seed);
        match siphash24(word, word, &bytes) as u32 {
            0 => 1,
            hash => hash,
        }
    }
}

/// The 31-bit hash of an IPv6 flow, or of its packet; `None` when the kernel's seed, which both
/// families share, is random and so unknown.
pub fn multipath_hash6(config: &Config, flow: &Flow6) -> Option<u32> {
    const ADDRESSES: u32 = FIELD_SRC | FIELD_DST | FIELD_PROTO;
    let seed = config.sysctl.fib_multipath_hash_seed;
    if seed == 0 {
        return None;
    }
    let of_flow = || {
        let &Flow6 { src, dst, proto, sport, dport, .. } = flow;
        Keys { src, dst, label: flow.flowlabel.to_be_bytes(), proto, sport, dport }
    };
    let all = || match &flow.hashed {
        Some(packet) => Keys { sport: packet.sport, dport: packet.dport, ..packet.dissected() },
        None => of_flow(),
    };
    let full = match config.sysctl6.fib_multipath_hash_policy {
        1 => all().chosen(ADDRESSES | FIELD_SPORT | FIELD_DPORT).hash(seed),
        2 => match flow.hashed.and_then(|packet| packet.inside) {
            Some(inside) => inside,
            None => all().chosen(ADDRESSES | FIELD_FLOWLABEL).hash(seed),
        },
        3 => {
            let fields = config.sysctl6.fib_multipath_hash_fields & FIELDS_OUTER;
            let outer = if fields == 0 { 0 } else { all().chosen(fields).hash(seed) };
            match flow.hashed {
                Some(packet) => jhash_2words(outer, packet.inside.unwrap_or(0), 0),
                None => outer,
            }
        }
        _ => match &flow.hashed {
            Some(packet) => packet.addresses().hash(seed),
            None => of_flow().chosen(ADDRESSES | FIELD_FLOWLABEL).hash(seed),
        },
    };
    Some(full >> 1)
}
