//! The routing tables that are measured: a seeded one with the prefix lengths
//! of the Internet's, hostile ones by name, or one from a file.

mod batch;
mod hops;
mod hostile;
mod synthetic;

use std::collections::HashSet;
use std::fs::File;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::io::{self, BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::process::{Command, Stdio};

use fingerpost_net::{Ip, IpPrefix, Prefix, Rng};

pub use batch::{RULES, preparation, rules, settings, write_batch};
pub use hops::{draw, neighbourly, random};
pub use hostile::{Hostile, hostile};
pub use synthetic::{SYNTHETIC_V4, SYNTHETIC_V6, is_global, synthetic};

/// The highest number of a next hop: what the most limited of the measured structures can hold.
pub const HIGHEST_HOP: u16 = 32767;

/// A set that takes the same steps in every run.
pub type Seen<T> = HashSet<T, BuildHasherDefault<DefaultHasher>>;

/// A route: where to, and by which of up to [`HIGHEST_HOP`] next hops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route<I: Ip> {
    /// Where to.
    pub prefix: Prefix<I>,
    /// The next hop's number, from 1.
    pub hop: u16,
}

/// What a file holds, sorted by prefix. Each prefix once: the last line with it counts.
#[derive(Clone, Debug, Default)]
pub struct Listed {
    /// The IPv4 routes.
    pub v4: Vec<Route<Ipv4Addr>>,
    /// The IPv6 routes.
    pub v6: Vec<Route<Ipv6Addr>>,
}

/// Reads `PREFIX [HOP]` lines; where HOP is missing, neighbours share one.
///
/// # Errors
///
/// The file cannot be read, or a line is something else.
pub fn read(path: &Path) -> io::Result<Listed> {
    let mut listed = Listed::default();
    each_line(path, |line| {
        let mut words = line.split_whitespace();
        let Some(prefix) = words.next() else { return Ok(()) };
        let prefix: IpPrefix = prefix.parse().map_err(|error| format!("{prefix}: {error}"))?;
        let hop = match words.next() {
            Some(word) => {
                Some(word.parse().ok().filter(|hop| (1..=HIGHEST_HOP).contains(hop)).ok_or_else(|| {
                    format!("{word}: expected the number of a next hop, 1 to {HIGHEST_HOP}")
                })?)
            }
            None => None,
        };
        if let Some(word) = words.next() {
            return Err(format!("{word}: expected PREFIX [HOP] and no more"));
        }
        match prefix.addr {
            IpAddr::V4(_) => add(prefix, hop, &mut listed.v4),
            IpAddr::V6(_) => add(prefix, hop, &mut listed.v6),
        }
    })?;
    settle(&mut listed.v4);
    settle(&mut listed.v6);
    Ok(listed)
}

fn add<I: Ip>(prefix: IpPrefix, hop: Option<u16>, routes: &mut Vec<Route<I>>) -> Result<(), String> {
    let prefix = prefix.to_prefix::<I>().map_err(|error| format!("{prefix}: {error}"))?;
    routes.push(Route { prefix, hop: hop.unwrap_or_else(|| neighbourly(prefix)) });
    Ok(())
}

/// Sorts by prefix; of routes with the same prefix the last stays.
fn settle<I: Ip>(routes: &mut Vec<Route<I>>) {
    routes.reverse();
    routes.sort_by_key(|route| route.prefix);
    routes.dedup_by_key(|route| route.prefix);
    routes.shrink_to_fit();
}

/// Gives each line of a file to `take`. A name that ends in `.gz` is read
/// through `gzip`, `-` is standard input.
///
/// # Errors
///
/// The file cannot be read, or `take` refuses a line: the file and the line are named.
pub fn each_line(path: &Path, take: impl FnMut(&str) -> Result<(), String>) -> io::Result<()> {
    if path == Path::new("-") {
        return lines("standard input", io::stdin().lock(), take);
    }
    let name = path.display().to_string();
    let named = |error: io::Error| io::Error::other(format!("{name}: {error}"));
    let file = File::open(path).map_err(named)?;
    if path.extension().is_none_or(|extension| extension != "gz") {
        return lines(&name, BufReader::new(file), take);
    }
    let mut gzip =
        Command::new("gzip").arg("-dc").stdin(file).stdout(Stdio::piped()).spawn().map_err(named)?;
    let output = gzip.stdout.take().ok_or_else(|| io::Error::other("gzip has no output"))?;
    let taken = lines(&name, BufReader::new(output), take);
    let status = gzip.wait()?;
    taken?;
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("{name}: gzip failed"))) }
}

fn lines(
    name: &str,
    input: impl BufRead,
    mut take: impl FnMut(&str) -> Result<(), String>,
) -> io::Result<()> {
    for (n, line) in input.lines().enumerate() {
        let wrong = |problem: String| io::Error::other(format!("{name}, line {}: {problem}", n + 1));
        let line = line.map_err(|error| wrong(error.to_string()))?;
        take(&line).map_err(wrong)?;
    }
    Ok(())
}

/// An address: uniformly a route, uniformly a host in it. `None` when there are no routes.
pub fn destination<I: Ip>(routes: &[Route<I>], rng: &mut Rng) -> Option<I> {
    let prefix = routes.get(rng.below(routes.len() as u64) as usize)?.prefix;
    Some(host(prefix, rng))
}

/// Uniformly a host in a prefix.
pub fn host<I: Ip>(prefix: Prefix<I>, rng: &mut Rng) -> I {
    let random = u128::from(rng.next_u64()) << 64 | if I::WIDTH > 64 { rng.next_u64().into() } else { 0 };
    let hosts = u128::MAX.checked_shr(prefix.len().into()).unwrap_or(0);
    I::from_key(prefix.addr().to_key() | random & hosts)
}

/// Destinations for a table.
pub fn keys<I: Ip>(routes: &[Route<I>], count: usize, seed: u64) -> Vec<I> {
    let mut rng = Rng::new(seed);
    (0..count).map_while(|_| destination(routes, &mut rng)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    /// What is read from a file with this text.
    fn written(name: &str, text: &[u8]) -> io::Result<Listed> {
        let path = std::env::temp_dir().join(format!("fingerpost-bench-{}-{name}", std::process::id()));
        File::create(&path).and_then(|mut file| file.write_all(text)).expect("can be written");
        let listed = read(&path);
        std::fs::remove_file(&path).expect("was written");
        listed
    }

    #[test]
    fn files_have_a_prefix_and_perhaps_a_hop() {
        let text = b"9.0.0.0/8\n1.0.0.0/24 7\n\n2001:db8::/32 3\n1.0.0.0/24 8\n";
        let listed = written("right", text).expect("is a table");
        let texts: Vec<String> = listed.v4.iter().map(|r| r.prefix.to_string()).collect();
        assert_eq!(texts, ["1.0.0.0/24", "9.0.0.0/8"]);
        assert_eq!(listed.v4[0].hop, 8, "the last line with a prefix counts");
        assert!((1..=hops::HOPS).contains(&listed.v4[1].hop), "a hop is derived");
        assert_eq!(listed.v6.len(), 1);
    }

    #[test]
    fn wrong_lines_are_named() {
        for (n, (line, part)) in [
            ("1.0.0.0/24 0", "1 to 32767"),
            ("1.0.0.0/24 32768", "1 to 32767"),
            ("1.0.0.1/24 1", "below the prefix length"),
            ("1.0.0.0/33", "exceeds"),
            ("nonsense", "expected ADDRESS"),
            ("1.0.0.0/24 1 2", "no more"),
        ]
        .into_iter()
        .enumerate()
        {
            let text = format!("9.0.0.0/8 1\n{line}\n");
            let error = written(&format!("wrong{n}"), text.as_bytes()).expect_err(line).to_string();
            assert!(error.contains("line 2: ") && error.contains(part), "{line}: {error}");
        }
        let error = read(Path::new("/nowhere/table.gz")).expect_err("is missing").to_string();
        assert!(error.starts_with("/nowhere/table.gz: "), "{error}");
        assert!(written("not.gz", b"no gzip").is_err());
    }

    #[test]
    fn keys_lie_in_routes() {
        let routes = synthetic::<Ipv4Addr>(1, 1000);
        assert!(keys(&routes, 100, 1).iter().all(|&key| routes.iter().any(|r| r.prefix.contains(key))));
        assert!(keys::<Ipv4Addr>(&[], 100, 1).is_empty());
    }
}
