//! The sysctls that routing reads.

use super::{Gen, Theme};

const PER_DEVICE: [(&str, &[&str]); 12] = [
    ("rp_filter", &["0", "1", "2", "1"]),
    ("accept_local", &["0", "1"]),
    ("src_valid_mark", &["0", "1"]),
    ("route_localnet", &["0", "1"]),
    ("forwarding", &["0", "1", "1"]),
    ("bc_forwarding", &["0", "1"]),
    ("ignore_routes_with_linkdown", &["0", "1", "1"]),
    ("promote_secondaries", &["0", "1"]),
    ("send_redirects", &["0", "1"]),
    ("shared_media", &["0", "1"]),
    ("accept_redirects", &["0", "1"]),
    ("log_martians", &["0"]),
];

const GLOBAL: [(&str, &[&str]); 12] = [
    ("ip_forward", &["0", "1", "1"]),
    ("fib_multipath_hash_policy", &["0", "1", "2", "3", "1", "4", "-1"]),
    ("fib_multipath_hash_fields", &["1", "2", "3", "7", "55", "48", "0", "4096", "4095"]),
    ("fib_multipath_hash_seed", &["1", "12345", "99999999", "4294967295"]),
    ("fib_multipath_use_neigh", &["0", "1", "1"]),
    ("nexthop_compat_mode", &["0", "1"]),
    ("ip_forward_use_pmtu", &["0", "1"]),
    ("ip_nonlocal_bind", &["0", "1"]),
    ("route.flush", &["1"]),
    ("route.min_pmtu", &["552", "68", "1000", "60"]),
    ("ip_no_pmtu_disc", &["0", "1", "3"]),
    ("ip_early_demux", &["1"]),
];

impl Gen {
    /// One step about sysctls.
    pub(super) fn sysctl(&mut self) {
        if self.chance(1, 10) {
            return self.read_sysctl();
        }
        if self.theme == Theme::Multipath || self.chance(1, 3) {
            let (name, values) = self.one(&GLOBAL);
            let value = self.one(values);
            return self.say(format!("sysctl -w net.ipv4.{name}={value}"));
        }
        let (name, values) = self.one(&PER_DEVICE);
        let value = self.one(values);
        let scope = self.scope();
        let line = match self.range(0, 30) {
            0 => format!("sysctl -q -w net.ipv4.conf.{scope}.{name}={value}"),
            1 => format!("sysctl -w 'net.ipv4.conf.{scope}.{name} = {value}'"),
            2 => format!("sysctl net.ipv4.conf.{scope}.{name}={value}"),
            3 => format!("sysctl -w net.ipv4.conf.{scope}.{name}={value} net.ipv4.conf.all.{name}={value}"),
            4 if !scope.contains('/') => format!("sysctl -w net/ipv4/conf/{scope}/{name}={value}"),
            _ => format!("sysctl -w net.ipv4.conf.{scope}.{name}={value}"),
        };
        self.say(line);
    }

    /// A device with a dot in its name is written with a slash.
    fn scope(&mut self) -> String {
        match self.range(0, 10) {
            0..4 => "all".into(),
            4 => "default".into(),
            _ => self.device().replace('.', "/"),
        }
    }

    fn read_sysctl(&mut self) {
        let (name, _) = self.one(&PER_DEVICE);
        let (global, _) = self.one(&GLOBAL[..7]);
        let scope = self.scope();
        let line = match self.range(0, 4) {
            0 => format!("sysctl net.ipv4.{global}"),
            1 => format!("sysctl -n net.ipv4.conf.{scope}.{name}"),
            2 => format!("cat /proc/sys/net/ipv4/{global}"),
            _ => format!("sysctl net.ipv4.conf.{scope}.{name}"),
        };
        self.say(line);
    }
}
