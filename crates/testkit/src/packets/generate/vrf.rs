//! Hosts whose devices belong to VRFs: a random host's script, its devices put into VRFs.

use std::collections::BTreeMap;

use fingerpost_net::Rng;

use crate::packets::generate::one;

/// A VRF: its name, table and the last byte of its link-layer address.
const VRFS: [(&str, u32, u8); 2] = [("red", 10, 0xf0), ("blue", 20, 0xf1)];

/// The script with some devices in VRFs from when they are made, their routes mostly in the
/// VRFs' tables, and some routes that lead from one VRF into another.
pub fn with_vrfs(rng: &mut Rng, script: Vec<String>) -> Vec<String> {
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let is_six = script.iter().any(|line| line.contains("net.ipv6.conf.all.accept_dad"));
    let devices: Vec<String> = script
        .iter()
        .filter_map(|line| match &words(line)[..] {
            [ip, tuntap, add, name, ..] if [ip, tuntap, add] == ["ip", "tuntap", "add"] => Some(name.clone()),
            _ => None,
        })
        .collect();
    let place = |line: &&String| line.starts_with("ip link set ") && line.ends_with(" up");
    let after = script.iter().rposition(|line| place(&line)).map_or(script.len(), |at| at + 1);
    let mut made = Vec::new();
    let vrfs = &VRFS[..1 + usize::from(rng.chance(1, 3))];
    for (name, table, mac) in vrfs {
        made.push(format!("ip link add {name} address 02:00:00:00:00:{mac:02x} type vrf table {table}"));
        made.push(format!("ip link set {name} up"));
    }
    let mut table_of = BTreeMap::new();
    for (at, device) in devices.iter().enumerate() {
        if at == 0 || rng.chance(2, 3) {
            let (name, table, _) = one(rng, vrfs);
            made.push(format!("ip link set {device} master {name}"));
            table_of.insert(device.clone(), table);
        }
    }
    for (name, ..) in vrfs {
        let (own, host, loopback) = match is_six {
            false => ("10.250.0.1/32", "127.0.0.1/8", "net.ipv4"),
            true => ("2001:db8:250::1/128", "::1/128", "net.ipv6"),
        };
        if rng.chance(1, 2) {
            made.push(format!("ip address add {own} dev {name}"));
        }
        if rng.chance(1, 5) {
            made.push(format!("ip address add {host} dev {name}"));
        }
        if rng.chance(1, 6) {
            made.push(format!("sysctl -w {loopback}.conf.{name}.forwarding={}", rng.below(2)));
        }
        if !is_six && rng.chance(1, 6) {
            made.push(format!("sysctl -w net.ipv4.conf.{name}.rp_filter={}", 1 + rng.below(2)));
        }
    }
    let mut all = script[..after].to_vec();
    all.extend(made);
    for line in &script[after..] {
        all.push(moved(rng, line, &table_of));
    }
    for _ in 0..rng.below(3) {
        let (to, ..) = one(rng, vrfs);
        let table = one(rng, &["", "", " table 10", " table 20"]);
        let dst = match is_six {
            false => one(rng, &["100.66.0.0/16", "10.0.0.0/24", "100.80.0.0/16"]),
            true => one(rng, &["2001:db8:66::/48", "2001:db8:80::/48"]),
        };
        let family = if is_six { " -6" } else { "" };
        all.push(format!("ip{family} route add {dst} dev {to}{table}"));
    }
    all
}

/// A line of the host, a route moved to the table of its device's VRF.
fn moved(rng: &mut Rng, line: &str, table_of: &BTreeMap<String, u32>) -> String {
    let is_route = line.contains(" route add ") && !line.contains(" table ");
    if !is_route {
        return line.to_owned();
    }
    let words: Vec<&str> = line.split_whitespace().collect();
    let device = words.iter().position(|word| *word == "dev").and_then(|at| words.get(at + 1));
    let table = match device {
        Some(device) => table_of.get(*device).copied().filter(|_| rng.chance(7, 8)),
        None => Some(VRFS[0].1).filter(|_| rng.chance(1, 2)),
    };
    let Some(table) = table else { return line.to_owned() };
    // Legs come last.
    match line.find(" nexthop ") {
        Some(at) => format!("{} table {table}{}", &line[..at], &line[at..]),
        None => format!("{line} table {table}"),
    }
}
