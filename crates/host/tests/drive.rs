//! The codec drives the real kernel: everything is taken away and put back
//! with encoded requests, and the kernel then tells the same as before.
#![cfg(target_os = "linux")]

mod common;

use common::hand::Hand;
use common::{EVERYTHING, WIRE, in_namespace, sh};
use fingerpost_host::{Live, Target};
use fingerpost_model::{
    AddrMsg, Change, Kernel, LinkInfo, LinkMsg, NeighMsg, NexthopMsg, NlFlags, NsId, Refusal, RouteFilter,
    RouteFlags, RouteMsg, RuleMsg, Scope, proto,
};
use fingerpost_net::Errno;

const NS: NsId = NsId(0);

/// What was configured, without what the kernel adds by itself.
#[derive(Debug, Default, PartialEq)]
struct State {
    addresses: Vec<AddrMsg>,
    nexthops: Vec<NexthopMsg>,
    routes: Vec<RouteMsg>,
    rules: Vec<RuleMsg>,
    neighbours: Vec<NeighMsg>,
}

impl State {
    fn read() -> Self {
        let mut live = Live::open(&Target::Current).expect("the current namespace");
        let mut state = State::default();
        live.addresses(NS, None, &mut |m| {
            if m.scope == Scope::UNIVERSE {
                state.addresses.push(AddrMsg { stamps: None, ..m.clone() });
            }
        })
        .expect("addresses");
        live.nexthops(NS, &mut |m| {
            let mut m = NexthopMsg { other: Vec::new(), ..m.clone() };
            if let Some(group) = &mut m.resilient {
                group.unbalanced_time = None;
            }
            state.nexthops.push(m);
        })
        .expect("nexthops");
        live.routes(NS, &RouteFilter::default(), &mut |m| {
            if m.protocol != proto::KERNEL {
                state.routes.push(asked_for(m));
            }
        })
        .expect("routes");
        live.rules(NS, None, &mut |m| {
            if m.protocol != Some(proto::KERNEL) {
                state.rules.push(m.clone());
            }
        })
        .expect("rules");
        live.neighbours(NS, None, false, &mut |m| {
            if m.state.0 & 0x80 != 0 {
                state.neighbours.push(NeighMsg { cacheinfo: None, probes: None, ..m.clone() });
            }
        })
        .expect("neighbours");
        state
    }
}

/// The route as one would ask for it: a nexthop object stands in for its legs.
fn asked_for(m: &RouteMsg) -> RouteMsg {
    let mut m = RouteMsg { cacheinfo: None, other: Vec::new(), ..m.clone() };
    if m.nh_id.is_some() {
        m.multipath.clear();
        (m.oif, m.gateway, m.via) = (None, None, None);
        m.flags = RouteFlags(0);
    }
    m
}

#[test]
fn what_is_taken_away_can_be_put_back() {
    in_namespace("what_is_taken_away_can_be_put_back", || {
        sh(&[WIRE, EVERYTHING].concat());
        let before = State::read();
        assert!(before.routes.len() > 12 && before.rules.len() == 9 && before.nexthops.len() == 6);
        let mut hand = Hand::new();
        before.neighbours.iter().for_each(|m| hand.delete(Change::DelNeighbour(m.clone())));
        before.rules.iter().for_each(|m| hand.delete(Change::DelRule(m.clone())));
        before.routes.iter().for_each(|m| hand.delete(Change::DelRoute(m.clone())));
        for m in before.nexthops.iter().rev() {
            hand.delete(Change::DelNexthop(NexthopMsg { id: m.id, ..NexthopMsg::default() }));
        }
        before.addresses.iter().rev().for_each(|m| hand.delete(Change::DelAddress(m.clone())));
        assert_eq!(State::read(), State::default(), "everything is gone");

        before.addresses.iter().for_each(|m| hand.add(Change::NewAddress(m.clone())));
        for m in &before.nexthops {
            // The kernel finds the scope itself, and refuses to be told.
            hand.add(Change::NewNexthop(NexthopMsg { scope: Scope::UNIVERSE, ..m.clone() }));
        }
        before.routes.iter().for_each(|m| hand.add(Change::NewRoute(m.clone())));
        before.rules.iter().for_each(|m| hand.add(Change::NewRule(m.clone())));
        before.neighbours.iter().for_each(|m| hand.add(Change::NewNeighbour(m.clone())));
        let after = State::read();
        assert_eq!(after.addresses, before.addresses);
        assert_eq!(after.nexthops, before.nexthops);
        assert_eq!(after.routes, before.routes);
        assert_eq!(after.rules, before.rules);
        assert_eq!(after.neighbours, before.neighbours);
    });
}

#[test]
fn devices_are_made_changed_and_deleted() {
    in_namespace("devices_are_made_changed_and_deleted", || {
        let mut hand = Hand::new();
        let named = |name: &str| LinkMsg { name: Some(name.into()), ..LinkMsg::default() };
        let peer = LinkMsg { mtu: Some(1300), address: "02:00:00:00:00:01".parse().ok(), ..named("b") };
        let info = LinkInfo { kind: "veth".into(), peer: Some(Box::new(peer)), ..LinkInfo::default() };
        hand.add(Change::NewLink(LinkMsg { info: Some(info), mtu: Some(1400), ..named("a") }));
        let info = LinkInfo { kind: "bridge".into(), ..LinkInfo::default() };
        hand.add(Change::NewLink(LinkMsg { info: Some(info), ..named("br") }));

        let mut live = Live::open(&Target::Current).expect("the current namespace");
        let link = |live: &mut Live, name: &str| live.get_link(NS, 0, Some(name));
        let (a, b) = (link(&mut live, "a").expect("made"), link(&mut live, "b").expect("made"));
        assert_eq!(
            (a.mtu, b.mtu, b.address.clone()),
            (Some(1400), Some(1300), "02:00:00:00:00:01".parse().ok())
        );
        assert_eq!((a.link, b.link), (Some(b.index), Some(a.index)));

        let up = fingerpost_model::LinkFlags::UP;
        let bridge = link(&mut live, "br").expect("made").index;
        let change =
            LinkMsg { index: a.index, flags: up, change: up, master: Some(bridge), ..LinkMsg::default() };
        hand.apply(NlFlags(0), Change::NewLink(change)).expect("changed");
        let a = link(&mut live, "a").expect("there");
        assert!(a.flags.has(up) && a.master == Some(bridge) && a.bridge_port.is_some());
        assert_eq!(a.info.and_then(|info| info.slave_kind).as_deref(), Some("bridge"));

        hand.delete(Change::DelLink(LinkMsg { index: b.index, ..LinkMsg::default() }));
        assert_eq!(link(&mut live, "a").map_err(|e| e.errno), Err(Errno::ENODEV), "its peer went with it");
    });
}

#[test]
fn refusals_carry_the_kernels_text() {
    in_namespace("refusals_carry_the_kernels_text", || {
        sh(WIRE);
        let mut hand = Hand::new();
        let mut route = RouteMsg::new(fingerpost_net::Family::V4);
        route.dst = "10.50.0.0/16".parse().ok();
        route.gateway = "10.77.0.1".parse().ok();
        route.kind = fingerpost_model::RouteType::UNICAST;
        let refusal =
            hand.apply(NlFlags::CREATE, Change::NewRoute(route)).expect_err("the gateway is nowhere");
        assert_eq!(refusal, Refusal::with(Errno::ENETUNREACH, "Nexthop has invalid gateway"));
    });
}
