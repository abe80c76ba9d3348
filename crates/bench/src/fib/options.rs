//! The arguments of `fib`.

use std::path::PathBuf;
use std::time::Duration;

use fingerpost_net::Family;

use super::{external, peers};
use crate::table::Hostile;

/// What is said when something is wrong.
pub const USAGE: &str = "\
usage: fingerpost-bench fib [OPTIONS]

  longest-prefix match: each structure's time to build, memory, updates a second, ns a lookup

  --table TABLE      a file of PREFIX [HOP] lines (.gz through gzip, - standard input), or by name:
                     synthetic (the default), hosts, one8, one64, chains, 5m
  --routes N         size of a table by name (IPv6: a fifth of it for synthetic)
  --seed N           of tables by name, keys and pessimistic hops (default 1)
  --family 4|6|both  (default both)
  --hops optimistic|pessimistic|both
                     optimistic: the table's own, or shared by neighbours; pessimistic: one for each
                     prefix at random (default both)
  --keys FILE        an address a line, in place of the uniform, in-prefix and Zipf traces
  --lookups N        length of the traces (default 4000000)
  --passes N         timed passes, interleaved among the structures (default 10)
  --batch N          keys handed over together (default 256)
  --structures A,B   these, in this order; ratios are to the first. Only when they are named:
                     fingerpost-portable, linear (small tables), linux-getroute
  --build-limit S    seconds after which building is given up (default 30)
  --json             one JSON object a row
  --instructions     instead: instructions that our own structures take, counted by valgrind and
                     compared with crates/bench/instructions.json
  --write-baseline   with --instructions: writes that file
  --memory           instead: what loads cost here, by how much memory they are spread over
";

/// Which table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Seeded, like the Internet's.
    Synthetic,
    /// Seeded, one that hurts.
    Hostile(Hostile),
    /// From a file.
    File(PathBuf),
}

/// Which next hops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hops {
    /// The table's own, or derived so that neighbours share.
    Optimistic,
    /// At random for each prefix.
    Pessimistic,
}

impl Hops {
    /// As it is printed.
    pub fn name(self) -> &'static str {
        match self {
            Hops::Optimistic => "optimistic",
            Hops::Pessimistic => "pessimistic",
        }
    }
}

/// All that can be chosen.
#[derive(Clone, Debug)]
pub struct Options {
    pub table: Source,
    pub routes: Option<usize>,
    pub seed: u64,
    pub families: Vec<Family>,
    pub hops: Vec<Hops>,
    pub keys: Option<PathBuf>,
    pub lookups: usize,
    pub passes: usize,
    pub batch: usize,
    pub structures: Vec<String>,
    pub limit: Duration,
    pub json: bool,
    pub instructions: bool,
    pub write_baseline: bool,
    pub memory: bool,
}

/// Reads the arguments after `fib`; `None` when help is asked for.
///
/// # Errors
///
/// What is wrong, in a sentence.
pub fn parse(mut args: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
    let mut options = Options {
        table: Source::Synthetic,
        routes: None,
        seed: 1,
        families: vec![Family::V4, Family::V6],
        hops: vec![Hops::Optimistic, Hops::Pessimistic],
        keys: None,
        lookups: 4_000_000,
        passes: 10,
        batch: 256,
        structures: peers::DEFAULT.iter().chain(&external::DEFAULT).map(|name| (*name).into()).collect(),
        limit: Duration::from_secs(30),
        json: false,
        instructions: false,
        write_baseline: false,
        memory: false,
    };
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
        match arg.as_str() {
            "--table" => options.table = table(&value()?),
            "--routes" => options.routes = Some(number(&arg, &value()?, 1)?),
            "--seed" => options.seed = value()?.parse().map_err(|_| "--seed: expected a number")?,
            "--family" => {
                options.families = match value()?.as_str() {
                    "4" => vec![Family::V4],
                    "6" => vec![Family::V6],
                    "both" => vec![Family::V4, Family::V6],
                    other => return Err(format!("--family {other}: expected 4, 6 or both")),
                }
            }
            "--hops" => {
                options.hops = match value()?.as_str() {
                    "optimistic" => vec![Hops::Optimistic],
                    "pessimistic" => vec![Hops::Pessimistic],
                    "both" => vec![Hops::Optimistic, Hops::Pessimistic],
                    other => return Err(format!("--hops {other}: expected optimistic, pessimistic or both")),
                }
            }
            "--keys" => options.keys = Some(value()?.into()),
            "--lookups" => options.lookups = number(&arg, &value()?, 64)?,
            "--passes" => options.passes = number(&arg, &value()?, 1)?,
            "--batch" => options.batch = number(&arg, &value()?, 1)?,
            "--structures" => options.structures = structures(&value()?)?,
            "--build-limit" => options.limit = Duration::from_secs(number(&arg, &value()?, 1)? as u64),
            "--json" => options.json = true,
            "--instructions" => options.instructions = true,
            "--write-baseline" => options.write_baseline = true,
            "--memory" => options.memory = true,
            "-h" | "--help" => return Ok(None),
            other => return Err(format!("{other}: unknown option")),
        }
    }
    if options.write_baseline && !options.instructions {
        return Err("--write-baseline goes with --instructions".into());
    }
    if let Source::Hostile(kind) = options.table {
        options.families.retain(|&family| kind.has(family));
        if options.families.is_empty() {
            return Err("--table: there is no such table of this --family".into());
        }
    }
    Ok(Some(options))
}

fn table(word: &str) -> Source {
    match (word, Hostile::named(word)) {
        ("synthetic", _) => Source::Synthetic,
        (_, Some(kind)) => Source::Hostile(kind),
        (file, None) => Source::File(file.into()),
    }
}

fn number(option: &str, word: &str, least: usize) -> Result<usize, String> {
    let number = word.parse().ok().filter(|&number| number >= least);
    number.ok_or_else(|| format!("{option} {word}: expected a number, {least} or more"))
}

fn structures(words: &str) -> Result<Vec<String>, String> {
    let known: Vec<&str> = peers::DEFAULT
        .iter()
        .chain(&external::DEFAULT)
        .chain(&peers::OTHERS)
        .chain(&external::OTHERS)
        .copied()
        .collect();
    let mut names: Vec<String> = Vec::new();
    for name in words.split(',') {
        if !known.contains(&name) {
            return Err(format!("--structures {name}: expected some of {}", known.join(",")));
        }
        if names.iter().any(|before| before == name) {
            return Err(format!("--structures: {name} stands there twice"));
        }
        names.push(name.into());
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Result<Option<Options>, String> {
        parse(text.split_whitespace().map(String::from).collect::<Vec<_>>().into_iter())
    }

    #[test]
    fn arguments_are_read() {
        let read = words("--table x.gz --family 6 --passes 3 --structures linux,lc-trie --json");
        let options = read.expect("is right").expect("is no help");
        assert_eq!(options.table, Source::File("x.gz".into()));
        assert_eq!(options.families, [Family::V6]);
        assert_eq!(options.structures, ["linux", "lc-trie"]);
        assert_eq!((options.passes, options.json, options.lookups), (3, true, 4_000_000));
        let options = words("--table one8").expect("is right").expect("is no help");
        assert_eq!((options.table, options.families), (Source::Hostile(Hostile::One8), vec![Family::V4]));
        assert!(words("--help").expect("is right").is_none());
    }

    #[test]
    fn wrong_arguments_are_named() {
        for (text, part) in [
            ("--family 5", "--family 5: expected 4, 6 or both"),
            ("--passes 0", "--passes 0: expected a number, 1 or more"),
            (
                "--structures lc-trie,fast",
                "--structures fast: expected some of fingerpost,fingerpost-dir24,lc-trie",
            ),
            ("--structures linux,linux", "linux stands there twice"),
            ("--table one8 --family 6", "no such table of this --family"),
            ("--keys", "--keys needs a value"),
            ("--write-baseline", "goes with --instructions"),
            ("more", "more: unknown option"),
        ] {
            let error = words(text).map(|_| ()).expect_err(text);
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
