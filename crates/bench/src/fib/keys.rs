//! The traces of addresses that are looked up.

use std::io;
use std::net::IpAddr;
use std::path::Path;

use fingerpost_net::{Ip, Prefix, Rng};
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

/// Draws `count` keys for a table; none where no route is there to draw from.
pub fn draw<I: Ip>(kind: Keys, routes: &[Route<I>], count: usize, seed: u64) -> Vec<I> {
    let mut rng = Rng::new(seed);
    match kind {
        Keys::Uniform => (0..count).map(|_| host(Prefix::DEFAULT, &mut rng)).collect(),
        Keys::InPrefix => (0..count).map_while(|_| destination(routes, &mut rng)).collect(),
        Keys::Zipf => {
            let destinations: Vec<I> =
                (0..DESTINATIONS).map_while(|_| destination(routes, &mut rng)).collect();
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
