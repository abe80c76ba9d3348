//! What kind of address an IPv6 address is (`ipv6_addr_type`): its class, and
//! its scope as source selection compares it.

use std::net::Ipv6Addr;

/// Class and scope of an IPv6 address, as Linux's bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddrType {
    bits: u16,
    /// The scope, 1 to 15 as in multicast addresses (RFC 4291); −1 for `::`.
    pub src_scope: i8,
}

impl AddrType {
    /// `IPV6_ADDR_UNICAST`.
    const UNICAST: u16 = 0x0001;
    /// `IPV6_ADDR_MULTICAST`.
    pub const MULTICAST: u16 = 0x0002;
    /// `IPV6_ADDR_LOOPBACK`: `::1`, and multicast that does not leave the host.
    pub const LOOPBACK: u16 = 0x0010;
    /// `IPV6_ADDR_LINKLOCAL`: `fe80::/10`, and multicast of link scope.
    pub const LINK_LOCAL: u16 = 0x0020;
    /// `IPV6_ADDR_SITELOCAL`: `fec0::/10`, and multicast of site scope.
    pub const SITE_LOCAL: u16 = 0x0040;
    /// `IPV6_ADDR_COMPATv4`: `::/96`.
    pub const COMPATIBLE: u16 = 0x0080;
    /// `IPV6_ADDR_MAPPED`: `::ffff:0:0/96`.
    pub const MAPPED: u16 = 0x1000;

    /// The type of an address.
    #[inline]
    pub fn of(addr: Ipv6Addr) -> AddrType {
        let word = |n: usize| (addr.to_bits() >> (96 - 32 * n)) as u32;
        let unicast = |bits: u16, src_scope: i8| AddrType { bits: bits | AddrType::UNICAST, src_scope };
        let first = word(0);
        if first >> 24 == 0xff {
            let scope = (first >> 16 & 0xf) as i8;
            let class = match scope {
                1 => AddrType::LOOPBACK,
                2 => AddrType::LINK_LOCAL,
                5 => AddrType::SITE_LOCAL,
                _ => 0,
            };
            return AddrType { bits: AddrType::MULTICAST | class, src_scope: scope };
        }
        if first >> 22 == 0xfe80 >> 6 {
            return unicast(AddrType::LINK_LOCAL, 2);
        }
        if first >> 22 == 0xfec0 >> 6 {
            return unicast(AddrType::SITE_LOCAL, 5);
        }
        match (first, word(1), word(2), word(3)) {
            (0, 0, 0, 0) => AddrType { bits: 0, src_scope: -1 },
            (0, 0, 0, 1) => unicast(AddrType::LOOPBACK, 2),
            (0, 0, 0, _) => unicast(AddrType::COMPATIBLE, 14),
            (0, 0, 0xffff, _) => AddrType { bits: AddrType::MAPPED, src_scope: 14 },
            _ => unicast(0, 14),
        }
    }

    /// Whether it has any of these class bits.
    #[inline]
    pub fn any(self, bits: u16) -> bool {
        self.bits & bits != 0
    }

    /// Whether it is unicast, IPv4-mapped ones not among them.
    pub fn is_unicast(self) -> bool {
        self.any(AddrType::UNICAST)
    }

    /// Whether it is multicast.
    pub fn is_multicast(self) -> bool {
        self.any(AddrType::MULTICAST)
    }

    /// Whether it is `::`.
    #[inline]
    pub fn is_any(self) -> bool {
        self.src_scope == -1
    }

    /// Whether it is a unicast address of `fe80::/10`.
    pub fn is_link_local_unicast(self) -> bool {
        self.bits == AddrType::LINK_LOCAL | AddrType::UNICAST
    }

    /// Whether it says nothing without its link (`__ipv6_addr_needs_scope_id`).
    pub fn needs_link(self) -> bool {
        self.any(AddrType::LINK_LOCAL) || self.is_multicast() && self.any(AddrType::LOOPBACK)
    }

    /// Whether lookups for it demand the device (`rt6_need_strict`).
    #[inline]
    pub fn needs_device(self) -> bool {
        self.any(AddrType::MULTICAST | AddrType::LINK_LOCAL | AddrType::LOOPBACK)
    }

    /// Whether it means something else on each link, so that sockets need a device beside it
    /// (`__ipv6_addr_needs_scope_id`).
    pub fn needs_scope(self) -> bool {
        self.is_link_local_unicast() || self.is_multicast() && matches!(self.src_scope, 1 | 2)
    }

    /// The bits that an address label can demand (`ipv6_addr_label`).
    pub fn label_class(self) -> u16 {
        self.bits & (AddrType::MAPPED | AddrType::COMPATIBLE | AddrType::LOOPBACK)
    }

    /// All bits of the class, without the scope's (`ipv6_addr_type`).
    pub fn bits_with_scope(self) -> u32 {
        self.bits.into()
    }

    /// Its scope as `IFA_*` bits (`ipv6_addr_scope`): 0 global.
    pub fn ifa_scope(self) -> u16 {
        self.bits & 0x00f0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_the_kernel_s_scopes() {
        let scope = |text: &str| AddrType::of(text.parse().expect("an address")).src_scope;
        assert_eq!(scope("::"), -1);
        assert_eq!(scope("::1"), 2);
        assert_eq!(scope("::2"), 14);
        assert_eq!(scope("::ffff:10.0.0.1"), 14);
        assert_eq!(scope("fe80::1"), 2);
        assert_eq!(scope("fec0::1"), 5);
        assert_eq!(scope("fc00::1"), 14);
        assert_eq!(scope("2001:db8::1"), 14);
        assert_eq!(scope("ff02::1"), 2);
        assert_eq!(scope("ff0e::1"), 14);
    }

    #[test]
    fn a_group_of_link_scope_is_not_a_link_local_gateway() {
        let group = AddrType::of("ff02::1".parse().expect("an address"));
        assert!(group.needs_device() && group.is_multicast() && !group.is_link_local_unicast());
        assert!(AddrType::of("fe80::1".parse().expect("an address")).is_link_local_unicast());
    }
}
