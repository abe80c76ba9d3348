//! The addresses that scenarios of a family are about.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fingerpost_net::Family;

use super::model::Prefix;

/// Addresses of a family that mean something, to Linux or to a scenario.
pub struct Plan {
    /// What the loopback device has by itself.
    pub loopback: IpAddr,
    /// Subnets that devices get their addresses from, the usual ones first.
    pub subnets: &'static [(IpAddr, u8)],
    /// How many of them are the usual ones: those of half the addresses.
    pub usual: usize,
    /// How many of them any scenario may use; the others are for [`super::Theme::Sources`].
    pub common: usize,
    /// What destinations are made of: a base, something added to it, a length.
    pub bases: &'static [IpAddr],
    pub added: &'static [u128],
    pub lengths: &'static [u8],
    /// Bits below which the destinations of a large table differ.
    pub spread: u32,
    /// Lengths that a destination on a link may have besides the link's own.
    pub link_lengths: [u8; 4],
    pub special_prefixes: &'static [(IpAddr, u8)],
    pub special_addresses: &'static [IpAddr],
}

impl Plan {
    pub fn of(family: Family) -> &'static Plan {
        match family {
            Family::V4 => &FOUR,
            Family::V6 => &SIX,
        }
    }

    /// All destinations.
    pub fn default(&self) -> Prefix {
        Prefix::of(self.loopback, 0)
    }
}

pub const fn ip(a: u8, b: u8, c: u8, d: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(a, b, c, d))
}

const fn six([a, b, c, d, e, f, g, h]: [u16; 8]) -> IpAddr {
    IpAddr::V6(Ipv6Addr::new(a, b, c, d, e, f, g, h))
}

/// `2001:db8:A:B::C`.
const fn doc(a: u16, b: u16, c: u16) -> IpAddr {
    six([0x2001, 0xdb8, a, b, 0, 0, 0, c])
}

/// `fe80::N`.
pub const fn link_local(n: u16) -> IpAddr {
    six([0xfe80, 0, 0, 0, 0, 0, 0, n])
}

const FOUR: Plan = Plan {
    loopback: ip(127, 0, 0, 1),
    subnets: &[
        (ip(10, 0, 0, 0), 24),
        (ip(10, 0, 1, 0), 24),
        (ip(10, 0, 2, 0), 24),
        (ip(10, 0, 0, 0), 16),
        (ip(192, 168, 1, 0), 24),
        (ip(192, 168, 7, 128), 25),
        (ip(172, 16, 5, 0), 28),
        (ip(172, 16, 0, 0), 12),
        (ip(100, 64, 0, 0), 30),
        (ip(10, 9, 8, 6), 31),
        (ip(203, 0, 113, 64), 26),
        (ip(240, 1, 0, 0), 16),
        (ip(169, 254, 0, 0), 16),
        (ip(1, 0, 0, 0), 8),
        (ip(198, 51, 100, 0), 29),
        (ip(10, 0, 0, 128), 25),
    ],
    usual: 16,
    common: 16,
    bases: &[
        ip(20, 0, 0, 0),
        ip(20, 0, 0, 0),
        ip(20, 1, 2, 0),
        ip(8, 8, 8, 8),
        ip(5, 0, 0, 0),
        ip(198, 18, 0, 0),
        ip(10, 0, 0, 0),
        ip(10, 0, 1, 0),
        ip(128, 0, 0, 0),
        ip(192, 0, 2, 0),
        ip(192, 168, 0, 0),
        ip(99, 99, 0, 0),
    ],
    added: &[0, 0, 0, 1, 2, 3, 0x100, 0x200, 0x8000, 0x1_0000, 0x2_0000, 0x80_0000, 0x0101],
    lengths: &[1, 2, 3, 4, 7, 8, 8, 9, 12, 15, 16, 16, 16, 17, 20, 22, 23, 24, 24, 24, 25, 28, 31, 32],
    spread: 8,
    link_lengths: [32, 25, 16, 8],
    special_prefixes: &[
        (ip(224, 0, 0, 0), 4),
        (ip(239, 0, 0, 0), 8),
        (ip(239, 1, 1, 0), 24),
        (ip(127, 1, 0, 0), 16),
        (ip(127, 0, 0, 0), 8),
        (ip(255, 255, 255, 255), 32),
        (ip(0, 0, 0, 0), 1),
        (ip(128, 0, 0, 0), 1),
        (ip(240, 0, 0, 0), 4),
        (ip(0, 0, 0, 0), 8),
        (ip(224, 0, 0, 0), 24),
        (ip(0, 0, 0, 0), 2),
        (ip(0, 0, 0, 0), 32),
        (ip(192, 0, 0, 0), 3),
    ],
    special_addresses: &[
        ip(255, 255, 255, 255),
        ip(0, 0, 0, 0),
        ip(224, 0, 0, 1),
        ip(224, 0, 0, 5),
        ip(224, 1, 2, 3),
        ip(239, 1, 1, 1),
        ip(239, 255, 255, 255),
        ip(127, 0, 0, 1),
        ip(127, 9, 9, 9),
        ip(127, 1, 2, 3),
        ip(127, 255, 255, 255),
        ip(127, 0, 0, 0),
        ip(240, 0, 0, 1),
        ip(255, 255, 255, 254),
        ip(0, 1, 2, 3),
        ip(0, 0, 0, 1),
        ip(1, 1, 1, 1),
        ip(8, 8, 8, 8),
        ip(223, 255, 255, 255),
        ip(226, 5, 5, 5),
        ip(7, 1, 1, 1),
        ip(169, 254, 1, 1),
        ip(10, 255, 255, 255),
        ip(192, 168, 1, 1),
    ],
};

const SIX: Plan = Plan {
    loopback: six([0, 0, 0, 0, 0, 0, 0, 1]),
    // After the usual ones, one for each label of RFC 6724 and each special range.
    subnets: &[
        (doc(1, 0, 0), 64),
        (doc(1, 0, 0), 64),
        (doc(2, 0, 0), 64),
        (doc(2, 0, 0), 64),
        (doc(3, 0, 0), 64),
        (doc(1, 1, 0), 64),
        (doc(1, 0, 0), 48),
        (doc(0, 0, 0), 32),
        (six([0x2001, 0xdb8, 1, 0, 0x8000, 0, 0, 0]), 65),
        (six([0xfd00, 1, 0, 0, 0, 0, 0, 0]), 64),
        (six([0xfd00, 2, 0, 0, 0, 0, 0, 0]), 64),
        (six([0x2002, 0xc000, 0x204, 0, 0, 0, 0, 0]), 64),
        (six([0x2001, 0, 1, 0, 0, 0, 0, 0]), 64),
        (six([0x2001, 0x10, 0, 0, 0, 0, 0, 0]), 64),
        (six([0xfec0, 0, 0, 1, 0, 0, 0, 0]), 64),
        (six([0x3ffe, 1, 0, 0, 0, 0, 0, 0]), 64),
        (six([0x64, 0xff9b, 0, 0, 0, 0, 0, 0]), 96),
        (six([0, 0, 0, 0, 0, 0, 0x0a01, 0]), 112),
        (doc(4, 0, 0), 126),
        (doc(4, 0, 4), 127),
        (doc(5, 0, 0), 120),
        (link_local(0), 64),
    ],
    usual: 6,
    common: 18,
    bases: &[
        doc(0x20, 0, 0),
        doc(0x20, 0, 0),
        doc(0x21, 1, 0),
        doc(1, 0, 0),
        doc(2, 0, 0),
        doc(0, 0, 0),
        six([0x2001, 0x4860, 0x4860, 0, 0, 0, 0, 0x8888]),
        six([0x2400, 0, 0, 0, 0, 0, 0, 0]),
        six([0xfd00, 9, 0, 0, 0, 0, 0, 0]),
        six([0x2002, 0x808, 0x808, 0, 0, 0, 0, 0]),
        six([0x8000, 0, 0, 0, 0, 0, 0, 0]),
        six([0x2a00, 1, 2, 3, 4, 5, 6, 7]),
    ],
    added: &[0, 0, 0, 1, 2, 1 << 64, 2 << 64, 1 << 80, 1 << 63, 0x0101, 1 << 96],
    lengths: &[1, 3, 7, 16, 20, 29, 32, 32, 40, 44, 48, 48, 48, 56, 60, 63, 64, 64, 64, 64, 65, 96, 127, 128],
    spread: 68,
    link_lengths: [128, 65, 48, 32],
    special_prefixes: &[
        (six([0xff00, 0, 0, 0, 0, 0, 0, 0]), 8),
        (six([0xff05, 0, 0, 0, 0, 0, 0, 0]), 16),
        (six([0xff0e, 0, 0, 0, 0, 0, 0, 0]), 16),
        (six([0xff02, 0, 0, 0, 0, 0, 0, 1]), 128),
        (six([0xfe80, 0, 0, 0, 0, 0, 0, 0]), 10),
        (link_local(0), 64),
        (link_local(1), 128),
        (six([0, 0, 0, 0, 0, 0, 0, 0]), 1),
        (six([0x8000, 0, 0, 0, 0, 0, 0, 0]), 1),
        (six([0x2000, 0, 0, 0, 0, 0, 0, 0]), 3),
        (six([0xfc00, 0, 0, 0, 0, 0, 0, 0]), 7),
        (six([0, 0, 0, 0, 0, 0, 0, 1]), 128),
        (six([0, 0, 0, 0, 0, 0, 0, 0]), 128),
        (six([0, 0, 0, 0, 0, 0, 0, 0]), 96),
        (six([0, 0, 0, 0, 0, 0xffff, 0, 0]), 96),
        (six([0x2002, 0, 0, 0, 0, 0, 0, 0]), 16),
    ],
    special_addresses: &[
        six([0, 0, 0, 0, 0, 0, 0, 0]),
        six([0, 0, 0, 0, 0, 0, 0, 1]),
        six([0xff01, 0, 0, 0, 0, 0, 0, 1]),
        six([0xff02, 0, 0, 0, 0, 0, 0, 1]),
        six([0xff02, 0, 0, 0, 0, 0, 0, 2]),
        six([0xff02, 0, 0, 0, 0, 1, 0xff00, 1]),
        six([0xff05, 0, 0, 0, 0, 0, 0, 2]),
        six([0xff08, 0, 0, 0, 0, 0, 0, 9]),
        six([0xff0e, 0, 0, 0, 0, 0, 0, 0x101]),
        six([0xff1e, 0, 0, 0, 0, 0, 0, 5]),
        link_local(0),
        link_local(1),
        link_local(7),
        six([0xfe80, 0, 0, 0, 0, 0xff, 0xfe00, 1]),
        six([0xfec0, 0, 0, 0, 0, 0, 0, 1]),
        six([0, 0, 0, 0, 0, 0xffff, 0x0a00, 1]),
        six([0, 0, 0, 0, 0, 0, 0x0a01, 1]),
        six([0x64, 0xff9b, 0, 0, 0, 0, 0x0808, 0x0808]),
        six([0x2001, 0x4860, 0x4860, 0, 0, 0, 0, 0x8888]),
        six([0x2002, 0xc000, 0x204, 0, 0, 0, 0, 1]),
        six([0x2001, 0, 0x1234, 0, 0, 0, 0, 1]),
        six([0x3ffe, 0x1234, 0, 0, 0, 0, 0, 1]),
        six([0xfd00, 1, 0, 0, 0, 0, 0, 9]),
        six([0xfe00, 0, 0, 0, 0, 0, 0, 1]),
        doc(0xffff, 0, 1),
        IpAddr::V6(Ipv6Addr::from_bits(u128::MAX)),
    ],
};
