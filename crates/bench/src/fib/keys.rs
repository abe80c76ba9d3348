//! The traces of addresses that are looked up.

use std::io;
use std::net::IpAddr;
use std::path::Path;

use fingerpost_net::{Family, Ip, Prefix, Rng};
use serde::Serialize;

use crate::table::{Route, destination, each_line, host};

/// Destinations of the Zipf traces.
const DESTINATIONS: usize = 1_000_000;

/// How keys are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keys {
    /// Uniformly over the address space.
    Uniform,
    /// Uniformly a prefix, uniformly a host in it.
    InPrefix,
    /// A million destinations in prefixes, the n-th with weight 1/n.
    Zipf,
    /// From a file.
    File,
}

impl Keys {
    /// Those that are drawn.
    pub const DRAWN: [Keys; 3] = [Keys::Uniform, Keys::InPrefix, Keys::Zipf];

    /// As it is printed.
    pub fn name(self) -> &'static str {
        match self {
            Keys::Uniform => "uniform",
            Keys::InPrefix => "in-prefix",
            Keys::Zipf => "zipf",
            Keys::File => "file",
        }
    }
}

/// Whether a router may forward to an address: Linux never looks up a
/// link-local or multicast IPv6 address for that, whatever the table says.
fn is_routed<I: Ip>(addr: I) -> bool {
    let [a, b, ..] = addr.to_key().to_be_bytes();
    I::FAMILY == Family::V4 || (a != 0xff && (a != 0xfe || b & 0xc0 != 0x80))
}

/// Draws `count` keys for a table; none where no route is there to draw from.
pub fn draw<I: Ip>(kind: Keys, routes: &[Route<I>], count: usize, seed: u64) -> Vec<I> {
    let mut rng = Rng::new(seed);
    // A table may well hold nothing that is routed; it is then tried no longer.
    let mut routed = |draw: &mut dyn FnMut(&mut Rng) -> Option<I>| {
        (0..1000).find_map(|_| draw(&mut rng).filter(|&addr| is_routed(addr)))
    };
    match kind {
        Keys::Uniform => {
            (0..count).map_while(|_| routed(&mut |rng| Some(host(Prefix::DEFAULT, rng)))).collect()
        }
        Keys::InPrefix => (0..count).map_while(|_| routed(&mut |rng| destination(routes, rng))).collect(),
        Keys::Zipf => {
            let destinations: Vec<I> =
                (0..DESTINATIONS).map_while(|_| routed(&mut |rng| destination(routes, rng))).collect();
            zipf(&destinations, count, &mut rng)
        }
        Keys::File => Vec::new(),
    }
}

/// Draws of `from`, the n-th with weight 1/n.
fn zipf<T: Copy>(from: &[T], count: usize, rng: &mut Rng) -> Vec<T> {
    let mut total = 0.0;
    let bounds: Vec<f64> = (1..=from.len())
        .map(|rank| {
            total += 1.0 / rank as f64;
            total
        })
        .collect();
    let one = |rng: &mut Rng| {
        let point = rng.next_u32() as f64 / 2f64.powi(32) * total;
        from.get(bounds.partition_point(|&bound| bound <= point)).copied()
    };
    (0..count).map_while(|_| one(rng)).collect()
}

/// Reads addresses, one a line; those of another family are left out.
///
/// # Errors
///
/// The file cannot be read, or a line is something else.
pub fn read(path: &Path) -> io::Result<Vec<IpAddr>> {
    let mut keys = Vec::new();
    each_line(path, |line| {
        let word = line.trim();
        if !word.is_empty() {
            keys.push(word.parse().map_err(|_| format!("{word}: expected an address"))?);
        }
        Ok(())
    })?;
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::synthetic;
    use std::net::{Ipv4Addr, Ipv6Addr};

    #[test]
    fn drawn_keys_repeat_and_lie_where_they_should() {
        let routes = synthetic::<Ipv6Addr>(1, 300);
        for kind in Keys::DRAWN {
            let keys = draw(kind, &routes, 200, 5);
            assert_eq!(keys, draw(kind, &routes, 200, 5));
            assert_ne!(keys, draw(kind, &routes, 200, 6));
            let within = keys.iter().filter(|&&key| routes.iter().any(|r| r.prefix.contains(key))).count();
            assert_eq!(within == 200, kind != Keys::Uniform, "{kind:?}: {within}");
        }
        assert!(draw::<Ipv4Addr>(Keys::Zipf, &[], 10, 1).is_empty());
    }

    #[test]
    fn what_is_never_routed_is_never_drawn() {
        let parse = |text: &str| is_routed::<Ipv6Addr>(text.parse().expect("is an address"));
        assert!(parse("2001:db8::1") && parse("fec0::1") && parse("fd00::1"));
        assert!(!parse("fe80::1") && !parse("febf::1") && !parse("ff02::1"));
        let prefix = "fe80::/10".parse().expect("is a prefix");
        assert!(draw::<Ipv6Addr>(Keys::InPrefix, &[Route { prefix, hop: 1 }], 10, 1).is_empty());
    }

    #[test]
    fn the_first_of_many_is_drawn_most() {
        let drawn = zipf(&[0, 1, 2, 3], 10_000, &mut Rng::new(1));
        let share = |n| drawn.iter().filter(|&&d| d == n).count() as f64 / 10_000.0;
        // 1, 1/2, 1/3, 1/4 of 25/12.
        assert!((share(0) - 0.48).abs() < 0.02, "{}", share(0));
        assert!((share(3) - 0.12).abs() < 0.02, "{}", share(3));
    }

    #[test]
    fn key_files_name_their_wrong_line() {
        let path = std::env::temp_dir().join(format!("fingerpost-bench-keys-{}", std::process::id()));
        std::fs::write(&path, "1.2.3.4\n2001:db8::1\n").expect("can be written");
        assert_eq!(read(&path).expect("is right").len(), 2);
        std::fs::write(&path, "1.2.3.4\n1.2.3.4/32\n").expect("can be written");
        let error = read(&path).expect_err("is wrong").to_string();
        assert!(error.contains("line 2: 1.2.3.4/32"), "{error}");
        std::fs::remove_file(&path).expect("was written");
    }
}
