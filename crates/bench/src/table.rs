//! The routing table that is measured: a seeded one with the prefix lengths of
//! the Internet's, or one from a file.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Command, Stdio};

use fingerpost_net::{Prefix, Rng};

/// How many IPv4 prefixes of each length the Internet's table had in January 2024.
const LENGTHS: [(u8, u32); 25] = [
    (8, 16),
    (9, 13),
    (10, 38),
    (11, 103),
    (12, 299),
    (13, 581),
    (14, 1203),
    (15, 2100),
    (16, 13490),
    (17, 8235),
    (18, 13798),
    (19, 24870),
    (20, 42611),
    (21, 50750),
    (22, 108_623),
    (23, 96510),
    (24, 537_698),
    (25, 20),
    (26, 3),
    (27, 11),
    (28, 18),
    (29, 17),
    (30, 3),
    (31, 3),
    (32, 886),
];

/// The next hops of the seeded table.
const HOPS: u8 = 254;

/// A route: where to, and by which of up to 255 gateways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// Where to.
    pub prefix: Prefix<Ipv4Addr>,
    /// The gateway's number, 1 to 255.
    pub hop: u8,
}

/// A seeded table of about `size` routes with the Internet's distribution of
/// lengths. Longer prefixes mostly lie within a shorter one, and mostly share
/// its gateway, as the routes of one network do.
pub fn synthetic(seed: u64, size: usize) -> Vec<Route> {
    let mut rng = Rng::new(seed);
    let total: u32 = LENGTHS.iter().map(|&(_, count)| count).sum();
    let mut routes: Vec<Route> = Vec::with_capacity(size);
    let mut seen = HashSet::with_capacity(size);
    for (len, count) in LENGTHS {
        let wanted = (u64::from(count) * size as u64 / u64::from(total)).max(1);
        let shorter = routes.len() as u64;
        let (mut made, mut tries) = (0, 0);
        while made < wanted && tries < wanted * 50 {
            tries += 1;
            let parent = (shorter > 0 && rng.chance(11, 20)).then(|| routes[rng.below(shorter) as usize]);
            let (base, kept) = parent.map_or((0, 0), |p| (p.prefix.addr().to_bits(), p.prefix.len()));
            let host = rng.next_u32() & u32::MAX.checked_shr(u32::from(kept)).unwrap_or(0);
            let Ok(prefix) = Prefix::containing(Ipv4Addr::from_bits(base | host), len) else { continue };
            if !is_global(prefix.addr()) || !seen.insert(prefix) {
                continue;
            }
            let own = 1 + rng.below(u64::from(HOPS)) as u8;
            let hop = parent.filter(|_| rng.chance(3, 5)).map_or(own, |p| p.hop);
            routes.push(Route { prefix, hop });
            made += 1;
        }
    }
    routes.sort();
    routes
}

/// Whether an address may be in the Internet's table, and is none that a measurement uses itself.
fn is_global(addr: Ipv4Addr) -> bool {
    let [a, b, ..] = addr.octets();
    (1..224).contains(&a) && a != 10 && a != 127 && !(a == 100 && (64..128).contains(&b))
}

/// Reads `PREFIX [HOP]` lines; IPv6 ones are left out. A name that ends in
/// `.gz` is read through `gzip`, `-` is standard input.
///
/// # Errors
///
/// The file cannot be read, or a line is something else.
pub fn read(path: &Path) -> io::Result<Vec<Route>> {
    if path == Path::new("-") {
        return parse(io::stdin().lock());
    }
    if path.extension().is_none_or(|extension| extension != "gz") {
        return parse(BufReader::new(File::open(path)?));
    }
    let mut gzip = Command::new("gzip").arg("-dc").arg(path).stdout(Stdio::piped()).spawn()?;
    let output = gzip.stdout.take().ok_or_else(|| io::Error::other("gzip has no output"))?;
    let routes = parse(BufReader::new(output));
    match gzip.wait()?.success() {
        true => routes,
        false => Err(io::Error::other("gzip failed")),
    }
}

fn parse(input: impl BufRead) -> io::Result<Vec<Route>> {
    let mut routes = Vec::new();
    for (n, line) in input.lines().enumerate() {
        let line = line?;
        let wrong = || io::Error::other(format!("line {}: expected PREFIX [HOP], HOP 1 to 255", n + 1));
        let mut words = line.split_whitespace();
        let Some(prefix) = words.next().filter(|word| !word.contains(':')) else { continue };
        let prefix: Prefix<Ipv4Addr> = prefix.parse().map_err(|_| wrong())?;
        let hop = match words.next() {
            Some(word) => word.parse().ok().filter(|&hop| hop != 0).ok_or_else(wrong)?,
            None => 1 + (prefix.addr().to_bits().wrapping_mul(0x9e37_79b1) >> 24).min(253) as u8,
        };
        routes.push(Route { prefix, hop });
    }
    Ok(routes)
}

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
pub fn write_batch(routes: &[Route], path: &Path) -> io::Result<()> {
    let mut out = io::BufWriter::new(File::create(path)?);
    for Route { prefix, hop } in routes {
        writeln!(out, "route add {prefix} via 100.64.0.{hop} dev out0")?;
    }
    out.flush()
}

/// Destinations: uniformly a route, uniformly a host in it.
pub fn keys(routes: &[Route], count: usize, seed: u64) -> Vec<Ipv4Addr> {
    let mut rng = Rng::new(seed);
    let pick = |rng: &mut Rng| {
        let prefix = routes[rng.below(routes.len() as u64) as usize].prefix;
        let hosts = u32::MAX.checked_shr(u32::from(prefix.len())).unwrap_or(0);
        Ipv4Addr::from_bits(prefix.addr().to_bits() | rng.next_u32() & hosts)
    };
    if routes.is_empty() { Vec::new() } else { (0..count).map(|_| pick(&mut rng)).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeded_table_repeats_and_has_the_lengths() {
        let routes = synthetic(1, 20_000);
        assert_eq!(routes, synthetic(1, 20_000));
        assert_ne!(routes, synthetic(2, 20_000));
        let of = |len| routes.iter().filter(|r| r.prefix.len() == len).count();
        assert!((11_000..13_000).contains(&of(24)), "{}", of(24));
        assert!((19_000..20_100).contains(&routes.len()), "{}", routes.len());
    }

    #[test]
    fn files_have_a_prefix_and_perhaps_a_hop() {
        let routes = parse(&b"1.0.0.0/24 7\n2001:db8::/32 3\n9.0.0.0/8\n"[..]).expect("is a table");
        assert_eq!(routes.len(), 2);
        assert_eq!(routes[0].hop, 7);
        assert!(parse(&b"1.0.0.0/24 0\n"[..]).is_err());
        assert!(parse(&b"nonsense\n"[..]).is_err());
    }

    #[test]
    fn keys_lie_in_routes() {
        let routes = synthetic(1, 1000);
        assert!(keys(&routes, 100, 1).iter().all(|&key| routes.iter().any(|r| r.prefix.contains(key))));
    }
}
