//! Where Linux releases differ, as named switches.
//!
//! This is the only place that looks at a release number.

/// What a kernel release does in points where releases are known to differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Behaviour {
    /// The release these switches stand for, as `uname -r` prints it.
    pub release: String,
    /// Whether deleting a rule splits the merged local and main tries, as
    /// adding one does (T-1: 6.18 yes, 7.2 no). Where it does not, the rules
    /// count as never changed: with all three deleted and none ever added,
    /// lookups still go through main and default (seen on 7.2.7).
    pub rule_delete_unmerges: bool,
    /// Whether a reverse-path refusal is `EXDEV` to `ip route get` rather than
    /// `EINVAL` (T-21: before drop reasons came to input routing, 6.14).
    pub rpfilter_is_exdev: bool,
    /// Whether a multipath leg whose own source equals the bound one is
    /// preferred over the hash (T-19: 6.16 and later).
    pub multipath_prefers_own_source: bool,
    /// Whether VLAN devices follow their lower device's up and down at the end
    /// of a request rather than at once: where one request takes it down and up
    /// again, as joining or leaving a VRF does, they stay up and keep their
    /// routes (7.2.7: seen; 6.18: at once, `vlan_device_event`).
    pub vlans_follow_later: bool,
    /// Whether `route_localnet` is a setting as most others: a write to `default`
    /// goes to devices that have none of their own, and cached decisions end only
    /// when it is turned off (7.2.7: seen; 6.18: no copy, and each change ends them).
    pub route_localnet_is_ordinary: bool,
    /// Whether an IPv6 question about a received packet to a group is refused with
    /// `EMSGSIZE` (T-44: 6.18; 7.2.7 answers it).
    pub input6_groups_too_long: bool,
    /// Whether an IPv6 gateway with `onlink` must not have a route by another
    /// device (T-43: before 7.0; 7.2.7 takes it, and says less of one whose route
    /// is of another type).
    pub onlink6_is_by_device: bool,
    /// Whether the leg of an IPv6 multipath route by the device asked for stays,
    /// whatever the hash says (T-47: 7.2.7, not 6.18.44; stable updates of older
    /// releases took it over in autumn 2026, which is not told apart here).
    pub multipath6_keeps_device: bool,
    /// Whether of a group of nexthop objects in an IPv6 route the first that can be
    /// used is measured, rather than the one that fits best (T-47: before 7.2,
    /// with the same stable updates).
    pub objects6_take_first: bool,
    /// Whether the prefix route of an IPv6 address with a lifetime outlives the
    /// address (F-040: 6.18; on 7.2.7 it goes as that of a permanent one).
    pub finite6_leaves_prefix_route: bool,
    /// Whether ICMPv6 errors may follow each other sooner where the way to their
    /// receiver has a wider prefix (before 6.18: read; 6.18.44: no).
    pub icmp6_limit_is_of_prefix: bool,
    /// Whether routes can be given MPLS labels: `mpls_iptunnel` is a module, which
    /// the kernel compared with has (7.2.7) or has not (6.18).
    pub mpls_encap: bool,
    /// Whether an ICMP error is kept back where the way to its receiver is one of broadcast
    /// or multicast (7.2.7; 6.18 sends it).
    pub icmp_errors_spare_many: bool,
    /// Whether a limit of nothing on ICMP to a peer leaves what the peer was owed (7.2.7; on 6.18
    /// it is forgotten, and with it errors and redirects that would have been sent).
    pub no_limit_keeps_tokens: bool,
    /// Whether UDP-Lite exists (6.18; 7.2.7 has neither the protocol nor its counters).
    pub udp_lite: bool,
    /// Whether the log's messages about martians name their addresses (C-203: not 6.18;
    /// of later ones read, as those that were run say nothing).
    pub martians_are_named: bool,
    /// Whether bridges call Netfilter's hooks (`br_netfilter`), so that bridged packets are checked
    /// and cut: a module of many kernels, which the one compared with has (6.18) or has not (7.2.7).
    /// A captured host has it if its settings were there.
    pub bridges_call_netfilter: bool,
    /// Whether segments are looked through for both kinds of signatures (RFC 2385, RFC 5925), and those
    /// whose options end early or that are signed twice are for no socket and not reset (read: 6.7 and
    /// later; before, the older kind alone is looked for).
    pub tcp_reads_authentication: bool,
    /// Whether signatures of the newer kind can be checked (`CONFIG_TCP_AO`), so that sockets without a
    /// key take none and IPv6 resets none: a choice of a kernel's build, which those that were compared
    /// with did not make. Of a captured host it is not known.
    pub tcp_checks_authentication: bool,
    /// Whether sockets of IPv4 are told their TTL, and most of what is but on or off, without being
    /// locked (read: 6.6 and later).
    pub sockets4_are_told_unlocked: bool,
    /// The same of multicast's TTL and of path MTU discovery, and of what those of IPv6 are told
    /// likewise (read: 6.7 and later).
    pub more_is_told_unlocked: bool,
    /// The same of the devices that sockets of IPv6 are to use (read: 6.8 and later).
    pub sockets6_are_told_devices_unlocked: bool,
    /// Whether the release is one that was compared with a running kernel.
    pub verified: bool,
}

impl Default for Behaviour {
    fn default() -> Self {
        Behaviour::of_release("6.18")
    }
}

impl Behaviour {
    /// The switches of a release such as `6.18.3-generic`. One that does not
    /// start with two numbers is treated as 6.18, unverified.
    pub fn of_release(release: &str) -> Self {
        let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|n| n.parse::<u32>().ok());
        let version = match (numbers.next().flatten(), numbers.next().flatten()) {
            (Some(major), Some(minor)) => Some((major, minor)),
            _ => None,
        };
        let at = version.unwrap_or((6, 18));
        Behaviour {
            release: release.to_string(),
            rule_delete_unmerges: at < (7, 0),
            rpfilter_is_exdev: at < (6, 14),
            multipath_prefers_own_source: at >= (6, 16),
            vlans_follow_later: at >= (7, 0),
            route_localnet_is_ordinary: at >= (7, 0),
            input6_groups_too_long: at < (7, 0),
            onlink6_is_by_device: at < (7, 0),
            multipath6_keeps_device: at >= (7, 2),
            objects6_take_first: at < (7, 2),
            finite6_leaves_prefix_route: at < (7, 0),
            icmp6_limit_is_of_prefix: at < (6, 18),
            mpls_encap: at >= (7, 0),
            icmp_errors_spare_many: at >= (7, 0),
            no_limit_keeps_tokens: at >= (7, 0),
            udp_lite: at < (7, 0),
            martians_are_named: at >= (7, 0),
            bridges_call_netfilter: at < (7, 0),
            tcp_reads_authentication: at >= (6, 7),
            tcp_checks_authentication: false,
            sockets4_are_told_unlocked: at >= (6, 6),
            more_is_told_unlocked: at >= (6, 7),
            sockets6_are_told_devices_unlocked: at >= (6, 8),
            verified: matches!(version, Some((6, 18) | (7, 2))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_differ_where_they_are_known_to() {
        assert!(Behaviour::of_release("6.18.44-generic").rule_delete_unmerges); // T-1
        assert!(!Behaviour::of_release("7.2.0").rule_delete_unmerges); // T-1
        assert!(!Behaviour::of_release("6.15").multipath_prefers_own_source); // T-19
        assert!(Behaviour::of_release("6.1.0-13-amd64").rpfilter_is_exdev); // T-21
        assert!(Behaviour::of_release("7.2.7").vlans_follow_later);
        assert!(!Behaviour::of_release("6.18").vlans_follow_later);
        assert!(Behaviour::of_release("6.18").onlink6_is_by_device); // T-43
        assert!(!Behaviour::of_release("7.2").input6_groups_too_long); // T-44
        assert!(Behaviour::of_release("7.2").multipath6_keeps_device); // T-47
        assert!(Behaviour::of_release("7.1").objects6_take_first); // T-47
        assert!(!Behaviour::of_release("6.6").tcp_reads_authentication);
        assert!(!Behaviour::of_release("6.1").sockets4_are_told_unlocked);
        assert!(Behaviour::of_release("6.6").sockets4_are_told_unlocked);
        assert!(!Behaviour::of_release("6.6").more_is_told_unlocked);
        assert!(Behaviour::of_release("6.12").more_is_told_unlocked);
        assert!(!Behaviour::of_release("6.12").verified);
        assert!(!Behaviour::of_release("nonsense").verified);
    }
}
