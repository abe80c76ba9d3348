//! The refusal texts that routing is known to give, with their errnos.
//!
//! Two uses: a text implies an errno, which Fingerpost's answer must carry;
//! and a run prints which of the texts it never saw.

use fingerpost_net::Family;

/// One text of the kernel.
#[derive(Clone, Copy, Debug)]
pub struct KernelText {
    /// As the kernel says it, without the dot that `ip` adds.
    pub text: &'static str,
    /// The errnos that come with it.
    pub errnos: &'static [i32],
    /// Whether iproute2 6.1 can be made to send a request that earns it.
    pub reachable: bool,
}

const EPERM: i32 = 1;
const ENOENT: i32 = 2;
const ESRCH: i32 = 3;
const ENXIO: i32 = 6;
const EACCES: i32 = 13;
const EEXIST: i32 = 17;
const ENODEV: i32 = 19;
const EINVAL: i32 = 22;
const ERANGE: i32 = 34;
const ELOOP: i32 = 40;
const EOPNOTSUPP: i32 = 95;
const EAFNOSUPPORT: i32 = 97;
const EADDRNOTAVAIL: i32 = 99;
const ENETDOWN: i32 = 100;
const ENETUNREACH: i32 = 101;
const EHOSTUNREACH: i32 = 113;

const fn by_ip(text: &'static str, errnos: &'static [i32]) -> KernelText {
    KernelText { text, errnos, reachable: true }
}

const fn by_raw_netlink(text: &'static str, errnos: &'static [i32]) -> KernelText {
    KernelText { text, errnos, reachable: false }
}

/// The texts of IPv4 and of what both families share, in the order of the tables they come from.
pub const TEXTS: &[KernelText] = &[
    // Routes (C-005, C-013, C-034, C-035).
    by_ip("FIB table does not exist", &[ESRCH, EINVAL]),
    by_ip("ipv4: FIB table does not exist", &[ENOENT, ESRCH]),
    by_ip("Invalid dsfield (tos): ECN bits must be 0", &[EINVAL]),
    by_raw_netlink("Invalid route type", &[EINVAL]),
    by_raw_netlink("Invalid prefix length", &[EINVAL]),
    by_ip("Invalid prefix for given prefix length", &[EINVAL]),
    by_raw_netlink("Nexthop configuration can not contain both GATEWAY and VIA", &[EINVAL]),
    by_ip("Nexthop specification and nexthop id are mutually exclusive", &[EINVAL]),
    by_ip("Invalid scope", &[EINVAL]),
    by_raw_netlink("Invalid rtm_flags - can not contain DEAD or LINKDOWN", &[EINVAL]),
    by_raw_netlink("Invalid flags for nexthop - can not contain DEAD or LINKDOWN", &[EINVAL]),
    by_ip("Gateway, device and multipath can not be specified for this route type", &[EINVAL]),
    by_ip("Nexthop id does not exist", &[EINVAL]),
    by_raw_netlink("Invalid nexthop configuration - extra data after nexthops", &[EINVAL]),
    by_ip("Nexthop device index does not match RTA_OIF", &[EINVAL]),
    by_ip("Nexthop gateway does not match RTA_GATEWAY or RTA_VIA", &[EINVAL]),
    by_ip("Nexthop class id does not match RTA_FLOW", &[EINVAL]),
    by_ip("Route with host scope can not have multiple nexthops", &[EINVAL]),
    by_ip("Route with host scope can not have a gateway", &[EINVAL]),
    by_ip("Invalid prefsrc address", &[EINVAL]),
    by_raw_netlink("Invalid metric type", &[EINVAL]),
    by_raw_netlink("Invalid attribute in metrics", &[EINVAL]),
    by_raw_netlink("Unknown flag set in feature mask in metrics attribute", &[EINVAL]),
    by_ip("Unknown tcp congestion algorithm", &[EINVAL]),
    by_ip("lwt encapsulation type not supported", &[EOPNOTSUPP]),
    // Next hops (C-039 to C-046, T-27 to T-29).
    by_ip("Device for nexthop is not up", &[ENETDOWN]),
    by_ip("Invalid flags for nexthop - PERVASIVE and ONLINK can not be set", &[EINVAL]),
    by_ip("Nexthop has invalid gateway", &[ENETUNREACH, EINVAL, EACCES, EHOSTUNREACH]),
    by_ip("Nexthop has invalid scope", &[EINVAL]),
    by_ip("Nexthop device required for onlink", &[ENODEV]),
    by_ip("Nexthop device is not up", &[ENETDOWN]),
    by_ip("Egress device not specified", &[EINVAL]),
    by_ip("IPv6 is disabled on nexthop device", &[EACCES]),
    // Nexthop objects and groups (C-063 to C-069).
    by_ip("Device attribute required for non-blackhole and non-fdb nexthops", &[EINVAL]),
    by_ip("Carrier for nexthop device is down", &[ENETDOWN]),
    by_ip("ONLINK flag can not be set for nexthop without a gateway", &[EINVAL]),
    by_ip("Invalid nexthop id", &[EINVAL]),
    by_ip("Nexthop id can not be used twice in a group", &[EINVAL]),
    by_ip("Hash-threshold group can not be a nexthop within a group", &[EINVAL]),
    by_ip("Resilient group can not be a nexthop within a group", &[EINVAL]),
    by_ip("Blackhole nexthop can not be used in a group with more than 1 path", &[EINVAL]),
    by_ip("Invalid family for group", &[EINVAL]),
    by_ip("Route cannot point to a fdb nexthop", &[EINVAL]),
    by_ip("Number of buckets not specified for nexthop group insertion", &[EINVAL]),
    by_ip("Number of buckets needs to be non-0", &[EINVAL]),
    by_ip("Non FDB nexthop group cannot have fdb nexthops", &[EINVAL]),
    by_ip("Can not replace a nexthop with a nexthop group", &[EINVAL]),
    by_ip("Can not replace a nexthop group with a nexthop", &[EINVAL]),
    by_ip("Can not replace a nexthop group with one of a different type", &[EINVAL]),
    by_ip("Can not change number of buckets of a resilient nexthop group", &[EINVAL]),
    by_ip("Blackhole nexthop can not be a member of a group with more than one path", &[EINVAL]),
    by_ip("Not a nexthop group", &[EINVAL]),
    by_ip("Replace requires nexthop id", &[EINVAL]),
    by_ip("Invalid address family", &[EINVAL]),
    // Addresses (C-078, C-085).
    by_ip("ipv4: Invalid scope value", &[EINVAL]),
    by_ip("ipv4: Address already assigned", &[EEXIST]),
    by_ip("ipv4: Address not found", &[EADDRNOTAVAIL]),
    // Links and neighbours.
    by_ip("Unknown device type", &[EOPNOTSUPP]),
    by_ip("mtu less than device minimum", &[EINVAL]),
    by_ip("mtu greater than device maximum", &[EINVAL]),
    by_ip("Can not enslave a bridge to a bridge", &[ELOOP]),
    by_ip("No link layer address given", &[EINVAL]),
    by_ip("Neighbour entry not found", &[ENOENT]),
    // Rules (C-099 to C-101, T-3, T-5).
    by_raw_netlink("Invalid msg length", &[EINVAL]),
    by_raw_netlink("Rule family not supported", &[EAFNOSUPPORT]),
    by_raw_netlink("Error parsing msg", &[EINVAL, ERANGE]),
    by_ip("Invalid source address", &[EINVAL]),
    by_raw_netlink("Invalid dst address", &[EINVAL]),
    by_raw_netlink("Missing goto target for action goto", &[EINVAL]),
    by_raw_netlink("Unexpected goto", &[EINVAL]),
    by_ip("Backward goto not supported", &[EINVAL]),
    by_raw_netlink("Invalid l3mdev attribute", &[EINVAL]),
    by_raw_netlink("l3mdev and table are mutually exclusive", &[EINVAL]),
    by_raw_netlink("No permission to set uid", &[EPERM]),
    by_ip("Invalid uid range", &[EINVAL]),
    by_ip("Invalid sport range", &[EINVAL]),
    by_ip("Invalid dport range", &[EINVAL]),
    by_raw_netlink("Cannot specify port mask without port value", &[EINVAL]),
    by_raw_netlink("Cannot specify port mask for port range", &[EINVAL]),
    by_raw_netlink("Invalid port mask", &[EINVAL]),
    by_ip("Invalid tos", &[EINVAL]),
    by_raw_netlink("Cannot specify both TOS and DSCP", &[EINVAL]),
    by_raw_netlink("Cannot specify DSCP mask without DSCP value", &[EINVAL]),
    by_raw_netlink("Invalid DSCP mask", &[EINVAL]),
    by_raw_netlink("Flow label cannot be specified for IPv4 FIB rules", &[EINVAL]),
    // Questions (C-162, T-21).
    by_ip("ipv4: Invalid values in header for route get request", &[EINVAL]),
    by_raw_netlink("ipv4: Unsupported rtm_flags for route get request", &[EINVAL]),
    by_raw_netlink("ipv4: Unsupported attribute in route get request", &[EINVAL]),
    by_ip("Unsupported ip proto", &[EOPNOTSUPP]),
];

/// The texts that IPv6 has besides.
pub const TEXTS6: &[KernelText] = &[
    // Routes (C-291 to C-296, T-43).
    by_ip("Invalid dsfield (tos): option not available for IPv6", &[EINVAL]),
    by_ip("ipv6: FIB table does not exist", &[ENOENT]),
    by_ip("Invalid table", &[EINVAL]),
    by_ip("Invalid gateway address", &[EINVAL]),
    by_ip("Gateway can not be a local address", &[EINVAL]),
    by_ip("Nexthop has invalid gateway or device mismatch", &[EINVAL]),
    by_ip("Egress device can not be loopback device for this route", &[EINVAL]),
    by_ip("IPv6 is disabled on this device", &[EACCES, EINVAL]),
    by_ip("IPv6 does not support RTA_VIA attribute", &[EINVAL]),
    by_ip("Device only routes can not be added for IPv6 using the multipath API", &[EINVAL]),
    by_ip("Nexthops can not be used with source routing", &[EINVAL]),
    by_ip("Can not replace route - no match found", &[ENOENT]),
    by_ip("Attribute failed policy validation", &[EINVAL, ERANGE]),
    // Addresses.
    by_ip("ipv6: address already assigned", &[EEXIST]),
    by_ip("ipv6: address not found", &[EADDRNOTAVAIL]),
    by_ip("ipv6: Invalid address", &[EADDRNOTAVAIL]),
    by_ip("ipv6: Cannot assign multicast address without \"IFA_F_MCAUTOJOIN\" flag", &[EADDRNOTAVAIL]),
    by_ip("ipv6: Cannot assign loopback address on this device", &[EADDRNOTAVAIL]),
    by_ip("ipv6: address with \"mngtmpaddr\" flag must have a prefix length of 64", &[EINVAL]),
    by_ip("ipv6: IPv6 is disabled on this device", &[EACCES, ENXIO]),
    // Questions.
    by_ip("ipv6: Invalid values in header for get route request", &[EINVAL]),
    by_ip("ipv6: Invalid flags for get route request", &[EINVAL]),
];

/// The texts that scenarios of a family can earn.
pub fn of(family: Family) -> impl Iterator<Item = &'static KernelText> {
    let six = if family == Family::V6 { TEXTS6 } else { &[] };
    let four = TEXTS.iter().filter(move |known| family == Family::V4 || !known.text.contains("ipv4"));
    four.chain(six)
}

/// glibc's texts for the errnos that routing gives.
const ERRNO_TEXTS: &[(i32, &str)] = &[
    (EPERM, "Operation not permitted"),
    (ENOENT, "No such file or directory"),
    (ESRCH, "No such process"),
    (6, "No such device or address"),
    (11, "Resource temporarily unavailable"),
    (12, "Cannot allocate memory"),
    (EACCES, "Permission denied"),
    (16, "Device or resource busy"),
    (EEXIST, "File exists"),
    (ENODEV, "No such device"),
    (EINVAL, "Invalid argument"),
    (28, "No space left on device"),
    (ERANGE, "Numerical result out of range"),
    (ELOOP, "Too many levels of symbolic links"),
    (90, "Message too long"),
    (EOPNOTSUPP, "Operation not supported"),
    (EAFNOSUPPORT, "Address family not supported by protocol"),
    (98, "Address already in use"),
    (EADDRNOTAVAIL, "Cannot assign requested address"),
    (ENETDOWN, "Network is down"),
    (ENETUNREACH, "Network is unreachable"),
    (105, "No buffer space available"),
    (EHOSTUNREACH, "No route to host"),
];

/// The errnos that a standard error implies; `None` when it implies nothing.
///
/// `RTNETLINK answers: TEXT` and a refused `sysctl -w` name the errno itself.
/// `Error: TEXT.` names a kernel text, which may go with several errnos.
pub fn implied_errnos(stderr: &str) -> Option<Vec<i32>> {
    let by_errno_text = |text: &str| {
        ERRNO_TEXTS.iter().find(|(_, known)| *known == text.trim()).map(|(errno, _)| vec![*errno])
    };
    stderr.lines().find_map(|line| {
        if let Some(text) = line.strip_prefix("RTNETLINK answers: ") {
            by_errno_text(text)
        } else if line.starts_with("sysctl: setting key ") {
            line.rsplit_once(": ").and_then(|(_, text)| by_errno_text(text))
        } else {
            let text = line.strip_prefix("Error: ")?;
            let text = text.strip_suffix('.').unwrap_or(text);
            let mut all = TEXTS.iter().chain(TEXTS6);
            all.find(|known| known.text == text).map(|known| known.errnos.to_vec())
        }
    })
}

/// What a standard error says, for counting: its first line with numbers masked
/// unless it is a kernel's text.
pub fn error_text(stderr: &str) -> Option<String> {
    let first = stderr.lines().next()?;
    if first.starts_with("Error: ") || first.starts_with("RTNETLINK answers: ") {
        return Some(first.to_owned());
    }
    Some(crate::compare::mask(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errnos_are_implied_by_what_is_printed() {
        assert_eq!(implied_errnos("RTNETLINK answers: Network is unreachable\n"), Some(vec![101]));
        assert_eq!(implied_errnos("Error: Nexthop device required for onlink.\n"), Some(vec![19]));
        assert_eq!(implied_errnos("sysctl: setting key \"net.ipv4.x\": Invalid argument\n"), Some(vec![22]));
        assert_eq!(implied_errnos("Cannot find device \"x\"\n"), None);
        assert_eq!(implied_errnos(""), None);
    }

    #[test]
    fn texts_are_distinct() {
        let mut texts: Vec<_> = TEXTS.iter().chain(TEXTS6).map(|known| known.text).collect();
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), TEXTS.len() + TEXTS6.len());
    }
}
