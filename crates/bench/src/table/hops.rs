//! Next hops for tables that come without: neighbours share one, or each
//! prefix draws its own.

use fingerpost_net::{Family, Ip, Prefix, Rng};

use super::Route;

/// How many next hops there are.
pub const HOPS: u16 = 254;

/// The optimistic hop: all within a /12 (IPv6: a /28) share one; a shorter prefix has its own.
pub fn neighbourly<I: Ip>(prefix: Prefix<I>) -> u16 {
    let len = match I::FAMILY {
        Family::V4 => 12,
        Family::V6 => 28,
    };
    let cover =
        Prefix::containing(prefix.addr(), len.min(prefix.len())).map_or(0, |cover| cover.addr().to_key());
    let mut rng = Rng::new((cover >> 64) as u64 | u64::from(len.min(prefix.len())));
    draw(&mut rng)
}

/// The pessimistic hops: the same routes, each with a hop of its own, drawn in their order.
pub fn random<I: Ip>(routes: &[Route<I>], seed: u64) -> Vec<Route<I>> {
    let mut rng = Rng::new(seed);
    routes.iter().map(|route| Route { hop: draw(&mut rng), ..*route }).collect()
}

/// One of [`HOPS`].
pub fn draw(rng: &mut Rng) -> u16 {
    1 + rng.below(HOPS.into()) as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::net::{Ipv4Addr, Ipv6Addr};

    #[test]
    fn neighbours_share_a_hop() {
        let hop = |text: &str| neighbourly::<Ipv4Addr>(text.parse().expect("is a prefix"));
        assert_eq!(hop("10.0.0.0/24"), hop("10.15.255.0/32"));
        let all: HashSet<u16> = (0..=255).map(|n| hop(&format!("{n}.0.0.0/16"))).collect();
        assert!(all.len() > 100, "{}", all.len());
        assert!(all.iter().all(|hop| (1..=HOPS).contains(hop)));
        let hop = |text: &str| neighbourly::<Ipv6Addr>(text.parse().expect("is a prefix"));
        assert_eq!(hop("2001:db0::/32"), hop("2001:dbf:ffff::/48"));
        assert_ne!(hop("2001:db0::/32"), hop("2001:dc0::/32"));
    }

    #[test]
    fn random_hops_repeat_and_differ() {
        let prefixes = (0..=255u32).map(|n| Prefix::containing(Ipv4Addr::from_bits(n << 24), 8));
        let routes: Vec<_> =
            prefixes.map(|prefix| Route { prefix: prefix.expect("is short"), hop: 1 }).collect();
        assert_eq!(random(&routes, 1), random(&routes, 1));
        assert_ne!(random(&routes, 1), random(&routes, 2));
        let different = random(&routes, 1).windows(2).filter(|pair| pair[0].hop != pair[1].hop).count();
        assert!(different > 245, "{different}");
    }
}
