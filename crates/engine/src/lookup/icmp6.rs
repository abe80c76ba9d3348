//! What the sender of a dropped packet hears of it, and how often: the limits of
//! ICMPv6 errors (`icmp6_send`, C-316, C-317).

use crate::control::sysctl;
use crate::namespace::{Env, Namespace};

/// Bytes of the dropped packet that an error quotes at most: with its own headers
/// it has to fit into the smallest MTU of IPv6, 1280 (RFC 4443, section 2.4).
pub const QUOTED: u32 = 1280 - 40 - 8;

/// How often one destination is sent an error (`icmpv6_xrlim_allow`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// How many at once, after a pause.
    pub burst: u32,
    /// Milliseconds until the next one.
    pub interval: u32,
    /// Whether the wider the prefix of the way to it, the shorter the interval:
    /// `interval >> (128 - len) / 32`.
    pub is_of_prefix: bool,
}

/// The limit of errors of a type; `None` where they are not limited.
pub fn limit(ns: &Namespace, env: Env<'_>, kind: u8) -> Option<Limit> {
    let read = |name: &str| sysctl::read(ns, &format!("net/ipv6/icmp/{name}")).unwrap_or_default();
    let interval = read("ratelimit").trim().parse().ok().filter(|&interval| interval > 0)?;
    let is_limited = read("ratemask").trim().split(',').any(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let ends = (first.parse::<u8>(), last.parse::<u8>());
        matches!(ends, (Ok(first), Ok(last)) if (first..=last).contains(&kind))
    });
    is_limited.then_some(Limit { burst: 6, interval, is_of_prefix: env.behaviour.icmp6_limit_is_of_prefix })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::behaviour::Behaviour;
    use crate::state::Time;

    fn limit_with(settings: &[(&str, &str)], release: &str) -> Option<Limit> {
        let mut ns = Namespace::default();
        for (name, value) in settings {
            ns.config.sysctl.other.insert(format!("ipv6/icmp/{name}"), value.to_string());
        }
        let behaviour = Behaviour::of_release(release);
        limit(&ns, Env { behaviour: &behaviour, now: Time(0) }, 1)
    }

    #[test]
    fn c317_errors_are_limited_as_the_settings_say() {
        let each = |interval| Some(Limit { burst: 6, interval, is_of_prefix: false });
        assert_eq!(limit_with(&[], "6.18"), each(100));
        assert_eq!(limit_with(&[("ratelimit", "1000")], "6.18"), each(1000));
        assert_eq!(limit_with(&[("ratelimit", "0")], "6.18"), None);
        assert_eq!(limit_with(&[("ratemask", "0,3-127")], "6.18"), None);
        assert_eq!(limit_with(&[("ratemask", "1")], "6.18"), each(100));
        assert!(limit_with(&[], "6.12").is_some_and(|limit| limit.is_of_prefix));
    }
}
