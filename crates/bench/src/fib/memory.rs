//! `fib --memory`: what loads cost on this machine, by how much memory they are
//! spread over. No structure can be quicker than the loads that it needs.

use std::hint::black_box;
use std::io;
use std::time::Instant;

use fingerpost_net::Rng;
use serde::Serialize;

use crate::output;
use crate::process::median;

/// Bytes over which loads are spread: powers of two.
const SIZES: [usize; 9] =
    [32 << 10, 256 << 10, 1 << 20, 2 << 20, 4 << 20, 8 << 20, 32 << 20, 64 << 20, 256 << 20];
/// Bytes that come from memory together.
const LINE: usize = 64;
/// Words of a line.
const STEP: usize = LINE / size_of::<u32>();
const LOADS: usize = 1 << 20;
/// Sequences of addresses that do not wait for each other.
const LANES: usize = 4;

/// Loads spread over so many bytes.
#[derive(Serialize)]
struct Row {
    bytes: usize,
    /// ns a load whose address is what the load before has found: the median, and the best.
    dependent_ns: f64,
    dependent_ns_best: f64,
    /// Millions of loads a second whose addresses are known beforehand.
    independent_m_per_s: f64,
    independent_m_per_s_best: f64,
}

/// Measures and prints.
///
/// # Errors
///
/// The output is closed.
pub fn run(passes: usize, json: bool) -> io::Result<()> {
    if !json {
        output::print("       KB  dependent ns   best  independent M/s   best\n")?;
    }
    for bytes in SIZES {
        let row = measure(bytes, passes);
        let text = match json {
            true => serde_json::to_string(&row).map_err(io::Error::other)?,
            false => format!(
                "{:9}  {:12.1}  {:5.1}  {:15.0}  {:5.0}",
                bytes >> 10,
                row.dependent_ns,
                row.dependent_ns_best,
                row.independent_m_per_s,
                row.independent_m_per_s_best
            ),
        };
        output::print(&(text + "\n"))?;
    }
    Ok(())
}

fn measure(bytes: usize, passes: usize) -> Row {
    let words = cycle(bytes / LINE, &mut Rng::new(1));
    let timed = |loads: fn(&[u32]) -> u32| -> Vec<f64> {
        // The first pass brings the memory in.
        black_box(loads(&words));
        (0..passes)
            .map(|_| {
                let start = Instant::now();
                black_box(loads(black_box(&words)));
                start.elapsed().as_secs_f64() * 1e9 / LOADS as f64
            })
            .collect()
    };
    let best = |times: &[f64]| times.iter().copied().fold(f64::INFINITY, f64::min);
    let (dependent, independent) = (timed(dependent), timed(independent));
    Row {
        bytes,
        dependent_ns_best: best(&dependent),
        dependent_ns: median(dependent),
        independent_m_per_s_best: 1e3 / best(&independent),
        independent_m_per_s: 1e3 / median(independent),
    }
}

/// A word a line: the number of the next line, in one cycle over all of them.
fn cycle(lines: usize, rng: &mut Rng) -> Vec<u32> {
    let mut order: Vec<u32> = (0..lines as u32).collect();
    for at in (1..lines).rev() {
        order.swap(at, rng.below(at as u64 + 1) as usize);
    }
    let mut words = vec![0; lines * STEP];
    for (at, &line) in order.iter().enumerate() {
        words[line as usize * STEP] = order[(at + 1) % lines];
    }
    words
}

#[inline(never)]
fn dependent(words: &[u32]) -> u32 {
    (0..LOADS).fold(0, |line, _| words[line as usize * STEP])
}

#[inline(never)]
fn independent(words: &[u32]) -> u32 {
    let mask = words.len() / STEP - 1;
    let mut lanes: [u64; LANES] = std::array::from_fn(|lane| lane as u64 + 1);
    let mut sum = 0u32;
    for _ in 0..LOADS / LANES {
        for lane in &mut lanes {
            // Knuth's MMIX generator: its upper half is random enough for addresses.
            *lane = lane.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            sum = sum.wrapping_add(words[((*lane >> 33) as usize & mask) * STEP]);
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cycle_goes_through_all_lines() {
        let words = cycle(512, &mut Rng::new(1));
        let (mut line, mut seen) = (0, [false; 512]);
        for _ in 0..512 {
            assert!(!std::mem::replace(&mut seen[line], true), "{line} twice");
            line = words[line * STEP] as usize;
        }
        assert_eq!(line, 0);
    }

    #[test]
    fn loads_take_time() {
        let row = measure(32 << 10, 3);
        assert!(row.dependent_ns_best > 0.0 && row.dependent_ns >= row.dependent_ns_best);
        assert!(row.independent_m_per_s_best >= row.independent_m_per_s && row.independent_m_per_s > 0.0);
    }
}
