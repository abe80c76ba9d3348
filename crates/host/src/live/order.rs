//! What `/proc/net/igmp` and `igmp6` tell: the order in which devices came to a namespace,
//! and the groups that they have joined.
//!
//! Linux looks for a source address to borrow in that order (C-157). Dumps
//! are sorted by index, and a device that was moved here keeps its index but
//! comes last. The file lists the devices that are up in the order sought.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fingerpost_model::LinkMsg;

/// The file that tells.
pub(super) const FILE: &str = "/proc/net/igmp";
/// The groups of IPv6.
pub(super) const FILE6: &str = "/proc/net/igmp6";

/// The indexes of the devices that the file lists, in its order.
pub(super) fn listed(igmp: &str) -> Vec<u32> {
    let devices = igmp.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit()));
    devices.filter_map(|line| line.split_whitespace().next()?.parse().ok()).collect()
}

/// The groups that the file lists, with their devices' indexes, but for the one
/// that every device joins.
pub(super) fn groups(igmp: &str) -> Vec<(u32, IpAddr)> {
    let all_hosts = Ipv4Addr::new(224, 0, 0, 1);
    let mut device = None;
    let mut groups = Vec::new();
    for line in igmp.lines() {
        let word = line.split_whitespace().next().unwrap_or_default();
        if line.starts_with(|c: char| c.is_ascii_digit()) {
            device = word.parse().ok();
        } else if let (Some(device), Ok(group)) = (device, u32::from_str_radix(word, 16)) {
            // The number as it lies in the kernel's memory.
            groups.push((device, Ipv4Addr::from(group.to_ne_bytes())));
        }
    }
    groups.retain(|&(_, group)| group.is_multicast() && group != all_hosts);
    groups.into_iter().map(|(device, group)| (device, IpAddr::V4(group))).collect()
}

/// The same of IPv6, but for the groups that every device joins by itself: those
/// of all nodes, and that of each own address (solicited-node).
pub(super) fn groups6(igmp6: &str) -> Vec<(u32, IpAddr)> {
    const BY_ITSELF: [u128; 2] = [0xff01 << 112 | 1, 0xff02 << 112 | 1];
    const SOLICITED: u128 = 0xff02 << 112 | 0x1_ff00_0000;
    let group = |line: &str| {
        let mut words = line.split_whitespace();
        let device = words.next()?.parse().ok()?;
        let group = u128::from_str_radix(words.nth(1)?, 16).ok()?;
        let own = BY_ITSELF.contains(&group) || group & !0xff_ffff == SOLICITED;
        (!own).then(|| (device, IpAddr::V6(Ipv6Addr::from_bits(group))))
    };
    igmp6.lines().filter_map(group).collect()
}

/// Puts devices, which are sorted by index, into the order that `listed` tells;
/// those not listed come before the first listed one with a higher index.
pub(super) fn arrange(devices: Vec<LinkMsg>, listed: &[u32]) -> Vec<LinkMsg> {
    let mut rest: Vec<Option<LinkMsg>> = devices.into_iter().map(Some).collect();
    let mut arranged = Vec::with_capacity(rest.len());
    for &index in listed {
        for place in &mut rest {
            let comes = place.as_ref().is_some_and(|device| {
                device.index == index || device.index < index && !listed.contains(&device.index)
            });
            if comes {
                arranged.extend(place.take());
            }
        }
    }
    arranged.extend(rest.into_iter().flatten());
    arranged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arranged(indexes: &[u32], listed: &[u32]) -> Vec<u32> {
        let device = |&index| LinkMsg { index, ..LinkMsg::default() };
        arrange(indexes.iter().map(device).collect(), listed).iter().map(|device| device.index).collect()
    }

    #[test]
    fn c157_devices_stand_in_the_order_in_which_they_came() {
        let igmp = "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n\
                    1\tlo        :     1      V3\n\t\t\t\t010000E0     1 0:00000000\t\t0\n\
                    7\te1        :     1      V3\n\t\t\t\t010000E0     1 0:00000000\t\t0\n\
                    2\te10       :     1      V3\n\t\t\t\t010000E0     1 0:00000000\t\t0\n";
        assert_eq!(listed(igmp), [1, 7, 2]);
        assert_eq!(groups(igmp), []);
        let joined = igmp
            .replace("7\te1", "5\te5        :     1      V3\n\t\t\t\t010101EF     1 0:00000000\t\t0\n7\te1");
        #[cfg(target_endian = "little")]
        assert_eq!(groups(&joined), [(5, IpAddr::from([239, 1, 1, 1]))]);
        assert_eq!(arranged(&[1, 2, 7], &[1, 7, 2]), [1, 7, 2]);
        assert_eq!(arranged(&[1, 2, 3, 7, 9], &[1, 7, 2]), [1, 3, 7, 2, 9], "3 and 9 are down");
        assert_eq!(arranged(&[1, 2, 3], &[]), [1, 2, 3]);
        assert_eq!(arranged(&[1, 2], &[1, 5, 2]), [1, 2], "5 has gone meanwhile");
    }
}
