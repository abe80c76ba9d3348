//! Compiled decisions on the full table: one by one and in batches, in settings
//! that people have, beside the lookup that they stand for and the kernel.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fingerpost::script::Runner;
use fingerpost_engine::fast::{Answer, Code, Compiled4, Compiled6};
use fingerpost_engine::lookup::hash::Asker;
use fingerpost_engine::lookup::input4::{self, Received};
use fingerpost_engine::lookup::{Flow4, Flow6, input6, output4, output6};
use fingerpost_engine::trace::Tracer;
use fingerpost_engine::{Env, Namespace, State, World};
use fingerpost_host::Live;
use fingerpost_iproute::Names;
use fingerpost_model::{Kernel, NsId, RouteMsg};
use fingerpost_net::{Family, Ip, Rng};

use crate::bpf::{FibLookups, Way};
use crate::decide::{Sums, each, number, same};
use crate::kernel::question;
use crate::process::{median, run};
use crate::report::{Goal, Report};
use crate::table;

/// Packets at once.
const BATCH: usize = 256;
/// Passes, each way once in turn.
const PASSES: usize = 11;
/// Questions to the kernel a pass, and its passes.
const KERNEL: usize = 100_000;
const KERNEL_PASSES: usize = 3;
/// Rules by source, and the tables that they lead to.
const RULES: u32 = 1000;
const TABLES: u32 = 10;

/// A host to measure on.
struct Setting {
    name: &'static str,
    /// Lines that make it of the one before.
    lines: Vec<String>,
    /// How much slower than the goals it may be; no goal, without.
    times: Option<f64>,
    output: bool,
    /// How many keys the lookup is asked about: hundreds of rules take it long.
    looked_up: usize,
}

/// A family, as it is measured.
trait Measured: Ip {
    /// Nanoseconds that a decision may take, and one of a batch.
    const GOALS: [f64; 2];
    type Out: Side<Ip = Self, Compiled = Self::Compiled>;
    type In: Side<Ip = Self, Compiled = Self::Compiled>;
    type Compiled;

    fn compile(space: &Namespace, env: Env<'_>) -> Self::Compiled;
    /// Answers, and bytes that lookups touch.
    fn size(compiled: &Self::Compiled) -> (usize, usize);
    /// The n-th address behind the ingress device.
    fn sender(n: u32) -> Self;
    fn gateway(n: u32) -> Self;
}

fn settings<I: Measured>() -> Vec<Setting> {
    let ip = if I::FAMILY == Family::V6 { "ip -6" } else { "ip" };
    let rule = |n: u32| {
        format!("{ip} rule add pref {} from {} lookup {}", 1000 + n, I::sender(n * 2), 1000 + n % TABLES)
    };
    let default =
        |n: u32| format!("{ip} route add default via {} dev out0 table {}", I::gateway(n), 1000 + n);
    let plain = Setting {
        name: "default rules",
        lines: Vec::new(),
        times: Some(1.0),
        output: true,
        looked_up: usize::MAX,
    };
    let strict = Setting {
        name: "strict rp_filter",
        lines: vec!["sysctl -qw net.ipv4.conf.in0.rp_filter=1".into()],
        times: Some(2.0),
        output: false,
        looked_up: usize::MAX,
    };
    let off = (I::FAMILY == Family::V4).then(|| "sysctl -qw net.ipv4.conf.in0.rp_filter=0".to_string());
    let rules = table::rules(I::FAMILY).map(|rule| format!("ip {rule}"));
    let custom = Setting {
        name: "custom rules",
        lines: off.into_iter().chain(rules).collect(),
        times: None,
        output: true,
        looked_up: usize::MAX,
    };
    let without = [100, 200, 300].into_iter().map(|pref| format!("{ip} rule del pref {pref}"));
    let ruled = Setting {
        name: "1,000 rules by source",
        lines: without.chain((0..TABLES).map(default)).chain((0..RULES).map(rule)).collect(),
        times: Some(2.0),
        output: false,
        looked_up: 100_000,
    };
    match I::FAMILY {
        Family::V4 => vec![plain, strict, custom, ruled],
        Family::V6 => vec![plain, custom, ruled],
    }
}

/// Measures all settings, on a host that holds the table; with the kernel, in the
/// namespace that holds it too.
///
/// # Errors
///
/// A setting cannot be made, or answers differ.
pub fn measure<I: Ip>(
    world: &mut World,
    keys: &[I],
    live: Option<&mut Live>,
    report: &mut Report,
) -> io::Result<()> {
    let v4: Vec<Ipv4Addr> = keys.iter().filter_map(|&key| v4(key.into())).collect();
    let v6: Vec<Ipv6Addr> = keys.iter().filter_map(|&key| v6(key.into())).collect();
    match I::FAMILY {
        Family::V4 => all_settings(world, &v4, live, report),
        Family::V6 => all_settings(world, &v6, live, report),
    }
}

fn v4(addr: IpAddr) -> Option<Ipv4Addr> {
    match addr {
        IpAddr::V4(addr) => Some(addr),
        IpAddr::V6(_) => None,
    }
}

fn v6(addr: IpAddr) -> Option<Ipv6Addr> {
    match addr {
        IpAddr::V6(addr) => Some(addr),
        IpAddr::V4(_) => None,
    }
}

fn all_settings<I: Measured>(
    world: &mut World,
    keys: &[I],
    mut live: Option<&mut Live>,
    report: &mut Report,
) -> io::Result<()> {
    let mut rng = Rng::new(11);
    for setting in settings::<I>() {
        for line in &setting.lines {
            let words: Vec<String> = line.split_whitespace().map(String::from).collect();
            let names = Names::default();
            let outcome = Runner { world, ns: NsId(0), names: &names }.run(&words);
            if outcome.status != 0 {
                return Err(io::Error::other(format!("{line}: {}", outcome.stderr)));
            }
            if live.is_some() {
                let words: Vec<&str> = line.split_whitespace().collect();
                run(words[0], &words[1..])?;
            }
        }
        let (space, env) = world.ns_mut(NsId(0)).map_err(io::Error::other)?;
        let named = |name| space.config.links.find(name).map_or(0, |link| link.index());
        let (out, dev) = (named("out0"), named("in0"));
        // Half of the sources are behind the device, half anywhere.
        let mut source = |n: usize| match n % 2 {
            0 => I::sender(rng.below(u64::from(RULES) * 4) as u32),
            _ => keys[rng.below(keys.len() as u64) as usize],
        };
        let received: Vec<(I, I)> = keys.iter().enumerate().map(|(n, &dst)| (dst, source(n))).collect();
        let sent: Vec<(I, I)> = keys.iter().map(|&dst| (dst, I::ZERO)).collect();
        let mut fast = None;
        let build = each(1, || {
            fast = Some(I::compile(space, env));
            Ok(())
        })?;
        let Some(fast) = fast else { return Ok(()) };
        let (answers, bytes) = I::size(&fast);
        report.remark(format!(
            "{}: {answers} answers compiled, lookups touch {:.2} MB",
            setting.name,
            bytes as f64 / 1e6
        ));
        let subject = Subject { space, env, fast: &fast, out, dev, goals: I::GOALS };
        if setting.output {
            subject.measure::<I::Out>("output", &setting, &sent, live.as_deref_mut(), report)?;
            if let Some(live) = &mut live {
                helper("output", &setting, keys, Way::Output { dev: index(live, "out0")? }, report)?;
            }
        }
        subject.measure::<I::In>("input", &setting, &received, live.as_deref_mut(), report)?;
        if let Some(live) = live.as_deref_mut().filter(|_| setting.output) {
            let way = Way::Input { dev: index(live, "in0")?, from: I::sender(2) };
            helper("input", &setting, keys, way, report)?;
        }
        report.row(format!("compiling, {}", setting.name), build / 1000.0, "ms", None);
    }
    Ok(())
}

/// The kernel's lookups without netlink. That its answers are those of netlink is for
/// the verb `kernel` to show.
fn helper<I: Ip>(
    direction: &str,
    setting: &Setting,
    keys: &[I],
    way: Way<I>,
    report: &mut Report,
) -> io::Result<()> {
    let mut lookups = FibLookups::new(&keys[..KERNEL.min(keys.len())], way, true)?;
    let mut times = Vec::new();
    for _ in 0..KERNEL_PASSES {
        times.push(lookups.ask()?.0);
    }
    report.row(format!("{direction}, {}, kernel, bpf_fib_lookup", setting.name), median(times), "ns", None);
    Ok(())
}

/// The index of a device of the kernel's.
fn index(live: &mut Live, name: &str) -> io::Result<u32> {
    live.get_link(NsId(0), 0, Some(name)).map(|link| link.index).map_err(io::Error::other)
}

struct Subject<'a, C> {
    space: &'a Namespace,
    env: Env<'a>,
    fast: &'a C,
    /// The device whose packets are told from others'.
    out: u32,
    /// The device that packets come in on.
    dev: u32,
    goals: [f64; 2],
}

/// What of a decision is compared.
#[derive(Clone, Copy)]
struct Hop {
    dev: u32,
    gateway: Option<IpAddr>,
    /// Of IPv6 packets made here.
    source: Option<Ipv6Addr>,
}

impl Hop {
    fn number(self, out: u32) -> u64 {
        with_source(number(self.dev == out, self.gateway), self.source)
    }
}

/// Packets of one family and direction.
trait Side {
    type Ip: Ip;
    type Packet: Clone;
    type Compiled;
    /// Whether packets with one code have different sources.
    const HAS_SOURCES: bool = false;

    /// A packet without addresses, received on a device if it is.
    fn blank(dev: u32) -> Self::Packet;
    /// Gives a packet its addresses, as whoever reads it from the wire does.
    fn put(packet: &mut Self::Packet, addresses: (Self::Ip, Self::Ip));
    fn looked_up(packet: &Self::Packet, space: &Namespace, env: Env<'_>) -> Option<Hop>;
    fn code(packet: &Self::Packet, fast: &Self::Compiled) -> Code;
    fn codes(packets: &[Self::Packet], fast: &Self::Compiled, codes: &mut [Code]);
    /// What all packets with a code have in common, for each code.
    fn hops(fast: &Self::Compiled) -> Vec<Option<Hop>>;
    /// The source, where packets with one code have different ones.
    fn source(_: &Self::Packet, _: &Self::Compiled, _: Code) -> Option<Ipv6Addr> {
        None
    }
    fn request(packet: &Self::Packet) -> RouteMsg;
}

fn request<I: Ip>(dst: I, src: I, iif: u32) -> RouteMsg {
    let way = match iif {
        0 => Way::Output { dev: 0 },
        dev => Way::Input { dev, from: src },
    };
    question(dst, way).request()
}

/// IPv4 packets made here.
struct Out4;
/// IPv4 packets received.
struct In4;
/// IPv6 packets made here.
struct Out6;
/// IPv6 packets received.
struct In6;

impl Side for Out4 {
    type Ip = Ipv4Addr;
    type Packet = Flow4;
    type Compiled = Compiled4;

    fn blank(_: u32) -> Flow4 {
        Flow4 { proto: 17, ..Flow4::to(Ipv4Addr::UNSPECIFIED) }
    }

    fn put(packet: &mut Flow4, (dst, src): (Ipv4Addr, Ipv4Addr)) {
        (packet.dst, packet.src) = (dst, src);
    }

    fn looked_up(flow: &Flow4, space: &Namespace, env: Env<'_>) -> Option<Hop> {
        let (state, tracer) = (&mut State::default(), &mut Tracer::off());
        let found =
            output4::resolve(&space.config, state, env, &mut flow.clone(), Asker::Packet, tracer).ok()?;
        Some(Hop { dev: found.dev, gateway: found.gateway, source: None })
    }

    fn code(flow: &Flow4, fast: &Compiled4) -> Code {
        fast.view().output(flow)
    }

    fn codes(flows: &[Flow4], fast: &Compiled4, codes: &mut [Code]) {
        fast.view().output_batch(flows, codes);
    }

    fn hops(fast: &Compiled4) -> Vec<Option<Hop>> {
        hops4(fast)
    }

    fn request(flow: &Flow4) -> RouteMsg {
        request(flow.dst, flow.src, 0)
    }
}

impl Side for In4 {
    type Ip = Ipv4Addr;
    type Packet = Received;
    type Compiled = Compiled4;

    fn blank(dev: u32) -> Received {
        let (dst, src) = (Ipv4Addr::UNSPECIFIED, Ipv4Addr::UNSPECIFIED);
        Received { proto: 17, pseudo: true, ..Received::between(dev, src, dst) }
    }

    fn put(packet: &mut Received, (dst, src): (Ipv4Addr, Ipv4Addr)) {
        (packet.dst, packet.src) = (dst, src);
    }

    fn looked_up(packet: &Received, space: &Namespace, env: Env<'_>) -> Option<Hop> {
        let (state, tracer) = (&mut State::default(), &mut Tracer::off());
        let found = input4::resolve(&space.config, state, env, packet, tracer).ok()?;
        let hop = Hop { dev: found.dev, gateway: found.gateway, source: None };
        found.error.is_none().then_some(hop)
    }

    fn code(packet: &Received, fast: &Compiled4) -> Code {
        fast.view().input(packet)
    }

    fn codes(packets: &[Received], fast: &Compiled4, codes: &mut [Code]) {
        fast.view().input_batch(packets, codes);
    }

    fn hops(fast: &Compiled4) -> Vec<Option<Hop>> {
        hops4(fast)
    }

    fn request(packet: &Received) -> RouteMsg {
        request(packet.dst, packet.src, packet.dev)
    }
}

fn hops4(fast: &Compiled4) -> Vec<Option<Hop>> {
    let view = fast.view();
    let of = |code| {
        let decision = view.decision(code, Ipv4Addr::UNSPECIFIED, Ipv4Addr::UNSPECIFIED)?.ok()?;
        let hop = Hop { dev: decision.dev, gateway: decision.gateway, source: None };
        decision.error.is_none().then_some(hop)
    };
    (0..view.answers() as Code).map(of).collect()
}

impl Side for Out6 {
    type Ip = Ipv6Addr;
    type Packet = Flow6;
    type Compiled = Compiled6;
    const HAS_SOURCES: bool = true;

    fn blank(_: u32) -> Flow6 {
        Flow6 { proto: 17, ..Flow6::to(Ipv6Addr::UNSPECIFIED) }
    }

    fn put(packet: &mut Flow6, (dst, src): (Ipv6Addr, Ipv6Addr)) {
        (packet.dst, packet.src) = (dst, src);
    }

    fn looked_up(flow: &Flow6, space: &Namespace, env: Env<'_>) -> Option<Hop> {
        let (state, tracer) = (&mut State::default(), &mut Tracer::off());
        let found = output6::resolve(&space.config, state, env, &mut flow.clone(), tracer).ok()?;
        Some(Hop { dev: found.dev, gateway: found.gateway.map(IpAddr::V6), source: Some(found.source) })
    }

    fn code(flow: &Flow6, fast: &Compiled6) -> Code {
        fast.view().output(flow)
    }

    fn codes(flows: &[Flow6], fast: &Compiled6, codes: &mut [Code]) {
        fast.view().output_batch(flows, codes);
    }

    fn hops(fast: &Compiled6) -> Vec<Option<Hop>> {
        hops6(fast)
    }

    fn source(flow: &Flow6, fast: &Compiled6, code: Code) -> Option<Ipv6Addr> {
        fast.view().source(code, flow.src, flow.dst)
    }

    fn request(flow: &Flow6) -> RouteMsg {
        request(flow.dst, flow.src, 0)
    }
}

impl Side for In6 {
    type Ip = Ipv6Addr;
    type Packet = Flow6;
    type Compiled = Compiled6;

    fn blank(dev: u32) -> Flow6 {
        Flow6 { has_source: true, iif: dev, proto: 17, ..Flow6::to(Ipv6Addr::UNSPECIFIED) }
    }

    fn put(packet: &mut Flow6, (dst, src): (Ipv6Addr, Ipv6Addr)) {
        (packet.dst, packet.src) = (dst, src);
    }

    fn looked_up(flow: &Flow6, space: &Namespace, env: Env<'_>) -> Option<Hop> {
        let (state, tracer) = (&mut State::default(), &mut Tracer::off());
        let found = input6::resolve(&space.config, state, env, &mut flow.clone(), tracer).ok()?;
        Some(Hop { dev: found.dev, gateway: found.gateway.map(IpAddr::V6), source: None })
    }

    fn code(flow: &Flow6, fast: &Compiled6) -> Code {
        fast.view().input(flow)
    }

    fn codes(flows: &[Flow6], fast: &Compiled6, codes: &mut [Code]) {
        fast.view().input_batch(flows, codes);
    }

    fn hops(fast: &Compiled6) -> Vec<Option<Hop>> {
        hops6(fast)
    }

    fn request(flow: &Flow6) -> RouteMsg {
        request(flow.dst, flow.src, flow.iif)
    }
}

fn hops6(fast: &Compiled6) -> Vec<Option<Hop>> {
    let view = fast.view();
    let of = |code| match view.answer(code) {
        Answer::Decided { decision, .. } => {
            Some(Hop { dev: decision.dev, gateway: decision.gateway.map(IpAddr::V6), source: None })
        }
        _ => None,
    };
    (0..view.answers() as Code).map(of).collect()
}

impl Measured for Ipv4Addr {
    const GOALS: [f64; 2] = [100.0, 25.0];
    type Out = Out4;
    type In = In4;
    type Compiled = Compiled4;

    fn compile(space: &Namespace, env: Env<'_>) -> Compiled4 {
        Compiled4::new(&space.config, env)
    }

    fn size(compiled: &Compiled4) -> (usize, usize) {
        (compiled.view().answers(), compiled.lookup_bytes())
    }

    fn sender(n: u32) -> Ipv4Addr {
        Ipv4Addr::from_bits(Ipv4Addr::new(100, 65, 0, 0).to_bits() | n)
    }

    fn gateway(n: u32) -> Ipv4Addr {
        Ipv4Addr::from_bits(Ipv4Addr::new(100, 64, 9, 1).to_bits() + n)
    }
}

impl Measured for Ipv6Addr {
    const GOALS: [f64; 2] = [200.0, 50.0];
    type Out = Out6;
    type In = In6;
    type Compiled = Compiled6;

    fn compile(space: &Namespace, env: Env<'_>) -> Compiled6 {
        Compiled6::new(&space.config, env)
    }

    fn size(compiled: &Compiled6) -> (usize, usize) {
        (compiled.view().answers(), compiled.lookup_bytes())
    }

    fn sender(n: u32) -> Ipv6Addr {
        Ipv6Addr::from_bits(Ipv6Addr::new(0xfd00, 0x65, 0, 0, 0, 0, 0, 0).to_bits() | u128::from(n))
    }

    fn gateway(n: u32) -> Ipv6Addr {
        Ipv6Addr::new(0xfd00, 0x64, 0, 0, 0, 0, 0, 0x901 + n as u16)
    }
}

impl<C> Subject<'_, C> {
    fn measure<S: Side<Compiled = C>>(
        &self,
        direction: &str,
        setting: &Setting,
        packets: &[(S::Ip, S::Ip)],
        live: Option<&mut Live>,
        report: &mut Report,
    ) -> io::Result<()> {
        let fast = self.fast;
        let numbers: Vec<u64> =
            S::hops(fast).iter().map(|hop| hop.map_or(0, |hop| hop.number(self.out))).collect();
        let number_of = |packet: &S::Packet, code: Code| {
            let number = numbers[code as usize];
            match S::HAS_SOURCES && number != 0 {
                true => with_source(number, S::source(packet, fast, code)),
                false => number,
            }
        };
        let mut local = vec![S::blank(self.dev); BATCH];
        let mut expected = Sums::new();
        let looked_up = &packets[..packets.len().min(setting.looked_up)];
        let lookup = each(looked_up.len(), || {
            for &addresses in looked_up {
                S::put(&mut local[0], addresses);
                let hop = S::looked_up(&local[0], self.space, self.env);
                expected.add(hop.map_or(0, |hop| hop.number(self.out)));
            }
            Ok(())
        })?;
        let (mut single, mut batched) = (Vec::new(), Vec::new());
        let mut codes = vec![0; BATCH];
        for _ in 0..PASSES {
            let mut sums = Sums::new();
            single.push(each(packets.len(), || {
                for &addresses in packets {
                    S::put(&mut local[0], addresses);
                    sums.add(number_of(&local[0], S::code(&local[0], fast)));
                }
                Ok(())
            })?);
            same(&expected, &sums, "the lookup and the compiled decisions")?;
            let mut sums = Sums::new();
            batched.push(each(packets.len(), || {
                for packets in packets.chunks(BATCH) {
                    let (local, codes) = (&mut local[..packets.len()], &mut codes[..packets.len()]);
                    for (packet, &addresses) in local.iter_mut().zip(packets) {
                        S::put(packet, addresses);
                    }
                    S::codes(local, fast, codes);
                    local.iter().zip(codes).for_each(|(packet, code)| sums.add(number_of(packet, *code)));
                }
                Ok(())
            })?);
            same(&expected, &sums, "the lookup and the compiled decisions in batches")?;
        }
        let what = |how: &str| format!("{direction}, {}, {how}", setting.name);
        let goal = |most: f64| setting.times.map(|times| Goal::AtMost(most * times));
        report.row(what("lookup"), lookup * 1000.0, "ns", None);
        report.row(what("compiled"), median(single) * 1000.0, "ns", goal(self.goals[0]));
        report.row(what("compiled, in batches"), median(batched) * 1000.0, "ns", goal(self.goals[1]));
        if let Some(live) = live {
            let asked = self.asked::<S>(&packets[..KERNEL.min(packets.len())], &expected, live)?;
            report.row(what("kernel, RTM_GETROUTE in batches"), asked, "ns", None);
        }
        Ok(())
    }

    /// The kernel, asked by netlink; its answers have to be the lookup's.
    fn asked<S: Side<Compiled = C>>(
        &self,
        packets: &[(S::Ip, S::Ip)],
        expected: &Sums,
        live: &mut Live,
    ) -> io::Result<f64> {
        let mut packet = S::blank(self.dev);
        let request = |&addresses: &(S::Ip, S::Ip)| {
            S::put(&mut packet, addresses);
            S::request(&packet)
        };
        let questions: Vec<RouteMsg> = packets.iter().map(request).collect();
        let out = index(live, "out0")?;
        let mut times = Vec::new();
        for _ in 0..KERNEL_PASSES {
            let mut answers = Vec::new();
            times.push(each(questions.len(), || {
                answers = live.route_get_all(&questions)?;
                Ok(())
            })?);
            let mut sums = Sums::new();
            for answer in answers {
                sums.add(answer.map_or(0, |msg| {
                    let number = number(msg.oif == Some(out), msg.gateway.or(msg.via));
                    match msg.prefsrc {
                        Some(IpAddr::V6(source)) if S::HAS_SOURCES => with_source(number, Some(source)),
                        _ => number,
                    }
                }));
            }
            same(expected, &sums, "the lookup and the kernel")?;
        }
        Ok(median(times) * 1000.0)
    }
}

fn with_source(number: u64, source: Option<Ipv6Addr>) -> u64 {
    number.wrapping_add(source.map_or(0, |source| source.to_bits() as u64).rotate_left(17))
}
