//! Decisions survive redaction: the real kernel is asked with the original
//! configuration, then with the redacted one, and answers the same, replaced.
#![cfg(target_os = "linux")]

mod common;

use common::hand::Hand;
use common::{WIRE, in_namespace, sh};
use fingerpost_host::redact::{Key, Redactor};
use fingerpost_host::{Live, Target};
use fingerpost_model::snapshot::Line;
use fingerpost_model::{
    AddrLabelMsg, AddrMsg, Change, Kernel, NsId, Refusal, RouteFilter, RouteMsg, RuleMsg, Scope, proto,
};
use fingerpost_net::{Family, IpPrefix, Rng};

const NS: NsId = NsId(0);

const ROUTES: &str = "
    ip addr add 10.1.0.77/24 dev v0
    ip addr add 84.22.96.9/22 brd + dev v1
    ip addr add 84.22.97.1/32 dev v1
    ip addr add 192.168.5.1/30 brd + dev v0
    ip route add 10.0.0.0/8 via 10.2.0.7
    ip route add 10.1.0.128/25 via 10.2.0.8
    ip route add 84.22.97.0/24 via 192.168.5.2
    ip route add 84.0.0.0/8 via 192.168.5.2 src 10.1.0.77
    ip route add 84.128.0.0/9 via 10.1.0.3
    ip route add blackhole 99.0.0.0/8
    ip route add 99.1.0.0/16 dev v1 scope link
    ip route add throw 172.16.0.0/12
    ip route add 172.16.9.0/24 via 10.1.0.4 table 7
    ip route add default via 10.1.0.254
    ip route add unreachable 84.22.0.0/16 table 8
    ip rule add pref 100 to 172.16.9.77/24 lookup 7
    ip rule add pref 101 from 84.22.96.0/24 lookup 8
    ip rule add pref 102 to 99.1.2.0/24 prohibit
    ip -6 route add 2001:db8:7::/48 via 2001:db8::3 dev v0
    ip -6 route add 2001:db8:7:8::/64 via 2001:db8:2::3 dev v1
    ip -6 route add 2a00:1450::/32 via 2001:db8:2::4 dev v1
    ip -6 route add unreachable 2a00:1450:4000::/36
    ip -6 addr add fd00:1:2::1/64 dev v0 nodad
    ip -6 route add fd00::/8 via fd00:1:2::9 dev v0
    ip -6 addr add 2001:10:7::1/64 dev v1 nodad
    ip -6 addr add 2001:db8:5::1/64 dev v0 nodad preferred_lft 0
    ip -6 route add 3ffe::/16 via 2001:db8::9 dev v0
    ip -6 route add 2001:10::/28 via 2001:db8::9 dev v0
    ip -6 rule add pref 103 from 2001:db8:2::/64 lookup 9
    ip -6 route add 2a00::/16 via 2001:db8:2::8 dev v1 table 9
    ip addrlabel add prefix 2a00:1450::/32 label 50
    ip addrlabel add prefix fd00:1:2::/48 label 50
    ip addrlabel add prefix 2001:db8:7:8::/64 dev v1 label 5
";

struct Configuration {
    addresses: Vec<AddrMsg>,
    routes: Vec<RouteMsg>,
    rules: Vec<RuleMsg>,
    labels: Vec<AddrLabelMsg>,
}

fn read(live: &mut Live) -> Configuration {
    let mut c =
        Configuration { addresses: Vec::new(), routes: Vec::new(), rules: Vec::new(), labels: Vec::new() };
    let global = |m: &AddrMsg| m.scope == Scope::UNIVERSE;
    live.addresses(NS, None, &mut |m| {
        c.addresses.extend(global(m).then(|| AddrMsg { stamps: None, ..m.clone() }))
    })
    .expect("addresses");
    let ours = |m: &RouteMsg| m.protocol != proto::KERNEL;
    live.routes(NS, &RouteFilter::default(), &mut |m| {
        c.routes.extend(ours(m).then(|| RouteMsg { cacheinfo: None, ..m.clone() }));
    })
    .expect("routes");
    let ours = |m: &RuleMsg| m.protocol != Some(proto::KERNEL);
    live.rules(NS, None, &mut |m| c.rules.extend(ours(m).then(|| m.clone()))).expect("rules");
    live.address_labels(NS, &mut |m| c.labels.push(m.clone())).expect("labels");
    c
}

/// Waits until the kernel has made the local routes of IPv6 addresses, which it does a little later.
fn settle(live: &mut Live) {
    for _ in 0..500 {
        let (mut addresses, mut routes) = (Vec::new(), Vec::new());
        live.addresses(NS, Some(Family::V6), &mut |m| addresses.extend(m.address)).expect("addresses");
        let local = RouteFilter { family: Some(Family::V6), kind: Some(2), ..RouteFilter::default() };
        live.routes(NS, &local, &mut |m| routes.extend(m.dst.map(|dst| dst.addr))).expect("routes");
        if addresses.iter().all(|addr| routes.contains(addr)) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("some IPv6 address got no local route in five seconds");
}

/// Addresses around the edges of what is configured, and by chance.
fn questions(c: &Configuration, devices: &[u32]) -> Vec<RouteMsg> {
    let mut rng = Rng::new(5);
    let mut near: Vec<IpPrefix> = c.routes.iter().filter_map(|m| m.dst).collect();
    near.extend(c.addresses.iter().filter_map(|m| Some(IpPrefix { addr: m.address?, len: m.prefix_len })));
    near.extend(c.rules.iter().flat_map(|m| [m.src, m.dst]).flatten());
    let mut targets = Vec::new();
    for prefix in near {
        let width = u32::from(prefix.family().width());
        let (key, shift) = match prefix.addr {
            std::net::IpAddr::V4(addr) => (u128::from(addr.to_bits()), 96),
            std::net::IpAddr::V6(addr) => (addr.to_bits(), 0),
        };
        let host = u128::MAX.checked_shr(shift + u32::from(prefix.len)).unwrap_or(0);
        let random = u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64());
        let all = u128::MAX >> shift;
        for to in
            [key & !host, key | host, key, key ^ 1, (key | host).wrapping_add(1), key & !host | random & host]
        {
            targets.push(match width {
                32 => std::net::Ipv4Addr::from_bits((to & all) as u32).into(),
                _ => std::net::IpAddr::from(std::net::Ipv6Addr::from_bits(to)),
            });
        }
    }
    let mut all = Vec::new();
    for &to in &targets {
        let mut question = RouteMsg::new(Family::of(to));
        question.dst = Some(IpPrefix::host(to));
        all.push(question.clone());
        // From somewhere, through one of the devices.
        if let Some(&from) = rng.pick(&targets).filter(|&&from| Family::of(from) == Family::of(to)) {
            question.src = Some(IpPrefix::host(from));
            all.push(question.clone());
            question.iif = rng.pick(devices).copied();
            all.push(question);
        }
    }
    all
}

/// What counts of an answer: all but times.
fn answers(live: &mut Live, questions: &[RouteMsg]) -> Vec<Result<RouteMsg, Refusal>> {
    let answers = live.route_get_all(questions).expect("the socket works");
    answers
        .into_iter()
        .map(|answer| answer.map(|m| RouteMsg { cacheinfo: None, other: Vec::new(), ..m }))
        .collect()
}

fn decisions_survive(seed: u64) {
    let mut live = Live::open(&Target::Current).expect("the current namespace");
    settle(&mut live);
    let c = read(&mut live);
    let devices: Vec<u32> =
        ["v0", "v1"].map(|name| live.get_link(NS, 0, Some(name)).expect("made").index).into();
    let questions = questions(&c, &devices);
    let before = answers(&mut live, &questions);

    let mut redactor = Redactor::new(Key::from_seed(seed));
    c.addresses.iter().for_each(|m| redactor.learn(&Line::Address(m.clone())));
    let address = |m: &AddrMsg| match redactor.line(Line::Address(m.clone())) {
        Some(Line::Address(m)) => m,
        other => panic!("{other:?}"),
    };
    let route = |m: &RouteMsg| match redactor.line(Line::Route(m.clone())) {
        Some(Line::Route(m)) => m,
        other => panic!("{other:?}"),
    };
    let rule = |m: &RuleMsg| match redactor.line(Line::Rule(m.clone())) {
        Some(Line::Rule(m)) => m,
        other => panic!("{other:?}"),
    };

    let label = |m: &AddrLabelMsg| match redactor.line(Line::AddressLabel(m.clone())) {
        Some(Line::AddressLabel(m)) => m,
        other => panic!("{other:?}"),
    };

    let mut hand = Hand::new();
    c.labels.iter().for_each(|m| hand.delete(Change::DelAddrLabel(m.clone())));
    c.labels.iter().for_each(|m| hand.add(Change::NewAddrLabel(label(m))));
    c.rules.iter().for_each(|m| hand.delete(Change::DelRule(m.clone())));
    c.routes.iter().for_each(|m| hand.delete(Change::DelRoute(m.clone())));
    c.addresses.iter().rev().for_each(|m| hand.delete(Change::DelAddress(m.clone())));
    c.addresses.iter().for_each(|m| hand.add(Change::NewAddress(address(m))));
    // Routes through a gateway need the routes to it: those on a link come first.
    let on_link = |m: &&RouteMsg| m.gateway.is_none();
    for m in c.routes.iter().filter(on_link).chain(c.routes.iter().filter(|m| !on_link(m))) {
        hand.add(Change::NewRoute(route(m)));
    }
    c.rules.iter().for_each(|m| hand.add(Change::NewRule(rule(m))));

    let replaced: Vec<RouteMsg> = questions.iter().map(route).collect();
    let changed = questions.iter().zip(&replaced).filter(|(from, to)| from.dst != to.dst).count();
    assert!(changed > questions.len() / 2, "{changed} of {} addresses were replaced", questions.len());
    settle(&mut live);
    let after = answers(&mut live, &replaced);
    let mut good = 0;
    for ((question, before), after) in questions.iter().zip(&before).zip(&after) {
        good += usize::from(before.is_ok());
        assert_eq!(&before.clone().map(|m| route(&m)), after, "seed {seed}, {question:?}");
    }
    assert!(good > 100 && good < questions.len(), "{good} of {} were answered", questions.len());
}

#[test]
fn decisions_survive_redaction() {
    in_namespace("decisions_survive_redaction", || {
        sh(&[WIRE, ROUTES, "echo 1 > /proc/sys/net/ipv4/ip_forward"].concat());
        // Each round redacts what the one before has left.
        (1..6).for_each(decisions_survive);
    });
}
