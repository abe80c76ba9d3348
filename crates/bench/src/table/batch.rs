//! What `load` and `decide` make of a table: a file for `ip -batch`, and the host around it.

use std::fs::File;
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::path::Path;

use super::Route;

/// What must stand before the table: two wires, one to the gateways and one
/// that packets come in by, and a rule or two if wanted.
pub fn preparation(custom_rules: bool) -> Vec<&'static str> {
    let mut lines = vec![
        "link set lo up",
        "link add out0 type veth peer name out1",
        "link add in0 type veth peer name in1",
        "link set out0 up",
        "link set out1 up",
        "link set in0 up",
        "link set in1 up",
        "addr add 100.64.255.254/16 dev out0",
        "addr add 100.65.255.254/16 dev in0",
    ];
    if custom_rules {
        lines.extend(RULES);
    }
    lines
}

/// Rules that no measured packet meets.
pub const RULES: [&str; 3] = [
    "rule add pref 100 fwmark 0x1 lookup 100",
    "rule add pref 200 from 192.0.2.0/24 lookup 100",
    "rule add pref 300 to 192.0.2.0/24 ipproto tcp dport 22 lookup 100",
];

/// Settings of the measured host.
pub const SETTINGS: [&str; 4] = [
    "net.ipv4.ip_forward=1",
    "net.ipv4.conf.all.rp_filter=0",
    "net.ipv4.conf.in0.rp_filter=0",
    "net.ipv4.conf.out0.rp_filter=0",
];

/// Writes the table as a file for `ip -batch`.
///
/// # Errors
///
/// The file cannot be written.
pub fn write_batch(routes: &[Route<Ipv4Addr>], path: &Path) -> io::Result<()> {
    let mut out = io::BufWriter::new(File::create(path)?);
    for Route { prefix, hop } in routes {
        let [high, low] = hop.to_be_bytes();
        writeln!(out, "route add {prefix} via 100.64.{high}.{low} dev out0")?;
    }
    out.flush()
}
