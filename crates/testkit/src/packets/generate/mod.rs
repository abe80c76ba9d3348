//! Random cases: a host, and packets that concern it.

mod arp;
mod host;
mod packet;
pub mod six;
pub mod sockets;
mod steps;
mod vrf;

pub use host::Host;

use fingerpost_net::wire::{Ethernet, Header, Mac, Tcp, tcp_flags};
use fingerpost_net::{Family, Rng};
use zerocopy::IntoBytes;
use zerocopy::byteorder::network_endian::{U16, U32};

use crate::packets::case::{Bytes, Case, Step};

/// The same with devices in VRFs.
pub fn case_in_vrfs(family: Family, seed: u64, index: u64) -> Case {
    let mut case = case(family, seed, index);
    case.script =
        vrf::with_vrfs(&mut Rng::new(seed ^ index.wrapping_mul(0xd134_2543_de82_ef95)), case.script);
    case
}

/// The case of an index under a seed, of a family.
pub fn case(family: Family, seed: u64, index: u64) -> Case {
    let mut rng =
        Rng::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ index.wrapping_mul(0xd134_2543_de82_ef95));
    if family == Family::V6 {
        return six::case(&mut rng, seed, index);
    }
    let mut host = Host::random(&mut rng);
    let steps = if has_calls(index) {
        host.settings_of_sockets(&mut rng);
        sockets::steps(&mut rng, &host, &host.script)
    } else {
        steps::steps(&mut rng, &host)
    };
    Case { seed, index, script: host.script, steps }
}

/// Whether a case's host has programs that call sockets: every third has.
pub fn has_calls(index: u64) -> bool {
    index % 3 == 2
}

/// A weighted choice of a number.
fn weighted(rng: &mut Rng, weights: &[(u64, u32)]) -> u32 {
    let all = weights.iter().map(|(weight, _)| weight).sum();
    let mut at = rng.below(all);
    for &(weight, what) in weights {
        if at < weight {
            return what;
        }
        at -= weight;
    }
    0
}

/// One of some.
fn one<T: Copy>(rng: &mut Rng, items: &[T]) -> T {
    items[rng.below(items.len() as u64) as usize]
}

/// A TCP segment, its checksum still to be made.
fn segment(rng: &mut Rng) -> Vec<u8> {
    let syn_ack = tcp_flags::SYN | tcp_flags::ACK;
    let flags = one(
        rng,
        &[tcp_flags::SYN, tcp_flags::SYN, tcp_flags::ACK, tcp_flags::RST, syn_ack, tcp_flags::FIN, 0, 0xff],
    );
    let data = if rng.chance(1, 4) { rng.below(60) as usize } else { 0 };
    let mut bytes = vec![0; Tcp::LEN + data];
    if let Some(header) = Tcp::edit(&mut bytes) {
        header.sport = U16::new(1024 + rng.below(9) as u16);
        header.dport = U16::new(one(rng, &[22, 80, 443, 5000]));
        header.seq = U32::new(rng.next_u32());
        header.ack = U32::new(if flags & tcp_flags::ACK != 0 { rng.next_u32() } else { 0 });
        header.data_offset = if rng.chance(1, 15) { one(rng, &[0x40, 0x60, 0xf0]) } else { 0x50 };
        header.flags = flags;
        header.window = U16::new(512);
    }
    bytes
}

fn set16(bytes: &mut [u8], at: usize, value: u16) {
    bytes[at..at + 2].copy_from_slice(&value.to_be_bytes());
}

/// A frame that enters by a device, from its two addresses on.
fn framed(dev: &str, [dst, src]: [Mac; 2], ethertype: u16, payload: &[u8]) -> Step {
    let header = Ethernet { dst, src, ethertype: U16::new(ethertype) };
    Step::Inject { dev: dev.to_owned(), frame: Bytes([header.as_bytes(), payload].concat()), ms: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packets::Step;
    use crate::packets::decode;
    use crate::packets::masks::Links;

    #[test]
    fn equal_seeds_give_equal_cases() {
        assert_eq!(case(Family::V4, 1, 2), case(Family::V4, 1, 2));
        assert_ne!(case(Family::V4, 1, 2).script, case(Family::V4, 1, 3).script);
        assert_ne!(case(Family::V4, 1, 2).steps, case(Family::V4, 2, 2).steps);
    }

    #[test]
    fn all_kinds_of_packets_are_met() {
        let mut kinds = std::collections::BTreeSet::new();
        for case in (0..200).map(|index| case(Family::V4, 1, index)) {
            let links = Links::of(&case.script);
            for step in &case.steps {
                if let Step::Inject { dev, frame, .. } = step {
                    kinds.insert(decode::kind(&frame.0, links.has_header(dev)));
                }
            }
        }
        let wanted =
            ["arp request", "arp reply", "udp", "udp fragment", "tcp", "icmp 8/0", "icmp 3/4", "icmp 5/1"];
        for kind in wanted {
            assert!(kinds.contains(kind), "{kind} in {kinds:?}");
        }
    }
}
