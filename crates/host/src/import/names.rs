//! Names that `ip` prints in place of numbers.

use std::collections::HashMap;

use fingerpost_model::{Scope, TableId};

use super::ImportError;

/// Devices and tables by name.
#[derive(Default)]
pub(super) struct Names {
    devices: HashMap<String, u32>,
    tables: HashMap<String, u32>,
}

impl Names {
    pub fn add_device(&mut self, name: &str, index: u32) {
        self.devices.insert(name.to_string(), index);
    }

    pub fn device(&self, name: &str) -> Option<u32> {
        // A device that is gone is printed by its number.
        self.devices.get(name).copied().or_else(|| name.strip_prefix("if")?.parse().ok())
    }

    /// Reads a file in the form of `/etc/iproute2/rt_tables`.
    pub fn read_tables(&mut self, file: &str, text: &str) -> Result<(), ImportError> {
        for (at, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or("").trim();
            if line.is_empty() {
                continue;
            }
            let mut words = line.split_whitespace();
            let number = words.next().and_then(number);
            let (Some(number), Some(name)) = (number, words.next()) else {
                return Err(ImportError::Content {
                    file: file.into(),
                    line: at + 1,
                    column: 1,
                    field: String::new(),
                    problem: "expected a number and a name".into(),
                });
            };
            self.tables.insert(name.to_string(), number);
        }
        Ok(())
    }

    pub fn table(&self, text: &str) -> Option<TableId> {
        TableId::from_name(text)
            .or_else(|| self.tables.get(text).map(|&id| TableId(id)))
            .or_else(|| number(text).map(TableId))
    }
}

/// A number, decimal or with `0x`.
pub(super) fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

fn named(text: &str, names: &[(&str, u32)]) -> Option<u32> {
    names.iter().find(|(name, _)| *name == text).map(|&(_, value)| value).or_else(|| number(text))
}

pub(super) const PROTOCOL: &str = "a routing protocol's number, or a name of iproute2's own list";

pub(super) fn protocol(text: &str) -> Option<u8> {
    const NAMES: [(&str, u32); 23] = [
        ("unspec", 0),
        ("none", 0),
        ("redirect", 1),
        ("kernel", 2),
        ("boot", 3),
        ("static", 4),
        ("gated", 8),
        ("ra", 9),
        ("mrt", 10),
        ("zebra", 11),
        ("bird", 12),
        ("dnrouted", 13),
        ("xorp", 14),
        ("ntk", 15),
        ("dhcp", 16),
        ("keepalived", 18),
        ("babel", 42),
        ("openr", 99),
        ("bgp", 186),
        ("isis", 187),
        ("ospf", 188),
        ("rip", 189),
        ("eigrp", 192),
    ];
    named(text, &NAMES)?.try_into().ok()
}

/// Protocols of addresses have names of their own.
pub(super) fn address_protocol(text: &str) -> Option<u8> {
    named(text, &[("unspec", 0), ("kernel_lo", 1), ("kernel_ra", 2), ("kernel_ll", 3)])?.try_into().ok()
}

pub(super) fn scope(text: &str) -> Option<Scope> {
    Scope::from_name(text).or_else(|| number(text)?.try_into().ok().map(Scope))
}

pub(super) fn realm(text: &str) -> Option<u32> {
    named(text, &[("cosmos", 0)]).filter(|&realm| realm <= 0xffff)
}

pub(super) fn tos(text: &str) -> Option<u8> {
    number(text)?.try_into().ok()
}

pub(super) fn group(text: &str) -> Option<u32> {
    named(text, &[("default", 0)])
}

pub(super) fn ip_protocol(text: &str) -> Option<u8> {
    const NAMES: [(&str, u32); 14] = [
        ("icmp", 1),
        ("igmp", 2),
        ("ipencap", 4),
        ("ipip", 4),
        ("tcp", 6),
        ("udp", 17),
        ("ipv6", 41),
        ("gre", 47),
        ("esp", 50),
        ("ah", 51),
        ("ipv6-icmp", 58),
        ("ospf", 89),
        ("sctp", 132),
        ("udplite", 136),
    ];
    named(text.strip_prefix("ipproto-").unwrap_or(text), &NAMES)?.try_into().ok()
}

pub(super) fn arp_type(text: &str) -> Option<u16> {
    const NAMES: [(&str, u32); 16] = [
        ("ether", 1),
        ("infiniband", 32),
        ("can", 280),
        ("ppp", 512),
        ("ipip", 768),
        ("tunnel6", 769),
        ("loopback", 772),
        ("sit", 776),
        ("gre", 778),
        ("gre6", 823),
        ("phonet_pipe", 821),
        ("netlink", 824),
        ("6lowpan", 825),
        ("vsockmon", 826),
        ("none", 65534),
        ("void", 65535),
    ];
    named(text.trim_start_matches('[').trim_end_matches(']'), &NAMES)?.try_into().ok()
}

pub(super) fn operstate(text: &str) -> Option<u8> {
    const NAMES: [&str; 7] = ["UNKNOWN", "NOTPRESENT", "DOWN", "LOWERLAYERDOWN", "TESTING", "DORMANT", "UP"];
    NAMES.iter().position(|name| *name == text).map(|at| at as u8)
}

/// Bits by name; `None` for the name that is not known.
pub(super) fn bits<'t>(words: &'t [String], names: &[(&str, u32)]) -> Result<u32, &'t str> {
    words.iter().try_fold(0, |bits, word| match names.iter().find(|(name, _)| name == word) {
        Some((_, bit)) => Ok(bits | bit),
        None => u32::from_str_radix(word, 16).map(|rest| bits | rest).map_err(|_| word.as_str()),
    })
}

pub(super) const LINK_FLAGS: [(&str, u32); 20] = [
    ("NO-CARRIER", 0),
    ("M-DOWN", 0),
    ("UP", 0x1),
    ("BROADCAST", 0x2),
    ("DEBUG", 0x4),
    ("LOOPBACK", 0x8),
    ("POINTOPOINT", 0x10),
    ("NOTRAILERS", 0x20),
    ("NOARP", 0x80),
    ("PROMISC", 0x100),
    ("ALLMULTI", 0x200),
    ("MASTER", 0x400),
    ("SLAVE", 0x800),
    ("MULTICAST", 0x1000),
    ("PORTSEL", 0x2000),
    ("AUTOMEDIA", 0x4000),
    ("DYNAMIC", 0x8000),
    ("LOWER_UP", 0x1_0000),
    ("DORMANT", 0x2_0000),
    ("ECHO", 0x4_0000),
];

pub(super) const ROUTE_FLAGS: [(&str, u32); 11] = [
    ("dead", 1),
    ("pervasive", 2),
    ("onlink", 4),
    ("offload", 8),
    ("linkdown", 16),
    ("unresolved", 32),
    ("trap", 64),
    ("notify", 0x100),
    ("rt_offload", 0x4000),
    ("rt_trap", 0x8000),
    ("rt_offload_failed", 0x2000_0000),
];

pub(super) fn encap(text: &str) -> Option<u16> {
    const NAMES: [&str; 11] =
        ["", "mpls", "ip", "ila", "ip6", "seg6", "bpf", "seg6local", "rpl", "ioam6", "xfrm"];
    NAMES.iter().skip(1).position(|name| *name == text).map(|at| at as u16 + 1)
}
