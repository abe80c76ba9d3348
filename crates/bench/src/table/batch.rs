//! What `load` and `decide` make of a table: a file for `ip -batch`, and the host around it.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use fingerpost_net::{Family, Ip};

use super::Route;

/// What must stand before the table: two wires, one to the gateways and one
/// that packets come in by, and a rule or two if wanted.
pub fn preparation(family: Family, custom_rules: bool) -> Vec<&'static str> {
    let addresses = match family {
        Family::V4 => ADDRESSES,
        Family::V6 => ADDRESSES6,
    };
    let rules = rules(family).into_iter().filter(|_| custom_rules);
    WIRES.into_iter().chain(addresses).chain(rules).collect()
}

const WIRES: [&str; 7] = [
    "link set lo up",
    "link add out0 type veth peer name out1",
    "link add in0 type veth peer name in1",
    "link set out0 up",
    "link set out1 up",
    "link set in0 up",
    "link set in1 up",
];

const ADDRESSES: [&str; 2] = ["addr add 100.64.255.254/16 dev out0", "addr add 100.65.255.254/16 dev in0"];

const ADDRESSES6: [&str; 2] =
    ["addr add fd00:64::ffff:fffe/64 dev out0 nodad", "addr add fd00:65::ffff:fffe/64 dev in0 nodad"];

/// Rules that no measured packet meets.
pub const RULES: [&str; 3] = [
    "rule add pref 100 fwmark 0x1 lookup 100",
    "rule add pref 200 from 192.0.2.0/24 lookup 100",
    "rule add pref 300 to 192.0.2.0/24 ipproto tcp dport 22 lookup 100",
];

const RULES6: [&str; 3] = [
    "-6 rule add pref 100 fwmark 0x1 lookup 100",
    "-6 rule add pref 200 from 2001:db8::/32 lookup 100",
    "-6 rule add pref 300 to 2001:db8::/32 ipproto tcp dport 22 lookup 100",
];

/// Rules that no measured packet of a family meets.
pub fn rules(family: Family) -> [&'static str; 3] {
    match family {
        Family::V4 => RULES,
        Family::V6 => RULES6,
    }
}

/// Settings of the measured host.
pub fn settings(family: Family) -> &'static [&'static str] {
    match family {
        Family::V4 => &[
            "net.ipv4.ip_forward=1",
            "net.ipv4.conf.all.rp_filter=0",
            "net.ipv4.conf.in0.rp_filter=0",
            "net.ipv4.conf.out0.rp_filter=0",
        ],
        Family::V6 => &["net.ipv6.conf.all.forwarding=1"],
    }
}

/// Writes the table as a file for `ip -batch`, or for `ip -6 -batch`.
///
/// # Errors
///
/// The file cannot be written.
pub fn write_batch<I: Ip>(routes: &[Route<I>], path: &Path) -> io::Result<()> {
    let mut out = io::BufWriter::new(File::create(path)?);
    for Route { prefix, hop } in routes {
        match I::FAMILY {
            Family::V4 => {
                let [high, low] = hop.to_be_bytes();
                writeln!(out, "route add {prefix} via 100.64.{high}.{low} dev out0")?;
            }
            Family::V6 => writeln!(out, "route add {prefix} via fd00:64::{hop:x} dev out0")?,
        }
    }
    out.flush()
}
