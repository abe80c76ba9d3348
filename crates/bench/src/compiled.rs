//! Compiled decisions on the full table: one by one and in batches, in the
//! settings that people have, each beside the lookup that they stand for.

use std::io;
use std::net::Ipv4Addr;

use fingerpost::script::Runner;
use fingerpost_engine::fast::{Answer, Code, Compiled4};
use fingerpost_engine::lookup::hash::Asker;
use fingerpost_engine::lookup::input4::{self, Received};
use fingerpost_engine::lookup::{Decision, Flow4, output4};
use fingerpost_engine::trace::Tracer;
use fingerpost_engine::{Env, Namespace, State, World};
use fingerpost_iproute::Names;
use fingerpost_model::NsId;
use fingerpost_net::Rng;

use crate::decide::{Sums, each, number, same};
use crate::process::median;
use crate::report::{Goal, Report};

/// Packets at once.
const BATCH: usize = 256;
/// Passes, each way once in turn.
const PASSES: usize = 11;
/// Rules by source.
const RULES: u32 = 1000;

/// A host to measure on.
struct Setting {
    name: &'static str,
    /// Lines that make it of the one before.
    lines: Vec<String>,
    /// How much slower than the goal it may be.
    times: f64,
    output: bool,
    /// How many keys the lookup is asked about.
    looked_up: usize,
}

fn settings() -> [Setting; 3] {
    let by_source = |n: u32| {
        let [.., high, low] = (n * 2).to_be_bytes();
        format!("ip rule add pref {} from 100.65.{high}.{low} lookup {}", 1000 + n, 1000 + n % 10)
    };
    let defaults = (0..10).map(|n| format!("ip route add default via 100.64.9.{} dev out0 table {}", n + 1, 1000 + n));
    let rules = (0..RULES).map(by_source);
    [
        Setting { name: "default rules", lines: Vec::new(), times: 1.0, output: true, looked_up: usize::MAX },
        Setting {
            name: "strict rp_filter",
            lines: vec!["sysctl -qw net.ipv4.conf.in0.rp_filter=1".into()],
            times: 2.0,
            output: false,
            looked_up: usize::MAX,
        },
        Setting {
            name: "1,000 rules by source",
            lines: std::iter::once("sysctl -qw net.ipv4.conf.in0.rp_filter=0".to_string())
                .chain(defaults)
                .chain(rules)
                .collect(),
            times: 2.0,
            output: false,
            looked_up: 200_000,
        },
    ]
}

/// Measures all settings, on a host that holds the table.
///
/// # Errors
///
/// A setting cannot be made, or answers differ.
pub fn measure(world: &mut World, keys: &[Ipv4Addr], report: &mut Report) -> io::Result<()> {
    let mut rng = Rng::new(11);
    for setting in settings() {
        for line in &setting.lines {
            let words: Vec<String> = line.split_whitespace().map(String::from).collect();
            let names = Names::default();
            let outcome = Runner { world, ns: NsId(0), names: &names }.run(&words);
            if outcome.status != 0 {
                return Err(io::Error::other(format!("{line}: {}", outcome.stderr)));
            }
        }
        let (space, env) = world.ns_mut(NsId(0)).map_err(io::Error::other)?;
        let index = |name| space.config.links.find(name).map_or(0, |link| link.index());
        let (out, dev) = (index("out0"), index("in0"));
        // Half of the sources are behind the device, half anywhere.
        let mut source = |n: usize| match n % 2 {
            0 => Ipv4Addr::from_bits(Ipv4Addr::new(100, 65, 0, 0).to_bits() | rng.below(u64::from(RULES) * 4) as u32),
            _ => keys[rng.below(keys.len() as u64) as usize],
        };
        let packet = |(n, &dst): (usize, &Ipv4Addr)| {
            let src = source(n);
            Received { dst, src, dev, mark: 0, tos: 0, proto: 17, sport: 1, dport: 2, pseudo: false }
        };
        let packets: Vec<Received> = keys.iter().enumerate().map(packet).collect();
        let flows: Vec<Flow4> = keys.iter().map(|&key| Flow4::to(key)).collect();
        let mut fast = None;
        let build = each(1, || {
            fast = Some(Compiled4::new(&space.config, env));
            Ok(())
        })?;
        let Some(fast) = fast else { return Ok(()) };
        report.remark(format!(
            "{}: {} answers compiled, lookups touch {:.2} MB",
            setting.name,
            fast.answers(),
            fast.lookup_bytes() as f64 / 1e6
        ));
        let subject = Subject { space, env, fast: &fast, out };
        if setting.output {
            subject.measure("output", &setting, &flows, report)?;
        }
        subject.measure("input", &setting, &packets, report)?;
        report.row(format!("compiling, {}", setting.name), build / 1000.0, "ms", None);
    }
    Ok(())
}

struct Subject<'a> {
    space: &'a Namespace,
    env: Env<'a>,
    fast: &'a Compiled4,
    /// The device whose packets are told from others'.
    out: u32,
}

/// A packet to decide about.
trait Asked: Sized {
    fn looked_up(&self, subject: &Subject<'_>) -> Option<Decision>;
    fn compiled(&self, fast: &Compiled4) -> Code;
    fn compiled_batch(asked: &[Self], fast: &Compiled4, codes: &mut [Code]);
}

impl Asked for Flow4 {
    fn looked_up(&self, subject: &Subject<'_>) -> Option<Decision> {
        let (state, tracer) = (&mut State::default(), &mut Tracer::off());
        output4::resolve(&subject.space.config, state, subject.env, &mut self.clone(), Asker::Packet, tracer).ok()
    }

    fn compiled(&self, fast: &Compiled4) -> Code {
        fast.output(self)
    }

    fn compiled_batch(asked: &[Self], fast: &Compiled4, codes: &mut [Code]) {
        fast.output_batch(asked, codes);
    }
}

impl Asked for Received {
    fn looked_up(&self, subject: &Subject<'_>) -> Option<Decision> {
        let (state, tracer) = (&mut State::default(), &mut Tracer::off());
        let decision = input4::resolve(&subject.space.config, state, subject.env, self, tracer).ok()?;
        Some(decision).filter(|decision| decision.error.is_none())
    }

    fn compiled(&self, fast: &Compiled4) -> Code {
        fast.input(self)
    }

    fn compiled_batch(asked: &[Self], fast: &Compiled4, codes: &mut [Code]) {
        fast.input_batch(asked, codes);
    }
}

impl Subject<'_> {
    fn measure<A: Asked>(
        &self,
        direction: &str,
        setting: &Setting,
        asked: &[A],
        report: &mut Report,
    ) -> io::Result<()> {
        let fast = self.fast;
        let number_of = |decision: &Decision| number(decision.dev == self.out, decision.gateway);
        let numbers: Vec<u64> = (0..fast.answers() as Code)
            .map(|code| match fast.answer(code) {
                Answer::Decided { decision, .. } if decision.error.is_none() => number_of(decision),
                _ => 0,
            })
            .collect();
        let mut expected = Sums::new();
        // Hundreds of rules take the lookup long.
        let looked_up = &asked[..asked.len().min(setting.looked_up)];
        let lookup = each(looked_up.len(), || {
            looked_up.iter().for_each(|asked| expected.add(asked.looked_up(self).map_or(0, |d| number_of(&d))));
            Ok(())
        })?;
        let (mut single, mut batched) = (Vec::new(), Vec::new());
        let mut codes = vec![0; BATCH];
        for _ in 0..PASSES {
            let mut sums = Sums::new();
            single.push(each(asked.len(), || {
                asked.iter().for_each(|asked| sums.add(numbers[asked.compiled(fast) as usize]));
                Ok(())
            })?);
            same(&expected, &sums, "the lookup and the compiled decisions")?;
            let mut sums = Sums::new();
            batched.push(each(asked.len(), || {
                for asked in asked.chunks(BATCH) {
                    let codes = &mut codes[..asked.len()];
                    A::compiled_batch(asked, fast, codes);
                    codes.iter().for_each(|&code| sums.add(numbers[code as usize]));
                }
                Ok(())
            })?);
            same(&expected, &sums, "the lookup and the compiled decisions in batches")?;
        }
        let what = |how: &str| format!("{direction}, {}, {how}", setting.name);
        let goal = |most: f64| Some(Goal::AtMost(most * setting.times));
        report.row(what("lookup"), lookup * 1000.0, "ns", None);
        report.row(what("compiled"), median(single) * 1000.0, "ns", goal(100.0));
        report.row(what("compiled, in batches"), median(batched) * 1000.0, "ns", goal(25.0));
        Ok(())
    }
}
