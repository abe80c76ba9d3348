//! Packets in packets, as the multipath hash looks at them (`__skb_flow_dissect`).

use fingerpost_net::wire::{Fragment6, Header, Ipv4, Ipv6, ethertype, next};

use super::receive::ports_of;
use crate::config::Config;
use crate::lookup::hash_inside::{Addrs, Innermost};

const GRE: u8 = 47;
const IP6: u8 = 41;
const IP4: u8 = 4;
/// Ethernet in GRE, and PPP.
const BRIDGED: u16 = 0x6558;
const PPP: u16 = 0x880b;
/// How many headers are looked at.
const MOST: usize = 15;

/// What a packet of IPv4 that holds another has for the hash by the policy that is set.
pub(super) fn inside4(config: &Config, bytes: &[u8], header: &Ipv4) -> Option<u32> {
    let sysctl = &config.sysctl;
    let (policy, fields) = (sysctl.fib_multipath_hash_policy, sysctl.fib_multipath_hash_fields);
    let found =
        || Some(innermost(bytes, ethertype::IPV4)?.hash(policy, fields, sysctl.fib_multipath_hash_seed));
    if may_hold(header.proto, policy) { found() } else { None }
}

/// The same of a packet of IPv6, whose headers end with that protocol.
pub(super) fn inside6(config: &Config, bytes: &[u8], number: u8) -> Option<u32> {
    let (policy, fields) =
        (config.sysctl6.fib_multipath_hash_policy, config.sysctl6.fib_multipath_hash_fields);
    let seed = config.sysctl.fib_multipath_hash_seed;
    let found = || Some(innermost(bytes, ethertype::IPV6)?.hash(policy, fields, seed));
    if may_hold(number, policy) { found() } else { None }
}

fn may_hold(number: u8, policy: u8) -> bool {
    matches!(number, IP4 | IP6 | GRE) && matches!(policy, 2 | 3)
}

/// The innermost header, `None` where the first is not whole.
fn innermost(bytes: &[u8], first: u16) -> Option<Innermost> {
    let mut walk = Walk { bytes, at: 0, found: None, is_inside: false, number: 0, is_fragment: false };
    let mut protocol = Some(first);
    for _ in 0..MOST {
        let Some(number) = protocol else { break };
        protocol = walk.step(number);
    }
    let Walk { bytes, at, found, is_inside, number, is_fragment } = walk;
    let (addrs, label) = found?;
    let rest = bytes.get(at..).unwrap_or_default();
    let (sport, dport) = if is_fragment { None } else { ports_of(number, rest) }.unwrap_or_default();
    Some(Innermost { addrs, label, proto: number, sport, dport, is_inside })
}

struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    found: Option<(Addrs, u32)>,
    is_inside: bool,
    /// Protocol behind the last header of IP.
    number: u8,
    is_fragment: bool,
}

impl Walk<'_> {
    fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Looks at a header, and says what comes behind it if that is to be looked at too.
    fn step(&mut self, protocol: u16) -> Option<u16> {
        let label = self.found.map_or(0, |(_, label)| label);
        match protocol {
            ethertype::IPV4 => {
                let header =
                    Ipv4::read(self.rest()).copied().filter(|header| header.header_len() >= Ipv4::LEN)?;
                self.found = Some((Addrs::V4(header.source(), header.destination()), label));
                (self.number, self.at) = (header.proto, self.at + header.header_len());
                if header.is_fragment() {
                    self.is_fragment = true;
                    return None;
                }
            }
            ethertype::IPV6 => {
                let header = *Ipv6::read(self.rest())?;
                let own = header.flow_label();
                let label = if own != 0 { own } else { label };
                self.found = Some((Addrs::V6(header.source(), header.destination()), label));
                (self.number, self.at) = (header.next, self.at + Ipv6::LEN);
                self.extensions()?;
            }
            ethertype::VLAN | ethertype::PROVIDER_VLAN => {
                let [_, _, a, b, ..] = *self.rest() else { return None };
                self.at += 4;
                return Some(u16::from_be_bytes([a, b]));
            }
            _ => return None,
        }
        match self.number {
            IP4 | IP6 => {
                self.is_inside = true;
                Some(if self.number == IP4 { ethertype::IPV4 } else { ethertype::IPV6 })
            }
            GRE => self.gre(),
            _ => None,
        }
    }

    /// Passes IPv6's extension headers; `None` at what ends the search.
    fn extensions(&mut self) -> Option<()> {
        for _ in 0..MOST {
            match (self.number, self.rest()) {
                (next::HOP | next::ROUTING | next::DESTINATION, [following, len, ..]) => {
                    (self.number, self.at) = (*following, self.at + (usize::from(*len) + 1) * 8);
                }
                (next::FRAGMENT, rest) if rest.len() >= Fragment6::LEN => {
                    (self.number, self.is_fragment) = (rest[0], true);
                    return None;
                }
                (next::HOP | next::ROUTING | next::DESTINATION | next::FRAGMENT, _) => return None,
                _ => return Some(()),
            }
        }
        None
    }

    /// `__skb_flow_dissect_gre`.
    fn gre(&mut self) -> Option<u16> {
        let [flags, version, a, b, ..] = *self.rest() else { return None };
        let has = |bit: u8| flags & bit != 0;
        let carried = u16::from_be_bytes([a, b]);
        let is_pptp = version & 7 == 1 && carried == PPP && has(0x20);
        if has(0x40) || version & 7 != 0 && !is_pptp {
            return None;
        }
        let mut len = 4;
        for bit in [0x80, 0x20, 0x10] {
            len += if has(bit) { 4 } else { 0 };
        }
        let inner = match (is_pptp, carried) {
            (true, _) => {
                len += if version & 0x80 != 0 { 4 } else { 0 };
                let [_, _, a, b, ..] = *self.rest().get(len..)? else { return None };
                len += 4;
                match u16::from_be_bytes([a, b]) {
                    0x21 => ethertype::IPV4,
                    0x57 => ethertype::IPV6,
                    _ => carried,
                }
            }
            (false, BRIDGED) => {
                let frame = self.rest().get(len..len + 14)?;
                len += 14;
                u16::from_be_bytes([frame[12], frame[13]])
            }
            (false, carried) => carried,
        };
        self.at += len;
        self.is_inside = true;
        Some(inner)
    }
}
