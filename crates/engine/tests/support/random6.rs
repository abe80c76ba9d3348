//! Random IPv6 configurations and questions.

use std::net::{IpAddr, Ipv6Addr};

use fingerpost_engine::lookup::firewall::{self, Address, Device, Fib, Packet, Rpfilter, Told, Wanted};
use fingerpost_engine::lookup::{Decision6, Flow6, input6, output6, socket6};
use fingerpost_engine::trace::Tracer;
use fingerpost_engine::{Env, Namespace, World};
use fingerpost_model::{
    AddrMsg, Change, IfaFlags, Kernel, NeighMsg, NeighState, NextHopMsg, NexthopMsg, RouteMsg, RouteType,
    RuleAction, RuleFlags, RuleMsg, TableId,
};
use fingerpost_net::{Family, IpPrefix, Rng};

use super::{NS, add, kernel, up, with_link};

/// `2001:db8:A:B::C`.
fn host(a: u16, b: u16, c: u16) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, a, b, 0, 0, 0, c)
}

fn prefix(addr: Ipv6Addr, len: u8) -> Option<IpPrefix> {
    let mask = if len == 0 { 0 } else { u128::MAX << (128 - len) };
    (len != 0).then(|| IpPrefix { addr: Ipv6Addr::from_bits(addr.to_bits() & mask).into(), len })
}

/// A world with two devices, and random addresses, routes, objects and rules.
pub fn random_world(rng: &mut Rng) -> World {
    let mut world = kernel();
    up(&mut world, 1);
    let devices = [with_link(&mut world, "e0"), with_link(&mut world, "e1")];
    for (n, &device) in devices.iter().enumerate() {
        up(&mut world, device);
        for _ in 0..1 + rng.below(3) {
            let addr = host(n as u16, 0, 1 + rng.below(4) as u16).into();
            let mut msg = AddrMsg::new(Family::V6, device);
            (msg.prefix_len, msg.local, msg.address) = (64, Some(addr), Some(addr));
            msg.flags = IfaFlags::NODAD;
            (msg.valid, msg.preferred) = (Some(u32::MAX), Some(if rng.chance(1, 4) { 0 } else { u32::MAX }));
            let _ = add(&mut world, Change::NewAddress(msg));
        }
    }
    let write = |world: &mut World, name: &str, value: u64| {
        world.write_file(NS, &format!("/proc/sys/net/{name}"), &value.to_string()).unwrap();
    };
    write(&mut world, "ipv4/fib_multipath_hash_seed", rng.below(2) * 77);
    write(&mut world, "ipv6/fib_multipath_hash_policy", rng.below(2));
    write(&mut world, "ipv6/conf/all/forwarding", rng.below(2));
    for (n, &device) in devices.iter().enumerate() {
        let msg = NexthopMsg {
            id: 1 + n as u32,
            oif: Some(device),
            gateway: Some(host(n as u16, 0, 9).into()),
            family: Some(Family::V6),
            ..NexthopMsg::default()
        };
        let _ = add(&mut world, Change::NewNexthop(msg));
    }
    for _ in 0..rng.below(16) {
        // Some are refused: that is part of chance.
        let _ = add(&mut world, Change::NewRoute(random_route(rng, &devices)));
    }
    for _ in 0..rng.below(8) {
        let _ = add(&mut world, Change::NewRule(random_rule(rng)));
    }
    for _ in 0..rng.below(3) {
        let n = rng.below(2) as usize;
        let msg = NeighMsg {
            dst: Some(host(n as u16, 0, 8 + rng.below(3) as u16).into()),
            state: NeighState::FAILED,
            ..NeighMsg::new(Family::V6, devices[n])
        };
        let _ = add(&mut world, Change::NewNeighbour(msg));
    }
    world
}

fn random_address(rng: &mut Rng) -> Ipv6Addr {
    match rng.below(12) {
        0 => Ipv6Addr::UNSPECIFIED,
        1 => Ipv6Addr::LOCALHOST,
        2 => Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1),
        3 => Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1 + rng.below(2) as u16),
        _ => host(rng.below(4) as u16, rng.below(2) as u16, rng.below(4) as u16),
    }
}

fn random_route(rng: &mut Rng, devices: &[u32; 2]) -> RouteMsg {
    let kinds = [RouteType::UNREACHABLE, RouteType::BLACKHOLE, RouteType::THROW, RouteType::PROHIBIT];
    let kind = if rng.chance(1, 4) { *rng.pick(&kinds).unwrap() } else { RouteType::UNICAST };
    let n = rng.below(2) as usize;
    let gateway = |n: usize, rng: &mut Rng| IpAddr::V6(host(n as u16, 0, 8 + rng.below(3) as u16));
    let mut msg = RouteMsg {
        dst: prefix(random_address(rng), *rng.pick(&[0, 0, 3, 48, 64, 128]).unwrap()),
        src: if rng.chance(1, 4) {
            prefix(host(n as u16, 0, 1), *rng.pick(&[48, 64, 128]).unwrap())
        } else {
            None
        },
        table: *rng.pick(&[TableId::MAIN, TableId(5), TableId(6)]).unwrap(),
        protocol: 3,
        kind,
        priority: rng.chance(1, 2).then(|| 1 + rng.below(2) as u32),
        pref: rng.chance(1, 4).then(|| *rng.pick(&[0, 1, 3]).unwrap()),
        ..RouteMsg::new(Family::V6)
    };
    match kind {
        RouteType::UNICAST if rng.chance(1, 4) => {
            let leg = |n: usize, rng: &mut Rng| NextHopMsg {
                oif: devices[n],
                gateway: Some(gateway(n, rng)),
                ..NextHopMsg::default()
            };
            msg.multipath = vec![leg(0, rng), leg(1, rng)];
        }
        RouteType::UNICAST if rng.chance(1, 5) => msg.nh_id = Some(1 + n as u32),
        RouteType::UNICAST => {
            msg.oif = Some(devices[n]);
            msg.gateway = rng.chance(2, 3).then(|| gateway(n, rng));
        }
        _ => {}
    }
    msg
}

fn random_rule(rng: &mut Rng) -> RuleMsg {
    let mut msg = RuleMsg {
        priority: Some(1 + rng.below(20) as u32),
        action: RuleAction::TO_TABLE,
        table: *rng.pick(&[TableId(5), TableId(6), TableId::MAIN, TableId(7)]).unwrap(),
        ..RuleMsg::new(Family::V6)
    };
    match rng.below(6) {
        0 => (msg.action, msg.goto, msg.table) = (RuleAction::GOTO, Some(20), TableId::UNSPEC),
        1 => (msg.action, msg.table) = (RuleAction::UNREACHABLE, TableId::UNSPEC),
        2 => msg.suppress_prefixlen = Some(rng.below(2) as i32 * 48),
        _ => {}
    }
    if rng.chance(1, 2) {
        msg.fwmark = Some(rng.below(2) as u32);
    }
    if rng.chance(1, 3) {
        msg.src = prefix(host(rng.below(2) as u16, 0, 0), 48);
        msg.flags = if rng.chance(1, 2) { RuleFlags::FIND_SOURCE } else { RuleFlags(0) };
    }
    if rng.chance(1, 6) {
        (msg.flowlabel, msg.flowlabel_mask) = (Some(1), Some(1));
    }
    msg
}

/// A question: `ip route get`'s, a socket's, about a received packet, or a firewall's.
pub enum Question {
    Asked(Flow6),
    Made(Flow6),
    Received(Flow6),
    Fib(Packet<Ipv6Addr>, Fib),
    Rpfilter(Packet<Ipv6Addr>, Rpfilter),
}

/// A question about few destinations.
pub fn random_question(rng: &mut Rng) -> Question {
    let (dst, other) = (random_address(rng), random_address(rng));
    let src = if rng.chance(1, 2) { Ipv6Addr::UNSPECIFIED } else { other };
    let dev = 2 + rng.below(2) as u32;
    let mark = rng.below(2) as u32;
    let flow =
        Flow6 { src, mark, flowlabel: rng.below(2) as u32, sport: rng.below(3) as u16, ..Flow6::to(dst) };
    let packet = Packet { src: other, dst, iif: dev, oif: dev, mark, dscp: 0, proto: 17 };
    match rng.below(5) {
        0 => Question::Asked(Flow6 { oif: if rng.chance(1, 3) { dev } else { 0 }, ..flow }),
        1 => Question::Made(Flow6 { oif: if rng.chance(1, 3) { dev } else { 0 }, ..flow }),
        2 => Question::Received(Flow6 { iif: dev, has_source: true, ..flow }),
        3 => {
            let fib = Fib {
                address: *rng.pick(&[Address::Source, Address::Destination]).unwrap(),
                mark: rng.chance(1, 2),
                device: *rng.pick(&[None, Some(Device::In)]).unwrap(),
                wanted: *rng.pick(&[Wanted::Device, Wanted::Type]).unwrap(),
            };
            Question::Fib(packet, fib)
        }
        _ => {
            let [loose, mark, accept_local] = [(); 3].map(|()| rng.chance(1, 2));
            Question::Rpfilter(packet, Rpfilter { loose, mark, accept_local })
        }
    }
}

/// A decision, what a firewall is told, or how the lookup failed.
#[derive(Debug, PartialEq)]
pub enum Answer {
    Decided(Box<Decision6>),
    Told(Told),
    Failed(String),
}

/// Asks; the namespace remembers what questions leave behind.
pub fn ask(ns: &mut Namespace, env: Env<'_>, question: &Question, tracer: &mut Tracer<'_>) -> Answer {
    let Namespace { config, state } = ns;
    let decided = match question {
        Question::Asked(flow) => output6::resolve(config, state, env, &mut flow.clone(), tracer),
        Question::Made(flow) => socket6::resolve(config, state, env, &mut flow.clone(), tracer),
        Question::Received(flow) => input6::resolve(config, state, env, &mut flow.clone(), tracer),
        Question::Fib(packet, ask) => {
            return Answer::Told(firewall::fib6(config, state, env, packet, *ask, tracer));
        }
        Question::Rpfilter(packet, ask) => {
            return Answer::Told(firewall::rpfilter6(config, state, env, packet, *ask, tracer));
        }
    };
    decided.map_or_else(
        |errno| Answer::Failed(format!("{errno:?}")),
        |decision| Answer::Decided(Box::new(decision)),
    )
}

/// What the next hops remember, in an order of its own.
pub fn sorted(ns: &Namespace) -> Vec<String> {
    let cache = &ns.state.cache;
    let objects = cache.objects6.iter().map(|entry| format!("{entry:?}"));
    let mut all: Vec<String> = objects.chain(cache.legs6.iter().map(|entry| format!("{entry:?}"))).collect();
    all.sort();
    all
}
