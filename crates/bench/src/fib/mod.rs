//! `fib`: longest-prefix match, our structures beside others', in one run.
//!
//! [`structure::Structure`] is what a structure of this process must do, and
//! `peers` has an adapter for each; [`external`] runs those that only C can
//! reach. [`measure`] builds all, checks every answer against the [`oracle`],
//! times passes in turns, makes changes, and lets [`readers`] work on threads of
//! their own; a structure that answers wrongly gets no time.

mod external;
mod instructions;
mod keys;
mod measure;
mod memory;
mod options;
mod oracle;
mod peers;
mod readers;
mod report;
mod structure;
mod subject;
mod updates;

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use fingerpost_net::{Family, Rng};

use crate::process::Scratch;
use crate::table::{self, Listed, Route, SYNTHETIC_V4, SYNTHETIC_V6};
use external::{External, Files};
use keys::Keys;
use measure::{Outcome, Setting, note};
use options::{Hops, Options, Source};
use oracle::Oracle;
use peers::Native;
use report::Heading;
use subject::{Entrant, Subject, Trace, Work};

pub use instructions::worker;
pub use options::{USAGE, parse};

/// The linear search is refused for more routes than this.
const SMALL: usize = 20_000;

/// Of what is drawn, each has a seed of its own.
#[derive(Clone, Copy)]
enum Draw {
    Hops,
    Order,
    Changes,
    Keys(Keys),
}

fn seed(of: u64, draw: Draw) -> u64 {
    let which = match draw {
        Draw::Hops => 1,
        Draw::Order => 2,
        Draw::Changes => 3,
        Draw::Keys(kind) => 4 + kind as u64,
    };
    // The sequences of neighbouring seeds have nothing in common, those of equal ones all.
    Rng::new(of ^ which << 32).next_u64()
}

/// Runs `fib`; whether all answers were right.
///
/// # Errors
///
/// A file cannot be read or holds something else, or the output is closed.
pub fn run(options: &Options) -> io::Result<bool> {
    if options.instructions {
        return instructions::run(options.write_baseline);
    }
    if options.memory {
        return memory::run(options.passes, options.json).map(|()| true);
    }
    let listed = match &options.table {
        Source::File(path) => Some(table::read(path)?),
        Source::Synthetic | Source::Hostile(_) => None,
    };
    let keys = options.keys.as_deref().map(keys::read).transpose()?;
    let scratch = Scratch::new()?;
    let programs: Programs = options
        .structures
        .iter()
        .filter_map(|name| external::named(name))
        .map(|program| (program.name, external::compile(program, scratch.path())))
        .collect();
    let mut run =
        Run { options, listed, keys, scratch: scratch.path(), programs, measured: false, all_right: true };
    for family in &options.families {
        match family {
            Family::V4 => run.family::<Ipv4Addr>(|listed| &mut listed.v4)?,
            Family::V6 => run.family::<Ipv6Addr>(|listed| &mut listed.v6)?,
        }
    }
    match run.measured {
        true => Ok(run.all_right),
        false => Err(io::Error::other("there is nothing to measure: no routes, or no keys of their family")),
    }
}

type Programs = HashMap<&'static str, io::Result<PathBuf>>;

struct Run<'a> {
    options: &'a Options,
    listed: Option<Listed>,
    keys: Option<Vec<IpAddr>>,
    scratch: &'a Path,
    programs: Programs,
    measured: bool,
    all_right: bool,
}

impl Run<'_> {
    fn family<I: Native>(&mut self, own: fn(&mut Listed) -> &mut Vec<Route<I>>) -> io::Result<()> {
        let options = self.options;
        let routes: Vec<Route<I>> = match (&options.table, &mut self.listed) {
            (Source::Hostile(kind), _) => {
                table::hostile(*kind, options.seed, options.routes.unwrap_or(kind.size()))
            }
            (Source::File(_), Some(listed)) => std::mem::take(own(listed)),
            (Source::File(_) | Source::Synthetic, _) => {
                let size = match I::FAMILY {
                    Family::V4 => options.routes.unwrap_or(SYNTHETIC_V4),
                    Family::V6 => options.routes.map_or(SYNTHETIC_V6, |routes| routes.div_ceil(5)),
                };
                table::synthetic(options.seed, size)
            }
        };
        if routes.is_empty() {
            note(&format!("{:?}: the table has no routes", I::FAMILY));
            return Ok(());
        }
        let traces = self.traces(&routes);
        if traces.iter().any(|trace| trace.keys.is_empty()) {
            note(&format!("{:?}: there are no keys", I::FAMILY));
            return Ok(());
        }
        let oracle = Oracle::new(&routes);
        for &hops in &options.hops {
            let routes = match hops {
                Hops::Optimistic => routes.clone(),
                Hops::Pessimistic => table::random(&routes, seed(options.seed, Draw::Hops)),
            };
            self.one(hops, &routes, &traces, &oracle)?;
        }
        Ok(())
    }

    fn traces<I: Native>(&self, routes: &[Route<I>]) -> Vec<Trace<I>> {
        if let Some(keys) = &self.keys {
            let own = keys.iter().filter_map(|&key| I::from_ip(key));
            return vec![Trace { kind: Keys::File, keys: own.collect() }];
        }
        let drawn = |&kind: &Keys| {
            let seed = seed(self.options.seed, Draw::Keys(kind));
            Trace { kind, keys: keys::draw(kind, routes, self.options.lookups, seed) }
        };
        Keys::DRAWN.iter().map(drawn).collect()
    }

    /// One family with one kind of hops.
    fn one<I: Native>(
        &mut self,
        hops: Hops,
        routes: &[Route<I>],
        traces: &[Trace<I>],
        oracle: &Oracle<I>,
    ) -> io::Result<()> {
        let options = self.options;
        let shuffled = shuffled(routes, seed(options.seed, Draw::Order));
        let files = match self.programs.values().any(Result::is_ok) {
            true => Some(Files::new(self.scratch, routes, &shuffled, traces)?),
            false => None,
        };
        let expected: Vec<Vec<u32>> = traces.iter().map(|trace| oracle.hops(routes, &trace.keys)).collect();
        let heading = Heading {
            family: I::FAMILY,
            hops,
            table: match &options.table {
                Source::Synthetic => format!("synthetic (seed {})", options.seed),
                Source::Hostile(kind) => format!("{} (seed {})", kind.name(), options.seed),
                Source::File(path) => path.display().to_string(),
            },
            routes: routes.len(),
            segments: oracle.segments(routes),
            keys: traces.iter().map(|trace| trace.kind).collect(),
            lookups: traces.iter().map(|trace| trace.keys.len()).max().unwrap_or(0),
            passes: options.passes,
            batch: options.batch,
        };
        let work = Work {
            routes,
            shuffled: &shuffled,
            traces,
            batch: options.batch,
            limit: options.limit,
            files: files.as_ref(),
        };
        let setting =
            Setting { passes: options.passes, seed: seed(options.seed, Draw::Changes), expected: &expected };
        let entrant =
            |name: &String| Entrant { name: name.clone(), subject: self.subject(name, routes.len()) };
        let entrants = options.structures.iter().map(entrant).collect();
        let outcomes = measure::measure(&setting, &work, entrants);
        self.measured = true;
        self.all_right &= !outcomes.iter().any(|outcome| matches!(outcome, Outcome::Wrong { .. }));
        let out = &mut io::stdout().lock();
        if options.json {
            report::json(&heading, &outcomes, out)
        } else {
            report::text(&heading, &outcomes, out)
        }
    }

    /// A structure by name, ready to build.
    fn subject<I: Native>(&self, name: &str, routes: usize) -> io::Result<Box<dyn Subject<I>>> {
        if let (Some(program), Some(built)) = (external::named(name), self.programs.get(name)) {
            let built = built.as_ref().map_err(|error| io::Error::other(error.to_string()))?;
            return Ok(Box::new(External::start::<I>(program, built, self.scratch, self.options.batch)?));
        }
        if name == peers::LINEAR && routes > SMALL {
            return Err(io::Error::other(format!("it is for tables of {SMALL} routes at most (--routes)")));
        }
        peers::named(name)
    }
}

fn shuffled<T: Copy>(of: &[T], seed: u64) -> Vec<T> {
    let mut rng = Rng::new(seed);
    let mut shuffled = of.to_vec();
    for at in (1..shuffled.len()).rev() {
        shuffled.swap(at, rng.below(at as u64 + 1) as usize);
    }
    shuffled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shuffling_keeps_all() {
        let numbers: Vec<u32> = (0..1000).collect();
        let mut after = shuffled(&numbers, 1);
        assert_ne!(after, numbers);
        after.sort();
        assert_eq!(after, numbers);
    }

    #[test]
    fn what_is_drawn_has_its_own_seed() {
        let draws =
            [Draw::Hops, Draw::Order, Draw::Changes, Draw::Keys(Keys::Uniform), Draw::Keys(Keys::Zipf)];
        let seeds: std::collections::HashSet<u64> = draws.iter().map(|&draw| seed(1, draw)).collect();
        assert_eq!(seeds.len(), draws.len());
    }
}
