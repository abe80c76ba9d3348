//! `decide`: one decision on the full table, untraced, traced and explained,
//! beside the kernel's answers to `RTM_GETROUTE`.

use std::hint::black_box;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use fingerpost::explain::{Asked, Question, Resolved, explain, text};
use fingerpost_engine::lookup::hash::Asker;
use fingerpost_engine::lookup::{Decision, input4, output4};
use fingerpost_engine::trace::{Event, Tracer};
use fingerpost_engine::{Env, Namespace, World};
use fingerpost_host::{Live, Target};
use fingerpost_iproute::Names;
use fingerpost_model::{Kernel, NsId, Refusal, RouteMsg};
use fingerpost_net::Family;

use crate::bpf::Way;
use crate::compiled;
use crate::kernel;
use crate::load::{in_kernel, in_memory};
use crate::process::{median, thread_cpu};
use crate::report::{Goal, Report};
use crate::table::{self, Listed};

/// Decisions a pass.
const KEYS: usize = 1_000_000;
/// The slower ways take as many of the keys.
const TRACED: usize = 200_000;
const KERNEL: usize = 200_000;
const EXPLAINED: usize = 10_000;
/// Passes, each way once in turn.
const PASSES: usize = 7;
/// Whence packets come.
const SENDER: Ipv4Addr = Ipv4Addr::new(100, 65, 0, 2);

/// Which way a packet comes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Output,
    Input,
}

const DIRECTIONS: [(Direction, &str); 2] = [(Direction::Output, "output"), (Direction::Input, "input")];

/// Measures decisions: those about IPv4 traced and explained too, and the compiled
/// ones in several settings.
///
/// # Errors
///
/// A side cannot be set up, or answers differ.
pub fn measure(
    batch: &Path,
    listed: &Listed,
    family: Family,
    with_kernel: bool,
    report: &mut Report,
) -> io::Result<()> {
    let mut world = in_memory(family, batch, false)?;
    let mut live = None;
    if with_kernel {
        in_kernel(family, batch, false)?;
        live = Some(Live::open(&Target::Current).map_err(io::Error::other)?);
    } else {
        report.remark("the kernel was not measured: that takes root, ip, sysctl and unshare");
    }
    match family {
        Family::V4 => {
            let keys = table::keys(&listed.v4, KEYS, 7);
            traced(&mut world, live.as_mut(), &keys, report)?;
            compiled::measure(&mut world, &keys, live.as_mut(), report)
        }
        Family::V6 => compiled::measure(&mut world, &table::keys(&listed.v6, KEYS, 7), live.as_mut(), report),
    }
}

/// The lookups: untraced, traced, explained.
fn traced(
    world: &mut World,
    mut live: Option<&mut Live>,
    keys: &[Ipv4Addr],
    report: &mut Report,
) -> io::Result<()> {
    for (direction, name) in DIRECTIONS {
        let mut subject = Subject::new(world, direction)?;
        let mut kernel = match live.as_deref_mut() {
            Some(live) => Some(KernelSubject::new(live, direction, &keys[..KERNEL.min(keys.len())])?),
            None => None,
        };
        let mut times: [Vec<f64>; 4] = Default::default();
        for _ in 0..PASSES {
            let (untraced, all) = subject.untraced(keys)?;
            let (traced, sums) = subject.traced(&keys[..TRACED.min(keys.len())])?;
            times[0].push(untraced);
            times[1].push(traced);
            same(&all, &sums, "untraced and traced")?;
            times[2].push(subject.explained(&keys[..EXPLAINED.min(keys.len())])?);
            if let Some(kernel) = &mut kernel {
                let (asked, sums) = kernel.ask()?;
                times[3].push(asked);
                same(&all, &sums, "fingerpost and the kernel")?;
            }
        }
        let [untraced, traced, explained, asked] = times.map(median);
        let what = |how: &str| format!("{name}, {how}");
        report.row(what("untraced"), untraced, "us", Some(Goal::AtMost(0.87)));
        report.row(what("traced (all events kept)"), traced, "us", Some(Goal::AtMost(20.0)));
        report.row(what("explained, as text"), explained, "us", None);
        if kernel.is_some() {
            report.row(what("kernel, RTM_GETROUTE in batches"), asked, "us", None);
        }
    }
    Ok(())
}

/// Running sums of answers after so many keys, so that shorter runs can be compared.
pub struct Sums {
    marks: Vec<(usize, u64)>,
    sum: u64,
    count: usize,
}

impl Sums {
    /// No answers yet.
    pub fn new() -> Self {
        Sums { marks: Vec::new(), sum: 0, count: 0 }
    }

    /// Adds an answer.
    pub fn add(&mut self, answer: u64) {
        self.sum = self.sum.rotate_left(5).wrapping_add(answer);
        self.count += 1;
        if self.count.is_multiple_of(TRACED.min(KERNEL)) {
            self.marks.push((self.count, self.sum));
        }
    }
}

pub fn same(a: &Sums, b: &Sums, who: &str) -> io::Result<()> {
    let common = a.marks.iter().zip(&b.marks);
    let equal = common.clone().all(|(a, b)| a == b);
    match equal && (common.count() > 0 || a.count != b.count || a.sum == b.sum) {
        true => Ok(()),
        false => Err(io::Error::other(format!("the answers of {who} differ: no times are given"))),
    }
}

/// An answer as a number: egress device (1 the measured one, 2 another), gateway; or an error.
pub fn number(is_out: bool, gateway: Option<IpAddr>) -> u64 {
    let gateway = match gateway {
        Some(IpAddr::V4(addr)) => u64::from(addr.to_bits()),
        Some(IpAddr::V6(addr)) => addr.to_bits() as u64 ^ 1 << 33,
        None => 0,
    };
    gateway << 2 | if is_out { 1 } else { 2 }
}

/// Microseconds of CPU for each of `count`.
pub fn each(count: usize, work: impl FnOnce() -> io::Result<()>) -> io::Result<f64> {
    let before = thread_cpu()?;
    work()?;
    Ok((thread_cpu()? - before).as_nanos() as f64 / 1000.0 / count as f64)
}

/// Fingerpost's side.
struct Subject<'a> {
    world: &'a mut World,
    direction: Direction,
    out: u32,
    iif: u32,
}

impl<'a> Subject<'a> {
    fn new(world: &'a mut World, direction: Direction) -> io::Result<Self> {
        let config = &world.ns(NsId(0)).map_err(io::Error::other)?.config;
        let index = |name| config.links.find(name).map_or(0, |link| link.index());
        let (out, iif) = (index("out0"), index("in0"));
        Ok(Subject { world, direction, out, iif })
    }

    fn untraced(&mut self, keys: &[Ipv4Addr]) -> io::Result<(f64, Sums)> {
        let mut sums = Sums::new();
        let time = each(keys.len(), || self.decide(keys, None, &mut sums))?;
        Ok((time, sums))
    }

    fn traced(&mut self, keys: &[Ipv4Addr]) -> io::Result<(f64, Sums)> {
        let mut sums = Sums::new();
        let mut events = Vec::new();
        let time = each(keys.len(), || self.decide(keys, Some(&mut events), &mut sums))?;
        Ok((time, sums))
    }

    fn decide(
        &mut self,
        keys: &[Ipv4Addr],
        mut events: Option<&mut Vec<Event>>,
        sums: &mut Sums,
    ) -> io::Result<()> {
        let (direction, out, iif) = (self.direction, self.out, self.iif);
        let (Namespace { config, state }, env): (_, Env<'_>) =
            self.world.ns_mut(NsId(0)).map_err(io::Error::other)?;
        for &key in keys {
            let mut tracer = match events.as_deref_mut() {
                Some(events) => {
                    events.clear();
                    Tracer::on(events)
                }
                None => Tracer::off(),
            };
            let question = question(direction, key, iif);
            let decision: Option<Decision> = match direction {
                Direction::Output => {
                    output4::resolve(config, state, env, &mut question.flow(), Asker::Packet, &mut tracer)
                        .ok()
                }
                Direction::Input => {
                    let decision =
                        input4::resolve(config, state, env, &question.packet(Asker::Packet), &mut tracer);
                    decision.ok().filter(|decision| decision.error.is_none())
                }
            };
            sums.add(decision.map_or(0, |decision| number(decision.dev == out, decision.gateway)));
        }
        if let Some(events) = events {
            black_box(events.len());
        }
        Ok(())
    }

    fn explained(&self, keys: &[Ipv4Addr]) -> io::Result<f64> {
        let names = Names::default();
        let ns = self.world.ns(NsId(0)).map_err(io::Error::other)?;
        let behaviour = &self.world.behaviour;
        let now = self.world.now;
        each(keys.len(), || {
            for key in keys {
                let mut question = Question { to: key.to_string(), ..Question::default() };
                if self.direction == Direction::Input {
                    question.from = Some(SENDER.to_string());
                    question.iif = Some("in0".into());
                }
                let asked = Asked {
                    ns,
                    behaviour,
                    now,
                    uid: 0,
                    names: &names,
                    asker: Asker::Packet,
                    assumed_choice: None,
                    assumed_cached: None,
                };
                let explanation = explain(asked, &question).map_err(io::Error::other)?;
                black_box(text::render(&explanation, text::Style { width: 100, colour: false }).len());
            }
            Ok(())
        })
    }
}

/// A question in numbers.
fn question(direction: Direction, dst: Ipv4Addr, iif: u32) -> Resolved<Ipv4Addr> {
    kernel::question(
        dst,
        match direction {
            Direction::Output => Way::Output { dev: 0 },
            Direction::Input => Way::Input { dev: iif, from: SENDER },
        },
    )
}

/// The kernel's side.
struct KernelSubject<'a> {
    live: &'a mut Live,
    questions: Vec<RouteMsg>,
    out: u32,
}

impl<'a> KernelSubject<'a> {
    fn new(live: &'a mut Live, direction: Direction, keys: &[Ipv4Addr]) -> io::Result<Self> {
        let mut index = |name| -> io::Result<u32> {
            Ok(live.get_link(NsId(0), 0, Some(name)).map_err(io::Error::other)?.index)
        };
        let (out, iif) = (index("out0")?, index("in0")?);
        let questions = keys.iter().map(|&key| question(direction, key, iif).request()).collect();
        Ok(KernelSubject { live, questions, out })
    }

    fn ask(&mut self) -> io::Result<(f64, Sums)> {
        let mut answers: Vec<Result<RouteMsg, Refusal>> = Vec::new();
        let time = each(self.questions.len(), || {
            answers = self.live.route_get_all(&self.questions)?;
            Ok(())
        })?;
        let mut sums = Sums::new();
        for answer in answers {
            sums.add(answer.map_or(0, |msg| number(msg.oif == Some(self.out), msg.gateway.or(msg.via))));
        }
        Ok((time, sums))
    }
}
