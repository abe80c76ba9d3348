//! `churn`: decisions that are published while the configuration changes, as a
//! router's does: single routes, bursts, a default that flaps, addresses that move
//! every source, the whole table withdrawn and announced again; and what that costs
//! those who decide meanwhile.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::scope;
use std::time::{Duration, Instant};

use fingerpost::script::Runner;
use fingerpost_engine::fast::{Publisher4, Reader4};
use fingerpost_engine::lookup::Flow4;
use fingerpost_engine::{State, World};
use fingerpost_iproute::Names;
use fingerpost_model::{Change, Kernel, NlFlags, NsId, Op, RouteMsg, RouteType, Scope, TableId, proto};
use fingerpost_net::{Family, IpPrefix, Rng};

use crate::alloc::taken;
use crate::load::in_memory;
use crate::pin::{self, Cpu};
use crate::process::median;
use crate::report::{Goal, Report};
use crate::table::{self, Route};

const NS: NsId = NsId(0);
/// Single changes that are measured.
const SINGLE: usize = 2000;
/// Changes of a burst, and bursts.
const BURST: usize = 10_000;
const BURSTS: usize = 11;
/// How often defaults flap, and addresses change.
const FLAPS: usize = 11;
/// Packets at once.
const BATCH: usize = 256;
/// How long readers are measured, in turn alone and beside changes, and how often.
const SPELL: Duration = Duration::from_millis(400);
const SPELLS: usize = 9;
/// Publications a second beside readers: of a single route each.
const PACE: u32 = 1000;
/// Among so many of them comes a burst.
const BURST_AMONG: u32 = 200;

/// Measures churn on the full table.
///
/// # Errors
///
/// A change is refused, or decisions are wrong afterwards.
pub fn measure(batch: &Path, routes: &[Route<Ipv4Addr>], report: &mut Report) -> io::Result<()> {
    let mut world = in_memory(Family::V4, batch, false)?;
    let start = Instant::now();
    let publisher = Publisher4::new(&mut world, NS).map_err(io::Error::other)?;
    report.row("compiling and publishing everything", start.elapsed().as_secs_f64() * 1e3, "ms", None);
    let index =
        world.ns(NS).map_err(io::Error::other)?.config.links.find("out0").map_or(0, |link| link.index());
    let mut churn = Churn { world, publisher, routes, dev: index, rng: Rng::new(5) };
    churn.single(report)?;
    churn.bursts(report)?;
    churn.flaps(report)?;
    churn.sources(report)?;
    churn.check()?;
    churn.readers(report)?;
    churn.everything(report)?;
    churn.check()
}

struct Churn<'a> {
    world: World,
    publisher: Publisher4,
    routes: &'a [Route<Ipv4Addr>],
    dev: u32,
    rng: Rng,
}

impl Churn<'_> {
    /// A route, its hop another one with every call.
    fn route(&mut self) -> (IpPrefix, u16) {
        let Route { prefix, .. } = self.routes[self.rng.below(self.routes.len() as u64) as usize];
        (prefix.into(), 1 + self.rng.below(250) as u16)
    }

    fn replace(&mut self, prefix: IpPrefix, hop: u16) -> io::Result<()> {
        let [high, low] = hop.to_be_bytes();
        let msg = RouteMsg {
            dst: Some(prefix),
            table: TableId::MAIN,
            protocol: proto::BOOT,
            scope: Scope::UNIVERSE,
            kind: RouteType::UNICAST,
            oif: Some(self.dev),
            gateway: Some(IpAddr::V4(Ipv4Addr::new(100, 64, high, low))),
            ..RouteMsg::new(Family::V4)
        };
        let flags = NlFlags::CREATE | NlFlags::REPLACE;
        self.world.apply(NS, Op { flags, change: Change::NewRoute(msg) }).map_err(io::Error::other)
    }

    fn withdraw(&mut self, prefix: IpPrefix) -> io::Result<()> {
        let msg = RouteMsg {
            dst: Some(prefix),
            table: TableId::MAIN,
            scope: Scope::NOWHERE,
            ..RouteMsg::new(Family::V4)
        };
        let flags = NlFlags::default();
        self.world.apply(NS, Op { flags, change: Change::DelRoute(msg) }).map_err(io::Error::other)
    }

    fn publish(&mut self) -> io::Result<()> {
        self.publisher.publish(&mut self.world).map(drop).map_err(io::Error::other)
    }

    /// Single routes: each is changed, and published alone.
    fn single(&mut self, report: &mut Report) -> io::Result<()> {
        let (mut changed, mut published, mut bytes) = (Vec::new(), Vec::new(), Vec::new());
        for n in 0..SINGLE {
            let (prefix, hop) = self.route();
            let start = Instant::now();
            self.replace(prefix, hop)?;
            let between = Instant::now();
            if n % 4 == 0 {
                let (done, taken) = taken(|| self.publish());
                done?;
                bytes.push(taken as f64 / 1024.0);
            } else {
                self.publish()?;
                published.push(between.elapsed().as_secs_f64() * 1e6);
                changed.push(start.elapsed().as_secs_f64() * 1e6);
            }
        }
        report.row("one route changed and published", median(changed), "us", Some(Goal::AtMost(20.0)));
        report.row("one route published", median(published), "us", None);
        report.row("bytes copied for it", median(bytes), "KB", Some(Goal::AtMost(64.0)));
        Ok(())
    }

    fn burst(&mut self) -> io::Result<()> {
        for _ in 0..BURST {
            let (prefix, hop) = self.route();
            self.replace(prefix, hop)?;
        }
        Ok(())
    }

    fn bursts(&mut self, report: &mut Report) -> io::Result<()> {
        let (mut changed, mut published) = (Vec::new(), Vec::new());
        for _ in 0..BURSTS {
            let start = Instant::now();
            self.burst()?;
            let between = Instant::now();
            self.publish()?;
            published.push(between.elapsed().as_secs_f64() * 1e3);
            changed.push(start.elapsed().as_secs_f64() * 1e3);
        }
        report.row("10,000 routes changed and published", median(changed), "ms", Some(Goal::AtMost(20.0)));
        report.row("10,000 routes published", median(published), "ms", None);
        Ok(())
    }

    fn flaps(&mut self, report: &mut Report) -> io::Result<()> {
        let mut times = Vec::new();
        let default: IpPrefix = "0.0.0.0/0".parse().map_err(io::Error::other)?;
        for _ in 0..FLAPS {
            let start = Instant::now();
            self.replace(default, 7)?;
            self.publish()?;
            self.withdraw(default)?;
            self.publish()?;
            times.push(start.elapsed().as_secs_f64() * 1e6);
        }
        report.row("a default that comes and goes, published twice", median(times), "us", None);
        Ok(())
    }

    fn run(&mut self, line: &str) -> io::Result<()> {
        let words: Vec<String> = line.split_whitespace().map(String::from).collect();
        let names = Names::default();
        let outcome = Runner { world: &mut self.world, ns: NS, names: &names }.run(&words);
        if outcome.status == 0 {
            Ok(())
        } else {
            Err(io::Error::other(format!("{line}: {}", outcome.stderr)))
        }
    }

    /// The address that all sources are, deprecated and put back behind another: every
    /// answer changes, no route does.
    fn sources(&mut self, report: &mut Report) -> io::Result<()> {
        let mut times = Vec::new();
        for n in 0..FLAPS {
            self.run(&format!("ip addr add 100.64.254.{}/16 dev out0 preferred_lft 0", n + 1))?;
            let start = Instant::now();
            self.publish()?;
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
        report.row("addresses changed, every answer made anew: published", median(times), "ms", None);
        Ok(())
    }

    /// The table withdrawn and announced again, published every thousand routes.
    fn everything(&mut self, report: &mut Report) -> io::Result<()> {
        let start = Instant::now();
        for (n, route) in self.routes.iter().enumerate() {
            self.withdraw(route.prefix.into())?;
            if n % 1000 == 999 {
                self.publish()?;
            }
        }
        self.publish()?;
        let withdrawn = start.elapsed().as_secs_f64();
        for (n, route) in self.routes.iter().enumerate() {
            self.replace(route.prefix.into(), route.hop)?;
            if n % 1000 == 999 {
                self.publish()?;
            }
        }
        self.publish()?;
        let announced = start.elapsed().as_secs_f64() - withdrawn;
        report.row("the whole table withdrawn, in thousands", withdrawn, "s", None);
        report.row("the whole table announced again, in thousands", announced, "s", None);
        Ok(())
    }

    /// What readers see is what the lookup says.
    fn check(&mut self) -> io::Result<()> {
        let mut reader = self.publisher.reader();
        let pinned = reader.pin();
        let view = pinned.view();
        let keys = table::keys(self.routes, 100_000, 3);
        let (space, env) = self.world.ns_mut(NS).map_err(io::Error::other)?;
        for &key in &keys {
            use fingerpost_engine::lookup::{hash::Asker, output4};
            use fingerpost_engine::trace::Tracer;
            let (mut flow, state) = (Flow4::to(key), &mut State::default());
            let compiled = view.decision(view.output(&flow), flow.src, key);
            let found =
                output4::resolve(&space.config, state, env, &mut flow, Asker::Packet, &mut Tracer::off());
            let hop = |dev, gateway| Some((dev, gateway));
            let expected = found.ok().and_then(|found| hop(found.dev, found.gateway));
            let compiled = compiled.and_then(Result::ok).and_then(|found| hop(found.dev, found.gateway));
            if compiled != expected {
                let message =
                    format!("{key}: published {compiled:?}, looked up {expected:?}: no times are given");
                return Err(io::Error::other(message));
            }
        }
        // Looking has changed nothing.
        self.publish()
    }

    /// One reader on a processor of its own, alone and beside changes in turn.
    fn readers(&mut self, report: &mut Report) -> io::Result<()> {
        let Ok([reads, writes]) = pin::two() else {
            report.remark("readers beside changes were not measured: that takes two processors");
            return Ok(());
        };
        let flows: Vec<Flow4> = table::keys(self.routes, 1 << 18, 9).into_iter().map(Flow4::to).collect();
        let mut reader = self.publisher.reader();
        let (mut alone, mut beside, mut slower) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..SPELLS {
            let before = spell(&mut reader, &flows, reads, || {
                std::thread::sleep(SPELL);
                Ok(())
            })?;
            let during = spell(&mut reader, &flows, reads, || self.paced(writes))?;
            slower.push(during / before);
            alone.push(before);
            beside.push(during);
        }
        report.row("a reader's decision, in batches, alone", median(alone), "ns", None);
        report.row(
            format!("beside {PACE} publications a second, every {BURST_AMONG}th of {BURST} routes"),
            median(beside),
            "ns",
            None,
        );
        report.row("times slower", median(slower), "", Some(Goal::AtMost(1.1)));
        Ok(())
    }

    /// Publications at a pace, for a spell.
    fn paced(&mut self, cpu: Cpu) -> io::Result<()> {
        let _pinned = pin::here(cpu)?;
        let start = Instant::now();
        for n in 1.. {
            if n % BURST_AMONG == 0 {
                self.burst()?
            } else {
                self.route_changed()?
            }
            self.publish()?;
            let due = start + Duration::from_secs(1) / PACE * n;
            if due >= start + SPELL {
                break;
            }
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        Ok(())
    }

    fn route_changed(&mut self) -> io::Result<()> {
        let (prefix, hop) = self.route();
        self.replace(prefix, hop)
    }
}

/// Nanoseconds a decision of a reader while something is done.
fn spell(
    reader: &mut Reader4,
    flows: &[Flow4],
    cpu: Cpu,
    work: impl FnOnce() -> io::Result<()>,
) -> io::Result<f64> {
    let stop = AtomicBool::new(false);
    scope(|threads| {
        let reads = threads.spawn(|| {
            let _pinned = pin::here(cpu)?;
            let (mut count, mut codes) = (0usize, [0; BATCH]);
            let start = crate::process::thread_cpu()?;
            for flows in flows.chunks(BATCH).cycle() {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let codes = &mut codes[..flows.len()];
                reader.pin().view().output_batch(flows, codes);
                std::hint::black_box(&codes);
                count += flows.len();
            }
            let time = crate::process::thread_cpu()? - start;
            Ok(time.as_nanos() as f64 / count.max(1) as f64)
        });
        let worked = work();
        stop.store(true, Ordering::Relaxed);
        let read = reads.join().unwrap_or_else(|_| Err(io::Error::other("a reader panicked")));
        worked.and(read)
    })
}
