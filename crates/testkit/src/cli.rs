//! The command line of `fingerpost-testkit`.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use fingerpost_net::Family;
use fingerpost_testkit::accept::{INSIDE, Plan};
use fingerpost_testkit::generate::{Devices, Shape, Theme};
use fingerpost_testkit::oracle::KERNEL_SIDE;
use fingerpost_testkit::packets::kernel::PACKETS_SIDE;
use fingerpost_testkit::{network, packets};

/// What `--help` prints.
pub const USAGE: &str = "\
usage: fingerpost-testkit VERB [OPTIONS]

  compare --seed S --scenarios N   random scenarios, the kernel against Fingerpost; exits 1 on a difference
      --only K         scenario K alone
      --script FILE    the script in FILE instead
      --self           the kernel against the kernel on another CPU: is the comparison itself sound?
      --live           `fingerpost ip` on the live namespace, beside each `ip` that shows or asks
      --print          print each script with the kernel's answers
      --keep DIR       write the minimal scripts of differences there
      --shrink N       shrink the N most frequent kinds of difference (default 20)
      --budget N       at most N runs to shrink one (default 200)
  compare --data-plane --seed S --cases N   random hosts and packets, of IPv6 with --family 6: what leaves by taps,
                                            is counted and dropped
      --only K, --self, --print, --shrink N, --budget N, --jobs N   as above
      --calls          those alone whose programs call sockets
      --theme vrf      devices are in VRFs: the kernel must have those
      --without-reasons   for kernels without tracing: why packets are dropped is not compared
      --save FILE      write the cases there, with what the kernel did
      --replay FILE    compare with what was saved, without a kernel
  compare --network --seed S --cases N   random small networks, of IPv6 with --family 6: what pings print
      --only K, --shrink N, --budget N, --jobs N   as above
  record --seed S --scenarios N -o FILE   the kernel's answers, for a replay without root
  replay FILE                             Fingerpost against recorded answers
  sources --seed S --scenarios N          source addresses: the kernel, asked by UDP sockets, against Fingerpost
  dump-script SEED INDEX                  print a scenario's script
  accept decision | ipv6 | fib | decide | packets   what a machine can check of the acceptance list, as a table;
                                          --seed and --scenarios (of the comparison, default 100) apply
      --minutes N      fib: of random histories, in all (default 10); the rest takes a few minutes more

  --questions N        questions a scenario (default 100)
  --theme NAME         scenarios of one theme: basic, mixed, trie, aliases, rules, multipath, nexthops,
                       defaults, input, addresses, links, wrong, inet6gateways, namespaces, vrf;
                       of IPv6 also sources, subtrees
  --devices all        dummy, vlan, macvlan and vrf devices too: the kernel must have them
  --family 4|6         the family of the scenarios (default 4)
  --jobs N             workers (default: one for each CPU)
  --fingerpost PATH    the program to compare (default: beside this one)
  --fib NAME           the structure its lookups search: lc-trie (its default) or compiled; or decisions:
                       whole decisions are compiled too, and have to agree

The kernel's side needs root, ip, sysctl, unshare, taskset and perl.
";

/// What to do.
#[derive(Debug)]
pub enum Verb {
    /// Print the usage.
    Help,
    /// Compare random scenarios, or one script.
    Compare(Options),
    /// Compare what happens to packets.
    ComparePackets(packets::run::Plan),
    /// Record the kernel's answers.
    Record(Options),
    /// Compare with recorded answers.
    Replay(Options),
    /// Compare choices of source addresses.
    Sources(Options),
    /// Print one scenario.
    DumpScript {
        /// The seed.
        seed: u64,
        /// The scenario's index.
        index: u64,
        /// Its questions and theme.
        shape: Shape,
    },
    /// Check an acceptance list.
    Accept {
        /// Its name.
        name: String,
        /// How.
        plan: Plan,
    },
    /// Check one configuration, inside a namespace.
    AcceptInside {
        /// The scenario's seed.
        seed: u64,
        /// Its index.
        index: u64,
        /// Its devices.
        shape: Shape,
        /// The program.
        fingerpost: PathBuf,
        /// For files.
        dir: PathBuf,
    },
    /// Compare what pings print in random networks.
    CompareNetworks(network::run::Plan),
    /// Be the kernel's side, inside a namespace.
    KernelSide {
        /// A program to ask as well.
        beside: Option<PathBuf>,
    },
    /// Be the kernel's side of packets, inside a namespace.
    PacketsSide {
        /// The directory of a tracing instance.
        tracing: Option<PathBuf>,
    },
}

/// The options of a run.
#[derive(Debug)]
pub struct Options {
    pub seed: u64,
    pub scenarios: u64,
    pub time: Duration,
    pub only: Option<u64>,
    pub script: Option<PathBuf>,
    pub against_itself: bool,
    pub live: bool,
    pub print: bool,
    pub keep: Option<PathBuf>,
    pub shrink: usize,
    pub budget: usize,
    pub shape: Shape,
    pub jobs: Option<usize>,
    pub fingerpost: Option<PathBuf>,
    pub fib: Option<String>,
    pub file: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            seed: 1,
            scenarios: 100,
            time: Duration::from_secs(600),
            only: None,
            script: None,
            against_itself: false,
            live: false,
            print: false,
            keep: None,
            shrink: 20,
            budget: 200,
            shape: Shape { questions: 100, theme: None, devices: Devices::Usual, family: Family::V4 },
            jobs: None,
            fingerpost: None,
            fib: None,
            file: None,
        }
    }
}

/// Reads the arguments, the program's name left out.
///
/// # Errors
///
/// A sentence about the argument that is wrong.
pub fn parse(args: impl Iterator<Item = String>) -> Result<Verb, String> {
    let mut args = args;
    let verb = args.next().ok_or("a verb is missing")?;
    let mut options = Options::default();
    let mut plain = Vec::new();
    let (mut data_plane, mut networks, mut deaf, mut only_calls) = (false, false, false, false);
    let (mut save, mut recorded) = (None, None);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--seed" => options.seed = value(&arg, args.next())?,
            "--scenarios" => options.scenarios = value(&arg, args.next())?,
            "--cases" => options.scenarios = value(&arg, args.next())?,
            "--data-plane" => data_plane = true,
            "--calls" => only_calls = true,
            "--network" => networks = true,
            "--without-reasons" => deaf = true,
            "--save" => save = Some(value(&arg, args.next())?),
            "--replay" => recorded = Some(value(&arg, args.next())?),
            "--minutes" => {
                let minutes: f64 = value(&arg, args.next())?;
                options.time = Duration::try_from_secs_f64(minutes * 60.0)
                    .map_err(|_| format!("{arg}: {minutes} is no time"))?;
            }
            "--only" => options.only = Some(value(&arg, args.next())?),
            "--script" => options.script = Some(value(&arg, args.next())?),
            "--self" => options.against_itself = true,
            "--live" => options.live = true,
            "--print" => options.print = true,
            "--keep" => options.keep = Some(value(&arg, args.next())?),
            "--shrink" => options.shrink = value(&arg, args.next())?,
            "--budget" => options.budget = value(&arg, args.next())?,
            "--questions" => options.shape.questions = value(&arg, args.next())?,
            "--theme" => options.shape.theme = Some(value(&arg, args.next())?),
            "--devices" => options.shape.devices = value(&arg, args.next())?,
            "--jobs" => options.jobs = Some(value(&arg, args.next())?),
            "--fingerpost" => options.fingerpost = Some(value(&arg, args.next())?),
            "--fib" => options.fib = Some(value(&arg, args.next())?),
            "-o" => options.file = Some(value(&arg, args.next())?),
            "--family" => {
                options.shape.family = match value::<u8>(&arg, args.next())? {
                    4 => Family::V4,
                    6 => Family::V6,
                    family => return Err(format!("--family {family}: only 4 and 6 are known")),
                }
            }
            "-h" | "--help" => return Ok(Verb::Help),
            _ if arg.starts_with('-') => return Err(format!("unknown option {arg}")),
            _ => plain.push(arg),
        }
    }
    let verb = match (verb.as_str(), plain.as_slice()) {
        ("help" | "-h" | "--help", _) => Verb::Help,
        ("compare", []) if data_plane => Verb::ComparePackets(packets::run::Plan {
            in_vrfs: options.shape.theme == Some(Theme::Vrf),
            deaf,
            family: options.shape.family,
            seed: options.seed,
            cases: options.scenarios,
            only_calls,
            only: options.only,
            jobs: options.jobs,
            against_itself: options.against_itself,
            print: options.print,
            shrink: options.shrink,
            budget: options.budget,
            save,
            replay: recorded,
        }),
        ("compare", []) if networks => Verb::CompareNetworks(network::run::Plan {
            family: options.shape.family,
            seed: options.seed,
            cases: options.scenarios,
            only: options.only,
            jobs: options.jobs,
            shrink: options.shrink,
            budget: options.budget,
        }),
        ("compare", []) => Verb::Compare(options),
        ("sources", []) => Verb::Sources(options),
        ("record", []) if options.file.is_some() => Verb::Record(options),
        ("record", []) => return Err("record needs -o FILE".into()),
        ("replay", [file]) => Verb::Replay(Options { file: Some(file.into()), ..options }),
        ("dump-script" | "--dump-script", [seed, index]) => Verb::DumpScript {
            seed: value("SEED", Some(seed.clone()))?,
            index: value("INDEX", Some(index.clone()))?,
            shape: options.shape,
        },
        ("accept", [name]) => Verb::Accept {
            name: name.clone(),
            plan: Plan {
                seed: options.seed,
                scenarios: options.scenarios,
                time: options.time,
                fingerpost: options.fingerpost,
            },
        },
        (INSIDE, [seed, index, fingerpost, dir]) => Verb::AcceptInside {
            seed: value("SEED", Some(seed.clone()))?,
            index: value("INDEX", Some(index.clone()))?,
            shape: options.shape,
            fingerpost: fingerpost.into(),
            dir: dir.into(),
        },
        (KERNEL_SIDE, []) => Verb::KernelSide { beside: None },
        (KERNEL_SIDE, [beside]) => Verb::KernelSide { beside: Some(beside.into()) },
        (PACKETS_SIDE, []) => Verb::PacketsSide { tracing: None },
        (PACKETS_SIDE, [tracing]) => Verb::PacketsSide { tracing: Some(tracing.into()) },
        (verb, _) => return Err(format!("{verb}: unknown verb, or wrong arguments")),
    };
    Ok(verb)
}

fn value<T: FromStr>(name: &str, text: Option<String>) -> Result<T, String> {
    let text = text.ok_or_else(|| format!("{name} needs a value"))?;
    text.parse().map_err(|_| format!("{name}: `{text}` is no value for it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Verb, String> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn arguments() {
        let Ok(Verb::Compare(options)) = parsed("compare --seed 7 --scenarios 3 --family 4 --self") else {
            panic!("is a comparison")
        };
        assert_eq!((options.seed, options.scenarios, options.against_itself), (7, 3, true));
        assert!(matches!(parsed("--dump-script 1 2"), Ok(Verb::DumpScript { seed: 1, index: 2, .. })));
        assert!(matches!(parsed("replay x.ndjson"), Ok(Verb::Replay(_))));
    }

    #[test]
    fn wrong_arguments_are_named() {
        assert_eq!(parsed("compare --family 5").expect_err("no"), "--family 5: only 4 and 6 are known");
        assert_eq!(parsed("compare --seed x").expect_err("no"), "--seed: `x` is no value for it");
        assert_eq!(parsed("accept fib --minutes -1").expect_err("no"), "--minutes: -1 is no time");
        assert!(parsed("record --seed 1").is_err());
        assert!(parsed("").is_err());
    }
}
