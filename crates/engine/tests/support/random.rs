//! Random configurations and questions.

use std::net::{IpAddr, Ipv4Addr};

use fingerpost_engine::config::Search;
use fingerpost_engine::lookup::hash::Asker;
use fingerpost_engine::lookup::input4::{self, Received};
use fingerpost_engine::lookup::{Decision, Flow4, output4};
use fingerpost_engine::trace::Tracer;
use fingerpost_engine::{Env, Namespace, World};
use fingerpost_model::{
    Change, Kernel, NextHopMsg, PortRange, RouteMsg, RouteType, RuleAction, RuleMsg, Scope, TableId,
};
use fingerpost_net::{Errno, Family, IpPrefix, Rng};

use super::{NS, add, address, kernel, up, with_link};

/// A world with two devices and random routes and rules.
pub fn random_world(rng: &mut Rng, search: Search) -> World {
    let mut world = kernel();
    world.set_search(search);
    up(&mut world, 1);
    let devices = [with_link(&mut world, "e0"), with_link(&mut world, "e1")];
    for (n, &device) in devices.iter().enumerate() {
        up(&mut world, device);
        address(&mut world, device, &format!("10.{n}.0.1"));
    }
    let write = |world: &mut World, name: &str, value: u64| {
        world.write_file(NS, &format!("/proc/sys/net/ipv4/{name}"), &value.to_string()).unwrap();
    };
    write(&mut world, "fib_multipath_hash_seed", rng.below(2) * 77);
    write(&mut world, "fib_multipath_hash_policy", rng.below(2));
    write(&mut world, "conf/all/forwarding", 1 - rng.below(4) / 3);
    write(&mut world, "conf/e0/rp_filter", rng.below(3));
    write(&mut world, "conf/e0/src_valid_mark", rng.below(2));
    write(&mut world, "conf/e0/accept_local", rng.below(4) / 3);
    for _ in 0..rng.below(12) {
        // Some are refused: that is part of chance.
        let _ = add(&mut world, Change::NewRoute(random_route(rng, &devices)));
    }
    for _ in 0..rng.below(8) {
        let _ = add(&mut world, Change::NewRule(random_rule(rng)));
    }
    world
}

fn random_destination(rng: &mut Rng) -> Ipv4Addr {
    let first = *rng.pick(&[10, 20, 20, 20, 30, 127, 224, 239, 255, 0]).unwrap();
    match first {
        255 => Ipv4Addr::BROADCAST,
        _ => Ipv4Addr::new(first, rng.below(2) as u8, 0, *rng.pick(&[0, 1, 2, 255]).unwrap()),
    }
}

/// A route to few destinations, through one of two devices or to none.
pub fn random_route(rng: &mut Rng, devices: &[u32; 2]) -> RouteMsg {
    let kinds = [RouteType::UNREACHABLE, RouteType::BLACKHOLE, RouteType::THROW, RouteType::LOCAL];
    let kind = if rng.chance(1, 4) { *rng.pick(&kinds).unwrap() } else { RouteType::UNICAST };
    let dst = random_destination(rng);
    let len = *rng.pick(&[0, 1, 8, 16, 32]).unwrap();
    let masked = if len == 0 { 0 } else { dst.to_bits() & (u32::MAX << (32 - len)) };
    let gateway = |n: usize, rng: &mut Rng| IpAddr::V4(Ipv4Addr::new(10, n as u8, 0, 2 + rng.below(3) as u8));
    let mut msg = RouteMsg {
        dst: (len != 0).then(|| IpPrefix { addr: IpAddr::V4(Ipv4Addr::from_bits(masked)), len: len as u8 }),
        table: *rng.pick(&[TableId::MAIN, TableId(5), TableId(6)]).unwrap(),
        protocol: 3,
        kind,
        tos: if rng.chance(1, 8) { 0x10 } else { 0 },
        priority: rng.chance(1, 2).then(|| rng.below(2) as u32),
        realms: rng.chance(1, 8).then_some(0x0001_0002),
        ..RouteMsg::new(Family::V4)
    };
    match kind {
        RouteType::UNICAST if rng.chance(1, 3) => {
            msg.multipath = (0..2)
                .map(|n| NextHopMsg { gateway: Some(gateway(n, rng)), ..NextHopMsg::default() })
                .collect();
        }
        RouteType::UNICAST if rng.chance(1, 2) => msg.gateway = Some(gateway(rng.below(2) as usize, rng)),
        RouteType::UNICAST => (msg.oif, msg.scope) = (rng.pick(devices).copied(), Scope::LINK),
        RouteType::LOCAL => (msg.oif, msg.scope) = (Some(1), Scope::HOST),
        _ => {}
    }
    msg
}

/// A rule that leads to a table, elsewhere or nowhere.
pub fn random_rule(rng: &mut Rng) -> RuleMsg {
    let mut msg = RuleMsg {
        priority: Some(1 + rng.below(20) as u32),
        action: RuleAction::TO_TABLE,
        table: *rng.pick(&[TableId(5), TableId(6), TableId::MAIN, TableId(7)]).unwrap(),
        ..RuleMsg::new(Family::V4)
    };
    match rng.below(6) {
        0 => (msg.action, msg.goto, msg.table) = (RuleAction::GOTO, Some(20), TableId::UNSPEC),
        1 => (msg.action, msg.table) = (RuleAction::UNREACHABLE, TableId::UNSPEC),
        2 => msg.suppress_prefixlen = Some(rng.below(2) as i32 * 8),
        _ => {}
    }
    if rng.chance(1, 2) {
        msg.fwmark = Some(rng.below(2) as u32);
    }
    if rng.chance(1, 3) {
        msg.dst = Some(IpPrefix { addr: IpAddr::V4(Ipv4Addr::new(20, 0, 0, 0)), len: 9 });
    }
    if rng.chance(1, 5) {
        msg.dport = Some(PortRange { start: 80, end: 80 });
    }
    msg
}

/// A question: received on a device, or made here.
pub enum Question {
    Made(Flow4),
    Received(Received),
}

/// A question about few destinations.
pub fn random_question(rng: &mut Rng) -> Question {
    let dst = random_destination(rng);
    let mark = rng.below(2) as u32;
    let (proto, sport, dport) = (17, rng.below(3) as u16, 79 + rng.below(3) as u16);
    if rng.chance(1, 2) {
        let src = if rng.chance(1, 2) { Ipv4Addr::UNSPECIFIED } else { Ipv4Addr::new(10, 0, 0, 1) };
        let oif = if rng.chance(1, 4) { 2 + rng.below(2) as u32 } else { 0 };
        Question::Made(Flow4 { src, oif, mark, proto, sport, dport, ..Flow4::to(dst) })
    } else {
        let src = random_destination(rng);
        let dev = 2 + rng.below(2) as u32;
        Question::Received(Received {
            dst,
            src,
            dev,
            mark,
            tos: rng.below(2) as u8 * 16,
            proto,
            sport,
            dport,
            pseudo: false,
            quoted: None,
            header_dst: None,
            inside: None,
        })
    }
}

/// A decision, or how the lookup failed.
pub type Answer = Result<Decision, String>;

/// Asks; the namespace remembers what questions leave behind.
pub fn ask(ns: &mut Namespace, env: Env<'_>, question: &Question, tracer: &mut Tracer<'_>) -> Answer {
    let Namespace { config, state } = ns;
    match question {
        Question::Made(flow) => {
            output4::resolve(config, state, env, &mut flow.clone(), Asker::Socket, tracer)
                .map_err(|errno: Errno| format!("{errno:?}"))
        }
        Question::Received(packet) => {
            input4::resolve(config, state, env, packet, tracer).map_err(|reason| format!("{reason:?}"))
        }
    }
}

/// What the next hops remember, in an order of its own.
pub fn sorted(ns: &Namespace) -> (Vec<String>, Vec<String>) {
    let lines = |map: Vec<String>| {
        let mut map = map;
        map.sort();
        map
    };
    let cache = &ns.state.cache;
    (
        lines(cache.output.iter().map(|entry| format!("{entry:?}")).collect()),
        lines(cache.input.iter().map(|entry| format!("{entry:?}")).collect()),
    )
}
