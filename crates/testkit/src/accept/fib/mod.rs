//! `accept fib`: what a machine can check of the acceptance list of the crate
//! `fib`, and that the engine answers as the kernel does when it searches the
//! compiled table.
//!
//! [`history`] compares with references for as long as asked, [`hostile`]
//! measures large and hard tables once. The model checker and Miri are not
//! run from here: `CONTRIBUTING.md` says how.

pub mod history;
pub mod hostile;

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use fingerpost_fib::{Backend, Level};

use super::Line;
use history::Counts;

/// Each form with each level of instructions, an equal part of `time` each;
/// then the tables that are hard.
pub(super) fn lines(seed: u64, time: Duration) -> Vec<Line> {
    let levels: Vec<Level> = Level::all().collect();
    let share = time / (3 * levels.len()) as u32;
    let mut seed = seed;
    let mut lines = Vec::new();
    for level in levels {
        let mut form = |what: &str, run: &mut dyn FnMut(Instant, &mut u64) -> Result<Counts, String>| {
            let counts = run(Instant::now() + share, &mut seed);
            let (figure, pass) = match counts {
                Ok(counts) => (text(&counts), true),
                Err(error) => (error, false),
            };
            let what = format!("{what}, {}: random histories, two readers", level.name());
            lines.push(said(Line { what, figure, pass }));
        };
        form("IPv4", &mut |end, seed| history::until::<Ipv4Addr>(end, seed, level, |_| ()));
        form("IPv6", &mut |end, seed| history::until::<Ipv6Addr>(end, seed, level, |_| ()));
        form("IPv4 as DIR-24-8", &mut |end, seed| {
            history::until::<Ipv4Addr>(end, seed, level, |table| table.set_backend(Backend::Dir24))
        });
    }
    hostile::all(seed, &mut |found| {
        lines.push(said(Line { what: found.what, figure: found.figure, pass: found.pass }));
    });
    lines
}

/// Minutes pass between lines: each is told as it comes.
fn said(line: Line) -> Line {
    eprintln!("{}: {}", line.what, line.figure);
    line
}

fn text(counts: &Counts) -> String {
    let Counts { histories, changes, versions, answers, read } = counts;
    format!(
        "{histories} histories, {changes} changes, {versions} versions; {answers} answers and {read} of readers, \
         none differs"
    )
}
