//! `kernel`: the kernel's own decisions on the full table, by `RTM_GETROUTE`
//! in batches and by the helper `bpf_fib_lookup`, which goes without netlink.

use std::io;
use std::net::IpAddr;
use std::path::Path;

use fingerpost::explain::Resolved;
use fingerpost_host::{Live, Target};
use fingerpost_model::{Kernel, NsId, Refusal, RouteMsg, RouteType};
use fingerpost_net::{Ip, Prefix, Rng};

use crate::bpf::{Answer, FibLookups, Way};
use crate::load::in_kernel;
use crate::process::{median, run, thread_cpu};
use crate::report::Report;
use crate::table::{self, Route};

/// Decisions a pass.
const KEYS: usize = 200_000;
/// Passes, each way to ask once in turn.
const PASSES: usize = 5;

/// Measures decisions with the kernel's own rules and with custom ones, in
/// the network namespace that this process is in. `from` is whence packets come.
///
/// # Errors
///
/// A command fails, BPF cannot be had, or answers differ.
pub fn measure<I: Ip>(batch: &Path, routes: &[Route<I>], from: I, report: &mut Report) -> io::Result<()> {
    let mut rng = Rng::new(11);
    let anywhere = std::iter::repeat_with(|| table::host(Prefix::DEFAULT, &mut rng));
    let global = anywhere.filter(|&addr| table::is_global(addr));
    let keys = [("in-prefix", table::keys(routes, KEYS, 7)), ("uniform", global.take(KEYS).collect())];
    in_kernel(I::FAMILY, batch, false)?;
    let mut live = Live::open(&Target::Current).map_err(io::Error::other)?;
    let mut index = |name| -> io::Result<u32> {
        Ok(live.get_link(NsId(0), 0, Some(name)).map_err(io::Error::other)?.index)
    };
    let ways =
        [("output", Way::Output { dev: index("out0")? }), ("input", Way::Input { dev: index("in0")?, from })];
    for (setting, rules) in [("default rules", &[][..]), ("custom rules", &table::rules(I::FAMILY)[..])] {
        for rule in rules {
            run("ip", &rule.split_whitespace().collect::<Vec<_>>())?;
        }
        for (way_name, way) in ways {
            for (keys_name, keys) in &keys {
                let times = beside_netlink(&mut live, keys, way)?;
                let what = |how: &str| format!("{way_name}, {setting}, {keys_name}, {how}");
                report.row(what("RTM_GETROUTE in batches"), times[0], "ns", None);
                report.row(what("bpf_fib_lookup"), times[1], "ns", None);
                report.row(what("bpf_fib_lookup with a source"), times[2], "ns", None);
            }
        }
    }
    Ok(())
}

/// CPU nanoseconds of a question: by netlink, by the helper, and by the helper with a source.
fn beside_netlink<I: Ip>(live: &mut Live, keys: &[I], way: Way<I>) -> io::Result<[f64; 3]> {
    let questions: Vec<RouteMsg> = keys.iter().map(|&key| question(key, way).request()).collect();
    let mut lookups = [FibLookups::new(keys, way, false)?, FibLookups::new(keys, way, true)?];
    let mut times: [Vec<f64>; 3] = Default::default();
    for _ in 0..PASSES {
        let before = thread_cpu()?;
        let netlink = live.route_get_all(&questions)?;
        times[0].push((thread_cpu()? - before).as_nanos() as f64 / keys.len().max(1) as f64);
        for (lookups, times) in lookups.iter_mut().zip(&mut times[1..]) {
            let (time, answers) = lookups.ask()?;
            times.push(time);
            same(keys, way, &netlink, &answers)?;
        }
    }
    Ok(times.map(median))
}

/// Whether both forward the same packets by the same device and gateway, and from
/// the same source where both choose one. Output lookups of the helper are bound to
/// a device: a key that leaves by another one is not compared.
///
/// # Errors
///
/// They do not; with the first key that differs.
pub fn same<I: Ip>(
    keys: &[I],
    way: Way<I>,
    netlink: &[Result<RouteMsg, Refusal>],
    answers: &[Answer],
) -> io::Result<()> {
    type Hop = (Option<u32>, Option<IpAddr>, Option<IpAddr>);
    for ((&key, route), answer) in keys.iter().zip(netlink).zip(answers) {
        let chooses = matches!(way, Way::Output { .. }) && answer.source.is_some();
        let route = route.as_ref().ok().filter(|route| route.kind == RouteType::UNICAST);
        if matches!(way, Way::Output { dev } if route.is_some_and(|route| route.oif != Some(dev))) {
            continue;
        }
        let asked: Option<Hop> = route.map(|route| {
            let gateway = route.gateway.or(route.via).filter(|&gateway| gateway != key.into());
            (route.oif, gateway, route.prefsrc.filter(|_| chooses))
        });
        let source = answer.source.filter(|_| chooses);
        let found: Option<Hop> = answer.is_forwarded().then_some((Some(answer.dev), answer.gateway, source));
        if asked != found {
            return Err(io::Error::other(format!(
                "{key}, {way:?}: RTM_GETROUTE says {asked:?}, bpf_fib_lookup {found:?}: no times are given"
            )));
        }
    }
    match keys.len() == netlink.len() && keys.len() == answers.len() {
        true => Ok(()),
        false => Err(io::Error::other("answers are missing: no times are given")),
    }
}

/// What the helper is asked, for `RTM_GETROUTE`; but an output lookup is not bound to the device.
pub fn question<I: Ip>(dst: I, way: Way<I>) -> Resolved<I> {
    let (src, iif) = match way {
        Way::Output { .. } => (I::ZERO, 0),
        Way::Input { dev, from } => (from, dev),
    };
    Resolved {
        dst,
        src,
        iif,
        oif: 0,
        mark: 0,
        uid: 0,
        uid_given: false,
        proto: 17,
        sport: 0,
        dport: 0,
        tos: 0,
        flowlabel: 0,
    }
}
