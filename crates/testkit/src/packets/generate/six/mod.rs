//! Random cases of IPv6: a host, and packets that concern it.

mod discover;
mod headers;
mod host;
mod packet;
mod sockets;
mod station;
mod steps;

pub use host::Host;

use fingerpost_net::Rng;

use crate::packets::case::Case;

/// A case, from its random numbers.
pub fn case(rng: &mut Rng, seed: u64, index: u64) -> Case {
    let (host, steps) = if super::has_calls(index) {
        let mut host = Host::random(rng);
        host.settings_of_sockets(rng);
        let steps = super::sockets::steps(rng, &host, &host.script);
        (host, steps)
    } else if rng.chance(2, 5) {
        station::case(rng)
    } else {
        let host = Host::random(rng);
        let steps = steps::steps(rng, &host);
        (host, steps)
    };
    Case { seed, index, script: host.script, steps }
}

#[cfg(test)]
mod tests {
    use fingerpost_net::Family;

    use crate::packets::Step;
    use crate::packets::decode;
    use crate::packets::generate::case;
    use crate::packets::masks::Links;

    #[test]
    fn all_kinds_of_packets_are_met() {
        let mut kinds = std::collections::BTreeSet::new();
        for case in (0..200).map(|index| case(Family::V6, 1, index)) {
            let links = Links::of(&case.script);
            for step in &case.steps {
                if let Step::Inject { dev, frame, .. } = step {
                    kinds.insert(decode::kind(&frame.0, links.has_header(dev)));
                }
            }
        }
        let wanted = [
            "icmp6 128/0",
            "icmp6 2/0",
            "icmp6 133/0",
            "icmp6 135/0",
            "icmp6 136/0",
            "icmp6 137/0",
            "icmp6 134/0",
            "hop icmp6 130/0",
            "hop icmp6 131/0",
            "udp6",
            "udp6 fragment",
            "tcp6",
            "hop icmp6 128/0",
            "routing udp6",
            "destination udp6",
        ];
        for kind in wanted {
            assert!(kinds.contains(kind), "{kind} in {kinds:?}");
        }
    }
}
