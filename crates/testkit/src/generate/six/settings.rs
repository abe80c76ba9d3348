//! The sysctls that IPv6 routing reads.

use super::{Devices, Gen, Theme};

const PER_DEVICE: [(u32, &str, &[&str]); 17] = [
    (6, "forwarding", &["0", "1", "1"]),
    (3, "disable_ipv6", &["0", "1", "0"]),
    (4, "ignore_routes_with_linkdown", &["0", "1", "1"]),
    (3, "use_oif_addrs_only", &["0", "1", "1"]),
    (2, "use_tempaddr", &["0", "1", "2", "-1"]),
    (3, "keep_addr_on_down", &["0", "1", "1", "-1"]),
    (1, "force_forwarding", &["0", "1"]),
    (1, "accept_ra", &["0"]),
    (1, "mtu", &["1280", "1400", "1500", "1000"]),
    (1, "hop_limit", &["64", "32", "0"]),
    (1, "proxy_ndp", &["0", "1"]),
    (1, "use_optimistic", &["0", "1"]),
    (1, "optimistic_dad", &["0", "1"]),
    (1, "accept_dad", &["0"]),
    (1, "ra_defrtr_metric", &["1024", "5"]),
    (1, "accept_source_route", &["0", "1"]),
    (1, "ndisc_tclass", &["0", "4"]),
];

const GLOBAL: [(&str, &[&str]); 9] = [
    ("ipv6.fib_multipath_hash_policy", &["0", "1", "2", "3", "1", "4", "-1"]),
    ("ipv6.fib_multipath_hash_fields", &["1", "2", "3", "7", "55", "8", "48", "0", "4096", "4095"]),
    ("ipv4.fib_multipath_hash_seed", &["1", "12345", "99999999", "4294967295"]),
    ("ipv6.conf.all.forwarding", &["0", "1", "1"]),
    ("ipv6.route.skip_notify_on_dev_down", &["0", "1"]),
    ("ipv6.route.min_adv_mss", &["1220", "1"]),
    ("ipv6.ip_nonlocal_bind", &["0", "1"]),
    ("ipv6.route.flush", &["1"]),
    ("ipv4.nexthop_compat_mode", &["0", "1"]),
];

impl Gen {
    /// One step about sysctls.
    pub(in super::super) fn sysctl6(&mut self) {
        let named: Vec<(u32, &str)> = PER_DEVICE.iter().map(|(weight, name, _)| (*weight, *name)).collect();
        // Some kernels have no optimistic addresses.
        let common = |name: &str| self.devices == Devices::Usual || !name.contains("optimistic");
        let named: Vec<(u32, &str)> = named.into_iter().filter(|(_, name)| common(name)).collect();
        let name = self.weighted(&named);
        let values = PER_DEVICE.iter().find(|entry| entry.1 == name).map_or(&["0"][..], |entry| entry.2);
        let value = self.one(values);
        // A device with a dot in its name is written with a slash.
        let scope = match self.range(0, 10) {
            0..4 => "all".into(),
            4 => "default".into(),
            _ => self.device().replace('.', "/"),
        };
        if self.chance(1, 12) {
            let (global, _) = self.one(&GLOBAL[..4]);
            let line = match self.range(0, 3) {
                0 => format!("sysctl net.{global}"),
                1 => format!("sysctl -n net.ipv6.conf.{scope}.{name}"),
                _ => format!("sysctl net.ipv6.conf.{scope}.{name}"),
            };
            return self.say(line);
        }
        if self.theme == Theme::Multipath || self.chance(1, 4) {
            let (name, values) = self.one(&GLOBAL);
            let value = self.one(values);
            return self.say(format!("sysctl -w net.{name}={value}"));
        }
        self.say(format!("sysctl -w net.ipv6.conf.{scope}.{name}={value}"));
        if matches!(name, "disable_ipv6" | "forwarding") && self.chance(1, 2) {
            self.dump();
        }
        if name == "disable_ipv6" && value == "1" && self.chance(3, 4) {
            self.say(format!("sysctl -w net.ipv6.conf.{scope}.{name}=0"));
        }
    }
}
